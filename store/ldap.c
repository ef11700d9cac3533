/* ldap: an LDAP server as a directory. See ldap.h for the contract. */
#include "store/ldap.h"

#include <ldap.h>
#include <string.h>
#include <sys/time.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

/* In the order of enum ldap_attribute. */
static char *const attribute_names[] = {"cn",
					"givenName",
					"sn",
					"mail",
					"telephoneNumber",
					"homePhone",
					"mobile",
					"title",
					"o",
					"physicalDeliveryOfficeName",
					"uid",
					"jpegPhoto",
					"userCertificate;binary",
					NULL};

/* ---- Connections ---- */

static bool refuse(struct err *e, const char *what, int code)
{
	return err_set(e, ERR_UNAVAILABLE, "LDAP: %s: %s", what, ldap_err2string(code));
}

static int bind_as(LDAP *ld, const char *dn, struct str password)
{
	struct berval credentials = {password.n, (char *)password.p};
	return ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &credentials, NULL, NULL, NULL);
}

static LDAP *connect_to(struct arena *a, const struct ldap_server *server, struct err *e)
{
	const struct timeval patience = {LDAP_PATIENCE, 0};
	const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
	LDAP *ld = NULL;
	int code = ldap_initialize(&ld, str_dup(a, server->url));
	if (code != LDAP_SUCCESS) {
		refuse(e, "the URL", code);
		return NULL;
	}
	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &patience);
	ldap_set_option(ld, LDAP_OPT_TIMEOUT, &patience);
	ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
	ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
	if (server->tls && str_starts_nocase(server->url, STR("ldap://")))
		code = ldap_start_tls_s(ld, NULL, NULL);
	if (code != LDAP_SUCCESS) {
		refuse(e, "STARTTLS", code);
		ldap_unbind_ext_s(ld, NULL, NULL);
		return NULL;
	}
	return ld;
}

static LDAP *enter(struct arena *a, const struct ldap_server *server, struct err *e)
{
	LDAP *ld = connect_to(a, server, e);
	int code = ld ? bind_as(ld, str_dup(a, server->bind_dn), server->password) : LDAP_SUCCESS;
	if (code == LDAP_SUCCESS)
		return ld;
	refuse(e, "binding", code);
	ldap_unbind_ext_s(ld, NULL, NULL);
	return NULL;
}

/* ---- Filters ---- */

static void put_escaped(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (memchr("*()\\", s.p[i], 4) || s.p[i] == '\0')
			buf_printf(b, "\\%02x", (unsigned char)s.p[i]);
		else
			buf_byte(b, (unsigned char)s.p[i]);
	}
}

/* The filter with a word in place of each %s. */
static void put_filter(struct buf *b, struct str filter, struct str word)
{
	for (ptrdiff_t at; (at = str_find(filter, STR("%s"))) >= 0;) {
		buf_put(b, filter.p, (size_t)at);
		put_escaped(b, word);
		filter = str_sub(filter, (size_t)at + 2, filter.n);
	}
	buf_str(b, filter);
}

static LDAPMessage *search(struct arena *a, LDAP *ld, const struct ldap_server *server,
			   struct str filter, char **attributes, size_t most, struct err *e)
{
	struct timeval patience = {LDAP_PATIENCE, 0};
	LDAPMessage *found = NULL;
	int code = ldap_search_ext_s(ld, str_dup(a, server->base), LDAP_SCOPE_SUBTREE,
				     str_dup(a, filter), attributes, 0, NULL, NULL, &patience,
				     (int)most, &found);
	if (code == LDAP_SUCCESS || (code == LDAP_SIZELIMIT_EXCEEDED && found))
		return found;
	ldap_msgfree(found);
	refuse(e, "searching", code);
	return NULL;
}

/* ---- Passwords ---- */

/* The name of the one entry; NULL when there is none, or several. */
static char *find_dn(struct arena *a, LDAP *ld, const struct ldap_server *server,
		     struct str address, struct err *e)
{
	static char *const nothing[] = {(char *)LDAP_NO_ATTRS, NULL};
	struct buf filter = {0};
	char *dn = NULL, *copy = NULL;
	put_filter(&filter, server->filter, address);
	LDAPMessage *found = search(a, ld, server, buf_move(a, &filter), (char **)nothing, 2, e);
	if (!found)
		return NULL;
	if (ldap_count_entries(ld, found) == 1)
		dn = ldap_get_dn(ld, ldap_first_entry(ld, found));
	else
		err_set(e, ERR_LOGIN, "LDAP: nobody, or several, with this address");
	ldap_msgfree(found);
	if (dn)
		copy = arena_strdup(a, dn);
	ldap_memfree(dn);
	return copy;
}

bool ldap_login(struct arena *a, const struct ldap_server *server, struct str address,
		struct str password, struct err *e)
{
	/* A bind without a password succeeds for anybody (RFC 4513 5.1.2). */
	if (!password.n)
		return err_set(e, ERR_LOGIN, "no password");
	LDAP *ld = enter(a, server, e);
	if (!ld)
		return false;
	char *dn = find_dn(a, ld, server, address, e);
	int code = dn ? bind_as(ld, dn, password) : LDAP_OTHER;
	ldap_unbind_ext_s(ld, NULL, NULL);
	if (!dn || code == LDAP_SUCCESS)
		return dn != NULL;
	if (code == LDAP_INVALID_CREDENTIALS || code == LDAP_INAPPROPRIATE_AUTH)
		return err_set(e, ERR_LOGIN, "wrong password");
	return refuse(e, "the user's login", code);
}

/* ---- People ---- */

static void read_person(struct arena *a, LDAP *ld, LDAPMessage *entry, struct ldap_person *out)
{
	for (int i = 0; i < LDAP_ATTRIBUTES; i++) {
		struct berval **values = ldap_get_values_len(ld, entry, attribute_names[i]);
		out->v[i] = (struct str){"", 0};
		if (values && values[0])
			out->v[i] = (struct str){arena_dup(a, values[0]->bv_val, values[0]->bv_len),
						 values[0]->bv_len};
		ldap_value_free_len(values);
	}
}

bool ldap_people(struct arena *a, const struct ldap_server *server, const struct str *words,
		 size_t nwords, size_t most, struct ldap_person **out, size_t *n, struct err *e)
{
	struct buf filter = {0};
	*n = 0;
	*out = arena_array(a, most, sizeof **out);
	LDAP *ld = enter(a, server, e);
	if (!ld)
		return false;
	buf_cstr(&filter, "(&");
	for (size_t i = 0; i < nwords; i++)
		put_filter(&filter, server->filter, words[i]);
	buf_byte(&filter, ')');
	LDAPMessage *found =
		search(a, ld, server, buf_move(a, &filter), (char **)attribute_names, most, e);
	for (LDAPMessage *m = found ? ldap_first_entry(ld, found) : NULL; m && *n < most;
	     m = ldap_next_entry(ld, m))
		read_person(a, ld, m, &(*out)[(*n)++]);
	ldap_msgfree(found);
	ldap_unbind_ext_s(ld, NULL, NULL);
	return found != NULL;
}
