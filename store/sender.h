/*
 * sender: what the database knows of an account that sends mail: its addresses, what it has sent
 * already, and where the message is that it answers.
 *
 * Failure rule: as pg.h. Ownership: results lie in the arena. Thread: that of the connection.
 */
#ifndef EASEL_STORE_SENDER_H
#define EASEL_STORE_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

struct sender {
	struct str address, display_name; /* the account's own, set by the caller */
	struct str aliases;		  /* one a line, in lower case */
	bool refuse;			  /* another From is refused; else it is rewritten */
};

/* An account's address and display name, and its time zone. FOUND_NONE: there is no such account.
 */
enum found sender_identity(struct pg *db, struct arena *a, int32_t account, struct sender *out,
			   struct str *timezone, struct err *e);

/* Fills aliases and refuse. */
bool sender_read(struct pg *db, struct arena *a, int32_t account, struct sender *out,
		 struct err *e);

/* Whether the address, in any letter case, is one of the account's. */
bool sender_owns(const struct sender *s, struct str address);

/*
 * Notes, within the caller's transaction, that the device sends what the reference stands for.
 * FOUND_ONE: it has done so before, less than `seconds` ago; another request that is doing so right
 * now is waited for.
 */
enum found sender_remember(struct pg *db, struct arena *a, int32_t account, int32_t device,
			   struct str reference, int seconds, struct err *e);

/* Forgets what was sent more than 30 days ago. */
bool sender_forget(struct pg *db, struct err *e);

/*
 * The account's message with that Message-ID (with its <>): the one in the Inbox if there are
 * several, one in Sent Items or Deleted Items only if there is no other.
 */
enum found sender_find(struct pg *db, struct arena *a, int32_t account, struct str message_id,
		       int32_t *folder, int64_t *uid, struct err *e);

#endif
