/* meeting_mail: what is mailed to the people of a meeting. See meeting.h for the contract. */
#include "core/meeting.h"

#include <time.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/calendar.h"
#include "core/item_body.h"
#include "core/mail_body.h"
#include "store/mime_write.h"

enum { RECIPIENTS_MOST = 1000 };

/* ---- The calendar object ---- */

/* What is nobody's business but the user's. */
static void strip_own(struct ical_node *event)
{
	static const char *const lines[] = {"X-MICROSOFT-CDO-BUSYSTATUS",
					    "X-MICROSOFT-CDO-REPLYTIME", "CATEGORIES",
					    "X-EASEL-RESPONSE-REQUESTED", "X-EASEL-MAILED-BY"};
	struct ical_node *alarm;
	while ((alarm = ical_component(event, "VALARM")) != NULL)
		ical_remove(alarm);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		ical_remove_all(event, lines[i]);
}

static void set_now(struct calendar *c, struct ical_node *event, const char *name)
{
	char text[CLOCK_TEXT];
	ical_set(c->a, event, name, STR(""),
		 str_of(arena_strdup(c->a, clock_compact(c->ctx->now, text))));
}

static void set_method(struct calendar *c, const char *method)
{
	ical_set(c->a, c->vcalendar, "METHOD", STR(""), str_of(method));
}

static void only_event(struct calendar *c, const struct ical_node *event)
{
	struct ical_node *next, *n = ical_component(c->vcalendar, "VEVENT");
	for (; n; n = next) {
		next = ical_again(n);
		if (n != event)
			ical_remove(n);
	}
}

static struct str event_subject(struct calendar *c, const char *prefix,
				const struct ical_node *event)
{
	return str_of(
		arena_printf(c->a, "%s%.*s", prefix, STR_ARG(ical_text(c->a, event, "SUMMARY"))));
}

/* ---- The user's answer ---- */

static void only_me(struct calendar *c, struct ical_node *event, const char *partstat)
{
	struct ical_node *me = calendar_me(c, event);
	struct str none = {NULL, 0};
	struct str params =
		ical_params_with(c->a, me ? me->params : STR(""), "PARTSTAT", str_of(partstat));
	struct str value = me ? me->value
			      : str_of(arena_printf(c->a, "mailto:%.*s", STR_ARG(c->ctx->address)));
	params = ical_params_with(c->a, params, "RSVP", none);
	ical_remove_all(event, "ATTENDEE");
	ical_add(c->a, event, "ATTENDEE", params, value);
}

static void propose(struct calendar *c, struct ical_node *event, int64_t start, int64_t end)
{
	struct event_times t;
	struct str params, value;
	calendar_times(c, event, &t);
	value = calendar_time_line(c, &t, start / 1000, &params);
	ical_set(c->a, event, "DTSTART", params, value);
	value = calendar_time_line(c, &t, end / 1000, &params);
	ical_remove_all(event, "DURATION");
	ical_set(c->a, event, "DTEND", params, value);
}

bool meeting_reply(const struct item_context *ctx, struct str text, enum meeting_answer answer,
		   int64_t instance, int64_t proposed_start, int64_t proposed_end,
		   struct meeting_mail *out, struct err *e)
{
	static const char *const partstats[] = {NULL, "ACCEPTED", "TENTATIVE", "DECLINED"};
	static const char *const prefixes[] = {NULL, "Accepted: ", "Tentative: ", "Declined: "};
	struct calendar c;
	struct ical_node *event;
	bool counter = proposed_start && proposed_end;
	if (!calendar_read(ctx, text, &c, e))
		return false;
	const struct ical_node *organizer = ical_line(c.master, "ORGANIZER");
	event = instance == INT64_MIN ? c.master : calendar_take_instance(&c, instance / 1000, e);
	if (!event)
		return false;
	*out = (struct meeting_mail){0};
	out->organizer = organizer ? calendar_address(ctx->arena, organizer) : STR("");
	if (!mime_address_usable(out->organizer))
		return err_set(e, ERR_INVALID, "the organizer has no address");
	only_event(&c, event);
	strip_own(event);
	only_me(&c, event, partstats[answer]);
	set_now(&c, event, "DTSTAMP");
	if (counter)
		propose(&c, event, proposed_start, proposed_end);
	set_method(&c, counter ? "COUNTER" : "REPLY");
	out->method = counter ? STR("COUNTER") : STR("REPLY");
	out->subject = event_subject(&c, counter ? "New Time Proposed: " : prefixes[answer], event);
	out->calendar = ical_write(ctx->arena, c.vcalendar);
	out->recipients = arena_array(ctx->arena, 1, sizeof *out->recipients);
	out->recipients[out->nrecipients++] = out->organizer;
	return true;
}

