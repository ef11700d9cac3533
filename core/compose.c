/* compose: the message that is delivered. See compose.h for the contract. */
#include "core/compose.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "store/mime.h"
#include "store/mime_write.h"

enum { FROM_MOST = 8, REFERENCES_MOST = 20, ID_MOST = 900 };

struct composer {
	struct arena *a;
	const struct compose *c;
	struct str head; /* header of what was submitted */
	struct str body; /* what follows it */
	bool own_from;	 /* the From that it has may stay */
	bool has_date, has_id, has_to;
	struct composed *out;
};

static bool is(struct str name, const char *field)
{
	return str_eq_nocase(name, str_of(field));
}

/* ---- Who it is from and for ---- */

static enum compose_result find_sender(struct composer *x)
{
	const struct sender *s = x->c->sender;
	struct mailbox v[FROM_MOST];
	unsigned n = mime_mailboxes(x->a, mime_field_find(x->head, STR("From")), v, FROM_MOST);
	x->own_from = n > 0 && n <= FROM_MOST;
	for (unsigned i = 0; i < n && i < FROM_MOST; i++)
		x->own_from = x->own_from && sender_owns(s, v[i].address);
	x->out->from = x->own_from ? v[0].address : s->address;
	return n > 0 && !x->own_from && s->refuse ? COMPOSE_SENDER_REFUSED : COMPOSE_DONE;
}

static void add_recipient(struct composed *out, struct str address)
{
	for (size_t i = 0; i < out->nrecipients; i++)
		if (str_eq_nocase(out->recipients[i], address))
			return;
	out->recipients[out->nrecipients++] = address;
}

static enum compose_result find_recipients(struct composer *x)
{
	struct mailbox *v = arena_array(x->a, COMPOSE_RECIPIENTS, sizeof *v);
	struct str rest = x->head, name, value;
	unsigned room = COMPOSE_RECIPIENTS;
	x->out->recipients = arena_array(x->a, COMPOSE_RECIPIENTS, sizeof *x->out->recipients);
	while (mime_field(&rest, &name, &value)) {
		if (!is(name, "To") && !is(name, "Cc") && !is(name, "Bcc"))
			continue;
		unsigned n = mime_mailboxes(x->a, value, v, room);
		if (n > room)
			return COMPOSE_TOO_MANY;
		if (arena_overflowed(x->a))
			return COMPOSE_TOO_LARGE;
		for (unsigned i = 0; i < n; i++)
			add_recipient(x->out, v[i].address);
		room -= n;
		x->has_to |= n > 0 && !is(name, "Bcc");
	}
	return x->out->nrecipients ? COMPOSE_DONE : COMPOSE_NO_RECIPIENT;
}

/* ---- What it answers ---- */

/* The next "<id>"; other text is passed over. */
static bool next_id(struct str *rest, struct str *id)
{
	ptrdiff_t from = str_find_byte(*rest, '<');
	*rest = str_sub(*rest, from < 0 ? rest->n : (size_t)from, rest->n);
	ptrdiff_t to = str_find_byte(*rest, '>');
	*id = str_sub(*rest, 0, to < 0 ? 0 : (size_t)to + 1);
	*rest = str_sub(*rest, id->n, rest->n);
	return id->n > 0;
}

static bool has_id(struct str value)
{
	struct str id;
	return next_id(&value, &id);
}

/* References of the original and its own id: of many, the first and the last ones (RFC 5322 3.6.4).
 */
static void put_references(struct buf *out, const struct message *m)
{
	struct str rest = m->references.n ? m->references : m->in_reply_to, id;
	unsigned n = 0, i = 0;
	while (next_id(&rest, &id))
		n++;
	buf_cstr(out, "References:");
	rest = m->references.n ? m->references : m->in_reply_to;
	for (; next_id(&rest, &id); i++)
		if (id.n <= ID_MOST && (i == 0 || i + REFERENCES_MOST > n))
			buf_printf(out, " %.*s\r\n", STR_ARG(id));
	buf_printf(out, " %.*s\r\n", STR_ARG(m->message_id));
}

static void put_threading(struct composer *x, struct buf *out)
{
	const struct compose_original *o = x->c->original;
	struct str own = mime_text(x->a, mime_field_find(x->head, STR("In-Reply-To")));
	struct str references = mime_field_find(x->head, STR("References"));
	struct str id = {"", 0};
	next_id(&own, &id);
	x->out->in_reply_to = id;
	if (!o || !o->message || !o->message->message_id.n || o->message->message_id.n > ID_MOST)
		return;
	if (!id.n) {
		x->out->in_reply_to = o->message->message_id;
		buf_printf(out, "In-Reply-To: %.*s\r\n", STR_ARG(o->message->message_id));
	}
	if (!has_id(references))
		put_references(out, o->message);
}

