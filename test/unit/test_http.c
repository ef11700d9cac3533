/* CGI in: headers, paths, bodies and their encodings; CGI out: the head of an answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <zlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "fcgi/http.h"

/* A body that comes in pieces, and may break off. */
struct feed {
	struct str left;
	size_t piece;
	bool breaks;
};

static size_t feed_read(void *ctx, char *p, size_t n, bool *ok)
{
	struct feed *f = ctx;
	n = f->piece && f->piece < n ? f->piece : n;
	struct str s = str_sub(f->left, 0, n);
	if (s.n)
		memcpy(p, s.p, s.n);
	f->left = str_sub(f->left, s.n, f->left.n);
	*ok = s.n || !f->breaks;
	return s.n;
}

struct fixture {
	struct request rq;
	struct feed feed;
	struct http_input in;
};

static int set_up(void **state)
{
	struct fixture *f = base_calloc(1, sizeof *f);
	f->rq.arena = arena_new(1 << 20);
	f->rq.secrets = arena_new_secret(1 << 16);
	f->in = (struct http_input){.read = feed_read, .ctx = &f->feed};
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	arena_free(&f->rq.arena);
	arena_free(&f->rq.secrets);
	free(f);
	return 0;
}

enum { VARIABLES = 12, MAX_BODY = 20000 };

/* Reads a request with these variables; what was read earlier is forgotten. */
static void read_with(struct fixture *f, const char *const variables[])
{
	char *env[VARIABLES + 1] = {NULL};
	f->rq = (struct request){.arena = f->rq.arena, .secrets = f->rq.secrets};
	for (int i = 0; variables[i]; i++)
		env[i] = arena_strdup(f->rq.arena, variables[i]);
	http_read_request(env, &f->in, MAX_BODY, &f->rq);
}

#define READ(f, ...) read_with((f), (const char *const[VARIABLES + 1]){__VA_ARGS__, NULL})

static void assert_str(struct str got, const char *want)
{
	char text[2048];
	snprintf(text, sizeof text, "%.*s", STR_ARG(got));
	assert_string_equal(text, want);
}

/* ---- In ---- */

static void headers_become_members(void **state)
{
	struct fixture *f = *state;
	READ(f, "REQUEST_METHOD=POST", "REQUEST_URI=/Microsoft-Server-ActiveSync?Cmd=Sync",
	     "QUERY_STRING=Cmd=Sync&DeviceId=d", "CONTENT_TYPE=application/vnd.ms-sync.wbxml",
	     "HTTP_USER_AGENT= Outlook/1.0\xff ", "HTTP_HOST=mail.example.test",
	     "REMOTE_ADDR=192.0.2.1", "HTTP_ACCEPT_ENCODING=deflate, gzip;q=0.5",
	     "HTTP_MS_ASPROTOCOLVERSION=16.1", "HTTP_X_MS_POLICYKEY=4294967295",
	     "HTTP_MS_ASACCEPTMULTIPART=T");
	assert_int_equal(f->rq.method, METHOD_POST);
	assert_int_equal(f->rq.endpoint, ENDPOINT_ACTIVESYNC);
	assert_str(f->rq.content_type, "application/vnd.ms-sync.wbxml");
	assert_str(f->rq.user_agent, "Outlook/1.0\xef\xbf\xbd");
	assert_str(f->rq.host, "mail.example.test");
	assert_str(f->rq.remote_addr, "192.0.2.1");
	assert_true(f->rq.accept_gzip);
	assert_str(f->rq.eas.command, "Sync");
	assert_int_equal(f->rq.eas.version, 161);
	assert_true(f->rq.eas.has_policy_key);
	assert_int_equal(f->rq.eas.policy_key, 4294967295);
	assert_true(f->rq.eas.accept_multipart);
	assert_int_equal(f->rq.body_state, BODY_COMPLETE);
	assert_int_equal(f->rq.body.n, 0);
	assert_false(f->in.unread);
}

