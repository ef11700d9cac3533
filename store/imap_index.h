/*
 * imap_index: what this database knows of the folders on an IMAP server: their place in the
 * account's tree, and an index of uids, flags and dates that answers what changed, so that the
 * ledger, Ping and everything else that asks the database work as for its own mail.
 *
 * The index is brought up to date by HIGHESTMODSEQ: with QRESYNC (RFC 7162) the server tells what
 * changed and vanished, with CONDSTORE what changed, and with neither all flags are compared. What
 * could not be asked changes nothing: a command that fails, or an answer that breaks off, leaves
 * the index as it was.
 *
 * Failure rule: as imap.h and pg.h. Ownership: results lie in the arena. Thread: that of the
 * connections.
 */
#ifndef EASEL_STORE_IMAP_INDEX_H
#define EASEL_STORE_IMAP_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "store/imap_pool.h"
#include "store/store.h"

struct pg;

/* A row of easel.imap_folder. */
struct imap_box {
	int32_t folder;
	struct str mailbox; /* as the server writes it */
	struct str delimiter;
	bool selectable, own, keywords;
	struct str rights; /* p NULL: not known */
	uint64_t uidvalidity, uidnext, highestmodseq, messages, unseen;
	uint64_t looked; /* imap_invitation.h */
	int64_t age;	 /* seconds since all flags were compared; -1: never */
};

/* All of an account, or those named. */
bool imap_boxes_load(struct pg *db, struct arena *a, int32_t account, const int32_t *folders,
		     size_t n, struct imap_box **out, size_t *nout, struct err *e);

/* Selects it unless it is selected. ERR_NOT_FOUND: it is gone, or has another UIDVALIDITY. */
bool imap_box_select(struct imap_link *link, const struct imap_box *box, struct err *e);

/* Nothing is selected then. */
bool imap_box_unselect(struct imap_link *link, struct err *e);

/*
 * Brings the index of these folders up to date. A folder that the server refuses to show is left as
 * it is. Not within a transaction. *behind: how many were; may be NULL.
 */
bool imap_index_refresh(struct pg *db, struct imap_link *link, int32_t account,
			const struct imap_box *boxes, size_t n, size_t *behind, struct err *e);

/* What a flag list says: flags, and the categories among its keywords as a JSON array. */
struct imap_flags {
	unsigned flags;
	struct str categories; /* empty: none */
};
struct imap_flags imap_flags_read(struct arena *a, const struct imap_value *list);

/* Writes flags as the server knows them, blank-separated, without parentheses. */
void imap_flags_put(struct buf *b, unsigned flags, bool keywords);

/* Writes the keyword of each category of the marks (JSON), each with a blank before it. */
void imap_categories_put(struct buf *b, struct str marks);

/* A STATUS response, whichever mailbox it is of; what it does not say is -1. */
struct imap_counts {
	struct str mailbox;
	int64_t messages, uidnext, uidvalidity, unseen, highestmodseq;
};
bool imap_counts_read(const struct imap_response *r, struct imap_counts *out);

/* Whether the counts say that the index is behind. */
bool imap_box_behind(const struct imap_box *box, const struct imap_counts *counts);

/* An item that came to be on the server by our own doing. */
struct imap_arrival {
	int32_t folder;
	int64_t uid, date, size;
	unsigned flags;
	struct str marks;
};

/* Puts it into the index; gives its modseq. One that is there already keeps it. */
bool imap_index_add(struct pg *db, struct arena *a, int32_t account,
		    const struct imap_arrival *item, int64_t *modseq, struct err *e);

#endif
