/* hub: the connection that listens and asks without blocking. See pg_hub.h for the contract. */
#include "store/pg_hub.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include <libpq-fe.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "store/pg.h"

/* Milliseconds. A question about many devices is one query, so it may take its time. */
enum {
	CONNECT_LIMIT = 15000,
	LISTEN_LIMIT = 15000,
	ASK_LIMIT = 60000,
	TEST_LIMIT = 10000,
	TELL_LIMIT = 30000,
	IDLE_LIMIT = 30000,
	BACKOFF_LEAST = 100,
	BACKOFF_MOST = 2000,
	LOG_EVERY = 60000 /* between lines about a server that stays away */
};

/* What is under way, and thereby what the time limit is for. */
enum state {
	HUB_DOWN,	/* until the next attempt */
	HUB_CONNECTING, /* libpq shakes hands */
	HUB_LISTEN,	/* LISTEN was sent */
	HUB_IDLE,	/* nothing; at the limit the server is tested */
	HUB_TEST,	/* the test was sent */
	HUB_TELL,	/* a report was sent */
	HUB_ASK		/* questions were sent */
};

struct hub {
	struct hub_events events;
	char *conninfo;
	PGconn *connection; /* NULL while down */
	PostgresPollingStatusType polling;
	enum state state;
	int64_t limit; /* clock_monotonic() at which `state` has lasted too long */
	int backoff;
	int64_t next_log;
	bool unsent; /* libpq holds bytes that the socket did not take */
	bool failed; /* the command under way was answered with an error */
	bool *yes;   /* of the questions under way */
	size_t nquestions;
};

/* Gives the positions of the yeses, about folders. */
#define FOLDERS_PENDING "SELECT i FROM easel.syncs_pending($1::int[], $2::int[], $3::int[]) AS i"

/* Most questions are about folders only, and all of them name no tree. */
static PG_STATEMENT(hub_pending, FOLDERS_PENDING);

static PG_STATEMENT(
	hub_pending_trees, FOLDERS_PENDING
	" UNION ALL SELECT r.i::int"
	" FROM unnest($1::int[], $3::int[], $4::bigint[]) WITH ORDINALITY"
	" AS r(account, folder, hierarchy, i)"
	" LEFT JOIN easel.account a ON a.id = r.account"
	" LEFT JOIN easel.domain d ON d.id = a.domain_id"
	" WHERE r.folder = 0 AND (a.hierarchy_modseq > r.hierarchy OR a.id IS NULL"
	" OR NOT a.enabled OR NOT d.enabled)"
	" UNION ALL SELECT r.places[stopped]::int FROM (SELECT"
	" array_agg(account ORDER BY i) AS accounts, array_agg(device ORDER BY i) AS devices,"
	" array_agg(i ORDER BY i) AS places"
	" FROM unnest($1::int[], $2::int[], $3::int[]) WITH ORDINALITY"
	" AS r(account, device, folder, i) WHERE folder = 0) r,"
	" easel.devices_stopped(r.accounts, r.devices) AS stopped");

/* The same test for a request that has just come, and first what else there is to say to it. */
static PG_STATEMENT(hub_wait_begin,
		    "SELECT b.ticket, b.push, b.hierarchy, b.verdict, b.pending::text"
		    " FROM easel.wait_begin($1::int, $2::int, $3::text, $4::int, $5::int[]) b");

static PG_STATEMENT(
	hub_worker,
	"WITH ended AS (DELETE FROM easel.worker WHERE seen_at < now() - interval '1 hour')"
	" INSERT INTO easel.worker (id, host, pid, started_at, parked, max_parked, woken, answered,"
	" hung_up, refused, descriptors, max_descriptors, memory)"
	" VALUES ($1, $2, $3::int, to_timestamp($4::bigint / 1000.0), $5::int, $6::int, $7::int,"
	" $8::bigint, $9::bigint, $10::bigint, $11::int, $12::int, $13::bigint)"
	" ON CONFLICT (id) DO UPDATE SET seen_at = now(), parked = excluded.parked,"
	" woken = excluded.woken, answered = excluded.answered, hung_up = excluded.hung_up,"
	" refused = excluded.refused, descriptors = excluded.descriptors, memory = excluded.memory");

