/*
 * recurrence: the Recurrence element of events, tasks and meeting requests (MS-ASCAL 2.2.2.37,
 * MS-ASTASK 2.2.2.18, MS-ASEMAIL 2.2.2.60) and the RRULE of iCalendar (RFC 5545 3.3.10, RFC 7529),
 * both ways; and the occurrences of an RRULE.
 *
 * libical reads and follows the rules. Failure rule: decoding says ERR_INVALID (status 6); a rule
 * that can't be read has no occurrences but its start. Rules below a day are not followed, and
 * steps are bounded, so that no rule costs more than some milliseconds. Ownership: texts lie in
 * the arena. Thread: any.
 */
#ifndef EASEL_CORE_RECURRENCE_H
#define EASEL_CORE_RECURRENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/timezone.h"
#include "wbxml/wbxml.h"

struct arena;

/* ---- The element ---- */

enum recurrence_type {
	RECURS_DAILY = 0,
	RECURS_WEEKLY = 1,
	RECURS_MONTHLY = 2,
	RECURS_MONTHLY_NTH = 3,
	RECURS_YEARLY = 5,
	RECURS_YEARLY_NTH = 6
};

struct recurrence {
	enum recurrence_type type;
	int interval;	 /* 1 to 999 */
	unsigned days;	 /* DayOfWeek: sum of 1 (Sunday) to 64 (Saturday); 0: not said */
	int day;	 /* DayOfMonth, 1 to 31 */
	int week;	 /* WeekOfMonth, 1 to 5 (last) */
	int month;	 /* MonthOfYear, 1 to 12 */
	int occurrences; /* 0: not limited by number */
	bool has_until;	 /* never with occurrences */
	int64_t until;	 /* UTC seconds: start of the last occurrence */
	int first_day;	 /* FirstDayOfWeek, 0 (Sunday) to 6; -1: not said */
	int calendar;	 /* CalendarType; 0 for all that count months as we do */
	bool leap_month;
};

/* What the children are called in a code page; 0: it has no such element. */
struct recurrence_tags {
	unsigned type, interval, until, occurrences, day_of_week, day_of_month, week_of_month,
		month_of_year, calendar_type, is_leap_month, first_day_of_week;
	bool dashed; /* Until as dateTime, else compact */
};

extern const struct recurrence_tags recurrence_of_event, recurrence_of_task, recurrence_of_mail;

/*
 * Reads a Recurrence. Tags that are not the recurrence's (Start, Regenerate, DeadOccur of a task)
 * are the caller's. ERR_INVALID as MS-ASCAL 3.2.5.3 lists: a value out of range, a child that the
 * type does not take, one that it needs and has not. Below 16.0 Type is required.
 */
bool recurrence_decode(const struct wbxml_node *node, const struct recurrence_tags *tags,
		       unsigned version, struct recurrence *out, struct err *e);

/* Writes the children, in the order of the schemas. */
void recurrence_encode(struct wbxml_out *w, const struct recurrence *r,
		       const struct recurrence_tags *tags, unsigned version);

/* ---- The rule ---- */

/*
 * What the first occurrence is: its wall-clock time and zone. For whole days the zone says when a
 * day begins as the other side has it: UTC in 16.x, else the user's.
 */
struct recurrence_start {
	int64_t wall;
	bool date;
	const struct zone *zone;
};

/* The RRULE for a recurrence, without its name. */
struct str recurrence_rule(struct arena *a, const struct recurrence *r,
			   const struct recurrence_start *start);

enum recurrence_fit {
	RECURRENCE_NONE, /* the protocol has nothing like it, or it can't be read */
	RECURRENCE_NEAR, /* the closest pattern, with other occurrences than the rule */
	RECURRENCE_EXACT
};

enum recurrence_fit recurrence_of_rule(struct arena *a, struct str rule,
				       const struct recurrence_start *start,
				       struct recurrence *out);

/* Whether the rule is yearly, on whole days. */
bool recurrence_is_yearly(struct str rule);

/* ---- The occurrences ---- */

struct recurrence_walk {
	struct str rule;
	int64_t start;		 /* wall-clock seconds of the first */
	const struct zone *zone; /* in which a UTC UNTIL is meant; NULL: UTC */
	int64_t from, before;	 /* only what begins at or after `from`, and before `before` */
};

/* At most so many occurrences are looked at. */
enum { RECURRENCE_STEPS = 10000 };

/*
 * Wall-clock seconds of the rule's occurrences in ascending order, at most `most`; returns how
 * many. EXDATE and RDATE are the caller's.
 */
size_t recurrence_walls(struct arena *a, const struct recurrence_walk *walk, int64_t *out,
			size_t most);

/*
 * The last occurrence's wall-clock seconds. False: there is no end, or it is further away than
 * RECURRENCE_STEPS.
 */
bool recurrence_last(struct arena *a, const struct recurrence_walk *walk, int64_t *out);

#endif
