/*
 * probe_run: what the parts of a probe share (see probe.h): saying what was found, and asking
 * ActiveSync.
 *
 * Ownership: answers lie in the arena given. Thread: the probe's; probe_command() with an arena of
 * its own also in another one.
 */
#ifndef EASEL_CORE_PROBE_RUN_H
#define EASEL_CORE_PROBE_RUN_H

#include <stdbool.h>

#include "core/base/body.h"
#include "core/probe.h"
#include "wbxml/wbxml.h"

/* Seconds that an answer may take; statuses of commands, of which 1 is good and 2 is Ping's news.
 */
enum { PROBE_SECONDS = 30, PROBE_OK = 1, PROBE_CHANGED = 2 };

struct probe_run {
	struct arena *arena;
	struct probe *p;
	const char *url; /* of ActiveSync, as Autodiscover told */
	int bad;
};

/* A line about one check. */
void probe_say(struct probe_run *r, bool ok, const char *name, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Whether there is an answer, and one that comes from Easel; else says why not, with the name
 * `path` when the web server does not know the path. */
bool probe_arrived(struct probe_run *r, const struct probe_answer *w, const char *url,
		   const char *path);

/* Sends a command as a device, and releases the body. */
void probe_command(struct probe_run *r, struct arena *a, const char *device, const char *command,
		   struct body *body, long seconds, struct probe_answer *w);

/* The document of an answer; NULL: there is none. */
const struct wbxml_node *probe_document(struct arena *a, const struct probe_answer *w);

/* A status in a document, or in NULL; 0: it has none. */
int probe_status(const struct wbxml_node *root, unsigned tag);

void probe_put_foldersync(struct body *out);
void probe_put_ping(struct body *out, struct str folder, int heartbeat);

/* A heartbeat that lasts longer than a request is watched, within the usual bounds. */
int probe_heartbeat(long seconds);

/* Whether a message that the account sends to itself wakes a phone of its own; the message is
 * deleted again. */
void probe_delivery(struct probe_run *r);

#endif
