/*
 * email: the Email class, from a stored message to the elements of MS-ASEMAIL and back.
 *
 * Which elements there are, in which versions, and what a client's change to each means stands in
 * email_fields.def. Ownership: results lie in the arena. Thread: any.
 */
#ifndef EASEL_CORE_EMAIL_H
#define EASEL_CORE_EMAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/mail_body.h"
#include "store/store.h"
#include "wbxml/wbxml.h"

/* ---- To the client ---- */

enum email_scope {
	EMAIL_WHOLE, /* all elements: Add, Fetch, Search */
	/*
	 * Read, Flag, Categories and the last verb: what can change in a stored message. A Change
	 * of an item that the device holds sends no more than this (MS-ASEMAIL 3.2.5.4.1).
	 */
	EMAIL_MARKS
};

/* What of the raw message its elements are made of. */
struct email_plan {
	struct body_plan body;
	bool has_part; /* BodyPart is asked for */
	struct body_plan part;
	const struct part *invitation; /* read for MeetingRequest; NULL: it is none */
};

enum { EMAIL_SLICES = 3 };

void email_plan(const struct message *m, const struct body_prefs *prefs, unsigned version,
		struct email_plan *out);

/* The slices that a plan needs, at most EMAIL_SLICES; returns how many. */
size_t email_slices(const struct email_plan *plan, int64_t uid, struct slice *out);

/* Bytes that an item takes in an answer, its body sent by reference included. */
int64_t email_bytes(const struct email_plan *plan, const struct message *m);

struct email_context {
	unsigned version;
	struct arena *arena;
	enum email_scope scope;
	struct str server_id; /* of the item; FileReference is this, ':' and the part's path */
	/* The elements of an ItemOperations Schema (MS-ASEMAIL 3.2.5.2); all when only == NULL. */
	const unsigned *only;
	size_t nonly;
	/* Of a multipart answer: the body goes here, and a Part with its number stands for it. */
	struct source_list *parts;
	/* Where a streamed body is read from. */
	struct store *store;
	int32_t account, folder;
	struct str timezone; /* TZID of the account; empty: UTC */
};

/*
 * Writes the children of ApplicationData (or Properties). `slices` are those of email_slices(),
 * with their bytes; with EMAIL_MARKS plan and slices may be NULL. A body whose bytes are gone is
 * empty. False when the item can't be given (a body that the store does not open, the arena full):
 * the caller rolls the writer back.
 */
bool email_encode(struct wbxml_out *w, const struct email_context *ctx, const struct summary *s,
		  const struct email_plan *plan, const struct slice *slices, struct err *e);

/*
 * Writes the Attachments that the response to a draft's Add or Change has: those that it added, by
 * ClientId (MS-ASAIRS 3.2.5.2.3). Nothing when it added none.
 */
void email_added_attachments(struct wbxml_out *w, const struct email_context *ctx,
			     const struct message *m, const struct wbxml_node *data);

/* The names in a list of addresses, separated by semicolons (DisplayTo). */
struct str email_names(struct arena *a, struct str addresses);

/* ---- From the client ---- */

/* What a client's Change does to a message's flags and marks. */
struct email_change {
	unsigned set, clear; /* enum item_flags, for set_flags() */
	bool flag;	     /* the Flag is replaced by what `marks` has of it */
	bool categories;     /* so are the Categories */
	struct str marks;    /* JSON object of what is new, empty when nothing */
};

/*
 * Reads ApplicationData of a Change of a message that is no draft: Read, Flag and Categories are
 * taken, ConversationId, ReceivedAsBcc and Sender refused, all others passed over. ERR_INVALID:
 * status 6.
 */
bool email_change_decode(struct arena *a, const struct wbxml_node *data, unsigned version,
			 struct email_change *out, struct err *e);

/* Whether it touches the marks at all: if not, set_flags() gets NULL for them. */
bool email_change_has_marks(const struct email_change *c);

/* The marks as they are afterwards: the old ones with the change applied; empty when none are left.
 */
struct str email_change_marks(struct arena *a, const struct email_change *c, struct str old);

/*
 * Marks with the last verb noted (1 reply, 2 reply to all, 3 forward: MS-ASEMAIL 2.2.2.44) at `now`
 * (ms), for SmartReply and SmartForward.
 */
struct str email_marks_verb(struct arena *a, struct str old, int verb, int64_t now);

#endif
