/*
 * pending: what Ping says: easel.sync_pending() itself where there is a database, and beside the
 * rows in memory the same rules once more.
 */
#ifndef EASEL_TEST_FAULTS_PENDING_H
#define EASEL_TEST_FAULTS_PENDING_H

#include "test/faults/rows.h"
#include "test/faults/world.h"

static PG_STATEMENT(faults_pending, "SELECT easel.sync_pending($1, $2, $3)");

static bool pending_pg(int at)
{
	struct err e = {0};
	struct pg_params p = {0};
	server_look(false);
	pg_int(&p, m->account);
	pg_int(&p, m->device);
	pg_int(&p, m->folder[at]);
	struct pg_rows *r = pg_run(m->others_db, &faults_pending, &p, &e);
	bool yes = r && pg_get_bool(r, 0, 0);
	if (!r)
		model_wrong("%s", e.text);
	pg_done(&r);
	return yes;
}

/* easel.sync_state: the newest outstanding answer if there is one, else the base. */
static struct sync_state pending_state(struct arena *a, const struct ledger *l)
{
	struct sync_state s = l->base;
	if (l->nanswers) {
		const struct sync_answer *newest = &l->answers[l->nanswers - 1];
		s = newest->state;
		s.held = uidset_copy(a, &l->base.held);
		uidset_add_all(&s.held, &newest->added);
		uidset_take_all(&s.held, &newest->taken);
	}
	return s;
}

static bool pending_change(const struct sync_state *s, const struct item *item)
{
	bool held = uidset_has(&s->held, item->uid);
	bool inside = !item->gone && item->date >= s->cutoff && item->uid >= s->fill;
	for (size_t i = 0; i < s->nechoes; i++)
		if (s->echo[i].uid == item->uid && s->echo[i].modseq == item->modseq)
			return false;
	return held || inside;
}

static bool pending_items(struct arena *a, int at, const struct sync_state *s)
{
	struct err e = {0};
	struct items items = {0};
	if (s->fill && (!m->real->newest(m->others, a, m->others_account, m->others_folder[at],
					 s->fill, s->cutoff, 1, &items, &e) ||
			items.n))
		return true;
	if (!m->real->changes(m->others, a, m->others_account, m->others_folder[at], s->done,
			      ITEMS_MAX * 10, &items, &e))
		world_failed(&e);
	for (size_t i = 0; i < items.n; i++)
		if (pending_change(s, &items.v[i]))
			return true;
	return false;
}

/* Whether Ping would say that the folder has something for the phone. */
static bool pending(int at)
{
	if (m->db)
		return pending_pg(at);
	const struct ledger *l = &m->rows->ledger[at];
	if (!l->base_found)
		return false;
	struct arena *a = arena_new(WORLD_CAP);
	struct folder f = world_folder(a, at);
	struct sync_state s = pending_state(a, l);
	bool yes = l->folder_epoch != f.epoch || !uidset_empty(&s.todo) || f.modseq < s.done.modseq;
	bool look = f.modseq > s.done.modseq || s.done.uid != INT64_MAX || s.fill;
	yes = yes || (look && pending_items(a, at, &s));
	arena_free(&a);
	return yes;
}

#endif
