/* task_text, task: the Tasks class. */
#include "test/unit/item_lab.h"

#define TASK(lines)                                                                                \
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTODO\r\nUID:t1\r\n" lines                        \
	"LAST-MODIFIED:20250101T000000Z\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"

/* What an edited task says: its lines without what is the same everywhere. */
static struct str lines_of(struct str text)
{
	ptrdiff_t from = str_find(text, STR("UID:t1\r\n")) + 8;
	ptrdiff_t to = str_find(text, STR("END:VTODO"));
	struct str own = str_sub(text, (size_t)from, (size_t)(to - from));
	ptrdiff_t stamp = str_find(own, STR("LAST-MODIFIED:20260101T000000Z\r\n"));
	assert_true(stamp >= 0);
	return str_of(arena_printf(arena, "%.*s%.*s", (int)stamp, own.p,
				   STR_ARG(str_sub(own, (size_t)stamp + 32, own.n))));
}

static struct item_context berlin(unsigned version)
{
	struct item_context ctx = lab_context(version);
	ctx.timezone = STR("Europe/Berlin");
	return ctx;
}

/* ---- Out ---- */

static void test_tasks_are_shown(void **state)
{
	static const struct {
		const char *text, *want;
	} rows[] = {
		{TASK("SUMMARY:Buy\\, now\r\nDESCRIPTION:Milk\r\n"),
		 "Body(Type=1|EstimatedDataSize=4|Data=Milk)|Subject=Buy, now|Importance=1|"
		 "Complete=0|Sensitivity=0|ReminderSet=0"},
		{TASK("PRIORITY:2\r\nCLASS:CONFIDENTIAL\r\nCATEGORIES:a,b\r\n"),
		 "Body(Type=1|EstimatedDataSize=0)|Importance=2|Categories(Category=a|Category=b)|"
		 "Complete=0|Sensitivity=3|ReminderSet=0"},
		/* A day is a day where the user is. */
		{TASK("DUE;VALUE=DATE:20260310\r\n"),
		 "Body(Type=1|EstimatedDataSize=0)|Importance=1|"
		 "UtcDueDate=2026-03-09T23:00:00.000Z|DueDate=2026-03-10T00:00:00.000Z|"
		 "Complete=0|Sensitivity=0|ReminderSet=0"},
		{TASK("DTSTART;TZID=America/New_York:20260310T090000\r\n"),
		 "Body(Type=1|EstimatedDataSize=0)|Importance=1|"
		 "UtcStartDate=2026-03-10T13:00:00.000Z|StartDate=2026-03-10T14:00:00.000Z|"
		 "Complete=0|Sensitivity=0|ReminderSet=0"},
		{TASK("PRIORITY:9\r\nSTATUS:COMPLETED\r\nCOMPLETED:20260102T030405Z\r\n"),
		 "Body(Type=1|EstimatedDataSize=0)|Importance=0|Complete=1|"
		 "DateCompleted=2026-01-02T03:04:05.000Z|Sensitivity=0|ReminderSet=0"},
		{TASK("DUE:20260310T120000Z\r\nBEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT1M\r\n"
		      "END:VALARM\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\n"
		      "TRIGGER;RELATED=END:-PT30M\r\nEND:VALARM\r\n"),
		 "Body(Type=1|EstimatedDataSize=0)|Importance=1|"
		 "UtcDueDate=2026-03-10T12:00:00.000Z|DueDate=2026-03-10T13:00:00.000Z|"
		 "Complete=0|Sensitivity=0|ReminderTime=2026-03-10T11:30:00.000Z|ReminderSet=1"},
	};
	struct item_context ctx = berlin(141);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_str(lab_line(lab_shown(&task_class, &ctx, str_of(rows[i].text))->first),
			   rows[i].want);
}

static void test_a_series_is_shown(void **state)
{
	struct item_context ctx = berlin(141);
	(void)state;
	struct str text = STR(TASK("DTSTART;VALUE=DATE:20260302\r\n"
				   "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO;COUNT=5\r\n"
				   "X-EASEL-REGENERATE:1\r\n"));
	struct str line = lab_line(lab_seen(&task_class, &ctx, text, Tasks_Recurrence)->first);
	static const char *const parts[] = {"Type=1",	      "Start=2026-03-02T00:00:00.000Z",
					    "Interval=2",     "DayOfWeek=2",
					    "Occurrences=5",  "Regenerate=1",
					    "FirstDayOfWeek="};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
		assert_has(line, parts[i]);
}

/* ---- Back: one element at a time ---- */

