/* ledger: which changes a device is to be told. See ledger.h for the contract. */
#include "core/ledger.h"

#include "core/base/arena.h"

enum { BATCH = 512 };

static bool after(int64_t modseq, int64_t uid, struct position p)
{
	return modseq > p.modseq || (modseq == p.modseq && uid > p.uid);
}

static bool is_echo(const struct sync_state *s, int64_t uid, int64_t modseq)
{
	for (size_t i = 0; i < s->nechoes; i++)
		if (s->echo[i].uid == uid && s->echo[i].modseq == modseq)
			return true;
	return false;
}

static void add_echo(struct arena *a, struct sync_state *s, int64_t uid, int64_t modseq)
{
	size_t keep = s->nechoes < LEDGER_ECHOES ? s->nechoes : LEDGER_ECHOES - 1;
	struct echo *grown = arena_array(a, keep + 1, sizeof *grown);
	if (keep)
		memcpy(grown, s->echo + (s->nechoes - keep), keep * sizeof *grown);
	grown[keep] = (struct echo){uid, modseq};
	s->echo = grown;
	s->nechoes = keep + 1;
}

/* Echoes of changes that lie behind the state's position say nothing any more. */
static void prune_echoes(struct sync_state *s)
{
	size_t kept = 0;
	for (size_t i = 0; i < s->nechoes; i++)
		if (after(s->echo[i].modseq, s->echo[i].uid, s->done))
			s->echo[kept++] = s->echo[i];
	s->nechoes = kept;
}

/* ---- Keys ---- */

/*
 * What a dropped answer had put on the device, or taken off it, is told again, since nobody knows
 * whether the device took that answer; and so is what it was still to tell for such a reason.
 */
static void doubt(struct uidset *held, struct uidset *todo, const struct sync_answer *dropped)
{
	struct uidset put = uidset_copy(held->arena, &dropped->added);
	uidset_add_all(&put, &dropped->state.todo);
	uidset_take_all(&put, held);
	uidset_add_all(todo, &put);
	for (size_t i = 0; i < dropped->taken.n; i++)
		for (int64_t uid = dropped->taken.v[i].from; uid < dropped->taken.v[i].to; uid++)
			if (uidset_has(held, uid)) {
				uidset_take(held, uid);
				uidset_add(todo, uid);
			}
}

static void promote(struct ledger *l, size_t which)
{
	struct sync_answer *taken = &l->answers[which];
	struct uidset held = l->base.held;
	struct uidset todo = taken->state.todo;
	uidset_take_all(&held, &taken->taken);
	uidset_add_all(&held, &taken->added);
	l->base = taken->state;
	l->base.held = held;
	l->base.todo = uidset_new(held.arena);
	for (size_t i = 0; i < l->nanswers; i++)
		if (i != which)
			doubt(&l->base.held, &l->base.todo, &l->answers[i]);
	uidset_add_all(&l->base.todo, &todo);
	l->nanswers = 0;
	l->used = true;
}

enum resolved ledger_resolve(struct ledger *l, const struct synckey *key)
{
	if (!l->base_found || memcmp(l->epoch, key->epoch, SYNCKEY_EPOCH) != 0)
		return KEY_UNKNOWN;
	if (key->n == l->base.n)
		return KEY_BASE;
	for (size_t i = 0; i < l->nanswers; i++)
		if (l->answers[i].state.n == key->n) {
			promote(l, i);
			return KEY_ANSWERED;
		}
	return KEY_UNKNOWN;
}

static const struct supported none_supported;

