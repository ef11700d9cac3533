/* ledger: what each device holds of each folder. See ledger.h for the contract. */
#include "store/ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/digest.h"
#include "store/collection.h"
#include "store/pg.h"

static PG_STATEMENT(ledger_lock, "SELECT pg_advisory_lock($1::integer, f::integer)"
				 " FROM (SELECT f FROM unnest($2::bigint[]) f ORDER BY f) s");

static PG_STATEMENT(ledger_unlock, "SELECT pg_advisory_unlock_all()");

/* Times as milliseconds; a state's columns in the order that read_state() reads them. */
#define STATE(t)                                                                                   \
	" " t ".n, " t ".modseq, " t ".cut_uid, " t ".fill_uid, " t ".todo::text, " t              \
	".echo::text,"                                                                             \
	" (extract(epoch FROM " t ".cutoff) * 1000)::bigint, " t ".canary_uid, " t                 \
	".canary_modseq,"                                                                          \
	" " t ".options"

static PG_STATEMENT(
	ledger_select,
	"SELECT f.id, f.parent_id, f.name, f.class, f.role, f.epoch, f.modseq, b.epoch, b.last_n,"
	" b.folder_epoch, b.used, b.held::text, b.supported::text," STATE("b") ", a.added::text, a.taken::text," STATE(
		"a") ", f.owner_id, f.folder_id, f.rights, f.view, f.kept_class"
		     " FROM unnest($3::integer[]) WITH ORDINALITY r(folder, place)"
		     " LEFT JOIN easel.collection_folder f ON f.account_id = $1 AND f.id = r.folder"
		     " LEFT JOIN easel.sync_base b ON b.account_id = $1 AND b.device = $2 AND b.folder_id = r.folder"
		     " LEFT JOIN easel.sync_answer a ON a.account_id = $1 AND a.device = $2 AND a.folder_id = r.folder"
		     " ORDER BY r.place, a.n");

static PG_STATEMENT(
	ledger_write,
	"WITH base AS (UPDATE easel.sync_base SET n = $5, last_n = $4, held = $6::int8multirange,"
	" modseq = $7, cut_uid = $8, fill_uid = $9, todo = $10::int8multirange, echo = $11::bigint[],"
	" cutoff = to_timestamp($12::bigint / 1000.0), canary_uid = $13, canary_modseq = $14,"
	" options = $15::json, used = true,"
	" made_at = CASE WHEN n = $5 THEN made_at ELSE now() END"
	" WHERE account_id = $1 AND device = $2 AND folder_id = $3 RETURNING n),"
	" dropped AS (DELETE FROM easel.sync_answer WHERE account_id = $1 AND device = $2 AND folder_id = $3"
	" AND n <> ALL ($16::integer[])),"
	" forgotten AS (DELETE FROM easel.sync_command WHERE account_id = $1 AND device = $2"
	" AND folder_id = $3 AND n <> $5 AND n <> ALL ($16::integer[])),"
	" synced AS (UPDATE easel.device SET last_sync = now() WHERE id = $2"
	" AND (last_sync < now() - interval '1 minute') IS NOT FALSE)"
	" SELECT n FROM base");

static PG_STATEMENT(
	ledger_answer,
	"INSERT INTO easel.sync_answer (account_id, device, folder_id, n, added, taken, modseq, cut_uid,"
	" fill_uid, todo, echo, cutoff, canary_uid, canary_modseq, options) VALUES ($1, $2, $3, $4,"
	" $5::int8multirange, $6::int8multirange, $7, $8, $9, $10::int8multirange, $11::bigint[],"
	" to_timestamp($12::bigint / 1000.0), $13, $14, $15::json)");

static PG_STATEMENT(
	ledger_note,
	"UPDATE easel.sync_answer SET added = $5::int8multirange, taken = $6::int8multirange,"
	" todo = $7::int8multirange, echo = $8::bigint[]"
	" WHERE account_id = $1 AND device = $2 AND folder_id = $3 AND n = $4");

