/*
 * pg: one connection to PostgreSQL. See pg.h for the contract.
 *
 * When is a statement sent again? Before one is sent outside a transaction, the socket is looked
 * at: a server that went away meanwhile is found there, and connected to again, before anything was
 * asked of it. Once a statement is on its way, it is only repeated when the server said that it
 * was not done; a connection that breaks without a word leaves that open, and is the caller's to
 * know.
 */
#include "store/pg.h"

#include <arpa/inet.h>
#include <endian.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"

enum {
	TRIES = 5,	     /* of one statement, on serialisation failures and deadlocks */
	BACKOFF_FIRST = 200, /* ms */
	BACKOFF_MOST = 2000
};

/* Milliseconds from 1970 to 2000, where PostgreSQL's time begins. */
static const int64_t PG_EPOCH = INT64_C(946684800000);

struct pg {
	char *conninfo;
	char *role;
	PGconn *conn;
	const struct pg_statement **prepared; /* on this connection */
	size_t nprepared, room;
	bool in_tx;	/* between pg_begin() and pg_commit() or pg_rollback() */
	bool tx_failed; /* the transaction is lost: nothing more is done in it */
	bool dying;	/* the server said that it is closing this connection */
	bool piped;	/* statements are on their way whose ends were not waited for, */
	unsigned ahead; /* so many of them; the last is not followed by a Sync yet, */
	bool unwaited;	/* or it is, and nobody asks what became of them */
	unsigned calls;
	size_t carried; /* bytes of the largest call on this connection, about */
	unsigned connects;
	int64_t retry_at; /* clock_monotonic(); before it no connection is tried */
	int64_t failed_at;
	int64_t backoff;
	char why[160]; /* the last failure to connect */
};

const char pg_session_settings[] =
	"SET statement_timeout = '60s'; SET lock_timeout = '30s'; SET client_min_messages = warning;"
	"SET search_path = pg_catalog; SET jit = off; SET default_transaction_isolation = 'read committed';"
	"SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;"
	"SET plan_cache_mode = force_generic_plan";

/* ---------------------------------------------------------------------------------------------
 * Statements of the program: the section that PG_STATEMENT fills. */

extern const struct pg_statement *const __start_pg_statements[] __attribute__((weak));
extern const struct pg_statement *const __stop_pg_statements[] __attribute__((weak));

const struct pg_statement *const *pg_statements(size_t *n)
{
	*n = (size_t)(__stop_pg_statements - __start_pg_statements);
	return __start_pg_statements;
}

/* ---------------------------------------------------------------------------------------------
 * Parameters */

/* Stands for "in number[i]", so that a struct pg_params may be copied. */
static const char IN_NUMBER[] = "";

static int param_add(struct pg_params *p)
{
	if (p->n >= PG_PARAMS)
		abort(); /* a statement has as many parameters as its text says */
	p->value[p->n] = NULL;
	p->length[p->n] = 0;
	p->format[p->n] = 0;
	return p->n++;
}

void pg_int(struct pg_params *p, int64_t v)
{
	int i = param_add(p);
	snprintf(p->number[i], sizeof p->number[i], "%lld", (long long)v);
	p->value[i] = IN_NUMBER;
}

void pg_bool(struct pg_params *p, bool v)
{
	p->value[param_add(p)] = v ? "t" : "f";
}

void pg_time(struct pg_params *p, int64_t ms)
{
	/* A timestamptz in binary: microseconds since 2000; the ends of int64 are the infinities.
	 */
	int64_t us = ms;
	if (ms != INT64_MIN && ms != INT64_MAX) {
		const int64_t least = -INT64_C(62135596800000), most = INT64_C(253402300799999);
		ms = ms < least ? least : ms > most ? most : ms;
		us = (ms - PG_EPOCH) * 1000;
	}
	uint64_t wire = htobe64((uint64_t)us);
	int i = param_add(p);
	memcpy(p->number[i], &wire, sizeof wire);
	p->value[i] = IN_NUMBER;
	p->length[i] = sizeof wire;
	p->format[i] = 1;
}

void pg_text(struct pg_params *p, struct arena *a, struct str v)
{
	p->value[param_add(p)] = v.p ? str_dup(a, v) : "";
}

void pg_cstr(struct pg_params *p, const char *v)
{
	p->value[param_add(p)] = v;
}

