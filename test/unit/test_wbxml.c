/* The codec: what wbxml.h promises, hostile documents, and the documents of the reference folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <expat.h>

#include "core/base/clock.h"
#include "test/unit/wbxml_tree.h"

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(64 * 1024 * 1024);
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
		fail_msg("got  %.*s\nwant %.*s", STR_ARG(got), STR_ARG(want));
}

/* Bytes from hex digits; blanks and line breaks between them don't count. */
static struct str unhex(struct str hex)
{
	char *digits = arena_alloc(arena, hex.n + 1);
	struct str bytes, run = {digits, 0};
	for (size_t i = 0; i < hex.n; i++)
		if (!strchr(" \r\n", hex.p[i]))
			digits[run.n++] = hex.p[i];
	assert_true(text_hex_decode(arena, run, &bytes));
	return bytes;
}

static struct wbxml_node *decode(struct str bytes)
{
	struct wbxml_node *root;
	struct err e;
	if (!wbxml_decode(arena, bytes, &wbxml_default_limits, &root, &e))
		fail_msg("%s", e.text);
	return root;
}

/* The kind of error that the document gives. It is read from memory of exactly its size. */
static enum err_kind refusal(struct arena *a, struct str bytes, const struct wbxml_limits *limits)
{
	struct wbxml_node *root;
	struct err e = {ERR_NONE, ""};
	char *exact = base_malloc(bytes.n);
	if (bytes.n)
		memcpy(exact, bytes.p, bytes.n);
	bool ok = wbxml_decode(a, (struct str){exact, bytes.n}, limits, &root, &e);
	assert_int_equal(ok, e.kind == ERR_NONE);
	assert_int_equal(ok, root != NULL);
	free(exact);
	return e.kind;
}

/* The document as XML, without the declaration. */
static struct str dumped(const struct wbxml_node *root, unsigned flags)
{
	struct buf out = {0};
	wbxml_dump(&out, root, flags);
	struct str all = {arena_dup(arena, out.p, out.n), out.n};
	struct str line;
	buf_free(&out);
	assert_true(str_next(&all, '\n', &line));
	same(line, STR("<?xml version=\"1.0\" encoding=\"utf-8\"?>"));
	return all;
}

/* ---- Tables ---- */

static void tables_know_names_and_versions(void **state)
{
	(void)state;
	assert_int_equal(AirSyncBase_Body, 17 << 8 | 0x0a);
	assert_string_equal(wbxml_tag_name(AirSync_SyncKey), "SyncKey");
	assert_string_equal(wbxml_tag_name(Find_Picture), "Picture");
	assert_null(wbxml_tag_name(0x04));
	assert_null(wbxml_tag_name(0x3f));
	assert_null(wbxml_tag_name(0x45));
	assert_null(wbxml_tag_name(26 << 8 | 0x05));
	assert_null(wbxml_tag_name(UINT32_MAX));
	assert_string_equal(wbxml_page_name(0), "AirSync");
	assert_string_equal(wbxml_page_name(25), "Find");
	assert_null(wbxml_page_name(26));
	assert_true(wbxml_tag_in_version(AirSync_SyncKey, 25));
	assert_true(wbxml_tag_in_version(Email_Body, 25));
	assert_false(wbxml_tag_in_version(Email_Body, 120));
	assert_false(wbxml_tag_in_version(Find_Find, 160));
	assert_true(wbxml_tag_in_version(Find_Find, 161));
	assert_false(wbxml_tag_in_version(0x04, 161));
}

/* ---- Decoding ---- */

