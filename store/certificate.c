/* certificate: S/MIME certificates. See certificate.h for the contract. */
#include "store/certificate.h"

#include <openssl/pkcs7.h>
#include <openssl/x509.h>
#include <time.h>

#include "core/base/arena.h"

static X509 *read_der(struct str der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	return der.n > 0 && der.n < INT32_MAX ? d2i_X509(NULL, &p, (long)der.n) : NULL;
}

bool certificate_valid(struct str der, int64_t now)
{
	X509 *x = read_der(der);
	time_t at = (time_t)(now / 1000);
	bool valid = x && X509_cmp_time(X509_get0_notBefore(x), &at) < 0 &&
		     X509_cmp_time(X509_get0_notAfter(x), &at) > 0;
	X509_free(x);
	return valid;
}

struct str certificate_mini(struct arena *a, struct str der)
{
	X509 *x = read_der(der);
	PKCS7_ISSUER_AND_SERIAL *is = x ? PKCS7_ISSUER_AND_SERIAL_new() : NULL;
	unsigned char *bytes = NULL;
	int n = 0;
	struct str out = {"", 0};
	if (is && X509_NAME_set(&is->issuer, X509_get_issuer_name(x))) {
		ASN1_INTEGER_free(is->serial);
		is->serial = ASN1_INTEGER_dup(X509_get0_serialNumber(x));
		n = i2d_PKCS7_ISSUER_AND_SERIAL(is, &bytes);
	}
	if (n > 0)
		out = (struct str){arena_dup(a, bytes, (size_t)n), (size_t)n};
	OPENSSL_free(bytes);
	PKCS7_ISSUER_AND_SERIAL_free(is);
	X509_free(x);
	return out;
}
