/*
 * Any bytes as a stored calendar, for two versions: what can be read can be shown, listed, edited
 * and read again, and an edit of the subject is what is shown then.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/item_class.h"

enum { MEMORY = 64 << 20, SHOWN_MOST = 32 << 20 };

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void show(const struct item_context *ctx, struct str text)
{
	struct body body = {.mem = {.limit = SHOWN_MOST}};
	struct wbxml_out w;
	struct err e = {0};
	wbxml_start(&w, &body);
	wbxml_begin(&w, AirSync_ApplicationData);
	if (calendar_class.encode(&w, ctx, text, &e)) {
		struct wbxml_node *root;
		wbxml_end(&w);
		if (wbxml_finish(&w) && !arena_overflowed(ctx->arena))
			check(wbxml_decode(ctx->arena, buf_get(&body.mem), &wbxml_default_limits,
					   &root, &e) ||
			      e.kind == ERR_TOO_LARGE);
	}
	body_free(&body);
}

static void edit(const struct item_context *ctx, struct str text)
{
	struct wbxml_node subject = {
		.tag = Calendar_Subject, .content = WBXML_TEXT, .text = STR_INIT("new")};
	struct wbxml_node start = {.tag = Calendar_StartTime,
				   .content = WBXML_TEXT,
				   .text = STR_INIT("20260310T130000Z")};
	struct item_edit_field v[] = {{Calendar_Subject, &subject, NULL},
				      {Calendar_StartTime, &start, NULL}};
	struct item_edit one = {.v = v, .n = 1}, both = {.v = v, .n = 2};
	struct item_facts facts;
	struct err e = {0};
	struct str out, gone;
	if (!calendar_class.apply(ctx, text, &one, INT64_MIN, &out, &e))
		return;
	check(str_find(out, STR("new")) >= 0);
	check(calendar_class.facts(ctx, out, &facts, &e) || arena_overflowed(ctx->arena));
	if (calendar_class.apply(ctx, text, &both, INT64_MIN, &out, &e))
		show(ctx, out);
	if (calendar_class.apply(ctx, text, &one, 1773147600000, &out, &e))
		show(ctx, out);
	calendar_class.remove_instance(ctx, text, 1773147600000, &gone, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const unsigned versions[] = {25, 141, 161};
	struct str text = {(const char *)data, size};
	for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
		struct arena *a = arena_new(MEMORY);
		struct item_context ctx = {.arena = a,
					   .version = versions[i],
					   .address = STR_INIT("anna@example.test"),
					   .timezone = STR_INIT("Europe/Paris"),
					   .server_id = STR_INIT("5:1:7"),
					   .now = 1767225600000};
		show(&ctx, text);
		edit(&ctx, text);
		arena_free(&a);
	}
	return 0;
}
