/* found_items: what a search found. See found_items.h for the contract. */
#include "core/found_items.h"

#include "core/base/arena.h"
#include "core/folder_list.h"
#include "core/item_class.h"
#include "core/server_id.h"
#include "core/sync.h"
#include "store/hierarchy.h"

/* ---- Ranges ---- */

enum range_read found_range_read(struct str text, struct found_range *out)
{
	struct str from;
	uint64_t m, n;
	*out = (struct found_range){0, FOUND_MOST - 1};
	if (!text.p)
		return RANGE_OK;
	if (!str_next(&text, '-', &from) || !text.p || !str_to_u64(str_trim(from), &m) ||
	    !str_to_u64(str_trim(text), &n) || n < m || n > INT32_MAX)
		return RANGE_MALFORMED;
	if (n - m >= FOUND_MOST)
		return RANGE_TOO_LONG;
	*out = (struct found_range){(size_t)m, (size_t)n};
	return RANGE_OK;
}

/* ---- Where to look ---- */

/* The folders as the device knows them; all that there are for one that was told of none yet. */
static bool known_folders(struct call *c, const struct folder *all, size_t n,
			  struct folder_list *out)
{
	struct hierarchy_state state;
	enum found found = FOUND_NONE;
	if (c->gate.device)
		found = hierarchy_load(c->session->db, c->arena, c->gate.device, &state, &c->err);
	if (found == FOUND_FAILED)
		return false;
	if (found == FOUND_ONE)
		return folder_list_from_json(c->arena, state.folders, out, &c->err);
	*out = (struct folder_list){arena_array(c->arena, n, sizeof *out->v), n};
	for (size_t i = 0; i < n; i++)
		out->v[i] = (struct folder_entry){.id = all[i].id, .parent = all[i].parent};
	return true;
}

static bool is_named(const struct found_scope *scope, int32_t folder)
{
	int32_t id;
	for (size_t i = 0; i < scope->ncollections; i++)
		if (server_id_parse_folder(scope->collections[i], &id) && id == folder)
			return true;
	return false;
}

static bool is_chosen(const int32_t *chosen, size_t n, int32_t folder)
{
	for (size_t i = 0; i < n; i++)
		if (chosen[i] == folder)
			return true;
	return false;
}

/* Each CollectionId is one of the folders. */
static bool all_there(const struct found_scope *scope, const struct folder_list *known)
{
	for (size_t i = 0; i < scope->ncollections; i++) {
		int32_t id;
		if (!server_id_parse_folder(scope->collections[i], &id) ||
		    !folder_list_find(known, id))
			return false;
	}
	return true;
}

static const struct folder *find_folder(const struct folder *all, size_t n, int32_t id)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].id == id)
			return &all[i];
	return NULL;
}

/* The recipient information cache only repeats what is in the messages. */
static bool has_class(const struct found_scope *scope, const struct folder *f)
{
	return f && f->role != ROLE_RECIPIENTS && item_class_served(f->class) &&
	       (!scope->classes || scope->classes & 1u << (unsigned)f->class);
}

enum found found_folders(struct call *c, const struct found_scope *scope, struct search *q)
{
	struct store *store = c->session->store;
	struct folder *all;
	struct folder_list known;
	size_t n, nin = 0, nchosen = 0;
	if (!store->ops->folders(store, c->arena, c->gate.account, &all, &n, &c->err) ||
	    !known_folders(c, all, n, &known))
		return FOUND_FAILED;
	if (!all_there(scope, &known))
		return FOUND_NONE;
	/* Parents come before children: whatever is below one that is in, is in. */
	int32_t *in = arena_array(c->arena, known.n, sizeof *in);
	int32_t *chosen = arena_array(c->arena, known.n, sizeof *chosen);
	for (size_t i = 0; i < known.n; i++) {
		const struct folder_entry *f = &known.v[i];
		if (scope->ncollections && !is_named(scope, f->id) &&
		    !(scope->deep && is_chosen(in, nin, f->parent)))
			continue;
		in[nin++] = f->id;
		if (has_class(scope, find_folder(all, n, f->id)))
			chosen[nchosen++] = f->id;
	}
	q->folders = chosen;
	q->nfolders = nchosen;
	return FOUND_ONE;
}

/* ---- What was found ---- */

/* What was found in one folder, loaded together. */
struct group {
	struct folder folder;
	struct ledger ledger;
	struct sync_collection col;
	struct change *changes;
	size_t n, kept;
	struct sync_items *items;
};

struct place_in_group {
	struct group *group;
	size_t index;
};

