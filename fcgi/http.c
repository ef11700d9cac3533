/* http: CGI in and out. See http.h for the contract. */
#include "fcgi/http.h"

#include <string.h>

#include <zlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/status.h"
#include "fcgi/url.h"

enum { QUEUED_MOST = 10 * 60 * 1000 }; /* ms that a request can have waited for a worker */

/* ---- The environment ---- */

/* The value of a variable, NULL when there is none. */
static char *find(char **env, const char *name)
{
	size_t n = strlen(name);
	for (; *env; env++)
		if (!strncmp(*env, name, n) && (*env)[n] == '=')
			return *env + n + 1;
	return NULL;
}

static struct str get(char **env, const char *name)
{
	return str_of(find(env, name));
}

/* A header's value as text: cut, and without what neither XML nor PostgreSQL takes. */
static struct str get_text(char **env, struct arena *a, const char *name)
{
	return text_to_xml(a, str_trim(str_sub(get(env, name), 0, HTTP_VALUE_MAX)));
}

static enum http_method read_method(struct str s)
{
	if (str_eq(s, STR("POST")))
		return METHOD_POST;
	if (str_eq(s, STR("OPTIONS")))
		return METHOD_OPTIONS;
	return str_eq(s, STR("GET")) ? METHOD_GET : METHOD_OTHER;
}

/*
 * The path as the client sent it: from REQUEST_URI, which web servers leave alone, unlike
 * SCRIPT_NAME and PATH_INFO, between which they divide it. A proxy's absolute form loses its host.
 */
static struct str read_path(char **env)
{
	struct str uri = get(env, "REQUEST_URI");
	if (!uri.n)
		uri = get(env, "SCRIPT_NAME");
	ptrdiff_t scheme = str_find(uri, STR("://"));
	ptrdiff_t query = str_find_byte(uri, '?');
	if (scheme > 0 && (query < 0 || scheme < query) && uri.p[0] != '/') {
		struct str rest = str_sub(uri, (size_t)scheme + 3, uri.n);
		ptrdiff_t slash = str_find_byte(rest, '/');
		uri = slash < 0 ? STR("/") : str_sub(rest, (size_t)slash, rest.n);
		query = str_find_byte(uri, '?');
	}
	return query < 0 ? uri : str_sub(uri, 0, (size_t)query);
}

/* Apache hands the header on under another name after an internal redirect. */
static void read_authorization(char **env, struct request *rq)
{
	static const char *const names[] = {"HTTP_AUTHORIZATION", "REDIRECT_HTTP_AUTHORIZATION"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *value = find(env, names[i]);
		size_t n = value ? strlen(value) : 0;
		if (n && n <= HTTP_AUTHORIZATION_MAX && !rq->authorization.n)
			rq->authorization = (struct str){arena_dup(rq->secrets, value, n), n};
		if (n)
			explicit_bzero(value, n);
	}
}

/* Whether gzip stands in an Accept-Encoding (RFC 9110 12.5.3) without being refused by q=0. */
static bool accepts_gzip(struct str list)
{
	struct str item, name;
	while (str_next(&list, ',', &item)) {
		if (!str_next(&item, ';', &name) || !str_eq_nocase(str_trim(name), STR("gzip")))
			continue;
		struct str q = str_trim(item);
		return !str_starts_nocase(q, STR("q=0")) || strspn(q.p + 3, ".0") < q.n - 3;
	}
	return false;
}

static void read_eas_headers(char **env, struct eas_query *q)
{
	uint64_t key;
	if (!q->base64)
		q->version = url_version(get(env, "HTTP_MS_ASPROTOCOLVERSION"));
	struct str header = str_trim(get(env, "HTTP_X_MS_POLICYKEY"));
	if (!q->has_policy_key && str_to_u64(header, &key) && key <= UINT32_MAX) {
		q->has_policy_key = true;
		q->policy_key = (uint32_t)key;
	}
	if (str_eq_nocase(str_trim(get(env, "HTTP_MS_ASACCEPTMULTIPART")), STR("T")))
		q->accept_multipart = true;
}

/* ---- The body ---- */

/*
 * Reads at most `most` bytes into the arena; a small body, as nearly all are, without a detour. The
 * length that the client claimed is not relied on, only compared.
 */
static enum body_state read_raw(struct http_input *in, struct arena *a, size_t most,
				struct str *out)
{
	struct buf large = {.limit = most};
	char small[8192];
	bool ok = true;
	size_t n = 0, got;
	enum body_state state = BODY_COMPLETE;

	in->unread = true;
	while (n < sizeof small && (got = in->read(in->ctx, small + n, sizeof small - n, &ok)))
		n += got;
	if (n < sizeof small) {
		in->unread = !ok;
		*out = (struct str){arena_dup(a, small, n), n};
		return !ok ? BODY_CUT : n > most ? BODY_TOO_LARGE : BODY_COMPLETE;
	}
	buf_put(&large, small, n);
	while (!large.failed && (got = in->read(in->ctx, small, sizeof small, &ok)))
		buf_put(&large, small, got);
	if (large.failed) {
		state = BODY_TOO_LARGE;
	} else {
		in->unread = !ok;
		state = ok ? BODY_COMPLETE : BODY_CUT;
		*out = (struct str){arena_dup(a, large.p, large.n), large.n};
	}
	buf_free(&large);
	return state;
}

