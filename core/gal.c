/* gal: entries of the global address list. See gal.h for the contract. */
#include "core/gal.h"

#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/directory.h"
#include "core/found_items.h"
#include "core/vcard.h"

enum { PICTURE_MOST = 102400, PICTURES_MOST = 1000000 }; /* MS-ASCMD 2.2.3.105 */

/* ---- Pictures ---- */

static bool read_limit(const struct wbxml_node *picture, unsigned tag, int64_t most, int64_t *out)
{
	const struct wbxml_node *node = wbxml_child(picture, tag);
	*out = most;
	if (!node)
		return true;
	uint64_t v;
	if (!str_to_u64(str_trim(node->text), &v))
		return false;
	*out = v < (uint64_t)most ? (int64_t)v : most;
	return true;
}

bool picture_wish_read(const struct wbxml_node *picture, unsigned max_size, unsigned max_pictures,
		       struct picture_wish *out)
{
	*out = (struct picture_wish){.asked = picture != NULL};
	return read_limit(picture, max_size, PICTURE_MOST, &out->max_size) &&
	       read_limit(picture, max_pictures, PICTURES_MOST, &out->left);
}

void picture_encode(struct call *c, const struct picture_tags *tags, struct str card,
		    struct picture_wish *wish)
{
	struct content_lines lines;
	struct str bytes = {"", 0};
	struct err e;
	unsigned status = STATUS_OK;
	if (!wish->asked)
		return;
	if (!card.p || !vcard_read(c->arena, card, &lines, &e) || !vcard_photo(&lines, &bytes))
		status = STATUS_NO_PICTURE;
	else if ((int64_t)bytes.n > wish->max_size)
		status = STATUS_PICTURE_TOO_LARGE;
	else if (wish->left <= 0)
		status = STATUS_PICTURE_LIMIT;
	wbxml_begin(&c->out, tags->picture);
	wbxml_int(&c->out, tags->status, status);
	if (status == STATUS_OK) {
		wish->left--;
		wbxml_text(&c->out, tags->data, text_base64_encode(c->arena, bytes));
	}
	wbxml_end(&c->out);
}

/* ---- One entry ---- */

static const struct field {
	unsigned tag;
	const char *name;
} fields[] = {
#define FIELD(element, pattern, slot, component) {Gal_##element, #element},
#include "core/gal_fields.def"
#undef FIELD
};

static json_t *parse(const struct person *who)
{
	return json_loadb(who->summary.p, who->summary.n, 0, NULL);
}

static struct str copy_text(struct arena *a, const json_t *gal, const char *element)
{
	const json_t *value = json_object_get(gal, element);
	return str_of(arena_strdup(a, json_string_value(value)));
}

/* The children of Properties. */
static void encode_entry(struct call *c, const struct person *who, struct picture_wish *wish)
{
	static const struct picture_tags tags = {Gal_Picture, Gal_Status, Gal_Data};
	struct str card = {NULL, 0};
	json_t *summary = parse(who), *gal = json_object_get(summary, "gal");
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		struct str text = copy_text(c->arena, gal, fields[i].name);
		if (text.n)
			wbxml_text(&c->out, fields[i].tag, text);
	}
	struct err ignored;
	if (wish->asked && json_integer_value(json_object_get(summary, "photo")) > 0)
		people_card(c->session->db, c->arena, c->gate.account, who, &card, &ignored);
	json_decref(summary);
	picture_encode(c, &tags, card, wish);
}

/* ---- Searching ---- */

static void encode_entries(struct call *c, const struct people *found, size_t from,
			   struct picture_wish *wish, const struct gal_command *g)
{
	struct wbxml_out *w = &c->out;
	for (size_t i = 0; i < found->n; i++) {
		wbxml_begin(w, g->result);
		wbxml_begin(w, g->properties);
		encode_entry(c, &found->v[i], wish);
		wbxml_end(w);
		wbxml_end(w);
	}
	if (!found->n && g->empty_result)
		wbxml_empty(w, g->result);
	if (!found->n)
		return;
	wbxml_cstr(w, g->range_told, arena_printf(c->arena, "%zu-%zu", from, from + found->n - 1));
	wbxml_int(w, g->total, (int64_t)found->total);
}

/* 0, or the status to answer. */
static unsigned read_options(struct call *c, const struct wbxml_node *options,
			     const struct gal_command *g, struct found_range *range,
			     struct picture_wish *wish)
{
	const struct wbxml_node *picture =
		c->version < 141 ? NULL : wbxml_child(options, g->picture);
	enum range_read read = found_range_read(wbxml_child_text(options, g->range), range);
	if (!picture_wish_read(picture, g->max_size, g->max_pictures, wish) ||
	    read == RANGE_MALFORMED)
		return g->invalid;
	if (read == RANGE_TOO_LONG || range->from >= GAL_MOST)
		return g->beyond;
	if (range->to >= GAL_MOST)
		range->to = GAL_MOST - 1;
	return 0;
}

void gal_answer(struct call *c, struct str text, const struct wbxml_node *options,
		const struct gal_command *g)
{
	struct people_question q = {.text = text, .lists = true};
	struct found_range range;
	struct picture_wish wish;
	struct people found;
	bool may;
	unsigned status =
		str_trim(text).n ? read_options(c, options, g, &range, &wish) : g->invalid;
	if (status) {
		g->begin(c, status);
		return;
	}
	q.whole = wish.asked;
	q.skip = range.from;
	q.most = range.to - range.from + 1;
	if (!people_may_search(c->session->db, c->gate.account, &may, &c->err) ||
	    (may && !directory_find(c, &q, &found))) {
		call_fail(c, NULL);
		return;
	}
	status = !may ? g->blocked : !found.n && range.from > 0 ? g->beyond : STATUS_OK;
	g->begin(c, status);
	if (status == STATUS_OK)
		encode_entries(c, &found, range.from, &wish, g);
}

/* ---- What a summary says ---- */

struct str gal_text(struct arena *a, const struct person *who, const char *element)
{
	json_t *summary = parse(who);
	struct str text = copy_text(a, json_object_get(summary, "gal"), element);
	json_decref(summary);
	return text;
}

int32_t gal_group(const struct person *who)
{
	json_t *summary = parse(who);
	int32_t group = (int32_t)json_integer_value(json_object_get(summary, "group"));
	json_decref(summary);
	return group;
}

bool gal_has_address(const struct person *who, struct str address)
{
	json_t *summary = parse(who), *value;
	bool has = false;
	size_t i;
	json_array_foreach(json_object_get(summary, "emails"), i, value)
	{
		has = has || str_eq_nocase(str_of(json_string_value(value)), address);
	}
	json_decref(summary);
	return has;
}
