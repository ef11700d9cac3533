/*
 * sync_items: what a device is told of items. What a whole answer needs of messages is fetched in
 * two steps, summaries and slices of bodies, however many there are. See sync.h for the contract.
 */
#include "core/sync.h"

#include "core/base/arena.h"
#include "core/base/log.h"
#include "core/email.h"
#include "core/server_id.h"

/* What an item without its body is reckoned to take in an answer. */
enum { ITEM_OVERHEAD = 2048 };

struct loaded {
	struct summary *summary; /* NULL: not an Add */
	struct email_plan plan;
	struct slice *slices; /* NULL: no bytes are needed */
	size_t nslices;
};

struct sync_items {
	struct change *changes;
	struct loaded *v;
	size_t n;
};

static bool is_whole(const struct change *change)
{
	return change->kind == CHANGE_ADD;
}

static bool load_summaries(struct call *c, const struct sync_collection *col,
			   struct sync_items *items)
{
	struct store *store = c->session->store;
	int64_t *uids = arena_array(c->arena, items->n, sizeof *uids);
	struct summary *found;
	size_t n = 0;
	for (size_t i = 0; i < items->n; i++)
		if (is_whole(&items->changes[i]))
			uids[n++] = items->changes[i].item.uid;
	if (n && !store->ops->summaries(store, c->arena, c->gate.account, col->ledger->folder_id,
					uids, n, &found, &c->err))
		return false;
	n = 0;
	for (size_t i = 0; i < items->n; i++)
		if (is_whole(&items->changes[i]))
			items->v[i].summary = &found[n++];
	return true;
}

/* How large the body will be: what is fetched, or what is sent by reference. */
static size_t planned_bytes(const struct loaded *l)
{
	if (!l->summary || !l->summary->found)
		return ITEM_OVERHEAD;
	return ITEM_OVERHEAD + (size_t)email_bytes(&l->plan, l->summary->message);
}

/* Plans bodies until the answer is full; at least one item always goes out. */
static void plan(struct call *c, const struct sync_collection *col, struct sync_items *items,
		 size_t *bytes)
{
	size_t used = 0;
	for (size_t i = 0; i < items->n; i++) {
		struct loaded *l = &items->v[i];
		if (l->summary && l->summary->found)
			email_plan(l->summary->message, &col->options.body, c->version, &l->plan);
		used += planned_bytes(l);
		if (i > 0 && used > *bytes) {
			used -= planned_bytes(l);
			items->n = i;
		}
	}
	*bytes = used < *bytes ? *bytes - used : 0;
}

static bool load_slices(struct call *c, const struct sync_collection *col, struct sync_items *items)
{
	struct store *store = c->session->store;
	struct slice *slices = arena_array(c->arena, items->n * EMAIL_SLICES, sizeof *slices);
	size_t n = 0;
	for (size_t i = 0; i < items->n; i++) {
		struct loaded *l = &items->v[i];
		if (!l->summary || !l->summary->found)
			continue;
		l->slices = &slices[n];
		l->nslices = email_slices(&l->plan, l->summary->uid, l->slices);
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

static struct email_context context(struct call *c, const struct sync_collection *col,
				    const struct change *change)
{
	const struct server_id id = {col->ledger->folder_id, col->ledger->folder.epoch,
				     change->item.uid};
	return (struct email_context){
		.version = c->version,
		.arena = c->arena,
		.scope = is_whole(change) ? EMAIL_WHOLE : EMAIL_MARKS,
		.server_id = server_id_text(c->arena, id),
		.parts = col->parts,
		.store = c->session->store,
		.account = c->gate.account,
		.folder = col->ledger->folder_id,
	};
}

bool sync_items_encode_data(struct call *c, const struct sync_collection *col,
			    struct sync_items *items, size_t index, struct err *e)
{
	const struct change *change = &items->changes[index];
	struct loaded *l = &items->v[index];
	struct email_context ctx = context(c, col, change);
	struct summary marks = {.uid = change->item.uid, .found = true, .item = change->item};
	if (!is_whole(change))
		return email_encode(&c->out, &ctx, &marks, NULL, NULL, e);
	if (!l->summary->found || (l->nslices && !l->slices->bytes.p))
		return err_set(e, ERR_NOT_FOUND, "the item went away meanwhile");
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
