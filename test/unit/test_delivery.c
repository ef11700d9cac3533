/* delivery and mail_files: what easel-deliver is made of. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "store/delivery.h"
#include "store/fake.h"
#include "store/mail_files.h"
#include "store/pg.h"

/* ---------------------------------------------------------------------------------------------
 * Line ends */

static void messages_are_normalised(void **state)
{
	(void)state;
	static const struct {
		struct str in, want;
	} cases[] = {
		{STR_INIT(""), STR_INIT("")},
		{STR_INIT("a\r\nb\r\n"), STR_INIT("a\r\nb\r\n")},
		{STR_INIT("a\nb\n"), STR_INIT("a\r\nb\r\n")},
		{STR_INIT("a\r\nb\nc\r\n\n"), STR_INIT("a\r\nb\r\nc\r\n\r\n")},
		{STR_INIT("\n\n"), STR_INIT("\r\n\r\n")},
		{STR_INIT("a\rb\n"), STR_INIT("a\rb\r\n")},
		{STR_INIT("a\r\r\n"), STR_INIT("a\r\r\n")},
		{STR_INIT("no end"), STR_INIT("no end")},
		{STR_INIT("\r"), STR_INIT("\r")},
		{STR_INIT("a\0b\n\0"), STR_INIT("a\0b\r\n\0")},
		{STR_INIT("From anna@example.test Fri Jan  9 12:00:00 2026\nSubject: x\n"),
		 STR_INIT("Subject: x\r\n")},
		{STR_INIT("From anna\r\nSubject: x\r\n"), STR_INIT("Subject: x\r\n")},
		{STR_INIT("From: anna\n"), STR_INIT("From: anna\r\n")},
		{STR_INIT("From only"), STR_INIT("")},
	};
	struct arena *a = arena_new(1 << 20);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct str got = delivery_normalise(a, cases[i].in);
		if (!str_eq(got, cases[i].want))
			fail_msg("%zu: \"%.*s\"", i, STR_ARG(got));
	}
	arena_free(&a);
}

/* ---------------------------------------------------------------------------------------------
 * Folders and accounts */

static enum found find(struct store *s, const char *name, int32_t *folder)
{
	struct arena *a = arena_new(1 << 20);
	struct err e;
	enum found found = delivery_folder(s, a, 1, str_of(name), CLASS_EMAIL, folder, &e);
	arena_free(&a);
	return found;
}

static void folders_are_found(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int32_t want; /* 0: none */
	} cases[] = {
		{"inbox", 1},	 {"INBOX", 1},	 {"Posteingang", 1},   {"sent", 2},
		{"Gesendet", 2}, {"junk", 3},	 {"Junk", 3},	       {"junk mail/archive", 4},
		{"calendar", 0}, {"Termine", 0}, {"nothing", 0},       {"", 0},
		{"/", 0},	 {"inbox/", 0},	 {"Posteingang/x", 0}, {"drafts", 0},
	};
	struct store *s = store_fake_new();
	fake_add_folder(s, 1, "Posteingang", CLASS_EMAIL, ROLE_INBOX);
	fake_add_folder(s, 1, "Gesendet", CLASS_EMAIL, ROLE_SENT);
	fake_add_folder(s, 1, "Junk", CLASS_EMAIL, ROLE_NONE);
	fake_add_folder(s, 1, "Junk mail/Archive", CLASS_EMAIL, ROLE_NONE);
	fake_add_folder(s, 1, "Termine", CLASS_CALENDAR, ROLE_CALENDAR);
	fake_add_folder(s, 2, "Nothing", CLASS_EMAIL, ROLE_DRAFTS);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int32_t folder = 0;
		enum found found = find(s, cases[i].name, &folder);
		assert_int_equal(found, cases[i].want ? FOUND_ONE : FOUND_NONE);
		assert_int_equal(folder, cases[i].want);
	}
	int32_t folder;
	fake_set_fault(s, FAKE_FAIL, 1);
	assert_int_equal(find(s, "inbox", &folder), FOUND_FAILED);
	store_fake_free(&s);
}

static int64_t sql_int(struct pg *db, struct arena *a, const char *name, const char *sql)
{
	struct err e;
	struct pg_statement *s = arena_alloc(a, sizeof *s);
	*s = (struct pg_statement){name, sql};
	struct pg_rows *r = pg_run(db, s, NULL, &e);
	if (!r)
		fail_msg("%s", e.text);
	int64_t v = pg_get_int(r, 0, 0);
	pg_done(&r);
	return v;
}

