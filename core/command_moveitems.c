/*
 * MoveItems (MS-ASCMD 2.2.1.12): items go from folder to folder, each with its own status.
 *
 * Both folders are claimed, as Sync claims them. A move, what both ledgers are to know of it, and
 * its record for the case that the answer is lost, are one transaction. The device has the item
 * under its new id (DstMsgId) from the answer on: neither folder's Sync tells it of the move. A
 * device that moves an item from where it was once more never saw the first answer: to the same
 * folder that is a repeat, to another one the item is moved on from where it is.
 */
#include "core/call.h"

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/item_class.h"
#include "core/item_view.h"
#include "core/ledger.h"
#include "core/server_id.h"
#include "store/moved_item.h"
#include "store/pg.h"

/* MS-ASCMD 3.1.5.10; ids are at most 64 characters (2.2.3.175). */
enum { MOVES_MAX = 1000, ID_MAX = 64 };

struct move {
	struct str id;	  /* SrcMsgId */
	int32_t from, to; /* folders; 0: none */
	unsigned status;  /* 0: not decided */
	struct moved_item *item;
	struct item_place now; /* when MOVE_OK */
};

struct moves {
	unsigned claimed; /* pg_connection() that holds the claim */
	struct move *v;
	size_t n;
	struct moved_item *items; /* of the moves that name an item, each once */
	size_t nitems;
	bool *done;	  /* of items: moved by this request */
	int64_t *folders; /* that are concerned, each once */
	size_t nfolders;
	struct ledger *ledgers; /* theirs */
	bool *touched;		/* of ledgers: to be written */
};

/* ---- The request ---- */

/* One child, as text that is not empty and no longer than an id. */
static bool read_id(const struct wbxml_node *move, unsigned tag, struct str *out)
{
	*out = wbxml_child_text(move, tag);
	return out->n > 0 && out->n <= ID_MAX && text_is_xml(*out);
}

static bool read_move(const struct wbxml_node *node, struct move *m)
{
	struct str from, to;
	if (node->tag != Move_Move || !read_id(node, Move_SrcMsgId, &m->id) ||
	    !read_id(node, Move_SrcFldId, &from) || !read_id(node, Move_DstFldId, &to))
		return false;
	server_id_parse_folder(from, &m->from);
	server_id_parse_folder(to, &m->to);
	if (wbxml_again(wbxml_child(node, Move_DstFldId)))
		m->status = MOVE_FAILED;
	return true;
}

static bool read_request(struct call *c, struct moves *s)
{
	unsigned count = wbxml_count(c->root);
	if (count == 0 || count > MOVES_MAX)
		return false;
	s->v = arena_array(c->arena, count, sizeof *s->v);
	for (const struct wbxml_node *node = c->root->first; node; node = node->next)
		if (!read_move(node, &s->v[s->n++]))
			return false;
	return true;
}

/* ---- What is concerned ---- */

static const struct folder *find_folder(const struct folder *v, size_t n, int32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].id == id && item_class_served(v[i].class))
			return &v[i];
	return NULL;
}

/* What is shown as another class than it is stays among its kind. */
static bool takes(const struct folder *to, const struct folder *from)
{
	bool shown_as = item_view_is(to->view) || item_view_is(from->view);
	return to->class == from->class && (!shown_as || to->kept == from->kept);
}

/*
 * Decides what can be without a look at the item; else *place is the item. From a folder to another
 * appearance of the same one nothing moves.
 */
static unsigned judge(const struct move *m, const struct folder *v, size_t n,
		      struct item_place *place)
{
	struct server_id id;
	const struct folder *from = find_folder(v, n, m->from);
	if (!from || !server_id_parse(m->id, &id) || id.folder != m->from)
		return MOVE_NO_SOURCE;
	if (m->from == m->to)
		return MOVE_SAME_FOLDER;
	const struct folder *to = find_folder(v, n, m->to);
	*place = (struct item_place){id.folder, id.epoch, id.uid};
	if (to && from->at.account == to->at.account && from->at.folder == to->at.folder)
		return MOVE_SAME_FOLDER;
	return to && takes(to, from) ? 0 : MOVE_NO_DESTINATION;
}

static bool same_place(struct item_place a, struct item_place b)
{
	return a.folder == b.folder && a.epoch == b.epoch && a.uid == b.uid;
}

static struct moved_item *note_item(struct moves *s, struct item_place place)
{
	for (size_t i = 0; i < s->nitems; i++)
		if (same_place(s->items[i].from, place))
			return &s->items[i];
	s->items[s->nitems] = (struct moved_item){.from = place};
	return &s->items[s->nitems++];
}

