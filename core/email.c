/* email: the Email class. See email.h for the contract, email_fields.def for the elements. */
#include "core/email.h"

#include <stddef.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/email_flag.h"
#include "core/meeting_request.h"
#include "core/status.h"
#include "store/mime.h"

enum {
	RECIPIENTS_MOST = 32768,
	BCC_MOST = 1024,
	INVITATION_MOST = 256 * 1024 /* of a text/calendar part, encoded */
};

/* One item on its way out. */
struct emission {
	struct wbxml_out *w;
	const struct email_context *ctx;
	const struct summary *s;
	const struct message *m;
	const struct email_plan *plan;
	struct str body, part, invitation; /* bytes of the raw message */
	json_t *marks;			   /* NULL: none */
	struct err *e;
	bool failed;
};

enum change { CHANGE_IGNORE, CHANGE_APPLY, CHANGE_REFUSE };

struct field {
	unsigned tag, since, until;
	enum email_scope scope;
	enum change change;
	void (*emit)(struct emission *x, unsigned tag, struct str value);
	ptrdiff_t member; /* of struct message, or -1 */
};

/* ---- Address lists: "Name" <addr>, "Name" <addr> ---- */

/* Takes the next entry off a list, without the comma and blank after it. */
static bool next_entry(struct str *rest, struct str *entry)
{
	bool quoted = false;
	size_t i = 0;
	if (!rest->n)
		return false;
	for (; i < rest->n; i++) {
		char c = rest->p[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == ',' && !quoted)
			break;
	}
	*entry = str_trim(str_sub(*rest, 0, i));
	*rest = str_trim(str_sub(*rest, i + 1, rest->n));
	return true;
}

/* The name of an entry, or all of it when it has none in quotes. */
static struct str entry_name(struct arena *a, struct str entry)
{
	if (!entry.n || entry.p[0] != '"')
		return entry;
	char *out = arena_alloc(a, entry.n + 1);
	size_t n = 0;
	for (size_t i = 1; i < entry.n && entry.p[i] != '"'; i++) {
		if (entry.p[i] == '\\' && i + 1 < entry.n)
			i++;
		out[n++] = entry.p[i];
	}
	return (struct str){out, n};
}

/* As many entries as fit in `most` bytes: an address is not cut. */
static struct str whole_entries(struct str list, size_t most)
{
	struct str rest = list, entry;
	size_t end = 0;
	if (list.n <= most)
		return list;
	while (next_entry(&rest, &entry)) {
		size_t stop = (size_t)(entry.p - list.p) + entry.n;
		if (stop > most)
			break;
		end = stop;
	}
	return str_sub(list, 0, end);
}

/* The list with another separator, of entries or of their names only. */
static struct str join(struct arena *a, struct str list, bool names)
{
	struct str entry;
	char *out = arena_alloc(a, 2 * list.n + 2);
	size_t n = 0;
	while (next_entry(&list, &entry)) {
		if (names)
			entry = entry_name(a, entry);
		if (!entry.n)
			continue;
		if (n) {
			memcpy(out + n, "; ", 2);
			n += 2;
		}
		memcpy(out + n, entry.p, entry.n);
		n += entry.n;
	}
	return (struct str){out, n};
}

/* ---- One function for each kind of element; nothing is written for what is not there ---- */

static void emit_nothing(struct emission *x, unsigned tag, struct str value)
{
	(void)x;
	(void)tag;
	(void)value;
}

static void emit_text(struct emission *x, unsigned tag, struct str value)
{
	if (value.n)
		wbxml_text(x->w, tag, value);
}

static void emit_recipients(struct emission *x, unsigned tag, struct str value)
{
	emit_text(x, tag, whole_entries(value, RECIPIENTS_MOST));
}

/* Separated by semicolons (MS-ASEMAIL 2.2.2.66). */
static void emit_reply_to(struct emission *x, unsigned tag, struct str value)
{
	emit_text(x, tag, join(x->ctx->arena, whole_entries(value, RECIPIENTS_MOST), false));
}

