/*
 * tnef: application/ms-tnef (winmail.dat, MS-OXTNEF), which Outlook sends: the files, the text and
 * the meeting that are hidden in it.
 *
 * Everything is hostile: each length is checked against what there is, and numbers are bounded.
 * Failure rule: what can't be read ends the reading; what was found until then counts. Ownership:
 * results point into the bytes or lie in the arena. Thread: any.
 */
#ifndef EASEL_CORE_TNEF_H
#define EASEL_CORE_TNEF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;

enum { TNEF_FILES = 200, TNEF_PROPERTIES = 10000 };

struct tnef_file {
	struct str name, type, content_id, bytes; /* texts in UTF-8; type may be empty */
};

struct tnef {
	struct str message_class; /* "IPM.Microsoft Schedule.MtgReq" */
	struct str subject, text, html;
	struct tnef_file *files;
	size_t nfiles;

	/* Of a meeting (MS-OXOCAL); times are ms, 0: not said. */
	struct str global_id; /* bytes of the (clean) GlobalObjectId */
	int64_t start, end, sequence;
	struct str location;
	struct str recurrence; /* bytes of the recurrence (MS-OXOCAL 2.2.1.44) */
	struct str zone;       /* bytes of the zone that it is meant in (2.2.1.39) */
	bool all_day;
};

/* False: it is not TNEF. */
bool tnef_read(struct arena *a, struct str bytes, struct tnef *out);

/*
 * The meeting as an iCalendar object with METHOD; empty when it is none. People come from the
 * message that carries it: `organizer` (or who answers) and `me`, addresses.
 */
struct str tnef_calendar(struct arena *a, const struct tnef *t, struct str organizer, struct str me,
			 int64_t now);

/*
 * A message with each TNEF part replaced by what is in it, as parts of their own; the message
 * itself when it has none, or is signed or encrypted. `me` is the recipient's address.
 */
struct str tnef_unpack(struct arena *a, struct str raw, struct str me, int64_t now);

#endif
