/* Any bytes as an Autodiscover request: no crash, and nothing is taken that is longer than it was.
 */
#include <stdlib.h>

#include "core/autodiscover.h"
#include "core/base/arena.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(1 << 20);
	struct autodiscover_request asked;
	struct err e;
	if (autodiscover_decode(a, (struct str){(const char *)data, n}, &asked, &e) &&
	    (asked.address.n > n || asked.schema.n > n))
		abort();
	arena_free(&a);
	return 0;
}
