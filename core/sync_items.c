/*
 * sync_items: what a device is told of items. What a whole answer needs of messages is fetched in
 * two steps, summaries and slices of bodies, however many there are. See sync.h for the contract.
 */
#include "core/sync.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/client.h"
#include "core/base/log.h"
#include "core/caps.h"
#include "core/email.h"
#include "core/item_edit.h"
#include "core/server_id.h"

/* What an item without its body is reckoned to take in an answer. */
enum { ITEM_OVERHEAD = 2048 };

struct loaded {
	struct summary *summary; /* of mail; NULL: not an Add */
	struct email_plan plan;
	struct slice *slices; /* NULL: no bytes are needed */
	size_t nslices;
};

struct sync_items {
	struct change *changes;
	struct loaded *v;
	size_t n;
};

static const struct item_class_ops *ops_of(const struct sync_collection *col)
{
	return item_class_ops(col->ledger->folder.class);
}

/*
 * What was sent of a message stays as it is; a draft may be another one by now, and so may what is
 * a message only for the device.
 */
static bool is_whole(const struct sync_collection *col, const struct change *change)
{
	return change->kind == CHANGE_ADD ||
	       (change->kind == CHANGE_CHANGE &&
		(change->item.flags & ITEM_DRAFT || col->ledger->folder.view == VIEW_MAIL));
}

static bool is_removal(const struct change *change)
{
	return change->kind == CHANGE_DELETE || change->kind == CHANGE_SOFTDELETE;
}

static bool load_summaries(struct call *c, const struct sync_collection *col,
			   struct sync_items *items)
{
	struct store *store = c->session->store;
	int64_t *uids = arena_array(c->arena, items->n, sizeof *uids);
	struct summary *found;
	size_t n = 0;
	if (ops_of(col))
		return true;
	for (size_t i = 0; i < items->n; i++)
		if (is_whole(col, &items->changes[i]))
			uids[n++] = items->changes[i].item.uid;
	if (n && !store->ops->summaries(store, c->arena, c->gate.account, col->ledger->folder_id,
					uids, n, &found, &c->err))
		return false;
	n = 0;
	for (size_t i = 0; i < items->n; i++)
		if (is_whole(col, &items->changes[i]))
			items->v[i].summary = &found[n++];
	return true;
}

/* How large the body will be: what is fetched, or what is sent by reference. */
static size_t planned_bytes(const struct sync_collection *col, const struct change *change,
			    const struct loaded *l)
{
	if (ops_of(col) && !is_removal(change))
		return ITEM_OVERHEAD + (size_t)change->item.size;
	if (!l->summary || !l->summary->found)
		return ITEM_OVERHEAD;
	return ITEM_OVERHEAD + (size_t)email_bytes(&l->plan, l->summary->message);
}

static const struct caps without_texts = {.html = true, .attachments = true, .attachment_size = -1};

/*
 * Older than the filter, and here for its conversation: with the preview of its body only (MS-ASCMD
 * 2.2.3.36.2).
 */
static bool is_drawn_in(const struct sync_collection *col, const struct change *change)
{
	return col->options.conversations && change->from_todo && change->item.date < col->cutoff;
}

/* No body, but the previews that were asked for. */
static struct body_prefs only_previews(const struct body_prefs *prefs)
{
	struct body_prefs out = caps_body(&without_texts, prefs);
	for (unsigned i = 0; i < out.n; i++)
		for (unsigned k = 0; k < prefs->n; k++)
			if (prefs->v[k].type == out.v[i].type)
				out.v[i].preview = prefs->v[k].preview;
	return out;
}

/* Plans bodies until the answer is full; at least one item always goes out. */
static void plan(struct call *c, const struct sync_collection *col, struct sync_items *items,
		 size_t *bytes)
{
	const struct body_prefs prefs = caps_body(&c->gate.caps, &col->options.body);
	const struct body_prefs preview = only_previews(&prefs);
	size_t used = 0;
	for (size_t i = 0; i < items->n; i++) {
		struct loaded *l = &items->v[i];
		if (l->summary && l->summary->found)
			email_plan(l->summary->message,
				   is_drawn_in(col, &items->changes[i]) ? &preview : &prefs,
				   c->version, &l->plan);
		size_t size = planned_bytes(col, &items->changes[i], l);
		used += size;
		if (i > 0 && used > *bytes) {
			used -= size;
			items->n = i;
		}
	}
	*bytes = used < *bytes ? *bytes - used : 0;
}

