/* html_text: HTML as readable text, with libxml2's HTML parser. See html_text.h for the contract.
 */
#include "core/base/html_text.h"

#include <libxml/HTMLparser.h>
#include <libxml/parserInternals.h>
#include <pthread.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"

/* ---- HTML to text ---- */

enum { LISTS = 16 };

/* The document is never built: the parser's events are turned into text as they come. */
struct reader {
	htmlParserCtxtPtr parser;
	struct buf out;
	size_t max;
	bool full;
	unsigned hidden; /* open elements whose text is not read */
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

/* Sorted by name; the parser gives names in lower case. */
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

static enum role role_of(const xmlChar *name)
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

static void on_start(void *ctx, const xmlChar *name, const xmlChar **attributes)
{
	struct reader *r = ctx;
	(void)attributes;
	switch (role_of(name)) {
	case HIDDEN:
		r->hidden++;
		break;
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
	case INLINE:
		break;
	}
}

static void on_end(void *ctx, const xmlChar *name)
{
	struct reader *r = ctx;
	switch (role_of(name)) {
	case HIDDEN:
		if (r->hidden)
			r->hidden--;
		break;
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

static void on_text(void *ctx, const xmlChar *text, int len)
{
	struct reader *r = ctx;
	const unsigned char *p = text;
	size_t n = len < 0 ? 0 : (size_t)len;
	if (r->hidden || r->full)
		return;
	if (r->pre) {
		put_pre(r, p, n);
		n = 0;
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
	if (r->out.n > r->max) {
		r->full = true;
		xmlStopParser(r->parser);
	}
}

static void start_parser(void)
{
	xmlInitParser();
}

struct str html_to_text(struct arena *a, struct str html, size_t max, bool *more)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start_parser);
	struct reader r = {.max = max};
	struct str in = text_to_xml(a, html);
	r.parser = htmlNewParserCtxt();
	if (r.parser && in.n && in.n < INT32_MAX / 2) {
		htmlCtxtUseOptions(r.parser, 0);
		*r.parser->sax = (htmlSAXHandler){.startElement = on_start,
						  .endElement = on_end,
						  .characters = on_text,
						  .ignorableWhitespace = on_text};
		r.parser->userData = &r;
		htmlCtxtReadMemory(r.parser, in.p, (int)in.n, NULL, "UTF-8",
				   HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING |
					   HTML_PARSE_NONET | HTML_PARSE_IGNORE_ENC);
	}
	if (r.parser)
		htmlFreeParserCtxt(r.parser);
	*more = r.full;
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
