/*
 * The model test: a phone, a mailbox that others change, and everything that can go wrong between
 * them: requests and answers lost, repeated, cut, stalled and late, a store and a database that
 * fail at any call, or do it and then fail. Whatever happened: once it is calm again, phone and
 * mailbox hold the same items with the same flags, no edit of the phone is lost or done twice, and
 * Ping says that something is there exactly when a Sync brings something.
 *
 * As a unit test it runs a fixed set of seeds. Longer:
 *     test_faults [--class NAME] [--seed N] [--steps N] [--seconds N | --total N] [--first]
 * [--trace] runs seeds from N on (default: by the clock), a number of steps each, until the time is
 * over or each class has made so many steps in all, or (--first) one has failed; it ends with a
 * sum. With EASEL_TEST_DATABASE the same goes through PostgreSQL, with the pg store and the real
 * rows; and with EASEL_TEST_IMAP, the port of an IMAP server that takes every user with one
 * password, mail lies there (test/faults/server.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "test/faults/pending.h"
#include "test/faults/phone.h"

enum { STEPS = 400, SEEDS = 100, SEEDS_SHORT = 20, SEEDS_PG = 3, ROUNDS = 600 };

/* ---- Given ---- */

static PG_STATEMENT(faults_domain, "SELECT easel.domain_create($1::text)");
static PG_STATEMENT(faults_account, "SELECT easel.account_create($1::text)");
static PG_STATEMENT(faults_folder,
		    "SELECT id FROM easel.folder WHERE account_id = $1 AND role = $2::text");
static PG_STATEMENT(faults_forget, "DELETE FROM easel.account WHERE id = $1");
static PG_STATEMENT(faults_forget_domain, "DELETE FROM easel.domain WHERE name = $1");

static int64_t sql_int(const struct pg_statement *st, int32_t n, const char *text)
{
	struct err e = {0};
	struct pg_params p = {0};
	if (n)
		pg_int(&p, n);
	if (text)
		pg_cstr(&p, text);
	struct pg_rows *r = pg_run(m->db, st, &p, &e);
	int64_t v = r && pg_count(r) ? pg_get_int(r, 0, 0) : 0;
	if (!r)
		model_wrong("%s", e.text);
	pg_done(&r);
	return v;
}

static void model_name(char *domain, size_t size)
{
	snprintf(domain, size, "faults%llu.test", (unsigned long long)m->seed);
}

static PG_STATEMENT(faults_second, "SELECT easel.folder_create($1, NULL, 'Second', $2::text)");

static void given_pg(const char *database)
{
	char domain[64], address[80];
	struct err e = {0};
	struct arena *a = arena_new(ROWS_CAP);
	struct device_contact contact = {.device_id = STR("phone1"), .type = STR("Phone")};
	model_name(domain, sizeof domain);
	snprintf(address, sizeof address, "anna@%s", domain);
	m->db = pg_new(database, "test");
	m->others_db = pg_new(database, "test");
	m->store = store_pg_new(m->db);
	m->others = store_pg_new(m->others_db);
	sql_int(&faults_domain, 0, domain);
	m->account = (int32_t)sql_int(&faults_account, 0, address);
	m->folder[0] = (int32_t)sql_int(&faults_folder, m->account, kind_now()->role);
	m->folder[1] = (int32_t)(kind_is_mail() ? sql_int(&faults_folder, m->account, "trash")
						: sql_int(&faults_second, m->account,
							  store_class_name(kind_now()->class)));
	if (!device_admit(m->db, a, m->account, &contact, &m->device, &e))
		model_wrong("%s", e.text);
	arena_free(&a);
}

static PG_STATEMENT(faults_imap_domain,
		    "UPDATE easel.domain SET backend = 'imap', imap_host = '127.0.0.1',"
		    " imap_tls = 'none', imap_port = $1::integer, imap_user = '%n@' || $2::text"
		    " WHERE name IN ($2, 'others' || $2)");
static PG_STATEMENT(faults_imap_account, "SELECT easel.imap_account_create($1::text)");

