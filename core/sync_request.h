/*
 * sync_request: what a Sync asks for (MS-ASCMD 2.2.1.21): as sent, or, for an empty or partial one,
 * as the device asked the last time.
 */
#ifndef EASEL_CORE_SYNC_REQUEST_H
#define EASEL_CORE_SYNC_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"
#include "core/synckey.h"

enum { SYNC_WINDOW = 100, SYNC_WINDOW_MAX = 512, SYNC_COMMANDS_MAX = 200 };

struct sync_asked {
	struct str id;	   /* CollectionId as sent, to be repeated in the answer */
	struct str class;  /* as sent, below 14.0; p NULL: not sent */
	int32_t folder;	   /* 0: no id that this server gives out */
	struct str key;	   /* SyncKey as sent; p NULL: not sent, it is the newest */
	bool get_changes;  /* when absent: the key is not 0, and below 12.1 there are no Commands */
	bool asks_changes; /* GetChanges was sent and says yes */
	bool names_mode;   /* ConversationMode was sent, */
	bool conversations; /* and says yes; else it is as it was */
	bool deletes_as_moves;
	bool invalid; /* something is wrong with it, of which the other collections need not suffer
		       */
	unsigned window;		    /* 1 to 512 */
	const struct wbxml_node *supported; /* NULL: none */
	const struct wbxml_node *options;   /* first Options; NULL: none */
	const struct wbxml_node *commands;  /* NULL: none */
};

struct sync_request {
	unsigned wait;	 /* seconds to wait for a change; 0: answer at once */
	unsigned window; /* of all collections together, 1 to 512 */
	struct sync_asked *v;
	size_t n;
	bool has_commands;
};

/* What to answer at once. */
struct sync_refusal {
	unsigned status; /* 0: nothing to refuse */
	unsigned limit;	 /* 0: no Limit element */
};

/* Reads the request of the call. A refusal's status stands in the root element. */
struct sync_refusal sync_request_read(struct call *c, struct sync_request *out);

/*
 * The question whether a request finds nothing to do, for the gate to answer: only for one
 * collection with a key, its Options and no Commands, as most are. The request need not be checked
 * otherwise.
 */
bool sync_request_quiet(struct arena *a, const struct wbxml_node *root, unsigned version,
			struct gate_quiet *out);

/*
 * The request as JSON, for easel.device.sync_request: without keys, so that it hardly ever changes.
 */
struct str sync_request_to_json(struct arena *a, const struct sync_request *q);

#endif
