/* uidset: tables, a comparison with a plain bitmap, and what it reads and writes as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/uidset.h"

static int setup(void **state)
{
	*state = arena_new(64 * 1024 * 1024);
	return 0;
}

static int teardown(void **state)
{
	struct arena *a = *state;
	arena_free(&a);
	return 0;
}

static struct uidset parsed(struct arena *a, const char *text)
{
	struct uidset s;
	struct err e = {0};
	if (!uidset_parse(a, str_of(text), &s, &e))
		fail_msg("%s: %s", text, e.text);
	return s;
}

static void assert_text(const struct uidset *s, const char *want)
{
	struct str text = uidset_text(s);
	assert_string_equal(text.p, want);
	assert_int_equal(text.n, strlen(want));
}

/* ---- Tables ---- */

static void test_add(void **state)
{
	static const struct {
		const char *before;
		int64_t from, to;
		const char *after;
	} rows[] = {
		{"{}", 5, 6, "{[5,6)}"},
		{"{}", 5, 5, "{}"},
		{"{}", 6, 5, "{}"},
		{"{[5,6)}", 5, 6, "{[5,6)}"},
		{"{[5,6)}", 6, 7, "{[5,7)}"},
		{"{[5,6)}", 4, 5, "{[4,6)}"},
		{"{[5,6)}", 7, 8, "{[5,6),[7,8)}"},
		{"{[5,6)}", 3, 4, "{[3,4),[5,6)}"},
		{"{[1,3),[5,7)}", 3, 5, "{[1,7)}"},
		{"{[1,3),[5,7)}", 2, 6, "{[1,7)}"},
		{"{[1,3),[5,7)}", 1, 9, "{[1,9)}"},
		{"{[1,3),[5,7),[9,11)}", 4, 8, "{[1,3),[4,8),[9,11)}"},
		{"{[1,3),[5,7),[9,11)}", 3, 9, "{[1,11)}"},
		{"{[2,3)}", 1, INT64_MAX, "{[1,9223372036854775807)}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct uidset s = parsed(*state, rows[i].before);
		uidset_add_range(&s, rows[i].from, rows[i].to);
		assert_text(&s, rows[i].after);
	}
}

static void test_take(void **state)
{
	static const struct {
		const char *before, *taken, *after;
	} rows[] = {
		{"{}", "{[1,2)}", "{}"},
		{"{[5,8)}", "{}", "{[5,8)}"},
		{"{[5,8)}", "{[1,5)}", "{[5,8)}"},
		{"{[5,8)}", "{[8,9)}", "{[5,8)}"},
		{"{[5,8)}", "{[5,6)}", "{[6,8)}"},
		{"{[5,8)}", "{[6,7)}", "{[5,6),[7,8)}"},
		{"{[5,8)}", "{[7,8)}", "{[5,7)}"},
		{"{[5,8)}", "{[5,8)}", "{}"},
		{"{[5,8)}", "{[1,99)}", "{}"},
		{"{[1,3),[5,8),[9,12)}", "{[2,10)}", "{[1,2),[10,12)}"},
		{"{[1,3),[5,8),[9,12)}", "{[1,2),[6,7),[11,12)}", "{[2,3),[5,6),[7,8),[9,11)}"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct uidset s = parsed(*state, rows[i].before);
		struct uidset taken = parsed(*state, rows[i].taken);
		uidset_take_all(&s, &taken);
		assert_text(&s, rows[i].after);
	}
}

static void test_next_and_count(void **state)
{
	static const struct {
		const char *set;
		int64_t at, next; /* next 0: none */
		int64_t count;
	} rows[] = {
		{"{}", 0, 0, 0},
		{"{[5,8)}", 0, 5, 3},
		{"{[5,8)}", 5, 5, 3},
		{"{[5,8)}", 7, 7, 3},
		{"{[5,8)}", 8, 0, 3},
		{"{[5,8),[20,21)}", 8, 20, 4},
		{"{[1,9223372036854775807)}", 9, 9, INT64_MAX - 1},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct uidset s = parsed(*state, rows[i].set);
		int64_t next = 0;
		assert_int_equal(uidset_next(&s, rows[i].at, &next), rows[i].next != 0);
		assert_int_equal(next, rows[i].next);
		assert_int_equal(uidset_count(&s), rows[i].count);
		assert_int_equal(uidset_empty(&s), rows[i].count == 0);
	}
}

/* ---- Text ---- */

static void test_text_round_trip(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{[1,2)}",
		"{[1,501)}",
		"{[1,2),[3,4),[5,6)}",
		"{[9223372036854775806,9223372036854775807)}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct uidset s = parsed(*state, texts[i]);
		assert_text(&s, texts[i]);
	}
}

/* Ranges that touch or overlap, or come in any order, are joined. */
static void test_text_is_normalised(void **state)
{
	struct uidset s = parsed(*state, "{[7,9),[1,3),[3,5),[4,8)}");
	assert_text(&s, "{[1,9)}");
}

static void test_malformed(void **state)
{
	static const char *const texts[] = {
		"",
		"{",
		"}",
		"[1,2)",
		"{[1,2)",
		"[1,2)}",
		"{1,2}",
		"{[1,2]}",
		"{(1,2)}",
		"{[1]}",
		"{[1,)}",
		"{[,2)}",
		"{[2,1)}",
		"{[1,1)}",
		"{[a,b)}",
		"{[1,2),}",
		"{,}",
		"{,[1,2)}",
		"{[1,2)[3,4)}",
		"{[1,2),[3)}",
		"{[1,99999999999999999999)}",
		"{ }",
		"{[1, 2)}",
		"{[1,2)}x",
		"{empty}",
		"{[1,2),[3,4}",
		"{[0,2)}",
		"{[-2,2)}",
	};
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		struct uidset s;
		struct err e = {0};
		if (uidset_parse(*state, str_of(texts[i]), &s, &e))
			fail_msg("'%s' was read", texts[i]);
		assert_int_equal(e.kind, ERR_INTERNAL);
	}
}

