/*
 * The schema and what the programs ask of it: every statement is prepared on the migrated database
 * that EASEL_TEST_DATABASE names, what goes together fails together, and the newest migration is
 * the one that workers expect.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "store/pg.h"
#include "store/pg_migrate.h"

static const char *test_database(void)
{
	const char *conninfo = getenv("EASEL_TEST_DATABASE");
	if (!conninfo)
		skip();
	return conninfo;
}

static void names_are_used_once(void **state)
{
	(void)state;
	size_t n;
	const struct pg_statement *const *v = pg_statements(&n);
	assert_true(n > 20);
	for (size_t i = 0; i < n; i++)
		for (size_t j = i + 1; j < n; j++)
			assert_string_not_equal(v[i]->name, v[j]->name);
}

static void every_statement_is_prepared(void **state)
{
	(void)state;
	struct pg *db = pg_new(test_database(), "test");
	struct arena *a = arena_new(1 << 20);
	struct err e = {.kind = ERR_NONE};
	size_t n, failed = 0;
	const struct pg_statement *const *v = pg_statements(&n);
	for (size_t i = 0; i < n; i++) {
		if (pg_script(db, arena_printf(a, "PREPARE %s AS %s", v[i]->name, v[i]->sql), &e))
			continue;
		print_error("%s: %s\n", v[i]->name, e.text);
		failed++;
	}
	assert_int_equal(failed, 0);
	arena_free(&a);
	pg_free(&db);
}

static const struct pg_statement test_one = {"test_one", "SELECT 1"};
static const struct pg_statement test_divided = {"test_divided", "SELECT 1 / $1::integer"};

static bool ahead(struct pg *db, int divisor, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, divisor);
	return pg_ahead(db, &test_divided, &p, e);
}

static void what_is_sent_ahead_fails_with_the_next(void **state)
{
	(void)state;
	struct pg *db = pg_new(test_database(), "test");
	struct err e = {.kind = ERR_NONE};
	assert_true(ahead(db, 1, &e) && pg_do(db, &test_one, NULL, &e));
	assert_true(ahead(db, 0, &e));
	assert_false(pg_do(db, &test_one, NULL, &e));
	assert_non_null(strstr(e.text, "22012"));
	assert_true(pg_do(db, &test_one, NULL, &e));
	assert_true(pg_begin(db, &e) && ahead(db, 0, &e) && ahead(db, 1, &e));
	assert_false(pg_commit(db, &e));
	assert_false(pg_in_transaction(db));
	/* One that was left without a next one is over with the rollback. */
	assert_true(ahead(db, 0, &e));
	pg_rollback(db);
	assert_true(pg_begin(db, &e) && ahead(db, 1, &e) && pg_commit(db, &e));
	assert_int_equal(pg_connection(db), 1);
	pg_free(&db);
}

static void nobody_waits_for_the_unwaited(void **state)
{
	(void)state;
	struct pg *db = pg_new(test_database(), "test");
	struct pg_params zero = {0};
	struct err e = {.kind = ERR_NONE};
	pg_int(&zero, 0);
	assert_true(pg_connect(db, &e));
	pg_unwaited(db, &test_one, NULL);
	assert_true(pg_begin(db, &e) && pg_do(db, &test_one, NULL, &e) && pg_commit(db, &e));
	assert_int_equal(pg_connection(db), 1);
	/* If it fails the connection goes, and the next statement finds another. */
	pg_unwaited(db, &test_divided, &zero);
	assert_true(pg_do(db, &test_one, NULL, &e));
	assert_int_equal(pg_connection(db), 2);
	pg_free(&db);
}

static void the_newest_migration_is_known(void **state)
{
	(void)state;
	struct arena *a = arena_new(64 << 20);
	struct migrations m;
	struct err e;
	if (!pg_migrate_read(a, "migrations", &m, &e))
		fail_msg("%s", e.text);
	assert_int_equal(m.n, PG_MIGRATE_NEWEST);
	assert_int_equal(m.v[0].number, 1);
	assert_string_equal(m.v[0].name, "0001_base");
	assert_int_equal(strlen(m.v[0].checksum), 64);
	arena_free(&a);
}

