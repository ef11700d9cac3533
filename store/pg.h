/*
 * pg: one connection to PostgreSQL, prepared statements, and what its failures mean.
 *
 * Statements are declared beside their one caller with PG_STATEMENT and prepared on first use of a
 * connection. Parameters go as text (bytea as bytes), results come back in binary format, so a
 * statement casts what has no simple binary form to ::text; times are pg_time and pg_get_time.
 *
 * Failure rule: a lost connection is ERR_UNAVAILABLE; the next statement reconnects, at most every
 * 200 ms, then more rarely (2 s) while the database stays away. A statement outside a transaction
 * that finds the connection gone before it is sent reconnects unseen. Serialisation failures and
 * deadlocks of a single statement are retried here; inside a transaction they are ERR_UNAVAILABLE,
 * and whoever began it may start again. So are timeouts and a lack of resources. Unique violations
 * are ERR_EXISTS, check violations ERR_INVALID; of what our own functions raise, no_data_found is
 * ERR_NOT_FOUND and restrict_violation ERR_FORBIDDEN; all else is ERR_INTERNAL. After a failure
 * inside a transaction, or a lost connection, nothing more is done until pg_undo(), or
 * pg_rollback() or pg_commit(), which fails; these two end the transaction. Thread: a struct pg
 * belongs to one thread.
 */
#ifndef EASEL_STORE_PG_H
#define EASEL_STORE_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

struct pg_statement {
	const char *name;
	const char *sql;
};

/*
 * static PG_STATEMENT(item_lookup, "SELECT … WHERE account_id = $1");
 * Every statement of the program can be found again through pg_statements(), for the test that
 * prepares them all on a fresh database.
 */
