/*
 * imap_act: what is done to messages and folders on an IMAP server. For store/imap_store.c.
 *
 * Each can be done again without harm when nobody knows whether the server did it. Failure rule: as
 * imap.h; a right that the folder does not give is ERR_FORBIDDEN. Thread: that of the connections.
 */
#ifndef EASEL_STORE_IMAP_ACT_H
#define EASEL_STORE_IMAP_ACT_H

#include "store/imap_index.h"
#include "store/imap_intent.h"

struct imap_actor {
	struct imap_link *link;
	struct pg *aside; /* where intents are noted */
	struct arena *a;
	int32_t account;
};

struct imap_flag_change {
	unsigned set, clear;
	unsigned had;		     /* flags as the index has them */
	struct str marks;	     /* the same */
	const struct str *new_marks; /* NULL: they stay */
};

/*
 * STORE, unless the index was behind (UNCHANGEDSINCE): then it is done all the same, since it only
 * adds and takes away, and *foreign says so.
 */
bool imap_act_flags(struct imap_actor *x, const struct imap_box *box, int64_t uid,
		    const struct imap_flag_change *change, bool *foreign, struct err *e);

/* Removes the message; one that is gone already is no failure. */
bool imap_act_remove(struct imap_actor *x, const struct imap_box *box, int64_t uid, struct err *e);

/* Notes the intent, moves, and finds out the new uid. FOUND_NONE: the message is gone. */
enum found imap_act_move(struct imap_actor *x, const struct imap_box *from, int64_t uid,
			 const struct imap_box *to, struct imap_intent *intent, int64_t *new_uid,
			 struct err *e);

bool imap_act_append(struct imap_actor *x, const struct imap_box *to, const struct new_item *item,
		     struct imap_intent *intent, int64_t *new_uid, struct err *e);

bool imap_act_create(struct imap_link *link, struct str mailbox, struct err *e);
bool imap_act_rename(struct imap_link *link, struct str from, struct str to, struct err *e);
bool imap_act_delete(struct imap_link *link, const struct imap_box *box, struct err *e);

/* What became of folders, in the caller's transaction. */
bool imap_act_note_created(struct pg *db, struct arena *a, int32_t account, int32_t folder,
			   struct str mailbox, struct str delimiter, struct err *e);
bool imap_act_note_renamed(struct pg *db, struct arena *a, int32_t account, struct str from,
			   struct str delimiter, struct str to, struct err *e);

/* The folder and all below it, the lowest first. */
bool imap_act_below(struct pg *db, struct arena *a, int32_t account, int32_t folder,
		    struct imap_box **out, size_t *n, struct err *e);

#endif
