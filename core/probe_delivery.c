/* probe_delivery: whether mail wakes a waiting phone. See probe_run.h for the contract. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "core/probe_run.h"

#define DEVICE "easelcheck"

enum {
	ROUNDS = 100,
	WINDOW = 100,
	ONE_DAY = 1,
	INBOX = 2,
	PARK_SECONDS = 1,
	TRIES = 2,
	FOLDERS_CHANGED = 7
};

static const size_t PING_ARENA = (size_t)4 << 20;

struct delivery {
	struct probe_run *run;
	struct str inbox, synckey;
	const char *subject;
	struct str found; /* ServerId of the message; p NULL: it has not come */
};

/* ---- Commands ---- */

static const struct wbxml_node *ask(struct delivery *d, const char *command, struct body *body,
				    struct probe_answer *w)
{
	struct probe_run *r = d->run;
	probe_command(r, r->arena, DEVICE, command, body, PROBE_SECONDS, w);
	return probe_document(r->arena, w);
}

static bool find_inbox(struct delivery *d)
{
	struct body body = {0};
	struct probe_answer w;
	probe_put_foldersync(&body);
	const struct wbxml_node *root = ask(d, "FolderSync", &body, &w);
	const struct wbxml_node *changes = root ? wbxml_child(root, FolderHierarchy_Changes) : NULL;
	const struct wbxml_node *add = changes ? wbxml_child(changes, FolderHierarchy_Add) : NULL;
	for (; add && !d->inbox.p; add = wbxml_again(add))
		if (probe_status(add, FolderHierarchy_Type) == INBOX)
			d->inbox = wbxml_child_text(add, FolderHierarchy_ServerId);
	if (!d->inbox.p)
		probe_say(d->run, false, "delivery",
			  "a new device \"" DEVICE "\" gets no Inbox (HTTP %ld, status %d): is it "
			  "blocked, or in quarantine?",
			  w.status, probe_status(root, FolderHierarchy_Status));
	return d->inbox.p;
}

/* The message's number, if it is among what was added. */
static void look_for_message(struct delivery *d, const struct wbxml_node *collection)
{
	const struct wbxml_node *commands = wbxml_child(collection, AirSync_Commands);
	const struct wbxml_node *add = commands ? wbxml_child(commands, AirSync_Add) : NULL;
	for (; add; add = wbxml_again(add)) {
		const struct wbxml_node *data = wbxml_child(add, AirSync_ApplicationData);
		if (data && str_eq(wbxml_child_text(data, Email_Subject), str_of(d->subject)))
			d->found = wbxml_child_text(add, AirSync_ServerId);
	}
}

static void put_sync(struct delivery *d, struct body *out, struct str removed)
{
	struct wbxml_out w;
	bool first = str_eq(d->synckey, STR("0"));
	wbxml_start(&w, out);
	wbxml_begin(&w, AirSync_Sync);
	wbxml_begin(&w, AirSync_Collections);
	wbxml_begin(&w, AirSync_Collection);
	wbxml_text(&w, AirSync_SyncKey, d->synckey);
	wbxml_text(&w, AirSync_CollectionId, d->inbox);
	if (!first) {
		wbxml_int(&w, AirSync_DeletesAsMoves, 0);
		wbxml_int(&w, AirSync_GetChanges, 1);
		wbxml_int(&w, AirSync_WindowSize, WINDOW);
		wbxml_begin(&w, AirSync_Options);
		wbxml_int(&w, AirSync_FilterType, ONE_DAY);
		wbxml_end(&w);
	}
	if (removed.p) {
		wbxml_begin(&w, AirSync_Commands);
		wbxml_begin(&w, AirSync_Delete);
		wbxml_text(&w, AirSync_ServerId, removed);
		wbxml_end(&w);
		wbxml_end(&w);
	}
	wbxml_end(&w);
	wbxml_end(&w);
	wbxml_end(&w);
	wbxml_finish(&w);
}

/* One Sync. False: it failed, which is said. *more: there is more to come. */
static bool sync_once(struct delivery *d, struct str removed, bool *more)
{
	struct body body = {0};
	struct probe_answer w;
	put_sync(d, &body, removed);
	const struct wbxml_node *root = ask(d, "Sync", &body, &w);
	*more = false;
	if (w.way == WAY_OK && w.status == 200 && !w.body.n)
		return true; /* nothing new */
	const struct wbxml_node *all = root ? wbxml_child(root, AirSync_Collections) : NULL;
	const struct wbxml_node *one = all ? wbxml_child(all, AirSync_Collection) : NULL;
	if (!one || probe_status(one, AirSync_Status) != PROBE_OK) {
		probe_say(d->run, false, "delivery",
			  "Sync of the Inbox is answered with HTTP %ld, status %d", w.status,
			  probe_status(one ? one : root, AirSync_Status));
		return false;
	}
	*more = str_eq(d->synckey, STR("0")) || wbxml_child(one, AirSync_MoreAvailable);
	d->synckey = wbxml_child_text(one, AirSync_SyncKey);
	look_for_message(d, one);
	return true;
}

