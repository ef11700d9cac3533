/*
 * housekeeping: what has to be done by somebody, and by one only: information mails are put into
 * their mailboxes, and what nobody needs any more is removed.
 *
 * Every worker has a thread for it; the one that holds an advisory lock of the database does the
 * work, and when it ends or loses its connection another takes over. Failure rule: nothing fails;
 * what went wrong is logged and tried again.
 */
#ifndef EASEL_CORE_HOUSEKEEPING_H
#define EASEL_CORE_HOUSEKEEPING_H

#include <stdatomic.h>

#include "core/session.h"

/* Runs until *ending, which is looked at several times a second. On a thread of its own. */
void housekeeping_run(const struct server *server, atomic_bool *ending);

#endif
