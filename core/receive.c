/* receive: a message that has come for an account. See receive.h for the contract. */
#include "core/receive.h"

#include <string.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/text.h"
#include "core/meeting_store.h"
#include "store/message.h"
#include "store/mime.h"
#include "store/mime_write.h"
#include "store/oof.h"
#include "store/pg.h"
#include "store/queue.h"

static PG_STATEMENT(
	receive_place,
	"SELECT (SELECT m.folder_id FROM easel.conversation_move m"
	"	WHERE m.account_id = $1 AND m.conversation = $2::text),"
	" EXISTS (SELECT FROM easel.oof o WHERE o.account_id = $1"
	"	AND (o.state = 'on' OR o.state = 'timed' AND now() BETWEEN o.start_at AND o.end_at))");

static PG_STATEMENT(receive_addresses,
		    "SELECT a.address, a.display_name,"
		    " (SELECT string_agg(address, E'\\n') FROM easel.alias WHERE account_id = $1)"
		    " FROM easel.account a WHERE a.id = $1");

/* ---- Whether to answer ---- */

static bool starts_any(struct str text, const char *const *words)
{
	for (; *words; words++)
		if (str_starts_nocase(text, str_of(*words)))
			return true;
	return false;
}

/* Mail that programs have sent says so in one of these fields. */
static bool is_automatic(struct str name, struct str value)
{
	static const char *const bulk[] = {"bulk", "list", "junk", NULL};
	value = str_trim(value);
	if (str_eq_nocase(name, STR("Auto-Submitted")))
		return !str_eq_nocase(value, STR("no"));
	if (str_eq_nocase(name, STR("Precedence")))
		return starts_any(value, bulk);
	return str_starts_nocase(name, STR("List-")) ||
	       str_eq_nocase(name, STR("X-Auto-Response-Suppress")) ||
	       str_eq_nocase(name, STR("X-Autoreply")) || str_eq_nocase(name, STR("X-Loop"));
}

bool receive_wants_answer(struct arena *a, struct str raw, struct str sender)
{
	static const char *const machines[] = {"mailer-daemon@", "postmaster@", "noreply@",
					       "no-reply@",	 "donotreply@", "do-not-reply@",
					       "owner-",	 "bounce",	NULL};
	struct str name, value;
	size_t body;
	if (!mime_address_usable(sender) || starts_any(sender, machines) ||
	    str_find(str_lower(a, sender), STR("-request@")) >= 0)
		return false;
	struct str head = mime_head(raw, &body);
	while (mime_field(&head, &name, &value))
		if (is_automatic(name, value))
			return false;
	return true;
}

/* ---- The answer ---- */

struct self {
	struct str address, name, aliases;
};

static bool read_self(struct pg *db, struct arena *a, int32_t account, struct self *out,
		      struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	struct pg_rows *r = pg_run(db, &receive_addresses, &p, e);
	if (!r)
		return false;
	bool found = pg_count(r) == 1;
	if (found) {
		out->address = pg_get_copy(a, r, 0, 0);
		out->name = pg_get_copy(a, r, 0, 1);
		out->aliases = pg_get_copy(a, r, 0, 2);
	}
	pg_done(&r);
	return found || err_set(e, ERR_NOT_FOUND, "there is no such account");
}

static bool names(struct arena *a, struct str addresses, struct str address)
{
	struct str wanted = str_of(arena_printf(a, "<%.*s>", STR_ARG(address)));
	return address.n && str_find(str_lower(a, addresses), str_lower(a, wanted)) >= 0;
}

/* Only who was written to answers, not who got a copy of what was sent to a list. */
static bool is_addressed(struct arena *a, const struct self *self, const struct message *m)
{
	struct str all = str_of(arena_printf(a, "%.*s, %.*s", STR_ARG(m->to), STR_ARG(m->cc)));
	struct str rest = self->aliases, one;
	if (names(a, all, self->address))
		return true;
	while (rest.n && str_next(&rest, '\n', &one))
		if (names(a, all, one))
			return true;
	return false;
}

