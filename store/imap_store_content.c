/* imap_store_content: what is in messages on an IMAP server. See imap_store_own.h. */
#include "store/imap_store_own.h"

#include <stdlib.h>

enum { SOURCE_CHUNK = 512 * 1024 };

struct reading {
	const struct imap_box *box;
	struct arena *a;
	struct summary *summaries;
	struct slice *slices;
	size_t n;
};

static bool read_summaries(struct imap_store *s, void *ctx, struct err *e)
{
	struct reading *r = ctx;
	return imap_box_select(s->link, r->box, e) &&
	       imap_reader_summaries(s->reader, s->link, r->box, r->a, r->summaries, r->n, e);
}

static bool read_slices(struct imap_store *s, void *ctx, struct err *e)
{
	struct reading *r = ctx;
	return imap_box_select(s->link, r->box, e) &&
	       imap_reader_slices(s->reader, s->link, r->box, r->a, r->slices, r->n, e);
}

bool imap_store_summaries(struct store *store, struct arena *a, int32_t account, int32_t id,
			  const int64_t *uids, size_t n, struct summary **out, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct imap_box *box;
	struct items items;
	bool imap;
	if (!imap_store_is_box(s, account, id, &box, &imap, e))
		return false;
	if (!imap)
		return imap_store_pg(store)->ops->summaries(imap_store_pg(store), a, account, id,
							    uids, n, out, e);
	*out = arena_array(a, n, sizeof **out);
	if (!imap_store_lookup(store, a, account, id, uids, n, &items, e))
		return false;
	for (size_t i = 0; i < n; i++)
		(*out)[i] = (struct summary){
			.uid = uids[i], .found = !items.v[i].gone, .item = items.v[i]};
	struct reading r = {.box = box, .a = a, .summaries = *out, .n = n};
	if (n == 0 || imap_store_attempt(s, read_summaries, &r, e))
		return true;
	for (size_t i = 0; i < n; i++)
		(*out)[i].found = false;
	return imap_store_none_found(e);
}

bool imap_store_slices(struct store *store, struct arena *a, int32_t account, int32_t id,
		       struct slice *v, size_t n, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct imap_box *box;
	bool imap;
	if (!imap_store_is_box(s, account, id, &box, &imap, e))
		return false;
	if (!imap)
		return imap_store_pg(store)->ops->slices(imap_store_pg(store), a, account, id, v, n,
							 e);
	for (size_t i = 0; i < n; i++)
		v[i].bytes = (struct str){NULL, 0};
	struct reading r = {.box = box, .a = a, .slices = v, .n = n};
	return n == 0 || imap_store_attempt(s, read_slices, &r, e) || imap_store_none_found(e);
}

struct inviting {
	const struct imap_box *box;
	struct imap_invitations *v;
};

static bool keep_invitations(struct imap_store *s, void *ctx, struct err *e)
{
	struct inviting *x = ctx;
	return imap_invitations_keep(s->link, x->box, x->v, e);
}

enum found store_imap_invitations(struct store *store, struct arena *a, int32_t account,
				  struct imap_invitations *out, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct imap_box *box = NULL;
	if (!s->news || !s->entered || account != s->who.account)
		return FOUND_NONE;
	s->news = false;
	enum found found = imap_invitations_new(s->db, a, account, out, e);
	if (found == FOUND_ONE)
		found = imap_store_find_box(s, account, out->folder, &box, e);
	struct inviting x = {box, out};
	if (found == FOUND_ONE && !imap_store_attempt(s, keep_invitations, &x, e))
		return imap_store_none_found(e) ? FOUND_NONE : FOUND_FAILED;
	return found;
}

/* A source that is read by partial FETCHes while the answer is sent. */
struct imap_source {
	struct source source;
	struct imap_store *s;
	struct imap_box box;
	struct arena *arena; /* of what was read last */
	int64_t uid, next, end;
	struct str left;
	struct slice slice;
};

static bool read_slice(struct imap_store *s, void *ctx, struct err *e)
{
	struct imap_source *src = ctx;
	if (!imap_box_select(s->link, &src->box, e))
		return false;
	enum found found =
		imap_reader_slice(s->reader, s->link, &src->box, src->arena, &src->slice, e);
	return found == FOUND_ONE || (found == FOUND_NONE &&
				      err_set(e, ERR_NOT_FOUND, "the item went while it was read"));
}

static bool source_refill(struct imap_source *src, struct err *e)
{
	int64_t n = src->end - src->next < SOURCE_CHUNK ? src->end - src->next : SOURCE_CHUNK;
	arena_reset(src->arena);
	src->slice = (struct slice){.uid = src->uid, .offset = src->next, .length = n};
	if (!imap_store_attempt(src->s, read_slice, src, e))
		return false;
	src->left = src->slice.bytes;
	if ((int64_t)src->left.n != n)
		return err_set(e, ERR_NOT_FOUND, "the item is shorter than the server said");
	src->next += n;
	return true;
}

static bool source_read(struct source *source, char *out, size_t n, size_t *got, struct err *e)
{
	struct imap_source *src = (struct imap_source *)source;
	*got = 0;
	if (src->left.n == 0 && src->next < src->end && !source_refill(src, e))
		return false;
	struct str piece = str_sub(src->left, 0, n);
	if (piece.n)
		memcpy(out, piece.p, piece.n);
	src->left = str_sub(src->left, piece.n, SIZE_MAX);
	*got = piece.n;
	return true;
}

static void source_close(struct source *source)
{
	struct imap_source *src = (struct imap_source *)source;
	arena_free(&src->arena);
	free(src);
}

/* The size of the whole is known here; that of a part stands in its summary. */
enum found imap_store_open(struct store *store, int32_t account, int32_t id, int64_t uid,
			   int64_t offset, int64_t length, struct source **out, struct err *e)
{
	struct imap_store *s = imap_store_of(store);
	struct imap_box *box;
	struct item item;
	bool imap;
	if (!imap_store_is_box(s, account, id, &box, &imap, e))
		return FOUND_FAILED;
	if (!imap)
		return imap_store_pg(store)->ops->open(imap_store_pg(store), account, id, uid,
						       offset, length, out, e);
	enum found there = imap_store_find_item(store, account, id, uid, &item, e);
	if (there != FOUND_ONE)
		return there;
	bool whole = offset >> 40 == 0;
	if (offset < 0 || length < 0 ||
	    (whole && (offset > item.size || length > item.size - offset))) {
		err_set(e, ERR_INVALID, "a slice outside its item");
		return FOUND_FAILED;
	}
	struct imap_source *src = base_calloc(1, sizeof *src);
	*src = (struct imap_source){
		.source = {(uint64_t)length, source_read, source_close},
		.s = s,
		.box = *box,
		.arena = arena_new(8 << 20),
		.uid = uid,
		.next = offset,
		.end = offset + length,
	};
	*out = &src->source;
	return FOUND_ONE;
}
