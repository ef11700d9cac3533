/* smtp: hands messages to a mail server. See smtp.h for the contract. */
#include "store/smtp.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"

enum { CONNECT_SECONDS = 30, WHOLE_SECONDS = 500 };

struct smtp {
	CURL *curl;	 /* keeps its connection from one message to the next */
	struct str left; /* of the message: what was not given to libcurl yet */
	const atomic_bool *ending;
	char reply[200]; /* the last refusal: what is said to QUIT afterwards does not count */
};

static void start(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct smtp *smtp_new(const atomic_bool *ending)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, start);
	struct smtp *s = base_calloc(1, sizeof *s);
	s->curl = curl_easy_init();
	s->ending = ending;
	return s;
}

void smtp_free(struct smtp **s)
{
	if (!s || !*s)
		return;
	curl_easy_cleanup((*s)->curl);
	free(*s);
	*s = NULL;
}

static size_t give(char *out, size_t size, size_t n, void *ctx)
{
	struct smtp *s = ctx;
	struct str piece = str_sub(s->left, 0, size * n);
	if (piece.n > 0)
		memcpy(out, piece.p, piece.n);
	s->left = str_sub(s->left, piece.n, s->left.n);
	return piece.n;
}

/* The text goes into the database and a message: printable ASCII only. */
static void keep_line(char *out, size_t room, struct str line)
{
	line = str_trim(line);
	size_t n = line.n < room - 1 ? line.n : room - 1;
	for (size_t i = 0; i < n; i++)
		out[i] = line.p[i] >= 0x20 && line.p[i] < 0x7f ? line.p[i] : '?';
	out[n] = '\0';
}

static size_t take_reply(char *p, size_t size, size_t n, void *ctx)
{
	struct smtp *s = ctx;
	struct str line = {p, size * n};
	if (line.n > 0 && (line.p[0] == '4' || line.p[0] == '5'))
		keep_line(s->reply, sizeof s->reply, line);
	else if (str_starts(line,
			    STR("354"))) /* what was refused before is not about the message */
		s->reply[0] = '\0';
	return size * n;
}

static size_t drop(char *p, size_t size, size_t n, void *ctx)
{
	(void)p;
	(void)ctx;
	return size * n;
}

/* What was given whole may be taken already: its reply is worth waiting for. */
static int is_ending(void *ctx, curl_off_t total, curl_off_t now, curl_off_t up_total,
		     curl_off_t up)
{
	const struct smtp *s = ctx;
	(void)total;
	(void)now;
	(void)up_total;
	(void)up;
	return s->ending && atomic_load(s->ending) && s->left.n > 0;
}

static void set_host(CURL *curl, const struct smarthost *host)
{
	static const long tls[] = {[SMTP_TLS_NONE] = CURLUSESSL_NONE,
				   [SMTP_TLS_TRY] = CURLUSESSL_TRY,
				   [SMTP_TLS_REQUIRED] = CURLUSESSL_ALL};
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
	curl_easy_setopt(curl, CURLOPT_URL, host->url);
	curl_easy_setopt(curl, CURLOPT_USE_SSL, tls[host->tls]);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	if (host->user) {
		curl_easy_setopt(curl, CURLOPT_USERNAME, host->user);
		curl_easy_setopt(curl, CURLOPT_PASSWORD, host->password ? host->password : "");
	}
}

static void set_message(struct smtp *s, struct str raw, long seconds)
{
	s->left = raw;
	s->reply[0] = '\0';
	curl_easy_setopt(s->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(s->curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_SECONDS);
	curl_easy_setopt(s->curl, CURLOPT_TIMEOUT, seconds);
	curl_easy_setopt(s->curl, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(s->curl, CURLOPT_XFERINFOFUNCTION, is_ending);
	curl_easy_setopt(s->curl, CURLOPT_XFERINFODATA, s);
	curl_easy_setopt(s->curl, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(s->curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)raw.n);
	curl_easy_setopt(s->curl, CURLOPT_READFUNCTION, give);
	curl_easy_setopt(s->curl, CURLOPT_READDATA, s);
	curl_easy_setopt(s->curl, CURLOPT_HEADERFUNCTION, take_reply);
	curl_easy_setopt(s->curl, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(s->curl, CURLOPT_WRITEFUNCTION, drop);
}

/* 530 to 538: the server wants a login or TLS that it didn't get; no word about the message. */
static enum smtp_verdict judge(CURLcode result, long code)
{
	if (result == CURLE_OK)
		return SMTP_SENT;
	bool about_us = result == CURLE_LOGIN_DENIED || result == CURLE_USE_SSL_FAILED ||
			(code >= 530 && code <= 538);
	return code >= 500 && code <= 599 && !about_us ? SMTP_NEVER : SMTP_LATER;
}

static void send_to(struct smtp *s, const struct smarthost *host, const char *sender,
		    struct str raw, const char *const *recipients, size_t n, long seconds,
		    struct smtp_result *out)
{
	struct curl_slist *list = NULL;
	long code = 0;
	curl_easy_reset(s->curl);
	set_host(s->curl, host);
	set_message(s, raw, seconds);
	for (size_t i = 0; i < n; i++)
		list = curl_slist_append(list, recipients[i]);
	curl_easy_setopt(s->curl, CURLOPT_MAIL_FROM, sender);
	curl_easy_setopt(s->curl, CURLOPT_MAIL_RCPT, list);
	CURLcode result = curl_easy_perform(s->curl);
	curl_easy_getinfo(s->curl, CURLINFO_RESPONSE_CODE, &code);
	curl_slist_free_all(list);
	out->verdict = judge(result, code);
	const char *why = s->reply[0] ? s->reply : curl_easy_strerror(result);
	keep_line(out->reason, sizeof out->reason,
		  out->verdict == SMTP_SENT ? STR("") : str_of(why));
}

/*
 * All at once first: that is one transfer, and nearly always the end of it. A reply that refuses
 * may be about one of them, so then each is asked for by itself. Whatever is no reply (a connection
 * that broke) holds for all, since the message may have been taken.
 */
void smtp_send(struct smtp *s, const struct smarthost *host, const char *sender, struct str raw,
	       const char *const *recipients, size_t n, struct smtp_result *results)
{
	int64_t end = clock_monotonic() + WHOLE_SECONDS * 1000;
	struct smtp_result all;
	send_to(s, host, sender, raw, recipients, n, WHOLE_SECONDS, &all);
	bool replied = s->reply[0] != '\0';
	for (size_t i = 0; i < n; i++) {
		results[i] = all;
		long left = (long)((end - clock_monotonic()) / 1000);
		if (n == 1 || all.verdict == SMTP_SENT || !replied)
			continue;
		if (left > 0)
			send_to(s, host, sender, raw, &recipients[i], 1, left, &results[i]);
		else
			results[i].verdict = SMTP_LATER;
	}
}
