/* sync_options: how a device wants a folder's items. See sync_options.h for the contract. */
#include "core/sync_options.h"

#include <stdlib.h>

#include <jansson.h>

#include "core/base/arena.h"
#include "core/ledger.h"

#define DAY ((int64_t)24 * 60 * 60 * 1000)

const struct sync_options sync_options_standard = {
	.filter = 0,
	.conflict = CONFLICT_SERVER,
	.body = {.mime_support = -1, .mime_truncation = -1},
};

/* Filters of mail (MS-ASCMD 2.2.3.68.2): days back, by FilterType. */
static const int filter_days[] = {0, 1, 3, 7, 14, 31};

enum { FILTERS = sizeof filter_days / sizeof *filter_days };

static bool read_number(const struct wbxml_node *node, unsigned tag, int max, int *out)
{
	struct str text = wbxml_child_text(node, tag);
	uint64_t v;
	if (!text.p)
		return true;
	if (!str_to_u64(text, &v) || v > (uint64_t)max)
		return false;
	*out = (int)v;
	return true;
}

/* The Options that are for mail: those of another class, SMS, say nothing about it. */
static const struct wbxml_node *for_mail(const struct wbxml_node *options)
{
	for (; options; options = wbxml_again(options)) {
		struct str class = wbxml_child_text(options, AirSync_Class);
		if (!class.p || str_eq(class, STR("Email")))
			return options;
	}
	return NULL;
}

bool sync_options_decode(const struct wbxml_node *options, unsigned version,
			 struct sync_options *out, struct err *e)
{
	*out = sync_options_standard;
	options = for_mail(options);
	if (!options)
		return true;
	if (!read_number(options, AirSync_FilterType, FILTERS - 1, &out->filter))
		return err_set(e, ERR_INVALID, "FilterType is not one of mail's");
	if (!read_number(options, AirSync_Conflict, CONFLICT_SERVER, &out->conflict))
		return err_set(e, ERR_INVALID, "Conflict is neither 0 nor 1");
	return body_prefs_decode(options, version, &out->body, e);
}

struct str sync_options_to_json(struct arena *a, const struct sync_options *o)
{
	json_t *json = json_pack("{sisiso}", "filter", o->filter, "conflict", o->conflict, "body",
				 body_prefs_to_json(&o->body));
	char *text = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	struct str copy = str_of(arena_strdup(a, text));
	free(text);
	json_decref(json);
	return copy;
}

bool sync_options_from_json(struct str text, struct sync_options *out, struct err *e)
{
	json_t *json = json_loadb(text.p, text.n, 0, NULL);
	json_t *body = NULL;
	*out = sync_options_standard;
	bool ok = json && json_unpack(json, "{s?is?is?o}", "filter", &out->filter, "conflict",
				      &out->conflict, "body", &body) == 0;
	ok = ok && out->filter >= 0 && out->filter < FILTERS &&
	     body_prefs_from_json(body, &out->body, e);
	json_decref(json);
	return ok || err_set(e, ERR_INTERNAL, "stored options can't be read");
}

int64_t sync_options_cutoff(const struct sync_options *o, int64_t now)
{
	if (o->filter <= 0 || o->filter >= FILTERS)
		return LEDGER_NO_CUTOFF;
	return now - now % DAY - filter_days[o->filter] * DAY;
}
