/*
 * program: what the small programs have in common: how they fail, and with which exit code
 * (sysexits.h, so that mail servers and scripts know what is worth a retry).
 */
#ifndef EASEL_CORE_PROGRAMS_PROGRAM_H
#define EASEL_CORE_PROGRAMS_PROGRAM_H

#include <stdio.h>
#include <sysexits.h>

#include "core/base/err.h"

static inline int program_exit_code(enum err_kind kind)
{
	switch (kind) {
	case ERR_UNAVAILABLE:
		return EX_TEMPFAIL;
	case ERR_NOT_FOUND:
		return EX_NOINPUT;
	case ERR_MALFORMED:
	case ERR_INVALID:
	case ERR_TOO_LARGE:
	case ERR_EXISTS:
		return EX_DATAERR;
	case ERR_CONFLICT:
		return EX_CONFIG;
	default:
		return EX_SOFTWARE;
	}
}

/* Says why on standard error; returns the exit code. */
static inline int program_fail(const char *program, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", program, e->text);
	return program_exit_code(e->kind);
}

/* For a command line that can't be understood; getopt has said why. */
static inline int program_usage(const char *program)
{
	fprintf(stderr, "Try '%s --help'.\n", program);
	return EX_USAGE;
}

#endif
