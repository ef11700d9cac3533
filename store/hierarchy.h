/*
 * hierarchy: the folder tree as a device was last told, in two generations (easel.hierarchy_state).
 */
#ifndef EASEL_STORE_HIERARCHY_H
#define EASEL_STORE_HIERARCHY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

struct hierarchy_state {
	char epoch[9];
	int32_t n;	     /* the key is epoch.n */
	int64_t modseq;	     /* of the account, that `folders` shows */
	struct str folders;  /* JSON, as the caller wrote it */
	int32_t previous_n;  /* the generation before is epoch.previous_n */
	struct str previous; /* its folders; p NULL: the device has used key n */
};

enum found hierarchy_load(struct pg *db, struct arena *a, int32_t device,
			  struct hierarchy_state *out, struct err *e);

bool hierarchy_save(struct pg *db, struct arena *a, int32_t account, int32_t device,
		    const struct hierarchy_state *s, struct err *e);

/* The modseq of the account's tree as it is now; who has just edited the tree reads it exactly. */
bool hierarchy_newest(struct pg *db, int32_t account, int64_t *out, struct err *e);

/* Nobody else's FolderSync of the same device runs until the end of the transaction. */
bool hierarchy_claim(struct pg *db, int32_t device, struct err *e);

#endif
