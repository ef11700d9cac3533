/* session: what a worker thread needs, and the way of a request. See session.h for the contract. */
#include "core/session.h"

#include <stdlib.h>

#include "core/autodiscover.h"
#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/call.h"
#include "core/discovery.h"
#include "core/collections.h"
#include "core/gate.h"
#include "core/imap_login.h"
#include "core/sync_request.h"
#include "core/trace.h"
#include "core/user_page.h"
#include "core/welcome.h"
#include "store/device.h"
#include "store/imap_store.h"
#include "store/pg.h"
#include "store/sync_trouble.h"
#include "store/policy.h"

enum { SECRETS_CAP = 64 * 1024, LOOK_AHEAD_MAX = 8 * 1024 };

struct session *session_new(const struct server *server)
{
	struct session *s = base_calloc(1, sizeof *s);
	s->server = server;
	s->db = pg_new(server->database, "easel");
	s->own = store_pg_new(s->db);
	if (server->imap)
		s->mail = store_imap_new(s->db, s->own, server->database, server->imap);
	s->kept = s->mail ? s->mail : s->own;
	s->store = collections_new(s->db, s->kept);
	s->arena = arena_new(server->arena_cap);
	s->secrets = arena_new_secret(SECRETS_CAP);
	return s;
}

void session_free(struct session **s)
{
	if (!s || !*s)
		return;
	collections_free(&(*s)->store);
	store_imap_free(&(*s)->mail);
	store_pg_free(&(*s)->own);
	pg_free(&(*s)->db);
	arena_free(&(*s)->arena);
	arena_free(&(*s)->secrets);
	free(*s);
	*s = NULL;
}

void session_answer_lost(struct session *s, const struct answer *w)
{
	struct err e;
	if (w->synced && !sync_trouble_lost(s->db, w->synced, &e))
		log_event(LOG_WARNING, "answer-lost", &e);
}

void session_reset(struct session *s)
{
	collections_forget(s->store);
	if (s->mail)
		store_imap_leave(s->mail);
	arena_reset(s->arena);
	arena_reset(s->secrets);
	pg_rest(s->db);
}

void answer_header(struct answer *w, const char *name, const char *value)
{
	if (w->nheaders < ANSWER_HEADERS) {
		w->headers[w->nheaders].name = name;
		w->headers[w->nheaders].value = value;
		w->nheaders++;
	}
}

/* A refusal before any command: an HTTP status and no body. */
static void refuse(struct call *c, const struct err *e)
{
	struct answer *w = c->answer;
	c->err = *e;
	switch (e->kind) {
	case ERR_LOGIN:
		w->status = 401;
		answer_header(w, "WWW-Authenticate",
			      "Basic realm=\"ActiveSync\", charset=\"UTF-8\"");
		/* For easel-check: a web server that keeps the header is no wrong password. */
		if (c->request->authorization.n == 0)
			answer_header(w, "X-Easel-Login", "missing");
		break;
	case ERR_FORBIDDEN:
		w->status = 403;
		break;
	case ERR_UNAVAILABLE:
		w->status = 503;
		answer_header(w, "Retry-After", "30");
		break;
	default:
		w->status = 500;
		break;
	}
}

/* MS-ASHTTP 2.2.3: what is served, behind the login. */
static void answer_options(struct call *c)
{
	answer_header(c->answer, "MS-Server-ActiveSync", "16.1");
	call_offer(c);
	/* Nine goes on to 16.1 only when it sees this header. */
	answer_header(c->answer, "X-AspNet-Version", "4.0.30319");
	answer_header(c->answer, "Allow", "OPTIONS,POST");
	answer_header(c->answer, "Public", "OPTIONS,POST");
}

