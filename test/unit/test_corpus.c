/*
 * Everybody's calendars and contacts (EASEL_CORPUS, ../shared/corpus): each goes out to a device
 * and comes back as devices send it, whole, with one field after the other changed; everything else
 * is as it was, line by line, and as the device is shown it. With EASEL_MATRIX=whole in every
 * version, else in those in which the classes differ.
 */
#include <dirent.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/calendar.h"
#include "core/content_lines.h"
#include "core/item_edit.h"
#include "core/vcard.h"
#include "test/unit/item_lab.h"

enum { FILE_MOST = 1 << 20, PROPERTIES = 16 };

/* All that is wrong is told, and not only what is first. */
static unsigned complaints;

static void __attribute__((format(printf, 1, 2))) complain(const char *format, ...)
{
	va_list arguments;
	char text[600];
	va_start(arguments, format);
	vsnprintf(text, sizeof text, format, arguments);
	va_end(arguments);
	if (complaints++ < 50)
		print_message("# %s\n", text);
}

/* ---- Texts as unfolded lines ---- */

struct line {
	struct str name, text;
};

struct lines {
	struct line *v;
	size_t n;
};

static int compare(struct str a, struct str b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);
	return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int by_text(const void *a, const void *b)
{
	return compare(((const struct line *)a)->text, ((const struct line *)b)->text);
}

static struct str without_cr(struct str line)
{
	return line.n && line.p[line.n - 1] == '\r' ? str_sub(line, 0, line.n - 1) : line;
}

static struct str name_of(struct str line)
{
	size_t end = 0, begin = 0;
	while (end < line.n && line.p[end] != ':' && line.p[end] != ';') {
		if (line.p[end] == '.')
			begin = end + 1; /* of a group */
		end++;
	}
	return str_sub(line, begin, end - begin);
}

/* A line that begins with a blank goes on from the one before; so does one of vCard 2.1 after '='.
 */
static bool take_fold(struct buf *whole, struct str line)
{
	bool quoted = whole->n && whole->p[whole->n - 1] == '=' &&
		      str_find(buf_get(whole), STR("QUOTED-PRINTABLE")) >= 0;
	if (!quoted && !(line.n && (line.p[0] == ' ' || line.p[0] == '\t')))
		return false;
	if (quoted)
		whole->n--;
	buf_str(whole, without_cr(str_sub(line, quoted ? 0 : 1, line.n)));
	return true;
}

/* Sorted. */
static struct lines lines_of(struct str text)
{
	struct lines out = {arena_array(arena, text.n + 1, sizeof *out.v), 0};
	struct str rest = text, line;
	bool more = str_next(&rest, '\n', &line);
	while (more) {
		struct buf one = {0};
		buf_str(&one, without_cr(line));
		do
			more = str_next(&rest, '\n', &line);
		while (more && take_fold(&one, line));
		struct str whole = buf_move(arena, &one);
		if (whole.n)
			out.v[out.n++] = (struct line){name_of(whole), whole};
	}
	qsort(out.v, out.n, sizeof *out.v, by_text);
	return out;
}

/* Names of properties that an edit of one field may touch; "+X": lines may come, but none goes. */
struct allowed {
	const char *names[PROPERTIES];
};

static bool may_touch(const struct allowed *allowed, struct str name, bool came)
{
	for (size_t i = 0; i < PROPERTIES && allowed->names[i]; i++) {
		const char *own = allowed->names[i];
		if (*own == '+' ? came && str_eq_nocase(name, str_of(own + 1))
				: str_eq_nocase(name, str_of(own)))
			return true;
	}
	return str_eq_nocase(name, STR("LAST-MODIFIED")) || str_eq_nocase(name, STR("REV"));
}

static void check_lines(const char *what, struct str before, struct str after,
			const struct allowed *allowed)
{
	struct lines a = lines_of(before), b = lines_of(after);
	size_t i = 0, k = 0;
	while (i < a.n || k < b.n) {
		int order = i == a.n ? 1 : k == b.n ? -1 : compare(a.v[i].text, b.v[k].text);
		if (order == 0) {
			i++;
			k++;
			continue;
		}
		const struct line *line = order < 0 ? &a.v[i++] : &b.v[k++];
		if (!may_touch(allowed, line->name, order > 0))
			complain("%s: a line %s: %.*s", what, order < 0 ? "went" : "came",
				 STR_ARG(line->text));
	}
}

