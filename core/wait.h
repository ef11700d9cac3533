/*
 * wait: a request that waits for something to happen, as compactly as can be, and how it ends.
 *
 * A waiter is made by a command (Ping), registered and parked by fcgi/. It is malloc'd in one piece
 * and holds nothing of the request's arena. Functions here touch no parked socket.
 */
#ifndef EASEL_CORE_WAIT_H
#define EASEL_CORE_WAIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/request.h"
#include "store/pg_hub.h"

struct imap_pool;
struct session;

enum wait_kind {
	WAIT_PING,
	WAIT_SYNC /* Sync with Wait or HeartbeatInterval: when something changed, serve_waited()
		     answers */
};

struct waiter {
	int32_t account, device;
	uint16_t version; /* protocol version of the request */
	uint8_t kind;	  /* enum wait_kind */
	uint8_t trace;	  /* as in struct gate_row: whether its answer is written down */
	uint16_t nfolders;
	int64_t since;		/* clock_monotonic() when it came */
	int64_t deadline;	/* clock_monotonic() when it is answered at the latest */
	struct waiter *next;	/* for whoever holds it in a list */
	struct imap_pool *imap; /* holds the account's credentials for it; NULL: none are needed */
	int32_t folders[];	/* those it watches */
};

enum wait_outcome {
	WAIT_TIMEOUT,	/* nothing happened: also for a clean stop of the worker and a newer Ping */
	WAIT_CHANGED,	/* in the folders named */
	WAIT_HIERARCHY, /* the folder tree changed: FolderSync first */
	WAIT_FULL,	/* too many wait already: come later */
	WAIT_FAILED	/* the database is away: try again soon */
};

struct waiter *waiter_new(size_t nfolders);
void waiter_free(struct waiter **w);

/*
 * Announces the waiter to the other workers, and tells whether something is there already. Returns
 * the outcome, WAIT_TIMEOUT meaning "nothing yet: park it", as *begun says. `changed` (room for
 * waiter->nfolders) and *nchanged get the folders.
 */
enum wait_outcome wait_check(struct session *s, const struct waiter *w, struct hub_begun *begun,
			     int32_t *changed, size_t *nchanged);

/*
 * Makes the answer for an outcome. Pure: no database. A Sync gets the empty answer, nothing new, or
 * status 12 (MS-ASCMD 2.2.3.177.17) where a Ping gets 7.
 */
void wait_answer(const struct waiter *w, enum wait_outcome outcome, const int32_t *changed,
		 size_t nchanged, struct answer *out);

/* Writes the log line of a waiting request that has ended; how: "answered", "hung-up". */
void wait_finish(const struct waiter *w, enum wait_outcome outcome, const char *how);

#endif
