/* calendar_exceptions: occurrences that differ from their series. See calendar.h. */
#include "core/calendar.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"

enum { EXCEPTIONS_SENT = 1000, VIEW_MOST = 16 << 20 };

/* ---- EXDATE ---- */

/* Calls for each excluded date; one that says true is taken out of its line. */
static void each_excluded(struct calendar *c, const struct event_times *series,
			  bool (*take)(void *ctx, int64_t utc), void *ctx)
{
	struct ical_node *next, *line = ical_line(c->master, "EXDATE");
	for (; line; line = next) {
		struct buf kept = {0};
		struct str rest = line->value, one;
		bool taken = false;
		next = ical_again(line);
		while (str_next(&rest, ',', &one)) {
			struct ical_time t;
			bool read = ical_time_parse(one, &t);
			t.tzid = ical_param(c->a, line, "TZID");
			if (read && take(ctx, calendar_instance_utc(c, series, t)))
				taken = true;
			else
				buf_printf(&kept, "%s%.*s", kept.n ? "," : "", STR_ARG(one));
		}
		struct str value = buf_move(c->a, &kept);
		if (taken && value.n)
			ical_change(c->a, line, line->params, value);
		else if (taken)
			ical_remove(line);
	}
}

struct utc_list {
	int64_t *v;
	size_t n, most;
};

static bool list_utc(void *ctx, int64_t utc)
{
	struct utc_list *list = ctx;
	if (list->n < list->most)
		list->v[list->n++] = utc;
	return false;
}

static bool is_utc(void *ctx, int64_t utc)
{
	return *(int64_t *)ctx == utc;
}

static bool is_excluded(struct calendar *c, const struct event_times *series, int64_t utc)
{
	int64_t v[EXCEPTIONS_SENT];
	struct utc_list list = {v, 0, EXCEPTIONS_SENT};
	each_excluded(c, series, list_utc, &list);
	for (size_t i = 0; i < list.n; i++)
		if (v[i] == utc)
			return true;
	return false;
}

/* ---- Shown ---- */

/* The original start: ExceptionStartTime, from 16.0 on InstanceId. */
static void emit_original(struct event_view *x, int64_t utc)
{
	char text[CLOCK_TEXT];
	wbxml_cstr(x->w,
		   x->c->ctx->version >= 160 ? AirSyncBase_InstanceId : Calendar_ExceptionStartTime,
		   clock_compact(utc * 1000, text));
}

size_t calendar_excluded(struct calendar *c, int64_t **out)
{
	struct event_times series;
	struct utc_list list = {arena_array(c->a, CALENDAR_EXCEPTIONS, sizeof(int64_t)), 0,
				CALENDAR_EXCEPTIONS};
	calendar_times(c, c->master, &series);
	each_excluded(c, &series, list_utc, &list);
	*out = list.v;
	return list.n;
}

