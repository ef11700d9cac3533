/* vcard: what a vCard holds for a person. See vcard.h for the contract. */
#include "core/vcard.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"

#define SLOT STR("X-EASEL-SLOT")

bool vcard_read(struct arena *a, struct str text, struct content_lines *out, struct err *e)
{
	return content_lines_read(a, text, STR("VCARD"), out, e);
}

struct str vcard_new(struct arena *a, struct str uid)
{
	return str_of(
		arena_printf(a,
			     "BEGIN:VCARD\r\nVERSION:3.0\r\nPRODID:-//Easel//EN\r\nUID:%.*s\r\n"
			     "N:;;;;\r\nFN:\r\nEND:VCARD\r\n",
			     STR_ARG(uid)));
}

/* ---- Patterns ---- */

static bool has_type(const struct content_line *line, struct str type)
{
	if (content_has_type(line, type))
		return true;
	return str_eq(type, STR("PREF")) && content_param(line, STR("PREF")).n > 0;
}

/* The label that the lines of a group have, as in item1.X-ABLabel:_$!<Spouse>!$_ */
static struct str label_of(const struct content_lines *l, const struct content_line *line)
{
	for (size_t i = line->group.n ? content_find(l, STR("X-ABLabel"), 0) : 0; i;
	     i = content_find(l, STR("X-ABLabel"), i + 1)) {
		if (!str_eq_nocase(l->v[i].group, line->group))
			continue;
		struct str label = str_trim(content_text(l, &l->v[i]));
		if (str_starts(label, STR("_$!<")) && label.n > 8)
			label = str_sub(label, 4, label.n - 8);
		return label;
	}
	return (struct str){"", 0};
}

/* Whether nothing makes a number a special one. */
static bool is_untyped(const struct content_lines *l, const struct content_line *line)
{
	static const char *const types[] = {"HOME",
					    "WORK",
					    "FAX",
					    "CELL",
					    "PAGER",
					    "CAR",
					    "MAIN",
					    "RADIO",
					    "X-EVOLUTION-RADIO",
					    "X-EVOLUTION-ASSISTANT",
					    "X-EVOLUTION-COMPANY",
					    "TLX",
					    "MODEM"};
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (has_type(line, str_of(types[i])))
			return false;
	return !str_eq_nocase(label_of(l, line), STR("AssistantPhone"));
}

/* One alternative of a pattern: the property's name, then its conditions. */
static struct str alternative_name(struct str alternative)
{
	size_t n = 0;
	while (n < alternative.n && !memchr("+@?", alternative.p[n], 3) &&
	       !(alternative.p[n] == '-' && n > 2 && !str_starts(alternative, STR("X-"))))
		n++;
	return str_sub(alternative, 0, n);
}

/* Takes "+HOME", "-X-EVOLUTION-RADIO": a type may hold a hyphen when it starts with X-. */
static bool next_condition(struct str *rest, char *sign, struct str *word)
{
	if (!rest->n)
		return false;
	*sign = rest->p[0];
	size_t n = 1;
	bool extension = str_starts(str_sub(*rest, 1, rest->n), STR("X-"));
	while (n < rest->n && rest->p[n] != '+' && rest->p[n] != '@' && rest->p[n] != '?' &&
	       (extension || rest->p[n] != '-'))
		n++;
	*word = str_sub(*rest, 1, n - 1);
	*rest = str_sub(*rest, n, rest->n);
	return true;
}

static bool fits(const struct content_lines *l, const struct content_line *line,
		 struct str alternative)
{
	struct str name = alternative_name(alternative), word;
	struct str rest = str_sub(alternative, name.n, alternative.n);
	char sign;
	if (!str_eq_nocase(line->name, name))
		return false;
	/* A link to another card is no name. */
	if (str_eq(name, STR("RELATED")) &&
	    !str_eq_nocase(content_param(line, STR("VALUE")), STR("text")))
		return false;
	while (next_condition(&rest, &sign, &word)) {
		if ((sign == '+' && !has_type(line, word)) ||
		    (sign == '-' && has_type(line, word)) ||
		    (sign == '@' && !str_eq_nocase(label_of(l, line), word)) ||
		    (sign == '?' && !is_untyped(l, line)))
			return false;
	}
	return true;
}

static bool is_listed(const size_t *v, size_t n, size_t at)
{
	for (size_t i = 0; i < n; i++)
		if (v[i] == at)
			return true;
	return false;
}

