/* ldap_login: accounts whose passwords are an LDAP server's. See ldap_login.h for the contract. */
#include "core/ldap_login.h"

#include "store/password.h"
#include "store/people.h"

enum found ldap_login_check(struct session *s, const struct request *rq, const struct login *login,
			    const struct gate_row *g, struct err *e)
{
	unsigned char digest[PASSWORD_DIGEST];
	struct people_ldap ldap;
	struct err ignored = {0};
	enum found found = people_ldap_of(s->db, s->secrets, g->account, true, &ldap, e);
	if (found != FOUND_ONE)
		return found;
	password_digest(s->server->key, g->account, STR("ldap"), login->password, digest);
	struct str fresh = {(const char *)digest, sizeof digest};
	if (ldap.digest.n == fresh.n && password_digest_equal(ldap.digest.p, digest))
		return FOUND_ONE;
	if (g->throttled) {
		err_set(e, ERR_LOGIN, "too many wrong passwords from this address");
		return FOUND_FAILED;
	}
	if (ldap_login(s->secrets, &ldap.server, g->address, login->password, e))
		return account_remember_login(s->db, s->arena, g->account, fresh, rq->remote_addr,
					      e)
			       ? FOUND_ONE
			       : FOUND_FAILED;
	if (e->kind == ERR_LOGIN)
		account_count_failure(s->db, s->arena, g->address, rq->remote_addr, &ignored);
	return FOUND_FAILED;
}
