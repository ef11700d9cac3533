/*
 * park: the registry of requests that wait: who is to be asked about after a notification, whose
 * time is up, who hung up.
 *
 * A request is registered before anybody looks whether something is there already, so that no
 * notification falls between; only then it is parked. State is list membership, and one function
 * moves a record:
 *
 *     REGISTERED -> PARKED <-> WOKEN -> ASKING -> PARKED
 *     any of them -> ENDING, when changed, out of time, superseded or hung up
 *
 * The registry knows no sockets and no database: the push thread brings events in and takes
 * questions and ended records out.
 *
 * Failure rule: nothing fails; park_register() may find no room. Ownership: the registry owns a
 * record from park_register() to park_unregister() or park_take_ended(). Thread: the first group is
 * for worker threads, the second for the push thread; both take the registry's lock. A record's
 * members are read by whoever owns it, and changed only here.
 */
#ifndef EASEL_FCGI_PARK_H
#define EASEL_FCGI_PARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/wait.h"
#include "fcgi/reply.h"

enum park_state {
	PARK_REGISTERED, /* its worker thread is looking whether something is there already */
	PARK_PARKED,	 /* waits for a notification, its deadline, its peer's end */
	PARK_WOKEN,	 /* a notification concerns it: to be asked about */
	PARK_ASKING,	 /* part of the question that is under way */
	PARK_ENDING,	 /* to be answered; out of all indexes */
	PARK_STATES
};

/* What is known of one of its folders; the last mark of a record is that of the folder tree. */
enum park_mark { MARK_QUIET, MARK_NOTIFIED, MARK_ASKED, MARK_CHANGED };

struct parked {
	struct waiter *waiter;
	struct peer peer; /* once it is parked */
	enum park_state state;
	enum wait_outcome outcome; /* once it is ending */
	bool superseded; /* a newer request of the same device came, or settings changed */
	bool hung_up;
	bool silent;		    /* it is told of nothing but the folder tree */
	int64_t ticket;		    /* of the device's request, once it is parked */
	int64_t newest;		    /* highest ticket heard of while it was registered */
	int64_t hierarchy;	    /* see struct hub_begun; once it is parked */
	struct parked *prev, *next; /* in the list of its state */
	struct parked *neighbour;   /* in the chain of its account */
	uint32_t heap_at;	    /* place among the deadlines */
	uint32_t asked_at;	    /* its first question of those under way */
	uint32_t nasked;
	unsigned char marks[]; /* enum park_mark: waiter->nfolders, and one */
};

struct park;

/*
 * Room for `most` records. `wake` is called, under the registry's lock and from any thread, when a
 * worker thread left something that the push thread must see to at once.
 */
struct park *park_new(size_t most, void (*wake)(void *ctx), void *ctx);

/* No record may be left but those in the registry's lists; these are freed with their waiters. */
void park_free(struct park **p);

/* ---- For worker threads ---- */

/*
 * Registers a waiter; from now on notifications are marked on it. An older waiter of the same
 * account and device ends as WAIT_TIMEOUT, and leaves its place to the new one. NULL when there is
 * no room (the waiter stays the caller's), else the registry owns the waiter. At most 256 threads.
 */
struct parked *park_register(struct park *p, struct waiter *w);

/* Something was there already: gives the waiter back and frees the record. */
struct waiter *park_unregister(struct park *p, struct parked *r);

/*
 * Nothing was there, as *begun says: from now on the record belongs to the push thread, which may
 * end it before this function returns.
 */
void park_hand_over(struct park *p, struct parked *r, struct peer peer,
		    const struct hub_begun *begun);

/* ---- For the push thread ---- */

void park_folder_changed(struct park *p, int32_t account, int32_t folder);
void park_hierarchy_changed(struct park *p, int32_t account);

/* Notifications may have been missed: everything is asked about. */
void park_all_changed(struct park *p);

/* A request of the device waits at another worker: those with a lower ticket end as WAIT_TIMEOUT.
 */
void park_newer_elsewhere(struct park *p, int32_t account, int32_t device, int64_t ticket);

/* All of the account (0: of all) end as WAIT_TIMEOUT, so that they come again. */
void park_again(struct park *p, int32_t account);

/* The peer is gone. Also allowed while the record is only registered. */
void park_hung_up(struct park *p, struct parked *r);

/* Ends those whose deadline is `now` or earlier. */
void park_expire(struct park *p, int64_t now);

/* Ends all; from now on whatever is handed over ends at once, as if its time were up. */
void park_close(struct park *p);

/*
 * Fills in at most `most` questions about woken records, the earliest woken first, which are then
 * ASKING until park_answered(). Returns their number. Not while questions are under way.
 */
size_t park_ask(struct park *p, struct hub_question *q, size_t most);

/* The answer: yes[i] for question i. Without ok all are woken again. */
void park_answered(struct park *p, bool ok, const bool *yes);

/*
 * All ended records, linked by `next`, in the order in which they ended. They are the caller's, who
 * gives each back with park_release().
 */
struct parked *park_take_ended(struct park *p);

/* Frees an ended record and its waiter, and its room. */
void park_release(struct park *p, struct parked *r);

/* The folders that changed; room for waiter->nfolders. Returns their number. */
size_t park_changed_folders(const struct parked *r, int32_t *folders);

/* The earliest deadline, INT64_MAX when nothing waits. Tells when `wake` is needed. */
int64_t park_next_deadline(struct park *p);

struct park_counts {
	size_t in_state[PARK_STATES];
	size_t records; /* of all states, and those taken but not released */
	size_t refused; /* for which there was no room */
};
struct park_counts park_counts(struct park *p);

#endif
