/*
 * item_operations: the operations of ItemOperations that act on folders and conversations
 * (MS-ASCMD 2.2.3.58, 2.2.3.117.1), each in a transaction of its own.
 *
 * They write their part of the answer. False: the request as a whole has failed (c->err).
 */
#ifndef EASEL_CORE_ITEM_OPERATIONS_H
#define EASEL_CORE_ITEM_OPERATIONS_H

#include <stdbool.h>

#include "core/call.h"

bool item_operations_empty(struct call *c, const struct wbxml_node *node);
bool item_operations_move(struct call *c, const struct wbxml_node *node);

#endif
