/*
 * fake: a store in memory. See fake.h for what it can be told to do wrong.
 *
 * It is kept simple rather than fast: folders and items are arrays that are searched from the
 * start.
 */
#include "store/fake.h"

#include <stdlib.h>

#include <jansson.h>

#include "core/base/arena.h"
#include "store/message.h"

struct fake_item {
	struct item item; /* a tombstone when gone; marks malloc'd */
	char *raw;	  /* malloc'd; NULL in a tombstone */
	char *summary;	  /* malloc'd; NULL in a tombstone, and of mail */
};

struct fake_folder {
	int32_t account;
	bool gone;	      /* its id is not used again */
	struct folder folder; /* name malloc'd */
	int64_t next_uid;
	unsigned shared; /* changes that still share one modseq */
	bool started;	 /* the first of them has raised it */
	struct fake_item *items;
	size_t n, room;
};

struct fake {
	struct store store;
	struct fake_folder *folders;
	size_t n, room;
	unsigned calls;
	enum fake_fault fault;
	unsigned fault_at; /* in calls */
};

/* ---------------------------------------------------------------------------------------------
 * Memory */

static char *copy_bytes(struct str s)
{
	char *p = base_malloc(s.n + 1);
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

static struct str own(struct str s)
{
	return s.n > 0 ? (struct str){copy_bytes(s), s.n} : (struct str){NULL, 0};
}

static void *grown(void *v, size_t n, size_t *room, size_t size)
{
	if (n < *room)
		return v;
	*room = *room ? *room * 2 : 16;
	return base_realloc(v, *room * size);
}

static void drop_content(struct fake_item *it)
{
	free((char *)it->item.marks.p);
	free(it->raw);
	free(it->summary);
	it->item.marks = (struct str){NULL, 0};
	it->raw = it->summary = NULL;
}

/* What is in it and its name; what is left may be freed again. */
static void free_folder(struct fake_folder *f)
{
	for (size_t i = 0; i < f->n; i++)
		drop_content(&f->items[i]);
	free(f->items);
	free((char *)f->folder.name.p);
	f->items = NULL;
	f->n = f->room = 0;
	f->folder.name = (struct str){NULL, 0};
}

void store_fake_free(struct store **s)
{
	if (!s || !*s)
		return;
	struct fake *f = (struct fake *)*s;
	for (size_t i = 0; i < f->n; i++)
		free_folder(&f->folders[i]);
	free(f->folders);
	free(f);
	*s = NULL;
}

/* ---------------------------------------------------------------------------------------------
 * Faults. Every operation begins with fails_now() and ends with fails_after(). */

static bool due(const struct fake *f, enum fake_fault fault)
{
	return f->fault == fault && f->calls == f->fault_at;
}

static bool fails_now(struct store *s, struct err *e)
{
	struct fake *f = (struct fake *)s;
	f->calls++;
	return due(f, FAKE_FAIL) && !err_set(e, ERR_UNAVAILABLE, "fake: told to fail");
}

static bool fails_after(struct store *s, struct err *e)
{
	return due((struct fake *)s, FAKE_DO_THEN_FAIL) &&
	       !err_set(e, ERR_UNAVAILABLE, "fake: done, but told to fail");
}

static enum found found_or_fault(struct store *s, enum found found, struct err *e)
{
	return fails_after(s, e) ? FOUND_FAILED : found;
}

/* ---------------------------------------------------------------------------------------------
 * Finding */

static struct fake_folder *find_folder(const struct store *s, int32_t account, int32_t id)
{
	const struct fake *f = (const struct fake *)s;
	for (size_t i = 0; i < f->n; i++)
		if (f->folders[i].account == account && f->folders[i].folder.id == id &&
		    !f->folders[i].gone)
			return &f->folders[i];
	return NULL;
}

/* Folders above it; there are no loops. */
static unsigned depth_of(const struct store *s, const struct fake_folder *f)
{
	unsigned depth = 0;
	while (f && f->folder.parent != 0) {
		f = find_folder(s, f->account, f->folder.parent);
		depth++;
	}
	return depth;
}

/* Whether the folder is the other one or below it. */
static bool is_inside(const struct store *s, const struct fake_folder *f, int32_t other)
{
	while (f && f->folder.id != other)
		f = find_folder(s, f->account, f->folder.parent);
	return f != NULL;
}

/* A living item, or NULL; f may be NULL. */
static struct fake_item *find_item(const struct fake_folder *f, int64_t uid)
{
	for (size_t i = 0; f && i < f->n; i++)
		if (f->items[i].item.uid == uid && !f->items[i].item.gone)
			return &f->items[i];
	return NULL;
}

static struct item item_copy(struct arena *a, const struct fake_item *it)
{
	struct item copy = it->item;
	if (copy.marks.n > 0)
		copy.marks.p = arena_dup(a, copy.marks.p, copy.marks.n);
	return copy;
}

static struct folder folder_copy(struct arena *a, const struct fake_folder *f)
{
	struct folder copy = f->folder;
	copy.at = (struct place){f->account, copy.id, RIGHTS_ALL};
	copy.kept = copy.class;
	copy.name.p = arena_dup(a, f->folder.name.p, f->folder.name.n);
	return copy;
}

static int by_position(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	if (a->modseq != b->modseq)
		return a->modseq < b->modseq ? -1 : 1;
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

static int by_date(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	if (a->date != b->date)
		return a->date < b->date ? -1 : 1;
	return a->uid < b->uid ? -1 : a->uid > b->uid;
}

static int from_the_top(const void *x, const void *y)
{
	const struct item *a = x, *b = y;
	return a->uid > b->uid ? -1 : a->uid < b->uid;
}

/* What items are chosen by. */
struct choice {
	bool tombstones;
	struct position after;
	int64_t below;
	int64_t from, until; /* date; until INT64_MAX: no end */
};

static bool chosen(const struct item *i, const struct choice *c)
{
	if (i->gone && !c->tombstones)
		return false;
	if (i->modseq < c->after.modseq || (i->modseq == c->after.modseq && i->uid <= c->after.uid))
		return false;
	if (i->gone)
		return true;
	return i->uid < c->below && i->date >= c->from &&
	       (c->until == INT64_MAX || i->date < c->until);
}

static struct items choose(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
			   const struct choice *c, int (*order)(const void *, const void *),
			   size_t limit)
{
	const struct fake_folder *f = find_folder(s, account, folder_id);
	struct items out = {arena_array(a, f ? f->n : 0, sizeof *out.v), 0};
	for (size_t i = 0; f && i < f->n; i++)
		if (chosen(&f->items[i].item, c))
			out.v[out.n++] = item_copy(a, &f->items[i]);
	if (out.n > 1)
		qsort(out.v, out.n, sizeof *out.v, order);
	if (out.n > limit)
		out.n = limit;
	return out;
}

/* ---------------------------------------------------------------------------------------------
 * Looking. There are no transactions, as in any store outside PostgreSQL. */

static bool begin(struct store *s, struct err *e)
{
	return !fails_now(s, e) && !fails_after(s, e);
}

static void rollback(struct store *s)
{
	(void)s;
}

/* By depth, then by id, which is how they lie. */
static bool folders(struct store *s, struct arena *a, int32_t account, struct folder **out,
		    size_t *n, struct err *e)
{
	const struct fake *f = (struct fake *)s;
	if (fails_now(s, e))
		return false;
	*out = arena_array(a, f->n, sizeof **out);
	*n = 0;
	bool deeper = true;
	for (unsigned depth = 0; deeper; depth++) {
		deeper = false;
		for (size_t i = 0; i < f->n; i++) {
			if (f->folders[i].account != account || f->folders[i].gone)
				continue;
			unsigned d = depth_of(s, &f->folders[i]);
			deeper = deeper || d > depth;
			if (d == depth)
				(*out)[(*n)++] = folder_copy(a, &f->folders[i]);
		}
	}
	return !fails_after(s, e);
}

static enum found folder(struct store *s, struct arena *a, int32_t account, int32_t id,
			 struct folder *out, struct err *e)
{
	if (fails_now(s, e))
		return FOUND_FAILED;
	const struct fake_folder *f = find_folder(s, account, id);
	if (f)
		*out = folder_copy(a, f);
	return found_or_fault(s, f ? FOUND_ONE : FOUND_NONE, e);
}

static bool changes(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		    struct position since, size_t limit, struct items *out, struct err *e)
{
	struct choice c = {.tombstones = true,
			   .after = since,
			   .below = INT64_MAX,
			   .from = INT64_MIN,
			   .until = INT64_MAX};
	if (fails_now(s, e))
		return false;
	*out = choose(s, a, account, folder_id, &c, by_position, limit);
	return !fails_after(s, e);
}

static bool newest(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		   int64_t below, int64_t cutoff, size_t limit, struct items *out, struct err *e)
{
	struct choice c = {.below = below, .from = cutoff, .until = INT64_MAX};
	if (fails_now(s, e))
		return false;
	*out = choose(s, a, account, folder_id, &c, from_the_top, limit);
	return !fails_after(s, e);
}

static bool dated(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		  int64_t from, int64_t until, size_t limit, struct items *out, struct err *e)
{
	struct choice c = {.below = INT64_MAX, .from = from, .until = until};
	if (fails_now(s, e))
		return false;
	*out = choose(s, a, account, folder_id, &c, by_date, limit);
	return !fails_after(s, e);
}

static bool count(struct store *s, int32_t account, int32_t folder_id, int64_t below,
		  int64_t cutoff, size_t limit, size_t *out, struct err *e)
{
	struct choice c = {.below = below, .from = cutoff, .until = INT64_MAX};
	if (fails_now(s, e))
		return false;
	struct arena *a = arena_new(1024 * 1024);
	*out = choose(s, a, account, folder_id, &c, by_position, limit).n;
	arena_free(&a);
	return !fails_after(s, e);
}

static bool lookup(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		   const int64_t *uids, size_t n, struct items *out, struct err *e)
{
	if (fails_now(s, e))
		return false;
	const struct fake_folder *f = find_folder(s, account, folder_id);
	*out = (struct items){arena_array(a, n, sizeof *out->v), n};
	for (size_t i = 0; i < n; i++) {
		const struct fake_item *it = find_item(f, uids[i]);
		out->v[i] = it ? item_copy(a, it) : (struct item){.uid = uids[i], .gone = true};
	}
	return !fails_after(s, e);
}

/* Whether a summary, a JSON object, names the "uid". */
static bool is_named(const char *summary, struct str name)
{
	json_t *o = json_loads(summary, 0, NULL);
	const json_t *uid = json_object_get(o, "uid");
	bool same = str_eq((struct str){json_string_value(uid), json_string_length(uid)}, name);
	json_decref(o);
	return same;
}

static enum found find_named(struct store *s, int32_t account, int32_t folder_id,
			     enum item_class class, struct str name, int32_t *in, int64_t *uid,
			     struct err *e)
{
	const struct fake *f = (struct fake *)s;
	enum found found = FOUND_NONE;
	if (fails_now(s, e))
		return FOUND_FAILED;
	for (size_t i = 0; i < f->n; i++) {
		const struct fake_folder *o = &f->folders[i];
		if (o->account != account || o->gone || o->folder.class != class ||
		    (folder_id && folder_id != o->folder.id))
			continue;
		for (size_t k = 0; k < o->n; k++)
			if (o->items[k].summary && is_named(o->items[k].summary, name)) {
				*in = o->folder.id;
				*uid = o->items[k].item.uid;
				found = FOUND_ONE;
			}
	}
	return found_or_fault(s, found, e);
}

static bool scan(struct arena *a, const struct fake_item *it, struct message *out, struct err *e)
{
	size_t size = (size_t)it->item.size;
	struct str raw = {arena_dup(a, it->raw, size), size};
	return message_scan(a, raw, out, e);
}

static bool same_conversation(const struct message *m, const struct message *other)
{
	return m->has_conversation && other->has_conversation &&
	       memcmp(m->conversation, other->conversation, sizeof m->conversation) == 0;
}

static bool summarise(struct arena *a, const struct fake_item *it, struct summary *out,
		      struct err *e)
{
	out->found = true;
	out->item = item_copy(a, it);
	if (it->summary) {
		out->text = str_of(arena_strdup(a, it->summary));
		return true;
	}
	out->message = arena_alloc(a, sizeof *out->message);
	return scan(a, it, out->message, e);
}

static bool summaries(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		      const int64_t *uids, size_t n, struct summary **out, struct err *e)
{
	if (fails_now(s, e))
		return false;
	const struct fake_folder *f = find_folder(s, account, folder_id);
	*out = arena_array(a, n, sizeof **out);
	for (size_t i = 0; i < n; i++) {
		const struct fake_item *it = find_item(f, uids[i]);
		(*out)[i].uid = uids[i];
		if (it && !summarise(a, it, &(*out)[i], e))
			return false;
	}
	return !fails_after(s, e);
}

/* Whether an item's conversation has a living one in the folder that is not older than cutoff. */
static bool reaches(struct arena *a, const struct fake_folder *f, const struct message *m,
		    int64_t cutoff)
{
	struct message other;
	struct err e;
	for (size_t i = 0; m->has_conversation && i < f->n; i++) {
		const struct fake_item *it = &f->items[i];
		if (!it->item.gone && it->item.date >= cutoff && scan(a, it, &other, &e) &&
		    same_conversation(m, &other))
			return true;
	}
	return false;
}

static bool names_conversation(struct arena *a, const struct fake_folder *f, const int64_t *uids,
			       size_t n, const struct message *m)
{
	struct message named;
	struct err e;
	for (size_t i = 0; i < n; i++) {
		const struct fake_item *it = find_item(f, uids[i]);
		if (it && scan(a, it, &named, &e) && same_conversation(m, &named))
			return true;
	}
	return false;
}

static bool related(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		    const int64_t *uids, size_t n, int64_t oldest, int64_t cutoff,
		    struct items *out, struct err *e)
{
	if (fails_now(s, e))
		return false;
	const struct fake_folder *f = find_folder(s, account, folder_id);
	*out = (struct items){arena_array(a, f ? f->n : 0, sizeof *out->v), 0};
	for (size_t i = 0; f && i < f->n; i++) {
		const struct fake_item *it = &f->items[i];
		struct message m;
		if (!it->item.gone && it->item.date >= oldest && it->item.date < cutoff &&
		    scan(a, it, &m, e) && names_conversation(a, f, uids, n, &m) &&
		    reaches(a, f, &m, cutoff))
			out->v[out->n++] = item_copy(a, it);
	}
	return !fails_after(s, e);
}

static bool unrelated(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		      const struct uidset *held, int64_t oldest, int64_t cutoff, size_t limit,
		      struct items *out, struct err *e)
{
	if (fails_now(s, e))
		return false;
	const struct fake_folder *f = find_folder(s, account, folder_id);
	*out = (struct items){arena_array(a, f ? f->n : 0, sizeof *out->v), 0};
	for (size_t i = 0; f && i < f->n && out->n < limit; i++) {
		const struct fake_item *it = &f->items[i];
		struct message m;
		if (!it->item.gone && it->item.date < cutoff && uidset_has(held, it->item.uid) &&
		    (it->item.date < oldest || !scan(a, it, &m, e) || !reaches(a, f, &m, cutoff)))
			out->v[out->n++] = item_copy(a, it);
	}
	return !fails_after(s, e);
}

static struct str slice_of(struct arena *a, const struct fake_item *it, int64_t offset,
			   int64_t length)
{
	struct str raw = {it->raw, (size_t)it->item.size};
	struct str part =
		str_sub(raw, offset < 0 ? 0 : (size_t)offset, length < 0 ? 0 : (size_t)length);
	return (struct str){arena_dup(a, part.p, part.n), part.n};
}

static bool slices(struct store *s, struct arena *a, int32_t account, int32_t folder_id,
		   struct slice *v, size_t n, struct err *e)
{
	if (fails_now(s, e))
		return false;
	const struct fake_folder *f = find_folder(s, account, folder_id);
	for (size_t i = 0; i < n; i++) {
		const struct fake_item *it = find_item(f, v[i].uid);
		v[i].bytes = it ? slice_of(a, it, v[i].offset, v[i].length) : (struct str){NULL, 0};
	}
	return !fails_after(s, e);
}

/* A source each read of which counts as a call of the store. */
struct fake_source {
	struct source source;
	struct store *store;
	struct source *bytes;
};

static bool source_read(struct source *s, char *out, size_t n, size_t *got, struct err *e)
{
	struct fake_source *src = (struct fake_source *)s;
	return !fails_now(src->store, e) && src->bytes->read(src->bytes, out, n, got, e) &&
	       !fails_after(src->store, e);
}

static void source_close(struct source *s)
{
	struct fake_source *src = (struct fake_source *)s;
	src->bytes->close(src->bytes);
	free(src);
}

static struct source *source_new(struct store *s, const struct fake_item *it, int64_t offset,
				 int64_t length)
{
	struct fake_source *src = base_calloc(1, sizeof *src);
	src->source = (struct source){(uint64_t)length, source_read, source_close};
	src->store = s;
	src->bytes = source_bytes(it->raw + offset, (size_t)length);
	return &src->source;
}

static enum found open_content(struct store *s, int32_t account, int32_t folder_id, int64_t uid,
			       int64_t offset, int64_t length, struct source **out, struct err *e)
{
	if (fails_now(s, e))
		return FOUND_FAILED;
	const struct fake_item *it = find_item(find_folder(s, account, folder_id), uid);
	if (!it || fails_after(s, e))
		return found_or_fault(s, FOUND_NONE, e);
	int64_t size = it->item.size;
	if (offset < 0 || length < 0 || offset > size || length > size - offset) {
		err_set(e, ERR_INVALID, "a slice outside its item");
		return FOUND_FAILED;
	}
	*out = source_new(s, it, offset, length);
	return FOUND_ONE;
}

/* ---------------------------------------------------------------------------------------------
 * Acting on folders */

static struct fake_folder *new_folder(struct fake *f, int32_t account, struct str name)
{
	int32_t id = 1;
	for (size_t i = 0; i < f->n; i++)
		id += f->folders[i].account == account;
	f->folders = grown(f->folders, f->n, &f->room, sizeof *f->folders);
	f->folders[f->n] = (struct fake_folder){
		.account = account,
		.folder = {.id = id, .name = own(name), .epoch = 1, .modseq = 1},
		.next_uid = 1,
	};
	return &f->folders[f->n++];
}

/* Characters, of text that is UTF-8. */
static size_t characters(struct str s)
{
	size_t n = 0;
	for (size_t i = 0; i < s.n; i++)
		n += ((unsigned char)s.p[i] & 0xc0) != 0x80;
	return n;
}

/* Whether the folder `self` (0: one to be made) can have this place and name. */
static bool check_place(struct store *s, int32_t account, int32_t self, int32_t parent,
			struct str name, struct err *e)
{
	const struct fake *f = (struct fake *)s;
	if (characters(name) < 1 || characters(name) > 256)
		return err_set(e, ERR_INVALID, "not a name");
	const struct fake_folder *above = find_folder(s, account, parent);
	if (parent != 0 && !above)
		return err_set(e, ERR_NOT_FOUND, "there is no folder %d", (int)parent);
	if (self != 0 && is_inside(s, above, self))
		return err_set(e, ERR_INVALID, "folder %d would be inside itself", (int)self);
	for (size_t i = 0; i < f->n; i++) {
		const struct fake_folder *o = &f->folders[i];
		if (o->account == account && !o->gone && o->folder.parent == parent &&
		    o->folder.id != self && str_eq_nocase(o->folder.name, name))
			return err_set(e, ERR_EXISTS, "the name is taken");
	}
	return true;
}

static bool create_folder(struct store *s, int32_t account, int32_t parent, struct str name,
			  enum item_class class, int32_t *id, struct err *e)
{
	if (fails_now(s, e) || !check_place(s, account, 0, parent, name, e))
		return false;
	struct fake_folder *f = new_folder((struct fake *)s, account, name);
	f->folder.parent = parent;
	f->folder.class = class;
	*id = f->folder.id;
	return !fails_after(s, e);
}

static enum found update_folder(struct store *s, int32_t account, int32_t id, int32_t parent,
				struct str name, struct err *e)
{
	if (fails_now(s, e))
		return FOUND_FAILED;
	struct fake_folder *f = find_folder(s, account, id);
	if (!f)
		return found_or_fault(s, FOUND_NONE, e);
	if (f->folder.role != ROLE_NONE) {
		err_set(e, ERR_FORBIDDEN, "folder %d has a role", (int)id);
		return FOUND_FAILED;
	}
	if (!check_place(s, account, id, parent, name, e))
		return FOUND_FAILED;
	free((char *)f->folder.name.p);
	f->folder.name = own(name);
	f->folder.parent = parent;
	return found_or_fault(s, FOUND_ONE, e);
}

static enum found delete_folder(struct store *s, int32_t account, int32_t id, struct err *e)
{
	struct fake *f = (struct fake *)s;
	if (fails_now(s, e))
		return FOUND_FAILED;
	bool *doomed = base_calloc(f->n + 1, sizeof *doomed);
	size_t n = 0;
	bool special = false;
	for (size_t i = 0; i < f->n; i++) {
		const struct fake_folder *o = &f->folders[i];
		doomed[i] = o->account == account && !o->gone && is_inside(s, o, id);
		n += doomed[i];
		special = special || (doomed[i] && o->folder.role != ROLE_NONE);
	}
	for (size_t i = 0; i < f->n && !special; i++) {
		if (!doomed[i])
			continue;
		free_folder(&f->folders[i]);
		f->folders[i].gone = true;
	}
	free(doomed);
	if (special) {
		err_set(e, ERR_FORBIDDEN, "folder %d is or holds one that has a role", (int)id);
		return FOUND_FAILED;
	}
	return found_or_fault(s, n ? FOUND_ONE : FOUND_NONE, e);
}

/* ---------------------------------------------------------------------------------------------
 * Acting on items */

/* The modseq of the next change of a folder. */
static int64_t raise_modseq(struct fake_folder *f)
{
	bool same = f->shared > 0 && f->started;
	f->started = f->shared > 0;
	if (f->shared > 0)
		f->shared--;
	if (!same)
		f->folder.modseq++;
	return f->folder.modseq;
}

static void bury(struct fake_folder *f, struct fake_item *it)
{
	drop_content(it);
	it->item = (struct item){.uid = it->item.uid, .modseq = raise_modseq(f), .gone = true};
}

static struct fake_item *new_item(struct fake_folder *f)
{
	f->items = grown(f->items, f->n, &f->room, sizeof *f->items);
	struct fake_item *it = &f->items[f->n++];
	*it = (struct fake_item){.item = {.uid = f->next_uid++, .modseq = raise_modseq(f)}};
	return it;
}

static enum found set_flags(struct store *s, int32_t account, int32_t folder_id, int64_t uid,
			    unsigned set, unsigned clear, const struct str *marks, int64_t *before,
			    int64_t *after, struct err *e)
{
	if (fails_now(s, e))
		return FOUND_FAILED;
	struct fake_folder *f = find_folder(s, account, folder_id);
	struct fake_item *it = find_item(f, uid);
	if (!it)
		return found_or_fault(s, FOUND_NONE, e);
	unsigned flags = (it->item.flags & ~clear) | set;
	bool marked = marks && !str_eq(*marks, it->item.marks);
	*before = it->item.modseq;
	if (flags != it->item.flags || marked)
		it->item.modseq = raise_modseq(f);
	it->item.flags = flags;
	if (marked) {
		free((char *)it->item.marks.p);
		it->item.marks = own(*marks);
	}
	*after = it->item.modseq;
	return found_or_fault(s, FOUND_ONE, e);
}

static enum found remove_item(struct store *s, int32_t account, int32_t folder_id, int64_t uid,
			      int64_t *modseq, struct err *e)
{
	if (fails_now(s, e))
		return FOUND_FAILED;
	struct fake_folder *f = find_folder(s, account, folder_id);
	struct fake_item *it = find_item(f, uid);
	if (!it)
		return found_or_fault(s, FOUND_NONE, e);
	bury(f, it);
	*modseq = it->item.modseq;
	return found_or_fault(s, FOUND_ONE, e);
}

/* Content and marks change hands; what is left is a tombstone. */
static struct item carry(struct fake_folder *from, struct fake_item *it, struct fake_folder *to)
{
	struct fake_item *copy = new_item(to);
	int64_t uid = copy->item.uid, modseq = copy->item.modseq;
	*copy = *it;
	copy->item.uid = uid;
	copy->item.modseq = modseq;
	it->raw = it->summary = NULL;
	it->item.marks = (struct str){NULL, 0};
	bury(from, it);
	return copy->item;
}

static enum found move(struct store *s, int32_t account, int32_t from, int64_t uid, int32_t to,
		       int64_t *gone_modseq, int64_t *new_uid, int64_t *new_modseq, struct err *e)
{
	if (fails_now(s, e))
		return FOUND_FAILED;
	struct fake_folder *f = find_folder(s, account, from), *t = find_folder(s, account, to);
	if (from == to || !t) {
		err_set(e, t ? ERR_INVALID : ERR_NOT_FOUND, "no item is moved to folder %d",
			(int)to);
		return FOUND_FAILED;
	}
	struct fake_item *it = find_item(f, uid);
	if (!it)
		return found_or_fault(s, FOUND_NONE, e);
	struct item moved = carry(f, it, t);
	*gone_modseq = it->item.modseq;
	*new_uid = moved.uid;
	*new_modseq = moved.modseq;
	return found_or_fault(s, FOUND_ONE, e);
}

/* What the item has from now on; it has had nothing. */
static void fill_in(struct fake_item *it, const struct new_item *item)
{
	it->item.date = item->date;
	it->item.flags = item->flags;
	it->item.marks = own(item->marks);
	it->item.size = (int64_t)item->raw.n;
	it->raw = copy_bytes(item->raw);
	it->summary = item->message ? NULL : copy_bytes(item->summary);
}

static bool append(struct store *s, int32_t account, int32_t folder_id, const struct new_item *item,
		   int64_t *uid, int64_t *modseq, struct err *e)
{
	if (fails_now(s, e))
		return false;
	struct fake_folder *f = find_folder(s, account, folder_id);
	if (!f)
		return err_set(e, ERR_NOT_FOUND, "there is no folder %d", (int)folder_id);
	struct fake_item *it = new_item(f);
	fill_in(it, item);
	*uid = it->item.uid;
	*modseq = it->item.modseq;
	return !fails_after(s, e);
}

/* In place, or, as IMAP does it, as another item that comes when the old one goes. */
static enum found replace(struct store *s, int32_t account, int32_t folder_id, int64_t uid,
			  int64_t unchanged_since, const struct new_item *item, int64_t *new_uid,
			  int64_t *before, int64_t *after, struct err *e)
{
	if (fails_now(s, e))
		return FOUND_FAILED;
	struct fake_folder *f = find_folder(s, account, folder_id);
	struct fake_item *it = find_item(f, uid);
	if (!it)
		return found_or_fault(s, FOUND_NONE, e);
	*before = it->item.modseq;
	if (unchanged_since != 0 && unchanged_since != *before) {
		err_set(e, ERR_CONFLICT, "the item was changed meanwhile");
		return FOUND_FAILED;
	}
	drop_content(it);
	it->item.modseq = raise_modseq(f);
	fill_in(it, item);
	*new_uid = it->item.uid;
	*after = it->item.modseq;
	return found_or_fault(s, FOUND_ONE, e);
}

static const struct store_ops fake_ops = {
	.name = "fake",
	.modseqs_may_fall = true,
	.needs_intents = true,
	.begin = begin,
	.commit = begin,
	.rollback = rollback,
	.folders = folders,
	.folder = folder,
	.create_folder = create_folder,
	.update_folder = update_folder,
	.delete_folder = delete_folder,
	.changes = changes,
	.newest = newest,
	.dated = dated,
	.related = related,
	.unrelated = unrelated,
	.count = count,
	.lookup = lookup,
	.find = find_named,
	.summaries = summaries,
	.slices = slices,
	.open = open_content,
	.set_flags = set_flags,
	.remove = remove_item,
	.move = move,
	.append = append,
	.replace = replace,
};

/* ---------------------------------------------------------------------------------------------
 * What tests tell it */

struct store *store_fake_new(void)
{
	struct fake *f = base_calloc(1, sizeof *f);
	f->store.ops = &fake_ops;
	return &f->store;
}

int32_t fake_add_folder(struct store *s, int32_t account, const char *name, enum item_class class,
			enum folder_role role)
{
	struct fake_folder *f = new_folder((struct fake *)s, account, str_of(name));
	f->folder.class = class;
	f->folder.role = role;
	return f->folder.id;
}

void fake_set_fault(struct store *s, enum fake_fault fault, unsigned nth)
{
	struct fake *f = (struct fake *)s;
	f->fault = fault;
	f->fault_at = f->calls + nth;
}

unsigned fake_calls(const struct store *s)
{
	return ((const struct fake *)s)->calls;
}

void fake_share_modseq(struct store *s, int32_t account, int32_t folder_id, unsigned n)
{
	struct fake_folder *f = find_folder(s, account, folder_id);
	f->shared = n;
	f->started = false;
}

void fake_lose_modseqs(struct store *s, int32_t account, int32_t folder_id)
{
	struct fake_folder *f = find_folder(s, account, folder_id);
	f->folder.modseq = 2;
	for (size_t i = 0; i < f->n; i++)
		f->items[i].item.modseq = 2;
}

void fake_change_epoch(struct store *s, int32_t account, int32_t folder_id)
{
	struct fake_folder *f = find_folder(s, account, folder_id);
	size_t kept = 0;
	f->folder.epoch++;
	f->folder.modseq++;
	for (size_t i = 0; i < f->n; i++) {
		if (f->items[i].item.gone)
			continue; /* nobody asks for tombstones of another epoch */
		f->items[kept] = f->items[i];
		f->items[kept].item.uid = f->next_uid++;
		f->items[kept++].item.modseq = f->folder.modseq;
	}
	f->n = kept;
}