/* Questions about folders say no more than the first three. */
enum { COLUMNS = 4, FOLDER_COLUMNS = 3 };

static int64_t question_column(const struct hub_question *q, int column)
{
	switch (column) {
	case 0:
		return q->account;
	case 1:
		return q->device;
	case 2:
		return q->folder;
	default:
		return q->hierarchy;
	}
}

/* The questions as one array for each column: {1,2,3}. */
static void put_columns(struct buf columns[COLUMNS], const struct hub_question *q, size_t n)
{
	for (int c = 0; c < COLUMNS; c++) {
		for (size_t i = 0; i < n; i++)
			buf_printf(&columns[c], "%c%lld", i ? ',' : '{',
				   (long long)question_column(&q[i], c));
		buf_byte(&columns[c], '}');
	}
}

static void free_columns(struct buf columns[COLUMNS])
{
	for (int c = 0; c < COLUMNS; c++)
		buf_free(&columns[c]);
}

/* ---- Up and down ---- */

static void enter(struct hub *h, enum state state, int64_t limit)
{
	h->state = state;
	h->limit = clock_monotonic() + limit;
	h->failed = false;
}

static void set_error(const struct hub *h, struct err *e)
{
	err_set(e, ERR_UNAVAILABLE, "%s",
		h->connection ? PQerrorMessage(h->connection) : "no memory");
}

/* Gives the connection up. Questions under way are answered: not known. */
static void drop(struct hub *h, const struct err *why)
{
	bool asked = h->state == HUB_ASK;
	int64_t now = clock_monotonic();
	if (h->state > HUB_CONNECTING || now >= h->next_log) {
		log_event(LOG_WARNING, "hub-down", why);
		h->next_log = now + LOG_EVERY;
	}
	PQfinish(h->connection);
	h->connection = NULL;
	h->unsent = false;
	enter(h, HUB_DOWN, h->backoff);
	h->backoff = h->backoff * 2 < BACKOFF_MOST ? h->backoff * 2 : BACKOFF_MOST;
	if (asked)
		h->events.answered(h->events.ctx, false, NULL, h->nquestions);
}

static void drop_with_libpq_error(struct hub *h)
{
	struct err e;
	set_error(h, &e);
	drop(h, &e);
}

static void ignore_notice(void *ctx, const char *text)
{
	(void)ctx;
	(void)text;
}

static void start(struct hub *h)
{
	/* What conninfo says comes later and prevails. A dead host shows within a minute. */
	const char *const keys[] = {"fallback_application_name",
				    "keepalives_idle",
				    "keepalives_interval",
				    "keepalives_count",
				    "tcp_user_timeout",
				    "dbname",
				    NULL};
	const char *const values[] = {"easel-hub", "20", "10", "3", "30000", h->conninfo, NULL};

	h->connection = PQconnectStartParams(keys, values, true);
	if (!h->connection || PQstatus(h->connection) == CONNECTION_BAD) {
		drop_with_libpq_error(h);
		return;
	}
	PQsetNoticeProcessor(h->connection, ignore_notice, NULL);
	h->polling = PGRES_POLLING_WRITING;
	enter(h, HUB_CONNECTING, CONNECT_LIMIT);
}

/* ---- Sending ---- */

static void flush(struct hub *h)
{
	int left = PQflush(h->connection);
	if (left < 0)
		drop_with_libpq_error(h);
	else
		h->unsent = left > 0;
}

static void send_text(struct hub *h, const char *sql, enum state state, int64_t limit)
{
	enter(h, state, limit);
	if (PQsendQuery(h->connection, sql))
		flush(h);
	else
		drop_with_libpq_error(h);
}

