/*
 * worker: one process that serves: its threads accept, serve and answer one request after the
 * other; what has to wait goes to the push thread.
 *
 * Failure rule: what fails is logged and answered; worker_run() returns an exit code of sysexits.h.
 */
#ifndef EASEL_FCGI_WORKER_H
#define EASEL_FCGI_WORKER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/session.h"

struct worker_config {
	int listener; /* a listening socket, stays the caller's */
	bool drain;   /* nobody takes over what waits in the listener: serve it before ending */
	unsigned nthreads; /* that accept: 1 to WORKER_THREADS; half as many run waiting Syncs again
			    */
	size_t max_parked;
	size_t max_queued; /* connections taken in while all threads are busy */
	struct server server;
	void (*stopping)(void *ctx); /* called when a stop begins; may be NULL */
	void *ctx;
};

enum { WORKER_THREADS = 64 };

/*
 * Descriptors that a worker needs besides one for each parked or queued request: for each thread
 * that accepts a connection of the web server and one to the database, for its half of another
 * thread the latter, and some for the process.
 */
enum { WORKER_DESCRIPTORS_EACH = 4, WORKER_DESCRIPTORS = 64 };

/*
 * Blocks the signals that a worker waits for. Before the first thread, and before a fork whose
 * child calls worker_run().
 */
void worker_block_signals(void);

/*
 * Serves until SIGTERM, SIGINT or SIGUSR1: then takes nothing new, answers what waits, lets running
 * requests end, and returns within seconds. While the database is away every request is answered
 * with 503; a schema that this program does not know ends the worker with EX_CONFIG.
 */
int worker_run(const struct worker_config *config);

#endif
