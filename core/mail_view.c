/* mail_view: other items as messages. See mail_view.h for the contract. */
#include "core/mail_view.h"

#include "core/base/arena.h"
#include "core/item_mail.h"
#include "store/message.h"

enum { ONE_MOST = 128 * 1024 * 1024 };

/* The items with their texts: texts[i].bytes.p is NULL when one is gone. */
static bool load(struct store *kept, struct arena *a, const struct collection *c,
		 const int64_t *uids, size_t n, struct items *items, struct slice **texts,
		 struct err *e)
{
	*texts = arena_array(a, n, sizeof **texts);
	if (!kept->ops->lookup(kept, a, c->at.account, c->at.folder, uids, n, items, e))
		return false;
	for (size_t i = 0; i < n; i++)
		(*texts)[i] = (struct slice){.uid = uids[i], .length = items->v[i].size};
	return kept->ops->slices(kept, a, c->at.account, c->at.folder, *texts, n, e);
}

static bool make(struct arena *a, const struct collection *c, const struct item *item,
		 struct str text, struct item_mail *out)
{
	struct err ignored = {0};
	*out = (struct item_mail){
		.class = c->kept,
		.text = text,
		.kept = item->date,
		.key = str_of(arena_printf(a, "%d.%d.%lld", (int)c->at.account, (int)c->at.folder,
					   (long long)item->uid)),
	};
	return text.p && !item->gone && item_mail_write(a, out, &ignored);
}

bool mail_view_summaries(struct store *kept, struct arena *a, const struct collection *c,
			 const int64_t *uids, size_t n, struct summary **out, struct err *e)
{
	struct items items;
	struct slice *texts;
	if (!load(kept, a, c, uids, n, &items, &texts, e))
		return false;
	*out = arena_array(a, n, sizeof **out);
	for (size_t i = 0; i < n; i++) {
		struct summary *s = &(*out)[i];
		struct item_mail mail;
		s->uid = uids[i];
		if (!make(a, c, &items.v[i], texts[i].bytes, &mail))
			continue;
		s->message = arena_alloc(a, sizeof *s->message);
		if (!message_scan(a, mail.raw, s->message, e))
			return false;
		s->found = true;
		s->item = items.v[i];
		s->item.date = mail.date;
		s->item.flags = ITEM_SEEN;
		s->item.marks = (struct str){NULL, 0};
		s->item.size = (int64_t)mail.raw.n;
	}
	return true;
}

bool mail_view_slices(struct store *kept, struct arena *a, const struct collection *c,
		      struct slice *v, size_t n, struct err *e)
{
	int64_t *uids = arena_array(a, n, sizeof *uids);
	struct items items;
	struct slice *texts;
	for (size_t i = 0; i < n; i++)
		uids[i] = v[i].uid;
	if (!load(kept, a, c, uids, n, &items, &texts, e))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct item_mail mail;
		v[i].bytes = (struct str){NULL, 0};
		if (make(a, c, &items.v[i], texts[i].bytes, &mail))
			v[i].bytes = str_sub(mail.raw, (size_t)v[i].offset, (size_t)v[i].length);
	}
	return true;
}

enum found mail_view_open(struct store *kept, const struct collection *c, int64_t uid,
			  int64_t offset, int64_t length, struct source **out, struct err *e)
{
	struct arena *a = arena_new(ONE_MOST);
	struct items items;
	struct slice *text;
	struct item_mail mail;
	enum found found = FOUND_NONE;
	if (!load(kept, a, c, &uid, 1, &items, &text, e)) {
		found = FOUND_FAILED;
	} else if (make(a, c, &items.v[0], text->bytes, &mail)) {
		struct str part = str_sub(mail.raw, (size_t)offset, (size_t)length);
		found = FOUND_ONE;
		if (offset < 0 || (int64_t)part.n != length) {
			err_set(e, ERR_INVALID, "a slice outside its item");
			found = FOUND_FAILED;
		} else {
			*out = source_bytes(part.p, part.n);
		}
	}
	arena_free(&a);
	return found;
}

enum found mail_view_flags(struct store *kept, const struct collection *c, int64_t uid,
			   int64_t *before, int64_t *after, struct err *e)
{
	struct arena *a = arena_new(64 * 1024);
	struct items items;
	enum found found = FOUND_FAILED;
	if (kept->ops->lookup(kept, a, c->at.account, c->at.folder, &uid, 1, &items, e)) {
		found = items.v[0].gone ? FOUND_NONE : FOUND_ONE;
		*before = *after = items.v[0].modseq;
	}
	arena_free(&a);
	return found;
}
