/* imap_act: what is done on an IMAP server. See imap_act.h for the contract. */
#include "store/imap_act.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "store/message.h"
#include "store/pg.h"

static bool plus(const struct imap_link *link)
{
	return imap_can(link->imap) & IMAP_CAN_LITERAL_PLUS;
}

/* Runs and releases a command. */
static bool run(struct imap_link *link, struct buf *b, imap_handler *handler, void *ctx,
		struct imap_result *result, struct err *e)
{
	bool ok = imap_run(link->imap, buf_get(b), handler, ctx, result, e);
	buf_free(b);
	return ok;
}

static bool run_ok(struct imap_link *link, struct buf *b, const char *what, struct err *e)
{
	struct imap_result result;
	if (!run(link, b, NULL, NULL, &result, e))
		return false;
	return result.status == IMAP_OK || imap_refused(&result, what, e);
}

/* RFC 4314 2.1: the letters of a right. Own folders give all. */
static bool may(const struct imap_box *box, char right, struct err *e)
{
	return !box->rights.p || str_find_byte(box->rights, right) >= 0 ||
	       err_set(e, ERR_FORBIDDEN, "the folder does not give the right '%c'", right);
}

/* ---- Flags ---- */

/* One STORE. *modified: UNCHANGEDSINCE kept it from being done. */
static bool store_flags(struct imap_link *link, const struct imap_box *box, int64_t uid,
			const char *how, struct str flags, bool guarded, bool *modified,
			struct err *e)
{
	struct buf b = {0};
	struct imap_result result;
	*modified = false;
	buf_printf(&b, "UID STORE %lld ", (long long)uid);
	if (guarded)
		buf_printf(&b, "(UNCHANGEDSINCE %llu) ", (unsigned long long)box->highestmodseq);
	buf_printf(&b, "%s (%.*s)", how, STR_ARG(flags));
	if (!run(link, &b, NULL, NULL, &result, e))
		return false;
	*modified = strcmp(result.code, "MODIFIED") == 0;
	return result.status == IMAP_OK || *modified || imap_refused(&result, "STORE", e);
}

static bool change_flags(struct imap_link *link, const struct imap_box *box, int64_t uid,
			 const char *how, struct str flags, bool *foreign, struct err *e)
{
	bool modified;
	bool guarded =
		!*foreign && box->highestmodseq > 0 && imap_can(link->imap) & IMAP_CAN_CONDSTORE;
	if (flags.n == 0)
		return true;
	if (!store_flags(link, box, uid, how, flags, guarded, &modified, e))
		return false;
	*foreign |= modified;
	return !modified || store_flags(link, box, uid, how, flags, false, &modified, e);
}

/* The keywords of the categories that one has and the other has not. */
static void put_only(struct buf *b, struct str marks, struct str others)
{
	json_t *ours = marks.n ? json_loadb(marks.p, marks.n, 0, NULL) : NULL;
	json_t *theirs = others.n ? json_loadb(others.p, others.n, 0, NULL) : NULL;
	const json_t *list = json_object_get(ours, "Categories");
	const json_t *known = json_object_get(theirs, "Categories");
	json_t *only = json_array();
	for (size_t i = 0; i < json_array_size(list); i++) {
		bool in = false;
		for (size_t k = 0; k < json_array_size(known); k++)
			in |= json_equal(json_array_get(list, i), json_array_get(known, k));
		if (!in)
			json_array_append(only, json_array_get(list, i));
	}
	json_t *o = json_pack("{s:o}", "Categories", only);
	char *text = json_dumps(o, JSON_COMPACT);
	imap_categories_put(b, str_of(text));
	free(text);
	json_decref(o);
	json_decref(ours);
	json_decref(theirs);
}

static struct str flag_list(struct buf *b, const struct imap_box *box, unsigned flags,
			    struct str marks, struct str others)
{
	imap_flags_put(b, flags, box->keywords);
	if (box->keywords && marks.n)
		put_only(b, marks, others);
	return str_trim(buf_get(b));
}

