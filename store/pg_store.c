/*
 * pg_store: Easel's own store in PostgreSQL. See store.h for the contract.
 *
 * Each action is one statement. On items, it locks the folder's row before it looks at one, so that
 * uids and modseqs become visible in the order in which they were given; what it then reads of the
 * item is locked too, and so is the newest version and not that of the statement's snapshot.
 */
#include <stdlib.h>

#include <jansson.h>

#include "core/base/arena.h"
#include "store/message.h"
#include "store/pg.h"
#include "store/pg_search.h"

enum {
	READ_AHEAD = 256 * 1024, /* bytes that a source reads in one statement */
	WORK_CAP = 8 << 20	 /* of what is made of an item to be stored */
};

struct pg_store {
	struct store store;
	struct pg *db;
};

static struct pg *db_of(struct store *s)
{
	return ((struct pg_store *)s)->db;
}

/* account and folder, the first two parameters of nearly every statement. */
static struct pg_params in_folder(int32_t account, int32_t folder)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, folder);
	return p;
}

static void pg_limit(struct pg_params *p, size_t limit)
{
	pg_int(p, limit > INT32_MAX ? INT32_MAX : (int64_t)limit);
}

static bool begin(struct store *s, struct err *e)
{
	return pg_begin(db_of(s), e);
}

static bool commit(struct store *s, struct err *e)
{
	return pg_commit(db_of(s), e);
}

static void rollback(struct store *s)
{
	pg_rollback(db_of(s));
}

/* ---------------------------------------------------------------------------------------------
 * Folders */

static PG_STATEMENT(
	store_folders,
	"WITH RECURSIVE tree AS ("
	"	SELECT id, parent_id, name, class, role, epoch, modseq, 0 AS depth FROM easel.folder"
	"	WHERE account_id = $1 AND parent_id IS NULL"
	"	UNION ALL"
	"	SELECT f.id, f.parent_id, f.name, f.class, f.role, f.epoch, f.modseq, t.depth + 1"
	"	FROM tree t JOIN easel.folder f ON f.account_id = $1 AND f.parent_id = t.id) "
	"SELECT id, parent_id, name, class, role, epoch, modseq FROM tree ORDER BY depth, id");

static PG_STATEMENT(store_folder,
		    "SELECT id, parent_id, name, class, role, epoch, modseq FROM easel.folder "
		    "WHERE account_id = $1 AND id = $2");

static bool folder_from_row(struct arena *a, const struct pg_rows *r, size_t row, int32_t account,
			    struct folder *f, struct err *e)
{
	int32_t id = (int32_t)pg_get_int(r, row, 0);
	*f = (struct folder){
		.id = id,
		.parent = (int32_t)pg_get_int(r, row, 1),
		.name = pg_get_copy(a, r, row, 2),
		.epoch = (int32_t)pg_get_int(r, row, 5),
		.modseq = pg_get_int(r, row, 6),
		.at = {account, id, RIGHTS_ALL},
	};
	if (!store_class_parse(pg_get_str(r, row, 3), &f->class) ||
	    !store_role_parse(pg_get_str(r, row, 4), &f->role))
		return err_set(e, ERR_INTERNAL, "folder %d has a class or role that is not known",
			       (int)f->id);
	f->kept = f->class;
	if (f->role == ROLE_RECIPIENTS) /* the server's alone */
		f->at.rights = RIGHT_LOOK_UP | RIGHT_READ;
	return true;
}

static bool folders(struct store *s, struct arena *a, int32_t account, struct folder **out,
		    size_t *n, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	struct pg_rows *r = pg_run(db_of(s), &store_folders, &p, e);
	if (!r)
		return false;
	*n = pg_count(r);
	*out = arena_array(a, *n, sizeof **out);
	bool ok = true;
	for (size_t i = 0; ok && i < *n; i++)
		ok = folder_from_row(a, r, i, account, &(*out)[i], e);
	pg_done(&r);
	return ok;
}

static enum found folder(struct store *s, struct arena *a, int32_t account, int32_t id,
			 struct folder *out, struct err *e)
{
	struct pg_params p = in_folder(account, id);
	struct pg_rows *r = pg_run(db_of(s), &store_folder, &p, e);
	if (!r)
		return FOUND_FAILED;
	enum found found = FOUND_NONE;
	if (pg_count(r) > 0)
		found = folder_from_row(a, r, 0, account, out, e) ? FOUND_ONE : FOUND_FAILED;
	pg_done(&r);
	return found;
}

static PG_STATEMENT(store_create_folder,
		    "SELECT easel.folder_create($1, nullif($2::integer, 0), $3, $4)");

static PG_STATEMENT(store_update_folder,
		    "SELECT easel.folder_update($1, $2, nullif($3::integer, 0), $4)");

static PG_STATEMENT(store_delete_folder, "SELECT easel.folder_delete($1, $2)");

