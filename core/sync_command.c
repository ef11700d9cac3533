/* sync_command: what all commands of a device need. See sync_command.h for the contract. */
#include "core/sync_command.h"

#include "core/base/arena.h"
#include "store/pg.h"

enum found sync_command_look_up(const struct sync_command *x, struct item *out)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct items items;
	if (!store->ops->lookup(store, c->arena, c->gate.account, x->col->ledger->folder_id,
				&x->id.uid, 1, &items, &c->err))
		return FOUND_FAILED;
	*out = items.v[0];
	if (out->gone)
		x->response->status = SYNC_NOT_FOUND;
	return out->gone ? FOUND_NONE : FOUND_ONE;
}

/* 0: the kind says nothing of the item. */
static unsigned status_of_kind(unsigned tag, enum err_kind kind)
{
	switch (kind) {
	case ERR_NOT_FOUND:
		return SYNC_NOT_FOUND;
	case ERR_QUOTA:
		return SYNC_NO_SPACE;
	case ERR_FORBIDDEN:
	case ERR_CONFLICT:
		/* What can't be kept is not sent again (MS-ASCMD 2.2.3.177.17). */
		return tag == AirSync_Add ? SYNC_CONVERSION : SYNC_CONFLICT;
	case ERR_UNSUPPORTED:
		return SYNC_CONVERSION;
	default:
		return 0;
	}
}

unsigned sync_command_status(unsigned tag, enum err_kind kind)
{
	unsigned status = status_of_kind(tag, kind);
	return status ? status : SYNC_CONVERSION;
}

bool sync_command_fail(const struct sync_command *x)
{
	struct call *c = x->call;
	unsigned status = status_of_kind(x->node->tag, c->err.kind);
	if (!status || pg_failed(c->session->db))
		return false;
	x->response->status = status;
	err_clear(&c->err);
	return true;
}
