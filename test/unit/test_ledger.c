/*
 * The rules of the ledger, one by one, over the fake store. A device that takes every answer is
 * `take`; what an answer tells is written as "+3 ~2 -1 s4": Add, Change, Delete, SoftDelete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/ledger.h"
#include "store/fake.h"

#define DAY (INT64_C(24) * 60 * 60 * 1000)

static const int64_t TODAY = INT64_C(1767916800000);

struct given {
	struct store *s;
	struct arena *a;
	int32_t folder;
	struct ledger l;
	int64_t cutoff;
	struct change_list list; /* of the last answer */
	struct err e;
};

/* ---- Given ---- */

static int setup(void **state)
{
	struct given *g = base_calloc(1, sizeof *g);
	g->s = store_fake_new();
	g->a = arena_new(256 * 1024 * 1024);
	g->folder = fake_add_folder(g->s, 1, "Inbox", CLASS_EMAIL, ROLE_INBOX);
	g->cutoff = LEDGER_NO_CUTOFF;
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct given *g = *state;
	store_fake_free(&g->s);
	arena_free(&g->a);
	free(g);
	return 0;
}

static void look(struct given *g)
{
	g->l.folder_id = g->folder;
	g->l.folder_found = true;
	assert_int_equal(g->s->ops->folder(g->s, g->a, 1, g->folder, &g->l.folder, &g->e),
			 FOUND_ONE);
}

static int64_t add_to(struct given *g, const char *raw, int days)
{
	struct new_item item = {.raw = str_of(raw), .date = TODAY - days * DAY};
	int64_t uid, modseq;
	assert_true(g->s->ops->append(g->s, 1, g->folder, &item, &uid, &modseq, &g->e));
	return uid;
}

static int64_t add_aged(struct given *g, int days)
{
	return add_to(g, "Subject: x\r\n\r\nx\r\n", days);
}

/* One of the conversation "a". */
static int64_t add_reply(struct given *g, int days)
{
	return add_to(g, "References: <a>\r\n\r\nx\r\n", days);
}

static void add(struct given *g, int n)
{
	while (n-- > 0)
		add_aged(g, 0);
}

/* Sets or, when it is set, clears a flag; gives the modseq before and after. */
static struct echo flag(struct given *g, int64_t uid, int64_t *before)
{
	struct items items;
	int64_t after;
	assert_true(g->s->ops->lookup(g->s, g->a, 1, g->folder, &uid, 1, &items, &g->e));
	bool set = !(items.v[0].flags & ITEM_FLAGGED);
	assert_int_equal(g->s->ops->set_flags(g->s, 1, g->folder, uid, set ? ITEM_FLAGGED : 0,
					      set ? 0 : ITEM_FLAGGED, NULL, before, &after, &g->e),
			 FOUND_ONE);
	return (struct echo){uid, after};
}

static void change(struct given *g, int64_t uid)
{
	int64_t before;
	flag(g, uid, &before);
}

static int64_t drop(struct given *g, int64_t uid)
{
	int64_t modseq;
	assert_int_equal(g->s->ops->remove(g->s, 1, g->folder, uid, &modseq, &g->e), FOUND_ONE);
	return modseq;
}

/* ---- When ---- */

static void start(struct given *g)
{
	look(g);
	ledger_start(g->a, &g->l, g->cutoff, STR("{}"), NULL);
}

static struct synckey key_of(const struct given *g, int32_t n)
{
	struct synckey key = {.n = n};
	memcpy(key.epoch, g->l.epoch, sizeof key.epoch);
	return key;
}

static void collect(struct given *g, size_t window)
{
	look(g);
	ledger_set_cutoff(&g->l.base, g->cutoff);
	if (!ledger_collect(g->s, g->a, 1, &g->l, g->cutoff, window, &g->list, NULL, &g->e))
		fail_msg("%s", g->e.text);
}

/* What counting gives in place of listing. */
static size_t estimate(struct given *g, size_t window)
{
	size_t count;
	look(g);
	assert_true(ledger_collect(g->s, g->a, 1, &g->l, g->cutoff, window, NULL, &count, &g->e));
	return count;
}

/* Makes an answer that nobody has taken yet; its number. */
static int32_t answer_cut(struct given *g, size_t window, size_t kept)
{
	collect(g, window);
	if (kept > g->list.n)
		kept = g->list.n;
	struct sync_answer made = ledger_answer(g->a, &g->l, &g->list, kept);
	assert_in_range(g->l.nanswers, 0, LEDGER_ANSWERS - 1);
	g->l.answers[g->l.nanswers++] = made;
	return made.state.n;
}

static int32_t answer(struct given *g, size_t window)
{
	return answer_cut(g, window, SIZE_MAX);
}

