/*
 * ldap: an LDAP server as a further directory: checking a password, and looking people up.
 *
 * A connection is made for each call. Failure rule: ERR_LOGIN only when the server says that the
 * credentials are wrong, or there is no such person; all else that goes wrong there is
 * ERR_UNAVAILABLE, a certificate that is not trusted among it. A server that takes longer than
 * LDAP_PATIENCE seconds for any step counts as away; what it sends is bounded in size and number.
 * What comes from outside is escaped in filters (RFC 4515). Ownership: results lie in the arena.
 * Thread: any.
 */
#ifndef EASEL_STORE_LDAP_H
#define EASEL_STORE_LDAP_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;

enum { LDAP_PATIENCE = 5 };

struct ldap_server {
	struct str url;
	bool tls; /* STARTTLS on ldap:// */
	struct str bind_dn, password, base;
	struct str filter; /* with %s */
	struct str ca;	   /* certificates to trust, in PEM; empty: the system's */
};

/* Whether the password is that of the one person whom the filter finds for the address. An empty
 * password is nobody's. */
bool ldap_login(struct arena *a, const struct ldap_server *server, struct str address,
		struct str password, struct err *e);

/* What is read of a person. */
enum ldap_attribute {
	LDAP_NAME,
	LDAP_FIRST_NAME,
	LDAP_LAST_NAME,
	LDAP_MAIL,
	LDAP_PHONE,
	LDAP_HOME_PHONE,
	LDAP_MOBILE,
	LDAP_TITLE,
	LDAP_COMPANY,
	LDAP_OFFICE,
	LDAP_ALIAS,
	LDAP_PHOTO, /* this and the next: only of a `whole` person */
	LDAP_CERTIFICATE,
	LDAP_ATTRIBUTES
};

struct ldap_person {
	struct str v[LDAP_ATTRIBUTES]; /* the first value of each; empty: none */
};

struct ldap_question {
	const struct str *words; /* the filter has to find a person for each */
	size_t nwords, most;
	bool whole; /* with photo and certificate */
};

/* At most `most` of the people who are meant. */
bool ldap_people(struct arena *a, const struct ldap_server *server, const struct ldap_question *q,
		 struct ldap_person **out, size_t *n, struct err *e);

#endif
