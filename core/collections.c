/* collections: the store as devices see it. See collections.h for the contract. */
#include "core/collections.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/class_view.h"
#include "core/item_view.h"
#include "core/mail_view.h"
#include "core/merged_view.h"
#include "store/collection.h"
#include "store/message.h"
#include "store/search.h"
#include "store/sync_trouble.h"

struct collections {
	struct store store;
	struct store_ops ops; /* as the kept store is where that matters */
	struct pg *db;
	struct store *kept;
	struct collection *known; /* looked up since collections_forget() */
	size_t n, room;
};

static struct collections *of(struct store *s)
{
	return (struct collections *)s;
}

static const struct store_ops *kept(struct store *s)
{
	return of(s)->kept->ops;
}

/* ---------------------------------------------------------------------------------------------
 * What a number stands for */

static void remember(struct store *s, const struct collection *c)
{
	struct collections *all = of(s);
	if (all->n == all->room) {
		all->room = all->room ? 2 * all->room : 16;
		all->known = base_realloc(all->known, all->room * sizeof *all->known);
	}
	all->known[all->n++] = *c;
}

static const struct collection *recall(struct store *s, int32_t account, int32_t id)
{
	const struct collections *all = of(s);
	for (size_t i = 0; i < all->n; i++)
		if (all->known[i].account == account && all->known[i].id == id)
			return &all->known[i];
	return NULL;
}

/* What is not there, or may not be read, stands for a place without items. */
static bool look(struct store *s, int32_t account, int32_t id, struct collection *out,
		 struct err *e)
{
	const struct collection *known = recall(s, account, id);
	if (known) {
		*out = *known;
		return true;
	}
	*out = (struct collection){.account = account, .id = id, .view = VIEW_HOLDER};
	if (collection_find(of(s)->db, account, id, out, e) == FOUND_FAILED)
		return false;
	remember(s, out);
	return true;
}

/* Whether its messages are made of other items when they are asked for. Files are kept as messages.
 */
static bool is_made(const struct collection *c)
{
	return c->view == VIEW_MAIL && c->kept != CLASS_FILES;
}

static struct merged_view merged(struct store *s, const struct collection *c)
{
	return (struct merged_view){of(s)->db, of(s)->kept, c};
}

/* For what changes something: looks, and checks that it may be done. */
static bool look_to(struct store *s, int32_t account, int32_t id, unsigned right,
		    struct collection *out, struct err *e)
{
	if (!look(s, account, id, out, e))
		return false;
	if (out->at.folder == 0 || (out->view != VIEW_MAIL && out->at.rights & right))
		return true;
	return err_set(e, ERR_FORBIDDEN, "that may not be done in folder %d", (int)id);
}

/* What a merged folder is made of is no choice of the device's. */
static bool is_one(const struct collection *c, struct err *e)
{
	return c->view != VIEW_MERGED ||
	       err_set(e, ERR_FORBIDDEN, "that may not be done in folder %d", (int)c->id);
}

/* ---------------------------------------------------------------------------------------------
 * Folders */

static bool begin(struct store *s, struct err *e)
{
	return kept(s)->begin(of(s)->kept, e);
}

static bool commit(struct store *s, struct err *e)
{
	return kept(s)->commit(of(s)->kept, e);
}

static void rollback(struct store *s)
{
	kept(s)->rollback(of(s)->kept);
}

/* Those that the account's own are behind; those of others are their owners' business. */
static bool refresh(struct store *s, int32_t account, const int32_t *ids, size_t n, struct err *e)
{
	int32_t *own = base_malloc((n + 1) * sizeof *own);
	size_t nown = 0;
	bool ok = true;
	for (size_t i = 0; ok && i < n; i++) {
		struct collection c;
		ok = look(s, account, ids[i], &c, e);
		if (ok && c.at.account == account && c.at.folder)
			own[nown++] = c.at.folder;
	}
	if (n == 0 || nown)
		ok = ok && store_refresh(of(s)->kept, account, own, nown, e);
	free(own);
	return ok;
}

