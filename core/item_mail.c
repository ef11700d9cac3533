/* item_mail: an item that is not mail as a message. See item_mail.h for the contract. */
#include "core/item_mail.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/content_lines.h"
#include "store/mime_write.h"

enum { NAME_MOST = 100, SUBJECT_MOST = 255 };

enum form { FORM_TEXT, FORM_TIME, FORM_PERSON, FORM_LIST, FORM_TYPED, FORM_HIDDEN, FORM_BODY };

struct label {
	struct str property;
	const char *label;
	enum form form;
};

static const struct label labels[] = {
#define LABEL(property, label, form) {STR_INIT(#property), label, FORM_##form},
#include "core/item_mail_labels.def"
#undef LABEL
};

enum { LABELS = sizeof labels / sizeof *labels };

struct writer {
	struct arena *a;
	struct item_mail *m;
	struct content_lines lines;
	struct buf out;
	struct str boundary;
};

/* ---- Values ---- */

/* White space and controls as single blanks: nothing breaks out of its line. */
static struct str one_line(struct arena *a, struct str s)
{
	struct buf out = {0};
	for (size_t i = 0; i < s.n; i++) {
		char c = (unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f ? ' ' : s.p[i];
		bool again = c == ' ' && out.n && out.p[out.n - 1] == ' ';
		if (!again)
			buf_byte(&out, c);
	}
	return str_trim(buf_move(a, &out));
}

static struct str text_of(struct writer *w, size_t at)
{
	return text_to_xml(w->a, content_text(&w->lines, &w->lines.v[at]));
}

static struct str first_text(struct writer *w, const char *name)
{
	size_t at = content_find(&w->lines, str_of(name), 0);
	return at ? one_line(w->a, text_of(w, at)) : STR("");
}

/* Without what file systems give a meaning; one that is left empty gets another. */
static struct str file_name(struct writer *w, struct str wanted, const char *otherwise)
{
	struct str s = text_cut_utf8(one_line(w->a, text_to_xml(w->a, wanted)), NAME_MOST);
	char *copy = arena_dup(w->a, s.p, s.n);
	for (size_t i = 0; i < s.n; i++)
		if (strchr("/\\:*?\"<>|", copy[i]))
			copy[i] = '_';
	s.p = copy;
	return s.n ? s : str_of(otherwise);
}

/* Summary of an event, task or note; full name of a contact; name of a file; never empty. */
static struct str subject(struct writer *w)
{
	if (w->m->class == CLASS_FILES)
		return file_name(w, w->m->name, "file");
	struct str s = first_text(w, w->m->class == CLASS_CONTACTS ? "FN" : "SUMMARY");
	return s.n ? text_cut_utf8(s, SUBJECT_MOST) : STR("(no subject)");
}

/* "20261116T091200Z" as "2026-11-16 09:12 UTC"; what is none stays as it is. */
static struct str time_text(struct writer *w, const struct content_line *line, struct str value)
{
	struct str zone = content_param(line, STR("TZID"));
	int64_t ms;
	char text[CLOCK_TEXT];
	if (!clock_parse(value, &ms))
		return value;
	clock_dashed(ms, text);
	if (str_find_byte(value, 'T') < 0)
		return str_of(arena_printf(w->a, "%.10s", text));
	if (value.n && value.p[value.n - 1] == 'Z')
		zone = STR("UTC");
	return str_of(arena_printf(w->a, "%.10s %.5s%s%.*s", text, text + 11, zone.n ? " " : "",
				   STR_ARG(zone)));
}

static struct str person_text(struct writer *w, const struct content_line *line, struct str value)
{
	struct str name = content_param(line, STR("CN"));
	struct str answer = content_param(line, STR("PARTSTAT"));
	if (str_starts_nocase(value, STR("mailto:")))
		value = str_sub(value, 7, SIZE_MAX);
	bool named = name.n && !str_eq_nocase(name, value);
	return str_of(arena_printf(w->a, "%.*s%s%.*s%s%s%.*s%s", named ? (int)name.n : 0,
				   name.n ? name.p : "", named ? " <" : "", STR_ARG(value),
				   named ? ">" : "", answer.n ? " (" : "",
				   STR_ARG(str_lower(w->a, answer)), answer.n ? ")" : ""));
}

static struct str list_text(struct writer *w, const struct content_line *line)
{
	struct str rest = content_value(&w->lines, line), piece;
	struct buf out = {0};
	while (content_piece(&rest, ';', &piece)) {
		struct str text = content_unescape(w->a, piece);
		if (!str_trim(text).n)
			continue;
		if (out.n)
			buf_str(&out, STR(", "));
		buf_str(&out, str_trim(text));
	}
	return buf_move(w->a, &out);
}

static struct str typed_text(struct writer *w, const struct content_line *line, struct str value)
{
	struct str types = content_param(line, STR("TYPE"));
	if (!types.n)
		return value;
	return str_of(
		arena_printf(w->a, "%.*s (%.*s)", STR_ARG(value), STR_ARG(str_lower(w->a, types))));
}

/* ---- The text ---- */

static const struct label *label_of(struct str property)
{
	for (size_t i = 0; i < LABELS; i++)
		if (str_eq_nocase(labels[i].property, property))
			return &labels[i];
	return NULL;
}

static struct str value_text(struct writer *w, size_t at, enum form form)
{
	const struct content_line *line = &w->lines.v[at];
	struct str value = one_line(w->a, text_of(w, at));
	switch (form) {
	case FORM_TIME:
		return time_text(w, line, value);
	case FORM_PERSON:
		return person_text(w, line, value);
	case FORM_LIST:
		return text_to_xml(w->a, one_line(w->a, list_text(w, line)));
	case FORM_TYPED:
		return typed_text(w, line, value);
	default:
		return value;
	}
}

static void put_row(struct buf *out, struct str label, struct str value)
{
	if (!value.n)
		return;
	buf_str(out, label);
	buf_str(out, STR(": "));
	buf_str(out, value);
	buf_str(out, STR("\r\n"));
}

static void put_labelled(struct writer *w, struct buf *out, const struct label *l)
{
	for (size_t at = content_find(&w->lines, l->property, 0); at;
	     at = content_find(&w->lines, l->property, at + 1))
		put_row(out, str_of(l->label), value_text(w, at, l->form));
}

/* Properties that have no label of ours: under their own name. Those with X- are for programs. */
static void put_others(struct writer *w, struct buf *out)
{
	for (size_t at = content_next(&w->lines, 0); at; at = content_next(&w->lines, at + 1)) {
		const struct content_line *line = &w->lines.v[at];
		struct str binary;
		if (!line->name.n || str_starts_nocase(line->name, STR("X-")) ||
		    label_of(line->name) || content_binary(&w->lines, line, &binary))
			continue;
		put_row(out, text_to_xml(w->a, line->name), value_text(w, at, FORM_TEXT));
	}
}

/* Addresses of attachments that are elsewhere. */
static void put_links(struct writer *w, struct buf *out)
{
	struct str binary;
	for (size_t at = content_find(&w->lines, STR("ATTACH"), 0); at;
	     at = content_find(&w->lines, STR("ATTACH"), at + 1))
		if (!content_binary(&w->lines, &w->lines.v[at], &binary))
			put_row(out, STR("Attachment"), one_line(w->a, text_of(w, at)));
}

static struct str crlf(struct arena *a, struct str s)
{
	struct buf out = {0};
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '\n')
			buf_byte(&out, '\r');
		if (s.p[i] != '\r')
			buf_byte(&out, s.p[i]);
	}
	return buf_move(a, &out);
}

