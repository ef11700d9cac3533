/*
 * kinds: the classes of items that the phone can sync. Of an item only two things are told apart,
 * as with mail, where they are Read and Flag: of others "alpha" and "beta" with a 0 or a 1 behind
 * them stand in two fields. A "gamma" with a number names what the phone has made itself.
 */
#ifndef EASEL_TEST_FAULTS_KINDS_H
#define EASEL_TEST_FAULTS_KINDS_H

#include "test/faults/model.h"
#include "wbxml/wbxml.h"

static const struct kind {
	enum item_class class;
	const char *role;
	unsigned alpha, beta; /* elements; beta AirSyncBase_Body: the body */
	const char *text;     /* number, alpha, beta */
	int filters[6];	      /* FilterTypes that the phone may choose, the first most often */
} kinds[] = {
	{CLASS_EMAIL, "inbox", 0, 0, NULL, {0, 1, 2, 3, 4, 5}},
	{CLASS_CONTACTS,
	 "contacts",
	 Contacts_JobTitle,
	 Contacts_CompanyName,
	 "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u%d\r\nFN:x\r\nN:x;;;;\r\nTITLE:alpha%u\r\nORG:beta%u\r\n"
	 "END:VCARD\r\n",
	 {0}},
	{CLASS_TASKS,
	 "tasks",
	 Tasks_Subject,
	 AirSyncBase_Body,
	 "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTODO\r\nUID:u%d\r\nSUMMARY:alpha%u\r\n"
	 "DESCRIPTION:beta%u\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
	 {0, 8, 8, 8, 8, 8}},
	{CLASS_NOTES,
	 "notes",
	 Notes_Subject,
	 AirSyncBase_Body,
	 "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VJOURNAL\r\nUID:u%d\r\n"
	 "SUMMARY:alpha%u\r\nDESCRIPTION:beta%u\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n",
	 {0}},
	{CLASS_CALENDAR,
	 "calendar",
	 Calendar_Subject,
	 AirSyncBase_Body,
	 "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u%d\r\n"
	 "DTSTAMP:20261101T080000Z\r\nDTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z\r\n"
	 "SUMMARY:alpha%u\r\nDESCRIPTION:beta%u\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
	 {0, 4, 5, 6, 7, 0}},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static inline const struct kind *kind_now(void)
{
	return &kinds[m->kind];
}

static inline bool kind_is_mail(void)
{
	return kind_now()->class == CLASS_EMAIL;
}

/* Whether a filter can hide items of the class. */
static inline bool kind_is_filtered(void)
{
	return kind_now()->filters[1] != 0;
}

static inline int kind_filter(void)
{
	return kind_now()->filters[chance(6)];
}

/* Flags of a text. */
static inline unsigned kind_flags(struct str text)
{
	return (str_find(text, STR("alpha1")) >= 0 ? ITEM_SEEN : 0) |
	       (str_find(text, STR("beta1")) >= 0 ? ITEM_FLAGGED : 0);
}

/* The number behind "gamma"; -1: it has none. */
static inline int kind_number(struct str text)
{
	ptrdiff_t at = str_find(text, STR("gamma"));
	return at < 0 ? -1 : atoi(text.p + at + 5);
}

/* A text with other flags, in the arena. */
static inline struct str kind_set(struct arena *a, struct str text, unsigned flags)
{
	char *copy = arena_dup(a, text.p, text.n);
	ptrdiff_t alpha = str_find(text, STR("alpha")), beta = str_find(text, STR("beta"));
	if (alpha >= 0)
		copy[alpha + 5] = flags & ITEM_SEEN ? '1' : '0';
	if (beta >= 0)
		copy[beta + 4] = flags & ITEM_FLAGGED ? '1' : '0';
	return (struct str){copy, text.n};
}

/* ApplicationData of an item as the phone has it; number < 0: somebody else made it. */
static inline void kind_write(struct wbxml_out *w, unsigned flags, int number)
{
	const struct kind *k = kind_now();
	char alpha[64], beta[64];
	snprintf(alpha, sizeof alpha, "alpha%d", (flags & ITEM_SEEN) != 0);
	if (number >= 0)
		snprintf(alpha + 6, sizeof alpha - 6, " gamma%d.", number);
	snprintf(beta, sizeof beta, "beta%d", (flags & ITEM_FLAGGED) != 0);
	wbxml_cstr(w, k->alpha, alpha);
	if (k->class == CLASS_TASKS)
		wbxml_cstr(w, Tasks_Complete, "0");
	if (k->class == CLASS_CALENDAR) {
		wbxml_cstr(w, Calendar_StartTime, "20261201T090000Z");
		wbxml_cstr(w, Calendar_EndTime, "20261201T100000Z");
	}
	if (k->class == CLASS_CONTACTS) /* or its full name would be the company's */
		wbxml_cstr(w, Contacts_LastName, "x");
	if (k->beta != AirSyncBase_Body) {
		wbxml_cstr(w, k->beta, beta);
		return;
	}
	wbxml_begin(w, AirSyncBase_Body);
	wbxml_int(w, AirSyncBase_Type, 1);
	wbxml_cstr(w, AirSyncBase_Data, beta);
	wbxml_end(w);
}

/* What ApplicationData from the server says. */
static inline void kind_read(const struct wbxml_node *node, unsigned *flags, int *number)
{
	for (; node; node = node->next) {
		*flags |= kind_flags(node->text);
		if (*number < 0)
			*number = kind_number(node->text);
		kind_read(node->first, flags, number);
	}
}

#endif
