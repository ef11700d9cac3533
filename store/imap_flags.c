/*
 * imap_flags: flags and keywords of IMAP as flags and categories. See imap_index.h.
 *
 * Keywords that begin with '$' or that clients use for their own purposes are no categories. A
 * category is a keyword of its name, in which what an atom can't hold is written =XX.
 */
#include <jansson.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "store/imap_index.h"

static const struct {
	const char *name;
	unsigned flag;
	bool keyword;
} names[] = {
	{"\\Seen", ITEM_SEEN, false},	      {"\\Answered", ITEM_ANSWERED, false},
	{"\\Flagged", ITEM_FLAGGED, false},   {"\\Draft", ITEM_DRAFT, false},
	{"$Forwarded", ITEM_FORWARDED, true}, {"$Completed", ITEM_COMPLETED, true},
};

enum { NAMES = sizeof names / sizeof *names, CATEGORIES = 300, KEYWORD_MOST = 255 };

static bool is_category(struct str keyword)
{
	static const char *const others[] = {"Junk",	   "NonJunk", "NotJunk", "Forwarded",
					     "Redirected", "MDNSent", "Recent",	 "Old"};
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (str_eq_nocase(keyword, str_of(others[i])))
			return false;
	return keyword.n > 0 && keyword.p[0] != '$' && keyword.p[0] != '\\';
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static struct str category_of(struct arena *a, struct str keyword)
{
	char *out = arena_alloc(a, keyword.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < keyword.n; i++) {
		bool coded = keyword.p[i] == '=' && i + 2 < keyword.n &&
			     hex(keyword.p[i + 1]) >= 0 && hex(keyword.p[i + 2]) >= 0;
		out[n++] = coded ? (char)(hex(keyword.p[i + 1]) << 4 | hex(keyword.p[i + 2]))
				 : keyword.p[i];
		i += coded ? 2 : 0;
	}
	return text_to_xml(a, (struct str){out, n});
}

struct imap_flags imap_flags_read(struct arena *a, const struct imap_value *list)
{
	struct imap_flags out = {0};
	json_t *categories = json_array();
	for (const struct imap_value *v = list ? list->first : NULL; v; v = v->next) {
		size_t i = 0;
		while (i < NAMES && !str_eq_nocase(imap_text(v), str_of(names[i].name)))
			i++;
		if (i < NAMES) {
			out.flags |= names[i].flag;
		} else if (is_category(imap_text(v)) && json_array_size(categories) < CATEGORIES) {
			struct str name = category_of(a, imap_text(v));
			json_array_append_new(categories, json_stringn(name.p, name.n));
		}
	}
	if (json_array_size(categories)) {
		char *text = json_dumps(categories, JSON_COMPACT);
		out.categories = str_of(arena_strdup(a, text));
		free(text);
	}
	json_decref(categories);
	return out;
}

void imap_flags_put(struct buf *b, unsigned flags, bool keywords)
{
	bool any = false;
	for (size_t i = 0; i < NAMES; i++) {
		if (!(flags & names[i].flag) || (names[i].keyword && !keywords))
			continue;
		if (any)
			buf_byte(b, ' ');
		buf_cstr(b, names[i].name);
		any = true;
	}
}

/* RFC 3501 9, ATOM-CHAR; '=' and ']' are ours. */
static bool is_atom_char(unsigned char c)
{
	return c > ' ' && c < 0x7f && !strchr("(){%*\"\\]=", c);
}

static void put_keyword(struct buf *b, struct str category)
{
	struct buf out = {0};
	for (size_t i = 0; i < category.n; i++) {
		unsigned char c = (unsigned char)category.p[i];
		if (is_atom_char(c) && !(i == 0 && c == '$'))
			buf_byte(&out, c);
		else
			buf_printf(&out, "=%02X", c);
	}
	if (out.n > 0 && out.n <= KEYWORD_MOST) {
		buf_byte(b, ' ');
		buf_str(b, buf_get(&out));
	}
	buf_free(&out);
}

void imap_categories_put(struct buf *b, struct str marks)
{
	json_t *o = marks.n ? json_loadb(marks.p, marks.n, 0, NULL) : NULL;
	const json_t *list = json_object_get(o, "Categories");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *v = json_array_get(list, i);
		put_keyword(b, (struct str){json_string_value(v), json_string_length(v)});
	}
	json_decref(o);
}
