/*
 * task: the Tasks class (MS-ASTASK), kept as an iCalendar VTODO. Which elements there are stands in
 * task_fields.def; everything else of the text is left as it is.
 *
 * A task that repeats and is completed goes on to its next occurrence, and is complete only with
 * the last one; with Regenerate the next is counted from the day of completion. A finished copy
 * (DeadOccur) is a task of its own, which the client adds.
 */
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/item_body.h"
#include "core/item_class.h"
#include "core/item_text_form.h"
#include "core/task_text.h"

/* What was sent of a time that two elements tell, in UTC and as a clock shows it. */
struct sent_time {
	bool utc, local, removed;
	struct task_time time;
};

struct task {
	struct task_text text;
	struct sent_time start, due;
	bool recurs; /* a Recurrence was sent */
	struct recurrence recurrence;
	int64_t recurrence_start; /* local seconds */
	int complete;		  /* 0 or 1 as sent, -1: not sent */
	bool completed_sent;
	int64_t completed; /* UTC seconds */
};

static const struct item_body_tags body_tags = {Tasks_Body, Tasks_BodySize, Tasks_BodyTruncated,
						Tasks_CompressedRTF};

/* ---- Values ---- */

static void emit_seconds(struct wbxml_out *w, unsigned tag, int64_t seconds)
{
	char text[CLOCK_TEXT];
	wbxml_cstr(w, tag, clock_dashed(seconds * 1000, text));
}

static bool read_seconds(struct str text, int64_t *out, struct err *e)
{
	int64_t ms;
	if (!clock_parse(str_trim(text), &ms))
		return err_set(e, ERR_INVALID, "not a time: \"%.*s\"",
			       STR_ARG(str_sub(text, 0, 40)));
	*out = ms / 1000;
	return true;
}

/* An empty element has the value that its absence means. */
static bool read_number(const struct wbxml_node *node, unsigned most, int absent, int *out,
			struct err *e)
{
	uint64_t v;
	*out = absent;
	if (!node || !node->text.n)
		return true;
	if (!str_to_u64(str_trim(node->text), &v) || v > most)
		return err_set(e, ERR_INVALID, "%s: \"%.*s\"", wbxml_tag_name(node->tag),
			       STR_ARG(str_sub(node->text, 0, 40)));
	*out = (int)v;
	return true;
}

static struct str text_of(const struct task *t, const char *name)
{
	const struct content_lines *l = &t->text.lines;
	size_t at = content_find(l, str_of(name), 0);
	return at ? str_trim(content_text(l, &l->v[at])) : (struct str){"", 0};
}

static int number_of(const struct task *t, const char *name, int absent)
{
	int64_t v;
	return str_to_i64(text_of(t, name), &v) && v >= 0 && v <= 255 ? (int)v : absent;
}

/* A number that the format has no property for; the value that absence means is not written. */
static void put_number(struct task *t, const char *name, int value, int absent)
{
	content_put(&t->text.lines, str_of(name), STR(""),
		    value == absent ? STR("")
				    : str_of(arena_printf(t->text.ctx->arena, "%d", value)));
}

/* ---- Text ---- */

static void emit_nothing(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	(void)w;
	(void)t;
	(void)tag;
}

static void emit_body(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	(void)tag;
	item_body_encode(w, t->text.ctx, &body_tags,
			 item_text_read(&t->text.lines, STR("DESCRIPTION")));
}

static bool apply_body(struct task *t, const struct item_edit_field *field, struct err *e)
{
	struct item_text text = item_text_read(&t->text.lines, STR("DESCRIPTION"));
	if (!item_body_apply(t->text.ctx, field, text, &text, e))
		return false;
	item_text_write(&t->text.lines, STR("DESCRIPTION"), text);
	return true;
}

static void emit_subject(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	struct str subject = text_of(t, "SUMMARY");
	if (subject.n)
		wbxml_text(w, tag, subject);
}

static bool apply_subject(struct task *t, const struct item_edit_field *field, struct err *e)
{
	(void)e;
	content_put(&t->text.lines, STR("SUMMARY"), STR(""),
		    field->sent ? field->sent->text : STR(""));
	return true;
}

