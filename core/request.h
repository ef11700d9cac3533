/*
 * request: what a phone asked, decoded from HTTP, and what it is answered. The border between
 * fcgi/, which fills the one and sends the other, and core/, which knows what they mean.
 *
 * Everything in a struct request lies in its arena and is valid until the answer was sent.
 * Thread: one at a time.
 */
#ifndef EASEL_CORE_REQUEST_H
#define EASEL_CORE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/body.h"
#include "core/base/str.h"

struct arena;

enum http_method { METHOD_OTHER, METHOD_OPTIONS, METHOD_GET, METHOD_POST };

/* Which of our addresses was asked for: in any letter case, with or without a trailing slash. */
enum endpoint {
	ENDPOINT_NONE,	       /* not ours: 404 */
	ENDPOINT_ACTIVESYNC,   /* /Microsoft-Server-ActiveSync */
	ENDPOINT_USER_PAGE,    /* /easel/ */
	ENDPOINT_AUTODISCOVER, /* /autodiscover/autodiscover.xml */
	/* From here on for anybody, without a login: see discovery.h. */
	ENDPOINT_AUTODISCOVER_JSON, /* /autodiscover/autodiscover.json, or that/v1.0/address */
	ENDPOINT_AUTOCONFIG,	    /* /mail/config-v1.1.xml and where else Thunderbird looks */
	ENDPOINT_APPLE,		    /* /easel/apple.mobileconfig */
	ENDPOINT_CALDAV,	    /* /.well-known/caldav */
	ENDPOINT_CARDDAV	    /* /.well-known/carddav */
};

/*
 * The query of an ActiveSync request (MS-ASHTTP 2.2.1.1.1), in plain or base64 form. Runs that were
 * not sent have p == NULL.
 */
struct eas_query {
	bool base64;	      /* it came in the base64 form */
	bool broken;	      /* a base64 form that could not be read */
	struct str command;   /* name; from a command code in the base64 form; NULL when unknown */
	unsigned version;     /* 121, 140 …: version byte, else MS-ASProtocolVersion; 0 absent, 1
				 unreadable */
	unsigned locale;      /* LCID; 0 in the plain form */
	struct str device_id; /* hex of the bytes when they are not printable ASCII */
	struct str device_type;
	struct str user;
	bool has_policy_key;
	uint32_t policy_key; /* base64 form, else X-MS-PolicyKey */
	bool save_in_sent;
	bool accept_multipart; /* base64 option bit, else MS-ASAcceptMultiPart: T */
	struct str attachment_name, collection_id, item_id, long_id, occurrence;
};

enum body_state {
	BODY_COMPLETE,
	BODY_TOO_LARGE, /* past the limit, or inflated past it */
	BODY_CUT,	/* less than was announced has come */
	BODY_BROKEN	/* its length or encoding is not what it claims */
};

struct request {
	struct arena *arena;
	struct arena *secrets; /* credentials: wiped when the request ends */
	enum http_method method;
	enum endpoint endpoint;
	struct str authorization; /* the header as sent, in `secrets` */
	struct str content_type, user_agent, host, remote_addr;
	struct str cookie;	/* only for ENDPOINT_USER_PAGE */
	struct str path, query; /* as sent; only for endpoints without a login */
	bool accept_gzip;
	struct eas_query eas; /* only for ENDPOINT_ACTIVESYNC */
	struct str body;      /* inflated */
	enum body_state body_state;
	int64_t started; /* clock_monotonic() when it came, at the web server if that tells */
};

enum { ANSWER_HEADERS = 12 };

struct answer {
	int status;		  /* HTTP status; 200 until said otherwise */
	const char *content_type; /* NULL when there is no body */
	struct {
		const char *name, *value; /* static, or in the request's arena */
	} headers[ANSWER_HEADERS];
	unsigned nheaders;
	struct body body; /* freed by whoever sends the answer */
	int32_t synced;	  /* device whose Sync this answers, for session_answer_lost(); 0: none */
};

/* Adds a header; value must outlive the answer. */
void answer_header(struct answer *w, const char *name, const char *value);

#endif
