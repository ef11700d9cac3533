/* meeting_apply: what becomes of an event by what arrives and by the user's answer. See meeting.h.
 */
#include "core/meeting.h"

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/calendar.h"

/* ---- Reading ---- */

static struct ical_node *calendar_of(struct ical_node *root)
{
	return ical_component(root, "VCALENDAR");
}

static bool is_answer(enum meeting_method method)
{
	return method == MEETING_REPLY || method == MEETING_COUNTER;
}

bool meeting_read(struct arena *a, struct str text, struct meeting *out)
{
	static const struct {
		const char *name;
		enum meeting_method method;
	} methods[] = {{"REQUEST", MEETING_REQUEST},
		       {"REPLY", MEETING_REPLY},
		       {"COUNTER", MEETING_COUNTER},
		       {"CANCEL", MEETING_CANCEL}};
	struct ical_node *root, *calendar, *event;
	struct err ignored;
	*out = (struct meeting){.text = text};
	if (!ical_parse(a, text, &root, &ignored) || !(calendar = calendar_of(root)) ||
	    !(event = ical_component(calendar, "VEVENT")))
		return false;
	out->uid = ical_value(event, "UID");
	struct str method = ical_value(calendar, "METHOD");
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (str_eq_nocase(method, str_of(methods[i].name)))
			out->method = methods[i].method;
	const struct ical_node *who =
		ical_line(event, is_answer(out->method) ? "ATTENDEE" : "ORGANIZER");
	out->speaker = who ? calendar_address(a, who) : STR("");
	return out->uid.n > 0 && out->method != MEETING_OTHER;
}

static bool names_address(struct arena *a, const struct ical_node *calendar, struct str address)
{
	static const char *const lines[] = {"ORGANIZER", "ATTENDEE"};
	const struct ical_node *n = ical_component(calendar, "VEVENT");
	for (; n; n = ical_again(n))
		for (size_t i = 0; i < 2; i++)
			for (const struct ical_node *l = ical_line(n, lines[i]); l;
			     l = ical_again(l))
				if (str_eq_nocase(calendar_address(a, l), address))
					return true;
	return false;
}

struct str meeting_me(struct arena *a, struct str text, struct str address, struct str aliases)
{
	struct ical_node *root;
	struct err ignored;
	struct str alias;
	if (!ical_parse(a, text, &root, &ignored) || names_address(a, calendar_of(root), address))
		return address;
	while (str_next(&aliases, '\n', &alias))
		if (alias.n && names_address(a, calendar_of(root), alias))
			return alias;
	return address;
}

/* ---- Order and trust ---- */

static int64_t sequence_of(const struct ical_node *event)
{
	int64_t n;
	return str_to_i64(ical_value(event, "SEQUENCE"), &n) ? n : 0;
}

static int64_t stamp_of(const struct ical_node *event)
{
	struct ical_time t;
	return ical_time_parse(ical_value(event, "DTSTAMP"), &t) ? t.wall : 0;
}

static bool is_older(const struct ical_node *event, const struct ical_node *known)
{
	int64_t a = sequence_of(event), b = sequence_of(known);
	return a < b || (a == b && stamp_of(event) < stamp_of(known));
}

static bool same_organizer(struct arena *a, const struct ical_node *x, const struct ical_node *y)
{
	const struct ical_node *one = ical_line(x, "ORGANIZER"), *two = ical_line(y, "ORGANIZER");
	return one && two && str_eq_nocase(calendar_address(a, one), calendar_address(a, two));
}

#define MAILED_BY "X-EASEL-MAILED-BY"

/* Whether a message that changes the event that is known is its organizer's word. */
static bool is_entitled(struct arena *a, const struct ical_node *known, const struct meeting *m)
{
	const struct ical_node *organizer = ical_line(known, "ORGANIZER");
	struct str delegate = organizer ? ical_param(a, organizer, "SENT-BY") : STR("");
	if (str_starts_nocase(delegate, STR("mailto:")))
		delegate = str_sub(delegate, 7, delegate.n);
	if (m->approved)
		return true;
	return organizer && m->from.n > 0 &&
	       (str_eq_nocase(m->from, calendar_address(a, organizer)) ||
		str_eq_nocase(m->from, delegate) ||
		str_eq_nocase(m->from, ical_value(known, MAILED_BY)));
}

/*
 * Calendar services mail invitations under an address of their own and have them answered to the
 * organizer: what the same service says later is his word. A forwarded invitation is answered to
 * who forwards it, if to anybody.
 */
