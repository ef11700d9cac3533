/* sync_request: what a Sync asks for. See sync_request.h for the contract. */
#include "core/sync_request.h"

#include <stdlib.h>

#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/server_id.h"
#include "core/sync_options.h"
#include "core/synckey.h"

enum { WAIT_MIN = 1, WAIT_MAX = 59, HEARTBEAT_MIN = 60, HEARTBEAT_MAX = 3540 };

static const struct sync_refusal accepted = {0, 0};

static struct sync_refusal refuse(unsigned status)
{
	return (struct sync_refusal){status, 0};
}

/* Absent: standard. 0 and whatever is above 512: 512 (MS-ASCMD 2.2.3.199). */
static bool read_window(const struct wbxml_node *node, unsigned standard, unsigned *out)
{
	struct str text = wbxml_child_text(node, AirSync_WindowSize);
	uint64_t v;
	*out = standard;
	if (!text.p)
		return true;
	if (!str_to_u64(text, &v))
		return false;
	*out = v == 0 || v > SYNC_WINDOW_MAX ? SYNC_WINDOW_MAX : (unsigned)v;
	return true;
}

/* An empty element means yes, as in the tables of the protocol. False when it is neither 0 nor 1.
 */
static bool read_flag(const struct wbxml_node *parent, unsigned tag, bool standard, bool *out)
{
	struct str text = wbxml_child_text(parent, tag);
	*out = standard;
	if (!text.p)
		return true;
	*out = !str_eq(text, STR("0"));
	return text.n == 0 || str_eq(text, STR("0")) || str_eq(text, STR("1"));
}

/*
 * Below 12.1 a request that brings commands and does not ask for changes gets none: its phone is
 * not ready for them. (Later they come unless they are declined, MS-ASCMD 2.2.3.84.)
 */
static bool wants_changes(const struct sync_asked *asked, unsigned version)
{
	return !str_eq(asked->key, STR("0")) && (version >= 121 || !asked->commands);
}

/*
 * Place in the order that the children of a Collection have; 0: a tag that is none of them. Class
 * is no part of it any more in versions that have this order, and may be anywhere.
 */
static unsigned order_of(unsigned tag)
{
	static const unsigned order[] = {
		AirSync_SyncKey,	  AirSync_CollectionId, AirSync_Supported,
		AirSync_DeletesAsMoves,	  AirSync_GetChanges,	AirSync_WindowSize,
		AirSync_ConversationMode, AirSync_Options,	AirSync_Commands,
	};
	for (unsigned i = 0; i < sizeof order / sizeof *order; i++)
		if (order[i] == tag)
			return i + 1;
	return 0;
}

/* In their order, each once, and Options twice at most (MS-ASCMD 2.2.3.125.6, 2.2.3.179). */
static bool is_in_order(const struct wbxml_node *collection)
{
	unsigned last = 0, options = 0;
	for (const struct wbxml_node *n = collection->first; n; n = n->next) {
		unsigned order = order_of(n->tag);
		options += n->tag == AirSync_Options;
		if (order && (n->tag == AirSync_Options ? order < last : order <= last))
			return false;
		last = order ? order : last;
	}
	return options <= 2;
}

/* False: something of it is wrong. */
static bool read_wishes(const struct wbxml_node *node, unsigned version, struct sync_asked *out)
{
	out->supported = wbxml_child(node, AirSync_Supported);
	out->options = wbxml_child(node, AirSync_Options);
	out->commands = wbxml_child(node, AirSync_Commands);
	out->asks_changes = wbxml_child(node, AirSync_GetChanges) != NULL;
	out->names_mode = wbxml_child(node, AirSync_ConversationMode) != NULL;
	bool ok = read_flag(node, AirSync_GetChanges, wants_changes(out, version),
			    &out->get_changes) &&
		  read_flag(node, AirSync_DeletesAsMoves, true, &out->deletes_as_moves) &&
		  read_flag(node, AirSync_ConversationMode, false, &out->conversations) &&
		  read_window(node, SYNC_WINDOW, &out->window);
	out->asks_changes = out->asks_changes && out->get_changes;
	if (str_eq(out->key, STR("0")))
		out->get_changes = false;
	return ok && (version < 121 || is_in_order(node)) &&
	       (!out->commands || wbxml_count(out->commands) <= SYNC_COMMANDS_MAX);
}

