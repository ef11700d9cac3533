/* content_lines: lines of vCard and iCalendar. See content_lines.h for the contract. */
#include "core/content_lines.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"
#include "store/mime.h"

enum { FOLD_AT = 75 }; /* bytes of a line without its end (RFC 5545 3.1) */

/* ---- Reading ---- */

/* The next line of the text with its end. */
static struct str physical_line(struct str text, size_t at)
{
	const char *end = memchr(text.p + at, '\n', text.n - at);
	return str_sub(text, at, end ? (size_t)(end - text.p) + 1 - at : text.n);
}

static struct str without_end(struct str line)
{
	while (line.n && (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	return line;
}

/* Where name and parameters end: the first colon outside quotes; n when there is none. */
static size_t find_colon(struct str s)
{
	bool quoted = false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == ':' && !quoted)
			return i;
	}
	/* A quote that is never closed quotes nothing. */
	ptrdiff_t plain = str_find_byte(s, ':');
	return plain < 0 ? s.n : (size_t)plain;
}

static void split_line(struct str s, struct content_line *out)
{
	size_t colon = find_colon(s);
	if (colon == s.n)
		return;
	struct str head = str_sub(s, 0, colon);
	ptrdiff_t semicolon = str_find_byte(head, ';');
	struct str name = semicolon < 0 ? head : str_sub(head, 0, (size_t)semicolon);
	ptrdiff_t dot = str_find_byte(name, '.');
	if (semicolon >= 0)
		out->params = str_sub(head, (size_t)semicolon, head.n);
	if (dot >= 0) {
		out->group = str_sub(name, 0, (size_t)dot);
		name = str_sub(name, (size_t)dot + 1, name.n);
	}
	out->name = str_trim(name);
	out->value = str_sub(s, colon + 1, s.n);
}

static bool is_quoted_printable(const struct content_line *line)
{
	struct str rest = line->params, name, value;
	while (content_param_next(&rest, &name, &value))
		if ((!name.n || str_eq_nocase(name, STR("ENCODING"))) &&
		    (str_eq_nocase(value, STR("QUOTED-PRINTABLE")) ||
		     str_eq_nocase(value, STR("Q"))))
			return true;
	return false;
}

/* Whether a line that ends in '=' goes on in the next one, which is not indented. */
static bool has_soft_ends(struct str first)
{
	struct content_line line = {0};
	split_line(first, &line);
	return line.name.n && is_quoted_printable(&line);
}

/* Reads the line at *at with what is folded to it, and moves behind it. */
static void read_line(struct arena *a, struct str text, size_t *at, struct content_line *out)
{
	size_t start = *at;
	struct str first = physical_line(text, start), unfolded = without_end(first);
	struct buf joined = {0};
	bool copied = false, soft = has_soft_ends(unfolded);
	*at += first.n;
	while (*at < text.n) {
		bool goes_on = soft && unfolded.n && unfolded.p[unfolded.n - 1] == '=';
		bool folded = !goes_on && (text.p[*at] == ' ' || text.p[*at] == '\t');
		if (!folded && !goes_on)
			break;
		struct str next = physical_line(text, *at);
		if (!copied)
			buf_str(&joined, unfolded);
		copied = true;
		if (!folded) /* the '=' and the line end are nothing */
			buf_cut(&joined, joined.n - 1);
		buf_str(&joined, without_end(folded ? str_sub(next, 1, next.n) : next));
		unfolded = buf_get(&joined);
		*at += next.n;
	}
	if (copied)
		unfolded = buf_move(a, &joined);
	*out = (struct content_line){.raw = str_sub(text, start, *at - start)};
	split_line(unfolded, out);
}

static struct content_line *new_line(struct content_lines *l, size_t at)
{
	l->v = arena_grow(l->arena, l->v, l->n, &l->size, 64, sizeof *l->v);
	memmove(l->v + at + 1, l->v + at, (l->n - at) * sizeof *l->v);
	l->n++;
	return &l->v[at];
}

static bool is_name(const struct content_line *line, struct str name)
{
	return str_eq_nocase(line->name, name);
}

/* Notes how deep the line at the end stands, and whether it is the component's. */
static void place_line(struct content_lines *l, struct str component, unsigned *depth, bool *found)
{
	struct content_line *line = &l->v[l->n - 1];
	struct str value = str_trim(line->value);
	bool begins = is_name(line, STR("BEGIN")), ends = is_name(line, STR("END"));
	if (ends && *depth)
		--*depth;
	line->depth = *depth;
	if (begins && !*found && str_eq_nocase(value, component)) {
		*found = true;
		l->begin = l->n - 1;
		l->end = 0;
	} else if (ends && *found && !l->end && line->depth == l->v[l->begin].depth) {
		l->end = l->n - 1;
	}
	if (begins)
		++*depth;
}

