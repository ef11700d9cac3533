/*
 * calendar: the Calendar class (MS-ASCAL), from a stored VCALENDAR to its elements and back. The
 * class itself is calendar_class (core/item_class.h); which elements there are stands in
 * calendar_fields.def. This header is between its pieces: calendar.c has the table and the class,
 * calendar_encode.c what is shown, calendar_when.c times and recurrence, calendar_apply.c the other
 * fields, calendar_people.c organizer and attendees, calendar_place.c locations and attachments,
 * calendar_exceptions.c occurrences.
 *
 * Failure rule and ownership: as item_class.h.
 */
#ifndef EASEL_CORE_CALENDAR_H
#define EASEL_CORE_CALENDAR_H

#include "core/calendar_event.h"
#include "core/content_lines.h"
#include "core/item_body.h"

/* One event on its way out. */
struct event_view {
	struct calendar *c;
	struct wbxml_out *w;
	const struct ical_node *event;
	struct event_times t;
	bool exception;
	bool failed; /* something could not be given */
	struct err *e;
};

/* One event on its way in. */
struct event_edit {
	struct calendar *c;
	struct ical_node *event;
	const struct item_edit *edit;
	bool is_new;
	bool exception; /* it is an override, or becomes one */
	struct err *e;
};

/* The sent element of an edit with the tag; NULL: not in it, or to be removed (*removed). */
const struct wbxml_node *calendar_sent(const struct item_edit *edit, unsigned tag, bool *removed);

void emit_nothing(struct event_view *x, unsigned tag);
void emit_timezone(struct event_view *x, unsigned tag);
void emit_dtstamp(struct event_view *x, unsigned tag);
void emit_start(struct event_view *x, unsigned tag);
void emit_end(struct event_view *x, unsigned tag);
void emit_all_day(struct event_view *x, unsigned tag);
void emit_recurrence(struct event_view *x, unsigned tag);
void emit_subject(struct event_view *x, unsigned tag);
void emit_uid(struct event_view *x, unsigned tag);
void emit_body(struct event_view *x, unsigned tag);
void emit_native_body_type(struct event_view *x, unsigned tag);
void emit_categories(struct event_view *x, unsigned tag);
void emit_sensitivity(struct event_view *x, unsigned tag);
void emit_busy(struct event_view *x, unsigned tag);
void emit_reminder(struct event_view *x, unsigned tag);
void emit_disallow(struct event_view *x, unsigned tag);
void emit_conference_link(struct event_view *x, unsigned tag);
void emit_external_link(struct event_view *x, unsigned tag);

void emit_organizer_name(struct event_view *x, unsigned tag);
void emit_organizer_email(struct event_view *x, unsigned tag);
void emit_attendees(struct event_view *x, unsigned tag);
void emit_meeting_status(struct event_view *x, unsigned tag);
void emit_response_requested(struct event_view *x, unsigned tag);
void emit_response_type(struct event_view *x, unsigned tag);
void emit_reply_time(struct event_view *x, unsigned tag);

void emit_location(struct event_view *x, unsigned tag);
void emit_place(struct event_view *x, unsigned tag);
void emit_attachments(struct event_view *x, unsigned tag);
void emit_exceptions(struct event_view *x, unsigned tag);

/*
 * Each carries out the change of one element. False with x->e: it is refused. `f->sent` may be
 * NULL, or an empty element, which means the same: it is to go.
 */
