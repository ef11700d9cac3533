/*
 * MeetingResponse (MS-ASCMD 2.2.1.11): the user accepts, tentatively accepts or declines a meeting,
 * named by its invitation or by the event in a calendar, as a whole or one occurrence of it.
 *
 * Up to 14.1 the device mails the answer itself; from 16.0 on the server does when there is a
 * SendResponse. An invitation that was answered goes to Deleted Items. A request whose answer was
 * lost finds it there and comes to the same, and its message is not mailed again. One in somebody
 * else's Inbox stays where it is.
 */
#include "core/call.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/text.h"
#include "core/item_body.h"
#include "core/meeting_store.h"
#include "store/collection.h"
#include "store/mime.h"
#include "store/moved_item.h"
#include "store/pg.h"
#include "store/sender.h"

enum {
	REQUESTS_MOST = 100, /* MS-ASCMD 3.1.5.9 */
	ID_MOST = 64,	     /* characters of what may be answered as a RequestId */
	REPEATED = 10 * 60   /* seconds */
};

/* One Request, and what becomes of it. */
struct answer_request {
	const struct wbxml_node *node;
	struct str id; /* RequestId or LongId */
	enum meeting_answer answer;
	int64_t instance; /* ms; INT64_MIN: all of it */
	const struct wbxml_node *send;
	int64_t proposed_start, proposed_end;
	unsigned status;
	struct server_id calendar_id; /* folder 0: none */
};

struct answering {
	struct call *call;
	struct meeting_user user;
	struct meeting_user guest; /* who is invited: the user, or whose calendar it is */
	struct answer_request *r;
	struct server_id item; /* what is answered, where it is now */
	struct meeting_event event;
	int64_t instance; /* as in the request, or of the invitation */
	bool invitation;  /* the item is a message */
	bool lent;	  /* in somebody else's folder */
};

/* ---- Decoding ---- */

static bool read_proposal(const struct wbxml_node *send, struct answer_request *out)
{
	struct str start = wbxml_child_text(send, MeetingResponse_ProposedStartTime);
	struct str end = wbxml_child_text(send, MeetingResponse_ProposedEndTime);
	if (!start.p && !end.p)
		return true;
	return start.p && end.p && clock_parse(str_trim(start), &out->proposed_start) &&
	       clock_parse(str_trim(end), &out->proposed_end) &&
	       out->proposed_end >= out->proposed_start;
}

static unsigned decode(const struct call *c, const struct wbxml_node *node,
		       struct answer_request *out)
{
	struct str instance = wbxml_child_text(node, MeetingResponse_InstanceId);
	struct str long_id = wbxml_child_text(node, Search_LongId);
	int64_t answer;
	*out = (struct answer_request){.node = node, .instance = INT64_MIN};
	out->id = wbxml_child_text(node, MeetingResponse_RequestId);
	if (long_id.p && out->id.p)
		return MEETING_INVALID;
	if (long_id.p)
		out->id = long_id;
	if (!str_to_i64(wbxml_child_text(node, MeetingResponse_UserResponse), &answer) ||
	    answer < MEETING_ACCEPT || answer > MEETING_DECLINE)
		return MEETING_INVALID;
	out->answer = (enum meeting_answer)answer;
	if (instance.p && c->version < 141)
		return MEETING_INVALID;
	if (instance.p && !clock_parse(instance, &out->instance))
		return STATUS_INVALID_DATETIME;
	if (c->version >= 160)
		out->send = wbxml_child(node, MeetingResponse_SendResponse);
	return read_proposal(out->send, out) ? STATUS_OK : STATUS_INVALID_DATETIME;
}

static bool parse_item(const struct answer_request *r, struct server_id *out)
{
	struct str collection = wbxml_child_text(r->node, MeetingResponse_CollectionId);
	int32_t folder;
	if (!server_id_parse(r->id, out))
		return false;
	return !collection.n ||
	       (server_id_parse_folder(collection, &folder) && folder == out->folder);
}

/* ---- What is answered ---- */

