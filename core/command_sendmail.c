/*
 * SendMail, SmartReply, SmartForward (MS-ASCMD 2.2.1.17, 2.2.1.20, 2.2.1.19): in a WBXML document
 * from 14.0 on; below, the body is the message and the rest stands in the query.
 *
 * Everything happens in one transaction that first notes the ClientId (or what was sent, where
 * there is none): whatever becomes of the answer, a repeat finds that note, or nothing was done.
 * Success is an empty answer. What a mail server says later never reaches the device: the user gets
 * a message.
 */
#include "core/call.h"

#include "core/attachment.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/text.h"
#include "core/compose.h"
#include "core/forwardees.h"
#include "core/imap_login.h"
#include "core/meeting_store.h"
#include "core/server_id.h"
#include "core/submit.h"
#include "store/delivery.h"
#include "store/message.h"
#include "store/pg.h"
#include "store/sender.h"

enum {
	CLIENT_ID_MOST = 256,
	DAY = 24 * 60 * 60,
	REMEMBERED = 30 * DAY /* as long as sender_forget() keeps them */
};

/* What was asked. */
struct request_mail {
	enum compose_kind kind;
	struct str mime;
	struct str reference; /* what a repeat is known by */
	int remembered;	      /* seconds for which it is */
	bool save, replace;
	bool has_source, broken_instance, has_account;
	int64_t instance; /* of a meeting that recurs, ms; INT64_MIN: all of it */
	struct str folder, item, long_id;
	struct forwardees forwardees; /* in place of `mime`; n == 0: there is one */
};

struct sending {
	struct call *call;
	struct request_mail asked;
	struct sender sender;
	struct compose_original original;
	struct str subject; /* of an event that is forwarded */
	struct submission submission;
};

/* ---- Decoding ---- */

/* False: it is no time. */
static bool read_instance(struct str text, struct request_mail *out)
{
	out->instance = INT64_MIN;
	return !text.n || clock_parse(text, &out->instance);
}

static struct item_context context_of(struct call *c)
{
	return (struct item_context){.arena = c->arena,
				     .version = c->version,
				     .address = c->gate.address,
				     .name = c->gate.display_name,
				     .timezone = c->gate.timezone,
				     .now = clock_now()};
}

/* MS-ASCMD 2.2.3.28.1: unique for each message of a device. */
static unsigned decode_document(struct call *c, struct request_mail *out)
{
	struct item_context ctx = context_of(c);
	const struct wbxml_node *source = wbxml_child(c->root, ComposeMail_Source);
	struct str id = wbxml_child_text(c->root, ComposeMail_ClientId);
	struct str mime = wbxml_child_text(c->root, ComposeMail_Mime);
	unsigned status = out->kind == COMPOSE_FORWARD
				  ? forwardees_read(&ctx, c->root, &out->forwardees)
				  : STATUS_OK;
	if (status != STATUS_OK)
		return status;
	if (id.n == 0 || id.n > CLIENT_ID_MOST || !text_is_xml(id) ||
	    (!mime.p && !out->forwardees.n) || (out->kind != COMPOSE_NEW && !source))
		return STATUS_INVALID_XML;
	out->mime = mime;
	out->reference = str_of(arena_printf(c->arena, "id:%.*s", STR_ARG(id)));
	out->remembered = REMEMBERED;
	out->save = wbxml_child(c->root, ComposeMail_SaveInSentItems) != NULL ||
		    out->forwardees.n > 0; /* as invitations are */
	out->replace = wbxml_child(c->root, ComposeMail_ReplaceMime) != NULL;
	out->has_account = wbxml_child(c->root, ComposeMail_AccountId) != NULL;
	out->has_source = out->kind != COMPOSE_NEW;
	out->folder = wbxml_child_text(source, ComposeMail_FolderId);
	out->item = wbxml_child_text(source, ComposeMail_ItemId);
	out->long_id = wbxml_child_text(source, ComposeMail_LongId);
	out->broken_instance =
		!read_instance(wbxml_child_text(source, ComposeMail_InstanceId), out);
	return STATUS_OK;
}

