/*
 * undelivered: tells who sent a message that it could not be delivered: into the Inbox where that
 * can be written to, else by mail to the sender's address.
 *
 * Within the caller's transaction. Failure rule: as store.h. Thread: that of the connection.
 */
#ifndef EASEL_CORE_UNDELIVERED_H
#define EASEL_CORE_UNDELIVERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "store/bounce.h"
#include "store/store.h"

struct arena;
struct pg;

struct undelivered {
	int32_t account;   /* who sent it */
	int32_t inbox;	   /* that the store can write to; 0: none */
	struct str sender; /* empty: an answer that nobody wrote, whose failure is nobody's news */
	struct str raw;
	const struct bounce_failure *failures;
	size_t n; /* 0: nothing to tell */
	int64_t now;
};

bool undelivered_tell(struct pg *db, struct store *store, struct arena *a,
		      const struct undelivered *u, struct err *e);

#endif
