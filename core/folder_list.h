/*
 * folder_list: the folders as one device sees them, as data that can be compared and stored.
 *
 * The list is kept as JSON in easel.hierarchy_state, an array of [ServerId, ParentId, Type,
 * DisplayName].
 */
#ifndef EASEL_CORE_FOLDER_LIST_H
#define EASEL_CORE_FOLDER_LIST_H

#include <stdbool.h>

#include "core/base/err.h"
#include "store/folder_map.h"

struct arena;

struct folder_entry {
	int32_t id, parent; /* 0: the root */
	int type;	    /* MS-ASCMD 2.2.3.186.3 */
	struct str name;
};

struct folder_list {
	struct folder_entry *v; /* parents before children */
	size_t n;
};

/* What a folder of a type holds (MS-ASCMD 2.2.3.186.3): mail, unless it says something else. */
enum item_class folder_list_class(int type);

/* What a device is shown, as far as folders of that type are served. */
void folder_list_make(struct arena *a, const struct shown_folder *folders, size_t n,
		      struct folder_list *out);

struct str folder_list_to_json(struct arena *a, const struct folder_list *l);
bool folder_list_from_json(struct arena *a, struct str json, struct folder_list *out,
			   struct err *e);

/* The entry with the id, or NULL. */
const struct folder_entry *folder_list_find(const struct folder_list *l, int32_t id);

bool folder_entry_equal(const struct folder_entry *a, const struct folder_entry *b);

/* Whether both hold the same, in any order. */
bool folder_list_equal(const struct folder_list *a, const struct folder_list *b);

/* The list with an entry added, or put in place of the one with its id: it moves with those below
 * it. */
struct folder_list folder_list_put(struct arena *a, const struct folder_list *l,
				   const struct folder_entry *entry);

/* The list without the entry with the id and those below it. */
struct folder_list folder_list_drop(struct arena *a, const struct folder_list *l, int32_t id);

#endif
