/* sms: text messages that phones upload. See sms.h for the contract. */
#include "store/sms.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(
	sms_insert,
	"INSERT INTO easel.sms (account_id, device, folder_id, sender, recipients, sent_at, body, read)"
	" VALUES ($1, $2, $3, $4, $5, $6::timestamptz, $7, $8) RETURNING id");

static PG_STATEMENT(sms_mark, "UPDATE easel.sms SET read = $4 WHERE account_id = $1"
			      " AND folder_id = $2 AND id = $3::bigint RETURNING id");

static PG_STATEMENT(sms_delete, "DELETE FROM easel.sms WHERE account_id = $1 AND folder_id = $2"
				" AND id = $3::bigint RETURNING id");

bool sms_add(struct pg *db, struct arena *a, int32_t account, int32_t device, int32_t folder,
	     const struct sms *sms, int64_t *id, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	pg_int(&p, folder);
	pg_text(&p, a, sms->from);
	pg_text(&p, a, sms->to);
	pg_time(&p, sms->date);
	pg_text(&p, a, sms->text);
	pg_bool(&p, sms->read);
	struct pg_rows *r = pg_run(db, &sms_insert, &p, e);
	if (!r)
		return false;
	*id = SMS_FIRST + pg_get_int(r, 0, 0);
	pg_done(&r);
	return true;
}

static struct pg_params of_one(int32_t account, int32_t folder, int64_t id)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, folder);
	pg_int(&p, id - SMS_FIRST);
	return p;
}

enum found sms_set_read(struct pg *db, int32_t account, int32_t folder, int64_t id, bool read,
			struct err *e)
{
	struct pg_params p = of_one(account, folder, id);
	pg_bool(&p, read);
	return pg_found(db, &sms_mark, &p, e);
}

enum found sms_remove(struct pg *db, int32_t account, int32_t folder, int64_t id, struct err *e)
{
	struct pg_params p = of_one(account, folder, id);
	return pg_found(db, &sms_delete, &p, e);
}