static enum resolved use(struct given *g, int32_t n)
{
	struct synckey key = key_of(g, n);
	look(g);
	return ledger_resolve(&g->l, &key);
}

/* An answer that the device takes. */
static void take(struct given *g, size_t window)
{
	assert_int_equal(use(g, answer(g, window)), KEY_ANSWERED);
}

static void take_all(struct given *g)
{
	do
		take(g, 100);
	while (g->list.more);
}

/* ---- Then ---- */

static const char *told(struct given *g)
{
	static const char marks[] = {[CHANGE_ADD] = '+',
				     [CHANGE_CHANGE] = '~',
				     [CHANGE_DELETE] = '-',
				     [CHANGE_SOFTDELETE] = 's'};
	struct buf text = {0};
	for (size_t i = 0; i < g->list.n; i++)
		buf_printf(&text, "%s%c%lld", i ? " " : "", marks[g->list.v[i].kind],
			   (long long)g->list.v[i].item.uid);
	buf_cstr(&text, g->list.more ? " …" : "");
	char *copy = str_dup(g->a, buf_get(&text));
	buf_free(&text);
	return copy;
}

static void assert_tells(struct given *g, size_t window, const char *want)
{
	take(g, window);
	assert_string_equal(told(g), want);
}

static void assert_held(struct given *g, const char *want)
{
	assert_string_equal(uidset_text(&g->l.base.held).p, want);
}

static void assert_todo(struct given *g, const char *want)
{
	assert_string_equal(uidset_text(&g->l.base.todo).p, want);
}

static bool quiet(struct given *g)
{
	look(g);
	return ledger_quiet(&g->l, g->cutoff);
}

/* ---- The first fill ---- */

static void test_fill_goes_from_the_newest_down(void **state)
{
	struct given *g = *state;
	add(g, 5);
	start(g);
	assert_tells(g, 2, "+5 +4 …");
	assert_tells(g, 2, "+3 +2 …");
	assert_tells(g, 2, "+1");
	assert_held(g, "{[1,6)}");
	assert_tells(g, 2, "");
	assert_true(quiet(g));
}

/* A window that is exactly used up leaves nothing over. */
static void test_fill_ends_with_the_window(void **state)
{
	struct given *g = *state;
	add(g, 4);
	start(g);
	assert_tells(g, 2, "+4 +3 …");
	assert_tells(g, 2, "+2 +1");
	assert_int_equal(g->l.base.fill, 0);
}

static void test_fill_skips_gaps(void **state)
{
	struct given *g = *state;
	add(g, 6);
	drop(g, 2);
	drop(g, 5);
	start(g);
	assert_tells(g, 3, "+6 +4 +3 …");
	assert_tells(g, 3, "+1");
}

/* New items come before the rest of the fill; what it has not reached yet, it brings. */
static void test_fill_and_news(void **state)
{
	struct given *g = *state;
	add(g, 5);
	start(g);
	assert_tells(g, 2, "+5 +4 …");
	add(g, 1);
	change(g, 2);
	change(g, 4);
	drop(g, 3);
	assert_tells(g, 3, "+6 ~4 +2 …");
	assert_tells(g, 3, "+1");
	assert_held(g, "{[1,3),[4,7)}");
	assert_tells(g, 3, "");
}

/* Many batches of the store. */
static void test_large_fill(void **state)
{
	struct given *g = *state;
	add(g, 1300);
	start(g);
	take(g, LEDGER_ALL);
	assert_int_equal(g->list.n, 1300);
	assert_int_equal(g->list.v[0].item.uid, 1300);
	assert_int_equal(g->list.v[1299].item.uid, 1);
	assert_held(g, "{[1,1301)}");
}

/* ---- Changes ---- */

static void test_changes(void **state)
{
	struct given *g = *state;
	add(g, 4);
	start(g);
	take_all(g);
	change(g, 2);
	drop(g, 3);
	add(g, 1);
	assert_tells(g, 100, "~2 -3 +5");
	/* A uid whose deletion was told stays inside. */
	assert_held(g, "{[1,6)}");
	assert_tells(g, 100, "");
}

static void test_unheld_deletes_are_silent(void **state)
{
	struct given *g = *state;
	add(g, 2);
	start(g);
	take_all(g);
	add(g, 1);
	drop(g, 3);
	assert_false(quiet(g));
	assert_tells(g, 100, "");
	assert_true(quiet(g));
}

/* 5,000 items share one modseq; each is told once, a hundred at a time, in the order of their uids.
 */
