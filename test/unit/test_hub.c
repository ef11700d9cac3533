/* The hub against the database that EASEL_TEST_DATABASE names: listening, asking, being cut off. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <poll.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "store/pg.h"
#include "store/pg_hub.h"

/* What the hub told, in the order in which it was told: "lost", "folder 1:2", "tree 1" … */
struct heard {
	struct hub *hub;
	struct buf text;
	bool answered, ok;
	bool yes[8];
};

static void folder_changed(void *ctx, int32_t account, int32_t folder)
{
	buf_printf(&((struct heard *)ctx)->text, "folder %d:%d\n", account, folder);
}

static void hierarchy_changed(void *ctx, int32_t account)
{
	buf_printf(&((struct heard *)ctx)->text, "tree %d\n", account);
}

static void newer(void *ctx, struct str worker, int32_t account, int32_t device, int64_t ticket)
{
	buf_printf(&((struct heard *)ctx)->text, "newer %.*s %d %d %lld\n", STR_ARG(worker),
		   account, device, (long long)ticket);
}

static void again(void *ctx, int32_t account)
{
	buf_printf(&((struct heard *)ctx)->text, "again %d\n", account);
}

static void lost(void *ctx)
{
	buf_cstr(&((struct heard *)ctx)->text, "lost\n");
}

static void answered(void *ctx, bool ok, const bool *yes, size_t n)
{
	struct heard *h = ctx;
	h->answered = true;
	h->ok = ok;
	for (size_t i = 0; ok && i < n && i < 8; i++)
		h->yes[i] = yes[i];
}

/* Pumps until `text` was heard (or, without one, an answer), for ten seconds at most. */
static void await(struct heard *h, const char *text)
{
	int64_t until = clock_monotonic() + 10000;
	while (text ? !h->text.p || !strstr(h->text.p, text) : !h->answered) {
		struct pollfd p = {.fd = hub_fd(h->hub), .events = POLLIN};
		if (hub_wants_write(h->hub))
			p.events |= POLLOUT;
		int limit = hub_timeout(h->hub);
		poll(&p, p.fd >= 0, limit < 100 ? limit : 100);
		hub_pump(h->hub);
		if (clock_monotonic() > until)
			fail_msg("not heard: %s", text ? text : "an answer");
	}
}

static void forget(struct heard *h)
{
	buf_cut(&h->text, 0);
	buf_byte(&h->text, '\n');
	h->answered = false;
}

struct fixture {
	struct heard heard;
	struct pg *db;
};

static int set_up(void **state)
{
	const char *conninfo = getenv("EASEL_TEST_DATABASE");
	struct fixture *f = base_calloc(1, sizeof *f);
	*state = f;
	if (!conninfo)
		return 0;
	const struct hub_events events = {.ctx = &f->heard,
					  .folder_changed = folder_changed,
					  .hierarchy_changed = hierarchy_changed,
					  .newer = newer,
					  .again = again,
					  .lost = lost,
					  .answered = answered};
	f->db = pg_new(conninfo, "test");
	f->heard.hub = hub_new(conninfo, &events);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	if (f->db) {
		hub_free(&f->heard.hub);
		pg_free(&f->db);
	}
	buf_free(&f->heard.text);
	free(f);
	return 0;
}

static struct fixture *begin(void **state)
{
	struct fixture *f = *state;
	if (!f->db)
		skip();
	await(&f->heard, "lost");
	forget(&f->heard);
	return f;
}

static void run(struct fixture *f, const char *sql)
{
	struct err e = {.kind = ERR_NONE};
	if (!pg_script(f->db, sql, &e))
		fail_msg("%s: %s", sql, e.text);
}

/* ---- Listening ---- */

