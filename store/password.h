/*
 * password: checking a password against its scrypt hash, and remembering that it was right.
 *
 * A hash is "$scrypt$ln=14,r=8,p=1$<salt>$<hash>", both in base64 without padding. Hashes made
 * elsewhere in this form are accepted within bounds: at most 128 MiB of memory and eight times the
 * work of ours, so that a stored hash can't stall a worker.
 *
 * A password that was found right is remembered as a digest under a key that the workers share and
 * the database does not know. The digest covers the account and its hash: it is void once either
 * changes.
 *
 * Everything secret that is made here is wiped before a function returns. Thread: any.
 */
#ifndef EASEL_STORE_PASSWORD_H
#define EASEL_STORE_PASSWORD_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

enum {
	PASSWORD_KEY = 32,    /* bytes of the workers' key */
	PASSWORD_DIGEST = 32, /* bytes of a digest */
	PASSWORD_HASH = 128   /* most bytes of a hash that is made here, with its NUL */
};

/* Hashes a password under a new random salt. */
bool password_hash(struct str password, char out[PASSWORD_HASH], struct err *e);

/* Whether the password is the one of the hash. A hash that can't be read matches nothing. */
bool password_verify(struct str password, struct str hash);

/* Whether the text is a hash that password_verify() could match. */
bool password_hash_valid(struct str hash);

/* The work of password_verify(), for nobody: so that time does not tell which accounts exist. */
void password_verify_nobody(struct str password);

/* HMAC-SHA-256 under the key over account, stored hash and password. */
void password_digest(const unsigned char key[PASSWORD_KEY], int32_t account, struct str hash,
		     struct str password, unsigned char out[PASSWORD_DIGEST]);

/* Compares PASSWORD_DIGEST bytes in constant time. */
bool password_digest_equal(const void *a, const void *b);

/*
 * Reads the workers' key: any file of 32 to 4,096 bytes that others can't read. One that does not
 * exist is made, with random bytes and mode 0600; of several workers that start together one makes
 * it and all read the same. Workers on several hosts need a copy of the same file, or they only
 * fail to remember for each other. ERR_INVALID: too short, too long, or open to others;
 * ERR_UNAVAILABLE: can't be read or made.
 */
bool password_key_load(const char *path, unsigned char key[PASSWORD_KEY], struct err *e);

#endif