static void emit_categories(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	item_categories_encode(w, &t->text.lines, tag, Tasks_Category);
}

static bool apply_categories(struct task *t, const struct item_edit_field *field, struct err *e)
{
	return item_categories_apply(&t->text.lines, field->sent, Tasks_Category, e);
}

/* ---- Importance and sensitivity ---- */

/* PRIORITY 1 to 4 is high, 5 or none normal, 6 to 9 low (RFC 5545 3.8.1.9). */
static int importance(const struct task *t)
{
	int odd = number_of(t, "X-EASEL-IMPORTANCE", -1), priority = number_of(t, "PRIORITY", 0);
	if (odd >= 0)
		return odd;
	return priority == 0 || priority == 5 ? 1 : priority < 5 ? 2 : 0;
}

/* Always told: a client was seen that takes its absence for low. */
static void emit_importance(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	wbxml_int(w, tag, importance(t));
}

/* Another number than 0 to 2 is taken, and told again (MS-ASTASK 2.2.2.14). */
static bool apply_importance(struct task *t, const struct item_edit_field *field, struct err *e)
{
	static const int priorities[] = {9, 5, 1};
	int value;
	if (!read_number(field->sent, 255, 1, &value, e))
		return false;
	if (value == importance(t))
		return true;
	put_number(t, "X-EASEL-IMPORTANCE", value > 2 ? value : -1, -1);
	put_number(t, "PRIORITY", priorities[value > 2 ? 1 : value], 5);
	return true;
}

static const char *const classes[] = {"PUBLIC", "X-PERSONAL", "PRIVATE", "CONFIDENTIAL"};

static int sensitivity(const struct task *t)
{
	struct str class = text_of(t, "CLASS");
	for (int i = 0; i < 4; i++)
		if (str_eq_nocase(class, str_of(classes[i])))
			return i;
	return class.n ? 2 : 0; /* what is not known is private (RFC 5545 3.8.1.3) */
}

static void emit_sensitivity(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	wbxml_int(w, tag, sensitivity(t));
}

static bool apply_sensitivity(struct task *t, const struct item_edit_field *field, struct err *e)
{
	int value;
	if (!read_number(field->sent, 3, 0, &value, e))
		return false;
	if (value != sensitivity(t))
		content_put(&t->text.lines, STR("CLASS"), STR(""),
			    value ? str_of(classes[value]) : STR(""));
	return true;
}

/* ---- Start and due date ---- */

static void emit_time(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	bool start = tag == Tasks_UtcStartDate || tag == Tasks_StartDate;
	bool utc = tag == Tasks_UtcStartDate || tag == Tasks_UtcDueDate;
	struct task_time time;
	if (task_time(&t->text, start ? "DTSTART" : "DUE", &time))
		emit_seconds(w, tag, utc ? time.utc : time.local);
}

static bool apply_time(struct task *t, const struct item_edit_field *field, struct err *e)
{
	bool start = field->tag == Tasks_UtcStartDate || field->tag == Tasks_StartDate;
	bool utc = field->tag == Tasks_UtcStartDate || field->tag == Tasks_UtcDueDate;
	struct sent_time *sent = start ? &t->start : &t->due;
	if (!field->sent || !field->sent->text.n) {
		sent->removed = true;
		return true;
	}
	if (utc)
		sent->utc = true;
	else
		sent->local = true;
	return read_seconds(field->sent->text, utc ? &sent->time.utc : &sent->time.local, e);
}

/* One of the two elements tells the other by the user's time zone. */
static void write_time(struct task *t, const char *name, struct sent_time *sent)
{
	if (!sent->utc && !sent->local) {
		if (sent->removed)
			task_set_time(&t->text, name, NULL);
		return;
	}
	if (!sent->local)
		sent->time.local = zone_to_wall(t->text.zone, sent->time.utc);
	if (!sent->utc)
		sent->time.utc = zone_to_utc(t->text.zone, sent->time.local);
	task_set_time(&t->text, name, &sent->time);
}

/* ---- Repetition ---- */