size_t vcard_lines(const struct content_lines *l, const char *pattern, size_t out[VCARD_LINES])
{
	struct str rest = str_of(pattern), alternative;
	size_t n = 0;
	while (str_next(&rest, '|', &alternative))
		for (size_t i = content_next(l, 0); i; i = content_next(l, i + 1))
			if (n < VCARD_LINES && fits(l, &l->v[i], alternative) &&
			    !is_listed(out, n, i))
				out[n++] = i;
	return n;
}

/* ---- Slots ---- */

struct slots {
	size_t line[VCARD_LINES];
	unsigned slot[VCARD_LINES]; /* 0: none */
	size_t n;
};

static bool is_taken(const struct slots *s, unsigned slot)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->slot[i] == slot)
			return true;
	return false;
}

/* Lines with a slot of their own take it; the others fill what is free. */
static void assign(const struct content_lines *l, const char *pattern, struct slots *s)
{
	bool free_to_move[VCARD_LINES] = {false};
	s->n = 0;
	size_t n = vcard_lines(l, pattern, s->line);
	for (size_t i = 0; i < n; i++) {
		uint64_t own;
		struct str said = content_param(&l->v[s->line[i]], SLOT);
		free_to_move[i] = !said.p || !str_to_u64(said, &own) || own > VCARD_LINES ||
				  (own && is_taken(s, (unsigned)own));
		s->slot[i] = free_to_move[i] ? 0 : (unsigned)own;
		s->n = i + 1;
	}
	for (size_t i = 0, slot = 1; i < n; i++) {
		if (!free_to_move[i])
			continue;
		while (is_taken(s, (unsigned)slot))
			slot++;
		s->slot[i] = (unsigned)slot;
	}
}

static size_t find_slot(const struct slots *s, unsigned slot)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->slot[i] == slot)
			return i;
	return s->n;
}

size_t vcard_slot(const struct content_lines *l, const char *pattern, unsigned slot)
{
	struct slots s;
	assign(l, pattern, &s);
	size_t i = find_slot(&s, slot);
	return i < s.n ? s.line[i] : 0;
}

static struct str bare(struct str text)
{
	static const char *const schemes[] = {"tel:", "mailto:"};
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (str_starts_nocase(text, str_of(schemes[i])))
			return str_sub(text, strlen(schemes[i]), text.n);
	return text;
}

struct str vcard_text(const struct content_lines *l, const char *pattern, unsigned slot)
{
	size_t at = vcard_slot(l, pattern, slot);
	return at ? bare(str_trim(content_text(l, &l->v[at]))) : (struct str){"", 0};
}

/* ";TYPE=WORK,FAX" for "TEL+WORK+FAX". */
static struct str new_params(struct content_lines *l, struct str alternative)
{
	struct str rest = str_sub(alternative, alternative_name(alternative).n, alternative.n);
	struct str word, params = {"", 0};
	char sign;
	while (next_condition(&rest, &sign, &word))
		if (sign == '+')
			params = str_of(arena_printf(l->arena, "%.*s%s%.*s", STR_ARG(params),
						     params.n ? "," : ";TYPE=", STR_ARG(word)));
	return params;
}

static size_t add_line(struct content_lines *l, const char *pattern, struct str value)
{
	struct str rest = str_of(pattern), first;
	str_next(&rest, '|', &first);
	return content_add(l, alternative_name(first), new_params(l, first), value);
}

static void drop_param(struct content_lines *l, size_t at, struct str drop)
{
	struct str rest = l->v[at].params, kept = {"", 0}, name, value;
	while (rest.n) {
		struct str from = rest;
		content_param_next(&rest, &name, &value);
		if (!str_eq_nocase(name, drop))
			kept = str_of(arena_printf(l->arena, "%.*s%.*s", STR_ARG(kept),
						   STR_ARG(str_sub(from, 0, from.n - rest.n))));
	}
	l->v[at].params = kept;
}

static void pin(struct content_lines *l, size_t at, unsigned slot)
{
	drop_param(l, at, SLOT);
	content_set_params(l, at,
			   str_of(arena_printf(l->arena, "%.*s;X-EASEL-SLOT=%u",
					       STR_ARG(l->v[at].params), slot)));
}

