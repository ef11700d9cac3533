/* submit: a composed message on its way. See submit.h for the contract. */
#include "core/submit.h"

#include "core/base/arena.h"
#include "core/email.h"
#include "core/receive.h"
#include "core/undelivered.h"
#include "store/delivery.h"
#include "store/mime.h"
#include "store/mime_write.h"
#include "store/people.h"
#include "store/pg.h"
#include "store/imap_store.h"
#include "store/message.h"
#include "store/queue.h"

/* What is delivered at once: no request is to wait for more. */
enum { DIRECT_RECIPIENTS = 20, DIRECT_BYTES = 32 << 20 };

struct submitter {
	struct pg *db;
	struct store *store;
	struct arena *a;
	const struct submission *s;
	struct recipient *direct, *queued;
	size_t ndirect, nqueued;
	int32_t sent;  /* Sent Items; 0: not to be saved */
	int32_t inbox; /* the sender's own; 0: not needed */
};

/* Which recipients are delivered to now, and which are left to the queue. */
static bool divide(struct submitter *x, struct err *e)
{
	const struct composed *mail = x->s->mail;
	size_t n = mail->nrecipients, here = 0;
	struct recipient *all = arena_array(x->a, n, sizeof *all);
	x->direct = arena_array(x->a, n, sizeof *all);
	x->queued = arena_array(x->a, n, sizeof *all);
	for (size_t i = 0; i < n; i++)
		all[i].address = mail->recipients[i];
	if (!queue_resolve(x->db, x->a, all, n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		here += all[i].inbox != 0;
	bool cheap = here <= DIRECT_RECIPIENTS && here * mail->delivered.n <= DIRECT_BYTES;
	for (size_t i = 0; i < n; i++) {
		if (cheap && all[i].inbox)
			x->direct[x->ndirect++] = all[i];
		else
			x->queued[x->nqueued++] = all[i];
	}
	return true;
}

static bool find_folders(struct submitter *x, struct err *e)
{
	struct folder *folders;
	size_t n;
	if (!x->s->save && !x->s->as_user)
		return true;
	if (!x->store->ops->folders(x->store, x->a, x->s->account, &folders, &n, e))
		return false;
	for (size_t i = 0; i < n; i++)
		if (folders[i].role == ROLE_SENT && x->s->save)
			x->sent = folders[i].id;
		else if (folders[i].role == ROLE_INBOX && x->s->as_user)
			x->inbox = folders[i].id;
	return true;
}

static bool lock(struct submitter *x, struct err *e)
{
	size_t n = 0;
	struct folder_place *v = arena_array(x->a, x->ndirect + 2, sizeof *v);
	for (size_t i = 0; i < x->ndirect; i++)
		v[n++] = (struct folder_place){x->direct[i].account, x->direct[i].inbox};
	v[n++] = (struct folder_place){x->s->account, x->sent};
	v[n++] = (struct folder_place){x->s->account, x->s->source_folder};
	return queue_lock_folders(x->db, x->a, v, n, e);
}

/* One mailbox may have several of the addresses: it gets the message once. */
static bool delivered_before(const struct submitter *x, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (x->direct[k].account == x->direct[i].account)
			return true;
	return false;
}

static bool put(struct submitter *x, int32_t account, int32_t folder, struct str raw,
		unsigned flags, struct err *e)
{
	struct arena_mark mark = arena_mark(x->a);
	bool ok = delivery_put(x->store, x->a, account, folder, raw, x->s->now, flags, e);
	arena_release(x->a, mark);
	return ok;
}

static bool receive(struct submitter *x, const struct recipient *to, struct err *e)
{
	struct arena_mark mark = arena_mark(x->a);
	const struct arrival arrival = {.account = to->account,
					.inbox = to->inbox,
					.sender = x->s->mail->from,
					.raw = x->s->mail->delivered,
					.now = x->s->now};
	bool ok = receive_message(x->db, x->store, x->a, &arrival, e);
	arena_release(x->a, mark);
	return ok;
}

/* Who was refused for good is not left to the queue, which would ask the same server again. */
static bool tell_refused(struct submitter *x, const struct smtp_result *results, struct err *e)
{
	size_t n = 0;
	struct bounce_failure *failures = arena_array(x->a, x->nqueued, sizeof *failures);
	for (size_t i = 0; i < x->nqueued; i++)
		if (results[i].verdict == SMTP_NEVER)
			failures[n++] = (struct bounce_failure){x->queued[i].address,
								str_of(results[i].reason)};
	const struct undelivered u = {.account = x->s->account,
				      .inbox = x->inbox,
				      .sender = x->s->mail->from,
				      .raw = x->s->mail->delivered,
				      .failures = failures,
				      .n = n,
				      .now = x->s->now};
	return undelivered_tell(x->db, x->store, x->a, &u, e);
}

/* Whoever is not reached now stays for the queue. */
static bool send_as_user(struct submitter *x, struct err *e)
{
	const struct composed *mail = x->s->mail;
	size_t n = x->nqueued, left = 0;
	const char **to = arena_array(x->a, n, sizeof *to);
	struct smtp_result *results = arena_array(x->a, n, sizeof *results);
	struct message scanned;
	for (size_t i = 0; i < n; i++)
		to[i] = str_dup(x->a, x->queued[i].address);
	if (!message_scan(x->a, mail->delivered, &scanned, e))
		return false;
	enum found found =
		store_imap_submit(x->s->as_user, x->s->account, scanned.message_id,
				  str_dup(x->a, mail->from), mail->delivered, to, n, results, e);
	if (found != FOUND_ONE)
		return found == FOUND_NONE;
	for (size_t i = 0; i < n; i++)
		if (results[i].verdict == SMTP_LATER)
			x->queued[left++] = x->queued[i];
	bool ok = tell_refused(x, results, e);
	x->nqueued = left;
	return ok;
}

static bool deliver(struct submitter *x, struct err *e)
{
	const struct composed *mail = x->s->mail;
	bool ok = true;
	for (size_t i = 0; ok && i < x->ndirect; i++)
		ok = delivered_before(x, i) || receive(x, &x->direct[i], e);
	if (ok && x->nqueued && x->s->as_user)
		ok = send_as_user(x, e);
	if (ok && x->nqueued)
		ok = queue_put(x->db, x->a, x->s->account, mail->from, mail->delivered, x->queued,
			       x->nqueued, e);
	if (ok && x->sent)
		ok = put(x, x->s->account, x->sent, mail->sent, ITEM_SEEN, e);
	return ok;
}

/* A source that went meanwhile needs no mark. */
static bool mark(struct submitter *x, struct err *e)
{
	const struct submission *s = x->s;
	struct items items;
	int64_t before, after;
	if (!s->source_folder || s->verb == VERB_NONE)
		return true;
	if (!x->store->ops->lookup(x->store, x->a, s->account, s->source_folder, &s->source_uid, 1,
				   &items, e))
		return false;
	if (items.v[0].gone)
		return true;
	struct str marks = email_marks_verb(x->a, items.v[0].marks, (int)s->verb, s->now);
	return x->store->ops->set_flags(x->store, s->account, s->source_folder, s->source_uid,
					s->verb == VERB_FORWARD ? ITEM_FORWARDED : ITEM_ANSWERED, 0,
					&marks, &before, &after, e) != FOUND_FAILED;
}

/* The name that a To or Cc field of the message has for an address. */
static struct str name_of(struct submitter *x, struct str address)
{
	enum { MAILBOXES = 200 };
	size_t body;
	struct str head = mime_head(x->s->mail->delivered, &body), field, value;
	struct mailbox *v = arena_array(x->a, MAILBOXES, sizeof *v);
	while (mime_field(&head, &field, &value)) {
		if (!str_eq_nocase(field, STR("To")) && !str_eq_nocase(field, STR("Cc")))
			continue;
		unsigned n = mime_mailboxes(x->a, value, v, MAILBOXES);
		for (unsigned i = 0; i < n && i < MAILBOXES; i++)
			if (str_eq_nocase(v[i].address, address))
				return v[i].name;
	}
	return (struct str){"", 0};
}

/* Suggestions for the next time. */
static bool remember(struct submitter *x, struct err *e)
{
	enum { REMEMBERED = 50 };
	const struct composed *mail = x->s->mail;
	size_t n = mail->nrecipients < REMEMBERED ? mail->nrecipients : REMEMBERED;
	struct people_used *v = arena_array(x->a, n, sizeof *v);
	for (size_t i = 0; i < n; i++)
		v[i] = (struct people_used){mail->recipients[i], name_of(x, mail->recipients[i])};
	return people_note_used(x->db, x->a, x->s->account, v, n, e);
}

bool submit_message(struct pg *db, struct store *store, struct arena *a, const struct submission *s,
		    struct err *e)
{
	struct submitter x = {.db = db, .store = store, .a = a, .s = s};
	return divide(&x, e) && find_folders(&x, e) && lock(&x, e) && deliver(&x, e) &&
	       mark(&x, e) && remember(&x, e);
}
