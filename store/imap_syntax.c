/* imap_syntax: the bytes of IMAP, both ways. See imap_syntax.h for the contract. */
#include "store/imap_syntax.h"

#include <time.h>

#include "core/base/arena.h"
#include "core/base/text.h"

enum { LINE_SCAN_DIGITS = 12 };

/* ---- Finding the end of a response ---- */

int64_t imap_literal(struct str line)
{
	size_t i = line.n, digits = 0;
	int64_t n = 0, unit = 1;
	if (i == 0 || line.p[--i] != '}')
		return -1;
	if (i > 0 && line.p[i - 1] == '+')
		i--;
	while (i > 0 && line.p[i - 1] >= '0' && line.p[i - 1] <= '9' &&
	       digits++ < LINE_SCAN_DIGITS) {
		n += (line.p[--i] - '0') * unit;
		unit *= 10;
	}
	return digits && i > 0 && line.p[i - 1] == '{' ? n : -1;
}

enum imap_framed imap_frame(struct imap_frame *f, struct str bytes, size_t *length)
{
	while (f->at < bytes.n) {
		const char *nl = memchr(bytes.p + f->at, '\n', bytes.n - f->at);
		if (!nl)
			break;
		size_t end = (size_t)(nl - bytes.p), from = f->at;
		size_t stop = end > from && bytes.p[end - 1] == '\r' ? end - 1 : end;
		int64_t literal = imap_literal(str_sub(bytes, from, stop - from));
		if (literal < 0) {
			*length = end + 1;
			return *length <= IMAP_RESPONSE_MOST ? IMAP_COMPLETE : IMAP_TOO_LARGE;
		}
		if (literal > IMAP_RESPONSE_MOST)
			return IMAP_TOO_LARGE;
		f->at = end + 1 + (size_t)literal;
		if (f->at > IMAP_RESPONSE_MOST)
			return IMAP_TOO_LARGE;
	}
	return bytes.n > IMAP_RESPONSE_MOST ? IMAP_TOO_LARGE : IMAP_INCOMPLETE;
}

/* ---- Reading a response ---- */

struct reader {
	struct arena *arena;
	struct str in;
	size_t at;
	unsigned depth;
	bool failed;
};

static int peek(const struct reader *r)
{
	return r->at < r->in.n ? (unsigned char)r->in.p[r->at] : -1;
}

static bool take(struct reader *r, char c)
{
	if (peek(r) != (unsigned char)c)
		return false;
	r->at++;
	return true;
}

static struct imap_value *fail(struct reader *r)
{
	r->failed = true;
	return NULL;
}

static struct imap_value *new_value(struct reader *r, enum imap_kind kind, struct str text)
{
	struct imap_value *v = arena_alloc(r->arena, sizeof *v);
	v->kind = kind;
	v->text = text;
	return v;
}

/* Quoted text without escapes points into the response. */
static struct imap_value *read_quoted(struct reader *r)
{
	size_t from = ++r->at;
	bool escaped = false;
	while (peek(r) >= 0 && peek(r) != '"') {
		if (peek(r) == '\\') {
			escaped = true;
			r->at++;
		}
		if (peek(r) == '\r' || peek(r) == '\n' || peek(r) <= 0)
			return fail(r);
		r->at++;
	}
	struct str raw = str_sub(r->in, from, r->at - from);
	if (!take(r, '"'))
		return fail(r);
	if (!escaped)
		return new_value(r, IMAP_STRING, raw);
	char *text = arena_alloc(r->arena, raw.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\\')
			i++;
		text[n++] = raw.p[i];
	}
	return new_value(r, IMAP_STRING, (struct str){text, n});
}

static struct imap_value *read_literal(struct reader *r)
{
	const char *nl = memchr(r->in.p + r->at, '\n', r->in.n - r->at);
	if (!nl)
		return fail(r);
	size_t end = (size_t)(nl - r->in.p);
	size_t stop = end > r->at && r->in.p[end - 1] == '\r' ? end - 1 : end;
	int64_t n = imap_literal(str_sub(r->in, r->at, stop - r->at));
	if (n < 0 || (uint64_t)n > r->in.n - end - 1)
		return fail(r);
	r->at = end + 1 + (size_t)n;
	return new_value(r, IMAP_STRING, (struct str){r->in.p + end + 1, (size_t)n});
}

static bool ends_atom(int c)
{
	return c <= ' ' || c == '(' || c == ')' || c == '"' || c == 0x7f;
}

