/* task_text: the VTODO of a task. See task_text.h for the contract. */
#include "core/task_text.h"

#include "core/base/arena.h"

#define DAY ((int64_t)24 * 60 * 60)

bool task_text_read(const struct item_context *ctx, struct str text, struct task_text *out,
		    struct err *e)
{
	struct ical_node *root;
	*out = (struct task_text){.ctx = ctx, .zone = &zone_utc};
	if (!content_lines_read(ctx->arena, text, STR("VTODO"), &out->lines, e) ||
	    !ical_parse(ctx->arena, text, &root, e))
		return false;
	out->calendar = ical_component(root, "VCALENDAR");
	const struct zone *zone = ctx->timezone.n ? zone_named(ctx->timezone) : NULL;
	if (zone)
		out->zone = zone;
	return true;
}

static struct str value_of(const struct task_text *t, const char *name)
{
	size_t at = content_find(&t->lines, str_of(name), 0);
	return at ? str_trim(t->lines.v[at].value) : (struct str){"", 0};
}

static void put(struct task_text *t, const char *name, struct str params, struct str value)
{
	size_t at = content_find(&t->lines, str_of(name), 0);
	if (!at) {
		content_add(&t->lines, str_of(name), params, value);
		return;
	}
	t->lines.v[at].params = params;
	content_set(&t->lines, at, value);
}

static void drop(struct task_text *t, const char *name)
{
	for (size_t at; (at = content_find(&t->lines, str_of(name), 0));)
		content_remove(&t->lines, at);
}

/* ---- Times ---- */

static const struct zone *zone_of_line(const struct task_text *t, const struct content_line *line,
				       const struct ical_time *time)
{
	struct str tzid = content_param(line, STR("TZID"));
	const struct zone *zone = NULL;
	if (time->utc)
		return &zone_utc;
	if (tzid.n)
		zone = zone_of_tzid(t->ctx->arena, t->calendar, tzid);
	return zone ? zone : t->zone;
}

bool task_time(const struct task_text *t, const char *name, struct task_time *out)
{
	size_t at = content_find(&t->lines, str_of(name), 0);
	struct ical_time time = {0};
	if (!at || !ical_time_parse(str_trim(t->lines.v[at].value), &time))
		return false;
	out->date = time.date;
	if (time.date) {
		out->local = time.wall;
		out->utc = zone_to_utc(t->zone, time.wall);
	} else {
		out->utc = zone_to_utc(zone_of_line(t, &t->lines.v[at], &time), time.wall);
		out->local = zone_to_wall(t->zone, out->utc);
	}
	return true;
}

static struct str utc_text(const struct task_text *t, int64_t utc)
{
	return ical_time_text(t->ctx->arena, (struct ical_time){.wall = utc, .utc = true});
}

void task_set_time(struct task_text *t, const char *name, const struct task_time *time)
{
	size_t at = content_find(&t->lines, str_of(name), 0);
	struct task_time old;
	if (!time) {
		drop(t, name);
		return;
	}
	bool date = time->local % DAY == 0, has = task_time(t, name, &old);
	if (has && date == old.date && (date ? old.local == time->local : old.utc == time->utc))
		return;
	if (date) {
		put(t, name, STR(";VALUE=DATE"),
		    ical_time_text(t->ctx->arena,
				   (struct ical_time){.wall = time->local, .date = true}));
		return;
	}
	struct str tzid = at ? content_param(&t->lines.v[at], STR("TZID")) : (struct str){NULL, 0};
	struct ical_time parsed = {0};
	if (has && !old.date && tzid.n) {
		const struct zone *zone = zone_of_line(t, &t->lines.v[at], &parsed);
		content_set(
			&t->lines, at,
			ical_time_text(t->ctx->arena,
				       (struct ical_time){.wall = zone_to_wall(zone, time->utc)}));
		return;
	}
	put(t, name, STR(""), utc_text(t, time->utc));
}

/* ---- Reminder ---- */

struct alarm {
	size_t begin, end, trigger; /* trigger 0: none */
	bool noticed;		    /* shown or heard */
};

