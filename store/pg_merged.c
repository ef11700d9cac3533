/* merged: where the items of a merged folder are kept. See merged.h for the contract. */
#include "store/merged.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(
	merged_find_items,
	"SELECT u.place, m.source_uid, i.modseq, k.modseq, s.owner_id, s.source_id,"
	" easel.folder_rights($4::integer, s.owner_id, s.source_id), s.view, f.class"
	" FROM unnest($3::bigint[]) WITH ORDINALITY u(uid, place)"
	" JOIN easel.merged_item m ON m.account_id = $1 AND m.folder_id = $2 AND m.uid = u.uid"
	" JOIN easel.merged_source s ON s.account_id = $1 AND s.folder_id = $2"
	"	AND s.owner_id = m.owner_id AND s.source_id = m.source_id"
	" JOIN easel.folder f ON f.account_id = m.owner_id AND f.id = m.source_id"
	" JOIN easel.item i ON i.account_id = $1 AND i.folder_id = $2 AND i.uid = m.uid"
	" JOIN easel.item k ON k.account_id = m.owner_id AND k.folder_id = m.source_id"
	"	AND k.uid = m.source_uid");

static PG_STATEMENT(
	merged_default_of,
	"SELECT s.owner_id, s.source_id, easel.folder_rights($3::integer, s.owner_id, s.source_id),"
	" s.view, f.class FROM easel.merged_source s"
	" JOIN easel.folder f ON f.account_id = s.owner_id AND f.id = s.source_id"
	" WHERE s.account_id = $1 AND s.folder_id = $2"
	" ORDER BY s.view <> 'plain', s.owner_id <> $3::integer, f.role IS NULL, s.source_id LIMIT 1");

static PG_STATEMENT(merged_take_in, "SELECT easel.merged_take($1, $2)");

static PG_STATEMENT(merged_number_of,
		    "SELECT m.uid FROM easel.merged_item m"
		    " WHERE m.account_id = $1 AND m.folder_id = $2"
		    " AND m.owner_id = $3 AND m.source_id = $4 AND m.source_uid = $5::bigint");

static struct pg_params of_folder(const struct collection *merged)
{
	struct pg_params p = {0};
	pg_int(&p, merged->at.account);
	pg_int(&p, merged->at.folder);
	return p;
}

/* owner_id, source_id, rights, view, class: five columns from `col` on. */
static bool read_source(const struct pg_rows *r, size_t row, int col,
			const struct collection *merged, struct collection *out, struct err *e)
{
	*out = (struct collection){
		.account = merged->account,
		.id = merged->id,
		.at = {(int32_t)pg_get_int(r, row, col), (int32_t)pg_get_int(r, row, col + 1),
		       (unsigned)pg_get_int(r, row, col + 2)},
		.view = collection_view_parse(pg_get_str(r, row, col + 3)),
	};
	return store_class_parse(pg_get_str(r, row, col + 4), &out->kept) ||
	       err_set(e, ERR_INTERNAL, "a folder's class is not known");
}

bool merged_find(struct pg *db, struct arena *a, const struct collection *merged,
		 const int64_t *uids, size_t n, struct merged_item **out, struct err *e)
{
	struct pg_params p = of_folder(merged);
	pg_ints(&p, a, uids, n);
	pg_int(&p, merged->account);
	struct pg_rows *r = pg_run(db, &merged_find_items, &p, e);
	if (!r)
		return false;
	*out = arena_array(a, n, sizeof **out);
	bool ok = true;
	for (size_t i = 0; ok && i < pg_count(r); i++) {
		struct merged_item *item = &(*out)[pg_get_int(r, i, 0) - 1];
		item->uid = pg_get_int(r, i, 1);
		item->modseq = pg_get_int(r, i, 2);
		item->kept_modseq = pg_get_int(r, i, 3);
		ok = read_source(r, i, 4, merged, &item->at, e);
		item->found = ok && item->at.at.rights & RIGHT_READ;
	}
	pg_done(&r);
	return ok;
}

enum found merged_default(struct pg *db, const struct collection *merged, struct collection *out,
			  struct err *e)
{
	struct pg_params p = of_folder(merged);
	pg_int(&p, merged->account);
	struct pg_rows *r = pg_run(db, &merged_default_of, &p, e);
	if (!r)
		return FOUND_FAILED;
	enum found found = FOUND_NONE;
	if (pg_count(r) > 0)
		found = read_source(r, 0, 0, merged, out, e) ? FOUND_ONE : FOUND_FAILED;
	pg_done(&r);
	return found;
}

bool merged_take(struct pg *db, const struct collection *merged, int64_t *modseq, struct err *e)
{
	struct pg_params p = of_folder(merged);
	struct pg_rows *r = pg_run(db, &merged_take_in, &p, e);
	if (!r)
		return false;
	*modseq = pg_get_int(r, 0, 0);
	pg_done(&r);
	return true;
}

enum found merged_number(struct pg *db, const struct collection *merged, struct place kept,
			 int64_t kept_uid, int64_t *uid, struct err *e)
{
	struct pg_params p = of_folder(merged);
	pg_int(&p, kept.account);
	pg_int(&p, kept.folder);
	pg_int(&p, kept_uid);
	struct pg_rows *r;
	enum found found = pg_find(db, &merged_number_of, &p, &r, e);
	if (found == FOUND_ONE)
		*uid = pg_get_int(r, 0, 0);
	pg_done(&r);
	return found;
}
