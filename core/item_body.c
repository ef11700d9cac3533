/* item_body: the text of a groupware item. See item_body.h for the contract. */
#include "core/item_body.h"

#include "core/base/arena.h"
#include "core/base/html_text.h"
#include "core/base/text.h"
#include "core/rtf_text.h"

/* How much of the rest in what a device sent shows that it has seen the rest. */
enum { KNOWS_AT_END = 64, KNOWS_BEYOND = 12 };

enum body_type item_body_native(struct item_text text)
{
	return text.html.n ? BODY_HTML : BODY_PLAIN;
}

/* ---- To the device ---- */

/* The whole text in one of the two forms, as it is shown. */
static struct str view(struct arena *a, struct item_text text, enum body_type type)
{
	bool more;
	if (type == BODY_PLAIN)
		return body_with_crlf(a, text_to_xml(a, text.plain));
	if (text.html.n)
		return text_to_xml(a, text.html);
	return text.plain.n ? html_from_text(a, text.plain, SIZE_MAX / 4, &more) : STR("");
}

static const struct body_pref *pref_for(const struct body_prefs *prefs, enum body_type type)
{
	for (unsigned i = 0; prefs && i < prefs->n; i++)
		if (prefs->v[i].type == type)
			return &prefs->v[i];
	return NULL;
}

static bool would_be_cut(const struct body_pref *pref, struct str whole)
{
	return pref->truncation_size >= 0 && (int64_t)whole.n > pref->truncation_size;
}

/* Which form, with what limit: as for mail (core/mail_body.h), without MIME. */
static struct body_pref choose(const struct item_context *ctx, struct item_text text)
{
	enum body_type native = item_body_native(text);
	const struct body_prefs *prefs = ctx->body;
	const struct body_pref *same = pref_for(prefs, native);
	const struct body_pref *other =
		pref_for(prefs, native == BODY_HTML ? BODY_PLAIN : BODY_HTML);
	if (same &&
	    !(other && same->all_or_none && would_be_cut(same, view(ctx->arena, text, native))))
		return *same;
	if (other)
		return *other;
	struct body_pref any = {.truncation_size = -1};
	if (prefs && prefs->n)
		any = prefs->v[0];
	any.type = ctx->version < 120 ? BODY_PLAIN : native;
	return any;
}

static struct str cut(struct body_pref pref, struct str whole)
{
	if (!would_be_cut(&pref, whole))
		return whole;
	return pref.all_or_none ? STR("") : text_cut_utf8(whole, (size_t)pref.truncation_size);
}

static void encode_25(struct wbxml_out *w, const struct item_body_tags *tags, struct str data,
		      struct str whole)
{
	if (!whole.n || !tags->body)
		return;
	if (data.n)
		wbxml_text(w, tags->body, data);
	if (tags->size)
		wbxml_int(w, tags->size, (int64_t)whole.n);
	if (tags->truncated && data.n < whole.n)
		wbxml_int(w, tags->truncated, 1);
}

void item_body_encode(struct wbxml_out *w, const struct item_context *ctx,
		      const struct item_body_tags *tags, struct item_text text)
{
	struct body_pref pref = choose(ctx, text);
	if (ctx->version < 120)
		pref.type = BODY_PLAIN;
	struct str whole = view(ctx->arena, text, pref.type), data = cut(pref, whole);
	if (ctx->version < 120) {
		encode_25(w, tags, data, whole);
		return;
	}
	wbxml_begin(w, AirSyncBase_Body);
	wbxml_int(w, AirSyncBase_Type, pref.type);
	wbxml_int(w, AirSyncBase_EstimatedDataSize, (int64_t)whole.n);
	if (data.n < whole.n)
		wbxml_int(w, AirSyncBase_Truncated, 1);
	if (data.n)
		wbxml_text(w, AirSyncBase_Data, data);
	if (ctx->version >= 140 && pref.preview && text.plain.n &&
	    (pref.type != BODY_PLAIN || !data.n))
		wbxml_text(
			w, AirSyncBase_Preview,
			html_fold(ctx->arena, text_to_xml(ctx->arena, text.plain), pref.preview));
	wbxml_end(w);
}

/* ---- From the device ---- */

/* Line ends as line feeds. */
static struct str with_lf(struct arena *a, struct str text)
{
	if (str_find_byte(text, '\r') < 0)
		return text;
	char *out = arena_alloc(a, text.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '\r' && i + 1 < text.n && text.p[i + 1] == '\n')
			continue;
		out[n++] = text.p[i] == '\r' ? '\n' : text.p[i];
	}
	return (struct str){out, n};
}

static struct item_text text_from(struct arena *a, enum body_type type, struct str data)
{
	bool more;
	struct item_text text = {.plain = with_lf(a, data), .html = {"", 0}};
	if (type == BODY_HTML && text.plain.n) {
		text.html = text.plain;
		text.plain = with_lf(a, html_to_text(a, text.html, SIZE_MAX / 4, &more));
	}
	return text;
}

/* A Body as it was sent, or as it was shown. */
struct sent_body {
	enum body_type type;
	struct str data;
	bool truncated, has_data;
};

static bool read_rtf(struct arena *a, struct str data, struct str *out, struct err *e)
{
	struct str packed;
	if (!text_base64_decode(a, data, true, &packed))
		return err_set(e, ERR_INVALID, "RTF that is not base64");
	return rtf_text(a, packed, out, e);
}