bool imap_act_flags(struct imap_actor *x, const struct imap_box *box, int64_t uid,
		    const struct imap_flag_change *c, bool *foreign, struct err *e)
{
	struct buf add = {0}, take = {0};
	struct str none = {NULL, 0};
	struct str then = c->new_marks ? *c->new_marks : none;
	struct str before = c->new_marks ? c->marks : none;
	unsigned now = (c->had & ~c->clear) | c->set;
	*foreign = false;
	struct str added = flag_list(&add, box, now & ~c->had, then, before);
	struct str taken = flag_list(&take, box, c->had & ~now, before, then);
	bool ok = (added.n == 0 && taken.n == 0) ||
		  (may(box, 'w', e) && imap_box_select(x->link, box, e) &&
		   change_flags(x->link, box, uid, "+FLAGS.SILENT", added, foreign, e) &&
		   /* Our own change is newer than the index, so the second is not guarded. */
		   (taken.n == 0 || added.n == 0
			    ? change_flags(x->link, box, uid, "-FLAGS.SILENT", taken, foreign, e)
			    : change_flags(x->link, box, uid, "-FLAGS.SILENT", taken, &(bool){true},
					   e)));
	buf_free(&add);
	buf_free(&take);
	return ok;
}

/* ---- Removing ---- */

/* Without UIDPLUS, EXPUNGE takes all that is marked: what others marked only stays if it is alone.
 */
static bool expunge(struct imap_link *link, int64_t uid, struct err *e)
{
	struct buf b = {0};
	if (imap_can(link->imap) & IMAP_CAN_UIDPLUS)
		buf_printf(&b, "UID EXPUNGE %lld", (long long)uid);
	else
		buf_cstr(&b, "EXPUNGE");
	return run_ok(link, &b, "EXPUNGE", e);
}

bool imap_act_remove(struct imap_actor *x, const struct imap_box *box, int64_t uid, struct err *e)
{
	bool modified;
	return may(box, 't', e) && imap_box_select(x->link, box, e) &&
	       store_flags(x->link, box, uid, "+FLAGS.SILENT", STR("\\Deleted"), false, &modified,
			   e) &&
	       expunge(x->link, uid, e);
}

/* ---- Looking for what may have been done ---- */

struct looking {
	struct arena *a;
	int64_t found; /* the highest uid */
	struct str message_id;
	int64_t size;
	bool seen;
	struct imap_counts counts;
};

static bool on_search(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct looking *l = ctx;
	(void)a;
	(void)e;
	if (!imap_is(r, "SEARCH"))
		return true;
	for (const struct imap_value *v = r->values; v; v = v->next) {
		uint64_t uid;
		if (imap_number(v, &uid) && uid <= UINT32_MAX && (int64_t)uid > l->found)
			l->found = (int64_t)uid;
	}
	return true;
}

/*
 * A message that came into the folder since the intent was noted, with its Message-ID, or, if it
 * has none, of that size (0: not known, and none is found); 0: there is none.
 */
static bool look_for(struct imap_actor *x, const struct imap_box *to,
		     const struct imap_intent *intent, int64_t size, int64_t *uid, struct err *e)
{
	struct looking l = {0};
	struct imap_result result;
	struct buf b = {0};
	*uid = 0;
	if (intent->uidvalidity != (int64_t)to->uidvalidity || (!intent->message_id.n && size == 0))
		return true;
	if (!imap_box_select(x->link, to, e))
		return false;
	buf_printf(&b, "UID SEARCH UID %lld:* ", (long long)intent->uidnext);
	if (intent->message_id.n) {
		buf_cstr(&b, "HEADER Message-ID ");
		imap_put_string(&b, intent->message_id, plus(x->link));
	} else {
		buf_printf(&b, "LARGER %lld SMALLER %lld", (long long)size - 1,
			   (long long)size + 1);
	}
	if (!run(x->link, &b, on_search, &l, &result, e))
		return false;
	if (result.status != IMAP_OK)
		return imap_refused(&result, "SEARCH", e);
	/* n:* has the last message in it even when it is older. */
	*uid = l.found >= intent->uidnext ? l.found : 0;
	return true;
}

static bool on_status(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct looking *l = ctx;
	(void)a;
	(void)e;
	l->seen |= imap_counts_read(r, &l->counts);
	return true;
}

