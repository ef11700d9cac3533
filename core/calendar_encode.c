/* calendar_encode: what a device is shown of an event. See calendar.h, calendar_fields.def. */
#include "core/calendar.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/html_text.h"
#include "core/base/text.h"
#include "core/item_text_form.h"

enum { UID_MOST = 300, REMINDER_MOST = 10 * 366 * 24 * 60 /* minutes */ };

void emit_nothing(struct event_view *x, unsigned tag)
{
	(void)x;
	(void)tag;
}

static void emit_text(struct event_view *x, unsigned tag, const char *name)
{
	struct str text = ical_text(x->c->a, x->event, name);
	if (text.n)
		wbxml_text(x->w, tag, text);
}

/* ---- Times ---- */

static void emit_time(struct event_view *x, unsigned tag, int64_t utc)
{
	char text[CLOCK_TEXT];
	wbxml_cstr(x->w, tag, clock_compact(utc * 1000, text));
}

/* Not of whole days from 16.0 on (MS-ASCAL 2.2.2.1). */
void emit_timezone(struct event_view *x, unsigned tag)
{
	const struct zone *z = x->t.all_day ? calendar_day_zone(x->c) : x->t.zone;
	if (x->t.all_day && x->c->ctx->version >= 160)
		return;
	wbxml_text(x->w, tag, zone_blob(x->c->a, z, x->t.start_utc));
}

void emit_dtstamp(struct event_view *x, unsigned tag)
{
	struct ical_time t;
	if (!ical_time_parse(ical_value(x->event, "DTSTAMP"), &t) &&
	    !ical_time_parse(ical_value(x->event, "LAST-MODIFIED"), &t) &&
	    !ical_time_parse(ical_value(x->event, "CREATED"), &t))
		t.wall = x->t.start_utc;
	emit_time(x, tag, t.wall);
}

void emit_start(struct event_view *x, unsigned tag)
{
	emit_time(x, tag, x->t.start_utc);
}

void emit_end(struct event_view *x, unsigned tag)
{
	emit_time(x, tag, x->t.end_utc);
}

void emit_all_day(struct event_view *x, unsigned tag)
{
	wbxml_int(x->w, tag, x->t.all_day);
}

/* Of a rule that has no like in the protocol the closest pattern is shown. */
void emit_recurrence(struct event_view *x, unsigned tag)
{
	const struct ical_node *rule = ical_line(x->event, "RRULE");
	struct recurrence_start start = calendar_recurrence_start(x->c, &x->t);
	struct recurrence r;
	if (!rule || recurrence_of_rule(x->c->a, rule->value, &start, &r) == RECURRENCE_NONE)
		return;
	wbxml_begin(x->w, tag);
	recurrence_encode(x->w, &r, &recurrence_of_event, x->c->ctx->version);
	wbxml_end(x->w);
}

/* ---- Texts ---- */

void emit_subject(struct event_view *x, unsigned tag)
{
	emit_text(x, tag, "SUMMARY");
}

void emit_uid(struct event_view *x, unsigned tag)
{
	struct str uid = ical_value(x->event, "UID");
	if (uid.n)
		wbxml_text(x->w, tag, text_cut_utf8(uid, UID_MOST));
}

static const struct ical_node *html_line(const struct ical_node *event, struct arena *a)
{
	const struct ical_node *n = ical_line(event, "X-ALT-DESC");
	while (n && !str_eq_nocase(ical_param(a, n, "FMTTYPE"), STR("text/html")))
		n = ical_again(n);
	return n;
}

struct item_text calendar_body(struct arena *a, const struct ical_node *event)
{
	const struct ical_node *html = html_line(event, a);
	struct item_text text = {.plain = ical_text(a, event, "DESCRIPTION"), .html = {"", 0}};
	bool more;
	if (html)
		text.html = content_unescape(a, html->value);
	if (!text.plain.p)
		text.plain =
			text.html.n ? html_to_text(a, text.html, SIZE_MAX / 4, &more) : STR("");
	return text;
}

void emit_body(struct event_view *x, unsigned tag)
{
	static const struct item_body_tags tags = {.body = Calendar_Body,
						   .truncated = Calendar_BodyTruncated,
						   .rtf = Calendar_CompressedRTF};
	(void)tag;
	item_body_encode(x->w, x->c->ctx, &tags, calendar_body(x->c->a, x->event));
}

