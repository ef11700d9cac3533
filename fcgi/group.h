/*
 * group: several worker processes on one socket, under a parent that starts again what dies.
 */
#ifndef EASEL_FCGI_GROUP_H
#define EASEL_FCGI_GROUP_H

enum { GROUP_MOST = 64 };

/*
 * Forks n (1 to GROUP_MOST) processes that call work(ctx) and exit with what it returns. One that
 * ends is started again, later and later if it ends soon; one that says EX_CONFIG ends the group.
 * On SIGTERM, SIGINT or SIGUSR1 calls stopping(ctx), ends all with SIGTERM, waits for them, and
 * returns an exit code of sysexits.h. The workers do not outlive their parent. Before the first
 * thread.
 */
int group_run(unsigned n, int (*work)(void *ctx), void (*stopping)(void *ctx), void *ctx);

#endif
