/*
 * bounce: the message that tells a sender that mail could not be delivered (RFC 3461, 3464).
 * Ownership: the result lies in the arena. Thread: any.
 */
#ifndef EASEL_STORE_BOUNCE_H
#define EASEL_STORE_BOUNCE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"

struct arena;

struct bounce_failure {
	struct str recipient;
	struct str reason; /* one line, a mail server's reply or our own words */
};

/*
 * A report for the sender of `raw`, with the original's header. `now` in ms.
 */
struct str bounce_make(struct arena *a, struct str sender, struct str raw,
		       const struct bounce_failure *v, size_t n, int64_t now);

#endif