static void decode_understands(void **state)
{
	(void)state;
	static const struct {
		const char *hex, *xml;
	} rows[] = {
		{"03016a00 05", "<Sync xmlns=\"AirSync\"/>\n"},
		{"03016a00 45 01", "<Sync xmlns=\"AirSync\"/>\n"},
		{"03016a00 45 0300 01", "<Sync xmlns=\"AirSync\"/>\n"},
		{"03016a00 45 c300 01", "<Sync xmlns=\"AirSync\"/>\n"},
		{"03016a00 4b 033100 01", "<SyncKey xmlns=\"AirSync\">1</SyncKey>\n"},
		/* versions and charsets; 1.0 has no charset, a public identifier may be a string */
		{"00 01 00 4b 033100 01", "<SyncKey xmlns=\"AirSync\">1</SyncKey>\n"},
		{"01 01 6a 00 4b 033100 01", "<SyncKey xmlns=\"AirSync\">1</SyncKey>\n"},
		{"02 01 03 00 4b 033100 01", "<SyncKey xmlns=\"AirSync\">1</SyncKey>\n"},
		{"03 01 00 00 4b 033100 01", "<SyncKey xmlns=\"AirSync\">1</SyncKey>\n"},
		{"03 0000 6a 03 787900 05", "<Sync xmlns=\"AirSync\"/>\n"},
		{"03 8f7f 6a 00 05", "<Sync xmlns=\"AirSync\"/>\n"},
		/* string table, joined parts, entities; a character may be split over two strings
		 */
		{"03016a06 616263006400 4b 8300 01", "<SyncKey xmlns=\"AirSync\">abc</SyncKey>\n"},
		{"03016a06 616263006400 4b 8301 8304 01",
		 "<SyncKey xmlns=\"AirSync\">bcd</SyncKey>\n"},
		{"03016a00 4b 033100 0300 033200 0221 01",
		 "<SyncKey xmlns=\"AirSync\">12!</SyncKey>\n"},
		{"03016a00 4b 0261 028164 02a02c 0287ec00 01",
		 "<SyncKey xmlns=\"AirSync\">a\xc3\xa4\xe1\x80\xac\xf0\x9f\x98\x80</SyncKey>\n"},
		{"03016a00 4b 03c300 03a400 01", "<SyncKey xmlns=\"AirSync\">\xc3\xa4</SyncKey>\n"},
		/* opaque data as text, as base64, and beside text */
		{"03016a00 4b c3026869 01", "<SyncKey xmlns=\"AirSync\">hi</SyncKey>\n"},
		{"03016a00 4b c30200ff 01", "<SyncKey xmlns=\"AirSync\">AP8=</SyncKey>\n"},
		{"03016a00 4b 033100 c38001ff 01", "<SyncKey xmlns=\"AirSync\">Mf8=</SyncKey>\n"},
		/* blanks between elements; pages that stay in force across END */
		{"03016a00 45 030a2000 5c 030900 01 0221 01", NULL},
		{"03016a00 45 030a2000 5c 030900 01 0220 01",
		 "<Sync xmlns=\"AirSync\">\n  <Collections>\t</Collections>\n</Sync>\n"},
		{"03016a00 45 0011 4a 46033100 01 01 0000 0e 01",
		 "<Sync xmlns=\"AirSync\" xmlns:airsyncbase=\"AirSyncBase\">\n"
		 "  <airsyncbase:Body>\n"
		 "    <airsyncbase:Type>1</airsyncbase:Type>\n"
		 "  </airsyncbase:Body>\n"
		 "  <Status/>\n"
		 "</Sync>\n"},
		/* tags and pages that nobody knows */
		{"03016a00 45 7f 0331 00 01 01",
		 "<Sync xmlns=\"AirSync\">\n  <tag-3f>1</tag-3f>\n</Sync>\n"},
		{"03016a00 00fe 05", "<tag-05 xmlns=\"page-254\"/>\n"},
		{"03016a00 45 00ff 05 01", "<Sync xmlns=\"AirSync\" xmlns:page-255=\"page-255\">\n"
					   "  <page-255:tag-05/>\n</Sync>\n"},
		/* text that XML needs escaped, or can't have */
		{"03016a00 4b 033c263e220d0a0100 01",
		 "<SyncKey xmlns=\"AirSync\">&lt;&amp;&gt;\"&#13;\n</SyncKey>\n"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str bytes = unhex(str_of(rows[i].hex));
		if (rows[i].xml)
			same(dumped(decode(bytes), WBXML_DUMP_ALL), str_of(rows[i].xml));
		else
			assert_int_equal(refusal(arena, bytes, &wbxml_default_limits),
					 ERR_MALFORMED);
	}
}

static void decode_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *what, *hex;
	} rows[] = {
		{"nothing", ""},
		{"version 1.4", "04016a00 05"},
		{"a charset that is not UTF-8", "03010400 05"},
		{"a string table longer than the document", "03016a05 05"},
		{"only a header", "03016a00"},
		{"a number that does not end", "03ffffffffff7f 6a00 05"},
		{"a number past 32 bits", "03 9080808000 6a00 05"},
		{"an attribute", "03016a00 85 01"},
		{"attributes and content", "03016a00 c5 01 01"},
		{"a literal tag", "03016a02 6100 04 00"},
		{"a literal tag with content", "03016a02 6100 44 00 01"},
		{"a literal with attributes", "03016a02 6100 84 00 01"},
		{"a literal with both", "03016a02 6100 c4 00 01 01"},
		{"a processing instruction", "03016a00 43 05 01 05"},
		{"extension EXT_I_0", "03016a00 45 40 6100 01"},
		{"extension EXT_T_0", "03016a00 45 80 00 01"},
		{"extension EXT_0", "03016a00 45 c0 01"},
		{"an END without an element", "03016a00 01"},
		{"text outside the root", "03016a00 036100 05"},
		{"opaque data outside the root", "03016a00 c30161 05"},
		{"a second root", "03016a00 05 05"},
		{"bytes after the root", "03016a00 4501 00"},
		{"text before a child", "03016a00 45 036100 0e 01"},
		{"text after a child", "03016a00 45 0e 036100 01"},
		{"opaque data before a child", "03016a00 45 c30120 0e 01"},
		{"opaque data after a child", "03016a00 45 0e c30120 01"},
		{"the character 0", "03016a00 4b 0200 01"},
		{"a control character", "03016a00 4b 0201 01"},
		{"a surrogate", "03016a00 4b 0283b000 01"},
		{"U+FFFF", "03016a00 4b 0283ff7f 01"},
		{"a character past Unicode", "03016a00 4b 02c48000 01"},
		{"a reference without a string table", "03016a00 4b 8300 01"},
		{"a reference past the string table", "03016a02 6100 4b 8302 01"},
		{"a table string without an end", "03016a03 610062 4b 8302 01"},
		{"a reference far past everything", "03016a02 6100 4b 838fffffff7f 01"},
		{"text in ISO-8859-1", "03016a00 4b 034dfc00 01"},
		{"half a character", "03016a00 4b 03c300 01"},
		{"a string that does not end", "03016a00 4b 0331"},
		{"opaque data longer than the document", "03016a00 4b c30461626301"},
		{"opaque data of 4 GiB", "03016a00 4b c38fffffff7f 6101"},
		{"half a SWITCH_PAGE", "03016a00 45 00"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct str bytes = unhex(str_of(rows[i].hex));
		if (refusal(arena, bytes, &wbxml_default_limits) != ERR_MALFORMED)
			fail_msg("%s was accepted", rows[i].what);
	}
}