/* The event, or an occurrence of it, taken out of the series. */
static struct ical_node *named_event(const struct item_context *ctx, struct str text,
				     int64_t instance, struct calendar *c, struct err *e)
{
	if (!calendar_read(ctx, text, c, e))
		return NULL;
	return instance == INT64_MIN ? c->master : calendar_held_instance(c, instance / 1000, e);
}

bool meeting_forward(const struct item_context *ctx, struct str text, int64_t instance,
		     struct meeting_mail *out, struct err *e)
{
	struct calendar c;
	struct ical_node *event = named_event(ctx, text, instance, &c, e);
	if (!event)
		return false;
	if (instance != INT64_MIN)
		only_event(&c, event);
	*out = (struct meeting_mail){.method = STR_INIT("REQUEST"),
				     .subject = event_subject(&c, "", event)};
	for (event = ical_component(c.vcalendar, "VEVENT"); event; event = ical_again(event))
		strip_own(event);
	set_method(&c, "REQUEST");
	out->calendar = ical_write(ctx->arena, c.vcalendar);
	return true;
}

/* ---- An event that is answered with a message ---- */

static void put_people(struct calendar *c, struct buf *out, const char *field,
		       const struct ical_node *line)
{
	size_t n = 0;
	for (; line && n < RECIPIENTS_MOST; line = ical_again(line)) {
		struct mailbox m = {ical_param(c->a, line, "CN"), calendar_address(c->a, line)};
		if (!mime_address_usable(m.address))
			continue;
		buf_printf(out, "%s%s%.*s", n ? ",\r\n " : field, n ? "" : ": ",
			   STR_ARG(mime_mailbox_text(c->a, m)));
		n++;
	}
	if (n)
		buf_cstr(out, "\r\n");
}

/* As the clock shows it that the user lives by. */
static void put_when(struct calendar *c, struct buf *out, const struct ical_node *event)
{
	struct event_times t;
	char start[64], end[64];
	struct tm tm;
	calendar_times(c, event, &t);
	const struct zone *zone = t.all_day ? calendar_day_zone(c) : c->home;
	const char *form = t.all_day ? "%a, %d %b %Y" : "%a, %d %b %Y %H:%M";
	time_t from = (time_t)zone_to_wall(zone, t.start_utc),
	       to = (time_t)zone_to_wall(zone, t.end_utc - (t.all_day ? 1 : 0));
	strftime(start, sizeof start, form, gmtime_r(&from, &tm));
	strftime(end, sizeof end, form, gmtime_r(&to, &tm));
	buf_printf(out, "When: %s - %s", start, end);
	if (!t.all_day)
		buf_printf(out, " (%.*s)", STR_ARG(zone->tzid));
	buf_cstr(out, "\r\n");
}

