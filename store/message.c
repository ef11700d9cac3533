/* message: what is found in a message when it comes. See message.h for the contract. */
#include "store/message.h"

#include "core/base/arena.h"
#include "core/base/digest.h"
#include "core/base/html_text.h"
#include "core/base/text.h"
#include "store/message_scan.h"
#include "store/mime.h"
#include "store/store.h"

enum { PREVIEW = 255, PREVIEW_TEXT = 8 * 1024, PREVIEW_HTML = 256 * 1024 };

/* ---- Headers ---- */

/* Prefixes of replies and forwards, in the languages that mail programs write them in. */
static const char *const prefixes[] = {
	"re", "aw",  "fw",  "fwd",     "wg",   "sv",   "vs",   "vl",   "tr",  "rv",  "rif",
	"r",  "i",   "odp", "pd",      "antw", "ref",  "enc",  "res",  "ynt", "ilt", "vb",
	"vá", "bls", "trs", "antwort", "回复", "回覆", "转发", "轉寄", "答复"};

/* Length of "Re:", "AW[2]: ", "Fwd : " at the start of s, or 0. */
static size_t reply_prefix(struct str s)
{
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		struct str word = str_of(prefixes[i]);
		if (!str_starts_nocase(s, word))
			continue;
		size_t n = word.n;
		if (n < s.n && (s.p[n] == '[' || s.p[n] == '(')) {
			n++;
			while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
				n++;
			if (n == s.n || (s.p[n] != ']' && s.p[n] != ')'))
				continue;
			n++;
		}
		while (n < s.n && s.p[n] == ' ')
			n++;
		if (n < s.n && s.p[n] == ':')
			return n + 1;
		if (s.n - n >= 3 && memcmp(s.p + n, "\xef\xbc\x9a", 3) == 0)
			return n + 3;
	}
	return 0;
}

static struct str topic_of(struct str subject)
{
	size_t n;
	subject = str_trim(subject);
	while ((n = reply_prefix(subject)) > 0)
		subject = str_trim(str_sub(subject, n, subject.n));
	return subject;
}

/* The next "<id>" of a header value. False at the end. */
static bool next_id(struct str *rest, struct str *id)
{
	ptrdiff_t from = str_find_byte(*rest, '<');
	if (from < 0)
		return false;
	*rest = str_sub(*rest, (size_t)from, rest->n);
	ptrdiff_t to = str_find_byte(*rest, '>');
	if (to < 0)
		return false;
	*id = str_sub(*rest, 0, (size_t)to + 1);
	*rest = str_sub(*rest, (size_t)to + 1, rest->n);
	return true;
}

/* All ids of a value, blank-separated. */
static struct str ids_of(struct arena *a, struct str raw)
{
	struct str rest = mime_text(a, raw), id;
	char *out = arena_alloc(a, rest.n + 1);
	size_t n = 0;
	while (next_id(&rest, &id)) {
		if (id.n <= 2 || str_find_byte(id, ' ') >= 0)
			continue;
		if (n)
			out[n++] = ' ';
		memcpy(out + n, id.p, id.n);
		n += id.n;
	}
	return (struct str){out, n};
}

static int importance_of(struct str importance, struct str x_priority, struct str priority)
{
	importance = str_trim(importance);
	x_priority = str_trim(x_priority);
	priority = str_trim(priority);
	if (str_starts_nocase(importance, STR("high")))
		return 2;
	if (str_starts_nocase(importance, STR("low")))
		return 0;
	if (importance.n)
		return 1;
	if (x_priority.n)
		return x_priority.p[0] == '1' || x_priority.p[0] == '2'	  ? 2
		       : x_priority.p[0] == '4' || x_priority.p[0] == '5' ? 0
									  : 1;
	return str_starts_nocase(priority, STR("urgent"))	? 2
	       : str_starts_nocase(priority, STR("non-urgent")) ? 0
								: 1;
}

