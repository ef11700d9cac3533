/* dump: a tree as XML for a person to read. See wbxml.h for the contract. */
#include "wbxml/wbxml.h"

#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/text.h"

enum { ALL_PAGES = 256, INDENT = 2 };

struct dump {
	struct buf *out;
	unsigned flags;
	unsigned root_page;
};

/* Passwords, and what people write to each other. A tag that nobody knows may be either. */
static bool is_private(unsigned tag)
{
	switch (tag) {
	case AirSyncBase_Content:
	case AirSyncBase_Data:
	case AirSyncBase_Preview:
	case Calendar_Body:
	case Calendar_CompressedRTF:
	case ComposeMail_Mime:
	case Contacts_Body:
	case Contacts_CompressedRTF:
	case Contacts_Picture:
	case Email2_UmUserNotes:
	case Email_Body:
	case Email_MIMEData:
	case Find_Preview:
	case Gal_Data:
	case ItemOperations_Data:
	case ItemOperations_Password:
	case ResolveRecipients_Data:
	case Search_Password:
	case Settings_Password:
	case Settings_ReplyMessage:
	case Tasks_Body:
	case Tasks_CompressedRTF:
		return true;
	default:
		return !wbxml_tag_name(tag);
	}
}

/* ---- Names ---- */

static void put_namespace(struct buf *out, unsigned page)
{
	const char *name = wbxml_page_name(page);
	if (page == Gal_DisplayName >> 8)
		buf_cstr(out, "GAL"); /* as the schemas have it, unlike MS-ASWBXML */
	else if (name)
		buf_cstr(out, name);
	else
		buf_printf(out, "page-%u", page);
}

/* The namespace in lower case. */
static void put_prefix(struct buf *out, unsigned page)
{
	size_t from = out->n;
	put_namespace(out, page);
	for (size_t i = from; i < out->n; i++)
		if (out->p[i] >= 'A' && out->p[i] <= 'Z')
			out->p[i] += 'a' - 'A';
}

static void put_name(struct dump *d, unsigned tag)
{
	const char *name = wbxml_tag_name(tag);
	if (tag >> 8 != d->root_page) {
		put_prefix(d->out, tag >> 8);
		buf_byte(d->out, ':');
	}
	if (name)
		buf_cstr(d->out, name);
	else
		buf_printf(d->out, "tag-%02x", tag & 0xff);
}

static void find_pages(const struct wbxml_node *node, bool used[ALL_PAGES])
{
	used[node->tag >> 8 & 0xff] = true;
	for (const struct wbxml_node *child = node->first; child; child = child->next)
		find_pages(child, used);
}

static void put_declarations(struct dump *d, const struct wbxml_node *root)
{
	bool used[ALL_PAGES] = {false};
	find_pages(root, used);
	buf_cstr(d->out, " xmlns=\"");
	put_namespace(d->out, d->root_page);
	for (unsigned page = 0; page < ALL_PAGES; page++) {
		if (!used[page] || page == d->root_page)
			continue;
		buf_cstr(d->out, "\" xmlns:");
		put_prefix(d->out, page);
		buf_cstr(d->out, "=\"");
		put_namespace(d->out, page);
	}
	buf_byte(d->out, '"');
}

/* ---- Content ---- */

static const char *entity(char c)
{
	switch (c) {
	case '&':
		return "&amp;";
	case '<':
		return "&lt;";
	case '>':
		return "&gt;";
	case '\r':
		return "&#13;"; /* a reader would take a bare one for a line feed */
	default:
		return NULL;
	}
}

static void put_escaped(struct buf *out, struct str s)
{
	size_t from = 0;
	for (size_t i = 0; i < s.n; i++) {
		const char *e = entity(s.p[i]);
		if (!e)
			continue;
		buf_str(out, str_sub(s, from, i - from));
		buf_cstr(out, e);
		from = i + 1;
	}
	buf_str(out, str_sub(s, from, s.n));
}

static void put_content(struct dump *d, const struct wbxml_node *node)
{
	struct str s = node->text;
	if (d->flags & WBXML_DUMP_MASKED && is_private(node->tag)) {
		buf_printf(d->out, "*** (%zu bytes)", s.n);
		return;
	}
	if (text_is_xml(s)) {
		put_escaped(d->out, s);
		return;
	}
	struct arena *a = arena_new(SIZE_MAX);
	if (node->content == WBXML_OPAQUE)
		buf_str(d->out, text_base64_encode(a, s));
	else
		put_escaped(d->out, text_to_xml(a, s));
	arena_free(&a);
}

static void put_indent(struct dump *d, unsigned depth)
{
	for (unsigned i = 0; i < INDENT * depth; i++)
		buf_byte(d->out, ' ');
}

static void put_element(struct dump *d, const struct wbxml_node *node, unsigned depth)
{
	put_indent(d, depth);
	buf_byte(d->out, '<');
	put_name(d, node->tag);
	if (depth == 0)
		put_declarations(d, node);
	if (node->content == WBXML_EMPTY) {
		buf_cstr(d->out, "/>\n");
		return;
	}
	buf_byte(d->out, '>');
	if (node->content == WBXML_ELEMENTS) {
		buf_byte(d->out, '\n');
		for (const struct wbxml_node *child = node->first; child; child = child->next)
			put_element(d, child, depth + 1);
		put_indent(d, depth);
	} else {
		put_content(d, node);
	}
	buf_cstr(d->out, "</");
	put_name(d, node->tag);
	buf_cstr(d->out, ">\n");
}

void wbxml_dump(struct buf *out, const struct wbxml_node *root, unsigned flags)
{
	struct dump d = {.out = out, .flags = flags, .root_page = root->tag >> 8};
	buf_cstr(out, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n");
	put_element(&d, root, 0);
}
