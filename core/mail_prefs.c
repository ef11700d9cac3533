/* mail_body: what a device asks for, read from Options and kept as JSON. See mail_body.h. */
#include "core/mail_body.h"

#include <string.h>

const struct body_prefs body_prefs_standard = {.mime_support = -1, .mime_truncation = -1};

/* ---- From the request ---- */

static bool read_number(const struct wbxml_node *node, uint64_t most, uint64_t *out, struct err *e)
{
	if (node->content == WBXML_TEXT && str_to_u64(node->text, out) && *out <= most)
		return true;
	const char *name = wbxml_tag_name(node->tag);
	return err_set(e, ERR_INVALID, "%s: \"%.*s\"", name ? name : "?",
		       STR_ARG(str_sub(node->text, 0, 40)));
}

static bool read_pref_child(const struct wbxml_node *node, unsigned version, struct body_pref *out,
			    struct err *e)
{
	uint64_t n;
	switch (node->tag) {
	case AirSyncBase_Type:
		if (!read_number(node, BODY_MIME, &n, e))
			return false;
		out->type = (enum body_type)n;
		return true;
	case AirSyncBase_TruncationSize:
		if (!read_number(node, UINT32_MAX, &n, e))
			return false;
		out->truncation_size = (int64_t)n;
		return true;
	case AirSyncBase_AllOrNone:
		if (!read_number(node, 1, &n, e))
			return false;
		out->all_or_none = n == 1;
		return true;
	default:
		if (!read_number(node, 255, &n, e))
			return false;
		out->preview = version >= 140 ? (unsigned)n : 0;
		return true;
	}
}

/* Place in the order that the children of a BodyPreference must have; 0 for one that is none. */
static unsigned order_of(unsigned tag)
{
	return tag == AirSyncBase_Type		   ? 1
	       : tag == AirSyncBase_TruncationSize ? 2
	       : tag == AirSyncBase_AllOrNone	   ? 3
	       : tag == AirSyncBase_Preview	   ? 4
						   : 0;
}

/* The children of a BodyPreference or a BodyPartPreference. */
static bool read_children(const struct wbxml_node *node, unsigned version, struct body_pref *out,
			  struct err *e)
{
	unsigned last = 0;
	*out = (struct body_pref){.truncation_size = -1};
	for (const struct wbxml_node *c = node->first; c; c = c->next) {
		unsigned order = order_of(c->tag);
		if (!order)
			continue;
		if (order <= last)
			return err_set(e, ERR_INVALID, "%s: %s twice or out of order",
				       wbxml_tag_name(node->tag), wbxml_tag_name(c->tag));
		last = order;
		if (!read_pref_child(c, version, out, e))
			return false;
	}
	return out->type || err_set(e, ERR_INVALID, "%s without a Type", wbxml_tag_name(node->tag));
}

static bool read_pref(const struct wbxml_node *node, unsigned version, struct body_prefs *out,
		      struct err *e)
{
	struct body_pref pref;
	if (!read_children(node, version, &pref, e))
		return false;
	for (unsigned i = 0; i < out->n; i++)
		if (out->v[i].type == pref.type)
			return err_set(e, ERR_INVALID, "two of BodyPreference for type %d",
				       pref.type);
	out->v[out->n++] = pref; /* four types, so there is room */
	return true;
}

/* Only HTML is to be asked for (MS-ASAIRS 2.2.2.41.3). */
static bool read_part_pref(const struct wbxml_node *node, unsigned version, struct body_prefs *out,
			   struct err *e)
{
	if (!read_children(node, version, &out->part, e))
		return false;
	return out->part.type == BODY_HTML ||
	       err_set(e, ERR_UNSUPPORTED, "BodyPartPreference for type %d", out->part.type);
}

/* MS-ASCMD 2.2.3.185: the text of 2.5, by how many bytes of it are wanted. */
static bool read_truncation(const struct wbxml_node *node, struct body_prefs *out, struct err *e)
{
	static const int64_t sizes[] = {0, 512, 1024, 2048, 5120, 10240, 20480, 51200, 102400, -1};
	uint64_t n;
	if (!read_number(node, sizeof sizes / sizeof *sizes - 1, &n, e))
		return false;
	out->v[0] = (struct body_pref){.type = BODY_PLAIN, .truncation_size = sizes[n]};
	out->n = 1;
	return true;
}