static void note_service(struct arena *a, struct ical_node *event, const struct meeting *m)
{
	ical_remove_all(event, MAILED_BY);
	if (m->from.n && !str_eq_nocase(m->from, m->speaker) && m->speaker.n &&
	    str_eq_nocase(m->reply_to, m->speaker))
		ical_add(a, event, MAILED_BY, STR(""), m->from);
}

/* ---- REQUEST ---- */

static void set_partstat(struct calendar *c, struct ical_node *event, const char *partstat)
{
	struct ical_node *me = calendar_me(c, event);
	struct str params = STR(";ROLE=REQ-PARTICIPANT");
	if (me) {
		params = ical_params_with(c->a, me->params, "PARTSTAT", str_of(partstat));
		if (!str_eq(params, me->params))
			ical_change(c->a, me, params, me->value);
		return;
	}
	/* Invited through a list: he answers for himself. */
	params = ical_params_with(c->a, params, "PARTSTAT", str_of(partstat));
	ical_add(c->a, event, "ATTENDEE", params,
		 str_of(arena_printf(c->a, "mailto:%.*s", STR_ARG(c->ctx->address))));
}

/* What an invitation says to do; an alarm or a file name in somebody else's mail is not obeyed. */
static void strip(struct ical_node *event)
{
	struct ical_node *alarm;
	while ((alarm = ical_component(event, "VALARM")) != NULL)
		ical_remove(alarm);
}

/* What is the user's own of an event goes along into its new form. */
static void keep_own(struct calendar *c, const struct ical_node *old, struct ical_node *event)
{
	static const char *const lines[] = {"CATEGORIES", "X-MICROSOFT-CDO-REPLYTIME"};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		ical_remove_all(event, lines[i]);
		for (const struct ical_node *l = ical_line(old, lines[i]); l; l = ical_again(l))
			ical_add(c->a, event, lines[i], l->params, l->value);
	}
	for (const struct ical_node *n = ical_component(old, "VALARM"); n; n = ical_again(n))
		ical_add_copy(c->a, event, n);
}

static bool same_time_and_rule(struct calendar *c, const struct ical_node *x,
			       const struct ical_node *y)
{
	struct event_times a, b;
	calendar_times(c, x, &a);
	calendar_times(c, y, &b);
	return a.start_utc == b.start_utc && a.end_utc == b.end_utc && a.all_day == b.all_day &&
	       str_eq(ical_value(x, "RRULE"), ical_value(y, "RRULE"));
}

/* The user's answer, as far as it still is one. */
static void carry_answer(struct calendar *c, const struct ical_node *old, struct ical_node *event)
{
	const struct ical_node *me = calendar_me(c, old);
	struct str partstat = me ? ical_param(c->a, me, "PARTSTAT") : STR("");
	if (!partstat.n || !same_time_and_rule(c, old, event))
		partstat = STR("NEEDS-ACTION");
	set_partstat(c, event, str_dup(c->a, partstat));
	struct str busy = ical_value(old, "X-MICROSOFT-CDO-BUSYSTATUS");
	if (busy.n && !str_eq_nocase(partstat, STR("NEEDS-ACTION")))
		ical_set(c->a, event, "X-MICROSOFT-CDO-BUSYSTATUS", STR(""), busy);
}

static void add_zones(struct calendar *c, const struct ical_node *from)
{
	const struct ical_node *n = ical_component(from, "VTIMEZONE");
	for (; n; n = ical_again(n)) {
		const struct ical_node *known = ical_component(c->vcalendar, "VTIMEZONE");
		while (known && !str_eq(ical_value(known, "TZID"), ical_value(n, "TZID")))
			known = ical_again(known);
		if (!known)
			ical_add_copy(c->a, c->vcalendar, n);
	}
}

/* A new event is the message without its METHOD and without other events. */
static bool take_new(const struct item_context *ctx, const struct meeting *m, struct str *out,
		     struct err *e)
{
	struct calendar c;
	struct ical_node *next, *n;
	if (!calendar_read(ctx, m->text, &c, e))
		return false;
	ical_remove_all(c.vcalendar, "METHOD");
	for (n = ical_component(c.vcalendar, "VEVENT"); n; n = next) {
		next = ical_again(n);
		if (!str_eq(ical_value(n, "UID"), m->uid)) {
			ical_remove(n);
			continue;
		}
		strip(n);
		note_service(c.a, n, m);
		ical_remove_all(n, "X-MICROSOFT-CDO-BUSYSTATUS");
		set_partstat(&c, n, "NEEDS-ACTION");
	}
	*out = ical_write(ctx->arena, c.root);
	return true;
}

