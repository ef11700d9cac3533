/* password: hashes, digests and the key file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/password.h"

static void hash_and_verify(void **state)
{
	(void)state;
	static const struct str passwords[] = {STR_INIT("demo"), STR_INIT(""),
					       STR_INIT("pässwörd €"), STR_INIT("with\0nul")};
	struct err e;
	for (size_t i = 0; i < sizeof passwords / sizeof *passwords; i++) {
		char hash[PASSWORD_HASH], again[PASSWORD_HASH];
		assert_true(password_hash(passwords[i], hash, &e));
		assert_true(password_hash(passwords[i], again, &e));
		assert_string_not_equal(hash, again);
		assert_memory_equal(hash, "$scrypt$ln=14,r=8,p=1$", 22);
		assert_true(password_hash_valid(str_of(hash)));
		assert_true(password_verify(passwords[i], str_of(hash)));
		assert_false(password_verify(STR("Demo"), str_of(hash)));
		assert_false(password_verify(STR("with"), str_of(hash)));
	}
}

/* RFC 7914, section 12. */
static void known_hashes(void **state)
{
	(void)state;
	static const struct {
		struct str password, hash;
	} known[] = {
		{STR_INIT("pleaseletmein"),
		 STR_INIT(
			 "$scrypt$ln=14,r=8,p=1$U29kaXVtQ2hsb3JpZGU$cCO9yzr9c0hGHAbNgf046/2o+7qQT44+qb"
			 "VD9lRdofLVQylVYT8Pz2LUlwUkKpr55h6F3A1lHkDfzwF7RVdYhw")},
		{STR_INIT("password"), /* padding is accepted */
		 STR_INIT(
			 "$scrypt$ln=10,r=8,p=16$TmFDbA==$/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIu"
			 "rzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA==")},
	};
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		assert_true(password_verify(known[i].password, known[i].hash));
		assert_false(password_verify(STR("other"), known[i].hash));
	}
}

static void hashes_that_are_none(void **state)
{
	(void)state;
#define SALT_AND_HASH "$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	static const char *const bad[] = {
		"",
		"$scrypt$",
		"demo",
		"$2b$12$abcdefghijklmnopqrstuu",
		"$scrypt$ln=14,r=8,p=1$AAAA",
		"$scrypt$ln=14,r=8,p=1$AAAA$",
		"$scrypt$ln=14,r=8,p=1$AAAA$AAAA",
		"$scrypt$ln=14,r=8,p=1" SALT_AND_HASH "$",
		"$scrypt$ln=14,r=8,p=1" SALT_AND_HASH "$x",
		"$scrypt$ln=14,r=8" SALT_AND_HASH,
		"$scrypt$r=8,ln=14,p=1" SALT_AND_HASH,
		"$scrypt$ln=14,r=8,p=1,x=1" SALT_AND_HASH,
		"$scrypt$ln=-1,r=8,p=1" SALT_AND_HASH,
		"$scrypt$ln=0,r=8,p=1" SALT_AND_HASH,
		"$scrypt$ln=14,r=0,p=1" SALT_AND_HASH,
		"$scrypt$ln=14,r=8,p=0" SALT_AND_HASH,
		"$scrypt$ln=63,r=8,p=1" SALT_AND_HASH,
		"$scrypt$ln=64,r=8,p=1" SALT_AND_HASH,
		"$scrypt$ln=18,r=8,p=1" SALT_AND_HASH,
		"$scrypt$ln=14,r=8,p=64" SALT_AND_HASH,
		"$scrypt$ln=14,r=99999999999999999999,p=1" SALT_AND_HASH,
		"$scrypt$ln=14,r=8,p=1$AA!A$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(password_hash_valid(str_of(bad[i])));
		assert_false(password_verify(STR("demo"), str_of(bad[i])));
	}
	assert_true(password_hash_valid(STR("$scrypt$ln=16,r=8,p=1" SALT_AND_HASH)));
	password_verify_nobody(STR("demo"));
}

