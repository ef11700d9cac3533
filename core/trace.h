/*
 * trace: what a device and the server say to each other, as XML that can be read, for whoever looks
 * for a fault (easel.trace_set). Secrets and texts are masked unless they were asked for.
 *
 * Failure rule: a trace that can't be written is logged and missed. Thread: the session's.
 */
#ifndef EASEL_CORE_TRACE_H
#define EASEL_CORE_TRACE_H

#include "core/call.h"

/* Writes a request and its answer down, if its device or account is traced. Before it is sent. */
void trace_write(struct call *c);

#endif
