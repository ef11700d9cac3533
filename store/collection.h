/*
 * collection: what a number that the devices of an account know as a folder stands for
 * (easel.collection): a folder of its own, a further appearance of one, or somebody else's folder
 * that it may read.
 *
 * Look-ups tell found, none, failed; what the account has no right to read is none. Thread: the
 * connection's.
 */
#ifndef EASEL_STORE_COLLECTION_H
#define EASEL_STORE_COLLECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "store/store.h"

struct arena;
struct pg;

struct collection {
	int32_t account, id;
	struct place at;
	enum folder_view view;
	enum item_class kept; /* what the folder really holds */
};

/* As in easel.collection. */
enum folder_view collection_view_parse(struct str text);

enum found collection_find(struct pg *db, int32_t account, int32_t id, struct collection *out,
			   struct err *e);

/* The same with the folder as the account sees it. */
enum found collection_folder(struct pg *db, struct arena *a, int32_t account, int32_t id,
			     struct collection *out, struct folder *folder, struct err *e);

/* Where a device was last told that it finds an item of the account's own. */
struct collection_item {
	int32_t folder, epoch;
	int64_t uid;
};

/*
 * Of an item in a folder of the account's own: the number that the folder, or the merged one that
 * it is in, has on the device, and the item's there. FOUND_NONE: on the device it is nowhere.
 */
enum found collection_on_device(struct pg *db, int32_t account, int32_t device, int32_t folder,
				int64_t uid, struct collection_item *out, struct err *e);

/* All of an account that are not folders of its own shown as they are, by id. */
bool collection_links(struct pg *db, struct arena *a, int32_t account, struct collection **out,
		      struct folder **folders, size_t *n, struct err *e);

#endif
