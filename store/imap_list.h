/*
 * imap_list: what LIST, LSUB, NAMESPACE and MYRIGHTS say, as a tree of folders with roles. For
 * store/imap_tree.c.
 *
 * Failure rule: as imap.h; a list is complete or it is a failure. Ownership: the caller's arena.
 */
#ifndef EASEL_STORE_IMAP_LIST_H
#define EASEL_STORE_IMAP_LIST_H

#include "store/imap_index.h"
#include "store/imap_tree.h"

struct imap_node {
	struct str mailbox; /* as the server writes it */
	struct str delimiter;
	struct str name;   /* as people read it */
	struct str rights; /* p NULL: not known */
	enum folder_role role;
	bool selectable, own, subscribed;
	size_t parent; /* position among the nodes; SIZE_MAX at the top */
};

/* Parents stand before their children. */
struct imap_nodes {
	struct imap_node *v;
	size_t n, size;
};

bool imap_list(struct imap_link *link, struct arena *a, const struct imap_site *site,
	       struct imap_nodes *out, struct err *e);

#endif
