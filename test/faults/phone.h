/*
 * phone: the model of a device: what it holds, what was done on it and not told yet, the request
 * that it waits for or repeats.
 */
#ifndef EASEL_TEST_FAULTS_PHONE_H
#define EASEL_TEST_FAULTS_PHONE_H

#include "test/faults/flow.h"
#include "test/faults/world.h"

/* ---- What it holds ---- */

static struct phone_item *phone_find(struct phone_folder *f, int64_t uid)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->items[i].uid == uid)
			return &f->items[i];
	return NULL;
}

static void phone_put(struct phone_folder *f, int64_t uid, unsigned flags)
{
	struct phone_item *old = phone_find(f, uid);
	if (!old && f->n == ITEMS_MAX) {
		model_wrong("the phone is full");
		return;
	}
	if (!old)
		old = &f->items[f->n++];
	*old = (struct phone_item){uid, flags, -1};
}

static void phone_drop(struct phone_folder *f, int64_t uid)
{
	struct phone_item *old = phone_find(f, uid);
	if (old)
		*old = f->items[--f->n];
}

static void phone_do(struct phone_folder *f, const struct edit *e)
{
	if (e->kind == EDIT_ADD && !phone_find(f, e->uid)) {
		phone_put(f, e->uid, e->after);
		phone_find(f, e->uid)->number = e->number;
	}
	struct phone_item *item = phone_find(f, e->uid);
	if (!item)
		return;
	switch (e->kind) {
	case EDIT_READ:
		item->flags |= ITEM_SEEN;
		break;
	case EDIT_UNREAD:
		item->flags &= ~(unsigned)ITEM_SEEN;
		break;
	case EDIT_FLAG:
		item->flags |= ITEM_FLAGGED;
		break;
	case EDIT_UNFLAG:
		item->flags &= ~(unsigned)ITEM_FLAGGED;
		break;
	case EDIT_DELETE:
		phone_drop(f, e->uid);
		break;
	case EDIT_ADD:
		break;
	}
}

/* Something is made on the phone. */
static void phone_make(int at)
{
	struct phone_folder *f = &m->phone[at];
	struct edit *e = &m->edits[m->nedits];
	*e = (struct edit){.kind = EDIT_ADD, .folder = at, .epoch = f->epoch, .number = m->nedits};
	e->uid = -1 - m->nedits;
	e->after = chance(2) * ITEM_SEEN;
	if (!kind_is_split()) /* else occurrences are told of later, one by one */
		e->after |= chance(2) * ITEM_FLAGGED;
	model_trace("phone: makes %d", m->nedits);
	f->queue.v[f->queue.n++] = m->nedits++;
	phone_do(f, e);
}

/* Whether it is being moved elsewhere. */
static bool phone_moves(int at, int64_t uid)
{
	for (int i = 0; m->moving.bytes && m->moving.from == at && i < m->moving.count; i++)
		if (m->moving.uid[i] == uid)
			return true;
	return false;
}

static void phone_edit_item(int at, const struct phone_item *chosen, enum edit_kind kind)
{
	struct phone_folder *f = &m->phone[at];
	struct edit *e = &m->edits[m->nedits];
	*e = (struct edit){.kind = kind, .folder = at, .epoch = f->epoch};
	e->uid = chosen->uid;
	e->number = chosen->number;
	m->removed += kind == EDIT_DELETE;
	model_trace("phone: edit %d, kind %d of %d:%lld", m->nedits, (int)e->kind, at,
		    (long long)e->uid);
	f->queue.v[f->queue.n++] = m->nedits++;
	phone_do(f, e);
	if (e->kind != EDIT_DELETE)
		e->after = phone_find(f, e->uid)->flags;
}

/* Whoever uses the phone reads, flags or deletes something. */
static void phone_edit(void)
{
	int at = (int)chance(FOLDERS);
	struct phone_folder *f = &m->phone[at];
	bool makes = !kind_is_mail() && percent(30);
	if (f->queue.n >= 100 || m->nedits == EDITS_MAX || (f->n == 0 && !makes))
		return;
	if (makes) {
		phone_make(at);
		return;
	}
	const struct phone_item *chosen = &f->items[chance((unsigned)f->n)];
	if (chosen->uid < 0 || phone_moves(at, chosen->uid))
		return;
	phone_edit_item(at, chosen,
			percent(15) ? EDIT_DELETE : (enum edit_kind)chance(EDIT_DELETE));
}