#define PG_STATEMENT(id, text)                                                                     \
	const struct pg_statement id = {#id, text};                                                \
	static const struct pg_statement *const id##_registered                                    \
		__attribute__((used, section("pg_statements"))) = &id

const struct pg_statement *const *pg_statements(size_t *n);

/*
 * What is set on every connection, as statements without a last ";". Workers never want a plan
 * whose cost follows the folder: what an index gives in order is never sorted, and what an index
 * finds is never looked for. A statement is planned once for a connection: for some, planning takes
 * four times as long as running.
 */
extern const char pg_session_settings[];

/*
 * Parameters of one call, at most PG_PARAMS. Texts and bytes are referenced until the call, not
 * copied; the struct itself may be copied.
 */
enum { PG_PARAMS = 24 };

struct pg_params {
	int n;
	const char *value[PG_PARAMS];
	int length[PG_PARAMS];
	int format[PG_PARAMS];
	char number[PG_PARAMS][24];
};

void pg_int(struct pg_params *p, int64_t v);
void pg_bool(struct pg_params *p, bool v);
/* A timestamptz from ms since 1970; INT64_MIN and INT64_MAX are -infinity and infinity. */
void pg_time(struct pg_params *p, int64_t ms);
void pg_text(struct pg_params *p, struct arena *a, struct str v); /* copied: needs its NUL */
void pg_cstr(struct pg_params *p, const char *v);		  /* NULL is SQL's NULL */
void pg_bytes(struct pg_params *p, struct str v);
void pg_null(struct pg_params *p);
/* '{1,2,3}' */
void pg_ints(struct pg_params *p, struct arena *a, const int64_t *v, size_t n);

/* A result; released with pg_done(). */
struct pg_rows;

/*
 * A connection with libpq's conninfo ("" uses PGHOST and its like). Connects on first use. `role`
 * is shown as application_name.
 */
struct pg *pg_new(const char *conninfo, const char *role);
void pg_free(struct pg **db);

/* Connects now if needed. */
bool pg_connect(struct pg *db, struct err *e);

/*
 * To be called when a request has ended: libpq keeps room for the largest message that it has seen,
 * so a connection that a large one went through is closed, and made anew when it is needed.
 */
void pg_rest(struct pg *db);

/*
 * Number of the connection in use, 0 when there is none: it changes with every reconnect, and with
 * it goes what belongs to a connection, such as an advisory lock of the session.
 */
unsigned pg_connection(const struct pg *db);

/* Runs a statement. NULL on failure. SQL calls are counted for the log. */
struct pg_rows *pg_run(struct pg *db, const struct pg_statement *s, const struct pg_params *p,
		       struct err *e);

/* Runs a statement that gives a row or none. FOUND_ONE: it is at *out; else that is NULL. */
enum found pg_find(struct pg *db, const struct pg_statement *s, const struct pg_params *p,
		   struct pg_rows **out, struct err *e);

/* The same, where the row says no more than that it is there. */
enum found pg_found(struct pg *db, const struct pg_statement *s, const struct pg_params *p,
		    struct err *e);

/* Runs a statement that gives one boolean; no row is a no. */
bool pg_ask(struct pg *db, const struct pg_statement *s, const struct pg_params *p, bool *yes,
	    struct err *e);

/* Runs a statement whose rows do not matter. */
bool pg_do(struct pg *db, const struct pg_statement *s, const struct pg_params *p, struct err *e);

/*
 * Sends a statement together with the next one, in one round trip; its rows do not matter. If it
 * fails then so does the next one, or pg_commit(), with its error. Outside a transaction both are
 * one transaction, and are not tried again.
 */
bool pg_ahead(struct pg *db, const struct pg_statement *s, const struct pg_params *p,
	      struct err *e);

/* Sends a statement and does not wait for its end. If it fails the connection is lost. */
void pg_unwaited(struct pg *db, const struct pg_statement *s, const struct pg_params *p);

/* Runs SQL text without parameters, several statements allowed: migrations, BEGIN. */
bool pg_script(struct pg *db, const char *sql, struct err *e);

/* Goes to the server with the transaction's first statement. */
bool pg_begin(struct pg *db, struct err *e);
bool pg_commit(struct pg *db, struct err *e);
void pg_rollback(struct pg *db); /* harmless outside a transaction */
bool pg_in_transaction(const struct pg *db);

/*
 * Inside a transaction: a point to which it can be undone, by a name that is an identifier of SQL.
 * After a failure pg_undo() makes the transaction usable again, unless the connection was lost.
 * pg_release() forgets the point and keeps what was done.
 */
bool pg_savepoint(struct pg *db, const char *name, struct err *e);
bool pg_undo(struct pg *db, const char *name, struct err *e);
bool pg_release(struct pg *db, const char *name, struct err *e);

/* Whether a failure inside the transaction keeps anything more from being done in it. */
bool pg_failed(const struct pg *db);

/*
 * Sleeps until a notification comes on a channel that the connection listens on, a signal comes, or
 * the time is up. Notifications are taken off. Outside of a transaction.
 */
bool pg_wait(struct pg *db, int ms, struct err *e);

/* The same, and tells what each notification said. */
bool pg_wait_told(struct pg *db, int ms, void (*told)(void *ctx, struct str payload), void *ctx,
		  struct err *e);

/* Statements sent since the last call of this function. */
unsigned pg_take_calls(struct pg *db);

size_t pg_count(const struct pg_rows *r);
bool pg_is_null(const struct pg_rows *r, size_t row, int col);
int64_t pg_get_int(const struct pg_rows *r, size_t row,
		   int col); /* smallint, integer, bigint; NULL is 0 */
bool pg_get_bool(const struct pg_rows *r, size_t row, int col);
int64_t pg_get_time(const struct pg_rows *r, size_t row,
		    int col); /* timestamptz in ms since 1970; NULL is 0 */
struct str pg_get_str(const struct pg_rows *r, size_t row,
		      int col); /* text, json, bytea; valid until pg_done */
struct str pg_get_copy(struct arena *a, const struct pg_rows *r, size_t row, int col);
void pg_done(struct pg_rows **r);

/* The pg store over a connection that it shares with its owner. */
struct store *store_pg_new(struct pg *db);
void store_pg_free(struct store **s);

#endif
