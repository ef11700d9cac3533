/* message: which part is what to a reader, and what it is called. See message_scan.h. */
#include "store/message_scan.h"

#include "core/base/arena.h"
#include "core/base/text.h"
#include "store/mime_header.h"

enum { NONE = -1, HTML_LOOK = 4 * 1024 * 1024, CIDS = 1000, NAME_BYTES = 200 };

struct roles {
	struct arena *a;
	struct str raw;
	const struct mime_part *v;
	unsigned n;
	enum part_role *role;
	int text, html, calendar; /* indexes, or NONE */
};

/* Which of the two bodies a part may still become. */
struct open {
	bool text, html;
};

static bool is(const struct mime_part *p, const char *type)
{
	return str_eq(p->type, str_of(type));
}

static unsigned after(const struct roles *r, unsigned i)
{
	unsigned next = i + 1;
	while (next < r->n && r->v[next].depth > r->v[i].depth)
		next++;
	return next;
}

static struct str content(const struct roles *r, unsigned i)
{
	return str_sub(r->raw, r->v[i].at, r->v[i].n);
}

/* ---- Leaves ---- */

static bool is_body_type(const struct mime_part *p)
{
	return is(p, "text/plain") || is(p, "text/html") || is(p, "text/enriched") ||
	       is(p, "text/richtext");
}

static bool is_blank_part(const struct roles *r, unsigned i)
{
	const struct mime_part *p = &r->v[i];
	if (p->n > 1024 || is(p, "text/html"))
		return false;
	struct str text = mime_decode_all(r->a, p->encoding, content(r, i));
	return str_trim(text).n == 0;
}

static bool is_calendar(const struct roles *r, unsigned i, bool alternative)
{
	const struct mime_part *p = &r->v[i];
	return is(p, "text/calendar") && r->calendar == NONE &&
	       (alternative ||
		(p->disposition != DISPOSITION_ATTACHMENT && (p->method.n || i == 0)));
}

static void set_leaf(struct roles *r, unsigned i, struct open open, bool alternative)
{
	const struct mime_part *p = &r->v[i];
	bool named = p->name.n && !alternative && i != 0;
	bool body = p->disposition != DISPOSITION_ATTACHMENT && !named &&
		    (is_body_type(p) || (i == 0 && str_starts(p->type, STR("text/"))));
	r->role[i] = PART_ATTACHMENT;
	if (is_calendar(r, i, alternative)) {
		r->calendar = (int)i;
		r->role[i] = PART_CALENDAR;
	} else if (body && is(p, "text/html") && open.html) {
		r->html = (int)i;
		r->role[i] = PART_HTML;
	} else if (body && !is(p, "text/html") && open.text) {
		r->text = (int)i;
		r->role[i] = PART_TEXT;
	} else if (alternative && str_starts(p->type, STR("text/"))) {
		r->role[i] = PART_OTHER; /* another form of what the body says */
	} else if (is(p, "application/applefile") || is(p, "application/pgp-encrypted") ||
		   str_ends_nocase(p->type, STR("pkcs7-signature")) ||
		   is(p, "application/pgp-signature")) {
		r->role[i] = i ? PART_OTHER : PART_ATTACHMENT;
	}
}

/* ---- Multiparts ---- */

static void set_role(struct roles *r, unsigned i, struct open open, bool alternative);

static void set_alternative(struct roles *r, unsigned i, struct open open)
{
	unsigned end = after(r, i);
	int other = NONE;
	for (unsigned c = i + 1; c < end; c = after(r, c)) {
		set_role(r, c,
			 (struct open){open.text && r->text == NONE, open.html && r->html == NONE},
			 true);
		if (other == NONE && r->role[c] == PART_OTHER)
			other = (int)c;
	}
	if (open.text && r->text == NONE && r->html == NONE && other != NONE) {
		r->text = other;
		r->role[other] = PART_TEXT;
	}
}

static void set_mixed(struct roles *r, unsigned i, struct open open)
{
	unsigned end = after(r, i);
	int blank = NONE;
	for (unsigned c = i + 1; c < end; c = after(r, c)) {
		int text = r->text, html = r->html;
		set_role(r, c, open, false);
		if (r->text == (int)c && text == NONE && is_blank_part(r, c)) {
			blank = blank == NONE ? (int)c : blank;
			r->role[c] = PART_OTHER;
			r->text = NONE;
		} else if (r->text != text || r->html != html) {
			open = (struct open){false, false};
		}
	}
	if (blank != NONE && open.text && r->text == NONE) {
		r->text = blank;
		r->role[blank] = PART_TEXT;
	}
}

static void set_related(struct roles *r, unsigned i, struct open open, bool alternative)
{
	unsigned end = after(r, i), root = i + 1;
	for (unsigned c = i + 1; c < end && r->v[i].start.n; c = after(r, c))
		if (str_eq(r->v[c].content_id, r->v[i].start)) {
			root = c;
			break;
		}
	for (unsigned c = i + 1; c < end; c = after(r, c)) {
		bool is_root = c == root;
		set_role(r, c, (struct open){is_root && open.text, is_root && open.html},
			 is_root && alternative);
		if (!is_root && r->role[c] == PART_ATTACHMENT &&
		    r->v[c].disposition == DISPOSITION_INLINE && r->html != NONE &&
		    str_starts(r->v[c].type, STR("image/")))
			r->role[c] = PART_INLINE;
	}
}