static void decode_ends_text_in_nul(void **state)
{
	(void)state;
	static const char *const documents[] = {
		"03016a00 45 4b 03616200 01 01",      "03016a00 45 4b 036100 036200 01 01",
		"03016a00 45 4b c3026162 01 01",      "03016a03 616200 45 4b 8300 01 01",
		"03016a00 45 4b c30161 c30162 01 01",
	};
	for (size_t i = 0; i < COUNT(documents); i++) {
		const struct wbxml_node *root = decode(unhex(str_of(documents[i])));
		struct str text = wbxml_child_text(root, AirSync_SyncKey);
		same(text, STR("ab"));
		assert_string_equal(text.p, "ab");
	}
}

static void tree_is_easy_to_read(void **state)
{
	(void)state;
	const struct wbxml_node *root =
		decode(unhex(STR("03016a00 45 0e 48 033100 01 0b 48 033200 01 01")));
	assert_int_equal(wbxml_count(root), 4);
	assert_int_equal(wbxml_count(NULL), 0);
	const struct wbxml_node *change = wbxml_child(root, AirSync_Change);
	same(change->text, STR("1"));
	change = wbxml_again(change);
	same(change->text, STR("2"));
	assert_null(wbxml_again(change));
	assert_null(wbxml_child(root, AirSync_Add));
	assert_null(wbxml_child(NULL, AirSync_Add));
	assert_null(wbxml_child_text(root, AirSync_Add).p);
	assert_non_null(wbxml_child_text(root, AirSync_Status).p);
	assert_int_equal(wbxml_child_text(root, AirSync_Status).n, 0);
}

/* Header, n times one byte, n times another. */
static struct str repeated(struct buf *out, size_t n, unsigned char open, unsigned char close)
{
	buf_put(out, "\x03\x01\x6a\x00", 4);
	for (size_t i = 0; i < n; i++)
		buf_byte(out, open);
	for (size_t i = 0; i < n; i++)
		buf_byte(out, close);
	return buf_get(out);
}

