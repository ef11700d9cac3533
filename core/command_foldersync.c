/*
 * FolderSync (MS-ASCMD 2.2.1.5): the folder tree, as the difference to what the device was last
 * told.
 *
 * Two generations are kept, since the last answer may have been lost: the current key gives the
 * difference to now, the key before it gives the difference to the tree that it stood for. Key 0
 * gives the whole tree; the states of the folders' content stay.
 */
#include "core/hierarchy_step.h"
#include "core/imap_login.h"

#include <string.h>

#include "core/gate.h"
#include "store/pg.h"
#include "store/policy.h"

/*
 * The state after this answer. Returns whether it has to be written. A repeated request, key 0
 * included, gets the same key again as long as the tree is still the one that the key stands for.
 */
static bool advance(struct call *c, struct hierarchy_step *f)
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
		hierarchy_step_next(c, f, now);
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
static size_t encode_changes(struct wbxml_out *w, const struct hierarchy_step *f, bool write)
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

static void encode(struct call *c, const struct hierarchy_step *f)
{
	char key[SYNCKEY_TEXT];
	if (f->key.zero) {
		/* With key 0 a client takes this as news of the versions only (MS-ASHTTP 3.2.5.1).
		 */
		call_offer_again(c);
	}
	call_begin(c);
	call_status(c, STATUS_OK);
	wbxml_cstr(&c->out, FolderHierarchy_SyncKey,
		   synckey_format(f->state.epoch, f->state.n, key));
	wbxml_begin(&c->out, FolderHierarchy_Changes);
	wbxml_int(&c->out, FolderHierarchy_Count, (int64_t)encode_changes(&c->out, f, false));
	encode_changes(&c->out, f, true);
	wbxml_end(&c->out);
}

/* Nothing changed since the device's key, as the account's modseq tells: no folder need be read. */
static bool unchanged(const struct call *c, const struct hierarchy_step *f)
{
	return f->have_state && !f->key.zero && f->key.n == f->state.n && !f->state.previous.p &&
	       memcmp(f->state.epoch, f->key.epoch, SYNCKEY_EPOCH) == 0 &&
	       f->state.modseq == c->gate.hierarchy_modseq;
}

static bool compare_and_save(struct call *c, struct hierarchy_step *f, bool *known)
{
	if (!hierarchy_step_begin(c, f, known))
		return false;
	if (gate_empties(c))
		f->now.n = 0;
	return !*known || !advance(c, f) || hierarchy_step_save(c, f);
}

/*
 * A soft wipe: the device is told that there are no folders, and once it uses the key of that
 * answer it has dropped what it had. True: so it has, or that failed; it is answered.
 */
static bool emptied_before(struct call *c, struct str key)
{
	bool taken;
	if (!wipe_tree_taken(c->session->db, c->arena, c->gate.wipe, key, &taken, &c->err) ||
	    (taken && !wipe_done(c->session->db, c->gate.wipe, c->gate.account, &c->err))) {
		call_fail(c, NULL);
		return true;
	}
	if (taken)
		call_common(c, STATUS_DEVICE_BLOCKED);
	return taken;
}

static bool note_emptied(struct call *c, const struct hierarchy_step *f)
{
	char key[SYNCKEY_TEXT];
	struct str text = str_of(synckey_format(f->state.epoch, f->state.n, key));
	return wipe_delivered(c->session->db, c->arena, c->gate.wipe, false, text, &c->err);
}

/* A tree on an IMAP server is listed anew, and may then be another than the gate saw. */
static bool take_in(struct call *c)
{
	struct session *s = c->session;
	return !imap_login_is(s, c->gate.account) ||
	       (imap_login_refresh(s, c->gate.account, NULL, 0, &c->err) &&
		hierarchy_newest(s->db, c->gate.account, &c->gate.hierarchy_modseq, &c->err));
}

void command_foldersync(struct call *c)
{
	struct hierarchy_step f = {0};
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
	if (gate_empties(c) && emptied_before(c, key))
		return;
	/* With key 0 the whole tree is told, whatever was before: the state is read with the lock.
	 */
	if (!take_in(c) || (!f.key.zero && !hierarchy_step_load(c, &f))) {
		call_fail(c, NULL);
		return;
	}
	if (gate_empties(c) || !unchanged(c, &f)) {
		if (!compare_and_save(c, &f, &known) ||
		    (known && gate_empties(c) && !note_emptied(c, &f)) || !pg_commit(db, &c->err)) {
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
