/*
 * Sync (MS-ASCMD 2.2.1.21): what the device changed in its folders, and what it is to be told.
 *
 * The way of a request: find each collection's state by its key; carry out the device's commands
 * and record them (first commit); list what to tell, encode it, write the answer's row (second
 * commit); send. A request without commands whose folders have not changed writes nothing and is
 * answered with an empty body, or waits if it asked to.
 */
#include "core/sync.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/caps.h"
#include "core/collections.h"
#include "core/imap_login.h"
#include "core/smartsync.h"
#include "store/device.h"
#include "store/pg.h"

struct sync {
	unsigned claimed; /* pg_connection() that holds the claim: it is lost with it */
	struct sync_request request;
	struct sync_collection *v; /* one for each that was asked for */
	struct ledger *ledgers;
	int64_t *folders;
	struct smartsync smart;
	bool failed;	/* one of the commands, for its own sake; */
	bool carefully; /* so all are run again, so that it can be undone alone */
};

/* Below 12.1 there is no Status but that of a collection. */
static void answer_refusal(struct call *c, struct sync_refusal refusal)
{
	if (c->version < 121) {
		call_common(c, STATUS_INVALID_XML);
		return;
	}
	call_answer_status(c, refusal.status);
	if (refusal.limit)
		wbxml_int(&c->out, AirSync_Limit, refusal.limit);
}

/* Of a collection that an empty request stands for: the last key that was given out. */
static struct str newest_key(struct call *c, const struct ledger *l)
{
	char key[SYNCKEY_TEXT];
	if (!l->base_found)
		return STR("");
	int32_t n = l->nanswers ? l->answers[l->nanswers - 1].state.n : l->base.n;
	return str_of(arena_strdup(c->arena, synckey_format(l->epoch, n, key)));
}

static bool load(struct call *c, struct sync *s)
{
	size_t n = s->request.n;
	s->folders = arena_array(c->arena, n, sizeof *s->folders);
	s->ledgers = arena_array(c->arena, n, sizeof *s->ledgers);
	s->v = arena_array(c->arena, n, sizeof *s->v);
	for (size_t i = 0; i < n; i++)
		s->folders[i] = s->request.v[i].folder;
	if (!ledger_load(c->session->db, c->arena, c->gate.account, c->gate.device, s->folders, n,
			 s->ledgers, &c->err))
		return false;
	for (size_t i = 0; i < n; i++) {
		s->v[i] = (struct sync_collection){.asked = &s->request.v[i],
						   .ledger = &s->ledgers[i]};
		if (!s->request.v[i].key.p)
			s->request.v[i].key = newest_key(c, &s->ledgers[i]);
		collections_know(c->session->store, c->gate.account, &s->ledgers[i].folder);
	}
	return true;
}

/* The options that hold for a collection: as sent, else as kept, else the standard ones. */
static unsigned find_options(struct call *c, struct sync_collection *col)
{
	struct err e = {0};
	const struct ledger *l = col->ledger;
	const struct sync_asked *asked = col->asked;
	struct sync_options kept = sync_options_standard;
	if (l->base_found && !sync_options_from_json(l->base.options, &kept, &e))
		return SYNC_KEY_INVALID;
	col->options = kept;
	if (asked->options &&
	    !sync_options_decode(asked->options, c->version, l->folder.class, &col->options, &e))
		return e.kind == ERR_UNSUPPORTED ? STATUS_BODY_PART_TYPE : SYNC_PROTOCOL;
	if (asked->names_mode && l->folder.class != CLASS_EMAIL)
		return SYNC_PROTOCOL;
	col->options.conversations = asked->names_mode ? asked->conversations : kept.conversations;
	caps_options(&c->gate.caps, &l->folder, &col->options);
	col->cutoff = caps_cutoff(&c->gate.caps, &l->folder, &col->options, clock_now());
	return STATUS_OK;
}

/* What the device says that it keeps of items of this folder (MS-ASCMD 2.2.3.179). */
static struct supported read_supported(struct call *c, const struct wbxml_node *node)
{
	struct supported out = {.sent = node != NULL};
	out.v = arena_array(c->arena, wbxml_count(node), sizeof *out.v);
	for (const struct wbxml_node *n = node ? node->first : NULL; n; n = n->next)
		if (wbxml_tag_name(n->tag))
			out.v[out.n++] = n->tag;
	return out;
}

