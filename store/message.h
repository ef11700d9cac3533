/*
 * message: what is found in an RFC 5322 message once, when it comes, so that no later request has
 * to read it whole: the headers that lists show, and the MIME structure with the place of each
 * part.
 *
 * The pg store keeps it as JSON beside the message; the imap store makes it from ENVELOPE and
 * BODYSTRUCTURE. Header texts are decoded UTF-8 and legal XML. No message is refused: one that is
 * no MIME at all is a single text/plain part. Ownership: everything lies in the caller's arena.
 * Thread: any.
 */
#ifndef EASEL_STORE_MESSAGE_H
#define EASEL_STORE_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;

enum part_role {
	PART_CONTAINER,	 /* multipart/…: has no content of its own */
	PART_TEXT,	 /* the text/plain body that a person reads */
	PART_HTML,	 /* the text/html body that a person reads */
	PART_ATTACHMENT, /* listed, with Method 1 (or 5 for a nested message, 6 for OLE) */
	PART_INLINE,	 /* listed as inline: referred to by the HTML body */
	PART_CALENDAR,	 /* a text/calendar alternative: the invitation itself, not listed */
	PART_OTHER	 /* not shown: signature wrapper, other alternatives */
};

enum part_encoding { ENC_IDENTITY, ENC_QP, ENC_BASE64, ENC_UU };

/*
 * One MIME part. Places are byte offsets into the raw message; `offset`/`length` cover the encoded
 * content (of a nested message/rfc822: the whole nested message).
 */
struct part {
	struct str path; /* "1", "2.1": numbered as in IMAP; the FileReference of attachments ends
			    in it */
	enum part_role role;
	enum part_encoding encoding;
	struct str type;    /* "text/html", lower case */
	struct str charset; /* lower case, empty when none is said */
	struct str name;    /* decoded file name; never empty for a listed part (".eml" for nested
			       mail) */
	struct str content_id;	/* without <> */
	struct str location;	/* Content-Location */
	int64_t offset, length; /* encoded bytes */
	int64_t size;		/* bytes once the transfer encoding is removed, exactly */
};

struct message {
	struct str from, to, cc, bcc, reply_to, sender; /* "Name" <addr>, "Name" <addr> */
	struct str subject;
	struct str thread_topic; /* subject without Re:, AW:, Fwd: and their like */
	struct str message_id, in_reply_to, references; /* with <>, references blank-separated */
	struct str thread_index;  /* hex of the conversation index; empty when none came with it */
	struct str content_class; /* Content-Class header */
	struct str message_class; /* IPM.Note, IPM.Note.SMIME, IPM.Note.SMIME.MultipartSigned,
				     IPM.Schedule.Meeting.Request …, REPORT.IPM.Note.NDR … */
	unsigned char conversation[16]; /* hash of the thread root's Message-ID; the same in all
					   folders */
	bool has_conversation;		/* false when nothing names the thread */
	int importance;			/* 0 low, 1 normal, 2 high */
	int64_t date;			/* Date header in ms; 0 when absent or unreadable */
	int64_t size;			/* bytes of the raw message */
	bool xml_clean; /* the raw bytes are UTF-8 that XML allows: may be sent as they are */
	struct str
		preview; /* the first up to 255 characters of readable text, white space folded */
	struct part *parts; /* depth first; the first is the whole */
	unsigned nparts;
};

/*
 * Reads a raw message. Bounded: at most 1,000 parts, 30 levels, 64 KiB for each header text; what
 * is beyond is part of its parent. Never fails on any bytes; false only when the arena overflowed.
 */
bool message_scan(struct arena *a, struct str raw, struct message *out, struct err *e);

/* The JSON form and back; false on JSON that this version does not know (ERR_INTERNAL). */
struct str message_to_json(struct arena *a, const struct message *m);
bool message_from_json(struct arena *a, struct str json, struct message *out, struct err *e);

/* The part with the path, or NULL. */
const struct part *message_part(const struct message *m, struct str path);

/* The body part that a person reads, by role (PART_TEXT or PART_HTML), or NULL. */
const struct part *message_body(const struct message *m, enum part_role role);

/*
 * The flags with which an imported message starts: from Status, X-Status and Keywords headers of an
 * mbox. `raw` is the whole message.
 */
unsigned message_mbox_flags(struct str raw);

#endif
