/*
 * Any bytes: decoding never fails badly, and what was understood survives being written and read
 * again.
 */
#include <stdlib.h>

#include "test/unit/wbxml_tree.h"

static void check_again(struct arena *a, const struct wbxml_node *root)
{
	struct body body = {0};
	struct wbxml_out w;
	struct wbxml_node *again;
	wbxml_start(&w, &body);
	tree_encode(&w, root);
	if (!wbxml_finish(&w))
		abort();
	if (!wbxml_decode(a, buf_get(&body.mem), &wbxml_default_limits, &again, NULL)) {
		/* The same tree may need a little more room the second time. */
		if (!arena_overflowed(a))
			abort();
	} else if (!tree_same(a, root, again)) {
		abort();
	}
	body_free(&body);
}

static void check_dump(const struct wbxml_node *root, unsigned flags)
{
	struct buf out = {.limit = 16 * 1024 * 1024};
	wbxml_dump(&out, root, flags);
	if (!out.failed && !text_is_xml(buf_get(&out)))
		abort();
	buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(4 * 1024 * 1024);
	struct wbxml_node *root;
	struct err e = {ERR_NONE, ""};
	struct str bytes = {(const char *)data, size};
	if (wbxml_decode(a, bytes, &wbxml_default_limits, &root, &e)) {
		check_dump(root, WBXML_DUMP_ALL);
		check_dump(root, WBXML_DUMP_MASKED);
		check_again(a, root);
	} else if (e.kind != ERR_MALFORMED && e.kind != ERR_TOO_LARGE) {
		abort();
	}
	arena_free(&a);
	return 0;
}
