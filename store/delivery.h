/*
 * delivery: a message as another program hands it over, into a folder of an account of the pg
 * store.
 *
 * Failure rule: as store.h. Thread: that of the store.
 */
#ifndef EASEL_STORE_DELIVERY_H
#define EASEL_STORE_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

/*
 * The account of an address, its own or an alias, in any letter case; user+detail@domain is
 * user@domain when there is no such address itself (easel.account_of).
 */
enum found delivery_account(struct pg *db, struct arena *a, struct str address, int32_t *account,
			    struct err *e);

/*
 * The folder of a class that is meant by a role, a name or a path with '/', in any letter case: a
 * role first, then a path from the top, then a name that only one folder has. FOUND_NONE when there
 * is none.
 */
enum found delivery_folder(struct store *s, struct arena *a, int32_t account, struct str name,
			   enum item_class class, int32_t *folder, struct err *e);

/*
 * A message as it is stored: without an mbox's "From " line in front, every line ended by CR LF. A
 * CR alone is kept. Lies in the arena or in raw.
 */
struct str delivery_normalise(struct arena *a, struct str raw);

/*
 * Adds a message, which delivery_normalise() gave. ERR_INVALID: it is empty; ERR_TOO_LARGE: it
 * can't be read within the arena's cap.
 */
bool delivery_put(struct store *s, struct arena *a, int32_t account, int32_t folder, struct str raw,
		  int64_t date, unsigned flags, struct err *e);

#endif