static PG_STATEMENT(
	ledger_replace,
	"WITH answers AS (DELETE FROM easel.sync_answer WHERE account_id = $1 AND device = $2"
	" AND folder_id = $3), commands AS (DELETE FROM easel.sync_command WHERE account_id = $1"
	" AND device = $2 AND folder_id = $3)"
	" INSERT INTO easel.sync_base (account_id, device, folder_id, epoch, n, last_n, folder_epoch, modseq,"
	" fill_uid, cutoff, options, supported, todo) VALUES ($1, $2, $3, $4, $5, $5, $6, $7, $8,"
	" to_timestamp($9::bigint / 1000.0), $10::json, $11::integer[], easel.notes_of($2, $3))"
	" ON CONFLICT (account_id, device, folder_id) DO UPDATE SET epoch = excluded.epoch, n = excluded.n,"
	" last_n = excluded.last_n, folder_epoch = excluded.folder_epoch, held = '{}',"
	" modseq = excluded.modseq, cut_uid = NULL, fill_uid = excluded.fill_uid, todo = excluded.todo,"
	" echo = '{}',"
	" cutoff = excluded.cutoff, canary_uid = NULL, canary_modseq = NULL, options = excluded.options,"
	" supported = excluded.supported, used = false, made_at = now()");

static PG_STATEMENT(ledger_commands,
		    "SELECT reference, digest, status, server_id FROM easel.sync_command"
		    " WHERE account_id = $1 AND device = $2 AND folder_id = $3 AND n = $4");

static PG_STATEMENT(
	ledger_command,
	"INSERT INTO easel.sync_command (account_id, device, folder_id, n, reference, digest, status,"
	" server_id) SELECT $1, $2, $3, r.n, r.reference, decode(r.digest, 'hex'), r.status, r.id"
	" FROM json_to_recordset($4::json) r(n integer, reference text, digest text, status integer,"
	" id text)");

static PG_STATEMENT(
	ledger_adds,
	"SELECT r.place, s.server_id, s.modseq, s.name"
	" FROM json_to_recordset($4::json) r(place integer, client text, digest text)"
	" JOIN easel.sync_add s ON s.account_id = $1 AND s.device = $2 AND s.folder_id = $3"
	" AND s.client_id = r.client AND s.digest = decode(r.digest, 'hex')"
	" WHERE s.added_at > now() - interval '1 week'");

static PG_STATEMENT(
	ledger_add,
	"WITH r AS (SELECT client, decode(digest, 'hex') AS digest, name, id, modseq"
	" FROM json_to_recordset($4::json)"
	" j(client text, digest text, name text, id text, modseq bigint)),"
	" old AS (DELETE FROM easel.sync_add s WHERE s.device = $2"
	" AND s.added_at <= now() - interval '1 week' AND NOT EXISTS (SELECT FROM r"
	" WHERE s.account_id = $1 AND s.folder_id = $3 AND s.client_id = r.client AND s.digest = r.digest))"
	" INSERT INTO easel.sync_add (account_id, device, folder_id, client_id, digest, name, server_id,"
	" modseq) SELECT $1, $2, $3, r.client, r.digest, r.name, r.id, r.modseq FROM r"
	" ON CONFLICT (account_id, device, folder_id, client_id, digest) DO UPDATE SET"
	" name = excluded.name, server_id = excluded.server_id, modseq = excluded.modseq, added_at = excluded.added_at");

bool ledger_claim(struct pg *db, struct arena *a, int32_t device, const int64_t *folders, size_t n,
		  struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, device);
	pg_ints(&p, a, folders, n);
	return pg_ahead(db, &ledger_lock, &p, e);
}

void ledger_release(struct pg *db)
{
	struct pg_params p = {0};
	/* A failure means that the connection is lost, and the locks with it. */
	pg_unwaited(db, &ledger_unlock, &p);
}