/* BODY[HEADER.FIELDS (DATE)]<0> is one: what stands in [] belongs to it. */
static struct imap_value *read_atom(struct reader *r)
{
	size_t from = r->at;
	while (!ends_atom(peek(r))) {
		if (peek(r) == '[' && r->at > from) {
			while (peek(r) >= ' ' && peek(r) != ']')
				r->at++;
			if (peek(r) != ']')
				return fail(r);
		}
		r->at++;
	}
	struct str text = str_sub(r->in, from, r->at - from);
	if (text.n == 0)
		return fail(r);
	return new_value(r, str_eq_nocase(text, STR("NIL")) ? IMAP_NIL : IMAP_ATOM, text);
}

static struct imap_value *read_values(struct reader *r, char until);

static struct imap_value *read_list(struct reader *r)
{
	if (r->depth == IMAP_DEPTH_MOST)
		return fail(r);
	r->at++;
	r->depth++;
	struct imap_value *v = new_value(r, IMAP_LIST, (struct str){NULL, 0});
	v->first = read_values(r, ')');
	r->depth--;
	if (!take(r, ')'))
		return fail(r);
	return v;
}

static struct imap_value *read_value(struct reader *r)
{
	switch (peek(r)) {
	case '(':
		return read_list(r);
	case '"':
		return read_quoted(r);
	case '{':
		return read_literal(r);
	case '~': /* literal8 (RFC 3516) */
		if (r->at + 1 < r->in.n && r->in.p[r->at + 1] == '{') {
			r->at++;
			return read_literal(r);
		}
		return read_atom(r);
	default:
		return read_atom(r);
	}
}

/* Values up to a byte that is left for the caller, or to the end of the line. */
static struct imap_value *read_values(struct reader *r, char until)
{
	struct imap_value *first = NULL, **last = &first;
	while (!r->failed) {
		while (take(r, ' '))
			;
		int c = peek(r);
		if (c < 0 || c == '\r' || c == '\n' || c == (unsigned char)until)
			break;
		*last = read_value(r);
		if (*last)
			last = &(*last)->next;
	}
	return first;
}

static struct str read_word(struct reader *r)
{
	size_t from = r->at;
	while (peek(r) > ' ')
		r->at++;
	return str_sub(r->in, from, r->at - from);
}

static bool is_status(struct str name)
{
	return str_eq_nocase(name, STR("OK")) || str_eq_nocase(name, STR("NO")) ||
	       str_eq_nocase(name, STR("BAD")) || str_eq_nocase(name, STR("BYE")) ||
	       str_eq_nocase(name, STR("PREAUTH"));
}

/*
 * [CODE words] text. In the code a ']' ends it, so its words are read up to there by themselves: no
 * code that is looked at has one inside.
 */
static void read_status(struct reader *r, struct imap_response *out)
{
	if (take(r, '[')) {
		size_t from = r->at;
		while (peek(r) >= 0 && peek(r) != ']' && peek(r) != '\n')
			r->at++;
		struct reader inner = {r->arena, str_sub(r->in, from, r->at - from), 0, 0, false};
		out->code = read_word(&inner);
		out->values = read_values(&inner, '\n');
		if (inner.failed) /* a code that nobody here knows is no reason to refuse the rest
				   */
			out->values = NULL;
		take(r, ']');
		take(r, ' ');
	}
	out->text = str_trim(str_sub(r->in, r->at, r->in.n));
}

static void read_untagged(struct reader *r, struct imap_response *out)
{
	int64_t number;
	out->name = read_word(r);
	if (str_to_i64(out->name, &number)) {
		if (number < 0 || !take(r, ' '))
			r->failed = true;
		out->number = (uint64_t)number;
		out->name = read_word(r);
	}
	take(r, ' ');
	if (is_status(out->name))
		read_status(r, out);
	else
		out->values = read_values(r, '\n');
}

bool imap_parse(struct arena *a, struct str bytes, struct imap_response *out, struct err *e)
{
	struct reader r = {.arena = a, .in = bytes};
	*out = (struct imap_response){0};
	out->tag = read_word(&r);
	bool spaced = take(&r, ' ');
	if (str_eq(out->tag, STR("+"))) {
		out->kind = IMAP_CONTINUE;
		out->text = str_trim(str_sub(bytes, r.at, bytes.n));
	} else if (str_eq(out->tag, STR("*")) && spaced) {
		out->kind = IMAP_UNTAGGED;
		read_untagged(&r, out);
	} else {
		out->kind = IMAP_TAGGED;
		out->name = read_word(&r);
		take(&r, ' ');
		if (!spaced || !is_status(out->name))
			r.failed = true;
		else
			read_status(&r, out);
	}
	if (r.failed || (out->kind != IMAP_CONTINUE && out->name.n == 0))
		return err_set(e, ERR_MALFORMED, "the IMAP server's answer can't be read");
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "the IMAP server says too much");
}

bool imap_is(const struct imap_response *r, const char *name)
{
	return str_eq_nocase(r->name, str_of(name));
}