/* The lines are in these slots: those that would move are told where they are. */
static void keep_slots(struct content_lines *l, const char *pattern, const struct slots *want,
		       unsigned slots)
{
	struct slots now;
	bool moved = false;
	assign(l, pattern, &now);
	for (size_t i = 0; i < now.n; i++) {
		unsigned is = now.slot[i] <= slots ? now.slot[i] : 0;
		unsigned should = want->slot[i] <= slots ? want->slot[i] : 0;
		moved = moved || is != should;
	}
	for (size_t i = 0; moved && i < now.n; i++)
		pin(l, now.line[i], want->slot[i] <= slots ? want->slot[i] : 0);
}

void vcard_remove(struct content_lines *l, size_t at)
{
	struct str group = l->v[at].group;
	bool alone = group.n > 0;
	content_remove(l, at);
	for (size_t i = content_next(l, 0); i; i = content_next(l, i + 1))
		if (str_eq_nocase(l->v[i].group, group) &&
		    !str_starts_nocase(l->v[i].name, STR("X-AB")))
			alone = false;
	for (size_t i = content_next(l, 0); alone && i; i = content_next(l, i)) {
		if (str_eq_nocase(l->v[i].group, group))
			content_remove(l, i);
		else
			i++;
	}
}

/* Where the new line stands among the pattern's. */
static void note_added(struct content_lines *l, const char *pattern, struct slots *want,
		       unsigned slot)
{
	struct slots old = *want;
	size_t lines[VCARD_LINES], n = vcard_lines(l, pattern, lines), added = n;
	/* The others kept their order, so the first that does not go on with them is the new one;
	 * content_add() puts it behind those of its name. */
	struct str name, rest = str_of(pattern), first;
	str_next(&rest, '|', &first);
	name = alternative_name(first);
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(l->v[lines[i]].name, name) &&
		    (added == n || lines[i] > lines[added]))
			added = i;
	if (n != old.n + 1 || added == n)
		return;
	want->n = n;
	for (size_t i = 0; i < n; i++)
		want->slot[i] = i < added ? old.slot[i] : i > added ? old.slot[i - 1] : slot;
}

void vcard_put(struct content_lines *l, const char *pattern, unsigned slot, unsigned slots,
	       struct str text)
{
	struct slots s;
	assign(l, pattern, &s);
	size_t i = find_slot(&s, slot);
	if (i < s.n && text.n) {
		struct content_line *line = &l->v[s.line[i]];
		if (str_eq(bare(str_trim(content_text(l, line))), text))
			return;
		drop_param(l, s.line[i], STR("VALUE"));
		content_set_text(l, s.line[i], text);
	} else if (i < s.n) {
		vcard_remove(l, s.line[i]);
		memmove(s.slot + i, s.slot + i + 1, (s.n - i - 1) * sizeof *s.slot);
		s.n--;
		keep_slots(l, pattern, &s, slots);
	} else if (text.n) {
		add_line(l, pattern, content_escape(l->arena, text));
		note_added(l, pattern, &s, slot);
		keep_slots(l, pattern, &s, slots);
	}
}

/* ---- Components ---- */

struct str vcard_component(const struct content_lines *l, size_t at, unsigned i)
{
	struct str rest = content_value(l, &l->v[at]), piece = {"", 0};
	for (unsigned k = 0; k <= i; k++)
		if (!content_piece(&rest, ';', &piece))
			return (struct str){"", 0};
	return str_trim(content_unescape(l->arena, piece));
}

static bool is_blank(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (!memchr("; \t", value.p[i], 3))
			return false;
	return true;
}

void vcard_put_component(struct content_lines *l, const char *pattern, unsigned i, struct str text)
{
	size_t at = vcard_slot(l, pattern, 1);
	if (at ? str_eq(vcard_component(l, at, i), text) : !text.n)
		return;
	if (!at)
		at = add_line(l, pattern, STR(""));
	struct str rest = content_value(l, &l->v[at]), piece, value = {"", 0};
	if (!rest.p)
		rest = STR("");
	for (unsigned k = 0; content_piece(&rest, ';', &piece) || k <= i; k++) {
		if (k > 0)
			value = str_of(arena_printf(l->arena, "%.*s;", STR_ARG(value)));
		if (k == i)
			piece = content_escape(l->arena, text);
		value = str_of(arena_printf(l->arena, "%.*s%.*s", STR_ARG(value), STR_ARG(piece)));
		piece = STR("");
	}
	if (is_blank(value))
		vcard_remove(l, at);
	else
		content_set(l, at, value);
}

/* ---- Dates ---- */

static bool digits(struct str *s, size_t n, int *out)
{
	uint64_t v;
	if (s->n < n || !str_to_u64(str_sub(*s, 0, n), &v))
		return false;
	*out = (int)v;
	*s = str_sub(*s, n, s->n);
	return true;
}

