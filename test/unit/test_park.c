/* The registry of waiting requests: its states, what wakes whom, and two threads at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/arena.h"
#include "fcgi/park.h"

/* waiter_new() and waiter_free() are core's; the rest of a waiter is no business of the registry.
 */

enum { MOST = 8, QUESTIONS = 16 };

static atomic_uint wakes;

static void count_wake(void *ctx)
{
	(void)ctx;
	atomic_fetch_add(&wakes, 1);
}

static const struct hub_begun begun = {.push = true, .ticket = 10, .hierarchy = 70};

static struct waiter *waiter(int32_t account, int32_t device, int64_t deadline, size_t n,
			     const int32_t *folders)
{
	struct waiter *w = waiter_new(n);
	w->account = account;
	w->device = device;
	w->deadline = deadline;
	for (size_t i = 0; i < n; i++)
		w->folders[i] = folders[i];
	return w;
}

/* A waiter of folders 1 and 2, handed over. The descriptor of its peer is its device's number. */
static struct parked *park_one(struct park *p, int32_t account, int32_t device, int64_t deadline)
{
	static const int32_t folders[] = {1, 2};
	struct parked *r = park_register(p, waiter(account, device, deadline, 2, folders));
	assert_non_null(r);
	park_hand_over(p, r, (struct peer){device, 1}, &begun);
	return r;
}

static size_t in_state(struct park *p, enum park_state s)
{
	return park_counts(p).in_state[s];
}

/* Takes the only ended record, checks how it ended, and releases it. */
static void assert_ended(struct park *p, int device, enum wait_outcome outcome)
{
	struct parked *r = park_take_ended(p);
	assert_non_null(r);
	assert_null(r->next);
	assert_int_equal(r->peer.fd, device);
	assert_int_equal(r->outcome, outcome);
	park_release(p, r);
}

static int set_up(void **state)
{
	atomic_store(&wakes, 0);
	*state = park_new(MOST, count_wake, NULL);
	return 0;
}

static int tear_down(void **state)
{
	struct park *p = *state;
	park_free(&p);
	return 0;
}

/* ---- The flow ---- */

static void a_notification_asks_about_its_folder_and_a_yes_answers(void **state)
{
	struct park *p = *state;
	struct hub_question q[QUESTIONS];
	park_one(p, 7, 71, 1000);
	park_one(p, 8, 81, 1000);

	park_folder_changed(p, 7, 3); /* not watched */
	park_folder_changed(p, 9, 2); /* nobody there */
	assert_int_equal(park_ask(p, q, QUESTIONS), 0);
	park_folder_changed(p, 7, 2);
	assert_int_equal(in_state(p, PARK_WOKEN), 1);
	assert_int_equal(park_ask(p, q, QUESTIONS), 1);

	assert_int_equal(q[0].account, 7);
	assert_int_equal(q[0].device, 71);
	assert_int_equal(q[0].folder, 2);
	assert_int_equal(in_state(p, PARK_ASKING), 1);
	park_answered(p, true, (bool[]){true});
	struct parked *r = park_take_ended(p);
	int32_t folders[2];
	assert_int_equal(r->outcome, WAIT_CHANGED);
	assert_int_equal(park_changed_folders(r, folders), 1);
	assert_int_equal(folders[0], 2);
	park_release(p, r);
	assert_int_equal(park_counts(p).records, 1);
}

static void a_no_parks_again_and_the_next_notification_asks_again(void **state)
{
	struct park *p = *state;
	struct hub_question q[QUESTIONS];
	park_one(p, 7, 71, 1000);

	park_folder_changed(p, 7, 1);
	park_ask(p, q, QUESTIONS);
	park_answered(p, true, (bool[]){false});

	assert_int_equal(in_state(p, PARK_PARKED), 1);
	assert_int_equal(park_ask(p, q, QUESTIONS), 0);
	park_folder_changed(p, 7, 1);
	assert_int_equal(park_ask(p, q, QUESTIONS), 1);
	park_answered(p, true, (bool[]){true});
	assert_ended(p, 71, WAIT_CHANGED);
}

