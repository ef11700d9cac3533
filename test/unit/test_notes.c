/* content_lines, item_body, note: texts in lines, bodies, and the Notes class. */
#include "test/unit/item_lab.h"

#include "core/content_lines.h"
#include "core/item_body.h"
#include "core/rtf_text.h"

#define NOTE                                                                                       \
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-KEEP:1\r\nBEGIN:VJOURNAL\r\nUID:n1\r\n"               \
	"X-LONG:" A70 "\r\n " A70 "\r\nSUMMARY;LANGUAGE=de:Einkauf\\, heute\r\n"                   \
	"DESCRIPTION:Milch\\nBrot\r\nCATEGORIES:Haus\r\nCATEGORIES:Wichtig\\,sehr,Haus\r\n"        \
	"LAST-MODIFIED:20250102T030405Z\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n"
#define A70 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* ---- Lines ---- */

static void test_lines_are_kept(void **state)
{
	static const char *const texts[] = {
		NOTE,
		"BEGIN:VJOURNAL\nSUMMARY:x\n y\n\n;;;:\nno colon\nEND:VJOURNAL",
		("junk\r\nBEGIN: vjournal\r\nX;P=\"a:b;c\":v\r\nBEGIN:VALARM\r\nEND:VALARM\r\n"
		 "END:VJOURNAL\r\nrest"),
		"BEGIN:VJOURNAL\r\nnever ended:1",
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct content_lines l;
		struct err e;
		assert_true(content_lines_read(arena, str_of(texts[i]), STR("VJOURNAL"), &l, &e));
		assert_str(content_lines_text(&l), texts[i]);
	}
}

