/* user_page: a user's devices in his browser. See user_page.h for the contract. */
#include "core/user_page.h"

#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/digest.h"
#include "core/base/text.h"
#include "core/page_text.h"
#include "store/device.h"
#include "store/password.h"
#include "store/sealed.h"
#include "store/user_page.h"

enum { COOKIE_BYTES = 16, COOKIE_TEXT = 2 * COOKIE_BYTES, TOKEN_TEXT = 2 * PASSWORD_DIGEST };

#define COOKIE "easel="

/* ---- Against forged requests ---- */

static struct str hex(struct arena *a, const unsigned char *bytes, size_t n)
{
	struct buf out = {0};
	for (size_t i = 0; i < n; i++)
		buf_printf(&out, "%02x", bytes[i]);
	return buf_move(a, &out);
}

/* The cookie that the browser sent; p NULL: none of ours. */
static struct str find_cookie(struct str header)
{
	struct str one;
	while (str_next(&header, ';', &one)) {
		one = str_trim(one);
		if (str_starts_nocase(one, STR(COOKIE)) && one.n == sizeof COOKIE - 1 + COOKIE_TEXT)
			return str_sub(one, sizeof COOKIE - 1, one.n);
	}
	return (struct str){NULL, 0};
}

static struct str token_of(struct call *c, struct str cookie)
{
	unsigned char digest[PASSWORD_DIGEST];
	password_digest(c->session->server->key, c->gate.account, cookie, STR("user page"), digest);
	return hex(c->arena, digest, sizeof digest);
}

/* A value of the form; p NULL: it is not there. Values here are names and numbers: no escapes. */
static struct str form_value(struct str form, const char *name)
{
	struct str pair, key;
	while (str_next(&form, '&', &pair))
		if (str_next(&pair, '=', &key) && str_eq(key, str_of(name)))
			return pair;
	return (struct str){NULL, 0};
}

static bool is_ours(struct call *c, struct str cookie)
{
	struct str said = form_value(c->request->body, "token");
	return cookie.p && said.n == TOKEN_TEXT &&
	       password_digest_equal(said.p, token_of(c, cookie).p) &&
	       str_eq(said, token_of(c, cookie));
}

/* ---- The page ---- */

/* What is written, for whom. */
struct page {
	struct call *c;
	struct buf *out;
	const char *token;
};

static const char style[] =
	"<style>body{font:1em/1.4 sans-serif;max-width:42em;margin:1em auto;padding:0 1em}"
	"section{border:1px solid #bbb;border-radius:6px;padding:0 1em 1em;margin:1em 0}"
	"button{margin:.2em .3em .2em 0;padding:.4em .8em}"
	"td,th{text-align:left;padding:.1em .8em .1em 0;vertical-align:top}"
	"h2,p,td{overflow-wrap:anywhere}</style>";

/* Actions, and whether they ask to be confirmed. */
static const struct {
	const char *name;
	bool confirmed;
} actions[] = {
	{"remove", true},    {"wipe", true},  {"stop", true},	     {"delete", true},
	{"password", false}, {"lock", false}, {"encryption", false}, {"attachments", false},
};

enum { ACTIONS = sizeof actions / sizeof *actions };

static const char *say(struct call *c, const char *key)
{
	return page_text(c->gate.language, key);
}

static const char *text_of(struct call *c, const json_t *object, const char *name)
{
	struct str value = str_of(json_string_value(json_object_get(object, name)));
	return str_dup(c->arena, text_xml_escape(c->arena, value));
}

/* One of the database's words, which may be anything else as well. */
static const char *word_of(struct call *c, const json_t *object, const char *name)
{
	return say(c, text_of(c, object, name));
}

static void put_form(struct page *p, const json_t *device, const char *name, bool confirmed)
{
	buf_printf(p->out,
		   "<form method=\"post\" action=\"/easel/\"><input type=\"hidden\" name=\"token\""
		   " value=\"%s\"><input type=\"hidden\" name=\"device\" value=\"%lld\">"
		   "<button name=\"do\" value=\"%s\">%s</button>",
		   p->token, (long long)json_integer_value(json_object_get(device, "id")), name,
		   say(p->c, name));
	if (confirmed)
		buf_printf(p->out,
			   "<label><input type=\"checkbox\" name=\"sure\" value=\"yes\""
			   " required> %s</label>",
			   say(p->c, "sure"));
	buf_cstr(p->out, "</form>\n");
}

