/* imap: a connection to an IMAP server. See imap.h for the contract. */
#include "store/imap.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/text.h"
#include "store/imap_socket.h"

enum {
	READ_SIZE = 32 * 1024,
	SCRATCH_CAP = 4 * IMAP_RESPONSE_MOST,
	COMMAND_MS = 600 * 1000,   /* of all that a command answers */
	COMMAND_MOST = 1024 << 20, /* bytes of it */
	RESPONSES_MOST = 2000000   /* of them: one for each message of a large folder, and more */
};

struct imap {
	struct imap_socket socket;
	unsigned can;
	bool dead;
	unsigned next;	  /* number of the next command */
	unsigned awaited; /* the next that completes */
	struct buf out;
	struct buf in;
	size_t in_at; /* of `in`, what was handled */
	struct imap_frame frame;
	struct arena *scratch; /* of one response */
	char bye[120];
};

static const struct {
	const char *name;
	unsigned bit;
} capabilities[] = {
	{"LITERAL+", IMAP_CAN_LITERAL_PLUS},
	{"SASL-IR", IMAP_CAN_SASL_IR},
	{"ID", IMAP_CAN_ID},
	{"NAMESPACE", IMAP_CAN_NAMESPACE},
	{"SPECIAL-USE", IMAP_CAN_SPECIAL_USE},
	{"LIST-EXTENDED", IMAP_CAN_LIST_EXTENDED},
	{"ACL", IMAP_CAN_ACL},
	{"CONDSTORE", IMAP_CAN_CONDSTORE},
	{"QRESYNC", IMAP_CAN_QRESYNC | IMAP_CAN_CONDSTORE | IMAP_CAN_ENABLE},
	{"UIDPLUS", IMAP_CAN_UIDPLUS},
	{"MOVE", IMAP_CAN_MOVE},
	{"ESEARCH", IMAP_CAN_ESEARCH},
	{"IDLE", IMAP_CAN_IDLE},
	{"NOTIFY", IMAP_CAN_NOTIFY},
	{"ENABLE", IMAP_CAN_ENABLE},
	{"XCLIENT", IMAP_CAN_XCLIENT},
	{"STARTTLS", IMAP_CAN_STARTTLS},
	{"LOGINDISABLED", IMAP_CAN_LOGINDISABLED},
	{"AUTH=PLAIN", IMAP_CAN_AUTH_PLAIN},
	{"AUTH=XOAUTH2", IMAP_CAN_XOAUTH2},
	{"AUTH=OAUTHBEARER", IMAP_CAN_OAUTHBEARER},
	{"UNSELECT", IMAP_CAN_UNSELECT},
};

static bool die(struct imap *c)
{
	c->dead = true;
	return false;
}

/* ---- Responses ---- */

static void note_capabilities(struct imap *c, const struct imap_value *v)
{
	c->can = 0;
	for (; v; v = v->next)
		for (size_t i = 0; i < sizeof capabilities / sizeof *capabilities; i++)
			if (str_eq_nocase(imap_text(v), str_of(capabilities[i].name)))
				c->can |= capabilities[i].bit;
}

static void note_response(struct imap *c, const struct imap_response *r)
{
	if (r->kind == IMAP_UNTAGGED && imap_is(r, "CAPABILITY"))
		note_capabilities(c, r->values);
	else if (r->code.p && str_eq_nocase(r->code, STR("CAPABILITY")))
		note_capabilities(c, r->values);
	if (r->kind == IMAP_UNTAGGED && imap_is(r, "BYE"))
		snprintf(c->bye, sizeof c->bye, "%.*s", STR_ARG(r->text));
}

/* Makes room for more of a response; what was handled goes. */
static void compact(struct imap *c)
{
	if (c->in_at == 0)
		return;
	size_t left = c->in.n - c->in_at;
	memmove(c->in.p, c->in.p + c->in_at, left);
	buf_cut(&c->in, left);
	c->in_at = 0;
}

