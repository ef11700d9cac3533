/* undelivered: tells a sender of a failure. See undelivered.h for the contract. */
#include "core/undelivered.h"

#include "core/base/arena.h"
#include "store/delivery.h"
#include "store/queue.h"

bool undelivered_tell(struct pg *db, struct store *store, struct arena *a,
		      const struct undelivered *u, struct err *e)
{
	if (u->n == 0 || u->sender.n == 0)
		return true;
	const struct recipient to = {.address = u->sender};
	struct str text = bounce_make(a, u->sender, u->raw, u->failures, u->n, u->now);
	if (u->inbox)
		return delivery_put(store, a, u->account, u->inbox, text, u->now, 0, e);
	return queue_put(db, a, u->account, STR(""), text, &to, 1, e);
}
