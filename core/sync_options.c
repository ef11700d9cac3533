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

/* MS-ASCMD 2.2.3.68.2: days back, by FilterType; the last one is for incomplete tasks. */
static const int filter_days[] = {0, 1, 3, 7, 14, 31, 92, 183};

/* The year 10000: what is not completed has no date (infinity), and lies behind it. */
#define NEVER INT64_C(253402300800000)

/* FilterTypes that a class has, as bits; none: it is ignored. */
static const unsigned class_filters[] = {
	[CLASS_EMAIL] = 0x03f, [CLASS_CALENDAR] = 0x0f1, [CLASS_CONTACTS] = 0,
	[CLASS_TASKS] = 0x101, [CLASS_NOTES] = 0,	 [CLASS_FILES] = 0,
};

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

static bool is_class(const struct wbxml_node *options, struct str class)
{
	return str_eq(wbxml_child_text(options, AirSync_Class), class);
}

/* The Options that are for the folder's own class: those for SMS say nothing about it. */
static bool find_own(const struct wbxml_node *options, enum item_class class,
		     const struct wbxml_node **out, struct err *e)
{
	struct str name = str_of(store_class_name(class));
	unsigned sms = 0;
	*out = NULL;
	for (; options; options = wbxml_again(options)) {
		bool named = wbxml_child(options, AirSync_Class) != NULL;
		bool is_sms = class == CLASS_EMAIL && is_class(options, STR("SMS"));
		sms += is_sms;
		if (is_sms ? sms > 1 : *out || (named && !is_class(options, name)))
			return err_set(e, ERR_INVALID,
				       "Options for a class that is not there, or twice");
		if (!is_sms)
			*out = options;
	}
	return true;
}

bool sync_options_filter_fits(enum item_class class, struct str filter)
{
	uint64_t v;
	return str_to_u64(filter, &v) && v <= FILTER_INCOMPLETE &&
	       (!class_filters[class] || class_filters[class] >> v & 1);
}

static bool read_filter(const struct wbxml_node *options, enum item_class class, int *out,
			struct err *e)
{
	struct str filter = wbxml_child_text(options, AirSync_FilterType);
	if (!class_filters[class] || !filter.p)
		return true;
	if (!sync_options_filter_fits(class, filter))
		return err_set(e, ERR_INVALID, "FilterType is not one of the class");
	return read_number(options, AirSync_FilterType, FILTER_INCOMPLETE, out);
}

bool sync_options_decode(const struct wbxml_node *options, unsigned version, enum item_class class,
			 struct sync_options *out, struct err *e)
{
	*out = sync_options_standard;
	if (!find_own(options, class, &options, e))
		return false;
	if (!options)
		return true;
	if (!read_filter(options, class, &out->filter, e))
		return false;
	if (!read_number(options, AirSync_Conflict, CONFLICT_SERVER, &out->conflict))
		return err_set(e, ERR_INVALID, "Conflict is neither 0 nor 1");
	return body_prefs_decode(options, version, &out->body, e);
}

struct str sync_options_to_json(struct arena *a, const struct sync_options *o)
{
	json_t *json = json_pack("{sisiso}", "filter", o->filter, "conflict", o->conflict, "body",
				 body_prefs_to_json(&o->body));
	if (o->conversations)
		json_object_set_new(json, "conversations", json_true());
	if (o->conversations && o->look_back)
		json_object_set_new(json, "look_back", json_integer(o->look_back));
	if (o->message_size)
		json_object_set_new(json, "message_size", json_integer(o->message_size));
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
	int conversations = 0;
	json_int_t size = 0;
	bool ok = json &&
		  json_unpack(json, "{s?is?is?os?bs?is?I}", "filter", &out->filter, "conflict",
			      &out->conflict, "body", &body, "conversations", &conversations,
			      "look_back", &out->look_back, "message_size", &size) == 0;
	out->conversations = conversations != 0;
	out->message_size = size;
	ok = ok && out->filter >= 0 && out->filter <= FILTER_INCOMPLETE &&
	     body_prefs_from_json(body, &out->body, e);
	json_decref(json);
	return ok || err_set(e, ERR_INTERNAL, "stored options can't be read");
}

/* What is shown of tasks as something else: only those that are not completed. */
static bool hides_completed(const struct sync_options *o, const struct folder *f)
{
	enum { WEEK = 7 };
	if (f->view == VIEW_OPEN_EVENTS)
		return true;
	return f->view == VIEW_MAIL && f->kept == CLASS_TASKS && o->filter > 0 &&
	       o->filter < FILTER_INCOMPLETE && filter_days[o->filter] < WEEK;
}

int64_t sync_options_cutoff_in(const struct sync_options *o, const struct folder *f, int64_t now)
{
	return hides_completed(o, f) ? NEVER : sync_options_cutoff(o, now);
}

int64_t sync_options_cutoff(const struct sync_options *o, int64_t now)
{
	if (o->filter == 0)
		return LEDGER_NO_CUTOFF;
	if (o->filter == FILTER_INCOMPLETE)
		return NEVER;
	return now - now % DAY - filter_days[o->filter] * DAY;
}
