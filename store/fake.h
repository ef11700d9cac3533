/*
 * fake: a store in memory that keeps the interface honest and drives the fault tests.
 *
 * It follows the contract of store.h exactly, and can be told to break it. Thread: one at a time.
 */
#ifndef EASEL_STORE_FAKE_H
#define EASEL_STORE_FAKE_H

#include "store/store.h"

enum fake_fault {
	FAKE_NONE,
	FAKE_FAIL,	   /* the nth call from now fails and does nothing */
	FAKE_DO_THEN_FAIL, /* the nth call from now is done and then reports failure */
};

struct store *store_fake_new(void);
void store_fake_free(struct store **s);

/* Adds a folder; returns its id (from 1 on in each account). */
int32_t fake_add_folder(struct store *s, int32_t account, const char *name, enum item_class class,
			enum folder_role role);

/*
 * Arms one fault at the nth call (1: the next) of any operation; reading from a source is a call
 * too. It is reported as ERR_UNAVAILABLE.
 */
void fake_set_fault(struct store *s, enum fake_fault fault, unsigned nth);

/* Calls since the store was made: to run a test once for every N. */
unsigned fake_calls(const struct store *s);

/* From now on the next `n` changes of a folder share one modseq. */
void fake_share_modseq(struct store *s, int32_t account, int32_t folder, unsigned n);

/* Sets every modseq of the folder back to small numbers, as a rebuilt index does. */
void fake_lose_modseqs(struct store *s, int32_t account, int32_t folder);

/* A new uidvalidity: all items get new uids. */
void fake_change_epoch(struct store *s, int32_t account, int32_t folder);

#endif
