/*
 * rtf_text: compressed RTF (MS-OXRTFCP) as plain text, for the bodies that old clients send.
 *
 * Read are the compressed and the stored form, and plain RTF. Formatting is dropped; paragraphs,
 * tabs, Unicode and windows-1252 characters are kept. Ownership: the result lies in the arena.
 * Thread: any.
 */
#ifndef EASEL_CORE_RTF_TEXT_H
#define EASEL_CORE_RTF_TEXT_H

#include <stdbool.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;

enum { RTF_MOST = 4 * 1024 * 1024 }; /* bytes of RTF once unpacked */

/* ERR_INVALID: neither of the forms; ERR_TOO_LARGE: past RTF_MOST. Lines end in a line feed. */
bool rtf_text(struct arena *a, struct str packed, struct str *out, struct err *e);

#endif
