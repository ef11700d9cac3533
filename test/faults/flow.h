/*
 * flow: the real Sync command, between a store and rows that fail when they are told to.
 *
 * core/command_sync.c and core/sync_commands.c are compiled once more, as they stand, with the
 * functions of the database replaced by those below, which count their calls, fail, and go on to
 * the rows in memory or to PostgreSQL. Everything else that a Sync uses is the product's own.
 */
#ifndef EASEL_TEST_FAULTS_FLOW_H
#define EASEL_TEST_FAULTS_FLOW_H

#include "core/base/clock.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/collections.h"
#include "core/email.h"
#include "core/imap_login.h"
#include "core/server_id.h"
#include "core/sync.h"
#include "store/device.h"
#include "store/sync_trouble.h"
#include "test/faults/rows.h"
#include "test/faults/server.h"

static void world_race(void);
static void phone_other_request(void);

/* ---- What the device's edits did ---- */

static bool flow_matches(const struct edit *e, int folder, int64_t uid, bool removal, unsigned set,
			 unsigned clear)
{
	static const struct {
		unsigned set, clear;
	} flags[] = {
		[EDIT_READ] = {ITEM_SEEN, 0},
		[EDIT_UNREAD] = {0, ITEM_SEEN},
		[EDIT_FLAG] = {ITEM_FLAGGED, 0},
		[EDIT_UNFLAG] = {0, ITEM_FLAGGED},
	};
	if (e->folder != folder || e->uid != uid || removal != (e->kind == EDIT_DELETE))
		return false;
	return removal || ((set & (ITEM_SEEN | ITEM_FLAGGED)) == flags[e->kind].set &&
			   (clear & (ITEM_SEEN | ITEM_FLAGGED)) == flags[e->kind].clear);
}

/* Which edit of the request this call of the store carries out: each one only once. */
static void flow_applied(int32_t folder_id, int64_t uid, bool removal, unsigned set, unsigned clear)
{
	int folder = folder_index(folder_id), again = -1;
	const struct edit_list *list = &m->serving->edits[folder];
	for (int i = 0; i < list->n; i++) {
		struct edit *e = &m->edits[list->v[i]];
		bool now = false;
		for (int k = 0; k < m->napplied; k++)
			now |= m->applied[k] == list->v[i];
		if (now || !flow_matches(e, folder, uid, removal, set, clear))
			continue;
		if (!e->done || e->uncertain) {
			m->applied[m->napplied++] = list->v[i];
			return;
		}
		again = list->v[i];
	}
	if (again >= 0)
		model_wrong("edit %d of %d:%lld is carried out twice", again, folder,
			    (long long)uid);
	else
		model_wrong("an edit of %d:%lld that nobody sent is carried out", folder,
			    (long long)uid);
}

/* The transaction of the device's commands has ended. A store outside PostgreSQL undoes nothing. */
static void flow_settle(bool committed)
{
	for (int i = 0; i < m->napplied; i++) {
		struct edit *e = &m->edits[m->applied[i]];
		if (!committed && m->db && !m->pool)
			continue;
		e->done = true;
		e->uncertain = !committed;
		if (!committed)
			model_touch(e->folder, e->uid);
	}
	m->napplied = 0;
}

/* ---- The store, as the command sees it ---- */

/* Whether the folder may be changed; else as a store says it of a folder without the right. */
static bool flow_may(int32_t folder_id, struct err *e)
{
	int at = folder_index(folder_id);
	return at < 0 || !m->read_only[at] ||
	       err_set(e, ERR_FORBIDDEN, "that may not be done in the folder");
}

static void flow_meet(void)
{
	if (m->race && !m->in_transaction && !m->fault && !m->killing && chance(m->race) == 0)
		world_race();
}

/* Whether what failed may have been done all the same. */
static bool flow_doubtful(void)
{
	return m->fault == FAKE_DO_THEN_FAIL || m->killing;
}

static bool flow_ends(bool committed)
{
	m->in_transaction = false;
	flow_settle(committed);
	if (m->db)
		return committed;
	if (committed)
		rows_commit();
	rows_free(&m->work);
	return committed;
}

/* 0: goes on; 1: fails and does nothing; 2: is done and then fails. */
static int flow_fate(struct err *e)
{
	if (++m->db_calls != m->db_fault_at)
		return 0;
	err_set(e, ERR_UNAVAILABLE, "the database was told to fail");
	return m->db_done ? 2 : 1;
}

/* The connection is lost between the claim and the writing, and another request comes in. */
static void flow_lose_claim(void)
{
	if (m->nested || !m->race || m->db || m->fault || m->db_fault_at || chance(40))
		return;
	model_trace("  the claim is lost");
	m->connection++;
	phone_other_request();
}