static bool create_folder(struct store *s, int32_t account, int32_t parent, struct str name,
			  enum item_class class, int32_t *id, struct err *e)
{
	struct arena *a = arena_new(64 * 1024);
	struct pg_params p = in_folder(account, parent);
	pg_text(&p, a, name);
	pg_cstr(&p, store_class_name(class));
	struct pg_rows *r = pg_run(db_of(s), &store_create_folder, &p, e);
	arena_free(&a);
	if (!r)
		return false;
	*id = (int32_t)pg_get_int(r, 0, 0);
	pg_done(&r);
	return true;
}

/* The answer of a function that tells whether there was such a folder. */
static enum found edit_folder(struct pg *db, const struct pg_statement *st,
			      const struct pg_params *p, struct err *e)
{
	struct pg_rows *r = pg_run(db, st, p, e);
	if (!r)
		return FOUND_FAILED;
	enum found found = pg_get_bool(r, 0, 0) ? FOUND_ONE : FOUND_NONE;
	pg_done(&r);
	return found;
}

static enum found update_folder(struct store *s, int32_t account, int32_t id, int32_t parent,
				struct str name, struct err *e)
{
	struct arena *a = arena_new(64 * 1024);
	struct pg_params p = in_folder(account, id);
	pg_int(&p, parent);
	pg_text(&p, a, name);
	enum found found = edit_folder(db_of(s), &store_update_folder, &p, e);
	arena_free(&a);
	return found;
}

static enum found delete_folder(struct store *s, int32_t account, int32_t id, struct err *e)
{
	struct pg_params p = in_folder(account, id);
	return edit_folder(db_of(s), &store_delete_folder, &p, e);
}

/* ---------------------------------------------------------------------------------------------
 * Lists of items. The columns are always uid, modseq, date, flags, marks, size, gone. */

/* Both branches stop at the limit by themselves, so the cost follows the changes. */
static PG_STATEMENT(
	store_changes,
	"SELECT uid, modseq, date, flags, marks, size, gone FROM ("
	"	(SELECT uid, modseq, date, flags, marks, size, false AS gone FROM easel.item"
	"	 WHERE account_id = $1 AND folder_id = $2 AND (modseq, uid) > ($3::bigint, $4::bigint)"
	"	 ORDER BY modseq, uid LIMIT $5::integer)"
	"	UNION ALL"
	"	(SELECT uid, modseq, NULL, 0, NULL, 0, true FROM easel.tombstone"
	"	 WHERE account_id = $1 AND folder_id = $2 AND (modseq, uid) > ($3::bigint, $4::bigint)"
	"	 ORDER BY modseq, uid LIMIT $5::integer)) c "
	"ORDER BY modseq, uid LIMIT $5::integer");

static PG_STATEMENT(store_newest,
		    "SELECT uid, modseq, date, flags, marks, size, false FROM easel.item "
		    "WHERE account_id = $1 AND folder_id = $2 AND uid < $3::bigint "
		    "ORDER BY uid DESC LIMIT $4::integer");

/*
 * Of the days that a filter shows, the first uid tells where to stop, or the end of the fill would
 * go through all older items too. It is uid + 0 so that it is taken from the index by date.
 */
static PG_STATEMENT(
	store_newest_since,
	"SELECT uid, modseq, date, flags, marks, size, false FROM easel.item "
	"WHERE account_id = $1 AND folder_id = $2 AND uid < $3::bigint AND date >= $5::timestamptz "
	"AND uid >= (SELECT min(uid + 0) FROM easel.item"
	"	WHERE account_id = $1 AND folder_id = $2 AND date >= $5::timestamptz) "
	"ORDER BY uid DESC LIMIT $4::integer");

static PG_STATEMENT(
	store_dated,
	"SELECT uid, modseq, date, flags, marks, size, false FROM easel.item "
	"WHERE account_id = $1 AND folder_id = $2 "
	"AND date >= $3::timestamptz AND date < $4::timestamptz ORDER BY date, uid LIMIT $5::integer");

/*
 * Everything of a conversation is found by its content, which is found by the conversation; what
 * else there is in the folder is not looked at.
 */
#define CONVERSATION                                                                               \
	"LATERAL (SELECT o.*, max(o.date) OVER () AS newest FROM easel.content c"                  \
	"	JOIN easel.item o ON o.account_id = $1 AND o.content_id = c.id AND o.folder_id = $2"     \
	"	WHERE c.account_id = $1 AND c.summary ->> 'conversation' = named.name) o "

static PG_STATEMENT(
	store_related,
	"SELECT o.uid, o.modseq, o.date, o.flags, o.marks, o.size, false "
	"FROM (SELECT DISTINCT own.name FROM unnest($3::bigint[]) u(uid), LATERAL ("
	"	SELECT content_id FROM easel.item WHERE account_id = $1 AND folder_id = $2"
	"	AND uid = u.uid LIMIT 1) i, LATERAL ("
	"	SELECT summary ->> 'conversation' AS name FROM easel.content"
	"	WHERE account_id = $1 AND id = i.content_id LIMIT 1) own"
	"	WHERE own.name IS NOT NULL OFFSET 0) named, " CONVERSATION
	"WHERE o.date >= $4::timestamptz AND o.date < $5::timestamptz"
	" AND o.newest >= $5::timestamptz ORDER BY o.uid");

