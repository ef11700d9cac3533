/* tnef_recurrence: what Outlook keeps of a series. See tnef_recurrence.h for the contract. */
#include "core/tnef_recurrence.h"

#include "core/base/arena.h"
#include "core/content_lines.h"
#include "store/mime.h"

enum { MINUTES_TO_1970 = 194074560, DAY = 86400 };

struct blob {
	struct arena *a;
	struct str rest;
	bool failed;
};

static struct str blob_bytes(struct blob *b, size_t n)
{
	struct str out = str_sub(b->rest, 0, n);
	if (b->rest.n < n) {
		b->failed = true;
		return (struct str){"", 0};
	}
	b->rest = str_sub(b->rest, n, b->rest.n);
	return out;
}

static uint32_t blob_number(struct blob *b, unsigned n)
{
	uint32_t v = 0;
	struct str bytes = blob_bytes(b, n);
	for (size_t i = bytes.n; i > 0; i--)
		v = v << 8 | (unsigned char)bytes.p[i - 1];
	return v;
}

static int64_t blob_time(struct blob *b)
{
	return ((int64_t)blob_number(b, 4) - MINUTES_TO_1970) * 60;
}

/* ---- The pattern (2.2.1.44.1) ---- */

enum { PATTERN_DAY, PATTERN_WEEK, PATTERN_MONTH, PATTERN_MONTH_NTH, PATTERN_MONTH_END };
enum { END_DATE = 0x2021, END_COUNT = 0x2022, FREQUENCY_YEARLY = 0x200D };

static bool read_pattern(struct blob *b, uint32_t pattern, struct recurrence *r)
{
	switch (pattern) {
	case PATTERN_DAY:
		r->type = RECURS_DAILY;
		r->interval /= 1440;
		return true;
	case PATTERN_WEEK:
		r->type = RECURS_WEEKLY;
		r->days = blob_number(b, 4) & 127;
		return r->days != 0;
	case PATTERN_MONTH:
	case PATTERN_MONTH_END:
		r->type = RECURS_MONTHLY;
		r->day = (int)(blob_number(b, 4) & 31);
		return r->day > 0;
	case PATTERN_MONTH_NTH:
		r->type = RECURS_MONTHLY_NTH;
		r->days = blob_number(b, 4) & 127;
		r->week = (int)(blob_number(b, 4) & 7);
		return r->days != 0 && r->week >= 1 && r->week <= 5;
	default:
		return false;
	}
}

/* A month's pattern of twelve months is a year's. */
static void make_yearly(struct recurrence *r, int64_t start)
{
	int year, day;
	ical_civil(start / DAY, &year, &r->month, &day);
	r->interval = r->interval >= 12 ? r->interval / 12 : 1;
	r->type = r->type == RECURS_MONTHLY ? RECURS_YEARLY : RECURS_YEARLY_NTH;
}

/* Days that are not held as the series says. Those beyond the most are read over. */
static size_t read_days(struct blob *b, int64_t *out, size_t most)
{
	size_t n = 0;
	uint32_t count = blob_number(b, 4);
	for (uint32_t i = 0; i < count && !b->failed; i++) {
		int64_t day = blob_time(b);
		if (n < most && !b->failed)
			out[n++] = day;
	}
	return n;
}

/* What is changed is listed as deleted too, on its original day. */
static void take_out(struct tnef_recurrence *out, const int64_t *days, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < out->ndeleted; i++) {
		size_t k = 0;
		while (k < n && days[k] != out->deleted[i])
			k++;
		if (k == n)
			out->deleted[kept++] = out->deleted[i];
	}
	out->ndeleted = kept;
}

static int64_t midnight(int64_t wall)
{
	return wall - (wall % DAY + DAY) % DAY;
}

/* `days` are those on which the changed ones are held, which say less than their own entries. */
static void take_out_changed(struct tnef_recurrence *out, const int64_t *days, size_t n)
{
	for (size_t i = 0; i < out->nchanged; i++) {
		int64_t day = midnight(out->changed[i].original);
		take_out(out, &day, 1);
	}
	if (out->nchanged == 0)
		take_out(out, days, n);
}

static bool read_series(struct blob *b, int64_t start, struct tnef_recurrence *out, int64_t *days,
			size_t *ndays)
{
	blob_number(b, 4); /* versions */
	uint32_t frequency = blob_number(b, 2), pattern = blob_number(b, 2);
	blob_number(b, 2); /* calendar */
	blob_number(b, 4); /* first date */
	uint32_t period = blob_number(b, 4);
	blob_number(b, 4); /* sliding */
	out->r.interval = period < 1000000 ? (int)period : 1;
	if (!read_pattern(b, pattern, &out->r))
		return false;
	uint32_t end = blob_number(b, 4), count = blob_number(b, 4);
	out->r.first_day = (int)(blob_number(b, 4) % 7);
	out->ndeleted = read_days(b, out->deleted, TNEF_DELETED);
	*ndays = read_days(b, days, TNEF_DELETED);
	blob_time(b); /* of the start */
	int64_t last = blob_time(b);
	if (out->r.interval < 1)
		out->r.interval = 1;
	if (frequency == FREQUENCY_YEARLY)
		make_yearly(&out->r, start);
	if (end == END_COUNT && count >= 1 && count <= 999)
		out->r.occurrences = (int)count;
	out->r.has_until = end == END_DATE;
	out->r.until = last + DAY - 1;
	return !b->failed;
}

