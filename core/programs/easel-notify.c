/*
 * easel-notify: a mail server tells that something is new in a mailbox whose mail is on an IMAP
 * server, so that waiting phones learn of it at once (easel.mail_changed()).
 *
 * It is run for every message, so what it can't do is no failure of the delivery: unless asked for
 * usage or with wrong usage, its exit code is 0, and the phones learn of the message a little
 * later.
 */
#include <getopt.h>
#include <stdio.h>

#include "core/base/arena.h"
#include "core/programs/program.h"
#include "store/pg.h"

static const char NAME[] = "easel-notify";

static const char HELP[] =
	"Usage: easel-notify [OPTION]... ADDRESS...\n"
	"Tells the waiting phones of accounts whose mail is on an IMAP server that something is new\n"
	"there. ADDRESS is whom a message was delivered to; one that has no account here is passed over.\n"
	"What is on standard input is not read.\n"
	"\n"
	"  -d, --database=CONNINFO  the database, as libpq takes it; without it PGHOST, PGDATABASE …\n"
	"  -f, --folder=NAME        the folder, as the IMAP server writes it (default: INBOX)\n"
	"  -h, --help               show this\n"
	"\n"
	"Exit codes: 0, whatever becomes of it, since no mail is to wait for phones; 64 wrong usage.\n";

static PG_STATEMENT(notify_changed, "SELECT easel.mail_changed($1::text, $2::text)");

static const struct option long_options[] = {{"database", required_argument, NULL, 'd'},
					     {"folder", required_argument, NULL, 'f'},
					     {"help", no_argument, NULL, 'h'},
					     {NULL, 0, NULL, 0}};

static void tell(struct pg *db, struct arena *a, const char *address, const char *folder)
{
	struct pg_params p = {0};
	struct err e = {0};
	pg_text(&p, a, str_of(address));
	pg_text(&p, a, str_of(folder));
	if (!pg_do(db, &notify_changed, &p, &e))
		program_fail(NAME, &e);
}

int main(int argc, char **argv)
{
	const char *database = "", *folder = "INBOX";
	for (int c; (c = getopt_long(argc, argv, "d:f:h", long_options, NULL)) != -1;) {
		switch (c) {
		case 'd':
			database = optarg;
			break;
		case 'f':
			folder = optarg;
			break;
		case 'h':
			fputs(HELP, stdout);
			return 0;
		default:
			return program_usage(NAME);
		}
	}
	if (optind == argc)
		return program_usage(NAME);
	struct pg *db = pg_new(database, NAME);
	struct arena *a = arena_new(1 << 20);
	for (int i = optind; i < argc; i++)
		tell(db, a, argv[i], folder);
	arena_free(&a);
	pg_free(&db);
	return 0;
}
