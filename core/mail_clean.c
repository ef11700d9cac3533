/*
 * mail_body: a raw message as text that XML can carry. See mail_body.h for the contract.
 *
 * Only what has to be changed is: everything between the contents of the parts is copied, and a
 * part whose content can't be carried is encoded anew and says so in its header.
 */
#include "core/mail_body.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"
#include "store/mime.h"
#include "store/mime_write.h"

enum { NESTED = 8 };

struct str body_with_crlf(struct arena *a, struct str text)
{
	size_t bare = 0;
	const char *p = text.p, *end = text.p + text.n;
	while (p < end && (p = memchr(p, '\n', (size_t)(end - p)))) {
		bare += p == text.p || p[-1] != '\r';
		p++;
	}
	if (!bare)
		return text;
	char *out = arena_alloc(a, text.n + bare + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\n' && (i == 0 || text.p[i - 1] != '\r'))
			out[n++] = '\r';
		out[n++] = text.p[i];
	}
	return (struct str){out, n};
}

/* Lines that are no UTF-8 are read as windows-1252: old programs write such headers. */
static struct str repair_lines(struct arena *a, struct str in)
{
	if (text_is_utf8(in))
		return in;
	char *out = arena_alloc(a, 3 * in.n + 1);
	size_t n = 0;
	while (in.n) {
		ptrdiff_t at = str_find_byte(in, '\n');
		struct str line = str_sub(in, 0, at < 0 ? in.n : (size_t)at + 1);
		in = str_sub(in, line.n, in.n);
		struct arena_mark mark = arena_mark(a);
		struct str good = mime_to_utf8(a, STR(""), line, false);
		memcpy(out + n, good.p, good.n);
		n += good.n;
		arena_release(a, mark);
	}
	return (struct str){out, n};
}

/* ---- Encoding a part anew ---- */

/* Whether every byte is ASCII that XML allows: ISO-2022 is 7-bit and yet full of escapes. */
static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x7f || (c < 0x20 && c != '\t' && c != '\r' && c != '\n'))
			return false;
	}
	return true;
}

/* The header without its Content-Transfer-Encoding, and with the new one. */
static void put_head(struct buf *out, struct str head, bool text)
{
	struct str name, value, rest = head;
	while (mime_field(&rest, &name, &value)) {
		if (str_eq_nocase(name, STR("Content-Transfer-Encoding")))
			continue;
		buf_put(out, name.p, (size_t)(value.p + value.n - name.p));
		if (value.n && value.p[value.n - 1] != '\n')
			buf_cstr(out, "\r\n");
	}
	buf_printf(out, "Content-Transfer-Encoding: %s\r\n\r\n",
		   text ? "quoted-printable" : "base64");
}

static void put_message(struct arena *a, struct buf *out, struct str raw, unsigned depth);

static void put_content(struct arena *a, struct buf *out, struct str raw, const struct mime_part *p,
			unsigned depth)
{
	struct str content = str_sub(raw, p->at, p->n);
	size_t start = (size_t)(p->head.p - raw.p);
	bool nested = str_starts(p->type, STR("message/"));
	bool opaque = str_starts(p->type, STR("multipart/")) || (nested && depth == NESTED);
	if (is_plain(content) || opaque) {
		buf_put(out, raw.p + start, p->at + p->n - start);
	} else if (nested) { /* must not get an encoding of its own (RFC 2046 5.2.1) */
		buf_put(out, raw.p + start, p->at - start);
		put_message(a, out, content, depth + 1);
	} else {
		bool text = str_starts(p->type, STR("text/"));
		struct str decoded = mime_decode_all(a, p->encoding, content);
		put_head(out, p->head, text);
		if (text)
			mime_put_qp(out, decoded);
		else
			mime_put_base64(a, out, decoded);
	}
}

/* Content that must stay as it is, byte for byte, as far as it can be sent at all. */
static bool is_sealed(const struct mime_part *p)
{
	return str_eq(p->type, STR("multipart/signed")) ||
	       str_eq(p->type, STR("multipart/encrypted")) ||
	       str_ends_nocase(p->type, STR("pkcs7-mime"));
}

static void put_message(struct arena *a, struct buf *out, struct str raw, unsigned depth)
{
	struct mime_tree tree;
	size_t done = 0;
	mime_split(a, raw, &tree);
	for (unsigned i = 0; i < tree.n; i++) {
		const struct mime_part *p = &tree.v[i];
		bool sealed = is_sealed(p);
		if (p->children && !sealed)
			continue;
		size_t start = (size_t)(p->head.p - raw.p), end = p->at + p->n;
		buf_put(out, raw.p + done, start - done);
		if (sealed)
			buf_put(out, raw.p + start, end - start);
		else
			put_content(a, out, raw, p, depth);
		done = end;
		while (sealed && i + 1 < tree.n && tree.v[i + 1].depth > p->depth)
			i++;
	}
	buf_put(out, raw.p + done, raw.n - done);
}

struct str body_clean_mime(struct arena *a, struct str raw)
{
	if (!text_is_xml(raw)) {
		struct buf out = {0};
		put_message(a, &out, raw, 0);
		raw = (struct str){str_dup(a, buf_get(&out)), out.n};
		buf_free(&out);
	}
	return text_to_xml(a, repair_lines(a, body_with_crlf(a, raw)));
}
