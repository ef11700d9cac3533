/*
 * ItemOperations (MS-ASCMD 2.2.1.10): Fetch of a message by its ServerId or LongId and of an
 * attachment by its FileReference, inline or as parts of a multipart answer; emptying a folder and
 * moving a conversation (core/item_operations.h).
 *
 * Operations are carried out in their order, each with its own status. What is large is read from
 * the store while the answer is sent, so that an attachment needs no memory of its size.
 */
#include "core/call.h"

#include <stdio.h>

#include "core/attachment.h"
#include "core/base/arena.h"
#include "core/caps.h"
#include "core/item_operations.h"
#include "core/server_id.h"
#include "core/sync.h"

enum { OPERATIONS_MAX = 100 };

struct operations {
	struct call *call;
	bool multipart;
	struct source_list parts; /* of a multipart answer, behind the document */
};

/* Bytes asked for, first and last included (MS-ASCMD 2.2.3.143.1). */
struct byte_range {
	bool asked;
	uint64_t from, to;
};

static unsigned read_range(const struct wbxml_node *options, struct byte_range *out)
{
	struct str text = wbxml_child_text(options, ItemOperations_Range), from;
	*out = (struct byte_range){.asked = text.p != NULL};
	if (!text.p)
		return STATUS_OK;
	if (!str_next(&text, '-', &from) || !text.p || !str_to_u64(str_trim(from), &out->from) ||
	    !str_to_u64(str_trim(text), &out->to) || out->to < out->from)
		return ITEMOPS_RANGE;
	return STATUS_OK;
}

static void encode_failure(struct operations *o, unsigned tag, unsigned status)
{
	wbxml_begin(&o->call->out, tag);
	wbxml_int(&o->call->out, ItemOperations_Status, status);
	wbxml_end(&o->call->out);
	o->call->status = status;
}

/* ---- Attachments ---- */

/* Cuts the content to the range. False: the range begins behind its end. */
static bool cut_to_range(struct attachment *a, struct byte_range *range)
{
	uint64_t size = a->content->length;
	if (!range->asked)
		return true;
	if (range->from >= size)
		return false;
	if (range->to >= size)
		range->to = size - 1;
	a->content = source_range(a->content, range->from, range->to - range->from + 1);
	return true;
}

static void encode_content(struct operations *o, struct source *content)
{
	if (o->multipart) {
		o->parts.v[o->parts.n++] = content;
		wbxml_int(&o->call->out, ItemOperations_Part, (int64_t)o->parts.n);
	} else {
		wbxml_stream(&o->call->out, ItemOperations_Data, source_base64(content));
	}
}

static void encode_attachment(struct operations *o, struct str reference,
			      const struct attachment *a, const struct byte_range *range)
{
	struct wbxml_out *w = &o->call->out;
	char text[64];
	wbxml_begin(w, ItemOperations_Fetch);
	wbxml_int(w, ItemOperations_Status, STATUS_OK);
	wbxml_text(w, AirSyncBase_FileReference, reference);
	wbxml_begin(w, ItemOperations_Properties);
	/* Some clients fail on a Range that they have not asked for. */
	if (range->asked) {
		snprintf(text, sizeof text, "%llu-%llu", (unsigned long long)range->from,
			 (unsigned long long)range->to);
		wbxml_cstr(w, ItemOperations_Range, text);
		wbxml_int(w, ItemOperations_Total, a->size);
	}
	wbxml_text(w, AirSyncBase_ContentType, a->type);
	encode_content(o, a->content);
	wbxml_end(w);
	wbxml_end(w);
}

static bool fetch_attachment(struct operations *o, struct str reference, struct byte_range *range)
{
	struct attachment a;
	switch (attachment_open(o->call, reference, &a)) {
	case FOUND_FAILED:
		return false;
	case FOUND_NONE:
		encode_failure(o, ItemOperations_Fetch, ITEMOPS_ATTACHMENT);
		return true;
	case FOUND_ONE:
		break;
	}
	enum caps_attachment allowed = caps_attachment(&o->call->gate.caps, a.size);
	if (allowed != ATTACHMENT_ALLOWED) {
		a.content->close(a.content);
		encode_failure(o, ItemOperations_Fetch,
			       allowed == ATTACHMENT_DENIED ? ITEMOPS_DENIED : ITEMOPS_TOO_LARGE);
		return true;
	}
	if (!cut_to_range(&a, range)) {
		a.content->close(a.content);
		encode_failure(o, ItemOperations_Fetch, ITEMOPS_RANGE);
		return true;
	}
	encode_attachment(o, reference, &a, range);
	return true;
}