/* There is no ClientId: the same message about the same item within a day is a repeat. */
static struct str digest_of(struct call *c)
{
	const struct eas_query *q = &c->request->eas;
	unsigned char whole[DIGEST_SIZE], message[DIGEST_SIZE];
	digest_sha256(c->request->body, message);
	struct str hex =
		text_hex_encode(c->arena, (struct str){(const char *)message, sizeof message});
	digest_sha256(str_of(arena_printf(c->arena, "%s\n%.*s\n%.*s\n%.*s\n%.*s", c->command->name,
					  STR_ARG(q->collection_id), STR_ARG(q->item_id),
					  STR_ARG(q->long_id), STR_ARG(hex))),
		      whole);
	hex = text_hex_encode(c->arena, (struct str){(const char *)whole, sizeof whole});
	return str_of(arena_printf(c->arena, "mime:%.*s", STR_ARG(hex)));
}

/*
 * The same for each repeat, so that one is known again by whoever was handed the message before
 * this server could note it. A reference without a ClientId may come again another day.
 */
static struct str message_id(struct sending *s)
{
	struct call *c = s->call;
	unsigned char hash[DIGEST_SIZE];
	int64_t day = s->asked.remembered == DAY ? s->submission.now / (1000LL * DAY) : 0;
	struct str address = s->sender.address;
	ptrdiff_t at = str_find_byte(address, '@');
	digest_sha256(
		str_of(arena_printf(c->arena, "%d %d %lld %.*s", c->gate.account, c->gate.device,
				    (long long)day, STR_ARG(s->asked.reference))),
		hash);
	struct str hex = text_hex_encode(c->arena, (struct str){(const char *)hash, 16});
	return str_of(arena_printf(c->arena, "<%.*s@%.*s>", STR_ARG(hex),
				   STR_ARG(str_sub(address, (size_t)(at + 1), address.n))));
}

static unsigned decode_query(struct call *c, struct request_mail *out)
{
	const struct eas_query *q = &c->request->eas;
	out->mime = c->request->body;
	out->reference = digest_of(c);
	out->remembered = DAY;
	out->save = q->save_in_sent;
	out->has_source = out->kind != COMPOSE_NEW;
	out->folder = q->collection_id;
	out->item = q->item_id;
	out->long_id = q->long_id;
	out->broken_instance = !read_instance(q->occurrence, out);
	return STATUS_OK;
}

static unsigned decode(struct call *c, struct request_mail *out)
{
	unsigned status = c->version < 140 ? decode_query(c, out) : decode_document(c, out);
	if (status != STATUS_OK)
		return status;
	if (out->has_source && out->item.n == 0 && out->long_id.n == 0)
		return STATUS_INVALID_XML;
	if (out->broken_instance)
		return STATUS_INVALID_DATETIME;
	/* Settings names no accounts but the user's own, which has no AccountId
	 * (MS-ASCMD 2.2.3.3.1). */
	if (out->has_account)
		return STATUS_INVALID_ACCOUNT_ID;
	out->mime = delivery_normalise(c->arena, out->mime);
	return STATUS_OK;
}

/* ---- The original ---- */

static bool parse_source(const struct request_mail *asked, struct server_id *id)
{
	int32_t folder;
	if (asked->long_id.n)
		return server_id_parse(asked->long_id, id);
	if (!server_id_parse(asked->item, id))
		return false;
	return !asked->folder.n ||
	       (server_id_parse_folder(asked->folder, &folder) && folder == id->folder);
}

static struct slice slice_of(int64_t uid, const struct part *part)
{
	return (struct slice){
		.uid = uid, .offset = part ? part->offset : 0, .length = part ? part->length : 0};
}