static void test_lines_are_read(void **state)
{
	static const struct {
		const char *line, *name, *value;
	} rows[] = {
		{"SUMMARY:a\\, b\\; c\\\\ d\\ne\\N", "SUMMARY", "a, b; c\\ d\ne\n"},
		{"item1.SUMMARY;X=\"a:b\":v:w", "SUMMARY", "v:w"},
		{"summary:C:\\path", "SUMMARY", "C:\\path"},
		{"SUMMARY;QUOTED-PRINTABLE:a=C3=A4=\r\n b=3D", "SUMMARY", "a\xc3\xa4 b="},
		{"SUMMARY;ENCODING=QUOTED-PRINTABLE;CHARSET=ISO-8859-1:=E4", "SUMMARY", "\xc3\xa4"},
		{"SUMMARY:\xe4", "SUMMARY", "\xc3\xa4"},
		{"SUMMARY:folded \r\n  twice\r\n\t!", "SUMMARY", "folded  twice!"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct content_lines l;
		struct err e;
		struct str text = str_of(arena_printf(
			arena, "BEGIN:VJOURNAL\r\n%s\r\nEND:VJOURNAL\r\n", rows[i].line));
		assert_true(content_lines_read(arena, text, STR("VJOURNAL"), &l, &e));
		size_t at = content_find(&l, str_of(rows[i].name), 0);
		assert_int_not_equal(at, 0);
		assert_str(content_text(&l, &l.v[at]), rows[i].value);
	}
}

static void test_written_lines_are_folded(void **state)
{
	struct content_lines l;
	struct err e;
	(void)state;
	assert_true(content_lines_read(arena, STR("BEGIN:VJOURNAL\nEND:VJOURNAL\n"),
				       STR("VJOURNAL"), &l, &e));
	struct buf long_text = {0};
	for (int i = 0; i < 100; i++)
		buf_cstr(&long_text, "\xf0\x9f\x98\x80");
	struct str text = buf_move(arena, &long_text);
	content_put(&l, STR("SUMMARY"), STR(""), text);
	struct str whole = content_lines_text(&l), rest = whole, line;
	while (str_next(&rest, '\n', &line)) {
		assert_true(line.n <= 75);
		assert_true(text_is_utf8(line));
	}
	assert_true(content_lines_read(arena, whole, STR("VJOURNAL"), &l, &e));
	assert_true(str_eq(content_text(&l, &l.v[content_find(&l, STR("SUMMARY"), 0)]), text));
}

static void test_no_component_is_refused(void **state)
{
	struct content_lines l;
	struct err e;
	struct buf many = {0};
	(void)state;
	assert_false(content_lines_read(arena, STR(""), STR("VJOURNAL"), &l, &e));
	assert_int_equal(e.kind, ERR_MALFORMED);
	buf_cstr(&many, "BEGIN:VJOURNAL\n");
	for (int i = 0; i < CONTENT_LINES; i++)
		buf_cstr(&many, "A:\n");
	assert_false(content_lines_read(arena, buf_move(arena, &many), STR("VJOURNAL"), &l, &e));
	assert_int_equal(e.kind, ERR_TOO_LARGE);
}

/* ---- Bodies ---- */

static const struct item_body_tags old_tags = {Contacts_Body, Contacts_BodySize,
					       Contacts_BodyTruncated, Contacts_CompressedRTF};

static struct str shown_body(unsigned version, const struct body_prefs *prefs,
			     struct item_text text)
{
	struct item_context ctx = lab_context(version);
	struct body body = {0};
	struct wbxml_out w;
	struct wbxml_node *root;
	struct err e;
	ctx.body = prefs;
	wbxml_start(&w, &body);
	wbxml_begin(&w, AirSync_ApplicationData);
	item_body_encode(&w, &ctx, &old_tags, text);
	wbxml_end(&w);
	assert_true(wbxml_finish(&w));
	assert_true(
		wbxml_decode(arena, buf_move(arena, &body.mem), &wbxml_default_limits, &root, &e));
	body_free(&body);
	return lab_line(root->first);
}

#define PREF(t, size, all, view)                                                                   \
	{                                                                                          \
		.v = {{t, size, all, view}}, .n = 1                                                \
	}

static void test_bodies_are_shown(void **state)
{
	static const struct body_prefs plain = PREF(BODY_PLAIN, -1, false, 0),
				       four = PREF(BODY_PLAIN, 4, false, 0),
				       none = PREF(BODY_PLAIN, 4, true, 3),
				       html = PREF(BODY_HTML, -1, false, 3),
				       zero = PREF(BODY_PLAIN, 0, false, 0),
				       mime = PREF(BODY_MIME, -1, false, 0);
	static const struct {
		unsigned version;
		const struct body_prefs *prefs;
		struct item_text text;
		const char *want;
	} rows[] = {
		{141,
		 NULL,
		 {STR_INIT("a\nb"), {"", 0}},
		 "Body(Type=1|EstimatedDataSize=4|Data=a\r\nb)"},
		{141, &plain, {STR_INIT(""), {"", 0}}, "Body(Type=1|EstimatedDataSize=0)"},
		{121,
		 &four,
		 {STR_INIT("a\xc3\xa4xyz"), {"", 0}},
		 "Body(Type=1|EstimatedDataSize=6|Truncated=1|Data=a\xc3\xa4x)"},
		{121,
		 &four,
		 {STR_INIT("abc\xc3\xa4"), {"", 0}},
		 "Body(Type=1|EstimatedDataSize=5|Truncated=1|Data=abc)"},
		{141,
		 &zero,
		 {STR_INIT("abc"), {"", 0}},
		 "Body(Type=1|EstimatedDataSize=3|Truncated=1)"},
		{141,
		 &none,
		 {STR_INIT("abc de"), {"", 0}},
		 "Body(Type=1|EstimatedDataSize=6|Truncated=1|Preview=abc)"},
		{121,
		 &none,
		 {STR_INIT("abc de"), {"", 0}},
		 "Body(Type=1|EstimatedDataSize=6|Truncated=1)"},
		{141,
		 &html,
		 {STR_INIT("hello"), STR_INIT("<b>hello</b>")},
		 "Body(Type=2|EstimatedDataSize=12|Data=<b>hello</b>|Preview=hel)"},
		{141,
		 &plain,
		 {STR_INIT("hello"), STR_INIT("<b>hello</b>")},
		 "Body(Type=1|EstimatedDataSize=5|Data=hello)"},
		{141,
		 &mime,
		 {STR_INIT("hello"), {"", 0}},
		 "Body(Type=1|EstimatedDataSize=5|Data=hello)"},
		{25,
		 &four,
		 {STR_INIT("hello"), STR_INIT("<b>hello</b>")},
		 "Body=hell|BodySize=5|BodyTruncated=1"},
		{25, NULL, {STR_INIT("hello"), STR_INIT("<b>hello</b>")}, "Body=hello|BodySize=5"},
		{25, NULL, {STR_INIT(""), {"", 0}}, ""},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_str(shown_body(rows[i].version, rows[i].prefs, rows[i].text), rows[i].want);
}

static const struct wbxml_node *a_body(const char *type, const char *data, const char *truncated)
{
	struct wbxml_node *children[4] = {lab_leaf(AirSyncBase_Type, type)};
	size_t n = 1;
	if (truncated)
		children[n++] = lab_leaf(AirSyncBase_Truncated, truncated);
	if (data)
		children[n++] = lab_leaf(AirSyncBase_Data, data);
	return lab_element(AirSyncBase_Body, children);
}

#define LONG "The first half is here.\nAnd the second half of the text is there."

/* What a device sends for a text of which it saw so many bytes (-1: all), and what is kept then. */
static void test_the_rest_is_never_lost(void **state)
{
	static const struct {
		const char *seen, *sent, *want;
	} rows[] = {
		{"The first", "The 1st",
		 "The 1st half is here.\nAnd the second half of the text is "
		 "there."},
		{"The first", "", " half is here.\nAnd the second half of the text is there."},
		{LONG, "short", "short"},
		{NULL, "new", "new"},
		/* It has fetched the whole text meanwhile. */
		{"The first", "A first half is here.\r\nAnd the second half of the text is there.",
		 "A first half is here.\nAnd the second half of the text is there."},
		{"The first", "The first half is here. The end.",
		 "The first half is here. The end."},
		/* Nothing changed. */
		{"The first", "The first", LONG},
	};
	struct item_context ctx = lab_context(141);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct item_edit_field field = {.tag = AirSyncBase_Body,
						.sent = a_body("1", rows[i].sent, NULL)};
		struct item_text old = {STR(LONG), STR("")}, new;
		struct err e;
		if (rows[i].seen)
			field.seen = a_body("1", rows[i].seen, "1");
		assert_true(item_body_apply(&ctx, &field, old, &new, &e));
		assert_str(new.plain, rows[i].want);
		assert_str(new.html, "");
	}
}

static void test_bodies_are_taken(void **state)
{
	static const struct {
		const char *type, *data, *truncated, *plain, *html;
	} rows[] = {
		{"1", "a\r\nb\rc", NULL, "a\nb\nc", ""},
		{"2", "<p>a</p>", NULL, "a", "<p>a</p>"},
		{"1", NULL, NULL, "", ""},
		{"1", NULL, "1", "old", "<i>old</i>"}, /* no change */
		{"2", "<i>old</i>", NULL, "old", "<i>old</i>"},
		{"1", "old", NULL, "old", "<i>old</i>"}, /* the same, so its form is kept */
		{"3", "LQAAACsAAABMWkZ18cXHpwMACgByY3BnMTI1QjIK8yBoZWwJACBidwWwbGR9CoAPoA==", NULL,
		 "hello world", ""},
	};
	struct item_context ctx = lab_context(141);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct item_edit_field field = {
			.sent = a_body(rows[i].type, rows[i].data, rows[i].truncated)};
		struct item_text old = {STR("old"), STR("<i>old</i>")}, new;
		struct err e;
		assert_true(item_body_apply(&ctx, &field, old, &new, &e));
		assert_str(str_trim(new.plain), rows[i].plain);
		assert_str(new.html, rows[i].html);
	}
}

