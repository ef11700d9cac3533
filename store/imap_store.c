/* imap_store: mail on an IMAP server, and the pg store behind it. See imap_store.h. */
#include "store/imap_store.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "store/imap_act.h"
#include "store/imap_message.h"
#include "store/imap_search.h"
#include "store/imap_tree.h"
#include "store/pg.h"

enum { REQUEST_CAP = 256 << 20, SOURCE_CHUNK = 512 * 1024 };

/* A box, loaded in this request. */
struct known_box {
	struct known_box *next;
	bool found; /* false: the folder is none of the server's */
	int32_t folder;
	struct imap_box box;
};

struct imap_store {
	struct store store;
	struct store *pg;
	struct pg *db;
	struct pg *aside;
	const char *conninfo;
	struct imap_pool *pool;
	struct imap_reader *reader;
	struct arena *arena; /* of the request */
	bool entered, has_site;
	bool news; /* the Inbox may hold what was not looked at for meetings */
	struct imap_person who;
	struct imap_site site;
	struct imap_link *link;
	struct known_box *boxes;
};

static struct imap_store *of(struct store *s)
{
	return (struct imap_store *)s;
}

static struct store *pg_of(struct store *s)
{
	return of(s)->pg;
}

/* ---- Who, and the connection ---- */

static void put_back(struct imap_store *s)
{
	if (s->link)
		imap_pool_give(s->pool, &s->link);
}

void store_imap_enter(struct store *store, const struct imap_person *who)
{
	struct imap_store *s = of(store);
	s->who = *who;
	s->entered = true;
}

void store_imap_leave(struct store *store)
{
	struct imap_store *s = of(store);
	put_back(s);
	s->entered = s->has_site = s->news = false;
	s->boxes = NULL;
	imap_reader_reset(s->reader);
	arena_reset(s->arena);
}

const struct imap_person *store_imap_person(struct store *store, int32_t account)
{
	struct imap_store *s = of(store);
	return s->entered && s->who.account == account ? &s->who : NULL;
}

bool store_imap_check(struct store *store, const struct imap_site *site,
		      const struct imap_person *who, struct err *e)
{
	struct imap_store *s = of(store);
	struct imap_link *link = imap_pool_take(s->pool, site, who, true, e);
	if (!link)
		return false;
	/* What an account that is only being made has opened is its own from the next login on. */
	if (who->account == 0 || site->master_user.p) {
		imap_pool_detach(s->pool, link);
		imap_link_free(s->pool, &link);
	} else {
		imap_pool_give(s->pool, &link);
	}
	return true;
}

static bool ensure_link(struct imap_store *s, struct err *e)
{
	if (s->link && !imap_dead(s->link->imap))
		return true;
	put_back(s);
	if (!s->has_site) {
		enum found found =
			imap_site_of_account(s->db, s->arena, s->who.account, &s->site, e);
		if (found != FOUND_ONE)
			return found == FOUND_NONE
				       ? err_set(e, ERR_UNAVAILABLE, "the account left its server")
				       : false;
		s->has_site = true;
	}
	s->link = imap_pool_take(s->pool, &s->site, &s->who, false, e);
	return s->link != NULL;
}

typedef bool action(struct imap_store *s, void *ctx, struct err *e);

/*
 * Does it, and once more on a new connection when one that had been idle turns out to be gone. So
 * an action has to bear to be done again.
 */
static bool attempt(struct imap_store *s, action *act, void *ctx, struct err *e)
{
	for (;;) {
		if (!ensure_link(s, e))
			return false;
		bool reused = s->link->reused;
		s->link->reused = false;
		if (act(s, ctx, e))
			return true;
		if (!imap_dead(s->link->imap))
			return false;
		put_back(s);
		if (!reused)
			return false;
	}
}

/* ---- Which folders are the server's ---- */

/* FOUND_NONE: it is the pg store's business. */
static enum found find_box(struct imap_store *s, int32_t account, int32_t folder,
			   struct imap_box **out, struct err *e)
{
	struct known_box *k = s->boxes;
	struct imap_box *loaded;
	size_t n;
	if (!s->entered || account != s->who.account)
		return FOUND_NONE;
	while (k && k->folder != folder)
		k = k->next;
	if (!k) {
		if (!imap_boxes_load(s->db, s->arena, account, &folder, 1, &loaded, &n, e))
			return FOUND_FAILED;
		k = arena_alloc(s->arena, sizeof *k);
		*k = (struct known_box){.next = s->boxes, .found = n == 1, .folder = folder};
		if (n == 1)
			k->box = loaded[0];
		s->boxes = k;
	}
	*out = &k->box;
	return k->found ? FOUND_ONE : FOUND_NONE;
}

static bool is_box(struct imap_store *s, int32_t account, int32_t folder, struct imap_box **out,
		   bool *is, struct err *e)
{
	enum found found = find_box(s, account, folder, out, e);
	*is = found == FOUND_ONE;
	return found != FOUND_FAILED;
}