/* Whether the query names a device, a version and a command that are served; else answers. */
static bool check_query(struct call *c)
{
	const struct eas_query *q = &c->request->eas;
	c->version = q->version;
	if (q->broken) {
		c->answer->status = 400;
		err_set(&c->err, ERR_MALFORMED, "the base64 query can't be read");
		return false;
	}
	c->command = q->command.p ? command_named(q->command) : NULL;
	if (!command_version_served(q->version)) {
		c->answer->status = q->version == 0 ? 400 : 505;
		err_set(&c->err, ERR_UNSUPPORTED, "protocol version missing or not served");
		return false;
	}
	if (!c->command) {
		c->answer->status = q->command.p || q->base64 ? 501 : 400;
		err_set(&c->err, ERR_UNSUPPORTED, "command missing or not served");
		return false;
	}
	if (q->version < c->command->since || q->version > c->command->until) {
		err_set(&c->err, ERR_UNSUPPORTED,
			"the command is not part of this protocol version");
		call_common(c, STATUS_VERSION_NOT_SUPPORTED);
		return false;
	}
	if (!gate_device_id_valid(q->device_id)) {
		err_set(&c->err, ERR_INVALID, "device id missing or not allowed");
		call_common(c, STATUS_DEVICE_ID_INVALID);
		return false;
	}
	if (q->device_type.n == 0) {
		err_set(&c->err, ERR_INVALID, "device type missing");
		call_common(c, STATUS_DEVICE_TYPE_INVALID);
		return false;
	}
	return true;
}

/* Whether the body came whole; else answers. */
static bool came_whole(struct call *c)
{
	switch (c->request->body_state) {
	case BODY_TOO_LARGE:
		err_set(&c->err, ERR_TOO_LARGE, "request body too large");
		c->answer->status = 413;
		return false;
	/* A phone that hung up; or a web server that asks again here what another worker died of,
	 * and has kept no copy: that phone is to come again. */
	case BODY_CUT:
		err_set(&c->err, ERR_UNAVAILABLE, "request body cut short");
		refuse(c, &c->err);
		return false;
	case BODY_BROKEN:
		err_set(&c->err, ERR_MALFORMED, "request body wrongly encoded");
		call_common(c, STATUS_INVALID_CONTENT);
		return false;
	case BODY_COMPLETE:
		break;
	}
	return true;
}

/* Whether the body is one that the command can read; else answers. */
static bool read_body(struct call *c)
{
	const struct request *rq = c->request;
	if (!came_whole(c))
		return false;
	if (rq->body.n == 0) {
		if (c->command->flags & COMMAND_BODY) {
			err_set(&c->err, ERR_MALFORMED, "request body missing");
			call_common(c, STATUS_INVALID_CONTENT);
			return false;
		}
		return true;
	}
	if (c->root || (c->command->flags & COMMAND_MIME && c->version < 140))
		return true;
	struct wbxml_node *root;
	if (!wbxml_decode(c->arena, rq->body, &wbxml_default_limits, &root, &c->err)) {
		call_common(c, STATUS_INVALID_WBXML);
		return false;
	}
	if (root->tag != c->command->root) {
		err_set(&c->err, ERR_MALFORMED, "the document is not one of this command");
		call_common(c, STATUS_INVALID_XML);
		return false;
	}
	c->root = root;
	return true;
}

/*
 * A device that is asked to provision, or to come for its wipe, again and again, and does not, does
 * not know how to.
 */
static void note_asked(struct call *c)
{
	enum verdict v = c->gate.verdict;
	struct pg *db = c->session->db;
	struct err e = {0};
	bool ok = true;
	if (v == VERDICT_WIPE)
		ok = wipe_told(db, c->gate.wipe, &e);
	else if (v == VERDICT_PROVISION || v == VERDICT_REFRESH || v == VERDICT_KEY)
		ok = c->gate.device == 0 || policy_asked(db, c->gate.device, &e);
	if (!ok)
		log_event(LOG_WARNING, "device-asked", &e);
}

/* Sync and Ping have words of their own that lead a device to FolderSync. */
static bool lead_to_folders(struct call *c)
{
	bool sync = c->command->root == AirSync_Sync, ping = c->command->root == Ping_Ping;
	if (!gate_empties(c) || !c->gate.device || (!sync && !ping))
		return false;
	call_answer_status(c, sync ? (unsigned)SYNC_HIERARCHY : (unsigned)PING_HIERARCHY);
	return true;
}

