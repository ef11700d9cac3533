/* timezone_rules: yearly changes of a zone, the protocol's 172 bytes, VTIMEZONEs that are written.
 * See timezone_rules.h and timezone.h. */
#include "core/timezone_rules.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/text.h"

enum { DAY = 86400, YEARS_LOOKED_AT = 6 };

static int month_days(int year, int month)
{
	int64_t next = month == 12 ? ical_days(year + 1, 1, 1) : ical_days(year, month + 1, 1);
	return (int)(next - ical_days(year, month, 1));
}

/* 0 is Sunday; 1 January 1970 was a Thursday. */
static int weekday_of(int64_t days)
{
	return (int)(((days + 4) % 7 + 7) % 7);
}

static int64_t floor_days(int64_t seconds)
{
	return seconds >= 0 ? seconds / DAY : -((-seconds + DAY - 1) / DAY);
}

int zone_year(int64_t utc)
{
	int year, month, day;
	ical_civil(floor_days(utc), &year, &month, &day);
	return year;
}

int64_t zone_rule_wall(const struct zone_rule *rule, int year)
{
	if (rule->year)
		return ical_days(rule->year, rule->month, rule->nth) * DAY + rule->time;
	int64_t first = ical_days(year, rule->month, 1);
	int day = 1 + (rule->weekday - weekday_of(first) + 7) % 7 + 7 * (rule->nth - 1);
	while (day > month_days(year, rule->month))
		day -= 7;
	return (first + day - 1) * DAY + rule->time;
}

size_t zone_rules_expand(const struct zone_rules *r, int from, int until, struct zone_change *v)
{
	size_t n = 0;
	for (int year = from; year <= until && r->changes; year++) {
		struct zone_change summer = {zone_rule_wall(&r->to_summer, year) - r->standard,
					     r->summer};
		struct zone_change standard = {zone_rule_wall(&r->to_standard, year) - r->summer,
					       r->standard};
		bool north = summer.at < standard.at;
		v[n++] = north ? summer : standard;
		v[n++] = north ? standard : summer;
	}
	return n;
}

/* ---- The rules of a zone in a year ---- */

