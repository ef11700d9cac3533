/*
 * sync_trouble: what is known of a device that asks for the same answer again and again, and the
 * items that it does not get (easel.sync_trouble, easel.sync_omitted).
 *
 * Failure rule: as pg.h. Ownership: the arena's. Thread: that of the connection.
 */
#ifndef EASEL_STORE_SYNC_TROUBLE_H
#define EASEL_STORE_SYNC_TROUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

struct omitted {
	int32_t folder;
	int64_t uid, modseq;
};

struct sync_trouble {
	bool found; /* there is a row */
	int repeats, sent, suspects, window;
	bool lost;
	bool overlapping; /* the request had come before the last answer was made */
	struct omitted
		single;	   /* the only item of the last answer; folder 0: it had another number */
	struct omitted *v; /* what the device does not get */
	size_t n;
};

/* `age`: ms for which the request has been served. */
bool sync_trouble_read(struct pg *db, struct arena *a, int32_t device, int64_t age,
		       struct sync_trouble *out, struct err *e);

/* Writes the row, or removes it (found false). */
bool sync_trouble_write(struct pg *db, int32_t device, const struct sync_trouble *t, struct err *e);

/* An answer did not reach the web server whole. */
bool sync_trouble_lost(struct pg *db, int32_t device, struct err *e);

/* Notes an item that the device does not get, and puts a message that names it into its inbox. */
bool sync_trouble_omit(struct pg *db, int32_t account, int32_t device, const struct omitted *item,
		       bool refused, struct err *e);

/* Of an item that has changed, or is retried: it is sent. */
bool sync_trouble_forget(struct pg *db, int32_t device, const struct omitted *item, struct err *e);

/*
 * Such messages are in no store: their uids begin here, beyond those of every folder. The account's
 * folder is its inbox.
 */
#define NOTE_FIRST (INT64_C(1) << 61)

/* FOUND_NONE: there is none, or no more; then *out is gone. */
enum found sync_note_read(struct pg *db, struct arena *a, int32_t account, int32_t folder,
			  int64_t uid, struct item *out, struct str *raw, struct err *e);
enum found sync_note_remove(struct pg *db, int32_t account, int32_t folder, int64_t uid,
			    struct err *e);

#endif
