/*
 * contact: the Contacts class (MS-ASCNTC), kept as a vCard. Which elements there are, and where the
 * card has them, stands in contact_fields.def; everything else of the card is left as it is.
 */
#include <jansson.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/client.h"
#include "core/item_body.h"
#include "core/item_class.h"
#include "core/item_text_form.h"
#include "core/vcard.h"

enum { PICTURE_MOST = 48 * 1024 }; /* bytes of base64 (MS-ASCNTC 2.2.2.58) */

enum { NAME_LAST, NAME_FIRST, NAME_MIDDLE, NAME_TITLE, NAME_SUFFIX, NAMES };

struct contact {
	const struct item_context *ctx;
	struct content_lines lines;
	struct str name[NAMES]; /* of N, or taken from FN when N says nothing */
	bool new, renamed;
	bool named_by_company; /* its full name is the company's, for want of another */
	bool cached;	       /* of the recipient information cache */
	struct str file_as;    /* as sent with a new contact */
};

struct field;

struct field {
	unsigned tag, since, until;
	enum left_out left_out;
	void (*emit)(struct wbxml_out *w, const struct contact *c, const struct field *f);
	bool (*apply)(struct contact *c, const struct field *f, const struct item_edit_field *edit,
		      struct err *e);
	const char *pattern;
	unsigned n, of;
};

static const struct item_body_tags body_tags = {Contacts_Body, Contacts_BodySize,
						Contacts_BodyTruncated, Contacts_CompressedRTF};

static struct str sent_text(const struct item_edit_field *edit)
{
	return edit->sent ? str_trim(edit->sent->text) : (struct str){"", 0};
}

static void emit(struct wbxml_out *w, unsigned tag, struct str text)
{
	if (text.n)
		wbxml_text(w, tag, text);
}

/* ---- Plain texts ---- */

static void emit_text(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	emit(w, f->tag, vcard_text(&c->lines, f->pattern, f->n));
}

static bool apply_text(struct contact *c, const struct field *f, const struct item_edit_field *edit,
		       struct err *e)
{
	(void)e;
	vcard_put(&c->lines, f->pattern, f->n, f->of, sent_text(edit));
	return true;
}

static void emit_mail(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	emit_text(w, c, f);
}

/* Some send "Name" <address>: the address is meant (MS-ASDTYPE 2.7.3). */
static bool apply_mail(struct contact *c, const struct field *f, const struct item_edit_field *edit,
		       struct err *e)
{
	struct str text = sent_text(edit);
	ptrdiff_t from = str_find_byte(text, '<');
	(void)e;
	if (from >= 0 && text.p[text.n - 1] == '>')
		text = str_trim(str_sub(text, (size_t)from + 1, text.n - (size_t)from - 2));
	vcard_put(&c->lines, f->pattern, f->n, f->of, text);
	return true;
}

/* What only the server sets. */
static void emit_cached(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	emit_text(w, c, f);
}

static bool apply_cached(struct contact *c, const struct field *f,
			 const struct item_edit_field *edit, struct err *e)
{
	(void)c;
	(void)f;
	(void)edit;
	(void)e;
	return true;
}

/* ---- Structured values ---- */

static struct str component(const struct contact *c, const struct field *f, unsigned n)
{
	size_t at = vcard_slot(&c->lines, f->pattern, 1);
	return at ? vcard_component(&c->lines, at, n) : (struct str){"", 0};
}

static void emit_component(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	emit(w, f->tag, component(c, f, f->n));
}

static bool apply_component(struct contact *c, const struct field *f,
			    const struct item_edit_field *edit, struct err *e)
{
	(void)e;
	vcard_put_component(&c->lines, f->pattern, f->n, sent_text(edit));
	return true;
}

/* A post-office box and what is called the extended address stand above the street. */
static struct str above_street(const struct contact *c, const struct field *f)
{
	struct str box = component(c, f, 0), extended = component(c, f, 1);
	return str_of(arena_printf(c->ctx->arena, "%.*s%s%.*s%s", STR_ARG(box), box.n ? "\n" : "",
				   STR_ARG(extended), extended.n ? "\n" : ""));
}

