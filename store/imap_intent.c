/* imap_intent: what is about to be done on an IMAP server. See imap_intent.h for the contract. */
#include "store/imap_intent.h"

#include "core/base/arena.h"
#include "store/pg.h"

/* Those that nobody came back for go after a week. */
static PG_STATEMENT(
	imap_intent_add,
	"WITH old AS (DELETE FROM easel.imap_intent WHERE account_id = $1"
	"	AND made_at < now() - interval '7 days') "
	"INSERT INTO easel.imap_intent"
	" (account_id, folder_id, kind, reference, message_id, uidvalidity, uidnext, outcome)"
	" VALUES ($1, $2, $3::text, $4::text, $5::text, $6::bigint, $7::bigint, $8::text)"
	" ON CONFLICT (account_id, folder_id, kind, reference) DO UPDATE SET kind = excluded.kind"
	" RETURNING uidvalidity, uidnext, message_id, xmax <> 0, outcome");

static PG_STATEMENT(imap_intent_get,
		    "SELECT uidvalidity, uidnext, message_id, true, outcome FROM easel.imap_intent"
		    " WHERE account_id = $1 AND folder_id = $2 AND kind = $3::text"
		    " AND reference = $4::text");

static PG_STATEMENT(imap_intent_end,
		    "DELETE FROM easel.imap_intent WHERE account_id = $1 AND folder_id = $2"
		    " AND kind = $3::text AND reference = $4::text");

static struct pg_params key(struct arena *a, const struct imap_intent *i)
{
	struct pg_params p = {0};
	pg_int(&p, i->account);
	pg_int(&p, i->folder);
	pg_cstr(&p, i->kind);
	pg_text(&p, a, i->reference);
	return p;
}

static bool read_row(struct pg *db, struct arena *a, const struct pg_statement *st,
		     const struct pg_params *p, struct imap_intent *out, struct err *e)
{
	struct pg_rows *r = pg_run(db, st, p, e);
	if (!r)
		return false;
	out->repeated = pg_count(r) == 1 && pg_get_bool(r, 0, 3);
	if (out->repeated) {
		out->uidvalidity = pg_get_int(r, 0, 0);
		out->uidnext = pg_get_int(r, 0, 1);
		out->message_id = pg_get_copy(a, r, 0, 2);
		out->outcome = pg_get_copy(a, r, 0, 4);
	}
	pg_done(&r);
	return true;
}

bool imap_intent_note(struct pg *aside, struct arena *a, struct imap_intent *intent, struct err *e)
{
	struct pg_params p = key(a, intent);
	pg_text(&p, a, intent->message_id);
	pg_int(&p, intent->uidvalidity);
	pg_int(&p, intent->uidnext);
	pg_text(&p, a, intent->outcome);
	return read_row(aside, a, &imap_intent_add, &p, intent, e);
}

bool imap_intent_find(struct pg *aside, struct arena *a, struct imap_intent *intent, struct err *e)
{
	struct pg_params p = key(a, intent);
	return read_row(aside, a, &imap_intent_get, &p, intent, e);
}

bool imap_intent_done(struct pg *db, struct arena *a, const struct imap_intent *intent,
		      struct err *e)
{
	struct pg_params p = key(a, intent);
	return pg_do(db, &imap_intent_end, &p, e);
}
