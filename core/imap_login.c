/* imap_login: accounts whose passwords are an IMAP server's. See imap_login.h. */
#include "core/imap_login.h"

#include "core/base/arena.h"
#include "core/imap_meetings.h"
#include "store/imap_store.h"
#include "store/password.h"
#include "store/pg.h"

static void digest_of(const struct session *s, int32_t account, struct str password,
		      unsigned char out[PASSWORD_DIGEST])
{
	password_digest(s->server->key, account, STR("imap"), password, out);
}

static struct imap_person person_of(struct session *s, const struct request *rq, int32_t account,
				    struct str address, const struct login *login)
{
	unsigned char *digest = arena_alloc(s->secrets, PASSWORD_DIGEST);
	digest_of(s, account, login->password, digest);
	return (struct imap_person){
		.account = account,
		.address = address,
		.password = login->password,
		.digest = digest,
		.client = rq->remote_addr.n ? str_dup(s->arena, rq->remote_addr) : NULL,
	};
}

/* Whether the name is the same without asking the database. */
static bool is_bare(struct str name)
{
	return str_find_byte(name, '@') < 0;
}

/* Whether the server takes the login, of an account or of a name that would become one. */
static bool ask_server(struct session *s, const struct request *rq, const struct imap_site *site,
		       const struct imap_person *who, struct err *e)
{
	struct err ignored = {0};
	if (site->throttled)
		return err_set(e, ERR_LOGIN, "too many wrong passwords from this address");
	if (store_imap_check(s->mail, site, who, e))
		return true;
	if (e->kind == ERR_LOGIN)
		account_count_failure(s->db, s->arena, site->address, rq->remote_addr, &ignored);
	return false;
}

enum found imap_login_first(struct session *s, const struct request *rq, const struct login *login,
			    struct str *address, struct err *e)
{
	struct imap_site site;
	int32_t account;
	if (!s->server->imap)
		return FOUND_NONE;
	enum found found = imap_site_of_login(s->db, s->arena, str_lower(s->arena, login->name),
					      rq->remote_addr, &site, e);
	if (found == FOUND_NONE && is_bare(login->name))
		return account_of_bare_name(s->db, s->arena, login->name, address, e);
	if (found != FOUND_ONE)
		return found;
	*address = site.address;
	if (site.account)
		return FOUND_ONE;
	struct imap_person who = person_of(s, rq, 0, site.address, login);
	if (!ask_server(s, rq, &site, &who, e) ||
	    !imap_site_add_account(s->db, s->arena, site.address, &account, e))
		return FOUND_FAILED;
	struct imap_person known = person_of(s, rq, account, site.address, login);
	imap_pool_trust(s->server->imap, account, known.digest, site.login_memory);
	return FOUND_ONE;
}

static enum found check_at_server(struct session *s, const struct request *rq,
				  const struct imap_person *who, struct err *e)
{
	struct imap_site site;
	enum found found =
		imap_site_of_login(s->db, s->arena, who->address, rq->remote_addr, &site, e);
	if (found != FOUND_ONE)
		return found;
	if (ask_server(s, rq, &site, who, e)) {
		imap_pool_trust(s->server->imap, who->account, who->digest, site.login_memory);
		return FOUND_ONE;
	}
	if (e->kind == ERR_LOGIN && !site.throttled)
		imap_pool_distrust(s->server->imap, who->account, who->digest);
	return FOUND_FAILED;
}

enum found imap_login_check(struct session *s, const struct request *rq, const struct login *login,
			    const struct gate_row *g, struct err *e)
{
	enum found found = FOUND_ONE;
	if (!s->server->imap)
		return FOUND_NONE;
	struct imap_person who = person_of(s, rq, g->account, g->address, login);
	if (!imap_pool_trusts(s->server->imap, g->account, who.digest))
		found = check_at_server(s, rq, &who, e);
	if (found == FOUND_ONE)
		store_imap_enter(s->mail, &who);
	return found;
}

void imap_login_waited(struct session *s, int32_t account)
{
	struct imap_person who;
	if (s->server->imap && imap_pool_held(s->server->imap, account, s->secrets, &who))
		store_imap_enter(s->mail, &who);
}

void imap_login_hold(struct session *s, struct waiter *w)
{
	const struct imap_person *who =
		s->server->imap ? store_imap_person(s->mail, w->account) : NULL;
	if (!who)
		return;
	w->imap = s->server->imap;
	imap_pool_hold(w->imap, who);
}

bool imap_login_is(struct session *s, int32_t account)
{
	return s->server->imap && store_imap_person(s->mail, account);
}

bool imap_login_refresh(struct session *s, int32_t account, const int32_t *folders, size_t n,
			struct err *e)
{
	if (!imap_login_is(s, account))
		return true;
	if (!store_refresh(s->store, account, folders, n, e))
		return false;
	imap_meetings_take(s, account);
	return true;
}