/* Nothing of a note can be ghosted (MS-ASNOTE 3.2.5.3). */
static bool begins_wrongly(const struct sync_collection *col)
{
	return col->asked->asks_changes || col->asked->commands ||
	       (col->asked->supported && col->ledger->folder.class == CLASS_NOTES);
}

static void start(struct call *c, struct sync_collection *col)
{
	char key[SYNCKEY_TEXT];
	struct ledger *l = col->ledger;
	if (begins_wrongly(col)) {
		col->status = SYNC_PROTOCOL;
		return;
	}
	struct supported supported = read_supported(c, col->asked->supported);
	col->base_changed = ledger_start(c->arena, l, col->cutoff,
					 sync_options_to_json(c->arena, &col->options), &supported);
	col->restarted = true;
	col->key = str_of(arena_strdup(c->arena, synckey_format(l->epoch, l->base.n, key)));
}

/* As the options say, from what the base was made with. */
static void set_view(struct sync_collection *col)
{
	struct ledger *l = col->ledger;
	struct sync_options kept;
	struct err e = {0};
	struct ledger_view view = caps_view(&l->folder, &col->options, clock_now());
	struct ledger_view before = view;
	if (sync_options_from_json(l->base.options, &kept, &e))
		before = caps_view(&l->folder, &kept, clock_now());
	ledger_set_view(l, &view, &before);
}

static void resume(struct call *c, struct sync_collection *col, const struct synckey *key)
{
	struct ledger *l = col->ledger;
	enum resolved resolved = ledger_resolve(l, key);
	if (resolved == KEY_UNKNOWN || l->folder_epoch != l->folder.epoch) {
		col->status = SYNC_KEY_INVALID;
		return;
	}
	struct str options = sync_options_to_json(c->arena, &col->options);
	col->base_changed = resolved == KEY_ANSWERED || !str_eq(options, l->base.options) ||
			    col->cutoff < l->base.cutoff;
	ledger_set_cutoff(&l->base, col->cutoff);
	set_view(col);
	l->base.options = options;
	col->key = col->asked->key;
}

/* Below 14.0 a collection names its class (MS-ASCMD 2.2.3.27.6). */
static bool is_of_class(const struct call *c, const struct sync_collection *col)
{
	struct str named = col->asked->class;
	return c->version >= 140 || !named.n ||
	       str_eq(named, str_of(store_class_name(col->ledger->folder.class)));
}

/* Finds the state that a collection's key stands for. */
static void resolve(struct call *c, struct sync_collection *col)
{
	struct synckey key;
	col->status = STATUS_OK;
	if (!col->ledger->folder_found || !item_class_served(col->ledger->folder.class)) {
		col->status = SYNC_HIERARCHY;
		return;
	}
	if (col->asked->invalid || !is_of_class(c, col)) {
		col->status = SYNC_PROTOCOL;
		return;
	}
	if (!synckey_parse(col->asked->key, &key)) {
		col->status = SYNC_KEY_INVALID;
		return;
	}
	col->status = find_options(c, col);
	if (col->status != STATUS_OK)
		return;
	if (key.zero)
		start(c, col);
	else
		resume(c, col, &key);
}

/* Nothing was sent, nothing is written, nothing is to be told. */
static bool is_quiet(const struct sync_collection *col)
{
	return col->status == STATUS_OK && !col->restarted && !col->base_changed &&
	       !col->asked->commands && ledger_quiet(col->ledger, col->cutoff);
}

static bool all_quiet(struct call *c, struct sync *s)
{
	for (size_t i = 0; i < s->request.n; i++) {
		resolve(c, &s->v[i]);
		if (!is_quiet(&s->v[i]))
			return false;
	}
	return true;
}

/* ---- The device's commands: the first commit ---- */

/* Nothing is written once the claim was lost: another request may have it. */
static bool still_claimed(struct call *c, const struct sync *s)
{
	return pg_connection(c->session->db) == s->claimed ||
	       err_set(&c->err, ERR_UNAVAILABLE, "the database connection was lost on the way");
}

