/*
 * item_files: the items of .ics and .vcf files, one by one as a store keeps them, and back: many
 * items as one file that other programs read.
 *
 * An iCalendar file (RFC 5545) is taken apart by UID: a series and its changed occurrences are one
 * item, with the time zones that it names; what is said of the whole calendar stays with each,
 * but METHOD. A file of vCards (RFC 6350, 2.1 too) is taken apart into its cards. An item without
 * UID gets one that is made of its text, so that the same file read again gives the same items.
 *
 * Failure rule: what can't be read is told of and passed over; the others come all the same.
 * Ownership: everything lies in the arena given, or points into the text. Thread: any.
 */
#ifndef EASEL_CORE_ITEM_FILES_H
#define EASEL_CORE_ITEM_FILES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct buf;

struct item_file {
	enum item_class class;
	struct str uid;
	struct str text;
};

struct item_visitor {
	void *ctx;
	bool (*item)(void *ctx, const struct item_file *item); /* false ends it */
	void (*failed)(void *ctx, const struct err *e);
};

/*
 * Hands over the items of a file, of whichever kind its text is. False when a call of `item` ended
 * it. Nothing in it at all is told of as ERR_MALFORMED.
 */
bool item_files_split(struct arena *a, struct str text, const struct item_visitor *v);

/* ---- Many items as one file ---- */

struct item_joiner;

/* Contacts become vCards one after the other, all else one iCalendar object. */
struct item_joiner *item_joiner_new(enum item_class class);

/* ERR_MALFORMED: the text can't be read. */
bool item_joiner_add(struct item_joiner *j, struct str text, struct err *e);

/*
 * The file. An item with a time zone that another one defines otherwise is in an object of its own
 * behind the others. Frees the joiner.
 */
void item_joiner_end(struct item_joiner **j, struct buf *out);

#endif
