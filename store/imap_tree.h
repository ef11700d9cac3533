/*
 * imap_tree: the folders that an IMAP server lists, and the account's tree made to agree with it.
 *
 * A folder keeps its number as long as the server knows it by its name, and also when it was
 * renamed elsewhere (its UIDVALIDITY tells). One that a complete list leaves out is taken off the
 * tree only after the server has said once more, by STATUS, that it is not there. Virtual folders
 * (\All, \Flagged) are left out, and so are those that hold neither messages nor folders.
 *
 * Failure rule: as imap.h and pg.h; what could not be asked changes nothing. Thread: that of the
 * connections.
 */
#ifndef EASEL_STORE_IMAP_TREE_H
#define EASEL_STORE_IMAP_TREE_H

#include <stdbool.h>

#include "store/imap_pool.h"

struct pg;

/* Not within a transaction. The first time, what is usual and missing (Drafts, Sent, Trash) is
 * made. */
bool imap_tree_refresh(struct pg *db, struct imap_link *link, const struct imap_site *site,
		       int32_t account, struct err *e);

/* The user's own namespace: what its folders' names begin with. */
struct imap_namespace {
	struct str prefix, delimiter;
};
bool imap_tree_namespace(struct imap_link *link, struct arena *a, struct imap_namespace *out,
			 struct err *e);

#endif