static void what_changes_before_the_hand_over_is_asked_about_after_it(void **state)
{
	struct park *p = *state;
	struct hub_question q[QUESTIONS];
	struct parked *r = park_register(p, waiter(7, 71, 1000, 1, (int32_t[]){5}));

	park_folder_changed(p, 7, 5);
	assert_int_equal(park_ask(p, q, QUESTIONS), 0); /* its worker thread still has it */
	assert_int_equal(atomic_load(&wakes), 0);
	park_hand_over(p, r, (struct peer){71, 1}, &begun);

	assert_int_equal(atomic_load(&wakes), 1);
	assert_int_equal(park_ask(p, q, QUESTIONS), 1);
	assert_int_equal(q[0].folder, 5);
}

static void what_changes_while_it_is_asked_about_is_asked_once_more(void **state)
{
	struct park *p = *state;
	struct hub_question q[QUESTIONS];
	park_one(p, 7, 71, 1000);

	park_folder_changed(p, 7, 1);
	park_ask(p, q, QUESTIONS);
	park_folder_changed(p, 7, 1); /* the query may have looked before */
	park_answered(p, true, (bool[]){false});

	assert_int_equal(in_state(p, PARK_WOKEN), 1);
	assert_int_equal(park_ask(p, q, QUESTIONS), 1);
}

static void a_folder_tree_that_changed_sends_for_foldersync(void **state)
{
	struct park *p = *state;
	struct hub_question q[QUESTIONS];
	park_one(p, 7, 71, 1000);

	park_folder_changed(p, 7, 1);
	park_hierarchy_changed(p, 7);
	assert_int_equal(park_ask(p, q, QUESTIONS), 2);
	assert_int_equal(q[1].folder, 0);
	assert_int_equal(q[1].hierarchy, 70);
	park_answered(p, true, (bool[]){true, true});

	assert_ended(p, 71, WAIT_HIERARCHY);
}

static void after_a_lost_connection_everything_is_asked_about(void **state)
{
	struct park *p = *state;
	struct hub_question q[QUESTIONS];
	park_one(p, 7, 71, 1000);
	park_one(p, 8, 81, 1000);
	struct parked *registered = park_register(p, waiter(9, 91, 1000, 0, NULL));

	park_all_changed(p);
	assert_int_equal(park_ask(p, q, QUESTIONS), 6); /* two folders and the tree of each */
	park_answered(p, false, NULL);
	assert_int_equal(in_state(p, PARK_WOKEN), 2);
	assert_int_equal(park_ask(p, q, QUESTIONS), 6);
	park_answered(p, true, (bool[6]){false});
	assert_int_equal(in_state(p, PARK_PARKED), 2);
	park_hand_over(p, registered, (struct peer){91, 1}, &begun);
	assert_int_equal(park_ask(p, q, QUESTIONS), 1);
}

static void more_questions_than_fit_are_asked_in_turns(void **state)
{
	struct park *p = *state;
	struct hub_question q[QUESTIONS];
	park_one(p, 7, 71, 1000);
	park_one(p, 8, 81, 1000);

	park_all_changed(p);
	assert_int_equal(park_ask(p, q, 4), 4); /* all of one, the first of the other */
	assert_int_equal(q[3].folder, 1);
	park_answered(p, true, (bool[4]){false});
	assert_int_equal(in_state(p, PARK_PARKED), 1);
	assert_int_equal(park_ask(p, q, 4), 2);
	assert_int_equal(q[0].folder, 2);
	assert_int_equal(q[1].folder, 0);
	park_answered(p, true, (bool[2]){true, false});
	assert_ended(p, 81, WAIT_CHANGED);
}

/* ---- The ends ---- */

static void deadlines_end_in_order_and_only_when_they_are_due(void **state)
{
	struct park *p = *state;
	static const int64_t deadlines[] = {50, 20, 70, 10, 60, 30, 40};
	for (int i = 0; i < 7; i++)
		park_one(p, 7, 100 + i, deadlines[i]);

	assert_int_equal(park_next_deadline(p), 10);
	park_expire(p, 9);
	assert_null(park_take_ended(p));
	park_expire(p, 45);
	static const int want[] = {103, 101, 105, 106};
	struct parked *r = park_take_ended(p);
	for (int i = 0; i < 4; i++) {
		struct parked *next = r->next;
		assert_int_equal(r->peer.fd, want[i]);
		assert_int_equal(r->outcome, WAIT_TIMEOUT);
		park_release(p, r);
		r = next;
	}
	assert_null(r);
	assert_int_equal(park_next_deadline(p), 50);
}

