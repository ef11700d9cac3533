/*
 * sync_item: what a device does to items that are kept as text. See sync_command.h for the
 * contract.
 *
 * An edit is the difference to the item as it is now (item_edit.h). The item is replaced on the
 * condition that nobody has changed it since it was read; else it is read again.
 */
#include "core/sync_command.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/item_edit.h"
#include "core/item_text_form.h"

/* Above the uids of any folder, and below the ids of text messages. */
#define GONE_FIRST (INT64_C(1) << 59)

/* How often an item is read anew that somebody else changes at the same time. */
enum { ATTEMPTS = 5 };

static const struct item_class_ops *ops_of(const struct sync_command *x)
{
	return item_class_ops(x->col->ledger->folder.class);
}

/* The item's status for a failure of its class; running out of memory gives up the request. */
static bool refuse(const struct sync_command *x, const struct err *e)
{
	struct call *c = x->call;
	if (arena_overflowed(c->arena)) {
		c->err = *e;
		return false;
	}
	x->response->status = SYNC_CONVERSION;
	return true;
}

/* FOUND_NONE: it is gone. */
static enum found read_text(const struct sync_command *x, int64_t uid, struct str *out)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct slice slice = {.uid = uid, .length = INT64_MAX};
	if (!store->ops->slices(store, c->arena, c->gate.account, x->col->ledger->folder_id, &slice,
				1, &c->err))
		return FOUND_FAILED;
	*out = slice.bytes;
	return out->p ? FOUND_ONE : FOUND_NONE;
}

/* What the store keeps for a text. */
static bool describe(const struct sync_command *x, const struct item_context *ctx, struct str text,
		     struct new_item *out, struct err *e)
{
	struct item_facts facts;
	if (!ops_of(x)->facts(ctx, text, &facts, e))
		return false;
	*out = (struct new_item){.raw = text, .summary = facts.summary, .date = facts.date};
	return true;
}

/* ---- Changing ---- */

/* Makes another text of one. */
typedef bool make_text(struct sync_command *x, const struct item_context *ctx, struct str old,
		       struct str *out, struct err *e);

/* A task of a series that the device completed has gone on to its next occurrence (core/task.c). */
static bool went_on(const struct sync_command *x, const struct new_item *item)
{
	const struct wbxml_node *data = wbxml_child(x->node, AirSync_ApplicationData);
	return item->date == INT64_MAX && str_eq(wbxml_child_text(data, Tasks_Complete), STR("1"));
}

static bool has_exception(const struct wbxml_node *list, struct str start)
{
	for (const struct wbxml_node *n = list ? list->first : NULL; n; n = n->next)
		if (str_eq(wbxml_child_text(n, Calendar_ExceptionStartTime), start))
			return true;
	return false;
}

/* Exceptions of a series that are left out of the list stay (MS-ASCAL 3.2.5.3.1). */
static bool leaves_out(const struct item_edit *edit)
{
	bool any = false;
	for (size_t i = 0; i < edit->n; i++) {
		const struct item_edit_field *f = &edit->v[i];
		const struct wbxml_node *n =
			f->tag == Calendar_Exceptions && f->seen ? f->seen->first : NULL;
		for (; n; n = n->next)
			any = any ||
			      !has_exception(f->sent,
					     wbxml_child_text(n, Calendar_ExceptionStartTime));
	}
	return any;
}

/*
 * The device has the item as it is from now on, unless it knew less of it, is to lose it, or was
 * told before to lose it and now changed it so that it is inside the filter.
 */
static void note(const struct sync_command *x, const struct new_item *item, int64_t before,
		 int64_t after)
{
	struct ledger *l = x->col->ledger;
	bool held = ledger_holding(l, x->id.uid, before) != HOLDS_NOT;
	ledger_echo(x->call->arena, l, x->id.uid, before, after);
	if (!held || item->date < x->col->cutoff || went_on(x, item) || x->has_more)
		ledger_send_again(l, x->id.uid);
}

