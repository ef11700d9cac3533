/* sync_trouble: devices that can't take an answer. See sync_trouble.h for the contract. */
#include "store/sync_trouble.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(
	trouble_read,
	"SELECT t.device IS NOT NULL, t.repeats, t.sent, t.suspects, t.window_size, t.lost,"
	" t.folder_id, t.uid, t.modseq, o.folder_id, o.uid, CASE WHEN o.retried THEN -1 ELSE o.modseq END,"
	" t.changed_at > clock_timestamp() - make_interval(secs => $2::bigint / 1000.0)"
	" FROM (VALUES (1)) always(one) LEFT JOIN easel.sync_trouble t ON t.device = $1"
	" LEFT JOIN easel.sync_omitted o ON o.device = $1");

static PG_STATEMENT(
	trouble_write,
	"INSERT INTO easel.sync_trouble (device, repeats, sent, suspects, window_size, lost,"
	" folder_id, uid, modseq) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
	" ON CONFLICT (device) DO UPDATE SET repeats = $2, sent = $3, suspects = $4,"
	" window_size = $5, lost = $6, folder_id = $7, uid = $8, modseq = $9, changed_at = clock_timestamp()");

static PG_STATEMENT(trouble_over, "DELETE FROM easel.sync_trouble WHERE device = $1");

static PG_STATEMENT(trouble_note_lost,
		    "INSERT INTO easel.sync_trouble (device, lost) VALUES ($1, true)"
		    " ON CONFLICT (device) DO UPDATE SET lost = true");

static PG_STATEMENT(trouble_omit, "SELECT easel.item_omitted($1, $2, $3, $4::bigint, $5::bigint,"
				  " $6::text)");

static PG_STATEMENT(trouble_forget, "DELETE FROM easel.sync_omitted"
				    " WHERE device = $1 AND folder_id = $2 AND uid = $3::bigint");

static PG_STATEMENT(note_read,
		    "SELECT omitted_at, note FROM easel.sync_omitted WHERE account_id = $1"
		    " AND note_folder = $2 AND id = $3::bigint AND note IS NOT NULL");

static PG_STATEMENT(note_remove,
		    "UPDATE easel.sync_omitted SET note = NULL WHERE account_id = $1"
		    " AND note_folder = $2 AND id = $3::bigint AND note IS NOT NULL RETURNING id");

static struct omitted read_item(const struct pg_rows *r, size_t row, int col)
{
	return (struct omitted){(int32_t)pg_get_int(r, row, col), pg_get_int(r, row, col + 1),
				pg_get_int(r, row, col + 2)};
}

bool sync_trouble_read(struct pg *db, struct arena *a, int32_t device, int64_t age,
		       struct sync_trouble *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_int(&p, age);
	struct pg_rows *r = pg_run(db, &trouble_read, &p, e);
	if (!r)
		return false;
	*out = (struct sync_trouble){
		.found = pg_get_bool(r, 0, 0),
		.repeats = (int)pg_get_int(r, 0, 1),
		.sent = (int)pg_get_int(r, 0, 2),
		.suspects = (int)pg_get_int(r, 0, 3),
		.window = (int)pg_get_int(r, 0, 4),
		.lost = pg_get_bool(r, 0, 5),
		.single = read_item(r, 0, 6),
		.overlapping = pg_get_bool(r, 0, 12),
		.v = arena_array(a, pg_count(r), sizeof *out->v),
	};
	for (size_t i = 0; i < pg_count(r); i++)
		if (!pg_is_null(r, i, 9))
			out->v[out->n++] = read_item(r, i, 9);
	pg_done(&r);
	return true;
}

bool sync_trouble_write(struct pg *db, int32_t device, const struct sync_trouble *t, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	if (!t->found)
		return pg_do(db, &trouble_over, &p, e);
	pg_int(&p, t->repeats);
	pg_int(&p, t->sent);
	pg_int(&p, t->suspects);
	pg_int(&p, t->window);
	pg_bool(&p, t->lost);
	pg_int(&p, t->single.folder);
	pg_int(&p, t->single.uid);
	pg_int(&p, t->single.modseq);
	return pg_do(db, &trouble_write, &p, e);
}

bool sync_trouble_lost(struct pg *db, int32_t device, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	return pg_do(db, &trouble_note_lost, &p, e);
}

bool sync_trouble_omit(struct pg *db, int32_t account, int32_t device, const struct omitted *item,
		       bool refused, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_int(&p, account);
	pg_int(&p, item->folder);
	pg_int(&p, item->uid);
	pg_int(&p, item->modseq);
	pg_cstr(&p, refused ? "refused" : "unreadable");
	return pg_do(db, &trouble_omit, &p, e);
}

bool sync_trouble_forget(struct pg *db, int32_t device, const struct omitted *item, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_int(&p, item->folder);
	pg_int(&p, item->uid);
	return pg_do(db, &trouble_forget, &p, e);
}

/* ---- The messages about them ---- */

static struct pg_params of_note(int32_t account, int32_t folder, int64_t uid)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, folder);
	pg_int(&p, uid - NOTE_FIRST);
	return p;
}

enum found sync_note_read(struct pg *db, struct arena *a, int32_t account, int32_t folder,
			  int64_t uid, struct item *out, struct str *raw, struct err *e)
{
	struct pg_params p = of_note(account, folder, uid);
	struct pg_rows *r;
	enum found found = pg_find(db, &note_read, &p, &r, e);
	*out = (struct item){.uid = uid, .gone = true};
	*raw = (struct str){NULL, 0};
	if (found == FOUND_ONE) {
		*raw = pg_get_copy(a, r, 0, 1);
		*out = (struct item){.uid = uid,
				     .modseq = 1,
				     .date = pg_get_time(r, 0, 0),
				     .marks = STR(""),
				     .size = (int64_t)raw->n};
	}
	pg_done(&r);
	return found;
}

enum found sync_note_remove(struct pg *db, int32_t account, int32_t folder, int64_t uid,
			    struct err *e)
{
	struct pg_params p = of_note(account, folder, uid);
	return pg_found(db, &note_remove, &p, e);
}
