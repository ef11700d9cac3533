/* calendar_when: a device's changes of times and recurrence, taken together. See calendar.h. */
#include "core/calendar.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"

enum { HALF_HOUR = 1800 };

/* What the event's times are to be. */
struct when {
	struct event_times old;
	int64_t start, end; /* UTC seconds as the device has them */
	bool all_day;
	const struct zone *zone; /* of the wall clock */
	const struct zone *sent; /* that the device named; NULL: none */
	bool start_sent, end_sent;
};

static int64_t floor_day(int64_t wall)
{
	return wall - (wall % CALENDAR_DAY + CALENDAR_DAY) % CALENDAR_DAY;
}

/* ---- What was sent ---- */

static bool read_time(struct event_edit *x, unsigned tag, int64_t *out, bool *sent)
{
	bool removed;
	const struct wbxml_node *node = calendar_sent(x->edit, tag, &removed);
	int64_t ms;
	*sent = node != NULL;
	if (!node)
		return true;
	if (!clock_parse(str_trim(node->text), &ms))
		return err_set(x->e, ERR_INVALID, "%s is no time", wbxml_tag_name(tag));
	*out = ms / 1000;
	return true;
}

/* A new event may come without times (MS-ASCAL 3.2.4.5). */
static bool fill_in(struct event_edit *x, struct when *w)
{
	int64_t now = x->c->ctx->now / 1000;
	int64_t rounded = (now + HALF_HOUR / 2) / HALF_HOUR * HALF_HOUR;
	if (!w->start_sent && !w->end_sent) {
		w->start = rounded;
		w->end = rounded + HALF_HOUR;
	} else if (!w->start_sent) {
		w->start = rounded;
		if (w->end < now || rounded > w->end)
			return err_set(x->e, ERR_INVALID, "an end in the past and no start");
	} else if (!w->end_sent) {
		w->end = rounded + HALF_HOUR;
		if (w->start > now)
			return err_set(x->e, ERR_INVALID, "a start in the future and no end");
	}
	return true;
}

static bool read_zone(struct event_edit *x, struct when *w)
{
	bool removed;
	const struct wbxml_node *node = calendar_sent(x->edit, Calendar_Timezone, &removed);
	w->zone = x->is_new ? x->c->home : w->old.zone;
	if (!node)
		return true;
	w->sent = zone_of_blob(x->c->a, node->text, w->start, x->is_new ? NULL : w->old.zone,
			       x->c->home);
	if (!w->sent)
		return err_set(x->e, ERR_INVALID, "Timezone can't be read");
	w->zone = w->sent;
	return true;
}

static bool read_when(struct event_edit *x, struct when *w)
{
	bool removed;
	int64_t all_day = !x->is_new && w->old.all_day;
	const struct wbxml_node *node = calendar_sent(x->edit, Calendar_AllDayEvent, &removed);
	if (node && !calendar_number(x, node, 1, 0, &all_day))
		return false;
	w->all_day = all_day;
	w->start = w->old.start_utc;
	w->end = w->old.end_utc;
	if (!read_time(x, Calendar_StartTime, &w->start, &w->start_sent) ||
	    !read_time(x, Calendar_EndTime, &w->end, &w->end_sent) ||
	    (x->is_new && !fill_in(x, w)) || !read_zone(x, w))
		return false;
	if (w->end < w->start && !w->end_sent)
		w->end = w->start + (w->old.end_utc - w->old.start_utc);
	return w->end >= w->start || err_set(x->e, ERR_INVALID, "the end is before the start");
}

/* ---- Whole days ---- */

/*
 * The date that a device means, as wall-clock midnight. From 16.0 on it is said in UTC. Below, it
 * is midnight where the device is, but some say it in UTC: the value decides.
 */
static int64_t day_meant(const struct event_edit *x, const struct when *w, int64_t utc)
{
	const struct zone *const zones[] = {w->sent, w->zone, x->c->home, &zone_utc};
	if (x->c->ctx->version >= 160)
		return floor_day(utc);
	for (size_t i = 0; i < sizeof zones / sizeof *zones; i++) {
		int64_t wall = zones[i] ? zone_to_wall(zones[i], utc) : 1;
		if (floor_day(wall) == wall)
			return wall;
	}
	return floor_day(zone_to_wall(w->sent ? w->sent : x->c->home, utc) + CALENDAR_DAY / 2);
}

