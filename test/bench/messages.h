/*
 * messages: what a phone says in WBXML, and what it makes of the answers.
 *
 * Requests are written into a body, answers read from the tree of a decoded one. Texts that are
 * read lie in that tree. Thread: any.
 */
#ifndef EASEL_BENCH_MESSAGES_H
#define EASEL_BENCH_MESSAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/body.h"
#include "core/base/str.h"
#include "wbxml/wbxml.h"

/* What a phone wants of a folder. */
struct wishes {
	unsigned window; /* WindowSize */
	unsigned type;	 /* BodyPreference: 1 plain text, 2 HTML, 4 MIME; 0: none */
	unsigned size;	 /* TruncationSize; 0: none */
};

/* ---- Requests ---- */

/* The first phase with key 0, else the acknowledgement of the policy with that key. */
void message_provision(struct body *out, uint32_t key);

/* The whole folder tree. */
void message_foldersync(struct body *out);

/* Key "0" gets the first key; any other asks for what changed, with all that phones say. */
void message_sync(struct body *out, struct str key, struct str folder, const struct wishes *w);

void message_ping(struct body *out, struct str folder, unsigned heartbeat);

/* ---- Answers ---- */

/* The Status in the root element; -1 when there is none. */
int message_status(const struct wbxml_node *root);

/* 0: no policy was given. */
uint32_t message_policy_key(const struct wbxml_node *root);

/* ServerId of the inbox in the answer to a FolderSync; p NULL when there is none. */
struct str message_inbox(const struct wbxml_node *root);

struct synced {
	int status; /* of the collection */
	struct str key;
	bool more;
	unsigned items; /* Adds, Changes, Deletes */
};

/* The answer to a Sync of one folder. False when it is not one. */
bool message_synced(const struct wbxml_node *root, struct synced *out);

#endif
