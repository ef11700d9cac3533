/*
 * Any bytes as a vCard and as a note: read, they are the same bytes; shown and edited, they are
 * still a card, and an edit of another element is still shown.
 */
#include <stdint.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "core/content_lines.h"
#include "core/item_class.h"

static void check(bool ok)
{
	if (!ok)
		abort();
}

static void check_lines(struct arena *a, struct str text, struct str component)
{
	struct content_lines l;
	struct err e;
	if (!content_lines_read(a, text, component, &l, &e))
		return;
	struct str whole = content_lines_text(&l);
	struct str rest = str_starts(text, STR("\xef\xbb\xbf")) ? str_sub(text, 3, text.n) : text;
	check(str_eq(whole, rest));
	check(l.begin < l.n && l.end <= l.n && l.end > l.begin);
}

static bool show(struct arena *a, const struct item_class_ops *class, struct str text,
		 struct wbxml_node **root)
{
	struct item_context ctx = {.arena = a, .version = 161, .now = 0};
	struct body body = {0};
	struct wbxml_out w;
	struct err e;
	wbxml_start(&w, &body);
	wbxml_begin(&w, AirSync_ApplicationData);
	bool ok = class->encode(&w, &ctx, text, &e);
	wbxml_end(&w);
	ok = ok && wbxml_finish(&w);
	struct str bytes = buf_move(a, &body.mem);
	body_free(&body);
	if (ok)
		check(wbxml_decode(a, bytes, &wbxml_default_limits, root, &e));
	return ok;
}

static void check_class(struct arena *a, const struct item_class_ops *class, struct str text,
			unsigned tag)
{
	struct item_context ctx = {.arena = a, .version = 161, .now = 0};
	struct wbxml_node *root, sent = {.tag = tag, .content = WBXML_TEXT, .text = STR_INIT("V")};
	struct item_edit_field field = {.tag = tag, .sent = &sent};
	struct item_edit edit = {.v = &field, .n = 1};
	struct item_facts facts;
	struct str new;
	struct err e;
	if (!show(a, class, text, &root))
		return;
	check(class->facts(&ctx, text, &facts, &e));
	if (!class->apply(&ctx, text, &edit, INT64_MIN, &new, &e))
		return;
	check(show(a, class, new, &root));
	check(str_eq(wbxml_child_text(root, tag), STR("V")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = arena_new(64u << 20);
	struct str text = {(const char *)data, n};
	check_lines(a, text, STR("VCARD"));
	check_lines(a, text, STR("VJOURNAL"));
	check_class(a, &contact_class, text, Contacts_JobTitle);
	check_class(a, &contact_class, text, Contacts_LastName);
	check_class(a, &contact_class, text, Contacts_HomePhoneNumber);
	check_class(a, &note_class, text, Notes_Subject);
	arena_free(&a);
	return 0;
}
