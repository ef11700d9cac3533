/*
 * item_class: what the Sync engine needs of a class whose items are kept in a standard text form:
 * iCalendar VEVENT (Calendar) and VTODO (Tasks), vCard (Contacts), iCalendar VJOURNAL (Notes).
 * Mail, which is too large to be read whole, has its own way (core/email.h).
 *
 * A class is a struct item_class_ops of pure functions: no store, no clock but the context's. The
 * engine finds out what a device changed (struct item_edit): the difference between what it sent
 * and the stored item as this device would see it, with what it left out kept or removed as
 * `Supported` and the version say. A class applies just that to the stored text; what ActiveSync
 * can't express stays as it is, byte for byte where the format allows.
 *
 * Failure rule: bool and *e. ERR_INVALID: a value or combination that the protocol forbids (status
 * 6 of the item); ERR_MALFORMED: the stored text can't be read; ERR_TOO_LARGE: past a limit or the
 * arena's cap. Ownership: results lie in the context's arena. Thread: any.
 */
#ifndef EASEL_CORE_ITEM_CLASS_H
#define EASEL_CORE_ITEM_CLASS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/mail_body.h"
#include "store/store.h"
#include "wbxml/wbxml.h"

struct arena;

/* Who an item is shown to or comes from, and how. */
struct item_context {
	struct arena *arena;
	unsigned version;	  /* 25, 120, 121 … 161 */
	struct str address, name; /* of the account: who "I" am among organizer and attendees */
	struct str timezone;	  /* TZID of the account for what has none; empty: UTC */
	struct str server_id;	  /* FileReferences are made of it; empty in a device's Add */
	struct str uid;		  /* that a new item is to have; empty: a random one */
	const struct body_prefs *body; /* how the device wants texts; NULL: plain and whole */
	unsigned client;	       /* enum client_traits (core/client.h) of the device */
	int64_t now;		       /* ms */
};

/* One child of ApplicationData that a device changed. */
struct item_edit_field {
	unsigned tag;
	const struct wbxml_node *sent; /* as sent; NULL: it is to be removed */
	const struct wbxml_node
		*seen; /* as the device had it; NULL: it had none, or the item is new */
};

struct item_edit {
	struct item_edit_field *v;
	size_t n;
	bool is_new; /* the item was made of it */
};

/* What the store keeps beside an item's text, so that it is found and filtered without reading it.
 */
struct item_facts {
	/*
	 * What a FilterType looks at, in ms: the end of an event's last occurrence, INT64_MAX when
	 * it has none; of a task INT64_MAX while it is incomplete, else its completion; else the
	 * time of the last change.
	 */
	int64_t date;
	/*
	 * JSON object. All: "uid" (iCalendar or vCard UID), "subject" (summary, full name). Events
	 * also: "start", "end" (ms, of the first occurrence), "busy" (BusyStatus), "recurs" (bool).
	 */
	struct str summary;
};

/* An attachment of an item (events from 16.0 on). */
struct item_attachment {
	struct str name, type, bytes;
};

/* An element that a Change leaves out (MS-ASCMD 2.2.3.24, 2.2.3.179). */
enum left_out {
	LEFT_OUT_REMOVED, /* it is taken off the item: it can't be ghosted */
	/*
	 * It can be ghosted, and is when the first Sync of the folder had a Supported element that
	 * does not name it: then it is kept, else removed.
	 */
	LEFT_OUT_GHOSTED,
	LEFT_OUT_KEPT /* always: Body, Picture, Exceptions; what only the server sets; in 16.x all
			 of an event */
};

struct item_class_ops {
	enum item_class class;

	/* Writes the children of ApplicationData (or Properties) for a stored text. */
	bool (*encode)(struct wbxml_out *w, const struct item_context *ctx, struct str text,
		       struct err *e);

	/*
	 * The text with an edit applied; `old` is empty for a new item. With `instance` (an
	 * InstanceId, ms; INT64_MIN: none) the edit is to that occurrence only.
	 */
	bool (*apply)(const struct item_context *ctx, struct str old, const struct item_edit *edit,
		      int64_t instance, struct str *out, struct err *e);

	/* The text without one occurrence; NULL: the class has no occurrences. */
	bool (*remove_instance)(const struct item_context *ctx, struct str old, int64_t instance,
				struct str *out, struct err *e);

	/* What the store keeps beside the text. */
	bool (*facts)(const struct item_context *ctx, struct str text, struct item_facts *out,
		      struct err *e);

	/* Attachment by the part of its FileReference behind the ServerId; NULL: has none. */
	bool (*attachment)(const struct item_context *ctx, struct str text, struct str part,
			   struct item_attachment *out, struct err *e);

	/*
	 * Writes what the response to a device's Add or Change tells of the item as it is now (the
	 * children of ApplicationData): in 16.x the UID of a new event, new attachments with
	 * ClientId and FileReference. Nothing is written when there is nothing to tell. NULL: never
	 * is. The edit is all that the device sent, as for a new item.
	 */
	bool (*respond)(struct wbxml_out *w, const struct item_context *ctx, struct str text,
			const struct item_edit *edit, struct err *e);

	/* What it means that a device's Change leaves out this child of ApplicationData. */
	enum left_out (*left_out)(const struct item_context *ctx, unsigned tag);
};

/* The ops of a class; NULL for CLASS_EMAIL and CLASS_FILES, and for a class that is not served. */
const struct item_class_ops *item_class_ops(enum item_class class);

/* Whether devices see folders of this class. */
bool item_class_served(enum item_class class);

extern const struct item_class_ops calendar_class, contact_class, task_class, note_class;

#endif
