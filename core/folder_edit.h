/*
 * folder_edit: a device's own edit of the folder tree: what FolderCreate, FolderDelete and
 * FolderUpdate have in common.
 *
 * The edit is held against the tree as it is, and carried out in one transaction with what the
 * device knows from then on: what it knew and its edit, nothing else, so that the next FolderSync
 * tells it everybody's edits but its own. The same edit from the key before is a repeat: its answer
 * was lost. Everything lies in the call's arena. Thread: the session's.
 */
#ifndef EASEL_CORE_FOLDER_EDIT_H
#define EASEL_CORE_FOLDER_EDIT_H

#include <stdbool.h>

#include "core/call.h"
#include "core/folder_list.h"
#include "core/hierarchy_step.h"

struct folder_edit {
	/*
	 * The folder as the device means it to be; id 0: to be made, and then its id. To be
	 * deleted: the id alone.
	 */
	struct folder_entry folder;

	/*
	 * Carries it out. Returns STATUS_OK, the command's status for why it can't be, or 0:
	 * c->err.
	 */
	unsigned (*act)(struct call *c, struct folder_edit *edit, const struct folder_map *now);

	/* Set by act: the folder that it made, where it is kept; its id is found out then. */
	struct place made;

	/* What the device knows after it, of what it knew before. */
	struct folder_list (*apply)(struct arena *a, const struct folder_list *old,
				    const struct folder_edit *edit);
};

/*
 * Reads one child of the root, as text, that has to be there exactly once. False: the request is
 * malformed.
 */
bool folder_edit_text(const struct call *c, unsigned tag, struct str *out);

/*
 * Reads DisplayName: 1 to 256 characters (MS-ASCMD 2.2.3.49.3), not all of them blank, none a
 * control.
 */
bool folder_edit_name(const struct call *c, struct str *out);

/* Reads ParentId: "0" is the root; what is no folder's number becomes -1. */
bool folder_edit_parent(const struct call *c, int32_t *out);

/*
 * Where a folder is kept that lies in `parent` for the device: at the top, in the folder that it
 * stands for. STATUS_OK, FOLDER_NO_PARENT when there is none, or FOLDER_SPECIAL when nothing may
 * be put there.
 */
unsigned folder_edit_place(const struct call *c, const struct folder_map *now, int32_t parent,
			   struct place *out);

/* Whether a folder is one that the account may rename, move and delete. */
bool folder_edit_allowed(const struct call *c, const struct shown_folder *f);

/* What stands behind the last backslash: a folder's own name where its path is shown as name. */
struct str folder_edit_last_name(struct str name);

/* Runs the edit from the request's SyncKey and answers; `made`: with the ServerId of the folder. */
void folder_edit_run(struct call *c, struct folder_edit *edit, bool made);

#endif
