/*
 * imap_syntax: the bytes of IMAP (RFC 3501, 9051), both ways: finding the end of a response,
 * reading it into values, and writing the arguments of commands.
 *
 * What comes from a server is hostile: lengths, nesting and numbers are bounded, and what does not
 * follow the grammar is refused whole (false, ERR_MALFORMED). Pure: no connection is touched.
 * Ownership: values lie in the arena and point into the bytes that were given. Thread: any.
 */
#ifndef EASEL_STORE_IMAP_SYNTAX_H
#define EASEL_STORE_IMAP_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/uidset.h"

struct arena;

/* ---- Finding the end of a response ---- */

/* The length of the literal that a line (without its line end) announces at its end; -1: none. */
int64_t imap_literal(struct str line);

enum {
	IMAP_RESPONSE_MOST = 16 << 20, /* bytes of one response, its literals included */
	IMAP_DEPTH_MOST = 64	       /* parentheses inside each other */
};

/* How far a response was looked through; zero it for the next one. */
struct imap_frame {
	size_t at; /* everything before was looked at */
};

enum imap_framed { IMAP_INCOMPLETE, IMAP_COMPLETE, IMAP_TOO_LARGE };

/*
 * Looks for the end of the response at the start of the bytes, in which literals count by their
 * length; *length is that of the whole response, its CRLF included. More bytes of the same response
 * may be given each time.
 */
enum imap_framed imap_frame(struct imap_frame *f, struct str bytes, size_t *length);

/* ---- Reading a response ---- */

enum imap_kind {
	IMAP_ATOM,   /* numbers and flags too; BODY[1.MIME]<0> is one */
	IMAP_STRING, /* quoted or a literal */
	IMAP_NIL,
	IMAP_LIST
};

struct imap_value {
	enum imap_kind kind;
	struct str text;	  /* of atoms and strings */
	struct imap_value *first; /* of lists */
	struct imap_value *next;
};

enum imap_response_kind { IMAP_UNTAGGED, IMAP_TAGGED, IMAP_CONTINUE };

struct imap_response {
	enum imap_response_kind kind;
	struct str tag;		   /* of IMAP_TAGGED */
	uint64_t number;	   /* of * 12 FETCH; 0: none */
	struct str name;	   /* OK, NO, BAD, BYE, PREAUTH, FETCH, LIST … */
	struct str code;	   /* first word in [] of a status response; p NULL: none */
	struct str text;	   /* of a status response */
	struct imap_value *values; /* what follows the name, or the words of the code */
};

/* Reads one whole response. */
bool imap_parse(struct arena *a, struct str bytes, struct imap_response *out, struct err *e);

bool imap_is(const struct imap_response *r, const char *name); /* in any letter case */

/* A number; false on anything else. */
bool imap_number(const struct imap_value *v, uint64_t *out);

/* The text of an atom or a string; NIL, a list and NULL give p == NULL. */
struct str imap_text(const struct imap_value *v);

/*
 * Of a list of names, each with its value, the value of the name (in any letter case): of a FETCH,
 * a STATUS. NULL: it is not there.
 */
const struct imap_value *imap_item(const struct imap_value *list, const char *name);

/* "1:4,7" as a set; false on anything else, on * and on numbers above 2^32 - 1. */
bool imap_set_parse(struct arena *a, struct str text, struct uidset *out);

/* "17-Jul-2026 02:44:25 -0700" as ms since 1970. */
bool imap_date_parse(struct str text, int64_t *ms);

/* ---- Writing a command ---- */

/* An argument as an atom, quoted, or a literal of the form {n+} (or {n} when plus is false). */
void imap_put_string(struct buf *b, struct str s, bool literal_plus);

/* Uids as a set, "1:4,7"; they must ascend. */
void imap_put_uids(struct buf *b, const int64_t *uids, size_t n);

/* "17-Jul-2026 02:44:25 +0000" */
void imap_put_date(struct buf *b, int64_t ms);

/* ---- Names ---- */

/* A mailbox's name as people read it (RFC 3501 5.1.3), and back. What is not in that form stays. */
struct str imap_name_decode(struct arena *a, struct str name);
struct str imap_name_encode(struct arena *a, struct str text);

#endif
