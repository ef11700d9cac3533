/* mime: the structure of a message, as places in its bytes. See mime.h for the contract. */
#include "store/mime.h"

#include "core/base/arena.h"
#include "store/mime_header.h"

/* ---- Header block ---- */

/* Takes the next line off *rest, with its line end. */
static struct str take_line(struct str *rest)
{
	ptrdiff_t at = str_find_byte(*rest, '\n');
	struct str line = str_sub(*rest, 0, at < 0 ? rest->n : (size_t)at + 1);
	*rest = str_sub(*rest, line.n, rest->n);
	return line;
}

static bool is_blank(struct str line)
{
	return line.n == 0 || line.p[0] == '\n' ||
	       (line.n > 1 && line.p[0] == '\r' && line.p[1] == '\n') ||
	       (line.n == 1 && line.p[0] == '\r');
}

static bool is_fold(struct str line)
{
	return line.n && (line.p[0] == ' ' || line.p[0] == '\t');
}

/* Length of the field name at the start of the line, 0 when it is no field (RFC 5322 2.2). */
static size_t field_name(struct str line)
{
	size_t n = 0;
	while (n < line.n && line.p[n] > 32 && line.p[n] < 127 && line.p[n] != ':')
		n++;
	size_t colon = n;
	while (colon < line.n && (line.p[colon] == ' ' || line.p[colon] == '\t'))
		colon++;
	return colon < line.n && line.p[colon] == ':' ? n : 0;
}

/* Whether another field follows a line that is none. */
static bool header_goes_on(struct str rest)
{
	struct str line = take_line(&rest);
	while (is_fold(line) && !is_blank(str_trim(line)))
		line = take_line(&rest);
	return field_name(line) > 0;
}

static size_t skip_mbox_line(struct str raw)
{
	if (!str_starts(raw, STR("From ")) && !str_starts(raw, STR(">From ")))
		return 0;
	struct str rest = raw;
	struct str line = take_line(&rest);
	return !field_name(line) && field_name(take_line(&rest)) ? line.n : 0;
}

struct str mime_head(struct str raw, size_t *body)
{
	size_t from = skip_mbox_line(raw);
	struct str rest = str_sub(raw, from, raw.n);
	size_t fields = 0;
	while (rest.n) {
		size_t at = raw.n - rest.n;
		struct str line = take_line(&rest);
		if (is_blank(line)) {
			*body = raw.n - rest.n;
			return str_sub(raw, from, at - from);
		}
		if (field_name(line)) {
			fields++;
		} else if (!(fields && is_fold(line)) && !(fields && header_goes_on(rest))) {
			*body = at;
			return str_sub(raw, from, at - from);
		}
	}
	*body = raw.n;
	return str_sub(raw, from, raw.n);
}

bool mime_field(struct str *rest, struct str *name, struct str *value)
{
	while (rest->n) {
		struct str start = *rest;
		struct str line = take_line(rest);
		size_t n = field_name(line);
		if (!n)
			continue;
		size_t colon = (size_t)str_find_byte(line, ':') + 1;
		size_t end = line.n;
		while (is_fold(*rest))
			end += take_line(rest).n;
		*name = str_sub(line, 0, n);
		*value = str_sub(start, colon, end - colon);
		return true;
	}
	return false;
}

struct str mime_field_find(struct str head, struct str wanted)
{
	struct str name, value;
	while (mime_field(&head, &name, &value))
		if (str_eq_nocase(name, wanted))
			return value;
	return (struct str){NULL, 0};
}

/* ---- Parts ---- */

struct splitter {
	struct arena *a;
	struct str raw;
	struct mime_part *v;
	unsigned n, room;
};

static enum part_encoding encoding_of(struct str raw)
{
	static const struct {
		struct str name;
		enum part_encoding encoding;
	} names[] = {
		{STR_INIT("quoted-printable"), ENC_QP}, {STR_INIT("quoted printable"), ENC_QP},
		{STR_INIT("base64"), ENC_BASE64},	{STR_INIT("x-uuencode"), ENC_UU},
		{STR_INIT("uuencode"), ENC_UU},		{STR_INIT("x-uue"), ENC_UU},
	};
	raw = str_trim(raw);
	if (raw.n && raw.p[0] == '"')
		raw = str_sub(raw, 1, raw.n);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_starts_nocase(raw, names[i].name))
			return names[i].encoding;
	return ENC_IDENTITY;
}

