/* wait: a request that waits for something to happen. See wait.h for the contract. */
#include "core/wait.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/session.h"
#include "core/status.h"
#include "store/imap_pool.h"
#include "wbxml/wbxml.h"

struct waiter *waiter_new(size_t nfolders)
{
	struct waiter *w = base_calloc(1, sizeof *w + nfolders * sizeof *w->folders);
	w->nfolders = (uint16_t)nfolders;
	return w;
}

void waiter_free(struct waiter **w)
{
	if (*w && (*w)->imap)
		imap_pool_release((*w)->imap, (*w)->account);
	free(*w);
	*w = NULL;
}

enum wait_outcome wait_check(struct session *s, const struct waiter *w, struct hub_begun *begun,
			     int32_t *changed, size_t *nchanged)
{
	static const enum wait_outcome outcomes[] = {
		[HUB_WAIT] = WAIT_TIMEOUT,
		[HUB_FOLDERSYNC] = WAIT_HIERARCHY,
		[HUB_FULL] = WAIT_FULL,
	};
	struct err e = {0};
	const struct hub_waiter who = {
		.worker = s->server->worker,
		.account = w->account,
		.device = w->device,
		.seconds = (w->deadline - w->since) / 1000,
		.folders = w->folders,
		.n = w->nfolders,
	};
	bool *yes = arena_array(s->arena, who.n, sizeof *yes);

	*nchanged = 0;
	if (!hub_begin(s->db, &who, begun, yes, &e)) {
		log_event(LOG_WARNING, "wait-check", &e);
		return WAIT_FAILED;
	}
	for (size_t i = 0; begun->push && i < who.n; i++)
		if (yes[i])
			changed[(*nchanged)++] = w->folders[i];
	if (begun->verdict == HUB_WAIT && *nchanged)
		return WAIT_CHANGED;
	return outcomes[begun->verdict];
}

/* Below the waiting of a Sync the tree has changed. */
static void answer_sync(struct answer *out)
{
	struct wbxml_out w;
	out->content_type = "application/vnd.ms-sync.wbxml";
	wbxml_start(&w, &out->body);
	wbxml_begin(&w, AirSync_Sync);
	wbxml_int(&w, AirSync_Status, SYNC_HIERARCHY);
	wbxml_end(&w);
	wbxml_finish(&w);
}

static void answer_ping(enum wait_outcome outcome, const int32_t *changed, size_t nchanged,
			struct answer *out)
{
	static const unsigned status[] = {
		[WAIT_TIMEOUT] = PING_EXPIRED,
		[WAIT_CHANGED] = PING_CHANGED,
		[WAIT_HIERARCHY] = PING_HIERARCHY,
	};
	struct wbxml_out w;
	out->content_type = "application/vnd.ms-sync.wbxml";
	wbxml_start(&w, &out->body);
	wbxml_begin(&w, Ping_Ping);
	wbxml_int(&w, Ping_Status, status[outcome]);
	if (outcome == WAIT_CHANGED) {
		wbxml_begin(&w, Ping_Folders);
		for (size_t i = 0; i < nchanged; i++)
			wbxml_int(&w, Ping_Folder, changed[i]);
		wbxml_end(&w);
	}
	wbxml_finish(&w);
}

void wait_answer(const struct waiter *w, enum wait_outcome outcome, const int32_t *changed,
		 size_t nchanged, struct answer *out)
{
	out->status = 200;
	if (outcome == WAIT_FAILED || outcome == WAIT_FULL) {
		out->status = 503;
		answer_header(out, "Retry-After", outcome == WAIT_FULL ? "60" : "30");
	} else if (w->kind == WAIT_PING) {
		answer_ping(outcome, changed, nchanged, out);
	} else if (outcome == WAIT_HIERARCHY) {
		answer_sync(out);
	}
}

void wait_finish(const struct waiter *w, enum wait_outcome outcome, const char *how)
{
	static const char *const names[] = {
		[WAIT_TIMEOUT] = "timeout",	[WAIT_CHANGED] = "changed",
		[WAIT_HIERARCHY] = "hierarchy", [WAIT_FULL] = "full",
		[WAIT_FAILED] = "failed",
	};
	struct log_line l;
	log_begin(&l, LOG_INFO, "wait");
	log_cstr(&l, "command", w->kind == WAIT_PING ? "Ping" : "Sync");
	log_int(&l, "account", w->account);
	log_int(&l, "device", w->device);
	log_int(&l, "folders", w->nfolders);
	log_cstr(&l, "end", how);
	log_cstr(&l, "outcome", names[outcome]);
	log_int(&l, "ms", clock_monotonic() - w->since);
	log_end(&l);
}