/* Its own as they are, and behind them the others. */
static bool folders(struct store *s, struct arena *a, int32_t account, struct folder **out,
		    size_t *n, struct err *e)
{
	struct folder *own, *others;
	struct collection *links;
	size_t nown, nothers;
	if (!kept(s)->folders(of(s)->kept, a, account, &own, &nown, e) ||
	    !collection_links(of(s)->db, a, account, &links, &others, &nothers, e))
		return false;
	*n = nown + nothers;
	*out = arena_array(a, *n, sizeof **out);
	for (size_t i = 0; i < nown; i++)
		(*out)[i] = own[i];
	for (size_t i = 0; i < nothers; i++) {
		(*out)[nown + i] = others[i];
		if (!recall(s, account, links[i].id))
			remember(s, &links[i]);
	}
	return true;
}

static enum found folder(struct store *s, struct arena *a, int32_t account, int32_t id,
			 struct folder *out, struct err *e)
{
	struct collection c;
	enum found found = collection_folder(of(s)->db, a, account, id, &c, out, e);
	if (found == FOUND_ONE && !recall(s, account, id))
		remember(s, &c);
	return found;
}

static bool create_folder(struct store *s, int32_t account, int32_t parent, struct str name,
			  enum item_class class, int32_t *id, struct err *e)
{
	return kept(s)->create_folder(of(s)->kept, account, parent, name, class, id, e);
}

static enum found update_folder(struct store *s, int32_t account, int32_t id, int32_t parent,
				struct str name, struct err *e)
{
	return kept(s)->update_folder(of(s)->kept, account, id, parent, name, e);
}

static enum found delete_folder(struct store *s, int32_t account, int32_t id, struct err *e)
{
	return kept(s)->delete_folder(of(s)->kept, account, id, e);
}

/* ---------------------------------------------------------------------------------------------
 * Looking */

static bool changes(struct store *s, struct arena *a, int32_t account, int32_t id,
		    struct position since, size_t limit, struct items *out, struct err *e)
{
	struct collection c;
	return look(s, account, id, &c, e) &&
	       kept(s)->changes(of(s)->kept, a, c.at.account, c.at.folder, since, limit, out, e);
}

static bool newest(struct store *s, struct arena *a, int32_t account, int32_t id, int64_t below,
		   int64_t cutoff, size_t limit, struct items *out, struct err *e)
{
	struct collection c;
	return look(s, account, id, &c, e) &&
	       kept(s)->newest(of(s)->kept, a, c.at.account, c.at.folder, below, cutoff, limit, out,
			       e);
}

static bool dated(struct store *s, struct arena *a, int32_t account, int32_t id, int64_t from,
		  int64_t until, size_t limit, struct items *out, struct err *e)
{
	struct collection c;
	return look(s, account, id, &c, e) &&
	       kept(s)->dated(of(s)->kept, a, c.at.account, c.at.folder, from, until, limit, out,
			      e);
}

static bool related(struct store *s, struct arena *a, int32_t account, int32_t id,
		    const int64_t *uids, size_t n, int64_t oldest, int64_t cutoff,
		    struct items *out, struct err *e)
{
	struct collection c;
	return look(s, account, id, &c, e) &&
	       kept(s)->related(of(s)->kept, a, c.at.account, c.at.folder, uids, n, oldest, cutoff,
				out, e);
}

static bool unrelated(struct store *s, struct arena *a, int32_t account, int32_t id,
		      const struct uidset *held, int64_t oldest, int64_t cutoff, size_t limit,
		      struct items *out, struct err *e)
{
	struct collection c;
	return look(s, account, id, &c, e) &&
	       kept(s)->unrelated(of(s)->kept, a, c.at.account, c.at.folder, held, oldest, cutoff,
				  limit, out, e);
}

static bool count(struct store *s, int32_t account, int32_t id, int64_t below, int64_t cutoff,
		  size_t limit, size_t *out, struct err *e)
{
	struct collection c;
	return look(s, account, id, &c, e) &&
	       kept(s)->count(of(s)->kept, c.at.account, c.at.folder, below, cutoff, limit, out, e);
}

