/* easel-check: tries a deployment from outside, as a phone would. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/str.h"
#include "core/probe.h"
#include "core/programs/program.h"

static const char NAME[] = "easel-check";

static const char HELP[] =
	"Usage: easel-check [option...] ADDRESS < PASSWORD\n"
	"Does what a phone does with a mail address and a password (read from standard input): finds\n"
	"the server, logs in, fetches the folders, waits for news; and says what is wrong.\n"
	"\n"
	"      --server=URL    look for Autodiscover at https://host[:port], not by the address\n"
	"      --ca=FILE       trust these certificates and no others\n"
	"      --wait=SECONDS  how long a waiting request is watched [90]\n"
	"      --deliver       also try whether a message wakes a waiting phone: sends one to\n"
	"                      ADDRESS and deletes it again; a device \"easelcheck\" stays behind\n"
	"  -h, --help          show this\n"
	"\n"
	"Exit codes: 0 all is well, 1 something is wrong, 64 wrong usage, 65 no password.\n";

enum { PASSWORD_MOST = 1024, WAIT = 90, WAIT_MOST = 3600 };

static const size_t ARENA_CAP = (size_t)64 << 20;

/* One line without its end. */
static bool read_password(char out[PASSWORD_MOST])
{
	size_t n = 0;
	char c;
	while (n + 1 < PASSWORD_MOST && read(STDIN_FILENO, &c, 1) == 1 && c != '\n')
		out[n++] = c;
	if (n && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	return n > 0;
}

static bool read_wait(const char *text, long *out)
{
	uint64_t v;
	if (!str_to_u64(str_of(text), &v) || v < 1 || v > WAIT_MOST)
		return false;
	*out = (long)v;
	return true;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"server", required_argument, NULL, 's'}, {"ca", required_argument, NULL, 'c'},
		{"wait", required_argument, NULL, 'w'},	  {"deliver", no_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},	  {0},
	};
	char password[PASSWORD_MOST];
	struct probe p = {.wait = WAIT, .out = stdout, .client.password = password};
	for (int c; (c = getopt_long(argc, argv, "h", known, NULL)) != -1;) {
		if (c == 'h')
			return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
		else if (c == 'd')
			p.deliver = true;
		else if (c == 's')
			p.server = optarg;
		else if (c == 'c')
			p.client.ca = optarg;
		else if (c != 'w' || !read_wait(optarg, &p.wait))
			return program_usage(NAME);
	}
	if (argc - optind != 1 || !strchr(argv[optind], '@'))
		return program_usage(NAME);
	p.address = p.client.user = argv[optind];
	if (!read_password(password)) {
		fprintf(stderr, "%s: there is no password on standard input\n", NAME);
		return EX_DATAERR;
	}
	struct arena *a = arena_new(ARENA_CAP);
	int bad = probe_run(a, &p);
	arena_free(&a);
	if (bad == 0)
		puts("All is well.");
	return bad ? 1 : EX_OK;
}