static void test_cut_within_a_modseq(void **state)
{
	struct given *g = *state;
	int64_t next = 1;
	add(g, 5000);
	start(g);
	take(g, LEDGER_ALL);
	fake_share_modseq(g->s, 1, g->folder, 5000);
	for (int64_t uid = 1; uid <= 5000; uid++)
		change(g, uid);
	for (int answers = 0; answers < 50; answers++) {
		take(g, 100);
		assert_int_equal(g->list.n, 100);
		assert_int_equal(g->list.more, answers < 49);
		for (size_t i = 0; i < 100; i++) {
			assert_int_equal(g->list.v[i].kind, CHANGE_CHANGE);
			assert_int_equal(g->list.v[i].item.uid, next++);
		}
	}
	assert_tells(g, 100, "");
	assert_true(quiet(g));
}

/* Cut by bytes: only the first of the list were sent. */
static void test_cut_by_bytes(void **state)
{
	struct given *g = *state;
	add(g, 5);
	start(g);
	assert_int_equal(use(g, answer_cut(g, 100, 2)), KEY_ANSWERED);
	assert_held(g, "{[4,6)}");
	assert_tells(g, 100, "+3 +2 +1");
	change(g, 1);
	change(g, 2);
	change(g, 3);
	assert_int_equal(use(g, answer_cut(g, 100, 0)), KEY_ANSWERED);
	assert_int_equal(use(g, answer_cut(g, 100, 1)), KEY_ANSWERED);
	assert_tells(g, 100, "~2 ~3");
}

/* An answer of nothing leaves the base where it is. */
static void test_no_changes(void **state)
{
	struct given *g = *state;
	add(g, 2);
	start(g);
	look(g);
	g->list = ledger_no_changes(&g->l);
	g->l.answers[g->l.nanswers++] = ledger_answer(g->a, &g->l, &g->list, 0);
	assert_int_equal(use(g, 2), KEY_ANSWERED);
	assert_tells(g, 100, "+2 +1");
}

/* With no room at all, what is asked is whether there is more. */
static void test_window_of_nothing(void **state)
{
	struct given *g = *state;
	add(g, 1);
	start(g);
	assert_tells(g, 0, " …");
	assert_tells(g, 100, "+1");
	assert_tells(g, 0, "");
}

/* What could not be sent is not on the device, and comes again once it has changed. */
static void test_failed_items(void **state)
{
	struct given *g = *state;
	add(g, 2);
	start(g);
	collect(g, 100);
	g->list.v[0].failed = true;
	g->l.answers[g->l.nanswers++] = ledger_answer(g->a, &g->l, &g->list, g->list.n);
	use(g, 2);
	assert_held(g, "{[1,2)}");
	assert_tells(g, 100, "");
	change(g, 2);
	assert_tells(g, 100, "+2");
}

/* ---- Filters ---- */

static void test_filter_narrows_and_widens(void **state)
{
	struct given *g = *state;
	add_aged(g, 40);
	add_aged(g, 20);
	add_aged(g, 5);
	add_aged(g, 0);
	start(g);
	assert_tells(g, 100, "+4 +3 +2 +1");
	g->cutoff = TODAY - 7 * DAY;
	assert_false(quiet(g));
	assert_tells(g, 100, "s1 s2");
	assert_held(g, "{[3,5)}");
	assert_true(quiet(g));
	g->cutoff = TODAY - 30 * DAY;
	assert_tells(g, 100, "+2");
	g->cutoff = LEDGER_NO_CUTOFF;
	assert_tells(g, 100, "+1");
	assert_held(g, "{[1,5)}");
}

static void follow(struct given *g, bool on, bool before)
{
	const struct ledger_view view = {.conversations = on, .oldest = TODAY - 90 * DAY};
	const struct ledger_view was = {.conversations = before};
	ledger_set_view(&g->l, &view, &was);
}

static void cap(struct given *g, int64_t largest, int64_t before)
{
	ledger_set_view(&g->l, &(struct ledger_view){.largest = largest},
			&(struct ledger_view){.largest = before});
}

static void test_large_items(void **state)
{
	struct given *g = *state;
	const char *large = "Subject: a long subject\r\n\r\nand a long text\r\n";
	add(g, 1);
	add_to(g, large, 0);
	start(g);
	cap(g, 30, 30);
	assert_int_equal(estimate(g, LEDGER_ALL), 1);
	assert_tells(g, 100, "+1");
	change(g, 2);
	assert_int_equal(add_to(g, large, 0), 3);
	assert_tells(g, 100, "");
	assert_true(quiet(g));
	cap(g, 0, 30);
	assert_tells(g, 100, "+3 +2");
	cap(g, 30, 0);
	assert_tells(g, 100, "");
	change(g, 2);
	assert_tells(g, 100, "s2");
}