static const struct {
	const char *lines;
	unsigned tag;
	const char *sent, *after; /* sent NULL: removed */
} edits[] = {
	{"SUMMARY;X=1:a\r\nX-Y:z\r\n", Tasks_Subject, "b", "SUMMARY;X=1:b\r\nX-Y:z\r\n"},
	{"", Tasks_Importance, "2", "PRIORITY:1\r\n"},
	{"PRIORITY:3\r\n", Tasks_Importance, "2", "PRIORITY:3\r\n"},
	{"PRIORITY:3\r\n", Tasks_Importance, "1", ""},
	{"", Tasks_Importance, "7", "X-EASEL-IMPORTANCE:7\r\n"},
	{"CLASS:PRIVATE\r\n", Tasks_Sensitivity, "0", ""},
	{"", Tasks_Sensitivity, "1", "CLASS:X-PERSONAL\r\n"},
	{"DUE;VALUE=DATE:20260310\r\n", Tasks_DueDate, "2026-03-11T00:00:00.000Z",
	 "DUE;VALUE=DATE:20260311\r\n"},
	{"DUE;VALUE=DATE:20260310\r\n", Tasks_UtcDueDate, "2026-03-10T23:00:00.000Z",
	 "DUE;VALUE=DATE:20260311\r\n"},
	{"DUE;VALUE=DATE:20260310\r\n", Tasks_DueDate, NULL, ""},
	{"", Tasks_UtcStartDate, "2026-07-01T08:30:00.000Z", "DTSTART:20260701T083000Z\r\n"},
	{"DTSTART;TZID=America/New_York:20260310T090000\r\n", Tasks_UtcStartDate,
	 "2026-03-10T14:00:00.000Z", "DTSTART;TZID=America/New_York:20260310T100000\r\n"},
	{"", Tasks_Complete, "1",
	 "STATUS:COMPLETED\r\nPERCENT-COMPLETE:100\r\nCOMPLETED:20260101T000000Z\r\n"},
	{"STATUS:COMPLETED\r\nCOMPLETED:20260102T030405Z\r\n", Tasks_Complete, "0",
	 "STATUS:NEEDS-ACTION\r\n"},
	{"STATUS:COMPLETED\r\nCOMPLETED:20260102T030405Z\r\n", Tasks_DateCompleted,
	 "2026-01-03T00:00:00.000Z",
	 "STATUS:COMPLETED\r\nCOMPLETED:20260103T000000Z\r\nPERCENT-COMPLETE:100\r\n"},
	/* A series goes on. */
	{"DTSTART;VALUE=DATE:20260302\r\nDUE;VALUE=DATE:20260303\r\n"
	 "RRULE:FREQ=WEEKLY;BYDAY=MO,TH\r\n",
	 Tasks_Complete, "1",
	 "DTSTART;VALUE=DATE:20260305\r\nDUE;VALUE=DATE:20260306\r\n"
	 "RRULE:FREQ=WEEKLY;BYDAY=MO,TH\r\n"},
	{"DTSTART;VALUE=DATE:20260302\r\nRRULE:FREQ=DAILY;COUNT=1\r\n", Tasks_Complete, "1",
	 "DTSTART;VALUE=DATE:20260302\r\nRRULE:FREQ=DAILY;COUNT=1\r\nSTATUS:COMPLETED\r\n"
	 "PERCENT-COMPLETE:100\r\nCOMPLETED:20260101T000000Z\r\n"},
	{"DUE;VALUE=DATE:20251130\r\nRRULE:FREQ=MONTHLY;BYMONTHDAY=30\r\n"
	 "X-EASEL-REGENERATE:1\r\n",
	 Tasks_Complete, "1",
	 "DUE;VALUE=DATE:20260201\r\nRRULE:FREQ=MONTHLY;BYMONTHDAY=30\r\n"
	 "X-EASEL-REGENERATE:1\r\n"},
	{"RRULE:FREQ=DAILY\r\nDTSTART:20260302T100000Z\r\nX-EASEL-DEAD-OCCUR:1\r\n", Tasks_Complete,
	 "1",
	 "RRULE:FREQ=DAILY\r\nDTSTART:20260302T100000Z\r\nX-EASEL-DEAD-OCCUR:1\r\n"
	 "STATUS:COMPLETED\r\nPERCENT-COMPLETE:100\r\nCOMPLETED:20260101T000000Z\r\n"},
	/* Reminders */
	{"", Tasks_ReminderTime, "2026-03-10T11:30:00.000Z",
	 "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER;VALUE=DATE-TIME:20260310T113000Z\r\n"
	 "DESCRIPTION:Reminder\r\nEND:VALARM\r\n"},
	{"BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT1M\r\nEND:VALARM\r\n"
	 "BEGIN:VALARM\r\nTRIGGER;VALUE=DATE-TIME:20260310T113000Z\r\nX-A:1\r\nEND:VALARM\r\n",
	 Tasks_ReminderTime, "2026-03-10T12:00:00.000Z",
	 "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT1M\r\nEND:VALARM\r\n"
	 "BEGIN:VALARM\r\nTRIGGER;VALUE=DATE-TIME:20260310T120000Z\r\nX-A:1\r\nEND:VALARM\r\n"},
	{"BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT1M\r\nEND:VALARM\r\n"
	 "BEGIN:VALARM\r\nTRIGGER;VALUE=DATE-TIME:20260310T113000Z\r\nX-A:1\r\nEND:VALARM\r\n",
	 Tasks_ReminderSet, "0", "BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-PT1M\r\nEND:VALARM\r\n"},
};