static void note_folder(struct moves *s, int64_t id)
{
	for (size_t i = 0; i < s->nfolders; i++)
		if (s->folders[i] == id)
			return;
	s->folders[s->nfolders++] = id;
}

static bool find_moved(struct call *c, struct moves *s)
{
	return s->nitems == 0 || moved_item_find(c->session->db, c->arena, c->gate.account,
						 c->gate.device, s->items, s->nitems, &c->err);
}

/*
 * The items that the moves name, and the folders to claim: where they are, where they go, and where
 * they went with an answer that the device may not have seen.
 */
static bool look_around(struct call *c, struct moves *s)
{
	struct store *store = c->session->store;
	struct folder *folders;
	size_t n;
	if (!store->ops->folders(store, c->arena, c->gate.account, &folders, &n, &c->err))
		return false;
	s->items = arena_array(c->arena, s->n, sizeof *s->items);
	s->done = arena_array(c->arena, s->n, sizeof *s->done);
	s->folders = arena_array(c->arena, 3 * s->n, sizeof *s->folders);
	for (size_t i = 0; i < s->n; i++) {
		struct move *m = &s->v[i];
		struct item_place place = {0};
		if (m->status == 0)
			m->status = judge(m, folders, n, &place);
		if (!place.uid)
			continue;
		m->item = note_item(s, place);
		note_folder(s, m->from);
		if (m->status == 0)
			note_folder(s, m->to);
	}
	if (!find_moved(c, s))
		return false;
	for (size_t i = 0; i < s->nitems; i++)
		if (s->items[i].known && find_folder(folders, n, s->items[i].to.folder))
			note_folder(s, s->items[i].to.folder);
	return true;
}

static struct ledger *ledger_of(const struct moves *s, int32_t folder)
{
	for (size_t i = 0; i < s->nfolders; i++)
		if (s->folders[i] == folder)
			return &s->ledgers[i];
	return NULL;
}

static void touch(struct moves *s, const struct ledger *l)
{
	s->touched[l - s->ledgers] = true;
}

/* ---- Moving ---- */

/*
 * The item is still where it was, and a device that ignores the status shows it no more: it is told
 * of it again.
 */
static bool set_back(struct call *c, struct moves *s, struct item_place at)
{
	struct store *store = c->session->store;
	struct ledger *l = ledger_of(s, at.folder);
	struct items items;
	if (!store->ops->lookup(store, c->arena, c->gate.account, at.folder, &at.uid, 1, &items,
				&c->err))
		return false;
	if (at.epoch == l->folder.epoch && !items.v[0].gone &&
	    ledger_holding(l, at.uid, items.v[0].modseq) != HOLDS_NOT) {
		ledger_send_again(l, at.uid);
		touch(s, l);
	}
	return true;
}

/* The item's status for a failure of the store; 0: the request as a whole fails. */
static unsigned failure(const struct call *c)
{
	switch (c->err.kind) {
	case ERR_NOT_FOUND:
		return MOVE_NO_DESTINATION;
	case ERR_CONFLICT:
		return MOVE_LOCKED;
	case ERR_FORBIDDEN:
	case ERR_QUOTA:
		return MOVE_FAILED;
	default:
		return 0;
	}
}

/* Whether the filter's start has passed the date in any state that the device may be in. */
static bool is_outside(const struct ledger *l, int64_t date)
{
	bool outside = l->base_found && date < l->base.cutoff;
	for (size_t i = 0; i < l->nanswers; i++)
		outside = outside || date < l->answers[i].state.cutoff;
	return outside;
}

static int64_t sync_epoch(const struct ledger *l)
{
	return strtoll(l->epoch, NULL, 16);
}

/* Whether an answer that is not acknowledged takes the item from the device. */
static bool may_be_taken(const struct ledger *l, int64_t uid)
{
	for (size_t i = 0; i < l->nanswers; i++)
		if (uidset_has(&l->answers[i].taken, uid))
			return true;
	return false;
}

static enum holding holds_for_certain(const struct ledger *l, int64_t uid, int64_t modseq)
{
	return may_be_taken(l, uid) ? HOLDS_NOT : ledger_holding(l, uid, modseq);
}

