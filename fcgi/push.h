/*
 * push: the thread that holds the parked requests: it sleeps on what the database tells, on the
 * peers' ends and on the next deadline, and answers whatever ends.
 *
 * It never waits for a single peer or query: answers are sent without blocking, questions about
 * woken requests go out in batches while the last batch's answers are sent.
 *
 * Failure rule: nothing fails; an answer that can't be sent costs its connection. Thread: any
 * thread may call these functions.
 */
#ifndef EASEL_FCGI_PUSH_H
#define EASEL_FCGI_PUSH_H

#include <stddef.h>

#include "fcgi/park.h"

struct push;

/*
 * Where a Sync goes that waited and has something to say now: a worker thread answers it. Called by
 * the push thread, must not wait. The record is the callee's, until push_release().
 */
struct push_resume {
	void (*resume)(void *ctx, struct parked *r);
	void *ctx;
};

/* Starts the thread, with room for `most` requests. Ends the process when that can't be done. */
struct push *push_start(const char *conninfo, size_t most, struct push_resume resume);

/* Where a worker thread registers and unregisters. */
struct park *push_registry(struct push *p);

/* park_hand_over(), and from now on the end of the peer is seen. */
void push_hand_over(struct push *p, struct parked *r, struct peer peer);

/* A resumed record was answered and its connection closed. */
void push_release(struct push *p, struct parked *r);

/* Answers all that wait as if their time were up, and from now on whatever comes. Does not wait. */
void push_close(struct push *p);

/* After the last worker thread has ended: ends the thread. Sets the pointer to NULL. */
void push_free(struct push **p);

#endif
