/*
 * calendar_event: an event in its text (RFC 5545): the series and its overrides, when it is, who it
 * belongs to. What the pieces of the Calendar class share; for core/calendar*.c and meetings.
 *
 * An item is one VCALENDAR with the VEVENT of a series or single event (the master), a VEVENT with
 * RECURRENCE-ID for each occurrence that differs, and VTIMEZONEs. Of an item that has only such
 * occurrences (an invitation to one of them) the first stands in for the master. Times are UTC
 * seconds as the device sees them: a whole day begins at midnight of its date in UTC from 16.0 on,
 * and below in the user's zone. Ownership: the context's arena. Thread: any.
 */
#ifndef EASEL_CORE_CALENDAR_EVENT_H
#define EASEL_CORE_CALENDAR_EVENT_H

#include "core/ical.h"
#include "core/item_class.h"
#include "core/recurrence.h"
#include "core/timezone.h"

enum {
	CALENDAR_DAY = 86400,
	CALENDAR_ZONES = 8,	   /* that are kept while an item is read */
	CALENDAR_EXCEPTIONS = 1000 /* as many as the schema allows */
};

struct calendar {
	const struct item_context *ctx;
	struct arena *a;
	struct ical_node *root, *vcalendar, *master;
	bool alone;		 /* the master is an override without its series */
	const struct zone *home; /* of the account */
	struct {
		struct str tzid;
		const struct zone *zone;
	} zones[CALENDAR_ZONES];
	unsigned nzones;
};

/* ERR_MALFORMED: there is no event in it. */
bool calendar_read(const struct item_context *ctx, struct str text, struct calendar *out,
		   struct err *e);

/* A new event with UID and DTSTAMP only. */
void calendar_start(const struct item_context *ctx, struct str uid, struct calendar *out);

/* The next VEVENT with RECURRENCE-ID that belongs to the series; NULL starts, NULL ends. */
struct ical_node *calendar_override(const struct calendar *c, const struct ical_node *last);

/* ---- When ---- */

struct event_times {
	struct ical_time start, end;
	bool all_day;
	const struct zone *zone, *end_zone; /* of the wall clocks; of a floating time: the user's */
	int64_t start_utc, end_utc;
};

/* Never fails: what is missing or can't be read is filled in (DTSTAMP, no length). */
void calendar_times(struct calendar *c, const struct ical_node *event, struct event_times *out);

/* The zone in which whole days begin, as the device sees them. */
const struct zone *calendar_day_zone(const struct calendar *c);

/* UTC seconds of a time line (EXDATE, RDATE, RECURRENCE-ID) as the series has it. */
int64_t calendar_instance_utc(struct calendar *c, const struct event_times *series,
			      struct ical_time t);
int64_t calendar_override_utc(struct calendar *c, const struct event_times *series,
			      const struct ical_node *override);

/* The zone of a time; of a floating one and of one with an unknown TZID the user's. */
const struct zone *calendar_zone(struct calendar *c, struct ical_time t);

/* Whether the event has a RRULE or RDATEs. */
bool calendar_recurs(const struct ical_node *event);

struct recurrence_start calendar_recurrence_start(const struct calendar *c,
						  const struct event_times *t);

/* ---- Who ---- */

/* The address of an ORGANIZER or ATTENDEE line, without mailto:; empty when it has none. */
struct str calendar_address(struct arena *a, const struct ical_node *line);

/* Whether the event is a meeting: there are attendees, or somebody else organizes it. */
bool calendar_is_meeting(const struct calendar *c, const struct ical_node *event);

/* Whether the user organizes it; so does he when it names no organizer. */
bool calendar_is_own(const struct calendar *c, const struct ical_node *event);

/* The user's own ATTENDEE line, or NULL. */
struct ical_node *calendar_me(const struct calendar *c, const struct ical_node *event);

bool calendar_is_cancelled(const struct ical_node *event);

/* BusyStatus (MS-ASCAL 2.2.2.9), 0 to 4. */
int calendar_busy(const struct calendar *c, const struct ical_node *event);

/* ResponseType (MS-ASCAL 2.2.2.40). */
int calendar_response(const struct calendar *c, const struct ical_node *event);

/* The first display alarm (RFC 5545 3.6.6), the only one that the protocol knows; or NULL. */
struct ical_node *calendar_alarm(const struct ical_node *event);

#endif