/* Carries it out in the store. `gone` and `moved`: its grave and what it is now. */
static unsigned move_in_store(struct call *c, struct item_place at, int32_t to, int64_t *gone,
			      struct item *moved)
{
	struct store *store = c->session->store;
	switch (store->ops->move(store, c->gate.account, at.folder, at.uid, to, gone, &moved->uid,
				 &moved->modseq, &c->err)) {
	case FOUND_ONE:
		return MOVE_OK;
	case FOUND_NONE:
		return MOVE_NO_SOURCE;
	default:
		return failure(c);
	}
}

/* Notes in the ledgers what became of the item, and for the answer what is known of it. */
static void note_moved(struct call *c, struct moves *s, const struct item *old, int64_t gone,
		       const struct item *moved, struct move *m, struct ledger *source)
{
	struct ledger *target = ledger_of(s, m->to);
	enum holding holding = ledger_holding(source, old->uid, old->modseq);
	bool certain = holding != HOLDS_NOT && !may_be_taken(source, old->uid);
	bool version = ledger_knows(source, old->uid, old->modseq);
	/* Out of the filter that the other folder has, the device is to lose it. */
	bool outside = is_outside(target, old->date);
	ledger_moved_out(c->arena, source, old->uid, gone);
	ledger_moved_in(c->arena, target, moved->uid, moved->modseq, holding);
	/* Whatever is known of it: the device shows it there once it has the answer. */
	if (!certain)
		ledger_bring_back(target, moved->uid);
	else if (outside)
		ledger_send_again(target, moved->uid);
	if (version && holding != HOLDS)
		ledger_has_version(c->arena, target, moved->uid, moved->modseq);
	touch(s, source);
	touch(s, target);
	m->now = (struct item_place){m->to, target->folder.epoch, moved->uid};
	m->item->modseq = certain && holding == HOLDS && !outside ? moved->modseq : 0;
	if (!m->item->known)
		m->item->sync_epoch = sync_epoch(source);
}

/* Moves an item that is at a place of which the ledgers are at hand. 0: c->err. */
static unsigned move_item(struct call *c, struct moves *s, struct item_place at, struct move *m)
{
	struct store *store = c->session->store;
	struct ledger *source = ledger_of(s, at.folder);
	struct items items;
	struct item moved = {0};
	int64_t gone;
	if (!store->ops->lookup(store, c->arena, c->gate.account, at.folder, &at.uid, 1, &items,
				&c->err))
		return 0;
	if (items.v[0].gone || at.epoch != source->folder.epoch)
		return MOVE_NO_SOURCE;
	unsigned status = move_in_store(c, at, m->to, &gone, &moved);
	if (status == MOVE_OK)
		note_moved(c, s, &items.v[0], gone, &moved, m, source);
	return status;
}

/* The device shows the item where it was, and it is there no more: it is told so. */
static void take_back(struct moves *s, struct item_place from)
{
	struct ledger *l = ledger_of(s, from.folder);
	if (from.epoch != l->folder.epoch)
		return;
	ledger_send_again(l, from.uid);
	touch(s, l);
}

/* Whether the device still shows the item where it was: it has not started afresh since, and was
 * not told that it is gone. */
static bool shows(const struct moves *s, const struct moved_item *item)
{
	const struct ledger *l = ledger_of(s, item->from.folder);
	return item->from.epoch == l->folder.epoch && sync_epoch(l) == item->sync_epoch &&
	       uidset_has(&l->base.held, item->from.uid) && !may_be_taken(l, item->from.uid);
}

/*
 * A repeat is answered as it was. What became of the item meanwhile was perhaps told to a device
 * that did not know it, and is told again; all of it to one that has started afresh since.
 */
static bool answer_again(struct call *c, struct moves *s, struct move *m)
{
	struct store *store = c->session->store;
	const struct moved_item *item = m->item;
	struct ledger *l = ledger_of(s, item->to.folder);
	struct items items;
	if (item->to.epoch != l->folder.epoch) {
		m->status = MOVE_NO_SOURCE; /* its id there says nothing any more */
		take_back(s, item->from);
		return true;
	}
	if (!store->ops->lookup(store, c->arena, c->gate.account, item->to.folder, &item->to.uid, 1,
				&items, &c->err))
		return false;
	bool afresh = !shows(s, item);
	bool same = !items.v[0].gone && items.v[0].modseq == item->modseq;
	if (afresh || !same || holds_for_certain(l, item->to.uid, item->modseq) != HOLDS) {
		(afresh ? ledger_bring_back : ledger_send_again)(l, item->to.uid);
		touch(s, l);
	}
	m->status = MOVE_OK;
	m->now = item->to;
	return true;
}

