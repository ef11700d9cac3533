/*
 * Any bytes as an item of each class: as a message, which is then read like any other, and as an
 * item of another class: what nobody changed of that stays as it was.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/item_class.h"
#include "core/item_mail.h"
#include "core/item_view.h"
#include "store/message.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_mail(struct arena *a, enum item_class class, struct str text)
{
	struct item_mail m = {.class = class, .text = text, .name = text, .key = STR("1.2.3")};
	struct message read;
	struct err e = {0};
	if (!item_mail_write(a, &m, &e))
		return;
	check(message_scan(a, m.raw, &read, &e));
	check(read.nparts >= 2);
}

static void check_view(struct arena *a, enum item_class kept, enum item_class as, struct str text)
{
	struct str shown, again;
	struct new_item item;
	struct err e = {0};
	if (!item_view_show(a, kept, as, text, &shown, &e))
		return;
	if (!item_view_take(a, kept, as, text, shown, 0, &item, &e))
		return;
	check(item_view_show(a, kept, as, item.raw, &again, &e));
	check(str_eq(shown, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static const enum item_class classes[] = {CLASS_CALENDAR, CLASS_CONTACTS, CLASS_TASKS,
						  CLASS_NOTES, CLASS_FILES};
	struct arena *a = arena_new(64u << 20);
	struct str text = {(const char *)data, n};
	for (size_t i = 0; i < sizeof classes / sizeof *classes; i++)
		check_mail(a, classes[i], text);
	check_view(a, CLASS_TASKS, CLASS_CALENDAR, text);
	check_view(a, CLASS_TASKS, CLASS_NOTES, text);
	check_view(a, CLASS_NOTES, CLASS_CALENDAR, text);
	check_view(a, CLASS_NOTES, CLASS_TASKS, text);
	arena_free(&a);
	return 0;
}
