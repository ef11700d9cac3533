/* imap_list: what LIST and its like say. See imap_list.h for the contract. */
#include "store/imap_list.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/text.h"

enum { NODES_MOST = 5000, NAME_MOST = 256, DEPTH_MOST = 30 };

struct listing {
	struct arena *arena;
	const struct imap_site *site;
	struct imap_namespace own;
	struct str *foreign; /* prefixes of the other namespaces */
	size_t nforeign;
	struct imap_nodes nodes; /* as they come, parents not known */
	bool lsub;		 /* what comes are the subscribed ones */
};

/* ---- Names that stand for a role ---- */

static const struct {
	const char *name;
	enum folder_role role;
} usual[] = {
	{"drafts", ROLE_DRAFTS},
	{"draft", ROLE_DRAFTS},
	{"entwürfe", ROLE_DRAFTS},
	{"brouillons", ROLE_DRAFTS},
	{"sent", ROLE_SENT},
	{"sent items", ROLE_SENT},
	{"sent messages", ROLE_SENT},
	{"sent mail", ROLE_SENT},
	{"gesendet", ROLE_SENT},
	{"gesendete objekte", ROLE_SENT},
	{"gesendete elemente", ROLE_SENT},
	{"envoyés", ROLE_SENT},
	{"trash", ROLE_TRASH},
	{"deleted items", ROLE_TRASH},
	{"deleted messages", ROLE_TRASH},
	{"papierkorb", ROLE_TRASH},
	{"gelöschte objekte", ROLE_TRASH},
	{"gelöschte elemente", ROLE_TRASH},
	{"corbeille", ROLE_TRASH},
	{"junk", ROLE_JUNK},
	{"spam", ROLE_JUNK},
	{"junk e-mail", ROLE_JUNK},
	{"junk email", ROLE_JUNK},
	{"archive", ROLE_ARCHIVE},
	{"archives", ROLE_ARCHIVE},
	{"archiv", ROLE_ARCHIVE},
};

static enum folder_role role_of_use(struct str attribute)
{
	static const struct {
		const char *attribute;
		enum folder_role role;
	} uses[] = {
		{"\\Drafts", ROLE_DRAFTS}, {"\\Sent", ROLE_SENT},	{"\\Trash", ROLE_TRASH},
		{"\\Junk", ROLE_JUNK},	   {"\\Archive", ROLE_ARCHIVE},
	};
	for (size_t i = 0; i < sizeof uses / sizeof *uses; i++)
		if (str_eq_nocase(attribute, str_of(uses[i].attribute)))
			return uses[i].role;
	return ROLE_NONE;
}

/* ---- Namespaces ---- */

/* ((prefix delimiter …) …): the n-th's prefix. */
static const struct imap_value *namespace_at(const struct imap_value *list, size_t i)
{
	const struct imap_value *v = list && list->kind == IMAP_LIST ? list->first : NULL;
	while (v && i-- > 0)
		v = v->next;
	return v && v->kind == IMAP_LIST ? v->first : NULL;
}

static struct str keep(struct arena *a, struct str s)
{
	return (struct str){arena_dup(a, s.p, s.n), s.n};
}

static bool on_namespace(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct listing *l = ctx;
	const struct imap_value *v;
	(void)a;
	(void)e;
	if (!imap_is(r, "NAMESPACE") || !r->values)
		return true;
	if ((v = namespace_at(r->values, 0))) {
		l->own.prefix = keep(l->arena, imap_text(v));
		l->own.delimiter = keep(l->arena, imap_text(v->next));
	}
	for (const struct imap_value *list = r->values->next; list; list = list->next)
		for (size_t i = 0; (v = namespace_at(list, i)) && l->nforeign < 16; i++)
			if (imap_text(v).n)
				l->foreign[l->nforeign++] = keep(l->arena, imap_text(v));
	return true;
}

static bool ask_namespace(struct imap_link *link, struct listing *l, struct err *e)
{
	struct imap_result ignored;
	l->foreign = arena_array(l->arena, 16, sizeof *l->foreign);
	return !(imap_can(link->imap) & IMAP_CAN_NAMESPACE) ||
	       imap_run(link->imap, STR("NAMESPACE"), on_namespace, l, &ignored, e);
}

bool imap_tree_namespace(struct imap_link *link, struct arena *a, struct imap_namespace *out,
			 struct err *e)
{
	struct listing l = {.arena = a};
	bool ok = ask_namespace(link, &l, e);
	*out = l.own;
	return ok;
}

/* "shared/" is of others, and so is "shared" itself, which holds them. */
static bool is_own(const struct listing *l, struct str mailbox)
{
	for (size_t i = 0; i < l->nforeign; i++) {
		struct str prefix = l->foreign[i];
		if (str_starts(mailbox, prefix) ||
		    (prefix.n > 1 && str_eq(mailbox, str_sub(prefix, 0, prefix.n - 1))))
			return false;
	}
	return true;
}

