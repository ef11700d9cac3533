/*
 * store: folders of numbered items, whatever backend holds them (DESIGN: one model for every
 * backend).
 *
 * A folder has items, each with a uid that ascends and is never used again, and a modseq that every
 * change raises (several items may share one). A backend is a struct store_ops; `fake` keeps all in
 * memory and can be told to fail. Actions return bool and fill *e; look-ups tell found, none,
 * failed.
 *
 * Every call names the account and reaches nothing outside it; a folder that does not exist has no
 * items. What a call returns lies in the
 * arena it was given. A struct store belongs to one thread.
 *
 * Transactions: between store_begin() and store_commit() the pg store's actions and the ledger's
 * share one transaction on the same connection. A backend outside PostgreSQL ignores it.
 */
#ifndef EASEL_STORE_STORE_H
#define EASEL_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/body.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/base/uidset.h"

struct arena;
struct hits;
struct message;
struct search;

enum found { FOUND_FAILED = -1, FOUND_NONE = 0, FOUND_ONE = 1 };

enum item_class {
	CLASS_EMAIL,
	CLASS_CALENDAR,
	CLASS_CONTACTS,
	CLASS_TASKS,
	CLASS_NOTES,
	CLASS_FILES
};

enum folder_role {
	ROLE_NONE,
	ROLE_INBOX,
	ROLE_DRAFTS,
	ROLE_TRASH,
	ROLE_SENT,
	ROLE_OUTBOX,
	ROLE_JUNK,
	ROLE_ARCHIVE,
	ROLE_CALENDAR,
	ROLE_CONTACTS,
	ROLE_TASKS,
	ROLE_NOTES,
	ROLE_RECIPIENTS /* the recipient information cache */
};

/* Where the items of a folder are kept, and what may be done there. */
struct place {
	int32_t account, folder; /* 0: nowhere, it has no items */
	unsigned rights;	 /* enum folder_rights */
};

enum folder_rights {
	RIGHT_LOOK_UP = 1,
	RIGHT_READ = 2,
	RIGHT_WRITE = 4,
	RIGHT_INSERT = 8,
	RIGHT_DELETE = 16,
	RIGHT_ADMINISTER = 32,
	RIGHTS_ALL = 63
};

/* How a folder is shown to who sees it (easel.collection). */
enum folder_view {
	VIEW_PLAIN,
	VIEW_TWIN,	  /* a folder of mail a second time, under the virtual root */
	VIEW_MAIL,	  /* items that are no mail, as messages */
	VIEW_EVENTS,	  /* items of another class as these */
	VIEW_OPEN_EVENTS, /* tasks that are not completed */
	VIEW_TASKS,
	VIEW_NOTES,
	VIEW_MERGED, /* several folders as one */
	VIEW_HOLDER  /* only holds other folders */
};

struct folder {
	int32_t id;
	int32_t parent; /* 0 at the top */
	struct str name;
	enum item_class class;
	enum folder_role role;
	int32_t epoch;	/* uidvalidity, as a small number */
	int64_t modseq; /* highest so far */
	struct place at;
	enum folder_view view;
	enum item_class kept; /* what it really holds, whatever it is shown as */
};

/* Names as in the database and in the protocol: "Email", "inbox". False on anything else. */
bool store_class_parse(struct str name, enum item_class *out);
const char *store_class_name(enum item_class class);
bool store_role_parse(struct str name, enum folder_role *out); /* empty is ROLE_NONE */
const char *store_role_name(enum folder_role role);	       /* "" for ROLE_NONE */

enum item_flags {
	ITEM_SEEN = 1,
	ITEM_ANSWERED = 2,
	ITEM_FORWARDED = 4,
	ITEM_FLAGGED = 8,
	ITEM_DRAFT = 16,
	ITEM_COMPLETED = 32
};

struct item {
	int64_t uid;
	int64_t modseq;
	int64_t date; /* received, ms since 1970 */
	unsigned flags;
	bool gone;	  /* a tombstone: only uid and modseq are set */
	struct str marks; /* JSON, empty when none; see easel.item.marks */
	int64_t size;
};

/* Of the changes of a folder, those up to (modseq, uid) in this order are done. */
struct position {
	int64_t modseq;
	int64_t uid; /* INT64_MAX: all with this modseq */
};

struct items {
	struct item *v;
	size_t n;
};

/* A slice of an item's raw content: asked for with uid, offset and length; `bytes` is the answer.
 */
