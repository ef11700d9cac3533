/* item_view: an item of one class as one of another. See item_view.h for the contract. */
#include "core/item_view.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/ical.h"
#include "core/item_class.h"
#include "core/item_text_form.h"

enum { DAY = 86400, PROTOCOL = 161 };

/* A property that both have, under the name that each has for it. */
struct pair {
	const char *kept, *shown;
};

static const struct pair common[] = {
	{"UID", "UID"},
	{"DTSTAMP", "DTSTAMP"},
	{"CREATED", "CREATED"},
	{"LAST-MODIFIED", "LAST-MODIFIED"},
	{"SUMMARY", "SUMMARY"},
	{"DESCRIPTION", "DESCRIPTION"},
	{"X-ALT-DESC", "X-ALT-DESC"},
	{"CATEGORIES", "CATEGORIES"},
	{"CLASS", "CLASS"},
	{NULL, NULL},
};

/* DTSTART and DUE have their own way. */
static const struct pair of_task_as_event[] = {
	{"RRULE", "RRULE"},	  {"RDATE", "RDATE"},	{"EXDATE", "EXDATE"},
	{"LOCATION", "LOCATION"}, {"ATTACH", "ATTACH"}, {NULL, NULL},
};

/* A VJOURNAL has no end. */
static const struct pair of_note_as_event[] = {
	{"DTSTART", "DTSTART"}, {"X-EASEL-DTEND", "DTEND"}, {"RRULE", "RRULE"}, {"RDATE", "RDATE"},
	{"EXDATE", "EXDATE"},	{"ATTACH", "ATTACH"},	    {NULL, NULL},
};

static const struct pair of_task_as_note[] = {
	{"X-EASEL-MESSAGE-CLASS", "X-EASEL-MESSAGE-CLASS"},
	{NULL, NULL},
};

static const struct pair of_note_as_task[] = {{NULL, NULL}};

static const struct way {
	enum item_class kept, shown;
	const char *kept_component, *shown_component;
	const struct pair *pairs;
	bool due, alarms; /* whether these are brought over */
} ways[] = {
	{CLASS_TASKS, CLASS_CALENDAR, "VTODO", "VEVENT", of_task_as_event, true, true},
	{CLASS_TASKS, CLASS_NOTES, "VTODO", "VJOURNAL", of_task_as_note, false, false},
	{CLASS_NOTES, CLASS_CALENDAR, "VJOURNAL", "VEVENT", of_note_as_event, false, false},
	{CLASS_NOTES, CLASS_TASKS, "VJOURNAL", "VTODO", of_note_as_task, false, false},
};

static const struct way *find_way(enum item_class kept, enum item_class shown, struct err *e)
{
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (ways[i].kept == kept && ways[i].shown == shown)
			return &ways[i];
	err_set(e, ERR_INVALID, "items of the one class are never shown as the other");
	return NULL;
}

bool item_view_is(enum folder_view view)
{
	return view == VIEW_EVENTS || view == VIEW_OPEN_EVENTS || view == VIEW_TASKS ||
	       view == VIEW_NOTES;
}

enum item_class item_view_class(enum folder_view view, enum item_class kept)
{
	switch (view) {
	case VIEW_EVENTS:
	case VIEW_OPEN_EVENTS:
		return CLASS_CALENDAR;
	case VIEW_TASKS:
		return CLASS_TASKS;
	case VIEW_NOTES:
		return CLASS_NOTES;
	default:
		return kept;
	}
}

/* ---- Reading ---- */

struct text {
	struct ical_node *root, *calendar, *item;
};

static bool read_text(struct arena *a, struct str text, const char *component, struct text *out,
		      struct err *e)
{
	if (!ical_parse(a, text, &out->root, e))
		return false;
	out->calendar = ical_component(out->root, "VCALENDAR");
	if (!out->calendar)
		out->calendar = out->root;
	out->item = ical_component(out->calendar, component);
	while (out->item && ical_line(out->item, "RECURRENCE-ID") && ical_again(out->item))
		out->item = ical_again(out->item);
	return out->item || err_set(e, ERR_MALFORMED, "there is no %s in the text", component);
}

