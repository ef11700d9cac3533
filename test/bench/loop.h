/*
 * loop: one epoll loop for all connections, and a tick for what hangs on time.
 *
 * Failure rule: what the system refuses here ends the program. Ownership: the loop owns nothing of
 * a watch. Thread: one.
 */
#ifndef EASEL_BENCH_LOOP_H
#define EASEL_BENCH_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop {
	int epoll;
};

/* A descriptor and whom to tell. It may be told of events that are gone again. */
struct watch {
	int fd; /* -1: none */
	void (*ready)(struct watch *w);
};

/* Nanoseconds of CLOCK_MONOTONIC, which the driver reads too. */
int64_t loop_now(void);

void loop_init(struct loop *l);

/* Watches w->fd for the epoll events given; the second changes them. Closing the descriptor ends
 * it. */
void loop_add(struct loop *l, struct watch *w, uint32_t events);
void loop_change(struct loop *l, struct watch *w, uint32_t events);

/* Runs until `tick`, called each TICK milliseconds or a little later, returns false. */
enum { LOOP_TICK = 10 };
void loop_run(struct loop *l, bool (*tick)(void *ctx), void *ctx);

#endif
