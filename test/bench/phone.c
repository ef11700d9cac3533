/* phone: one phone as a small state machine. See phone.h for the contract. */
#include "test/bench/phone.h"

#include <stdio.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "test/bench/fleet.h"
#include "test/bench/messages.h"

enum { FIRST_PROVISION = 142, LAST_PROVISION = 144, PROVISIONS = 2 };
enum { HTTP_PROVISION = 449, HTTP_OVERLOAD = 503 };
enum { PING_IS_OVER = 1, PING_SAYS_CHANGED = 2, OK = 1 };

static const char *const commands[REQUESTS] = {
	[REQUEST_PROVISION] = "Provision",
	[REQUEST_ACKNOWLEDGE] = "Provision",
	[REQUEST_FOLDERSYNC] = "FolderSync",
	[REQUEST_KEY] = "Sync",
	[REQUEST_SYNC] = "Sync",
	[REQUEST_PING] = "Ping",
	[REQUEST_HELLO] = "Sync",
};

/* ---- Asking ---- */

static const char *user(const struct phone *p)
{
	const struct settings *s = p->fleet->settings;
	const char *hole = strstr(s->user, "{}");
	if (!hole)
		return s->user;
	return arena_printf(p->fleet->arena, "%.*s%u%s", (int)(hole - s->user), s->user,
			    p->number % s->accounts, hole + 2);
}

static struct str make_head(const struct phone *p, const char *command, size_t length)
{
	const struct fleet *f = p->fleet;
	const struct settings *s = f->settings;
	const char *path = s->target.path[0] ? s->target.path : "/Microsoft-Server-ActiveSync";
	const char *who = user(p);
	struct str login = str_of(arena_printf(f->arena, "%s:%s", who, s->password));
	return str_of(arena_printf(
		f->arena,
		"POST %s?Cmd=%s&User=%s&DeviceId=%s%u&DeviceType=Bench HTTP/1.1\r\n"
		"Host: %s\r\nAuthorization: Basic %.*s\r\nUser-Agent: EaselBench/1.0\r\n"
		"MS-ASProtocolVersion: %s\r\nX-MS-PolicyKey: %u\r\n"
		"Content-Type: application/vnd.ms-sync.wbxml\r\nContent-Length: %zu\r\n\r\n",
		path, command, who, s->device, p->number, s->target.host,
		STR_ARG(text_base64_encode(f->arena, login)), s->version, p->policy_key, length));
}

static void write_message(const struct phone *p, struct body *out)
{
	const struct settings *s = p->fleet->settings;
	switch (p->request) {
	case REQUEST_PROVISION:
		message_provision(out, 0);
		break;
	case REQUEST_ACKNOWLEDGE:
		message_provision(out, p->policy_key);
		break;
	case REQUEST_FOLDERSYNC:
		message_foldersync(out);
		break;
	case REQUEST_PING:
		message_ping(out, str_of(p->folder), s->heartbeat);
		break;
	case REQUEST_KEY:
	case REQUEST_SYNC:
	case REQUEST_HELLO:
		message_sync(out, str_of(p->key), str_of(p->folder), &s->wishes);
		break;
	case REQUESTS:
		break;
	}
}

static void ask(struct phone *p, enum phone_request request)
{
	struct body body = {0};
	p->request = request;
	if (request == REQUEST_PING)
		p->fleet->parked_at = loop_now();
	write_message(p, &body);
	struct str bytes = buf_get(&body.mem);
	connection_send(&p->connection, make_head(p, commands[request], bytes.n), bytes);
	body_free(&body);
	arena_reset(p->fleet->arena);
}

/* ---- Taking answers ---- */

static void fail(struct phone *p, const char *what, int number)
{
	char why[120];
	snprintf(why, sizeof why, "%s: %s %d", commands[p->request], what, number);
	fleet_fail(p, why);
}

/* Whether it is to provision before anything else, as the status of an answer tells. */
static bool asked_to_provision(struct phone *p, int http, int status)
{
	if (http != HTTP_PROVISION && (status < FIRST_PROVISION || status > LAST_PROVISION))
		return false;
	if (p->provisioned++ >= PROVISIONS)
		return false;
	p->policy_key = 0;
	ask(p, REQUEST_PROVISION);
	return true;
}

static void take_provision(struct phone *p, const struct wbxml_node *root)
{
	p->policy_key = message_policy_key(root);
	if (message_status(root) != OK || !p->policy_key)
		fail(p, "status", message_status(root));
	else
		ask(p, p->request == REQUEST_PROVISION ? REQUEST_ACKNOWLEDGE : REQUEST_FOLDERSYNC);
}

static void take_folders(struct phone *p, const struct wbxml_node *root)
{
	struct str inbox = message_inbox(root);
	if (message_status(root) != OK || !inbox.n || inbox.n >= sizeof p->folder) {
		fail(p, "status", message_status(root));
		return;
	}
	snprintf(p->folder, sizeof p->folder, "%.*s", STR_ARG(inbox));
	snprintf(p->key, sizeof p->key, "0");
	ask(p, REQUEST_KEY);
}