static void the_schema_is_checked(void **state)
{
	(void)state;
	struct pg *db = pg_new(test_database(), "test");
	struct err e = {.kind = ERR_NONE};
	if (!pg_migrate_check(db, &e))
		fail_msg("%s", e.text);
	static const char *const spoilt[] = {
		"DELETE FROM easel.migration WHERE number > 1",
		"INSERT INTO easel.migration VALUES (9999, 'future', repeat('0', 64))",
		"ALTER TABLE easel.migration RENAME TO elsewhere",
	};
	for (size_t i = 0; i < sizeof spoilt / sizeof *spoilt; i++) {
		assert_true(pg_begin(db, &e));
		assert_true(pg_script(db, spoilt[i], &e));
		assert_false(pg_migrate_check(db, &e));
		assert_int_equal(e.kind, ERR_CONFLICT);
		pg_rollback(db);
	}
	pg_free(&db);
	db = pg_new("host=/nonexistent", "test");
	assert_false(pg_migrate_check(db, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	pg_free(&db);
}

/* ---------------------------------------------------------------------------------------------
 * The cost of a statement follows what it is asked for, not the folder: also with a plan that was
 * made for folders of usual size. Everything is rolled back. */

static const char LARGE_FOLDER[] =
	"SELECT easel.domain_create('large.test');"
	"CREATE TEMPORARY TABLE mine (id integer);"
	"WITH a AS (INSERT INTO easel.account (domain_id, address)"
	"	SELECT id, 'u' || g || '@large.test' FROM easel.domain, generate_series(1, 1000) g"
	"	WHERE name = 'large.test' RETURNING id)"
	"INSERT INTO mine SELECT id FROM a;"
	"INSERT INTO easel.folder (account_id, id, name) SELECT id, f, f FROM mine, generate_series(1, 2) f;"
	"INSERT INTO easel.content (account_id, summary, data) SELECT id, '{}', 'x' FROM mine;"
	"INSERT INTO easel.content (account_id, summary, data)"
	"	SELECT (SELECT max(id) FROM mine), json_build_object('conversation', md5((n / 3)::text)), 'x'"
	"	FROM generate_series(1, 20000) n;"
	"INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)"
	"	SELECT account_id, 1, n, n + 1, '2026-01-01'::timestamptz + n * interval '1 minute', 1, id"
	"	FROM (SELECT account_id, id, row_number() OVER (PARTITION BY account_id ORDER BY id) AS n"
	"	      FROM easel.content WHERE account_id IN (SELECT id FROM mine)) c;"
	"INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq)"
	"	SELECT (SELECT max(id) FROM mine), 1, 100000 + n, n + 1 FROM generate_series(1, 20000) n;"
	"ANALYZE easel.item; ANALYZE easel.content; ANALYZE easel.tombstone; ANALYZE easel.folder";

/* The most rows that any step of a plan gave, as EXPLAIN tells it. */
static int64_t most_rows(const struct pg_rows *plan)
{
	int64_t most = 0;
	for (size_t i = 0; i < pg_count(plan); i++) {
		struct str line = pg_get_str(plan, i, 0);
		long long rows = 0, loops = 0;
		ptrdiff_t at = str_find(line, STR("(actual rows="));
		char text[64];
		snprintf(text, sizeof text, "%.*s",
			 STR_ARG(str_sub(line, at < 0 ? line.n : (size_t)at, 60)));
		if (sscanf(text, "(actual rows=%lld loops=%lld", &rows, &loops) == 2 &&
		    rows * loops > most)
			most = rows * loops;
	}
	return most;
}

/* Runs SQL of the test's own; what pg has prepared it knows by its place, so it stays in the arena.
 */
static struct pg_rows *ask(struct pg *db, struct arena *a, const char *name, const char *sql)
{
	struct err e;
	struct pg_statement *s = arena_alloc(a, sizeof *s);
	*s = (struct pg_statement){name, sql};
	struct pg_rows *r = pg_run(db, s, NULL, &e);
	if (!r)
		fail_msg("%s: %s", name, e.text);
	return r;
}

static void assert_cheap(struct pg *db, struct arena *a, int n, const char *name,
			 const char *arguments)
{
	const char *sql = arena_printf(
		a, "EXPLAIN (ANALYZE, TIMING off, COSTS off) EXECUTE %s (%s)", name, arguments);
	struct pg_rows *r = ask(db, a, arena_printf(a, "explain_%d", n), sql);
	int64_t rows = most_rows(r);
	if (rows == 0 || rows > 200) {
		for (size_t i = 0; i < pg_count(r); i++)
			print_error("%.*s\n", STR_ARG(pg_get_str(r, i, 0)));
		fail_msg("%s went through %lld rows", name, (long long)rows);
	}
	pg_done(&r);
}

/* Makes the folder and prepares what is to be run; gives the account. */
static int64_t given_large_folder(struct pg *db, struct arena *a)
{
	struct err e;
	size_t n;
	const struct pg_statement *const *v = pg_statements(&n);
	if (!pg_begin(db, &e) || !pg_script(db, LARGE_FOLDER, &e))
		fail_msg("%s", e.text);
	for (size_t i = 0; i < n; i++)
		if (str_starts(str_of(v[i]->name), STR("store_")))
			assert_true(pg_script(
				db, arena_printf(a, "PREPARE %s AS %s", v[i]->name, v[i]->sql),
				&e));
	struct pg_rows *r = ask(db, a, "large", "SELECT max(id) FROM mine");
	int64_t account = pg_get_int(r, 0, 0);
	pg_done(&r);
	return account;
}

static void cost_follows_the_question(void **state)
{
	(void)state;
	static const char *const modes[] = {"force_generic_plan", "force_custom_plan"};
	static const char *const cases[][2] = {
		{"store_changes", "19990, 9223372036854775807, 100"},
		{"store_changes", "0, 0, 100"},
		{"store_newest", "20001, 100"},
		{"store_newest_since", "20001, 100, '2026-01-14 20:00'"},
		{"store_newest_since", "15000, 100, '2026-01-14 20:00'"},
		{"store_dated", "'2026-01-02', '2026-01-02 01:00', 1000"},
		{"store_related", "'{19000,19001,77777}', '-infinity', '2026-01-14 20:00'"},
		{"store_unrelated", "'{[19000,19020)}', '-infinity', '2026-01-14 20:00', 512"},
		{"store_count", "20001, 100"},
		{"store_count", "50, 100"},
		{"store_count_since", "20001, 1000, '2026-01-14 20:00'"},
		{"store_count_since", "15000, 1000, '2026-01-14 20:00'"},
		{"store_lookup", "'{1,2,3,19000,77777}'"},
		{"store_summaries", "'{1,2,3,19000,77777}'"},
		{"store_slices", "'{1,2,77777}', '{0,0,0}', '{1,1,1}'"},
		{"store_open", "19000"},
		{"store_set_flags", "19000, 1, 0, false, ''"},
		{"store_remove", "19000"},
		{"store_move", "18000, 2"},
	};
	enum { CASES = sizeof cases / sizeof *cases };
	struct pg *db = pg_new(test_database(), "test");
	struct arena *a = arena_new(1 << 20);
	struct err e;
	long long account = given_large_folder(db, a);
	for (int i = 0; i < 2 * CASES; i++) {
		const char *const *c = cases[i % CASES];
		assert_true(pg_script(
			db,
			arena_printf(a, "SAVEPOINT s; SET plan_cache_mode = %s", modes[i / CASES]),
			&e));
		assert_cheap(db, a, i, c[0], arena_printf(a, "%lld, 1, %s", account, c[1]));
		assert_true(pg_script(db, "ROLLBACK TO s", &e));
	}
	pg_rollback(db);
	arena_free(&a);
	pg_free(&db);
}

/* ---------------------------------------------------------------------------------------------
 * Folders that hold no sequence */

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void take_file(const char *folder, const char *name)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	unlink(path);
}

static void folders_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *files[3];
		enum err_kind want;
	} cases[] = {
		{{NULL}, ERR_NOT_FOUND},
		{{"README.sql", "0001-a.sql", "1_a.sql"}, ERR_NOT_FOUND},
		{{"0001_a.sql", "0002_b.sql", "0002_b.sql~"}, ERR_NONE},
		{{"0001_a.sql", "0003_c.sql"}, ERR_INVALID},
		{{"0002_b.sql"}, ERR_INVALID},
		{{"0001_a.sql", "0001_b.sql", "0002_c.sql"}, ERR_INVALID},
		{{"0000_a.sql", "0001_b.sql"}, ERR_NONE},
	};
	char folder[] = "/tmp/easel-test-XXXXXX";
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct arena *a = arena_new(64 << 20);
		struct migrations m;
		struct err e = {.kind = ERR_NONE};
		for (int f = 0; f < 3 && cases[i].files[f]; f++)
			put_file(folder, cases[i].files[f], "SELECT 1");
		assert_int_equal(pg_migrate_read(a, folder, &m, &e), cases[i].want == ERR_NONE);
		assert_int_equal(e.kind, cases[i].want);
		for (int f = 0; f < 3 && cases[i].files[f]; f++)
			take_file(folder, cases[i].files[f]);
		arena_free(&a);
	}
	assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_used_once),
		cmocka_unit_test(every_statement_is_prepared),
		cmocka_unit_test(what_is_sent_ahead_fails_with_the_next),
		cmocka_unit_test(nobody_waits_for_the_unwaited),
		cmocka_unit_test(cost_follows_the_question),
		cmocka_unit_test(the_newest_migration_is_known),
		cmocka_unit_test(the_schema_is_checked),
		cmocka_unit_test(folders_are_read),
	};
	return cmocka_run_group_tests_name("statements", tests, NULL, NULL);
}