struct str email_names(struct arena *a, struct str addresses)
{
	return join(a, whole_entries(addresses, RECIPIENTS_MOST), true);
}

static void emit_display_to(struct emission *x, unsigned tag, struct str value)
{
	emit_text(x, tag, email_names(x->ctx->arena, value));
}

/* Blind copies are nobody's business but the author's, and only a draft can be changed. */
static void emit_bcc(struct emission *x, unsigned tag, struct str value)
{
	if (x->s->item.flags & ITEM_DRAFT)
		emit_text(x, tag, whole_entries(value, BCC_MOST));
}

/* Only when somebody else sent it (MS-ASEMAIL 2.2.2.70). */
static void emit_sender(struct emission *x, unsigned tag, struct str value)
{
	if (!str_eq(value, x->m->from))
		emit_text(x, tag, value);
}

static void emit_date_received(struct emission *x, unsigned tag, struct str value)
{
	char text[CLOCK_TEXT];
	(void)value;
	wbxml_cstr(x->w, tag, clock_dashed(x->s->item.date, text));
}

static void emit_importance(struct emission *x, unsigned tag, struct str value)
{
	(void)value;
	wbxml_int(x->w, tag, x->m->importance);
}

static void emit_read(struct emission *x, unsigned tag, struct str value)
{
	(void)value;
	wbxml_int(x->w, tag, (x->s->item.flags & ITEM_SEEN) != 0);
}

static void emit_is_draft(struct emission *x, unsigned tag, struct str value)
{
	(void)value;
	wbxml_int(x->w, tag, (x->s->item.flags & ITEM_DRAFT) != 0);
}

static bool is_listed(const struct part *p)
{
	return p->role == PART_ATTACHMENT || p->role == PART_INLINE;
}

/* A nested message is 5, all else 1. Nothing is linked to and nothing is OLE in what is listed. */
static int method_of(const struct part *p)
{
	bool nested =
		str_eq(p->type, STR("message/rfc822")) || str_eq(p->type, STR("message/global"));
	return nested ? 5 : 1;
}

static struct str reference_of(const struct emission *x, const struct part *p)
{
	return str_of(arena_printf(x->ctx->arena, "%.*s:%.*s", STR_ARG(x->ctx->server_id),
				   STR_ARG(p->path)));
}

static int64_t size_as_sent(int64_t size)
{
	return size < UINT32_MAX ? size : UINT32_MAX;
}

/* Every attachment with a name and a size: clients need both (MS-ASAIRS 2.2.2.7). */
static void emit_attachment(struct emission *x, const struct part *p)
{
	struct wbxml_out *w = x->w;
	wbxml_begin(w, AirSyncBase_Attachment);
	wbxml_text(w, AirSyncBase_DisplayName, p->name);
	wbxml_text(w, AirSyncBase_FileReference, reference_of(x, p));
	wbxml_int(w, AirSyncBase_Method, method_of(p));
	wbxml_int(w, AirSyncBase_EstimatedDataSize, size_as_sent(p->size));
	if (p->content_id.n)
		wbxml_text(w, AirSyncBase_ContentId, p->content_id);
	if (p->location.n)
		wbxml_text(w, AirSyncBase_ContentLocation, p->location);
	if (p->role == PART_INLINE)
		wbxml_int(w, AirSyncBase_IsInline, 1);
	wbxml_end(w);
}

/* AttName is what GetAttachment asks with; AttOid the id by which HTML refers to it. */
static void emit_attachment_of_25(struct emission *x, const struct part *p)
{
	struct wbxml_out *w = x->w;
	wbxml_begin(w, Email_Attachment);
	wbxml_int(w, Email_AttMethod, method_of(p));
	wbxml_int(w, Email_AttSize, size_as_sent(p->size));
	wbxml_text(w, Email_DisplayName, p->name);
	wbxml_text(w, Email_AttName, reference_of(x, p));
	if (p->content_id.n)
		wbxml_text(w, Email_AttOid, p->content_id);
	wbxml_end(w);
}

