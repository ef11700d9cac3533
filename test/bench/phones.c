/*
 * phones: many phones in one process, to measure the server with. Reads its options, runs one mode,
 * and prints JSON objects, one a line: events as they come, and last the result of the run.
 *
 * It talks to loopback addresses only and ends by itself, at the latest after --limit seconds. It
 * ends with 1 when a phone failed or the time was up.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include "core/base/arena.h"
#include "test/bench/modes.h"

enum kind { KIND_TEXT, KIND_NUMBER, KIND_FLAG };

#define MEMBER(m) offsetof(struct settings, m)

/* name, what follows it, where it goes, bounds of a number, and what --help says. */
static const struct row {
	const char *name, *argument;
	enum kind kind;
	size_t member;
	unsigned least, most;
	const char *help;
} rows[] = {
	{"phones", "N", KIND_NUMBER, MEMBER(phones), 1, 20000, "phones, each a connection [1]"},
	{"accounts", "N", KIND_NUMBER, MEMBER(accounts), 1, 1000000,
	 "accounts that they belong to, in turn [1]"},
	{"user", "NAME", KIND_TEXT, MEMBER(user), 0, 0, "login; {} is the number of the account"},
	{"password", "TEXT", KIND_TEXT, MEMBER(password), 0, 0, "password of all accounts"},
	{"device", "PREFIX", KIND_TEXT, MEMBER(device), 0, 0, "start of the device ids [BENCH]"},
	{"version", "V", KIND_TEXT, MEMBER(version), 0, 0, "protocol version [16.1]"},
	{"provision", NULL, KIND_FLAG, MEMBER(provision), 0, 0,
	 "provision first; done anyway when it is demanded"},
	{"starting", "N", KIND_NUMBER, MEMBER(starting), 1, 20000,
	 "phones that start at the same time [16]"},
	{"window", "N", KIND_NUMBER, MEMBER(wishes.window), 1, 512, "WindowSize [100]"},
	{"type", "N", KIND_NUMBER, MEMBER(wishes.type), 0, 4, "type of body, 0 for none [1]"},
	{"size", "BYTES", KIND_NUMBER, MEMBER(wishes.size), 0, 1 << 30, "TruncationSize [500]"},
	{"seconds", "N", KIND_NUMBER, MEMBER(seconds), 1, 3600,
	 "nochange, hello, stream: how long [5]"},
	{"breaks", "N", KIND_NUMBER, MEMBER(breaks), 0, 10000,
	 "stream: phones that hang up and come again, in a second [0]"},
	{"warm-up", "MS", KIND_NUMBER, MEMBER(warm_up_ms), 0, 60000,
	 "nochange, hello: not counted at the start [500]"},
	{"heartbeat", "SECONDS", KIND_NUMBER, MEMBER(heartbeat), 60, 3540, "of a Ping [1800]"},
	{"settle", "MS", KIND_NUMBER, MEMBER(settle_ms), 1, 60000,
	 "park, wake: quiet time after which all count as parked [500]"},
	{"rounds", "N", KIND_NUMBER, MEMBER(rounds), 0, 1000000, "park, wake: how often [1]"},
	{"sources", "N", KIND_NUMBER, MEMBER(target.sources), 0, 200,
	 "local addresses, from 127.0.0.1 on [0: one]"},
	{"limit", "SECONDS", KIND_NUMBER, MEMBER(limit), 1, 3600, "longest run [120]"},
};

enum { NROWS = sizeof rows / sizeof *rows };

static void help(FILE *out)
{
	fputs("usage: phones MODE URL [option...]\n\n", out);
	modes_help(out);
	fputs("\nURL is http:// or https:// with a loopback address and a port.\n\n", out);
	for (size_t i = 0; i < NROWS; i++) {
		char left[32];
		snprintf(left, sizeof left, "--%s %s", rows[i].name,
			 rows[i].argument ? rows[i].argument : "");
		fprintf(out, "  %-20s %s\n", left, rows[i].help);
	}
}

static bool store(struct settings *s, const struct row *row, const char *value)
{
	void *member = (char *)s + row->member;
	uint64_t n;
	if (row->kind == KIND_TEXT) {
		*(const char **)member = value;
	} else if (row->kind == KIND_FLAG) {
		*(bool *)member = true;
	} else {
		if (!str_to_u64(str_of(value), &n) || n < row->least || n > row->most)
			return false;
		*(unsigned *)member = (unsigned)n;
	}
	return true;
}

static bool parse(struct settings *s, int argc, char **argv)
{
	struct option options[NROWS + 1] = {{0}};
	int at, c;
	for (size_t i = 0; i < NROWS; i++)
		options[i] = (struct option){rows[i].name, rows[i].argument != NULL, NULL, 0};
	while ((c = getopt_long(argc, argv, "", options, &at)) == 0)
		if (!store(s, &rows[at], optarg)) {
			fprintf(stderr, "phones: --%s %s is out of bounds\n", rows[at].name,
				optarg);
			return false;
		}
	return c == -1;
}

static void raise_file_limit(void)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) == 0) {
		l.rlim_cur = l.rlim_max;
		setrlimit(RLIMIT_NOFILE, &l);
	}
}

int main(int argc, char **argv)
{
	struct fleet fleet;
	struct settings s = {.wishes = {.window = 100, .type = 1, .size = 500},
			     .user = "",
			     .password = "",
			     .device = "BENCH",
			     .version = "16.1",
			     .phones = 1,
			     .accounts = 1,
			     .starting = 16,
			     .rounds = 1,
			     .heartbeat = 1800,
			     .seconds = 5,
			     .warm_up_ms = 500,
			     .settle_ms = 500,
			     .limit = 120};
	if (!parse(&s, argc, argv) || argc - optind != 2) {
		help(stderr);
		return 2;
	}
	const struct mode *mode = mode_find(argv[optind]);
	if (!mode || !target_parse(argv[optind + 1], &s.target)) {
		help(stderr);
		return 2;
	}
	raise_file_limit();
	bool ok = fleet_run(&fleet, &s, mode);
	fleet_free(&fleet);
	SSL_CTX_free(s.target.tls);
	return ok ? 0 : 1;
}
