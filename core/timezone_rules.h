/*
 * timezone_rules: the two yearly changes of a zone, as the protocol, POSIX and RRULEs have them.
 * For core/timezone*.c only. Thread: any.
 */
#ifndef EASEL_CORE_TIMEZONE_RULES_H
#define EASEL_CORE_TIMEZONE_RULES_H

#include "core/timezone.h"

/* The n-th weekday of a month, 5 being the last; or with `year` that very day of the month. */
struct zone_rule {
	int year; /* 0: every year */
	int month, nth, weekday;
	int64_t time; /* wall-clock seconds after midnight, by the clock before the change */
};

struct zone_rules {
	bool changes;		  /* else only `standard` counts */
	int32_t standard, summer; /* seconds east of UTC */
	struct zone_rule to_standard, to_summer;
};

/* Wall-clock seconds of a rule in a year. */
int64_t zone_rule_wall(const struct zone_rule *rule, int year);

/* The year of UTC seconds. */
int zone_year(int64_t utc);

/* The zone's rules in a year, which need not be those of any other year. */
struct zone_rules zone_rules_of(const struct zone *z, int64_t at);

/* Appends the changes of the years to `v`, in order; returns how many: two a year at most. */
size_t zone_rules_expand(const struct zone_rules *r, int from, int until, struct zone_change *v);

/*
 * The rules that the base64 of a device's 172 bytes says, and the name of its standard time as far
 * as that is ASCII. False: it is none.
 */
bool zone_blob_read(struct arena *a, struct str base64, struct zone_rules *out, struct str *name);

enum { ZONE_LAST_YEAR = 2100 };

#endif