/* '{1,2,3,4}': pairs of uid and modseq. */
static bool read_echoes(struct arena *a, struct str text, struct sync_state *s, struct err *e)
{
	if (text.n < 2)
		return err_set(e, ERR_INTERNAL, "stored echoes can't be read");
	struct str rest = str_sub(text, 1, text.n - 2), uid, modseq;
	s->echo = arena_array(a, rest.n / 4 + 1, sizeof *s->echo);
	s->nechoes = 0;
	while (rest.n) {
		struct echo *echo = &s->echo[s->nechoes];
		if (!str_next(&rest, ',', &uid) || !str_next(&rest, ',', &modseq) ||
		    !str_to_i64(uid, &echo->uid) || !str_to_i64(modseq, &echo->modseq))
			return err_set(e, ERR_INTERNAL, "stored echoes can't be read");
		s->nechoes++;
	}
	return true;
}

static bool read_state(struct arena *a, const struct pg_rows *r, size_t row, int col,
		       struct sync_state *s, struct err *e)
{
	s->n = (int32_t)pg_get_int(r, row, col);
	s->done.modseq = pg_get_int(r, row, col + 1);
	s->done.uid = pg_is_null(r, row, col + 2) ? INT64_MAX : pg_get_int(r, row, col + 2);
	s->fill = pg_get_int(r, row, col + 3);
	s->cutoff = pg_is_null(r, row, col + 6) ? INT64_MIN : pg_get_int(r, row, col + 6);
	s->canary_uid = pg_get_int(r, row, col + 7);
	s->canary_modseq = pg_get_int(r, row, col + 8);
	s->options = pg_get_copy(a, r, row, col + 9);
	s->held = uidset_new(a);
	return uidset_parse(a, pg_get_str(r, row, col + 4), &s->todo, e) &&
	       read_echoes(a, pg_get_str(r, row, col + 5), s, e);
}

enum { COL_BASE = 7, COL_BASE_STATE = 13, COL_ANSWER = 23, COL_ANSWER_STATE = 25, COL_PLACE = 35 };

static bool read_folder(struct arena *a, const struct pg_rows *r, size_t row, struct folder *f,
			struct err *e)
{
	f->id = (int32_t)pg_get_int(r, row, 0);
	f->parent = (int32_t)pg_get_int(r, row, 1);
	f->name = pg_get_copy(a, r, row, 2);
	f->epoch = (int32_t)pg_get_int(r, row, 5);
	f->modseq = pg_get_int(r, row, 6);
	f->at = (struct place){(int32_t)pg_get_int(r, row, COL_PLACE),
			       (int32_t)pg_get_int(r, row, COL_PLACE + 1),
			       (unsigned)pg_get_int(r, row, COL_PLACE + 2)};
	f->view = collection_view_parse(pg_get_str(r, row, COL_PLACE + 3));
	f->kept = f->class;
	store_class_parse(pg_get_str(r, row, COL_PLACE + 4), &f->kept);
	if (!store_class_parse(pg_get_str(r, row, 3), &f->class) ||
	    !store_role_parse(pg_get_str(r, row, 4), &f->role))
		return err_set(e, ERR_INTERNAL, "a folder's class or role is unknown");
	return true;
}

/* '{1,2,3}' */
static bool read_supported(struct arena *a, struct str list, struct supported *out, struct err *e)
{
	struct str rest = str_sub(list, 1, list.n < 2 ? 0 : list.n - 2), tag;
	*out = (struct supported){.sent = true, .v = arena_array(a, list.n, sizeof *out->v)};
	while (rest.n && str_next(&rest, ',', &tag))
		if (!str_to_i64(tag, &out->v[out->n++]))
			return err_set(e, ERR_INTERNAL, "stored Supported can't be read");
	return true;
}