bool meeting_quote(const struct item_context *ctx, struct str text, int64_t instance,
		   struct str *out, struct err *e)
{
	struct calendar c;
	struct buf head = {0}, body = {0};
	struct ical_node *event = named_event(ctx, text, instance, &c, e);
	if (!event)
		return false;
	struct str place = ical_text(c.a, event, "LOCATION");
	put_people(&c, &head, "From", ical_line(event, "ORGANIZER"));
	put_people(&c, &head, "To", ical_line(event, "ATTENDEE"));
	buf_printf(&head, "Subject: %.*s\r\n",
		   STR_ARG(mime_header_text(c.a, event_subject(&c, "", event))));
	buf_cstr(&head, "Content-Type: text/plain; charset=utf-8\r\n"
			"Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	put_when(&c, &body, event);
	if (place.n)
		buf_printf(&body, "Where: %.*s\r\n", STR_ARG(place));
	buf_printf(&body, "\r\n%.*s\r\n",
		   STR_ARG(body_with_crlf(c.a, calendar_body(c.a, event).plain)));
	mime_put_qp(&head, buf_get(&body));
	buf_free(&body);
	*out = buf_move(ctx->arena, &head);
	return true;
}

/* ---- What attendees are told ---- */

static bool is_among(const struct str *v, size_t n, struct str address)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(v[i], address))
			return true;
	return false;
}

/* What an attendee sees of an event; answers and what is the user's own are no news. */
static struct str essence(struct calendar *c, const struct ical_node *event)
{
	static const char *const lines[] = {"DTSTART",
					    "DTEND",
					    "DURATION",
					    "RRULE",
					    "RDATE",
					    "SUMMARY",
					    "LOCATION",
					    "STATUS",
					    "DESCRIPTION",
					    "ATTACH",
					    "X-MICROSOFT-DISALLOW-COUNTER"};
	struct buf out = {0};
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		const struct ical_node *l = ical_line(event, lines[i]);
		for (; l; l = ical_again(l))
			buf_printf(&out, "%s%.*s:%.*s\n", lines[i], STR_ARG(l->params),
				   STR_ARG(l->value));
	}
	return buf_move(c->a, &out);
}

struct people {
	struct str *v;
	size_t n;
};

/* Who is invited to an event, added to `out`, each once; not the user. */
static void add_guests(struct calendar *c, const struct ical_node *event, struct people *out)
{
	const struct ical_node *l = ical_line(event, "ATTENDEE");
	if (!out->v)
		out->v = arena_array(c->a, RECIPIENTS_MOST, sizeof *out->v);
	for (; l && out->n < RECIPIENTS_MOST; l = ical_again(l)) {
		struct str address = calendar_address(c->a, l);
		if (mime_address_usable(address) && !str_eq_nocase(address, c->ctx->address) &&
		    !is_among(out->v, out->n, address))
			out->v[out->n++] = address;
	}
}

/* An occurrence of a series: as an override has it, or as the series does. */
struct occurrence {
	int64_t utc; /* original start */
	const struct ical_node *event;
};

struct side {
	bool own; /* a meeting that the user organizes, and that is held */
	struct str text;
	struct calendar c;
	struct people guests; /* of the series and all its occurrences */
	struct occurrence *overrides;
	size_t noverrides;
	int64_t *excluded;
	size_t nexcluded;
};

static void read_overrides(struct side *s)
{
	struct event_times series;
	struct ical_node *n = NULL;
	calendar_times(&s->c, s->c.master, &series);
	s->overrides = arena_array(s->c.a, CALENDAR_EXCEPTIONS, sizeof *s->overrides);
	while ((n = calendar_override(&s->c, n)) && s->noverrides < CALENDAR_EXCEPTIONS) {
		s->overrides[s->noverrides++] = (struct occurrence){
			calendar_override_utc(&s->c, &series, n),
			n,
		};
		add_guests(&s->c, n, &s->guests);
	}
	s->nexcluded = calendar_excluded(&s->c, &s->excluded);
}

static void read_side(const struct item_context *ctx, struct str text, struct side *out)
{
	struct err ignored;
	*out = (struct side){.text = text};
	if (!text.n || !calendar_read(ctx, text, &out->c, &ignored) ||
	    !ical_line(out->c.master, "ORGANIZER") || !calendar_is_own(&out->c, out->c.master) ||
	    calendar_is_cancelled(out->c.master))
		return;
	out->own = true;
	add_guests(&out->c, out->c.master, &out->guests);
	read_overrides(out);
}

