/* ldap: an LDAP server as a directory. See ldap.h for the contract. */
#include "store/ldap.h"

#include <ldap.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"

enum {
	MESSAGE_MOST = 4 << 20, /* bytes of one answer */
	TEXT_MOST = 1024,
	PHOTO_MOST = 102400,
	CERTIFICATE_MOST = 16384
};

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

/* What the library says of itself is often all that tells of a certificate. */
static bool refuse(struct err *e, LDAP *ld, const char *what, int code)
{
	char *more = NULL;
	if (ld)
		ldap_get_option(ld, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
	err_set(e, ERR_UNAVAILABLE, "LDAP: %s: %s%s%.200s", what, ldap_err2string(code),
		more && *more ? ": " : "", more ? more : "");
	ldap_memfree(more);
	return false;
}

static int bind_as(LDAP *ld, const char *dn, struct str password)
{
	struct berval credentials = {password.n, (char *)password.p};
	return ldap_sasl_bind_s(ld, dn, LDAP_SASL_SIMPLE, &credentials, NULL, NULL, NULL);
}

/* The library reads certificates in PEM from files only: one that has no name. */
static int trust(LDAP *ld, struct str certificates)
{
	char path[32];
	const int client = 0;
	int file = memfd_create("ldap_ca", MFD_CLOEXEC), code = LDAP_LOCAL_ERROR;
	if (file >= 0 && write(file, certificates.p, certificates.n) == (ssize_t)certificates.n) {
		snprintf(path, sizeof path, "/proc/self/fd/%d", file);
		code = ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, path);
		if (code == LDAP_SUCCESS)
			code = ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
	}
	if (file >= 0)
		close(file);
	return code;
}

static int set_options(LDAP *ld, struct str certificates)
{
	const struct timeval patience = {LDAP_PATIENCE, 0};
	const int version = LDAP_VERSION3, demand = LDAP_OPT_X_TLS_DEMAND, client = 0;
	ber_len_t most = MESSAGE_MOST;
	Sockbuf *socket = NULL;
	ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version);
	ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &patience);
	ldap_set_option(ld, LDAP_OPT_TIMEOUT, &patience);
	ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
	ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
	if (ldap_get_option(ld, LDAP_OPT_SOCKBUF, &socket) == LDAP_SUCCESS && socket)
		ber_sockbuf_ctrl(socket, LBER_SB_OPT_SET_MAX_INCOMING, &most);
	return certificates.n ? trust(ld, certificates)
			      : ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client);
}

