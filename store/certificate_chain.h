/*
 * certificate_chain: whether a certificate may be trusted to sign mail (MS-ASCMD 2.2.1.22).
 *
 * Trusted are the authorities that OpenSSL trusts on this host (SSL_CERT_FILE, SSL_CERT_DIR or the
 * system's). Revocation lists are those that lie there as well; nothing is fetched. Thread: any.
 */
#ifndef EASEL_STORE_CERTIFICATE_CHAIN_H
#define EASEL_STORE_CERTIFICATE_CHAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

enum certificate_result {
	CERTIFICATE_VALID,
	CERTIFICATE_MALFORMED,
	CERTIFICATE_SIGNATURE,
	CERTIFICATE_UNTRUSTED,
	CERTIFICATE_CHAIN,
	CERTIFICATE_NOT_FOR_MAIL,
	CERTIFICATE_EXPIRED,
	CERTIFICATE_WRONG_USE, /* an authority's used as a person's, or the other way round */
	CERTIFICATE_REVOKED,
	CERTIFICATE_CHAIN_REVOKED, /* not itself, but an authority between */
	CERTIFICATE_REVOCATION_UNKNOWN,
	CERTIFICATE_ERROR
};

/* What may stand between a certificate and an authority. */
struct certificate_chain;
struct certificate_chain *certificate_chain_new(void);
void certificate_chain_free(struct certificate_chain **c);

/* DER; false when it is none. */
bool certificate_chain_add(struct certificate_chain *c, struct str der);

/* `now` in seconds since 1970. */
enum certificate_result certificate_chain_check(const struct certificate_chain *c, struct str der,
						bool check_revocation, int64_t now);

#endif