/* ---- Items ---- */

/* An item is called as it was asked for: a LongId stands alone (MS-ASCMD 2.2.3.98.1). */
static void encode_item_head(struct wbxml_out *w, const struct wbxml_node *fetch,
			     enum item_class class)
{
	struct str long_id = wbxml_child_text(fetch, Search_LongId);
	wbxml_int(w, ItemOperations_Status, STATUS_OK);
	if (long_id.n) {
		wbxml_text(w, Search_LongId, long_id);
	} else {
		wbxml_text(w, AirSync_CollectionId, wbxml_child_text(fetch, AirSync_CollectionId));
		wbxml_text(w, AirSync_ServerId, wbxml_child_text(fetch, AirSync_ServerId));
	}
	wbxml_cstr(w, AirSync_Class, store_class_name(class));
}

/* Closes the parts behind the first `keep`. */
static void close_parts(struct operations *o, size_t keep)
{
	while (o->parts.n > keep) {
		struct source *last = o->parts.v[--o->parts.n];
		last->close(last);
	}
}

/* An item is loaded and encoded as for a Sync. */
static bool encode_item(struct operations *o, const struct wbxml_node *fetch,
			struct sync_collection *col, struct change *change)
{
	struct call *c = o->call;
	struct sync_items *items;
	struct err e = {0};
	size_t bytes = SIZE_MAX, kept;
	if (!sync_items_load(c, col, change, 1, &bytes, &kept, &items))
		return false;
	struct wbxml_mark before = wbxml_mark(&c->out);
	size_t parts = o->parts.n;
	wbxml_begin(&c->out, ItemOperations_Fetch);
	encode_item_head(&c->out, fetch, col->ledger->folder.class);
	wbxml_begin(&c->out, ItemOperations_Properties);
	if (!sync_items_encode_data(c, col, items, 0, &e)) {
		wbxml_rollback(&c->out, before);
		close_parts(o, parts);
		encode_failure(o, ItemOperations_Fetch,
			       e.kind == ERR_NOT_FOUND ? ITEMOPS_NOT_FOUND : ITEMOPS_CONVERSION);
		return true;
	}
	wbxml_end(&c->out);
	wbxml_end(&c->out);
	return true;
}

/* The ServerId, in the folder that is named, or the LongId that a search gave. */
static bool read_id(const struct wbxml_node *fetch, struct server_id *id)
{
	struct str long_id = wbxml_child_text(fetch, Search_LongId);
	int32_t folder;
	if (long_id.n)
		return server_id_parse(long_id, id);
	return server_id_parse(wbxml_child_text(fetch, AirSync_ServerId), id) &&
	       server_id_parse_folder(wbxml_child_text(fetch, AirSync_CollectionId), &folder) &&
	       folder == id->folder;
}

/* The elements that a Schema names; an empty one, as none, means all (MS-ASCMD 2.2.3.158). */
static void read_schema(struct call *c, const struct wbxml_node *options,
			struct sync_collection *col)
{
	const struct wbxml_node *schema = wbxml_child(options, ItemOperations_Schema);
	if (!schema || !schema->first)
		return;
	unsigned *only = arena_array(c->arena, wbxml_count(schema), sizeof *only);
	for (const struct wbxml_node *n = schema->first; n; n = n->next)
		only[col->nonly++] = n->tag;
	col->only = only;
}

