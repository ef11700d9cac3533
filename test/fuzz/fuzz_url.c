/* Any bytes as a query, a path and a version: no crash, and every run is text that may be stored.
 */
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "fcgi/url.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t n)
{
	struct arena *a = arena_new(1 << 20);
	struct str s = {(const char *)data, n};
	struct eas_query q;

	url_query(a, s, &q);
	const struct str runs[] = {q.command, q.device_id,	 q.device_type,
				   q.user,    q.attachment_name, q.collection_id,
				   q.item_id, q.long_id,	 q.occurrence};
	for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
		if (!text_is_xml(runs[i]))
			abort();
	url_endpoint(a, s);
	url_version(s);
	arena_free(&a);
	return 0;
}