/* ---- Lines ---- */

static bool has_zone(const struct ical_node *calendar, struct str tzid)
{
	const struct ical_node *n = ical_component(calendar, "VTIMEZONE");
	while (n && !str_eq(ical_value(n, "TZID"), tzid))
		n = ical_again(n);
	return n != NULL;
}

/* A time in a zone; one that the event has already is named as it names it. */
static struct ical_time in_zone(struct calendar *c, const struct event_times *old,
				const struct zone *z, int64_t utc)
{
	struct ical_time t = {.wall = zone_to_wall(z, utc)};
	if (old && z == old->zone && !old->start.date) {
		t.utc = old->start.utc;
		t.tzid = old->start.tzid;
		return t;
	}
	t.utc = z == &zone_utc;
	if (t.utc)
		return t;
	t.tzid = z->tzid;
	if (!has_zone(c->vcalendar, z->tzid))
		zone_write(c->a, c->vcalendar, z, utc, ical_component(c->vcalendar, "VEVENT"));
	return t;
}

static struct str params_of(struct arena *a, struct ical_time t)
{
	if (t.date)
		return STR(";VALUE=DATE");
	return t.tzid.n ? ical_params_with(a, STR(""), "TZID", t.tzid) : STR("");
}

static bool same_time(struct ical_time a, struct ical_time b)
{
	return a.wall == b.wall && a.date == b.date && a.utc == b.utc && str_eq(a.tzid, b.tzid);
}

static void put_time(struct event_edit *x, const char *name, struct ical_time t)
{
	ical_set(x->c->a, x->event, name, params_of(x->c->a, t), ical_time_text(x->c->a, t));
}

struct str calendar_time_line(struct calendar *c, const struct event_times *like, int64_t utc,
			      struct str *params)
{
	struct ical_time t;
	if (like->all_day && like->start.date)
		t = (struct ical_time){.wall = zone_to_wall(calendar_day_zone(c), utc),
				       .date = true};
	else
		t = in_zone(c, like, like->zone, utc);
	*params = params_of(c->a, t);
	return ical_time_text(c->a, t);
}

/* The end in its own zone, if it has one and nobody changed that. */
static void put_end(struct event_edit *x, const struct when *w, struct ical_time end)
{
	bool as_duration = ical_line(x->event, "DURATION") && !ical_line(x->event, "DTEND");
	int64_t length = w->old.end_utc - w->old.start_utc;
	if (as_duration && w->end - w->start == length && w->all_day == w->old.all_day)
		return;
	if (!x->is_new && same_time(end, w->old.end) && (ical_line(x->event, "DTEND")))
		return;
	ical_remove_all(x->event, "DURATION");
	put_time(x, "DTEND", end);
}

static void write_days(struct event_edit *x, const struct when *w)
{
	struct ical_time start = {.wall = day_meant(x, w, w->start), .date = true};
	struct ical_time end = {.wall = day_meant(x, w, w->end), .date = true};
	if (end.wall <= start.wall)
		end.wall = start.wall + CALENDAR_DAY;
	if (x->is_new || !same_time(start, w->old.start))
		put_time(x, "DTSTART", start);
	put_end(x, w, end);
}

static void write_times(struct event_edit *x, const struct when *w)
{
	const struct event_times *old = x->is_new ? NULL : &w->old;
	struct ical_time start = in_zone(x->c, old, w->zone, w->start), end;
	if (old && !old->all_day && w->zone == old->zone && old->end_zone != old->zone) {
		end = old->end; /* it ends in another zone than it begins */
		end.wall = zone_to_wall(old->end_zone, w->end);
	} else {
		end = in_zone(x->c, old, w->zone, w->end);
	}
	if (!old || !same_time(start, old->start))
		put_time(x, "DTSTART", start);
	put_end(x, w, end);
}