static void decode_limits_depth(void **state)
{
	(void)state;
	static const size_t depths[] = {1, 31, 32, 33, 100000};
	for (size_t i = 0; i < COUNT(depths); i++) {
		struct buf b = {0};
		enum err_kind kind =
			refusal(arena, repeated(&b, depths[i], 0x45, 0x01), &wbxml_default_limits);
		assert_int_equal(kind, depths[i] > 32 ? ERR_TOO_LARGE : ERR_NONE);
		buf_free(&b);
	}
	struct wbxml_limits none = {.depth = 0, .nodes = 10};
	assert_int_equal(refusal(arena, unhex(STR("03016a00 05")), &none), ERR_TOO_LARGE);
}

static void decode_limits_elements(void **state)
{
	(void)state;
	struct wbxml_limits limits = {.depth = 4, .nodes = 1000};
	for (unsigned n = 998; n < 1002; n++) {
		struct buf b = {0};
		buf_put(&b, "\x03\x01\x6a\x00\x45", 5);
		for (unsigned i = 0; i < n; i++)
			buf_byte(&b, 0x0e);
		buf_byte(&b, 0x01);
		assert_int_equal(refusal(arena, buf_get(&b), &limits),
				 n + 1 > 1000 ? ERR_TOO_LARGE : ERR_NONE);
		buf_free(&b);
	}
}

/*
 * Documents that would grow without bounds: a long string-table entry referred to again and again
 * in one element or in many, many elements, many entities. The arena's cap ends each of them, soon.
 */
static void decode_limits_memory(void **state)
{
	(void)state;
	static const struct str units[] = {
		STR_INIT("\x83\x00"),
		STR_INIT("\x4e\x83\x00\x01"),
		STR_INIT("\x0e"),
		STR_INIT("\x4e\x02\x41\x01"),
	};
	for (size_t i = 0; i < COUNT(units); i++) {
		struct arena *a = arena_new(4 * 1024 * 1024);
		struct buf b = {0};
		struct wbxml_limits limits = {.depth = 4, .nodes = UINT32_MAX};
		buf_put(&b, "\x03\x01\x6a\x84\x80\x00", 6);
		for (int k = 0; k < 0xffff; k++)
			buf_byte(&b, 'x');
		buf_put(&b, "\0\x45", 2);
		for (int k = 0; k < 200000; k++)
			buf_str(&b, units[i]);
		buf_byte(&b, 0x01);
		int64_t start = clock_monotonic();
		assert_int_equal(refusal(a, buf_get(&b), &limits), ERR_TOO_LARGE);
		assert_true(arena_used(a) < 5 * 1024 * 1024);
		assert_true(clock_monotonic() - start < 2000);
		buf_free(&b);
		arena_free(&a);
	}
}

/* ---- Encoding ---- */

static void start(struct wbxml_out *w, struct body *body)
{
	*body = (struct body){.mem = {0}};
	wbxml_start(w, body);
}

static bool append(void *ctx, const char *p, size_t n)
{
	buf_put(ctx, p, n);
	return true;
}

/* Finishes, compares with the bytes in hex, and reads the document again. */
static void written(struct wbxml_out *w, const char *hex)
{
	struct buf all = {0};
	assert_true(wbxml_finish(w));
	assert_true(body_send(w->body, append, &all, NULL));
	assert_int_equal(all.n, body_length(w->body));
	same(text_hex_encode(arena, buf_get(&all)), text_hex_encode(arena, unhex(str_of(hex))));
	assert_int_equal(refusal(arena, buf_get(&all), &wbxml_default_limits), ERR_NONE);
	buf_free(&all);
	body_free(w->body);
}

static void encode_writes_elements(void **state)
{
	(void)state;
	struct body body;
	struct wbxml_out w;
	start(&w, &body);
	wbxml_begin(&w, AirSync_Sync);
	wbxml_cstr(&w, AirSync_Status, "1");
	wbxml_int(&w, AirSync_SyncKey, INT64_MIN);
	wbxml_empty(&w, AirSync_MoreAvailable);
	wbxml_cstr(&w, AirSync_ServerId, "");
	wbxml_cstr(&w, AirSync_ServerId, NULL);
	wbxml_begin(&w, AirSync_Commands);
	wbxml_end(&w);
	wbxml_begin(&w, AirSync_Responses);
	wbxml_begin(&w, AirSync_Add);
	wbxml_end(&w);
	wbxml_end(&w);
	wbxml_opaque(&w, AirSync_ClientId, STR("\0\1"));
	wbxml_opaque(&w, AirSync_ClientId, STR(""));
	written(&w, "03016a00 45 4e033100 01 4b 032d3932323333373230333638353437373538303800 01 14"
		    "0d 0d 16 46 07 01 4c c3020001 01 0c 01");
}

