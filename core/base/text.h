/*
 * text: the encodings that bytes travel in: UTF-8, ISO-8859-1, base64, hex, percent.
 *
 * Everything is built in the caller's arena. Functions that can meet bad input return bool; those
 * that repair never fail. Thread: any.
 */
#ifndef EASEL_BASE_TEXT_H
#define EASEL_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/str.h"

struct arena;

/* Whether s is UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool text_is_utf8(struct str s);

/* Whether s is UTF-8 and holds only characters that XML 1.0 allows (2.2 Char). */
bool text_is_xml(struct str s);

/*
 * s as legal XML characters: s itself when it is that already, else a copy in which each byte that
 * is not UTF-8 became U+FFFD and each character that XML forbids was dropped.
 */
struct str text_to_xml(struct arena *a, struct str s);

/* ISO-8859-1 bytes as UTF-8. */
struct str text_from_latin1(struct arena *a, struct str s);

/*
 * The longest start of s (UTF-8) of at most max bytes that does not cut a character.
 */
struct str text_cut_utf8(struct str s, size_t max);

/*
 * Base64 (RFC 4648 4), also accepting the URL alphabet, missing padding, and, when `loose`, any
 * white space in between. False on any other byte.
 */
bool text_base64_decode(struct arena *a, struct str s, bool loose, struct str *out);
struct str text_base64_encode(struct arena *a, struct str s);

/* Bytes of base64 with padding for n bytes. */
size_t text_base64_size(size_t n);

/* Writes the base64 of s, text_base64_size(s.n) bytes without a NUL, to out; returns their number.
 */
size_t text_base64_write(char *out, struct str s);

/* Lower-case hex. Decoding accepts both cases; false on an odd length or another byte. */
struct str text_hex_encode(struct arena *a, struct str s);
bool text_hex_decode(struct arena *a, struct str s, struct str *out);

/* %XX decoding; '+' means a blank when `plus`. A broken %-sequence is kept as it is. */
struct str text_percent_decode(struct arena *a, struct str s, bool plus);

/* &, <, >, " and ' as entities; what XML forbids is dropped. */
struct str text_xml_escape(struct arena *a, struct str s);

#endif