/* ---- Passed on ---- */

static bool begin(struct store *s, struct err *e)
{
	return pg_of(s)->ops->begin(pg_of(s), e);
}

static bool commit(struct store *s, struct err *e)
{
	return pg_of(s)->ops->commit(pg_of(s), e);
}

static void rollback(struct store *s)
{
	pg_of(s)->ops->rollback(pg_of(s));
}

static bool folders(struct store *s, struct arena *a, int32_t account, struct folder **out,
		    size_t *n, struct err *e)
{
	return pg_of(s)->ops->folders(pg_of(s), a, account, out, n, e);
}

static enum found folder(struct store *s, struct arena *a, int32_t account, int32_t id,
			 struct folder *out, struct err *e)
{
	return pg_of(s)->ops->folder(pg_of(s), a, account, id, out, e);
}

static bool changes(struct store *s, struct arena *a, int32_t account, int32_t id,
		    struct position since, size_t limit, struct items *out, struct err *e)
{
	return pg_of(s)->ops->changes(pg_of(s), a, account, id, since, limit, out, e);
}

static bool newest(struct store *s, struct arena *a, int32_t account, int32_t id, int64_t below,
		   int64_t cutoff, size_t limit, struct items *out, struct err *e)
{
	return pg_of(s)->ops->newest(pg_of(s), a, account, id, below, cutoff, limit, out, e);
}

static bool dated(struct store *s, struct arena *a, int32_t account, int32_t id, int64_t from,
		  int64_t until, size_t limit, struct items *out, struct err *e)
{
	return pg_of(s)->ops->dated(pg_of(s), a, account, id, from, until, limit, out, e);
}

/*
 * The index does not know which conversation a message belongs to: that is in its header, and to
 * read those of a whole folder is what an index is to save. So none is drawn into the filter.
 */
static bool related(struct store *s, struct arena *a, int32_t account, int32_t id,
		    const int64_t *uids, size_t n, int64_t oldest, int64_t cutoff,
		    struct items *out, struct err *e)
{
	return pg_of(s)->ops->related(pg_of(s), a, account, id, uids, n, oldest, cutoff, out, e);
}

static bool unrelated(struct store *s, struct arena *a, int32_t account, int32_t id,
		      const struct uidset *held, int64_t oldest, int64_t cutoff, size_t limit,
		      struct items *out, struct err *e)
{
	return pg_of(s)->ops->unrelated(pg_of(s), a, account, id, held, oldest, cutoff, limit, out,
					e);
}

static bool count(struct store *s, int32_t account, int32_t id, int64_t below, int64_t cutoff,
		  size_t limit, size_t *out, struct err *e)
{
	return pg_of(s)->ops->count(pg_of(s), account, id, below, cutoff, limit, out, e);
}

static bool lookup(struct store *s, struct arena *a, int32_t account, int32_t id,
		   const int64_t *uids, size_t n, struct items *out, struct err *e)
{
	return pg_of(s)->ops->lookup(pg_of(s), a, account, id, uids, n, out, e);
}

/* ---- What others did ---- */

struct refreshing {
	const int32_t *folders;
	size_t n;
};

static bool refresh_now(struct imap_store *s, void *ctx, struct err *e)
{
	struct refreshing *r = ctx;
	struct imap_box *boxes;
	size_t n, behind = 0;
	if (r->n == 0)
		return imap_tree_refresh(s->db, s->link, &s->site, s->who.account, e);
	if (!imap_boxes_load(s->db, s->arena, s->who.account, r->folders, r->n, &boxes, &n, e) ||
	    !imap_index_refresh(s->db, s->link, s->who.account, boxes, n, &behind, e))
		return false;
	for (size_t i = 0; i < n; i++)
		s->news |= str_eq_nocase(boxes[i].mailbox, STR("INBOX")) &&
			   (behind > 0 || boxes[i].looked < boxes[i].uidnext);
	return true;
}

static bool refresh(struct store *store, int32_t account, const int32_t *ids, size_t n,
		    struct err *e)
{
	struct imap_store *s = of(store);
	struct refreshing r = {ids, n};
	struct imap_box *boxes;
	size_t found = 0;
	if (!s->entered || account != s->who.account)
		return true;
	/* Who asks only for folders of this database needs no IMAP server. */
	if (n && !imap_boxes_load(s->db, s->arena, account, ids, n, &boxes, &found, e))
		return false;
	s->boxes = NULL;
	return (n && found == 0) || attempt(s, refresh_now, &r, e);
}

/* ---- Content ---- */

struct reading {
	const struct imap_box *box;
	struct arena *a;
	struct summary *summaries;
	struct slice *slices;
	size_t n;
};

