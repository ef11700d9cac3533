/*
 * synckey: the keys that name a state, of folders (SyncKey of FolderSync) and of items (of Sync).
 *
 * A key is "epoch.n": a random epoch, new with every key 0, and a number that is never used again.
 */
#ifndef EASEL_CORE_SYNCKEY_H
#define EASEL_CORE_SYNCKEY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/str.h"

enum { SYNCKEY_EPOCH = 9, SYNCKEY_TEXT = 24 };

struct synckey {
	bool zero;		   /* "0": start afresh */
	char epoch[SYNCKEY_EPOCH]; /* eight hex digits, NUL */
	int32_t n;
};

/* False when the text is no key that this server ever gave out, and not "0". */
bool synckey_parse(struct str text, struct synckey *out);

/* Returns out. */
char *synckey_format(const char *epoch, int32_t n, char out[SYNCKEY_TEXT]);

void synckey_new_epoch(char epoch[SYNCKEY_EPOCH]);

#endif