static void emit_street(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	struct str above = above_street(c, f), street = component(c, f, f->n);
	emit(w, f->tag,
	     str_trim(str_of(
		     arena_printf(c->ctx->arena, "%.*s%.*s", STR_ARG(above), STR_ARG(street)))));
}

static bool apply_street(struct contact *c, const struct field *f,
			 const struct item_edit_field *edit, struct err *e)
{
	struct str text = sent_text(edit), above = above_street(c, f);
	char *lf = str_dup(c->ctx->arena, text);
	(void)e;
	size_t n = 0;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] != '\r')
			lf[n++] = text.p[i];
	text = (struct str){lf, n};
	if (above.n && str_starts(text, above)) {
		text = str_sub(text, above.n, text.n);
	} else if (above.n) {
		vcard_put_component(&c->lines, f->pattern, 0, STR(""));
		vcard_put_component(&c->lines, f->pattern, 1, STR(""));
	}
	vcard_put_component(&c->lines, f->pattern, f->n, text);
	return true;
}

/* ---- Names ---- */

static struct str full_name(const struct contact *c)
{
	return vcard_text(&c->lines, "FN", 1);
}

static struct str company(const struct contact *c)
{
	size_t at = vcard_slot(&c->lines, "ORG", 1);
	return at ? vcard_component(&c->lines, at, 0) : STR("");
}

/* A full name alone is first names and a last name. */
static void split_full_name(struct contact *c)
{
	struct str full = full_name(c);
	size_t space = full.n;
	if (c->named_by_company || str_find_byte(full, '@') >= 0)
		return;
	while (space && full.p[space - 1] != ' ')
		space--;
	c->name[NAME_LAST] = str_sub(full, space, full.n);
	c->name[NAME_FIRST] = str_trim(str_sub(full, 0, space));
}

static void read_names(struct contact *c)
{
	size_t at = vcard_slot(&c->lines, "N", 1);
	bool any = false;
	c->named_by_company = full_name(c).n && str_eq(full_name(c), company(c));
	for (unsigned i = 0; i < NAMES; i++) {
		c->name[i] = at ? vcard_component(&c->lines, at, i) : (struct str){"", 0};
		any = any || c->name[i].n;
	}
	if (!any)
		split_full_name(c);
}

static void emit_name(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	emit(w, f->tag, c->name[f->n]);
}

static bool apply_name(struct contact *c, const struct field *f, const struct item_edit_field *edit,
		       struct err *e)
{
	(void)e;
	if (str_eq(c->name[f->n], sent_text(edit)))
		return true;
	c->name[f->n] = sent_text(edit);
	c->renamed = true;
	return true;
}

/* How a contact is filed: what says so, or else its full name. */
static void emit_file_as(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	struct str text = vcard_text(&c->lines, f->pattern, 1);
	emit(w, f->tag, text.n ? text : full_name(c));
}

static bool apply_file_as(struct contact *c, const struct field *f,
			  const struct item_edit_field *edit, struct err *e)
{
	struct str text = sent_text(edit);
	(void)e;
	c->file_as = text;
	if (str_eq(text, full_name(c)))
		text = STR("");
	vcard_put(&c->lines, f->pattern, 1, 1, text);
	return true;
}

/* The full name of what N says; a title only where the old one began with it. */
static struct str compose_name(const struct contact *c, struct str old)
{
	static const unsigned order[] = {NAME_TITLE, NAME_FIRST, NAME_MIDDLE, NAME_LAST,
					 NAME_SUFFIX};
	struct buf out = {0};
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		struct str part = c->name[order[i]];
		if (!part.n || (order[i] == NAME_TITLE && !str_starts(old, part)))
			continue;
		buf_printf(&out, "%s%.*s", out.n ? " " : "", STR_ARG(part));
	}
	return buf_move(c->ctx->arena, &out);
}

/* A card has to have a full name, whatever there is to make it of. */
static void write_names(struct contact *c)
{
	struct str old = full_name(c), name = old;
	for (unsigned i = 0; c->renamed && i < NAMES; i++)
		vcard_put_component(&c->lines, "N", i, c->name[i]);
	if (c->renamed)
		name = compose_name(c, old);
	else if (c->named_by_company)
		name = company(c);
	else if (!c->new)
		return;
	if (!name.n)
		name = c->file_as;
	if (!name.n)
		name = company(c);
	if (!name.n)
		name = vcard_text(&c->lines, "EMAIL", 1);
	if (!name.n || str_eq(name, old))
		return;
	size_t at = content_find(&c->lines, STR("FN"), 0);
	if (at)
		content_set_text(&c->lines, at, name);
	else
		content_put(&c->lines, STR("FN"), STR(""), name);
}

