/* modes: what a run measures, one row for each. */
#ifndef EASEL_BENCH_MODES_H
#define EASEL_BENCH_MODES_H

#include <stdio.h>

#include "test/bench/fleet.h"

/* NULL: there is no mode of that name. */
const struct mode *mode_find(const char *name);

/* What --help says of them. */
void modes_help(FILE *out);

#endif
