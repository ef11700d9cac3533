/* certificate_chain: whether a certificate may be trusted to sign mail. See certificate_chain.h. */
#include "store/certificate_chain.h"

#include <stdlib.h>

#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "core/base/arena.h"

struct certificate_chain {
	STACK_OF(X509) * v;
};

struct certificate_chain *certificate_chain_new(void)
{
	struct certificate_chain *c = base_calloc(1, sizeof *c);
	c->v = sk_X509_new_null();
	return c;
}

void certificate_chain_free(struct certificate_chain **c)
{
	if (!*c)
		return;
	sk_X509_pop_free((*c)->v, X509_free);
	free(*c);
	*c = NULL;
}

static X509 *read_der(struct str der)
{
	const unsigned char *p = (const unsigned char *)der.p;
	X509 *x = d2i_X509(NULL, &p, (long)der.n);
	if (x && p != (const unsigned char *)der.p + der.n) {
		X509_free(x);
		return NULL;
	}
	return x;
}

bool certificate_chain_add(struct certificate_chain *c, struct str der)
{
	X509 *x = read_der(der);
	if (x && c->v && sk_X509_push(c->v, x) > 0)
		return true;
	X509_free(x);
	return false;
}

static enum certificate_result result_of(int code)
{
	switch (code) {
	case X509_V_OK:
		return CERTIFICATE_VALID;
	case X509_V_ERR_CERT_SIGNATURE_FAILURE:
	case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
		return CERTIFICATE_SIGNATURE;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return CERTIFICATE_EXPIRED;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return CERTIFICATE_UNTRUSTED;
	case X509_V_ERR_INVALID_PURPOSE:
	case X509_V_ERR_CERT_REJECTED:
		return CERTIFICATE_NOT_FOR_MAIL;
	case X509_V_ERR_INVALID_CA:
	case X509_V_ERR_PATH_LENGTH_EXCEEDED:
		return CERTIFICATE_WRONG_USE;
	case X509_V_ERR_CERT_REVOKED:
		return CERTIFICATE_REVOKED;
	case X509_V_ERR_UNABLE_TO_GET_CRL:
	case X509_V_ERR_CRL_HAS_EXPIRED:
	case X509_V_ERR_CRL_NOT_YET_VALID:
		return CERTIFICATE_REVOCATION_UNKNOWN;
	case X509_V_ERR_OUT_OF_MEM:
	case X509_V_ERR_UNSPECIFIED:
		return CERTIFICATE_ERROR;
	default:
		return CERTIFICATE_CHAIN;
	}
}

static enum certificate_result verify(X509_STORE *trusted, const struct certificate_chain *c,
				      X509 *x, bool check_revocation, int64_t now)
{
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	enum certificate_result result = CERTIFICATE_ERROR;
	if (ctx && X509_STORE_CTX_init(ctx, trusted, x, c->v) == 1) {
		X509_VERIFY_PARAM *p = X509_STORE_CTX_get0_param(ctx);
		X509_VERIFY_PARAM_set_purpose(p, X509_PURPOSE_SMIME_SIGN);
		X509_VERIFY_PARAM_set_time(p, (time_t)now);
		if (check_revocation)
			X509_VERIFY_PARAM_set_flags(p, X509_V_FLAG_CRL_CHECK |
							       X509_V_FLAG_CRL_CHECK_ALL);
		X509_verify_cert(ctx);
		result = result_of(X509_STORE_CTX_get_error(ctx));
		if (result == CERTIFICATE_REVOKED && X509_STORE_CTX_get_error_depth(ctx) > 0)
			result = CERTIFICATE_CHAIN_REVOKED;
	}
	X509_STORE_CTX_free(ctx);
	return result;
}

enum certificate_result certificate_chain_check(const struct certificate_chain *c, struct str der,
						bool check_revocation, int64_t now)
{
	X509 *x = read_der(der);
	if (!x)
		return CERTIFICATE_MALFORMED;
	X509_STORE *trusted = X509_STORE_new();
	enum certificate_result result = CERTIFICATE_ERROR;
	if (trusted && X509_STORE_set_default_paths(trusted) == 1)
		result = verify(trusted, c, x, check_revocation, now);
	X509_STORE_free(trusted);
	X509_free(x);
	return result;
}
