/* probe: tries a deployment as a phone would. See probe.h for the contract. */
#include "core/probe.h"

#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/probe_run.h"
#include "wbxml/wbxml.h"

#define MOBILESYNC "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/"
#define DEVICE "validate"
#define WBXML "application/vnd.ms-sync.wbxml"
#define VERSION "14.1"

enum { LARGE = 3 << 20, EXPIRED = 1, HEARTBEAT = 5, NOT_PROVISIONED = 142, HOPS = 5 };

static const char *c_string(struct probe_run *r, struct str s)
{
	return arena_printf(r->arena, "%.*s", STR_ARG(s));
}

/* ---- Saying ---- */

void probe_say(struct probe_run *r, bool ok, const char *name, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fprintf(r->p->out, "%-3s %s: ", ok ? "ok" : "BAD", name);
	vfprintf(r->p->out, format, arguments);
	fputc('\n', r->p->out);
	va_end(arguments);
	fflush(r->p->out);
	if (!ok)
		r->bad++;
}

/* What is wrong on the way to the server. */
static const struct {
	const char *name, *text;
} ways[] = {
	[WAY_NO_NAME] = {"dns", "the name is not in DNS"},
	[WAY_NO_CONNECTION] = {"connection", "nobody answers there: is the web server running, and "
					     "the port open in the firewall?"},
	[WAY_EXPIRED] = {"certificate-expired", "the certificate has expired"},
	[WAY_WRONG_NAME] = {"certificate-name", "the certificate is one for other names"},
	[WAY_UNTRUSTED] = {"certificate-untrusted",
			   "the certificate comes from nobody whom phones trust, or the "
			   "certificates between are not sent (use the full chain)"},
	[WAY_NO_TLS] = {"tls", "no TLS is spoken there"},
	[WAY_OLD_TLS] = {"tls-old",
			 "only versions of TLS are spoken there that are older than 1.2, "
			 "and that phones refuse"},
	[WAY_SILENT] = {"silence", "there is no answer in time"},
	[WAY_BROKEN] = {"broken", "the connection ends without an answer"},
};

/* Whether there is an answer, and one that comes from Easel; else says why not. */
bool probe_arrived(struct probe_run *r, const struct probe_answer *w, const char *url,
		   const char *path)
{
	if (w->way != WAY_OK)
		probe_say(r, false, ways[w->way].name, "%s: %s (%s)", url, ways[w->way].text,
			  w->detail);
	else if (w->status == 404 || w->status == 405)
		probe_say(r, false, path,
			  "%s: the web server does not hand this path to Easel (HTTP %ld)", url,
			  w->status);
	else if (w->status == 502 || w->status == 503 || w->status == 504)
		probe_say(
			r, false, "easel-away",
			"%s: no worker of Easel answers behind the web server, or its database is away "
			"(HTTP %ld)",
			url, w->status);
	else if (w->status == 413)
		probe_say(r, false, "body-limit",
			  "%s: the web server takes no larger requests (HTTP 413)", url);
	else
		return true;
	return false;
}

static bool logged_in(struct probe_run *r, const struct probe_answer *w, const char *url)
{
	if (w->status == 401 && str_eq(w->login, STR("missing")))
		probe_say(r, false, "login-header",
			  "%s: the web server keeps the Authorization header to itself", url);
	else if (w->status == 401)
		probe_say(r, false, "login", "%s: address or password is wrong", url);
	else if (w->status == 403)
		probe_say(r, false, "forbidden",
			  "%s: the account, its domain or this kind of device may not come in",
			  url);
	else
		return true;
	return false;
}

/* ---- Discovery ---- */

static struct str discover_request(struct probe_run *r)
{
	return str_of(arena_printf(
		r->arena,
		"<?xml version=\"1.0\" encoding=\"utf-8\"?><Autodiscover xmlns=\"" MOBILESYNC
		"requestschema/2006\"><Request><EMailAddress>%.*s</EMailAddress>"
		"<AcceptableResponseSchema>" MOBILESYNC "responseschema/2006"
		"</AcceptableResponseSchema></Request></Autodiscover>",
		STR_ARG(text_xml_escape(r->arena, str_of(r->p->address)))));
}

static void post_discovery(struct probe_run *r, const char *url, bool login, struct probe_answer *w)
{
	const struct probe_request q = {.method = "POST",
					.url = url,
					.content_type = "text/xml",
					.body = discover_request(r),
					.login = login,
					.seconds = PROBE_SECONDS};
	probe_ask(r->arena, &r->p->client, &q, w);
}

