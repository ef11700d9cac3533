/*
 * FolderSync (MS-ASCMD 2.2.1.5): the folder tree, as the difference to what the device was last told.
 *
 * Two generations are kept, since the last answer may have been lost: the current key gives the
 * difference to now, the key before it gives the difference to the tree that it stood for. Key 0 gives
 * the whole tree; the states of the folders' content stay.
 */
#include "core/call.h"

#include <stdio.h>

#include "core/base/arena.h"
#include "core/folder_list.h"
#include "core/synckey.h"
#include "store/hierarchy.h"
#include "store/pg.h"

struct foldersync {
	struct synckey key;
	bool have_state;
	struct hierarchy_state state;
	struct folder_list old, now; /* what the device knows, what there is */
};

/* The folders that the key stands for. FOUND_NONE: the key is not known. */
static enum found find_old(struct call *c, struct foldersync *f)
{
	if (f->key.zero)
		return FOUND_ONE;
	if (!f->have_state || memcmp(f->state.epoch, f->key.epoch, SYNCKEY_EPOCH) != 0)
		return FOUND_NONE;
	struct str known = {NULL, 0};
	if (f->key.n == f->state.n)
		known = f->state.folders;
	else if (f->key.n == f->state.previous_n)
		known = f->state.previous;
	if (!known.p)
		return FOUND_NONE;
	return folder_list_from_json(c->arena, known, &f->old, &c->err) ? FOUND_ONE : FOUND_FAILED;
}

/*
 * The state after this answer. Returns whether it has to be written. A repeated request, key 0
 * included, gets the same key again as long as the tree is still the one that the key stands for.
 */
static bool advance(struct call *c, struct foldersync *f)
{
	struct hierarchy_state *s = &f->state;
	struct str now = folder_list_to_json(c->arena, &f->now);
	bool told = f->have_state && str_eq(now, s->folders);
	if (f->key.zero) {
		if (told && s->n == 1)
			return false;
		synckey_new_epoch(s->epoch);
		s->n = 1;
		s->previous = (struct str){NULL, 0};
	} else if (f->key.n == s->n && told) {
		bool acknowledged = s->previous.p != NULL || s->modseq != c->gate.hierarchy_modseq;
		s->previous = (struct str){NULL, 0};
		s->modseq = c->gate.hierarchy_modseq;
		return acknowledged;
	} else {
		if (f->key.n == s->previous_n && told)
			return false;
		s->previous = folder_list_to_json(c->arena, &f->old);
		s->previous_n = f->key.n;
		s->n++;
	}
	s->folders = now;
	s->modseq = c->gate.hierarchy_modseq;
	return true;
}

static void encode_entry(struct wbxml_out *w, unsigned tag, const struct folder_entry *f)
{
	wbxml_begin(w, tag);
	wbxml_int(w, FolderHierarchy_ServerId, f->id);
	wbxml_int(w, FolderHierarchy_ParentId, f->parent);
	wbxml_text(w, FolderHierarchy_DisplayName, f->name);
	wbxml_int(w, FolderHierarchy_Type, f->type);
	wbxml_end(w);
}

/*
 * Updates, Deletes, Adds: the order of the schema. Outlook would name a folder "x [1]" if it were
 * added before the other one of that name is gone.
 */
static size_t encode_changes(struct wbxml_out *w, const struct foldersync *f, bool write)
{
	size_t changes = 0;
	for (size_t i = 0; i < f->now.n; i++) {
		const struct folder_entry *old = folder_list_find(&f->old, f->now.v[i].id);
		if (!old || folder_entry_equal(old, &f->now.v[i]))
			continue;
		changes++;
		if (write)
			encode_entry(w, FolderHierarchy_Update, &f->now.v[i]);
	}
	for (size_t i = f->old.n; i-- > 0;) {
		if (folder_list_find(&f->now, f->old.v[i].id))
			continue;
		changes++;
		if (!write)
			continue;
		wbxml_begin(w, FolderHierarchy_Delete);
		wbxml_int(w, FolderHierarchy_ServerId, f->old.v[i].id);
		wbxml_end(w);
	}
	for (size_t i = 0; i < f->now.n; i++) {
		if (folder_list_find(&f->old, f->now.v[i].id))
			continue;
		changes++;
		if (write)
			encode_entry(w, FolderHierarchy_Add, &f->now.v[i]);
	}
	return changes;
}