static struct str body_text(struct writer *w)
{
	struct buf out = {0};
	if (w->m->class == CLASS_FILES) {
		put_row(&out, STR("File"), subject(w));
		put_row(&out, STR("Bytes"), str_of(arena_printf(w->a, "%zu", w->m->text.n)));
		return buf_move(w->a, &out);
	}
	for (size_t i = 0; i < LABELS; i++)
		if (labels[i].form != FORM_HIDDEN && labels[i].form != FORM_BODY)
			put_labelled(w, &out, &labels[i]);
	put_others(w, &out);
	put_links(w, &out);
	const char *name = w->m->class == CLASS_CONTACTS ? "NOTE" : "DESCRIPTION";
	size_t at = content_find(&w->lines, str_of(name), 0);
	if (at) {
		if (out.n)
			buf_str(&out, STR("\r\n"));
		buf_str(&out, crlf(w->a, text_of(w, at)));
		buf_str(&out, STR("\r\n"));
	}
	return buf_move(w->a, &out);
}

/* ---- The parts ---- */

static void put_boundary(struct writer *w, bool last)
{
	buf_printf(&w->out, "--%.*s%s\r\n", STR_ARG(w->boundary), last ? "--" : "");
}

/* A file name as RFC 2231 writes it: nothing in it can break out. */
static void put_file_name(struct writer *w, struct str name)
{
	static const char hex[] = "0123456789ABCDEF";
	buf_str(&w->out, STR("filename*=UTF-8''"));
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			     (c >= 'a' && c <= 'z') || c == '.' || c == '-' || c == '_';
		if (plain) {
			buf_byte(&w->out, (char)c);
			continue;
		}
		buf_byte(&w->out, '%');
		buf_byte(&w->out, hex[c >> 4]);
		buf_byte(&w->out, hex[c & 15]);
	}
}