static bool read_summaries(struct imap_store *s, void *ctx, struct err *e)
{
	struct reading *r = ctx;
	return imap_box_select(s->link, r->box, e) &&
	       imap_reader_summaries(s->reader, s->link, r->box, r->a, r->summaries, r->n, e);
}

static bool read_slices(struct imap_store *s, void *ctx, struct err *e)
{
	struct reading *r = ctx;
	return imap_box_select(s->link, r->box, e) &&
	       imap_reader_slices(s->reader, s->link, r->box, r->a, r->slices, r->n, e);
}

/* A folder that went, or is another by now, has none of these items: that is no failure. */
static bool none_found(struct err *e)
{
	return e->kind == ERR_NOT_FOUND;
}

static bool summaries(struct store *store, struct arena *a, int32_t account, int32_t id,
		      const int64_t *uids, size_t n, struct summary **out, struct err *e)
{
	struct imap_store *s = of(store);
	struct imap_box *box;
	struct items items;
	bool imap;
	if (!is_box(s, account, id, &box, &imap, e))
		return false;
	if (!imap)
		return pg_of(store)->ops->summaries(pg_of(store), a, account, id, uids, n, out, e);
	*out = arena_array(a, n, sizeof **out);
	if (!lookup(store, a, account, id, uids, n, &items, e))
		return false;
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct summary){
			.uid = uids[i], .found = !items.v[i].gone, .item = items.v[i]};
	struct reading r = {.box = box, .a = a, .summaries = *out, .n = n};
	if (n == 0 || attempt(s, read_summaries, &r, e))
		return true;
	for (size_t i = 0; i < n; i++)
		(*out)[i].found = false;
	return none_found(e);
}

static bool slices(struct store *store, struct arena *a, int32_t account, int32_t id,
		   struct slice *v, size_t n, struct err *e)
{
	struct imap_store *s = of(store);
	struct imap_box *box;
	bool imap;
	if (!is_box(s, account, id, &box, &imap, e))
		return false;
	if (!imap)
		return pg_of(store)->ops->slices(pg_of(store), a, account, id, v, n, e);
	for (size_t i = 0; i < n; i++)
		v[i].bytes = (struct str){NULL, 0};
	struct reading r = {.box = box, .a = a, .slices = v, .n = n};
	return n == 0 || attempt(s, read_slices, &r, e) || none_found(e);
}

struct inviting {
	const struct imap_box *box;
	struct imap_invitations *v;
};

static bool keep_invitations(struct imap_store *s, void *ctx, struct err *e)
{
	struct inviting *x = ctx;
	return imap_invitations_keep(s->link, x->box, x->v, e);
}

enum found store_imap_invitations(struct store *store, struct arena *a, int32_t account,
				  struct imap_invitations *out, struct err *e)
{
	struct imap_store *s = of(store);
	struct imap_box *box = NULL;
	if (!s->news || !s->entered || account != s->who.account)
		return FOUND_NONE;
	s->news = false;
	enum found found = imap_invitations_new(s->db, a, account, out, e);
	if (found == FOUND_ONE)
		found = find_box(s, account, out->folder, &box, e);
	struct inviting x = {box, out};
	if (found == FOUND_ONE && !attempt(s, keep_invitations, &x, e))
		return none_found(e) ? FOUND_NONE : FOUND_FAILED;
	return found;
}

/* A source that is read by partial FETCHes while the answer is sent. */
struct imap_source {
	struct source source;
	struct imap_store *s;
	struct imap_box box;
	struct arena *arena; /* of what was read last */
	int64_t uid, next, end;
	struct str left;
	struct slice slice;
};

static bool read_slice(struct imap_store *s, void *ctx, struct err *e)
{
	struct imap_source *src = ctx;
	if (!imap_box_select(s->link, &src->box, e))
		return false;
	enum found found =
		imap_reader_slice(s->reader, s->link, &src->box, src->arena, &src->slice, e);
	return found == FOUND_ONE || (found == FOUND_NONE &&
				      err_set(e, ERR_NOT_FOUND, "the item went while it was read"));
}

static bool source_refill(struct imap_source *src, struct err *e)
{
	int64_t n = src->end - src->next < SOURCE_CHUNK ? src->end - src->next : SOURCE_CHUNK;
	arena_reset(src->arena);
	src->slice = (struct slice){.uid = src->uid, .offset = src->next, .length = n};
	if (!attempt(src->s, read_slice, src, e))
		return false;
	src->left = src->slice.bytes;
	if ((int64_t)src->left.n != n)
		return err_set(e, ERR_NOT_FOUND, "the item is shorter than the server said");
	src->next += n;
	return true;
}

