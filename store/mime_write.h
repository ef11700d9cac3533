/*
 * mime_write: the pieces that a message is written with: addresses taken apart, header fields,
 * transfer encodings.
 *
 * Failure rule: nothing here fails; what can't be read is left out. Ownership: results lie in the
 * arena. Thread: any.
 */
#ifndef EASEL_STORE_MIME_WRITE_H
#define EASEL_STORE_MIME_WRITE_H

#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/str.h"

struct arena;

/* One mailbox of an address field. The address is as written, and may be one that doesn't exist. */
struct mailbox {
	struct str name, address;
};

/*
 * The mailboxes of an address field (RFC 5322 3.4), groups dissolved; ';' is taken for ',' where it
 * ends no group, as some phones write it. At most `most` are put into `out`; returns how many there
 * are.
 */
unsigned mime_mailboxes(struct arena *a, struct str raw, struct mailbox *out, unsigned most);

/* Whether it can be an envelope address: something@something, printable, no blanks, <, > or quotes.
 */
bool mime_address_usable(struct str address);

/* "Name <address>" for a header, the name encoded where that is needed (RFC 2047). */
struct str mime_mailbox_text(struct arena *a, struct mailbox m);

/* Text for a header such as Subject, encoded and folded where that is needed. */
struct str mime_header_text(struct arena *a, struct str text);

/* "Mon, 16 Nov 2026 08:12:00 +0000" (RFC 5322 3.3). */
struct str mime_date_text(struct arena *a, int64_t ms);

/* "<random@domain>", the domain being that of the address. */
struct str mime_new_id(struct arena *a, struct str address);

/* A boundary that nobody can have written before. */
struct str mime_new_boundary(struct arena *a);

/* Quoted-printable text (RFC 2045 6.7), its line ends kept; no line begins with "--" or "From ". */
void mime_put_qp(struct buf *out, struct str s);

/* Base64 in lines. */
void mime_put_base64(struct arena *a, struct buf *out, struct str s);

/* A field of a header block as it stands there, from its name to the end of its value, and CRLF. */
void mime_put_field(struct buf *out, struct str name, struct str value);

#endif
