/* imap_watch: what happens on IMAP servers to accounts that wait. See imap_watch.h. */
#include "store/imap_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "store/imap_index.h"
#include "store/pg.h"

enum {
	HELPERS = 3,
	EVENTS = 64,
	TICK = 1000,		/* ms: how exactly times are kept */
	RENEW = 20 * 60 * 1000, /* before the server takes the silence for the end (RFC 2177) */
	LINGER = 60 * 1000,	/* after the last request ended: most phones come again at once */
	QUIET_TRIES = 5,
	RETRY_LEAST = 1000,
	RETRY_MOST = 60 * 1000,
	NAMES = 4, /* folders that are remembered by name; more means all */
	HELPER_CAP = 16 << 20
};

/*
 * A mail server may tell of a message a moment before it can be seen, so a look that finds nothing
 * is repeated at these distances (ms).
 */
static const int looks[] = {15, 30, 60, 120, 240, 500};
enum { LOOKS = sizeof looks / sizeof *looks };

struct watched {
	struct watched *next;
	struct watched *queued; /* the next in the queue of those with something to do */
	int32_t account;
	bool held;		/* requests wait */
	bool busy;		/* a helper has it, and the link with it */
	bool waits;		/* in the queue */
	bool broken;		/* what is wrong was logged */
	struct imap_link *link; /* NULL: none, or none yet */
	enum imap_watching watching;
	int64_t poll;	  /* ms between looks at what the server does not tell of; 0: never */
	int64_t look_at;  /* clock_monotonic() of the next look at all */
	int64_t renew_at; /* and when the server is to hear something */
	int64_t open_at;  /* and of the next attempt to connect */
	int64_t until;	  /* and when it is let go, while nobody waits */
	int64_t again_at; /* and of the next look after a hint that came early; 0: none */
	unsigned failures, hint;
	unsigned idle; /* number of the IDLE under way; 0: none */
	bool all;      /* look at all folders */
	char *names[NAMES];
	unsigned nnames;
};

enum { BUCKETS = 4096 };

struct imap_watch {
	struct imap_pool *pool;
	const char *conninfo;
	int epoll, bell;
	pthread_t thread, listener, helpers[HELPERS];
	pthread_mutex_t lock;
	pthread_cond_t work;
	struct watched *buckets[BUCKETS];
	struct watched *first, *last; /* with something to do */
	atomic_bool ending;
};

static void ring(struct imap_watch *w)
{
	uint64_t one = 1;
	while (write(w->bell, &one, sizeof one) < 0)
		;
}

static void log_account(enum log_level level, int32_t account, const char *what,
			const struct err *e)
{
	struct log_line l;
	log_begin(&l, level, "imap-watch");
	log_int(&l, "account", account);
	log_cstr(&l, "what", what);
	if (e)
		log_err(&l, e);
	log_end(&l);
}

/* ---- Who is watched. All under the lock. ---- */

static struct watched **find(struct imap_watch *w, int32_t account)
{
	struct watched **at = &w->buckets[(uint32_t)account % BUCKETS];
	while (*at && (*at)->account != account)
		at = &(*at)->next;
	return at;
}

static void enqueue(struct imap_watch *w, struct watched *x)
{
	if (x->waits || x->busy || !x->held)
		return;
	x->waits = true;
	x->queued = NULL;
	if (w->first)
		w->last->queued = x;
	else
		w->first = x;
	w->last = x;
	pthread_cond_signal(&w->work);
}

/* The folder is to be looked at; NULL: all are. */
static void note_name(struct watched *x, const char *name, size_t n)
{
	if (!name || x->nnames == NAMES) {
		x->all = true;
		return;
	}
	for (unsigned i = 0; i < x->nnames; i++)
		if (strlen(x->names[i]) == n && memcmp(x->names[i], name, n) == 0)
			return;
	char *copy = base_malloc(n + 1);
	memcpy(copy, name, n);
	copy[n] = '\0';
	x->names[x->nnames++] = copy;
}

static void drop_names(struct watched *x)
{
	while (x->nnames)
		free(x->names[--x->nnames]);
	x->all = false;
}

static void close_link(struct imap_watch *w, struct watched *x)
{
	if (!x->link)
		return;
	epoll_ctl(w->epoll, EPOLL_CTL_DEL, imap_fd(x->link->imap), NULL);
	imap_link_free(w->pool, &x->link);
	x->idle = 0;
}

