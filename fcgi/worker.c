/* worker: one process that serves. See worker.h for the contract. */
#include "fcgi/worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/housekeeping.h"
#include "core/queue_runner.h"
#include "core/trace.h"
#include "fcgi/door.h"
#include "fcgi/http.h"
#include "fcgi/push.h"
#include "fcgi/reply.h"
#include "store/imap_watch.h"
#include "store/pg.h"
#include "store/pg_migrate.h"

enum {
	PEER_LIMIT = 60,    /* seconds that a web server may keep a thread waiting */
	STOP_LIMIT = 10000, /* ms that running requests have to end */
	DRAIN_LIMIT = 1000, /* ms for serving what had already connected */
	RETRY_LEAST = 250,  /* ms between attempts to reach the database at the start */
	RETRY_MOST = 5000
};

struct worker {
	const struct worker_config *config;
	struct server server; /* of all its threads */
	struct push *push;
	struct imap_watch *watch;
	struct door *door;
	bool tcp;
	atomic_bool ready;
	atomic_uint running; /* threads that accept, keep house, or deliver */
	atomic_bool ending;  /* the last two are to end */
};

struct thread {
	struct worker *worker;
	struct session *session;
	unsigned number; /* among those that accept */
	pthread_t id;
};

/* ---- One request ---- */

static void pause_ms(int ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	nanosleep(&t, NULL);
}

