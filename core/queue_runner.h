/*
 * queue_runner: delivers what is in the queue (easel.queue): into mailboxes of this database, to
 * other sites through the mail server that the domain or the whole server names. Any number of them
 * may run, on any host.
 *
 * What a mail server refuses for now is tried again, as easel.server.send_retries and send_patience
 * say; what it refuses for good, and what has waited too long, comes back to the sender as a
 * message. A message goes to a mail server outside of any transaction, so a runner that dies just
 * then may send it twice, but never loses it. Failure rule: what can't be delivered is recorded
 * with the reason; a database that is away is waited for. Thread: a runner belongs to one thread.
 */
#ifndef EASEL_CORE_QUEUE_RUNNER_H
#define EASEL_CORE_QUEUE_RUNNER_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/base/err.h"

struct queue_runner;

/* How many may run at the same time. */
enum queue_runner_kind {
	QUEUE_RUNNER_FREE,  /* any number */
	QUEUE_RUNNER_WORKER /* as many as easel.server.queue_workers says; the others stand by */
};

/*
 * `database` as libpq takes it. *ending is looked at several times a second; what a mail server has
 * not taken whole by then is tried again by another.
 */
struct queue_runner *queue_runner_new(const char *database, enum queue_runner_kind kind,
				      const atomic_bool *ending);
void queue_runner_free(struct queue_runner **r);

/* Delivers all that is due. False when the database is away or its schema is not ours. */
bool queue_runner_once(struct queue_runner *r, struct err *e);

/* Delivers whatever comes to be due until *ending. */
void queue_runner_keep(struct queue_runner *r);

#endif
