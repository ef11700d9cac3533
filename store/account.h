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
};

/*
 * What a device is given at most, whatever it asks for: what the levels of policy and settings come
 * to (easel.effective).
 */
struct caps {
	int max_version;	      /* protocol version, 161; 0: any */
	int mail_age, calendar_age;   /* FilterType (MS-ASCMD 2.2.3.68.2); 0: all */
	int64_t text_size, html_size; /* bytes of a body; 0: the header only, -1: any */
	bool html;		      /* bodies may be HTML */
	bool attachments;	      /* may be downloaded */
	int64_t attachment_size;      /* bytes; -1: any */
	int64_t message_size;	      /* bytes; larger messages are left out; 0: none */
};

/* The gate's decision, by the names that easel.gate_verdict() gives. */
enum verdict {
	VERDICT_DISABLED, /* the server, the domain or the account is switched off */
	VERDICT_WIPE,	  /* a wipe waits for the device */
	VERDICT_NEW,	  /* the device is not known yet */
	VERDICT_FULL,	  /* it is new, and the user has as many devices as he may */
	VERDICT_BLOCKED,
	VERDICT_DISCOVERY,   /* it is to say what it is first */
	VERDICT_DECIDE,	     /* it has said so, or had its time: the rules are to be asked */
	VERDICT_VERSION,     /* its protocol version is above the cap */
	VERDICT_PROVISION,   /* it has to take the policy */
	VERDICT_REFRESH,     /* it has to take it again */
	VERDICT_KEY,	     /* its policy key is not the one that it was given */
	VERDICT_PARTLY,	     /* it fulfils the policy in part, which is not enough */
	VERDICT_ELSEWHERE,   /* others manage it, which is not enough */
	VERDICT_UNSUPPORTED, /* it does not know policies, which is not enough */
	VERDICT_OK
};

/* One row of easel.gate(). */
struct gate_row {
	int32_t account;
	struct str address, display_name;
	struct str lives_at; /* https://host of the server that the account lives at; empty: here */
	struct str password_hash; /* p NULL: nobody may log in */
	struct str remembered;	  /* digest of the last right password; p NULL: none */
	bool throttled;		  /* too many wrong passwords for this login and address */
	enum verdict verdict;
	int64_t hierarchy_modseq;
	struct str timezone, language; /* of the user: "Europe/Berlin", "de" */
	int32_t device;		       /* 0: not known yet */
	bool quarantined;	       /* default folders only, and nothing leaves the server */
	struct str device_type, user_agent;
	int protocol_version;
	uint32_t policy_key, policy_offered_key;
	bool stale;	/* last_seen, or what the levels come to, is worth writing again */
	int32_t wipe;	/* the wipe that waits; 0: none */
	bool wipe_soft; /* it is of the account's data only */
	bool enforced;	/* a policy must be accepted */
	int trace;	/* 0: not traced; 1: with secrets and texts masked; 2: with all */
	struct caps caps;
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

/* What the gate is asked. */
struct gate_question {
	struct str login, device_id; /* the id may be empty */
	struct str address; /* where the request came from; one that is none counts as absent */
	unsigned version;   /* protocol version; 0: not said */
	int64_t policy_key; /* -1: need not be said */
	const struct gate_quiet *quiet; /* NULL: not asked */
};

/*
 * Looks up login, device and limits, and decides. FOUND_NONE: there is no such account (limits
 * and throttled are set all the same).
 */
enum found account_gate(struct pg *db, struct arena *a, const struct gate_question *q,
			struct gate_row *out, struct err *e);

/* Address and device id of a device, by its number. FOUND_NONE: it was removed. */
enum found account_of_device(struct pg *db, struct arena *a, int32_t device, struct str *address,
			     struct str *device_id, struct err *e);

/* Remembers the digest of a password that was found right, and forgets wrong ones. */
bool account_remember_login(struct pg *db, struct arena *a, int32_t account, struct str digest,
			    struct str address, struct err *e);

/* The address of the account that a name without '@' means, by easel.server.default_domain. */
enum found account_of_bare_name(struct pg *db, struct arena *a, struct str name,
				struct str *address, struct err *e);

/* Whether an address is an alias of the account, in any letter case. */
enum found account_has_alias(struct pg *db, struct arena *a, int32_t account, struct str address,
			     struct err *e);

/* A parameter of a client's address: one that is none is 0.0.0.0, which means unknown. */
struct pg_params;
void account_put_address(struct pg_params *p, struct arena *a, struct str address);

/* Counts a wrong password for a login, the address of an account or a name that is none. */
bool account_count_failure(struct pg *db, struct arena *a, struct str login, struct str address,
			   struct err *e);

#endif