static bool flow_begin(struct store *s, struct err *e)
{
	flow_lose_claim();
	if (flow_fate(e) || !m->real->begin(s, e))
		return false;
	m->in_transaction = true;
	if (!m->db)
		rows_begin();
	return true;
}

static bool flow_commit(struct store *s, struct err *e)
{
	int fate = flow_fate(e);
	if (fate == 1) {
		m->real->rollback(s);
		flow_ends(false);
		return false;
	}
	bool ok = m->real->commit(s, e);
	flow_ends(ok || m->fault == FAKE_DO_THEN_FAIL);
	return ok && fate == 0;
}

static void flow_rollback(struct store *s)
{
	m->real->rollback(s);
	flow_ends(false);
}

static enum found flow_set_flags(struct store *s, int32_t account, int32_t folder, int64_t uid,
				 unsigned set, unsigned clear, const struct str *marks,
				 int64_t *before, int64_t *after, struct err *e)
{
	if (!flow_may(folder, e))
		return FOUND_FAILED;
	enum found found =
		m->real->set_flags(s, account, folder, uid, set, clear, marks, before, after, e);
	if (found != FOUND_FAILED || flow_doubtful())
		flow_applied(folder, uid, false, set, clear);
	return found;
}

static enum found flow_remove(struct store *s, int32_t account, int32_t folder, int64_t uid,
			      int64_t *modseq, struct err *e)
{
	if (!flow_may(folder, e))
		return FOUND_FAILED;
	enum found found = m->real->remove(s, account, folder, uid, modseq, e);
	if (found != FOUND_FAILED || flow_doubtful())
		flow_applied(folder, uid, true, 0, 0);
	return found;
}

static enum found flow_move(struct store *s, int32_t account, int32_t from, int64_t uid, int32_t to,
			    int64_t *gone, int64_t *new_uid, int64_t *new_modseq, struct err *e)
{
	if (!flow_may(from, e) || !flow_may(to, e))
		return FOUND_FAILED;
	enum found found = m->real->move(s, account, from, uid, to, gone, new_uid, new_modseq, e);
	if (m->serving && (found != FOUND_FAILED || flow_doubtful()))
		flow_applied(from, uid, true, 0, 0);
	if (!m->serving && found == FOUND_ONE && model_touched(folder_index(from), uid))
		model_touch(folder_index(to), *new_uid);
	return found;
}

static enum found flow_replace(struct store *s, int32_t account, int32_t folder, int64_t uid,
			       int64_t unchanged_since, const struct new_item *item,
			       int64_t *new_uid, int64_t *before, int64_t *after, struct err *e)
{
	if (!flow_may(folder, e))
		return FOUND_FAILED;
	return m->real->replace(s, account, folder, uid, unchanged_since, item, new_uid, before,
				after, e);
}

static bool flow_append(struct store *s, int32_t account, int32_t folder,
			const struct new_item *item, int64_t *uid, int64_t *modseq, struct err *e)
{
	return flow_may(folder, e) && m->real->append(s, account, folder, item, uid, modseq, e);
}

static bool flow_changes(struct store *s, struct arena *a, int32_t account, int32_t folder,
			 struct position since, size_t limit, struct items *out, struct err *e)
{
	flow_meet();
	return m->real->changes(s, a, account, folder, since, limit, out, e);
}

static bool flow_newest(struct store *s, struct arena *a, int32_t account, int32_t folder,
			int64_t below, int64_t cutoff, size_t limit, struct items *out,
			struct err *e)
{
	flow_meet();
	return m->real->newest(s, a, account, folder, below, cutoff, limit, out, e);
}

static bool flow_dated(struct store *s, struct arena *a, int32_t account, int32_t folder,
		       int64_t from, int64_t until, size_t limit, struct items *out, struct err *e)
{
	flow_meet();
	return m->real->dated(s, a, account, folder, from, until, limit, out, e);
}

static bool flow_lookup(struct store *s, struct arena *a, int32_t account, int32_t folder,
			const int64_t *uids, size_t n, struct items *out, struct err *e)
{
	flow_meet();
	bool ok = m->real->lookup(s, a, account, folder, uids, n, out, e);
	if (ok && n && !out->v[n - 1].gone) {
		m->looked_up = uids[n - 1];
		m->looked_up_in = folder_index(folder);
	}
	return ok;
}

