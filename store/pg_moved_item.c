/* moved_item: what a device moved from folder to folder. See moved_item.h for the contract. */
#include "store/moved_item.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(
	moved_item_select,
	"SELECT r.place, m.to_folder_id, m.to_epoch, m.to_uid, m.to_modseq, m.sync_epoch"
	" FROM unnest($3::bigint[], $4::bigint[], $5::bigint[])"
	"	WITH ORDINALITY r(folder, epoch, uid, place)"
	" JOIN easel.moved_item m ON m.account_id = $1 AND m.device = $2 AND m.folder_id = r.folder"
	" AND m.epoch = r.epoch AND m.uid = r.uid"
	" WHERE m.moved_at > now() - interval '1 week'");

static PG_STATEMENT(
	moved_item_upsert,
	"INSERT INTO easel.moved_item"
	" (account_id, device, folder_id, epoch, uid, to_folder_id, to_epoch, to_uid, to_modseq, sync_epoch)"
	" SELECT $1, $2, r.* FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],"
	" $7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[]) r"
	" ON CONFLICT (account_id, device, folder_id, epoch, uid) DO UPDATE SET"
	" to_folder_id = excluded.to_folder_id, to_epoch = excluded.to_epoch, to_uid = excluded.to_uid,"
	" to_modseq = excluded.to_modseq, sync_epoch = excluded.sync_epoch, moved_at = excluded.moved_at");

static PG_STATEMENT(moved_item_forget,
		    "DELETE FROM easel.moved_item WHERE account_id = $1 AND device = $2"
		    " AND moved_at <= now() - interval '1 week'");

static struct pg_params of_device(int32_t account, int32_t device)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	return p;
}

/* Three columns: where each item was, or where it is now. */
static void put_places(struct pg_params *p, struct arena *a, const struct moved_item *items,
		       size_t n, bool to)
{
	int64_t *column = arena_array(a, n, 3 * sizeof *column);
	for (size_t i = 0; i < n; i++) {
		const struct item_place *at = to ? &items[i].to : &items[i].from;
		column[i] = at->folder;
		column[n + i] = at->epoch;
		column[2 * n + i] = at->uid;
	}
	for (size_t i = 0; i < 3; i++)
		pg_ints(p, a, column + i * n, n);
}

bool moved_item_find(struct pg *db, struct arena *a, int32_t account, int32_t device,
		     struct moved_item *items, size_t n, struct err *e)
{
	struct pg_params p = of_device(account, device);
	put_places(&p, a, items, n, false);
	struct pg_rows *r = pg_run(db, &moved_item_select, &p, e);
	if (!r)
		return false;
	for (size_t i = 0; i < n; i++)
		items[i].known = false;
	for (size_t i = 0; i < pg_count(r); i++) {
		struct moved_item *item = &items[pg_get_int(r, i, 0) - 1];
		item->known = true;
		item->to = (struct item_place){
			.folder = (int32_t)pg_get_int(r, i, 1),
			.epoch = (int32_t)pg_get_int(r, i, 2),
			.uid = pg_get_int(r, i, 3),
		};
		item->modseq = pg_get_int(r, i, 4);
		item->sync_epoch = pg_get_int(r, i, 5);
	}
	pg_done(&r);
	return true;
}

bool moved_item_record(struct pg *db, struct arena *a, int32_t account, int32_t device,
		       const struct moved_item *items, size_t n, struct err *e)
{
	struct pg_params old = of_device(account, device), p = old;
	put_places(&p, a, items, n, false);
	put_places(&p, a, items, n, true);
	int64_t *column = arena_array(a, n, 2 * sizeof *column);
	for (size_t i = 0; i < n; i++) {
		column[i] = items[i].modseq;
		column[n + i] = items[i].sync_epoch;
	}
	pg_ints(&p, a, column, n);
	pg_ints(&p, a, column + n, n);
	return pg_do(db, &moved_item_forget, &old, e) && pg_do(db, &moved_item_upsert, &p, e);
}
