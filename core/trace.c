/* trace: requests and answers to be read. See trace.h for the contract. */
#include "core/trace.h"

#include <stdio.h>
#include <time.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/status.h"
#include "core/wait.h"
#include "store/account.h"
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
	if (b->nrefs == 0 && c->answer->content_type &&
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

static bool is_traced(const struct call *c)
{
	return c->gate.trace != 0 && c->answer->status != 401 &&
	       c->request->endpoint == ENDPOINT_ACTIVESYNC;
}

void trace_answer(struct call *c)
{
	struct buf out = {.limit = ENTRY_MOST};
	if (!is_traced(c))
		return;
	put_head(c, &out);
	buf_printf(&out, ">>> %d %s", c->answer->status, status_reason(c->answer->status));
	put_answer(c, &out);
	add(c, &out);
}

void trace_write(struct call *c)
{
	struct buf in = {.limit = ENTRY_MOST};
	if (!is_traced(c))
		return;
	put_head(c, &in);
	buf_printf(&in, "<<< %.*s", STR_ARG(c->request->eas.command));
	if (c->root)
		put_document(c, &in, c->root);
	else if (c->request->body.n)
		buf_printf(&in, "\n(%zu bytes)", c->request->body.n);
	add(c, &in);
	if (!c->waiter)
		trace_answer(c);
}

void trace_waited(struct session *s, const struct waiter *waiter, struct answer *w)
{
	struct request rq = {.arena = s->arena, .endpoint = ENDPOINT_ACTIVESYNC};
	struct call c = {.session = s, .arena = s->arena, .request = &rq, .answer = w};
	struct str address;
	struct err e = {0};
	c.gate.trace = waiter->trace;
	c.gate.account = waiter->account;
	if (waiter->trace && account_of_device(s->db, s->arena, waiter->device, &address,
					       &rq.eas.device_id, &e) == FOUND_ONE)
		trace_answer(&c);
}