/* The tree of an account on the server. */
static void given_tree(struct store *s, int32_t account, int32_t *folder)
{
	struct err e = {0};
	server_enter(s, account);
	if (!s->ops->refresh(s, account, NULL, 0, &e))
		model_wrong("%s", e.text);
	folder[0] = (int32_t)sql_int(&faults_folder, account, "inbox");
	folder[1] = (int32_t)sql_int(&faults_folder, account, "trash");
}

/* Before the domain has an account. */
static void given_server(const char *database, int port)
{
	char domain[64], address[96];
	struct err e = {0};
	struct pg_params p = {0};
	struct arena *a = arena_new(ROWS_CAP);
	struct device_contact contact = {.device_id = STR("phone1"), .type = STR("Phone")};
	model_name(domain, sizeof domain);
	m->db = pg_new(database, "test");
	m->others_db = pg_new(database, "test");
	m->pool = imap_pool_new();
	m->others_pool = imap_pool_new();
	m->own[0] = store_pg_new(m->db);
	m->own[1] = store_pg_new(m->others_db);
	m->store = store_imap_new(m->db, m->own[0], database, m->pool);
	m->others = store_imap_new(m->others_db, m->own[1], database, m->others_pool);
	snprintf(address, sizeof address, "others%s", domain);
	sql_int(&faults_domain, 0, domain);
	sql_int(&faults_domain, 0, address);
	pg_int(&p, port);
	pg_cstr(&p, domain);
	if (!pg_do(m->db, &faults_imap_domain, &p, &e))
		model_wrong("%s", e.text);
	snprintf(address, sizeof address, "anna@%s", domain);
	m->account = (int32_t)sql_int(&faults_imap_account, 0, address);
	snprintf(address, sizeof address, "anna@others%s", domain);
	m->others_account = (int32_t)sql_int(&faults_imap_account, 0, address);
	given_tree(m->store, m->account, m->folder);
	given_tree(m->others, m->others_account, m->others_folder);
	if (!device_admit(m->db, a, m->account, &contact, &m->device, &e))
		model_wrong("%s", e.text);
	arena_free(&a);
}

static void given_fake(void)
{
	m->idle = pg_new(NULL, "test");
	m->store = store_fake_new();
	m->others = m->store;
	m->account = 1;
	m->device = 1;
	m->folder[0] = fake_add_folder(m->store, 1, "One", kind_now()->class,
				       kind_is_mail() ? ROLE_INBOX : ROLE_NONE);
	m->folder[1] = fake_add_folder(m->store, 1, "Two", kind_now()->class,
				       kind_is_mail() ? ROLE_TRASH : ROLE_NONE);
	m->rows = rows_copy(NULL);
}

static void given(unsigned kind, uint64_t seed, const char *database, bool trace)
{
	static const int bytes[] = {5000, 20000, 4 * 1024 * 1024};
	m = base_calloc(1, sizeof *m);
	m->seed = seed;
	m->kind = kind;
	m->random = seed;
	m->trace = trace;
	/* The database has a clock of its own. */
	m->now = database ? clock_now() : INT64_C(1767960000000);
	log_setup(LOG_ERROR, false);
	m->edits = base_calloc(EDITS_MAX, sizeof *m->edits);
	const char *server = database && kind_is_mail() ? getenv("EASEL_TEST_IMAP") : NULL;
	if (server)
		given_server(database, atoi(server));
	else if (database)
		given_pg(database);
	else
		given_fake();
	if (!server) {
		m->others_account = m->account;
		memcpy(m->others_folder, m->folder, sizeof m->folder);
	}
	flow_wrap();
	flow_trouble = (struct sync_trouble){0};
	m->sync_max_bytes = bytes[chance(3)];
	m->race = percent(50) ? 2 + chance(20) : 0;
	for (int i = 0; i < FOLDERS; i++) {
		m->phone[i].items = base_calloc(ITEMS_MAX, sizeof *m->phone[i].items);
		strcpy(m->phone[i].key, "0");
		m->phone[i].filter = percent(50) ? 0 : kind_filter();
		m->phone[i].conflict = percent(30) ? CONFLICT_CLIENT : CONFLICT_SERVER;
	}
}