static size_t change_index(const struct zone *z, int64_t utc)
{
	size_t low = 0, high = z->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (z->v[middle].at < utc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int32_t before(const struct zone *z, size_t i)
{
	return i ? z->v[i - 1].offset : z->first;
}

/* The first change of the year to a higher offset (direction 1) or a lower one (-1); z->n: none. */
static size_t change_of_year(const struct zone *z, int year, int direction)
{
	int64_t end = ical_days(year + 1, 1, 1) * DAY;
	size_t i = change_index(z, ical_days(year, 1, 1) * DAY);
	for (; i < z->n && z->v[i].at < end; i++)
		if ((z->v[i].offset - before(z, i)) * direction > 0)
			return i;
	return z->n;
}

static void day_of_change(const struct zone *z, size_t i, int *year, int *month, int *day)
{
	ical_civil(floor_days(z->v[i].at + before(z, i)), year, month, day);
}

/*
 * The 25th may be the fourth and the last Sunday at once: what it is in other years tells. A change
 * that other years have on other days of the month is taken as this year has it.
 */
static int nth_of(const struct zone *z, size_t i, int direction)
{
	int year, month, day, y, m, d;
	day_of_change(z, i, &year, &month, &day);
	bool last = day + 7 > month_days(year, month);
	if (!last || day > 28)
		return last ? 5 : (day - 1) / 7 + 1;
	for (int k = 1; k <= YEARS_LOOKED_AT; k++) {
		size_t other = change_of_year(z, year + k, direction);
		if (other == z->n)
			break;
		day_of_change(z, other, &y, &m, &d);
		if (m != month)
			break;
		if (d > 28)
			return 5;
		if (d + 7 <= month_days(y, m))
			return (day - 1) / 7 + 1;
	}
	return 5;
}

static struct zone_rule rule_of(const struct zone *z, size_t i, int direction)
{
	int64_t wall = z->v[i].at + before(z, i), days = floor_days(wall);
	struct zone_rule rule = {.weekday = weekday_of(days), .time = wall - days * DAY};
	int year, day;
	ical_civil(days, &year, &rule.month, &day);
	rule.nth = nth_of(z, i, direction);
	return rule;
}

struct zone_rules zone_rules_of(const struct zone *z, int64_t at)
{
	int year = zone_year(at);
	size_t up = change_of_year(z, year, 1), down = change_of_year(z, year, -1);
	if (up == z->n || down == z->n)
		return (struct zone_rules){.standard = zone_offset(z, at)};
	return (struct zone_rules){
		.changes = true,
		.standard = z->v[down].offset,
		.summer = z->v[up].offset,
		.to_standard = rule_of(z, down, -1),
		.to_summer = rule_of(z, up, 1),
	};
}

/* ---- The 172 bytes ---- */

enum {
	STANDARD_NAME = 4,
	STANDARD_DATE = 68,
	STANDARD_BIAS = 84,
	DAYLIGHT_DATE = 152,
	DAYLIGHT_BIAS = 168,
	NAME_UNITS = 32
};

static void put_u16(char *p, int v)
{
	p[0] = (char)(v & 0xff);
	p[1] = (char)(v >> 8 & 0xff);
}

static void put_i32(char *p, int32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (char)((uint32_t)v >> 8 * i);
}

static int get_u16(const char *p)
{
	return (unsigned char)p[0] | (unsigned char)p[1] << 8;
}

static int32_t get_i32(const char *p)
{
	return (int32_t)((uint32_t)get_u16(p) | (uint32_t)get_u16(p + 2) << 16);
}

static void put_rule(char *p, const struct zone_rule *rule)
{
	put_u16(p + 2, rule->month);
	put_u16(p + 4, rule->weekday);
	put_u16(p + 6, rule->nth);
	put_u16(p + 8, (int)(rule->time / 3600));
	put_u16(p + 10, (int)(rule->time / 60 % 60));
	put_u16(p + 12, (int)(rule->time % 60));
}

struct str zone_blob(struct arena *a, const struct zone *z, int64_t at)
{
	char b[ZONE_BLOB] = {0};
	struct zone_rules r = zone_rules_of(z, at);
	put_i32(b, -r.standard / 60);
	if (r.changes) {
		put_rule(b + STANDARD_DATE, &r.to_standard);
		put_rule(b + DAYLIGHT_DATE, &r.to_summer);
		put_i32(b + DAYLIGHT_BIAS, -(r.summer - r.standard) / 60);
	}
	return text_base64_encode(a, (struct str){b, sizeof b});
}

/* A day or a rule; midnight as 23:59:59.999 of the day before stays what it is. */
static bool get_rule(const char *p, struct zone_rule *rule)
{
	int hour = get_u16(p + 8), minute = get_u16(p + 10), second = get_u16(p + 12);
	*rule = (struct zone_rule){.year = get_u16(p),
				   .month = get_u16(p + 2),
				   .weekday = get_u16(p + 4),
				   .nth = get_u16(p + 6),
				   .time = hour * 3600 + minute * 60 + second +
					   (get_u16(p + 14) >= 500)};
	bool ok = rule->month >= 1 && rule->month <= 12 && rule->weekday <= 6 && rule->nth >= 1 &&
		  hour <= 24 && minute <= 59 && second <= 59;
	return ok && (rule->year ? rule->year >= 1601 && rule->year <= 9999 && rule->nth <= 31
				 : rule->nth <= 5);
}

/* The standard name as far as it is ASCII. */
static struct str get_name(struct arena *a, const char *p)
{
	char *out = arena_alloc(a, NAME_UNITS);
	size_t n = 0;
	while (n < NAME_UNITS && get_u16(p + 2 * n) > 0 && get_u16(p + 2 * n) < 0x80) {
		out[n] = p[2 * n];
		n++;
	}
	return (struct str){out, n};
}

bool zone_blob_read(struct arena *a, struct str base64, struct zone_rules *out, struct str *name)
{
	enum { MOST = 24 * 60 };
	struct str b;
	*out = (struct zone_rules){0};
	if (!text_base64_decode(a, base64, true, &b) || b.n != ZONE_BLOB)
		return false;
	int32_t bias = get_i32(b.p), standard = get_i32(b.p + STANDARD_BIAS),
		daylight = get_i32(b.p + DAYLIGHT_BIAS);
	if (bias < -MOST || bias > MOST || standard < -MOST || standard > MOST ||
	    daylight < -MOST || daylight > MOST)
		return false;
	*name = get_name(a, b.p + STANDARD_NAME);
	out->standard = -(bias + standard) * 60;
	out->summer = -(bias + daylight) * 60;
	out->changes = get_rule(b.p + STANDARD_DATE, &out->to_standard) &&
		       get_rule(b.p + DAYLIGHT_DATE, &out->to_summer) &&
		       out->summer != out->standard;
	return true;
}

/* ---- VTIMEZONE ---- */

static struct str offset_text(struct arena *a, int32_t offset)
{
	int32_t s = abs(offset);
	return str_of(arena_printf(a, s % 60 ? "%c%02d%02d%02d" : "%c%02d%02d",
				   offset < 0 ? '-' : '+', s / 3600, s / 60 % 60, s % 60));
}

static void write_observance(struct arena *a, struct ical_node *in, const char *name, int32_t from,
			     int32_t to, const struct zone_rule *rule)
{
	static const char *const days[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};
	struct ical_node *o = ical_add_component(a, in, name, NULL);
	struct ical_time start = {.wall = 0};
	if (rule)
		start.wall = zone_rule_wall(rule, 1970);
	ical_add(a, o, "DTSTART", STR(""), ical_time_text(a, start));
	ical_add(a, o, "TZOFFSETFROM", STR(""), offset_text(a, from));
	ical_add(a, o, "TZOFFSETTO", STR(""), offset_text(a, to));
	if (rule && !rule->year)
		ical_add(
			a, o, "RRULE", STR(""),
			str_of(arena_printf(a, "FREQ=YEARLY;BYMONTH=%d;BYDAY=%d%s", rule->month,
					    rule->nth == 5 ? -1 : rule->nth, days[rule->weekday])));
}

void zone_write(struct arena *a, struct ical_node *calendar, const struct zone *z, int64_t at,
		struct ical_node *before_this)
{
	struct ical_node *zone = ical_add_component(a, calendar, "VTIMEZONE", before_this);
	struct zone_rules r = zone_rules_of(z, at);
	ical_add(a, zone, "TZID", STR(""), z->tzid);
	if (!r.changes) {
		write_observance(a, zone, "STANDARD", r.standard, r.standard, NULL);
		return;
	}
	write_observance(a, zone, "STANDARD", r.summer, r.standard, &r.to_standard);
	write_observance(a, zone, "DAYLIGHT", r.standard, r.summer, &r.to_summer);
}