/* An invitation that was answered already is where it was put then. */
static bool follow_moved(struct answering *x)
{
	struct call *c = x->call;
	struct moved_item item = {.from = {x->item.folder, x->item.epoch, x->item.uid}};
	if (c->gate.device == 0)
		return true;
	if (!moved_item_find(c->session->db, c->arena, c->gate.account, c->gate.device, &item, 1,
			     &c->err))
		return false;
	if (item.known)
		x->item = (struct server_id){item.to.folder, item.to.epoch, item.to.uid};
	return true;
}

/* The calendar object of a message. p == NULL: it has none. False: c->err. */
static bool read_invitation(struct answering *x, struct str *out)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct summary *summary;
	*out = (struct str){NULL, 0};
	if (!store->ops->summaries(store, c->arena, c->gate.account, x->item.folder, &x->item.uid,
				   1, &summary, &c->err))
		return false;
	for (unsigned i = 0; summary->found && summary->message && i < summary->message->nparts;
	     i++) {
		const struct part *p = &summary->message->parts[i];
		struct slice slice = {x->item.uid, p->offset, p->length, {NULL, 0}};
		if (p->role != PART_CALENDAR && !str_eq(p->type, STR("text/calendar")))
			continue;
		if (!store->ops->slices(store, c->arena, c->gate.account, x->item.folder, &slice, 1,
					&c->err))
			return false;
		*out = mime_to_utf8(c->arena, p->charset,
				    mime_decode_all(c->arena, p->encoding, slice.bytes), false);
		return true;
	}
	return true;
}

/* The event of an invitation, made of it if it is not there any more. */
static unsigned find_by_invitation(struct answering *x)
{
	struct call *c = x->call;
	struct str calendar;
	struct meeting m;
	if (!read_invitation(x, &calendar))
		return 0;
	if (x->r->instance != INT64_MIN || !calendar.n || !meeting_read(c->arena, calendar, &m) ||
	    m.method != MEETING_REQUEST)
		return MEETING_INVALID;
	m.approved = x->r->answer != MEETING_DECLINE; /* whoever mailed it */
	if (!meeting_take(&x->user, &m, &c->err))
		return 0;
	enum found found = meeting_find(&x->user, m.uid, &x->event, &c->err);
	if (found != FOUND_ONE)
		return found == FOUND_NONE ? MEETING_INVALID : 0;
	struct item_context ctx = meeting_user_context(&x->user, x->event.text);
	x->instance = meeting_instance(&ctx, x->event.text, calendar);
	return STATUS_OK;
}

static unsigned find_in_calendar(struct answering *x)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct slice slice = {.uid = x->item.uid, .length = INT64_MAX};
	if (!store->ops->slices(store, c->arena, c->gate.account, x->item.folder, &slice, 1,
				&c->err))
		return 0;
	x->event = (struct meeting_event){x->item.folder, x->item.uid, slice.bytes};
	return slice.bytes.p ? STATUS_OK : MEETING_INVALID;
}

/* In somebody else's calendar it is he who comes, whoever says so. */
static bool find_guest(struct answering *x, const struct folder *folder)
{
	struct call *c = x->call;
	x->guest = x->user;
	x->lent = folder->at.account && folder->at.account != c->gate.account;
	if (!x->lent || x->invitation)
		return true;
	x->guest.account = folder->at.account;
	bool known = meeting_user_read(&x->guest, &c->err) == FOUND_ONE;
	x->guest.account = x->user.account;
	return known;
}

/* 0: the request as a whole fails (c->err). */
static unsigned find_event(struct answering *x)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct folder folder;
	if (!parse_item(x->r, &x->item))
		return MEETING_INVALID;
	if (!follow_moved(x))
		return 0;
	enum found found = store->ops->folder(store, c->arena, c->gate.account, x->item.folder,
					      &folder, &c->err);
	if (found == FOUND_FAILED)
		return 0;
	if (found == FOUND_NONE || folder.epoch != x->item.epoch)
		return MEETING_INVALID;
	x->invitation = folder.class == CLASS_EMAIL;
	x->instance = x->r->instance;
	if (!find_guest(x, &folder))
		return 0;
	if (x->invitation)
		return find_by_invitation(x);
	return folder.class == CLASS_CALENDAR ? find_in_calendar(x) : MEETING_INVALID;
}

/* ---- The answer ---- */