static struct str make_answer(struct arena *a, const struct self *self, const struct arrival *x,
			      const struct message *m, const struct oof_message *oof)
{
	struct buf out = {0};
	const struct mailbox from = {self->name, self->address};
	struct str subject = str_of(arena_printf(a, "Auto: %.*s", STR_ARG(m->subject)));
	buf_printf(&out, "From: %.*s\r\nTo: %.*s\r\n", STR_ARG(mime_mailbox_text(a, from)),
		   STR_ARG(x->sender));
	buf_printf(&out, "Subject: %.*s\r\n", STR_ARG(mime_header_text(a, subject)));
	buf_printf(&out, "Date: %.*s\r\nMessage-ID: %.*s\r\n", STR_ARG(mime_date_text(a, x->now)),
		   STR_ARG(mime_new_id(a, self->address)));
	if (m->message_id.n && m->message_id.n < 900)
		buf_printf(&out, "In-Reply-To: %.*s\r\nReferences: %.*s\r\n",
			   STR_ARG(m->message_id), STR_ARG(m->message_id));
	buf_cstr(&out, "Auto-Submitted: auto-replied\r\nX-Auto-Response-Suppress: All\r\n"
		       "Precedence: bulk\r\nMIME-Version: 1.0\r\n");
	buf_printf(&out, "Content-Type: text/%s; charset=utf-8\r\n", oof->html ? "html" : "plain");
	buf_cstr(&out, "Content-Transfer-Encoding: base64\r\n\r\n");
	mime_put_base64(a, &out, oof->text);
	buf_cstr(&out, "\r\n");
	return buf_move(a, &out);
}

/* The answer has no sender, so that nobody answers it, and no failure of it is reported. */
static bool answer(struct pg *db, struct arena *a, const struct arrival *x, const struct message *m,
		   struct err *e)
{
	struct self self;
	struct oof_message oof;
	struct recipient to = {.address = x->sender};
	if (!receive_wants_answer(a, x->raw, x->sender))
		return true;
	if (!read_self(db, a, x->account, &self, e))
		return false;
	if (str_eq_nocase(self.address, x->sender) || !is_addressed(a, &self, m))
		return true;
	enum found found = oof_answer(db, a, x->account, x->sender, &oof, e);
	if (found != FOUND_ONE)
		return found == FOUND_NONE;
	return queue_put(db, a, x->account, STR(""), make_answer(a, &self, x, m, &oof), &to, 1, e);
}

/* ---- Putting it away ---- */

static bool find_place(struct pg *db, struct arena *a, const struct arrival *x,
		       const struct message *m, int32_t *folder, bool *away, struct err *e)
{
	struct pg_params p = {0};
	struct str id = {(const char *)m->conversation, sizeof m->conversation};
	pg_int(&p, x->account);
	pg_text(&p, a, m->has_conversation ? text_hex_encode(a, id) : STR(""));
	struct pg_rows *r = pg_run(db, &receive_place, &p, e);
	if (!r)
		return false;
	*folder = pg_is_null(r, 0, 0) ? x->inbox : (int32_t)pg_get_int(r, 0, 0);
	*away = pg_get_bool(r, 0, 1);
	pg_done(&r);
	return true;
}

struct str receive_sender(struct arena *a, struct str raw)
{
	struct mailbox from;
	struct str name, value;
	size_t body;
	struct str head = mime_head(raw, &body);
	/* The one that the mail server has put in front: another further down is somebody's. */
	if (mime_field(&head, &name, &value) && str_eq_nocase(name, STR("Return-Path"))) {
		value = str_trim(value);
		if (value.n >= 2 && value.p[0] == '<' && value.p[value.n - 1] == '>')
			value = str_sub(value, 1, value.n - 2);
		return value;
	}
	value = mime_field_find(mime_head(raw, &body), STR("From"));
	return value.p && mime_mailboxes(a, value, &from, 1) == 1 ? from.address : STR("");
}

static bool put_away(struct pg *db, struct store *store, struct arena *a, const struct arrival *x,
		     struct message *m, struct err *e)
{
	int32_t folder;
	bool away;
	if (!message_scan(a, x->raw, m, e))
		return false;
	if (x->raw.n == 0)
		return err_set(e, ERR_INVALID, "the message is empty");
	const struct new_item item = {.raw = x->raw, .message = m, .date = x->now};
	int64_t uid, modseq;
	if (!find_place(db, a, x, m, &folder, &away, e) ||
	    !store->ops->append(store, x->account, folder, &item, &uid, &modseq, e))
		return false;
	return !away || answer(db, a, x, m, e);
}

bool receive_message(struct pg *db, struct store *store, struct arena *a, const struct arrival *x,
		     struct err *e)
{
	struct meeting_user user = {
		.db = db, .store = store, .a = a, .account = x->account, .now = x->now};
	struct arrival arrival = *x;
	struct message m;
	if (!meeting_unpack(&user, &arrival.raw, e) || !put_away(db, store, a, &arrival, &m, e))
		return false;
	meeting_receive(&user, arrival.raw, &m);
	return true;
}
