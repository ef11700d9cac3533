/* hierarchy: the folder tree as a device was last told. See hierarchy.h for the contract. */
#include "store/hierarchy.h"

#include <stdio.h>

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(
	hierarchy_select,
	"SELECT epoch, n, modseq, folders, previous_n, previous_folders FROM easel.hierarchy_state"
	" WHERE device = $1");

static PG_STATEMENT(
	hierarchy_upsert,
	"INSERT INTO easel.hierarchy_state (device, account_id, epoch, n, modseq, folders, previous_n,"
	" previous_folders) VALUES ($1, $2, $3, $4, $5, $6::json, $7, $8::json)"
	" ON CONFLICT (device) DO UPDATE SET epoch = excluded.epoch, n = excluded.n,"
	" modseq = excluded.modseq, folders = excluded.folders,"
	" previous_n = excluded.previous_n, previous_folders = excluded.previous_folders, made_at = now()");

static PG_STATEMENT(hierarchy_now, "SELECT hierarchy_modseq FROM easel.account WHERE id = $1");

static PG_STATEMENT(hierarchy_lock, "SELECT pg_advisory_xact_lock($1::integer, 0)");

enum found hierarchy_load(struct pg *db, struct arena *a, int32_t device,
			  struct hierarchy_state *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	struct pg_rows *r;
	enum found found = pg_find(db, &hierarchy_select, &p, &r, e);
	if (found == FOUND_ONE) {
		snprintf(out->epoch, sizeof out->epoch, "%.*s", STR_ARG(pg_get_str(r, 0, 0)));
		out->n = (int32_t)pg_get_int(r, 0, 1);
		out->modseq = pg_get_int(r, 0, 2);
		out->folders = pg_get_copy(a, r, 0, 3);
		out->previous = (struct str){NULL, 0};
		out->previous_n = (int32_t)pg_get_int(r, 0, 4);
		if (!pg_is_null(r, 0, 5))
			out->previous = pg_get_copy(a, r, 0, 5);
	}
	pg_done(&r);
	return found;
}

bool hierarchy_save(struct pg *db, struct arena *a, int32_t account, int32_t device,
		    const struct hierarchy_state *s, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_int(&p, account);
	pg_cstr(&p, s->epoch);
	pg_int(&p, s->n);
	pg_int(&p, s->modseq);
	pg_text(&p, a, s->folders);
	if (s->previous.p) {
		pg_int(&p, s->previous_n);
		pg_text(&p, a, s->previous);
	} else {
		pg_null(&p);
		pg_null(&p);
	}
	return pg_do(db, &hierarchy_upsert, &p, e);
}

bool hierarchy_newest(struct pg *db, int32_t account, int64_t *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	struct pg_rows *r = pg_run(db, &hierarchy_now, &p, e);
	if (!r)
		return false;
	bool found = pg_count(r) > 0;
	*out = found ? pg_get_int(r, 0, 0) : 0;
	pg_done(&r);
	return found || err_set(e, ERR_NOT_FOUND, "there is no account %d", (int)account);
}

bool hierarchy_claim(struct pg *db, int32_t device, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	return pg_do(db, &hierarchy_lock, &p, e);
}