static bool read_more(struct imap *c, bool wait, size_t *got, struct err *e)
{
	if (c->in.n - c->in_at < c->in_at || c->in_at == c->in.n)
		compact(c);
	char *room = buf_room(&c->in, READ_SIZE);
	if (!imap_socket_read(&c->socket, wait, room, READ_SIZE, got, e)) {
		if (c->bye[0])
			err_set(e, ERR_UNAVAILABLE, "the IMAP server says goodbye: %s", c->bye);
		return die(c);
	}
	buf_added(&c->in, *got);
	return true;
}

/* The next whole response, if it is there: *found. */
static bool take_response(struct imap *c, struct imap_response *r, bool *found, struct err *e)
{
	size_t length;
	*found = false;
	switch (imap_frame(&c->frame, str_sub(buf_get(&c->in), c->in_at, SIZE_MAX), &length)) {
	case IMAP_INCOMPLETE:
		return true;
	case IMAP_TOO_LARGE:
		err_set(e, ERR_UNAVAILABLE, "the IMAP server says too much at once");
		return die(c);
	case IMAP_COMPLETE:
		break;
	}
	if (!c->scratch)
		c->scratch = arena_new(SCRATCH_CAP);
	arena_reset(c->scratch);
	struct str bytes = str_sub(buf_get(&c->in), c->in_at, length);
	c->in_at += length;
	c->frame = (struct imap_frame){0};
	if (!imap_parse(c->scratch, bytes, r, e)) {
		if (e)
			e->kind = ERR_UNAVAILABLE;
		return die(c);
	}
	note_response(c, r);
	*found = true;
	return true;
}

struct patience {
	int64_t until;
	size_t left;
	unsigned responses;
};

static bool has_no_end(struct imap *c, struct err *e)
{
	err_set(e, ERR_UNAVAILABLE, "the IMAP server does not come to an end");
	return die(c);
}

static bool next_response(struct imap *c, struct imap_response *r, struct patience *p,
			  struct err *e)
{
	bool found;
	size_t got;
	for (;;) {
		if (!take_response(c, r, &found, e))
			return false;
		if (found)
			return p->responses-- > 0 || has_no_end(c, e);
		if (!read_more(c, true, &got, e))
			return false;
		p->left -= got < p->left ? got : p->left;
		if (p->left == 0 || clock_monotonic() > p->until)
			return has_no_end(c, e);
	}
}

static struct patience patience_new(void)
{
	return (struct patience){clock_monotonic() + COMMAND_MS, COMMAND_MOST, RESPONSES_MOST};
}

/* ---- Commands ---- */

unsigned imap_queue(struct imap *c, struct str command)
{
	buf_printf(&c->out, "e%u ", c->next);
	buf_str(&c->out, command);
	buf_cstr(&c->out, "\r\n");
	return c->next++;
}

static bool is_tag(const struct imap_response *r, unsigned command)
{
	char tag[16];
	snprintf(tag, sizeof tag, "e%u", command);
	return r->kind == IMAP_TAGGED && str_eq(r->tag, str_of(tag));
}

static bool unasked(struct imap *c, struct err *e)
{
	err_set(e, ERR_UNAVAILABLE, "the IMAP server answers what nobody asked");
	return die(c);
}

/* The words of a code as they were: numbers and sets. */
static void copy_detail(const struct imap_value *v, char *out, size_t size)
{
	size_t n = 0;
	out[0] = '\0';
	for (; v && n < size; v = v->next) {
		struct str text = imap_text(v);
		int more = snprintf(out + n, size - n, n ? " %.*s" : "%.*s", STR_ARG(text));
		n += more > 0 ? (size_t)more : 0;
	}
	if (n >= size) /* cut short it would mean something else */
		out[0] = '\0';
}