static void encode_switches_pages_only_when_needed(void **state)
{
	(void)state;
	struct body body;
	struct wbxml_out w;
	start(&w, &body);
	wbxml_begin(&w, Settings_Settings);
	wbxml_begin(&w, Email_Flag);
	wbxml_end(&w);
	wbxml_begin(&w, AirSync_Commands);
	wbxml_begin(&w, AirSyncBase_Body);
	wbxml_cstr(&w, AirSyncBase_Type, "1");
	wbxml_cstr(&w, AirSyncBase_Data, "x");
	wbxml_end(&w);
	wbxml_end(&w);
	wbxml_empty(&w, AirSyncBase_Body);
	wbxml_empty(&w, AirSync_Status);
	written(&w, "03016a00 0012 45 0002 3a 0000 56 0011 4a 46033100 01 4b037800 01 01 01 0a"
		    "0000 0e 01");
}

static void encode_repairs_text(void **state)
{
	(void)state;
	struct body body;
	struct wbxml_out w;
	start(&w, &body);
	wbxml_begin(&w, AirSync_Sync);
	wbxml_text(&w, AirSync_ServerId, STR("a\0b\x01\xff"));
	wbxml_text(&w, AirSync_ServerId, STR("\x01\x02"));
	written(&w, "03016a00 45 4d 036162efbfbd00 01 0d 01");
}

static void encode_streams(void **state)
{
	(void)state;
	struct body body;
	struct wbxml_out w;
	start(&w, &body);
	wbxml_begin(&w, ItemOperations_Data);
	wbxml_stream(&w, ItemOperations_Data, source_bytes("hi", 2));
	wbxml_stream_opaque(&w, AirSyncBase_Data, source_bytes("\0\1", 2));
	wbxml_stream(&w, ItemOperations_Data, source_bytes("", 0));
	wbxml_stream_opaque(&w, ItemOperations_Data, source_bytes("", 0));
	wbxml_stream(&w, ItemOperations_Data, source_base64(source_bytes("four", 4)));
	assert_int_equal(body.nrefs, 3);
	written(&w, "03016a00 0014 4c 4c03686900 01 0011 4b c3020001 01 0014 0c 0c"
		    "4c 035a6d393163673d3d00 01 01");
}

static void encode_writes_lengths(void **state)
{
	(void)state;
	static const struct {
		size_t n;
		const char *head;
	} rows[] = {
		{1, "c301"},	   {127, "c37f"},	{128, "c38100"},
		{16383, "c3ff7f"}, {16384, "c3818000"}, {2097152, "c381808000"},
	};
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct body body;
		struct wbxml_out w;
		struct str bytes = {arena_alloc(arena, rows[i].n), rows[i].n};
		struct str head = unhex(str_of(rows[i].head));
		start(&w, &body);
		wbxml_opaque(&w, ComposeMail_Mime, bytes);
		assert_true(wbxml_finish(&w));
		same(str_sub(buf_get(&body.mem), 7, head.n), head);
		const struct wbxml_node *root = decode(buf_get(&body.mem));
		assert_int_equal(root->content, WBXML_OPAQUE);
		same(root->text, bytes);
		body_free(&body);
	}
}

static int closed;

static void count_close(struct source *s)
{
	closed++;
	free(s);
}

/* A source that promises n bytes and is never read here. */
static struct source *unread_source(uint64_t n)
{
	struct source *s = base_malloc(sizeof *s);
	*s = (struct source){.length = n, .close = count_close};
	return s;
}

/* Writes all sorts of things below the open element, and for depth > 0 closes elements above. */
static void write_something(struct wbxml_out *w, int depth)
{
	wbxml_cstr(w, Email_Subject, "gone");
	wbxml_begin(w, AirSyncBase_Body);
	wbxml_stream(w, AirSyncBase_Data, unread_source(99));
	for (int i = 0; i < 40; i++)
		wbxml_begin(w, AirSync_Add);
	wbxml_stream(w, AirSyncBase_Data, unread_source(99));
	for (int i = 0; i < 40 + 1 + depth; i++)
		wbxml_end(w);
	for (int i = 0; i < depth; i++)
		wbxml_begin(w, Tasks_Body);
	wbxml_empty(w, Notes_Subject);
}