/* False: the request as a whole fails (c->err). */
static bool run_move(struct call *c, struct moves *s, struct move *m)
{
	struct moved_item *item = m->item;
	bool *done = &s->done[item - s->items];
	if (m->status == MOVE_NO_DESTINATION || m->status == MOVE_SAME_FOLDER)
		return item->known || set_back(c, s, item->from);
	if (item->known && item->to.folder == m->to)
		return answer_again(c, s, m);
	if (*done) {
		m->status = MOVE_FAILED; /* to more than one folder at a time */
		return true;
	}
	struct item_place at = item->known ? item->to : item->from;
	if (!ledger_of(s, at.folder)) {
		m->status = MOVE_NO_SOURCE; /* the folder that it went to is gone */
		take_back(s, item->from);
		return true;
	}
	m->status = move_item(c, s, at, m);
	if (m->status == MOVE_NO_SOURCE && item->known)
		take_back(s, item->from);
	if (m->status != 0 && m->status != MOVE_NO_SOURCE && m->status != MOVE_OK)
		return set_back(c, s, at);
	if (m->status == MOVE_OK) {
		*done = item->known = true;
		item->to = m->now;
	}
	return m->status != 0;
}

/* ---- Writing ---- */

static bool save_ledgers(struct call *c, const struct moves *s)
{
	bool ok = true;
	for (size_t i = 0; ok && i < s->nfolders; i++)
		if (s->touched[i] && s->ledgers[i].base_found)
			ok = ledger_rewrite(c->session->db, c->arena, c->gate.account,
					    c->gate.device, &s->ledgers[i], &c->err);
	return ok;
}

static bool record(struct call *c, const struct moves *s)
{
	struct moved_item *moved = arena_array(c->arena, s->nitems, sizeof *moved);
	size_t n = 0;
	for (size_t i = 0; i < s->nitems; i++)
		if (s->done[i])
			moved[n++] = s->items[i];
	if (n == 0 || c->gate.device == 0)
		return true;
	return moved_item_record(c->session->db, c->arena, c->gate.account, c->gate.device, moved,
				 n, &c->err);
}

static bool run_moves(struct call *c, struct moves *s)
{
	struct pg *db = c->session->db;
	if (!ledger_load(db, c->arena, c->gate.account, c->gate.device, s->folders, s->nfolders,
			 s->ledgers, &c->err))
		return false;
	if (!pg_begin(db, &c->err))
		return false;
	/* Nothing is written once the claim was lost: another request may have it. */
	if (pg_connection(db) != s->claimed)
		return err_set(&c->err, ERR_UNAVAILABLE,
			       "the database connection was lost on the way");
	if (!find_moved(c, s))
		return false;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].item && !run_move(c, s, &s->v[i]))
			return false;
	return save_ledgers(c, s) && record(c, s) && pg_commit(db, &c->err);
}

static bool claim_and_run(struct call *c, struct moves *s)
{
	struct pg *db = c->session->db;
	if (s->nfolders == 0)
		return true;
	s->ledgers = arena_array(c->arena, s->nfolders, sizeof *s->ledgers);
	s->touched = arena_array(c->arena, s->nfolders, sizeof *s->touched);
	if (!ledger_claim(db, c->arena, c->gate.device, s->folders, s->nfolders, &c->err))
		return false;
	s->claimed = pg_connection(db);
	bool ok = run_moves(c, s);
	pg_rollback(db);
	ledger_release(db);
	return ok;
}

static void encode(struct call *c, const struct moves *s)
{
	call_begin(c);
	c->status = MOVE_OK;
	for (size_t i = 0; i < s->n; i++) {
		const struct move *m = &s->v[i];
		wbxml_begin(&c->out, Move_Response);
		wbxml_text(&c->out, Move_SrcMsgId, m->id);
		wbxml_int(&c->out, Move_Status, m->status);
		if (m->status == MOVE_OK) {
			struct server_id id = {m->now.folder, m->now.epoch, m->now.uid};
			wbxml_text(&c->out, Move_DstMsgId, server_id_text(c->arena, id));
		} else {
			c->status = m->status;
		}
		wbxml_end(&c->out);
	}
}

void command_moveitems(struct call *c)
{
	struct moves s = {0};
	if (!read_request(c, &s)) {
		call_common(c, STATUS_INVALID_XML);
		return;
	}
	if (look_around(c, &s) && claim_and_run(c, &s))
		encode(c, &s);
	else
		call_fail(c, NULL);
}