static void notifications_are_told_one_by_one(void **state)
{
	struct fixture *f = begin(state);
	run(f, "SELECT pg_notify('easel_folders', '7:1 7:22 81:3')");
	run(f, "SELECT pg_notify('easel_hierarchy', '5 66')");
	run(f, "SELECT pg_notify('easel_waiting', 'newer w1 7 71 1234567890123')");
	run(f, "SELECT pg_notify('easel_waiting', 'again 7 81')");
	await(&f->heard, "again 81\n");
	assert_string_equal(f->heard.text.p,
			    "\nfolder 7:1\nfolder 7:22\nfolder 81:3\ntree 5\ntree 66\n"
			    "newer w1 7 71 1234567890123\nagain 7\nagain 81\n");
}

static void a_payload_that_is_none_of_ours_does_no_harm(void **state)
{
	struct fixture *f = begin(state);
	run(f, "SELECT pg_notify('easel_folders', 'x 7 :: 7: :7 7:y  ')");
	run(f,
	    "SELECT pg_notify('easel_waiting', 'newer w1 7 x 1'), pg_notify('easel_waiting', 'newer'),"
	    " pg_notify('easel_waiting', 'again'), pg_notify('easel_waiting', 'again x'),"
	    " pg_notify('easel_waiting', 'other 1'), pg_notify('easel_waiting', '')");
	run(f, "SELECT pg_notify('easel_folders', '1:1')");
	await(&f->heard, "folder 1:1\n");
	assert_string_equal(f->heard.text.p, "\nfolder 1:1\n");
}

/* ---- Asking ---- */

/* An account with a folder tree of its own; what it is called does not matter. */
static int32_t make_account(struct fixture *f)
{
	static PG_STATEMENT(test_hub_account, "SELECT max(id)::int FROM easel.account");
	struct err e;
	run(f, "INSERT INTO easel.domain (name) VALUES ('hub.test') ON CONFLICT DO NOTHING;"
	       "SELECT easel.account_create('a' || txid_current() || '@hub.test')");
	struct pg_rows *rows = pg_run(f->db, &test_hub_account, &(struct pg_params){0}, &e);
	assert_non_null(rows);
	int32_t id = (int32_t)pg_get_int(rows, 0, 0);
	pg_done(&rows);
	return id;
}

static void questions_get_their_own_answers(void **state)
{
	struct fixture *f = begin(state);
	int32_t account = make_account(f);
	const struct hub_question q[] = {
		{.account = account, .folder = 0, .hierarchy = INT64_MAX},
		{.account = account, .folder = 0, .hierarchy = 0},
		{.account = account, .device = 1, .folder = 1}, /* never synced */
		{.account = account, .folder = 0, .hierarchy = 0},
		{.account = -1, .folder = 0, .hierarchy = INT64_MAX}, /* gone */
	};
	static const bool want[] = {false, true, false, true, true};

	assert_true(hub_ready(f->heard.hub));
	hub_ask(f->heard.hub, q, 5);
	assert_false(hub_ready(f->heard.hub));
	await(&f->heard, NULL);
	assert_true(f->heard.ok);
	assert_memory_equal(f->heard.yes, want, sizeof want);
	assert_true(hub_ready(f->heard.hub));
}

/* Whether the hub says yes to one question. */
static bool asked(struct fixture *f, const struct hub_question *q)
{
	while (!hub_ready(f->heard.hub))
		hub_pump(f->heard.hub);
	f->heard.answered = false;
	hub_ask(f->heard.hub, q, 1);
	await(&f->heard, NULL);
	assert_true(f->heard.ok);
	return f->heard.yes[0];
}

