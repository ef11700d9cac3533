/* sync_mail: what a device does to messages. See sync_command.h for the contract. */
#include "core/sync_command.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/draft.h"
#include "core/email.h"
#include "core/submit.h"
#include "store/message.h"
#include "store/moved_item.h"
#include "store/sender.h"

/*
 * Whether the device's Flag or Categories are made for an item that it does not know as it is.
 * Read, of two values, agrees with the server's or was not changed there.
 */
static bool conflicts(const struct sync_command *x, const struct email_change *change,
		      const struct item *item, struct str marks)
{
	unsigned flags = (item->flags & ~change->clear) | change->set;
	const unsigned flag = ITEM_FLAGGED | ITEM_COMPLETED;
	return email_change_has_marks(change) && x->col->options.conflict == CONFLICT_SERVER &&
	       !ledger_knows(x->col->ledger, item->uid, item->modseq) &&
	       (!str_eq(marks, item->marks) || (flags & flag) != (item->flags & flag));
}

/* The item, or, of a draft that was replaced by another one, the one that it is now. */
static enum found find_item(struct sync_command *x, struct item *out)
{
	struct call *c = x->call;
	struct moved_item moved = {
		.from = {x->id.folder, x->id.epoch, x->id.uid},
	};
	enum found found = sync_command_look_up(x, out);
	if (found != FOUND_NONE || c->version < 160)
		return found;
	if (!moved_item_find(c->session->db, c->arena, c->gate.account, c->gate.device, &moved, 1,
			     &c->err))
		return FOUND_FAILED;
	if (!moved.known || moved.to.folder != x->id.folder || moved.to.epoch != x->id.epoch)
		return FOUND_NONE;
	x->id.uid = moved.to.uid;
	x->response->status = STATUS_OK;
	return sync_command_look_up(x, out);
}

static bool change_draft(struct sync_command *x, const struct item *old);

/* A draft may be written on, from 16.0 on. */
static bool writes_draft(const struct sync_command *x, const struct item *item)
{
	const struct wbxml_node *data = wbxml_child(x->node, AirSync_ApplicationData);
	return x->call->version >= 160 && item->flags & ITEM_DRAFT &&
	       (draft_is_edited(data) || wbxml_child(x->node, Email2_Send));
}

bool sync_mail_change(struct sync_command *x)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	const struct wbxml_node *data = wbxml_child(x->node, AirSync_ApplicationData);
	struct email_change change;
	struct item old;
	struct str marks = {NULL, 0};
	struct err e = {0};
	int64_t before, after;
	if (!email_change_decode(c->arena, data, c->version, &change, &e)) {
		x->response->status = SYNC_CONVERSION;
		return true;
	}
	enum found found = find_item(x, &old);
	if (found != FOUND_ONE)
		return found == FOUND_NONE;
	if (writes_draft(x, &old))
		return change_draft(x, &old);
	if (email_change_has_marks(&change))
		marks = email_change_marks(c->arena, &change, old.marks);
	if (conflicts(x, &change, &old, marks)) {
		x->response->status = SYNC_CONFLICT;
		return true;
	}
	found = store->ops->set_flags(store, c->gate.account, x->id.folder, x->id.uid, change.set,
				      change.clear, email_change_has_marks(&change) ? &marks : NULL,
				      &before, &after, &c->err);
	if (found == FOUND_FAILED)
		return sync_command_fail(x);
	if (found == FOUND_NONE)
		x->response->status = SYNC_NOT_FOUND;
	else
		ledger_echo(c->arena, x->col->ledger, x->id.uid, before, after);
	return true;
}

/* ---- Drafts ---- */

/* A draft as the device made it, ready to be stored. */
struct written {
	struct str raw;
	struct message message;
	struct new_item item;
};

static bool read_old(struct sync_command *x, const struct item *old, struct draft_edit *d,
		     struct err *e)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct slice slice = {.uid = x->id.uid, .length = INT64_MAX};
	struct message *message = arena_alloc(c->arena, sizeof *message);
	if (old->size > DRAFT_MOST)
		return err_set(e, ERR_TOO_LARGE, "the draft is too large");
	if (!store->ops->slices(store, c->arena, c->gate.account, x->id.folder, &slice, 1, e))
		return false;
	if (!slice.bytes.p)
		return err_set(e, ERR_NOT_FOUND, "the draft is gone");
	d->raw = slice.bytes;
	d->old = message;
	return message_scan(c->arena, slice.bytes, message, e);
}

/* Read state, flag and categories come with the rest. */
static bool put_marks(struct sync_command *x, const struct item *old, struct new_item *item,
		      struct err *e)
{
	struct call *c = x->call;
	const struct wbxml_node *data = wbxml_child(x->node, AirSync_ApplicationData);
	struct email_change change;
	struct str marks = old ? old->marks : STR("");
	unsigned flags = old ? old->flags : ITEM_SEEN;
	if (!email_change_decode(c->arena, data, c->version, &change, e))
		return false;
	item->flags = ((flags & ~change.clear) | change.set) | ITEM_DRAFT;
	item->marks = email_change_has_marks(&change) ? email_change_marks(c->arena, &change, marks)
						      : marks;
	return true;
}

