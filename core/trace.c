/* trace: requests and answers to be read. See trace.h for the contract. */
#include "core/trace.h"

#include <stdio.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "store/device.h"
#include "store/pg.h"

enum { ENTRY_MOST = 1024 * 1024 };

/* device [connection] time, in UTC */
static void put_head(struct call *c, struct buf *out)
{
	char text[16];
	time_t now = (time_t)(clock_now() / 1000);
	struct tm tm;
	gmtime_r(&now, &tm);
	strftime(text, sizeof text, "%H:%M:%S", &tm);
	buf_printf(out, "%.*s [%04x] %s ", STR_ARG(c->request->eas.device_id),
		   pg_connection(c->session->db) & 0xffff, text);
}

static void put_document(struct call *c, struct buf *out, const struct wbxml_node *root)
{
	buf_byte(out, '\n');
	wbxml_dump(out, root, c->gate.trace > 1 ? WBXML_DUMP_ALL : WBXML_DUMP_MASKED);
}

/* What is streamed from elsewhere, and what is no document, is told by its size. */
static void put_answer(struct call *c, struct buf *out)
{
	const struct body *b = &c->answer->body;
	struct wbxml_node *root;
	struct err ignored = {0};
	if (body_length(b) == 0)
		return;
	if (b->nrefs == 0 && c->out.body &&
	    wbxml_decode(c->arena, (struct str){b->mem.p, b->mem.n}, &wbxml_default_limits, &root,
			 &ignored))
		put_document(c, out, root);
	else
		buf_printf(out, "\n(%llu bytes)", (unsigned long long)body_length(b));
}

static void add(struct call *c, struct buf *entry)
{
	struct err e = {0};
	if (entry->failed) {
		buf_free(entry);
		return;
	}
	if (!device_trace(c->session->db, c->arena, c->gate.account, c->request->eas.device_id,
			  buf_move(c->arena, entry), &e))
		log_event(LOG_WARNING, "trace", &e);
}

void trace_write(struct call *c)
{
	struct buf in = {.limit = ENTRY_MOST}, out = {.limit = ENTRY_MOST};
	if (c->gate.trace == 0 || c->answer->status == 401 ||
	    c->request->endpoint != ENDPOINT_ACTIVESYNC)
		return;
	put_head(c, &in);
	buf_printf(&in, "<<< %.*s", STR_ARG(c->request->eas.command));
	if (c->root)
		put_document(c, &in, c->root);
	else if (c->request->body.n)
		buf_printf(&in, "\n(%zu bytes)", c->request->body.n);
	add(c, &in);
	if (c->waiter)
		return;
	put_head(c, &out);
	buf_printf(&out, ">>> %d", c->answer->status);
	put_answer(c, &out);
	add(c, &out);
}
