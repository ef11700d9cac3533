/*
 * email_flag: the Flag and Categories of a message and its last verb, between the marks of the
 * stored item (JSON, keys by ActiveSync's element names) and the elements. For core/email*.c only.
 *
 * Marks: {"FlagType":…,"StartDate":…,…,"Categories":["…"],"LastVerbExecuted":1,…}; dates in the
 * dashed form. Whether the flag is set or completed stands in the item's flags.
 */
#ifndef EASEL_CORE_EMAIL_FLAG_H
#define EASEL_CORE_EMAIL_FLAG_H

#include <jansson.h>
#include <stdint.h>

#include "core/email.h"

/* The marks as an object, NULL when there are none or they are not readable. */
json_t *email_marks_parse(struct str marks);

/* Writes Email:Flag, empty when the message has none. marks may be NULL. */
void email_flag_encode(struct wbxml_out *w, const struct summary *s, const json_t *marks);

/* Writes Categories, empty when there are none (MS-ASEMAIL 2.2.2.16). */
void email_categories_encode(struct wbxml_out *w, const json_t *marks);

/* Reads them from a Change into *out and `marks`. ERR_INVALID: status 6. */
bool email_flag_decode(const struct wbxml_node *flag, struct email_change *out, json_t *marks,
		       struct err *e);
bool email_categories_decode(const struct wbxml_node *categories, struct email_change *out,
			     json_t *marks, struct err *e);

/* A string of the marks that is a date, as ms. */
bool email_marks_date(const json_t *marks, const char *key, int64_t *out);

#endif
