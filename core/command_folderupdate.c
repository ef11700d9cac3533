/*
 * FolderUpdate (MS-ASCMD 2.2.1.6): a folder gets another name, or another parent, or both. A folder
 * that has a role keeps its own, and so do those that only hold others; nothing leaves the virtual
 * root, or goes to another owner. Of a path that is shown as a name only the last part is meant.
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

/* Whether the move stays within the virtual root, if the folder lies there. */
static bool stays_rooted(const struct folder_map *now, const struct shown_folder *f, int32_t parent)
{
	const struct shown_folder *to = folder_map_find(now, parent);
	return !f->rooted || (to && to->rooted);
}

/*
 * Where the folder is to be kept. If the device leaves it where it is shown, be that flat, in the
 * nearest shown folder above it, or among what its owner shares, it stays where it is.
 */
static unsigned find_parent(struct call *c, const struct folder_map *now,
			    const struct shown_folder *f, int32_t parent, struct place *out)
{
	struct folder folder;
	if (parent != f->parent)
		return folder_edit_place(c, now, parent, out);
	struct store *kept = c->session->kept;
	switch (kept->ops->folder(kept, c->arena, f->at.account, f->at.folder, &folder, &c->err)) {
	case FOUND_ONE:
		*out = (struct place){f->at.account, folder.parent, RIGHTS_ALL};
		return STATUS_OK;
	case FOUND_NONE:
		return FOLDER_NOT_FOUND;
	default:
		return 0;
	}
}

static unsigned update(struct call *c, struct folder_edit *edit, const struct folder_map *now)
{
	struct store *kept = c->session->kept;
	const struct shown_folder *f = folder_map_find(now, edit->folder.id);
	struct place parent;
	if (!f)
		return FOLDER_NOT_FOUND;
	if (!folder_edit_allowed(c, f))
		return FOLDER_UPDATE_SPECIAL;
	unsigned status = find_parent(c, now, f, edit->folder.parent, &parent);
	if (status != STATUS_OK)
		return status;
	if (!stays_rooted(now, f, edit->folder.parent) || parent.account != f->at.account)
		return FOLDER_UPDATE_SPECIAL;
	struct str name =
		f->named_by_path ? folder_edit_last_name(edit->folder.name) : edit->folder.name;
	switch (kept->ops->update_folder(kept, f->at.account, f->at.folder, parent.folder, name,
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
