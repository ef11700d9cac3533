/*
 * unique_text: what a person wrote in a message, without what he quoted below it: the message part
 * of a conversation (BodyPart, MS-ASAIRS 2.2.2.10).
 *
 * Only what mail programs put in front of a quotation is looked for; a text in which nothing is
 * found, or in which nothing would be left, is taken whole. Linear in time. Thread: any.
 */
#ifndef EASEL_CORE_UNIQUE_TEXT_H
#define EASEL_CORE_UNIQUE_TEXT_H

#include "core/base/str.h"

/* The start of the text, up to the quotation. */
struct str unique_html(struct str html);
struct str unique_plain(struct str text);

#endif
