/* meeting_request: the MeetingRequest element. See meeting_request.h for the contract. */
#include "core/meeting_request.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/global_obj_id.h"
#include "core/ical.h"
#include "core/recurrence.h"
#include "core/timezone.h"

enum {
	LOCATION_MOST = 32768,
	REMINDER_MOST = 65535, /* seconds; an unsignedShort */
	DAY = 24 * 60 * 60
};

/* 2.2.2.39 */
enum { INSTANCE_SINGLE = 0, INSTANCE_SERIES = 1, INSTANCE_EXCEPTION = 3 };

/* 2.2.2.47 */
enum { MESSAGE_UNSPECIFIED = 0, MESSAGE_INITIAL = 1, MESSAGE_UPDATE = 2 };

/* 2.2.2.14 */
enum { BUSY_FREE = 0, BUSY_TENTATIVE = 1, BUSY_BUSY = 2, BUSY_OOF = 3, BUSY_ELSEWHERE = 4 };

struct invitation {
	const struct meeting_context *ctx;
	struct ical_node *calendar, *event;
	const struct zone *zone; /* of the start, and of what has none */
	struct ical_time start, end, instance;
	bool has_start, has_end, has_instance;
};

/* ---- Reading ---- */

static const struct zone *zone_for(const struct invitation *v, const struct ical_time *t)
{
	if (t->utc)
		return &zone_utc;
	const struct zone *z = t->tzid.n ? zone_of_tzid(v->ctx->arena, v->calendar, t->tzid) : NULL;
	return z ? z : v->zone;
}

/*
 * Milliseconds. A day as such begins at midnight of the account up to 14.1, and stands for itself
 * from 16.0 on.
 */
static int64_t utc_of(const struct invitation *v, const struct ical_time *t)
{
	if (t->date && v->ctx->version >= 160)
		return t->wall * 1000;
	return zone_to_utc(zone_for(v, t), t->wall) * 1000;
}

static bool read_time(struct invitation *v, const char *name, struct ical_time *out)
{
	const struct ical_node *line = ical_line(v->event, name);
	return line && ical_time_of(v->ctx->arena, line, out);
}

/* The event as a whole; when there is only an occurrence, that. */
static struct ical_node *main_event(const struct ical_node *calendar)
{
	struct ical_node *first = ical_component(calendar, "VEVENT");
	for (struct ical_node *e = first; e; e = ical_again(e))
		if (!ical_line(e, "RECURRENCE-ID"))
			return e;
	return first;
}

/* A DTEND that is missing: DURATION, else a day, else nothing (RFC 5545 3.6.1). */
static void find_end(struct invitation *v)
{
	int64_t seconds = v->start.date ? DAY : 0;
	v->has_end = read_time(v, "DTEND", &v->end);
	if (v->has_end || !v->has_start)
		return;
	struct str duration = ical_value(v->event, "DURATION");
	if (duration.p && !ical_duration(v->ctx->arena, duration, &seconds))
		return;
	v->end = v->start;
	v->end.wall += seconds;
	v->has_end = true;
}

static bool read_invitation(const struct meeting_context *ctx, struct str text,
			    struct invitation *v)
{
	struct ical_node *root;
	struct err ignored;
	*v = (struct invitation){.ctx = ctx};
	if (!ical_parse(ctx->arena, text, &root, &ignored))
		return false;
	v->calendar = ical_component(root, "VCALENDAR");
	v->event = v->calendar ? main_event(v->calendar) : NULL;
	if (!v->event)
		return false;
	v->zone = ctx->timezone.n ? zone_named(ctx->timezone) : NULL;
	if (!v->zone)
		v->zone = &zone_utc;
	v->has_start = read_time(v, "DTSTART", &v->start);
	if (v->has_start)
		v->zone = zone_for(v, &v->start);
	v->has_instance = read_time(v, "RECURRENCE-ID", &v->instance);
	find_end(v);
	return true;
}

static bool is_value(const struct invitation *v, const char *name, const char *value)
{
	return str_eq_nocase(ical_value(v->event, name), str_of(value));
}

/* ---- One function for each thing that has to be thought about ---- */

static void put_time(struct wbxml_out *w, unsigned tag, int64_t ms)
{
	char text[CLOCK_TEXT];
	wbxml_cstr(w, tag, clock_dashed(ms, text));
}

