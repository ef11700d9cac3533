/* Any bytes as winmail.dat: what is read lies within, and what is made of it can be read again. */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/item_class.h"
#include "core/meeting.h"
#include "core/tnef.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(32 << 20);
	struct str bytes = {(const char *)data, size};
	struct item_context ctx = {.arena = a, .version = 161, .address = STR_INIT("me@x.test")};
	struct meeting m;
	struct str out;
	struct err e;
	struct tnef t;
	if (tnef_read(a, bytes, &t)) {
		check(t.nfiles <= TNEF_FILES);
		for (size_t i = 0; i < t.nfiles; i++)
			check(t.files[i].bytes.n <= size);
		struct str calendar = tnef_calendar(a, &t, STR("ben@x.test"), STR("me@x.test"), 0);
		check(!calendar.n || meeting_read(a, calendar, &m) || arena_overflowed(a));
	}
	tnef_unpack(a, bytes, STR("me@x.test"), 0);
	if (meeting_read(a, bytes, &m)) {
		meeting_apply(&ctx, STR(""), &m, &out, &e);
		meeting_apply(&ctx, bytes, &m, &out, &e);
	}
	arena_free(&a);
	return 0;
}
