/*
 * Any bytes as a message that a phone submits, alone and as an answer to any other: the first half
 * is the one, the second the other. libFuzzer's entry point.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/compose.h"
#include "store/bounce.h"
#include "store/mime.h"
#include "store/mime_write.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is; abort() makes it a finding. */
static void check(bool ok)
{
	if (!ok)
		abort();
}

static const struct sender OWNER = {.address = STR_INIT("anna@example.test"),
				    .display_name = STR_INIT("Anna"),
				    .aliases = STR_INIT("a@b")};

/* Whoever it claims to be from, it is from the account, and Bcc is for nobody else. */
static void check_header(struct arena *a, struct str delivered)
{
	struct mailbox v[8];
	size_t body;
	struct str head = mime_head(delivered, &body), name, value;
	while (mime_field(&head, &name, &value)) {
		check(!str_eq_nocase(name, STR("Bcc")));
		if (!str_eq_nocase(name, STR("From")))
			continue;
		unsigned n = mime_mailboxes(a, value, v, 8);
		check(n > 0 && n <= 8);
		for (unsigned i = 0; i < n; i++)
			check(sender_owns(&OWNER, v[i].address));
	}
}

static void compose_once(struct arena *a, struct compose c)
{
	struct composed out;
	c.sender = &OWNER;
	if (compose_message(a, &c, &out) != COMPOSE_DONE)
		return;
	check(out.nrecipients > 0 && out.nrecipients <= COMPOSE_RECIPIENTS);
	check(sender_owns(&OWNER, out.from));
	check_header(a, out.delivered);
	const struct bounce_failure failure = {out.recipients[0], STR("550 5.1.1 no")};
	(void)bounce_make(a, out.from, out.delivered, &failure, 1, 0);
}

static struct str content_of(struct str raw, const struct part *p)
{
	return p ? str_sub(raw, (size_t)p->offset, (size_t)p->length) : (struct str){NULL, 0};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str all = {(const char *)data, size};
	struct str mime = str_sub(all, 0, size / 2), raw = str_sub(all, size / 2, size);
	struct arena *a = arena_new(1u << 30);
	struct message m;
	struct err e;
	check(message_scan(a, raw, &m, &e));
	struct compose_original o = {&m,
				     raw,
				     content_of(raw, message_body(&m, PART_TEXT)),
				     content_of(raw, message_body(&m, PART_HTML)),
				     {NULL, 0}};
	compose_once(a, (struct compose){.mime = all});
	for (int kind = COMPOSE_REPLY; kind <= COMPOSE_FORWARD; kind++)
		compose_once(a, (struct compose){.kind = (enum compose_kind)kind,
						 .mime = mime,
						 .original = &o});
	arena_free(&a);
	return 0;
}