/* ---- Dates ---- */

/* The time of day at which this client reads a date as the date that is meant. */
static const char *time_of_day(const struct item_context *ctx)
{
	return ctx->client & CLIENT_BIRTHDAY_0000   ? "00:00"
	       : ctx->client & CLIENT_BIRTHDAY_0800 ? "08:00"
	       : ctx->client & CLIENT_BIRTHDAY_1100 ? "11:00"
						    : "11:59";
}

static void emit_date(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	size_t at = vcard_slot(&c->lines, f->pattern, 1);
	struct vcard_date date;
	if (at && vcard_date(&c->lines, at, &date))
		wbxml_cstr(w, f->tag,
			   arena_printf(c->ctx->arena, "%04d-%02d-%02dT%s:00.000Z", date.year,
					date.month, date.day, time_of_day(c->ctx)));
}

/*
 * The time of day is to be ignored (MS-ASCNTC 2.2.2.6). But from 13:00 on it is a midnight east of
 * Greenwich, of the next day: no client sends such a time to mean the day that it names.
 */
static bool apply_date(struct contact *c, const struct field *f, const struct item_edit_field *edit,
		       struct err *e)
{
	const int64_t hour = 60 * 60 * 1000;
	struct str text = sent_text(edit);
	struct vcard_date date;
	char day[CLOCK_TEXT];
	int64_t ms;
	if (!text.n) {
		vcard_put_date(&c->lines, f->pattern, NULL);
		return true;
	}
	if (!clock_parse(text, &ms))
		return err_set(e, ERR_INVALID, "not a date: \"%.*s\"",
			       STR_ARG(str_sub(text, 0, 40)));
	clock_dashed(ms + 11 * hour, day);
	if (sscanf(day, "%4d-%2d-%2d", &date.year, &date.month, &date.day) != 3)
		return err_set(e, ERR_INTERNAL, "a date that can't be read");
	vcard_put_date(&c->lines, f->pattern, &date);
	return true;
}

/* ---- Picture ---- */

/* A larger one than clients may be sent is not sent at all. */
static void emit_picture(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	struct str bytes;
	if (vcard_photo(&c->lines, &bytes) && text_base64_size(bytes.n) <= PICTURE_MOST)
		wbxml_text(w, f->tag, text_base64_encode(c->ctx->arena, bytes));
}

static bool apply_picture(struct contact *c, const struct field *f,
			  const struct item_edit_field *edit, struct err *e)
{
	struct str text = sent_text(edit), bytes;
	(void)f;
	if (!text.n && c->ctx->client & CLIENT_EMPTY_PICTURE_KEEPS)
		return true;
	if (text.n > PICTURE_MOST)
		return err_set(e, ERR_INVALID, "Picture of %zu bytes", text.n);
	if (!text_base64_decode(c->ctx->arena, text, true, &bytes))
		return err_set(e, ERR_INVALID, "Picture that is not base64");
	vcard_put_photo(&c->lines, bytes);
	return true;
}

/* ---- Lists ---- */

static void emit_categories(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	item_categories_encode(w, &c->lines, f->tag, Contacts_Category);
}

static bool apply_categories(struct contact *c, const struct field *f,
			     const struct item_edit_field *edit, struct err *e)
{
	(void)f;
	return item_categories_apply(&c->lines, edit->sent, Contacts_Category, e);
}

static void emit_children(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	size_t lines[VCARD_LINES], n = vcard_lines(&c->lines, f->pattern, lines);
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		struct str child = str_trim(content_text(&c->lines, &c->lines.v[lines[i]]));
		if (!child.n)
			continue;
		if (!any)
			wbxml_begin(w, f->tag);
		any = true;
		wbxml_text(w, Contacts_Child, child);
	}
	if (any)
		wbxml_end(w);
}

