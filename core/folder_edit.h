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

struct folder_edit {
	/* The folder as it is to be; id 0: to be made, and then its id. To be deleted: the id
	 * alone. */
	struct folder_entry folder;

	/*
	 * Carries it out; fills in the id of a folder that it made. Returns STATUS_OK, the
	 * command's status for why it can't be, or 0: c->err.
	 */
	unsigned (*act)(struct call *c, struct folder_edit *edit, const struct folder_list *now);

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

/* Whether the parent is the root or a folder that the device may know. */
bool folder_edit_parent_found(const struct folder_list *now, int32_t parent);

/* Runs the edit from the request's SyncKey and answers; `made`: with the ServerId of the folder. */
void folder_edit_run(struct call *c, struct folder_edit *edit, bool made);

#endif
