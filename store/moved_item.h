/*
 * moved_item: the items that a device moved from folder to folder (MoveItems), remembered for a
 * week (easel.moved_item), so that an answer that was lost is given again and nothing is moved
 * twice.
 *
 * Thread: the connection's.
 */
#ifndef EASEL_STORE_MOVED_ITEM_H
#define EASEL_STORE_MOVED_ITEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

struct arena;
struct pg;

/* An item, for ever: see core/server_id.h. */
struct item_place {
	int32_t folder, epoch;
	int64_t uid;
};

struct moved_item {
	struct item_place from;
	bool known; /* it was moved, to: */
	struct item_place to;
	int64_t modseq; /* of the item there, as the device has it; 0: it may have it otherwise */
	int64_t sync_epoch; /* of the ledger of `from` then (ledger.h), as a number */
};

/* Fills in, for each of n items, whether the device moved it, and where to. */
bool moved_item_find(struct pg *db, struct arena *a, int32_t account, int32_t device,
		     struct moved_item *items, size_t n, struct err *e);

/*
 * Remembers moves, no two from the same place; one from a place that is known takes its place.
 * Those of the device that are older than a week are forgotten.
 */
bool moved_item_record(struct pg *db, struct arena *a, int32_t account, int32_t device,
		       const struct moved_item *items, size_t n, struct err *e);

#endif