static void a_request_came_when_the_web_server_took_it(void **state)
{
	enum {
		ROUNDED = 3
	}; /* ms: two differences of two clocks, and the one that the age leaves out */
	struct fixture *f = *state;
	static const struct {
		int64_t ago; /* ms */
		const char *more;
		int64_t age;
	} rows[] = {
		{0, "", 0},	     {5000, "", 4999}, {-5000, "", 0},
		{11 * 60000, "", 0}, {5000, "0", 0},   {5000, "x", 0},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char variable[64];
		int64_t before = clock_monotonic(), came = clock_now() - rows[i].ago;
		snprintf(variable, sizeof variable, "REQUEST_CAME=%lld.%03d%s",
			 (long long)(came / 1000), (int)(came % 1000), rows[i].more);
		READ(f, "REQUEST_METHOD=GET", "REQUEST_URI=/", variable);
		int64_t off = f->rq.started - (before - rows[i].age);
		assert_in_range(off + ROUNDED, 0, ROUNDED + 1000);
	}
	READ(f, "REQUEST_METHOD=GET", "REQUEST_URI=/", "REQUEST_CAME=.");
	READ(f, "REQUEST_METHOD=GET", "REQUEST_URI=/", "REQUEST_CAME=99999999999999999999.123");
	assert_true(clock_monotonic() - f->rq.started < 1000);
}

static void the_base64_form_prevails_over_headers(void **state)
{
	struct fixture *f = *state;
	READ(f, "REQUEST_METHOD=POST", "REQUEST_URI=/Microsoft-Server-ActiveSync",
	     "QUERY_STRING=jQMMBAZBQkMxMjMEYEjqTQFUAQExAwMxOjUHAQE=",
	     "HTTP_MS_ASPROTOCOLVERSION=16.1", "HTTP_X_MS_POLICYKEY=5");
	assert_int_equal(f->rq.eas.version, 141);
	assert_int_equal(f->rq.eas.policy_key, 1307199584);

	/* Without a key of its own the header's counts; one that is no number does not. */
	READ(f, "REQUEST_URI=/Microsoft-Server-ActiveSync",
	     "QUERY_STRING=jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l", "HTTP_X_MS_POLICYKEY=5");
	assert_int_equal(f->rq.eas.policy_key, 5);
	READ(f, "REQUEST_URI=/Microsoft-Server-ActiveSync",
	     "QUERY_STRING=jAAJBAp2MTQwRGV2aWNlAApTbWFydFBob25l", "HTTP_X_MS_POLICYKEY=-5");
	assert_false(f->rq.eas.has_policy_key);
}

static void the_path_is_the_one_that_the_client_sent(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *variable;
		enum endpoint want;
	} table[] = {
		{"REQUEST_URI=/microsoft-server-activesync/?Cmd=Sync", ENDPOINT_ACTIVESYNC},
		{"REQUEST_URI=https://h.test/Microsoft-Server-ActiveSync?x", ENDPOINT_ACTIVESYNC},
		{"REQUEST_URI=https://h.test", ENDPOINT_NONE},
		{"REQUEST_URI=/x?u=http://h/Microsoft-Server-ActiveSync", ENDPOINT_NONE},
		{"SCRIPT_NAME=/Autodiscover/Autodiscover.xml", ENDPOINT_AUTODISCOVER},
		{"PATH_INFO=/Microsoft-Server-ActiveSync", ENDPOINT_NONE},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		READ(f, table[i].variable);
		assert_int_equal(f->rq.endpoint, table[i].want);
	}
}

static void methods_are_exact(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *variable;
		enum http_method want;
	} table[] = {
		{"REQUEST_METHOD=POST", METHOD_POST},	    {"REQUEST_METHOD=GET", METHOD_GET},
		{"REQUEST_METHOD=OPTIONS", METHOD_OPTIONS}, {"REQUEST_METHOD=HEAD", METHOD_OTHER},
		{"REQUEST_METHOD=post", METHOD_OTHER},	    {"X=", METHOD_OTHER},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		READ(f, table[i].variable);
		assert_int_equal(f->rq.method, table[i].want);
	}
}

static void authorization_is_moved_and_wiped(void **state)
{
	struct fixture *f = *state;
	char header[] = "HTTP_AUTHORIZATION=Basic YTpi", second[] = "REDIRECT_HTTP_AUTHORIZATION=x";
	char *env[] = {header, second, NULL};
	http_read_request(env, &f->in, MAX_BODY, &f->rq);
	assert_str(f->rq.authorization, "Basic YTpi");
	for (size_t i = strlen("HTTP_AUTHORIZATION="); i < sizeof header; i++)
		assert_int_equal(header[i], 0);
	assert_string_equal(second, "REDIRECT_HTTP_AUTHORIZATION=");

	READ(f, "REDIRECT_HTTP_AUTHORIZATION=Basic x");
	assert_str(f->rq.authorization, "Basic x");
	READ(f, "X=y");
	assert_int_equal(f->rq.authorization.n, 0);
}

