/* arena: memory for the length of one request. See arena.h for the contract. */
#include "core/base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 16 * 1024, ALIGN = 16 };

struct block {
	struct block *prev;
	size_t size, used;
	_Alignas(ALIGN) unsigned char data[];
};

struct arena {
	struct block *top;
	size_t cap, total;
	bool secret;
};

static void die_out_of_memory(void)
{
	fputs("easel: out of memory\n", stderr);
	abort();
}

void *base_malloc(size_t n)
{
	void *p = malloc(n ? n : 1);
	if (!p)
		die_out_of_memory();
	return p;
}

void *base_calloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);
	if (!p)
		die_out_of_memory();
	return p;
}

void *base_realloc(void *p, size_t n)
{
	void *q = realloc(p, n ? n : 1);
	if (!q)
		die_out_of_memory();
	return q;
}

static struct block *block_new(struct block *prev, size_t size)
{
	if (size > SIZE_MAX - sizeof(struct block))
		die_out_of_memory();
	struct block *b = base_malloc(sizeof *b + size);
	b->prev = prev;
	b->size = size;
	b->used = 0;
	return b;
}

static void block_drop(struct arena *a)
{
	struct block *b = a->top;
	a->top = b->prev;
	if (a->secret)
		explicit_bzero(b->data, b->used);
	free(b);
}

struct arena *arena_new(size_t cap)
{
	struct arena *a = base_calloc(1, sizeof *a);
	a->cap = cap;
	a->top = block_new(NULL, FIRST_BLOCK);
	return a;
}

struct arena *arena_new_secret(size_t cap)
{
	struct arena *a = arena_new(cap);
	a->secret = true;
	return a;
}

void *arena_alloc(struct arena *a, size_t n)
{
	if (n > SIZE_MAX - ALIGN)
		die_out_of_memory();
	n = (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
	if (a->top->size - a->top->used < n) {
		size_t size = a->top->size * 2;
		if (size > 1024 * 1024)
			size = 1024 * 1024;
		a->top = block_new(a->top, size < n ? n : size);
	}
	void *p = a->top->data + a->top->used;
	a->top->used += n;
	a->total += n;
	memset(p, 0, n);
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t total;
	if (__builtin_mul_overflow(n, size, &total))
		die_out_of_memory();
	return arena_alloc(a, total);
}

void *arena_grow(struct arena *a, void *v, size_t n, size_t *room, size_t first, size_t size)
{
	if (n < *room)
		return v;
	*room = *room ? 2 * *room : first;
	void *longer = arena_array(a, *room, size);
	if (n)
		memcpy(longer, v, n * size);
	return longer;
}

char *arena_dup(struct arena *a, const void *p, size_t n)
{
	char *copy = arena_alloc(a, n + 1);
	if (n)
		memcpy(copy, p, n);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return s ? arena_dup(a, s, strlen(s)) : arena_alloc(a, 1);
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(NULL, 0, fmt, ap);
	char *s = arena_alloc(a, n < 0 ? 1 : (size_t)n + 1);
	if (n > 0)
		vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

bool arena_overflowed(const struct arena *a)
{
	return a->total > a->cap;
}

size_t arena_used(const struct arena *a)
{
	return a->total;
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){.block = a->top, .used = a->top->used, .total = a->total};
}

void arena_release(struct arena *a, struct arena_mark mark)
{
	while (a->top != mark.block)
		block_drop(a);
	if (a->secret)
		explicit_bzero(a->top->data + mark.used, a->top->used - mark.used);
	a->top->used = mark.used;
	a->total = mark.total;
}

void arena_reset(struct arena *a)
{
	while (a->top->prev)
		block_drop(a);
	arena_release(a, (struct arena_mark){.block = a->top, .used = 0, .total = 0});
}

void arena_free(struct arena **a)
{
	if (!a || !*a)
		return;
	while ((*a)->top)
		block_drop(*a);
	free(*a);
	*a = NULL;
}
