/*
 * body: the content of an answer: bytes in memory, with references to large things in between that
 * are read only when the answer is sent.
 *
 * Failure rule: as buf; `failed` is looked at once, when the body is complete. A source that fails
 * while being sent makes the answer end early, which the web server passes on as an error.
 * Ownership: the body owns its memory and its sources. Thread: one at a time.
 */
#ifndef EASEL_BASE_BODY_H
#define EASEL_BASE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"

/*
 * Bytes that come later, in order. Implementations put this struct first in their own.
 * read: fills at most n (> 0) bytes, *got = 0 only at the end; false on failure.
 * close: releases the source; called exactly once.
 */
struct source {
	uint64_t length; /* bytes that read will give in all, exactly */
	bool (*read)(struct source *s, char *out, size_t n, size_t *got, struct err *e);
	void (*close)(struct source *s);
};

/* Sources that wait to be sent, each on its own: parts of a multipart answer. */
struct source_list {
	struct source **v; /* room for as many as may be put in */
	size_t n;
};

struct body_ref {
	size_t at; /* stands before byte `at` of mem */
	struct source *source;
};

struct body {
	struct buf mem;
	struct body_ref *refs; /* in ascending order of `at` */
	size_t nrefs;
	uint64_t referenced; /* sum of the sources' lengths */
};

/* Appends a source; the body owns it from now on. */
void body_add_source(struct body *b, struct source *s);

/* Moves all of `other`, which is empty then, to the end of b. */
void body_append(struct body *b, struct body *other);

/* Bytes of the whole body. */
uint64_t body_length(const struct body *b);

/*
 * A point to cut back to; sources added after it are closed. A limit that was reached before it
 * stays reached.
 */
struct body_mark {
	size_t mem, nrefs;
	bool failed;
};
struct body_mark body_mark(const struct body *b);
void body_cut(struct body *b, struct body_mark mark);

/*
 * Hands the body to `write` piece by piece, in order, sources through a buffer of 64 KiB. Stops and
 * returns false when a source or write fails. A source that ends early or gives more than its
 * length is a failure (ERR_INTERNAL).
 */
bool body_send(struct body *b, bool (*write)(void *ctx, const char *p, size_t n), void *ctx,
	       struct err *e);

/* Releases memory and sources; empty and usable again. */
void body_free(struct body *b);

/*
 * A source that gives base64 of another one, without line breaks; owns `inner`, whose length must
 * be exact. */
struct source *source_base64(struct source *inner);

/* A source that gives `length` bytes of `inner`, which it owns, from byte `from` on; within its
 * length. */
struct source *source_range(struct source *inner, uint64_t from, uint64_t length);

/* A source over bytes in memory, which it copies. */
struct source *source_bytes(const void *p, size_t n);

#endif