/* A store whose deeds can't be undone is told of them only when they are noted. */
static bool note_intents(struct call *c, const struct sync *s)
{
	struct pg *db = c->session->db;
	if (!c->session->store->ops->needs_intents)
		return true;
	if (!pg_begin(db, &c->err) || !still_claimed(c, s))
		return false;
	for (size_t i = 0; i < s->request.n; i++)
		if (s->v[i].status == STATUS_OK && s->v[i].asked->commands &&
		    !sync_commands_intend(c, &s->v[i]))
			return false;
	return pg_commit(db, &c->err);
}

static bool run_commands(struct call *c, struct sync *s)
{
	struct store *store = c->session->store;
	if (!s->request.has_commands)
		return true;
	if (!note_intents(c, s) || !store->ops->begin(store, &c->err) || !still_claimed(c, s))
		return false;
	for (size_t i = 0; i < s->request.n; i++) {
		struct sync_collection *col = &s->v[i];
		if (col->status != STATUS_OK || !col->asked->commands)
			continue;
		enum sync_ran ran = sync_commands_run(c, col, s->carefully);
		s->failed = ran == SYNC_COMMAND_FAILED;
		if (ran != SYNC_RAN || !ledger_save(c->session->db, c->arena, c->gate.account,
						    c->gate.device, col->ledger, NULL, &c->err))
			return false;
		col->base_changed = false;
	}
	return store->ops->commit(store, &c->err);
}

/* ---- What to tell ---- */

static bool collect(struct call *c, struct sync_collection *col, size_t *window)
{
	size_t most = (size_t)c->gate.limits.sync_max_items;
	if (c->gate.quarantined)
		return true;
	if (col->asked->window < most)
		most = col->asked->window;
	if (*window < most)
		most = *window;
	if (!ledger_collect(c->session->store, c->arena, c->gate.account, col->ledger, col->cutoff,
			    most, &col->changes, NULL, &c->err))
		return false;
	col->kept = col->changes.n;
	*window -= col->changes.n;
	return true;
}

static bool collect_all(struct call *c, struct sync *s)
{
	size_t window = smartsync_window(&s->smart, s->request.window);
	for (size_t i = 0; i < s->request.n; i++) {
		struct sync_collection *col = &s->v[i];
		col->changes = ledger_no_changes(col->ledger);
		if (col->status != STATUS_OK || col->restarted || !col->asked->get_changes)
			continue;
		/* With no room left, all that is asked is whether there is more. */
		if (!collect(c, col, &window))
			return false;
		smartsync_leave_out(&s->smart, col);
		col->left_out = col->changes.n == 0 && col->changes.more;
	}
	return true;
}

/* Whether the collection has to appear in the answer. */
static bool has_news(const struct sync_collection *col)
{
	return col->status != STATUS_OK || col->restarted || col->asked->commands ||
	       col->changes.n || col->changes.more;
}

/*
 * A repeated request whose earlier answer may be on the device gets an answer of its own even if
 * there is nothing in it, so that the newest outstanding one is always what the device has.
 */
static bool needs_new_key(const struct sync_collection *col)
{
	if (col->status != STATUS_OK || col->restarted)
		return false;
	if (col->left_out)
		return col->asked->commands != NULL;
	return col->changes.n || col->asked->commands || col->ledger->nanswers > 0 ||
	       col->changes.more;
}

static void encode_response(struct call *c, const struct sync_collection *col,
			    struct sync_response *r)
{
	struct sync_items *items;
	size_t bytes = SIZE_MAX, kept;
	bool fetched = r->tag == AirSync_Fetch && r->status == STATUS_OK;
	const struct wbxml_node *instance = wbxml_child(r->sent, AirSyncBase_InstanceId);
	struct err e = {0};
	struct wbxml_mark before = wbxml_mark(&c->out);
	wbxml_begin(&c->out, r->tag);
	/* Of an item that is not of the folder's class (MS-ASCMD 2.2.3.27.6). */
	if (r->tag == AirSync_Add && str_eq(wbxml_child_text(r->sent, AirSync_Class), STR("SMS")))
		wbxml_cstr(&c->out, AirSync_Class, "SMS");
	if (r->client_id.p)
		wbxml_text(&c->out, AirSync_ClientId, r->client_id);
	if (r->server_id.p)
		wbxml_text(&c->out, AirSync_ServerId, r->server_id);
	if (instance)
		wbxml_text(&c->out, AirSyncBase_InstanceId, instance->text);
	wbxml_int(&c->out, AirSync_Status, r->status);
	if (r->status == STATUS_OK && !fetched)
		sync_items_respond(c, col, r);
	if (fetched) {
		wbxml_begin(&c->out, AirSync_ApplicationData);
		if (!sync_items_load(c, col, &r->fetched, 1, &bytes, &kept, &items) ||
		    !sync_items_encode_data(c, col, items, 0, &e)) {
			wbxml_rollback(&c->out, before);
			r->status = e.kind == ERR_NOT_FOUND ? SYNC_NOT_FOUND : SYNC_CONVERSION;
			encode_response(c, col, r);
			return;
		}
		wbxml_end(&c->out);
	}
	wbxml_end(&c->out);
}

