/*
 * reply: an answer on its way back to the web server, as FastCGI records (FastCGI 1.0, 3.3 and 5).
 *
 * libfcgi reads requests; answers are written here, because a parked request keeps nothing but its
 * descriptor and its number, and because an answer that fails in the middle must not be ended like
 * a good one: libfcgi's FCGX_Finish_r() always says that the request is complete, and lingers for
 * two seconds on a peer that stays.
 *
 * Failure rule: a failed answer is never completed; closing the connection then tells the web
 * server, which passes the cut on. Thread: any, a peer belongs to one at a time.
 */
#ifndef EASEL_FCGI_REPLY_H
#define EASEL_FCGI_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/request.h"

/* Whom to answer: a connection and the number of its one request. */
struct peer {
	int fd;
	uint16_t request;
};

/*
 * Sends a whole answer. Its body is left to its owner. Without `wait` nothing blocks, and an answer
 * that does not fit into the socket's buffer fails; one of some hundred bytes always does.
 * False: what was sent is not complete (ERR_UNAVAILABLE: the peer; else the body's source).
 */
bool reply_send(struct peer p, struct answer *w, bool wait, struct err *e);

/*
 * Closes the connection. `unread`: part of the request was not read; then the rest is taken in and
 * thrown away for at most two seconds, or else the peer's system would drop our answer.
 */
void reply_close(struct peer p, bool unread);

#endif
