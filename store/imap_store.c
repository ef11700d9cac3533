/* imap_store: mail on an IMAP server, and the pg store behind it. See imap_store.h. */
#include "store/imap_store_own.h"

#include <stdlib.h>

#include "store/imap_tree.h"

enum { REQUEST_CAP = 256 << 20 };

/* ---- Who, and the connection ---- */

static void put_back(struct imap_store *s)
{
	if (s->link)
		imap_pool_give(s->pool, &s->link);
}

void store_imap_enter(struct store *store, const struct imap_person *who)
{
	struct imap_store *s = imap_store_of(store);
	s->who = *who;
	s->entered = true;
}

void store_imap_leave(struct store *store)
{
	struct imap_store *s = imap_store_of(store);
	put_back(s);
	s->entered = s->has_site = s->news = false;
	s->boxes = NULL;
	imap_reader_reset(s->reader);
	arena_reset(s->arena);
}

const struct imap_person *store_imap_person(struct store *store, int32_t account)
{
	struct imap_store *s = imap_store_of(store);
	return s->entered && s->who.account == account ? &s->who : NULL;
}

bool store_imap_check(struct store *store, const struct imap_site *site,
		      const struct imap_person *who, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
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

bool imap_store_ensure_link(struct imap_store *s, struct err *e)
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

bool imap_store_attempt(struct imap_store *s, imap_store_action *act, void *ctx, struct err *e)
{
	for (;;) {
		if (!imap_store_ensure_link(s, e))
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

struct pg *imap_store_aside(struct imap_store *s)
{
	if (!s->aside)
		s->aside = pg_new(s->conninfo, "easel imap");
	return s->aside;
}

/* ---- Which folders are the server's ---- */

enum found imap_store_find_box(struct imap_store *s, int32_t account, int32_t folder,
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

bool imap_store_is_box(struct imap_store *s, int32_t account, int32_t folder, struct imap_box **out,
		       bool *is, struct err *e)
{
	enum found found = imap_store_find_box(s, account, folder, out, e);
	*is = found == FOUND_ONE;
	return found != FOUND_FAILED;
}

bool imap_store_none_found(struct err *e)
{
	return e->kind == ERR_NOT_FOUND;
}

/* ---- Passed on ---- */

static bool begin(struct store *s, struct err *e)
{
	return imap_store_pg(s)->ops->begin(imap_store_pg(s), e);
}

static bool commit(struct store *s, struct err *e)
{
	return imap_store_pg(s)->ops->commit(imap_store_pg(s), e);
}

static void rollback(struct store *s)
{
	imap_store_pg(s)->ops->rollback(imap_store_pg(s));
}

static bool folders(struct store *s, struct arena *a, int32_t account, struct folder **out,
		    size_t *n, struct err *e)
{
	return imap_store_pg(s)->ops->folders(imap_store_pg(s), a, account, out, n, e);
}

static enum found folder(struct store *s, struct arena *a, int32_t account, int32_t id,
			 struct folder *out, struct err *e)
{
	return imap_store_pg(s)->ops->folder(imap_store_pg(s), a, account, id, out, e);
}

static bool changes(struct store *s, struct arena *a, int32_t account, int32_t id,
		    struct position since, size_t limit, struct items *out, struct err *e)
{
	return imap_store_pg(s)->ops->changes(imap_store_pg(s), a, account, id, since, limit, out,
					      e);
}

static bool newest(struct store *s, struct arena *a, int32_t account, int32_t id, int64_t below,
		   int64_t cutoff, size_t limit, struct items *out, struct err *e)
{
	return imap_store_pg(s)->ops->newest(imap_store_pg(s), a, account, id, below, cutoff, limit,
					     out, e);
}

static bool dated(struct store *s, struct arena *a, int32_t account, int32_t id, int64_t from,
		  int64_t until, size_t limit, struct items *out, struct err *e)
{
	return imap_store_pg(s)->ops->dated(imap_store_pg(s), a, account, id, from, until, limit,
					    out, e);
}

/*
 * The index does not know which conversation a message belongs to: that is in its header, and to
 * read those of a whole folder is what an index is to save. So none is drawn into the filter.
 */
static bool related(struct store *s, struct arena *a, int32_t account, int32_t id,
		    const int64_t *uids, size_t n, int64_t oldest, int64_t cutoff,
		    struct items *out, struct err *e)
{
	return imap_store_pg(s)->ops->related(imap_store_pg(s), a, account, id, uids, n, oldest,
					      cutoff, out, e);
}

static bool unrelated(struct store *s, struct arena *a, int32_t account, int32_t id,
		      const struct uidset *held, int64_t oldest, int64_t cutoff, size_t limit,
		      struct items *out, struct err *e)
{
	return imap_store_pg(s)->ops->unrelated(imap_store_pg(s), a, account, id, held, oldest,
						cutoff, limit, out, e);
}

static bool count(struct store *s, int32_t account, int32_t id, int64_t below, int64_t cutoff,
		  size_t limit, size_t *out, struct err *e)
{
	return imap_store_pg(s)->ops->count(imap_store_pg(s), account, id, below, cutoff, limit,
					    out, e);
}

bool imap_store_lookup(struct store *s, struct arena *a, int32_t account, int32_t id,
		       const int64_t *uids, size_t n, struct items *out, struct err *e)
{
	return imap_store_pg(s)->ops->lookup(imap_store_pg(s), a, account, id, uids, n, out, e);
}

enum found imap_store_find_item(struct store *s, int32_t account, int32_t id, int64_t uid,
				struct item *out, struct err *e)
{
	struct items items;
	if (!imap_store_lookup(s, imap_store_of(s)->arena, account, id, &uid, 1, &items, e))
		return FOUND_FAILED;
	*out = items.v[0];
	return out->gone ? FOUND_NONE : FOUND_ONE;
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

bool imap_store_refresh(struct store *store, int32_t account, const int32_t *ids, size_t n,
			struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct refreshing r = {ids, n};
	struct imap_box *boxes;
	size_t found = 0;
	if (!s->entered || account != s->who.account)
		return true;
	/* Who asks only for folders of this database needs no IMAP server. */
	if (n && !imap_boxes_load(s->db, s->arena, account, ids, n, &boxes, &found, e))
		return false;
	s->boxes = NULL;
	return (n && found == 0) || imap_store_attempt(s, refresh_now, &r, e);
}

/* Only what is no mail has such a name. */
static enum found find_named(struct store *store, int32_t account, int32_t id,
			     enum item_class class, struct str name, int32_t *in, int64_t *uid,
			     struct err *e)
{
	return imap_store_pg(store)->ops->find(imap_store_pg(store), account, id, class, name, in,
					       uid, e);
}

static const struct store_ops imap_ops = {
	.name = "imap",
	.begin = begin,
	.commit = commit,
	.rollback = rollback,
	.refresh = imap_store_refresh,
	.folders = folders,
	.folder = folder,
	.create_folder = imap_store_create_folder,
	.update_folder = imap_store_update_folder,
	.delete_folder = imap_store_delete_folder,
	.changes = changes,
	.newest = newest,
	.dated = dated,
	.related = related,
	.unrelated = unrelated,
	.count = count,
	.lookup = imap_store_lookup,
	.find = find_named,
	.summaries = imap_store_summaries,
	.search = imap_store_search,
	.slices = imap_store_slices,
	.open = imap_store_open,
	.set_flags = imap_store_set_flags,
	.remove = imap_store_remove,
	.move = imap_store_move,
	.append = imap_store_append,
	.replace = imap_store_replace,
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
	struct imap_store *s = imap_store_of(*store);
	store_imap_leave(*store);
	imap_reader_free(&s->reader);
	arena_free(&s->arena);
	pg_free(&s->aside);
	free(s);
	*store = NULL;
}