/* The pool's observer: any thread. */
static void held(void *ctx, int32_t account, bool is)
{
	struct imap_watch *w = ctx;
	pthread_mutex_lock(&w->lock);
	struct watched **at = find(w, account), *x = *at;
	if (is && !x) {
		x = base_calloc(1, sizeof *x);
		x->account = account;
		*at = x;
	}
	if (x) {
		x->held = is;
		x->until = clock_monotonic() + LINGER;
	}
	if (x && is && !x->link) {
		x->open_at = 0;
		x->all = true;
	}
	if (x && is && (x->all || x->nnames))
		enqueue(w, x);
	pthread_mutex_unlock(&w->lock);
}

/* ---- What the server says ---- */

struct hearing {
	struct imap_watch *w;
	struct watched *x;
	bool idle_ended;
};

/* On the watch's thread, under the lock. */
static bool on_event(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct hearing *h = ctx;
	struct imap_counts counts;
	(void)a;
	if (r->kind == IMAP_TAGGED) {
		h->idle_ended |= h->x->idle != 0;
		return true;
	}
	if (imap_is(r, "BYE"))
		return err_set(e, ERR_UNAVAILABLE, "the IMAP server says goodbye");
	if (imap_counts_read(r, &counts))
		note_name(h->x, counts.mailbox.p, counts.mailbox.n);
	else if (imap_is(r, "EXISTS") || imap_is(r, "EXPUNGE") || imap_is(r, "VANISHED") ||
		 imap_is(r, "FETCH"))
		note_name(h->x, "INBOX", 5);
	else if (imap_is(r, "OK") && r->code.p &&
		 str_eq_nocase(r->code, STR("NOTIFICATIONOVERFLOW")))
		return err_set(e, ERR_UNAVAILABLE, "the IMAP server has too much to tell");
	return true;
}

static void lost(struct imap_watch *w, struct watched *x, const struct err *e)
{
	log_account(LOG_INFO, x->account, "lost", e);
	close_link(w, x);
	x->open_at = clock_monotonic() + (x->failures ? RETRY_LEAST : 0);
	x->all = true;
	enqueue(w, x);
}

/* IDLE again, after it was ended for the server to hear something. Never blocks for long. */
static bool idle_again(struct watched *x, struct err *e)
{
	char command[32];
	/* Its number only has to be unlike the one before. */
	snprintf(command, sizeof command, "w%u IDLE\r\n", ++x->idle);
	return imap_write(x->link->imap, str_of(command), e);
}

static void hear(struct imap_watch *w, struct watched *x)
{
	struct hearing h = {w, x, false};
	struct err e = {0};
	if (!imap_pump(x->link->imap, on_event, &h, &e) || (h.idle_ended && !idle_again(x, &e))) {
		lost(w, x, &e);
		return;
	}
	if (x->nnames || x->all)
		enqueue(w, x);
}

/* ---- Times ---- */

/* So that the server does not take the connection for dead. */
static void renew(struct imap_watch *w, struct watched *x, int64_t now)
{
	struct err e = {0};
	x->renew_at = now + RENEW;
	if (!imap_write(x->link->imap, x->idle ? STR("DONE\r\n") : STR("w0 NOOP\r\n"), &e))
		lost(w, x, &e);
}

static void tick_one(struct imap_watch *w, struct watched *x, int64_t now)
{
	if (x->again_at && now >= x->again_at) {
		x->again_at = 0;
		enqueue(w, x);
	}
	if (x->poll && now >= x->look_at) {
		x->look_at = now + x->poll;
		x->all = true;
		enqueue(w, x);
	}
	if (x->link && now >= x->renew_at)
		renew(w, x, now);
	if (!x->link && x->watching != IMAP_WATCH_TOLD && x->watching != IMAP_WATCH_POLL &&
	    x->open_at && now >= x->open_at)
		enqueue(w, x);
}

/* Also lets those go for whom nobody waits any more. Gives when to look next. */
static int64_t tick(struct imap_watch *w)
{
	int64_t now = clock_monotonic(), next = now + TICK;
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct watched **at = &w->buckets[i]; *at;) {
			struct watched *x = *at;
			if (!x->held && !x->busy && !x->waits && now >= x->until) {
				*at = x->next;
				close_link(w, x);
				drop_names(x);
				free(x);
				continue;
			}
			if (!x->busy)
				tick_one(w, x, now);
			if (x->again_at && x->again_at < next)
				next = x->again_at;
			at = &x->next;
		}
	return next;
}

