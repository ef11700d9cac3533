/*
 * message: the JSON form of what was found in a message. See message.h for the contract.
 *
 * {"v":1,"from":…,"subject":…,"size":…,"parts":[{"path":"1.2","role":"html",…},…]}: what is empty,
 * zero or usual is left out, the order is fixed, so equal messages give equal text.
 */
#include "store/message.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "store/mime.h"

enum { VERSION = 1 };

struct field {
	const char *key;
	size_t offset;
};

static const struct field texts[] = {
#define TEXT(key, member)                                                                          \
	{                                                                                          \
		key, offsetof(struct message, member)                                              \
	}
	TEXT("from", from),
	TEXT("to", to),
	TEXT("cc", cc),
	TEXT("bcc", bcc),
	TEXT("reply_to", reply_to),
	TEXT("sender", sender),
	TEXT("subject", subject),
	TEXT("message_id", message_id),
	TEXT("in_reply_to", in_reply_to),
	TEXT("references", references),
	TEXT("index", thread_index),
	TEXT("content_class", content_class),
	TEXT("class", message_class),
	TEXT("preview", preview),
#undef TEXT
};

static const struct field part_texts[] = {
#define TEXT(key, member)                                                                          \
	{                                                                                          \
		key, offsetof(struct part, member)                                                 \
	}
	TEXT("path", path), TEXT("type", type),	     TEXT("charset", charset),
	TEXT("name", name), TEXT("cid", content_id), TEXT("location", location),
#undef TEXT
};

static const char *const roles[] = {
	[PART_CONTAINER] = "container", [PART_TEXT] = "text",
	[PART_HTML] = "html",		[PART_ATTACHMENT] = "attachment",
	[PART_INLINE] = "inline",	[PART_CALENDAR] = "calendar",
	[PART_OTHER] = "other"};
static const char *const encodings[] = {
	[ENC_IDENTITY] = "", [ENC_QP] = "qp", [ENC_BASE64] = "base64", [ENC_UU] = "uu"};

enum { TEXTS = sizeof texts / sizeof *texts, PART_TEXTS = sizeof part_texts / sizeof *part_texts };

/* ---- Writing ---- */

static void put_text(json_t *o, const char *key, struct str s)
{
	if (s.n)
		json_object_set_new(o, key, json_stringn(s.p, s.n));
}

static void put_int(json_t *o, const char *key, int64_t n, int64_t usual)
{
	if (n != usual)
		json_object_set_new(o, key, json_integer(n));
}

static const struct str *text_at(const void *base, const struct field *f)
{
	return (const struct str *)(const void *)((const char *)base + f->offset);
}

static json_t *write_part(const struct part *p)
{
	json_t *o = json_object();
	for (size_t i = 0; i < PART_TEXTS; i++)
		put_text(o, part_texts[i].key, *text_at(p, &part_texts[i]));
	json_object_set_new(o, "role", json_string(roles[p->role]));
	put_text(o, "encoding", str_of(encodings[p->encoding]));
	put_int(o, "at", p->offset, 0);
	put_int(o, "length", p->length, 0);
	put_int(o, "size", p->size, p->length);
	return o;
}

struct str message_to_json(struct arena *a, const struct message *m)
{
	json_t *o = json_object(), *parts = json_array();
	json_object_set_new(o, "v", json_integer(VERSION));
	for (size_t i = 0; i < TEXTS; i++)
		put_text(o, texts[i].key, *text_at(m, &texts[i]));
	if (!str_eq(m->thread_topic, m->subject))
		json_object_set_new(o, "topic",
				    json_stringn(m->thread_topic.n ? m->thread_topic.p : "",
						 m->thread_topic.n));
	if (m->has_conversation)
		put_text(o, "conversation",
			 text_hex_encode(a, (struct str){(const char *)m->conversation,
							 sizeof m->conversation}));
	put_int(o, "importance", m->importance, 1);
	put_int(o, "date", m->date, 0);
	put_int(o, "size", m->size, 0);
	if (m->xml_clean)
		json_object_set_new(o, "clean", json_true());
	for (unsigned i = 0; i < m->nparts; i++)
		json_array_append_new(parts, write_part(&m->parts[i]));
	json_object_set_new(o, "parts", parts);
	char *text = json_dumps(o, JSON_COMPACT);
	struct str out = {arena_strdup(a, text), text ? strlen(text) : 0};
	free(text);
	json_decref(o);
	return out;
}

/* ---- Reading ---- */

/*
 * A reader of its own, because this runs for every item of every answer: it knows the form,
 * allocates nothing but one copy of the text, and the strings of the result lie within that copy
 * (what is escaped never grows). It takes any JSON with these members, in any order, and passes
 * over others.
 */
struct reader {
	char *p, *end;
	bool bad;
};

enum { DEPTH = 16 };

