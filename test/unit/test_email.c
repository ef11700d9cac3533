/* email, mail_body: what a device gets of a message, and what it may change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <gmime/gmime.h>
#include <libxml/xmlschemas.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/html_text.h"
#include "core/base/text.h"
#include "core/email.h"
#include "core/mail_body.h"
#include "store/mime.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(256u << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

static void assert_str(struct str got, const char *want)
{
	if (!str_eq(got, str_of(want)))
		fail_msg("got \"%.*s\", want \"%s\"", STR_ARG(got), want);
}

static struct message *scan(struct str raw)
{
	struct message *m = arena_alloc(arena, sizeof *m);
	struct err e = {ERR_NONE, ""};
	assert_true(message_scan(arena, raw, m, &e));
	return m;
}

/* ---- What a device asks for ---- */

/* Options from a line such as "type=2 size=100 all=1 preview=50 ; mime=2 cut=8". */
static const struct wbxml_node *options_of(const char *text)
{
	static const struct {
		const char *key;
		unsigned tag;
	} keys[] = {{"type", AirSyncBase_Type},		  {"part", AirSyncBase_Type},
		    {"size", AirSyncBase_TruncationSize}, {"all", AirSyncBase_AllOrNone},
		    {"preview", AirSyncBase_Preview},	  {"mime", AirSync_MIMESupport},
		    {"cut", AirSync_MIMETruncation},	  {"text", AirSync_Truncation},
		    {"other", AirSync_FilterType}};
	struct wbxml_node *options = arena_alloc(arena, sizeof *options), *pref = NULL;
	struct wbxml_node **next = &options->first, **inner = NULL;
	struct str rest = str_of(text), word;
	while (str_next(&rest, ' ', &word)) {
		ptrdiff_t equal = str_find_byte(word, '=');
		if (equal < 0) {
			pref = NULL;
			continue;
		}
		struct wbxml_node *node = arena_alloc(arena, sizeof *node);
		for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
			if (str_eq(str_sub(word, 0, (size_t)equal), str_of(keys[i].key)))
				node->tag = keys[i].tag;
		node->content = WBXML_TEXT;
		node->text = str_of(str_dup(arena, str_sub(word, (size_t)equal + 1, word.n)));
		if (node->tag >> 8 == AirSyncBase_Type >> 8) {
			if (!pref) {
				pref = arena_alloc(arena, sizeof *pref);
				pref->tag = str_starts(word, STR("part"))
						    ? AirSyncBase_BodyPartPreference
						    : AirSyncBase_BodyPreference;
				pref->content = WBXML_ELEMENTS;
				*next = pref;
				next = &pref->next;
				inner = &pref->first;
			}
			*inner = node;
			inner = &node->next;
		} else {
			*next = node;
			next = &node->next;
		}
	}
	return options;
}

static struct body_prefs prefs_of(const char *text, unsigned version)
{
	struct body_prefs prefs;
	struct err e = {ERR_NONE, ""};
	if (!body_prefs_decode(options_of(text), version, &prefs, &e))
		fail_msg("%s: %s", text, e.text);
	return prefs;
}

static void test_prefs(void **state)
{
	(void)state;
	static const struct {
		const char *options, *json;
		unsigned version;
	} rows[] = {
		{"", "{}", 161},
		{"other=3", "{}", 161},
		{"type=2 size=32768 all=1 preview=100", NULL, 161},
		{"type=1 size=500 ; type=2",
		 "{\"bodies\":[{\"type\":1,\"size\":500},{\"type\":2}]}", 140},
		{"type=1 preview=100", "{\"bodies\":[{\"type\":1}]}", 121},
		{"type=4 size=4294967295 ; mime=1 cut=8",
		 "{\"bodies\":[{\"type\":4,\"size\":4294967295}],\"mime\":1,\"mime_size\":8}", 161},
		{"type=3 ; type=1 ; type=4 ; type=2 ; mime=0", NULL, 161},
		{"text=4 cut=1 mime=0",
		 "{\"bodies\":[{\"type\":1,\"size\":5120}],\"mime\":0,\"mime_size\":1}", 25},
		{"text=0", "{\"bodies\":[{\"type\":1,\"size\":0}]}", 25},
		{"text=9", "{\"bodies\":[{\"type\":1}]}", 25},
		{"type=2", "{}", 25},
		{"text=4", "{}", 120},
		{"type=1 ; part=2 size=100 preview=9",
		 "{\"bodies\":[{\"type\":1}],\"part\":{\"type\":2,\"size\":100,\"preview\":9}}",
		 141},
		{"part=2", "{}", 140},
	};
	struct err e = {ERR_NONE, ""};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct body_prefs prefs = prefs_of(rows[i].options, rows[i].version), again;
		json_t *json = body_prefs_to_json(&prefs);
		char *text = json_dumps(json, JSON_COMPACT);
		if (rows[i].json)
			assert_string_equal(text, rows[i].json);
		assert_true(body_prefs_from_json(json, &again, &e));
		json_t *once_more = body_prefs_to_json(&again);
		assert_true(json_equal(json, once_more));
		free(text);
		json_decref(once_more);
		json_decref(json);
	}
	static const char *const bad[] = {
		"size=5",
		"type=0",
		"type=5",
		"type=x",
		"type=2 type=2",
		"type=2 ; type=2",
		"size=5 type=2",
		"type=2 all=2",
		"type=2 all=1 all=1",
		"type=2 size=-1",
		"type=2 size=4294967296",
		"type=2 preview=256",
		"mime=3",
		"cut=9",
		"mime=",
		"type=2 preview=1 all=1",
	};
	struct body_prefs prefs;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (body_prefs_decode(options_of(bad[i]), 161, &prefs, &e))
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(e.kind, ERR_INVALID);
	}
	assert_false(body_prefs_decode(options_of("text=10"), 25, &prefs, &e));
	assert_false(body_prefs_decode(options_of("part=1"), 141, &prefs, &e));
	assert_int_equal(e.kind, ERR_UNSUPPORTED);
	assert_true(body_prefs_decode(NULL, 161, &prefs, &e));
	assert_memory_equal(&prefs, &body_prefs_standard, sizeof prefs);
	json_t *unknown = json_pack("{s:[{s:i}]}", "bodies", "type", 9);
	assert_false(body_prefs_from_json(unknown, &prefs, &e));
	json_decref(unknown);
}

/* ---- What it gets ---- */