/* The signature itself is no attachment; whatever else is wrongly there is. */
static void set_signed(struct roles *r, unsigned i, struct open open, bool alternative)
{
	unsigned end = after(r, i);
	for (unsigned c = i + 1; c < end; c = after(r, c))
		set_role(r, c, c == i + 1 ? open : (struct open){false, false},
			 c == i + 1 && alternative);
}

static void set_role(struct roles *r, unsigned i, struct open open, bool alternative)
{
	const struct mime_part *p = &r->v[i];
	if (!p->children) {
		set_leaf(r, i, open, alternative);
		return;
	}
	r->role[i] = PART_CONTAINER;
	if (is(p, "multipart/alternative"))
		set_alternative(r, i, open);
	else if (is(p, "multipart/related"))
		set_related(r, i, open, alternative);
	else if (is(p, "multipart/signed"))
		set_signed(r, i, open, alternative);
	else
		set_mixed(r, i, open);
}

/* ---- What the HTML refers to ---- */

/* The address after "cid:" at the start of s, percent-decoded. */
static struct str take_cid(struct arena *a, struct str s)
{
	size_t n = 4;
	while (n < s.n && n < 1000 && !memchr("\"'<>) \t\r\n", s.p[n], 9))
		n++;
	return text_percent_decode(a, str_sub(s, 4, n - 4), false);
}

static void set_inline(struct roles *r)
{
	if (r->html == NONE)
		return;
	struct str encoded = str_sub(content(r, (unsigned)r->html), 0, HTML_LOOK);
	struct str html = mime_decode_all(r->a, r->v[r->html].encoding, encoded);
	unsigned found = 0;
	ptrdiff_t at;
	while (found++ < CIDS && (at = str_find(html, STR("cid:"))) >= 0) {
		html = str_sub(html, (size_t)at, html.n);
		struct str cid = take_cid(r->a, html);
		html = str_sub(html, 4, html.n);
		for (unsigned i = 0; i < r->n; i++)
			if (r->role[i] == PART_ATTACHMENT && r->v[i].content_id.n &&
			    str_eq(r->v[i].content_id, cid))
				r->role[i] = PART_INLINE;
	}
}

/* ---- Names ---- */

/* Usual ends of file names. */
static const struct {
	const char *type, *extension;
} extensions[] = {
	{"text/plain", "txt"},
	{"text/html", "htm"},
	{"text/calendar", "ics"},
	{"application/ics", "ics"},
	{"text/vcard", "vcf"},
	{"text/x-vcard", "vcf"},
	{"text/csv", "csv"},
	{"text/xml", "xml"},
	{"application/xml", "xml"},
	{"application/json", "json"},
	{"text/rfc822-headers", "txt"},
	{"message/delivery-status", "txt"},
	{"message/disposition-notification", "txt"},
	{"message/feedback-report", "txt"},
	{"image/jpeg", "jpg"},
	{"image/pjpeg", "jpg"},
	{"image/svg+xml", "svg"},
	{"image/tiff", "tif"},
	{"image/x-icon", "ico"},
	{"audio/mpeg", "mp3"},
	{"audio/x-wav", "wav"},
	{"video/quicktime", "mov"},
	{"application/pdf", "pdf"},
	{"application/zip", "zip"},
	{"application/msword", "doc"},
	{"application/rtf", "rtf"},
	{"text/rtf", "rtf"},
	{"application/vnd.ms-excel", "xls"},
	{"application/vnd.ms-powerpoint", "ppt"},
	{"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"},
	{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"},
	{"application/vnd.openxmlformats-officedocument.presentationml.presentation", "pptx"},
	{"application/pkcs7-mime", "p7m"},
	{"application/x-pkcs7-mime", "p7m"},
	{"application/pkcs7-signature", "p7s"},
	{"application/pgp-signature", "asc"},
	{"application/pgp-keys", "asc"},
};

static struct str extension(const struct mime_part *p)
{
	for (size_t i = 0; i < sizeof extensions / sizeof *extensions; i++)
		if (is(p, extensions[i].type))
			return str_of(extensions[i].extension);
	if (str_starts(p->type, STR("text/")))
		return STR("txt");
	/* image/png, video/mp4 …: the subtype is the usual extension when it is a short word. */
	struct str sub = str_sub(p->type, (size_t)str_find_byte(p->type, '/') + 1, 5);
	bool media = str_starts(p->type, STR("image/")) || str_starts(p->type, STR("audio/")) ||
		     str_starts(p->type, STR("video/"));
	for (size_t i = 0; i < sub.n; i++)
		media = media && ((sub.p[i] >= 'a' && sub.p[i] <= 'z') ||
				  (sub.p[i] >= '0' && sub.p[i] <= '9'));
	return media && sub.n && sub.n < 5 ? sub : STR("bin");
}

/* A file name: no path, no character that a file system refuses, not too long, its end kept. */
static struct str clean_name(struct arena *a, struct str s, bool path)
{
	for (size_t i = s.n; path && i > 0; i--)
		if (s.p[i - 1] == '/' || s.p[i - 1] == '\\') {
			s = str_sub(s, i, s.n);
			break;
		}
	char *out = str_dup(a, s);
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)out[i] < 0x20 || strchr("/\\:*?\"<>|", out[i]))
			out[i] = '_';
	s = str_trim((struct str){out, s.n});
	if (s.n <= NAME_BYTES)
		return s;
	struct str tail = {NULL, 0};
	for (size_t back = 2; back <= 11; back++)
		if (s.p[s.n - back] == '.')
			tail = str_sub(s, s.n - back, back);
	s = text_cut_utf8(s, NAME_BYTES - tail.n);
	return str_of(arena_printf(a, "%.*s%.*s", STR_ARG(s), STR_ARG(tail)));
}