static bool same_supported(const struct supported *a, const struct supported *b)
{
	if (a->sent != b->sent || a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (a->v[i] != b->v[i])
			return false;
	return true;
}

bool ledger_start(struct arena *a, struct ledger *l, int64_t cutoff, struct str options,
		  const struct supported *supported)
{
	if (!supported)
		supported = &none_supported;
	bool repeated = l->base_found && !l->used && l->base.n == 1 && l->nanswers == 0 &&
			l->folder_epoch == l->folder.epoch;
	bool same = repeated && l->base.cutoff == cutoff && str_eq(l->base.options, options) &&
		    same_supported(&l->supported, supported);
	if (!repeated)
		synckey_new_epoch(l->epoch);
	l->base_found = true;
	l->used = false;
	l->supported = *supported;
	l->last_n = 1;
	l->nanswers = 0;
	l->folder_epoch = l->folder.epoch;
	l->base = (struct sync_state){
		.n = 1,
		.done = {l->folder.modseq, INT64_MAX},
		.fill = INT64_MAX,
		.held = uidset_new(a),
		.todo = uidset_new(a),
		.cutoff = cutoff,
		.options = options,
	};
	return !same;
}

void ledger_set_cutoff(struct sync_state *s, int64_t cutoff)
{
	if (cutoff < s->cutoff) {
		s->cutoff = cutoff;
		s->fill = INT64_MAX;
	}
}

/* Whether there is more in sight than before, so that the fill has to look at all again. */
static bool shows_more(const struct ledger_view *view, const struct ledger_view *before)
{
	bool larger = before->largest && (view->largest == 0 || view->largest > before->largest);
	return larger || (view->conversations && !before->conversations);
}

void ledger_set_view(struct ledger *l, const struct ledger_view *view,
		     const struct ledger_view *before)
{
	l->view = *view;
	if (shows_more(view, before))
		l->base.fill = INT64_MAX;
	/* All that was drawn in expires. */
	if (before->conversations && !view->conversations)
		l->base.cutoff = LEDGER_NO_CUTOFF;
}

bool ledger_quiet(const struct ledger *l, int64_t cutoff)
{
	const struct sync_state *s = &l->base;
	return l->nanswers == 0 && s->done.modseq == l->folder.modseq && s->done.uid == INT64_MAX &&
	       s->fill == 0 && uidset_empty(&s->todo) && s->cutoff == cutoff &&
	       l->folder_epoch == l->folder.epoch;
}

/* ---- What to tell ---- */

struct collector {
	struct store *store;
	struct arena *arena;
	int32_t account;
	const struct ledger *ledger;
	const struct sync_state *state;
	int64_t cutoff; /* the filter's start today */
	size_t window;
	size_t n;
	bool full; /* the window is used up, and there is more */
	struct progress at;
	struct uidset related;	 /* inside the filter by their conversation, as far as looked at */
	struct uidset drawn;	 /* those of them that are not held */
	struct uidset expired;	 /* told to be dropped because the filter's start has passed them */
	struct change_list *out; /* NULL: only count */
};

/* Notes a change that is to be told; false when the window has no room for it. */
static bool tell(struct collector *c, enum change_kind kind, const struct item *item,
		 bool from_todo, struct progress then)
{
	if (c->n == c->window) {
		c->full = true;
		return false;
	}
	c->n++;
	if (!c->out)
		return true;
	if (c->out->n == c->out->size) {
		size_t size = c->out->size ? c->out->size * 2 : 64;
		struct change *v = arena_array(c->arena, size, sizeof *v);
		if (c->out->n)
			memcpy(v, c->out->v, c->out->n * sizeof *v);
		c->out->v = v;
		c->out->size = size;
	}
	c->out->v[c->out->n++] =
		(struct change){.kind = kind, .item = *item, .from_todo = from_todo, .after = then};
	return true;
}

/* ---- Conversations ---- */

static bool follows(const struct collector *c)
{
	return c->ledger->view.conversations && c->cutoff != LEDGER_NO_CUTOFF;
}

static bool is_small(const struct collector *c, const struct item *item)
{
	return c->ledger->view.largest == 0 || item->size <= c->ledger->view.largest;
}

static void note_related(struct collector *c, int64_t uid)
{
	uidset_add(&c->related, uid);
	if (!uidset_has(&c->state->held, uid) && !uidset_has(&c->state->todo, uid))
		uidset_add(&c->drawn, uid);
}

/* Finds which older items the filter has in it because of these, or which of these so. */
static bool find_related(struct collector *c, const struct items *items, struct err *e)
{
	struct items found;
	size_t n = 0;
	if (!follows(c))
		return true;
	int64_t *uids = arena_array(c->arena, items->n, sizeof *uids);
	for (size_t i = 0; i < items->n; i++)
		if (!items->v[i].gone)
			uids[n++] = items->v[i].uid;
	if (n == 0)
		return true;
	if (!c->store->ops->related(c->store, c->arena, c->account, c->ledger->folder_id, uids, n,
				    c->ledger->view.oldest, c->cutoff, &found, e))
		return false;
	for (size_t i = 0; i < found.n; i++)
		if (is_small(c, &found.v[i]))
			note_related(c, found.v[i].uid);
	return true;
}

static bool is_inside(const struct collector *c, const struct item *item)
{
	return !item->gone && is_small(c, item) &&
	       (item->date >= c->cutoff || uidset_has(&c->related, item->uid));
}

/* ---- What to tell in particular ---- */

/* Uids of todo. What is not held may be on the device all the same (see doubt). */
static bool collect_named_batch(struct collector *c, const int64_t *uids, size_t n, struct err *e)
{
	struct items items;
	if (!c->store->ops->lookup(c->store, c->arena, c->account, c->ledger->folder_id, uids, n,
				   &items, e) ||
	    !find_related(c, &items, e))
		return false;
	for (size_t i = 0; i < items.n && !c->full; i++) {
		const struct item *item = &items.v[i];
		bool held = uidset_has(&c->state->held, item->uid);
		bool inside = is_inside(c, item);
		if (item->gone)
			tell(c, CHANGE_DELETE, item, true, c->at);
		else if (inside)
			tell(c, held ? CHANGE_CHANGE : CHANGE_ADD, item, true, c->at);
		else
			tell(c, CHANGE_SOFTDELETE, item, true, c->at);
	}
	return true;
}

static bool collect_named(struct collector *c, const struct uidset *named, struct err *e)
{
	int64_t uids[BATCH], at = 0;
	bool there = !uidset_empty(named);
	while (there && !c->full) {
		size_t n = 0;
		while (n < BATCH && (there = uidset_next(named, at, &uids[n])))
			at = uids[n++] + 1;
		if (n && !collect_named_batch(c, uids, n, e))
			return false;
	}
	return true;
}

/* What was drawn in, when there is room for it; else it is left to do (ledger_answer). */
static bool collect_drawn(struct collector *c, struct err *e)
{
	if (c->out)
		c->out->drawn = uidset_copy(c->arena, &c->drawn);
	const struct uidset drawn = uidset_copy(c->arena, &c->drawn);
	return collect_named(c, &drawn, e);
}

/* Whether todo tells of the item in the same answer. */
static bool told_by_todo(const struct collector *c, const struct item *item)
{
	return uidset_has(&c->state->todo, item->uid);
}

/* What was told of an item that somebody has changed since it was looked up is told as it is now.
 */
static void refresh_told(struct collector *c, const struct item *item)
{
	bool held = uidset_has(&c->state->held, item->uid);
	for (size_t i = 0; c->out && i < c->out->n; i++) {
		struct change *told = &c->out->v[i];
		if (told->item.uid != item->uid || told->item.modseq == item->modseq)
			continue;
		told->item = *item;
		if (item->gone)
			told->kind = CHANGE_DELETE;
		else if (!is_inside(c, item))
			told->kind = CHANGE_SOFTDELETE;
		else
			told->kind = held ? CHANGE_CHANGE : CHANGE_ADD;
	}
}

/* One of the folder's changes, in their order. False when the window is used up. */
static bool consider(struct collector *c, const struct item *item)
{
	struct progress then = c->at;
	then.done = (struct position){item->modseq, item->uid};
	bool held = uidset_has(&c->state->held, item->uid);
	bool inside = is_inside(c, item);
	bool comes = item->uid < c->at.fill || uidset_has(&c->drawn, item->uid);
	bool ok = true;
	if (told_by_todo(c, item) || uidset_has(&c->expired, item->uid))
		refresh_told(c, item);
	else if (is_echo(c->state, item->uid, item->modseq))
		ok = true;
	else if (item->gone)
		ok = !held || tell(c, CHANGE_DELETE, item, false, then);
	else if (held)
		ok = tell(c, inside ? CHANGE_CHANGE : CHANGE_SOFTDELETE, item, false, then);
	else if (inside && !comes)
		ok = tell(c, CHANGE_ADD, item, false, then);
	if (ok)
		c->at = then;
	return ok;
}

static bool collect_changes(struct collector *c, struct err *e)
{
	const struct folder *f = &c->ledger->folder;
	bool more = f->modseq > c->at.done.modseq || c->at.done.uid != INT64_MAX;
	while (more && !c->full) {
		struct items items;
		if (!c->store->ops->changes(c->store, c->arena, c->account, f->id, c->at.done,
					    BATCH, &items, e) ||
		    !find_related(c, &items, e))
			return false;
		more = items.n == BATCH;
		for (size_t i = 0; i < items.n; i++)
			if (!consider(c, &items.v[i]))
				return true;
	}
	if (c->full)
		return true;
	/* All is told that was there when the folder was looked at, or later. */
	if (f->modseq > c->at.done.modseq)
		c->at.done.modseq = f->modseq;
	c->at.done.uid = INT64_MAX;
	return true;
}

/* Whether the same answer tells of the item by todo, or as a change that is not the device's own.
 */
static bool told_already(const struct collector *c, const struct item *item)
{
	return told_by_todo(c, item) || (after(item->modseq, item->uid, c->state->done) &&
					 !is_echo(c->state, item->uid, item->modseq));
}

/*
 * Tells of one item that the filter's start has passed. False when the window is used up. Filters
 * start on whole days, at an even time; an odd one says how far an answer has come that was cut on
 * the way: of the items of that time, or the even one before it, some are gone and some are not.
 */
static bool expire(struct collector *c, const struct item *item)
{
	struct progress then = c->at;
	then.cutoff = item->date | 1;
	bool concerns = uidset_has(&c->state->held, item->uid) && !told_already(c, item);
	if (concerns && !tell(c, CHANGE_SOFTDELETE, item, false, then))
		return false;
	if (concerns)
		uidset_add(&c->expired, item->uid);
	c->at = then;
	return true;
}

/*
 * The same where conversations are followed: whatever is held, is older, and belongs to none. What
 * is told is not held any more, so that the filter's start moves when it is all told.
 */
static bool collect_unrelated(struct collector *c, struct err *e)
{
	struct uidset left = uidset_copy(c->arena, &c->state->held);
	for (bool more = true; more;) {
		struct items items;
		if (!c->store->ops->unrelated(c->store, c->arena, c->account, c->ledger->folder_id,
					      &left, c->ledger->view.oldest, c->cutoff, BATCH,
					      &items, e))
			return false;
		more = items.n == BATCH;
		for (size_t i = 0; i < items.n; i++) {
			uidset_take(&left, items.v[i].uid);
			if (told_already(c, &items.v[i]))
				continue;
			if (!tell(c, CHANGE_SOFTDELETE, &items.v[i], false, c->at))
				return true;
			uidset_add(&c->expired, items.v[i].uid);
		}
	}
	c->at.cutoff = c->cutoff;
	return true;
}

/*
 * What the filter's start has passed since the last answer. It comes before everything else, so
 * that whatever else is passed over, or taken off the device, lies outside the filter that the
 * state says.
 */
static bool collect_expired(struct collector *c, struct err *e)
{
	bool more = c->cutoff > c->at.cutoff && !uidset_empty(&c->state->held);
	if (more && follows(c))
		return collect_unrelated(c, e);
	int64_t from = c->at.cutoff & ~INT64_C(1);
	for (size_t limit = BATCH; more;) {
		struct items items;
		if (!c->store->ops->dated(c->store, c->arena, c->account, c->ledger->folder_id,
					  from, c->cutoff, limit, &items, e))
			return false;
		more = items.n == limit;
		if (more)
			from = items.v[items.n - 1].date;
		/* The last date may go on behind the limit: it is left for the next batch. */
		while (more && items.n && items.v[items.n - 1].date == from)
			items.n--;
		limit = more && items.n == 0 ? limit * 2 : BATCH;
		for (size_t i = 0; i < items.n; i++)
			if (!expire(c, &items.v[i]))
				return true;
	}
	if (c->cutoff > c->at.cutoff)
		c->at.cutoff = c->cutoff;
	return true;
}

/* How many the fill will bring: counted by the store when none of them can be held already. */
static bool count_fill(struct collector *c, struct err *e)
{
	size_t count;
	if (!c->store->ops->count(c->store, c->account, c->ledger->folder_id, c->at.fill, c->cutoff,
				  c->window - c->n, &count, e))
		return false;
	c->n += count;
	return true;
}

static bool collect_fill(struct collector *c, struct err *e)
{
	if (!c->out && c->at.fill > 0 && uidset_empty(&c->state->held) &&
	    uidset_empty(&c->state->todo) && !follows(c) && c->ledger->view.largest == 0)
		return count_fill(c, e);
	bool more = c->at.fill > 0;
	while (more && !c->full) {
		struct items items;
		size_t room = c->window - c->n + 1;
		size_t limit = room < BATCH ? room : BATCH;
		if (!c->store->ops->newest(c->store, c->arena, c->account, c->ledger->folder_id,
					   c->at.fill, c->cutoff, limit, &items, e) ||
		    !find_related(c, &items, e))
			return false;
		more = items.n == limit;
		for (size_t i = 0; i < items.n; i++) {
			struct progress then = c->at;
			then.fill = items.v[i].uid;
			bool known = uidset_has(&c->state->held, items.v[i].uid) ||
				     told_by_todo(c, &items.v[i]) || !is_small(c, &items.v[i]);
			if (!known && !tell(c, CHANGE_ADD, &items.v[i], false, then))
				return true;
			c->at = then;
		}
	}
	if (!c->full)
		c->at.fill = 0;
	return true;
}

/* ---- Modseqs that fell ---- */

/*
 * Whether the folder counts from lower numbers than it did, so that the state's position says
 * nothing: its highest modseq shows it, or, once that has risen again, an item that has less than
 * it had.
 */
static bool find_fallen(struct collector *c, bool *out, struct err *e)
{
	const struct sync_state *s = c->state;
	struct items items;
	*out = c->ledger->folder.modseq < s->done.modseq;
	if (*out || !c->store->ops->modseqs_may_fall || s->canary_uid == 0 ||
	    c->ledger->folder.modseq == s->done.modseq)
		return true;
	if (!c->store->ops->lookup(c->store, c->arena, c->account, c->ledger->folder_id,
				   &s->canary_uid, 1, &items, e))
		return false;
	*out = !items.v[0].gone && items.v[0].modseq < s->canary_modseq;
	return true;
}

/* All that is held is told again, and what else there is comes as in a first fill. */
static void check_everything(struct ledger *l)
{
	struct sync_state *s = &l->base;
	uidset_add_all(&s->todo, &s->held);
	s->done = (struct position){l->folder.modseq, INT64_MAX};
	s->fill = INT64_MAX;
	s->nechoes = 0;
	s->canary_uid = 0;
	s->canary_modseq = 0;
}

bool ledger_collect(struct store *store, struct arena *a, int32_t account, struct ledger *l,
		    int64_t cutoff, size_t window, struct change_list *out, size_t *count,
		    struct err *e)
{
	struct collector c = {
		.store = store,
		.arena = a,
		.account = account,
		.ledger = l,
		.state = &l->base,
		.cutoff = cutoff,
		.window = window,
		.at = {l->base.done, l->base.fill, l->base.cutoff},
		.related = uidset_new(a),
		.drawn = uidset_new(a),
		.expired = uidset_new(a),
		.out = out,
	};
	bool fallen;
	if (!find_fallen(&c, &fallen, e))
		return false;
	if (fallen) {
		check_everything(l);
		c.at.done = l->base.done;
		c.at.fill = l->base.fill;
	}
	if (out)
		*out = (struct change_list){0};
	if (!collect_expired(&c, e) || !collect_named(&c, &l->base.todo, e) ||
	    !collect_changes(&c, e) || !collect_fill(&c, e) || !collect_drawn(&c, e))
		return false;
	if (out) {
		out->more = c.full;
		out->end = c.at;
	}
	if (count)
		*count = c.n;
	return !arena_overflowed(a) ||
	       err_set(e, ERR_TOO_LARGE, "too many changes for one request");
}

/* ---- The next state ---- */

/* The canary is what was last told of, as long as that is there. */
static void watch(struct sync_state *s, const struct change *change)
{
	const struct item *item = &change->item;
	if (item->gone && item->uid == s->canary_uid)
		s->canary_uid = s->canary_modseq = 0;
	if (!item->gone && item->modseq >= s->canary_modseq) {
		s->canary_uid = item->uid;
		s->canary_modseq = item->modseq;
	}
}

static void apply(struct arena *a, struct sync_answer *answer, const struct change *change)
{
	const struct item *item = &change->item;
	if (change->kind == CHANGE_ADD && !change->failed)
		uidset_add(&answer->added, item->uid);
	/* A Delete out of its turn may be of what the device itself has moved (ledger_moved_out).
	 * Others need no hole in what is held: a uid never means another item. */
	if (change->kind == CHANGE_SOFTDELETE ||
	    (change->kind == CHANGE_DELETE && change->from_todo))
		uidset_add(&answer->taken, item->uid);
	if (change->from_todo)
		uidset_take(&answer->state.todo, item->uid);
	watch(&answer->state, change);
	/* Told out of its turn (todo, fill): when its turn comes, it is not told again. */
	if (!item->gone && after(item->modseq, item->uid, answer->state.done))
		add_echo(a, &answer->state, item->uid, item->modseq);
}

/*
 * The oldest answer makes room, and the doubt about it goes over to the new one: the others are
 * differences to the base, which stays as it is.
 */
static void drop_oldest(struct arena *a, struct ledger *l, struct sync_answer *answer)
{
	struct uidset held = uidset_copy(a, &l->base.held);
	uidset_take_all(&held, &answer->taken);
	uidset_add_all(&held, &answer->added);
	struct uidset lost = uidset_copy(a, &held);
	doubt(&held, &answer->state.todo, &l->answers[0]);
	uidset_take_all(&lost, &held);
	uidset_take_all(&answer->added, &lost);
	uidset_add_all(&answer->taken, &lost);
	memmove(l->answers, l->answers + 1, (l->nanswers - 1) * sizeof *l->answers);
	l->nanswers--;
}

struct sync_answer ledger_answer(struct arena *a, struct ledger *l, const struct change_list *list,
				 size_t kept)
{
	struct sync_answer answer = {
		.state = l->base, .added = uidset_new(a), .taken = uidset_new(a)};
	struct progress at = {l->base.done, l->base.fill, l->base.cutoff};
	if (kept == list->n)
		at = list->end;
	else if (kept > 0)
		at = list->v[kept - 1].after;
	answer.state.n = ++l->last_n;
	answer.state.held = uidset_new(a);
	answer.state.todo = uidset_copy(a, &l->base.todo);
	answer.state.echo = arena_array(a, l->base.nechoes, sizeof *answer.state.echo);
	if (l->base.nechoes)
		memcpy(answer.state.echo, l->base.echo,
		       l->base.nechoes * sizeof *answer.state.echo);
	answer.state.done = at.done;
	answer.state.fill = at.fill;
	answer.state.cutoff = at.cutoff;
	uidset_add_all(&answer.state.todo, &list->drawn);
	for (size_t i = 0; i < kept; i++)
		apply(a, &answer, &list->v[i]);
	if (l->nanswers == LEDGER_ANSWERS)
		drop_oldest(a, l, &answer);
	prune_echoes(&answer.state);
	return answer;
}

struct change_list ledger_no_changes(const struct ledger *l)
{
	return (struct change_list){
		.end = {l->base.done, l->base.fill, l->base.cutoff},
	};
}

void ledger_advance(struct ledger *l, const struct change_list *list)
{
	l->base.done = list->end.done;
	l->base.fill = list->end.fill;
	l->base.cutoff = list->end.cutoff;
	prune_echoes(&l->base);
}

void ledger_echo(struct arena *a, struct ledger *l, int64_t uid, int64_t before, int64_t modseq)
{
	struct sync_state *s = &l->base;
	bool known = !after(before, uid, s->done) || is_echo(s, uid, before);
	if (known && modseq != before)
		add_echo(a, s, uid, modseq);
	/* All that has a lower modseq is committed and can be seen. */
	if (modseq > l->folder.modseq)
		l->folder.modseq = modseq;
}

/* ---- Copies ---- */

static void copy_state(struct arena *a, struct sync_state *s)
{
	struct echo *echo = arena_array(a, s->nechoes, sizeof *echo);
	if (s->nechoes)
		memcpy(echo, s->echo, s->nechoes * sizeof *echo);
	s->echo = echo;
	s->held = uidset_copy(a, &s->held);
	s->todo = uidset_copy(a, &s->todo);
}

struct ledger ledger_copy(struct arena *a, const struct ledger *l)
{
	struct ledger copy = *l;
	copy_state(a, &copy.base);
	for (size_t i = 0; i < copy.nanswers; i++) {
		struct sync_answer *answer = &copy.answers[i];
		copy_state(a, &answer->state);
		answer->added = uidset_copy(a, &answer->added);
		answer->taken = uidset_copy(a, &answer->taken);
	}
	return copy;
}

/* ---- Moves ---- */

/* Whether the ledger speaks of the folder as it is. */
static bool is_current(const struct ledger *l)
{
	return l->base_found && l->folder_epoch == l->folder.epoch;
}

static bool knows(const struct sync_state *s, int64_t uid, int64_t modseq)
{
	return (!after(modseq, uid, s->done) || is_echo(s, uid, modseq)) &&
	       !uidset_has(&s->todo, uid);
}

enum holding ledger_holding(const struct ledger *l, int64_t uid, int64_t modseq)
{
	if (!is_current(l))
		return HOLDS_NOT;
	bool in_base = uidset_has(&l->base.held, uid);
	bool held = in_base, current = !in_base || knows(&l->base, uid, modseq);
	for (size_t i = 0; i < l->nanswers; i++) {
		const struct sync_answer *answer = &l->answers[i];
		if (!uidset_has(&answer->added, uid) &&
		    (!in_base || uidset_has(&answer->taken, uid)))
			continue;
		held = true;
		current = current && knows(&answer->state, uid, modseq);
	}
	return !held ? HOLDS_NOT : current ? HOLDS : HOLDS_OLD;
}

bool ledger_knows(const struct ledger *l, int64_t uid, int64_t modseq)
{
	return !after(modseq, uid, l->base.done) || is_echo(&l->base, uid, modseq) ||
	       ledger_holding(l, uid, modseq) == HOLDS;
}

void ledger_bring_back(struct ledger *l, int64_t uid)
{
	uidset_take(&l->base.held, uid);
	for (size_t i = 0; i < l->nanswers; i++)
		uidset_take(&l->answers[i].added, uid);
	ledger_send_again(l, uid);
}

void ledger_send_again(struct ledger *l, int64_t uid)
{
	uidset_add(&l->base.todo, uid);
	for (size_t i = 0; i < l->nanswers; i++)
		uidset_add(&l->answers[i].state.todo, uid);
}

/* Nothing that an answer was to say of the uid counts any more. */
static void forget(struct ledger *l, int64_t uid)
{
	uidset_take(&l->base.todo, uid);
	for (size_t i = 0; i < l->nanswers; i++) {
		uidset_take(&l->answers[i].state.todo, uid);
		uidset_take(&l->answers[i].added, uid);
		uidset_take(&l->answers[i].taken, uid);
	}
}

static void add_echo_everywhere(struct arena *a, struct ledger *l, int64_t uid, int64_t modseq)
{
	add_echo(a, &l->base, uid, modseq);
	for (size_t i = 0; i < l->nanswers; i++)
		add_echo(a, &l->answers[i].state, uid, modseq);
}

void ledger_moved_out(struct arena *a, struct ledger *l, int64_t uid, int64_t modseq)
{
	if (!is_current(l))
		return;
	/* Until it has the answer, or is told otherwise, the device shows it where it was. */
	bool shown = false;
	for (size_t i = 0; i < l->nanswers; i++)
		shown = shown || uidset_has(&l->answers[i].added, uid);
	forget(l, uid);
	if (shown)
		uidset_add(&l->base.held, uid);
	add_echo_everywhere(a, l, uid, modseq);
}

void ledger_moved_in(struct arena *a, struct ledger *l, int64_t uid, int64_t modseq,
		     enum holding holding)
{
	if (!is_current(l) || holding == HOLDS_NOT)
		return;
	uidset_add(&l->base.held, uid);
	if (holding == HOLDS)
		add_echo_everywhere(a, l, uid, modseq);
}

void ledger_has_version(struct arena *a, struct ledger *l, int64_t uid, int64_t modseq)
{
	if (!is_current(l))
		return;
	add_echo_everywhere(a, l, uid, modseq);
	ledger_send_again(l, uid);
}

void ledger_added_item(struct arena *a, struct ledger *l, int64_t uid, int64_t modseq, bool known)
{
	ledger_moved_in(a, l, uid, modseq, known ? HOLDS : HOLDS_OLD);
	if (!known)
		ledger_send_again(l, uid);
	/* All that has a lower modseq is committed and can be seen. */
	if (modseq > l->folder.modseq)
		l->folder.modseq = modseq;
}