static bool has_child(const struct wbxml_node *sent, struct str name)
{
	for (const struct wbxml_node *n = sent ? sent->first : NULL; n; n = n->next)
		if (str_eq(str_trim(n->text), name))
			return true;
	return false;
}

/* Those that are not among the sent ones go, those that are new come. */
static bool apply_children(struct contact *c, const struct field *f,
			   const struct item_edit_field *edit, struct err *e)
{
	size_t lines[VCARD_LINES], n;
	if (wbxml_count(edit->sent) > VCARD_LINES)
		return err_set(e, ERR_INVALID, "more than %d children", VCARD_LINES);
	for (const struct wbxml_node *k = edit->sent ? edit->sent->first : NULL; k; k = k->next) {
		bool known = !str_trim(k->text).n;
		if (k->tag != Contacts_Child)
			return err_set(e, ERR_INVALID, "not a child among children");
		n = vcard_lines(&c->lines, f->pattern, lines);
		for (size_t i = 0; i < n; i++)
			known = known ||
				str_eq(str_trim(content_text(&c->lines, &c->lines.v[lines[i]])),
				       str_trim(k->text));
		if (!known)
			content_add(&c->lines, STR("X-MS-CHILD"), STR(""),
				    content_escape(c->ctx->arena, str_trim(k->text)));
	}
	n = vcard_lines(&c->lines, f->pattern, lines);
	for (size_t i = 0; i < n;) {
		struct str child = str_trim(content_text(&c->lines, &c->lines.v[lines[i]]));
		if (has_child(edit->sent, child)) {
			i++;
			continue;
		}
		vcard_remove(&c->lines, lines[i]);
		n = vcard_lines(&c->lines, f->pattern, lines);
	}
	return true;
}

/* ---- Body ---- */

static void emit_body(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	item_body_encode(w, c->ctx, &body_tags, item_text_read(&c->lines, str_of(f->pattern)));
}

static bool apply_body(struct contact *c, const struct field *f, const struct item_edit_field *edit,
		       struct err *e)
{
	struct str property = str_of(f->pattern);
	struct item_text text = item_text_read(&c->lines, property);
	if (!item_body_apply(c->ctx, edit, text, &text, e))
		return false;
	item_text_write(&c->lines, property, text);
	return true;
}

static void emit_old_rtf(struct wbxml_out *w, const struct contact *c, const struct field *f)
{
	(void)w;
	(void)c;
	(void)f;
}

static bool apply_old_rtf(struct contact *c, const struct field *f,
			  const struct item_edit_field *edit, struct err *e)
{
	return !edit->sent || !edit->sent->text.n || apply_body(c, f, edit, e);
}

/* ---- The table ---- */

