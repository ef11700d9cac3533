/* door: where connections come in. See door.h for the contract. */
#include "fcgi/door.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum {
	LOOK_UP = 1000,	   /* ms after which an idle thread looks around, whatever happened */
	TROUBLE = 200,	   /* ms of rest when accept fails */
	TAKEN_AT_ONCE = 32 /* few, since another process on the socket may have idle threads */
};

struct door {
	int listener;
	int bell;   /* an eventfd: look at the queue, or at `shut` */
	int *epoll; /* of each thread: the listener, which wakes one of them, and the bell */
	unsigned nthreads;
	atomic_uint idle;
	atomic_bool shut;
	bool drain; /* written before `shut` */
	int64_t until;
	pthread_mutex_t lock; /* of what is below */
	int *queue;	      /* a ring */
	size_t first, n, most;
};

/* ---- The queue ---- */

/* Whether there was room. */
static bool put(struct door *d, int fd)
{
	pthread_mutex_lock(&d->lock);
	bool room = d->n < d->most;
	if (room)
		d->queue[(d->first + d->n++) % d->most] = fd;
	pthread_mutex_unlock(&d->lock);
	return room;
}

static int get(struct door *d)
{
	int fd = -1;
	pthread_mutex_lock(&d->lock);
	if (d->n) {
		fd = d->queue[d->first];
		d->first = (d->first + 1) % d->most;
		d->n--;
	}
	pthread_mutex_unlock(&d->lock);
	return fd;
}

size_t door_queued(struct door *d)
{
	pthread_mutex_lock(&d->lock);
	size_t n = d->n;
	pthread_mutex_unlock(&d->lock);
	return n;
}

static bool is_gone(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLRDHUP};
	return poll(&p, 1, 0) > 0;
}

/* The first whose peer is still there. */
static int get_living(struct door *d)
{
	int fd;
	while ((fd = get(d)) >= 0 && is_gone(fd))
		close(fd);
	return fd;
}

static void ring(struct door *d)
{
	uint64_t one = 1;
	ssize_t written = write(d->bell, &one, sizeof one);
	(void)written; /* a full counter rings as well */
}

/* ---- Accepting ---- */

static int accept_one(const struct door *d)
{
	return accept4(d->listener, NULL, NULL, SOCK_CLOEXEC);
}

/* What is not just "nobody there" is our own trouble, mostly a lack of descriptors: don't spin. */
static void accept_failed(void)
{
	const struct timespec rest = {.tv_nsec = TROUBLE * 1000000L};
	struct err e;
	if (errno == EINTR || errno == ECONNABORTED)
		return;
	err_set(&e, ERR_UNAVAILABLE, "accept: %s", strerrordesc_np(errno));
	log_event(LOG_ERROR, "accept", &e);
	nanosleep(&rest, NULL);
}

/*
 * When nobody is idle, takes in some of those who wait outside. A thread that became idle in
 * between has either seen the queue, or is counted and hears the bell.
 */
static void take_in(struct door *d)
{
	for (int i = 0; i < TAKEN_AT_ONCE && !atomic_load(&d->idle); i++) {
		if (door_queued(d) >= d->most)
			return;
		int fd = accept_one(d);
		if (fd < 0)
			return;
		if (!put(d, fd))
			close(fd);
		if (atomic_load(&d->idle))
			ring(d);
	}
}

static void wait_for_one(struct door *d, unsigned thread)
{
	struct epoll_event events[2];
	uint64_t rings;
	atomic_fetch_add(&d->idle, 1);
	int n = door_queued(d) ? 0 : epoll_wait(d->epoll[thread], events, 2, LOOK_UP);
	atomic_fetch_sub(&d->idle, 1);
	for (int i = 0; i < n; i++)
		if (events[i].data.fd == d->bell && !atomic_load(&d->shut) &&
		    read(d->bell, &rings, sizeof rings) < 0)
			continue; /* another thread was quicker */
}

static bool is_over(const struct door *d)
{
	return atomic_load(&d->shut) && (!d->drain || clock_monotonic() >= d->until);
}

int door_next(struct door *d, unsigned thread)
{
	for (;;) {
		int fd = get_living(d);
		if (fd < 0 && is_over(d))
			return -1;
		bool shut = atomic_load(&d->shut);
		if (fd < 0)
			fd = accept_one(d);
		if (fd >= 0) {
			if (!shut)
				take_in(d);
			return fd;
		}
		if (errno != EAGAIN)
			accept_failed();
		else if (shut)
			return -1;
		else
			wait_for_one(d, thread);
	}
}

/* ---- Life ---- */

static void die(const char *what)
{
	perror(what);
	exit(EX_OSERR);
}

static void watch(int epoll, int fd, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};
	if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e))
		die("easel: epoll");
}

struct door *door_new(int listener, unsigned nthreads, size_t most)
{
	struct door *d = base_calloc(1, sizeof *d);
	d->listener = listener;
	d->nthreads = nthreads;
	d->most = most;
	d->queue = base_calloc(most, sizeof *d->queue);
	d->epoll = base_calloc(nthreads, sizeof *d->epoll);
	pthread_mutex_init(&d->lock, NULL);
	fcntl(listener, F_SETFL, fcntl(listener, F_GETFL) | O_NONBLOCK);
	d->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->bell < 0)
		die("easel: eventfd");
	for (unsigned i = 0; i < nthreads; i++) {
		d->epoll[i] = epoll_create1(EPOLL_CLOEXEC);
		watch(d->epoll[i], listener, EPOLLIN | EPOLLEXCLUSIVE);
		watch(d->epoll[i], d->bell, EPOLLIN);
	}
	return d;
}

void door_shut(struct door *d, bool drain, int64_t until)
{
	d->drain = drain;
	d->until = until;
	atomic_store(&d->shut, true);
	ring(d);
}

void door_free(struct door **door)
{
	struct door *d = *door;
	if (!d)
		return;
	for (int fd; (fd = get(d)) >= 0;)
		close(fd);
	for (unsigned i = 0; i < d->nthreads; i++)
		close(d->epoll[i]);
	close(d->bell);
	pthread_mutex_destroy(&d->lock);
	free(d->queue);
	free(d->epoll);
	free(d);
	*door = NULL;
}
