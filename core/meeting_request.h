/*
 * meeting_request: the MeetingRequest element of a message (MS-ASEMAIL 2.2.2.48), from the
 * text/calendar part that it carries.
 *
 * Failure rule: what can't be read as an event gives no element; the message is shown without.
 * Thread: any.
 */
#ifndef EASEL_CORE_MEETING_REQUEST_H
#define EASEL_CORE_MEETING_REQUEST_H

#include <stdint.h>

#include "core/base/str.h"
#include "wbxml/wbxml.h"

struct arena;

struct meeting_context {
	struct arena *arena;
	unsigned version;
	struct str timezone;	  /* TZID of the account, for times without one; empty: UTC */
	struct str message_class; /* IPM.Schedule.Meeting.Request … */
	int64_t date;		  /* of the message, ms: stands in for a DTSTAMP that is missing */
};

/* Writes the element for the calendar, decoded as UTF-8; nothing when it holds no event. */
void meeting_request_encode(struct wbxml_out *w, const struct meeting_context *ctx,
			    struct str calendar);

#endif