static int32_t account_of(struct pg *db, struct arena *a, const char *address)
{
	struct err e;
	int32_t account = 0;
	assert_int_not_equal(delivery_account(db, a, str_of(address), &account, &e), FOUND_FAILED);
	return account;
}

/* Everything is rolled back. */
static void accounts_are_found(void **state)
{
	(void)state;
	const char *conninfo = getenv("EASEL_TEST_DATABASE");
	if (!conninfo)
		skip();
	struct pg *db = pg_new(conninfo, "test");
	struct arena *a = arena_new(1 << 20);
	struct err e;
	assert_true(pg_begin(db, &e));
	sql_int(db, a, "domain", "SELECT easel.domain_create('delivery.test')");
	int32_t anna = (int32_t)sql_int(db, a, "anna",
					"SELECT easel.account_create('anna@delivery.test')");
	int32_t plus = (int32_t)sql_int(db, a, "plus",
					"SELECT easel.account_create('anna+x@delivery.test')");
	assert_int_equal(account_of(db, a, "anna@delivery.test"), anna);
	assert_int_equal(account_of(db, a, "Anna@Delivery.Test"), anna);
	assert_int_equal(account_of(db, a, "anna+news@delivery.test"), anna);
	assert_int_equal(account_of(db, a, "ANNA+X@delivery.test"), plus);
	assert_int_equal(account_of(db, a, "anna+x+y@delivery.test"), anna);
	assert_int_equal(account_of(db, a, "+x@delivery.test"), 0);
	assert_int_equal(account_of(db, a, "ben@delivery.test"), 0);
	assert_int_equal(account_of(db, a, "anna"), 0);
	assert_int_equal(account_of(db, a, "anna+x"), 0);
	assert_int_equal(account_of(db, a, ""), 0);
	assert_int_equal(account_of(db, a, "' OR true --"), 0);
	/* What a folder is called decides, also below another one. */
	sql_int(db, a, "sub",
		"SELECT easel.folder_create(a.id, f.id, 'Bills') FROM easel.account a "
		"JOIN easel.folder f ON f.account_id = a.id AND f.role = 'inbox' "
		"WHERE a.address = 'anna@delivery.test'");
	struct store *s = store_pg_new(db);
	int32_t by_name = 0, by_path = 0;
	assert_int_equal(delivery_folder(s, a, anna, STR("bills"), CLASS_EMAIL, &by_name, &e),
			 FOUND_ONE);
	assert_int_equal(delivery_folder(s, a, anna, STR("inbox/BILLS"), CLASS_EMAIL, &by_path, &e),
			 FOUND_ONE);
	assert_int_equal(by_name, by_path);
	store_pg_free(&s);
	pg_rollback(db);
	arena_free(&a);
	pg_free(&db);
}

/* ---------------------------------------------------------------------------------------------
 * "From " lines */

static void from_lines(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		const char *want; /* NULL: it is none */
	} cases[] = {
		{"From anna@example.test Fri Jan  9 12:34:56 2026", "20260109T123456Z"},
		{"From anna@example.test Fri Jan 19 12:34:56 2026", "20260119T123456Z"},
		{"From anna@example.test Fri Jan  9 12:34 2026", "20260109T123400Z"},
		{"From - Tue Oct 02 12:00:00 2007", "20071002T120000Z"},
		{"From 123@xxx Tue Oct 02 12:00:00 +0200 2007", "20071002T100000Z"},
		{"From a@b Tue Oct 02 12:00:00 2007 -0130", "20071002T133000Z"},
		{"From a@b Tue Oct 02 12:00:00 CEST 2007 remote from host", "20071002T120000Z"},
		{"From MAILER-DAEMON Sat Dec 31 23:59:60 2016", "20170101T000000Z"},
		{"From here on, everything is fine", NULL},
		{"From here on, at 12:00 in Jan 2026", NULL},
		{"From a@b Tue Foo 02 12:00:00 2007", NULL},
		{"From a@b Tue Oct 32 12:00:00 2007", NULL},
		{"From a@b Tue Oct 02 24:00:00 2007", NULL},
		{"From a@b Tue Oct 02 12:00:00:00 2007", NULL},
		{"From a@b Tue Oct 02 12:00:00 0007", NULL},
		{"From ", NULL},
		{"From: a@b Tue Oct 02 12:00:00 2007", NULL},
		{">From a@b Tue Oct 02 12:00:00 2007", NULL},
		{"", NULL},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t ms = 0;
		char text[CLOCK_TEXT];
		bool is = mail_from_line(str_of(cases[i].line), &ms);
		if (is != (cases[i].want != NULL) ||
		    (is && strcmp(clock_compact(ms, text), cases[i].want) != 0))
			fail_msg("%s", cases[i].line);
	}
}

