/* calendar: the Calendar class. See calendar.h for its pieces. */
#include "core/calendar.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/item_text_form.h"

enum { UID_MOST = 300, ONE_FIELD = 16 << 20 };

static const struct field {
	unsigned tag, since, until;
	unsigned exception; /* since which version in an Exception; 0: never */
	enum left_out left_out;
	void (*emit)(struct event_view *x, unsigned tag);
	bool (*apply)(struct event_edit *x, const struct item_edit_field *f);
} fields[] = {
#define FIELD(tag, since, until, exception, left_out, emit, apply)                                 \
	{tag, since, until, exception, LEFT_OUT_##left_out, emit_##emit, apply_##apply},
#include "core/calendar_fields.def"
#undef FIELD
};

enum { FIELDS = sizeof fields / sizeof *fields };

static bool in_version(const struct field *f, const struct item_context *ctx)
{
	return ctx->version >= f->since && ctx->version <= f->until;
}

/* ---- To the device ---- */

static bool calendar_encode(struct wbxml_out *w, const struct item_context *ctx, struct str text,
			    struct err *e)
{
	struct calendar c;
	struct event_view x = {.c = &c, .w = w, .e = e};
	if (!calendar_read(ctx, text, &c, e))
		return false;
	x.event = c.master;
	calendar_times(&c, c.master, &x.t);
	for (size_t i = 0; i < FIELDS; i++)
		if (in_version(&fields[i], ctx))
			fields[i].emit(&x, fields[i].tag);
	if (x.failed)
		return false;
	return !arena_overflowed(ctx->arena) || err_set(e, ERR_TOO_LARGE, "no room for an event");
}

/* One element alone, to be compared. */
static struct str one_field(struct event_view *x, const struct field *f, struct body *body)
{
	struct wbxml_out w, *kept = x->w;
	body_cut(body, (struct body_mark){0, 0, false});
	wbxml_start(&w, body);
	x->w = &w;
	f->emit(x, f->tag);
	x->w = kept;
	return buf_get(&body->mem);
}

static bool has_element(struct str bytes)
{
	enum { HEADER = 4 };
	return bytes.n > HEADER;
}

/*
 * Start and end always, of the rest what the series has otherwise. What it has and the occurrence
 * has not is said by an empty element (MS-ASCAL 3.2.5.3).
 */
static void encode_difference(struct event_view *one, struct event_view *series,
			      const struct field *f, struct body *mine, struct body *theirs)
{
	struct arena_mark memory = arena_mark(one->c->a);
	struct str own = one_field(one, f, mine), master = one_field(series, f, theirs);
	bool times = f->tag == Calendar_StartTime || f->tag == Calendar_EndTime;
	if (times || !str_eq(own, master) || one->event == series->event) {
		if (has_element(own))
			f->emit(one, f->tag);
		else if (has_element(master))
			wbxml_empty(one->w, f->tag);
	}
	arena_release(one->c->a, memory);
}

void calendar_encode_exception(struct event_view *x, const struct ical_node *override)
{
	struct body mine = {.mem = {.limit = ONE_FIELD}}, theirs = {.mem = {.limit = ONE_FIELD}};
	struct event_view one = *x;
	one.event = override;
	one.exception = true;
	calendar_times(x->c, override, &one.t);
	for (size_t i = 0; i < FIELDS; i++)
		if (in_version(&fields[i], x->c->ctx) && fields[i].exception &&
		    x->c->ctx->version >= fields[i].exception)
			encode_difference(&one, x, &fields[i], &mine, &theirs);
	body_free(&mine);
	body_free(&theirs);
}

/* ---- From the device ---- */

static const struct item_edit_field *edit_field(const struct item_edit *edit, unsigned tag)
{
	for (size_t i = 0; i < edit->n; i++)
		if (edit->v[i].tag == tag)
			return &edit->v[i];
	return NULL;
}

bool calendar_apply_event(struct event_edit *x)
{
	const struct item_context *ctx = x->c->ctx;
	char now[CLOCK_TEXT];
	if (!calendar_apply_when(x))
		return false;
	for (size_t i = 0; i < FIELDS; i++) {
		const struct item_edit_field *f = edit_field(x->edit, fields[i].tag);
		if (!f || !in_version(&fields[i], ctx))
			continue;
		if (x->exception && (!fields[i].exception || ctx->version < fields[i].exception))
			continue;
		if (!fields[i].apply(x, f))
			return false;
	}
	if (x->is_new || ical_line(x->event, "LAST-MODIFIED"))
		calendar_put(x, "LAST-MODIFIED",
			     arena_strdup(ctx->arena, clock_compact(ctx->now, now)));
	return true;
}

/* Some clients end it with a NUL. */
static struct str id_of(const struct item_edit *edit, unsigned tag)
{
	bool removed;
	const struct wbxml_node *node = calendar_sent(edit, tag, &removed);
	struct str id = node ? str_trim(node->text) : STR("");
	while (id.n && !id.p[id.n - 1])
		id.n--;
	return id;
}

/* Up to 14.1 the device makes the UID; from 16.0 on it follows from ClientUid, which is the same
 * when the same event is sent again. */
static bool start_new(const struct item_context *ctx, const struct item_edit *edit,
		      struct calendar *out, struct err *e)
{
	struct str uid = id_of(edit, ctx->version >= 160 ? Calendar_ClientUid : Calendar_UID);
	if (uid.n > UID_MOST)
		return err_set(e, ERR_INVALID, "a UID of more than %d characters", UID_MOST);
	calendar_start(ctx, uid, out);
	return true;
}

static bool calendar_apply(const struct item_context *ctx, struct str old,
			   const struct item_edit *edit, int64_t instance, struct str *out,
			   struct err *e)
{
	struct calendar c;
	struct event_edit x = {.c = &c, .edit = edit, .is_new = !old.n, .e = e};
	if (!(old.n ? calendar_read(ctx, old, &c, e) : start_new(ctx, edit, &c, e)))
		return false;
	x.event = c.master;
	if (instance != INT64_MIN) {
		x.exception = true;
		x.event = calendar_take_instance(&c, instance / 1000, e);
	}
	if (!x.event || !calendar_apply_event(&x))
		return false;
	*out = ical_write(ctx->arena, c.root);
	return !arena_overflowed(ctx->arena) || err_set(e, ERR_TOO_LARGE, "no room for an event");
}

static bool calendar_remove_instance(const struct item_context *ctx, struct str old,
				     int64_t instance, struct str *out, struct err *e)
{
	struct calendar c;
	if (!calendar_read(ctx, old, &c, e) || !calendar_drop_instance(&c, instance / 1000, e))
		return false;
	*out = ical_write(ctx->arena, c.root);
	return true;
}

/* ---- For the store ---- */

static int64_t last_end(struct calendar *c, const struct event_times *t)
{
	const struct ical_node *rule = ical_line(c->master, "RRULE");
	int64_t end = t->end_utc, wall;
	struct ical_node *override = NULL;
	if (rule) {
		struct recurrence_walk walk = {rule->value, t->start.wall, t->zone, INT64_MIN,
					       INT64_MAX};
		if (!recurrence_last(c->a, &walk, &wall))
			return INT64_MAX;
		end = zone_to_utc(t->all_day ? calendar_day_zone(c) : t->end_zone,
				  t->end.wall + wall - t->start.wall);
	}
	for (const struct ical_node *l = ical_line(c->master, "RDATE"); l; l = ical_again(l)) {
		struct str rest = l->value, one, start;
		struct ical_time at;
		while (str_next(&rest, ',', &one))
			if (str_next(&one, '/', &start) && ical_time_parse(start, &at) &&
			    at.wall - t->start.wall + t->end_utc > end)
				end = at.wall - t->start.wall + t->end_utc;
	}
	while ((override = calendar_override(c, override)) != NULL) {
		struct event_times other;
		calendar_times(c, override, &other);
		end = other.end_utc > end ? other.end_utc : end;
	}
	return end * 1000;
}

static void set_text(json_t *json, const char *key, struct arena *a, struct str text)
{
	text = text_to_xml(a, text);
	json_object_set_new(json, key, json_stringn(text.p ? text.p : "", text.n));
}

static bool calendar_facts(const struct item_context *ctx, struct str text, struct item_facts *out,
			   struct err *e)
{
	struct calendar c;
	struct event_times t;
	if (!calendar_read(ctx, text, &c, e))
		return false;
	calendar_times(&c, c.master, &t);
	out->date = last_end(&c, &t);
	json_t *json = json_object();
	set_text(json, "uid", ctx->arena, ical_value(c.master, "UID"));
	set_text(json, "subject", ctx->arena, ical_text(ctx->arena, c.master, "SUMMARY"));
	json_object_set_new(json, "start", json_integer(t.start_utc * 1000));
	json_object_set_new(json, "end", json_integer(t.end_utc * 1000));
	json_object_set_new(json, "busy", json_integer(calendar_busy(&c, c.master)));
	json_object_set_new(json, "recurs", json_boolean(calendar_recurs(c.master)));
	char *dumped = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	out->summary = str_of(arena_strdup(ctx->arena, dumped));
	free(dumped);
	json_decref(json);
	return true;
}

/* From 16.0 on a device that made an event is told its UID (MS-ASCAL 2.2.2.46). */
static bool calendar_respond(struct wbxml_out *w, const struct item_context *ctx, struct str text,
			     const struct item_edit *edit, struct err *e)
{
	struct calendar c;
	bool removed;
	if (ctx->version < 160)
		return true;
	if (!calendar_read(ctx, text, &c, e))
		return false;
	struct str uid = ical_value(c.master, "UID");
	if (uid.n && edit->is_new)
		wbxml_text(w, Calendar_UID, uid);
	calendar_respond_attachments(w, ctx,
				     calendar_sent(edit, AirSyncBase_Attachments, &removed));
	return true;
}

static enum left_out calendar_left_out(const struct item_context *ctx, unsigned tag)
{
	for (size_t i = 0; i < FIELDS && ctx->version < 160; i++)
		if (fields[i].tag == tag)
			return fields[i].left_out;
	return LEFT_OUT_KEPT;
}

const struct item_class_ops calendar_class = {
	.class = CLASS_CALENDAR,
	.encode = calendar_encode,
	.apply = calendar_apply,
	.remove_instance = calendar_remove_instance,
	.facts = calendar_facts,
	.attachment = calendar_attachment,
	.respond = calendar_respond,
	.left_out = calendar_left_out,
};
