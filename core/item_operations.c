/* item_operations: emptying a folder, moving a conversation. See item_operations.h. */
#include "core/item_operations.h"

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/server_id.h"
#include "store/conversation.h"
#include "store/pg.h"
#include "store/search.h"
#include "store/store.h"

enum { AT_ONCE = 500, CONVERSATION = 16 };

/* The item's failure, or the request's: then 0. */
static unsigned status_of_failure(struct call *c)
{
	switch (c->err.kind) {
	case ERR_FORBIDDEN:
		return ITEMOPS_DENIED;
	case ERR_NOT_FOUND:
		return ITEMOPS_NOT_FOUND;
	default:
		return 0;
	}
}

static bool act(struct call *c, unsigned (*action)(struct call *c, const struct wbxml_node *node),
		const struct wbxml_node *node, unsigned *status)
{
	struct store *store = c->session->store;
	if (!store->ops->begin(store, &c->err))
		return false;
	*status = action(c, node);
	if (*status == 0)
		*status = status_of_failure(c);
	if (*status != STATUS_OK && *status != ITEMOPS_PARTIAL) {
		store->ops->rollback(store);
		return *status != 0;
	}
	err_clear(&c->err);
	return store->ops->commit(store, &c->err);
}

/* ---- EmptyFolderContents ---- */

static bool remove_items(struct call *c, int32_t folder)
{
	struct store *store = c->session->store;
	struct arena_mark mark = arena_mark(c->arena);
	struct items found = {.n = AT_ONCE};
	int64_t modseq;
	while (found.n == AT_ONCE) {
		arena_release(c->arena, mark);
		if (!store->ops->newest(store, c->arena, c->gate.account, folder, INT64_MAX,
					INT64_MIN, AT_ONCE, &found, &c->err))
			return false;
		for (size_t i = 0; i < found.n; i++)
			if (store->ops->remove(store, c->gate.account, folder, found.v[i].uid,
					       &modseq, &c->err) == FOUND_FAILED)
				return false;
	}
	return true;
}

/* One that has a role of its own stays: that is a partial success. */
static unsigned remove_subfolders(struct call *c, int32_t parent)
{
	struct store *store = c->session->store;
	struct folder *folders;
	size_t n;
	unsigned status = STATUS_OK;
	if (!store->ops->folders(store, c->arena, c->gate.account, &folders, &n, &c->err))
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (folders[i].parent != parent)
			continue;
		if (folders[i].role != ROLE_NONE)
			status = ITEMOPS_PARTIAL;
		else if (store->ops->delete_folder(store, c->gate.account, folders[i].id,
						   &c->err) == FOUND_FAILED)
			return 0;
	}
	return status;
}

static unsigned empty(struct call *c, const struct wbxml_node *node)
{
	struct store *store = c->session->store;
	const struct wbxml_node *options = wbxml_child(node, ItemOperations_Options);
	struct folder folder;
	int32_t id;
	if (!server_id_parse_folder(wbxml_child_text(node, AirSync_CollectionId), &id))
		return ITEMOPS_NOT_FOUND;
	switch (store->ops->folder(store, c->arena, c->gate.account, id, &folder, &c->err)) {
	case FOUND_FAILED:
		return 0;
	case FOUND_NONE:
		return ITEMOPS_NOT_FOUND;
	case FOUND_ONE:
		break;
	}
	if (!remove_items(c, id))
		return 0;
	return wbxml_child(options, ItemOperations_DeleteSubFolders) ? remove_subfolders(c, id)
								     : STATUS_OK;
}

bool item_operations_empty(struct call *c, const struct wbxml_node *node)
{
	struct str id = wbxml_child_text(node, AirSync_CollectionId);
	unsigned status = ITEMOPS_PROTOCOL;
	if (id.n && !act(c, empty, node, &status))
		return false;
	wbxml_begin(&c->out, ItemOperations_EmptyFolderContents);
	wbxml_int(&c->out, ItemOperations_Status, status);
	wbxml_text(&c->out, AirSync_CollectionId, id.p ? id : STR(""));
	wbxml_end(&c->out);
	return true;
}

