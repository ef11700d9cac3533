/* sync_mail: what a device does to messages. See sync_command.h for the contract. */
#include "core/sync_command.h"

#include "core/email.h"

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
	enum found found = sync_command_look_up(x, &old);
	if (found != FOUND_ONE)
		return found == FOUND_NONE;
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

/* Only drafts of later versions are made on a device, and those are not taken here. */
bool sync_mail_add(struct sync_command *x)
{
	x->response->status = SYNC_CONVERSION;
	return true;
}
