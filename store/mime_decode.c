/* mime: transfer encodings, in pieces. See mime.h for the contract. */
#include "store/mime.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/body.h"

/* Writes one byte when there is somewhere to write to, and counts it. */
static inline void put(char *out, size_t *n, unsigned c)
{
	if (out)
		out[*n] = (char)c;
	++*n;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- quoted-printable (RFC 2045 6.7) ---- */

enum { QP_TEXT, QP_EQUAL, QP_HEX, QP_BLANK, QP_CR };

/* What follows an '=': the state machine for the few bytes that are not plain. */
static void qp_step(struct mime_decoder *d, char c, char *out, size_t *n)
{
	unsigned state = d->state;
	d->state = QP_TEXT;
	if (state == QP_HEX) {
		int high = hex_value(d->held), low = hex_value(c);
		if (low >= 0) {
			put(out, n, (unsigned)(high << 4 | low));
			return;
		}
		put(out, n, '=');
		put(out, n, (unsigned char)d->held);
	} else if (c == '\n') {
		return; /* a soft line break */
	} else if (state == QP_EQUAL && hex_value(c) >= 0) {
		d->state = QP_HEX;
		d->held = c;
		return;
	} else if (state != QP_CR && (c == ' ' || c == '\t')) {
		d->state = QP_BLANK; /* blanks that a relay put before the line break */
		return;
	} else if (state != QP_CR && c == '\r') {
		d->state = QP_CR;
		return;
	} else if (state != QP_CR) {
		put(out, n, '=');
		if (state == QP_BLANK)
			put(out, n, ' ');
	}
	if (c == '=')
		d->state = QP_EQUAL;
	else
		put(out, n, (unsigned char)c);
}

static size_t qp_decode(struct mime_decoder *d, struct str in, char *out)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n;) {
		if (d->state != QP_TEXT) {
			qp_step(d, in.p[i++], out, &n);
			continue;
		}
		const char *equal = memchr(in.p + i, '=', in.n - i);
		size_t plain = equal ? (size_t)(equal - in.p) - i : in.n - i;
		if (out && plain)
			memcpy(out + n, in.p + i, plain);
		n += plain;
		i += plain + (equal != NULL);
		d->state = equal ? QP_EQUAL : QP_TEXT;
	}
	return n;
}

/* ---- base64 (RFC 2045 6.8) ---- */

/* 0 to 63; 64: '='; 255: passed over. */
static const unsigned char *base64_values(void)
{
	static const unsigned char values[256] = {
#define X 255
		X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
		X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
		X,  X,	X,  62, X,  X,	X,  63, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, X,  X,
		X,  64, X,  X,	X,  0,	1,  2,	3,  4,	5,  6,	7,  8,	9,  10, 11, 12, 13, 14,
		15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, X,	X,  X,	X,  X,	X,  26, 27, 28,
		29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
		49, 50, 51, X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
		X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
		X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
		X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
		X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
		X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
		X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,	X,  X,
#undef X
	};
	return values;
}

/* What an unfinished group of 2 or 3 digits holds; also what a '=' in the middle ends. */
static void base64_flush(struct mime_decoder *d, char *out, size_t *n)
{
	if (d->have >= 2)
		put(out, n, d->bits >> (d->have == 2 ? 4 : 10) & 0xff);
	if (d->have == 3)
		put(out, n, d->bits >> 2 & 0xff);
	d->have = 0;
	d->bits = 0;
}

static size_t base64_decode(struct mime_decoder *d, struct str in, char *out)
{
	const unsigned char *value = base64_values();
	const unsigned char *p = (const unsigned char *)in.p;
	size_t n = 0;
	for (size_t i = 0; i < in.n;) {
		if (!d->have && in.n - i >= 4) {
			unsigned a = value[p[i]], b = value[p[i + 1]], c = value[p[i + 2]],
				 e = value[p[i + 3]];
			if ((a | b | c | e) < 64) {
				uint32_t bits = a << 18 | b << 12 | c << 6 | e;
				if (out) {
					out[n] = (char)(bits >> 16);
					out[n + 1] = (char)(bits >> 8);
					out[n + 2] = (char)bits;
				}
				n += 3;
				i += 4;
				continue;
			}
		}
		unsigned v = value[p[i++]];
		if (v == 64) {
			base64_flush(d, out, &n);
		} else if (v < 64) {
			d->bits = d->bits << 6 | v;
			if (++d->have == 4) {
				put(out, &n, d->bits >> 16 & 0xff);
				put(out, &n, d->bits >> 8 & 0xff);
				put(out, &n, d->bits & 0xff);
				d->have = 0;
				d->bits = 0;
			}
		}
	}
	return n;
}

/* ---- uuencode ---- */

