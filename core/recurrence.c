/* recurrence: the Recurrence element of the protocol. See recurrence.h; rules: recurrence_rule.c.
 */
#include "core/recurrence.h"

#include "core/base/clock.h"

const struct recurrence_tags recurrence_of_event = {
	.type = Calendar_Type,
	.interval = Calendar_Interval,
	.until = Calendar_Until,
	.occurrences = Calendar_Occurrences,
	.day_of_week = Calendar_DayOfWeek,
	.day_of_month = Calendar_DayOfMonth,
	.week_of_month = Calendar_WeekOfMonth,
	.month_of_year = Calendar_MonthOfYear,
	.calendar_type = Calendar_CalendarType,
	.is_leap_month = Calendar_IsLeapMonth,
	.first_day_of_week = Calendar_FirstDayOfWeek,
};

const struct recurrence_tags recurrence_of_task = {
	.type = Tasks_Type,
	.interval = Tasks_Interval,
	.until = Tasks_Until,
	.occurrences = Tasks_Occurrences,
	.day_of_week = Tasks_DayOfWeek,
	.day_of_month = Tasks_DayOfMonth,
	.week_of_month = Tasks_WeekOfMonth,
	.month_of_year = Tasks_MonthOfYear,
	.calendar_type = Tasks_CalendarType,
	.is_leap_month = Tasks_IsLeapMonth,
	.first_day_of_week = Tasks_FirstDayOfWeek,
	.dashed = true,
};

const struct recurrence_tags recurrence_of_mail = {
	.type = Email_Type,
	.interval = Email_Interval,
	.until = Email_Until,
	.occurrences = Email_Occurrences,
	.day_of_week = Email_DayOfWeek,
	.day_of_month = Email_DayOfMonth,
	.week_of_month = Email_WeekOfMonth,
	.month_of_year = Email_MonthOfYear,
	.calendar_type = Email2_CalendarType,
	.is_leap_month = Email2_IsLeapMonth,
	.first_day_of_week = Email2_FirstDayOfWeek,
};

/* ---- Which children a type takes ---- */

static bool takes_days(int type)
{
	return type == RECURS_DAILY || type == RECURS_WEEKLY || type == RECURS_MONTHLY_NTH ||
	       type == RECURS_YEARLY_NTH;
}

static bool takes_week(int type)
{
	return type == RECURS_MONTHLY_NTH || type == RECURS_YEARLY_NTH;
}

static bool takes_day(int type)
{
	return type == RECURS_MONTHLY || type == RECURS_YEARLY;
}

static bool takes_month(int type)
{
	return type == RECURS_YEARLY || type == RECURS_YEARLY_NTH;
}

/* ---- Decoding ---- */

/* A number of a child, in a range; `absent` when there is no such child. */
static bool number(const struct wbxml_node *node, unsigned tag, int least, int most, int absent,
		   int *out, struct err *e)
{
	const struct wbxml_node *child = wbxml_child(node, tag);
	int64_t n;
	*out = absent;
	if (!child)
		return true;
	if (wbxml_again(child))
		return err_set(e, ERR_INVALID, "two %s in a recurrence", wbxml_tag_name(tag));
	if (!str_to_i64(str_trim(child->text), &n) || n < least || n > most)
		return err_set(e, ERR_INVALID, "%s of a recurrence out of range",
			       wbxml_tag_name(tag));
	*out = (int)n;
	return true;
}

/* 16.0 made the type optional; then the children tell. */
static int guess_type(const struct recurrence *r)
{
	if (r->week)
		return r->month ? RECURS_YEARLY_NTH : RECURS_MONTHLY_NTH;
	if (r->day)
		return r->month ? RECURS_YEARLY : RECURS_MONTHLY;
	return r->days ? RECURS_WEEKLY : RECURS_DAILY;
}

static bool calendar_exists(int type)
{
	return type <= 12 || type == 14 || type == 15 || type == 20;
}

