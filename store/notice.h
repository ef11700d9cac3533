/*
 * notice: information mails that are still to be delivered (easel.notice), and the lock of the one
 * worker that does so and tidies up. Failure rule: as pg.h. Thread: that of the connection.
 */
#ifndef EASEL_STORE_NOTICE_H
#define EASEL_STORE_NOTICE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

/*
 * Tries to become the one; *taken: so it is, for as long as the connection lasts, which then
 * listens for new mails.
 */
bool notice_lock(struct pg *db, bool *taken, struct err *e);

/* Sleeps until there may be new mails or the time is up. *woken: the former. */
bool notice_wait(struct pg *db, int ms, bool *woken, struct err *e);

struct notice {
	int32_t account;
	int64_t id;
	struct str address, copy_to; /* copy_to empty: nobody */
	struct str sender, raw;
};

/* The next mail, locked until the transaction ends. */
enum found notice_take(struct pg *db, struct arena *a, struct notice *out, struct err *e);

/* Removes a mail that was delivered. */
bool notice_finish(struct pg *db, const struct notice *n, struct err *e);

/* Removes what nobody needs any more (easel.housekeep); *removed rows. */
bool notice_housekeep(struct pg *db, int64_t *removed, struct err *e);

#endif
