/* login: HTTP Basic credentials. See login.h for the contract. */
#include "core/login.h"

#include "core/base/arena.h"
#include "core/base/text.h"

/* DOMAIN\user@domain: the address counts. domain\user: user@domain. Anything else stays. */
static struct str normalise_name(struct arena *a, struct str name)
{
	name = str_trim(name);
	ptrdiff_t slash = str_find_byte(name, '\\');
	if (slash >= 0) {
		struct str domain = str_sub(name, 0, (size_t)slash);
		struct str user = str_sub(name, (size_t)slash + 1, name.n);
		if (str_find_byte(user, '@') >= 0 || domain.n == 0)
			name = user;
		else
			name = str_of(arena_printf(a, "%.*s@%.*s", STR_ARG(user), STR_ARG(domain)));
	}
	return str_lower(a, name);
}

static struct str to_utf8(struct arena *a, struct str s)
{
	return text_is_utf8(s) ? s : text_from_latin1(a, s);
}

bool login_decode(struct arena *secrets, struct str authorization, struct login *out)
{
	struct str pair;
	authorization = str_trim(authorization);
	if (!str_starts_nocase(authorization, STR("Basic ")))
		return false;
	struct str token = str_trim(str_sub(authorization, 6, authorization.n));
	if (!text_base64_decode(secrets, token, true, &pair))
		return false;
	ptrdiff_t colon = str_find_byte(pair, ':');
	if (colon <= 0 || str_find_byte(pair, '\0') >= 0)
		return false;
	out->name = normalise_name(secrets, to_utf8(secrets, str_sub(pair, 0, (size_t)colon)));
	out->password = to_utf8(secrets, str_sub(pair, (size_t)colon + 1, pair.n));
	return out->name.n > 0 && out->name.n <= LOGIN_NAME_MAX;
}
