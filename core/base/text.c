/* text: the encodings that bytes travel in. See text.h for the contract. */
#include "core/base/text.h"

#include <stdint.h>

#include "core/base/arena.h"

/* ---- UTF-8 ---- */

/*
 * Bytes at the start of s that are plain ASCII without controls. Eight at a time: nearly all text
 * that passes through here is nothing else.
 */
static size_t plain_run(const char *p, size_t n)
{
	const uint64_t high = 0x8080808080808080u, blanks = 0x2020202020202020u;
	size_t i = 0;
	for (uint64_t w; n - i >= sizeof w; i += sizeof w) {
		memcpy(&w, p + i, sizeof w);
		if ((w | (w - blanks)) & high)
			break;
	}
	while (i < n && p[i] >= 0x20 && !((unsigned char)p[i] & 0x80))
		i++;
	return i;
}

/* Bytes of the character at the start of s and its code, or 0 when there is none (RFC 3629 4). */
static size_t take_utf8(const char *s, size_t n, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s;
	*code = p[0];
	if (p[0] < 0x80)
		return 1;
	size_t size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < size)
		return 0;
	uint32_t c = p[0] & (0x7fu >> size);
	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[size] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return size;
}

/* XML 1.0, 2.2; what take_utf8 gives is never a surrogate. */
static bool is_xml_char(uint32_t c)
{
	return c >= 0x20 ? c != 0xfffe && c != 0xffff : c == '\t' || c == '\n' || c == '\r';
}

/* Length of the longest good start of s: UTF-8, and when `xml` only what XML allows. */
static size_t good_start(struct str s, bool xml)
{
	size_t i = 0;
	for (;;) {
		uint32_t c;
		i += plain_run(s.p + i, s.n - i);
		size_t step = i < s.n ? take_utf8(s.p + i, s.n - i, &c) : 0;
		if (!step || (xml && !is_xml_char(c)))
			return i;
		i += step;
	}
}

bool text_is_utf8(struct str s)
{
	return s.n == 0 || good_start(s, false) == s.n;
}

bool text_is_xml(struct str s)
{
	return s.n == 0 || good_start(s, true) == s.n;
}

/* Bytes that text_to_xml gives for s; they are written when out is not NULL. */
static size_t repair(struct str s, char *out)
{
	static const char replacement[] = "\xef\xbf\xbd"; /* U+FFFD */
	size_t n = 0;
	while (s.n) {
		size_t good = good_start(s, true);
		if (out && good)
			memcpy(out + n, s.p, good);
		n += good;
		s = str_sub(s, good, s.n);
		if (!s.n)
			break;
		uint32_t c;
		size_t bad = take_utf8(s.p, s.n, &c);
		if (!bad) {
			if (out)
				memcpy(out + n, replacement, 3);
			n += 3;
		}
		s = str_sub(s, bad ? bad : 1, s.n);
	}
	return n;
}

struct str text_to_xml(struct arena *a, struct str s)
{
	if (text_is_xml(s))
		return s;
	size_t n = repair(s, NULL);
	char *out = arena_alloc(a, n + 1);
	repair(s, out);
	return (struct str){out, n};
}

struct str text_from_latin1(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, 2 * s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 0x80)
			out[n++] = (char)(0xc0 | c >> 6);
		out[n++] = (char)(c >= 0x80 ? 0x80 | (c & 0x3f) : c);
	}
	return (struct str){out, n};
}

struct str text_cut_utf8(struct str s, size_t max)
{
	if (s.n <= max)
		return s;
	size_t n = max;
	while (n && max - n < 3 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return str_sub(s, 0, n);
}

/* ---- Base64 and hex ---- */

size_t text_base64_size(size_t n)
{
	return n / 3 * 4 + (n % 3 ? 4 : 0);
}

size_t text_base64_write(char *out, struct str s)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *p = (const unsigned char *)s.p;
	char *o = out;
	for (size_t left = s.n; left; o += 4) {
		uint32_t v = (uint32_t)p[0] << 16;
		if (left > 1)
			v |= (uint32_t)p[1] << 8;
		if (left > 2)
			v |= p[2];
		o[0] = digits[v >> 18];
		o[1] = digits[v >> 12 & 63];
		o[2] = left > 1 ? digits[v >> 6 & 63] : '=';
		o[3] = left > 2 ? digits[v & 63] : '=';
		size_t step = left < 3 ? left : 3;
		p += step;
		left -= step;
	}
	return (size_t)(o - out);
}