static void strip_all(struct calendar *c)
{
	struct ical_node *event = ical_component(c->vcalendar, "VEVENT");
	for (; event; event = ical_again(event)) {
		strip_own(event);
		set_now(c, event, "DTSTAMP");
	}
}

struct notices {
	struct meeting_mail *v;
	size_t n;
};

/*
 * One mail: what it tells of is read anew, since it is changed for it. `utc` INT64_MIN: the whole
 * meeting.
 */
static void add_notice(struct notices *out, const struct side *s, int64_t utc, bool cancels,
		       struct people to)
{
	struct calendar c;
	struct err ignored;
	struct ical_node *event;
	int64_t sequence;
	if (!to.n || out->n == MEETING_NOTICES || !calendar_read(s->c.ctx, s->text, &c, &ignored))
		return;
	event = utc == INT64_MIN ? c.master : calendar_take_instance(&c, utc, &ignored);
	if (!event)
		return;
	if (utc != INT64_MIN || cancels)
		only_event(&c, event);
	strip_all(&c);
	set_method(&c, cancels ? "CANCEL" : "REQUEST");
	if (cancels) {
		if (!str_to_i64(ical_value(event, "SEQUENCE"), &sequence))
			sequence = 0;
		ical_set(c.a, event, "STATUS", STR(""), STR("CANCELLED"));
		ical_set(c.a, event, "SEQUENCE", STR(""),
			 str_of(arena_printf(c.a, "%lld", (long long)sequence + 1)));
	}
	out->v[out->n++] = (struct meeting_mail){
		.method = cancels ? STR("CANCEL") : STR("REQUEST"),
		.calendar = ical_write(c.a, c.vcalendar),
		.subject = event_subject(&c, cancels ? "Canceled: " : "", event),
		.organizer = c.ctx->address,
		.recipients = to.v,
		.nrecipients = to.n,
	};
}

/* Those of one that the other has not. */
static struct people without(struct arena *a, struct people one, struct people other)
{
	struct people out = {arena_array(a, one.n, sizeof *out.v), 0};
	for (size_t i = 0; i < one.n; i++)
		if (!is_among(other.v, other.n, one.v[i]))
			out.v[out.n++] = one.v[i];
	return out;
}

static const struct ical_node *override_at(const struct side *s, int64_t utc)
{
	for (size_t i = 0; i < s->noverrides; i++)
		if (s->overrides[i].utc == utc)
			return s->overrides[i].event;
	return NULL;
}

static bool is_excluded(const struct side *s, int64_t utc)
{
	for (size_t i = 0; i < s->nexcluded; i++)
		if (s->excluded[i] == utc)
			return true;
	return false;
}

static struct people guests_at(struct side *s, int64_t utc)
{
	const struct ical_node *event = override_at(s, utc);
	struct people out = {0};
	add_guests(&s->c, event ? event : s->c.master, &out);
	return out;
}

/* Whether the series itself is as it was, and so is every occurrence that is not told of alone. */
static bool same_series(struct side *old, struct side *new)
{
	for (size_t i = 0; i < old->noverrides; i++)
		if (!override_at(new, old->overrides[i].utc) &&
		    !is_excluded(new, old->overrides[i].utc))
			return false;
	for (size_t i = 0; i < old->nexcluded; i++)
		if (!is_excluded(new, old->excluded[i]))
			return false;
	return str_eq(essence(&old->c, old->c.master), essence(&new->c, new->c.master));
}

static void tell_of_changed(struct notices *out, struct side *old, struct side *new)
{
	for (size_t i = 0; i < new->noverrides; i++) {
		const struct occurrence *now = &new->overrides[i];
		const struct ical_node *before = override_at(old, now->utc);
		struct people were = guests_at(old, now->utc), are = guests_at(new, now->utc);
		bool same =
			before && str_eq(essence(&old->c, before), essence(&new->c, now->event));
		add_notice(out, old, now->utc, true, without(new->c.a, were, are));
		add_notice(out, new, now->utc, false, same ? without(new->c.a, are, were) : are);
	}
}