/* Everything is forgotten, and what was not told yet with it. */
static void phone_reset(int at)
{
	struct phone_folder *f = &m->phone[at];
	struct edit_list old = f->queue;
	f->n = 0;
	f->queue.n = 0;
	/* But for what was made on it and not answered. */
	for (int i = 0; i < old.n; i++)
		if (m->edits[old.v[i]].kind == EDIT_ADD) {
			f->queue.v[f->queue.n++] = old.v[i];
			phone_do(f, &m->edits[old.v[i]]);
		}
	strcpy(f->key, "0");
	m->crashed[at] = false;
	model_trace("phone: folder %d starts afresh", at);
}

/* ---- Asking ---- */

static void phone_free_sent(struct sent *s)
{
	free(s->bytes);
	*s = (struct sent){0};
}

static struct sent phone_copy_sent(const struct sent *s)
{
	struct sent copy = *s;
	copy.bytes = base_malloc(s->n);
	memcpy(copy.bytes, s->bytes, s->n);
	return copy;
}

static void phone_write_flag(struct wbxml_out *w, bool set)
{
	wbxml_begin(w, Email_Flag);
	if (set) {
		wbxml_cstr(w, Email_Status, "2");
		wbxml_cstr(w, Email_FlagType, "for follow up");
	}
	wbxml_end(w);
}

static void phone_write_edit(struct wbxml_out *w, const struct edit *e)
{
	char id[64];
	if (e->kind == EDIT_ADD) {
		snprintf(id, sizeof id, "c%d", e->number);
		wbxml_begin(w, AirSync_Add);
		wbxml_cstr(w, AirSync_ClientId, id);
		wbxml_begin(w, AirSync_ApplicationData);
		kind_write(w, e->after, e->number, true);
		wbxml_end(w);
		wbxml_end(w);
		return;
	}
	snprintf(id, sizeof id, "%d:%d:%lld", (int)m->folder[e->folder], (int)e->epoch,
		 (long long)e->uid);
	wbxml_begin(w, e->kind == EDIT_DELETE ? AirSync_Delete : AirSync_Change);
	wbxml_cstr(w, AirSync_ServerId, id);
	bool one = kind_is_split() && (e->kind == EDIT_FLAG || e->kind == EDIT_UNFLAG);
	if (one)
		wbxml_cstr(w, AirSyncBase_InstanceId, KIND_OCCURRENCE);
	if (e->kind != EDIT_DELETE) {
		wbxml_begin(w, AirSync_ApplicationData);
		if (one)
			kind_write_occurrence(w, e->after);
		else if (!kind_is_mail())
			kind_write(w, e->after, e->number, false);
		else if (e->kind == EDIT_READ || e->kind == EDIT_UNREAD)
			wbxml_cstr(w, Email_Read, e->kind == EDIT_READ ? "1" : "0");
		else
			phone_write_flag(w, e->kind == EDIT_FLAG);
		wbxml_end(w);
	}
	wbxml_end(w);
}

static unsigned phone_window(void)
{
	static const unsigned windows[] = {1, 2, 3, 5, 10, 20, 100, 512};
	return windows[chance(sizeof windows / sizeof *windows)];
}

static void phone_write_collection(struct wbxml_out *w, int at, bool calm, struct sent *out)
{
	struct phone_folder *f = &m->phone[at];
	struct sync_options options = sync_options_standard;
	out->asked[at] = true;
	out->zero[at] = strcmp(f->key, "0") == 0;
	options.filter = f->filter;
	out->cutoff[at] = sync_options_cutoff(&options, m->now);
	out->window[at] = phone_window();
	wbxml_begin(w, AirSync_Collection);
	wbxml_cstr(w, AirSync_SyncKey, f->key);
	wbxml_int(w, AirSync_CollectionId, m->folder[at]);
	if (out->zero[at] && kind_may_ghost())
		wbxml_empty(w, AirSync_Supported);
	wbxml_int(w, AirSync_DeletesAsMoves, chance(2));
	if (!out->zero[at] && !calm && percent(10))
		wbxml_int(w, AirSync_GetChanges, 0);
	wbxml_int(w, AirSync_WindowSize, out->window[at]);
	wbxml_begin(w, AirSync_Options);
	wbxml_int(w, AirSync_FilterType, f->filter);
	wbxml_int(w, AirSync_Conflict, f->conflict);
	wbxml_end(w);
	if (f->queue.n && !out->zero[at]) {
		wbxml_begin(w, AirSync_Commands);
		for (int i = 0; i < f->queue.n; i++)
			phone_write_edit(w, &m->edits[f->queue.v[i]]);
		wbxml_end(w);
		out->edits[at] = f->queue;
	}
	wbxml_end(w);
}

