/* device: what is known of a phone. See device.h for the contract. */
#include "store/device.h"

#include "core/base/arena.h"
#include "core/base/text.h"
#include "store/pg.h"

enum { TEXT_MAX = 256 };

static PG_STATEMENT(device_admission,
		    "SELECT device FROM easel.device_admit($1, $2::text, $3::text, $4::text,"
		    " $5::integer)");

static PG_STATEMENT(device_decision, "SELECT easel.device_decide($1)");

static PG_STATEMENT(
	device_password_put,
	"WITH allowed AS MATERIALIZED (SELECT v.id FROM easel.device v"
	"	WHERE v.account_id = $1 AND v.id = $2"
	"	AND (easel.policy_document(easel.policy_fields($1, $2)) ->> 'password_recovery')::boolean),"
	"put AS (INSERT INTO easel.device_password (device, sealed)"
	"	SELECT id, $3::bytea FROM allowed WHERE $3::bytea IS NOT NULL"
	"	ON CONFLICT (device) DO UPDATE SET sealed = excluded.sealed, set_at = now()),"
	"gone AS (DELETE FROM easel.device_password p USING allowed"
	"	WHERE p.device = allowed.id AND $3::bytea IS NULL) "
	"SELECT EXISTS (SELECT FROM allowed)");

static PG_STATEMENT(
	device_password_get,
	"WITH asked AS (SELECT p.device, p.sealed FROM easel.device_password p"
	"	JOIN easel.device v ON v.id = p.device JOIN easel.account a ON a.id = v.account_id"
	"	WHERE a.address = lower($1::text) AND v.device_id = $2::text),"
	"noted AS (INSERT INTO easel.device_password_shown (device, shown_to)"
	"	SELECT device, $3::text FROM asked) "
	"SELECT sealed FROM asked");

/* What is computed comes from the same snapshot as its stamp. */
static PG_STATEMENT(
	device_contacted,
	"UPDATE easel.device v SET type = $3, user_agent = $4, protocol_version = $5, last_seen = now(),"
	" last_sync = CASE WHEN $6::boolean THEN now() ELSE v.last_sync END,"
	" effective = CASE WHEN NOT v.effective IS NULL AND v.effective_stamp = n.stamp"
	"	THEN v.effective ELSE easel.effective_of(v.account_id, v.id) END,"
	" effective_stamp = n.stamp"
	" FROM (SELECT s.gate_version + d.gate_version + a.gate_version AS stamp"
	"	FROM easel.server s, easel.account a JOIN easel.domain d ON d.id = a.domain_id"
	"	WHERE a.id = $1) n"
	" WHERE v.account_id = $1 AND v.id = $2");

static PG_STATEMENT(
	device_information_set,
	"UPDATE easel.device SET model = coalesce($2, model), imei = coalesce($3, imei),"
	" friendly_name = coalesce($4, friendly_name), os = coalesce($5, os),"
	" os_language = coalesce($6, os_language), phone_number = coalesce($7, phone_number),"
	" mobile_operator = coalesce($8, mobile_operator), user_agent = coalesce($9, user_agent),"
	" outbound_sms = coalesce($10::boolean, outbound_sms), information_at = now() WHERE id = $1");

static PG_STATEMENT(
	device_trace_add,
	"INSERT INTO easel.trace (account_id, device_id, entry) VALUES ($1, $2::text, $3::text)");

static PG_STATEMENT(
	device_ping,
	"UPDATE easel.device SET ping_heartbeat = $2, ping_folders = $3::integer[] WHERE id = $1");

static PG_STATEMENT(device_sync, "UPDATE easel.device SET sync_request = $2, last_sync = now()"
				 " WHERE id = $1");

static PG_STATEMENT(
	device_error,
	"UPDATE easel.device SET last_error = $2::text, last_error_at = now() WHERE id = $1"
	" AND coalesce(last_error_at < now() - interval '1 minute', true)");