/* Reads of the original what the message needs: all to attach it, its texts to quote them. */
static bool read_original(struct sending *s, const struct summary *found)
{
	struct call *c = s->call;
	struct store *store = c->session->store;
	const struct message *m = found->message;
	s->original.message = m;
	if (s->asked.replace)
		return true;
	struct slice v[2] = {{.uid = found->uid, .length = m->size}};
	size_t n = 1;
	if (s->asked.kind == COMPOSE_REPLY) {
		v[0] = slice_of(found->uid, message_body(m, PART_TEXT));
		v[n++] = slice_of(found->uid, message_body(m, PART_HTML));
	}
	if (!store->ops->slices(store, c->arena, c->gate.account, s->submission.source_folder, v, n,
				&c->err))
		return false;
	if (s->asked.kind == COMPOSE_REPLY) {
		s->original.text = v[0].bytes;
		s->original.html = v[1].bytes;
	} else {
		s->original.raw = v[0].bytes;
		if (!v[0].bytes.p)
			return err_set(&c->err, ERR_CONFLICT,
				       "the original went while it was read");
		if (str_starts(m->message_class, STR("IPM.Schedule.Meeting.Request")))
			s->original.calendar = meeting_of_message(c->arena, v[0].bytes, m);
	}
	return true;
}

/* An event of a calendar. FOUND_NONE: it is none. */
static enum found find_event(struct sending *s, struct server_id id, struct str *text)
{
	struct call *c = s->call;
	struct store *store = c->session->store;
	struct slice slice = {.uid = id.uid, .length = INT64_MAX};
	struct folder folder;
	enum found found =
		store->ops->folder(store, c->arena, c->gate.account, id.folder, &folder, &c->err);
	if (found != FOUND_ONE)
		return found;
	if (folder.class != CLASS_CALENDAR || folder.epoch != id.epoch)
		return FOUND_NONE;
	if (!store->ops->slices(store, c->arena, c->gate.account, id.folder, &slice, 1, &c->err))
		return FOUND_FAILED;
	*text = slice.bytes;
	return text->p ? FOUND_ONE : FOUND_NONE;
}

/* The invitation that goes along, of an event or of an occurrence of it (MS-ASCMD 2.2.1.19). */
static unsigned take_along(struct sending *s, struct str text)
{
	struct item_context ctx = context_of(s->call);
	struct meeting_mail mail;
	struct err bad;
	if (!meeting_forward(&ctx, text, s->asked.instance, &mail, &bad))
		return STATUS_ITEM_NOT_FOUND;
	s->original.calendar = mail.calendar;
	s->subject = mail.subject;
	return STATUS_OK;
}

/* What a reply to an event quotes (MS-ASCMD 2.2.1.20). */
static unsigned quote_event(struct sending *s, struct str text)
{
	struct item_context ctx = context_of(s->call);
	struct message *m = arena_alloc(s->call->arena, sizeof *m);
	struct str raw;
	struct err bad;
	if (!meeting_quote(&ctx, text, s->asked.instance, &raw, &bad))
		return STATUS_ITEM_NOT_FOUND;
	if (!message_scan(s->call->arena, raw, m, &s->call->err))
		return 0;
	const struct part *part = message_body(m, PART_TEXT);
	s->original.message = m;
	s->original.text =
		part ? str_sub(raw, (size_t)part->offset, (size_t)part->length) : STR("");
	return STATUS_OK;
}

static unsigned load_event(struct sending *s, struct str text)
{
	return s->asked.kind == COMPOSE_FORWARD ? take_along(s, text) : quote_event(s, text);
}