static void set_limits(const struct worker *w, int fd)
{
	const struct timeval limit = {.tv_sec = PEER_LIMIT};
	const int on = 1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
	if (w->tcp)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static size_t read_stdin(void *ctx, char *p, size_t n, bool *ok)
{
	FCGX_Stream *in = ctx;
	int got = FCGX_GetStr(p, (int)n, in);
	*ok = FCGX_GetError(in) == 0;
	return (size_t)got;
}

/*
 * Lets libfcgi read the request of a connection that is already there: as if it had been kept open
 * after another one. Its own accept would need signals to be stopped. On failure the connection is
 * closed.
 */
static bool read_fcgi(FCGX_Request *r, int fd)
{
	FCGX_InitRequest(r, -1, 0);
	FCGX_Detach(r);
	r->ipcFd = fd;
	r->keepConnection = 1;
	return FCGX_Accept_r(r) >= 0;
}

static void refuse(struct answer *w, const char *retry_after)
{
	w->status = 503;
	answer_header(w, "Retry-After", retry_after);
}

/* Sends the answer and ends the connection. */
static bool finish(struct peer peer, struct answer *w, bool unread, struct err *e)
{
	if (w->body.mem.failed) {
		err_set(e, ERR_INTERNAL, "an answer grew past its limit");
		log_event(LOG_ERROR, "answer", e);
		body_free(&w->body);
		*w = (struct answer){.status = 500};
	}
	bool ok = reply_send(peer, w, true, e);
	body_free(&w->body);
	reply_close(peer, unread);
	return ok;
}

/* A Sync for which something has come is run again; everything else is answered from what is known.
 */
static void answer_waiter(struct session *s, const struct waiter *waiter, enum wait_outcome outcome,
			  const int32_t *changed, size_t nchanged, struct peer peer)
{
	struct answer w = {.status = 200};
	struct err e;
	if (waiter->kind == WAIT_SYNC && outcome == WAIT_CHANGED) {
		serve_waited(s, waiter, &w);
	} else {
		wait_answer(waiter, outcome, changed, nchanged, &w);
		trace_waited(s, waiter, &w);
	}
	bool ok = finish(peer, &w, false, &e);
	if (!ok)
		session_answer_lost(s, &w);
	wait_finish(waiter, outcome, ok ? "answered" : "hung-up");
}

/*
 * Registers first, then looks, then parks: what changes after the look is notified to the record.
 * Nothing of the request is needed any more.
 */
static void wait_or_answer(struct thread *t, struct waiter *waiter, struct peer peer)
{
	struct push *push = t->worker->push;
	struct hub_begun begun = {0};
	struct parked *r = park_register(push_registry(push), waiter);
	if (!r) {
		answer_waiter(t->session, waiter, WAIT_FULL, NULL, 0, peer);
		waiter_free(&waiter);
		return;
	}
	size_t nchanged = 0;
	int32_t *changed = arena_array(t->session->arena, waiter->nfolders, sizeof *changed);
	enum wait_outcome outcome = wait_check(t->session, waiter, &begun, changed, &nchanged);
	if (outcome == WAIT_TIMEOUT) {
		session_reset(t->session);
		push_hand_over(push, r, peer, &begun);
	} else {
		waiter = park_unregister(push_registry(push), r);
		answer_waiter(t->session, waiter, outcome, changed, nchanged, peer);
		waiter_free(&waiter);
	}
}

/* The database has not been seen yet. */
static void answer_starting(const struct request *rq, struct answer *w)
{
	struct log_line l;
	refuse(w, "10");
	log_begin(&l, LOG_INFO, "request");
	log_str(&l, "command", rq->eas.command);
	log_int(&l, "status", w->status);
	log_cstr(&l, "reason", "starting");
	log_end(&l);
}

static void serve_connection(struct thread *t, int fd)
{
	FCGX_Request r;
	struct session *s = t->session;
	struct request rq = {.arena = s->arena, .secrets = s->secrets};
	struct answer w = {.status = 200};
	struct waiter *waiter = NULL;
	struct err e;

	set_limits(t->worker, fd);
	if (!read_fcgi(&r, fd))
		return;
	struct peer peer = {.fd = fd, .request = (uint16_t)r.requestId};
	struct http_input in = {.read = read_stdin, .ctx = r.in};
	http_read_request(r.envp, &in, s->server->max_body, &rq);
	if (atomic_load(&t->worker->ready))
		serve(s, &rq, &w, &waiter);
	else
		answer_starting(&rq, &w);
	if (!waiter && !finish(peer, &w, in.unread, &e)) {
		log_event(LOG_WARNING, "answer-cut", &e);
		session_answer_lost(s, &w);
	}
	FCGX_Free(&r, 0);
	if (waiter)
		wait_or_answer(t, waiter, peer);
	session_reset(s);
}

static bool is_gone(struct peer peer)
{
	struct pollfd p = {.fd = peer.fd, .events = POLLRDHUP};
	return poll(&p, 1, 0) > 0;
}

/* Runs waiting Syncs again: apart from the other threads, so that many at once delay no one else.
 */
static void *run_again(void *ctx)
{
	struct thread *t = ctx;
	struct push *push = t->worker->push;
	t->session = session_new(&t->worker->server);
	for (struct parked *r; (r = push_take(push)); session_reset(t->session)) {
		if (is_gone(r->peer)) {
			reply_close(r->peer, false);
			wait_finish(r->waiter, r->outcome, "hung-up");
		} else {
			int32_t *folders = arena_array(t->session->arena, r->waiter->nfolders + 1u,
						       sizeof *folders);
			size_t n = park_changed_folders(r, folders);
			answer_waiter(t->session, r->waiter, r->outcome, folders, n, r->peer);
		}
		push_release(push, r);
	}
	session_free(&t->session);
	return NULL;
}

static void *run_thread(void *ctx)
{
	struct thread *t = ctx;
	int fd;
	t->session = session_new(&t->worker->server);
	while ((fd = door_next(t->worker->door, t->number)) >= 0)
		serve_connection(t, fd);
	session_free(&t->session);
	atomic_fetch_sub(&t->worker->running, 1);
	return NULL;
}

static void *keep_house(void *ctx)
{
	struct worker *w = ctx;
	housekeeping_run(&w->server, &w->ending);
	atomic_fetch_sub(&w->running, 1);
	return NULL;
}

static void *deliver_mail(void *ctx)
{
	struct worker *w = ctx;
	struct queue_runner *r =
		queue_runner_new(w->server.database, QUEUE_RUNNER_WORKER, &w->ending);
	queue_runner_keep(r);
	queue_runner_free(&r);
	atomic_fetch_sub(&w->running, 1);
	return NULL;
}

/* ---- The process ---- */

static sigset_t stop_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1); /* how Apache's mod_fastcgi asks for a soft stop */
	return set;
}

void worker_block_signals(void)
{
	sigset_t set = stop_signals();
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

/* FCGX_Init() installs handlers of its own, so ours are set afterwards. */
static void set_signals(void)
{
	const int theirs[] = {SIGTERM, SIGINT, SIGUSR1};
	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
		signal(theirs[i], SIG_DFL);
}

/* Waits for a signal to stop, at most ms milliseconds. */
static bool stop_asked(int ms)
{
	sigset_t set = stop_signals();
	struct timespec t = {ms / 1000, ms % 1000 * 1000000L};
	return sigtimedwait(&set, NULL, &t) > 0;
}

/* EX_OK: the database is there and its schema is ours; -1: it is away; else how to end. */
static int look_for_database(struct pg *db)
{
	struct err e = {0};
	if (pg_migrate_check(db, &e))
		return EX_OK;
	log_event(LOG_ERROR, "database", &e);
	return e.kind == ERR_UNAVAILABLE ? -1 : EX_CONFIG;
}

/* Looks again and again. -1: asked to stop meanwhile. */
static int await_database(struct pg *db)
{
	for (int pause = RETRY_LEAST; !stop_asked(pause);) {
		int result = look_for_database(db);
		if (result >= 0)
			return result;
		pause = 2 * pause < RETRY_MOST ? 2 * pause : RETRY_MOST;
	}
	return -1;
}

static bool is_tcp(int fd)
{
	int domain = AF_UNIX;
	socklen_t n = sizeof domain;
	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n);
	return domain != AF_UNIX;
}