static bool sync_all(struct delivery *d)
{
	static const struct str nothing = {NULL, 0};
	bool more = true;
	for (int i = 0; more && i < ROUNDS; i++)
		if (!sync_once(d, nothing, &more))
			return false;
	return true;
}

static bool send_message(struct delivery *d)
{
	struct body body = {0};
	struct wbxml_out w;
	struct probe_answer answer;
	const char *address = d->run->p->address;
	const char *mime = arena_printf(
		d->run->arena,
		"From: <%s>\r\nTo: <%s>\r\nSubject: %s\r\nMIME-Version: 1.0\r\n"
		"Content-Type: text/plain; charset=utf-8\r\n\r\nThis message is deleted again.\r\n",
		address, address, d->subject);
	wbxml_start(&w, &body);
	wbxml_begin(&w, ComposeMail_SendMail);
	wbxml_cstr(&w, ComposeMail_ClientId, d->subject);
	wbxml_opaque(&w, ComposeMail_Mime, str_of(mime));
	wbxml_end(&w);
	wbxml_finish(&w);
	const struct wbxml_node *root = ask(d, "SendMail", &body, &answer);
	if (answer.way == WAY_OK && answer.status == 200 && !answer.body.n)
		return true;
	probe_say(d->run, false, "delivery", "SendMail is answered with HTTP %ld, status %d",
		  answer.status, probe_status(root, ComposeMail_Status));
	return false;
}

/* ---- Waiting meanwhile ---- */

struct ping {
	struct delivery *delivery;
	struct arena *arena;
	struct probe_answer answer;
	int64_t answered; /* monotonic */
};

static void *wait_for_news(void *ctx)
{
	struct ping *p = ctx;
	struct delivery *d = p->delivery;
	struct body body = {0};
	long seconds = d->run->p->wait + PARK_SECONDS;
	probe_put_ping(&body, d->inbox, probe_heartbeat(seconds));
	probe_command(d->run, p->arena, DEVICE, "Ping", &body, seconds, &p->answer);
	p->answered = clock_monotonic();
	return NULL;
}

/* Sends the message while a Ping waits. The status of the Ping's answer; *took: ms. */
static int send_while_waiting(struct delivery *d, bool *sent, int64_t *took)
{
	struct ping p = {.delivery = d, .arena = arena_new(PING_ARENA)};
	pthread_t thread;
	if (pthread_create(&thread, NULL, wait_for_news, &p) != 0)
		abort();
	/* From outside nobody sees when it waits; a message that is earlier is told at once. */
	sleep(PARK_SECONDS);
	*sent = send_message(d);
	int64_t from = clock_monotonic();
	pthread_join(thread, NULL);
	int status = probe_status(probe_document(p.arena, &p.answer), Ping_Status);
	*took = p.answered > from ? p.answered - from : 0;
	arena_free(&p.arena);
	return status;
}

/* One message: sent, waited for, fetched, deleted. False: something failed, which is said. */
static bool one_message(struct delivery *d, int *status, int64_t *took)
{
	bool sent, more;
	d->synckey = STR("0");
	d->inbox = d->found = (struct str){NULL, 0};
	d->subject = arena_printf(d->run->arena, "easel-check %lld", (long long)clock_now());
	if (!find_inbox(d) || !sync_all(d))
		return false;
	*status = send_while_waiting(d, &sent, took);
	return sent && sync_all(d) && (!d->found.p || sync_once(d, d->found, &more));
}

void probe_delivery(struct probe_run *r)
{
	struct delivery d = {.run = r};
	int64_t took;
	int status = FOLDERS_CHANGED;
	/* Whom one writes to is kept in a folder, which the first message makes: a phone is told
	 * of that first. */
	for (int i = 0; i < TRIES && status == FOLDERS_CHANGED; i++)
		if (!one_message(&d, &status, &took))
			return;
	bool woken = status == PROBE_CHANGED;
	if (woken && d.found.p)
		probe_say(r, true, "delivery",
			  "a message wakes a waiting phone within %.1f seconds",
			  (double)took / 1000);
	else if (woken)
		probe_say(r, false, "delivery",
			  "a waiting phone was woken, but not by the message that was sent");
	else
		probe_say(r, false, "delivery",
			  "a message to %s woke no waiting phone within %ld seconds: it %s",
			  r->p->address, r->p->wait,
			  d.found.p ? "is in the Inbox, so push is off, or is kept from the phone"
				    : "has not come to the Inbox either");
}
