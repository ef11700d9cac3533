/* folder_map: the folders that a device is shown. See folder_map.h for the contract. */
#include "store/folder_map.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(
	folder_map_rows,
	"SELECT id, parent_id, name, type, owner_id, folder_id, rights, view, kept_class,"
	" special, named_by_path, rooted"
	" FROM easel.folder_map($1, nullif($2::integer, 0), $3)");

static bool read_row(struct arena *a, const struct pg_rows *r, size_t row, struct shown_folder *out,
		     struct err *e)
{
	*out = (struct shown_folder){
		.id = (int32_t)pg_get_int(r, row, 0),
		.parent = (int32_t)pg_get_int(r, row, 1),
		.name = pg_get_copy(a, r, row, 2),
		.type = (int)pg_get_int(r, row, 3),
		.at = {(int32_t)pg_get_int(r, row, 4), (int32_t)pg_get_int(r, row, 5),
		       (unsigned)pg_get_int(r, row, 6)},
		.view = collection_view_parse(pg_get_str(r, row, 7)),
		.special = pg_get_bool(r, row, 9),
		.named_by_path = pg_get_bool(r, row, 10),
		.rooted = pg_get_bool(r, row, 11),
	};
	return pg_is_null(r, row, 8) || store_class_parse(pg_get_str(r, row, 8), &out->kept) ||
	       err_set(e, ERR_INTERNAL, "a folder's class is not known");
}

bool folder_map_read(struct pg *db, struct arena *a, int32_t account, int32_t device,
		     unsigned version, struct shown_folder **out, size_t *n, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	pg_int(&p, version);
	struct pg_rows *r = pg_run(db, &folder_map_rows, &p, e);
	if (!r)
		return false;
	*n = pg_count(r);
	*out = arena_array(a, *n, sizeof **out);
	bool ok = true;
	for (size_t i = 0; ok && i < *n; i++)
		ok = read_row(a, r, i, &(*out)[i], e);
	pg_done(&r);
	return ok;
}

static PG_STATEMENT(folder_map_more,
		    "SELECT easel.device_sees_more($1, nullif($2::integer, 0), $3)");

static PG_STATEMENT(folder_map_all_below, "SELECT easel.administers_all($1, $2, $3)");

bool folder_map_allows(struct pg *db, int32_t account, int32_t device, bool mail, bool *out,
		       struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	pg_bool(&p, mail);
	return pg_ask(db, &folder_map_more, &p, out, e);
}

bool folder_map_administers(struct pg *db, int32_t account, const struct place *at, bool *out,
			    struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, at->account);
	pg_int(&p, at->folder);
	return pg_ask(db, &folder_map_all_below, &p, out, e);
}

static PG_STATEMENT(folder_map_give, "SELECT easel.folder_inherit($1, $2, $3)");

bool folder_map_inherit(struct pg *db, const struct place *parent, int32_t folder, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, parent->account);
	pg_int(&p, parent->folder);
	pg_int(&p, folder);
	return pg_do(db, &folder_map_give, &p, e);
}
