/*
 * policy: a policy, as the database tells it, in the two forms in which devices take it: WBXML from
 * 12.0 on (MS-ASPROV 2.2.2.24.1), and the older XML text of 2.5 (MS-ASPROV 2.2.2.24.2).
 *
 * Failure rule: a policy that can't be read is ERR_INTERNAL and nothing is written. Memory: the
 * arena's. Thread: any.
 */
#ifndef EASEL_CORE_POLICY_H
#define EASEL_CORE_POLICY_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "wbxml/wbxml.h"

struct arena;

/* MS-EAS-Provisioning-WBXML, or for 2.5 MS-WAP-Provisioning-XML. */
const char *policy_type(unsigned version);

/*
 * Writes the content of Provision:Data for a protocol version. `json` is what
 * easel.policy_document() gives.
 */
bool policy_encode(struct arena *a, struct wbxml_out *w, struct str json, unsigned version,
		   struct err *e);

#endif
