/* imap_site: the IMAP server of a domain. See imap_site.h for the contract. */
#include "store/imap_site.h"

#include "core/base/arena.h"
#include "store/account.h"
#include "store/pg.h"

#define SETTINGS                                                                                   \
	" d.imap_host, d.imap_port, d.imap_tls, coalesce(d.imap_ca, ''), d.imap_auth,"             \
	" replace(replace(replace(d.imap_user, '%u', x.address),"                                  \
	"	'%n', split_part(x.address, '@', 1)), '%d', d.name),"                                    \
	" d.imap_master_user, d.imap_master_password, d.imap_patience, d.imap_connections,"        \
	" d.imap_host_connections, d.imap_watch, d.imap_poll, d.imap_folders = 'subscribed',"      \
	" d.imap_namespaces = 'own', d.smtp_as_user,"                                              \
	" least(extract(epoch FROM d.imap_login_memory) * 1000, 86400000000)::bigint"

static PG_STATEMENT(
	imap_site_login,
	"SELECT x.address, coalesce(a.id, 0), coalesce(f.failures >= s.login_failures"
	"	AND f.last_at > now() - make_interval(secs => s.login_pause), false)," SETTINGS
	" FROM (SELECT easel.login_address($1::text) AS address) x"
	" CROSS JOIN easel.server s"
	" JOIN easel.domain d ON d.name = split_part(x.address, '@', 2) AND d.backend = 'imap'"
	" LEFT JOIN easel.account a ON a.address = x.address"
	" LEFT JOIN easel.login_failure f ON f.login = x.address AND f.address = $2::inet");

static PG_STATEMENT(imap_site_account,
		    "SELECT x.address, x.id, false," SETTINGS " FROM easel.account x"
		    " JOIN easel.domain d ON d.id = x.domain_id AND d.backend = 'imap'"
		    " WHERE x.id = $1");

static PG_STATEMENT(imap_site_create, "SELECT easel.imap_account_create($1::text)");

/* Position of a word in a list that ends with NULL; the first when it is none of them. */
static int choice(struct str word, const char *const *words)
{
	for (int i = 0; words[i]; i++)
		if (str_eq(word, str_of(words[i])))
			return i;
	return 0;
}

static struct str text_or_null(struct arena *a, const struct pg_rows *r, int col)
{
	return pg_is_null(r, 0, col) ? (struct str){NULL, 0} : pg_get_copy(a, r, 0, col);
}

static void read_row(struct arena *a, const struct pg_rows *r, struct imap_site *out)
{
	static const char *const tls[] = {"none", "starttls", "tls", NULL};
	static const char *const auth[] = {"password", "xoauth2", "oauthbearer", NULL};
	static const char *const watching[] = {"notify", "idle", "poll", "told", NULL};
	*out = (struct imap_site){
		.address = pg_get_copy(a, r, 0, 0),
		.account = (int32_t)pg_get_int(r, 0, 1),
		.throttled = pg_get_bool(r, 0, 2),
		.host = str_dup(a, pg_get_str(r, 0, 3)),
		.port = (int)pg_get_int(r, 0, 4),
		.tls = (enum imap_tls)choice(pg_get_str(r, 0, 5), tls),
		.ca = str_dup(a, pg_get_str(r, 0, 6)),
		.auth = (enum imap_auth)choice(pg_get_str(r, 0, 7), auth),
		.user = pg_get_copy(a, r, 0, 8),
		.master_user = text_or_null(a, r, 9),
		.master_password = text_or_null(a, r, 10),
		.patience = (int)pg_get_int(r, 0, 11) * 1000,
		.connections = (int)pg_get_int(r, 0, 12),
		.host_connections = (int)pg_get_int(r, 0, 13),
		.watching = (enum imap_watching)choice(pg_get_str(r, 0, 14), watching),
		.poll = (int)pg_get_int(r, 0, 15),
		.subscribed_only = pg_get_bool(r, 0, 16),
		.own_only = pg_get_bool(r, 0, 17),
		.smtp_as_user = pg_get_bool(r, 0, 18),
		.login_memory = pg_get_int(r, 0, 19),
	};
	if (out->port == 0)
		out->port = out->tls == IMAP_TLS ? 993 : 143;
}

static enum found load(struct pg *db, struct arena *a, const struct pg_statement *st,
		       const struct pg_params *p, struct imap_site *out, struct err *e)
{
	struct pg_rows *r;
	enum found found = pg_find(db, st, p, &r, e);
	if (found == FOUND_ONE)
		read_row(a, r, out);
	pg_done(&r);
	return found;
}

enum found imap_site_of_login(struct pg *db, struct arena *a, struct str login,
			      struct str from_address, struct imap_site *out, struct err *e)
{
	struct pg_params p = {0};
	pg_text(&p, a, login);
	account_put_address(&p, a, from_address);
	return load(db, a, &imap_site_login, &p, out, e);
}

enum found imap_site_of_account(struct pg *db, struct arena *a, int32_t account,
				struct imap_site *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	return load(db, a, &imap_site_account, &p, out, e);
}

bool imap_site_add_account(struct pg *db, struct arena *a, struct str address, int32_t *account,
			   struct err *e)
{
	struct pg_params p = {0};
	pg_text(&p, a, address);
	struct pg_rows *r = pg_run(db, &imap_site_create, &p, e);
	if (!r)
		return false;
	*account = (int32_t)pg_get_int(r, 0, 0);
	pg_done(&r);
	return true;
}
