/*
 * tnef_recurrence: the recurrence of a meeting in a winmail.dat (MS-OXOCAL 2.2.1.44.5): its
 * pattern, which occurrences are not held, and which are held otherwise.
 *
 * Failure rule: a pattern that can't be read is NULL; of a list that is cut, what came before the
 * cut counts. Hostile numbers are bounded. Ownership: the arena's. Thread: any.
 */
#ifndef EASEL_CORE_TNEF_RECURRENCE_H
#define EASEL_CORE_TNEF_RECURRENCE_H

#include "core/recurrence.h"

enum { TNEF_DELETED = 1000, TNEF_CHANGED = 500 };

/* An occurrence that differs. Times are wall-clock seconds in the meeting's zone. */
struct tnef_changed {
	int64_t original, start, end;
	bool all_day, has_subject, has_location;
	struct str subject, location;
};

struct tnef_recurrence {
	struct recurrence r;	       /* until: wall-clock seconds, end of the last day */
	int64_t deleted[TNEF_DELETED]; /* midnights */
	size_t ndeleted;
	struct tnef_changed changed[TNEF_CHANGED];
	size_t nchanged;
};

/* `start`: wall-clock seconds of the first occurrence. */
struct tnef_recurrence *tnef_recurrence_read(struct arena *a, struct str bytes, int64_t start);

#endif
