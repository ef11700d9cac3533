/*
 * html_text: HTML as readable text. See html_text.h for the contract.
 *
 * A reader of its own: of HTML only the order of tags and text is needed, not the tree, and hostile
 * mail must not cost more than its length (libxml2 takes 18 s for one tag of 1 MB, since it
 * compares every attribute with every other one).
 */
#include "core/base/html_text.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"

/* ---- What the tags mean for text ---- */

enum { LISTS = 16, PIECE = 4096 };

struct reader {
	struct str in; /* what is still to be read */
	bool unquoted; /* quotes around values are not believed any more */
	bool last_tag; /* no '>' follows any more: what looks like a tag is text */
	bool unclosed; /* a title was opened whose end tag does not follow */
	struct buf out;
	size_t max;
	unsigned pre;
	unsigned breaks; /* line ends due before the next text: at most 2 */
	bool blank;	 /* a blank is due before the next text */
	unsigned lists;
	unsigned item[LISTS]; /* next number of an ordered list, 0 in one with bullets */
};

enum role { INLINE, LINE, PARAGRAPH, HIDDEN, CELL, BREAK, PRE, LIST, ORDERED, ITEM };

struct element {
	const char *name;
	enum role role;
};

/* Sorted by name. */
static const struct element elements[] = {
	{"address", LINE},  {"article", LINE},	  {"aside", LINE},	{"blockquote", PARAGRAPH},
	{"body", LINE},	    {"br", BREAK},	  {"caption", LINE},	{"center", LINE},
	{"dd", LINE},	    {"div", LINE},	  {"dl", PARAGRAPH},	{"dt", LINE},
	{"fieldset", LINE}, {"figcaption", LINE}, {"figure", LINE},	{"footer", LINE},
	{"form", LINE},	    {"h1", PARAGRAPH},	  {"h2", PARAGRAPH},	{"h3", PARAGRAPH},
	{"h4", PARAGRAPH},  {"h5", PARAGRAPH},	  {"h6", PARAGRAPH},	{"header", LINE},
	{"hr", PARAGRAPH},  {"legend", LINE},	  {"li", ITEM},		{"main", LINE},
	{"nav", LINE},	    {"ol", ORDERED},	  {"option", LINE},	{"p", PARAGRAPH},
	{"pre", PRE},	    {"script", HIDDEN},	  {"section", LINE},	{"style", HIDDEN},
	{"table", LINE},    {"td", CELL},	  {"template", HIDDEN}, {"th", CELL},
	{"title", HIDDEN},  {"tr", LINE},	  {"ul", LIST},
};

static int compare_element(const void *name, const void *element)
{
	return strcmp(name, ((const struct element *)element)->name);
}

static enum role role_of(const char *name)
{
	const struct element *found = bsearch(name, elements, sizeof elements / sizeof *elements,
					      sizeof *elements, compare_element);
	return found ? found->role : INLINE;
}

static void want_breaks(struct reader *r, unsigned n)
{
	if (r->breaks < n)
		r->breaks = n;
	r->blank = false;
}

/* Writes what is due between the text so far and what follows. */
static void settle(struct reader *r)
{
	if (r->out.n)
		for (; r->breaks; r->breaks--)
			buf_cstr(&r->out, "\r\n");
	else
		r->blank = false;
	if (r->blank)
		buf_byte(&r->out, ' ');
	r->breaks = 0;
	r->blank = false;
}

static void begin_item(struct reader *r)
{
	want_breaks(r, 1);
	settle(r);
	unsigned depth = r->lists < LISTS ? r->lists : LISTS;
	for (unsigned i = 1; i < depth; i++)
		buf_cstr(&r->out, "  ");
	unsigned *number = depth ? &r->item[depth - 1] : NULL;
	if (number && *number)
		buf_printf(&r->out, "%u. ", (*number)++);
	else
		buf_cstr(&r->out, "- ");
}

static void begin_list(struct reader *r, bool ordered)
{
	want_breaks(r, r->lists ? 1 : 2);
	if (r->lists < LISTS)
		r->item[r->lists] = ordered;
	r->lists++;
}

static void on_start(struct reader *r, const char *name)
{
	switch (role_of(name)) {
	case BREAK:
		if (r->breaks < 3 && r->out.n)
			r->breaks++;
		r->blank = false;
		break;
	case PRE:
		r->pre++;
		want_breaks(r, 2);
		break;
	case PARAGRAPH:
		want_breaks(r, 2);
		break;
	case LINE:
		want_breaks(r, 1);
		break;
	case CELL:
		r->blank = r->blank || !r->breaks;
		break;
	case LIST:
		begin_list(r, false);
		break;
	case ORDERED:
		begin_list(r, true);
		break;
	case ITEM:
		begin_item(r);
		break;
	case HIDDEN:
	case INLINE:
		break;
	}
}

