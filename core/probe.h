/*
 * probe: tries a deployment from outside, as a phone would, and says in plain words what is wrong:
 * discovery, certificate, paths, login, protocol versions, the query's two forms, large requests,
 * and whether a request may wait.
 *
 * It calls itself the device "validate", of which Easel keeps no trace; for a delivery it takes a
 * device that is known afterwards, "easelcheck". Thread: the caller's.
 */
#ifndef EASEL_CORE_PROBE_H
#define EASEL_CORE_PROBE_H

#include <stdio.h>

#include "core/probe_http.h"

struct probe {
	const char *address; /* mail address and login */
	const char *server; /* https://host, where to look for Autodiscover; NULL: by the address */
	struct probe_client client;
	long wait;    /* seconds that a waiting request is watched */
	bool deliver; /* whether to try if a message to oneself wakes a waiting phone */
	FILE *out;    /* a line for each check: "ok" or "BAD", the check's name, what was found */
};

/* Returns how many checks found something wrong; after the first without which no other can be
 * made, the rest is left out. */
int probe_run(struct arena *a, struct probe *p);

#endif