/* ---- What is changed (2.2.1.44.2, 2.2.1.44.4) ---- */

enum {
	HAS_SUBJECT = 0x1,
	HAS_MEETING_TYPE = 0x2,
	HAS_REMINDER_DELTA = 0x4,
	HAS_REMINDER = 0x8,
	HAS_LOCATION = 0x10,
	HAS_BUSY = 0x20,
	HAS_ATTACHMENT = 0x40,
	HAS_SUBTYPE = 0x80,
	HAS_COLOR = 0x100
};

static struct str narrow(struct blob *b)
{
	blob_number(b, 2); /* length with a byte more */
	struct str bytes = blob_bytes(b, blob_number(b, 2));
	return mime_to_utf8(b->a, STR("cp1252"), bytes, false);
}

static struct str wide(struct blob *b)
{
	struct str bytes = blob_bytes(b, (size_t)blob_number(b, 2) * 2);
	return mime_to_utf8(b->a, STR("utf-16le"), bytes, false);
}

static bool read_changed(struct blob *b, struct tnef_changed *out)
{
	*out = (struct tnef_changed){.start = blob_time(b)};
	out->end = blob_time(b);
	out->original = blob_time(b);
	uint32_t flags = blob_number(b, 2);
	out->has_subject = flags & HAS_SUBJECT;
	out->has_location = flags & HAS_LOCATION;
	if (out->has_subject)
		out->subject = narrow(b);
	for (uint32_t flag = HAS_MEETING_TYPE; flag <= HAS_REMINDER; flag <<= 1)
		if (flags & flag)
			blob_number(b, 4);
	if (out->has_location)
		out->location = narrow(b);
	for (uint32_t flag = HAS_BUSY; flag <= HAS_ATTACHMENT; flag <<= 1)
		if (flags & flag)
			blob_number(b, 4);
	out->all_day = flags & HAS_SUBTYPE && blob_number(b, 4) != 0;
	if (flags & HAS_COLOR)
		blob_number(b, 4);
	return !b->failed;
}

/* The texts once more, of any letters; what can't be read leaves those that there are. */
static void read_wide(struct blob *b, struct tnef_changed *out, bool highlighted)
{
	struct tnef_changed text = *out;
	if (highlighted)
		blob_bytes(b, blob_number(b, 4));
	blob_bytes(b, blob_number(b, 4)); /* reserved */
	if (!out->has_subject && !out->has_location)
		return;
	blob_bytes(b, 12); /* the times */
	if (out->has_subject)
		text.subject = wide(b);
	if (out->has_location)
		text.location = wide(b);
	blob_bytes(b, blob_number(b, 4)); /* reserved */
	if (!b->failed)
		*out = text;
}

static void read_exceptions(struct blob *b, struct tnef_recurrence *out)
{
	enum { HIGHLIGHTED = 0x3009 };
	blob_number(b, 4); /* version of readers */
	bool highlighted = blob_number(b, 4) >= HIGHLIGHTED;
	blob_number(b, 4); /* begin and end of the day's time */
	blob_number(b, 4);
	uint32_t count = blob_number(b, 2);
	while (out->nchanged < count && out->nchanged < TNEF_CHANGED && !b->failed) {
		if (!read_changed(b, &out->changed[out->nchanged]))
			return;
		out->nchanged++;
	}
	if (out->nchanged < count)
		return;
	blob_bytes(b, blob_number(b, 4)); /* reserved */
	for (size_t i = 0; i < out->nchanged && !b->failed; i++)
		read_wide(b, &out->changed[i], highlighted);
}

struct tnef_recurrence *tnef_recurrence_read(struct arena *a, struct str bytes, int64_t start)
{
	struct blob b = {.a = a, .rest = bytes};
	struct tnef_recurrence *out = arena_alloc(a, sizeof *out);
	int64_t *days = arena_array(a, TNEF_DELETED, sizeof *days);
	size_t ndays;
	*out = (struct tnef_recurrence){.r = {.first_day = -1}};
	if (!read_series(&b, start, out, days, &ndays))
		return NULL;
	read_exceptions(&b, out);
	take_out_changed(out, days, ndays);
	return out;
}