static void test_bad_bodies_are_refused(void **state)
{
	static const struct {
		const char *type, *data;
	} rows[] = {{"", "x"}, {"4", "x"}, {"0", "x"}, {"11", "x"}, {"3", "!"}, {"3", "aGVsbG8="}};
	struct item_context ctx = lab_context(141);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct item_edit_field field = {.sent = a_body(rows[i].type, rows[i].data, NULL)};
		struct item_text old = {STR("old"), STR("")}, new;
		struct err e = {ERR_NONE, ""};
		assert_false(item_body_apply(&ctx, &field, old, &new, &e));
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

static void test_rtf(void **state)
{
	static const struct {
		const char *rtf, *want;
	} rows[] = {
		{"{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}}a\\par b\\tab c}", "a\nb\tc"},
		{"{\\rtf1 \\'e4\\u8364?\\{\\\\\\}}", "\xc3\xa4\xe2\x82\xac{\\}"},
		{"{\\rtf1 \\u-10179?\\u-8704?}", "\xf0\x9f\x98\x80"},
		{"{\\rtf1{\\*\\generator x;}{\\pict 00}\\uc0\\u228 !", "\xc3\xa4!"},
	};
	struct str out;
	struct err e;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(rtf_text(arena, str_of(rows[i].rtf), &out, &e));
		assert_str(out, rows[i].want);
	}
	assert_false(rtf_text(arena, STR("hello"), &out, &e));
}

/* ---- Notes ---- */

static void test_a_note_is_shown(void **state)
{
	struct item_context ctx = lab_context(141);
	(void)state;
	assert_str(lab_line(lab_shown(&note_class, &ctx, STR(NOTE))->first),
		   "Subject=Einkauf, heute|Body(Type=1|EstimatedDataSize=11|Data=Milch\r\nBrot)|"
		   "MessageClass=IPM.StickyNote|LastModifiedDate=20250102T030405Z|"
		   "Categories(Category=Haus|Category=Wichtig,sehr)");
}

static void test_only_the_edited_line_changes(void **state)
{
	struct item_context ctx = lab_context(161);
	(void)state;
	struct str new = lab_edit(&note_class, &ctx, STR(NOTE), Notes_Subject,
				  lab_leaf(Notes_Subject, "Markt; morgen"));
	struct str want = STR(NOTE);
	assert_has(new, "SUMMARY;LANGUAGE=de:Markt\\; morgen\r\n");
	assert_has(new, "LAST-MODIFIED:20260101T000000Z\r\n");
	/* The same bytes before, between and behind. */
	assert_true(str_starts(new, str_sub(want, 0, (size_t)str_find(want, STR("SUMMARY")))));
	assert_has(new, "\r\nDESCRIPTION:Milch\\nBrot\r\nCATEGORIES:Haus\r\n"
			"CATEGORIES:Wichtig\\,sehr,Haus\r\nLAST");
	assert_has(new, "\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n");
}

