/*
 * class_view: a folder of tasks or notes as a folder of another class (core/item_view.h): the part
 * of a store's look-ups and actions (store/store.h) that concerns content, over the kept store.
 *
 * What a device adds or changes is kept as the class that the folder has, which may hold less of
 * it. So the modseq before a change, or of a new item, is given as one that the device can't have
 * been told of, and it is told of the item as it is now. What is shown as what it is passes
 * through. Thread: the session's.
 */
#ifndef EASEL_CORE_CLASS_VIEW_H
#define EASEL_CORE_CLASS_VIEW_H

#include "store/collection.h"
#include "store/store.h"

/* An item that can't be read as one of its class is not found. */
bool class_view_slices(struct store *kept, struct arena *a, const struct collection *c,
		       struct slice *v, size_t n, struct err *e);
enum found class_view_open(struct store *kept, const struct collection *c, int64_t uid,
			   int64_t offset, int64_t length, struct source **out, struct err *e);

bool class_view_append(struct store *kept, const struct collection *c, const struct new_item *item,
		       int64_t *uid, int64_t *modseq, struct err *e);
enum found class_view_replace(struct store *kept, const struct collection *c, int64_t uid,
			      int64_t unchanged_since, const struct new_item *item,
			      int64_t *new_uid, int64_t *before, int64_t *after, struct err *e);

#endif
