/* err: what went wrong. See err.h for the contract. */
#include "core/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One line of printable text, whatever a library or a peer put into it. */
static void make_printable(char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			*s = ' ';
}

bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	if (!e)
		return false;
	e->kind = kind;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof e->text, fmt, ap);
	va_end(ap);
	make_printable(e->text);
	return false;
}

bool err_in(struct err *e, const char *what)
{
	if (!e)
		return false;
	char old[sizeof e->text];
	memcpy(old, e->text, sizeof old);
	snprintf(e->text, sizeof e->text, "%.80s: %.150s", what, old);
	return false;
}

void err_clear(struct err *e)
{
	*e = (struct err){.kind = ERR_NONE};
}

const char *err_kind_name(enum err_kind kind)
{
	static const char *const names[] = {
		[ERR_NONE] = "none",
		[ERR_MALFORMED] = "malformed",
		[ERR_INVALID] = "invalid",
		[ERR_TOO_LARGE] = "too-large",
		[ERR_LOGIN] = "login",
		[ERR_FORBIDDEN] = "forbidden",
		[ERR_NOT_FOUND] = "not-found",
		[ERR_EXISTS] = "exists",
		[ERR_CONFLICT] = "conflict",
		[ERR_QUOTA] = "quota",
		[ERR_UNSUPPORTED] = "unsupported",
		[ERR_UNAVAILABLE] = "unavailable",
		[ERR_INTERNAL] = "internal",
	};
	return (unsigned)kind < sizeof names / sizeof *names ? names[kind] : "unknown";
}
