/*
 * attachment: the content of an attachment by its FileReference (AttName below 12.0), as a source
 * that is read while the answer is sent, so that a large one needs no memory of its size.
 *
 * Thread: the call's.
 */
#ifndef EASEL_CORE_ATTACHMENT_H
#define EASEL_CORE_ATTACHMENT_H

#include "core/base/body.h"
#include "core/call.h"
#include "core/server_id.h"
#include "store/store.h"

struct attachment {
	struct str type;	/* "text/csv" */
	int64_t size;		/* bytes of the content */
	struct source *content; /* decoded; owned by whoever asked */
};

/* FOUND_NONE: the account has no such attachment (any more). FOUND_FAILED: c->err. */
enum found attachment_open(struct call *c, struct str reference, struct attachment *out);

/*
 * A message of the account by its ServerId, with what is known of its content. FOUND_NONE: it is
 * gone, or the id names none. FOUND_FAILED: c->err.
 */
enum found attachment_message(struct call *c, struct server_id id, struct summary **out);

/* The same for an item of any class that is served; gives its folder too. */
enum found attachment_item(struct call *c, struct server_id id, struct folder *folder,
			   struct summary **out);

#endif
