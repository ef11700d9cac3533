/* calendar_event: an event in its text. See calendar_event.h for the contract. */
#include "core/calendar_event.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/item_text_form.h"

/* ---- Reading ---- */

/* The first VEVENT in the tree that has (or lacks) a RECURRENCE-ID. */
static struct ical_node *find_event(struct ical_node *in, bool override)
{
	for (struct ical_node *n = in->first; n; n = n->next) {
		if (!n->component)
			continue;
		if (str_eq_nocase(n->name, STR("VEVENT"))) {
			if ((ical_line(n, "RECURRENCE-ID") != NULL) == override)
				return n;
			continue;
		}
		struct ical_node *inside = find_event(n, override);
		if (inside)
			return inside;
	}
	return NULL;
}

static const struct zone *home_zone(const struct item_context *ctx)
{
	const struct zone *z = ctx->timezone.n ? zone_named(ctx->timezone) : NULL;
	return z ? z : &zone_utc;
}

bool calendar_read(const struct item_context *ctx, struct str text, struct calendar *out,
		   struct err *e)
{
	*out = (struct calendar){.ctx = ctx, .a = ctx->arena, .home = home_zone(ctx)};
	if (!ical_parse(ctx->arena, text, &out->root, e))
		return false;
	out->master = find_event(out->root, false);
	if (!out->master) {
		out->alone = true;
		out->master = find_event(out->root, true);
	}
	if (!out->master)
		return err_set(e, ERR_MALFORMED, "there is no event in it");
	out->vcalendar = out->master->parent;
	return true;
}

void calendar_start(const struct item_context *ctx, struct str uid, struct calendar *out)
{
	struct err ignored;
	char now[CLOCK_TEXT];
	struct str text = item_text_new(ctx, "VEVENT");
	if (!calendar_read(ctx, text, out, &ignored))
		return;
	if (uid.n)
		ical_set(ctx->arena, out->master, "UID", STR(""), uid);
	ical_set(ctx->arena, out->master, "DTSTAMP", STR(""),
		 str_of(arena_strdup(ctx->arena, clock_compact(ctx->now, now))));
}

struct ical_node *calendar_override(const struct calendar *c, const struct ical_node *last)
{
	struct str uid = ical_value(c->master, "UID");
	struct ical_node *n = last ? ical_again(last) : ical_component(c->vcalendar, "VEVENT");
	if (c->alone)
		return NULL;
	for (; n; n = ical_again(n))
		if (n != c->master && ical_line(n, "RECURRENCE-ID") &&
		    str_eq(ical_value(n, "UID"), uid))
			return n;
	return NULL;
}

/* ---- When ---- */

const struct zone *calendar_zone(struct calendar *c, struct ical_time t)
{
	if (t.utc)
		return &zone_utc;
	if (!t.tzid.n)
		return c->home;
	for (unsigned i = 0; i < c->nzones; i++)
		if (str_eq(c->zones[i].tzid, t.tzid))
			return c->zones[i].zone;
	const struct zone *z = zone_of_tzid(c->a, c->vcalendar, t.tzid);
	z = z ? z : c->home;
	if (c->nzones < CALENDAR_ZONES) {
		c->zones[c->nzones].tzid = t.tzid;
		c->zones[c->nzones++].zone = z;
	}
	return z;
}

const struct zone *calendar_day_zone(const struct calendar *c)
{
	return c->ctx->version >= 160 ? &zone_utc : c->home;
}

static bool marked_all_day(const struct ical_node *event)
{
	return str_eq_nocase(ical_value(event, "X-MICROSOFT-CDO-ALLDAYEVENT"), STR("TRUE"));
}

static void read_start(struct calendar *c, const struct ical_node *event, struct ical_time *out)
{
	if (ical_time_of(c->a, ical_line(event, "DTSTART"), out))
		return;
	if (ical_time_of(c->a, ical_line(event, "RECURRENCE-ID"), out) ||
	    ical_time_of(c->a, ical_line(event, "DTEND"), out) ||
	    ical_time_of(c->a, ical_line(event, "DTSTAMP"), out))
		return;
	*out = (struct ical_time){.utc = true};
}

static void read_end(struct calendar *c, const struct ical_node *event, struct event_times *t)
{
	int64_t length;
	if (ical_time_of(c->a, ical_line(event, "DTEND"), &t->end) &&
	    t->end.date == t->start.date) {
		t->end_zone = calendar_zone(c, t->end);
		return;
	}
	t->end = t->start;
	t->end_zone = t->zone;
	if (ical_duration(c->a, ical_value(event, "DURATION"), &length) && length > 0)
		t->end.wall += length;
	else if (t->start.date)
		t->end.wall += CALENDAR_DAY;
}