/* A new request; calm ones ask for everything of both folders. */
static struct sent phone_write(bool calm)
{
	struct sent out = {.all_windows = percent(20) ? phone_window() : LEDGER_ALL};
	struct body body = {0};
	struct wbxml_out w;
	unsigned both = calm ? 0 : chance(4); /* 0, 1: both folders */
	wbxml_start(&w, &body);
	wbxml_begin(&w, AirSync_Sync);
	wbxml_begin(&w, AirSync_Collections);
	for (int i = 0; i < FOLDERS; i++)
		if (both < 2 || (int)both - 2 == i)
			phone_write_collection(&w, i, calm, &out);
	wbxml_end(&w);
	if (out.all_windows < LEDGER_ALL)
		wbxml_int(&w, AirSync_WindowSize, out.all_windows);
	wbxml_end(&w);
	if (!wbxml_finish(&w))
		model_wrong("a request can't be written");
	out.n = body.mem.n;
	out.bytes = base_malloc(out.n);
	memcpy(out.bytes, body.mem.p, out.n);
	body_free(&body);
	return out;
}

/* ---- Taking an answer ---- */

/* uid and epoch of a ServerId of the folder. */
static bool phone_read_id(int at, const struct wbxml_node *node, int64_t *uid)
{
	struct server_id id;
	struct phone_folder *f = &m->phone[at];
	if (!server_id_parse(wbxml_child_text(node, AirSync_ServerId), &id) ||
	    id.folder != m->folder[at]) {
		model_wrong("a ServerId of folder %d can't be read", at);
		return false;
	}
	bool bare = true;
	for (size_t i = 0; i < f->n; i++)
		bare = bare && f->items[i].uid < 0;
	if (bare)
		f->epoch = id.epoch;
	*uid = id.uid;
	if (id.epoch == f->epoch)
		return true;
	model_wrong("items of two epochs in folder %d", at);
	return false;
}

static unsigned phone_read_flags(const struct wbxml_node *node)
{
	const struct wbxml_node *data = wbxml_child(node, AirSync_ApplicationData);
	const struct wbxml_node *flag = wbxml_child(data, Email_Flag);
	unsigned flags = 0;
	int number = -1;
	if (!kind_is_mail()) {
		kind_read(data ? data->first : NULL, &flags, &number);
		return flags;
	}
	if (str_eq(wbxml_child_text(data, Email_Read), STR("1")))
		flags |= ITEM_SEEN;
	if (str_eq(wbxml_child_text(flag, Email_Status), STR("2")))
		flags |= ITEM_FLAGGED;
	return flags;
}

/* Whether the phone itself has deleted the item and not told so yet. */
static bool phone_deleted(const struct phone_folder *f, int64_t uid)
{
	for (int i = 0; i < f->queue.n; i++) {
		const struct edit *e = &m->edits[f->queue.v[i]];
		if (e->uid == uid && e->kind == EDIT_DELETE)
			return true;
	}
	return false;
}

static void phone_take(int at, const struct wbxml_node *node)
{
	struct phone_folder *f = &m->phone[at];
	int64_t uid;
	if (!phone_read_id(at, node, &uid))
		return;
	model_trace("  %d:%lld %s %u", at, (long long)uid, wbxml_tag_name(node->tag),
		    phone_read_flags(node));
	if (node->tag == AirSync_Delete || node->tag == AirSync_SoftDelete) {
		phone_drop(f, uid);
		return;
	}
	if (node->tag == AirSync_Change && !phone_find(f, uid)) {
		if (!m->crashed[at] && !m->moving.bytes && !phone_deleted(f, uid))
			model_wrong("a Change of %d:%lld, which the phone has not", at,
				    (long long)uid);
		return;
	}
	const struct wbxml_node *data = wbxml_child(node, AirSync_ApplicationData);
	unsigned ignored = 0;
	phone_put(f, uid, phone_read_flags(node));
	if (!kind_is_mail())
		kind_read(data ? data->first : NULL, &ignored, &phone_find(f, uid)->number);
	/* What was done on the phone meanwhile holds until the server knows of it. */
	for (int i = 0; i < f->queue.n; i++)
		if (m->edits[f->queue.v[i]].uid == uid) {
			phone_do(f, &m->edits[f->queue.v[i]]);
			if (phone_find(f, uid))
				m->edits[f->queue.v[i]].after = phone_find(f, uid)->flags;
		}
}