static PG_STATEMENT(
	store_unrelated,
	"SELECT i.uid, i.modseq, i.date, i.flags, i.marks, i.size, false "
	"FROM unnest($3::int8multirange) held(uids), LATERAL ("
	"	SELECT * FROM easel.item WHERE account_id = $1 AND folder_id = $2"
	"	AND uid >= lower(held.uids) AND uid < upper(held.uids) AND date < $5::timestamptz"
	"	OFFSET 0) i "
	"WHERE i.date < $4::timestamptz OR NOT EXISTS (SELECT FROM ("
	"	SELECT summary ->> 'conversation' AS name FROM easel.content"
	"	WHERE account_id = $1 AND id = i.content_id) named, " CONVERSATION
	"	WHERE o.newest >= $5::timestamptz) "
	"ORDER BY i.uid LIMIT $6::integer");

static PG_STATEMENT(
	store_count,
	"SELECT count(*) FROM (SELECT FROM easel.item "
	"WHERE account_id = $1 AND folder_id = $2 AND uid < $3::bigint LIMIT $4::integer) i");

static PG_STATEMENT(
	store_count_since,
	"SELECT count(*) FROM (SELECT FROM easel.item "
	"WHERE account_id = $1 AND folder_id = $2 AND uid + 0 < $3::bigint AND date >= $5::timestamptz "
	"LIMIT $4::integer) i");

/*
 * Not ordered by the server: rows carry their place, so that no sort has to carry them. Each item
 * is looked up by itself: as a join, a plan made for folders of usual size would read a large one
 * whole.
 */
static PG_STATEMENT(
	store_lookup,
	"SELECT i.uid, i.modseq, i.date, i.flags, i.marks, i.size, false, u.place "
	"FROM unnest($3::bigint[]) WITH ORDINALITY u(uid, place), LATERAL ("
	"	SELECT * FROM easel.item WHERE account_id = $1 AND folder_id = $2 AND uid = u.uid"
	"	LIMIT 1) i");

static struct item item_from_row(struct arena *a, const struct pg_rows *r, size_t row)
{
	return (struct item){
		.uid = pg_get_int(r, row, 0),
		.modseq = pg_get_int(r, row, 1),
		.date = pg_get_time(r, row, 2),
		.flags = (unsigned)pg_get_int(r, row, 3),
		.marks = pg_get_copy(a, r, row, 4),
		.size = pg_get_int(r, row, 5),
		.gone = pg_get_bool(r, row, 6),
	};
}

static bool list(struct store *s, struct arena *a, const struct pg_statement *st,
		 const struct pg_params *p, struct items *out, struct err *e)
{
	struct pg_rows *r = pg_run(db_of(s), st, p, e);
	if (!r)
		return false;
	out->n = pg_count(r);
	out->v = arena_array(a, out->n, sizeof *out->v);
	for (size_t i = 0; i < out->n; i++)
		out->v[i] = item_from_row(a, r, i);
	pg_done(&r);
	return true;
}

static bool changes(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		    struct position since, size_t limit, struct items *out, struct err *e)
{
	struct pg_params p = in_folder(account, folder_id);
	pg_int(&p, since.modseq);
	pg_int(&p, since.uid);
	pg_limit(&p, limit);
	return list(s, a, &store_changes, &p, out, e);
}

/* Parameters of newest and count: a cutoff only when there is one. */
static struct pg_params below_params(int32_t account, int32_t folder_id, int64_t below,
				     int64_t cutoff, size_t limit)
{
	struct pg_params p = in_folder(account, folder_id);
	pg_int(&p, below);
	pg_limit(&p, limit);
	if (cutoff != INT64_MIN)
		pg_time(&p, cutoff);
	return p;
}

static bool newest(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		   int64_t below, int64_t cutoff, size_t limit, struct items *out, struct err *e)
{
	struct pg_params p = below_params(account, folder_id, below, cutoff, limit);
	return list(s, a, cutoff == INT64_MIN ? &store_newest : &store_newest_since, &p, out, e);
}

static bool dated(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		  int64_t from, int64_t until, size_t limit, struct items *out, struct err *e)
{
	struct pg_params p = in_folder(account, folder_id);
	pg_time(&p, from);
	pg_time(&p, until);
	pg_limit(&p, limit);
	return list(s, a, &store_dated, &p, out, e);
}

static bool related(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		    const int64_t *uids, size_t n, int64_t oldest, int64_t cutoff,
		    struct items *out, struct err *e)
{
	struct pg_params p = in_folder(account, folder_id);
	pg_ints(&p, a, uids, n);
	pg_time(&p, oldest);
	pg_time(&p, cutoff);
	return list(s, a, &store_related, &p, out, e);
}

