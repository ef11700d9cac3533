/*
 * imap_site: the IMAP server of a domain, as easel.domain says.
 *
 * Failure rule: as pg.h. Ownership: everything lies in the arena. Thread: that of the connection.
 */
#ifndef EASEL_STORE_IMAP_SITE_H
#define EASEL_STORE_IMAP_SITE_H

#include <stdbool.h>

#include "store/imap.h"
#include "store/store.h"

struct pg;

/* How waiting phones learn of news (easel.domain.imap_watch). */
enum imap_watching { IMAP_WATCH_NOTIFY, IMAP_WATCH_IDLE, IMAP_WATCH_POLL, IMAP_WATCH_TOLD };

struct imap_site {
	struct str address; /* of the account, whatever was typed */
	int32_t account;    /* 0: there is none yet */
	bool throttled;	    /* too many wrong passwords from this address */
	struct str user;    /* to log in with */
	const char *host, *ca;
	int port, patience; /* ms */
	enum imap_tls tls;
	enum imap_auth auth;
	struct str master_user, master_password; /* p NULL: none */
	int connections, host_connections;
	enum imap_watching watching;
	int poll;	      /* seconds */
	int64_t login_memory; /* ms for which a password that was right is taken for right */
	bool subscribed_only, own_only;
	bool smtp_as_user;
};

/* By the name that was typed at a login. FOUND_NONE: no domain of it has its mail there. */
enum found imap_site_of_login(struct pg *db, struct arena *a, struct str login,
			      struct str from_address, struct imap_site *out, struct err *e);

/* By an account. */
enum found imap_site_of_account(struct pg *db, struct arena *a, int32_t account,
				struct imap_site *out, struct err *e);

/* Adds the account of the address, if it is not there yet; gives its number. */
bool imap_site_add_account(struct pg *db, struct arena *a, struct str address, int32_t *account,
			   struct err *e);

#endif