/* UIDVALIDITY and UIDNEXT of a folder now. */
static bool ask_next(struct imap_actor *x, const struct imap_box *to, struct imap_intent *intent,
		     struct err *e)
{
	struct looking l = {0};
	struct imap_result result;
	struct buf b = {0};
	buf_cstr(&b, "STATUS ");
	imap_put_string(&b, to->mailbox, plus(x->link));
	buf_cstr(&b, " (UIDVALIDITY UIDNEXT)");
	if (!run(x->link, &b, on_status, &l, &result, e))
		return false;
	if (result.status != IMAP_OK || !l.seen || l.counts.uidnext < 0)
		return imap_refused(&result, "STATUS", e);
	intent->uidvalidity = l.counts.uidvalidity;
	intent->uidnext = l.counts.uidnext;
	return true;
}

/* The last number of "1234 17 42", of APPENDUID and COPYUID. */
static bool last_uid(const struct imap_result *result, const char *code, int64_t *uid)
{
	struct str detail = str_of(result->detail), last = {NULL, 0}, word;
	if (strcmp(result->code, code) != 0)
		return false;
	while (str_next(&detail, ' ', &word))
		last = word;
	return str_to_i64(last, uid) && *uid > 0;
}

/* ---- Moving ---- */

static bool on_identity(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct looking *l = ctx;
	uint64_t n;
	(void)a;
	(void)e;
	if (!imap_is(r, "FETCH"))
		return true;
	const struct imap_value *envelope = imap_item(r->values, "ENVELOPE");
	const struct imap_value *v = envelope ? envelope->first : NULL;
	for (int i = 0; v && i < 9; i++)
		v = v->next;
	if (!envelope)
		return true;
	l->seen = true;
	l->message_id =
		(struct str){arena_dup(l->a, imap_text(v).p, imap_text(v).n), imap_text(v).n};
	if (imap_number(imap_item(r->values, "RFC822.SIZE"), &n))
		l->size = (int64_t)n;
	return true;
}

/* FOUND_NONE: the message is not there (any more). */
static enum found identify(struct imap_actor *x, const struct imap_box *box, int64_t uid,
			   struct looking *out, struct err *e)
{
	struct imap_result result;
	struct buf b = {0};
	out->a = x->a;
	buf_printf(&b, "UID FETCH %lld (UID ENVELOPE RFC822.SIZE)", (long long)uid);
	if (!imap_box_select(x->link, box, e) || !run(x->link, &b, on_identity, out, &result, e)) {
		buf_free(&b);
		return FOUND_FAILED;
	}
	return out->seen ? FOUND_ONE : FOUND_NONE;
}

/* MOVE tells COPYUID in an untagged OK (RFC 6851 4.3). */
static bool on_copyuid(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct looking *l = ctx;
	const struct imap_value *last = r->values;
	uint64_t uid;
	(void)a;
	(void)e;
	if (!imap_is(r, "OK") || !str_eq_nocase(r->code, STR("COPYUID")))
		return true;
	while (last && last->next)
		last = last->next;
	if (imap_number(last, &uid) && uid <= UINT32_MAX)
		l->found = (int64_t)uid;
	return true;
}

/* MOVE (RFC 6851), or what it is made of. *uid stays 0 when the server does not tell it. */
static bool move_now(struct imap_actor *x, int64_t uid, const struct imap_box *from,
		     const struct imap_box *to, int64_t *new_uid, struct err *e)
{
	bool whole = imap_can(x->link->imap) & IMAP_CAN_MOVE;
	struct imap_result result;
	struct looking l = {0};
	struct buf b = {0};
	buf_printf(&b, "UID %s %lld ", whole ? "MOVE" : "COPY", (long long)uid);
	imap_put_string(&b, to->mailbox, plus(x->link));
	*new_uid = 0;
	if (!run(x->link, &b, on_copyuid, &l, &result, e))
		return false;
	if (result.status != IMAP_OK)
		return imap_refused(&result, "MOVE", e);
	*new_uid = l.found;
	if (*new_uid == 0)
		last_uid(&result, "COPYUID", new_uid);
	return whole || imap_act_remove(x, from, uid, e);
}

static void fill_intent(struct imap_actor *x, const struct imap_box *from, int64_t uid,
			const struct imap_box *to, struct imap_intent *out)
{
	*out = (struct imap_intent){
		.account = x->account,
		.folder = to->folder,
		.kind = "move",
		.reference =
			str_of(arena_printf(x->a, "%d:%llu:%lld", (int)from->folder,
					    (unsigned long long)from->uidvalidity, (long long)uid)),
	};
}