/* ---- What depends on when the series is ---- */

static void shift_list(struct event_edit *x, const struct event_times *old,
		       const struct event_times *new, const char *name)
{
	struct ical_node *next, *line = ical_line(x->event, name);
	for (; line; line = next) {
		struct buf value = {0};
		struct str rest = line->value, one, params = line->params;
		struct ical_time t;
		next = ical_again(line);
		while (str_next(&rest, ',', &one)) {
			if (!ical_time_parse(one, &t))
				continue;
			t.tzid = ical_param(x->c->a, line, "TZID");
			int64_t wall =
				zone_to_wall(old->all_day ? calendar_day_zone(x->c) : old->zone,
					     calendar_instance_utc(x->c, old, t));
			wall += new->start.wall - old->start.wall;
			int64_t utc = zone_to_utc(
				new->all_day ? calendar_day_zone(x->c) : new->zone, wall);
			struct str text = calendar_time_line(x->c, new, utc, &params);
			buf_printf(&value, "%s%.*s", value.n ? "," : "", STR_ARG(text));
		}
		ical_change(x->c->a, line, params, buf_move(x->c->a, &value));
	}
}

static void shift_exceptions(struct event_edit *x, const struct event_times *old,
			     const struct event_times *new)
{
	struct ical_node *override = NULL, *series = x->event;
	shift_list(x, old, new, "EXDATE");
	shift_list(x, old, new, "RDATE");
	while ((override = calendar_override(x->c, override)) != NULL) {
		x->event = override;
		shift_list(x, old, new, "RECURRENCE-ID");
	}
	x->event = series;
}

static void remove_exceptions(struct event_edit *x)
{
	struct ical_node *override;
	while ((override = calendar_override(x->c, NULL)) != NULL)
		ical_remove(override);
	ical_remove_all(x->event, "EXDATE");
}

/* ---- Recurrence ---- */

/* A rule with another end; all else of it stays. */
static struct str rule_with_end(struct arena *a, struct str rule, struct str ended)
{
	struct buf out = {0};
	struct str rest = rule, part;
	for (int pass = 0; pass < 2; pass++) {
		while (str_next(&rest, ';', &part)) {
			struct str key = str_trim(part);
			bool is_end = str_starts_nocase(key, STR("UNTIL=")) ||
				      str_starts_nocase(key, STR("COUNT="));
			if (key.n && is_end == (pass == 1))
				buf_printf(&out, "%s%.*s", out.n ? ";" : "", STR_ARG(key));
		}
		rest = ended;
	}
	return buf_move(a, &out);
}

static bool same_pattern(const struct recurrence *a, const struct recurrence *b)
{
	return a->type == b->type && a->interval == b->interval && a->days == b->days &&
	       a->day == b->day && a->week == b->week && a->month == b->month &&
	       (a->calendar <= 1 ? b->calendar <= 1 : a->calendar == b->calendar) &&
	       a->leap_month == b->leap_month &&
	       (a->first_day < 0 || b->first_day < 0 || a->first_day == b->first_day);
}

/* Of a rule that the protocol can't tell in full, a new end is all that may be changed. */
static void set_rule(struct event_edit *x, const struct recurrence *new,
		     const struct event_times *old_times, const struct event_times *times)
{
	struct arena *a = x->c->a;
	struct recurrence_start start = calendar_recurrence_start(x->c, times);
	struct recurrence_start before = calendar_recurrence_start(x->c, old_times);
	struct ical_node *line = ical_line(x->event, "RRULE");
	struct recurrence old;
	struct str rule = recurrence_rule(a, new, &start);
	if (line && recurrence_of_rule(a, line->value, &before, &old) != RECURRENCE_NONE &&
	    same_pattern(&old, new))
		rule = rule_with_end(a, line->value, rule);
	ical_set(a, x->event, "RRULE", line ? line->params : STR(""), rule);
}

