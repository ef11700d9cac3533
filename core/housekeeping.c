/* housekeeping: what one worker does for all. See housekeeping.h for the contract. */
#include "core/housekeeping.h"

#include <time.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "store/delivery.h"
#include "store/notice.h"
#include "store/pg.h"
#include "store/queue.h"

enum {
	LOOK_MS = 200,		 /* between looks at *ending */
	TRY_MS = 5000,		 /* between attempts to become the one, and after a failure */
	NOTICES_MS = 60 * 1000,	 /* without a notification, which may be lost */
	TIDY_MS = 60 * 60 * 1000 /* between removals */
};

struct keeper {
	struct session *s;
	atomic_bool *ending;
	unsigned holds; /* number of the connection that holds the lock; 0: none */
	int64_t next_try, next_notices, next_tidy;
};

/* Here into the mailbox; elsewhere by way of the queue. */
static bool deliver_one(struct session *s, const struct notice *n, const struct recipient *to,
			struct err *e)
{
	if (to->local && to->inbox)
		return delivery_put(s->own, s->arena, to->account, to->inbox, n->raw, clock_now(),
				    0, e);
	if (to->local && !to->account)
		return true; /* there is no such address: nobody to tell */
	return queue_put(s->db, s->arena, n->account, n->sender, n->raw, to, 1, e);
}

/* Done with in one transaction, so that nothing is delivered twice. */
static enum found deliver(struct session *s, struct err *e)
{
	struct notice n;
	if (!pg_begin(s->db, e))
		return FOUND_FAILED;
	enum found found = notice_take(s->db, s->arena, &n, e);
	bool ok = found != FOUND_FAILED;
	if (found == FOUND_ONE) {
		struct recipient to[2] = {{.address = n.address}, {.address = n.copy_to}};
		size_t most = n.copy_to.n ? 2 : 1;
		ok = queue_resolve(s->db, s->arena, to, most, e);
		for (size_t i = 0; ok && i < most; i++)
			ok = deliver_one(s, &n, &to[i], e);
		ok = ok && notice_finish(s->db, &n, e);
	}
	if (ok && pg_commit(s->db, e))
		return found;
	pg_rollback(s->db);
	return FOUND_FAILED;
}

static bool deliver_all(struct keeper *k, struct err *e)
{
	enum found found;
	do {
		found = deliver(k->s, e);
		session_reset(k->s);
	} while (found == FOUND_ONE && !atomic_load(k->ending));
	return found != FOUND_FAILED;
}

static bool tidy(struct keeper *k, struct err *e)
{
	int64_t removed;
	if (!notice_housekeep(k->s->db, &removed, e))
		return false;
	struct log_line l;
	log_begin(&l, LOG_INFO, "housekeeping");
	log_int(&l, "removed", removed);
	log_end(&l);
	return true;
}

static bool is_the_one(struct keeper *k, struct err *e)
{
	bool taken = k->holds != 0 && k->holds == pg_connection(k->s->db);
	if (taken)
		return true;
	k->holds = 0;
	if (!notice_lock(k->s->db, &taken, e) || !taken)
		return false;
	k->holds = pg_connection(k->s->db);
	k->next_notices = 0;
	return true;
}

static bool work(struct keeper *k, struct err *e)
{
	int64_t now = clock_monotonic();
	if (!is_the_one(k, e))
		return e->kind == ERR_NONE ? (k->next_try = now + TRY_MS, true) : false;
	if (now >= k->next_notices) {
		if (!deliver_all(k, e))
			return false;
		k->next_notices = now + NOTICES_MS;
	}
	if (now >= k->next_tidy) {
		if (!tidy(k, e))
			return false;
		k->next_tidy = now + TIDY_MS;
	}
	return true;
}

static void pause_ms(int ms)
{
	struct timespec t = {0, ms * 1000000L};
	nanosleep(&t, NULL);
}

/* Sleeps a moment; a notification brings the mails forward. */
static void rest(struct keeper *k)
{
	struct err e = {0};
	bool woken = false;
	if (k->holds == 0 || !notice_wait(k->s->db, LOOK_MS, &woken, &e))
		pause_ms(LOOK_MS);
	if (woken)
		k->next_notices = 0;
}

void housekeeping_run(const struct server *server, atomic_bool *ending)
{
	struct keeper k = {.s = session_new(server), .ending = ending};
	while (!atomic_load(ending)) {
		struct err e = {0};
		if (clock_monotonic() >= k.next_try && !work(&k, &e)) {
			log_event(LOG_WARNING, "housekeeping", &e);
			k.next_try = clock_monotonic() + TRY_MS;
		}
		rest(&k);
	}
	session_free(&k.s);
}
