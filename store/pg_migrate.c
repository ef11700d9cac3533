/*
 * pg_migrate: numbered migrations. See pg_migrate.h for the contract.
 *
 * A lock of the whole run would be lost with its connection; so every transaction takes the lock
 * anew, and looks at the record again before it adds to it.
 */
#include "store/pg_migrate.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/base/arena.h"
#include "core/base/digest.h"
#include "core/base/text.h"
#include "store/pg.h"

enum { NUMBER_DIGITS = 4, FILES_MOST = 9999, FILE_MOST = 16 << 20 };

/* ---------------------------------------------------------------------------------------------
 * The files */

/* The number of "NNNN_name.sql", or 0. */
static int number_of(struct str file)
{
	int64_t number;
	if (!str_ends_nocase(file, STR(".sql")) || str_find_byte(file, '_') != NUMBER_DIGITS ||
	    !str_to_i64(str_sub(file, 0, NUMBER_DIGITS), &number) || number < 1)
		return 0;
	return (int)number;
}

static bool read_file(struct arena *a, const char *path, struct str *out, struct err *e)
{
	FILE *f = fopen(path, "re");
	struct stat st;
	if (!f || fstat(fileno(f), &st) != 0 || st.st_size > FILE_MOST) {
		err_set(e, ERR_INTERNAL, "can't read %s: %s", path,
			f ? "too large" : strerror(errno));
		if (f)
			fclose(f);
		return false;
	}
	char *text = arena_alloc(a, (size_t)st.st_size + 1);
	size_t n = fread(text, 1, (size_t)st.st_size, f);
	fclose(f);
	*out = (struct str){text, n};
	return n == (size_t)st.st_size || err_set(e, ERR_INTERNAL, "can't read all of %s", path);
}

static bool read_migration(struct arena *a, const char *folder, const char *file,
			   struct migration *m, struct err *e)
{
	struct str text;
	unsigned char digest[DIGEST_SIZE];
	if (!read_file(a, arena_printf(a, "%s/%s", folder, file), &text, e))
		return false;
	digest_sha256(text, digest);
	m->name = str_dup(a, str_sub(str_of(file), 0, strlen(file) - strlen(".sql")));
	m->sql = text.p;
	m->checksum = str_dup(a, text_hex_encode(a, (struct str){(char *)digest, sizeof digest}));
	return true;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_migration(const struct dirent *d)
{
	return number_of(str_of(d->d_name)) != 0;
}

bool pg_migrate_read(struct arena *a, const char *folder, struct migrations *out, struct err *e)
{
	struct dirent **files = NULL;
	int n = scandir(folder, &files, is_migration, by_name);
	if (n < 0)
		return err_set(e, ERR_NOT_FOUND, "can't read the folder %s: %s", folder,
			       strerror(errno));
	bool ok = n > 0 || err_set(e, ERR_NOT_FOUND, "there are no migrations in %s", folder);
	out->v = arena_array(a, (size_t)n, sizeof *out->v);
	out->n = (size_t)n;
	for (int i = 0; i < n; i++) {
		const char *name = files[i]->d_name;
		out->v[i].number = i + 1;
		if (ok && number_of(str_of(name)) != i + 1)
			ok = err_set(e, ERR_INVALID, "%s/%s: number %04d is missing or used twice",
				     folder, name, i + 1);
		ok = ok && read_migration(a, folder, name, &out->v[i], e);
		free(files[i]);
	}
	free(files);
	return ok;
}

/* ---------------------------------------------------------------------------------------------
 * The record */

static const char BEGIN_RUN[] =
	"SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;"
	"SELECT pg_advisory_xact_lock(435459552620)"; /* "easel" as a number */

static const char MAKE_RECORD[] =
	"CREATE SCHEMA IF NOT EXISTS easel;"
	"CREATE TABLE IF NOT EXISTS easel.migration ("
	"	number integer PRIMARY KEY CHECK (number > 0),"
	"	name text NOT NULL,"
	"	checksum text NOT NULL CHECK (checksum ~ '^[0-9a-f]{64}$'),"
	"	applied_at timestamptz NOT NULL DEFAULT now());"
	"COMMENT ON TABLE easel.migration IS 'The migrations that made this schema what it is; written by easel-migrate.';"
	"COMMENT ON COLUMN easel.migration.number IS 'Number of the migration; they are applied in this order, each once.';"
	"COMMENT ON COLUMN easel.migration.name IS 'Name of its file, without .sql.';"
	"COMMENT ON COLUMN easel.migration.checksum IS 'SHA-256 of the file as it was applied.';"
	"COMMENT ON COLUMN easel.migration.applied_at IS 'When it was applied.';";

static PG_STATEMENT(migration_table, "SELECT to_regclass('easel.migration') IS NOT NULL");
static PG_STATEMENT(migration_list,
		    "SELECT number, name, checksum FROM easel.migration ORDER BY number");
static PG_STATEMENT(migration_newest, "SELECT coalesce(max(number), 0) FROM easel.migration");
static PG_STATEMENT(migration_add,
		    "INSERT INTO easel.migration (number, name, checksum) VALUES ($1, $2, $3)");

static bool has_record(struct pg *db, bool *yes, struct err *e)
{
	struct pg_rows *r = pg_run(db, &migration_table, NULL, e);
	if (!r)
		return false;
	*yes = pg_get_bool(r, 0, 0);
	pg_done(&r);
	return true;
}

static bool same_migration(const struct pg_rows *r, size_t row, const struct migrations *m,
			   struct err *e)
{
	int64_t number = pg_get_int(r, row, 0);
	if (number > (int64_t)m->n)
		return err_set(
			e, ERR_CONFLICT,
			"the database is newer: it has migration %.*s, the newest here is %s",
			STR_ARG(pg_get_str(r, row, 1)), m->v[m->n - 1].name);
	if (number != (int64_t)row + 1)
		return err_set(e, ERR_CONFLICT, "the database lacks migration %04zu", row + 1);
	if (!str_eq(pg_get_str(r, row, 2), str_of(m->v[row].checksum)))
		return err_set(e, ERR_CONFLICT,
			       "migration %s was changed after the database was made with it",
			       m->v[row].name);
	return true;
}

/* How many of the migrations are applied; a failure when others are. */
static bool count_applied(struct pg *db, const struct migrations *m, size_t *applied, struct err *e)
{
	bool recorded;
	*applied = 0;
	if (!has_record(db, &recorded, e))
		return false;
	if (!recorded)
		return true;
	struct pg_rows *r = pg_run(db, &migration_list, NULL, e);
	if (!r)
		return false;
	bool ok = true;
	for (size_t i = 0; ok && i < pg_count(r); i++)
		ok = same_migration(r, i, m, e);
	*applied = pg_count(r);
	pg_done(&r);
	return ok;
}

/* ---------------------------------------------------------------------------------------------
 * Running */

static bool apply(struct pg *db, const struct migration *m, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, m->number);
	pg_cstr(&p, m->name);
	pg_cstr(&p, m->checksum);
	return (pg_script(db, m->sql, e) && pg_do(db, &migration_add, &p, e)) || err_in(e, m->name);
}

