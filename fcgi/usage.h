/*
 * usage: what this process occupies of what it may have: descriptors and memory.
 *
 * Failure rule: what can't be read is 0. Thread: any.
 */
#ifndef EASEL_FCGI_USAGE_H
#define EASEL_FCGI_USAGE_H

#include <stddef.h>
#include <stdint.h>

struct usage {
	size_t descriptors, max_descriptors;
	int64_t memory; /* bytes that are resident */
};

/* Costs a look at each descriptor: not for every request. */
struct usage usage_read(void);

#endif
