/* Meetings as text: what arrives, what the user answers, what is mailed; and TNEF. */
#include "test/unit/item_lab.h"

#include <string.h>

#include "core/base/clock.h"
#include "core/meeting.h"
#include "core/tnef.h"

#define OBJECT(method, lines)                                                                      \
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" method "BEGIN:VEVENT\r\nUID:m1\r\n" lines             \
	"END:VEVENT\r\nEND:VCALENDAR\r\n"

#define WHEN "DTSTART:20270310T120000Z\r\nDTEND:20270310T130000Z\r\n"
#define BEN "ORGANIZER:mailto:ben@x.test\r\n"
#define EVE "ORGANIZER:mailto:eve@x.test\r\n"
#define ME "ATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.test\r\n"
#define GUEST "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:guest@x.test\r\n"
#define OWN "ORGANIZER:mailto:anna@example.test\r\n"

static struct item_context context(void)
{
	struct item_context ctx = lab_context(161);
	ctx.address = STR("anna@example.test");
	ctx.name = STR("Anna");
	return ctx;
}

/* What becomes of an event; the texts are not looked at where they are NULL. */
static void takes(size_t row, const char *old, const struct meeting *m, bool want, const char *has,
		  const char *has_not)
{
	struct item_context ctx = context();
	struct err e = {0};
	struct str out = STR("");
	bool changed = meeting_apply(&ctx, str_of(old), m, &out, &e) == MEETING_CHANGED;
	if (changed != want)
		fail_msg("row %zu: changed %d, %s", row, changed, e.text);
	if (has)
		assert_has(out, has);
	if (has_not)
		assert_has_not(out, has_not);
}

