/* imap_syntax, imap_flags, imap_structure: what servers say and what is said to them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "store/imap_index.h"
#include "store/imap_message.h"
#include "store/imap_syntax.h"
#include "store/message.h"

static struct arena *a;

static int set_up(void **state)
{
	(void)state;
	a = arena_new(32 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

static void assert_text(struct str got, const char *want)
{
	assert_string_equal(str_dup(a, got), want);
}

/* ---- Framing ---- */

static void frames_end_where_they_end(void **state)
{
	static const struct {
		const char *in;
		enum imap_framed want;
		size_t length;
	} rows[] = {
		{"* OK hello\r\n* more", IMAP_COMPLETE, 12},
		{"* OK hello\n", IMAP_COMPLETE, 11},
		{"* OK hel", IMAP_INCOMPLETE, 0},
		{"* 1 FETCH (BODY[] {5}\r\n12345)\r\nx", IMAP_COMPLETE, 31},
		{"* 1 FETCH (BODY[] {5}\r\n1\r\n45)\r\n", IMAP_COMPLETE, 31},
		{"* 1 FETCH (BODY[] {5}\r\n123", IMAP_INCOMPLETE, 0},
		{"* 1 FETCH (A {0}\r\n B {2+}\r\nxx)\r\n", IMAP_COMPLETE, 32},
		{"* 1 FETCH (BODY[] {99999999999}\r\n", IMAP_TOO_LARGE, 0},
		{"* 1 FETCH (BODY[] {17000000}\r\n", IMAP_TOO_LARGE, 0},
		{"* OK {x}\r\n", IMAP_COMPLETE, 10},
		{"* OK {}\r\n", IMAP_COMPLETE, 9},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct imap_frame f = {0};
		size_t length = 0;
		assert_int_equal(imap_frame(&f, str_of(rows[i].in), &length), rows[i].want);
		if (rows[i].want == IMAP_COMPLETE)
			assert_int_equal(length, rows[i].length);
	}
}

/* However the bytes arrive, the end is the same. */
static void frames_grow_byte_by_byte(void **state)
{
	struct str in = STR("* 1 FETCH (BODY[] {7}\r\n\r\n{3}\r\n X \"y\")\r\n");
	struct imap_frame f = {0};
	size_t length;
	(void)state;
	for (size_t n = 0; n < in.n; n++)
		assert_int_equal(imap_frame(&f, str_sub(in, 0, n), &length), IMAP_INCOMPLETE);
	assert_int_equal(imap_frame(&f, in, &length), IMAP_COMPLETE);
	assert_int_equal(length, in.n);
}

static void an_endless_line_is_too_large(void **state)
{
	size_t n = IMAP_RESPONSE_MOST + 1, length;
	char *p = arena_alloc(a, n);
	struct imap_frame f = {0};
	(void)state;
	memset(p, 'x', n);
	assert_int_equal(imap_frame(&f, (struct str){p, n}, &length), IMAP_TOO_LARGE);
}

/* ---- Parsing ---- */

static void responses_are_read(void **state)
{
	struct imap_response r;
	struct err e;
	uint64_t n;
	(void)state;
	assert_true(imap_parse(a,
			       STR("* 12 FETCH (UID 7 FLAGS (\\Seen x) BODY[HEADER.FIELDS (A B)]<0>"
				   " {3}\r\na)b X \"q\\\"\\\\\" Y NIL)\r\n"),
			       &r, &e));
	assert_int_equal(r.number, 12);
	assert_true(imap_is(&r, "fetch"));
	assert_true(imap_number(imap_item(r.values, "uid"), &n));
	assert_int_equal(n, 7);
	assert_text(imap_text(imap_item(r.values, "BODY[HEADER.FIELDS (A B)]<0>")), "a)b");
	assert_text(imap_text(imap_item(r.values, "X")), "q\"\\");
	assert_int_equal(imap_item(r.values, "Y")->kind, IMAP_NIL);
	assert_true(imap_parse(a, STR("e5 NO [ALREADYEXISTS] There (is) one\r\n"), &r, &e));
	assert_int_equal(r.kind, IMAP_TAGGED);
	assert_text(r.code, "ALREADYEXISTS");
	assert_text(r.text, "There (is) one");
	assert_true(imap_parse(a, STR("* OK [HIGHESTMODSEQ 715194045007] x\r\n"), &r, &e));
	assert_true(imap_number(r.values, &n));
	assert_int_equal(n, 715194045007);
	assert_true(imap_parse(a, STR("+ idling\r\n"), &r, &e));
	assert_int_equal(r.kind, IMAP_CONTINUE);
}

