/*
 * trace: what a device and the server say to each other, as XML that can be read, for whoever looks
 * for a fault (easel.trace_set). Secrets and texts are masked unless they were asked for.
 *
 * Failure rule: a trace that can't be written is logged and missed. Thread: the session's.
 */
#ifndef EASEL_CORE_TRACE_H
#define EASEL_CORE_TRACE_H

#include "core/call.h"

/*
 * Writes a request and its answer down, if its device or account is traced. Before it is sent. Of a
 * request that goes on to wait only the request.
 */
void trace_write(struct call *c);

/* The answer alone, of a request that has waited and was then served. */
void trace_answer(struct call *c);

/* The answer that a waiter gets without being served. Nothing unless waiter->trace. */
void trace_waited(struct session *s, const struct waiter *waiter, struct answer *w);

#endif