/* The text between <name> and </name>; p NULL: there is none. */
static struct str between(struct probe_run *r, struct str xml, const char *name)
{
	struct str open = str_of(arena_printf(r->arena, "<%s>", name));
	struct str shut = str_of(arena_printf(r->arena, "</%s>", name));
	ptrdiff_t from = str_find(xml, open);
	if (from < 0)
		return (struct str){NULL, 0};
	struct str rest = str_sub(xml, (size_t)from + open.n, xml.n);
	ptrdiff_t to = str_find(rest, shut);
	return to < 0 ? (struct str){NULL, 0} : str_sub(rest, 0, (size_t)to);
}

/* Whether Autodiscover tells the URL of ActiveSync. */
static bool take_url(struct probe_run *r, const char *url, const struct probe_answer *w)
{
	struct str found = between(r, w->body, "Url");
	struct str message = between(r, w->body, "Message");
	if (!found.n) {
		probe_say(r, false, "autodiscover", "%s: names no server (HTTP %ld%s%.*s)", url,
			  w->status, message.n ? ", " : "", STR_ARG(message));
		return false;
	}
	if (!str_starts_nocase(found, STR("https://"))) {
		probe_say(r, false, "autodiscover-url",
			  "%s: names %.*s, which is not https: phones would not go there", url,
			  STR_ARG(found));
		return false;
	}
	r->url = c_string(r, found);
	probe_say(r, true, "autodiscover", "%s names %s", url, r->url);
	return true;
}

/* Asks without a login, and goes where it is sent to, as phones do. NULL: said what is wrong. */
static const char *follow(struct probe_run *r, const char *url, struct probe_answer *w)
{
	for (int hops = 0; hops <= HOPS; hops++) {
		post_discovery(r, url, false, w);
		if (!probe_arrived(r, w, url, "autodiscover-path"))
			return NULL;
		if (!w->redirect.n)
			return url;
		if (!str_starts_nocase(w->redirect, STR("https://"))) {
			probe_say(r, false, "redirect-plain",
				  "%s: sends phones on to %.*s, which is not https: they would not "
				  "go there",
				  url, STR_ARG(w->redirect));
			return NULL;
		}
		url = c_string(r, w->redirect);
	}
	probe_say(r, false, "redirect-loop",
		  "%s: phones are sent on, and on from there, without an end", url);
	return NULL;
}

static bool discover_at(struct probe_run *r, const char *base)
{
	struct probe_answer w;
	const char *url =
		follow(r, arena_printf(r->arena, "%s/autodiscover/autodiscover.xml", base), &w);
	if (!url)
		return false;
	if (w.status != 401 || !str_starts_nocase(w.authenticate, STR("Basic"))) {
		probe_say(
			r, false, "autodiscover-site",
			"%s: something else than Easel answers, without asking for a login (HTTP %ld)",
			url, w.status);
		return false;
	}
	post_discovery(r, url, true, &w);
	return probe_arrived(r, &w, url, "autodiscover-path") && logged_in(r, &w, url) &&
	       take_url(r, url, &w);
}

/* A phone looks in two places; one is enough. */
static bool discover(struct probe_run *r)
{
	if (r->p->server)
		return discover_at(r, r->p->server);
	const char *at = strrchr(r->p->address, '@');
	const char *const bases[] = {
		arena_printf(r->arena, "https://autodiscover.%s", at ? at + 1 : ""),
		arena_printf(r->arena, "https://%s", at ? at + 1 : ""),
	};
	for (size_t i = 0; i < 2; i++) {
		int bad = r->bad;
		if (discover_at(r, bases[i])) {
			r->bad = 0;
			return true;
		}
		/* The first place is the usual one: what is wrong there counts. */
		r->bad = i ? bad : r->bad;
	}
	return false;
}

/* ---- ActiveSync ---- */

void probe_put_foldersync(struct body *out)
{
	struct wbxml_out w;
	wbxml_start(&w, out);
	wbxml_begin(&w, FolderHierarchy_FolderSync);
	wbxml_text(&w, FolderHierarchy_SyncKey, STR("0"));
	wbxml_end(&w);
	wbxml_finish(&w);
}