static void replace_event(struct calendar *c, struct ical_node *old, const struct ical_node *from,
			  const struct meeting *m)
{
	struct ical_node *event = ical_add_copy(c->a, c->vcalendar, from);
	strip(event);
	note_service(c->a, event, m);
	ical_remove_all(event, "X-MICROSOFT-CDO-BUSYSTATUS");
	if (old) {
		carry_answer(c, old, event);
		keep_own(c, old, event);
		if (old == c->master)
			c->master = event;
		ical_remove(old);
	} else {
		set_partstat(c, event, "NEEDS-ACTION");
	}
}

static struct ical_node *find_instance(struct calendar *c, const struct ical_node *like)
{
	struct event_times series;
	struct ical_node *n = NULL;
	calendar_times(c, c->master, &series);
	int64_t utc = calendar_override_utc(c, &series, like);
	if (c->alone)
		return calendar_override_utc(c, &series, c->master) == utc ? c->master : NULL;
	while ((n = calendar_override(c, n)) != NULL)
		if (calendar_override_utc(c, &series, n) == utc)
			break;
	return n;
}

/* The overrides of a series that is held at other times now are no more. */
static void drop_overrides(struct calendar *c)
{
	struct ical_node *n;
	while ((n = calendar_override(c, NULL)) != NULL)
		ical_remove(n);
}

static bool update_one(struct calendar *c, const struct ical_node *from, const struct meeting *m)
{
	bool override = ical_line(from, "RECURRENCE-ID") != NULL;
	struct event_times series;
	struct ical_node *old = c->master;
	calendar_times(c, c->master, &series);
	if (override)
		old = find_instance(c, from);
	if (old && is_older(from, old))
		return false;
	if (!override && !c->alone && !same_time_and_rule(c, old, from))
		drop_overrides(c);
	if (!override && c->alone) { /* the series of an occurrence that came first */
		replace_event(c, NULL, from, m);
		c->alone = false;
		return true;
	}
	if (override && !old) /* he has declined it, and is asked again */
		calendar_include(c, calendar_override_utc(c, &series, from));
	replace_event(c, old, from, m);
	return true;
}

static enum meeting_effect take_request(const struct item_context *ctx, struct str old,
					const struct meeting *m, struct str *out, struct err *e)
{
	struct calendar c;
	struct ical_node *root;
	bool changed = false;
	if (!calendar_read(ctx, old, &c, e) || !ical_parse(ctx->arena, m->text, &root, e))
		return MEETING_NOTHING;
	const struct ical_node *from = calendar_of(root);
	const struct ical_node *n = ical_component(from, "VEVENT");
	if (calendar_is_own(&c, c.master) || !is_entitled(c.a, c.master, m))
		return MEETING_NOTHING;
	for (; n; n = ical_again(n))
		if (str_eq(ical_value(n, "UID"), m->uid) && same_organizer(c.a, n, c.master))
			changed = update_one(&c, n, m) || changed;
	if (changed)
		add_zones(&c, from);
	*out = ical_write(ctx->arena, c.root);
	return changed ? MEETING_CHANGED : MEETING_NOTHING;
}

/* ---- CANCEL ---- */

static void cancel_event(struct calendar *c, struct ical_node *event, const struct ical_node *from)
{
	ical_set(c->a, event, "STATUS", STR(""), STR("CANCELLED"));
	ical_set(c->a, event, "TRANSP", STR(""), STR("TRANSPARENT"));
	ical_remove_all(event, "X-MICROSOFT-CDO-BUSYSTATUS");
	if (ical_line(from, "SEQUENCE"))
		ical_set(c->a, event, "SEQUENCE", STR(""), ical_value(from, "SEQUENCE"));
}

static bool cancel_instance(struct calendar *c, const struct ical_node *from)
{
	struct event_times series;
	struct err ignored;
	struct ical_node *event = find_instance(c, from);
	calendar_times(c, c->master, &series);
	if (!event && !c->alone)
		event = calendar_held_instance(c, calendar_override_utc(c, &series, from),
					       &ignored);
	if (!event || sequence_of(from) < sequence_of(event))
		return false;
	cancel_event(c, event, from);
	return true;
}

