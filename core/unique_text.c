/* unique_text: what a person wrote in a message. See unique_text.h for the contract. */
#include "core/unique_text.h"

#include <string.h>

enum { TAG_LONGEST = 2048 };

/* ---- HTML ---- */

/* What programs mark the beginning of a quotation with, in a tag. */
static bool marks_quotation(struct str tag)
{
	static const char *const marks[] = {
		"type=\"cite\"",
		"type=cite",
		"gmail_quote",
		"moz-cite-prefix",
		"divRplyFwdMsg",
		"appendonsend",
		"OLK_SRC_BODY_SECTION",
		"yahoo_quoted",
		"stopSpelling",
		"mail-editor-reference",
		"protonmail_quote",
		"ms-outlook-mobile-reference",
		"border-top:solid #e1e1e1",
		"border-top:solid #b5c4df",
	};
	if (str_starts_nocase(tag, STR("blockquote")))
		return true;
	for (size_t i = 0; i < sizeof marks / sizeof *marks; i++)
		for (size_t at = 0; at + strlen(marks[i]) <= tag.n; at++)
			if (str_starts_nocase(str_sub(tag, at, tag.n), str_of(marks[i])))
				return true;
	return false;
}

/* Whether a person would see anything of it. */
static bool has_content(struct str html)
{
	bool in_tag = false;
	for (size_t i = 0; i < html.n; i++) {
		char c = html.p[i];
		if (c == '<') {
			in_tag = true;
			struct str tag = str_sub(html, i + 1, 8);
			if (str_starts_nocase(tag, STR("img")))
				return true;
			/* Neither is shown, nor is what is in it. */
			if (str_starts_nocase(tag, STR("style")) ||
			    str_starts_nocase(tag, STR("title"))) {
				ptrdiff_t end = str_find(str_sub(html, i, html.n), STR("</"));
				i = end < 0 ? html.n : i + (size_t)end;
			}
		} else if (c == '>') {
			in_tag = false;
		} else if (!in_tag && !memchr(" \t\r\n", c, 4)) {
			if (!str_starts_nocase(str_sub(html, i, 6), STR("&nbsp;")))
				return true;
			i += 5;
		}
	}
	return false;
}

struct str unique_html(struct str html)
{
	const char *end = html.p + html.n;
	for (const char *p = html.p; p < end && (p = memchr(p, '<', (size_t)(end - p))); p++) {
		struct str rest = {p + 1, (size_t)(end - p) - 1};
		rest = str_sub(rest, 0, TAG_LONGEST);
		ptrdiff_t close = str_find_byte(rest, '>');
		if (close < 0 || !marks_quotation(str_sub(rest, 0, (size_t)close)))
			continue;
		struct str own = str_sub(html, 0, (size_t)(p - html.p));
		return has_content(own) ? own : html;
	}
	return html;
}

/* ---- Plain text ---- */

static bool is_blank(struct str s)
{
	return str_trim(s).n == 0;
}

/* "-----Original Message-----", in whatever language, or Outlook's line of underscores. */
static bool is_divider(struct str line)
{
	line = str_trim(line);
	if (str_starts(line, STR("-----")) && line.n > 10 && line.p[line.n - 1] == '-')
		return str_trim(str_sub(line, 5, line.n - 10)).p[0] != '-';
	return str_starts(line, STR("________________________________"));
}

/*
 * Quoted lines count only when nothing else follows them: who answers between the lines has
 * written what stands there.
 */
struct str unique_plain(struct str text)
{
	struct str rest = text, line;
	const char *quoted = NULL, *before = NULL; /* start of the last run of '>', and of the line
						      above it */
	const char *last = NULL;
	bool any = false;
	while (rest.n && str_next(&rest, '\n', &line)) {
		if (any && is_divider(line)) {
			quoted = line.p;
			before = NULL;
			break;
		}
		if (line.n && line.p[0] == '>') {
			if (!quoted) {
				quoted = line.p;
				before = last;
			}
		} else if (!is_blank(line)) {
			quoted = NULL;
			any = true;
			last = line.p;
		}
	}
	if (!quoted || !any)
		return text;
	struct str own = {text.p, (size_t)(quoted - text.p)};
	if (!before)
		return own;
	/* "On Monday Ben wrote:" */
	struct str attribution = str_trim((struct str){before, (size_t)(quoted - before)});
	struct str above = {text.p, (size_t)(before - text.p)};
	return attribution.n && attribution.p[attribution.n - 1] == ':' && !is_blank(above) ? above
											    : own;
}
