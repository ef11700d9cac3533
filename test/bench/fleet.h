/*
 * fleet: all phones of a run, a few of which start at a time, and what is counted of them.
 *
 * Failure rule: a phone that fails is counted, and the reason of the first kept; the run goes on
 * with the others. Ownership: everything is the fleet's. Thread: the loop's.
 */
#ifndef EASEL_BENCH_FLEET_H
#define EASEL_BENCH_FLEET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "test/bench/loop.h"
#include "test/bench/messages.h"
#include "test/bench/phone.h"
#include "test/bench/report.h"

struct arena;

struct settings {
	struct target target;
	struct wishes wishes;
	const char *user; /* "{}" in it stands for the number of the account */
	const char *password, *device, *version;
	unsigned phones, accounts;
	unsigned starting; /* phones that start at the same time */
	unsigned rounds, heartbeat;
	unsigned breaks; /* stream: connections broken off in a second */
	unsigned seconds, warm_up_ms, settle_ms;
	unsigned limit; /* seconds after which the run is given up */
	bool provision;
};

/* What phones do once they are in sync, and when the run has ended. */
struct mode {
	const char *name, *help;
	bool hello; /* phones need no account */
	void (*ready)(struct phone *p);
	void (*answered)(struct phone *p);
	void (*woken)(struct phone *p);
	bool (*tick)(struct fleet *f, int64_t now); /* false: the run has ended */
	void (*report)(const struct fleet *f, json_t *out);
};

struct fleet {
	const struct settings *settings;
	const struct mode *mode;
	struct loop loop;
	struct arena *arena; /* for one answer or request */
	struct phone *phones;
	unsigned count[PHONE_STATES];
	unsigned started;
	int64_t begun, give_up; /* loop_now() */
	int64_t parked_at;	/* when the last phone sent a Ping */
	char first_error[200];
	/* What is being measured, from `from` on. */
	int64_t from, until;
	struct samples samples;
	uint64_t answers, items, bytes;
	unsigned expired; /* Pings whose time was up */
	unsigned refused; /* requests answered with 503 */
	unsigned waiting; /* phones that repeat such a request later */
	bool announced;	  /* park, wake: the driver knows that all are parked */
	unsigned round;
	int64_t broken; /* stream: connections that were broken off */
	unsigned next_break;
};

/* False when the run did not come to its end in time or some phone failed. */
bool fleet_run(struct fleet *f, const struct settings *s, const struct mode *m);
void fleet_free(struct fleet *f);

/* How many phones still take part. */
unsigned fleet_alive(const struct fleet *f);

/* ---- For phones ---- */

void fleet_move(struct phone *p, enum phone_state to);
void fleet_fail(struct phone *p, const char *why);

#endif