static void emit_each(struct emission *x, unsigned tag,
		      void (*emit)(struct emission *x, const struct part *p))
{
	bool any = false;
	for (unsigned i = 0; i < x->m->nparts; i++) {
		if (!is_listed(&x->m->parts[i]))
			continue;
		if (!any)
			wbxml_begin(x->w, tag);
		any = true;
		emit(x, &x->m->parts[i]);
	}
	if (any)
		wbxml_end(x->w);
}

static void emit_attachments(struct emission *x, unsigned tag, struct str value)
{
	(void)value;
	emit_each(x, tag, emit_attachment);
}

static void emit_attachments_of_25(struct emission *x, unsigned tag, struct str value)
{
	(void)value;
	emit_each(x, tag, emit_attachment_of_25);
}

/* New ones stand behind those that were there, in the order in which they came. */
void email_added_attachments(struct wbxml_out *w, const struct email_context *ctx,
			     const struct message *m, const struct wbxml_node *data)
{
	struct emission x = {.w = w, .ctx = ctx, .m = m};
	const struct wbxml_node *n =
		wbxml_child(wbxml_child(data, AirSyncBase_Attachments), AirSyncBase_Add);
	size_t added = 0, listed = 0, place = 0;
	for (const struct wbxml_node *k = n; k; k = wbxml_again(k))
		added++;
	for (unsigned i = 0; i < m->nparts; i++)
		listed += is_listed(&m->parts[i]);
	if (!added || listed < added)
		return;
	wbxml_begin(w, AirSyncBase_Attachments);
	for (unsigned i = 0; i < m->nparts; i++) {
		const struct part *p = &m->parts[i];
		if (!is_listed(p) || place++ < listed - added)
			continue;
		wbxml_begin(w, AirSyncBase_Attachment);
		wbxml_text(w, AirSyncBase_DisplayName, p->name);
		wbxml_text(w, AirSyncBase_ClientId, wbxml_child_text(n, AirSyncBase_ClientId));
		wbxml_text(w, AirSyncBase_FileReference, reference_of(&x, p));
		wbxml_int(w, AirSyncBase_Method, method_of(p));
		wbxml_int(w, AirSyncBase_EstimatedDataSize, size_as_sent(p->size));
		wbxml_end(w);
		n = wbxml_again(n);
	}
	wbxml_end(w);
}

/* The content of the body, or the number of the part that holds it (MS-ASAIRS 2.2.2.33). */
static void emit_content(struct emission *x, unsigned tag, struct source *source)
{
	struct source_list *parts = x->ctx->parts;
	if (!parts) {
		wbxml_stream(x->w, tag, source);
		return;
	}
	parts->v[parts->n++] = source;
	wbxml_int(x->w, ItemOperations_Part, (int64_t)parts->n);
}

static void emit_stream(struct emission *x, unsigned tag)
{
	const struct email_context *ctx = x->ctx;
	struct source *source = NULL;
	enum found found = ctx->store->ops->open(ctx->store, ctx->account, ctx->folder,
						 x->s->item.uid, 0, x->m->size, &source, x->e);
	if (found == FOUND_ONE) {
		emit_content(x, tag, source);
		return;
	}
	x->failed = true;
	if (found == FOUND_NONE)
		err_set(x->e, ERR_NOT_FOUND, "the message is gone");
}

/* The children that Body and BodyPart share; the element is open. */
static void emit_body_text(struct emission *x, const struct body_plan *plan,
			   const struct body_text *body)
{
	wbxml_int(x->w, AirSyncBase_Type, plan->type);
	wbxml_int(x->w, AirSyncBase_EstimatedDataSize, size_as_sent(body->size));
	if (body->truncated) /* a client was seen to stumble over Truncated with 0 */
		wbxml_int(x->w, AirSyncBase_Truncated, 1);
	if (plan->source == BODY_STREAMED)
		emit_stream(x, AirSyncBase_Data);
	else if (x->ctx->parts)
		emit_content(x, AirSyncBase_Data, source_bytes(body->data.p, body->data.n));
	else if (body->data.n)
		wbxml_text(x->w, AirSyncBase_Data, body->data);
	if (body->preview.n)
		wbxml_text(x->w, AirSyncBase_Preview, body->preview);
}

