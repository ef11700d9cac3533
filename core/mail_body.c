/* mail_body: plan and make the body of a message. See mail_body.h for the contract. */
#include "core/mail_body.h"

#include "core/base/arena.h"
#include "core/base/html_text.h"
#include "core/base/text.h"
#include "core/unique_text.h"
#include "store/mime.h"

enum {
	SMALL = 64 * 1024,	 /* a raw message up to this comes with the others' slices */
	HTML_LEAST = 256 * 1024, /* HTML read for text of a limited length, at least … */
	HTML_FACTOR = 16,	 /* … and for each byte of it */
	META_LOOK = 4096,	 /* where in HTML a charset is declared */
	TAG_LONGEST = 2048	 /* of a cut tag at the end of HTML */
};

/* ---- Planning ---- */

static const struct body_pref *pref_for(const struct body_prefs *prefs, enum body_type type)
{
	for (unsigned i = 0; i < prefs->n; i++)
		if (prefs->v[i].type == type)
			return &prefs->v[i];
	return NULL;
}

static bool is_smime(const struct message *m)
{
	return str_starts(m->message_class, STR("IPM.Note.SMIME")) ||
	       str_starts(m->message_class, STR("IPM.Note.Receipt.SMIME"));
}

/* MS-ASCMD 2.2.3.111: bytes of MIME, -1 for all. */
static int64_t mime_limit(const struct body_prefs *prefs, const struct body_pref *pref)
{
	static const int64_t sizes[] = {0, 4096, 5120, 7168, 10240, 20480, 51200, 102400, -1};
	int64_t by_option = prefs->mime_truncation < 0 ? -1 : sizes[prefs->mime_truncation];
	if (pref->truncation_size < 0)
		return by_option;
	return by_option >= 0 && by_option < pref->truncation_size ? by_option
								   : pref->truncation_size;
}

/* MIME, when it is wanted and nothing stands against it. */
static bool plan_mime(const struct message *m, const struct body_prefs *prefs,
		      struct body_plan *out)
{
	const struct body_pref *pref = pref_for(prefs, BODY_MIME);
	int support = prefs->mime_support;
	if (support < 0)
		support = prefs->n == 1 ? 2 : 0;
	if (!pref || support == 0 || (support == 1 && !is_smime(m)))
		return false;
	int64_t limit = is_smime(m) ? -1 : mime_limit(prefs, pref);
	bool whole = limit < 0 || limit >= m->size;
	if (!whole && pref->all_or_none && prefs->n > 1)
		return false;
	out->type = BODY_MIME;
	out->source = BODY_FROM_RAW;
	out->limit = whole && m->xml_clean ? -1 : limit;
	out->all_or_none = pref->all_or_none;
	out->preview = pref->preview;
	if (whole && m->xml_clean && m->size > SMALL)
		out->source = BODY_STREAMED;
	else /* what has to be encoded anew is read whole, however little of it is wanted */
		out->length = whole || !m->xml_clean ? m->size : limit;
	return true;
}

/* Encoded bytes that surely hold `n` bytes of UTF-8, with the line ends of the encoding. */
static int64_t encoded_need(const struct part *p, int64_t n)
{
	n = mime_bytes_for_utf8(p->charset, n + 16);
	switch (p->encoding) {
	case ENC_QP:
		return n * 3 + n / 8 + 64;
	case ENC_BASE64:
		return n / 3 * 4 + n / 12 + 256;
	case ENC_UU:
		return n / 2 * 3 + n / 8 + 256;
	case ENC_IDENTITY:
		break;
	}
	return n;
}

static void plan_slice(struct body_plan *plan)
{
	const struct part *p = plan->part;
	int64_t need = p->length;
	if (plan->source == BODY_CONVERTED && plan->type == BODY_PLAIN && plan->limit >= 0) {
		int64_t most = plan->limit * HTML_FACTOR;
		need = encoded_need(p, most > HTML_LEAST ? most : HTML_LEAST);
	} else if (plan->limit >= 0) {
		need = encoded_need(p, plan->limit);
	}
	plan->offset = p->offset;
	plan->length = need < p->length ? need : p->length;
}

static bool would_be_cut(const struct body_pref *pref, const struct part *part)
{
	return pref->all_or_none && pref->truncation_size >= 0 && part &&
	       part->size > pref->truncation_size;
}

enum body_type body_native_type(const struct message *m)
{
	return message_body(m, PART_HTML) ? BODY_HTML : BODY_PLAIN;
}

/*
 * Which of plain and HTML: the stored form if it is wanted and may be given, else the other if that
 * is wanted, else what comes nearest.
 */