static struct str nested_subject(const struct roles *r, unsigned i)
{
	struct str encoded = content(r, i);
	if (r->v[i].encoding != ENC_IDENTITY)
		encoded = str_sub(encoded, 0, 4 * MIME_HEADER);
	struct str nested = mime_decode_all(r->a, r->v[i].encoding, encoded);
	size_t body;
	struct str head = mime_head(nested, &body);
	return mime_text(r->a, mime_field_find(head, STR("Subject")));
}

static struct str name_of(struct roles *r, unsigned i, unsigned count)
{
	const struct mime_part *p = &r->v[i];
	bool nested = is(p, "message/rfc822") || is(p, "message/global");
	struct str name = clean_name(r->a, p->name, true);
	if (!name.n && str_find(p->location, STR(":")) < 0 && str_find_byte(p->location, '.') > 0)
		name = clean_name(r->a, p->location, true);
	if (!name.n && nested)
		name = clean_name(r->a, nested_subject(r, i), false);
	if (nested && name.n && !str_ends_nocase(name, STR(".eml")))
		name = str_of(arena_printf(r->a, "%.*s.eml", STR_ARG(name)));
	if (name.n && !(name.n <= 2 && name.p[0] == '.'))
		return name;
	if (nested)
		return STR("message.eml");
	if (is(p, "message/delivery-status"))
		return STR("delivery-status.txt");
	if (is(p, "text/rfc822-headers"))
		return STR("headers.txt");
	const char *stem = str_starts(p->type, STR("image/")) ? "image" : "ATT";
	return str_of(arena_printf(r->a, "%s%05u.%.*s", stem, count, STR_ARG(extension(p))));
}

/* ---- All together ---- */

/* As IMAP numbers them: the whole of a multipart has no number, a single part is "1". */
static struct str path_of(const struct roles *r, const struct part *parts, unsigned i)
{
	const struct mime_part *p = &r->v[i];
	if (i == 0)
		return p->children ? (struct str){"", 0} : STR("1");
	struct str above = parts[p->parent].path;
	return str_of(
		arena_printf(r->a, "%.*s%s%u", STR_ARG(above), above.n ? "." : "", p->number));
}

/* A bounce of nothing but its machine-readable part: a person can read that too. */
static void set_report(struct roles *r)
{
	for (unsigned i = 0; i < r->n && r->text == NONE && r->html == NONE; i++)
		if (is(&r->v[i], "message/delivery-status") && r->role[i] == PART_ATTACHMENT) {
			r->text = (int)i;
			r->role[i] = PART_TEXT;
		}
}

static void fill(struct roles *r, struct message *m)
{
	unsigned listed = 0;
	m->parts = arena_array(r->a, r->n, sizeof *m->parts);
	m->nparts = r->n;
	for (unsigned i = 0; i < r->n; i++) {
		const struct mime_part *p = &r->v[i];
		struct part *out = &m->parts[i];
		*out = (struct part){.path = path_of(r, m->parts, i),
				     .role = r->role[i],
				     .encoding = p->children ? ENC_IDENTITY : p->encoding,
				     .type = p->type,
				     .charset = p->charset,
				     .content_id = p->content_id,
				     .location = p->location,
				     .offset = (int64_t)p->at,
				     .length = (int64_t)p->n};
		out->size =
			p->children ? out->length : mime_decoded_size(p->encoding, content(r, i));
		out->name = clean_name(r->a, p->name, true);
		if (out->role == PART_ATTACHMENT || out->role == PART_INLINE)
			out->name = name_of(r, i, ++listed);
	}
}

void message_find_roles(struct arena *a, struct str raw, const struct mime_tree *tree,
			struct message *m)
{
	struct roles r = {.a = a,
			  .raw = raw,
			  .v = tree->v,
			  .n = tree->n,
			  .text = NONE,
			  .html = NONE,
			  .calendar = NONE};
	r.role = arena_array(a, tree->n, sizeof *r.role);
	set_role(&r, 0, (struct open){true, true}, false);
	set_report(&r);
	set_inline(&r);
	fill(&r, m);
}