static bool unrelated(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		      const struct uidset *held, int64_t oldest, int64_t cutoff, size_t limit,
		      struct items *out, struct err *e)
{
	struct uidset named = uidset_copy(a, held);
	struct pg_params p = in_folder(account, folder_id);
	pg_text(&p, a, uidset_text(&named));
	pg_time(&p, oldest);
	pg_time(&p, cutoff);
	pg_limit(&p, limit);
	return list(s, a, &store_unrelated, &p, out, e);
}

static bool count(struct store *s, int32_t account, int32_t folder_id, int64_t below,
		  int64_t cutoff, size_t limit, size_t *out, struct err *e)
{
	struct pg_params p = below_params(account, folder_id, below, cutoff, limit);
	const struct pg_statement *st = cutoff == INT64_MIN ? &store_count : &store_count_since;
	struct pg_rows *r = pg_run(db_of(s), st, &p, e);
	if (!r)
		return false;
	*out = (size_t)pg_get_int(r, 0, 0);
	pg_done(&r);
	return true;
}

/* Where the row belongs among what was asked for: WITH ORDINALITY counts from 1. */
static size_t place_of(const struct pg_rows *r, size_t row, int col)
{
	return (size_t)pg_get_int(r, row, col) - 1;
}

static bool lookup(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		   const int64_t *uids, size_t n, struct items *out, struct err *e)
{
	*out = (struct items){arena_array(a, n, sizeof *out->v), n};
	for (size_t i = 0; i < n; i++)
		out->v[i] = (struct item){.uid = uids[i], .gone = true};
	if (n == 0)
		return true;
	struct pg_params p = in_folder(account, folder_id);
	pg_ints(&p, a, uids, n);
	struct pg_rows *r = pg_run(db_of(s), &store_lookup, &p, e);
	if (!r)
		return false;
	for (size_t i = 0; i < pg_count(r); i++)
		out->v[place_of(r, i, 7)] = item_from_row(a, r, i);
	pg_done(&r);
	return true;
}

/* By a hash of the name, as the index has it. */
static PG_STATEMENT(
	store_find,
	"SELECT i.folder_id, i.uid FROM easel.content c"
	" JOIN easel.item i ON i.account_id = $1 AND i.content_id = c.id"
	" JOIN easel.folder f ON f.account_id = $1 AND f.id = i.folder_id AND f.class = $2::text"
	" WHERE c.account_id = $1 AND md5(c.summary ->> 'uid') = md5($3::text)"
	" AND c.summary ->> 'uid' = $3::text AND $4::integer IN (0, i.folder_id)"
	" ORDER BY c.id DESC LIMIT 1");

static enum found find_named(struct store *s, int32_t account, int32_t folder_id,
			     enum item_class class, struct str name, int32_t *in, int64_t *uid,
			     struct err *e)
{
	struct arena *a = arena_new(64 * 1024);
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_cstr(&p, store_class_name(class));
	pg_text(&p, a, name);
	pg_int(&p, folder_id);
	struct pg_rows *r;
	enum found found = pg_find(db_of(s), &store_find, &p, &r, e);
	arena_free(&a);
	if (found == FOUND_ONE) {
		*in = (int32_t)pg_get_int(r, 0, 0);
		*uid = pg_get_int(r, 0, 1);
	}
	pg_done(&r);
	return found;
}

/* ---------------------------------------------------------------------------------------------
 * Content */

static PG_STATEMENT(
	store_summaries,
	"SELECT i.uid, i.modseq, i.date, i.flags, i.marks, i.size, false, u.place,"
	"	(SELECT summary FROM easel.content WHERE account_id = $1 AND id = i.content_id),"
	"	(SELECT class IN ('Email', 'Files') FROM easel.folder WHERE account_id = $1 AND id = $2) "
	"FROM unnest($3::bigint[]) WITH ORDINALITY u(uid, place), LATERAL ("
	"	SELECT * FROM easel.item WHERE account_id = $1 AND folder_id = $2 AND uid = u.uid"
	"	LIMIT 1) i");

/* substring() counts its bytes from 1, in integers; nothing is stored that is longer than that. */
static PG_STATEMENT(
	store_slices,
	"SELECT (SELECT substring(data FROM (s.at + 1)::integer FOR s.length::integer)"
	"	 FROM easel.content WHERE account_id = $1 AND id = i.content_id), s.place "
	"FROM unnest($3::bigint[], $4::bigint[], $5::bigint[])"
	"	WITH ORDINALITY s(uid, at, length, place), LATERAL ("
	"	SELECT content_id FROM easel.item WHERE account_id = $1 AND folder_id = $2 AND uid = s.uid"
	"	LIMIT 1) i");

static PG_STATEMENT(store_open, "SELECT content_id, size FROM easel.item "
				"WHERE account_id = $1 AND folder_id = $2 AND uid = $3::bigint");

static PG_STATEMENT(
	store_read,
	"SELECT substring(data FROM ($3::bigint + 1)::integer FOR $4::integer) FROM easel.content "
	"WHERE account_id = $1 AND id = $2::bigint");