enum header {
	H_FROM,
	H_TO,
	H_CC,
	H_BCC,
	H_REPLY_TO,
	H_SENDER,
	H_SUBJECT,
	H_DATE,
	H_MESSAGE_ID,
	H_IN_REPLY_TO,
	H_REFERENCES,
	H_CONTENT_CLASS,
	H_IMPORTANCE,
	H_X_PRIORITY,
	H_PRIORITY,
	H_THREAD_INDEX,
	HEADERS
};

static void collect_headers(struct str head, struct str found[HEADERS])
{
	static const struct str names[HEADERS] = {
		STR_INIT("From"),	 STR_INIT("To"),	 STR_INIT("Cc"),
		STR_INIT("Bcc"),	 STR_INIT("Reply-To"),	 STR_INIT("Sender"),
		STR_INIT("Subject"),	 STR_INIT("Date"),	 STR_INIT("Message-ID"),
		STR_INIT("In-Reply-To"), STR_INIT("References"), STR_INIT("Content-Class"),
		STR_INIT("Importance"),	 STR_INIT("X-Priority"), STR_INIT("Priority"),
		STR_INIT("Thread-Index")};
	struct str name, value;
	while (mime_field(&head, &name, &value))
		for (int i = 0; i < HEADERS; i++)
			if (!str_trim(found[i]).n && str_eq_nocase(name, names[i])) {
				found[i] = value;
				break;
			}
}

/*
 * Outlook's index of the conversation: a byte, five of the time at which it began, a GUID, and five
 * for each reply (MS-OXOMSG 2.2.1.3). Kept without byte and GUID, as the protocol has it; empty
 * when it is none.
 */
static struct str read_thread_index(struct arena *a, struct str value)
{
	enum { TIME = 1, GUID = 6, LEVELS = 22, LEVEL = 5, LEVELS_MOST = 100 };
	struct str bytes;
	if (!value.n || !text_base64_decode(a, str_trim(value), true, &bytes) || bytes.n < LEVELS ||
	    (bytes.n - LEVELS) % LEVEL != 0 || bytes.n > LEVELS + LEVEL * LEVELS_MOST ||
	    bytes.p[0] != 1)
		return (struct str){"", 0};
	size_t levels = bytes.n - LEVELS;
	char *kept = arena_alloc(a, GUID - TIME + levels);
	memcpy(kept, bytes.p + TIME, GUID - TIME);
	memcpy(kept + GUID - TIME, bytes.p + LEVELS, levels);
	return text_hex_encode(a, (struct str){kept, GUID - TIME + levels});
}

static void read_headers(struct arena *a, struct str head, struct message *m)
{
	struct str h[HEADERS] = {{NULL, 0}};
	collect_headers(head, h);
	m->from = mime_addresses(a, h[H_FROM]);
	m->to = mime_addresses(a, h[H_TO]);
	m->cc = mime_addresses(a, h[H_CC]);
	m->bcc = mime_addresses(a, h[H_BCC]);
	m->reply_to = mime_addresses(a, h[H_REPLY_TO]);
	m->sender = mime_addresses(a, h[H_SENDER]);
	m->subject = mime_text(a, h[H_SUBJECT]);
	m->thread_topic = topic_of(m->subject);
	m->message_id = ids_of(a, h[H_MESSAGE_ID]);
	m->in_reply_to = ids_of(a, h[H_IN_REPLY_TO]);
	m->references = ids_of(a, h[H_REFERENCES]);
	m->thread_index = read_thread_index(a, h[H_THREAD_INDEX]);
	m->content_class = mime_text(a, h[H_CONTENT_CLASS]);
	m->importance = importance_of(h[H_IMPORTANCE], h[H_X_PRIORITY], h[H_PRIORITY]);
	m->date = mime_date(a, h[H_DATE]);
}

/*
 * The same for all messages of a thread, whatever folder or account they lie in: a hash of the
 * Message-ID that began it, which every reply names first in References.
 */
