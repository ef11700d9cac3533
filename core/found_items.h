/*
 * found_items: what a search found, from the folders that it may look in to the items in an answer:
 * shared by Search and Find.
 *
 * Thread: the call's. Everything lies in the call's arena.
 */
#ifndef EASEL_CORE_FOUND_ITEMS_H
#define EASEL_CORE_FOUND_ITEMS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"
#include "core/mail_body.h"
#include "store/search.h"
#include "store/store.h"

/* Most items of one answer, and ranges of them (MS-ASCMD 2.2.3.143). */
enum { FOUND_MOST = 100 };

struct found_range {
	size_t from, to; /* both included */
};

enum range_read { RANGE_OK, RANGE_MALFORMED, RANGE_TOO_LONG };

/* Reads "m-n"; the whole of an answer when text.p is NULL. */
enum range_read found_range_read(struct str text, struct found_range *out);

/* ---- Where to look ---- */

struct found_scope {
	const struct str *collections; /* CollectionIds; none: every folder */
	size_t ncollections;
	bool deep;	  /* and what is below them */
	unsigned classes; /* 1 << enum item_class; 0: all that are served */
};

/*
 * The folders of a scope, of those that the device knows, which go into q. FOUND_NONE: a
 * CollectionId names none.
 * FOUND_FAILED: c->err.
 */
enum found found_folders(struct call *c, const struct found_scope *scope, struct search *q);

/* ---- What was found ---- */

struct found_items;

/* Finds what lies in the range, and fetches what it takes to show it. False: c->err. */
bool found_items_load(struct call *c, const struct search *q, const struct found_range *range,
		      const struct body_prefs *prefs, struct found_items **out);

size_t found_items_count(const struct found_items *f); /* those that the answer has room for */
size_t found_items_total(const struct found_items *f);

/* One of them: its folder, ServerId, and what is known of a message (NULL: it is none). */
struct found_item {
	const struct folder *folder;
	struct str server_id;
	const struct summary *summary;
};
struct found_item found_items_at(struct call *c, const struct found_items *f, size_t index);

/* Writes the children of Properties. False: it can't be shown; the caller rolls back. */
bool found_items_encode(struct call *c, const struct found_items *f, size_t index, struct err *e);

#endif
