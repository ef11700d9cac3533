/* imap_index: the index of what is on an IMAP server. See imap_index.h for the contract. */
#include "store/imap_index.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "store/pg.h"

enum {
	INDEX_CAP = 512 << 20, /* of one refresh: a mailbox that is seen for the first time */
	COMPARE_AGE = 30,      /* s after which flags are compared again without HIGHESTMODSEQ */
	SELECTED_AGE = 2000    /* ms for which a folder is taken for the one that was opened */
};

/* ---- Rows ---- */

static PG_STATEMENT(
	imap_boxes,
	"SELECT folder_id, mailbox, delimiter, selectable, own, keywords, rights, uidvalidity,"
	" uidnext, highestmodseq, messages, unseen,"
	" coalesce(extract(epoch FROM now() - checked_at)::bigint, -1), looked"
	" FROM easel.imap_folder WHERE account_id = $1"
	" AND ($2::integer[] IS NULL OR folder_id = ANY ($2)) ORDER BY folder_id");

static struct imap_box box_from_row(struct arena *a, const struct pg_rows *r, size_t row)
{
	return (struct imap_box){
		.folder = (int32_t)pg_get_int(r, row, 0),
		.mailbox = pg_get_copy(a, r, row, 1),
		.delimiter = pg_get_copy(a, r, row, 2),
		.selectable = pg_get_bool(r, row, 3),
		.own = pg_get_bool(r, row, 4),
		.keywords = pg_get_bool(r, row, 5),
		.rights = pg_is_null(r, row, 6) ? (struct str){NULL, 0} : pg_get_copy(a, r, row, 6),
		.uidvalidity = (uint64_t)pg_get_int(r, row, 7),
		.uidnext = (uint64_t)pg_get_int(r, row, 8),
		.highestmodseq = (uint64_t)pg_get_int(r, row, 9),
		.messages = (uint64_t)pg_get_int(r, row, 10),
		.unseen = (uint64_t)pg_get_int(r, row, 11),
		.age = pg_get_int(r, row, 12),
		.looked = (uint64_t)pg_get_int(r, row, 13),
	};
}

bool imap_boxes_load(struct pg *db, struct arena *a, int32_t account, const int32_t *folders,
		     size_t n, struct imap_box **out, size_t *nout, struct err *e)
{
	struct pg_params p = {0};
	int64_t *ids = arena_array(a, n, sizeof *ids);
	for (size_t i = 0; i < n; i++)
		ids[i] = folders[i];
	pg_int(&p, account);
	if (folders)
		pg_ints(&p, a, ids, n);
	else
		pg_null(&p);
	struct pg_rows *r = pg_run(db, &imap_boxes, &p, e);
	if (!r)
		return false;
	*nout = pg_count(r);
	*out = arena_array(a, *nout, sizeof **out);
	for (size_t i = 0; i < *nout; i++)
		(*out)[i] = box_from_row(a, r, i);
	pg_done(&r);
	return true;
}

/* ---- STATUS ---- */

static int64_t count_of(const struct imap_value *list, const char *name)
{
	uint64_t n;
	return imap_number(imap_item(list, name), &n) ? (int64_t)n : -1;
}

bool imap_counts_read(const struct imap_response *r, struct imap_counts *out)
{
	const struct imap_value *name = r->values;
	if (!imap_is(r, "STATUS") || !imap_text(name).p || !name->next ||
	    name->next->kind != IMAP_LIST)
		return false;
	*out = (struct imap_counts){
		.mailbox = imap_text(name),
		.messages = count_of(name->next, "MESSAGES"),
		.uidnext = count_of(name->next, "UIDNEXT"),
		.uidvalidity = count_of(name->next, "UIDVALIDITY"),
		.unseen = count_of(name->next, "UNSEEN"),
		.highestmodseq = count_of(name->next, "HIGHESTMODSEQ"),
	};
	return true;
}

static bool differs(int64_t told, uint64_t known)
{
	return told >= 0 && (uint64_t)told != known;
}

bool imap_box_behind(const struct imap_box *b, const struct imap_counts *c)
{
	if (b->uidvalidity == 0 || differs(c->uidvalidity, b->uidvalidity) ||
	    differs(c->uidnext, b->uidnext) || differs(c->messages, b->messages))
		return true;
	if (c->highestmodseq > 0)
		return differs(c->highestmodseq, b->highestmodseq);
	/* Flags may have changed with nothing to show for it. */
	return differs(c->unseen, b->unseen) || b->age < 0 || b->age > COMPARE_AGE;
}