static bool cancel_one(struct calendar *c, const struct ical_node *from)
{
	struct ical_node *n = NULL;
	if (ical_line(from, "RECURRENCE-ID"))
		return cancel_instance(c, from);
	if (sequence_of(from) < sequence_of(c->master))
		return false;
	cancel_event(c, c->master, from);
	while ((n = calendar_override(c, n)) != NULL)
		cancel_event(c, n, from);
	return true;
}

static enum meeting_effect take_cancel(const struct item_context *ctx, struct str old,
				       const struct meeting *m, struct str *out, struct err *e)
{
	struct calendar c;
	struct ical_node *root;
	bool changed = false;
	if (!calendar_read(ctx, old, &c, e) || !ical_parse(ctx->arena, m->text, &root, e) ||
	    calendar_is_own(&c, c.master) || !is_entitled(c.a, c.master, m))
		return MEETING_NOTHING;
	for (const struct ical_node *n = ical_component(calendar_of(root), "VEVENT"); n;
	     n = ical_again(n))
		if (str_eq(ical_value(n, "UID"), m->uid) && same_organizer(c.a, n, c.master))
			changed = cancel_one(&c, n) || changed;
	*out = ical_write(ctx->arena, c.root);
	return changed ? MEETING_CHANGED : MEETING_NOTHING;
}

/* ---- REPLY and COUNTER ---- */

static struct ical_node *find_attendee(struct arena *a, const struct ical_node *event,
				       struct str address)
{
	struct ical_node *n = ical_line(event, "ATTENDEE");
	while (n && !str_eq_nocase(calendar_address(a, n), address))
		n = ical_again(n);
	return n;
}

/* The times that an attendee would like better are kept with his answer. */
static struct str proposal(struct calendar *c, const struct ical_node *from, struct str params,
			   bool counter)
{
	struct event_times t;
	char text[CLOCK_TEXT];
	struct str none = {NULL, 0};
	if (!counter) {
		params = ical_params_with(c->a, params, "X-EASEL-PROPOSED-START", none);
		return ical_params_with(c->a, params, "X-EASEL-PROPOSED-END", none);
	}
	calendar_times(c, from, &t);
	params = ical_params_with(c->a, params, "X-EASEL-PROPOSED-START",
				  str_of(clock_compact(t.start_utc * 1000, text)));
	return ical_params_with(c->a, params, "X-EASEL-PROPOSED-END",
				str_of(clock_compact(t.end_utc * 1000, text)));
}

static bool note_answer(struct calendar *c, struct ical_node *event, const struct ical_node *from,
			bool counter)
{
	const struct ical_node *said = ical_line(from, "ATTENDEE");
	struct ical_node *line =
		said ? find_attendee(c->a, event, calendar_address(c->a, said)) : NULL;
	if (!line)
		return false;
	struct str partstat = counter ? STR("TENTATIVE") : ical_param(c->a, said, "PARTSTAT");
	if (!partstat.n)
		return false;
	struct str params = ical_params_with(c->a, line->params, "PARTSTAT", partstat);
	params = proposal(c, from, params, counter);
	if (str_eq(params, line->params))
		return false;
	ical_change(c->a, line, params, line->value);
	return true;
}

static bool answer_one(struct calendar *c, const struct ical_node *from, const struct meeting *m)
{
	bool counter = m->method == MEETING_COUNTER;
	struct event_times series;
	struct err ignored;
	struct ical_node *event = c->master, *n = NULL;
	const struct ical_node *said = ical_line(from, "ATTENDEE");
	if (sequence_of(from) < sequence_of(c->master) || !said ||
	    !str_eq_nocase(m->from, calendar_address(c->a, said)))
		return false;
	if (!ical_line(from, "RECURRENCE-ID")) {
		bool changed = note_answer(c, event, from, counter);
		while ((n = calendar_override(c, n)) != NULL)
			changed = note_answer(c, n, from, counter) || changed;
		return changed;
	}
	calendar_times(c, c->master, &series);
	event = calendar_held_instance(c, calendar_override_utc(c, &series, from), &ignored);
	return event && note_answer(c, event, from, counter);
}

static enum meeting_effect take_answer(const struct item_context *ctx, struct str old,
				       const struct meeting *m, struct str *out, struct err *e)
{
	struct calendar c;
	struct ical_node *root;
	bool changed = false;
	if (!calendar_read(ctx, old, &c, e) || !ical_parse(ctx->arena, m->text, &root, e) ||
	    !calendar_is_own(&c, c.master))
		return MEETING_NOTHING;
	for (const struct ical_node *n = ical_component(calendar_of(root), "VEVENT"); n;
	     n = ical_again(n))
		if (str_eq(ical_value(n, "UID"), m->uid))
			changed = answer_one(&c, n, m) || changed;
	*out = ical_write(ctx->arena, c.root);
	return changed ? MEETING_CHANGED : MEETING_NOTHING;
}