void pg_bytes(struct pg_params *p, struct str v)
{
	int i = param_add(p);
	if (v.n > INT32_MAX)
		abort(); /* far above every limit on a body or message */
	p->value[i] = v.p ? v.p : "";
	p->length[i] = (int)v.n;
	p->format[i] = 1;
}

void pg_null(struct pg_params *p)
{
	param_add(p);
}

void pg_ints(struct pg_params *p, struct arena *a, const int64_t *v, size_t n)
{
	enum { DIGITS = 21 }; /* of an int64, with its sign and a comma */
	char *text = arena_array(a, n + 1, DIGITS), *at = text;
	*at++ = '{';
	for (size_t i = 0; i < n; i++)
		at += snprintf(at, DIGITS + 1, i ? ",%lld" : "%lld", (long long)v[i]);
	*at++ = '}';
	*at = '\0';
	p->value[param_add(p)] = text;
}

/* ---------------------------------------------------------------------------------------------
 * Failures */

static enum err_kind kind_of_state(const char *state)
{
	static const struct {
		const char *prefix;
		enum err_kind kind;
	} kinds[] = {
		{"08", ERR_UNAVAILABLE},    /* connection exceptions */
		{"53", ERR_UNAVAILABLE},    /* too many connections, disk full */
		{"57P", ERR_UNAVAILABLE},   /* shutting down, crashed, starting up */
		{"57014", ERR_UNAVAILABLE}, /* statement_timeout */
		{"55P03", ERR_UNAVAILABLE}, /* lock_timeout */
		{"40001", ERR_UNAVAILABLE}, /* serialisation failure */
		{"40P01", ERR_UNAVAILABLE}, /* deadlock */
		{"25006", ERR_UNAVAILABLE}, /* read-only: a standby that is about to take over */
		{"22021", ERR_MALFORMED},   /* a text from outside that is not UTF-8 */
		{"23505", ERR_EXISTS},	    /* unique violation */
		{"23514", ERR_INVALID},	    /* check violation */
		{"23001", ERR_FORBIDDEN},   /* what our own functions raise for what has to stay */
		{"P0002", ERR_NOT_FOUND},   /* and for a missing account, or folder */
	};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strncmp(state, kinds[i].prefix, strlen(kinds[i].prefix)) == 0)
			return kinds[i].kind;
	return ERR_INTERNAL;
}

/* "" when the server said nothing: the connection broke. */
static const char *state_of(const PGresult *r)
{
	const char *state = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	return state ? state : "";
}

static bool may_repeat(const char *state)
{
	return strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0;
}

static void trim_end(char *s)
{
	size_t n = strlen(s);
	while (n > 0 && (s[n - 1] == '\n' || s[n - 1] == ' '))
		s[--n] = '\0';
}

static bool lost(const struct pg *db)
{
	return PQstatus(db->conn) != CONNECTION_OK;
}

/* Never the DETAIL of a message, which quotes what is stored. */
static void explain(struct pg *db, const PGresult *r, const char *what, struct err *e)
{
	const char *state = state_of(r);
	const char *text = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
	if (*state) {
		err_set(e, kind_of_state(state), "%s: %s %s", what, state, text ? text : "");
		return;
	}
	char reason[160];
	snprintf(reason, sizeof reason, "%s",
		 db->conn ? PQerrorMessage(db->conn) : "not connected");
	trim_end(reason);
	bool gone = !db->conn || lost(db);
	err_set(e, gone ? ERR_UNAVAILABLE : ERR_INTERNAL, "%s: %s", what, reason);
}

/* ---------------------------------------------------------------------------------------------
 * Results, and statements that go together in one round trip (libpq's pipeline mode) */

/* The last result of what was sent, so that an error at its end is not taken for success. */
static PGresult *collect(struct pg *db)
{
	PGresult *last = NULL, *r;
	while ((r = PQgetResult(db->conn)) != NULL) {
		PQclear(last);
		last = r;
		if (PQstatus(db->conn) == CONNECTION_BAD)
			break;
	}
	return last;
}

static bool succeeded(const PGresult *r)
{
	ExecStatusType s = PQresultStatus(r);
	return s == PGRES_TUPLES_OK || s == PGRES_COMMAND_OK || s == PGRES_EMPTY_QUERY;
}

