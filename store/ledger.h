/*
 * ledger: what each device holds of each folder, as PostgreSQL keeps it (easel.sync_base,
 * sync_answer, sync_command). What the rows mean, and how one state follows from another, is
 * core/ledger.h's.
 *
 * Ownership: everything read lies in the arena given. Thread: the connection's.
 */
#ifndef EASEL_STORE_LEDGER_H
#define EASEL_STORE_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/uidset.h"
#include "store/store.h"

struct arena;
struct pg;

enum { LEDGER_ANSWERS = 4, LEDGER_ECHOES = 1000 };

/* A change of the device's own: not to be told to it. */
struct echo {
	int64_t uid, modseq;
};

/* The Supported element of a folder's first Sync (MS-ASCMD 2.2.3.179). */
struct supported {
	bool sent;
	int64_t *v; /* tags */
	size_t n;
};

/* What a device holds once it has taken the answer with the key epoch.n. */
struct sync_state {
	int32_t n;
	struct position done; /* of the folder's changes */
	int64_t fill;	      /* first fill: items below this uid are still to come; 0: complete */
	struct uidset held;   /* in an answer's row: not read, see sync_answer */
	struct uidset todo;
	struct echo *echo;
	size_t nechoes;
	int64_t cutoff;			   /* ms; INT64_MIN: no filter */
	int64_t canary_uid, canary_modseq; /* 0: none */
	struct str options;		   /* JSON */
};

/* An outstanding answer, as the difference to the base. */
struct sync_answer {
	struct sync_state state; /* held stays empty */
	struct uidset added, taken;
};

/* What of a folder is shown, beside the filter. */
struct ledger_view {
	bool conversations; /* they are followed out of the filter (ConversationMode), */
	int64_t oldest;	    /* as far as this, in ms */
	int64_t largest;    /* bytes of an item; 0: any */
};

struct ledger {
	int32_t folder_id;
	bool folder_found;
	struct folder folder;
	bool base_found;
	char epoch[9];
	int32_t last_n;
	int32_t folder_epoch; /* that held speaks of */
	bool used;	      /* the device has used the base's key */
	struct supported supported;
	struct ledger_view view; /* of the request */
	struct sync_state base;
	struct sync_answer answers[LEDGER_ANSWERS]; /* by ascending n */
	size_t nanswers;
};

/*
 * Nobody else syncs these folders of the device until ledger_release(), or the connection is lost.
 * Sent with the next statement, which waits for it, and fails if it fails.
 */
bool ledger_claim(struct pg *db, struct arena *a, int32_t device, const int64_t *folders, size_t n,
		  struct err *e);
void ledger_release(struct pg *db);

/* Reads the ledgers of n folders in the order asked, in one round trip. */
bool ledger_load(struct pg *db, struct arena *a, int32_t account, int32_t device,
		 const int64_t *folders, size_t n, struct ledger *out, struct err *e);

/*
 * Writes the base as it stands in *l, removes the answers that *l no longer has, and the commands
 * of keys that are none of those left; adds `answer` when it is not NULL. Inside a transaction:
 * this and what follows is sent with its next statement or the commit, which fails if it fails.
 */
bool ledger_save(struct pg *db, struct arena *a, int32_t account, int32_t device,
		 const struct ledger *l, const struct sync_answer *answer, struct err *e);

/*
 * Writes the base and the outstanding answers as they stand in *l: what the device did outside Sync
 * concerns each state that it may be in. No answer is added or removed.
 */
bool ledger_rewrite(struct pg *db, struct arena *a, int32_t account, int32_t device,
		    const struct ledger *l, struct err *e);

/* A new epoch: base, answers and commands of the folder are replaced by the base in *l. */
bool ledger_restart(struct pg *db, struct arena *a, int32_t account, int32_t device,
		    const struct ledger *l, struct err *e);

/* A command of the device that was carried out, for when it is repeated. */
struct sync_done {
	int32_t n;	      /* of the key that it came with */
	struct str reference; /* kind and ClientId or ServerId; at most 128 bytes */
	struct str digest;    /* 32 bytes */
	int status;
	struct str server_id; /* of an Add; may be empty */
};

/* Those of the folder that came with key n. */
bool ledger_done(struct pg *db, struct arena *a, int32_t account, int32_t device, int32_t folder,
		 int32_t n, struct sync_done **out, size_t *count, struct err *e);

/* Records several in one round trip. */
bool ledger_record(struct pg *db, struct arena *a, int32_t account, int32_t device, int32_t folder,
		   const struct sync_done *done, size_t count, struct err *e);

/* An item that the device added, or (an intent) is about to. */
struct sync_added {
	struct str client_id; /* at most 64 characters */
	struct str digest;    /* 32 bytes */
	struct str name;      /* UID of the item; empty: it has none */
	struct str server_id; /* empty: an intent */
	int64_t modseq;	      /* of the item then */
	bool repeated; /* set by the caller: an intent of earlier, and what came of it is not known
			*/
};

/* Which of these the device has added to the folder within a week: the rest is filled in. */
bool ledger_added(struct pg *db, struct arena *a, int32_t account, int32_t device, int32_t folder,
		  struct sync_added *v, size_t n, struct err *e);

/* Records what was added, or is about to be, and forgets what is older than a week. */
bool ledger_record_added(struct pg *db, struct arena *a, int32_t account, int32_t device,
			 int32_t folder, const struct sync_added *v, size_t n, struct err *e);

#endif