/* ---- What the server tells of one folder ---- */

struct told {
	int64_t uid, date, size;
	bool whole; /* date and size are known: it is new */
	struct imap_flags flags;
};

struct survey {
	struct arena *arena;
	const struct imap_box *box;
	uint64_t uidvalidity, uidnext, highestmodseq, exists;
	bool keywords;
	struct told *v;
	size_t n, size;
	struct uidset vanished;
	struct uidset living; /* all that there are, when `all` */
	bool all;
};

static void note_code(struct survey *s, const struct imap_response *r)
{
	uint64_t *out = str_eq_nocase(r->code, STR("UIDVALIDITY"))     ? &s->uidvalidity
			: str_eq_nocase(r->code, STR("UIDNEXT"))       ? &s->uidnext
			: str_eq_nocase(r->code, STR("HIGHESTMODSEQ")) ? &s->highestmodseq
								       : NULL;
	if (out && !imap_number(r->values, out))
		*out = 0;
	if (str_eq_nocase(r->code, STR("PERMANENTFLAGS")) && r->values)
		for (const struct imap_value *v = r->values->first; v; v = v->next)
			s->keywords |= str_eq(imap_text(v), STR("\\*"));
}

static struct told *next_told(struct survey *s)
{
	s->v = arena_grow(s->arena, s->v, s->n, &s->size, 256, sizeof *s->v);
	return &s->v[s->n++];
}

/* A FETCH without UID or FLAGS is about something else. */
static void note_fetch(struct survey *s, const struct imap_value *list)
{
	uint64_t uid, size;
	const struct imap_value *flags = imap_item(list, "FLAGS");
	if (!imap_number(imap_item(list, "UID"), &uid) || uid == 0 || uid > UINT32_MAX || !flags)
		return;
	struct told *t = next_told(s);
	t->uid = (int64_t)uid;
	t->flags = imap_flags_read(s->arena, flags);
	t->whole = imap_number(imap_item(list, "RFC822.SIZE"), &size) &&
		   imap_date_parse(imap_text(imap_item(list, "INTERNALDATE")), &t->date);
	t->size = t->whole ? (int64_t)size : 0;
}

/* VANISHED (EARLIER) 1,4:7 and VANISHED 9 */
static bool note_vanished(struct survey *s, const struct imap_value *v, struct err *e)
{
	struct uidset uids;
	if (v && v->kind == IMAP_LIST)
		v = v->next;
	if (!imap_set_parse(s->arena, imap_text(v), &uids))
		return err_set(e, ERR_UNAVAILABLE, "VANISHED without a set of uids");
	uidset_add_all(&s->vanished, &uids);
	return true;
}

/* SEARCH 1 2 3, or ESEARCH (TAG "e4") UID ALL 1:3 */
static bool note_search(struct survey *s, const struct imap_response *r, struct err *e)
{
	struct uidset uids;
	for (const struct imap_value *v = r->values; v; v = v->next) {
		bool all = str_eq_nocase(imap_text(v), STR("ALL")) && v->next;
		if (imap_is(r, "ESEARCH") && !all)
			continue;
		if (!imap_set_parse(s->arena, imap_text(all ? v->next : v), &uids))
			return err_set(e, ERR_UNAVAILABLE, "SEARCH without uids");
		uidset_add_all(&s->living, &uids);
	}
	return true;
}

static bool on_response(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct survey *s = ctx;
	(void)a;
	if (imap_is(r, "OK") && r->code.p)
		note_code(s, r);
	else if (imap_is(r, "EXISTS"))
		s->exists = r->number;
	else if (imap_is(r, "FETCH"))
		note_fetch(s, r->values);
	else if (imap_is(r, "VANISHED"))
		return note_vanished(s, r->values, e);
	else if (imap_is(r, "SEARCH") || imap_is(r, "ESEARCH"))
		return note_search(s, r, e);
	return !arena_overflowed(s->arena) ||
	       err_set(e, ERR_UNAVAILABLE, "the IMAP server tells of too many messages");
}

static bool command(struct imap_link *link, struct survey *s, struct buf *b, struct err *e)
{
	bool ok = imap_do(link->imap, buf_get(b), on_response, s, e);
	buf_free(b);
	return ok;
}