/* What the user wrote, as plain text. */
static struct str body_of(struct answering *x)
{
	struct item_context ctx = meeting_user_context(&x->guest, x->event.text);
	const struct wbxml_node *body = wbxml_child(x->r->send, AirSyncBase_Body);
	struct item_edit_field field = {AirSyncBase_Body, body, NULL};
	struct item_text none = {{"", 0}, {"", 0}}, text;
	struct err ignored;
	if (!body || !item_body_apply(&ctx, &field, none, &text, &ignored))
		return STR("");
	return text.plain;
}

/* The same answer to the same, a moment ago, was mailed already. */
static enum found mailed_before(struct answering *x)
{
	struct call *c = x->call;
	unsigned char digest[DIGEST_SIZE];
	struct str body = body_of(x);
	const char *what = arena_printf(c->arena, "%.*s\n%d\n%lld\n%lld\n%.*s", STR_ARG(x->r->id),
					(int)x->r->answer, (long long)x->instance,
					(long long)x->r->proposed_start, STR_ARG(body));
	digest_sha256(str_of(what), digest);
	struct str hex = text_hex_encode(c->arena, (struct str){(const char *)digest, 32});
	return sender_remember(c->session->db, c->arena, c->gate.account, c->gate.device,
			       str_of(arena_printf(c->arena, "meeting:%.*s", STR_ARG(hex))),
			       REPEATED, &c->err);
}

/* Who asked for no answer, or can't get one, gets none. */
static bool mail_answer(struct answering *x, struct str text)
{
	struct call *c = x->call;
	struct item_context ctx = meeting_user_context(&x->guest, text);
	struct meeting_mail mail;
	struct err none = {0};
	if (!x->r->send)
		return true;
	enum found before = mailed_before(x);
	if (before != FOUND_NONE)
		return before == FOUND_ONE;
	if (!meeting_reply(&ctx, text, x->r->answer, x->instance, x->r->proposed_start,
			   x->r->proposed_end, &mail, &none))
		return true;
	return meeting_send(&x->user, &mail, body_of(x), &c->err);
}

static unsigned status_of_answer(const struct err *e)
{
	return e->kind == ERR_UNSUPPORTED ? STATUS_NOT_RECURRING : MEETING_INVALID;
}

/* A meeting that is declined leaves the calendar. */
static unsigned keep_or_remove(struct answering *x, struct str text)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct folder folder;
	int64_t modseq;
	if (x->r->answer == MEETING_DECLINE && x->instance == INT64_MIN)
		return store->ops->remove(store, c->gate.account, x->event.folder, x->event.uid,
					  &modseq, &c->err) == FOUND_FAILED
			       ? 0
			       : STATUS_OK;
	enum found found = meeting_put(&x->user, &x->event, text, &c->err);
	if (found == FOUND_ONE)
		found = store->ops->folder(store, c->arena, c->gate.account, x->event.folder,
					   &folder, &c->err);
	if (found != FOUND_ONE)
		return found == FOUND_NONE ? MEETING_INVALID : 0;
	if (x->r->answer != MEETING_DECLINE)
		x->r->calendar_id = (struct server_id){x->event.folder, folder.epoch, x->event.uid};
	return STATUS_OK;
}

/* ---- The invitation ---- */