static void forget_server(const char *domain)
{
	char others[80];
	snprintf(others, sizeof others, "others%s", domain);
	sql_int(&faults_forget, m->others_account, NULL);
	sql_int(&faults_forget_domain, 0, others);
	store_imap_free(&m->others);
	store_imap_free(&m->store);
	store_pg_free(&m->own[0]);
	store_pg_free(&m->own[1]);
	imap_pool_free(&m->others_pool);
	imap_pool_free(&m->pool);
}

static void forget_pg(void)
{
	char domain[64];
	model_name(domain, sizeof domain);
	pg_rollback(m->db);
	sql_int(&faults_forget, m->account, NULL);
	sql_int(&faults_forget_domain, 0, domain);
	m->store->ops = m->real;
	if (m->pool)
		forget_server(domain);
	else {
		store_pg_free(&m->others);
		store_pg_free(&m->store);
	}
	pg_free(&m->others_db);
	pg_free(&m->db);
}

static void ungiven(void)
{
	for (int i = 0; i < m->nstalled; i++)
		phone_free_sent(&m->stalled[i]);
	for (int i = 0; i < FOLDERS; i++)
		free(m->phone[i].items);
	phone_free_sent(&m->last);
	phone_free_moving(&m->moving);
	phone_free_moving(&m->stalled_moving);
	rows_free(&m->rows);
	rows_free(&m->work);
	if (m->db)
		forget_pg();
	else
		store_fake_free(&m->store);
	pg_free(&m->idle);
	free(m->edits);
	free(m);
	m = NULL;
}

/* ---- Then ---- */

static void check_item(int at, const struct item *item)
{
	enum { BOTH = ITEM_SEEN | ITEM_FLAGGED };
	const struct phone_item *p = phone_find(&m->phone[at], item->uid);
	if (!p)
		model_wrong("%d:%lld is not on the phone", at, (long long)item->uid);
	else if (p->flags != (item->flags & BOTH))
		model_wrong("%d:%lld has flags %u on the phone, %u on the server", at,
			    (long long)item->uid, p->flags, item->flags & BOTH);
}

/* Nothing that the phone has made is there twice. */
static void check_made(int at, const struct items *items)
{
	for (size_t i = 0; i < items->n; i++) {
		int number = kind_number(items->v[i].marks);
		for (size_t k = i + 1; k < items->n && number >= 0; k++)
			if (kind_number(items->v[k].marks) == number)
				model_wrong("%d: what the phone made as %d is there twice", at,
					    number);
	}
}

/* Phone and mailbox hold the same. */
static void check_same(int at)
{
	struct arena *a = arena_new(WORLD_CAP);
	struct items items = world_items(a, at, m->phone[at].cutoff);
	for (size_t i = 0; i < items.n; i++)
		check_item(at, &items.v[i]);
	if (!kind_is_mail())
		check_made(at, &items);
	if (m->phone[at].n > items.n)
		for (size_t i = 0; i < m->phone[at].n; i++) {
			bool there = false;
			for (size_t k = 0; k < items.n; k++)
				there |= items.v[k].uid == m->phone[at].items[i].uid;
			if (!there)
				model_wrong("%d:%lld is on the phone and not on the server", at,
					    (long long)m->phone[at].items[i].uid);
		}
	arena_free(&a);
}

static bool at_rest(void)
{
	bool rest = !m->last.bytes;
	for (int i = 0; i < FOLDERS; i++)
		rest = rest && !m->news[i] && m->phone[i].queue.n == 0 &&
		       strcmp(m->phone[i].key, "0") != 0;
	return rest;
}

/*
 * How many commands GetItemEstimate foretells; -1: what the phone does itself changes that, or it
 * has to be told of what a lost answer may have put on it.
 */
static int foretold(int at)
{
	struct synckey key;
	bool idle = !m->last.bytes && !m->moving.bytes && m->phone[0].queue.n == 0 &&
		    m->phone[1].queue.n == 0;
	m->told[at] = 0;
	if (!idle || m->db || !synckey_parse(str_of(m->phone[at].key), &key) || key.zero)
		return -1;
	const struct ledger *l = &m->rows->ledger[at];
	return l->nanswers && l->base.n == key.n ? -1 : phone_estimate(at);
}

