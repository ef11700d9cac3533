/* item_view: items of one class as another, and what is changed of them brought back. */
#include "item_lab.h"

#include "core/item_view.h"
#include "store/store.h"

#define TASK(lines)                                                                                \
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nUID:t1\r\nCREATED:20260105T101500Z\r\n"  \
	"SUMMARY:Paint\r\n" lines "END:VTODO\r\nEND:VCALENDAR\r\n"
#define NOTE(lines)                                                                                \
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VJOURNAL\r\nUID:n1\r\n"                           \
	"CREATED:20260105T101500Z\r\nSUMMARY:Idea\r\n" lines "END:VJOURNAL\r\nEND:VCALENDAR\r\n"
#define ALARM(trigger)                                                                             \
	"BEGIN:VALARM\r\nACTION:DISPLAY\r\n" trigger "\r\nDESCRIPTION:x\r\nEND:VALARM\r\n"

static const char *const whens[] = {"DTSTART", "DTEND", "DUE", "DURATION"};

/* "DTSTART=… DTEND=…": the time lines that a text has. */
static const char *times(struct str text)
{
	struct buf out = {0};
	struct str rest = text, line;
	while (str_next(&rest, '\n', &line))
		for (size_t i = 0; i < sizeof whens / sizeof *whens; i++)
			if (str_starts(line, str_of(whens[i]))) {
				if (out.n)
					buf_byte(&out, ' ');
				buf_str(&out, str_trim(line));
			}
	buf_byte(&out, '\0');
	return buf_move(arena, &out).p;
}

static struct str shown(enum item_class kept, enum item_class as, const char *text)
{
	struct err e = {0};
	struct str out;
	if (!item_view_show(arena, kept, as, str_of(text), &out, &e))
		fail_msg("show: %s", e.text);
	return out;
}

static struct new_item taken(enum item_class kept, enum item_class as, struct str text,
			     struct str changed)
{
	struct err e = {0};
	struct new_item out;
	if (!item_view_take(arena, kept, as, text, changed, LAB_NOW, &out, &e))
		fail_msg("take: %s", e.text);
	return out;
}

static struct str replaced(struct str text, const char *from, const char *to)
{
	const char *all = arena_printf(arena, "%.*s", STR_ARG(text)), *at = strstr(all, from);
	if (!at)
		fail_msg("%s is not in %s", from, all);
	return str_of(arena_printf(arena, "%.*s%s%s", (int)(at - all), all, to, at + strlen(from)));
}

static bool has(struct str text, const char *what)
{
	return strstr(arena_printf(arena, "%.*s", STR_ARG(text)), what) != NULL;
}

