/*
 * decode: WBXML to a tree. See wbxml.h for the contract.
 *
 * The input is hostile. Each byte is looked at once and each element's text once more when it is
 * complete; what a string table could multiply is copied, so that the arena's cap bounds it.
 */
#include "wbxml/wbxml.h"

#include "core/base/arena.h"
#include "core/base/text.h"
#include "wbxml/tokens.h"

const struct wbxml_limits wbxml_default_limits = {.depth = WBXML_DEPTH, .nodes = 200000};

/* An open element and its last child. */
struct frame {
	struct wbxml_node *node, *last;
};

struct decoder {
	struct arena *a;
	struct str bytes, table;
	size_t at;
	const struct wbxml_limits *limits;
	unsigned page, nodes, depth;
	struct frame *open; /* room for limits->depth */
	struct wbxml_node *root;
	struct str text;   /* content of the innermost element up to now */
	bool opaque;	   /* some of it came as OPAQUE */
	struct buf joined; /* where text is put together when it comes in parts */
	struct err *e;
};

static bool fail(struct decoder *d, enum err_kind kind, const char *what)
{
	err_set(d->e, kind, "WBXML: %s at byte %zu", what, d->at);
	return false;
}

static bool malformed(struct decoder *d, const char *what)
{
	return fail(d, ERR_MALFORMED, what);
}

/* ---- The smallest parts ---- */

static bool take_byte(struct decoder *d, unsigned *out)
{
	if (d->at == d->bytes.n)
		return malformed(d, "the document ends early");
	*out = (unsigned char)d->bytes.p[d->at++];
	return true;
}

/* mb_u_int32: seven bits a byte, the highest first; the eighth says that more follow. */
static bool take_number(struct decoder *d, uint32_t *out)
{
	uint64_t v = 0;
	unsigned c = 0x80;
	for (int i = 0; i < 5 && c & 0x80; i++) {
		if (!take_byte(d, &c))
			return false;
		v = v << 7 | (c & 0x7f);
	}
	if (c & 0x80 || v > UINT32_MAX)
		return malformed(d, "a number is too large");
	*out = (uint32_t)v;
	return true;
}

/* A number and as many bytes. */
static bool take_run(struct decoder *d, struct str *out)
{
	uint32_t n;
	if (!take_number(d, &n))
		return false;
	if (n > d->bytes.n - d->at)
		return malformed(d, "a length goes past the end");
	*out = str_sub(d->bytes, d->at, n);
	d->at += n;
	return true;
}

/* ---- Header ---- */

static bool take_charset(struct decoder *d)
{
	uint32_t charset;
	if (!take_number(d, &charset))
		return false;
	if (charset != CHARSET_UTF_8 && charset != CHARSET_US_ASCII && charset != CHARSET_UNKNOWN)
		return malformed(d, "the charset is not UTF-8");
	return true;
}

static bool take_header(struct decoder *d)
{
	unsigned version;
	uint32_t public_id, name;
	if (!take_byte(d, &version))
		return false;
	if (version > 3)
		return malformed(d, "the version is not 1.0 to 1.3");
	/* Public identifier 0 means that a string table reference with its name follows. */
	if (!take_number(d, &public_id) || (public_id == 0 && !take_number(d, &name)))
		return false;
	/* WBXML 1.0 has no charset. */
	if (version > 0 && !take_charset(d))
		return false;
	return take_run(d, &d->table);
}

/* ---- Text ---- */

static bool is_blank(struct str s)
{
	return str_trim(s).n == 0;
}

/* Adds s to the content of the innermost element. */
static bool add_text(struct decoder *d, struct str s, bool opaque)
{
	if (arena_overflowed(d->a))
		return fail(d, ERR_TOO_LARGE, "too much text");
	if (d->depth == 0)
		return malformed(d, "text outside the root");
	if (s.n == 0)
		return true;
	if (d->open[d->depth - 1].last)
		return !opaque && is_blank(s) ? true : malformed(d, "text beside elements");
	d->opaque |= opaque;
	if (d->text.n == 0) {
		d->text = s;
		return true;
	}
	if (d->text.p != d->joined.p) {
		buf_cut(&d->joined, 0);
		buf_str(&d->joined, d->text);
	}
	buf_str(&d->joined, s);
	d->text = buf_get(&d->joined);
	return true;
}

static void forget_text(struct decoder *d)
{
	d->text = (struct str){NULL, 0};
	d->opaque = false;
}

static bool take_inline(struct decoder *d)
{
	struct str rest = str_sub(d->bytes, d->at, d->bytes.n);
	ptrdiff_t n = str_find_byte(rest, '\0');
	if (n < 0)
		return malformed(d, "a string does not end");
	d->at += (size_t)n + 1;
	return add_text(d, str_sub(rest, 0, (size_t)n), false);
}

static bool take_reference(struct decoder *d)
{
	uint32_t at;
	if (!take_number(d, &at))
		return false;
	struct str s = str_sub(d->table, at, d->table.n);
	ptrdiff_t n = str_find_byte(s, '\0');
	if (n < 0)
		return malformed(d, "a reference outside the string table");
	s.n = (size_t)n;
	return add_text(d, (struct str){str_dup(d->a, s), s.n}, false);
}