static void emit_recurrence(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	struct recurrence r;
	struct task_time start;
	if (!task_recurrence(&t->text, &r) ||
	    !(task_time(&t->text, "DTSTART", &start) || task_time(&t->text, "DUE", &start)))
		return;
	wbxml_begin(w, tag);
	recurrence_encode(w, &r, &recurrence_of_task, t->text.ctx->version);
	emit_seconds(w, Tasks_Start, start.local);
	if (number_of(t, "X-EASEL-REGENERATE", 0))
		wbxml_int(w, Tasks_Regenerate, 1);
	if (number_of(t, "X-EASEL-DEAD-OCCUR", 0))
		wbxml_int(w, Tasks_DeadOccur, number_of(t, "X-EASEL-DEAD-OCCUR", 0));
	wbxml_end(w);
}

/* Type and Start are required (MS-ASTASK 2.2.2.29, 3.2.5.3.3). */
static bool apply_recurrence(struct task *t, const struct item_edit_field *field, struct err *e)
{
	const struct wbxml_node *sent = field->sent;
	struct str start = wbxml_child_text(sent, Tasks_Start);
	int regenerate, dead;
	if (!sent || !sent->first) {
		task_remove_recurrence(&t->text);
		return true;
	}
	if (!start.p || !wbxml_child(sent, Tasks_Type))
		return err_set(e, ERR_INVALID, "Recurrence without %s", start.p ? "Type" : "Start");
	if (!read_seconds(start, &t->recurrence_start, e) ||
	    !read_number(wbxml_child(sent, Tasks_Regenerate), 1, 0, &regenerate, e) ||
	    !read_number(wbxml_child(sent, Tasks_DeadOccur), 255, 0, &dead, e) ||
	    !recurrence_decode(sent, &recurrence_of_task, t->text.ctx->version, &t->recurrence, e))
		return false;
	put_number(t, "X-EASEL-REGENERATE", regenerate, 0);
	put_number(t, "X-EASEL-DEAD-OCCUR", dead, 0);
	t->recurs = true;
	return true;
}

/* A series needs a start (RFC 5545 3.8.2.4): the task's own, else the one of the Recurrence. */
static void write_recurrence(struct task *t)
{
	struct task_time start;
	if (!t->recurs)
		return;
	if (!task_time(&t->text, "DTSTART", &start)) {
		start.local = t->recurrence_start;
		start.utc = zone_to_utc(t->text.zone, start.local);
		task_set_time(&t->text, "DTSTART", &start);
	}
	task_set_recurrence(&t->text, &t->recurrence);
}

/* ---- Completion ---- */

static void emit_complete(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	int64_t when;
	wbxml_int(w, tag, task_is_complete(&t->text, &when));
}

static bool apply_complete(struct task *t, const struct item_edit_field *field, struct err *e)
{
	return read_number(field->sent, 1, 0, &t->complete, e);
}

static void emit_date_completed(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	int64_t when;
	if (task_is_complete(&t->text, &when))
		emit_seconds(w, tag, when);
}

static bool apply_date_completed(struct task *t, const struct item_edit_field *field, struct err *e)
{
	if (!field->sent || !field->sent->text.n)
		return true;
	t->completed_sent = true;
	return read_seconds(field->sent->text, &t->completed, e);
}

static void write_completion(struct task *t)
{
	int64_t was = t->text.ctx->now / 1000;
	bool complete = task_is_complete(&t->text, &was);
	if (!t->completed_sent)
		t->completed = was;
	if (t->complete == 0) {
		task_set_incomplete(&t->text);
	} else if (t->complete == 1 || (complete && t->completed_sent)) {
		bool goes_on = !complete && text_of(t, "RRULE").n &&
			       !number_of(t, "X-EASEL-DEAD-OCCUR", 0) &&
			       task_advance(&t->text, number_of(t, "X-EASEL-REGENERATE", 0) > 0,
					    t->completed);
		if (!goes_on)
			task_set_complete(&t->text, t->completed);
	}
}

/* ---- Reminder ---- */

static void emit_reminder_time(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	int64_t when;
	if (task_reminder(&t->text, &when))
		emit_seconds(w, tag, when);
}