static void read_fields(struct arena *a, struct mime_part *part)
{
	struct str type = {NULL, 0}, encoding = {NULL, 0}, disposition = {NULL, 0};
	struct str rest = part->head, name, value;
	while (mime_field(&rest, &name, &value)) {
		if (!str_starts_nocase(name, STR("content-")))
			continue;
		if (!type.p && str_eq_nocase(name, STR("content-type")))
			type = value;
		else if (!encoding.p && str_eq_nocase(name, STR("content-transfer-encoding")))
			encoding = value;
		else if (!disposition.p && str_eq_nocase(name, STR("content-disposition")))
			disposition = value;
		else if (str_eq_nocase(name, STR("content-id")))
			part->content_id = mime_id(mime_text(a, value));
		else if (str_eq_nocase(name, STR("content-location")))
			part->location = mime_text(a, value);
	}
	mime_content_type(a, type, part);
	mime_disposition(a, disposition, part);
	part->encoding = encoding_of(encoding);
}

struct delimiter {
	size_t start, end; /* of the line, with the line break before and after it */
	bool last;
};

/* What stands after "--boundary": the rest of the line must be blank, after an optional "--". */
static bool delimiter_ends(struct str raw, size_t at, size_t to, struct delimiter *d)
{
	d->last = to - at >= 2 && raw.p[at] == '-' && raw.p[at + 1] == '-';
	if (d->last)
		at += 2;
	while (at < to && (raw.p[at] == ' ' || raw.p[at] == '\t' || raw.p[at] == '\r'))
		at++;
	if (at < to && raw.p[at] != '\n')
		return false;
	d->end = at < to ? at + 1 : to;
	return true;
}

/* The next delimiter line in [from, to) (RFC 2046 5.1.1); `line` is "--boundary". */
static bool next_delimiter(struct str raw, size_t from, size_t to, struct str line,
			   struct delimiter *d)
{
	for (size_t at = from; at < to; at++) {
		ptrdiff_t hit = str_find(str_sub(raw, at, to - at), line);
		if (hit < 0)
			return false;
		at += (size_t)hit;
		if (at > from && raw.p[at - 1] != '\n')
			continue;
		if (!delimiter_ends(raw, at + line.n, to, d))
			continue;
		d->start = at;
		if (d->start > from)
			d->start--;
		if (d->start > from && raw.p[d->start - 1] == '\r' && raw.p[d->start] == '\n')
			d->start--;
		return true;
	}
	return false;
}

static struct mime_part *add_part(struct splitter *s)
{
	if (s->n == s->room) {
		s->room = s->room ? s->room * 2 : 8;
		struct mime_part *v = arena_array(s->a, s->room, sizeof *v);
		if (s->n)
			memcpy(v, s->v, s->n * sizeof *v);
		s->v = v;
	}
	struct mime_part *part = &s->v[s->n++];
	*part = (struct mime_part){.type = {"", 0}};
	return part;
}

static void split_part(struct splitter *s, size_t from, size_t to, unsigned parent, unsigned depth,
		       unsigned number);

static void split_children(struct splitter *s, unsigned self)
{
	struct mime_part part = s->v[self];
	size_t to = part.at + part.n;
	struct str line = {arena_printf(s->a, "--%.*s", STR_ARG(part.boundary)),
			   part.boundary.n + 2};
	struct delimiter here, next;
	if (!next_delimiter(s->raw, part.at, to, line, &here))
		return;
	while (!here.last && s->n < MIME_PARTS) {
		bool more = next_delimiter(s->raw, here.end, to, line, &next);
		size_t end = more ? next.start : to;
		if (end > here.end || more)
			split_part(s, here.end, end < here.end ? here.end : end, self,
				   part.depth + 1, ++s->v[self].children);
		if (!more)
			return;
		here = next;
	}
}

static bool is_multipart(const struct mime_part *part)
{
	return str_starts(part->type, STR("multipart/"));
}

static void split_part(struct splitter *s, size_t from, size_t to, unsigned parent, unsigned depth,
		       unsigned number)
{
	unsigned self = s->n;
	struct mime_part *part = add_part(s);
	size_t body;
	part->head = mime_head(str_sub(s->raw, from, to - from), &body);
	part->at = from + body;
	part->n = to - part->at;
	part->parent = parent;
	part->depth = depth;
	part->number = number;
	read_fields(s->a, part);
	bool digest = depth && str_eq(s->v[parent].type, STR("multipart/digest"));
	if (!part->type.n)
		part->type = digest ? STR("message/rfc822") : STR("text/plain");
	if (!is_multipart(part))
		return;
	if (part->boundary.n && depth < MIME_DEPTH)
		split_children(s, self);
	/* What calls itself multipart and is not divided still holds what somebody wrote. */
	if (!s->v[self].children && depth < MIME_DEPTH)
		s->v[self].type = STR("text/plain");
}

void mime_split(struct arena *a, struct str raw, struct mime_tree *out)
{
	struct splitter s = {.a = a, .raw = raw};
	split_part(&s, 0, raw.n, 0, 0, 1);
	*out = (struct mime_tree){.v = s.v, .n = s.n};
}
