/*
 * uidset: a set of positive numbers as few ascending ranges, written as PostgreSQL's
 * int8multirange.
 *
 * Ownership: the ranges lie in the arena that was given when the set was made or first written to.
 * Cost: a look-up is a binary search; adding at the end is constant; adding or taking elsewhere
 * moves the ranges behind it. Thread: one at a time.
 */
#ifndef EASEL_BASE_UIDSET_H
#define EASEL_BASE_UIDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;

struct uid_range {
	int64_t from, to; /* from <= uid < to */
};

struct uidset {
	struct arena *arena;
	struct uid_range *v; /* ascending, neither overlapping nor touching */
	size_t n, size;
};

/* An empty set. */
struct uidset uidset_new(struct arena *a);

/* Reads '{[1,5),[7,9)}'. False with ERR_INTERNAL on anything that PostgreSQL does not write. */
bool uidset_parse(struct arena *a, struct str text, struct uidset *out, struct err *e);

/* The text form, in the set's arena. */
struct str uidset_text(const struct uidset *s);

bool uidset_empty(const struct uidset *s);
bool uidset_has(const struct uidset *s, int64_t uid);
void uidset_add(struct uidset *s, int64_t uid);
void uidset_add_range(struct uidset *s, int64_t from, int64_t to);
void uidset_take(struct uidset *s, int64_t uid);

/* All of `other` into, or out of, s. */
void uidset_add_all(struct uidset *s, const struct uidset *other);
void uidset_take_all(struct uidset *s, const struct uidset *other);

/* A copy whose memory is in arena a. */
struct uidset uidset_copy(struct arena *a, const struct uidset *s);

/* How many numbers; at most INT64_MAX. */
int64_t uidset_count(const struct uidset *s);

/* The lowest number >= at; false when there is none. */
bool uidset_next(const struct uidset *s, int64_t at, int64_t *out);

#endif
