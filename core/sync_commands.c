/*
 * sync_commands: what a device changed in a folder of mail: read state and flags, deletions; and
 * items that it wants to have whole (Fetch). See sync.h for the contract.
 */
#include "core/sync.h"

#include "core/base/arena.h"
#include "core/base/digest.h"
#include "core/email.h"
#include "core/server_id.h"
#include "store/ledger.h"

struct runner {
	struct call *call;
	struct sync_collection *col;
	struct sync_done *done; /* carried out before with this key */
	size_t ndone;
	struct str *seen; /* digests of this request's commands so far */
	size_t nseen;
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

static void digest_of(const struct wbxml_node *command, unsigned char digest[DIGEST_SIZE])
{
	struct buf text = {0};
	buf_printf(&text, "%x", command->tag);
	put_tree(&text, command->first);
	digest_sha256(buf_get(&text), digest);
	buf_free(&text);
}

/*
 * "Change 1:1:345", for the second of its kind and content in one request "Change 1:1:345 2": read,
 * unread and read again are three edits.
 */
static struct str reference_of(struct runner *r, const struct wbxml_node *command, struct str id,
			       struct str digest)
{
	unsigned before = 0;
	for (size_t i = 0; i < r->nseen; i++)
		before += str_eq(r->seen[i], digest);
	r->seen[r->nseen++] = digest;
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

/* ---- Carrying out ---- */

/* Status for the item: STATUS_OK and the id, or why the id names none of this folder. */
static unsigned find_id(const struct runner *r, struct str text, struct server_id *out)
{
	const struct folder *f = &r->col->ledger->folder;
	if (!server_id_parse(text, out) || out->folder != f->id || out->epoch != f->epoch)
		return SYNC_NOT_FOUND;
	return STATUS_OK;
}

/* FOUND_FAILED fails the whole request. */
static enum found look_up(struct runner *r, int64_t uid, struct item *out)
{
	struct call *c = r->call;
	struct store *store = c->session->store;
	struct items items;
	if (!store->ops->lookup(store, c->arena, c->gate.account, r->col->ledger->folder_id, &uid,
				1, &items, &c->err))
		return FOUND_FAILED;
	*out = items.v[0];
	return out->gone ? FOUND_NONE : FOUND_ONE;
}

static bool change_item(struct runner *r, const struct wbxml_node *command,
			struct sync_response *response)
{
	struct call *c = r->call;
	struct store *store = c->session->store;
	const struct wbxml_node *data = wbxml_child(command, AirSync_ApplicationData);
	struct server_id id;
	struct email_change change;
	struct item old;
	struct err e = {0};
	int64_t before, after;
	response->status = data ? find_id(r, response->server_id, &id) : SYNC_PROTOCOL;
	if (response->status != STATUS_OK)
		return true;
	if (!email_change_decode(c->arena, data, c->version, &change, &e)) {
		response->status = SYNC_CONVERSION;
		return true;
	}
	enum found found = look_up(r, id.uid, &old);
	if (found == FOUND_ONE) {
		struct str marks = {NULL, 0};
		if (email_change_has_marks(&change))
			marks = email_change_marks(c->arena, &change, old.marks);
		found = store->ops->set_flags(
			store, c->gate.account, id.folder, id.uid, change.set, change.clear,
			email_change_has_marks(&change) ? &marks : NULL, &before, &after, &c->err);
	}
	if (found == FOUND_NONE)
		response->status = SYNC_NOT_FOUND;
	if (found == FOUND_ONE)
		ledger_echo(c->arena, r->col->ledger, id.uid, before, after);
	return found != FOUND_FAILED;
}

/* The folder that deleted items go to; 0: there is none, or this is it. */
static bool find_trash(struct runner *r, int32_t *out)
{
	struct call *c = r->call;
	struct store *store = c->session->store;
	struct folder *folders;
	size_t n;
	*out = 0;
	if (r->col->ledger->folder.role == ROLE_TRASH)
		return true;
	if (!store->ops->folders(store, c->arena, c->gate.account, &folders, &n, &c->err))
		return false;
	for (size_t i = 0; i < n; i++)
		if (folders[i].role == ROLE_TRASH)
			*out = folders[i].id;
	return true;
}

/* Deleting what is gone already is no failure: it is what the device wanted. */
static bool delete_item(struct runner *r, const struct wbxml_node *command,
			struct sync_response *response)
{
	struct call *c = r->call;
	struct store *store = c->session->store;
	struct server_id id;
	int32_t trash = 0;
	int64_t gone, new_uid, new_modseq;
	(void)command;
	response->status = find_id(r, response->server_id, &id);
	if (response->status != STATUS_OK)
		return true;
	if (r->col->asked->deletes_as_moves && !find_trash(r, &trash))
		return false;
	enum found found = trash ? store->ops->move(store, c->gate.account, id.folder, id.uid,
						    trash, &gone, &new_uid, &new_modseq, &c->err)
				 : store->ops->remove(store, c->gate.account, id.folder, id.uid,
						      &gone, &c->err);
	if (found == FOUND_ONE)
		ledger_echo(c->arena, r->col->ledger, id.uid, 0, gone);
	return found != FOUND_FAILED;
}

static bool fetch_item(struct runner *r, struct sync_response *response)
{
	struct server_id id;
	response->status = find_id(r, response->server_id, &id);
	if (response->status != STATUS_OK)
		return true;
	response->fetched.kind = CHANGE_ADD;
	enum found found = look_up(r, id.uid, &response->fetched.item);
	if (found == FOUND_NONE)
		response->status = SYNC_NOT_FOUND;
	return found != FOUND_FAILED;
}

/* A message made on the phone: only drafts of later versions are, and those are not taken here. */
static bool add_item(struct runner *r, const struct wbxml_node *command,
		     struct sync_response *response)
{
	(void)r;
	response->client_id = wbxml_child_text(command, AirSync_ClientId);
	response->server_id = (struct str){NULL, 0};
	response->status = response->client_id.n ? SYNC_CONVERSION : SYNC_PROTOCOL;
	return true;
}

static bool carry_out(struct runner *r, const struct wbxml_node *command,
		      struct sync_response *response)
{
	switch (command->tag) {
	case AirSync_Change:
		return change_item(r, command, response);
	case AirSync_Delete:
		return delete_item(r, command, response);
	default:
		return add_item(r, command, response);
	}
}

/* Once for each key and content. */
static bool run_once(struct runner *r, const struct wbxml_node *command,
		     struct sync_response *response)
{
	struct call *c = r->call;
	unsigned char digest[DIGEST_SIZE];
	struct str id = response->server_id.p ? response->server_id
					      : wbxml_child_text(command, AirSync_ClientId);
	digest_of(command, digest);
	struct str kept = {arena_dup(c->arena, digest, sizeof digest), sizeof digest};
	struct sync_done done = {
		.n = r->col->ledger->base.n,
		.reference = reference_of(r, command, id.p ? id : STR(""), kept),
		.digest = kept,
	};
	const struct sync_done *before = find_done(r, done.reference, done.digest);
	if (before) {
		response->status = (unsigned)before->status;
		response->client_id = wbxml_child_text(command, AirSync_ClientId);
		return true;
	}
	if (!carry_out(r, command, response))
		return false;
	done.status = (int)response->status;
	r->done[r->ndone++] = done;
	return ledger_record(c->session->db, c->arena, c->gate.account, c->gate.device,
			     r->col->ledger->folder_id, &done, &c->err);
}

static bool is_command(unsigned tag)
{
	return tag == AirSync_Add || tag == AirSync_Change || tag == AirSync_Delete ||
	       tag == AirSync_Fetch;
}

static bool load_done(struct runner *r, size_t room)
{
	struct call *c = r->call;
	struct sync_done *stored;
	if (!ledger_done(c->session->db, c->arena, c->gate.account, c->gate.device,
			 r->col->ledger->folder_id, r->col->ledger->base.n, &stored, &r->ndone,
			 &c->err))
		return false;
	r->done = arena_array(c->arena, r->ndone + room, sizeof *r->done);
	if (r->ndone)
		memcpy(r->done, stored, r->ndone * sizeof *stored);
	return true;
}

bool sync_commands_run(struct call *c, struct sync_collection *col)
{
	struct runner r = {.call = c, .col = col};
	const struct wbxml_node *commands = col->asked->commands;
	unsigned count = wbxml_count(commands);
	r.seen = arena_array(c->arena, count, sizeof *r.seen);
	col->responses = arena_array(c->arena, count, sizeof *col->responses);
	if (!load_done(&r, count))
		return false;
	for (const struct wbxml_node *n = commands->first; n; n = n->next) {
		if (!is_command(n->tag))
			continue;
		struct sync_response *response = &col->responses[col->nresponses++];
		response->tag = n->tag;
		response->server_id = wbxml_child_text(n, AirSync_ServerId);
		bool ok = n->tag == AirSync_Fetch ? fetch_item(&r, response)
						  : run_once(&r, n, response);
		if (!ok)
			return false;
	}
	return true;
}