/* ---- Header ---- */

/* Whether a field of the client's goes out as it is. */
static bool keeps(const struct composer *x, struct str name, struct str value, bool *from_seen)
{
	struct mailbox sender;
	if (is(name, "From")) {
		bool first = !*from_seen;
		*from_seen = true;
		return x->own_from && first;
	}
	if (is(name, "Sender"))
		return mime_mailboxes(x->a, value, &sender, 1) == 1 &&
		       sender_owns(x->c->sender, sender.address);
	if (is(name, "Date"))
		return x->has_date;
	if (is(name, "Message-ID"))
		return x->has_id;
	if (is(name, "In-Reply-To") || is(name, "References"))
		return has_id(value);
	if (is(name, "To") || is(name, "Cc"))
		return str_trim(value).n > 0;
	return !is(name, "Bcc") && !is(name, "Resent-Bcc") && !is(name, "Return-Path") &&
	       !is(name, "MIME-Version") && !str_starts_nocase(name, STR("Content-"));
}

static void put_missing(struct composer *x, struct buf *out)
{
	const struct sender *s = x->c->sender;
	struct str text;
	if (!x->has_date) {
		text = mime_date_text(x->a, x->c->now);
		buf_printf(out, "Date: %.*s\r\n", STR_ARG(text));
	}
	if (!x->own_from) {
		text = mime_mailbox_text(x->a, (struct mailbox){s->display_name, s->address});
		buf_printf(out, "From: %.*s\r\n", STR_ARG(text));
	}
	if (!x->has_to)
		buf_cstr(out, "To: undisclosed-recipients:;\r\n");
	if (!x->has_id) {
		text = x->c->id.n ? x->c->id : mime_new_id(x->a, x->out->from);
		buf_printf(out, "Message-ID: %.*s\r\n", STR_ARG(text));
	}
	put_threading(x, out);
}

static void put_header(struct composer *x, struct buf *out)
{
	struct str rest = x->head, name, value;
	bool from_seen = false;
	x->has_date = mime_date(x->a, mime_field_find(x->head, STR("Date"))) != 0;
	x->has_id = has_id(mime_field_find(x->head, STR("Message-ID")));
	put_missing(x, out);
	while (!arena_overflowed(x->a) && mime_field(&rest, &name, &value))
		if (keeps(x, name, value, &from_seen))
			mime_put_field(out, name, value);
	buf_cstr(out, "MIME-Version: 1.0\r\n");
}

static void put_bcc(struct composer *x, struct buf *out)
{
	struct str rest = x->head, name, value;
	while (mime_field(&rest, &name, &value))
		if (is(name, "Bcc") && str_trim(value).n)
			mime_put_field(out, name, value);
}

/* ---- Content ---- */

/* The Content- fields and the content as they were submitted. */
static void put_content(struct composer *x, struct buf *out)
{
	struct str rest = x->head, name, value;
	while (mime_field(&rest, &name, &value))
		if (str_starts_nocase(name, STR("Content-")))
			mime_put_field(out, name, value);
	buf_cstr(out, "\r\n");
	buf_str(out, x->body);
}

static bool has_high_bytes(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x80)
			return true;
	return false;
}

/* What can be answered is a part of its own (RFC 6047 2.4). */
static void put_calendar(struct composer *x, struct buf *out, struct str boundary)
{
	buf_printf(out,
		   "\r\n--%.*s\r\nContent-Type: text/calendar; charset=utf-8; method=REQUEST\r\n",
		   STR_ARG(boundary));
	buf_cstr(out, "Content-Transfer-Encoding: base64\r\n\r\n");
	mime_put_base64(x->a, out, x->c->original->calendar);
}

static void put_original(struct buf *out, struct str boundary, const char *encoding, struct str raw)
{
	buf_printf(out, "\r\n--%.*s\r\nContent-Type: message/rfc822\r\n", STR_ARG(boundary));
	buf_printf(out, "Content-Transfer-Encoding: %s\r\nContent-Disposition: attachment\r\n\r\n",
		   encoding);
	buf_str(out, raw);
}

/* What was written, and the original as a message of its own (RFC 2046 5.2.1), or the event. */
static void put_forward(struct composer *x, struct buf *out)
{
	struct str boundary = mime_new_boundary(x->a), raw = x->c->original->raw;
	const char *encoding = has_high_bytes(raw) || has_high_bytes(x->body) ? "8bit" : "7bit";
	buf_printf(out, "Content-Type: multipart/mixed; boundary=\"%.*s\"\r\n", STR_ARG(boundary));
	buf_printf(out, "Content-Transfer-Encoding: %s\r\n\r\n--%.*s\r\n", encoding,
		   STR_ARG(boundary));
	put_content(x, out);
	if (x->c->original->calendar.n)
		put_calendar(x, out, boundary);
	if (x->c->original->message)
		put_original(out, boundary, encoding, raw);
	buf_printf(out, "\r\n--%.*s--\r\n", STR_ARG(boundary));
}

