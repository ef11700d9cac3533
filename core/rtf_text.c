/* rtf_text: compressed RTF as plain text. See rtf_text.h for the contract. */
#include "core/rtf_text.h"

#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "store/mime.h"

/* ---- Unpacking (MS-OXRTFCP 2.1.3) ---- */

enum { HEADER = 16, RING = 4096, GROUPS = 256 };

#define MAGIC_PACKED 0x75465a4c /* "LZFu" */
#define MAGIC_STORED 0x414c454d /* "MELA" */

/* What the dictionary holds before the first byte (MS-OXRTFCP 2.1.2.1). */
static const char ring_start[] =
	"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
	"\\fscript \\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0"
	"\\blue0\r\n\\par \\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";

_Static_assert(sizeof ring_start - 1 == 207, "the dictionary's length");

static uint32_t number_at(struct str s, size_t at)
{
	const unsigned char *p = (const unsigned char *)s.p + at;
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

struct ring {
	char bytes[RING];
	unsigned at;
	struct buf *out;
};

static void ring_put(struct ring *r, char c)
{
	r->bytes[r->at] = c;
	r->at = (r->at + 1) % RING;
	buf_byte(r->out, (unsigned char)c);
}

/* One reference back; false at the end mark. */
static bool ring_repeat(struct ring *r, unsigned token)
{
	unsigned offset = token >> 4, length = (token & 15) + 2;
	if (offset == r->at)
		return false;
	while (length--)
		ring_put(r, r->bytes[offset++ % RING]);
	return true;
}

static void unpack(struct str in, struct buf *out)
{
	struct ring r = {.at = sizeof ring_start - 1, .out = out};
	memcpy(r.bytes, ring_start, sizeof ring_start - 1);
	for (size_t i = 0; i < in.n && !out->failed;) {
		unsigned control = (unsigned char)in.p[i++];
		for (unsigned bit = 0; bit < 8 && i < in.n; bit++) {
			if (!(control >> bit & 1)) {
				ring_put(&r, in.p[i++]);
				continue;
			}
			if (i + 1 >= in.n)
				return;
			unsigned token =
				(unsigned)(unsigned char)in.p[i] << 8 | (unsigned char)in.p[i + 1];
			i += 2;
			if (!ring_repeat(&r, token))
				return;
		}
	}
}

/* ---- Reading ---- */

struct reader {
	struct str rest;
	struct buf *out;
	bool hidden[GROUPS];	 /* of each open group: nothing in it is text */
	unsigned skip[GROUPS];	 /* how many characters follow a \u */
	unsigned depth, pending; /* characters still to be passed over */
	uint32_t high;		 /* first half of a surrogate pair; 0: none */
};

static void put_utf8(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_byte(b, (unsigned char)c);
	} else if (c < 0x800) {
		buf_byte(b, (unsigned char)(0xc0 | c >> 6));
		buf_byte(b, (unsigned char)(0x80 | (c & 63)));
	} else {
		if (c >= 0x10000)
			buf_byte(b, (unsigned char)(0xf0 | c >> 18));
		buf_byte(b, (unsigned char)(c >= 0x10000 ? 0x80 | (c >> 12 & 63) : 0xe0 | c >> 12));
		buf_byte(b, (unsigned char)(0x80 | (c >> 6 & 63)));
		buf_byte(b, (unsigned char)(0x80 | (c & 63)));
	}
}

/* A character of the text, unless the group is hidden or it stands in for one given by number. */
static void put(struct reader *r, uint32_t c)
{
	if (r->pending)
		r->pending--;
	else if (!r->hidden[r->depth])
		put_utf8(r->out, c);
}

/* A unit of UTF-16; half a pair alone is nothing. */
static void put_unit(struct reader *r, uint32_t unit)
{
	r->pending = 0;
	if (unit >= 0xd800 && unit < 0xdc00) {
		r->high = unit;
		return;
	}
	if (unit >= 0xdc00 && unit < 0xe000)
		unit = r->high ? 0x10000 + ((r->high - 0xd800) << 10) + (unit - 0xdc00) : 0xfffd;
	r->high = 0;
	put(r, unit);
}