/* The answer has come: what went with the request is told, and has to be done. */
static void phone_acknowledge(int at, const struct sent *sent)
{
	for (int i = 0; i < sent->edits[at].n; i++) {
		struct edit *e = &m->edits[sent->edits[at].v[i]];
		/* What became of a text shows when all is at rest. */
		e->done |= !kind_is_mail() && e->kind < EDIT_DELETE;
		if (!e->done)
			model_wrong("edit %d of %d:%lld was answered and never done",
				    sent->edits[at].v[i], at, (long long)e->uid);
		list_remove(&m->phone[at].queue, sent->edits[at].v[i]);
	}
}

/* A flag is refused when somebody else has changed the item: then it is told as it is. */
static bool phone_may_lose(int at, int64_t uid, const struct sent *sent)
{
	/* Of either folder, since what is deleted is moved to the other one. */
	if (m->may_refuse[0] || m->may_refuse[1])
		return true;
	if (m->phone[at].conflict == CONFLICT_CLIENT)
		return false;
	for (int i = 0; i < sent->edits[at].n; i++) {
		const struct edit *e = &m->edits[sent->edits[at].v[i]];
		bool loses = kind_is_mail() ? e->kind == EDIT_FLAG || e->kind == EDIT_UNFLAG
					    : e->kind < EDIT_DELETE;
		if (e->uid == uid && loses)
			return model_touched(at, uid) || m->crashed[at] ||
			       /* Without a transaction its own edit may be unknown. */
			       (!kind_is_mail() && !m->db);
	}
	return false;
}

/* What the phone has made gets its number; it may have been told of it before. */
static void phone_read_added(int at, const struct wbxml_node *r)
{
	struct phone_folder *f = &m->phone[at];
	int number = atoi(wbxml_child_text(r, AirSync_ClientId).p + 1);
	struct edit *e = &m->edits[number];
	int64_t uid;
	if (!str_eq(wbxml_child_text(r, AirSync_Status), STR("1"))) {
		if (!m->may_refuse[at])
			model_wrong("what the phone has made is refused");
		e->done = true;
		phone_drop(f, e->uid);
		return;
	}
	if (!phone_read_id(at, r, &uid))
		return;
	struct phone_item *item = phone_find(f, e->uid);
	e->done = true;
	if (phone_find(f, uid))
		phone_drop(f, e->uid);
	else if (item)
		item->uid = uid;
	model_trace("  %d:%lld is what was made as %d", at, (long long)uid, number);
}

/* Edits of what is gone are answered with a status; nothing is to be done about those. */
static void phone_read_responses(int at, const struct wbxml_node *responses,
				 const struct sent *sent)
{
	const struct wbxml_node *r = responses ? responses->first : NULL;
	for (; r; r = r->next) {
		int64_t uid;
		struct str status = wbxml_child_text(r, AirSync_Status);
		if (r->tag == AirSync_Add) {
			phone_read_added(at, r);
			continue;
		}
		if (!phone_read_id(at, r, &uid))
			return;
		bool lost = str_eq(status, STR("7")) && phone_may_lose(at, uid, sent);
		m->refused += lost;
		if (!str_eq(status, STR("8")) && !lost)
			model_wrong("status %.*s for %d:%lld", (int)status.n, status.p, at,
				    (long long)uid);
		for (int i = 0; i < sent->edits[at].n; i++)
			if (m->edits[sent->edits[at].v[i]].uid == uid)
				m->edits[sent->edits[at].v[i]].done = true;
	}
}

/* Status 3: everything afresh. There is no reason for any other one. */
static void phone_refused(int at, struct str status, bool crashes)
{
	if (!str_eq(status, STR("3")))
		model_wrong("folder %d: status %.*s", at, (int)status.n, status.p);
	else if (!m->may_restart[at])
		model_wrong("folder %d: the key is refused without a reason", at);
	else if (!crashes) {
		phone_reset(at);
		m->may_restart[at] = false;
	}
}

/* No item is told of twice in one answer, unless somebody changed it while that was made. */
static void phone_check_once(int at, const struct wbxml_node *commands)
{
	const struct wbxml_node *first = commands && !m->race ? commands->first : NULL;
	for (const struct wbxml_node *n = first; n; n = n->next)
		for (const struct wbxml_node *k = n->next; k; k = k->next)
			if (str_eq(wbxml_child_text(n, AirSync_ServerId),
				   wbxml_child_text(k, AirSync_ServerId)))
				model_wrong("folder %d: %s is told of twice in one answer", at,
					    wbxml_child_text(n, AirSync_ServerId).p);
}

