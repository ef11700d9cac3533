/* oof: out of office for the pg store. See oof.h for the contract. */
#include "store/oof.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(oof_read,
		    "SELECT o.state, o.start_at, o.end_at, m.audience, m.enabled, m.html, m.message"
		    " FROM easel.oof o LEFT JOIN easel.oof_message m ON m.account_id = o.account_id"
		    " WHERE o.account_id = $1");

static PG_STATEMENT(
	oof_write,
	"WITH o AS (INSERT INTO easel.oof AS o (account_id, state, start_at, end_at)"
	"	VALUES ($1, $2, $3::timestamptz, $4::timestamptz)"
	"	ON CONFLICT (account_id) DO UPDATE SET state = excluded.state,"
	"	start_at = excluded.start_at, end_at = excluded.end_at, changed_at = now()"
	"	RETURNING account_id),"
	"forgotten AS (DELETE FROM easel.oof_answered WHERE account_id = $1) "
	"INSERT INTO easel.oof_message (account_id, audience, enabled, html, message)"
	" SELECT o.account_id, m.audience, m.enabled, m.html, m.message FROM o, (VALUES"
	" ('internal', $5::boolean, $6::boolean, $7::text),"
	" ('known', $8::boolean, $9::boolean, $10::text),"
	" ('unknown', $11::boolean, $12::boolean, $13::text)) m (audience, enabled, html, message)"
	" ON CONFLICT (account_id, audience) DO UPDATE SET enabled = excluded.enabled,"
	" html = excluded.html, message = excluded.message");

static PG_STATEMENT(oof_reply, "SELECT message, html FROM easel.oof_answer($1, $2::text)");

static const char *const states[] = {[OOF_OFF] = "off", [OOF_ON] = "on", [OOF_TIMED] = "timed"};
static const char *const audiences[] = {
	[OOF_INTERNAL] = "internal", [OOF_KNOWN] = "known", [OOF_UNKNOWN] = "unknown"};

static int number_of(const char *const *names, int n, struct str name)
{
	for (int i = 0; i < n; i++)
		if (str_eq(name, str_of(names[i])))
			return i;
	return 0;
}

static bool get(struct pg *db, struct arena *a, int32_t account, struct oof *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	struct pg_rows *r = pg_run(db, &oof_read, &p, e);
	*out = (struct oof){.state = OOF_OFF};
	if (!r)
		return false;
	for (size_t i = 0; i < pg_count(r); i++) {
		out->state = (enum oof_state)number_of(states, 3, pg_get_str(r, i, 0));
		out->start = pg_get_time(r, i, 1);
		out->end = pg_get_time(r, i, 2);
		if (pg_is_null(r, i, 3))
			continue;
		int audience = number_of(audiences, OOF_AUDIENCES, pg_get_str(r, i, 3));
		out->messages[audience] = (struct oof_message){
			pg_get_bool(r, i, 4), pg_get_bool(r, i, 5), pg_get_copy(a, r, i, 6)};
	}
	pg_done(&r);
	return true;
}

static bool set(struct pg *db, struct arena *a, int32_t account, const struct oof *o, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_cstr(&p, states[o->state]);
	if (o->state == OOF_TIMED) {
		pg_time(&p, o->start);
		pg_time(&p, o->end);
	} else {
		pg_null(&p);
		pg_null(&p);
	}
	for (int i = 0; i < OOF_AUDIENCES; i++) {
		const struct oof_message *m = &o->messages[i];
		pg_bool(&p, m->enabled);
		pg_bool(&p, m->html);
		pg_text(&p, a, m->text.p ? m->text : STR(""));
	}
	return pg_do(db, &oof_write, &p, e);
}

const struct oof_ops oof_pg = {.get = get, .set = set};

enum found oof_answer(struct pg *db, struct arena *a, int32_t account, struct str sender,
		      struct oof_message *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_text(&p, a, sender);
	struct pg_rows *r;
	enum found found = pg_find(db, &oof_reply, &p, &r, e);
	if (found == FOUND_ONE)
		*out = (struct oof_message){true, pg_get_bool(r, 0, 1), pg_get_copy(a, r, 0, 0)};
	pg_done(&r);
	return found;
}
