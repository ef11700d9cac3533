/* sealed: a secret that the database can't read. See sealed.h for the contract. */
#include "store/sealed.h"

#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include "core/base/arena.h"

enum { NONCE = 12, TAG = 16, KEY = 32 };

static bool derive(const unsigned char key[PASSWORD_KEY], unsigned char out[KEY])
{
	static const char label[] = "easel sealed secrets";
	unsigned n = KEY;
	return HMAC(EVP_sha256(), key, PASSWORD_KEY, (const unsigned char *)label, sizeof label - 1,
		    out, &n) &&
	       n == KEY;
}

static bool encrypt(EVP_CIPHER_CTX *x, const unsigned char *key, const char *purpose,
		    struct str secret, unsigned char *out)
{
	unsigned char *body = out + NONCE, *tag = body + secret.n;
	int n = 0, last = 0;
	return RAND_bytes(out, NONCE) == 1 &&
	       EVP_EncryptInit_ex(x, EVP_aes_256_gcm(), NULL, key, out) == 1 &&
	       EVP_EncryptUpdate(x, NULL, &n, (const unsigned char *)purpose,
				 (int)strlen(purpose)) == 1 &&
	       EVP_EncryptUpdate(x, body, &n, (const unsigned char *)secret.p, (int)secret.n) ==
		       1 &&
	       EVP_EncryptFinal_ex(x, body + n, &last) == 1 &&
	       EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1;
}

static bool decrypt(EVP_CIPHER_CTX *x, const unsigned char *key, const char *purpose,
		    struct str sealed, unsigned char *out)
{
	const unsigned char *p = (const unsigned char *)sealed.p;
	int body = (int)(sealed.n - NONCE - TAG), n = 0, last = 0;
	unsigned char tag[TAG];
	memcpy(tag, p + NONCE + body, TAG);
	return EVP_DecryptInit_ex(x, EVP_aes_256_gcm(), NULL, key, p) == 1 &&
	       EVP_DecryptUpdate(x, NULL, &n, (const unsigned char *)purpose,
				 (int)strlen(purpose)) == 1 &&
	       EVP_DecryptUpdate(x, out, &n, p + NONCE, body) == 1 &&
	       EVP_CIPHER_CTX_ctrl(x, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
	       EVP_DecryptFinal_ex(x, out + n, &last) == 1;
}

bool sealed_make(struct arena *a, const unsigned char key[PASSWORD_KEY], const char *purpose,
		 struct str secret, struct str *out)
{
	unsigned char own[KEY];
	unsigned char *bytes = arena_alloc(a, NONCE + secret.n + TAG);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	bool ok = x && derive(key, own) && encrypt(x, own, purpose, secret, bytes);
	EVP_CIPHER_CTX_free(x);
	OPENSSL_cleanse(own, sizeof own);
	*out = (struct str){(const char *)bytes, NONCE + secret.n + TAG};
	return ok;
}

bool sealed_open(struct arena *a, const unsigned char key[PASSWORD_KEY], const char *purpose,
		 struct str sealed, struct str *out)
{
	unsigned char own[KEY];
	if (sealed.n < NONCE + TAG || sealed.n > 64 * 1024)
		return false;
	size_t n = sealed.n - NONCE - TAG;
	unsigned char *bytes = arena_alloc(a, n + 1);
	EVP_CIPHER_CTX *x = EVP_CIPHER_CTX_new();
	bool ok = x && derive(key, own) && decrypt(x, own, purpose, sealed, bytes);
	EVP_CIPHER_CTX_free(x);
	OPENSSL_cleanse(own, sizeof own);
	*out = (struct str){(const char *)bytes, n};
	return ok;
}