/* The slices that an item needs, at most EMAIL_SLICES; how many. */
static size_t find_slices(const struct sync_collection *col, const struct change *change,
			  const struct loaded *l, struct slice *out)
{
	if (ops_of(col)) {
		*out = (struct slice){.uid = change->item.uid, .length = INT64_MAX};
		return !is_removal(change);
	}
	return l->summary && l->summary->found ? email_slices(&l->plan, l->summary->uid, out) : 0;
}

static bool load_slices(struct call *c, const struct sync_collection *col, struct sync_items *items)
{
	struct store *store = c->session->store;
	struct slice *slices = arena_array(c->arena, items->n * EMAIL_SLICES, sizeof *slices);
	size_t n = 0;
	for (size_t i = 0; i < items->n; i++) {
		struct loaded *l = &items->v[i];
		l->slices = &slices[n];
		l->nslices = find_slices(col, &items->changes[i], l, l->slices);
		n += l->nslices;
	}
	return n == 0 || store->ops->slices(store, c->arena, c->gate.account,
					    col->ledger->folder_id, slices, n, &c->err);
}

bool sync_items_load(struct call *c, const struct sync_collection *col, struct change *changes,
		     size_t n, size_t *bytes, size_t *kept, struct sync_items **out)
{
	struct sync_items *items = arena_alloc(c->arena, sizeof *items);
	items->changes = changes;
	items->n = n;
	items->v = arena_array(c->arena, n, sizeof *items->v);
	*out = items;
	if (!load_summaries(c, col, items))
		return false;
	plan(c, col, items, bytes);
	*kept = items->n;
	return load_slices(c, col, items);
}

const struct summary *sync_items_summary(const struct sync_items *items, size_t index)
{
	return items->v[index].summary;
}

static struct email_context context(struct call *c, const struct sync_collection *col,
				    const struct change *change)
{
	const struct server_id id = {col->ledger->folder_id, col->ledger->folder.epoch,
				     change->item.uid};
	return (struct email_context){
		.version = c->version,
		.timezone = c->gate.timezone,
		.arena = c->arena,
		.scope = is_whole(col, change) ? EMAIL_WHOLE : EMAIL_MARKS,
		.server_id = server_id_text(c->arena, id),
		.only = col->only,
		.nonly = col->nonly,
		.parts = col->parts,
		.store = c->session->store,
		.account = c->gate.account,
		.folder = col->ledger->folder_id,
	};
}

struct item_context sync_item_context(struct call *c, const struct sync_collection *col,
				      int64_t uid)
{
	const struct server_id id = {col->ledger->folder_id, col->ledger->folder.epoch, uid};
	struct body_prefs *body = arena_alloc(c->arena, sizeof *body);
	*body = caps_body(&c->gate.caps, &col->options.body);
	return (struct item_context){
		.arena = c->arena,
		.version = c->version,
		.address = c->gate.address,
		.name = c->gate.display_name,
		.timezone = c->gate.timezone,
		.server_id = uid ? server_id_text(c->arena, id) : (struct str){NULL, 0},
		.body = body,
		.client = client_traits(c->gate.device_type, c->gate.user_agent),
		.now = clock_now(),
	};
}

static bool encode_text(struct call *c, const struct sync_collection *col,
			const struct change *change, const struct slice *slice, struct err *e)
{
	struct item_context ctx = sync_item_context(c, col, change->item.uid);
	if (!slice->bytes.p)
		return err_set(e, ERR_NOT_FOUND, "the item went away, or can't be read");
	return ops_of(col)->encode(&c->out, &ctx, slice->bytes, e) &&
	       (!arena_overflowed(c->arena) || err_set(e, ERR_TOO_LARGE, "the item is too large"));
}

/* What of an item the response to an edit tells: found out anew, so that a repeat tells the same.
 */
static bool respond(struct call *c, const struct sync_collection *col,
		    const struct sync_response *r, struct err *e)
{
	struct store *store = c->session->store;
	struct server_id id;
	struct item_edit edit;
	struct slice slice = {.length = INT64_MAX};
	const struct wbxml_node *data = wbxml_child(r->sent, AirSync_ApplicationData);
	if (!data || !server_id_parse(r->server_id, &id))
		return true;
	struct item_context ctx = sync_item_context(c, col, id.uid);
	slice.uid = id.uid;
	if (!store->ops->slices(store, c->arena, c->gate.account, col->ledger->folder_id, &slice, 1,
				e))
		return false;
	if (!slice.bytes.p)
		return true;
	if (!item_edit_all(&ctx, data, &edit, e))
		return false;
	edit.is_new = r->tag == AirSync_Add;
	return ops_of(col)->respond(&c->out, &ctx, slice.bytes, &edit, e);
}