/* False: it is not even known which collection is meant, or in which state. */
static bool read_collection(const struct wbxml_node *node, unsigned version, struct sync_asked *out)
{
	out->id = wbxml_child_text(node, AirSync_CollectionId);
	out->class = wbxml_child_text(node, AirSync_Class);
	out->key = wbxml_child_text(node, AirSync_SyncKey);
	if (!out->id.n || !out->key.n)
		return false;
	if (!server_id_parse_folder(out->id, &out->folder))
		out->folder = 0;
	out->invalid = !read_wishes(node, version, out);
	if (out->invalid)
		out->commands = NULL;
	return true;
}

/* Seconds to wait; both forms at once are an error (MS-ASCMD 2.2.3.93.2, 2.2.3.198). */
static struct sync_refusal read_wait(const struct call *c, unsigned *seconds)
{
	struct str wait = wbxml_child_text(c->root, AirSync_Wait);
	struct str heartbeat = wbxml_child_text(c->root, AirSync_HeartbeatInterval);
	int64_t v;
	if ((wait.p && heartbeat.p) || (wait.p && c->version < 121) ||
	    (heartbeat.p && c->version < 140))
		return refuse(SYNC_PROTOCOL);
	if (!wait.p && !heartbeat.p)
		return accepted;
	if (!str_to_i64(wait.p ? wait : heartbeat, &v))
		return refuse(SYNC_PROTOCOL);
	unsigned min = wait.p ? WAIT_MIN : HEARTBEAT_MIN, max = wait.p ? WAIT_MAX : HEARTBEAT_MAX;
	if (v < min || v > max)
		return (struct sync_refusal){SYNC_WAIT_RANGE, v < min ? min : max};
	*seconds = (unsigned)v * (wait.p ? 60 : 1);
	return accepted;
}

/* Adds a collection, or takes the place of the one with the same id. */
static void put(struct sync_request *q, const struct sync_asked *asked)
{
	for (size_t i = 0; i < q->n; i++)
		if (str_eq(q->v[i].id, asked->id)) {
			q->v[i] = *asked;
			return;
		}
	q->v[q->n++] = *asked;
}

static bool names_one_twice(const struct wbxml_node *collections)
{
	for (const struct wbxml_node *a = collections->first; a; a = a->next)
		for (const struct wbxml_node *b = a->next; b; b = b->next)
			if (str_eq(wbxml_child_text(a, AirSync_CollectionId),
				   wbxml_child_text(b, AirSync_CollectionId)))
				return true;
	return false;
}

static bool recall_collection(struct arena *a, json_t *row, struct sync_asked *out)
{
	const char *id;
	int window, changes, moves;
	if (json_unpack(row, "[siii]", &id, &window, &changes, &moves) != 0)
		return false;
	*out = (struct sync_asked){
		.id = str_of(arena_strdup(a, id)),
		.window = (unsigned)window,
		.get_changes = changes != 0,
		.deletes_as_moves = moves != 0,
	};
	if (!server_id_parse_folder(out->id, &out->folder))
		out->folder = 0;
	return true;
}

/* The last full request of the device, its wait and window included. False: there is none. */
static bool recall(struct call *c, struct sync_request *out, size_t room)
{
	struct str stored = c->gate.sync_request;
	json_t *rows, *all = stored.p ? json_loadb(stored.p, stored.n, 0, NULL) : NULL;
	int wait, window;
	bool ok = all && json_unpack(all, "{sisiso}", "wait", &wait, "window", &window,
				     "collections", &rows) == 0;
	if (ok) {
		out->wait = (unsigned)wait;
		out->window = (unsigned)window;
		out->v = arena_array(c->arena, json_array_size(rows) + room, sizeof *out->v);
	}
	for (size_t i = 0; ok && i < json_array_size(rows); i++)
		ok = recall_collection(c->arena, json_array_get(rows, i), &out->v[out->n++]);
	json_decref(all);
	return ok && out->n > 0;
}

