/*
 * queue: mail that was accepted and is still to be delivered (easel.queue).
 *
 * Who takes a message from the queue holds a lease on its recipients for QUEUE_LEASE seconds; one
 * that died gives them back by that, so that nothing is lost. Whoever delivers within the database
 * records it in the same transaction and delivers exactly once. Failure rule: as pg.h. Ownership:
 * results lie in the arena. Thread: that of the connection.
 */
#ifndef EASEL_STORE_QUEUE_H
#define EASEL_STORE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/smtp.h"
#include "store/store.h"

struct arena;
struct pg;

enum { QUEUE_LEASE = 600 };

/* Where a recipient's mail goes. */
struct recipient {
	struct str address;
	int32_t account; /* whose mail is kept in this database; 0: nobody's */
	int32_t inbox;	 /* its Inbox; 0: it has none */
	bool local;	 /* the domain is kept here: without an account there is no such address */
};

/* Fills all but the addresses, which must hold no line ends. */
bool queue_resolve(struct pg *db, struct arena *a, struct recipient *v, size_t n, struct err *e);

/*
 * Locks folders of several accounts until the transaction ends, in one order whoever asks, so that
 * two messages across each other can't deadlock. Entries with folder 0 are passed over.
 */
struct folder_place {
	int32_t account, folder;
};
bool queue_lock_folders(struct pg *db, struct arena *a, const struct folder_place *v, size_t n,
			struct err *e);

/* Adds a message for n recipients, no two alike. */
bool queue_put(struct pg *db, struct arena *a, int32_t account, struct str sender, struct str raw,
	       const struct recipient *v, size_t n, struct err *e);

/* ---- For who works it off ---- */

struct queue_message {
	int32_t account; /* who sent it */
	int32_t inbox;	 /* of that account; 0: none */
	int64_t id;
	struct str sender, raw;
	bool expired; /* it has waited as long as it may */
	struct recipient *recipients;
	size_t n;
	struct smarthost host; /* url NULL: none is configured */
};

/*
 * Tries to get one of the lanes in which workers deliver at the same time (easel.queue_lane), for
 * as long as the connection lasts. *lane 0: others have them all.
 */
bool queue_lane(struct pg *db, int *lane, struct err *e);

/*
 * Takes a message with recipients that are due, and a lease on them. Outside of a transaction.
 * `lane` 0: who takes it needs none. FOUND_NONE: nothing is due, or there is no such lane any more.
 */
enum found queue_take(struct pg *db, struct arena *a, int lane, struct queue_message *out,
		      struct err *e);

enum queue_state { QUEUE_SENT, QUEUE_LATER, QUEUE_FAILED };

/*
 * Records what became of one recipient. QUEUE_LATER gives it back, to be tried again when
 * easel.queue_pause says. `reason`: one line, not for QUEUE_SENT.
 */
bool queue_record(struct pg *db, struct arena *a, const struct queue_message *m, struct str address,
		  enum queue_state state, struct str reason, struct err *e);

/* Removes the message if nobody waits for it. */
bool queue_finish(struct pg *db, const struct queue_message *m, struct err *e);

/*
 * Sleeps until something is added to the queue (*woken), a signal comes, or the time is up.
 * *listening is the caller's, 0 at first.
 */
bool queue_wait(struct pg *db, unsigned *listening, int ms, bool *woken, struct err *e);

#endif