bool apply_nothing(struct event_edit *x, const struct item_edit_field *f);
bool apply_times(struct event_edit *x, const struct item_edit_field *f);
bool apply_dtstamp(struct event_edit *x, const struct item_edit_field *f);
bool apply_subject(struct event_edit *x, const struct item_edit_field *f);
bool apply_body(struct event_edit *x, const struct item_edit_field *f);
bool apply_categories(struct event_edit *x, const struct item_edit_field *f);
bool apply_sensitivity(struct event_edit *x, const struct item_edit_field *f);
bool apply_busy(struct event_edit *x, const struct item_edit_field *f);
bool apply_reminder(struct event_edit *x, const struct item_edit_field *f);
bool apply_disallow(struct event_edit *x, const struct item_edit_field *f);
bool apply_organizer(struct event_edit *x, const struct item_edit_field *f);
bool apply_attendees(struct event_edit *x, const struct item_edit_field *f);
bool apply_meeting_status(struct event_edit *x, const struct item_edit_field *f);
bool apply_response_requested(struct event_edit *x, const struct item_edit_field *f);
bool apply_location(struct event_edit *x, const struct item_edit_field *f);
bool apply_place(struct event_edit *x, const struct item_edit_field *f);
bool apply_attachments(struct event_edit *x, const struct item_edit_field *f);
bool apply_exceptions(struct event_edit *x, const struct item_edit_field *f);

/* A number of an element, 0 to `most`; NULL and an empty element give `absent`. */
bool calendar_number(struct event_edit *x, const struct wbxml_node *sent, int64_t most,
		     int64_t absent, int64_t *out);

/* The text of an edit's element; empty when it is to go. */
struct str calendar_text(const struct item_edit_field *f);

/* A line with a word: set, or removed when `value` is NULL. Not touched when it says so already. */
void calendar_put(struct event_edit *x, const char *name, const char *value);

/* The texts of an event: DESCRIPTION, and X-ALT-DESC in HTML. */
struct item_text calendar_body(struct arena *a, const struct ical_node *event);

/* Its categories, each once; `out` has room for ITEM_CATEGORIES. */
size_t calendar_categories(struct arena *a, const struct ical_node *event, struct str *out);

/* Minutes before the start that the user is reminded; false: he is not. */
bool calendar_reminder(struct calendar *c, const struct ical_node *event,
		       const struct event_times *t, int64_t *minutes);

/* ---- Times (calendar_when.c) ---- */

/*
 * All of StartTime, EndTime, AllDayEvent, Timezone and Recurrence that the edit has, taken
 * together. What an event of a series was moved by also moves its exceptions (16.x: they go,
 * MS-ASCAL 2.2.2.22).
 */
bool calendar_apply_when(struct event_edit *x);

/* A time as a line of the event has it: parameters in *params, value returned. */
struct str calendar_time_line(struct calendar *c, const struct event_times *like, int64_t utc,
			      struct str *params);

/* ---- All fields of an event (calendar.c) ---- */

/* Writes what an Exception has of an override. */
void calendar_encode_exception(struct event_view *x, const struct ical_node *override);

/* Applies an edit to one VEVENT. */
bool calendar_apply_event(struct event_edit *x);

/* ---- Occurrences (calendar_exceptions.c) ---- */

/*
 * The override for an occurrence (its original start, UTC seconds as the device has it), made as a
 * copy of the master if there is none yet. NULL with ERR_NOT_FOUND: there is no such occurrence.
 */
struct ical_node *calendar_take_instance(struct calendar *c, int64_t utc, struct err *e);

/* The same, of an occurrence that is held: ERR_NOT_FOUND also when it was taken out of the series.
 */
struct ical_node *calendar_held_instance(struct calendar *c, int64_t utc, struct err *e);

/* An occurrence that was taken out of the series is not any more. */
void calendar_include(struct calendar *c, int64_t utc);

/* The original starts of the occurrences that were taken out, at most CALENDAR_EXCEPTIONS. */
size_t calendar_excluded(struct calendar *c, int64_t **out);

/* Takes an occurrence out of the series. ERR_NOT_FOUND: there is none. */
bool calendar_drop_instance(struct calendar *c, int64_t utc, struct err *e);

/* ---- Attachments (calendar_place.c) ---- */

/* What follows the ServerId and a colon in the FileReference of an ATTACH line. */
struct str calendar_attachment_part(struct arena *a, struct str base64);

/* The op of the class. */
bool calendar_attachment(const struct item_context *ctx, struct str text, struct str part,
			 struct item_attachment *out, struct err *e);

/* Writes ClientId and FileReference of the attachments that a device added. */
void calendar_respond_attachments(struct wbxml_out *w, const struct item_context *ctx,
				  const struct wbxml_node *sent);

#endif
