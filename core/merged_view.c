/* merged_view: several folders as one. See merged_view.h for the contract. */
#include "core/merged_view.h"

#include "core/base/arena.h"
#include "core/class_view.h"
#include "core/item_view.h"
#include "store/merged.h"

enum { ONE_MOST = 64 * 1024 };

/* ---- Looking ---- */

static bool same_folder(const struct merged_item *a, const struct merged_item *b)
{
	return a->found && b->found && a->at.at.account == b->at.at.account &&
	       a->at.at.folder == b->at.at.folder;
}

/* Which of the items, from `first` on, are kept in the same folder as that one; `done` is noted. */
static size_t gather(const struct merged_item *items, size_t n, size_t first, bool *done,
		     size_t *places)
{
	size_t found = 0;
	for (size_t i = first; i < n; i++) {
		if (done[i] || !same_folder(&items[first], &items[i]))
			continue;
		done[i] = true;
		places[found++] = i;
	}
	return found;
}

static bool find(const struct merged_view *m, struct arena *a, const int64_t *uids, size_t n,
		 struct merged_item **out, struct err *e)
{
	return merged_find(m->db, a, m->c, uids, n, out, e);
}

static bool summaries_of(const struct merged_view *m, struct arena *a,
			 const struct merged_item *items, const size_t *places, size_t n,
			 struct summary *out, struct err *e)
{
	const struct place *at = &items[places[0]].at.at;
	int64_t *uids = arena_array(a, n, sizeof *uids);
	struct summary *found;
	for (size_t i = 0; i < n; i++)
		uids[i] = items[places[i]].uid;
	if (!m->kept->ops->summaries(m->kept, a, at->account, at->folder, uids, n, &found, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct summary *s = &out[places[i]];
		int64_t uid = s->uid;
		*s = found[i];
		s->uid = s->item.uid = uid;
		s->item.modseq = items[places[i]].modseq;
	}
	return true;
}

bool merged_view_summaries(const struct merged_view *m, struct arena *a, const int64_t *uids,
			   size_t n, struct summary **out, struct err *e)
{
	struct merged_item *items;
	bool *done = arena_array(a, n, sizeof *done);
	size_t *places = arena_array(a, n, sizeof *places);
	if (!find(m, a, uids, n, &items, e))
		return false;
	*out = arena_array(a, n, sizeof **out);
	for (size_t i = 0; i < n; i++)
		(*out)[i].uid = uids[i];
	for (size_t i = 0; i < n; i++) {
		size_t count = gather(items, n, i, done, places);
		if (count && !summaries_of(m, a, items, places, count, *out, e))
			return false;
	}
	return true;
}

static bool slices_of(const struct merged_view *m, struct arena *a, const struct merged_item *items,
		      const size_t *places, size_t n, struct slice *v, struct err *e)
{
	struct slice *there = arena_array(a, n, sizeof *there);
	for (size_t i = 0; i < n; i++) {
		there[i] = v[places[i]];
		there[i].uid = items[places[i]].uid;
	}
	if (!class_view_slices(m->kept, a, &items[places[0]].at, there, n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		v[places[i]].bytes = there[i].bytes;
	return true;
}

bool merged_view_slices(const struct merged_view *m, struct arena *a, struct slice *v, size_t n,
			struct err *e)
{
	struct merged_item *items;
	int64_t *uids = arena_array(a, n, sizeof *uids);
	bool *done = arena_array(a, n, sizeof *done);
	size_t *places = arena_array(a, n, sizeof *places);
	for (size_t i = 0; i < n; i++) {
		uids[i] = v[i].uid;
		v[i].bytes = (struct str){NULL, 0};
	}
	if (!find(m, a, uids, n, &items, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		size_t count = gather(items, n, i, done, places);
		if (count && !slices_of(m, a, items, places, count, v, e))
			return false;
	}
	return true;
}

/* Where one item is kept. */
static enum found find_one(const struct merged_view *m, int64_t uid, struct merged_item *out,
			   struct err *e)
{
	struct arena *a = arena_new(ONE_MOST);
	struct merged_item *item;
	enum found found = FOUND_FAILED;
	if (find(m, a, &uid, 1, &item, e)) {
		*out = *item;
		found = item->found ? FOUND_ONE : FOUND_NONE;
	}
	arena_free(&a);
	return found;
}

enum found merged_view_open(const struct merged_view *m, int64_t uid, int64_t offset,
			    int64_t length, struct source **out, struct err *e)
{
	struct merged_item item;
	enum found found = find_one(m, uid, &item, e);
	return found == FOUND_ONE
		       ? class_view_open(m->kept, &item.at, item.uid, offset, length, out, e)
		       : found;
}

enum found merged_view_find(const struct merged_view *m, enum item_class class, struct str name,
			    int64_t *uid, struct err *e)
{
	struct place at = {.account = m->c->account};
	int64_t kept_uid;
	enum found found =
		m->kept->ops->find(m->kept, at.account, 0, class, name, &at.folder, &kept_uid, e);
	return found == FOUND_ONE ? merged_number(m->db, m->c, at, kept_uid, uid, e) : found;
}

/* ---- Actions ---- */

static bool may(const struct collection *at, unsigned right, struct err *e)
{
	return at->at.rights & right ||
	       err_set(e, ERR_FORBIDDEN, "that may not be done in the folder that keeps the item");
}

bool merged_view_append(const struct merged_view *m, const struct new_item *item, int64_t *uid,
			int64_t *modseq, struct err *e)
{
	struct collection at;
	int64_t kept_uid, kept_modseq;
	switch (merged_default(m->db, m->c, &at, e)) {
	case FOUND_ONE:
		break;
	case FOUND_NONE:
		return err_set(e, ERR_NOT_FOUND, "nothing is merged in the folder");
	default:
		return false;
	}
	if (!may(&at, RIGHT_INSERT, e) ||
	    !class_view_append(m->kept, &at, item, &kept_uid, &kept_modseq, e) ||
	    !merged_take(m->db, m->c, modseq, e))
		return false;
	if (item_view_is(at.view))
		--*modseq;
	enum found found = merged_number(m->db, m->c, at.at, kept_uid, uid, e);
	return found == FOUND_ONE ||
	       (found == FOUND_NONE &&
		err_set(e, ERR_INTERNAL, "a new item did not come into the merged folder"));
}

enum found merged_view_replace(const struct merged_view *m, int64_t uid, int64_t unchanged_since,
			       const struct new_item *item, int64_t *before, int64_t *after,
			       struct err *e)
{
	struct merged_item old;
	int64_t new_uid, kept_before, kept_after;
	enum found found = find_one(m, uid, &old, e);
	if (found != FOUND_ONE)
		return found;
	if (unchanged_since && old.modseq != unchanged_since)
		err_set(e, ERR_CONFLICT, "the item has changed meanwhile");
	else if (may(&old.at, RIGHT_WRITE, e))
		found = class_view_replace(m->kept, &old.at, old.uid, old.kept_modseq, item,
					   &new_uid, &kept_before, &kept_after, e);
	if (e->kind != ERR_NONE)
		return FOUND_FAILED;
	if (found == FOUND_ONE && !merged_take(m->db, m->c, after, e))
		return FOUND_FAILED;
	*before = item_view_is(old.at.view) ? *after : old.modseq;
	return found;
}

enum found merged_view_remove(const struct merged_view *m, int64_t uid, int64_t *modseq,
			      struct err *e)
{
	struct merged_item old;
	int64_t kept_modseq;
	enum found found = find_one(m, uid, &old, e);
	if (found != FOUND_ONE)
		return found;
	if (!may(&old.at, RIGHT_DELETE, e))
		return FOUND_FAILED;
	found = m->kept->ops->remove(m->kept, old.at.at.account, old.at.at.folder, old.uid,
				     &kept_modseq, e);
	return found == FOUND_ONE && !merged_take(m->db, m->c, modseq, e) ? FOUND_FAILED : found;
}
