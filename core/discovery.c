/* discovery: what clients are told without a login. See discovery.h for the contract. */
#include "core/discovery.h"

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "core/base/arena.h"
#include "core/base/digest.h"
#include "core/base/text.h"
#include "core/call.h"
#include "store/protocol.h"

/* Thunderbird puts the user's own there. */
#define PLACEHOLDER "%%EMAILLOCALPART%%@"

enum { ADDRESS_MAX = 254 };

struct str discovery_host(struct arena *a, const struct request *rq, struct str address)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
	struct str host = rq->host;
	bool ok = host.n > 0 && host.n <= 255;
	for (size_t i = 0; ok && i < host.n; i++)
		ok = host.p[i] && strchr(allowed, host.p[i]);
	if (ok)
		return str_lower(a, host);
	ptrdiff_t at = str_find_byte(address, '@');
	return str_sub(address, (size_t)(at + 1), address.n);
}

/* ---- What was asked ---- */

/* A parameter of the query, in whatever letter case; p NULL: it was not sent. */
static struct str parameter(struct call *c, struct str name)
{
	struct str query = c->request->query, pair, key;
	while (str_next(&query, '&', &pair))
		if (str_next(&pair, '=', &key) &&
		    str_eq_nocase(text_percent_decode(c->arena, key, true), name))
			return str_trim(text_percent_decode(c->arena, pair, true));
	return (struct str){NULL, 0};
}

/* Something@domain, of no characters but those that an address may have here. */
static bool is_address(struct str s)
{
	ptrdiff_t at = str_find_byte(s, '@');
	if (at < 1 || (size_t)at + 1 == s.n || s.n > ADDRESS_MAX || !text_is_utf8(s))
		return false;
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || strchr("<>\"'&\\|`", s.p[i]) ||
		    (s.p[i] == '@' && i != (size_t)at))
			return false;
	return true;
}

/*
 * The address that a request names; else one of the domain whose name the request came to, with
 * what Thunderbird puts the user's own in place of.
 */
static struct str asked_address(struct call *c, struct str name)
{
	struct str address = parameter(c, name);
	struct str host = discovery_host(c->arena, c->request, STR("")), domain;
	if (address.p)
		return address;
	str_next(&host, ':', &domain);
	if (str_starts_nocase(domain, STR("autoconfig.")))
		domain = str_sub(domain, strlen("autoconfig."), domain.n);
	return str_of(arena_printf(c->arena, PLACEHOLDER "%.*s", STR_ARG(domain)));
}

static bool look_up(struct call *c, struct str address, struct protocols *out)
{
	out->n = 0;
	if (!is_address(address))
		return true;
	return protocols_load(c->session->db, c->arena, address,
			      discovery_host(c->arena, c->request, address), STR(""), out, &c->err);
}

/*
 * False: answered already. An address that was made of the name that the request came to may be one
 * of the domain above that: mail.example.org is asked about example.org.
 */
static bool load(struct call *c, struct str *address, struct protocols *out)
{
	bool ok = look_up(c, *address, out);
	ptrdiff_t at = str_find_byte(*address, '@'), dot = -1;
	if (ok && out->n == 0 && str_starts_nocase(*address, STR("%EMAILLOCALPART%@")))
		dot = str_find_byte(str_sub(*address, (size_t)at, address->n), '.');
	if (dot >= 0) {
		struct str above = str_sub(*address, (size_t)(at + dot) + 1, address->n);
		*address = str_of(arena_printf(c->arena, PLACEHOLDER "%.*s", STR_ARG(above)));
		ok = look_up(c, *address, out);
	}
	if (!ok) {
		c->answer->status = 503;
		answer_header(c->answer, "Retry-After", "30");
	}
	return ok;
}

/* ---- Autodiscover v2 ---- */

static void answer_json(struct call *c, int status, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT);
	c->answer->status = status;
	c->answer->content_type = "application/json; charset=utf-8";
	buf_cstr(&c->answer->body.mem, text);
	free(text);
	json_decref(o);
}

static void answer_json_error(struct call *c, int status, const char *code, const char *message)
{
	answer_json(c, status, json_pack("{ssss}", "ErrorCode", code, "ErrorMessage", message));
}

/* The address may also be the end of the path. */
static struct str json_address(struct call *c)
{
	static const struct str before = STR_INIT("/v1.0/");
	struct str address = parameter(c, STR("Email"));
	struct str path = text_percent_decode(c->arena, c->request->path, false);
	for (size_t i = 0; !address.p && i < path.n; i++)
		if (str_starts_nocase(str_sub(path, i, path.n), before))
			return str_sub(path, i + before.n, path.n);
	return address;
}