/* Text from a phone as the table holds it: legal, short. */
static struct str shorten(struct arena *a, struct str s)
{
	return text_cut_utf8(text_to_xml(a, s), TEXT_MAX);
}

static void put_optional(struct pg_params *p, struct arena *a, struct str s)
{
	if (s.p)
		pg_text(p, a, shorten(a, s));
	else
		pg_null(p);
}

bool device_admit(struct pg *db, struct arena *a, int32_t account, const struct device_contact *c,
		  int32_t *device, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_text(&p, a, c->device_id);
	pg_text(&p, a, shorten(a, c->type));
	pg_text(&p, a, shorten(a, c->user_agent));
	pg_int(&p, c->protocol_version);
	struct pg_rows *r = pg_run(db, &device_admission, &p, e);
	if (!r)
		return false;
	*device = (int32_t)pg_get_int(r, 0, 0);
	pg_done(&r);
	return true;
}

bool device_decide(struct pg *db, int32_t device, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	return pg_do(db, &device_decision, &p, e);
}

bool device_touch(struct pg *db, struct arena *a, int32_t account, int32_t device,
		  const struct device_contact *c, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	pg_text(&p, a, shorten(a, c->type));
	pg_text(&p, a, shorten(a, c->user_agent));
	pg_int(&p, c->protocol_version);
	pg_bool(&p, c->syncs);
	return pg_do(db, &device_contacted, &p, e);
}

bool device_note_error(struct pg *db, struct arena *a, int32_t device, struct str what,
		       struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_text(&p, a, shorten(a, what));
	return pg_do(db, &device_error, &p, e);
}

bool device_set_information(struct pg *db, struct arena *a, int32_t device,
			    const struct device_information *i, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	const struct str texts[] = {
		i->model,	i->imei,	 i->friendly_name,   i->os,
		i->os_language, i->phone_number, i->mobile_operator, i->user_agent};
	for (size_t n = 0; n < sizeof texts / sizeof *texts; n++)
		put_optional(&p, a, texts[n]);
	if (i->outbound_sms < 0)
		pg_null(&p);
	else
		pg_bool(&p, i->outbound_sms != 0);
	return pg_do(db, &device_information_set, &p, e);
}

bool device_keep_password(struct pg *db, int32_t account, int32_t device, struct str sealed,
			  bool *kept, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	if (sealed.p)
		pg_bytes(&p, sealed);
	else
		pg_null(&p);
	struct pg_rows *r = pg_run(db, &device_password_put, &p, e);
	if (!r)
		return false;
	*kept = pg_get_bool(r, 0, 0);
	pg_done(&r);
	return true;
}

enum found device_password(struct pg *db, struct arena *a, struct str address, struct str device_id,
			   struct str shown_to, struct str *sealed, struct err *e)
{
	struct pg_params p = {0};
	pg_text(&p, a, address);
	pg_text(&p, a, device_id);
	pg_text(&p, a, shown_to);
	struct pg_rows *r;
	enum found found = pg_find(db, &device_password_get, &p, &r, e);
	if (found == FOUND_ONE)
		*sealed = pg_get_copy(a, r, 0, 0);
	pg_done(&r);
	return found;
}

bool device_trace(struct pg *db, struct arena *a, int32_t account, struct str device_id,
		  struct str entry, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_text(&p, a, device_id);
	pg_text(&p, a, text_to_xml(a, entry));
	return pg_do(db, &device_trace_add, &p, e);
}

bool device_remember_ping(struct pg *db, struct arena *a, int32_t device, int heartbeat,
			  struct str folders, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_int(&p, heartbeat);
	pg_text(&p, a, folders);
	return pg_do(db, &device_ping, &p, e);
}

bool device_remember_sync(struct pg *db, struct arena *a, int32_t device, struct str request,
			  struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_text(&p, a, request);
	return pg_do(db, &device_sync, &p, e);
}