static void test_categories(void **state)
{
	struct item_context ctx = lab_context(140);
	(void)state;
	struct str same =
		lab_edit(&note_class, &ctx, STR(NOTE), Notes_Categories,
			 LAB_ELEMENT(Notes_Categories, lab_leaf(Notes_Category, "Wichtig,sehr"),
				     lab_leaf(Notes_Category, "Haus")));
	assert_has(same, "CATEGORIES:Haus\r\nCATEGORIES:Wichtig\\,sehr,Haus\r\n");
	struct str other = lab_edit(&note_class, &ctx, STR(NOTE), Notes_Categories,
				    LAB_ELEMENT(Notes_Categories, lab_leaf(Notes_Category, "A,b"),
						lab_leaf(Notes_Category, "c")));
	assert_has(other, "\r\nCATEGORIES:A\\,b,c\r\nLAST-MODIFIED");
	assert_has_not(lab_edit(&note_class, &ctx, STR(NOTE), Notes_Categories, NULL),
		       "CATEGORIES");
}

static void test_a_new_note(void **state)
{
	struct item_context ctx = lab_context(141);
	struct item_edit_field fields[] = {
		{.tag = Notes_Subject, .sent = lab_leaf(Notes_Subject, "Neu")},
		{.tag = AirSyncBase_Body, .sent = a_body("2", "<p>eins</p>", NULL)},
		{.tag = Notes_MessageClass,
		 .sent = lab_leaf(Notes_MessageClass, "IPM.StickyNote.x")},
		{.tag = Notes_LastModifiedDate,
		 .sent = lab_leaf(Notes_LastModifiedDate, "20010101T000000Z")},
	};
	struct item_edit edit = {.v = fields, .n = 4};
	struct item_facts facts;
	struct str text;
	struct err e = {ERR_NONE, ""};
	(void)state;
	assert_true(note_class.apply(&ctx, STR(""), &edit, INT64_MIN, &text, &e));
	assert_str(lab_line(lab_shown(&note_class, &ctx, text)->first),
		   "Subject=Neu|Body(Type=2|EstimatedDataSize=11|Data=<p>eins</p>)|"
		   "MessageClass=IPM.StickyNote.x|LastModifiedDate=20260101T000000Z");
	assert_true(note_class.facts(&ctx, text, &facts, &e));
	assert_int_equal(facts.date, LAB_NOW);
	assert_has(facts.summary, "\"subject\":\"Neu\"");
}

static void test_bad_notes_are_refused(void **state)
{
	struct item_context ctx = lab_context(141);
	struct wbxml_node *many = LAB_ELEMENT(Notes_Categories, lab_leaf(Notes_Category, "0"));
	struct str out;
	struct err e = {ERR_NONE, ""};
	(void)state;
	for (int i = 1; i <= 300; i++) {
		struct wbxml_node *node = lab_leaf(Notes_Category, arena_printf(arena, "%d", i));
		node->next = many->first;
		many->first = node;
	}
	assert_false(lab_apply(&note_class, &ctx, STR(NOTE), Notes_Categories, many, &out, &e));
	assert_int_equal(e.kind, ERR_INVALID);
	assert_false(lab_apply(&note_class, &ctx, STR(NOTE), Notes_MessageClass,
			       lab_leaf(Notes_MessageClass, "IPM.Note"), &out, &e));
	assert_int_equal(e.kind, ERR_INVALID);
	assert_false(lab_apply(&note_class, &ctx, STR(NOTE), Notes_MessageClass,
			       lab_leaf(Notes_MessageClass, "IPM.StickyNotes"), &out, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_kept),
		cmocka_unit_test(test_lines_are_read),
		cmocka_unit_test(test_written_lines_are_folded),
		cmocka_unit_test(test_no_component_is_refused),
		cmocka_unit_test(test_bodies_are_shown),
		cmocka_unit_test(test_the_rest_is_never_lost),
		cmocka_unit_test(test_bodies_are_taken),
		cmocka_unit_test(test_bad_bodies_are_refused),
		cmocka_unit_test(test_rtf),
		cmocka_unit_test(test_a_note_is_shown),
		cmocka_unit_test(test_only_the_edited_line_changes),
		cmocka_unit_test(test_categories),
		cmocka_unit_test(test_a_new_note),
		cmocka_unit_test(test_bad_notes_are_refused),
	};
	return cmocka_run_group_tests_name("notes", tests, lab_set_up, lab_tear_down);
}
