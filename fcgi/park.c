/* park: the registry of requests that wait. See park.h for the contract. */
#include "fcgi/park.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"

/*
 * Records that may be handed over beyond `most`: superseded ones whose threads were still looking,
 * so at most one for each thread.
 */
enum { BESIDES = 256 };

struct list {
	struct parked *first, *last;
	size_t n;
};

/* The folder that a question was about: marks[place] of a record, NULL when it has ended since. */
struct asked {
	struct parked *r;
	uint32_t place;
};

struct park {
	pthread_mutex_t lock;
	void (*wake)(void *ctx);
	void *ctx;
	struct list lists[PARK_STATES];
	size_t records, most, refused;
	bool closed;
	struct parked **buckets; /* by account, chained by `neighbour` */
	size_t nbuckets;	 /* a power of two */
	struct parked **heap;	 /* of all that are handed over, the earliest deadline first */
	size_t nheap;
	int64_t next_deadline; /* what the push thread was told last */
	struct asked *asked;   /* the questions under way */
	size_t nasked, asked_room;
};

/* ---- Deadlines: a binary heap ---- */

static int64_t deadline_at(const struct park *p, size_t at)
{
	return p->heap[at]->waiter->deadline;
}

static void heap_set(struct park *p, size_t at, struct parked *r)
{
	p->heap[at] = r;
	r->heap_at = (uint32_t)at;
}

static void heap_up(struct park *p, size_t at, struct parked *r)
{
	for (; at && deadline_at(p, (at - 1) / 2) > r->waiter->deadline; at = (at - 1) / 2)
		heap_set(p, at, p->heap[(at - 1) / 2]);
	heap_set(p, at, r);
}

static void heap_down(struct park *p, size_t at, struct parked *r)
{
	for (size_t child; (child = 2 * at + 1) < p->nheap; at = child) {
		if (child + 1 < p->nheap && deadline_at(p, child + 1) < deadline_at(p, child))
			child++;
		if (deadline_at(p, child) >= r->waiter->deadline)
			break;
		heap_set(p, at, p->heap[child]);
	}
	heap_set(p, at, r);
}

static void heap_add(struct park *p, struct parked *r)
{
	heap_up(p, p->nheap++, r);
}

static void heap_remove(struct park *p, struct parked *r)
{
	struct parked *last = p->heap[--p->nheap];
	if (last == r)
		return;
	if (r->heap_at && deadline_at(p, (r->heap_at - 1) / 2) > last->waiter->deadline)
		heap_up(p, r->heap_at, last);
	else
		heap_down(p, r->heap_at, last);
}

/* ---- Accounts: a hash table ---- */

static struct parked **bucket(struct park *p, int32_t account)
{
	return &p->buckets[((uint32_t)account * 2654435761u >> 7) & (p->nbuckets - 1)];
}

static void index_add(struct park *p, struct parked *r)
{
	struct parked **head = bucket(p, r->waiter->account);
	r->neighbour = *head;
	*head = r;
}

static void index_remove(struct park *p, struct parked *r)
{
	struct parked **at = bucket(p, r->waiter->account);
	while (*at != r)
		at = &(*at)->neighbour;
	*at = r->neighbour;
}

/* ---- States ---- */

static void list_remove(struct list *l, struct parked *r)
{
	*(r->prev ? &r->prev->next : &l->first) = r->next;
	*(r->next ? &r->next->prev : &l->last) = r->prev;
	l->n--;
}

static void list_append(struct list *l, struct parked *r)
{
	r->prev = l->last;
	r->next = NULL;
	*(l->last ? &l->last->next : &l->first) = r;
	l->last = r;
	l->n++;
}

static void forget_questions(struct park *p, struct parked *r)
{
	for (uint32_t i = 0; i < r->nasked; i++)
		p->asked[r->asked_at + i].r = NULL;
}

/* The only function that changes a state, and with it the indexes that the state belongs to. */
static void move(struct park *p, struct parked *r, enum park_state to)
{
	if (r->state == PARK_ASKING && to == PARK_ENDING)
		forget_questions(p, r);
	if (r->state == PARK_REGISTERED)
		heap_add(p, r);
	if (to == PARK_ENDING) {
		heap_remove(p, r);
		index_remove(p, r);
	}
	list_remove(&p->lists[r->state], r);
	list_append(&p->lists[to], r);
	r->state = to;
}

