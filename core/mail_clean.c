/* mail_body: a raw message as text that XML can carry. See mail_body.h for the contract. */
#include "core/mail_body.h"

#include <gmime/gmime.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "store/mime.h"

/* Line ends as CRLF: clients need it inside quoted-printable, and signatures are made over it. */
static struct str with_crlf(struct arena *a, struct str in)
{
	size_t bare = 0;
	for (size_t i = 0; i < in.n; i++)
		bare += in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r');
	if (!bare)
		return in;
	char *out = arena_alloc(a, in.n + bare + 1);
	size_t n = 0;
	for (size_t i = 0; i < in.n; i++) {
		if (in.p[i] == '\n' && (i == 0 || in.p[i - 1] != '\r'))
			out[n++] = '\r';
		out[n++] = in.p[i];
	}
	return (struct str){out, n};
}

/* Lines that are no UTF-8 are read as windows-1252: old programs write such headers. */
static struct str repair_lines(struct arena *a, struct str in)
{
	if (text_is_utf8(in))
		return in;
	char *out = arena_alloc(a, 3 * in.n + 1);
	size_t n = 0;
	while (in.n) {
		ptrdiff_t at = str_find_byte(in, '\n');
		struct str line = str_sub(in, 0, at < 0 ? in.n : (size_t)at + 1);
		in = str_sub(in, line.n, in.n);
		struct arena_mark mark = arena_mark(a);
		struct str good = mime_to_utf8(a, STR(""), line, false);
		memcpy(out + n, good.p, good.n);
		n += good.n;
		arena_release(a, mark);
	}
	return (struct str){out, n};
}

/* Whether every byte is ASCII that XML allows: ISO-2022 is 7-bit and yet full of escapes. */
static bool is_plain(GMimeDataWrapper *content)
{
	GMimeStream *out = g_mime_stream_mem_new();
	g_mime_data_wrapper_write_to_stream(content, out);
	GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out));
	bool plain = true;
	for (guint i = 0; plain && i < bytes->len; i++)
		plain = (bytes->data[i] >= 0x20 && bytes->data[i] < 0x80) ||
			memchr("\t\r\n", bytes->data[i], 3);
	g_object_unref(out);
	return plain;
}

static void encode_part(GMimePart *part)
{
	GMimeContentType *type = g_mime_object_get_content_type(GMIME_OBJECT(part));
	GMimeContentEncoding now = g_mime_part_get_content_encoding(part);
	if (now == GMIME_CONTENT_ENCODING_BASE64 || now == GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE ||
	    now == GMIME_CONTENT_ENCODING_UUENCODE || !g_mime_part_get_content(part) ||
	    is_plain(g_mime_part_get_content(part)))
		return;
	bool text = type && g_mime_content_type_is_type(type, "text", "*");
	g_mime_part_set_content_encoding(part, text ? GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE
						    : GMIME_CONTENT_ENCODING_BASE64);
}

/* Gives every part whose bytes are not plain a transfer encoding; not inside what is signed. */
static void encode_parts(GMimeObject *object, unsigned depth)
{
	if (depth > MIME_DEPTH || GMIME_IS_MULTIPART_SIGNED(object) ||
	    GMIME_IS_MULTIPART_ENCRYPTED(object))
		return;
	if (GMIME_IS_MULTIPART(object)) {
		GMimeMultipart *multipart = GMIME_MULTIPART(object);
		for (int i = 0; i < g_mime_multipart_get_count(multipart); i++)
			encode_parts(g_mime_multipart_get_part(multipart, i), depth + 1);
	} else if (GMIME_IS_MESSAGE_PART(object)) {
		GMimeMessage *nested = g_mime_message_part_get_message(GMIME_MESSAGE_PART(object));
		if (nested && g_mime_message_get_mime_part(nested))
			encode_parts(g_mime_message_get_mime_part(nested), depth + 1);
	} else if (GMIME_IS_PART(object)) {
		encode_part(GMIME_PART(object));
	}
}

static struct str write_object(struct arena *a, GMimeObject *object)
{
	GMimeStream *out = g_mime_stream_mem_new();
	g_mime_object_write_to_stream(object, NULL, out);
	GByteArray *bytes = g_mime_stream_mem_get_byte_array(GMIME_STREAM_MEM(out));
	struct str s = {arena_dup(a, bytes->data, bytes->len), bytes->len};
	g_object_unref(out);
	return s;
}

/* The message written anew, or as it is when GMime can't read it. */
static struct str encode_anew(struct arena *a, struct str raw)
{
	mime_init();
	GMimeStream *in = g_mime_stream_mem_new_with_buffer(raw.p, raw.n);
	GMimeParser *parser = g_mime_parser_new_with_stream(in);
	GMimeMessage *message = g_mime_parser_construct_message(parser, NULL);
	struct str out = raw;
	if (message && g_mime_message_get_mime_part(message)) {
		encode_parts(g_mime_message_get_mime_part(message), 0);
		out = write_object(a, GMIME_OBJECT(message));
	}
	if (message)
		g_object_unref(message);
	g_object_unref(parser);
	g_object_unref(in);
	return out;
}

/* Content that must stay as it is, byte for byte, as far as it can be sent at all. */
static bool is_sealed(struct str raw)
{
	size_t body;
	struct str type = str_trim(mime_field_find(mime_head(raw, &body), STR("Content-Type")));
	return str_starts_nocase(type, STR("multipart/signed")) ||
	       str_starts_nocase(type, STR("multipart/encrypted")) ||
	       str_starts_nocase(type, STR("application/pkcs7-mime")) ||
	       str_starts_nocase(type, STR("application/x-pkcs7-mime"));
}

struct str body_clean_mime(struct arena *a, struct str raw)
{
	if (!text_is_xml(raw) && !is_sealed(raw))
		raw = encode_anew(a, raw);
	return text_to_xml(a, repair_lines(a, with_crlf(a, raw)));
}
