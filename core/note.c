/*
 * note: the Notes class (MS-ASNOTE), kept as an iCalendar VJOURNAL: SUMMARY, DESCRIPTION,
 * CATEGORIES, LAST-MODIFIED, and X-EASEL-MESSAGE-CLASS where it is not IPM.StickyNote. Which
 * elements there are stands in note_fields.def; everything else of the text is left as it is.
 */
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/content_lines.h"
#include "core/item_body.h"
#include "core/item_class.h"
#include "core/item_text_form.h"

#define STICKY_NOTE "IPM.StickyNote"

struct note {
	const struct item_context *ctx;
	struct content_lines lines;
};

static const struct item_body_tags no_old_tags = {0};

/* ---- To the device ---- */

static void emit_subject(struct wbxml_out *w, const struct note *n, unsigned tag)
{
	size_t at = content_find(&n->lines, STR("SUMMARY"), 0);
	struct str subject = at ? content_text(&n->lines, &n->lines.v[at]) : STR("");
	if (subject.n)
		wbxml_text(w, tag, subject);
}

static void emit_body(struct wbxml_out *w, const struct note *n, unsigned tag)
{
	(void)tag;
	item_body_encode(w, n->ctx, &no_old_tags, item_text_read(&n->lines, STR("DESCRIPTION")));
}

static void emit_message_class(struct wbxml_out *w, const struct note *n, unsigned tag)
{
	size_t at = content_find(&n->lines, STR("X-EASEL-MESSAGE-CLASS"), 0);
	wbxml_text(w, tag, at ? content_text(&n->lines, &n->lines.v[at]) : STR(STICKY_NOTE));
}

/* When it was changed last; the element is required, so that of its making or now stands in. */
static int64_t last_modified(const struct note *n)
{
	static const char *const names[] = {"LAST-MODIFIED", "DTSTAMP", "CREATED"};
	int64_t ms;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		size_t at = content_find(&n->lines, str_of(names[i]), 0);
		if (at && clock_parse(str_trim(n->lines.v[at].value), &ms))
			return ms;
	}
	return n->ctx->now;
}

static void emit_last_modified(struct wbxml_out *w, const struct note *n, unsigned tag)
{
	char text[CLOCK_TEXT];
	wbxml_cstr(w, tag, clock_compact(last_modified(n), text));
}

static void emit_categories(struct wbxml_out *w, const struct note *n, unsigned tag)
{
	item_categories_encode(w, &n->lines, tag, Notes_Category);
}

/* ---- From the device ---- */

static bool apply_nothing(struct note *n, const struct item_edit_field *field, struct err *e)
{
	(void)n;
	(void)field;
	(void)e;
	return true;
}

static bool apply_subject(struct note *n, const struct item_edit_field *field, struct err *e)
{
	(void)e;
	content_put(&n->lines, STR("SUMMARY"), STR(""), field->sent ? field->sent->text : STR(""));
	return true;
}

static bool apply_body(struct note *n, const struct item_edit_field *field, struct err *e)
{
	struct item_text text = item_text_read(&n->lines, STR("DESCRIPTION"));
	if (!item_body_apply(n->ctx, field, text, &text, e))
		return false;
	item_text_write(&n->lines, STR("DESCRIPTION"), text);
	return true;
}

/* MS-ASNOTE 2.2.2.5, 3.2.5.5: anything else is refused. */
static bool apply_message_class(struct note *n, const struct item_edit_field *field, struct err *e)
{
	struct str class = field->sent ? field->sent->text : STR("");
	if (!str_eq(class, STR(STICKY_NOTE)) && !str_starts(class, STR(STICKY_NOTE ".")))
		return err_set(e, ERR_INVALID, "MessageClass \"%.*s\"",
			       STR_ARG(str_sub(class, 0, 60)));
	content_put(&n->lines, STR("X-EASEL-MESSAGE-CLASS"), STR(""),
		    str_eq(class, STR(STICKY_NOTE)) ? STR("") : class);
	return true;
}

static bool apply_categories(struct note *n, const struct item_edit_field *field, struct err *e)
{
	return item_categories_apply(&n->lines, field->sent, Notes_Category, e);
}

/* ---- The table ---- */

static const struct field {
	unsigned tag, since, until;
	enum left_out left_out;
	void (*emit)(struct wbxml_out *w, const struct note *n, unsigned tag);
	bool (*apply)(struct note *n, const struct item_edit_field *field, struct err *e);
} fields[] = {
#define FIELD(tag, since, until, left_out, emit, apply)                                            \
	{tag, since, until, LEFT_OUT_##left_out, emit_##emit, apply_##apply},
#include "core/note_fields.def"
#undef FIELD
};

enum { FIELDS = sizeof fields / sizeof *fields };

static const struct field *field_of(const struct item_context *ctx, unsigned tag)
{
	for (size_t i = 0; i < FIELDS; i++)
		if (fields[i].tag == tag && ctx->version >= fields[i].since &&
		    ctx->version <= fields[i].until)
			return &fields[i];
	return NULL;
}

static bool note_read(const struct item_context *ctx, struct str text, struct note *out,
		      struct err *e)
{
	out->ctx = ctx;
	return content_lines_read(ctx->arena, text, STR("VJOURNAL"), &out->lines, e);
}

static bool note_encode(struct wbxml_out *w, const struct item_context *ctx, struct str text,
			struct err *e)
{
	struct note n;
	if (!note_read(ctx, text, &n, e))
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		if (field_of(ctx, fields[i].tag))
			fields[i].emit(w, &n, fields[i].tag);
	return !arena_overflowed(ctx->arena) || err_set(e, ERR_TOO_LARGE, "no room for a note");
}

static bool note_apply(const struct item_context *ctx, struct str old, const struct item_edit *edit,
		       int64_t instance, struct str *out, struct err *e)
{
	struct note n;
	char now[CLOCK_TEXT];
	if (instance != INT64_MIN)
		return err_set(e, ERR_INVALID, "a note has no instances");
	if (!note_read(ctx, old.n ? old : item_text_new(ctx, "VJOURNAL"), &n, e))
		return false;
	for (size_t i = 0; i < edit->n; i++) {
		const struct field *field =
			field_of(ctx, edit->v[i].sent ? edit->v[i].sent->tag : edit->v[i].tag);
		if (field && !field->apply(&n, &edit->v[i], e))
			return false;
	}
	content_put(&n.lines, STR("LAST-MODIFIED"), STR(""), str_of(clock_compact(ctx->now, now)));
	*out = content_lines_text(&n.lines);
	return !arena_overflowed(ctx->arena) || err_set(e, ERR_TOO_LARGE, "no room for a note");
}

static bool note_facts(const struct item_context *ctx, struct str text, struct item_facts *out,
		       struct err *e)
{
	struct note n;
	if (!note_read(ctx, text, &n, e))
		return false;
	out->date = last_modified(&n);
	out->summary = item_summary(&n.lines, STR("SUMMARY"));
	return true;
}

static enum left_out note_left_out(const struct item_context *ctx, unsigned tag)
{
	const struct field *field = field_of(ctx, tag);
	return field ? field->left_out : LEFT_OUT_KEPT;
}

const struct item_class_ops note_class = {
	.class = CLASS_NOTES,
	.encode = note_encode,
	.apply = note_apply,
	.facts = note_facts,
	.left_out = note_left_out,
};