struct str text_base64_encode(struct arena *a, struct str s)
{
	char *out = arena_alloc(a, text_base64_size(s.n) + 1);
	return (struct str){out, text_base64_write(out, s)};
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The six bits of a digit of either alphabet, or -1. */
static int base64_bits(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}

/* Whether s is padding that may stand after `digits` digits: none, or what completes four. */
static bool is_padding(struct str s, size_t digits, bool loose)
{
	size_t room = digits % 4 ? 4 - digits % 4 : 0;
	for (size_t i = 0; i < s.n; i++) {
		if (loose && is_space(s.p[i]))
			continue;
		if (s.p[i] != '=' || room-- == 0)
			return false;
	}
	return digits % 4 != 1;
}

bool text_base64_decode(struct arena *a, struct str s, bool loose, struct str *out)
{
	char *p = arena_alloc(a, s.n / 4 * 3 + 4);
	size_t n = 0, digits = 0, i = 0;
	uint32_t v = 0;
	for (; i < s.n && s.p[i] != '='; i++) {
		int bits = base64_bits(s.p[i]);
		if (bits < 0) {
			if (loose && is_space(s.p[i]))
				continue;
			return false;
		}
		v = v << 6 | (uint32_t)bits;
		if (digits++ % 4)
			p[n++] = (char)(v >> (6 - 2 * ((digits - 1) % 4)) & 0xff);
	}
	*out = (struct str){p, n};
	return is_padding(str_sub(s, i, s.n), digits, loose);
}

struct str text_hex_encode(struct arena *a, struct str s)
{
	static const char digits[] = "0123456789abcdef";
	char *out = arena_alloc(a, 2 * s.n + 1);
	for (size_t i = 0; i < s.n; i++) {
		out[2 * i] = digits[(unsigned char)s.p[i] >> 4];
		out[2 * i + 1] = digits[(unsigned char)s.p[i] & 15];
	}
	return (struct str){out, 2 * s.n};
}

static int hex_bits(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The byte that two hex digits at p stand for, or -1. */
static int hex_byte(const char *p)
{
	int high = hex_bits(p[0]), low = hex_bits(p[1]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

bool text_hex_decode(struct arena *a, struct str s, struct str *out)
{
	if (s.n % 2)
		return false;
	char *p = arena_alloc(a, s.n / 2 + 1);
	for (size_t i = 0; i < s.n / 2; i++) {
		int c = hex_byte(s.p + 2 * i);
		if (c < 0)
			return false;
		p[i] = (char)c;
	}
	*out = (struct str){p, s.n / 2};
	return true;
}

/* ---- URLs and XML ---- */

struct str text_percent_decode(struct arena *a, struct str s, bool plus)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		int c = s.p[i] == '%' && s.n - i > 2 ? hex_byte(s.p + i + 1) : -1;
		if (c >= 0) {
			out[n++] = (char)c;
			i += 2;
		} else {
			out[n++] = plus && s.p[i] == '+' ? ' ' : s.p[i];
		}
	}
	return (struct str){out, n};
}

static struct str xml_entity(char c)
{
	switch (c) {
	case '&':
		return STR("&amp;");
	case '<':
		return STR("&lt;");
	case '>':
		return STR("&gt;");
	case '"':
		return STR("&quot;");
	case '\'':
		return STR("&apos;");
	default:
		return (struct str){NULL, 0};
	}
}

struct str text_xml_escape(struct arena *a, struct str s)
{
	s = text_to_xml(a, s);
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++) {
		struct str entity = xml_entity(s.p[i]);
		n += entity.n ? entity.n : 1;
	}
	if (n == s.n)
		return s;
	char *out = arena_alloc(a, n + 1), *o = out;
	for (size_t i = 0; i < s.n; i++) {
		struct str entity = xml_entity(s.p[i]);
		if (entity.n)
			memcpy(o, entity.p, entity.n);
		else
			*o = s.p[i];
		o += entity.n ? entity.n : 1;
	}
	return (struct str){out, n};
}
