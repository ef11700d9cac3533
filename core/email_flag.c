/* email_flag: flags, categories, the last verb. See email_flag.h and email.h for the contracts. */
#include "core/email_flag.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"

enum { CATEGORIES = 300, TEXT_MOST = 4096 };

enum kind { KIND_TEXT, KIND_DATE, KIND_BOOL };

/* The children of Flag (MS-ASEMAIL 2.2.2.34) but Status, which the item's flags hold. */
static const struct child {
	unsigned tag;
	const char *key;
	enum kind kind;
} children[] = {
	{Tasks_Subject, "Subject", KIND_TEXT},
	{Email_FlagType, "FlagType", KIND_TEXT},
	{Tasks_DateCompleted, "DateCompleted", KIND_DATE},
	{Email_CompleteTime, "CompleteTime", KIND_DATE},
	{Tasks_StartDate, "StartDate", KIND_DATE},
	{Tasks_DueDate, "DueDate", KIND_DATE},
	{Tasks_UtcStartDate, "UtcStartDate", KIND_DATE},
	{Tasks_UtcDueDate, "UtcDueDate", KIND_DATE},
	{Tasks_ReminderSet, "ReminderSet", KIND_BOOL},
	{Tasks_ReminderTime, "ReminderTime", KIND_DATE},
	{Tasks_OrdinalDate, "OrdinalDate", KIND_DATE},
	{Tasks_SubOrdinalDate, "SubOrdinalDate", KIND_TEXT},
};

enum { CHILDREN = sizeof children / sizeof *children };

/* ---- Marks ---- */

json_t *email_marks_parse(struct str marks)
{
	json_t *o = marks.n ? json_loadb(marks.p, marks.n, 0, NULL) : NULL;
	if (json_is_object(o))
		return o;
	json_decref(o);
	return NULL;
}

static struct str text_of(const json_t *marks, const char *key)
{
	const json_t *v = json_object_get(marks, key);
	return (struct str){json_string_value(v), json_string_length(v)};
}

bool email_marks_date(const json_t *marks, const char *key, int64_t *out)
{
	struct str text = text_of(marks, key);
	return text.n && clock_parse(text, out);
}

static struct str dump(struct arena *a, json_t *o)
{
	if (!json_object_size(o))
		return (struct str){"", 0};
	char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	struct str out = str_of(arena_strdup(a, text));
	free(text);
	return out;
}

/* ---- To the client ---- */

static void encode_child(struct wbxml_out *w, const struct child *c, const json_t *marks)
{
	int64_t date;
	char text[CLOCK_TEXT];
	switch (c->kind) {
	case KIND_TEXT:
		if (text_of(marks, c->key).n)
			wbxml_text(w, c->tag, text_of(marks, c->key));
		break;
	case KIND_DATE:
		if (email_marks_date(marks, c->key, &date))
			wbxml_cstr(w, c->tag, clock_dashed(date, text));
		break;
	case KIND_BOOL:
		if (json_object_get(marks, c->key))
			wbxml_int(w, c->tag, json_is_true(json_object_get(marks, c->key)));
		break;
	}
}

void email_flag_encode(struct wbxml_out *w, const struct summary *s, const json_t *marks)
{
	unsigned flags = s->item.flags;
	if (!(flags & (ITEM_FLAGGED | ITEM_COMPLETED))) {
		wbxml_empty(w, Email_Flag);
		return;
	}
	wbxml_begin(w, Email_Flag);
	/* A flag that was set elsewhere than in ActiveSync has none of these
	 * (MS-ASEMAIL 2.2.2.75.2). */
	if (!text_of(marks, "Subject").n && s->message && s->message->subject.n)
		wbxml_text(w, Tasks_Subject, s->message->subject);
	wbxml_int(w, Email_Status, flags & ITEM_COMPLETED ? 1 : 2);
	if (!text_of(marks, "FlagType").n)
		wbxml_cstr(w, Email_FlagType, "Flag for follow up");
	for (size_t i = 0; i < CHILDREN; i++)
		encode_child(w, &children[i], marks);
	wbxml_end(w);
}

void email_categories_encode(struct wbxml_out *w, const json_t *marks)
{
	const json_t *list = json_object_get(marks, "Categories");
	size_t n = json_array_size(list);
	wbxml_begin(w, Email_Categories);
	for (size_t i = 0; i < n && i < CATEGORIES; i++) {
		const json_t *v = json_array_get(list, i);
		struct str name = {json_string_value(v), json_string_length(v)};
		if (name.n)
			wbxml_text(w, Email_Category, name);
	}
	wbxml_end(w);
}

/* ---- From the client ---- */

static json_t *read_value(const struct wbxml_node *node, enum kind kind)
{
	int64_t date;
	char text[CLOCK_TEXT];
	switch (kind) {
	case KIND_TEXT:
		return node->text.n <= TEXT_MOST
			       ? json_stringn(node->text.n ? node->text.p : "", node->text.n)
			       : NULL;
	case KIND_DATE:
		return clock_parse(node->text, &date) ? json_string(clock_dashed(date, text))
						      : NULL;
	case KIND_BOOL:
		return str_eq(node->text, STR("1"))   ? json_true()
		       : str_eq(node->text, STR("0")) ? json_false()
						      : NULL;
	}
	return NULL;
}

