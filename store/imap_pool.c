/* imap_pool: the connections to IMAP servers that a process keeps. See imap_pool.h. */
#include "store/imap_pool.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/base/clock.h"

enum {
	IDLE_MS = 3 * 60 * 1000,
	FULL_MS = 10 * 1000, /* how long a request waits for a connection of its account */
	TRUSTS = 16,
	BUCKETS = 4096
};

struct held {
	struct held *next;
	int32_t account;
	unsigned requests;
	char *address, *password, *client;
	unsigned char digest[32];
};

/* A password that the server accepted. */
struct trusted {
	struct trusted *next;
	int32_t account;
	int64_t until; /* clock_monotonic() */
	unsigned char digest[32];
};

/* How many connections there are, by account or by host. */
struct tally {
	struct tally *next;
	int32_t account;
	char *host; /* NULL: it is an account's */
	int n;
};

struct imap_pool {
	pthread_mutex_t lock;
	pthread_cond_t given;
	struct imap_link *idle; /* the newest first */
	struct held *held;
	struct tally *tallies;
	void (*observer)(void *ctx, int32_t account, bool held);
	void *observer_ctx;
	struct trusted *trusted[BUCKETS];
	struct {
		char *pem;
		struct imap_trust *trust;
	} trusts[TRUSTS];
};

