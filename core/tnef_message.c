/* tnef_message: what is in a winmail.dat as iCalendar and as parts of the message. See tnef.h. */
#include "core/tnef.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/content_lines.h"
#include "core/global_obj_id.h"
#include "core/ical.h"
#include "core/timezone.h"
#include "core/tnef_recurrence.h"
#include "store/mime.h"
#include "store/mime_write.h"

enum { TNEF_MOST = 64 << 20 };

/* ---- The calendar ---- */

/* TZREG has the fields of the protocol's 172 bytes, without the names. */
static const struct zone *zone_of(struct arena *a, struct str tzreg, int64_t at)
{
	enum { TZREG = 48 };
	char b[ZONE_BLOB] = {0};
	if (tzreg.n < TZREG)
		return &zone_utc;
	memcpy(b, tzreg.p, 4);		   /* bias */
	memcpy(b + 84, tzreg.p + 4, 4);	   /* standard bias */
	memcpy(b + 168, tzreg.p + 8, 4);   /* daylight bias */
	memcpy(b + 68, tzreg.p + 14, 16);  /* standard date */
	memcpy(b + 152, tzreg.p + 32, 16); /* daylight date */
	struct str base64 = text_base64_encode(a, (struct str){b, sizeof b});
	const struct zone *z = zone_of_blob(a, base64, at, NULL, NULL);
	return z ? z : &zone_utc;
}

struct method {
	const char *class, *method, *partstat;
};

static const struct method *method_of(struct str class)
{
	static const struct method methods[] = {
		{"IPM.Microsoft Schedule.MtgReq", "REQUEST", "NEEDS-ACTION"},
		{"IPM.Schedule.Meeting.Request", "REQUEST", "NEEDS-ACTION"},
		{"IPM.Microsoft Schedule.MtgCncl", "CANCEL", "NEEDS-ACTION"},
		{"IPM.Schedule.Meeting.Canceled", "CANCEL", "NEEDS-ACTION"},
		{"IPM.Microsoft Schedule.MtgRespP", "REPLY", "ACCEPTED"},
		{"IPM.Schedule.Meeting.Resp.Pos", "REPLY", "ACCEPTED"},
		{"IPM.Microsoft Schedule.MtgRespA", "REPLY", "TENTATIVE"},
		{"IPM.Schedule.Meeting.Resp.Tent", "REPLY", "TENTATIVE"},
		{"IPM.Microsoft Schedule.MtgRespN", "REPLY", "DECLINED"},
		{"IPM.Schedule.Meeting.Resp.Neg", "REPLY", "DECLINED"},
	};
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (str_eq_nocase(class, str_of(methods[i].class)))
			return &methods[i];
	return NULL;
}

static struct str uid_of(struct arena *a, struct str global_id)
{
	struct str uid;
	if (!global_id.n || !global_obj_id_uid(a, text_base64_encode(a, global_id), &uid))
		return STR("");
	return uid;
}

static void put_wall(struct arena *a, struct ical_node *event, const char *name, int64_t wall,
		     bool all_day, const struct zone *z)
{
	struct ical_time when = {.wall = wall, .date = all_day};
	struct str params = STR("");
	if (all_day)
		params = STR(";VALUE=DATE");
	else if (z == &zone_utc)
		when.utc = true;
	else
		params = ical_params_with(a, params, "TZID", z->tzid);
	ical_add(a, event, name, params, ical_time_text(a, when));
}

static void put_time(struct arena *a, struct ical_node *event, const char *name,
		     const struct tnef *t, const struct zone *z, int64_t at)
{
	put_wall(a, event, name, zone_to_wall(z, at), t->all_day, z);
}

static void put_rule(struct arena *a, struct ical_node *event, const struct tnef *t,
		     const struct zone *z, struct tnef_recurrence *v)
{
	struct recurrence_start start = {zone_to_wall(z, t->start / 1000), t->all_day, z};
	if (v->r.has_until)
		v->r.until = zone_to_utc(z, v->r.until);
	ical_add(a, event, "RRULE", STR(""), recurrence_rule(a, &v->r, &start));
	for (size_t i = 0; i < v->ndeleted; i++) {
		struct ical_time day = {.wall = v->deleted[i], .date = true};
		ical_add(a, event, "EXDATE", STR(";VALUE=DATE"), ical_time_text(a, day));
	}
}

/* Of the series, but for what it says otherwise. */
static void put_changed(struct arena *a, struct ical_node *calendar, const struct ical_node *series,
			const struct tnef *t, const struct zone *z, const struct tnef_changed *v)
{
	static const char *const own[] = {"RRULE", "EXDATE", "DTSTART", "DTEND"};
	struct ical_node *event = ical_add_copy(a, calendar, series);
	bool all_day = t->all_day || v->all_day;
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		ical_remove_all(event, own[i]);
	put_wall(a, event, "RECURRENCE-ID", v->original, t->all_day, z);
	put_wall(a, event, "DTSTART", v->start, all_day, z);
	put_wall(a, event, "DTEND", v->end > v->start ? v->end : v->start, all_day, z);
	if (v->has_subject)
		ical_set_text(a, event, "SUMMARY", v->subject);
	if (v->has_location)
		ical_set_text(a, event, "LOCATION", v->location);
}

