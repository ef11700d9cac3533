/*
 * http: between CGI, as the web server speaks it (RFC 3875), and the structs of core/request.h.
 *
 * Failure rule: nothing fails. What is wrong with a request is said in it (body_state, an endpoint
 * or method that is not ours), for core/ to answer. Thread: any.
 */
#ifndef EASEL_FCGI_HTTP_H
#define EASEL_FCGI_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buf.h"
#include "core/request.h"

/* Longer values of headers are cut; a longer Authorization counts as none. */
enum { HTTP_VALUE_MAX = 1024, HTTP_AUTHORIZATION_MAX = 8192, HTTP_HEAD_MAX = 16 * 1024 };

/* Where the request's body comes from. */
struct http_input {
	/* Fills at most n bytes; 0 at the end. *ok false: it ended before its end. */
	size_t (*read)(void *ctx, char *p, size_t n, bool *ok);
	void *ctx;
	bool unread; /* out: not read to its end */
};

/*
 * Fills *rq from the environment (NAME=value, NULL at the end) and reads the body, which may not
 * become larger than max_body bytes, neither as sent nor inflated. rq->arena and rq->secrets are
 * set by the caller. Runs refer to the environment, which must live as long as the request; the
 * Authorization header is moved: its place in the environment is wiped.
 */
void http_read_request(char **env, struct http_input *in, size_t max_body, struct request *rq);

/* Appends status line and headers, with the empty line after them (RFC 3875 6.2.1). */
void http_put_head(struct buf *b, const struct answer *w);

#endif