bool hub_ready(const struct hub *h)
{
	return h->state == HUB_IDLE;
}

/* A failure shows with the next hub_pump(): the time is over at once. */
static void sent(struct hub *h, bool taken)
{
	if (taken)
		h->unsent = PQflush(h->connection) != 0;
	else
		h->limit = clock_monotonic();
}

static bool any_tree(const struct hub_question *q, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (q[i].folder == 0)
			return true;
	return false;
}

void hub_ask(struct hub *h, const struct hub_question *q, size_t n)
{
	bool trees = any_tree(q, n);
	struct buf columns[COLUMNS] = {{0}};
	const char *values[COLUMNS];

	put_columns(columns, q, n);
	for (int c = 0; c < COLUMNS; c++)
		values[c] = columns[c].p;
	h->yes = base_realloc(h->yes, n * sizeof *h->yes);
	memset(h->yes, 0, n * sizeof *h->yes);
	h->nquestions = n;
	enter(h, HUB_ASK, ASK_LIMIT);
	sent(h,
	     PQsendQueryPrepared(h->connection, trees ? hub_pending_trees.name : hub_pending.name,
				 trees ? COLUMNS : FOLDER_COLUMNS, values, NULL, NULL, 0));
	free_columns(columns);
}

void hub_tell(struct hub *h, const struct hub_report *r)
{
	const int64_t numbers[] = {
		r->pid,
		r->started,
		(int64_t)r->parked,
		(int64_t)r->max_parked,
		(int64_t)r->woken,
		(int64_t)r->answered,
		(int64_t)r->hung_up,
		(int64_t)r->refused,
		(int64_t)r->descriptors,
		(int64_t)r->max_descriptors,
		r->memory,
	};
	enum { NUMBERS = sizeof numbers / sizeof *numbers };
	char texts[NUMBERS][24];
	const char *values[2 + NUMBERS] = {r->worker, r->host};
	for (int i = 0; i < NUMBERS; i++) {
		snprintf(texts[i], sizeof texts[i], "%lld", (long long)numbers[i]);
		values[2 + i] = texts[i];
	}
	enter(h, HUB_TELL, TELL_LIMIT);
	sent(h, PQsendQueryParams(h->connection, hub_worker.sql, 2 + NUMBERS, NULL, values, NULL,
				  NULL, 0));
}

/* ---- Receiving ---- */

/* "account:folder account:folder …", see easel.tell_folders_changed(). */
static void tell_folders(struct hub *h, struct str payload)
{
	struct str pair;
	while (str_next(&payload, ' ', &pair)) {
		struct str account;
		int64_t a, f;
		if (str_next(&pair, ':', &account) && str_to_i64(account, &a) &&
		    str_to_i64(pair, &f))
			h->events.folder_changed(h->events.ctx, (int32_t)a, (int32_t)f);
	}
}

/* "account account …", or "*" for all; see easel.tell_hierarchy_changed(), easel.caps_changed(). */
static void tell_hierarchies(struct hub *h, struct str payload)
{
	struct str account;
	int64_t a;
	if (str_eq(payload, STR("*")))
		h->events.lost(h->events.ctx);
	while (str_next(&payload, ' ', &account))
		if (str_to_i64(account, &a))
			h->events.hierarchy_changed(h->events.ctx, (int32_t)a);
}

/* "newer worker account device ticket", see easel.wait_begin(). */
static void tell_newer(struct hub *h, struct str payload)
{
	struct str worker = {NULL, 0}, word;
	int64_t numbers[3];
	str_next(&payload, ' ', &worker);
	for (size_t i = 0; i < 3; i++)
		if (!str_next(&payload, ' ', &word) || !str_to_i64(word, &numbers[i]))
			return;
	h->events.newer(h->events.ctx, worker, (int32_t)numbers[0], (int32_t)numbers[1],
			numbers[2]);
}

