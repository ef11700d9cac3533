/*
 * buf: a growing run of bytes with a limit, written by appending.
 *
 * Failure rule: put calls return nothing. Past the limit nothing more is written and `failed` stays
 * set, to be looked at once, at the end. The memory is the buf's own until buf_free().
 * Thread: one at a time.
 */
#ifndef EASEL_BASE_BUF_H
#define EASEL_BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

struct arena;

struct buf {
	char *p;      /* always NUL-terminated once something was put */
	size_t n;     /* bytes written, without that NUL */
	size_t size;  /* bytes allocated */
	size_t limit; /* most bytes that n may reach; 0 means SIZE_MAX / 2 */
	bool failed;  /* the limit was reached; sticky */
};

void buf_put(struct buf *b, const void *p, size_t n);
void buf_byte(struct buf *b, unsigned char c);
void buf_str(struct buf *b, struct str s);
void buf_cstr(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/*
 * Room for n more bytes to be filled by the caller, who then calls buf_added(); NULL when the limit
 * would be passed (failed is set).
 */
char *buf_room(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);

/* Cuts back to n bytes (n <= b->n) and clears `failed`. */
void buf_cut(struct buf *b, size_t n);

/* What was written so far; valid until the next put. */
struct str buf_get(const struct buf *b);

/* A copy in the arena, with a NUL behind it; the buf is released as by buf_free(). */
struct str buf_move(struct arena *a, struct buf *b);

/* Releases the memory; the buf is empty and usable again with the same limit. */
void buf_free(struct buf *b);

#endif
