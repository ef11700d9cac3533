/* queue: mail that is still to be delivered. See queue.h for the contract. */
#include "store/queue.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "store/pg.h"

/* ---- Recipients ---- */

static PG_STATEMENT(
	queue_recipients,
	"SELECT r.place, h.account, f.id, easel.is_local(r.address)"
	" FROM string_to_table($1::text, E'\\n') WITH ORDINALITY r(address, place)"
	" CROSS JOIN LATERAL (SELECT easel.account_of(r.address) AS account) h"
	" LEFT JOIN easel.folder f ON f.account_id = h.account AND f.role = 'inbox'"
	" AND NOT EXISTS (SELECT FROM easel.imap_account i WHERE i.account_id = f.account_id)");

static PG_STATEMENT(
	queue_lock,
	"SELECT 1 FROM easel.folder WHERE (account_id, id) IN"
	" (SELECT * FROM unnest($1::integer[], $2::integer[])) ORDER BY account_id, id FOR NO KEY UPDATE");

static PG_STATEMENT(queue_add,
		    "WITH m AS (INSERT INTO easel.queue (account_id, sender, data)"
		    "	VALUES ($1, $2::text, $3::bytea) RETURNING account_id, id) "
		    "INSERT INTO easel.queue_recipient (account_id, queue_id, address)"
		    " SELECT m.account_id, m.id, r FROM m, string_to_table($4::text, E'\\n') r");

static struct str lines_of(struct arena *a, const struct recipient *v, size_t n)
{
	struct buf out = {0};
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_byte(&out, '\n');
		buf_str(&out, v[i].address);
	}
	return buf_move(a, &out);
}

bool queue_resolve(struct pg *db, struct arena *a, struct recipient *v, size_t n, struct err *e)
{
	if (n == 0)
		return true;
	struct pg_params p = {0};
	pg_text(&p, a, lines_of(a, v, n));
	struct pg_rows *r = pg_run(db, &queue_recipients, &p, e);
	if (!r)
		return false;
	for (size_t i = 0; i < pg_count(r); i++) {
		struct recipient *one = &v[(size_t)pg_get_int(r, i, 0) - 1];
		one->account = (int32_t)pg_get_int(r, i, 1);
		one->inbox = (int32_t)pg_get_int(r, i, 2);
		one->local = pg_get_bool(r, i, 3);
	}
	pg_done(&r);
	return true;
}

bool queue_lock_folders(struct pg *db, struct arena *a, const struct folder_place *v, size_t n,
			struct err *e)
{
	int64_t *accounts = arena_array(a, n, sizeof *accounts),
		*folders = arena_array(a, n, sizeof *folders);
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		if (v[i].folder == 0)
			continue;
		accounts[kept] = v[i].account;
		folders[kept++] = v[i].folder;
	}
	if (kept == 0)
		return true;
	struct pg_params p = {0};
	pg_ints(&p, a, accounts, kept);
	pg_ints(&p, a, folders, kept);
	return pg_do(db, &queue_lock, &p, e);
}

bool queue_put(struct pg *db, struct arena *a, int32_t account, struct str sender, struct str raw,
	       const struct recipient *v, size_t n, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_text(&p, a, sender);
	pg_bytes(&p, raw);
	pg_text(&p, a, lines_of(a, v, n));
	return pg_do(db, &queue_add, &p, e);
}

/* ---- Working it off ---- */

/*
 * The message's row is what runners pass over when another has just come to it; those who came to
 * it earlier have raised next_try.
 */
static PG_STATEMENT(
	queue_next,
	"WITH m AS MATERIALIZED ("
	"	SELECT q.account_id, q.id, q.sender, q.data, q.queued_at FROM easel.queue_recipient r"
	"	JOIN easel.queue q ON q.account_id = r.account_id AND q.id = r.queue_id"
	"	WHERE r.state = 'waiting' AND r.next_try <= now()"
	"	AND $2::integer <= (SELECT queue_workers FROM easel.server)"
	"	ORDER BY r.next_try LIMIT 1 FOR UPDATE OF q SKIP LOCKED),"
	"c AS ("
	"	UPDATE easel.queue_recipient r SET attempts = r.attempts + 1,"
	"		next_try = now() + make_interval(secs => $1::integer) FROM m"
	"	WHERE r.account_id = m.account_id AND r.queue_id = m.id"
	"	AND r.state = 'waiting' AND r.next_try <= now() RETURNING r.address) "
	"SELECT m.account_id, m.id, m.sender, m.data, m.queued_at < now() - s.send_patience,"
	" (SELECT string_agg(address, E'\\n' ORDER BY address) FROM c), f.id,"
	" coalesce(d.smtp_url, s.smtp_url),"
	" CASE WHEN d.smtp_url IS NULL THEN s.smtp_user ELSE d.smtp_user END,"
	" CASE WHEN d.smtp_url IS NULL THEN s.smtp_password ELSE d.smtp_password END,"
	" CASE WHEN d.smtp_url IS NULL THEN s.smtp_tls ELSE d.smtp_tls END "
	"FROM m CROSS JOIN easel.server s JOIN easel.account a ON a.id = m.account_id"
	" JOIN easel.domain d ON d.id = a.domain_id"
	" LEFT JOIN easel.folder f ON f.account_id = m.account_id AND f.role = 'inbox'"
	" AND NOT EXISTS (SELECT FROM easel.imap_account i WHERE i.account_id = f.account_id)");

