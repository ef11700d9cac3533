/* draft: a message that is written on a device. See draft.h for the contract. */
#include "core/draft.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/mail_body.h"
#include "core/server_id.h"
#include "store/message_scan.h"
#include "store/mime_write.h"

enum { MAILBOXES = 1000, FIELD_NAME_MOST = 78 };

/* ---- The header ---- */

/* Elements that are header fields. */
static const struct header {
	unsigned tag;
	const char *name;
	bool mailboxes;
} headers[] = {
	{Email_To, "To", true},
	{Email_Cc, "Cc", true},
	{Email2_Bcc, "Bcc", true},
	{Email_ReplyTo, "Reply-To", true},
	{Email_Subject, "Subject", false},
};

enum { HEADERS = sizeof headers / sizeof *headers };

static const char *const importances[] = {"Low", "Normal", "High"};

/* One field with the lines that go on; *rest is left behind it. False at the end of the header. */
static bool next_field(struct str *rest, struct str *field)
{
	size_t n = 0;
	do {
		ptrdiff_t end = str_find_byte(str_sub(*rest, n, rest->n), '\n');
		n = end < 0 ? rest->n : n + (size_t)end + 1;
	} while (n < rest->n && (rest->p[n] == ' ' || rest->p[n] == '\t'));
	*field = str_sub(*rest, 0, n);
	*rest = str_sub(*rest, n, rest->n);
	return str_trim(*field).n > 0;
}

static struct str name_of(struct str field)
{
	ptrdiff_t colon = str_find_byte(str_sub(field, 0, FIELD_NAME_MOST), ':');
	return colon < 0 ? (struct str){NULL, 0} : str_trim(str_sub(field, 0, (size_t)colon));
}

/* Whether an old field gives way to one that is written anew. */
static bool gives_way(const struct draft_edit *d, struct str name, bool rewritten)
{
	for (size_t i = 0; i < HEADERS; i++)
		if (str_eq_nocase(name, str_of(headers[i].name)))
			return wbxml_child(d->data, headers[i].tag) != NULL;
	if (str_eq_nocase(name, STR("Importance")) || str_eq_nocase(name, STR("X-Priority")))
		return wbxml_child(d->data, Email_Importance) != NULL;
	if (str_eq_nocase(name, STR("Date")))
		return true;
	return rewritten && (str_starts_nocase(name, STR("Content-")) ||
			     str_eq_nocase(name, STR("MIME-Version")));
}

/* The old fields that stay; gives what is behind the header. */
static struct str keep_fields(const struct draft_edit *d, bool rewritten, struct buf *out)
{
	struct str rest = d->raw, field;
	while (rest.n && next_field(&rest, &field)) {
		struct str name = name_of(field);
		if (!name.n || gives_way(d, name, rewritten))
			continue;
		buf_str(out, str_trim(field));
		buf_cstr(out, "\r\n");
	}
	return rest;
}

static void put_field(struct buf *out, const char *name, struct str value)
{
	buf_printf(out, "%s: %.*s\r\n", name, STR_ARG(value));
}

static void put_mailboxes(struct arena *a, struct buf *out, const char *name, struct str text)
{
	struct mailbox *v = arena_array(a, MAILBOXES, sizeof *v);
	unsigned n = mime_mailboxes(a, text, v, MAILBOXES);
	struct buf list = {0};
	for (unsigned i = 0; i < n && i < MAILBOXES; i++) {
		buf_cstr(&list, i ? ",\r\n " : "");
		buf_str(&list, mime_mailbox_text(a, v[i]));
	}
	if (list.n)
		put_field(out, name, buf_get(&list));
	buf_free(&list);
}

/* The fields that were sent. */
static bool put_fields(struct arena *a, const struct draft_edit *d, struct buf *out, struct err *e)
{
	uint64_t importance;
	for (size_t i = 0; i < HEADERS; i++) {
		struct str text = wbxml_child_text(d->data, headers[i].tag);
		if (headers[i].mailboxes)
			put_mailboxes(a, out, headers[i].name, text);
		else if (text.n)
			put_field(out, headers[i].name, mime_header_text(a, text));
	}
	struct str text = wbxml_child_text(d->data, Email_Importance);
	if (!text.n)
		return true;
	if (!str_to_u64(text, &importance) || importance > 2)
		return err_set(e, ERR_INVALID, "Importance is not 0, 1 or 2");
	put_field(out, "Importance", str_of(importances[importance]));
	return true;
}

static void put_origin(struct arena *a, const struct draft_edit *d, struct buf *out)
{
	put_field(out, "Date", mime_date_text(a, d->now));
	if (d->old)
		return;
	put_field(out, "From", mime_mailbox_text(a, (struct mailbox){d->name, d->address}));
	put_field(out, "Message-ID", mime_new_id(a, d->address));
}

/* ---- The text ---- */

struct draft_text {
	bool html;
	struct str text; /* UTF-8 */
};