/* The next VALARM of the task from a line on. */
static bool next_alarm(const struct content_lines *l, size_t from, struct alarm *out)
{
	unsigned depth = l->v[l->begin].depth + 1;
	*out = (struct alarm){.noticed = true};
	for (size_t i = from ? from : l->begin + 1; i < l->end; i++) {
		const struct content_line *line = &l->v[i];
		if (line->depth == depth && str_eq_nocase(line->name, STR("BEGIN")) &&
		    str_eq_nocase(str_trim(line->value), STR("VALARM"))) {
			*out = (struct alarm){.begin = i, .noticed = true};
		} else if (out->begin && line->depth == depth) {
			out->end = i;
			return str_eq_nocase(line->name, STR("END"));
		} else if (out->begin && line->depth == depth + 1) {
			if (str_eq_nocase(line->name, STR("TRIGGER")))
				out->trigger = i;
			if (str_eq_nocase(line->name, STR("ACTION")))
				out->noticed =
					str_eq_nocase(str_trim(line->value), STR("DISPLAY")) ||
					str_eq_nocase(str_trim(line->value), STR("AUDIO"));
		}
	}
	return false;
}

static bool find_reminder(const struct task_text *t, struct alarm *out)
{
	size_t from = 0;
	while (next_alarm(&t->lines, from, out)) {
		if (out->noticed && out->trigger)
			return true;
		from = out->end + 1;
	}
	return false;
}

bool task_reminder(const struct task_text *t, int64_t *utc)
{
	struct alarm alarm;
	struct ical_time time = {0};
	struct task_time base;
	int64_t seconds;
	if (!find_reminder(t, &alarm))
		return false;
	const struct content_line *line = &t->lines.v[alarm.trigger];
	struct str value = str_trim(line->value);
	if (ical_time_parse(value, &time)) {
		*utc = zone_to_utc(zone_of_line(t, line, &time), time.wall);
		return true;
	}
	bool end = str_eq_nocase(content_param(line, STR("RELATED")), STR("END"));
	if (!ical_duration(t->ctx->arena, value, &seconds) ||
	    !(task_time(t, end ? "DUE" : "DTSTART", &base) ||
	      task_time(t, end ? "DTSTART" : "DUE", &base)))
		return false;
	*utc = base.utc + seconds;
	return true;
}

void task_set_reminder(struct task_text *t, int64_t utc)
{
	struct content_lines *l = &t->lines;
	struct alarm alarm;
	int64_t old;
	if (task_reminder(t, &old) && old == utc)
		return;
	if (find_reminder(t, &alarm)) {
		l->v[alarm.trigger].params = STR(";VALUE=DATE-TIME");
		content_set(l, alarm.trigger, utc_text(t, utc));
		return;
	}
	unsigned depth = l->v[l->begin].depth + 1;
	content_insert(l, l->end, depth, STR("BEGIN"), STR(""), STR("VALARM"));
	content_insert(l, l->end, depth + 1, STR("ACTION"), STR(""), STR("DISPLAY"));
	content_insert(l, l->end, depth + 1, STR("TRIGGER"), STR(";VALUE=DATE-TIME"),
		       utc_text(t, utc));
	content_insert(l, l->end, depth + 1, STR("DESCRIPTION"), STR(""), STR("Reminder"));
	content_insert(l, l->end, depth, STR("END"), STR(""), STR("VALARM"));
}

void task_remove_reminders(struct task_text *t)
{
	struct alarm alarm;
	while (find_reminder(t, &alarm))
		for (size_t i = alarm.begin; i <= alarm.end; i++)
			content_remove(&t->lines, alarm.begin);
}

/* ---- Repetition ---- */

/* What the series starts with: the start, or the due date of a task without one. */
static bool series_start(const struct task_text *t, struct recurrence_start *out)
{
	struct task_time time;
	if (!task_time(t, "DTSTART", &time) && !task_time(t, "DUE", &time))
		return false;
	*out = (struct recurrence_start){.wall = time.local, .date = time.date, .zone = t->zone};
	return true;
}

bool task_recurrence(const struct task_text *t, struct recurrence *out)
{
	struct str rule = value_of(t, "RRULE");
	struct recurrence_start start;
	return rule.n && series_start(t, &start) &&
	       recurrence_of_rule(t->ctx->arena, rule, &start, out) != RECURRENCE_NONE;
}

void task_set_recurrence(struct task_text *t, const struct recurrence *r)
{
	struct arena *a = t->ctx->arena;
	struct recurrence_start start;
	struct recurrence old;
	if (!series_start(t, &start))
		return;
	struct str rule = recurrence_rule(a, r, &start);
	if (task_recurrence(t, &old) && str_eq(recurrence_rule(a, &old, &start), rule))
		return;
	put(t, "RRULE", STR(""), rule);
}