static void check_foretold(int at, int count)
{
	if (count >= 0 && (unsigned)count != m->told[at])
		model_wrong("folder %d: GetItemEstimate says %d, and %u come", at, count,
			    m->told[at]);
}

/* Syncs until nothing is left to tell, twice in a row. */
static void come_to_rest(void)
{
	int rested = 0;
	unsigned race = m->race;
	m->race = 0;
	int counts[] = {foretold(0), foretold(1)};
	for (int i = 0; i < ROUNDS && rested < 3 && !m->wrong[0]; i++) {
		if (m->moving.bytes)
			phone_move(true);
		phone_sync_calmly();
		rested = at_rest() ? rested + 1 : 0;
	}
	if (rested < 3)
		model_wrong("it does not come to rest");
	for (int i = 0; i < FOLDERS && !m->wrong[0]; i++) {
		check_foretold(i, counts[i]);
		check_same(i);
		m->crashed[i] = false;
		if (pending(i))
			model_wrong("folder %d: Ping says something is there, and nothing is", i);
	}
	if (m->pool && !m->wrong[0])
		server_check();
	m->race = race;
}

/* Ping and Sync agree about one more edit by somebody else. */
static void check_pending(void)
{
	bool said[FOLDERS];
	unsigned race = m->race;
	m->race = 0;
	world_act();
	for (int i = 0; i < FOLDERS; i++)
		said[i] = pending(i);
	phone_sync_calmly();
	for (int i = 0; i < FOLDERS; i++)
		if (said[i] != m->news[i])
			model_wrong("folder %d: Ping says %s, Sync brings %s", i,
				    said[i] ? "something" : "nothing",
				    m->news[i] ? "something" : "nothing");
	m->race = race;
}

/* What the phone does itself is not told to it. */
static void check_own(void)
{
	unsigned race = m->race;
	int made = m->nedits;
	m->race = 0;
	phone_edit();
	for (int i = 0; i < 2 && m->nedits > made; i++) {
		const struct edit *e = &m->edits[made];
		phone_sync_calmly();
		if (m->news[e->folder])
			model_wrong("the phone is told of its own edit %d", made);
	}
	m->race = race;
}

static unsigned flags_on_server(int at, int64_t uid)
{
	struct arena *a = arena_new(WORLD_CAP);
	struct items items = world_items(a, at, LEDGER_NO_CUTOFF);
	unsigned flags = 0;
	for (size_t i = 0; i < items.n; i++)
		if (items.v[i].uid == uid)
			flags = items.v[i].flags;
	arena_free(&a);
	return flags;
}

/* How often what the phone made is there, in both folders; the last of them. */
static int find_made(int number, int *at, int64_t *uid)
{
	struct arena *a = arena_new(WORLD_CAP);
	int n = 0;
	for (int i = 0; i < FOLDERS; i++) {
		struct items items = world_items(a, i, LEDGER_NO_CUTOFF);
		for (size_t k = 0; k < items.n; k++)
			if (kind_number(items.v[k].marks) == number) {
				*at = i;
				*uid = items.v[k].uid;
				n++;
			}
	}
	arena_free(&a);
	return n;
}

/*
 * The phone made something and never saw the answer; somebody else has edited or moved it since,
 * and perhaps the folder counts afresh. When the phone has asked again, it is there once.
 */
static void check_added(void)
{
	int at = (int)chance(FOLDERS), where = 0, number = m->nedits;
	int64_t uid;
	unsigned race = m->race;
	if (kind_is_mail() || m->nedits == EDITS_MAX)
		return;
	m->race = 0;
	phone_make(at);
	phone_sync_in_vain();
	if (find_made(number, &where, &uid)) {
		if (percent(50))
			world_move(where, uid);
		else
			world_set(where, uid, ITEM_SEEN, percent(50));
	}
	if (percent(50)) {
		world_change_epoch(at);
		m->may_restart[at] = true;
		model_trace("folder %d has a new epoch", at);
	}
	come_to_rest();
	int n = find_made(number, &where, &uid);
	if (n != 1)
		model_wrong("what the phone made as %d is there %d times", number, n);
	m->race = race;
}