struct found_items {
	struct hits hits;
	struct group *groups;
	size_t ngroups;
	struct place_in_group *at; /* of each hit */
	size_t n;		   /* hits that the answer has room for */
};

static struct group *group_of(struct found_items *f, int32_t folder)
{
	for (size_t i = 0; i < f->ngroups; i++)
		if (f->groups[i].folder.id == folder)
			return &f->groups[i];
	return NULL;
}

/* FOUND_NONE: the folder went meanwhile. */
static enum found add_group(struct call *c, struct found_items *f, int32_t folder,
			    const struct body_prefs *prefs)
{
	struct store *store = c->session->store;
	struct group *g = &f->groups[f->ngroups];
	enum found found =
		store->ops->folder(store, c->arena, c->gate.account, folder, &g->folder, &c->err);
	if (found != FOUND_ONE)
		return found;
	f->ngroups++;
	g->ledger = (struct ledger){.folder_id = folder, .folder_found = true, .folder = g->folder};
	g->col = (struct sync_collection){.ledger = &g->ledger, .options = sync_options_standard};
	g->col.options.body = *prefs;
	g->changes = arena_array(c->arena, f->hits.n, sizeof *g->changes);
	return FOUND_ONE;
}

static bool sort_into_groups(struct call *c, struct found_items *f, const struct body_prefs *prefs)
{
	f->groups = arena_array(c->arena, f->hits.n, sizeof *f->groups);
	f->at = arena_array(c->arena, f->hits.n, sizeof *f->at);
	for (size_t i = 0; i < f->hits.n; i++) {
		const struct hit *h = &f->hits.v[i];
		if (!group_of(f, h->folder) && add_group(c, f, h->folder, prefs) == FOUND_FAILED)
			return false;
		struct group *g = group_of(f, h->folder);
		if (!g)
			continue;
		f->at[i] = (struct place_in_group){g, g->n};
		g->changes[g->n++] = (struct change){.kind = CHANGE_ADD, .item = {.uid = h->uid}};
	}
	return true;
}

static bool load_groups(struct call *c, struct found_items *f)
{
	struct store *store = c->session->store;
	size_t bytes = (size_t)c->gate.limits.sync_max_bytes;
	for (size_t i = 0; i < f->ngroups; i++) {
		struct group *g = &f->groups[i];
		int64_t *uids = arena_array(c->arena, g->n, sizeof *uids);
		struct items found;
		for (size_t k = 0; k < g->n; k++)
			uids[k] = g->changes[k].item.uid;
		if (!store->ops->lookup(store, c->arena, c->gate.account, g->folder.id, uids, g->n,
					&found, &c->err))
			return false;
		for (size_t k = 0; k < g->n; k++)
			g->changes[k].item = found.v[k];
		if (!sync_items_load(c, &g->col, g->changes, g->n, &bytes, &g->kept, &g->items))
			return false;
	}
	return true;
}

bool found_items_load(struct call *c, const struct search *q, const struct found_range *range,
		      const struct body_prefs *prefs, struct found_items **out)
{
	struct store *store = c->session->store;
	struct found_items *f = arena_alloc(c->arena, sizeof *f);
	*f = (struct found_items){0};
	*out = f;
	if (!store->ops->search)
		return err_set(&c->err, ERR_UNSUPPORTED, "this store can't be searched");
	if (!store->ops->search(store, c->arena, c->gate.account, q, range->from,
				range->to - range->from + 1, &f->hits, &c->err) ||
	    !sort_into_groups(c, f, prefs) || !load_groups(c, f))
		return false;
	while (f->n < f->hits.n && f->at[f->n].group && f->at[f->n].index < f->at[f->n].group->kept)
		f->n++;
	return true;
}

size_t found_items_count(const struct found_items *f)
{
	return f->n;
}

size_t found_items_total(const struct found_items *f)
{
	return f->hits.total;
}

struct found_item found_items_at(struct call *c, const struct found_items *f, size_t index)
{
	const struct place_in_group *at = &f->at[index];
	const struct server_id id = {at->group->folder.id, at->group->folder.epoch,
				     f->hits.v[index].uid};
	return (struct found_item){
		.folder = &at->group->folder,
		.server_id = server_id_text(c->arena, id),
		.summary = sync_items_summary(at->group->items, at->index),
	};
}

bool found_items_encode(struct call *c, const struct found_items *f, size_t index, struct err *e)
{
	const struct place_in_group *at = &f->at[index];
	return sync_items_encode_data(c, &at->group->col, at->group->items, at->index, e);
}