/* One effect after another. */
static void arrivals(void **state)
{
	static const struct {
		const char *old, *message;
		bool changed;
		const char *has, *has_not; /* NULL: not looked at */
	} rows[] = {
		/* New: not answered yet, and none of what another's mail says to do. */
		{"", OBJECT("METHOD:REQUEST\r\n", WHEN BEN ME "BEGIN:VALARM\r\nEND:VALARM\r\n"),
		 true, "PARTSTAT=NEEDS-ACTION", "VALARM"},
		{"", OBJECT("METHOD:REQUEST\r\n", WHEN BEN ME), true, "UID:m1", "METHOD"},
		{"", OBJECT("METHOD:REQUEST\r\n", WHEN BEN), true,
		 "ATTENDEE;ROLE=REQ-PARTICIPANT;PARTSTAT=NEEDS-ACTION:mailto:anna@", NULL},
		{"", OBJECT("METHOD:REQUEST\r\n", WHEN OWN GUEST), false, NULL, NULL},
		{"", OBJECT("METHOD:CANCEL\r\n", WHEN BEN ME), false, NULL, NULL},
		/* The update of one: in sequence, from its organizer, with the user's own kept. */
		{OBJECT("", WHEN BEN ME "SEQUENCE:1\r\nCATEGORIES:Mine\r\n"),
		 OBJECT("METHOD:REQUEST\r\n", WHEN BEN ME "SEQUENCE:2\r\nSUMMARY:New\r\n"), true,
		 "PARTSTAT=ACCEPTED", NULL},
		{OBJECT("", WHEN BEN ME "SEQUENCE:1\r\nCATEGORIES:Mine\r\n"),
		 OBJECT("METHOD:REQUEST\r\n", WHEN BEN ME "SEQUENCE:2\r\nCATEGORIES:Yours\r\n"),
		 true, "CATEGORIES:Mine", "Yours"},
		{OBJECT("", WHEN BEN ME "SEQUENCE:1\r\n"),
		 OBJECT("METHOD:REQUEST\r\n",
			"DTSTART:20270311T120000Z\r\n" BEN ME "SEQUENCE:2\r\n"),
		 true, "PARTSTAT=NEEDS-ACTION", NULL},
		{OBJECT("", WHEN BEN ME "SEQUENCE:2\r\n"),
		 OBJECT("METHOD:REQUEST\r\n", WHEN BEN ME "SEQUENCE:1\r\nSUMMARY:Old\r\n"), false,
		 NULL, NULL},
		{OBJECT("", WHEN BEN ME),
		 OBJECT("METHOD:REQUEST\r\n", WHEN EVE ME "SEQUENCE:9\r\n"), false, NULL, NULL},
		{OBJECT("", WHEN OWN GUEST),
		 OBJECT("METHOD:REQUEST\r\n", WHEN OWN GUEST "SEQUENCE:9\r\n"), false, NULL, NULL},
		/* An occurrence of a series. */
		{OBJECT("", WHEN BEN ME "RRULE:FREQ=DAILY;COUNT=3\r\n"),
		 OBJECT("METHOD:REQUEST\r\n",
			"RECURRENCE-ID:20270311T120000Z\r\nDTSTART:20270311T150000Z\r\n" BEN ME),
		 true, "DTSTART:20270311T150000Z", NULL},
		/* Cancelled: all of it, and one. */
		{OBJECT("", WHEN BEN ME), OBJECT("METHOD:CANCEL\r\n", WHEN BEN ME "SEQUENCE:1\r\n"),
		 true, "STATUS:CANCELLED", NULL},
		{OBJECT("", WHEN BEN ME), OBJECT("METHOD:CANCEL\r\n", WHEN EVE ME "SEQUENCE:1\r\n"),
		 false, NULL, NULL},
		{OBJECT("", WHEN BEN ME "RRULE:FREQ=DAILY;COUNT=3\r\n"),
		 OBJECT("METHOD:CANCEL\r\n", "RECURRENCE-ID:20270311T120000Z\r\n" BEN ME), true,
		 "RECURRENCE-ID:20270311T120000Z", NULL},
		/* Answers: of who was invited, to a meeting that is the user's. */
		{OBJECT("", WHEN OWN GUEST),
		 OBJECT("METHOD:REPLY\r\n",
			OWN "ATTENDEE;PARTSTAT=DECLINED:mailto:GUEST@x.test\r\n"),
		 true, "PARTSTAT=DECLINED", NULL},
		{OBJECT("", WHEN OWN GUEST),
		 OBJECT("METHOD:REPLY\r\n", OWN "ATTENDEE;PARTSTAT=DECLINED:mailto:eve@x.test\r\n"),
		 false, NULL, NULL},
		{OBJECT("", WHEN BEN ME GUEST),
		 OBJECT("METHOD:REPLY\r\n",
			BEN "ATTENDEE;PARTSTAT=DECLINED:mailto:guest@x.test\r\n"),
		 false, NULL, NULL},
		{OBJECT("", WHEN OWN GUEST "SEQUENCE:3\r\n"),
		 OBJECT("METHOD:REPLY\r\n",
			OWN "ATTENDEE;PARTSTAT=DECLINED:mailto:guest@x.test\r\n"),
		 false, NULL, NULL},
		{OBJECT("", WHEN OWN GUEST),
		 OBJECT("METHOD:COUNTER\r\n",
			"DTSTART:20270310T150000Z\r\n" OWN
			"ATTENDEE;PARTSTAT=TENTATIVE:mailto:guest@x.test\r\n"),
		 true, "X-EASEL-PROPOSED-START=20270310T150000Z", NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct meeting m;
		assert_true(meeting_read(arena, str_of(rows[i].message), &m));
		m.from = m.speaker;
		takes(i, rows[i].old, &m, rows[i].changed, rows[i].has, rows[i].has_not);
	}
}

/* Who may say what: an event, a message about it, its author and whom it is answered to. */
static void who_may_say_it(void **state)
{
#define SERVICE "X-EASEL-MAILED-BY:invites@service.test\r\n"
#define DELEGATED "ORGANIZER;SENT-BY=\"mailto:pa@x.test\":mailto:ben@x.test\r\n"
#define UPDATE OBJECT("METHOD:REQUEST\r\n", WHEN BEN ME "SEQUENCE:2\r\n")
#define CANCELLED OBJECT("METHOD:CANCEL\r\n", WHEN BEN ME "SEQUENCE:2\r\n")
#define SERIES OBJECT("", WHEN BEN ME "RRULE:FREQ=DAILY;COUNT=3\r\n")
	static const struct {
		const char *old, *message, *from, *reply_to;
		bool approved, changed;
		const char *has, *has_not;
	} rows[] = {
		/* Its organizer, in whatever case; nobody else, and not without a word of who it
		   is. */
		{OBJECT("", WHEN BEN ME), UPDATE, "BEN@x.test", "", false, true, NULL, NULL},
		{OBJECT("", WHEN BEN ME), UPDATE, "eve@x.test", "", false, false, NULL, NULL},
		{OBJECT("", WHEN BEN ME), UPDATE, "eve@x.test", "ben@x.test", false, false, NULL,
		 NULL},
		{OBJECT("", WHEN BEN ME), UPDATE, "", "", false, false, NULL, NULL},
		{OBJECT("", WHEN BEN ME), CANCELLED, "eve@x.test", "", false, false, NULL, NULL},
		{OBJECT("", WHEN BEN ME), CANCELLED, "ben@x.test", "", false, true, "CANCELLED",
		 NULL},
		{SERIES, OBJECT("METHOD:CANCEL\r\n", "RECURRENCE-ID:20270311T120000Z\r\n" BEN ME),
		 "eve@x.test", "", false, false, NULL, NULL},
		/* A message can't name its own delegate; the event can. */
		{OBJECT("", WHEN BEN ME),
		 OBJECT("METHOD:CANCEL\r\n", WHEN DELEGATED ME "SEQUENCE:2\r\n"), "pa@x.test", "",
		 false, false, NULL, NULL},
		{OBJECT("", WHEN DELEGATED ME), UPDATE, "pa@x.test", "", false, true, NULL, NULL},
		{OBJECT("", WHEN DELEGATED ME), CANCELLED, "eve@x.test", "", false, false, NULL,
		 NULL},
		/* A service mails for people; a forwarded invitation makes nobody one, nor does its
		   text. */
		{"", UPDATE, "invites@service.test", "ben@x.test", false, true, SERVICE, NULL},
		{"", UPDATE, "eve@x.test", "", false, true, "UID:m1", "MAILED-BY"},
		{"", UPDATE, "ben@x.test", "ben@x.test", false, true, "UID:m1", "MAILED-BY"},
		{"", OBJECT("METHOD:REQUEST\r\n", WHEN BEN ME SERVICE), "eve@x.test", "", false,
		 true, "UID:m1", "MAILED-BY"},
		{OBJECT("", WHEN BEN ME SERVICE), CANCELLED, "invites@service.test", "", false,
		 true, NULL, NULL},
		{OBJECT("", WHEN BEN ME SERVICE), CANCELLED, "eve@service.test", "", false, false,
		 NULL, NULL},
		{OBJECT("", WHEN BEN ME SERVICE), UPDATE, "ben@x.test", "", false, true, "UID:m1",
		 "MAILED-BY"},
		/* What the user himself accepts, he has looked at; but not another organizer's. */
		{OBJECT("", WHEN BEN ME), UPDATE, "eve@x.test", "", true, true, NULL, NULL},
		{OBJECT("", WHEN BEN ME),
		 OBJECT("METHOD:REQUEST\r\n", WHEN EVE ME "SEQUENCE:9\r\n"), "eve@x.test", "", true,
		 false, NULL, NULL},
		/* An answer is the attendee's own. */
		{OBJECT("", WHEN OWN GUEST),
		 OBJECT("METHOD:REPLY\r\n",
			OWN "ATTENDEE;PARTSTAT=DECLINED:mailto:guest@x.test\r\n"),
		 "eve@x.test", "guest@x.test", false, false, NULL, NULL},
		{OBJECT("", WHEN OWN GUEST),
		 OBJECT("METHOD:COUNTER\r\n",
			WHEN OWN "ATTENDEE;PARTSTAT=TENTATIVE:mailto:guest@x.test\r\n"),
		 "eve@x.test", "", false, false, NULL, NULL},
		/* What he has taken out of a series stays out, unless he is asked anew. */
		{OBJECT("", WHEN BEN ME "RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20270311T120000Z\r\n"),
		 OBJECT("METHOD:CANCEL\r\n", "RECURRENCE-ID:20270311T120000Z\r\n" BEN ME),
		 "ben@x.test", "", false, false, NULL, NULL},
		{OBJECT("",
			WHEN OWN GUEST "RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20270311T120000Z\r\n"),
		 OBJECT("METHOD:REPLY\r\n", "RECURRENCE-ID:20270311T120000Z\r\n" OWN
					    "ATTENDEE;PARTSTAT=DECLINED:mailto:guest@x.test\r\n"),
		 "guest@x.test", "", false, false, NULL, NULL},
		{OBJECT("", WHEN BEN ME "RRULE:FREQ=DAILY;COUNT=3\r\nEXDATE:20270311T120000Z\r\n"),
		 OBJECT("METHOD:REQUEST\r\n",
			"RECURRENCE-ID:20270311T120000Z\r\nDTSTART:20270311T150000Z\r\n" BEN ME),
		 "ben@x.test", "", false, true, "DTSTART:20270311T150000Z", "EXDATE"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct meeting m;
		assert_true(meeting_read(arena, str_of(rows[i].message), &m));
		m.from = str_of(rows[i].from);
		m.reply_to = str_of(rows[i].reply_to);
		m.approved = rows[i].approved;
		takes(i, rows[i].old, &m, rows[i].changed, rows[i].has, rows[i].has_not);
	}
}

/* Which occurrence an invitation is about. */
static void what_is_asked(void **state)
{
#define ONE "RECURRENCE-ID:20270311T120000Z\r\nDTSTART:20270311T150000Z\r\n" BEN ME
	static const struct {
		const char *event, *invitation, *instance;
	} rows[] = {
		{SERIES, OBJECT("METHOD:REQUEST\r\n", ONE), "20270311T120000Z"},
		{SERIES, SERIES, NULL},
		{OBJECT("", WHEN BEN ME), OBJECT("", WHEN BEN ME), NULL},
		{OBJECT("", ONE), OBJECT("METHOD:REQUEST\r\n", ONE), NULL},
		{SERIES, "x", NULL},
	};
	struct item_context ctx = context();
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int64_t want = INT64_MIN;
		if (rows[i].instance)
			assert_true(clock_parse(str_of(rows[i].instance), &want));
		assert_true(meeting_instance(&ctx, str_of(rows[i].event),
					     str_of(rows[i].invitation)) == want);
	}
}

static void what_is_no_meeting(void **state)
{
	static const char *const rows[] = {
		"",
		"x",
		OBJECT("METHOD:PUBLISH\r\n", WHEN),
		OBJECT("", WHEN),
		"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n",
		"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
	};
	struct meeting m;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		assert_false(meeting_read(arena, str_of(rows[i]), &m));
}

static void answers(void **state)
{
	static const char series[] =
		OBJECT("", WHEN BEN ME "RRULE:FREQ=DAILY;COUNT=3\r\nX-KEEP:1\r\n");
	struct item_context ctx = context();
	struct err e = {0};
	struct str out;
	int64_t instance, nowhere;
	(void)state;
	assert_true(clock_parse(STR("20270311T120000Z"), &instance));
	assert_true(clock_parse(STR("20280311T120000Z"), &nowhere));
	assert_true(meeting_answer(&ctx, STR(series), MEETING_TENTATIVE, INT64_MIN, &out, &e));
	assert_has(out, "PARTSTAT=TENTATIVE");
	assert_has(out, "X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE");
	assert_has(out, "X-KEEP:1");
	assert_true(meeting_answer(&ctx, STR(series), MEETING_TENTATIVE, instance, &out, &e));
	assert_has(out, "RECURRENCE-ID:20270311T120000Z");
	assert_has(out, "PARTSTAT=ACCEPTED");
	assert_true(meeting_answer(&ctx, STR(series), MEETING_DECLINE, instance, &out, &e));
	assert_has(out, "EXDATE:20270311T120000Z");
	assert_false(meeting_answer(&ctx, STR(series), MEETING_ACCEPT, nowhere, &out, &e));
	assert_int_equal(e.kind, ERR_NOT_FOUND);
	assert_false(meeting_answer(&ctx, STR(OBJECT("", WHEN BEN ME)), MEETING_ACCEPT, instance,
				    &out, &e));
	assert_int_equal(e.kind, ERR_UNSUPPORTED);
	assert_false(meeting_answer(&ctx, STR(OBJECT("", WHEN OWN GUEST)), MEETING_ACCEPT,
				    INT64_MIN, &out, &e));
	assert_int_equal(e.kind, ERR_INVALID);
	assert_false(
		meeting_answer(&ctx, STR(OBJECT("", WHEN)), MEETING_ACCEPT, INT64_MIN, &out, &e));
}

static void replies(void **state)
{
	static const char event[] = OBJECT("", WHEN BEN ME GUEST "SUMMARY:Plan\r\n");
	struct item_context ctx = context();
	struct meeting_mail mail;
	struct err e = {0};
	(void)state;
	assert_true(meeting_reply(&ctx, STR(event), MEETING_ACCEPT, INT64_MIN, 0, 0, &mail, &e));
	assert_str(mail.subject, "Accepted: Plan");
	assert_int_equal(mail.nrecipients, 1);
	assert_str(mail.recipients[0], "ben@x.test");
	assert_has(mail.calendar, "METHOD:REPLY");
	assert_has(mail.calendar, "PARTSTAT=ACCEPTED:mailto:anna@example.test");
	assert_has_not(mail.calendar, "guest@x.test");
	struct str raw = meeting_message(&ctx, &mail, STR("I come"));
	assert_has(raw, "To: ben@x.test\r\n");
	assert_has(raw, "Content-Type: text/calendar; charset=utf-8; method=REPLY\r\n");
	assert_true(meeting_reply(&ctx, STR(event), MEETING_TENTATIVE, INT64_MIN, 1804700000000,
				  1804703600000, &mail, &e));
	assert_has(mail.calendar, "METHOD:COUNTER");
	assert_has(mail.calendar, "DTSTART:20270310T");
	assert_false(meeting_reply(&ctx, STR(OBJECT("", WHEN)), MEETING_ACCEPT, INT64_MIN, 0, 0,
				   &mail, &e));
}

static void notices(void **state)
{
	static const char one[] = OBJECT("", WHEN OWN GUEST "SUMMARY:a\r\n");
	static const char two[] =
		OBJECT("", WHEN OWN GUEST "ATTENDEE:mailto:two@x.test\r\nSUMMARY:a\r\n");
	static const struct {
		const char *before, *after;
		size_t n;
		const char *methods[2], *to[2];
	} rows[] = {
		{"", one, 1, {"REQUEST"}, {"guest@x.test"}},
		{one, one, 0, {NULL}, {NULL}},
		{one, OBJECT("", WHEN OWN GUEST "SUMMARY:b\r\n"), 1, {"REQUEST"}, {"guest@x.test"}},
		{one,
		 OBJECT("", WHEN OWN GUEST "SUMMARY:a\r\nTRANSP:OPAQUE\r\n"),
		 0,
		 {NULL},
		 {NULL}},
		{one, two, 1, {"REQUEST"}, {"two@x.test"}},
		{two, one, 1, {"CANCEL"}, {"two@x.test"}},
		{one, "", 1, {"CANCEL"}, {"guest@x.test"}},
		{one,
		 OBJECT("", WHEN OWN GUEST "SUMMARY:a\r\nSTATUS:CANCELLED\r\n"),
		 1,
		 {"CANCEL"},
		 {"guest@x.test"}},
		/* Somebody else's: nobody is told. */
		{OBJECT("", WHEN BEN ME GUEST), "", 0, {NULL}, {NULL}},
		{"", OBJECT("", WHEN BEN ME GUEST), 0, {NULL}, {NULL}},
		{"", OBJECT("", WHEN), 0, {NULL}, {NULL}},
	};
	struct item_context ctx = context();
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct meeting_mail *mail;
		size_t n =
			meeting_notices(&ctx, str_of(rows[i].before), str_of(rows[i].after), &mail);
		if (n != rows[i].n)
			fail_msg("row %zu: %zu notices", i, n);
		for (size_t k = 0; k < n; k++) {
			assert_str(mail[k].method, rows[i].methods[k]);
			assert_int_equal(mail[k].nrecipients, 1);
			assert_str(mail[k].recipients[0], rows[i].to[k]);
		}
	}
}