/* Of an invitation one occurrence may be meant, or it is to be forwarded without a message. */
static unsigned load_invitation(struct sending *s)
{
	bool occurrence = s->asked.instance != INT64_MIN;
	if (s->asked.replace || (!occurrence && !s->asked.forwardees.n))
		return STATUS_OK;
	if (s->asked.kind == COMPOSE_FORWARD && s->original.calendar.n) {
		s->original.message = NULL; /* it would tell all of the series, and twice */
		return take_along(s, s->original.calendar);
	}
	return occurrence ? STATUS_ITEM_NOT_FOUND : STATUS_INVALID_SMART_FORWARD;
}

/* STATUS_OK when there is none to be had; 0: the request has failed. */
static unsigned load_original(struct sending *s)
{
	struct server_id id;
	struct summary *summary;
	if (!s->asked.has_source)
		return STATUS_OK;
	/* What replaces the original goes out without a look at it. */
	if (s->call->gate.quarantined)
		return s->asked.replace ? STATUS_OK : STATUS_ACCESS_DENIED;
	if (!parse_source(&s->asked, &id))
		return STATUS_ITEM_NOT_FOUND;
	struct str event;
	enum found found = find_event(s, id, &event);
	if (found == FOUND_ONE)
		return load_event(s, event);
	if (found == FOUND_NONE)
		found = attachment_message(s->call, id, &summary);
	if (found == FOUND_NONE)
		return STATUS_ITEM_NOT_FOUND;
	if (found == FOUND_FAILED)
		return 0;
	s->submission.source_folder = id.folder;
	s->submission.source_uid = id.uid;
	return read_original(s, summary) ? load_invitation(s) : 0;
}

/* ---- What it is to the original ---- */

static bool names(struct arena *a, struct str addresses, struct str address)
{
	struct str wanted = str_of(arena_printf(a, "<%.*s>", STR_ARG(address)));
	for (size_t i = 0; i + wanted.n <= addresses.n; i++)
		if (addresses.p[i] == '<' && str_eq_nocase(str_sub(addresses, i, wanted.n), wanted))
			return true;
	return false;
}

/* A reply that goes to others who had the original too is one to all. */
static enum submit_verb reply_verb(struct sending *s, const struct composed *mail)
{
	const struct message *m = s->original.message;
	for (size_t i = 0; i < mail->nrecipients; i++) {
		struct str address = mail->recipients[i];
		if (sender_owns(&s->sender, address))
			continue;
		if (names(s->call->arena, m->to, address) || names(s->call->arena, m->cc, address))
			return VERB_REPLY_ALL;
	}
	return VERB_REPLY;
}

/* Programs that don't use SmartForward say so at least there, in the user's language. */
static bool is_forward(struct str subject)
{
	static const char *const prefixes[] = {
		"fw:", "fwd:", "wg:", "tr:", "rv:", "i:", "enc:", "vs:", "vb:"};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
		if (str_starts_nocase(subject, str_of(prefixes[i])))
			return true;
	return false;
}

/* Outlook sends its replies with SendMail: In-Reply-To tells. False: the request has failed. */
static bool find_answered(struct sending *s, const struct composed *mail)
{
	struct call *c = s->call;
	struct submission *to = &s->submission;
	struct summary *summary;
	if (s->asked.has_source && !to->source_folder)
		return true; /* an event bears no mark of it */
	if (s->asked.has_source) {
		to->verb = s->asked.kind == COMPOSE_FORWARD ? VERB_FORWARD : reply_verb(s, mail);
		return true;
	}
	if (!mail->in_reply_to.n)
		return true;
	enum found found = sender_find(c->session->db, c->arena, c->gate.account, mail->in_reply_to,
				       &to->source_folder, &to->source_uid, &c->err);
	if (found != FOUND_ONE)
		return found == FOUND_NONE;
	struct store *store = c->session->store;
	if (!store->ops->summaries(store, c->arena, c->gate.account, to->source_folder,
				   &to->source_uid, 1, &summary, &c->err))
		return false;
	s->original.message = summary->message;
	if (summary->found)
		to->verb = is_forward(mail->subject) ? VERB_FORWARD : reply_verb(s, mail);
	return true;
}

