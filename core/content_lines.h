/*
 * content_lines: the lines of a vCard (RFC 6350 3.3, 2.1 too) or an iCalendar object (RFC 5545
 * 3.1), read and edited in such a way that a line which nobody touches stays as it is, byte for
 * byte.
 *
 * A text is read into lines; edits work on the lines of one component (VCARD, VJOURNAL, VTODO), and
 * content_lines_text() gives the text again. Failure rule: a text without that component, or with
 * more lines than CONTENT_LINES, is refused; anything else that is odd is kept and passed over.
 * Ownership: everything lies in the arena or points into the text read. Thread: any.
 */
#ifndef EASEL_CORE_CONTENT_LINES_H
#define EASEL_CORE_CONTENT_LINES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;

enum { CONTENT_LINES = 20000 };

struct content_line {
	struct str raw;	   /* with folds and line end, as it will be written */
	struct str group;  /* "item1" of "item1.TEL"; empty: none */
	struct str name;   /* as written, without the group; empty: not a property */
	struct str params; /* from the first ';' on, unfolded; empty: none */
	struct str value;  /* unfolded, still encoded and escaped */
	unsigned depth;	   /* components around it; BEGIN and END count as outside theirs */
};

struct content_lines {
	struct arena *arena;
	struct content_line *v;
	size_t n, size;
	size_t begin, end; /* BEGIN and END line of the component; `end` is n when END is missing */
	bool quoted_printable; /* the text is a vCard 2.1 */
	struct str eol;	       /* "\r\n" or "\n", as the text has it */
};

/* Reads a text and finds its first component of that name, at whatever depth. */
bool content_lines_read(struct arena *a, struct str text, struct str component,
			struct content_lines *out, struct err *e);

/* The text with all edits. */
struct str content_lines_text(const struct content_lines *l);

/* ---- Looking ---- */

/* The next property of the component itself with this name (any case), from line `from` (0: the
 * first) on; 0 when there is none. */
size_t content_find(const struct content_lines *l, struct str name, size_t from);

/* The next line of the component itself, whatever its name; 0 at the end. */
size_t content_next(const struct content_lines *l, size_t from);

/*
 * The next parameter off *rest, which starts as the line's params. A value in quotes comes without
 * them; a word alone, as vCard 2.1 has it ("TEL;HOME:"), has an empty name.
 */
bool content_param_next(struct str *rest, struct str *name, struct str *value);

/* The value of the first parameter of that name; p == NULL: none. */
struct str content_param(const struct content_line *line, struct str name);

/* Whether a type is set ("TYPE=home,fax", "TYPE=home;TYPE=fax", or the word alone). */
bool content_has_type(const struct content_line *line, struct str type);

/* The value with transfer encoding and charset undone, still escaped; UTF-8 as far as it is that.
 */
struct str content_value(const struct content_lines *l, const struct content_line *line);

/* The value as text: content_value() with escapes undone. */
struct str content_text(const struct content_lines *l, const struct content_line *line);

/* Bytes of a value in base64, or of a data: URI; false when it is neither. */
bool content_binary(const struct content_lines *l, const struct content_line *line,
		    struct str *out);

/* ---- Values ---- */

/* Takes the next piece off an escaped value, up to a separator that is not escaped. */
bool content_piece(struct str *rest, char sep, struct str *piece);

/* \n, \, \; and \\ undone, and the reverse; CRLF and CR become a line feed. */
struct str content_unescape(struct arena *a, struct str value);
struct str content_escape(struct arena *a, struct str text);

/* ---- Editing: each touches the one line that it names ---- */

/* Another value, escaped as the format wants it; group and parameters stay. */
void content_set(struct content_lines *l, size_t at, struct str value);

/* The same with text, escaped here. */
void content_set_text(struct content_lines *l, size_t at, struct str text);

/* Other parameters (";TYPE=home" or empty); the rest stays. */
void content_set_params(struct content_lines *l, size_t at, struct str params);

/*
 * A new property after the last one of that name in the component itself, or at its end (before the
 * components inside). Gives its place; places behind it move by one.
 */
size_t content_add(struct content_lines *l, struct str name, struct str params, struct str value);

/* The same at a place of the caller's, and in a component inside when the depth says so. */
void content_insert(struct content_lines *l, size_t at, unsigned depth, struct str name,
		    struct str params, struct str value);

/* The line goes; places behind it move by one. */
void content_remove(struct content_lines *l, size_t at);

/*
 * The property is this text afterwards: changed, added, or, with an empty text, removed. A line
 * that says so already is not touched.
 */
void content_put(struct content_lines *l, struct str name, struct str params, struct str text);

#endif
