/* imap_store_items: what is done to messages on an IMAP server. See imap_store_own.h. */
#include "store/imap_store_own.h"

#include "store/imap_act.h"

struct acting {
	struct imap_box *box, *to;
	int64_t uid;
	const struct item *item;
	unsigned set, clear;
	const struct str *marks;
	const struct new_item *new_item;
	bool foreign; /* somebody else changed it meanwhile */
	int64_t new_uid;
	struct imap_intent intent;
	enum found found; /* of a move */
};

static struct imap_actor actor_of(struct imap_store *s)
{
	return (struct imap_actor){.link = s->link,
				   .aside = imap_store_aside(s),
				   .a = s->arena,
				   .account = s->who.account};
}

static bool act_flags(struct imap_store *s, void *ctx, struct err *e)
{
	struct acting *x = ctx;
	struct imap_actor actor = actor_of(s);
	const struct imap_flag_change change = {x->set, x->clear, x->item->flags, x->item->marks,
						x->marks};
	return imap_act_flags(&actor, x->box, x->uid, &change, &x->foreign, e);
}

enum found imap_store_set_flags(struct store *store, int32_t account, int32_t id, int64_t uid,
				unsigned set, unsigned clear, const struct str *marks,
				int64_t *before, int64_t *after, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct store *pg = imap_store_pg(store);
	struct imap_box *box;
	struct item item;
	bool imap;
	if (!imap_store_is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	if (imap) {
		enum found there = imap_store_find_item(store, account, id, uid, &item, e);
		if (there != FOUND_ONE)
			return there;
		struct acting x = {.box = box,
				   .uid = uid,
				   .item = &item,
				   .set = set,
				   .clear = clear,
				   .marks = marks};
		if (!imap_store_attempt(s, act_flags, &x, e))
			return FOUND_FAILED;
		enum found found = pg->ops->set_flags(pg, account, id, uid, set, clear, marks,
						      before, after, e);
		if (found == FOUND_ONE && x.foreign)
			*before = *after; /* what it was before, nobody here has seen */
		return found;
	}
	return pg->ops->set_flags(pg, account, id, uid, set, clear, marks, before, after, e);
}

static bool act_remove(struct imap_store *s, void *ctx, struct err *e)
{
	struct acting *x = ctx;
	struct imap_actor actor = actor_of(s);
	return imap_act_remove(&actor, x->box, x->uid, e);
}

enum found imap_store_remove(struct store *store, int32_t account, int32_t id, int64_t uid,
			     int64_t *modseq, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct acting x = {.uid = uid};
	struct item item;
	bool imap;
	if (!imap_store_is_box(s, account, id, &x.box, &imap, e))
		return FOUND_FAILED;
	if (imap) {
		enum found there = imap_store_find_item(store, account, id, uid, &item, e);
		if (there != FOUND_ONE)
			return there;
		if (!imap_store_attempt(s, act_remove, &x, e))
			return FOUND_FAILED;
	}
	return imap_store_pg(store)->ops->remove(imap_store_pg(store), account, id, uid, modseq, e);
}

static bool act_move(struct imap_store *s, void *ctx, struct err *e)
{
	struct acting *x = ctx;
	struct imap_actor actor = actor_of(s);
	x->found = imap_act_move(&actor, x->box, x->uid, x->to, &x->intent, &x->new_uid, e);
	return x->found != FOUND_FAILED;
}

/* The item as it is now, in its new place, and its grave in the old one. */
static enum found note_move(struct imap_store *s, const struct acting *x, const struct item *item,
			    int64_t *gone_modseq, int64_t *new_modseq, struct err *e)
{
	const struct imap_arrival arrival = {.folder = x->to->folder,
					     .uid = x->new_uid,
					     .date = item->date,
					     .size = item->size,
					     .flags = item->flags,
					     .marks = item->marks};
	enum found found =
		s->pg->ops->remove(s->pg, s->who.account, x->box->folder, x->uid, gone_modseq, e);
	if (found == FOUND_FAILED)
		return found;
	bool ok = imap_index_add(s->db, s->arena, s->who.account, &arrival, new_modseq, e) &&
		  imap_intent_done(s->db, s->arena, &x->intent, e);
	return ok ? FOUND_ONE : FOUND_FAILED;
}

enum found imap_store_move(struct store *store, int32_t account, int32_t from, int64_t uid,
			   int32_t to, int64_t *gone_modseq, int64_t *new_uid, int64_t *new_modseq,
			   struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct acting x = {.uid = uid};
	struct folder target;
	struct item item;
	bool imap, imap_to;
	if (!imap_store_is_box(s, account, from, &x.box, &imap, e) ||
	    !imap_store_is_box(s, account, to, &x.to, &imap_to, e))
		return FOUND_FAILED;
	if (!imap && !imap_to)
		return imap_store_pg(store)->ops->move(imap_store_pg(store), account, from, uid, to,
						       gone_modseq, new_uid, new_modseq, e);
	enum found known = s->pg->ops->folder(s->pg, s->arena, account, to, &target, e);
	if (known == FOUND_FAILED)
		return known;
	if (from == to || imap != imap_to) {
		err_set(e, known == FOUND_ONE ? ERR_INVALID : ERR_NOT_FOUND,
			"an item can't be moved from folder %d to %d", (int)from, (int)to);
		return FOUND_FAILED;
	}
	enum found there = imap_store_find_item(store, account, from, uid, &item, e);
	if (there != FOUND_ONE)
		return there;
	if (!imap_store_attempt(s, act_move, &x, e))
		return FOUND_FAILED;
	if (x.found == FOUND_NONE)
		return FOUND_NONE;
	*new_uid = x.new_uid;
	return note_move(s, &x, &item, gone_modseq, new_modseq, e);
}

static bool act_append(struct imap_store *s, void *ctx, struct err *e)
{
	struct acting *x = ctx;
	struct imap_actor actor = actor_of(s);
	return imap_act_append(&actor, x->box, x->new_item, &x->intent, &x->new_uid, e);
}

bool imap_store_append(struct store *store, int32_t account, int32_t id,
		       const struct new_item *item, int64_t *uid, int64_t *modseq, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct acting x = {.new_item = item};
	bool imap;
	if (!imap_store_is_box(s, account, id, &x.box, &imap, e))
		return false;
	if (!imap)
		return imap_store_pg(store)->ops->append(imap_store_pg(store), account, id, item,
							 uid, modseq, e);
	if (!imap_store_attempt(s, act_append, &x, e))
		return false;
	*uid = x.new_uid;
	const struct imap_arrival arrival = {.folder = id,
					     .uid = x.new_uid,
					     .date = item->date,
					     .size = (int64_t)item->raw.n,
					     .flags = item->flags,
					     .marks = item->marks};
	return imap_index_add(s->db, s->arena, account, &arrival, modseq, e) &&
	       imap_intent_done(s->db, s->arena, &x.intent, e);
}

/* A message can't be changed: another one comes, and then the old one goes. */
enum found imap_store_replace(struct store *store, int32_t account, int32_t id, int64_t uid,
			      int64_t unchanged_since, const struct new_item *item,
			      int64_t *new_uid, int64_t *before, int64_t *after, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct imap_box *box;
	struct item old;
	int64_t gone;
	bool imap;
	if (!imap_store_is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	if (!imap)
		return imap_store_pg(store)->ops->replace(imap_store_pg(store), account, id, uid,
							  unchanged_since, item, new_uid, before,
							  after, e);
	enum found there = imap_store_find_item(store, account, id, uid, &old, e);
	if (there != FOUND_ONE)
		return there;
	*before = old.modseq;
	if (unchanged_since != 0 && unchanged_since != *before) {
		err_set(e, ERR_CONFLICT, "the message was changed meanwhile");
		return FOUND_FAILED;
	}
	if (!imap_store_append(store, account, id, item, new_uid, after, e) ||
	    imap_store_remove(store, account, id, uid, &gone, e) == FOUND_FAILED)
		return FOUND_FAILED;
	return FOUND_ONE;
}