static bool take(struct reader *r, char c)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n' || *r->p == '\r'))
		r->p++;
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool expect(struct reader *r, char c)
{
	if (!take(r, c))
		r->bad = true;
	return !r->bad;
}

static unsigned read_hex4(struct reader *r)
{
	unsigned v = 0;
	if (r->end - r->p < 4) {
		r->bad = true;
		return 0;
	}
	for (int i = 0; i < 4; i++) {
		char c = *r->p++;
		int digit = c >= '0' && c <= '9'		 ? c - '0'
			    : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
								 : -1;
		r->bad = r->bad || digit < 0;
		v = v << 4 | ((unsigned)digit & 15);
	}
	return v;
}

/* A \u escape, and its second half when it has one, as UTF-8. */
static char *read_code(struct reader *r, char *out)
{
	uint32_t c = read_hex4(r);
	if (c >= 0xd800 && c < 0xdc00 && r->end - r->p >= 6 && r->p[0] == '\\' && r->p[1] == 'u') {
		r->p += 2;
		uint32_t low = read_hex4(r);
		r->bad = r->bad || low < 0xdc00 || low > 0xdfff;
		c = 0x10000 + ((c - 0xd800) << 10) + (low & 0x3ff);
	}
	if (c == 0 || (c >= 0xd800 && c < 0xe000))
		r->bad = true;
	if (c < 0x80) {
		*out++ = (char)c;
		return out;
	}
	if (c >= 0x10000) {
		*out++ = (char)(0xf0 | c >> 18);
		*out++ = (char)(0x80 | (c >> 12 & 0x3f));
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else if (c >= 0x800) {
		*out++ = (char)(0xe0 | c >> 12);
		*out++ = (char)(0x80 | (c >> 6 & 0x3f));
	} else {
		*out++ = (char)(0xc0 | c >> 6);
	}
	*out++ = (char)(0x80 | (c & 0x3f));
	return out;
}

static char *read_escape(struct reader *r, char *out)
{
	static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	char c = r->p < r->end ? *r->p++ : '\0';
	if (c == 'u')
		return read_code(r, out);
	const char *name = c ? strchr(names, c) : NULL;
	if (!name)
		r->bad = true;
	else
		*out++ = values[name - names];
	return out;
}

static struct str read_text(struct reader *r)
{
	if (!expect(r, '"'))
		return (struct str){"", 0};
	char *start = r->p, *out = start;
	while (r->p < r->end && *r->p != '"' && !r->bad) {
		if (*r->p == '\\') {
			r->p++;
			out = read_escape(r, out);
		} else {
			*out++ = *r->p++;
		}
	}
	size_t n = (size_t)(out - start);
	expect(r, '"');
	return (struct str){start, n};
}

static int64_t read_int(struct reader *r)
{
	int64_t v = 0;
	bool negative = take(r, '-');
	if (r->p == r->end || *r->p < '0' || *r->p > '9')
		r->bad = true;
	while (r->p < r->end && *r->p >= '0' && *r->p <= '9')
		if (__builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, *r->p++ - '0', &v)) {
			r->bad = true;
			return 0;
		}
	return negative ? -v : v;
}

/* The key of the next member of an object whose '{' was taken. False after its '}'. */
static bool next_member(struct reader *r, bool *first, struct str *key)
{
	if (r->bad || take(r, '}'))
		return false;
	if (!*first)
		expect(r, ',');
	*first = false;
	*key = read_text(r);
	return expect(r, ':');
}

static bool next_element(struct reader *r, bool *first)
{
	if (r->bad || take(r, ']'))
		return false;
	if (!*first)
		expect(r, ',');
	*first = false;
	return !r->bad;
}

static void skip_value(struct reader *r, unsigned depth)
{
	bool first = true;
	struct str key;
	if (depth == DEPTH) {
		r->bad = true;
	} else if (take(r, '{')) {
		while (next_member(r, &first, &key))
			skip_value(r, depth + 1);
	} else if (take(r, '[')) {
		while (next_element(r, &first))
			skip_value(r, depth + 1);
	} else if (take(r, '"')) {
		r->p--;
		read_text(r);
	} else {
		char *start = r->p;
		while (r->p < r->end && !memchr(",]} \t\r\n", *r->p, 7))
			r->p++;
		r->bad = r->bad || r->p == start;
	}
}

static struct str *text_member(void *base, const struct field *fields, size_t n, struct str key)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(key, str_of(fields[i].key)))
			return (struct str *)(void *)((char *)base + fields[i].offset);
	return NULL;
}

static int read_name(struct reader *r, const char *const *names, int n)
{
	struct str name = read_text(r);
	for (int i = 0; i < n; i++)
		if (str_eq(name, str_of(names[i])))
			return i;
	r->bad = true;
	return 0;
}