static bool find_trash(struct call *c, struct folder *out)
{
	struct folder *v;
	size_t n;
	struct store *store = c->session->store;
	*out = (struct folder){0};
	if (!store->ops->folders(store, c->arena, c->gate.account, &v, &n, &c->err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (v[i].role == ROLE_TRASH)
			*out = v[i];
	return true;
}

/* An invitation in somebody else's Inbox is his: it stays for him. */
static bool put_away(struct answering *x)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	struct folder trash;
	int64_t gone, uid, modseq;
	if (!x->invitation || x->lent)
		return true;
	if (!find_trash(c, &trash))
		return false;
	if (!trash.id || trash.id == x->item.folder)
		return true;
	enum found found = store->ops->move(store, c->gate.account, x->item.folder, x->item.uid,
					    trash.id, &gone, &uid, &modseq, &c->err);
	if (found != FOUND_ONE || c->gate.device == 0)
		return found != FOUND_FAILED;
	struct moved_item moved = {.from = {x->item.folder, x->item.epoch, x->item.uid},
				   .known = true,
				   .to = {trash.id, trash.epoch, uid}};
	return moved_item_record(c->session->db, c->arena, c->gate.account, c->gate.device, &moved,
				 1, &c->err);
}

/* ---- The whole ---- */

/* Within the transaction. 0: the request as a whole fails (c->err). */
static unsigned answer_once(struct answering *x)
{
	struct str text;
	struct err bad = {0};
	unsigned status = find_event(x);
	if (status != STATUS_OK)
		return status;
	struct item_context ctx = meeting_user_context(&x->guest, x->event.text);
	if (!meeting_answer(&ctx, x->event.text, x->r->answer, x->instance, &text, &bad))
		return status_of_answer(&bad);
	/* A declined occurrence is answered from the series that still has it. */
	if (!mail_answer(x, x->r->answer == MEETING_DECLINE ? x->event.text : text))
		return 0;
	status = keep_or_remove(x, text);
	return status == STATUS_OK && !put_away(x) ? 0 : status;
}

/*
 * An event that was found by its invitation is named as the device knows it: it may see the
 * calendar merged with others, or not at all, and then there is no CalendarId. Merged folders take
 * in what was done once it is committed.
 */
static unsigned name_event(struct answering *x)
{
	struct call *c = x->call;
	struct server_id *id = &x->r->calendar_id;
	struct collection_item there;
	if (!x->invitation || !id->folder || c->gate.device == 0)
		return STATUS_OK;
	enum found found = collection_on_device(c->session->db, c->gate.account, c->gate.device,
						id->folder, id->uid, &there, &c->err);
	*id = (struct server_id){0};
	if (found == FOUND_ONE)
		*id = (struct server_id){there.folder, there.epoch, there.uid};
	return found == FOUND_FAILED ? 0 : STATUS_OK;
}

static unsigned carry_out(struct answering *x)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	if (!store->ops->begin(store, &c->err))
		return MEETING_SERVER;
	unsigned status = answer_once(x);
	if (status == STATUS_OK && !store->ops->commit(store, &c->err))
		status = 0;
	if (status != STATUS_OK)
		store->ops->rollback(store);
	else
		status = name_event(x);
	if (status == 0 && c->err.kind == ERR_FORBIDDEN) /* to repeat it would not help */
		status = MEETING_INVALID;
	return status ? status : MEETING_SERVER;
}

static void encode(struct call *c, const struct answer_request *r)
{
	char text[CLOCK_TEXT];
	wbxml_begin(&c->out, MeetingResponse_Result);
	if (wbxml_child(r->node, MeetingResponse_RequestId) && r->id.n <= ID_MOST)
		wbxml_text(&c->out, MeetingResponse_RequestId, r->id);
	wbxml_int(&c->out, MeetingResponse_Status, r->status);
	if (r->calendar_id.folder)
		wbxml_text(&c->out, MeetingResponse_CalendarId,
			   server_id_text(c->arena, r->calendar_id));
	if (r->instance != INT64_MIN && c->version >= 141)
		wbxml_cstr(&c->out, MeetingResponse_InstanceId, clock_dashed(r->instance, text));
	wbxml_end(&c->out);
	c->status = r->status;
}

void command_meetingresponse(struct call *c)
{
	size_t n = wbxml_count(c->root), i = 0;
	struct answer_request *requests = arena_array(c->arena, n, sizeof *requests);
	struct answering x = {.call = c,
			      .user = {.db = c->session->db,
				       .store = c->session->store,
				       .a = c->arena,
				       .account = c->gate.account,
				       .now = clock_now()}};
	if (n == 0 || n > REQUESTS_MOST) {
		call_common(c, STATUS_INVALID_XML);
		return;
	}
	if (meeting_user_read(&x.user, &c->err) != FOUND_ONE) {
		call_fail(c, NULL);
		return;
	}
	for (const struct wbxml_node *node = c->root->first; node; node = node->next) {
		x.r = &requests[i++];
		x.r->status = decode(c, node, x.r);
		if (x.r->status == STATUS_OK)
			x.r->status = carry_out(&x);
	}
	call_begin(c);
	for (i = 0; i < n; i++)
		encode(c, &requests[i]);
}
