/* autodiscover: where a phone finds its server. See autodiscover.h for the contract. */
#include "core/autodiscover.h"

#include <time.h>

#include <expat.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/discovery.h"
#include "store/protocol.h"

#define FRAMEWORK "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
#define MOBILESYNC                                                                                 \
	"http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006"

#define OUTLOOK "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"

enum { XML_MAX = 64 * 1024, DEPTH_REQUEST = 2, DEPTH_VALUE = 3, DEPTH_MAX = 8, TEXT_MAX = 1024 };

/* MS-ASCMD 2.2.3.64 and what Exchange answers; 2.2.3.177.1 for the mobilesync schema's own. */
enum { AUTODISCOVER_INVALID = 600, AUTODISCOVER_NO_PROVIDER = 601, AUTODISCOVER_NO_USER = 500 };
enum { MOBILESYNC_ERROR = 2 };

struct reader {
	XML_Parser parser;
	struct arena *arena;
	struct autodiscover_request *out;
	struct str *into; /* the text that is being collected */
	struct buf text;
	unsigned depth;
	bool in_request;
	bool refused;
};

static void refuse_xml(struct reader *r)
{
	r->refused = true;
	XML_StopParser(r->parser, XML_FALSE);
}

/* Clients differ in which of the namespaces of Autodiscover they use; others mean something else.
 */
static bool is_named(const char *full, const char *name)
{
	static const char ours[] = "http://schemas.microsoft.com/exchange/autodiscover/";
	const char *separator = strrchr(full, '|');
	if (separator && strncmp(full, ours, sizeof ours - 1) != 0)
		return false;
	return strcmp(separator ? separator + 1 : full, name) == 0;
}