static void put_stamp(struct wbxml_out *w, struct invitation *v)
{
	struct ical_time stamp;
	put_time(w, Email_DtStamp,
		 read_time(v, "DTSTAMP", &stamp) ? utc_of(v, &stamp) : v->ctx->date);
}

static int instance_type(const struct invitation *v)
{
	return v->has_instance		      ? INSTANCE_EXCEPTION
	       : ical_line(v->event, "RRULE") ? INSTANCE_SERIES
					      : INSTANCE_SINGLE;
}

static void put_location(struct wbxml_out *w, const struct invitation *v)
{
	struct str location = ical_text(v->ctx->arena, v->event, "LOCATION");
	if (!location.n)
		return;
	if (v->ctx->version < 160) {
		wbxml_text(w, Email_Location, str_sub(location, 0, LOCATION_MOST));
		return;
	}
	wbxml_begin(w, AirSyncBase_Location);
	wbxml_text(w, AirSyncBase_DisplayName, str_sub(location, 0, LOCATION_MOST));
	wbxml_end(w);
}

static struct str without_mailto(struct str address)
{
	return str_starts_nocase(address, STR("mailto:")) ? str_sub(address, 7, address.n)
							  : address;
}

/* "Name" <address>, as in the other elements of mail. */
static void put_organizer(struct wbxml_out *w, const struct invitation *v)
{
	struct arena *a = v->ctx->arena;
	const struct ical_node *line = ical_line(v->event, "ORGANIZER");
	struct str address = line ? without_mailto(str_trim(line->value)) : STR("");
	if (!address.n)
		return;
	struct str name = ical_param(a, line, "CN");
	if (!name.n)
		name = address;
	char *quoted = arena_alloc(a, 2 * name.n + 1);
	size_t n = 0;
	for (size_t i = 0; i < name.n; i++) {
		if (name.p[i] == '"' || name.p[i] == '\\')
			quoted[n++] = '\\';
		quoted[n++] = name.p[i];
	}
	wbxml_cstr(w, Email_Organizer,
		   arena_printf(a, "\"%.*s\" <%.*s>", (int)n, quoted, STR_ARG(address)));
}

/* Seconds before the start of the first alarm that is relative to it. */
static void put_reminder(struct wbxml_out *w, const struct invitation *v)
{
	int64_t seconds;
	const struct ical_node *alarm = ical_component(v->event, "VALARM");
	if (alarm && ical_duration(v->ctx->arena, ical_value(alarm, "TRIGGER"), &seconds) &&
	    seconds <= 0 && -seconds <= REMINDER_MOST)
		wbxml_int(w, Email_Reminder, -seconds);
}

/* Asked for unless no attendee's line does; a cancellation and an answer want none. */
static bool wants_response(const struct invitation *v)
{
	struct arena *a = v->ctx->arena;
	bool any = false;
	if (!str_eq(v->ctx->message_class, STR("IPM.Schedule.Meeting.Request")))
		return false;
	for (const struct ical_node *n = ical_line(v->event, "ATTENDEE"); n; n = ical_again(n)) {
		any = true;
		if (str_eq_nocase(ical_param(a, n, "RSVP"), STR("TRUE")))
			return true;
	}
	return !any;
}

static void put_recurrence(struct wbxml_out *w, const struct invitation *v)
{
	struct recurrence r;
	const struct recurrence_start start = {v->start.wall, v->start.date, v->zone};
	struct str rule = ical_value(v->event, "RRULE");
	if (v->has_instance || !rule.p || !v->has_start ||
	    recurrence_of_rule(v->ctx->arena, rule, &start, &r) == RECURRENCE_NONE)
		return;
	wbxml_begin(w, Email_Recurrences);
	wbxml_begin(w, Email_Recurrence);
	recurrence_encode(w, &r, &recurrence_of_mail, v->ctx->version);
	wbxml_end(w);
	wbxml_end(w);
}

static int sensitivity(const struct invitation *v)
{
	if (is_value(v, "CLASS", "PRIVATE"))
		return 2;
	if (is_value(v, "CLASS", "CONFIDENTIAL"))
		return 3;
	return is_value(v, "CLASS", "PERSONAL") ? 1 : 0;
}

