/*
 * protocol: which protocols the clients of an address are told of (easel.protocol).
 *
 * Ownership: everything read lies in the arena given. Thread: the connection's.
 */
#ifndef EASEL_STORE_PROTOCOL_H
#define EASEL_STORE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;
struct pg;

struct protocol {
	struct str type; /* "MobileSync", "IMAP" … */
	struct str url;	 /* of a protocol over HTTP; else empty, and host and port are set */
	struct str host;
	int port;
	struct str security; /* "tls", "starttls", "none" */
	struct str login;
};

struct protocols {
	struct protocol *v;
	size_t n; /* 0: the domain is not served here */
};

/*
 * All of an address, of which only the domain matters, in the order in which clients are told.
 * `host` is the name under which the client found this server, `elsewhere` the account's lives_at,
 * empty when it lives here.
 */
bool protocols_load(struct pg *db, struct arena *a, struct str address, struct str host,
		    struct str elsewhere, struct protocols *out, struct err *e);

/* The one of a type, in whatever letter case; NULL when there is none. */
const struct protocol *protocols_find(const struct protocols *p, struct str type);

#endif
