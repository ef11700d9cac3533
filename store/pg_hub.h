/*
 * hub: a connection to PostgreSQL that never blocks: it listens for what changed and asks, for many
 * waiting devices at once, whether a Sync would bring them something.
 *
 * The push thread owns it. It sleeps on hub_fd() and calls hub_pump() whenever the descriptor is
 * ready. The connection is opened and reopened by itself, at growing distances of up to two
 * seconds; every time that it was lost, `lost` is called once it is back, and everything that waits
 * has to be checked again. A server that is gone without a word is noticed by TCP and by a question
 * of the hub's own whenever it was silent for half a minute.
 *
 * Failure rule: nothing fails; the hub logs why a connection was lost and tries again.
 */
#ifndef EASEL_STORE_PG_HUB_H
#define EASEL_STORE_PG_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct hub;
struct pg;

/*
 * One question: whether a Sync of the folder would bring the device something, or, for folder 0,
 * whether the account's folder tree has changed since the hierarchy modseq that the device knows,
 * or the account is gone or switched off, or the gate would stop the device (0: not asked): then
 * the next request tells the device so. The same one may be asked any number of times.
 */
struct hub_question {
	int32_t account, device, folder;
	int64_t hierarchy; /* only for folder 0 */
};

/* Most questions of one hub_ask(). */
enum { HUB_QUESTIONS = 10000 };

/* Called by hub_pump() only. None of them may call the hub again. */
struct hub_events {
	void *ctx;
	void (*folder_changed)(void *ctx, int32_t account, int32_t folder);
	void (*hierarchy_changed)(void *ctx, int32_t account);
	/* A request of the device with a higher ticket waits elsewhere; `worker` held an older one.
	 */
	void (*newer)(void *ctx, struct str worker, int32_t account, int32_t device,
		      int64_t ticket);
	/* Who waits for the account (0: for any) has to wait anew, since other settings hold. */
	void (*again)(void *ctx, int32_t account);
	/*
	 * The connection is (back) up and listening, and what changed meanwhile is not known; or
	 * something changed that may concern everybody.
	 */
	void (*lost)(void *ctx);
	/*
	 * The answer to the last hub_ask(): yes[i] for question i. With ok false yes is NULL and
	 * the connection is gone: ask again after `lost`.
	 */
	void (*answered)(void *ctx, bool ok, const bool *yes, size_t n);
};

/* Copies conninfo and *events. Connects with the first hub_pump(). */
struct hub *hub_new(const char *conninfo, const struct hub_events *events);

/* Closes the connection; a question under way is not answered any more. Sets the pointer to NULL.
 */
void hub_free(struct hub **h);

/* Descriptor to wait for, -1 while there is none; may change with every hub_pump(). */
int hub_fd(const struct hub *h);

/* Whether to wait for writing too (while connecting or sending). */
bool hub_wants_write(const struct hub *h);

/* Milliseconds until hub_pump() must be called even if the descriptor is not ready. */
int hub_timeout(const struct hub *h);

/*
 * Does what can be done without blocking and calls the events. (One thing may block: libpq looks a
 * host name up while it connects; an address or a socket's path avoids that.)
 */
void hub_pump(struct hub *h);

/* Whether a question may be sent now (connected, none outstanding). */
bool hub_ready(const struct hub *h);

/* Sends questions in one query; they are copied. hub_ready() must hold. n is 1 to HUB_QUESTIONS. */
void hub_ask(struct hub *h, const struct hub_question *q, size_t n);

/* What a worker says of itself in easel.worker. */
struct hub_report {
	const char *worker, *host;
	int pid;
	int64_t started; /* ms since 1970 */
	size_t parked, max_parked, woken, answered, hung_up, refused;
	size_t descriptors, max_descriptors;
	int64_t memory; /* bytes */
};

/* Sends a report; it is copied. hub_ready() must hold. One that fails is logged and forgotten. */
void hub_tell(struct hub *h, const struct hub_report *r);

/* ---- On a worker's own connection ---- */

/* A request that comes to wait. */
struct hub_waiter {
	const char *worker;
	int32_t account, device;
	int64_t seconds; /* that it will wait at the most */
	const int32_t *folders;
	size_t n;
};

/* What easel.wait_begin() says of it. */
struct hub_begun {
	enum hub_verdict {
		HUB_WAIT,
		HUB_FOLDERSYNC, /* it is to send FolderSync first */
		HUB_FULL	/* too many of the account wait */
	} verdict;
	bool push;	   /* it is to be told of news in its folders */
	int64_t ticket;	   /* higher than that of any earlier request of the device */
	int64_t hierarchy; /* for hub_question: it is not to be told of the tree up to here */
};

/*
 * Makes the waiter known to all workers, and asks whether a Sync would bring something: yes[i] for
 * folder i. One round trip. The one test for change is the SQL function easel.syncs_pending().
 */
bool hub_begin(struct pg *db, const struct hub_waiter *w, struct hub_begun *out, bool *yes,
	       struct err *e);

#endif
