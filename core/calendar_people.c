/* calendar_people: organizer, attendees, and how the meeting stands. See calendar.h. */
#include "core/calendar.h"

#include "core/base/arena.h"
#include "core/base/clock.h"

enum { ATTENDEES_MOST = 2000, ROLES = 4, STATUSES = 5 };

enum { TYPE_REQUIRED = 1, TYPE_OPTIONAL = 2, TYPE_RESOURCE = 3 };

/* ---- Shown ---- */

static struct str name_of(struct arena *a, const struct ical_node *line)
{
	struct str name = ical_param(a, line, "CN");
	return name.n ? name : calendar_address(a, line);
}

/* An appointment is the user's own; some clients need to be told. */
void emit_organizer_name(struct event_view *x, unsigned tag)
{
	const struct ical_node *organizer = ical_line(x->event, "ORGANIZER");
	struct str name = organizer ? name_of(x->c->a, organizer) : x->c->ctx->name;
	if (name.n)
		wbxml_text(x->w, tag, name);
}

void emit_organizer_email(struct event_view *x, unsigned tag)
{
	const struct ical_node *organizer = ical_line(x->event, "ORGANIZER");
	struct str address = organizer ? calendar_address(x->c->a, organizer) : x->c->ctx->address;
	if (address.n)
		wbxml_text(x->w, tag, address);
}

static int status_of(struct arena *a, const struct ical_node *line)
{
	struct str partstat = ical_param(a, line, "PARTSTAT");
	if (str_eq_nocase(partstat, STR("TENTATIVE")))
		return 2;
	if (str_eq_nocase(partstat, STR("ACCEPTED")))
		return 3;
	return str_eq_nocase(partstat, STR("DECLINED")) ? 4 : 5;
}

static int type_of(struct arena *a, const struct ical_node *line)
{
	struct str kind = ical_param(a, line, "CUTYPE"), role = ical_param(a, line, "ROLE");
	if (str_eq_nocase(kind, STR("RESOURCE")) || str_eq_nocase(kind, STR("ROOM")))
		return TYPE_RESOURCE;
	return str_eq_nocase(role, STR("OPT-PARTICIPANT")) ||
			       str_eq_nocase(role, STR("NON-PARTICIPANT"))
		       ? TYPE_OPTIONAL
		       : TYPE_REQUIRED;
}

/* The organizer is not repeated among the attendees, nor is who has no address. */
static bool is_shown(struct arena *a, const struct ical_node *event, const struct ical_node *line)
{
	const struct ical_node *organizer = ical_line(event, "ORGANIZER");
	struct str address = calendar_address(a, line);
	return address.n && !(organizer && str_eq_nocase(address, calendar_address(a, organizer)));
}

/* Other times that an attendee has proposed (MS-ASCMD 2.2.3.141). */
static void emit_proposal(struct event_view *x, const struct ical_node *line)
{
	static const struct {
		unsigned tag;
		const char *name;
	} of[] = {{MeetingResponse_ProposedStartTime, "X-EASEL-PROPOSED-START"},
		  {MeetingResponse_ProposedEndTime, "X-EASEL-PROPOSED-END"}};
	struct ical_time t;
	char text[CLOCK_TEXT];
	for (size_t i = 0; i < sizeof of / sizeof *of; i++)
		if (ical_time_parse(ical_param(x->c->a, line, of[i].name), &t) && !t.date)
			wbxml_cstr(x->w, of[i].tag, clock_compact(t.wall * 1000, text));
}

static void emit_attendee(struct event_view *x, const struct ical_node *line)
{
	struct arena *a = x->c->a;
	wbxml_begin(x->w, Calendar_Attendee);
	wbxml_text(x->w, Calendar_Email, calendar_address(a, line));
	wbxml_text(x->w, Calendar_Name, name_of(a, line));
	if (x->c->ctx->version >= 120) {
		wbxml_int(x->w, Calendar_AttendeeStatus, status_of(a, line));
		wbxml_int(x->w, Calendar_AttendeeType, type_of(a, line));
	}
	if (x->c->ctx->version >= 161)
		emit_proposal(x, line);
	wbxml_end(x->w);
}

void emit_attendees(struct event_view *x, unsigned tag)
{
	unsigned n = 0;
	for (const struct ical_node *l = ical_line(x->event, "ATTENDEE"); l; l = ical_again(l)) {
		if (!is_shown(x->c->a, x->event, l))
			continue;
		if (n++ == ATTENDEES_MOST)
			break;
		if (n == 1)
			wbxml_begin(x->w, tag);
		emit_attendee(x, l);
	}
	if (n)
		wbxml_end(x->w);
}

/* Bits: 1 a meeting, 2 received, 4 cancelled (MS-ASCAL 2.2.2.28). */
void emit_meeting_status(struct event_view *x, unsigned tag)
{
	int status = 0;
	if (calendar_is_meeting(x->c, x->event))
		status = 1 | (calendar_is_own(x->c, x->event) ? 0 : 2) |
			 (calendar_is_cancelled(x->event) ? 4 : 0);
	wbxml_int(x->w, tag, status);
}

