/* queue_runner: delivers what is in the queue. See queue_runner.h for the contract. */
#include "core/queue_runner.h"

#include <stdlib.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/receive.h"
#include "core/undelivered.h"
#include "store/mime_write.h"
#include "store/pg.h"
#include "store/queue.h"
#include "store/sender.h"

enum {
	LOOK_MS = 200,	/* between looks at *ending */
	DUE_MS = 1000,	/* between looks at the queue without a notification */
	LANE_MS = 5000, /* between attempts to get a lane */
	AWAY_MS = 2000, /* before the next attempt when the database is away */
	TIDY_MS = 60 * 60 * 1000,
	MESSAGE_CAP = 1 << 30
};

struct queue_runner {
	struct pg *db;
	struct store *store;
	struct smtp *smtp;
	struct arena *a; /* of one message; it holds the mail server's password */
	const atomic_bool *ending;
	enum queue_runner_kind kind;
	int lane;	    /* 0: none */
	unsigned holds;	    /* number of the connection that holds it */
	unsigned listening; /* of the one that is told of new messages */
};

/* ---- One message ---- */

struct outcome {
	enum queue_state state;
	struct str reason;
};

static void log_outcome(const struct queue_message *m, struct str address, const struct outcome *o)
{
	static const char *const names[] = {
		[QUEUE_SENT] = "sent", [QUEUE_LATER] = "later", [QUEUE_FAILED] = "failed"};
	struct log_line l;
	log_begin(&l, o->state == QUEUE_SENT ? LOG_INFO : LOG_WARNING, "delivery");
	log_int(&l, "message", m->id);
	log_str(&l, "sender", m->sender);
	log_str(&l, "recipient", address);
	log_str(&l, "outcome", str_of(names[o->state]));
	log_str(&l, "reason", o->reason);
	log_end(&l);
}

static bool tell_sender(struct queue_runner *r, const struct queue_message *m,
			const struct outcome *v, struct err *e)
{
	struct bounce_failure *failures = arena_array(r->a, m->n, sizeof *failures);
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++)
		if (v[i].state == QUEUE_FAILED)
			failures[n++] =
				(struct bounce_failure){m->recipients[i].address, v[i].reason};
	const struct undelivered u = {.account = m->account,
				      .inbox = m->inbox,
				      .sender = m->sender,
				      .raw = m->raw,
				      .failures = failures,
				      .n = n,
				      .now = clock_now()};
	return undelivered_tell(r->db, r->store, r->a, &u, e);
}

/* One mailbox may have several of the addresses. */
static bool delivered_before(const struct queue_message *m, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (m->recipients[k].account == m->recipients[i].account)
			return true;
	return false;
}

/* Mailboxes here are written to in the transaction that records it. */
static bool deliver_here(struct queue_runner *r, const struct queue_message *m,
			 const struct outcome *v, struct err *e)
{
	bool ok = true;
	for (size_t i = 0; ok && i < m->n; i++) {
		const struct arrival arrival = {.account = m->recipients[i].account,
						.inbox = m->recipients[i].inbox,
						.sender = m->sender,
						.raw = m->raw,
						.now = clock_now()};
		if (v[i].state == QUEUE_SENT && arrival.inbox && !delivered_before(m, i))
			ok = receive_message(r->db, r->store, r->a, &arrival, e);
	}
	return ok;
}

static bool lock_folders(struct queue_runner *r, const struct queue_message *m, struct err *e)
{
	struct folder_place *v = arena_array(r->a, m->n + 1, sizeof *v);
	for (size_t i = 0; i < m->n; i++)
		v[i] = (struct folder_place){m->recipients[i].account, m->recipients[i].inbox};
	v[m->n] = (struct folder_place){m->account, m->inbox};
	return queue_lock_folders(r->db, r->a, v, m->n + 1, e);
}

static bool record(struct queue_runner *r, const struct queue_message *m, const struct outcome *v,
		   struct err *e)
{
	bool ok = pg_begin(r->db, e) && lock_folders(r, m, e) && deliver_here(r, m, v, e) &&
		  tell_sender(r, m, v, e);
	for (size_t i = 0; ok && i < m->n; i++)
		ok = queue_record(r->db, r->a, m, m->recipients[i].address, v[i].state, v[i].reason,
				  e);
	ok = ok && queue_finish(r->db, m, e) && pg_commit(r->db, e);
	if (!ok)
		pg_rollback(r->db);
	return ok;
}

/* What is known without asking a mail server; QUEUE_LATER without a reason: that has to be asked.
 */
static struct outcome judge(const struct queue_message *m, const struct recipient *to)
{
	if (to->inbox)
		return (struct outcome){QUEUE_SENT, STR("")};
	if (!mime_address_usable(to->address))
		return (struct outcome){QUEUE_FAILED, STR("550 5.1.3 This is no mail address")};
	if (to->local)
		return (struct outcome){QUEUE_FAILED,
					STR("550 5.1.1 There is no such address here")};
	if (!m->host.url)
		return (struct outcome){
			QUEUE_LATER, STR("no mail server is configured (easel.server.smtp_url)")};
	return (struct outcome){QUEUE_LATER, {NULL, 0}};
}

static struct outcome outcome_of(struct arena *a, const struct smtp_result *result)
{
	static const enum queue_state states[] = {
		[SMTP_SENT] = QUEUE_SENT, [SMTP_LATER] = QUEUE_LATER, [SMTP_NEVER] = QUEUE_FAILED};
	return (struct outcome){states[result->verdict], str_of(arena_strdup(a, result->reason))};
}

