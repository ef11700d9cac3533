/*
 * conversation: where the messages of a conversation go that are still to come.
 *
 * Failure rule: as pg.h. Thread: that of the connection.
 */
#ifndef EASEL_STORE_CONVERSATION_H
#define EASEL_STORE_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;
struct pg;

/*
 * What comes of the conversation (32 hex digits) goes into the folder from now on; into the inbox
 * again when it is that. A folder of somebody else is not kept for that.
 */
bool conversation_move_always(struct pg *db, struct arena *a, int32_t account,
			      struct str conversation, int32_t folder, struct err *e);

#endif
