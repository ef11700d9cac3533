/* Taking .ics and .vcf files apart: any bytes are safe, and what comes of them is an item. */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/ical.h"
#include "core/item_files.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool take(void *ctx, const struct item_file *item)
{
	struct item_joiner *j = ctx;
	struct err e = {0};
	if (!item->uid.n || !item->text.n)
		abort();
	if (item->class != CLASS_CONTACTS)
		item_joiner_add(j, item->text, &e);
	return true;
}

static void failed(void *ctx, const struct err *e)
{
	(void)ctx;
	if (e->kind == ERR_NONE)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(64 << 20);
	struct item_joiner *j = item_joiner_new(CLASS_CALENDAR);
	struct buf out = {0};
	item_files_split(a, (struct str){(const char *)data, size},
			 &(struct item_visitor){j, take, failed});
	item_joiner_end(&j, &out);
	buf_free(&out);
	arena_free(&a);
	return 0;
}
