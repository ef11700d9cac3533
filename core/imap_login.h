/*
 * imap_login: accounts whose passwords are an IMAP server's. A password that the server accepted is
 * taken for right for a while (easel.domain.imap_login_memory), by this process and this one only;
 * then, or when another one comes, the server is asked again.
 *
 * Failure rule: ERR_LOGIN only when the server says that the credentials are wrong; a server that
 * is away is ERR_UNAVAILABLE, or phones would ask their users for the password.
 * Thread: the session's.
 */
#ifndef EASEL_CORE_IMAP_LOGIN_H
#define EASEL_CORE_IMAP_LOGIN_H

#include <stdbool.h>

#include "core/login.h"
#include "core/request.h"
#include "core/session.h"
#include "store/account.h"

/*
 * For a name that no account has: the address that a bare name stands for, or that of an account
 * that is made now because the IMAP server of its domain accepts the login. FOUND_NONE: neither.
 * What the server refuses is counted as for an account.
 */
enum found imap_login_first(struct session *s, const struct request *rq, const struct login *login,
			    struct str *address, struct err *e);

/*
 * Checks the password of an account that has none of its own. From then on the session may reach
 * the account's mail. FOUND_NONE: its mail is on no IMAP server. FOUND_FAILED: wrong, or not to be
 * found out.
 */
enum found imap_login_check(struct session *s, const struct request *rq, const struct login *login,
			    const struct gate_row *g, struct err *e);

/* For a request that waited and has no credentials with it: those that were held for it. */
void imap_login_waited(struct session *s, int32_t account);

/* Holds the credentials for a waiter of the session's account, if it has its mail on a server. */
void imap_login_hold(struct session *s, struct waiter *w);

/* Whether the session's account has its mail on an IMAP server. */
bool imap_login_is(struct session *s, int32_t account);

/*
 * Takes in what others did to these folders of the account on its IMAP server, or to the tree (n is
 * 0), before they are looked at. Nothing to do for other accounts.
 */
bool imap_login_refresh(struct session *s, int32_t account, const int32_t *folders, size_t n,
			struct err *e);

#endif
