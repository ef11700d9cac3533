/*
 * autodiscover: where a phone finds its server (MS-ASCMD 2.2.1.1), in the mobilesync schema, and
 * which protocols there are, in Outlook's (MS-OXDSCLI 2.2).
 */
#ifndef EASEL_CORE_AUTODISCOVER_H
#define EASEL_CORE_AUTODISCOVER_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/call.h"

/* What an Autodiscover request asks for. */
struct autodiscover_request {
	struct str address; /* EMailAddress, trimmed; p NULL: not said */
	struct str schema;  /* AcceptableResponseSchema; p NULL: not said */
	unsigned requests;  /* Request elements */
};

/*
 * Reads the XML of a request. No DTD, at most 8 levels and 64 KiB; each value once; what lies
 * elsewhere, or in other namespaces, is passed over. False with ERR_MALFORMED.
 */
bool autodiscover_decode(struct arena *a, struct str xml, struct autodiscover_request *out,
			 struct err *e);

/*
 * Answers for the account that has logged in. A request without a body (also a GET, which is told
 * all protocols too), or without an address, means that account; an address that is not one of the
 * account's is refused without a word on whether it exists.
 */
void autodiscover_answer(struct call *c);

#endif