struct slice {
	int64_t uid, offset, length;
	struct str bytes; /* shorter at the end of the content; p == NULL when the item is gone */
};

struct summary {
	int64_t uid;
	bool found;
	struct item item;
	struct message *message; /* of mail, else NULL */
	struct str text;	 /* else: JSON, see struct new_item */
};

struct new_item {
	struct str raw;
	const struct message *message; /* of mail: scanned by the caller; else NULL */
	struct str summary; /* else: JSON object, what is found without reading the item */
	int64_t date;	    /* of mail: received; else what a filter looks at */
	unsigned flags;
	struct str marks; /* JSON or empty */
};

struct store;

struct store_ops {
	const char *name;

	/* An index that gives the modseqs may be made anew, and then counts from the start. */
	bool modseqs_may_fall;

	/*
	 * rollback() undoes nothing, and the store does not note by itself what it is about to add:
	 * an item is looked for by its name (find()) before it is added once more.
	 */
	bool needs_intents;

	bool (*begin)(struct store *s, struct err *e);
	bool (*commit)(struct store *s, struct err *e);
	void (*rollback)(struct store *s);

	/*
	 * Takes in what others did since: to the named folders, or, with n == 0, to the tree.
	 * Before a transaction. NULL where nobody else can have done anything; see store_refresh().
	 */
	bool (*refresh)(struct store *s, int32_t account, const int32_t *folders, size_t n,
			struct err *e);

	/* All folders of the account, parents before children, else by id. */
	bool (*folders)(struct store *s, struct arena *a, int32_t account, struct folder **out,
			size_t *n, struct err *e);
	enum found (*folder)(struct store *s, struct arena *a, int32_t account, int32_t folder,
			     struct folder *out, struct err *e);

	/*
	 * Makes a folder in another, or at the top (parent 0); gives its id, which no folder of the
	 * account ever had. ERR_NOT_FOUND: there is no such parent; ERR_EXISTS: the parent has a
	 * folder of that name, in whatever letter case; ERR_INVALID: not a name (1 to 256
	 * characters).
	 */
	bool (*create_folder)(struct store *s, int32_t account, int32_t parent, struct str name,
			      enum item_class class, int32_t *id, struct err *e);

	/*
	 * Gives a folder a name and a parent. FOUND_NONE: there is no such folder. ERR_FORBIDDEN:
	 * it has a role; ERR_INVALID: not a name, or the parent is the folder itself or below it;
	 * ERR_NOT_FOUND and ERR_EXISTS as above.
	 */
	enum found (*update_folder)(struct store *s, int32_t account, int32_t folder,
				    int32_t parent, struct str name, struct err *e);

	/*
	 * Deletes a folder with the folders below it and all that is in them. FOUND_NONE: there is
	 * no such folder. ERR_FORBIDDEN: one of them has a role.
	 */
	enum found (*delete_folder)(struct store *s, int32_t account, int32_t folder,
				    struct err *e);

	/*
	 * What changed after `since`, gone items included, in order of (modseq, uid), at most
	 * `limit`. What is committed later always has a higher position.
	 */
	bool (*changes)(struct store *s, struct arena *a, int32_t account, int32_t folder,
			struct position since, size_t limit, struct items *out, struct err *e);

	/* Living items with uid < below and date >= cutoff (ms), highest uid first, at most
	 * `limit`. */
	bool (*newest)(struct store *s, struct arena *a, int32_t account, int32_t folder,
		       int64_t below, int64_t cutoff, size_t limit, struct items *out,
		       struct err *e);

	/* Living items whose date is in [from, until), by ascending date, at most `limit`. */
	bool (*dated)(struct store *s, struct arena *a, int32_t account, int32_t folder,
		      int64_t from, int64_t until, size_t limit, struct items *out, struct err *e);

	/*
	 * Living items with `oldest` <= date < cutoff that belong to a conversation (struct
	 * message) of one of the named items, if that has a living item in the folder with
	 * date >= cutoff too; by uid. Conversations are known of the store's own messages only.
	 */
	bool (*related)(struct store *s, struct arena *a, int32_t account, int32_t folder,
			const int64_t *uids, size_t n, int64_t oldest, int64_t cutoff,
			struct items *out, struct err *e);

	/*
	 * Of the living items named in `held`, those with date < cutoff, or < oldest, of which
	 * related() would not tell; by uid, at most `limit`.
	 */
	bool (*unrelated)(struct store *s, struct arena *a, int32_t account, int32_t folder,
			  const struct uidset *held, int64_t oldest, int64_t cutoff, size_t limit,
			  struct items *out, struct err *e);

