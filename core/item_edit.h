/*
 * item_edit: what a device's Add or Change does to an item: the difference between what it sent and
 * the item as this device would see it (DESIGN: one model for every backend).
 *
 * Only what differs is in an edit. What the device left out is removed or kept as the class, the
 * version and the Supported element of the folder's first Sync say (MS-ASCMD 2.2.3.24, 2.2.3.179).
 * Ownership: edits point into the request and the arena. Thread: any.
 */
#ifndef EASEL_CORE_ITEM_EDIT_H
#define EASEL_CORE_ITEM_EDIT_H

#include "core/item_class.h"
#include "store/ledger.h"

/*
 * All that was sent, for a new item or one occurrence of an event; empty elements say nothing.
 * ERR_INVALID: an element comes twice.
 */
bool item_edit_all(const struct item_context *ctx, const struct wbxml_node *data,
		   struct item_edit *out, struct err *e);

/* The difference to a stored item. ERR_MALFORMED and the like: that can't be shown as it is. */
bool item_edit_difference(const struct item_class_ops *ops, const struct item_context *ctx,
			  struct str text, const struct supported *supported,
			  const struct wbxml_node *data, struct item_edit *out, struct err *e);

/* Only what was sent and differs: nothing that was left out is removed. */
void item_edit_keep_left_out(struct item_edit *edit);

#endif