/* False: it failed. An answer without a document says that nothing changed. */
static bool take_key(struct phone *p, const struct wbxml_node *root, struct synced *s)
{
	*s = (struct synced){.status = OK};
	if (!root)
		return true;
	if (!message_synced(root, s)) {
		fail(p, "status", message_status(root));
		return false;
	}
	if (s->status != OK || s->key.n >= sizeof p->key) {
		fail(p, "status of the folder", s->status);
		return false;
	}
	snprintf(p->key, sizeof p->key, "%.*s", STR_ARG(s->key));
	p->fleet->items += s->items;
	return true;
}

static void take_sync(struct phone *p, const struct wbxml_node *root)
{
	struct synced s;
	if (!take_key(p, root, &s))
		return;
	if (p->request == REQUEST_KEY) {
		fleet_move(p, PHONE_FILLING);
		ask(p, REQUEST_SYNC);
	} else if (s.more) {
		ask(p, REQUEST_SYNC);
	} else if (p->state == PHONE_FILLING) {
		fleet_move(p, PHONE_READY);
		p->fleet->mode->ready(p);
	} else {
		fleet_move(p, PHONE_READY);
		p->fleet->mode->answered(p);
	}
}

static void take_ping(struct phone *p, const struct wbxml_node *root)
{
	int status = message_status(root);
	if (status == PING_IS_OVER) {
		p->fleet->expired++;
		phone_ping(p);
	} else if (status == PING_SAYS_CHANGED) {
		fleet_move(p, PHONE_READY);
		p->fleet->mode->woken(p);
	} else {
		fail(p, "status", status);
	}
}

static void take(struct phone *p, const struct wbxml_node *root)
{
	switch (p->request) {
	case REQUEST_PROVISION:
	case REQUEST_ACKNOWLEDGE:
		take_provision(p, root);
		break;
	case REQUEST_FOLDERSYNC:
		take_folders(p, root);
		break;
	case REQUEST_KEY:
	case REQUEST_SYNC:
		take_sync(p, root);
		break;
	case REQUEST_PING:
		take_ping(p, root);
		break;
	case REQUEST_HELLO:
	case REQUESTS:
		fleet_move(p, PHONE_READY);
		p->fleet->mode->answered(p);
		break;
	}
}

/* A server that has too much to do says when to come again, and phones do. */
static void come_again(struct phone *p, unsigned seconds)
{
	p->fleet->refused++;
	p->fleet->waiting++;
	p->again_at = p->answered_at + (seconds ? seconds : 1) * INT64_C(1000000000);
}

static bool decode(struct phone *p, struct str bytes, struct wbxml_node **root)
{
	struct err e = {0};
	*root = NULL;
	if (bytes.n == 0 || p->request == REQUEST_HELLO)
		return true;
	if (wbxml_decode(p->fleet->arena, bytes, &wbxml_default_limits, root, &e))
		return true;
	fleet_fail(p, e.text);
	return false;
}

static void answered(struct connection *c, const struct response *r)
{
	struct phone *p = (struct phone *)c;
	struct wbxml_node *root;
	p->answered_at = loop_now();
	p->fleet->answers++;
	p->fleet->bytes += r->body.n;
	if (r->status == HTTP_OVERLOAD) {
		come_again(p, r->retry_after);
		return;
	}
	if (!decode(p, r->status == 200 ? r->body : (struct str){NULL, 0}, &root))
		return;
	if (asked_to_provision(p, r->status, message_status(root)))
		return;
	if (r->status == 200)
		take(p, root);
	else
		fail(p, "HTTP", r->status);
	arena_reset(p->fleet->arena);
}

static void failed(struct connection *c, const char *why)
{
	struct phone *p = (struct phone *)c;
	char text[120];
	snprintf(text, sizeof text, "%s: %s", commands[p->request], why);
	fleet_fail(p, text);
}

/* ---- For the fleet and the modes ---- */

void phone_init(struct phone *p, struct fleet *f, unsigned number)
{
	*p = (struct phone){.fleet = f, .number = number};
	connection_init(&p->connection, &f->loop, &f->settings->target, number);
	p->connection.answered = answered;
	p->connection.failed = failed;
}

void phone_start(struct phone *p)
{
	fleet_move(p, PHONE_STARTING);
	ask(p, p->fleet->settings->provision ? REQUEST_PROVISION : REQUEST_FOLDERSYNC);
}

void phone_sync(struct phone *p)
{
	fleet_move(p, PHONE_BUSY);
	ask(p, REQUEST_SYNC);
}

void phone_hello(struct phone *p)
{
	/* A key and a folder like those of a phone, so that the requests have the same bytes. */
	if (!p->key[0]) {
		snprintf(p->key, sizeof p->key, "0123abcd.2");
		snprintf(p->folder, sizeof p->folder, "1");
	}
	fleet_move(p, PHONE_BUSY);
	ask(p, REQUEST_HELLO);
}

void phone_ping(struct phone *p)
{
	connection_shrink(&p->connection);
	fleet_move(p, PHONE_PARKED);
	ask(p, REQUEST_PING);
}

void phone_again(struct phone *p)
{
	p->again_at = 0;
	p->fleet->waiting--;
	ask(p, p->request);
}

void phone_end(struct phone *p)
{
	connection_close(&p->connection);
	fleet_move(p, PHONE_DONE);
}