static void summary_from_row(struct arena *a, const struct pg_rows *r, size_t row,
			     struct summary *out)
{
	struct err ignored;
	out->found = true;
	out->item = item_from_row(a, r, row);
	struct str json = pg_get_copy(a, r, row, 8);
	if (!pg_get_bool(r, row, 9)) {
		out->text = json;
		return;
	}
	out->message = arena_alloc(a, sizeof *out->message);
	out->found = message_from_json(a, json, out->message, &ignored);
}

static bool summaries(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		      const int64_t *uids, size_t n, struct summary **out, struct err *e)
{
	*out = arena_array(a, n, sizeof **out);
	for (size_t i = 0; i < n; i++)
		(*out)[i].uid = uids[i];
	if (n == 0)
		return true;
	struct pg_params p = in_folder(account, folder_id);
	pg_ints(&p, a, uids, n);
	struct pg_rows *r = pg_run(db_of(s), &store_summaries, &p, e);
	if (!r)
		return false;
	for (size_t i = 0; i < pg_count(r); i++)
		summary_from_row(a, r, i, &(*out)[place_of(r, i, 7)]);
	pg_done(&r);
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "no room for the summaries");
}

static int64_t clamp(int64_t v, int64_t least, int64_t most)
{
	return v < least ? least : v > most ? most : v;
}

static struct pg_params slices_params(struct arena *a, int32_t account, int32_t folder_id,
				      const struct slice *v, size_t n)
{
	int64_t *column = arena_array(a, n, 3 * sizeof *column);
	for (size_t i = 0; i < n; i++) {
		column[i] = v[i].uid;
		column[n + i] = clamp(v[i].offset, 0, INT32_MAX - 1);
		/* the end must be an integer too */
		column[2 * n + i] = clamp(v[i].length, 0, INT32_MAX - 1 - column[n + i]);
	}
	struct pg_params p = in_folder(account, folder_id);
	pg_ints(&p, a, column, n);
	pg_ints(&p, a, column + n, n);
	pg_ints(&p, a, column + 2 * n, n);
	return p;
}

static bool slices(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		   struct slice *v, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		v[i].bytes = (struct str){NULL, 0};
	if (n == 0)
		return true;
	struct pg_params p = slices_params(a, account, folder_id, v, n);
	struct pg_rows *r = pg_run(db_of(s), &store_slices, &p, e);
	if (!r)
		return false;
	for (size_t i = 0; i < pg_count(r); i++)
		v[place_of(r, i, 1)].bytes = pg_get_copy(a, r, i, 0);
	pg_done(&r);
	return true;
}

struct pg_source {
	struct source source;
	struct pg *db;
	int32_t account;
	int64_t content;
	int64_t next, end;     /* bytes of the content still to be read */
	struct pg_rows *ahead; /* what was read last */
	struct str left;       /* of it, what was not given yet */
};

static bool source_refill(struct pg_source *src, struct err *e)
{
	pg_done(&src->ahead);
	int64_t n = clamp(src->end - src->next, 0, READ_AHEAD);
	struct pg_params p = {0};
	pg_int(&p, src->account);
	pg_int(&p, src->content);
	pg_int(&p, src->next);
	pg_int(&p, n);
	src->ahead = pg_run(src->db, &store_read, &p, e);
	if (!src->ahead)
		return false;
	src->left = pg_count(src->ahead) ? pg_get_str(src->ahead, 0, 0) : (struct str){NULL, 0};
	if ((int64_t)src->left.n != n)
		return err_set(e, ERR_NOT_FOUND, "the item went while it was read");
	src->next += n;
	return true;
}

static bool source_read(struct source *s, char *out, size_t n, size_t *got, struct err *e)
{
	struct pg_source *src = (struct pg_source *)s;
	*got = 0;
	if (src->left.n == 0 && src->next < src->end && !source_refill(src, e))
		return false;
	struct str piece = str_sub(src->left, 0, n);
	if (piece.n > 0)
		memcpy(out, piece.p, piece.n);
	src->left = str_sub(src->left, piece.n, SIZE_MAX);
	*got = piece.n;
	return true;
}

static void source_close(struct source *s)
{
	struct pg_source *src = (struct pg_source *)s;
	pg_done(&src->ahead);
	free(src);
}

static struct source *source_new(struct pg *db, int32_t account, int64_t content, int64_t offset,
				 int64_t length)
{
	struct pg_source *src = base_calloc(1, sizeof *src);
	*src = (struct pg_source){
		.source = {(uint64_t)length, source_read, source_close},
		.db = db,
		.account = account,
		.content = content,
		.next = offset,
		.end = offset + length,
	};
	return &src->source;
}

