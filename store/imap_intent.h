/*
 * imap_intent: what is about to be done on an IMAP server, noted before it is (easel.imap_intent).
 *
 * Failure rule: as pg.h. Thread: that of the connections.
 */
#ifndef EASEL_STORE_IMAP_INTENT_H
#define EASEL_STORE_IMAP_INTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;
struct pg;

struct imap_intent {
	int32_t account, folder; /* the folder that a message is put into */
	const char *kind;	 /* "append", "move" or "smtp" */
	struct str reference;	 /* what a repeat is known by */
	struct str message_id;
	int64_t uidvalidity, uidnext; /* of the folder before */
	struct str outcome; /* of what a mail server was given: a letter for each recipient */
	bool repeated;	    /* it was noted before, and nobody knows what came of it */
};

/*
 * Notes it, and commits that, on a connection of its own. If it is noted already, uidvalidity,
 * uidnext, message_id and outcome become those of then, and `repeated` is set.
 */
bool imap_intent_note(struct pg *aside, struct arena *a, struct imap_intent *intent, struct err *e);

/* Whether it is noted, without noting it. */
bool imap_intent_find(struct pg *aside, struct arena *a, struct imap_intent *intent, struct err *e);

/* It is done, and what came of it is recorded in the same transaction. */
bool imap_intent_done(struct pg *db, struct arena *a, const struct imap_intent *intent,
		      struct err *e);

#endif