/* ---- The messages about omitted items, which are in no store ---- */

enum { NOTE_MOST = 1024 * 1024 };

static bool is_note(int64_t uid)
{
	return uid >= NOTE_FIRST;
}

static bool names_note(const int64_t *uids, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_note(uids[i]))
			return true;
	return false;
}

static bool lookup(struct store *s, struct arena *a, int32_t account, int32_t id,
		   const int64_t *uids, size_t n, struct items *out, struct err *e);

/* There are few messages about omitted items: with one among them, each is looked up by itself. */
static bool lookup_each(struct store *s, struct arena *a, int32_t account, int32_t id,
			const int64_t *uids, size_t n, struct items *out, struct err *e)
{
	*out = (struct items){arena_array(a, n, sizeof *out->v), n};
	for (size_t i = 0; i < n; i++) {
		struct items one = {&out->v[i], 1};
		struct str raw;
		if (is_note(uids[i]) ? sync_note_read(of(s)->db, a, account, id, uids[i],
						      &out->v[i], &raw, e) == FOUND_FAILED
				     : !lookup(s, a, account, id, &uids[i], 1, &one, e))
			return false;
		out->v[i] = one.v[0];
	}
	return true;
}

static bool lookup(struct store *s, struct arena *a, int32_t account, int32_t id,
		   const int64_t *uids, size_t n, struct items *out, struct err *e)
{
	struct collection c;
	if (names_note(uids, n))
		return lookup_each(s, a, account, id, uids, n, out, e);
	return look(s, account, id, &c, e) &&
	       kept(s)->lookup(of(s)->kept, a, c.at.account, c.at.folder, uids, n, out, e);
}

static enum found find(struct store *s, int32_t account, int32_t id, enum item_class class,
		       struct str name, int32_t *in, int64_t *uid, struct err *e)
{
	struct collection c;
	if (id == 0)
		return kept(s)->find(of(s)->kept, account, 0, class, name, in, uid, e);
	if (!look(s, account, id, &c, e))
		return FOUND_FAILED;
	if (c.at.folder == 0)
		return FOUND_NONE;
	if (item_view_is(c.view))
		class = c.kept;
	const struct merged_view m = merged(s, &c);
	enum found found = c.view == VIEW_MERGED
				   ? merged_view_find(&m, class, name, uid, e)
				   : kept(s)->find(of(s)->kept, c.at.account, c.at.folder, class,
						   name, in, uid, e);
	*in = id;
	return found;
}

static bool summarise_note(struct store *s, struct arena *a, int32_t account, int32_t id,
			   int64_t uid, struct summary *out, struct err *e)
{
	struct str raw;
	enum found found = sync_note_read(of(s)->db, a, account, id, uid, &out->item, &raw, e);
	out->uid = uid;
	out->found = found == FOUND_ONE;
	out->message = arena_alloc(a, sizeof *out->message);
	return found == FOUND_NONE || (found == FOUND_ONE && message_scan(a, raw, out->message, e));
}

static bool summaries(struct store *s, struct arena *a, int32_t account, int32_t id,
		      const int64_t *uids, size_t n, struct summary **out, struct err *e);

static bool summaries_each(struct store *s, struct arena *a, int32_t account, int32_t id,
			   const int64_t *uids, size_t n, struct summary **out, struct err *e)
{
	*out = arena_array(a, n, sizeof **out);
	for (size_t i = 0; i < n; i++) {
		struct summary *one = &(*out)[i];
		if (is_note(uids[i]) ? !summarise_note(s, a, account, id, uids[i], one, e)
				     : !summaries(s, a, account, id, &uids[i], 1, &one, e))
			return false;
		(*out)[i] = *one;
	}
	return true;
}