/* Only occurrences differ: each is told of alone (RFC 5546 3.2.2.6, 3.2.5). */
static void tell_of_occurrences(struct notices *out, struct side *old, struct side *new)
{
	for (size_t i = 0; i < new->nexcluded; i++)
		if (!is_excluded(old, new->excluded[i]))
			add_notice(out, old, new->excluded[i], true,
				   guests_at(old, new->excluded[i]));
	tell_of_changed(out, old, new);
}

size_t meeting_notices(const struct item_context *ctx, struct str before, struct str after,
		       struct meeting_mail **out)
{
	struct side old, new;
	struct people series = {0}, was = {0};
	struct notices list = {arena_array(ctx->arena, MEETING_NOTICES, sizeof **out), 0};
	read_side(ctx, before, &old);
	read_side(ctx, after, &new);
	*out = list.v;
	if (!old.own || !new.own) {
		if (old.own)
			add_notice(&list, &old, INT64_MIN, true, old.guests);
		else if (new.own)
			add_notice(&list, &new, INT64_MIN, false, new.guests);
		return list.n;
	}
	add_guests(&old.c, old.c.master, &was);
	add_guests(&new.c, new.c.master, &series);
	add_notice(&list, &old, INT64_MIN, true, without(ctx->arena, was, new.guests));
	if (!same_series(&old, &new)) {
		add_notice(&list, &new, INT64_MIN, false, new.guests);
		return list.n;
	}
	add_notice(&list, &new, INT64_MIN, false, without(ctx->arena, series, old.guests));
	tell_of_occurrences(&list, &old, &new);
	return list.n;
}

/* ---- The message ---- */

static void put_part(struct buf *out, const char *type, struct str boundary, struct str content)
{
	buf_printf(out, "--%.*s\r\nContent-Type: %s\r\n", STR_ARG(boundary), type);
	buf_cstr(out, "Content-Transfer-Encoding: quoted-printable\r\n\r\n");
	mime_put_qp(out, content);
	buf_cstr(out, "\r\n");
}

struct str meeting_message(const struct item_context *ctx, const struct meeting_mail *mail,
			   struct str text)
{
	struct arena *a = ctx->arena;
	struct buf out = {0};
	struct str boundary = mime_new_boundary(a);
	const char *type =
		arena_printf(a, "text/calendar; charset=utf-8; method=%.*s", STR_ARG(mail->method));
	buf_printf(&out, "Date: %.*s\r\n", STR_ARG(mime_date_text(a, ctx->now)));
	buf_printf(&out, "From: %.*s\r\n",
		   STR_ARG(mime_mailbox_text(a, (struct mailbox){ctx->name, ctx->address})));
	buf_cstr(&out, "To: ");
	for (size_t i = 0; i < mail->nrecipients; i++)
		buf_printf(&out, "%s%.*s", i ? ",\r\n " : "", STR_ARG(mail->recipients[i]));
	buf_printf(&out, "\r\nSubject: %.*s\r\n", STR_ARG(mime_header_text(a, mail->subject)));
	buf_printf(&out, "Message-ID: %.*s\r\n", STR_ARG(mime_new_id(a, ctx->address)));
	buf_printf(&out,
		   "MIME-Version: 1.0\r\nContent-Type: multipart/alternative; "
		   "boundary=\"%.*s\"\r\n\r\n",
		   STR_ARG(boundary));
	put_part(&out, "text/plain; charset=utf-8", boundary,
		 body_with_crlf(a, text.n ? text : mail->subject));
	put_part(&out, type, boundary, mail->calendar);
	buf_printf(&out, "--%.*s--\r\n", STR_ARG(boundary));
	return buf_move(a, &out);
}
