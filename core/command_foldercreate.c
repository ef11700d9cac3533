/*
 * FolderCreate (MS-ASCMD 2.2.1.3): a new folder, in another one or at the top. Folders of mail are
 * made; those of other classes are refused.
 */
#include "core/folder_edit.h"

/*
 * MS-ASCMD 2.2.3.186.2: 1 is a generic folder and 12 one for mail, both of which hold mail here; 2
 * to 11 and 19 are default folders, which nobody makes.
 */
enum { TYPE_GENERIC = 1, TYPE_MAIL = 12 };

static unsigned create(struct call *c, struct folder_edit *edit, const struct folder_list *now)
{
	struct store *store = c->session->store;
	struct folder_entry *f = &edit->folder;
	if (!folder_edit_parent_found(now, f->parent))
		return FOLDER_NO_PARENT;
	if (store->ops->create_folder(store, c->gate.account, f->parent, f->name, CLASS_EMAIL,
				      &f->id, &c->err))
		return STATUS_OK;
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

static struct folder_list with_folder(struct arena *a, const struct folder_list *old,
				      const struct folder_edit *edit)
{
	return folder_list_put(a, old, &edit->folder);
}

void command_foldercreate(struct call *c)
{
	struct folder_edit edit = {.act = create, .apply = with_folder};
	struct str type;
	int64_t number = 0;
	bool read = folder_edit_name(c, &edit.folder.name) &&
		    folder_edit_parent(c, &edit.folder.parent) &&
		    folder_edit_text(c, FolderHierarchy_Type, &type) && str_to_i64(type, &number);
	if (!read || (number != TYPE_GENERIC && number != TYPE_MAIL)) {
		call_answer_status(c, FOLDER_MALFORMED);
		return;
	}
	edit.folder.type = TYPE_MAIL;
	folder_edit_run(c, &edit, true);
}