static void test_edits(void **state)
{
	struct item_context ctx = berlin(161);
	(void)state;
	for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
		struct str old = str_of(arena_printf(arena, TASK("%s"), edits[i].lines));
		struct str new =
			lab_edit(&task_class, &ctx, old, edits[i].tag,
				 edits[i].sent ? lab_leaf(edits[i].tag, edits[i].sent) : NULL);
		struct str got = lines_of(new);
		if (!str_eq(got, str_of(edits[i].after)))
			fail_msg("row %zu: got\n%.*swant\n%s", i, STR_ARG(got), edits[i].after);
	}
}

static struct wbxml_node *recurrence(const char *type, const char *days, const char *start)
{
	struct wbxml_node *children[5] = {lab_leaf(Tasks_Type, type)};
	size_t n = 1;
	if (start)
		children[n++] = lab_leaf(Tasks_Start, start);
	if (days)
		children[n++] = lab_leaf(Tasks_DayOfWeek, days);
	children[n++] = lab_leaf(Tasks_Interval, "1");
	return lab_element(Tasks_Recurrence, children);
}

static void test_a_series_is_taken(void **state)
{
	struct item_context ctx = berlin(141);
	struct str plain = STR(TASK("SUMMARY:a\r\n"));
	(void)state;
	struct str new = lab_edit(&task_class, &ctx, plain, Tasks_Recurrence,
				  recurrence("1", "20", "2026-03-03T00:00:00.000Z"));
	assert_has(new, "DTSTART;VALUE=DATE:20260303\r\n");
	assert_has(new, "RRULE:FREQ=WEEKLY");
	assert_has(new, "BYDAY=TU,TH");
	struct str back = lab_edit(&task_class, &ctx, new, Tasks_Recurrence, NULL);
	assert_has_not(back, "RRULE");
	/* What the protocol can't say is not shown, and stays. */
	struct str odd = STR(TASK("DTSTART;VALUE=DATE:20260302\r\n"
				  "RRULE:FREQ=MONTHLY;BYDAY=2MO,4MO\r\n"));
	assert_has(lab_edit(&task_class, &ctx, odd, Tasks_Subject, lab_leaf(Tasks_Subject, "b")),
		   "RRULE:FREQ=MONTHLY;BYDAY=2MO,4MO\r\n");
}

static void test_bad_values_are_refused(void **state)
{
	static const struct {
		unsigned tag;
		const char *text;
	} bad[] = {{Tasks_Complete, "2"},
		   {Tasks_Complete, "x"},
		   {Tasks_Sensitivity, "4"},
		   {Tasks_Importance, "256"},
		   {Tasks_ReminderSet, "2"},
		   {Tasks_ReminderTime, "soon"},
		   {Tasks_DueDate, "20261301T000000Z"}};
	struct item_context ctx = berlin(141);
	struct str old = STR(TASK("SUMMARY:a\r\n")), out;
	struct err e = {ERR_NONE, ""};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (lab_apply(&task_class, &ctx, old, bad[i].tag, lab_leaf(bad[i].tag, bad[i].text),
			      &out, &e))
			fail_msg("%s: %s", wbxml_tag_name(bad[i].tag), bad[i].text);
		assert_int_equal(e.kind, ERR_INVALID);
	}
	assert_false(lab_apply(&task_class, &ctx, old, Tasks_Recurrence,
			       recurrence("1", "20", NULL), &out, &e));
	assert_false(lab_apply(&task_class, &ctx, old, Tasks_Recurrence,
			       recurrence("2", "20", "2026-03-03T00:00:00.000Z"), &out, &e));
}

static void test_what_the_store_is_told(void **state)
{
	struct item_context ctx = berlin(141);
	struct item_facts facts;
	struct err e = {ERR_NONE, ""};
	(void)state;
	assert_true(task_class.facts(&ctx, STR(TASK("SUMMARY:a\r\n")), &facts, &e));
	assert_true(facts.date == INT64_MAX);
	assert_str(facts.summary, "{\"subject\":\"a\",\"uid\":\"t1\"}");
	assert_true(
		task_class.facts(&ctx, STR(TASK("COMPLETED:20260102T000000Z\r\n")), &facts, &e));
	assert_true(facts.date == 1767312000000);
}

static void test_the_old_body(void **state)
{
	struct item_context ctx = berlin(25);
	(void)state;
	struct str shown =
		lab_line(lab_shown(&task_class, &ctx, STR(TASK("DESCRIPTION:Milk\r\n")))->first);
	assert_has(shown, "Body=Milk|BodySize=4|");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tasks_are_shown),
		cmocka_unit_test(test_a_series_is_shown),
		cmocka_unit_test(test_edits),
		cmocka_unit_test(test_a_series_is_taken),
		cmocka_unit_test(test_bad_values_are_refused),
		cmocka_unit_test(test_what_the_store_is_told),
		cmocka_unit_test(test_the_old_body),
	};
	return cmocka_run_group_tests_name("tasks", tests, lab_set_up, lab_tear_down);
}