static enum body_state run_inflate(z_stream *z, size_t most, struct buf *out)
{
	for (;;) {
		char piece[16 * 1024];
		z->next_out = (Bytef *)piece;
		z->avail_out = sizeof piece;
		int result = inflate(z, Z_NO_FLUSH);
		if (result != Z_OK && result != Z_STREAM_END)
			return BODY_BROKEN;
		size_t n = sizeof piece - z->avail_out;
		if (n > most - out->n)
			return BODY_TOO_LARGE;
		buf_put(out, piece, n);
		if (result == Z_STREAM_END)
			return z->avail_in ? BODY_BROKEN : BODY_COMPLETE;
		if (!z->avail_in && z->avail_out)
			return BODY_BROKEN; /* cut short */
	}
}

/* A few bytes can claim to be gigabytes, so the result is bounded while it grows. */
static enum body_state inflate_body(struct arena *a, size_t most, struct str *body)
{
	struct buf out = {0};
	z_stream z = {.next_in = (Bytef *)(uintptr_t)body->p, .avail_in = (uInt)body->n};
	if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) /* 16: gzip only */
		return BODY_BROKEN;
	enum body_state state = run_inflate(&z, most, &out);
	inflateEnd(&z);
	if (state == BODY_COMPLETE)
		*body = (struct str){arena_dup(a, out.p, out.n), out.n};
	buf_free(&out);
	return state;
}

static bool is_gzip(struct str encoding)
{
	return str_eq_nocase(encoding, STR("gzip")) || str_eq_nocase(encoding, STR("x-gzip"));
}

static enum body_state read_body(char **env, struct http_input *in, size_t most, struct request *rq)
{
	struct str length = str_trim(get(env, "CONTENT_LENGTH"));
	struct str encoding = str_trim(get(env, "HTTP_CONTENT_ENCODING"));
	uint64_t claimed;
	in->unread = true;
	if (length.n && !str_to_u64(length, &claimed))
		return BODY_BROKEN;
	if (length.n && claimed > most)
		return BODY_TOO_LARGE;
	enum body_state state = read_raw(in, rq->arena, most, &rq->body);
	if (state != BODY_COMPLETE)
		return state;
	if (length.n && claimed != rq->body.n)
		return claimed > rq->body.n ? BODY_CUT : BODY_BROKEN;
	if (!rq->body.n || !encoding.n || str_eq_nocase(encoding, STR("identity")))
		return BODY_COMPLETE;
	return is_gzip(encoding) ? inflate_body(rq->arena, most, &rq->body) : BODY_BROKEN;
}

/* ---- The request ---- */

/*
 * Milliseconds since the web server took the request, if it says when that was (seconds since 1970
 * with three decimals): until now it may have waited for a worker. Rather less than more; a time
 * that can't be is now.
 */
static int64_t read_age(char **env)
{
	struct str text = get(env, "REQUEST_CAME");
	ptrdiff_t point = str_find_byte(text, '.');
	uint64_t seconds, ms;
	if (point < 0 || text.n != (size_t)point + 4 ||
	    !str_to_u64(str_sub(text, 0, (size_t)point), &seconds) || seconds > UINT32_MAX ||
	    !str_to_u64(str_sub(text, (size_t)point + 1, text.n), &ms))
		return 0;
	int64_t age = clock_now() - (int64_t)(seconds * 1000 + ms) - 1;
	return age < 0 || age > QUEUED_MOST ? 0 : age;
}

void http_read_request(char **env, struct http_input *in, size_t max_body, struct request *rq)
{
	struct arena *a = rq->arena;
	rq->started = clock_monotonic() - read_age(env);
	rq->method = read_method(get(env, "REQUEST_METHOD"));
	rq->endpoint = url_endpoint(a, read_path(env));
	read_authorization(env, rq);
	rq->content_type = get_text(env, a, "CONTENT_TYPE");
	rq->user_agent = get_text(env, a, "HTTP_USER_AGENT");
	rq->host = get_text(env, a, "HTTP_HOST");
	rq->remote_addr = get_text(env, a, "REMOTE_ADDR");
	rq->accept_gzip = accepts_gzip(get(env, "HTTP_ACCEPT_ENCODING"));
	rq->eas = (struct eas_query){0};
	if (rq->endpoint == ENDPOINT_USER_PAGE)
		rq->cookie = get_text(env, a, "HTTP_COOKIE");
	if (rq->endpoint == ENDPOINT_ACTIVESYNC) {
		url_query(a, get(env, "QUERY_STRING"), &rq->eas);
		read_eas_headers(env, &rq->eas);
	}
	if (rq->endpoint > ENDPOINT_AUTODISCOVER) {
		rq->path = text_to_xml(a, read_path(env));
		rq->query = text_to_xml(a, get(env, "QUERY_STRING"));
	}
	rq->body = STR("");
	rq->body_state = read_body(env, in, max_body, rq);
	if (rq->body_state != BODY_COMPLETE)
		rq->body = STR("");
}

/* ---- The answer ---- */

/* A control character in a value, which may come from a client, could forge another header. */
static void put_header(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, "%s: ", name);
	for (; *value; value++)
		buf_byte(b, (unsigned char)*value < ' ' ? ' ' : (unsigned char)*value);
	buf_cstr(b, "\r\n");
}

void http_put_head(struct buf *b, const struct answer *w)
{
	buf_printf(b, "Status: %d %s\r\n", w->status, status_reason(w->status));
	if (w->content_type)
		put_header(b, "Content-Type", w->content_type);
	buf_printf(b, "Content-Length: %llu\r\n", (unsigned long long)body_length(&w->body));
	put_header(b, "Cache-Control", "private");
	for (unsigned i = 0; i < w->nheaders; i++)
		put_header(b, w->headers[i].name, w->headers[i].value);
	buf_cstr(b, "\r\n");
}