/* ---- LIST ---- */

static struct imap_node *find_node(struct imap_nodes *nodes, struct str mailbox)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (str_eq(nodes->v[i].mailbox, mailbox))
			return &nodes->v[i];
	return NULL;
}

static struct imap_node *add_node(struct arena *a, struct imap_nodes *nodes)
{
	nodes->v = arena_grow(a, nodes->v, nodes->n, &nodes->size, 64, sizeof *nodes->v);
	nodes->v[nodes->n] = (struct imap_node){.parent = SIZE_MAX};
	return &nodes->v[nodes->n++];
}

/* Attributes. False: it is not to be shown at all. */
static bool read_attributes(struct imap_node *node, const struct imap_value *list)
{
	bool hidden = false, childless = false;
	node->selectable = true;
	for (const struct imap_value *v = list->first; v; v = v->next) {
		struct str s = imap_text(v);
		if (role_of_use(s) != ROLE_NONE)
			node->role = role_of_use(s);
		if (str_eq_nocase(s, STR("\\Noselect")) || str_eq_nocase(s, STR("\\NonExistent")))
			node->selectable = false;
		if (str_eq_nocase(s, STR("\\HasNoChildren")) ||
		    str_eq_nocase(s, STR("\\Noinferiors")))
			childless = true;
		if (str_eq_nocase(s, STR("\\All")) || str_eq_nocase(s, STR("\\Flagged")) ||
		    str_eq_nocase(s, STR("\\Important")))
			hidden = true;
		node->subscribed |= str_eq_nocase(s, STR("\\Subscribed"));
	}
	return !hidden && (node->selectable || !childless);
}

static void note_subscribed(struct listing *l, struct str mailbox)
{
	struct imap_node *node = find_node(&l->nodes, mailbox);
	if (node)
		node->subscribed = true;
}

/* LIST (attributes) "/" name */
static bool on_list(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct listing *l = ctx;
	const struct imap_value *attributes = r->values, *delimiter, *name;
	struct imap_node node = {.parent = SIZE_MAX};
	(void)a;
	if (!imap_is(r, "LIST") && !imap_is(r, "LSUB"))
		return true;
	if (!attributes || attributes->kind != IMAP_LIST || !(delimiter = attributes->next) ||
	    !(name = delimiter->next) || !imap_text(name).n || imap_text(delimiter).n > 1)
		return err_set(e, ERR_UNAVAILABLE, "LIST is not as it should be");
	if (l->lsub) {
		note_subscribed(l, imap_text(name));
		return true;
	}
	bool shown = read_attributes(&node, attributes);
	node.own = is_own(l, imap_text(name));
	if (!shown || (l->site->own_only && !node.own) || find_node(&l->nodes, imap_text(name)))
		return true;
	if (l->nodes.n == NODES_MOST)
		return err_set(e, ERR_UNAVAILABLE, "more than %d folders", NODES_MOST);
	node.mailbox = keep(l->arena, imap_text(name));
	node.delimiter = keep(l->arena, imap_text(delimiter));
	*add_node(l->arena, &l->nodes) = node;
	return true;
}

static bool ask_list(struct imap_link *link, struct listing *l, struct err *e)
{
	unsigned can = imap_can(link->imap);
	struct str command = STR("LIST \"\" \"*\"");
	if (can & IMAP_CAN_LIST_EXTENDED)
		command = can & IMAP_CAN_SPECIAL_USE
				  ? STR("LIST \"\" \"*\" RETURN (SUBSCRIBED SPECIAL-USE)")
				  : STR("LIST \"\" \"*\" RETURN (SUBSCRIBED)");
	if (!imap_do(link->imap, command, on_list, l, e))
		return false;
	if (!l->site->subscribed_only || can & IMAP_CAN_LIST_EXTENDED)
		return true;
	l->lsub = true;
	return imap_do(link->imap, STR("LSUB \"\" \"*\""), on_list, l, e);
}

/* ---- Rights (RFC 4314) ---- */

static bool on_rights(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct listing *l = ctx;
	(void)a;
	(void)e;
	if (!imap_is(r, "MYRIGHTS") || !r->values || !imap_text(r->values->next).p)
		return true;
	struct imap_node *node = find_node(&l->nodes, imap_text(r->values));
	if (node)
		node->rights = keep(l->arena, imap_text(r->values->next));
	return true;
}

static bool ask_rights(struct imap_link *link, struct listing *l, struct err *e)
{
	struct imap_result ignored;
	if (!(imap_can(link->imap) & IMAP_CAN_ACL))
		return true;
	for (size_t i = 0; i < l->nodes.n; i++) {
		struct buf b = {0};
		if (l->nodes.v[i].own || !l->nodes.v[i].selectable)
			continue;
		buf_cstr(&b, "MYRIGHTS ");
		imap_put_string(&b, l->nodes.v[i].mailbox,
				imap_can(link->imap) & IMAP_CAN_LITERAL_PLUS);
		bool ok = imap_run(link->imap, buf_get(&b), on_rights, l, &ignored, e);
		buf_free(&b);
		if (!ok)
			return false;
	}
	return true;
}