/* A character by its number; what XML 1.0 (2.2) does not allow is refused. */
static bool take_entity(struct decoder *d)
{
	uint32_t c;
	char out[4];
	size_t n = 0;
	if (!take_number(d, &c))
		return false;
	if (c > 0x10ffff)
		return malformed(d, "not a character");
	if (c < 0x80) {
		out[n++] = (char)c;
	} else {
		int more = c >= 0x10000 ? 3 : c >= 0x800 ? 2 : 1;
		out[n++] = (char)((0xff00 >> (more + 1) & 0xff) | c >> 6 * more);
		while (more--)
			out[n++] = (char)(0x80 | (c >> 6 * more & 0x3f));
	}
	if (!text_is_xml((struct str){out, n}))
		return malformed(d, "not a character");
	return add_text(d, (struct str){arena_dup(d->a, out, n), n}, false);
}

static bool take_opaque(struct decoder *d)
{
	struct str s;
	return take_run(d, &s) && add_text(d, s, true);
}

/* ---- Elements ---- */

static bool open_element(struct decoder *d, unsigned token)
{
	if (token & TAG_HAS_ATTRIBUTES)
		return malformed(d, "an attribute");
	if (d->opaque || !is_blank(d->text))
		return malformed(d, "text beside elements");
	forget_text(d);
	if (d->depth == d->limits->depth)
		return fail(d, ERR_TOO_LARGE, "elements nested too deep");
	if (d->nodes++ == d->limits->nodes || arena_overflowed(d->a))
		return fail(d, ERR_TOO_LARGE, "too many elements");
	struct wbxml_node *node = arena_alloc(d->a, sizeof *node);
	node->tag = d->page << 8 | (token & TAG_IDENTITY);
	node->text = STR("");
	if (d->depth) {
		struct frame *parent = &d->open[d->depth - 1];
		*(parent->last ? &parent->last->next : &parent->node->first) = node;
		parent->node->content = WBXML_ELEMENTS;
		parent->last = node;
	} else {
		d->root = node;
	}
	if (token & TAG_HAS_CONTENT)
		d->open[d->depth++] = (struct frame){.node = node};
	return true;
}

static bool close_element(struct decoder *d)
{
	if (d->depth == 0)
		return malformed(d, "an END without an element");
	struct wbxml_node *node = d->open[--d->depth].node;
	if (d->text.n) {
		if (!d->opaque && !text_is_utf8(d->text))
			return malformed(d, "text that is not UTF-8");
		/* Strings in the document and copies of the table's already end in NUL. */
		if (d->opaque || d->text.p == d->joined.p)
			d->text.p = str_dup(d->a, d->text);
		node->text = d->text;
		node->content = d->opaque ? WBXML_OPAQUE : WBXML_TEXT;
	}
	forget_text(d);
	return true;
}

static bool take_token(struct decoder *d)
{
	unsigned token;
	if (!take_byte(d, &token))
		return false;
	switch (token) {
	case TOKEN_SWITCH_PAGE:
		return take_byte(d, &d->page);
	case TOKEN_END:
		return close_element(d);
	case TOKEN_ENTITY:
		return take_entity(d);
	case TOKEN_STR_I:
		return take_inline(d);
	case TOKEN_STR_T:
		return take_reference(d);
	case TOKEN_OPAQUE:
		return take_opaque(d);
	default:
		if ((token & TAG_IDENTITY) < TAG_FIRST)
			return malformed(d, token == TOKEN_PI ? "a processing instruction"
							      : "a literal or an extension");
		return open_element(d, token);
	}
}

static bool take_document(struct decoder *d)
{
	if (!take_header(d))
		return false;
	while (!d->root || d->depth)
		if (!take_token(d))
			return false;
	if (d->at != d->bytes.n)
		return malformed(d, "bytes after the root");
	if (arena_overflowed(d->a))
		return fail(d, ERR_TOO_LARGE, "too much text");
	return true;
}

bool wbxml_decode(struct arena *a, struct str bytes, const struct wbxml_limits *limits,
		  struct wbxml_node **root, struct err *e)
{
	struct decoder d = {.a = a, .bytes = bytes, .limits = limits, .e = e};
	d.open = arena_array(a, limits->depth, sizeof *d.open);
	bool ok = take_document(&d);
	buf_free(&d.joined);
	*root = ok ? d.root : NULL;
	return ok;
}

/* ---- Reading the tree ---- */

/* The first of node and the siblings after it that has the tag. */
static const struct wbxml_node *find(const struct wbxml_node *node, unsigned tag)
{
	while (node && node->tag != tag)
		node = node->next;
	return node;
}

const struct wbxml_node *wbxml_child(const struct wbxml_node *node, unsigned tag)
{
	return node ? find(node->first, tag) : NULL;
}

const struct wbxml_node *wbxml_again(const struct wbxml_node *node)
{
	return find(node->next, node->tag);
}

struct str wbxml_child_text(const struct wbxml_node *node, unsigned tag)
{
	const struct wbxml_node *child = wbxml_child(node, tag);
	return child ? child->text : (struct str){NULL, 0};
}

unsigned wbxml_count(const struct wbxml_node *node)
{
	unsigned n = 0;
	for (const struct wbxml_node *child = node ? node->first : NULL; child; child = child->next)
		n++;
	return n;
}