/* Whether the gate lets the device's command pass; else answers. */
static bool pass_gate(struct call *c)
{
	unsigned status = gate_status(c);
	if (status == STATUS_OK)
		return true;
	if (lead_to_folders(c))
		return false;
	if (status == STATUS_VERSION_NOT_SUPPORTED)
		call_offer_again(c);
	note_asked(c);
	call_common(c, status);
	/* Below 14.0 it is the version that is refused, not the command (MS-ASHTTP 2.2.2.1.1). */
	if (status == STATUS_VERSION_NOT_SUPPORTED && c->version < 140)
		c->answer->status = 505;
	return false;
}

static void run_command(struct call *c)
{
	struct err e = {0};
	if (!check_query(c) || !read_body(c))
		return;
	if (!gate_device(c->session, c->request, &c->gate, &e)) {
		call_fail(c, &e);
		return;
	}
	if (pass_gate(c))
		c->command->handler(c);
}

static bool has_document(const struct call *c)
{
	return !c->waiter && c->answer->content_type && c->out.body;
}

static void finish_document(struct call *c)
{
	if (!has_document(c) || wbxml_finish(&c->out))
		return;
	err_set(&c->err, ERR_TOO_LARGE, "the answer is larger than it may be");
	call_common(c, STATUS_SERVER_ERROR);
	if (has_document(c))
		wbxml_finish(&c->out);
}

static void serve_command(struct call *c)
{
	run_command(c);
	finish_document(c);
}

/*
 * A small Sync is read before its sender is known, so that the one query that tells who it is also
 * tells whether there is anything to do. What can't be read is read again in its turn.
 */
static bool look_ahead(struct call *c, struct gate_quiet *quiet)
{
	const struct request *rq = c->request;
	struct wbxml_node *root;
	struct err ignored;
	if (rq->endpoint != ENDPOINT_ACTIVESYNC || rq->method != METHOD_POST ||
	    rq->body_state != BODY_COMPLETE || rq->body.n == 0 || rq->body.n > LOOK_AHEAD_MAX ||
	    !str_eq_nocase(rq->eas.command, STR("Sync")) ||
	    !wbxml_decode(c->arena, rq->body, &wbxml_default_limits, &root, &ignored) ||
	    root->tag != AirSync_Sync)
		return false;
	c->root = root;
	c->foreseen = sync_request_quiet(c->arena, root, rq->eas.version, quiet);
	return c->foreseen;
}

/* The account lives at another server (MS-ASHTTP 2.2.2.1.1, 451). */
static void send_elsewhere(struct call *c)
{
	c->answer->status = 451;
	answer_header(c->answer, "X-MS-Location",
		      arena_printf(c->arena, "%.*s/Microsoft-Server-ActiveSync",
				   STR_ARG(c->gate.lives_at)));
}

/* A request to the endpoint of the protocol, of an account that lives here. */
static void answer_method(struct call *c)
{
	switch (c->request->method) {
	case METHOD_OPTIONS:
		answer_options(c);
		break;
	case METHOD_POST:
		answer_header(c->answer, "MS-Server-ActiveSync", "16.1");
		serve_command(c);
		break;
	case METHOD_GET:
		welcome_answer(c->answer);
		break;
	case METHOD_OTHER:
		c->answer->status = 405;
		answer_header(c->answer, "Allow", "OPTIONS, POST, GET");
		break;
	}
}

static void route(struct call *c)
{
	struct request *rq = c->request;
	struct gate_quiet quiet;
	struct err e = {0};
	if (rq->endpoint == ENDPOINT_NONE)
		c->answer->status = 404;
	else if (rq->endpoint > ENDPOINT_AUTODISCOVER)
		discovery_answer(c);
	else if (!gate_login(c->session, rq, look_ahead(c, &quiet) ? &quiet : NULL, &c->gate, &e))
		refuse(c, &e);
	else if (rq->endpoint == ENDPOINT_USER_PAGE)
		user_page_answer(c);
	else if (rq->endpoint == ENDPOINT_AUTODISCOVER)
		autodiscover_answer(c);
	else if (c->gate.lives_at.n)
		send_elsewhere(c);
	else
		answer_method(c);
}