static enum found open_content(struct store *s, int32_t account, int32_t folder_id, int64_t uid,
			       int64_t offset, int64_t length, struct source **out, struct err *e)
{
	struct pg_params p = in_folder(account, folder_id);
	pg_int(&p, uid);
	struct pg_rows *r;
	enum found found = pg_find(db_of(s), &store_open, &p, &r, e);
	if (found != FOUND_ONE)
		return found;
	int64_t content = pg_get_int(r, 0, 0), size = pg_get_int(r, 0, 1);
	pg_done(&r);
	if (offset < 0 || length < 0 || offset > size || length > size - offset) {
		err_set(e, ERR_INVALID, "a slice outside its item");
		return FOUND_FAILED;
	}
	*out = source_new(db_of(s), account, content, offset, length);
	return FOUND_ONE;
}

/* ---------------------------------------------------------------------------------------------
 * Actions */

static PG_STATEMENT(
	store_set_flags,
	"WITH f AS MATERIALIZED ("
	"	SELECT id FROM easel.folder WHERE account_id = $1 AND id = $2 FOR NO KEY UPDATE),"
	"i AS MATERIALIZED ("
	"	SELECT i.modseq, i.flags, i.marks::text AS marks,"
	"	       i.flags & ~$5::integer | $4::integer AS new_flags,"
	"	       CASE WHEN $6::boolean THEN nullif($7::text, '') ELSE i.marks::text END AS new_marks"
	"	FROM easel.item i WHERE EXISTS (SELECT FROM f)"
	"	AND i.account_id = $1 AND i.folder_id = $2 AND i.uid = $3::bigint FOR UPDATE OF i),"
	"r AS ("
	"	UPDATE easel.folder SET modseq = folder.modseq + 1 FROM i"
	"	WHERE account_id = $1 AND id = $2"
	"	AND (i.flags, i.marks) IS DISTINCT FROM (i.new_flags, i.new_marks)"
	"	RETURNING folder.modseq),"
	"u AS ("
	"	UPDATE easel.item SET modseq = r.modseq, flags = i.new_flags, marks = i.new_marks::json"
	"	FROM i, r WHERE account_id = $1 AND folder_id = $2 AND uid = $3::bigint) "
	"SELECT i.modseq, coalesce(r.modseq, i.modseq) FROM i LEFT JOIN r ON true");

static PG_STATEMENT(
	store_remove,
	"WITH f AS MATERIALIZED ("
	"	SELECT id FROM easel.folder WHERE account_id = $1 AND id = $2 FOR NO KEY UPDATE),"
	"d AS ("
	"	DELETE FROM easel.item WHERE EXISTS (SELECT FROM f)"
	"	AND account_id = $1 AND folder_id = $2 AND uid = $3::bigint RETURNING content_id),"
	"r AS ("
	"	UPDATE easel.folder SET modseq = modseq + 1 FROM d WHERE account_id = $1 AND id = $2"
	"	RETURNING modseq),"
	"t AS ("
	"	INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq)"
	"	SELECT $1, $2, $3::bigint, modseq FROM r),"
	"c AS ("
	"	DELETE FROM easel.content c"
	"	WHERE c.account_id = $1 AND c.id = (SELECT content_id FROM d)"
	"	AND NOT EXISTS (SELECT FROM easel.item o"
	"		WHERE o.account_id = $1 AND o.content_id = (SELECT content_id FROM d)"
	"		AND (o.folder_id, o.uid) <> ($2, $3::bigint))) "
	"SELECT modseq FROM r");

/* One UPDATE for both folders: one notification. Without a destination nothing is done. */
static PG_STATEMENT(
	store_move,
	"WITH f AS MATERIALIZED ("
	"	SELECT id FROM easel.folder WHERE account_id = $1 AND id IN ($2, $4)"
	"	ORDER BY id FOR NO KEY UPDATE),"
	"i AS MATERIALIZED ("
	"	SELECT i.uid FROM easel.item i WHERE (SELECT count(*) FROM f WHERE id = $2) = 1"
	"	AND i.account_id = $1 AND i.folder_id = $2 AND i.uid = $3::bigint FOR UPDATE OF i),"
	"r AS ("
	"	UPDATE easel.folder SET modseq = modseq + 1,"
	"		next_uid = next_uid + CASE WHEN id = $4 THEN 1 ELSE 0 END"
	"	FROM i WHERE account_id = $1 AND id IN ($2, $4) AND (SELECT count(*) FROM f) = 2"
	"	RETURNING id, modseq, next_uid - 1 AS new_uid),"
	"m AS ("
	"	UPDATE easel.item SET folder_id = $4, uid = r.new_uid, modseq = r.modseq FROM r"
	"	WHERE r.id = $4 AND account_id = $1 AND folder_id = $2 AND uid = $3::bigint),"
	"t AS ("
	"	INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq)"
	"	SELECT $1, $2, $3::bigint, modseq FROM r WHERE id = $2) "
	"SELECT EXISTS (SELECT FROM f WHERE id = $4), source.modseq, target.new_uid, target.modseq "
	"FROM (VALUES (1)) always(one) "
	"LEFT JOIN r source ON source.id = $2 LEFT JOIN r target ON target.id = $4");