static struct sync_refusal read_collections(const struct wbxml_node *collections, unsigned version,
					    struct sync_request *out)
{
	if (names_one_twice(collections))
		return refuse(SYNC_PROTOCOL);
	for (const struct wbxml_node *n = collections->first; n; n = n->next) {
		struct sync_asked asked = {0};
		if (n->tag != AirSync_Collection || !read_collection(n, version, &asked))
			return refuse(SYNC_PROTOCOL);
		out->has_commands |= asked.commands != NULL;
		put(out, &asked);
	}
	return accepted;
}

struct sync_refusal sync_request_read(struct call *c, struct sync_request *out)
{
	const struct wbxml_node *collections = wbxml_child(c->root, AirSync_Collections);
	bool partial = wbxml_child(c->root, AirSync_Partial) != NULL;
	unsigned count = wbxml_count(collections);
	unsigned most = (unsigned)c->gate.limits.sync_max_collections;
	*out = (struct sync_request){.window = SYNC_WINDOW_MAX};
	if (count > most)
		return (struct sync_refusal){SYNC_TOO_MANY_COLLECTIONS, most};
	if ((!c->root || partial) && c->version < 121)
		return refuse(SYNC_PROTOCOL);
	if (!c->root || partial) {
		if (!recall(c, out, count))
			return refuse(SYNC_INCOMPLETE);
	} else {
		if (count == 0)
			return refuse(SYNC_PROTOCOL);
		out->v = arena_array(c->arena, count, sizeof *out->v);
	}
	if (!c->root)
		return accepted;
	struct sync_refusal refusal = read_wait(c, &out->wait);
	if (refusal.status)
		return refusal;
	if (!read_window(c->root, out->window, &out->window))
		return refuse(SYNC_PROTOCOL);
	return collections ? read_collections(collections, c->version, out) : accepted;
}

bool sync_request_quiet(struct arena *a, const struct wbxml_node *root, unsigned version,
			struct gate_quiet *out)
{
	const struct wbxml_node *collections = wbxml_child(root, AirSync_Collections);
	const struct wbxml_node *collection = wbxml_child(collections, AirSync_Collection);
	struct sync_asked asked = {0};
	struct sync_options options;
	struct synckey key;
	struct err e;
	/* What is no key may be no text either, and is refused in its turn. */
	if (version < 121 || wbxml_child(root, AirSync_Partial) || !collection ||
	    collection->next || !read_collection(collection, version, &asked) || asked.invalid ||
	    asked.commands || !synckey_parse(asked.key, &key) || !asked.options ||
	    !asked.get_changes || wbxml_again(asked.options) ||
	    wbxml_child(asked.options, AirSync_Class) ||
	    !sync_options_decode(asked.options, version, CLASS_EMAIL, &options, &e))
		return false;
	options.conversations = asked.conversations;
	*out = (struct gate_quiet){
		.folder = asked.folder,
		.key = asked.key,
		.options = sync_options_to_json(a, &options),
		.cutoff = sync_options_cutoff(&options, clock_now()),
	};
	return true;
}

struct str sync_request_to_json(struct arena *a, const struct sync_request *q)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < q->n; i++) {
		const struct sync_asked *s = &q->v[i];
		json_array_append_new(rows, json_pack("[s%iii]", s->id.p, s->id.n, (int)s->window,
						      s->get_changes, s->deletes_as_moves));
	}
	json_t *all = json_pack("{sisiso}", "wait", (int)q->wait, "window", (int)q->window,
				"collections", rows);
	char *text = all ? json_dumps(all, JSON_COMPACT) : NULL;
	struct str copy = str_of(arena_strdup(a, text));
	free(text);
	json_decref(all);
	return copy;
}