static void forwarded_events(void **state)
{
	static const char series[] = OBJECT("", WHEN BEN ME "RRULE:FREQ=DAILY;COUNT=3\r\n"
							    "X-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n"
							    "BEGIN:VALARM\r\nEND:VALARM\r\n");
	struct item_context ctx = context();
	struct err e = {0};
	struct meeting_mail mail;
	struct str out;
	int64_t instance;
	(void)state;
	assert_true(clock_parse(STR("20270311T120000Z"), &instance));
	assert_true(meeting_forward(&ctx, STR(series), INT64_MIN, &mail, &e));
	out = mail.calendar;
	assert_has(out, "METHOD:REQUEST");
	assert_has(out, "RRULE");
	assert_has_not(out, "VALARM");
	assert_has_not(out, "BUSYSTATUS");
	assert_true(meeting_forward(&ctx, STR(series), instance, &mail, &e));
	out = mail.calendar;
	assert_has(out, "RECURRENCE-ID:20270311T120000Z");
	assert_has_not(out, "RRULE");
}

static void one_of_several_addresses(void **state)
{
	static const char text[] = OBJECT("", WHEN BEN "ATTENDEE:mailto:Sales@x.test\r\n");
	(void)state;
	assert_str(meeting_me(arena, STR(text), STR("anna@x.test"), STR("a@x.test\nsales@x.test")),
		   "sales@x.test");
	assert_str(meeting_me(arena, STR(text), STR("anna@x.test"), STR("a@x.test")),
		   "anna@x.test");
	assert_str(meeting_me(arena, STR("x"), STR("anna@x.test"), STR("")), "anna@x.test");
}

