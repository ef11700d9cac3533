/*
 * imap_store_own: what the files of the imap store share: the store itself, the connection of its
 * request, which folders are the server's. For store/imap_store*.c only. Failure rule and thread:
 * as imap_store.h.
 */
#ifndef EASEL_STORE_IMAP_STORE_OWN_H
#define EASEL_STORE_IMAP_STORE_OWN_H

#include "core/base/arena.h"
#include "store/imap_index.h"
#include "store/imap_message.h"
#include "store/imap_store.h"
#include "store/pg.h"

/* A box, loaded in this request. */
struct known_box {
	struct known_box *next;
	bool found; /* false: the folder is none of the server's */
	int32_t folder;
	struct imap_box box;
};

struct imap_store {
	struct store store;
	struct store *pg;
	struct pg *db;
	struct pg *aside;
	const char *conninfo;
	struct imap_pool *pool;
	struct imap_reader *reader;
	struct arena *arena; /* of the request */
	bool entered, has_site;
	bool news; /* the Inbox may hold what was not looked at for meetings */
	struct imap_person who;
	struct imap_site site;
	struct imap_link *link;
	struct known_box *boxes;
};

static inline struct imap_store *imap_store_of(struct store *s)
{
	return (struct imap_store *)s;
}

static inline struct store *imap_store_pg(struct store *s)
{
	return imap_store_of(s)->pg;
}

/* ---- The connection ---- */

typedef bool imap_store_action(struct imap_store *s, void *ctx, struct err *e);

/* A connection of the account that was entered is in s->link. */
bool imap_store_ensure_link(struct imap_store *s, struct err *e);

/*
 * Does it, and once more on a new connection when one that had been idle turns out to be gone. So
 * an action has to bear to be done again.
 */
bool imap_store_attempt(struct imap_store *s, imap_store_action *act, void *ctx, struct err *e);

/* The connection to the database that notes intents, outside the caller's transaction. */
struct pg *imap_store_aside(struct imap_store *s);

/* ---- Which folders are the server's ---- */

/* FOUND_NONE: it is the pg store's business. */
enum found imap_store_find_box(struct imap_store *s, int32_t account, int32_t folder,
			       struct imap_box **out, struct err *e);
bool imap_store_is_box(struct imap_store *s, int32_t account, int32_t folder, struct imap_box **out,
		       bool *is, struct err *e);

/* A folder that went, or is another by now, has none of these items: that is no failure. */
bool imap_store_none_found(struct err *e);

/* ---- Operations: as struct store_ops ---- */

bool imap_store_lookup(struct store *s, struct arena *a, int32_t account, int32_t id,
		       const int64_t *uids, size_t n, struct items *out, struct err *e);

/* The one item, in the store's arena; FOUND_NONE when it is gone. */
enum found imap_store_find_item(struct store *s, int32_t account, int32_t id, int64_t uid,
				struct item *out, struct err *e);
bool imap_store_refresh(struct store *store, int32_t account, const int32_t *ids, size_t n,
			struct err *e);
bool imap_store_summaries(struct store *store, struct arena *a, int32_t account, int32_t id,
			  const int64_t *uids, size_t n, struct summary **out, struct err *e);
bool imap_store_slices(struct store *store, struct arena *a, int32_t account, int32_t id,
		       struct slice *v, size_t n, struct err *e);
enum found imap_store_open(struct store *store, int32_t account, int32_t id, int64_t uid,
			   int64_t offset, int64_t length, struct source **out, struct err *e);
enum found imap_store_set_flags(struct store *store, int32_t account, int32_t id, int64_t uid,
				unsigned set, unsigned clear, const struct str *marks,
				int64_t *before, int64_t *after, struct err *e);
enum found imap_store_remove(struct store *store, int32_t account, int32_t id, int64_t uid,
			     int64_t *modseq, struct err *e);
enum found imap_store_move(struct store *store, int32_t account, int32_t from, int64_t uid,
			   int32_t to, int64_t *gone_modseq, int64_t *new_uid, int64_t *new_modseq,
			   struct err *e);
bool imap_store_append(struct store *store, int32_t account, int32_t id,
		       const struct new_item *item, int64_t *uid, int64_t *modseq, struct err *e);
enum found imap_store_replace(struct store *store, int32_t account, int32_t id, int64_t uid,
			      int64_t unchanged_since, const struct new_item *item,
			      int64_t *new_uid, int64_t *before, int64_t *after, struct err *e);
bool imap_store_create_folder(struct store *store, int32_t account, int32_t parent, struct str name,
			      enum item_class class, int32_t *id, struct err *e);
enum found imap_store_update_folder(struct store *store, int32_t account, int32_t id,
				    int32_t parent, struct str name, struct err *e);
enum found imap_store_delete_folder(struct store *store, int32_t account, int32_t id,
				    struct err *e);
bool imap_store_search(struct store *store, struct arena *a, int32_t account,
		       const struct search *q, size_t offset, size_t limit, struct hits *out,
		       struct err *e);

#endif
