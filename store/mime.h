/*
 * mime: the small pieces of RFC 2045 to 2231 that stores and conversions share: splitting a message
 * into its parts, header texts, transfer encodings, charsets.
 *
 * The structure is split here and not by GMime, because all that is wanted of it are places: exact
 * bounds of every part, on any input, in time linear to its size and with a nesting that is ours to
 * limit. GMime reads what is inside a header field (encoded words, addresses, parameters, dates).
 * Failure rule: nothing here fails; bad input is read as a person would mean it.
 * Ownership: results lie in the caller's arena or point into the input. Thread: any.
 */
#ifndef EASEL_STORE_MIME_H
#define EASEL_STORE_MIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"
#include "store/message.h"

struct arena;
struct source;

enum { MIME_PARTS = 1000, MIME_DEPTH = 30, MIME_HEADER = 64 * 1024 };

/* Starts GMime; harmless when called again. Every function here that needs it calls it itself. */
void mime_init(void);

/* ---- Header fields ---- */

/*
 * The header block at the start of `raw`, without the blank line that ends it, and in *body where
 * the content begins. An mbox's "From " line in front is skipped. A line that is no field is passed
 * over when the header goes on after it, and otherwise begins the content.
 */
struct str mime_head(struct str raw, size_t *body);

/* The next field of a header block; its value is raw, folds included. False at the end. */
bool mime_field(struct str *rest, struct str *name, struct str *value);

/* The raw value of the first field with the name; p == NULL when there is none. */
struct str mime_field_find(struct str head, struct str name);

/* Unfolded, encoded words decoded, one line of legal XML characters, at most MIME_HEADER bytes. */
struct str mime_text(struct arena *a, struct str raw);

/* "Name" <addr>, "Name" <addr>: groups dissolved, an address without a name stands for its name. */
struct str mime_addresses(struct arena *a, struct str raw);

/* Milliseconds since 1970; 0 when it can't be read. */
int64_t mime_date(struct arena *a, struct str raw);

/* ---- Structure ---- */

/* One part as its own header describes it. */
struct mime_part {
	struct str head;   /* raw header fields */
	size_t at, n;	   /* place of the encoded content in the raw message */
	unsigned parent;   /* index of the multipart around it; its own for the first */
	unsigned depth;	   /* 0 for the first */
	unsigned number;   /* 1, 2 … among its siblings */
	unsigned children; /* of a multipart that was split */
	struct str type;   /* "text/html"; what it is taken for, never empty */
	enum part_encoding encoding;
	struct str charset;  /* lower case */
	struct str boundary; /* of a multipart */
	struct str name;     /* file name as given */
	struct str content_id, location;
	struct str method;	/* of text/calendar, upper case */
	struct str report_type; /* of multipart/report, lower case */
	struct str protocol;	/* of multipart/signed, lower case */
	struct str smime_type;	/* of application/pkcs7-mime, lower case */
	struct str start;	/* of multipart/related, without <> */
	enum { DISPOSITION_NONE, DISPOSITION_INLINE, DISPOSITION_ATTACHMENT } disposition;
};

struct mime_tree {
	struct mime_part *v; /* depth first */
	unsigned n;
};

/* Splits a message. A multipart past the bounds, or without its delimiter, has no children. */
void mime_split(struct arena *a, struct str raw, struct mime_tree *out);

/* ---- Transfer encodings ---- */

/* A decoder that takes its input in pieces. Zero it but for `encoding`. */
struct mime_decoder {
	enum part_encoding encoding;
	uint32_t bits;
	unsigned have, state;
	char held;
};

/* Decodes a piece; out has room for in.n + 4 bytes, or is NULL to count only. Gives the bytes. */
size_t mime_decode(struct mime_decoder *d, struct str in, char *out);

/* What is left at the end: at most 4 bytes. */
size_t mime_decode_end(struct mime_decoder *d, char *out);

/* All at once. */
struct str mime_decode_all(struct arena *a, enum part_encoding encoding, struct str in);

/* The exact number of bytes that decoding gives. */
int64_t mime_decoded_size(enum part_encoding encoding, struct str in);

/* A source that gives the decoded content of `inner`, which it owns; `size` is exact. */
struct source *mime_source(struct source *inner, enum part_encoding encoding, int64_t size);

/* ---- Charsets ---- */

/*
 * As UTF-8. An unknown or missing charset: UTF-8 if it is that, else windows-1252. Bytes that mean
 * nothing become U+FFFD. When the bytes were `cut`, an unfinished character at the end is dropped.
 */
struct str mime_to_utf8(struct arena *a, struct str charset, struct str bytes, bool cut);

/* The Windows code page of a charset (MS-ASEMAIL 2.2.2.40); 0 when there is none. */
unsigned mime_codepage(struct str charset);

/* The most bytes of the charset that `n` bytes of UTF-8 can come from. */
int64_t mime_bytes_for_utf8(struct str charset, int64_t n);

#endif