static void encode_rolls_back(void **state)
{
	(void)state;
	for (int depth = 0; depth < 3; depth++) {
		for (int point = 0; point < 3; point++) {
			struct body body;
			struct wbxml_out w;
			start(&w, &body);
			wbxml_begin(&w, AirSync_Sync);
			wbxml_begin(&w, AirSync_Collections);
			if (point == 1)
				wbxml_empty(&w, Email_Flag);
			if (point == 2)
				wbxml_stream(&w, AirSync_ServerId, source_bytes("5", 1));
			closed = 0;
			struct wbxml_mark mark = wbxml_mark(&w);
			write_something(&w, depth);
			assert_true(body.mem.failed);
			wbxml_rollback(&w, mark);
			assert_int_equal(closed, 2);
			written(&w, point == 0	 ? "03016a00 45 1c 01"
				    : point == 1 ? "03016a00 45 5c 0002 3a 01 01"
						 : "03016a00 45 5c 4d033500 01 01 01");
		}
	}
}

static void encode_goes_on_after_a_rollback(void **state)
{
	(void)state;
	struct body body;
	struct wbxml_out w;
	start(&w, &body);
	wbxml_begin(&w, AirSync_Sync);
	wbxml_cstr(&w, Email_Subject, "a");
	struct wbxml_mark mark = wbxml_mark(&w);
	wbxml_cstr(&w, AirSync_ServerId, "b");
	wbxml_rollback(&w, mark);
	wbxml_cstr(&w, Email_Subject, "c");
	written(&w, "03016a00 45 0002 54036100 01 54036300 01 01");
}

static void encode_fails_for_good(void **state)
{
	(void)state;
	struct body body = {.mem.limit = 20};
	struct wbxml_out w;
	wbxml_start(&w, &body);
	wbxml_begin(&w, AirSync_Sync);
	struct wbxml_mark mark = wbxml_mark(&w);
	wbxml_cstr(&w, AirSync_ServerId, "more than twenty bytes of text");
	struct wbxml_mark too_late = wbxml_mark(&w);
	wbxml_rollback(&w, too_late);
	assert_true(body.mem.failed);
	wbxml_rollback(&w, mark);
	wbxml_cstr(&w, AirSync_ServerId, "fits");
	assert_true(wbxml_finish(&w));
	body_free(&body);

	wbxml_start(&w, &body);
	wbxml_cstr(&w, AirSync_ServerId, "more than twenty bytes of text");
	assert_false(wbxml_finish(&w));
	body_free(&body);
}

static void encode_limits_depth(void **state)
{
	(void)state;
	for (int depth = 31; depth < 40; depth++) {
		struct body body;
		struct wbxml_out w;
		start(&w, &body);
		for (int i = 0; i < depth; i++)
			wbxml_begin(&w, AirSync_Sync);
		assert_int_equal(wbxml_finish(&w), depth <= WBXML_DEPTH);
		body_free(&body);
	}
	struct body body;
	struct wbxml_out w;
	start(&w, &body);
	wbxml_end(&w);
	assert_false(wbxml_finish(&w));
	body_free(&body);
}

/* ---- Reading along ---- */

static void dump_masks_secrets(void **state)
{
	(void)state;
	struct body body;
	struct wbxml_out w;
	start(&w, &body);
	wbxml_begin(&w, Settings_Settings);
	wbxml_cstr(&w, Settings_Password, "1234");
	wbxml_cstr(&w, AirSyncBase_Data, "Dear Anna");
	wbxml_opaque(&w, ComposeMail_Mime, STR("\0\1\2"));
	wbxml_cstr(&w, Email_Subject, "shown");
	wbxml_cstr(&w, Gal_DisplayName, "shown");
	wbxml_cstr(&w, 254 << 8 | 5, "unknown");
	assert_true(wbxml_finish(&w));
	same(dumped(decode(buf_get(&body.mem)), WBXML_DUMP_MASKED),
	     STR("<Settings xmlns=\"Settings\" xmlns:email=\"Email\" xmlns:gal=\"GAL\""
		 " xmlns:airsyncbase=\"AirSyncBase\" xmlns:composemail=\"ComposeMail\""
		 " xmlns:page-254=\"page-254\">\n"
		 "  <Password>*** (4 bytes)</Password>\n"
		 "  <airsyncbase:Data>*** (9 bytes)</airsyncbase:Data>\n"
		 "  <composemail:Mime>*** (3 bytes)</composemail:Mime>\n"
		 "  <email:Subject>shown</email:Subject>\n"
		 "  <gal:DisplayName>shown</gal:DisplayName>\n"
		 "  <page-254:tag-05>*** (7 bytes)</page-254:tag-05>\n"
		 "</Settings>\n"));
	body_free(&body);
}