static void digests(void **state)
{
	(void)state;
	unsigned char key[PASSWORD_KEY] = {1}, other[PASSWORD_KEY] = {2};
	unsigned char want[PASSWORD_DIGEST], got[PASSWORD_DIGEST];
	struct str hash = STR("$scrypt$x"), password = STR("demo");
	password_digest(key, 7, hash, password, want);
	password_digest(key, 7, hash, password, got);
	assert_true(password_digest_equal(want, got));
	password_digest(other, 7, hash, password, got);
	assert_false(password_digest_equal(want, got));
	password_digest(key, 8, hash, password, got);
	assert_false(password_digest_equal(want, got));
	password_digest(key, 7, STR("$scrypt$y"), password, got);
	assert_false(password_digest_equal(want, got));
	password_digest(key, 7, hash, STR("demp"), got);
	assert_false(password_digest_equal(want, got));
	password_digest(key, 7, STR("$scrypt$xd"), STR("emo"), got); /* the same bytes in a row */
	assert_false(password_digest_equal(want, got));
	password_digest(key, 7, hash, STR(""), got);
	assert_false(password_digest_equal(want, got));
}

/* ---------------------------------------------------------------------------------------------
 * The key file */

struct place {
	char dir[64], path[80];
};

static int make_place(void **state)
{
	static struct place p;
	snprintf(p.dir, sizeof p.dir, "/tmp/easel-test-XXXXXX");
	if (!mkdtemp(p.dir))
		return -1;
	snprintf(p.path, sizeof p.path, "%s/key", p.dir);
	*state = &p;
	return 0;
}

static int remove_place(void **state)
{
	struct place *p = *state;
	unlink(p->path);
	return rmdir(p->dir); /* fails when anything was left behind */
}

static void put_file(const char *path, size_t n, mode_t mode)
{
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (size_t i = 0; i < n; i++)
		fputc((int)(i % 251), f);
	fclose(f);
	assert_int_equal(chmod(path, mode), 0);
}

static void key_is_made_once(void **state)
{
	struct place *p = *state;
	unsigned char a[PASSWORD_KEY], b[PASSWORD_KEY];
	struct err e;
	struct stat st;
	assert_true(password_key_load(p->path, a, &e));
	assert_true(password_key_load(p->path, b, &e));
	assert_memory_equal(a, b, sizeof a);
	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, 32);
	unlink(p->path);
	assert_true(password_key_load(p->path, b, &e));
	assert_memory_not_equal(a, b, sizeof a);
}

static void key_is_the_same_for_all_who_start_together(void **state)
{
	struct place *p = *state;
	enum { WORKERS = 12 };
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < WORKERS; i++) {
		if (fork() == 0) {
			unsigned char key[PASSWORD_KEY] = {0};
			struct err e;
			password_key_load(p->path, key, &e);
			_exit(write(pipes[1], key, sizeof key) != sizeof key);
		}
	}
	unsigned char first[PASSWORD_KEY], next[PASSWORD_KEY], zero[PASSWORD_KEY] = {0};
	assert_int_equal(read(pipes[0], first, sizeof first), sizeof first);
	assert_memory_not_equal(first, zero, sizeof first);
	for (int i = 1; i < WORKERS; i++) {
		assert_int_equal(read(pipes[0], next, sizeof next), sizeof next);
		assert_memory_equal(first, next, sizeof first);
	}
	while (wait(NULL) > 0)
		;
	close(pipes[0]);
	close(pipes[1]);
}

static void keys_that_are_none(void **state)
{
	struct place *p = *state;
	static const struct {
		size_t n;
		mode_t mode;
		enum err_kind want;
	} cases[] = {
		{0, 0600, ERR_INVALID},	 {31, 0600, ERR_INVALID}, {4097, 0600, ERR_INVALID},
		{32, 0604, ERR_INVALID}, {32, 0602, ERR_INVALID}, {32, 0640, ERR_NONE},
		{32, 0400, ERR_NONE},	 {4096, 0600, ERR_NONE},
	};
	unsigned char key[PASSWORD_KEY];
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct err e = {.kind = ERR_NONE};
		unlink(p->path);
		put_file(p->path, cases[i].n, cases[i].mode);
		assert_int_equal(password_key_load(p->path, key, &e), cases[i].want == ERR_NONE);
		assert_int_equal(e.kind, cases[i].want);
	}
	struct err e;
	assert_false(password_key_load("/nonexistent/easel/key", key, &e));
	assert_int_equal(e.kind, ERR_UNAVAILABLE);
	assert_false(password_key_load(p->dir, key, &e));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hash_and_verify),
		cmocka_unit_test(known_hashes),
		cmocka_unit_test(hashes_that_are_none),
		cmocka_unit_test(digests),
		cmocka_unit_test_setup_teardown(key_is_made_once, make_place, remove_place),
		cmocka_unit_test_setup_teardown(key_is_the_same_for_all_who_start_together,
						make_place, remove_place),
		cmocka_unit_test_setup_teardown(keys_that_are_none, make_place, remove_place),
	};
	return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
