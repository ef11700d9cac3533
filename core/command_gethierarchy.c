/*
 * GetHierarchy (MS-ASCMD 2.2.1.8): the mail folders without a state, for 2.5 to 12.1. A failure is
 * HTTP 500.
 */
#include "core/call.h"

#include "core/folder_list.h"

/* 2.2.3.186.4: types 2 to 6 as in FolderSync; every other mail folder is 1. 0: it holds no mail. */
static int type_of(const struct folder_entry *f)
{
	enum { INBOX = 2, OUTBOX = 6, USER_MAIL = 12, GENERIC = 1 };
	if (f->type == USER_MAIL)
		return GENERIC;
	return f->type >= INBOX && f->type <= OUTBOX ? f->type : 0;
}

void command_gethierarchy(struct call *c)
{
	struct store *store = c->session->store;
	struct wbxml_out *w = &c->out;
	struct folder *folders;
	struct folder_list list;
	size_t n;
	if (!store->ops->folders(store, c->arena, c->gate.account, &folders, &n, &c->err)) {
		call_fail(c, NULL);
		return;
	}
	folder_list_make(c->arena, folders, n, &list);
	call_begin(c);
	c->status = STATUS_OK;
	for (size_t i = 0; i < list.n; i++) {
		const struct folder_entry *f = &list.v[i];
		if (!type_of(f))
			continue;
		wbxml_begin(w, FolderHierarchy_Folder);
		wbxml_text(w, FolderHierarchy_DisplayName, f->name);
		wbxml_int(w, FolderHierarchy_ServerId, f->id);
		wbxml_int(w, FolderHierarchy_Type, type_of(f));
		wbxml_int(w, FolderHierarchy_ParentId, f->parent);
		wbxml_end(w);
	}
}