static void log_request(struct call *c)
{
	struct log_line l;
	bool failed = c->err.kind != ERR_NONE;
	log_begin(&l, failed ? LOG_WARNING : LOG_INFO, "request");
	log_str(&l, "user", c->gate.address);
	log_str(&l, "device", c->request->eas.device_id);
	log_str(&l, "command", c->request->eas.command);
	log_int(&l, "version", c->version);
	log_int(&l, "http", c->answer->status);
	log_int(&l, "status", c->status);
	log_int(&l, "ms", clock_monotonic() - c->request->started);
	log_int(&l, "sql", pg_take_calls(c->session->db));
	log_int(&l, "in", (int64_t)c->request->body.n);
	log_int(&l, "out", (int64_t)body_length(&c->answer->body));
	log_str(&l, "from", c->request->remote_addr);
	if (failed)
		log_err(&l, &c->err);
	log_end(&l);
}

/* The administrator sees the last failure of a device. A database that is away takes no notes. */
static void note_error(struct call *c)
{
	struct err ignored; /* the request's own line in the log says more */
	if (c->err.kind == ERR_NONE || c->err.kind == ERR_LOGIN || !c->gate.device ||
	    !pg_connection(c->session->db))
		return;
	const char *what =
		arena_printf(c->arena, "%.*s: %s", STR_ARG(c->request->eas.command), c->err.text);
	device_note_error(c->session->db, c->arena, c->gate.device, str_of(what), &ignored);
}

/* Who the waiter is, with everything that holds for him now. */
static bool find_waiter(struct call *c, const struct waiter *waiter, struct err *e)
{
	struct session *s = c->session;
	struct eas_query *q = &c->request->eas;
	struct str address;
	enum found found =
		account_of_device(s->db, c->arena, waiter->device, &address, &q->device_id, e);
	if (found == FOUND_FAILED)
		return false;
	q->has_policy_key = true;
	if (found == FOUND_NONE || !gate_again(s, c->request, address, &c->gate, e) ||
	    c->gate.device != waiter->device)
		return e->kind ? false
			       : err_set(e, ERR_FORBIDDEN, "the device went away while it waited");
	return true;
}

void serve_waited(struct session *s, const struct waiter *waiter, struct answer *w)
{
	struct request rq = {.arena = s->arena, .secrets = s->secrets, .started = waiter->since};
	struct call c = {
		.session = s, .arena = s->arena, .request = &rq, .answer = w, .waited = true};
	struct err e = {0};
	w->status = 200;
	rq.endpoint = ENDPOINT_ACTIVESYNC;
	c.version = waiter->version;
	c.command = command_named(STR("Sync"));
	rq.eas.version = waiter->version;
	rq.eas.command = STR("Sync");
	imap_login_waited(s, waiter->account);
	if (!find_waiter(&c, waiter, &e)) {
		refuse(&c, &e);
	} else {
		if (pass_gate(&c))
			command_sync(&c);
		finish_document(&c);
	}
	pg_rollback(s->db);
	trace_answer(&c);
	note_error(&c);
	log_request(&c);
	pg_rollback(s->db);
}

void serve(struct session *s, struct request *rq, struct answer *w, struct waiter **waiter)
{
	struct call c = {.session = s, .arena = s->arena, .request = rq, .answer = w};
	w->status = 200;
	route(&c);
	pg_rollback(s->db);
	trace_write(&c);
	*waiter = c.waiter;
	if (c.waiter) {
		c.waiter->trace = (uint8_t)c.gate.trace;
		imap_login_hold(s, c.waiter);
	}
	note_error(&c);
	if (!c.waiter)
		log_request(&c);
	else
		pg_take_calls(s->db);
	pg_rollback(s->db);
}