void emit_response_requested(struct event_view *x, unsigned tag)
{
	struct str said = ical_value(x->event, "X-EASEL-RESPONSE-REQUESTED");
	bool asked = str_eq_nocase(said, STR("TRUE"));
	const struct ical_node *n = ical_line(x->event, "ATTENDEE");
	for (; n && !said.n && !asked; n = ical_again(n))
		asked = str_eq_nocase(ical_param(x->c->a, n, "RSVP"), STR("TRUE"));
	wbxml_int(x->w, tag, asked);
}

void emit_response_type(struct event_view *x, unsigned tag)
{
	wbxml_int(x->w, tag, calendar_response(x->c, x->event));
}

/* Only once the user has answered (MS-ASCAL 3.2.5). */
void emit_reply_time(struct event_view *x, unsigned tag)
{
	int response = calendar_response(x->c, x->event);
	struct ical_time t;
	char text[CLOCK_TEXT];
	if (response >= 2 && response <= 4 &&
	    ical_time_parse(ical_value(x->event, "X-MICROSOFT-CDO-REPLYTIME"), &t))
		wbxml_cstr(x->w, tag, clock_compact(t.wall * 1000, text));
}

/* ---- Changed ---- */

static struct ical_node *find_attendee(struct arena *a, const struct ical_node *event,
				       struct str address)
{
	struct ical_node *n = ical_line(event, "ATTENDEE");
	while (n && !str_eq_nocase(calendar_address(a, n), address))
		n = ical_again(n);
	return n;
}

/*
 * The organizer of an event that has one stays who he is. From 16.0 on only the server says who
 * that is (MS-ASCAL 2.2.2.35): the user.
 */
bool apply_organizer(struct event_edit *x, const struct item_edit_field *f)
{
	struct arena *a = x->c->a;
	bool removed;
	const struct wbxml_node *email = calendar_sent(x->edit, Calendar_OrganizerEmail, &removed);
	const struct wbxml_node *name = calendar_sent(x->edit, Calendar_OrganizerName, &removed);
	(void)f;
	if (x->c->ctx->version >= 160 || !email || !str_trim(email->text).n ||
	    ical_line(x->event, "ORGANIZER"))
		return true;
	if (!x->is_new && !str_eq_nocase(str_trim(email->text), x->c->ctx->address))
		return true;
	struct str params = STR("");
	if (name && name->text.n)
		params = ical_params_with(a, params, "CN", name->text);
	ical_add(a, x->event, "ORGANIZER", params,
		 str_of(arena_printf(a, "mailto:%.*s", STR_ARG(str_trim(email->text)))));
	return true;
}

/* What was sent of one attendee; -1: not said. */
struct sent_attendee {
	struct str address, name;
	int64_t status, type;
};

static bool read_attendee(struct event_edit *x, const struct wbxml_node *node,
			  struct sent_attendee *out)
{
	*out = (struct sent_attendee){
		.address = str_trim(wbxml_child_text(node, Calendar_Email)),
		.name = str_trim(wbxml_child_text(node, Calendar_Name)),
	};
	if (node->tag != Calendar_Attendee)
		return err_set(x->e, ERR_INVALID, "something else among the attendees");
	if (!calendar_number(x, wbxml_child(node, Calendar_AttendeeStatus), 5, -1, &out->status) ||
	    !calendar_number(x, wbxml_child(node, Calendar_AttendeeType), 3, -1, &out->type))
		return false;
	if (out->status == 1 || out->type == 0)
		return err_set(x->e, ERR_INVALID, "an attendee's status or type");
	if (x->c->ctx->version >= 160) /* only the server knows (MS-ASCAL 2.2.2.5) */
		out->status = -1;
	return true;
}

static const char *partstat_of(int64_t status)
{
	return status == 2   ? "TENTATIVE"
	       : status == 3 ? "ACCEPTED"
	       : status == 4 ? "DECLINED"
			     : "NEEDS-ACTION";
}

static struct str params_with_type(struct arena *a, struct str params, int64_t type)
{
	struct str none = {NULL, 0};
	if (type == TYPE_RESOURCE) {
		params = ical_params_with(a, params, "CUTYPE", STR("RESOURCE"));
		return ical_params_with(a, params, "ROLE", STR("NON-PARTICIPANT"));
	}
	params = ical_params_with(a, params, "CUTYPE", none);
	return ical_params_with(a, params, "ROLE",
				type == TYPE_OPTIONAL ? STR("OPT-PARTICIPANT")
						      : STR("REQ-PARTICIPANT"));
}

/* Only what differs; parameters that the protocol does not know stay. */
static void change_attendee(struct event_edit *x, struct ical_node *line,
			    const struct sent_attendee *s, bool whole)
{
	struct arena *a = x->c->a;
	struct str params = line->params;
	if (s->status >= 0 && s->status != status_of(a, line) &&
	    !(s->status == 0 && status_of(a, line) == 5))
		params = ical_params_with(a, params, "PARTSTAT", str_of(partstat_of(s->status)));
	if (whole && s->type >= 0 && s->type != type_of(a, line))
		params = params_with_type(a, params, s->type);
	if (whole && s->name.n && !str_eq(s->name, name_of(a, line)))
		params = ical_params_with(a, params, "CN", s->name);
	if (!str_eq(params, line->params))
		ical_change(a, line, params, line->value);
}

