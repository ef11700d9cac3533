/* Any bytes through every encoding: results are what they claim to be, and come back the same. */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/text.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_utf8(struct arena *a, struct str s, size_t max)
{
	bool utf8 = text_is_utf8(s);
	struct str xml = text_to_xml(a, s), cut = text_cut_utf8(s, max);
	check(!text_is_xml(s) || (utf8 && xml.p == s.p));
	check(text_is_xml(xml));
	check(text_is_xml(text_xml_escape(a, s)));
	check(text_is_utf8(text_from_latin1(a, s)));
	check(cut.n <= max && (!utf8 || text_is_utf8(cut)));
}

static void check_round_trips(struct arena *a, struct str s)
{
	struct str coded = text_base64_encode(a, s), back;
	check(coded.n == text_base64_size(s.n));
	check(text_base64_decode(a, coded, false, &back) && str_eq(back, s));
	check(text_hex_decode(a, text_hex_encode(a, s), &back) && str_eq(back, s));
}

/* Decoding something that was not encoded: no more bytes than the digits can hold. */
static void check_decoding(struct arena *a, struct str s)
{
	struct str strict, loose, out;
	bool ok = text_base64_decode(a, s, true, &loose);
	check(!ok || loose.n <= s.n * 3 / 4);
	if (text_base64_decode(a, s, false, &strict))
		check(ok && str_eq(strict, loose));
	if (text_hex_decode(a, s, &out))
		check(out.n == s.n / 2);
	check(text_percent_decode(a, s, true).n == text_percent_decode(a, s, false).n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena *a = arena_new(1024 * 1024);
	struct str s = {(const char *)data, size};
	check_utf8(a, s, size ? data[0] : 0);
	check_round_trips(a, s);
	check_decoding(a, s);
	arena_free(&a);
	return 0;
}
