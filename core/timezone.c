/* timezone: zones of tzdata and of calendars, and what their clocks show. See timezone.h. */
#include "core/timezone.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/recurrence.h"
#include "core/timezone_rules.h"

#define ZONEINFO "/usr/share/zoneinfo/"

enum {
	FILE_MOST = 64 * 1024,
	NAME_MOST = 63,
	BUCKETS = 256,
	HEADER = 44, /* of a TZif file (RFC 8536 3.1) */
	VTIMEZONE_LAST_YEAR = 2060,
	OBSERVANCES = 200,  /* of a VTIMEZONE */
	CHANGES_MOST = 4000 /* of a VTIMEZONE */
};

const struct zone zone_utc = {.tzid = STR_INIT("UTC")};

static const struct windows_zone {
	const char *name, *tzid;
} windows_zones[] = {
#define WINDOWS_ZONE(name, tzid) {name, tzid},
#include "core/timezones.def"
#undef WINDOWS_ZONE
};

/* ---- tzdata (RFC 8536) ---- */

static int64_t big_endian(const unsigned char *p, unsigned n)
{
	uint64_t v = p[0] & 0x80 && n == 8 ? UINT64_MAX : 0;
	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return n == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
}

struct tzif {
	uint32_t isutc, isstd, leap, times, types, chars;
};

static bool read_header(const unsigned char *p, size_t n, struct tzif *h)
{
	uint32_t *const counts[] = {&h->isutc, &h->isstd, &h->leap,
				    &h->times, &h->types, &h->chars};
	if (n < HEADER || memcmp(p, "TZif", 4) != 0)
		return false;
	for (unsigned i = 0; i < 6; i++) {
		*counts[i] = (uint32_t)big_endian(p + 20 + 4 * i, 4);
		if (*counts[i] > FILE_MOST)
			return false;
	}
	return h->types > 0;
}

static size_t block_size(const struct tzif *h, unsigned width)
{
	return (size_t)h->times * (width + 1) + (size_t)h->types * 6 + h->chars +
	       (size_t)h->leap * (width + 4) + h->isstd + h->isutc;
}

/* Reads [+-]hh[:mm[:ss]] of a POSIX TZ. */
static bool posix_time(const char **p, int64_t *seconds)
{
	int sign = **p == '-' ? -1 : 1;
	int64_t unit = 3600;
	*seconds = 0;
	if (**p == '-' || **p == '+')
		++*p;
	if (**p < '0' || **p > '9')
		return false;
	for (; unit; unit /= 60) {
		char *end;
		long v = strtol(*p, &end, 10);
		if (end == *p || v > 200)
			return false;
		*seconds += sign * v * unit;
		*p = end;
		if (**p != ':')
			break;
		++*p;
	}
	return true;
}

static bool posix_name(const char **p)
{
	const char *start = *p;
	if (**p == '<') {
		*p += strcspn(*p, ">");
		return *(*p)++ == '>';
	}
	while ((**p >= 'A' && **p <= 'Z') || (**p >= 'a' && **p <= 'z'))
		++*p;
	return *p > start;
}

/* ",Mm.w.d[/time]": the only form that any zone of tzdata uses. */
static bool posix_rule(const char **p, struct zone_rule *rule)
{
	int used = 0;
	*rule = (struct zone_rule){.time = 7200};
	if (sscanf(*p, ",M%2d.%1d.%1d%n", &rule->month, &rule->nth, &rule->weekday, &used) != 3)
		return false;
	*p += used;
	if (**p != '/')
		return true;
	++*p;
	return posix_time(p, &rule->time);
}

static bool posix_rules(const char *p, struct zone_rules *r)
{
	int64_t west, summer;
	if (!posix_name(&p) || !posix_time(&p, &west) || !posix_name(&p))
		return false;
	summer = west - 3600;
	if (*p != ',' && !posix_time(&p, &summer))
		return false;
	*r = (struct zone_rules){
		.changes = true, .standard = (int32_t)-west, .summer = (int32_t)-summer};
	return posix_rule(&p, &r->to_summer) && posix_rule(&p, &r->to_standard);
}