/* Of a new draft, its conversation; of what was attached, where it is to be found. */
static bool respond_draft(struct call *c, const struct sync_collection *col,
			  const struct sync_response *r, struct err *e)
{
	static const unsigned only[] = {Email2_ConversationId, Email2_ConversationIndex};
	struct store *store = c->session->store;
	const struct wbxml_node *data = wbxml_child(r->sent, AirSync_ApplicationData);
	struct server_id id;
	struct summary *summary;
	if (c->version < 160 || !data || !server_id_parse(r->server_id, &id))
		return true;
	if (!store->ops->summaries(store, c->arena, c->gate.account, col->ledger->folder_id,
				   &id.uid, 1, &summary, e))
		return false;
	if (!summary->found)
		return true;
	struct change change = {.kind = CHANGE_ADD, .item = summary->item};
	struct email_context ctx = context(c, col, &change);
	ctx.only = only;
	ctx.nonly = r->tag == AirSync_Add ? 2 : 0;
	email_added_attachments(&c->out, &ctx, summary->message, data);
	return email_encode(&c->out, &ctx, summary, NULL, NULL, e);
}

void sync_items_respond(struct call *c, const struct sync_collection *col,
			const struct sync_response *r)
{
	struct wbxml_mark before = wbxml_mark(&c->out);
	const struct item_class_ops *ops = ops_of(col);
	struct err ignored = {0};
	if (r->tag == AirSync_Delete || (ops && !ops->respond))
		return;
	wbxml_begin(&c->out, AirSync_ApplicationData);
	size_t start = c->out.body->mem.n;
	bool ok = ops ? respond(c, col, r, &ignored) : respond_draft(c, col, r, &ignored);
	if (ok && c->out.body->mem.n > start)
		wbxml_end(&c->out);
	else
		wbxml_rollback(&c->out, before);
}

bool sync_items_encode_data(struct call *c, const struct sync_collection *col,
			    struct sync_items *items, size_t index, struct err *e)
{
	const struct change *change = &items->changes[index];
	struct loaded *l = &items->v[index];
	struct email_context ctx = context(c, col, change);
	struct summary marks = {.uid = change->item.uid, .found = true, .item = change->item};
	if (ops_of(col))
		return encode_text(c, col, change, l->slices, e);
	if (!is_whole(col, change))
		return email_encode(&c->out, &ctx, &marks, NULL, NULL, e);
	if (!l->summary->found || (l->nslices && !l->slices->bytes.p))
		return err_set(e, ERR_NOT_FOUND, "the item went away, or can't be read");
	return email_encode(&c->out, &ctx, l->summary, &l->plan, l->slices, e) &&
	       (!arena_overflowed(c->arena) || err_set(e, ERR_TOO_LARGE, "the item is too large"));
}

static void log_omitted(struct call *c, const struct sync_collection *col,
			const struct change *change, const struct err *e)
{
	struct log_line l;
	log_begin(&l, LOG_WARNING, "item-omitted");
	log_str(&l, "user", c->gate.address);
	log_int(&l, "folder", col->ledger->folder_id);
	log_int(&l, "uid", change->item.uid);
	log_err(&l, e);
	log_end(&l);
}

void sync_items_encode(struct call *c, const struct sync_collection *col, struct sync_items *items,
		       size_t index)
{
	static const unsigned tags[] = {
		[CHANGE_ADD] = AirSync_Add,
		[CHANGE_CHANGE] = AirSync_Change,
		[CHANGE_DELETE] = AirSync_Delete,
		[CHANGE_SOFTDELETE] = AirSync_SoftDelete,
	};
	struct change *change = &items->changes[index];
	struct wbxml_mark before = wbxml_mark(&c->out);
	struct arena_mark memory = arena_mark(c->arena);
	struct err e = {0};
	const struct server_id id = {col->ledger->folder_id, col->ledger->folder.epoch,
				     change->item.uid};
	wbxml_begin(&c->out, tags[change->kind]);
	wbxml_text(&c->out, AirSync_ServerId, server_id_text(c->arena, id));
	if (change->kind == CHANGE_ADD || change->kind == CHANGE_CHANGE) {
		wbxml_begin(&c->out, AirSync_ApplicationData);
		if (!sync_items_encode_data(c, col, items, index, &e)) {
			wbxml_rollback(&c->out, before);
			arena_release(c->arena, memory);
			change->failed = true;
			log_omitted(c, col, change, &e);
			return;
		}
		wbxml_end(&c->out);
	}
	wbxml_end(&c->out);
	/* What was needed to write one item is given back before the next. */
	arena_release(c->arena, memory);
}
