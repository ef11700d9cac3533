/*
 * item_lab: the classes kept as text under test: what a device is shown of a text as readable XML,
 * and an edit made from such XML.
 *
 * Everything lies in `arena`, which the test makes and frees. Each program includes it once.
 */
#ifndef EASEL_TEST_ITEM_LAB_H
#define EASEL_TEST_ITEM_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/item_class.h"

static struct arena *arena;

static int lab_set_up(void **state)
{
	(void)state;
	arena = arena_new(256u << 20);
	return 0;
}

static int lab_tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* Some time in 2026. */
#define LAB_NOW ((int64_t)1767225600000)

static __attribute__((unused)) struct item_context lab_context(unsigned version)
{
	return (struct item_context){.arena = arena, .version = version, .now = LAB_NOW};
}

/* The tree of what is written by `encode`, inside an ApplicationData. */
static __attribute__((unused)) struct wbxml_node *
lab_shown(const struct item_class_ops *class, const struct item_context *ctx, struct str text)
{
	struct body body = {0};
	struct wbxml_out w;
	struct err e = {ERR_NONE, ""};
	struct wbxml_node *root = NULL;
	wbxml_start(&w, &body);
	wbxml_begin(&w, AirSync_ApplicationData);
	if (!class->encode(&w, ctx, text, &e))
		fail_msg("encode: %s", e.text);
	wbxml_end(&w);
	assert_true(wbxml_finish(&w));
	struct str bytes = buf_move(arena, &body.mem);
	body_free(&body);
	if (!wbxml_decode(arena, bytes, &wbxml_default_limits, &root, &e))
		fail_msg("decode: %s", e.text);
	return root;
}

/* "Subject=…|Categories(Category=a|Category=b)": names without their page. */
static __attribute__((unused)) void lab_write(struct buf *out, const struct wbxml_node *node)
{
	for (; node; node = node->next) {
		buf_cstr(out, wbxml_tag_name(node->tag));
		if (node->first) {
			buf_byte(out, '(');
			lab_write(out, node->first);
			buf_byte(out, ')');
		} else if (node->text.n) {
			buf_byte(out, '=');
			buf_str(out, node->text);
		}
		if (node->next)
			buf_byte(out, '|');
	}
}

static __attribute__((unused)) struct str lab_line(const struct wbxml_node *node)
{
	struct buf out = {0};
	lab_write(&out, node);
	return buf_move(arena, &out);
}

static __attribute__((unused)) struct wbxml_node *lab_leaf(unsigned tag, const char *text)
{
	struct wbxml_node *node = arena_alloc(arena, sizeof *node);
	*node = (struct wbxml_node){.tag = tag, .text = str_of(text)};
	node->content = *text ? WBXML_TEXT : WBXML_EMPTY;
	return node;
}

/* Children after each other, NULL at the end. */
static __attribute__((unused)) struct wbxml_node *lab_element(unsigned tag,
							      struct wbxml_node **children)
{
	struct wbxml_node *node = lab_leaf(tag, "");
	struct wbxml_node **next = &node->first;
	node->content = WBXML_ELEMENTS;
	for (; *children; children++) {
		*next = *children;
		next = &(*children)->next;
	}
	return node;
}

#define LAB_ELEMENT(tag, ...) lab_element(tag, (struct wbxml_node *[]){__VA_ARGS__, NULL})

/* One child of ApplicationData as it was seen; NULL: not there. */
static __attribute__((unused)) const struct wbxml_node *lab_seen(const struct item_class_ops *class,
								 const struct item_context *ctx,
								 struct str text, unsigned tag)
{
	return text.n ? wbxml_child(lab_shown(class, ctx, text), tag) : NULL;
}

/* The text with one element changed, or removed when `sent` is NULL. */
static __attribute__((unused)) bool lab_apply(const struct item_class_ops *class,
					      const struct item_context *ctx, struct str old,
					      unsigned tag, const struct wbxml_node *sent,
					      struct str *out, struct err *e)
{
	struct item_edit_field field = {.tag = tag, .sent = sent};
	struct item_edit edit = {.v = &field, .n = 1};
	field.seen = lab_seen(class, ctx, old, tag);
	*out = old;
	return class->apply(ctx, old, &edit, INT64_MIN, out, e);
}

static __attribute__((unused)) struct str lab_edit(const struct item_class_ops *class,
						   const struct item_context *ctx, struct str old,
						   unsigned tag, const struct wbxml_node *sent)
{
	struct err e = {ERR_NONE, ""};
	struct str out;
	if (!lab_apply(class, ctx, old, tag, sent, &out, &e))
		fail_msg("apply: %s", e.text);
	return out;
}

static __attribute__((unused)) void assert_has(struct str text, const char *part)
{
	if (str_find(text, str_of(part)) < 0)
		fail_msg("no \"%s\" in:\n%.*s", part, STR_ARG(text));
}

static __attribute__((unused)) void assert_has_not(struct str text, const char *part)
{
	if (str_find(text, str_of(part)) >= 0)
		fail_msg("\"%s\" in:\n%.*s", part, STR_ARG(text));
}

static __attribute__((unused)) void assert_str(struct str got, const char *want)
{
	if (!str_eq(got, str_of(want)))
		fail_msg("got  \"%.*s\"\nwant \"%s\"", STR_ARG(got), want);
}

#endif