/* ---------------------------------------------------------------------------------------------
 * Files: what is written into a folder, and what is found there, as lines of text */

struct tree {
	char root[64];
	struct arena *a;
	char found[4096];
	int limit; /* of messages */
};

static int make_tree(void **state)
{
	static struct tree t;
	t = (struct tree){.root = "/tmp/easel-test-XXXXXX", .a = arena_new(1 << 20), .limit = 1000};
	*state = &t;
	return mkdtemp(t.root) ? 0 : -1;
}

static int remove_tree(void **state)
{
	struct tree *t = *state;
	char command[100];
	snprintf(command, sizeof command, "rm -r %s", t->root);
	arena_free(&t->a);
	return system(command);
}

static const char *path_in(struct tree *t, const char *name)
{
	return arena_printf(t->a, "%s/%s", t->root, name);
}

static void put_folder(struct tree *t, const char *name)
{
	assert_int_equal(mkdir(path_in(t, name), 0700), 0);
}

/* With the time of 2020-01-01 12:00 UTC. */
static void put_file(struct tree *t, const char *name, const char *text)
{
	FILE *f = fopen(path_in(t, name), "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	struct timespec times[2] = {{.tv_sec = 1577880000}, {.tv_sec = 1577880000}};
	assert_int_equal(utimensat(AT_FDCWD, path_in(t, name), times, 0), 0);
}

static void note(struct tree *t, const char *text)
{
	size_t n = strlen(t->found);
	snprintf(t->found + n, sizeof t->found - n, "%s\n", text);
}

static bool found_message(void *ctx, const struct mail_file *m)
{
	struct tree *t = ctx;
	char date[CLOCK_TEXT];
	const char *name = m->path + strlen(t->root);
	note(t, arena_printf(t->a, "%s %zu flags=%u %.8s [%.*s]", name + (*name == '/'), m->number,
			     m->flags, clock_compact(m->date, date), STR_ARG(m->raw)));
	return --t->limit > 0;
}

static void found_failure(void *ctx, const char *path, const struct err *e)
{
	struct tree *t = ctx;
	(void)e;
	note(t, arena_printf(t->a, "failed: %s", path + strlen(t->root) + 1));
}

/* want: the lines that are found. */
static void assert_walk(struct tree *t, const char *name, const char *want)
{
	t->found[0] = '\0';
	const char *path = *name ? path_in(t, name) : t->root;
	mail_files_walk(path, &(struct mail_visitor){t, found_message, found_failure});
	assert_string_equal(t->found, want);
}

static void mboxes_are_split(void **state)
{
	struct tree *t = *state;
	put_file(t, "box",
		 "From a@b Fri Jan  9 12:00:00 2026\n"
		 "Status: RO\n\nFrom here\n>From there\n>>From a@b\n>Fromage\n\n"
		 "From here on at noon\n\n"
		 "From c@d Sat Jan 10 12:00:00 2026\n"
		 "Date: Mon, 5 Jan 2026 10:00:00 +0000\n\nB\n"
		 "From x@y Sat Jan 10 12:00:00 2026\n\n"
		 "From e@f Sun Jan 11 12:00:00 2026\n"
		 "From g@h Mon Jan 12 12:00:00 2026\n\n"
		 "C, no end");
	assert_walk(
		t, "box",
		"box 1 flags=1 20260109 [Status: RO\n\nFrom here\nFrom there\n>From a@b\n>Fromage\n\n"
		"From here on at noon\n]\n"
		"box 2 flags=0 20260105 [Date: Mon, 5 Jan 2026 10:00:00 +0000\n\nB\n"
		"From x@y Sat Jan 10 12:00:00 2026\n]\n"
		"box 3 flags=0 20260111 [From g@h Mon Jan 12 12:00:00 2026\n\nC, no end]\n");
	put_file(t, "crlf",
		 "From a@b\r\nS: 1\r\n\r\nx\r\n\r\nFrom a@b Fri Jan  9 12:00:00 2026\r\nS: 2\r\n");
	assert_walk(t, "crlf",
		    "crlf 1 flags=0 20200101 [S: 1\r\n\r\nx\r\n]\n"
		    "crlf 2 flags=0 20260109 [S: 2\r\n]\n");
	put_file(t, "short", "From ");
	assert_walk(t, "short", "short 1 flags=0 20200101 []\n");
}

static void dates_are_found(void **state)
{
	struct tree *t = *state;
	static const struct {
		const char *header, *want;
	} cases[] = {
		{"Received: from x; by y; Fri, 9 Jan 2026 12:00:00 +0100\n"
		 "Received: from z; Wed, 7 Jan 2026 12:00:00 +0100\nDate: Mon, 5 Jan 2026 10:00:00 +0000\n",
		 "20260109"},
		{"Received: from x\n\tby y;\n\tFri, 9 Jan 2026 12:00:00 +0100\n", "20260109"},
		{"Received: from x\nDate: Mon, 5 Jan 2026 10:00:00 +0000\n", "20260105"},
		{"Received: from x; Fri, 9 Jan 2126 12:00:00 +0100\nDate: 5 Jan 2026 10:00 +0000\n",
		 "20260105"},
		{"Date: Mon, 5 Jan 2126 10:00:00 +0000\n", "20200101"},
		{"Date: soon\n", "20200101"},
		{"", "20200101"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *text = arena_printf(t->a, "%s\nbody\n", cases[i].header);
		put_file(t, "a.eml", text);
		assert_walk(t, "a.eml",
			    arena_printf(t->a, "a.eml 0 flags=0 %s [%s]\n", cases[i].want, text));
	}
}

static void maildirs_have_flags(void **state)
{
	struct tree *t = *state;
	put_folder(t, "cur");
	put_folder(t, "new");
	put_folder(t, "tmp");
	put_file(t, "cur/1003.x:2,FRS", "c");
	put_file(t, "cur/1001.x:2,PD", "a");
	put_file(t, "new/1002.x", "Status: RO\n\nb");
	put_file(t, "new/1004.x:2,", "From here");
	put_file(t, "tmp/1000.x", "z");
	put_file(t, "new/.hidden", "z");
	put_file(t, "dovecot-uidlist", "z");
	put_folder(t, ".Sent");
	assert_walk(t, "",
		    "cur/1001.x:2,PD 0 flags=20 20200101 [a]\n"
		    "new/1002.x 0 flags=0 20200101 [Status: RO\n\nb]\n"
		    "cur/1003.x:2,FRS 0 flags=11 20200101 [c]\n"
		    "new/1004.x:2, 0 flags=0 20200101 [From here]\n");
}

static void folders_are_searched(void **state)
{
	struct tree *t = *state;
	put_folder(t, "b");
	put_folder(t, "b/deep");
	put_folder(t, "c");
	put_folder(t, "c/cur");
	put_folder(t, "c/new");
	put_folder(t, ".git");
	put_file(t, "b/deep/2.EML", "two");
	put_file(t, "b/1.eml", "");
	put_file(t, "a.mbox", "From a@b Fri Jan  9 12:00:00 2026\n\nthree\n");
	put_file(t, "c/cur/4", "four");
	put_file(t, "notes.txt", "none");
	put_file(t, ".git/5.eml", "none");
	assert_int_equal(symlink(t->root, path_in(t, "loop")), 0);
	assert_int_equal(symlink("/nonexistent", path_in(t, "z.eml")), 0);
	assert_int_equal(mkfifo(path_in(t, "y.eml"), 0600), 0);
	assert_walk(t, "",
		    "a.mbox 1 flags=0 20260109 [\nthree\n]\n"
		    "b/1.eml 0 flags=0 20200101 []\n"
		    "b/deep/2.EML 0 flags=0 20200101 [two]\n"
		    "c/cur/4 0 flags=0 20200101 [four]\n"
		    "failed: y.eml\n"
		    "failed: z.eml\n");
	assert_walk(t, "nothing", "failed: nothing\n");
	t->limit = 2;
	assert_walk(t, "",
		    "a.mbox 1 flags=0 20260109 [\nthree\n]\n"
		    "b/1.eml 0 flags=0 20200101 []\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_normalised),
		cmocka_unit_test(folders_are_found),
		cmocka_unit_test(accounts_are_found),
		cmocka_unit_test(from_lines),
		cmocka_unit_test_setup_teardown(mboxes_are_split, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(dates_are_found, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(maildirs_have_flags, make_tree, remove_tree),
		cmocka_unit_test_setup_teardown(folders_are_searched, make_tree, remove_tree),
	};
	return cmocka_run_group_tests_name("delivery", tests, NULL, NULL);
}