#define H "From: \"A\" <a@example.test>\r\nMIME-Version: 1.0\r\n"
#define BOTH                                                                                       \
	H "Content-Type: multipart/alternative; boundary=b\r\n\r\n"                                \
	  "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nplain caf\xc3\xa9\r\n"            \
	  "--b\r\nContent-Type: text/html; charset=iso-8859-1\r\n"                                 \
	  "Content-Transfer-Encoding: quoted-printable\r\n\r\n<p>rich caf=E9</p>\r\n--b--\r\n"
#define PLAIN H "\r\nplain <text>\r\n"
#define ONLY_HTML H "Content-Type: text/html\r\n\r\n<p>one</p><p>two three</p>"
#define SIGNED                                                                                     \
	H "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; "             \
	  "boundary=b\r\n"                                                                         \
	  "\r\n--b\r\n\r\nsigned\r\n--b\r\nContent-Type: "                                         \
	  "application/pkcs7-signature\r\n\r\nx\r\n--b--"

static struct body_text body_of(struct str raw, const char *options, unsigned version,
				struct body_plan *plan)
{
	struct message *m = scan(raw);
	struct body_prefs prefs = prefs_of(options, version);
	struct body_text out;
	struct err e = {ERR_NONE, ""};
	body_plan(m, &prefs, version, plan);
	assert_true(plan->offset >= 0 && plan->length >= 0 &&
		    plan->offset + plan->length <= m->size);
	struct str bytes = str_sub(raw, (size_t)plan->offset, (size_t)plan->length);
	assert_true(body_make(arena, m, plan, bytes, &out, &e));
	assert_true(text_is_xml(out.data) && text_is_xml(out.preview));
	assert_true(plan->limit < 0 || (int64_t)out.data.n <= plan->limit);
	assert_true(out.truncated
			    ? out.size > (int64_t)out.data.n
			    : out.size == (int64_t)out.data.n || plan->source == BODY_STREAMED);
	return out;
}

static void test_body(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *options;
		int type;
		const char *data;
		bool truncated;
		const char *preview;
	} rows[] = {
		/* the stored form wins, whatever the order */
		{BOTH, "", 2, "<p>rich caf\xc3\xa9</p>", false, ""},
		{BOTH, "type=1 ; type=2", 2, "<p>rich caf\xc3\xa9</p>", false, ""},
		{BOTH, "type=1", 1, "plain caf\xc3\xa9", false, ""},
		{PLAIN, "type=1 ; type=2", 1, "plain <text>\r\n", false, ""},
		/* RTF is never given */
		{BOTH, "type=3 ; type=1", 1, "plain caf\xc3\xa9", false, ""},
		{BOTH, "type=3", 2, "<p>rich caf\xc3\xa9</p>", false, ""},
		/* converted */
		{ONLY_HTML, "type=1", 1, "one\r\n\r\ntwo three", false, ""},
		{ONLY_HTML, "type=1 size=5", 1, "one\r\n", true, ""},
		{PLAIN, "type=2", 2,
		 "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; "
		 "charset=utf-8\">"
		 "</head><body>plain &lt;text&gt;<br>\r\n</body></html>",
		 false, ""},
		{PLAIN, "type=2 size=9", 2, "plain ", true, ""},
		{PLAIN, "type=2 size=12", 2, "plain &lt;te", true, ""},
		/* no character is cut, nor a tag */
		{BOTH, "type=1 size=10", 1, "plain caf", true, ""},
		{BOTH, "type=1 size=11", 1, "plain caf\xc3\xa9", false, ""},
		{BOTH, "type=2 size=13", 2, "<p>rich caf\xc3\xa9", true, ""},
		{BOTH, "type=2 size=16", 2, "<p>rich caf\xc3\xa9", true, ""},
		{BOTH, "type=2 size=17", 2, "<p>rich caf\xc3\xa9</p>", false, ""},
		{BOTH, "type=2 size=0", 2, "", true, ""},
		/* AllOrNone: the example of MS-ASAIRS 2.2.2.3.2 and its neighbours */
		{ONLY_HTML, "type=2 size=20 all=1 ; type=1 size=5", 1, "one\r\n", true, ""},
		{ONLY_HTML, "type=2 size=20 all=1", 2, "", true, ""},
		{ONLY_HTML, "type=2 size=200 all=1 ; type=1 size=5", 2,
		 "<p>one</p><p>two three</p>", false, ""},
		{ONLY_HTML, "type=2 all=1", 2, "<p>one</p><p>two three</p>", false, ""},
		/* Preview: only where no plain text comes */
		{BOTH, "type=2 preview=8", 2, "<p>rich caf\xc3\xa9</p>", false, "plain ca"},
		{BOTH, "type=1 preview=8", 1, "plain caf\xc3\xa9", false, ""},
		{BOTH, "type=1 size=2 all=1 preview=255", 1, "", true, "plain caf\xc3\xa9"},
		/* MIME as MIMESupport says */
		{PLAIN, "type=1 ; type=4 ; mime=2", 4, PLAIN, false, ""},
		{PLAIN, "type=1 ; type=4 ; mime=1", 1, "plain <text>\r\n", false, ""},
		{PLAIN, "type=1 ; type=4", 1, "plain <text>\r\n", false, ""},
		{PLAIN, "type=4", 4, PLAIN, false, ""},
		{PLAIN, "type=4 ; mime=0", 1, "plain <text>\r\n", false, ""},
		{PLAIN, "type=1 ; mime=2", 1, "plain <text>\r\n", false, ""},
		{PLAIN, "type=4 size=4 ; mime=2", 4, "From", true, ""},
		{PLAIN, "type=4 ; mime=2 cut=0", 4, "", true, ""},
		{PLAIN, "type=4 size=4 ; mime=2 cut=1", 4, "From", true, ""},
		{PLAIN, "type=4 size=4 all=1 ; type=1 ; mime=2", 1, "plain <text>\r\n", false, ""},
		/* S/MIME is never cut */
		{SIGNED, "type=1 ; type=4 size=4 ; mime=1 cut=0", 4, SIGNED, false, ""},
		{SIGNED, "type=1 ; type=4 ; mime=0", 1, "signed", false, ""},
		/* nothing to read */
		{H "Content-Type: application/pdf\r\n\r\nx", "type=2 preview=9", 2, "", false, ""},
		{H "\r\n", "type=2 size=10", 2, "", false, ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct body_plan plan;
		struct body_text got = body_of(str_of(rows[i].raw), rows[i].options, 161, &plan);
		if (plan.type != (enum body_type)rows[i].type ||
		    got.truncated != rows[i].truncated || !str_eq(got.data, str_of(rows[i].data)) ||
		    !str_eq(got.preview, str_of(rows[i].preview)))
			fail_msg("row %zu, %s: type %d, truncated %d, \"%.*s\", preview \"%.*s\"",
				 i, rows[i].options, (int)plan.type, got.truncated,
				 STR_ARG(got.data), STR_ARG(got.preview));
	}
}

