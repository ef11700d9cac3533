/* search: the words by which items are found. See search.h for the contract. */
#include "store/search.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/html_text.h"
#include "core/base/text.h"
#include "store/message.h"
#include "store/message_scan.h"

enum {
	BODY_MOST = 64 * 1024,
	TEXT_MOST = 64 * 1024,
	HTML_MOST = 256 * 1024,
	WORDS_MOST = 20,
	LINE_MOST = 500
};

/* ---- What makes up a word ---- */

/* Letters and digits; every byte of other alphabets is taken for part of one. */
static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (unsigned char)c >= 0x80;
}

/* PostgreSQL takes neither broken UTF-8 nor more than 1 MiB of words. */
static struct str plain(struct arena *a, struct str text)
{
	text = text_cut_utf8(text_to_xml(a, text), TEXT_MOST);
	char *out = arena_alloc(a, text.n + 1);
	for (size_t i = 0; i < text.n; i++)
		out[i] = in_word(text.p[i]) ? text.p[i] : ' ';
	return (struct str){out, text.n};
}

/* ---- What is looked for ---- */

struct query {
	struct arena *a;
	struct buf out;
	unsigned words;
	bool attachments;
};

/* One word after `joint`; weight "" means anywhere. */
static void put_word(struct query *q, const char *joint, struct str word, const char *weight)
{
	if (q->words == WORDS_MOST)
		return;
	if (q->words++)
		buf_cstr(&q->out, joint);
	buf_printf(&q->out, "'%.*s':*%s", STR_ARG(word), weight);
}

/* The words of a piece that has no blanks, or of a phrase. */
static void put_words(struct query *q, struct str text, const char *joint, const char *weight)
{
	bool first = true;
	for (size_t i = 0; i < text.n;) {
		size_t from = i;
		while (i < text.n && in_word(text.p[i]))
			i++;
		if (i > from)
			put_word(q, first ? " & " : joint, str_sub(text, from, i - from), weight);
		first = first && i == from;
		i += i < text.n && !in_word(text.p[i]);
	}
}

/* The weight for "from:" and its like, taken off the term; NULL: it is a condition of its own. */
static const char *take_property(struct query *q, struct str *term)
{
	static const struct {
		const char *name, *weight;
	} properties[] = {{"subject:", "A"},	  {"from:", "B"}, {"to:", "C"},
			  {"cc:", "C"},		  {"bcc:", "C"},  {"recipients:", "C"},
			  {"participants:", "BC"}};
	if (str_starts_nocase(*term, STR("hasattachment:"))) {
		q->attachments = !str_eq_nocase(str_sub(*term, 14, term->n), STR("false"));
		return NULL;
	}
	for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
		struct str name = str_of(properties[i].name);
		if (str_starts_nocase(*term, name)) {
			*term = str_sub(*term, name.n, term->n);
			return properties[i].weight;
		}
	}
	return "";
}

/* Up to the next blank outside quotes. */
static struct str next_term(struct str *rest)
{
	bool quoted = false;
	size_t i = 0;
	*rest = str_trim(*rest);
	for (; i < rest->n && (quoted || rest->p[i] != ' '); i++)
		if (rest->p[i] == '"')
			quoted = !quoted;
	struct str term = str_sub(*rest, 0, i);
	*rest = str_sub(*rest, i, rest->n);
	return term;
}

bool search_words(struct arena *a, struct str text, struct search *out)
{
	struct query q = {.a = a};
	while (text.n) {
		struct str term = next_term(&text);
		const char *weight = take_property(&q, &term);
		if (!weight || str_eq(term, STR("AND")))
			continue;
		bool phrase = term.n && term.p[0] == '"';
		put_words(&q, term, phrase ? " <-> " : " & ", weight);
	}
	out->words = buf_move(a, &q.out);
	out->attachments = q.attachments;
	return q.words > 0 || q.attachments;
}

/* ---- What is found ---- */

void search_text_of_message(struct arena *a, struct str raw, const struct message *m,
			    struct search_text *out)
{
	const struct part *text = message_body(m, PART_TEXT), *html = message_body(m, PART_HTML);
	struct buf body = {0}, to = {0};
	bool more;
	if (text)
		buf_str(&body, message_part_text(a, raw, text, BODY_MOST));
	else if (html)
		buf_str(&body, html_to_text(a, message_part_text(a, raw, html, HTML_MOST),
					    BODY_MOST, &more));
	for (unsigned i = 0; i < m->nparts; i++)
		if (m->parts[i].role == PART_ATTACHMENT) {
			buf_byte(&body, ' ');
			buf_str(&body, m->parts[i].name);
		}
	buf_str(&to, m->to);
	buf_byte(&to, ' ');
	buf_str(&to, m->cc);
	*out = (struct search_text){.subject = plain(a, m->subject),
				    .author = plain(a, m->from),
				    .recipients = plain(a, buf_get(&to)),
				    .body = plain(a, buf_get(&body))};
	buf_free(&body);
	buf_free(&to);
}

/* Lines that say nothing to a person: what they are called, and what goes on after them. */
static bool is_technical(struct str line)
{
	static const char *const names[] = {"BEGIN", "END",	"PRODID", "VERSION", "UID",
					    "REV",   "DTSTA",	"DTEND",  "DUE",     "TZ",
					    "PHOTO", "KEY",	"LOGO",	  "RRULE",   "ATTACH;",
					    "X-",    "SEQUENCE"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (str_starts_nocase(line, str_of(names[i])))
			return true;
	return false;
}

void search_text_of_lines(struct arena *a, struct str text, struct str subject,
			  struct search_text *out)
{
	struct buf body = {.limit = BODY_MOST};
	struct str line;
	bool technical = false;
	while (text.n && str_next(&text, '\n', &line)) {
		bool folded = line.n && (line.p[0] == ' ' || line.p[0] == '\t');
		ptrdiff_t colon = folded ? 0 : str_find_byte(line, ':');
		if (!folded)
			technical = is_technical(line);
		if (technical || colon < 0 || line.n > LINE_MOST)
			continue;
		/* A folded word goes on without a blank. */
		if (!folded && body.n)
			buf_byte(&body, ' ');
		buf_str(&body, str_trim(str_sub(line, (size_t)colon + 1, line.n)));
	}
	*out = (struct search_text){.subject = plain(a, subject),
				    .author = {"", 0},
				    .recipients = {"", 0},
				    .body = plain(a, (struct str){body.p ? body.p : "", body.n})};
	buf_free(&body);
}
