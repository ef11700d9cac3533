/* imap_tree: the account's tree made to agree with the server's. See imap_tree.h. */
#include "store/imap_tree.h"

#include "core/base/arena.h"
#include "store/imap_list.h"
#include "store/pg.h"

enum { TREE_CAP = 64 << 20 };

/* A folder as it is in the database; mailbox p NULL: it is none of the server's. */
struct known {
	int32_t id, parent;
	struct str name, role;
	struct imap_box box;
	bool matched;
};

struct tree {
	struct pg *db;
	struct imap_link *link;
	const struct imap_site *site;
	struct arena *a;
	int32_t account;
	struct imap_nodes nodes;
	int32_t *ids; /* of each node; 0: not in the tree yet */
	struct known *known;
	size_t nknown;
	bool first; /* never listed before */
};

/* ---- What is known ---- */

static PG_STATEMENT(imap_tree_known,
		    "SELECT f.id, f.parent_id, f.name, coalesce(f.role, ''), b.mailbox,"
		    " b.delimiter, b.selectable, b.uidvalidity, b.uidnext, coalesce(b.rights, '')"
		    " FROM easel.folder f LEFT JOIN easel.imap_folder b"
		    " ON b.account_id = f.account_id AND b.folder_id = f.id"
		    " WHERE f.account_id = $1 ORDER BY f.id");

static PG_STATEMENT(imap_tree_first, "SELECT listed_at IS NULL FROM easel.imap_account"
				     " WHERE account_id = $1 FOR UPDATE");

static PG_STATEMENT(imap_tree_listed,
		    "UPDATE easel.imap_account SET listed_at = now() WHERE account_id = $1");

static bool load_known(struct tree *t, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, t->account);
	struct pg_rows *r = pg_run(t->db, &imap_tree_known, &p, e);
	if (!r)
		return false;
	t->nknown = pg_count(r);
	t->known = arena_array(t->a, t->nknown, sizeof *t->known);
	for (size_t i = 0; i < t->nknown; i++) {
		struct known *k = &t->known[i];
		k->id = (int32_t)pg_get_int(r, i, 0);
		k->parent = (int32_t)pg_get_int(r, i, 1);
		k->name = pg_get_copy(t->a, r, i, 2);
		k->role = pg_get_copy(t->a, r, i, 3);
		if (pg_is_null(r, i, 4))
			continue;
		k->box.folder = k->id;
		k->box.mailbox = pg_get_copy(t->a, r, i, 4);
		k->box.delimiter = pg_get_copy(t->a, r, i, 5);
		k->box.selectable = pg_get_bool(r, i, 6);
		k->box.uidvalidity = (uint64_t)pg_get_int(r, i, 7);
		k->box.uidnext = (uint64_t)pg_get_int(r, i, 8);
		k->box.rights = pg_get_copy(t->a, r, i, 9);
	}
	pg_done(&r);
	return true;
}

/* Others that list the same account wait here until the end of the transaction. */
static bool claim(struct tree *t, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, t->account);
	struct pg_rows *r = pg_run(t->db, &imap_tree_first, &p, e);
	if (!r)
		return false;
	bool found = pg_count(r) == 1;
	t->first = found && pg_get_bool(r, 0, 0);
	pg_done(&r);
	return found || err_set(e, ERR_INTERNAL, "the account is none of the IMAP server's");
}

static struct known *find_known(struct tree *t, struct str mailbox)
{
	for (size_t i = 0; i < t->nknown; i++)
		if (t->known[i].box.mailbox.p && str_eq(t->known[i].box.mailbox, mailbox))
			return &t->known[i];
	return NULL;
}

static struct known *known_by_id(struct tree *t, int32_t id)
{
	for (size_t i = 0; i < t->nknown; i++)
		if (t->known[i].id == id)
			return &t->known[i];
	return NULL;
}

/* ---- STATUS of one ---- */

static bool on_status(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct imap_counts counts;
	(void)a;
	(void)e;
	if (imap_counts_read(r, &counts))
		*(struct imap_counts *)ctx = counts;
	return true;
}

