/* user_page: a user's own devices. See user_page.h for the contract. */
#include "store/user_page.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(user_page_devices, "SELECT easel.user_page($1::integer)");
static PG_STATEMENT(user_page_action, "SELECT easel.user_act($1::integer, $2::integer, $3::text)");

bool user_page_read(struct pg *db, struct arena *a, int32_t account, struct str *json,
		    struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	struct pg_rows *r = pg_run(db, &user_page_devices, &p, e);
	if (!r)
		return false;
	*json = pg_get_copy(a, r, 0, 0);
	pg_done(&r);
	return true;
}

bool user_page_act(struct pg *db, struct arena *a, int32_t account, int32_t device,
		   struct str action, bool *done, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	pg_text(&p, a, action);
	struct pg_rows *r = pg_run(db, &user_page_action, &p, e);
	if (!r)
		return false;
	*done = pg_get_bool(r, 0, 0);
	pg_done(&r);
	return true;
}