static void *watch(void *ctx)
{
	struct imap_watch *w = ctx;
	struct epoll_event events[EVENTS];
	int64_t next = 0, tidy = 0;
	while (!atomic_load(&w->ending)) {
		int64_t now = clock_monotonic();
		int n = epoll_wait(w->epoll, events, EVENTS, next > now ? (int)(next - now) : 0);
		pthread_mutex_lock(&w->lock);
		for (int i = 0; i < n; i++) {
			uint64_t rings;
			struct watched *x = *find(w, (int32_t)events[i].data.u64);
			if (events[i].data.u64 == 0) {
				while (read(w->bell, &rings, sizeof rings) > 0)
					;
				next = 0;
			} else if (x && x->link && !x->busy) {
				hear(w, x);
			}
		}
		now = clock_monotonic();
		if (now >= next)
			next = tick(w);
		pthread_mutex_unlock(&w->lock);
		if (now >= tidy) {
			imap_pool_tidy(w->pool);
			tidy = now + 30 * TICK;
		}
	}
	return NULL;
}

/* ---- Helpers: what may block ---- */

struct job {
	struct imap_watch *w;
	struct pg *db;
	struct arena *a, *secrets;
	int32_t account;
	struct imap_site site;
	struct imap_person who;
	struct imap_box *boxes;
	size_t nboxes, behind;
	bool all, connect;
	char *names[NAMES];
	unsigned nnames;
	struct imap_link *watch; /* made by this job */
	bool looked;		 /* it has looked, too */
	unsigned idle;
};

static bool is_named(const struct job *j, const struct imap_box *box)
{
	for (unsigned i = 0; i < j->nnames; i++)
		if (str_eq(box->mailbox, str_of(j->names[i])) ||
		    (str_eq_nocase(box->mailbox, STR("INBOX")) &&
		     str_eq_nocase(str_of(j->names[i]), STR("INBOX"))))
			return true;
	return false;
}

static bool look(struct job *j, struct imap_link *link, struct err *e)
{
	size_t n = 0;
	if (!imap_boxes_load(j->db, j->a, j->account, NULL, 0, &j->boxes, &j->nboxes, e))
		return false;
	for (size_t i = 0; i < j->nboxes; i++)
		if (j->all || is_named(j, &j->boxes[i]))
			j->boxes[n++] = j->boxes[i];
	return n == 0 || imap_index_refresh(j->db, link, j->account, j->boxes, n, &j->behind, e);
}

static const struct imap_box *inbox_of(const struct job *j)
{
	for (size_t i = 0; i < j->nboxes; i++)
		if (str_eq_nocase(j->boxes[i].mailbox, STR("INBOX")))
			return &j->boxes[i];
	return NULL;
}

/* NOTIFY; what the server says meanwhile is looked at afterwards. FOUND_NONE: it does not do that.
 */
static enum found start_notify(struct job *j, struct imap_link *link, struct err *e)
{
	struct imap_result result;
	if (j->site.watching != IMAP_WATCH_NOTIFY || !(imap_can(link->imap) & IMAP_CAN_NOTIFY))
		return FOUND_NONE;
	if (!imap_box_unselect(link, e) ||
	    !imap_run(link->imap,
		      STR("NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))"), NULL,
		      NULL, &result, e))
		return FOUND_FAILED;
	return result.status == IMAP_OK ? FOUND_ONE : FOUND_NONE;
}

/*
 * Looks on the connection that tells of everything already. Only the last look, which finds nothing
 * to do, takes note of what is told meanwhile.
 */
static bool look_until_quiet(struct job *j, struct imap_link *link, struct err *e)
{
	bool foreign = false;
	j->all = true;
	for (int i = 0; i < QUIET_TRIES; i++) {
		if (!look(j, link, e) || !imap_box_unselect(link, e))
			return false;
		if (j->behind == 0)
			break;
	}
	for (size_t i = 0; i < j->nboxes; i++)
		foreign |= !j->boxes[i].own;
	if (!foreign)
		j->site.poll = 0;
	j->looked = true;
	return true;
}

static bool start_idle(struct job *j, struct imap_link *link, struct err *e)
{
	const struct imap_box *inbox;
	if (!imap_boxes_load(j->db, j->a, j->account, NULL, 0, &j->boxes, &j->nboxes, e))
		return false;
	inbox = inbox_of(j);
	if (!inbox || !(imap_can(link->imap) & IMAP_CAN_IDLE))
		return true;
	if (!imap_box_select(link, inbox, e))
		return false;
	j->idle = imap_queue(link->imap, STR("IDLE"));
	return imap_await_continue(link->imap, j->idle, e);
}

/*
 * The connection first, and then the look: what happens in between is told. One that idles can't
 * look itself.
 */