/* ---- What a device sends ---- */

/* The tree as it was shown, with one element in the place of its own, or behind all. */
static struct wbxml_node *with(const struct wbxml_node *shown, struct wbxml_node *element)
{
	struct wbxml_node *root = lab_leaf(AirSync_ApplicationData, ""), **next = &root->first;
	bool put = false;
	root->content = WBXML_ELEMENTS;
	for (const struct wbxml_node *n = shown->first; n; n = n->next) {
		struct wbxml_node *copy = n->tag == element->tag ? element : lab_leaf(0, "");
		if (copy == element)
			put = true;
		else
			*copy = *n;
		copy->next = NULL;
		*next = copy;
		next = &copy->next;
	}
	if (!put)
		*next = element;
	return root;
}

/* Nothing was Supported: what can be ghosted and is left out goes. */
static const struct supported nothing_ghosted;

static bool take(const struct item_class_ops *ops, const struct item_context *ctx, struct str text,
		 const struct wbxml_node *data, struct str *out, struct err *e)
{
	struct item_edit edit;
	*out = text;
	return item_edit_difference(ops, ctx, text, &nothing_ghosted, data, &edit, e) &&
	       (edit.n == 0 || ops->apply(ctx, text, &edit, INT64_MIN, out, e));
}

/* What is sent back as it was shown changes nothing. */
static void check_unchanged(const char *what, const struct item_class_ops *ops,
			    const struct item_context *ctx, struct str text)
{
	struct err e = {ERR_NONE, ""};
	struct str out;
	if (!take(ops, ctx, text, lab_shown(ops, ctx, text), &out, &e))
		complain("%s: refused: %s", what, e.text);
	if (!str_eq(out, text))
		complain("%s: changed though nothing was", what);
}

/* Elements that say the same as another one, or follow from it. */
struct follows {
	unsigned tag, of;
};

static bool is_named(const struct follows *f, size_t n, unsigned tag, unsigned of)
{
	bool found = tag == of;
	for (size_t i = 0; i < n && !found; i++)
		found = f[i].tag == tag && f[i].of == of;
	return found;
}

static struct str line_of(const struct wbxml_node *node)
{
	struct wbxml_node alone = *node;
	alone.next = NULL;
	return lab_line(&alone);
}

static void check_shown(const char *what, const struct wbxml_node *before,
			const struct wbxml_node *after, unsigned edited, const struct follows *f,
			size_t n)
{
	for (const struct wbxml_node *x = before->first; x; x = x->next) {
		const struct wbxml_node *y = wbxml_child(after, x->tag);
		if (is_named(f, n, x->tag, edited))
			continue;
		if (!y || !str_eq(line_of(x), line_of(y)))
			complain("%s: %.*s became %.*s", what, STR_ARG(line_of(x)),
				 STR_ARG(y ? line_of(y) : STR("nothing")));
	}
}

/* ---- The edits ---- */

struct edit {
	struct wbxml_node *sent;
	struct allowed allowed;
};

/* MeetingStatus (MS-ASCAL 2.2.2.28): bit 2 is a meeting of somebody else's. */
static bool is_own(const struct wbxml_node *shown)
{
	int64_t status = 0;
	str_to_i64(wbxml_child_text(shown, Calendar_MeetingStatus), &status);
	return !(status & 2);
}

/* The time of a birthday is what its device makes of it. */
static struct str comparable(const struct wbxml_node *node)
{
	enum { DATE = 10 };
	bool date = node->tag == Contacts_Birthday || node->tag == Contacts_Anniversary;
	return date ? str_sub(node->text, 0, DATE) : node->text;
}

static void check_taken(const char *what, const struct wbxml_node *sent,
			const struct wbxml_node *shown)
{
	if (!shown || (!sent->first && !str_eq(comparable(shown), comparable(sent))))
		complain("%s: not taken: %.*s", what,
			 STR_ARG(shown ? lab_line(shown) : STR("nothing")));
}

