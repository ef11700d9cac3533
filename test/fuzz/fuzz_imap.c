/* What an IMAP server says: framed, parsed, and read as everything that it may claim to be. */
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "store/imap_index.h"
#include "store/imap_message.h"
#include "store/imap_syntax.h"
#include "store/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void read_as(struct arena *a, const struct imap_response *r)
{
	struct imap_counts counts;
	struct message m;
	struct uidset set;
	struct err e;
	int64_t ms;
	uint64_t number;
	imap_counts_read(r, &counts);
	for (const struct imap_value *v = r->values; v; v = v->next) {
		imap_number(v, &number);
		imap_set_parse(a, imap_text(v), &set);
		imap_date_parse(imap_text(v), &ms);
		imap_flags_read(a, v);
		imap_name_encode(a, imap_name_decode(a, imap_text(v)));
		const struct imap_value *structure = imap_item(v, "BODYSTRUCTURE");
		if (structure)
			imap_message_assemble(a, structure, imap_text(imap_item(v, "BODY[HEADER]")),
					      1000, &m, &e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = {(const char *)data, n};
	struct arena *a = arena_new(16 << 20);
	struct imap_frame frame = {0};
	size_t length;
	while (imap_frame(&frame, in, &length) == IMAP_COMPLETE) {
		struct imap_response r;
		struct err e;
		if (length > in.n)
			__builtin_trap();
		if (imap_parse(a, str_sub(in, 0, length), &r, &e))
			read_as(a, &r);
		in = str_sub(in, length, in.n);
		frame = (struct imap_frame){0};
		arena_reset(a);
	}
	arena_free(&a);
	return 0;
}
