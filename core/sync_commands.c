/*
 * sync_commands: what a device changed in a folder, and items that it wants to have whole (Fetch):
 * each command once, in their order, with its response. See sync.h for the contract.
 */
#include "core/sync_command.h"
#include "core/sync_meeting.h"

#include "core/base/arena.h"
#include "core/base/digest.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/item_text_form.h"
#include "store/ledger.h"
#include "store/pg.h"
#include "store/sms.h"
#include "store/sync_trouble.h"

/* ClientId and ServerId (MS-ASCMD 2.2.3.28.2, 2.2.3.175). */
enum { ID_MAX = 64 };

/* What a copy of a ledger may take. */
enum { LEDGER_MOST = 64 << 20 };

struct runner {
	struct call *call;
	struct sync_collection *col;
	bool carefully;		/* each command can be undone */
	bool failed;		/* one failed for its own sake */
	struct sync_done *done; /* carried out with this key, before and now */
	size_t ndone, nbefore;
	struct str *digests;	  /* of this request's commands; p NULL: of a Fetch */
	struct sync_added *added; /* of this request's Adds, before and now */
	size_t nadded;
	bool *fresh; /* of added: to be written */
};

/* ---- Recognising a repeat ---- */

static void put_tree(struct buf *out, const struct wbxml_node *node)
{
	for (; node; node = node->next) {
		buf_printf(out, "(%x %zu ", node->tag, node->text.n);
		buf_str(out, node->text);
		put_tree(out, node->first);
		buf_byte(out, ')');
	}
}

static struct str digest_of(struct arena *a, const struct wbxml_node *command)
{
	unsigned char digest[DIGEST_SIZE];
	struct buf text = {0};
	buf_printf(&text, "%x", command->tag);
	put_tree(&text, command->first);
	digest_sha256(buf_get(&text), digest);
	buf_free(&text);
	return (struct str){arena_dup(a, digest, sizeof digest), sizeof digest};
}

/*
 * "Change 1:1:345", for the second of its kind and content in one request "Change 1:1:345 2": read,
 * unread and read again are three edits.
 */
static struct str reference_of(struct runner *r, size_t place, const struct wbxml_node *command,
			       struct str id)
{
	unsigned before = 0;
	for (size_t i = 0; i < place; i++)
		before += str_eq(r->digests[i], r->digests[place]);
	const char *kind = wbxml_tag_name(command->tag);
	int shown = (int)(id.n < 100 ? id.n : 100);
	if (before == 0)
		return str_of(arena_printf(r->call->arena, "%s %.*s", kind, shown, id.p));
	return str_of(arena_printf(r->call->arena, "%s %.*s %u", kind, shown, id.p, before + 1));
}

static const struct sync_done *find_done(const struct runner *r, struct str reference,
					 struct str digest)
{
	for (size_t i = 0; i < r->ndone; i++)
		if (str_eq(r->done[i].reference, reference) && str_eq(r->done[i].digest, digest))
			return &r->done[i];
	return NULL;
}

/* The Add as it is remembered, each once. */
static struct sync_added *find_added(const struct runner *r, struct str client_id,
				     struct str digest)
{
	for (size_t i = 0; i < r->nadded; i++)
		if (str_eq(r->added[i].client_id, client_id) && str_eq(r->added[i].digest, digest))
			return &r->added[i];
	return NULL;
}

/* ---- Carrying out ---- */

/* Whether the id names an item of this folder, as it is now. */
static bool find_id(const struct runner *r, struct str text, struct server_id *out)
{
	const struct folder *f = &r->col->ledger->folder;
	return server_id_parse(text, out) && out->folder == f->id && out->epoch == f->epoch;
}

/* The folder that deleted items go to; 0: there is none, this is it, it is for mail that is kept.
 */
