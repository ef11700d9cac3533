/*
 * imap_watch: learns what happens on IMAP servers to the accounts whose requests wait in this
 * process, and brings the index in the database up to date, which tells everybody who waits, in
 * whichever worker.
 *
 * One connection for each account, shared by all its devices: NOTIFY (RFC 5465) for all folders,
 * else IDLE (RFC 2177) on the Inbox and a look at the others every so often, or no connection at
 * all and the mail server tells (easel.mail_changed()). One thread sleeps in epoll on all of them;
 * a few others do what may block: connect, ask, write to the database. A connection that is lost is
 * made again with the password that the waiting requests hold, at growing distances; a password
 * that is refused then is given up.
 *
 * Failure rule: nothing fails; what goes wrong is logged, once for each account, and tried again.
 */
#ifndef EASEL_STORE_IMAP_WATCH_H
#define EASEL_STORE_IMAP_WATCH_H

#include "store/imap_pool.h"

struct imap_watch;

/* Watches whom the pool holds. Before the first thread uses the pool. */
struct imap_watch *imap_watch_start(struct imap_pool *pool, const char *conninfo);

/* Ends its threads. A server that stalls is not waited for longer than its patience. */
void imap_watch_end(struct imap_watch **w);

#endif