static void emit_body(struct emission *x, unsigned tag, struct str value)
{
	struct body_text body;
	(void)value;
	x->failed = !body_make(x->ctx->arena, x->m, &x->plan->body, x->body, &body, x->e);
	if (x->failed)
		return;
	wbxml_begin(x->w, tag);
	emit_body_text(x, &x->plan->body, &body);
	wbxml_end(x->w);
}

/* MS-ASAIRS 2.2.2.10: what this message adds to its conversation. */
static void emit_body_part(struct emission *x, unsigned tag, struct str value)
{
	struct body_text body;
	(void)value;
	if (!x->plan->has_part)
		return;
	x->failed = !body_make(x->ctx->arena, x->m, &x->plan->part, x->part, &body, x->e);
	if (x->failed)
		return;
	wbxml_begin(x->w, tag);
	wbxml_int(x->w, AirSyncBase_Status, STATUS_OK);
	emit_body_text(x, &x->plan->part, &body);
	wbxml_end(x->w);
}

static void emit_meeting_request(struct emission *x, unsigned tag, struct str value)
{
	struct arena *a = x->ctx->arena;
	const struct part *part = x->plan->invitation;
	const struct meeting_context ctx = {.arena = a,
					    .version = x->ctx->version,
					    .timezone = x->ctx->timezone,
					    .message_class = x->m->message_class,
					    .date = x->s->item.date};
	(void)tag;
	(void)value;
	if (!part || !x->invitation.p)
		return;
	struct str text = mime_decode_all(a, part->encoding, x->invitation);
	meeting_request_encode(x->w, &ctx, mime_to_utf8(a, part->charset, text, false));
}

/* Text, or the message as MIME: each with elements of its own, and no way to tell of both. */
static void emit_body_of_25(struct emission *x, unsigned tag, struct str value)
{
	const struct body_plan *plan = &x->plan->body;
	bool mime = plan->type == BODY_MIME;
	struct body_text body;
	(void)value;
	x->failed = !body_make(x->ctx->arena, x->m, plan, x->body, &body, x->e);
	if (x->failed)
		return;
	if (plan->source == BODY_STREAMED)
		emit_stream(x, Email_MIMEData);
	else if (body.data.n)
		wbxml_text(x->w, mime ? Email_MIMEData : tag, body.data);
	wbxml_int(x->w, mime ? Email_MIMESize : Email_BodySize, size_as_sent(body.size));
	wbxml_int(x->w, mime ? Email_MIMETruncated : Email_BodyTruncated, body.truncated);
}

static const struct part *readable(const struct message *m)
{
	const struct part *html = message_body(m, PART_HTML);
	return html ? html : message_body(m, PART_TEXT);
}

/* What the message was written in; the element is required, so US-ASCII and UTF-8 stand in. */
static void emit_codepage(struct emission *x, unsigned tag, struct str value)
{
	const struct part *p = readable(x->m);
	unsigned page = !p || !p->charset.n ? 20127 : mime_codepage(p->charset);
	(void)value;
	wbxml_int(x->w, tag, page ? page : 65001);
}

static void emit_native_body_type(struct emission *x, unsigned tag, struct str value)
{
	(void)value;
	wbxml_int(x->w, tag, body_native_type(x->m));
}

/* MS-ASEMAIL 2.2.2.20: of mail always this; meetings as Exchange names them. */
static void emit_content_class(struct emission *x, unsigned tag, struct str value)
{
	bool meeting = str_starts(x->m->message_class, STR("IPM.Schedule.Meeting"));
	(void)value;
	wbxml_cstr(x->w, tag,
		   meeting ? "urn:content-classes:calendarmessage" : "urn:content-classes:message");
}

/* An empty one breaks clients, so it is left out when nothing names the thread. */
static void emit_conversation_id(struct emission *x, unsigned tag, struct str value)
{
	(void)value;
	if (x->m->has_conversation)
		wbxml_opaque(
			x->w, tag,
			(struct str){(const char *)x->m->conversation, sizeof x->m->conversation});
}

