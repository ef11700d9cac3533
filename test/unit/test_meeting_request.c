/* meeting_request, global_obj_id, unique_text: what a message says of a meeting, and of itself. */
#include "test/unit/item_lab.h"

#include "core/global_obj_id.h"
#include "core/meeting_request.h"
#include "core/unique_text.h"

static void assert_text(struct str got, const char *want)
{
	if (!str_eq(got, str_of(want)))
		fail_msg("got  \"%.*s\"\nwant \"%s\"", STR_ARG(got), want);
}

/* ---- GlobalObjId ---- */

#define OUTLOOK                                                                                    \
	"040000008200E00074C5B7101A82E008000000000090C9A9BDABDC01000000000000000010000000"         \
	"000102030405060708090A0B0C0D0E0F"

static void test_global_obj_id(void **state)
{
	(void)state;
	static const struct {
		const char *uid;
		struct global_day day;
		const char *id;
	} rows[] = {
		{"0123456789@example.org",
		 {0, 0, 0},
		 "BAAAAIIA4AB0xbcQGoLgCAAAAAAAAAAAAAAAAAAAAAAAAAAAIwAAAHZDYWwtVWlkAQAAADAxMjM0NTY3ODl"
		 "AZXhhbXBsZS5vcmcA"},
		{OUTLOOK,
		 {2026, 3, 24},
		 "BAAAAIIA4AB0xbcQGoLgCAfqAxgAkMmpvavcAQAAAAAAAAAAEAAAAAABAgMEBQYHCAkKCwwNDg8="},
		{"x",
		 {2026, 12, 31},
		 "BAAAAIIA4AB0xbcQGoLgCAfqDB8AAAAAAAAAAAAAAAAAAAAADgAAAHZDYWwtVWlkAQAAAHgA"},
	};
	struct str uid;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str id = global_obj_id(arena, str_of(rows[i].uid), rows[i].day);
		assert_text(id, rows[i].id);
		assert_true(global_obj_id_uid(arena, id, &uid));
		assert_text(uid, rows[i].uid);
	}
	static const char *const bad[] = {"", "!", "AAAA", "BAAAAIIA4AB0xbcQGoLgCA=="};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(global_obj_id_uid(arena, str_of(bad[i]), &uid));
}

/* A length that lies is taken for an Outlook id. */
static void test_global_obj_id_with_a_wrong_length(void **state)
{
	(void)state;
	struct str bytes, uid;
	struct str id =
		global_obj_id(arena, STR("0123456789@example.org"), (struct global_day){0, 0, 0});
	assert_true(text_base64_decode(arena, id, false, &bytes));
	char *copy = arena_dup(arena, bytes.p, bytes.n);
	copy[36] = (char)0xff;
	assert_true(global_obj_id_uid(arena, text_base64_encode(arena, (struct str){copy, bytes.n}),
				      &uid));
	assert_int_equal(uid.n, 2 * bytes.n);
}

/* ---- What is unique ---- */

