/*
 * phone: one phone as a small state machine: it finds its inbox, fills it, and from then on does
 * what the run's mode says: sync again, wait with a Ping, or nothing.
 *
 * State is a number that only fleet_move() changes. An answer that a phone could not go on with
 * makes it FAILED, with the reason told to its fleet. Thread: the loop's.
 */
#ifndef EASEL_BENCH_PHONE_H
#define EASEL_BENCH_PHONE_H

#include <stdint.h>

#include "test/bench/connection.h"

struct fleet;

enum phone_state {
	PHONE_NEW,
	PHONE_STARTING, /* provisions, finds its folders, gets its first key */
	PHONE_FILLING,	/* first sync of the inbox */
	PHONE_READY,	/* in sync; the mode says what is next */
	PHONE_BUSY,	/* a request of the steady state is under way */
	PHONE_PARKED,	/* a Ping is */
	PHONE_DONE,
	PHONE_FAILED,
	PHONE_STATES
};

enum phone_request {
	REQUEST_PROVISION,
	REQUEST_ACKNOWLEDGE, /* of the policy */
	REQUEST_FOLDERSYNC,
	REQUEST_KEY, /* Sync with key 0 */
	REQUEST_SYNC,
	REQUEST_PING,
	REQUEST_HELLO, /* the bytes of a Sync, sent to the yardstick */
	REQUESTS
};

struct phone {
	struct connection connection; /* first: its callbacks come back by it */
	struct fleet *fleet;
	unsigned number;
	enum phone_state state;
	enum phone_request request; /* the last one sent */
	unsigned provisioned;	    /* times that it was asked to */
	uint32_t policy_key;
	int64_t answered_at; /* loop_now() of the last answer */
	int64_t again_at;    /* when it repeats a request that was refused; 0: none was */
	char folder[16], key[48];
};

void phone_init(struct phone *p, struct fleet *f, unsigned number);

/* From nothing to a filled inbox; then the mode's ready(). */
void phone_start(struct phone *p);

/* Sync until there is no more; then the mode's answered(). */
void phone_sync(struct phone *p);

/* What phone_sync() sends, to the address of the run; then the mode's answered(). */
void phone_hello(struct phone *p);

/* Waits; the mode's woken() when something changed. A wait that ends with nothing is taken up
 * again. */
void phone_ping(struct phone *p);

/* Repeats the request that was refused with 503, once its time has come. */
void phone_again(struct phone *p);

/* Nothing more is asked of it. */
void phone_end(struct phone *p);

#endif
