/* sender: what the database knows of an account that sends mail. See sender.h for the contract. */
#include "store/sender.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(
	sender_settings,
	"SELECT s.sender_policy = 'refuse',"
	" (SELECT string_agg(address, E'\\n') FROM easel.alias WHERE account_id = $1) FROM easel.server s");

static PG_STATEMENT(sender_account,
		    "SELECT address, display_name, timezone FROM easel.account WHERE id = $1");

static PG_STATEMENT(
	sender_note,
	"INSERT INTO easel.sent_message AS m (account_id, device, reference) VALUES ($1, $2, $3::text)"
	" ON CONFLICT (account_id, device, reference) DO UPDATE SET sent_at = now()"
	" WHERE m.sent_at < now() - make_interval(secs => $4::integer) RETURNING 1");

static PG_STATEMENT(sender_tidy,
		    "DELETE FROM easel.sent_message WHERE sent_at < now() - interval '30 days'");

static PG_STATEMENT(
	sender_message,
	"SELECT i.folder_id, i.uid FROM easel.content c"
	" JOIN easel.item i ON i.account_id = c.account_id AND i.content_id = c.id"
	" JOIN easel.folder f ON f.account_id = i.account_id AND f.id = i.folder_id "
	"WHERE c.account_id = $1 AND md5(c.summary ->> 'message_id') = md5($2::text)"
	" AND c.summary ->> 'message_id' = $2::text "
	"ORDER BY CASE f.role WHEN 'inbox' THEN 1 WHEN 'sent' THEN 3 WHEN 'trash' THEN 3 ELSE 2 END,"
	" i.folder_id, i.uid LIMIT 1");

enum found sender_identity(struct pg *db, struct arena *a, int32_t account, struct sender *out,
			   struct str *timezone, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	struct pg_rows *r = pg_run(db, &sender_account, &p, e);
	if (!r)
		return FOUND_FAILED;
	bool found = pg_count(r) == 1;
	if (found) {
		out->address = pg_get_copy(a, r, 0, 0);
		out->display_name = pg_get_copy(a, r, 0, 1);
		*timezone = pg_get_copy(a, r, 0, 2);
	}
	pg_done(&r);
	return found ? FOUND_ONE : FOUND_NONE;
}

bool sender_read(struct pg *db, struct arena *a, int32_t account, struct sender *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	struct pg_rows *r = pg_run(db, &sender_settings, &p, e);
	if (!r)
		return false;
	bool found = pg_count(r) == 1;
	if (found) {
		out->refuse = pg_get_bool(r, 0, 0);
		out->aliases = pg_get_copy(a, r, 0, 1);
	}
	pg_done(&r);
	return found || err_set(e, ERR_INTERNAL, "easel.server is empty");
}

bool sender_owns(const struct sender *s, struct str address)
{
	struct str rest = s->aliases, one;
	if (str_eq_nocase(s->address, address))
		return true;
	while (rest.n && str_next(&rest, '\n', &one))
		if (str_eq_nocase(one, address))
			return true;
	return false;
}

enum found sender_remember(struct pg *db, struct arena *a, int32_t account, int32_t device,
			   struct str reference, int seconds, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	pg_text(&p, a, reference);
	pg_int(&p, seconds);
	struct pg_rows *r = pg_run(db, &sender_note, &p, e);
	if (!r)
		return FOUND_FAILED;
	bool fresh = pg_count(r) > 0;
	pg_done(&r);
	return fresh ? FOUND_NONE : FOUND_ONE;
}

bool sender_forget(struct pg *db, struct err *e)
{
	return pg_do(db, &sender_tidy, NULL, e);
}

enum found sender_find(struct pg *db, struct arena *a, int32_t account, struct str message_id,
		       int32_t *folder, int64_t *uid, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_text(&p, a, message_id);
	struct pg_rows *r;
	enum found found = pg_find(db, &sender_message, &p, &r, e);
	if (found == FOUND_ONE) {
		*folder = (int32_t)pg_get_int(r, 0, 0);
		*uid = pg_get_int(r, 0, 1);
	}
	pg_done(&r);
	return found;
}