/* In 16.x an event's Change names only what has changed. */
static void check_alone(const char *what, const struct item_class_ops *ops,
			const struct item_context *ctx, struct str text, struct wbxml_node *sent,
			struct str want)
{
	struct err e = {ERR_NONE, ""};
	struct str out;
	if (ctx->version < 160 || ops != &calendar_class)
		return;
	sent->next = NULL;
	if (!take(ops, ctx, text, LAB_ELEMENT(AirSync_ApplicationData, sent), &out, &e) ||
	    !str_eq(out, want))
		complain("%s: it makes a difference that the rest is not sent", what);
}

/* What the store keeps beside a text can be made of each. */
static void check_facts(const char *name, const struct item_class_ops *ops,
			const struct item_context *ctx, struct str text)
{
	struct item_facts facts;
	struct err e = {ERR_NONE, ""};
	if (!ops->facts(ctx, text, &facts, &e) || !facts.summary.n)
		complain("%s: no facts: %s", name, e.text);
}

/* What a guest says of the others counts for nothing. */
static const struct allowed nothing = {{NULL}};

static void check_edit(const char *name, const struct item_class_ops *ops,
		       const struct item_context *ctx, struct str text, const struct edit *edit,
		       const struct follows *f, size_t n)
{
	struct err e = {ERR_NONE, ""};
	struct str out;
	const char *what = arena_printf(arena, "%s %s in %u", name, wbxml_tag_name(edit->sent->tag),
					ctx->version);
	const struct wbxml_node *before = lab_shown(ops, ctx, text);
	if (!take(ops, ctx, text, with(before, edit->sent), &out, &e))
		complain("%s: refused: %s", what, e.text);
	bool taken = edit->sent->tag != Calendar_Attendees || is_own(before);
	check_lines(what, text, out, taken ? &edit->allowed : &nothing);
	check_alone(what, ops, ctx, text, edit->sent, out);
	const struct wbxml_node *after = lab_shown(ops, ctx, out);
	check_shown(what, before, after, edit->sent->tag, f, n);
	if (taken)
		check_taken(what, edit->sent, wbxml_child(after, edit->sent->tag));
}

/* ---- Contacts ---- */