static struct draft_text old_text(struct arena *a, const struct draft_edit *d)
{
	const struct part *html = d->old ? message_body(d->old, PART_HTML) : NULL;
	const struct part *plain = d->old ? message_body(d->old, PART_TEXT) : NULL;
	const struct part *part = html ? html : plain;
	struct draft_text out = {.html = html != NULL, .text = {"", 0}};
	if (part)
		out.text = message_part_text(a, d->raw, part, DRAFT_MOST);
	return out;
}

static bool find_text(struct arena *a, const struct draft_edit *d, struct draft_text *out,
		      struct err *e)
{
	const struct wbxml_node *body = wbxml_child(d->data, AirSyncBase_Body);
	struct str type = wbxml_child_text(body, AirSyncBase_Type);
	*out = old_text(a, d);
	/* A body that the device has only a part of comes back without its text. */
	bool cut = str_eq(wbxml_child_text(body, AirSyncBase_Truncated), STR("1"));
	if (!body || (cut && !wbxml_child(body, AirSyncBase_Data)))
		return true;
	out->html = str_eq(type, STR("2"));
	out->text = body_with_crlf(a, wbxml_child_text(body, AirSyncBase_Data));
	return out->html || str_eq(type, STR("1")) ||
	       err_set(e, ERR_INVALID, "a body of a type that drafts don't have");
}

static void put_text(struct buf *out, const struct draft_text *t)
{
	buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\n", t->html ? "html" : "plain");
	buf_cstr(out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	mime_put_qp(out, t->text);
	buf_cstr(out, "\r\n");
}

/* ---- Attachments ---- */

static const struct wbxml_node *changes_of(const struct draft_edit *d)
{
	return wbxml_child(d->data, AirSyncBase_Attachments);
}

static bool is_listed(const struct part *p)
{
	return p->role == PART_ATTACHMENT || p->role == PART_INLINE;
}

/* The part that a FileReference ends in. */
static struct str removed_path(const struct wbxml_node *node)
{
	struct server_id id;
	struct str path = {NULL, 0};
	server_id_parse_file(wbxml_child_text(node, AirSyncBase_FileReference), &id, &path);
	return path;
}

static bool is_removed(const struct draft_edit *d, const struct part *p)
{
	const struct wbxml_node *n = wbxml_child(changes_of(d), AirSyncBase_Delete);
	for (; n; n = wbxml_again(n))
		if (str_eq(removed_path(n), p->path))
			return true;
	return false;
}

static bool check_removed(const struct draft_edit *d, struct err *e)
{
	const struct wbxml_node *n = wbxml_child(changes_of(d), AirSyncBase_Delete);
	for (; n; n = wbxml_again(n)) {
		const struct part *p = d->old ? message_part(d->old, removed_path(n)) : NULL;
		if (!p || !is_listed(p))
			return err_set(e, ERR_NOT_FOUND, "an attachment that is not there");
	}
	return true;
}

/* A name or type as a parameter in quotes can hold it. */
static struct str quotable(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= ' ' && s.p[i] != '"' && s.p[i] != '\\')
			out[n++] = s.p[i];
	return (struct str){out, n};
}

struct attached {
	struct str name, type, content_id, location, encoding;
	bool is_inline;
};

static void put_head(struct arena *a, struct buf *out, const struct attached *x)
{
	struct str name = mime_header_text(a, quotable(a, x->name));
	buf_printf(out, "Content-Type: %.*s;\r\n name=\"%.*s\"\r\n", STR_ARG(quotable(a, x->type)),
		   STR_ARG(name));
	buf_printf(out, "Content-Disposition: %s;\r\n filename=\"%.*s\"\r\n",
		   x->is_inline ? "inline" : "attachment", STR_ARG(name));
	if (x->content_id.n)
		buf_printf(out, "Content-ID: <%.*s>\r\n", STR_ARG(quotable(a, x->content_id)));
	if (x->location.n)
		buf_printf(out, "Content-Location: %.*s\r\n", STR_ARG(quotable(a, x->location)));
	buf_printf(out, "Content-Transfer-Encoding: %.*s\r\n\r\n", STR_ARG(x->encoding));
}

/* As it is encoded already. */
static void put_old(struct arena *a, const struct draft_edit *d, const struct part *p,
		    struct buf *out)
{
	static const char *const encodings[] = {[ENC_IDENTITY] = "8bit",
						[ENC_QP] = "quoted-printable",
						[ENC_BASE64] = "base64",
						[ENC_UU] = "x-uuencode"};
	struct attached x = {.name = p->name,
			     .type = p->type,
			     .content_id = p->content_id,
			     .location = p->location,
			     .encoding = str_of(encodings[p->encoding]),
			     .is_inline = p->role == PART_INLINE};
	put_head(a, out, &x);
	buf_str(out, str_sub(d->raw, (size_t)p->offset, (size_t)p->length));
	buf_cstr(out, "\r\n");
}

