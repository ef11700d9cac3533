/* meeting_store: the user's meetings where they are kept. See meeting_store.h for the contract. */
#include "core/meeting_store.h"

#include <stddef.h>

#include "core/base/arena.h"
#include "core/base/log.h"
#include "core/submit.h"
#include "core/tnef.h"
#include "store/message.h"
#include "store/mime.h"
#include "store/mime_write.h"
#include "store/pg.h"
#include "store/sender.h"

enum { CALENDAR_MOST = 4 << 20 };

/* ---- The user ---- */

enum found meeting_user_read(struct meeting_user *u, struct err *e)
{
	struct sender sender = {0};
	enum found found = sender_identity(u->db, u->a, u->account, &sender, &u->timezone, e);
	if (found != FOUND_ONE)
		return found;
	if (!sender_read(u->db, u->a, u->account, &sender, e))
		return FOUND_FAILED;
	u->address = sender.address;
	u->name = sender.display_name;
	u->aliases = sender.aliases;
	return FOUND_ONE;
}

struct item_context meeting_user_context(const struct meeting_user *u, struct str text)
{
	return (struct item_context){
		.arena = u->a,
		.version = 161,
		.address = meeting_me(u->a, text, u->address, u->aliases),
		.name = u->name,
		.timezone = u->timezone,
		.now = u->now,
	};
}

/* ---- Events ---- */

enum found meeting_find(const struct meeting_user *u, struct str uid, struct meeting_event *out,
			struct err *e)
{
	struct store *s = u->store;
	struct slice slice = {.length = INT64_MAX};
	*out = (struct meeting_event){0};
	enum found found =
		s->ops->find(s, u->account, 0, CLASS_CALENDAR, uid, &out->folder, &out->uid, e);
	if (found != FOUND_ONE)
		return found;
	slice.uid = out->uid;
	if (!s->ops->slices(s, u->a, u->account, out->folder, &slice, 1, e))
		return FOUND_FAILED;
	out->text = slice.bytes;
	if (!slice.bytes.p)
		*out = (struct meeting_event){0};
	return slice.bytes.p ? FOUND_ONE : FOUND_NONE;
}

/* The user's calendar: the folder with the role. */
static enum found find_calendar(const struct meeting_user *u, int32_t *out, struct err *e)
{
	struct folder *v;
	size_t n;
	if (!u->store->ops->folders(u->store, u->a, u->account, &v, &n, e))
		return FOUND_FAILED;
	for (size_t i = 0; i < n; i++)
		if (v[i].role == ROLE_CALENDAR) {
			*out = v[i].id;
			return FOUND_ONE;
		}
	return FOUND_NONE;
}

enum found meeting_put(const struct meeting_user *u, struct meeting_event *event, struct str text,
		       struct err *e)
{
	struct store *s = u->store;
	struct item_context ctx = meeting_user_context(u, text);
	struct item_facts facts;
	int64_t before, after;
	if (!calendar_class.facts(&ctx, text, &facts, e))
		return FOUND_FAILED;
	struct new_item item = {.raw = text, .summary = facts.summary, .date = facts.date};
	event->text = text;
	if (event->folder)
		return s->ops->replace(s, u->account, event->folder, event->uid, 0, &item,
				       &event->uid, &before, &after, e);
	enum found found = find_calendar(u, &event->folder, e);
	if (found == FOUND_ONE &&
	    !s->ops->append(s, u->account, event->folder, &item, &event->uid, &after, e))
		found = FOUND_FAILED;
	return found;
}

/* ---- What arrives ---- */

static PG_STATEMENT(meeting_lock,
		    "SELECT pg_advisory_xact_lock(hashtextextended($2::text, $1::integer))");

/* Who takes the same meeting at the same time waits, and finds the event then. */
static bool lock_meeting(const struct meeting_user *u, struct str uid, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, u->account);
	pg_text(&p, u->a, uid);
	return pg_do(u->db, &meeting_lock, &p, e);
}

bool meeting_take(const struct meeting_user *u, const struct meeting *m, struct err *e)
{
	struct meeting_event event;
	struct str text;
	struct err bad = {0};
	if (!lock_meeting(u, m->uid, e) || meeting_find(u, m->uid, &event, e) == FOUND_FAILED)
		return false;
	struct item_context ctx = meeting_user_context(u, m->text);
	if (meeting_apply(&ctx, event.text, m, &text, &bad) == MEETING_CHANGED)
		return meeting_put(u, &event, text, e) != FOUND_FAILED;
	if (bad.kind)
		log_event(LOG_WARNING, "meeting-ignored", &bad);
	return true;
}

static bool is_calendar(const struct part *p)
{
	return p->role == PART_CALENDAR || str_eq(p->type, STR("text/calendar")) ||
	       str_eq(p->type, STR("application/ics"));
}

