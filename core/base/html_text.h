/*
 * html_text: HTML as the text that a person reads, and text as HTML.
 *
 * It knows nothing of mail, so that the store can make previews with it as well as the protocol its
 * bodies. Failure rule: no HTML is refused; what can't be understood is read as text or left out.
 * Ownership: results lie in the arena. Thread: any.
 */
#ifndef EASEL_BASE_HTML_TEXT_H
#define EASEL_BASE_HTML_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/str.h"

struct arena;

/*
 * Readable text of an HTML document or fragment in UTF-8, lines ended by CRLF: paragraphs apart,
 * list items with their mark, links as their text; no script, style or title. Reading stops soon
 * after `max` bytes of text, so a preview of a long document is cheap; the result may be a little
 * longer than max, and *more tells whether the document goes on.
 */
struct str html_to_text(struct arena *a, struct str html, size_t max, bool *more);

/*
 * A whole HTML document for plain text: characters that mean something to HTML escaped, line ends
 * as <br>, runs of blanks kept. At most `max` bytes, cut between two characters; *more tells
 * whether it was cut.
 */
struct str html_from_text(struct arena *a, struct str text, size_t max, bool *more);

/* Bytes that html_from_text gives for the text when nothing is cut. */
size_t html_from_text_size(struct str text);

/* White space folded to single blanks, at most `chars` UTF-16 units, no character cut. */
struct str html_fold(struct arena *a, struct str text, size_t chars);

#endif
