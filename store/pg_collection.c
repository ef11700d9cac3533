/* collection: what a device's folder stands for. See collection.h for the contract. */
#include "store/collection.h"

#include "core/base/arena.h"
#include "store/pg.h"

#define COLUMNS                                                                                    \
	"SELECT id, owner_id, folder_id, rights, view, kept_class,"                                \
	" parent_id, name, class, role, epoch, modseq FROM easel.collection_folder"

static PG_STATEMENT(collection_one, COLUMNS " WHERE account_id = $1 AND id = $2");

static PG_STATEMENT(collection_others,
		    COLUMNS " WHERE account_id = $1 AND (view <> 'plain' OR owner_id <> $1)"
			    " ORDER BY id");

static PG_STATEMENT(
	collection_told,
	"SELECT c.id, f.epoch, coalesce(m.uid, $4::bigint)"
	" FROM easel.hierarchy_state h CROSS JOIN json_array_elements(h.folders) e"
	" JOIN easel.collection c ON c.account_id = $1 AND c.id = (e ->> 0)::integer"
	" JOIN easel.folder f ON f.account_id = c.owner_id AND f.id = c.folder_id"
	" LEFT JOIN easel.merged_item m ON c.view = 'merged' AND m.account_id = c.owner_id"
	"	AND m.folder_id = c.folder_id AND m.owner_id = $1 AND m.source_id = $3"
	"	AND m.source_uid = $4::bigint"
	" WHERE h.device = $2 AND h.account_id = $1"
	" AND (m.uid IS NOT NULL OR (c.view = 'plain' AND c.owner_id = $1 AND c.folder_id = $3))"
	" ORDER BY c.view = 'plain' DESC LIMIT 1");

enum folder_view collection_view_parse(struct str text)
{
	static const char *const names[] = {
		[VIEW_PLAIN] = "plain",
		[VIEW_TWIN] = "twin",
		[VIEW_MAIL] = "mail",
		[VIEW_EVENTS] = "events",
		[VIEW_OPEN_EVENTS] = "open_events",
		[VIEW_TASKS] = "tasks",
		[VIEW_NOTES] = "notes",
		[VIEW_MERGED] = "merged",
	};
	for (enum folder_view v = VIEW_PLAIN; v < VIEW_HOLDER; v++)
		if (str_eq(text, str_of(names[v])))
			return v;
	return VIEW_HOLDER;
}

static bool read_collection(const struct pg_rows *r, size_t row, int32_t account,
			    struct collection *out, struct err *e)
{
	*out = (struct collection){
		.account = account,
		.id = (int32_t)pg_get_int(r, row, 0),
		.at = {(int32_t)pg_get_int(r, row, 1), (int32_t)pg_get_int(r, row, 2),
		       (unsigned)pg_get_int(r, row, 3)},
		.view = collection_view_parse(pg_get_str(r, row, 4)),
	};
	if (out->at.folder == 0 || store_class_parse(pg_get_str(r, row, 5), &out->kept))
		return true;
	return err_set(e, ERR_INTERNAL, "a folder's class is not known");
}

static bool read_folder(struct arena *a, const struct pg_rows *r, size_t row,
			const struct collection *c, struct folder *out, struct err *e)
{
	*out = (struct folder){
		.id = c->id,
		.parent = (int32_t)pg_get_int(r, row, 6),
		.name = pg_get_copy(a, r, row, 7),
		.epoch = (int32_t)pg_get_int(r, row, 10),
		.modseq = pg_get_int(r, row, 11),
		.at = c->at,
		.view = c->view,
		.kept = c->kept,
	};
	if (store_class_parse(pg_get_str(r, row, 8), &out->class) &&
	    store_role_parse(pg_get_str(r, row, 9), &out->role))
		return true;
	return err_set(e, ERR_INTERNAL, "folder %d has a class or role that is not known",
		       (int)c->id);
}

/* `a` and `folder` are NULL when only the collection is wanted. */
static enum found find(struct pg *db, struct arena *a, int32_t account, int32_t id,
		       struct collection *out, struct folder *folder, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, id);
	struct pg_rows *r = pg_run(db, &collection_one, &p, e);
	if (!r)
		return FOUND_FAILED;
	enum found found = FOUND_NONE;
	if (pg_count(r) > 0)
		found = read_collection(r, 0, account, out, e) &&
					(!folder || read_folder(a, r, 0, out, folder, e))
				? FOUND_ONE
				: FOUND_FAILED;
	pg_done(&r);
	return found;
}

enum found collection_find(struct pg *db, int32_t account, int32_t id, struct collection *out,
			   struct err *e)
{
	return find(db, NULL, account, id, out, NULL, e);
}

enum found collection_folder(struct pg *db, struct arena *a, int32_t account, int32_t id,
			     struct collection *out, struct folder *folder, struct err *e)
{
	return find(db, a, account, id, out, folder, e);
}

enum found collection_on_device(struct pg *db, int32_t account, int32_t device, int32_t folder,
				int64_t uid, struct collection_item *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	pg_int(&p, folder);
	pg_int(&p, uid);
	struct pg_rows *r;
	enum found found = pg_find(db, &collection_told, &p, &r, e);
	if (found == FOUND_ONE)
		*out = (struct collection_item){(int32_t)pg_get_int(r, 0, 0),
						(int32_t)pg_get_int(r, 0, 1), pg_get_int(r, 0, 2)};
	pg_done(&r);
	return found;
}

bool collection_links(struct pg *db, struct arena *a, int32_t account, struct collection **out,
		      struct folder **folders, size_t *n, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	struct pg_rows *r = pg_run(db, &collection_others, &p, e);
	if (!r)
		return false;
	*n = pg_count(r);
	*out = arena_array(a, *n, sizeof **out);
	*folders = arena_array(a, *n, sizeof **folders);
	bool ok = true;
	for (size_t i = 0; ok && i < *n; i++)
		ok = read_collection(r, i, account, &(*out)[i], e) &&
		     read_folder(a, r, i, &(*out)[i], &(*folders)[i], e);
	pg_done(&r);
	return ok;
}
