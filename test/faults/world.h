/*
 * world: what everybody else does to the mailbox, and what of it the phone should see.
 */
#ifndef EASEL_TEST_FAULTS_WORLD_H
#define EASEL_TEST_FAULTS_WORLD_H

#include "core/base/clock.h"
#include "core/ledger.h"
#include "core/sync_options.h"
#include "store/message.h"
#include "test/faults/kinds.h"
#include "test/faults/server.h"

enum { WORLD_CAP = 16 * 1024 * 1024, CROWDED = 600 };

static void world_failed(const struct err *e)
{
	model_wrong("the store failed without having been told to: %s", e->text);
}

/* Flags of what is kept as text stand in the text. */
static void world_read_texts(struct arena *a, int folder, struct items *items)
{
	struct err e = {0};
	struct slice *v = arena_array(a, items->n, sizeof *v);
	for (size_t i = 0; i < items->n; i++)
		v[i] = (struct slice){.uid = items->v[i].uid, .length = INT64_MAX};
	if (!m->real->slices(m->others, a, m->others_account, m->others_folder[folder], v, items->n,
			     &e))
		world_failed(&e);
	for (size_t i = 0; i < items->n; i++) {
		items->v[i].flags = kind_flags(v[i].bytes);
		items->v[i].marks = v[i].bytes;
	}
}

/* Living items of the folder, newest first; of what is no mail, `marks` is the text. */
static struct items world_items(struct arena *a, int folder, int64_t cutoff)
{
	struct err e = {0};
	struct items items = {0};
	server_look(true);
	if (!m->real->newest(m->others, a, m->others_account, m->others_folder[folder], INT64_MAX,
			     cutoff, ITEMS_MAX, &items, &e))
		world_failed(&e);
	if (!kind_is_mail())
		world_read_texts(a, folder, &items);
	return items;
}

static struct folder world_folder(struct arena *a, int folder)
{
	struct err e = {0};
	struct folder f = {0};
	if (m->real->folder(m->others, a, m->others_account, m->others_folder[folder], &f, &e) !=
	    FOUND_ONE)
		world_failed(&e);
	return f;
}

/* When an item that is no mail ends, as its row says; what its text says is of no concern here. */
static int64_t world_end(void)
{
	return !kind_is_filtered() || percent(40) ? INT64_MAX : m->now - chance(250) * DAY_MS;
}

static void world_append(struct arena *a, int folder)
{
	static const char raw[] = "From: a@example.test\r\nSubject: hello\r\n%s\r\nHello there\r\n";
	struct message message;
	struct err e = {0};
	int64_t uid = 0, modseq = 0;
	/* On an IMAP server it has a name of its own. */
	const char *id = m->pool ? arena_printf(a, "Message-ID: <%016llx@faults.test>\r\n",
						(unsigned long long)chance_next())
				 : "";
	struct new_item item = {.raw = str_of(arena_printf(a, raw, id)), .message = &message};
	m->added++;
	item.flags = percent(30) ? ITEM_SEEN : 0;
	/* Some dates are shared, some lie on the edge of a day. */
	item.date = m->now - chance(40) * DAY_MS;
	if (percent(50))
		item.date -= item.date % DAY_MS;
	/* An IMAP server counts seconds, and takes nothing from the future. */
	if (m->pool && item.date > clock_now())
		item.date = clock_now() - chance(40) * DAY_MS;
	if (m->pool)
		item.date -= item.date % 1000;
	if (!kind_is_mail()) {
		item.raw = str_of(arena_printf(a, kind_now()->text, (int)chance(1000000), chance(2),
					       chance(2)));
		item.message = NULL;
		item.summary = kind_summary(a, item.raw);
		item.date = world_end();
		item.flags = 0;
	}
	if (!message_scan(a, item.raw, &message, &e) ||
	    !m->real->append(m->others, m->others_account, m->others_folder[folder], &item, &uid,
			     &modseq, &e))
		world_failed(&e);
	model_trace("others add %d:%lld modseq %lld date -%lld d", folder, (long long)uid,
		    (long long)modseq, (long long)((m->now - item.date) / DAY_MS));
}

