/*
 * sealed: a secret that the database keeps and can't read: encrypted and authenticated with
 * AES-256-GCM under a key derived from the workers' key (store/password.h) and a purpose.
 *
 * Thread: any. What is secret on the way is wiped.
 */
#ifndef EASEL_STORE_SEALED_H
#define EASEL_STORE_SEALED_H

#include <stdbool.h>

#include "core/base/str.h"
#include "store/password.h"

struct arena;

/* `purpose` is authenticated: what was sealed for one opens for no other. False: OpenSSL failed. */
bool sealed_make(struct arena *a, const unsigned char key[PASSWORD_KEY], const char *purpose,
		 struct str secret, struct str *out);

/* False: another key or purpose, or something else than what was sealed. `a` is to be wiped. */
bool sealed_open(struct arena *a, const unsigned char key[PASSWORD_KEY], const char *purpose,
		 struct str sealed, struct str *out);

#endif