/* ---- Selecting ---- */

static void put_mailbox(struct buf *b, struct imap_link *link, struct str mailbox)
{
	imap_put_string(b, mailbox, imap_can(link->imap) & IMAP_CAN_LITERAL_PLUS);
}

static bool enable_qresync(struct imap_link *link, struct err *e)
{
	struct imap_result result;
	if (link->qresync || !(imap_can(link->imap) & IMAP_CAN_QRESYNC))
		return true;
	if (!imap_run(link->imap, STR("ENABLE QRESYNC"), NULL, NULL, &result, e))
		return false;
	link->qresync = result.status == IMAP_OK;
	return true;
}

/* Whatever was selected is not any more, even if the new one is refused. */
static bool select_box(struct imap_link *link, struct survey *s, bool resync, struct err *e)
{
	struct buf b = {0};
	if (!enable_qresync(link, e))
		return false;
	free(link->selected);
	link->selected = NULL;
	buf_cstr(&b, "SELECT ");
	put_mailbox(&b, link, s->box->mailbox);
	if (resync && link->qresync)
		buf_printf(&b, " (QRESYNC (%llu %llu))", (unsigned long long)s->box->uidvalidity,
			   (unsigned long long)s->box->highestmodseq);
	else if (imap_can(link->imap) & IMAP_CAN_CONDSTORE)
		buf_cstr(&b, " (CONDSTORE)");
	if (!command(link, s, &b, e))
		return false;
	if (s->uidvalidity == 0)
		return err_set(e, ERR_UNAVAILABLE, "the IMAP server gives no UIDVALIDITY");
	link->selected = base_malloc(s->box->mailbox.n + 1);
	memcpy(link->selected, s->box->mailbox.p, s->box->mailbox.n);
	link->selected[s->box->mailbox.n] = '\0';
	link->uidvalidity = s->uidvalidity;
	link->selected_at = clock_monotonic();
	return true;
}

bool imap_box_select(struct imap_link *link, const struct imap_box *box, struct err *e)
{
	if (!box->selectable)
		return err_set(e, ERR_NOT_FOUND, "the folder holds no messages");
	if (!link->selected || !str_eq(str_of(link->selected), box->mailbox)) {
		struct arena *a = arena_new(INDEX_CAP);
		struct survey s = {.arena = a, .box = box};
		s.vanished = s.living = uidset_new(a);
		bool ok = select_box(link, &s, false, e);
		arena_free(&a);
		if (!ok)
			return false;
	}
	return link->uidvalidity == box->uidvalidity ||
	       err_set(e, ERR_NOT_FOUND, "the folder is not the one that it was");
}

bool imap_box_unselect(struct imap_link *link, struct err *e)
{
	struct imap_result ignored;
	struct buf b = {0};
	bool ok = true;
	if (!link->selected)
		return true;
	if (!(imap_can(link->imap) & IMAP_CAN_UNSELECT)) {
		/* CLOSE erases what is marked as deleted, unless the folder is open read-only. */
		buf_cstr(&b, "EXAMINE ");
		put_mailbox(&b, link, str_of(link->selected));
		ok = imap_run(link->imap, buf_get(&b), NULL, NULL, &ignored, e);
		buf_free(&b);
	}
	free(link->selected);
	link->selected = NULL;
	if (!ok)
		return false;
	if (imap_can(link->imap) & IMAP_CAN_UNSELECT)
		return imap_run(link->imap, STR("UNSELECT"), NULL, NULL, &ignored, e);
	/* Refused, it left nothing selected. */
	return ignored.status != IMAP_OK ||
	       imap_run(link->imap, STR("CLOSE"), NULL, NULL, &ignored, e);
}

/* ---- Surveying ---- */

static bool fetch_new(struct imap_link *link, struct survey *s, uint64_t from, struct err *e)
{
	struct buf b = {0};
	buf_printf(&b, "UID FETCH %llu:* (UID FLAGS INTERNALDATE RFC822.SIZE)",
		   (unsigned long long)from);
	return command(link, s, &b, e);
}

static bool fetch_flags(struct imap_link *link, struct survey *s, bool changed_only, struct err *e)
{
	struct buf b = {0};
	buf_printf(&b, "UID FETCH 1:%llu (UID FLAGS)", (unsigned long long)s->box->uidnext - 1);
	if (changed_only)
		buf_printf(&b, " (CHANGEDSINCE %llu)", (unsigned long long)s->box->highestmodseq);
	return command(link, s, &b, e);
}

