/*
 * imap_search: the mailbox search in a folder on an IMAP server (SEARCH, RFC 3501 6.4.4).
 *
 * Words are looked for wherever the server finds them. Failure rule: as imap.h; a server that
 * refuses the search finds nothing. Ownership: the caller's arena. Thread: the connection's.
 */
#ifndef EASEL_STORE_IMAP_SEARCH_H
#define EASEL_STORE_IMAP_SEARCH_H

#include "store/imap_index.h"
#include "store/search.h"

/* The uids of messages that fit, but for the exact times. The newest SEARCH_DEPTH at most. */
bool imap_search(struct imap_link *link, const struct imap_box *box, struct arena *a,
		 const struct search *q, int64_t **uids, size_t *n, struct err *e);

#endif
