/*
 * meeting: scheduling between people (RFC 5546, carried by mail as RFC 6047 says): what becomes of
 * an event by a message that arrives or by the user's answer, and what is mailed to whom.
 *
 * Everything here is text in, text out: no store, no clock but the context's; core/meeting_store.h
 * does the rest. The context's address is the one of the account's that the meeting knows; see
 * meeting_me(). Failure rule: ERR_MALFORMED: it can't be read; ERR_INVALID: it is not allowed here.
 * Ownership: the context's arena. Thread: any.
 */
#ifndef EASEL_CORE_MEETING_H
#define EASEL_CORE_MEETING_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/item_class.h"

/* METHOD (RFC 5546 1.4); those that mean nothing to a user's calendar are OTHER. */
enum meeting_method {
	MEETING_OTHER,
	MEETING_REQUEST,
	MEETING_REPLY,
	MEETING_COUNTER,
	MEETING_CANCEL
};

/* What a message carries, and who sent it. */
struct meeting {
	enum meeting_method method;
	struct str uid;
	struct str text;    /* the iCalendar object */
	struct str speaker; /* address of him in whose name it speaks: organizer, or who answers */

	/* Not from the object, which says what it likes: filled in by the caller. */
	struct str from;     /* address of the message's only author; empty: nobody's word */
	struct str reply_to; /* of its Reply-To */
	bool approved;	     /* the user himself accepts what it says */
};

/* Reads a text/calendar part, all but who sent it. False: it is not about a meeting. */
bool meeting_read(struct arena *a, struct str text, struct meeting *out);

/*
 * Which of the account's addresses ("address", then one a line in `aliases`) organizer or attendees
 * of the text name; the first if none does.
 */
struct str meeting_me(struct arena *a, struct str text, struct str address, struct str aliases);

/* ---- What arrives ---- */

/* What becomes of the event that the user has (`old`; empty: none). */
enum meeting_effect {
	MEETING_NOTHING, /* it is older than what is known, forged, or of no concern */
	MEETING_CHANGED	 /* *out is the event now */
};

/*
 * REQUEST: a new event, to which the user has not answered yet, or the update of one: a later
 * SEQUENCE, or the same with a later DTSTAMP (RFC 5546 2.1.5). What is the user's own of it stays:
 * alarms, categories; so does his answer, unless it is to be held at another time. CANCEL: the
 * event or the occurrences are marked so. REPLY and COUNTER: the attendee's answer is noted, if the
 * user organizes the meeting and invited him.
 *
 * Nobody but its organizer changes or cancels a meeting, and an attendee answers for himself: the
 * message must come from him (RFC 5546 6.1.1, RFC 6047 2.3, 3), or from somebody who speaks for
 * him: a delegate that the event names (SENT-BY), or the service that mailed the invitation with
 * the organizer in its Reply-To. A new meeting may be told of by anybody, since invitations are
 * forwarded.
 */
enum meeting_effect meeting_apply(const struct item_context *ctx, struct str old,
				  const struct meeting *m, struct str *out, struct err *e);

/* ---- What the user answers ---- */

enum meeting_answer { MEETING_ACCEPT = 1, MEETING_TENTATIVE = 2, MEETING_DECLINE = 3 };

/* The occurrence of the event (ms) that an invitation is about; INT64_MIN: all of it. */
int64_t meeting_instance(const struct item_context *ctx, struct str event, struct str invitation);

/*
 * The event with the user's answer, to all of it or (instance, ms, not INT64_MIN) to one
 * occurrence. ERR_INVALID: it is no meeting, or his own; ERR_UNSUPPORTED: it does not recur;
 * ERR_NOT_FOUND: there is no such occurrence, or none any more.
 */
bool meeting_answer(const struct item_context *ctx, struct str old, enum meeting_answer answer,
		    int64_t instance, struct str *out, struct err *e);

/* ---- What is mailed ---- */

struct meeting_mail {
	struct str method;	/* "REQUEST" */
	struct str calendar;	/* the iCalendar object */
	struct str subject;	/* of the message */
	struct str organizer;	/* address */
	struct str *recipients; /* addresses */
	size_t nrecipients;
};

/* The user's answer, for the organizer; with proposed times (ms; both or 0) a COUNTER. */
bool meeting_reply(const struct item_context *ctx, struct str event, enum meeting_answer answer,
		   int64_t instance, int64_t proposed_start, int64_t proposed_end,
		   struct meeting_mail *out, struct err *e);

/*
 * The event, or one occurrence of it, as an invitation to those that it is forwarded to; without
 * what is the user's own, and without recipients. ERR_NOT_FOUND: that occurrence is not held.
 */
bool meeting_forward(const struct item_context *ctx, struct str event, int64_t instance,
		     struct meeting_mail *out, struct err *e);

/* The event, or one occurrence of it, as the message that a reply to it quotes. Fails as above. */
bool meeting_quote(const struct item_context *ctx, struct str event, int64_t instance,
		   struct str *out, struct err *e);

/* At most as many mails come of one edit. */
enum { MEETING_NOTICES = 100 };

/*
 * What the attendees are to be told when the user's own meeting goes from `before` to `after`
 * (either may be empty): a REQUEST to those who are invited, a CANCEL to those who are no longer;
 * where only occurrences of a series differ, one for each of these. Sets *out; returns how many.
 * None when he does not organize it, or when nothing changed that is theirs to know.
 */
size_t meeting_notices(const struct item_context *ctx, struct str before, struct str after,
		       struct meeting_mail **out);

/* The message, with the text (may be empty) beside the calendar. `from` is the user. */
struct str meeting_message(const struct item_context *ctx, const struct meeting_mail *mail,
			   struct str text);

#endif