static int by_value(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

static void emit_deleted(struct event_view *x, unsigned tag, unsigned *count)
{
	int64_t *v;
	size_t n = calendar_excluded(x->c, &v);
	qsort(v, n, sizeof *v, by_value);
	for (size_t i = 0; i < n && *count < CALENDAR_EXCEPTIONS; i++) {
		if (i && v[i] == v[i - 1])
			continue;
		if (!(*count)++)
			wbxml_begin(x->w, tag);
		wbxml_begin(x->w, Calendar_Exception);
		wbxml_int(x->w, Calendar_Deleted, 1);
		emit_original(x, v[i]);
		wbxml_end(x->w);
	}
}

void emit_exceptions(struct event_view *x, unsigned tag)
{
	struct ical_node *override = NULL;
	unsigned count = 0;
	if (!ical_line(x->event, "RRULE"))
		return;
	emit_deleted(x, tag, &count);
	while ((override = calendar_override(x->c, override)) && count < CALENDAR_EXCEPTIONS) {
		if (!count++)
			wbxml_begin(x->w, tag);
		wbxml_begin(x->w, Calendar_Exception);
		emit_original(x, calendar_override_utc(x->c, &x->t, override));
		calendar_encode_exception(x, override);
		wbxml_end(x->w);
	}
	if (count)
		wbxml_end(x->w);
}

/* ---- One occurrence ---- */

static struct ical_node *find_override(struct calendar *c, const struct event_times *series,
				       int64_t utc)
{
	struct ical_node *n = NULL;
	while ((n = calendar_override(c, n)) != NULL)
		if (calendar_override_utc(c, series, n) == utc)
			break;
	return n;
}

static bool is_rdate(struct calendar *c, const struct event_times *series, int64_t utc)
{
	for (const struct ical_node *l = ical_line(c->master, "RDATE"); l; l = ical_again(l)) {
		struct str rest = l->value, one, start;
		while (str_next(&rest, ',', &one)) {
			struct ical_time t;
			if (!str_next(&one, '/', &start) || !ical_time_parse(start, &t))
				continue;
			t.tzid = ical_param(c->a, l, "TZID");
			if (calendar_instance_utc(c, series, t) == utc)
				return true;
		}
	}
	return false;
}

/* Whether the series has an occurrence there, excluded or not. */
static bool is_occurrence(struct calendar *c, const struct event_times *series, int64_t utc)
{
	const struct zone *zone = series->all_day ? calendar_day_zone(c) : series->zone;
	int64_t wall = zone_to_wall(zone, utc), found;
	const struct ical_node *rule = ical_line(c->master, "RRULE");
	if (utc == series->start_utc || is_rdate(c, series, utc))
		return true;
	struct recurrence_walk walk = {
		.rule = rule ? rule->value : STR(""),
		.start = series->start.wall,
		.zone = series->zone,
		.from = wall,
		.before = wall + 1,
	};
	return rule && recurrence_walls(c->a, &walk, &found, 1) == 1;
}

/* The occurrence on the same day: devices get the time wrong after a series was moved. */
static bool same_day_occurrence(struct calendar *c, const struct event_times *series, int64_t *utc)
{
	const struct zone *zone = series->all_day ? calendar_day_zone(c) : series->zone;
	int64_t wall = zone_to_wall(zone, *utc);
	int64_t time = (series->start.wall % CALENDAR_DAY + CALENDAR_DAY) % CALENDAR_DAY;
	int64_t day = wall - (wall % CALENDAR_DAY + CALENDAR_DAY) % CALENDAR_DAY;
	*utc = zone_to_utc(zone, day + time);
	return is_occurrence(c, series, *utc);
}

static struct ical_node *make_override(struct calendar *c, const struct event_times *series,
				       int64_t utc)
{
	static const char *const of_series[] = {"RRULE", "RDATE", "EXDATE", "EXRULE"};
	struct ical_node *override = ical_add_copy(c->a, c->vcalendar, c->master);
	struct str params, end_params, value, end;
	int64_t length = series->end_utc - series->start_utc;
	for (size_t i = 0; i < sizeof of_series / sizeof *of_series; i++)
		ical_remove_all(override, of_series[i]);
	value = calendar_time_line(c, series, utc, &params);
	ical_add(c->a, override, "RECURRENCE-ID", params, value);
	ical_set(c->a, override, "DTSTART", params, value);
	if (ical_line(override, "DTEND")) {
		end = calendar_time_line(c, series, utc + length, &end_params);
		ical_set(c->a, override, "DTEND", end_params, end);
	}
	return override;
}

struct ical_node *calendar_take_instance(struct calendar *c, int64_t utc, struct err *e)
{
	struct event_times series;
	calendar_times(c, c->master, &series);
	if (!calendar_recurs(c->master)) {
		err_set(e, ERR_NOT_FOUND, "the event does not recur");
		return NULL;
	}
	struct ical_node *override = find_override(c, &series, utc);
	if (override)
		return override;
	if (!is_occurrence(c, &series, utc) && !same_day_occurrence(c, &series, &utc)) {
		err_set(e, ERR_NOT_FOUND, "there is no such occurrence");
		return NULL;
	}
	override = find_override(c, &series, utc);
	each_excluded(c, &series, is_utc, &utc);
	return override ? override : make_override(c, &series, utc);
}

struct ical_node *calendar_held_instance(struct calendar *c, int64_t utc, struct err *e)
{
	struct event_times series;
	int64_t there = utc;
	calendar_times(c, c->master, &series);
	if (!find_override(c, &series, utc) &&
	    (is_excluded(c, &series, utc) ||
	     (!is_occurrence(c, &series, utc) && same_day_occurrence(c, &series, &there) &&
	      !find_override(c, &series, there) && is_excluded(c, &series, there)))) {
		err_set(e, ERR_NOT_FOUND, "the occurrence is not held");
		return NULL;
	}
	return calendar_take_instance(c, utc, e);
}

void calendar_include(struct calendar *c, int64_t utc)
{
	struct event_times series;
	calendar_times(c, c->master, &series);
	each_excluded(c, &series, is_utc, &utc);
}

bool calendar_drop_instance(struct calendar *c, int64_t utc, struct err *e)
{
	struct event_times series;
	struct str params, value;
	calendar_times(c, c->master, &series);
	if (!calendar_recurs(c->master))
		return err_set(e, ERR_NOT_FOUND, "the event does not recur");
	struct ical_node *override = find_override(c, &series, utc);
	if (!override && !is_occurrence(c, &series, utc) && !same_day_occurrence(c, &series, &utc))
		return err_set(e, ERR_NOT_FOUND, "there is no such occurrence");
	override = override ? override : find_override(c, &series, utc);
	if (override)
		ical_remove(override);
	if (is_excluded(c, &series, utc))
		return true;
	value = calendar_time_line(c, &series, utc, &params);
	ical_add(c->a, c->master, "EXDATE", params, value);
	return true;
}

/* ---- Exceptions as a list (below 16.0) ---- */

static bool original_of(const struct wbxml_node *exception, int64_t *utc)
{
	int64_t ms;
	struct str text = str_trim(wbxml_child_text(exception, Calendar_ExceptionStartTime));
	if (!text.n || !clock_parse(text, &ms))
		return false;
	*utc = ms / 1000;
	return true;
}

static const struct wbxml_node *find_exception(const struct wbxml_node *list, int64_t utc)
{
	int64_t other;
	for (const struct wbxml_node *n = list ? list->first : NULL; n; n = n->next)
		if (original_of(n, &other) && other == utc)
			return n;
	return NULL;
}

static bool is_deleted(const struct wbxml_node *exception)
{
	return str_eq(str_trim(wbxml_child_text(exception, Calendar_Deleted)), STR("1"));
}

static bool same_node(const struct wbxml_node *a, const struct wbxml_node *b)
{
	if (!a || !b || a->tag != b->tag || !str_eq(a->text, b->text))
		return a == b;
	const struct wbxml_node *x = a->first, *y = b->first;
	for (; x && y && same_node(x, y); x = x->next, y = y->next)
		;
	return !x && !y;
}

/* The series as this device sees it, for what an exception does not say. */
static const struct wbxml_node *master_view(struct event_edit *x)
{
	struct body body = {.mem = {.limit = VIEW_MOST}};
	struct wbxml_out w;
	struct wbxml_node *root = NULL;
	struct event_view view = {.c = x->c, .w = &w, .event = x->c->master, .e = x->e};
	calendar_times(x->c, x->c->master, &view.t);
	wbxml_start(&w, &body);
	wbxml_begin(&w, AirSync_ApplicationData);
	calendar_encode_exception(&view, x->c->master);
	wbxml_end(&w);
	if (wbxml_finish(&w)) {
		struct str bytes = {arena_dup(x->c->a, body.mem.p, body.mem.n), body.mem.n};
		if (!wbxml_decode(x->c->a, bytes, &wbxml_default_limits, &root, x->e))
			root = NULL;
	}
	body_free(&body);
	return root;
}

static bool is_key(unsigned tag)
{
	return tag == Calendar_ExceptionStartTime || tag == Calendar_Deleted ||
	       tag == AirSyncBase_InstanceId;
}

/* What differs of one exception. What it does not say any more is as in the series. */
static bool difference(struct event_edit *x, const struct wbxml_node *sent,
		       const struct wbxml_node *seen, struct item_edit *out)
{
	size_t most = (size_t)wbxml_count(sent) + (seen ? wbxml_count(seen) : 0);
	const struct wbxml_node *master = NULL;
	*out = (struct item_edit){.v = arena_array(x->c->a, most, sizeof *out->v)};
	for (const struct wbxml_node *n = sent->first; n; n = n->next) {
		const struct wbxml_node *old = wbxml_child(seen, n->tag);
		if (n->tag == Calendar_Timezone)
			return err_set(x->e, ERR_INVALID, "a Timezone in an exception");
		if (!is_key(n->tag) && !same_node(n, old))
			out->v[out->n++] = (struct item_edit_field){n->tag, n, old};
	}
	for (const struct wbxml_node *n = seen ? seen->first : NULL; n; n = n->next) {
		if (is_key(n->tag) || wbxml_child(sent, n->tag) || n->tag == Calendar_StartTime ||
		    n->tag == Calendar_EndTime)
			continue;
		if (!master)
			master = master_view(x);
		out->v[out->n++] = (struct item_edit_field){n->tag, wbxml_child(master, n->tag), n};
	}
	return true;
}

static bool apply_exception(struct event_edit *x, const struct wbxml_node *sent,
			    const struct wbxml_node *seen)
{
	struct item_edit edit;
	int64_t utc;
	struct err ignored = {0};
	if (sent->tag != Calendar_Exception || !original_of(sent, &utc))
		return err_set(x->e, ERR_INVALID, "an exception without its original start");
	if (same_node(sent, seen))
		return true;
	/* An occurrence that the series does not have needs no exception. */
	if (is_deleted(sent))
		return (seen && is_deleted(seen)) || calendar_drop_instance(x->c, utc, &ignored) ||
		       ignored.kind == ERR_NOT_FOUND;
	if (!difference(x, sent, seen && is_deleted(seen) ? NULL : seen, &edit))
		return false;
	struct ical_node *override = calendar_take_instance(x->c, utc, &ignored);
	struct event_edit one = {
		.c = x->c, .event = override, .edit = &edit, .exception = true, .e = x->e};
	return !override || calendar_apply_event(&one);
}

/* An exception that is not in the list stays as it is (MS-ASCAL 3.2.5.3.1). */
bool apply_exceptions(struct event_edit *x, const struct item_edit_field *f)
{
	int64_t utc;
	if (x->c->ctx->version >= 160) /* occurrences come one by one (MS-ASCAL 2.2.2.22) */
		return !f->sent || f->sent->content == WBXML_EMPTY ||
		       err_set(x->e, ERR_INVALID, "Exceptions from a device of 16.x");
	if (f->sent && wbxml_count(f->sent) > EXCEPTIONS_SENT)
		return err_set(x->e, ERR_INVALID, "more than %d exceptions", EXCEPTIONS_SENT);
	for (const struct wbxml_node *n = f->sent ? f->sent->first : NULL; n; n = n->next) {
		const struct wbxml_node *seen =
			original_of(n, &utc) ? find_exception(f->seen, utc) : NULL;
		if (!apply_exception(x, n, seen))
			return false;
	}
	return true;
}