static const struct contact_field {
	unsigned tag, since, until;
	const char *kind, *pattern;
} contact_fields[] = {
#define FIELD(tag, since, until, left_out, kind, pattern, n, of)                                   \
	{tag, since, until, #kind, pattern},
#include "core/contact_fields.def"
#undef FIELD
};

/* The full name, and FileAs with it, may follow from the parts of the name and the company. */
static const struct follows contact_follows[] = {
#define FILE_AS(tag)                                                                               \
	{                                                                                          \
		Contacts_FileAs, tag                                                               \
	}
	FILE_AS(Contacts_FirstName),	 FILE_AS(Contacts_MiddleName),
	FILE_AS(Contacts_LastName),	 FILE_AS(Contacts_Suffix),
	FILE_AS(Contacts_Title),	 FILE_AS(Contacts_CompanyName),
	FILE_AS(Contacts_Email1Address), {Contacts_BodySize, Contacts_Body},
#undef FILE_AS
};

/* The properties that a pattern of the table names (core/vcard.h). */
static struct allowed of_pattern(const char *pattern)
{
	struct allowed out = {{NULL}};
	struct str rest = str_of(pattern), one;
	for (size_t n = 0; n < PROPERTIES - 3 && str_next(&rest, '|', &one);) {
		size_t end = 0;
		while (end < one.n && !strchr("+@?", one.p[end]) &&
		       !(one.p[end] == '-' &&
			 str_find(STR("TEL EMAIL ADR"), str_sub(one, 0, end)) >= 0))
			end++;
		out.names[n++] = arena_printf(arena, "%.*s", STR_ARG(str_sub(one, 0, end)));
	}
	return out;
}

static struct wbxml_node *new_value(const struct contact_field *f)
{
	static const char *const texts[][2] = {
		{"date", "1984-02-29T00:00:00.000Z"},
		{"mail", "changed@example.test"},
		{"picture", "iVBORw0KGgo="},
	};
	if (strcmp(f->kind, "categories") == 0)
		return LAB_ELEMENT(f->tag, lab_leaf(Contacts_Category, "One, two"));
	if (strcmp(f->kind, "children") == 0)
		return LAB_ELEMENT(f->tag, lab_leaf(Contacts_Child, "Zo\xc3\xab"));
	if (f->tag == AirSyncBase_Body)
		return LAB_ELEMENT(f->tag, lab_leaf(AirSyncBase_Type, "1"),
				   lab_leaf(AirSyncBase_Data, "Another; text,\r\nof lines"));
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (strcmp(f->kind, texts[i][0]) == 0)
			return lab_leaf(f->tag, texts[i][1]);
	return lab_leaf(f->tag, "Ge\xc3\xa4ndert; so");
}

static void check_card(const char *name, struct str card, unsigned version)
{
	struct item_context ctx = lab_context(version);
	check_unchanged(name, &contact_class, &ctx, card);
	check_facts(name, &contact_class, &ctx, card);
	for (size_t i = 0; i < sizeof contact_fields / sizeof *contact_fields; i++) {
		const struct contact_field *f = &contact_fields[i];
		if (version < f->since || version > f->until || strcmp(f->kind, "cached") == 0 ||
		    strcmp(f->kind, "old_rtf") == 0)
			continue;
		struct arena_mark mark = arena_mark(arena);
		struct edit edit = {new_value(f), of_pattern(f->pattern)};
		size_t n = 0;
		while (edit.allowed.names[n])
			n++;
		edit.allowed.names[n++] = strcmp(f->kind, "name") == 0 ? "FN" : "+FN";
		edit.allowed.names[n] = "X-ABLABEL";
		check_edit(name, &contact_class, &ctx, card, &edit, contact_follows,
			   sizeof contact_follows / sizeof *contact_follows);
		arena_release(arena, mark);
	}
}

/* Each card of a file by itself. */
static void check_cards(const char *name, struct str text, unsigned version)
{
	for (ptrdiff_t at = 0; at >= 0 && text.n;) {
		at = str_find(str_sub(text, 1, text.n), STR("\nBEGIN:VCARD"));
		struct str card = at < 0 ? text : str_sub(text, 0, (size_t)at + 2);
		check_card(name, card, version);
		text = str_sub(text, card.n, text.n);
	}
}

/* ---- Calendar ---- */

#define TIMES                                                                                      \
	"DTSTART", "DTEND", "DURATION", "EXDATE", "RDATE", "RRULE", "RECURRENCE-ID", "SEQUENCE"

static const struct follows event_follows[] = {
	{Calendar_EndTime, Calendar_StartTime},
	{Calendar_Exceptions, Calendar_StartTime},
	{Calendar_Recurrence, Calendar_StartTime},
	{Calendar_Exceptions, Calendar_EndTime},
	{Calendar_StartTime, Calendar_DtStamp}, /* without a start of its own */
	{Calendar_Reminder, Calendar_DtStamp},
	{Calendar_EndTime, Calendar_DtStamp},
	{Calendar_DtStamp, Calendar_EndTime},
	{Calendar_StartTime, Calendar_EndTime},
	{Calendar_MeetingStatus, Calendar_Attendees},
	{Calendar_OrganizerName, Calendar_Attendees},
	{Calendar_OrganizerEmail, Calendar_Attendees},
	{Calendar_ResponseRequested, Calendar_Attendees},
	{Calendar_ResponseType, Calendar_Attendees},
	/* What an occurrence has as the series has it is not said again. */
	{Calendar_Exceptions, Calendar_Subject},
	{Calendar_Exceptions, Calendar_Location},
	{Calendar_Exceptions, AirSyncBase_Location},
	{Calendar_Exceptions, AirSyncBase_Body},
	{Calendar_Exceptions, Calendar_Body},
	{Calendar_Exceptions, Calendar_Categories},
	{Calendar_Exceptions, Calendar_Sensitivity},
	{Calendar_Exceptions, Calendar_BusyStatus},
	{Calendar_Exceptions, Calendar_Reminder},
	{Calendar_Exceptions, Calendar_Attendees},
	{Calendar_Exceptions, Calendar_MeetingStatus},
	{Calendar_Exceptions, AirSyncBase_Attachments},
	{Calendar_Exceptions, Calendar_Recurrence},
};

static struct wbxml_node *attendees(const struct wbxml_node *shown)
{
	struct wbxml_node *more =
		LAB_ELEMENT(Calendar_Attendee, lab_leaf(Calendar_Email, "new@example.test"),
			    lab_leaf(Calendar_Name, "New; One"));
	struct wbxml_node *all = lab_leaf(Calendar_Attendees, ""), **next = &all->first;
	all->content = WBXML_ELEMENTS;
	const struct wbxml_node *old = wbxml_child(shown, Calendar_Attendees);
	for (const struct wbxml_node *n = old ? old->first : NULL; n; n = n->next) {
		*next = lab_leaf(0, "");
		**next = *n;
		(*next)->next = NULL;
		next = &(*next)->next;
	}
	*next = more;
	return all;
}

/* An hour later, or a day when it is about days. */
static struct wbxml_node *later(const struct wbxml_node *shown, unsigned tag)
{
	char text[CLOCK_TEXT];
	int64_t ms, hour = 60 * 60 * 1000;
	bool days = str_eq(wbxml_child_text(shown, Calendar_AllDayEvent), STR("1"));
	assert_true(clock_parse(wbxml_child_text(shown, tag), &ms));
	return lab_leaf(tag, arena_strdup(arena, clock_compact(ms + (days ? 24 : 1) * hour, text)));
}

static struct wbxml_node *body_of(unsigned version)
{
	if (version < 120)
		return lab_leaf(Calendar_Body, "Another; text");
	return LAB_ELEMENT(AirSyncBase_Body, lab_leaf(AirSyncBase_Type, "1"),
			   lab_leaf(AirSyncBase_Data, "Another; text"));
}

static struct wbxml_node *place_of(unsigned version)
{
	if (version < 160)
		return lab_leaf(Calendar_Location, "Room; 1");
	return LAB_ELEMENT(AirSyncBase_Location, lab_leaf(AirSyncBase_DisplayName, "Room; 1"));
}

static struct wbxml_node *recurrence(void)
{
	return LAB_ELEMENT(Calendar_Recurrence, lab_leaf(Calendar_Type, "0"),
			   lab_leaf(Calendar_Interval, "2"), lab_leaf(Calendar_Occurrences, "5"));
}

static size_t event_edits(const struct wbxml_node *shown, unsigned version, struct edit *out)
{
	const char *busy =
		str_eq(wbxml_child_text(shown, Calendar_BusyStatus), STR("3")) ? "1" : "3";
	size_t n = 0;
	out[n++] = (struct edit){lab_leaf(Calendar_Subject, "Other; so"), {{"SUMMARY"}}};
	out[n++] = (struct edit){place_of(version), {{"LOCATION", "GEO", "X-EASEL-PLACE"}}};
	out[n++] = (struct edit){body_of(version), {{"DESCRIPTION", "X-ALT-DESC"}}};
	out[n++] =
		(struct edit){LAB_ELEMENT(Calendar_Categories, lab_leaf(Calendar_Category, "A, b")),
			      {{"CATEGORIES"}}};
	out[n++] = (struct edit){lab_leaf(Calendar_Sensitivity, "3"), {{"CLASS"}}};
	out[n++] = (struct edit){lab_leaf(Calendar_BusyStatus, busy),
				 {{"TRANSP", "X-MICROSOFT-CDO-BUSYSTATUS"}}};
	out[n++] = (struct edit){lab_leaf(Calendar_Reminder, "17"),
				 {{"TRIGGER", "+BEGIN", "+END", "+ACTION", "+DESCRIPTION"}}};
	out[n++] = (struct edit){later(shown, Calendar_EndTime), {{TIMES}}};
	out[n++] = (struct edit){attendees(shown), {{"+ATTENDEE", "+ORGANIZER", "SEQUENCE"}}};
	if (version >= 140)
		out[n++] = (struct edit){lab_leaf(Calendar_DisallowNewTimeProposal, "1"),
					 {{"X-MICROSOFT-DISALLOW-COUNTER"}}};
	if (version < 160)
		out[n++] = (struct edit){lab_leaf(Calendar_DtStamp, "20260101T000000Z"),
					 {{"DTSTAMP"}}};
	else
		out[n++] = (struct edit){
			LAB_ELEMENT(AirSyncBase_Attachments,
				    LAB_ELEMENT(AirSyncBase_Add,
						lab_leaf(AirSyncBase_ClientId, "c1"),
						lab_leaf(AirSyncBase_DisplayName, "a.bin"),
						lab_leaf(AirSyncBase_Content, "AQID"))),
			{{"+ATTACH"}}};
	if (!wbxml_child(shown, Calendar_Recurrence))
		out[n++] = (struct edit){recurrence(), {{"+RRULE", "SEQUENCE"}}};
	return n;
}

/* Of a series that is moved, 16.x has no exceptions any more (MS-ASCAL 2.2.2.22). */
static bool loses_exceptions(const struct edit *edit, unsigned version)
{
	unsigned tag = edit->sent->tag;
	return version >= 160 && (tag == Calendar_EndTime || tag == Calendar_Recurrence);
}

static void check_event(const char *name, struct str text, unsigned version)
{
	struct item_context ctx = lab_context(version);
	struct calendar c;
	struct edit edits[PROPERTIES];
	struct err e = {ERR_NONE, ""};
	ctx.address = STR("anna@example.test");
	ctx.timezone = STR("Europe/Berlin");
	ctx.server_id = STR("5:1:7");
	if (!calendar_read(&ctx, text, &c, &e)) {
		assert_int_equal(e.kind, ERR_MALFORMED);
		return;
	}
	check_unchanged(name, &calendar_class, &ctx, text);
	check_facts(name, &calendar_class, &ctx, text);
	size_t n = event_edits(lab_shown(&calendar_class, &ctx, text), version, edits);
	for (size_t i = 0; i < n; i++) {
		struct arena_mark mark = arena_mark(arena);
		if (loses_exceptions(&edits[i], version) &&
		    (str_find(text, STR("EXDATE")) >= 0 ||
		     str_find(text, STR("RECURRENCE-ID")) >= 0))
			continue;
		check_edit(name, &calendar_class, &ctx, text, &edits[i], event_follows,
			   sizeof event_follows / sizeof *event_follows);
		arena_release(arena, mark);
	}
}

/* ---- All files ---- */

static struct str read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *bytes = arena_alloc(arena, FILE_MOST);
	assert_non_null(f);
	size_t n = fread(bytes, 1, FILE_MOST, f);
	fclose(f);
	return (struct str){bytes, n};
}