static PG_STATEMENT(
	queue_outcome,
	"UPDATE easel.queue_recipient SET state = $4::text, last_error = nullif($5::text, ''),"
	" next_try = CASE $4::text WHEN 'waiting' THEN now() + easel.queue_pause(attempts)"
	"	ELSE next_try END "
	"WHERE account_id = $1 AND queue_id = $2::bigint AND address = $3::text");

static PG_STATEMENT(
	queue_remove,
	"DELETE FROM easel.queue WHERE account_id = $1 AND id = $2::bigint AND NOT EXISTS"
	" (SELECT FROM easel.queue_recipient WHERE account_id = $1 AND queue_id = $2::bigint"
	"	AND state = 'waiting')");

static PG_STATEMENT(queue_lane_get, "SELECT coalesce(easel.queue_lane(), 0)");

bool queue_lane(struct pg *db, int *lane, struct err *e)
{
	struct pg_rows *r = pg_run(db, &queue_lane_get, NULL, e);
	if (!r)
		return false;
	*lane = (int)pg_get_int(r, 0, 0);
	pg_done(&r);
	return true;
}

static const char *text_or_null(struct arena *a, const struct pg_rows *r, int col)
{
	return pg_is_null(r, 0, col) ? NULL : str_dup(a, pg_get_str(r, 0, col));
}

static void read_host(struct arena *a, const struct pg_rows *r, int col, struct smarthost *out)
{
	struct str tls = pg_get_str(r, 0, col + 3);
	out->url = text_or_null(a, r, col);
	out->user = text_or_null(a, r, col + 1);
	out->password = text_or_null(a, r, col + 2);
	out->tls = str_eq(tls, STR("none"))  ? SMTP_TLS_NONE
		   : str_eq(tls, STR("try")) ? SMTP_TLS_TRY
					     : SMTP_TLS_REQUIRED;
}

static void read_recipients(struct arena *a, struct str lines, struct queue_message *out)
{
	struct str rest = lines, one;
	for (size_t i = 0; i < lines.n; i++)
		out->n += lines.p[i] == '\n';
	out->recipients = arena_array(a, out->n + 1, sizeof *out->recipients);
	out->n = 0;
	while (rest.n && str_next(&rest, '\n', &one))
		out->recipients[out->n++].address = one;
}

static void read_message(struct arena *a, const struct pg_rows *r, struct queue_message *out)
{
	*out = (struct queue_message){
		.account = (int32_t)pg_get_int(r, 0, 0),
		.id = pg_get_int(r, 0, 1),
		.sender = pg_get_copy(a, r, 0, 2),
		.raw = pg_get_copy(a, r, 0, 3),
		.expired = pg_get_bool(r, 0, 4),
		.inbox = (int32_t)pg_get_int(r, 0, 6),
	};
	read_recipients(a, pg_get_copy(a, r, 0, 5), out);
	read_host(a, r, 7, &out->host);
}

enum found queue_take(struct pg *db, struct arena *a, int lane, struct queue_message *out,
		      struct err *e)
{
	for (;;) {
		struct pg_params p = {0};
		pg_int(&p, QUEUE_LEASE);
		pg_int(&p, lane);
		struct pg_rows *r = pg_run(db, &queue_next, &p, e);
		if (!r)
			return FOUND_FAILED;
		bool found = pg_count(r) > 0;
		/* Another runner took its recipients while this statement began: look again. */
		bool raced = found && pg_is_null(r, 0, 5);
		if (found && !raced)
			read_message(a, r, out);
		pg_done(&r);
		if (!found)
			return FOUND_NONE;
		if (!raced)
			return queue_resolve(db, a, out->recipients, out->n, e) ? FOUND_ONE
										: FOUND_FAILED;
	}
}

bool queue_record(struct pg *db, struct arena *a, const struct queue_message *m, struct str address,
		  enum queue_state state, struct str reason, struct err *e)
{
	static const char *const names[] = {
		[QUEUE_SENT] = "sent", [QUEUE_LATER] = "waiting", [QUEUE_FAILED] = "failed"};
	struct pg_params p = {0};
	pg_int(&p, m->account);
	pg_int(&p, m->id);
	pg_text(&p, a, address);
	pg_cstr(&p, names[state]);
	pg_text(&p, a, reason);
	return pg_do(db, &queue_outcome, &p, e);
}

bool queue_finish(struct pg *db, const struct queue_message *m, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, m->account);
	pg_int(&p, m->id);
	return pg_do(db, &queue_remove, &p, e);
}

bool queue_wait(struct pg *db, unsigned *listening, int ms, bool *woken, struct err *e)
{
	if (*listening == 0 || *listening != pg_connection(db)) {
		if (!pg_script(db, "LISTEN easel_queue", e))
			return false;
		*listening = pg_connection(db);
		*woken = true; /* what was added before is looked for at once */
		return true;
	}
	int64_t until = clock_monotonic() + ms;
	if (!pg_wait(db, ms, e))
		return false;
	*woken = clock_monotonic() < until;
	return true;
}
