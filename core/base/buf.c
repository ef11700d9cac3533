/* buf: a growing run of bytes with a limit. See buf.h for the contract. */
#include "core/base/buf.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"

char *buf_room(struct buf *b, size_t n)
{
	size_t limit = b->limit ? b->limit : SIZE_MAX / 2;
	if (b->failed || n > limit || b->n > limit - n) {
		b->failed = true;
		return NULL;
	}
	if (b->size - b->n <= n) {
		size_t size = b->size ? b->size : 256;
		while (size - b->n <= n)
			size *= 2;
		b->p = base_realloc(b->p, size);
		b->size = size;
	}
	return b->p + b->n;
}

void buf_added(struct buf *b, size_t n)
{
	b->n += n;
	b->p[b->n] = '\0';
}

void buf_put(struct buf *b, const void *p, size_t n)
{
	char *room = buf_room(b, n);
	if (!room)
		return;
	if (n)
		memcpy(room, p, n);
	buf_added(b, n);
}

void buf_byte(struct buf *b, unsigned char c)
{
	buf_put(b, &c, 1);
}

void buf_str(struct buf *b, struct str s)
{
	buf_put(b, s.p, s.n);
}

void buf_cstr(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *room = n < 0 ? NULL : buf_room(b, (size_t)n);
	if (room) {
		vsnprintf(room, (size_t)n + 1, fmt, again);
		buf_added(b, (size_t)n);
	}
	va_end(again);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vprintf(b, fmt, ap);
	va_end(ap);
}

void buf_cut(struct buf *b, size_t n)
{
	b->n = n;
	b->failed = false;
	if (b->p)
		b->p[n] = '\0';
}

struct str buf_get(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

struct str buf_move(struct arena *a, struct buf *b)
{
	struct str copy = {arena_dup(a, b->p, b->n), b->n};
	buf_free(b);
	return copy;
}

void buf_free(struct buf *b)
{
	free(b->p);
	*b = (struct buf){.limit = b->limit};
}
