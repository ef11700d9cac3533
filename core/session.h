/*
 * session: what a worker thread needs to serve one request after the other: its database
 * connection, its store, its arenas. `serve` is the one entrance from fcgi/.
 *
 * Thread: a session belongs to one thread; a struct server is shared and read-only.
 */
#ifndef EASEL_CORE_SESSION_H
#define EASEL_CORE_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/request.h"
#include "core/wait.h"

struct arena;
struct pg;
struct store;
struct imap_pool;

/* What all threads of a worker share; set up before the first of them starts. */
struct server {
	const char *database;	/* libpq conninfo */
	const char *worker;	/* name of this process among all workers */
	unsigned char key[32];	/* of remembered passwords; see store/password.h */
	size_t max_body;	/* bytes of a request body, after inflating */
	size_t arena_cap;	/* bytes that one request may allocate */
	struct imap_pool *imap; /* NULL: mail on IMAP servers is not served */
};

struct session {
	const struct server *server;
	struct pg *db;
	struct store *own;     /* what is kept in the database */
	struct store *mail;    /* that and what is on IMAP servers; NULL: none is served */
	struct store *kept;    /* folders as they are kept: one of these two */
	struct store *store;   /* folders as the account's devices see them: core/collections.h */
	struct arena *arena;   /* reset after each request */
	struct arena *secrets; /* the same, wiped */
};

struct session *session_new(const struct server *server);
void session_free(struct session **s);

/*
 * Answers a request, or says that it should wait: then *waiter is set (malloc'd, the caller's, see
 * wait.h) and the answer is left alone. The caller registers the waiter, then calls wait_check(),
 * and parks the request only if that finds nothing. Writes the request's log line, except for a
 * waiter, whose line is written by wait_finish(). Never fails: what goes wrong becomes an answer.
 */
void serve(struct session *s, struct request *rq, struct answer *w, struct waiter **waiter);

/*
 * Answers a Sync that waited (WAIT_SYNC, WAIT_CHANGED): runs it again as the device asked for it,
 * and this time it does not wait. Writes a log line as serve() does.
 */
void serve_waited(struct session *s, const struct waiter *waiter, struct answer *w);

/* The answer did not reach the web server whole: what it had is not held against the device. */
void session_answer_lost(struct session *s, const struct answer *w);

/* Ends the request: resets the session's arenas. After the answer was sent. */
void session_reset(struct session *s);

#endif