/* ---- TNEF ---- */

static void put_number(struct buf *out, uint64_t v, int n)
{
	for (int i = 0; i < n; i++)
		buf_byte(out, (unsigned char)(v >> 8 * i));
}

static void put_attribute(struct buf *out, unsigned level, unsigned id, struct str data)
{
	put_number(out, level, 1);
	put_number(out, id, 4);
	put_number(out, data.n, 4);
	buf_str(out, data);
	put_number(out, 0, 2);
}

static struct str winmail(void)
{
	struct buf out = {0}, props = {0};
	put_number(&out, 0x223E9F78, 4);
	put_number(&out, 1, 2);
	put_attribute(&out, 1, 0x78008, STR("IPM.Microsoft Schedule.MtgReq\0"));
	put_attribute(&out, 1, 0x18004, STR("Plan\0"));
	put_number(&props, 2, 4);
	put_number(&props, 0x40, 2);
	put_number(&props, 0x8001, 2);
	for (int i = 0; i < 4; i++)
		put_number(&props, 0, 4);
	put_number(&props, 0, 4);
	put_number(&props, 0x820D, 4);
	put_number(&props, (uint64_t)(1804680000000 + 11644473600000) * 10000, 8);
	put_number(&props, 0x102, 2);
	put_number(&props, 0x8001, 2);
	for (int i = 0; i < 4; i++)
		put_number(&props, 0, 4);
	put_number(&props, 0, 4);
	put_number(&props, 0x23, 4);
	put_number(&props, 1, 4);
	put_number(&props, 56, 4);
	buf_put(&props, "\x04\0\0\0\x82\0\xE0\0\x74\xC5\xB7\x10\x1A\x82\xE0\x08", 16);
	for (int i = 0; i < 5; i++)
		put_number(&props, 0, 4);
	put_number(&props, 16, 4);
	buf_put(&props, "0123456789abcdef", 16);
	put_attribute(&out, 1, 0x69003, buf_move(arena, &props));
	put_attribute(&out, 2, 0x69002, STR("\0\0\0\0"));
	put_attribute(&out, 2, 0x18010, STR("a.txt\0"));
	put_attribute(&out, 2, 0x6800f, STR("hello"));
	return buf_move(arena, &out);
}

