/*
 * user_page: what a user sees of his devices and does to them. Every statement is bound to the
 * account. Failure rule: as pg.h. Thread: that of the connection.
 */
#ifndef EASEL_STORE_USER_PAGE_H
#define EASEL_STORE_USER_PAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;
struct pg;

/* His devices as JSON (easel.user_page). */
bool user_page_read(struct pg *db, struct arena *a, int32_t account, struct str *json,
		    struct err *e);

/* Does something to a device of his (easel.user_act); *done false: it is none, or no such action.
 */
bool user_page_act(struct pg *db, struct arena *a, int32_t account, int32_t device,
		   struct str action, bool *done, struct err *e);

#endif