static void put_rules(struct page *p, const json_t *rules)
{
	size_t i;
	const json_t *rule;
	buf_printf(p->out, "<details><summary>%s</summary><table>\n", say(p->c, "rules"));
	json_array_foreach(rules, i, rule)
		buf_printf(p->out, "<tr><td>%s</td><td>%s</td><td>%s</td></tr>\n",
			   word_of(p->c, rule, "field"), word_of(p->c, rule, "value"),
			   word_of(p->c, rule, "origin"));
	buf_cstr(p->out, "</table>");
	if (json_array_size(rules) == 0)
		buf_printf(p->out, "<p>%s</p>", say(p->c, "no-rules"));
	buf_cstr(p->out, "</details>\n");
}

static void put_row(struct page *p, const char *name, const char *value)
{
	buf_printf(p->out, "<tr><th>%s</th><td>%s</td></tr>\n", say(p->c, name), value);
}

static void put_device(struct page *p, const json_t *d)
{
	struct call *c = p->c;
	struct str wipe = str_of(json_string_value(json_object_get(d, "wipe")));
	buf_printf(p->out, "<section id=\"device-%lld\"><h2>%s</h2><table>\n",
		   (long long)json_integer_value(json_object_get(d, "id")), text_of(c, d, "name"));
	put_row(p, "model", text_of(c, d, "model"));
	put_row(p, "os", text_of(c, d, "os"));
	put_row(p, "last", text_of(c, d, "last"));
	put_row(p, "access", word_of(c, d, "access"));
	put_row(p, "policy", word_of(c, d, "policy"));
	put_row(p, "wipe-state", word_of(c, d, "wipe"));
	buf_cstr(p->out, "</table>\n");
	put_rules(p, json_object_get(d, "rules"));
	if (!str_eq(wipe, STR("none")))
		put_form(p, d, "cancel", false);
	if (json_is_true(json_object_get(d, "recoverable")))
		put_form(p, d, "recover", false);
	for (size_t i = 0; i < ACTIONS; i++)
		if (!str_eq(str_of(actions[i].name), STR("delete")) ||
		    json_is_true(json_object_get(d, "deletable")))
			put_form(p, d, actions[i].name, actions[i].confirmed);
	buf_cstr(p->out, "</section>\n");
}

static void put_head(struct page *p)
{
	struct call *c = p->c;
	buf_printf(p->out,
		   "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\">"
		   "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
		   "<title>%s</title>%s</head>\n<body><h1>%s</h1>\n<p>%s</p>\n",
		   say(c, "lang"), say(c, "title"), style, say(c, "title"),
		   str_dup(c->arena, text_xml_escape(c->arena, c->gate.address)));
}

static void set_headers(struct call *c, struct str cookie)
{
	struct answer *w = c->answer;
	struct buf out = {0};
	buf_printf(&out, COOKIE "%.*s; Path=/easel/; Secure; HttpOnly; SameSite=Strict",
		   STR_ARG(cookie));
	answer_header(w, "Set-Cookie", str_dup(c->arena, buf_move(c->arena, &out)));
	answer_header(w, "Cache-Control", "no-store");
	answer_header(w, "Content-Security-Policy",
		      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
		      " frame-ancestors 'none'; base-uri 'none'");
	answer_header(w, "X-Content-Type-Options", "nosniff");
	answer_header(w, "Referrer-Policy", "no-referrer");
}