static void tnef_is_read(void **state)
{
	struct tnef t;
	(void)state;
	assert_true(tnef_read(arena, winmail(), &t));
	assert_str(t.message_class, "IPM.Microsoft Schedule.MtgReq");
	assert_int_equal(t.start, 1804680000000);
	assert_int_equal(t.nfiles, 1);
	assert_str(t.files[0].name, "a.txt");
	assert_str(t.files[0].bytes, "hello");
	struct str calendar = tnef_calendar(arena, &t, STR("ben@x.test"), STR("me@x.test"), 0);
	assert_has(calendar, "METHOD:REQUEST");
	assert_has(calendar, "UID:040000008200E00074C5B7101A82E008");
	assert_has(calendar, "ORGANIZER:mailto:ben@x.test");
	assert_has(calendar, "SUMMARY:Plan");
	struct meeting m;
	assert_true(meeting_read(arena, calendar, &m));
}

/* Cut anywhere, it is read as far as it goes. */
/* A weekly series of five on Wednesdays at 12:00; the second is not held, the third an hour later
 * in another room, the fourth on Thursday. */
static struct str outlooks_series(void)
{
	enum { WEEK = 7 * 1440, FIRST = 227095200, NOON = 720 };
	static const struct {
		int week, day, time;
		unsigned flags;
	} changed[] = {{2, 0, NOON + 60, 0x11}, {3, 1, NOON, 0}};
	struct buf b = {0};
	put_number(&b, 0x30043004, 4);
	put_number(&b, 0x200B, 2);
	put_number(&b, 1, 2);
	put_number(&b, 0, 2);
	put_number(&b, 0, 4);
	put_number(&b, 1, 4);
	put_number(&b, 0, 4);
	put_number(&b, 8, 4); /* Wednesday */
	put_number(&b, 0x2022, 4);
	put_number(&b, 5, 4);
	put_number(&b, 0, 4);
	put_number(&b, 3, 4);
	for (int week = 1; week <= 3; week++)
		put_number(&b, FIRST + week * WEEK, 4);
	put_number(&b, 2, 4);
	for (size_t i = 0; i < 2; i++)
		put_number(&b, FIRST + changed[i].week * WEEK + changed[i].day * 1440, 4);
	put_number(&b, FIRST, 4);
	put_number(&b, FIRST + 4 * WEEK, 4);
	put_number(&b, 0x3006, 4);
	put_number(&b, 0x3009, 4);
	put_number(&b, NOON, 4);
	put_number(&b, NOON + 60, 4);
	put_number(&b, 2, 2);
	for (size_t i = 0; i < 2; i++) {
		int day = FIRST + (changed[i].week * 7 + changed[i].day) * 1440;
		put_number(&b, day + changed[i].time, 4);
		put_number(&b, day + changed[i].time + 60, 4);
		put_number(&b, FIRST + changed[i].week * WEEK + NOON, 4);
		put_number(&b, changed[i].flags, 2);
		if (changed[i].flags) {
			buf_put(&b, "\x04\0\x03\0N?w\x06\0\x05\0H?lle", 16);
		}
	}
	put_number(&b, 0, 4);
	for (size_t i = 0; i < 2; i++) {
		put_number(&b, 4, 4);
		put_number(&b, 0, 4);
		put_number(&b, 0, 4);
		if (!changed[i].flags)
			continue;
		for (int k = 0; k < 3; k++)
			put_number(&b, 0, 4);
		buf_put(&b, "\x03\0N\0\xe9\0w\0\x05\0H\0\xf6\0l\0l\0e\0", 20);
		put_number(&b, 0, 4);
	}
	put_number(&b, 0, 4);
	return buf_move(arena, &b);
}

