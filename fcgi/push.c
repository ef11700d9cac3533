/* push: the thread that holds the parked requests. See push.h for the contract. */
#include "fcgi/push.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "fcgi/usage.h"
#include "store/pg_hub.h"

enum {
	BATCH = 512,	      /* questions: answers flow while the next batch is asked about */
	EVENTS = 256,	      /* taken from epoll at a time */
	REPORT_EVERY = 60000, /* ms */
	ANSWER_MAX = 4096     /* bytes of an answer's body */
};

struct push {
	pthread_t thread;
	const char *worker;
	char host[65];
	struct park *park;
	struct hub *hub;
	int epoll;
	int bell; /* an eventfd: something must be seen to at once */
	atomic_bool closing, ending, ended;
	bool closed;
	pthread_mutex_t lock; /* of what is below */
	pthread_cond_t changed;
	struct parked *first, *last; /* to be run again, linked by `next` */
	bool no_more;
	struct hub_question questions[BATCH];
	int64_t next_report;
	bool untold;			 /* the report is still to be sent to the database */
	struct hub_report report;	 /* its counts since the start */
	size_t answered, hung_up, given; /* since the last report */
};

static void ring(void *ctx)
{
	struct push *p = ctx;
	uint64_t one = 1;
	/* A full counter rings as well as one more. */
	if (write(p->bell, &one, sizeof one) < 0 && errno != EAGAIN)
		log_event(LOG_ERROR, "push-bell", NULL);
}

/* ---- What the database says ---- */

static void folder_changed(void *ctx, int32_t account, int32_t folder)
{
	park_folder_changed(((struct push *)ctx)->park, account, folder);
}

static void hierarchy_changed(void *ctx, int32_t account)
{
	park_hierarchy_changed(((struct push *)ctx)->park, account);
}

static void newer(void *ctx, struct str worker, int32_t account, int32_t device, int64_t ticket)
{
	struct push *p = ctx;
	if (str_eq(worker, str_of(p->worker)))
		park_newer_elsewhere(p->park, account, device, ticket);
}

static void again(void *ctx, int32_t account)
{
	park_again(((struct push *)ctx)->park, account);
}

static void lost(void *ctx)
{
	park_all_changed(((struct push *)ctx)->park);
}

static void answered(void *ctx, bool ok, const bool *yes, size_t n)
{
	(void)n;
	park_answered(((struct push *)ctx)->park, ok, yes);
}

/*
 * Watches whatever descriptor the hub has now. A descriptor that it closed has left epoll by
 * itself, and its number may have come back as another one.
 */
static void watch_hub(struct push *p)
{
	int fd = hub_fd(p->hub);
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = p->hub};
	if (fd < 0)
		return;
	if (hub_wants_write(p->hub))
		e.events |= EPOLLOUT;
	if (epoll_ctl(p->epoll, EPOLL_CTL_MOD, fd, &e) && errno == ENOENT)
		epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &e);
}

static void ask(struct push *p)
{
	if (!hub_ready(p->hub))
		return;
	size_t n = park_ask(p->park, p->questions, BATCH);
	if (n) {
		hub_ask(p->hub, p->questions, n);
	} else if (p->untold) {
		p->untold = false;
		hub_tell(p->hub, &p->report);
	}
}

/* ---- The ended ---- */

static bool send_answer(struct parked *r)
{
	int32_t *folders = base_malloc((r->waiter->nfolders + 1u) * sizeof *folders);
	size_t n = park_changed_folders(r, folders);
	struct answer w = {.status = 200, .body.mem.limit = ANSWER_MAX + 8u * n};
	struct err e;

	wait_answer(r->waiter, r->outcome, folders, n, &w);
	bool ok = reply_send(r->peer, &w, false, &e);
	body_free(&w.body);
	free(folders);
	return ok;
}

/*
 * A Sync for which something has come is run again, and an answer that is written down is made by
 * who may wait for the database.
 */
static bool needs_worker(const struct parked *r)
{
	bool sync = r->waiter->kind == WAIT_SYNC && r->outcome == WAIT_CHANGED;
	return !r->hung_up && (sync || r->waiter->trace);
}

/* For push_take(). Its end is not looked for any more: another thread may free it. */
static void give(struct push *p, struct parked *r)
{
	epoll_ctl(p->epoll, EPOLL_CTL_DEL, r->peer.fd, NULL);
	pthread_mutex_lock(&p->lock);
	r->next = NULL;
	*(p->first ? &p->last->next : &p->first) = r;
	p->last = r;
	pthread_cond_signal(&p->changed);
	pthread_mutex_unlock(&p->lock);
	p->given++;
}

static void answer(struct push *p, struct parked *r)
{
	bool sent = !r->hung_up && send_answer(r);
	reply_close(r->peer, false);
	wait_finish(r->waiter, r->outcome, sent ? "answered" : "hung-up");
	*(sent ? &p->answered : &p->hung_up) += 1;
	park_release(p->park, r);
}

static void answer_ended(struct push *p)
{
	for (struct parked *r = park_take_ended(p->park), *next; r; r = next) {
		next = r->next;
		if (needs_worker(r))
			give(p, r);
		else
			answer(p, r);
	}
}