static void find_conversation(struct message *m)
{
	struct str rest = m->references.n    ? m->references
			  : m->in_reply_to.n ? m->in_reply_to
					     : m->message_id;
	struct str root;
	m->has_conversation = next_id(&rest, &root);
	if (!m->has_conversation)
		return;
	unsigned char digest[DIGEST_SIZE];
	digest_sha256(root, digest);
	memcpy(m->conversation, digest, sizeof m->conversation);
}

/* ---- Text ---- */

struct str message_part_text(struct arena *a, struct str raw, const struct part *part, size_t most)
{
	struct str encoded = str_sub(raw, (size_t)part->offset, (size_t)part->length);
	bool cut = encoded.n > most;
	struct str bytes = mime_decode_all(a, part->encoding, str_sub(encoded, 0, most));
	return text_to_xml(a, mime_to_utf8(a, part->charset, bytes, cut));
}

static struct str preview_of(struct arena *a, struct str raw, const struct message *m)
{
	const struct part *text = message_body(m, PART_TEXT), *html = message_body(m, PART_HTML);
	struct str out = {"", 0};
	if (text)
		out = html_fold(a, message_part_text(a, raw, text, PREVIEW_TEXT), PREVIEW);
	if (out.n || !html)
		return out;
	bool more;
	struct str page = message_part_text(a, raw, html, PREVIEW_HTML);
	return html_fold(a, html_to_text(a, page, 4 * PREVIEW, &more), PREVIEW);
}

/* Mail is sent with CRLF (clients count on it inside encoded parts); anything else needs a copy. */
static bool has_bare_break(struct str s)
{
	const char *p = s.p, *end = s.p + s.n, *lf;
	for (; p < end && (lf = memchr(p, '\n', (size_t)(end - p))); p = lf + 1)
		if (lf == s.p || lf[-1] != '\r')
			return true;
	return false;
}

/* ---- The whole ---- */

bool message_scan(struct arena *a, struct str raw, struct message *out, struct err *e)
{
	*out = (struct message){.size = (int64_t)raw.n};
	if (!raw.p)
		raw = (struct str){"", 0};
	struct mime_tree tree;
	mime_split(a, raw, &tree);
	read_headers(a, tree.v[0].head, out);
	message_find_roles(a, raw, &tree, out);
	out->message_class = message_find_class(a, raw, &tree, out);
	find_conversation(out);
	out->xml_clean = !has_bare_break(raw) && text_is_xml(raw);
	out->preview = preview_of(a, raw, out);
	if (arena_overflowed(a))
		return err_set(e, ERR_TOO_LARGE, "message of %zu bytes: no room to read it", raw.n);
	return true;
}

const struct part *message_part(const struct message *m, struct str path)
{
	for (unsigned i = 0; i < m->nparts; i++)
		if (str_eq(m->parts[i].path, path))
			return &m->parts[i];
	return NULL;
}

const struct part *message_body(const struct message *m, enum part_role role)
{
	for (unsigned i = 0; i < m->nparts; i++)
		if (m->parts[i].role == role)
			return &m->parts[i];
	return NULL;
}

/* ---- mbox ---- */

unsigned message_mbox_flags(struct str raw)
{
	static const struct {
		char letter;
		unsigned flag;
	} letters[] = {
		{'R', ITEM_SEEN}, {'A', ITEM_ANSWERED}, {'F', ITEM_FLAGGED}, {'T', ITEM_DRAFT}};
	size_t body;
	unsigned flags = 0;
	struct str head = mime_head(raw, &body), name, value;
	while (mime_field(&head, &name, &value)) {
		if (str_eq_nocase(name, STR("Keywords")) ||
		    str_eq_nocase(name, STR("X-Keywords"))) {
			if (str_find(value, STR("$Forwarded")) >= 0)
				flags |= ITEM_FORWARDED;
			continue;
		}
		if (!str_eq_nocase(name, STR("Status")) && !str_eq_nocase(name, STR("X-Status")))
			continue;
		for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
			if (str_find_byte(value, letters[i].letter) >= 0)
				flags |= letters[i].flag;
	}
	return flags;
}
