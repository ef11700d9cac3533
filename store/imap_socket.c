/* imap_socket: bytes to and from an IMAP server. See imap_socket.h for the contract. */
#include "store/imap_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/clock.h"

enum { CONNECT_MS = 10000 };

struct imap_trust {
	SSL_CTX *context;
};

/* ---- Whom to trust ---- */

static const char *tls_reason(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;
	return reason ? reason : "the connection ended";
}

static bool add_certificates(SSL_CTX *context, const char *pem)
{
	X509_STORE *store = SSL_CTX_get_cert_store(context);
	BIO *in = BIO_new_mem_buf(pem, -1);
	int n = 0;
	for (X509 *x; in && (x = PEM_read_bio_X509(in, NULL, NULL, NULL)); X509_free(x))
		n += X509_STORE_add_cert(store, x);
	BIO_free(in);
	ERR_clear_error();
	return n > 0;
}

struct imap_trust *imap_trust_new(const char *pem, struct err *e)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	if (!context) {
		err_set(e, ERR_INTERNAL, "TLS: %s", tls_reason());
		return NULL;
	}
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
					  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
					  SSL_MODE_RELEASE_BUFFERS);
	bool ok = pem && *pem ? add_certificates(context, pem)
			      : SSL_CTX_set_default_verify_paths(context) == 1;
	if (!ok) {
		SSL_CTX_free(context);
		err_set(e, ERR_UNAVAILABLE, "the certificates to trust can't be read");
		return NULL;
	}
	struct imap_trust *t = base_calloc(1, sizeof *t);
	t->context = context;
	return t;
}

void imap_trust_free(struct imap_trust **t)
{
	if (!t || !*t)
		return;
	SSL_CTX_free((*t)->context);
	free(*t);
	*t = NULL;
}

/* ---- Waiting ---- */

static bool wait_for(struct imap_socket *s, short events, int ms, struct err *e)
{
	int64_t until = clock_monotonic() + ms;
	struct pollfd p = {.fd = s->fd, .events = events};
	for (;;) {
		int64_t left = until - clock_monotonic();
		int n = poll(&p, 1, left > 0 ? (int)left : 0);
		if (n > 0)
			return true;
		if (n == 0)
			return err_set(e, ERR_UNAVAILABLE, "the IMAP server said nothing for %d ms",
				       ms);
		if (errno != EINTR)
			return err_set(e, ERR_UNAVAILABLE, "poll: %s", strerror(errno));
	}
}

/* Waits for what TLS wants. False when it is an error and no waiting. */
static bool wait_for_tls(struct imap_socket *s, int result, struct err *e)
{
	switch (SSL_get_error(s->tls, result)) {
	case SSL_ERROR_WANT_READ:
		return wait_for(s, POLLIN, s->patience, e);
	case SSL_ERROR_WANT_WRITE:
		return wait_for(s, POLLOUT, s->patience, e);
	default:
		return err_set(e, ERR_UNAVAILABLE, "TLS with the IMAP server: %s", tls_reason());
	}
}

/* ---- Opening ---- */

static bool connect_one(struct imap_socket *s, const struct addrinfo *a, struct err *e)
{
	const int on = 1;
	int failure = 0;
	socklen_t n = sizeof failure;
	s->fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
	if (s->fd < 0)
		return err_set(e, ERR_UNAVAILABLE, "socket: %s", strerror(errno));
	setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	setsockopt(s->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
	if (connect(s->fd, a->ai_addr, a->ai_addrlen) == 0)
		return true;
	if (errno == EINPROGRESS) {
		if (!wait_for(s, POLLOUT, s->patience < CONNECT_MS ? s->patience : CONNECT_MS, e))
			return false;
		getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &failure, &n);
	} else {
		failure = errno;
	}
	return failure == 0 || err_set(e, ERR_UNAVAILABLE, "%s", strerror(failure));
}

bool imap_socket_open(struct imap_socket *s, const struct imap_server *server, struct err *e)
{
	char port[16];
	const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
	struct addrinfo *all;
	*s = (struct imap_socket){.fd = -1, .patience = server->patience};
	snprintf(port, sizeof port, "%d", server->port);
	int code = getaddrinfo(server->host, port, &hints, &all);
	if (code)
		return err_set(e, ERR_UNAVAILABLE, "IMAP server %s: %s", server->host,
			       gai_strerror(code));
	bool ok = false;
	for (const struct addrinfo *a = all; a && !ok; a = a->ai_next) {
		imap_socket_close(s);
		ok = connect_one(s, a, e);
	}
	freeaddrinfo(all);
	if (!ok) {
		imap_socket_close(s);
		return err_in(e, "IMAP server");
	}
	return server->tls != IMAP_TLS || imap_socket_secure(s, server, e);
}