static void what_is_no_response_is_refused(void **state)
{
	static const char *const rows[] = {
		"\r\n",
		"*\r\n",
		"e1\r\n",
		"e1 HELLO x\r\n",
		"* 1 FETCH (UID 7\r\n",
		"* 1 FETCH \"abc\r\n",
		"* 1 FETCH {4}\r\nab",
		"* LIST () \"/\" a)b(\r\n",
		"* -1 EXISTS\r\n",
		"* 1 FETCH (BODY[ x\r\n",
	};
	struct imap_response r;
	struct err e;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (imap_parse(a, str_of(rows[i]), &r, &e))
			fail_msg("accepted: %s", rows[i]);
		assert_int_equal(e.kind, ERR_MALFORMED);
	}
}

static void nesting_has_an_end(void **state)
{
	char in[400];
	struct imap_response r;
	struct err e;
	(void)state;
	memset(in, '(', sizeof in);
	memcpy(in, "* X ", 4);
	assert_false(imap_parse(a, (struct str){in, sizeof in}, &r, &e));
}

static void sets_are_read(void **state)
{
	static const struct {
		const char *in, *want; /* NULL: refused */
	} rows[] = {{"1:3,7", "{[1,4),[7,8)}"},
		    {"9:7", "{[7,10)}"},
		    {"4", "{[4,5)}"},
		    {"1:*", NULL},
		    {"0", NULL},
		    {"1,,2", NULL},
		    {"4294967296", NULL},
		    {"a", NULL}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct uidset s;
		bool ok = imap_set_parse(a, str_of(rows[i].in), &s);
		assert_int_equal(ok, rows[i].want != NULL);
		if (ok)
			assert_text(uidset_text(&s), rows[i].want);
	}
}

static void dates_go_both_ways(void **state)
{
	int64_t ms;
	struct buf b = {0};
	(void)state;
	assert_true(imap_date_parse(STR("17-Jul-1996 02:44:25 -0700"), &ms));
	assert_int_equal(ms, INT64_C(837596665000));
	assert_true(imap_date_parse(STR(" 1-Jan-1970 00:00:01 +0000"), &ms));
	assert_int_equal(ms, 1000);
	assert_false(imap_date_parse(STR("17-Xxx-1996 02:44:25 -0700"), &ms));
	assert_false(imap_date_parse(STR("yesterday"), &ms));
	imap_put_date(&b, INT64_C(837596665000));
	assert_text(buf_get(&b), "\"17-Jul-1996 09:44:25 +0000\"");
	buf_free(&b);
}

