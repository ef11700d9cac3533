/* The Calendar class: what each version is shown of a text, and what becomes of an edit. */
#include "test/unit/item_lab.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/calendar_event.h"

#define TZ_PARIS                                                                                   \
	"BEGIN:VTIMEZONE\r\nTZID:Europe/Paris\r\nX-KEEP:me\r\nBEGIN:STANDARD\r\n"                  \
	"DTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\n"                    \
	"RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"

#define EVENT(lines)                                                                               \
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nX-WR:1\r\nBEGIN:VEVENT\r\nUID:u1\r\n"                   \
	"DTSTAMP:20260304T090000Z\r\n" lines "END:VEVENT\r\nEND:VCALENDAR\r\n"

#define PARIS_MEETING                                                                              \
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" TZ_PARIS                                              \
	"BEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20260304T090000Z\r\n"                                   \
	"DTSTART;TZID=Europe/Paris:20260310T140000\r\n"                                            \
	"DTEND;TZID=Europe/Paris:20260310T150000\r\nRRULE:FREQ=WEEKLY;COUNT=5;BYDAY=TU\r\n"        \
	"EXDATE;TZID=Europe/Paris:20260317T140000\r\nSUMMARY:Weekly\r\n"                           \
	"ORGANIZER;CN=Ben:mailto:ben@example.test\r\n"                                             \
	"ATTENDEE;CN=Anna;PARTSTAT=NEEDS-ACTION;X-KEEP=1:mailto:anna@example.test\r\n"             \
	"ATTENDEE;CUTYPE=ROOM;PARTSTAT=ACCEPTED:mailto:room@example.test\r\n"                      \
	"BEGIN:VALARM\r\nACTION:EMAIL\r\nTRIGGER:-P1D\r\nEND:VALARM\r\n"                           \
	"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nX-KEEP:1\r\nEND:VALARM\r\n"           \
	"END:VEVENT\r\nBEGIN:VEVENT\r\nUID:u1\r\nDTSTAMP:20260304T090000Z\r\n"                     \
	"RECURRENCE-ID;TZID=Europe/Paris:20260324T140000\r\n"                                      \
	"DTSTART;TZID=Europe/Paris:20260324T160000\r\n"                                            \
	"DTEND;TZID=Europe/Paris:20260324T170000\r\nSUMMARY:Moved\r\n"                             \
	"ORGANIZER;CN=Ben:mailto:ben@example.test\r\n"                                             \
	"ATTENDEE;CN=Anna;PARTSTAT=ACCEPTED:mailto:anna@example.test\r\n"                          \
	"ATTENDEE;CUTYPE=ROOM;PARTSTAT=ACCEPTED:mailto:room@example.test\r\n"                      \
	"END:VEVENT\r\nEND:VCALENDAR\r\n"

static const char paris_blob[] =
	"xP///wAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	"AAAAAAAAAAAAAAAAAAoAAAAFAAMAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAMAAAAFAAIAAAAAAAAAxP//"
	"/w==";

static struct item_context context(unsigned version)
{
	struct item_context ctx = lab_context(version);
	ctx.address = STR("anna@example.test");
	ctx.name = STR("Anna");
	ctx.timezone = STR("Europe/Paris");
	ctx.server_id = STR("5:1:7");
	return ctx;
}

/* One element as words; "-" when it is not shown. */
static struct str shown(unsigned version, const char *text, unsigned tag)
{
	struct item_context ctx = context(version);
	const struct wbxml_node *n =
		wbxml_child(lab_shown(&calendar_class, &ctx, str_of(text)), tag);
	struct wbxml_node alone;
	if (!n)
		return STR("-");
	alone = *n;
	alone.next = NULL;
	return lab_line(&alone);
}

/* ---- Out ---- */