static bool read_body(struct arena *a, const struct wbxml_node *node, struct sent_body *out,
		      struct err *e)
{
	*out = (struct sent_body){.type = BODY_PLAIN, .data = node->text, .has_data = true};
	if (node->tag == Contacts_CompressedRTF || node->tag == Tasks_CompressedRTF ||
	    node->tag == Calendar_CompressedRTF)
		return read_rtf(a, node->text, &out->data, e);
	if (node->tag != AirSyncBase_Body)
		return true;
	struct str type = wbxml_child_text(node, AirSyncBase_Type);
	const struct wbxml_node *data = wbxml_child(node, AirSyncBase_Data);
	out->data = data ? data->text : STR("");
	out->has_data = data != NULL;
	out->truncated = str_eq(wbxml_child_text(node, AirSyncBase_Truncated), STR("1"));
	if (str_eq(type, STR("2")))
		out->type = BODY_HTML;
	else if (str_eq(type, STR("3")))
		return !out->data.n || read_rtf(a, out->data, &out->data, e);
	else if (!str_eq(type, STR("1")))
		return err_set(e, ERR_INVALID, "Body of Type \"%.*s\"",
			       STR_ARG(str_sub(type, 0, 20)));
	return true;
}

/* Whether what was sent shows that the device knows what follows after `cut` bytes of `whole`. */
static bool knows_rest(struct str sent, struct str whole, size_t at)
{
	struct str rest = str_sub(whole, at, whole.n);
	size_t tail = rest.n < KNOWS_AT_END ? rest.n : KNOWS_AT_END;
	size_t beyond = rest.n < KNOWS_BEYOND ? rest.n : KNOWS_BEYOND;
	if (sent.n >= tail &&
	    str_eq(str_sub(sent, sent.n - tail, tail), str_sub(rest, rest.n - tail, tail)))
		return true;
	return str_starts(sent, str_sub(whole, 0, at + beyond));
}

/* What the device never saw, in the form of what it sent; empty when nothing. */
static bool unseen(const struct item_context *ctx, const struct item_edit_field *field,
		   struct item_text old, const struct sent_body *sent, struct str *rest,
		   struct err *e)
{
	struct arena *a = ctx->arena;
	struct sent_body seen;
	*rest = STR("");
	if (!field->seen)
		return true;
	if (!read_body(a, field->seen, &seen, e))
		return false;
	struct str whole = with_lf(a, view(a, old, seen.type)), shown = with_lf(a, seen.data);
	if (shown.n >= whole.n || !str_starts(whole, shown) ||
	    knows_rest(with_lf(a, sent->data), whole, shown.n))
		return true;
	*rest = str_sub(whole, shown.n, whole.n);
	if (seen.type != sent->type) {
		struct item_text other = text_from(a, seen.type, *rest);
		*rest = view(a, other, sent->type);
	}
	return true;
}

bool item_body_apply(const struct item_context *ctx, const struct item_edit_field *field,
		     struct item_text old, struct item_text *out, struct err *e)
{
	struct arena *a = ctx->arena;
	struct sent_body sent;
	struct str rest;
	*out = (struct item_text){.plain = {"", 0}, .html = {"", 0}};
	if (!field->sent)
		return true;
	if (!read_body(a, field->sent, &sent, e))
		return false;
	if (!sent.has_data && sent.truncated) {
		*out = old;
		return true;
	}
	if (!unseen(ctx, field, old, &sent, &rest, e))
		return false;
	struct str data = sent.data;
	if (rest.n)
		data = str_of(arena_printf(a, "%.*s%.*s", STR_ARG(data), STR_ARG(rest)));
	*out = text_from(a, sent.type, data);
	if (str_eq(view(a, *out, sent.type), view(a, old, sent.type)))
		*out = old;
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "body: no room for it");
}

/* ---- Lines ---- */

static size_t find_html(const struct content_lines *l)
{
	size_t at = content_find(l, STR("X-ALT-DESC"), 0);
	while (at && !str_eq_nocase(content_param(&l->v[at], STR("FMTTYPE")), STR("text/html")))
		at = content_find(l, STR("X-ALT-DESC"), at + 1);
	return at;
}

struct item_text item_text_read(const struct content_lines *l, struct str property)
{
	size_t plain = content_find(l, property, 0), html = find_html(l);
	struct item_text text = {.plain = {"", 0}, .html = {"", 0}};
	if (html)
		text.html = with_lf(l->arena, content_text(l, &l->v[html]));
	if (plain)
		text.plain = with_lf(l->arena, content_text(l, &l->v[plain]));
	else if (html)
		text = text_from(l->arena, BODY_HTML, text.html);
	return text;
}

void item_text_write(struct content_lines *l, struct str property, struct item_text text)
{
	size_t html = find_html(l);
	if (html && !text.html.n)
		content_remove(l, html);
	else if (html && !str_eq(content_text(l, &l->v[html]), text.html))
		content_set_text(l, html, text.html);
	content_put(l, property, STR(""), text.plain);
	if (!html && text.html.n)
		content_add(l, STR("X-ALT-DESC"), STR(";FMTTYPE=text/html"),
			    content_escape(l->arena, text.html));
}