static bool read_base(struct arena *a, const struct pg_rows *r, size_t row, struct ledger *l,
		      struct err *e)
{
	l->base_found = true;
	snprintf(l->epoch, sizeof l->epoch, "%.*s", STR_ARG(pg_get_str(r, row, COL_BASE)));
	l->last_n = (int32_t)pg_get_int(r, row, COL_BASE + 1);
	l->folder_epoch = (int32_t)pg_get_int(r, row, COL_BASE + 2);
	l->used = pg_get_bool(r, row, COL_BASE + 3);
	if (!pg_is_null(r, row, COL_BASE + 5) &&
	    !read_supported(a, pg_get_str(r, row, COL_BASE + 5), &l->supported, e))
		return false;
	return read_state(a, r, row, COL_BASE_STATE, &l->base, e) &&
	       uidset_parse(a, pg_get_str(r, row, COL_BASE + 4), &l->base.held, e);
}

static bool read_answer(struct arena *a, const struct pg_rows *r, size_t row, struct ledger *l,
			struct err *e)
{
	if (l->nanswers == LEDGER_ANSWERS)
		return err_set(e, ERR_INTERNAL, "too many outstanding answers are stored");
	struct sync_answer *answer = &l->answers[l->nanswers++];
	return uidset_parse(a, pg_get_str(r, row, COL_ANSWER), &answer->added, e) &&
	       uidset_parse(a, pg_get_str(r, row, COL_ANSWER + 1), &answer->taken, e) &&
	       read_state(a, r, row, COL_ANSWER_STATE, &answer->state, e);
}

/* One row for each outstanding answer of the folder, at least one for the folder. */
static bool read_ledger(struct arena *a, const struct pg_rows *r, size_t *row, struct ledger *l,
			struct err *e)
{
	size_t first = *row;
	l->folder_found = !pg_is_null(r, first, 0);
	*row += 1;
	if (!l->folder_found)
		return true;
	if (!read_folder(a, r, first, &l->folder, e))
		return false;
	if (pg_is_null(r, first, COL_BASE))
		return true;
	if (!read_base(a, r, first, l, e))
		return false;
	for (size_t i = first; i < pg_count(r) && pg_get_int(r, i, 0) == l->folder.id; i++) {
		*row = i + 1;
		if (!pg_is_null(r, i, COL_ANSWER) && !read_answer(a, r, i, l, e))
			return false;
	}
	return true;
}

bool ledger_load(struct pg *db, struct arena *a, int32_t account, int32_t device,
		 const int64_t *folders, size_t n, struct ledger *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, device);
	pg_ints(&p, a, folders, n);
	struct pg_rows *r = pg_run(db, &ledger_select, &p, e);
	if (!r)
		return false;
	bool ok = true;
	size_t row = 0;
	for (size_t i = 0; ok && i < n; i++) {
		out[i] = (struct ledger){.folder_id = (int32_t)folders[i]};
		ok = row < pg_count(r) ? read_ledger(a, r, &row, &out[i], e)
				       : err_set(e, ERR_INTERNAL, "a ledger's row is missing");
	}
	pg_done(&r);
	return ok;
}

static struct str echoes_text(struct arena *a, const struct sync_state *s)
{
	struct buf text = {0};
	buf_byte(&text, '{');
	for (size_t i = 0; i < s->nechoes; i++)
		buf_printf(&text, "%s%lld,%lld", i ? "," : "", (long long)s->echo[i].uid,
			   (long long)s->echo[i].modseq);
	buf_byte(&text, '}');
	return buf_move(a, &text);
}

static void put_int_or_null(struct pg_params *p, int64_t v, int64_t null)
{
	if (v == null)
		pg_null(p);
	else
		pg_int(p, v);
}