static void phone_take_commands(int at, const struct wbxml_node *commands, unsigned *most)
{
	const struct wbxml_node *n = commands ? commands->first : NULL;
	phone_check_once(at, commands);
	for (; n && *most; n = n->next, (*most)--) {
		phone_take(at, n);
		m->told[at]++;
	}
}

/* Nothing of an answer holds when the phone crashed over it, but the commands it had taken. */
static void phone_read_collection(const struct wbxml_node *node, const struct sent *sent,
				  bool crashes, unsigned *most)
{
	int64_t id = 0;
	str_to_i64(wbxml_child_text(node, AirSync_CollectionId), &id);
	int at = folder_index(id);
	struct str key = wbxml_child_text(node, AirSync_SyncKey);
	struct str status = wbxml_child_text(node, AirSync_Status);
	const struct wbxml_node *commands = wbxml_child(node, AirSync_Commands);
	if (at < 0 || !sent->asked[at]) {
		model_wrong("an answer for a folder that was not asked for");
		return;
	}
	model_trace(" answer %d: key %.*s status %.*s%s", at, (int)key.n, key.p, (int)status.n,
		    status.p, wbxml_child(node, AirSync_MoreAvailable) ? " more" : "");
	m->news[at] = commands || wbxml_child(node, AirSync_MoreAvailable);
	if (!str_eq(status, STR("1"))) {
		phone_refused(at, status, crashes);
		return;
	}
	m->crashed[at] |= crashes;
	if (wbxml_count(commands) > sent->window[at])
		model_wrong("folder %d: %u commands in a window of %u", at, wbxml_count(commands),
			    sent->window[at]);
	if (!crashes) {
		phone_read_responses(at, wbxml_child(node, AirSync_Responses), sent);
		phone_acknowledge(at, sent);
	}
	phone_take_commands(at, commands, most);
	if (!crashes)
		snprintf(m->phone[at].key, sizeof m->phone[at].key, "%.*s", (int)key.n, key.p);
}

/* Takes the answer, or its first `most` commands, and then crashes. False: there was none. */
static bool phone_read(struct arena *a, struct flow_answer answer, const struct sent *sent,
		       unsigned most)
{
	bool crashes = most != UINT32_MAX;
	struct wbxml_node *root;
	struct err e = {0};
	for (int i = 0; i < FOLDERS; i++)
		m->news[i] = false;
	m->refused = 0;
	if (!answer.ok)
		return false;
	if (answer.bytes.n == 0) {
		for (int i = 0; i < FOLDERS; i++)
			if (sent->edits[i].n)
				model_wrong("edits were answered with nothing");
		return true;
	}
	if (!wbxml_decode(a, answer.bytes, &wbxml_default_limits, &root, &e)) {
		model_wrong("the answer can't be read: %s", e.text);
		return true;
	}
	const struct wbxml_node *all = wbxml_child(root, AirSync_Collections);
	unsigned commands = 0;
	if (!all)
		return false;
	for (const struct wbxml_node *n = all->first; n; n = n->next) {
		commands += wbxml_count(wbxml_child(n, AirSync_Commands));
		phone_read_collection(n, sent, crashes, &most);
	}
	if (commands > sent->all_windows)
		model_wrong("%u commands in a window of %u", commands, sent->all_windows);
	return true;
}

/* ---- Exchanges ---- */

/* Edits of a request that was given up for another one go with that. */
static struct sent phone_next(bool calm)
{
	if (m->last.bytes && percent(60))
		return phone_copy_sent(&m->last);
	return phone_write(calm);
}

/* A request that was held up on its way comes in now; nobody waits for its answer. */
static void phone_deliver_stalled(void)
{
	if (!m->nstalled)
		return;
	int which = (int)chance((unsigned)m->nstalled);
	struct sent late = m->stalled[which];
	struct arena *a = arena_new(ROWS_CAP);
	m->stalled[which] = m->stalled[--m->nstalled];
	model_trace("a stalled request comes in");
	for (int i = 0; i < FOLDERS; i++)
		m->may_restart[i] |= late.asked[i] && late.zero[i];
	flow_serve(a, &late);
	arena_free(&a);
	phone_free_sent(&late);
}