static char take(struct reader *r)
{
	char c = r->rest.n ? r->rest.p[0] : '\0';
	r->rest = str_sub(r->rest, 1, r->rest.n);
	return c;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void act(struct reader *r, struct str word, int value, bool has_value)
{
	static const char *const hiding[] = {"fonttbl",	  "colortbl", "stylesheet", "info",
					     "pict",	  "object",   "header",	    "footer",
					     "listtable", "generator"};
	for (size_t i = 0; i < sizeof hiding / sizeof *hiding; i++)
		if (str_eq(word, str_of(hiding[i])))
			r->hidden[r->depth] = true;
	if (str_eq(word, STR("par")) || str_eq(word, STR("line")))
		put(r, '\n');
	else if (str_eq(word, STR("tab")))
		put(r, '\t');
	else if (str_eq(word, STR("uc")) && has_value && value >= 0)
		r->skip[r->depth] = (unsigned)value;
	else if (str_eq(word, STR("u")) && has_value) {
		put_unit(r, (uint16_t)value);
		r->pending = r->skip[r->depth];
	}
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : 0;
}

/* \'e4: a byte of windows-1252. */
static void read_byte(struct reader *r, struct arena *a)
{
	int high = hex_digit(take(r)), low = hex_digit(take(r));
	char byte = (char)(high << 4 | low);
	if (r->pending)
		r->pending--;
	else if (!r->hidden[r->depth])
		buf_str(r->out,
			mime_to_utf8(a, STR("windows-1252"), (struct str){&byte, 1}, false));
}

static void read_control(struct reader *r, struct arena *a)
{
	struct str word = r->rest;
	int sign = 1, value = 0;
	bool has_value = false;
	if (!is_letter(r->rest.n ? r->rest.p[0] : '\0')) {
		char c = take(r);
		if (c == '\'')
			read_byte(r, a);
		else if (c == '*')
			r->hidden[r->depth] = true;
		else if (c == '~')
			put(r, ' ');
		else if (c == '\\' || c == '{' || c == '}')
			put(r, (unsigned char)c);
		return;
	}
	while (r->rest.n && is_letter(r->rest.p[0]))
		take(r);
	word.n = (size_t)(r->rest.p - word.p);
	if (r->rest.n && r->rest.p[0] == '-') {
		sign = -1;
		take(r);
	}
	for (; r->rest.n && r->rest.p[0] >= '0' && r->rest.p[0] <= '9'; has_value = true) {
		int digit = take(r) - '0';
		value = value < 100000 ? value * 10 + digit : value;
	}
	if (r->rest.n && r->rest.p[0] == ' ')
		take(r);
	act(r, word, sign * value, has_value);
}

static void read_rtf(struct arena *a, struct str rtf, struct buf *out)
{
	struct reader r = {.rest = rtf, .out = out};
	r.skip[0] = 1;
	while (r.rest.n && !out->failed) {
		char c = take(&r);
		if (c == '{' && r.depth + 1 < GROUPS) {
			r.depth++;
			r.hidden[r.depth] = r.hidden[r.depth - 1];
			r.skip[r.depth] = r.skip[r.depth - 1];
		} else if (c == '}' && r.depth) {
			r.depth--;
		} else if (c == '\\') {
			read_control(&r, a);
		} else if (c != '{' && c != '}' && c != '\r' && c != '\n' && c != '\0') {
			put(&r, (unsigned char)c < 0x80 ? (uint32_t)c : '?');
		}
	}
}

bool rtf_text(struct arena *a, struct str packed, struct str *out, struct err *e)
{
	struct buf rtf = {.limit = RTF_MOST}, text = {.limit = RTF_MOST};
	uint32_t magic = packed.n >= HEADER ? number_at(packed, 8) : 0;
	struct str content = str_sub(packed, HEADER, packed.n);
	if (magic == MAGIC_PACKED)
		unpack(content, &rtf);
	else
		buf_str(&rtf, magic == MAGIC_STORED ? content : packed);
	bool ok = !rtf.failed;
	if (!ok)
		err_set(e, ERR_TOO_LARGE, "RTF of more than %d bytes", RTF_MOST);
	else if (!str_starts(buf_get(&rtf), STR("{\\rtf")))
		ok = err_set(e, ERR_INVALID, "not RTF");
	else
		read_rtf(a, buf_get(&rtf), &text);
	*out = buf_move(a, &text);
	buf_free(&rtf);
	return ok;
}
