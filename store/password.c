/* password: scrypt hashes and digests of passwords. See password.h for the contract. */
#include "store/password.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/arena.h"
#include "core/base/text.h"

enum { SALT = 16, SALT_MOST = 64, HASH = 32, HASH_MOST = 64, KEY_FILE_MOST = 4096 };

struct scrypt {
	unsigned ln; /* N is 2^ln */
	unsigned r, p;
	struct str salt, hash;
};

static const struct scrypt OURS = {.ln = 14, .r = 8, .p = 1};

static const uint64_t MEMORY_MOST = UINT64_C(128) << 20;
static const uint64_t WORK_MOST = UINT64_C(1) << 20; /* N r p */

/* ---------------------------------------------------------------------------------------------
 * Hashes */

static bool within_bounds(const struct scrypt *s)
{
	if (s->ln < 1 || s->ln > 20 || s->r < 1 || s->r > 64 || s->p < 1 || s->p > 64)
		return false;
	uint64_t nr = ((uint64_t)1 << s->ln) * s->r;
	return 128 * nr <= MEMORY_MOST && nr * s->p <= WORK_MOST;
}

static bool derive(const struct scrypt *s, struct str password, unsigned char *out, size_t n)
{
	const char *p = password.p ? password.p : "";
	return EVP_PBE_scrypt(p, password.n, (const unsigned char *)s->salt.p, s->salt.n,
			      (uint64_t)1 << s->ln, s->r, s->p, 2 * MEMORY_MOST, out, n) == 1;
}

/* Takes "name=number" off *rest. */
static bool read_parameter(struct str *rest, struct str name, unsigned *out)
{
	struct str token;
	uint64_t v;
	if (!str_next(rest, ',', &token) || !str_starts(token, name))
		return false;
	if (!str_to_u64(str_sub(token, name.n, SIZE_MAX), &v) || v > 1000)
		return false;
	*out = (unsigned)v;
	return true;
}

static bool read_hash(struct arena *a, struct str text, struct scrypt *out)
{
	struct str parameters, salt;
	if (!str_starts(text, STR("$scrypt$")))
		return false;
	struct str rest = str_sub(text, strlen("$scrypt$"), SIZE_MAX);
	if (!str_next(&rest, '$', &parameters) || !str_next(&rest, '$', &salt))
		return false;
	if (!read_parameter(&parameters, STR("ln="), &out->ln) ||
	    !read_parameter(&parameters, STR("r="), &out->r) ||
	    !read_parameter(&parameters, STR("p="), &out->p) || parameters.n > 0)
		return false;
	if (!text_base64_decode(a, salt, false, &out->salt) ||
	    !text_base64_decode(a, rest, false, &out->hash))
		return false;
	return within_bounds(out) && out->salt.n <= SALT_MOST && out->hash.n >= 16 &&
	       out->hash.n <= HASH_MOST;
}

static struct str base64_unpadded(struct arena *a, const unsigned char *p, size_t n)
{
	struct str s = text_base64_encode(a, (struct str){(const char *)p, n});
	while (s.n > 0 && s.p[s.n - 1] == '=')
		s.n--;
	return s;
}

bool password_hash(struct str password, char out[PASSWORD_HASH], struct err *e)
{
	unsigned char salt[SALT], hash[HASH];
	if (RAND_bytes(salt, sizeof salt) != 1)
		return err_set(e, ERR_INTERNAL, "no random bytes");
	struct scrypt s = OURS;
	s.salt = (struct str){(const char *)salt, sizeof salt};
	if (!derive(&s, password, hash, sizeof hash))
		return err_set(e, ERR_INTERNAL, "scrypt failed");
	struct arena *a = arena_new(4096);
	snprintf(out, PASSWORD_HASH, "$scrypt$ln=%u,r=%u,p=%u$%.*s$%.*s", s.ln, s.r, s.p,
		 STR_ARG(base64_unpadded(a, salt, sizeof salt)),
		 STR_ARG(base64_unpadded(a, hash, sizeof hash)));
	arena_free(&a);
	return true;
}

bool password_verify(struct str password, struct str hash)
{
	struct arena *a = arena_new(4096);
	struct scrypt s;
	unsigned char got[HASH_MOST];
	bool right = hash.n <= 512 && read_hash(a, hash, &s) &&
		     derive(&s, password, got, s.hash.n) &&
		     CRYPTO_memcmp(got, s.hash.p, s.hash.n) == 0;
	OPENSSL_cleanse(got, sizeof got);
	arena_free(&a);
	return right;
}

