/* item_mail: items of other classes as messages. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/item_mail.h"
#include "store/message.h"

static struct arena *a;

static int setup(void **state)
{
	(void)state;
	a = arena_new(16 * 1024 * 1024);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	arena_free(&a);
	return 0;
}

/* The message of an item, read again. */
static bool make(enum item_class class, const char *text, struct item_mail *m, struct message *out)
{
	struct err e = {0};
	*m = (struct item_mail){
		.class = class, .text = str_of(text), .key = STR("1.2.3"), .kept = INT64_MAX};
	if (!item_mail_write(a, m, &e))
		return false;
	assert_true(message_scan(a, m->raw, out, &e));
	return true;
}

static struct str body_of(const struct item_mail *m, const struct part *part)
{
	struct str out;
	assert_true(text_base64_decode(
		a, str_sub(m->raw, (size_t)part->offset, (size_t)part->length), true, &out));
	return out;
}

#define EVENT(lines)                                                                               \
	"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20261102T090000Z\r\n" lines           \
	"END:VEVENT\r\nEND:VCALENDAR\r\n"
#define CARD(lines) "BEGIN:VCARD\r\nVERSION:3.0\r\n" lines "END:VCARD\r\n"

static void test_what_is_said(void **state)
{
	static const struct {
		enum item_class class;
		const char *text, *subject, *body;
	} cases[] = {
		{CLASS_CALENDAR,
		 EVENT("SUMMARY:A\\, b\r\nDTSTART;TZID=Europe/Prague:20261116T091500\r\n"
		       "DTEND:20261116T101500Z\r\nLOCATION:Room\r\n"),
		 "A, b",
		 "Start: 2026-11-16 09:15 Europe/Prague\r\nEnd: 2026-11-16 10:15 UTC\r\nLocation: "
		 "Room\r\n"},
		{CLASS_CALENDAR,
		 EVENT("DTSTART;VALUE=DATE:20261116\r\nORGANIZER;CN=Ben:mailto:b@x.test\r\n"
		       "ATTENDEE;PARTSTAT=DECLINED:mailto:c@x.test\r\n"),
		 "(no subject)",
		 "Start: 2026-11-16\r\nOrganizer: Ben <b@x.test>\r\nAttendee: c@x.test "
		 "(declined)\r\n"},
		{CLASS_CALENDAR, EVENT("SUMMARY:x\r\nDESCRIPTION:One\\nTwo\r\nX-Y:z\r\n"), "x",
		 "One\r\nTwo\r\n"},
		{CLASS_CALENDAR, EVENT("SUMMARY:x\\nBcc: evil@x.test\r\nMOOD:fine\r\n"),
		 "x Bcc: evil@x.test", "MOOD: fine\r\n"},
		{CLASS_CALENDAR, EVENT("SUMMARY:x\r\nATTACH:https://x.test/a\r\n"), "x",
		 "Attachment: https://x.test/a\r\n"},
		{CLASS_TASKS,
		 "BEGIN:VTODO\nSUMMARY:Do\nDUE:20261116\nPERCENT-COMPLETE:50\nEND:VTODO\n", "Do",
		 "Due: 2026-11-16\r\nPercent complete: 50\r\n"},
		{CLASS_CONTACTS,
		 CARD("FN:Ann Bee\r\nN:Bee;Ann;;;\r\nORG:Acme;Sales\r\nTEL;TYPE=home:1\r\n"
		      "ADR:;;Street 1;Town;;1;X\r\nNOTE:Hi\r\n"),
		 "Ann Bee",
		 "Name: Ann Bee\r\nCompany: Acme, Sales\r\nTelephone: 1 (home)\r\nAddress: Street 1, Town, 1, "
		 "X\r\n\r\nHi\r\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct item_mail m;
		struct message got;
		assert_true(make(cases[i].class, cases[i].text, &m, &got));
		assert_string_equal(str_dup(a, got.subject), cases[i].subject);
		assert_string_equal(str_dup(a, body_of(&m, message_body(&got, PART_TEXT))),
				    cases[i].body);
		assert_true(got.bcc.n == 0);
	}
}

static void test_sender_date_and_attachments(void **state)
{
	struct item_mail m;
	struct message got;
	(void)state;
	assert_true(
		make(CLASS_CALENDAR,
		     EVENT("SUMMARY:a/b\r\nCATEGORIES:Work\r\nLAST-MODIFIED:20261103T000000Z\r\n"
			   "ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=text/plain\r\n"
			   " ;X-FILENAME=n.txt:SGVsbG8=\r\n"),
		     &m, &got));
	assert_true(str_find(got.from, STR("Work")) >= 0);
	assert_int_equal(m.date, 1793664000000);
	assert_int_equal(got.nparts, 4);
	assert_string_equal(str_dup(a, got.parts[2].name), "n.txt");
	assert_string_equal(str_dup(a, body_of(&m, &got.parts[2])), "Hello");
	assert_string_equal(str_dup(a, got.parts[3].name), "a_b.ics");
	assert_int_equal(got.parts[3].role, PART_ATTACHMENT);
	struct str original = body_of(&m, &got.parts[3]);
	assert_true(str_eq(original, m.text));
}

static void test_the_same_bytes_every_time(void **state)
{
	struct item_mail one, two;
	struct message got;
	(void)state;
	assert_true(make(CLASS_CONTACTS, CARD("FN:x\r\n"), &one, &got));
	assert_true(make(CLASS_CONTACTS, CARD("FN:x\r\n"), &two, &got));
	assert_true(str_eq(one.raw, two.raw));
}

static void test_what_is_no_item_is_refused(void **state)
{
	struct item_mail m;
	struct message got;
	(void)state;
	assert_false(make(CLASS_CALENDAR, "", &m, &got));
	assert_false(make(CLASS_CALENDAR, "rubbish", &m, &got));
	assert_false(make(CLASS_NOTES, EVENT("SUMMARY:x\r\n"), &m, &got));
	assert_false(make(CLASS_EMAIL, EVENT("SUMMARY:x\r\n"), &m, &got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sender_date_and_attachments, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_same_bytes_every_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_item_is_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
