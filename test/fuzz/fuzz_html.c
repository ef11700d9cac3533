/*
 * Any bytes as HTML to be read as text, and as text to be made HTML. libFuzzer's entry point.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/html_text.h"
#include "core/base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(1u << 30);
	struct str in = {(const char *)data, size};
	bool more;
	struct str text = html_to_text(a, in, SIZE_MAX / 4, &more);
	check(!more && text_is_xml(text));
	(void)html_to_text(a, in, 20, &more);
	struct str html = html_from_text(a, text, SIZE_MAX / 4, &more);
	check(!more && text_is_xml(html) && html.n == html_from_text_size(text));
	for (size_t max = 0; max < 700; max += 37) {
		struct str cut = html_from_text(a, text, max, &more);
		check(cut.n <= max && text_is_xml(cut));
	}
	check(text_is_xml(html_fold(a, text, 30)));
	arena_free(&a);
	return 0;
}
