/*
 * item_mail: an item that is not mail (event, task, note, contact) as a message: its full detail as
 * text, its category as sender, its own attachments, and the original behind them. A file is kept
 * as such a message from the start, itself attached.
 *
 * The same item gives the same bytes every time, so that parts of it can be asked for one by one.
 * Failure rule: ERR_MALFORMED: the stored text can't be read. Ownership: all lies in the arena.
 * Thread: any.
 */
#ifndef EASEL_CORE_ITEM_MAIL_H
#define EASEL_CORE_ITEM_MAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;

struct item_mail {
	enum item_class class;
	struct str text; /* as it is kept; of a file: its bytes */
	struct str name; /* of a file, else empty */
	struct str key;	 /* letters and digits: no other item's of the same owner */
	int64_t kept;	 /* what the store has as its date, ms; of a file: of its last change */
	int64_t date;	 /* out: of the last change, as far as it is known */
	struct str raw;	 /* out: the message (RFC 5322) */
};

bool item_mail_write(struct arena *a, struct item_mail *m, struct err *e);

#endif