/*
 * Another request of the phone is served before the one that is on its way: the same once more, or
 * one that was held up. Its answer is lost.
 */
static void phone_other_request(void)
{
	const struct sent *serving = m->serving;
	unsigned calls = m->db_calls, race = m->race;
	if (!serving && !m->nstalled)
		return;
	m->nested = true;
	m->race = 0;
	model_trace("  another request is served first");
	if (m->nstalled && (!serving || percent(50))) {
		phone_deliver_stalled();
	} else {
		struct arena *a = arena_new(ROWS_CAP);
		flow_serve(a, serving);
		arena_free(&a);
	}
	m->serving = serving;
	m->db_calls = calls;
	m->race = race;
	m->nested = false;
}

static void phone_serve_twice(const struct sent *sent)
{
	struct arena *a = arena_new(ROWS_CAP);
	model_trace(" the request comes in twice");
	flow_serve(a, sent);
	arena_free(&a);
}

static void phone_arm_fault(void)
{
	if (m->pool && percent(50)) {
		server_kill();
		return;
	}
	if (percent(50) || m->db) {
		m->db_fault_at = 1 + chance(12);
		m->db_done = percent(40);
		model_trace(" call %u of the database fails%s", m->db_fault_at,
			    m->db_done ? " once it is done" : "");
		return;
	}
	unsigned nth = 1 + chance(12);
	m->fault = percent(50) ? FAKE_FAIL : FAKE_DO_THEN_FAIL;
	fake_set_fault(m->others, m->fault, nth);
	model_trace(" call %u of the store fails%s", nth,
		    m->fault == FAKE_FAIL ? "" : " once it is done");
}

static void phone_disarm(void)
{
	m->db_fault_at = 0;
	if (m->fault)
		fake_set_fault(m->others, FAKE_NONE, 0);
	m->fault = FAKE_NONE;
}

static void phone_answered(const struct sent *sent)
{
	for (int i = 0; i < FOLDERS; i++)
		if (sent->asked[i])
			m->phone[i].cutoff = sent->cutoff[i];
	phone_free_sent(&m->last);
}

/* A request in a world without faults; an answer always comes. */
static void phone_sync_calmly(void)
{
	struct arena *a = arena_new(ROWS_CAP);
	struct sent sent = phone_next(true);
	model_trace("phone: syncs calmly");
	if (!phone_read(a, flow_serve(a, &sent), &sent, UINT32_MAX))
		model_wrong("a calm request failed");
	phone_answered(&sent);
	phone_free_sent(&sent);
	arena_free(&a);
}

/* One that a call of the database may keep from being carried out; its answer is lost. */
static void phone_sync_in_vain(void)
{
	struct arena *a = arena_new(ROWS_CAP);
	struct sent sent = phone_write(true);
	model_trace("phone: syncs in vain");
	m->last = phone_copy_sent(&sent);
	if (percent(60)) {
		m->db_fault_at = 4 + chance(12);
		m->db_done = percent(40);
	}
	flow_serve(a, &sent);
	phone_disarm();
	phone_free_sent(&sent);
	arena_free(&a);
}

/* A request with whatever can go wrong on its way. */
static void phone_sync(void)
{
	struct sent sent = phone_next(false);
	unsigned fate = chance(100);
	unsigned most = UINT32_MAX;
	phone_free_sent(&m->last);
	m->last = phone_copy_sent(&sent);
	model_trace("phone: syncs, keys %s %s, fate %u", m->phone[0].key, m->phone[1].key, fate);
	if (fate < 5) {
		phone_free_sent(&sent);
		return;
	}
	if (fate < 12 && m->nstalled < STALLED_MAX) {
		m->stalled[m->nstalled++] = sent;
		return;
	}
	struct arena *a = arena_new(ROWS_CAP);
	if (fate < 25)
		phone_arm_fault();
	else if (fate < 30)
		phone_serve_twice(&sent);
	else if (fate < 35 && (most = chance(4)) < 4)
		model_trace(" the phone will crash after %u commands", most);
	struct flow_answer answer = flow_serve(a, &sent);
	phone_disarm();
	if (fate >= (m->storm ? 45 : 85))
		model_trace(" the answer is lost");
	else if (phone_read(a, answer, &sent, most) && most == UINT32_MAX)
		phone_answered(&sent);
	arena_free(&a);
	phone_free_sent(&sent);
}

