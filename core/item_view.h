/*
 * item_view: an item of one class as one of another: tasks as events or notes, notes as events or
 * tasks; as the text that the class it is shown as would be kept in.
 *
 * The text shown has what both can say; what a device changes of it is brought back as the
 * difference between what was shown and what it has become, so that nothing is lost which the class
 * shown can't express (priority, completion, alarms that are none of its own), and what the kept
 * class can't hold (attendees, single occurrences that differ) is left out: the item is then shown
 * without it again. A whole day that a task is due on is the last day of the event; a task without
 * a date, and a note, is an event of the day that it was made on. Such events take no time.
 *
 * Failure rule: ERR_MALFORMED: a text can't be read; ERR_INVALID: the one class is never shown as
 * the other. Ownership: all lies in the arena. Thread: any.
 */
#ifndef EASEL_CORE_ITEM_VIEW_H
#define EASEL_CORE_ITEM_VIEW_H

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/collection.h"

struct arena;
struct new_item;

/* Whether what such a folder keeps is shown as another class that is no mail. */
bool item_view_is(enum folder_view view);

/* The class that it is shown as; `kept` when it is shown as what it is. */
enum item_class item_view_class(enum folder_view view, enum item_class kept);

/* What is shown of a kept text. */
bool item_view_show(struct arena *a, enum item_class kept, enum item_class shown, struct str text,
		    struct str *out, struct err *e);

/*
 * The kept item with what `changed`, another version of what is shown of it, says otherwise; with
 * what the store keeps beside a text. An empty text: a new item, at time `now`.
 */
bool item_view_take(struct arena *a, enum item_class kept, enum item_class shown, struct str text,
		    struct str changed, int64_t now, struct new_item *out, struct err *e);

#endif