enum meeting_effect meeting_apply(const struct item_context *ctx, struct str old,
				  const struct meeting *m, struct str *out, struct err *e)
{
	struct calendar c;
	switch (m->method) {
	case MEETING_REQUEST:
		if (old.n)
			return take_request(ctx, old, m, out, e);
		/* What the user sends to himself is in his calendar already, or is not to be. */
		if (!calendar_read(ctx, m->text, &c, e) || calendar_is_own(&c, c.master))
			return MEETING_NOTHING;
		return take_new(ctx, m, out, e) ? MEETING_CHANGED : MEETING_NOTHING;
	case MEETING_CANCEL:
		return old.n ? take_cancel(ctx, old, m, out, e) : MEETING_NOTHING;
	case MEETING_REPLY:
	case MEETING_COUNTER:
		return old.n ? take_answer(ctx, old, m, out, e) : MEETING_NOTHING;
	case MEETING_OTHER:
		break;
	}
	return MEETING_NOTHING;
}

/* ---- The user's answer ---- */

int64_t meeting_instance(const struct item_context *ctx, struct str event, struct str invitation)
{
	struct calendar c;
	struct event_times series;
	struct ical_node *root;
	struct err ignored;
	if (!calendar_read(ctx, event, &c, &ignored) || c.alone ||
	    !ical_parse(ctx->arena, invitation, &root, &ignored))
		return INT64_MIN;
	const struct ical_node *n = ical_component(calendar_of(root), "VEVENT");
	if (!n || ical_again(n) || !ical_line(n, "RECURRENCE-ID"))
		return INT64_MIN;
	calendar_times(&c, c.master, &series);
	return calendar_override_utc(&c, &series, n) * 1000;
}

static void answer_event(struct calendar *c, struct ical_node *event, enum meeting_answer answer)
{
	static const char *const partstats[] = {NULL, "ACCEPTED", "TENTATIVE", "DECLINED"};
	static const char *const busy[] = {NULL, "BUSY", "TENTATIVE", "FREE"};
	char now[CLOCK_TEXT];
	struct str intended = ical_value(event, "X-MICROSOFT-CDO-INTENDEDSTATUS");
	set_partstat(c, event, partstats[answer]);
	ical_set(c->a, event, "X-MICROSOFT-CDO-REPLYTIME", STR(""),
		 str_of(arena_strdup(c->a, clock_compact(c->ctx->now, now))));
	if (answer == MEETING_ACCEPT && intended.n)
		ical_set(c->a, event, "X-MICROSOFT-CDO-BUSYSTATUS", STR(""), intended);
	else if (answer != MEETING_ACCEPT ||
		 !str_eq_nocase(ical_value(event, "TRANSP"), STR("TRANSPARENT")))
		ical_set(c->a, event, "X-MICROSOFT-CDO-BUSYSTATUS", STR(""), str_of(busy[answer]));
}

bool meeting_answer(const struct item_context *ctx, struct str old, enum meeting_answer answer,
		    int64_t instance, struct str *out, struct err *e)
{
	struct calendar c;
	struct ical_node *event, *n = NULL;
	if (!calendar_read(ctx, old, &c, e))
		return false;
	if (!calendar_is_meeting(&c, c.master) || calendar_is_own(&c, c.master))
		return err_set(e, ERR_INVALID, "an answer to one's own meeting, or to none");
	event = c.master;
	if (instance != INT64_MIN && !calendar_recurs(c.master))
		return err_set(e, ERR_UNSUPPORTED, "the meeting does not recur");
	if (instance != INT64_MIN && answer == MEETING_DECLINE) {
		if (!calendar_drop_instance(&c, instance / 1000, e))
			return false;
	} else if (instance != INT64_MIN) {
		event = calendar_held_instance(&c, instance / 1000, e);
		if (!event)
			return false;
		answer_event(&c, event, answer);
	} else {
		answer_event(&c, event, answer);
		while ((n = calendar_override(&c, n)) != NULL)
			answer_event(&c, n, answer);
	}
	*out = ical_write(ctx->arena, c.root);
	return true;
}
