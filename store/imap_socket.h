/*
 * imap_socket: bytes to and from an IMAP server, in the clear or through TLS, never blocking longer
 * than they may. For store/imap*.c only.
 *
 * Failure rule: false with ERR_UNAVAILABLE; a certificate that does not convince is that too, as
 * nothing is wrong with the user's password. Thread: one at a time.
 */
#ifndef EASEL_STORE_IMAP_SOCKET_H
#define EASEL_STORE_IMAP_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

#include "store/imap.h"

struct imap_socket {
	int fd;	   /* -1: none */
	void *tls; /* SSL */
	int patience;
};

bool imap_socket_open(struct imap_socket *s, const struct imap_server *server, struct err *e);

/* From now on with TLS. */
bool imap_socket_secure(struct imap_socket *s, const struct imap_server *server, struct err *e);

bool imap_socket_write(struct imap_socket *s, const char *p, size_t n, struct err *e);

/* At least one byte, waiting for it; *got is 0 when it does not wait and nothing is there. */
bool imap_socket_read(struct imap_socket *s, bool wait, char *p, size_t n, size_t *got,
		      struct err *e);

void imap_socket_close(struct imap_socket *s);

#endif
