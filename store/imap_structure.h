/*
 * imap_structure: BODYSTRUCTURE (RFC 3501 7.4.2) as a tree of parts, and a message put together
 * from it. For store/imap_message.c.
 *
 * Bounded: at most STRUCTURE_PARTS parts; what is beyond is left out. Pure. Ownership: the caller's
 * arena, into which texts of the response are copied.
 */
#ifndef EASEL_STORE_IMAP_STRUCTURE_H
#define EASEL_STORE_IMAP_STRUCTURE_H

#include "store/imap_syntax.h"
#include "store/message.h"

enum { STRUCTURE_PARTS = 200 };

struct structure {
	struct str path; /* "" for the whole of a multipart */
	struct str type; /* "text/plain", lower case */
	struct str boundary;
	enum part_encoding encoding;
	int64_t octets;
	unsigned parent;
	bool multipart;
	/* What was fetched: */
	struct str head;       /* its MIME header */
	struct str text;       /* the start of its content */
	struct str start, end; /* of base64: some bytes at both ends */
	int64_t decoded;       /* bytes of the content; -1: not known */
};

struct structures {
	struct structure *v; /* depth first; the first is the whole */
	unsigned n;
};

/* False: it is none. */
bool structure_read(struct arena *a, const struct imap_value *v, struct structures *out);

/* Whether the start of the content tells something: a text. */
bool structure_is_text(const struct structure *s);

enum { STRUCTURE_ENDS = 160 };

/*
 * The exact size of base64 whose lines are all alike, by what both ends look like; -1 when they are
 * not.
 */
int64_t structure_base64_size(const struct structure *s);

/* The message as far as it was fetched, to be scanned. */
struct str structure_message(struct arena *a, const struct structures *s, struct str header);

/*
 * Puts the places and sizes of the real message into what was scanned. Parts that the structure
 * does not have keep nothing.
 */
void structure_place(const struct structures *s, int64_t size, struct message *m);

/* Where the content of part i lies. */
static inline int64_t structure_offset(unsigned i)
{
	return (int64_t)(i + 1) << 40;
}

#endif