static bool check_children(const struct recurrence *r, struct err *e)
{
	int t = (int)r->type;
	if ((r->days && !takes_days(t)) || (r->week && !takes_week(t)) ||
	    (r->day && !takes_day(t)) || (r->month && !takes_month(t)))
		return err_set(e, ERR_INVALID, "a recurrence of type %d with what it can't have",
			       t);
	if ((!r->days && takes_days(t) && t != RECURS_DAILY) || (!r->week && takes_week(t)) ||
	    (!r->day && takes_day(t)) || (!r->month && takes_month(t)))
		return err_set(e, ERR_INVALID, "a recurrence of type %d that lacks a part", t);
	return true;
}

static bool decode_end(const struct wbxml_node *node, const struct recurrence_tags *tags,
		       struct recurrence *out, struct err *e)
{
	struct str until = str_trim(wbxml_child_text(node, tags->until));
	int64_t ms;
	if (!number(node, tags->occurrences, 1, 999, 0, &out->occurrences, e))
		return false;
	/* Both: the number counts (MS-ASCAL 3.2.5.3). */
	if (!until.n || out->occurrences)
		return true;
	if (!clock_parse(until, &ms))
		return err_set(e, ERR_INVALID, "Until is no time");
	out->has_until = true;
	out->until = ms / 1000;
	return true;
}

bool recurrence_decode(const struct wbxml_node *node, const struct recurrence_tags *tags,
		       unsigned version, struct recurrence *out, struct err *e)
{
	int type, days, leap;
	*out = (struct recurrence){0};
	if (!number(node, tags->type, 0, 6, -1, &type, e) ||
	    !number(node, tags->interval, 0, 999, 1, &out->interval, e) ||
	    !number(node, tags->day_of_week, 1, 127, 0, &days, e) ||
	    !number(node, tags->day_of_month, 1, 31, 0, &out->day, e) ||
	    !number(node, tags->week_of_month, 1, 5, 0, &out->week, e) ||
	    !number(node, tags->month_of_year, 1, 12, 0, &out->month, e) ||
	    !number(node, tags->calendar_type, 0, 23, 0, &out->calendar, e) ||
	    !number(node, tags->is_leap_month, 0, 1, 0, &leap, e) ||
	    !number(node, tags->first_day_of_week, 0, 6, -1, &out->first_day, e) ||
	    !decode_end(node, tags, out, e))
		return false;
	out->days = (unsigned)days;
	out->leap_month = leap;
	if (!out->interval)
		out->interval = 1;
	if (type == 4 || (type < 0 && version < 160))
		return err_set(e, ERR_INVALID, "a recurrence without a type");
	if (!calendar_exists(out->calendar))
		return err_set(e, ERR_INVALID, "a CalendarType that is reserved");
	out->type = (enum recurrence_type)(type < 0 ? guess_type(out) : type);
	return check_children(out, e);
}

/* ---- Encoding ---- */

static void encode_end(struct wbxml_out *w, const struct recurrence *r,
		       const struct recurrence_tags *tags)
{
	char text[CLOCK_TEXT];
	if (r->has_until)
		wbxml_cstr(w, tags->until,
			   tags->dashed ? clock_dashed(r->until * 1000, text)
					: clock_compact(r->until * 1000, text));
	if (r->occurrences)
		wbxml_int(w, tags->occurrences, r->occurrences);
}

void recurrence_encode(struct wbxml_out *w, const struct recurrence *r,
		       const struct recurrence_tags *tags, unsigned version)
{
	int t = (int)r->type;
	wbxml_int(w, tags->type, t);
	wbxml_int(w, tags->interval, r->interval);
	encode_end(w, r, tags);
	if (r->week && takes_week(t))
		wbxml_int(w, tags->week_of_month, r->week);
	if (r->day && takes_day(t))
		wbxml_int(w, tags->day_of_month, r->day);
	if (r->days && takes_days(t))
		wbxml_int(w, tags->day_of_week, r->days);
	if (r->month && takes_month(t))
		wbxml_int(w, tags->month_of_year, r->month);
	if (version >= 140 && t >= RECURS_MONTHLY) {
		wbxml_int(w, tags->calendar_type, r->calendar);
		if (r->leap_month)
			wbxml_int(w, tags->is_leap_month, 1);
	}
	/* Required for a weekly one (MS-ASCAL 3.2.5); Monday is iCalendar's own default. */
	if (version >= 141 && t == RECURS_WEEKLY)
		wbxml_int(w, tags->first_day_of_week, r->first_day < 0 ? 1 : r->first_day);
}
