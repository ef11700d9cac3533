/*
 * model: what the parts of the model test share. A phone syncs two folders with the real Sync
 * command over a store and ledger rows that are told to fail; see test/unit/test_faults.c.
 *
 * Everything here belongs to one program and one thread: the parts are headers of static functions.
 * The first thing that is found wrong ends the run; what it was stands in `wrong`.
 */
#ifndef EASEL_TEST_FAULTS_MODEL_H
#define EASEL_TEST_FAULTS_MODEL_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/err.h"
#include "core/base/str.h"
#include "core/synckey.h"
#include "store/fake.h"
#include "store/ledger.h"
#include "store/moved_item.h"
#include "store/pg.h"

enum { FOLDERS = 2, EDITS_MAX = 20000, ITEMS_MAX = 4000, STALLED_MAX = 8, TOUCHED_MAX = 65536 };

#define DAY_MS (INT64_C(24) * 60 * 60 * 1000)

/* What a person does to an item on the phone. */
enum edit_kind { EDIT_READ, EDIT_UNREAD, EDIT_FLAG, EDIT_UNFLAG, EDIT_DELETE, EDIT_ADD };

struct edit {
	enum edit_kind kind;
	int folder; /* index */
	int32_t epoch;
	int64_t uid;
	unsigned after; /* flags of the item then, but of mail */
	int number;	/* of the item, when the phone has made it; else -1 */
	bool done;	/* the server carried it out */
	bool uncertain; /* it was carried out, but what the server noted of it was rolled back */
};

/* Edits by their place in model.edits. */
struct edit_list {
	int v[256];
	int n;
};

struct phone_item {
	int64_t uid; /* below 0: made on the phone, and not answered */
	unsigned flags;
	int number; /* as in an edit */
};

struct phone_folder {
	char key[SYNCKEY_TEXT];
	int32_t epoch;
	int filter;	/* FilterType */
	int conflict;	/* who wins: a CONFLICT_ */
	int64_t cutoff; /* of the last request that was answered */
	struct phone_item *items;
	size_t n;
	struct edit_list queue; /* made, and not acknowledged by an answer */
};

/* A request as it was sent; what of the queue went with it stands first in the queue. */
struct sent {
	char *bytes; /* malloc'd */
	size_t n;
	bool asked[FOLDERS];
	bool zero[FOLDERS];
	int64_t cutoff[FOLDERS];
	unsigned window[FOLDERS], all_windows; /* most commands of a folder, of all */
	struct edit_list edits[FOLDERS];
};

/* A request that moves items (MoveItems). */
enum { MOVES_AT_ONCE = 4 };

struct moving {
	char *bytes; /* malloc'd; NULL: nothing is being moved */
	size_t n;
	int from, count; /* folder; items */
	int64_t uid[MOVES_AT_ONCE];
};

/* Rows of the ledger in memory; copied whole for each transaction. */
struct rows {
	struct arena *arena;
	struct ledger ledger[FOLDERS];
	struct sync_done *done[FOLDERS];
	size_t ndone[FOLDERS];
	struct sync_added *added[FOLDERS];
	size_t nadded[FOLDERS];
	struct moved_item *moved;
	size_t nmoved;
};

struct model {
	uint64_t seed, random;
	unsigned steps;
	unsigned kind; /* see kinds.h */
	bool trace;
	char wrong[400]; /* "" as long as all is well */

	struct store *store;  /* as the command sees it */
	struct store *others; /* as everybody else sees it */
	const struct store_ops *real;
	struct store_ops ops;
	struct pg *db, *others_db;	      /* NULL: rows in memory, the fake store */
	struct pg *idle;		      /* in place of db, and never connected */
	struct store *own[2];		      /* behind the two, when mail is on an IMAP server */
	struct imap_pool *pool, *others_pool; /* NULL: the mail is on no IMAP server */
	struct rows *rows, *work;
	int32_t account, device, folder[FOLDERS];
	int32_t others_account, others_folder[FOLDERS]; /* mostly the same ones */
	int64_t now;
	int sync_max_bytes;

	/* The request that is being served. */
	const struct sent *serving;
	bool in_transaction;
	int applied[256]; /* edits carried out in the open transaction */
	int napplied;
	unsigned race; /* one in so many calls of the store meets an edit by somebody else; 0: none
			*/
	int64_t looked_up; /* the last uid of a lookup; 0: none */
	int looked_up_in;
	unsigned db_calls, db_fault_at;
	bool db_done; /* that call is done and then reports failure */
	enum fake_fault fault;
	unsigned connection;
	bool nested;  /* a request that came while another one had not claimed its folders */
	bool killing; /* the IMAP server, about now */
	int messages, added, removed; /* on it, when it was counted; and since then at most */

	struct phone_folder phone[FOLDERS];
	bool may_restart[FOLDERS]; /* there is a reason for status 3 */
	bool crashed[FOLDERS];	 /* the phone took part of an answer and went on with its old key */
	bool read_only[FOLDERS]; /* nobody may change anything through Sync or MoveItems */
	bool may_refuse[FOLDERS]; /* it was, and a request of then may be repeated */
	int refused;		  /* edits of the last answer that the server's version won over */
	unsigned told[FOLDERS];	  /* commands that were ever taken */
	struct sent last;	  /* sent and not answered; bytes NULL: none */
	struct sent stalled[STALLED_MAX];
	int nstalled;
	struct moving moving, stalled_moving; /* sent and not answered; held up on its way */
	struct edit *edits;
	int nedits;
	unsigned char touched[FOLDERS][TOUCHED_MAX]; /* by uid: not by the phone alone */
	bool news[FOLDERS];			     /* the last answer brought something */
	bool storm;				     /* hardly an answer arrives */
};

static struct model *m;

/* ---- Chance ---- */

static inline uint64_t chance_next(void)
{
	uint64_t z = (m->random += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* 0 to n - 1 */
static inline unsigned chance(unsigned n)
{
	return (unsigned)(chance_next() % n);
}

static inline bool percent(unsigned n)
{
	return chance(100) < n;
}

/* ---- Telling ---- */

__attribute__((format(printf, 1, 2))) static inline void model_trace(const char *fmt, ...)
{
	va_list ap;
	if (!m->trace)
		return;
	printf("# %u: ", m->steps);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

__attribute__((format(printf, 1, 2))) static inline void model_wrong(const char *fmt, ...)
{
	va_list ap;
	if (m->wrong[0])
		return;
	va_start(ap, fmt);
	vsnprintf(m->wrong, sizeof m->wrong, fmt, ap);
	va_end(ap);
	model_trace("WRONG: %s", m->wrong);
}

static inline int folder_index(int64_t id)
{
	for (int i = 0; i < FOLDERS; i++)
		if (m->folder[i] == id)
			return i;
	return -1;
}

/* Somebody else changed the item, or the server lost its note of what the phone did. */
static inline void model_touch(int folder, int64_t uid)
{
	if (uid < TOUCHED_MAX)
		m->touched[folder][uid] = 1;
}

static inline bool model_touched(int folder, int64_t uid)
{
	return uid >= TOUCHED_MAX || m->touched[folder][uid];
}

static inline bool list_has(const struct edit_list *l, int edit)
{
	for (int i = 0; i < l->n; i++)
		if (l->v[i] == edit)
			return true;
	return false;
}

static inline void list_remove(struct edit_list *l, int edit)
{
	int kept = 0;
	for (int i = 0; i < l->n; i++)
		if (l->v[i] != edit)
			l->v[kept++] = l->v[i];
	l->n = kept;
}

#endif