/* Of what never got so far as to have a result of its own. */
static PGresult *failure(const struct pg *db)
{
	return PQmakeEmptyPGresult(db->conn, PGRES_FATAL_ERROR);
}

/* The result of the next statement on its way. */
static PGresult *next_in_pipe(struct pg *db)
{
	PGresult *r = PQgetResult(db->conn), *end;
	while (r && (end = PQgetResult(db->conn)) != NULL)
		PQclear(end);
	return r ? r : failure(db);
}

/* Of those sent ahead: the first that failed, or NULL. */
static PGresult *take_ahead(struct pg *db)
{
	PGresult *failed = NULL;
	for (; db->ahead > 0 && !(failed && lost(db)); db->ahead--) {
		PGresult *r = next_in_pipe(db);
		if (failed || succeeded(r))
			PQclear(r);
		else
			failed = r;
	}
	db->ahead = 0;
	return failed;
}

/* Reads the mark that ends what was sent together; one at a time goes on from there. */
static void leave_pipe(struct pg *db)
{
	PGresult *r;
	while (!lost(db) && (r = PQgetResult(db->conn)) != NULL) {
		bool mark = PQresultStatus(r) == PGRES_PIPELINE_SYNC;
		PQclear(r);
		if (mark)
			break;
	}
	if (!lost(db))
		PQexitPipelineMode(db->conn);
	db->piped = db->unwaited = false;
}

/* Waits for all that is on its way: the first that failed, or NULL. */
static PGresult *end_pipe(struct pg *db)
{
	PGresult *failed = NULL;
	if (!db->piped)
		return NULL;
	if (!db->unwaited && !PQpipelineSync(db->conn))
		failed = failure(db);
	else
		failed = take_ahead(db);
	leave_pipe(db);
	return failed;
}

/* ---------------------------------------------------------------------------------------------
 * The connection */

struct pg *pg_new(const char *conninfo, const char *role)
{
	struct pg *db = base_calloc(1, sizeof *db);
	db->conninfo = strdup(conninfo ? conninfo : "");
	db->role = strdup(role ? role : "easel");
	if (!db->conninfo || !db->role)
		abort();
	return db;
}

static void drop_connection(struct pg *db)
{
	if (db->conn)
		PQfinish(db->conn);
	db->conn = NULL;
	db->nprepared = 0;
	db->dying = db->piped = db->unwaited = false;
	db->ahead = 0;
	db->carried = 0;
	if (db->in_tx)
		db->tx_failed = true;
}

void pg_free(struct pg **db)
{
	if (!db || !*db)
		return;
	drop_connection(*db);
	free((*db)->prepared);
	free((*db)->conninfo);
	free((*db)->role);
	free(*db);
	*db = NULL;
}

/* Warnings of the server go to the log; its farewell is remembered. */
static void notice(void *ctx, const PGresult *r)
{
	struct pg *db = ctx;
	const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);
	if (severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0)) {
		db->dying = true;
		return;
	}
	struct err e;
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	err_set(&e, ERR_NONE, "%s", text ? text : "");
	log_event(LOG_WARNING, "database", &e);
}

static PGconn *open_connection(const struct pg *db)
{
	/* What stands before dbname may be overruled by the conninfo, what follows may not. */
	const char *const keys[] = {"connect_timeout",	"keepalives_idle",  "keepalives_interval",
				    "keepalives_count", "tcp_user_timeout", "application_name",
				    "dbname",		"client_encoding",  NULL};
	const char *const values[] = {"5",	"30",	      "10",   "3", "60000",
				      db->role, db->conninfo, "UTF8", NULL};
	return PQconnectdbParams(keys, values, 1);
}

/*
 * When any connection of this process last got through (clock_monotonic()): what one of them finds
 * out need not be waited for by the others.
 */
static _Atomic int64_t got_through;

static bool should_wait(const struct pg *db)
{
	return db->backoff && clock_monotonic() < db->retry_at && got_through <= db->failed_at;
}

static void connect_failed(struct pg *db)
{
	snprintf(db->why, sizeof db->why, "%s",
		 db->conn ? PQerrorMessage(db->conn) : "out of memory");
	trim_end(db->why);
	drop_connection(db);
	db->backoff = db->backoff ? db->backoff * 2 : BACKOFF_FIRST;
	if (db->backoff > BACKOFF_MOST)
		db->backoff = BACKOFF_MOST;
	db->failed_at = clock_monotonic();
	db->retry_at = db->failed_at + db->backoff;
}