static void start_thread(struct worker *w, struct thread *t, void *(*run)(void *ctx))
{
	t->worker = w;
	errno = pthread_create(&t->id, NULL, run, t);
	if (errno) {
		perror("easel: thread");
		exit(EX_OSERR);
	}
}

/* What one thread of the process does for all; it ends soon after *ending. */
static void start_helper(struct worker *w, void *(*run)(void *ctx))
{
	pthread_t id;
	atomic_fetch_add(&w->running, 1);
	errno = pthread_create(&id, NULL, run, w);
	if (errno) {
		perror("easel: thread");
		exit(EX_OSERR);
	}
	pthread_detach(id);
}

/* Threads that run waiting Syncs again, besides those that accept. */
static unsigned again_threads(const struct worker_config *c)
{
	return (c->nthreads + 1) / 2;
}

static void start_threads(struct worker *w, struct thread *threads)
{
	unsigned n = w->config->nthreads;
	atomic_store(&w->running, n);
	for (unsigned i = 0; i < n; i++) {
		threads[i].number = i;
		start_thread(w, &threads[i], run_thread);
	}
	for (unsigned i = 0; i < again_threads(w->config); i++)
		start_thread(w, &threads[n + i], run_again);
}

/* False: some request did not end in time. */
static bool stop_threads(struct worker *w, struct thread *threads)
{
	int64_t until = clock_monotonic() + STOP_LIMIT;
	door_shut(w->door, w->config->drain, clock_monotonic() + DRAIN_LIMIT);
	push_close(w->push);
	while (atomic_load(&w->running) && clock_monotonic() < until)
		pause_ms(10);
	if (atomic_load(&w->running) || !push_end(w->push, until))
		return false;
	for (unsigned i = 0; i < w->config->nthreads + again_threads(w->config); i++)
		pthread_join(threads[i].id, NULL);
	return true;
}

static void log_start(const struct worker_config *c)
{
	struct log_line l;
	log_begin(&l, LOG_INFO, "start");
	log_int(&l, "pid", getpid());
	log_int(&l, "threads", c->nthreads);
	log_int(&l, "max-parked", (int64_t)c->max_parked);
	log_int(&l, "max-queued", (int64_t)c->max_queued);
	log_end(&l);
}

/* A name that no other worker has or had: of this or another host, before or after a restart. */
static void make_name(char out[33])
{
	unsigned char random[16];
	digest_random(random, sizeof random);
	for (size_t i = 0; i < sizeof random; i++)
		snprintf(out + 2 * i, 3, "%02x", random[i]);
}

/*
 * Requests are taken once it is known whether the database is there: whoever comes in the moment
 * that takes is served, and not sent away.
 */
static int begin_serving(struct worker *w, struct thread *threads)
{
	struct pg *db = pg_new(w->config->server.database, "easel start");
	int result = look_for_database(db);
	atomic_store(&w->ready, result == EX_OK);
	start_threads(w, threads);
	if (result < 0)
		result = await_database(db);
	atomic_store(&w->ready, result == EX_OK);
	pg_free(&db);
	return result;
}

static void serve_until_stopped(struct worker *w)
{
	start_helper(w, keep_house);
	start_helper(w, deliver_mail);
	log_event(LOG_INFO, "ready", NULL);
	while (!stop_asked(3600 * 1000))
		;
	atomic_store(&w->ending, true);
}

int worker_run(const struct worker_config *given)
{
	char name[33];
	struct worker_config named = *given, *config = &named;
	struct worker w = {.config = config};
	struct thread threads[2 * WORKER_THREADS] = {{0}};
	make_name(name);
	config->server.worker = name;

	FCGX_Init();
	set_signals();
	worker_block_signals();
	w.tcp = is_tcp(config->listener);
	w.door = door_new(config->listener, config->nthreads, config->max_queued);
	log_start(config);
	w.server = config->server;
	w.server.imap = imap_pool_new();
	w.watch = imap_watch_start(w.server.imap, config->server.database);
	w.push = push_start(config->server.database, name, config->max_parked);
	int result = begin_serving(&w, threads);
	if (result == EX_OK)
		serve_until_stopped(&w);
	log_event(LOG_INFO, "stop", NULL);
	if (config->stopping)
		config->stopping(config->ctx);
	if (!stop_threads(&w, threads)) {
		log_event(LOG_WARNING, "stop-late", NULL);
		_exit(EX_TEMPFAIL);
	}
	push_free(&w.push);
	imap_watch_end(&w.watch);
	imap_pool_free(&w.server.imap);
	door_free(&w.door);
	return result < 0 ? EX_OK : result;
}