void emit_native_body_type(struct event_view *x, unsigned tag)
{
	wbxml_int(x->w, tag, item_body_native(calendar_body(x->c->a, x->event)));
}

size_t calendar_categories(struct arena *a, const struct ical_node *event, struct str *out)
{
	size_t n = 0;
	for (const struct ical_node *l = ical_line(event, "CATEGORIES"); l; l = ical_again(l)) {
		struct str rest = l->value, one;
		while (n < ITEM_CATEGORIES && ical_next_text(a, &rest, &one)) {
			bool known = !one.n;
			for (size_t i = 0; i < n && !known; i++)
				known = str_eq(out[i], one);
			if (!known)
				out[n++] = one;
		}
	}
	return n;
}

void emit_categories(struct event_view *x, unsigned tag)
{
	struct str *v = arena_array(x->c->a, ITEM_CATEGORIES, sizeof *v);
	size_t n = calendar_categories(x->c->a, x->event, v);
	if (!n)
		return;
	wbxml_begin(x->w, tag);
	for (size_t i = 0; i < n; i++)
		wbxml_text(x->w, Calendar_Category, v[i]);
	wbxml_end(x->w);
}

/* ---- Words ---- */

void emit_sensitivity(struct event_view *x, unsigned tag)
{
	static const char *const names[] = {"PUBLIC", "X-PERSONAL", "PRIVATE", "CONFIDENTIAL"};
	struct str class = ical_value(x->event, "CLASS");
	int n = class.n ? 2 : 0; /* one that nobody knows is private (RFC 5545 3.8.1.3) */
	for (int i = 0; i < 4; i++)
		if (str_eq_nocase(class, str_of(names[i])))
			n = i;
	wbxml_int(x->w, tag, n);
}

/* Working elsewhere is for 16.x only; below it is busy. */
void emit_busy(struct event_view *x, unsigned tag)
{
	int busy = calendar_busy(x->c, x->event);
	wbxml_int(x->w, tag, busy == 4 && x->c->ctx->version < 160 ? 2 : busy);
}

bool calendar_reminder(struct calendar *c, const struct ical_node *event,
		       const struct event_times *t, int64_t *minutes)
{
	const struct ical_node *alarm = calendar_alarm(event);
	const struct ical_node *trigger = alarm ? ical_line(alarm, "TRIGGER") : NULL;
	struct ical_time at;
	int64_t seconds;
	if (!trigger)
		return false;
	if (ical_time_parse(trigger->value, &at)) {
		*minutes = (t->start_utc - at.wall) / 60;
	} else if (ical_duration(c->a, trigger->value, &seconds)) {
		if (str_eq_nocase(ical_param(c->a, trigger, "RELATED"), STR("END")))
			seconds += t->end_utc - t->start_utc;
		*minutes = -seconds / 60;
	} else {
		return false;
	}
	if (*minutes < 0) /* after the start: there is nothing nearer */
		*minutes = 0;
	return *minutes <= REMINDER_MOST;
}

void emit_reminder(struct event_view *x, unsigned tag)
{
	int64_t minutes;
	if (calendar_reminder(x->c, x->event, &x->t, &minutes))
		wbxml_int(x->w, tag, minutes);
}

void emit_disallow(struct event_view *x, unsigned tag)
{
	struct str value = ical_value(x->event, "X-MICROSOFT-DISALLOW-COUNTER");
	wbxml_int(x->w, tag, str_eq_nocase(value, STR("TRUE")));
}

void emit_conference_link(struct event_view *x, unsigned tag)
{
	emit_text(x, tag, "X-MICROSOFT-ONLINEMEETINGCONFLINK");
}

void emit_external_link(struct event_view *x, unsigned tag)
{
	static const char *const names[] = {"X-MICROSOFT-ONLINEMEETINGEXTERNALLINK",
					    "X-MICROSOFT-SKYPETEAMSMEETINGURL",
					    "X-GOOGLE-CONFERENCE", "CONFERENCE"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct str link = ical_value(x->event, names[i]);
		if (str_starts_nocase(link, STR("http"))) {
			wbxml_text(x->w, tag, link);
			return;
		}
	}
}
