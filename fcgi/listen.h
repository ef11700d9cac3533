/*
 * listen: the socket that the web server connects to: opened here, or inherited from spawn-fcgi
 * (descriptor 0) or systemd (LISTEN_FDS).
 *
 * Failure rule: false and *e: ERR_INVALID an address that can't be read, ERR_EXISTS somebody
 * listens there, ERR_UNAVAILABLE anything else. Thread: only before the first thread is started.
 */
#ifndef EASEL_FCGI_LISTEN_H
#define EASEL_FCGI_LISTEN_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/err.h"

struct listener {
	int fd;
	bool inherited;
	const char *path; /* of a Unix socket that was made here, NULL otherwise; not copied */
	dev_t device;	  /* its file */
	ino_t inode;
};

/*
 * Opens a path (anything with a '/') or HOST:PORT ("[::1]:9000", ":9000" on every address). A path
 * is made with exactly the given mode; a socket file that a dead process left is replaced, one
 * where somebody accepts is not (ERR_EXISTS). Workers may share a TCP port (SO_REUSEPORT).
 */
bool listen_open(struct listener *l, const char *address, mode_t mode, struct err *e);

/* Finds the socket that was handed over. ERR_INVALID: there is none. */
bool listen_inherit(struct listener *l, struct err *e);

/*
 * Takes a Unix socket's path away, so that nobody connects any more, if it is still ours. While the
 * descriptor is open: until then the system can't give its file's number to another.
 */
void listen_unlink(struct listener *l);

#endif