/* Text, however it is stored, unless MIMESupport asks for the message. */
static void test_body_of_25(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *options;
		int type;
		const char *data;
		bool truncated;
	} rows[] = {
		{BOTH, "", 1, "plain caf\xc3\xa9", false},
		{BOTH, "text=9", 1, "plain caf\xc3\xa9", false},
		{BOTH, "text=0", 1, "", true},
		{ONLY_HTML, "", 1, "one\r\n\r\ntwo three", false},
		{PLAIN, "mime=2", 4, PLAIN, false},
		{PLAIN, "text=0 mime=2 cut=0", 4, "", true},
		{PLAIN, "mime=1", 1, "plain <text>\r\n", false},
		{SIGNED, "text=0 mime=1 cut=0", 4, SIGNED, false},
		{SIGNED, "mime=0", 1, "signed", false},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct body_plan plan;
		struct body_text got = body_of(str_of(rows[i].raw), rows[i].options, 25, &plan);
		assert_int_equal(plan.type, rows[i].type);
		assert_int_equal(got.truncated, rows[i].truncated);
		assert_str(got.data, rows[i].data);
	}
}

/* A slice is no longer than it has to be, and long enough whatever the encoding. */
static void test_slices(void **state)
{
	(void)state;
	static const char *const encodings[] = {"7bit", "quoted-printable", "base64"};
	for (int i = 0; i < 3; i++) {
		char *raw = arena_alloc(arena, 1 << 20), *p = raw;
		p += sprintf(p,
			     H "Content-Type: text/plain; charset=utf-8\r\n"
			       "Content-Transfer-Encoding: %s\r\n\r\n",
			     encodings[i]);
		for (int line = 0; line < 4000; line++)
			p += sprintf(
				p, "%s\r\n",
				i == 0	 ? "0123456789012345678901234567890123456789"
				: i == 1 ? "=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9=C3=A9="
					 : "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4");
		struct body_plan plan;
		struct body_text got = body_of((struct str){raw, (size_t)(p - raw)},
					       "type=1 size=1000", 161, &plan);
		assert_true(got.truncated && got.data.n == 1000);
		assert_true(plan.length < 3 * 1000 + 600);
		assert_true(got.size > 30000);
		got = body_of((struct str){raw, (size_t)(p - raw)}, "type=2 size=1000", 161, &plan);
		assert_true(got.truncated && got.data.n > 950 && got.data.n <= 1000);
	}
}

static void test_declared_charset(void **state)
{
	(void)state;
	static const struct {
		const char *html, *want;
	} rows[] = {
		{"<meta charset=\"iso-8859-1\">\xe9", "<meta charset=\"utf-8\">\xc3\xa9"},
		{"<META content='text/html; CharSet=windows-1252'>\xe9",
		 "<META content='text/html; CharSet=utf-8'>\xc3\xa9"},
		{"<p>charset=x y</p>\xe9", "<p>charset=x y</p>\xc3\xa9"},
		{"<meta charset=", "<meta charset="},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct body_plan plan;
		const char *raw = arena_printf(
			arena, H "Content-Type: text/html; charset=iso-8859-1\r\n\r\n%s",
			rows[i].html);
		assert_str(body_of(str_of(raw), "type=2", 161, &plan).data, rows[i].want);
	}
}

/* A message that XML can't carry as it is. */
static void test_clean_mime(void **state)
{
	(void)state;
	struct str raw =
		STR("From: a@example.test\nSubject: caf\xe9\nContent-Type: text/plain; "
		    "charset=iso-8859-1\nContent-Transfer-Encoding: 8bit\n\ncaf\xe9\x01\n");
	struct body_plan plan;
	struct str mime = body_of(raw, "type=4", 161, &plan).data;
	struct message *m = scan(mime);
	assert_true(m->xml_clean);
	assert_str(m->subject, "caf\xc3\xa9");
	assert_int_equal(m->parts[0].encoding, ENC_QP);
	assert_str(str_trim(body_of(mime, "type=1", 161, &plan).data), "caf\xc3\xa9");
	/* Only line ends: nothing else changes. */
	assert_str(body_of(STR("Subject: x\n\na\r\nb\n"), "type=4", 161, &plan).data,
		   "Subject: x\r\n\r\na\r\nb\r\n");
	/* What is signed keeps its bytes, as far as they can be sent. */
	raw = STR(H "Content-Type: multipart/signed; protocol=\"application/pkcs7-signature\"; "
		    "boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n"
		    "Content-Transfer-Encoding: 8bit\r\n\r\ncaf\xc3\xa9\x02\r\n--b--\r\n");
	struct str same = body_of(raw, "type=4", 161, &plan).data;
	assert_int_equal(same.n, raw.n - 1);
	assert_true(str_find(same, STR("caf\xc3\xa9\r\n")) > 0);
	assert_str(body_clean_mime(arena, STR("")), "");
	assert_true(text_is_xml(body_clean_mime(arena, STR("\xff\xfe\n\x00"))));
}

/* ---- The elements ---- */

struct fake_store {
	struct store store;
	struct str raw;
	enum found answer;
};

static enum found fake_open(struct store *s, int32_t account, int32_t folder, int64_t uid,
			    int64_t offset, int64_t length, struct source **out, struct err *e)
{
	struct fake_store *fake = (struct fake_store *)s;
	assert_int_equal(account, 7);
	assert_int_equal(folder, 5);
	assert_int_equal(uid, 12);
	if (fake->answer == FOUND_FAILED)
		err_set(e, ERR_UNAVAILABLE, "away");
	if (fake->answer == FOUND_ONE)
		*out = source_bytes(fake->raw.p + offset, (size_t)length);
	return fake->answer;
}

static const struct store_ops fake_ops = {.name = "fake", .open = fake_open};

static bool append(void *ctx, const char *p, size_t n)
{
	buf_put(ctx, p, n);
	return true;
}

