/*
 * folder_map: the folders that a device is shown, by its settings (easel.folder_map): its own,
 * further appearances of them, and those that others share.
 *
 * Reading it gives numbers to folders that are shown for the first time. Everything read lies in
 * the arena. Thread: the connection's.
 */
#ifndef EASEL_STORE_FOLDER_MAP_H
#define EASEL_STORE_FOLDER_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/collection.h"

struct arena;
struct pg;

struct shown_folder {
	int32_t id, parent; /* 0: the root */
	struct str name;
	int type; /* MS-ASCMD 2.2.3.186.3 */
	struct place at;
	enum folder_view view;
	enum item_class kept; /* what the folder behind it really holds */
	bool special;	      /* is never renamed, moved or deleted */
	bool named_by_path;   /* the folder's own name is what stands behind the last backslash */
	bool rooted;	      /* is the virtual root or below it */
};

/* Parents come before what is in them. `device` 0: as a new one. */
bool folder_map_read(struct pg *db, struct arena *a, int32_t account, int32_t device,
		     unsigned version, struct shown_folder **out, size_t *n, struct err *e);

/*
 * Whether a device is shown more than the default folders, of mail or of everything else, and may
 * therefore make new ones.
 */
bool folder_map_allows(struct pg *db, int32_t account, int32_t device, bool mail, bool *out,
		       struct err *e);

/* A folder that somebody made in one of another account's has the same rights as that. */
bool folder_map_inherit(struct pg *db, const struct place *parent, int32_t folder, struct err *e);

/* Whether the account administers a folder and all that are below it. */
bool folder_map_administers(struct pg *db, int32_t account, const struct place *at, bool *out,
			    struct err *e);

#endif
