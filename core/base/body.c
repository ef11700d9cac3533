/* body: the content of an answer, bytes and references. See body.h for the contract. */
#include "core/base/body.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/text.h"

enum { PIECE = 64 * 1024 };

void body_add_source(struct body *b, struct source *s)
{
	/* The room doubles whenever the number of references reaches a power of two. */
	if ((b->nrefs & (b->nrefs - 1)) == 0)
		b->refs = base_realloc(b->refs, (b->nrefs ? 2 * b->nrefs : 1) * sizeof *b->refs);
	b->refs[b->nrefs++] = (struct body_ref){.at = b->mem.n, .source = s};
	b->referenced += s->length;
}

uint64_t body_length(const struct body *b)
{
	return b->mem.n + b->referenced;
}

struct body_mark body_mark(const struct body *b)
{
	return (struct body_mark){.mem = b->mem.n, .nrefs = b->nrefs, .failed = b->mem.failed};
}

void body_cut(struct body *b, struct body_mark mark)
{
	while (b->nrefs > mark.nrefs) {
		struct source *s = b->refs[--b->nrefs].source;
		b->referenced -= s->length;
		s->close(s);
	}
	buf_cut(&b->mem, mark.mem);
	b->mem.failed = mark.failed;
}

typedef bool body_write(void *ctx, const char *p, size_t n);

/*
 * Sends exactly s->length bytes. Its length is already promised to the peer, so a source of another
 * length can't be put right any more.
 */
static bool send_source(struct source *s, char *piece, body_write *write, void *ctx, struct err *e)
{
	uint64_t sent = 0;
	for (;;) {
		size_t got = 0;
		if (!s->read(s, piece, PIECE, &got, e))
			return false;
		if (got > PIECE || got > s->length - sent || (got == 0 && sent < s->length))
			return err_set(e, ERR_INTERNAL, "a source of %llu bytes gave %s",
				       (unsigned long long)s->length, got ? "more" : "less");
		if (got == 0)
			return true;
		if (!write(ctx, piece, got))
			return err_set(e, ERR_UNAVAILABLE, "the answer could not be written");
		sent += got;
	}
}

static bool send_mem(const struct body *b, size_t from, size_t to, body_write *write, void *ctx,
		     struct err *e)
{
	if (to > from && !write(ctx, b->mem.p + from, to - from))
		return err_set(e, ERR_UNAVAILABLE, "the answer could not be written");
	return true;
}

bool body_send(struct body *b, bool (*write)(void *ctx, const char *p, size_t n), void *ctx,
	       struct err *e)
{
	char *piece = b->nrefs ? base_malloc(PIECE) : NULL;
	size_t at = 0;
	bool ok = true;
	for (size_t i = 0; ok && i < b->nrefs; i++) {
		ok = send_mem(b, at, b->refs[i].at, write, ctx, e) &&
		     send_source(b->refs[i].source, piece, write, ctx, e);
		at = b->refs[i].at;
	}
	ok = ok && send_mem(b, at, b->mem.n, write, ctx, e);
	free(piece);
	return ok;
}

void body_free(struct body *b)
{
	body_cut(b, (struct body_mark){.mem = 0});
	free(b->refs);
	b->refs = NULL;
	buf_free(&b->mem);
}

/* ---- Base64 of another source ---- */

enum { GROUPS = 4096 }; /* groups of three bytes that are encoded at a time */

struct base64_source {
	struct source base;
	struct source *inner;
	uint64_t taken; /* bytes read from inner */
	size_t at, n;	/* what of `out` is still to be given */
	char in[3 * GROUPS];
	char out[4 * GROUPS];
};

