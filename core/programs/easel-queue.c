/*
 * easel-queue: delivers what is in the queue (easel.queue) without a worker: once, as after a mail
 * server came back, or all the time, where workers are not to do it (easel.server.queue_workers =
 * 0). See core/queue_runner.h.
 */
#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include "core/programs/program.h"
#include "core/queue_runner.h"
#include "store/pg.h"
#include "store/pg_migrate.h"

static const char NAME[] = "easel-queue";

static const char HELP[] =
	"Usage: easel-queue [OPTION]...\n"
	"Delivers what is in the queue, and waits for more until it is told to end. Workers do that by\n"
	"themselves; this is for once, or for hosts of its own.\n"
	"\n"
	"  -d, --database=CONNINFO  the database, as libpq takes it; without it PGHOST, PGDATABASE …\n"
	"  -1, --once               end when nothing is due\n"
	"  -h, --help               show this\n"
	"\n"
	"Exit codes (sysexits.h): 0 all that was due was tried; 64 wrong usage; 75 the database is away;\n"
	"78 its schema is not the one of this program.\n";

static atomic_bool ending;

static void end(int signal_number)
{
	(void)signal_number;
	atomic_store(&ending, true);
}

struct options {
	const char *database;
	bool once, help;
};

static bool check_schema(const char *database, struct err *e)
{
	struct pg *db = pg_new(database, NAME);
	bool ok = pg_migrate_check(db, e);
	pg_free(&db);
	return ok;
}

static int work(const struct options *o)
{
	struct err e = {.kind = ERR_NONE};
	if (!check_schema(o->database, &e))
		return program_fail(NAME, &e);
	struct queue_runner *r = queue_runner_new(o->database, QUEUE_RUNNER_FREE, &ending);
	bool ok = true;
	if (o->once)
		ok = queue_runner_once(r, &e);
	else
		queue_runner_keep(r);
	queue_runner_free(&r);
	return ok ? EX_OK : program_fail(NAME, &e);
}

static bool parse(int argc, char **argv, struct options *o)
{
	static const struct option known[] = {
		{"database", required_argument, NULL, 'd'},
		{"once", no_argument, NULL, '1'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	for (int c; (c = getopt_long(argc, argv, "d:1h", known, NULL)) != -1;) {
		if (c == 'd')
			o->database = optarg;
		else if (c == '1')
			o->once = true;
		else if (c == 'h')
			o->help = true;
		else
			return false;
	}
	return optind == argc;
}

static void catch_signals(void)
{
	struct sigaction act = {.sa_handler = end};
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGINT, &act, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
	struct options o = {.database = ""};
	if (!parse(argc, argv, &o))
		return program_usage(NAME);
	if (o.help)
		return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
	catch_signals();
	return work(&o);
}