static bool find_trash(const struct sync_command *x, int32_t *out)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	const struct folder *self = &x->col->ledger->folder;
	struct folder *folders;
	size_t n;
	*out = 0;
	if (!x->col->asked->deletes_as_moves || self->role == ROLE_TRASH ||
	    self->class != CLASS_EMAIL || x->id.uid >= NOTE_FIRST)
		return true;
	if (!store->ops->folders(store, c->arena, c->gate.account, &folders, &n, &c->err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (folders[i].role == ROLE_TRASH)
			*out = folders[i].id;
	return true;
}

/* Deleting what is gone already is no failure: it is what the device wanted. */
static bool delete_item(struct sync_command *x)
{
	struct call *c = x->call;
	struct store *store = c->session->store;
	int32_t trash = 0;
	int64_t gone, new_uid, new_modseq;
	if (!find_trash(x, &trash))
		return false;
	enum found found = trash ? store->ops->move(store, c->gate.account, x->id.folder, x->id.uid,
						    trash, &gone, &new_uid, &new_modseq, &c->err)
				 : store->ops->remove(store, c->gate.account, x->id.folder,
						      x->id.uid, &gone, &c->err);
	if (found == FOUND_ONE)
		ledger_echo(c->arena, x->col->ledger, x->id.uid, 0, gone);
	return found != FOUND_FAILED || sync_command_fail(x);
}

static bool change_item(struct sync_command *x)
{
	if (!wbxml_child(x->node, AirSync_ApplicationData)) {
		x->response->status = SYNC_PROTOCOL;
		return true;
	}
	return x->col->ledger->folder.class == CLASS_EMAIL ? sync_mail_change(x)
							   : sync_item_change(x);
}

static bool remove_item(struct sync_command *x)
{
	return wbxml_child(x->node, AirSyncBase_InstanceId) &&
			       x->col->ledger->folder.class != CLASS_EMAIL
		       ? sync_item_remove_instance(x)
		       : delete_item(x);
}

static bool add_item(struct sync_command *x)
{
	struct call *c = x->call;
	if (!wbxml_child(x->node, AirSync_ApplicationData)) {
		x->response->status = SYNC_PROTOCOL;
		return true;
	}
	bool ok = x->col->ledger->folder.class == CLASS_EMAIL ? sync_mail_add(x) : sync_item_add(x);
	if (ok && x->response->status == STATUS_OK)
		x->response->server_id = server_id_text(c->arena, x->id);
	return ok;
}

static bool carry_out(struct runner *r, const struct wbxml_node *node,
		      struct sync_response *response, struct sync_added *added)
{
	struct sync_command x = {
		.call = r->call, .col = r->col, .node = node, .response = response, .added = added};
	response->status = STATUS_OK;
	if (node->tag != AirSync_Add && !find_id(r, response->server_id, &x.id)) {
		response->status = SYNC_NOT_FOUND;
		return true;
	}
	if (sync_sms_is(&x)) {
		bool done = sync_sms_run(&x);
		if (done && node->tag == AirSync_Add && response->status == STATUS_OK)
			response->server_id = server_id_text(r->call->arena, x.id);
		return done;
	}
	struct str before;
	if (!sync_meeting_before(&x, &before))
		return false;
	bool ok = node->tag == AirSync_Add	? add_item(&x)
		  : node->tag == AirSync_Change ? change_item(&x)
						: remove_item(&x);
	return ok && sync_meeting_after(&x, before);
}

/* ---- Alone ---- */

/* The log has what the device's user can't know. */
static void log_refused(const struct runner *r, const struct sync_response *response)
{
	struct log_line l;
	log_begin(&l, LOG_WARNING, "command-refused");
	log_str(&l, "user", r->call->gate.address);
	log_str(&l, "device", r->call->request->eas.device_id);
	log_int(&l, "folder", r->col->ledger->folder_id);
	log_cstr(&l, "command", wbxml_tag_name(response->tag));
	log_int(&l, "status", response->status);
	log_err(&l, &r->call->err);
	log_end(&l);
}

/*
 * It is no server that is away, no login that is not good any more, and not the memory of the
 * request that is used up.
 */
static bool is_its_own(const struct call *c)
{
	return c->err.kind != ERR_UNAVAILABLE && c->err.kind != ERR_LOGIN &&
	       !arena_overflowed(c->arena);
}

static const char point[] = "command";

/* Nothing has happened but that the command has its status. */
static bool undo(struct runner *r, struct sync_response *response, const struct ledger *before)
{
	struct call *c = r->call;
	struct err e = {0};
	if (!is_its_own(c))
		return false;
	if (!pg_undo(c->session->db, point, &e)) {
		c->err = e;
		return false;
	}
	*r->col->ledger = ledger_copy(c->arena, before);
	response->status = sync_command_status(response->tag, c->err.kind);
	log_refused(r, response);
	err_clear(&c->err);
	return true;
}

static bool carry_out_carefully(struct runner *r, const struct wbxml_node *node,
				struct sync_response *response, struct sync_added *added)
{
	struct call *c = r->call;
	struct arena *aside = arena_new(LEDGER_MOST);
	struct ledger before = ledger_copy(aside, r->col->ledger);
	bool ok = !arena_overflowed(aside) && pg_savepoint(c->session->db, point, &c->err) &&
		  (carry_out(r, node, response, added) || undo(r, response, &before)) &&
		  pg_release(c->session->db, point, &c->err);
	arena_free(&aside);
	return ok;
}

static bool carry_out_alone(struct runner *r, const struct wbxml_node *node,
			    struct sync_response *response, struct sync_added *added)
{
	if (r->carefully && pg_in_transaction(r->call->session->db))
		return carry_out_carefully(r, node, response, added);
	bool ok = carry_out(r, node, response, added);
	r->failed = !ok && is_its_own(r->call);
	return ok;
}

/* ---- Once for each key and content ---- */

/* An Add that came before: the device has the item, though it may not know it yet. */
static bool tell_known(struct sync_command *x)
{
	struct ledger *l = x->col->ledger;
	struct item item;
	x->response->status = STATUS_OK;
	if (x->id.uid >= SMS_FIRST || uidset_has(&l->base.held, x->id.uid))
		return true;
	if (sync_command_look_up(x, &item) == FOUND_FAILED)
		return false;
	/* Changed, it is told as it is now; or, when it is gone, that it is. */
	ledger_added_item(x->call->arena, l, x->id.uid, item.modseq,
			  !item.gone && item.modseq == x->added->modseq);
	x->response->status = STATUS_OK;
	return true;
}

/*
 * Finds the item of an Add that came before. The folder's uids may have changed since: then it is
 * known by its name, and when that is nowhere, it is made once more. Text messages have numbers of
 * their own.
 */
static enum found find_known(struct sync_command *x)
{
	const struct folder *f = &x->col->ledger->folder;
	if (!server_id_parse(x->added->server_id, &x->id) || x->id.folder != f->id)
		return FOUND_NONE;
	if (x->id.epoch == f->epoch || x->id.uid >= SMS_FIRST) {
		x->id.epoch = f->epoch;
		return FOUND_ONE;
	}
	if (wbxml_child(x->response->sent, Email2_Send)) {
		sync_item_set_gone(x); /* a draft that was sent is not sent again */
		return FOUND_ONE;
	}
	enum found found = sync_item_find_added(x);
	return found == FOUND_NONE ? sync_item_find_elsewhere(x) : found;
}

/* FOUND_NONE: it is to be carried out. */
static enum found add_known(struct runner *r, struct sync_response *response,
			    struct sync_added *added)
{
	struct sync_command x = {
		.call = r->call, .col = r->col, .response = response, .added = added};
	enum found found = find_known(&x);
	if (found != FOUND_ONE)
		return found;
	if (!tell_known(&x))
		return FOUND_FAILED;
	response->server_id = server_id_text(r->call->arena, x.id);
	if (!str_eq(response->server_id, added->server_id)) {
		added->server_id = response->server_id;
		added->modseq = 0;
		r->fresh[added - r->added] = true;
	}
	return FOUND_ONE;
}

static bool run_once(struct runner *r, size_t place, const struct wbxml_node *command,
		     struct sync_response *response)
{
	struct str id = command->tag == AirSync_Add ? response->client_id : response->server_id;
	struct sync_done done = {
		.n = r->col->ledger->base.n,
		.reference = reference_of(r, place, command, id.p ? id : STR("")),
		.digest = r->digests[place],
	};
	struct sync_added *added = command->tag == AirSync_Add
					   ? find_added(r, response->client_id, done.digest)
					   : NULL;
	enum found known = added && added->server_id.n ? add_known(r, response, added) : FOUND_NONE;
	if (known != FOUND_NONE)
		return known == FOUND_ONE;
	const struct sync_done *before = find_done(r, done.reference, done.digest);
	if (before) {
		response->status = (unsigned)before->status;
		return true;
	}
	if (!carry_out_alone(r, command, response, added))
		return false;
	if (added && response->status == STATUS_OK) {
		added->server_id = response->server_id;
		added->modseq = r->col->ledger->folder.modseq;
		r->fresh[added - r->added] = true;
		return true;
	}
	done.status = (int)response->status;
	r->done[r->ndone++] = done;
	return true;
}

/* The item as the device is to have it is told again, when the device's edit was refused. */
static bool set_back(struct runner *r, const struct sync_response *response)
{
	struct sync_response ignored = {0};
	struct sync_command x = {.call = r->call, .col = r->col, .response = &ignored};
	struct item item;
	if (response->status == STATUS_OK || response->tag == AirSync_Fetch ||
	    response->tag == AirSync_Add || !find_id(r, response->server_id, &x.id))
		return true;
	enum found found = sync_command_look_up(&x, &item);
	if (found != FOUND_ONE)
		return found == FOUND_NONE;
	if (response->tag == AirSync_Delete && !wbxml_child(response->sent, AirSyncBase_InstanceId))
		ledger_bring_back(r->col->ledger, x.id.uid);
	else
		ledger_send_again(r->col->ledger, x.id.uid);
	return true;
}

static bool fetch_item(struct runner *r, struct sync_response *response)
{
	struct sync_command x = {.call = r->call, .col = r->col, .response = response};
	response->status = STATUS_OK;
	/* In quarantine there is nothing to be had. */
	if (r->call->gate.quarantined || !find_id(r, response->server_id, &x.id)) {
		response->status = SYNC_NOT_FOUND;
		return true;
	}
	response->fetched.kind = CHANGE_ADD;
	return sync_command_look_up(&x, &response->fetched.item) != FOUND_FAILED;
}

/* ---- All of a collection's commands ---- */

static bool is_command(unsigned tag)
{
	return tag == AirSync_Add || tag == AirSync_Change || tag == AirSync_Delete ||
	       tag == AirSync_Fetch;
}

static void read_command(struct runner *r, const struct wbxml_node *node)
{
	size_t place = r->col->nresponses++;
	struct str client_id = wbxml_child_text(node, AirSync_ClientId);
	r->col->responses[place] = (struct sync_response){.tag = node->tag, .sent = node};
	if (node->tag != AirSync_Fetch)
		r->digests[place] = digest_of(r->call->arena, node);
	if (node->tag != AirSync_Add) {
		r->col->responses[place].server_id = wbxml_child_text(node, AirSync_ServerId);
		return;
	}
	r->col->responses[place].client_id = client_id;
	if (!find_added(r, client_id, r->digests[place]))
		r->added[r->nadded++] =
			(struct sync_added){.client_id = client_id, .digest = r->digests[place]};
}

static bool load_added(struct runner *r)
{
	struct call *c = r->call;
	return r->nadded == 0 ||
	       ledger_added(c->session->db, c->arena, c->gate.account, c->gate.device,
			    r->col->ledger->folder_id, r->added, r->nadded, &c->err);
}

static bool load_done(struct runner *r, size_t room)
{
	struct call *c = r->call;
	struct sync_done *stored;
	int32_t account = c->gate.account, device = c->gate.device;
	if (!ledger_done(c->session->db, c->arena, account, device, r->col->ledger->folder_id,
			 r->col->ledger->base.n, &stored, &r->nbefore, &c->err))
		return false;
	r->ndone = r->nbefore;
	r->done = arena_array(c->arena, r->ndone + room, sizeof *r->done);
	if (r->ndone)
		memcpy(r->done, stored, r->ndone * sizeof *stored);
	if (r->col->adds) {
		r->added = r->col->adds;
		return true;
	}
	return load_added(r);
}

static bool record_added(const struct runner *r)
{
	struct call *c = r->call;
	struct sync_added *fresh = arena_array(c->arena, r->nadded, sizeof *fresh);
	size_t n = 0;
	for (size_t i = 0; i < r->nadded; i++)
		if (r->fresh[i])
			fresh[n++] = r->added[i];
	return n == 0 ||
	       ledger_record_added(c->session->db, c->arena, c->gate.account, c->gate.device,
				   r->col->ledger->folder_id, fresh, n, &c->err);
}

static bool record(const struct runner *r)
{
	struct call *c = r->call;
	if (r->ndone > r->nbefore &&
	    !ledger_record(c->session->db, c->arena, c->gate.account, c->gate.device,
			   r->col->ledger->folder_id, r->done + r->nbefore, r->ndone - r->nbefore,
			   &c->err))
		return false;
	return record_added(r);
}

/* False: there is one whose response could not say which one it is for. */
static bool read_commands(struct runner *r)
{
	struct arena *a = r->call->arena;
	const struct wbxml_node *commands = r->col->asked->commands;
	unsigned count = wbxml_count(commands);
	r->col->nresponses = 0;
	r->digests = arena_array(a, count, sizeof *r->digests);
	r->added = arena_array(a, count, sizeof *r->added);
	r->fresh = arena_array(a, count, sizeof *r->fresh);
	r->col->responses = arena_array(a, count, sizeof *r->col->responses);
	for (const struct wbxml_node *n = commands->first; n; n = n->next) {
		unsigned id = n->tag == AirSync_Add ? AirSync_ClientId : AirSync_ServerId;
		struct str text = wbxml_child_text(n, id);
		if (is_command(n->tag) && (text.n == 0 || text.n > ID_MAX || !text_is_xml(text)))
			return false;
		if (is_command(n->tag))
			read_command(r, n);
	}
	return true;
}

bool sync_commands_intend(struct call *c, struct sync_collection *col)
{
	struct runner r = {.call = c, .col = col};
	if (!read_commands(&r))
		return true;
	if (!load_added(&r))
		return false;
	for (size_t i = 0; i < r.nadded; i++) {
		struct sync_added *added = &r.added[i];
		added->repeated = added->name.n && !added->server_id.n;
		r.fresh[i] = !added->name.n && !added->server_id.n;
		if (r.fresh[i])
			added->name = item_random_uid(c->arena);
	}
	col->adds = r.added;
	return record_added(&r);
}

static bool run_all(struct runner *r)
{
	struct sync_response *v = r->col->responses;
	size_t n = r->col->nresponses;
	bool ok = true;
	for (size_t i = 0; ok && i < n; i++)
		ok = v[i].tag == AirSync_Fetch ? fetch_item(r, &v[i])
					       : run_once(r, i, v[i].sent, &v[i]);
	for (size_t i = 0; ok && i < n; i++)
		ok = set_back(r, &v[i]);
	return ok;
}

enum sync_ran sync_commands_run(struct call *c, struct sync_collection *col, bool carefully)
{
	struct runner r = {.call = c, .col = col, .carefully = carefully};
	if (!read_commands(&r)) {
		col->status = SYNC_PROTOCOL;
		return SYNC_RAN;
	}
	if (load_done(&r, col->nresponses) && run_all(&r) && record(&r))
		return SYNC_RAN;
	return r.failed ? SYNC_COMMAND_FAILED : SYNC_GIVEN_UP;
}
