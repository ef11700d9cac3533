/*
 * sync: one collection of a Sync on its way from request to answer. The pieces of the command:
 * command_sync.c has the flow, sync_commands.c what the device changed, sync_items.c what it is
 * told.
 */
#ifndef EASEL_CORE_SYNC_H
#define EASEL_CORE_SYNC_H

#include <stdbool.h>
#include <stddef.h>

#include "core/call.h"
#include "core/item_class.h"
#include "core/ledger.h"
#include "core/sync_options.h"
#include "core/sync_request.h"

/* What became of one command of the device. */
struct sync_response {
	unsigned tag; /* AirSync_Add, Change, Delete or Fetch */
	const struct wbxml_node *sent;
	struct str server_id; /* as sent; of an Add: as given */
	struct str client_id; /* of an Add */
	unsigned status;
	struct change fetched; /* of a Fetch that succeeded: the item, as a change to encode */
};

struct sync_collection {
	const struct sync_asked *asked;
	struct ledger *ledger;
	unsigned status;   /* STATUS_OK, or what is wrong with the collection */
	bool restarted;	   /* SyncKey 0 */
	bool base_changed; /* the ledger's base has to be written */
	struct sync_options options;
	int64_t cutoff;
	struct sync_response *responses;
	size_t nresponses;
	struct sync_added
		*adds; /* noted by sync_commands_intend(), which has been called; or NULL */
	struct change_list changes;
	size_t kept;	      /* changes that the answer has room for */
	bool left_out;	      /* the global window was used up before its turn */
	bool answered;	      /* has an Answer with a new key */
	struct str key;	      /* to answer with */
	const unsigned *only; /* elements to show, of an ItemOperations Schema; NULL: all */
	size_t nonly;
	struct source_list *parts; /* of a multipart answer: where bodies go; NULL: inline */
};

/*
 * Of a store that needs it, notes what the device's commands are about to add. Within a transaction
 * of its own, which is committed before sync_commands_run().
 */
bool sync_commands_intend(struct call *c, struct sync_collection *col);

/*
 * Carries out the device's commands on a collection, records them, and notes their echoes in the
 * ledger's base. One that was carried out already with the same key is answered as it was then. A
 * command that can't be carried out gets its status; false only when the request as a whole has to
 * be given up (c->err). Within the store's transaction.
 *
 * That a single command makes the database fail is seldom, and to be ready for it costs two round
 * trips for each: so the first of them ends the transaction, SYNC_COMMAND_FAILED, and all are run
 * once more from the start, `carefully`: then each is undone alone.
 */
enum sync_ran { SYNC_GIVEN_UP, SYNC_COMMAND_FAILED, SYNC_RAN };
enum sync_ran sync_commands_run(struct call *c, struct sync_collection *col, bool carefully);

/*
 * Fetches what the first changes of a list need to be encoded, as many as `bytes` allows (at least
 * one), and says in *kept how many that are; *bytes is lowered by their size.
 */
struct sync_items;
bool sync_items_load(struct call *c, const struct sync_collection *col, struct change *changes,
		     size_t n, size_t *bytes, size_t *kept, struct sync_items **out);

/* What is known of a loaded message; NULL: it is none, or not shown whole. */
const struct summary *sync_items_summary(const struct sync_items *items, size_t index);

/*
 * Writes one change as Add, Change, Delete or SoftDelete. An item that can't be encoded is left
 * out, marked failed and logged; nothing of it is written.
 */
void sync_items_encode(struct call *c, const struct sync_collection *col, struct sync_items *items,
		       size_t index);

/* How an item of the folder that is kept as text is shown to the device; uid 0: a new one. */
struct item_context sync_item_context(struct call *c, const struct sync_collection *col,
				      int64_t uid);

/*
 * Writes what the response to an Add or a Change of an item kept as text tells of it, with its
 * ApplicationData around; nothing when there is nothing to tell, or it can't be found out.
 */
void sync_items_respond(struct call *c, const struct sync_collection *col,
			const struct sync_response *r);

/* Writes the children of ApplicationData of a loaded item. False: it can't be encoded. */
bool sync_items_encode_data(struct call *c, const struct sync_collection *col,
			    struct sync_items *items, size_t index, struct err *e);

#endif