static void put_person(struct arena *a, struct ical_node *event, const char *name,
		       struct str params, struct str address)
{
	if (address.n)
		ical_add(a, event, name, params,
			 str_of(arena_printf(a, "mailto:%.*s", STR_ARG(address))));
}

/* Who answers is the attendee, and the one who is answered organizes. */
static void put_people(struct arena *a, struct ical_node *event, const struct method *m,
		       struct str from, struct str me)
{
	bool reply = str_eq(str_of(m->method), STR("REPLY"));
	struct str params = ical_params_with(a, STR(""), "PARTSTAT", str_of(m->partstat));
	if (!reply)
		params = ical_params_with(a, params, "RSVP", STR("TRUE"));
	put_person(a, event, "ORGANIZER", STR(""), reply ? me : from);
	put_person(a, event, "ATTENDEE", params, reply ? from : me);
}

struct str tnef_calendar(struct arena *a, const struct tnef *t, struct str organizer, struct str me,
			 int64_t now)
{
	const struct method *m = method_of(t->message_class);
	struct str uid = uid_of(a, t->global_id);
	struct ical_node *root;
	struct tnef_recurrence *series = NULL;
	struct err ignored;
	char text[CLOCK_TEXT];
	if (!m || !uid.n || !t->start ||
	    !ical_parse(a,
			STR("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//Easel//EN\r\n"
			    "END:VCALENDAR\r\n"),
			&root, &ignored))
		return STR("");
	struct ical_node *calendar = ical_component(root, "VCALENDAR");
	const struct zone *z = zone_of(a, t->zone, t->start / 1000);
	ical_add(a, calendar, "METHOD", STR(""), str_of(m->method));
	if (z != &zone_utc)
		zone_write(a, calendar, z, t->start / 1000, NULL);
	struct ical_node *event = ical_add_component(a, calendar, "VEVENT", NULL);
	ical_add(a, event, "UID", STR(""), uid);
	ical_add(a, event, "DTSTAMP", STR(""), str_of(clock_compact(now, text)));
	put_time(a, event, "DTSTART", t, z, t->start / 1000);
	put_time(a, event, "DTEND", t, z, (t->end > t->start ? t->end : t->start) / 1000);
	if (t->recurrence.n)
		series = tnef_recurrence_read(a, t->recurrence, zone_to_wall(z, t->start / 1000));
	if (series)
		put_rule(a, event, t, z, series);
	if (t->sequence)
		ical_add(a, event, "SEQUENCE", STR(""),
			 str_of(arena_printf(a, "%lld", (long long)t->sequence)));
	ical_set_text(a, event, "SUMMARY", t->subject);
	ical_set_text(a, event, "LOCATION", t->location);
	ical_set_text(a, event, "DESCRIPTION", t->text);
	put_people(a, event, m, organizer, me);
	for (size_t i = 0; series && i < series->nchanged; i++)
		put_changed(a, calendar, event, t, z, &series->changed[i]);
	return ical_write(a, root);
}

/* ---- The message ---- */

static void put_encoded(struct arena *a, struct buf *out, struct str boundary, const char *fields,
			struct str bytes)
{
	buf_printf(out, "--%.*s\r\n%sContent-Transfer-Encoding: base64\r\n\r\n", STR_ARG(boundary),
		   fields);
	mime_put_base64(a, out, bytes);
	buf_cstr(out, "\r\n");
}

/* A type as a field can carry it. */
static bool type_usable(struct str type)
{
	ptrdiff_t slash = str_find_byte(type, '/');
	bool ok = slash > 0 && (size_t)slash + 1 < type.n && type.n < 100;
	for (size_t i = 0; ok && i < type.n; i++)
		ok = type.p[i] > ' ' && type.p[i] < 0x7f && !memchr(";\"<>(),:\\", type.p[i], 9);
	return ok;
}

static bool id_usable(struct str id)
{
	bool ok = id.n > 0 && id.n < 200;
	for (size_t i = 0; ok && i < id.n; i++)
		ok = id.p[i] > ' ' && id.p[i] < 0x7f && id.p[i] != '<' && id.p[i] != '>';
	return ok;
}

static void put_file(struct arena *a, struct buf *out, struct str boundary,
		     const struct tnef_file *f)
{
	struct str type = type_usable(f->type) ? f->type : STR("application/octet-stream");
	struct str name = mime_header_text(a, f->name.n ? f->name : STR("attachment.bin"));
	const char *id = id_usable(f->content_id)
				 ? arena_printf(a, "Content-ID: <%.*s>\r\n", STR_ARG(f->content_id))
				 : "";
	bool quoted = str_find_byte(name, '"') < 0 && str_find_byte(name, '\\') < 0;
	if (!quoted)
		name = STR("attachment.bin");
	put_encoded(a, out, boundary,
		    arena_printf(a,
				 "Content-Type: %.*s; name=\"%.*s\"\r\n"
				 "Content-Disposition: attachment; filename=\"%.*s\"\r\n%s",
				 STR_ARG(type), STR_ARG(name), STR_ARG(name), id),
		    f->bytes);
}