/* The certificate has to be for this host: a name, or an address. */
static void expect_host(SSL *tls, const char *host)
{
	unsigned char parsed[sizeof(struct in6_addr)];
	X509_VERIFY_PARAM *param = SSL_get0_param(tls);
	if (inet_pton(AF_INET, host, parsed) == 1 || inet_pton(AF_INET6, host, parsed) == 1) {
		X509_VERIFY_PARAM_set1_ip_asc(param, host);
		return;
	}
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	SSL_set1_host(tls, host);
	SSL_set_tlsext_host_name(tls, host);
}

bool imap_socket_secure(struct imap_socket *s, const struct imap_server *server, struct err *e)
{
	ERR_clear_error();
	s->tls = SSL_new(server->trust->context);
	if (!s->tls || SSL_set_fd(s->tls, s->fd) != 1)
		return err_set(e, ERR_INTERNAL, "TLS: %s", tls_reason());
	expect_host(s->tls, server->host);
	for (;;) {
		int n = SSL_connect(s->tls);
		if (n == 1)
			return true;
		long verdict = SSL_get_verify_result(s->tls);
		if (verdict != X509_V_OK)
			return err_set(e, ERR_UNAVAILABLE, "certificate of the IMAP server: %s",
				       X509_verify_cert_error_string(verdict));
		if (!wait_for_tls(s, n, e))
			return false;
	}
}

/* ---- Bytes ---- */

static ssize_t write_some(struct imap_socket *s, const char *p, size_t n, struct err *e)
{
	if (s->tls) {
		ERR_clear_error();
		int done = SSL_write(s->tls, p, n > 1 << 20 ? 1 << 20 : (int)n);
		return done > 0 ? done : wait_for_tls(s, done, e) ? 0 : -1;
	}
	ssize_t done = send(s->fd, p, n, MSG_NOSIGNAL);
	if (done >= 0)
		return done;
	if (errno == EAGAIN || errno == EINTR)
		return wait_for(s, POLLOUT, s->patience, e) ? 0 : -1;
	err_set(e, ERR_UNAVAILABLE, "IMAP server: %s", strerror(errno));
	return -1;
}

bool imap_socket_write(struct imap_socket *s, const char *p, size_t n, struct err *e)
{
	while (n > 0) {
		ssize_t done = write_some(s, p, n, e);
		if (done < 0)
			return false;
		p += done;
		n -= (size_t)done;
	}
	return true;
}

static bool ended(struct err *e)
{
	return err_set(e, ERR_UNAVAILABLE, "the IMAP server ended the connection");
}

static bool read_tls(struct imap_socket *s, bool wait, char *p, size_t n, size_t *got,
		     struct err *e)
{
	for (;;) {
		ERR_clear_error();
		int done = SSL_read(s->tls, p, n > 1 << 20 ? 1 << 20 : (int)n);
		if (done > 0) {
			*got = (size_t)done;
			return true;
		}
		int why = SSL_get_error(s->tls, done);
		if (why == SSL_ERROR_ZERO_RETURN)
			return ended(e);
		if (why == SSL_ERROR_WANT_READ && !wait)
			return true;
		if (!wait_for_tls(s, done, e))
			return false;
	}
}

static bool read_plain(struct imap_socket *s, bool wait, char *p, size_t n, size_t *got,
		       struct err *e)
{
	for (;;) {
		ssize_t done = recv(s->fd, p, n, 0);
		if (done > 0) {
			*got = (size_t)done;
			return true;
		}
		if (done == 0)
			return ended(e);
		if (errno != EAGAIN && errno != EINTR)
			return err_set(e, ERR_UNAVAILABLE, "IMAP server: %s", strerror(errno));
		if (errno == EAGAIN && !wait)
			return true;
		if (!wait_for(s, POLLIN, s->patience, e))
			return false;
	}
}

bool imap_socket_read(struct imap_socket *s, bool wait, char *p, size_t n, size_t *got,
		      struct err *e)
{
	*got = 0;
	return s->tls ? read_tls(s, wait, p, n, got, e) : read_plain(s, wait, p, n, got, e);
}

void imap_socket_close(struct imap_socket *s)
{
	if (s->tls) {
		SSL_free(s->tls);
		ERR_clear_error();
	}
	if (s->fd >= 0)
		close(s->fd);
	s->tls = NULL;
	s->fd = -1;
}
