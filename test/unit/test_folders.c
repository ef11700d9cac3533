/*
 * What devices know of folders and of what moved between them: lists of folders as they are edited,
 * and the ledger's notes of a move.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/folder_list.h"
#include "core/ledger.h"
#include "store/fake.h"
#include "store/message.h"

static struct arena *arena;

static int set_up(void **state)
{
	(void)state;
	arena = arena_new(16 << 20);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	arena_free(&arena);
	return 0;
}

/* ---------------------------------------------------------------------------------------------
 * Lists of folders, as "id.parent id.parent …"; the name of folder 1 is "1" */

static struct folder_list list(const char *text)
{
	struct folder_list l = {arena_array(arena, 20, sizeof *l.v), 0};
	struct str rest = str_of(text), token;
	while (rest.n && str_next(&rest, ' ', &token)) {
		int id, parent;
		assert_int_equal(sscanf(token.p, "%d.%d", &id, &parent), 2);
		l.v[l.n++] = (struct folder_entry){id, parent, 12,
						   str_of(arena_printf(arena, "%d", id))};
	}
	return l;
}

static const char *text_of(const struct folder_list *l)
{
	const char *text = "";
	for (size_t i = 0; i < l->n; i++)
		text = arena_printf(arena, "%s%s%d.%d", text, i ? " " : "", l->v[i].id,
				    l->v[i].parent);
	return text;
}