static void who_may_not_come_in_is_told_to_come(void **state)
{
	struct fixture *f = begin(state);
	int32_t account = make_account(f);
	const struct hub_question q = {.account = account, .hierarchy = INT64_MAX};
	char tree[32];
	snprintf(tree, sizeof tree, "tree %d\n", account);
	static const char *const switches[][2] = {
		{"UPDATE easel.account SET enabled = false WHERE id = (SELECT max(id) FROM easel.account)",
		 "UPDATE easel.account SET enabled = true WHERE id = (SELECT max(id) FROM easel.account)"},
		{"UPDATE easel.domain SET enabled = false WHERE name = 'hub.test'",
		 "UPDATE easel.domain SET enabled = true WHERE name = 'hub.test'"},
	};
	for (int i = 0; i < 2; i++) {
		forget(&f->heard);
		run(f, switches[i][0]);
		await(&f->heard, tree);
		assert_true(asked(f, &q));
		run(f, switches[i][1]);
		assert_false(asked(f, &q));
	}
	forget(&f->heard);
	run(f, "DELETE FROM easel.account WHERE id = (SELECT max(id) FROM easel.account)");
	await(&f->heard, tree);
}

/* ---- Coming to wait ---- */

static int64_t number(struct fixture *f, const struct pg_statement *s)
{
	struct err e;
	struct pg_rows *rows = pg_run(f->db, s, &(struct pg_params){0}, &e);
	assert_non_null(rows);
	assert_int_equal(pg_count(rows), 1);
	int64_t n = pg_get_int(rows, 0, 0);
	pg_done(&rows);
	return n;
}

static int32_t make_device(struct fixture *f)
{
	static PG_STATEMENT(test_hub_device, "SELECT max(id)::int FROM easel.device");
	run(f, "INSERT INTO easel.device (account_id, device_id)"
	       " SELECT max(id), 'D' || txid_current() FROM easel.account");
	return (int32_t)number(f, &test_hub_device);
}

static void a_request_that_comes_to_wait_is_known_to_all(void **state)
{
	struct fixture *f = begin(state);
	const int32_t folders[] = {1, 2};
	struct hub_waiter w = {.worker = "one",
			       .account = make_account(f),
			       .seconds = 300,
			       .folders = folders,
			       .n = 2};
	struct hub_begun first, other, back;
	bool yes[2];
	struct err e;
	char heard[80];
	w.device = make_device(f);
	run(f, "INSERT INTO easel.sync_base (account_id, device, folder_id, epoch, n, last_n,"
	       " folder_epoch, todo) SELECT account_id, id, 2, '00000000', 1, 1, 1, '{[1,2)}'"
	       " FROM easel.device WHERE id = (SELECT max(id) FROM easel.device)");

	assert_true(hub_begin(f->db, &w, &first, yes, &e));
	assert_int_equal(first.verdict, HUB_WAIT);
	assert_true(first.push);
	assert_false(yes[0]);
	assert_true(yes[1]);
	w.worker = "two";
	w.n = 0;
	assert_true(hub_begin(f->db, &w, &other, yes, &e));
	assert_true(other.ticket > first.ticket);
	snprintf(heard, sizeof heard, "newer one %d %d %lld\n", w.account, w.device,
		 (long long)other.ticket);
	await(&f->heard, heard);
	w.worker = "one";
	assert_true(hub_begin(f->db, &w, &back, yes, &e));
	snprintf(heard, sizeof heard, "newer two %d %d %lld\n", w.account, w.device,
		 (long long)back.ticket);
	await(&f->heard, heard);
}

static void a_device_that_only_tries_leaves_no_trace(void **state)
{
	struct fixture *f = begin(state);
	const struct hub_waiter w = {
		.worker = "one", .account = make_account(f), .seconds = 300, .folders = NULL};
	struct hub_begun begun;
	struct err e;
	assert_true(hub_begin(f->db, &w, &begun, NULL, &e));
	assert_int_equal(begun.verdict, HUB_WAIT);
}

