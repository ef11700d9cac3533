/*
 * Ping (MS-ASCMD 2.2.1.13): waits until something changes in the folders that it names.
 *
 * Heartbeat and folders are remembered, so that later requests may leave out either, or the body.
 * Folders that the device was never given, or has never synced, are ignored; when all are, the
 * phone waits its heartbeat all the same. Of one that it was given and that is gone it is told
 * three times, with status 7 (easel.foldersync_due).
 */
#include "core/call.h"

#include <limits.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "store/device.h"

struct ping {
	int heartbeat; /* seconds; 0: not said */
	bool have_folders;
	int32_t *folders;
	size_t n; /* as named, also those that are unknown */
};

/* Of a longer list no more is read: it is longer than any limit on folders. */
enum { IDS_MAX = 1001 };

static bool same_id_twice(const struct ping *p)
{
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = i + 1; k < p->n; k++)
			if (p->folders[i] && p->folders[i] == p->folders[k])
				return true;
	return false;
}

/* An id that this server never gave out is kept as 0: it counts, but nothing is watched. */
static int32_t folder_id(struct str id)
{
	uint64_t v;
	return str_to_u64(id, &v) && v > 0 && v <= INT32_MAX ? (int32_t)v : 0;
}

static bool decode_folders(struct call *c, const struct wbxml_node *folders, struct ping *p)
{
	unsigned n = wbxml_count(folders);
	p->have_folders = true;
	if (n > IDS_MAX)
		n = IDS_MAX;
	p->folders = arena_array(c->arena, n, sizeof *p->folders);
	for (const struct wbxml_node *f = folders->first; f && p->n < n; f = f->next) {
		struct str id = wbxml_child_text(f, Ping_Id);
		if (f->tag != Ping_Folder || !id.p)
			return false;
		p->folders[p->n++] = folder_id(id);
	}
	return !same_id_twice(p);
}

/* What no limit allows becomes -1 or INT_MAX: it is answered with the limit. */
static bool decode_heartbeat(struct str text, int *out)
{
	int64_t seconds;
	size_t digits = 0;
	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	if (digits == text.n && digits > 9)
		seconds = INT_MAX;
	else if (!str_to_i64(text, &seconds))
		return false;
	*out = seconds < 1 ? -1 : seconds > INT_MAX ? INT_MAX : (int)seconds;
	return true;
}

/* Status 0: read; else the status to answer. */
static unsigned decode(struct call *c, struct ping *p)
{
	struct str heartbeat = wbxml_child_text(c->root, Ping_HeartbeatInterval);
	const struct wbxml_node *folders = wbxml_child(c->root, Ping_Folders);
	if (heartbeat.p && !decode_heartbeat(heartbeat, &p->heartbeat))
		return PING_SYNTAX;
	/* Gmail sends an empty Folders element and means those that it named before. */
	if (folders && folders->first && !decode_folders(c, folders, p))
		return PING_SYNTAX;
	return 0;
}

/* '{1,2}', as it was written by remember(). */
static void recall_folders(struct call *c, struct ping *p)
{
	struct str list = c->gate.ping_folders, id;
	if (list.n < 3)
		return;
	list = str_sub(list, 1, list.n - 2);
	p->folders = arena_array(c->arena, list.n, sizeof *p->folders);
	while (str_next(&list, ',', &id))
		p->folders[p->n++] = folder_id(id);
}

static struct str folders_text(struct call *c, const struct ping *p)
{
	struct buf text = {0};
	buf_byte(&text, '{');
	for (size_t i = 0; i < p->n; i++)
		buf_printf(&text, i ? ",%d" : "%d", p->folders[i]);
	buf_byte(&text, '}');
	return buf_move(c->arena, &text);
}

/* Fills in what was left out; writes what is new. Status 0: go on. */
static unsigned complete(struct call *c, struct ping *p)
{
	bool said = p->heartbeat != 0 || p->have_folders;
	if (p->heartbeat == 0)
		p->heartbeat = c->gate.ping_heartbeat;
	if (!p->have_folders)
		recall_folders(c, p);
	if (p->heartbeat == 0 || p->n == 0)
		return PING_MISSING;
	if (p->n > (size_t)c->gate.limits.ping_max_folders)
		return PING_TOO_MANY_FOLDERS;
	if (p->heartbeat < c->gate.limits.heartbeat_min ||
	    p->heartbeat > c->gate.limits.heartbeat_max)
		return PING_HEARTBEAT;
	if (!said)
		return 0;
	struct str folders = folders_text(c, p);
	if (p->heartbeat == c->gate.ping_heartbeat && str_eq(folders, c->gate.ping_folders))
		return 0;
	if (!device_remember_ping(c->session->db, c->arena, c->gate.device, p->heartbeat, folders,
				  &c->err))
		return PING_SERVER;
	return 0;
}

static void answer_refusal(struct call *c, const struct ping *p, unsigned status)
{
	const struct limits *l = &c->gate.limits;
	if (status == PING_SERVER) {
		call_fail(c, NULL);
		return;
	}
	call_answer_status(c, status);
	if (status == PING_TOO_MANY_FOLDERS)
		wbxml_int(&c->out, Ping_MaxFolders, l->ping_max_folders);
	if (status == PING_HEARTBEAT)
		wbxml_int(&c->out, Ping_HeartbeatInterval,
			  p->heartbeat < l->heartbeat_min ? l->heartbeat_min : l->heartbeat_max);
}

static struct waiter *make_waiter(struct call *c, const struct ping *p)
{
	struct waiter *w = waiter_new(p->n);
	w->kind = WAIT_PING;
	w->account = c->gate.account;
	w->device = c->gate.device;
	w->version = (uint16_t)c->version;
	w->since = c->request->started;
	w->deadline = c->request->started + (int64_t)p->heartbeat * 1000;
	w->nfolders = 0;
	/* In quarantine there is nothing to fetch. */
	for (size_t i = 0; i < p->n && !c->gate.quarantined; i++)
		if (p->folders[i])
			w->folders[w->nfolders++] = p->folders[i];
	return w;
}

void command_ping(struct call *c)
{
	struct ping p = {0};
	unsigned status = decode(c, &p);
	if (status == 0)
		status = complete(c, &p);
	if (status != 0) {
		answer_refusal(c, &p, status);
		return;
	}
	c->waiter = make_waiter(c, &p);
}