bool imap_number(const struct imap_value *v, uint64_t *out)
{
	return v && v->kind == IMAP_ATOM && str_to_u64(v->text, out) && *out <= INT64_MAX;
}

struct str imap_text(const struct imap_value *v)
{
	if (!v || (v->kind != IMAP_ATOM && v->kind != IMAP_STRING))
		return (struct str){NULL, 0};
	return v->text;
}

const struct imap_value *imap_item(const struct imap_value *list, const char *name)
{
	const struct imap_value *v = list ? list->first : NULL;
	for (; v && v->next; v = v->next->next)
		if (v->kind == IMAP_ATOM && str_eq_nocase(v->text, str_of(name)))
			return v->next;
	return NULL;
}

static bool set_number(struct str text, int64_t *out)
{
	return str_to_i64(text, out) && *out > 0 && *out <= UINT32_MAX;
}

bool imap_set_parse(struct arena *a, struct str text, struct uidset *out)
{
	struct str piece;
	*out = uidset_new(a);
	while (str_next(&text, ',', &piece)) {
		struct str first = piece;
		int64_t from, to;
		ptrdiff_t colon = str_find_byte(piece, ':');
		if (colon >= 0)
			first = str_sub(piece, 0, (size_t)colon);
		if (!set_number(first, &from))
			return false;
		to = from;
		if (colon >= 0 && !set_number(str_sub(piece, (size_t)colon + 1, piece.n), &to))
			return false;
		if (to < from)
			uidset_add_range(out, to, from + 1);
		else
			uidset_add_range(out, from, to + 1);
	}
	return true;
}

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

static bool digits(struct str s, size_t at, size_t n, int *out)
{
	*out = 0;
	for (size_t i = at; i < at + n; i++) {
		if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
			return false;
		*out = *out * 10 + (s.p[i] - '0');
	}
	return true;
}

bool imap_date_parse(struct str s, int64_t *ms)
{
	struct tm tm = {0};
	char day[2];
	int year, zone_hours, zone_minutes;
	if (s.n != 26)
		return false;
	memcpy(day, s.p, sizeof day);
	if (day[0] == ' ')
		day[0] = '0';
	ptrdiff_t month = str_find(str_of(months), str_sub(s, 3, 3));
	if (!digits((struct str){day, 2}, 0, 2, &tm.tm_mday) || month < 0 || month % 3 != 0 ||
	    !digits(s, 7, 4, &year) || !digits(s, 12, 2, &tm.tm_hour) ||
	    !digits(s, 15, 2, &tm.tm_min) || !digits(s, 18, 2, &tm.tm_sec) ||
	    !digits(s, 22, 2, &zone_hours) || !digits(s, 24, 2, &zone_minutes) ||
	    (s.p[21] != '+' && s.p[21] != '-') || year < 1)
		return false;
	tm.tm_mon = (int)month / 3;
	tm.tm_year = year - 1900;
	int64_t zone = (zone_hours * 60 + zone_minutes) * INT64_C(60);
	*ms = ((int64_t)timegm(&tm) - (s.p[21] == '-' ? -zone : zone)) * 1000;
	return true;
}

/* ---- Writing a command ---- */

static bool is_plain(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c < ' ' || c >= 0x7f)
			return false;
	}
	return s.n <= 1000;
}

void imap_put_string(struct buf *b, struct str s, bool literal_plus)
{
	if (!is_plain(s)) {
		buf_printf(b, literal_plus ? "{%zu+}\r\n" : "{%zu}\r\n", s.n);
		buf_str(b, s);
		return;
	}
	buf_byte(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_byte(b, '\\');
		buf_byte(b, (unsigned char)s.p[i]);
	}
	buf_byte(b, '"');
}

void imap_put_uids(struct buf *b, const int64_t *uids, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t j = i;
		while (j + 1 < n && uids[j + 1] == uids[j] + 1)
			j++;
		buf_printf(b, i ? ",%lld" : "%lld", (long long)uids[i]);
		if (j > i)
			buf_printf(b, ":%lld", (long long)uids[j]);
		i = j + 1;
	}
}

