/*
 * page_text: what the user's page says, in the language of the account. Failure rule: nothing
 * fails; a language without texts gets English, and a key that is not known is its own text.
 * Thread: any.
 */
#ifndef EASEL_CORE_PAGE_TEXT_H
#define EASEL_CORE_PAGE_TEXT_H

#include "core/base/str.h"

/* The text of core/page_text.def for a key; nothing in it needs to be escaped in HTML. */
const char *page_text(struct str language, const char *key);

#endif