static bool put_new(struct arena *a, const struct wbxml_node *node, struct buf *out, struct err *e)
{
	const struct wbxml_node *content = wbxml_child(node, AirSyncBase_Content);
	struct str bytes = content ? content->text : (struct str){NULL, 0};
	struct attached x = {
		.name = wbxml_child_text(node, AirSyncBase_DisplayName),
		.type = wbxml_child_text(node, AirSyncBase_ContentType),
		.content_id = wbxml_child_text(node, AirSyncBase_ContentId),
		.location = wbxml_child_text(node, AirSyncBase_ContentLocation),
		.encoding = STR("base64"),
		.is_inline = str_eq(wbxml_child_text(node, AirSyncBase_IsInline), STR("1")),
	};
	if (!content || !x.name.n || !wbxml_child_text(node, AirSyncBase_ClientId).n)
		return err_set(e, ERR_INVALID, "an attachment without name, id or content");
	if (content->content == WBXML_TEXT && !text_base64_decode(a, content->text, true, &bytes))
		return err_set(e, ERR_INVALID, "an attachment's content can't be read");
	if (str_find_byte(x.type, '/') < 0)
		x.type = STR("application/octet-stream");
	put_head(a, out, &x);
	mime_put_base64(a, out, bytes);
	buf_cstr(out, "\r\n");
	return true;
}

static size_t count_kept(const struct draft_edit *d)
{
	size_t n = 0;
	for (unsigned i = 0; d->old && i < d->old->nparts; i++)
		n += is_listed(&d->old->parts[i]) && !is_removed(d, &d->old->parts[i]);
	return n;
}

static bool put_parts(struct arena *a, const struct draft_edit *d, const struct draft_text *text,
		      struct buf *out, struct err *e)
{
	struct str boundary = mime_new_boundary(a);
	buf_printf(out, "Content-Type: multipart/mixed;\r\n boundary=\"%.*s\"\r\n\r\n--%.*s\r\n",
		   STR_ARG(boundary), STR_ARG(boundary));
	put_text(out, text);
	for (unsigned i = 0; d->old && i < d->old->nparts; i++) {
		const struct part *p = &d->old->parts[i];
		if (!is_listed(p) || is_removed(d, p))
			continue;
		buf_printf(out, "--%.*s\r\n", STR_ARG(boundary));
		put_old(a, d, p, out);
	}
	const struct wbxml_node *n = wbxml_child(changes_of(d), AirSyncBase_Add);
	for (; n; n = wbxml_again(n)) {
		buf_printf(out, "--%.*s\r\n", STR_ARG(boundary));
		if (!put_new(a, n, out, e))
			return false;
	}
	buf_printf(out, "--%.*s--\r\n", STR_ARG(boundary));
	return true;
}

static bool put_content(struct arena *a, const struct draft_edit *d, struct buf *out, struct err *e)
{
	struct draft_text text;
	if (!find_text(a, d, &text, e) || !check_removed(d, e))
		return false;
	put_field(out, "MIME-Version", STR("1.0"));
	if (count_kept(d) || draft_added(d->data))
		return put_parts(a, d, &text, out, e);
	put_text(out, &text);
	return true;
}

/* ---- All of it ---- */

bool draft_is_edited(const struct wbxml_node *data)
{
	for (const struct wbxml_node *n = data ? data->first : NULL; n; n = n->next)
		if (n->tag != Email_Read && n->tag != Email_Flag && n->tag != Email_Categories)
			return true;
	return false;
}

size_t draft_added(const struct wbxml_node *data)
{
	const struct wbxml_node *n =
		wbxml_child(wbxml_child(data, AirSyncBase_Attachments), AirSyncBase_Add);
	size_t count = 0;
	for (; n; n = wbxml_again(n))
		count++;
	return count;
}

static bool is_mime(const struct wbxml_node *body)
{
	return str_eq(wbxml_child_text(body, AirSyncBase_Type), STR("4"));
}

bool draft_make(struct arena *a, const struct draft_edit *d, struct str *out, struct err *e)
{
	const struct wbxml_node *body = wbxml_child(d->data, AirSyncBase_Body);
	struct buf text = {.limit = DRAFT_MOST};
	if (is_mime(body)) {
		*out = body_with_crlf(a, wbxml_child_text(body, AirSyncBase_Data));
		return out->n > 0 || err_set(e, ERR_INVALID, "a message without content");
	}
	bool rewritten = !d->old || body || changes_of(d);
	struct str rest = keep_fields(d, rewritten, &text);
	put_origin(a, d, &text);
	bool ok = put_fields(a, d, &text, e);
	if (ok && rewritten) {
		ok = put_content(a, d, &text, e);
	} else if (ok) {
		buf_cstr(&text, "\r\n");
		buf_str(&text, rest);
	}
	if (ok && text.failed)
		ok = err_set(e, ERR_TOO_LARGE, "the draft is too large");
	if (ok)
		*out = buf_move(a, &text);
	buf_free(&text);
	return ok;
}