static bool connect_watch(struct job *j, struct err *e)
{
	struct imap_link *link = imap_pool_take(j->w->pool, &j->site, &j->who, false, e);
	if (!link)
		return false;
	imap_pool_detach(j->w->pool, link);
	enum found notify = start_notify(j, link, e);
	bool ok = notify != FOUND_FAILED;
	if (notify == FOUND_ONE)
		ok = look_until_quiet(j, link, e);
	if (notify == FOUND_NONE) {
		j->site.watching = IMAP_WATCH_IDLE;
		ok = start_idle(j, link, e);
	}
	if (!ok) {
		imap_link_free(j->w->pool, &link);
		return false;
	}
	imap_shrink(link->imap);
	j->watch = link;
	log_account(LOG_DEBUG, j->account, "watching", NULL);
	return true;
}

static bool do_look(struct job *j, struct err *e)
{
	for (;;) {
		struct imap_link *link = imap_pool_take(j->w->pool, &j->site, &j->who, false, e);
		if (!link)
			return false;
		bool reused = link->reused, dead;
		link->reused = false;
		bool ok = look(j, link, e);
		dead = imap_dead(link->imap);
		imap_pool_give(j->w->pool, &link);
		if (ok || !dead || !reused)
			return ok;
	}
}

static bool wants_link(const struct job *j)
{
	return j->site.watching == IMAP_WATCH_NOTIFY || j->site.watching == IMAP_WATCH_IDLE;
}

static bool do_job(struct job *j, struct err *e)
{
	if (!imap_pool_held(j->w->pool, j->account, j->secrets, &j->who))
		return err_set(e, ERR_LOGIN, "the password is not known any more");
	enum found found = imap_site_of_account(j->db, j->a, j->account, &j->site, e);
	if (found != FOUND_ONE)
		return found == FOUND_NONE ? err_set(e, ERR_LOGIN, "the account left its server")
					   : false;
	if (j->connect && wants_link(j) && !connect_watch(j, e))
		return false;
	return j->looked || (!j->all && !j->nnames) || do_look(j, e);
}

/* ---- Taking work, and giving it back. Under the lock. ---- */

static struct watched *take(struct imap_watch *w, struct job *j)
{
	struct watched *x = w->first;
	w->first = x->queued;
	x->waits = false;
	x->busy = true;
	j->account = x->account;
	j->all = x->all;
	memcpy(j->names, x->names, sizeof j->names);
	j->nnames = x->nnames;
	j->connect = !x->link && clock_monotonic() >= x->open_at;
	x->nnames = 0;
	x->all = false;
	return x;
}

static void adopt(struct imap_watch *w, struct watched *x, struct job *j)
{
	struct epoll_event event = {.events = EPOLLIN | EPOLLRDHUP,
				    .data.u64 = (uint64_t)x->account};
	if (!j->watch)
		return;
	x->link = j->watch;
	x->idle = j->idle;
	x->renew_at = clock_monotonic() + RENEW;
	epoll_ctl(w->epoll, EPOLL_CTL_ADD, imap_fd(x->link->imap), &event);
}

static void note_success(struct watched *x, const struct job *j)
{
	x->failures = 0;
	x->broken = false;
	x->watching = j->site.watching;
	x->poll = wants_link(j) || j->site.watching == IMAP_WATCH_POLL
			  ? (int64_t)j->site.poll * 1000
			  : 0;
	if (x->poll)
		x->look_at = clock_monotonic() + x->poll;
	/* A hint may have come before what it tells of. */
	if (j->behind)
		x->hint = 0;
	if (x->hint > 0 && x->hint <= LOOKS && !j->behind) {
		for (unsigned i = 0; i < j->nnames; i++)
			note_name(x, j->names[i], strlen(j->names[i]));
		x->again_at = clock_monotonic() + looks[x->hint++ - 1];
	}
}

static void note_failure(struct watched *x, const struct err *e)
{
	int64_t pause = RETRY_LEAST << (x->failures < 6 ? x->failures : 6);
	x->failures++;
	x->all = true; /* what was to be looked at still is */
	if (!x->broken)
		log_account(LOG_WARNING, x->account, "failed", e);
	x->broken = true;
	x->open_at = clock_monotonic() + (pause < RETRY_MOST ? pause : RETRY_MOST);
	x->again_at = x->open_at;
}

static void finish(struct imap_watch *w, struct watched *x, struct job *j, bool ok,
		   const struct err *e)
{
	bool idle = j->watch != NULL;
	adopt(w, x, j);
	x->busy = false;
	if (ok)
		note_success(x, j);
	else if (e->kind != ERR_LOGIN)
		note_failure(x, e);
	else {
		x->open_at = INT64_MAX; /* whoever comes next brings a password */
		x->all = true;
	}
	for (unsigned i = 0; i < j->nnames; i++)
		free(j->names[i]);
	/* What came while the helper had it waits in the socket, or was noted. */
	if (ok && (x->all || x->nnames) && !x->again_at)
		enqueue(w, x);
	if (idle || x->again_at)
		ring(w);
}

