/*
 * easel-export: a folder of events, tasks, notes or contacts as one .ics or .vcf file on standard
 * output. What easel-import reads of it is the same items.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "core/base/buf.h"
#include "core/item_files.h"
#include "core/programs/account.h"

static const char NAME[] = "easel-export";

static const char HELP[] =
	"Usage: easel-export [OPTION]... ACCOUNT > FILE\n"
	"Writes the items of a folder of an account to standard output: contacts as vCards, events, tasks\n"
	"and notes as one iCalendar object.\n"
	"\n"
	"  -d, --database=CONNINFO  the database, as libpq takes it; without it PGHOST, PGDATABASE …\n"
	"  -f, --folder=NAME        a role (calendar, contacts, tasks, notes), a name, or a path with '/'\n"
	"                           (default: calendar)\n"
	"  -h, --help               show this\n"
	"\n"
	"Exit codes (sysexits.h): 0 all was written; 64 wrong usage; 65 some could not be read; 67 there\n"
	"is no such account; 73 there is no such folder; 74 it can't be written; 75 try again: the\n"
	"database is away.\n";

enum { BATCH = 200 };

struct export
{
	struct meeting_user u;
	int32_t folder;
	struct item_joiner *joiner;
	struct arena *a; /* of a batch */
	unsigned failed;
};

/* Up to BATCH items with a uid below *below, which is lowered. False on failure; *n 0: the end. */
static bool add_batch(struct export *x, int64_t *below, size_t *n, struct err *e)
{
	struct store *s = x->u.store;
	struct slice slices[BATCH];
	struct items items;
	arena_reset(x->a);
	if (!s->ops->newest(s, x->a, x->u.account, x->folder, *below, INT64_MIN, BATCH, &items, e))
		return false;
	*n = items.n;
	for (size_t i = 0; i < items.n; i++) {
		slices[i] = (struct slice){.uid = items.v[i].uid, .length = INT64_MAX};
		*below = items.v[i].uid < *below ? items.v[i].uid : *below;
	}
	if (items.n && !s->ops->slices(s, x->a, x->u.account, x->folder, slices, items.n, e))
		return false;
	for (size_t i = 0; i < items.n; i++) {
		struct err bad = {.kind = ERR_NONE};
		if (!slices[i].bytes.p || item_joiner_add(x->joiner, slices[i].bytes, &bad))
			continue;
		x->failed++;
		fprintf(stderr, "%s: item %lld: %s\n", NAME, (long long)slices[i].uid, bad.text);
	}
	return true;
}

static int write_all(struct export *x)
{
	struct buf out = {0};
	item_joiner_end(&x->joiner, &out);
	struct str text = buf_get(&out);
	bool ok = !out.failed && fwrite(text.p, 1, text.n, stdout) == text.n && fflush(stdout) == 0;
	buf_free(&out);
	if (!ok)
		fprintf(stderr, "%s: can't write: %s\n", NAME, strerror(errno));
	return !ok ? EX_IOERR : x->failed ? EX_DATAERR : EX_OK;
}

static int run(struct export *x, const char *folder)
{
	enum item_class class;
	struct err e = {.kind = ERR_NONE};
	int64_t below = INT64_MAX;
	size_t n = 1;
	int code = account_folder(&x->u, NAME, folder, &x->folder, &class);
	if (code != EX_OK)
		return code;
	x->joiner = item_joiner_new(class);
	while (n > 0)
		if (!add_batch(x, &below, &n, &e)) {
			struct buf none = {0};
			item_joiner_end(&x->joiner, &none);
			buf_free(&none);
			return program_fail(NAME, &e);
		}
	return write_all(x);
}

int main(int argc, char **argv)
{
	static const struct option known[] = {{"database", required_argument, NULL, 'd'},
					      {"folder", required_argument, NULL, 'f'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	const char *database = "", *folder = "calendar";
	for (int c; (c = getopt_long(argc, argv, "d:f:h", known, NULL)) != -1;) {
		if (c == 'h')
			return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
		if (c == '?')
			return program_usage(NAME);
		*(c == 'd' ? &database : &folder) = optarg;
	}
	if (argc - optind != 1)
		return program_usage(NAME);
	struct export x = {0};
	account_open(&x.u, database, NAME);
	x.a = arena_new(ACCOUNT_ARENA);
	int code = account_find(&x.u, NAME, argv[optind]);
	if (code == EX_OK)
		code = run(&x, folder);
	account_close(&x.u);
	arena_free(&x.a);
	return code;
}