static void on_end(struct reader *r, const char *name)
{
	switch (role_of(name)) {
	case PRE:
		if (r->pre)
			r->pre--;
		want_breaks(r, 2);
		break;
	case PARAGRAPH:
		want_breaks(r, 2);
		break;
	case LIST:
	case ORDERED:
		if (r->lists)
			r->lists--;
		want_breaks(r, r->lists ? 1 : 2);
		break;
	case LINE:
	case ITEM:
		want_breaks(r, 1);
		break;
	default:
		break;
	}
}

/*
 * Length of a character at p that a reader does not see (soft hyphen, zero-width blank, byte order
 * mark, grapheme joiner: what mailings fill their previews with), or of a no-break blank.
 */
static size_t unseen(const unsigned char *p, size_t n, bool *blank)
{
	*blank = n >= 2 && p[0] == 0xc2 && p[1] == 0xa0;
	if (*blank ||
	    (n >= 2 && ((p[0] == 0xc2 && p[1] == 0xad) || (p[0] == 0xcd && p[1] == 0x8f))))
		return 2;
	if (n >= 3 && ((p[0] == 0xe2 && p[1] == 0x80 && p[2] == 0x8b) ||
		       (p[0] == 0xef && p[1] == 0xbb && p[2] == 0xbf)))
		return 3;
	return 0;
}

static void put_pre(struct reader *r, const unsigned char *p, size_t n)
{
	settle(r);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '\n')
			buf_byte(&r->out, '\r');
		if (p[i] != '\r')
			buf_byte(&r->out, p[i]);
	}
}

static bool is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* Bytes at p up to the next white space or character that needs a look. */
static size_t plain(const unsigned char *p, size_t n)
{
	size_t i = 0;
	while (i < n && p[i] > ' ' && p[i] != 0xc2 && p[i] != 0xcd && p[i] != 0xe2 && p[i] != 0xef)
		i++;
	return i;
}

static void on_text(struct reader *r, const unsigned char *p, size_t n)
{
	if (r->pre) {
		put_pre(r, p, n);
		return;
	}
	while (n) {
		bool blank;
		size_t step = unseen(p, n, &blank);
		if (!step && is_space(*p)) {
			step = 1;
			blank = true;
		}
		if (step) {
			r->blank = r->blank || (blank && !r->breaks);
		} else {
			step = plain(p, n);
			step = step ? step : 1;
			settle(r);
			buf_put(&r->out, p, step);
		}
		p += step;
		n -= step;
	}
}

/* ---- Reading ---- */

static void skip(struct reader *r, size_t n)
{
	r->in = str_sub(r->in, n, r->in.n);
}

/* The bytes at the start of what is left, as text. */
static void text_piece(struct reader *r, size_t n)
{
	on_text(r, (const unsigned char *)r->in.p, n);
	skip(r, n);
}

static const struct entity {
	const char *name;
	uint32_t code;
} entities[] = {
#define ENTITY(name, code) {name, code},
#include "core/base/html_entities.def"
#undef ENTITY
};

static int compare_entity(const void *name, const void *entity)
{
	return strcmp(name, ((const struct entity *)entity)->name);
}

/* Numbers 128 to 159 mean what they mean in windows-1252, as browsers read them. */
static uint32_t numbered(uint32_t c)
{
	static const uint16_t high[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020,
					  0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd,
					  0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d,
					  0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
					  0x0153, 0xfffd, 0x017e, 0x0178};
	if (c >= 0x80 && c < 0xa0)
		return high[c - 0x80];
	return c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0xfffd : c;
}

static size_t put_utf8(uint32_t c, unsigned char out[4])
{
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	size_t n = c >= 0x10000 ? 4 : c >= 0x800 ? 3 : 2;
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (unsigned char)(0x80 | (c & 0x3f));
	out[0] = (unsigned char)((n == 4 ? 0xf0 : n == 3 ? 0xe0 : 0xc0) | c);
	return n;
}

