/*
 * imap_store: the store of a session: the mail of accounts whose domain keeps it on an IMAP server,
 * and everything else in the pg store that it stands before.
 *
 * Lists and changes come from the index in the database (imap_index.h), content from the server;
 * what is done to a message is done there first and then in the index. What is put or moved is
 * noted before (easel.imap_intent), outside the caller's transaction, so that a repeat after a
 * failure finds it instead of doing it twice.
 *
 * Only the account that was entered reaches its server. Failure rule and ownership: as store.h; a
 * server that is away is ERR_UNAVAILABLE. Thread: the session's.
 */
#ifndef EASEL_STORE_IMAP_STORE_H
#define EASEL_STORE_IMAP_STORE_H

#include "store/imap_invitation.h"
#include "store/imap_pool.h"
#include "store/smtp.h"
#include "store/store.h"

struct pg;

/* `pg` is the store that it stands before; conninfo for the connection that notes intents. */
struct store *store_imap_new(struct pg *db, struct store *pg, const char *conninfo,
			     struct imap_pool *pool);
void store_imap_free(struct store **s);

/*
 * From now on the person is the one whose mail is on an IMAP server. An empty password asks for the
 * one that is held for waiting requests. Texts must live until store_imap_leave().
 */
void store_imap_enter(struct store *s, const struct imap_person *who);
void store_imap_leave(struct store *s);

/* Whether the account that was entered is this one, and who it is; NULL: it is not. */
const struct imap_person *store_imap_person(struct store *s, int32_t account);

/*
 * Whether the IMAP server accepts the person's password now: a new login, whose connection is kept
 * for what follows. ERR_LOGIN: it does not.
 */
bool store_imap_check(struct store *s, const struct imap_site *site, const struct imap_person *who,
		      struct err *e);

/*
 * The messages that came into the Inbox of the account that was entered, as far as the last refresh
 * has seen it, and may be about a meeting. FOUND_NONE: there are none. Not within a transaction.
 */
enum found store_imap_invitations(struct store *s, struct arena *a, int32_t account,
				  struct imap_invitations *out, struct err *e);

/*
 * Hands a message to the domain's mail server with the name and password of the person, if the
 * domain says so (smtp_as_user). FOUND_NONE: it does not, or the account is not the one that was
 * entered; the queue has to take it. FOUND_ONE: results[i] is the verdict for recipients[i]; those
 * that were SMTP_LATER or SMTP_NEVER while others were sent are the queue's. ERR_UNAVAILABLE:
 * nobody has got it, try again. A repeat after a failure that comes later sends nothing twice.
 */
enum found store_imap_submit(struct store *s, int32_t account, struct str message_id,
			     const char *sender, struct str raw, const char *const *recipients,
			     size_t n, struct smtp_result *results, struct err *e);

#endif
