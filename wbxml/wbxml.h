/*
 * wbxml: ActiveSync's WAP Binary XML (MS-ASWBXML), both ways, and a readable form for the log.
 *
 * Decoding gives a tree in the caller's arena; encoding writes a stream into a struct body. All 26
 * code pages (2.1.2.1) come from pages.def. Written are only the features that 2.1.3 names: tag
 * tokens, code pages, inline strings and opaque data; read are also string tables and character
 * entities, which older clients use. Nothing here knows what the elements mean.
 * Thread: any, one encoder at a time each.
 */
#ifndef EASEL_WBXML_WBXML_H
#define EASEL_WBXML_WBXML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/body.h"
#include "core/base/err.h"
#include "core/base/str.h"

struct arena;

/* page << 8 | token, named Page_Tag: AirSync_SyncKey, AirSyncBase_Body … */
enum wbxml_tag {
#define PAGE(number, name)
#define TAG(page, page_name, token, name, since, until) page_name##_##name = (page) << 8 | (token),
#include "wbxml/pages.def"
#undef PAGE
#undef TAG
};

/* "SyncKey"; NULL for a tag that no page has. */
const char *wbxml_tag_name(unsigned tag);

/* "AirSync"; NULL for an unknown page. `page` is 0 to 25. */
const char *wbxml_page_name(unsigned page);

/*
 * Whether the tag belongs to the protocol version (25, 120, 121, 140, 141, 160 or 161).
 */
bool wbxml_tag_in_version(unsigned tag, unsigned version);

/* ---- Decoding ---- */

/* An element of empty strings only is WBXML_EMPTY; text and opaque parts together are OPAQUE. */
enum wbxml_content { WBXML_EMPTY, WBXML_TEXT, WBXML_OPAQUE, WBXML_ELEMENTS };

struct wbxml_node {
	unsigned tag; /* may be one that no page has: the caller ignores it */
	enum wbxml_content content;
	struct str text; /* text or opaque bytes, NUL-terminated in memory; text is valid UTF-8;
			    "" unless the content is one of these */
	struct wbxml_node *first; /* children */
	struct wbxml_node *next;  /* sibling */
};

/* What a document may hold; every bound is checked while reading. */
struct wbxml_limits {
	unsigned depth; /* nesting of elements */
	unsigned nodes; /* elements in all */
};

/* 32 levels, 200,000 elements. */
extern const struct wbxml_limits wbxml_default_limits;

/*
 * Reads a whole document (WBXML 1.0 to 1.3, in UTF-8, US-ASCII or an unnamed charset). Text parts
 * of one element (inline strings, string-table references, character entities) are joined;
 * white-space-only text between elements is dropped, other text beside child elements is an error.
 * A byte string may be OPAQUE or inline. The bytes must outlive the tree; opaque bytes, joined text
 * and string-table references are copied and count against the arena's cap. False with
 * ERR_MALFORMED (attributes, literals, processing instructions, extensions, bytes after the root,
 * text that is not UTF-8) or ERR_TOO_LARGE; also when the arena overflows.
 */
bool wbxml_decode(struct arena *a, struct str bytes, const struct wbxml_limits *limits,
		  struct wbxml_node **root, struct err *e);

/* First child with the tag, or NULL. node may be NULL. */
const struct wbxml_node *wbxml_child(const struct wbxml_node *node, unsigned tag);

/* Next sibling with the same tag, or NULL. */
const struct wbxml_node *wbxml_again(const struct wbxml_node *node);

/* Text of the first child with the tag; a run with p == NULL when there is no such child. */
struct str wbxml_child_text(const struct wbxml_node *node, unsigned tag);

/* Number of children. */
unsigned wbxml_count(const struct wbxml_node *node);

/* ---- Encoding ---- */

/* Elements nest at most so deep; deeper ones make the body fail. */
enum { WBXML_DEPTH = 32 };

struct wbxml_out {
	struct body *body;
	uint8_t page;
	uint8_t depth; /* open elements */
	uint16_t tag;  /* of the innermost of them, while pending */
	bool pending;  /* its start tag is held back until it is known to have content */
};

/* Writes the header (03 01 6A 00). The body is the caller's. */
void wbxml_start(struct wbxml_out *w, struct body *body);

/* An element with children; begin without children writes the empty form. */
void wbxml_begin(struct wbxml_out *w, unsigned tag);
void wbxml_end(struct wbxml_out *w);

void wbxml_empty(struct wbxml_out *w, unsigned tag);

/*
 * An element with text; what XML forbids is dropped and broken UTF-8 repaired here, in the one
 * place (see text_to_xml). Empty text writes the empty form.
 */
void wbxml_text(struct wbxml_out *w, unsigned tag, struct str s);
void wbxml_cstr(struct wbxml_out *w, unsigned tag, const char *s);
void wbxml_int(struct wbxml_out *w, unsigned tag, int64_t n);

/* An element with OPAQUE bytes; none of them writes the empty form. */
void wbxml_opaque(struct wbxml_out *w, unsigned tag, struct str bytes);

/*
 * An element whose inline string is read from a source when the answer is sent. The source must
 * give legal XML text without NUL; it is the body's from now on.
 */
void wbxml_stream(struct wbxml_out *w, unsigned tag, struct source *s);

/* The same as OPAQUE bytes. */
void wbxml_stream_opaque(struct wbxml_out *w, unsigned tag, struct source *s);

/* A point to go back to when an item can't be encoded. */
struct wbxml_mark {
	struct body_mark body;
	uint16_t tag;
	uint8_t page, depth;
	bool pending;
};
struct wbxml_mark wbxml_mark(const struct wbxml_out *w);
void wbxml_rollback(struct wbxml_out *w, struct wbxml_mark mark);

/* Closes whatever is open. False when the body reached its limit or elements nested too deep. */
bool wbxml_finish(struct wbxml_out *w);

/* ---- Reading along ---- */

/* What of a document's content the readable form shows. */
enum wbxml_dump_flags {
	WBXML_DUMP_ALL = 0,
	WBXML_DUMP_MASKED = 1 /* secrets and content of items as *** (n bytes) */
};

/*
 * The tree as indented XML with an XML declaration, the root's namespace as default and the others
 * as prefixes, text escaped, opaque bytes as text where they are text and else as base64. Tags that
 * no page has are written as page-254:tag-05, and masked too.
 */
void wbxml_dump(struct buf *out, const struct wbxml_node *root, unsigned flags);

#endif