static void for_files(const char *folder, unsigned least,
		      void (*check)(const char *name, struct str text, unsigned version))
{
	static const unsigned few[] = {25, 141, 161}, all[] = {25, 120, 121, 140, 141, 160, 161};
	const char *corpus = getenv("EASEL_CORPUS"), *matrix = getenv("EASEL_MATRIX");
	bool whole = matrix && strcmp(matrix, "whole") == 0;
	const unsigned *versions = whole ? all : few;
	size_t nversions = whole ? sizeof all / sizeof *all : sizeof few / sizeof *few;
	complaints = 0;
	folder = arena_printf(arena, "%s/%s", corpus ? corpus : "../shared/corpus", folder);
	DIR *dir = opendir(folder);
	unsigned n = 0;
	if (!dir)
		skip();
	for (struct dirent *d; (d = readdir(dir)) != NULL; n++) {
		struct arena_mark mark = arena_mark(arena);
		if (d->d_name[0] == '.')
			continue;
		struct str text = read_file(arena_printf(arena, "%s/%s", folder, d->d_name));
		for (size_t i = 0; i < nversions; i++)
			check(d->d_name, text, versions[i]);
		arena_release(arena, mark);
	}
	closedir(dir);
	assert_true(n >= least);
	assert_int_equal(complaints, 0);
}

static void test_contacts(void **state)
{
	(void)state;
	for_files("contacts", 14, check_cards);
}

static void test_calendar(void **state)
{
	(void)state;
	for_files("calendar", 50, check_event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_contacts),
		cmocka_unit_test(test_calendar),
	};
	return cmocka_run_group_tests_name("corpus", tests, lab_set_up, lab_tear_down);
}
