/*
 * timezone: what a wall clock shows when, for the zones of the system's tzdata, for the VTIMEZONEs
 * of a calendar and for the 172 bytes that devices send; and which of them are the same.
 *
 * A zone is the list of its changes, up to the year 2100 (of a VTIMEZONE 2060); libical's own
 * zones, made from the same tzdata, miss some. Wall-clock times are seconds since 1970 as if they
 * were UTC (core/ical.h). Failure rule: a zone that can't be read is NULL. Ownership: zones of
 * tzdata live as long as the process and are never changed; others lie in the arena. Thread: any.
 */
#ifndef EASEL_CORE_TIMEZONE_H
#define EASEL_CORE_TIMEZONE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/str.h"
#include "core/ical.h"

struct arena;

struct zone_change {
	int64_t at;	/* UTC seconds */
	int32_t offset; /* from then on, seconds east of UTC */
};

struct zone {
	struct str tzid;
	int32_t first; /* offset before the first change */
	struct zone_change *v;
	size_t n;
};

extern const struct zone zone_utc;

/* ---- Finding ---- */

/* A zone of the system's tzdata by its name. */
const struct zone *zone_olson(struct str tzid);

/*
 * A zone by a name from the outside: of tzdata, of Windows ("W. Europe Standard Time"), or either
 * behind a prefix ("/example.org/Europe/Paris", "(UTC+01:00) …" is none).
 */
const struct zone *zone_named(struct str name);

/*
 * What a TZID in a calendar stands for: a zone of tzdata or of Windows with this name, else the
 * calendar's own VTIMEZONE, else what zone_named() makes of it. `calendar` may be NULL.
 */
const struct zone *zone_of_tzid(struct arena *a, const struct ical_node *calendar, struct str tzid);

/* A VTIMEZONE alone. Bounded; rules that are not yearly are passed over. */
const struct zone *zone_of_vtimezone(struct arena *a, const struct ical_node *vtimezone);

/* ---- Asking ---- */

int32_t zone_offset(const struct zone *z, int64_t utc);
int64_t zone_to_wall(const struct zone *z, int64_t utc);

/* A time that occurs twice is the first; one that is left out counts as if the clock had not yet
 * been set (RFC 5545 3.3.5). */
int64_t zone_to_utc(const struct zone *z, int64_t wall);

/* ---- The protocol's time zone (MS-ASDTYPE 2.7.4) ---- */

enum { ZONE_BLOB = 172 };

/* The zone's rules in the year (of UTC seconds), as base64 of the 172 bytes, without names. */
struct str zone_blob(struct arena *a, const struct zone *z, int64_t at);

/*
 * The zone that a device means: the first that has the blob's biases and both its rules in the year
 * of `at` among: `stored` (the item's own), `account` (the user's), the one that the blob's name
 * stands for, the zones of Windows. Else one made of the blob. NULL: no such blob.
 * `stored` and `account` may be NULL.
 */
const struct zone *zone_of_blob(struct arena *a, struct str base64, int64_t at,
				const struct zone *stored, const struct zone *account);

/* Adds a VTIMEZONE with the zone's rules in the year of `at`, before `before`. */
void zone_write(struct arena *a, struct ical_node *calendar, const struct zone *z, int64_t at,
		struct ical_node *before);

#endif