void imap_put_date(struct buf *b, int64_t ms)
{
	struct tm tm;
	time_t t = (time_t)(ms / 1000);
	if (ms < 0 || !gmtime_r(&t, &tm) || tm.tm_year > 8000)
		memset(&tm, 0, sizeof tm);
	buf_printf(b, "\"%02d-%.3s-%04d %02d:%02d:%02d +0000\"", tm.tm_mday ? tm.tm_mday : 1,
		   months + 3 * tm.tm_mon, tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* ---- Names ---- */

/* The shifted text between & and -: base64 of UTF-16 with ',' for '/'. False: not that. */
static bool decode_shifted(struct arena *a, struct buf *out, struct str shifted)
{
	char *text = arena_dup(a, shifted.p, shifted.n);
	struct str utf16;
	for (size_t i = 0; i < shifted.n; i++) {
		if (text[i] == '/' || text[i] == '_' || text[i] == '-')
			return false;
		if (text[i] == ',')
			text[i] = '/';
	}
	if (!text_base64_decode(a, (struct str){text, shifted.n}, false, &utf16) || utf16.n % 2 ||
	    utf16.n == 0)
		return false;
	for (size_t i = 0; i < utf16.n; i += 2) {
		const unsigned char *p = (const unsigned char *)utf16.p + i;
		uint32_t c = (uint32_t)p[0] << 8 | p[1];
		if (c >= 0xd800 && c < 0xdc00 && i + 3 < utf16.n && p[2] >= 0xdc && p[2] <= 0xdf) {
			c = 0x10000 + ((c & 0x3ff) << 10 | (uint32_t)(p[2] & 3) << 8 | p[3]);
			i += 2;
		}
		if ((c >= 0xd800 && c < 0xe000) || c < ' ')
			return false;
		if (c < 0x80) {
			buf_byte(out, (unsigned char)c);
		} else if (c < 0x800) {
			buf_byte(out, (unsigned char)(0xc0 | c >> 6));
		} else {
			if (c < 0x10000) {
				buf_byte(out, (unsigned char)(0xe0 | c >> 12));
			} else {
				buf_byte(out, (unsigned char)(0xf0 | c >> 18));
				buf_byte(out, (unsigned char)(0x80 | (c >> 12 & 0x3f)));
			}
			buf_byte(out, (unsigned char)(0x80 | (c >> 6 & 0x3f)));
		}
		if (c >= 0x80)
			buf_byte(out, (unsigned char)(0x80 | (c & 0x3f)));
	}
	return true;
}

struct str imap_name_decode(struct arena *a, struct str name)
{
	struct buf out = {.limit = 4 * name.n + 1};
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] != '&') {
			buf_byte(&out, (unsigned char)name.p[i]);
			continue;
		}
		ptrdiff_t end = str_find_byte(str_sub(name, i, name.n), '-');
		if (end == 1) {
			buf_byte(&out, '&');
		} else if (end < 0 ||
			   !decode_shifted(a, &out, str_sub(name, i + 1, (size_t)end - 1))) {
			buf_free(&out);
			return text_to_xml(a, name);
		}
		i += (size_t)end;
	}
	return text_to_xml(a, buf_move(a, &out));
}

/* The character at i of UTF-8 text, and i moved on; an illegal byte stands for itself. */
static uint32_t next_char(struct str s, size_t *i)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	unsigned char c = (unsigned char)s.p[(*i)++];
	unsigned more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : c >= 0xc0 ? 1 : 0;
	if (more == 0 || *i + more > s.n)
		return c;
	uint32_t v = c & (0x3fu >> more);
	for (unsigned k = 0; k < more; k++)
		v = v << 6 | ((unsigned char)s.p[*i + k] & 0x3f);
	if (v < least[more])
		return c;
	*i += more;
	return v;
}

static void put_utf16(struct buf *b, uint32_t c)
{
	if (c >= 0x10000) {
		uint32_t high = 0xd800 + ((c - 0x10000) >> 10);
		put_utf16(b, high);
		c = 0xdc00 + ((c - 0x10000) & 0x3ff);
	}
	buf_byte(b, (unsigned char)(c >> 8));
	buf_byte(b, (unsigned char)c);
}

static void put_shifted(struct arena *a, struct buf *out, struct buf *utf16)
{
	struct str coded = text_base64_encode(a, buf_get(utf16));
	buf_byte(out, '&');
	for (size_t i = 0; i < coded.n && coded.p[i] != '='; i++)
		buf_byte(out, (unsigned char)(coded.p[i] == '/' ? ',' : coded.p[i]));
	buf_byte(out, '-');
	buf_cut(utf16, 0);
}

struct str imap_name_encode(struct arena *a, struct str text)
{
	struct buf out = {0}, utf16 = {0};
	for (size_t i = 0; i < text.n;) {
		uint32_t c = next_char(text, &i);
		bool plain = c >= ' ' && c < 0x7f;
		if (plain && utf16.n)
			put_shifted(a, &out, &utf16);
		if (!plain)
			put_utf16(&utf16, c);
		else if (c == '&')
			buf_cstr(&out, "&-");
		else
			buf_byte(&out, (unsigned char)c);
	}
	if (utf16.n)
		put_shifted(a, &out, &utf16);
	buf_free(&utf16);
	return buf_move(a, &out);
}
