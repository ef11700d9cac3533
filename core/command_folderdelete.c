/*
 * FolderDelete (MS-ASCMD 2.2.1.4): a folder goes, with the folders below it and all that is in
 * them, wherever else they are shown. A folder that has a role stays, by whatever appearance it is
 * named, and so do those that only hold others, and one of somebody else with folders in it that
 * the account does not administer.
 */
#include "core/folder_edit.h"

#include "core/server_id.h"

static unsigned delete (struct call *c, struct folder_edit *edit, const struct folder_map *now)
{
	struct store *kept = c->session->kept;
	const struct shown_folder *f = folder_map_find(now, edit->folder.id);
	bool all = true;
	if (!f)
		return FOLDER_NOT_FOUND;
	if (!folder_edit_allowed(c, f))
		return FOLDER_SPECIAL;
	if (f->at.account != c->gate.account &&
	    !folder_map_administers(c->session->db, c->gate.account, &f->at, &all, &c->err))
		return 0;
	if (!all)
		return FOLDER_SPECIAL;
	switch (kept->ops->delete_folder(kept, f->at.account, f->at.folder, &c->err)) {
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
