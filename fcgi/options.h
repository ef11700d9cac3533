/*
 * options: the command line of the worker, as one table that also prints --help.
 *
 * Failure rule: false and *e (ERR_INVALID) on anything that the table does not allow.
 */
#ifndef EASEL_FCGI_OPTIONS_H
#define EASEL_FCGI_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/err.h"

#define EASEL_VERSION "0.1"

struct options {
	const char *socket;   /* NULL: inherited */
	const char *database; /* libpq conninfo */
	const char *key_file; /* NULL: a random key */
	const char *log_level;
	int64_t socket_mode, workers, threads, max_parked, max_body;
	bool log_json, version, help;
};

/* The defaults; threads depend on the machine. */
void options_default(struct options *o);

/* Reads "--name value" and "--name=value". Texts are not copied. */
bool options_parse(struct options *o, int argc, char **argv, struct err *e);

/* What --help prints. */
void options_help(FILE *out);

#endif
