/* ical: iCalendar as a tree of its own lines. See ical.h for the contract. */
#include "core/ical.h"

#include <libical/ical.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/content_lines.h"

enum { DURATION_MOST = 64 };

/* ---- Reading ---- */

static void append(struct ical_node *in, struct ical_node *node)
{
	node->parent = in;
	if (in->last)
		in->last->next = node;
	else
		in->first = node;
	in->last = node;
}

static unsigned depth_of(const struct ical_node *node)
{
	unsigned n = 0;
	for (; node; node = node->parent)
		n++;
	return n;
}

/* The component that an END closes: the innermost with the name; those inside it end with it. */
static struct ical_node *closes(struct ical_node *open, struct str name)
{
	for (; open->parent; open = open->parent)
		if (str_eq_nocase(open->name, name))
			return open;
	return NULL;
}

/* Takes a line into the tree; returns the component that the next one is in. */
static struct ical_node *take(struct arena *a, const struct content_line *line,
			      struct ical_node *open)
{
	struct ical_node *node = arena_alloc(a, sizeof *node);
	struct str value = str_trim(line->value);
	*node = (struct ical_node){.raw = line->raw};
	if (!line->group.n) {
		node->name = line->name;
		node->params = line->params;
		node->value = line->value;
	}
	if (str_eq_nocase(node->name, STR("BEGIN")) && depth_of(open) <= ICAL_DEPTH) {
		*node = (struct ical_node){.component = true, .name = value, .raw = line->raw};
		append(open, node);
		return node;
	}
	struct ical_node *closed =
		str_eq_nocase(node->name, STR("END")) ? closes(open, value) : NULL;
	if (closed) {
		closed->end = node->raw;
		return closed->parent;
	}
	append(open, node);
	return open;
}

bool ical_parse(struct arena *a, struct str text, struct ical_node **root, struct err *e)
{
	struct ical_node *open = arena_alloc(a, sizeof *open);
	struct content_lines lines;
	*root = open;
	open->component = true;
	if (text.n > ICAL_BYTES)
		return err_set(e, ERR_TOO_LARGE, "iCalendar of more than %d bytes", ICAL_BYTES);
	if (!content_lines_read(a, text, STR("VCALENDAR"), &lines, e) &&
	    (e->kind != ERR_MALFORMED || !content_lines_read(a, text, STR("VEVENT"), &lines, e)))
		return false;
	for (size_t i = 0; i < lines.n; i++)
		open = take(a, &lines.v[i], open);
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "no room for iCalendar");
}

/* ---- Finding ---- */

static struct ical_node *find(struct ical_node *from, bool component, struct str name)
{
	for (struct ical_node *n = from; n; n = n->next)
		if (n->component == component && str_eq_nocase(n->name, name))
			return n;
	return NULL;
}

struct ical_node *ical_component(const struct ical_node *in, const char *name)
{
	return in ? find(in->first, true, str_of(name)) : NULL;
}

struct ical_node *ical_line(const struct ical_node *in, const char *name)
{
	return in ? find(in->first, false, str_of(name)) : NULL;
}

struct ical_node *ical_again(const struct ical_node *node)
{
	return find(node->next, node->component, node->name);
}

struct str ical_value(const struct ical_node *in, const char *name)
{
	const struct ical_node *line = ical_line(in, name);
	return line ? str_trim(line->value) : (struct str){NULL, 0};
}

/* ---- Parameters ---- */

static struct str decode_param(struct arena *a, struct str value)
{
	char *out = arena_alloc(a, value.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < value.n; i++) {
		char c = value.p[i], next = i + 1 < value.n ? value.p[i + 1] : 0;
		if (c == '"')
			continue;
		if (c == '^' && (next == 'n' || next == '\'' || next == '^')) {
			c = next == 'n' ? '\n' : next == '\'' ? '"' : '^';
			i++;
		}
		out[n++] = c;
	}
	return (struct str){out, n};
}

struct str ical_param(struct arena *a, const struct ical_node *line, const char *name)
{
	struct str rest = line->params, key, value;
	while (content_param_next(&rest, &key, &value))
		if (str_eq_nocase(key, str_of(name)))
			return decode_param(a, value);
	return (struct str){NULL, 0};
}

struct str ical_quote_param(struct arena *a, struct str value)
{
	char *out = arena_alloc(a, 2 * value.n + 2);
	size_t n = 0;
	bool quote = false;
	out[n++] = '"';
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];
		if (c == '\n' || c == '"' || c == '^') {
			out[n++] = '^';
			out[n++] = c == '\n' ? 'n' : c == '"' ? '\'' : '^';
		} else if (c >= 0x20 && c != 0x7f) {
			quote = quote || c == ';' || c == ':' || c == ',';
			out[n++] = (char)c;
		}
	}
	out[n++] = '"';
	return quote ? (struct str){out, n} : (struct str){out + 1, n - 2};
}