/* What is drawn in comes last, once, and with the next answer when there is no room for it. */
static void test_conversations(void **state)
{
	struct given *g = *state;
	for (int i = 1; i <= 3; i++)
		add_reply(g, 110 - 30 * i); /* 80, 50 and 20 days */
	add_reply(g, 100);
	add_aged(g, 40);
	add_aged(g, 1);
	g->cutoff = TODAY - 7 * DAY;
	start(g);
	follow(g, true, true);
	assert_tells(g, 100, "+6");
	add_reply(g, 0);
	assert_int_equal(estimate(g, LEDGER_ALL), 4);
	assert_tells(g, 3, "+7 +1 +2 …");
	assert_todo(g, "{[3,4)}");
	change(g, 1);
	assert_tells(g, 100, "+3 ~1");
	assert_tells(g, 100, "");
	/* A day passes by, and with it what had drawn the others in. */
	g->cutoff = TODAY + DAY;
	assert_tells(g, 2, "s1 s2 …");
	assert_tells(g, 9, "s3 s6 s7");
	assert_true(quiet(g));
}

static void test_conversations_switched(void **state)
{
	struct given *g = *state;
	add_reply(g, 20);
	add_reply(g, 1);
	g->cutoff = TODAY - 7 * DAY;
	start(g);
	assert_tells(g, 100, "+2");
	follow(g, true, false);
	assert_tells(g, 100, "+1");
	follow(g, false, true);
	assert_tells(g, 100, "s1");
	assert_true(quiet(g));
}

/* One that can't be sent does not come up again and again. */
static void test_conversations_and_failed_items(void **state)
{
	struct given *g = *state;
	add_reply(g, 20);
	add_reply(g, 1);
	g->cutoff = TODAY - 7 * DAY;
	start(g);
	follow(g, true, true);
	collect(g, 100);
	assert_string_equal(told(g), "+2 +1");
	g->list.v[1].failed = true;
	g->l.answers[g->l.nanswers++] = ledger_answer(g->a, &g->l, &g->list, g->list.n);
	use(g, 2);
	assert_tells(g, 100, "");
	change(g, 1);
	assert_tells(g, 100, "+1");
}

static void test_filter_and_changes(void **state)
{
	struct given *g = *state;
	add_aged(g, 20);
	add_aged(g, 0);
	g->cutoff = TODAY - 7 * DAY;
	start(g);
	assert_tells(g, 100, "+2");
	/* Outside: neither its changes nor its end are told. */
	change(g, 1);
	add_aged(g, 20);
	assert_tells(g, 100, "");
	drop(g, 1);
	assert_tells(g, 100, "");
	/* An edge: exactly at the start is inside. */
	add_aged(g, 7);
	assert_tells(g, 100, "+4");
}

/* Narrowing is cut: what it left out on the way is brought when the filter widens. */
static void test_narrowing_cut_then_widened(void **state)
{
	struct given *g = *state;
	for (int days = 20; days > 10; days--)
		add_aged(g, days);
	start(g);
	take_all(g);
	add_aged(g, 15);
	g->cutoff = TODAY - 7 * DAY;
	assert_tells(g, 3, "s1 s2 s3 …");
	g->cutoff = TODAY - 16 * DAY;
	assert_tells(g, 100, "s4 +11");
	g->cutoff = TODAY - 17 * DAY;
	assert_tells(g, 100, "+4");
	assert_held(g, "{[4,12)}");
}

/* Cut among items of one date, then widened to just that date. */
static void test_narrowing_cut_within_a_date(void **state)
{
	struct given *g = *state;
	for (int i = 0; i < 4; i++)
		add_aged(g, 10);
	start(g);
	take_all(g);
	g->cutoff = TODAY - 7 * DAY;
	assert_tells(g, 2, "s1 s2 …");
	assert_tells(g, 1, "s3 …");
	g->cutoff = TODAY - 10 * DAY;
	assert_tells(g, 100, "+3 +2 +1");
	g->cutoff = TODAY - 7 * DAY;
	assert_tells(g, 100, "s1 s2 s3 s4");
}

/* More items of one date than the store is asked for at once, none of them on the device. */
static void test_narrowing_past_many(void **state)
{
	struct given *g = *state;
	for (int i = 0; i < 1200; i++)
		add_aged(g, 10);
	add(g, 3);
	start(g);
	assert_tells(g, 2, "+1203 +1202 …");
	g->cutoff = TODAY - 7 * DAY;
	assert_tells(g, 100, "+1201");
	assert_true(quiet(g));
}