static void put_attachment(struct writer *w, struct str type, struct str name, struct str bytes)
{
	put_boundary(w, false);
	buf_printf(&w->out, "Content-Type: %.*s\r\nContent-Disposition: attachment; ",
		   STR_ARG(type));
	put_file_name(w, name);
	buf_str(&w->out, STR("\r\nContent-Transfer-Encoding: base64\r\n\r\n"));
	mime_put_base64(w->a, &w->out, bytes);
	buf_str(&w->out, STR("\r\n"));
}

/* type/subtype of token characters; anything else is no type. */
static struct str media_type(struct str s, const char *otherwise)
{
	size_t slashes = 0;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];
		bool word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
			    (c >= 'a' && c <= 'z') || strchr("!#$&^_.+-", c);
		slashes += c == '/';
		if (!word && c != '/')
			return str_of(otherwise);
	}
	return slashes == 1 && s.n < 128 && s.p[0] != '/' && s.p[s.n - 1] != '/'
		       ? s
		       : str_of(otherwise);
}

static void put_own_attachments(struct writer *w)
{
	static const char *const wordings[] = {"FILENAME", "X-FILENAME", "X-LABEL"};
	struct str bytes;
	for (size_t at = content_find(&w->lines, STR("ATTACH"), 0); at;
	     at = content_find(&w->lines, STR("ATTACH"), at + 1)) {
		const struct content_line *line = &w->lines.v[at];
		struct str name = {NULL, 0};
		if (!content_binary(&w->lines, line, &bytes))
			continue;
		for (size_t i = 0; i < sizeof wordings / sizeof *wordings && !name.n; i++)
			name = content_param(line, str_of(wordings[i]));
		put_attachment(
			w,
			media_type(content_param(line, STR("FMTTYPE")), "application/octet-stream"),
			file_name(w, name, "attachment"), bytes);
	}
	size_t photo = content_find(&w->lines, STR("PHOTO"), 0);
	if (photo && content_binary(&w->lines, &w->lines.v[photo], &bytes))
		put_attachment(w, STR("image/jpeg"), STR("photo.jpg"), bytes);
}

