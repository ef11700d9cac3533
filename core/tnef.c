/* tnef: what is in a winmail.dat. See tnef.h for the contract. */
#include "core/tnef.h"

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/rtf_text.h"
#include "store/mime.h"

enum {
	SIGNATURE = 0x223E9F78,
	NAME_BYTES = 1024, /* of a named property */

	/* Attributes (MS-OXTNEF 2.1.3.3), without their type. */
	ATT_MESSAGE_CLASS = 0x8008,
	ATT_SUBJECT = 0x8004,
	ATT_BODY = 0x800C,
	ATT_PROPERTIES = 0x9003,
	ATT_ATTACHMENT = 0x9005,
	ATT_CODEPAGE = 0x9007,
	ATT_RENDER_DATA = 0x9002,
	ATT_ATTACH_TITLE = 0x8010,
	ATT_ATTACH_DATA = 0x800F,

	/* Property types (MS-OXCDATA 2.11.1). */
	PT_SHORT = 2,
	PT_LONG = 3,
	PT_FLOAT = 4,
	PT_BOOLEAN = 0xB,
	PT_ERROR = 0xA,
	PT_OBJECT = 0xD,
	PT_STRING8 = 0x1E,
	PT_UNICODE = 0x1F,
	PT_CLSID = 0x48,
	PT_BINARY = 0x102,
	PT_MULTI = 0x1000,

	/* Properties. */
	PR_MESSAGE_CLASS = 0x001A,
	PR_SUBJECT = 0x0037,
	PR_BODY = 0x1000,
	PR_RTF_COMPRESSED = 0x1009,
	PR_HTML = 0x1013,
	PR_ATTACH_DATA = 0x3701,
	PR_ATTACH_FILENAME = 0x3704,
	PR_ATTACH_LONG_FILENAME = 0x3707,
	PR_ATTACH_MIME_TAG = 0x370E,
	PR_ATTACH_CONTENT_ID = 0x3712,

	/* Named ones, of appointments and of meetings. */
	LID_SEQUENCE = 0x8201,
	LID_LOCATION = 0x8208,
	LID_START = 0x820D,
	LID_END = 0x820E,
	LID_ALL_DAY = 0x8215,
	LID_RECURRENCE = 0x8216,
	LID_ZONE = 0x8233,
	LID_GLOBAL_ID = 0x0003,
	LID_CLEAN_GLOBAL_ID = 0x0023
};

/* ---- Bytes ---- */

struct reader {
	struct str rest;
	bool failed; /* it ended too soon */
};

static struct str take(struct reader *r, size_t n)
{
	struct str out = str_sub(r->rest, 0, n);
	if (n > r->rest.n) {
		r->failed = true;
		r->rest.n = 0;
		return STR("");
	}
	r->rest = str_sub(r->rest, n, r->rest.n);
	return out;
}

static uint64_t number(struct reader *r, unsigned n)
{
	struct str b = take(r, n);
	uint64_t v = 0;
	for (size_t i = b.n; i > 0; i--)
		v = v << 8 | (unsigned char)b.p[i - 1];
	return v;
}

static void align(struct reader *r, size_t length)
{
	if (length % 4)
		take(r, 4 - length % 4);
}

/* ---- Texts ---- */

struct state {
	struct arena *a;
	struct tnef *t;
	struct str charset;	/* of 8-bit texts */
	struct tnef_file *file; /* that attributes are about; NULL: the message */
	unsigned properties;
};

static struct str without_nul(struct str s)
{
	ptrdiff_t nul = str_find_byte(s, 0);
	return nul < 0 ? s : str_sub(s, 0, (size_t)nul);
}

static struct str text8(struct state *x, struct str bytes)
{
	return text_to_xml(x->a, mime_to_utf8(x->a, x->charset, without_nul(bytes), false));
}

static struct str text16(struct state *x, struct str bytes)
{
	struct str s = mime_to_utf8(x->a, STR("utf-16le"), bytes, false);
	return text_to_xml(x->a, without_nul(s));
}

/* ---- Properties ---- */

struct property {
	unsigned id, type;
	bool named; /* then id is its number in its set */
	struct str bytes;
};

/* Bytes of a value of fixed length, as they are padded; 0: it has a length of its own. */
static size_t fixed_size(unsigned type)
{
	switch (type) {
	case PT_SHORT:
	case PT_LONG:
	case PT_FLOAT:
	case PT_BOOLEAN:
	case PT_ERROR:
		return 4;
	case PT_CLSID:
		return 16;
	case PT_STRING8:
	case PT_UNICODE:
	case PT_BINARY:
	case PT_OBJECT:
		return 0;
	default:
		return 8;
	}
}

static void read_name(struct reader *r, struct property *p)
{
	take(r, 16);
	if (number(r, 4) == 0) {
		p->id = (unsigned)number(r, 4);
		p->named = true;
		return;
	}
	size_t n = (size_t)number(r, 4);
	if (n > NAME_BYTES)
		r->failed = true;
	take(r, n);
	align(r, n);
	p->id = 0;
	p->named = true;
}

static struct str read_value(struct reader *r, unsigned type)
{
	size_t n = fixed_size(type);
	if (n)
		return take(r, n);
	n = (size_t)number(r, 4);
	struct str value = take(r, n);
	align(r, n);
	return value;
}

/* Of a property with several values the first counts. */
static bool read_property(struct reader *r, struct property *out)
{
	*out = (struct property){0};
	out->type = (unsigned)number(r, 2);
	out->id = (unsigned)number(r, 2);
	if (out->id >= 0x8000)
		read_name(r, out);
	unsigned base = out->type & ~(unsigned)PT_MULTI;
	uint64_t count = out->type & PT_MULTI || !fixed_size(base) ? number(r, 4) : 1;
	for (uint64_t i = 0; i < count && !r->failed; i++) {
		struct str value = read_value(r, base);
		if (i == 0)
			out->bytes = value;
	}
	out->type = base;
	return !r->failed;
}

