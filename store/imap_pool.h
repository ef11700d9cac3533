/*
 * imap_pool: the connections to IMAP servers that a process keeps, so that a request finds one that
 * is logged in already, and the passwords that waiting requests may still need.
 *
 * A connection is handed only to a request whose password has the digest with which it was opened,
 * so a changed password ends it. Numbers are limited for each account and each server. A password
 * is held only between imap_pool_hold() and the last imap_pool_release(), and wiped then.
 * Thread: any; a struct imap_link belongs to whoever took it.
 */
#ifndef EASEL_STORE_IMAP_POOL_H
#define EASEL_STORE_IMAP_POOL_H

#include <stdbool.h>
#include <stdint.h>

#include "store/imap.h"
#include "store/imap_site.h"

struct imap_pool;

/* A connection that is logged in, and what is selected in it. */
struct imap_link {
	struct imap *imap;
	int32_t account;
	struct imap_link *next; /* the pool's own */
	char *host;
	char *selected;	      /* mailbox, as the server writes it; NULL: none */
	uint64_t uidvalidity; /* of that */
	int64_t selected_at;  /* clock_monotonic() */
	bool qresync;	      /* ENABLEd */
	bool reused;	      /* it had been idle: it may be gone unnoticed */
	int64_t idle_since;   /* clock_monotonic() */
	unsigned char digest[32];
};

/* Who is behind a request. */
struct imap_person {
	int32_t account;
	struct str address;	     /* of the account */
	struct str password;	     /* empty: it is not known, and only a held one will do */
	const unsigned char *digest; /* 32 bytes, of the password */
	const char *client;	     /* address of the phone; NULL: not known */
};

struct imap_pool *imap_pool_new(void);
void imap_pool_free(struct imap_pool **p);

/*
 * A connection of the account: an idle one, or a new one that is logged in as the site says. Waits
 * a little when all that the account may have are in use. ERR_LOGIN: the IMAP server does not
 * accept the password; everything that was kept for it is closed. Else ERR_UNAVAILABLE. `fresh`
 * asks for a new one, whatever is idle: so that the password is looked at.
 */
struct imap_link *imap_pool_take(struct imap_pool *p, const struct imap_site *site,
				 const struct imap_person *who, bool fresh, struct err *e);

/* Gives it back; one that is dead is closed. */
void imap_pool_give(struct imap_pool *p, struct imap_link **link);

/* It is used for waiting from now on, and no longer counts for the account: close it with free. */
void imap_pool_detach(struct imap_pool *p, struct imap_link *link);
void imap_link_free(struct imap_pool *p, struct imap_link **link);

/* Closes what has been idle for too long. */
void imap_pool_tidy(struct imap_pool *p);

/*
 * For `ms` the password with this digest is taken for right without asking; only the last one of an
 * account is.
 */
void imap_pool_trust(struct imap_pool *p, int32_t account, const unsigned char *digest, int64_t ms);
bool imap_pool_trusts(struct imap_pool *p, int32_t account, const unsigned char *digest);

/* It is wrong by now: what was kept for it is not good any more. */
void imap_pool_distrust(struct imap_pool *p, int32_t account, const unsigned char *digest);

/*
 * Remembers the person for as long as requests of the account wait. Each hold needs a release.
 */
void imap_pool_hold(struct imap_pool *p, const struct imap_person *who);
void imap_pool_release(struct imap_pool *p, int32_t account);

/*
 * Tells from now on when the first request of an account begins to wait and when the last one
 * ended. Called with no lock held; set before the first thread uses the pool.
 */
void imap_pool_observe(struct imap_pool *p, void (*held)(void *ctx, int32_t account, bool held),
		       void *ctx);

/* Copies of what is held, into an arena that is wiped. False: nobody waits. */
bool imap_pool_held(struct imap_pool *p, int32_t account, struct arena *secrets,
		    struct imap_person *out);

#endif