static void long_values_are_bounded(void **state)
{
	struct fixture *f = *state;
	static char agent[5000] = "HTTP_USER_AGENT=", login[9000] = "HTTP_AUTHORIZATION=";
	memset(agent + strlen(agent), 'a', sizeof agent - strlen(agent) - 1);
	memset(login + strlen(login), 'a', sizeof login - strlen(login) - 1);
	READ(f, agent, login);
	assert_int_equal(f->rq.user_agent.n, HTTP_VALUE_MAX);
	assert_int_equal(f->rq.authorization.n, 0);
}

static void gzip_is_accepted_unless_refused(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *variable;
		bool want;
	} table[] = {
		{"HTTP_ACCEPT_ENCODING=gzip", true},
		{"HTTP_ACCEPT_ENCODING=br, GZIP ;q=1.0", true},
		{"HTTP_ACCEPT_ENCODING=gzip;q=0.001", true},
		{"HTTP_ACCEPT_ENCODING=gzip; q=0", false},
		{"HTTP_ACCEPT_ENCODING=gzip;q=0.000, br;q=1", false},
		{"HTTP_ACCEPT_ENCODING=identity, xgzip", false},
		{"HTTP_ACCEPT_ENCODING=", false},
		{"X=gzip", false},
	};
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		READ(f, table[i].variable);
		assert_int_equal(f->rq.accept_gzip, table[i].want);
	}
}

/* ---- Bodies ---- */

static struct str zeros(struct fixture *f, size_t n)
{
	return (struct str){arena_alloc(f->rq.arena, n), n};
}

static struct str gzipped(struct fixture *f, struct str s)
{
	size_t room = s.n + 1000;
	char *out = arena_alloc(f->rq.arena, room);
	z_stream z = {.next_in = (Bytef *)(uintptr_t)s.p, .avail_in = (uInt)s.n};
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)room;
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	struct str got = {out, z.total_out};
	deflateEnd(&z);
	return got;
}

static void assert_body(struct fixture *f, struct str sent, const char *length,
			const char *encoding, enum body_state want, size_t want_bytes)
{
	static const size_t pieces[] = {0, 1, 4096};
	char variable[64];
	snprintf(variable, sizeof variable, "CONTENT_LENGTH=%s", length);
	for (size_t i = 0; i < 3; i++) {
		f->feed = (struct feed){.left = sent, .piece = pieces[i]};
		READ(f, variable, encoding);
		assert_int_equal(f->rq.body_state, want);
		assert_int_equal(f->rq.body.n, want_bytes);
	}
}

static void a_body_is_read_up_to_the_limit(void **state)
{
	struct fixture *f = *state;
	assert_body(f, STR("hello"), "5", "X=", BODY_COMPLETE, 5);
	assert_body(f, STR("hello"), "", "X=", BODY_COMPLETE, 5);
	assert_body(f, zeros(f, 8192), "8192", "X=", BODY_COMPLETE, 8192);
	assert_body(f, zeros(f, MAX_BODY), "", "X=", BODY_COMPLETE, MAX_BODY);
	assert_false(f->in.unread);
	assert_body(f, zeros(f, MAX_BODY + 1), "", "X=", BODY_TOO_LARGE, 0);
	assert_true(f->in.unread);
	assert_body(f, zeros(f, 10), "20001", "X=", BODY_TOO_LARGE, 0);
	assert_body(f, zeros(f, 10), "18446744073709551616", "X=", BODY_BROKEN, 0);
}

static void a_length_that_lies_breaks_the_body(void **state)
{
	struct fixture *f = *state;
	assert_body(f, STR("hello"), "6", "X=", BODY_CUT, 0);
	assert_body(f, STR("hello"), "4", "X=", BODY_BROKEN, 0);
	assert_body(f, STR("hello"), "-1", "X=", BODY_BROKEN, 0);
	assert_body(f, STR("hello"), "five", "X=", BODY_BROKEN, 0);
}