void task_remove_recurrence(struct task_text *t)
{
	static const char *const names[] = {"RRULE", "RDATE", "EXDATE", "X-EASEL-REGENERATE",
					    "X-EASEL-DEAD-OCCUR"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		drop(t, names[i]);
}

static void move_time(struct task_text *t, const char *name, int64_t by)
{
	struct task_time time;
	if (!task_time(t, name, &time))
		return;
	time.local += by;
	time.utc = zone_to_utc(t->zone, time.local);
	task_set_time(t, name, &time);
}

/* One interval after a day, by the pattern's unit. */
static int64_t regenerated(const struct recurrence *r, int64_t wall)
{
	int year, month, day, months = 0;
	switch (r->type) {
	case RECURS_DAILY:
		return wall + r->interval * DAY;
	case RECURS_WEEKLY:
		return wall + r->interval * 7 * DAY;
	case RECURS_MONTHLY:
	case RECURS_MONTHLY_NTH:
		months = r->interval;
		break;
	case RECURS_YEARLY:
	case RECURS_YEARLY_NTH:
		months = 12 * r->interval;
		break;
	}
	ical_civil(wall / DAY, &year, &month, &day);
	month += months - 1;
	year += month / 12;
	month = month % 12 + 1;
	int64_t first = ical_days(year, month, 1);
	int64_t length =
		ical_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1) - first;
	return (first + (day > length ? length : day) - 1) * DAY;
}

/* One occurrence fewer is left. */
static void count_down(struct task_text *t, struct recurrence *r)
{
	if (r->occurrences > 1) {
		r->occurrences--;
		task_set_recurrence(t, r);
	}
}

bool task_advance(struct task_text *t, bool regenerate, int64_t completed)
{
	struct recurrence_start start;
	struct recurrence r;
	int64_t next, reminder;
	bool known = task_recurrence(t, &r), reminds = task_reminder(t, &reminder);
	if (!series_start(t, &start) || (known && r.occurrences == 1))
		return false;
	if (regenerate && known) {
		int64_t wall = zone_to_wall(t->zone, completed);
		next = regenerated(&r, wall - wall % DAY) + start.wall % DAY;
		if (r.has_until && zone_to_utc(t->zone, next) > r.until)
			return false;
	} else {
		struct recurrence_walk walk = {.rule = value_of(t, "RRULE"),
					       .start = start.wall,
					       .zone = t->zone,
					       .from = start.wall + 1,
					       .before = INT64_MAX};
		if (!recurrence_walls(t->ctx->arena, &walk, &next, 1))
			return false;
	}
	int64_t by = next - start.wall;
	move_time(t, "DTSTART", by);
	move_time(t, "DUE", by);
	if (reminds && !task_reminder(t, &completed))
		reminds = false;
	if (reminds && completed == reminder) /* of a time of its own */
		task_set_reminder(t, reminder + by);
	if (known)
		count_down(t, &r);
	return true;
}

/* ---- Completion ---- */

bool task_is_complete(const struct task_text *t, int64_t *utc)
{
	struct ical_time time = {0};
	bool dated = ical_time_parse(value_of(t, "COMPLETED"), &time);
	if (!str_eq_nocase(value_of(t, "STATUS"), STR("COMPLETED")) && !dated &&
	    !str_eq(value_of(t, "PERCENT-COMPLETE"), STR("100")))
		return false;
	if (!dated)
		dated = ical_time_parse(value_of(t, "LAST-MODIFIED"), &time);
	*utc = dated ? time.wall : t->ctx->now / 1000;
	return true;
}

void task_set_complete(struct task_text *t, int64_t utc)
{
	int64_t old;
	if (task_is_complete(t, &old) && old == utc)
		return;
	put(t, "STATUS", STR(""), STR("COMPLETED"));
	put(t, "PERCENT-COMPLETE", STR(""), STR("100"));
	put(t, "COMPLETED", STR(""), utc_text(t, utc));
}

void task_set_incomplete(struct task_text *t)
{
	int64_t old;
	if (!task_is_complete(t, &old))
		return;
	drop(t, "COMPLETED");
	drop(t, "PERCENT-COMPLETE");
	put(t, "STATUS", STR(""), STR("NEEDS-ACTION"));
}