/*
 * What came with the message, with a level for each reply; else a beginning: bits 55 to 16 of the
 * FILETIME at which it was sent (MS-ASEMAIL 2.2.2.22, MS-OXOMSG 2.2.1.3).
 */
static void emit_conversation_index(struct emission *x, unsigned tag, struct str value)
{
	int64_t ms = x->m->date > 0 ? x->m->date : x->s->item.date;
	uint64_t filetime = (uint64_t)(ms + 11644473600000) * 10000;
	char bytes[5];
	(void)value;
	struct str index;
	if (!x->m->has_conversation)
		return;
	if (x->m->thread_index.n && text_hex_decode(x->ctx->arena, x->m->thread_index, &index)) {
		wbxml_opaque(x->w, tag, index);
		return;
	}
	for (int i = 0; i < 5; i++)
		bytes[i] = (char)(filetime >> (48 - 8 * i));
	wbxml_opaque(x->w, tag, (struct str){bytes, sizeof bytes});
}

static void emit_last_verb(struct emission *x, unsigned tag, struct str value)
{
	int64_t verb = json_integer_value(json_object_get(x->marks, "LastVerbExecuted"));
	unsigned flags = x->s->item.flags;
	(void)value;
	/* Answered over IMAP: the flag alone tells. */
	if (verb < 1 || verb > 3)
		verb = flags & ITEM_ANSWERED ? 1 : flags & ITEM_FORWARDED ? 3 : 0;
	if (verb)
		wbxml_int(x->w, tag, verb);
}

static void emit_last_verb_time(struct emission *x, unsigned tag, struct str value)
{
	char text[CLOCK_TEXT];
	int64_t when;
	(void)value;
	if (email_marks_date(x->marks, "LastVerbExecutionTime", &when))
		wbxml_cstr(x->w, tag, clock_dashed(when, text));
}

static void emit_flag(struct emission *x, unsigned tag, struct str value)
{
	(void)tag;
	(void)value;
	email_flag_encode(x->w, x->s, x->marks);
}

static void emit_categories(struct emission *x, unsigned tag, struct str value)
{
	(void)tag;
	(void)value;
	email_categories_encode(x->w, x->marks);
}

/* ---- The table ---- */