/* Somebody else changed what the phone edits: its version or the server's stands, as it asks for.
 */
static void check_conflict(void)
{
	int at = (int)chance(FOLDERS);
	struct phone_folder *f = &m->phone[at];
	bool wins = f->conflict == CONFLICT_CLIENT;
	if (f->n == 0 || m->nedits == EDITS_MAX)
		return;
	const struct phone_item item = f->items[chance((unsigned)f->n)];
	bool flagged = item.flags & ITEM_FLAGGED;
	unsigned race = m->race;
	m->race = 0;
	world_set(at, item.uid, ITEM_SEEN, !(item.flags & ITEM_SEEN));
	phone_edit_item(at, &item, flagged ? EDIT_UNFLAG : EDIT_FLAG);
	phone_sync_calmly();
	if (m->refused != !wins)
		model_wrong("an edit of %d:%lld, in conflict, is %s", at, (long long)item.uid,
			    wins ? "refused" : "done");
	bool now = flags_on_server(at, item.uid) & ITEM_FLAGGED;
	if (now != (wins ? !flagged : flagged))
		model_wrong("of the versions of %d:%lld the wrong one stands", at,
			    (long long)item.uid);
	m->race = race;
}

/* Nor of what it moves itself, into a folder whose filter has it too. */
static void check_moved(void)
{
	unsigned race = m->race;
	if (m->phone[0].cutoff != m->phone[1].cutoff)
		return;
	m->race = 0;
	phone_move(true);
	phone_sync_calmly();
	for (int i = 0; i < FOLDERS; i++)
		if (m->news[i])
			model_wrong("folder %d: the phone is told of its own move", i);
	m->race = race;
}

/* ---- When ---- */

static void act(void)
{
	unsigned what = chance(100);
	m->steps++;
	server_enter_both();
	if (what < 30)
		phone_sync();
	else if (what < 55)
		world_act();
	else if (what < 62)
		world_burst();
	else if (what < 80)
		phone_edit();
	else if (what < 85)
		phone_move(false);
	else if (what < 93)
		phone_deliver_stalled();
	else if (what < 97)
		phone_set_filter();
	else
		world_upset();
}

static void quiet_moment(void)
{
	come_to_rest();
	for (int i = 0; i < FOLDERS; i++)
		m->may_refuse[i] = m->read_only[i] = false;
	for (int i = 0; i < 3 && !m->wrong[0]; i++)
		check_pending();
	if (!m->wrong[0])
		come_to_rest();
	if (!m->wrong[0])
		check_own();
	if (!m->wrong[0])
		come_to_rest();
	if (!m->wrong[0])
		check_added();
	if (!m->wrong[0])
		check_conflict();
	if (!m->wrong[0])
		come_to_rest();
	if (!m->wrong[0])
		check_moved();
	if (!m->wrong[0])
		come_to_rest();
	if (!m->wrong[0] && !m->db && percent(10)) {
		world_lose_modseqs();
		come_to_rest();
	}
}

/* True: all was well. */
static bool run_seed(unsigned kind, uint64_t seed, unsigned steps, const char *database, bool trace)
{
	given(kind, seed, database, trace);
	while (m->steps < steps && !m->wrong[0]) {
		m->storm = percent(20);
		for (unsigned n = 1 + chance(40); n && m->steps < steps && !m->wrong[0]; n--)
			act();
		if (!m->wrong[0])
			quiet_moment();
	}
	bool ok = !m->wrong[0];
	if (!ok)
		printf("# %s, seed %llu, step %u: %s\n", kind_now()->name, (unsigned long long)seed,
		       m->steps, m->wrong);
	ungiven();
	return ok;
}

/* ---- As a unit test ---- */

