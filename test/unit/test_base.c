/* What core/base/ promises in its headers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/body.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/err.h"
#include "core/base/log.h"
#include "core/base/str.h"
#include "core/base/text.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(1024 * 1024);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void same(struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("got \"%.*s\", want \"%.*s\"", STR_ARG(got), STR_ARG(want));
}

/* ---- arena ---- */

static void arena_gives_zeroed_aligned_memory(void **state)
{
	(void)state;
	for (size_t n = 0; n < 100000; n = n * 3 + 1) {
		char *p = arena_alloc(arena, n);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	assert_string_equal(arena_strdup(arena, NULL), "");
	assert_string_equal(arena_dup(arena, NULL, 0), "");
	assert_string_equal(arena_dup(arena, "abc", 2), "ab");
	int *grown = NULL;
	size_t room = 0;
	for (int n = 0; n < 1000; n++) {
		grown = arena_grow(arena, grown, (size_t)n, &room, 3, sizeof *grown);
		grown[n] = n;
	}
	assert_int_equal(room, 1536);
	for (int n = 0; n < 1000; n++)
		assert_int_equal(grown[n], n);
	assert_string_equal(arena_printf(arena, "%d-%s", 7, "x"), "7-x");
}

static void arena_flags_overflow_and_recovers(void **state)
{
	(void)state;
	struct arena *a = arena_new(1000);
	arena_alloc(a, 500);
	struct arena_mark mark = arena_mark(a);
	assert_false(arena_overflowed(a));
	memset(arena_alloc(a, 600), 1, 600);
	assert_true(arena_overflowed(a));
	arena_release(a, mark);
	assert_false(arena_overflowed(a));
	memset(arena_alloc(a, 100000), 1, 100000);
	assert_true(arena_overflowed(a));
	arena_reset(a);
	assert_int_equal(arena_used(a), 0);
	assert_false(arena_overflowed(a));
	arena_free(&a);
	assert_null(a);
	arena_free(&a);
}

static void arena_gives_back_to_a_mark(void **state)
{
	(void)state;
	struct arena *a = arena_new_secret(1 << 20);
	char *before = arena_strdup(a, "before");
	struct arena_mark mark = arena_mark(a);
	size_t used = arena_used(a);
	for (int i = 0; i < 1000; i++)
		arena_strdup(a, "a password that must not stay in memory");
	arena_release(a, mark);
	assert_int_equal(arena_used(a), used);
	assert_string_equal(before, "before");
	arena_free(&a);
}

/* ---- str ---- */

static void str_compares(void **state)
{
	(void)state;
	assert_true(str_eq(STR("a"), STR("a")));
	assert_true(str_eq(str_of(NULL), STR("")));
	assert_false(str_eq(STR("a"), STR("ab")));
	assert_true(str_eq_nocase(STR("aBc"), STR("AbC")));
	assert_false(str_eq_nocase(STR("\xc3\xa4"), STR("\xc3\x84")));
	assert_true(str_starts(STR("abc"), STR("ab")));
	assert_false(str_starts(STR("ab"), STR("abc")));
	assert_true(str_starts_nocase(STR("ABc"), STR("ab")));
	assert_true(str_ends_nocase(STR("a.ICS"), STR(".ics")));
	assert_int_equal(str_find_byte(STR("abc"), 'c'), 2);
	assert_int_equal(str_find_byte(STR(""), 'c'), -1);
	assert_int_equal(str_find(STR("abcabd"), STR("abd")), 3);
	assert_int_equal(str_find(STR("ab"), STR("abc")), -1);
	assert_int_equal(str_find(STR("ab"), STR("")), 0);
	same(str_lower(arena, STR("AbC1")), STR("abc1"));
}

static void str_cuts(void **state)
{
	(void)state;
	same(str_sub(STR("abc"), 1, 1), STR("b"));
	same(str_sub(STR("abc"), 2, 9), STR("c"));
	same(str_sub(STR("abc"), 9, 9), STR(""));
	same(str_trim(STR(" \t a b\r\n")), STR("a b"));
	same(str_trim(STR("  ")), STR(""));
	struct str rest = STR("a,,b"), token;
	assert_true(str_next(&rest, ',', &token));
	same(token, STR("a"));
	assert_true(str_next(&rest, ',', &token));
	same(token, STR(""));
	assert_true(str_next(&rest, ',', &token));
	same(token, STR("b"));
	assert_false(str_next(&rest, ',', &token));
}

static void str_reads_numbers(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		bool ok;
		int64_t want;
	} rows[] = {
		{"0", true, 0},
		{"-1", true, -1},
		{"9223372036854775807", true, INT64_MAX},
		{"-9223372036854775808", true, INT64_MIN},
		{"9223372036854775808", false, 0},
		{"-9223372036854775809", false, 0},
		{"99999999999999999999", false, 0},
		{"", false, 0},
		{"-", false, 0},
		{"+1", false, 0},
		{" 1", false, 0},
		{"1 ", false, 0},
		{"0x1", false, 0},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t got = 0;
		assert_int_equal(str_to_i64(str_of(rows[i].in), &got), rows[i].ok);
		assert_int_equal(got, rows[i].want);
	}
	uint64_t u;
	assert_true(str_to_u64(STR("18446744073709551615"), &u));
	assert_true(u == UINT64_MAX);
	assert_false(str_to_u64(STR("18446744073709551616"), &u));
	assert_false(str_to_u64(STR("-1"), &u));
}