static struct body_pref choose(const struct message *m, const struct body_prefs *prefs)
{
	enum body_type native = body_native_type(m);
	const struct part *part = message_body(m, native == BODY_HTML ? PART_HTML : PART_TEXT);
	const struct body_pref *first = pref_for(prefs, native);
	const struct body_pref *second =
		pref_for(prefs, native == BODY_HTML ? BODY_PLAIN : BODY_HTML);
	if (first && !(second && would_be_cut(first, part)))
		return *first;
	if (second)
		return *second;
	/* Only RTF or MIME is wanted, or nothing said: the stored form, with the limit that was
	 * set. */
	struct body_pref any = prefs->n ? prefs->v[0] : (struct body_pref){.truncation_size = -1};
	any.type = native;
	return any;
}

/* What 2.5 can be given, whatever was said: another version may have said it. */
static struct body_prefs prefs_of_25(const struct body_prefs *prefs)
{
	const struct body_pref *plain = pref_for(prefs, BODY_PLAIN);
	const struct body_pref *mime = pref_for(prefs, BODY_MIME);
	return (struct body_prefs){
		.v = {{.type = BODY_PLAIN, .truncation_size = plain ? plain->truncation_size : -1},
		      {.type = BODY_MIME, .truncation_size = mime ? mime->truncation_size : -1}},
		.n = 2,
		.mime_support = prefs->mime_support,
		.mime_truncation = prefs->mime_truncation,
	};
}

void body_plan(const struct message *m, const struct body_prefs *prefs, unsigned version,
	       struct body_plan *out)
{
	struct body_prefs older;
	if (version < 120) {
		older = prefs_of_25(prefs);
		prefs = &older;
	}
	*out = (struct body_plan){.limit = -1};
	if (!plan_mime(m, prefs, out)) {
		struct body_pref pref = choose(m, prefs);
		bool html = pref.type == BODY_HTML;
		const struct part *same = message_body(m, html ? PART_HTML : PART_TEXT);
		const struct part *other = message_body(m, html ? PART_TEXT : PART_HTML);
		out->type = pref.type;
		out->limit = pref.truncation_size;
		out->all_or_none = pref.all_or_none;
		out->preview = pref.preview;
		out->part = same ? same : other;
		out->source = same ? BODY_FROM_PART : other ? BODY_CONVERTED : BODY_FROM_NOTHING;
		if (out->part)
			plan_slice(out);
	}
	if (version < 140)
		out->preview = 0;
}

bool body_plan_part(const struct message *m, const struct body_prefs *prefs, unsigned version,
		    struct body_plan *out)
{
	const struct body_prefs only = {
		.v = {prefs->part}, .n = 1, .mime_support = 0, .mime_truncation = -1};
	if (version < 141 || !prefs->part.type)
		return false;
	body_plan(m, &only, version, out);
	out->unique = true;
	return true;
}

/* ---- Making ---- */

/* Whether the byte at `at` lies within a <meta> tag. */
static bool in_meta(struct str html, size_t at)
{
	while (at > 0 && html.p[at - 1] != '>' && html.p[at - 1] != '<')
		at--;
	return at > 0 && str_starts_nocase(str_sub(html, at, 5), STR("meta ")) &&
	       html.p[at - 1] == '<';
}

/* The value of charset= within a <meta> tag near the start. */
static bool find_charset(struct str html, struct str *value)
{
	struct str look = str_sub(html, 0, META_LOOK);
	const char *p = look.p, *end = look.p + look.n;
	for (; p < end && (p = memchr(p, '=', (size_t)(end - p))); p++) {
		size_t from = (size_t)(p - look.p) + 1;
		if (from < 8 || !str_eq_nocase(str_sub(look, from - 8, 7), STR("charset")) ||
		    !in_meta(look, from))
			continue;
		while (from < look.n && (look.p[from] == '"' || look.p[from] == '\''))
			from++;
		size_t to = from;
		while (to < look.n && !memchr("\"'; />\r\n\t", look.p[to], 9))
			to++;
		*value = str_sub(look, from, to - from);
		return to > from && to < look.n;
	}
	return false;
}

/* A client that believes the declaration would decode the text twice. */
static struct str declare_utf8(struct arena *a, struct str html)
{
	struct str said;
	if (!find_charset(html, &said) || str_eq_nocase(said, STR("utf-8")))
		return html;
	size_t at = (size_t)(said.p - html.p), rest = html.n - at - said.n;
	char *out = arena_alloc(a, at + 5 + rest + 1);
	memcpy(out, html.p, at);
	memcpy(out + at, "utf-8", 5);
	memcpy(out + at + 5, said.p + said.n, rest);
	return (struct str){out, at + 5 + rest};
}

/* Without a tag or an entity that was cut in the middle. */
static struct str drop_cut_tag(struct str html)
{
	for (size_t back = 1; back <= html.n && back <= TAG_LONGEST; back++) {
		char c = html.p[html.n - back];
		if (c == '>')
			break;
		if (c == '<')
			return str_sub(html, 0, html.n - back);
	}
	for (size_t back = 1; back <= html.n && back <= 10; back++) {
		char c = html.p[html.n - back];
		if (c == ';' || c == ' ')
			break;
		if (c == '&')
			return str_sub(html, 0, html.n - back);
	}
	return html;
}

