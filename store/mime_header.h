/*
 * mime_header: what mime.c's splitter needs of header values and nobody else does. As mime.h.
 */
#ifndef EASEL_STORE_MIME_HEADER_H
#define EASEL_STORE_MIME_HEADER_H

#include <gmime/gmime.h>

#include "store/mime.h"

/* Fills type and parameters of *out; leaves them when the value can't be read. */
void mime_content_type(struct arena *a, struct str raw, struct mime_part *out);

/* Fills disposition, and name when one is given (it wins over Content-Type's). */
void mime_disposition(struct arena *a, struct str raw, struct mime_part *out);

/* s without the <> around it. */
struct str mime_id(struct str s);

/* The addresses of a raw field, as GMime reads them; NULL when there are none. The caller's. */
InternetAddressList *mime_address_list(struct arena *a, struct str raw);

/* Text that GMime gave (may be NULL) as one line of legal XML characters. */
struct str mime_line(struct arena *a, const char *s);

#endif
