/* class_view: items of one class as another. See class_view.h for the contract. */
#include "core/class_view.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/item_view.h"

enum { ONE_MOST = 128 * 1024 * 1024 };

bool class_view_slices(struct store *kept, struct arena *a, const struct collection *c,
		       struct slice *v, size_t n, struct err *e)
{
	if (!item_view_is(c->view))
		return kept->ops->slices(kept, a, c->at.account, c->at.folder, v, n, e);
	struct slice *texts = arena_array(a, n, sizeof *texts);
	for (size_t i = 0; i < n; i++)
		texts[i] = (struct slice){.uid = v[i].uid, .length = INT64_MAX};
	if (!kept->ops->slices(kept, a, c->at.account, c->at.folder, texts, n, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct str shown;
		struct err ignored = {0};
		v[i].bytes = (struct str){NULL, 0};
		if (texts[i].bytes.p &&
		    item_view_show(a, c->kept, item_view_class(c->view, c->kept), texts[i].bytes,
				   &shown, &ignored))
			v[i].bytes = str_sub(shown, (size_t)v[i].offset, (size_t)v[i].length);
	}
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "no room for the items");
}

enum found class_view_open(struct store *kept, const struct collection *c, int64_t uid,
			   int64_t offset, int64_t length, struct source **out, struct err *e)
{
	if (!item_view_is(c->view))
		return kept->ops->open(kept, c->at.account, c->at.folder, uid, offset, length, out,
				       e);
	struct arena *a = arena_new(ONE_MOST);
	struct slice slice = {.uid = uid, .offset = offset, .length = length};
	enum found found = FOUND_NONE;
	if (!class_view_slices(kept, a, c, &slice, 1, e)) {
		found = FOUND_FAILED;
	} else if (slice.bytes.p && (offset < 0 || (int64_t)slice.bytes.n != length)) {
		err_set(e, ERR_INVALID, "a slice outside its item");
		found = FOUND_FAILED;
	} else if (slice.bytes.p) {
		*out = source_bytes(slice.bytes.p, slice.bytes.n);
		found = FOUND_ONE;
	}
	arena_free(&a);
	return found;
}

static bool take(struct arena *a, const struct collection *c, struct str text,
		 const struct new_item *item, struct new_item *out, struct err *e)
{
	return item_view_take(a, c->kept, item_view_class(c->view, c->kept), text, item->raw,
			      clock_now(), out, e);
}

bool class_view_append(struct store *kept, const struct collection *c, const struct new_item *item,
		       int64_t *uid, int64_t *modseq, struct err *e)
{
	if (!item_view_is(c->view))
		return kept->ops->append(kept, c->at.account, c->at.folder, item, uid, modseq, e);
	struct arena *a = arena_new(ONE_MOST);
	struct new_item made;
	bool ok = take(a, c, STR(""), item, &made, e) &&
		  kept->ops->append(kept, c->at.account, c->at.folder, &made, uid, modseq, e);
	arena_free(&a);
	if (ok)
		--*modseq;
	return ok;
}

enum found class_view_replace(struct store *kept, const struct collection *c, int64_t uid,
			      int64_t unchanged_since, const struct new_item *item,
			      int64_t *new_uid, int64_t *before, int64_t *after, struct err *e)
{
	if (!item_view_is(c->view))
		return kept->ops->replace(kept, c->at.account, c->at.folder, uid, unchanged_since,
					  item, new_uid, before, after, e);
	struct arena *a = arena_new(ONE_MOST);
	struct slice text = {.uid = uid, .length = INT64_MAX};
	struct new_item made;
	enum found found = FOUND_FAILED;
	if (kept->ops->slices(kept, a, c->at.account, c->at.folder, &text, 1, e)) {
		found = text.bytes.p ? FOUND_ONE : FOUND_NONE;
		if (found == FOUND_ONE && !take(a, c, text.bytes, item, &made, e))
			found = FOUND_FAILED;
	}
	if (found == FOUND_ONE)
		found = kept->ops->replace(kept, c->at.account, c->at.folder, uid, unchanged_since,
					   &made, new_uid, before, after, e);
	arena_free(&a);
	if (found == FOUND_ONE)
		*before = *after;
	return found;
}