/* One of the two is changed in a text. */
static void world_edit_text(int folder, int64_t uid, unsigned flag, bool set)
{
	struct err e = {0};
	struct arena *a = arena_new(WORLD_CAP);
	struct slice slice = {.uid = uid, .length = INT64_MAX};
	int64_t now, before, after;
	if (!m->real->slices(m->others, a, m->others_account, m->others_folder[folder], &slice, 1,
			     &e))
		world_failed(&e);
	if (slice.bytes.p) {
		unsigned flags = kind_flags(slice.bytes);
		flags = set ? flags | flag : flags & ~flag;
		struct new_item item = {.raw = kind_set(a, slice.bytes, flags),
					.summary = kind_summary(a, slice.bytes),
					.date = world_end()};
		if (m->real->replace(m->others, m->others_account, m->others_folder[folder], uid, 0,
				     &item, &now, &before, &after, &e) == FOUND_FAILED)
			world_failed(&e);
		model_touch(folder, uid);
		model_trace("others edit %d:%lld %s%u", folder, (long long)uid, set ? "+" : "-",
			    flag);
	}
	arena_free(&a);
}

static void world_set(int folder, int64_t uid, unsigned flag, bool set)
{
	struct err e = {0};
	int64_t before, after;
	if (!kind_is_mail()) {
		world_edit_text(folder, uid, flag, set);
		return;
	}
	if (m->real->set_flags(m->others, m->others_account, m->others_folder[folder], uid,
			       set ? flag : 0, set ? 0 : flag, NULL, &before, &after,
			       &e) == FOUND_FAILED)
		world_failed(&e);
	model_touch(folder, uid);
	model_trace("others flag %d:%lld %s%u modseq %lld to %lld", folder, (long long)uid,
		    set ? "+" : "-", flag, (long long)before, (long long)after);
}

static void world_flag(int folder, int64_t uid)
{
	unsigned flag = percent(50) ? ITEM_SEEN : ITEM_FLAGGED;
	world_set(folder, uid, flag, percent(50));
}

static void world_remove(int folder, int64_t uid)
{
	struct err e = {0};
	int64_t modseq;
	if (m->real->remove(m->others, m->others_account, m->others_folder[folder], uid, &modseq,
			    &e) == FOUND_FAILED)
		world_failed(&e);
	m->removed++;
	model_trace("others remove %d:%lld modseq %lld", folder, (long long)uid, (long long)modseq);
}

static void world_move(int folder, int64_t uid)
{
	struct err e = {0};
	int64_t gone, to_uid, to_modseq;
	if (m->real->move(m->others, m->others_account, m->others_folder[folder], uid,
			  m->others_folder[!folder], &gone, &to_uid, &to_modseq,
			  &e) == FOUND_FAILED)
		world_failed(&e);
	model_trace("others move %d:%lld modseq %lld to %lld", folder, (long long)uid,
		    (long long)gone, (long long)to_uid);
}

static void world_edit(struct arena *a, int folder, const struct items *items, unsigned which)
{
	unsigned what = chance(100);
	if (items->n == 0 || (what < 40 && items->n < CROWDED))
		world_append(a, folder);
	else if (what < 75)
		world_flag(folder, items->v[which % items->n].uid);
	else if (what < 90)
		world_remove(folder, items->v[which % items->n].uid);
	else
		world_move(folder, items->v[which % items->n].uid);
}

/* One edit by somebody else. */
static void world_act(void)
{
	struct arena *a = arena_new(WORLD_CAP);
	int folder = (int)chance(FOLDERS);
	struct items items = world_items(a, folder, LEDGER_NO_CUTOFF);
	world_edit(a, folder, &items, chance(ITEMS_MAX));
	arena_free(&a);
}

