/* What a worker starts with: its options, and the socket that it opens or inherits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "fcgi/listen.h"
#include "fcgi/options.h"

/* ---- Options ---- */

static bool parse(struct options *o, struct err *e, const char *const words[])
{
	char *argv[8] = {"easel"};
	char copies[8][64];
	int argc = 1;
	for (; words[argc - 1]; argc++) {
		snprintf(copies[argc], sizeof copies[argc], "%s", words[argc - 1]);
		argv[argc] = copies[argc];
	}
	options_default(o);
	bool ok = options_parse(o, argc, argv, e);
	o->socket = o->socket ? "given" : NULL; /* the copies end here */
	o->database = *o->database ? "given" : "";
	return ok;
}

#define PARSE(o, e, ...) parse((o), (e), (const char *const[]){__VA_ARGS__, NULL})

static void options_are_read_in_both_spellings(void **state)
{
	(void)state;
	struct options o;
	struct err e;
	assert_true(PARSE(&o, &e, "--socket", "/s", "--threads=3", "--socket-mode", "600"));
	assert_non_null(o.socket);
	assert_int_equal(o.threads, 3);
	assert_int_equal(o.socket_mode, 0600);
	assert_true(PARSE(&o, &e, "--database=host=/x port=5", "--log-json", "--max-parked", "9"));
	assert_string_equal(o.database, "given");
	assert_true(o.log_json);
	assert_int_equal(o.max_parked, 9);
	assert_int_equal(o.workers, 1);
	assert_int_equal(o.max_body, 64 << 20);
	assert_true(PARSE(&o, &e, "--help"));
	assert_true(o.help);
}

static void options_that_are_none_are_refused(void **state)
{
	(void)state;
	struct options o;
	struct err e;
	static const char *const bad[][2] = {
		{"--thread", "3"},
		{"threads", "3"},
		{"--threads", "0"},
		{"--threads", "65"},
		{"--threads", "4x"},
		{"--threads", ""},
		{"--threads", "-1"},
		{"--threads=", NULL},
		{"--threads", NULL},
		{"--log-json=1", NULL},
		{"--socket-mode", "8"},
		{"--socket-mode", "1000"},
		{"--max-parked", "99999999999999999999"},
		{"--max-body", "1"},
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(PARSE(&o, &e, bad[i][0], bad[i][1]));
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

static void help_names_every_option(void **state)
{
	(void)state;
	char text[8192] = "";
	FILE *out = fmemopen(text, sizeof text, "w");
	options_help(out);
	fclose(out);
	static const char *const names[] = {"--socket ",    "--socket-mode", "--database",
					    "--key-file",   "--workers",     "--threads",
					    "--max-parked", "--max-body",    "--log-level",
					    "--log-json ",  "--version ",    "--help "};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_non_null(strstr(text, names[i]));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 100);
}

/* ---- The socket ---- */

static char folder[] = "/tmp/easel-test-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "%s/socket", mkdtemp(folder));
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	return rmdir(folder);
}

static bool connects(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	strcpy(a.sun_path, path);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	bool ok = !connect(fd, (struct sockaddr *)&a, sizeof a);
	close(fd);
	return ok;
}

static void a_socket_is_made_with_its_mode(void **state)
{
	(void)state;
	struct listener l;
	struct stat st;
	struct err e;
	mode_t old = umask(0);
	assert_true(listen_open(&l, path, 0660, &e));
	assert_int_equal(umask(old), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_true(connects());
	listen_unlink(&l);
	assert_int_equal(access(path, F_OK), -1);
	listen_unlink(&l);
	close(l.fd);
}

static void a_dead_socket_is_replaced_a_living_one_is_not(void **state)
{
	(void)state;
	struct listener first, second;
	struct err e;
	assert_true(listen_open(&first, path, 0600, &e));
	assert_false(listen_open(&second, path, 0600, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	assert_true(connects());
	close(first.fd);
	assert_true(listen_open(&second, path, 0600, &e));
	assert_true(connects());
	listen_unlink(&second);
	close(second.fd);
}

static void a_path_that_became_anothers_stays(void **state)
{
	(void)state;
	struct listener first, second;
	struct err e;
	assert_true(listen_open(&first, path, 0600, &e));
	unlink(path); /* by hand */
	assert_true(listen_open(&second, path, 0600, &e));
	listen_unlink(&first);
	assert_true(connects());
	listen_unlink(&second);
	close(first.fd);
	close(second.fd);
}

static void a_file_that_is_no_socket_stays(void **state)
{
	(void)state;
	struct listener l;
	struct err e;
	fclose(fopen(path, "w"));
	assert_false(listen_open(&l, path, 0600, &e));
	assert_int_equal(e.kind, ERR_EXISTS);
	assert_int_equal(unlink(path), 0);
	assert_false(listen_open(&l, "/nonexistent/socket", 0600, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
}

static void a_port_is_shared_by_workers(void **state)
{
	(void)state;
	struct listener first, second;
	struct sockaddr_in a;
	socklen_t n = sizeof a;
	char address[32];
	struct err e;
	assert_true(listen_open(&first, "127.0.0.1:0", 0, &e));
	assert_int_equal(getsockname(first.fd, (struct sockaddr *)&a, &n), 0);
	snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(a.sin_port));
	assert_true(listen_open(&second, address, 0, &e));
	close(first.fd);
	close(second.fd);
}

static void addresses_that_are_none_are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {"name", "host:", "host:port", "127.0.0.1", "", "[::1]"};
	struct listener l;
	struct err e;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(listen_open(&l, bad[i], 0, &e));
		assert_int_equal(e.kind, ERR_INVALID);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read_in_both_spellings),
		cmocka_unit_test(options_that_are_none_are_refused),
		cmocka_unit_test(help_names_every_option),
		cmocka_unit_test(a_socket_is_made_with_its_mode),
		cmocka_unit_test(a_dead_socket_is_replaced_a_living_one_is_not),
		cmocka_unit_test(a_path_that_became_anothers_stays),
		cmocka_unit_test(a_file_that_is_no_socket_stays),
		cmocka_unit_test(a_port_is_shared_by_workers),
		cmocka_unit_test(addresses_that_are_none_are_refused),
	};
	return cmocka_run_group_tests_name("start", tests, make_folder, remove_folder);
}