/* The device edits an item that falls out in the same request. */
static void test_own_edit_falls_out(void **state)
{
	struct given *g = *state;
	int64_t before;
	add_aged(g, 10);
	start(g);
	take_all(g);
	struct echo own = flag(g, 1, &before);
	ledger_echo(g->a, &g->l, 1, before, own.modseq);
	g->cutoff = TODAY - 7 * DAY;
	assert_tells(g, 100, "s1");
}

/* Changed by others and fallen out: told once. */
static void test_changed_and_fallen_out(void **state)
{
	struct given *g = *state;
	add_aged(g, 10);
	start(g);
	take_all(g);
	change(g, 1);
	g->cutoff = TODAY - 7 * DAY;
	assert_tells(g, 100, "s1");
	assert_tells(g, 100, "");
}

/* ---- Todo ---- */

static void test_todo(void **state)
{
	struct given *g = *state;
	add(g, 4);
	start(g);
	take_all(g);
	drop(g, 2);
	assert_tells(g, 100, "-2");
	uidset_add_range(&g->l.base.todo, 1, 3);
	uidset_add(&g->l.base.todo, 9);
	assert_false(quiet(g));
	assert_tells(g, 2, "~1 -2 …");
	assert_todo(g, "{[9,10)}");
	assert_tells(g, 2, "-9");
	assert_todo(g, "{}");
	assert_true(quiet(g));
}

static void test_todo_of_what_is_not_held(void **state)
{
	struct given *g = *state;
	add_aged(g, 0);
	add_aged(g, 20);
	g->cutoff = TODAY - 7 * DAY;
	start(g);
	take_all(g);
	uidset_take(&g->l.base.held, 1);
	uidset_add_range(&g->l.base.todo, 1, 3);
	assert_tells(g, 100, "+1 s2");
	assert_held(g, "{[1,2)}");
}

/* Told by todo and changed: told once, also when the answer is cut between the two. */
static void test_todo_of_what_has_changed(void **state)
{
	struct given *g = *state;
	add(g, 3);
	start(g);
	take_all(g);
	change(g, 1);
	change(g, 3);
	uidset_add(&g->l.base.todo, 3);
	assert_tells(g, 1, "~3 …");
	assert_tells(g, 100, "~1");
	assert_tells(g, 100, "");
}

/* ---- Echoes ---- */

static void test_own_changes_are_not_told(void **state)
{
	struct given *g = *state;
	int64_t before;
	add(g, 3);
	start(g);
	take_all(g);
	for (int i = 0; i < 3; i++) {
		struct echo own = flag(g, 2, &before);
		ledger_echo(g->a, &g->l, 2, before, own.modseq);
	}
	ledger_echo(g->a, &g->l, 3, 0, drop(g, 3));
	assert_tells(g, 100, "");
	assert_int_equal(g->l.base.nechoes, 0);
	/* Somebody else's, later, is. */
	change(g, 2);
	assert_tells(g, 100, "~2");
}

/* Somebody else's change just before the device's own is not hidden by it. */
static void test_others_just_before(void **state)
{
	struct given *g = *state;
	int64_t before;
	add(g, 2);
	start(g);
	take_all(g);
	change(g, 1);
	struct echo own = flag(g, 1, &before);
	ledger_echo(g->a, &g->l, 1, before, own.modseq);
	assert_int_equal(g->l.base.nechoes, 0);
	assert_tells(g, 100, "~1");
}

static void test_edits_without_effect(void **state)
{
	struct given *g = *state;
	add(g, 1);
	start(g);
	take_all(g);
	ledger_echo(g->a, &g->l, 1, 2, 2);
	assert_int_equal(g->l.base.nechoes, 0);
}

/* The oldest make room; that costs a Change that was not needed, no more. */
static void test_many_echoes(void **state)
{
	struct given *g = *state;
	int64_t before;
	add(g, LEDGER_ECHOES + 5);
	start(g);
	take(g, LEDGER_ALL);
	for (int64_t uid = 1; uid <= LEDGER_ECHOES + 5; uid++) {
		struct echo own = flag(g, uid, &before);
		ledger_echo(g->a, &g->l, uid, before, own.modseq);
	}
	assert_int_equal(g->l.base.nechoes, LEDGER_ECHOES);
	assert_tells(g, 100, "~1 ~2 ~3 ~4 ~5");
}

/* ---- Keys ---- */

