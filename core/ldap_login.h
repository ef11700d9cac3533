/*
 * ldap_login: accounts whose passwords are an LDAP server's (easel.domain.ldap_login). A password
 * that was found right is remembered for a while, as a digest under the workers' key.
 *
 * Failure rule: ERR_LOGIN only when the server says that the credentials are wrong; one that is
 * away is ERR_UNAVAILABLE. Thread: the session's.
 */
#ifndef EASEL_CORE_LDAP_LOGIN_H
#define EASEL_CORE_LDAP_LOGIN_H

#include "core/login.h"
#include "core/request.h"
#include "core/session.h"
#include "store/account.h"

/* Checks the password of an account that has none of its own. FOUND_NONE: its domain has no LDAP
 * server for that. FOUND_FAILED: wrong, or not to be found out. */
enum found ldap_login_check(struct session *s, const struct request *rq, const struct login *login,
			    const struct gate_row *g, struct err *e);

#endif
