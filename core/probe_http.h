/*
 * probe_http: one request of easel-check to a web server, and what went wrong with it in terms of
 * the way there: name, connection, certificate.
 *
 * Ownership: answers lie in the arena given. Thread: the caller's.
 */
#ifndef EASEL_CORE_PROBE_HTTP_H
#define EASEL_CORE_PROBE_HTTP_H

#include <stdbool.h>

#include "core/base/str.h"

struct arena;

enum probe_way {
	WAY_OK, /* there is an answer */
	WAY_NO_NAME,
	WAY_NO_CONNECTION,
	WAY_EXPIRED,
	WAY_WRONG_NAME, /* of the certificate */
	WAY_UNTRUSTED,
	WAY_NO_TLS,
	WAY_OLD_TLS,
	WAY_SILENT, /* no answer within the time */
	WAY_BROKEN  /* the connection ended without an answer */
};

struct probe_client {
	const char *user, *password; /* NULL: no login */
	const char *ca;		     /* file of certificates to trust; NULL: the system's */
};

struct probe_request {
	const char *method, *url, *content_type;
	const char *version; /* MS-ASProtocolVersion; NULL: none */
	struct str body;
	bool login;
	long seconds; /* to wait for the answer */
};

struct probe_answer {
	enum probe_way way;
	const char *detail; /* what libcurl says of it */
	long status;
	double seconds; /* that it took */
	struct str body;
	struct str redirect; /* whole URL that a 3xx answer names; empty: none */
	/* Headers; p NULL: not sent. */
	struct str authenticate, versions, location, login, content_type;
};

void probe_ask(struct arena *a, const struct probe_client *c, const struct probe_request *q,
	       struct probe_answer *out);

#endif