/* When a task is as an event, and what a new time of the event makes of it. */
static void test_tasks_have_times(void **state)
{
	static const struct {
		const char *task, *event, *from, *to, *want;
	} cases[] = {
		{TASK("DTSTART;VALUE=DATE:20260110\r\nDUE;VALUE=DATE:20260112\r\n"),
		 "DTSTART;VALUE=DATE:20260110 DTEND;VALUE=DATE:20260113", ":20260113", ":20260115",
		 "DTSTART;VALUE=DATE:20260110 DUE;VALUE=DATE:20260114"},
		{TASK("DUE;VALUE=DATE:20260112\r\n"),
		 "DTSTART;VALUE=DATE:20260112 DTEND;VALUE=DATE:20260113",
		 "20260112\r\nDTEND;VALUE=DATE:20260113", "20260120\r\nDTEND;VALUE=DATE:20260121",
		 "DUE;VALUE=DATE:20260120"},
		{TASK("DUE:20260112T140000Z\r\n"),
		 "DTSTART:20260112T140000Z DTEND:20260112T140000Z", "DTSTART:20260112T140000Z",
		 "DTSTART:20260112T130000Z", "DUE:20260112T140000Z DTSTART:20260112T130000Z"},
		{TASK("DTSTART:20260112T140000Z\r\n"),
		 "DTSTART:20260112T140000Z DTEND:20260112T140000Z",
		 "20260112T140000Z\r\nDTEND:20260112T140000Z",
		 "20260113T140000Z\r\nDTEND:20260113T140000Z", "DTSTART:20260113T140000Z"},
		{TASK(""), "DTSTART;VALUE=DATE:20260105 DTEND;VALUE=DATE:20260106",
		 "20260105\r\nDTEND;VALUE=DATE:20260106", "20260107\r\nDTEND;VALUE=DATE:20260108",
		 "DUE;VALUE=DATE:20260107"},
		{TASK("DTSTART;TZID=Europe/Paris:20260112T140000\r\nDUE;TZID=Europe/Paris:20260112T160000\r\n"),
		 "DTSTART;TZID=Europe/Paris:20260112T140000 DTEND;TZID=Europe/Paris:20260112T160000",
		 "SUMMARY:Paint", "SUMMARY:Draw",
		 "DTSTART;TZID=Europe/Paris:20260112T140000 DUE;TZID=Europe/Paris:20260112T160000"},
		{TASK("DTSTART:20260112T140000Z\r\nDURATION:PT1H\r\n"),
		 "DTSTART:20260112T140000Z DURATION:PT1H", "SUMMARY:Paint", "SUMMARY:Draw",
		 "DTSTART:20260112T140000Z DURATION:PT1H"},
		{TASK("DTSTART:20260112T140000Z\r\nDUE:20260101T000000Z\r\n"),
		 "DTSTART:20260112T140000Z DTEND:20260112T140000Z", "SUMMARY:Paint", "SUMMARY:Draw",
		 "DTSTART:20260112T140000Z DUE:20260101T000000Z"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str event = shown(CLASS_TASKS, CLASS_CALENDAR, cases[i].task);
		assert_string_equal(times(event), cases[i].event);
		struct new_item item = taken(CLASS_TASKS, CLASS_CALENDAR, str_of(cases[i].task),
					     replaced(event, cases[i].from, cases[i].to));
		assert_string_equal(times(item.raw), cases[i].want);
	}
}

/* What the class shown can't say, and nobody changed, stays byte for byte. */
static void test_nothing_is_lost(void **state)
{
	static const struct {
		enum item_class kept, as;
		const char *text;
	} cases[] = {
		{CLASS_TASKS, CLASS_CALENDAR,
		 TASK("PRIORITY:1\r\nPERCENT-COMPLETE:50\r\nX-OWN;A=b:c\r\nRELATED-TO:t0\r\n"
		      "DUE;VALUE=DATE:20260112\r\nCATEGORIES:A,B\r\nDESCRIPTION:lo\\nng\r\n"
		      "X-ALT-DESC;FMTTYPE=text/html:<p>lo</p>\r\n" ALARM(
			      "TRIGGER;RELATED=END:-PT5M"))},
		{CLASS_TASKS, CLASS_NOTES,
		 TASK("STATUS:COMPLETED\r\nCOMPLETED:20260106T000000Z\r\nRRULE:FREQ=DAILY\r\n"
		      "DTSTART:20260105T100000Z\r\n" ALARM("TRIGGER:-PT5M"))},
		{CLASS_NOTES, CLASS_CALENDAR,
		 NOTE("STATUS:FINAL\r\nX-EASEL-MESSAGE-CLASS:IPM.StickyNote.a\r\nURL:http://x\r\n")},
		{CLASS_NOTES, CLASS_TASKS, NOTE("DTSTART:20260105T100000Z\r\nURL:http://x\r\n")},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str view = shown(cases[i].kept, cases[i].as, cases[i].text);
		struct new_item item =
			taken(cases[i].kept, cases[i].as, str_of(cases[i].text), view);
		assert_string_equal(arena_printf(arena, "%.*s", STR_ARG(item.raw)), cases[i].text);
		item = taken(cases[i].kept, cases[i].as, str_of(cases[i].text),
			     replaced(view, "SUMMARY:", "SUMMARY:New "));
		assert_string_equal(replaced(item.raw, "SUMMARY:New ", "SUMMARY:").p,
				    replaced(str_of(cases[i].text), "SUMMARY:", "SUMMARY:").p);
	}
}

static void test_what_can_be_held_is(void **state)
{
	static const char event[] =
		"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:e1\r\nSUMMARY:Meet\r\nLOCATION:Room\r\n"
		"DTSTART;TZID=X:20260112T140000\r\nDTEND;TZID=X:20260112T150000\r\n"
		"ATTENDEE:mailto:a@b.test\r\nRRULE:FREQ=WEEKLY\r\n" ALARM(
			"TRIGGER:-PT15M") "END:VEVENT\r\nBEGIN:VTIMEZONE\r\nTZID:X\r\nEND:VTIMEZONE\r\nEND:VCALENDAR\r\n";
	static const char *const task[] = {"UID:e1",
					   "SUMMARY:Meet",
					   "LOCATION:Room",
					   "DTSTART;TZID=X:20260112T140000",
					   "DUE;TZID=X:20260112T150000",
					   "RRULE:FREQ=WEEKLY",
					   "TRIGGER:-PT15M",
					   "BEGIN:VTIMEZONE",
					   "BEGIN:VTODO"};
	static const char *const note[] = {
		"UID:e1", "SUMMARY:Meet", "DTSTART;TZID=X:20260112T140000",
		"X-EASEL-DTEND;TZID=X:20260112T150000", "BEGIN:VJOURNAL"};
	(void)state;
	struct new_item item = taken(CLASS_TASKS, CLASS_CALENDAR, STR(""), str_of(event));
	for (size_t i = 0; i < sizeof task / sizeof *task; i++)
		assert_true(has(item.raw, task[i]));
	assert_false(has(item.raw, "ATTENDEE"));
	assert_int_equal(item.date, INT64_MAX);
	assert_true(has(item.summary, "\"subject\":\"Meet\""));
	item = taken(CLASS_NOTES, CLASS_CALENDAR, STR(""), str_of(event));
	for (size_t i = 0; i < sizeof note / sizeof *note; i++)
		assert_true(has(item.raw, note[i]));
	assert_false(has(item.raw, "VALARM"));
}

static void test_alarms_come_and_go(void **state)
{
	static const char with[] =
		TASK("DUE:20260112T140000Z\r\n" ALARM("TRIGGER;RELATED=END:-PT5M"));
	(void)state;
	struct str event = shown(CLASS_TASKS, CLASS_CALENDAR, with);
	assert_true(has(event, "TRIGGER:-PT5M"));
	assert_true(has(event, "TRANSP:TRANSPARENT"));
	struct new_item item = taken(CLASS_TASKS, CLASS_CALENDAR, str_of(with),
				     replaced(event, ALARM("TRIGGER:-PT5M"), ""));
	assert_false(has(item.raw, "VALARM"));
	item = taken(CLASS_TASKS, CLASS_CALENDAR, item.raw, event);
	assert_true(has(item.raw, "TRIGGER:-PT5M"));
}

static void test_what_can_not_be_read_is_refused(void **state)
{
	static const struct {
		enum item_class kept, as;
		const char *text;
	} cases[] = {
		{CLASS_TASKS, CLASS_CALENDAR, ""},
		{CLASS_TASKS, CLASS_CALENDAR, "BEGIN:VCALENDAR\r\n"},
		{CLASS_TASKS, CLASS_CALENDAR, NOTE("")},
		{CLASS_NOTES, CLASS_CALENDAR, "BEGIN:VCALENDAR\r\nEND:VTODO\r\n"},
		{CLASS_CONTACTS, CLASS_CALENDAR, TASK("")},
		{CLASS_TASKS, CLASS_EMAIL, TASK("")},
	};
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {0};
		struct str out;
		assert_false(item_view_show(arena, cases[i].kept, cases[i].as,
					    str_of(cases[i].text), &out, &e));
		assert_int_not_equal(e.kind, ERR_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_tasks_have_times, lab_set_up, lab_tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_is_lost, lab_set_up, lab_tear_down),
		cmocka_unit_test_setup_teardown(test_what_can_be_held_is, lab_set_up,
						lab_tear_down),
		cmocka_unit_test_setup_teardown(test_alarms_come_and_go, lab_set_up, lab_tear_down),
		cmocka_unit_test_setup_teardown(test_what_can_not_be_read_is_refused, lab_set_up,
						lab_tear_down),
	};
	return cmocka_run_group_tests_name("item_view", tests, NULL, NULL);
}
