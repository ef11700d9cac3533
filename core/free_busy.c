/* free_busy: when somebody is busy. See free_busy.h for the contract. */
#include "core/free_busy.h"

#include "core/base/arena.h"
#include "core/calendar_event.h"

enum { OCCURRENCES_MOST = 4096, LONGEST = 400 * CALENDAR_DAY };

size_t free_busy_slots(int64_t from, int64_t until)
{
	return until > from ? (size_t)((until - from + FREE_BUSY_SLOT - 1) / FREE_BUSY_SLOT) : 0;
}

void free_busy_start(struct arena *a, int64_t from, int64_t until, struct free_busy *out)
{
	size_t n = free_busy_slots(from, until);
	*out = (struct free_busy){.from = from, .until = until, .digits = arena_alloc(a, n + 1)};
	memset(out->digits, '0', n);
}

/* A length of nothing takes nothing. */
static void mark(struct free_busy *f, int64_t start, int64_t end, int busy)
{
	if (start < f->from)
		start = f->from;
	if (end > f->until)
		end = f->until;
	for (int64_t at = start; at < end; at += FREE_BUSY_SLOT - (at - f->from) % FREE_BUSY_SLOT) {
		char *digit = &f->digits[(at - f->from) / FREE_BUSY_SLOT];
		if (*digit < '0' + busy)
			*digit = (char)('0' + busy);
	}
}

/* One series while it is followed. */
struct series {
	struct calendar *c;
	struct event_times t;
	int busy;
	struct free_busy *f;
};

static bool is_override(struct series *s, int64_t utc)
{
	struct ical_node *o = NULL;
	while ((o = calendar_override(s->c, o)))
		if (calendar_override_utc(s->c, &s->t, o) == utc)
			return true;
	return false;
}

/* Whether an EXDATE or RDATE line names the time; with `each` every RDATE is taken as an
 * occurrence. */
static bool in_dates(struct series *s, const char *name, int64_t utc, bool each)
{
	for (struct ical_node *n = ical_line(s->c->master, name); n; n = ical_again(n)) {
		struct str rest = n->value, one;
		struct ical_time t = {0};
		while (str_next(&rest, ',', &one)) {
			ptrdiff_t slash = str_find_byte(one, '/'); /* a period: its start counts */
			if (slash >= 0)
				one = str_sub(one, 0, (size_t)slash);
			if (!ical_time_parse(str_trim(one), &t))
				continue;
			t.tzid = ical_param(s->c->a, n, "TZID");
			int64_t at = calendar_instance_utc(s->c, &s->t, t);
			if (!each && at == utc)
				return true;
			if (each && !is_override(s, at))
				mark(s->f, at, at + (s->t.end_utc - s->t.start_utc), s->busy);
		}
	}
	return false;
}

static void mark_series(struct series *s)
{
	struct calendar *c = s->c;
	struct recurrence_start start = calendar_recurrence_start(c, &s->t);
	int64_t length = s->t.end_utc - s->t.start_utc;
	if (length > LONGEST)
		length = LONGEST;
	struct recurrence_walk walk = {.rule = ical_value(c->master, "RRULE"),
				       .start = start.wall,
				       .zone = start.zone,
				       .from = s->f->from - length - CALENDAR_DAY,
				       .before = s->f->until + CALENDAR_DAY};
	int64_t *walls = arena_array(c->a, OCCURRENCES_MOST, sizeof *walls);
	size_t n = walk.rule.n ? recurrence_walls(c->a, &walk, walls, OCCURRENCES_MOST) : 0;
	for (size_t i = 0; i < n; i++) {
		int64_t utc = zone_to_utc(start.zone, walls[i]);
		if (utc + length > s->f->from && utc < s->f->until && !is_override(s, utc) &&
		    !in_dates(s, "EXDATE", utc, false))
			mark(s->f, utc, utc + length, s->busy);
	}
	if (!walk.rule.n)
		mark(s->f, s->t.start_utc, s->t.end_utc, s->busy);
	in_dates(s, "RDATE", 0, true);
}

void free_busy_add(const struct item_context *ctx, struct str event, struct free_busy *f)
{
	struct calendar c;
	struct series s = {.c = &c, .f = f};
	struct err ignored;
	struct ical_node *o = NULL;
	if (!calendar_read(ctx, event, &c, &ignored))
		return;
	calendar_times(&c, c.master, &s.t);
	s.busy = calendar_is_cancelled(c.master) ? 0 : calendar_busy(&c, c.master);
	if (calendar_recurs(c.master))
		mark_series(&s);
	else
		mark(f, s.t.start_utc, s.t.end_utc, s.busy);
	while ((o = calendar_override(&c, o))) {
		struct event_times t;
		if (calendar_is_cancelled(o))
			continue;
		calendar_times(&c, o, &t);
		mark(f, t.start_utc, t.end_utc, calendar_busy(&c, o));
	}
}