/* ---- Against a bitmap ---- */

enum { UNIVERSE = 200, STEPS = 20000 };

static uint64_t seed = 1;

static int64_t any(int64_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (int64_t)((seed >> 33) % (uint64_t)n);
}

/* The ranges are what the bitmap says, ascending, neither overlapping nor touching. */
static void assert_same(struct arena *a, const struct uidset *s, const bool *bits)
{
	int64_t count = 0, next, want = 0;
	for (int64_t i = UNIVERSE - 1; i > 0; i--) {
		count += bits[i];
		want = bits[i] ? i : want;
		assert_int_equal(uidset_has(s, i), bits[i]);
		assert_int_equal(uidset_next(s, i, &next), want != 0);
		if (want)
			assert_int_equal(next, want);
	}
	for (size_t i = 0; i < s->n; i++) {
		assert_true(s->v[i].from < s->v[i].to);
		assert_true(i == 0 || s->v[i - 1].to < s->v[i].from);
	}
	assert_int_equal(uidset_count(s), count);
	struct str text = uidset_text(s);
	struct uidset again = parsed(a, text.p);
	assert_text(&again, text.p);
}

static struct uidset random_set(struct arena *a, bool *bits)
{
	struct uidset s = uidset_new(a);
	memset(bits, 0, UNIVERSE);
	for (int64_t n = any(6); n > 0; n--) {
		int64_t from = 1 + any(UNIVERSE - 1), to = from + any(UNIVERSE - from);
		uidset_add_range(&s, from, to);
		for (int64_t i = from; i < to; i++)
			bits[i] = true;
	}
	return s;
}

static void change(struct arena *a, struct uidset *s, bool *bits)
{
	bool others[UNIVERSE];
	struct uidset other;
	int64_t uid = 1 + any(UNIVERSE - 1), kind = any(100);
	if (kind < 40) {
		uidset_add(s, uid);
		bits[uid] = true;
	} else if (kind < 80) {
		uidset_take(s, uid);
		bits[uid] = false;
	} else {
		other = random_set(a, others);
		(kind < 88 ? uidset_add_all : uidset_take_all)(s, &other);
		for (int i = 0; i < UNIVERSE; i++)
			bits[i] = kind < 88 ? bits[i] || others[i] : bits[i] && !others[i];
	}
}

static void test_like_a_bitmap(void **state)
{
	struct arena *a = *state;
	bool bits[UNIVERSE] = {false}, copied[UNIVERSE];
	struct uidset s = uidset_new(a);
	for (int i = 0; i < STEPS; i++) {
		struct arena_mark mark = arena_mark(a);
		struct uidset copy = uidset_copy(a, &s);
		memcpy(copied, bits, sizeof bits);
		change(a, &copy, copied);
		assert_same(a, &copy, copied);
		/* The copy was a copy. */
		assert_same(a, &s, bits);
		arena_release(a, mark);
		change(a, &s, bits);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_add, setup, teardown),
		cmocka_unit_test_setup_teardown(test_take, setup, teardown),
		cmocka_unit_test_setup_teardown(test_next_and_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_text_is_normalised, setup, teardown),
		cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_like_a_bitmap, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
