/* device: what is known of a phone. See device.h for the contract. */
#include "store/device.h"

#include "core/base/arena.h"
#include "core/base/text.h"
#include "store/pg.h"

enum { TEXT_MAX = 256 };

static PG_STATEMENT(
	device_insert,
	"WITH fresh AS (INSERT INTO easel.device (account_id, device_id, type, user_agent, protocol_version)"
	" VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, device_id) DO NOTHING RETURNING id)"
	" SELECT id FROM fresh UNION ALL"
	" SELECT id FROM easel.device WHERE account_id = $1 AND device_id = $2 LIMIT 1");

static PG_STATEMENT(
	device_contacted,
	"UPDATE easel.device SET type = $2, user_agent = $3, protocol_version = $4, last_seen = now()"
	" WHERE id = $1");

static PG_STATEMENT(
	device_information_set,
	"UPDATE easel.device SET model = coalesce($2, model), imei = coalesce($3, imei),"
	" friendly_name = coalesce($4, friendly_name), os = coalesce($5, os),"
	" os_language = coalesce($6, os_language), phone_number = coalesce($7, phone_number),"
	" mobile_operator = coalesce($8, mobile_operator), user_agent = coalesce($9, user_agent),"
	" outbound_sms = coalesce($10::boolean, outbound_sms) WHERE id = $1");

static PG_STATEMENT(device_policy_offer,
		    "UPDATE easel.device SET policy_offered_key = $2 WHERE id = $1");

static PG_STATEMENT(
	device_policy_acknowledge,
	"UPDATE easel.device SET policy_status = $2, policy_key = $3, policy_offered_key = 0,"
	" policy_at = now() WHERE id = $1");

static PG_STATEMENT(
	device_ping,
	"UPDATE easel.device SET ping_heartbeat = $2, ping_folders = $3::integer[] WHERE id = $1");

static PG_STATEMENT(device_sync, "UPDATE easel.device SET sync_request = $2 WHERE id = $1");

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

bool device_register(struct pg *db, struct arena *a, int32_t account,
		     const struct device_contact *c, int32_t *device, struct err *e)
{
	/* Twice: a row that another request inserted meanwhile is seen by the next snapshot only.
	 */
	for (int attempt = 0; attempt < 2; attempt++) {
		struct pg_params p = {0};
		pg_int(&p, account);
		pg_text(&p, a, c->device_id);
		pg_text(&p, a, shorten(a, c->type));
		pg_text(&p, a, shorten(a, c->user_agent));
		pg_int(&p, c->protocol_version);
		struct pg_rows *r = pg_run(db, &device_insert, &p, e);
		if (!r)
			return false;
		bool there = pg_count(r) > 0;
		*device = there ? (int32_t)pg_get_int(r, 0, 0) : 0;
		pg_done(&r);
		if (there)
			return true;
	}
	return err_set(e, ERR_UNAVAILABLE, "a device was added and removed at once");
}

bool device_touch(struct pg *db, struct arena *a, int32_t device, const struct device_contact *c,
		  struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_text(&p, a, shorten(a, c->type));
	pg_text(&p, a, shorten(a, c->user_agent));
	pg_int(&p, c->protocol_version);
	return pg_do(db, &device_contacted, &p, e);
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

bool device_offer_policy(struct pg *db, int32_t device, uint32_t offered_key, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_int(&p, offered_key);
	return pg_do(db, &device_policy_offer, &p, e);
}

bool device_acknowledge_policy(struct pg *db, int32_t device, int status, uint32_t key,
			       struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_int(&p, status);
	pg_int(&p, key);
	return pg_do(db, &device_policy_acknowledge, &p, e);
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