/* A whole Sync answer with the item in it, as bytes. */
static struct str sync_answer(const struct email_context *ctx, const struct summary *s,
			      struct str raw, const char *options)
{
	struct body_prefs prefs = prefs_of(options, ctx->version);
	struct email_plan plan;
	struct slice slices[EMAIL_SLICES];
	email_plan(s->message, &prefs, ctx->version, &plan);
	size_t n = email_slices(&plan, s->uid, slices);
	for (size_t i = 0; i < n; i++)
		slices[i].bytes = str_sub(raw, (size_t)slices[i].offset, (size_t)slices[i].length);
	static const unsigned around[] = {AirSync_Sync,	      AirSync_Collections,
					  AirSync_Collection, AirSync_Commands,
					  AirSync_Add,	      AirSync_ApplicationData};
	struct body body = {0};
	struct wbxml_out w = {0};
	struct err e = {ERR_NONE, ""};
	wbxml_start(&w, &body);
	for (int i = 0; i < 3; i++)
		wbxml_begin(&w, around[i]);
	wbxml_cstr(&w, AirSync_SyncKey, "1.2");
	wbxml_cstr(&w, AirSync_CollectionId, "5");
	wbxml_cstr(&w, AirSync_Status, "1");
	wbxml_begin(&w, around[3]);
	wbxml_begin(&w, around[4]);
	wbxml_text(&w, AirSync_ServerId, ctx->server_id);
	wbxml_begin(&w, around[5]);
	if (!email_encode(&w, ctx, s, &plan, slices, &e))
		fail_msg("%s", e.text);
	for (int i = 0; i < 6; i++)
		wbxml_end(&w);
	assert_true(wbxml_finish(&w));
	struct buf out = {0};
	assert_true(body_send(&body, append, &out, &e));
	struct str result = {arena_dup(arena, out.p, out.n), out.n};
	buf_free(&out);
	body_free(&body);
	return result;
}

static struct fake_store fake = {.store = {&fake_ops}, .answer = FOUND_ONE};

static struct email_context context_of(unsigned version, struct str raw)
{
	fake.raw = raw;
	return (struct email_context){.version = version,
				      .arena = arena,
				      .server_id = STR("5:1:12"),
				      .store = &fake.store,
				      .account = 7,
				      .folder = 5};
}

static struct summary summary_of(struct str raw, unsigned flags, const char *marks)
{
	return (struct summary){.uid = 12,
				.found = true,
				.item = {.uid = 12,
					 .date = 1772618400000,
					 .flags = flags,
					 .marks = str_of(marks),
					 .size = (int64_t)raw.n},
				.message = scan(raw)};
}

/* The ApplicationData of the item in a Sync answer. */
static const struct wbxml_node *encode(struct str raw, const struct summary *s, const char *options,
				       const struct email_context *ctx)
{
	struct wbxml_node *root;
	struct err e = {ERR_NONE, ""};
	struct str answer = sync_answer(ctx, s, raw, options);
	if (!wbxml_decode(arena, answer, &wbxml_default_limits, &root, &e))
		fail_msg("%s", e.text);
	const struct wbxml_node *n = root;
	n = wbxml_child(wbxml_child(n, AirSync_Collections), AirSync_Collection);
	n = wbxml_child(wbxml_child(n, AirSync_Commands), AirSync_Add);
	n = wbxml_child(n, AirSync_ApplicationData);
	assert_non_null(n);
	return n;
}

/* "To Cc …": names of the children, as they come. */
static struct str names_of(const struct wbxml_node *node)
{
	char *s = arena_strdup(arena, "");
	for (const struct wbxml_node *n = node->first; n; n = n->next)
		s = arena_printf(arena, "%s%s%s", s, *s ? " " : "", wbxml_tag_name(n->tag));
	return str_of(s);
}

/* The body whole, and beside it what is new in it. */
static void test_body_part(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *options, *children, *data;
	} rows[] = {
		{H "Content-Type: text/html\r\n\r\n<p>new</p><blockquote>old</blockquote>",
		 "type=1 ; part=2", "Status Type EstimatedDataSize Data", "<p>new</p>"},
		{H "Content-Type: text/html\r\n\r\n<p>new</p><blockquote>old</blockquote>",
		 "type=1 ; part=2 size=6 preview=2",
		 "Status Type EstimatedDataSize Truncated Data Preview", "<p>new"},
		{H "\r\nnew\r\n\r\n> old\r\n", "type=1 ; part=2",
		 "Status Type EstimatedDataSize Data",
		 "<html><head><meta http-equiv=\"Content-Type\" content=\"text/html; "
		 "charset=utf-8\"></head><body>new<br>\r\n<br>\r\n</body></html>"},
		{H "\r\n", "type=1 ; part=2", "Status Type EstimatedDataSize", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str raw = str_of(rows[i].raw);
		struct email_context ctx = context_of(141, raw);
		struct summary s = summary_of(raw, 0, "");
		const struct wbxml_node *n = encode(raw, &s, rows[i].options, &ctx);
		const struct wbxml_node *part = wbxml_child(n, AirSyncBase_BodyPart);
		assert_non_null(wbxml_child(n, AirSyncBase_Body));
		assert_str(names_of(part), rows[i].children);
		assert_str(wbxml_child_text(part, AirSyncBase_Type), "2");
		struct str data = wbxml_child_text(part, AirSyncBase_Data);
		assert_str(data.p ? data : STR(""), rows[i].data);
	}
}

#define FULL                                                                                       \
	"From: \"A\" <a@example.test>\r\nSender: \"S\" <s@example.test>\r\n"                       \
	"To: \"B, \\\"b\\\"\" <b@example.test>, c@example.test\r\nCc: d@example.test\r\n"          \
	"Bcc: e@example.test\r\nReply-To: r@example.test, q@example.test\r\n"                      \
	"Subject: Re: Hello\r\nDate: Wed, 4 Mar 2026 10:00:00 +0000\r\nMessage-ID: <1@x>\r\n"      \
	"Importance: high\r\nMIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=b\r\n" \
	"\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<img src=cid:i@x>\r\n--b\r\n"    \
	"Content-Type: image/png; name=i.png\r\nContent-ID: <i@x>\r\n"                             \
	"Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b\r\n"                             \
	"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nx\r\n--b--\r\n"