/* What is in it, as the parts of a multipart. The text only where the message has none. */
static void put_parts(struct arena *a, struct buf *out, const struct tnef *t, struct str boundary,
		      struct str calendar, bool with_text)
{
	if (with_text && (t->text.n || t->html.n))
		put_encoded(a, out, boundary,
			    t->text.n ? "Content-Type: text/plain; charset=utf-8\r\n"
				      : "Content-Type: text/html; charset=utf-8\r\n",
			    t->text.n ? t->text : t->html);
	if (calendar.n) {
		const struct method *m = method_of(t->message_class);
		put_encoded(a, out, boundary,
			    arena_printf(a,
					 "Content-Type: text/calendar; charset=utf-8; "
					 "method=%s\r\n",
					 m->method),
			    calendar);
	}
	for (size_t i = 0; i < t->nfiles; i++)
		if (t->files[i].bytes.n)
			put_file(a, out, boundary, &t->files[i]);
	buf_printf(out, "--%.*s--\r\n", STR_ARG(boundary));
}

static bool is_tnef(const struct mime_part *p)
{
	return str_eq_nocase(p->type, STR("application/ms-tnef")) ||
	       str_eq_nocase(p->type, STR("application/vnd.ms-tnef")) ||
	       (str_eq_nocase(p->name, STR("winmail.dat")) &&
		str_eq_nocase(p->type, STR("application/octet-stream")));
}

/* The fields of a header that say nothing of its content. */
static void put_other_fields(struct buf *out, struct str head)
{
	struct str name, value;
	while (mime_field(&head, &name, &value))
		if (!str_starts_nocase(name, STR("Content-")) &&
		    !str_eq_nocase(name, STR("MIME-Version")))
			mime_put_field(out, name, value);
}

struct unpacking {
	struct arena *a;
	struct str raw, me, from;
	bool has_text;
	int64_t now;
};

static bool put_part(const struct unpacking *x, struct buf *out, const struct mime_part *p,
		     bool is_root)
{
	struct tnef t;
	struct str bytes = mime_decode_all(x->a, p->encoding, str_sub(x->raw, p->at, p->n));
	if (bytes.n > TNEF_MOST || !tnef_read(x->a, bytes, &t))
		return false;
	struct str boundary = mime_new_boundary(x->a);
	struct str calendar = tnef_calendar(x->a, &t, x->from, x->me, x->now);
	put_other_fields(out, p->head);
	if (is_root)
		buf_cstr(out, "MIME-Version: 1.0\r\n");
	buf_printf(out, "Content-Type: multipart/mixed; boundary=\"%.*s\"\r\n\r\n",
		   STR_ARG(boundary));
	put_parts(x->a, out, &t, boundary, calendar, !x->has_text);
	return true;
}

static bool is_sealed(const struct mime_part *root)
{
	return str_eq_nocase(root->type, STR("multipart/signed")) ||
	       str_eq_nocase(root->type, STR("multipart/encrypted")) ||
	       str_ends_nocase(root->type, STR("pkcs7-mime"));
}

static struct str from_of(struct arena *a, struct str raw)
{
	size_t body;
	struct mailbox m;
	struct str from = mime_field_find(mime_head(raw, &body), STR("From"));
	return from.p && mime_mailboxes(a, from, &m, 1) > 0 ? m.address : STR("");
}

struct str tnef_unpack(struct arena *a, struct str raw, struct str me, int64_t now)
{
	struct unpacking x = {.a = a, .raw = raw, .me = me, .now = now};
	struct mime_tree tree;
	struct buf out = {0};
	size_t done = 0;
	mime_split(a, raw, &tree);
	for (unsigned i = 0; i < tree.n; i++)
		x.has_text = x.has_text || str_eq_nocase(tree.v[i].type, STR("text/plain")) ||
			     str_eq_nocase(tree.v[i].type, STR("text/html"));
	for (unsigned i = 0; i < tree.n && !is_sealed(&tree.v[0]); i++) {
		const struct mime_part *p = &tree.v[i];
		size_t start = (size_t)(p->head.p - raw.p), kept = out.n;
		if (!is_tnef(p) || start < done)
			continue;
		if (!x.from.p)
			x.from = from_of(a, raw);
		buf_put(&out, raw.p + done, start - done);
		if (put_part(&x, &out, p, i == 0))
			done = p->at + p->n;
		else
			buf_cut(&out, kept);
	}
	if (!done) {
		buf_free(&out);
		return raw;
	}
	buf_put(&out, raw.p + done, raw.n - done);
	return buf_move(a, &out);
}
