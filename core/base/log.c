/* log: one event, one line on standard error. See log.h for the contract. */
#include "core/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"

/* Set once, before there is a second thread. */
static enum log_level least_level = LOG_INFO;
static bool as_json;

/* Kept free for what closes the line: "}\n". */
enum { TAIL = 2, MOST = LOG_LINE - TAIL };

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug",
	[LOG_INFO] = "info",
	[LOG_WARNING] = "warning",
	[LOG_ERROR] = "error",
};

void log_setup(enum log_level least, bool json)
{
	least_level = least;
	as_json = json;
}

bool log_level_parse(const char *name, enum log_level *out)
{
	for (unsigned i = 0; name && i < sizeof level_names / sizeof *level_names; i++) {
		if (strcmp(name, level_names[i]) == 0) {
			*out = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* Appends all of s or nothing. */
static bool put(struct log_line *l, struct str s)
{
	if (s.n > MOST - l->n)
		return false;
	if (s.n)
		memcpy(l->text + l->n, s.p, s.n);
	l->n += (unsigned)s.n;
	return true;
}

/* ---- key=value ---- */

static bool is_control(struct str s, size_t i)
{
	unsigned char c = (unsigned char)s.p[i];
	if (c < ' ' || c == 0x7f)
		return true;
	/* U+0080 to U+009F: controls too, which some terminals obey. */
	return c == 0xc2 && s.n - i > 1 && (unsigned char)s.p[i + 1] < 0xa0;
}

/* Bytes of the character at s.p[i]. A run that is not UTF-8 is taken byte by byte. */
static size_t char_size(struct str s, size_t i, bool utf8)
{
	size_t n = 1;
	while (utf8 && i + n < s.n && ((unsigned char)s.p[i + n] & 0xc0) == 0x80)
		n++;
	return n;
}

/* The character of n bytes at p, written so that it can't end the value or the line. */
static size_t escape(const char *p, size_t n, bool raw, char out[16])
{
	static const char from[] = "\"\\\n\r\t", to[] = "\"\\nrt";
	const char *hit = *p ? strchr(from, *p) : NULL;
	if (hit) {
		out[0] = '\\';
		out[1] = to[hit - from];
		return 2;
	}
	if (raw) {
		memcpy(out, p, n);
		return n;
	}
	size_t used = 0;
	for (size_t i = 0; i < n; i++)
		used += (size_t)snprintf(out + used, 5, "\\x%02x", (unsigned char)p[i]);
	return used;
}

static bool needs_quotes(struct str s, bool utf8)
{
	for (size_t i = 0; i < s.n; i++) {
		if (strchr(" \"\\=", s.p[i]) || is_control(s, i) ||
		    (!utf8 && (unsigned char)s.p[i] >= 0x80))
			return true;
	}
	return s.n == 0;
}

/* The value, quoted when it must be, cut at a character when the line is full. */
static void put_text_value(struct log_line *l, struct str s)
{
	bool utf8 = text_is_utf8(s), quotes = needs_quotes(s, utf8);
	unsigned room = MOST - (quotes ? 1 : 0);
	if (quotes)
		put(l, STR("\""));
	for (size_t i = 0, n; i < s.n; i += n) {
		char out[16];
		n = char_size(s, i, utf8);
		bool raw = !is_control(s, i) && (utf8 || (unsigned char)s.p[i] < 0x80);
		struct str piece = {out, escape(s.p + i, n, raw, out)};
		if (piece.n > room - l->n || !put(l, piece))
			break;
	}
	if (quotes)
		put(l, STR("\""));
}

/* ---- JSON ---- */

/* Appends s as a JSON string, cut to what fits; there is room for at least the empty one. */
static void put_json_value(struct log_line *l, struct str s)
{
	struct arena *a = NULL;
	size_t room = MOST - l->n, need = 0;
	if (!text_is_utf8(s)) {
		a = arena_new(SIZE_MAX);
		s = text_to_xml(a, s);
	}
	for (;; s = text_cut_utf8(s, s.n * room / need)) {
		json_t *v = json_stringn(s.n ? s.p : "", s.n);
		need = v ? json_dumpb(v, l->text + l->n, room, JSON_ENCODE_ANY) : 0;
		json_decref(v);
		if (need <= room)
			break;
	}
	l->n += (unsigned)need;
	if (!need)
		put(l, STR("\"\""));
	arena_free(&a);
}

/* ---- Lines ---- */

/* Appends ` key=` or `,"key":`. Keys are literals in our own source. */
static bool put_key(struct log_line *l, const char *key)
{
	char out[64];
	int n = snprintf(out, sizeof out, as_json ? ",\"%s\":" : " %s=", key);
	/* Room for at least an empty value, so that a key never stands alone. */
	if (n < 0 || (size_t)n >= sizeof out || (size_t)n + 2 > MOST - l->n)
		return false;
	return put(l, (struct str){out, (size_t)n});
}

void log_begin(struct log_line *l, enum log_level level, const char *event)
{
	char now[CLOCK_TEXT];
	l->level = level;
	l->on = level >= least_level;
	l->n = 0;
	if (!l->on)
		return;
	clock_dashed(clock_now(), now);
	int n = snprintf(l->text, sizeof l->text,
			 as_json ? "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%.60s\""
				 : "%s %s %.60s",
			 now, level_names[level], event);
	l->n = n < 0 ? 0 : (unsigned)n;
}

void log_str(struct log_line *l, const char *key, struct str value)
{
	if (!l->on || !put_key(l, key))
		return;
	value = text_cut_utf8(value, LOG_LINE);
	if (as_json)
		put_json_value(l, value);
	else
		put_text_value(l, value);
}

void log_cstr(struct log_line *l, const char *key, const char *value)
{
	log_str(l, key, str_of(value));
}

void log_int(struct log_line *l, const char *key, int64_t value)
{
	char out[32];
	unsigned before = l->n;
	if (!l->on || !put_key(l, key))
		return;
	int n = snprintf(out, sizeof out, "%" PRId64, value);
	if (!put(l, (struct str){out, (size_t)n}))
		l->n = before;
}

void log_err(struct log_line *l, const struct err *e)
{
	log_cstr(l, "error", err_kind_name(e->kind));
	log_cstr(l, "reason", e->text);
}

void log_end(struct log_line *l)
{
	if (!l->on)
		return;
	if (as_json)
		l->text[l->n++] = '}';
	l->text[l->n++] = '\n';
	l->on = false;
	/* Nobody could be told that the log can't be written. */
	while (write(STDERR_FILENO, l->text, l->n) < 0 && errno == EINTR)
		;
}

void log_event(enum log_level level, const char *event, const struct err *e)
{
	struct log_line l;
	log_begin(&l, level, event);
	if (e)
		log_err(&l, e);
	log_end(&l);
}
