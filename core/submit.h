/*
 * submit: a composed message on its way: to mailboxes here, into the queue for the rest, into Sent
 * Items, and the mark on what it answers. All of it in the caller's transaction, so that it is done
 * once or not at all.
 *
 * Mail to a few recipients here is delivered at once; more, and mail to other sites, is left to
 * the queue. Failure rule: as store.h; after a failure the caller rolls back. Thread: the
 * session's.
 */
#ifndef EASEL_CORE_SUBMIT_H
#define EASEL_CORE_SUBMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/compose.h"
#include "store/store.h"

struct pg;

/* LastVerbExecuted (MS-ASEMAIL 2.2.2.44). */
enum submit_verb { VERB_NONE, VERB_REPLY, VERB_REPLY_ALL, VERB_FORWARD };

struct submission {
	int32_t account;
	const struct composed *mail;
	bool save;	       /* a copy in Sent Items, if there is such a folder */
	int32_t source_folder; /* what it answers; 0: nothing of this account */
	int64_t source_uid;
	enum submit_verb verb;
	int64_t now;
	struct store
		*as_user; /* of a session whose account is on an IMAP server; NULL: it is not */
};

bool submit_message(struct pg *db, struct store *store, struct arena *a, const struct submission *s,
		    struct err *e);

#endif