static void tell_waiting(struct hub *h, struct str payload)
{
	struct str what, word;
	int64_t account;
	if (!str_next(&payload, ' ', &what))
		return;
	if (str_eq(what, STR("newer")))
		tell_newer(h, payload);
	/* See easel.tell_push_switched(). */
	else if (str_eq(what, STR("again")))
		while (str_next(&payload, ' ', &word))
			if (str_to_i64(word, &account))
				h->events.again(h->events.ctx, (int32_t)account);
}

static void take_notifications(struct hub *h)
{
	PGnotify *n;
	while ((n = PQnotifies(h->connection))) {
		if (!strcmp(n->relname, "easel_folders"))
			tell_folders(h, str_of(n->extra));
		else if (!strcmp(n->relname, "easel_hierarchy"))
			tell_hierarchies(h, str_of(n->extra));
		else if (!strcmp(n->relname, "easel_waiting"))
			tell_waiting(h, str_of(n->extra));
		PQfreemem(n);
	}
}

static void take_result(struct hub *h, PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);
	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		h->failed = true;
	for (int i = 0; h->state == HUB_ASK && i < PQntuples(r); i++) {
		int64_t at;
		if (str_to_i64(str_of(PQgetvalue(r, i, 0)), &at) && at >= 1 &&
		    (size_t)at <= h->nquestions)
			h->yes[at - 1] = true;
	}
	PQclear(r);
}

/* The command under way was answered completely. */
static void finish_command(struct hub *h)
{
	enum state done = h->state;
	if (h->failed && done != HUB_TELL) {
		drop_with_libpq_error(h);
		return;
	}
	if (h->failed) {
		struct err e;
		set_error(h, &e);
		log_event(LOG_WARNING, "hub-report", &e);
	}
	enter(h, HUB_IDLE, IDLE_LIMIT);
	if (done == HUB_LISTEN) {
		log_event(LOG_INFO, "hub-listening", NULL);
		h->events.lost(h->events.ctx);
		return;
	}
	/* A connection is trusted once it has answered: a question that always fails stays slow. */
	h->backoff = BACKOFF_LEAST;
	if (done == HUB_ASK)
		h->events.answered(h->events.ctx, true, h->yes, h->nquestions);
}

static void receive(struct hub *h)
{
	if (!PQconsumeInput(h->connection)) {
		drop_with_libpq_error(h);
		return;
	}
	while (h->state != HUB_IDLE && h->connection && !PQisBusy(h->connection)) {
		PGresult *r = PQgetResult(h->connection);
		if (r)
			take_result(h, r);
		else
			finish_command(h);
	}
	if (h->connection)
		take_notifications(h);
}

/*
 * Planning the question takes ten times as long as asking it: that is done once for a connection.
 * Each question is looked up by itself, however small the tables were then.
 */
static void send_listen(struct hub *h)
{
	struct buf sql = {0};
	buf_printf(&sql, "%s; SET enable_hashjoin = off; SET enable_mergejoin = off;",
		   pg_session_settings);
	buf_printf(&sql, "PREPARE %s AS %s; PREPARE %s AS %s;", hub_pending.name, hub_pending.sql,
		   hub_pending_trees.name, hub_pending_trees.sql);
	buf_printf(&sql, "LISTEN easel_folders; LISTEN easel_hierarchy; LISTEN easel_waiting");
	buf_byte(&sql, '\0');
	send_text(h, sql.p, HUB_LISTEN, LISTEN_LIMIT);
	buf_free(&sql);
}

static void connect_further(struct hub *h)
{
	h->polling = PQconnectPoll(h->connection);
	if (h->polling == PGRES_POLLING_FAILED) {
		drop_with_libpq_error(h);
	} else if (h->polling == PGRES_POLLING_OK) {
		PQsetnonblocking(h->connection, 1);
		send_listen(h);
	}
}

