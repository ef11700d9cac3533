/*
 * The one test for change, easel.syncs_pending(), against the ledger: on a long random walk of one
 * device and one folder, in the database that EASEL_TEST_DATABASE names, it says yes exactly when a
 * Sync with the newest key would tell something.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/caps.h"
#include "core/ledger.h"
#include "core/sync_options.h"
#include "store/message.h"
#include "store/pg.h"

#define DAY (INT64_C(24) * 60 * 60 * 1000)

enum { STEPS = 3000, STEPS_SHORT = 600, INBOX = 1, FILTERS = 8, CONVERSATIONS = 12, LARGE = 100 };

struct walk {
	struct pg *db;
	struct store *store;
	struct arena *a;
	int32_t account, device;
	struct sync_options options;
	struct err e;
	unsigned yes, no;
};

static PG_STATEMENT(walk_account,
		    "SELECT easel.account_create('walk' || txid_current() || '@pending.test')");
static PG_STATEMENT(walk_device, "INSERT INTO easel.device (account_id, device_id)"
				 " VALUES ($1, 'WALK') RETURNING id");
static PG_STATEMENT(walk_pending, "SELECT easel.sync_pending($1, $2, $3)");
static PG_STATEMENT(walk_shift, "UPDATE easel.sync_base SET cutoff = cutoff - interval '1 day'"
				" WHERE device = $1");
static PG_STATEMENT(walk_shift_answers,
		    "UPDATE easel.sync_answer SET cutoff = cutoff - interval '1 day'"
		    " WHERE device = $1");
static PG_STATEMENT(walk_epoch, "UPDATE easel.folder SET epoch = epoch + 1"
				" WHERE account_id = $1 AND id = $2");
static PG_STATEMENT(walk_fall, "UPDATE easel.folder SET modseq = modseq - 1"
			       " WHERE account_id = $1 AND id = $2");

static int64_t number(struct walk *w, const struct pg_statement *s, int n, const int64_t *v)
{
	struct pg_params p = {0};
	for (int i = 0; i < n; i++)
		pg_int(&p, v[i]);
	struct pg_rows *r = pg_run(w->db, s, &p, &w->e);
	if (!r)
		fail_msg("%s: %s", s->name, w->e.text);
	int64_t out = pg_count(r) ? pg_get_int(r, 0, 0) : 0;
	pg_done(&r);
	return out;
}

static void check(struct walk *w, bool ok, const char *what)
{
	if (!ok)
		fail_msg("%s: %s", what, w->e.text);
}

/* ---- What others do ---- */

static void deliver(struct walk *w)
{
	struct message m;
	int64_t uid, modseq;
	/* A few conversations, which go on all the time. */
	struct str raw = str_of(arena_printf(w->a, "References: <%d@pending.test>\r\n\r\ny\r\n",
					     rand() % CONVERSATIONS));
	check(w, message_scan(w->a, raw, &m, &w->e), "scan");
	const struct new_item item = {
		.raw = raw, .message = &m, .date = clock_now() - rand() % 250 * DAY};
	check(w, w->store->ops->append(w->store, w->account, INBOX, &item, &uid, &modseq, &w->e),
	      "append");
}

/* A uid that is there, or was; 0 when there is none. */
static int64_t some_item(struct walk *w)
{
	struct items items;
	check(w,
	      w->store->ops->newest(w->store, w->a, w->account, INBOX, INT64_MAX, INT64_MIN, 30,
				    &items, &w->e),
	      "newest");
	return items.n ? items.v[(size_t)rand() % items.n].uid : 0;
}

static void flag(struct walk *w, struct ledger *own)
{
	int64_t before, after, uid = some_item(w);
	if (!uid)
		return;
	unsigned set = (unsigned)rand() % 2 ? ITEM_SEEN : 0;
	w->store->ops->set_flags(w->store, w->account, INBOX, uid, set, ITEM_SEEN & ~set, NULL,
				 &before, &after, &w->e);
	if (own)
		ledger_echo(w->a, own, uid, before, after);
}

static void drop(struct walk *w)
{
	int64_t modseq, uid = some_item(w);
	if (uid)
		w->store->ops->remove(w->store, w->account, INBOX, uid, &modseq, &w->e);
}

/* ---- What the device does ---- */

static void load(struct walk *w, struct ledger *l)
{
	const int64_t folder = INBOX;
	check(w, ledger_load(w->db, w->a, w->account, w->device, &folder, 1, l, &w->e), "load");
}

/* Options at random; how far conversations go back stays as it is while they are followed. */
static void choose_options(struct walk *w)
{
	if (!w->options.conversations)
		w->options.look_back = rand() % FILTERS;
	w->options.filter = rand() % FILTERS;
	w->options.conversations = rand() % 2;
	w->options.message_size = rand() % 3 * LARGE;
}

/* As the request says, from what the base has. */
static void look(struct walk *w, struct ledger *l)
{
	struct sync_options kept;
	check(w, sync_options_from_json(l->base.options, &kept, &w->e), "options");
	const struct ledger_view view = caps_view(&l->folder, &w->options, clock_now());
	const struct ledger_view before = caps_view(&l->folder, &kept, clock_now());
	ledger_set_view(l, &view, &before);
}

static void start(struct walk *w)
{
	struct ledger l;
	load(w, &l);
	choose_options(w);
	ledger_start(w->a, &l, sync_options_cutoff(&w->options, clock_now()),
		     sync_options_to_json(w->a, &w->options), NULL);
	check(w, ledger_restart(w->db, w->a, w->account, w->device, &l, &w->e), "restart");
}

