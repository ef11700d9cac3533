/* autodiscover: where a phone finds its server. See autodiscover.h for the contract. */
#include "core/autodiscover.h"

#include <time.h>

#include <expat.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"

#define FRAMEWORK "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
#define MOBILESYNC                                                                                 \
	"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"

enum { XML_MAX = 64 * 1024, DEPTH_MAX = 8, TEXT_MAX = 1024 };

/* MS-ASCMD 2.2.3.64 and what Exchange answers. */
enum { AUTODISCOVER_INVALID = 600, AUTODISCOVER_NO_PROVIDER = 601, AUTODISCOVER_NO_USER = 500 };

struct reader {
	XML_Parser parser;
	struct arena *arena;
	struct autodiscover_request *out;
	struct str *into; /* the text that is being collected */
	struct buf text;
	unsigned depth;
	bool refused;
};

static void refuse_xml(struct reader *r)
{
	r->refused = true;
	XML_StopParser(r->parser, XML_FALSE);
}

/* Names are looked at without their namespace: clients differ in it, the elements don't. */
static bool is_named(const char *full, const char *name)
{
	const char *separator = strrchr(full, '|');
	return strcmp(separator ? separator + 1 : full, name) == 0;
}

static void on_start(void *ctx, const char *name, const char **attributes)
{
	struct reader *r = ctx;
	(void)attributes;
	if (++r->depth > DEPTH_MAX) {
		refuse_xml(r);
		return;
	}
	r->into = NULL;
	if (is_named(name, "Request"))
		r->out->requests++;
	else if (is_named(name, "EMailAddress"))
		r->into = &r->out->address;
	else if (is_named(name, "AcceptableResponseSchema"))
		r->into = &r->out->schema;
	buf_cut(&r->text, 0);
}

static void on_end(void *ctx, const char *name)
{
	struct reader *r = ctx;
	(void)name;
	r->depth--;
	if (r->into) {
		struct str text = str_trim(buf_get(&r->text));
		*r->into = (struct str){str_dup(r->arena, text), text.n};
	}
	r->into = NULL;
}

static void on_text(void *ctx, const char *p, int n)
{
	struct reader *r = ctx;
	if (r->into)
		buf_put(&r->text, p, (size_t)n);
}

static void on_doctype(void *ctx, const char *name, const char *system, const char *public,
		       int internal)
{
	(void)name;
	(void)system;
	(void)public;
	(void)internal;
	refuse_xml(ctx);
}

bool autodiscover_decode(struct arena *a, struct str xml, struct autodiscover_request *out,
			 struct err *e)
{
	struct reader r = {.arena = a, .out = out, .text = {.limit = TEXT_MAX}};
	*out = (struct autodiscover_request){0};
	if (xml.n > XML_MAX)
		return err_set(e, ERR_TOO_LARGE, "Autodiscover request too large");
	r.parser = XML_ParserCreateNS(NULL, '|');
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	bool ok = XML_Parse(r.parser, xml.p, (int)xml.n, 1) == XML_STATUS_OK && !r.refused &&
		  !r.text.failed;
	XML_ParserFree(r.parser);
	buf_free(&r.text);
	return ok ||
	       err_set(e, ERR_MALFORMED, "Autodiscover request is not XML that is allowed here");
}

/* The name that the phone used for this server, when it is one; else the account's domain. */
static struct str own_host(struct call *c)
{
	struct str host = c->request->host;
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
	bool ok = host.n > 0 && host.n <= 255;
	for (size_t i = 0; ok && i < host.n; i++)
		ok = host.p[i] && strchr(allowed, host.p[i]);
	if (ok)
		return host;
	ptrdiff_t at = str_find_byte(c->gate.address, '@');
	return str_sub(c->gate.address, (size_t)(at + 1), c->gate.address.n);
}

static void begin(struct call *c)
{
	c->answer->status = 200;
	c->answer->content_type = "text/xml; charset=utf-8";
	buf_cstr(&c->answer->body.mem, "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
				       "<Autodiscover xmlns=\"" FRAMEWORK "\">\n");
}

static void answer_error(struct call *c, int code, const char *message)
{
	time_t now = (time_t)(clock_now() / 1000);
	struct tm tm;
	gmtime_r(&now, &tm);
	char time_of_day[16];
	strftime(time_of_day, sizeof time_of_day, "%H:%M:%S", &tm);
	begin(c);
	buf_printf(&c->answer->body.mem,
		   "<Response><Error Time=\"%s\" Id=\"1\"><ErrorCode>%d</ErrorCode>"
		   "<Message>%s</Message><DebugData/></Error></Response>\n</Autodiscover>\n",
		   time_of_day, code, message);
	c->status = (unsigned)code;
}

static void answer_found(struct call *c)
{
	struct str host = text_xml_escape(c->arena, own_host(c));
	struct str name = text_xml_escape(c->arena, c->gate.display_name);
	struct str address = text_xml_escape(c->arena, c->gate.address);
	begin(c);
	buf_printf(&c->answer->body.mem,
		   "<Response xmlns=\"" MOBILESYNC "\">\n<Culture>en:us</Culture>\n"
		   "<User><DisplayName>%.*s</DisplayName><EMailAddress>%.*s</EMailAddress></User>\n"
		   "<Action><Settings><Server><Type>MobileSync</Type>"
		   "<Url>https://%.*s/Microsoft-Server-ActiveSync</Url>"
		   "<Name>https://%.*s/Microsoft-Server-ActiveSync</Name>"
		   "</Server></Settings></Action>\n</Response>\n</Autodiscover>\n",
		   STR_ARG(name), STR_ARG(address), STR_ARG(host), STR_ARG(host));
	c->status = STATUS_OK;
}

void autodiscover_answer(struct call *c)
{
	const struct request *rq = c->request;
	struct autodiscover_request asked = {0};
	if (rq->method != METHOD_POST && rq->method != METHOD_GET) {
		c->answer->status = 405;
		answer_header(c->answer, "Allow", "POST, GET");
		return;
	}
	if (rq->body_state != BODY_COMPLETE ||
	    (rq->body.n && (!autodiscover_decode(c->arena, rq->body, &asked, &c->err) ||
			    asked.requests != 1 || (asked.address.p && asked.address.n == 0)))) {
		answer_error(c, AUTODISCOVER_INVALID, "Invalid Request");
		return;
	}
	if (asked.schema.p && !str_eq_nocase(asked.schema, STR(MOBILESYNC))) {
		answer_error(c, AUTODISCOVER_NO_PROVIDER, "Provider is not available");
		return;
	}
	if (asked.address.n && !str_eq_nocase(asked.address, c->gate.address)) {
		answer_error(c, AUTODISCOVER_NO_USER, "The email address can't be found.");
		return;
	}
	answer_found(c);
}