/* The same in the middle of a request, often to what that has just looked up. */
static void world_race(void)
{
	unsigned race = m->race;
	m->race = 0;
	if (m->looked_up && percent(50))
		world_flag(m->looked_up_in, m->looked_up);
	else
		world_act();
	m->race = race;
}

/* A burst: many items at once, in the fake store with one modseq, which no item gets twice. */
static void world_burst(void)
{
	struct arena *a = arena_new(WORLD_CAP);
	int folder = (int)chance(FOLDERS);
	struct items items = world_items(a, folder, LEDGER_NO_CUTOFF);
	unsigned n = 1 + chance(percent(20) ? 80 : 12), first = chance(ITEMS_MAX);
	bool append = items.n < n;
	if (append && items.n > CROWDED)
		n = 0;
	if (!m->db)
		fake_share_modseq(m->others, m->others_account, m->others_folder[folder], n);
	for (unsigned i = 0; i < n; i++) {
		int64_t uid = append ? 0 : items.v[(first + i) % items.n].uid;
		if (append)
			world_append(a, folder);
		else if (percent(80))
			world_flag(folder, uid);
		else
			world_remove(folder, uid);
	}
	if (!m->db)
		fake_share_modseq(m->others, m->others_account, m->others_folder[folder], 0);
	arena_free(&a);
}

static PG_STATEMENT(world_epoch, "UPDATE easel.folder SET epoch = epoch + 1, modseq = modseq + 1"
				 " WHERE account_id = $1 AND id = $2");

/* In the database the items keep their uids. */
static void world_change_epoch(int folder)
{
	struct err e = {0};
	struct pg_params p = {0};
	if (!m->db) {
		fake_change_epoch(m->others, m->others_account, m->others_folder[folder]);
		return;
	}
	pg_int(&p, m->account);
	pg_int(&p, m->folder[folder]);
	if (!pg_do(m->others_db, &world_epoch, &p, &e))
		world_failed(&e);
}

/* What happens seldom: a folder gets a new uidvalidity or other rights, a day goes by. */
static void world_upset(void)
{
	int folder = (int)chance(FOLDERS);
	if (percent(20)) {
		m->read_only[folder] = !m->read_only[folder];
		m->may_refuse[folder] = true;
		model_trace("folder %d %s be changed", folder,
			    m->read_only[folder] ? "may not" : "may");
		return;
	}
	if (percent(70) || m->pool) {
		m->now += DAY_MS;
		model_trace("a day goes by");
		return;
	}
	world_change_epoch(folder);
	m->may_restart[folder] = true;
	model_trace("folder %d has a new epoch", folder);
}

/* Whether an item that is there can show that the folder's modseqs fell. */
static bool world_has_canary(const struct items *items, const struct sync_state *base)
{
	for (size_t i = 0; i < items->n; i++)
		if (items->v[i].uid == base->canary_uid)
			return base->canary_modseq > 2;
	return false;
}

/*
 * A folder's index is made anew, and its modseqs count from the start; perhaps they rise above what
 * the phone knows before it comes again. Only while the phone is at rest: what happens to the
 * canary itself before it was looked at can't be seen.
 */
static void world_lose_modseqs(void)
{
	struct arena *a = arena_new(WORLD_CAP);
	int folder = (int)chance(FOLDERS);
	const struct sync_state *base = &m->rows->ledger[folder].base;
	struct items items = world_items(a, folder, LEDGER_NO_CUTOFF);
	fake_lose_modseqs(m->others, m->others_account, m->others_folder[folder]);
	memset(m->touched[folder], 1, TOUCHED_MAX);
	model_trace("folder %d has lost its modseqs", folder);
	for (unsigned n = world_has_canary(&items, base) ? chance(20) : 0; n; n--) {
		int64_t uid = items.v[chance((unsigned)items.n)].uid;
		if (uid != base->canary_uid && percent(50))
			world_flag(folder, uid);
		else
			world_append(a, folder);
	}
	if (world_folder(a, folder).modseq == base->done.modseq)
		world_append(a, folder);
	arena_free(&a);
}

#endif
