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

static struct str get_text(struct arena *a, json_t *v)
{
	size_t n = json_string_length(v);
	return n ? (struct str){arena_dup(a, json_string_value(v), n), n} : (struct str){"", 0};
}

static int index_of(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static bool read_part(struct arena *a, json_t *o, const struct message *m, struct part *p)
{
	for (size_t i = 0; i < PART_TEXTS; i++)
		*(struct str *)(void *)((char *)p + part_texts[i].offset) =
			get_text(a, json_object_get(o, part_texts[i].key));
	json_t *role = json_object_get(o, "role"), *encoding = json_object_get(o, "encoding");
	int r = json_is_string(role) ? index_of(roles, PART_OTHER + 1, json_string_value(role))
				     : -1;
	int e = encoding ? index_of(encodings, ENC_UU + 1,
				    json_is_string(encoding) ? json_string_value(encoding) : "?")
			 : ENC_IDENTITY;
	p->role = (enum part_role)r;
	p->encoding = (enum part_encoding)e;
	p->offset = json_integer_value(json_object_get(o, "at"));
	p->length = json_integer_value(json_object_get(o, "length"));
	json_t *size = json_object_get(o, "size");
	p->size = size ? json_integer_value(size) : p->length;
	return r >= 0 && e >= 0 && p->size >= 0 && p->offset >= 0 && p->length >= 0 &&
	       p->offset <= m->size && p->length <= m->size - p->offset;
}

static bool read_parts(struct arena *a, json_t *parts, struct message *m)
{
	size_t n = json_array_size(parts);
	if (n == 0 || n > MIME_PARTS)
		return false;
	m->nparts = (unsigned)n;
	m->parts = arena_array(a, n, sizeof *m->parts);
	for (size_t i = 0; i < n; i++)
		if (!read_part(a, json_array_get(parts, i), m, &m->parts[i]))
			return false;
	return true;
}

static bool read_conversation(struct arena *a, json_t *v, struct message *m)
{
	if (!v)
		return true;
	struct str bytes;
	if (!text_hex_decode(a, get_text(a, v), &bytes) || bytes.n != sizeof m->conversation)
		return false;
	memcpy(m->conversation, bytes.p, bytes.n);
	m->has_conversation = true;
	return true;
}

static bool read_message(struct arena *a, json_t *o, struct message *m)
{
	*m = (struct message){.importance = 1};
	if (json_integer_value(json_object_get(o, "v")) != VERSION)
		return false;
	for (size_t i = 0; i < TEXTS; i++)
		*(struct str *)(void *)((char *)m + texts[i].offset) =
			get_text(a, json_object_get(o, texts[i].key));
	json_t *topic = json_object_get(o, "topic"), *importance = json_object_get(o, "importance");
	m->thread_topic = topic ? get_text(a, topic) : m->subject;
	if (importance)
		m->importance = (int)json_integer_value(importance);
	m->date = json_integer_value(json_object_get(o, "date"));
	m->size = json_integer_value(json_object_get(o, "size"));
	m->xml_clean = json_is_true(json_object_get(o, "clean"));
	return m->importance >= 0 && m->importance <= 2 && m->size >= 0 &&
	       read_conversation(a, json_object_get(o, "conversation"), m) &&
	       read_parts(a, json_object_get(o, "parts"), m);
}

bool message_from_json(struct arena *a, struct str json, struct message *out, struct err *e)
{
	json_error_t why = {.text = ""};
	json_t *o = json_loadb(json.n ? json.p : "", json.n, 0, &why);
	bool ok = o && read_message(a, o, out);
	json_decref(o);
	return ok || err_set(e, ERR_INTERNAL, "summary of a message: %s",
			     o ? "not of a form that this version knows" : why.text);
}
