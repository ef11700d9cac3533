/* compose: the original in the text of a reply. See compose.h for the contract. */
#include "core/compose.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/html_text.h"
#include "core/base/text.h"
#include "store/mime.h"
#include "store/mime_write.h"

/* Of a longer original only the beginning is quoted. */
enum { QUOTED_MOST = 1 << 20 };

static struct str decoded(struct arena *a, const struct message *m, enum part_role role,
			  struct str content)
{
	const struct part *part = message_body(m, role);
	if (!part || content.n == 0)
		return (struct str){"", 0};
	bool cut = content.n > QUOTED_MOST;
	struct str bytes = mime_decode_all(a, part->encoding, str_sub(content, 0, QUOTED_MOST));
	return text_to_xml(a, mime_to_utf8(a, part->charset, bytes, cut));
}

/* ---- What stands above the original ---- */

struct heading {
	const char *name;
	struct str value;
};

enum { HEADINGS = 5 };

static void make_headings(struct arena *a, const struct message *m, struct heading out[HEADINGS])
{
	struct str sent = m->date ? mime_date_text(a, m->date) : STR("");
	out[0] = (struct heading){"From", m->from};
	out[1] = (struct heading){"Sent", sent};
	out[2] = (struct heading){"To", m->to};
	out[3] = (struct heading){"Cc", m->cc};
	out[4] = (struct heading){"Subject", m->subject};
}

/* ---- Plain text ---- */

static void put_quoted(struct buf *out, struct str text)
{
	struct str line;
	while (text.n && str_next(&text, '\n', &line)) {
		while (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		buf_cstr(out, line.n ? "> " : ">");
		buf_str(out, line);
		buf_cstr(out, "\r\n");
	}
}

struct str compose_reply_text(struct arena *a, struct str own,
			      const struct compose_original *original)
{
	const struct message *m = original->message;
	struct heading headings[HEADINGS];
	struct buf out = {0};
	struct str quoted = decoded(a, m, PART_TEXT, original->text);
	bool more;
	if (quoted.n == 0)
		quoted = html_to_text(a, decoded(a, m, PART_HTML, original->html), QUOTED_MOST,
				      &more);
	make_headings(a, m, headings);
	buf_str(&out, own);
	buf_cstr(&out, "\r\n\r\n-----Original Message-----\r\n");
	for (size_t i = 0; i < HEADINGS; i++)
		if (headings[i].value.n)
			buf_printf(&out, "%s: %.*s\r\n", headings[i].name,
				   STR_ARG(headings[i].value));
	buf_cstr(&out, "\r\n");
	put_quoted(&out, quoted);
	return buf_move(a, &out);
}

/* ---- HTML ---- */

static ptrdiff_t find_nocase(struct str s, struct str word, bool last)
{
	ptrdiff_t found = -1;
	for (size_t i = 0; i + word.n <= s.n; i++) {
		if (s.p[i] != '<' || !str_starts_nocase(str_sub(s, i, word.n), word))
			continue;
		found = (ptrdiff_t)i;
		if (!last)
			break;
	}
	return found;
}

/* What is inside the body of a document; all of a fragment. */
static struct str inner_html(struct str html)
{
	ptrdiff_t start = find_nocase(html, STR("<body"), false);
	if (start >= 0) {
		struct str rest = str_sub(html, (size_t)start, html.n);
		ptrdiff_t end = str_find_byte(rest, '>');
		html = str_sub(rest, end < 0 ? rest.n : (size_t)end + 1, rest.n);
	}
	ptrdiff_t end = find_nocase(html, STR("</body"), true);
	return end < 0 ? html : str_sub(html, 0, (size_t)end);
}

static void put_as_html(struct arena *a, struct buf *out, struct str text)
{
	struct str line;
	while (text.n && str_next(&text, '\n', &line)) {
		buf_str(out, text_xml_escape(a, str_trim(line)));
		buf_cstr(out, "<br>\r\n");
	}
}

static void put_original(struct arena *a, struct buf *out, const struct compose_original *original)
{
	const struct message *m = original->message;
	struct heading headings[HEADINGS];
	struct str html = decoded(a, m, PART_HTML, original->html);
	make_headings(a, m, headings);
	buf_cstr(out, "<br><hr><div>");
	for (size_t i = 0; i < HEADINGS; i++)
		if (headings[i].value.n)
			buf_printf(out, "<b>%s:</b> %.*s<br>\r\n", headings[i].name,
				   STR_ARG(text_xml_escape(a, headings[i].value)));
	buf_cstr(out, "</div><blockquote style=\"margin:1ex 0 0 0;border-left:1px solid #ccc;"
		      "padding-left:1ex\">\r\n");
	if (html.n)
		buf_str(out, inner_html(html));
	else
		put_as_html(a, out, decoded(a, m, PART_TEXT, original->text));
	buf_cstr(out, "\r\n</blockquote>\r\n");
}

struct str compose_reply_html(struct arena *a, struct str own,
			      const struct compose_original *original)
{
	struct buf out = {0};
	ptrdiff_t end = find_nocase(own, STR("</body"), true);
	if (end < 0)
		end = find_nocase(own, STR("</html"), true);
	size_t at = end < 0 ? own.n : (size_t)end;
	buf_str(&out, str_sub(own, 0, at));
	put_original(a, &out, original);
	buf_str(&out, str_sub(own, at, own.n));
	return buf_move(a, &out);
}
