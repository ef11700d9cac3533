/* clock: the time. See clock.h for the contract. */
#include "core/base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_now(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

/* The broken-down UTC time of ms, kept within the years that four digits hold. */
static struct tm split(int64_t ms, int *milli)
{
	static const int64_t first = -62135596800000, last = 253402300799999;
	if (ms < first)
		ms = first;
	if (ms > last)
		ms = last;
	int64_t rest = ms % 1000;
	if (rest < 0)
		rest += 1000;
	time_t seconds = (time_t)((ms - rest) / 1000);
	struct tm tm;
	gmtime_r(&seconds, &tm);
	*milli = (int)rest;
	return tm;
}

char *clock_dashed(int64_t ms, char out[CLOCK_TEXT])
{
	int milli;
	struct tm t = split(ms, &milli);
	snprintf(out, CLOCK_TEXT, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
		 (unsigned)(t.tm_year + 1900) % 10000, (unsigned)(t.tm_mon + 1) % 100,
		 (unsigned)t.tm_mday % 100, (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100,
		 (unsigned)t.tm_sec % 100, (unsigned)milli % 1000);
	return out;
}

char *clock_compact(int64_t ms, char out[CLOCK_TEXT])
{
	int milli;
	struct tm t = split(ms, &milli);
	snprintf(out, CLOCK_TEXT, "%04u%02u%02uT%02u%02u%02uZ",
		 (unsigned)(t.tm_year + 1900) % 10000, (unsigned)(t.tm_mon + 1) % 100,
		 (unsigned)t.tm_mday % 100, (unsigned)t.tm_hour % 100, (unsigned)t.tm_min % 100,
		 (unsigned)t.tm_sec % 100);
	return out;
}

/* Takes exactly `digits` digits off the front of *s. */
static bool take_number(struct str *s, size_t digits, int *out)
{
	uint64_t v;
	if (s->n < digits || !str_to_u64(str_sub(*s, 0, digits), &v))
		return false;
	*s = str_sub(*s, digits, s->n);
	*out = (int)v;
	return true;
}

static bool take_byte(struct str *s, char c)
{
	if (!s->n || s->p[0] != c)
		return false;
	*s = str_sub(*s, 1, s->n);
	return true;
}

/* ".123": one to nine digits, of which the first three count. */
static bool take_fraction(struct str *s, int *milli)
{
	int scale = 100, digits = 0;
	for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; digits++) {
		*milli += (s->p[0] - '0') * scale;
		scale /= 10;
		*s = str_sub(*s, 1, s->n);
	}
	return digits > 0 && digits <= 9;
}

static bool take_time(struct str *s, bool dashed, struct tm *t, int *milli)
{
	if (!take_byte(s, 'T') || !take_number(s, 2, &t->tm_hour))
		return false;
	if ((dashed && !take_byte(s, ':')) || !take_number(s, 2, &t->tm_min))
		return false;
	if ((dashed && !take_byte(s, ':')) || !take_number(s, 2, &t->tm_sec))
		return false;
	if (take_byte(s, '.') && !take_fraction(s, milli))
		return false;
	take_byte(s, 'Z');
	return true;
}

bool clock_parse(struct str s, int64_t *ms)
{
	struct tm t = {0};
	int milli = 0;
	s = str_trim(s);
	if (!take_number(&s, 4, &t.tm_year))
		return false;
	bool dashed = take_byte(&s, '-');
	if (!take_number(&s, 2, &t.tm_mon) || (dashed && !take_byte(&s, '-')) ||
	    !take_number(&s, 2, &t.tm_mday))
		return false;
	if (s.n && !take_time(&s, dashed, &t, &milli))
		return false;
	if (s.n || t.tm_year < 1 || t.tm_hour > 23 || t.tm_min > 59 || t.tm_sec > 60)
		return false;
	struct tm asked = t;
	t.tm_year -= 1900;
	t.tm_mon -= 1;
	time_t seconds = timegm(&t);
	if (t.tm_mday != asked.tm_mday || t.tm_mon != asked.tm_mon - 1)
		return false;
	*ms = (int64_t)seconds * 1000 + milli;
	return true;
}
