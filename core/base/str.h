/*
 * str: a run of bytes that someone else owns, and what is done with such runs.
 *
 * A struct str never owns its bytes and need not end in NUL. Every function is pure; those that
 * build something take the arena it is built in. Thread: any.
 */
#ifndef EASEL_BASE_STR_H
#define EASEL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct arena;

struct str {
	const char *p;
	size_t n;
};

/* A string literal as a struct str; STR_INIT is the same for static initializers. */
#define STR(lit) ((struct str){(lit), sizeof(lit) - 1})
#define STR_INIT(lit)                                                                              \
	{                                                                                          \
		(lit), sizeof(lit) - 1                                                             \
	}

/* printf("%.*s", STR_ARG(s)) */
#define STR_ARG(s) (int)(s).n, (s).p ? (s).p : ""

/* NULL gives the empty run. */
struct str str_of(const char *s);

bool str_eq(struct str a, struct str b);
bool str_eq_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_starts(struct str s, struct str prefix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends_nocase(struct str s, struct str suffix);

/* Position of the byte c, or -1. */
ptrdiff_t str_find_byte(struct str s, char c);

/* Position of the first occurrence of needle, or -1. */
ptrdiff_t str_find(struct str s, struct str needle);

/* The run from byte `from` on, at most n bytes; both are clamped to what there is. */
struct str str_sub(struct str s, size_t from, size_t n);

/* Without ASCII blanks, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);

/*
 * Takes the next token off *rest, up to the separator (which is dropped). False when *rest is
 * exhausted. An empty token between two separators is returned as such.
 */
bool str_next(struct str *rest, char sep, struct str *token);

/* The whole run as a decimal number; false on anything else, blanks and overflow included. */
bool str_to_i64(struct str s, int64_t *out);
bool str_to_u64(struct str s, uint64_t *out);

/* NUL-terminated copy. */
char *str_dup(struct arena *a, struct str s);

/* A copy with ASCII letters in lower case. */
struct str str_lower(struct arena *a, struct str s);

#endif
