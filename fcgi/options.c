/* options: the command line of the worker. See options.h for the contract. */
#include "fcgi/options.h"

#include <string.h>
#include <unistd.h>

#include "core/base/str.h"
#include "fcgi/group.h"
#include "fcgi/worker.h"

enum kind { KIND_TEXT, KIND_NUMBER, KIND_OCTAL, KIND_FLAG };

#define MEMBER(m) offsetof(struct options, m)

/* name, what follows it, where it goes, bounds of a number, and what --help says. */
static const struct row {
	const char *name, *argument;
	enum kind kind;
	size_t member;
	int64_t least, most;
	const char *help;
} rows[] = {
	{"--socket", "PATH|HOST:PORT", KIND_TEXT, MEMBER(socket), 0, 0,
	 "listen there; without it the socket is inherited (spawn-fcgi, systemd)"},
	{"--socket-mode", "MODE", KIND_OCTAL, MEMBER(socket_mode), 0, 0777,
	 "permissions of a socket at a path, in octal [0660]"},
	{"--database", "CONNINFO", KIND_TEXT, MEMBER(database), 0, 0,
	 "libpq's connection string; without it PGHOST, PGDATABASE and so on"},
	{"--key-file", "PATH", KIND_TEXT, MEMBER(key_file), 0, 0,
	 "secret that all workers share, so that a password is hashed only once;\n"
	 "made if it is not there; without it every start forgets"},
	{"--workers", "N", KIND_NUMBER, MEMBER(workers), 1, GROUP_MOST,
	 "so many processes on the socket, under a parent that restarts them [1]"},
	{"--threads", "N", KIND_NUMBER, MEMBER(threads), 1, WORKER_THREADS,
	 "threads of each process [two for each processor]"},
	{"--max-parked", "N", KIND_NUMBER, MEMBER(max_parked), 1, 1000000,
	 "waiting phones of each process; more are asked to come later [8000]"},
	{"--max-body", "BYTES", KIND_NUMBER, MEMBER(max_body), 1024, 1 << 30,
	 "largest request body, after decompression [64 MiB]"},
	{"--log-level", "LEVEL", KIND_TEXT, MEMBER(log_level), 0, 0,
	 "debug, info, warning or error [info]"},
	{"--log-json", NULL, KIND_FLAG, MEMBER(log_json), 0, 0, "one JSON object a line"},
	{"--version", NULL, KIND_FLAG, MEMBER(version), 0, 0, "print the version"},
	{"--help", NULL, KIND_FLAG, MEMBER(help), 0, 0, "print this"},
};

enum { NROWS = sizeof rows / sizeof *rows };

void options_default(struct options *o)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	int64_t threads = cores > 0 ? 2 * (int64_t)cores : 2;
	*o = (struct options){.database = "",
			      .log_level = "info",
			      .socket_mode = 0660,
			      .workers = 1,
			      .threads = threads < WORKER_THREADS ? threads : WORKER_THREADS,
			      .max_parked = 8000,
			      .max_body = 64 << 20};
}

static const struct row *find(struct str name)
{
	for (size_t i = 0; i < NROWS; i++)
		if (str_eq(str_of(rows[i].name), name))
			return &rows[i];
	return NULL;
}

/* Digits below `base`, at least one; larger than `most` is as bad as no number. */
static bool parse_number(const char *s, int base, int64_t most, int64_t *out)
{
	int64_t v = 0;
	for (*out = 0; *s; s++, *out = v) {
		if (*s < '0' || *s >= '0' + base)
			return false;
		v = v * base + (*s - '0');
		if (v > most)
			return false;
	}
	return true;
}

static bool store(struct options *o, const struct row *row, const char *value, struct err *e)
{
	void *member = (char *)o + row->member;
	int64_t number;
	if (row->kind == KIND_FLAG) {
		*(bool *)member = true;
	} else if (row->kind == KIND_TEXT) {
		*(const char **)member = value;
	} else {
		int base = row->kind == KIND_OCTAL ? 8 : 10;
		if (!*value || !parse_number(value, base, row->most, &number) ||
		    number < row->least)
			return err_set(e, ERR_INVALID, "%s: not a number that is allowed: %s",
				       row->name, value);
		*(int64_t *)member = number;
	}
	return true;
}

bool options_parse(struct options *o, int argc, char **argv, struct err *e)
{
	for (int i = 1; i < argc; i++) {
		struct str name, rest = str_of(argv[i]);
		bool attached = str_find_byte(rest, '=') >= 0;
		str_next(&rest, '=', &name);
		const struct row *row = find(name);
		if (!row)
			return err_set(e, ERR_INVALID, "unknown option %s", argv[i]);
		if (row->kind == KIND_FLAG && attached)
			return err_set(e, ERR_INVALID, "%s takes no value", row->name);
		const char *value = attached ? argv[i] + name.n + 1 : NULL;
		if (row->kind != KIND_FLAG && !attached && !(value = argv[++i]))
			return err_set(e, ERR_INVALID, "%s needs a value", row->name);
		if (!store(o, row, value, e))
			return false;
	}
	return true;
}

static void print_row(FILE *out, const struct row *row)
{
	char left[64];
	const char *help = row->help;
	snprintf(left, sizeof left, "%s %s", row->name, row->argument ? row->argument : "");
	while (help) {
		const char *end = strchr(help, '\n');
		fprintf(out, "  %-26s  %.*s\n", left, end ? (int)(end - help) : (int)strlen(help),
			help);
		left[0] = '\0';
		help = end ? end + 1 : NULL;
	}
}

void options_help(FILE *out)
{
	fputs("usage: easel [option...]\n"
	      "\n"
	      "Exchange ActiveSync for a web server that speaks FastCGI, over PostgreSQL.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < NROWS; i++)
		print_row(out, &rows[i]);
	fputs("\nSIGTERM ends it: whoever waits is answered, running requests end first.\n", out);
}