static void elements_by_version(void **state)
{
	static const struct {
		unsigned version;
		const char *text;
		unsigned tag;
		const char *want;
	} rows[] = {
		/* Times, in each of the forms. */
		{141, EVENT("DTSTART:20260310T130000Z\r\nDTEND:20260310T140000Z\r\n"),
		 Calendar_StartTime, "StartTime=20260310T130000Z"},
		{141, EVENT("DTSTART:20260310T130000Z\r\nDURATION:PT30M\r\n"), Calendar_EndTime,
		 "EndTime=20260310T133000Z"},
		{141, EVENT("DTSTART:20260310T130000\r\n"), Calendar_StartTime,
		 "StartTime=20260310T120000Z"},
		{141, EVENT("DTSTART;TZID=\"W. Europe Standard Time\":20260710T130000\r\n"),
		 Calendar_StartTime, "StartTime=20260710T110000Z"},
		{141, EVENT("DTSTART;TZID=Nowhere:20260710T130000\r\n"), Calendar_StartTime,
		 "StartTime=20260710T110000Z"},
		{25, EVENT("DTSTART;VALUE=DATE:20260310\r\n"), Calendar_StartTime,
		 "StartTime=20260309T230000Z"},
		{25, EVENT("DTSTART;VALUE=DATE:20260310\r\n"), Calendar_EndTime,
		 "EndTime=20260310T230000Z"},
		{160, EVENT("DTSTART;VALUE=DATE:20260310\r\n"), Calendar_StartTime,
		 "StartTime=20260310T000000Z"},
		{160, EVENT("DTSTART;VALUE=DATE:20260310\r\n"), Calendar_Timezone, "-"},
		{160, EVENT("DTSTART;VALUE=DATE:20260310\r\n"), Calendar_AllDayEvent,
		 "AllDayEvent=1"},
		{141,
		 EVENT("DTSTART:20260310T000000\r\nDTEND:20260311T000000\r\n"
		       "X-MICROSOFT-CDO-ALLDAYEVENT:TRUE\r\n"),
		 Calendar_AllDayEvent, "AllDayEvent=1"},
		{141, EVENT("SUMMARY:no times\r\n"), Calendar_StartTime,
		 "StartTime=20260304T090000Z"},
		/* Recurrence. */
		{121, PARIS_MEETING, Calendar_Recurrence,
		 "Recurrence(Type=1|Interval=1|Occurrences=5|DayOfWeek=4)"},
		{141, PARIS_MEETING, Calendar_Recurrence,
		 "Recurrence(Type=1|Interval=1|Occurrences=5|DayOfWeek=4|FirstDayOfWeek=1)"},
		{141, EVENT("DTSTART;VALUE=DATE:20260310\r\nRRULE:FREQ=DAILY;UNTIL=20260312\r\n"),
		 Calendar_Recurrence, "Recurrence(Type=0|Interval=1|Until=20260311T230000Z)"},
		{160, EVENT("DTSTART;VALUE=DATE:20260310\r\nRRULE:FREQ=DAILY;UNTIL=20260312\r\n"),
		 Calendar_Recurrence, "Recurrence(Type=0|Interval=1|Until=20260312T000000Z)"},
		{141, EVENT("DTSTART:20260310T130000Z\r\nRRULE:FREQ=HOURLY\r\n"),
		 Calendar_Recurrence, "-"},
		/* Exceptions. */
		{121, PARIS_MEETING, Calendar_Exceptions,
		 "Exceptions(Exception(Deleted=1|ExceptionStartTime=20260317T130000Z)|"
		 "Exception(ExceptionStartTime=20260324T130000Z|StartTime=20260324T150000Z|"
		 "Subject=Moved|EndTime=20260324T160000Z|BusyStatus=2|Reminder))"},
		{140, PARIS_MEETING, Calendar_Exceptions,
		 "Exceptions(Exception(Deleted=1|ExceptionStartTime=20260317T130000Z)|"
		 "Exception(ExceptionStartTime=20260324T130000Z|StartTime=20260324T150000Z|"
		 "Subject=Moved|Attendees(Attendee(Email=anna@example.test|Name=Anna|"
		 "AttendeeStatus=3|AttendeeType=1)|Attendee(Email=room@example.test|"
		 "Name=room@example.test|AttendeeStatus=3|AttendeeType=3))|"
		 "EndTime=20260324T160000Z|BusyStatus=2|Reminder|ResponseType=3))"},
		{160, PARIS_MEETING, Calendar_Exceptions,
		 "Exceptions(Exception(Deleted=1|InstanceId=20260317T130000Z)|"
		 "Exception(InstanceId=20260324T130000Z|StartTime=20260324T150000Z|"
		 "Subject=Moved|Attendees(Attendee(Email=anna@example.test|Name=Anna|"
		 "AttendeeStatus=3|AttendeeType=1)|Attendee(Email=room@example.test|"
		 "Name=room@example.test|AttendeeStatus=3|AttendeeType=3))|"
		 "EndTime=20260324T160000Z|BusyStatus=2|Reminder|ResponseType=3))"},
		/* People. */
		{25, PARIS_MEETING, Calendar_Attendees,
		 "Attendees(Attendee(Email=anna@example.test|Name=Anna)|"
		 "Attendee(Email=room@example.test|Name=room@example.test))"},
		{141, PARIS_MEETING, Calendar_OrganizerEmail, "OrganizerEmail=ben@example.test"},
		{141, PARIS_MEETING, Calendar_MeetingStatus, "MeetingStatus=3"},
		{141, PARIS_MEETING, Calendar_ResponseType, "ResponseType=5"},
		{141, PARIS_MEETING, Calendar_BusyStatus, "BusyStatus=1"},
		{141, PARIS_MEETING, Calendar_AppointmentReplyTime, "-"},
		{121, PARIS_MEETING, Calendar_ResponseType, "-"},
		{141, EVENT("SUMMARY:x\r\n"), Calendar_OrganizerEmail,
		 "OrganizerEmail=anna@example.test"},
		{141, EVENT("SUMMARY:x\r\n"), Calendar_MeetingStatus, "MeetingStatus=0"},
		{141, EVENT("ATTENDEE:mailto:b@x.test\r\nSTATUS:CANCELLED\r\n"),
		 Calendar_MeetingStatus, "MeetingStatus=5"},
		{141, EVENT("ORGANIZER:mailto:B@x.test\r\nATTENDEE:mailto:b@x.test\r\n"),
		 Calendar_Attendees, "-"},
		{161,
		 EVENT("ATTENDEE;CN=B;X-EASEL-PROPOSED-START=20260310T150000Z;"
		       "X-EASEL-PROPOSED-END=20260310T160000Z:mailto:b@x.test\r\n"),
		 Calendar_Attendees,
		 "Attendees(Attendee(Email=b@x.test|Name=B|AttendeeStatus=5|AttendeeType=1|"
		 "ProposedStartTime=20260310T150000Z|ProposedEndTime=20260310T160000Z))"},
		/* Words. */
		{141, PARIS_MEETING, Calendar_Reminder, "Reminder=15"},
		{141, EVENT("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE\r\n"), Calendar_BusyStatus,
		 "BusyStatus=2"},
		{160, EVENT("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE\r\n"), Calendar_BusyStatus,
		 "BusyStatus=4"},
		{141, EVENT("TRANSP:TRANSPARENT\r\n"), Calendar_BusyStatus, "BusyStatus=0"},
		{141, EVENT("CLASS:CONFIDENTIAL\r\n"), Calendar_Sensitivity, "Sensitivity=3"},
		{141, EVENT("CLASS:X-ODD\r\n"), Calendar_Sensitivity, "Sensitivity=2"},
		{141, EVENT("CATEGORIES:a\\,b,c\r\nCATEGORIES:c,d\r\n"), Calendar_Categories,
		 "Categories(Category=a,b|Category=c|Category=d)"},
		{141, EVENT("LOCATION:Room\\, 1\r\nGEO:1.5;2\r\n"), Calendar_Location,
		 "Location=Room, 1"},
		{160, EVENT("LOCATION:Room\r\nGEO:1.5;2\r\n"), Calendar_Location, "-"},
		{160, EVENT("LOCATION:Room\r\nGEO:1.5;2\r\n"), AirSyncBase_Location,
		 "Location(DisplayName=Room|Latitude=1.5|Longitude=2)"},
		{141, EVENT("CONFERENCE;VALUE=URI:https://x.test/1\r\n"),
		 Calendar_OnlineMeetingExternalLink, "OnlineMeetingExternalLink=https://x.test/1"},
		{160, EVENT("ATTACH;ENCODING=BASE64;VALUE=BINARY;FILENAME=a.txt:aGVsbG8h\r\n"),
		 AirSyncBase_Attachments,
		 "Attachments(Attachment(DisplayName=a.txt|"
		 "FileReference=5:1:7:2b97ad979b19a24beacec9ad|Method=1|EstimatedDataSize=6))"},
		{141, EVENT("ATTACH;ENCODING=BASE64;VALUE=BINARY:aGVsbG8h\r\n"),
		 AirSyncBase_Attachments, "-"},
		{25, EVENT("DESCRIPTION:a\\nb\r\n"), Calendar_Body, "Body=a\r\nb"},
		{141, EVENT("DESCRIPTION:x\r\nX-ALT-DESC;FMTTYPE=text/html:<b>x</b>\r\n"),
		 AirSyncBase_NativeBodyType, "NativeBodyType=2"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str got = shown(rows[i].version, rows[i].text, rows[i].tag);
		if (!str_eq(got, str_of(rows[i].want)))
			fail_msg("row %zu: got %.*s\nwant %s", i, STR_ARG(got), rows[i].want);
	}
	assert_str(shown(141, PARIS_MEETING, Calendar_Timezone),
		   arena_printf(arena, "Timezone=%s", paris_blob));
}

/* ---- In ---- */

static struct wbxml_node *leaf(unsigned tag, const char *text)
{
	return lab_leaf(tag, text);
}

/* Several elements at once, as one edit. */
static bool try_edit(unsigned version, const char *old, struct wbxml_node **sent, int64_t instance,
		     struct str *out, struct err *e)
{
	struct item_context ctx = context(version);
	struct item_edit_field v[40];
	struct item_edit edit = {.v = v};
	for (; *sent; sent++) {
		v[edit.n++] = (struct item_edit_field){
			(*sent)->tag, *sent,
			lab_seen(&calendar_class, &ctx, str_of(old), (*sent)->tag)};
	}
	return calendar_class.apply(&ctx, str_of(old), &edit, instance, out, e);
}

static struct str edit_many(unsigned version, const char *old, struct wbxml_node **sent)
{
	struct err e = {0};
	struct str out;
	if (!try_edit(version, old, sent, INT64_MIN, &out, &e))
		fail_msg("apply: %s", e.text);
	return out;
}

#define EDIT(version, old, ...) edit_many(version, old, (struct wbxml_node *[]){__VA_ARGS__, NULL})

/* What differs, as lines: "-old" and "+new". */
static struct str difference(struct str before, struct str after)
{
	struct buf out = {0};
	struct str rest = before, line;
	while (str_next(&rest, '\n', &line))
		if (str_find(after, line) < 0)
			buf_printf(&out, "-%.*s\n", STR_ARG(str_trim(line)));
	rest = after;
	while (str_next(&rest, '\n', &line))
		if (str_find(before, line) < 0)
			buf_printf(&out, "+%.*s\n", STR_ARG(str_trim(line)));
	return buf_move(arena, &out);
}

static void one_element_changes_its_line_only(void **state)
{
	static const struct {
		unsigned version, tag;
		const char *sent, *want;
	} rows[] = {
		{141, Calendar_Subject, "New", "-SUMMARY:Weekly\n+SUMMARY:New\n"},
		{141, Calendar_Subject, "", "-SUMMARY:Weekly\n"},
		{141, Calendar_Location, "R\n1", "+LOCATION:R\\n1\n"},
		{141, Calendar_Reminder, "30", "-TRIGGER:-PT15M\n+TRIGGER:-PT30M\n"},
		{141, Calendar_Reminder, "", "-ACTION:DISPLAY\n-TRIGGER:-PT15M\n-X-KEEP:1\n"},
		{141, Calendar_Sensitivity, "2", "+CLASS:PRIVATE\n"},
		{141, Calendar_BusyStatus, "0", "+TRANSP:TRANSPARENT\n"},
		{141, Calendar_BusyStatus, "3", "+X-MICROSOFT-CDO-BUSYSTATUS:OOF\n"},
		{141, Calendar_UID, "other", ""},
		{141, Calendar_OrganizerEmail, "anna@example.test", ""},
		{141, Calendar_OrganizerName, "Me", ""},
		{141, Calendar_MeetingStatus, "7", ""},
		{141, Calendar_DtStamp, "20260305T000000Z", "+DTSTAMP:20260305T000000Z\n"},
		{160, Calendar_DtStamp, "20260305T000000Z", ""},
		{141, Calendar_DisallowNewTimeProposal, "1",
		 "+X-MICROSOFT-DISALLOW-COUNTER:TRUE\n"},
		{141, Calendar_ResponseType, "3", ""},
		{141, Calendar_Timezone, paris_blob, ""},
		{141, Calendar_EndTime, "20260310T143000Z",
		 "-DTEND;TZID=Europe/Paris:20260310T150000\n"
		 "+DTEND;TZID=Europe/Paris:20260310T153000\n"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct str out =
			EDIT(rows[i].version, PARIS_MEETING, leaf(rows[i].tag, rows[i].sent));
		struct str got = difference(STR(PARIS_MEETING), out);
		if (!str_eq(got, str_of(rows[i].want)))
			fail_msg("row %zu: got %.*s\nwant %s", i, STR_ARG(got), rows[i].want);
	}
}

static void refused_values(void **state)
{
	static const struct {
		unsigned version, tag;
		const char *sent;
	} rows[] = {
		{141, Calendar_BusyStatus, "4"},
		{160, Calendar_BusyStatus, "5"},
		{141, Calendar_Sensitivity, "4"},
		{141, Calendar_AllDayEvent, "2"},
		{141, Calendar_Reminder, "soon"},
		{141, Calendar_Reminder, "-5"},
		{141, Calendar_MeetingStatus, "2"},
		{141, Calendar_MeetingStatus, "16"},
		{141, Calendar_StartTime, "now"},
		{141, Calendar_EndTime, "20260309T000000Z"},
		{141, Calendar_Timezone, "AAAA"},
		{141, Calendar_DtStamp, "x"},
		{141, Calendar_DisallowNewTimeProposal, "2"},
	};
	struct str out;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct wbxml_node *sent[] = {leaf(rows[i].tag, rows[i].sent), NULL};
		struct err e = {0};
		if (try_edit(rows[i].version, PARIS_MEETING, sent, INT64_MIN, &out, &e))
			fail_msg("row %zu was taken", i);
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

static struct wbxml_node *recurrence(const char *type, const char *days)
{
	return LAB_ELEMENT(Calendar_Recurrence, leaf(Calendar_Type, type),
			   leaf(Calendar_Interval, "1"), leaf(Calendar_DayOfWeek, days));
}

static void new_events(void **state)
{
	struct str out;
	(void)state;
	out = EDIT(141, "", leaf(Calendar_Timezone, paris_blob),
		   leaf(Calendar_DtStamp, "20260304T090000Z"),
		   leaf(Calendar_StartTime, "20260310T130000Z"),
		   leaf(Calendar_EndTime, "20260310T140000Z"), leaf(Calendar_Subject, "Weekly"),
		   leaf(Calendar_UID, "0123@x"), recurrence("1", "4"),
		   leaf(Calendar_MeetingStatus, "0"), leaf(Calendar_AllDayEvent, "0"));
	assert_has(out, "UID:0123@x\r\n");
	assert_has(out, "DTSTART;TZID=Europe/Paris:20260310T140000\r\n");
	assert_has(out, "DTEND;TZID=Europe/Paris:20260310T150000\r\n");
	assert_has(out, "RRULE:FREQ=WEEKLY;BYDAY=TU\r\n");
	assert_has(out, "BEGIN:VTIMEZONE\r\nTZID:Europe/Paris\r\n");
	assert_has(out, "DTSTAMP:20260304T090000Z\r\n");
	assert_has_not(out, "ORGANIZER");

	/* A whole day, said in the device's midnight, in UTC, and as 16.x says it. */
	out = EDIT(121, "", leaf(Calendar_Timezone, paris_blob), leaf(Calendar_AllDayEvent, "1"),
		   leaf(Calendar_StartTime, "20260309T230000Z"),
		   leaf(Calendar_EndTime, "20260310T230000Z"));
	assert_has(out, "DTSTART;VALUE=DATE:20260310\r\n");
	assert_has(out, "DTEND;VALUE=DATE:20260311\r\n");
	out = EDIT(121, "", leaf(Calendar_Timezone, paris_blob), leaf(Calendar_AllDayEvent, "1"),
		   leaf(Calendar_StartTime, "20260310T000000Z"),
		   leaf(Calendar_EndTime, "20260311T000000Z"));
	assert_has(out, "DTSTART;VALUE=DATE:20260310\r\n");
	out = EDIT(160, "", leaf(Calendar_AllDayEvent, "1"), leaf(Calendar_ClientUid, "c-uid"),
		   leaf(Calendar_StartTime, "20260310T000000Z"),
		   leaf(Calendar_EndTime, "20260311T000000Z"));
	assert_has(out, "DTSTART;VALUE=DATE:20260310\r\n");
	assert_has(out, "UID:c-uid\r\n");

	/* A meeting: who makes it organizes it. */
	struct wbxml_node *attendees = LAB_ELEMENT(
		Calendar_Attendees,
		LAB_ELEMENT(Calendar_Attendee, leaf(Calendar_Email, "b@x.test"),
			    leaf(Calendar_Name, "B, b"), leaf(Calendar_AttendeeType, "2")));
	out = EDIT(160, "", leaf(Calendar_StartTime, "20260310T130000Z"),
		   leaf(Calendar_EndTime, "20260310T140000Z"), attendees,
		   leaf(Calendar_MeetingStatus, "1"));
	assert_has(out, "ORGANIZER;CN=Anna:mailto:anna@example.test\r\n");
	assert_has(out,
		   "ATTENDEE;CN=\"B, b\";ROLE=OPT-PARTICIPANT;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:");
	/* One that came from elsewhere keeps who that is. */
	out = EDIT(141, "", leaf(Calendar_StartTime, "20260310T130000Z"),
		   leaf(Calendar_EndTime, "20260310T140000Z"), attendees,
		   leaf(Calendar_OrganizerEmail, "c@x.test"), leaf(Calendar_MeetingStatus, "3"));
	assert_has(out, "ORGANIZER:mailto:c@x.test\r\n");
}

/* MS-ASCAL 3.2.4.5; now is 1 January 2026, 00:00. */
static void missing_times_are_filled_in(void **state)
{
	static const struct {
		const char *start, *end, *want_start, *want_end;
	} rows[] = {
		{NULL, NULL, "20260101T010000", "20260101T013000"},
		{NULL, "20260101T050000Z", "20260101T010000", "20260101T060000"},
		{"20251231T120000Z", NULL, "20251231T130000", "20260101T013000"},
		{NULL, "20251231T120000Z", NULL, NULL},
		{"20260102T120000Z", NULL, NULL, NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct wbxml_node *sent[4] = {leaf(Calendar_Subject, "x")};
		struct str out;
		struct err e = {0};
		size_t n = 1;
		if (rows[i].start)
			sent[n++] = leaf(Calendar_StartTime, rows[i].start);
		if (rows[i].end)
			sent[n++] = leaf(Calendar_EndTime, rows[i].end);
		bool ok = try_edit(141, "", sent, INT64_MIN, &out, &e);
		assert_int_equal(ok, rows[i].want_start != NULL);
		if (!ok) {
			assert_int_equal(e.kind, ERR_INVALID);
			continue;
		}
		assert_has(out, arena_printf(arena, "DTSTART;TZID=Europe/Paris:%s\r\n",
					     rows[i].want_start));
		assert_has(out,
			   arena_printf(arena, "DTEND;TZID=Europe/Paris:%s\r\n", rows[i].want_end));
	}
}

static void moved_series(void **state)
{
	/* Exceptions go with it below 16.0, and are dropped from there on. */
	struct str out = EDIT(141, PARIS_MEETING, leaf(Calendar_StartTime, "20260310T140000Z"),
			      leaf(Calendar_EndTime, "20260310T150000Z"));
	(void)state;
	assert_has(out, "EXDATE;TZID=Europe/Paris:20260317T150000\r\n");
	assert_has(out, "RECURRENCE-ID;TZID=Europe/Paris:20260324T150000\r\n");
	assert_has(out, "DTSTART;TZID=Europe/Paris:20260324T160000\r\n");
	assert_has(out, "RRULE:FREQ=WEEKLY;COUNT=5;BYDAY=TU\r\n");
	out = EDIT(160, PARIS_MEETING, leaf(Calendar_StartTime, "20260310T140000Z"),
		   leaf(Calendar_EndTime, "20260310T150000Z"));
	assert_has_not(out, "EXDATE");
	assert_has_not(out, "RECURRENCE-ID");
	/* Another zone: the old VTIMEZONE stays, the new one comes. */
	struct str blob = zone_blob(arena, zone_olson(STR("America/New_York")), 1773147600);
	out = EDIT(141, PARIS_MEETING, leaf(Calendar_Timezone, str_dup(arena, blob)));
	assert_has(out, "DTSTART;TZID=America/New_York:20260310T090000\r\n");
	assert_has(out, "TZID:America/New_York\r\n");
	assert_has(out, "X-KEEP:me\r\n");
	/* An empty recurrence: a single event (MS-ASCAL 2.2.2.37). */
	out = EDIT(160, PARIS_MEETING, leaf(Calendar_Recurrence, ""));
	assert_has_not(out, "RRULE:FREQ=WEEKLY");
	assert_has_not(out, "RECURRENCE-ID");
}

static void rules_that_the_protocol_lacks_stay(void **state)
{
	static const char text[] =
		EVENT("DTSTART:20260309T090000Z\r\nRRULE:FREQ=MONTHLY;BYDAY=2MO,4MO\r\n"
		      "RDATE:20260501T090000Z\r\n");
	struct str out = EDIT(141, text, leaf(Calendar_Subject, "x"));
	(void)state;
	assert_has(out, "RRULE:FREQ=MONTHLY;BYDAY=2MO,4MO\r\nRDATE:20260501T090000Z\r\n");
	/* Only its end is changed. */
	out = EDIT(141, text,
		   LAB_ELEMENT(Calendar_Recurrence, leaf(Calendar_Type, "3"),
			       leaf(Calendar_Interval, "1"), leaf(Calendar_WeekOfMonth, "2"),
			       leaf(Calendar_DayOfWeek, "2"), leaf(Calendar_Occurrences, "9")));
	assert_has(out, "RRULE:FREQ=MONTHLY;BYDAY=2MO,4MO;COUNT=9\r\n");
	out = EDIT(141, text, recurrence("1", "2"));
	assert_has(out, "RRULE:FREQ=WEEKLY;BYDAY=MO\r\n");
}

static struct wbxml_node *exception(const char *original, struct wbxml_node *what,
				    struct wbxml_node *more)
{
	return LAB_ELEMENT(Calendar_Exception, leaf(Calendar_ExceptionStartTime, original), what,
			   more);
}

static void exceptions_as_a_list(void **state)
{
	struct wbxml_node *deleted = leaf(Calendar_Deleted, "1");
	struct str out;
	(void)state;
	/* The first two as they are, another one deleted, another one changed. */
	out = EDIT(121, PARIS_MEETING,
		   LAB_ELEMENT(
			   Calendar_Exceptions,
			   exception("20260317T130000Z", leaf(Calendar_Deleted, "1"), NULL),
			   LAB_ELEMENT(Calendar_Exception,
				       leaf(Calendar_ExceptionStartTime, "20260324T130000Z"),
				       leaf(Calendar_StartTime, "20260324T150000Z"),
				       leaf(Calendar_Subject, "Moved"),
				       leaf(Calendar_EndTime, "20260324T160000Z"),
				       leaf(Calendar_BusyStatus, "2"), leaf(Calendar_Reminder, "")),
			   exception("20260331T120000Z", deleted, NULL),
			   exception("20260407T120000Z", leaf(Calendar_Subject, "Last"), NULL)));
	assert_has(out, "EXDATE;TZID=Europe/Paris:20260317T140000\r\n");
	assert_has(out, "EXDATE;TZID=Europe/Paris:20260331T140000\r\n");
	assert_has(out, "RECURRENCE-ID;TZID=Europe/Paris:20260407T140000\r\n");
	assert_has(out, "SUMMARY:Last\r\n");
	assert_has(out, "SUMMARY:Moved\r\n");
	assert_has(out, "PARTSTAT=ACCEPTED:mailto:anna@example.test\r\n");
	/* Those that are not in the list stay, whatever else is in it (MS-ASCAL 3.2.5.3.1). */
	out = EDIT(121, PARIS_MEETING, leaf(Calendar_Exceptions, ""));
	assert_has(out, "EXDATE;TZID=Europe/Paris:20260317T140000\r\n");
	assert_has(out, "SUMMARY:Moved\r\n");
	out = EDIT(
		121, PARIS_MEETING,
		LAB_ELEMENT(Calendar_Exceptions,
			    exception("20260407T120000Z", leaf(Calendar_Subject, "Last"), NULL)));
	assert_has(out, "EXDATE;TZID=Europe/Paris:20260317T140000\r\n");
	assert_has(out, "SUMMARY:Moved\r\n");
	assert_has(out, "SUMMARY:Last\r\n");
	/* The wrong time of day, as some send it after a series was moved. */
	out = EDIT(121, PARIS_MEETING,
		   LAB_ELEMENT(Calendar_Exceptions,
			       exception("20260331T100000Z", leaf(Calendar_Subject, "Odd"), NULL)));
	assert_has(out, "RECURRENCE-ID;TZID=Europe/Paris:20260331T140000\r\n");
	/* Bad ones. */
	struct wbxml_node *const bad[] = {
		LAB_ELEMENT(Calendar_Exceptions,
			    LAB_ELEMENT(Calendar_Exception, leaf(Calendar_Subject, "x"))),
		LAB_ELEMENT(
			Calendar_Exceptions,
			exception("20260331T120000Z", leaf(Calendar_Timezone, paris_blob), NULL)),
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct wbxml_node *sent[] = {bad[i], NULL};
		struct err e = {0};
		assert_false(try_edit(121, PARIS_MEETING, sent, INT64_MIN, &out, &e));
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

static int64_t ms(const char *text)
{
	int64_t out;
	assert_true(clock_parse(str_of(text), &out));
	return out;
}

static void occurrences_by_instance_id(void **state)
{
	struct wbxml_node *sent[] = {leaf(Calendar_Subject, "One"), NULL};
	struct item_context ctx = context(161);
	struct err e = {0};
	struct str out;
	(void)state;
	assert_true(try_edit(161, PARIS_MEETING, sent, ms("20260331T120000Z"), &out, &e));
	assert_has(out, "RECURRENCE-ID;TZID=Europe/Paris:20260331T140000\r\n");
	assert_has(out, "SUMMARY:One\r\n");
	assert_has(out, "SUMMARY:Weekly\r\n");
	assert_has(out, "RECURRENCE-ID;TZID=Europe/Paris:20260324T140000\r\n");
	assert_has(out, "TRIGGER:-P1D\r\n");
	/* The one that differs already. */
	assert_true(try_edit(161, PARIS_MEETING, sent, ms("20260324T130000Z"), &out, &e));
	assert_has_not(out, "SUMMARY:Moved");
	/* None. */
	assert_false(try_edit(161, PARIS_MEETING, sent, ms("20260401T120000Z"), &out, &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	/* Deleted: from the series, from among the overrides, and again. */
	assert_true(calendar_class.remove_instance(&ctx, STR(PARIS_MEETING), ms("20260324T130000Z"),
						   &out, &e));
	assert_has(out, "EXDATE;TZID=Europe/Paris:20260324T140000\r\n");
	assert_has_not(out, "RECURRENCE-ID");
	struct str again;
	assert_true(calendar_class.remove_instance(&ctx, out, ms("20260324T130000Z"), &again, &e));
	assert_str(again, str_dup(arena, out));
	assert_false(calendar_class.remove_instance(&ctx, STR(PARIS_MEETING),
						    ms("20260325T130000Z"), &out, &e));
}

static void attendees(void **state)
{
	static const char own[] =
		EVENT("DTSTART:20260310T130000Z\r\nORGANIZER:mailto:anna@example.test\r\n"
		      "ATTENDEE;X-A=1;PARTSTAT=ACCEPTED;CN=B:mailto:b@x.test\r\n"
		      "ATTENDEE;CN=C:mailto:c@x.test\r\n");
	struct wbxml_node *b = LAB_ELEMENT(
		Calendar_Attendee, leaf(Calendar_Email, "B@x.test"), leaf(Calendar_Name, "B"),
		leaf(Calendar_AttendeeStatus, "4"), leaf(Calendar_AttendeeType, "1"));
	struct wbxml_node *d = LAB_ELEMENT(Calendar_Attendee, leaf(Calendar_Email, "d@x.test"),
					   leaf(Calendar_Name, "D"));
	struct str out = EDIT(141, own, LAB_ELEMENT(Calendar_Attendees, b, d));
	(void)state;
	assert_has(out, "ATTENDEE;X-A=1;PARTSTAT=DECLINED;CN=B:mailto:b@x.test\r\n");
	assert_has(out, "ATTENDEE;CN=D;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:d@x.test\r\n");
	assert_has_not(out, "c@x.test");
	/* From 16.0 on a status is the server's. */
	out = EDIT(160, own, LAB_ELEMENT(Calendar_Attendees, b, d));
	assert_has(out, "ATTENDEE;X-A=1;PARTSTAT=ACCEPTED;CN=B:mailto:b@x.test\r\n");
	/* A guest changes nobody but himself, and can't cancel. */
	struct wbxml_node *me =
		LAB_ELEMENT(Calendar_Attendee, leaf(Calendar_Email, "anna@example.test"),
			    leaf(Calendar_Name, "X"), leaf(Calendar_AttendeeStatus, "3"),
			    leaf(Calendar_AttendeeType, "2"));
	out = EDIT(141, PARIS_MEETING, LAB_ELEMENT(Calendar_Attendees, me, d),
		   leaf(Calendar_MeetingStatus, "7"));
	assert_has(out, "ATTENDEE;CN=Anna;PARTSTAT=ACCEPTED;X-KEEP=1:mailto:anna@example.test\r\n");
	assert_has(out, "room@example.test");
	assert_has_not(out, "d@x.test");
	assert_has_not(out, "STATUS:CANCELLED");
	out = EDIT(141, own, leaf(Calendar_MeetingStatus, "5"));
	assert_has(out, "STATUS:CANCELLED\r\n");
	/* Values that are none. */
	static const char *const bad[][2] = {{"1", "1"}, {"6", "1"}, {"3", "0"}, {"3", "4"}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct wbxml_node *sent[] = {
			LAB_ELEMENT(Calendar_Attendees,
				    LAB_ELEMENT(Calendar_Attendee, leaf(Calendar_Email, "b@x.test"),
						leaf(Calendar_AttendeeStatus, bad[i][0]),
						leaf(Calendar_AttendeeType, bad[i][1]))),
			NULL};
		struct err e = {0};
		assert_false(try_edit(141, own, sent, INT64_MIN, &out, &e));
	}
}

static void places_and_attachments(void **state)
{
	static const char text[] =
		EVENT("DTSTART:20260310T130000Z\r\n"
		      "ATTACH;ENCODING=BASE64;VALUE=BINARY;FILENAME=a.txt:aGVsbG8h\r\n"
		      "ATTACH:https://x.test/file\r\n");
	struct wbxml_node *add = LAB_ELEMENT(AirSyncBase_Add, leaf(AirSyncBase_ClientId, "c1"),
					     leaf(AirSyncBase_DisplayName, "b, b.png"),
					     leaf(AirSyncBase_ContentType, "image/png"),
					     leaf(AirSyncBase_Content, "AQID"));
	struct wbxml_node *empty = LAB_ELEMENT(AirSyncBase_Add, leaf(AirSyncBase_ClientId, "c2"),
					       leaf(AirSyncBase_DisplayName, "moved"));
	struct wbxml_node *delete =
		LAB_ELEMENT(AirSyncBase_Delete,
			    leaf(AirSyncBase_FileReference, "5:1:7:2b97ad979b19a24beacec9ad"));
	struct str out = EDIT(160, text, LAB_ELEMENT(AirSyncBase_Attachments, add, empty, delete));
	(void)state;
	assert_has(out, "ATTACH;ENCODING=BASE64;VALUE=BINARY;FMTTYPE=image/png;"
			"FILENAME=\"b, b.png\":A\r\n QID\r\n");
	assert_has_not(out, "aGVsbG8h");
	assert_has_not(out, "moved");
	assert_has(out, "ATTACH:https://x.test/file\r\n");
	struct item_context ctx = context(160);
	struct item_attachment a;
	struct err e = {0};
	assert_true(calendar_class.attachment(&ctx, str_of(text), STR("2b97ad979b19a24beacec9ad"),
					      &a, &e));
	assert_str(a.bytes, "hello!");
	assert_str(a.name, "a.txt");
	assert_false(calendar_class.attachment(&ctx, str_of(text), STR("eae0"), &a, &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);

	struct wbxml_node *place =
		LAB_ELEMENT(AirSyncBase_Location, leaf(AirSyncBase_DisplayName, "Café"),
			    leaf(AirSyncBase_Street, "Main 1"), leaf(AirSyncBase_Latitude, "48.5"),
			    leaf(AirSyncBase_Longitude, "-2"),
			    leaf(AirSyncBase_LocationUri, "https://m.test/"));
	out = EDIT(161, text, place);
	assert_has(out, "LOCATION:Café\r\n");
	assert_has(out, "GEO:48.5;-2\r\n");
	assert_str(shown(161, str_dup(arena, out), AirSyncBase_Location),
		   "Location(DisplayName=Café|Street=Main 1|Latitude=48.5|Longitude=-2|"
		   "LocationUri=https://m.test/)");
	assert_str(shown(141, str_dup(arena, out), Calendar_Location), "Location=Café");
	out = EDIT(161, str_dup(arena, out), leaf(AirSyncBase_Location, ""));
	assert_has_not(out, "LOCATION");
	assert_has_not(out, "GEO");
	struct wbxml_node *sent[] = {
		LAB_ELEMENT(AirSyncBase_Location, leaf(AirSyncBase_Latitude, "north")), NULL};
	assert_false(try_edit(161, text, sent, INT64_MIN, &out, &e));
}

static void bodies(void **state)
{
	static const char text[] = EVENT("DESCRIPTION;LANGUAGE=de:old\r\n"
					 "X-ALT-DESC;FMTTYPE=text/html;X=1:<b>old</b>\r\n");
	struct wbxml_node *plain = LAB_ELEMENT(AirSyncBase_Body, leaf(AirSyncBase_Type, "1"),
					       leaf(AirSyncBase_Data, "new\r\ntext"));
	struct wbxml_node *html = LAB_ELEMENT(AirSyncBase_Body, leaf(AirSyncBase_Type, "2"),
					      leaf(AirSyncBase_Data, "<p>new</p>"));
	struct str out = EDIT(141, text, plain);
	(void)state;
	assert_has(out, "DESCRIPTION;LANGUAGE=de:new\\ntext\r\n");
	assert_has_not(out, "X-ALT-DESC");
	out = EDIT(141, text, html);
	assert_has(out, "X-ALT-DESC;FMTTYPE=text/html;X=1:<p>new</p>\r\n");
	assert_has(out, "DESCRIPTION;LANGUAGE=de:new");
	out = EDIT(25, text, leaf(Calendar_Body, "short"));
	assert_has(out, "DESCRIPTION;LANGUAGE=de:short\r\n");
}

/* ---- For the store ---- */

static void facts(void **state)
{
	static const struct {
		const char *text, *last; /* NULL: without end */
		const char *summary;
	} rows[] = {
		{EVENT("DTSTART:20260310T130000Z\r\nDTEND:20260310T140000Z\r\nSUMMARY:a\r\n"),
		 "20260310T140000Z",
		 "{\"busy\":2,\"end\":1773151200000,\"recurs\":false,\"start\":1773147600000,"
		 "\"subject\":\"a\",\"uid\":\"u1\"}"},
		{EVENT("DTSTART:20260310T130000Z\r\nDTEND:20260310T140000Z\r\n"
		       "RRULE:FREQ=DAILY;COUNT=3\r\n"),
		 "20260312T140000Z", NULL},
		{EVENT("DTSTART:20260310T130000Z\r\nRRULE:FREQ=DAILY\r\n"), NULL, NULL},
		{EVENT("DTSTART:20260310T130000Z\r\nRRULE:FREQ=SECONDLY;COUNT=99999999\r\n"), NULL,
		 NULL},
		{EVENT("DTSTART:20260310T130000Z\r\nRRULE:FREQ=DAILY;COUNT=99999999\r\n"), NULL,
		 NULL},
		{EVENT("DTSTART:20260310T130000Z\r\nRDATE:20270310T130000Z\r\n"),
		 "20270310T130000Z", NULL},
		{PARIS_MEETING, "20260407T130000Z", NULL},
	};
	struct item_context ctx = context(141);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct item_facts f;
		struct err e = {0};
		assert_true(calendar_class.facts(&ctx, str_of(rows[i].text), &f, &e));
		assert_int_equal(f.date, rows[i].last ? ms(rows[i].last) : INT64_MAX);
		if (rows[i].summary)
			assert_str(f.summary, rows[i].summary);
	}
}

static void left_out_elements(void **state)
{
	struct item_context old = context(121), new = context(160);
	(void)state;
	assert_int_equal(calendar_class.left_out(&old, Calendar_Attendees), LEFT_OUT_GHOSTED);
	assert_int_equal(calendar_class.left_out(&old, Calendar_Location), LEFT_OUT_REMOVED);
	assert_int_equal(calendar_class.left_out(&old, AirSyncBase_Body), LEFT_OUT_KEPT);
	assert_int_equal(calendar_class.left_out(&new, Calendar_Subject), LEFT_OUT_KEPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(elements_by_version),
		cmocka_unit_test(one_element_changes_its_line_only),
		cmocka_unit_test(refused_values),
		cmocka_unit_test(new_events),
		cmocka_unit_test(missing_times_are_filled_in),
		cmocka_unit_test(moved_series),
		cmocka_unit_test(rules_that_the_protocol_lacks_stay),
		cmocka_unit_test(exceptions_as_a_list),
		cmocka_unit_test(occurrences_by_instance_id),
		cmocka_unit_test(attendees),
		cmocka_unit_test(places_and_attachments),
		cmocka_unit_test(bodies),
		cmocka_unit_test(facts),
		cmocka_unit_test(left_out_elements),
	};
	return cmocka_run_group_tests(tests, lab_set_up, lab_tear_down);
}