/* ---- buf ---- */

static void buf_appends_and_cuts(void **state)
{
	(void)state;
	struct buf b = {0};
	buf_cstr(&b, "a");
	buf_byte(&b, 'b');
	buf_str(&b, STR("cd"));
	buf_printf(&b, "%03d", 7);
	buf_put(&b, NULL, 0);
	same(buf_get(&b), STR("abcd007"));
	assert_string_equal(b.p, "abcd007");
	buf_cut(&b, 2);
	assert_string_equal(b.p, "ab");
	memcpy(buf_room(&b, 1000), "xyz", 3);
	buf_added(&b, 3);
	assert_string_equal(b.p, "abxyz");
	buf_free(&b);
	assert_null(b.p);
}

static void buf_stops_at_its_limit(void **state)
{
	(void)state;
	struct buf b = {.limit = 4};
	buf_cstr(&b, "abc");
	buf_cstr(&b, "de");
	assert_true(b.failed);
	buf_cstr(&b, "f");
	same(buf_get(&b), STR("abc"));
	buf_cut(&b, 3);
	assert_false(b.failed);
	buf_cstr(&b, "d");
	assert_false(b.failed);
	same(buf_get(&b), STR("abcd"));
	assert_null(buf_room(&b, SIZE_MAX));
	buf_free(&b);
	assert_int_equal(b.limit, 4);
}

/* ---- clock ---- */

static void clock_reads_both_forms(void **state)
{
	(void)state;
	static const struct {
		const char *in;
		bool ok;
		int64_t want;
	} rows[] = {
		{"2026-03-10T13:00:00.000Z", true, 1773147600000},
		{"2026-03-10T13:00:00.123Z", true, 1773147600123},
		{"2026-03-10T13:00:00Z", true, 1773147600000},
		{"2026-03-10T13:00:00", true, 1773147600000},
		{"20260310T130000Z", true, 1773147600000},
		{" 2026-03-10 ", true, 1773100800000},
		{"20260310", true, 1773100800000},
		{"1969-12-31T23:59:59.999Z", true, -1},
		{"2024-02-29", true, 1709164800000},
		{"2026-02-29", false, 0},
		{"2026-13-01", false, 0},
		{"2026-00-01", false, 0},
		{"2026-04-31", false, 0},
		{"2026-03-10T24:00:00Z", false, 0},
		{"2026-03-10T13:60:00Z", false, 0},
		{"2026-03-10T13:00", false, 0},
		{"2026-0310", false, 0},
		{"202603-10", false, 0},
		{"2026-03-10T13:00:00.Z", false, 0},
		{"2026-03-10T13:00:00Zx", false, 0},
		{"0000-01-01", false, 0},
		{"tomorrow", false, 0},
		{"", false, 0},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		int64_t got = 0;
		if (clock_parse(str_of(rows[i].in), &got) != rows[i].ok || got != rows[i].want)
			fail_msg("%s gave %lld", rows[i].in, (long long)got);
	}
}