static void answer_v2(struct call *c)
{
	struct str address = json_address(c), wanted = parameter(c, STR("Protocol"));
	struct protocols protocols;
	if (!wanted.n) {
		answer_json_error(c, 400, "MandatoryParameterMissing",
				  "A valid value must be provided for the query parameter "
				  "'Protocol'.");
		return;
	}
	if (!load(c, &address, &protocols))
		return;
	if (protocols.n == 0) {
		answer_json_error(c, 404, "UserNotFound", "The given user is not found.");
		return;
	}
	if (str_eq_nocase(wanted, STR("AutodiscoverV1"))) {
		struct str host = discovery_host(c->arena, c->request, address);
		const char *url = arena_printf(
			c->arena, "https://%.*s/autodiscover/autodiscover.xml", STR_ARG(host));
		answer_json(c, 200, json_pack("{ssss}", "Protocol", "AutodiscoverV1", "Url", url));
		return;
	}
	bool eas = str_eq_nocase(wanted, STR("ActiveSync"));
	const struct protocol *p = protocols_find(&protocols, eas ? STR("MobileSync") : wanted);
	if (!p || !p->url.n)
		answer_json_error(c, 400, "InvalidProtocol", "The given protocol is not offered.");
	else
		answer_json(c, 200,
			    json_pack("{ssss%}", "Protocol", eas ? "ActiveSync" : p->type.p, "Url",
				      p->url.p, p->url.n));
}

/* ---- Thunderbird ---- */

static void put(struct call *c, const char *name, struct str value)
{
	buf_printf(&c->answer->body.mem, "<%s>%.*s</%s>\n", name,
		   STR_ARG(text_xml_escape(c->arena, value)), name);
}

static void put_server(struct call *c, const struct protocol *p, const char *element,
		       const char *type)
{
	const char *socket = str_eq(p->security, STR("tls"))	    ? "SSL"
			     : str_eq(p->security, STR("starttls")) ? "STARTTLS"
								    : "plain";
	buf_printf(&c->answer->body.mem, "<%s type=\"%s\">\n", element, type);
	put(c, "hostname", p->host);
	buf_printf(&c->answer->body.mem, "<port>%d</port>\n<socketType>%s</socketType>\n", p->port,
		   socket);
	put(c, "username", p->login);
	buf_printf(&c->answer->body.mem,
		   "<authentication>password-cleartext</authentication>\n</%s>\n", element);
}

static void put_dav(struct call *c, const struct protocol *p, const char *element, const char *type)
{
	buf_printf(&c->answer->body.mem, "<%s type=\"%s\">\n", element, type);
	put(c, "username", p->login);
	buf_cstr(&c->answer->body.mem, "<authentication>http-basic</authentication>\n");
	put(c, "serverURL", p->url);
	buf_printf(&c->answer->body.mem, "</%s>\n", element);
}

/* What a protocol is called by Thunderbird. */
static const struct {
	struct str type;
	bool is_url, within; /* within emailProvider */
	const char *element, *name;
} thunderbird[] = {
	{STR_INIT("IMAP"), false, true, "incomingServer", "imap"},
	{STR_INIT("POP3"), false, true, "incomingServer", "pop3"},
	{STR_INIT("SMTP"), false, true, "outgoingServer", "smtp"},
	{STR_INIT("CardDAV"), true, false, "addressBook", "carddav"},
	{STR_INIT("CalDAV"), true, false, "calendar", "caldav"},
};

static void put_thunderbird(struct call *c, const struct protocols *protocols, bool within)
{
	for (size_t i = 0; i < sizeof thunderbird / sizeof *thunderbird; i++) {
		const struct protocol *p = protocols_find(protocols, thunderbird[i].type);
		if (!p || thunderbird[i].within != within ||
		    thunderbird[i].is_url != (p->url.n != 0))
			continue;
		(thunderbird[i].is_url ? put_dav : put_server)(c, p, thunderbird[i].element,
							       thunderbird[i].name);
	}
}

