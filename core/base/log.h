/*
 * log: one event, one line of key=value (or one JSON object), on standard error.
 *
 *     struct log_line l;
 *     log_begin(&l, LOG_INFO, "request");
 *     log_str(&l, "user", user);
 *     log_int(&l, "ms", 3);
 *     log_end(&l);
 *
 * gives  2026-03-10T13:00:00.123Z info request user=anna@example.test ms=3
 *
 * Values with blanks, quotes, '=' or controls are quoted and escaped, so a line is never broken or
 * forged by what a client sent. A line is at most LOG_LINE bytes; a value that does not fit is cut.
 * Never put a password or a message's text here. Thread: any; a line is written by one write().
 */
#ifndef EASEL_BASE_LOG_H
#define EASEL_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERROR };

enum { LOG_LINE = 2048 };

struct log_line {
	enum log_level level;
	bool on; /* below the level asked for: nothing is collected */
	unsigned n;
	char text[LOG_LINE];
};

/* Lines below `least` are dropped; json asks for JSON objects. Call before the first thread starts.
 */
void log_setup(enum log_level least, bool json);

/* "debug", "info", "warning", "error"; false on anything else. */
bool log_level_parse(const char *name, enum log_level *out);

void log_begin(struct log_line *l, enum log_level level, const char *event);
void log_str(struct log_line *l, const char *key, struct str value);
void log_cstr(struct log_line *l, const char *key, const char *value);
void log_int(struct log_line *l, const char *key, int64_t value);
void log_err(struct log_line *l, const struct err *e); /* error=<kind> reason="<text>" */
void log_end(struct log_line *l);

/* A whole line with the reason in *e (may be NULL). */
void log_event(enum log_level level, const char *event, const struct err *e);

#endif