static LDAP *connect_to(struct arena *a, const struct ldap_server *server, struct err *e)
{
	LDAP *ld = NULL;
	const char *what = "the certificates to trust";
	int code = ldap_initialize(&ld, str_dup(a, server->url));
	if (code != LDAP_SUCCESS) {
		refuse(e, NULL, "the URL", code);
		return NULL;
	}
	code = set_options(ld, server->ca);
	if (code == LDAP_SUCCESS && server->tls && str_starts_nocase(server->url, STR("ldap://"))) {
		what = "STARTTLS";
		code = ldap_start_tls_s(ld, NULL, NULL);
	}
	if (code != LDAP_SUCCESS) {
		refuse(e, ld, what, code);
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
	refuse(e, ld, "binding", code);
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

struct search {
	struct arena *arena;
	LDAP *ld;
	const struct ldap_server *server;
	struct str filter;
	char *const *attributes;
	size_t most; /* entries; whatever else comes is not waited for */
	void (*take)(struct search *s, LDAPMessage *entry);
	void *ctx;
};

/* The next message of an answer, whose kind is returned; below 1 *code says what went wrong. */
static int next_message(LDAP *ld, int id, int64_t deadline, LDAPMessage **m, int *code)
{
	int64_t left = deadline - clock_monotonic();
	struct timeval patience = {left / 1000, left % 1000 * 1000};
	int kind = left > 0 ? ldap_result(ld, id, LDAP_MSG_ONE, &patience, m) : 0;
	*code = LDAP_TIMEOUT;
	if (kind < 0 && ldap_get_option(ld, LDAP_OPT_RESULT_CODE, code) != LDAP_SUCCESS)
		*code = LDAP_OTHER;
	return kind;
}

/* Hands on the entries as they come, each while it is here, up to the end of the answer. */
static int take_entries(struct search *s, int id)
{
	int64_t deadline = clock_monotonic() + (int64_t)LDAP_PATIENCE * 1000;
	size_t n = 0;
	for (int code;;) {
		LDAPMessage *m = NULL;
		int kind = next_message(s->ld, id, deadline, &m, &code);
		if (kind == LDAP_RES_SEARCH_RESULT) {
			if (ldap_parse_result(s->ld, m, &code, NULL, NULL, NULL, NULL, 1) !=
			    LDAP_SUCCESS)
				code = LDAP_DECODING_ERROR;
			return code == LDAP_SIZELIMIT_EXCEEDED && n ? LDAP_SUCCESS : code;
		}
		if (kind == LDAP_RES_SEARCH_ENTRY && n++ < s->most)
			s->take(s, m);
		ldap_msgfree(m);
		if (kind > 0 && n <= s->most)
			continue;
		ldap_abandon_ext(s->ld, id, NULL, NULL);
		return kind > 0 ? LDAP_SUCCESS : code;
	}
}

static bool search(struct search *s, struct err *e)
{
	struct timeval patience = {LDAP_PATIENCE, 0};
	int id, code = ldap_search_ext(s->ld, str_dup(s->arena, s->server->base),
				       LDAP_SCOPE_SUBTREE, str_dup(s->arena, s->filter),
				       (char **)s->attributes, 0, NULL, NULL, &patience,
				       (int)s->most, &id);
	if (code == LDAP_SUCCESS)
		code = take_entries(s, id);
	return code == LDAP_SUCCESS || refuse(e, s->ld, "searching", code);
}

/* ---- Passwords ---- */

/* The names of those found: one is looked for. */
struct names {
	size_t n;
	const char *first;
};

static void take_name(struct search *s, LDAPMessage *entry)
{
	struct names *names = s->ctx;
	char *dn = ldap_get_dn(s->ld, entry);
	if (names->n++ == 0 && dn && strlen(dn) <= TEXT_MOST)
		names->first = arena_strdup(s->arena, dn);
	ldap_memfree(dn);
}

/* The name of the one entry; NULL when there is none, or several. */
static const char *find_dn(struct arena *a, LDAP *ld, const struct ldap_server *server,
			   struct str address, struct err *e)
{
	static char *const nothing[] = {(char *)LDAP_NO_ATTRS, NULL};
	struct buf filter = {0};
	struct names names = {0};
	put_filter(&filter, server->filter, address);
	struct search s = {.arena = a,
			   .ld = ld,
			   .server = server,
			   .filter = buf_move(a, &filter),
			   .attributes = nothing,
			   .most = 2,
			   .take = take_name,
			   .ctx = &names};
	if (!search(&s, e))
		return NULL;
	/* Without a name the login would be nobody's, and succeed (RFC 4513 5.1.1). */
	if (names.n == 1 && names.first && *names.first)
		return names.first;
	err_set(e, ERR_LOGIN, "LDAP: nobody, or several, with this address");
	return NULL;
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
	const char *dn = find_dn(a, ld, server, address, e);
	int code = dn ? bind_as(ld, dn, password) : LDAP_SUCCESS;
	if (code == LDAP_INVALID_CREDENTIALS || code == LDAP_INAPPROPRIATE_AUTH)
		err_set(e, ERR_LOGIN, "wrong password");
	else if (code != LDAP_SUCCESS)
		refuse(e, ld, "the user's login", code);
	ldap_unbind_ext_s(ld, NULL, NULL);
	return dn && code == LDAP_SUCCESS;
}

/* ---- People ---- */

struct persons {
	struct ldap_person *v;
	size_t n;
};

static size_t longest(int attribute)
{
	return attribute == LDAP_PHOTO	       ? PHOTO_MOST
	       : attribute == LDAP_CERTIFICATE ? CERTIFICATE_MOST
					       : TEXT_MOST;
}

/* A value that is longer than any that makes sense is left out. */
static void take_person(struct search *s, LDAPMessage *entry)
{
	struct persons *persons = s->ctx;
	struct ldap_person *out = &persons->v[persons->n++];
	for (int i = 0; i < LDAP_ATTRIBUTES; i++) {
		struct berval **values = ldap_get_values_len(s->ld, entry, attribute_names[i]);
		struct str v = {"", 0};
		if (values && values[0] && values[0]->bv_len <= longest(i))
			v = (struct str){arena_dup(s->arena, values[0]->bv_val, values[0]->bv_len),
					 values[0]->bv_len};
		out->v[i] = v;
		ldap_value_free_len(values);
	}
}

bool ldap_people(struct arena *a, const struct ldap_server *server, const struct ldap_question *q,
		 struct ldap_person **out, size_t *n, struct err *e)
{
	char *names[LDAP_ATTRIBUTES + 1] = {NULL};
	struct buf filter = {0};
	struct persons persons = {.v = arena_array(a, q->most, sizeof **out)};
	memcpy(names, attribute_names, (q->whole ? LDAP_ATTRIBUTES : LDAP_PHOTO) * sizeof *names);
	*n = 0;
	*out = persons.v;
	LDAP *ld = enter(a, server, e);
	if (!ld)
		return false;
	buf_cstr(&filter, "(&");
	for (size_t i = 0; i < q->nwords; i++)
		put_filter(&filter, server->filter, q->words[i]);
	buf_byte(&filter, ')');
	struct search s = {.arena = a,
			   .ld = ld,
			   .server = server,
			   .filter = buf_move(a, &filter),
			   .attributes = names,
			   .most = q->most,
			   .take = take_person,
			   .ctx = &persons};
	bool ok = search(&s, e);
	ldap_unbind_ext_s(ld, NULL, NULL);
	*n = ok ? persons.n : 0;
	return ok;
}
