/*
 * smtp: hands messages to a mail server (RFC 5321, 3207, 4954), over libcurl.
 *
 * Failure rule: nothing fails; each recipient has a verdict. A refusal that is the configuration's
 * fault (no connection, no TLS, login refused) is never held against the message. The certificate
 * of the server is verified. Thread: a struct smtp belongs to one thread.
 */
#ifndef EASEL_STORE_SMTP_H
#define EASEL_STORE_SMTP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "core/base/str.h"

struct smtp;

enum smtp_tls { SMTP_TLS_NONE, SMTP_TLS_TRY, SMTP_TLS_REQUIRED };

struct smarthost {
	const char *url;	     /* smtp://host:port or smtps://host:port */
	const char *user, *password; /* NULL: no login */
	enum smtp_tls tls;	     /* STARTTLS on smtp:// */
};

enum smtp_verdict {
	SMTP_SENT,  /* the server has taken it */
	SMTP_LATER, /* not now: 4xx, or the server can't be reached or used */
	SMTP_NEVER  /* 5xx */
};

struct smtp_result {
	enum smtp_verdict verdict;
	char reason[200]; /* the server's reply or what went wrong: one line; empty when sent */
};

/*
 * *ending (may be NULL) is looked at about once a second: once it is true, a transfer that the
 * server has not been given whole is broken off, with the verdict SMTP_LATER.
 */
struct smtp *smtp_new(const atomic_bool *ending);
void smtp_free(struct smtp **s);

/* Sends one message, at most 500 seconds for all recipients together; results[i] for recipients[i].
 */
void smtp_send(struct smtp *s, const struct smarthost *host, const char *sender, struct str raw,
	       const char *const *recipients, size_t n, struct smtp_result *results);

#endif