bool content_lines_read(struct arena *a, struct str text, struct str component,
			struct content_lines *out, struct err *e)
{
	unsigned depth = 0;
	bool found = false;
	ptrdiff_t lf = str_find_byte(text, '\n');
	*out = (struct content_lines){.arena = a, .eol = STR_INIT("\r\n")};
	if (lf >= 0 && (lf == 0 || text.p[lf - 1] != '\r'))
		out->eol = STR("\n");
	if (str_starts(text, STR("\xef\xbb\xbf")))
		text = str_sub(text, 3, text.n);
	for (size_t at = 0; at < text.n;) {
		if (out->n == CONTENT_LINES || arena_overflowed(a))
			return err_set(e, ERR_TOO_LARGE, "more than %d lines", CONTENT_LINES);
		read_line(a, text, &at, new_line(out, out->n));
		place_line(out, component, &depth, &found);
	}
	if (!found)
		return err_set(e, ERR_MALFORMED, "there is no %.*s", STR_ARG(component));
	if (!out->end)
		out->end = out->n;
	size_t version = content_find(out, STR("VERSION"), 0);
	out->quoted_printable = version && str_eq(str_trim(out->v[version].value), STR("2.1"));
	return true;
}

struct str content_lines_text(const struct content_lines *l)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n; i++)
		n += l->v[i].raw.n;
	char *out = arena_alloc(l->arena, n + 1);
	n = 0;
	for (size_t i = 0; i < l->n; i++) {
		memcpy(out + n, l->v[i].raw.p, l->v[i].raw.n);
		n += l->v[i].raw.n;
	}
	return (struct str){out, n};
}

/* ---- Looking ---- */

size_t content_next(const struct content_lines *l, size_t from)
{
	unsigned depth = l->v[l->begin].depth + 1;
	for (size_t i = from > l->begin ? from : l->begin + 1; i < l->end; i++)
		if (l->v[i].name.n && l->v[i].depth == depth && !is_name(&l->v[i], STR("BEGIN")) &&
		    !is_name(&l->v[i], STR("END")))
			return i;
	return 0;
}

size_t content_find(const struct content_lines *l, struct str name, size_t from)
{
	size_t i = content_next(l, from);
	while (i && !is_name(&l->v[i], name))
		i = content_next(l, i + 1);
	return i;
}

bool content_param_next(struct str *rest, struct str *name, struct str *value)
{
	bool quoted = false;
	size_t i = 1;
	if (!rest->n)
		return false;
	for (; i < rest->n && (quoted || rest->p[i] != ';'); i++)
		if (rest->p[i] == '"')
			quoted = !quoted;
	struct str param = str_sub(*rest, 1, i - 1);
	*rest = str_sub(*rest, i, rest->n);
	ptrdiff_t equal = str_find_byte(param, '=');
	*name = equal < 0 ? (struct str){"", 0} : str_trim(str_sub(param, 0, (size_t)equal));
	*value = str_trim(equal < 0 ? param : str_sub(param, (size_t)equal + 1, param.n));
	if (value->n >= 2 && value->p[0] == '"' && value->p[value->n - 1] == '"')
		*value = str_sub(*value, 1, value->n - 2);
	return true;
}

struct str content_param(const struct content_line *line, struct str name)
{
	struct str rest = line->params, key, value;
	while (content_param_next(&rest, &key, &value))
		if (str_eq_nocase(key, name))
			return value;
	return (struct str){NULL, 0};
}

bool content_has_type(const struct content_line *line, struct str type)
{
	struct str rest = line->params, name, value, one;
	while (content_param_next(&rest, &name, &value)) {
		if (name.n && !str_eq_nocase(name, STR("TYPE")))
			continue;
		while (str_next(&value, ',', &one)) {
			while (one.n && one.p[0] == '"')
				one = str_sub(one, 1, one.n);
			while (one.n && one.p[one.n - 1] == '"')
				one.n--;
			if (str_eq_nocase(str_trim(one), type))
				return true;
		}
	}
	return false;
}

struct str content_value(const struct content_lines *l, const struct content_line *line)
{
	struct str value = line->value, charset = content_param(line, STR("CHARSET"));
	if (is_quoted_printable(line))
		value = mime_decode_all(l->arena, ENC_QP, value);
	if (charset.n || !text_is_utf8(value))
		value = mime_to_utf8(l->arena, charset.n ? str_lower(l->arena, charset) : STR(""),
				     value, false);
	return value;
}