static void test_elements(void **state)
{
	(void)state;
	struct str raw = STR(FULL);
	static const struct {
		unsigned version, flags;
		const char *names;
	} rows[] = {
		{121, 0,
		 "To Cc From Subject ReplyTo DateReceived DisplayTo ThreadTopic Importance Read "
		 "Attachments Body MessageClass InternetCPID Flag ContentClass NativeBodyType"},
		{140, ITEM_ANSWERED,
		 "To Cc From Subject ReplyTo DateReceived DisplayTo ThreadTopic Importance Read "
		 "Attachments Body MessageClass InternetCPID Flag ContentClass NativeBodyType "
		 "ConversationId ConversationIndex LastVerbExecuted Sender Categories"},
		{161, ITEM_DRAFT,
		 "To Cc From Subject ReplyTo DateReceived DisplayTo ThreadTopic Importance Read "
		 "Attachments Body MessageClass InternetCPID Flag ContentClass NativeBodyType "
		 "ConversationId ConversationIndex Sender Categories Bcc IsDraft"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct email_context ctx = context_of(rows[i].version, raw);
		struct summary s = summary_of(raw, rows[i].flags, "");
		assert_str(names_of(encode(raw, &s, "type=2", &ctx)), rows[i].names);
	}
	struct email_context ctx = context_of(25, raw);
	struct summary s = summary_of(raw, 0, "");
	assert_str(names_of(encode(raw, &s, "", &ctx)),
		   "To Cc From Subject ReplyTo DateReceived DisplayTo ThreadTopic Importance Read "
		   "BodySize BodyTruncated Attachments MessageClass InternetCPID");
	assert_str(names_of(wbxml_child(encode(raw, &s, "", &ctx), Email_Attachments)->first),
		   "AttMethod AttSize DisplayName AttName AttOid");
	assert_str(names_of(encode(raw, &s, "mime=2", &ctx)),
		   "To Cc From Subject ReplyTo DateReceived DisplayTo ThreadTopic Importance Read "
		   "MIMEData MIMESize MIMETruncated Attachments MessageClass InternetCPID");
}

static void test_values(void **state)
{
	(void)state;
	struct str raw = STR(FULL);
	struct email_context ctx = context_of(161, raw);
	struct summary s = summary_of(raw, ITEM_SEEN, "");
	const struct wbxml_node *n = encode(raw, &s, "type=2 preview=3", &ctx);
	static const struct {
		unsigned tag;
		const char *text;
	} rows[] = {
		{Email_To,
		 "\"B, \\\"b\\\"\" <b@example.test>, \"c@example.test\" <c@example.test>"},
		{Email_From, "\"A\" <a@example.test>"},
		{Email_ReplyTo,
		 "\"r@example.test\" <r@example.test>; \"q@example.test\" <q@example.test>"},
		{Email_DisplayTo, "B, \"b\"; c@example.test"},
		{Email_DateReceived, "2026-03-04T10:00:00.000Z"},
		{Email_ThreadTopic, "Hello"},
		{Email_Importance, "2"},
		{Email_Read, "1"},
		{Email_MessageClass, "IPM.Note"},
		{Email_InternetCPID, "65001"},
		{Email_ContentClass, "urn:content-classes:message"},
		{AirSyncBase_NativeBodyType, "2"},
		{Email2_Sender, "\"S\" <s@example.test>"},
		{Email2_ConversationIndex, "\xdc\xab\xbd\xa9\xc9"},
		{Email2_IsDraft, "0"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_str(wbxml_child_text(n, rows[i].tag), rows[i].text);
	assert_int_equal(wbxml_child_text(n, Email2_ConversationId).n, 16);
	assert_int_equal(wbxml_child(n, Email_Flag)->content, WBXML_EMPTY);
	const struct wbxml_node *body = wbxml_child(n, AirSyncBase_Body);
	assert_str(names_of(body), "Type EstimatedDataSize Data");
	assert_str(wbxml_child_text(body, AirSyncBase_Data), "<img src=cid:i@x>");
	const struct wbxml_node *a = wbxml_child(n, AirSyncBase_Attachments)->first;
	assert_str(names_of(a),
		   "DisplayName FileReference Method EstimatedDataSize ContentId IsInline");
	assert_str(wbxml_child_text(a, AirSyncBase_FileReference), "5:1:12:2");
	assert_str(wbxml_child_text(a, AirSyncBase_EstimatedDataSize), "5");
	assert_str(wbxml_child_text(a->next, AirSyncBase_DisplayName), "inner.eml");
	assert_str(wbxml_child_text(a->next, AirSyncBase_Method), "5");
}

static void test_scopes(void **state)
{
	(void)state;
	struct str raw = STR(FULL);
	struct summary s = summary_of(
		raw, ITEM_FORWARDED,
		"{\"LastVerbExecuted\":2,\"LastVerbExecutionTime\":\"2026-03-05T10:00:00.000Z\","
		"\"Categories\":[\"Red\",\"Blue\"]}");
	struct email_context ctx = context_of(161, raw);
	ctx.scope = EMAIL_MARKS;
	const struct wbxml_node *n = encode(raw, &s, "", &ctx);
	assert_str(names_of(n), "Read Flag LastVerbExecuted LastVerbExecutionTime Categories");
	assert_str(wbxml_child_text(n, Email2_LastVerbExecuted), "2");
	assert_int_equal(wbxml_count(wbxml_child(n, Email_Categories)), 2);
	ctx.scope = EMAIL_WHOLE;
	unsigned only[] = {Email_Subject, AirSyncBase_Body};
	ctx.only = only;
	ctx.nonly = 2;
	assert_str(names_of(encode(raw, &s, "", &ctx)), "Subject Body");
	ctx.nonly = 0;
	assert_str(names_of(encode(raw, &s, "", &ctx)), "");
}

/* Long lists are cut between addresses, as the schema's lengths want it. */
static void test_long_lists(void **state)
{
	(void)state;
	char *raw = arena_alloc(arena, 80000), *p = raw;
	p += sprintf(p, "To: x@example.test");
	for (int i = 0; i < 3000; i++)
		p += sprintf(p, ",\r\n n%d@example.test", i);
	p += sprintf(p, "\r\n\r\nx");
	struct email_context ctx = context_of(161, str_of(raw));
	struct summary s = summary_of(str_of(raw), 0, "");
	struct str to = wbxml_child_text(encode(str_of(raw), &s, "", &ctx), Email_To);
	assert_true(to.n <= 32768 && to.n > 32600 && str_ends_nocase(to, STR("@example.test>")));
}

/* A large clean message goes out by reference. */
static void test_stream(void **state)
{
	(void)state;
	char *raw = arena_alloc(arena, 100 * 1000);
	memset(raw, 'x', 99 * 1000);
	memcpy(raw, "Subject: s\r\n\r\n", 14);
	struct email_context ctx = context_of(161, str_of(raw));
	struct summary s = summary_of(str_of(raw), 0, "");
	const struct wbxml_node *n = encode(str_of(raw), &s, "type=4 ; mime=2", &ctx);
	const struct wbxml_node *body = wbxml_child(n, AirSyncBase_Body);
	assert_true(str_eq(wbxml_child_text(body, AirSyncBase_Data), str_of(raw)));
	assert_str(wbxml_child_text(body, AirSyncBase_EstimatedDataSize), "99000");
	struct body_prefs prefs = prefs_of("type=4", 161);
	struct email_plan plan;
	email_plan(s.message, &prefs, 161, &plan);
	assert_int_equal(plan.body.source, BODY_STREAMED);
	assert_int_equal(plan.body.length, 0);
	static const enum found bad[] = {FOUND_FAILED, FOUND_NONE};
	for (int i = 0; i < 2; i++) {
		struct body out = {0};
		struct wbxml_out w = {0};
		struct err e = {ERR_NONE, ""};
		wbxml_start(&w, &out);
		fake.answer = bad[i];
		assert_false(email_encode(&w, &ctx, &s, &plan, NULL, &e));
		assert_int_equal(e.kind, i == 0 ? ERR_UNAVAILABLE : ERR_NOT_FOUND);
		body_free(&out);
	}
	fake.answer = FOUND_ONE;
}

/* ---- Flags, both ways ---- */

/* "Status=2 FlagType=x": the Flag, or what else stands in ApplicationData, from a line. */
static struct wbxml_node *nodes_of(const char *text)
{
	static const struct {
		const char *name;
		unsigned tag;
	} tags[] = {
		{"Status", Email_Status},
		{"FlagType", Email_FlagType},
		{"CompleteTime", Email_CompleteTime},
		{"DateCompleted", Tasks_DateCompleted},
		{"StartDate", Tasks_StartDate},
		{"DueDate", Tasks_DueDate},
		{"UtcStartDate", Tasks_UtcStartDate},
		{"UtcDueDate", Tasks_UtcDueDate},
		{"ReminderSet", Tasks_ReminderSet},
		{"ReminderTime", Tasks_ReminderTime},
		{"Subject", Tasks_Subject},
		{"Read", Email_Read},
		{"Category", Email_Category},
		{"ConversationId", Email2_ConversationId},
		{"Sender", Email2_Sender},
		{"ReceivedAsBcc", Email2_ReceivedAsBcc},
		{"To", Email_To},
		{"Unknown", 0xff3f},
	};
	struct wbxml_node *first = NULL, **next = &first;
	struct str rest = str_of(text), word;
	while (*text && str_next(&rest, ' ', &word)) {
		size_t equal = (size_t)str_find_byte(word, '=');
		*next = arena_alloc(arena, sizeof **next);
		for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
			if (str_eq(str_sub(word, 0, equal), str_of(tags[i].name)))
				(*next)->tag = tags[i].tag;
		(*next)->content = WBXML_TEXT;
		(*next)->text = str_of(str_dup(arena, str_sub(word, equal + 1, word.n)));
		next = &(*next)->next;
	}
	return first;
}

static struct wbxml_node *parent_of(unsigned tag, const char *children)
{
	struct wbxml_node *n = arena_alloc(arena, sizeof *n);
	n->tag = tag;
	n->first = nodes_of(children);
	n->content = n->first ? WBXML_ELEMENTS : WBXML_EMPTY;
	return n;
}

#define DATES                                                                                      \
	"StartDate=2026-03-05T00:00:00.000Z UtcStartDate=2026-03-04T23:00:00.000Z "                \
	"DueDate=2026-03-06T00:00:00.000Z UtcDueDate=2026-03-05T23:00:00.000Z"
#define LATE                                                                                       \
	"StartDate=2026-03-07T00:00:00.000Z UtcStartDate=2026-03-04T23:00:00.000Z "                \
	"DueDate=2026-03-06T00:00:00.000Z UtcDueDate=2026-03-05T23:00:00.000Z"
#define DONE "CompleteTime=2026-03-05T01:02:03.000Z DateCompleted=20260305T010203Z"

static void test_flag_change(void **state)
{
	(void)state;
	const unsigned both = ITEM_FLAGGED | ITEM_COMPLETED;
	const struct {
		const char *flag;
		unsigned set, clear;
		const char *old, *marks;
	} rows[] = {
		/* iOS sends no more than this */
		{"Status=2 FlagType=Flag", ITEM_FLAGGED, ITEM_COMPLETED, "",
		 "{\"FlagType\":\"Flag\"}"},
		{"Status=2", ITEM_FLAGGED, ITEM_COMPLETED,
		 "{\"FlagType\":\"old\",\"LastVerbExecuted\":1}", "{\"LastVerbExecuted\":1}"},
		{"Status=0", 0, both, "{\"FlagType\":\"old\"}", ""},
		{"", 0, both, "{\"FlagType\":\"old\",\"Categories\":[\"a\"]}",
		 "{\"Categories\":[\"a\"]}"},
		{"Status=1 " DONE, ITEM_COMPLETED, ITEM_FLAGGED, "",
		 "{\"CompleteTime\":\"2026-03-05T01:02:03.000Z\","
		 "\"DateCompleted\":\"2026-03-05T01:02:03.000Z\"}"},
		{"Status=2 ReminderSet=1 ReminderTime=2026-03-05T01:02:03.000Z", ITEM_FLAGGED,
		 ITEM_COMPLETED, "not JSON",
		 "{\"ReminderSet\":true,\"ReminderTime\":\"2026-03-05T01:02:03.000Z\"}"},
		{"Status=2 " DATES, ITEM_FLAGGED, ITEM_COMPLETED, "",
		 "{\"DueDate\":\"2026-03-06T00:00:00.000Z\",\"StartDate\":\"2026-03-05T00:00:00."
		 "000Z\","
		 "\"UtcDueDate\":\"2026-03-05T23:00:00.000Z\","
		 "\"UtcStartDate\":\"2026-03-04T23:00:00.000Z\"}"},
		{"FlagType=x Unknown=y", ITEM_FLAGGED, ITEM_COMPLETED, "", "{\"FlagType\":\"x\"}"},
	};
	struct err e = {ERR_NONE, ""};
	struct email_change c;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct wbxml_node data = {.first = parent_of(Email_Flag, rows[i].flag)};
		if (!email_change_decode(arena, &data, 161, &c, &e))
			fail_msg("%s: %s", rows[i].flag, e.text);
		assert_int_equal(c.set, rows[i].set);
		assert_int_equal(c.clear, rows[i].clear);
		assert_true(email_change_has_marks(&c));
		assert_str(email_change_marks(arena, &c, str_of(rows[i].old)), rows[i].marks);
	}
	static const char *const bad[] = {
		"Status=3",
		"Status=",
		"Status=2 Status=2",
		"Status=2 StartDate=2026-03-05T00:00:00.000Z",
		"Status=2 StartDate=nonsense",
		"Status=2 ReminderSet=1",
		"Status=2 ReminderSet=2",
		"Status=1",
		"Status=1 CompleteTime=2026-03-05T01:02:03.000Z",
		"Status=1 DateCompleted=2026-03-05T01:02:03.000Z",
		"Status=2 FlagType=a FlagType=b",
		"Status=2 " LATE,
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct wbxml_node data = {.first = parent_of(Email_Flag, bad[i])};
		if (email_change_decode(arena, &data, 161, &c, &e))
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

static void test_change(void **state)
{
	(void)state;
	struct err e = {ERR_NONE, ""};
	struct email_change c;
	struct wbxml_node data = {.first = nodes_of("Read=1 To=x Unknown=y")};
	assert_true(email_change_decode(arena, &data, 161, &c, &e));
	assert_int_equal(c.set, ITEM_SEEN);
	assert_int_equal(c.clear, 0);
	assert_false(email_change_has_marks(&c));
	data.first = nodes_of("Read=0");
	assert_true(email_change_decode(arena, &data, 121, &c, &e));
	assert_int_equal(c.clear, ITEM_SEEN);
	static const char *const bad[] = {"Read=2",	      "Read=",	  "Read=true",
					  "ConversationId=x", "Sender=x", "ReceivedAsBcc=1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		data.first = nodes_of(bad[i]);
		assert_false(email_change_decode(arena, &data, 161, &c, &e));
		assert_int_equal(e.kind, ERR_INVALID);
	}
	data.first = parent_of(Email_Categories, "Category=Red Category= Category=Blue");
	assert_true(email_change_decode(arena, &data, 161, &c, &e));
	assert_str(
		email_change_marks(arena, &c, STR("{\"Categories\":[\"x\"],\"FlagType\":\"f\"}")),
		"{\"Categories\":[\"Red\",\"Blue\"],\"FlagType\":\"f\"}");
	data.first = parent_of(Email_Categories, "");
	assert_true(email_change_decode(arena, &data, 161, &c, &e));
	assert_str(email_change_marks(arena, &c, STR("{\"Categories\":[\"x\"]}")), "");
	/* Before 14.0 there are no categories. */
	data.first = parent_of(Email_Categories, "Category=Red");
	assert_true(email_change_decode(arena, &data, 121, &c, &e));
	assert_false(email_change_has_marks(&c));
	assert_true(email_change_decode(arena, NULL, 161, &c, &e));
	assert_str(
		email_marks_verb(arena, STR(""), 3, 1772618400000),
		"{\"LastVerbExecuted\":3,\"LastVerbExecutionTime\":\"2026-03-04T10:00:00.000Z\"}");
}

static void test_flag_encode(void **state)
{
	(void)state;
	struct str raw = STR(FULL);
	struct email_context ctx = context_of(161, raw);
	struct summary s = summary_of(raw, ITEM_FLAGGED, "");
	const struct wbxml_node *flag = wbxml_child(encode(raw, &s, "", &ctx), Email_Flag);
	assert_str(names_of(flag), "Subject Status FlagType");
	assert_str(wbxml_child_text(flag, Email_Status), "2");
	s.item.flags = ITEM_FLAGGED | ITEM_COMPLETED;
	s.item.marks =
		STR("{\"FlagType\":\"x\",\"Subject\":\"y\",\"CompleteTime\":\"20260305T010203Z\","
		    "\"ReminderSet\":true,\"StartDate\":\"nonsense\"}");
	flag = wbxml_child(encode(raw, &s, "", &ctx), Email_Flag);
	assert_str(names_of(flag), "Status Subject FlagType CompleteTime ReminderSet");
	assert_str(wbxml_child_text(flag, Email_Status), "1");
	assert_str(wbxml_child_text(flag, Email_CompleteTime), "2026-03-05T01:02:03.000Z");
	s.item.marks = STR("[broken");
	flag = wbxml_child(encode(raw, &s, "", &ctx), Email_Flag);
	assert_str(names_of(flag), "Subject Status FlagType");
}

/* ---- Other people's messages ---- */

static const char *folder_of(const char *variable, const char *usual, const char *below)
{
	const char *base = getenv(variable);
	return arena_printf(arena, "%s/%s", base ? base : usual, below);
}

static struct str read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	assert_non_null(f);
	char *p = arena_alloc(arena, 1 << 20);
	size_t n = fread(p, 1, 1 << 20, f);
	fclose(f);
	return (struct str){p, n};
}

/* The text as GMime finds and decodes it by itself; p == NULL when it finds none. */
static struct str text_by_gmime(struct str raw, bool *html)
{
	mime_init();
	GMimeStream *in = g_mime_stream_mem_new_with_buffer(raw.p, raw.n);
	GMimeParser *parser = g_mime_parser_new_with_stream(in);
	GMimeMessage *m = g_mime_parser_construct_message(parser, NULL);
	GMimeObject *body = m ? g_mime_message_get_body(m) : NULL;
	struct str out = {NULL, 0};
	if (body && GMIME_IS_TEXT_PART(body) && !g_mime_object_get_content_disposition(body)) {
		char *text = g_mime_text_part_get_text(GMIME_TEXT_PART(body));
		*html = g_mime_content_type_is_type(g_mime_object_get_content_type(body), "text",
						    "html");
		out = str_of(arena_strdup(arena, text));
		g_free(text);
	}
	if (m)
		g_object_unref(m);
	g_object_unref(parser);
	g_object_unref(in);
	return out;
}

/* Whether all words of `text` (runs of ASCII letters and digits) stand in `in`, in this order. */
static bool has_words(struct str in, struct str text)
{
	for (size_t i = 0; i < text.n;) {
		size_t n = i;
		while (n < text.n && (g_ascii_isalnum(text.p[n])))
			n++;
		if (n > i + 1) {
			ptrdiff_t at = str_find(in, str_sub(text, i, n - i));
			if (at < 0)
				return false;
			in = str_sub(in, (size_t)at + n - i, in.n);
		}
		i = n + 1;
	}
	return true;
}

static const struct {
	const char *options;
	int type;
} wishes[] = {{"type=1", BODY_PLAIN},
	      {"type=2", BODY_HTML},
	      {"type=4 ; mime=2", BODY_MIME},
	      {"type=1 size=100", 0},
	      {"type=2 size=100 preview=50", 0},
	      {"type=4 size=100 ; mime=2", 0}};

static void check_text(const char *name, struct str raw)
{
	bool html = false;
	struct str text = text_by_gmime(raw, &html);
	/* Of two Content-Type fields it takes the other one. */
	if (!text.n || str_find(text, STR("\nContent-Type:")) >= 0)
		return;
	struct body_plan plan;
	struct str got = body_of(raw, html ? "type=2" : "type=1", 161, &plan).data;
	if (!has_words(got, text))
		fail_msg("%s: text is lost: \"%.*s\" of \"%.*s\"", name, STR_ARG(got),
			 STR_ARG(text));
	/* In the form that it is not stored in, nothing is lost either. */
	struct str other = body_of(raw, html ? "type=1" : "type=2", 161, &plan).data;
	if (!html && plan.source == BODY_CONVERTED) {
		bool more;
		struct str back = html_to_text(arena, other, SIZE_MAX / 4, &more);
		if (!has_words(back, text))
			fail_msg("%s: text is lost on the way to HTML and back", name);
	}
}

static void check_mime(const char *name, struct str raw)
{
	struct body_plan plan;
	struct str mime = body_of(raw, "type=4 ; mime=2", 161, &plan).data;
	struct message *before = scan(raw), *after = scan(mime);
	if (plan.source == BODY_STREAMED)
		return;
	if (!after->xml_clean || after->nparts != before->nparts ||
	    !str_eq(before->subject, after->subject) || !str_eq(before->from, after->from) ||
	    !str_eq(before->preview, after->preview))
		fail_msg("%s: another message as MIME: \"%.*s\"", name, STR_ARG(mime));
}

static void for_corpus(void (*check)(const char *name, struct str raw))
{
	const char *folder = folder_of("EASEL_CORPUS", "../shared/corpus", "mail");
	DIR *dir = opendir(folder);
	if (!dir)
		skip();
	struct dirent *entry;
	while ((entry = readdir(dir)))
		if (str_ends_nocase(str_of(entry->d_name), STR(".eml"))) {
			struct arena_mark mark = arena_mark(arena);
			check(entry->d_name,
			      read_file(arena_printf(arena, "%s/%s", folder, entry->d_name)));
			arena_release(arena, mark);
		}
	closedir(dir);
}

static void check_versions(const char *name, struct str raw)
{
	static const unsigned versions[] = {120, 121, 140, 141, 160, 161};
	(void)name;
	for (size_t v = 0; v < sizeof versions / sizeof *versions; v++)
		for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
			struct email_context ctx = context_of(versions[v], raw);
			struct summary s = summary_of(raw, ITEM_FLAGGED, "");
			const struct wbxml_node *n = encode(raw, &s, wishes[i].options, &ctx);
			assert_non_null(wbxml_child(n, AirSyncBase_Body));
		}
}

static void test_corpus_text(void **state)
{
	(void)state;
	for_corpus(check_text);
}

static void test_corpus_mime(void **state)
{
	(void)state;
	for_corpus(check_mime);
}

static void test_corpus_versions(void **state)
{
	(void)state;
	for_corpus(check_versions);
}

/* ---- The schema ---- */

static xmlSchemaPtr schema;

static void check_schema(const char *name, struct str raw)
{
	static const unsigned versions[] = {121, 141, 161};
	for (size_t v = 0; v < 3; v++)
		for (size_t i = 0; i < 3; i++) {
			struct email_context ctx = context_of(versions[v], raw);
			struct summary s =
				summary_of(raw, ITEM_FLAGGED | ITEM_DRAFT | ITEM_ANSWERED, "");
			struct wbxml_node *root;
			struct err e = {ERR_NONE, ""};
			struct buf xml = {0};
			struct str answer = sync_answer(&ctx, &s, raw, wishes[i].options);
			assert_true(wbxml_decode(arena, answer, &wbxml_default_limits, &root, &e));
			wbxml_dump(&xml, root, WBXML_DUMP_ALL);
			xmlDocPtr doc = xmlReadMemory(xml.p, (int)xml.n, NULL, "UTF-8",
						      XML_PARSE_HUGE | XML_PARSE_NOWARNING);
			assert_non_null(doc);
			xmlSchemaValidCtxtPtr valid = xmlSchemaNewValidCtxt(schema);
			int result = xmlSchemaValidateDoc(valid, doc);
			xmlSchemaFreeValidCtxt(valid);
			xmlFreeDoc(doc);
			if (result)
				fail_msg("%s, version %u: the schema refuses %s", name, versions[v],
					 xml.p);
			buf_free(&xml);
		}
}

static void quiet(void *ctx, const char *format, ...)
{
	(void)ctx;
	(void)format;
}

static void test_corpus_schema(void **state)
{
	(void)state;
	const char *path = folder_of("EASEL_XSD", "../shared/reference/xsd", "linked/all.xsd");
	if (access(path, R_OK) != 0)
		skip();
	xmlSetGenericErrorFunc(NULL, quiet); /* it warns of namespaces that are no URI */
	xmlSchemaParserCtxtPtr parser = xmlSchemaNewParserCtxt(path);
	schema = xmlSchemaParse(parser);
	xmlSchemaFreeParserCtxt(parser);
	assert_non_null(schema);
	check_schema("all elements", STR(FULL));
	for_corpus(check_schema);
	xmlSchemaFree(schema);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_prefs),	  TEST(test_body),	  TEST(test_body_of_25),
		TEST(test_body_part),	  TEST(test_slices),	  TEST(test_declared_charset),
		TEST(test_clean_mime),	  TEST(test_elements),	  TEST(test_values),
		TEST(test_scopes),	  TEST(test_long_lists),  TEST(test_stream),
		TEST(test_flag_change),	  TEST(test_change),	  TEST(test_flag_encode),
		TEST(test_corpus_text),	  TEST(test_corpus_mime), TEST(test_corpus_versions),
		TEST(test_corpus_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
