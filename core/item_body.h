/*
 * item_body: the text of a calendar item, contact, task or note, to the device and back
 * (MS-ASAIRS 2.2.2.9; MS-ASCNTC 3.1.5.4; in protocol 2.5 the Body, BodySize and BodyTruncated of
 * the class's own page).
 *
 * To the device: the form in which the text is kept if the device wants that, else the other one;
 * cut at TruncationSize unless AllOrNone forbids it; Preview from 14.0 on. RTF and MIME are never
 * given. From the device: plain text, HTML, and compressed RTF (read as plain text).
 *
 * What a device never saw of a text, because it was cut, is not lost by an edit: the rest is put
 * behind what it sent, unless that shows that the device has the rest by now (it fetched the whole
 * item), by ending as the whole text does or by going on beyond the cut in its words. Truncated in
 * a request means nothing (MS-ASAIRS 2.2.2.39.1), except that a Body with it and without Data is no
 * change.
 *
 * Ownership: results lie in the context's arena. Thread: any.
 */
#ifndef EASEL_CORE_ITEM_BODY_H
#define EASEL_CORE_ITEM_BODY_H

#include "core/content_lines.h"
#include "core/item_class.h"

/* A text as it is kept: lines end in a line feed. */
struct item_text {
	struct str plain; /* always there, also beside HTML */
	struct str html;  /* empty: it was written as plain text */
};

/* The elements of protocol 2.5; 0 for one that the class does not have. */
struct item_body_tags {
	unsigned body, size, truncated, rtf;
};

/* Writes the Body, also of an empty text: Type and EstimatedDataSize say that there is none. In 2.5
 * an empty one is left out. */
void item_body_encode(struct wbxml_out *w, const struct item_context *ctx,
		      const struct item_body_tags *tags, struct item_text text);

/* NativeBodyType (MS-ASAIRS 2.2.2.32). */
enum body_type item_body_native(struct item_text text);

/*
 * Applies a changed Body (AirSyncBase:Body, or `body` or `rtf` of the tags). ERR_INVALID: no Type,
 * or one that is not 1 to 3; text that is not what the Type says.
 */
bool item_body_apply(const struct item_context *ctx, const struct item_edit_field *field,
		     struct item_text old, struct item_text *out, struct err *e);

/* ---- Where lines keep it: a property, and its HTML in X-ALT-DESC;FMTTYPE=text/html ---- */

struct item_text item_text_read(const struct content_lines *l, struct str property);

/* Touches only what differs. */
void item_text_write(struct content_lines *l, struct str property, struct item_text text);

#endif
