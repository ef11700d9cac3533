/* mime: what is inside header fields, read with GMime. See mime.h for the contract. */
#include "store/mime.h"

#include <gmime/gmime.h>
#include <pthread.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"
#include "store/mime_header.h"

enum { GROUPS = 200 };

static GMimeParserOptions *options;

static void start(void)
{
	static const char *charsets[] = {"utf-8", "windows-1252", NULL};
	g_mime_init();
	options = g_mime_parser_options_new();
	g_mime_parser_options_set_fallback_charsets(options, charsets);
	g_mime_parser_options_set_allow_addresses_without_domain(options, TRUE);
}

void mime_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start);
}

/* A NUL-terminated copy for GMime, bounded, unfolded, without the controls that confuse it. */
static char *unfold(struct arena *a, struct str raw)
{
	raw = str_sub(raw, 0, MIME_HEADER);
	char *copy = str_dup(a, raw);
	size_t n = 0;
	for (size_t i = 0; i < raw.n; i++) {
		unsigned char c = (unsigned char)raw.p[i];
		if (c == '\r' || c == '\n')
			continue;
		copy[n++] = c < 0x20 && c != 0x1b ? ' ' : (char)c; /* ESC: raw ISO-2022 */
	}
	copy[n] = '\0';
	return copy;
}

struct str mime_line(struct arena *a, const char *s)
{
	struct str text = text_to_xml(a, str_trim(str_of(s)));
	char *copy = str_dup(a, text_cut_utf8(text, MIME_HEADER));
	for (char *p = copy; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return str_trim(str_of(copy));
}

struct str mime_text(struct arena *a, struct str raw)
{
	if (!raw.n)
		return (struct str){"", 0};
	mime_init();
	char *text = g_mime_utils_header_decode_text(options, unfold(a, raw));
	struct str out = mime_line(a, text);
	g_free(text);
	return out;
}

static void put_quoted(struct buf *out, struct str s)
{
	buf_byte(out, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_byte(out, '\\');
		buf_byte(out, (unsigned char)s.p[i]);
	}
	buf_byte(out, '"');
}

static void put_list(struct arena *a, struct buf *out, InternetAddressList *list);

static void put_address(struct arena *a, struct buf *out, InternetAddress *one)
{
	if (INTERNET_ADDRESS_IS_GROUP(one)) {
		put_list(a, out, internet_address_group_get_members(INTERNET_ADDRESS_GROUP(one)));
		return;
	}
	struct str addr =
		mime_line(a, internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one)));
	struct str name = mime_line(a, internet_address_get_name(one));
	if (!addr.n && !name.n)
		return;
	if (out->n)
		buf_cstr(out, ", ");
	put_quoted(out, name.n ? name : addr);
	if (!addr.n)
		return;
	buf_cstr(out, " <");
	buf_str(out, addr);
	buf_byte(out, '>');
}

static void put_list(struct arena *a, struct buf *out, InternetAddressList *list)
{
	int n = list ? internet_address_list_length(list) : 0;
	for (int i = 0; i < n; i++)
		put_address(a, out, internet_address_list_get_address(list, i));
}

/* GMime descends into groups within groups, which RFC 5322 does not know, as deep as they go. */
static char *limit_groups(char *list)
{
	unsigned colons = 0;
	for (char *p = list; *p; p++)
		if (*p == ':' && ++colons > GROUPS)
			*p = ' ';
	return list;
}

InternetAddressList *mime_address_list(struct arena *a, struct str raw)
{
	mime_init();
	return internet_address_list_parse(options, limit_groups(unfold(a, raw)));
}

struct str mime_addresses(struct arena *a, struct str raw)
{
	raw = str_trim(raw);
	if (!raw.n)
		return (struct str){"", 0};
	InternetAddressList *list = mime_address_list(a, raw);
	if (!list)
		return mime_text(a, raw);
	struct buf out = {.limit = 4 * MIME_HEADER};
	put_list(a, &out, list);
	g_object_unref(list);
	struct str s = {str_dup(a, buf_get(&out)), out.n};
	buf_free(&out);
	return s;
}