static bool flow_summaries(struct store *s, struct arena *a, int32_t account, int32_t folder,
			   const int64_t *uids, size_t n, struct summary **out, struct err *e)
{
	flow_meet();
	return m->real->summaries(s, a, account, folder, uids, n, out, e);
}

/* Puts the functions above between the command and its store. */
static void flow_wrap(void)
{
	m->real = m->store->ops;
	m->ops = *m->real;
	m->ops.begin = flow_begin;
	m->ops.commit = flow_commit;
	m->ops.rollback = flow_rollback;
	m->ops.set_flags = flow_set_flags;
	m->ops.remove = flow_remove;
	m->ops.move = flow_move;
	m->ops.replace = flow_replace;
	m->ops.append = flow_append;
	m->ops.changes = flow_changes;
	m->ops.newest = flow_newest;
	m->ops.dated = flow_dated;
	m->ops.lookup = flow_lookup;
	m->ops.summaries = flow_summaries;
	m->store->ops = &m->ops;
}

/* ---- The database, as the command sees it ---- */

static int64_t flow_clock_now(void)
{
	return m->now;
}

static unsigned flow_pg_connection(const struct pg *db)
{
	return m->connection + (m->db ? pg_connection(db) : 0);
}

static bool flow_pg_begin(struct pg *db, struct err *e)
{
	flow_lose_claim();
	if (flow_fate(e) || (m->db && !pg_begin(db, e)))
		return false;
	m->in_transaction = true;
	if (!m->db)
		rows_begin();
	return true;
}

static void flow_pg_rollback(struct pg *db)
{
	if (m->db)
		pg_rollback(db);
	flow_ends(false);
}

static bool flow_pg_commit(struct pg *db, struct err *e)
{
	int fate = flow_fate(e);
	if (fate == 1) {
		flow_pg_rollback(db);
		return false;
	}
	bool ok = !m->db || pg_commit(db, e);
	return flow_ends(ok) && fate == 0;
}

static bool flow_ledger_claim(struct pg *db, struct arena *a, int32_t device,
			      const int64_t *folders, size_t n, struct err *e)
{
	/* Another one has it, and is served first. */
	if (!m->nested && m->race && !m->db && !m->fault && !m->db_fault_at && !chance(20))
		phone_other_request();
	return !flow_fate(e) && (!m->db || ledger_claim(db, a, device, folders, n, e));
}

static void flow_ledger_release(struct pg *db)
{
	if (m->db)
		ledger_release(db);
}

static bool flow_ledger_load(struct pg *db, struct arena *a, int32_t account, int32_t device,
			     const int64_t *folders, size_t n, struct ledger *out, struct err *e)
{
	if (flow_fate(e))
		return false;
	flow_meet();
	return m->db ? ledger_load(db, a, account, device, folders, n, out, e)
		     : rows_load(a, folders, n, out, e);
}

static bool flow_ledger_save(struct pg *db, struct arena *a, int32_t account, int32_t device,
			     const struct ledger *l, const struct sync_answer *answer,
			     struct err *e)
{
	if (flow_fate(e))
		return false;
	if (m->db)
		return ledger_save(db, a, account, device, l, answer, e);
	if (!m->in_transaction)
		model_wrong("a ledger is written outside a transaction");
	else
		rows_save(l, answer);
	return true;
}

static bool flow_ledger_rewrite(struct pg *db, struct arena *a, int32_t account, int32_t device,
				const struct ledger *l, struct err *e)
{
	if (flow_fate(e))
		return false;
	if (m->db)
		return ledger_rewrite(db, a, account, device, l, e);
	rows_rewrite(l);
	return true;
}

static bool flow_moved_item_find(struct pg *db, struct arena *a, int32_t account, int32_t device,
				 struct moved_item *items, size_t n, struct err *e)
{
	if (flow_fate(e))
		return false;
	if (m->db)
		return moved_item_find(db, a, account, device, items, n, e);
	rows_find_moved(items, n);
	return true;
}

static bool flow_moved_item_record(struct pg *db, struct arena *a, int32_t account, int32_t device,
				   const struct moved_item *items, size_t n, struct err *e)
{
	if (flow_fate(e))
		return false;
	if (m->db)
		return moved_item_record(db, a, account, device, items, n, e);
	for (size_t i = 0; i < n; i++)
		rows_put_moved(m->work, &items[i]);
	return true;
}

static bool flow_ledger_restart(struct pg *db, struct arena *a, int32_t account, int32_t device,
				const struct ledger *l, struct err *e)
{
	if (flow_fate(e))
		return false;
	if (m->db)
		return ledger_restart(db, a, account, device, l, e);
	rows_restart(l);
	return true;
}