/* FOUND_NONE: the server says that there is no such folder. */
static enum found ask_status(struct tree *t, struct str mailbox, struct imap_counts *out,
			     struct err *e)
{
	struct buf b = {0};
	struct imap_result result;
	*out = (struct imap_counts){.uidvalidity = -1, .uidnext = -1};
	buf_cstr(&b, "STATUS ");
	imap_put_string(&b, mailbox, imap_can(t->link->imap) & IMAP_CAN_LITERAL_PLUS);
	buf_cstr(&b, " (UIDVALIDITY UIDNEXT)");
	bool ok = imap_run(t->link->imap, buf_get(&b), on_status, out, &result, e);
	buf_free(&b);
	if (!ok)
		return FOUND_FAILED;
	return result.status == IMAP_OK ? FOUND_ONE : FOUND_NONE;
}

/* ---- Matching ---- */

static void match_names(struct tree *t)
{
	for (size_t i = 0; i < t->nodes.n; i++) {
		struct known *k = find_known(t, t->nodes.v[i].mailbox);
		if (!k)
			continue;
		k->matched = true;
		t->ids[i] = k->id;
	}
}

static bool any_lost(const struct tree *t)
{
	for (size_t i = 0; i < t->nknown; i++)
		if (t->known[i].box.mailbox.p && !t->known[i].matched)
			return true;
	return false;
}

/* The lost folder that a new one is under another name, by what can't be the same by chance. */
static struct known *find_renamed(struct tree *t, const struct imap_counts *counts)
{
	for (size_t i = 0; i < t->nknown; i++) {
		struct known *k = &t->known[i];
		if (k->box.mailbox.p && !k->matched && k->box.uidvalidity > 1 &&
		    counts->uidvalidity == (int64_t)k->box.uidvalidity &&
		    counts->uidnext >= (int64_t)k->box.uidnext)
			return k;
	}
	return NULL;
}

static PG_STATEMENT(imap_tree_rename, "UPDATE easel.imap_folder SET mailbox = $3::text"
				      " WHERE account_id = $1 AND folder_id = $2");

static bool match_renamed(struct tree *t, struct err *e)
{
	for (size_t i = 0; i < t->nodes.n && any_lost(t); i++) {
		struct imap_counts counts;
		if (t->ids[i] || !t->nodes.v[i].selectable)
			continue;
		if (ask_status(t, t->nodes.v[i].mailbox, &counts, e) == FOUND_FAILED)
			return false;
		struct known *k = find_renamed(t, &counts);
		if (!k)
			continue;
		struct pg_params p = {0};
		pg_int(&p, t->account);
		pg_int(&p, k->id);
		pg_text(&p, t->a, t->nodes.v[i].mailbox);
		if (!pg_do(t->db, &imap_tree_rename, &p, e))
			return false;
		k->matched = true;
		k->box.mailbox = t->nodes.v[i].mailbox;
		t->ids[i] = k->id;
	}
	return true;
}

/* ---- Taking off ---- */

static PG_STATEMENT(
	imap_tree_remove,
	"WITH i AS (DELETE FROM easel.item WHERE account_id = $1 AND folder_id = ANY ($2::integer[])) "
	"DELETE FROM easel.folder WHERE account_id = $1 AND id = ANY ($2)");

/* Whether the folder holds one that stays; those of other kinds stay too. */
static bool holds_others(struct tree *t, const struct known *k)
{
	for (size_t i = 0; i < t->nknown; i++)
		if (t->known[i].parent == k->id && t->known[i].matched)
			return true;
	return false;
}

/* Those that the server confirms to be gone, children before parents, since ids ascend downwards
 * only by and large: all in one statement. */
static bool remove_lost(struct tree *t, struct err *e)
{
	int64_t *gone = arena_array(t->a, t->nknown, sizeof *gone);
	size_t n = 0;
	for (size_t i = 0; i < t->nknown; i++) {
		struct known *k = &t->known[i];
		struct imap_counts counts;
		if (k->matched)
			continue;
		enum found found =
			k->box.selectable ? ask_status(t, k->box.mailbox, &counts, e) : FOUND_NONE;
		if (found == FOUND_FAILED)
			return false;
		/* An option of the site may hide what is there. */
		bool hidden = found == FOUND_ONE && (t->site->subscribed_only || t->site->own_only);
		if (found == FOUND_ONE && !hidden)
			k->matched = true;
		else
			gone[n++] = k->id;
	}
	for (bool again = true; again;) {
		again = false;
		for (size_t i = 0; i < n; i++) {
			struct known *k = known_by_id(t, (int32_t)gone[i]);
			if (!holds_others(t, k))
				continue;
			k->matched = again = true;
			gone[i--] = gone[--n];
		}
	}
	if (n == 0)
		return true;
	struct pg_params p = {0};
	pg_int(&p, t->account);
	pg_ints(&p, t->a, gone, n);
	return pg_do(t->db, &imap_tree_remove, &p, e);
}