bool body_prefs_decode(const struct wbxml_node *options, unsigned version, struct body_prefs *out,
		       struct err *e)
{
	uint64_t n;
	*out = body_prefs_standard;
	for (const struct wbxml_node *c = options ? options->first : NULL; c; c = c->next) {
		if (version < 120 && c->tag == AirSync_Truncation) {
			if (!read_truncation(c, out, e))
				return false;
		} else if (version >= 120 && c->tag == AirSyncBase_BodyPreference) {
			if (!read_pref(c, version, out, e))
				return false;
		} else if (version >= 141 && c->tag == AirSyncBase_BodyPartPreference) {
			if (!read_part_pref(c, version, out, e))
				return false;
		} else if (c->tag == AirSync_MIMESupport) {
			if (!read_number(c, 2, &n, e))
				return false;
			out->mime_support = (int)n;
		} else if (c->tag == AirSync_MIMETruncation) {
			if (!read_number(c, 8, &n, e))
				return false;
			out->mime_truncation = (int)n;
		}
	}
	return true;
}

/* ---- JSON ---- */

static json_t *pref_to_json(const struct body_pref *p)
{
	json_t *o = json_object();
	json_object_set_new(o, "type", json_integer(p->type));
	if (p->truncation_size >= 0)
		json_object_set_new(o, "size", json_integer(p->truncation_size));
	if (p->all_or_none)
		json_object_set_new(o, "all", json_true());
	if (p->preview)
		json_object_set_new(o, "preview", json_integer(p->preview));
	return o;
}

json_t *body_prefs_to_json(const struct body_prefs *prefs)
{
	json_t *o = json_object();
	if (prefs->n) {
		json_t *bodies = json_array();
		for (unsigned i = 0; i < prefs->n; i++)
			json_array_append_new(bodies, pref_to_json(&prefs->v[i]));
		json_object_set_new(o, "bodies", bodies);
	}
	if (prefs->part.type)
		json_object_set_new(o, "part", pref_to_json(&prefs->part));
	if (prefs->mime_support >= 0)
		json_object_set_new(o, "mime", json_integer(prefs->mime_support));
	if (prefs->mime_truncation >= 0)
		json_object_set_new(o, "mime_size", json_integer(prefs->mime_truncation));
	return o;
}

/* An integer in [0, most], -1 when it is not there; false on anything else. */
static bool get_number(const json_t *o, const char *key, int64_t most, int64_t *out)
{
	const json_t *v = json_object_get(o, key);
	*out = v ? json_integer_value(v) : -1;
	return !v || (json_is_integer(v) && *out >= 0 && *out <= most);
}

static bool pref_from_json(const json_t *o, struct body_pref *out)
{
	int64_t type, preview;
	if (!get_number(o, "type", BODY_MIME, &type) || type < BODY_PLAIN ||
	    !get_number(o, "size", UINT32_MAX, &out->truncation_size) ||
	    !get_number(o, "preview", 255, &preview))
		return false;
	out->type = (enum body_type)type;
	out->preview = preview > 0 ? (unsigned)preview : 0;
	out->all_or_none = json_is_true(json_object_get(o, "all"));
	return true;
}

bool body_prefs_from_json(const json_t *json, struct body_prefs *out, struct err *e)
{
	int64_t support, truncation;
	*out = body_prefs_standard;
	if (!json)
		return true;
	const json_t *bodies = json_object_get(json, "bodies");
	size_t n = json_array_size(bodies);
	bool ok = json_is_object(json) && n <= BODY_PREFS &&
		  get_number(json, "mime", 2, &support) &&
		  get_number(json, "mime_size", 8, &truncation);
	const json_t *part = json_object_get(json, "part");
	if (ok && part)
		ok = pref_from_json(part, &out->part);
	for (size_t i = 0; ok && i < n; i++)
		ok = pref_from_json(json_array_get(bodies, i), &out->v[out->n++]);
	if (!ok)
		return err_set(e, ERR_INTERNAL,
			       "body preferences of a form that is not known here");
	out->mime_support = (int)support;
	out->mime_truncation = (int)truncation;
	return true;
}