static bool apply_recurrence(struct event_edit *x, const struct event_times *old,
			     const struct event_times *times, bool *changed)
{
	bool removed;
	struct recurrence r;
	const struct wbxml_node *node = calendar_sent(x->edit, Calendar_Recurrence, &removed);
	*changed = node || removed;
	if (removed) {
		remove_exceptions(x);
		ical_remove_all(x->event, "RRULE");
		ical_remove_all(x->event, "RDATE");
	}
	if (!node)
		return true;
	if (x->exception)
		return err_set(x->e, ERR_INVALID, "a recurrence of one occurrence");
	if (!recurrence_decode(node, &recurrence_of_event, x->c->ctx->version, &r, x->e))
		return false;
	set_rule(x, &r, old, times);
	return true;
}

/* An UNTIL has to be a date when the start is one, and a time when not. */
static void retype_until(struct event_edit *x, const struct event_times *old,
			 const struct event_times *times)
{
	struct ical_node *line = ical_line(x->event, "RRULE");
	struct recurrence_start before = calendar_recurrence_start(x->c, old);
	struct recurrence_start start = calendar_recurrence_start(x->c, times);
	struct recurrence r;
	if (line && old->start.date != times->start.date &&
	    recurrence_of_rule(x->c->a, line->value, &before, &r) != RECURRENCE_NONE && r.has_until)
		ical_change(
			x->c->a, line, line->params,
			rule_with_end(x->c->a, line->value, recurrence_rule(x->c->a, &r, &start)));
}

/* ---- All together ---- */

static bool any_sent(const struct event_edit *x)
{
	static const unsigned tags[] = {Calendar_Timezone, Calendar_StartTime, Calendar_EndTime,
					Calendar_AllDayEvent};
	bool removed, any = x->is_new;
	for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
		any = any || calendar_sent(x->edit, tags[i], &removed);
	return any;
}

/* Whether the whole days that a Timezone comes with are what they were. */
static bool only_zone_of_days(const struct event_edit *x, const struct when *w)
{
	return !x->is_new && w->all_day && w->old.all_day && !w->start_sent && !w->end_sent;
}

static bool write_when(struct event_edit *x, const struct event_times *old)
{
	struct when w = {.old = *old};
	if (!any_sent(x))
		return true;
	if (!read_when(x, &w))
		return false;
	if (only_zone_of_days(x, &w))
		return true;
	if (w.all_day)
		write_days(x, &w);
	else
		write_times(x, &w);
	if (ical_line(x->event, "X-MICROSOFT-CDO-ALLDAYEVENT"))
		calendar_put(x, "X-MICROSOFT-CDO-ALLDAYEVENT", w.all_day ? "TRUE" : "FALSE");
	return true;
}

/*
 * What the server mails has a number that rises with what is to be planned anew (RFC 5545 3.8.7.4);
 * a device below 16.0, which mails itself, counts for itself.
 */
static void next_sequence(struct event_edit *x)
{
	int64_t n;
	if (x->c->ctx->version < 160 || !ical_line(x->event, "ATTENDEE") ||
	    !calendar_is_own(x->c, x->event))
		return;
	if (!str_to_i64(ical_value(x->event, "SEQUENCE"), &n) || n < 0 || n > INT32_MAX)
		n = 0;
	calendar_put(x, "SEQUENCE", arena_printf(x->c->a, "%lld", (long long)n + 1));
}

bool calendar_apply_when(struct event_edit *x)
{
	struct event_times old, new;
	bool pattern;
	calendar_times(x->c, x->event, &old);
	if (!write_when(x, &old))
		return false;
	calendar_times(x->c, x->event, &new);
	bool moved = !x->is_new && (new.start_utc != old.start_utc || new.end_utc != old.end_utc ||
				    new.zone != old.zone || new.all_day != old.all_day);
	if (!apply_recurrence(x, &old, &new, &pattern))
		return false;
	if (moved || (pattern && !x->is_new))
		next_sequence(x);
	if (x->is_new || x->exception || !calendar_recurs(x->event))
		return true;
	if ((moved || pattern) && x->c->ctx->version >= 160)
		remove_exceptions(x);
	else if (moved && new.start_utc != old.start_utc)
		shift_exceptions(x, &old, &new);
	if (!pattern)
		retype_until(x, &old, &new);
	return true;
}