/* Asks the mail server about all whose outcome is still open. */
static void ask(struct queue_runner *r, const struct queue_message *m, struct outcome *v)
{
	const char **addresses = arena_array(r->a, m->n, sizeof *addresses);
	size_t *places = arena_array(r->a, m->n, sizeof *places), n = 0;
	for (size_t i = 0; i < m->n; i++) {
		if (v[i].state != QUEUE_LATER || v[i].reason.p)
			continue;
		places[n] = i;
		addresses[n++] = str_dup(r->a, m->recipients[i].address);
	}
	struct smtp_result *results = arena_array(r->a, n, sizeof *results);
	if (n > 0)
		smtp_send(r->smtp, &m->host, str_dup(r->a, m->sender), m->raw, addresses, n,
			  results);
	for (size_t i = 0; i < n; i++)
		v[places[i]] = outcome_of(r->a, &results[i]);
}

/* A message that a mailbox here can't take: no fault of the others, and it is not to come back for
 * ever. */
static void hold_back(struct queue_runner *r, const struct queue_message *m, struct outcome *v,
		      const struct err *why)
{
	for (size_t i = 0; i < m->n; i++)
		if (v[i].state == QUEUE_SENT && m->recipients[i].inbox)
			v[i] = (struct outcome){QUEUE_LATER, str_of(arena_strdup(r->a, why->text))};
}

static void give_up_expired(const struct queue_message *m, struct outcome *v)
{
	for (size_t i = 0; i < m->n; i++)
		if (v[i].state == QUEUE_LATER && m->expired)
			v[i].state = QUEUE_FAILED;
}

/* One that the database can't take now comes again when its lease has ended. */
static bool work_off(struct queue_runner *r, const struct queue_message *m, struct err *e)
{
	struct outcome *v = arena_array(r->a, m->n, sizeof *v);
	for (size_t i = 0; i < m->n; i++)
		v[i] = judge(m, &m->recipients[i]);
	ask(r, m, v);
	give_up_expired(m, v);
	bool ok = record(r, m, v, e);
	if (!ok && e->kind != ERR_UNAVAILABLE) {
		hold_back(r, m, v, e);
		give_up_expired(m, v);
		ok = record(r, m, v, e);
	}
	for (size_t i = 0; ok && i < m->n; i++)
		log_outcome(m, m->recipients[i].address, &v[i]);
	return ok;
}

/* ---- All of them ---- */

static bool is_ending(const struct queue_runner *r)
{
	return atomic_load(r->ending);
}

static bool work_off_due(struct queue_runner *r, struct err *e)
{
	struct queue_message m;
	enum found found = FOUND_ONE;
	while (!is_ending(r) && found == FOUND_ONE) {
		found = queue_take(r->db, r->a, r->lane, &m, e);
		if (found == FOUND_ONE && !work_off(r, &m, e))
			found = FOUND_FAILED;
		arena_reset(r->a);
	}
	return found != FOUND_FAILED;
}

bool queue_runner_once(struct queue_runner *r, struct err *e)
{
	return work_off_due(r, e) && sender_forget(r->db, e);
}

/* Whether it may work. A connection that broke has lost its lane. */
static bool has_lane(struct queue_runner *r, struct err *e)
{
	if (r->kind == QUEUE_RUNNER_FREE)
		return true;
	if (r->lane && r->holds == pg_connection(r->db))
		return true;
	if (!queue_lane(r->db, &r->lane, e))
		return false;
	r->holds = pg_connection(r->db);
	return r->lane != 0;
}

static void pause_for(const struct queue_runner *r, int ms)
{
	int64_t until = clock_monotonic() + ms;
	while (!is_ending(r) && clock_monotonic() < until)
		nanosleep(&(struct timespec){0, LOOK_MS * 1000000L}, NULL);
}

/* Until there may be something due. */
static bool rest(struct queue_runner *r, struct err *e)
{
	int64_t until = clock_monotonic() + DUE_MS;
	bool woken = false;
	while (!is_ending(r) && !woken && clock_monotonic() < until)
		if (!queue_wait(r->db, &r->listening, LOOK_MS, &woken, e))
			return false;
	return true;
}

void queue_runner_keep(struct queue_runner *r)
{
	int64_t tidied = clock_monotonic();
	while (!is_ending(r)) {
		struct err e = {.kind = ERR_NONE};
		bool works = has_lane(r, &e);
		bool ok = works ? work_off_due(r, &e) : e.kind == ERR_NONE;
		pg_rest(r->db);
		ok = ok && (!works || rest(r, &e));
		if (ok && works && clock_monotonic() - tidied > TIDY_MS) {
			tidied = clock_monotonic();
			ok = sender_forget(r->db, &e);
		}
		if (!ok)
			log_event(LOG_ERROR, "queue", &e);
		if (!ok || !works)
			pause_for(r, ok ? LANE_MS : AWAY_MS);
	}
}

struct queue_runner *queue_runner_new(const char *database, enum queue_runner_kind kind,
				      const atomic_bool *ending)
{
	struct queue_runner *r = base_calloc(1, sizeof *r);
	r->db = pg_new(database, "easel queue");
	r->store = store_pg_new(r->db);
	r->smtp = smtp_new(ending);
	r->a = arena_new_secret(MESSAGE_CAP);
	r->ending = ending;
	r->kind = kind;
	return r;
}

void queue_runner_free(struct queue_runner **r)
{
	if (!r || !*r)
		return;
	smtp_free(&(*r)->smtp);
	store_pg_free(&(*r)->store);
	pg_free(&(*r)->db);
	arena_free(&(*r)->a);
	free(*r);
	*r = NULL;
}