/* False with *again: somebody else has changed it meanwhile. */
static bool put(struct sync_command *x, const struct item *old, const struct new_item *item,
		bool *again)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	int64_t new_uid, before, after;
	switch (store->ops->replace(store, c->gate.account, x->id.folder, x->id.uid, old->modseq,
				    item, &new_uid, &before, &after, &c->err)) {
	case FOUND_ONE:
		note(x, item, before, after);
		return true;
	case FOUND_NONE:
		x->response->status = SYNC_NOT_FOUND;
		return true;
	default:
		*again = c->err.kind == ERR_CONFLICT;
		if (!*again)
			return sync_command_fail(x);
		err_clear(&c->err);
		return false;
	}
}

/* The server's version wins over an edit of one that the device has not seen. */
static bool loses(const struct sync_command *x, const struct item *old)
{
	return x->node->tag != AirSync_Add && x->col->options.conflict == CONFLICT_SERVER &&
	       !ledger_knows(x->col->ledger, old->uid, old->modseq);
}

static bool change_once(struct sync_command *x, make_text *make, bool *again)
{
	struct item_context ctx = sync_item_context(x->call, x->col, x->id.uid);
	struct item old;
	struct str text, changed;
	struct new_item item;
	struct err e = {0};
	enum found found = sync_command_look_up(x, &old);
	if (found == FOUND_ONE)
		found = read_text(x, x->id.uid, &text);
	if (found == FOUND_NONE)
		x->response->status = SYNC_NOT_FOUND;
	if (found != FOUND_ONE)
		return found == FOUND_NONE;
	if (!make(x, &ctx, text, &changed, &e))
		return refuse(x, &e);
	if (str_eq(changed, text)) {
		if (x->has_more)
			ledger_send_again(x->col->ledger, x->id.uid);
		return true;
	}
	if (loses(x, &old)) {
		x->response->status = SYNC_CONFLICT;
		return true;
	}
	if (!describe(x, &ctx, changed, &item, &e))
		return refuse(x, &e);
	return put(x, &old, &item, again);
}

static bool change(struct sync_command *x, make_text *make)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		bool again = false;
		if (change_once(x, make, &again))
			return true;
		if (!again)
			return false;
	}
	return err_set(&x->call->err, ERR_UNAVAILABLE, "others keep changing the item");
}

static bool make_edited(struct sync_command *x, const struct item_context *ctx, struct str old,
			struct str *out, struct err *e)
{
	struct item_edit edit;
	const struct wbxml_node *data = wbxml_child(x->node, AirSync_ApplicationData);
	*out = old;
	if (!item_edit_difference(ops_of(x), ctx, old, &x->col->ledger->supported, data, &edit, e))
		return false;
	if (x->node->tag == AirSync_Add)
		item_edit_keep_left_out(&edit);
	x->has_more = leaves_out(&edit);
	return edit.n == 0 || ops_of(x)->apply(ctx, old, &edit, INT64_MIN, out, e);
}

/* InstanceId, as a compact time. */
static bool read_instance(const struct sync_command *x, int64_t *out, struct err *e)
{
	struct str text = wbxml_child_text(x->node, AirSyncBase_InstanceId);
	return clock_parse(text, out) || err_set(e, ERR_INVALID, "InstanceId is no time");
}

static bool make_instance(struct sync_command *x, const struct item_context *ctx, struct str old,
			  struct str *out, struct err *e)
{
	struct item_edit edit;
	int64_t instance;
	const struct wbxml_node *data = wbxml_child(x->node, AirSync_ApplicationData);
	return read_instance(x, &instance, e) && item_edit_all(ctx, data, &edit, e) &&
	       ops_of(x)->apply(ctx, old, &edit, instance, out, e);
}

static bool make_removed(struct sync_command *x, const struct item_context *ctx, struct str old,
			 struct str *out, struct err *e)
{
	int64_t instance;
	return read_instance(x, &instance, e) &&
	       ops_of(x)->remove_instance(ctx, old, instance, out, e);
}

bool sync_item_change(struct sync_command *x)
{
	bool one = wbxml_child(x->node, AirSyncBase_InstanceId) != NULL;
	if (!wbxml_child(x->node, AirSync_ApplicationData) ||
	    (one && !ops_of(x)->remove_instance)) {
		x->response->status = SYNC_PROTOCOL;
		return true;
	}
	return change(x, one ? make_instance : make_edited);
}