void probe_put_ping(struct body *out, struct str folder, int heartbeat)
{
	struct wbxml_out w;
	wbxml_start(&w, out);
	wbxml_begin(&w, Ping_Ping);
	wbxml_int(&w, Ping_HeartbeatInterval, heartbeat);
	wbxml_begin(&w, Ping_Folders);
	wbxml_begin(&w, Ping_Folder);
	wbxml_text(&w, Ping_Id, folder);
	wbxml_text(&w, Ping_Class, STR("Email"));
	wbxml_end(&w);
	wbxml_end(&w);
	wbxml_end(&w);
	wbxml_finish(&w);
}

static void post(struct probe_run *r, struct arena *a, const char *query, struct str body,
		 long seconds, struct probe_answer *w)
{
	const struct probe_request q = {.method = "POST",
					.url = arena_printf(a, "%s?%s", r->url, query),
					.content_type = WBXML,
					.version = VERSION,
					.body = body,
					.login = true,
					.seconds = seconds};
	probe_ask(a, &r->p->client, &q, w);
}

void probe_command(struct probe_run *r, struct arena *a, const char *device, const char *command,
		   struct body *body, long seconds, struct probe_answer *w)
{
	post(r, a,
	     arena_printf(a, "Cmd=%s&User=%s&DeviceId=%s&DeviceType=EaselCheck", command,
			  r->p->address, device),
	     buf_get(&body->mem), seconds, w);
	body_free(body);
}

/* Whoever may not come in was refused before: when POST gets through, this is a rule for methods.
 */
static bool refused_method(struct probe_run *r, const struct probe_answer *w)
{
	struct body body = {0};
	struct probe_answer other;
	if (w->way != WAY_OK || (w->status != 403 && w->status != 405 && w->status != 501))
		return false;
	probe_put_foldersync(&body);
	probe_command(r, r->arena, DEVICE, "FolderSync", &body, PROBE_SECONDS, &other);
	return probe_document(r->arena, &other) != NULL;
}

static bool options(struct probe_run *r)
{
	struct probe_answer w;
	const struct probe_request q = {
		.method = "OPTIONS", .url = r->url, .login = true, .seconds = PROBE_SECONDS};
	probe_ask(r->arena, &r->p->client, &q, &w);
	if (refused_method(r, &w)) {
		probe_say(r, false, "options-method",
			  "%s: the web server does not let OPTIONS through (HTTP %ld)", r->url,
			  w.status);
		return false;
	}
	if (w.way == WAY_OK && w.redirect.n) {
		probe_say(
			r, false, "redirect",
			"%s: sends phones on to %.*s, where they would not go: Autodiscover is to "
			"name that place",
			r->url, STR_ARG(w.redirect));
		return false;
	}
	if (!probe_arrived(r, &w, r->url, "activesync-path") || !logged_in(r, &w, r->url))
		return false;
	if (w.status == 451) {
		probe_say(r, false, "lives-elsewhere", "the account lives at %.*s",
			  STR_ARG(w.location));
		return false;
	}
	if (!w.versions.n) {
		probe_say(r, false, "options",
			  "%s: no ActiveSync answers, or its headers are taken out (HTTP %ld)",
			  r->url, w.status);
		return false;
	}
	probe_say(r, true, "options", "protocol versions %.*s", STR_ARG(w.versions));
	return true;
}

const struct wbxml_node *probe_document(struct arena *a, const struct probe_answer *w)
{
	struct wbxml_node *root = NULL;
	struct err e;
	if (w->way != WAY_OK || w->status != 200 || !w->body.n ||
	    !wbxml_decode(a, w->body, &wbxml_default_limits, &root, &e))
		return NULL;
	return root;
}

int probe_status(const struct wbxml_node *root, unsigned tag)
{
	uint64_t v;
	return root && str_to_u64(wbxml_child_text(root, tag), &v) && v <= INT32_MAX ? (int)v : 0;
}

