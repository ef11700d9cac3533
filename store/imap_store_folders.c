/*
 * imap_store_folders: what is done to folders on an IMAP server: in the database first, where names
 * and roles are checked. See imap_store_own.h.
 */
#include "store/imap_store_own.h"

#include "store/imap_act.h"
#include "store/imap_tree.h"

struct folder_act {
	struct str mailbox, to;
	struct imap_box *boxes;
	size_t n;
};

static bool act_create(struct imap_store *s, void *ctx, struct err *e)
{
	struct folder_act *x = ctx;
	return imap_act_create(s->link, x->mailbox, e);
}

/* The name that a folder would have on the server. */
static bool mailbox_name(struct imap_store *s, int32_t parent, struct str name, struct str *out,
			 struct str *delimiter, struct err *e)
{
	struct imap_box *above;
	struct imap_namespace own = {0};
	bool imap = false;
	if (parent && !imap_store_is_box(s, s->who.account, parent, &above, &imap, e))
		return false;
	if (parent && !imap)
		return err_set(e, ERR_INVALID, "a mail folder can't be in a folder of this kind");
	if (!imap_store_ensure_link(s, e) ||
	    (!parent && !imap_tree_namespace(s->link, s->arena, &own, e)))
		return false;
	*delimiter = parent ? above->delimiter : own.delimiter;
	if ((parent && !delimiter->n) ||
	    (delimiter->n && str_find_byte(name, delimiter->p[0]) >= 0))
		return err_set(e, ERR_INVALID, "the IMAP server has no place for such a name");
	*out = str_of(arena_printf(
		s->arena, "%.*s%.*s%.*s", STR_ARG(parent ? above->mailbox : own.prefix),
		STR_ARG(parent ? *delimiter : STR("")), STR_ARG(imap_name_encode(s->arena, name))));
	return true;
}

bool imap_store_create_folder(struct store *store, int32_t account, int32_t parent, struct str name,
			      enum item_class class, int32_t *id, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct store *pg = imap_store_pg(store);
	struct folder_act x = {0};
	struct str delimiter;
	if (!pg->ops->create_folder(pg, account, parent, name, class, id, e))
		return false;
	if (!s->entered || account != s->who.account || class != CLASS_EMAIL)
		return true;
	s->boxes = NULL;
	return mailbox_name(s, parent, name, &x.mailbox, &delimiter, e) &&
	       imap_store_attempt(s, act_create, &x, e) &&
	       imap_act_note_created(s->db, s->arena, account, *id, x.mailbox, delimiter, e);
}

static bool act_rename(struct imap_store *s, void *ctx, struct err *e)
{
	struct folder_act *x = ctx;
	return imap_act_rename(s->link, x->mailbox, x->to, e);
}

enum found imap_store_update_folder(struct store *store, int32_t account, int32_t id,
				    int32_t parent, struct str name, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct imap_box *box;
	struct folder_act x = {0};
	struct str delimiter;
	bool imap;
	if (!imap_store_is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	enum found found = imap_store_pg(store)->ops->update_folder(imap_store_pg(store), account,
								    id, parent, name, e);
	if (!imap || found != FOUND_ONE)
		return found;
	x.mailbox = box->mailbox;
	if (!mailbox_name(s, parent, name, &x.to, &delimiter, e))
		return FOUND_FAILED;
	s->boxes = NULL;
	bool ok = str_eq(x.mailbox, x.to) ||
		  (imap_store_attempt(s, act_rename, &x, e) &&
		   imap_act_note_renamed(s->db, s->arena, account, x.mailbox, delimiter, x.to, e));
	return ok ? FOUND_ONE : FOUND_FAILED;
}

static bool act_delete(struct imap_store *s, void *ctx, struct err *e)
{
	struct folder_act *x = ctx;
	for (size_t i = 0; i < x->n; i++)
		if (!imap_act_delete(s->link, &x->boxes[i], e))
			return false;
	return true;
}

enum found imap_store_delete_folder(struct store *store, int32_t account, int32_t id, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct imap_box *box;
	struct folder_act x = {0};
	bool imap;
	if (!imap_store_is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	if (imap && !imap_act_below(s->db, s->arena, account, id, &x.boxes, &x.n, e))
		return FOUND_FAILED;
	enum found found =
		imap_store_pg(store)->ops->delete_folder(imap_store_pg(store), account, id, e);
	if (!imap || found != FOUND_ONE)
		return found;
	s->boxes = NULL;
	return imap_store_attempt(s, act_delete, &x, e) ? FOUND_ONE : FOUND_FAILED;
}