/* What the worker occupies, for the log and for easel.worker. */
static void report(struct push *p, int64_t now)
{
	if (now < p->next_report)
		return;
	p->next_report = now + REPORT_EVERY;
	struct park_counts c = park_counts(p->park);
	struct usage u = usage_read();
	struct log_line l;
	p->report.parked = c.records;
	p->report.woken = c.in_state[PARK_WOKEN] + c.in_state[PARK_ASKING];
	p->report.answered += p->answered;
	p->report.hung_up += p->hung_up;
	p->report.refused = c.refused;
	p->report.descriptors = u.descriptors;
	p->report.max_descriptors = u.max_descriptors;
	p->report.memory = u.memory;
	p->untold = true;
	log_begin(&l, LOG_INFO, "parked");
	log_int(&l, "waiting", (int64_t)c.records);
	log_int(&l, "woken", (int64_t)p->report.woken);
	log_int(&l, "answered", (int64_t)p->answered);
	log_int(&l, "hung-up", (int64_t)p->hung_up);
	log_int(&l, "run-again", (int64_t)p->given);
	log_int(&l, "refused", (int64_t)c.refused);
	log_int(&l, "descriptors", (int64_t)u.descriptors);
	log_int(&l, "max-descriptors", (int64_t)u.max_descriptors);
	log_int(&l, "memory", u.memory);
	log_end(&l);
	p->answered = p->hung_up = p->given = 0;
}

/* ---- The loop ---- */

static int sleep_limit(struct push *p)
{
	int64_t now = clock_monotonic();
	int64_t until = p->next_report, deadline = park_next_deadline(p->park);
	if (deadline < until)
		until = deadline;
	int64_t left = until > now ? until - now : 0;
	return hub_timeout(p->hub) < left ? hub_timeout(p->hub) : (int)left;
}

/* Only notes what happened: a record that two events speak of must not be freed by the first. */
static void take_event(struct push *p, const struct epoll_event *e)
{
	uint64_t rings;
	if (e->data.ptr == p) {
		while (read(p->bell, &rings, sizeof rings) > 0)
			;
	} else if (e->data.ptr != p->hub) {
		park_hung_up(p->park, e->data.ptr);
	}
}

static bool has_ended(struct push *p)
{
	if (atomic_load(&p->closing) && !p->closed) {
		p->closed = true;
		park_close(p->park);
	}
	answer_ended(p);
	return atomic_load(&p->ending) && !park_counts(p->park).records;
}

static void *run(void *ctx)
{
	struct push *p = ctx;
	struct epoll_event events[EVENTS];
	while (!has_ended(p)) {
		int n = epoll_wait(p->epoll, events, EVENTS, sleep_limit(p));
		for (int i = 0; i < n; i++)
			take_event(p, &events[i]);
		hub_pump(p->hub);
		ask(p);
		watch_hub(p);
		int64_t now = clock_monotonic();
		park_expire(p->park, now);
		report(p, now);
	}
	pthread_mutex_lock(&p->lock);
	p->no_more = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	atomic_store(&p->ended, true);
	return NULL;
}

/* ---- For the worker ---- */

static void die(const char *what)
{
	perror(what);
	exit(EX_OSERR);
}

struct push *push_start(const char *conninfo, const char *worker, size_t most)
{
	struct push *p = base_calloc(1, sizeof *p);
	const struct hub_events hub_events = {.ctx = p,
					      .folder_changed = folder_changed,
					      .hierarchy_changed = hierarchy_changed,
					      .newer = newer,
					      .again = again,
					      .lost = lost,
					      .answered = answered};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};

	p->worker = worker;
	gethostname(p->host, sizeof p->host - 1);
	p->report = (struct hub_report){.worker = worker,
					.host = p->host,
					.pid = getpid(),
					.started = clock_now(),
					.max_parked = most};
	p->park = park_new(most, ring, p);
	p->hub = hub_new(conninfo, &hub_events);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (p->epoll < 0 || p->bell < 0 || epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->bell, &e))
		die("easel: epoll");
	errno = pthread_create(&p->thread, NULL, run, p);
	if (errno)
		die("easel: thread");
	return p;
}

struct park *push_registry(struct push *p)
{
	return p->park;
}

void push_hand_over(struct push *p, struct parked *r, struct peer peer,
		    const struct hub_begun *begun)
{
	/* First, because afterwards the record may be gone; an end that comes before is kept. */
	struct epoll_event e = {.events = EPOLLRDHUP | EPOLLHUP | EPOLLONESHOT, .data.ptr = r};
	struct err err;
	if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, peer.fd, &e)) {
		err_set(&err, ERR_INTERNAL, "a parked request's end will not be seen: errno %d",
			errno);
		log_event(LOG_WARNING, "push", &err);
	}
	park_hand_over(p->park, r, peer, begun);
}

struct parked *push_take(struct push *p)
{
	pthread_mutex_lock(&p->lock);
	while (!p->first && !p->no_more)
		pthread_cond_wait(&p->changed, &p->lock);
	struct parked *r = p->first;
	if (r)
		p->first = r->next;
	pthread_mutex_unlock(&p->lock);
	return r;
}

void push_release(struct push *p, struct parked *r)
{
	park_release(p->park, r);
	if (atomic_load(&p->ending))
		ring(p);
}

void push_close(struct push *p)
{
	atomic_store(&p->closing, true);
	ring(p);
}

bool push_end(struct push *p, int64_t until)
{
	const struct timespec moment = {.tv_nsec = 5000000};
	atomic_store(&p->closing, true);
	atomic_store(&p->ending, true);
	ring(p);
	while (!atomic_load(&p->ended) && clock_monotonic() < until)
		nanosleep(&moment, NULL);
	return atomic_load(&p->ended);
}

void push_free(struct push **push)
{
	struct push *p = *push;
	if (!p)
		return;
	pthread_join(p->thread, NULL);
	hub_free(&p->hub);
	park_free(&p->park);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->changed);
	close(p->epoll);
	close(p->bell);
	free(p);
	*push = NULL;
}
