/* notice: information mails on their way. See notice.h for the contract. */
#include "store/notice.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "store/pg.h"

static PG_STATEMENT(notice_lock_try, "SELECT pg_try_advisory_lock(435459552, 1)");

static PG_STATEMENT(
	notice_next,
	"SELECT n.account_id, n.id, a.address, coalesce(n.copy_to, ''), n.sender, n.data"
	" FROM easel.notice n JOIN easel.account a ON a.id = n.account_id"
	" ORDER BY n.id LIMIT 1 FOR UPDATE OF n SKIP LOCKED");

static PG_STATEMENT(notice_remove,
		    "DELETE FROM easel.notice WHERE account_id = $1 AND id = $2::bigint");

static PG_STATEMENT(notice_tidy, "SELECT coalesce(sum(removed), 0)::bigint FROM easel.housekeep()");

bool notice_lock(struct pg *db, bool *taken, struct err *e)
{
	struct pg_rows *r = pg_run(db, &notice_lock_try, NULL, e);
	if (!r)
		return false;
	*taken = pg_get_bool(r, 0, 0);
	pg_done(&r);
	return !*taken || pg_script(db, "LISTEN easel_notice", e);
}

bool notice_wait(struct pg *db, int ms, bool *woken, struct err *e)
{
	int64_t until = clock_monotonic() + ms;
	if (!pg_wait(db, ms, e))
		return false;
	*woken = clock_monotonic() < until;
	return true;
}

enum found notice_take(struct pg *db, struct arena *a, struct notice *out, struct err *e)
{
	struct pg_rows *r;
	enum found found = pg_find(db, &notice_next, NULL, &r, e);
	if (found == FOUND_ONE)
		*out = (struct notice){
			.account = (int32_t)pg_get_int(r, 0, 0),
			.id = pg_get_int(r, 0, 1),
			.address = pg_get_copy(a, r, 0, 2),
			.copy_to = pg_get_copy(a, r, 0, 3),
			.sender = pg_get_copy(a, r, 0, 4),
			.raw = pg_get_copy(a, r, 0, 5),
		};
	pg_done(&r);
	return found;
}

bool notice_finish(struct pg *db, const struct notice *n, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, n->account);
	pg_int(&p, n->id);
	return pg_do(db, &notice_remove, &p, e);
}

bool notice_housekeep(struct pg *db, int64_t *removed, struct err *e)
{
	struct pg_rows *r = pg_run(db, &notice_tidy, NULL, e);
	if (!r)
		return false;
	*removed = pg_get_int(r, 0, 0);
	pg_done(&r);
	return true;
}
