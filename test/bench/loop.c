/* loop: one epoll loop for all connections. See loop.h for the contract. */
#include "test/bench/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

enum { EVENTS = 256 };

static const int64_t TICK_NS = LOOP_TICK * INT64_C(1000000);

static void die(const char *what)
{
	perror(what);
	exit(EXIT_FAILURE);
}

int64_t loop_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

void loop_init(struct loop *l)
{
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll < 0)
		die("epoll_create1");
}

static void control(struct loop *l, struct watch *w, int what, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = w};
	if (epoll_ctl(l->epoll, what, w->fd, &e))
		die("epoll_ctl");
}

void loop_add(struct loop *l, struct watch *w, uint32_t events)
{
	control(l, w, EPOLL_CTL_ADD, events);
}

void loop_change(struct loop *l, struct watch *w, uint32_t events)
{
	control(l, w, EPOLL_CTL_MOD, events);
}

void loop_run(struct loop *l, bool (*tick)(void *ctx), void *ctx)
{
	struct epoll_event events[EVENTS];
	int64_t next = loop_now();
	for (;;) {
		int64_t now = loop_now();
		if (now >= next) {
			if (!tick(ctx))
				return;
			next = now + TICK_NS;
		}
		int n = epoll_wait(l->epoll, events, EVENTS, LOOP_TICK);
		if (n < 0 && errno != EINTR)
			die("epoll_wait");
		for (int i = 0; i < n; i++) {
			struct watch *w = events[i].data.ptr;
			w->ready(w);
		}
	}
}
