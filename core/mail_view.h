/*
 * mail_view: a folder of events, tasks, notes or contacts as a folder of messages: the part of a
 * store's look-ups (store/store.h) that concerns content, made of what the kept store has.
 *
 * The messages are always read, and dated by the last change of the item. An item that can't be
 * read as one of its class is not found. Thread: the session's.
 */
#ifndef EASEL_CORE_MAIL_VIEW_H
#define EASEL_CORE_MAIL_VIEW_H

#include "store/collection.h"
#include "store/store.h"

bool mail_view_summaries(struct store *kept, struct arena *a, const struct collection *c,
			 const int64_t *uids, size_t n, struct summary **out, struct err *e);
bool mail_view_slices(struct store *kept, struct arena *a, const struct collection *c,
		      struct slice *v, size_t n, struct err *e);
enum found mail_view_open(struct store *kept, const struct collection *c, int64_t uid,
			  int64_t offset, int64_t length, struct source **out, struct err *e);

/* Takes what a device says of a message, and leaves the item as it is. */
enum found mail_view_flags(struct store *kept, const struct collection *c, int64_t uid,
			   int64_t *before, int64_t *after, struct err *e);

#endif