/* A folder to wait for; p NULL: the folders could not be had. */
static struct str folders(struct probe_run *r)
{
	static const struct str none = {NULL, 0};
	struct body body = {0};
	struct probe_answer w;
	probe_put_foldersync(&body);
	probe_command(r, r->arena, DEVICE, "FolderSync", &body, PROBE_SECONDS, &w);
	if (!probe_arrived(r, &w, r->url, "activesync-path") || !logged_in(r, &w, r->url))
		return none;
	const struct wbxml_node *root = probe_document(r->arena, &w);
	int status = probe_status(root, FolderHierarchy_Status);
	const struct wbxml_node *changes = root ? wbxml_child(root, FolderHierarchy_Changes) : NULL;
	const struct wbxml_node *add = changes ? wbxml_child(changes, FolderHierarchy_Add) : NULL;
	if (w.status == 400 || w.status == 501 || w.status == 505) {
		probe_say(
			r, false, "query",
			"what stands behind the ? or the MS-ASProtocolVersion header does not reach "
			"Easel (HTTP %ld)",
			w.status);
		return none;
	}
	if (status == NOT_PROVISIONED) {
		probe_say(
			r, true, "policy",
			"devices have to accept a policy first: what comes after that is not tried");
		return none;
	}
	if (status != PROBE_OK || !add) {
		probe_say(r, false, "folders", "FolderSync is answered with HTTP %ld, status %d",
			  w.status, status);
		return none;
	}
	probe_say(r, true, "folders", "the folders are there");
	return wbxml_child_text(add, FolderHierarchy_ServerId);
}

/* MS-ASHTTP 2.2.1.1.1.1: version, command, locale, device id, no policy key, device type. */
static void base64_query(struct probe_run *r)
{
	static const char query[] = "\x8d\x09\x09\x04\x08validate\x00\x0b"
				    "Easel?Check";
	struct body body = {0};
	struct probe_answer w;
	struct str text = text_base64_encode(r->arena, (struct str){query, sizeof query - 1});
	probe_put_foldersync(&body);
	post(r, r->arena, c_string(r, text), buf_get(&body.mem), PROBE_SECONDS, &w);
	body_free(&body);
	if (probe_status(probe_document(r->arena, &w), FolderHierarchy_Status) == PROBE_OK)
		probe_say(r, true, "query", "both forms of the query arrive");
	else
		probe_say(
			r, false, "query",
			"the query in its base64 form does not reach Easel as it is sent (HTTP %ld)",
			w.status);
}

static void large_request(struct probe_run *r)
{
	struct probe_answer w;
	struct body body = {0};
	for (size_t i = 0; i < LARGE; i++)
		buf_byte(&body.mem, 'x');
	probe_command(r, r->arena, DEVICE, "FolderSync", &body, PROBE_SECONDS, &w);
	/* A web server that has had enough may end the connection instead of answering 413. */
	if (w.way == WAY_BROKEN || w.status == 413)
		probe_say(r, false, "body-limit",
			  "a request of %d MiB is refused by the web server", LARGE >> 20);
	else if (probe_arrived(r, &w, r->url, "activesync-path"))
		probe_say(r, true, "body-limit", "a request of %d MiB arrives", LARGE >> 20);
}

int probe_heartbeat(long seconds)
{
	return seconds < 60 ? 60 : seconds > 1800 ? 1800 : (int)seconds + 30;
}

/* Nothing is expected to happen; a web server that gives up too early shows. */
static void waiting(struct probe_run *r, struct str folder)
{
	struct body body = {0};
	struct probe_answer w;
	probe_put_ping(&body, folder, probe_heartbeat(r->p->wait));
	probe_command(r, r->arena, DEVICE, "Ping", &body, r->p->wait, &w);
	int status = probe_status(probe_document(r->arena, &w), Ping_Status);
	if (w.way == WAY_SILENT)
		probe_say(r, true, "push", "a request may wait for %ld seconds", r->p->wait);
	else if (w.way != WAY_OK || w.status >= 500)
		probe_say(
			r, false, "push",
			"a waiting request is ended by the web server after %.0f seconds (HTTP %ld): its "
			"timeout must be an hour",
			w.seconds, w.status);
	else if (status == PROBE_CHANGED || status == EXPIRED)
		probe_say(r, true, "push", "a waiting request was answered with news");
	else
		probe_say(r, false, "push", "a Ping is answered with HTTP %ld, status %d%s",
			  w.status, status,
			  status == HEARTBEAT ? ": the heartbeat is out of bounds" : "");
}

int probe_run(struct arena *a, struct probe *p)
{
	struct probe_run r = {.arena = a, .p = p};
	if (!discover(&r) || !options(&r))
		return r.bad ? r.bad : 1;
	struct str folder = folders(&r);
	if (!folder.p)
		return r.bad;
	base64_query(&r);
	large_request(&r);
	waiting(&r, folder);
	if (p->deliver && !r.bad)
		probe_delivery(&r);
	return r.bad;
}