struct str ical_params_with(struct arena *a, struct str params, const char *name, struct str value)
{
	struct str rest = params, from = params, key, old;
	struct buf out = {0};
	bool done = value.p == NULL;
	for (; content_param_next(&rest, &key, &old); from = rest) {
		if (!str_eq_nocase(key, str_of(name))) {
			buf_put(&out, from.p, from.n - rest.n);
		} else if (!done) {
			buf_printf(&out, ";%s=", name);
			buf_str(&out, ical_quote_param(a, value));
			done = true;
		}
	}
	if (!done) {
		buf_printf(&out, ";%s=", name);
		buf_str(&out, ical_quote_param(a, value));
	}
	return buf_move(a, &out);
}

/* ---- Texts ---- */

bool ical_next_text(struct arena *a, struct str *rest, struct str *out)
{
	if (!content_piece(rest, ',', out))
		return false;
	*out = str_trim(content_unescape(a, *out));
	return true;
}

struct str ical_text(struct arena *a, const struct ical_node *in, const char *name)
{
	const struct ical_node *line = ical_line(in, name);
	return line ? content_unescape(a, line->value) : (struct str){NULL, 0};
}

/* ---- Writing ---- */

static void write_node(struct buf *out, const struct ical_node *node)
{
	buf_str(out, node->raw);
	for (const struct ical_node *n = node->first; n; n = n->next)
		write_node(out, n);
	buf_str(out, node->end);
}

struct str ical_write(struct arena *a, const struct ical_node *node)
{
	struct buf out = {0};
	write_node(&out, node);
	return buf_move(a, &out);
}

/* Ends its lines as the text does. */
static struct str line_end(const struct ical_node *in)
{
	while (in->parent && in->parent->parent)
		in = in->parent;
	struct str raw = in->raw;
	bool bare = raw.n && raw.p[raw.n - 1] == '\n' && (raw.n < 2 || raw.p[raw.n - 2] != '\r');
	return bare ? STR("\n") : STR("\r\n");
}

/* A text that ended without a line end gets one before anything comes behind it. */
static void end_last(struct arena *a, struct ical_node *in)
{
	struct str *raw = !in->last		? &in->raw
			  : in->last->component ? &in->last->end
						: &in->last->raw;
	if (raw->n && raw->p[raw->n - 1] != '\n')
		*raw = str_of(arena_printf(a, "%.*s\r\n", STR_ARG(*raw)));
}

void ical_change(struct arena *a, struct ical_node *line, struct str params, struct str value)
{
	struct content_lines lines = {.arena = a, .eol = line_end(line->parent)};
	content_insert(&lines, 0, 0, line->name, params, value);
	line->raw = lines.v[0].raw;
	line->params = lines.v[0].params;
	line->value = lines.v[0].value;
}

static void insert(struct ical_node *in, struct ical_node *node, struct ical_node *before)
{
	struct ical_node **at = &in->first;
	node->parent = in;
	while (*at && *at != before)
		at = &(*at)->next;
	node->next = *at;
	*at = node;
	if (!node->next)
		in->last = node;
}

static struct ical_node *first_component(const struct ical_node *in)
{
	struct ical_node *n = in->first;
	while (n && !n->component)
		n = n->next;
	return n;
}

struct ical_node *ical_add(struct arena *a, struct ical_node *in, const char *name,
			   struct str params, struct str value)
{
	struct ical_node *node = arena_alloc(a, sizeof *node);
	end_last(a, in);
	node->name = str_of(name);
	insert(in, node, first_component(in));
	ical_change(a, node, params, value);
	return node;
}

struct ical_node *ical_set(struct arena *a, struct ical_node *in, const char *name,
			   struct str params, struct str value)
{
	struct ical_node *line = ical_line(in, name), *other;
	if (!line)
		return ical_add(a, in, name, params, value);
	while ((other = ical_again(line)) != NULL)
		ical_remove(other);
	ical_change(a, line, params, value);
	return line;
}

void ical_set_text(struct arena *a, struct ical_node *in, const char *name, struct str text)
{
	struct ical_node *line = ical_line(in, name);
	struct str params = line ? line->params : STR("");
	if (!text.n) {
		ical_remove_all(in, name);
		return;
	}
	ical_set(a, in, name, ical_params_with(a, params, "ALTREP", (struct str){NULL, 0}),
		 content_escape(a, text));
}

struct ical_node *ical_add_component(struct arena *a, struct ical_node *in, const char *name,
				     struct ical_node *before)
{
	struct ical_node *node = arena_alloc(a, sizeof *node);
	struct str end;
	end_last(a, in);
	insert(in, node, before);
	end = line_end(in);
	node->component = true;
	node->name = str_of(name);
	node->raw = str_of(arena_printf(a, "BEGIN:%s%.*s", name, STR_ARG(end)));
	node->end = str_of(arena_printf(a, "END:%s%.*s", name, STR_ARG(end)));
	return node;
}