static bool summaries(struct store *s, struct arena *a, int32_t account, int32_t id,
		      const int64_t *uids, size_t n, struct summary **out, struct err *e)
{
	struct collection c;
	if (names_note(uids, n))
		return summaries_each(s, a, account, id, uids, n, out, e);
	if (!look(s, account, id, &c, e))
		return false;
	if (is_made(&c))
		return mail_view_summaries(of(s)->kept, a, &c, uids, n, out, e);
	const struct merged_view m = merged(s, &c);
	if (c.view == VIEW_MERGED)
		return merged_view_summaries(&m, a, uids, n, out, e);
	return kept(s)->summaries(of(s)->kept, a, c.at.account, c.at.folder, uids, n, out, e);
}

/* A folder's twin is searched as the folder, which the kept store knows. */
static int32_t searched_as(const struct collection *c)
{
	return c->view == VIEW_TWIN && c->at.account == c->account ? c->at.folder : c->id;
}

/* Which of the folders is searched as that one; n: none. */
static size_t asked_for(const int32_t *as, size_t n, int32_t folder)
{
	size_t i = 0;
	while (i < n && as[i] != folder)
		i++;
	return i;
}

/*
 * The numbers are those of the account's collections in the kept store too. Of a folder and its
 * twin the first one asked for has what is found.
 */
static bool search(struct store *s, struct arena *a, int32_t account, const struct search *q,
		   size_t offset, size_t limit, struct hits *out, struct err *e)
{
	struct search there = *q;
	int32_t *as = arena_array(a, q->nfolders, sizeof *as);
	int32_t *once = arena_array(a, q->nfolders, sizeof *once);
	there.folders = once;
	there.nfolders = 0;
	for (size_t i = 0; i < q->nfolders; i++) {
		struct collection c;
		if (!look(s, account, q->folders[i], &c, e))
			return false;
		as[i] = searched_as(&c);
		if (asked_for(as, i, as[i]) == i)
			once[there.nfolders++] = as[i];
	}
	if (!kept(s)->search(of(s)->kept, a, account, &there, offset, limit, out, e))
		return false;
	for (size_t i = 0; i < out->n; i++)
		out->v[i].folder = q->folders[asked_for(as, q->nfolders, out->v[i].folder)];
	return true;
}

/* False also when it is gone: then there are no bytes. */
static bool slice_note(struct store *s, struct arena *a, int32_t account, int32_t id,
		       struct slice *v, struct err *e)
{
	struct item item;
	struct str raw;
	enum found found = sync_note_read(of(s)->db, a, account, id, v->uid, &item, &raw, e);
	v->bytes = found == FOUND_ONE ? str_sub(raw, (size_t)v->offset, (size_t)v->length) : raw;
	return found != FOUND_FAILED;
}

static bool slices(struct store *s, struct arena *a, int32_t account, int32_t id, struct slice *v,
		   size_t n, struct err *e)
{
	struct collection c;
	/* Behind the first such message each by itself; before it all that are not. */
	for (size_t i = 0; i < n; i++)
		if (is_note(v[i].uid))
			return (i == 0 || slices(s, a, account, id, v, i, e)) &&
			       slice_note(s, a, account, id, &v[i], e) &&
			       (i + 1 == n || slices(s, a, account, id, v + i + 1, n - i - 1, e));
	if (!look(s, account, id, &c, e))
		return false;
	if (is_made(&c))
		return mail_view_slices(of(s)->kept, a, &c, v, n, e);
	const struct merged_view m = merged(s, &c);
	return c.view == VIEW_MERGED ? merged_view_slices(&m, a, v, n, e)
				     : class_view_slices(of(s)->kept, a, &c, v, n, e);
}

static enum found open_note(struct store *s, int32_t account, int32_t id, int64_t uid,
			    int64_t offset, int64_t length, struct source **out, struct err *e)
{
	struct arena *a = arena_new(NOTE_MOST);
	struct slice slice = {.uid = uid, .offset = offset, .length = length};
	bool ok = slice_note(s, a, account, id, &slice, e);
	if (ok && slice.bytes.p)
		*out = source_bytes(slice.bytes.p, slice.bytes.n);
	enum found found = !ok ? FOUND_FAILED : slice.bytes.p ? FOUND_ONE : FOUND_NONE;
	arena_free(&a);
	return found;
}

