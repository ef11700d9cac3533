/*
 * err: what went wrong, as a kind that the protocol can express and a sentence for the log.
 *
 * The caller owns the struct and passes it down. Whoever handles an error logs it; nobody both logs
 * and returns it. Functions that act return bool and fill the err on false. Thread: any.
 */
#ifndef EASEL_BASE_ERR_H
#define EASEL_BASE_ERR_H

#include <stdbool.h>

enum err_kind {
	ERR_NONE,
	ERR_MALFORMED,	 /* the bytes are not what the format allows */
	ERR_INVALID,	 /* well formed, but a value or combination that is not allowed */
	ERR_TOO_LARGE,	 /* past a limit on size or number */
	ERR_LOGIN,	 /* no credentials, or wrong ones */
	ERR_FORBIDDEN,	 /* known, but may not */
	ERR_NOT_FOUND,	 /* no such account, folder, item, part */
	ERR_EXISTS,	 /* the name is taken */
	ERR_CONFLICT,	 /* somebody else changed it first */
	ERR_QUOTA,	 /* no room in the mailbox */
	ERR_UNSUPPORTED, /* a thing that this server or store does not do */
	ERR_UNAVAILABLE, /* the database or a mail server is away: worth a retry */
	ERR_INTERNAL	 /* our own fault */
};

struct err {
	enum err_kind kind;
	char text[240]; /* one line of printable text, NUL-terminated */
};

/* Fills *e (when e is not NULL) and returns false, so that a failure is one statement. */
bool err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "what: " in front of the text of *e, keeps the kind, returns false. */
bool err_in(struct err *e, const char *what);

void err_clear(struct err *e);

/* A short lower-case word for the log: "malformed", "login" … */
const char *err_kind_name(enum err_kind kind);

#endif