bool sync_item_remove_instance(struct sync_command *x)
{
	if (!ops_of(x)->remove_instance) {
		x->response->status = SYNC_PROTOCOL;
		return true;
	}
	return change(x, make_removed);
}

/* ---- Adding ---- */

/* Finds an Add of earlier by its name, in a folder or (0) in any of the account's. */
static enum found find_in(const struct sync_command *x, int32_t where, struct server_id *out)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	const struct ledger *l = x->col->ledger;
	out->epoch = l->folder.epoch;
	return x->added->name.n ? store->ops->find(store, c->gate.account, where, l->folder.class,
						   x->added->name, &out->folder, &out->uid, &c->err)
				: FOUND_NONE;
}

/* The device has it, and is told of all of it, or that it is gone. */
static void note_found(const struct sync_command *x)
{
	struct ledger *l = x->col->ledger;
	ledger_added_item(x->call->arena, l, x->id.uid, l->folder.modseq, false);
}

enum found sync_item_find_added(struct sync_command *x)
{
	enum found found = find_in(x, x->col->ledger->folder_id, &x->id);
	if (found == FOUND_ONE)
		note_found(x);
	return found;
}

void sync_item_set_gone(struct sync_command *x)
{
	const struct folder *f = &x->col->ledger->folder;
	uint64_t n = 0;
	for (size_t i = 0; i < 7; i++)
		n = n << 8 | (unsigned char)x->added->digest.p[i];
	x->id = (struct server_id){f->id, f->epoch, GONE_FIRST + (int64_t)n};
}

enum found sync_item_find_elsewhere(struct sync_command *x)
{
	struct server_id ignored;
	enum found found = find_in(x, 0, &ignored);
	if (found == FOUND_ONE) {
		sync_item_set_gone(x);
		note_found(x);
	}
	return found;
}

/*
 * Events are looked for by their UID: a device that lost its state, or a second one, adds it once
 * more. Others when an Add was begun before, and nobody knows what came of it.
 */
static enum found find_known(struct sync_command *x)
{
	bool may_be_there = x->col->ledger->folder.class == CLASS_CALENDAR || x->added->repeated;
	return may_be_there ? sync_item_find_added(x) : FOUND_NONE;
}

static bool append(struct sync_command *x, const struct new_item *item)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct ledger *l = x->col->ledger;
	int64_t uid, modseq;
	if (!store->ops->append(store, c->gate.account, l->folder_id, item, &uid, &modseq, &c->err))
		return sync_command_fail(x);
	x->id = (struct server_id){l->folder_id, l->folder.epoch, uid};
	ledger_added_item(c->arena, l, uid, modseq, item->date >= x->col->cutoff);
	return true;
}

/*
 * What the device sent is an edit of the item that is there. The device has that in any case, and
 * is told of it as it is then: an edit that may not be made is no reason to refuse the item.
 */
static bool edit_known(struct sync_command *x)
{
	bool ok = change(x, make_edited);
	x->response->status = STATUS_OK;
	return ok;
}

bool sync_item_add(struct sync_command *x)
{
	struct item_context ctx = sync_item_context(x->call, x->col, 0);
	const struct wbxml_node *data = wbxml_child(x->node, AirSync_ApplicationData);
	struct item_edit edit;
	struct str text;
	struct new_item item;
	struct err e = {0};
	ctx.uid = x->added->name;
	if (!item_edit_all(&ctx, data, &edit, &e) ||
	    !ops_of(x)->apply(&ctx, STR(""), &edit, INT64_MIN, &text, &e) ||
	    !describe(x, &ctx, text, &item, &e))
		return refuse(x, &e);
	x->added->name = item_summary_uid(x->call->arena, item.summary);
	enum found found = find_known(x);
	if (found == FOUND_ONE)
		return edit_known(x);
	if (found == FOUND_NONE && x->added->repeated)
		found = sync_item_find_elsewhere(x);
	return found == FOUND_NONE ? append(x, &item) : found == FOUND_ONE;
}
