/* sync_meeting: attendees are told. See sync_meeting.h for the contract. */
#include "core/sync_meeting.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/meeting_store.h"

static bool is_concerned(const struct sync_command *x)
{
	return x->call->version >= 160 && x->col->ledger->folder.class == CLASS_CALENDAR;
}

static bool read_text(const struct sync_command *x, struct str *out)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct slice slice = {.uid = x->id.uid, .length = INT64_MAX};
	if (!store->ops->slices(store, c->arena, c->gate.account, x->id.folder, &slice, 1, &c->err))
		return false;
	*out = slice.bytes.p ? slice.bytes : STR("");
	return true;
}

bool sync_meeting_before(const struct sync_command *x, struct str *before)
{
	*before = STR("");
	return !is_concerned(x) || x->node->tag == AirSync_Add || read_text(x, before);
}

bool sync_meeting_after(const struct sync_command *x, struct str before)
{
	struct call *c = x->call;
	struct meeting_user u = {.db = c->session->db,
				 .store = c->session->store,
				 .a = c->arena,
				 .account = c->gate.account,
				 .now = clock_now()};
	struct str after;
	if (!is_concerned(x) || x->response->status != STATUS_OK || !x->id.uid)
		return true;
	if (!read_text(x, &after))
		return false;
	if (str_find(before, STR("ATTENDEE")) < 0 && str_find(after, STR("ATTENDEE")) < 0)
		return true;
	return meeting_user_read(&u, &c->err) == FOUND_ONE &&
	       meeting_tell(&u, before, after, &c->err);
}
