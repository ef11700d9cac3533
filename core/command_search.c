/*
 * Search (MS-ASCMD 2.2.1.16): in the account's own items (Mailbox), in the address list (GAL).
 *
 * Results are found anew for each range: they are never older than the request, so that
 * RebuildResults asks for nothing more. What an account may not read is not there.
 */
#include "core/call.h"

#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/found_items.h"
#include "core/gal.h"

enum { COLLECTIONS_MOST = 1000, TEXT_MOST = 1024 };

struct mailbox_query {
	struct search search;
	struct found_scope scope;
	struct str text;
	struct found_range range;
	struct body_prefs prefs;
	bool has_conversation, has_words;
};

/* ---- Decoding: 0 or the Status of the Store ---- */

static unsigned read_class(struct call *c, struct str name, struct mailbox_query *q)
{
	enum item_class class;
	/* Kept with the mail that they came with; no folder of their own. */
	if (c->version >= 140 && str_eq(name, STR("SMS"))) {
		q->scope.classes |= 1u << CLASS_EMAIL;
		return 0;
	}
	if (!store_class_parse(name, &class) || class == CLASS_FILES ||
	    (class == CLASS_NOTES && c->version < 140))
		return SEARCH_INVALID;
	q->scope.classes |= 1u << (unsigned)class;
	return 0;
}

static unsigned read_conversation(struct call *c, const struct wbxml_node *node,
				  struct mailbox_query *q)
{
	enum { ID = 16 };
	if (q->has_conversation || node->text.n != ID)
		return SEARCH_INVALID;
	q->has_conversation = true;
	q->search.conversation = text_hex_encode(c->arena, node->text);
	return 0;
}

/* DateReceived comes first, then the value to compare with. */
static unsigned read_comparison(const struct wbxml_node *node, int64_t *limit, int64_t unset)
{
	struct str value = wbxml_child_text(node, Search_Value);
	if (*limit != unset || !node->first || node->first->tag != Email_DateReceived || !value.n ||
	    !clock_parse(value, limit))
		return SEARCH_INVALID;
	return 0;
}

/* Clients name folder 0 when they mean every folder. */
static void read_collection(struct str id, struct mailbox_query *q, struct str *room)
{
	if (!str_eq(id, STR("0")))
		room[q->scope.ncollections++] = id;
}

static unsigned read_condition(struct call *c, const struct wbxml_node *node,
			       struct mailbox_query *q, struct str *room)
{
	switch (node->tag) {
	case AirSync_Class:
		return read_class(c, node->text, q);
	case AirSync_CollectionId:
		read_collection(node->text, q, room);
		return 0;
	case Search_ConversationId:
		return read_conversation(c, node, q);
	case Search_FreeText:
		if (q->has_words || node->text.n > TEXT_MOST)
			return SEARCH_INVALID;
		q->has_words = true;
		q->text = node->text;
		return 0;
	case Search_GreaterThan:
		return read_comparison(node, &q->search.after, INT64_MIN);
	case Search_LessThan:
		return read_comparison(node, &q->search.before, INT64_MAX);
	case Search_And:
	case Search_Or:
		return SEARCH_TOO_COMPLEX;
	default:
		return SEARCH_INVALID;
	}
}

/* Everything stands in one And (2.2.3.10); what stands beside it is more than is understood. */
static unsigned read_query(struct call *c, const struct wbxml_node *query, struct mailbox_query *q)
{
	const struct wbxml_node *and = query ? query->first : NULL;
	if (!and || query->content != WBXML_ELEMENTS)
		return SEARCH_INVALID;
	if (and->tag == Search_EqualTo)
		return SEARCH_INVALID;
	if (and->tag != Search_And || and->next || wbxml_count(and) > COLLECTIONS_MOST)
		return SEARCH_TOO_COMPLEX;
	struct str *room = arena_array(c->arena, wbxml_count(and), sizeof *room);
	q->scope.collections = room;
	for (const struct wbxml_node *n = and->first; n; n = n->next) {
		unsigned status = read_condition(c, n, q, room);
		if (status)
			return status;
	}
	if (!q->has_words && !q->has_conversation && q->search.after == INT64_MIN &&
	    q->search.before == INT64_MAX)
		return SEARCH_INVALID;
	return 0;
}

static unsigned read_options(struct call *c, const struct wbxml_node *options,
			     struct mailbox_query *q)
{
	struct err ignored;
	q->scope.deep = wbxml_child(options, Search_DeepTraversal) != NULL;
	if (!body_prefs_decode(options, c->version, &q->prefs, &ignored))
		return SEARCH_INVALID;
	/* 2.2.3.125.5 */
	if (q->prefs.part.type && !q->has_conversation)
		return SEARCH_INVALID;
	switch (found_range_read(wbxml_child_text(options, Search_Range), &q->range)) {
	case RANGE_MALFORMED:
		return SEARCH_INVALID;
	case RANGE_TOO_LONG:
		return SEARCH_END_OF_RANGE;
	case RANGE_OK:
		break;
	}
	return 0;
}