	/* Living items with uid < below and date >= cutoff: how many, counted up to `limit`. */
	bool (*count)(struct store *s, int32_t account, int32_t folder, int64_t below,
		      int64_t cutoff, size_t limit, size_t *out, struct err *e);

	/* The named items, in the order asked; one that does not exist is `gone` with modseq 0. */
	bool (*lookup)(struct store *s, struct arena *a, int32_t account, int32_t folder,
		       const int64_t *uids, size_t n, struct items *out, struct err *e);

	/*
	 * The item of a class whose summary names this "uid" (of iCalendar or vCard), in a folder
	 * or (0) in any of the account's own; the newest when several do. Gives its folder and
	 * number.
	 */
	enum found (*find)(struct store *s, int32_t account, int32_t folder, enum item_class class,
			   struct str name, int32_t *in, int64_t *uid, struct err *e);

	/*
	 * The named items with what is known of their content, in the order asked. One of which
	 * that can't be read is not found.
	 */
	bool (*summaries)(struct store *s, struct arena *a, int32_t account, int32_t folder,
			  const int64_t *uids, size_t n, struct summary **out, struct err *e);

	/*
	 * Items that fit (store/search.h), the newest first, of these those from `offset` on, at
	 * most `limit`. Folders that the account may not read have none. NULL: this store can't.
	 */
	bool (*search)(struct store *s, struct arena *a, int32_t account, const struct search *q,
		       size_t offset, size_t limit, struct hits *out, struct err *e);

	/* Slices of several items in one go. */
	bool (*slices)(struct store *s, struct arena *a, int32_t account, int32_t folder,
		       struct slice *slices, size_t n, struct err *e);

	/*
	 * A source over a slice of one item's content, read while the answer is sent; `length` must
	 * lie within the content. It uses the store's connection: nothing else may run on the same
	 * store between two reads of it that counts on a transaction.
	 */
	enum found (*open)(struct store *s, int32_t account, int32_t folder, int64_t uid,
			   int64_t offset, int64_t length, struct source **out, struct err *e);

	/*
	 * Sets flags: new = (old & ~clear) | set, and marks when marks is not NULL (an empty run
	 * removes them). Gives the modseq before and after (equal when nothing changed).
	 * FOUND_NONE: gone.
	 */
	enum found (*set_flags)(struct store *s, int32_t account, int32_t folder, int64_t uid,
				unsigned set, unsigned clear, const struct str *marks,
				int64_t *before, int64_t *after, struct err *e);

	/* Removes an item for good. *modseq: of its tombstone. FOUND_NONE: it was gone already. */
	enum found (*remove)(struct store *s, int32_t account, int32_t folder, int64_t uid,
			     int64_t *modseq, struct err *e);

	/*
	 * Moves an item to another folder of the account, flags and date kept. Gives the
	 * tombstone's modseq in the source, and uid and modseq in the destination. FOUND_NONE: the
	 * item is gone; ERR_NOT_FOUND: there is no such destination; ERR_INVALID: it is the source.
	 */
	enum found (*move)(struct store *s, int32_t account, int32_t from, int64_t uid, int32_t to,
			   int64_t *gone_modseq, int64_t *new_uid, int64_t *new_modseq,
			   struct err *e);

	/* Adds an item; gives its uid and modseq. ERR_NOT_FOUND: there is no such folder. */
	bool (*append)(struct store *s, int32_t account, int32_t folder,
		       const struct new_item *item, int64_t *uid, int64_t *modseq, struct err *e);

	/*
	 * Puts another item in the place of one, as all of it: content, date, flags, marks. A store
	 * that can't change what is in it adds the new one and removes the old one, and *new_uid is
	 * not uid then. Gives the modseq before and after. FOUND_NONE: gone; ERR_CONFLICT: its
	 * modseq is not `unchanged_since` (0: whatever it is).
	 */
	enum found (*replace)(struct store *s, int32_t account, int32_t folder, int64_t uid,
			      int64_t unchanged_since, const struct new_item *item,
			      int64_t *new_uid, int64_t *before, int64_t *after, struct err *e);
};

/* Implementations put this struct first in their own. */
struct store {
	const struct store_ops *ops;
};

/* The store's refresh(), if it has one. */
bool store_refresh(struct store *s, int32_t account, const int32_t *folders, size_t n,
		   struct err *e);

#endif
