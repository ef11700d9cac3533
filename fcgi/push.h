/*
 * push: the thread that holds the parked requests: it sleeps on what the database tells, on the
 * peers' ends and on the next deadline, and answers whatever ends.
 *
 * It never waits for a single peer or query: answers are sent without blocking, questions about
 * woken requests go out in batches while the last batch's answers are sent. What needs more than
 * that, a Sync that has to be run again, is taken by other threads.
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
 * Starts the thread, with room for `most` requests, as the worker of that name, which stays the
 * caller's. Ends the process when that can't be done.
 */
struct push *push_start(const char *conninfo, const char *worker, size_t most);

/* Where a worker thread registers and unregisters. */
struct park *push_registry(struct push *p);

/* park_hand_over(), and from now on the end of the peer is seen. */
void push_hand_over(struct push *p, struct parked *r, struct peer peer,
		    const struct hub_begun *begun);

/*
 * A waiting Sync for which something has come, to be run again, or a request whose answer is
 * written down, for a thread with a database connection: waits for one; NULL when there will be no
 * more. The record is the caller's, who closes its connection and gives it back with
 * push_release().
 */
struct parked *push_take(struct push *p);
void push_release(struct push *p, struct parked *r);

/* Answers all that wait as if their time were up, and from now on whatever comes. Does not wait. */
void push_close(struct push *p);

/*
 * After the last thread that hands over has ended: waits until all are answered and given back, at
 * most until clock_monotonic() is `until`; then push_take() gives NULL. False: some are not.
 */
bool push_end(struct push *p, int64_t until);

/* After push_end(), and the last thread that takes. Sets the pointer to NULL. */
void push_free(struct push **p);

#endif
