/* mime: charsets to UTF-8. See mime.h for the contract. */
#include "store/mime.h"

#include <errno.h>
#include <iconv.h>

#include "core/base/arena.h"
#include "core/base/text.h"

static const struct charset {
	struct str name, decoder;
	unsigned codepage;
} charsets[] = {
#define CHARSET(name, decoder, codepage) {STR_INIT(name), STR_INIT(decoder), codepage},
#include "store/mime_charsets.def"
#undef CHARSET
};

static const struct charset *find(struct str name)
{
	for (size_t i = 0; i < sizeof charsets / sizeof *charsets; i++)
		if (str_eq_nocase(charsets[i].name, name))
			return &charsets[i];
	return NULL;
}

unsigned mime_codepage(struct str charset)
{
	const struct charset *c = find(charset);
	return c ? c->codepage : 0;
}

int64_t mime_bytes_for_utf8(struct str charset, int64_t n)
{
	if (str_starts_nocase(charset, STR("utf-32")))
		return n * 4;
	/* UTF-16 takes two bytes for a letter; escapes and shifts are bytes that give none. */
	if (str_starts_nocase(charset, STR("utf-16")) || str_starts_nocase(charset, STR("utf-7")) ||
	    str_starts_nocase(charset, STR("iso-2022")))
		return n * 2 + 64;
	return n;
}

static struct str from_1252(struct arena *a, struct str in)
{
	static const uint16_t high[32] = {0x20ac, 0xfffd, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020,
					  0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0xfffd,
					  0x017d, 0xfffd, 0xfffd, 0x2018, 0x2019, 0x201c, 0x201d,
					  0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
					  0x0153, 0xfffd, 0x017e, 0x0178};
	char *out = arena_alloc(a, 3 * in.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		unsigned c = (unsigned char)in.p[i];
		if (c >= 0x80 && c < 0xa0)
			c = high[c - 0x80];
		if (c < 0x80) {
			out[n++] = (char)c;
		} else if (c < 0x800) {
			out[n++] = (char)(0xc0 | c >> 6);
			out[n++] = (char)(0x80 | (c & 0x3f));
		} else {
			out[n++] = (char)(0xe0 | c >> 12);
			out[n++] = (char)(0x80 | (c >> 6 & 0x3f));
			out[n++] = (char)(0x80 | (c & 0x3f));
		}
	}
	return (struct str){out, n};
}

/* Without the start of a character whose rest was cut off. */
static struct str drop_unfinished(struct str s)
{
	for (size_t back = 1; back <= 3 && back <= s.n; back++) {
		unsigned char c = (unsigned char)s.p[s.n - back];
		if (c < 0x80)
			return s;
		if (c >= 0xc0)
			return back < (c >= 0xf0   ? 4u
				       : c >= 0xe0 ? 3u
						   : 2u)
				       ? str_sub(s, 0, s.n - back)
				       : s;
	}
	return s;
}

/* iconv with U+FFFD for each byte that means nothing. */
static struct str convert(struct arena *a, iconv_t cd, struct str in)
{
	size_t room = 3 * in.n + 64;
	char *start = arena_alloc(a, room), *out = start, *p = (char *)in.p;
	size_t left = in.n;
	while (left) {
		if (iconv(cd, &p, &left, &out, &room) != (size_t)-1)
			break;
		if (errno != EILSEQ || room < 3)
			break; /* unfinished at the end */
		memcpy(out, "\xef\xbf\xbd", 3);
		out += 3;
		room -= 3;
		p++;
		left--;
	}
	iconv(cd, NULL, NULL, &out, &room);
	return (struct str){start, (size_t)(out - start)};
}

/* A name that may be given to iconv: it also takes paths and options, which are not a message's. */
static const char *decoder_of(struct arena *a, const struct charset *known, struct str name)
{
	if (known)
		return known->decoder.p;
	for (size_t i = 0; i < name.n; i++)
		if (!memchr("abcdefghijklmnopqrstuvwxyz0123456789-_.:", name.p[i], 40))
			return "";
	return name.n < 40 ? str_dup(a, name) : "";
}

/* Text in a charset that nobody named: what it looks like. */
static struct str guess(struct arena *a, struct str bytes, bool cut)
{
	struct str whole = cut ? drop_unfinished(bytes) : bytes;
	return text_is_utf8(whole) ? whole : from_1252(a, bytes);
}

struct str mime_to_utf8(struct arena *a, struct str charset, struct str bytes, bool cut)
{
	const struct charset *known = find(charset);
	const char *decoder = decoder_of(a, known, charset);
	if (known && str_eq(known->decoder, STR("UTF-8")))
		return cut ? drop_unfinished(bytes) : bytes;
	if (known && str_eq(known->decoder, STR("1252")))
		return from_1252(a, bytes);
	if (!*decoder || !bytes.n)
		return guess(a, bytes, cut);
	iconv_t cd = iconv_open("UTF-8", decoder);
	if (cd == (iconv_t)-1)
		return guess(a, bytes, cut);
	struct str out = convert(a, cd, bytes);
	iconv_close(cd);
	return out;
}
