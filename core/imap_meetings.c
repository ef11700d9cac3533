/* imap_meetings: invitations in an Inbox on an IMAP server. See imap_meetings.h. */
#include "core/imap_meetings.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/meeting_store.h"
#include "store/imap_store.h"
#include "store/message.h"

enum { MESSAGE_CAP = 8 * INVITATION_SIZE_MOST };

/* One message, in an arena of its own. False only when the store fails. */
static bool take_one(struct session *s, int32_t account, const struct imap_invitations *v, size_t i,
		     struct arena *a, struct err *e)
{
	struct meeting_user user = {
		.db = s->db, .store = s->store, .a = a, .account = account, .now = clock_now()};
	struct slice slice = {.uid = v->uids[i], .length = v->sizes[i]};
	struct message m;
	if (!s->mail->ops->slices(s->mail, a, account, v->folder, &slice, 1, e))
		return false;
	struct str raw = slice.bytes;
	if (!raw.p) /* it went meanwhile */
		return true;
	if (!meeting_unpack(&user, &raw, e))
		return false;
	if (message_scan(a, raw, &m, e))
		meeting_receive(&user, raw, &m);
	else
		log_event(LOG_WARNING, "meeting-ignored", e);
	return true;
}

static bool take_all(struct session *s, int32_t account, const struct imap_invitations *v,
		     struct err *e)
{
	struct arena *a = arena_new(MESSAGE_CAP);
	bool ok = true;
	for (size_t i = 0; ok && i < v->n; i++) {
		ok = take_one(s, account, v, i, a, e);
		arena_reset(a);
	}
	arena_free(&a);
	return ok;
}

/* Two workers that see the same messages: the second waits for the claim and has nothing to do. */
static bool take_claimed(struct session *s, int32_t account, const struct imap_invitations *v,
			 struct err *e)
{
	struct store *store = s->store;
	if (!store->ops->begin(store, e))
		return false;
	enum found found = imap_invitations_claim(s->db, account, v, e);
	if (found == FOUND_ONE && take_all(s, account, v, e))
		return store->ops->commit(store, e);
	store->ops->rollback(store);
	return found == FOUND_NONE;
}

void imap_meetings_take(struct session *s, int32_t account)
{
	struct imap_invitations v;
	struct err e = {0};
	enum found found = store_imap_invitations(s->mail, s->arena, account, &v, &e);
	if (found == FOUND_FAILED || (found == FOUND_ONE && !take_claimed(s, account, &v, &e)))
		log_event(LOG_WARNING, "meetings-not-taken", &e);
}