static void test_keys(void **state)
{
	struct given *g = *state;
	struct synckey other = {.n = 1, .epoch = "xxxxxxxx"};
	assert_int_equal(ledger_resolve(&g->l, &other), KEY_UNKNOWN);
	start(g);
	assert_int_equal(use(g, 1), KEY_BASE);
	assert_int_equal(use(g, 2), KEY_UNKNOWN);
	assert_int_equal(ledger_resolve(&g->l, &other), KEY_UNKNOWN);
	assert_int_equal(answer(g, 10), 2);
	assert_int_equal(use(g, 2), KEY_ANSWERED);
	assert_int_equal(use(g, 1), KEY_UNKNOWN);
	assert_int_equal(use(g, 2), KEY_BASE);
	/* Numbers are not used again. */
	assert_int_equal(answer(g, 10), 3);
	assert_int_equal(answer(g, 10), 4);
	assert_int_equal(use(g, 4), KEY_ANSWERED);
	assert_int_equal(use(g, 3), KEY_UNKNOWN);
	assert_int_equal(answer(g, 10), 5);
}

static void test_key_zero_repeated(void **state)
{
	struct given *g = *state;
	char first[9];
	add(g, 1);
	look(g);
	assert_true(ledger_start(g->a, &g->l, g->cutoff, STR("{}"), NULL));
	memcpy(first, g->l.epoch, sizeof first);
	/* The same again: the same key, nothing to write. */
	assert_false(ledger_start(g->a, &g->l, g->cutoff, STR("{}"), NULL));
	assert_string_equal(g->l.epoch, first);
	/* With other options: the same key, but they are to be written. */
	assert_true(ledger_start(g->a, &g->l, TODAY, STR("{\"filter\":1}"), NULL));
	assert_string_equal(g->l.epoch, first);
	assert_int_equal(g->l.base.cutoff, TODAY);
	/* Once the key was used, or has an answer, it is another one. */
	answer(g, 10);
	assert_true(ledger_start(g->a, &g->l, g->cutoff, STR("{}"), NULL));
	assert_string_not_equal(g->l.epoch, first);
	assert_int_equal(g->l.nanswers, 0);
	memcpy(first, g->l.epoch, sizeof first);
	g->l.used = true;
	assert_true(ledger_start(g->a, &g->l, g->cutoff, STR("{}"), NULL));
	assert_string_not_equal(g->l.epoch, first);
	assert_tells(g, 10, "+1");
}

static void test_key_zero_of_another_folder_epoch(void **state)
{
	struct given *g = *state;
	char first[9];
	start(g);
	memcpy(first, g->l.epoch, sizeof first);
	fake_change_epoch(g->s, 1, g->folder);
	assert_false(quiet(g));
	assert_true(ledger_start(g->a, &g->l, g->cutoff, STR("{}"), NULL));
	assert_string_not_equal(g->l.epoch, first);
}

/* ---- Lost answers ---- */

/* The base's key comes again: the same is told again, and what has happened meanwhile. */
static void test_lost_answer(void **state)
{
	struct given *g = *state;
	add(g, 2);
	start(g);
	answer(g, 10);
	assert_string_equal(told(g), "+2 +1");
	drop(g, 1);
	add(g, 1);
	assert_int_equal(use(g, 1), KEY_BASE);
	answer(g, 10);
	assert_string_equal(told(g), "+3 +2");
	assert_int_equal(g->l.nanswers, 2);
	/* The device may have item 1 of the lost answer. */
	assert_int_equal(use(g, 3), KEY_ANSWERED);
	assert_int_equal(g->l.nanswers, 0);
	assert_todo(g, "{[1,2)}");
	assert_tells(g, 10, "-1");
	assert_held(g, "{[2,4)}");
}

/* The first of two answers was taken: what the second had more comes again. */
static void test_earlier_answer_taken(void **state)
{
	struct given *g = *state;
	add(g, 1);
	start(g);
	answer(g, 10);
	add(g, 1);
	answer(g, 10);
	assert_string_equal(told(g), "+2 +1");
	assert_int_equal(use(g, 2), KEY_ANSWERED);
	assert_held(g, "{[1,2)}");
	assert_tells(g, 10, "+2");
	assert_tells(g, 10, "");
}

/* A SoftDelete that was perhaps taken: the item is told anew. */
static void test_lost_softdelete(void **state)
{
	struct given *g = *state;
	add_aged(g, 10);
	start(g);
	take_all(g);
	int32_t base = g->l.base.n;
	g->cutoff = TODAY - 7 * DAY;
	answer(g, 10);
	assert_string_equal(told(g), "s1");
	g->cutoff = LEDGER_NO_CUTOFF;
	assert_int_equal(use(g, base), KEY_BASE);
	answer(g, 10);
	assert_string_equal(told(g), "");
	assert_int_equal(use(g, g->l.last_n), KEY_ANSWERED);
	assert_held(g, "{}");
	assert_tells(g, 10, "+1");
}