/* What GetItemEstimate says of a folder; -1: its key is not good. */
static int phone_estimate(int at)
{
	struct arena *a = arena_new(ROWS_CAP);
	struct body body = {0};
	struct wbxml_out w;
	struct wbxml_node *root;
	struct err e = {0};
	int64_t n = -1;
	wbxml_start(&w, &body);
	wbxml_begin(&w, GetItemEstimate_GetItemEstimate);
	wbxml_begin(&w, GetItemEstimate_Collections);
	wbxml_begin(&w, GetItemEstimate_Collection);
	wbxml_cstr(&w, AirSync_SyncKey, m->phone[at].key);
	wbxml_int(&w, GetItemEstimate_CollectionId, m->folder[at]);
	wbxml_begin(&w, AirSync_Options);
	wbxml_int(&w, AirSync_FilterType, m->phone[at].filter);
	wbxml_end(&w);
	wbxml_end(&w);
	wbxml_end(&w);
	wbxml_end(&w);
	if (!wbxml_finish(&w))
		model_wrong("a request can't be written");
	struct str bytes = {arena_dup(a, body.mem.p, body.mem.n), body.mem.n};
	body_free(&body);
	struct flow_answer answer =
		flow_serve_bytes(a, bytes, "GetItemEstimate", flow_command_getitemestimate);
	if (!answer.ok || !wbxml_decode(a, answer.bytes, &wbxml_default_limits, &root, &e))
		model_wrong("GetItemEstimate failed: %s", e.text);
	else
		str_to_i64(wbxml_child_text(wbxml_child(root->first, GetItemEstimate_Collection),
					    GetItemEstimate_Estimate),
			   &n);
	arena_free(&a);
	return (int)n;
}

/* ---- Moving ---- */

static bool phone_edits(const struct phone_folder *f, int64_t uid)
{
	for (int i = 0; i < f->queue.n; i++)
		if (m->edits[f->queue.v[i]].uid == uid)
			return true;
	return false;
}

/* Items to move, of which all is told that was done to them. */
static void phone_choose_moves(struct moving *out)
{
	out->from = (int)chance(FOLDERS);
	const struct phone_folder *f = &m->phone[out->from];
	for (int i = 0, n = 1 + (int)chance(MOVES_AT_ONCE); f->n && i < n; i++) {
		int64_t uid = f->items[chance((unsigned)f->n)].uid;
		bool again = false;
		for (int k = 0; k < out->count; k++)
			again |= out->uid[k] == uid;
		if (uid > 0 && !again && !phone_edits(f, uid))
			out->uid[out->count++] = uid;
	}
}

static void phone_write_moves(struct moving *x)
{
	struct body body = {0};
	struct wbxml_out w;
	wbxml_start(&w, &body);
	wbxml_begin(&w, Move_MoveItems);
	for (int i = 0; i < x->count; i++) {
		char id[64];
		snprintf(id, sizeof id, "%d:%d:%lld", (int)m->folder[x->from],
			 (int)m->phone[x->from].epoch, (long long)x->uid[i]);
		wbxml_begin(&w, Move_Move);
		wbxml_cstr(&w, Move_SrcMsgId, id);
		wbxml_int(&w, Move_SrcFldId, m->folder[x->from]);
		wbxml_int(&w, Move_DstFldId, m->folder[!x->from]);
		wbxml_end(&w);
		model_trace(" %s to folder %d", id, !x->from);
	}
	wbxml_end(&w);
	if (!wbxml_finish(&w))
		model_wrong("a request can't be written");
	x->n = body.mem.n;
	x->bytes = base_malloc(x->n);
	memcpy(x->bytes, body.mem.p, x->n);
	body_free(&body);
}

/* Whether the phone has deleted it and not said so yet. */
static bool phone_has_deleted(const struct phone_folder *f, int64_t uid)
{
	for (int i = 0; i < f->queue.n; i++) {
		const struct edit *e = &m->edits[f->queue.v[i]];
		if (e->kind == EDIT_DELETE && e->epoch == f->epoch && e->uid == uid)
			return true;
	}
	return false;
}

