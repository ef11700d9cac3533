/*
 * connection: one kept HTTP/1.1 connection to the web server, with at most one request under way.
 *
 * It is opened when there is something to send, and opened anew when the server has closed it in
 * between, as servers do after a number of requests or of idle seconds.
 *
 * Failure rule: whatever goes wrong is told by `failed`, once, and the connection is closed then.
 * Ownership: a connection is a member of its owner, who finds himself by it; its memory is released
 * by connection_close(). Thread: the loop's.
 */
#ifndef EASEL_BENCH_CONNECTION_H
#define EASEL_BENCH_CONNECTION_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/base/buf.h"
#include "core/base/str.h"
#include "test/bench/loop.h"

/* Where all connections lead. Only loopback addresses: see target_parse(). */
struct target {
	struct sockaddr_in address;
	char host[64];	  /* "127.0.0.1:8080" */
	char path[256];	  /* of the URL; "" when it has none */
	SSL_CTX *tls;	  /* NULL: plain HTTP */
	unsigned sources; /* local addresses from 127.0.0.1 on, used in turn; 0: the system's choice
			   */
};

/* Reads "http://127.0.0.1:8080/path" or "https://…"; false when it is not a loopback address. */
bool target_parse(const char *url, struct target *out);

struct response {
	int status;
	unsigned retry_after; /* seconds; 0: not said */
	struct str body;      /* valid until the next request */
};

enum connection_state {
	CONNECTION_CLOSED,
	CONNECTION_OPENING,  /* TCP */
	CONNECTION_GREETING, /* TLS */
	CONNECTION_SENDING,
	CONNECTION_RECEIVING, /* the request is out */
	CONNECTION_IDLE
};

struct connection {
	struct watch watch; /* first: the loop's callback comes back by it */
	struct loop *loop;
	const struct target *target;
	unsigned number; /* decides the local address */
	enum connection_state state;
	SSL *ssl;
	struct buf out, in;
	size_t sent;
	size_t head; /* bytes of the answer's head, 0 until it is complete */
	size_t length;
	int status;
	unsigned retry_after;
	bool closes;   /* the server said that this is the connection's last answer */
	bool used;     /* an answer came on it: from now on the server may close it at any time */
	bool writable; /* epoll is asked about writing too */
	int64_t asked; /* loop_now() when the request was handed in */
	unsigned retries; /* requests sent again, since the server closed an idle connection */
	void (*answered)(struct connection *c, const struct response *r);
	void (*failed)(struct connection *c, const char *why);
};

void connection_init(struct connection *c, struct loop *l, const struct target *t, unsigned number);

/* Sends a request. The last one must have been answered. */
void connection_send(struct connection *c, struct str head, struct str body);

/* Gives back the memory of the last answer, for a wait that may be long. */
void connection_shrink(struct connection *c);

/* Also ends a request under way, silently. */
void connection_close(struct connection *c);

#endif