static bool bad(struct err *e, unsigned tag)
{
	return err_set(e, ERR_INVALID, "Flag: %s is not valid", wbxml_tag_name(tag));
}

static const struct child *child_of(unsigned tag)
{
	for (size_t i = 0; i < CHILDREN; i++)
		if (children[i].tag == tag)
			return &children[i];
	return NULL;
}

/* Reads the children into `marks`, Status into *status (-1 when it is not there). */
static bool read_children(const struct wbxml_node *flag, json_t *marks, int *status, struct err *e)
{
	*status = -1;
	for (const struct wbxml_node *n = flag->first; n; n = n->next) {
		const struct child *c = child_of(n->tag);
		if (n->tag == Email_Status) {
			if (*status >= 0 || n->text.n != 1 || n->text.p[0] < '0' ||
			    n->text.p[0] > '2')
				return bad(e, n->tag);
			*status = n->text.p[0] - '0';
		} else if (c) {
			json_t *value =
				json_object_get(marks, c->key) ? NULL : read_value(n, c->kind);
			if (!value)
				return bad(e, n->tag);
			json_object_set_new(marks, c->key, value);
		}
	}
	return true;
}

/* The rules between the children (MS-ASEMAIL 2.2.2.19 to 2.2.2.87). */
static bool check_flag(const json_t *marks, int status, struct err *e)
{
	int64_t start, due, utc_start, utc_due, ignored;
	int dates = email_marks_date(marks, "StartDate", &start) +
		    email_marks_date(marks, "DueDate", &due) +
		    email_marks_date(marks, "UtcStartDate", &utc_start) +
		    email_marks_date(marks, "UtcDueDate", &utc_due);
	if (dates != 0 && dates != 4)
		return err_set(e, ERR_INVALID, "Flag: of the four dates only some are given");
	if (dates && (start > due || utc_start > utc_due))
		return err_set(e, ERR_INVALID, "Flag: due before it starts");
	if (json_is_true(json_object_get(marks, "ReminderSet")) &&
	    !email_marks_date(marks, "ReminderTime", &ignored))
		return err_set(e, ERR_INVALID, "Flag: ReminderSet without ReminderTime");
	bool time = email_marks_date(marks, "CompleteTime", &ignored);
	bool day = email_marks_date(marks, "DateCompleted", &ignored);
	if (time != day || (status == 1 && !time))
		return err_set(e, ERR_INVALID,
			       "Flag: CompleteTime and DateCompleted belong together");
	return true;
}

bool email_flag_decode(const struct wbxml_node *flag, struct email_change *out, json_t *marks,
		       struct err *e)
{
	int status;
	json_t *own = json_object();
	bool ok = read_children(flag, own, &status, e);
	if (!flag->first)
		status = 0;
	if (status < 0)
		status = 2; /* properties of a flag: it is one */
	ok = ok && (status == 0 || check_flag(own, status, e));
	if (ok) {
		static const unsigned now[] = {0, ITEM_COMPLETED, ITEM_FLAGGED};
		out->flag = true;
		out->set |= now[status];
		out->clear |= (ITEM_FLAGGED | ITEM_COMPLETED) & ~now[status];
		if (status != 0)
			json_object_update(marks, own);
	}
	json_decref(own);
	return ok;
}

bool email_categories_decode(const struct wbxml_node *categories, struct email_change *out,
			     json_t *marks, struct err *e)
{
	json_t *list = json_array();
	for (const struct wbxml_node *n = categories->first; n; n = n->next) {
		if (n->tag != Email_Category || !n->text.n)
			continue;
		if (json_array_size(list) == CATEGORIES || n->text.n > TEXT_MOST) {
			json_decref(list);
			return err_set(e, ERR_INVALID, "Categories: too many, or too long");
		}
		json_array_append_new(list, json_stringn(n->text.p, n->text.n));
	}
	out->categories = true;
	if (json_array_size(list))
		json_object_set(marks, "Categories", list);
	json_decref(list);
	return true;
}

/* ---- Change and marks together ---- */

bool email_change_has_marks(const struct email_change *c)
{
	return c->flag || c->categories;
}

struct str email_change_marks(struct arena *a, const struct email_change *c, struct str old)
{
	json_t *marks = email_marks_parse(old), *fresh = email_marks_parse(c->marks);
	if (!marks)
		marks = json_object();
	for (size_t i = 0; c->flag && i < CHILDREN; i++)
		json_object_del(marks, children[i].key);
	if (c->categories)
		json_object_del(marks, "Categories");
	if (fresh)
		json_object_update(marks, fresh);
	struct str out = dump(a, marks);
	json_decref(marks);
	json_decref(fresh);
	return out;
}

struct str email_marks_verb(struct arena *a, struct str old, int verb, int64_t now)
{
	char text[CLOCK_TEXT];
	json_t *marks = email_marks_parse(old);
	if (!marks)
		marks = json_object();
	json_object_set_new(marks, "LastVerbExecuted", json_integer(verb));
	json_object_set_new(marks, "LastVerbExecutionTime", json_string(clock_dashed(now, text)));
	struct str out = dump(a, marks);
	json_decref(marks);
	return out;
}