static void only_an_earlier_deadline_wakes_the_push_thread(void **state)
{
	struct park *p = *state;
	park_one(p, 7, 71, 1000);
	assert_int_equal(atomic_load(&wakes), 1);
	park_next_deadline(p);
	park_one(p, 7, 72, 2000);
	assert_int_equal(atomic_load(&wakes), 1);
	park_one(p, 7, 73, 500);
	assert_int_equal(atomic_load(&wakes), 2);
}

static void a_newer_request_of_the_device_ends_the_older_one(void **state)
{
	struct park *p = *state;
	park_one(p, 7, 71, 1000);
	park_one(p, 7, 72, 1000); /* another device */
	park_one(p, 8, 71, 1000); /* another account */

	struct parked *newer = park_register(p, waiter(7, 71, 900, 0, NULL));
	struct parked *r = park_take_ended(p);
	assert_int_equal(r->waiter->account, 7);
	assert_int_equal(r->outcome, WAIT_TIMEOUT);
	assert_true(r->superseded);
	assert_null(r->next);
	park_release(p, r);

	/* And one that is not even parked yet, as soon as it is. */
	struct parked *newest = park_register(p, waiter(7, 71, 900, 0, NULL));
	assert_null(park_take_ended(p));
	park_hand_over(p, newer, (struct peer){71, 2}, &begun);
	assert_ended(p, 71, WAIT_TIMEOUT);
	park_hand_over(p, newest, (struct peer){71, 3}, &begun);
	assert_int_equal(in_state(p, PARK_PARKED), 3);
}

static void a_newer_request_at_another_worker_ends_the_older_ones(void **state)
{
	struct park *p = *state;
	park_one(p, 7, 71, 1000); /* its ticket is 10 */
	park_one(p, 7, 72, 1000);
	park_newer_elsewhere(p, 7, 71, 10);
	park_newer_elsewhere(p, 8, 71, 11);
	assert_null(park_take_ended(p));
	park_newer_elsewhere(p, 7, 71, 11);
	assert_ended(p, 71, WAIT_TIMEOUT);

	/* Heard of before it was handed over, with the ticket that it had got. */
	static const struct {
		int64_t newer;
		size_t ended;
	} cases[] = {{9, 0}, {10, 0}, {11, 1}};
	for (size_t i = 0; i < 3; i++) {
		struct parked *r = park_register(p, waiter(9, 91, 1000, 0, NULL));
		park_newer_elsewhere(p, 9, 91, cases[i].newer);
		park_newer_elsewhere(p, 9, 91, 1);
		park_hand_over(p, r, (struct peer){91, 1}, &begun);
		assert_int_equal(in_state(p, PARK_ENDING), cases[i].ended);
		park_hung_up(p, r);
		assert_ended(p, 91, WAIT_TIMEOUT);
	}
}

static void when_settings_change_all_come_again(void **state)
{
	struct park *p = *state;
	park_one(p, 7, 71, 1000);
	park_one(p, 8, 81, 1000);
	struct parked *registered = park_register(p, waiter(9, 91, 1000, 0, NULL));
	park_again(p, 8);
	assert_ended(p, 81, WAIT_TIMEOUT);
	park_again(p, 0);
	assert_ended(p, 71, WAIT_TIMEOUT);
	park_hand_over(p, registered, (struct peer){91, 1}, &begun);
	assert_ended(p, 91, WAIT_TIMEOUT);
}

static void who_is_not_pushed_to_is_told_of_the_tree_only(void **state)
{
	static const struct hub_begun silent = {.push = false, .ticket = 10, .hierarchy = 70};
	struct park *p = *state;
	struct hub_question q[QUESTIONS];
	struct parked *r = park_register(p, waiter(7, 71, 1000, 1, (int32_t[]){5}));
	park_folder_changed(p, 7, 5);
	park_hand_over(p, r, (struct peer){71, 1}, &silent);
	park_folder_changed(p, 7, 5);
	assert_int_equal(in_state(p, PARK_PARKED), 1);
	park_all_changed(p);
	assert_int_equal(park_ask(p, q, QUESTIONS), 1);
	assert_int_equal(q[0].folder, 0);
	park_answered(p, true, (bool[]){true});
	assert_ended(p, 71, WAIT_HIERARCHY);
}