static enum found open_content(struct store *s, int32_t account, int32_t id, int64_t uid,
			       int64_t offset, int64_t length, struct source **out, struct err *e)
{
	struct collection c;
	if (is_note(uid))
		return open_note(s, account, id, uid, offset, length, out, e);
	if (!look(s, account, id, &c, e))
		return FOUND_FAILED;
	if (is_made(&c))
		return mail_view_open(of(s)->kept, &c, uid, offset, length, out, e);
	const struct merged_view m = merged(s, &c);
	return c.view == VIEW_MERGED
		       ? merged_view_open(&m, uid, offset, length, out, e)
		       : class_view_open(of(s)->kept, &c, uid, offset, length, out, e);
}

/* ---------------------------------------------------------------------------------------------
 * Actions */

static enum found set_flags(struct store *s, int32_t account, int32_t id, int64_t uid, unsigned set,
			    unsigned clear, const struct str *marks, int64_t *before,
			    int64_t *after, struct err *e)
{
	struct collection c;
	/* That a message about an omitted item was read is the device's own business. */
	*before = *after = 0;
	if (is_note(uid))
		return FOUND_ONE;
	if (!look(s, account, id, &c, e))
		return FOUND_FAILED;
	if (c.view == VIEW_MAIL)
		return mail_view_flags(of(s)->kept, &c, uid, before, after, e);
	if (!look_to(s, account, id, RIGHT_WRITE, &c, e) || !is_one(&c, e))
		return FOUND_FAILED;
	return kept(s)->set_flags(of(s)->kept, c.at.account, c.at.folder, uid, set, clear, marks,
				  before, after, e);
}

static enum found remove_item(struct store *s, int32_t account, int32_t id, int64_t uid,
			      int64_t *modseq, struct err *e)
{
	struct collection c;
	*modseq = 0;
	if (is_note(uid))
		return sync_note_remove(of(s)->db, account, id, uid, e);
	if (!look_to(s, account, id, RIGHT_DELETE, &c, e))
		return FOUND_FAILED;
	const struct merged_view m = merged(s, &c);
	if (c.view == VIEW_MERGED)
		return merged_view_remove(&m, uid, modseq, e);
	return kept(s)->remove(of(s)->kept, c.at.account, c.at.folder, uid, modseq, e);
}

enum { COPY_MOST = 64 * 1024 * 1024 };

/* Copies an item to a folder of another owner. Its content is in memory for that. */
static enum found copy(struct store *s, struct arena *a, const struct place *from, int64_t uid,
		       const struct place *to, int64_t *new_uid, int64_t *new_modseq, struct err *e)
{
	struct store *k = of(s)->kept;
	struct summary *found;
	if (!k->ops->summaries(k, a, from->account, from->folder, &uid, 1, &found, e))
		return FOUND_FAILED;
	if (!found->found)
		return FOUND_NONE;
	struct slice whole = {.uid = uid, .length = found->item.size};
	bool fits = found->item.size <= COPY_MOST;
	if (fits && !k->ops->slices(k, a, from->account, from->folder, &whole, 1, e))
		return FOUND_FAILED;
	if (!fits || arena_overflowed(a)) {
		err_set(e, ERR_QUOTA, "the item is too large to be moved to another's folder");
		return FOUND_FAILED;
	}
	if (!whole.bytes.p)
		return FOUND_NONE;
	const struct new_item item = {
		.raw = whole.bytes,
		.message = found->message,
		.summary = found->text,
		.date = found->item.date,
		.flags = found->item.flags,
		.marks = found->item.marks,
	};
	return k->ops->append(k, to->account, to->folder, &item, new_uid, new_modseq, e)
		       ? FOUND_ONE
		       : FOUND_FAILED;
}