/* ---- The documents of the reference folder ---- */

/* Builds a tree from XML, to be compared with what the decoder gives. */
struct xml_reader {
	struct wbxml_node *open[WBXML_DEPTH + 1], *last[WBXML_DEPTH + 1];
	unsigned depth;
	struct buf text;
};

static unsigned tag_named(struct str page_name, struct str name)
{
	for (unsigned page = 0; wbxml_page_name(page); page++) {
		if (!str_eq_nocase(page_name, str_of(wbxml_page_name(page))))
			continue;
		for (unsigned token = 0; token < 0x40; token++)
			if (str_eq(name, str_of(wbxml_tag_name(page << 8 | token))))
				return page << 8 | token;
	}
	fail_msg("no tag %.*s:%.*s", STR_ARG(page_name), STR_ARG(name));
	return 0;
}

static void XMLCALL xml_start(void *ctx, const char *full, const char **attributes)
{
	(void)attributes;
	struct xml_reader *r = ctx;
	struct str name = str_of(full), page;
	assert_true(str_next(&name, '|', &page) && r->depth < WBXML_DEPTH);
	struct wbxml_node *node = arena_alloc(arena, sizeof *node);
	*node = (struct wbxml_node){.tag = tag_named(page, name), .text = STR("")};
	struct wbxml_node *parent = r->open[r->depth], *before = r->last[r->depth];
	parent->content = WBXML_ELEMENTS;
	*(before ? &before->next : &parent->first) = node;
	r->last[r->depth++] = node;
	r->open[r->depth] = node;
	r->last[r->depth] = NULL;
	buf_cut(&r->text, 0);
}

static void XMLCALL xml_text(void *ctx, const char *p, int n)
{
	struct xml_reader *r = ctx;
	buf_put(&r->text, p, (size_t)n);
}

static void XMLCALL xml_end(void *ctx, const char *name)
{
	(void)name;
	struct xml_reader *r = ctx;
	struct wbxml_node *node = r->open[r->depth--];
	if (node->content == WBXML_EMPTY && r->text.n) {
		node->content = WBXML_TEXT;
		node->text = (struct str){str_dup(arena, buf_get(&r->text)), r->text.n};
	}
	buf_cut(&r->text, 0);
}

static const struct wbxml_node *from_xml(struct str xml)
{
	struct wbxml_node document = {.tag = 0};
	struct xml_reader r = {.open = {&document}};
	XML_Parser parser = XML_ParserCreateNS("UTF-8", '|');
	XML_SetUserData(parser, &r);
	XML_SetElementHandler(parser, xml_start, xml_end);
	XML_SetCharacterDataHandler(parser, xml_text);
	if (XML_Parse(parser, xml.p, (int)xml.n, 1) != XML_STATUS_OK)
		fail_msg("line %lu: %s", XML_GetCurrentLineNumber(parser),
			 XML_ErrorString(XML_GetErrorCode(parser)));
	XML_ParserFree(parser);
	buf_free(&r.text);
	return document.first;
}

/* Line ends as XML reads them. */
static struct str without_cr(struct str s)
{
	char *out = arena_alloc(arena, s.n + 1);
	struct str r = {out, 0};
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\r' || i + 1 == s.n || s.p[i + 1] != '\n')
			out[r.n++] = s.p[i];
	return r;
}

static bool same_text(const struct wbxml_node *got, const struct wbxml_node *want)
{
	if (str_eq(str_trim(without_cr(got->text)), str_trim(without_cr(want->text))))
		return true;
	if (got->content != WBXML_OPAQUE)
		return false;
	/* Base64; one of the documents writes "[opaque 16] " in front of it. */
	struct str xml = str_trim(want->text);
	ptrdiff_t label = str_find(xml, STR("] "));
	return str_eq(text_base64_encode(arena, got->text),
		      str_sub(xml, label < 0 ? 0 : (size_t)label + 2, xml.n));
}

static void same_tree(const char *file, const struct wbxml_node *got, const struct wbxml_node *want)
{
	if (got->tag != want->tag || !same_text(got, want))
		fail_msg("%s: got %s %.*s, want %s %.*s", file, wbxml_tag_name(got->tag),
			 STR_ARG(got->text), wbxml_tag_name(want->tag), STR_ARG(want->text));
	const struct wbxml_node *x = got->first, *y = want->first;
	for (; x && y; x = x->next, y = y->next)
		same_tree(file, x, y);
	if (x || y)
		fail_msg("%s: %s has not the same children", file, wbxml_tag_name(got->tag));
}