/* A new text with nothing in it but an item of that name. */
static bool start_text(struct arena *a, const char *component, int64_t now, struct text *out,
		       struct err *e)
{
	struct item_context ctx = {.arena = a, .version = PROTOCOL, .now = now};
	return read_text(a, item_text_new(&ctx, component), component, out, e);
}

/* All lines with the name, to be compared. */
static struct str lines_text(struct arena *a, const struct ical_node *item, const char *name)
{
	struct buf out = {0};
	for (const struct ical_node *n = ical_line(item, name); n; n = ical_again(n)) {
		buf_str(&out, n->params);
		buf_byte(&out, ':');
		buf_str(&out, n->value);
		buf_byte(&out, '\n');
	}
	return buf_move(a, &out);
}

/* ---- Bringing over ---- */

/* Lines that are there already are changed in their places. */
static void put_lines(struct arena *a, struct ical_node *to, const char *to_name,
		      const struct ical_node *from, const char *from_name)
{
	struct ical_node *at = ical_line(to, to_name), *next;
	for (const struct ical_node *n = ical_line(from, from_name); n; n = ical_again(n)) {
		if (at)
			ical_change(a, at, n->params, n->value);
		else
			ical_add(a, to, to_name, n->params, n->value);
		at = at ? ical_again(at) : NULL;
	}
	for (; at; at = next) {
		next = ical_again(at);
		ical_remove(at);
	}
}

static void show_pairs(struct arena *a, const struct pair *pairs, struct ical_node *shown,
		       const struct ical_node *kept)
{
	for (; pairs->kept; pairs++)
		put_lines(a, shown, pairs->shown, kept, pairs->kept);
}

static void take_pairs(struct arena *a, const struct pair *pairs, struct ical_node *kept,
		       const struct ical_node *was, const struct ical_node *is)
{
	for (; pairs->kept; pairs++)
		if (!str_eq(lines_text(a, was, pairs->shown), lines_text(a, is, pairs->shown)))
			put_lines(a, kept, pairs->kept, is, pairs->shown);
}

static void remove_components(struct ical_node *in, const char *name)
{
	struct ical_node *n;
	while ((n = ical_component(in, name)) != NULL)
		ical_remove(n);
}

static void put_components(struct arena *a, struct ical_node *to, const struct ical_node *from,
			   const char *name)
{
	remove_components(to, name);
	for (const struct ical_node *n = ical_component(from, name); n; n = ical_again(n))
		ical_add_copy(a, to, n);
}

static struct str components_text(struct arena *a, const struct ical_node *in, const char *name)
{
	struct buf out = {0};
	for (const struct ical_node *n = ical_component(in, name); n; n = ical_again(n))
		buf_str(&out, ical_write(a, n));
	return buf_move(a, &out);
}

static bool has_zone(const struct ical_node *calendar, struct str tzid)
{
	const struct ical_node *n = ical_component(calendar, "VTIMEZONE");
	while (n && !str_eq(ical_value(n, "TZID"), tzid))
		n = ical_again(n);
	return n != NULL;
}

/* Time zones that times may name. */
static void add_zones(struct arena *a, const struct text *to, const struct text *from)
{
	for (const struct ical_node *n = ical_component(from->calendar, "VTIMEZONE"); n;
	     n = ical_again(n))
		if (!has_zone(to->calendar, ical_value(n, "TZID")))
			ical_add_copy(a, to->calendar, n);
}

/* ---- When a task is ---- */

/* A time line; `there` false: there is none that can be read. */
struct when {
	struct ical_time time;
	struct str params;
	bool there;
};