static bool flow_ledger_done(struct pg *db, struct arena *a, int32_t account, int32_t device,
			     int32_t folder, int32_t n, struct sync_done **out, size_t *count,
			     struct err *e)
{
	if (flow_fate(e))
		return false;
	if (m->db)
		return ledger_done(db, a, account, device, folder, n, out, count, e);
	rows_done(a, folder_index(folder), n, out, count);
	return true;
}

static bool flow_ledger_record(struct pg *db, struct arena *a, int32_t account, int32_t device,
			       int32_t folder, const struct sync_done *done, size_t n,
			       struct err *e)
{
	if (flow_fate(e))
		return false;
	if (m->db)
		return ledger_record(db, a, account, device, folder, done, n, e);
	for (size_t i = 0; i < n; i++)
		rows_put_done(m->work, folder_index(folder), &done[i]);
	return true;
}

static bool flow_ledger_added(struct pg *db, struct arena *a, int32_t account, int32_t device,
			      int32_t folder, struct sync_added *v, size_t n, struct err *e)
{
	if (flow_fate(e))
		return false;
	if (m->db)
		return ledger_added(db, a, account, device, folder, v, n, e);
	rows_find_added(folder_index(folder), v, n);
	return true;
}

static bool flow_ledger_record_added(struct pg *db, struct arena *a, int32_t account,
				     int32_t device, int32_t folder, const struct sync_added *v,
				     size_t n, struct err *e)
{
	if (flow_fate(e))
		return false;
	if (m->db)
		return ledger_record_added(db, a, account, device, folder, v, n, e);
	for (size_t i = 0; i < n; i++)
		rows_put_added(m->work, folder_index(folder), &v[i]);
	return true;
}

static bool flow_device_remember_sync(struct pg *db, struct arena *a, int32_t device,
				      struct str request, struct err *e)
{
	(void)db;
	(void)a;
	(void)device;
	(void)request;
	return !flow_fate(e);
}

/* The store is the kept one itself. */
/*
 * What is known of a device in trouble. Here a lost answer is the network's fault and no item is to
 * blame: answers are halved, and none is ever condemned.
 */
static struct sync_trouble flow_trouble;

static bool flow_trouble_read(struct pg *db, struct arena *a, int32_t device, int64_t age,
			      struct sync_trouble *out, struct err *e)
{
	(void)db;
	(void)a;
	(void)device;
	(void)age;
	*out = flow_trouble;
	out->repeats = out->repeats > 1 ? 1 : out->repeats;
	return !flow_fate(e);
}

static bool flow_trouble_write(struct pg *db, int32_t device, const struct sync_trouble *t,
			       struct err *e)
{
	(void)db;
	(void)device;
	if (flow_fate(e))
		return false;
	flow_trouble = t->found ? *t : (struct sync_trouble){0};
	return true;
}

static bool flow_trouble_omit(struct pg *db, int32_t account, int32_t device,
			      const struct omitted *item, bool refused, struct err *e)
{
	(void)db;
	(void)account;
	(void)device;
	(void)item;
	(void)refused;
	return !flow_fate(e);
}

static void flow_collections_know(struct store *s, int32_t account, const struct folder *f)
{
	(void)s;
	(void)account;
	(void)f;
}

static bool flow_imap_login_refresh(struct session *s, int32_t account, const int32_t *folders,
				    size_t n, struct err *e)
{
	return !m->pool || m->real->refresh(s->store, account, folders, n, e);
}

#define clock_now flow_clock_now
#define imap_login_refresh flow_imap_login_refresh
#define collections_know flow_collections_know
#define pg_connection flow_pg_connection
#define pg_begin flow_pg_begin
#define pg_commit flow_pg_commit
#define pg_rollback flow_pg_rollback
#define ledger_claim flow_ledger_claim
#define ledger_release flow_ledger_release
#define ledger_load flow_ledger_load
#define ledger_save flow_ledger_save
#define ledger_restart flow_ledger_restart
#define ledger_done flow_ledger_done
#define ledger_record flow_ledger_record
#define ledger_added flow_ledger_added
#define ledger_record_added flow_ledger_record_added
#define device_remember_sync flow_device_remember_sync
#define ledger_rewrite flow_ledger_rewrite
#define moved_item_find flow_moved_item_find
#define moved_item_record flow_moved_item_record
#define sync_commands_run flow_sync_commands_run
#define sync_commands_intend flow_sync_commands_intend
#define command_sync flow_command_sync
#define sync_trouble_read flow_trouble_read
#define sync_trouble_write flow_trouble_write
#define sync_trouble_omit flow_trouble_omit
#define smartsync_begin flow_smartsync_begin
#define smartsync_window flow_smartsync_window
#define smartsync_leave_out flow_smartsync_leave_out
#define smartsync_save flow_smartsync_save