static bool search_all(struct imap_link *link, struct survey *s, struct err *e)
{
	struct buf b = {0};
	s->all = true;
	buf_cstr(&b, imap_can(link->imap) & IMAP_CAN_ESEARCH ? "UID SEARCH RETURN (ALL) ALL"
							     : "UID SEARCH ALL");
	return command(link, s, &b, e);
}

/* The new ones among those that were told. */
static uint64_t count_new(const struct survey *s)
{
	uint64_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += s->v[i].whole && (uint64_t)s->v[i].uid >= s->box->uidnext;
	return n;
}

/* What changed since the index was made, in a folder that is the same. */
static bool survey_changes(struct imap_link *link, struct survey *s, struct err *e)
{
	const struct imap_box *box = s->box;
	bool modseqs = box->highestmodseq > 0 && s->highestmodseq > 0;
	bool resynced = modseqs && link->qresync;
	if (modseqs && s->highestmodseq == box->highestmodseq && s->uidnext == box->uidnext &&
	    s->exists == box->messages)
		return true;
	if (!resynced && box->uidnext > 1) {
		if (!fetch_flags(link, s, modseqs, e))
			return false;
	}
	if ((s->uidnext == 0 || s->uidnext > box->uidnext) &&
	    !fetch_new(link, s, box->uidnext ? box->uidnext : 1, e))
		return false;
	if (!modseqs) {
		s->all = true; /* the flags of all have just been told */
		for (size_t i = 0; i < s->n; i++)
			uidset_add(&s->living, s->v[i].uid);
		return true;
	}
	if (!resynced && s->exists != box->messages + count_new(s))
		return search_all(link, s, e);
	return true;
}

static bool survey(struct imap_link *link, struct survey *s, struct err *e)
{
	bool known = s->box->uidvalidity != 0;
	if (!select_box(link, s, known && s->box->highestmodseq > 0, e))
		return false;
	if (known && s->uidvalidity == s->box->uidvalidity)
		return survey_changes(link, s, e);
	s->n = 0;
	s->vanished = uidset_new(s->arena);
	return s->exists == 0 || fetch_new(link, s, 1, e);
}

/* ---- Writing it down ---- */

static PG_STATEMENT(imap_index_lock,
		    "SELECT b.uidvalidity, b.uidnext, b.highestmodseq FROM easel.imap_folder b"
		    " JOIN easel.folder f ON f.account_id = b.account_id AND f.id = b.folder_id"
		    " WHERE b.account_id = $1 AND b.folder_id = $2 FOR NO KEY UPDATE");

/* Another UIDVALIDITY: whatever was known is about other messages. */
static PG_STATEMENT(imap_index_restart,
		    "WITH i AS (DELETE FROM easel.item WHERE account_id = $1 AND folder_id = $2),"
		    " t AS (DELETE FROM easel.tombstone WHERE account_id = $1 AND folder_id = $2) "
		    "UPDATE easel.folder SET epoch = epoch + 1, modseq = modseq + 1"
		    " WHERE account_id = $1 AND id = $2");

/*
 * $3 to $7: uids, dates (NULL: not new), sizes, flags, categories. $8: the flags that the server
 * keeps; $9: whether it keeps categories. $10: uids that are gone, or, when $11, those that there
 * are, of uids below $12. All in one, so that one modseq holds for all.
 */