static struct when when_of(struct arena *a, const struct ical_node *item, const char *name)
{
	const struct ical_node *line = ical_line(item, name);
	struct when w = {.params = line ? line->params : STR("")};
	w.there = line && ical_time_of(a, line, &w.time);
	return w;
}

static void put_when(struct arena *a, struct ical_node *item, const char *name,
		     const struct when *w)
{
	ical_set(a, item, name, w->params, ical_time_text(a, w->time));
}

static struct when days_later(struct when w, int64_t days)
{
	w.time.wall += days * DAY;
	return w;
}

/* The whole day of its making. */
static struct when day_made(struct arena *a, const struct ical_node *kept)
{
	static const char *const names[] = {"CREATED", "DTSTAMP", "LAST-MODIFIED"};
	struct when w = {.params = STR(";VALUE=DATE"), .time = {.date = true}};
	for (size_t i = 0; i < sizeof names / sizeof *names && !w.there; i++) {
		struct when made = when_of(a, kept, names[i]);
		w.there = made.there;
		w.time.wall = made.time.wall - made.time.wall % DAY;
	}
	return w;
}

/* The end of what lasts from `start` to the due date; a due day belongs to it. */
static void put_end(struct arena *a, struct ical_node *shown, struct when start, struct when due)
{
	if (!due.there || due.time.wall < start.time.wall || due.time.date != start.time.date)
		due = start;
	if (due.time.date)
		due = days_later(due, 1);
	put_when(a, shown, "DTEND", &due);
}

static void show_due(struct arena *a, struct ical_node *shown, const struct ical_node *kept)
{
	struct when start = when_of(a, kept, "DTSTART"), due = when_of(a, kept, "DUE");
	if (!start.there)
		start = due;
	if (!start.there)
		start = day_made(a, kept);
	put_when(a, shown, "DTSTART", &start);
	if (ical_line(kept, "DURATION") && !due.there)
		put_lines(a, shown, "DURATION", kept, "DURATION");
	else
		put_end(a, shown, start, due);
}

/* Seconds from start to end on the clock; of what has no end, as long as it lasts then. */
static int64_t length_of(struct arena *a, const struct ical_node *event)
{
	struct when start = when_of(a, event, "DTSTART"), end = when_of(a, event, "DTEND");
	int64_t seconds;
	if (start.there && end.there)
		return end.time.wall - start.time.wall;
	if (ical_duration(a, ical_value(event, "DURATION"), &seconds))
		return seconds;
	return start.time.date ? DAY : 0;
}

static struct when due_of(struct arena *a, const struct ical_node *event)
{
	struct when start = when_of(a, event, "DTSTART"), end = when_of(a, event, "DTEND");
	if (!end.there) {
		end = start;
		end.time.wall += length_of(a, event);
	}
	return end.time.date ? days_later(end, -1) : end;
}

/* A task that had one date of the two, or none, is given no second one as long as it is only moved.
 */
static void take_due(struct arena *a, struct ical_node *kept, const struct ical_node *was,
		     const struct ical_node *is)
{
	static const char *const names[] = {"DTSTART", "DTEND", "DURATION"};
	bool same = true, moved = length_of(a, was) == length_of(a, is);
	struct when start = when_of(a, is, "DTSTART"), due = due_of(a, is);
	bool has_start = ical_line(kept, "DTSTART") != NULL;
	bool has_end = ical_line(kept, "DUE") || ical_line(kept, "DURATION");
	bool needs_start = ical_line(is, "RRULE") != NULL;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		same = same && str_eq(lines_text(a, was, names[i]), lines_text(a, is, names[i]));
	if (same || !start.there)
		return;
	if (has_start || !moved || needs_start)
		put_when(a, kept, "DTSTART", &start);
	if (has_end || !has_start || !moved) {
		put_when(a, kept, "DUE", &due);
		ical_remove_all(kept, "DURATION");
	}
}

/* ---- Alarms ---- */