/* ---- Answering ---- */

static void begin_store(struct call *c, unsigned status)
{
	call_begin(c);
	call_status(c, STATUS_OK);
	wbxml_begin(&c->out, Search_Response);
	wbxml_begin(&c->out, Search_Store);
	wbxml_int(&c->out, Search_Status, status);
	c->status = status;
}

static void encode_result(struct call *c, const struct found_items *f, size_t index)
{
	struct wbxml_out *w = &c->out;
	struct wbxml_mark before = wbxml_mark(w);
	struct found_item item = found_items_at(c, f, index);
	struct err e = {0};
	wbxml_begin(w, Search_Result);
	wbxml_cstr(w, AirSync_Class, store_class_name(item.folder->class));
	wbxml_text(w, Search_LongId, item.server_id);
	wbxml_int(w, AirSync_CollectionId, item.folder->id);
	wbxml_begin(w, Search_Properties);
	if (!found_items_encode(c, f, index, &e)) {
		wbxml_rollback(w, before);
		return;
	}
	wbxml_end(w);
	wbxml_end(w);
}

/* No match is an empty Result (2.2.3.155.3). */
static void encode_results(struct call *c, const struct mailbox_query *q,
			   const struct found_items *f)
{
	size_t n = found_items_count(f);
	char range[64];
	if (n == 0 && q->range.from > 0) {
		begin_store(c, SEARCH_END_OF_RANGE);
		return;
	}
	begin_store(c, STATUS_OK);
	for (size_t i = 0; i < n; i++)
		encode_result(c, f, i);
	if (n == 0) {
		wbxml_empty(&c->out, Search_Result);
		return;
	}
	snprintf(range, sizeof range, "%zu-%zu", q->range.from, q->range.from + n - 1);
	wbxml_cstr(&c->out, Search_Range, range);
	wbxml_int(&c->out, Search_Total, (int64_t)found_items_total(f));
}

static void search_mailbox(struct call *c, const struct wbxml_node *store)
{
	struct mailbox_query q = {.search = {.after = INT64_MIN, .before = INT64_MAX}};
	struct found_items *f;
	unsigned status = read_query(c, wbxml_child(store, Search_Query), &q);
	if (!status)
		status = read_options(c, wbxml_child(store, Search_Options), &q);
	if (!status && q.has_words && !search_words(c->arena, q.text, &q.search))
		status = SEARCH_INVALID;
	if (status) {
		begin_store(c, status);
		return;
	}
	switch (found_folders(c, &q.scope, &q.search)) {
	case FOUND_FAILED:
		call_fail(c, NULL);
		return;
	case FOUND_NONE:
		begin_store(c, SEARCH_HIERARCHY);
		return;
	case FOUND_ONE:
		break;
	}
	if (found_items_load(c, &q.search, &q.range, &q.prefs, &f))
		encode_results(c, &q, f);
	else
		call_fail(c, NULL);
}

/* A query that is no text is for the Mailbox. */
static void search_gal(struct call *c, const struct wbxml_node *store)
{
	static const struct gal_command command = {
		.range = Search_Range,
		.picture = Search_Picture,
		.max_size = Search_MaxSize,
		.max_pictures = Search_MaxPictures,
		.result = Search_Result,
		.properties = Search_Properties,
		.range_told = Search_Range,
		.total = Search_Total,
		.empty_result = true,
		.invalid = SEARCH_INVALID,
		.blocked = SEARCH_BLOCKED,
		.beyond = SEARCH_END_OF_RANGE,
		.begin = begin_store,
	};
	gal_answer(c, wbxml_child_text(store, Search_Query), wbxml_child(store, Search_Options),
		   &command);
}

void command_search(struct call *c)
{
	const struct wbxml_node *store = wbxml_child(c->root, Search_Store);
	struct str name = wbxml_child_text(store, Search_Name);
	if (!store || !name.n || wbxml_again(store))
		begin_store(c, SEARCH_INVALID);
	else if (str_eq_nocase(name, STR("Mailbox")) && c->version >= 120)
		search_mailbox(c, store);
	else if (str_eq_nocase(name, STR("GAL")))
		search_gal(c, store);
	else if (str_eq_nocase(name, STR("DocumentLibrary")))
		begin_store(c, SEARCH_BLOCKED);
	else
		begin_store(c, SEARCH_INVALID);
}
