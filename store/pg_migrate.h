/*
 * pg_migrate: brings the schema of a database to the state that the numbered files describe, and
 * tells whether it is there.
 *
 * migrations/NNNN_name.sql are numbered from 0001 without a gap. Each is run once, in a transaction
 * of its own, and recorded in easel.migration with the SHA-256 of its text. Runs exclude each
 * other, so that running it twice, or by two at once, is harmless.
 *
 * Failure rule: whatever fails undoes its migration and ends the run; those before it stay. A
 * database that is newer than the files, or was made from other ones, is ERR_CONFLICT and left
 * alone. Thread: that of the connection.
 */
#ifndef EASEL_STORE_PG_MIGRATE_H
#define EASEL_STORE_PG_MIGRATE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/str.h"

struct arena;
struct pg;

/* The newest migration that this program was written for; a test holds it to the files. */
enum { PG_MIGRATE_NEWEST = 34 };

struct migration {
	int number;
	const char *name; /* "0001_base" */
	const char *sql;
	const char *checksum; /* SHA-256 in hex */
};

struct migrations {
	struct migration *v; /* v[i].number is i + 1 */
	size_t n;
};

/*
 * Reads the migrations of a folder; other files in it are left aside. ERR_NOT_FOUND: there is no
 * such folder, or nothing in it; ERR_INVALID: a gap or a number used twice.
 */
bool pg_migrate_read(struct arena *a, const char *folder, struct migrations *out, struct err *e);

/* Told of each migration, before it is run. */
typedef void pg_migrate_report(void *ctx, const struct migration *m);

/*
 * Runs what the database lacks. `dry` only reports what would be run. Waits as long as it takes for
 * another run to end.
 */
bool pg_migrate_run(struct pg *db, const struct migrations *m, bool dry, pg_migrate_report *report,
		    void *ctx, struct err *e);

/*
 * For a worker, before it serves: whether the database has exactly the schema that the program
 * knows. ERR_CONFLICT, with a text that says what to do, when it has another or none;
 * ERR_UNAVAILABLE when it can't be asked.
 */
bool pg_migrate_check(struct pg *db, struct err *e);

#endif
