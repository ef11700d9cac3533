/*
 * meeting_store: the user's meetings where they are kept: what an arriving message does to his
 * calendar, his answers, and the messages that the server sends for him. What is decided stands in
 * meeting.h.
 *
 * Failure rule: as store.h. Thread: that of the connection. Everything is to be called within the
 * store's transaction.
 */
#ifndef EASEL_CORE_MEETING_STORE_H
#define EASEL_CORE_MEETING_STORE_H

#include "core/meeting.h"
#include "core/server_id.h"
#include "store/store.h"

struct pg;

/* Whose meetings. */
struct meeting_user {
	struct pg *db;
	struct store *store;
	struct arena *a;
	int32_t account;
	struct str address, name, timezone, aliases;
	int64_t now; /* ms */
};

/* Fills in address, name, timezone and aliases. FOUND_NONE: there is no such account. */
enum found meeting_user_read(struct meeting_user *u, struct err *e);

/* The context in which the user sees or edits a text. */
struct item_context meeting_user_context(const struct meeting_user *u, struct str text);

/* An event in the store. */
struct meeting_event {
	int32_t folder;
	int64_t uid;
	struct str text;
};

/* The user's event with the UID of iCalendar, in whichever of his calendars. */
enum found meeting_find(const struct meeting_user *u, struct str uid, struct meeting_event *out,
			struct err *e);

/*
 * Puts a text in the place of an event, or (event->folder 0) adds it to the user's calendar, and
 * says where it is. FOUND_NONE: he has no calendar, or the event is gone.
 */
enum found meeting_put(const struct meeting_user *u, struct meeting_event *event, struct str text,
		       struct err *e);

/*
 * What came by mail and was read with meeting_read(), seen for the first time or again, in
 * whichever way: one event comes of it. False only when the store fails.
 */
bool meeting_take(const struct meeting_user *u, const struct meeting *m, struct err *e);

/* The text/calendar that a raw message carries as invitation, answer or cancellation; else empty.
 */
struct str meeting_of_message(struct arena *a, struct str raw, const struct message *m);

/*
 * A message that comes into the Inbox, as it is to be stored: what Outlook packed is unpacked.
 * Fills in the user when it may be about a meeting.
 */
bool meeting_unpack(struct meeting_user *u, struct str *raw, struct err *e);

/*
 * What it says of a meeting is done, once it is stored. What is wrong with it is logged and undone
 * alone: it holds no message back.
 */
void meeting_receive(const struct meeting_user *u, struct str raw, const struct message *m);

/* Sends a message of the user's, with a copy in Sent Items. */
bool meeting_send(const struct meeting_user *u, const struct meeting_mail *mail, struct str text,
		  struct err *e);

/*
 * Tells the attendees of the user's own meeting what a device of 16.x did to it: `before` and
 * `after` as in meeting_notices().
 */
bool meeting_tell(const struct meeting_user *u, struct str before, struct str after, struct err *e);

#endif
