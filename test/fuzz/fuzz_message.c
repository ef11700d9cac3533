/*
 * Any bytes as a message, as its JSON form, and as every kind of body of it. libFuzzer's entry
 * point.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/mail_body.h"
#include "store/message.h"
#include "store/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is; abort() makes it a finding. */
static void check(bool ok)
{
	if (!ok)
		abort();
}

static void make_bodies(struct arena *a, struct str raw, const struct message *m)
{
	for (int type = BODY_PLAIN; type <= BODY_MIME; type++)
		for (int64_t size = -1; size < 200; size += 67) {
			struct body_prefs prefs = {
				.n = 1, .mime_support = 2, .mime_truncation = -1};
			struct body_plan plan;
			struct body_text out;
			struct err e;
			prefs.v[0] = (struct body_pref){.type = (enum body_type)type,
							.truncation_size = size,
							.preview = 50};
			body_plan(m, &prefs, 161, &plan);
			check(plan.offset >= 0 && plan.length >= 0 &&
			      plan.offset + plan.length <= m->size);
			struct str bytes = str_sub(raw, (size_t)plan.offset, (size_t)plan.length);
			check(body_make(a, m, &plan, bytes, &out, &e));
			check(text_is_xml(out.data) && text_is_xml(out.preview));
			check(plan.limit < 0 || (int64_t)out.data.n <= plan.limit);
		}
}

static void check_parts(const struct message *m)
{
	check(m->nparts > 0 && m->nparts <= MIME_PARTS);
	for (unsigned i = 0; i < m->nparts; i++) {
		const struct part *p = &m->parts[i];
		check(p->offset >= 0 && p->length >= 0 && p->offset + p->length <= m->size);
		check(p->size >= 0 && p->type.n);
		check(p->name.n || (p->role != PART_ATTACHMENT && p->role != PART_INLINE));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str raw = {(const char *)data, size};
	struct arena *a = arena_new(1u << 30);
	struct message m, again;
	struct err e;
	(void)message_mbox_flags(raw);
	(void)message_from_json(a, raw, &m, &e);
	check(message_scan(a, raw, &m, &e));
	check_parts(&m);
	struct str json = message_to_json(a, &m);
	check(text_is_xml(json));
	check(message_from_json(a, json, &again, &e));
	check(str_eq(json, message_to_json(a, &again)));
	make_bodies(a, raw, &m);
	arena_free(&a);
	return 0;
}