static bool make_connection(struct pg *db, struct err *e)
{
	if (should_wait(db))
		return err_set(e, ERR_UNAVAILABLE, "database: %s", db->why);
	db->conn = open_connection(db);
	bool ok = db->conn && PQstatus(db->conn) == CONNECTION_OK;
	if (ok) {
		PQsetNoticeReceiver(db->conn, notice, db);
		PGresult *r = PQexec(db->conn, pg_session_settings);
		ok = PQresultStatus(r) == PGRES_COMMAND_OK;
		PQclear(r);
	}
	if (!ok) {
		connect_failed(db);
		return err_set(e, ERR_UNAVAILABLE, "database: %s", db->why);
	}
	db->backoff = 0;
	got_through = clock_monotonic();
	db->connects++;
	return true;
}

/* What pg_unwaited() sent has been done by now, or the connection is of no use. */
static void take_unwaited(struct pg *db)
{
	PGresult *failed = end_pipe(db);
	if (failed)
		drop_connection(db);
	PQclear(failed);
}

/* Reads what an idle server sent unasked: false once it has hung up. */
static bool still_there(struct pg *db)
{
	struct pollfd p = {.fd = PQsocket(db->conn), .events = POLLIN};
	while (!db->dying && poll(&p, 1, 0) != 0) {
		if (!PQconsumeInput(db->conn))
			return false;
		(void)PQisBusy(db->conn); /* hands notices over */
		PGnotify *n;
		while ((n = PQnotifies(db->conn)) != NULL)
			PQfreemem(n);
	}
	return !db->dying;
}

/* A connection to send on; inside a transaction only the one that it began on. */
static bool ready(struct pg *db, struct err *e)
{
	if (db->in_tx) {
		if (db->conn && !db->tx_failed)
			return true;
		return err_set(e, ERR_UNAVAILABLE, "database: the transaction has failed");
	}
	if (db->conn && db->unwaited)
		take_unwaited(db);
	/* While something is on its way its own end tells. */
	if (db->conn && !db->piped && !still_there(db))
		drop_connection(db);
	return db->conn || make_connection(db, e);
}

bool pg_connect(struct pg *db, struct err *e)
{
	return ready(db, e);
}

/* ---------------------------------------------------------------------------------------------
 * Running */

static bool is_prepared(const struct pg *db, const struct pg_statement *s)
{
	for (size_t i = 0; i < db->nprepared; i++)
		if (db->prepared[i] == s)
			return true;
	return false;
}

static PGresult *prepare(struct pg *db, const struct pg_statement *s)
{
	if (is_prepared(db, s))
		return NULL;
	PGresult *r = PQprepare(db->conn, s->name, s->sql, 0, NULL);
	if (!succeeded(r))
		return r ? r : failure(db);
	PQclear(r);
	if (db->nprepared == db->room) {
		db->room = db->room ? db->room * 2 : 64;
		db->prepared = base_realloc(db->prepared, db->room * sizeof *db->prepared);
	}
	db->prepared[db->nprepared++] = s;
	return NULL;
}

struct call {
	const struct pg_statement *s; /* NULL: sql is run as it is */
	const char *sql;
	const struct pg_params *p;
	bool script; /* it may be several statements */
};

static void note_carried(struct pg *db, size_t bytes)
{
	db->carried = bytes > db->carried ? bytes : db->carried;
}

/* Puts a prepared statement, or a word of SQL, on its way. */
static bool put(struct pg *db, const struct call *c)
{
	static const struct pg_params none;
	const struct pg_params *p = c->p ? c->p : &none;
	const char *value[PG_PARAMS];
	size_t bytes = 0;
	for (int i = 0; i < p->n; i++) {
		value[i] = p->value[i] == IN_NUMBER ? p->number[i] : p->value[i];
		bytes += (size_t)p->length[i];
	}
	note_carried(db, bytes);
	db->calls++;
	if (!c->s)
		return PQsendQueryParams(db->conn, c->sql, 0, NULL, NULL, NULL, NULL, 1) != 0;
	return PQsendQueryPrepared(db->conn, c->s->name, p->n, value, p->length, p->format, 1) != 0;
}