/* The message is not where it was: whether that was us. */
static enum found find_moved(struct imap_actor *x, const struct imap_box *to,
			     struct imap_intent *intent, int64_t *new_uid, struct err *e)
{
	if (!imap_intent_find(x->aside, x->a, intent, e))
		return FOUND_FAILED;
	if (!intent->repeated)
		return FOUND_NONE;
	if (!look_for(x, to, intent, 0, new_uid, e))
		return FOUND_FAILED;
	return *new_uid ? FOUND_ONE : FOUND_NONE;
}

enum found imap_act_move(struct imap_actor *x, const struct imap_box *from, int64_t uid,
			 const struct imap_box *to, struct imap_intent *intent, int64_t *new_uid,
			 struct err *e)
{
	struct looking l = {0};
	if (!may(from, 't', e) || !may(to, 'i', e))
		return FOUND_FAILED;
	fill_intent(x, from, uid, to, intent);
	enum found there = identify(x, from, uid, &l, e);
	if (there == FOUND_NONE)
		return find_moved(x, to, intent, new_uid, e);
	if (there == FOUND_FAILED || !ask_next(x, to, intent, e))
		return FOUND_FAILED;
	intent->message_id = l.message_id;
	if (!imap_intent_note(x->aside, x->a, intent, e))
		return FOUND_FAILED;
	/*
	 * It may have been copied already when what follows was not done, by a MOVE too: a server
	 * that is killed in the midst of one leaves both. Only a Message-ID is proof enough to
	 * remove anything.
	 */
	if (intent->repeated && intent->message_id.n) {
		if (!look_for(x, to, intent, l.size, new_uid, e))
			return FOUND_FAILED;
		if (*new_uid)
			return imap_act_remove(x, from, uid, e) ? FOUND_ONE : FOUND_FAILED;
	}
	if (!imap_box_select(x->link, from, e) || !move_now(x, uid, from, to, new_uid, e))
		return FOUND_FAILED;
	if (*new_uid == 0 && !look_for(x, to, intent, l.size, new_uid, e))
		return FOUND_FAILED;
	return *new_uid ? FOUND_ONE : FOUND_NONE;
}

/* ---- Putting in ---- */

static void put_append(struct buf *b, struct imap_link *link, const struct imap_box *to,
		       const struct new_item *item)
{
	buf_cstr(b, "APPEND ");
	imap_put_string(b, to->mailbox, plus(link));
	buf_cstr(b, " (");
	struct buf flags = {0};
	struct str none = {NULL, 0};
	buf_str(b, flag_list(&flags, to, item->flags, item->marks, none));
	buf_free(&flags);
	buf_cstr(b, ") ");
	imap_put_date(b, item->date);
	buf_printf(b, plus(link) ? " {%zu+}\r\n" : " {%zu}\r\n", item->raw.n);
	buf_str(b, item->raw);
}

bool imap_act_append(struct imap_actor *x, const struct imap_box *to, const struct new_item *item,
		     struct imap_intent *intent, int64_t *new_uid, struct err *e)
{
	struct imap_result result;
	struct buf b = {0};
	int64_t size = (int64_t)item->raw.n;
	if (!may(to, 'i', e))
		return false;
	*intent = (struct imap_intent){.account = x->account,
				       .folder = to->folder,
				       .kind = "append",
				       .message_id = item->message->message_id};
	intent->reference = str_of(arena_printf(x->a, "%lld:%.*s", (long long)size,
						STR_ARG(str_sub(intent->message_id, 0, 900))));
	if (!ask_next(x, to, intent, e) || !imap_intent_note(x->aside, x->a, intent, e))
		return false;
	*new_uid = 0;
	if (intent->repeated && !look_for(x, to, intent, size, new_uid, e))
		return false;
	if (*new_uid)
		return true;
	put_append(&b, x->link, to, item);
	if (!run(x->link, &b, NULL, NULL, &result, e))
		return false;
	if (result.status != IMAP_OK)
		return imap_refused(&result, "APPEND", e);
	if (last_uid(&result, "APPENDUID", new_uid))
		return true;
	return look_for(x, to, intent, size, new_uid, e) &&
	       (*new_uid || err_set(e, ERR_UNAVAILABLE, "the message that was put can't be found"));
}

/* ---- Folders ---- */

static bool on_mailbox(struct imap_link *link, const char *command, struct str mailbox,
		       struct imap_result *result, struct err *e)
{
	struct buf b = {0};
	buf_printf(&b, "%s ", command);
	imap_put_string(&b, mailbox, plus(link));
	return run(link, &b, NULL, NULL, result, e);
}

