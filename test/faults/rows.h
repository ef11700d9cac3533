/*
 * rows: the ledger's tables in memory, with the contract of store/ledger.h and transactions: a
 * transaction works on a copy, which takes the place of the committed rows at its end.
 */
#ifndef EASEL_TEST_FAULTS_ROWS_H
#define EASEL_TEST_FAULTS_ROWS_H

#include "test/faults/model.h"

enum { ROWS_CAP = 64 * 1024 * 1024 };

static void rows_free(struct rows **r)
{
	if (!*r)
		return;
	arena_free(&(*r)->arena);
	free(*r);
	*r = NULL;
}

static struct str rows_str(struct arena *a, struct str s)
{
	return s.p ? (struct str){arena_dup(a, s.p, s.n), s.n} : s;
}

static struct sync_state rows_state(struct arena *a, const struct sync_state *s)
{
	struct sync_state copy = *s;
	copy.held = uidset_copy(a, &s->held);
	copy.todo = uidset_copy(a, &s->todo);
	copy.echo = arena_array(a, s->nechoes, sizeof *copy.echo);
	if (s->nechoes)
		memcpy(copy.echo, s->echo, s->nechoes * sizeof *copy.echo);
	copy.options = rows_str(a, s->options);
	return copy;
}

static struct sync_answer rows_answer(struct arena *a, const struct sync_answer *from)
{
	struct sync_answer copy = {.state = rows_state(a, &from->state)};
	copy.state.held = uidset_new(a);
	copy.added = uidset_copy(a, &from->added);
	copy.taken = uidset_copy(a, &from->taken);
	return copy;
}

static struct ledger rows_ledger(struct arena *a, const struct ledger *l)
{
	struct ledger copy = *l;
	copy.base = rows_state(a, &l->base);
	for (size_t i = 0; i < l->nanswers; i++)
		copy.answers[i] = rows_answer(a, &l->answers[i]);
	return copy;
}

static void rows_put_done(struct rows *r, int folder, const struct sync_done *d)
{
	size_t n = r->ndone[folder];
	struct sync_done *v = arena_array(r->arena, n + 1, sizeof *v);
	if (n)
		memcpy(v, r->done[folder], n * sizeof *v);
	v[n] = *d;
	v[n].reference = rows_str(r->arena, d->reference);
	v[n].digest = rows_str(r->arena, d->digest);
	v[n].server_id = rows_str(r->arena, d->server_id);
	r->done[folder] = v;
	r->ndone[folder] = n + 1;
}

static void rows_put_added(struct rows *r, int folder, const struct sync_added *d)
{
	size_t n = r->nadded[folder], at = 0;
	struct sync_added *v = arena_array(r->arena, n + 1, sizeof *v);
	if (n)
		memcpy(v, r->added[folder], n * sizeof *v);
	while (at < n &&
	       !(str_eq(v[at].client_id, d->client_id) && str_eq(v[at].digest, d->digest)))
		at++;
	v[at] = (struct sync_added){
		.client_id = rows_str(r->arena, d->client_id),
		.digest = rows_str(r->arena, d->digest),
		.name = rows_str(r->arena, d->name),
		.server_id = rows_str(r->arena, d->server_id),
		.modseq = d->modseq,
	};
	r->added[folder] = v;
	r->nadded[folder] = at == n ? n + 1 : n;
}

/* In place of the one from the same place. */
static void rows_put_moved(struct rows *r, const struct moved_item *item)
{
	size_t at = 0;
	struct moved_item *v = arena_array(r->arena, r->nmoved + 1, sizeof *v);
	if (r->nmoved)
		memcpy(v, r->moved, r->nmoved * sizeof *v);
	while (at < r->nmoved && memcmp(&v[at].from, &item->from, sizeof item->from) != 0)
		at++;
	v[at] = *item;
	r->moved = v;
	r->nmoved += at == r->nmoved;
}

static struct rows *rows_copy(const struct rows *from)
{
	struct rows *r = base_calloc(1, sizeof *r);
	r->arena = arena_new(ROWS_CAP);
	for (int i = 0; from && i < FOLDERS; i++) {
		r->ledger[i] = rows_ledger(r->arena, &from->ledger[i]);
		for (size_t k = 0; k < from->ndone[i]; k++)
			rows_put_done(r, i, &from->done[i][k]);
		for (size_t k = 0; k < from->nadded[i]; k++)
			rows_put_added(r, i, &from->added[i][k]);
	}
	for (size_t i = 0; from && i < from->nmoved; i++)
		rows_put_moved(r, &from->moved[i]);
	return r;
}