/* NULL: it may be put on its way. A new statement is made known by itself. */
static PGresult *make_known(struct pg *db, const struct call *c)
{
	if (!c->s || is_prepared(db, c->s))
		return NULL;
	PGresult *failed = end_pipe(db);
	return failed ? failed : prepare(db, c->s);
}

/* Together with what was sent ahead, whose failure is its own. */
static PGresult *send_last(struct pg *db, const struct call *c)
{
	PGresult *failed, *r = NULL;
	if (!put(db, c) || !PQpipelineSync(db->conn))
		return failure(db);
	failed = take_ahead(db);
	if (!failed || !lost(db))
		r = next_in_pipe(db);
	leave_pipe(db);
	if (!failed)
		return r;
	PQclear(r);
	return failed;
}

static PGresult *send_call(struct pg *db, const struct call *c)
{
	PGresult *failed = make_known(db, c);
	if (failed)
		return failed;
	PGresult *r = db->piped ? send_last(db, c) : put(db, c) ? collect(db) : failure(db);
	note_carried(db, r ? PQresultMemorySize(r) : 0);
	return r;
}

/* Several statements in one text can't be sent together with others. */
static PGresult *send_script(struct pg *db, const char *sql)
{
	PGresult *failed = end_pipe(db);
	db->calls++;
	return failed ? failed : PQexec(db->conn, sql);
}

/* Whether the server ended the connection instead of doing what was asked, and said so. */
static bool refused_by_shutdown(const PGresult *r)
{
	return strncmp(state_of(r), "57P0", 4) == 0;
}

/* Takes the result. */
static void note_failure(struct pg *db, PGresult *r, const struct call *c, struct err *e)
{
	explain(db, r, c->s ? c->s->name : c->script ? "script" : c->sql, e);
	PQclear(r);
	if (db->in_tx)
		db->tx_failed = true; /* the server does nothing more in it either */
	if (lost(db))
		drop_connection(db);
}

/*
 * What is sent alone, outside a transaction: serialisation failures are tried again, and so is what
 * the server refused because it is closing the connection. NULL on failure.
 */
static PGresult *run(struct pg *db, const struct call *c, struct err *e)
{
	bool reconnected = false;
	for (int tries = 1;; tries++) {
		if (!ready(db, e))
			return NULL;
		bool alone = !db->in_tx && !db->piped;
		PGresult *r = c->script ? send_script(db, c->sql) : send_call(db, c);
		if (succeeded(r))
			return r;
		bool again = alone && tries < TRIES && may_repeat(state_of(r));
		if (alone && lost(db) && !reconnected)
			again = reconnected = refused_by_shutdown(r);
		note_failure(db, r, c, e);
		if (!again)
			return NULL;
	}
}

struct pg_rows *pg_run(struct pg *db, const struct pg_statement *s, const struct pg_params *p,
		       struct err *e)
{
	struct call c = {.s = s, .p = p};
	return (struct pg_rows *)run(db, &c, e);
}

enum found pg_find(struct pg *db, const struct pg_statement *s, const struct pg_params *p,
		   struct pg_rows **out, struct err *e)
{
	*out = pg_run(db, s, p, e);
	if (!*out)
		return FOUND_FAILED;
	if (pg_count(*out) > 0)
		return FOUND_ONE;
	pg_done(out);
	return FOUND_NONE;
}

enum found pg_found(struct pg *db, const struct pg_statement *s, const struct pg_params *p,
		    struct err *e)
{
	struct pg_rows *r;
	enum found found = pg_find(db, s, p, &r, e);
	pg_done(&r);
	return found;
}

bool pg_ask(struct pg *db, const struct pg_statement *s, const struct pg_params *p, bool *yes,
	    struct err *e)
{
	struct pg_rows *r = pg_run(db, s, p, e);
	if (!r)
		return false;
	*yes = pg_count(r) == 1 && pg_get_bool(r, 0, 0);
	pg_done(&r);
	return true;
}

bool pg_do(struct pg *db, const struct pg_statement *s, const struct pg_params *p, struct err *e)
{
	struct pg_rows *r = pg_run(db, s, p, e);
	bool ok = r != NULL;
	pg_done(&r);
	return ok;
}

