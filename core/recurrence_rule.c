/* recurrence_rule: RRULE, from and to the protocol's recurrence, and its occurrences. See
 * recurrence.h. */
#include "core/recurrence.h"

#include <libical/ical.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

enum { RULE_MOST = 4096, ALL_DAYS = 127 };

static const char *const day_names[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

/* Calendars whose months are not ours; CalendarTypes that are the same to RFC 7529. */
static const struct {
	int type;
	const char *rscale;
} calendars[] = {{6, "ISLAMIC-CIVIL"}, {6, "ISLAMIC"},	{8, "HEBREW"},
		 {15, "CHINESE"},      {14, "CHINESE"}, {20, "DANGI"}};

enum { CALENDARS = sizeof calendars / sizeof *calendars };

static int weekday_of(int64_t wall)
{
	int64_t days = wall >= 0 ? wall / 86400 : -((-wall + 86399) / 86400);
	return (int)(((days + 4) % 7 + 7) % 7);
}

static void civil_of(int64_t wall, int *year, int *month, int *day)
{
	ical_civil(wall >= 0 ? wall / 86400 : -((-wall + 86399) / 86400), year, month, day);
}

/* ---- To the rule ---- */

static const char *rscale_of(int calendar)
{
	for (size_t i = 0; i < CALENDARS; i++)
		if (calendars[i].type == calendar)
			return calendars[i].rscale;
	return NULL;
}

static void put_days(struct buf *b, unsigned days, int nth)
{
	const char *comma = ";BYDAY=";
	for (int i = 0; i < 7; i++) {
		if (!(days & 1u << i))
			continue;
		buf_cstr(b, comma);
		if (nth)
			buf_printf(b, "%d", nth);
		buf_cstr(b, day_names[i]);
		comma = ",";
	}
}

/* The n-th of a month: of one weekday, of any day, or of several, of which the n-th counts. */
static void put_nth(struct buf *b, const struct recurrence *r)
{
	int nth = r->week == 5 ? -1 : r->week;
	bool one = (r->days & (r->days - 1)) == 0;
	if (r->days == ALL_DAYS) {
		buf_printf(b, ";BYMONTHDAY=%d", nth);
	} else {
		put_days(b, r->days, one ? nth : 0);
		if (!one)
			buf_printf(b, ";BYSETPOS=%d", nth);
	}
}

static void put_month(struct buf *b, const struct recurrence *r)
{
	buf_printf(b, ";BYMONTH=%d%s", r->month, r->leap_month ? "L" : "");
}

static void put_pattern(struct buf *b, const struct recurrence *r)
{
	switch (r->type) {
	case RECURS_DAILY:
	case RECURS_WEEKLY:
		put_days(b, r->days, 0);
		break;
	case RECURS_MONTHLY:
		buf_printf(b, ";BYMONTHDAY=%d", r->day);
		break;
	case RECURS_MONTHLY_NTH:
		put_nth(b, r);
		break;
	case RECURS_YEARLY:
		put_month(b, r);
		buf_printf(b, ";BYMONTHDAY=%d", r->day);
		break;
	case RECURS_YEARLY_NTH:
		put_month(b, r);
		put_nth(b, r);
		break;
	}
}

static const char *freq_of(const struct recurrence *r)
{
	static const char *const of[] = {
		[RECURS_DAILY] = "DAILY",     [RECURS_WEEKLY] = "WEEKLY",
		[RECURS_MONTHLY] = "MONTHLY", [RECURS_MONTHLY_NTH] = "MONTHLY",
		[RECURS_YEARLY] = "YEARLY",   [RECURS_YEARLY_NTH] = "YEARLY"};
	return r->type == RECURS_DAILY && r->days ? "WEEKLY" : of[r->type];
}

/* UTC, but a date or a floating time where the start is one (RFC 5545 3.3.10). */
static struct str until_text(struct arena *a, const struct recurrence *r,
			     const struct recurrence_start *start)
{
	struct ical_time t = {.wall = r->until, .utc = true};
	if (start->date) {
		t = (struct ical_time){.wall = zone_to_wall(start->zone, r->until), .date = true};
	} else if (!start->zone) {
		t.utc = false;
	}
	return ical_time_text(a, t);
}

struct str recurrence_rule(struct arena *a, const struct recurrence *r,
			   const struct recurrence_start *start)
{
	struct buf b = {0};
	const char *rscale = r->type >= RECURS_MONTHLY ? rscale_of(r->calendar) : NULL;
	if (rscale)
		buf_printf(&b, "RSCALE=%s;", rscale);
	buf_printf(&b, "FREQ=%s", freq_of(r));
	if (r->occurrences)
		buf_printf(&b, ";COUNT=%d", r->occurrences);
	else if (r->has_until) {
		buf_cstr(&b, ";UNTIL=");
		buf_str(&b, until_text(a, r, start));
	}
	if (r->interval > 1)
		buf_printf(&b, ";INTERVAL=%d", r->interval);
	put_pattern(&b, r);
	if (r->first_day >= 0 && r->first_day != 1 && r->type <= RECURS_WEEKLY)
		buf_printf(&b, ";WKST=%s", day_names[r->first_day]);
	return buf_move(a, &b);
}

/* ---- From the rule ---- */

static unsigned listed(const short *v, unsigned size)
{
	unsigned n = 0;
	while (n < size && v[n] != ICAL_RECURRENCE_ARRAY_MAX)
		n++;
	return n;
}

#define LISTED(v) listed(v, sizeof(v) / sizeof *(v))

/* What libical allocated for a rule. */
static void release(struct icalrecurrencetype *rule)
{
	free(rule->rscale);
	rule->rscale = NULL;
}

/* False: it can't be read, or is below a day. Otherwise to be released. */
static bool read_rule(struct arena *a, struct str rule, struct icalrecurrencetype *out)
{
	rule = str_trim(rule);
	if (!rule.n || rule.n > RULE_MOST)
		return false;
	icalerror_set_errors_are_fatal(false);
	*out = icalrecurrencetype_from_string(str_dup(a, rule));
	if (out->freq >= ICAL_DAILY_RECURRENCE && out->freq <= ICAL_YEARLY_RECURRENCE &&
	    !LISTED(out->by_hour) && !LISTED(out->by_minute) && !LISTED(out->by_second))
		return true;
	release(out);
	return false;
}

/* What the protocol could say of a rule, as it is read piece by piece. */
struct reading {
	const struct icalrecurrencetype *rule;
	const struct recurrence_start *start;
	struct recurrence *r;
	bool exact;
	int start_month, start_day;
};

/* All the weekdays, if none has a number; else the first one, and its number in *nth. */
static unsigned weekdays(struct reading *x, int *nth)
{
	const struct icalrecurrencetype *rule = x->rule;
	unsigned n = LISTED(rule->by_day), days = 0;
	*nth = n ? icalrecurrencetype_day_position(rule->by_day[0]) : 0;
	for (unsigned i = 0; i < n; i++) {
		int day = (int)icalrecurrencetype_day_day_of_week(rule->by_day[i]);
		if (icalrecurrencetype_day_position(rule->by_day[i]) != *nth || (*nth && i > 0)) {
			x->exact = false;
			continue;
		}
		if (day >= 1 && day <= 7)
			days |= 1u << (day - 1);
	}
	return days;
}

/* BYMONTHDAY=8,9,10,11,12,13,14 with one weekday is the second of it. */
static int week_of_days(const struct icalrecurrencetype *rule)
{
	short first = rule->by_month_day[0];
	if (LISTED(rule->by_month_day) != 7 || first < 1 || first > 22 || first % 7 != 1)
		return 0;
	for (int i = 1; i < 7; i++)
		if (rule->by_month_day[i] != first + i)
			return 0;
	return (first - 1) / 7 + 1;
}

/* The number of an n-th day as WeekOfMonth; the fifth that is not the last is near it. */
static void set_week(struct reading *x, int nth)
{
	x->exact = x->exact && (nth == -1 || (nth >= 1 && nth <= 4));
	x->r->week = nth < 0 || nth > 4 ? 5 : nth;
}

/* Days of a month or of one month of the year. `plain` and `on_nth` are the types for either. */
static void read_month_days(struct reading *x, enum recurrence_type plain,
			    enum recurrence_type on_nth)
{
	const struct icalrecurrencetype *rule = x->rule;
	unsigned ndays = LISTED(rule->by_month_day), npos = LISTED(rule->by_set_pos);
	int nth;
	unsigned days = weekdays(x, &nth);
	x->r->type = plain;
	if (days && !nth)
		nth = npos == 1 ? rule->by_set_pos[0] : ndays ? week_of_days(rule) : 0;
	if (days && nth) {
		x->exact = x->exact && npos <= 1 && (!ndays || week_of_days(rule));
		x->r->type = on_nth;
		x->r->days = days;
		set_week(x, nth);
		return;
	}
	x->exact = x->exact && !days && ndays <= 1 && !npos;
	x->r->day = ndays ? rule->by_month_day[0] : x->start_day;
	if (x->r->day < 0) {
		x->exact = x->exact && x->r->day == -1;
		x->r->type = on_nth;
		x->r->days = ALL_DAYS;
		x->r->day = 0;
		x->r->week = 5;
	}
}

static void read_weekly(struct reading *x)
{
	const struct icalrecurrencetype *rule = x->rule;
	int nth;
	x->r->type = RECURS_WEEKLY;
	x->r->days = weekdays(x, &nth);
	x->exact = x->exact && !nth && !LISTED(rule->by_month_day) && !LISTED(rule->by_set_pos) &&
		   !LISTED(rule->by_month);
	if (!x->r->days)
		x->r->days = 1u << weekday_of(x->start->wall);
}

static void read_monthly(struct reading *x)
{
	const struct icalrecurrencetype *rule = x->rule;
	int nth = 1;
	/* Every Monday of every month is every Monday. */
	if (LISTED(rule->by_day) && !LISTED(rule->by_set_pos) && !LISTED(rule->by_month_day) &&
	    rule->interval == 1 && (weekdays(x, &nth), nth == 0)) {
		read_weekly(x);
		return;
	}
	x->exact = x->exact && !LISTED(rule->by_month);
	read_month_days(x, RECURS_MONTHLY, RECURS_MONTHLY_NTH);
}

static void read_yearly(struct reading *x)
{
	const struct icalrecurrencetype *rule = x->rule;
	unsigned months = LISTED(rule->by_month);
	x->exact = x->exact && months <= 1 && (months || !LISTED(rule->by_day)) &&
		   (months || !LISTED(rule->by_month_day));
	x->r->month = months ? icalrecurrencetype_month_month(rule->by_month[0]) : x->start_month;
	x->r->leap_month = months && icalrecurrencetype_month_is_leap(rule->by_month[0]);
	if (x->r->month > 12) {
		x->exact = false;
		x->r->month = 12;
	}
	read_month_days(x, RECURS_YEARLY, RECURS_YEARLY_NTH);
}

static void read_calendar(struct reading *x)
{
	const char *rscale = x->rule->rscale;
	if (!rscale || str_eq_nocase(str_of(rscale), STR("GREGORIAN")))
		return;
	for (size_t i = 0; i < CALENDARS && !x->r->calendar; i++)
		if (str_eq_nocase(str_of(rscale), str_of(calendars[i].rscale)))
			x->r->calendar = calendars[i].type;
	x->exact = x->exact && x->r->calendar && x->rule->skip == ICAL_SKIP_OMIT;
}

static int64_t wall_of(struct icaltimetype t)
{
	return ical_days(t.year, t.month, t.day) * 86400 +
	       (t.is_date ? 0 : t.hour * 3600 + t.minute * 60 + t.second);
}

/* The wall clock of an UNTIL: a date stands for all of its day. */
static int64_t until_wall(struct icaltimetype until, const struct zone *zone)
{
	int64_t wall = wall_of(until);
	if (until.is_date)
		return wall + 86399;
	return icaltime_is_utc(until) && zone ? zone_to_wall(zone, wall) : wall;
}

static void read_end(struct arena *a, struct str text, struct reading *x)
{
	const struct icalrecurrencetype *rule = x->rule;
	const struct zone *zone = x->start->zone ? x->start->zone : &zone_utc;
	struct recurrence_walk walk = {text, x->start->wall, zone, INT64_MIN, INT64_MAX};
	int64_t last;
	if (rule->count > 0 && rule->count <= 999) {
		x->r->occurrences = rule->count;
	} else if (rule->count > 0) {
		x->r->has_until = recurrence_last(a, &walk, &last);
		if (x->r->has_until)
			x->r->until = zone_to_utc(zone, last);
	} else if (!icaltime_is_null_time(rule->until)) {
		int64_t time = (x->start->wall % 86400 + 86400) % 86400;
		int64_t wall = rule->until.is_date ? wall_of(rule->until) + time
						   : until_wall(rule->until, zone);
		x->r->has_until = true;
		x->r->until = zone_to_utc(zone, wall);
	}
}

enum recurrence_fit recurrence_of_rule(struct arena *a, struct str text,
				       const struct recurrence_start *start, struct recurrence *out)
{
	struct icalrecurrencetype rule;
	struct reading x = {.rule = &rule, .start = start, .r = out, .exact = true};
	int year;
	*out = (struct recurrence){.interval = 1, .first_day = -1};
	if (!read_rule(a, text, &rule))
		return RECURRENCE_NONE;
	civil_of(start->wall, &year, &x.start_month, &x.start_day);
	x.exact = rule.interval <= 999 && !LISTED(rule.by_year_day) && !LISTED(rule.by_week_no);
	out->interval = rule.interval < 1 ? 1 : rule.interval > 999 ? 999 : rule.interval;
	out->first_day = rule.week_start == ICAL_NO_WEEKDAY ? -1 : (int)rule.week_start - 1;
	read_calendar(&x);
	if (rule.freq == ICAL_DAILY_RECURRENCE && LISTED(rule.by_day) && rule.interval == 1) {
		read_weekly(&x);
	} else if (rule.freq == ICAL_DAILY_RECURRENCE) {
		out->type = RECURS_DAILY;
		x.exact = x.exact && !LISTED(rule.by_day) && !LISTED(rule.by_month_day) &&
			  !LISTED(rule.by_month) && !LISTED(rule.by_set_pos);
	} else if (rule.freq == ICAL_WEEKLY_RECURRENCE) {
		read_weekly(&x);
	} else if (rule.freq == ICAL_MONTHLY_RECURRENCE) {
		read_monthly(&x);
	} else {
		read_yearly(&x);
	}
	read_end(a, text, &x);
	release(&rule);
	return x.exact ? RECURRENCE_EXACT : RECURRENCE_NEAR;
}

bool recurrence_is_yearly(struct str rule)
{
	struct str part, key;
	bool yearly = false;
	while (str_next(&rule, ';', &part)) {
		key = str_trim(part);
		yearly = yearly || str_eq_nocase(key, STR("FREQ=YEARLY"));
		if (str_starts_nocase(key, STR("BYHOUR")) || str_starts_nocase(key, STR("BYMIN")) ||
		    str_starts_nocase(key, STR("BYSEC")))
			return false;
	}
	return yearly;
}

/* ---- Occurrences ---- */

static struct icaltimetype time_of(int64_t wall)
{
	struct icaltimetype t = icaltime_null_time();
	int64_t days = wall >= 0 ? wall / 86400 : -((-wall + 86399) / 86400);
	int rest = (int)(wall - days * 86400);
	ical_civil(days, &t.year, &t.month, &t.day);
	t.hour = rest / 3600;
	t.minute = rest / 60 % 60;
	t.second = rest % 60;
	return t;
}

/* Calls `each` for one occurrence after the other until it says false or steps run out. */
static bool walk_rule(struct arena *a, const struct recurrence_walk *walk,
		      bool (*each)(void *ctx, int64_t wall), void *ctx)
{
	struct icalrecurrencetype rule;
	if (!read_rule(a, walk->rule, &rule))
		return false;
	int64_t until =
		icaltime_is_null_time(rule.until) ? INT64_MAX : until_wall(rule.until, walk->zone);
	rule.until = icaltime_null_time();
	icalrecur_iterator *it = icalrecur_iterator_new(rule, time_of(walk->start));
	bool ended = false;
	for (int i = 0; it && i < RECURRENCE_STEPS; i++) {
		struct icaltimetype t = icalrecur_iterator_next(it);
		if (icaltime_is_null_time(t) || wall_of(t) > until || !each(ctx, wall_of(t))) {
			ended = true;
			break;
		}
	}
	icalrecur_iterator_free(it);
	release(&rule);
	return ended;
}

struct gathering {
	const struct recurrence_walk *walk;
	int64_t *out;
	size_t n, most;
};

static bool gather(void *ctx, int64_t wall)
{
	struct gathering *g = ctx;
	if (wall >= g->walk->before || g->n == g->most)
		return false;
	if (wall >= g->walk->from)
		g->out[g->n++] = wall;
	return true;
}

size_t recurrence_walls(struct arena *a, const struct recurrence_walk *walk, int64_t *out,
			size_t most)
{
	struct gathering g = {walk, out, 0, most};
	walk_rule(a, walk, gather, &g);
	return g.n;
}

static bool keep_last(void *ctx, int64_t wall)
{
	*(int64_t *)ctx = wall;
	return true;
}

static bool has_end(struct str rule)
{
	return str_find(rule, STR("COUNT=")) >= 0 || str_find(rule, STR("UNTIL=")) >= 0 ||
	       str_find(rule, STR("count=")) >= 0 || str_find(rule, STR("until=")) >= 0;
}

bool recurrence_last(struct arena *a, const struct recurrence_walk *walk, int64_t *out)
{
	*out = walk->start;
	return has_end(walk->rule) && walk_rule(a, walk, keep_last, out);
}
