/* reply: an answer as FastCGI records. See reply.h for the contract. */
#include "fcgi/reply.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <fastcgi.h>

#include "core/base/clock.h"
#include "fcgi/http.h"

enum {
	RECORD_MOST = 65528, /* content of one record, a multiple of eight */
	LINGER = 2000	     /* ms */
};

/* What is gathered before it is sent, so that a small answer is a single packet. */
struct out {
	struct peer peer;
	int flags;
	bool failed;
	size_t n;
	char gathered[16 * 1024];
};

/* The end of STDOUT and the end of the request. */
struct trailer {
	FCGI_Header eof;
	FCGI_EndRequestRecord end;
};

static FCGI_Header header(const struct out *o, unsigned char type, size_t length)
{
	return (FCGI_Header){.version = FCGI_VERSION_1,
			     .type = type,
			     .requestIdB1 = (unsigned char)(o->peer.request >> 8),
			     .requestIdB0 = (unsigned char)o->peer.request,
			     .contentLengthB1 = (unsigned char)(length >> 8),
			     .contentLengthB0 = (unsigned char)length};
}

static struct trailer trailer(const struct out *o)
{
	return (struct trailer){
		.eof = header(o, FCGI_STDOUT, 0),
		.end = {.header = header(o, FCGI_END_REQUEST, sizeof(FCGI_EndRequestBody)),
			.body = {.protocolStatus = FCGI_REQUEST_COMPLETE}}};
}

/* Drops n sent bytes from the front of the vectors. */
static void advance(struct msghdr *m, size_t n)
{
	while (m->msg_iovlen && n >= m->msg_iov->iov_len) {
		n -= m->msg_iov->iov_len;
		m->msg_iov++;
		m->msg_iovlen--;
	}
	if (m->msg_iovlen) {
		m->msg_iov->iov_base = (char *)m->msg_iov->iov_base + n;
		m->msg_iov->iov_len -= n;
	}
}

static void send_vectors(struct out *o, struct iovec *v, size_t n)
{
	struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
	advance(&m, 0);
	while (!o->failed && m.msg_iovlen) {
		ssize_t sent = sendmsg(o->peer.fd, &m, o->flags);
		if (sent >= 0)
			advance(&m, (size_t)sent);
		else if (errno != EINTR)
			o->failed = true;
	}
}

/* One record of STDOUT, and after the last one the end of the request. n is at most RECORD_MOST. */
static void send_record(struct out *o, const char *p, size_t n, bool last)
{
	FCGI_Header h = header(o, FCGI_STDOUT, n);
	struct trailer t = trailer(o);
	struct iovec v[] = {{.iov_base = &h, .iov_len = n ? sizeof h : 0},
			    {.iov_base = (void *)(uintptr_t)p, .iov_len = n},
			    {.iov_base = &t, .iov_len = last ? sizeof t : 0}};
	send_vectors(o, v, 3);
}

static void send_gathered(struct out *o, bool last)
{
	if (o->n || last)
		send_record(o, o->gathered, o->n, last);
	o->n = 0;
}

static bool put(void *ctx, const char *p, size_t n)
{
	struct out *o = ctx;
	if (n > sizeof o->gathered - o->n)
		send_gathered(o, false);
	while (n > sizeof o->gathered && !o->failed) {
		size_t piece = n < RECORD_MOST ? n : RECORD_MOST;
		send_record(o, p, piece, false);
		p += piece;
		n -= piece;
	}
	if (!o->failed) {
		memcpy(o->gathered + o->n, p, n);
		o->n += n;
	}
	return !o->failed;
}

static bool put_head(struct out *o, const struct answer *w)
{
	struct buf head = {.limit = HTTP_HEAD_MAX};
	http_put_head(&head, w);
	bool ok = !head.failed && put(o, head.p, head.n);
	buf_free(&head);
	return ok;
}

bool reply_send(struct peer p, struct answer *w, bool wait, struct err *e)
{
	struct out o;
	o.peer = p;
	o.flags = MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT);
	o.failed = false;
	o.n = 0;
	if (!put_head(&o, w))
		return err_set(e, ERR_UNAVAILABLE, "the answer's head could not be written");
	if (!body_send(&w->body, put, &o, e))
		return false;
	send_gathered(&o, true);
	if (o.failed)
		return err_set(e, ERR_UNAVAILABLE, "the answer could not be written");
	return true;
}

static void linger(int fd)
{
	int64_t until = clock_monotonic() + LINGER;
	char trash[4096];
	if (shutdown(fd, SHUT_WR))
		return;
	for (;;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		int64_t left = until - clock_monotonic();
		if (left <= 0 || poll(&ready, 1, (int)left) <= 0)
			return;
		if (recv(fd, trash, sizeof trash, MSG_DONTWAIT) <= 0)
			return;
	}
}

void reply_close(struct peer p, bool unread)
{
	if (unread)
		linger(p.fd);
	close(p.fd);
}