/* Sends it without waiting for its end. */
static bool send_ahead(struct pg *db, const struct call *c, struct err *e)
{
	if (!ready(db, e))
		return false;
	PGresult *failed = make_known(db, c);
	if (!failed && !db->piped && !PQenterPipelineMode(db->conn))
		failed = failure(db);
	db->piped = db->piped || !failed;
	if (!failed && !put(db, c))
		failed = failure(db);
	if (failed) {
		note_failure(db, failed, c, e);
		return false;
	}
	db->ahead++;
	return true;
}

bool pg_ahead(struct pg *db, const struct pg_statement *s, const struct pg_params *p, struct err *e)
{
	struct call c = {.s = s, .p = p};
	return send_ahead(db, &c, e);
}

void pg_unwaited(struct pg *db, const struct pg_statement *s, const struct pg_params *p)
{
	struct call c = {.s = s, .p = p};
	struct err ignored;
	if (!db->conn || !send_ahead(db, &c, &ignored))
		return;
	db->unwaited = true;
	if (!PQpipelineSync(db->conn))
		drop_connection(db);
}

bool pg_script(struct pg *db, const char *sql, struct err *e)
{
	struct call c = {.sql = sql, .script = true};
	PGresult *r = run(db, &c, e);
	bool ok = r != NULL;
	PQclear(r);
	return ok;
}

struct taking {
	void (*told)(void *ctx, struct str payload); /* NULL: nobody asks what was said */
	void *ctx;
	bool any;
};

/* Takes what has arrived; false when the connection is lost. */
static bool take_notifications(struct pg *db, struct taking *t, struct err *e)
{
	PGnotify *n;
	if (!PQconsumeInput(db->conn)) {
		drop_connection(db);
		return err_set(e, ERR_UNAVAILABLE, "database: the connection was lost");
	}
	while ((n = PQnotifies(db->conn)) != NULL) {
		t->any = true;
		if (t->told)
			t->told(t->ctx, str_of(n->extra));
		PQfreemem(n);
	}
	return true;
}

bool pg_wait_told(struct pg *db, int ms, void (*told)(void *ctx, struct str payload), void *ctx,
		  struct err *e)
{
	struct taking t = {told, ctx, false};
	if (!db->conn)
		return err_set(e, ERR_UNAVAILABLE, "database: the connection was lost");
	if (!take_notifications(db, &t, e))
		return false;
	if (t.any)
		return true;
	poll(&(struct pollfd){.fd = PQsocket(db->conn), .events = POLLIN}, 1, ms);
	return take_notifications(db, &t, e);
}

bool pg_wait(struct pg *db, int ms, struct err *e)
{
	return pg_wait_told(db, ms, NULL, NULL, e);
}

unsigned pg_take_calls(struct pg *db)
{
	unsigned n = db->calls;
	db->calls = 0;
	return n;
}

void pg_rest(struct pg *db)
{
	enum { CARRIED_MOST = 4 << 20 };
	if (!db->conn || db->in_tx || db->carried <= CARRIED_MOST)
		return;
	if (db->unwaited)
		take_unwaited(db);
	if (!db->piped)
		drop_connection(db);
}

unsigned pg_connection(const struct pg *db)
{
	return db->conn ? db->connects : 0;
}

/* ---------------------------------------------------------------------------------------------
 * Transactions */

bool pg_begin(struct pg *db, struct err *e)
{
	if (db->in_tx)
		return err_set(e, ERR_INTERNAL, "database: a transaction within a transaction");
	struct call c = {.sql = "BEGIN"};
	if (!send_ahead(db, &c, e))
		return false;
	db->in_tx = true;
	db->tx_failed = false;
	return true;
}

bool pg_commit(struct pg *db, struct err *e)
{
	if (!db->in_tx)
		return err_set(e, ERR_INTERNAL, "database: a commit without a transaction");
	if (db->tx_failed) {
		pg_rollback(db);
		return err_set(e, ERR_UNAVAILABLE, "database: the transaction has failed");
	}
	struct call c = {.sql = "COMMIT"};
	PGresult *r = run(db, &c, e);
	if (!r) {
		pg_rollback(db);
		return false;
	}
	/* The server answers the COMMIT of a failed transaction with ROLLBACK. */
	bool done = strcmp(PQcmdStatus(r), "COMMIT") == 0;
	PQclear(r);
	db->in_tx = false;
	return done || err_set(e, ERR_UNAVAILABLE, "database: the transaction was rolled back");
}

