/*
 * account: who a request is from, in one query, and what is remembered of logins.
 */
#ifndef EASEL_STORE_ACCOUNT_H
#define EASEL_STORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "store/store.h"

struct arena;
struct pg;

/* Limits of easel.server, by the names of its columns. */
struct limits {
	int heartbeat_min, heartbeat_max; /* seconds */
	int ping_max_folders;
	int sync_max_collections;
	int sync_max_items;
	int sync_max_bytes;
	bool require_policy;
};

/* One row of easel.gate(). */
struct gate_row {
	int32_t account;
	struct str address, display_name;
	struct str password_hash; /* p NULL: nobody may log in */
	struct str remembered;	  /* digest of the last right password; p NULL: none */
	bool enabled;		  /* account and domain */
	bool throttled;		  /* too many wrong passwords from this address */
	int64_t hierarchy_modseq;
	int32_t device; /* 0: not known yet */
	struct str device_type, user_agent;
	int protocol_version;
	uint32_t policy_key, policy_offered_key;
	bool stale;		 /* last_seen is worth writing again */
	int ping_heartbeat;	 /* 0: none remembered */
	struct str ping_folders; /* '{1,2}' */
	struct str sync_request; /* JSON; p NULL: none */
	bool quiet;		 /* the answer to struct gate_quiet */
	struct limits limits;
};

/*
 * A question that is answered along with who it is: whether the Sync of one folder, with this key,
 * these options and this start of the filter, finds nothing to do at all, as most do.
 */
struct gate_quiet {
	int32_t folder;
	struct str key, options;
	int64_t cutoff; /* ms; INT64_MIN: none */
};

/*
 * Looks up login, device and limits. FOUND_NONE: there is no such account (limits are set all the
 * same). device_id and address may be empty; an address that is none counts as absent. `quiet` may
 * be NULL.
 */
enum found account_gate(struct pg *db, struct arena *a, struct str login, struct str device_id,
			struct str address, const struct gate_quiet *quiet, struct gate_row *out,
			struct err *e);

/* Address and device id of a device, by its number. FOUND_NONE: it was removed. */
enum found account_of_device(struct pg *db, struct arena *a, int32_t device, struct str *address,
			     struct str *device_id, struct err *e);

/* Remembers the digest of a password that was found right, and forgets wrong ones. */
bool account_remember_login(struct pg *db, struct arena *a, int32_t account, struct str digest,
			    struct str address, struct err *e);

/* The address of the account that a name without '@' means, by easel.server.default_domain. */
enum found account_of_bare_name(struct pg *db, struct arena *a, struct str name,
				struct str *address, struct err *e);

/* A parameter of a client's address: one that is none is 0.0.0.0, which means unknown. */
struct pg_params;
void account_put_address(struct pg_params *p, struct arena *a, struct str address);

/* Counts a wrong password. */
bool account_count_failure(struct pg *db, struct arena *a, int32_t account, struct str address,
			   struct err *e);

#endif