/* The changes that the footer's rule makes after the last that the file lists. */
static size_t add_footer(const char *footer, struct zone_change *v, size_t n)
{
	struct zone_rules r;
	if (!posix_rules(footer, &r))
		return n;
	int year = n ? zone_year(v[n - 1].at) : 1970;
	struct zone_change *more = base_calloc(2 * (ZONE_LAST_YEAR + 2), sizeof *more);
	size_t count =
		year < ZONE_LAST_YEAR ? zone_rules_expand(&r, year, ZONE_LAST_YEAR, more) : 0;
	size_t listed = n;
	for (size_t i = 0; i < count; i++)
		if (!listed || more[i].at > v[listed - 1].at)
			v[n++] = more[i];
	free(more);
	return n;
}

static struct zone *read_tzif(const unsigned char *p, size_t size, const char *name)
{
	struct tzif h;
	if (!read_header(p, size, &h) || p[4] < '2')
		return NULL;
	size_t skip = HEADER + block_size(&h, 4);
	if (skip >= size || !read_header(p + skip, size - skip, &h))
		return NULL;
	const unsigned char *times = p + skip + HEADER, *index = times + 8 * (size_t)h.times;
	const unsigned char *types = index + h.times;
	size_t block = HEADER + block_size(&h, 8);
	if (block >= size - skip)
		return NULL;
	struct zone *z = base_calloc(1, sizeof *z);
	z->v = base_calloc(h.times + 2 * (ZONE_LAST_YEAR - 1900), sizeof *z->v);
	z->tzid = str_of(strdup(name));
	z->first = (int32_t)big_endian(types, 4);
	for (uint32_t i = 0; i < h.times; i++) {
		const unsigned char *type = types + 6 * (size_t)(index[i] % h.types);
		z->v[z->n++] = (struct zone_change){big_endian(times + 8 * (size_t)i, 8),
						    (int32_t)big_endian(type, 4)};
	}
	z->n = add_footer((const char *)p + skip + block + 1, z->v, z->n);
	return z;
}

static struct zone *load(const char *name)
{
	char path[sizeof ZONEINFO + NAME_MOST + 1];
	unsigned char *bytes = base_calloc(1, FILE_MOST + 1);
	struct zone *z = NULL;
	snprintf(path, sizeof path, ZONEINFO "%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		ssize_t n = read(fd, bytes, FILE_MOST);
		if (n > 0)
			z = read_tzif(bytes, (size_t)n, name);
		close(fd);
	}
	free(bytes);
	return z;
}

