/*
 * imap_invitation: the messages in the Inbox of an account on an IMAP server that may be about a
 * meeting, each told once, to whichever worker sees it first.
 *
 * What is older than a month when it is first seen, as in a mailbox that has just been connected,
 * is left alone. Failure rule: as imap.h and pg.h. Ownership: the caller's arena. Thread: that of
 * the connections.
 */
#ifndef EASEL_STORE_IMAP_INVITATION_H
#define EASEL_STORE_IMAP_INVITATION_H

#include "store/imap_index.h"

enum {
	INVITATIONS_MOST = 200,		/* messages that are looked at together */
	INVITATION_SIZE_MOST = 16 << 20 /* of a message */
};

struct imap_invitations {
	int32_t folder;
	uint64_t from, until; /* the uids that were looked at: from <= uid < until */
	int64_t *uids;	      /* of those that may be about a meeting */
	int64_t *sizes;
	size_t n;
};

/* FOUND_NONE: there is nothing new. What remains in uids was not looked at yet. */
enum found imap_invitations_new(struct pg *db, struct arena *a, int32_t account,
				struct imap_invitations *out, struct err *e);

/* Keeps those of the uids whose structure (BODYSTRUCTURE) has a calendar object or TNEF. */
bool imap_invitations_keep(struct imap_link *link, const struct imap_box *inbox,
			   struct imap_invitations *v, struct err *e);

/*
 * Notes that they were looked at, within the transaction that does what they say. FOUND_NONE:
 * somebody else has done it meanwhile.
 */
enum found imap_invitations_claim(struct pg *db, int32_t account, const struct imap_invitations *v,
				  struct err *e);

#endif
