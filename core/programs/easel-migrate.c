/* easel-migrate: brings the schema of a database up to date. */
#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/programs/program.h"
#include "store/pg.h"
#include "store/pg_migrate.h"

static const char NAME[] = "easel-migrate";

static const char HELP[] =
	"Usage: easel-migrate [OPTION]...\n"
	"Brings the schema of a database up to date: runs the migrations that it lacks, in order.\n"
	"Running it again, or several at once, is harmless.\n"
	"\n"
	"  -d, --database=CONNINFO  the database, as libpq takes it; without it PGHOST, PGDATABASE …\n"
	"  -m, --migrations=FOLDER  where the NNNN_name.sql are (default: those installed with\n"
	"                           this program, else migrations)\n"
	"  -n, --dry-run            only tell what would be run\n"
	"  -h, --help               show this\n"
	"\n"
	"Exit codes: 0 the schema is up to date (or, with --dry-run, was looked at), 64 wrong usage,\n"
	"65 the files are not a sequence, 66 there are no migrations in the folder, 70 a migration\n"
	"failed and was undone, 75 the database is away, 78 the database is newer than the files or\n"
	"was made from other ones.\n";

struct options {
	const char *database, *folder; /* folder NULL: not said */
	bool dry, help;
};

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{"database", required_argument, NULL, 'd'},
		{"migrations", required_argument, NULL, 'm'},
		{"dry-run", no_argument, NULL, 'n'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	for (int c; (c = getopt_long(argc, argv, "d:m:nh", known, NULL)) != -1;) {
		switch (c) {
		case 'd':
			o->database = optarg;
			break;
		case 'm':
			o->folder = optarg;
			break;
		case 'n':
			o->dry = true;
			break;
		case 'h':
			o->help = true;
			break;
		default:
			return false;
		}
	}
	return optind == argc;
}

struct tally {
	bool dry;
	unsigned n;
};

static void report(void *ctx, const struct migration *m)
{
	struct tally *t = ctx;
	t->n++;
	printf(t->dry ? "would run %s\n" : "running %s\n", m->name);
	fflush(stdout);
}

/* Where the migrations lie that came with this program: installed, or in the tree that built it. */
static const char *default_folder(struct arena *a)
{
	static const char *const places[] = {"../share/easel/migrations", "../migrations"};
	char self[4096];
	ssize_t n = readlink("/proc/self/exe", self, sizeof self);
	while (n > 0 && self[n - 1] != '/')
		n--;
	for (size_t i = 0; n > 0 && i < sizeof places / sizeof *places; i++) {
		const char *folder = arena_printf(a, "%.*s%s", (int)n, self, places[i]);
		if (access(folder, R_OK) == 0)
			return folder;
	}
	return "migrations";
}

static int migrate(const struct options *o)
{
	struct arena *a = arena_new(64 << 20);
	const char *folder = o->folder ? o->folder : default_folder(a);
	struct pg *db = pg_new(o->database, NAME);
	struct migrations m;
	struct tally t = {.dry = o->dry};
	struct err e = {.kind = ERR_NONE};
	bool ok = pg_migrate_read(a, folder, &m, &e) &&
		  pg_migrate_run(db, &m, o->dry, report, &t, &e);
	if (ok && t.n == 0)
		printf("the schema is up to date: %s\n", m.v[m.n - 1].name);
	pg_free(&db);
	arena_free(&a);
	return ok ? EX_OK : program_fail(NAME, &e);
}

int main(int argc, char **argv)
{
	struct options o = {.database = ""};
	if (!parse(argc, argv, &o))
		return program_usage(NAME);
	if (o.help)
		return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
	return migrate(&o);
}
