/* smartsync: finding the item that a device can't take. See smartsync.h for the contract. */
#include "core/smartsync.h"

#include "core/base/clock.h"

enum { CONDEMNED_AT = 3, HALVED_AT = 2 };

/* The device's key is still the one before an answer that is outstanding. */
static bool is_repeat(const struct sync_collection *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].status == STATUS_OK && !v[i].restarted && v[i].ledger->nanswers > 0)
			return true;
	return false;
}

/* The set that was sent is halved; a single item gets its three chances afresh. */
static void halve(struct sync_trouble *t)
{
	if (t->window == 0)
		t->suspects = t->sent;
	t->window = (t->sent + 1) / 2;
	t->repeats = t->window == 1 ? 0 : HALVED_AT - 1;
}

static void note_repeat(struct smartsync *s)
{
	struct sync_trouble *t = &s->t;
	s->dirty = true;
	t->found = true;
	if (t->overlapping)
		return;
	if (t->lost) {
		t->lost = false;
		return;
	}
	t->repeats++;
	if (t->sent > 1 && t->repeats >= HALVED_AT) {
		halve(t);
	} else if (t->sent == 1 && t->single.folder && t->repeats >= CONDEMNED_AT) {
		s->condemned = true;
		t->window = 0;
	}
}

/* What was taken is innocent; the search goes on among the rest. */
static void note_acknowledged(struct sync_trouble *t)
{
	t->suspects -= t->sent;
	t->repeats = 0;
	t->lost = false;
	t->window = t->window && t->suspects > 0 ? (t->suspects + 1) / 2 : 0;
	if (t->window == 0)
		t->found = false;
}

bool smartsync_begin(struct call *c, const struct sync_collection *v, size_t n,
		     struct smartsync *out)
{
	*out = (struct smartsync){0};
	if (!sync_trouble_read(c->session->db, c->arena, c->gate.device,
			       clock_monotonic() - c->request->started, &out->t, &c->err))
		return false;
	if (is_repeat(v, n)) {
		note_repeat(out);
	} else if (out->t.found) {
		out->dirty = true;
		note_acknowledged(&out->t);
	}
	return true;
}

size_t smartsync_window(const struct smartsync *s, size_t window)
{
	size_t most = (size_t)s->t.window;
	return most && most < window ? most : window;
}

static bool is_sent(const struct change *change)
{
	return change->kind == CHANGE_ADD || change->kind == CHANGE_CHANGE;
}

static const struct omitted *find(const struct smartsync *s, int32_t folder, int64_t uid)
{
	if (s->condemned && s->t.single.folder == folder && s->t.single.uid == uid)
		return &s->t.single;
	for (size_t i = 0; i < s->t.n; i++)
		if (s->t.v[i].folder == folder && s->t.v[i].uid == uid)
			return &s->t.v[i];
	return NULL;
}

void smartsync_leave_out(const struct smartsync *s, struct sync_collection *col)
{
	for (size_t i = 0; i < col->changes.n; i++) {
		struct change *change = &col->changes.v[i];
		const struct omitted *o = find(s, col->ledger->folder_id, change->item.uid);
		if (is_sent(change) && o && o->modseq == change->item.modseq)
			change->failed = true;
	}
}

/* What of one collection is left out now, and what is sent after all. */
static bool note_items(struct call *c, const struct smartsync *s, const struct sync_collection *col)
{
	struct pg *db = c->session->db;
	for (size_t i = 0; i < col->kept; i++) {
		const struct change *change = &col->changes.v[i];
		const struct omitted *known = find(s, col->ledger->folder_id, change->item.uid);
		const struct omitted item = {col->ledger->folder_id, change->item.uid,
					     change->item.modseq};
		if (is_sent(change) && change->failed && !(known && known->modseq == item.modseq)) {
			if (!sync_trouble_omit(db, c->gate.account, c->gate.device, &item, false,
					       &c->err))
				return false;
		} else if (known && !change->failed) {
			if (!sync_trouble_forget(db, c->gate.device, &item, &c->err))
				return false;
		}
	}
	return true;
}

/* How many changes were sent; of a single item, which. */
static void count(struct sync_trouble *t, const struct sync_collection *v, size_t n)
{
	t->sent = 0;
	t->single = (struct omitted){0, 0, 0};
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < v[i].kept; k++) {
			const struct change *change = &v[i].changes.v[k];
			if (change->failed)
				continue;
			t->sent++;
			if (is_sent(change))
				t->single = (struct omitted){v[i].ledger->folder_id,
							     change->item.uid, change->item.modseq};
		}
	if (t->sent != 1)
		t->single.folder = 0;
}

bool smartsync_save(struct call *c, struct smartsync *s, const struct sync_collection *v, size_t n)
{
	struct pg *db = c->session->db;
	for (size_t i = 0; i < n; i++)
		if (v[i].status == STATUS_OK && !note_items(c, s, &v[i]))
			return false;
	if (s->condemned) {
		if (!sync_trouble_omit(db, c->gate.account, c->gate.device, &s->t.single, true,
				       &c->err))
			return false;
		s->t.found = false; /* the search is over; another one begins anew */
	}
	if (!s->dirty)
		return true;
	count(&s->t, v, n);
	return sync_trouble_write(db, c->gate.device, &s->t, &c->err);
}