static bool source_read(struct source *source, char *out, size_t n, size_t *got, struct err *e)
{
	struct imap_source *src = (struct imap_source *)source;
	*got = 0;
	if (src->left.n == 0 && src->next < src->end && !source_refill(src, e))
		return false;
	struct str piece = str_sub(src->left, 0, n);
	if (piece.n)
		memcpy(out, piece.p, piece.n);
	src->left = str_sub(src->left, piece.n, SIZE_MAX);
	*got = piece.n;
	return true;
}

static void source_close(struct source *source)
{
	struct imap_source *src = (struct imap_source *)source;
	arena_free(&src->arena);
	free(src);
}

/* The size of the whole is known here; that of a part stands in its summary. */
static enum found open_content(struct store *store, int32_t account, int32_t id, int64_t uid,
			       int64_t offset, int64_t length, struct source **out, struct err *e)
{
	struct imap_store *s = of(store);
	struct imap_box *box;
	struct items items;
	bool imap;
	if (!is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	if (!imap)
		return pg_of(store)->ops->open(pg_of(store), account, id, uid, offset, length, out,
					       e);
	if (!lookup(store, s->arena, account, id, &uid, 1, &items, e))
		return FOUND_FAILED;
	if (items.v[0].gone)
		return FOUND_NONE;
	bool whole = offset >> 40 == 0;
	if (offset < 0 || length < 0 ||
	    (whole && (offset > items.v[0].size || length > items.v[0].size - offset))) {
		err_set(e, ERR_INVALID, "a slice outside its item");
		return FOUND_FAILED;
	}
	struct imap_source *src = base_calloc(1, sizeof *src);
	*src = (struct imap_source){
		.source = {(uint64_t)length, source_read, source_close},
		.s = s,
		.box = *box,
		.arena = arena_new(8 << 20),
		.uid = uid,
		.next = offset,
		.end = offset + length,
	};
	*out = &src->source;
	return FOUND_ONE;
}

/* ---- Actions on items ---- */

struct acting {
	struct imap_box *box, *to;
	int64_t uid;
	const struct item *item;
	unsigned set, clear;
	const struct str *marks;
	const struct new_item *new_item;
	bool foreign; /* somebody else changed it meanwhile */
	int64_t new_uid;
	struct imap_intent intent;
	enum found found; /* of a move */
};

static struct pg *aside(struct imap_store *s)
{
	if (!s->aside)
		s->aside = pg_new(s->conninfo, "easel imap");
	return s->aside;
}

static struct imap_actor actor_of(struct imap_store *s)
{
	return (struct imap_actor){
		.link = s->link, .aside = aside(s), .a = s->arena, .account = s->who.account};
}

static bool act_flags(struct imap_store *s, void *ctx, struct err *e)
{
	struct acting *x = ctx;
	struct imap_actor actor = actor_of(s);
	const struct imap_flag_change change = {x->set, x->clear, x->item->flags, x->item->marks,
						x->marks};
	return imap_act_flags(&actor, x->box, x->uid, &change, &x->foreign, e);
}

static enum found set_flags(struct store *store, int32_t account, int32_t id, int64_t uid,
			    unsigned set, unsigned clear, const struct str *marks, int64_t *before,
			    int64_t *after, struct err *e)
{
	struct imap_store *s = of(store);
	struct store *pg = pg_of(store);
	struct imap_box *box;
	struct items items;
	bool imap;
	if (!is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	if (imap) {
		if (!lookup(store, s->arena, account, id, &uid, 1, &items, e))
			return FOUND_FAILED;
		if (items.v[0].gone)
			return FOUND_NONE;
		struct acting x = {.box = box,
				   .uid = uid,
				   .item = &items.v[0],
				   .set = set,
				   .clear = clear,
				   .marks = marks};
		if (!attempt(s, act_flags, &x, e))
			return FOUND_FAILED;
		enum found found = pg->ops->set_flags(pg, account, id, uid, set, clear, marks,
						      before, after, e);
		if (found == FOUND_ONE && x.foreign)
			*before = *after; /* what it was before, nobody here has seen */
		return found;
	}
	return pg->ops->set_flags(pg, account, id, uid, set, clear, marks, before, after, e);
}

static bool act_remove(struct imap_store *s, void *ctx, struct err *e)
{
	struct acting *x = ctx;
	struct imap_actor actor = actor_of(s);
	return imap_act_remove(&actor, x->box, x->uid, e);
}

static enum found remove_item(struct store *store, int32_t account, int32_t id, int64_t uid,
			      int64_t *modseq, struct err *e)
{
	struct imap_store *s = of(store);
	struct acting x = {.uid = uid};
	struct items items;
	bool imap;
	if (!is_box(s, account, id, &x.box, &imap, e))
		return FOUND_FAILED;
	if (imap) {
		if (!lookup(store, s->arena, account, id, &uid, 1, &items, e))
			return FOUND_FAILED;
		if (items.v[0].gone)
			return FOUND_NONE;
		if (!attempt(s, act_remove, &x, e))
			return FOUND_FAILED;
	}
	return pg_of(store)->ops->remove(pg_of(store), account, id, uid, modseq, e);
}

static bool act_move(struct imap_store *s, void *ctx, struct err *e)
{
	struct acting *x = ctx;
	struct imap_actor actor = actor_of(s);
	x->found = imap_act_move(&actor, x->box, x->uid, x->to, &x->intent, &x->new_uid, e);
	return x->found != FOUND_FAILED;
}

/* The item as it is now, in its new place, and its grave in the old one. */
static enum found note_move(struct imap_store *s, const struct acting *x, const struct item *item,
			    int64_t *gone_modseq, int64_t *new_modseq, struct err *e)
{
	const struct imap_arrival arrival = {.folder = x->to->folder,
					     .uid = x->new_uid,
					     .date = item->date,
					     .size = item->size,
					     .flags = item->flags,
					     .marks = item->marks};
	enum found found =
		s->pg->ops->remove(s->pg, s->who.account, x->box->folder, x->uid, gone_modseq, e);
	if (found == FOUND_FAILED)
		return found;
	bool ok = imap_index_add(s->db, s->arena, s->who.account, &arrival, new_modseq, e) &&
		  imap_intent_done(s->db, s->arena, &x->intent, e);
	return ok ? FOUND_ONE : FOUND_FAILED;
}

static enum found move(struct store *store, int32_t account, int32_t from, int64_t uid, int32_t to,
		       int64_t *gone_modseq, int64_t *new_uid, int64_t *new_modseq, struct err *e)
{
	struct imap_store *s = of(store);
	struct acting x = {.uid = uid};
	struct folder target;
	struct items items;
	bool imap, imap_to;
	if (!is_box(s, account, from, &x.box, &imap, e) ||
	    !is_box(s, account, to, &x.to, &imap_to, e))
		return FOUND_FAILED;
	if (!imap && !imap_to)
		return pg_of(store)->ops->move(pg_of(store), account, from, uid, to, gone_modseq,
					       new_uid, new_modseq, e);
	enum found there = folder(store, s->arena, account, to, &target, e);
	if (there == FOUND_FAILED)
		return there;
	if (from == to || imap != imap_to) {
		err_set(e, there == FOUND_ONE ? ERR_INVALID : ERR_NOT_FOUND,
			"an item can't be moved from folder %d to %d", (int)from, (int)to);
		return FOUND_FAILED;
	}
	if (!lookup(store, s->arena, account, from, &uid, 1, &items, e))
		return FOUND_FAILED;
	if (items.v[0].gone)
		return FOUND_NONE;
	if (!attempt(s, act_move, &x, e))
		return FOUND_FAILED;
	if (x.found == FOUND_NONE)
		return FOUND_NONE;
	*new_uid = x.new_uid;
	return note_move(s, &x, &items.v[0], gone_modseq, new_modseq, e);
}

static bool act_append(struct imap_store *s, void *ctx, struct err *e)
{
	struct acting *x = ctx;
	struct imap_actor actor = actor_of(s);
	return imap_act_append(&actor, x->box, x->new_item, &x->intent, &x->new_uid, e);
}

static bool append(struct store *store, int32_t account, int32_t id, const struct new_item *item,
		   int64_t *uid, int64_t *modseq, struct err *e)
{
	struct imap_store *s = of(store);
	struct acting x = {.new_item = item};
	bool imap;
	if (!is_box(s, account, id, &x.box, &imap, e))
		return false;
	if (!imap)
		return pg_of(store)->ops->append(pg_of(store), account, id, item, uid, modseq, e);
	if (!attempt(s, act_append, &x, e))
		return false;
	*uid = x.new_uid;
	const struct imap_arrival arrival = {.folder = id,
					     .uid = x.new_uid,
					     .date = item->date,
					     .size = (int64_t)item->raw.n,
					     .flags = item->flags,
					     .marks = item->marks};
	return imap_index_add(s->db, s->arena, account, &arrival, modseq, e) &&
	       imap_intent_done(s->db, s->arena, &x.intent, e);
}

/* A message can't be changed: another one comes, and then the old one goes. */
static enum found replace(struct store *store, int32_t account, int32_t id, int64_t uid,
			  int64_t unchanged_since, const struct new_item *item, int64_t *new_uid,
			  int64_t *before, int64_t *after, struct err *e)
{
	struct imap_store *s = of(store);
	struct imap_box *box;
	struct items old;
	int64_t gone;
	bool imap;
	if (!is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	if (!imap)
		return pg_of(store)->ops->replace(pg_of(store), account, id, uid, unchanged_since,
						  item, new_uid, before, after, e);
	if (!lookup(store, s->arena, account, id, &uid, 1, &old, e))
		return FOUND_FAILED;
	if (old.v[0].gone)
		return FOUND_NONE;
	*before = old.v[0].modseq;
	if (unchanged_since != 0 && unchanged_since != *before) {
		err_set(e, ERR_CONFLICT, "the message was changed meanwhile");
		return FOUND_FAILED;
	}
	if (!append(store, account, id, item, new_uid, after, e) ||
	    remove_item(store, account, id, uid, &gone, e) == FOUND_FAILED)
		return FOUND_FAILED;
	return FOUND_ONE;
}

/* Only what is no mail has such a name. */
static enum found find_named(struct store *store, int32_t account, int32_t id,
			     enum item_class class, struct str name, int32_t *in, int64_t *uid,
			     struct err *e)
{
	return pg_of(store)->ops->find(pg_of(store), account, id, class, name, in, uid, e);
}

/* ---- Actions on folders: in the database first, where names and roles are checked ---- */

struct folder_act {
	struct str mailbox, to;
	struct imap_box *boxes;
	size_t n;
};

static bool act_create(struct imap_store *s, void *ctx, struct err *e)
{
	struct folder_act *x = ctx;
	return imap_act_create(s->link, x->mailbox, e);
}

/* The name that a folder would have on the server. */
static bool mailbox_name(struct imap_store *s, int32_t parent, struct str name, struct str *out,
			 struct str *delimiter, struct err *e)
{
	struct imap_box *above;
	struct imap_namespace own = {0};
	bool imap = false;
	if (parent && !is_box(s, s->who.account, parent, &above, &imap, e))
		return false;
	if (parent && !imap)
		return err_set(e, ERR_INVALID, "a mail folder can't be in a folder of this kind");
	if (!ensure_link(s, e) || (!parent && !imap_tree_namespace(s->link, s->arena, &own, e)))
		return false;
	*delimiter = parent ? above->delimiter : own.delimiter;
	if ((parent && !delimiter->n) ||
	    (delimiter->n && str_find_byte(name, delimiter->p[0]) >= 0))
		return err_set(e, ERR_INVALID, "the IMAP server has no place for such a name");
	*out = str_of(arena_printf(
		s->arena, "%.*s%.*s%.*s", STR_ARG(parent ? above->mailbox : own.prefix),
		STR_ARG(parent ? *delimiter : STR("")), STR_ARG(imap_name_encode(s->arena, name))));
	return true;
}

static bool create_folder(struct store *store, int32_t account, int32_t parent, struct str name,
			  enum item_class class, int32_t *id, struct err *e)
{
	struct imap_store *s = of(store);
	struct store *pg = pg_of(store);
	struct folder_act x = {0};
	struct str delimiter;
	if (!pg->ops->create_folder(pg, account, parent, name, class, id, e))
		return false;
	if (!s->entered || account != s->who.account || class != CLASS_EMAIL)
		return true;
	s->boxes = NULL;
	return mailbox_name(s, parent, name, &x.mailbox, &delimiter, e) &&
	       attempt(s, act_create, &x, e) &&
	       imap_act_note_created(s->db, s->arena, account, *id, x.mailbox, delimiter, e);
}

static bool act_rename(struct imap_store *s, void *ctx, struct err *e)
{
	struct folder_act *x = ctx;
	return imap_act_rename(s->link, x->mailbox, x->to, e);
}

static enum found update_folder(struct store *store, int32_t account, int32_t id, int32_t parent,
				struct str name, struct err *e)
{
	struct imap_store *s = of(store);
	struct imap_box *box;
	struct folder_act x = {0};
	struct str delimiter;
	bool imap;
	if (!is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	enum found found =
		pg_of(store)->ops->update_folder(pg_of(store), account, id, parent, name, e);
	if (!imap || found != FOUND_ONE)
		return found;
	x.mailbox = box->mailbox;
	if (!mailbox_name(s, parent, name, &x.to, &delimiter, e))
		return FOUND_FAILED;
	s->boxes = NULL;
	bool ok = str_eq(x.mailbox, x.to) ||
		  (attempt(s, act_rename, &x, e) &&
		   imap_act_note_renamed(s->db, s->arena, account, x.mailbox, delimiter, x.to, e));
	return ok ? FOUND_ONE : FOUND_FAILED;
}

static bool act_delete(struct imap_store *s, void *ctx, struct err *e)
{
	struct folder_act *x = ctx;
	for (size_t i = 0; i < x->n; i++)
		if (!imap_act_delete(s->link, &x->boxes[i], e))
			return false;
	return true;
}

static enum found delete_folder(struct store *store, int32_t account, int32_t id, struct err *e)
{
	struct imap_store *s = of(store);
	struct imap_box *box;
	struct folder_act x = {0};
	bool imap;
	if (!is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	if (imap && !imap_act_below(s->db, s->arena, account, id, &x.boxes, &x.n, e))
		return FOUND_FAILED;
	enum found found = pg_of(store)->ops->delete_folder(pg_of(store), account, id, e);
	if (!imap || found != FOUND_ONE)
		return found;
	s->boxes = NULL;
	return attempt(s, act_delete, &x, e) ? FOUND_ONE : FOUND_FAILED;
}

/* What is kept here is found; the server's own mail is not in the index. */
/* ---- The mailbox search ---- */

struct searching {
	const struct search *q;
	const struct imap_box *box;
	int64_t *uids;
	size_t n;
	struct hit *v;
	size_t nv, size;
};

static bool act_search(struct imap_store *s, void *ctx, struct err *e)
{
	struct searching *x = ctx;
	return imap_search(s->link, x->box, s->arena, x->q, &x->uids, &x->n, e);
}

static void make_room(struct imap_store *s, struct searching *x, size_t n)
{
	if (x->nv + n <= x->size)
		return;
	size_t size = 2 * x->size + n;
	struct hit *v = arena_array(s->arena, size, sizeof *v);
	if (x->nv)
		memcpy(v, x->v, x->nv * sizeof *v);
	x->v = v;
	x->size = size;
}

/* Those among them that are there, with their dates, if they are of the time asked for. */
static bool add_hits(struct imap_store *s, struct searching *x, int32_t folder_id,
		     const int64_t *uids, size_t n, struct err *e)
{
	struct items items;
	if (!lookup(&s->store, s->arena, s->who.account, folder_id, uids, n, &items, e))
		return false;
	make_room(s, x, n);
	for (size_t i = 0; i < n; i++) {
		const struct item *item = &items.v[i];
		if (!item->gone && item->date > x->q->after && item->date < x->q->before)
			x->v[x->nv++] = (struct hit){folder_id, item->uid, item->date};
	}
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	return x->date < y->date ? 1 : x->date > y->date ? -1 : 0;
}

/* What the database finds in the folders that are its own, put among what the servers found. */
static bool add_own(struct imap_store *s, struct searching *x, const int32_t *own, size_t nown,
		    size_t most, struct err *e)
{
	struct search q = *x->q;
	struct hits hits;
	q.folders = own;
	q.nfolders = nown;
	if (nown == 0)
		return true;
	if (!s->pg->ops->search(s->pg, s->arena, s->who.account, &q, 0, most, &hits, e))
		return false;
	make_room(s, x, hits.n);
	for (size_t i = 0; i < hits.n; i++)
		x->v[x->nv++] = hits.v[i];
	return true;
}

static bool search(struct store *store, struct arena *a, int32_t account, const struct search *q,
		   size_t offset, size_t limit, struct hits *out, struct err *e)
{
	struct imap_store *s = of(store);
	struct searching x = {.q = q};
	/* Which messages belong to a conversation only the database could know. */
	if (!s->entered || account != s->who.account || q->conversation.n)
		return pg_of(store)->ops->search(pg_of(store), a, account, q, offset, limit, out,
						 e);
	int32_t *own = arena_array(s->arena, q->nfolders + 1, sizeof *own);
	size_t nown = 0;
	/* Only what is in the index can be told of, and the phone need not have synced it. */
	if (q->nfolders && !refresh(store, account, q->folders, q->nfolders, e))
		return false;
	for (size_t i = 0; i < q->nfolders; i++) {
		struct imap_box *box;
		bool imap;
		if (!is_box(s, account, q->folders[i], &box, &imap, e))
			return false;
		x.box = box;
		if (!imap)
			own[nown++] = q->folders[i];
		else if (box->selectable && box->uidvalidity &&
			 (!attempt(s, act_search, &x, e) ||
			  !add_hits(s, &x, box->folder, x.uids, x.n, e)))
			return false;
	}
	if (!add_own(s, &x, own, nown, offset + limit, e))
		return false;
	qsort(x.v, x.nv, sizeof *x.v, newest_first);
	*out = (struct hits){.v = arena_array(a, limit, sizeof *out->v)};
	for (size_t i = offset; i < x.nv && out->n < limit; i++)
		out->v[out->n++] = x.v[i];
	out->total = out->n ? x.nv : 0;
	return true;
}

/* ---- Sending as the user ---- */

static PG_STATEMENT(imap_smtp_host,
		    "SELECT coalesce(d.smtp_url, s.smtp_url),"
		    " CASE WHEN d.smtp_url IS NULL THEN s.smtp_tls ELSE d.smtp_tls END"
		    " FROM easel.domain d JOIN easel.account a ON a.domain_id = d.id,"
		    " easel.server s WHERE a.id = $1 AND d.smtp_as_user");

/* FOUND_NONE: the domain does not send like this. */
static enum found find_host(struct imap_store *s, struct smarthost *out, struct err *e)
{
	static const char *const words[] = {"none", "try", "required"};
	struct pg_params p = {0};
	pg_int(&p, s->who.account);
	struct pg_rows *r = pg_run(s->db, &imap_smtp_host, &p, e);
	if (!r)
		return FOUND_FAILED;
	bool found = pg_count(r) == 1 && !pg_is_null(r, 0, 0);
	out->tls = SMTP_TLS_REQUIRED;
	if (found) {
		out->url = str_dup(s->arena, pg_get_str(r, 0, 0));
		for (int i = 0; i < 3; i++)
			if (str_eq(pg_get_str(r, 0, 1), str_of(words[i])))
				out->tls = (enum smtp_tls)i;
	}
	pg_done(&r);
	return found ? FOUND_ONE : FOUND_NONE;
}

/* Nobody has got it, and that may change. */
static bool all_later(const struct smtp_result *results, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (results[i].verdict != SMTP_LATER)
			return false;
	return true;
}

/* What the mail server said of each, as it is noted. */
static const char verdict_letters[] = {[SMTP_SENT] = 's', [SMTP_LATER] = 'l', [SMTP_NEVER] = 'n'};

static struct str note_results(struct arena *a, const struct smtp_result *results, size_t n)
{
	char *text = arena_alloc(a, n + 1);
	for (size_t i = 0; i < n; i++)
		text[i] = verdict_letters[results[i].verdict];
	return (struct str){text, n};
}

/* A server that was asked before is asked no more about those of whom it has said something. */
static void recall_results(struct str outcome, struct smtp_result *results, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		results[i] = (struct smtp_result){.verdict = SMTP_SENT};
		for (size_t k = 0; outcome.n == n && k < sizeof verdict_letters; k++)
			if (outcome.p[i] == verdict_letters[k])
				results[i].verdict = (enum smtp_verdict)k;
		if (results[i].verdict == SMTP_NEVER)
			snprintf(results[i].reason, sizeof results[i].reason,
				 "the mail server has refused it");
	}
}

/* What was sent is noted at once, whatever becomes of the request that sent it. */
static bool send_noted(struct imap_store *s, struct imap_intent *intent,
		       const struct smarthost *host, const char *sender, struct str raw,
		       const char *const *recipients, size_t n, struct smtp_result *results,
		       struct err *e)
{
	if (!imap_intent_find(aside(s), s->arena, intent, e))
		return false;
	if (intent->repeated) {
		recall_results(intent->outcome, results, n);
	} else {
		struct smtp *smtp = smtp_new(NULL);
		smtp_send(smtp, host, sender, raw, recipients, n, results);
		smtp_free(&smtp);
		if (all_later(results, n))
			return err_set(e, ERR_UNAVAILABLE, "mail server: %s", results[0].reason);
		intent->outcome = note_results(s->arena, results, n);
		if (!imap_intent_note(aside(s), s->arena, intent, e))
			return false;
	}
	return imap_intent_done(s->db, s->arena, intent, e);
}

enum found store_imap_submit(struct store *store, int32_t account, struct str message_id,
			     const char *sender, struct str raw, const char *const *recipients,
			     size_t n, struct smtp_result *results, struct err *e)
{
	struct imap_store *s = of(store);
	struct smarthost host = {0};
	struct imap_site site;
	if (!s->entered || account != s->who.account || !s->who.password.n)
		return FOUND_NONE;
	enum found found = find_host(s, &host, e);
	if (found != FOUND_ONE)
		return found;
	found = imap_site_of_account(s->db, s->arena, account, &site, e);
	if (found != FOUND_ONE)
		return found;
	struct imap_intent intent = {.account = account, .kind = "smtp", .message_id = message_id};
	intent.reference = str_of(
		arena_printf(s->arena, "%zu:%.*s", raw.n, STR_ARG(str_sub(message_id, 0, 900))));
	char *password = str_dup(s->arena, s->who.password);
	host.user = str_dup(s->arena, site.user);
	host.password = password;
	bool ok = send_noted(s, &intent, &host, sender, raw, recipients, n, results, e);
	OPENSSL_cleanse(password, s->who.password.n);
	return ok ? FOUND_ONE : FOUND_FAILED;
}

static const struct store_ops imap_ops = {
	.name = "imap",
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.refresh = refresh,
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

struct store *store_imap_new(struct pg *db, struct store *pg, const char *conninfo,
			     struct imap_pool *pool)
{
	struct imap_store *s = base_calloc(1, sizeof *s);
	s->store.ops = &imap_ops;
	s->db = db;
	s->pg = pg;
	s->conninfo = conninfo;
	s->pool = pool;
	s->reader = imap_reader_new();
	s->arena = arena_new(REQUEST_CAP);
	return &s->store;
}

void store_imap_free(struct store **store)
{
	if (!store || !*store)
		return;
	struct imap_store *s = of(*store);
	store_imap_leave(*store);
	imap_reader_free(&s->reader);
	arena_free(&s->arena);
	pg_free(&s->aside);
	free(s);
	*store = NULL;
}
