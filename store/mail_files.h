/*
 * mail_files: the messages in an mbox, a Maildir, a message file, or a folder of any of these.
 *
 * What a path is, is found out: a folder with cur/ and new/ is a Maildir; another one is searched,
 * with all below it, for *.eml, *.mbox and Maildirs; a file that begins with "From " is an mbox,
 * any other one message. Hidden files, and folders behind symbolic links, are left aside.
 *
 * Failure rule: a file that can't be read is told of and passed over. Files are mapped: one that is
 * cut short while it is read ends the process. Thread: any.
 */
#ifndef EASEL_STORE_MAIL_FILES_H
#define EASEL_STORE_MAIL_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

/* One message; valid during the call. */
struct mail_file {
	const char *path;
	size_t number;	/* within an mbox, from 1; 0 in a file of its own */
	struct str raw; /* as it lies there, without mbox's "From " line and ">From " quoting */
	int64_t date; /* received: Received header, else Date, else "From " line, else file time */
	unsigned flags; /* enum item_flags, by the Maildir name or the Status headers */
};

struct mail_visitor {
	void *ctx;
	bool (*message)(void *ctx, const struct mail_file *m); /* false ends the walk */
	void (*failed)(void *ctx, const char *path, const struct err *e);
};

/* Hands every message over, in the order of the names. False when a call of `message` ended it. */
bool mail_files_walk(const char *path, const struct mail_visitor *v);

/*
 * Whether a line, without its end, is what stands before a message in an mbox: "From ", an address,
 * and a date in one of the usual forms, in *ms (UTC where it names no zone).
 */
bool mail_from_line(struct str line, int64_t *ms);

#endif