/* Encodes the next run of inner's bytes; n stays 0 at the end. */
static bool base64_fill(struct base64_source *b, struct err *e)
{
	size_t n = 0, got = 1;
	while (n < sizeof b->in && got) {
		got = 0;
		if (!b->inner->read(b->inner, b->in + n, sizeof b->in - n, &got, e))
			return false;
		n += got;
	}
	b->taken += n;
	/* A byte too few can hide in the padding, where the length of the base64 does not show it.
	 */
	if (!got && b->taken != b->inner->length)
		return err_set(e, ERR_INTERNAL, "a source of %llu bytes gave %llu",
			       (unsigned long long)b->inner->length, (unsigned long long)b->taken);
	b->at = 0;
	b->n = text_base64_write(b->out, (struct str){b->in, n});
	return true;
}

static bool base64_read(struct source *s, char *out, size_t n, size_t *got, struct err *e)
{
	struct base64_source *b = (struct base64_source *)s;
	if (b->at == b->n && !base64_fill(b, e))
		return false;
	*got = b->n - b->at < n ? b->n - b->at : n;
	memcpy(out, b->out + b->at, *got);
	b->at += *got;
	return true;
}

static void base64_close(struct source *s)
{
	struct base64_source *b = (struct base64_source *)s;
	b->inner->close(b->inner);
	free(b);
}

struct source *source_base64(struct source *inner)
{
	struct base64_source *b = base_malloc(sizeof *b);
	b->base = (struct source){.length = inner->length / 3 * 4 + (inner->length % 3 ? 4 : 0),
				  .read = base64_read,
				  .close = base64_close};
	b->inner = inner;
	b->taken = 0;
	b->at = b->n = 0;
	return &b->base;
}

/* ---- Bytes in memory ---- */

struct bytes_source {
	struct source base;
	size_t at;
	char bytes[];
};

static bool bytes_read(struct source *s, char *out, size_t n, size_t *got, struct err *e)
{
	(void)e;
	struct bytes_source *b = (struct bytes_source *)s;
	size_t left = (size_t)s->length - b->at;
	*got = left < n ? left : n;
	memcpy(out, b->bytes + b->at, *got);
	b->at += *got;
	return true;
}

static void bytes_close(struct source *s)
{
	free(s);
}

struct source *source_bytes(const void *p, size_t n)
{
	struct bytes_source *b = base_malloc(sizeof *b + n);
	b->base = (struct source){.length = n, .read = bytes_read, .close = bytes_close};
	b->at = 0;
	if (n)
		memcpy(b->bytes, p, n);
	return &b->base;
}

/* ---- A range of another source ---- */

struct range_source {
	struct source source;
	struct source *inner;
	uint64_t skip; /* bytes still to pass over */
	uint64_t left; /* bytes still to give */
};

static bool range_read(struct source *s, char *out, size_t n, size_t *got, struct err *e)
{
	struct range_source *r = (struct range_source *)s;
	while (r->skip > 0) {
		size_t want = n < r->skip ? n : (size_t)r->skip;
		if (!r->inner->read(r->inner, out, want, got, e))
			return false;
		if (*got == 0)
			return true;
		r->skip -= *got;
	}
	*got = 0;
	if (r->left == 0)
		return true;
	if (!r->inner->read(r->inner, out, n < r->left ? n : (size_t)r->left, got, e))
		return false;
	r->left -= *got;
	return true;
}

static void range_close(struct source *s)
{
	struct range_source *r = (struct range_source *)s;
	r->inner->close(r->inner);
	free(r);
}

struct source *source_range(struct source *inner, uint64_t from, uint64_t length)
{
	struct range_source *r = base_calloc(1, sizeof *r);
	r->source = (struct source){.length = length, .read = range_read, .close = range_close};
	r->inner = inner;
	r->skip = from;
	r->left = length;
	return &r->source;
}

void body_append(struct body *b, struct body *other)
{
	size_t base = b->mem.n;
	buf_put(&b->mem, other->mem.p, other->mem.n);
	b->mem.failed = b->mem.failed || other->mem.failed;
	for (size_t i = 0; i < other->nrefs; i++) {
		body_add_source(b, other->refs[i].source);
		b->refs[b->nrefs - 1].at = base + other->refs[i].at;
	}
	other->nrefs = 0;
	body_free(other);
}