/* A Change or Delete that succeeded needs no response, but for new attachments (MS-ASCMD 2.2.3.24).
 */
static bool needs_response(const struct sync_response *r)
{
	const struct wbxml_node *data = wbxml_child(r->sent, AirSync_ApplicationData);
	return r->status != STATUS_OK || r->tag == AirSync_Add || r->tag == AirSync_Fetch ||
	       wbxml_child(wbxml_child(data, AirSyncBase_Attachments), AirSyncBase_Add);
}

static void encode_responses(struct call *c, struct sync_collection *col)
{
	bool any = false;
	for (size_t i = 0; i < col->nresponses; i++)
		any |= needs_response(&col->responses[i]);
	if (!any)
		return;
	wbxml_begin(&c->out, AirSync_Responses);
	for (size_t i = 0; i < col->nresponses; i++)
		if (needs_response(&col->responses[i]))
			encode_response(c, col, &col->responses[i]);
	wbxml_end(&c->out);
}

static bool is_removal(const struct change *change)
{
	return change->kind == CHANGE_DELETE || change->kind == CHANGE_SOFTDELETE;
}

static void encode_commands(struct call *c, struct sync_collection *col, struct sync_items *items)
{
	if (col->kept == 0)
		return;
	struct wbxml_mark before = wbxml_mark(&c->out);
	wbxml_begin(&c->out, AirSync_Commands);
	size_t start = c->out.body->mem.n;
	for (size_t i = 0; i < col->kept; i++)
		if (is_removal(&col->changes.v[i]))
			sync_items_encode(c, col, items, i);
	for (size_t i = 0; i < col->kept; i++)
		if (!is_removal(&col->changes.v[i]) && !col->changes.v[i].failed)
			sync_items_encode(c, col, items, i);
	/* All may have been left out: an empty element breaks clients. */
	if (c->out.body->mem.n == start)
		wbxml_rollback(&c->out, before);
	else
		wbxml_end(&c->out);
}

/* A device that is refused keeps the key that it has, but for one that is void. */
static struct str key_to_tell(const struct sync_collection *col)
{
	bool keeps = col->status == SYNC_PROTOCOL || col->status == STATUS_BODY_PART_TYPE;
	if (col->key.p)
		return col->key;
	return keeps && col->asked->key.n < SYNCKEY_TEXT ? col->asked->key : STR("0");
}

/* Below 12.1 the class comes first, as it does in the request. */
static void encode_head(struct call *c, const struct sync_collection *col)
{
	wbxml_begin(&c->out, AirSync_Collection);
	if (c->version < 121 && col->ledger->folder_found)
		wbxml_cstr(&c->out, AirSync_Class, store_class_name(col->ledger->folder.class));
	else if (c->version < 121 && col->asked->class.n)
		wbxml_text(&c->out, AirSync_Class, col->asked->class);
	wbxml_text(&c->out, AirSync_SyncKey, key_to_tell(col));
	wbxml_text(&c->out, AirSync_CollectionId, col->asked->id);
	wbxml_int(&c->out, AirSync_Status, col->status);
}

/* MoreAvailable stands behind Status and before Commands: Windows phones rely on it. */
static bool encode_collection(struct call *c, struct sync_collection *col, size_t *bytes)
{
	char key[SYNCKEY_TEXT];
	struct sync_items *items = NULL;
	if (col->changes.n &&
	    !sync_items_load(c, col, col->changes.v, col->changes.n, bytes, &col->kept, &items))
		return false;
	if (needs_new_key(col)) {
		synckey_format(col->ledger->epoch, col->ledger->last_n + 1, key);
		col->key = str_of(arena_strdup(c->arena, key));
		col->answered = true;
	}
	encode_head(c, col);
	if (col->changes.more || col->kept < col->changes.n)
		wbxml_empty(&c->out, AirSync_MoreAvailable);
	encode_responses(c, col);
	encode_commands(c, col, items);
	wbxml_end(&c->out);
	return true;
}