static void encode(struct call *c, const struct foldersync *f)
{
	char key[SYNCKEY_TEXT];
	if (f->key.zero) {
		/* With key 0 a client takes this as news of the versions only (MS-ASHTTP 3.2.5.1). */
		answer_header(c->answer, "X-MS-RP", command_versions());
		answer_header(c->answer, "MS-ASProtocolVersions", command_versions());
		answer_header(c->answer, "MS-ASProtocolCommands", command_names());
	}
	call_begin(c);
	call_status(c, STATUS_OK);
	wbxml_cstr(&c->out, FolderHierarchy_SyncKey, synckey_format(f->state.epoch, f->state.n, key));
	wbxml_begin(&c->out, FolderHierarchy_Changes);
	wbxml_int(&c->out, FolderHierarchy_Count, (int64_t)encode_changes(&c->out, f, false));
	encode_changes(&c->out, f, true);
	wbxml_end(&c->out);
}

/* Nothing changed since the device's key, as the account's modseq tells: no folder need be read. */
static bool unchanged(const struct call *c, const struct foldersync *f)
{
	return f->have_state && !f->key.zero && f->key.n == f->state.n && !f->state.previous.p &&
	       memcmp(f->state.epoch, f->key.epoch, SYNCKEY_EPOCH) == 0 &&
	       f->state.modseq == c->gate.hierarchy_modseq;
}

static bool load(struct call *c, struct foldersync *f)
{
	enum found found = hierarchy_load(c->session->db, c->arena, c->gate.device, &f->state, &c->err);
	f->have_state = found == FOUND_ONE;
	return found != FOUND_FAILED;
}

static bool compare_and_save(struct call *c, struct foldersync *f, bool *known)
{
	struct store *store = c->session->store;
	struct folder *folders;
	size_t n;
	if (!hierarchy_claim(c->session->db, c->gate.device, &c->err) || !load(c, f) ||
	    !store->ops->folders(store, c->arena, c->gate.account, &folders, &n, &c->err))
		return false;
	folder_list_make(c->arena, folders, n, &f->now);
	enum found old = find_old(c, f);
	*known = old == FOUND_ONE;
	if (old != FOUND_ONE)
		return old == FOUND_NONE;
	if (!advance(c, f) || c->gate.device == 0)
		return true;
	return hierarchy_save(c->session->db, c->arena, c->gate.account, c->gate.device, &f->state,
			      &c->err);
}

void command_foldersync(struct call *c)
{
	struct foldersync f = {0};
	struct pg *db = c->session->db;
	struct str key = wbxml_child_text(c->root, FolderHierarchy_SyncKey);
	bool known = true;
	if (!key.p) {
		call_answer_status(c, FOLDERSYNC_MALFORMED);
		return;
	}
	if (!synckey_parse(key, &f.key)) {
		call_answer_status(c, FOLDERSYNC_KEY_INVALID);
		return;
	}
	if (!load(c, &f)) {
		call_fail(c, NULL);
		return;
	}
	if (!unchanged(c, &f)) {
		if (!pg_begin(db, &c->err) || !compare_and_save(c, &f, &known) || !pg_commit(db, &c->err)) {
			pg_rollback(db);
			call_fail(c, NULL);
			return;
		}
	}
	if (known)
		encode(c, &f);
	else
		call_answer_status(c, FOLDERSYNC_KEY_INVALID);
}
