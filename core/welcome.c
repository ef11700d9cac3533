/* welcome: what a browser sees. See welcome.h for the contract. */
#include "core/welcome.h"

#include "core/request.h"

static const char page[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\"><head><meta charset=\"utf-8\">"
	"<meta name=\"viewport\" content=\"width=device-width\"><title>ActiveSync</title></head>\n"
	"<body><h1>This address is for phones</h1>\n"
	"<p>You are logged in, so your account works. To sync mail, add an account of the kind"
	" <em>Exchange</em> or <em>ActiveSync</em> on your phone, with your mail address, your password"
	" and the name of this server.</p></body></html>\n";

void welcome_answer(struct answer *w)
{
	w->content_type = "text/html; charset=utf-8";
	buf_cstr(&w->body.mem, page);
}
