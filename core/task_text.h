/*
 * task_text: what the iCalendar VTODO of a task says: start and due date, reminder, repetition,
 * completion; read and changed in place.
 *
 * A date without a time of day is a day where the user is. Ownership: everything lies in the
 * context's arena. Thread: any.
 */
#ifndef EASEL_CORE_TASK_TEXT_H
#define EASEL_CORE_TASK_TEXT_H

#include "core/content_lines.h"
#include "core/item_class.h"
#include "core/recurrence.h"
#include "core/timezone.h"

struct task_text {
	const struct item_context *ctx;
	struct content_lines lines;
	const struct ical_node *calendar; /* for its time zones */
	const struct zone *zone;	  /* the user's */
};

bool task_text_read(const struct item_context *ctx, struct str text, struct task_text *out,
		    struct err *e);

/* ---- Times: "DTSTART" or "DUE", in seconds ---- */

struct task_time {
	int64_t utc, local; /* local: what a clock shows where the user is */
	bool date;
};

bool task_time(const struct task_text *t, const char *name, struct task_time *out);

/*
 * Sets it: a day when the local time is midnight. One that says so already is not touched; an
 * existing time zone is kept. NULL removes it.
 */
void task_set_time(struct task_text *t, const char *name, const struct task_time *time);

/* ---- The reminder: the first alarm that is to be shown or heard ---- */

bool task_reminder(const struct task_text *t, int64_t *utc);

/* Sets its time. */
void task_set_reminder(struct task_text *t, int64_t utc);

/* Takes away all that would be shown or heard. */
void task_remove_reminders(struct task_text *t);

/* ---- Repetition ---- */

/* False: there is none, or none that the protocol can say. */
bool task_recurrence(const struct task_text *t, struct recurrence *out);

/* Sets it, from the start that the task has. A rule that says the same is not touched. */
void task_set_recurrence(struct task_text *t, const struct recurrence *r);

void task_remove_recurrence(struct task_text *t);

/*
 * Goes on to the next occurrence: the one that follows in the series, or, with `regenerate`, one
 * interval after `completed`. Start, due date and reminder move. False: there is none.
 */
bool task_advance(struct task_text *t, bool regenerate, int64_t completed);

/* ---- Completion ---- */

bool task_is_complete(const struct task_text *t, int64_t *utc);
void task_set_complete(struct task_text *t, int64_t utc);
void task_set_incomplete(struct task_text *t);

#endif