static char *copy(struct str s)
{
	char *p = base_malloc(s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct imap_pool *imap_pool_new(void)
{
	struct imap_pool *p = base_calloc(1, sizeof *p);
	pthread_condattr_t monotonic;
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->given, &monotonic);
	pthread_condattr_destroy(&monotonic);
	return p;
}

/* ---- Numbers ---- */

static struct tally *tally_of(struct imap_pool *p, int32_t account, const char *host)
{
	for (struct tally *t = p->tallies; t; t = t->next)
		if (t->host ? host && strcmp(t->host, host) == 0 : !host && t->account == account)
			return t;
	struct tally *t = base_calloc(1, sizeof *t);
	*t = (struct tally){
		.next = p->tallies, .account = account, .host = host ? copy(str_of(host)) : NULL};
	p->tallies = t;
	return t;
}

static void tally_lower(struct imap_pool *p, int32_t account, const char *host)
{
	struct tally *t = tally_of(p, account, host);
	if (--t->n > 0)
		return;
	for (struct tally **at = &p->tallies; *at; at = &(*at)->next)
		if (*at == t) {
			*at = t->next;
			free(t->host);
			free(t);
			return;
		}
}

static void link_close(struct imap_link *link)
{
	imap_free(&link->imap);
	free(link->host);
	free(link->selected);
	OPENSSL_cleanse(link->digest, sizeof link->digest);
	free(link);
}

/* ---- Idle ones. All under the lock. ---- */

static void drop(struct imap_pool *p, struct imap_link **at)
{
	struct imap_link *link = *at;
	*at = link->next;
	tally_lower(p, link->account, NULL);
	tally_lower(p, 0, link->host);
	link_close(link);
}

static void drop_account(struct imap_pool *p, int32_t account, const unsigned char *but)
{
	for (struct imap_link **at = &p->idle; *at;)
		if ((*at)->account == account &&
		    !(but && CRYPTO_memcmp((*at)->digest, but, 32) == 0))
			drop(p, at);
		else
			at = &(*at)->next;
}

static struct imap_link *find_idle(struct imap_pool *p, const struct imap_person *who)
{
	for (struct imap_link **at = &p->idle; *at;) {
		struct imap_link *link = *at;
		bool ours = link->account == who->account &&
			    CRYPTO_memcmp(link->digest, who->digest, 32) == 0;
		if (!ours) {
			at = &link->next;
		} else if (imap_stale(link->imap)) {
			drop(p, at);
		} else {
			*at = link->next;
			link->next = NULL;
			link->reused = true;
			return link;
		}
	}
	return NULL;
}

/* The oldest idle connection to the host makes room for another account's. */
static bool make_room(struct imap_pool *p, const char *host)
{
	struct imap_link **oldest = NULL;
	for (struct imap_link **at = &p->idle; *at; at = &(*at)->next)
		if (strcmp((*at)->host, host) == 0 &&
		    (!oldest || (*at)->idle_since < (*oldest)->idle_since))
			oldest = at;
	if (oldest)
		drop(p, oldest);
	return oldest != NULL;
}

/* An idle one in *out, or room for a new one, which counts from now on. False: neither. */
static bool find_or_count(struct imap_pool *p, const struct imap_site *site,
			  const struct imap_person *who, bool fresh, struct imap_link **out)
{
	*out = fresh ? NULL : find_idle(p, who);
	if (*out)
		return true;
	struct tally *own = tally_of(p, who->account, NULL);
	if (who->account != 0 && own->n >= site->connections) {
		drop_account(p, who->account, fresh ? NULL : who->digest);
		own = tally_of(p, who->account, NULL);
		if (own->n >= site->connections)
			return false;
	}
	if (tally_of(p, 0, site->host)->n >= site->host_connections && !make_room(p, site->host))
		return false;
	tally_of(p, who->account, NULL)->n++;
	tally_of(p, 0, site->host)->n++;
	return true;
}

static bool wait_for_room(struct imap_pool *p, const struct imap_site *site,
			  const struct imap_person *who, bool fresh, struct imap_link **out)
{
	int64_t until = clock_monotonic() + FULL_MS;
	const struct timespec limit = {until / 1000, until % 1000 * 1000000};
	while (!find_or_count(p, site, who, fresh, out))
		if (pthread_cond_timedwait(&p->given, &p->lock, &limit) == ETIMEDOUT)
			return false;
	return true;
}

/* ---- New ones ---- */

static struct imap_trust *trust_of(struct imap_pool *p, const char *pem, struct err *e)
{
	size_t i = 0;
	pthread_mutex_lock(&p->lock);
	while (i < TRUSTS && p->trusts[i].pem && strcmp(p->trusts[i].pem, pem) != 0)
		i++;
	struct imap_trust *trust = i < TRUSTS ? p->trusts[i].trust : NULL;
	if (!trust && i < TRUSTS) {
		trust = imap_trust_new(pem, e);
		if (trust) {
			p->trusts[i].pem = copy(str_of(pem));
			p->trusts[i].trust = trust;
		}
	} else if (!trust) {
		err_set(e, ERR_INTERNAL, "more than %d sets of certificates to trust", TRUSTS);
	}
	pthread_mutex_unlock(&p->lock);
	return trust;
}

static struct imap *open_imap(struct imap_pool *p, const struct imap_site *site,
			      const struct imap_person *who, bool check, struct err *e)
{
	struct imap_server server = {.host = site->host,
				     .port = site->port,
				     .tls = site->tls,
				     .patience = site->patience};
	bool master = site->master_user.p && !check;
	const struct imap_credentials credentials = {
		.auth = master ? IMAP_AUTH_PASSWORD : site->auth,
		.user = master ? site->master_user : site->user,
		.as = master ? site->user : (struct str){NULL, 0},
		.password = master ? site->master_password : who->password,
	};
	if (site->tls != IMAP_PLAIN && !(server.trust = trust_of(p, site->ca, e)))
		return NULL;
	struct imap *c = imap_connect(&server, who->client, e);
	if (c && !imap_login(c, &credentials, e)) {
		imap_free(&c);
		/* The master's password is the administrator's business. */
		if (master && e->kind == ERR_LOGIN)
			e->kind = ERR_UNAVAILABLE;
	}
	return c;
}

struct imap_link *imap_pool_take(struct imap_pool *p, const struct imap_site *site,
				 const struct imap_person *who, bool fresh, struct err *e)
{
	struct imap_link *link;
	pthread_mutex_lock(&p->lock);
	bool ok = wait_for_room(p, site, who, fresh, &link);
	pthread_mutex_unlock(&p->lock);
	if (!ok) {
		err_set(e, ERR_UNAVAILABLE,
			"all IMAP connections of the account or host are in use");
		return NULL;
	}
	if (link)
		return link;
	struct imap *c = open_imap(p, site, who, fresh, e);
	pthread_mutex_lock(&p->lock);
	if (!c) {
		tally_lower(p, who->account, NULL);
		tally_lower(p, 0, site->host);
		pthread_cond_broadcast(&p->given);
	}
	pthread_mutex_unlock(&p->lock);
	if (!c)
		return NULL;
	link = base_calloc(1, sizeof *link);
	link->imap = c;
	link->account = who->account;
	link->host = copy(str_of(site->host));
	memcpy(link->digest, who->digest, sizeof link->digest);
	return link;
}

void imap_pool_give(struct imap_pool *p, struct imap_link **given)
{
	struct imap_link *link = *given;
	if (!link)
		return;
	*given = NULL;
	link->idle_since = clock_monotonic();
	if (!imap_dead(link->imap))
		imap_shrink(link->imap);
	pthread_mutex_lock(&p->lock);
	link->next = p->idle;
	p->idle = link;
	if (imap_dead(link->imap))
		drop(p, &p->idle);
	pthread_cond_broadcast(&p->given);
	pthread_mutex_unlock(&p->lock);
}

void imap_pool_detach(struct imap_pool *p, struct imap_link *link)
{
	pthread_mutex_lock(&p->lock);
	tally_lower(p, link->account, NULL);
	pthread_cond_broadcast(&p->given);
	pthread_mutex_unlock(&p->lock);
}

void imap_link_free(struct imap_pool *p, struct imap_link **link)
{
	if (!*link)
		return;
	pthread_mutex_lock(&p->lock);
	tally_lower(p, 0, (*link)->host);
	pthread_mutex_unlock(&p->lock);
	link_close(*link);
	*link = NULL;
}

void imap_pool_tidy(struct imap_pool *p)
{
	int64_t old = clock_monotonic() - IDLE_MS;
	pthread_mutex_lock(&p->lock);
	for (struct imap_link **at = &p->idle; *at;)
		if ((*at)->idle_since < old || imap_stale((*at)->imap))
			drop(p, at);
		else
			at = &(*at)->next;
	pthread_mutex_unlock(&p->lock);
}

/* ---- Passwords ---- */

static struct held **find_held(struct imap_pool *p, int32_t account)
{
	struct held **at = &p->held;
	while (*at && (*at)->account != account)
		at = &(*at)->next;
	return at;
}

static void wipe(char **p)
{
	if (*p)
		OPENSSL_cleanse(*p, strlen(*p));
	free(*p);
	*p = NULL;
}

static void held_free(struct held *h)
{
	wipe(&h->password);
	free(h->address);
	free(h->client);
	OPENSSL_cleanse(h->digest, sizeof h->digest);
	free(h);
}

void imap_pool_hold(struct imap_pool *p, const struct imap_person *who)
{
	pthread_mutex_lock(&p->lock);
	struct held *h = *find_held(p, who->account);
	if (!h) {
		h = base_calloc(1, sizeof *h);
		h->account = who->account;
		h->address = copy(who->address);
		h->next = p->held;
		p->held = h;
	}
	bool first = h->requests++ == 0;
	/* A request that was woken has no password of its own: it has the one that is held. */
	if (who->password.n) {
		wipe(&h->password);
		h->password = copy(who->password);
		free(h->client);
		h->client = who->client ? copy(str_of(who->client)) : NULL;
		memcpy(h->digest, who->digest, sizeof h->digest);
	}
	pthread_mutex_unlock(&p->lock);
	if (first && p->observer)
		p->observer(p->observer_ctx, who->account, true);
}

void imap_pool_release(struct imap_pool *p, int32_t account)
{
	pthread_mutex_lock(&p->lock);
	struct held **at = find_held(p, account), *h = *at;
	bool last = h && --h->requests == 0;
	if (last) {
		*at = h->next;
		held_free(h);
	}
	pthread_mutex_unlock(&p->lock);
	if (last && p->observer)
		p->observer(p->observer_ctx, account, false);
}

void imap_pool_observe(struct imap_pool *p, void (*held)(void *ctx, int32_t account, bool held),
		       void *ctx)
{
	p->observer = held;
	p->observer_ctx = ctx;
}

bool imap_pool_held(struct imap_pool *p, int32_t account, struct arena *secrets,
		    struct imap_person *out)
{
	pthread_mutex_lock(&p->lock);
	const struct held *h = *find_held(p, account);
	bool found = h && h->password;
	if (found)
		*out = (struct imap_person){
			.account = account,
			.address = str_of(arena_strdup(secrets, h->address)),
			.password = str_of(arena_strdup(secrets, h->password)),
			.digest = (unsigned char *)arena_dup(secrets, h->digest, sizeof h->digest),
			.client = h->client ? arena_strdup(secrets, h->client) : NULL,
		};
	pthread_mutex_unlock(&p->lock);
	return found;
}

/* ---- Passwords that were right ---- */

static struct trusted **find_trusted(struct imap_pool *p, int32_t account)
{
	struct trusted **at = &p->trusted[(uint32_t)account % BUCKETS];
	while (*at && (*at)->account != account)
		at = &(*at)->next;
	return at;
}

void imap_pool_trust(struct imap_pool *p, int32_t account, const unsigned char *digest, int64_t ms)
{
	pthread_mutex_lock(&p->lock);
	struct trusted **at = find_trusted(p, account);
	if (!*at) {
		*at = base_calloc(1, sizeof **at);
		(*at)->account = account;
	}
	memcpy((*at)->digest, digest, sizeof(*at)->digest);
	(*at)->until = clock_monotonic() + ms;
	/* Connections that another password opened are not for who has this one. */
	drop_account(p, account, digest);
	pthread_mutex_unlock(&p->lock);
}

bool imap_pool_trusts(struct imap_pool *p, int32_t account, const unsigned char *digest)
{
	pthread_mutex_lock(&p->lock);
	const struct trusted *t = *find_trusted(p, account);
	bool trusts = t && clock_monotonic() < t->until &&
		      CRYPTO_memcmp(t->digest, digest, sizeof t->digest) == 0;
	pthread_mutex_unlock(&p->lock);
	return trusts;
}

void imap_pool_distrust(struct imap_pool *p, int32_t account, const unsigned char *digest)
{
	pthread_mutex_lock(&p->lock);
	struct trusted **at = find_trusted(p, account), *t = *at;
	if (t && CRYPTO_memcmp(t->digest, digest, sizeof t->digest) == 0) {
		*at = t->next;
		OPENSSL_cleanse(t, sizeof *t);
		free(t);
		drop_account(p, account, NULL);
		struct held *h = *find_held(p, account);
		if (h && CRYPTO_memcmp(h->digest, digest, sizeof h->digest) == 0)
			wipe(&h->password);
	}
	pthread_mutex_unlock(&p->lock);
}

void imap_pool_free(struct imap_pool **pool)
{
	struct imap_pool *p = *pool;
	if (!p)
		return;
	while (p->idle)
		drop(p, &p->idle);
	while (p->held) {
		struct held *h = p->held;
		p->held = h->next;
		held_free(h);
	}
	for (struct tally *t; (t = p->tallies); free(t)) {
		p->tallies = t->next;
		free(t->host);
	}
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct trusted *t; (t = p->trusted[i]); free(t)) {
			p->trusted[i] = t->next;
			OPENSSL_cleanse(t->digest, sizeof t->digest);
		}
	for (size_t i = 0; i < TRUSTS; i++) {
		free(p->trusts[i].pem);
		imap_trust_free(&p->trusts[i].trust);
	}
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->given);
	free(p);
	*pool = NULL;
}
