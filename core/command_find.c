/*
 * Find (MS-ASCMD 2.2.1.2), of 16.1: the account's messages by words, and the address list.
 *
 * A SearchId names a search over several ranges; as results are found anew each time, nothing has
 * to be remembered for it.
 */
#include "core/call.h"

#include <stdio.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/email.h"
#include "core/found_items.h"
#include "core/gal.h"
#include "store/message.h"

struct find_query {
	struct search search;
	struct found_scope scope;
	struct str collection;
	struct found_range range;
};

/* Bodies are not shown: nothing of them is read. */
static const struct body_prefs no_body = {
	.v = {{.type = BODY_PLAIN, .truncation_size = 0}},
	.n = 1,
	.mime_support = 0,
	.mime_truncation = -1,
};

/* 0, or the status to answer. */
static unsigned decode(struct call *c, const struct wbxml_node *criterion, struct find_query *q)
{
	const struct wbxml_node *query = wbxml_child(criterion, Find_Query);
	const struct wbxml_node *options = wbxml_child(criterion, Find_Options);
	struct str class = wbxml_child_text(query, AirSync_Class);
	struct str text = wbxml_child_text(query, Find_FreeText);
	q->search.after = INT64_MIN;
	q->search.before = INT64_MAX;
	q->scope.classes = 1u << CLASS_EMAIL;
	q->scope.deep = wbxml_child(options, Find_DeepTraversal) != NULL;
	q->collection = wbxml_child_text(query, AirSync_CollectionId);
	if (q->collection.n && !str_eq(q->collection, STR("0"))) {
		q->scope.collections = &q->collection;
		q->scope.ncollections = 1;
	}
	if ((class.p && !str_eq(class, STR("Email"))) || !text.n ||
	    !search_words(c->arena, text, &q->search) ||
	    found_range_read(wbxml_child_text(options, Find_Range), &q->range) != RANGE_OK)
		return FIND_INVALID;
	return 0;
}

/* ---- Answering ---- */

static bool has_attachments(const struct message *m)
{
	for (unsigned i = 0; i < m->nparts; i++)
		if (m->parts[i].role == PART_ATTACHMENT)
			return true;
	return false;
}

static void put_text(struct wbxml_out *w, unsigned tag, struct str text)
{
	if (text.n)
		wbxml_text(w, tag, text);
}

static void encode_properties(struct call *c, const struct summary *s)
{
	struct wbxml_out *w = &c->out;
	const struct message *m = s->message;
	char date[CLOCK_TEXT];
	bool draft = (s->item.flags & ITEM_DRAFT) != 0;
	put_text(w, Email_Subject, m->subject);
	wbxml_cstr(w, Email_DateReceived, clock_dashed(s->item.date, date));
	put_text(w, Email_DisplayTo, email_names(c->arena, m->to));
	put_text(w, Find_DisplayCc, email_names(c->arena, m->cc));
	if (draft)
		put_text(w, Find_DisplayBcc, email_names(c->arena, m->bcc));
	wbxml_int(w, Email_Importance, m->importance);
	wbxml_int(w, Email_Read, (s->item.flags & ITEM_SEEN) != 0);
	wbxml_int(w, Email2_IsDraft, draft);
	put_text(w, Find_Preview, m->preview);
	wbxml_int(w, Find_HasAttachments, has_attachments(m));
	put_text(w, Email_From, m->from);
}

static void encode_result(struct call *c, const struct found_items *f, size_t index)
{
	struct wbxml_out *w = &c->out;
	struct found_item item = found_items_at(c, f, index);
	if (!item.summary || !item.summary->found)
		return;
	wbxml_begin(w, Find_Result);
	wbxml_cstr(w, AirSync_Class, "Email");
	wbxml_text(w, AirSync_ServerId, item.server_id);
	wbxml_int(w, AirSync_CollectionId, item.folder->id);
	wbxml_begin(w, Find_Properties);
	encode_properties(c, item.summary);
	wbxml_end(w);
	wbxml_end(w);
}

static void begin_store(struct call *c, const char *store, unsigned status)
{
	call_begin(c);
	call_status(c, STATUS_OK);
	wbxml_begin(&c->out, Find_Response);
	wbxml_cstr(&c->out, ItemOperations_Store, store);
	wbxml_int(&c->out, Find_Status, status);
	c->status = status;
}

static void begin_response(struct call *c, unsigned status)
{
	begin_store(c, "Mailbox", status);
}

static void encode(struct call *c, const struct find_query *q, const struct found_items *f)
{
	size_t n = found_items_count(f);
	char range[64];
	if (n == 0 && q->range.from > 0 && found_items_total(f) == 0) {
		begin_response(c, FIND_RANGE);
		return;
	}
	begin_response(c, STATUS_OK);
	for (size_t i = 0; i < n; i++)
		encode_result(c, f, i);
	if (n == 0)
		return;
	snprintf(range, sizeof range, "%zu-%zu", q->range.from, q->range.from + n - 1);
	wbxml_cstr(&c->out, Find_Range, range);
	wbxml_int(&c->out, Find_Total, (int64_t)found_items_total(f));
}

static void find_mail(struct call *c, const struct wbxml_node *criterion)
{
	struct find_query q = {0};
	struct found_items *f;
	unsigned status = decode(c, criterion, &q);
	if (status) {
		begin_response(c, status);
		return;
	}
	switch (found_folders(c, &q.scope, &q.search)) {
	case FOUND_FAILED:
		call_fail(c, NULL);
		return;
	case FOUND_NONE:
		call_answer_status(c, FIND_HIERARCHY);
		return;
	case FOUND_ONE:
		break;
	}
	if (found_items_load(c, &q.search, &q.range, &no_body, &f))
		encode(c, &q, f);
	else
		call_fail(c, NULL);
}

/* ---- The address list ---- */

static void begin_gal(struct call *c, unsigned status)
{
	begin_store(c, "GAL", status);
}

static void find_gal(struct call *c, const struct wbxml_node *criterion)
{
	static const struct gal_command command = {
		.range = Find_Range,
		.picture = Find_Picture,
		.max_size = Find_MaxSize,
		.max_pictures = Find_MaxPictures,
		.result = Find_Result,
		.properties = Find_Properties,
		.range_told = Find_Range,
		.total = Find_Total,
		.invalid = FIND_INVALID,
		.blocked = FIND_INVALID,
		.beyond = FIND_RANGE,
		.begin = begin_gal,
	};
	gal_answer(c, wbxml_child_text(criterion, Find_Query), wbxml_child(criterion, Find_Options),
		   &command);
}

void command_find(struct call *c)
{
	const struct wbxml_node *execute = wbxml_child(c->root, Find_ExecuteSearch);
	const struct wbxml_node *mail = wbxml_child(execute, Find_MailBoxSearchCriterion);
	const struct wbxml_node *gal = wbxml_child(execute, Find_GalSearchCriterion);
	if (!wbxml_child_text(c->root, Find_SearchId).n || !mail == !gal)
		call_answer_status(c, FIND_INVALID);
	else if (mail)
		find_mail(c, mail);
	else
		find_gal(c, gal);
}
