/*
 * digest: SHA-256 over things that are to be recognised again, and random bytes. Thread: any.
 */
#ifndef EASEL_BASE_DIGEST_H
#define EASEL_BASE_DIGEST_H

#include <stddef.h>

#include "core/base/str.h"

enum { DIGEST_SIZE = 32 };

/* SHA-256 (FIPS 180-4) of the bytes. */
void digest_sha256(struct str bytes, unsigned char out[DIGEST_SIZE]);

/* n (at most 256) random bytes that nobody can guess. */
void digest_random(void *out, size_t n);

#endif