static void what_a_worker_says_of_itself_is_written(void **state)
{
	static PG_STATEMENT(test_hub_parked,
			    "SELECT parked FROM easel.push_status WHERE pid = 5 AND alive");
	struct fixture *f = begin(state);
	struct hub_report r = {.worker = "w1", .host = "h", .pid = 5, .parked = 7, .memory = 70};
	hub_tell(f->heard.hub, &r);
	assert_false(hub_ready(f->heard.hub));
	while (!hub_ready(f->heard.hub))
		hub_pump(f->heard.hub);
	assert_int_equal(number(f, &test_hub_parked), 7);
	/* One that can't be written costs nothing but a line in the log. */
	r.pid = 6;
	r.max_parked = (size_t)INT32_MAX + 1;
	hub_tell(f->heard.hub, &r);
	while (!hub_ready(f->heard.hub))
		hub_pump(f->heard.hub);
	r.pid = 5;
	r.max_parked = 0;
	r.parked = 8;
	hub_tell(f->heard.hub, &r);
	while (!hub_ready(f->heard.hub))
		hub_pump(f->heard.hub);
	assert_int_equal(number(f, &test_hub_parked), 8);
}

static void the_most_questions_are_answered(void **state)
{
	struct fixture *f = begin(state);
	struct hub_question *q = base_calloc(HUB_QUESTIONS, sizeof *q);
	for (int i = 0; i < HUB_QUESTIONS; i++)
		q[i] = (struct hub_question){.account = INT32_MAX, .folder = i + 1};
	hub_ask(f->heard.hub, q, HUB_QUESTIONS);
	free(q); /* they are copied */
	await(&f->heard, NULL);
	assert_true(f->heard.ok);
}

/* ---- Being cut off ---- */

static void a_connection_that_ends_comes_back_and_says_so(void **state)
{
	struct fixture *f = begin(state);
	run(f, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	       " WHERE application_name = 'easel-hub' AND datname = current_database()");
	await(&f->heard, "lost");
	run(f, "SELECT pg_notify('easel_folders', '1:1')");
	await(&f->heard, "folder 1:1");
	assert_false(f->heard.answered);
}

static void a_question_that_is_cut_off_is_answered_as_not_known(void **state)
{
	struct fixture *f = begin(state);
	const struct hub_question q = {.account = 1, .hierarchy = 1};
	run(f, "BEGIN; LOCK TABLE easel.account IN ACCESS EXCLUSIVE MODE");
	hub_ask(f->heard.hub, &q, 1);
	for (int i = 0; i < 10; i++)
		hub_pump(f->heard.hub);
	run(f, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
	       " WHERE application_name = 'easel-hub' AND datname = current_database()");
	await(&f->heard, NULL);
	assert_false(f->heard.ok);
	run(f, "ROLLBACK");
	await(&f->heard, "lost");
	forget(&f->heard);
	hub_ask(f->heard.hub, &q, 1);
	await(&f->heard, NULL);
	assert_true(f->heard.ok);
}

static void a_server_that_is_not_there_is_tried_again(void **state)
{
	(void)state;
	struct heard h = {.hub = NULL};
	const struct hub_events events = {.ctx = &h, .lost = lost};
	h.hub = hub_new("host=/nonexistent dbname=x", &events);
	for (int i = 0; i < 20; i++) {
		int wait = hub_timeout(h.hub);
		assert_in_range(wait, 0, 2000);
		poll(NULL, 0, wait < 10 ? wait : 10);
		hub_pump(h.hub);
		assert_false(hub_ready(h.hub));
	}
	hub_free(&h.hub);
	assert_null(h.hub);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(notifications_are_told_one_by_one),
		TEST(a_payload_that_is_none_of_ours_does_no_harm),
		TEST(questions_get_their_own_answers),
		TEST(who_may_not_come_in_is_told_to_come),
		TEST(a_request_that_comes_to_wait_is_known_to_all),
		TEST(a_device_that_only_tries_leaves_no_trace),
		TEST(what_a_worker_says_of_itself_is_written),
		TEST(the_most_questions_are_answered),
		TEST(a_connection_that_ends_comes_back_and_says_so),
		TEST(a_question_that_is_cut_off_is_answered_as_not_known),
		cmocka_unit_test(a_server_that_is_not_there_is_tried_again),
	};
	return cmocka_run_group_tests_name("hub", tests, NULL, NULL);
}