static void end(struct park *p, struct parked *r, enum wait_outcome outcome)
{
	r->outcome = outcome;
	move(p, r, PARK_ENDING);
}

static size_t hierarchy_place(const struct parked *r)
{
	return r->waiter->nfolders;
}

static bool has_mark(const struct parked *r, enum park_mark mark)
{
	return memchr(r->marks, (int)mark, hierarchy_place(r) + 1) != NULL;
}

/* A folder, or the tree, of a record may have changed. What is being asked is asked once more. */
static void notify(struct park *p, struct parked *r, size_t place)
{
	if (r->marks[place] == MARK_CHANGED || (r->silent && place != hierarchy_place(r)))
		return;
	r->marks[place] = MARK_NOTIFIED;
	if (r->state == PARK_PARKED)
		move(p, r, PARK_WOKEN);
}

static void notify_all(struct park *p, struct parked *r)
{
	for (size_t i = 0; i <= hierarchy_place(r); i++)
		notify(p, r, i);
}

/* ---- Life ---- */

struct park *park_new(size_t most, void (*wake)(void *ctx), void *ctx)
{
	struct park *p = base_calloc(1, sizeof *p);
	pthread_mutex_init(&p->lock, NULL);
	p->wake = wake;
	p->ctx = ctx;
	p->most = most;
	p->nbuckets = 16;
	while (p->nbuckets < most)
		p->nbuckets *= 2;
	p->buckets = base_calloc(p->nbuckets, sizeof *p->buckets);
	p->heap = base_calloc(most + BESIDES, sizeof *p->heap);
	p->next_deadline = INT64_MAX;
	return p;
}

void park_free(struct park **park)
{
	struct park *p = *park;
	if (!p)
		return;
	for (int s = 0; s < PARK_STATES; s++)
		for (struct parked *r = p->lists[s].first, *next; r; r = next) {
			next = r->next;
			waiter_free(&r->waiter);
			free(r);
		}
	pthread_mutex_destroy(&p->lock);
	free(p->buckets);
	free(p->heap);
	free(p->asked);
	free(p);
	*park = NULL;
}

/* ---- For worker threads ---- */

/* Its place is no longer its own: it ends, if its thread is still looking as soon as that is done.
 */
static void dismiss(struct park *p, struct parked *r)
{
	r->superseded = true;
	if (r->state != PARK_REGISTERED) {
		end(p, r, WAIT_TIMEOUT);
		p->wake(p->ctx);
	}
}

/* Ends older requests of the same device; whether there was one. */
static bool supersede(struct park *p, const struct waiter *newer)
{
	bool found = false;
	for (struct parked *r = *bucket(p, newer->account), *next; r; r = next) {
		next = r->neighbour;
		if (r->waiter->account != newer->account || r->waiter->device != newer->device)
			continue;
		found = true;
		dismiss(p, r);
	}
	return found;
}

struct parked *park_register(struct park *p, struct waiter *w)
{
	struct parked *r = NULL;
	pthread_mutex_lock(&p->lock);
	/* One that takes another's place needs no room of its own. */
	if (supersede(p, w) || p->records < p->most) {
		r = base_calloc(1, sizeof *r + w->nfolders + 1u);
		r->waiter = w;
		r->state = PARK_REGISTERED;
		list_append(&p->lists[PARK_REGISTERED], r);
		index_add(p, r);
		p->records++;
	} else {
		p->refused++;
	}
	pthread_mutex_unlock(&p->lock);
	return r;
}

struct waiter *park_unregister(struct park *p, struct parked *r)
{
	struct waiter *w = r->waiter;
	pthread_mutex_lock(&p->lock);
	index_remove(p, r);
	list_remove(&p->lists[PARK_REGISTERED], r);
	p->records--;
	pthread_mutex_unlock(&p->lock);
	free(r);
	return w;
}