static struct synckey newest_key(const struct ledger *l)
{
	struct synckey key = {.n = l->nanswers ? l->answers[l->nanswers - 1].state.n : l->base.n};
	memcpy(key.epoch, l->epoch, sizeof key.epoch);
	return key;
}

/* A Sync with the newest key, or with that of the base, as after an answer that was lost. */
static void sync(struct walk *w, bool lost, bool edits)
{
	struct ledger l;
	struct change_list list;
	load(w, &l);
	if (l.folder_epoch != l.folder.epoch) {
		start(w);
		return;
	}
	struct synckey key = newest_key(&l);
	if (lost)
		key.n = l.base.n;
	assert_int_not_equal(ledger_resolve(&l, &key), KEY_UNKNOWN);
	if (rand() % 10 == 0)
		choose_options(w);
	int64_t cutoff = sync_options_cutoff(&w->options, clock_now());
	ledger_set_cutoff(&l.base, cutoff);
	look(w, &l);
	l.base.options = sync_options_to_json(w->a, &w->options);
	if (edits)
		flag(w, &l);
	check(w,
	      ledger_collect(w->store, w->a, w->account, &l, cutoff, 1 + (size_t)rand() % 6, &list,
			     NULL, &w->e),
	      "collect");
	if (list.n || list.more || l.nanswers || edits) {
		size_t kept = list.n && rand() % 4 == 0 ? list.n - 1 : list.n;
		struct sync_answer answer = ledger_answer(w->a, &l, &list, kept);
		check(w, ledger_save(w->db, w->a, w->account, w->device, &l, &answer, &w->e),
		      "answer");
	} else {
		ledger_advance(&l, &list);
		check(w, ledger_save(w->db, w->a, w->account, w->device, &l, NULL, &w->e), "save");
	}
}

/* ---- The comparison ---- */

/* Only the passing of the filter's start itself, once a day, wakes nobody. */
static bool tells(const struct change_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		if (list->v[i].kind != CHANGE_SOFTDELETE || list->v[i].from_todo ||
		    list->v[i].after.cutoff == list->end.cutoff)
			return true;
	return false;
}

static bool would_tell(struct walk *w)
{
	struct ledger l;
	struct change_list list;
	load(w, &l);
	if (!l.base_found)
		return false;
	struct synckey key = newest_key(&l);
	if (l.folder_epoch != l.folder.epoch)
		return true;
	ledger_resolve(&l, &key);
	look(w, &l);
	check(w,
	      ledger_collect(w->store, w->a, w->account, &l,
			     sync_options_cutoff(&w->options, clock_now()), LEDGER_ALL, &list, NULL,
			     &w->e),
	      "collect");
	return tells(&list);
}

static void compare(struct walk *w, int step, int what)
{
	const int64_t ids[] = {w->account, w->device, INBOX};
	struct pg_params p = {0};
	for (int i = 0; i < 3; i++)
		pg_int(&p, ids[i]);
	struct pg_rows *r = pg_run(w->db, &walk_pending, &p, &w->e);
	assert_non_null(r);
	bool pending = pg_get_bool(r, 0, 0), tell = would_tell(w);
	pg_done(&r);
	if (pending != tell)
		fail_msg("step %d, after %d: the database says %d, a Sync %d", step, what, pending,
			 tell);
	*(tell ? &w->yes : &w->no) += 1;
}

static void take_step(struct walk *w, int what)
{
	const int64_t ids[] = {w->account, INBOX}, device[] = {w->device};
	if (what < 20)
		deliver(w);
	else if (what < 35)
		flag(w, NULL);
	else if (what < 45)
		drop(w);
	else if (what < 75)
		sync(w, false, false);
	else if (what < 85)
		sync(w, true, false);
	else if (what < 93)
		sync(w, false, true);
	else if (what < 96) {
		/* A day passes: of the filter's start the state says what it was yesterday. */
		number(w, &walk_shift, 1, device);
		number(w, &walk_shift_answers, 1, device);
	} else if (what < 97)
		start(w);
	else if (what < 98)
		number(w, &walk_epoch, 2, ids);
	else if (what < 99)
		number(w, &walk_fall, 2, ids);
	else
		for (int i = 0; i < 20; i++)
			sync(w, false, false);
}

static void a_ping_says_changed_exactly_when_a_sync_would_tell(void **state)
{
	(void)state;
	const char *conninfo = getenv("EASEL_TEST_DATABASE");
	if (!conninfo)
		skip();
	struct walk w = {.options = sync_options_standard};
	srand(5);
	w.db = pg_new(conninfo, "test");
	w.store = store_pg_new(w.db);
	w.a = arena_new((size_t)64 << 20);
	check(&w,
	      pg_script(w.db,
			"INSERT INTO easel.domain (name) VALUES ('pending.test')"
			" ON CONFLICT DO NOTHING",
			&w.e),
	      "domain");
	w.account = (int32_t)number(&w, &walk_account, 0, NULL);
	w.device = (int32_t)number(&w, &walk_device, 1, (int64_t[]){w.account});
	/* Most of it is the database's work, of which a sanitizer sees nothing. */
	unsigned steps = getenv("EASEL_TEST_SHORT") ? STEPS_SHORT : STEPS;
	for (unsigned step = 0; step < steps; step++) {
		int what = rand() % 100;
		take_step(&w, what);
		compare(&w, (int)step, what);
		arena_reset(w.a);
	}
	/* Both must have been seen often, or nothing was tested. */
	assert_true(w.yes > steps / 10);
	assert_true(w.no > steps / 10);
	store_pg_free(&w.store);
	pg_free(&w.db);
	arena_free(&w.a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_ping_says_changed_exactly_when_a_sync_would_tell),
	};
	return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
