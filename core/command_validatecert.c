/* ValidateCert (MS-ASCMD 2.2.1.22): whether certificates may be trusted, each with its own status.
 */
#include "core/call.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "store/certificate_chain.h"

enum { CERTIFICATES_MOST = 100 };

/* Base64, as text or as it is. */
static struct str der_of(struct call *c, const struct wbxml_node *node)
{
	struct str der;
	if (node->content == WBXML_OPAQUE && node->text.n && (unsigned char)node->text.p[0] == 0x30)
		return node->text;
	return text_base64_decode(c->arena, node->text, true, &der) ? der : STR("");
}

static unsigned status_of_result(enum certificate_result result)
{
	static const unsigned of[] = {
		[CERTIFICATE_VALID] = STATUS_OK,
		[CERTIFICATE_MALFORMED] = CERT_MALFORMED,
		[CERTIFICATE_SIGNATURE] = CERT_SIGNATURE,
		[CERTIFICATE_UNTRUSTED] = CERT_UNTRUSTED,
		[CERTIFICATE_CHAIN] = CERT_CHAIN,
		[CERTIFICATE_NOT_FOR_MAIL] = CERT_NOT_FOR_MAIL,
		[CERTIFICATE_EXPIRED] = CERT_EXPIRED,
		[CERTIFICATE_WRONG_USE] = CERT_WRONG_USE,
		[CERTIFICATE_REVOKED] = CERT_REVOKED,
		[CERTIFICATE_CHAIN_REVOKED] = CERT_CHAIN_REVOKED,
		[CERTIFICATE_REVOCATION_UNKNOWN] = CERT_REVOCATION_UNKNOWN,
		[CERTIFICATE_ERROR] = CERT_FAILED,
	};
	return of[result];
}

static void check_all(struct call *c, const struct certificate_chain *chain,
		      const struct wbxml_node *certificates, bool check_revocation)
{
	struct wbxml_out *w = &c->out;
	call_begin(c);
	call_status(c, STATUS_OK);
	for (const struct wbxml_node *n = certificates->first; n; n = n->next) {
		unsigned status = status_of_result(certificate_chain_check(
			chain, der_of(c, n), check_revocation, clock_now() / 1000));
		wbxml_begin(w, ValidateCert_Certificate);
		wbxml_int(w, ValidateCert_Status, status);
		wbxml_end(w);
		c->status = status == STATUS_OK ? c->status : status;
	}
}

void command_validatecert(struct call *c)
{
	const struct wbxml_node *certificates = wbxml_child(c->root, ValidateCert_Certificates);
	const struct wbxml_node *others = wbxml_child(c->root, ValidateCert_CertificateChain);
	struct str check = wbxml_child_text(c->root, ValidateCert_CheckCRL);
	unsigned n = wbxml_count(certificates);
	bool check_revocation = check.p && !str_eq(check, STR("0"));
	if (n == 0 || n > CERTIFICATES_MOST || wbxml_count(others) > CERTIFICATES_MOST ||
	    (check.n && !str_eq(check, STR("0")) && !str_eq(check, STR("1")))) {
		call_answer_status(c, CERT_PROTOCOL);
		return;
	}
	struct certificate_chain *chain = certificate_chain_new();
	/* One that can't be read is missed in the chain, and told so by that. */
	for (const struct wbxml_node *o = others ? others->first : NULL; o; o = o->next)
		certificate_chain_add(chain, der_of(c, o));
	check_all(c, chain, certificates, check_revocation);
	certificate_chain_free(&chain);
}