static void *help(void *ctx)
{
	struct imap_watch *w = ctx;
	struct pg *db = pg_new(w->conninfo, "easel imap");
	struct arena *a = arena_new(HELPER_CAP), *secrets = arena_new_secret(64 * 1024);
	pthread_mutex_lock(&w->lock);
	while (!atomic_load(&w->ending)) {
		struct job j = {.w = w, .db = db, .a = a, .secrets = secrets};
		struct err e = {0};
		if (!w->first) {
			pthread_cond_wait(&w->work, &w->lock);
			continue;
		}
		struct watched *x = take(w, &j);
		pthread_mutex_unlock(&w->lock);
		bool ok = do_job(&j, &e);
		if (!ok && e.kind == ERR_LOGIN && j.who.digest) {
			log_account(LOG_WARNING, j.account, "refused", &e);
			imap_pool_distrust(w->pool, j.account, j.who.digest);
		}
		arena_reset(a);
		arena_reset(secrets);
		pthread_mutex_lock(&w->lock);
		finish(w, x, &j, ok, &e);
	}
	pthread_mutex_unlock(&w->lock);
	arena_free(&a);
	arena_free(&secrets);
	pg_free(&db);
	return NULL;
}

/* ---- What mail servers tell: easel.mail_changed() ---- */

/* "12 INBOX" */
static void on_told(void *ctx, struct str payload)
{
	struct imap_watch *w = ctx;
	struct str number;
	int64_t account;
	if (!str_next(&payload, ' ', &number) || !str_to_i64(number, &account) || account <= 0 ||
	    account > INT32_MAX)
		return;
	pthread_mutex_lock(&w->lock);
	struct watched *x = *find(w, (int32_t)account);
	if (x && x->held) {
		note_name(x, payload.n ? payload.p : NULL, payload.n);
		x->hint = 1;
		enqueue(w, x);
	}
	pthread_mutex_unlock(&w->lock);
}

static void *listen(void *ctx)
{
	struct imap_watch *w = ctx;
	struct pg *db = pg_new(w->conninfo, "easel imap told");
	const struct timespec pause = {.tv_sec = 1};
	unsigned connection = 0;
	while (!atomic_load(&w->ending)) {
		struct err e = {0};
		bool ok = pg_connection(db) == connection && connection;
		if (!ok) {
			ok = pg_script(db, "LISTEN easel_imap", &e);
			connection = pg_connection(db);
		}
		if (!ok || !pg_wait_told(db, TICK, on_told, w, &e)) {
			connection = 0;
			nanosleep(&pause, NULL);
		}
	}
	pg_free(&db);
	return NULL;
}

/* ---- Starting and ending ---- */

struct imap_watch *imap_watch_start(struct imap_pool *pool, const char *conninfo)
{
	struct imap_watch *w = base_calloc(1, sizeof *w);
	struct epoll_event bell = {.events = EPOLLIN};
	w->pool = pool;
	w->conninfo = conninfo;
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	w->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	epoll_ctl(w->epoll, EPOLL_CTL_ADD, w->bell, &bell);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	imap_pool_observe(pool, held, w);
	bool ok = pthread_create(&w->thread, NULL, watch, w) == 0 &&
		  pthread_create(&w->listener, NULL, listen, w) == 0;
	for (int i = 0; ok && i < HELPERS; i++)
		ok = pthread_create(&w->helpers[i], NULL, help, w) == 0;
	if (!ok) {
		perror("easel: thread");
		exit(EXIT_FAILURE);
	}
	return w;
}

void imap_watch_end(struct imap_watch **watch_)
{
	struct imap_watch *w = *watch_;
	if (!w)
		return;
	imap_pool_observe(w->pool, NULL, NULL);
	atomic_store(&w->ending, true);
	ring(w);
	pthread_mutex_lock(&w->lock);
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_join(w->listener, NULL);
	for (int i = 0; i < HELPERS; i++)
		pthread_join(w->helpers[i], NULL);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct watched *x; (x = w->buckets[i]); free(x)) {
			w->buckets[i] = x->next;
			close_link(w, x);
			drop_names(x);
		}
	pthread_mutex_destroy(&w->lock);
	pthread_cond_destroy(&w->work);
	close(w->epoll);
	close(w->bell);
	free(w);
	*watch_ = NULL;
}