static void add_attendee(struct event_edit *x, const struct sent_attendee *s)
{
	struct arena *a = x->c->a;
	struct str params = STR("");
	if (s->name.n && !str_eq(s->name, s->address))
		params = ical_params_with(a, params, "CN", s->name);
	if (s->type > 0)
		params = params_with_type(a, params, s->type);
	params = ical_params_with(a, params, "PARTSTAT", str_of(partstat_of(s->status)));
	if (s->type != TYPE_RESOURCE)
		params = ical_params_with(a, params, "RSVP", STR("TRUE"));
	ical_add(a, x->event, "ATTENDEE", params,
		 str_of(arena_printf(a, "mailto:%.*s", STR_ARG(s->address))));
}

/* Who organizes a meeting is named in it: who made it. */
static void name_organizer(struct event_edit *x)
{
	const struct item_context *ctx = x->c->ctx;
	struct str params = STR("");
	if (ical_line(x->event, "ORGANIZER") || !ctx->address.n)
		return;
	if (ctx->name.n)
		params = ical_params_with(x->c->a, params, "CN", ctx->name);
	ical_add(x->c->a, x->event, "ORGANIZER", params,
		 str_of(arena_printf(x->c->a, "mailto:%.*s", STR_ARG(ctx->address))));
}

static bool is_among(const struct sent_attendee *v, size_t n, struct str address)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq_nocase(v[i].address, address))
			return true;
	return false;
}

/* Those who were shown and are not sent any more are no longer invited. */
static void remove_missing(struct event_edit *x, const struct sent_attendee *v, size_t n)
{
	struct ical_node *next, *line = ical_line(x->event, "ATTENDEE");
	for (; line; line = next) {
		next = ical_again(line);
		if (is_shown(x->c->a, x->event, line) &&
		    !is_among(v, n, calendar_address(x->c->a, line)))
			ical_remove(line);
	}
}

/* A new meeting that came from somebody else, whom the device does not name. */
static bool says_received(struct event_edit *x)
{
	bool removed;
	const struct wbxml_node *status = calendar_sent(x->edit, Calendar_MeetingStatus, &removed);
	int64_t n;
	return status && str_to_i64(str_trim(status->text), &n) && (n & 2);
}

bool apply_attendees(struct event_edit *x, const struct item_edit_field *f)
{
	size_t count = f->sent ? wbxml_count(f->sent) : 0, n = 0;
	struct sent_attendee *v = arena_array(x->c->a, count, sizeof *v);
	if (count > ATTENDEES_MOST)
		return err_set(x->e, ERR_INVALID, "more than %d attendees", ATTENDEES_MOST);
	for (const struct wbxml_node *m = f->sent ? f->sent->first : NULL; m; m = m->next) {
		if (!read_attendee(x, m, &v[n]))
			return false;
		n += v[n].address.n > 0; /* some send those that have none */
	}
	/* A guest tells his own answer, and changes nobody else (pitfall: taken over meetings). */
	bool own = x->is_new || calendar_is_own(x->c, x->event);
	for (size_t i = 0; i < n; i++) {
		struct ical_node *line = find_attendee(x->c->a, x->event, v[i].address);
		if (line && (own || line == calendar_me(x->c, x->event)))
			change_attendee(x, line, &v[i], own);
		else if (!line && own)
			add_attendee(x, &v[i]);
	}
	if (own) {
		remove_missing(x, v, n);
		if (ical_line(x->event, "ATTENDEE") && !says_received(x))
			name_organizer(x);
	}
	return true;
}

/*
 * Whether there is a meeting follows from the attendees. Cancelled it is only by its organizer: a
 * guest who says so leaves it as it is.
 */
bool apply_meeting_status(struct event_edit *x, const struct item_edit_field *f)
{
	int64_t n;
	if (!calendar_number(x, f->sent, 15, 0, &n))
		return false;
	if (n && !(n & 1))
		return err_set(x->e, ERR_INVALID, "MeetingStatus %d", (int)n);
	if (!x->is_new && !calendar_is_own(x->c, x->event))
		return true;
	bool cancelled = calendar_is_cancelled(x->event);
	if ((n & 4) && !cancelled)
		calendar_put(x, "STATUS", "CANCELLED");
	else if (!(n & 4) && cancelled)
		calendar_put(x, "STATUS", "CONFIRMED");
	return true;
}

bool apply_response_requested(struct event_edit *x, const struct item_edit_field *f)
{
	int64_t n;
	if (!calendar_number(x, f->sent, 1, 0, &n))
		return false;
	if (f->sent && (x->is_new || calendar_is_own(x->c, x->event)))
		calendar_put(x, "X-EASEL-RESPONSE-REQUESTED", n ? "TRUE" : "FALSE");
	return true;
}