/* ---- A reply: the texts are written anew, all between them is copied ---- */

static void put_text_part(struct composer *x, struct buf *out, const struct part *part,
			  struct str content)
{
	bool html = part->role == PART_HTML;
	struct str own = mime_decode_all(x->a, part->encoding, content);
	own = mime_to_utf8(x->a, part->charset, own, false);
	struct str text = html ? compose_reply_html(x->a, own, x->c->original)
			       : compose_reply_text(x->a, own, x->c->original);
	buf_printf(out, "Content-Type: text/%s; charset=utf-8\r\n", html ? "html" : "plain");
	buf_cstr(out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	mime_put_qp(out, text);
}

static bool is_sealed(const struct mime_part *root)
{
	return str_eq(root->type, STR("multipart/signed")) ||
	       str_eq(root->type, STR("multipart/encrypted")) ||
	       str_ends_nocase(root->type, STR("pkcs7-mime"));
}

static void put_parts(struct composer *x, struct buf *out, const struct mime_tree *tree,
		      const struct message *m)
{
	struct str raw = x->c->mime, rest = x->head, name, value;
	size_t done = (size_t)(x->body.p - raw.p);
	while (mime_field(&rest, &name, &value))
		if (str_starts_nocase(name, STR("Content-")))
			mime_put_field(out, name, value);
	buf_cstr(out, "\r\n");
	for (unsigned i = 1; i < tree->n; i++) {
		const struct mime_part *p = &tree->v[i];
		const struct part *part = &m->parts[i];
		if (part != message_body(m, PART_TEXT) && part != message_body(m, PART_HTML))
			continue;
		size_t start = (size_t)(p->head.p - raw.p);
		if (start < done)
			continue;
		buf_put(out, raw.p + done, start - done);
		put_text_part(x, out, part, str_sub(raw, p->at, p->n));
		done = p->at + p->n;
	}
	buf_put(out, raw.p + done, raw.n - done);
}

static void put_reply(struct composer *x, struct buf *out)
{
	struct mime_tree tree;
	struct message m;
	struct err e;
	struct str raw = x->c->mime;
	mime_split(x->a, raw, &tree);
	if (is_sealed(&tree.v[0]) || !message_scan(x->a, raw, &m, &e) || m.nparts != tree.n) {
		put_content(x, out);
		return;
	}
	const struct part *root = &m.parts[0];
	if (tree.n == 1 && (root->role == PART_TEXT || root->role == PART_HTML))
		put_text_part(x, out, root, str_sub(raw, tree.v[0].at, tree.v[0].n));
	else
		put_parts(x, out, &tree, &m);
}

/* ---- The whole ---- */

static void put_message(struct composer *x, struct buf *out)
{
	bool add = x->c->original && !x->c->replace;
	put_header(x, out);
	if (add && x->c->kind == COMPOSE_FORWARD)
		put_forward(x, out);
	else if (add && x->c->kind == COMPOSE_REPLY)
		put_reply(x, out);
	else
		put_content(x, out);
}

static bool read_header(struct composer *x)
{
	struct str rest, name, value;
	size_t body;
	x->head = rest = mime_head(x->c->mime, &body);
	x->body = str_sub(x->c->mime, body, x->c->mime.n);
	return mime_field(&rest, &name, &value) && memchr(x->head.p, '\0', x->head.n) == NULL;
}

enum compose_result compose_message(struct arena *a, const struct compose *c, struct composed *out)
{
	struct composer x = {.a = a, .c = c, .out = out};
	struct buf whole = {0};
	*out = (struct composed){0};
	if (!read_header(&x))
		return COMPOSE_BROKEN;
	enum compose_result result = find_sender(&x);
	if (result == COMPOSE_DONE)
		result = find_recipients(&x);
	if (result != COMPOSE_DONE)
		return result;
	out->subject = mime_text(a, mime_field_find(x.head, STR("Subject")));
	put_bcc(&x, &whole);
	size_t bcc = whole.n;
	put_message(&x, &whole);
	out->sent = buf_move(a, &whole);
	out->delivered = str_sub(out->sent, bcc, out->sent.n);
	return arena_overflowed(a) ? COMPOSE_TOO_LARGE : COMPOSE_DONE;
}
