/*
 * draft: a message that is written on a device (16.x, MS-ASEMAIL 3.1.5.2): made new, or the stored
 * one with what the device changed.
 *
 * An element that was sent takes the place of the header field, an empty one removes it; what was
 * left out stays, and so do fields that ActiveSync does not know. As long as neither text nor
 * attachments change, all behind the header stays byte for byte. A body of Type 4 is the message as
 * it is to be. Ownership: results lie in the arena. Thread: any.
 */
#ifndef EASEL_CORE_DRAFT_H
#define EASEL_CORE_DRAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/message.h"
#include "wbxml/wbxml.h"

struct arena;

enum { DRAFT_MOST = 48 * 1024 * 1024 };

struct draft_edit {
	const struct wbxml_node *data; /* ApplicationData */
	struct str name, address;      /* of the author */
	int64_t now;
	const struct message *old; /* NULL: it is a new one */
	struct str raw;		   /* all of the old one */
};

/* Whether more than read state, flag and categories is sent. */
bool draft_is_edited(const struct wbxml_node *data);

/*
 * ERR_INVALID: a value or combination that is not allowed; ERR_NOT_FOUND: an attachment that is to
 * be removed is not there; ERR_TOO_LARGE: past DRAFT_MOST.
 */
bool draft_make(struct arena *a, const struct draft_edit *d, struct str *out, struct err *e);

/* How many attachments are added. */
size_t draft_added(const struct wbxml_node *data);

#endif