void park_hand_over(struct park *p, struct parked *r, struct peer peer,
		    const struct hub_begun *begun)
{
	pthread_mutex_lock(&p->lock);
	r->peer = peer;
	r->ticket = begun->ticket;
	r->hierarchy = begun->hierarchy;
	r->silent = !begun->push;
	if (r->silent)
		memset(r->marks, MARK_QUIET, hierarchy_place(r));
	if (r->hung_up || r->superseded || r->newest > r->ticket || p->closed)
		end(p, r, WAIT_TIMEOUT);
	else
		move(p, r, has_mark(r, MARK_NOTIFIED) ? PARK_WOKEN : PARK_PARKED);
	if (r->state != PARK_PARKED || r->waiter->deadline < p->next_deadline)
		p->wake(p->ctx);
	pthread_mutex_unlock(&p->lock);
}

/* ---- For the push thread: what happened ---- */

void park_folder_changed(struct park *p, int32_t account, int32_t folder)
{
	pthread_mutex_lock(&p->lock);
	for (struct parked *r = *bucket(p, account); r; r = r->neighbour)
		for (size_t i = 0; r->waiter->account == account && i < r->waiter->nfolders; i++)
			if (r->waiter->folders[i] == folder)
				notify(p, r, i);
	pthread_mutex_unlock(&p->lock);
}

void park_hierarchy_changed(struct park *p, int32_t account)
{
	pthread_mutex_lock(&p->lock);
	for (struct parked *r = *bucket(p, account); r; r = r->neighbour)
		if (r->waiter->account == account)
			notify(p, r, hierarchy_place(r));
	pthread_mutex_unlock(&p->lock);
}

void park_all_changed(struct park *p)
{
	pthread_mutex_lock(&p->lock);
	for (size_t b = 0; b < p->nbuckets; b++)
		for (struct parked *r = p->buckets[b]; r; r = r->neighbour)
			notify_all(p, r);
	pthread_mutex_unlock(&p->lock);
}

void park_newer_elsewhere(struct park *p, int32_t account, int32_t device, int64_t ticket)
{
	pthread_mutex_lock(&p->lock);
	for (struct parked *r = *bucket(p, account), *next; r; r = next) {
		next = r->neighbour;
		if (r->waiter->account != account || r->waiter->device != device)
			continue;
		if (r->state == PARK_REGISTERED)
			r->newest = ticket > r->newest ? ticket : r->newest;
		else if (r->ticket < ticket)
			dismiss(p, r);
	}
	pthread_mutex_unlock(&p->lock);
}

static void dismiss_bucket(struct park *p, struct parked *first, int32_t account)
{
	for (struct parked *r = first, *next; r; r = next) {
		next = r->neighbour;
		if (account == 0 || r->waiter->account == account)
			dismiss(p, r);
	}
}

void park_again(struct park *p, int32_t account)
{
	pthread_mutex_lock(&p->lock);
	for (size_t b = 0; account == 0 && b < p->nbuckets; b++)
		dismiss_bucket(p, p->buckets[b], 0);
	if (account != 0)
		dismiss_bucket(p, *bucket(p, account), account);
	pthread_mutex_unlock(&p->lock);
}

void park_hung_up(struct park *p, struct parked *r)
{
	pthread_mutex_lock(&p->lock);
	if (r->state != PARK_ENDING) {
		r->hung_up = true;
		if (r->state != PARK_REGISTERED)
			end(p, r, WAIT_TIMEOUT);
	}
	pthread_mutex_unlock(&p->lock);
}

void park_expire(struct park *p, int64_t now)
{
	pthread_mutex_lock(&p->lock);
	while (p->nheap && deadline_at(p, 0) <= now)
		end(p, p->heap[0], WAIT_TIMEOUT);
	pthread_mutex_unlock(&p->lock);
}

void park_close(struct park *p)
{
	pthread_mutex_lock(&p->lock);
	p->closed = true;
	while (p->nheap)
		end(p, p->heap[0], WAIT_TIMEOUT);
	pthread_mutex_unlock(&p->lock);
}

/* ---- For the push thread: questions ---- */

