/*
 * kinds: the classes of items that the phone can sync. Of an item only two things are told apart,
 * as with mail, where they are Read and Flag: of others "alpha" and "beta" with a 0 or a 1 behind
 * them stand in two fields. A "gamma" with a number names what the phone has made itself.
 */
#ifndef EASEL_TEST_FAULTS_KINDS_H
#define EASEL_TEST_FAULTS_KINDS_H

#include "test/faults/model.h"
#include "wbxml/wbxml.h"

/* An event every day; of one occurrence the subject differs. */
#define KIND_START "20261205T100000Z"
#define KIND_END "20261205T103000Z"
#define KIND_OCCURRENCE "20261207T100000Z"
#define KIND_SERIES                                                                                \
	"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:u%1$d\r\n"              \
	"DTSTART:" KIND_START "\r\nDTEND:" KIND_END "\r\nRRULE:FREQ=DAILY;COUNT=30\r\n"            \
	"SUMMARY:alpha%2$u\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:u%1$d\r\n"                         \
	"RECURRENCE-ID:" KIND_OCCURRENCE "\r\nDTSTART:" KIND_OCCURRENCE                            \
	"\r\nDTEND:20261207T103000Z\r\n"                                                           \
	"SUMMARY:beta%3$u\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

static const struct kind {
	const char *name;
	enum item_class class;
	unsigned version;
	const char *role;
	unsigned alpha, beta; /* elements; beta AirSyncBase_Body: the body; 0: another way */
	const char *text;     /* number, alpha, beta */
	int filters[6];	      /* FilterTypes that the phone may choose, the first most often */
} kinds[] = {
	{"Email", CLASS_EMAIL, 141, "inbox", 0, 0, NULL, {0, 1, 2, 3, 4, 5}},
	{"Contacts",
	 CLASS_CONTACTS,
	 141,
	 "contacts",
	 Contacts_JobTitle,
	 Contacts_CompanyName,
	 "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:u%d\r\nFN:x\r\nN:x;;;;\r\nTITLE:alpha%u\r\nORG:beta%u\r\n"
	 "END:VCARD\r\n",
	 {0}},
	{"Tasks",
	 CLASS_TASKS,
	 141,
	 "tasks",
	 Tasks_Subject,
	 AirSyncBase_Body,
	 "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTODO\r\nUID:u%d\r\nSUMMARY:alpha%u\r\n"
	 "DESCRIPTION:beta%u\r\nEND:VTODO\r\nEND:VCALENDAR\r\n",
	 {0, 8, 8, 8, 8, 8}},
	{"Notes",
	 CLASS_NOTES,
	 141,
	 "notes",
	 Notes_Subject,
	 AirSyncBase_Body,
	 "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VJOURNAL\r\nUID:u%d\r\n"
	 "SUMMARY:alpha%u\r\nDESCRIPTION:beta%u\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n",
	 {0}},
	{"Calendar",
	 CLASS_CALENDAR,
	 141,
	 "calendar",
	 Calendar_Subject,
	 0,
	 KIND_SERIES,
	 {0, 4, 5, 6, 7, 0}},
	{"Calendar16",
	 CLASS_CALENDAR,
	 160,
	 "calendar",
	 Calendar_Subject,
	 0,
	 KIND_SERIES,
	 {0, 4, 5, 6, 7, 0}},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static inline const struct kind *kind_now(void)
{
	return &kinds[m->kind];
}

/* Whether the two are told of one by one, beta as an exception with an InstanceId. */
static inline bool kind_is_split(void)
{
	return kind_now()->class == CLASS_CALENDAR && kind_now()->version >= 160;
}

static inline bool kind_is_mail(void)
{
	return kind_now()->class == CLASS_EMAIL;
}

/* Whether a device may leave out what it does not change (MS-ASNOTE 3.2.5.3). */
static inline bool kind_may_ghost(void)
{
	return !kind_is_mail() && kind_now()->class != CLASS_NOTES;
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

/* What a store keeps beside a text. */
static inline struct str kind_summary(struct arena *a, struct str text)
{
	struct str rest = str_sub(text, (size_t)(str_find(text, STR("UID:")) + 4), text.n), uid;
	return str_next(&rest, '\r', &uid)
		       ? str_of(arena_printf(a, "{\"uid\":\"%.*s\"}", STR_ARG(uid)))
		       : STR("{}");
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

static inline void kind_write_body(struct wbxml_out *w, const char *text)
{
	wbxml_begin(w, AirSyncBase_Body);
	wbxml_int(w, AirSyncBase_Type, 1);
	wbxml_cstr(w, AirSyncBase_Data, text);
	wbxml_end(w);
}

/* What an event has besides its subject; every second one that the phone made has a UID of its. */
static inline void kind_write_series(struct wbxml_out *w, const char *beta, int number)
{
	char uid[32];
	snprintf(uid, sizeof uid, "phone-%d", number);
	wbxml_cstr(w, Calendar_StartTime, KIND_START);
	wbxml_cstr(w, Calendar_EndTime, KIND_END);
	wbxml_begin(w, Calendar_Recurrence);
	wbxml_int(w, Calendar_Type, 0);
	wbxml_int(w, Calendar_Interval, 1);
	wbxml_int(w, Calendar_Occurrences, 30);
	wbxml_end(w);
	if (number >= 0 && number % 2)
		wbxml_cstr(w, kind_is_split() ? Calendar_ClientUid : Calendar_UID, uid);
	if (kind_is_split())
		return;
	wbxml_begin(w, Calendar_Exceptions);
	wbxml_begin(w, Calendar_Exception);
	wbxml_cstr(w, Calendar_ExceptionStartTime, KIND_OCCURRENCE);
	wbxml_cstr(w, Calendar_Subject, beta);
	wbxml_end(w);
	wbxml_end(w);
}

/* ApplicationData of an item as the phone has it; number < 0: somebody else made it. */
static inline void kind_write(struct wbxml_out *w, unsigned flags, int number, bool add)
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
	if (k->class == CLASS_CONTACTS) /* or its full name would be the company's */
		wbxml_cstr(w, Contacts_LastName, "x");
	if (k->class == CLASS_CALENDAR && (add || !kind_is_split()))
		kind_write_series(w, beta, number);
	else if (k->beta == AirSyncBase_Body)
		kind_write_body(w, beta);
	else if (k->beta)
		wbxml_cstr(w, k->beta, beta);
}

/* Of one occurrence: its subject. */
static inline void kind_write_occurrence(struct wbxml_out *w, unsigned flags)
{
	wbxml_cstr(w, Calendar_Subject, flags & ITEM_FLAGGED ? "beta1" : "beta0");
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