/* The slice as legal XML text in UTF-8. */
static struct str decode(struct arena *a, const struct body_plan *plan, struct str bytes, bool cut)
{
	struct str decoded = mime_decode_all(a, plan->part->encoding, bytes);
	return text_to_xml(a, mime_to_utf8(a, plan->part->charset, decoded, cut));
}

static void set_data(struct body_text *out, struct str data, bool cut, int64_t whole, int64_t limit)
{
	out->data = limit >= 0 ? text_cut_utf8(data, (size_t)limit) : data;
	out->truncated = cut || out->data.n < data.n;
	out->size = (int64_t)data.n;
	if (cut)
		out->size = whole > out->size ? whole : out->size + 1;
}

static void make_from_part(struct arena *a, const struct body_plan *plan, struct str bytes,
			   struct body_text *out)
{
	bool cut = (int64_t)bytes.n < plan->part->length;
	struct str text = decode(a, plan, bytes, cut);
	int64_t whole = plan->part->size;
	if (plan->unique) {
		struct str own = unique_html(text);
		if (own.n < text.n) {
			cut = false;
			whole = (int64_t)own.n;
		}
		text = own;
	}
	text = plan->type == BODY_HTML ? declare_utf8(a, text) : body_with_crlf(a, text);
	set_data(out, text, cut, whole, plan->limit);
	if (plan->type == BODY_HTML && out->truncated)
		out->data = drop_cut_tag(out->data);
}

static void make_converted(struct arena *a, const struct body_plan *plan, struct str bytes,
			   struct body_text *out)
{
	bool cut = (int64_t)bytes.n < plan->part->length, more;
	size_t max = plan->limit < 0 ? SIZE_MAX / 4 : (size_t)plan->limit;
	struct str source = decode(a, plan, bytes, cut);
	if (!source.n)
		return;
	if (plan->unique) {
		struct str own = unique_plain(source);
		cut = cut && own.n == source.n;
		source = own;
	}
	if (plan->type == BODY_HTML) {
		int64_t whole = (int64_t)html_from_text_size(source);
		struct str html = html_from_text(a, source, max, &more);
		set_data(out, html, cut || more,
			 whole > plan->part->size ? whole : plan->part->size, -1);
	} else {
		struct str text = html_to_text(a, source, max, &more);
		set_data(out, text, cut || more, plan->part->size, plan->limit);
	}
}

static void make_from_raw(struct arena *a, const struct message *m, const struct body_plan *plan,
			  struct str bytes, struct body_text *out)
{
	bool cut = m->xml_clean && (int64_t)bytes.n < m->size;
	struct str text = m->xml_clean ? bytes : body_clean_mime(a, bytes);
	set_data(out, text, cut, m->size, cut && plan->limit < 0 ? (int64_t)text.n : plan->limit);
	/* Somewhere else than after the slice's last whole character. */
	if (cut && !text_is_utf8(out->data))
		out->data = mime_to_utf8(a, STR("utf-8"), out->data, true);
}

/* The first `chars` UTF-16 units, which is what clients call characters. */
static struct str preview_of(const struct message *m, unsigned chars)
{
	size_t n = 0;
	for (unsigned count = 0; n < m->preview.n;) {
		unsigned char c = (unsigned char)m->preview.p[n];
		size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		count += size == 4 ? 2 : 1;
		if (count > chars || size > m->preview.n - n)
			break;
		n += size;
	}
	return str_sub(m->preview, 0, n);
}

bool body_make(struct arena *a, const struct message *m, const struct body_plan *plan,
	       struct str bytes, struct body_text *out, struct err *e)
{
	*out = (struct body_text){.data = {"", 0}, .preview = {"", 0}};
	if (!bytes.p)
		bytes = (struct str){"", 0};
	switch (plan->source) {
	case BODY_FROM_PART:
		make_from_part(a, plan, bytes, out);
		break;
	case BODY_CONVERTED:
		make_converted(a, plan, bytes, out);
		break;
	case BODY_FROM_RAW:
		make_from_raw(a, m, plan, bytes, out);
		break;
	case BODY_STREAMED:
		out->size = m->size;
		break;
	case BODY_FROM_NOTHING:
		break;
	}
	if (out->truncated && plan->all_or_none)
		out->data = (struct str){"", 0};
	/* Preview stands in for text that is not there (MS-ASAIRS 2.2.2.35.1). */
	if (plan->type != BODY_PLAIN || !out->data.n)
		out->preview = preview_of(m, plan->preview);
	return !arena_overflowed(a) || err_set(e, ERR_TOO_LARGE, "body: no room to make it");
}