static void on_start(void *ctx, const char *name, const char **attributes)
{
	struct reader *r = ctx;
	(void)attributes;
	r->into = NULL;
	r->depth++;
	if (r->depth == DEPTH_REQUEST) {
		r->in_request = is_named(name, "Request");
		r->out->requests += r->in_request;
	} else if (r->depth == DEPTH_VALUE && r->in_request) {
		r->into = is_named(name, "EMailAddress")	       ? &r->out->address
			  : is_named(name, "AcceptableResponseSchema") ? &r->out->schema
								       : NULL;
	}
	if (r->depth > DEPTH_MAX || (r->depth == 1 && !is_named(name, "Autodiscover")) ||
	    (r->into && r->into->p))
		refuse_xml(r);
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

/* An error of the mobilesync schema's own, after the framework found nothing wrong. */
static void answer_mobilesync_error(struct call *c, const char *message)
{
	begin(c);
	buf_printf(&c->answer->body.mem,
		   "<Response xmlns=\"" MOBILESYNC "\">\n<Culture>en:us</Culture>\n"
		   "<Action><Error><Status>%d</Status><Message>%s</Message><DebugData/></Error>"
		   "</Action>\n</Response>\n</Autodiscover>\n",
		   MOBILESYNC_ERROR, message);
	c->status = MOBILESYNC_ERROR;
}

static void put_element(struct call *c, const char *name, struct str value)
{
	buf_printf(&c->answer->body.mem, "<%s>%.*s</%s>", name,
		   STR_ARG(text_xml_escape(c->arena, value)), name);
}

/* A protocol as Outlook and the clients of a list of protocols read it. */
static void put_protocol(struct call *c, const struct protocol *p)
{
	struct buf *out = &c->answer->body.mem;
	buf_cstr(out, "<Protocol>");
	put_element(c, "Type", p->type);
	put_element(c, "Server", p->url.n ? p->url : p->host);
	if (p->url.n)
		put_element(c, "Name", p->url);
	else
		buf_printf(out, "<Port>%d</Port>", p->port);
	put_element(c, "LoginName", p->login);
	if (!p->url.n)
		buf_printf(out,
			   "<DomainRequired>off</DomainRequired><SPA>off</SPA><SSL>%s</SSL>"
			   "<Encryption>%s</Encryption><AuthRequired>on</AuthRequired>",
			   str_eq(p->security, STR("none")) ? "off" : "on",
			   str_eq(p->security, STR("tls"))    ? "SSL"
			   : str_eq(p->security, STR("none")) ? "None"
							      : "TLS");
	buf_cstr(out, "</Protocol>\n");
}

static void put_account(struct call *c, const struct protocols *protocols)
{
	buf_cstr(&c->answer->body.mem,
		 "<Account><AccountType>email</AccountType><Action>settings</Action>\n");
	for (size_t i = 0; i < protocols->n; i++)
		put_protocol(c, &protocols->v[i]);
	buf_cstr(&c->answer->body.mem, "</Account>\n");
}

static void put_user(struct call *c)
{
	buf_cstr(&c->answer->body.mem, "<User>");
	put_element(c, "DisplayName", c->gate.display_name);
	put_element(c, "EMailAddress", c->gate.address);
	buf_cstr(&c->answer->body.mem, "</User>\n");
}

/* MS-ASCMD 2.2.1.1; behind it, for who asked with GET, the list of all protocols. */
static void answer_mobilesync(struct call *c, const struct protocols *protocols, bool list)
{
	struct buf *out = &c->answer->body.mem;
	const struct protocol *p = protocols_find(protocols, STR("MobileSync"));
	if (!p || !p->url.n) {
		answer_error(c, AUTODISCOVER_NO_PROVIDER, "Provider is not available");
		return;
	}
	begin(c);
	buf_cstr(out, "<Response xmlns=\"" MOBILESYNC "\">\n<Culture>en:us</Culture>\n");
	put_user(c);
	buf_cstr(out, "<Action><Settings><Server><Type>MobileSync</Type>");
	put_element(c, "Url", p->url);
	put_element(c, "Name", p->url);
	buf_cstr(out, "</Server></Settings></Action>\n");
	if (list)
		put_account(c, protocols);
	buf_cstr(out, "</Response>\n</Autodiscover>\n");
	c->status = STATUS_OK;
}

/* MS-OXDSCLI 2.2.4. */
static void answer_outlook(struct call *c, const struct protocols *protocols)
{
	struct buf *out = &c->answer->body.mem;
	begin(c);
	buf_cstr(out, "<Response xmlns=\"" OUTLOOK "\">\n<User>");
	put_element(c, "DisplayName", c->gate.display_name);
	put_element(c, "AutoDiscoverSMTPAddress", c->gate.address);
	buf_cstr(out, "</User>\n");
	if (c->gate.lives_at.n)
		buf_printf(out,
			   "<Account><AccountType>email</AccountType><Action>redirectUrl</Action>"
			   "<RedirectUrl>%.*s/autodiscover/autodiscover.xml</RedirectUrl>"
			   "</Account>\n",
			   STR_ARG(text_xml_escape(c->arena, c->gate.lives_at)));
	else
		put_account(c, protocols);
	buf_cstr(out, "</Response>\n</Autodiscover>\n");
	c->status = STATUS_OK;
}

static void answer_unknown(struct call *c, bool framework)
{
	static const char message[] = "The email address can't be found.";
	if (framework)
		answer_error(c, AUTODISCOVER_NO_USER, message);
	else
		answer_mobilesync_error(c, message);
}

static void come_later(struct call *c)
{
	c->answer->status = 503;
	answer_header(c->answer, "Retry-After", "30");
}

/* An alias is an address of its own; the answer names the primary one (MS-ASCMD 2.2.3.56). */
static enum found is_own(struct call *c, const struct autodiscover_request *asked)
{
	if (asked->address.n == 0 || str_eq_nocase(asked->address, c->gate.address))
		return FOUND_ONE;
	return account_has_alias(c->session->db, c->arena, c->gate.account, asked->address,
				 &c->err);
}

static void answer_asked(struct call *c, const struct autodiscover_request *asked)
{
	bool outlook = asked->schema.p && str_eq_nocase(asked->schema, STR(OUTLOOK));
	struct protocols protocols;
	enum found own;
	if (asked->schema.p && !outlook && !str_eq_nocase(asked->schema, STR(MOBILESYNC))) {
		answer_error(c, AUTODISCOVER_NO_PROVIDER, "Provider is not available");
	} else if ((own = is_own(c, asked)) == FOUND_NONE) {
		answer_unknown(c, outlook || !asked->schema.p);
	} else if (own == FOUND_FAILED ||
		   !protocols_load(c->session->db, c->arena, c->gate.address,
				   discovery_host(c->arena, c->request, c->gate.address),
				   c->gate.lives_at, &protocols, &c->err)) {
		come_later(c);
	} else if (outlook) {
		answer_outlook(c, &protocols);
	} else {
		answer_mobilesync(c, &protocols, c->request->method == METHOD_GET);
	}
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
			    asked.requests != 1 || (asked.address.p && asked.address.n == 0))))
		answer_error(c, AUTODISCOVER_INVALID, "Invalid Request");
	else
		answer_asked(c, &asked);
}