static void skip(struct str *s, char c)
{
	if (s->n && s->p[0] == c)
		*s = str_sub(*s, 1, s->n);
}

bool vcard_date(const struct content_lines *l, size_t at, struct vcard_date *out)
{
	struct str s = str_trim(content_text(l, &l->v[at]));
	int64_t ms;
	if (str_starts(s, STR("--"))) {
		s = str_sub(s, 2, s.n);
		out->year = VCARD_NO_YEAR;
	} else if (!digits(&s, 4, &out->year)) {
		return false;
	}
	skip(&s, '-');
	if (!digits(&s, 2, &out->month))
		return false;
	skip(&s, '-');
	if (!digits(&s, 2, &out->day) || (s.n && s.p[0] != 'T' && s.p[0] != ' '))
		return false;
	if (str_eq(content_param(&l->v[at], STR("X-APPLE-OMIT-YEAR")),
		   str_of(arena_printf(l->arena, "%d", out->year))))
		out->year = VCARD_NO_YEAR;
	return clock_parse(
		str_of(arena_printf(l->arena, "%04d-%02d-%02d", out->year, out->month, out->day)),
		&ms);
}

static bool is_version(const struct content_lines *l, const char *version)
{
	size_t at = content_find(l, STR("VERSION"), 0);
	return at && str_eq(str_trim(l->v[at].value), str_of(version));
}

void vcard_put_date(struct content_lines *l, const char *pattern, const struct vcard_date *date)
{
	size_t at = vcard_slot(l, pattern, 1);
	struct vcard_date old;
	if (at && date && vcard_date(l, at, &old) && old.year == date->year &&
	    old.month == date->month && old.day == date->day)
		return;
	if (!date) {
		if (at)
			vcard_remove(l, at);
		return;
	}
	bool four = is_version(l, "4.0"), unknown = date->year == VCARD_NO_YEAR;
	struct str value = str_of(
		four && unknown ? arena_printf(l->arena, "--%02d%02d", date->month, date->day)
				: arena_printf(l->arena, four ? "%04d%02d%02d" : "%04d-%02d-%02d",
					       date->year, date->month, date->day));
	if (!at)
		at = add_line(l, pattern, STR(""));
	drop_param(l, at, STR("X-APPLE-OMIT-YEAR"));
	drop_param(l, at, STR("VALUE"));
	if (unknown && !four)
		l->v[at].params = str_of(arena_printf(l->arena, "%.*s;X-APPLE-OMIT-YEAR=%d",
						      STR_ARG(l->v[at].params), VCARD_NO_YEAR));
	content_set(l, at, value);
}

/* ---- Pictures ---- */

size_t vcard_photo(const struct content_lines *l, struct str *bytes)
{
	for (size_t i = content_find(l, STR("PHOTO"), 0); i;
	     i = content_find(l, STR("PHOTO"), i + 1))
		if (content_binary(l, &l->v[i], bytes) && bytes->n)
			return i;
	*bytes = (struct str){"", 0};
	return 0;
}

static const char *image_type(struct str bytes)
{
	if (str_starts(bytes, STR("\x89PNG")))
		return "PNG";
	if (str_starts(bytes, STR("GIF8")))
		return "GIF";
	if (str_starts(bytes, STR("BM")))
		return "BMP";
	return "JPEG";
}

void vcard_put_photo(struct content_lines *l, struct str bytes)
{
	struct str old, coded = text_base64_encode(l->arena, bytes), name = STR("PHOTO");
	size_t at = vcard_photo(l, &old);
	const char *type = image_type(bytes);
	if (at && str_eq(old, bytes))
		return;
	if (at)
		content_remove(l, at);
	unsigned depth = l->v[l->begin].depth + 1;
	if (!at)
		at = l->end;
	struct str lower = str_lower(l->arena, str_of(type));
	if (!bytes.n)
		return;
	if (is_version(l, "4.0"))
		content_insert(l, at, depth, name, STR(""),
			       str_of(arena_printf(l->arena, "data:image/%.*s;base64,%.*s",
						   STR_ARG(lower), STR_ARG(coded))));
	else
		content_insert(l, at, depth, name,
			       str_of(arena_printf(l->arena, ";ENCODING=%s;TYPE=%s",
						   l->quoted_printable ? "BASE64" : "b", type)),
			       coded);
}