static void answer_autoconfig(struct call *c)
{
	struct str address = asked_address(c, STR("emailaddress"));
	struct protocols protocols;
	if (!load(c, &address, &protocols))
		return;
	if (protocols.n == 0) {
		c->answer->status = 404;
		return;
	}
	ptrdiff_t at = str_find_byte(address, '@');
	struct str domain = str_lower(c->arena, str_sub(address, (size_t)at + 1, address.n));
	struct str escaped = text_xml_escape(c->arena, domain);
	struct buf *out = &c->answer->body.mem;
	c->answer->content_type = "text/xml; charset=utf-8";
	buf_printf(out,
		   "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<clientConfig version=\"1.1\">\n"
		   "<emailProvider id=\"%.*s\">\n",
		   STR_ARG(escaped));
	put(c, "domain", domain);
	put(c, "displayName", domain);
	put(c, "displayShortName", domain);
	put_thunderbird(c, &protocols, true);
	buf_cstr(out, "</emailProvider>\n");
	put_thunderbird(c, &protocols, false);
	buf_cstr(out, "</clientConfig>\n");
}

/* ---- Apple ---- */

/* The same for the same address and payload, so that a profile replaces its predecessor. */
static const char *uuid(struct call *c, struct str address, const char *what)
{
	unsigned char d[DIGEST_SIZE];
	digest_sha256(str_of(arena_printf(c->arena, "%.*s %s", STR_ARG(address), what)), d);
	return arena_printf(c->arena,
			    "%02X%02X%02X%02X-%02X%02X-5%X%02X-%X%02X-%02X%02X%02X%02X%02X%02X",
			    d[0], d[1], d[2], d[3], d[4], d[5], d[6] & 15, d[7], 8 | (d[8] & 3),
			    d[9], d[10], d[11], d[12], d[13], d[14], d[15]);
}

static void put_key(struct call *c, const char *key, struct str value)
{
	buf_printf(&c->answer->body.mem, "<key>%s</key><string>%.*s</string>\n", key,
		   STR_ARG(text_xml_escape(c->arena, value)));
}

static void put_flag(struct call *c, const char *key, bool value)
{
	buf_printf(&c->answer->body.mem, "<key>%s</key><%s/>\n", key, value ? "true" : "false");
}

static void put_number(struct call *c, const char *key, int value)
{
	buf_printf(&c->answer->body.mem, "<key>%s</key><integer>%d</integer>\n", key, value);
}

/* What every payload says of itself. */
static void put_payload(struct call *c, struct str address, const char *type, const char *name)
{
	put_key(c, "PayloadType", str_of(type));
	put_number(c, "PayloadVersion", 1);
	put_key(c, "PayloadIdentifier",
		str_of(arena_printf(c->arena, "easel.%s.%.*s", name, STR_ARG(address))));
	put_key(c, "PayloadUUID", str_of(uuid(c, address, name)));
	put_key(c, "PayloadDisplayName",
		str_of(arena_printf(c->arena, "%s %.*s", name, STR_ARG(address))));
}

/* Host, with its port, and path of an https URL. */
static void split_url(struct str url, struct str *host, struct str *path)
{
	struct str rest = str_sub(url, strlen("https://"), url.n);
	ptrdiff_t slash = str_find_byte(rest, '/');
	*host = slash < 0 ? rest : str_sub(rest, 0, (size_t)slash);
	*path = slash < 0 ? STR("/") : str_sub(rest, (size_t)slash, rest.n);
}

static void put_eas(struct call *c, struct str address, const struct protocol *p)
{
	struct str host, path;
	split_url(p->url, &host, &path);
	buf_cstr(&c->answer->body.mem, "<dict>\n");
	put_payload(c, address, "com.apple.eas.account", "Exchange");
	put_key(c, "Host", host);
	put_key(c, "EmailAddress", address);
	put_key(c, "UserName", p->login);
	put_flag(c, "SSL", true);
	buf_cstr(&c->answer->body.mem, "</dict>\n");
}

static void put_half(struct call *c, const char *direction, const struct protocol *p)
{
	const char *const keys[] = {"HostName", "Username"};
	const struct str values[] = {p->host, p->login};
	for (size_t i = 0; i < 2; i++)
		put_key(c, arena_printf(c->arena, "%sMailServer%s", direction, keys[i]), values[i]);
	put_number(c, arena_printf(c->arena, "%sMailServerPortNumber", direction), p->port);
	put_flag(c, arena_printf(c->arena, "%sMailServerUseSSL", direction),
		 !str_eq(p->security, STR("none")));
	put_key(c, arena_printf(c->arena, "%sMailServerAuthentication", direction),
		STR("EmailAuthPassword"));
}