/*
 * Line by line: `state` tells where in which kind of line, `have` and `bits` hold the group, and
 * the bytes that the line still owes stand in the upper half of `have`.
 */
enum { UU_START, UU_SKIP, UU_DATA, UU_REST };

static void uu_line_start(struct mime_decoder *d, char c)
{
	if (c == '\n' || c == '\r')
		return;
	/* "begin 644 name" and "end" are the only lines that start with a small letter. */
	bool data = c > ' ' && c <= '`' && (c - ' ') % 64 > 0;
	d->state = data ? UU_DATA : UU_SKIP;
	d->have = data ? (unsigned)((c - ' ') % 64) << 8 : 0;
	d->bits = 0;
}

static void uu_group(struct mime_decoder *d, char *out, size_t *n)
{
	unsigned owed = d->have >> 8;
	for (unsigned i = 0; i < 3 && owed; i++, owed--)
		put(out, n, d->bits >> (16 - 8 * i) & 0xff);
	d->have = owed << 8;
	d->bits = 0;
	if (!owed)
		d->state = UU_REST;
}

static size_t uu_decode(struct mime_decoder *d, struct str in, char *out)
{
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];
		if (d->state == UU_START) {
			uu_line_start(d, c);
		} else if (c == '\n') {
			d->state = UU_START;
		} else if (d->state == UU_DATA && c != '\r') {
			d->bits = d->bits << 6 | ((unsigned)(unsigned char)c - 32u) % 64u;
			if ((++d->have & 0xff) == 4)
				uu_group(d, out, &n);
		}
	}
	return n;
}

/* ---- Any of them ---- */

size_t mime_decode(struct mime_decoder *d, struct str in, char *out)
{
	switch (d->encoding) {
	case ENC_QP:
		return qp_decode(d, in, out);
	case ENC_BASE64:
		return base64_decode(d, in, out);
	case ENC_UU:
		return uu_decode(d, in, out);
	case ENC_IDENTITY:
		break;
	}
	if (out && in.n)
		memcpy(out, in.p, in.n);
	return in.n;
}

size_t mime_decode_end(struct mime_decoder *d, char *out)
{
	size_t n = 0;
	if (d->encoding == ENC_BASE64)
		base64_flush(d, out, &n);
	if (d->encoding == ENC_QP && d->state == QP_HEX) {
		put(out, &n, '=');
		put(out, &n, (unsigned char)d->held);
	}
	d->state = 0;
	return n;
}

struct str mime_decode_all(struct arena *a, enum part_encoding encoding, struct str in)
{
	if (encoding == ENC_IDENTITY || !in.n)
		return in;
	struct mime_decoder d = {.encoding = encoding};
	char *out = arena_alloc(a, in.n + 8);
	size_t n = mime_decode(&d, in, out);
	n += mime_decode_end(&d, out + n);
	return (struct str){out, n};
}

int64_t mime_decoded_size(enum part_encoding encoding, struct str in)
{
	struct mime_decoder d = {.encoding = encoding};
	size_t n = mime_decode(&d, in, NULL);
	return (int64_t)(n + mime_decode_end(&d, NULL));
}

/* ---- A source of decoded content ---- */

enum { PIECE = 16 * 1024 };

struct decoding {
	struct source source;
	struct source *inner;
	struct mime_decoder decoder;
	bool at_end;
	size_t have, taken; /* of out */
	char in[PIECE], out[PIECE + 8];
};

static bool decoding_fill(struct decoding *d, struct err *e)
{
	while (d->taken == d->have && !d->at_end) {
		size_t got;
		if (!d->inner->read(d->inner, d->in, PIECE, &got, e))
			return false;
		d->at_end = got == 0;
		d->taken = 0;
		d->have = got ? mime_decode(&d->decoder, (struct str){d->in, got}, d->out)
			      : mime_decode_end(&d->decoder, d->out);
	}
	return true;
}

static bool decoding_read(struct source *s, char *out, size_t n, size_t *got, struct err *e)
{
	struct decoding *d = (struct decoding *)s;
	if (!decoding_fill(d, e))
		return false;
	*got = d->have - d->taken < n ? d->have - d->taken : n;
	memcpy(out, d->out + d->taken, *got);
	d->taken += *got;
	return true;
}

static void decoding_close(struct source *s)
{
	struct decoding *d = (struct decoding *)s;
	d->inner->close(d->inner);
	free(d);
}

struct source *mime_source(struct source *inner, enum part_encoding encoding, int64_t size)
{
	if (encoding == ENC_IDENTITY)
		return inner;
	struct decoding *d = base_calloc(1, sizeof *d);
	d->source = (struct source){
		.length = (uint64_t)size, .read = decoding_read, .close = decoding_close};
	d->inner = inner;
	d->decoder.encoding = encoding;
	return &d->source;
}