static struct ical_node *copy(struct arena *a, const struct ical_node *node)
{
	struct ical_node *out = arena_alloc(a, sizeof *out);
	*out = *node;
	out->parent = out->first = out->last = out->next = NULL;
	for (const struct ical_node *n = node->first; n; n = n->next)
		append(out, copy(a, n));
	return out;
}

struct ical_node *ical_add_copy(struct arena *a, struct ical_node *in,
				const struct ical_node *component)
{
	struct ical_node *node = copy(a, component);
	end_last(a, in);
	insert(in, node, NULL);
	return node;
}

void ical_remove(struct ical_node *node)
{
	struct ical_node *in = node->parent, *before = NULL;
	for (struct ical_node *n = in->first; n != node; n = n->next)
		before = n;
	if (before)
		before->next = node->next;
	else
		in->first = node->next;
	if (in->last == node)
		in->last = before;
}

void ical_remove_all(struct ical_node *in, const char *name)
{
	struct ical_node *line;
	while ((line = ical_line(in, name)) != NULL)
		ical_remove(line);
}

/* ---- Times ---- */

/* Civil dates by counting eras of 400 years from 1 March of year 0. */
int64_t ical_days(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void ical_civil(int64_t days, int *year, int *month, int *day)
{
	days += 719468;
	int64_t era = (days >= 0 ? days : days - 146096) / 146097;
	int64_t rest = days - era * 146097;
	int64_t of_era = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
	int64_t of_year = rest - (365 * of_era + of_era / 4 - of_era / 100);
	int64_t m = (5 * of_year + 2) / 153;
	*day = (int)(of_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(of_era + era * 400 + (*month <= 2));
}

static bool digits(struct str s, size_t at, size_t n, int *out)
{
	*out = 0;
	for (size_t i = at; i < at + n; i++) {
		if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
			return false;
		*out = *out * 10 + (s.p[i] - '0');
	}
	return true;
}

static int month_days(int year, int month)
{
	static const int of[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return of[month - 1] + (month == 2 && leap);
}

bool ical_time_parse(struct str text, struct ical_time *out)
{
	struct str s = str_trim(text);
	int year, month, day, hour = 0, minute = 0, second = 0;
	*out = (struct ical_time){.date = s.n == 8};
	if (!digits(s, 0, 4, &year) || !digits(s, 4, 2, &month) || !digits(s, 6, 2, &day) ||
	    year < 1 || month < 1 || month > 12 || day < 1 || day > month_days(year, month))
		return false;
	if (!out->date) {
		if (s.n < 15 || (s.p[8] != 'T' && s.p[8] != 't') || !digits(s, 9, 2, &hour) ||
		    !digits(s, 11, 2, &minute) || !digits(s, 13, 2, &second))
			return false;
		out->utc = s.n == 16 && (s.p[15] == 'Z' || s.p[15] == 'z');
		if (hour > 23 || minute > 59 || second > 60 || (s.n > 15 && !out->utc))
			return false;
	}
	out->wall = ical_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

bool ical_time_of(struct arena *a, const struct ical_node *line, struct ical_time *out)
{
	if (!line || !ical_time_parse(line->value, out))
		return false;
	if (!out->utc && !out->date) {
		struct str tzid = ical_param(a, line, "TZID");
		out->tzid = tzid.p ? tzid : STR("");
	}
	return true;
}

struct str ical_time_text(struct arena *a, struct ical_time t)
{
	int64_t days = t.wall / 86400, rest = t.wall % 86400;
	int year, month, day;
	if (rest < 0) {
		rest += 86400;
		days--;
	}
	ical_civil(days, &year, &month, &day);
	if (t.date)
		return str_of(arena_printf(a, "%04d%02d%02d", year, month, day));
	return str_of(arena_printf(a, "%04d%02d%02dT%02d%02d%02d%s", year, month, day,
				   (int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60),
				   t.utc ? "Z" : ""));
}

bool ical_duration(struct arena *a, struct str text, int64_t *seconds)
{
	struct str s = str_trim(text);
	if (!s.n || s.n > DURATION_MOST)
		return false;
	icalerror_set_errors_are_fatal(false);
	struct icaldurationtype d = icaldurationtype_from_string(str_dup(a, s));
	if (icaldurationtype_is_bad_duration(d))
		return false;
	*seconds = ((int64_t)d.weeks * 7 + d.days) * 86400 + (int64_t)d.hours * 3600 +
		   (int64_t)d.minutes * 60 + d.seconds;
	if (d.is_neg)
		*seconds = -*seconds;
	return true;
}