/* modseq, cut_uid, fill_uid, todo, echo, cutoff, canary_uid, canary_modseq, options */
static void put_state(struct pg_params *p, struct arena *a, const struct sync_state *s)
{
	pg_int(p, s->done.modseq);
	put_int_or_null(p, s->done.uid, INT64_MAX);
	put_int_or_null(p, s->fill, 0);
	pg_text(p, a, uidset_text(&s->todo));
	pg_text(p, a, echoes_text(a, s));
	put_int_or_null(p, s->cutoff, INT64_MIN);
	put_int_or_null(p, s->canary_uid, 0);
	put_int_or_null(p, s->canary_modseq, 0);
	pg_text(p, a, s->options);
}

static void put_keys(struct pg_params *p, int32_t account, int32_t device, int32_t folder)
{
	pg_int(p, account);
	pg_int(p, device);
	pg_int(p, folder);
}

static bool write_base(struct pg *db, struct arena *a, int32_t account, int32_t device,
		       const struct ledger *l, struct err *e)
{
	int64_t kept[LEDGER_ANSWERS];
	for (size_t i = 0; i < l->nanswers; i++)
		kept[i] = l->answers[i].state.n;
	struct pg_params p = {0};
	put_keys(&p, account, device, l->folder_id);
	pg_int(&p, l->last_n);
	pg_int(&p, l->base.n);
	pg_text(&p, a, uidset_text(&l->base.held));
	put_state(&p, a, &l->base);
	pg_ints(&p, a, kept, l->nanswers);
	return pg_ahead(db, &ledger_write, &p, e);
}

static bool write_answer(struct pg *db, struct arena *a, int32_t account, int32_t device,
			 int32_t folder, const struct sync_answer *answer, struct err *e)
{
	struct pg_params p = {0};
	put_keys(&p, account, device, folder);
	pg_int(&p, answer->state.n);
	pg_text(&p, a, uidset_text(&answer->added));
	pg_text(&p, a, uidset_text(&answer->taken));
	put_state(&p, a, &answer->state);
	return pg_ahead(db, &ledger_answer, &p, e);
}

bool ledger_save(struct pg *db, struct arena *a, int32_t account, int32_t device,
		 const struct ledger *l, const struct sync_answer *answer, struct err *e)
{
	if (!write_base(db, a, account, device, l, e))
		return false;
	return !answer || write_answer(db, a, account, device, l->folder_id, answer, e);
}

static bool note_answer(struct pg *db, struct arena *a, int32_t account, int32_t device,
			int32_t folder, const struct sync_answer *answer, struct err *e)
{
	struct pg_params p = {0};
	put_keys(&p, account, device, folder);
	pg_int(&p, answer->state.n);
	pg_text(&p, a, uidset_text(&answer->added));
	pg_text(&p, a, uidset_text(&answer->taken));
	pg_text(&p, a, uidset_text(&answer->state.todo));
	pg_text(&p, a, echoes_text(a, &answer->state));
	return pg_do(db, &ledger_note, &p, e);
}

bool ledger_rewrite(struct pg *db, struct arena *a, int32_t account, int32_t device,
		    const struct ledger *l, struct err *e)
{
	bool ok = write_base(db, a, account, device, l, e);
	for (size_t i = 0; ok && i < l->nanswers; i++)
		ok = note_answer(db, a, account, device, l->folder_id, &l->answers[i], e);
	return ok;
}

bool ledger_restart(struct pg *db, struct arena *a, int32_t account, int32_t device,
		    const struct ledger *l, struct err *e)
{
	struct pg_params p = {0};
	put_keys(&p, account, device, l->folder_id);
	pg_cstr(&p, l->epoch);
	pg_int(&p, l->base.n);
	pg_int(&p, l->folder_epoch);
	pg_int(&p, l->base.done.modseq);
	pg_int(&p, l->base.fill);
	put_int_or_null(&p, l->base.cutoff, INT64_MIN);
	pg_text(&p, a, l->base.options);
	if (l->supported.sent)
		pg_ints(&p, a, l->supported.v, l->supported.n);
	else
		pg_null(&p);
	return pg_ahead(db, &ledger_replace, &p, e);
}