static PG_STATEMENT(
	imap_index_apply,
	"WITH m AS (SELECT modseq + 1 AS modseq FROM easel.folder WHERE account_id = $1 AND id = $2),"
	"told AS MATERIALIZED (SELECT uid, date, size, flags, nullif(categories, '')::jsonb AS categories"
	"	FROM unnest($3::bigint[], $4::bigint[], $5::bigint[], $6::integer[], $7::text[])"
	"	AS t(uid, date, size, flags, categories)),"
	"added AS (INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, flags, marks, size)"
	"	SELECT DISTINCT ON (t.uid) $1, $2, t.uid, m.modseq, to_timestamp(t.date / 1000.0), t.flags,"
	"	CASE WHEN t.categories IS NOT NULL THEN json_build_object('Categories', t.categories) END, t.size"
	"	FROM told t, m WHERE t.date IS NOT NULL AND NOT EXISTS (SELECT FROM easel.tombstone g"
	"		WHERE g.account_id = $1 AND g.folder_id = $2 AND g.uid = t.uid)"
	"	ON CONFLICT DO NOTHING RETURNING 1),"
	"wanted AS (SELECT DISTINCT ON (i.uid) i.uid,"
	"	(i.flags & ~$8::integer) | (t.flags & $8) AS flags, CASE"
	"	WHEN NOT $9::boolean OR easel.same_words(i.marks::jsonb -> 'Categories', t.categories)"
	"	THEN i.marks"
	"	ELSE nullif((coalesce(i.marks::jsonb, '{}') - 'Categories') ||"
	"	CASE WHEN t.categories IS NULL THEN '{}'"
	"	ELSE jsonb_build_object('Categories', t.categories) END, '{}')::json END AS marks"
	"	FROM told t JOIN easel.item i ON i.account_id = $1 AND i.folder_id = $2 AND i.uid = t.uid),"
	"changed AS (UPDATE easel.item i SET flags = w.flags, marks = w.marks, modseq = m.modseq"
	"	FROM wanted w, m WHERE i.account_id = $1 AND i.folder_id = $2 AND i.uid = w.uid"
	"	AND (i.flags, i.marks::text) IS DISTINCT FROM (w.flags, w.marks::text) RETURNING 1),"
	"gone AS (DELETE FROM easel.item i WHERE i.account_id = $1 AND i.folder_id = $2 AND CASE WHEN $11::boolean"
	"	THEN i.uid < $12::bigint AND NOT i.uid <@ $10::int8multirange"
	"	ELSE i.uid <@ $10::int8multirange END RETURNING i.uid, i.content_id),"
	"stones AS (INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq)"
	"	SELECT $1, $2, g.uid, m.modseq FROM gone g, m"
	"	ON CONFLICT (account_id, folder_id, uid) DO UPDATE SET modseq = excluded.modseq) "
	"UPDATE easel.folder SET modseq = m.modseq, next_uid = greatest(next_uid, $12) FROM m"
	" WHERE account_id = $1 AND id = $2 AND (EXISTS (SELECT FROM added)"
	" OR EXISTS (SELECT FROM changed) OR EXISTS (SELECT FROM gone))");

static PG_STATEMENT(
	imap_index_note,
	"UPDATE easel.imap_folder SET uidvalidity = $3::bigint, uidnext = $4::bigint,"
	" looked = CASE WHEN uidvalidity IN (0, $3) THEN looked ELSE 0 END,"
	" highestmodseq = $5::bigint, messages = $6::bigint, keywords = $7::boolean,"
	" unseen = CASE WHEN $5 > 0 THEN 0 ELSE (SELECT count(*) FROM easel.item"
	"	WHERE account_id = $1 AND folder_id = $2 AND flags & 1 = 0) END, checked_at = now()"
	" WHERE account_id = $1 AND folder_id = $2");

static void put_texts(struct pg_params *p, struct arena *a, const struct survey *s)
{
	struct buf b = {0};
	buf_byte(&b, '{');
	for (size_t i = 0; i < s->n; i++) {
		struct str text = s->v[i].flags.categories;
		buf_cstr(&b, i ? ",\"" : "\"");
		for (size_t k = 0; k < text.n; k++) {
			if (text.p[k] == '"' || text.p[k] == '\\')
				buf_byte(&b, '\\');
			buf_byte(&b, (unsigned char)text.p[k]);
		}
		buf_byte(&b, '"');
	}
	buf_byte(&b, '}');
	pg_text(p, a, buf_get(&b));
	buf_free(&b);
}

/* Dates of what is not new are NULL, which a plain list of numbers has not. */
static void put_dates(struct pg_params *p, struct arena *a, const struct survey *s)
{
	struct buf b = {0};
	buf_byte(&b, '{');
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_byte(&b, ',');
		if (s->v[i].whole)
			buf_printf(&b, "%lld", (long long)s->v[i].date);
		else
			buf_cstr(&b, "NULL");
	}
	buf_byte(&b, '}');
	pg_text(p, a, buf_get(&b));
	buf_free(&b);
}