static PG_STATEMENT(
	store_append,
	"WITH f AS ("
	"	UPDATE easel.folder SET next_uid = next_uid + 1, modseq = modseq + 1"
	"	WHERE account_id = $1 AND id = $2 RETURNING next_uid - 1 AS uid, modseq),"
	"c AS ("
	"	INSERT INTO easel.content (account_id, summary, data)"
	"	SELECT $1, $3::json, $4::bytea FROM f RETURNING id),"
	"w AS ("
	"	INSERT INTO easel.content_words (account_id, content_id, words)"
	"	SELECT $1, c.id, easel.words($9::text, $10::text, $11::text, $12::text) FROM c) "
	"INSERT INTO easel.item"
	"	(account_id, folder_id, uid, modseq, date, flags, marks, size, content_id) "
	"SELECT $1, $2, f.uid, f.modseq, $5::timestamptz, $6::integer, nullif($7::text, '')::json,"
	"	$8::bigint, c.id FROM f, c "
	"RETURNING uid, modseq");

/* The old content goes when no other item has it. */
static PG_STATEMENT(
	store_replace,
	"WITH f AS MATERIALIZED ("
	"	SELECT id FROM easel.folder WHERE account_id = $1 AND id = $2 FOR NO KEY UPDATE),"
	"i AS MATERIALIZED ("
	"	SELECT i.modseq, i.content_id FROM easel.item i WHERE EXISTS (SELECT FROM f)"
	"	AND i.account_id = $1 AND i.folder_id = $2 AND i.uid = $13::bigint FOR UPDATE OF i),"
	"r AS ("
	"	UPDATE easel.folder SET modseq = folder.modseq + 1 FROM i"
	"	WHERE account_id = $1 AND id = $2 AND $14::bigint IN (0, i.modseq)"
	"	RETURNING folder.modseq),"
	"c AS ("
	"	INSERT INTO easel.content (account_id, summary, data)"
	"	SELECT $1, $3::json, $4::bytea FROM r RETURNING id),"
	"w AS ("
	"	INSERT INTO easel.content_words (account_id, content_id, words)"
	"	SELECT $1, c.id, easel.words($9::text, $10::text, $11::text, $12::text) FROM c),"
	"u AS ("
	"	UPDATE easel.item SET modseq = r.modseq, date = $5::timestamptz, flags = $6::integer,"
	"		marks = nullif($7::text, '')::json, size = $8::bigint, content_id = c.id"
	"	FROM r, c WHERE account_id = $1 AND folder_id = $2 AND uid = $13::bigint),"
	"d AS ("
	"	DELETE FROM easel.content c WHERE EXISTS (SELECT FROM r)"
	"	AND c.account_id = $1 AND c.id = (SELECT content_id FROM i)"
	"	AND NOT EXISTS (SELECT FROM easel.item o"
	"		WHERE o.account_id = $1 AND o.content_id = (SELECT content_id FROM i)"
	"		AND (o.folder_id, o.uid) <> ($2, $13::bigint))) "
	"SELECT i.modseq, r.modseq FROM i LEFT JOIN r ON true");

static enum found set_flags(struct store *s, int32_t account, int32_t folder_id, int64_t uid,
			    unsigned set, unsigned clear, const struct str *marks, int64_t *before,
			    int64_t *after, struct err *e)
{
	struct arena *a = arena_new(64 * 1024);
	struct pg_params p = in_folder(account, folder_id);
	pg_int(&p, uid);
	pg_int(&p, set);
	pg_int(&p, clear);
	pg_bool(&p, marks != NULL);
	pg_text(&p, a, marks ? *marks : STR(""));
	struct pg_rows *r;
	enum found found = pg_find(db_of(s), &store_set_flags, &p, &r, e);
	arena_free(&a);
	if (found == FOUND_ONE) {
		*before = pg_get_int(r, 0, 0);
		*after = pg_get_int(r, 0, 1);
	}
	pg_done(&r);
	return found;
}

static enum found remove_item(struct store *s, int32_t account, int32_t folder_id, int64_t uid,
			      int64_t *modseq, struct err *e)
{
	struct pg_params p = in_folder(account, folder_id);
	pg_int(&p, uid);
	struct pg_rows *r;
	enum found found = pg_find(db_of(s), &store_remove, &p, &r, e);
	if (found == FOUND_ONE)
		*modseq = pg_get_int(r, 0, 0);
	pg_done(&r);
	return found;
}