static void put_mail(struct call *c, struct str address, const struct protocol *in,
		     const struct protocol *out)
{
	buf_cstr(&c->answer->body.mem, "<dict>\n");
	put_payload(c, address, "com.apple.mail.managed", "Mail");
	put_key(c, "EmailAccountType",
		str_eq_nocase(in->type, STR("IMAP")) ? STR("EmailTypeIMAP") : STR("EmailTypePOP"));
	put_key(c, "EmailAddress", address);
	put_half(c, "Incoming", in);
	put_half(c, "Outgoing", out);
	buf_cstr(&c->answer->body.mem, "</dict>\n");
}

static void put_dav_payload(struct call *c, struct str address, const struct protocol *p)
{
	const char *name = p->type.p;
	struct str host, path;
	split_url(p->url, &host, &path);
	buf_cstr(&c->answer->body.mem, "<dict>\n");
	put_payload(c, address,
		    str_eq_nocase(p->type, STR("CalDAV")) ? "com.apple.caldav.account"
							  : "com.apple.carddav.account",
		    name);
	put_key(c, arena_printf(c->arena, "%sHostName", name), host);
	put_key(c, arena_printf(c->arena, "%sPrincipalURL", name), path);
	put_key(c, arena_printf(c->arena, "%sUsername", name), p->login);
	put_flag(c, arena_printf(c->arena, "%sUseSSL", name), true);
	buf_cstr(&c->answer->body.mem, "</dict>\n");
}

/* A phone that syncs by ActiveSync needs nothing else; the others are for computers. */
static void put_payloads(struct call *c, struct str address, const struct protocols *all)
{
	const struct protocol *eas = protocols_find(all, STR("MobileSync"));
	const struct protocol *in = protocols_find(all, STR("IMAP"));
	const struct protocol *out = protocols_find(all, STR("SMTP"));
	const struct protocol *dav[] = {protocols_find(all, STR("CalDAV")),
					protocols_find(all, STR("CardDAV"))};
	bool computer = str_eq_nocase(parameter(c, STR("for")), STR("mac"));
	if (!in)
		in = protocols_find(all, STR("POP3"));
	if (!computer && eas && str_starts_nocase(eas->url, STR("https://"))) {
		put_eas(c, address, eas);
		return;
	}
	if (in && in->host.n && out && out->host.n)
		put_mail(c, address, in, out);
	for (size_t i = 0; i < 2; i++)
		if (dav[i] && str_starts_nocase(dav[i]->url, STR("https://")))
			put_dav_payload(c, address, dav[i]);
}

static void answer_apple(struct call *c)
{
	struct str address = str_lower(c->arena, parameter(c, STR("address")));
	struct protocols protocols;
	if (!load(c, &address, &protocols))
		return;
	if (protocols.n == 0) {
		c->answer->status = 404;
		return;
	}
	c->answer->content_type = "application/x-apple-aspen-config";
	answer_header(c->answer, "Content-Disposition",
		      "attachment; filename=\"mail.mobileconfig\"");
	buf_cstr(&c->answer->body.mem,
		 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		 "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
		 "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
		 "<plist version=\"1.0\"><dict>\n<key>PayloadContent</key><array>\n");
	put_payloads(c, address, &protocols);
	buf_cstr(&c->answer->body.mem, "</array>\n");
	put_payload(c, address, "Configuration", "Account");
	buf_cstr(&c->answer->body.mem, "</dict></plist>\n");
}

/* ---- /.well-known (RFC 6764 5) ---- */

static void answer_well_known(struct call *c, struct str type)
{
	struct protocols protocols;
	struct str address = asked_address(c, STR("address"));
	if (!load(c, &address, &protocols))
		return;
	const struct protocol *p = protocols_find(&protocols, type);
	c->answer->status = p && p->url.n ? 301 : 404;
	if (p && p->url.n)
		answer_header(c->answer, "Location", arena_strdup(c->arena, p->url.p));
}

void discovery_answer(struct call *c)
{
	if (c->request->method == METHOD_OTHER) {
		c->answer->status = 405;
		answer_header(c->answer, "Allow", "GET");
		return;
	}
	switch (c->request->endpoint) {
	case ENDPOINT_AUTODISCOVER_JSON:
		answer_v2(c);
		break;
	case ENDPOINT_AUTOCONFIG:
		answer_autoconfig(c);
		break;
	case ENDPOINT_APPLE:
		answer_apple(c);
		break;
	case ENDPOINT_CALDAV:
		answer_well_known(c, STR("CalDAV"));
		break;
	case ENDPOINT_CARDDAV:
		answer_well_known(c, STR("CardDAV"));
		break;
	default:
		c->answer->status = 404;
		break;
	}
}