/* What a server refuses without a reason is not what it may be asked, and no use trying again. */
static bool refused_for_good(const struct imap_result *result, const char *what, struct err *e)
{
	imap_refused(result, what, e);
	if (!result->code[0])
		e->kind = ERR_INVALID;
	return false;
}

bool imap_act_create(struct imap_link *link, struct str mailbox, struct err *e)
{
	struct imap_result result, ignored;
	if (!on_mailbox(link, "CREATE", mailbox, &result, e))
		return false;
	if (result.status != IMAP_OK)
		return refused_for_good(&result, "CREATE", e);
	return on_mailbox(link, "SUBSCRIBE", mailbox, &ignored, e);
}

bool imap_act_rename(struct imap_link *link, struct str from, struct str to, struct err *e)
{
	struct imap_result ignored;
	struct buf b = {0};
	/* Some servers do not rename what is selected. */
	if (!imap_box_unselect(link, e))
		return false;
	buf_cstr(&b, "RENAME ");
	imap_put_string(&b, from, plus(link));
	buf_byte(&b, ' ');
	imap_put_string(&b, to, plus(link));
	return run_ok(link, &b, "RENAME", e) &&
	       on_mailbox(link, "UNSUBSCRIBE", from, &ignored, e) &&
	       on_mailbox(link, "SUBSCRIBE", to, &ignored, e);
}

bool imap_act_delete(struct imap_link *link, const struct imap_box *box, struct err *e)
{
	struct imap_result result, ignored;
	if (!on_mailbox(link, "UNSUBSCRIBE", box->mailbox, &ignored, e) ||
	    !on_mailbox(link, "DELETE", box->mailbox, &result, e))
		return false;
	if (link->selected && str_eq(str_of(link->selected), box->mailbox)) {
		free(link->selected);
		link->selected = NULL;
	}
	bool gone = result.status == IMAP_OK || strcmp(result.code, "NONEXISTENT") == 0;
	return gone || !box->selectable || imap_refused(&result, "DELETE", e);
}

static PG_STATEMENT(imap_act_created,
		    "INSERT INTO easel.imap_folder (account_id, folder_id, mailbox, delimiter)"
		    " VALUES ($1, $2, $3::text, $4::text)");

bool imap_act_note_created(struct pg *db, struct arena *a, int32_t account, int32_t folder,
			   struct str mailbox, struct str delimiter, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, folder);
	pg_text(&p, a, mailbox);
	pg_text(&p, a, delimiter);
	return pg_do(db, &imap_act_created, &p, e);
}

static PG_STATEMENT(
	imap_act_renamed,
	"UPDATE easel.imap_folder SET mailbox = $4::text || substr(mailbox, length($2::text) + 1)"
	" WHERE account_id = $1 AND (mailbox = $2"
	" OR $3::text <> '' AND starts_with(mailbox, $2 || $3))");

bool imap_act_note_renamed(struct pg *db, struct arena *a, int32_t account, struct str from,
			   struct str delimiter, struct str to, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_text(&p, a, from);
	pg_text(&p, a, delimiter);
	pg_text(&p, a, to);
	return pg_do(db, &imap_act_renamed, &p, e);
}

static PG_STATEMENT(imap_act_subtree, "SELECT easel.folder_below($1, $2)");

static int longest_first(const void *a, const void *b)
{
	const struct imap_box *x = a, *y = b;
	return x->mailbox.n < y->mailbox.n ? 1 : x->mailbox.n > y->mailbox.n ? -1 : 0;
}

bool imap_act_below(struct pg *db, struct arena *a, int32_t account, int32_t folder,
		    struct imap_box **out, size_t *n, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, folder);
	struct pg_rows *r = pg_run(db, &imap_act_subtree, &p, e);
	if (!r)
		return false;
	size_t count = pg_count(r);
	int32_t *ids = arena_array(a, count + 1, sizeof *ids);
	for (size_t i = 0; i < count; i++)
		ids[i] = (int32_t)pg_get_int(r, i, 0);
	pg_done(&r);
	if (!imap_boxes_load(db, a, account, ids, count, out, n, e))
		return false;
	qsort(*out, *n, sizeof **out, longest_first);
	return true;
}