/* `old` NULL: a new one. */
static bool write_draft(struct sync_command *x, const struct item *old, struct written *out,
			struct err *e)
{
	struct call *c = x->call;
	struct draft_edit d = {
		.data = wbxml_child(x->node, AirSync_ApplicationData),
		.name = c->gate.display_name,
		.address = c->gate.address,
		.now = clock_now(),
	};
	*out = (struct written){0};
	if (old && !read_old(x, old, &d, e))
		return false;
	bool edited = !old || draft_is_edited(d.data);
	out->raw = d.raw;
	if (edited && !draft_make(c->arena, &d, &out->raw, e))
		return false;
	if (!message_scan(c->arena, out->raw, &out->message, e) ||
	    !put_marks(x, old, &out->item, e))
		return false;
	out->item.raw = out->raw;
	out->item.message = &out->message;
	out->item.date = d.now;
	return !arena_overflowed(c->arena) || err_set(e, ERR_TOO_LARGE, "the draft is too large");
}

/* The item's status for a draft that can't be made. */
static bool refuse(const struct sync_command *x, const struct err *e)
{
	struct call *c = x->call;
	if (e->kind == ERR_UNAVAILABLE || e->kind == ERR_INTERNAL || arena_overflowed(c->arena)) {
		c->err = *e;
		return false;
	}
	x->response->status = e->kind == ERR_NOT_FOUND ? SYNC_NOT_FOUND : SYNC_CONVERSION;
	return true;
}

/* On its way, with a copy in Sent Items. The status is the item's when it can't be sent. */
static bool send(struct sync_command *x, struct str raw)
{
	struct call *c = x->call;
	struct sender sender = {.address = c->gate.address, .display_name = c->gate.display_name};
	struct composed *mail = arena_alloc(c->arena, sizeof *mail);
	if (!sender_read(c->session->db, c->arena, c->gate.account, &sender, &c->err))
		return false;
	const struct compose compose = {
		.kind = COMPOSE_NEW, .mime = raw, .sender = &sender, .now = clock_now()};
	if (compose_message(c->arena, &compose, mail) != COMPOSE_DONE) {
		x->response->status = SYNC_CONVERSION;
		return true;
	}
	const struct submission submission = {
		.account = c->gate.account, .mail = mail, .save = true, .now = compose.now};
	return submit_message(c->session->db, c->session->store, c->arena, &submission, &c->err);
}

/*
 * What was sent is no draft any more. One that went meanwhile was sent or deleted elsewhere: then
 * all is undone, and the device that asks again is told so.
 */
static bool drop(struct sync_command *x)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	int64_t modseq;
	enum found found = store->ops->remove(store, c->gate.account, x->id.folder, x->id.uid,
					      &modseq, &c->err);
	if (found != FOUND_ONE)
		return found == FOUND_NONE ? err_set(&c->err, ERR_UNAVAILABLE,
						     "the draft went while it was sent")
					   : false;
	if (modseq > x->col->ledger->folder.modseq)
		x->col->ledger->folder.modseq = modseq;
	return true;
}

/* A store that keeps what is in it gives the draft another number: the old one leads to it. */
static bool note_place(struct sync_command *x, int64_t uid)
{
	struct call *c = x->call;
	struct moved_item moved = {.from = {x->id.folder, x->id.epoch, x->id.uid},
				   .to = {x->id.folder, x->id.epoch, uid}};
	return uid == x->id.uid || moved_item_record(c->session->db, c->arena, c->gate.account,
						     c->gate.device, &moved, 1, &c->err);
}

static bool put_draft(struct sync_command *x, const struct item *old, const struct written *w)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	int64_t uid, before, after;
	switch (store->ops->replace(store, c->gate.account, x->id.folder, x->id.uid, old->modseq,
				    &w->item, &uid, &before, &after, &c->err)) {
	case FOUND_ONE:
		if (uid == x->id.uid)
			ledger_echo(c->arena, x->col->ledger, uid, before, after);
		return note_place(x, uid);
	case FOUND_NONE:
		x->response->status = SYNC_NOT_FOUND;
		return true;
	default:
		return sync_command_fail(x);
	}
}

static bool change_draft(struct sync_command *x, const struct item *old)
{
	struct written w;
	struct err e = {0};
	if (x->col->options.conflict == CONFLICT_SERVER &&
	    !ledger_knows(x->col->ledger, old->uid, old->modseq)) {
		x->response->status = SYNC_CONFLICT;
		return true;
	}
	if (!write_draft(x, old, &w, &e))
		return refuse(x, &e);
	if (!wbxml_child(x->node, Email2_Send))
		return put_draft(x, old, &w);
	return send(x, w.raw) && (x->response->status != STATUS_OK || drop(x));
}

static bool add_draft(struct sync_command *x)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct ledger *l = x->col->ledger;
	bool sends = wbxml_child(x->node, Email2_Send) != NULL;
	struct written w;
	struct err e = {0};
	int64_t uid, modseq;
	if (!write_draft(x, NULL, &w, &e))
		return refuse(x, &e);
	if (sends && !send(x, w.raw))
		return false;
	if (x->response->status != STATUS_OK)
		return true;
	if (!store->ops->append(store, c->gate.account, l->folder_id, &w.item, &uid, &modseq,
				&c->err))
		return sync_command_fail(x);
	x->id = (struct server_id){l->folder_id, l->folder.epoch, uid};
	ledger_added_item(c->arena, l, uid, modseq, !sends && w.item.date >= x->col->cutoff);
	return !sends || drop(x);
}

/* Mail is not made by Sync, but for drafts (MS-ASCMD 2.2.3.7.2). */
bool sync_mail_add(struct sync_command *x)
{
	if (x->call->version >= 160 && x->col->ledger->folder.role == ROLE_DRAFTS)
		return add_draft(x);
	x->response->status = SYNC_CONVERSION;
	return true;
}