static void rows_begin(void)
{
	rows_free(&m->work);
	m->work = rows_copy(m->rows);
}

static void rows_commit(void)
{
	if (!m->work)
		return;
	rows_free(&m->rows);
	m->rows = m->work;
	m->work = NULL;
}

static const struct rows *rows_seen(void)
{
	return m->work ? m->work : m->rows;
}

/* The folder is looked at when the ledger is read, as one statement does it. */
static bool rows_load(struct arena *a, const int64_t *folders, size_t n, struct ledger *out,
		      struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		int at = folder_index(folders[i]);
		out[i] = (struct ledger){.folder_id = (int32_t)folders[i]};
		if (at < 0)
			continue;
		struct folder f;
		enum found found = m->real->folder(m->others, a, m->account, m->folder[at], &f, e);
		if (found == FOUND_FAILED)
			return false;
		if (rows_seen()->ledger[at].base_found)
			out[i] = rows_ledger(a, &rows_seen()->ledger[at]);
		out[i].folder_id = (int32_t)folders[i];
		out[i].folder_found = found == FOUND_ONE;
		out[i].folder = f;
	}
	return true;
}

static bool rows_kept(const struct ledger *l, int32_t n)
{
	for (size_t i = 0; i < l->nanswers; i++)
		if (l->answers[i].state.n == n)
			return true;
	return false;
}

static void rows_forget(struct rows *r, int at, const struct ledger *l)
{
	struct ledger *row = &r->ledger[at];
	size_t kept = 0;
	for (size_t i = 0; i < row->nanswers; i++)
		if (rows_kept(l, row->answers[i].state.n))
			row->answers[kept++] = row->answers[i];
	row->nanswers = kept;
	kept = 0;
	for (size_t i = 0; i < r->ndone[at]; i++)
		if (r->done[at][i].n == l->base.n || rows_kept(l, r->done[at][i].n))
			r->done[at][kept++] = r->done[at][i];
	r->ndone[at] = kept;
}

static void rows_save(const struct ledger *l, const struct sync_answer *answer)
{
	int at = folder_index(l->folder_id);
	struct rows *r = m->work;
	struct ledger *row = &r->ledger[at];
	rows_forget(r, at, l);
	row->base = rows_state(r->arena, &l->base);
	row->last_n = l->last_n;
	row->used = true;
	if (!answer)
		return;
	if (row->nanswers == LEDGER_ANSWERS)
		model_wrong("a fifth outstanding answer is written");
	else if (rows_kept(row, answer->state.n))
		model_wrong("an answer is written under the key of another one");
	else
		row->answers[row->nanswers++] = rows_answer(r->arena, answer);
}

static void rows_rewrite(const struct ledger *l)
{
	struct ledger *row = &m->work->ledger[folder_index(l->folder_id)];
	row->base = rows_state(m->work->arena, &l->base);
	row->used = true;
	for (size_t i = 0; i < l->nanswers; i++)
		row->answers[i] = rows_answer(m->work->arena, &l->answers[i]);
}

static void rows_find_moved(struct moved_item *items, size_t n)
{
	const struct rows *r = rows_seen();
	for (size_t i = 0; i < n; i++) {
		items[i].known = false;
		for (size_t k = 0; k < r->nmoved; k++)
			if (memcmp(&items[i].from, &r->moved[k].from, sizeof items[i].from) == 0)
				items[i] = r->moved[k];
	}
}

static void rows_restart(const struct ledger *l)
{
	int at = folder_index(l->folder_id);
	struct rows *r = m->work;
	r->ledger[at] = rows_ledger(r->arena, l);
	r->ledger[at].nanswers = 0;
	r->ledger[at].used = false;
	r->ndone[at] = 0;
}

static void rows_done(struct arena *a, int at, int32_t n, struct sync_done **out, size_t *count)
{
	const struct rows *r = rows_seen();
	*out = arena_array(a, r->ndone[at], sizeof **out);
	*count = 0;
	for (size_t i = 0; i < r->ndone[at]; i++)
		if (r->done[at][i].n == n)
			(*out)[(*count)++] = r->done[at][i];
}

static void rows_find_added(int at, struct sync_added *v, size_t n)
{
	const struct rows *r = rows_seen();
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < r->nadded[at]; k++)
			if (str_eq(v[i].client_id, r->added[at][k].client_id) &&
			    str_eq(v[i].digest, r->added[at][k].digest)) {
				v[i].name = r->added[at][k].name;
				v[i].server_id = r->added[at][k].server_id;
				v[i].modseq = r->added[at][k].modseq;
			}
}

#endif
