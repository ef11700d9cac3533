/* report: latencies and how they are told. See report.h for the contract. */
#include "test/bench/report.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"

void samples_add(struct samples *s, int64_t ns)
{
	if (s->n == s->size) {
		s->size = s->size ? 2 * s->size : 1024;
		s->v = base_realloc(s->v, s->size * sizeof *s->v);
	}
	s->v[s->n++] = ns;
}

void samples_clear(struct samples *s)
{
	s->n = 0;
}

void samples_free(struct samples *s)
{
	free(s->v);
	*s = (struct samples){0};
}

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The nearest rank: the smallest sample that at least `percent` of all do not exceed. */
static double percentile(const struct samples *s, unsigned percent, int64_t zero)
{
	size_t rank = (s->n * percent + 99) / 100;
	return (double)(s->v[rank ? rank - 1 : 0] - zero) / 1e6;
}

json_t *samples_json(struct samples *s, int64_t zero)
{
	if (s->n == 0)
		return json_pack("{si}", "n", 0);
	qsort(s->v, s->n, sizeof *s->v, compare);
	return json_pack("{sIsfsfsfsf}", "n", (json_int_t)s->n, "p50", percentile(s, 50, zero),
			 "p90", percentile(s, 90, zero), "p99", percentile(s, 99, zero), "max",
			 percentile(s, 100, zero));
}

void report_line(json_t *object)
{
	char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
	puts(text ? text : "{}");
	fflush(stdout);
	free(text);
	json_decref(object);
}
