/* item_text_form: what classes kept as content lines share. See item_text_form.h for the contract.
 */
#include "core/item_text_form.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/text.h"

struct str item_random_uid(struct arena *a)
{
	unsigned char bytes[16];
	digest_random(bytes, sizeof bytes);
	return text_hex_encode(a, (struct str){(const char *)bytes, sizeof bytes});
}

struct str item_new_uid(const struct item_context *ctx)
{
	return ctx->uid.n ? ctx->uid : item_random_uid(ctx->arena);
}

struct str item_text_new(const struct item_context *ctx, const char *component)
{
	char now[CLOCK_TEXT];
	clock_compact(ctx->now, now);
	return str_of(arena_printf(ctx->arena,
				   "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Easel//EN\r\n"
				   "BEGIN:%s\r\nUID:%.*s\r\nDTSTAMP:%s\r\nCREATED:%s\r\nEND:%s\r\n"
				   "END:VCALENDAR\r\n",
				   component, STR_ARG(item_new_uid(ctx)), now, now, component));
}

/* ---- Lists ---- */

static bool is_listed(const struct str *v, size_t n, struct str entry)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(v[i], entry))
			return true;
	return false;
}

size_t item_list_read(const struct content_lines *l, struct str property, struct str **out)
{
	struct str *v = arena_array(l->arena, ITEM_CATEGORIES, sizeof *v), piece;
	size_t n = 0;
	for (size_t i = content_find(l, property, 0); i; i = content_find(l, property, i + 1)) {
		struct str rest = content_value(l, &l->v[i]);
		while (n < ITEM_CATEGORIES && content_piece(&rest, ',', &piece)) {
			piece = str_trim(content_unescape(l->arena, piece));
			if (piece.n && !is_listed(v, n, piece))
				v[n++] = piece;
		}
	}
	*out = v;
	return n;
}

void item_categories_encode(struct wbxml_out *w, const struct content_lines *l, unsigned tag,
			    unsigned child)
{
	struct str *v;
	size_t n = item_list_read(l, STR("CATEGORIES"), &v);
	if (!n)
		return;
	wbxml_begin(w, tag);
	for (size_t i = 0; i < n; i++)
		wbxml_text(w, child, v[i]);
	wbxml_end(w);
}

/* What was sent, each once. */
static bool read_sent(struct arena *a, const struct wbxml_node *sent, unsigned child,
		      struct str **out, size_t *count, struct err *e)
{
	struct str *v = arena_array(a, ITEM_CATEGORIES, sizeof *v);
	size_t n = 0;
	for (const struct wbxml_node *c = sent ? sent->first : NULL; c; c = c->next) {
		struct str entry = str_trim(c->text);
		if (c->tag != child)
			return err_set(e, ERR_INVALID, "not a category among categories");
		if (!entry.n || is_listed(v, n, entry))
			continue;
		if (n == ITEM_CATEGORIES)
			return err_set(e, ERR_INVALID, "more than %d categories", ITEM_CATEGORIES);
		v[n++] = entry;
	}
	*out = v;
	*count = n;
	return true;
}

static bool is_same(const struct str *a, size_t na, const struct str *b, size_t nb)
{
	for (size_t i = 0; na == nb && i < na; i++)
		if (!is_listed(b, nb, a[i]))
			return false;
	return na == nb;
}

bool item_categories_apply(struct content_lines *l, const struct wbxml_node *sent, unsigned child,
			   struct err *e)
{
	struct str name = STR("CATEGORIES"), *old, *new = NULL;
	size_t nold = item_list_read(l, name, &old), nnew = 0;
	struct buf value = {0};
	if (!read_sent(l->arena, sent, child, &new, &nnew, e))
		return false;
	if (is_same(old, nold, new, nnew))
		return true;
	for (size_t i = 0; i < nnew; i++)
		buf_printf(&value, "%s%.*s", i ? "," : "",
			   STR_ARG(content_escape(l->arena, new[i])));
	struct str joined = buf_move(l->arena, &value);
	size_t at = content_find(l, name, 0);
	if (!at && joined.n)
		content_add(l, name, STR(""), joined);
	else if (at && joined.n)
		content_set(l, at++, joined);
	while (at && (at = content_find(l, name, at)))
		content_remove(l, at);
	return true;
}

/* ---- For the store ---- */

static void set_text(const struct content_lines *l, json_t *json, const char *key, struct str name)
{
	size_t at = content_find(l, name, 0);
	struct str text = at ? text_to_xml(l->arena, content_text(l, &l->v[at])) : STR("");
	json_object_set_new(json, key, json_stringn(text.p, text.n));
}

struct str item_summary(const struct content_lines *l, struct str subject)
{
	json_t *json = json_object();
	set_text(l, json, "uid", STR("UID"));
	set_text(l, json, "subject", subject);
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	struct str out = str_of(arena_strdup(l->arena, text));
	free(text);
	json_decref(json);
	return out;
}

struct str item_summary_uid(struct arena *a, struct str summary)
{
	json_t *o = json_loadb(summary.p, summary.n, 0, NULL);
	const json_t *uid = json_object_get(o, "uid");
	size_t n = json_string_length(uid);
	struct str name = {n ? arena_dup(a, json_string_value(uid), n) : NULL, n};
	json_decref(o);
	return name;
}
