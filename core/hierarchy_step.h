/*
 * hierarchy_step: one step of what a device knows of the folder tree, from the key that it sent to
 * the key that it is given: by FolderSync, which tells it what changed, or by an edit of its own
 * (FolderCreate, FolderDelete, FolderUpdate).
 *
 * Two generations are kept, since the last answer may have been lost: the current key stands for
 * the tree as last told, the key before it for the tree before that answer. A step from the key
 * before is taken anew, unless it comes to the same: then it gets the same answer. Everything lies
 * in the call's arena. Thread: the session's.
 */
#ifndef EASEL_CORE_HIERARCHY_STEP_H
#define EASEL_CORE_HIERARCHY_STEP_H

#include <stdbool.h>

#include "core/call.h"
#include "core/folder_list.h"
#include "core/synckey.h"
#include "store/hierarchy.h"

/* The folders that there are for the device, with what is behind each. */
struct folder_map {
	struct shown_folder *v;
	size_t n;
};

/* The one with the number, or NULL. */
const struct shown_folder *folder_map_find(const struct folder_map *m, int32_t id);

struct hierarchy_step {
	struct synckey key;
	bool have_state;
	struct hierarchy_state state;
	struct folder_list old; /* what the device knows: what its key stands for */
	struct folder_list now; /* what there is */
	struct folder_map map;	/* the same */
};

/* Reads the state. False: c->err. */
bool hierarchy_step_load(struct call *c, struct hierarchy_step *s);

/*
 * Begins a transaction in which no other request of the device takes a step, and reads the state,
 * both lists of folders and whether the key is *known. False: c->err, and pg_rollback() is the
 * caller's.
 */
bool hierarchy_step_begin(struct call *c, struct hierarchy_step *s, bool *known);

/* Reads the folders again, after they were edited. */
bool hierarchy_step_look(struct call *c, struct hierarchy_step *s);

/* A new generation: `folders` stand for the next key, what the device knew for the key before. */
void hierarchy_step_next(struct call *c, struct hierarchy_step *s, struct str folders);

/* Writes the state, unless the device is one that has none. */
bool hierarchy_step_save(struct call *c, const struct hierarchy_step *s);

#endif