/* ---- The tree ---- */

static bool is_inbox(struct str mailbox)
{
	return str_eq_nocase(mailbox, STR("INBOX"));
}

/* Where the folder's own name begins: behind the last delimiter, or its namespace's prefix. */
static size_t name_start(const struct listing *l, const struct imap_node *node)
{
	size_t least = 0;
	if (l->own.prefix.n && str_starts(node->mailbox, l->own.prefix) &&
	    node->mailbox.n > l->own.prefix.n)
		least = l->own.prefix.n;
	for (size_t i = node->mailbox.n; node->delimiter.n && i > least; i--)
		if (node->mailbox.p[i - 1] == node->delimiter.p[0])
			return i;
	return least;
}

static void set_name(const struct listing *l, struct imap_node *node)
{
	struct str own = str_sub(node->mailbox, name_start(l, node), SIZE_MAX);
	node->name = is_inbox(node->mailbox) ? STR("Inbox") : imap_name_decode(l->arena, own);
	size_t n = 0, chars = 0;
	while (n < node->name.n && chars <= NAME_MOST)
		chars += (node->name.p[n++] & 0xc0) != 0x80;
	if (chars > NAME_MOST)
		node->name = text_cut_utf8(node->name, n - 1);
}

/* The node with its parents put in before it; its position, or SIZE_MAX when it can't be shown. */
static size_t place(struct listing *l, struct imap_nodes *out, struct str mailbox,
		    struct str delimiter, unsigned depth)
{
	const struct imap_node *known = find_node(out, mailbox);
	if (known)
		return (size_t)(known - out->v);
	const struct imap_node *listed = find_node(&l->nodes, mailbox);
	struct imap_node node = {.mailbox = mailbox,
				 .delimiter = delimiter,
				 .parent = SIZE_MAX,
				 .own = is_own(l, mailbox)};
	if (listed)
		node = *listed;
	size_t start = name_start(l, &node);
	set_name(l, &node);
	if (node.name.n == 0 || depth == DEPTH_MOST)
		return SIZE_MAX;
	bool inside = start > 0 && start != l->own.prefix.n;
	if (inside) {
		node.parent =
			place(l, out, str_sub(mailbox, 0, start - 1), node.delimiter, depth + 1);
		if (node.parent == SIZE_MAX)
			return SIZE_MAX;
	}
	*add_node(l->arena, out) = node;
	return out->n - 1;
}

static bool is_wanted(const struct listing *l, const struct imap_node *node)
{
	return node->selectable && (!l->site->subscribed_only || node->subscribed ||
				    node->role != ROLE_NONE || is_inbox(node->mailbox));
}

static bool has_role(const struct imap_nodes *nodes, enum folder_role role)
{
	for (size_t i = 0; i < nodes->n; i++)
		if (nodes->v[i].role == role)
			return true;
	return false;
}

/* One folder for each role, an own one: as the server says, else by its usual name. */
static void set_roles(struct arena *a, struct imap_nodes *nodes)
{
	for (size_t i = 0; i < nodes->n; i++) {
		struct imap_node *n = &nodes->v[i];
		enum folder_role role = is_inbox(n->mailbox) ? ROLE_INBOX : n->role;
		n->role = ROLE_NONE;
		if (n->own && !has_role(nodes, role))
			n->role = role;
	}
	for (size_t k = 0; k < sizeof usual / sizeof *usual; k++)
		for (size_t i = 0; i < nodes->n; i++) {
			struct imap_node *n = &nodes->v[i];
			bool high = n->parent == SIZE_MAX || nodes->v[n->parent].role == ROLE_INBOX;
			if (n->role == ROLE_NONE && n->own && n->selectable && high &&
			    str_eq(str_lower(a, n->name), str_of(usual[k].name)) &&
			    !has_role(nodes, usual[k].role))
				n->role = usual[k].role;
		}
}

bool imap_list(struct imap_link *link, struct arena *a, const struct imap_site *site,
	       struct imap_nodes *out, struct err *e)
{
	struct listing l = {.arena = a, .site = site};
	*out = (struct imap_nodes){0};
	if (!ask_namespace(link, &l, e) || !ask_list(link, &l, e) || !ask_rights(link, &l, e))
		return false;
	for (size_t i = 0; i < l.nodes.n; i++)
		if (is_wanted(&l, &l.nodes.v[i]))
			place(&l, out, l.nodes.v[i].mailbox, l.nodes.v[i].delimiter, 0);
	set_roles(a, out);
	if (!has_role(out, ROLE_INBOX))
		return err_set(e, ERR_UNAVAILABLE, "the IMAP server lists no INBOX");
	return !arena_overflowed(a) ||
	       err_set(e, ERR_UNAVAILABLE, "the IMAP server lists too much");
}
