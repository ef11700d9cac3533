/*
 * The schema and what the programs ask of it: every statement is prepared on the migrated database
 * that EASEL_TEST_DATABASE names, and the newest migration is the one that workers expect.
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
		cmocka_unit_test(the_newest_migration_is_known),
		cmocka_unit_test(the_schema_is_checked),
		cmocka_unit_test(folders_are_read),
	};
	return cmocka_run_group_tests_name("statements", tests, NULL, NULL);
}
