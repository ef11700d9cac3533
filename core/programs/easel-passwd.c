/* easel-passwd: hashes a password, and sets it. */
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/programs/program.h"
#include "store/device.h"
#include "store/password.h"
#include "store/pg.h"
#include "store/sealed.h"

static const char NAME[] = "easel-passwd";

static const char HELP[] =
	"Usage: easel-passwd\n"
	"       easel-passwd --database=CONNINFO ADDRESS\n"
	"       easel-passwd --database=CONNINFO --key-file=FILE --recover=DEVICE ADDRESS\n"
	"Reads a password from standard input (asks for it twice on a terminal) and prints its hash,\n"
	"for easel.account_create() and easel.account_set_password(); or sets it for an account. With\n"
	"--recover it prints the recovery password that a device of the account has sent.\n"
	"\n"
	"  -d, --database=CONNINFO  the database, as libpq takes it; \"\" means PGHOST, PGDATABASE …\n"
	"  -k, --key-file=FILE      the workers' key file\n"
	"  -r, --recover=DEVICE     the device, by its id\n"
	"  -h, --help               show this\n"
	"\n"
	"Exit codes: 0 done, 64 wrong usage, 65 no password, or two that differ, 67 there is no such\n"
	"account, 70 or 75 the database refused or is away.\n";

enum { PASSWORD_MOST = 1024 };

static PG_STATEMENT(passwd_set, "SELECT easel.account_set_password($1::text, $2::text)");

/* ---------------------------------------------------------------------------------------------
 * Reading */

static struct termios terminal; /* as it was */

static void restore_terminal(void)
{
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &terminal);
}

/* An interrupt must not leave the terminal without echo. */
static void interrupted(int signo)
{
	restore_terminal();
	signal(signo, SIG_DFL);
	raise(signo);
}

static bool hide_typing(void)
{
	if (tcgetattr(STDIN_FILENO, &terminal) != 0)
		return false;
	struct termios quiet = terminal;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	quiet.c_lflag |= ECHONL;
	signal(SIGINT, interrupted);
	signal(SIGTERM, interrupted);
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet) == 0;
}

/* One line without its end; read byte by byte, so that no buffer keeps a copy. */
static bool read_line(struct arena *secrets, struct str *out, struct err *e)
{
	char *line = arena_alloc(secrets, PASSWORD_MOST + 1), c;
	size_t n = 0;
	ssize_t got;
	while ((got = read(STDIN_FILENO, &c, 1)) == 1 && c != '\n') {
		if (n == PASSWORD_MOST)
			return err_set(e, ERR_TOO_LARGE, "the password is longer than %d bytes",
				       PASSWORD_MOST);
		line[n++] = c;
	}
	if (n > 0 && line[n - 1] == '\r')
		n--;
	*out = (struct str){line, n};
	if (got < 0)
		return err_set(e, ERR_INTERNAL, "can't read the password");
	if (n == 0)
		return err_set(e, ERR_INVALID, "there is no password");
	return text_is_utf8(*out) || err_set(e, ERR_INVALID, "the password is not UTF-8");
}

static bool ask_twice(struct arena *secrets, struct str *out, struct err *e)
{
	struct str again = {0};
	if (!hide_typing())
		return err_set(e, ERR_INTERNAL, "can't hide what is typed");
	fputs("Password: ", stderr);
	bool ok = read_line(secrets, out, e);
	if (ok) {
		fputs("Once more: ", stderr);
		ok = read_line(secrets, &again, e);
	}
	restore_terminal();
	return ok && (str_eq(*out, again) || err_set(e, ERR_INVALID, "the passwords differ"));
}

static bool read_and_hash(char hash[PASSWORD_HASH], struct err *e)
{
	struct arena *secrets = arena_new_secret(64 * 1024);
	struct str password;
	bool ok = (isatty(STDIN_FILENO) ? ask_twice : read_line)(secrets, &password, e) &&
		  password_hash(password, hash, e);
	arena_free(&secrets);
	return ok;
}

/* ---------------------------------------------------------------------------------------------
 * Acting */

static int set_password(const char *database, const char *address, const char *hash)
{
	struct pg *db = pg_new(database, NAME);
	struct pg_params p = {0};
	struct err e = {.kind = ERR_NONE};
	pg_cstr(&p, address);
	pg_cstr(&p, hash);
	bool ok = pg_do(db, &passwd_set, &p, &e);
	pg_free(&db);
	if (!ok && e.kind == ERR_NOT_FOUND) {
		fprintf(stderr, "%s: there is no account %s\n", NAME, address);
		return EX_NOUSER;
	}
	return ok ? EX_OK : program_fail(NAME, &e);
}

/* Whose account on this host runs the program: for the record of who saw a password. */
static const char *login_name(void)
{
	const struct passwd *user = getpwuid(getuid());
	return user ? user->pw_name : "unknown";
}

/* The password goes to standard output and nowhere else. */
static int recover(const char *database, const char *key_file, const char *device,
		   const char *address)
{
	struct pg *db = pg_new(database, NAME);
	struct arena *secrets = arena_new_secret(64 * 1024);
	unsigned char key[PASSWORD_KEY];
	struct str sealed, password;
	struct err e = {.kind = ERR_NONE};
	int code = EX_OK;
	enum found found = password_key_load(key_file, key, &e)
				   ? device_password(db, secrets, str_of(address), str_of(device),
						     str_of(login_name()), &sealed, &e)
				   : FOUND_FAILED;
	if (found == FOUND_FAILED) {
		code = program_fail(NAME, &e);
	} else if (found == FOUND_NONE) {
		fprintf(stderr, "%s: there is no recovery password of that device\n", NAME);
		code = EX_NOUSER;
	} else if (!sealed_open(secrets, key, "device password", sealed, &password)) {
		fprintf(stderr, "%s: the password was sealed under another key\n", NAME);
		code = EX_DATAERR;
	} else {
		printf("%.*s\n", STR_ARG(password));
	}
	explicit_bzero(key, sizeof key);
	arena_free(&secrets);
	pg_free(&db);
	return code;
}

int main(int argc, char **argv)
{
	static const struct option known[] = {
		{"database", required_argument, NULL, 'd'},
		{"key-file", required_argument, NULL, 'k'},
		{"recover", required_argument, NULL, 'r'},
		{"help", no_argument, NULL, 'h'},
		{0},
	};
	const char *database = NULL, *key_file = NULL, *device = NULL;
	for (int c; (c = getopt_long(argc, argv, "d:k:r:h", known, NULL)) != -1;) {
		if (c == 'h')
			return fputs(HELP, stdout) < 0 ? EX_IOERR : EX_OK;
		if (c == 'd')
			database = optarg;
		else if (c == 'k')
			key_file = optarg;
		else if (c == 'r')
			device = optarg;
		else
			return program_usage(NAME);
	}
	if (argc - optind != (database ? 1 : 0) || (device && (!database || !key_file)))
		return program_usage(NAME);
	if (device)
		return recover(database, key_file, device, argv[optind]);
	char hash[PASSWORD_HASH];
	struct err e = {.kind = ERR_NONE};
	if (!read_and_hash(hash, &e))
		return program_fail(NAME, &e);
	if (database)
		return set_password(database, argv[optind], hash);
	return puts(hash) < 0 || fflush(stdout) != 0 ? EX_IOERR : EX_OK;
}
