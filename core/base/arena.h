/*
 * arena: memory for the length of one request, given back all at once.
 *
 * Failure rule: no function here returns NULL. Running out of memory ends the process. Reaching the
 * arena's cap is an ordinary error: allocation goes on (each single step is bounded by its own
 * input), a sticky flag is raised, and whoever loops over input or items asks arena_overflowed().
 * Ownership: everything allocated belongs to the arena. An arena belongs to one thread at a time.
 */
#ifndef EASEL_BASE_ARENA_H
#define EASEL_BASE_ARENA_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

struct arena;

/* A point to roll back to: everything allocated after it is given back at once. */
struct arena_mark {
	void *block;
	size_t used;
	size_t total;
};

/* A new arena that reports overflow past cap bytes (> 0). Release with arena_free(). */
struct arena *arena_new(size_t cap);

/* The same, but every block is overwritten before it is released: for credentials. */
struct arena *arena_new_secret(size_t cap);

/* n zeroed bytes, aligned for any type. n may be 0; the result is never NULL. */
void *arena_alloc(struct arena *a, size_t n);

/* n zeroed elements of the given size; an overflowing product ends the process. */
void *arena_array(struct arena *a, size_t n, size_t size);

/*
 * Room for one more behind the n elements (of size bytes) of an array that the arena holds: v, or a
 * copy twice as long. *room is how many fit, `first` (> 0) how many fit at first, when it is 0.
 */
void *arena_grow(struct arena *a, void *v, size_t n, size_t *room, size_t first, size_t size);

/* A copy of n bytes with a NUL after them. p may be NULL when n is 0. */
char *arena_dup(struct arena *a, const void *p, size_t n);

/* A NUL-terminated copy; NULL gives "". */
char *arena_strdup(struct arena *a, const char *s);

/* A formatted string. */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));

/* Whether more than the cap was asked for since the last reset or release below it. */
bool arena_overflowed(const struct arena *a);

/* Bytes handed out now. */
size_t arena_used(const struct arena *a);

struct arena_mark arena_mark(const struct arena *a);
void arena_release(struct arena *a, struct arena_mark mark);

/* Gives everything back but one small block, for the next request. */
void arena_reset(struct arena *a);

/* Releases the arena and sets the pointer to NULL. NULL and a pointer to NULL are accepted. */
void arena_free(struct arena **a);

/* malloc, calloc, realloc that end the process instead of returning NULL. */
void *base_malloc(size_t n);
void *base_calloc(size_t n, size_t size);
void *base_realloc(void *p, size_t n);

#endif