static void names_go_both_ways(void **state)
{
	static const struct {
		const char *coded, *text;
	} rows[] = {
		{"INBOX", "INBOX"}, {"Entw&APw-rfe", "Entwürfe"},
		{"A&-B", "A&B"},    {"&ZeVnLIqe-", "日本語"},
		{"&2D3eAA-", "😀"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_text(imap_name_decode(a, str_of(rows[i].coded)), rows[i].text);
		assert_text(imap_name_encode(a, str_of(rows[i].text)), rows[i].coded);
	}
	/* What is not in that form stays as it is. */
	assert_text(imap_name_decode(a, STR("R&D")), "R&D");
	assert_text(imap_name_decode(a, STR("x&!-")), "x&!-");
}

static void arguments_are_written(void **state)
{
	static const int64_t uids[] = {1, 2, 3, 7, 9, 10};
	struct buf b = {0};
	(void)state;
	imap_put_string(&b, STR("a\"b\\"), true);
	imap_put_string(&b, STR("ü"), true);
	imap_put_string(&b, STR("\r\n"), false);
	imap_put_uids(&b, uids, 6);
	assert_text(buf_get(&b), "\"a\\\"b\\\\\"{2+}\r\nü{2}\r\n\r\n1:3,7,9:10");
	buf_free(&b);
}

/* ---- Flags ---- */

static struct imap_value *parse_list(const char *text)
{
	struct imap_response r;
	struct err e;
	assert_true(imap_parse(a, str_of(arena_printf(a, "* X %s\r\n", text)), &r, &e));
	return r.values;
}

static void flags_and_categories_go_both_ways(void **state)
{
	struct imap_flags f = imap_flags_read(
		a, parse_list("(\\Seen $Forwarded Red=20Cat $Label1 NonJunk \\Recent Caf=C3=A9)"));
	struct buf b = {0};
	(void)state;
	assert_int_equal(f.flags, ITEM_SEEN | ITEM_FORWARDED);
	assert_text(f.categories, "[\"Red Cat\",\"Café\"]");
	imap_categories_put(
		&b, str_of(arena_printf(a, "{\"Categories\":%.*s}", STR_ARG(f.categories))));
	assert_text(buf_get(&b), " Red=20Cat Caf=C3=A9");
	buf_cut(&b, 0);
	imap_flags_put(&b, ITEM_SEEN | ITEM_FORWARDED | ITEM_FLAGGED, false);
	assert_text(buf_get(&b), "\\Seen \\Flagged");
	buf_cut(&b, 0);
	imap_categories_put(&b, STR("{\"Categories\":[\"$x\",\"a(b\"]}"));
	assert_text(buf_get(&b), " =24x a=28b");
	buf_free(&b);
}

/* ---- Structures ---- */

static const char MIXED[] = "((\"TEXT\" \"PLAIN\" (\"CHARSET\" \"utf-8\") NIL NIL \"7BIT\" 1152 23)"
			    "(\"IMAGE\" \"JPEG\" (\"NAME\" \"a.jpg\") NIL NIL \"BASE64\" 4554)"
			    " \"MIXED\" (\"BOUNDARY\" \"b1\") NIL NIL)";

static void a_message_is_put_together(void **state)
{
	struct message m;
	struct err e;
	(void)state;
	assert_true(imap_message_assemble(
		a, parse_list(MIXED),
		STR("Subject: x\r\nContent-Type: multipart/mixed; boundary=b1\r\n\r\n"), 9999, &m,
		&e));
	assert_int_equal(m.nparts, 3);
	assert_int_equal(m.size, 9999);
	assert_text(m.subject, "x");
	assert_text(m.parts[1].path, "1");
	assert_int_equal(m.parts[1].length, 1152);
	assert_int_equal(m.parts[2].length, 4554);
	/* Each lies at a place of its own. */
	assert_true(m.parts[1].offset >> 40 == 2 && m.parts[2].offset >> 40 == 3);
}

static void hostile_structures_are_refused(void **state)
{
	static const char *const rows[] = {
		"NIL",
		"()",
		"(NIL)",
		"(\"TEXT\")",
		"(())",
		"((\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 1))",
		"(\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" x)",
	};
	struct message m;
	struct err e;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (imap_message_assemble(a, parse_list(rows[i]), STR("A: b\r\n\r\n"), 1, &m, &e))
			fail_msg("accepted: %s", rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames_end_where_they_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(frames_grow_byte_by_byte, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_endless_line_is_too_large, set_up, tear_down),
		cmocka_unit_test_setup_teardown(responses_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_response_is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nesting_has_an_end, set_up, tear_down),
		cmocka_unit_test_setup_teardown(sets_are_read, set_up, tear_down),
		cmocka_unit_test_setup_teardown(dates_go_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(names_go_both_ways, set_up, tear_down),
		cmocka_unit_test_setup_teardown(arguments_are_written, set_up, tear_down),
		cmocka_unit_test_setup_teardown(flags_and_categories_go_both_ways, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_message_is_put_together, set_up, tear_down),
		cmocka_unit_test_setup_teardown(hostile_structures_are_refused, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
