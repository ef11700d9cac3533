/*
 * smartsync: finding the item that a device can't take (DESIGN: SmartSync).
 *
 * A device that asks for an answer again although it was sent whole gets the same once more; from
 * then on each time half of it, over all folders together, until one item is left, and when it asks
 * for that three times, it is left out until it changes. What it takes meanwhile is above
 * suspicion, and the search goes on among the rest. Nothing is written while there is no trouble.
 * Thread: the call's.
 */
#ifndef EASEL_CORE_SMARTSYNC_H
#define EASEL_CORE_SMARTSYNC_H

#include <stdbool.h>
#include <stddef.h>

#include "core/sync.h"
#include "store/sync_trouble.h"

struct smartsync {
	struct sync_trouble t;
	bool dirty;	/* has to be written */
	bool condemned; /* t.single is to be left out from now on */
};

/* Reads what is known and decides: how many changes the answer may have (0: no limit). */
bool smartsync_begin(struct call *c, const struct sync_collection *v, size_t n,
		     struct smartsync *out);
size_t smartsync_window(const struct smartsync *s, size_t window);

/* Marks changes of a collection that the device is not to get as failed. */
void smartsync_leave_out(const struct smartsync *s, struct sync_collection *col);

/* Notes what the answer has, within its transaction. */
bool smartsync_save(struct call *c, struct smartsync *s, const struct sync_collection *v, size_t n);

#endif
