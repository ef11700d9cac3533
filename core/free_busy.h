/*
 * free_busy: when somebody is busy, in half-hour slots (MS-ASCMD 2.2.3.107).
 *
 * Of several events in a slot the one with the higher digit counts: 0 free, 1 tentative, 2 busy,
 * 3 out of office, 4 not known. Series are followed, with what differs in single occurrences.
 * Thread: any.
 */
#ifndef EASEL_CORE_FREE_BUSY_H
#define EASEL_CORE_FREE_BUSY_H

#include <stddef.h>
#include <stdint.h>

#include "core/item_class.h"

enum {
	FREE_BUSY_SLOT = 30 * 60,  /* seconds */
	FREE_BUSY_MOST = 32 * 1024 /* slots of one answer */
};

struct free_busy {
	int64_t from, until; /* UTC seconds */
	char *digits;	     /* free_busy_slots() of them */
};

/* Slots from `from` on; the last one may be shorter. */
size_t free_busy_slots(int64_t from, int64_t until);

/* All free; the digits lie in the arena, with a NUL. */
void free_busy_start(struct arena *a, int64_t from, int64_t until, struct free_busy *out);

/* Adds what an event (iCalendar) takes. One that can't be read takes nothing. The context tells the
 * zone of the calendar's owner. */
void free_busy_add(const struct item_context *ctx, struct str event, struct free_busy *f);

#endif