int64_t mime_date(struct arena *a, struct str raw)
{
	if (!raw.n)
		return 0;
	mime_init();
	GDateTime *date = g_mime_utils_header_decode_date(unfold(a, raw));
	if (!date)
		return 0;
	int64_t ms = g_date_time_to_unix(date) * 1000;
	g_date_time_unref(date);
	return ms;
}

/* ---- Content-Type and Content-Disposition ---- */

static struct str take(struct arena *a, const char *value, bool lower)
{
	struct str s = mime_line(a, value);
	return lower ? str_lower(a, s) : s;
}

static void upper(struct str s)
{
	for (char *p = (char *)s.p; p < s.p + s.n; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 32);
}

static void take_params(struct arena *a, GMimeContentType *ct, struct mime_part *out)
{
	GMimeParamList *params = g_mime_content_type_get_parameters(ct);
	int n = g_mime_param_list_length(params);
	for (int i = 0; i < n; i++) {
		GMimeParam *param = g_mime_param_list_get_parameter_at(params, i);
		struct str name = str_of(g_mime_param_get_name(param));
		const char *value = g_mime_param_get_value(param);
		if (!value)
			continue;
		if (str_eq_nocase(name, STR("charset")))
			out->charset = take(a, value, true);
		else if (str_eq_nocase(name, STR("boundary")))
			out->boundary = (struct str){arena_strdup(a, value), strlen(value)};
		else if (str_eq_nocase(name, STR("name")))
			out->name = take(a, value, false);
		else if (str_eq_nocase(name, STR("method")))
			upper(out->method = take(a, value, false));
		else if (str_eq_nocase(name, STR("report-type")))
			out->report_type = take(a, value, true);
		else if (str_eq_nocase(name, STR("protocol")))
			out->protocol = take(a, value, true);
		else if (str_eq_nocase(name, STR("smime-type")))
			out->smime_type = take(a, value, true);
		else if (str_eq_nocase(name, STR("start")))
			out->start = mime_id(take(a, value, false));
	}
}

/* "type/subtype" of a token each; a header that names none of that kind is not believed. */
static bool plausible(struct str type)
{
	ptrdiff_t slash = str_find_byte(type, '/');
	return slash > 0 && (size_t)slash + 1 < type.n && str_find_byte(type, ' ') < 0;
}

void mime_content_type(struct arena *a, struct str raw, struct mime_part *out)
{
	if (!raw.n)
		return;
	mime_init();
	GMimeContentType *ct = g_mime_content_type_parse(options, unfold(a, raw));
	if (!ct)
		return;
	char *type = g_mime_content_type_get_mime_type(ct);
	struct str s = take(a, type, true);
	g_free(type);
	take_params(a, ct, out);
	g_object_unref(ct);
	struct str said = str_lower(a, str_sub(str_trim(raw), 0, s.n));
	if (plausible(s) && (str_eq(s, said) || !str_eq(s, STR("application/octet-stream"))))
		out->type = s;
}

void mime_disposition(struct arena *a, struct str raw, struct mime_part *out)
{
	raw = str_trim(raw);
	if (!raw.n)
		return;
	mime_init();
	GMimeContentDisposition *d = g_mime_content_disposition_parse(options, unfold(a, raw));
	if (!d)
		return;
	/* RFC 2183 2.8: an unknown word means attachment; what is no word means nothing. */
	struct str word = str_of(g_mime_content_disposition_get_disposition(d));
	if (str_eq_nocase(word, STR("inline")))
		out->disposition = DISPOSITION_INLINE;
	else if (word.n && str_find_byte(word, '=') < 0)
		out->disposition = DISPOSITION_ATTACHMENT;
	const char *name = g_mime_content_disposition_get_parameter(d, "filename");
	if (name && *name)
		out->name = take(a, name, false);
	g_object_unref(d);
}

struct str mime_id(struct str s)
{
	s = str_trim(s);
	if (s.n >= 2 && s.p[0] == '<' && s.p[s.n - 1] == '>')
		s = str_sub(s, 1, s.n - 2);
	return s;
}
