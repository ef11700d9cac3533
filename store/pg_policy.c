/* policy: policies, wipes, recovery passwords. See policy.h for the contract. */
#include "store/policy.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(policy_offered,
		    "SELECT easel.device_offer_policy($1::integer, $2::bigint)::json");

static PG_STATEMENT(policy_account,
		    "SELECT easel.policy_document(easel.policy_fields($1::integer))::json");

static PG_STATEMENT(policy_acknowledged, "SELECT easel.device_acknowledge_policy($1::integer,"
					 " $2::integer, $3::bigint)");

static PG_STATEMENT(policy_ask, "SELECT easel.device_asked($1::integer)");

static PG_STATEMENT(wipe_tell, "SELECT easel.wipe_told($1::integer)");

static PG_STATEMENT(wipe_deliver,
		    "SELECT easel.wipe_delivered($1::integer, $2::boolean, $3::text)");

static PG_STATEMENT(wipe_end, "SELECT easel.wipe_done($1::integer, $2::integer)");

static PG_STATEMENT(wipe_tree, "SELECT EXISTS (SELECT FROM easel.wipe WHERE id = $1::integer"
			       " AND hierarchy_key = $2::text)");

static bool read_json(struct pg *db, struct arena *a, const struct pg_statement *s,
		      const struct pg_params *p, struct str *json, struct err *e)
{
	struct pg_rows *r = pg_run(db, s, p, e);
	if (!r)
		return false;
	bool there = pg_count(r) == 1 && !pg_is_null(r, 0, 0);
	if (there)
		*json = pg_get_copy(a, r, 0, 0);
	pg_done(&r);
	return there || err_set(e, ERR_NOT_FOUND, "the device is gone");
}

bool policy_offer(struct pg *db, struct arena *a, int32_t device, uint32_t key, struct str *json,
		  struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_int(&p, key);
	return read_json(db, a, &policy_offered, &p, json, e);
}

bool policy_of_account(struct pg *db, struct arena *a, int32_t account, struct str *json,
		       struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	return read_json(db, a, &policy_account, &p, json, e);
}

bool policy_acknowledge(struct pg *db, int32_t device, int status, uint32_t key, bool *let_in,
			struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_int(&p, status);
	pg_int(&p, key);
	return pg_ask(db, &policy_acknowledged, &p, let_in, e);
}

static bool run_for(struct pg *db, const struct pg_statement *s, int32_t id, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, id);
	return pg_do(db, s, &p, e);
}

bool policy_asked(struct pg *db, int32_t device, struct err *e)
{
	return run_for(db, &policy_ask, device, e);
}

bool wipe_told(struct pg *db, int32_t wipe, struct err *e)
{
	return run_for(db, &wipe_tell, wipe, e);
}

bool wipe_delivered(struct pg *db, struct arena *a, int32_t wipe, bool failed,
		    struct str hierarchy_key, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, wipe);
	pg_bool(&p, failed);
	if (hierarchy_key.p)
		pg_text(&p, a, hierarchy_key);
	else
		pg_null(&p);
	return pg_do(db, &wipe_deliver, &p, e);
}

bool wipe_done(struct pg *db, int32_t wipe, int32_t account, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, wipe);
	pg_int(&p, account);
	return pg_do(db, &wipe_end, &p, e);
}

bool wipe_tree_taken(struct pg *db, struct arena *a, int32_t wipe, struct str key, bool *yes,
		     struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, wipe);
	pg_text(&p, a, key);
	return pg_ask(db, &wipe_tree, &p, yes, e);
}
