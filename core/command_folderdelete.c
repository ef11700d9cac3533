/*
 * FolderDelete (MS-ASCMD 2.2.1.4): a folder goes, with the folders below it and all that is in
 * them. A folder that has a role stays.
 */
#include "core/folder_edit.h"

#include "core/server_id.h"

static unsigned delete (struct call *c, struct folder_edit *edit, const struct folder_list *now)
{
	struct store *store = c->session->store;
	if (!folder_list_find(now, edit->folder.id))
		return FOLDER_NOT_FOUND;
	switch (store->ops->delete_folder(store, c->gate.account, edit->folder.id, &c->err)) {
	case FOUND_ONE:
		return STATUS_OK;
	case FOUND_NONE:
		return FOLDER_NOT_FOUND;
	default:
		return c->err.kind == ERR_FORBIDDEN ? FOLDER_SPECIAL : 0;
	}
}

static struct folder_list without_folder(struct arena *a, const struct folder_list *old,
					 const struct folder_edit *edit)
{
	return folder_list_drop(a, old, edit->folder.id);
}

void command_folderdelete(struct call *c)
{
	struct folder_edit edit = {.act = delete, .apply = without_folder};
	struct str id;
	if (!folder_edit_text(c, FolderHierarchy_ServerId, &id) || id.n == 0) {
		call_answer_status(c, FOLDER_MALFORMED);
		return;
	}
	if (!server_id_parse_folder(id, &edit.folder.id))
		edit.folder.id = -1;
	folder_edit_run(c, &edit, false);
}