void pg_rollback(struct pg *db)
{
	bool was = db->in_tx;
	db->in_tx = db->tx_failed = false;
	if (db->conn && db->piped && !db->unwaited) {
		PQclear(end_pipe(db));
		if (lost(db))
			drop_connection(db);
	}
	if (!was || !db->conn || PQtransactionStatus(db->conn) == PQTRANS_IDLE)
		return;
	db->calls++;
	PGresult *r = PQexec(db->conn, "ROLLBACK");
	if (!succeeded(r))
		drop_connection(db);
	PQclear(r);
}

bool pg_in_transaction(const struct pg *db)
{
	return db->in_tx;
}

static bool at_savepoint(struct pg *db, const char *verb, const char *name, struct err *e)
{
	char sql[80];
	if (!db->in_tx)
		return err_set(e, ERR_INTERNAL, "database: a savepoint without a transaction");
	snprintf(sql, sizeof sql, "%s %s", verb, name);
	struct call c = {.sql = sql};
	PGresult *r = run(db, &c, e);
	bool ok = r != NULL;
	PQclear(r);
	return ok;
}

bool pg_savepoint(struct pg *db, const char *name, struct err *e)
{
	return at_savepoint(db, "SAVEPOINT", name, e);
}

bool pg_undo(struct pg *db, const char *name, struct err *e)
{
	db->tx_failed = db->tx_failed && !db->conn;
	return at_savepoint(db, "ROLLBACK TO SAVEPOINT", name, e);
}

bool pg_release(struct pg *db, const char *name, struct err *e)
{
	return at_savepoint(db, "RELEASE SAVEPOINT", name, e);
}

bool pg_failed(const struct pg *db)
{
	return db->in_tx && db->tx_failed;
}

/* ---------------------------------------------------------------------------------------------
 * Results. A struct pg_rows is libpq's result under a name that keeps libpq out of our headers. */

static const PGresult *result(const struct pg_rows *r)
{
	return (const PGresult *)r;
}

size_t pg_count(const struct pg_rows *r)
{
	return (size_t)PQntuples(result(r));
}

bool pg_is_null(const struct pg_rows *r, size_t row, int col)
{
	return PQgetisnull(result(r), (int)row, col);
}

int64_t pg_get_int(const struct pg_rows *r, size_t row, int col)
{
	const char *p = PQgetvalue(result(r), (int)row, col);
	uint16_t v16;
	uint32_t v32;
	uint64_t v64;
	switch (PQgetlength(result(r), (int)row, col)) {
	case sizeof v16:
		memcpy(&v16, p, sizeof v16);
		return (int16_t)be16toh(v16);
	case sizeof v32:
		memcpy(&v32, p, sizeof v32);
		return (int32_t)be32toh(v32);
	case sizeof v64:
		memcpy(&v64, p, sizeof v64);
		return (int64_t)be64toh(v64);
	default:
		return 0; /* NULL */
	}
}

bool pg_get_bool(const struct pg_rows *r, size_t row, int col)
{
	return PQgetlength(result(r), (int)row, col) == 1 && *PQgetvalue(result(r), (int)row, col);
}

int64_t pg_get_time(const struct pg_rows *r, size_t row, int col)
{
	if (pg_is_null(r, row, col))
		return 0;
	int64_t us = pg_get_int(r, row, col);
	if (us == INT64_MIN || us == INT64_MAX)
		return us;
	int64_t ms = us / 1000 - (us % 1000 < 0);
	return ms + PG_EPOCH;
}

struct str pg_get_str(const struct pg_rows *r, size_t row, int col)
{
	if (pg_is_null(r, row, col))
		return (struct str){NULL, 0};
	return (struct str){PQgetvalue(result(r), (int)row, col),
			    (size_t)PQgetlength(result(r), (int)row, col)};
}

struct str pg_get_copy(struct arena *a, const struct pg_rows *r, size_t row, int col)
{
	struct str s = pg_get_str(r, row, col);
	return s.p ? (struct str){arena_dup(a, s.p, s.n), s.n} : s;
}

void pg_done(struct pg_rows **r)
{
	if (!r || !*r)
		return;
	PQclear((PGresult *)*r);
	*r = NULL;
}