static void put_told(struct pg_params *p, struct arena *a, const struct survey *s)
{
	int64_t *column = arena_array(a, s->n, sizeof *column);
	for (size_t i = 0; i < s->n; i++)
		column[i] = s->v[i].uid;
	pg_ints(p, a, column, s->n);
	put_dates(p, a, s);
	for (size_t i = 0; i < s->n; i++)
		column[i] = s->v[i].size;
	pg_ints(p, a, column, s->n);
	for (size_t i = 0; i < s->n; i++)
		column[i] = s->v[i].flags.flags;
	pg_ints(p, a, column, s->n);
	put_texts(p, a, s);
}

static struct pg_params of_folder(int32_t account, const struct survey *s)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, s->box->folder);
	return p;
}

/* Whether the index is still where the survey began. Another worker may have been quicker. */
static enum found lock(struct pg *db, int32_t account, const struct survey *s, struct err *e)
{
	struct pg_params p = of_folder(account, s);
	struct pg_rows *r = pg_run(db, &imap_index_lock, &p, e);
	if (!r)
		return FOUND_FAILED;
	bool same = pg_count(r) == 1 && (uint64_t)pg_get_int(r, 0, 0) == s->box->uidvalidity &&
		    (uint64_t)pg_get_int(r, 0, 1) == s->box->uidnext &&
		    (uint64_t)pg_get_int(r, 0, 2) == s->box->highestmodseq;
	pg_done(&r);
	return same ? FOUND_ONE : FOUND_NONE;
}

/* Where the index goes up to now. UIDNEXT may have been left out, or have grown meanwhile. */
static uint64_t next_uid(const struct survey *s)
{
	uint64_t next = s->uidnext ? s->uidnext : 1;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].whole && (uint64_t)s->v[i].uid >= next)
			next = (uint64_t)s->v[i].uid + 1;
	return next;
}

static bool apply(struct pg *db, int32_t account, const struct survey *s, struct err *e)
{
	const unsigned kept = ITEM_SEEN | ITEM_ANSWERED | ITEM_FLAGGED | ITEM_DRAFT;
	struct pg_params p = of_folder(account, s);
	uint64_t next = next_uid(s);
	bool restart = s->box->uidvalidity != 0 && s->box->uidvalidity != s->uidvalidity;
	if (restart && !pg_do(db, &imap_index_restart, &p, e))
		return false;
	put_told(&p, s->arena, s);
	pg_int(&p, kept | (s->keywords ? ITEM_FORWARDED | ITEM_COMPLETED : 0));
	pg_bool(&p, s->keywords);
	pg_text(&p, s->arena, uidset_text(s->all ? &s->living : &s->vanished));
	pg_bool(&p, s->all);
	pg_int(&p, (int64_t)next);
	if ((s->n || s->all || !uidset_empty(&s->vanished)) && !pg_do(db, &imap_index_apply, &p, e))
		return false;
	p = of_folder(account, s);
	pg_int(&p, (int64_t)s->uidvalidity);
	pg_int(&p, (int64_t)next);
	pg_int(&p, (int64_t)s->highestmodseq);
	pg_int(&p, (int64_t)s->exists);
	pg_bool(&p, s->keywords);
	return pg_do(db, &imap_index_note, &p, e);
}

static bool write_down(struct pg *db, int32_t account, const struct survey *s, struct err *e)
{
	if (!pg_begin(db, e))
		return false;
	enum found found = lock(db, account, s, e);
	if (found == FOUND_ONE && apply(db, account, s, e))
		return pg_commit(db, e);
	pg_rollback(db);
	return found == FOUND_NONE;
}

static bool refresh_one(struct pg *db, struct imap_link *link, int32_t account,
			const struct imap_box *box, struct err *e)
{
	struct arena *a = arena_new(INDEX_CAP);
	struct survey s = {.arena = a, .box = box};
	struct err own = {0};
	s.vanished = s.living = uidset_new(a);
	bool ok = survey(link, &s, &own) && write_down(db, account, &s, &own);
	arena_free(&a);
	if (ok)
		return true;
	/* A server that refuses this one folder still has the others. */
	if (!imap_dead(link->imap) && own.kind != ERR_INTERNAL && !link->selected)
		return true;
	*e = own;
	return false;
}

/* ---- Which folders are behind ---- */

struct statuses {
	const struct imap_box *boxes;
	bool *behind;
	size_t n;
};