static bool fetch_item(struct operations *o, const struct wbxml_node *fetch,
		       const struct wbxml_node *options)
{
	struct call *c = o->call;
	struct server_id id;
	struct summary *summary;
	struct ledger ledger = {0};
	struct sync_collection col = {.ledger = &ledger, .options = sync_options_standard};
	struct err e = {0};
	enum found found = FOUND_NONE;
	if (read_id(fetch, &id))
		found = attachment_item(c, id, &ledger.folder, &summary);
	if (found == FOUND_FAILED)
		return false;
	if (found == FOUND_NONE) {
		encode_failure(o, ItemOperations_Fetch, ITEMOPS_NOT_FOUND);
		return true;
	}
	if (options && !body_prefs_decode(options, c->version, &col.options.body, &e)) {
		encode_failure(o, ItemOperations_Fetch,
			       e.kind == ERR_UNSUPPORTED ? STATUS_BODY_PART_TYPE
							 : ITEMOPS_PROTOCOL);
		return true;
	}
	read_schema(c, options, &col);
	col.parts = o->multipart ? &o->parts : NULL;
	ledger.folder_id = id.folder;
	struct change change = {.kind = CHANGE_ADD, .item = summary->item};
	change.item.uid = id.uid;
	return encode_item(o, fetch, &col, &change);
}

/* ---- The command ---- */

static bool fetch(struct operations *o, const struct wbxml_node *node)
{
	const struct wbxml_node *options = wbxml_child(node, ItemOperations_Options);
	struct str store = wbxml_child_text(node, ItemOperations_Store);
	struct str reference = wbxml_child_text(node, AirSyncBase_FileReference);
	struct byte_range range;
	unsigned status = read_range(options, &range);
	if (!store.p)
		status = ITEMOPS_PROTOCOL;
	else if (!str_eq_nocase(store, STR("Mailbox")))
		status = ITEMOPS_STORE;
	if (status != STATUS_OK) {
		encode_failure(o, ItemOperations_Fetch, status);
		return true;
	}
	return reference.p ? fetch_attachment(o, reference, &range) : fetch_item(o, node, options);
}

static bool operate(struct operations *o, const struct wbxml_node *node)
{
	switch (node->tag) {
	case ItemOperations_Fetch:
		return fetch(o, node);
	case ItemOperations_EmptyFolderContents:
		return item_operations_empty(o->call, node);
	case ItemOperations_Move:
		if (o->call->version < 140) {
			encode_failure(o, node->tag, ITEMOPS_PROTOCOL);
			return true;
		}
		return item_operations_move(o->call, node);
	default:
		return true;
	}
}

static void put_u32(struct body *b, uint64_t v)
{
	const unsigned char bytes[] = {v & 0xff, v >> 8 & 0xff, v >> 16 & 0xff, v >> 24 & 0xff};
	buf_put(&b->mem, bytes, sizeof bytes);
}

/* MS-ASCMD 2.2.1.10.1.1: a table of offsets and lengths, the document, the parts. */
static void make_multipart(struct operations *o)
{
	struct answer *w = o->call->answer;
	struct body document = w->body;
	uint64_t at = 4 + 8 * ((uint64_t)o->parts.n + 1), length = body_length(&document);
	w->body = (struct body){0};
	put_u32(&w->body, o->parts.n + 1);
	for (size_t i = 0; i <= o->parts.n; i++) {
		put_u32(&w->body, at);
		put_u32(&w->body, length);
		at += length;
		length = i < o->parts.n ? o->parts.v[i]->length : 0;
	}
	body_append(&w->body, &document);
	for (size_t i = 0; i < o->parts.n; i++)
		body_add_source(&w->body, o->parts.v[i]);
	w->content_type = "application/vnd.ms-sync.multipart";
	o->parts.n = 0;
}

void command_itemoperations(struct call *c)
{
	unsigned count = wbxml_count(c->root);
	struct operations o = {.call = c, .multipart = c->request->eas.accept_multipart};
	if (count == 0 || count > OPERATIONS_MAX) {
		call_answer_status(c, ITEMOPS_PROTOCOL);
		return;
	}
	o.parts.v = arena_array(c->arena, count, sizeof(struct source *));
	call_begin(c);
	call_status(c, STATUS_OK);
	wbxml_begin(&c->out, ItemOperations_Response);
	for (const struct wbxml_node *n = c->root->first; n; n = n->next)
		if (!operate(&o, n)) {
			close_parts(&o, 0);
			call_fail(c, NULL);
			return;
		}
	wbxml_end(&c->out);
	if (o.multipart && wbxml_finish(&c->out)) {
		make_multipart(&o);
		c->out.body = NULL;
	}
	close_parts(&o, 0);
}
