/*
 * report: latencies and how they are told: JSON objects, one a line, on standard output.
 *
 * Failure rule: running out of memory ends the program. Thread: one at a time.
 */
#ifndef EASEL_BENCH_REPORT_H
#define EASEL_BENCH_REPORT_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct samples {
	int64_t *v; /* nanoseconds */
	size_t n, size;
};

void samples_add(struct samples *s, int64_t ns);
void samples_clear(struct samples *s);
void samples_free(struct samples *s);

/* {"n", "p50", "p90", "p99", "max"} in milliseconds, counted from `zero`; sorts. */
json_t *samples_json(struct samples *s, int64_t zero);

/* Prints the object as a line at once, and releases it. */
void report_line(json_t *object);

#endif