static void show(struct call *c, struct str cookie, const json_t *devices, struct str said)
{
	struct page p = {c, &c->answer->body.mem, str_dup(c->arena, token_of(c, cookie))};
	size_t i;
	const json_t *d;
	set_headers(c, cookie);
	c->answer->content_type = "text/html; charset=utf-8";
	put_head(&p);
	if (said.n)
		buf_printf(p.out, "<p role=\"status\"><strong>%s</strong></p>\n",
			   str_dup(c->arena, text_xml_escape(c->arena, said)));
	json_array_foreach(devices, i, d) put_device(&p, d);
	if (json_array_size(devices) == 0)
		buf_printf(p.out, "<p>%s</p>\n", say(c, "empty"));
	buf_cstr(p.out, "</body></html>\n");
}

/* ---- Acting ---- */

/* The recovery password of a device of the user's. */
static bool recover(struct call *c, int64_t device, const json_t *devices, struct str *said)
{
	size_t i;
	const json_t *d;
	struct str sealed, password;
	*said = str_of(say(c, "no-password"));
	json_array_foreach(devices, i, d)
	{
		if (json_integer_value(json_object_get(d, "id")) != device)
			continue;
		struct str id = str_of(json_string_value(json_object_get(d, "device_id")));
		enum found found =
			device_password(c->session->db, c->session->secrets, c->gate.address, id,
					c->gate.address, &sealed, &c->err);
		if (found == FOUND_FAILED)
			return false;
		if (found == FOUND_ONE && sealed_open(c->session->secrets, c->session->server->key,
						      "device password", sealed, &password))
			*said = str_of(arena_printf(c->session->secrets, "%s %.*s",
						    say(c, "password-is"), STR_ARG(password)));
	}
	return true;
}

static bool is_confirmed(struct call *c, struct str action)
{
	for (size_t i = 0; i < ACTIONS; i++)
		if (actions[i].confirmed && str_eq(action, str_of(actions[i].name)))
			return str_eq(form_value(c->request->body, "sure"), STR("yes"));
	return true;
}

static bool act(struct call *c, const json_t *devices, struct str *said)
{
	struct str action = form_value(c->request->body, "do");
	uint64_t device;
	bool done = false;
	*said = str_of(say(c, "not-done"));
	if (!str_to_u64(form_value(c->request->body, "device"), &device) || device > INT32_MAX ||
	    !is_confirmed(c, action))
		return true;
	if (str_eq(action, STR("recover")))
		return recover(c, (int64_t)device, devices, said);
	if (!user_page_act(c->session->db, c->arena, c->gate.account, (int32_t)device, action,
			   &done, &c->err))
		return false;
	if (done)
		*said = str_of(say(c, "done"));
	return true;
}

static json_t *read_devices(struct call *c)
{
	struct str text;
	if (!user_page_read(c->session->db, c->arena, c->gate.account, &text, &c->err))
		return NULL;
	json_t *devices = json_loadb(text.p, text.n, 0, NULL);
	if (!devices)
		err_set(&c->err, ERR_INTERNAL, "the list of devices can't be read");
	return devices;
}

static bool serve_page(struct call *c, struct str cookie)
{
	struct str said = {NULL, 0};
	json_t *devices = read_devices(c);
	bool ok = devices != NULL;
	if (ok && c->request->method == METHOD_POST) {
		ok = act(c, devices, &said);
		json_decref(devices);
		devices = ok ? read_devices(c) : NULL;
		ok = devices != NULL;
	}
	if (ok)
		show(c, cookie, devices, said);
	json_decref(devices);
	return ok;
}

void user_page_answer(struct call *c)
{
	struct str cookie = find_cookie(c->request->cookie);
	bool post = c->request->method == METHOD_POST;
	if (!post && c->request->method != METHOD_GET) {
		c->answer->status = 405;
		answer_header(c->answer, "Allow", "GET, POST");
		return;
	}
	if (post && (c->request->body_state != BODY_COMPLETE || !is_ours(c, cookie))) {
		c->answer->status = 403;
		err_set(&c->err, ERR_FORBIDDEN, "a form that is not from the user's page");
		return;
	}
	if (!cookie.p) {
		unsigned char random[COOKIE_BYTES];
		digest_random(random, sizeof random);
		cookie = hex(c->arena, random, sizeof random);
	}
	if (!serve_page(c, cookie))
		c->answer->status = c->err.kind == ERR_UNAVAILABLE ? 503 : 500;
}