static bool encode(struct call *c, struct sync *s)
{
	size_t bytes = (size_t)c->gate.limits.sync_max_bytes;
	call_begin(c);
	wbxml_begin(&c->out, AirSync_Collections);
	c->status = STATUS_OK;
	for (size_t i = 0; i < s->request.n; i++) {
		struct sync_collection *col = &s->v[i];
		if (c->version >= 121 && !has_news(col) && !needs_new_key(col))
			continue;
		if (!encode_collection(c, col, &bytes))
			return false;
		if (col->status != STATUS_OK)
			c->status = col->status;
	}
	wbxml_end(&c->out);
	return true;
}

/* ---- The answer's row: the second commit ---- */

static bool save_collection(struct call *c, struct sync_collection *col)
{
	struct pg *db = c->session->db;
	int32_t account = c->gate.account, device = c->gate.device;
	struct ledger *l = col->ledger;
	if (col->restarted)
		return !col->base_changed ||
		       ledger_restart(db, c->arena, account, device, l, &c->err);
	if (col->answered) {
		struct sync_answer answer = ledger_answer(c->arena, l, &col->changes, col->kept);
		return ledger_save(db, c->arena, account, device, l, &answer, &c->err);
	}
	/* Nothing to tell: what was passed over on the way need not be looked at again. */
	if (!col->left_out && col->asked->get_changes)
		ledger_advance(l, &col->changes);
	return ledger_save(db, c->arena, account, device, l, NULL, &c->err);
}

/* Keeps the request for an empty one to come, unless it is the one that is kept. */
static bool remember(struct call *c, struct sync *s)
{
	for (size_t i = 0; i < s->request.n; i++)
		if (s->v[i].status != STATUS_OK)
			return true;
	struct str json = sync_request_to_json(c->arena, &s->request);
	if (str_eq(json, c->gate.sync_request))
		return true;
	return device_remember_sync(c->session->db, c->arena, c->gate.device, json, &c->err);
}

static bool save(struct call *c, struct sync *s)
{
	struct pg *db = c->session->db;
	if (!pg_begin(db, &c->err) || !still_claimed(c, s))
		return false;
	for (size_t i = 0; i < s->request.n; i++) {
		struct sync_collection *col = &s->v[i];
		if (col->status == STATUS_OK && !is_quiet(col) && !save_collection(c, col))
			return false;
	}
	return smartsync_save(c, &s->smart, s->v, s->request.n) && remember(c, s) &&
	       pg_commit(db, &c->err);
}

/* ---- Nothing to tell ---- */

/* An empty answer is 12.1's: before it, each collection is named with the key that it came with. */
static void answer_unchanged(struct call *c, const struct sync *s)
{
	call_begin(c);
	wbxml_begin(&c->out, AirSync_Collections);
	for (size_t i = 0; i < s->request.n; i++) {
		encode_head(c, &s->v[i]);
		wbxml_end(&c->out);
	}
	wbxml_end(&c->out);
	c->status = STATUS_OK;
}

static void wait_or_answer_empty(struct call *c, const struct sync *s)
{
	if (c->version < 121) {
		answer_unchanged(c, s);
		return;
	}
	if (s->request.wait == 0 || c->waited) {
		c->answer->content_type = NULL;
		body_free(&c->answer->body);
		c->status = STATUS_OK;
		return;
	}
	/* In quarantine there is nothing to fetch. */
	struct waiter *w = waiter_new(c->gate.quarantined ? 0 : s->request.n);
	w->kind = WAIT_SYNC;
	w->account = c->gate.account;
	w->device = c->gate.device;
	w->version = (uint16_t)c->version;
	w->since = c->request->started;
	w->deadline = c->request->started + (int64_t)s->request.wait * 1000;
	for (size_t i = 0; i < w->nfolders; i++)
		w->folders[i] = s->request.v[i].folder;
	c->waiter = w;
}