static int busy_status(const struct invitation *v)
{
	static const struct {
		const char *name;
		int status;
	} names[] = {{"FREE", BUSY_FREE},
		     {"TENTATIVE", BUSY_TENTATIVE},
		     {"BUSY", BUSY_BUSY},
		     {"OOF", BUSY_OOF},
		     {"WORKINGELSEWHERE", BUSY_ELSEWHERE}};
	struct str said = ical_value(v->event, "X-MICROSOFT-CDO-INTENDEDSTATUS");
	if (!said.p)
		said = ical_value(v->event, "X-MICROSOFT-CDO-BUSYSTATUS");
	for (size_t i = 0; said.p && i < sizeof names / sizeof *names; i++)
		if (str_eq_nocase(said, str_of(names[i].name)))
			return names[i].status == BUSY_ELSEWHERE && v->ctx->version < 160
				       ? BUSY_BUSY
				       : names[i].status;
	return is_value(v, "TRANSP", "TRANSPARENT") ? BUSY_FREE : BUSY_BUSY;
}

static int message_type(const struct invitation *v)
{
	int64_t sequence;
	if (!str_eq(v->ctx->message_class, STR("IPM.Schedule.Meeting.Request")))
		return MESSAGE_UNSPECIFIED;
	return str_to_i64(ical_value(v->event, "SEQUENCE"), &sequence) && sequence > 0
		       ? MESSAGE_UPDATE
		       : MESSAGE_INITIAL;
}

static struct global_day day_of(const struct invitation *v)
{
	struct global_day day = {0, 0, 0};
	if (v->has_instance)
		ical_civil((v->instance.wall - (v->instance.wall % DAY + DAY) % DAY) / DAY,
			   &day.year, &day.month, &day.day);
	return day;
}

/* From 16.0 on the event is known by its UID; DisallowNewTimeProposal is 14.0's. */
static void put_identity(struct wbxml_out *w, const struct invitation *v)
{
	struct arena *a = v->ctx->arena;
	unsigned version = v->ctx->version;
	struct str uid = ical_text(a, v->event, "UID");
	if (version < 160)
		wbxml_text(w, Email_GlobalObjId, global_obj_id(a, uid, day_of(v)));
	if (version >= 140)
		wbxml_int(w, Email_DisallowNewTimeProposal,
			  is_value(v, "X-MICROSOFT-DISALLOW-COUNTER", "TRUE"));
	if (version >= 141)
		wbxml_int(w, Email2_MeetingMessageType, message_type(v));
	if (version >= 160)
		wbxml_text(w, Calendar_UID, uid);
}

static bool is_all_day(const struct invitation *v)
{
	return (v->has_start && v->start.date) ||
	       is_value(v, "X-MICROSOFT-CDO-ALLDAYEVENT", "TRUE");
}

/* In the order of the schema. */
void meeting_request_encode(struct wbxml_out *w, const struct meeting_context *ctx,
			    struct str calendar)
{
	struct invitation v;
	if (!read_invitation(ctx, calendar, &v))
		return;
	wbxml_begin(w, Email_MeetingRequest);
	wbxml_int(w, Email_AllDayEvent, is_all_day(&v));
	if (v.has_start)
		put_time(w, Email_StartTime, utc_of(&v, &v.start));
	put_stamp(w, &v);
	if (v.has_end)
		put_time(w, Email_EndTime, utc_of(&v, &v.end));
	wbxml_int(w, Email_InstanceType, instance_type(&v));
	put_location(w, &v);
	put_organizer(w, &v);
	if (v.has_instance)
		put_time(w, Email_RecurrenceId, utc_of(&v, &v.instance));
	put_reminder(w, &v);
	wbxml_int(w, Email_ResponseRequested, wants_response(&v));
	put_recurrence(w, &v);
	wbxml_int(w, Email_Sensitivity, sensitivity(&v));
	wbxml_int(w, Email_BusyStatus, busy_status(&v));
	wbxml_text(w, Email_TimeZone,
		   zone_blob(ctx->arena, v.zone, v.has_start ? v.start.wall : ctx->date / 1000));
	put_identity(w, &v);
	wbxml_end(w);
}
