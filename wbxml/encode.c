/*
 * encode: a stream of elements to WBXML. See wbxml.h for the contract.
 *
 * A start tag carries a bit that says whether content follows, so the innermost one is held back
 * (pending) until the next call tells.
 */
#include "wbxml/wbxml.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "wbxml/tokens.h"

void wbxml_start(struct wbxml_out *w, struct body *body)
{
	/* WBXML 1.3, unknown public identifier, UTF-8, no string table. */
	static const char header[] = {0x03, 0x01, CHARSET_UTF_8, 0x00};
	*w = (struct wbxml_out){.body = body};
	buf_put(&body->mem, header, sizeof header);
}

static void put_tag(struct wbxml_out *w, unsigned tag, bool content)
{
	unsigned char out[3];
	size_t n = 0;
	if (tag >> 8 != w->page) {
		w->page = (uint8_t)(tag >> 8);
		out[n++] = TOKEN_SWITCH_PAGE;
		out[n++] = w->page;
	}
	out[n++] = (unsigned char)((tag & TAG_IDENTITY) | (content ? TAG_HAS_CONTENT : 0));
	buf_put(&w->body->mem, out, n);
}

/* Makes the open element ready for a child; false when it would be nested too deep. */
static bool enter(struct wbxml_out *w)
{
	if (w->pending)
		put_tag(w, w->tag, true);
	w->pending = false;
	if (w->depth == WBXML_DEPTH)
		w->body->mem.failed = true;
	return w->depth < WBXML_DEPTH;
}

void wbxml_begin(struct wbxml_out *w, unsigned tag)
{
	if (!enter(w))
		return;
	w->depth++;
	w->tag = (uint16_t)tag;
	w->pending = true;
}

void wbxml_end(struct wbxml_out *w)
{
	if (w->depth == 0) {
		w->body->mem.failed = true;
		return;
	}
	if (w->pending)
		put_tag(w, w->tag, false);
	else
		buf_byte(&w->body->mem, TOKEN_END);
	w->pending = false;
	w->depth--;
}

void wbxml_empty(struct wbxml_out *w, unsigned tag)
{
	if (enter(w))
		put_tag(w, tag, false);
}

static void put_text(struct wbxml_out *w, unsigned tag, struct str s)
{
	static const char tail[] = {0x00, TOKEN_END};
	put_tag(w, tag, s.n > 0);
	if (s.n == 0)
		return;
	buf_byte(&w->body->mem, TOKEN_STR_I);
	buf_str(&w->body->mem, s);
	buf_put(&w->body->mem, tail, sizeof tail);
}

void wbxml_text(struct wbxml_out *w, unsigned tag, struct str s)
{
	if (!enter(w))
		return;
	if (text_is_xml(s)) {
		put_text(w, tag, s);
		return;
	}
	struct arena *a = arena_new(SIZE_MAX);
	put_text(w, tag, text_to_xml(a, s));
	arena_free(&a);
}

void wbxml_cstr(struct wbxml_out *w, unsigned tag, const char *s)
{
	wbxml_text(w, tag, str_of(s));
}

void wbxml_int(struct wbxml_out *w, unsigned tag, int64_t n)
{
	char out[24];
	int used = snprintf(out, sizeof out, "%" PRId64, n);
	if (enter(w))
		put_text(w, tag, (struct str){out, (size_t)used});
}

/* OPAQUE and its length as mb_u_int32; a length that does not fit makes the body fail. */
static void put_opaque_head(struct wbxml_out *w, unsigned tag, uint64_t length)
{
	unsigned char out[6] = {TOKEN_OPAQUE};
	size_t n = 1;
	if (length > UINT32_MAX)
		w->body->mem.failed = true;
	for (int shift = 28; shift > 0; shift -= 7)
		if (length >> shift)
			out[n++] = (unsigned char)(0x80 | (length >> shift & 0x7f));
	out[n++] = length & 0x7f;
	put_tag(w, tag, true);
	buf_put(&w->body->mem, out, n);
}

void wbxml_opaque(struct wbxml_out *w, unsigned tag, struct str bytes)
{
	if (bytes.n == 0) {
		wbxml_empty(w, tag);
		return;
	}
	if (!enter(w))
		return;
	put_opaque_head(w, tag, bytes.n);
	buf_str(&w->body->mem, bytes);
	buf_byte(&w->body->mem, TOKEN_END);
}

/* Makes ready for a source. One that is empty, or nested too deep, is released: false then. */
static bool enter_source(struct wbxml_out *w, unsigned tag, struct source *s)
{
	if (!enter(w)) {
		s->close(s);
		return false;
	}
	if (s->length == 0) {
		put_tag(w, tag, false);
		s->close(s);
		return false;
	}
	return true;
}

void wbxml_stream(struct wbxml_out *w, unsigned tag, struct source *s)
{
	if (!enter_source(w, tag, s))
		return;
	put_tag(w, tag, true);
	buf_byte(&w->body->mem, TOKEN_STR_I);
	body_add_source(w->body, s);
	buf_byte(&w->body->mem, 0x00);
	buf_byte(&w->body->mem, TOKEN_END);
}

void wbxml_stream_opaque(struct wbxml_out *w, unsigned tag, struct source *s)
{
	if (!enter_source(w, tag, s))
		return;
	put_opaque_head(w, tag, s->length);
	body_add_source(w->body, s);
	buf_byte(&w->body->mem, TOKEN_END);
}

struct wbxml_mark wbxml_mark(const struct wbxml_out *w)
{
	return (struct wbxml_mark){.body = body_mark(w->body),
				   .tag = w->tag,
				   .page = w->page,
				   .depth = w->depth,
				   .pending = w->pending};
}

void wbxml_rollback(struct wbxml_out *w, struct wbxml_mark mark)
{
	body_cut(w->body, mark.body);
	w->tag = mark.tag;
	w->page = mark.page;
	w->depth = mark.depth;
	w->pending = mark.pending;
}

bool wbxml_finish(struct wbxml_out *w)
{
	while (w->depth)
		wbxml_end(w);
	return !w->body->mem.failed;
}