struct str meeting_of_message(struct arena *a, struct str raw, const struct message *m)
{
	struct meeting meeting;
	for (unsigned i = 0; i < m->nparts; i++) {
		const struct part *p = &m->parts[i];
		if (!is_calendar(p) || p->length > CALENDAR_MOST)
			continue;
		struct str bytes = mime_decode_all(
			a, p->encoding, str_sub(raw, (size_t)p->offset, (size_t)p->length));
		struct str text = mime_to_utf8(a, p->charset, bytes, false);
		if (meeting_read(a, text, &meeting))
			return text;
	}
	return STR("");
}

static PG_STATEMENT(meeting_same_account,
		    "SELECT easel.account_of($1::text) = easel.account_of($2::text)");

/* Whoever has an account here may write from any of its addresses. */
static bool fold_aliases(const struct meeting_user *u, struct meeting *m, struct err *e)
{
	struct pg_params p = {0};
	if (!m->from.n || str_eq_nocase(m->from, m->speaker))
		return true;
	pg_text(&p, u->a, m->from);
	pg_text(&p, u->a, m->speaker);
	struct pg_rows *r = pg_run(u->db, &meeting_same_account, &p, e);
	if (!r)
		return false;
	if (pg_get_bool(r, 0, 0))
		m->from = m->speaker;
	pg_done(&r);
	return true;
}

/* The one address of a field; empty when it names nobody, or several. */
static struct str address_in(struct arena *a, struct str raw, const char *field)
{
	size_t body;
	struct mailbox m[2];
	struct str value = mime_field_find(mime_head(raw, &body), str_of(field));
	return value.p && mime_mailboxes(a, value, m, 2) == 1 ? m[0].address : STR("");
}

static bool take_from(const struct meeting_user *u, struct str raw, struct meeting *m,
		      struct err *e)
{
	m->from = address_in(u->a, raw, "From");
	m->reply_to = address_in(u->a, raw, "Reply-To");
	return fold_aliases(u, m, e) && meeting_take(u, m, e);
}

/* What goes wrong with it is undone alone. */
static void take_or_undo(const struct meeting_user *u, struct str raw, struct meeting *m)
{
	static const char point[] = "meeting";
	struct err e = {0}, ignored;
	bool set = pg_savepoint(u->db, point, &e);
	if (!set || !take_from(u, raw, m, &e)) {
		log_event(LOG_WARNING, "meeting-failed", &e);
		set = set && pg_undo(u->db, point, &ignored);
	}
	if (set)
		pg_release(u->db, point, &ignored);
}

static bool may_carry(struct str raw)
{
	return str_find(raw, STR("text/calendar")) >= 0 ||
	       str_find(raw, STR("Text/Calendar")) >= 0 ||
	       str_find(raw, STR("TEXT/CALENDAR")) >= 0 || str_find(raw, STR("tnef")) >= 0 ||
	       str_find(raw, STR("winmail.dat")) >= 0;
}

bool meeting_unpack(struct meeting_user *u, struct str *raw, struct err *e)
{
	if (!may_carry(*raw))
		return true;
	if (meeting_user_read(u, e) != FOUND_ONE)
		return false;
	*raw = tnef_unpack(u->a, *raw, u->address, u->now);
	return true;
}

void meeting_receive(const struct meeting_user *u, struct str raw, const struct message *m)
{
	struct meeting meeting;
	if (!u->address.n)
		return;
	struct str calendar = meeting_of_message(u->a, raw, m);
	if (calendar.n && meeting_read(u->a, calendar, &meeting))
		take_or_undo(u, raw, &meeting);
}

/* ---- What is sent ---- */

bool meeting_send(const struct meeting_user *u, const struct meeting_mail *mail, struct str text,
		  struct err *e)
{
	struct item_context ctx = meeting_user_context(u, mail->calendar);
	struct str raw = meeting_message(&ctx, mail, text);
	struct composed composed = {
		.from = ctx.address,
		.recipients = mail->recipients,
		.nrecipients = mail->nrecipients,
		.sent = raw,
		.delivered = raw,
		.subject = mail->subject,
	};
	struct submission submission = {
		.account = u->account, .mail = &composed, .save = true, .now = u->now};
	return submit_message(u->db, u->store, u->a, &submission, e);
}

bool meeting_tell(const struct meeting_user *u, struct str before, struct str after, struct err *e)
{
	struct meeting_mail *mail;
	struct item_context ctx = meeting_user_context(u, after.n ? after : before);
	size_t n = meeting_notices(&ctx, before, after, &mail);
	for (size_t i = 0; i < n; i++)
		if (!meeting_send(u, &mail[i], STR(""), e))
			return false;
	return true;
}