static void time_is_over(struct hub *h)
{
	struct err e;
	if (h->state == HUB_DOWN) {
		start(h);
	} else if (h->state == HUB_IDLE) {
		send_text(h, "SELECT 1", HUB_TEST, TEST_LIMIT);
	} else {
		err_set(&e, ERR_UNAVAILABLE, "the database does not answer");
		drop(h, &e);
	}
}

/* libpq must not be called while connecting unless the socket is ready. */
static bool is_ready(const struct hub *h)
{
	struct pollfd p = {.fd = hub_fd(h), .events = POLLIN};
	if (hub_wants_write(h))
		p.events |= POLLOUT;
	return p.fd >= 0 && poll(&p, 1, 0) > 0;
}

void hub_pump(struct hub *h)
{
	if (is_ready(h)) {
		if (h->state == HUB_CONNECTING) {
			connect_further(h);
			return;
		}
		if (h->unsent)
			flush(h);
		if (h->connection)
			receive(h);
	}
	if (clock_monotonic() >= h->limit)
		time_is_over(h);
}

/* ---- For the event loop ---- */

struct hub *hub_new(const char *conninfo, const struct hub_events *events)
{
	struct hub *h = base_calloc(1, sizeof *h);
	size_t n = strlen(conninfo) + 1;
	h->conninfo = memcpy(base_malloc(n), conninfo, n);
	h->events = *events;
	h->backoff = BACKOFF_LEAST;
	enter(h, HUB_DOWN, 0);
	return h;
}

void hub_free(struct hub **h)
{
	if (!*h)
		return;
	PQfinish((*h)->connection);
	free((*h)->conninfo);
	free((*h)->yes);
	free(*h);
	*h = NULL;
}

int hub_fd(const struct hub *h)
{
	return h->connection ? PQsocket(h->connection) : -1;
}

bool hub_wants_write(const struct hub *h)
{
	return h->unsent || (h->state == HUB_CONNECTING && h->polling == PGRES_POLLING_WRITING);
}

int hub_timeout(const struct hub *h)
{
	int64_t left = h->limit - clock_monotonic();
	return left < 0 ? 0 : (int)left;
}

/* ---- On a worker's own connection ---- */

static void take_begun(const struct pg_rows *rows, const struct hub_waiter *w,
		       struct hub_begun *out, bool *yes)
{
	struct str verdict = pg_get_str(rows, 0, 3), pending = pg_get_str(rows, 0, 4), place;
	int64_t at;
	out->ticket = pg_get_int(rows, 0, 0);
	out->push = pg_get_bool(rows, 0, 1);
	out->hierarchy = pg_get_int(rows, 0, 2);
	out->verdict = str_eq(verdict, STR("wait"))   ? HUB_WAIT
		       : str_eq(verdict, STR("full")) ? HUB_FULL
						      : HUB_FOLDERSYNC;
	/* '{1,2}' */
	pending = str_sub(pending, 1, pending.n < 2 ? 0 : pending.n - 2);
	while (pending.n && str_next(&pending, ',', &place))
		if (str_to_i64(place, &at) && at >= 1 && (size_t)at <= w->n)
			yes[at - 1] = true;
}

bool hub_begin(struct pg *db, const struct hub_waiter *w, struct hub_begun *out, bool *yes,
	       struct err *e)
{
	struct pg_params params = {0};
	struct buf folders = {0};

	if (w->n)
		memset(yes, 0, w->n * sizeof *yes);
	for (size_t i = 0; i < w->n; i++)
		buf_printf(&folders, "%c%d", i ? ',' : '{', (int)w->folders[i]);
	buf_cstr(&folders, w->n ? "}" : "{}");
	pg_int(&params, w->account);
	pg_int(&params, w->device);
	pg_cstr(&params, w->worker);
	pg_int(&params, w->seconds);
	pg_cstr(&params, folders.p);
	struct pg_rows *rows = pg_run(db, &hub_wait_begin, &params, e);
	if (rows)
		take_begun(rows, w, out, yes);
	bool ok = rows != NULL;
	pg_done(&rows);
	buf_free(&folders);
	return ok;
}
