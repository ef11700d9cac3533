/*
 * GetItemEstimate (MS-ASCMD 2.2.1.9): how many items a Sync would bring. It counts what Sync would
 * tell, by the same rules, and changes nothing.
 */
#include "core/call.h"

#include "core/base/arena.h"
#include "core/imap_login.h"
#include "core/base/clock.h"
#include "core/caps.h"
#include "core/item_class.h"
#include "core/ledger.h"
#include "core/server_id.h"
#include "core/sync_options.h"

enum { COLLECTIONS_MAX = 1000 };

struct estimate {
	struct str id;
	const char *class; /* told below 12.1; NULL: not told */
	unsigned status;
	size_t count;
};

/* MS-ASCMD 2.2.3.68.1; below 14.0, which has no common statuses, there is one word for all. */
static unsigned filter_status(const struct call *c, const struct wbxml_node *filter,
			      enum item_class class)
{
	uint64_t v;
	if (!filter || sync_options_filter_fits(class, filter->text))
		return STATUS_OK;
	if (c->version < 140)
		return ESTIMATE_NO_COLLECTION;
	return str_to_u64(filter->text, &v) && v <= FILTER_INCOMPLETE ? STATUS_SERVER_ERROR
								      : STATUS_INVALID_XML;
}

/*
 * FilterType stands in Options from 14.0 on, in the collection below. MaxItems is of the recipient
 * information cache only (MS-ASCMD 2.2.3.103.1).
 */
static unsigned find_options(struct call *c, const struct wbxml_node *collection,
			     const struct ledger *l, struct sync_options *out)
{
	struct err e = {0};
	*out = sync_options_standard;
	if (!sync_options_from_json(l->base.options, out, &e))
		return ESTIMATE_KEY_INVALID;
	const struct wbxml_node *mode = wbxml_child(collection, AirSync_ConversationMode);
	const struct wbxml_node *options = wbxml_child(collection, AirSync_Options);
	const struct wbxml_node *source = options ? options : collection;
	const struct wbxml_node *filter = wbxml_child(source, AirSync_FilterType);
	struct sync_options asked;
	if (mode)
		out->conversations = !str_eq(mode->text, STR("0"));
	if (wbxml_child(options, AirSync_MaxItems) && l->folder.role != ROLE_RECIPIENTS)
		return ESTIMATE_NO_COLLECTION;
	unsigned status = filter_status(c, filter, l->folder.class);
	if (status != STATUS_OK || !(filter || options))
		return status;
	if (!sync_options_decode(source, c->version, l->folder.class, &asked, &e))
		return c->version < 140 ? ESTIMATE_NO_COLLECTION : ESTIMATE_CLASSES;
	if (filter)
		out->filter = asked.filter;
	return STATUS_OK;
}

/* ConversationMode is of folders of mail, and 0 or 1 (MS-ASCMD 2.2.3.36.1). */
static bool mode_is_valid(const struct wbxml_node *collection, const struct ledger *l)
{
	const struct wbxml_node *mode = wbxml_child(collection, AirSync_ConversationMode);
	return !mode || (l->folder.class == CLASS_EMAIL &&
			 (mode->text.n == 0 || str_eq(mode->text, STR("0")) ||
			  str_eq(mode->text, STR("1"))));
}

static bool load(struct call *c, struct str id, struct ledger *l)
{
	int32_t folder = 0;
	server_id_parse_folder(id, &folder);
	int64_t folders[] = {folder};
	return ledger_load(c->session->db, c->arena, c->gate.account, c->gate.device, folders, 1, l,
			   &c->err);
}

/* What the device would be told with these options. */
static bool foretell(struct call *c, struct ledger *l, struct sync_options *options, size_t *out)
{
	struct sync_options kept;
	if (!sync_options_from_json(l->base.options, &kept, &c->err))
		return false;
	caps_options(&c->gate.caps, &l->folder, options);
	const int64_t now = clock_now(),
		      cutoff = caps_cutoff(&c->gate.caps, &l->folder, options, now);
	const struct ledger_view view = caps_view(&l->folder, options, now);
	const struct ledger_view before = caps_view(&l->folder, &kept, now);
	ledger_set_cutoff(&l->base, cutoff);
	ledger_set_view(l, &view, &before);
	return ledger_collect(c->session->store, c->arena, c->gate.account, l, cutoff, LEDGER_ALL,
			      NULL, out, &c->err);
}

/* False: the request as a whole fails (c->err). */
static bool estimate(struct call *c, const struct wbxml_node *collection, struct estimate *out)
{
	struct ledger l;
	struct synckey key;
	struct sync_options options;
	struct str text = wbxml_child_text(collection, AirSync_SyncKey);
	out->id = wbxml_child_text(collection, GetItemEstimate_CollectionId);
	int32_t folder;
	if (server_id_parse_folder(out->id, &folder) &&
	    !imap_login_refresh(c->session, c->gate.account, &folder, 1, &c->err))
		return false;
	if (!load(c, out->id, &l))
		return false;
	out->status = STATUS_OK;
	out->class = c->version < 121 ? store_class_name(l.folder.class) : NULL;
	if (!l.folder_found || !item_class_served(l.folder.class))
		out->status = ESTIMATE_NO_COLLECTION;
	else if (!text.p || !synckey_parse(text, &key))
		out->status = ESTIMATE_KEY_INVALID;
	else if (key.zero || !l.base_found)
		out->status = ESTIMATE_NOT_PRIMED;
	else if (ledger_resolve(&l, &key) == KEY_UNKNOWN || l.folder_epoch != l.folder.epoch)
		out->status = ESTIMATE_KEY_INVALID;
	else if (!mode_is_valid(collection, &l))
		out->status = STATUS_INVALID_XML;
	else
		out->status = find_options(c, collection, &l, &options);
	if (out->status != STATUS_OK || c->gate.quarantined)
		return true;
	return foretell(c, &l, &options, &out->count);
}

static void encode(struct call *c, const struct estimate *v, size_t n)
{
	struct wbxml_out *w = &c->out;
	call_begin(c);
	c->status = STATUS_OK;
	for (size_t i = 0; i < n; i++) {
		wbxml_begin(w, GetItemEstimate_Response);
		wbxml_int(w, GetItemEstimate_Status, v[i].status);
		if (v[i].status == STATUS_OK) {
			wbxml_begin(w, GetItemEstimate_Collection);
			if (v[i].class)
				wbxml_cstr(w, GetItemEstimate_Class, v[i].class);
			wbxml_text(w, GetItemEstimate_CollectionId, v[i].id);
			wbxml_int(w, GetItemEstimate_Estimate, (int64_t)v[i].count);
			wbxml_end(w);
		} else {
			c->status = v[i].status;
		}
		wbxml_end(w);
	}
}

void command_getitemestimate(struct call *c)
{
	const struct wbxml_node *collections = wbxml_child(c->root, GetItemEstimate_Collections);
	unsigned count = wbxml_count(collections), n = 0;
	if (count == 0 || count > COLLECTIONS_MAX) {
		call_common(c, STATUS_INVALID_XML);
		return;
	}
	struct estimate *v = arena_array(c->arena, count, sizeof *v);
	for (const struct wbxml_node *node = collections->first; node; node = node->next) {
		if (node->tag != GetItemEstimate_Collection) {
			call_common(c, STATUS_INVALID_XML);
			return;
		}
		if (!estimate(c, node, &v[n++])) {
			call_fail(c, NULL);
			return;
		}
	}
	encode(c, v, n);
}
