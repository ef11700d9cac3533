/*
 * login: HTTP Basic credentials as phones send them, and the account that they mean.
 */
#ifndef EASEL_CORE_LOGIN_H
#define EASEL_CORE_LOGIN_H

#include <stdbool.h>

#include "core/base/str.h"

struct arena;

enum { LOGIN_NAME_MAX = 320 }; /* no account's is longer */

struct login {
	struct str name;     /* user@domain in lower case; as typed when it has no domain */
	struct str password; /* UTF-8 */
};

/*
 * Reads an Authorization header (RFC 7617). Bytes that are not UTF-8 are ISO-8859-1, as Outlook
 * sends them. DOMAIN\user@domain and domain\user mean user@domain. Everything lies in `secrets`.
 * False when there are no Basic credentials in it, or for a name of more than LOGIN_NAME_MAX bytes.
 */
bool login_decode(struct arena *secrets, struct str authorization, struct login *out);

#endif
