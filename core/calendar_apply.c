/* calendar_apply: what a device changed of an event, field by field. See calendar.h. */
#include "core/calendar.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/item_text_form.h"

enum { REMINDER_MOST = 10 * 366 * 24 * 60 /* minutes */ };

const struct wbxml_node *calendar_sent(const struct item_edit *edit, unsigned tag, bool *removed)
{
	*removed = false;
	for (size_t i = 0; i < edit->n; i++) {
		const struct wbxml_node *sent = edit->v[i].sent;
		if (edit->v[i].tag != tag)
			continue;
		*removed = !sent || sent->content == WBXML_EMPTY;
		return *removed ? NULL : sent;
	}
	return NULL;
}

bool calendar_number(struct event_edit *x, const struct wbxml_node *sent, int64_t most,
		     int64_t absent, int64_t *out)
{
	*out = absent;
	if (!sent || sent->content == WBXML_EMPTY)
		return true;
	if (str_to_i64(str_trim(sent->text), out) && *out >= 0 && *out <= most)
		return true;
	return err_set(x->e, ERR_INVALID, "%s out of range", wbxml_tag_name(sent->tag));
}

struct str calendar_text(const struct item_edit_field *f)
{
	return f->sent ? f->sent->text : STR("");
}

void calendar_put(struct event_edit *x, const char *name, const char *value)
{
	if (!value)
		ical_remove_all(x->event, name);
	else if (!str_eq(ical_value(x->event, name), str_of(value)))
		ical_set(x->c->a, x->event, name, STR(""), str_of(value));
}

bool apply_nothing(struct event_edit *x, const struct item_edit_field *f)
{
	(void)x;
	(void)f;
	return true;
}

/* Taken by calendar_apply_when(). */
bool apply_times(struct event_edit *x, const struct item_edit_field *f)
{
	return apply_nothing(x, f);
}

/* From 16.0 on only the server sets it (MS-ASCAL 2.2.2.18). */
bool apply_dtstamp(struct event_edit *x, const struct item_edit_field *f)
{
	int64_t ms;
	char text[CLOCK_TEXT];
	if (x->c->ctx->version >= 160 || !f->sent || !f->sent->text.n)
		return true;
	if (!clock_parse(str_trim(f->sent->text), &ms))
		return err_set(x->e, ERR_INVALID, "DtStamp is no time");
	calendar_put(x, "DTSTAMP", arena_strdup(x->c->a, clock_compact(ms, text)));
	return true;
}

bool apply_subject(struct event_edit *x, const struct item_edit_field *f)
{
	ical_set_text(x->c->a, x->event, "SUMMARY", calendar_text(f));
	return true;
}

static struct ical_node *html_line(struct arena *a, const struct ical_node *event)
{
	struct ical_node *n = ical_line(event, "X-ALT-DESC");
	while (n && !str_eq_nocase(ical_param(a, n, "FMTTYPE"), STR("text/html")))
		n = ical_again(n);
	return n;
}

bool apply_body(struct event_edit *x, const struct item_edit_field *f)
{
	struct arena *a = x->c->a;
	struct item_text old = calendar_body(a, x->event), text;
	struct ical_node *html = html_line(a, x->event);
	if (!item_body_apply(x->c->ctx, f, old, &text, x->e))
		return false;
	if (!str_eq(text.plain, old.plain))
		ical_set_text(a, x->event, "DESCRIPTION", text.plain);
	if (str_eq(text.html, old.html))
		return true;
	if (html && text.html.n)
		ical_change(a, html, html->params, content_escape(a, text.html));
	else if (html)
		ical_remove(html);
	else
		ical_add(a, x->event, "X-ALT-DESC", STR(";FMTTYPE=text/html"),
			 content_escape(a, text.html));
	return true;
}

bool apply_categories(struct event_edit *x, const struct item_edit_field *f)
{
	struct arena *a = x->c->a;
	struct str *old = arena_array(a, ITEM_CATEGORIES, sizeof *old);
	size_t nold = calendar_categories(a, x->event, old), n = 0;
	struct buf value = {0};
	bool same = true;
	for (const struct wbxml_node *m = f->sent ? f->sent->first : NULL; m; m = m->next) {
		if (m->tag != Calendar_Category || n == ITEM_CATEGORIES) {
			buf_free(&value);
			return err_set(x->e, ERR_INVALID, "Categories: too many, or not one");
		}
		if (!str_trim(m->text).n)
			continue;
		same = same && n < nold && str_eq(old[n], str_trim(m->text));
		buf_printf(&value, "%s%.*s", n++ ? "," : "",
			   STR_ARG(content_escape(a, str_trim(m->text))));
	}
	struct str text = buf_move(a, &value);
	if (same && n == nold)
		return true;
	if (n)
		ical_set(a, x->event, "CATEGORIES", STR(""), text);
	else
		ical_remove_all(x->event, "CATEGORIES");
	return true;
}

bool apply_sensitivity(struct event_edit *x, const struct item_edit_field *f)
{
	static const char *const names[] = {NULL, "X-PERSONAL", "PRIVATE", "CONFIDENTIAL"};
	int64_t n;
	if (!calendar_number(x, f->sent, 3, 0, &n))
		return false;
	if (n || !str_eq_nocase(ical_value(x->event, "CLASS"), STR("PUBLIC")))
		calendar_put(x, "CLASS", names[n]);
	return true;
}

/* Free, tentative and busy have words of their own; the rest only Microsoft's line. */
bool apply_busy(struct event_edit *x, const struct item_edit_field *f)
{
	static const char *const names[] = {"FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"};
	int64_t n;
	if (!calendar_number(x, f->sent, x->c->ctx->version >= 160 ? 4 : 3, 2, &n))
		return false;
	if (n == 0)
		calendar_put(x, "TRANSP", "TRANSPARENT");
	else if (ical_line(x->event, "TRANSP"))
		calendar_put(x, "TRANSP", "OPAQUE");
	if (n == 1 || n > 2 || ical_line(x->event, "X-MICROSOFT-CDO-BUSYSTATUS") ||
	    calendar_busy(x->c, x->event) != n)
		calendar_put(x, "X-MICROSOFT-CDO-BUSYSTATUS", names[n]);
	return true;
}

/* The first display alarm is the device's; all others are somebody else's. */
bool apply_reminder(struct event_edit *x, const struct item_edit_field *f)
{
	struct arena *a = x->c->a;
	struct ical_node *alarm = calendar_alarm(x->event);
	int64_t minutes;
	if (!calendar_number(x, f->sent, REMINDER_MOST, -1, &minutes))
		return false;
	if (minutes < 0) {
		if (alarm)
			ical_remove(alarm);
		return true;
	}
	if (!alarm) {
		alarm = ical_add_component(a, x->event, "VALARM", NULL);
		ical_add(a, alarm, "ACTION", STR(""), STR("DISPLAY"));
		ical_add(a, alarm, "DESCRIPTION", STR(""), STR("Reminder"));
	}
	ical_set(a, alarm, "TRIGGER", STR(""),
		 str_of(arena_printf(a, "%sPT%dM", minutes ? "-" : "", (int)minutes)));
	return true;
}

bool apply_disallow(struct event_edit *x, const struct item_edit_field *f)
{
	int64_t n;
	if (!calendar_number(x, f->sent, 1, 0, &n))
		return false;
	calendar_put(x, "X-MICROSOFT-DISALLOW-COUNTER", n ? "TRUE" : NULL);
	return true;
}