static bool name_valid(struct str s)
{
	bool letter = s.n > 0 && s.n <= NAME_MOST && s.p[0] >= 'A' && s.p[0] <= 'Z';
	for (size_t i = 0; letter && i < s.n; i++) {
		char c = s.p[i];
		letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			 (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '+' || c == '/';
	}
	return letter;
}

/* Zones that were asked for once; never freed. Kept by the name asked for. */
static struct known {
	struct known *next;
	struct zone *zone;
} * known[BUCKETS];
static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;

const struct zone *zone_olson(struct str tzid)
{
	char name[NAME_MOST + 1];
	unsigned hash = 5381;
	struct zone *z = NULL;
	if (!name_valid(tzid))
		return NULL;
	for (size_t i = 0; i < tzid.n; i++)
		hash = hash * 33 + (unsigned char)tzid.p[i];
	memcpy(name, tzid.p, tzid.n);
	name[tzid.n] = 0;
	pthread_mutex_lock(&known_lock);
	struct known **at = &known[hash % BUCKETS];
	for (struct known *k = *at; k && !z; k = k->next)
		if (str_eq(k->zone->tzid, tzid))
			z = k->zone;
	if (!z && (z = load(name)) != NULL) {
		struct known *k = base_calloc(1, sizeof *k);
		*k = (struct known){*at, z};
		*at = k;
	}
	pthread_mutex_unlock(&known_lock);
	return z;
}

/* ---- Names ---- */

static const struct zone *windows_zone(struct str name)
{
	for (size_t i = 0; i < sizeof windows_zones / sizeof *windows_zones; i++)
		if (str_eq_nocase(name, str_of(windows_zones[i].name)))
			return zone_olson(str_of(windows_zones[i].tzid));
	return NULL;
}

const struct zone *zone_named(struct str name)
{
	static const char *const utc[] = {"UTC", "GMT", "Z", "Etc/UTC", "Universal Time"};
	name = str_trim(name);
	for (size_t i = 0; i < sizeof utc / sizeof *utc; i++)
		if (str_eq_nocase(name, str_of(utc[i])))
			return &zone_utc;
	for (struct str rest = name; rest.n;) {
		const struct zone *z = zone_olson(rest);
		z = z ? z : windows_zone(rest);
		if (z)
			return z;
		ptrdiff_t slash = str_find_byte(rest, '/');
		if (slash < 0)
			return NULL;
		rest = str_sub(rest, (size_t)slash + 1, rest.n);
	}
	return NULL;
}

const struct zone *zone_of_tzid(struct arena *a, const struct ical_node *calendar, struct str tzid)
{
	const struct zone *z = zone_olson(tzid);
	z = z ? z : windows_zone(tzid);
	if (z)
		return z;
	for (struct ical_node *n = ical_component(calendar, "VTIMEZONE"); n; n = ical_again(n))
		if (str_eq(str_trim(ical_value(n, "TZID")), tzid) &&
		    (z = zone_of_vtimezone(a, n)) != NULL)
			return z;
	return zone_named(tzid);
}

/* ---- VTIMEZONE (RFC 5545 3.6.5) ---- */

/* "+0100", "-003015" */
static bool read_offset(struct str s, int32_t *out)
{
	int sign = s.n && s.p[0] == '-' ? -1 : 1, h, m, sec = 0;
	char text[8] = "";
	if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
		s = str_sub(s, 1, s.n);
	if (s.n != 4 && s.n != 6)
		return false;
	memcpy(text, s.p, s.n);
	if (sscanf(text, "%2d%2d%2d", &h, &m, &sec) < 2 || h > 23 || h < 0 || m > 59 || m < 0 ||
	    sec > 59 || sec < 0)
		return false;
	*out = sign * (h * 3600 + m * 60 + sec);
	return true;
}

struct collector {
	struct arena *a;
	struct zone *z;
	int32_t from, to;
	int64_t first; /* when the earliest change is */
};

static void collect(struct collector *c, int64_t wall)
{
	int64_t at = wall - c->from;
	if (c->z->n >= CHANGES_MOST)
		return;
	if (at < c->first) {
		c->first = at;
		c->z->first = c->from;
	}
	c->z->v[c->z->n++] = (struct zone_change){at, c->to};
}

/* A rule of every year that began long ago is followed from 1970 on: Outlook's begin in 1601. */
static int64_t recent_start(struct str rule, int64_t start)
{
	int year, month, day;
	if (start >= 0 || str_find(rule, STR("COUNT")) >= 0 || str_find(rule, STR("INTERVAL")) >= 0)
		return start;
	int64_t days = -((-start + 86399) / 86400);
	ical_civil(days, &year, &month, &day);
	return ical_days(1970, month, day > 28 ? 28 : day) * 86400 + (start - days * 86400);
}

/* Yearly rules only: what else there is can't be followed at a bounded cost. */
static void collect_rule(struct collector *c, struct str rule, int64_t start)
{
	int64_t walls[ZONE_LAST_YEAR - 1900];
	if (!recurrence_is_yearly(rule))
		return;
	const struct zone fixed = {.first = c->from};
	struct recurrence_walk walk = {
		.rule = rule,
		.start = recent_start(rule, start),
		.zone = &fixed,
		.from = ical_days(1900, 1, 1) * 86400,
		.before = ical_days(VTIMEZONE_LAST_YEAR, 1, 1) * 86400,
	};
	size_t n = recurrence_walls(c->a, &walk, walls, sizeof walls / sizeof *walls);
	for (size_t i = 0; i < n; i++)
		collect(c, walls[i]);
}

static void collect_observance(struct collector *c, const struct ical_node *o)
{
	struct ical_time start, date;
	struct str one;
	if (!read_offset(ical_value(o, "TZOFFSETFROM"), &c->from) ||
	    !read_offset(ical_value(o, "TZOFFSETTO"), &c->to) ||
	    !ical_time_parse(ical_value(o, "DTSTART"), &start))
		return;
	collect(c, start.wall);
	for (const struct ical_node *l = ical_line(o, "RRULE"); l; l = ical_again(l))
		collect_rule(c, l->value, start.wall);
	for (const struct ical_node *l = ical_line(o, "RDATE"); l; l = ical_again(l))
		for (struct str rest = l->value; str_next(&rest, ',', &one);)
			if (ical_time_parse(one, &date))
				collect(c, date.wall);
}

static int by_time(const void *a, const void *b)
{
	const struct zone_change *x = a, *y = b;
	return (x->at > y->at) - (x->at < y->at);
}

const struct zone *zone_of_vtimezone(struct arena *a, const struct ical_node *vtimezone)
{
	struct zone *z = arena_alloc(a, sizeof *z);
	struct collector c = {.a = a, .z = z, .first = INT64_MAX};
	unsigned seen = 0;
	z->tzid = str_trim(ical_value(vtimezone, "TZID"));
	z->v = arena_array(a, CHANGES_MOST, sizeof *z->v);
	for (const struct ical_node *n = vtimezone->first; n && seen < OBSERVANCES; n = n->next) {
		if (!n->component || !(str_eq_nocase(n->name, STR("STANDARD")) ||
				       str_eq_nocase(n->name, STR("DAYLIGHT"))))
			continue;
		collect_observance(&c, n);
		seen++;
	}
	if (!z->n)
		return NULL;
	qsort(z->v, z->n, sizeof *z->v, by_time);
	return z;
}

/* ---- Asking ---- */

int32_t zone_offset(const struct zone *z, int64_t utc)
{
	size_t low = 0, high = z->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (z->v[middle].at <= utc)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? z->v[low - 1].offset : z->first;
}

int64_t zone_to_wall(const struct zone *z, int64_t utc)
{
	return utc + zone_offset(z, utc);
}

int64_t zone_to_utc(const struct zone *z, int64_t wall)
{
	/* Before any change near it, and after: no zone changes twice in a day. */
	int64_t before = wall - zone_offset(z, wall - 86400);
	int64_t after = wall - zone_offset(z, wall + 86400);
	if (zone_to_wall(z, before) == wall)
		return before;
	return zone_to_wall(z, after) == wall ? after : before;
}

/* ---- From the device ---- */

static bool same_rules(const struct zone_rules *a, const struct zone_rules *b, int year)
{
	enum { SLACK = 60 }; /* Windows says 23:59:59.999 for midnight */
	if (a->standard != b->standard || a->changes != b->changes)
		return false;
	if (!a->changes)
		return true;
	int64_t standard =
		zone_rule_wall(&a->to_standard, year) - zone_rule_wall(&b->to_standard, year);
	int64_t summer = zone_rule_wall(&a->to_summer, year) - zone_rule_wall(&b->to_summer, year);
	return a->summer == b->summer && llabs(standard) <= SLACK && llabs(summer) <= SLACK;
}

static bool fits(const struct zone *z, const struct zone_rules *wanted, int64_t at)
{
	if (!z)
		return false;
	struct zone_rules r = zone_rules_of(z, at);
	return same_rules(&r, wanted, zone_year(at));
}

static const struct zone *zone_of_rules(struct arena *a, const struct zone_rules *r, int64_t at)
{
	struct zone *z = arena_alloc(a, sizeof *z);
	int year = zone_year(at);
	int from = year - 50 < 1900 ? 1900 : year - 50;
	int until = from + 150 > ZONE_LAST_YEAR ? ZONE_LAST_YEAR : from + 150;
	z->first = r->standard;
	int32_t minutes = abs(r->standard) / 60;
	char sign = r->standard < 0 ? '-' : '+';
	if (!r->changes) {
		z->tzid =
			str_of(arena_printf(a, "UTC%c%02d:%02d", sign, minutes / 60, minutes % 60));
		return z;
	}
	z->v = arena_array(a, 2 * (size_t)(until > from ? until - from + 1 : 1), sizeof *z->v);
	z->n = zone_rules_expand(r, from, until, z->v);
	z->tzid = str_of(arena_printf(a, "UTC%c%02d:%02d %d.%d.%d-%d.%d.%d", sign, minutes / 60,
				      minutes % 60, r->to_summer.month, r->to_summer.nth,
				      r->to_summer.weekday, r->to_standard.month,
				      r->to_standard.nth, r->to_standard.weekday));
	return z;
}

const struct zone *zone_of_blob(struct arena *a, struct str base64, int64_t at,
				const struct zone *stored, const struct zone *account)
{
	struct zone_rules wanted;
	struct str name;
	if (!zone_blob_read(a, base64, &wanted, &name))
		return NULL;
	const struct zone *const first[] = {stored, account, windows_zone(name), zone_olson(name)};
	for (size_t i = 0; i < sizeof first / sizeof *first; i++)
		if (fits(first[i], &wanted, at))
			return first[i];
	if (!wanted.changes && wanted.standard == 0)
		return &zone_utc;
	for (size_t i = 0; i < sizeof windows_zones / sizeof *windows_zones; i++) {
		const struct zone *z = zone_olson(str_of(windows_zones[i].tzid));
		if (fits(z, &wanted, at))
			return z;
	}
	return zone_of_rules(a, &wanted, at);
}