/* ---- Move ---- */

/*
 * What the user wrote, or has thrown away, stays where it is; so does what he may not take away,
 * and what is there already, whichever appearance of the destination was named.
 */
static bool is_source(const struct folder *f, const struct folder *to)
{
	bool there = f->at.account == to->at.account && f->at.folder == to->at.folder;
	return f->class == CLASS_EMAIL && f->view != VIEW_MAIL && !there &&
	       f->at.rights & RIGHT_DELETE && f->role != ROLE_SENT && f->role != ROLE_DRAFTS &&
	       f->role != ROLE_OUTBOX && f->role != ROLE_TRASH;
}

static bool move_messages(struct call *c, const struct search *q, int32_t destination,
			  size_t *moved)
{
	struct store *store = c->session->store;
	struct hits hits;
	int64_t gone, uid, modseq;
	*moved = 0;
	if (!store->ops->search(store, c->arena, c->gate.account, q, 0, SEARCH_DEPTH, &hits,
				&c->err))
		return false;
	for (size_t i = 0; i < hits.n; i++) {
		enum found found =
			store->ops->move(store, c->gate.account, hits.v[i].folder, hits.v[i].uid,
					 destination, &gone, &uid, &modseq, &c->err);
		if (found == FOUND_FAILED)
			return false;
		*moved += found == FOUND_ONE;
	}
	return true;
}

static unsigned move(struct call *c, const struct wbxml_node *node)
{
	struct store *store = c->session->store;
	const struct wbxml_node *id = wbxml_child(node, ItemOperations_ConversationId);
	struct search q = {.after = INT64_MIN, .before = INT64_MAX};
	const struct folder *to = NULL;
	struct folder *folders;
	int32_t destination;
	size_t n, moved;
	if (!server_id_parse_folder(wbxml_child_text(node, ItemOperations_DstFldId), &destination))
		return ITEMOPS_NOT_FOUND;
	if (!store->ops->search)
		return ITEMOPS_STORE;
	if (!store->ops->folders(store, c->arena, c->gate.account, &folders, &n, &c->err))
		return 0;
	int32_t *sources = arena_array(c->arena, n, sizeof *sources);
	for (size_t i = 0; i < n; i++)
		if (folders[i].id == destination)
			to = &folders[i];
	if (!to)
		return ITEMOPS_NOT_FOUND;
	for (size_t i = 0; i < n; i++)
		if (is_source(&folders[i], to))
			sources[q.nfolders++] = folders[i].id;
	if (to->class != CLASS_EMAIL)
		return ITEMOPS_NOT_MAIL;
	q.folders = sources;
	q.conversation = text_hex_encode(c->arena, id->text);
	if (!move_messages(c, &q, destination, &moved))
		return 0;
	if (moved == 0)
		return ITEMOPS_NOT_FOUND;
	int32_t own = to->at.account == c->gate.account ? to->at.folder : 0;
	return conversation_move_always(c->session->db, c->arena, c->gate.account, q.conversation,
					own, &c->err)
		       ? STATUS_OK
		       : 0;
}

bool item_operations_move(struct call *c, const struct wbxml_node *node)
{
	const struct wbxml_node *id = wbxml_child(node, ItemOperations_ConversationId);
	const struct wbxml_node *options = wbxml_child(node, ItemOperations_Options);
	unsigned status = ITEMOPS_PROTOCOL;
	if (id && id->text.n == CONVERSATION) {
		status = ITEMOPS_MOVE_ALWAYS;
		if (wbxml_child(options, ItemOperations_MoveAlways) && !act(c, move, node, &status))
			return false;
	}
	wbxml_begin(&c->out, ItemOperations_Move);
	wbxml_int(&c->out, ItemOperations_Status, status);
	if (id && id->text.n)
		wbxml_opaque(&c->out, ItemOperations_ConversationId, id->text);
	wbxml_end(&c->out);
	return true;
}