static void one_that_is_asked_about_may_end_meanwhile(void **state)
{
	struct park *p = *state;
	struct hub_question q[QUESTIONS];
	struct parked *r = park_one(p, 7, 71, 1000);
	park_one(p, 8, 81, 2000);

	park_all_changed(p);
	assert_int_equal(park_ask(p, q, QUESTIONS), 6);
	park_hung_up(p, r);
	struct parked *ended = park_take_ended(p);
	assert_ptr_equal(ended, r);
	assert_true(ended->hung_up);
	park_release(p, ended);
	bool yes[6];
	for (int i = 0; i < 6; i++)
		yes[i] = q[i].account == 7 || q[i].folder == 1;
	park_answered(p, true, yes);
	assert_ended(p, 81, WAIT_CHANGED);
}

static void a_peer_that_hangs_up_before_the_hand_over_is_ended_by_it(void **state)
{
	struct park *p = *state;
	struct parked *r = park_register(p, waiter(7, 71, 1000, 0, NULL));
	park_hung_up(p, r);
	assert_null(park_take_ended(p));
	park_hand_over(p, r, (struct peer){71, 1}, &begun);
	park_hung_up(p, r); /* once more does not matter */
	assert_ended(p, 71, WAIT_TIMEOUT);
}

static void there_is_room_for_so_many_and_no_more(void **state)
{
	struct park *p = *state;
	for (int i = 0; i < MOST; i++)
		park_one(p, i, i, 1000);
	struct waiter *w = waiter(99, 99, 1000, 0, NULL);
	assert_null(park_register(p, w));
	assert_int_equal(park_counts(p).refused, 1);

	/* A record keeps its room until it is released, for until then it keeps its descriptor. */
	park_expire(p, 1000);
	assert_null(park_register(p, w));
	for (struct parked *r = park_take_ended(p), *next; r; r = next) {
		next = r->next;
		park_release(p, r);
	}
	struct parked *r = park_register(p, w);
	assert_non_null(r);
	assert_ptr_equal(park_unregister(p, r), w);
	assert_int_equal(park_counts(p).records, 0);
	waiter_free(&w);
}

static void a_newer_request_takes_the_place_of_the_older_one(void **state)
{
	struct park *p = *state;
	for (int i = 0; i < MOST; i++)
		park_one(p, i, i, 1000);
	struct parked *first = park_register(p, waiter(3, 3, 500, 0, NULL));
	struct parked *second = park_register(p, waiter(3, 3, 400, 0, NULL));
	assert_non_null(first);
	assert_non_null(second);
	park_hand_over(p, first, (struct peer){100, 1}, &begun);
	park_hand_over(p, second, (struct peer){101, 1}, &begun);
	assert_int_equal(in_state(p, PARK_PARKED), MOST);
	assert_int_equal(in_state(p, PARK_ENDING), 2);
	assert_int_equal(park_next_deadline(p), 400);
}

static void a_close_ends_all_and_whatever_comes_later(void **state)
{
	struct park *p = *state;
	park_one(p, 7, 71, 1000);
	struct parked *late = park_register(p, waiter(8, 81, 1000, 0, NULL));
	park_close(p);
	assert_ended(p, 71, WAIT_TIMEOUT);
	park_hand_over(p, late, (struct peer){81, 1}, &begun);
	assert_ended(p, 81, WAIT_TIMEOUT);
}

/* ---- A long random walk against a plain model of the deadlines ---- */

