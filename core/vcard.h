/*
 * vcard: what a vCard (RFC 6350, RFC 2426, version 2.1) holds for a person: telephone numbers,
 * addresses, dates and pictures, found by the ways in which programs write them, and changed in
 * place.
 *
 * Which lines are meant is said by a pattern: alternatives separated by '|', the preferred one
 * first, each a property with types that it has to have and must not have, and the label of its
 * group (Apple's X-ABLabel), as in "TEL+HOME-FAX|TEL@AssistantPhone". '?' means that it has none of
 * the types and labels that make a number a special one. What is added is written in the form of
 * the first alternative.
 *
 * A pattern's lines fill slots 1, 2 … in their order. So that a number does not move to another
 * slot when the one before it is removed, the lines get a parameter X-EASEL-SLOT then; 0 stands for
 * those that have no slot.
 *
 * Ownership: results lie in the arena of the lines. Thread: any.
 */
#ifndef EASEL_CORE_VCARD_H
#define EASEL_CORE_VCARD_H

#include <stdint.h>

#include "core/content_lines.h"

enum { VCARD_LINES = 64 }; /* lines of one pattern that are looked at */

bool vcard_read(struct arena *a, struct str text, struct content_lines *out, struct err *e);

/* A new card with an id, and no name yet. */
struct str vcard_new(struct arena *a, struct str uid);

/* The line in a slot; 0: none. */
size_t vcard_slot(const struct content_lines *l, const char *pattern, unsigned slot);

/* All lines of a pattern in their order; gives their number. */
size_t vcard_lines(const struct content_lines *l, const char *pattern, size_t out[VCARD_LINES]);

/* The text in a slot: without tel: or mailto:; empty when there is none. */
struct str vcard_text(const struct content_lines *l, const char *pattern, unsigned slot);

/*
 * Puts a text in a slot, of `slots` that there are; an empty one removes the line. A slot that says
 * so already is not touched.
 */
void vcard_put(struct content_lines *l, const char *pattern, unsigned slot, unsigned slots,
	       struct str text);

/* Takes a line away, with the label of its group when nothing else is in the group. */
void vcard_remove(struct content_lines *l, size_t at);

/* Component `i` (from 0) of a structured value such as N, ADR, ORG. */
struct str vcard_component(const struct content_lines *l, size_t at, unsigned i);

/*
 * Puts a text in a component of slot 1, which is made when it is missing, and removed when nothing
 * is left in it.
 */
void vcard_put_component(struct content_lines *l, const char *pattern, unsigned i, struct str text);

/* ---- Dates ---- */

/* The year that stands for none, as Apple writes it. */
enum { VCARD_NO_YEAR = 1604 };

struct vcard_date {
	int year, month, day; /* year VCARD_NO_YEAR: not known */
};

/* False when it is no whole day. */
bool vcard_date(const struct content_lines *l, size_t at, struct vcard_date *out);

/* Puts a date in slot 1 in the form of the card's version; NULL removes it. */
void vcard_put_date(struct content_lines *l, const char *pattern, const struct vcard_date *date);

/* ---- Pictures ---- */

/* The line of the first picture that is in the card itself, with its bytes; 0: none. */
size_t vcard_photo(const struct content_lines *l, struct str *bytes);

/* The card's picture is this one; empty: none. */
void vcard_put_photo(struct content_lines *l, struct str bytes);

#endif