/* The event of a task without a start begins when the task is due. */
static void show_alarms(struct arena *a, struct ical_node *shown, const struct ical_node *kept)
{
	put_components(a, shown, kept, "VALARM");
	if (ical_line(kept, "DTSTART"))
		return;
	for (struct ical_node *n = ical_component(shown, "VALARM"); n; n = ical_again(n)) {
		struct ical_node *trigger = ical_line(n, "TRIGGER");
		if (trigger && str_eq_nocase(ical_param(a, trigger, "RELATED"), STR("END")))
			ical_change(a, trigger,
				    ical_params_with(a, trigger->params, "RELATED",
						     (struct str){NULL, 0}),
				    trigger->value);
	}
}

static void take_alarms(struct arena *a, struct ical_node *kept, const struct ical_node *was,
			const struct ical_node *is)
{
	if (!str_eq(components_text(a, was, "VALARM"), components_text(a, is, "VALARM")))
		put_components(a, kept, is, "VALARM");
}

/* ---- The whole ---- */

static void show_when(struct arena *a, const struct way *way, struct ical_node *shown,
		      const struct ical_node *kept)
{
	if (way->shown != CLASS_CALENDAR)
		return;
	ical_set(a, shown, "TRANSP", STR(""), STR("TRANSPARENT"));
	if (way->due)
		show_due(a, shown, kept);
	else if (!ical_line(shown, "DTSTART")) {
		struct when day = day_made(a, kept);
		put_when(a, shown, "DTSTART", &day);
	}
}

static bool show(struct arena *a, const struct way *way, const struct text *kept, struct text *out,
		 struct err *e)
{
	if (!start_text(a, way->shown_component, 0, out, e))
		return false;
	show_pairs(a, common, out->item, kept->item);
	show_pairs(a, way->pairs, out->item, kept->item);
	show_when(a, way, out->item, kept->item);
	if (way->alarms)
		show_alarms(a, out->item, kept->item);
	add_zones(a, out, kept);
	return true;
}

bool item_view_show(struct arena *a, enum item_class kept, enum item_class shown, struct str text,
		    struct str *out, struct err *e)
{
	const struct way *way = find_way(kept, shown, e);
	struct text from, to;
	if (!way || !read_text(a, text, way->kept_component, &from, e) ||
	    !show(a, way, &from, &to, e))
		return false;
	*out = ical_write(a, to.root);
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "no room for an item");
}

static bool describe(struct arena *a, enum item_class class, int64_t now, struct new_item *out,
		     struct err *e)
{
	struct item_context ctx = {.arena = a, .version = PROTOCOL, .now = now};
	struct item_facts facts;
	if (!item_class_ops(class)->facts(&ctx, out->raw, &facts, e))
		return false;
	out->summary = facts.summary;
	out->date = facts.date;
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "no room for an item");
}

bool item_view_take(struct arena *a, enum item_class kept, enum item_class shown, struct str text,
		    struct str changed, int64_t now, struct new_item *out, struct err *e)
{
	const struct way *way = find_way(kept, shown, e);
	struct text to, was, is;
	if (!way || !read_text(a, changed, way->shown_component, &is, e) ||
	    !(text.n ? read_text(a, text, way->kept_component, &to, e)
		     : start_text(a, way->kept_component, now, &to, e)) ||
	    !show(a, way, &to, &was, e) ||
	    /* As it was read: of a broken text that is not what was written. */
	    !read_text(a, ical_write(a, was.root), way->shown_component, &was, e))
		return false;
	take_pairs(a, common, to.item, was.item, is.item);
	take_pairs(a, way->pairs, to.item, was.item, is.item);
	if (way->due)
		take_due(a, to.item, was.item, is.item);
	if (way->alarms)
		take_alarms(a, to.item, was.item, is.item);
	add_zones(a, &to, &is);
	*out = (struct new_item){.raw = ical_write(a, to.root)};
	return describe(a, kept, now, out, e);
}