static void test_unique(void **state)
{
	(void)state;
	static const struct {
		bool html;
		const char *text, *want;
	} rows[] = {
		{true, "<p>a</p>", "<p>a</p>"},
		{true, "<p>a</p><blockquote type=\"cite\">b</blockquote>", "<p>a</p>"},
		{true, "a<div class=\"gmail_quote\">On Monday</div>", "a"},
		{true, "a<hr><div id=\"divRplyFwdMsg\">From</div>", "a<hr>"},
		{true, "<div style='border:none;border-top:solid #E1E1E1 1.0pt'>From:</div>",
		 "<div style='border:none;border-top:solid #E1E1E1 1.0pt'>From:</div>"},
		/* nothing of one's own: a forwarded message */
		{true, "<html><style>p {}</style><p>&nbsp;<br></p><blockquote>b</blockquote>",
		 "<html><style>p {}</style><p>&nbsp;<br></p><blockquote>b</blockquote>"},
		{true, "<img src=x><blockquote>b</blockquote>", "<img src=x>"},
		{true, "a < b <", "a < b <"},
		{true, "", ""},
		{false, "a\r\n", "a\r\n"},
		{false, "a\r\n\r\n> b\r\n> c\r\n", "a\r\n\r\n"},
		{false, "a\r\n\r\nOn Monday, B wrote:\r\n> b\r\n", "a\r\n\r\n"},
		{false, "On Monday, B wrote:\r\n> b\r\n", "On Monday, B wrote:\r\n"},
		/* answers between the lines */
		{false, "> b\r\na\r\n> c\r\nd\r\n", "> b\r\na\r\n> c\r\nd\r\n"},
		{false, "a\r\n-----Original Message-----\r\nFrom: b\r\n", "a\r\n"},
		{false, "a\r\n-----\r\nb\r\n", "a\r\n-----\r\nb\r\n"},
		{false, "a\r\n------------\r\nb", "a\r\n------------\r\nb"},
		{false, "a\n________________________________\nFrom: b", "a\n"},
		{false, "> all", "> all"},
		{false, "", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str text = str_of(rows[i].text);
		assert_text(rows[i].html ? unique_html(text) : unique_plain(text), rows[i].want);
	}
}

/* ---- MeetingRequest ---- */

static struct str shown(unsigned version, const char *class, const char *calendar)
{
	struct body body = {0};
	struct wbxml_out w;
	struct err e = {ERR_NONE, ""};
	struct wbxml_node *root = NULL;
	struct buf out = {0};
	const struct meeting_context ctx = {.arena = arena,
					    .version = version,
					    .timezone = STR("Europe/Paris"),
					    .message_class = str_of(class),
					    .date = LAB_NOW};
	wbxml_start(&w, &body);
	wbxml_begin(&w, AirSync_ApplicationData);
	meeting_request_encode(&w, &ctx, str_of(calendar));
	wbxml_end(&w);
	assert_true(wbxml_finish(&w));
	struct str bytes = buf_move(arena, &body.mem);
	body_free(&body);
	assert_true(wbxml_decode(arena, bytes, &wbxml_default_limits, &root, &e));
	lab_write(&out, root->first);
	return buf_move(arena, &out);
}

#define CALENDAR(lines)                                                                            \
	"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" lines "END:VEVENT\r\nEND:VCALENDAR\r\n"
#define UTC                                                                                        \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"         \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"         \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
#define PARIS                                                                                      \
	"xP///wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"         \
	"AAAAAAAAAAAAAAoAAAAFAAMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"         \
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMAAAAFAAIAAAAAAAAAxP///w=="
#define ID_X "GlobalObjId=BAAAAIIA4AB0xbcQGoLgCAAAAAAAAAAAAAAAAAAAAAAAAAAADgAAAHZDYWwtVWlkAQAAAHgA"
#define REQUEST "IPM.Schedule.Meeting.Request"

static void test_meeting_request(void **state)
{
	(void)state;
	static const struct {
		unsigned version;
		const char *class, *calendar, *want;
	} rows[] = {
		{141, REQUEST,
		 CALENDAR("UID:x\r\nDTSTAMP:20260304T090000Z\r\nDTSTART:20260310T130000Z\r\n"
			  "DTEND:20260310T140000Z\r\nLOCATION:Room\r\n"
			  "ORGANIZER;CN=\"B, b\":mailto:b@example.org\r\n"
			  "ATTENDEE;RSVP=TRUE:mailto:a@example.org\r\n"
			  "BEGIN:VALARM\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\n"),
		 "MeetingRequest(AllDayEvent=0|StartTime=2026-03-10T13:00:00.000Z|"
		 "DtStamp=2026-03-04T09:00:00.000Z|EndTime=2026-03-10T14:00:00.000Z|InstanceType=0|"
		 "Location=Room|Organizer=\"B, b\" <b@example.org>|Reminder=900|ResponseRequested=1|"
		 "Sensitivity=0|BusyStatus=2|TimeZone=" UTC "|" ID_X
		 "|DisallowNewTimeProposal=0|MeetingMessageType=1)"},
		/* 16.x: the UID itself, and Location of its own; an update; only the rule's year */
		{161, REQUEST,
		 CALENDAR("UID:x\r\nDTSTAMP:20260304T090000Z\r\nSEQUENCE:2\r\nCLASS:PRIVATE\r\n"
			  "DTSTART;TZID=Europe/Paris:20260310T130000\r\nDURATION:PT30M\r\n"
			  "LOCATION:Room\r\nRRULE:FREQ=WEEKLY;BYDAY=TU\r\n"
			  "X-MICROSOFT-CDO-INTENDEDSTATUS:WORKINGELSEWHERE\r\n"
			  "X-MICROSOFT-DISALLOW-COUNTER:TRUE\r\n"
			  "ATTENDEE:mailto:a@example.org\r\n"),
		 "MeetingRequest(AllDayEvent=0|StartTime=2026-03-10T12:00:00.000Z|"
		 "DtStamp=2026-03-04T09:00:00.000Z|EndTime=2026-03-10T12:30:00.000Z|InstanceType=1|"
		 "Location(DisplayName=Room)|ResponseRequested=0|"
		 "Recurrences(Recurrence(Type=1|Interval=1|DayOfWeek=4|FirstDayOfWeek=1))|Sensitivity=2|BusyStatus=4|"
		 "TimeZone=" PARIS "|DisallowNewTimeProposal=1|MeetingMessageType=2|UID=x)"},
		/* 12.1 knows neither of the last two, nor "working elsewhere" */
		{121, REQUEST,
		 CALENDAR("UID:x\r\nDTSTART:20260310T130000Z\r\n"
			  "X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE\r\n"),
		 "MeetingRequest(AllDayEvent=0|StartTime=2026-03-10T13:00:00.000Z|"
		 "DtStamp=2026-01-01T00:00:00.000Z|EndTime=2026-03-10T13:00:00.000Z|InstanceType=0|"
		 "ResponseRequested=1|Sensitivity=0|BusyStatus=2|TimeZone=" UTC "|" ID_X ")"},
		/* whole days: midnight of the account, or the date as such */
		{121, REQUEST,
		 CALENDAR("UID:x\r\nDTSTAMP:20260304T090000Z\r\nDTSTART;VALUE=DATE:20260310\r\n"
			  "TRANSP:TRANSPARENT\r\n"),
		 "MeetingRequest(AllDayEvent=1|StartTime=2026-03-09T23:00:00.000Z|"
		 "DtStamp=2026-03-04T09:00:00.000Z|EndTime=2026-03-10T23:00:00.000Z|InstanceType=0|"
		 "ResponseRequested=1|Sensitivity=0|BusyStatus=0|TimeZone=" PARIS "|" ID_X ")"},
		{160, REQUEST,
		 CALENDAR("UID:x\r\nDTSTAMP:20260304T090000Z\r\nDTSTART;VALUE=DATE:20260310\r\n"),
		 "MeetingRequest(AllDayEvent=1|StartTime=2026-03-10T00:00:00.000Z|"
		 "DtStamp=2026-03-04T09:00:00.000Z|EndTime=2026-03-11T00:00:00.000Z|InstanceType=0|"
		 "ResponseRequested=1|Sensitivity=0|BusyStatus=2|TimeZone=" PARIS
		 "|DisallowNewTimeProposal=0|MeetingMessageType=1|UID=x)"},
		/* one occurrence is called off */
		{141, "IPM.Schedule.Meeting.Canceled",
		 CALENDAR("UID:x\r\nDTSTAMP:20260304T090000Z\r\nDTSTART:20261231T130000Z\r\n"
			  "DTEND:20261231T140000Z\r\nRECURRENCE-ID:20261231T120000Z\r\n"),
		 "MeetingRequest(AllDayEvent=0|StartTime=2026-12-31T13:00:00.000Z|"
		 "DtStamp=2026-03-04T09:00:00.000Z|EndTime=2026-12-31T14:00:00.000Z|InstanceType=3|"
		 "RecurrenceId=2026-12-31T12:00:00.000Z|ResponseRequested=0|Sensitivity=0|"
		 "BusyStatus=2|TimeZone=" UTC "|"
		 "GlobalObjId="
		 "BAAAAIIA4AB0xbcQGoLgCAfqDB8AAAAAAAAAAAAAAAAAAAAADgAAAHZDYWwtVWlkAQAAAHgA|"
		 "DisallowNewTimeProposal=0|MeetingMessageType=0)"},
		{141, REQUEST, "nonsense", ""},
		{141, REQUEST, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", ""},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_text(shown(rows[i].version, rows[i].class, rows[i].calendar), rows[i].want);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, lab_set_up, lab_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_global_obj_id),
		TEST(test_global_obj_id_with_a_wrong_length),
		TEST(test_unique),
		TEST(test_meeting_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