static void fill_result(const struct imap_response *r, struct imap_result *out)
{
	out->status = imap_is(r, "OK") ? IMAP_OK : imap_is(r, "NO") ? IMAP_NO : IMAP_BAD;
	snprintf(out->code, sizeof out->code, "%.*s", STR_ARG(r->code));
	for (char *p = out->code; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	snprintf(out->text, sizeof out->text, "%.*s", STR_ARG(r->text));
	for (char *p = out->text; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	copy_detail(r->values, out->detail, sizeof out->detail);
}

/* Waits for a continuation. False too when the command was refused instead: *refused. */
static bool await_continue(struct imap *c, unsigned command, struct imap_result *refused,
			   struct err *e)
{
	struct patience p = patience_new();
	struct imap_response r;
	for (;;) {
		if (!next_response(c, &r, &p, e))
			return false;
		if (r.kind == IMAP_CONTINUE)
			return true;
		if (is_tag(&r, command)) {
			fill_result(&r, refused);
			return imap_refused(refused, "the server takes no literal", e);
		}
	}
}

/* Where the next synchronising literal begins; the end when there is none. *scan is moved behind
 * it. */
static size_t next_stop(struct str out, size_t *scan)
{
	while (*scan < out.n) {
		const char *nl = memchr(out.p + *scan, '\n', out.n - *scan);
		size_t end = nl ? (size_t)(nl - out.p) + 1 : out.n;
		int64_t literal = imap_literal(str_trim(str_sub(out, *scan, end - *scan)));
		*scan = end + (literal > 0 ? (size_t)literal : 0);
		if (literal >= 0)
			return end;
	}
	return out.n;
}

static bool flush(struct imap *c, struct err *e)
{
	struct str out = buf_get(&c->out);
	size_t at = 0, scan = 0;
	struct imap_result refused;
	bool ok =
		!c->out.failed || err_set(e, ERR_TOO_LARGE, "the command is larger than it may be");
	bool whole = c->can & IMAP_CAN_LITERAL_PLUS;
	while (ok && at < out.n) {
		size_t stop = whole ? out.n : next_stop(out, &scan);
		ok = imap_socket_write(&c->socket, out.p + at, stop - at, e);
		at = stop;
		if (ok && at < out.n)
			ok = await_continue(c, c->next - 1, &refused, e);
	}
	if (c->out.p)
		OPENSSL_cleanse(c->out.p, c->out.n);
	buf_free(&c->out);
	return ok || die(c);
}

static bool send_queued(struct imap *c, struct err *e)
{
	if (c->dead)
		return err_set(e, ERR_UNAVAILABLE, "the IMAP connection was lost");
	return c->out.n == 0 || flush(c, e);
}

/* Gives untagged responses to the handler until there is a tagged one. */
static bool next_tagged(struct imap *c, struct patience *p, imap_handler *handler, void *ctx,
			struct imap_response *r, struct err *e)
{
	for (;;) {
		if (!next_response(c, r, p, e))
			return false;
		if (r->kind == IMAP_TAGGED)
			return true;
		if (handler && r->kind == IMAP_UNTAGGED && !handler(ctx, c->scratch, r, e))
			return die(c);
	}
}

bool imap_await(struct imap *c, unsigned command, imap_handler *handler, void *ctx,
		struct imap_result *result, struct err *e)
{
	struct patience p = patience_new();
	struct imap_response r;
	if (!send_queued(c, e) || !next_tagged(c, &p, handler, ctx, &r, e))
		return false;
	if (!is_tag(&r, command))
		return unasked(c, e);
	fill_result(&r, result);
	return true;
}

/* Which of the commands from first on, all not completed yet, this completes; -1: none. */
static int completed(const struct imap_response *r, unsigned first, uint64_t open)
{
	for (int i = 0; i < IMAP_TOGETHER; i++)
		if (open & UINT64_C(1) << i && is_tag(r, first + (unsigned)i))
			return i;
	return -1;
}

bool imap_await_all(struct imap *c, unsigned first, imap_handler *handler, void *ctx,
		    struct imap_result *refused, struct err *e)
{
	struct patience p = patience_new();
	struct imap_response r;
	unsigned n = c->next - first;
	uint64_t open = n < IMAP_TOGETHER ? (UINT64_C(1) << n) - 1 : UINT64_MAX;
	*refused = (struct imap_result){.status = IMAP_OK};
	if (!send_queued(c, e))
		return false;
	while (open) {
		if (!next_tagged(c, &p, handler, ctx, &r, e))
			return false;
		int i = completed(&r, first, open);
		if (i < 0)
			return unasked(c, e);
		open &= ~(UINT64_C(1) << i);
		if (refused->status == IMAP_OK)
			fill_result(&r, refused);
	}
	return true;
}

bool imap_run(struct imap *c, struct str command, imap_handler *handler, void *ctx,
	      struct imap_result *result, struct err *e)
{
	return imap_await(c, imap_queue(c, command), handler, ctx, result, e);
}

bool imap_do(struct imap *c, struct str command, imap_handler *handler, void *ctx, struct err *e)
{
	struct imap_result result;
	if (!imap_run(c, command, handler, ctx, &result, e))
		return false;
	return result.status == IMAP_OK || imap_refused(&result, "the server refuses", e);
}

bool imap_refused(const struct imap_result *result, const char *what, struct err *e)
{
	static const struct {
		const char *code;
		enum err_kind kind;
	} meanings[] = {
		{"NOPERM", ERR_FORBIDDEN},
		{"NONEXISTENT", ERR_NOT_FOUND},
		{"TRYCREATE", ERR_NOT_FOUND},
		{"ALREADYEXISTS", ERR_EXISTS},
		{"OVERQUOTA", ERR_QUOTA},
		{"CANNOT", ERR_INVALID},
		{"AUTHENTICATIONFAILED", ERR_LOGIN},
		{"AUTHORIZATIONFAILED", ERR_LOGIN},
		{"EXPIRED", ERR_LOGIN},
		{"LIMIT", ERR_QUOTA},
		{"TOOBIG", ERR_TOO_LARGE},
	};
	enum err_kind kind = ERR_UNAVAILABLE;
	for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
		if (strcmp(result->code, meanings[i].code) == 0)
			kind = meanings[i].kind;
	return err_set(e, kind, "IMAP: %s: %s", what, result->text);
}

/* ---- Connecting ---- */

static bool greeted(struct imap *c, struct err *e)
{
	struct patience p = patience_new();
	struct imap_response r;
	if (!next_response(c, &r, &p, e))
		return false;
	if (r.kind == IMAP_UNTAGGED && imap_is(&r, "OK"))
		return true;
	err_set(e, ERR_UNAVAILABLE, "the IMAP server does not greet: %.*s", STR_ARG(r.text));
	return die(c);
}

static bool ask_capabilities(struct imap *c, struct err *e)
{
	return imap_do(c, STR("CAPABILITY"), NULL, NULL, e);
}

/* What came before TLS, capabilities too, may be anybody's. */
static bool start_tls(struct imap *c, const struct imap_server *server, struct err *e)
{
	if (!(c->can & IMAP_CAN_STARTTLS)) {
		err_set(e, ERR_UNAVAILABLE, "the IMAP server has no STARTTLS");
		return die(c);
	}
	if (!imap_do(c, STR("STARTTLS"), NULL, NULL, e))
		return false;
	if (c->in.n > c->in_at) {
		err_set(e, ERR_UNAVAILABLE, "the IMAP server went on in the clear");
		return die(c);
	}
	c->can = 0;
	return imap_socket_secure(&c->socket, server, e) || die(c);
}

/* Who is behind us. That a server doesn't want to know is no failure. */
static bool tell_client(struct imap *c, const char *client, struct err *e)
{
	struct imap_result ignored;
	char command[200];
	if (client && c->can & IMAP_CAN_XCLIENT) {
		snprintf(command, sizeof command, "XCLIENT ADDR=%.60s", client);
		if (!imap_run(c, str_of(command), NULL, NULL, &ignored, e))
			return false;
	}
	if (!(c->can & IMAP_CAN_ID))
		return true;
	if (client)
		snprintf(command, sizeof command,
			 "ID (\"name\" \"Easel\" \"x-originating-ip\" \"%.60s\")", client);
	else
		snprintf(command, sizeof command, "ID (\"name\" \"Easel\")");
	return imap_run(c, str_of(command), NULL, NULL, &ignored, e);
}

static bool is_address(const char *s)
{
	return s && *s && strspn(s, "0123456789abcdefABCDEF.:") == strlen(s);
}

struct imap *imap_connect(const struct imap_server *server, const char *client, struct err *e)
{
	struct imap *c = base_calloc(1, sizeof *c);
	c->next = 1;
	bool ok = imap_socket_open(&c->socket, server, e) && greeted(c, e) &&
		  (c->can || ask_capabilities(c, e));
	if (ok && server->tls == IMAP_STARTTLS)
		ok = start_tls(c, server, e) && ask_capabilities(c, e);
	if (ok)
		ok = tell_client(c, is_address(client) ? client : NULL, e);
	if (!ok)
		imap_free(&c);
	return c;
}

void imap_free(struct imap **c)
{
	if (!c || !*c)
		return;
	imap_socket_close(&(*c)->socket);
	buf_free(&(*c)->out);
	buf_free(&(*c)->in);
	arena_free(&(*c)->scratch);
	free(*c);
	*c = NULL;
}

/* ---- The login ---- */

/* AUTHENTICATE with an initial response, or without where the server can't take one. */
static bool authenticate(struct imap *c, const char *mechanism, struct str response,
			 struct arena *secrets, struct imap_result *result, struct err *e)
{
	struct str coded = text_base64_encode(secrets, response);
	struct imap_response r;
	struct patience p = patience_new();
	unsigned number;
	if (c->can & IMAP_CAN_SASL_IR) {
		number = imap_queue(c, str_of(arena_printf(secrets, "AUTHENTICATE %s %.*s",
							   mechanism, STR_ARG(coded))));
	} else {
		number = imap_queue(c, str_of(arena_printf(secrets, "AUTHENTICATE %s", mechanism)));
		if (!flush(c, e))
			return false;
		if (!await_continue(c, number, result, e))
			return !c->dead; /* refused: it stands in the result */
		buf_str(&c->out, coded);
		buf_cstr(&c->out, "\r\n");
	}
	if (!flush(c, e))
		return false;
	for (;;) {
		if (!next_response(c, &r, &p, e))
			return false;
		if (is_tag(&r, number)) {
			fill_result(&r, result);
			return true;
		}
		/* OAuth: what is wrong comes as a challenge (RFC 7628 3.2.3), to be acknowledged.
		 */
		if (r.kind == IMAP_CONTINUE && !imap_socket_write(&c->socket, "AQ==\r\n", 6, e))
			return die(c);
	}
}

static bool login_plainly(struct imap *c, const struct imap_credentials *who,
			  struct imap_result *result, struct err *e)
{
	struct buf command = {0};
	bool plus = c->can & IMAP_CAN_LITERAL_PLUS;
	buf_cstr(&command, "LOGIN ");
	imap_put_string(&command, who->user, plus);
	buf_byte(&command, ' ');
	imap_put_string(&command, who->password, plus);
	bool ok = imap_run(c, buf_get(&command), NULL, NULL, result, e);
	OPENSSL_cleanse(command.p, command.n);
	buf_free(&command);
	return ok;
}

static bool try_login(struct imap *c, const struct imap_credentials *who, struct arena *secrets,
		      struct imap_result *result, struct err *e)
{
	const char *mechanism = "PLAIN";
	struct buf b = {0};
	if (who->auth == IMAP_AUTH_PASSWORD && !(c->can & IMAP_CAN_AUTH_PLAIN) && !who->as.n) {
		if (!(c->can & IMAP_CAN_LOGINDISABLED))
			return login_plainly(c, who, result, e);
		return err_set(e, ERR_UNAVAILABLE, "the IMAP server takes no passwords here");
	}
	if (who->auth == IMAP_AUTH_XOAUTH2) {
		mechanism = "XOAUTH2";
		buf_printf(&b, "user=%.*s\1auth=Bearer %.*s\1\1", STR_ARG(who->user),
			   STR_ARG(who->password));
	} else if (who->auth == IMAP_AUTH_OAUTHBEARER) {
		mechanism = "OAUTHBEARER";
		buf_printf(&b, "n,a=%.*s,\1auth=Bearer %.*s\1\1", STR_ARG(who->user),
			   STR_ARG(who->password));
	} else {
		buf_str(&b, who->as);
		buf_byte(&b, 0);
		buf_str(&b, who->user);
		buf_byte(&b, 0);
		buf_str(&b, who->password);
	}
	bool ok = authenticate(c, mechanism, buf_get(&b), secrets, result, e);
	OPENSSL_cleanse(b.p, b.n);
	buf_free(&b);
	return ok;
}

/* Refusals that are not about the credentials: a server that is busy, or whose backend is away. */
static bool is_passing(const struct imap_result *r)
{
	static const char *const codes[] = {"UNAVAILABLE", "INUSE",	   "LIMIT",
					    "SERVERBUG",   "CONTACTADMIN", "PRIVACYREQUIRED"};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(r->code, codes[i]) == 0)
			return true;
	return r->status == IMAP_BAD;
}

bool imap_login(struct imap *c, const struct imap_credentials *who, struct err *e)
{
	struct imap_result result;
	struct arena *secrets = arena_new_secret(1 << 20);
	unsigned before = c->can;
	bool ok = try_login(c, who, secrets, &result, e);
	arena_free(&secrets);
	if (!ok)
		return false;
	if (result.status != IMAP_OK)
		return err_set(e, is_passing(&result) ? ERR_UNAVAILABLE : ERR_LOGIN,
			       "IMAP login: %s", result.text);
	/* Those that hold before the login say little; most servers tell the new ones unasked. */
	return c->can != before || ask_capabilities(c, e);
}

unsigned imap_can(const struct imap *c)
{
	return c->can;
}

bool imap_dead(const struct imap *c)
{
	return c->dead;
}

int imap_fd(const struct imap *c)
{
	return c->socket.fd;
}

bool imap_stale(const struct imap *c)
{
	struct pollfd p = {.fd = c->socket.fd, .events = POLLIN | POLLRDHUP};
	return c->dead || poll(&p, 1, 0) > 0;
}

/* ---- Waiting ---- */

bool imap_write(struct imap *c, struct str bytes, struct err *e)
{
	return imap_socket_write(&c->socket, bytes.p, bytes.n, e) || die(c);
}

bool imap_await_continue(struct imap *c, unsigned command, struct err *e)
{
	struct imap_result refused;
	return flush(c, e) && await_continue(c, command, &refused, e);
}

bool imap_pump(struct imap *c, imap_handler *handler, void *ctx, struct err *e)
{
	struct imap_response r;
	size_t got;
	do {
		bool found;
		if (!read_more(c, false, &got, e))
			return false;
		do {
			if (!take_response(c, &r, &found, e))
				return false;
			if (found && r.kind != IMAP_CONTINUE && !handler(ctx, c->scratch, &r, e))
				return die(c);
		} while (found);
	} while (got > 0);
	imap_shrink(c);
	return true;
}

void imap_shrink(struct imap *c)
{
	if (c->in_at == c->in.n) {
		buf_free(&c->in);
		c->in_at = 0;
	}
	arena_free(&c->scratch);
}

unsigned imap_commands(const struct imap *c)
{
	return c->next - 1;
}
