/*
 * certificate: S/MIME certificates as address books keep them (X.509, DER).
 *
 * Ownership: results lie in the arena. Thread: any.
 */
#ifndef EASEL_STORE_CERTIFICATE_H
#define EASEL_STORE_CERTIFICATE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/str.h"

struct arena;

/* Whether it is a certificate, and `now` (ms) within the time for which it was issued. Who issued
 * it is not looked at: that is the reader's to judge. */
bool certificate_valid(struct str der, int64_t now);

/*
 * What names it without being it: its issuer and serial number, as the IssuerAndSerialNumber of
 * CMS (RFC 5652 10.2.4) in DER. Empty when it is no certificate.
 */
struct str certificate_mini(struct arena *a, struct str der);

#endif