static const struct field fields[] = {
#define WHOLE EMAIL_WHOLE
#define MARKS EMAIL_MARKS
#define AT(member) (ptrdiff_t) offsetof(struct message, member)
#define NO -1
#define FIELD(tag, since, until, scope, change, emit, member)                                      \
	{tag, since, until, scope, CHANGE_##change, emit_##emit, member},
#include "core/email_fields.def"
#undef FIELD
#undef NO
#undef AT
#undef MARKS
#undef WHOLE
};

enum { FIELDS = sizeof fields / sizeof *fields };

static bool is_wanted(const struct field *f, const struct email_context *ctx)
{
	if (ctx->version < f->since || ctx->version > f->until)
		return false;
	if (ctx->scope == EMAIL_MARKS && f->scope != EMAIL_MARKS)
		return false;
	for (size_t i = 0; ctx->only && i < ctx->nonly; i++)
		if (ctx->only[i] == f->tag)
			return true;
	return !ctx->only;
}

static struct str value_of(const struct field *f, const struct message *m)
{
	if (f->member < 0)
		return (struct str){NULL, 0};
	return *(const struct str *)(const void *)((const char *)m + f->member);
}

/* ---- What is needed of the raw message ---- */

/* Only what a meeting says of itself; a large one carries something else. */
static const struct part *find_invitation(const struct message *m)
{
	if (!str_starts(m->message_class, STR("IPM.Schedule.Meeting")))
		return NULL;
	const struct part *p = message_body(m, PART_CALENDAR);
	return p && p->length <= INVITATION_MOST ? p : NULL;
}

void email_plan(const struct message *m, const struct body_prefs *prefs, unsigned version,
		struct email_plan *out)
{
	*out = (struct email_plan){.invitation = find_invitation(m)};
	body_plan(m, prefs, version, &out->body);
	out->has_part = body_plan_part(m, prefs, version, &out->part);
}

size_t email_slices(const struct email_plan *plan, int64_t uid, struct slice *out)
{
	size_t n = 0;
	if (plan->body.length > 0)
		out[n++] = (struct slice){
			.uid = uid, .offset = plan->body.offset, .length = plan->body.length};
	if (plan->has_part && plan->part.length > 0)
		out[n++] = (struct slice){
			.uid = uid, .offset = plan->part.offset, .length = plan->part.length};
	if (plan->invitation)
		out[n++] = (struct slice){.uid = uid,
					  .offset = plan->invitation->offset,
					  .length = plan->invitation->length};
	return n;
}

int64_t email_bytes(const struct email_plan *plan, const struct message *m)
{
	int64_t body = plan->body.source == BODY_STREAMED ? m->size : plan->body.length;
	return body + (plan->has_part ? plan->part.length : 0) +
	       (plan->invitation ? plan->invitation->length : 0);
}

/* In the order of email_slices(). */
static void take_slices(struct emission *x, const struct slice *slices)
{
	const struct email_plan *plan = x->plan;
	if (plan && plan->body.length > 0)
		x->body = slices++->bytes;
	if (plan && plan->has_part && plan->part.length > 0)
		x->part = slices++->bytes;
	if (plan && plan->invitation)
		x->invitation = slices->bytes;
}

bool email_encode(struct wbxml_out *w, const struct email_context *ctx, const struct summary *s,
		  const struct email_plan *plan, const struct slice *slices, struct err *e)
{
	struct emission x = {.w = w,
			     .ctx = ctx,
			     .s = s,
			     .m = s->message,
			     .plan = plan,
			     .marks = email_marks_parse(s->item.marks),
			     .e = e};
	take_slices(&x, slices);
	for (size_t i = 0; i < FIELDS && !x.failed; i++)
		if (is_wanted(&fields[i], ctx))
			fields[i].emit(&x, fields[i].tag, value_of(&fields[i], x.m));
	json_decref(x.marks);
	return !x.failed;
}

/* ---- From the client ---- */

static bool decode_read(const struct wbxml_node *node, struct email_change *out, struct err *e)
{
	if (str_eq(node->text, STR("1")))
		out->set |= ITEM_SEEN;
	else if (str_eq(node->text, STR("0")))
		out->clear |= ITEM_SEEN;
	else
		return err_set(e, ERR_INVALID, "Read: \"%.*s\"",
			       STR_ARG(str_sub(node->text, 0, 40)));
	return true;
}

static bool apply(const struct wbxml_node *node, struct email_change *out, json_t *marks,
		  struct err *e)
{
	switch (node->tag) {
	case Email_Read:
		return decode_read(node, out, e);
	case Email_Flag:
		return email_flag_decode(node, out, marks, e);
	default:
		return email_categories_decode(node, out, marks, e);
	}
}

static enum change change_of(unsigned tag, unsigned version)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].tag == tag && version >= fields[i].since &&
		    version <= fields[i].until)
			return fields[i].change;
	return CHANGE_IGNORE;
}

bool email_change_decode(struct arena *a, const struct wbxml_node *data, unsigned version,
			 struct email_change *out, struct err *e)
{
	*out = (struct email_change){.marks = {"", 0}};
	json_t *marks = json_object();
	bool ok = true;
	for (const struct wbxml_node *n = data ? data->first : NULL; ok && n; n = n->next) {
		enum change change = change_of(n->tag, version);
		if (change == CHANGE_REFUSE)
			ok = err_set(e, ERR_INVALID, "%s may not be changed",
				     wbxml_tag_name(n->tag));
		else if (change == CHANGE_APPLY)
			ok = apply(n, out, marks, e);
	}
	if (ok && json_object_size(marks)) {
		char *text = json_dumps(marks, JSON_COMPACT | JSON_SORT_KEYS);
		out->marks = str_of(arena_strdup(a, text));
		free(text);
	}
	json_decref(marks);
	return ok;
}
