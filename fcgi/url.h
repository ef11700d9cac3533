/*
 * url: the query of an ActiveSync request, plain or base64 (MS-ASHTTP 2.2.1.1.1), and its paths.
 *
 * Failure rule: nothing fails. What can't be read is left out, and a base64 form that breaks off
 * sets `broken`; what that means to a client is decided by core/.
 * Every run is legal XML text: UTF-8 without NUL. Memory: the arena's, or the query's own bytes.
 * Thread: any.
 */
#ifndef EASEL_FCGI_URL_H
#define EASEL_FCGI_URL_H

#include "core/base/str.h"
#include "core/request.h"

struct arena;

/* A longer query is not read at all: plain and empty, or `broken` when it looks like base64. */
enum { URL_MAX = 8192 };

/* Which address a path names, in any letter case, with or without slashes at its end. */
enum endpoint url_endpoint(struct arena *a, struct str path);

/* Reads the part of the URL after '?'. All of *q is set. */
void url_query(struct arena *a, struct str query, struct eas_query *q);

/*
 * A protocol version as MS-ASProtocolVersion writes it (MS-ASHTTP 2.2.1.1.2.4), "14.1" -> 141: one
 * of 2.5, 12.0, 12.1, 14.0, 14.1, 16.0, 16.1. 0 when s is empty, 1 on anything else.
 */
unsigned url_version(struct str s);

/* The command of a code (MS-ASHTTP 2.2.1.1.1.2.1) or of a name in any case; p NULL if unknown. */
struct str url_command_of_code(unsigned code);
struct str url_command_of_name(struct str name);

#endif