static enum found move(struct store *s, int32_t account, int32_t from, int64_t uid, int32_t to,
		       int64_t *gone_modseq, int64_t *new_uid, int64_t *new_modseq, struct err *e)
{
	if (from == to) {
		err_set(e, ERR_INVALID, "an item is not moved into the folder that it is in");
		return FOUND_FAILED;
	}
	struct pg_params p = in_folder(account, from);
	pg_int(&p, uid);
	pg_int(&p, to);
	struct pg_rows *r = pg_run(db_of(s), &store_move, &p, e);
	if (!r)
		return FOUND_FAILED;
	enum found found = pg_is_null(r, 0, 1) ? FOUND_NONE : FOUND_ONE;
	*gone_modseq = pg_get_int(r, 0, 1);
	*new_uid = pg_get_int(r, 0, 2);
	*new_modseq = pg_get_int(r, 0, 3);
	if (!pg_get_bool(r, 0, 0)) {
		err_set(e, ERR_NOT_FOUND, "there is no folder %d", (int)to);
		found = FOUND_FAILED;
	}
	pg_done(&r);
	return found;
}

/* What an item that is no message is called. */
static struct str subject_of(struct arena *a, struct str summary)
{
	json_t *o = json_loadb(summary.p, summary.n, 0, NULL);
	const json_t *subject = json_object_get(o, "subject");
	struct str copy = {"", json_string_length(subject)};
	if (copy.n)
		copy.p = arena_dup(a, json_string_value(subject), copy.n);
	json_decref(o);
	return copy;
}

/* What the item is found by. */
static void put_words(struct pg_params *p, struct arena *a, const struct new_item *item)
{
	struct search_text text;
	if (item->message)
		search_text_of_message(a, item->raw, item->message, &text);
	else
		search_text_of_lines(a, item->raw, subject_of(a, item->summary), &text);
	pg_text(p, a, text.subject);
	pg_text(p, a, text.author);
	pg_text(p, a, text.recipients);
	pg_text(p, a, text.body);
}

/* account, folder, summary, data, date, flags, marks, size, words */
static struct pg_params item_params(struct arena *a, int32_t account, int32_t folder_id,
				    const struct new_item *item)
{
	struct pg_params p = in_folder(account, folder_id);
	pg_text(&p, a, item->message ? message_to_json(a, item->message) : item->summary);
	pg_bytes(&p, item->raw);
	pg_time(&p, item->date);
	pg_int(&p, item->flags);
	pg_text(&p, a, item->marks);
	pg_int(&p, (int64_t)item->raw.n);
	put_words(&p, a, item);
	return p;
}

static bool append(struct store *s, int32_t account, int32_t folder_id, const struct new_item *item,
		   int64_t *uid, int64_t *modseq, struct err *e)
{
	struct arena *a = arena_new(WORK_CAP);
	struct pg_params p = item_params(a, account, folder_id, item);
	struct pg_rows *r = pg_run(db_of(s), &store_append, &p, e);
	arena_free(&a);
	if (!r)
		return false;
	bool found = pg_count(r) > 0;
	if (found) {
		*uid = pg_get_int(r, 0, 0);
		*modseq = pg_get_int(r, 0, 1);
	}
	pg_done(&r);
	return found || err_set(e, ERR_NOT_FOUND, "there is no folder %d", (int)folder_id);
}

static enum found replace(struct store *s, int32_t account, int32_t folder_id, int64_t uid,
			  int64_t unchanged_since, const struct new_item *item, int64_t *new_uid,
			  int64_t *before, int64_t *after, struct err *e)
{
	struct arena *a = arena_new(WORK_CAP);
	struct pg_params p = item_params(a, account, folder_id, item);
	pg_int(&p, uid);
	pg_int(&p, unchanged_since);
	struct pg_rows *r;
	enum found found = pg_find(db_of(s), &store_replace, &p, &r, e);
	arena_free(&a);
	if (found == FOUND_ONE && pg_is_null(r, 0, 1)) {
		err_set(e, ERR_CONFLICT, "the item was changed meanwhile");
		found = FOUND_FAILED;
	} else if (found == FOUND_ONE) {
		*new_uid = uid;
		*before = pg_get_int(r, 0, 0);
		*after = pg_get_int(r, 0, 1);
	}
	pg_done(&r);
	return found;
}

static bool search(struct store *s, struct arena *a, int32_t account, const struct search *q,
		   size_t offset, size_t limit, struct hits *out, struct err *e)
{
	return pg_search(db_of(s), a, account, q, offset, limit, out, e);
}

static const struct store_ops pg_ops = {
	.name = "pg",
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.folders = folders,
	.folder = folder,
	.create_folder = create_folder,
	.update_folder = update_folder,
	.delete_folder = delete_folder,
	.changes = changes,
	.newest = newest,
	.dated = dated,
	.related = related,
	.unrelated = unrelated,
	.count = count,
	.lookup = lookup,
	.find = find_named,
	.summaries = summaries,
	.search = search,
	.slices = slices,
	.open = open_content,
	.set_flags = set_flags,
	.remove = remove_item,
	.move = move,
	.append = append,
	.replace = replace,
};

struct store *store_pg_new(struct pg *db)
{
	struct pg_store *s = base_calloc(1, sizeof *s);
	s->store.ops = &pg_ops;
	s->db = db;
	return &s->store;
}

void store_pg_free(struct store **s)
{
	if (!s || !*s)
		return;
	free(*s);
	*s = NULL;
}
