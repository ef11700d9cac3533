/* mime_write: the pieces that a message is written with. See mime_write.h for the contract. */
#include "store/mime_write.h"

#include <gmime/gmime.h>

#include "core/base/arena.h"
#include "core/base/digest.h"
#include "core/base/text.h"
#include "store/mime.h"
#include "store/mime_header.h"

enum { LINE = 75, BASE64_LINE = 57, DEPTH = 4 };

/* ---- Addresses ---- */

/* Whether the list has a group: a colon outside of quotes, comments and <>. */
static bool has_group(struct str s)
{
	bool quoted = false, angle = false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		if (c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '<' || c == '>'))
			angle = c == '<';
		else if (!quoted && !angle && c == ':')
			return true;
	}
	return false;
}

/* A copy with commas where somebody wrote semicolons. */
static struct str with_commas(struct arena *a, struct str raw)
{
	char *copy = str_dup(a, raw);
	bool quoted = false;
	for (size_t i = 0; i < raw.n; i++) {
		if (copy[i] == '\\' && i + 1 < raw.n)
			i++;
		else if (copy[i] == '"')
			quoted = !quoted;
		else if (!quoted && copy[i] == ';')
			copy[i] = ',';
	}
	return (struct str){copy, raw.n};
}

struct collection {
	struct arena *a;
	struct mailbox *v;
	unsigned n, most;
};

static void collect(struct collection *c, InternetAddressList *list, unsigned depth)
{
	int n = list && depth < DEPTH ? internet_address_list_length(list) : 0;
	for (int i = 0; i < n; i++) {
		InternetAddress *one = internet_address_list_get_address(list, i);
		if (INTERNET_ADDRESS_IS_GROUP(one)) {
			collect(c, internet_address_group_get_members(INTERNET_ADDRESS_GROUP(one)),
				depth + 1);
			continue;
		}
		const char *address =
			internet_address_mailbox_get_addr(INTERNET_ADDRESS_MAILBOX(one));
		struct mailbox m = {mime_line(c->a, internet_address_get_name(one)),
				    mime_line(c->a, address)};
		if (m.address.n == 0)
			continue;
		if (c->n < c->most)
			c->v[c->n] = m;
		c->n++;
	}
}

unsigned mime_mailboxes(struct arena *a, struct str raw, struct mailbox *out, unsigned most)
{
	struct collection c = {a, out, 0, most};
	raw = str_trim(raw);
	if (raw.n == 0)
		return 0;
	if (!has_group(raw))
		raw = with_commas(a, raw);
	InternetAddressList *list = mime_address_list(a, raw);
	if (!list)
		return 0;
	collect(&c, list, 0);
	g_object_unref(list);
	return c.n;
}

bool mime_address_usable(struct str address)
{
	ptrdiff_t at = str_find_byte(address, '@');
	if (at <= 0 || (size_t)at + 1 >= address.n || address.n > 254)
		return false;
	for (size_t i = 0; i < address.n; i++) {
		unsigned char c = (unsigned char)address.p[i];
		if (c <= 0x20 || c == 0x7f || c == '<' || c == '>' || c == '"' || c == ',')
			return false;
	}
	return str_find_byte(str_sub(address, (size_t)at + 1, address.n), '@') < 0;
}

struct str mime_mailbox_text(struct arena *a, struct mailbox m)
{
	mime_init();
	if (m.name.n == 0)
		return m.address;
	InternetAddress *one =
		internet_address_mailbox_new(str_dup(a, m.name), str_dup(a, m.address));
	char *text = internet_address_to_string(one, NULL, TRUE);
	struct str out = str_of(arena_strdup(a, text));
	g_free(text);
	g_object_unref(one);
	return out;
}

/* ---- Header fields ---- */

struct str mime_header_text(struct arena *a, struct str text)
{
	mime_init();
	char *encoded = g_mime_utils_header_encode_text(NULL, str_dup(a, text), "utf-8");
	struct str out = str_of(arena_strdup(a, encoded));
	g_free(encoded);
	return out;
}

struct str mime_date_text(struct arena *a, int64_t ms)
{
	mime_init();
	GDateTime *date = g_date_time_new_from_unix_utc(ms / 1000);
	char *text = date ? g_mime_utils_header_format_date(date) : NULL;
	struct str out = str_of(arena_strdup(a, text));
	g_free(text);
	if (date)
		g_date_time_unref(date);
	return out;
}

static struct str random_hex(struct arena *a)
{
	unsigned char bytes[16];
	digest_random(bytes, sizeof bytes);
	return text_hex_encode(a, (struct str){(const char *)bytes, sizeof bytes});
}

struct str mime_new_id(struct arena *a, struct str address)
{
	ptrdiff_t at = str_find_byte(address, '@');
	struct str domain = str_sub(address, at < 0 ? 0 : (size_t)at + 1, address.n);
	struct str random = random_hex(a);
	return str_of(arena_printf(a, "<%.*s@%.*s>", STR_ARG(random), STR_ARG(domain)));
}

struct str mime_new_boundary(struct arena *a)
{
	struct str random = random_hex(a);
	return str_of(arena_printf(a, "=_%.*s", STR_ARG(random)));
}

void mime_put_field(struct buf *out, struct str name, struct str value)
{
	const char *end = value.p + value.n;
	while (end > name.p + name.n && (end[-1] == '\r' || end[-1] == '\n'))
		end--;
	buf_put(out, name.p, (size_t)(end - name.p));
	buf_cstr(out, "\r\n");
}

/* ---- Transfer encodings ---- */

static bool ends_line(struct str s, size_t i)
{
	return i == s.n || s.p[i] == '\n' || (s.p[i] == '\r' && i + 1 < s.n && s.p[i + 1] == '\n');
}

/* Mail programs look for these at the start of a line, whatever the encoding. */
static bool must_not_begin(struct str s, size_t i)
{
	struct str rest = str_sub(s, i, 5);
	return str_starts(rest, STR("--")) || str_eq(rest, STR("From "));
}

void mime_put_qp(struct buf *out, struct str s)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t column = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c == '\n' || (c == '\r' && ends_line(s, i))) {
			buf_byte(out, c);
			column = 0;
			continue;
		}
		bool blank = c == ' ' || c == '\t';
		bool plain = blank ? !ends_line(s, i + 1) : c > 0x20 && c < 0x7f && c != '=';
		if (column + (plain ? 1 : 3) > LINE) {
			buf_cstr(out, "=\r\n");
			column = 0;
		}
		if (column == 0 && plain && must_not_begin(s, i))
			plain = false;
		column += plain ? 1 : 3;
		if (plain)
			buf_byte(out, c);
		else
			buf_put(out, (char[]){'=', hex[c >> 4], hex[c & 15]}, 3);
	}
}

void mime_put_base64(struct arena *a, struct buf *out, struct str s)
{
	while (s.n) {
		struct arena_mark mark = arena_mark(a);
		buf_str(out, text_base64_encode(a, str_sub(s, 0, BASE64_LINE)));
		buf_cstr(out, "\r\n");
		arena_release(a, mark);
		s = str_sub(s, BASE64_LINE, s.n);
	}
}
