/* Answers as FastCGI records: complete, large, cut short, and to a peer that does not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fastcgi.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "fcgi/reply.h"

enum { NUMBER = 0x1234, HEAD_MAX = 200 };

/* What came over the wire: all bytes, then the content of STDOUT, and whether the request ended. */
struct wire {
	int fd;
	struct buf bytes, out;
	bool eof, ended;
};

static void *read_all(void *ctx)
{
	struct wire *w = ctx;
	char piece[65536];
	ssize_t n;
	while ((n = read(w->fd, piece, sizeof piece)) > 0)
		buf_put(&w->bytes, piece, (size_t)n);
	return NULL;
}

/* Takes the records apart; each must be whole and belong to the request. */
static void parse(struct wire *w)
{
	for (size_t at = 0; at + FCGI_HEADER_LEN <= w->bytes.n;) {
		const unsigned char *h = (const unsigned char *)w->bytes.p + at;
		size_t n = (size_t)h[4] << 8 | h[5];
		assert_int_equal(h[0], FCGI_VERSION_1);
		assert_int_equal(h[2] << 8 | h[3], NUMBER);
		at += FCGI_HEADER_LEN;
		if (at + n > w->bytes.n)
			return;
		assert_false(w->ended);
		if (h[1] == FCGI_STDOUT) {
			assert_false(w->eof);
			w->eof = n == 0;
			buf_put(&w->out, w->bytes.p + at, n);
		} else {
			assert_int_equal(h[1], FCGI_END_REQUEST);
			assert_int_equal(n, sizeof(FCGI_EndRequestBody));
			assert_true(w->eof);
			w->ended = true;
		}
		at += n + h[6];
	}
}

/* Sends an answer over a socket pair to a thread that reads all of it. */
static bool send_to(struct wire *w, struct answer *answer, struct err *e)
{
	int pair[2];
	pthread_t reader;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	*w = (struct wire){.fd = pair[0]};
	assert_int_equal(pthread_create(&reader, NULL, read_all, w), 0);
	struct peer peer = {pair[1], NUMBER};
	bool ok = reply_send(peer, answer, true, e);
	reply_close(peer, false);
	pthread_join(reader, NULL);
	close(pair[0]);
	parse(w);
	return ok;
}

static void wire_free(struct wire *w)
{
	buf_free(&w->bytes);
	buf_free(&w->out);
}

static void an_answer_of_any_size_arrives_whole(void **state)
{
	(void)state;
	static const size_t sizes[] = {0, 1, 16000, 16384, 16385, 65528, 65529, 1000000};
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct answer w = {.status = 200};
		struct wire wire;
		struct err e;
		for (size_t k = 0; k < sizes[i]; k++)
			buf_byte(&w.body.mem, (unsigned char)(k * 7 + k / 251));
		assert_true(send_to(&wire, &w, &e));
		assert_true(wire.ended);
		assert_true(wire.out.n > sizes[i]);
		const char *head_end = memmem(wire.out.p, wire.out.n, "\r\n\r\n", 4);
		assert_non_null(head_end);
		size_t head = (size_t)(head_end + 4 - wire.out.p);
		assert_int_equal(wire.out.n - head, sizes[i]);
		if (sizes[i])
			assert_memory_equal(wire.out.p + head, w.body.mem.p, sizes[i]);
		body_free(&w.body);
		wire_free(&wire);
	}
}

static bool break_off(struct source *s, char *out, size_t n, size_t *got, struct err *e)
{
	(void)s;
	(void)out;
	(void)n;
	*got = 0;
	return err_set(e, ERR_UNAVAILABLE, "the store is gone");
}

static void free_source(struct source *s)
{
	free(s);
}

static void an_answer_whose_source_fails_is_never_ended(void **state)
{
	(void)state;
	struct answer w = {.status = 200};
	struct wire wire;
	struct err e;
	struct source *s = base_malloc(sizeof *s);
	*s = (struct source){.length = 10, .read = break_off, .close = free_source};
	for (int i = 0; i < 20000; i++)
		buf_byte(&w.body.mem, 'x');
	body_add_source(&w.body, s);

	assert_false(send_to(&wire, &w, &e));

	assert_string_equal(e.text, "the store is gone");
	assert_false(wire.eof || wire.ended);
	body_free(&w.body);
	wire_free(&wire);
}

static void a_peer_that_does_not_read_costs_no_time_without_wait(void **state)
{
	(void)state;
	int pair[2];
	struct answer w = {.status = 200};
	struct err e;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	for (int i = 0; i < 4000000; i++)
		buf_byte(&w.body.mem, 'x');
	assert_false(reply_send((struct peer){pair[1], NUMBER}, &w, false, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	body_free(&w.body);
	close(pair[0]);
	close(pair[1]);
}

static void a_peer_that_is_gone_is_an_error_and_no_signal(void **state)
{
	(void)state;
	int pair[2];
	struct answer w = {.status = 200};
	struct err e;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[0]);
	assert_false(reply_send((struct peer){pair[1], NUMBER}, &w, true, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	reply_close((struct peer){pair[1], NUMBER}, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_of_any_size_arrives_whole),
		cmocka_unit_test(an_answer_whose_source_fails_is_never_ended),
		cmocka_unit_test(a_peer_that_does_not_read_costs_no_time_without_wait),
		cmocka_unit_test(a_peer_that_is_gone_is_an_error_and_no_signal),
	};
	return cmocka_run_group_tests_name("reply", tests, NULL, NULL);
}