/* An item is in its new place. Of a folder that has other ids now, all will be told afresh. */
static void phone_moved(int from, int64_t uid, struct str now)
{
	struct server_id id;
	struct phone_folder *f = &m->phone[!from];
	const struct phone_item *old = phone_find(&m->phone[from], uid);
	struct phone_item was = old ? *old : (struct phone_item){.number = -1};
	if (!server_id_parse(now, &id) || id.folder != m->folder[!from]) {
		model_wrong("DstMsgId can't be read");
		return;
	}
	phone_drop(&m->phone[from], uid);
	model_trace("  %d:%lld is %.*s", from, (long long)uid, STR_ARG(now));
	bool bare = true;
	for (size_t i = 0; i < f->n; i++)
		bare = bare && f->items[i].uid < 0;
	if (bare)
		f->epoch = id.epoch;
	if (strcmp(f->key, "0") == 0 || id.epoch != f->epoch || phone_find(f, id.uid) ||
	    phone_has_deleted(f, id.uid))
		return;
	phone_put(f, id.uid, was.flags);
	phone_find(f, id.uid)->number = was.number;
}

static void phone_free_moving(struct moving *x)
{
	free(x->bytes);
	*x = (struct moving){0};
}

/* What is refused is not remembered: the same request, coming in later, would be another try. */
static void phone_not_moved(int from, int64_t uid)
{
	model_trace("  %d:%lld may not be moved", from, (long long)uid);
	phone_free_moving(&m->stalled_moving);
}

/* False: there was no answer. */
static bool phone_read_moves(struct arena *a, struct flow_answer answer, const struct moving *x)
{
	struct wbxml_node *root;
	struct err e = {0};
	int n = 0;
	if (!answer.ok)
		return false;
	if (!wbxml_decode(a, answer.bytes, &wbxml_default_limits, &root, &e)) {
		model_wrong("the answer can't be read: %s", e.text);
		return true;
	}
	for (const struct wbxml_node *r = root->first; r; r = r->next) {
		struct str status = wbxml_child_text(r, Move_Status);
		if (r->tag != Move_Response)
			return false;
		bool refuses = m->may_refuse[0] || m->may_refuse[1];
		if (str_eq(status, STR("3")))
			phone_moved(x->from, x->uid[n], wbxml_child_text(r, Move_DstMsgId));
		else if (str_eq(status, STR("5")) && refuses)
			phone_not_moved(x->from, x->uid[n]);
		else if (!str_eq(status, STR("1")))
			model_wrong("a move has status %.*s", STR_ARG(status));
		else
			model_trace("  %d:%lld is not there", x->from, (long long)x->uid[n]);
		n++;
	}
	if (n != x->count)
		model_wrong("%d of %d moves were answered", n, x->count);
	return true;
}

static bool phone_start_moving(void)
{
	struct moving x = {0};
	if (m->moving.bytes)
		return true;
	for (int i = 0; i < FOLDERS; i++)
		if (strcmp(m->phone[i].key, "0") == 0)
			return false;
	phone_choose_moves(&x);
	if (x.count)
		phone_write_moves(&x);
	m->moving = x;
	return x.count > 0;
}

static void phone_serve_moving_unseen(const struct moving *x)
{
	struct arena *a = arena_new(ROWS_CAP);
	model_trace(" moves come in, and nobody sees the answer");
	flow_serve_moving(a, x);
	arena_free(&a);
}

/* Something is moved, or was and nobody said so yet. The phone asks until it gets an answer. */
static void phone_move(bool calm)
{
	unsigned fate = calm ? 50 : chance(100);
	if (m->stalled_moving.bytes && fate < 20) {
		phone_serve_moving_unseen(&m->stalled_moving);
		phone_free_moving(&m->stalled_moving);
	}
	model_trace("phone: moves, fate %u", fate);
	if (!phone_start_moving())
		return;
	if (fate < 10 && !m->stalled_moving.bytes) {
		m->stalled_moving = m->moving;
		m->stalled_moving.bytes = base_malloc(m->moving.n);
		memcpy(m->stalled_moving.bytes, m->moving.bytes, m->moving.n);
		return;
	}
	if (fate < 20)
		phone_serve_moving_unseen(&m->moving);
	struct arena *a = arena_new(ROWS_CAP);
	if (fate >= 20 && fate < 35)
		phone_arm_fault();
	struct flow_answer answer = flow_serve_moving(a, &m->moving);
	phone_disarm();
	if (fate >= 75)
		model_trace(" the answer is lost");
	else if (phone_read_moves(a, answer, &m->moving))
		phone_free_moving(&m->moving);
	else if (calm)
		model_wrong("a calm move failed");
	arena_free(&a);
}

static void phone_set_filter(void)
{
	int at = (int)chance(FOLDERS);
	m->phone[at].filter = kind_filter();
	model_trace("phone: folder %d has filter %d", at, m->phone[at].filter);
}

#endif