struct run {
	const struct migrations *m;
	pg_migrate_report *report;
	void *ctx;
	bool complete;
};

/* Within a transaction: applies the first migration that is missing, if there is one. */
static bool apply_next(struct pg *db, struct run *run, struct err *e)
{
	size_t applied;
	if (!pg_script(db, BEGIN_RUN, e) || !pg_script(db, MAKE_RECORD, e) ||
	    !count_applied(db, run->m, &applied, e))
		return false;
	run->complete = applied == run->m->n;
	if (run->complete)
		return true;
	run->report(run->ctx, &run->m->v[applied]);
	return apply(db, &run->m->v[applied], e);
}

static bool report_missing(struct pg *db, const struct run *run, struct err *e)
{
	size_t applied;
	if (!count_applied(db, run->m, &applied, e))
		return false;
	for (size_t i = applied; i < run->m->n; i++)
		run->report(run->ctx, &run->m->v[i]);
	return true;
}

bool pg_migrate_run(struct pg *db, const struct migrations *m, bool dry, pg_migrate_report *report,
		    void *ctx, struct err *e)
{
	struct run run = {.m = m, .report = report, .ctx = ctx};
	if (dry)
		return report_missing(db, &run, e);
	while (!run.complete) {
		if (!pg_begin(db, e))
			return false;
		if (!apply_next(db, &run, e)) {
			pg_rollback(db);
			return false;
		}
		if (!pg_commit(db, e))
			return false;
	}
	return true;
}

bool pg_migrate_check(struct pg *db, struct err *e)
{
	bool recorded;
	if (!has_record(db, &recorded, e))
		return false;
	if (!recorded)
		return err_set(e, ERR_CONFLICT,
			       "the database has no schema of Easel: run easel-migrate");
	struct pg_rows *r = pg_run(db, &migration_newest, NULL, e);
	if (!r)
		return false;
	int64_t newest = pg_get_int(r, 0, 0);
	pg_done(&r);
	if (newest < PG_MIGRATE_NEWEST)
		return err_set(
			e, ERR_CONFLICT,
			"the database's schema is %lld, this program needs %d: run easel-migrate",
			(long long)newest, PG_MIGRATE_NEWEST);
	if (newest > PG_MIGRATE_NEWEST)
		return err_set(
			e, ERR_CONFLICT,
			"the database's schema is %lld, this program only knows %d: install the new one",
			(long long)newest, PG_MIGRATE_NEWEST);
	return true;
}