static void a_connection_that_breaks_off_breaks_the_body(void **state)
{
	struct fixture *f = *state;
	f->feed = (struct feed){.left = STR("hel"), .breaks = true};
	READ(f, "CONTENT_LENGTH=");
	assert_int_equal(f->rq.body_state, BODY_CUT);
	assert_true(f->in.unread);
	f->feed = (struct feed){.left = zeros(f, 9000), .breaks = true};
	READ(f, "CONTENT_LENGTH=");
	assert_int_equal(f->rq.body_state, BODY_CUT);
}

static void a_compressed_body_is_inflated_within_the_limit(void **state)
{
	static const char gzip[] = "HTTP_CONTENT_ENCODING=GZIP";
	struct fixture *f = *state;
	assert_body(f, gzipped(f, STR("hello")), "", gzip, BODY_COMPLETE, 5);
	assert_str(f->rq.body, "hello");
	assert_body(f, gzipped(f, zeros(f, MAX_BODY)), "", gzip, BODY_COMPLETE, MAX_BODY);
	assert_body(f, gzipped(f, zeros(f, MAX_BODY + 1)), "", gzip, BODY_TOO_LARGE, 0);
	assert_body(f, gzipped(f, zeros(f, 500000)), "", gzip, BODY_TOO_LARGE, 0);
	assert_body(f, STR(""), "0", gzip, BODY_COMPLETE, 0);
	assert_body(f, STR("x"), "1", "HTTP_CONTENT_ENCODING=identity", BODY_COMPLETE, 1);
}

static void a_compressed_body_that_is_none_is_broken(void **state)
{
	static const char gzip[] = "HTTP_CONTENT_ENCODING=gzip";
	struct fixture *f = *state;
	struct str good = gzipped(f, STR("hello, hello, hello"));
	for (size_t n = 1; n < good.n; n++)
		assert_body(f, str_sub(good, 0, n), "", gzip, BODY_BROKEN, 0);
	char *more = arena_dup(f->rq.arena, good.p, good.n);
	assert_body(f, (struct str){more, good.n + 1}, "", gzip, BODY_BROKEN, 0);
	assert_body(f, STR("plain text"), "", gzip, BODY_BROKEN, 0);
	assert_body(f, STR("x"), "", "HTTP_CONTENT_ENCODING=br", BODY_BROKEN, 0);
}

/* ---- Out ---- */

static void assert_head(const struct answer *w, const char *want)
{
	struct buf b = {0};
	http_put_head(&b, w);
	assert_string_equal(b.p, want);
	buf_free(&b);
}

static void a_head_always_tells_the_length(void **state)
{
	(void)state;
	struct answer w = {.status = 200};
	assert_head(&w, "Status: 200 OK\r\nContent-Length: 0\r\nCache-Control: private\r\n\r\n");

	w.status = 449;
	w.content_type = "text/plain";
	buf_cstr(&w.body.mem, "abc");
	body_add_source(&w.body, source_bytes("de", 2));
	w.headers[w.nheaders].name = "Retry-After";
	w.headers[w.nheaders++].value = "3";
	w.headers[w.nheaders].name = "X-Evil";
	w.headers[w.nheaders++].value = "a\r\nSet-Cookie: b";
	assert_head(&w,
		    "Status: 449 Retry after sending a PROVISION command\r\n"
		    "Content-Type: text/plain\r\nContent-Length: 5\r\nCache-Control: private\r\n"
		    "Retry-After: 3\r\nX-Evil: a  Set-Cookie: b\r\n\r\n");
	body_free(&w.body);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_request_came_when_the_web_server_took_it),
		TEST(headers_become_members),
		TEST(the_base64_form_prevails_over_headers),
		TEST(the_path_is_the_one_that_the_client_sent),
		TEST(methods_are_exact),
		TEST(authorization_is_moved_and_wiped),
		TEST(long_values_are_bounded),
		TEST(gzip_is_accepted_unless_refused),
		TEST(a_body_is_read_up_to_the_limit),
		TEST(a_length_that_lies_breaks_the_body),
		TEST(a_connection_that_breaks_off_breaks_the_body),
		TEST(a_compressed_body_is_inflated_within_the_limit),
		TEST(a_compressed_body_that_is_none_is_broken),
		cmocka_unit_test(a_head_always_tells_the_length),
	};
	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