static void outlooks_occurrences(void **state)
{
	struct tnef t;
	struct str whole = outlooks_series();
	(void)state;
	assert_true(tnef_read(arena, winmail(), &t));
	assert_true(clock_parse(STR("20321013T120000Z"), &t.start));
	t.end = t.start + 3600000;
	t.recurrence = whole;
	struct str out = tnef_calendar(arena, &t, STR("ben@x.test"), STR("me@x.test"), 0);
	assert_has(out, "RRULE:FREQ=WEEKLY;COUNT=5");
	assert_has(out, "EXDATE;VALUE=DATE:20321020\r\n");
	assert_has(out, "RECURRENCE-ID:20321027T120000Z\r\nDTSTART:20321027T130000Z\r\n"
			"DTEND:20321027T140000Z\r\n");
	assert_has(out, "SUMMARY:N\xc3\xa9w\r\n");
	assert_has(out, "LOCATION:H\xc3\xb6lle\r\n");
	assert_has(out, "RECURRENCE-ID:20321103T120000Z\r\nDTSTART:20321104T120000Z\r\n");
	assert_has_not(out, "EXDATE;VALUE=DATE:20321027");
	assert_has_not(out, "EXDATE;VALUE=DATE:20321103");
	/* Cut anywhere, it is a series or a single meeting, and never out of bounds. */
	for (size_t n = 0; n < whole.n; n++) {
		char *copy = malloc(n + 1);
		memcpy(copy, whole.p, n);
		t.recurrence = (struct str){copy, n};
		out = tnef_calendar(arena, &t, STR("ben@x.test"), STR("me@x.test"), 0);
		assert_has(out, "SUMMARY:Plan");
		free(copy);
	}
}

static void tnef_that_is_cut(void **state)
{
	struct str whole = winmail();
	(void)state;
	for (size_t n = 0; n < whole.n; n++) {
		struct str copy = {arena_dup(arena, whole.p, n), n};
		struct tnef t;
		if (tnef_read(arena, copy, &t))
			assert_true(t.nfiles <= 1);
	}
	assert_str(tnef_unpack(arena, STR("Subject: x\r\n\r\nplain"), STR("me@x.test"), 0),
		   "Subject: x\r\n\r\nplain");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrivals),
		cmocka_unit_test(who_may_say_it),
		cmocka_unit_test(what_is_asked),
		cmocka_unit_test(what_is_no_meeting),
		cmocka_unit_test(answers),
		cmocka_unit_test(replies),
		cmocka_unit_test(notices),
		cmocka_unit_test(forwarded_events),
		cmocka_unit_test(one_of_several_addresses),
		cmocka_unit_test(tnef_is_read),
		cmocka_unit_test(outlooks_occurrences),
		cmocka_unit_test(tnef_that_is_cut),
	};
	return cmocka_run_group_tests(tests, lab_set_up, lab_tear_down);
}