static bool is_letter(char c)
{
	return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Length of "&#…;" at the start of s and its character, or 0. */
static size_t number_entity(struct str s, uint32_t *code)
{
	size_t n = 2;
	bool hex = n < s.n && (s.p[n] | 32) == 'x';
	uint32_t c = 0;
	n += hex;
	size_t first = n;
	for (; n < s.n && n < first + 9; n++) {
		char d = s.p[n];
		uint32_t v = d >= '0' && d <= '9' ? (uint32_t)(d - '0')
			     : hex && (d | 32) >= 'a' && (d | 32) <= 'f'
				     ? (uint32_t)((d | 32) - 'a' + 10)
				     : 99;
		if (v == 99)
			break;
		c = c > 0x10ffff ? c : c * (hex ? 16 : 10) + v;
	}
	*code = numbered(c);
	return n == first ? 0 : n + (n < s.n && s.p[n] == ';');
}

static size_t named_entity(struct str s, uint32_t *code)
{
	char name[12];
	size_t n = 1;
	while (n < s.n && n < sizeof name && (is_letter(s.p[n]) || is_digit(s.p[n])))
		n++;
	memcpy(name, s.p + 1, n - 1);
	name[n - 1] = '\0';
	bool closed = n < s.n && s.p[n] == ';';
	/* Without the semicolon only these are meant; "&copy=1" is part of an address. */
	if (!closed && strcmp(name, "nbsp") && strcmp(name, "amp") && strcmp(name, "lt") &&
	    strcmp(name, "gt") && strcmp(name, "quot"))
		return 0;
	const struct entity *found = bsearch(name, entities, sizeof entities / sizeof *entities,
					     sizeof *entities, compare_entity);
	if (!found)
		return 0;
	*code = found->code;
	return n + closed;
}

static void read_entity(struct reader *r)
{
	uint32_t code;
	unsigned char out[4];
	bool number = r->in.n > 1 && r->in.p[1] == '#';
	size_t n = number ? number_entity(r->in, &code) : named_entity(r->in, &code);
	if (!n) {
		text_piece(r, 1);
		return;
	}
	on_text(r, out, put_utf8(code, out));
	skip(r, n);
}

/* The name of the tag whose name starts at `from`, in lower case; "" when it is too long to matter.
 */
static void tag_name(struct str s, size_t from, char out[16])
{
	size_t n = 0;
	for (size_t i = from; i < s.n && n < 16; i++, n++) {
		char c = s.p[i];
		if (!is_letter(c) && !is_digit(c))
			break;
		out[n] = (char)(c | (is_letter(c) ? 32 : 0));
	}
	out[n < 16 ? n : 0] = '\0';
}

/* Bytes up to and with the '>' that ends the tag at the start of s, quoted values regarded; or 0.
 */
static size_t quoted_tag_length(struct str s)
{
	for (size_t i = 1; i < s.n; i++) {
		if (s.p[i] == '>')
			return i + 1;
		if (s.p[i] != '=')
			continue;
		while (i + 1 < s.n && is_space((unsigned char)s.p[i + 1]))
			i++;
		if (i + 1 == s.n || (s.p[i + 1] != '"' && s.p[i + 1] != '\''))
			continue;
		const char *quote = memchr(s.p + i + 2, s.p[i + 1], s.n - i - 2);
		if (quote)
			i = (size_t)(quote - s.p);
	}
	return 0;
}

/* The same, and 0 only when there is no '>' at all. Each way of searching in vain happens once. */
static size_t tag_length(struct reader *r)
{
	size_t n = r->unquoted ? 0 : quoted_tag_length(r->in);
	if (n)
		return n;
	r->unquoted = true;
	ptrdiff_t at = r->last_tag ? -1 : str_find_byte(r->in, '>');
	r->last_tag = at < 0;
	return at < 0 ? 0 : (size_t)at + 1;
}

/* Passes over the content of an element that is not read, its end tag included. */
static void skip_hidden(struct reader *r, const char *name)
{
	bool to_end = strcmp(name, "script") == 0 || strcmp(name, "style") == 0;
	struct str rest = r->in, word = str_of(name);
	ptrdiff_t at;
	if (!to_end && r->unclosed)
		return;
	while ((at = str_find(rest, STR("</"))) >= 0) {
		rest = str_sub(rest, (size_t)at + 2, rest.n);
		if (str_starts_nocase(rest, word)) {
			r->in = rest; /* what is left of the end tag has no '<' */
			at = str_find_byte(rest, '>');
			skip(r, at < 0 ? rest.n : (size_t)at + 1);
			return;
		}
	}
	if (to_end)
		skip(r, r->in.n);
	else
		r->unclosed = true;
}

static void read_comment(struct reader *r)
{
	ptrdiff_t end = str_find(str_sub(r->in, 2, r->in.n), STR("-->"));
	skip(r, end < 0 ? r->in.n : (size_t)end + 5);
}

static void read_tag(struct reader *r)
{
	char name[16];
	bool closes = r->in.n > 1 && r->in.p[1] == '/';
	char first = r->in.n > 1u + closes ? r->in.p[1 + closes] : ' ';
	bool tag = is_letter(first), other = first == '!' || first == '?' || closes;
	if (str_starts(r->in, STR("<!--"))) {
		read_comment(r);
		return;
	}
	size_t n = tag || other ? tag_length(r) : 0;
	if (!n) {
		text_piece(r, 1);
		return;
	}
	tag_name(r->in, 1u + closes, name);
	bool empty = n > 2 && r->in.p[n - 2] == '/';
	skip(r, n);
	if (!tag)
		return;
	if (closes)
		on_end(r, name);
	else
		on_start(r, name);
	if (!closes && !empty && role_of(name) == HIDDEN)
		skip_hidden(r, name);
}

struct str html_to_text(struct arena *a, struct str html, size_t max, bool *more)
{
	struct reader r = {.in = html, .max = max};
	while (r.in.n && r.out.n <= max) {
		if (*r.in.p == '<') {
			read_tag(&r);
		} else if (*r.in.p == '&') {
			read_entity(&r);
		} else {
			size_t n = 1, most = text_cut_utf8(r.in, PIECE).n;
			while (n < most && r.in.p[n] != '<' && r.in.p[n] != '&')
				n++;
			text_piece(&r, n);
		}
	}
	*more = r.out.n > max;
	struct str out = text_to_xml(a, (struct str){str_dup(a, buf_get(&r.out)), r.out.n});
	buf_free(&r.out);
	return out;
}

/* ---- Text to HTML ---- */

static const struct str head = STR_INIT(
	"<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; charset=utf-8\"></head>"
	"<body>");
static const struct str tail = STR_INIT("</body></html>");

enum { FRAMED = 512 };

/* What stands in HTML for the character at p; *used bytes of the text are meant by it. */
static struct str html_of(const char *p, size_t n, bool after_blank, size_t *used)
{
	*used = 1;
	switch (*p) {
	case '&':
		return STR("&amp;");
	case '<':
		return STR("&lt;");
	case '>':
		return STR("&gt;");
	case '\r':
		*used = n > 1 && p[1] == '\n' ? 2 : 1;
		return STR("<br>\r\n");
	case '\n':
		return STR("<br>\r\n");
	case ' ':
		return after_blank ? STR("&nbsp;") : STR(" ");
	default:
		break;
	}
	/* Up to the next character of those above, at one go. */
	while (*used < n && !memchr("&<>\r\n ", p[*used], 6))
		++*used;
	return (struct str){p, *used};
}

/* Writes (when out is not NULL) the content of the body, at most `max` bytes; *taken of the text.
 */
static size_t write_html(struct str text, size_t max, char *out, size_t *taken)
{
	size_t n = 0, i = 0;
	bool blank = true; /* at the start of a line a blank would not be shown */
	while (i < text.n) {
		size_t used;
		struct str piece = html_of(text.p + i, text.n - i, blank, &used);
		bool plain_text = piece.p == text.p + i;
		if (piece.n > max - n) {
			if (!plain_text)
				break;
			piece = text_cut_utf8(piece, max - n);
			used = piece.n;
		}
		if (out && piece.n)
			memcpy(out + n, piece.p, piece.n);
		n += piece.n;
		i += used;
		if (n == max || !used)
			break;
		blank = text.p[i - 1] == ' ' || text.p[i - 1] == '\n' || text.p[i - 1] == '\r';
	}
	*taken = i;
	return n;
}

size_t html_from_text_size(struct str text)
{
	size_t taken;
	return head.n + tail.n + write_html(text, SIZE_MAX / 2, NULL, &taken);
}

struct str html_from_text(struct arena *a, struct str text, size_t max, bool *more)
{
	size_t whole = html_from_text_size(text);
	*more = whole > max;
	size_t size = *more ? max : whole;
	/* Where there is hardly room the little that fits is better spent on text. */
	bool framed = size >= FRAMED || !*more;
	size_t frame = framed ? head.n + tail.n : 0, n = framed ? head.n : 0, taken;
	char *out = arena_alloc(a, size + 1);
	memcpy(out, head.p, n);
	n += write_html(text, size - frame, out + n, &taken);
	if (framed)
		memcpy(out + n, tail.p, tail.n);
	return (struct str){out, framed ? n + tail.n : n};
}

/* ---- Folding ---- */

struct str html_fold(struct arena *a, struct str text, size_t chars)
{
	char *out = arena_alloc(a, text.n + 1);
	size_t n = 0, end = 0, count = 0;
	for (size_t i = 0; i < text.n && count <= chars;) {
		unsigned char c = (unsigned char)text.p[i];
		bool nbsp;
		size_t skip = unseen((const unsigned char *)text.p + i, text.n - i, &nbsp);
		if (skip || is_space(c)) {
			if (n && out[n - 1] != ' ' && (nbsp || !skip)) {
				out[n++] = ' ';
				count++;
			}
			i += skip ? skip : 1;
			continue;
		}
		size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		size = size < text.n - i ? size : text.n - i;
		count += size == 4 ? 2 : 1;
		if (count > chars)
			break;
		memcpy(out + n, text.p + i, size);
		n += size;
		i += size;
		end = n;
	}
	return (struct str){out, end};
}