static const struct field fields[] = {
#define FIELD(tag, since, until, left_out, kind, pattern, n, of)                                   \
	{tag, since, until, LEFT_OUT_##left_out, emit_##kind, apply_##kind, pattern, n, of},
#include "core/contact_fields.def"
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

static bool contact_read(const struct item_context *ctx, struct str text, struct contact *out,
			 struct err *e)
{
	*out = (struct contact){.ctx = ctx, .file_as = {"", 0}};
	if (!vcard_read(ctx->arena, text, &out->lines, e))
		return false;
	read_names(out);
	out->cached = content_find(&out->lines, STR("X-EASEL-RANK"), 0) != 0;
	return true;
}

/*
 * An entry of the recipient information cache has four elements (MS-ASCNTC 3.2.4.4), and two of
 * them are only there (2.2.2.2, 2.2.2.64).
 */
static bool is_told(const struct contact *c, const struct field *f)
{
	bool only_cached = f->tag == Contacts_Alias || f->tag == Contacts_WeightedRank;
	if (!c->cached)
		return !only_cached;
	return only_cached || f->tag == Contacts_Email1Address || f->tag == Contacts_FileAs;
}

static bool contact_encode(struct wbxml_out *w, const struct item_context *ctx, struct str text,
			   struct err *e)
{
	struct contact c;
	if (!contact_read(ctx, text, &c, e))
		return false;
	for (size_t i = 0; i < FIELDS; i++)
		if (field_of(ctx, fields[i].tag) && is_told(&c, &fields[i]))
			fields[i].emit(w, &c, &fields[i]);
	return !arena_overflowed(ctx->arena) || err_set(e, ERR_TOO_LARGE, "no room for a contact");
}

static bool contact_apply(const struct item_context *ctx, struct str old,
			  const struct item_edit *edit, int64_t instance, struct str *out,
			  struct err *e)
{
	struct contact c;
	if (instance != INT64_MIN)
		return err_set(e, ERR_INVALID, "a contact has no instances");
	if (!contact_read(ctx, old.n ? old : vcard_new(ctx->arena, item_new_uid(ctx)), &c, e))
		return false;
	c.new = !old.n;
	for (size_t i = 0; i < edit->n; i++) {
		const struct field *field = field_of(ctx, edit->v[i].tag);
		if (field && !field->apply(&c, field, &edit->v[i], e))
			return false;
	}
	write_names(&c);
	*out = content_lines_text(&c.lines);
	return !arena_overflowed(ctx->arena) || err_set(e, ERR_TOO_LARGE, "no room for a contact");
}

/* What people are found by, by the elements of the Gal page. */
static json_t *gal_of(const struct contact *c)
{
	static const struct {
		const char *element, *pattern;
		unsigned slot;
		int component;
	} gal[] = {
#define FIELD(element, pattern, slot, component) {#element, pattern, slot, component},
#include "core/gal_fields.def"
#undef FIELD
	};
	json_t *out = json_object();
	for (size_t i = 0; i < sizeof gal / sizeof *gal; i++) {
		struct str text;
		size_t at = gal[i].pattern ? vcard_slot(&c->lines, gal[i].pattern, gal[i].slot) : 0;
		if (!gal[i].pattern)
			text = c->name[gal[i].component];
		else if (gal[i].component >= 0)
			text = at ? vcard_component(&c->lines, at, (unsigned)gal[i].component)
				  : STR("");
		else
			text = vcard_text(&c->lines, gal[i].pattern, gal[i].slot);
		text = text_to_xml(c->ctx->arena, text);
		if (text.n)
			json_object_set_new(out, gal[i].element, json_stringn(text.p, text.n));
	}
	return out;
}

static json_t *emails_of(const struct contact *c)
{
	size_t lines[VCARD_LINES], n = vcard_lines(&c->lines, "EMAIL+PREF|EMAIL", lines);
	json_t *out = json_array();
	for (size_t i = 0; i < n; i++) {
		struct str text = text_to_xml(
			c->ctx->arena, str_trim(content_text(&c->lines, &c->lines.v[lines[i]])));
		if (text.n)
			json_array_append_new(out, json_stringn(text.p, text.n));
	}
	return out;
}

static int64_t count_of(const struct contact *c, const char *property)
{
	size_t lines[VCARD_LINES];
	return (int64_t)vcard_lines(&c->lines, property, lines);
}

/* Entries of the recipient information cache are no people to be found. */
static bool contact_facts(const struct item_context *ctx, struct str text, struct item_facts *out,
			  struct err *e)
{
	struct contact c;
	struct str photo;
	if (!contact_read(ctx, text, &c, e))
		return false;
	struct str plain = item_summary(&c.lines, STR("FN"));
	out->date = ctx->now;
	out->summary = plain;
	if (c.cached)
		return true;
	json_t *json = json_loadb(plain.p, plain.n, 0, NULL);
	json_object_set_new(json, "gal", gal_of(&c));
	json_object_set_new(json, "emails", emails_of(&c));
	vcard_photo(&c.lines, &photo);
	json_object_set_new(json, "photo", json_integer((json_int_t)photo.n));
	json_object_set_new(json, "certificates", json_integer(count_of(&c, "KEY")));
	char *dumped = json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS);
	out->summary = str_of(arena_strdup(ctx->arena, dumped));
	free(dumped);
	json_decref(json);
	return true;
}

static enum left_out contact_left_out(const struct item_context *ctx, unsigned tag)
{
	const struct field *field = field_of(ctx, tag);
	return field ? field->left_out : LEFT_OUT_KEPT;
}

const struct item_class_ops contact_class = {
	.class = CLASS_CONTACTS,
	.encode = contact_encode,
	.apply = contact_apply,
	.facts = contact_facts,
	.left_out = contact_left_out,
};