static bool apply_reminder_time(struct task *t, const struct item_edit_field *field, struct err *e)
{
	int64_t when;
	if (!field->sent || !field->sent->text.n)
		return true;
	if (!read_seconds(field->sent->text, &when, e))
		return false;
	task_set_reminder(&t->text, when);
	return true;
}

static void emit_reminder_set(struct wbxml_out *w, const struct task *t, unsigned tag)
{
	int64_t when;
	wbxml_int(w, tag, task_reminder(&t->text, &when));
}

/* Comes behind ReminderTime in the table, so a time that is sent beside a 0 does not stay. */
static bool apply_reminder_set(struct task *t, const struct item_edit_field *field, struct err *e)
{
	int set;
	if (!read_number(field->sent, 1, 0, &set, e))
		return false;
	if (!set)
		task_remove_reminders(&t->text);
	return true;
}

/* ---- The table ---- */

static const struct field {
	unsigned tag, since, until;
	enum left_out left_out;
	void (*emit)(struct wbxml_out *w, const struct task *t, unsigned tag);
	bool (*apply)(struct task *t, const struct item_edit_field *field, struct err *e);
} fields[] = {
#define FIELD(tag, since, until, left_out, emit, apply)                                            \
	{tag, since, until, LEFT_OUT_##left_out, emit_##emit, apply_##apply},
#include "core/task_fields.def"
#undef FIELD
};

enum { FIELDS = sizeof fields / sizeof *fields };

static bool is_in_version(const struct field *f, unsigned version)
{
	return version >= f->since && version <= f->until;
}

static bool task_encode(struct wbxml_out *w, const struct item_context *ctx, struct str text,
			struct err *e)
{
	struct task t = {0};
	if (!task_text_read(ctx, text, &t.text, e))
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		if (is_in_version(&fields[i], ctx->version))
			fields[i].emit(w, &t, fields[i].tag);
	return !arena_overflowed(ctx->arena) || err_set(e, ERR_TOO_LARGE, "no room for a task");
}

/* In the order of the table, whatever the order of the edit. */
static bool apply_fields(struct task *t, const struct item_edit *edit, struct err *e)
{
	for (size_t i = 0; i < FIELDS; i++)
		for (size_t k = 0; k < edit->n; k++)
			if (edit->v[k].tag == fields[i].tag &&
			    is_in_version(&fields[i], t->text.ctx->version) &&
			    !fields[i].apply(t, &edit->v[k], e))
				return false;
	return true;
}

static bool task_apply(const struct item_context *ctx, struct str old, const struct item_edit *edit,
		       int64_t instance, struct str *out, struct err *e)
{
	struct task t = {.complete = -1};
	char now[CLOCK_TEXT];
	if (instance != INT64_MIN)
		return err_set(e, ERR_INVALID, "a task has no instances");
	if (!task_text_read(ctx, old.n ? old : item_text_new(ctx, "VTODO"), &t.text, e) ||
	    !apply_fields(&t, edit, e))
		return false;
	write_time(&t, "DTSTART", &t.start);
	write_time(&t, "DUE", &t.due);
	write_recurrence(&t);
	write_completion(&t);
	content_put(&t.text.lines, STR("LAST-MODIFIED"), STR(""),
		    str_of(clock_compact(ctx->now, now)));
	*out = content_lines_text(&t.text.lines);
	return !arena_overflowed(ctx->arena) || err_set(e, ERR_TOO_LARGE, "no room for a task");
}

static bool task_facts(const struct item_context *ctx, struct str text, struct item_facts *out,
		       struct err *e)
{
	struct task_text t;
	int64_t when;
	if (!task_text_read(ctx, text, &t, e))
		return false;
	out->date = task_is_complete(&t, &when) ? when * 1000 : INT64_MAX;
	out->summary = item_summary(&t.lines, STR("SUMMARY"));
	return true;
}

static enum left_out task_left_out(const struct item_context *ctx, unsigned tag)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].tag == tag && is_in_version(&fields[i], ctx->version))
			return fields[i].left_out;
	return LEFT_OUT_KEPT;
}

const struct item_class_ops task_class = {
	.class = CLASS_TASKS,
	.encode = task_encode,
	.apply = task_apply,
	.facts = task_facts,
	.left_out = task_left_out,
};