/* The same, still outside: it is taken off the device for certain. */
static void test_lost_softdelete_still_outside(void **state)
{
	struct given *g = *state;
	add_aged(g, 11);
	add_aged(g, 10);
	start(g);
	take_all(g);
	int32_t base = g->l.base.n;
	g->cutoff = TODAY - 7 * DAY;
	answer(g, 10);
	assert_int_equal(use(g, base), KEY_BASE);
	answer(g, 1);
	assert_string_equal(told(g), "s1 …");
	assert_int_equal(use(g, g->l.last_n), KEY_ANSWERED);
	assert_tells(g, 10, "s2");
	assert_tells(g, 10, "");
}

/* A fifth answer drops the oldest; what that brought is not forgotten with whichever is taken. */
static void test_more_than_four_answers(void **state)
{
	struct given *g = *state;
	for (int taken = 3; taken <= 6; taken++) {
		g->folder = fake_add_folder(g->s, 1, "Another", CLASS_EMAIL, ROLE_NONE);
		g->l = (struct ledger){0};
		add(g, 1);
		start(g);
		answer(g, 10);
		assert_string_equal(told(g), "+1");
		drop(g, 1);
		for (int n = 3; n <= 6; n++)
			assert_int_equal(answer(g, 10), n);
		assert_int_equal(g->l.nanswers, LEDGER_ANSWERS);
		assert_int_equal(use(g, 2), KEY_UNKNOWN);
		assert_int_equal(use(g, taken), KEY_ANSWERED);
		assert_tells(g, 10, "-1");
		assert_tells(g, 10, "");
	}
}

/* The others are differences to the base: it stays as it is when the oldest makes room. */
static void test_fifth_answer_after_softdelete(void **state)
{
	struct given *g = *state;
	add_aged(g, 10);
	start(g);
	take_all(g);
	g->cutoff = TODAY - 7 * DAY;
	int32_t first = answer(g, 10);
	for (int i = 1; i < LEDGER_ANSWERS; i++)
		answer(g, 0);
	int32_t fourth = g->l.last_n;
	answer(g, 0);
	assert_held(g, "{[1,2)}");
	assert_int_equal(use(g, first), KEY_UNKNOWN);
	assert_int_equal(use(g, fourth), KEY_ANSWERED);
	assert_tells(g, 10, "s1");
	assert_tells(g, 10, "");
}

/* ---- Modseqs that fell ---- */

static void test_modseqs_fell(void **state)
{
	struct given *g = *state;
	add(g, 3);
	start(g);
	take_all(g);
	change(g, 2);
	drop(g, 1);
	take_all(g);
	assert_tells(g, 10, "");
	fake_lose_modseqs(g->s, 1, g->folder);
	drop(g, 3);
	add(g, 1);
	assert_in_range(g->l.base.done.modseq, 5, 99);
	assert_false(quiet(g));
	assert_tells(g, 2, "-1 ~2 …");
	assert_tells(g, 10, "-3 +4");
	assert_tells(g, 10, "");
	assert_true(quiet(g));
}

/* The highest has risen again: an item that was told of has less than it had. */
static void test_modseqs_fell_and_rose(void **state)
{
	struct given *g = *state;
	add(g, 3);
	start(g);
	take_all(g);
	change(g, 2);
	take_all(g);
	assert_int_equal(g->l.base.canary_uid, 2);
	fake_lose_modseqs(g->s, 1, g->folder);
	add(g, 9);
	look(g);
	assert_true(g->l.folder.modseq > g->l.base.done.modseq);
	assert_tells(g, 3, "~1 ~2 ~3 …");
	assert_tells(g, 10, "+12 +11 +10 +9 +8 +7 +6 +5 +4");
	assert_true(quiet(g));
}

static void test_canary(void **state)
{
	struct given *g = *state;
	add(g, 3);
	start(g);
	take(g, 2);
	assert_int_equal(g->l.base.canary_uid, 3);
	/* It is what has the highest modseq of those told. */
	take_all(g);
	assert_int_equal(g->l.base.canary_uid, 3);
	change(g, 1);
	take_all(g);
	assert_int_equal(g->l.base.canary_uid, 1);
	drop(g, 2);
	take_all(g);
	assert_int_equal(g->l.base.canary_uid, 1);
	drop(g, 1);
	take_all(g);
	assert_int_equal(g->l.base.canary_uid, 0);
	/* Gone and not told yet, it says nothing. */
	change(g, 3);
	take_all(g);
	drop(g, 3);
	assert_tells(g, 10, "-3");
}

/* ---- Quiet, passing over, counting ---- */

