/*
 * clock: the time, in the two kinds that matter, and the two ways the protocol writes it.
 *
 * Wall-clock times are int64_t milliseconds since 1970-01-01 UTC, negative before it. Thread: any.
 */
#ifndef EASEL_BASE_CLOCK_H
#define EASEL_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/str.h"

/* Milliseconds since 1970 UTC. */
int64_t clock_now(void);

/* Milliseconds of a clock that never goes back: for deadlines and durations. */
int64_t clock_monotonic(void);

enum { CLOCK_TEXT = 32 };

/* "2026-03-10T13:00:00.000Z" (MS-ASDTYPE 2.3). Years are kept within 0001 to 9999. Returns out. */
char *clock_dashed(int64_t ms, char out[CLOCK_TEXT]);

/* "20260310T130000Z" (MS-ASDTYPE 2.7.2). Returns out. */
char *clock_compact(int64_t ms, char out[CLOCK_TEXT]);

/*
 * Reads either form, with or without milliseconds and the final Z; a date alone means midnight.
 * False when the text is neither, or names a day or time that does not exist.
 */
bool clock_parse(struct str s, int64_t *ms);

#endif
