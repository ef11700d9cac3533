/*
 * item_text_form: what the classes kept as content lines have in common: a new text, Categories,
 * the summary for the store. Ownership: results lie in the arena of the lines or the context.
 * Thread: any.
 */
#ifndef EASEL_CORE_ITEM_TEXT_FORM_H
#define EASEL_CORE_ITEM_TEXT_FORM_H

#include "core/content_lines.h"
#include "core/item_class.h"

/* Most Category or Child elements (MS-ASCNTC 2.2.2.20, MS-ASTASK 2.2.2.6). */
enum { ITEM_CATEGORIES = 300 };

/* An id that nobody else has: for UID. */
struct str item_random_uid(struct arena *a);

/* The UID of a new item. */
struct str item_new_uid(const struct item_context *ctx);

/* A new VCALENDAR with one empty component of that name ("VJOURNAL"): UID, DTSTAMP, CREATED. */
struct str item_text_new(const struct item_context *ctx, const char *component);

/* The text of all properties with this name that are lists (CATEGORIES), each entry once; at most
 * ITEM_CATEGORIES. Gives their number. */
size_t item_list_read(const struct content_lines *l, struct str property, struct str **out);

/* Writes CATEGORIES as `tag` with children `child`; nothing when there are none. */
void item_categories_encode(struct wbxml_out *w, const struct content_lines *l, unsigned tag,
			    unsigned child);

/*
 * CATEGORIES are what was sent (NULL: none). Not touched when they are the same. ERR_INVALID: more
 * than ITEM_CATEGORIES, or another element inside.
 */
bool item_categories_apply(struct content_lines *l, const struct wbxml_node *sent, unsigned child,
			   struct err *e);

/* {"uid": …, "subject": …}: see struct item_facts. `subject` is the property's name. */
struct str item_summary(const struct content_lines *l, struct str subject);

/* The "uid" of a summary; empty: it has none. */
struct str item_summary_uid(struct arena *a, struct str summary);

#endif