static void test_fake(void **state)
{
	unsigned failed = 0, seeds = getenv("EASEL_TEST_SHORT") ? SEEDS_SHORT : SEEDS;
	(void)state;
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (uint64_t seed = 1; seed <= (kind ? seeds / 5 : seeds); seed++)
			failed += !run_seed(kind, seed, STEPS, NULL, false);
	/* And some that nobody has seen before. */
	for (unsigned i = 0; i < seeds / 10; i++)
		failed += !run_seed(i % KINDS, (uint64_t)clock_now() + i, STEPS, NULL, false);
	assert_int_equal(failed, 0);
}

static void test_pg(void **state)
{
	const char *database = getenv("EASEL_TEST_DATABASE");
	unsigned failed = 0;
	(void)state;
	if (!database)
		skip();
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (uint64_t seed = 1; seed <= (kind ? 1 : SEEDS_PG); seed++)
			failed += !run_seed(kind, seed, STEPS, database, false);
	assert_int_equal(failed, 0);
}

/* ---- On its own ---- */

struct wish {
	uint64_t seed;
	unsigned steps;
	long long seconds; /* 0: one seed */
	unsigned total;	   /* steps of each class; 0: until the time is over */
	int kind;	   /* -1: one class after the other */
	bool first;	   /* the first failure ends it */
	bool trace;
};

static struct wish read_wish(int argc, char **argv)
{
	struct wish w = {.seed = (uint64_t)clock_now(), .steps = STEPS, .kind = -1};
	for (int i = 1; i < argc; i++) {
		struct str name = str_of(argv[i]);
		const char *value = i + 1 < argc ? argv[i + 1] : "0";
		if (str_eq(name, STR("--seed")))
			w.seed = strtoull(value, NULL, 10);
		else if (str_eq(name, STR("--steps")))
			w.steps = (unsigned)strtoul(value, NULL, 10);
		else if (str_eq(name, STR("--seconds")))
			w.seconds = strtoll(value, NULL, 10);
		else if (str_eq(name, STR("--total")))
			w.total = (unsigned)strtoul(value, NULL, 10);
		for (int k = 0; str_eq(name, STR("--class")) && k < KINDS; k++)
			if (strcmp(value, kinds[k].name) == 0)
				w.kind = k;
		w.trace |= str_eq(name, STR("--trace"));
		w.first |= str_eq(name, STR("--first"));
	}
	return w;
}

/* So many steps of one class; how many seeds failed. */
static unsigned run_total(const struct wish *w, unsigned kind, const char *database)
{
	unsigned failed = 0, seeds = 0, steps = w->steps ? w->steps : STEPS;
	for (uint64_t made = 0; made < w->total && !(w->first && failed); made += steps)
		failed += !run_seed(kind, w->seed + seeds++, steps, database, w->trace);
	printf("%s: %u seeds, %llu steps, %u failed\n", kinds[kind].name, seeds,
	       (unsigned long long)seeds * steps, failed);
	fflush(stdout);
	return failed;
}

static int run_totals(const struct wish *w)
{
	const char *database = getenv("EASEL_TEST_DATABASE");
	unsigned failed = 0;
	printf("seeds from %llu on\n", (unsigned long long)w->seed);
	for (unsigned kind = 0; kind < KINDS; kind++)
		if ((w->kind < 0 || w->kind == (int)kind) && !(w->first && failed))
			failed += run_total(w, kind, database);
	return failed ? 1 : 0;
}

static int run_wish(const struct wish *w)
{
	const char *database = getenv("EASEL_TEST_DATABASE");
	int64_t until = clock_monotonic() + w->seconds * 1000;
	unsigned passed = 0, failed = 0;
	uint64_t seed = w->seed;
	printf("seeds from %llu on, %u steps each\n", (unsigned long long)seed, w->steps);
	do {
		unsigned kind = w->kind < 0 ? (unsigned)(seed % KINDS) : (unsigned)w->kind;
		bool ok = run_seed(kind, seed++, w->steps, database, w->trace);
		passed += ok;
		failed += !ok;
	} while (clock_monotonic() < until && !(w->first && failed));
	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_fake), cmocka_unit_test(test_pg)};
	if (argc > 1) {
		struct wish wish = read_wish(argc, argv);
		return wish.total ? run_totals(&wish) : run_wish(&wish);
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
