/*
 * easel-queue: delivers what is in the queue (easel.queue): into mailboxes of this database, to
 * other sites through the mail server that the domain or the whole server names. Any number of them
 * may run, on any host.
 *
 * What a mail server refuses for now is tried again for as long as easel.server.send_patience says;
 * what it refuses for good, and what has waited too long, comes back to the sender as a message in
 * the Inbox. A message goes to a mail server outside of any transaction, so one that dies just then
 * may send it twice, but never loses it.
 */
#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/programs/program.h"
#include "core/receive.h"
#include "store/bounce.h"
#include "store/delivery.h"
#include "store/mime_write.h"
#include "store/pg.h"
#include "store/pg_migrate.h"
#include "store/queue.h"
#include "store/sender.h"

static const char NAME[] = "easel-queue";

static const char HELP[] =
	"Usage: easel-queue [OPTION]...\n"
	"Delivers what is in the queue, and waits for more until it is told to end.\n"
	"\n"
	"  -d, --database=CONNINFO  the database, as libpq takes it; without it PGHOST, PGDATABASE …\n"
	"  -1, --once               end when nothing is due\n"
	"  -h, --help               show this\n"
	"\n"
	"Exit codes (sysexits.h): 0 all that was due was tried; 64 wrong usage; 75 the database is away;\n"
	"78 its schema is not the one of this program.\n";

enum { WAIT_MS = 30 * 1000, AWAY_MS = 2000, TIDY_MS = 60 * 60 * 1000 };

static volatile sig_atomic_t ending;

static void end(int signal_number)
{
	(void)signal_number;
	ending = 1;
}

struct options {
	const char *database;
	bool once, help;
};

struct runner {
	struct pg *db;
	struct store *store;
	struct smtp *smtp;
	struct arena *a; /* of one message; it holds the mail server's password */
};

/* ---------------------------------------------------------------------------------------------
 * One message */

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

static bool bounce(struct runner *r, const struct queue_message *m, const struct outcome *v,
		   struct err *e)
{
	struct bounce_failure *failures = arena_array(r->a, m->n, sizeof *failures);
	size_t n = 0;
	for (size_t i = 0; i < m->n; i++)
		if (v[i].state == QUEUE_FAILED)
			failures[n++] =
				(struct bounce_failure){m->recipients[i].address, v[i].reason};
	/* What has no sender was an answer that nobody wrote: its failure is nobody's news. */
	if (n == 0 || m->inbox == 0 || m->sender.n == 0)
		return true;
	struct str text = bounce_make(r->a, m->sender, m->raw, failures, n, clock_now());
	return delivery_put(r->store, r->a, m->account, m->inbox, text, clock_now(), 0, e);
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
static bool deliver_here(struct runner *r, const struct queue_message *m, const struct outcome *v,
			 struct err *e)
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

static bool lock_folders(struct runner *r, const struct queue_message *m, struct err *e)
{
	struct folder_place *v = arena_array(r->a, m->n + 1, sizeof *v);
	for (size_t i = 0; i < m->n; i++)
		v[i] = (struct folder_place){m->recipients[i].account, m->recipients[i].inbox};
	v[m->n] = (struct folder_place){m->account, m->inbox};
	return queue_lock_folders(r->db, r->a, v, m->n + 1, e);
}

static bool record(struct runner *r, const struct queue_message *m, const struct outcome *v,
		   struct err *e)
{
	bool ok = pg_begin(r->db, e) && lock_folders(r, m, e) && deliver_here(r, m, v, e) &&
		  bounce(r, m, v, e);
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
static void ask(struct runner *r, const struct queue_message *m, struct outcome *v)
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

/* One that the database can't take now comes again when its lease has ended. */
static bool work_off(struct runner *r, const struct queue_message *m, struct err *e)
{
	struct outcome *v = arena_array(r->a, m->n, sizeof *v);
	for (size_t i = 0; i < m->n; i++)
		v[i] = judge(m, &m->recipients[i]);
	ask(r, m, v);
	for (size_t i = 0; i < m->n; i++)
		if (v[i].state == QUEUE_LATER && m->expired)
			v[i].state = QUEUE_FAILED;
	if (!record(r, m, v, e))
		return false;
	for (size_t i = 0; i < m->n; i++)
		log_outcome(m, m->recipients[i].address, &v[i]);
	return true;
}

/* ---------------------------------------------------------------------------------------------
 * All of them */

/* False when the database is away. */
static bool work_off_due(struct runner *r, struct err *e)
{
	struct queue_message m;
	enum found found = FOUND_ONE;
	while (!ending && found == FOUND_ONE) {
		found = queue_take(r->db, r->a, &m, e);
		if (found == FOUND_ONE && !work_off(r, &m, e))
			found = FOUND_FAILED;
		arena_reset(r->a);
	}
	return found != FOUND_FAILED;
}

static void pause_for(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

static void keep_working(struct runner *r)
{
	unsigned listening = 0;
	int64_t tidied = clock_monotonic();
	while (!ending) {
		struct err e = {.kind = ERR_NONE};
		bool ok = work_off_due(r, &e) &&
			  (ending || queue_wait(r->db, &listening, WAIT_MS, &e));
		if (ok && clock_monotonic() - tidied > TIDY_MS) {
			tidied = clock_monotonic();
			ok = sender_forget(r->db, &e);
		}
		if (!ok) {
			log_event(LOG_ERROR, "queue", &e);
			pause_for(AWAY_MS);
		}
	}
}

static int work(const struct options *o, struct runner *r)
{
	struct err e = {.kind = ERR_NONE};
	if (!pg_migrate_check(r->db, &e))
		return program_fail(NAME, &e);
	if (!o->once) {
		keep_working(r);
		return EX_OK;
	}
	if (!work_off_due(r, &e) || !sender_forget(r->db, &e))
		return program_fail(NAME, &e);
	return EX_OK;
}

/* ---------------------------------------------------------------------------------------------
 * The command line */

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{"database", required_argument, NULL, 'd'},
		{"once", no_argument, NULL, '1'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	for (int c; (c = getopt_long(argc, argv, "d:1h", known, NULL)) != -1;) {
		if (c == 'd')
			o->database = optarg;
		else if (c == '1')
			o->once = true;
		else if (c == 'h')
			o->help = true;
		else
			return false;
	}
	return optind == argc;
}

static void catch_signals(void)
{
	struct sigaction act = {.sa_handler = end};
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct options o = {.database = ""};
	if (!parse(argc, argv, &o))
		return program_usage(NAME);
	if (o.help)
		return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
	catch_signals();
	struct runner r = {.db = pg_new(o.database, NAME),
			   .smtp = smtp_new(),
			   .a = arena_new_secret((size_t)1 << 30)};
	r.store = store_pg_new(r.db);
	int code = work(&o, &r);
	smtp_free(&r.smtp);
	store_pg_free(&r.store);
	pg_free(&r.db);
	arena_free(&r.a);
	return code;
}