static void clock_writes_both_forms(void **state)
{
	(void)state;
	char out[CLOCK_TEXT];
	assert_string_equal(clock_dashed(1773147600123, out), "2026-03-10T13:00:00.123Z");
	assert_string_equal(clock_compact(1773147600123, out), "20260310T130000Z");
	assert_string_equal(clock_dashed(-1, out), "1969-12-31T23:59:59.999Z");
	assert_string_equal(clock_dashed(INT64_MIN, out), "0001-01-01T00:00:00.000Z");
	assert_string_equal(clock_dashed(INT64_MAX, out), "9999-12-31T23:59:59.999Z");
	assert_true(clock_now() > 1577836800000);
	int64_t before = clock_monotonic();
	assert_true(clock_monotonic() >= before);
}

/* ---- err ---- */

static void err_says_what_and_where(void **state)
{
	(void)state;
	struct err e;
	err_clear(&e);
	assert_int_equal(e.kind, ERR_NONE);
	assert_false(err_set(&e, ERR_QUOTA, "no room for %d\nbytes", 5));
	assert_int_equal(e.kind, ERR_QUOTA);
	assert_string_equal(e.text, "no room for 5 bytes");
	assert_false(err_in(&e, "append"));
	assert_string_equal(e.text, "append: no room for 5 bytes");
	assert_int_equal(e.kind, ERR_QUOTA);
	assert_false(err_set(NULL, ERR_QUOTA, "nobody listens"));
	assert_false(err_in(NULL, "nobody"));
	for (int k = ERR_NONE; k <= ERR_INTERNAL; k++)
		assert_string_not_equal(err_kind_name((enum err_kind)k), "unknown");
	char big[1000];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	err_set(&e, ERR_INVALID, "%s", big);
	err_in(&e, big);
	assert_true(strlen(e.text) < sizeof e.text);
}

/* ---- text ---- */

