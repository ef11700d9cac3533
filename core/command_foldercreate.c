/*
 * FolderCreate (MS-ASCMD 2.2.1.3): a new folder, in another one or at the top.
 *
 * It holds what its type says; inside a folder that is shown as mail though it holds something else
 * it holds the same as that one. Where it is shown is for the folder map to say, and the next
 * FolderSync tells the device. A device that is shown the default folders only makes none.
 */
#include "core/folder_edit.h"

#include "core/item_class.h"

/*
 * MS-ASCMD 2.2.3.186.2: 2 to 11 and 19 are default folders, which nobody makes. There are notes
 * from 14.0 on (MS-ASNOTE).
 */
static bool type_made(int64_t type, unsigned version)
{
	enum { GENERIC = 1, MAIL = 12, JOURNAL = 16, NOTES = 17 };
	if (type == JOURNAL || (type == NOTES && version < 140))
		return false;
	return type == GENERIC || (type >= MAIL && type <= NOTES);
}

/* What the device means to make there. */
static enum item_class class_of(const struct folder_edit *edit, const struct folder_map *now)
{
	enum item_class class = folder_list_class(edit->folder.type);
	const struct shown_folder *parent = folder_map_find(now, edit->folder.parent);
	return class == CLASS_EMAIL && parent && parent->view == VIEW_MAIL ? parent->kept : class;
}

/* Whether more than the default folders of its kind are shown. */
static bool may_be_made(struct call *c, enum item_class class, bool *out)
{
	return folder_map_allows(c->session->db, c->gate.account, c->gate.device,
				 class == CLASS_EMAIL, out, &c->err);
}

static unsigned failure(const struct call *c)
{
	switch (c->err.kind) {
	case ERR_NOT_FOUND:
		return FOLDER_NO_PARENT;
	case ERR_EXISTS:
		return FOLDER_EXISTS;
	case ERR_INVALID:
		return FOLDER_MALFORMED;
	default:
		return 0;
	}
}

static unsigned create(struct call *c, struct folder_edit *edit, const struct folder_map *now)
{
	struct store *kept = c->session->kept;
	struct place parent;
	bool allowed;
	enum item_class class = class_of(edit, now);
	struct str name =
		class == CLASS_EMAIL ? edit->folder.name : folder_edit_last_name(edit->folder.name);
	unsigned status = folder_edit_place(c, now, edit->folder.parent, &parent);
	if (status != STATUS_OK)
		return status;
	if (!may_be_made(c, class, &allowed))
		return 0;
	if (!allowed)
		return FOLDER_SPECIAL;
	edit->made.account = parent.account;
	if (!kept->ops->create_folder(kept, parent.account, parent.folder, name, class,
				      &edit->made.folder, &c->err))
		return failure(c);
	bool own = parent.account == c->gate.account;
	return own || folder_map_inherit(c->session->db, &parent, edit->made.folder, &c->err)
		       ? STATUS_OK
		       : 0;
}

static struct folder_list with_folder(struct arena *a, const struct folder_list *old,
				      const struct folder_edit *edit)
{
	return folder_list_put(a, old, &edit->folder);
}

void command_foldercreate(struct call *c)
{
	enum { GENERIC = 1, MAIL = 12 };
	struct folder_edit edit = {.act = create, .apply = with_folder};
	struct str type;
	int64_t number = 0;
	bool read = folder_edit_name(c, &edit.folder.name) &&
		    folder_edit_parent(c, &edit.folder.parent) &&
		    folder_edit_text(c, FolderHierarchy_Type, &type) && str_to_i64(type, &number);
	if (!read || !type_made(number, c->version) ||
	    !item_class_served(folder_list_class((int)number))) {
		call_answer_status(c, FOLDER_MALFORMED);
		return;
	}
	edit.folder.type = number == GENERIC ? MAIL : (int)number;
	folder_edit_run(c, &edit, true);
}