static void read_part(struct reader *r, struct part *p)
{
	bool first = true, role = false, size = false;
	struct str key, *text;
	*p = (struct part){.path = {"", 0},
			   .type = {"", 0},
			   .charset = {"", 0},
			   .name = {"", 0},
			   .content_id = {"", 0},
			   .location = {"", 0}};
	if (!expect(r, '{'))
		return;
	while (next_member(r, &first, &key)) {
		if (str_eq(key, STR("at"))) {
			p->offset = read_int(r);
		} else if (str_eq(key, STR("length"))) {
			p->length = read_int(r);
		} else if (str_eq(key, STR("size"))) {
			p->size = read_int(r);
			size = true;
		} else if (str_eq(key, STR("role"))) {
			p->role = (enum part_role)read_name(r, roles, PART_OTHER + 1);
			role = true;
		} else if (str_eq(key, STR("encoding"))) {
			p->encoding = (enum part_encoding)read_name(r, encodings, ENC_UU + 1);
		} else if ((text = text_member(p, part_texts, PART_TEXTS, key))) {
			*text = read_text(r);
		} else {
			skip_value(r, 0);
		}
	}
	if (!size)
		p->size = p->length;
	r->bad = r->bad || !role;
}

static void read_parts(struct arena *a, struct reader *r, struct message *m)
{
	unsigned room = 0;
	bool first = true;
	expect(r, '[');
	while (next_element(r, &first)) {
		if (m->nparts == MIME_PARTS) {
			r->bad = true;
			return;
		}
		if (m->nparts == room) {
			struct part *v = arena_array(a, room ? room * 4 : 4, sizeof *v);
			if (room)
				memcpy(v, m->parts, room * sizeof *v);
			room = room ? room * 4 : 4;
			m->parts = v;
		}
		read_part(r, &m->parts[m->nparts++]);
	}
}

static void read_conversation(struct arena *a, struct reader *r, struct message *m)
{
	struct str bytes;
	if (!text_hex_decode(a, read_text(r), &bytes) || bytes.n != sizeof m->conversation) {
		r->bad = true;
		return;
	}
	memcpy(m->conversation, bytes.p, bytes.n);
	m->has_conversation = true;
}

/* A member that is no text. False when it is none of this form. */
static bool read_other(struct arena *a, struct reader *r, struct str key, struct message *m,
		       int64_t *version)
{
	if (str_eq(key, STR("v")))
		*version = read_int(r);
	else if (str_eq(key, STR("date")))
		m->date = read_int(r);
	else if (str_eq(key, STR("size")))
		m->size = read_int(r);
	else if (str_eq(key, STR("importance")))
		m->importance = (int)read_int(r);
	else if (str_eq(key, STR("conversation")))
		read_conversation(a, r, m);
	else if (str_eq(key, STR("parts")))
		read_parts(a, r, m);
	else
		return false;
	return true;
}

static void read_message(struct arena *a, struct reader *r, struct message *m)
{
	bool first = true, topic = false;
	int64_t version = 0;
	struct str key, *text;
	expect(r, '{');
	while (next_member(r, &first, &key)) {
		if (read_other(a, r, key, m, &version))
			continue;
		if ((text = text_member(m, texts, TEXTS, key))) {
			*text = read_text(r);
		} else if (str_eq(key, STR("topic"))) {
			m->thread_topic = read_text(r);
			topic = true;
		} else if (str_eq(key, STR("clean"))) {
			m->xml_clean = take(r, 't');
			skip_value(r, 0);
		} else {
			skip_value(r, 0);
		}
	}
	if (!topic)
		m->thread_topic = m->subject;
	take(r, ' ');
	r->bad = r->bad || version != VERSION || r->p != r->end;
}

/* Whether the numbers make sense together: nobody may be led outside the message by them. */
static bool is_sound(const struct message *m)
{
	if (!m->nparts || m->importance < 0 || m->importance > 2 || m->size < 0)
		return false;
	for (unsigned i = 0; i < m->nparts; i++) {
		const struct part *p = &m->parts[i];
		if (p->size < 0 || p->offset < 0 || p->length < 0 || p->offset > m->size ||
		    p->length > m->size - p->offset)
			return false;
	}
	return true;
}

bool message_from_json(struct arena *a, struct str json, struct message *out, struct err *e)
{
	struct reader r = {.p = arena_dup(a, json.p, json.n)};
	r.end = r.p + json.n;
	*out = (struct message){.importance = 1};
	for (size_t i = 0; i < TEXTS; i++)
		*(struct str *)(void *)((char *)out + texts[i].offset) = (struct str){"", 0};
	read_message(a, &r, out);
	if (!r.bad && is_sound(out))
		return true;
	return err_set(e, ERR_INTERNAL,
		       "summary of a message: not of a form that is known here, byte %zu",
		       json.n - (size_t)(r.end - r.p));
}