static void text_knows_utf8(void **state)
{
	(void)state;
	static const struct {
		struct str in;
		bool utf8, xml;
		struct str repaired;
	} rows[] = {
		{STR_INIT(""), true, true, STR_INIT("")},
		{STR_INIT("plain text longer than a word"), true, true,
		 STR_INIT("plain text longer than a word")},
		{STR_INIT("a\tb\r\nc"), true, true, STR_INIT("a\tb\r\nc")},
		{STR_INIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), true, true,
		 STR_INIT("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80")},
		{STR_INIT("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"), true, true,
		 STR_INIT("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf")},
		{STR_INIT("0123456\x01"
			  "89abcdef\x02"),
		 true, false, STR_INIT("012345689abcdef")},
		{STR_INIT("a\0b"), true, false, STR_INIT("ab")},
		{STR_INIT("a\xef\xbf\xbe"
			  "b\xef\xbf\xbf"
			  "c"),
		 true, false, STR_INIT("abc")},
		{STR_INIT("\xef\xbf\xbd"), true, true, STR_INIT("\xef\xbf\xbd")},
		{STR_INIT("x\x7f"), true, true, STR_INIT("x\x7f")},
		{STR_INIT("M\xfcller"), false, false, STR_INIT("M\xef\xbf\xbdller")},
		{STR_INIT("a\x80"), false, false, STR_INIT("a\xef\xbf\xbd")},
		{STR_INIT("\xc3"), false, false, STR_INIT("\xef\xbf\xbd")},
		{STR_INIT("\xe2\x82"), false, false, STR_INIT("\xef\xbf\xbd\xef\xbf\xbd")},
		{STR_INIT("\xc3("), false, false, STR_INIT("\xef\xbf\xbd(")},
		{STR_INIT("\xc0\x80"), false, false, STR_INIT("\xef\xbf\xbd\xef\xbf\xbd")},
		{STR_INIT("\xc1\xbf"), false, false, STR_INIT("\xef\xbf\xbd\xef\xbf\xbd")},
		{STR_INIT("\xe0\x9f\xbf"), false, false,
		 STR_INIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd")},
		{STR_INIT("\xed\xa0\x80"), false, false,
		 STR_INIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd")},
		{STR_INIT("\xf0\x8f\xbf\xbf"), false, false,
		 STR_INIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd")},
		{STR_INIT("\xf4\x90\x80\x80"), false, false,
		 STR_INIT("\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd")},
		{STR_INIT("\xf5"), false, false, STR_INIT("\xef\xbf\xbd")},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(text_is_utf8(rows[i].in), rows[i].utf8);
		assert_int_equal(text_is_xml(rows[i].in), rows[i].xml);
		struct str got = text_to_xml(arena, rows[i].in);
		same(got, rows[i].repaired);
		assert_int_equal(got.p == rows[i].in.p, rows[i].xml);
	}
	assert_true(text_is_xml((struct str){NULL, 0}));
}

/* Every control byte, wherever it stands in the words that are looked at as a whole. */
static void text_finds_controls_anywhere(void **state)
{
	(void)state;
	for (size_t at = 0; at < 20; at++) {
		for (unsigned c = 0; c < 256; c++) {
			char s[20];
			memset(s, 'x', sizeof s);
			s[at] = (char)c;
			bool allowed =
				c < 0x80 && (c >= 0x20 || c == '\t' || c == '\n' || c == '\r');
			assert_int_equal(text_is_xml((struct str){s, sizeof s}), allowed);
			assert_int_equal(text_is_utf8((struct str){s, sizeof s}), c < 0x80);
		}
	}
}

static void text_converts_latin1(void **state)
{
	(void)state;
	same(text_from_latin1(arena, STR("M\xfcller \xa0\xff")),
	     STR("M\xc3\xbcller \xc2\xa0\xc3\xbf"));
	same(text_from_latin1(arena, STR("")), STR(""));
}

static void text_cuts_between_characters(void **state)
{
	(void)state;
	struct str s = STR("a\xc3\xa4\xf0\x9f\x98\x80z");
	static const size_t want[] = {0, 1, 1, 3, 3, 3, 3, 7, 8, 8};
	for (size_t max = 0; max < COUNT(want); max++)
		assert_int_equal(text_cut_utf8(s, max).n, want[max]);
	assert_int_equal(text_cut_utf8(STR("\x80\x80\x80\x80\x80\x80"), 5).n, 2);
}

static void text_reads_base64(void **state)
{
	(void)state;
	static const struct {
		struct str in;
		bool loose, ok;
		struct str want;
	} rows[] = {
		{STR_INIT(""), false, true, STR_INIT("")},
		{STR_INIT("Zg=="), false, true, STR_INIT("f")},
		{STR_INIT("Zm8="), false, true, STR_INIT("fo")},
		{STR_INIT("Zm9v"), false, true, STR_INIT("foo")},
		{STR_INIT("Zg"), false, true, STR_INIT("f")},
		{STR_INIT("Zg="), false, true, STR_INIT("f")},
		{STR_INIT("Zm8"), false, true, STR_INIT("fo")},
		{STR_INIT("+/-_"), false, true, STR_INIT("\xfb\xff\xbf")},
		{STR_INIT("Zm9v\r\nYmFy\r\n"), true, true, STR_INIT("foobar")},
		{STR_INIT(" Z g = = "), true, true, STR_INIT("f")},
		{STR_INIT("Zm9v\r\nYmFy"), false, false, STR_INIT("")},
		{STR_INIT("Z"), false, false, STR_INIT("")},
		{STR_INIT("Zm9vY"), false, false, STR_INIT("")},
		{STR_INIT("Zg==="), false, false, STR_INIT("")},
		{STR_INIT("Zm9v="), false, false, STR_INIT("")},
		{STR_INIT("Zg==Zg=="), true, false, STR_INIT("")},
		{STR_INIT("="), false, false, STR_INIT("")},
		{STR_INIT("Zg\0="), true, false, STR_INIT("")},
		{STR_INIT("Zm9\xc3"), true, false, STR_INIT("")},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str got;
		bool ok = text_base64_decode(arena, rows[i].in, rows[i].loose, &got);
		if (ok != rows[i].ok)
			fail_msg("\"%.*s\" gave %d", STR_ARG(rows[i].in), ok);
		if (ok)
			same(got, rows[i].want);
	}
}

static void text_base64_goes_both_ways(void **state)
{
	(void)state;
	unsigned char bytes[300];
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (unsigned char)(i * 7 + 3);
	for (size_t n = 0; n <= sizeof bytes; n++) {
		struct str in = {(const char *)bytes, n}, out;
		struct str coded = text_base64_encode(arena, in);
		assert_int_equal(coded.n, text_base64_size(n));
		assert_true(text_base64_decode(arena, coded, false, &out));
		same(out, in);
		assert_true(text_hex_decode(arena, text_hex_encode(arena, in), &out));
		same(out, in);
	}
	same(text_base64_encode(arena, STR("fo")), STR("Zm8="));
}

static void text_reads_hex(void **state)
{
	(void)state;
	struct str out;
	same(text_hex_encode(arena, STR("\x00\xaf\x10")), STR("00af10"));
	assert_true(text_hex_decode(arena, STR("00aF10"), &out));
	same(out, STR("\x00\xaf\x10"));
	assert_false(text_hex_decode(arena, STR("0"), &out));
	assert_false(text_hex_decode(arena, STR("0g"), &out));
	assert_false(text_hex_decode(arena, STR(" 0"), &out));
}

static void text_reads_urls_and_escapes_xml(void **state)
{
	(void)state;
	same(text_percent_decode(arena, STR("a%20b+c%C3%A4"), false), STR("a b+c\xc3\xa4"));
	same(text_percent_decode(arena, STR("a+b"), true), STR("a b"));
	same(text_percent_decode(arena, STR("%"), true), STR("%"));
	same(text_percent_decode(arena, STR("%4"), true), STR("%4"));
	same(text_percent_decode(arena, STR("%4x%zz%41"), true), STR("%4x%zzA"));
	same(text_percent_decode(arena, STR("%00"), true), STR("\0"));
	same(text_xml_escape(arena, STR("a<b>&\"'\x01\xff")),
	     STR("a&lt;b&gt;&amp;&quot;&apos;\xef\xbf\xbd"));
	same(text_xml_escape(arena, STR("plain")), STR("plain"));
}

/* ---- log ---- */

static FILE *log_file;
static int real_stderr;

static void catch_log(void)
{
	log_file = tmpfile();
	assert_non_null(log_file);
	real_stderr = dup(STDERR_FILENO);
	dup2(fileno(log_file), STDERR_FILENO);
}

/* What was logged since catch_log(). */
static struct str caught_log(void)
{
	static char text[4 * LOG_LINE];
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	rewind(log_file);
	size_t n = fread(text, 1, sizeof text - 1, log_file);
	fclose(log_file);
	text[n] = '\0';
	return (struct str){text, n};
}

static void log_writes_key_and_value(void **state)
{
	(void)state;
	static const struct {
		struct str in;
		const char *want;
	} rows[] = {
		{STR_INIT("anna@example.test"), "anna@example.test"},
		{STR_INIT(""), "\"\""},
		{STR_INIT("a b"), "\"a b\""},
		{STR_INIT("a=b"), "\"a=b\""},
		{STR_INIT("a\"b\\"), "\"a\\\"b\\\\\""},
		{STR_INIT("a\r\nb\tc"), "\"a\\r\\nb\\tc\""},
		{STR_INIT("\x1b[0m\x7f"), "\"\\x1b[0m\\x7f\""},
		{STR_INIT("a\0b"), "\"a\\x00b\""},
		{STR_INIT("\xc3\xa4"), "\xc3\xa4"},
		{STR_INIT("\xc2\x9b"), "\"\\xc2\\x9b\""},
		{STR_INIT("\xfc"), "\"\\xfc\""},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct log_line l;
		log_setup(LOG_INFO, false);
		catch_log();
		log_begin(&l, LOG_INFO, "request");
		log_str(&l, "user", rows[i].in);
		log_int(&l, "ms", -3);
		log_end(&l);
		struct str line = caught_log();
		int64_t when;
		assert_true(line.n > 25 && clock_parse(str_sub(line, 0, 24), &when));
		char want[200];
		snprintf(want, sizeof want, " info request user=%s ms=-3\n", rows[i].want);
		same(str_sub(line, 24, line.n), str_of(want));
	}
}

static void log_drops_what_nobody_asked_for(void **state)
{
	(void)state;
	struct err e;
	enum log_level level;
	log_setup(LOG_WARNING, false);
	catch_log();
	err_set(&e, ERR_LOGIN, "no such user");
	log_event(LOG_INFO, "start", NULL);
	log_event(LOG_WARNING, "login", &e);
	struct str line = caught_log();
	same(str_sub(line, 24, line.n),
	     STR(" warning login error=login reason=\"no such user\"\n"));
	assert_true(log_level_parse("error", &level));
	assert_int_equal(level, LOG_ERROR);
	assert_false(log_level_parse("loud", &level));
	assert_false(log_level_parse(NULL, &level));
}

/* Lines filled up to the last byte, in both forms, whatever the value is made of. */
static void log_cuts_at_the_line(void **state)
{
	(void)state;
	static const char *const units[] = {"x",    " ",  "\n",	 "\xc3\xa4", "\xf0\x9f\x98\x80",
					    "\xff", "\\", "\x01"};
	char value[2 * LOG_LINE];
	for (size_t i = 0; i < COUNT(units) * 2; i++) {
		bool json = i % 2;
		for (size_t size = LOG_LINE - 120; size < LOG_LINE + 50; size++) {
			struct log_line l;
			size_t n = 0, unit = strlen(units[i / 2]);
			while (n + unit <= size) {
				memcpy(value + n, units[i / 2], unit);
				n += unit;
			}
			log_setup(LOG_INFO, json);
			catch_log();
			log_begin(&l, LOG_INFO, "request");
			log_str(&l, "value", (struct str){value, n});
			log_int(&l, "ms", 123456);
			log_cstr(&l, "user", "anna");
			log_end(&l);
			struct str line = caught_log();
			assert_in_range(line.n, 25, LOG_LINE);
			assert_int_equal(str_find_byte(line, '\n'), (ptrdiff_t)line.n - 1);
			assert_true(text_is_utf8(line));
			json_t *parsed = json ? json_loadb(line.p, line.n, 0, NULL) : NULL;
			assert_true(!json || json_is_object(parsed));
			json_decref(parsed);
		}
	}
}

static void log_writes_json(void **state)
{
	(void)state;
	struct log_line l;
	log_setup(LOG_DEBUG, true);
	catch_log();
	log_begin(&l, LOG_DEBUG, "request");
	log_str(&l, "user", STR("a\"b\n\xff\0"));
	log_cstr(&l, "device", NULL);
	log_int(&l, "ms", 3);
	log_end(&l);
	json_t *j = json_loads(caught_log().p, JSON_REJECT_DUPLICATES, NULL);
	const char *level, *event, *user, *device;
	int ms;
	assert_int_equal(json_unpack(j, "{s:s, s:s, s:s, s:s, s:i}", "level", &level, "event",
				     &event, "user", &user, "device", &device, "ms", &ms),
			 0);
	assert_string_equal(level, "debug");
	assert_string_equal(event, "request");
	assert_string_equal(user, "a\"b\n\xef\xbf\xbd");
	assert_string_equal(device, "");
	assert_int_equal(ms, 3);
	json_decref(j);
	log_setup(LOG_INFO, false);
}

/* ---- body ---- */

static int closed;

/* Gives `total` bytes, at most `step` at a time, whatever length it promised. */
struct odd_source {
	struct source base;
	size_t total, step, at;
	bool fails;
};

static bool odd_read(struct source *s, char *out, size_t n, size_t *got, struct err *e)
{
	struct odd_source *o = (struct odd_source *)s;
	if (o->fails && o->at == o->total)
		return err_set(e, ERR_UNAVAILABLE, "gone");
	*got = o->total - o->at;
	if (*got > o->step)
		*got = o->step;
	if (*got > n)
		*got = n;
	for (size_t i = 0; i < *got; i++)
		out[i] = (char)('a' + (o->at + i) % 26);
	o->at += *got;
	return true;
}

static void odd_close(struct source *s)
{
	closed++;
	free(s);
}

static struct source *odd_source(uint64_t length, size_t total, size_t step, bool fails)
{
	struct odd_source *o = base_malloc(sizeof *o);
	*o = (struct odd_source){.base = {length, odd_read, odd_close},
				 .total = total,
				 .step = step,
				 .fails = fails};
	return &o->base;
}

static bool append(void *ctx, const char *p, size_t n)
{
	assert_true(n > 0);
	buf_put(ctx, p, n);
	return !((struct buf *)ctx)->failed;
}

static void body_sends_in_order(void **state)
{
	(void)state;
	struct body b = {0};
	struct buf out = {0};
	struct err e;
	body_add_source(&b, source_bytes("1", 1));
	buf_cstr(&b.mem, "two");
	body_add_source(&b, source_bytes("3", 1));
	body_add_source(&b, source_bytes(NULL, 0));
	body_add_source(&b, source_base64(source_bytes("four", 4)));
	buf_cstr(&b.mem, "five");
	assert_int_equal(body_length(&b), 17);
	assert_true(body_send(&b, append, &out, &e));
	same(buf_get(&out), STR("1two3Zm91cg==five"));
	buf_free(&out);
	body_free(&b);
	assert_int_equal(body_length(&b), 0);
	assert_true(body_send(&b, append, &out, &e));
	assert_int_equal(out.n, 0);
}

static void body_cuts_back(void **state)
{
	(void)state;
	struct body b = {.mem.limit = 20};
	buf_cstr(&b.mem, "keep");
	body_add_source(&b, odd_source(5, 5, 5, false));
	struct body_mark mark = body_mark(&b);
	closed = 0;
	for (int i = 0; i < 9; i++)
		body_add_source(&b, odd_source(7, 7, 7, false));
	buf_cstr(&b.mem, "more than fits into the limit");
	assert_true(b.mem.failed);
	struct body_mark broken = body_mark(&b);
	body_cut(&b, broken);
	assert_true(b.mem.failed);
	body_cut(&b, mark);
	assert_false(b.mem.failed);
	assert_int_equal(closed, 9);
	assert_int_equal(body_length(&b), 9);
	body_free(&b);
	assert_int_equal(closed, 10);
	assert_int_equal(b.mem.limit, 20);
}

static void body_notices_wrong_sources(void **state)
{
	(void)state;
	static const struct {
		uint64_t length;
		size_t total;
		bool fails, base64;
		enum err_kind want;
	} rows[] = {
		{100000, 100000, false, false, ERR_NONE},
		{100000, 100000, false, true, ERR_NONE},
		{100000, 99999, false, false, ERR_INTERNAL},
		{100000, 100001, false, false, ERR_INTERNAL},
		{100000, 99998, false, true, ERR_INTERNAL},
		{2, 1, false, true, ERR_INTERNAL},
		{1, 2, false, true, ERR_INTERNAL},
		{0, 1, false, false, ERR_INTERNAL},
		{100000, 70000, true, false, ERR_UNAVAILABLE},
		{100000, 70000, true, true, ERR_UNAVAILABLE},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct body b = {0};
		struct buf out = {0};
		struct err e = {ERR_NONE, ""};
		struct source *s = odd_source(rows[i].length, rows[i].total, 777, rows[i].fails);
		body_add_source(&b, rows[i].base64 ? source_base64(s) : s);
		bool ok = body_send(&b, append, &out, &e);
		assert_int_equal(e.kind, rows[i].want);
		assert_int_equal(ok, rows[i].want == ERR_NONE);
		assert_true(out.n <= body_length(&b));
		assert_true(!ok || out.n == body_length(&b));
		buf_free(&out);
		body_free(&b);
	}
}

static void body_stops_when_the_peer_is_gone(void **state)
{
	(void)state;
	struct body b = {0};
	struct buf out = {.limit = 100};
	struct err e;
	buf_cstr(&b.mem, "start");
	body_add_source(&b, odd_source(1000, 1000, 50, false));
	assert_false(body_send(&b, append, &out, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	buf_free(&out);
	body_free(&b);
}

static void body_encodes_sources(void **state)
{
	(void)state;
	for (size_t n = 0; n < 40000; n = n < 8 ? n + 1 : n * 2 + 1) {
		struct body b = {0};
		struct buf out = {0};
		struct err e;
		struct str bytes;
		body_add_source(&b, source_base64(odd_source(n, n, 1000, false)));
		assert_true(body_send(&b, append, &out, &e));
		assert_true(text_base64_decode(arena, buf_get(&out), false, &bytes));
		assert_int_equal(bytes.n, n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(bytes.p[i], 'a' + i % 26);
		buf_free(&out);
		body_free(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(arena_flags_overflow_and_recovers),
		cmocka_unit_test(arena_gives_back_to_a_mark),
		cmocka_unit_test(str_compares),
		cmocka_unit_test(str_cuts),
		cmocka_unit_test(str_reads_numbers),
		cmocka_unit_test(buf_appends_and_cuts),
		cmocka_unit_test(buf_stops_at_its_limit),
		cmocka_unit_test(clock_reads_both_forms),
		cmocka_unit_test(clock_writes_both_forms),
		cmocka_unit_test(err_says_what_and_where),
		cmocka_unit_test(text_knows_utf8),
		cmocka_unit_test(text_finds_controls_anywhere),
		cmocka_unit_test(text_converts_latin1),
		cmocka_unit_test(text_cuts_between_characters),
		cmocka_unit_test(text_reads_base64),
		cmocka_unit_test(text_base64_goes_both_ways),
		cmocka_unit_test(text_reads_hex),
		cmocka_unit_test(text_reads_urls_and_escapes_xml),
		cmocka_unit_test(log_writes_key_and_value),
		cmocka_unit_test(log_drops_what_nobody_asked_for),
		cmocka_unit_test(log_cuts_at_the_line),
		cmocka_unit_test(log_writes_json),
		cmocka_unit_test(body_sends_in_order),
		cmocka_unit_test(body_cuts_back),
		cmocka_unit_test(body_notices_wrong_sources),
		cmocka_unit_test(body_stops_when_the_peer_is_gone),
		cmocka_unit_test(body_encodes_sources),
	};
	return cmocka_run_group_tests_name("base", tests, set_up, tear_down);
}
