/*
 * merged_view: several folders as one (store/merged.h): the part of a store's look-ups and actions
 * (store/store.h) that concerns content and changes, over the kept store. Lists are those of the
 * merged folder itself.
 *
 * An item is read, changed and removed in the folder that it is kept in, with the rights that the
 * account has there, and stays in it; what may not be read any more is gone. A new one goes to the
 * default folder. Thread: the session's.
 */
#ifndef EASEL_CORE_MERGED_VIEW_H
#define EASEL_CORE_MERGED_VIEW_H

#include "store/collection.h"
#include "store/store.h"

struct pg;

struct merged_view {
	struct pg *db;
	struct store *kept;
	const struct collection *c;
};

bool merged_view_summaries(const struct merged_view *m, struct arena *a, const int64_t *uids,
			   size_t n, struct summary **out, struct err *e);
bool merged_view_slices(const struct merged_view *m, struct arena *a, struct slice *v, size_t n,
			struct err *e);
enum found merged_view_open(const struct merged_view *m, int64_t uid, int64_t offset,
			    int64_t length, struct source **out, struct err *e);
enum found merged_view_find(const struct merged_view *m, enum item_class class, struct str name,
			    int64_t *uid, struct err *e);

bool merged_view_append(const struct merged_view *m, const struct new_item *item, int64_t *uid,
			int64_t *modseq, struct err *e);
enum found merged_view_replace(const struct merged_view *m, int64_t uid, int64_t unchanged_since,
			       const struct new_item *item, int64_t *before, int64_t *after,
			       struct err *e);
enum found merged_view_remove(const struct merged_view *m, int64_t uid, int64_t *modseq,
			      struct err *e);

#endif