/* ---- Putting in ---- */

static PG_STATEMENT(imap_tree_add,
		    "WITH f AS (SELECT easel.folder_create($1, nullif($2::integer, 0), $3::text,"
		    "	'Email', nullif($4::text, '')) AS id) "
		    "INSERT INTO easel.imap_folder (account_id, folder_id, mailbox, delimiter,"
		    "	selectable, own, rights) SELECT $1, f.id, $5::text, $6::text, $7::boolean,"
		    "	$8::boolean, nullif($9::text, '') FROM f RETURNING folder_id");

static PG_STATEMENT(
	imap_tree_change,
	"WITH f AS (UPDATE easel.folder SET parent_id = nullif($3::integer, 0), name = $4::text,"
	"	role = nullif($5::text, '') WHERE account_id = $1 AND id = $2) "
	"UPDATE easel.imap_folder SET delimiter = $6::text, selectable = $7::boolean,"
	"	own = $8::boolean, rights = nullif($9::text, '')"
	" WHERE account_id = $1 AND folder_id = $2");

static PG_STATEMENT(imap_tree_unrole,
		    "UPDATE easel.folder SET role = NULL WHERE account_id = $1 AND id = $2");

static int32_t parent_id(const struct tree *t, size_t i)
{
	size_t parent = t->nodes.v[i].parent;
	return parent == SIZE_MAX ? 0 : t->ids[parent];
}

/* Names are unique in a folder whatever their letter case; on the server they need not be. */
static bool name_taken(struct tree *t, size_t i, struct str name)
{
	int32_t parent = parent_id(t, i);
	struct str lower = str_lower(t->a, name);
	for (size_t k = 0; k < t->nknown; k++)
		if (t->known[k].matched && t->known[k].parent == parent &&
		    t->known[k].id != t->ids[i] && str_eq(str_lower(t->a, t->known[k].name), lower))
			return true;
	for (size_t k = 0; k < i; k++)
		if (t->nodes.v[k].parent == t->nodes.v[i].parent &&
		    str_eq(str_lower(t->a, t->nodes.v[k].name), lower))
			return true;
	return false;
}

static void make_unique(struct tree *t, size_t i)
{
	struct imap_node *node = &t->nodes.v[i];
	struct str name = node->name;
	for (int k = 2; name_taken(t, i, node->name) && k < 100; k++)
		node->name =
			str_of(arena_printf(t->a, "%.*s (%d)", STR_ARG(str_sub(name, 0, 240)), k));
}

static struct pg_params node_params(struct tree *t, size_t i, int32_t id)
{
	const struct imap_node *n = &t->nodes.v[i];
	struct pg_params p = {0};
	pg_int(&p, t->account);
	if (id)
		pg_int(&p, id);
	pg_int(&p, parent_id(t, i));
	pg_text(&p, t->a, n->name);
	pg_cstr(&p, store_role_name(n->role));
	if (!id)
		pg_text(&p, t->a, n->mailbox);
	pg_text(&p, t->a, n->delimiter);
	pg_bool(&p, n->selectable && (!n->rights.p || str_find_byte(n->rights, 'r') >= 0));
	pg_bool(&p, n->own);
	pg_text(&p, t->a, n->rights);
	return p;
}

static bool differs(struct tree *t, size_t i, const struct known *k)
{
	const struct imap_node *n = &t->nodes.v[i];
	bool selectable = n->selectable && (!n->rights.p || str_find_byte(n->rights, 'r') >= 0);
	return k->parent != parent_id(t, i) || !str_eq(k->name, n->name) ||
	       !str_eq(k->role, str_of(store_role_name(n->role))) ||
	       !str_eq(k->box.delimiter, n->delimiter) || k->box.selectable != selectable ||
	       !str_eq(k->box.rights, n->rights);
}

static bool add(struct tree *t, size_t i, struct err *e)
{
	struct pg_params p = node_params(t, i, 0);
	struct pg_rows *r = pg_run(t->db, &imap_tree_add, &p, e);
	if (!r)
		return false;
	t->ids[i] = (int32_t)pg_get_int(r, 0, 0);
	pg_done(&r);
	return true;
}