#include "core/smartsync.c"

#include "core/sync_commands.c"

#include "core/command_sync.c"

/* What both commands call the same. */
#define ID_MAX FLOW_MOVES_ID_MAX
#define COLLECTIONS_MAX FLOW_ESTIMATES_MAX
#define record flow_moves_record
#define encode flow_moves_encode
#define set_back flow_moves_set_back
#define command_moveitems flow_command_moveitems

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow" /* of the model, m */
#include "core/command_moveitems.c"

#define load flow_estimate_load
#define find_options flow_estimate_options
#undef encode
#define encode flow_estimate_encode
#define command_getitemestimate flow_command_getitemestimate
#include "core/command_getitemestimate.c"
#undef load
#undef find_options
#undef command_getitemestimate
#undef COLLECTIONS_MAX
#pragma GCC diagnostic pop

#undef ID_MAX
#undef record
#undef encode
#undef set_back
#undef command_moveitems
#undef ledger_rewrite
#undef moved_item_find
#undef moved_item_record
#undef sync_commands_intend
#undef clock_now
#undef imap_login_refresh
#undef collections_know
#undef pg_connection
#undef pg_begin
#undef pg_commit
#undef pg_rollback
#undef ledger_claim
#undef ledger_release
#undef ledger_load
#undef ledger_save
#undef ledger_restart
#undef ledger_done
#undef ledger_record
#undef ledger_added
#undef ledger_record_added
#undef device_remember_sync
#undef sync_commands_run
#undef command_sync
#undef sync_trouble_read
#undef sync_trouble_write
#undef sync_trouble_omit
#undef smartsync_begin
#undef smartsync_window
#undef smartsync_leave_out
#undef smartsync_save

/* ---- One request, from its bytes to the answer's ---- */

struct flow_answer {
	bool ok;	  /* it came with HTTP status 200 */
	struct str bytes; /* empty: nothing to tell */
};

/* The answer's bytes are in the arena. */
static struct flow_answer flow_serve_bytes(struct arena *a, struct str bytes, const char *command,
					   void (*handler)(struct call *c))
{
	struct flow_answer out = {0};
	struct err e = {0};
	struct wbxml_node *root;
	struct session session = {.db = m->db ? m->db : m->idle, .store = m->store, .arena = a};
	struct request request = {.arena = a};
	struct answer answer = {.status = 200};
	struct call c = {.session = &session, .arena = a, .request = &request, .answer = &answer};
	c.command = command_named(str_of(command));
	c.version = kind_now()->version;
	c.gate = (struct gate_row){.account = m->account, .device = m->device};
	c.gate.caps = (struct caps){.text_size = -1,
				    .html_size = -1,
				    .html = true,
				    .attachments = true,
				    .attachment_size = -1};
	c.gate.limits = (struct limits){.sync_max_collections = 10, .sync_max_items = 512};
	c.gate.limits.sync_max_bytes = m->sync_max_bytes;
	if (!wbxml_decode(a, bytes, &wbxml_default_limits, &root, &e)) {
		model_wrong("the request can't be read: %s", e.text);
		return out;
	}
	c.root = root;
	m->db_calls = 0;
	m->looked_up = 0;
	server_enter_both();
	handler(&c);
	server_await();
	if (m->in_transaction)
		model_wrong("a transaction is left open");
	if (c.waiter)
		waiter_free(&c.waiter);
	out.ok = answer.status == 200;
	if (answer.content_type && !wbxml_finish(&c.out))
		model_wrong("an answer can't be written");
	if (!out.ok || c.err.kind)
		model_trace("  failed: %d %s", answer.status, c.err.text);
	out.bytes =
		(struct str){arena_dup(a, answer.body.mem.p, answer.body.mem.n), answer.body.mem.n};
	if (answer.body.nrefs)
		model_wrong("a small message was streamed");
	body_free(&answer.body);
	return out;
}

static struct flow_answer flow_serve(struct arena *a, const struct sent *sent)
{
	m->serving = sent;
	struct flow_answer out =
		flow_serve_bytes(a, (struct str){sent->bytes, sent->n}, "Sync", flow_command_sync);
	m->serving = NULL;
	return out;
}

static struct flow_answer flow_serve_moving(struct arena *a, const struct moving *moving)
{
	return flow_serve_bytes(a, (struct str){moving->bytes, moving->n}, "MoveItems",
				flow_command_moveitems);
}

#endif
