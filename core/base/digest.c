/* digest: SHA-256 and random bytes. See digest.h for the contract. */
#include "core/base/digest.h"

#include <stdlib.h>
#include <sys/random.h>

#include <openssl/evp.h>

void digest_sha256(struct str bytes, unsigned char out[DIGEST_SIZE])
{
	if (EVP_Digest(bytes.p ? bytes.p : "", bytes.n, out, NULL, EVP_sha256(), NULL) != 1)
		abort();
}

void digest_random(void *out, size_t n)
{
	if (getrandom(out, n, 0) != (ssize_t)n)
		abort();
}
