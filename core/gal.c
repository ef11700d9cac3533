/* gal: entries of the global address list. See gal.h for the contract. */
#include "core/gal.h"

#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/text.h"
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

/* ---- Searching ---- */

enum gal_outcome gal_find(struct call *c, struct str text, size_t from, size_t to,
			  struct people *out)
{
	struct people_question q = {.account = c->gate.account,
				    .text = text,
				    .lists = true,
				    .skip = from,
				    .most = to - from + 1};
	bool may;
	if (!people_may_search(c->session->db, c->gate.account, &may, &c->err))
		return GAL_FAILED;
	if (!may)
		return GAL_BLOCKED;
	return people_find(c->session->db, c->arena, &q, out, &c->err) ? GAL_FOUND : GAL_FAILED;
}

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

void gal_encode(struct call *c, const struct person *who, struct picture_wish *wish)
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