void calendar_times(struct calendar *c, const struct ical_node *event, struct event_times *out)
{
	const struct zone *days = calendar_day_zone(c);
	read_start(c, event, &out->start);
	out->zone = calendar_zone(c, out->start);
	read_end(c, event, out);
	out->all_day = out->start.date ||
		       (marked_all_day(event) && out->start.wall % CALENDAR_DAY == 0 &&
			out->end.wall % CALENDAR_DAY == 0 && out->end.wall > out->start.wall);
	out->start_utc = zone_to_utc(out->all_day ? days : out->zone, out->start.wall);
	out->end_utc = zone_to_utc(out->all_day ? days : out->end_zone, out->end.wall);
	if (out->end_utc < out->start_utc) {
		out->end = out->start;
		out->end_zone = out->zone;
		out->end_utc = out->start_utc;
	}
	if (out->all_day && out->end_utc == out->start_utc) {
		out->end.wall += CALENDAR_DAY;
		out->end_utc = zone_to_utc(days, out->end.wall);
	}
}

int64_t calendar_instance_utc(struct calendar *c, const struct event_times *series,
			      struct ical_time t)
{
	int64_t time = (series->start.wall % CALENDAR_DAY + CALENDAR_DAY) % CALENDAR_DAY;
	if (series->all_day) {
		int64_t wall = t.utc ? zone_to_wall(series->zone, t.wall) : t.wall;
		int64_t rest = (wall % CALENDAR_DAY + CALENDAR_DAY) % CALENDAR_DAY;
		return zone_to_utc(calendar_day_zone(c), wall - rest);
	}
	if (t.date) /* some say only the day of an occurrence */
		return zone_to_utc(series->zone, t.wall + time);
	return zone_to_utc(t.utc || t.tzid.n ? calendar_zone(c, t) : series->zone, t.wall);
}

int64_t calendar_override_utc(struct calendar *c, const struct event_times *series,
			      const struct ical_node *override)
{
	struct ical_time t;
	if (!ical_time_of(c->a, ical_line(override, "RECURRENCE-ID"), &t))
		return series->start_utc;
	return calendar_instance_utc(c, series, t);
}

bool calendar_recurs(const struct ical_node *event)
{
	return ical_line(event, "RRULE") || ical_line(event, "RDATE");
}

struct recurrence_start calendar_recurrence_start(const struct calendar *c,
						  const struct event_times *t)
{
	return (struct recurrence_start){
		.wall = t->start.wall,
		.date = t->start.date,
		.zone = t->all_day ? calendar_day_zone(c) : t->zone,
	};
}

/* ---- Who ---- */

struct str calendar_address(struct arena *a, const struct ical_node *line)
{
	struct str value = str_trim(line->value), email = ical_param(a, line, "EMAIL");
	if (str_starts_nocase(value, STR("mailto:")))
		value = str_trim(str_sub(value, 7, value.n));
	else if (str_find_byte(value, ':') >= 0 || str_find_byte(value, '@') < 0)
		value = email.p ? str_trim(email) : STR("");
	return value;
}

static bool is_me(const struct calendar *c, const struct ical_node *line)
{
	return c->ctx->address.n && str_eq_nocase(calendar_address(c->a, line), c->ctx->address);
}

bool calendar_is_own(const struct calendar *c, const struct ical_node *event)
{
	const struct ical_node *organizer = ical_line(event, "ORGANIZER");
	return !organizer || is_me(c, organizer);
}

bool calendar_is_meeting(const struct calendar *c, const struct ical_node *event)
{
	return ical_line(event, "ATTENDEE") || !calendar_is_own(c, event);
}

struct ical_node *calendar_me(const struct calendar *c, const struct ical_node *event)
{
	struct ical_node *n = ical_line(event, "ATTENDEE");
	while (n && !is_me(c, n))
		n = ical_again(n);
	return n;
}

bool calendar_is_cancelled(const struct ical_node *event)
{
	return str_eq_nocase(ical_value(event, "STATUS"), STR("CANCELLED"));
}

int calendar_response(const struct calendar *c, const struct ical_node *event)
{
	static const struct {
		const char *partstat;
		int response;
	} of[] = {{"TENTATIVE", 2}, {"ACCEPTED", 3}, {"DECLINED", 4}};
	if (!calendar_is_meeting(c, event))
		return 0;
	if (calendar_is_own(c, event))
		return 1;
	const struct ical_node *me = calendar_me(c, event);
	if (!me)
		return 0;
	struct str partstat = ical_param(c->a, me, "PARTSTAT");
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (str_eq_nocase(partstat, str_of(of[i].partstat)))
			return of[i].response;
	return 5;
}

int calendar_busy(const struct calendar *c, const struct ical_node *event)
{
	static const char *const names[] = {"FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"};
	struct str said = ical_value(event, "X-MICROSOFT-CDO-BUSYSTATUS");
	for (int i = 0; i < 5; i++)
		if (str_eq_nocase(said, str_of(names[i])))
			return i;
	if (str_eq_nocase(ical_value(event, "TRANSP"), STR("TRANSPARENT")))
		return 0;
	int response = calendar_response(c, event);
	bool tentative = str_eq_nocase(ical_value(event, "STATUS"), STR("TENTATIVE")) ||
			 response == 2 || response == 5;
	return tentative ? 1 : 2;
}

struct ical_node *calendar_alarm(const struct ical_node *event)
{
	struct ical_node *n = ical_component(event, "VALARM");
	while (n && !str_eq_nocase(ical_value(n, "ACTION"), STR("DISPLAY")))
		n = ical_again(n);
	return n;
}
