/*
 * policy: the policies that devices are offered and what they say of them; and wipes.
 * What is decided is decided by functions of the schema; here they are called.
 */
#ifndef EASEL_STORE_POLICY_H
#define EASEL_STORE_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;
struct pg;

/* Offers a device its policy under a temporary key; *json is the policy (easel.policy_document). */
bool policy_offer(struct pg *db, struct arena *a, int32_t device, uint32_t key, struct str *json,
		  struct err *e);

/* The policy of an account, for a device that has no number. */
bool policy_of_account(struct pg *db, struct arena *a, int32_t account, struct str *json,
		       struct err *e);

/* Records what the device says of it (1 to 4), and its final key. *let_in: it may come in now. */
bool policy_acknowledge(struct pg *db, int32_t device, int status, uint32_t key, bool *let_in,
			struct err *e);

/* Notes that a device was asked to provision (easel.device_asked). */
bool policy_asked(struct pg *db, int32_t device, struct err *e);

/* ---- Wipes, by their number ---- */

/* Notes that the device was told to come for it. */
bool wipe_told(struct pg *db, int32_t wipe, struct err *e);

/*
 * Notes that it was sent; `failed`: again, after the device said that it could not do it.
 * hierarchy_key: of the emptied folder tree; p NULL: none.
 */
bool wipe_delivered(struct pg *db, struct arena *a, int32_t wipe, bool failed,
		    struct str hierarchy_key, struct err *e);

/* The device has acknowledged it in the account. */
bool wipe_done(struct pg *db, int32_t wipe, int32_t account, struct err *e);

/* *yes: the key is that of the emptied folder tree. */
bool wipe_tree_taken(struct pg *db, struct arena *a, int32_t wipe, struct str key, bool *yes,
		     struct err *e);

#endif
