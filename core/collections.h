/*
 * collections: the store as the devices of an account see it: a store over the one that keeps the
 * folders, in which a folder is what an account's devices know by a number (easel.collection): a
 * folder of the account's own, a further appearance of one, or a folder of somebody else.
 *
 * It finds out what a number stands for, and whether the account may do what is asked there
 * (ERR_FORBIDDEN if not; what it may not read is not there). A folder that only holds others has no
 * items. Folders shown as mail though they hold something else have messages made of their items
 * (core/mail_view.h), which nobody changes, moves or deletes; tasks and notes shown as items of
 * another class (core/class_view.h) are changed as what they are. Items move between owners as
 * copies. Everything else is the kept store's.
 *
 * What was found out holds until collections_forget(), at the end of a request. Thread: the
 * session's.
 */
#ifndef EASEL_CORE_COLLECTIONS_H
#define EASEL_CORE_COLLECTIONS_H

#include "store/store.h"

struct pg;

/* Both stay the caller's. */
struct store *collections_new(struct pg *db, struct store *kept);
void collections_free(struct store **s);

void collections_forget(struct store *s);

/* A folder that was read otherwise: if it is the account's own it need not be looked up again. */
void collections_know(struct store *s, int32_t account, const struct folder *f);

#endif