static bool on_status(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct statuses *s = ctx;
	struct imap_counts counts;
	(void)a;
	(void)e;
	if (!imap_counts_read(r, &counts))
		return true;
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->boxes[i].mailbox, counts.mailbox) ||
		    (str_eq_nocase(s->boxes[i].mailbox, STR("INBOX")) &&
		     str_eq_nocase(counts.mailbox, STR("INBOX"))))
			s->behind[i] = imap_box_behind(&s->boxes[i], &counts);
	return true;
}

static void queue_status(struct imap_link *link, const struct imap_box *box)
{
	struct buf b = {0};
	buf_cstr(&b, "STATUS ");
	put_mailbox(&b, link, box->mailbox);
	buf_cstr(&b, " (MESSAGES UIDNEXT UIDVALIDITY UNSEEN");
	buf_cstr(&b, imap_can(link->imap) & IMAP_CAN_CONDSTORE ? " HIGHESTMODSEQ)" : ")");
	imap_queue(link->imap, buf_get(&b));
	buf_free(&b);
}

/*
 * STATUS is about what is selected only as the connection has seen it (RFC 3501 6.3.10 advises
 * against it): NOOP makes it look, and what was opened a while ago, so that another folder may have
 * its name by now, is not kept open. Opening a large folder is what costs most, so the many
 * requests of a first sync do it once. Either is done before the rest: Dovecot lets STATUS overtake
 * it.
 */
static bool look_again(struct imap_link *link, struct err *e)
{
	struct imap_result ignored;
	if (link->selected && clock_monotonic() - link->selected_at > SELECTED_AGE &&
	    !imap_box_unselect(link, e))
		return false;
	return !link->selected || imap_run(link->imap, STR("NOOP"), NULL, NULL, &ignored, e);
}

/* Asks for all in one go. Refusals leave a folder as it is. */
static bool find_behind(struct imap_link *link, struct statuses *s, struct err *e)
{
	enum { BATCH = IMAP_TOGETHER / 2 };
	struct imap_result ignored;
	if (!look_again(link, e))
		return false;
	for (size_t from = 0; from < s->n; from += BATCH) {
		size_t n = s->n - from < BATCH ? s->n - from : BATCH;
		unsigned first = imap_commands(link->imap) + 1;
		for (size_t i = from; i < from + n; i++)
			if (s->boxes[i].selectable)
				queue_status(link, &s->boxes[i]);
		if (!imap_await_all(link->imap, first, on_status, s, &ignored, e))
			return false;
	}
	return true;
}

bool imap_index_refresh(struct pg *db, struct imap_link *link, int32_t account,
			const struct imap_box *boxes, size_t n, size_t *behind, struct err *e)
{
	struct statuses s = {boxes, base_calloc(n + 1, sizeof *s.behind), n};
	size_t count = 0;
	bool ok = find_behind(link, &s, e);
	for (size_t i = 0; ok && i < n; i++)
		if (s.behind[i]) {
			count++;
			ok = refresh_one(db, link, account, &boxes[i], e);
		}
	free(s.behind);
	if (behind)
		*behind = count;
	return ok;
}

/* ---- Our own doing ---- */

static PG_STATEMENT(
	imap_index_insert,
	"WITH f AS (UPDATE easel.folder SET modseq = modseq + 1 WHERE account_id = $1 AND id = $2"
	"	RETURNING modseq) "
	"INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, flags, marks, size)"
	" SELECT $1, $2, $3::bigint, f.modseq, $4::timestamptz, $5::integer,"
	"	nullif($6::text, '')::json, $7::bigint FROM f"
	" ON CONFLICT (account_id, folder_id, uid) DO UPDATE SET size = item.size RETURNING modseq");

bool imap_index_add(struct pg *db, struct arena *a, int32_t account,
		    const struct imap_arrival *item, int64_t *modseq, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, item->folder);
	pg_int(&p, item->uid);
	pg_time(&p, item->date);
	pg_int(&p, item->flags);
	pg_text(&p, a, item->marks);
	pg_int(&p, item->size);
	struct pg_rows *r = pg_run(db, &imap_index_insert, &p, e);
	if (!r)
		return false;
	bool found = pg_count(r) == 1;
	if (found)
		*modseq = pg_get_int(r, 0, 0);
	pg_done(&r);
	return found || err_set(e, ERR_NOT_FOUND, "there is no folder %d", (int)item->folder);
}