static struct asked *new_asked(struct park *p)
{
	if (p->nasked == p->asked_room) {
		p->asked_room = p->asked_room ? 2 * p->asked_room : 64;
		p->asked = base_realloc(p->asked, p->asked_room * sizeof *p->asked);
	}
	return &p->asked[p->nasked++];
}

/* Asks about what was notified, as far as there is room; the rest stays notified. */
static void ask(struct park *p, struct parked *r, struct hub_question *q, size_t most)
{
	r->asked_at = (uint32_t)p->nasked;
	for (size_t i = 0; i <= hierarchy_place(r) && p->nasked < most; i++) {
		if (r->marks[i] != MARK_NOTIFIED)
			continue;
		bool tree = i == hierarchy_place(r);
		r->marks[i] = MARK_ASKED;
		q[p->nasked] = (struct hub_question){.account = r->waiter->account,
						     .device = r->waiter->device,
						     .folder = tree ? 0 : r->waiter->folders[i],
						     .hierarchy = r->hierarchy};
		*new_asked(p) = (struct asked){r, (uint32_t)i};
	}
	r->nasked = (uint32_t)p->nasked - r->asked_at;
	move(p, r, PARK_ASKING);
}

size_t park_ask(struct park *p, struct hub_question *q, size_t most)
{
	pthread_mutex_lock(&p->lock);
	p->nasked = 0;
	while (p->lists[PARK_WOKEN].first && p->nasked < most)
		ask(p, p->lists[PARK_WOKEN].first, q, most);
	size_t n = p->nasked;
	pthread_mutex_unlock(&p->lock);
	return n;
}

static void settle(struct park *p, struct parked *r)
{
	r->nasked = 0;
	if (r->marks[hierarchy_place(r)] == MARK_CHANGED)
		end(p, r, WAIT_HIERARCHY);
	else if (has_mark(r, MARK_CHANGED))
		end(p, r, WAIT_CHANGED);
	else
		move(p, r, has_mark(r, MARK_NOTIFIED) ? PARK_WOKEN : PARK_PARKED);
}

void park_answered(struct park *p, bool ok, const bool *yes)
{
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < p->nasked; i++) {
		struct parked *r = p->asked[i].r;
		unsigned char *mark = r ? &r->marks[p->asked[i].place] : NULL;
		if (r && ok && yes[i])
			*mark = MARK_CHANGED;
		else if (r && *mark == MARK_ASKED)
			*mark = ok ? MARK_QUIET : MARK_NOTIFIED;
	}
	while (p->lists[PARK_ASKING].first)
		settle(p, p->lists[PARK_ASKING].first);
	p->nasked = 0;
	pthread_mutex_unlock(&p->lock);
}

/* ---- For the push thread: the ended ---- */

struct parked *park_take_ended(struct park *p)
{
	pthread_mutex_lock(&p->lock);
	struct parked *first = p->lists[PARK_ENDING].first;
	p->lists[PARK_ENDING] = (struct list){0};
	pthread_mutex_unlock(&p->lock);
	return first;
}

void park_release(struct park *p, struct parked *r)
{
	waiter_free(&r->waiter);
	free(r);
	pthread_mutex_lock(&p->lock);
	p->records--;
	pthread_mutex_unlock(&p->lock);
}

size_t park_changed_folders(const struct parked *r, int32_t *folders)
{
	size_t n = 0;
	for (size_t i = 0; i < r->waiter->nfolders; i++)
		if (r->marks[i] == MARK_CHANGED)
			folders[n++] = r->waiter->folders[i];
	return n;
}

int64_t park_next_deadline(struct park *p)
{
	pthread_mutex_lock(&p->lock);
	int64_t next = p->next_deadline = p->nheap ? deadline_at(p, 0) : INT64_MAX;
	pthread_mutex_unlock(&p->lock);
	return next;
}

struct park_counts park_counts(struct park *p)
{
	struct park_counts c = {.records = 0};
	pthread_mutex_lock(&p->lock);
	for (int s = 0; s < PARK_STATES; s++)
		c.in_state[s] = p->lists[s].n;
	c.records = p->records;
	c.refused = p->refused;
	pthread_mutex_unlock(&p->lock);
	return c;
}