/* The gate has found already that there is nothing to do. */
static void answer_quiet(struct call *c, struct sync *s)
{
	s->v = arena_array(c->arena, s->request.n, sizeof *s->v);
	for (size_t i = 0; i < s->request.n; i++)
		s->v[i] = (struct sync_collection){
			.asked = &s->request.v[i], .status = STATUS_OK, .key = s->request.v[i].key};
	if (remember(c, s))
		wait_or_answer_empty(c, s);
	else
		call_fail(c, NULL);
}

static bool nothing_to_tell(const struct sync *s)
{
	for (size_t i = 0; i < s->request.n; i++)
		if (has_news(&s->v[i]) || needs_new_key(&s->v[i]))
			return false;
	return true;
}

/* What is in the recipient information cache is the server's choice alone (MS-ASCMD 2.2.3.7.2). */
static bool adds_recipients(const struct sync *s)
{
	bool adds = false;
	for (size_t i = 0; i < s->request.n; i++)
		adds = adds || (s->v[i].ledger->folder.role == ROLE_RECIPIENTS &&
				wbxml_child(s->v[i].asked->commands, AirSync_Add));
	return adds;
}

/* Everything under the claim of the folders. */
static bool run(struct call *c, struct sync *s)
{
	if (!load(c, s))
		return false;
	if (adds_recipients(s)) {
		answer_refusal(c, (struct sync_refusal){SYNC_PROTOCOL, 0});
		return true;
	}
	for (size_t i = 0; i < s->request.n; i++)
		resolve(c, &s->v[i]);
	if (!smartsync_begin(c, s->v, s->request.n, &s->smart) || !run_commands(c, s) ||
	    !collect_all(c, s))
		return false;
	if (nothing_to_tell(s)) {
		if (!save(c, s))
			return false;
		wait_or_answer_empty(c, s);
		return true;
	}
	c->answer->synced = c->gate.device;
	return encode(c, s) && save(c, s);
}

/* Of a command that the database refuses the others know nothing. */
static bool run_again(struct call *c, struct sync *s)
{
	if (!s->failed || s->carefully)
		return false;
	pg_rollback(c->session->db);
	err_clear(&c->err);
	s->carefully = true;
	return still_claimed(c, s) && run(c, s);
}

static bool claim(struct call *c, struct sync *s)
{
	int64_t *folders = arena_array(c->arena, s->request.n, sizeof *folders);
	for (size_t i = 0; i < s->request.n; i++)
		folders[i] = s->request.v[i].folder;
	if (!ledger_claim(c->session->db, c->arena, c->gate.device, folders, s->request.n, &c->err))
		return false;
	s->claimed = pg_connection(c->session->db);
	return true;
}

/* What the gate saw of folders on an IMAP server may be behind. */
static bool take_in(struct call *c, const struct sync *s)
{
	int32_t *folders = arena_array(c->arena, s->request.n, sizeof *folders);
	for (size_t i = 0; i < s->request.n; i++)
		folders[i] = s->request.v[i].folder;
	return s->request.n == 0 ||
	       imap_login_refresh(c->session, c->gate.account, folders, s->request.n, &c->err);
}

void command_sync(struct call *c)
{
	struct sync s = {0};
	struct pg *db = c->session->db;
	struct sync_refusal refusal = sync_request_read(c, &s.request);
	if (refusal.status) {
		answer_refusal(c, refusal);
		return;
	}
	if (c->gate.quiet && !imap_login_is(c->session, c->gate.account)) {
		answer_quiet(c, &s);
		return;
	}
	if (!take_in(c, &s)) {
		call_fail(c, NULL);
		return;
	}
	/* Most others find nothing either: no claim, one look; but not if the gate knows more. */
	if (!s.request.has_commands && (!c->foreseen || c->gate.quiet)) {
		if (!load(c, &s)) {
			call_fail(c, NULL);
			return;
		}
		if (all_quiet(c, &s)) {
			if (remember(c, &s))
				wait_or_answer_empty(c, &s);
			else
				call_fail(c, NULL);
			return;
		}
	}
	bool ok = claim(c, &s) && (run(c, &s) || run_again(c, &s));
	if (!ok) {
		pg_rollback(db);
		call_fail(c, NULL);
	}
	ledger_release(db);
}
