/* imap_store_search: the mailbox search over an IMAP server and the database. See imap_store_own.h.
 */
#include "store/imap_store_own.h"

#include <stdlib.h>

#include "store/imap_search.h"

struct searching {
	const struct search *q;
	const struct imap_box *box;
	int64_t *uids;
	size_t n;
	struct hit *v;
	size_t nv, size;
};

static bool act_search(struct imap_store *s, void *ctx, struct err *e)
{
	struct searching *x = ctx;
	return imap_search(s->link, x->box, s->arena, x->q, &x->uids, &x->n, e);
}

static void make_room(struct imap_store *s, struct searching *x, size_t n)
{
	if (x->nv + n <= x->size)
		return;
	size_t size = 2 * x->size + n;
	struct hit *v = arena_array(s->arena, size, sizeof *v);
	if (x->nv)
		memcpy(v, x->v, x->nv * sizeof *v);
	x->v = v;
	x->size = size;
}

/* Those among them that are there, with their dates, if they are of the time asked for. */
static bool add_hits(struct imap_store *s, struct searching *x, int32_t folder_id,
		     const int64_t *uids, size_t n, struct err *e)
{
	struct items items;
	if (!imap_store_lookup(&s->store, s->arena, s->who.account, folder_id, uids, n, &items, e))
		return false;
	make_room(s, x, n);
	for (size_t i = 0; i < n; i++) {
		const struct item *item = &items.v[i];
		if (!item->gone && item->date > x->q->after && item->date < x->q->before)
			x->v[x->nv++] = (struct hit){folder_id, item->uid, item->date};
	}
	return true;
}

static int newest_first(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	return x->date < y->date ? 1 : x->date > y->date ? -1 : 0;
}

/* What the database finds in the folders that are its own, put among what the servers found. */
static bool add_own(struct imap_store *s, struct searching *x, const int32_t *own, size_t nown,
		    size_t most, struct err *e)
{
	struct search q = *x->q;
	struct hits hits;
	q.folders = own;
	q.nfolders = nown;
	if (nown == 0)
		return true;
	if (!s->pg->ops->search(s->pg, s->arena, s->who.account, &q, 0, most, &hits, e))
		return false;
	make_room(s, x, hits.n);
	for (size_t i = 0; i < hits.n; i++)
		x->v[x->nv++] = hits.v[i];
	return true;
}

bool imap_store_search(struct store *store, struct arena *a, int32_t account,
		       const struct search *q, size_t offset, size_t limit, struct hits *out,
		       struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct searching x = {.q = q};
	/* Which messages belong to a conversation only the database could know. */
	if (!s->entered || account != s->who.account || q->conversation.n)
		return imap_store_pg(store)->ops->search(imap_store_pg(store), a, account, q,
							 offset, limit, out, e);
	int32_t *own = arena_array(s->arena, q->nfolders + 1, sizeof *own);
	size_t nown = 0;
	/* Only what is in the index can be told of, and the phone need not have synced it. */
	if (q->nfolders && !imap_store_refresh(store, account, q->folders, q->nfolders, e))
		return false;
	for (size_t i = 0; i < q->nfolders; i++) {
		struct imap_box *box;
		bool imap;
		if (!imap_store_is_box(s, account, q->folders[i], &box, &imap, e))
			return false;
		x.box = box;
		if (!imap)
			own[nown++] = q->folders[i];
		else if (box->selectable && box->uidvalidity &&
			 (!imap_store_attempt(s, act_search, &x, e) ||
			  !add_hits(s, &x, box->folder, x.uids, x.n, e)))
			return false;
	}
	if (!add_own(s, &x, own, nown, offset + limit, e))
		return false;
	qsort(x.v, x.nv, sizeof *x.v, newest_first);
	*out = (struct hits){.v = arena_array(a, limit, sizeof *out->v)};
	for (size_t i = offset; i < x.nv && out->n < limit; i++)
		out->v[out->n++] = x.v[i];
	out->total = out->n ? x.nv : 0;
	return true;
}