static void test_quiet(void **state)
{
	struct given *g = *state;
	add(g, 1);
	start(g);
	assert_false(quiet(g)); /* the fill */
	take_all(g);
	assert_true(quiet(g));
	answer(g, 10);
	assert_false(quiet(g)); /* an answer is outstanding */
	use(g, g->l.last_n);
	assert_true(quiet(g));
	uidset_add(&g->l.base.todo, 1);
	assert_false(quiet(g));
	take_all(g);
	change(g, 1);
	assert_false(quiet(g));
	take_all(g);
	g->cutoff = TODAY - DAY;
	assert_false(quiet(g));
	take_all(g);
	assert_true(quiet(g));
	fake_change_epoch(g->s, 1, g->folder);
	assert_false(quiet(g));
}

static void test_advance(void **state)
{
	struct given *g = *state;
	add(g, 1);
	start(g);
	take_all(g);
	int64_t before;
	struct echo own = flag(g, 1, &before);
	ledger_echo(g->a, &g->l, 1, before, own.modseq);
	add_aged(g, 0);
	drop(g, 2);
	g->cutoff = TODAY - DAY;
	int32_t key = g->l.base.n;
	collect(g, 10);
	assert_string_equal(told(g), "");
	ledger_advance(&g->l, &g->list);
	assert_int_equal(g->l.base.done.modseq, g->l.folder.modseq);
	assert_int_equal(g->l.base.cutoff, g->cutoff);
	assert_int_equal(g->l.base.nechoes, 0);
	assert_int_equal(g->l.base.n, key);
	assert_true(quiet(g));
}

static void test_counting_is_listing(void **state)
{
	struct given *g = *state;
	for (int i = 0; i < 700; i++)
		add_aged(g, i % 20);
	g->cutoff = TODAY - 15 * DAY;
	start(g);
	for (int round = 0; round < 30; round++) {
		size_t window = (size_t)round % 3 ? 37 : LEDGER_ALL;
		size_t count = estimate(g, window);
		answer_cut(g, window, (size_t)round * 5);
		assert_int_equal(count, g->list.n);
		use(g, g->l.last_n);
		for (int64_t uid = 1 + round; uid < 600; uid += 97)
			change(g, uid);
		drop(g, 600 + round);
		add_aged(g, round % 20);
		if (round % 4 == 0)
			uidset_add_range(&g->l.base.todo, round * 10 + 1, round * 10 + 20);
	}
}

static void test_the_store_fails(void **state)
{
	struct given *g = *state;
	add_aged(g, 10);
	add(g, 5);
	start(g);
	take(g, 3);
	uidset_add(&g->l.base.todo, 6);
	change(g, 5);
	g->cutoff = TODAY - 7 * DAY;
	look(g);
	unsigned calls = fake_calls(g->s);
	assert_true(ledger_collect(g->s, g->a, 1, &g->l, g->cutoff, 100, &g->list, NULL, &g->e));
	calls = fake_calls(g->s) - calls;
	assert_in_range(calls, 4, 10);
	for (unsigned nth = 1; nth <= calls; nth++) {
		fake_set_fault(g->s, FAKE_FAIL, nth);
		err_clear(&g->e);
		assert_false(ledger_collect(g->s, g->a, 1, &g->l, g->cutoff, 100, &g->list, NULL,
					    &g->e));
		assert_int_equal(g->e.kind, ERR_UNAVAILABLE);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(fill_goes_from_the_newest_down),
		T(fill_ends_with_the_window),
		T(fill_skips_gaps),
		T(fill_and_news),
		T(large_fill),
		T(changes),
		T(unheld_deletes_are_silent),
		T(cut_within_a_modseq),
		T(cut_by_bytes),
		T(no_changes),
		T(window_of_nothing),
		T(failed_items),
		T(filter_narrows_and_widens),
		T(large_items),
		T(conversations),
		T(conversations_switched),
		T(conversations_and_failed_items),
		T(filter_and_changes),
		T(narrowing_cut_then_widened),
		T(narrowing_cut_within_a_date),
		T(narrowing_past_many),
		T(own_edit_falls_out),
		T(changed_and_fallen_out),
		T(todo),
		T(todo_of_what_is_not_held),
		T(todo_of_what_has_changed),
		T(own_changes_are_not_told),
		T(others_just_before),
		T(edits_without_effect),
		T(many_echoes),
		T(keys),
		T(key_zero_repeated),
		T(key_zero_of_another_folder_epoch),
		T(lost_answer),
		T(earlier_answer_taken),
		T(lost_softdelete),
		T(lost_softdelete_still_outside),
		T(more_than_four_answers),
		T(fifth_answer_after_softdelete),
		T(modseqs_fell),
		T(modseqs_fell_and_rose),
		T(canary),
		T(quiet),
		T(advance),
		T(counting_is_listing),
		T(the_store_fails),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
