/* sync_command: what all commands of a device need. See sync_command.h for the contract. */
#include "core/sync_command.h"

#include "core/base/arena.h"

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

bool sync_command_fail(const struct sync_command *x)
{
	static const struct {
		enum err_kind kind;
		unsigned status;
	} statuses[] = {
		{ERR_NOT_FOUND, SYNC_NOT_FOUND},    {ERR_FORBIDDEN, SYNC_CONFLICT},
		{ERR_CONFLICT, SYNC_CONFLICT},	    {ERR_QUOTA, SYNC_NO_SPACE},
		{ERR_UNSUPPORTED, SYNC_CONVERSION},
	};
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++)
		if (statuses[i].kind == x->call->err.kind) {
			x->response->status = statuses[i].status;
			/* What can't be kept is not sent again (MS-ASCMD 2.2.3.177.17). */
			if (x->node->tag == AirSync_Add && statuses[i].status == SYNC_CONFLICT)
				x->response->status = SYNC_CONVERSION;
			err_clear(&x->call->err);
			return true;
		}
	return false;
}