struct str content_text(const struct content_lines *l, const struct content_line *line)
{
	return content_unescape(l->arena, content_value(l, line));
}

bool content_binary(const struct content_lines *l, const struct content_line *line, struct str *out)
{
	struct str value = line->value, encoding = content_param(line, STR("ENCODING"));
	if (str_starts_nocase(value, STR("data:"))) {
		ptrdiff_t comma = str_find_byte(value, ',');
		if (comma < 0 || !str_ends_nocase(str_sub(value, 0, (size_t)comma), STR(";base64")))
			return false;
		value = str_sub(value, (size_t)comma + 1, value.n);
	} else if (!str_eq_nocase(encoding, STR("b")) && !str_eq_nocase(encoding, STR("BASE64")) &&
		   !content_has_type(line, STR("BASE64"))) {
		return false;
	}
	return text_base64_decode(l->arena, value, true, out);
}

/* ---- Values ---- */

bool content_piece(struct str *rest, char sep, struct str *piece)
{
	size_t i = 0;
	if (!rest->p)
		return false;
	while (i < rest->n && rest->p[i] != sep)
		i += rest->p[i] == '\\' && i + 1 < rest->n ? 2 : 1;
	*piece = str_sub(*rest, 0, i);
	*rest = i < rest->n ? str_sub(*rest, i + 1, rest->n) : (struct str){NULL, 0};
	return true;
}

struct str content_unescape(struct arena *a, struct str value)
{
	if (str_find_byte(value, '\\') < 0)
		return value;
	char *out = arena_alloc(a, value.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c == '\\' && i + 1 < value.n) {
			c = value.p[++i];
			if (c == 'n' || c == 'N')
				c = '\n';
			else if (!memchr(",;\\:\"", c, 5)) /* not an escape: a path, for one */
				out[n++] = '\\';
		}
		out[n++] = c;
	}
	return (struct str){out, n};
}

struct str content_escape(struct arena *a, struct str text)
{
	char *out = arena_alloc(a, 2 * text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		if (c == '\r') {
			if (i + 1 < text.n && text.p[i + 1] == '\n')
				continue;
			c = '\n';
		}
		if (c == '\n' || c == ',' || c == ';' || c == '\\')
			out[n++] = '\\';
		out[n++] = c == '\n' ? 'n' : c;
	}
	return (struct str){out, n};
}

/* ---- Editing ---- */

static bool is_continuation(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* The line as it is written, folded between characters. */
static struct str write_line(const struct content_lines *l, const struct content_line *line)
{
	struct buf b = {0}, out = {0};
	if (line->group.n)
		buf_printf(&b, "%.*s.", STR_ARG(line->group));
	buf_str(&b, line->name);
	buf_str(&b, line->params);
	buf_byte(&b, ':');
	buf_str(&b, line->value);
	struct str whole = buf_get(&b);
	for (size_t at = 0, room = FOLD_AT; at < whole.n; room = FOLD_AT - 1) {
		size_t n = whole.n - at < room ? whole.n - at : room;
		while (at + n < whole.n && n > room - 4 && is_continuation(whole.p[at + n]))
			n--;
		if (at)
			buf_byte(&out, ' ');
		buf_put(&out, whole.p + at, n);
		buf_str(&out, l->eol);
		at += n;
	}
	buf_free(&b);
	return buf_move(l->arena, &out);
}

/* Without what told how the old value was encoded. */
static struct str plain_params(struct arena *a, struct str params)
{
	struct str rest = params, name, value;
	struct buf out = {0};
	while (rest.n) {
		struct str from = rest;
		content_param_next(&rest, &name, &value);
		if (str_eq_nocase(name, STR("ENCODING")) || str_eq_nocase(name, STR("CHARSET")) ||
		    (!name.n && (str_eq_nocase(value, STR("QUOTED-PRINTABLE")) ||
				 str_eq_nocase(value, STR("BASE64")))))
			continue;
		buf_put(&out, from.p, from.n - rest.n);
	}
	return buf_move(a, &out);
}

static bool is_plain_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= 0x7f || (unsigned char)s.p[i] < ' ')
			return false;
	return true;
}

/* What vCard 2.1 can't write as it is goes out in quoted-printable, each byte that needs it. */
static struct str quoted_printable(struct arena *a, struct str s)
{
	struct buf out = {0};
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < ' ' || c >= 0x7f || c == '=')
			buf_printf(&out, "=%02X", c);
		else
			buf_byte(&out, c);
	}
	return buf_move(a, &out);
}