bool ledger_done(struct pg *db, struct arena *a, int32_t account, int32_t device, int32_t folder,
		 int32_t n, struct sync_done **out, size_t *count, struct err *e)
{
	struct pg_params p = {0};
	put_keys(&p, account, device, folder);
	pg_int(&p, n);
	struct pg_rows *r = pg_run(db, &ledger_commands, &p, e);
	if (!r)
		return false;
	*count = pg_count(r);
	*out = arena_array(a, *count, sizeof **out);
	for (size_t i = 0; i < *count; i++)
		(*out)[i] = (struct sync_done){
			.n = n,
			.reference = pg_get_copy(a, r, i, 0),
			.digest = pg_get_copy(a, r, i, 1),
			.status = (int)pg_get_int(r, i, 2),
			.server_id = pg_get_copy(a, r, i, 3),
		};
	pg_done(&r);
	return true;
}

/* Bytes as hex, which JSON can carry. */
static json_t *hex(struct str bytes)
{
	char text[2 * DIGEST_SIZE + 1] = "";
	for (size_t i = 0; i < bytes.n && i < DIGEST_SIZE; i++)
		snprintf(text + 2 * i, 3, "%02x", (unsigned char)bytes.p[i]);
	return json_string(text);
}

static json_t *text(struct str s)
{
	return json_stringn(s.n ? s.p : "", s.n);
}

static json_t *text_or_null(struct str s)
{
	return s.n ? text(s) : json_null();
}

/* Runs a statement on rows as JSON, which are released. */
static struct pg_rows *run_rows(struct pg *db, struct arena *a, const struct pg_statement *st,
				int32_t account, int32_t device, int32_t folder, json_t *rows,
				struct err *e)
{
	struct pg_params p = {0};
	char *json = json_dumps(rows, JSON_COMPACT);
	json_decref(rows);
	put_keys(&p, account, device, folder);
	pg_text(&p, a, str_of(json));
	free(json);
	return pg_run(db, st, &p, e);
}

bool ledger_record(struct pg *db, struct arena *a, int32_t account, int32_t device, int32_t folder,
		   const struct sync_done *done, size_t count, struct err *e)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(rows,
				      json_pack("{sisososiso}", "n", (int)done[i].n, "reference",
						text(done[i].reference), "digest",
						hex(done[i].digest), "status", done[i].status, "id",
						text_or_null(done[i].server_id)));
	struct pg_rows *r = run_rows(db, a, &ledger_command, account, device, folder, rows, e);
	bool ok = r != NULL;
	pg_done(&r);
	return ok;
}

bool ledger_added(struct pg *db, struct arena *a, int32_t account, int32_t device, int32_t folder,
		  struct sync_added *v, size_t n, struct err *e)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(rows,
				      json_pack("{sisoso}", "place", (int)i, "client",
						text(v[i].client_id), "digest", hex(v[i].digest)));
	struct pg_rows *r = run_rows(db, a, &ledger_adds, account, device, folder, rows, e);
	if (!r)
		return false;
	for (size_t i = 0; i < pg_count(r); i++) {
		struct sync_added *added = &v[pg_get_int(r, i, 0)];
		added->server_id = pg_get_copy(a, r, i, 1);
		added->modseq = pg_get_int(r, i, 2);
		added->name = pg_get_copy(a, r, i, 3);
	}
	pg_done(&r);
	return true;
}

bool ledger_record_added(struct pg *db, struct arena *a, int32_t account, int32_t device,
			 int32_t folder, const struct sync_added *v, size_t n, struct err *e)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(
			rows,
			json_pack("{sososososI}", "client", text(v[i].client_id), "digest",
				  hex(v[i].digest), "name", text_or_null(v[i].name), "id",
				  text_or_null(v[i].server_id), "modseq", (json_int_t)v[i].modseq));
	struct pg_rows *r = run_rows(db, a, &ledger_add, account, device, folder, rows, e);
	bool ok = r != NULL;
	pg_done(&r);
	return ok;
}