static struct str property_text(struct state *x, const struct property *p)
{
	return p->type == PT_UNICODE ? text16(x, p->bytes) : text8(x, p->bytes);
}

/* FILETIME: 100 ns since 1601. */
static int64_t property_time(const struct property *p)
{
	struct reader r = {.rest = p->bytes};
	uint64_t filetime = number(&r, 8);
	return filetime / 10000 < INT64_MAX / 2 ? (int64_t)(filetime / 10000) - 11644473600000 : 0;
}

static int64_t property_number(const struct property *p)
{
	struct reader r = {.rest = p->bytes};
	return (int64_t)(uint32_t)number(&r, 4);
}

static void take_named(struct state *x, const struct property *p)
{
	struct tnef *t = x->t;
	switch (p->id) {
	case LID_SEQUENCE:
		t->sequence = property_number(p);
		break;
	case LID_LOCATION:
		t->location = property_text(x, p);
		break;
	case LID_START:
		t->start = property_time(p);
		break;
	case LID_END:
		t->end = property_time(p);
		break;
	case LID_ALL_DAY:
		t->all_day = property_number(p) != 0;
		break;
	case LID_RECURRENCE:
		t->recurrence = p->bytes;
		break;
	case LID_ZONE:
		t->zone = p->bytes;
		break;
	case LID_CLEAN_GLOBAL_ID:
		t->global_id = p->bytes;
		break;
	case LID_GLOBAL_ID:
		if (!t->global_id.n)
			t->global_id = p->bytes;
		break;
	}
}

static void take_property(struct state *x, const struct property *p)
{
	struct tnef *t = x->t;
	struct err ignored;
	switch (p->id) {
	case PR_MESSAGE_CLASS:
		t->message_class = property_text(x, p);
		break;
	case PR_SUBJECT:
		t->subject = property_text(x, p);
		break;
	case PR_BODY:
		t->text = property_text(x, p);
		break;
	case PR_HTML:
		t->html = text8(x, p->bytes);
		break;
	case PR_RTF_COMPRESSED:
		if (!t->text.n && !rtf_text(x->a, p->bytes, &t->text, &ignored))
			t->text = STR("");
		break;
	}
}

/* An embedded object begins with the id of its interface; only data is a file. */
static void take_file_property(struct state *x, const struct property *p)
{
	struct tnef_file *f = x->file;
	switch (p->id) {
	case PR_ATTACH_LONG_FILENAME:
		f->name = property_text(x, p);
		break;
	case PR_ATTACH_FILENAME:
		if (!f->name.n)
			f->name = property_text(x, p);
		break;
	case PR_ATTACH_MIME_TAG:
		f->type = property_text(x, p);
		break;
	case PR_ATTACH_CONTENT_ID:
		f->content_id = property_text(x, p);
		break;
	case PR_ATTACH_DATA:
		if (p->type == PT_BINARY)
			f->bytes = p->bytes;
		break;
	}
}

static void read_properties(struct state *x, struct str bytes)
{
	struct reader r = {.rest = bytes};
	struct property p;
	uint64_t count = number(&r, 4);
	for (uint64_t i = 0; i < count && x->properties < TNEF_PROPERTIES; i++) {
		x->properties++;
		if (!read_property(&r, &p))
			return;
		if (x->file && !p.named)
			take_file_property(x, &p);
		else if (!x->file && p.named)
			take_named(x, &p);
		else if (!x->file)
			take_property(x, &p);
	}
}

/* ---- Attributes ---- */

static void begin_file(struct state *x)
{
	struct tnef *t = x->t;
	x->file = t->nfiles < TNEF_FILES ? &t->files[t->nfiles++] : NULL;
}

static void take_attribute(struct state *x, unsigned id, struct str data)
{
	struct reader r = {.rest = data};
	switch (id) {
	case ATT_CODEPAGE:
		x->charset = str_of(arena_printf(x->a, "cp%u", (unsigned)number(&r, 4)));
		break;
	case ATT_MESSAGE_CLASS:
		x->t->message_class = text8(x, data);
		break;
	case ATT_SUBJECT:
		x->t->subject = text8(x, data);
		break;
	case ATT_BODY:
		x->t->text = text8(x, data);
		break;
	case ATT_PROPERTIES:
		x->file = NULL;
		read_properties(x, data);
		break;
	case ATT_RENDER_DATA:
		begin_file(x);
		break;
	case ATT_ATTACH_TITLE:
		if (x->file && !x->file->name.n)
			x->file->name = text8(x, data);
		break;
	case ATT_ATTACH_DATA:
		if (x->file)
			x->file->bytes = data;
		break;
	case ATT_ATTACHMENT:
		if (x->file)
			read_properties(x, data);
		break;
	}
}

bool tnef_read(struct arena *a, struct str bytes, struct tnef *out)
{
	struct state x = {.a = a, .t = out, .charset = STR_INIT("cp1252")};
	struct reader r = {.rest = bytes};
	*out = (struct tnef){.files = arena_array(a, TNEF_FILES, sizeof *out->files)};
	if (number(&r, 4) != SIGNATURE)
		return false;
	take(&r, 2);
	while (r.rest.n > 0 && !arena_overflowed(a)) {
		take(&r, 1);
		unsigned id = (unsigned)number(&r, 4) & 0xffff;
		struct str data = take(&r, (size_t)number(&r, 4));
		take(&r, 2);
		if (r.failed && !data.n)
			break;
		take_attribute(&x, id, data);
	}
	return true;
}