/* ---- Carrying out ---- */

static unsigned status_of_compose(enum compose_result result)
{
	static const unsigned of[] = {
		[COMPOSE_DONE] = STATUS_OK,
		[COMPOSE_BROKEN] = STATUS_INVALID_MIME,
		[COMPOSE_NO_RECIPIENT] = STATUS_NO_RECIPIENT,
		[COMPOSE_TOO_MANY] = STATUS_SEND_QUOTA,
		[COMPOSE_SENDER_REFUSED] = STATUS_SUBMISSION_FAILED,
		[COMPOSE_TOO_LARGE] = STATUS_INVALID_CONTENT,
	};
	return of[result];
}

/* Within the transaction. 0: the request has failed (c->err). */
static unsigned send_once(struct sending *s)
{
	struct call *c = s->call;
	struct composed *mail = arena_alloc(c->arena, sizeof *mail);
	struct compose compose = {.kind = s->asked.kind,
				  .mime = s->asked.mime,
				  .sender = &s->sender,
				  .replace = s->asked.replace,
				  .id = message_id(s),
				  .now = s->submission.now};
	switch (sender_remember(c->session->db, c->arena, c->gate.account, c->gate.device,
				s->asked.reference, s->asked.remembered, &c->err)) {
	case FOUND_FAILED:
		return 0;
	case FOUND_ONE:
		return STATUS_PREVIOUSLY_SENT;
	case FOUND_NONE:
		break;
	}
	if (!sender_read(c->session->db, c->arena, c->gate.account, &s->sender, &c->err))
		return 0;
	unsigned status = load_original(s);
	if (status != STATUS_OK)
		return status;
	if (s->original.message || s->original.calendar.n)
		compose.original = &s->original;
	if (s->asked.forwardees.n)
		compose.mime = forwardees_message(c->arena, &s->asked.forwardees, s->subject);
	status = status_of_compose(compose_message(c->arena, &compose, mail));
	if (status != STATUS_OK)
		return status;
	s->submission.mail = mail;
	if (!find_answered(s, mail) ||
	    !submit_message(c->session->db, c->session->store, c->arena, &s->submission, &c->err))
		return 0;
	return STATUS_OK;
}

/* Success is an empty answer; below 14.0 so is a repeat, which has no status of its own there. */
static void answer(struct call *c, unsigned status)
{
	if (status == 0)
		call_fail(c, NULL);
	else if (status == STATUS_OK || (status == STATUS_PREVIOUSLY_SENT && c->version < 140))
		c->status = status;
	else
		call_common(c, status);
}

static void run(struct call *c, enum compose_kind kind)
{
	struct store *store = c->session->store;
	struct sending s = {.call = c, .asked = {.kind = kind}};
	unsigned status = decode(c, &s.asked);
	/* A device that only tries its settings out is not remembered, and has nothing to send. */
	if (status == STATUS_OK && c->gate.device == 0)
		status = STATUS_ACCESS_DENIED;
	if (status == STATUS_OK) {
		s.sender.address = c->gate.address;
		s.sender.display_name = c->gate.display_name;
		s.submission = (struct submission){
			.account = c->gate.account,
			.save = s.asked.save,
			.now = clock_now(),
			.as_user = imap_login_is(c->session, c->gate.account) ? c->session->mail
									      : NULL};
		status = store->ops->begin(store, &c->err) ? send_once(&s) : 0;
		if (status != STATUS_OK)
			store->ops->rollback(store);
		else if (!store->ops->commit(store, &c->err))
			status = 0;
	}
	answer(c, status);
}

void command_sendmail(struct call *c)
{
	run(c, COMPOSE_NEW);
}

void command_smartreply(struct call *c)
{
	run(c, COMPOSE_REPLY);
}

void command_smartforward(struct call *c)
{
	run(c, COMPOSE_FORWARD);
}