/* vCard 2.1 escapes no more than its separator; line ends travel in quoted-printable. */
static struct str unescape_for_21(struct arena *a, struct str value)
{
	char *out = arena_alloc(a, 2 * value.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i];
		if (c == '\\' && i + 1 < value.n && value.p[i + 1] != ';') {
			c = value.p[++i];
			if (c == 'n')
				out[n++] = '\r';
			c = c == 'n' ? '\n' : c;
		}
		out[n++] = c;
	}
	return (struct str){out, n};
}

/*
 * A line in quoted-printable is folded by soft ends, which readers of 2.1 know; here it is just not
 * folded, since its blanks would be taken for part of the value.
 */
static struct str write_line_21(const struct content_lines *l, const struct content_line *line)
{
	return str_of(arena_printf(l->arena, "%.*s%s%.*s%.*s:%.*s%.*s", STR_ARG(line->group),
				   line->group.n ? "." : "", STR_ARG(line->name),
				   STR_ARG(line->params), STR_ARG(line->value), STR_ARG(l->eol)));
}

static void rewrite(struct content_lines *l, struct content_line *line)
{
	line->raw = l->quoted_printable ? write_line_21(l, line) : write_line(l, line);
}

/* No control character may end the line early, wherever the value comes from. */
static struct str one_line(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] >= ' ' || s.p[i] == '\t')
			out[n++] = s.p[i];
	return (struct str){out, n};
}

static void set_value(struct content_lines *l, struct content_line *line, struct str value)
{
	line->params = plain_params(l->arena, line->params);
	line->value = one_line(l->arena, value);
	if (l->quoted_printable) {
		struct str plain = unescape_for_21(l->arena, line->value);
		line->value = plain;
		if (!is_plain_ascii(plain)) {
			line->value = quoted_printable(l->arena, plain);
			line->params = str_of(arena_printf(
				l->arena, "%.*s;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE",
				STR_ARG(line->params)));
		}
	}
	rewrite(l, line);
}

void content_set(struct content_lines *l, size_t at, struct str value)
{
	set_value(l, &l->v[at], value);
}

void content_set_text(struct content_lines *l, size_t at, struct str text)
{
	content_set(l, at, content_escape(l->arena, text));
}

void content_set_params(struct content_lines *l, size_t at, struct str params)
{
	l->v[at].params = params;
	rewrite(l, &l->v[at]);
}

void content_insert(struct content_lines *l, size_t at, unsigned depth, struct str name,
		    struct str params, struct str value)
{
	/* What stands before it has to end. */
	struct str before = at ? l->v[at - 1].raw : (struct str){NULL, 0};
	if (before.n && before.p[before.n - 1] != '\n')
		l->v[at - 1].raw = str_of(
			arena_printf(l->arena, "%.*s%.*s", STR_ARG(before), STR_ARG(l->eol)));
	struct content_line *line = new_line(l, at);
	*line = (struct content_line){.name = name, .params = params, .depth = depth};
	if (l->begin >= at)
		l->begin++;
	if (l->end >= at)
		l->end++;
	bool binary = content_param(line, STR("ENCODING")).n > 0;
	if (binary) {
		line->value = value;
		line->raw = write_line(l, line);
		if (l->quoted_printable) /* 2.1 ends base64 with an empty line */
			line->raw = str_of(arena_printf(l->arena, "%.*s%.*s", STR_ARG(line->raw),
							STR_ARG(l->eol)));
	} else {
		set_value(l, line, value);
	}
}

/* Before the first component inside, or the end. */
static size_t end_of_properties(const struct content_lines *l)
{
	unsigned depth = l->v[l->begin].depth + 1;
	for (size_t i = l->begin + 1; i < l->end; i++)
		if (l->v[i].depth == depth && is_name(&l->v[i], STR("BEGIN")))
			return i;
	return l->end;
}

size_t content_add(struct content_lines *l, struct str name, struct str params, struct str value)
{
	size_t at = 0;
	for (size_t i = content_find(l, name, 0); i; i = content_find(l, name, i + 1))
		at = i + 1;
	if (!at)
		at = end_of_properties(l);
	content_insert(l, at, l->v[l->begin].depth + 1, name, params, value);
	return at;
}

void content_remove(struct content_lines *l, size_t at)
{
	memmove(l->v + at, l->v + at + 1, (l->n - at - 1) * sizeof *l->v);
	l->n--;
	if (l->begin > at)
		l->begin--;
	if (l->end > at)
		l->end--;
}

void content_put(struct content_lines *l, struct str name, struct str params, struct str text)
{
	size_t at = content_find(l, name, 0);
	if (!text.n && at)
		content_remove(l, at);
	else if (at && !str_eq(content_text(l, &l->v[at]), text))
		content_set_text(l, at, text);
	else if (!at && text.n)
		content_add(l, name, params, content_escape(l->arena, text));
}