static void a_random_walk_keeps_the_deadlines_right(void **state)
{
	(void)state;
	enum { ROOM = 64, STEPS = 20000 };
	struct park *p = park_new(ROOM, count_wake, NULL);
	struct parked *all[ROOM];
	size_t n = 0;
	srand(1);
	for (int step = 0; step < STEPS; step++) {
		if (n < ROOM && rand() % 2) {
			all[n++] = park_one(p, rand() % 5, step + 1, 1 + rand() % 1000);
		} else if (n) {
			size_t i = (size_t)rand() % n;
			park_hung_up(p, all[i]);
			park_release(p, park_take_ended(p));
			all[i] = all[--n];
		}
		int64_t least = INT64_MAX;
		for (size_t i = 0; i < n; i++)
			if (all[i]->waiter->deadline < least)
				least = all[i]->waiter->deadline;
		assert_int_equal(park_next_deadline(p), least);
		assert_int_equal(in_state(p, PARK_PARKED), n);
	}
	park_free(&p);
}

/* ---- Two threads ---- */

enum { ROUNDS = 20000, ACCOUNTS = 4 };

/* As a worker thread does: registers, looks, and gives up or hands over. */
static void *register_many(void *ctx)
{
	struct park *p = ctx;
	for (int i = 0; i < ROUNDS; i++) {
		struct waiter *w = waiter(i % ACCOUNTS, i % 32, i % 7, 1, (int32_t[]){i % 3});
		struct parked *r = park_register(p, w);
		if (!r) {
			waiter_free(&w);
		} else if (i % 5 == 0) {
			w = park_unregister(p, r);
			waiter_free(&w);
		} else {
			park_hand_over(p, r, (struct peer){i, 1}, &begun);
		}
	}
	return NULL;
}

static size_t release_all(struct park *p)
{
	size_t n = 0;
	for (struct parked *r = park_take_ended(p), *next; r; r = next, n++) {
		next = r->next;
		park_release(p, r);
	}
	return n;
}

static void two_threads_may_work_at_once(void **state)
{
	(void)state;
	struct park *p = park_new(64, count_wake, NULL);
	struct hub_question q[QUESTIONS];
	bool yes[QUESTIONS];
	pthread_t worker;
	size_t ended = 0;

	assert_int_equal(pthread_create(&worker, NULL, register_many, p), 0);
	for (int i = 0; i < ROUNDS; i++) {
		park_folder_changed(p, i % ACCOUNTS, i % 3);
		if (i % 50 == 0)
			park_all_changed(p);
		size_t n = park_ask(p, q, QUESTIONS);
		for (size_t k = 0; k < n; k++)
			yes[k] = (i + (int)k) % 3 == 0;
		if (i % 7 == 0)
			park_expire(p, i % 11);
		park_answered(p, i % 13 != 0, yes);
		ended += release_all(p);
	}
	pthread_join(worker, NULL);
	park_close(p);
	ended += release_all(p);

	assert_true(ended > 0);
	assert_int_equal(park_counts(p).records, 0);
	park_free(&p);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_notification_asks_about_its_folder_and_a_yes_answers),
		TEST(a_no_parks_again_and_the_next_notification_asks_again),
		TEST(what_changes_before_the_hand_over_is_asked_about_after_it),
		TEST(what_changes_while_it_is_asked_about_is_asked_once_more),
		TEST(a_folder_tree_that_changed_sends_for_foldersync),
		TEST(after_a_lost_connection_everything_is_asked_about),
		TEST(more_questions_than_fit_are_asked_in_turns),
		TEST(deadlines_end_in_order_and_only_when_they_are_due),
		TEST(only_an_earlier_deadline_wakes_the_push_thread),
		TEST(a_newer_request_of_the_device_ends_the_older_one),
		TEST(a_newer_request_at_another_worker_ends_the_older_ones),
		TEST(when_settings_change_all_come_again),
		TEST(who_is_not_pushed_to_is_told_of_the_tree_only),
		TEST(one_that_is_asked_about_may_end_meanwhile),
		TEST(a_peer_that_hangs_up_before_the_hand_over_is_ended_by_it),
		TEST(there_is_room_for_so_many_and_no_more),
		TEST(a_newer_request_takes_the_place_of_the_older_one),
		TEST(a_close_ends_all_and_whatever_comes_later),
		cmocka_unit_test(a_random_walk_keeps_the_deadlines_right),
		cmocka_unit_test(two_threads_may_work_at_once),
	};
	return cmocka_run_group_tests_name("park", tests, NULL, NULL);
}