bool password_hash_valid(struct str hash)
{
	struct arena *a = arena_new(4096);
	struct scrypt s;
	bool valid = hash.n <= 512 && read_hash(a, hash, &s);
	arena_free(&a);
	return valid;
}

void password_verify_nobody(struct str password)
{
	unsigned char got[HASH];
	struct scrypt s = OURS;
	s.salt = STR("nobody's salt...");
	(void)derive(&s, password, got, sizeof got);
	OPENSSL_cleanse(got, sizeof got);
}

/* ---------------------------------------------------------------------------------------------
 * Digests */

/* What the digest is over: the lengths keep hash and password apart. */
static struct str digest_text(struct arena *a, int32_t account, struct str hash,
			      struct str password)
{
	static const char purpose[] = "easel password memory 1";
	uint32_t head[2] = {htobe32((uint32_t)account), htobe32((uint32_t)hash.n)};
	char *text = arena_alloc(a, sizeof purpose + sizeof head + hash.n + password.n), *at = text;
	memcpy(at, purpose, sizeof purpose);
	at += sizeof purpose;
	memcpy(at, head, sizeof head);
	at += sizeof head;
	if (hash.n > 0)
		memcpy(at, hash.p, hash.n);
	at += hash.n;
	if (password.n > 0)
		memcpy(at, password.p, password.n);
	at += password.n;
	return (struct str){text, (size_t)(at - text)};
}

void password_digest(const unsigned char key[PASSWORD_KEY], int32_t account, struct str hash,
		     struct str password, unsigned char out[PASSWORD_DIGEST])
{
	struct arena *a = arena_new_secret(64 * 1024);
	struct str text = digest_text(a, account, hash, password);
	unsigned n = 0;
	if (!HMAC(EVP_sha256(), key, PASSWORD_KEY, (const unsigned char *)text.p, text.n, out,
		  &n) ||
	    n != PASSWORD_DIGEST)
		abort(); /* only when out of memory: a digest of nothing must never match */
	arena_free(&a);
}

bool password_digest_equal(const void *a, const void *b)
{
	return CRYPTO_memcmp(a, b, PASSWORD_DIGEST) == 0;
}

/* ---------------------------------------------------------------------------------------------
 * The key */

static bool write_all(int fd, const unsigned char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);
		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		p += put;
		n -= (size_t)put;
	}
	return true;
}

/* A complete file appears under the name at once, or another worker's does. */
static bool make_key_file(const char *path, struct err *e)
{
	struct arena *a = arena_new(8192);
	char *temporary = arena_printf(a, "%s.XXXXXX", path);
	unsigned char fresh[PASSWORD_KEY];
	int fd = mkostemp(temporary, O_CLOEXEC); /* O_EXCL and mode 0600 */
	bool ok = fd >= 0 && RAND_bytes(fresh, sizeof fresh) == 1 &&
		  write_all(fd, fresh, sizeof fresh) && fsync(fd) == 0 &&
		  (link(temporary, path) == 0 || errno == EEXIST);
	if (!ok)
		err_set(e, ERR_UNAVAILABLE, "can't make %s: %s", path, strerror(errno));
	if (fd >= 0) {
		close(fd);
		unlink(temporary);
	}
	OPENSSL_cleanse(fresh, sizeof fresh);
	arena_free(&a);
	return ok;
}

static bool key_from_fd(int fd, const char *path, unsigned char key[PASSWORD_KEY], struct err *e)
{
	unsigned char text[KEY_FILE_MOST + 1];
	struct stat st;
	size_t n = 0;
	ssize_t got = 1;
	if (fstat(fd, &st) != 0 || (st.st_mode & S_IRWXO) != 0)
		return err_set(e, ERR_INVALID, "%s is open to others: chmod o= it", path);
	while (got > 0 && n < sizeof text) {
		got = read(fd, text + n, sizeof text - n);
		if (got > 0)
			n += (size_t)got;
	}
	bool ok = got >= 0 && n >= PASSWORD_KEY && n <= KEY_FILE_MOST;
	if (ok)
		SHA256(text, n, key);
	OPENSSL_cleanse(text, sizeof text);
	return ok ||
	       err_set(e, ERR_INVALID, "%s is no key: 32 to %d random bytes", path, KEY_FILE_MOST);
}

bool password_key_load(const char *path, unsigned char key[PASSWORD_KEY], struct err *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) {
		if (!make_key_file(path, e))
			return false;
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_set(e, ERR_UNAVAILABLE, "can't read %s: %s", path, strerror(errno));
	bool ok = key_from_fd(fd, path, key, e);
	close(fd);
	return ok;
}