/* The content of folder/name, or a run with p == NULL. */
static struct str contents(const char *folder, const char *name)
{
	struct buf b = {0};
	FILE *f = fopen(arena_printf(arena, "%s/%s", folder, name), "rb");
	if (!f)
		return (struct str){NULL, 0};
	char piece[4096];
	for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0;)
		buf_put(&b, piece, n);
	fclose(f);
	struct str s = {arena_dup(arena, b.p, b.n), b.n};
	buf_free(&b);
	return s;
}

/* The first part of a multipart answer (MS-ASCMD 2.2.1.10.1): count, then offset and length. */
static struct str first_part(struct str bytes)
{
	uint32_t head[3];
	assert_true(bytes.n > sizeof head);
	memcpy(head, bytes.p, sizeof head);
	return str_sub(bytes, head[1], head[2]);
}

/* Encoding gives the same bytes, but for what the encoder never writes. */
static void same_bytes(const char *file, struct str bytes, const struct wbxml_node *root)
{
	struct body body = {.mem = {0}};
	struct wbxml_out w;
	wbxml_start(&w, &body);
	tree_encode(&w, root);
	assert_true(wbxml_finish(&w));
	if (!str_eq(buf_get(&body.mem), bytes))
		fail_msg("%s: written as %.*s", file,
			 STR_ARG(text_hex_encode(arena, buf_get(&body.mem))));
	body_free(&body);
}

static void check_sample(const char *folder, const char *file)
{
	struct str name = str_of(file);
	char *stem = str_dup(arena, str_sub(name, 0, name.n - strlen(".hex")));
	struct str bytes = unhex(contents(folder, file));
	struct str xml = contents(folder, arena_printf(arena, "%s.xml", stem));
	if (!xml.p) {
		bytes = first_part(bytes);
		xml = contents(folder, arena_printf(arena, "%s.part0.xml", stem));
	}
	const struct wbxml_node *root = decode(bytes);
	if (xml.p)
		same_tree(file, root, from_xml(xml));
	struct str dump = dumped(root, WBXML_DUMP_ALL);
	same_tree(file, root, from_xml(dump));
	same_bytes(file, bytes, root);
	for (size_t n = 0; n < bytes.n; n++)
		assert_int_equal(refusal(arena, str_sub(bytes, 0, n), &wbxml_default_limits),
				 ERR_MALFORMED);
}

/* The number of documents checked in the folder. */
static unsigned check_folder(const char *folder)
{
	unsigned n = 0;
	DIR *d = opendir(folder);
	if (!d)
		return 0;
	for (struct dirent *entry; (entry = readdir(d));) {
		if (!str_ends_nocase(str_of(entry->d_name), STR(".hex")))
			continue;
		struct arena_mark mark = arena_mark(arena);
		check_sample(folder, entry->d_name);
		arena_release(arena, mark);
		n++;
	}
	closedir(d);
	return n;
}

static void reference_documents_are_understood(void **state)
{
	(void)state;
	const char *reference = getenv("EASEL_REFERENCE");
	if (!reference)
		reference = "../shared/reference";
	if (check_folder(arena_printf(arena, "%s/samples", reference)) == 0)
		skip();
	check_folder(arena_printf(arena, "%s/samples/captured", reference));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_know_names_and_versions),
		cmocka_unit_test(decode_understands),
		cmocka_unit_test(decode_refuses),
		cmocka_unit_test(decode_ends_text_in_nul),
		cmocka_unit_test(tree_is_easy_to_read),
		cmocka_unit_test(decode_limits_depth),
		cmocka_unit_test(decode_limits_elements),
		cmocka_unit_test(decode_limits_memory),
		cmocka_unit_test(encode_writes_elements),
		cmocka_unit_test(encode_switches_pages_only_when_needed),
		cmocka_unit_test(encode_repairs_text),
		cmocka_unit_test(encode_streams),
		cmocka_unit_test(encode_writes_lengths),
		cmocka_unit_test(encode_rolls_back),
		cmocka_unit_test(encode_goes_on_after_a_rollback),
		cmocka_unit_test(encode_fails_for_good),
		cmocka_unit_test(encode_limits_depth),
		cmocka_unit_test(dump_masks_secrets),
		cmocka_unit_test(reference_documents_are_understood),
	};
	return cmocka_run_group_tests_name("wbxml", tests, set_up, tear_down);
}
