/*
 * forwardees: a SmartForward from 16.0 on that has no message but says whom an event is forwarded
 * to and what is written beside it (MS-ASCMD 2.2.3.79, 2.2.3.169).
 *
 * Ownership: the context's arena. Thread: any.
 */
#ifndef EASEL_CORE_FORWARDEES_H
#define EASEL_CORE_FORWARDEES_H

#include <stddef.h>

#include "core/item_body.h"
#include "store/mime_write.h"

struct forwardees {
	struct mailbox *v;
	size_t n;
	struct item_text text;
};

/*
 * Reads Forwardees and Body of the command. STATUS_OK with n == 0: it has neither; else a status
 * of the command.
 */
unsigned forwardees_read(const struct item_context *ctx, const struct wbxml_node *command,
			 struct forwardees *out);

/* The message as a client would submit it. */
struct str forwardees_message(struct arena *a, const struct forwardees *f, struct str subject);

#endif