static void folders_are_put(void **state)
{
	(void)state;
	static const struct {
		const char *before;
		int id, parent;
		const char *after;
	} cases[] = {
		{"", 1, 0, "1.0"},
		{"1.0 2.0", 3, 1, "1.0 2.0 3.1"},
		{"1.0 2.0", 1, 0, "2.0 1.0"},
		{"1.0 2.0 3.1 4.3", 1, 2, "2.0 1.2 3.1 4.3"},
		{"1.0 2.0 3.1 4.3", 3, 2, "1.0 2.0 3.2 4.3"},
		{"1.0 3.1 4.3", 4, 0, "1.0 3.1 4.0"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct folder_list before = list(cases[i].before), want = list(cases[i].after);
		struct folder_entry entry = {cases[i].id, cases[i].parent, 12, STR("new")};
		struct folder_list after = folder_list_put(arena, &before, &entry);
		assert_string_equal(text_of(&after), cases[i].after);
		assert_true(folder_entry_equal(folder_list_find(&after, entry.id), &entry));
		assert_string_equal(text_of(&before), cases[i].before);
		assert_false(folder_list_equal(&after, &want));
	}
}

static void folders_are_dropped(void **state)
{
	(void)state;
	static const struct {
		const char *before;
		int id;
		const char *after;
	} cases[] = {
		{"1.0", 1, ""},
		{"1.0", 2, "1.0"},
		{"1.0 2.0 3.1 4.2 5.3", 1, "2.0 4.2"},
		{"1.0 2.0 3.1 4.2 5.3", 3, "1.0 2.0 4.2"},
		{"1.2 2.1", 1, ""}, /* a loop that a device was told of in two steps */
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct folder_list before = list(cases[i].before);
		struct folder_list after = folder_list_drop(arena, &before, cases[i].id);
		assert_string_equal(text_of(&after), cases[i].after);
	}
}

static void lists_are_compared(void **state)
{
	(void)state;
	struct folder_list a = list("1.0 2.1"), b = list("2.1 1.0"), c = list("1.0 2.0"),
			   d = list("1.0");
	struct folder_list none = list("");
	assert_true(folder_list_equal(&a, &b));
	assert_true(folder_list_equal(&none, &none));
	assert_false(folder_list_equal(&a, &c));
	assert_false(folder_list_equal(&a, &d));
	assert_false(folder_list_equal(&d, &a));
	b.v[0].name = STR("other");
	assert_false(folder_list_equal(&a, &b));
}

/* ---------------------------------------------------------------------------------------------
 * Moves. The device has items 1 to 3 from its base, and got 4 and lost 2 with an outstanding
 * answer. */

static struct ledger given_ledger(void)
{
	struct ledger l = {
		.folder_id = 1,
		.folder_found = true,
		.folder = {.id = 1, .epoch = 1, .modseq = 20},
		.base_found = true,
		.epoch = "01234567",
		.last_n = 6,
		.folder_epoch = 1,
		.nanswers = 1,
	};
	l.base = (struct sync_state){.n = 5, .done = {10, INT64_MAX}, .cutoff = LEDGER_NO_CUTOFF};
	l.base.held = uidset_new(arena);
	l.base.todo = uidset_new(arena);
	uidset_add_range(&l.base.held, 1, 4);
	struct sync_answer *answer = &l.answers[0];
	answer->state = l.base;
	answer->state.n = 6;
	answer->state.done = (struct position){20, INT64_MAX};
	answer->state.held = uidset_new(arena);
	answer->state.todo = uidset_new(arena);
	answer->added = uidset_new(arena);
	answer->taken = uidset_new(arena);
	uidset_add(&answer->added, 4);
	uidset_add(&answer->taken, 2);
	return l;
}

static void holdings(void **state)
{
	(void)state;
	static const struct {
		int64_t uid, modseq;
		enum holding want;
	} cases[] = {
		{1, 10, HOLDS},	    {1, 11, HOLDS_OLD}, /* news with an answer that may have been
							   lost */
		{1, 21, HOLDS_OLD}, {2, 10, HOLDS},	{4, 20, HOLDS},
		{4, 21, HOLDS_OLD}, {5, 5, HOLDS_NOT},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ledger l = given_ledger();
		assert_int_equal(ledger_holding(&l, cases[i].uid, cases[i].modseq), cases[i].want);
	}
	struct ledger l = given_ledger();
	ledger_send_again(&l, 1);
	assert_int_equal(ledger_holding(&l, 1, 10), HOLDS_OLD);
	l = given_ledger();
	ledger_echo(arena, &l, 1, 10, 25);
	assert_int_equal(ledger_holding(&l, 1, 25),
			 HOLDS_OLD); /* the answer's row does not know of it */
	l.nanswers = 0;
	assert_int_equal(ledger_holding(&l, 1, 25), HOLDS);
	l.folder.epoch = 2;
	assert_int_equal(ledger_holding(&l, 1, 10), HOLDS_NOT);
	struct ledger never = {.folder_found = true};
	assert_int_equal(ledger_holding(&never, 1, 1), HOLDS_NOT);
}

static int32_t add_folder(struct store *s, const char *name)
{
	return fake_add_folder(s, 1, name, CLASS_EMAIL, ROLE_NONE);
}

static int64_t add_item(struct store *s, int32_t folder, int64_t *modseq)
{
	struct message m;
	struct err e;
	int64_t uid;
	struct str raw = STR("Subject: x\r\n\r\nx\r\n");
	assert_true(message_scan(arena, raw, &m, &e));
	struct new_item item = {.raw = raw, .message = &m};
	assert_true(s->ops->append(s, 1, folder, &item, &uid, modseq, &e));
	return uid;
}

static void read_folder(struct store *s, struct ledger *l)
{
	struct err e;
	assert_int_equal(s->ops->folder(s, arena, 1, l->folder_id, &l->folder, &e), FOUND_ONE);
}

static void start(struct store *s, struct ledger *l, int32_t folder)
{
	*l = (struct ledger){.folder_id = folder, .folder_found = true};
	read_folder(s, l);
	assert_true(ledger_start(arena, l, LEDGER_NO_CUTOFF, STR("{}"), NULL));
}

/* What a Sync from the base would tell. */
static struct change_list told(struct store *s, struct ledger *l)
{
	struct change_list out;
	struct err e;
	read_folder(s, l);
	assert_true(ledger_collect(s, arena, 1, l, l->base.cutoff, LEDGER_ALL, &out, NULL, &e));
	return out;
}

static void answer_all(struct store *s, struct ledger *l)
{
	struct change_list all = told(s, l);
	l->answers[l->nanswers] = ledger_answer(arena, l, &all, all.n);
	l->nanswers++;
}

static void acknowledge(struct ledger *l)
{
	struct synckey key = {.n = l->last_n};
	memcpy(key.epoch, l->epoch, sizeof key.epoch);
	assert_int_equal(ledger_resolve(l, &key), KEY_ANSWERED);
}

/*
 * Whatever the device has acknowledged of either folder: after its own move it is told nothing of
 * it, from the base or from any answer.
 */
static void moves_are_not_told(void **state)
{
	(void)state;
	for (unsigned variant = 0; variant < 8; variant++) {
		struct store *s = store_fake_new();
		struct ledger from, to;
		struct err e;
		int64_t modseq, gone, uid, at;
		int32_t source = add_folder(s, "Source"), target = add_folder(s, "Target");
		int64_t item = add_item(s, source, &modseq);
		add_item(s, target, &at);
		start(s, &from, source);
		start(s, &to, target);
		answer_all(s, &from);
		if (variant & 1)
			acknowledge(&from);
		answer_all(s, &to);
		if (variant & 2)
			acknowledge(&to);
		if (variant & 4)
			answer_all(s, &to); /* a repeat: two answers are out */
		assert_int_equal(s->ops->move(s, 1, source, item, target, &gone, &uid, &at, &e),
				 FOUND_ONE);
		enum holding holding = ledger_holding(&from, item, modseq);
		assert_int_equal(holding, HOLDS);
		ledger_moved_out(arena, &from, item, gone);
		ledger_moved_in(arena, &to, uid, at, holding);
		struct change_list list_from = told(s, &from), list_to = told(s, &to);
		assert_int_equal(list_from.n, 0);
		assert_int_equal(list_to.n,
				 variant & 2 ? 0 : 1); /* the other item, from the base */
		if (to.nanswers) {
			acknowledge(&to);
			list_to = told(s, &to);
			for (size_t i = 0; i < list_to.n; i++)
				assert_int_not_equal(list_to.v[i].item.uid, uid);
			assert_true(uidset_has(&to.base.held, uid));
		}
		store_fake_free(&s);
	}
}

/* What the device may not know of the item, or has not at all, is told where it came. */
static void moves_hide_nothing(void **state)
{
	(void)state;
	static const struct {
		enum holding holding;
		enum change_kind want;
	} cases[] = {{HOLDS_OLD, CHANGE_CHANGE}, {HOLDS_NOT, CHANGE_ADD}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct store *s = store_fake_new();
		struct ledger to;
		int64_t at;
		start(s, &to, add_folder(s, "Target"));
		answer_all(s, &to);
		acknowledge(&to);
		int64_t uid = add_item(s, to.folder_id, &at);
		ledger_moved_in(arena, &to, uid, at, cases[i].holding);
		struct change_list out = told(s, &to);
		assert_int_equal(out.n, 1);
		assert_int_equal(out.v[0].kind, cases[i].want);
		store_fake_free(&s);
	}
}

static void a_folder_never_synced_is_left_alone(void **state)
{
	(void)state;
	struct ledger l = {.folder_found = true}, before = l;
	ledger_moved_out(arena, &l, 1, 5);
	ledger_moved_in(arena, &l, 1, 5, HOLDS);
	assert_memory_equal(&l, &before, sizeof l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(folders_are_put, set_up, tear_down),
		cmocka_unit_test_setup_teardown(folders_are_dropped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(lists_are_compared, set_up, tear_down),
		cmocka_unit_test_setup_teardown(holdings, set_up, tear_down),
		cmocka_unit_test_setup_teardown(moves_are_not_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(moves_hide_nothing, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_folder_never_synced_is_left_alone, set_up,
						tear_down),
	};
	return cmocka_run_group_tests_name("folders", tests, NULL, NULL);
}
