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
					    "X-EASEL-RESPONSE-REQUESTED"};
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
	return instance == INT64_MIN ? c->master : calendar_take_instance(c, instance / 1000, e);
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

/* Everybody who is invited to the series or an occurrence, but the user. */
static size_t guests(struct calendar *c, struct str *out)
{
	size_t n = 0;
	const struct ical_node *event = ical_component(c->vcalendar, "VEVENT");
	for (; event; event = ical_again(event)) {
		const struct ical_node *l = ical_line(event, "ATTENDEE");
		for (; l && n < RECIPIENTS_MOST; l = ical_again(l)) {
			struct str address = calendar_address(c->a, l);
			if (mime_address_usable(address) &&
			    !str_eq_nocase(address, c->ctx->address) && !is_among(out, n, address))
				out[n++] = address;
		}
	}
	return n;
}

/* What an attendee sees of an event; answers and what is the user's own are no news. */
static struct str essence(struct calendar *c)
{
	static const char *const lines[] = {"DTSTART",
					    "DTEND",
					    "DURATION",
					    "RRULE",
					    "RDATE",
					    "EXDATE",
					    "SUMMARY",
					    "LOCATION",
					    "STATUS",
					    "RECURRENCE-ID",
					    "DESCRIPTION",
					    "ATTACH",
					    "X-MICROSOFT-DISALLOW-COUNTER"};
	struct buf out = {0};
	const struct ical_node *event = ical_component(c->vcalendar, "VEVENT");
	for (; event; event = ical_again(event)) {
		for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
			const struct ical_node *l = ical_line(event, lines[i]);
			for (; l; l = ical_again(l))
				buf_printf(&out, "%s%.*s:%.*s\n", lines[i], STR_ARG(l->params),
					   STR_ARG(l->value));
		}
		buf_cstr(&out, "--\n");
	}
	return buf_move(c->a, &out);
}

struct side {
	bool own; /* a meeting that the user organizes */
	struct calendar c;
	struct str *guests;
	size_t n;
	struct str essence;
};

static void read_side(const struct item_context *ctx, struct str text, struct side *out)
{
	struct err ignored;
	*out = (struct side){0};
	if (!text.n || !calendar_read(ctx, text, &out->c, &ignored) ||
	    !ical_line(out->c.master, "ORGANIZER") || !calendar_is_own(&out->c, out->c.master))
		return;
	out->own = true;
	out->guests = arena_array(ctx->arena, RECIPIENTS_MOST, sizeof *out->guests);
	out->n = guests(&out->c, out->guests);
	out->essence = essence(&out->c);
}

static void strip_all(struct calendar *c)
{
	struct ical_node *event = ical_component(c->vcalendar, "VEVENT");
	for (; event; event = ical_again(event)) {
		strip_own(event);
		set_now(c, event, "DTSTAMP");
	}
}

static void invitation(struct side *s, struct str *recipients, size_t n, struct meeting_mail *out)
{
	strip_all(&s->c);
	set_method(&s->c, "REQUEST");
	*out = (struct meeting_mail){
		.method = STR_INIT("REQUEST"),
		.calendar = ical_write(s->c.a, s->c.vcalendar),
		.subject = event_subject(&s->c, "", s->c.master),
		.organizer = s->c.ctx->address,
		.recipients = recipients,
		.nrecipients = n,
	};
}

static void cancellation(struct side *s, struct str *recipients, size_t n, struct meeting_mail *out)
{
	int64_t sequence;
	only_event(&s->c, s->c.master);
	strip_all(&s->c);
	set_method(&s->c, "CANCEL");
	ical_set(s->c.a, s->c.master, "STATUS", STR(""), STR("CANCELLED"));
	if (!str_to_i64(ical_value(s->c.master, "SEQUENCE"), &sequence))
		sequence = 0;
	ical_set(s->c.a, s->c.master, "SEQUENCE", STR(""),
		 str_of(arena_printf(s->c.a, "%lld", (long long)sequence + 1)));
	*out = (struct meeting_mail){
		.method = STR_INIT("CANCEL"),
		.calendar = ical_write(s->c.a, s->c.vcalendar),
		.subject = event_subject(&s->c, "Canceled: ", s->c.master),
		.organizer = s->c.ctx->address,
		.recipients = recipients,
		.nrecipients = n,
	};
}

/* Those of one side that the other has not. */
static size_t only_in(struct arena *a, const struct side *one, const struct side *other,
		      struct str **out)
{
	size_t n = 0;
	*out = arena_array(a, one->n, sizeof **out);
	for (size_t i = 0; i < one->n; i++)
		if (!is_among(other->guests, other->n, one->guests[i]))
			(*out)[n++] = one->guests[i];
	return n;
}

size_t meeting_notices(const struct item_context *ctx, struct str before, struct str after,
		       struct meeting_mail out[2])
{
	struct side old, new;
	struct str *v;
	size_t n, count = 0;
	read_side(ctx, before, &old);
	read_side(ctx, after, &new);
	bool was = old.own && !calendar_is_cancelled(old.c.master);
	bool is = new.own && !calendar_is_cancelled(new.c.master);
	if (was && !is && old.n) {
		cancellation(&old, old.guests, old.n, &out[count++]);
		return count;
	}
	if (!is)
		return 0;
	n = was ? only_in(ctx->arena, &old, &new, &v) : 0;
	if (n)
		cancellation(&old, v, n, &out[count++]);
	if (was && str_eq(old.essence, new.essence))
		n = only_in(ctx->arena, &new, &old, &v);
	else {
		n = new.n;
		v = new.guests;
	}
	if (n)
		invitation(&new, v, n, &out[count++]);
	return count;
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