/* A role that another folder has now must be free first. */
static bool free_roles(struct tree *t, struct err *e)
{
	for (size_t i = 0; i < t->nodes.n; i++) {
		struct str role = str_of(store_role_name(t->nodes.v[i].role));
		for (size_t k = 0; role.n && k < t->nknown; k++) {
			struct known *old = &t->known[k];
			struct pg_params p = {0};
			if (!str_eq(old->role, role) || old->id == t->ids[i])
				continue;
			pg_int(&p, t->account);
			pg_int(&p, old->id);
			if (!pg_do(t->db, &imap_tree_unrole, &p, e))
				return false;
			old->role = (struct str){NULL, 0};
		}
	}
	return true;
}

static bool put_nodes(struct tree *t, struct err *e)
{
	for (size_t i = 0; i < t->nodes.n; i++) {
		make_unique(t, i);
		const struct known *k = t->ids[i] ? known_by_id(t, t->ids[i]) : NULL;
		struct pg_params p;
		if (!k) {
			if (!add(t, i, e))
				return false;
		} else if (differs(t, i, k)) {
			p = node_params(t, i, t->ids[i]);
			if (!pg_do(t->db, &imap_tree_change, &p, e))
				return false;
		}
	}
	return true;
}

/* ---- What is usual and missing ---- */

static bool has_role(const struct tree *t, enum folder_role role)
{
	for (size_t i = 0; i < t->nodes.n; i++)
		if (t->nodes.v[i].role == role)
			return true;
	return false;
}

/* Phones need somewhere to put drafts, what is sent and what is deleted. A refusal is no failure.
 */
static bool make_usual(struct tree *t, bool *made, struct err *e)
{
	static const struct {
		enum folder_role role;
		const char *name;
	} needed[] = {{ROLE_DRAFTS, "Drafts"}, {ROLE_SENT, "Sent"}, {ROLE_TRASH, "Trash"}};
	struct imap_namespace own = {0};
	struct imap_result ignored;
	if (!imap_tree_namespace(t->link, t->a, &own, e))
		return false;
	for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
		struct str name =
			str_of(arena_printf(t->a, "%.*s%s", STR_ARG(own.prefix), needed[i].name));
		static const char *const commands[] = {"CREATE ", "SUBSCRIBE "};
		if (has_role(t, needed[i].role))
			continue;
		*made = true;
		for (size_t k = 0; k < 2; k++) {
			struct buf b = {0};
			buf_cstr(&b, commands[k]);
			imap_put_string(&b, name, imap_can(t->link->imap) & IMAP_CAN_LITERAL_PLUS);
			bool ok = imap_run(t->link->imap, buf_get(&b), NULL, NULL, &ignored, e);
			buf_free(&b);
			if (!ok)
				return false;
		}
	}
	return true;
}

static bool list(struct tree *t, struct err *e)
{
	bool made = false;
	if (!imap_list(t->link, t->a, t->site, &t->nodes, e))
		return false;
	if (t->first && !make_usual(t, &made, e))
		return false;
	return !made || imap_list(t->link, t->a, t->site, &t->nodes, e);
}

/* All under the claim, so that two workers do not put the same folder in twice. */
static bool agree(struct tree *t, struct err *e)
{
	struct pg_params p = {0};
	if (!claim(t, e) || !list(t, e) || !load_known(t, e))
		return false;
	t->ids = arena_array(t->a, t->nodes.n, sizeof *t->ids);
	for (size_t i = 0; i < t->nknown; i++)
		t->known[i].matched = t->known[i].box.mailbox.p == NULL;
	match_names(t);
	if (any_lost(t) && (!match_renamed(t, e) || !remove_lost(t, e)))
		return false;
	pg_int(&p, t->account);
	return free_roles(t, e) && put_nodes(t, e) && pg_do(t->db, &imap_tree_listed, &p, e);
}

bool imap_tree_refresh(struct pg *db, struct imap_link *link, const struct imap_site *site,
		       int32_t account, struct err *e)
{
	struct tree t = {.db = db, .link = link, .site = site, .account = account};
	if (!pg_begin(db, e))
		return false;
	t.a = arena_new(TREE_CAP);
	bool ok = agree(&t, e) && pg_commit(db, e);
	if (!ok)
		pg_rollback(db);
	arena_free(&t.a);
	return ok;
}