/* The item itself, for whoever can take it in. */
static void put_original(struct writer *w)
{
	static const struct {
		const char *type, *suffix;
	} forms[] = {
		[CLASS_CALENDAR] = {"text/calendar; charset=UTF-8", ".ics"},
		[CLASS_TASKS] = {"text/calendar; charset=UTF-8", ".ics"},
		[CLASS_NOTES] = {"text/calendar; charset=UTF-8", ".ics"},
		[CLASS_CONTACTS] = {"text/vcard; charset=UTF-8", ".vcf"},
	};
	if (w->m->class == CLASS_FILES) {
		put_attachment(w, STR("application/octet-stream"), subject(w), w->m->text);
		return;
	}
	struct str stem = file_name(w, subject(w), "item");
	struct str name =
		str_of(arena_printf(w->a, "%.*s%s", STR_ARG(stem), forms[w->m->class].suffix));
	put_attachment(w, str_of(forms[w->m->class].type), name, w->m->text);
}

/* ---- The message ---- */

/* When it was last changed, as far as the item says so; else what the store has, if that is a time
 * and not "for ever". */
static int64_t last_change(struct writer *w)
{
	static const char *const names[] = {"LAST-MODIFIED", "REV", "DTSTAMP", "CREATED"};
	int64_t ms;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (clock_parse(first_text(w, names[i]), &ms))
			return ms;
	return w->m->kept == INT64_MAX || w->m->kept == INT64_MIN ? 0 : w->m->kept;
}

static void put_field(struct writer *w, const char *name, struct str value)
{
	buf_printf(&w->out, "%s: %.*s\r\n", name, STR_ARG(value));
}

static void put_header(struct writer *w)
{
	static const char *const kinds[] = {
		[CLASS_CALENDAR] = "Calendar", [CLASS_CONTACTS] = "Contacts",
		[CLASS_TASKS] = "Tasks",       [CLASS_NOTES] = "Notes",
		[CLASS_FILES] = "Files",
	};
	struct str category = w->lines.n ? first_text(w, "CATEGORIES") : STR("");
	struct mailbox from = {category.n ? text_cut_utf8(category, SUBJECT_MOST)
					  : str_of(kinds[w->m->class]),
			       STR("item@easel.invalid")};
	put_field(w, "From", mime_mailbox_text(w->a, from));
	put_field(w, "Subject", mime_header_text(w->a, subject(w)));
	put_field(w, "Date", mime_date_text(w->a, w->m->date));
	buf_printf(&w->out, "Message-ID: <%.*s@easel.invalid>\r\n", STR_ARG(w->m->key));
	put_field(w, "MIME-Version", STR("1.0"));
	buf_printf(&w->out, "Content-Type: multipart/mixed; boundary=\"%.*s\"\r\n",
		   STR_ARG(w->boundary));
	buf_str(&w->out, STR("\r\n"));
}

static void put_text(struct writer *w)
{
	put_boundary(w, false);
	buf_str(&w->out, STR("Content-Type: text/plain; charset=UTF-8\r\n"
			     "Content-Transfer-Encoding: base64\r\n\r\n"));
	mime_put_base64(w->a, &w->out, body_text(w));
	buf_str(&w->out, STR("\r\n"));
}

bool item_mail_write(struct arena *a, struct item_mail *m, struct err *e)
{
	static const char *const components[] = {
		[CLASS_CALENDAR] = "VEVENT",
		[CLASS_CONTACTS] = "VCARD",
		[CLASS_TASKS] = "VTODO",
		[CLASS_NOTES] = "VJOURNAL",
	};
	struct writer w = {.a = a, .m = m};
	bool file = m->class == CLASS_FILES;
	if (m->class == CLASS_EMAIL)
		return err_set(e, ERR_INTERNAL, "an item of this class is a message already");
	if (!file && !content_lines_read(a, m->text, str_of(components[m->class]), &w.lines, e))
		return false;
	/* All parts are in base64, in which no '_' occurs. */
	w.boundary = str_of(arena_printf(a, "=_%.*s", STR_ARG(m->key)));
	m->date = file ? m->kept : last_change(&w);
	put_header(&w);
	put_text(&w);
	if (!file)
		put_own_attachments(&w);
	put_original(&w);
	put_boundary(&w, true);
	m->raw = buf_move(a, &w.out);
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "the item is too large");
}
