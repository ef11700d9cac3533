/*
 * ical: iCalendar (RFC 5545) as a tree of its own lines, in which one property is changed and all
 * others stay as they were written, byte for byte.
 *
 * The lines (core/content_lines.h) are not read by libical, because that drops what it can't read
 * and folds and orders anew what it can. libical reads what is inside a value: durations,
 * recurrence rules (core/recurrence.h). Real files are broken in many ways; what has no meaning is
 * kept as it is. Failure rule: only ical_parse() fails. Ownership: everything lies in the arena
 * given, or points into the text parsed. Thread: any.
 */
#ifndef EASEL_CORE_ICAL_H
#define EASEL_CORE_ICAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;

/* Bounds on what is read. */
enum { ICAL_BYTES = 32 << 20, ICAL_DEPTH = 10 }; /* and CONTENT_LINES */

/* A line, or a component with its lines and components in the order of the text. */
struct ical_node {
	bool component;
	struct str name;   /* as written; empty: a line that is none */
	struct str raw;	   /* as stored, folds and line end included; of a component: BEGIN */
	struct str end;	   /* of a component: its END, empty when it was never closed */
	struct str params; /* ";TZID=Europe/Paris", unfolded; or empty */
	struct str value;  /* unfolded, not unescaped */
	struct ical_node *parent, *first, *last, *next;
};

/* ---- Reading ---- */

/*
 * Reads a text into a component without a name that holds all there is. ERR_MALFORMED: there is no
 * component in it; ERR_TOO_LARGE: past the bounds, or the arena's cap.
 */
bool ical_parse(struct arena *a, struct str text, struct ical_node **root, struct err *e);

/* The first component or line with the name among the children, in any letter case; or NULL. */
struct ical_node *ical_component(const struct ical_node *in, const char *name);
struct ical_node *ical_line(const struct ical_node *in, const char *name);

/* The next sibling of the same kind and name, or NULL. */
struct ical_node *ical_again(const struct ical_node *node);

/* The value of the first line with the name, trimmed; p == NULL when there is none. */
struct str ical_value(const struct ical_node *in, const char *name);

/* A parameter, without quotes and with ^n, ^' and ^^ decoded (RFC 6868); p == NULL: there is none.
 */
struct str ical_param(struct arena *a, const struct ical_node *line, const char *name);

/* Takes the next of the texts "A,B" off *rest, unescaped and trimmed. False: there is none. */
bool ical_next_text(struct arena *a, struct str *rest, struct str *out);

/* The first line with the name as text, unescaped; p == NULL when there is none. */
struct str ical_text(struct arena *a, const struct ical_node *in, const char *name);

/* ---- Writing ---- */

/* The text of the whole tree: of nodes that nobody touched the bytes that were read. */
struct str ical_write(struct arena *a, const struct ical_node *node);

/* A parameter's value in quotes where needed, encoded by RFC 6868. */
struct str ical_quote_param(struct arena *a, struct str value);

/* The parameters with one of them set, or (value.p == NULL) removed. */
struct str ical_params_with(struct arena *a, struct str params, const char *name, struct str value);

/* A line at the end of a component's own lines. `params` is ";NAME=value…" or empty. */
struct ical_node *ical_add(struct arena *a, struct ical_node *in, const char *name,
			   struct str params, struct str value);

/* Gives a line other parameters and another value. */
void ical_change(struct arena *a, struct ical_node *line, struct str params, struct str value);

/* Sets the one line with the name: adds it, or changes the first and removes the others. */
struct ical_node *ical_set(struct arena *a, struct ical_node *in, const char *name,
			   struct str params, struct str value);

/* The same with an escaped text, keeping the parameters but ALTREP; an empty text removes it. */
void ical_set_text(struct arena *a, struct ical_node *in, const char *name, struct str text);

/* A new component without lines, behind the last child, or before `before` (NULL: none). */
struct ical_node *ical_add_component(struct arena *a, struct ical_node *in, const char *name,
				     struct ical_node *before);

/* A copy of a component with all that is in it, added to `in` as its last child. */
struct ical_node *ical_add_copy(struct arena *a, struct ical_node *in,
				const struct ical_node *component);

void ical_remove(struct ical_node *node);
void ical_remove_all(struct ical_node *in, const char *name);

/* ---- Times ---- */

/* A DATE or DATE-TIME as written: wall-clock time, in seconds since 1970 as if it were UTC. */
struct ical_time {
	int64_t wall;
	bool date; /* without a time of day */
	bool utc;
	struct str tzid; /* empty: UTC or floating */
};

/* Reads "20260310", "20260310T130000" or "…Z"; years 1 to 9999. */
bool ical_time_parse(struct str text, struct ical_time *out);

/* Of a line, with its TZID. */
bool ical_time_of(struct arena *a, const struct ical_node *line, struct ical_time *out);

/* "20260310T130000", with Z when utc; "20260310" of a date. */
struct str ical_time_text(struct arena *a, struct ical_time t);

/* Seconds of a DURATION or TRIGGER value (nominal days count 24 hours). */
bool ical_duration(struct arena *a, struct str text, int64_t *seconds);

/* Days since 1970 of a civil date, and back (proleptic Gregorian). */
int64_t ical_days(int year, int month, int day);
void ical_civil(int64_t days, int *year, int *month, int *day);

#endif
