/* probe_http: one request of easel-check. See probe_http.h for the contract. */
#include "core/probe_http.h"

#include <string.h>

#include <curl/curl.h>

#include "core/base/arena.h"
#include "core/base/buf.h"

enum { BODY_MOST = 1 << 20, CONNECT_SECONDS = 10 };

/* What OpenSSL calls it (X509_V_ERR_CERT_HAS_EXPIRED and its like), as libcurl passes it on. */
enum { VERIFY_EXPIRED = 10 };

struct taking {
	struct arena *arena;
	struct probe_answer *out;
	struct buf body;
};

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct taking *t = ctx;
	buf_put(&t->body, p, size * n);
	return size * n;
}

static size_t take_header(char *p, size_t size, size_t n, void *ctx)
{
	struct taking *t = ctx;
	struct probe_answer *w = t->out;
	struct str value = {p, size * n}, name;
	const struct {
		struct str name;
		struct str *into;
	} wanted[] = {
		{STR("WWW-Authenticate"), &w->authenticate},
		{STR("MS-ASProtocolVersions"), &w->versions},
		{STR("X-MS-Location"), &w->location},
		{STR("X-Easel-Login"), &w->login},
		{STR("Content-Type"), &w->content_type},
	};
	if (!str_next(&value, ':', &name))
		return size * n;
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (str_eq_nocase(name, wanted[i].name)) {
			struct str trimmed = str_trim(value);
			*wanted[i].into = (struct str){str_dup(t->arena, trimmed), trimmed.n};
		}
	return size * n;
}

static enum probe_way way_of(CURL *curl, CURLcode code, const char *detail)
{
	long verified = 0;
	curl_easy_getinfo(curl, CURLINFO_SSL_VERIFYRESULT, &verified);
	switch (code) {
	case CURLE_OK:
		return WAY_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
		return WAY_NO_NAME;
	case CURLE_COULDNT_CONNECT:
		return WAY_NO_CONNECTION;
	case CURLE_PEER_FAILED_VERIFICATION:
		/* Only the text tells that everything but the name is right; so with old TLS. */
		return strstr(detail, "subject name") ? WAY_WRONG_NAME
		       : verified == VERIFY_EXPIRED   ? WAY_EXPIRED
						      : WAY_UNTRUSTED;
	case CURLE_SSL_CONNECT_ERROR:
		return strstr(detail, "protocol version") || strstr(detail, "unsupported protocol")
			       ? WAY_OLD_TLS
			       : WAY_NO_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return WAY_SILENT;
	default:
		return WAY_BROKEN;
	}
}

static struct curl_slist *make_headers(struct arena *a, const struct probe_request *q)
{
	/* No "Expect: 100-continue": phones don't send it. */
	struct curl_slist *list = curl_slist_append(NULL, "Expect:");
	if (q->content_type)
		list = curl_slist_append(list,
					 arena_printf(a, "Content-Type: %s", q->content_type));
	if (q->version)
		list = curl_slist_append(list,
					 arena_printf(a, "MS-ASProtocolVersion: %s", q->version));
	return list;
}

static void set_options(CURL *curl, const struct probe_client *c, const struct probe_request *q)
{
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https,http");
	curl_easy_setopt(curl, CURLOPT_URL, q->url);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, q->seconds);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "easel-check");
	if (c->ca)
		curl_easy_setopt(curl, CURLOPT_CAINFO, c->ca);
	if (q->login) {
		curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(curl, CURLOPT_USERNAME, c->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, c->password);
	}
	if (strcmp(q->method, "POST") == 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)q->body.n);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, q->body.p ? q->body.p : "");
	} else {
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, q->method);
	}
}

void probe_ask(struct arena *a, const struct probe_client *c, const struct probe_request *q,
	       struct probe_answer *out)
{
	char detail[CURL_ERROR_SIZE] = "", *redirect = NULL;
	*out = (struct probe_answer){.way = WAY_BROKEN};
	struct taking t = {.arena = a, .out = out, .body.limit = BODY_MOST};
	CURL *curl = curl_easy_init();
	if (!curl)
		return;
	struct curl_slist *headers = make_headers(a, q);
	set_options(curl, c, q);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, detail);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &t);
	curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(curl, CURLOPT_HEADERDATA, &t);
	CURLcode code = curl_easy_perform(curl);
	out->way = way_of(curl, code, detail);
	out->detail = arena_strdup(a, detail[0] ? detail : curl_easy_strerror(code));
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &out->status);
	curl_easy_getinfo(curl, CURLINFO_TOTAL_TIME, &out->seconds);
	curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &redirect);
	out->redirect = str_of(arena_strdup(a, redirect));
	out->body = buf_move(a, &t.body);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
}