/* The copy goes again when the item can't be taken from where it was, or there would be two. */
static enum found move_to_another(struct store *s, const struct place *from, int64_t uid,
				  const struct place *to, int64_t *gone_modseq, int64_t *new_uid,
				  int64_t *new_modseq, struct err *e)
{
	struct store *k = of(s)->kept;
	struct arena *a = arena_new(COPY_MOST);
	struct err ignored = {0};
	int64_t modseq;
	enum found found = copy(s, a, from, uid, to, new_uid, new_modseq, e);
	arena_free(&a);
	if (found != FOUND_ONE)
		return found;
	found = k->ops->remove(k, from->account, from->folder, uid, gone_modseq, e);
	if (found == FOUND_NONE || (found == FOUND_FAILED && e->kind == ERR_FORBIDDEN))
		k->ops->remove(k, to->account, to->folder, *new_uid, &modseq, &ignored);
	return found;
}

static enum found move(struct store *s, int32_t account, int32_t from, int64_t uid, int32_t to,
		       int64_t *gone_modseq, int64_t *new_uid, int64_t *new_modseq, struct err *e)
{
	struct collection f, t;
	if (is_note(uid))
		return FOUND_NONE;
	if (!look_to(s, account, from, RIGHT_DELETE, &f, e) ||
	    !look_to(s, account, to, RIGHT_INSERT, &t, e) || !is_one(&f, e) || !is_one(&t, e))
		return FOUND_FAILED;
	if (f.at.account == t.at.account || f.at.folder == 0 || t.at.folder == 0)
		return kept(s)->move(of(s)->kept, f.at.account, f.at.folder, uid, t.at.folder,
				     gone_modseq, new_uid, new_modseq, e);
	return move_to_another(s, &f.at, uid, &t.at, gone_modseq, new_uid, new_modseq, e);
}

static bool append(struct store *s, int32_t account, int32_t id, const struct new_item *item,
		   int64_t *uid, int64_t *modseq, struct err *e)
{
	struct collection c;
	if (!look_to(s, account, id, RIGHT_INSERT, &c, e))
		return false;
	const struct merged_view m = merged(s, &c);
	return c.view == VIEW_MERGED ? merged_view_append(&m, item, uid, modseq, e)
				     : class_view_append(of(s)->kept, &c, item, uid, modseq, e);
}

static enum found replace(struct store *s, int32_t account, int32_t id, int64_t uid,
			  int64_t unchanged_since, const struct new_item *item, int64_t *new_uid,
			  int64_t *before, int64_t *after, struct err *e)
{
	struct collection c;
	if (!look_to(s, account, id, RIGHT_WRITE, &c, e))
		return FOUND_FAILED;
	*new_uid = uid;
	const struct merged_view m = merged(s, &c);
	return c.view == VIEW_MERGED
		       ? merged_view_replace(&m, uid, unchanged_since, item, before, after, e)
		       : class_view_replace(of(s)->kept, &c, uid, unchanged_since, item, new_uid,
					    before, after, e);
}

/* ------------------------------------------------------------------------------------------- */

static const struct store_ops collections_ops = {
	.name = "collections",
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
	.find = find,
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

struct store *collections_new(struct pg *db, struct store *kept_store)
{
	struct collections *s = base_calloc(1, sizeof *s);
	s->ops = collections_ops;
	s->ops.modseqs_may_fall = kept_store->ops->modseqs_may_fall;
	if (!kept_store->ops->search)
		s->ops.search = NULL;
	s->store.ops = &s->ops;
	s->db = db;
	s->kept = kept_store;
	return &s->store;
}

void collections_free(struct store **s)
{
	if (!s || !*s)
		return;
	free(of(*s)->known);
	free(*s);
	*s = NULL;
}

void collections_forget(struct store *s)
{
	of(s)->n = 0;
}

void collections_know(struct store *s, int32_t account, const struct folder *f)
{
	if (f->at.account == account && f->at.folder == f->id && !recall(s, account, f->id))
		remember(s, &(struct collection){.account = account,
						 .id = f->id,
						 .at = f->at,
						 .view = VIEW_PLAIN,
						 .kept = f->class});
}
