/*
 * FolderUpdate (MS-ASCMD 2.2.1.6): a folder gets another name, or another parent, or both. A folder
 * that has a role keeps its own.
 */
#include "core/folder_edit.h"

#include "core/server_id.h"

/*
 * A parent inside the folder is answered like one that is not there: the device is to look at the
 * tree again, where it may have been moved by somebody else.
 */
static unsigned refusal(const struct call *c)
{
	switch (c->err.kind) {
	case ERR_FORBIDDEN:
		return FOLDER_UPDATE_SPECIAL;
	case ERR_EXISTS:
		return FOLDER_EXISTS;
	case ERR_NOT_FOUND:
	case ERR_INVALID:
		return FOLDER_NO_PARENT;
	default:
		return 0;
	}
}

static unsigned update(struct call *c, struct folder_edit *edit, const struct folder_list *now)
{
	struct store *store = c->session->store;
	const struct folder_entry *f = &edit->folder;
	if (!folder_list_find(now, f->id))
		return FOLDER_NOT_FOUND;
	if (!folder_edit_parent_found(now, f->parent))
		return FOLDER_NO_PARENT;
	switch (store->ops->update_folder(store, c->gate.account, f->id, f->parent, f->name,
					  &c->err)) {
	case FOUND_ONE:
		return STATUS_OK;
	case FOUND_NONE:
		return FOLDER_NOT_FOUND;
	default:
		return refusal(c);
	}
}

/* The type is what the device was told; a folder that it was not told of is left to FolderSync. */
static struct folder_list with_change(struct arena *a, const struct folder_list *old,
				      const struct folder_edit *edit)
{
	struct folder_entry entry = edit->folder;
	const struct folder_entry *was = folder_list_find(old, entry.id);
	if (!was)
		return *old;
	entry.type = was->type;
	return folder_list_put(a, old, &entry);
}

void command_folderupdate(struct call *c)
{
	struct folder_edit edit = {.act = update, .apply = with_change};
	struct str id;
	if (!folder_edit_text(c, FolderHierarchy_ServerId, &id) || id.n == 0 ||
	    !folder_edit_parent(c, &edit.folder.parent) ||
	    !folder_edit_name(c, &edit.folder.name)) {
		call_answer_status(c, FOLDER_MALFORMED);
		return;
	}
	if (!server_id_parse_folder(id, &edit.folder.id))
		edit.folder.id = -1;
	folder_edit_run(c, &edit, false);
}
