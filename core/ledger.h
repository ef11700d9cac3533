/*
 * ledger: which of a folder's changes a device is to be told, and what it holds once it has been.
 *
 * The rules (DESIGN: the sync ledger). A state says: of the folder's changes, those up to `done`
 * are on the device, except for `todo`; of the first fill, which goes from the newest down, items
 * below `fill` are still to come; `held` are the uids on the device. An answer is a list of changes
 * made from a state; applied to it, or to as much of it as was sent, they give the next state.
 *
 * A uid whose item is gone, and whose deletion the device was told, stays in `held`.
 * Nothing here touches the database but through the store. Everything lies in the arena given.
 */
#ifndef EASEL_CORE_LEDGER_H
#define EASEL_CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>

#include "core/synckey.h"
#include "store/ledger.h"
#include "store/store.h"

/* No filter. */
#define LEDGER_NO_CUTOFF INT64_MIN

/* A window without an end. */
enum { LEDGER_ALL = 1000000000 };

enum change_kind {
	CHANGE_ADD,
	CHANGE_CHANGE,
	CHANGE_DELETE,
	CHANGE_SOFTDELETE /* it still exists, but fell out of the filter */
};

/* How far a state has come. */
struct progress {
	struct position done;
	int64_t fill;
	int64_t cutoff;
};

struct change {
	enum change_kind kind;
	struct item item;
	bool from_todo;
	bool failed; /* set by the caller: it could not be sent; it is not on the device */
	struct progress after; /* when the answer is cut behind this change */
};

struct change_list {
	struct change *v;
	size_t n, size;
	bool more; /* something is left for the next answer */
	struct uidset
		drawn; /* inside by their conversation: what of it is not told is left to do */
	struct progress end; /* when all of the list is sent */
};

enum resolved {
	KEY_UNKNOWN,
	KEY_BASE,    /* the device is where it was: its last answer may have been lost */
	KEY_ANSWERED /* it has taken an answer, which is the base now */
};

/*
 * Finds what the key stands for. An outstanding answer becomes the base, and the others are
 * dropped; what those had put on the device, in case it did take one of them, goes to todo.
 */
enum resolved ledger_resolve(struct ledger *l, const struct synckey *key);

/*
 * Starts afresh (SyncKey 0): a new epoch, nothing held. A repeated SyncKey 0 whose key was never
 * used keeps it; then false is returned when there is nothing to write at all.
 * `supported` NULL: there was no such element.
 */
bool ledger_start(struct arena *a, struct ledger *l, int64_t cutoff, struct str options,
		  const struct supported *supported);

/* Takes a new filter: a wider one fills again from the newest down. */
void ledger_set_cutoff(struct sync_state *s, int64_t cutoff);

/*
 * Takes what is shown beside the filter, for the calls that follow. `before`: as it was in the
 * base; of it `oldest` is not looked at.
 *
 * Items of a conversation that reaches into the filter are inside it too, as long as they are not
 * older than `oldest` (MS-ASCMD 2.2.3.36). One that was drawn in so, and lost the item that did it,
 * stays until the filter's start moves, which is once a day. An item that is too large is outside;
 * one that the device has already, when it changes.
 */
void ledger_set_view(struct ledger *l, const struct ledger_view *view,
		     const struct ledger_view *before);

/* Whether a Sync from the base would tell nothing, without looking at any item. */
bool ledger_quiet(const struct ledger *l, int64_t cutoff);

/*
 * Lists what to tell from the base, at most `window` changes: what fell out of the filter, then
 * todo, then the folder's changes in their order, then the fill, then what these draw in by their
 * conversations. `cutoff` is the filter's start today, an even number. `window` is at most
 * LEDGER_ALL. With `out` NULL changes are only counted, in *count.
 *
 * When the folder's modseqs fell, everything is checked again: the base is changed for that.
 */
bool ledger_collect(struct store *store, struct arena *a, int32_t account, struct ledger *l,
		    int64_t cutoff, size_t window, struct change_list *out, size_t *count,
		    struct err *e);

/*
 * The answer that tells the first `kept` changes of the list: a difference to the base, with the
 * next number. When LEDGER_ANSWERS are outstanding already, the oldest is dropped.
 */
struct sync_answer ledger_answer(struct arena *a, struct ledger *l, const struct change_list *list,
				 size_t kept);

/* A list of nothing, that leaves the base where it is. */
struct change_list ledger_no_changes(const struct ledger *l);

/* Moves the base over what is of no concern to the device: an empty list that has nothing more. */
void ledger_advance(struct ledger *l, const struct change_list *list);

/*
 * Notes a change of the device's own, so that it is not told to it. `before` is the item's modseq
 * before that change: if the device did not know that, somebody else's change would be hidden, and
 * nothing is noted. For a removal the item need not be known any further.
 */
void ledger_echo(struct arena *a, struct ledger *l, int64_t uid, int64_t before, int64_t after);

/*
 * The device made an item with its Sync: it has it as it is. `known` false: the item was changed
 * since, or lies outside the filter, and is told again.
 */
void ledger_added_item(struct arena *a, struct ledger *l, int64_t uid, int64_t modseq, bool known);

/* The device has removed an item that is still there: it is told of it as of a new one. */
void ledger_bring_back(struct ledger *l, int64_t uid);

/* How the device has an item, in whichever of the states it is that the base and the answers stand
 * for. */
enum holding {
	HOLDS_NOT,
	HOLDS_OLD, /* it may not have been told of all that happened to it */
	HOLDS
};

/* The item's modseq is the one that it has now. */
enum holding ledger_holding(const struct ledger *l, int64_t uid, int64_t modseq);

/*
 * Whether the device was told of the item as it is with this modseq, in the base or in an answer
 * of which it may have taken a part.
 */
bool ledger_knows(const struct ledger *l, int64_t uid, int64_t modseq);

/* The device is to be told of an item again, whichever of the states it is in. */
void ledger_send_again(struct ledger *l, int64_t uid);

/*
 * The ledger as it stands, so that it can be put back: none of the functions here changes the copy
 * with the original, or the other way round.
 */
struct ledger ledger_copy(struct arena *a, const struct ledger *l);

/*
 * The device moved an item out of the folder, or into it, outside Sync: it is not told to it,
 * neither from the base nor from any answer. `modseq` is that of the tombstone, or of the item
 * where it came. What the device holds of an item that came is then told as a change when it is
 * HOLDS_OLD, and as an item that it lacks when it is HOLDS_NOT. A folder that the device never
 * synced is left alone.
 */
void ledger_moved_out(struct arena *a, struct ledger *l, int64_t uid, int64_t modseq);
void ledger_moved_in(struct arena *a, struct ledger *l, int64_t uid, int64_t modseq,
		     enum holding holding);

/*
 * The device has the item as it is with this modseq, though it is told of it again: an edit of it
 * is no conflict.
 */
void ledger_has_version(struct arena *a, struct ledger *l, int64_t uid, int64_t modseq);

#endif
