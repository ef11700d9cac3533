/* connection: one kept HTTP/1.1 connection. See connection.h for the contract. */
#include "test/bench/connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	PIECE = 64 * 1024,	 /* least room for reading */
	ANSWER_MOST = 256 << 20, /* bytes */
	HEAD_MOST = 16 * 1024,
	RETRY_MOST = 3600 /* seconds that a server may ask for */
};

/* An idle connection that the server closes breaks within this time after a request, or not so. */
static const int64_t RETRY_WITHIN = INT64_C(1000000000);

/* What reading and writing give besides a number of bytes. */
enum { IO_END = 0, IO_AGAIN = -1, IO_FAILED = -2 };

/* ---- Where to ---- */

static SSL_CTX *make_tls(void)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
	if (!tls) {
		fputs("no TLS\n", stderr);
		exit(EXIT_FAILURE);
	}
	/* The servers of a lab sign their own certificates, and nothing else is ever asked. */
	SSL_CTX_set_verify(tls, SSL_VERIFY_NONE, NULL);
	SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	return tls;
}

static bool parse_address(struct str host, struct sockaddr_in *out)
{
	char text[INET_ADDRSTRLEN];
	struct str address;
	uint64_t port;
	if (!str_next(&host, ':', &address) || !str_to_u64(host, &port) || port < 1 ||
	    port > 65535 || address.n >= sizeof text)
		return false;
	memcpy(text, address.p, address.n);
	text[address.n] = '\0';
	out->sin_family = AF_INET;
	out->sin_port = htons((uint16_t)port);
	return inet_pton(AF_INET, text, &out->sin_addr) == 1 &&
	       ntohl(out->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

bool target_parse(const char *url, struct target *out)
{
	struct str rest = str_of(url), host;
	bool tls = str_starts(rest, STR("https://"));
	if (!tls && !str_starts(rest, STR("http://")))
		return false;
	rest = str_sub(rest, tls ? 8 : 7, SIZE_MAX);
	if (!str_next(&rest, '/', &host) || host.n >= sizeof out->host ||
	    rest.n + 2 > sizeof out->path || !parse_address(host, &out->address))
		return false;
	snprintf(out->host, sizeof out->host, "%.*s", STR_ARG(host));
	if (rest.p)
		snprintf(out->path, sizeof out->path, "/%.*s", STR_ARG(rest));
	out->tls = tls ? make_tls() : NULL;
	return true;
}

/* ---- Bytes ---- */

static int tls_result(const struct connection *c, int n)
{
	if (n > 0)
		return n;
	switch (SSL_get_error(c->ssl, n)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return IO_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return IO_END;
	default:
		return IO_FAILED;
	}
}

static int plain_result(ssize_t n)
{
	if (n >= 0)
		return (int)n;
	return errno == EAGAIN || errno == EINTR ? IO_AGAIN : IO_FAILED;
}

static int get(struct connection *c, char *p, size_t n)
{
	if (n > INT32_MAX)
		n = INT32_MAX;
	return c->ssl ? tls_result(c, SSL_read(c->ssl, p, (int)n))
		      : plain_result(recv(c->watch.fd, p, n, 0));
}

static int put(struct connection *c, const char *p, size_t n)
{
	return c->ssl ? tls_result(c, SSL_write(c->ssl, p, (int)n))
		      : plain_result(send(c->watch.fd, p, n, MSG_NOSIGNAL));
}

static void want_write(struct connection *c, bool writable)
{
	if (c->writable == writable)
		return;
	c->writable = writable;
	loop_change(c->loop, &c->watch, EPOLLIN | (writable ? EPOLLOUT : 0u));
}

/* ---- Opening and closing ---- */

static void hang_up(struct connection *c)
{
	SSL_free(c->ssl);
	c->ssl = NULL;
	if (c->watch.fd >= 0)
		close(c->watch.fd);
	c->watch.fd = -1;
	c->state = CONNECTION_CLOSED;
	c->used = c->closes = false;
}

static void fail(struct connection *c, const char *why)
{
	hang_up(c);
	c->failed(c, why);
}

static bool bind_source(const struct connection *c)
{
	const int on = 1;
	struct sockaddr_in from = {.sin_family = AF_INET};
	if (!c->target->sources)
		return true;
	from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + c->number % c->target->sources);
	/* The port is chosen when it connects, when the other end counts too. */
	setsockopt(c->watch.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
	return bind(c->watch.fd, (const struct sockaddr *)&from, sizeof from) == 0;
}

static void open_connection(struct connection *c)
{
	const int on = 1;
	const struct sockaddr *to = (const struct sockaddr *)&c->target->address;
	c->watch.fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->watch.fd < 0 || !bind_source(c)) {
		fail(c, "no socket");
		return;
	}
	setsockopt(c->watch.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(c->watch.fd, to, sizeof c->target->address) && errno != EINPROGRESS) {
		fail(c, strerror(errno));
		return;
	}
	c->state = CONNECTION_OPENING;
	c->writable = true;
	loop_add(c->loop, &c->watch, EPOLLIN | EPOLLOUT);
}

static void send_rest(struct connection *c)
{
	c->state = CONNECTION_SENDING;
	while (c->sent < c->out.n) {
		int n = put(c, c->out.p + c->sent, c->out.n - c->sent);
		if (n == IO_AGAIN) {
			want_write(c, true);
			return;
		}
		/* What the server said before it hung up, if anything, is found by reading. */
		if (n <= 0)
			break;
		c->sent += (size_t)n;
	}
	want_write(c, false);
	c->state = CONNECTION_RECEIVING;
}

static void greet(struct connection *c)
{
	if (c->target->tls && !c->ssl) {
		c->ssl = SSL_new(c->target->tls);
		SSL_set_fd(c->ssl, c->watch.fd);
		SSL_set_connect_state(c->ssl);
	}
	if (c->ssl) {
		c->state = CONNECTION_GREETING;
		int n = SSL_do_handshake(c->ssl);
		if (n != 1) {
			if (tls_result(c, n) != IO_AGAIN)
				fail(c, "no TLS connection");
			else
				want_write(c, SSL_want_write(c->ssl));
			return;
		}
	}
	send_rest(c);
}

static void opened(struct connection *c)
{
	int error = 0;
	socklen_t n = sizeof error;
	getsockopt(c->watch.fd, SOL_SOCKET, SO_ERROR, &error, &n);
	if (error)
		fail(c, strerror(error));
	else
		greet(c);
}

/* ---- The answer ---- */

static bool read_header(struct connection *c, struct str line, bool *sized)
{
	struct str name, value = line;
	uint64_t n;
	if (!str_next(&value, ':', &name))
		return true;
	value = str_trim(value);
	if (str_eq_nocase(name, STR("Content-Length"))) {
		*sized = str_to_u64(value, &n) && n <= ANSWER_MOST;
		c->length = *sized ? n : 0;
		return *sized;
	}
	if (str_eq_nocase(name, STR("Retry-After")) && str_to_u64(value, &n) && n <= RETRY_MOST)
		c->retry_after = (unsigned)n;
	if (str_eq_nocase(name, STR("Connection")))
		c->closes = str_eq_nocase(value, STR("close"));
	return true;
}

/* False: an answer that this client does not take. Every answer must tell its length. */
static bool read_head(struct connection *c)
{
	struct str rest = {c->in.p, c->head}, line;
	uint64_t status;
	bool sized = false;
	if (!str_next(&rest, '\n', &line) || !str_starts(line, STR("HTTP/1.1 ")) ||
	    !str_to_u64(str_sub(line, 9, 3), &status))
		return false;
	c->status = (int)status;
	while (str_next(&rest, '\n', &line))
		if (!read_header(c, line, &sized))
			return false;
	return sized;
}

static bool find_head(struct connection *c)
{
	ptrdiff_t at = str_find(str_sub(buf_get(&c->in), 0, HEAD_MOST), STR("\r\n\r\n"));
	c->head = at < 0 ? 0 : (size_t)at + 4;
	return c->head > 0;
}

/* The connection is free before its owner hears of the answer, since he may send again at once. */
static void deliver(struct connection *c)
{
	struct response r = {c->status, c->retry_after, {c->in.p + c->head, c->length}};
	c->used = true;
	c->state = CONNECTION_IDLE;
	if (c->closes)
		hang_up(c);
	c->answered(c, &r);
}

/* The server closed a connection that it took for idle: the request is sent on a new one. */
static bool may_retry(const struct connection *c)
{
	return c->used && c->in.n == 0 && loop_now() - c->asked < RETRY_WITHIN;
}

static void ended(struct connection *c)
{
	if (c->state == CONNECTION_IDLE) {
		hang_up(c);
	} else if (may_retry(c)) {
		hang_up(c);
		c->retries++;
		c->sent = 0;
		open_connection(c);
	} else {
		fail(c, "the connection was cut");
	}
}

static void receive(struct connection *c)
{
	for (;;) {
		char *room = buf_room(&c->in, c->head ? c->head + c->length - c->in.n + 1 : PIECE);
		int n = room ? get(c, room, c->in.size - c->in.n - 1) : IO_FAILED;
		if (n == IO_AGAIN)
			return;
		if (n <= 0) {
			ended(c);
			return;
		}
		buf_added(&c->in, (size_t)n);
		if (!c->head && find_head(c) && !read_head(c)) {
			fail(c, "an answer that is not HTTP/1.1 with a length");
			return;
		}
		if (c->head && c->in.n >= c->head + c->length) {
			deliver(c);
			return;
		}
	}
}

/* Nothing is due: bytes that come all the same are as bad as the end of the connection. */
static void idle(struct connection *c)
{
	char trash[256];
	if (get(c, trash, sizeof trash) != IO_AGAIN)
		ended(c);
}

static void ready(struct watch *w)
{
	struct connection *c = (struct connection *)w;
	switch (c->state) {
	case CONNECTION_CLOSED:
		break;
	case CONNECTION_OPENING:
		opened(c);
		break;
	case CONNECTION_GREETING:
		greet(c);
		break;
	case CONNECTION_SENDING:
		send_rest(c);
		break;
	case CONNECTION_RECEIVING:
		receive(c);
		break;
	case CONNECTION_IDLE:
		idle(c);
		break;
	}
}

/* ---- For the owner ---- */

void connection_init(struct connection *c, struct loop *l, const struct target *t, unsigned number)
{
	*c = (struct connection){.watch = {.fd = -1, .ready = ready},
				 .loop = l,
				 .target = t,
				 .number = number,
				 .in.limit = ANSWER_MOST + 2 * PIECE};
}

void connection_send(struct connection *c, struct str head, struct str body)
{
	buf_cut(&c->out, 0);
	buf_cut(&c->in, 0);
	buf_str(&c->out, head);
	buf_str(&c->out, body);
	c->sent = c->head = c->length = 0;
	c->retry_after = 0;
	c->asked = loop_now();
	if (c->state == CONNECTION_CLOSED)
		open_connection(c);
	else
		send_rest(c);
}

void connection_shrink(struct connection *c)
{
	buf_free(&c->in);
}

void connection_close(struct connection *c)
{
	hang_up(c);
	buf_free(&c->in);
	buf_free(&c->out);
}
