/* wbxml_tree: what the tests and the fuzz target do with whole trees: write them, compare them. */
#ifndef EASEL_TEST_WBXML_TREE_H
#define EASEL_TEST_WBXML_TREE_H

#include "core/base/arena.h"
#include "core/base/text.h"
#include "wbxml/wbxml.h"

static inline void tree_encode(struct wbxml_out *w, const struct wbxml_node *node)
{
	switch (node->content) {
	case WBXML_EMPTY:
		wbxml_empty(w, node->tag);
		break;
	case WBXML_TEXT:
		wbxml_text(w, node->tag, node->text);
		break;
	case WBXML_OPAQUE:
		wbxml_opaque(w, node->tag, node->text);
		break;
	case WBXML_ELEMENTS:
		wbxml_begin(w, node->tag);
		for (const struct wbxml_node *child = node->first; child; child = child->next)
			tree_encode(w, child);
		wbxml_end(w);
		break;
	}
}

/* Whether b is what comes back when a is written: the encoder drops what XML forbids. */
static inline bool tree_same(struct arena *arena, const struct wbxml_node *a,
			     const struct wbxml_node *b)
{
	struct str text = a->content == WBXML_TEXT ? text_to_xml(arena, a->text) : a->text;
	enum wbxml_content content = a->content;
	if (content == WBXML_TEXT && text.n == 0)
		content = WBXML_EMPTY;
	if (a->tag != b->tag || content != b->content || !str_eq(text, b->text))
		return false;
	const struct wbxml_node *x = a->first, *y = b->first;
	for (; x && y; x = x->next, y = y->next)
		if (!tree_same(arena, x, y))
			return false;
	return !x && !y;
}

#endif
