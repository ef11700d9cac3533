/* synckey: the keys that name a state. See synckey.h for the contract. */
#include "core/synckey.h"

#include <stdio.h>
#include <string.h>

#include "core/base/digest.h"

bool synckey_parse(struct str text, struct synckey *out)
{
	uint64_t n;
	*out = (struct synckey){.zero = str_eq(text, STR("0"))};
	if (out->zero)
		return true;
	if (text.n < SYNCKEY_EPOCH + 1 || text.p[SYNCKEY_EPOCH - 1] != '.')
		return false;
	for (int i = 0; i < SYNCKEY_EPOCH - 1; i++)
		if (!strchr("0123456789abcdef", text.p[i]) || !text.p[i])
			return false;
	memcpy(out->epoch, text.p, SYNCKEY_EPOCH - 1);
	if (!str_to_u64(str_sub(text, SYNCKEY_EPOCH, text.n), &n) || n > INT32_MAX)
		return false;
	out->n = (int32_t)n;
	return true;
}

char *synckey_format(const char *epoch, int32_t n, char out[SYNCKEY_TEXT])
{
	snprintf(out, SYNCKEY_TEXT, "%.8s.%d", epoch, n);
	return out;
}

void synckey_new_epoch(char epoch[SYNCKEY_EPOCH])
{
	uint32_t random;
	digest_random(&random, sizeof random);
	snprintf(epoch, SYNCKEY_EPOCH, "%08x", random);
}
