/* item_edit: what a device changed. See item_edit.h for the contract. */
#include "core/item_edit.h"

#include "core/base/arena.h"

/* An item as a device sees it is larger than its text by tags only. */
enum { VIEW_MOST = 64 * 1024 * 1024 };

/* ---- Comparing ---- */

static bool same_text(const struct wbxml_node *a, const struct wbxml_node *b)
{
	return str_eq(a->text, b->text);
}

static bool same_tree(const struct wbxml_node *a, const struct wbxml_node *b)
{
	if (a->tag != b->tag || !same_text(a, b))
		return false;
	const struct wbxml_node *x = a->first, *y = b->first;
	for (; x && y; x = x->next, y = y->next)
		if (!same_tree(x, y))
			return false;
	return !x && !y;
}

/* The next character of a text whose line ends may be CRLF or LF; -1 at its end. */
static int next_char(struct str *s)
{
	if (s->n && s->p[0] == '\r' && (s->n == 1 || s->p[1] == '\n'))
		*s = str_sub(*s, 1, s->n);
	if (!s->n)
		return -1;
	int c = (unsigned char)s->p[0];
	*s = str_sub(*s, 1, s->n);
	return c;
}

static bool same_lines(struct str a, struct str b)
{
	a = str_trim(a);
	b = str_trim(b);
	int x, y;
	do {
		x = next_char(&a);
		y = next_char(&b);
	} while (x == y && x >= 0);
	return x == y;
}

/* Devices send a body back without what the server says of it: size, whether it was cut. */
static bool same_body(const struct wbxml_node *a, const struct wbxml_node *b)
{
	return str_eq(wbxml_child_text(a, AirSyncBase_Type),
		      wbxml_child_text(b, AirSyncBase_Type)) &&
	       same_lines(wbxml_child_text(a, AirSyncBase_Data),
			  wbxml_child_text(b, AirSyncBase_Data));
}

static bool same(const struct wbxml_node *sent, const struct wbxml_node *seen)
{
	if (!seen)
		return sent->content == WBXML_EMPTY;
	return sent->tag == AirSyncBase_Body ? same_body(sent, seen) : same_tree(sent, seen);
}

/* ---- Collecting ---- */

static void add(struct item_edit *edit, unsigned tag, const struct wbxml_node *sent,
		const struct wbxml_node *seen)
{
	edit->v[edit->n++] = (struct item_edit_field){tag, sent, seen};
}

/* An element that the version does not have is passed over, as any that no page has. */
static bool is_known(const struct wbxml_node *node, const struct item_context *ctx)
{
	return wbxml_tag_in_version(node->tag, ctx->version);
}

static bool collect_sent(const struct item_context *ctx, const struct wbxml_node *data,
			 const struct wbxml_node *view, struct item_edit *out, struct err *e)
{
	for (const struct wbxml_node *n = data->first; n; n = n->next) {
		const struct wbxml_node *seen = wbxml_child(view, n->tag);
		if (!is_known(n, ctx))
			continue;
		if (wbxml_again(n))
			return err_set(e, ERR_INVALID, "%s comes twice", wbxml_tag_name(n->tag));
		if (!same(n, seen))
			add(out, n->tag, n, seen);
	}
	return true;
}

static bool is_supported(const struct supported *s, unsigned tag)
{
	bool found = !s->sent;
	for (size_t i = 0; i < s->n && !found; i++)
		found = s->v[i] == tag;
	return found;
}

static void collect_left_out(const struct item_class_ops *ops, const struct item_context *ctx,
			     const struct supported *supported, const struct wbxml_node *data,
			     const struct wbxml_node *view, struct item_edit *out)
{
	for (const struct wbxml_node *n = view->first; n; n = n->next) {
		if (wbxml_child(data, n->tag))
			continue;
		enum left_out left_out = ops->left_out(ctx, n->tag);
		if (left_out == LEFT_OUT_REMOVED ||
		    (left_out == LEFT_OUT_GHOSTED && is_supported(supported, n->tag)))
			add(out, n->tag, NULL, n);
	}
}

/* The item as the device would be told of it now. */
static bool make_view(const struct item_class_ops *ops, const struct item_context *ctx,
		      struct str text, const struct wbxml_node **out, struct err *e)
{
	struct body body = {.mem = {.limit = VIEW_MOST}};
	struct wbxml_out w;
	struct wbxml_node *root = NULL;
	wbxml_start(&w, &body);
	wbxml_begin(&w, AirSync_ApplicationData);
	bool ok = ops->encode(&w, ctx, text, e);
	wbxml_end(&w);
	if (ok && !wbxml_finish(&w))
		ok = err_set(e, ERR_TOO_LARGE, "the item is too large");
	if (ok) {
		struct str bytes = {arena_dup(ctx->arena, body.mem.p, body.mem.n), body.mem.n};
		ok = wbxml_decode(ctx->arena, bytes, &wbxml_default_limits, &root, e);
	}
	body_free(&body);
	*out = root;
	return ok;
}

bool item_edit_all(const struct item_context *ctx, const struct wbxml_node *data,
		   struct item_edit *out, struct err *e)
{
	*out = (struct item_edit){.v = arena_array(ctx->arena, wbxml_count(data), sizeof *out->v)};
	return collect_sent(ctx, data, NULL, out, e);
}

bool item_edit_difference(const struct item_class_ops *ops, const struct item_context *ctx,
			  struct str text, const struct supported *supported,
			  const struct wbxml_node *data, struct item_edit *out, struct err *e)
{
	const struct wbxml_node *view;
	if (!make_view(ops, ctx, text, &view, e))
		return false;
	size_t most = (size_t)wbxml_count(data) + wbxml_count(view);
	*out = (struct item_edit){.v = arena_array(ctx->arena, most, sizeof *out->v)};
	if (!collect_sent(ctx, data, view, out, e))
		return false;
	collect_left_out(ops, ctx, supported, data, view, out);
	return true;
}

void item_edit_keep_left_out(struct item_edit *edit)
{
	size_t kept = 0;
	for (size_t i = 0; i < edit->n; i++)
		if (edit->v[i].sent)
			edit->v[kept++] = edit->v[i];
	edit->n = kept;
}
