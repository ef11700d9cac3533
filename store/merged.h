/*
 * merged: where the items of a merged folder are kept (easel.merged_source, easel.merged_item).
 *
 * The folder itself is one of numbered items as any other, but its items have no content of their
 * own. Look-ups tell found, none, failed. Ownership: the arena given. Thread: the connection's.
 */
#ifndef EASEL_STORE_MERGED_H
#define EASEL_STORE_MERGED_H

#include "store/collection.h"

struct arena;
struct pg;

struct merged_item {
	bool found; /* and may be read; else the rest is empty */
	struct collection at;
	int64_t uid;		     /* there */
	int64_t modseq, kept_modseq; /* in the merged folder, and there */
};

/* Where items are kept, in the order asked. */
bool merged_find(struct pg *db, struct arena *a, const struct collection *merged,
		 const int64_t *uids, size_t n, struct merged_item **out, struct err *e);

/* The folder that a new item goes to: the default one of its class, or the first of the rest. */
enum found merged_default(struct pg *db, const struct collection *merged, struct collection *out,
			  struct err *e);

/*
 * Takes in what was done with items that are kept elsewhere, within the same transaction. Gives the
 * modseq that they have in the merged folder, or their tombstones.
 */
bool merged_take(struct pg *db, const struct collection *merged, int64_t *modseq, struct err *e);

/* The number of an item that is kept elsewhere. */
enum found merged_number(struct pg *db, const struct collection *merged, struct place kept,
			 int64_t kept_uid, int64_t *uid, struct err *e);

#endif
