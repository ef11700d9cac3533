/*
 * One contract, every store: each test of the table runs against `fake`, and against `pg` when
 * EASEL_TEST_DATABASE names a migrated database.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/buf.h"
#include "core/base/clock.h"
#include "store/fake.h"
#include "store/message.h"
#include "store/pg.h"
#include "store/store.h"

/* Two folders of one account, and one of another account that must never be reached. */
struct given {
	struct store *s;
	struct arena *a;
	struct pg *db; /* NULL for fake */
	int32_t account, stranger;
	int32_t inbox, archive, tasks, strangers;
	struct err e;
};

static const int64_t DAY = 86400000;
static const int64_t NOON = INT64_C(1767960000000);

/* ---------------------------------------------------------------------------------------------
 * Given */

static PG_STATEMENT(test_domain, "SELECT easel.domain_create($1::text)");
static PG_STATEMENT(test_account, "SELECT easel.account_create($1::text)");
static PG_STATEMENT(test_folder, "SELECT easel.folder_create($1::integer, NULL, $2::text)");
static PG_STATEMENT(test_inbox,
		    "SELECT id FROM easel.folder WHERE account_id = $1 AND role = 'inbox'");
static PG_STATEMENT(test_tasks,
		    "SELECT id FROM easel.folder WHERE account_id = $1 AND role = 'tasks'");
static PG_STATEMENT(test_forget, "DELETE FROM easel.account WHERE id IN ($1, $2)");
static PG_STATEMENT(test_forget_domain, "DELETE FROM easel.domain WHERE name = $1");

static char domain[64];

static int64_t sql_int(struct pg *db, const struct pg_statement *st, const struct pg_params *p)
{
	struct err e;
	struct pg_rows *r = pg_run(db, st, p, &e);
	if (!r)
		fail_msg("%s", e.text);
	int64_t v = pg_count(r) ? pg_get_int(r, 0, 0) : 0;
	pg_done(&r);
	return v;
}

static int32_t sql_with_int(struct pg *db, const struct pg_statement *st, int32_t n,
			    const char *text)
{
	struct pg_params p = {0};
	if (n)
		pg_int(&p, n);
	if (text)
		pg_cstr(&p, text);
	return (int32_t)sql_int(db, st, &p);
}

static int32_t given_account(struct pg *db, const char *name)
{
	char address[100];
	snprintf(address, sizeof address, "%s@%s", name, domain);
	return sql_with_int(db, &test_account, 0, address);
}

static void pg_given(struct given *g)
{
	g->db = pg_new(getenv("EASEL_TEST_DATABASE"), "test");
	g->s = store_pg_new(g->db);
	snprintf(domain, sizeof domain, "store%lld.test", (long long)clock_monotonic());
	sql_with_int(g->db, &test_domain, 0, domain);
	g->account = given_account(g->db, "anna");
	g->stranger = given_account(g->db, "eve");
	g->inbox = sql_with_int(g->db, &test_inbox, g->account, NULL);
	g->strangers = sql_with_int(g->db, &test_inbox, g->stranger, NULL);
	g->archive = sql_with_int(g->db, &test_folder, g->account, "Archive");
	g->tasks = sql_with_int(g->db, &test_tasks, g->account, NULL);
}

static void pg_ungiven(struct given *g)
{
	pg_rollback(g->db);
	struct pg_params p = {0};
	pg_int(&p, g->account);
	pg_int(&p, g->stranger);
	sql_int(g->db, &test_forget, &p);
	sql_with_int(g->db, &test_forget_domain, 0, domain);
	store_pg_free(&g->s);
	pg_free(&g->db);
}

static void fake_given(struct given *g)
{
	g->s = store_fake_new();
	g->account = 1;
	g->stranger = 2;
	g->inbox = fake_add_folder(g->s, 1, "Inbox", CLASS_EMAIL, ROLE_INBOX);
	g->archive = fake_add_folder(g->s, 1, "Archive", CLASS_EMAIL, ROLE_NONE);
	g->tasks = fake_add_folder(g->s, 1, "Tasks", CLASS_TASKS, ROLE_TASKS);
	g->strangers = fake_add_folder(g->s, 2, "Inbox", CLASS_EMAIL, ROLE_INBOX);
}

static void fake_ungiven(struct given *g)
{
	store_fake_free(&g->s);
}

/* ---------------------------------------------------------------------------------------------
 * When: each call must succeed unless the test says otherwise */

#define OK(g, call)                                                                                \
	do {                                                                                       \
		if (!(call))                                                                       \
			fail_msg("%s: %s", #call, (g)->e.text);                                    \
	} while (0)

struct added {
	int64_t uid, modseq;
};

static bool try_add(struct given *g, int32_t account, int32_t folder, const char *raw, int64_t date,
		    struct added *out)
{
	struct message m;
	struct str bytes = str_of(raw);
	OK(g, message_scan(g->a, bytes, &m, &g->e));
	struct new_item item = {.raw = bytes, .message = &m, .date = date, .flags = 0};
	return g->s->ops->append(g->s, account, folder, &item, &out->uid, &out->modseq, &g->e);
}

static struct added add_at(struct given *g, int32_t folder, int64_t date)
{
	struct added out;
	OK(g, try_add(g, g->account, folder, "Subject: hello\r\n\r\nHello there\r\n", date, &out));
	return out;
}

static struct added add(struct given *g, int32_t folder)
{
	return add_at(g, folder, NOON);
}

static struct items changes(struct given *g, int32_t folder, int64_t modseq, int64_t uid,
			    size_t limit)
{
	struct items out;
	struct position since = {modseq, uid};
	OK(g, g->s->ops->changes(g->s, g->a, g->account, folder, since, limit, &out, &g->e));
	return out;
}

static struct items newest(struct given *g, int64_t below, int64_t cutoff, size_t limit)
{
	struct items out;
	OK(g,
	   g->s->ops->newest(g->s, g->a, g->account, g->inbox, below, cutoff, limit, &out, &g->e));
	return out;
}

static struct items dated(struct given *g, int64_t from, int64_t until, size_t limit)
{
	struct items out;
	OK(g, g->s->ops->dated(g->s, g->a, g->account, g->inbox, from, until, limit, &out, &g->e));
	return out;
}

static size_t count(struct given *g, int32_t folder, int64_t below, int64_t cutoff, size_t limit)
{
	size_t n;
	OK(g, g->s->ops->count(g->s, g->account, folder, below, cutoff, limit, &n, &g->e));
	return n;
}

static struct items lookup(struct given *g, int32_t account, const int64_t *uids, size_t n)
{
	struct items out;
	OK(g, g->s->ops->lookup(g->s, g->a, account, g->inbox, uids, n, &out, &g->e));
	assert_int_equal(out.n, n);
	return out;
}

static struct item look(struct given *g, int64_t uid)
{
	return lookup(g, g->account, &uid, 1).v[0];
}

static int64_t folder_modseq(struct given *g, int32_t id)
{
	struct folder f;
	assert_int_equal(g->s->ops->folder(g->s, g->a, g->account, id, &f, &g->e), FOUND_ONE);
	return f.modseq;
}

/* Flags an item of the inbox; gives its modseq before and after. */
static enum found flag(struct given *g, int64_t uid, unsigned set, unsigned clear,
		       const struct str *marks, int64_t *was, int64_t *is)
{
	return g->s->ops->set_flags(g->s, g->account, g->inbox, uid, set, clear, marks, was, is,
				    &g->e);
}

static int64_t remove_one(struct given *g, int32_t folder, int64_t uid)
{
	int64_t modseq = 0;
	assert_int_equal(g->s->ops->remove(g->s, g->account, folder, uid, &modseq, &g->e),
			 FOUND_ONE);
	return modseq;
}

struct moved {
	int64_t gone, uid, modseq;
};

static enum found move(struct given *g, int32_t from, int64_t uid, int32_t to, struct moved *m)
{
	return g->s->ops->move(g->s, g->account, from, uid, to, &m->gone, &m->uid, &m->modseq,
			       &g->e);
}

static void assert_uids(struct items got, size_t n, const int64_t *want)
{
	assert_int_equal(got.n, n);
	for (size_t i = 0; i < n; i++)
		assert_int_equal(got.v[i].uid, want[i]);
}

#define UIDS(...)                                                                                  \
	sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[])                            \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

/* ---------------------------------------------------------------------------------------------
 * The contract */

static void folders_parents_first(struct given *g)
{
	struct folder *v;
	size_t n;
	OK(g, g->s->ops->folders(g->s, g->a, g->account, &v, &n, &g->e));
	assert_true(n >= 2);
	bool inbox = false;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && v[i].parent == 0)
			assert_true(v[i - 1].id < v[i].id);
		inbox = inbox || (v[i].id == g->inbox && v[i].role == ROLE_INBOX &&
				  v[i].class == CLASS_EMAIL && str_eq(v[i].name, STR("Inbox")));
	}
	assert_true(inbox);
}

static void folder_missing(struct given *g)
{
	struct folder f;
	assert_int_equal(g->s->ops->folder(g->s, g->a, g->account, 999, &f, &g->e), FOUND_NONE);
	assert_int_equal(g->s->ops->folder(g->s, g->a, 0, g->inbox, &f, &g->e), FOUND_NONE);
}

static int32_t make(struct given *g, int32_t parent, const char *name)
{
	int32_t id = 0;
	OK(g, g->s->ops->create_folder(g->s, g->account, parent, str_of(name), CLASS_EMAIL, &id,
				       &g->e));
	assert_true(id > 0);
	return id;
}

static enum found update(struct given *g, int32_t id, int32_t parent, const char *name)
{
	return g->s->ops->update_folder(g->s, g->account, id, parent, str_of(name), &g->e);
}

static enum found delete (struct given *g, int32_t id) {
	return g->s->ops->delete_folder(g->s, g->account, id, &g->e);
}

static struct folder folder_of(struct given *g, int32_t id)
{
	struct folder f;
	assert_int_equal(g->s->ops->folder(g->s, g->a, g->account, id, &f, &g->e), FOUND_ONE);
	return f;
}

static bool is_there(struct given *g, int32_t id)
{
	struct folder f;
	enum found found = g->s->ops->folder(g->s, g->a, g->account, id, &f, &g->e);
	assert_int_not_equal(found, FOUND_FAILED);
	return found == FOUND_ONE;
}

/* Place of the folder in the list of all. */
static size_t place_of(struct given *g, int32_t id)
{
	struct folder *v;
	size_t n, at = 0;
	OK(g, g->s->ops->folders(g->s, g->a, g->account, &v, &n, &g->e));
	while (at < n && v[at].id != id)
		at++;
	assert_true(at < n);
	return at;
}

static void create_folder_makes_one(struct given *g)
{
	int32_t outer = make(g, 0, "Outer"), inner = make(g, outer, "a/b \u00e4"),
		top = make(g, 0, "Top");
	struct folder f = folder_of(g, inner);
	assert_int_equal(f.parent, outer);
	assert_true(str_eq(f.name, STR("a/b \u00e4")));
	assert_int_equal(f.class, CLASS_EMAIL);
	assert_int_equal(f.role, ROLE_NONE);
	assert_int_equal(folder_of(g, outer).parent, 0);
	assert_true(place_of(g, outer) < place_of(g, top));
	assert_true(place_of(g, top) < place_of(g, inner));
	add(g, inner);
	assert_int_equal(delete (g, top), FOUND_ONE);
	assert_true(make(g, 0, "Top") > top);
}

static void create_folder_that_cannot_be(struct given *g)
{
	char long_name[300];
	memset(long_name, 'x', sizeof long_name);
	long_name[257] = '\0';
	const struct {
		int32_t account, parent;
		const char *name;
		enum err_kind want;
	} cases[] = {
		{g->account, 0, "ARCHIVE", ERR_EXISTS},
		{g->account, 999, "x", ERR_NOT_FOUND},
		{g->account, 0, "", ERR_INVALID},
		{g->account, 0, long_name, ERR_INVALID},
		{g->stranger, g->archive, "x", ERR_NOT_FOUND},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int32_t id;
		assert_false(g->s->ops->create_folder(g->s, cases[i].account, cases[i].parent,
						      str_of(cases[i].name), CLASS_EMAIL, &id,
						      &g->e));
		assert_int_equal(g->e.kind, cases[i].want);
	}
	long_name[256] = '\0';
	make(g, 0, long_name);
}

static void update_folder_renames_and_moves(struct given *g)
{
	int32_t a = make(g, 0, "A"), b = make(g, 0, "B");
	struct added it = add(g, b);
	assert_int_equal(update(g, b, a, "Bee"), FOUND_ONE);
	assert_int_equal(folder_of(g, b).parent, a);
	assert_true(str_eq(folder_of(g, b).name, STR("Bee")));
	assert_int_equal(update(g, b, a, "BEE"), FOUND_ONE);
	assert_int_equal(update(g, b, 0, "BEE"), FOUND_ONE);
	assert_int_equal(folder_of(g, b).parent, 0);
	assert_int_equal(folder_modseq(g, b), it.modseq);
}

static void update_folder_that_cannot_be(struct given *g)
{
	int32_t a = make(g, 0, "A"), b = make(g, a, "B"), c = make(g, b, "C");
	const struct {
		int32_t id, parent;
		const char *name;
		enum err_kind want;
	} cases[] = {
		{a, a, "A", ERR_INVALID},
		{a, b, "A", ERR_INVALID},
		{a, c, "A", ERR_INVALID},
		{b, 999, "B", ERR_NOT_FOUND},
		{a, 0, "archive", ERR_EXISTS},
		{b, 0, "a", ERR_EXISTS},
		{a, 0, "", ERR_INVALID},
		{g->inbox, 0, "In", ERR_FORBIDDEN},
		{g->inbox, a, "Inbox", ERR_FORBIDDEN},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(update(g, cases[i].id, cases[i].parent, cases[i].name),
				 FOUND_FAILED);
		assert_int_equal(g->e.kind, cases[i].want);
	}
	assert_int_equal(update(g, 999, 0, "x"), FOUND_NONE);
	assert_int_equal(g->s->ops->update_folder(g->s, g->stranger, a, 0, STR("x"), &g->e),
			 FOUND_NONE);
	assert_int_equal(folder_of(g, a).parent, 0);
	assert_true(str_eq(folder_of(g, a).name, STR("A")));
}

static void delete_folder_with_all_below(struct given *g)
{
	int32_t a = make(g, 0, "A"), b = make(g, a, "B"), c = make(g, b, "C"), d = make(g, 0, "D");
	struct added kept = add(g, d);
	add(g, a);
	add(g, c);
	assert_int_equal(delete (g, a), FOUND_ONE);
	assert_false(is_there(g, a) || is_there(g, b) || is_there(g, c));
	assert_uids(changes(g, c, 0, 0, 9), 0, NULL);
	assert_uids(changes(g, d, 0, 0, 9), UIDS(kept.uid));
	assert_int_equal(delete (g, a), FOUND_NONE);
	struct added out;
	assert_false(try_add(g, g->account, a, "\r\n", NOON, &out));
	assert_true(make(g, 0, "A") > d);
}

static void delete_folder_that_cannot_be(struct given *g)
{
	assert_int_equal(delete (g, g->inbox), FOUND_FAILED);
	assert_int_equal(g->e.kind, ERR_FORBIDDEN);
	assert_int_equal(delete (g, 999), FOUND_NONE);
	assert_int_equal(g->s->ops->delete_folder(g->s, g->stranger, g->archive, &g->e),
			 FOUND_NONE);
	assert_true(is_there(g, g->inbox) && is_there(g, g->archive));
}

static void append_ascends(struct given *g)
{
	int64_t before = folder_modseq(g, g->inbox);
	struct added one = add(g, g->inbox), two = add(g, g->inbox);
	assert_true(one.modseq > before);
	assert_true(two.uid > one.uid);
	assert_true(two.modseq > one.modseq);
	assert_int_equal(folder_modseq(g, g->inbox), two.modseq);
	struct item i = look(g, two.uid);
	assert_false(i.gone);
	assert_int_equal(i.modseq, two.modseq);
	assert_int_equal(i.date, NOON);
	assert_int_equal(i.size, strlen("Subject: hello\r\n\r\nHello there\r\n"));
	assert_int_equal(i.flags, 0);
	assert_int_equal(i.marks.n, 0);
}

static void append_keeps_dates(struct given *g)
{
	static const int64_t dates[] = {
		0, -1, -1000, 1, INT64_C(-62135596800000), INT64_C(253402300799999)};
	for (size_t i = 0; i < sizeof dates / sizeof *dates; i++)
		assert_int_equal(look(g, add_at(g, g->inbox, dates[i]).uid).date, dates[i]);
}

static void append_needs_a_folder(struct given *g)
{
	struct added out;
	assert_false(try_add(g, g->account, 999, "\r\n", NOON, &out));
	assert_int_equal(g->e.kind, ERR_NOT_FOUND);
	assert_false(try_add(g, 0, g->inbox, "\r\n", NOON, &out));
	assert_int_equal(g->e.kind, ERR_NOT_FOUND);
}

static struct new_item text_item(const char *raw, const char *summary, int64_t date)
{
	return (struct new_item){.raw = str_of(raw), .summary = str_of(summary), .date = date};
}

static int64_t add_text(struct given *g, int32_t folder, const char *raw, const char *summary)
{
	struct new_item item = text_item(raw, summary, INT64_MAX);
	struct added out;
	OK(g, g->s->ops->append(g->s, g->account, folder, &item, &out.uid, &out.modseq, &g->e));
	return out.uid;
}

static const char *read_all(struct given *g, int32_t folder, int64_t uid)
{
	struct slice slice = {.uid = uid, .length = INT64_MAX};
	OK(g, g->s->ops->slices(g->s, g->a, g->account, folder, &slice, 1, &g->e));
	return slice.bytes.p;
}

static enum found replace(struct given *g, int64_t uid, int64_t since, const struct new_item *item,
			  struct added *now)
{
	int64_t before = -1;
	enum found found = g->s->ops->replace(g->s, g->account, g->inbox, uid, since, item,
					      &now->uid, &before, &now->modseq, &g->e);
	if (found == FOUND_ONE && since)
		assert_int_equal(before, since);
	return found;
}

static void replace_puts_new_content(struct given *g)
{
	int64_t uid = add_text(g, g->inbox, "one", "{\"uid\":\"a\"}");
	struct item old = look(g, uid);
	struct new_item item = text_item("the second", "{\"uid\":\"b\"}", NOON);
	struct added now;
	item.flags = ITEM_DRAFT;
	assert_int_equal(old.date, INT64_MAX);
	assert_int_equal(replace(g, uid, old.modseq, &item, &now), FOUND_ONE);
	assert_int_equal(now.uid, uid);
	assert_true(now.modseq > old.modseq);
	assert_int_equal(folder_modseq(g, g->inbox), now.modseq);
	struct item is = look(g, uid);
	assert_int_equal(is.modseq, now.modseq);
	assert_int_equal(is.date, NOON);
	assert_int_equal(is.flags, ITEM_DRAFT);
	assert_int_equal(is.size, strlen("the second"));
	assert_string_equal(read_all(g, g->inbox, uid), "the second");
	struct items list = changes(g, g->inbox, old.modseq, INT64_MAX, 10);
	assert_int_equal(list.n, 1);
	assert_int_equal(list.v[0].uid, uid);
}

static void replace_only_what_is_known(struct given *g)
{
	int64_t uid = add_text(g, g->inbox, "one", "{}"), before, after;
	int64_t known = look(g, uid).modseq;
	struct new_item item = text_item("two", "{}", NOON);
	struct added now;
	assert_int_equal(g->s->ops->set_flags(g->s, g->account, g->inbox, uid, ITEM_SEEN, 0, NULL,
					      &before, &after, &g->e),
			 FOUND_ONE);
	assert_int_equal(replace(g, uid, known, &item, &now), FOUND_FAILED);
	assert_int_equal(g->e.kind, ERR_CONFLICT);
	assert_string_equal(read_all(g, g->inbox, uid), "one");
	assert_int_equal(look(g, uid).modseq, after);
	assert_int_equal(replace(g, uid, after, &item, &now), FOUND_ONE);
	assert_int_equal(replace(g, uid, 0, &item, &now), FOUND_ONE);
	assert_int_equal(replace(g, 999, 0, &item, &now), FOUND_NONE);
	assert_int_equal(g->s->ops->replace(g->s, g->stranger, g->inbox, uid, 0, &item, &now.uid,
					    &before, &after, &g->e),
			 FOUND_NONE);
}

static void find_by_name(struct given *g)
{
	int64_t uid = add_text(g, g->tasks, "one", "{\"uid\":\"a'\\\"b\"}"), found = 0;
	int32_t folder = 0;
	struct str name = STR("a'\"b");
	add_text(g, g->inbox, "not a task", "{\"uid\":\"c\"}");
	assert_int_equal(
		g->s->ops->find(g->s, g->account, 0, CLASS_TASKS, name, &folder, &found, &g->e),
		FOUND_ONE);
	assert_int_equal(folder, g->tasks);
	assert_int_equal(found, uid);
	assert_int_equal(
		g->s->ops->find(g->s, g->account, 0, CLASS_TASKS, STR("c"), &folder, &found, &g->e),
		FOUND_NONE);
	assert_int_equal(
		g->s->ops->find(g->s, g->stranger, 0, CLASS_TASKS, name, &folder, &found, &g->e),
		FOUND_NONE);
}

/* The index of words takes no broken UTF-8, and no more than 1 MiB of words. */
static void any_text_is_kept(struct given *g)
{
	enum { SUBJECT = 2 << 20 };
	struct buf broken = {0}, subject = {0};
	buf_cstr(&broken, "DESCRIPTION:caf\xe9 \xff\r\nLOCATION:\xc3");
	buf_cstr(&broken, "\r\n X\r\n");
	buf_cstr(&subject, "{\"subject\":\"");
	for (unsigned i = 0; subject.n < SUBJECT; i++)
		buf_printf(&subject, "word%x ", i);
	buf_cstr(&subject, "\"}");
	const char *raw = str_dup(g->a, buf_get(&broken));
	int64_t uid = add_text(g, g->tasks, raw, str_dup(g->a, buf_get(&subject)));
	assert_string_equal(read_all(g, g->tasks, uid), raw);
	buf_free(&broken);
	buf_free(&subject);
}

static void uids_are_never_used_again(struct given *g)
{
	struct added one = add(g, g->inbox);
	remove_one(g, g->inbox, one.uid);
	assert_true(add(g, g->inbox).uid > one.uid);
}

static void changes_in_order(struct given *g)
{
	struct added a = add(g, g->inbox), b = add(g, g->inbox), c = add(g, g->inbox);
	int64_t was, is;
	assert_int_equal(flag(g, a.uid, ITEM_SEEN, 0, NULL, &was, &is), FOUND_ONE);
	remove_one(g, g->inbox, b.uid);
	struct items got = changes(g, g->inbox, 0, 0, 100);
	assert_uids(got, UIDS(c.uid, a.uid, b.uid));
	assert_false(got.v[1].gone);
	assert_int_equal(got.v[1].flags, ITEM_SEEN);
	assert_true(got.v[2].gone);
	for (size_t i = 1; i < got.n; i++)
		assert_true(got.v[i - 1].modseq < got.v[i].modseq);
}

static void changes_after_a_position(struct given *g)
{
	struct added a = add(g, g->inbox), b = add(g, g->inbox), c = add(g, g->inbox);
	assert_uids(changes(g, g->inbox, a.modseq, a.uid, 9), UIDS(b.uid, c.uid));
	assert_uids(changes(g, g->inbox, a.modseq, a.uid - 1, 9), UIDS(a.uid, b.uid, c.uid));
	assert_uids(changes(g, g->inbox, b.modseq, INT64_MAX, 9), UIDS(c.uid));
	assert_uids(changes(g, g->inbox, c.modseq, INT64_MAX, 9), 0, NULL);
}

static void changes_up_to_a_limit(struct given *g)
{
	struct added v[6];
	for (size_t i = 0; i < 6; i++)
		v[i] = add(g, g->inbox);
	remove_one(g, g->inbox, v[0].uid);
	remove_one(g, g->inbox, v[1].uid);
	assert_uids(changes(g, g->inbox, 0, 0, 0), 0, NULL);
	struct position at = {0, 0};
	int64_t want[] = {v[2].uid, v[3].uid, v[4].uid, v[5].uid, v[0].uid, v[1].uid};
	for (size_t i = 0; i < 6; i++) {
		struct items got = changes(g, g->inbox, at.modseq, at.uid, 1);
		assert_uids(got, 1, want + i);
		assert_int_equal(got.v[0].gone, i >= 4);
		at = (struct position){got.v[0].modseq, got.v[0].uid};
	}
	assert_uids(changes(g, g->inbox, at.modseq, at.uid, 1), 0, NULL);
}

static void changes_of_one_folder_only(struct given *g)
{
	struct added mine = add(g, g->inbox);
	add(g, g->archive);
	struct added foreign;
	OK(g, try_add(g, g->stranger, g->strangers, "\r\n", NOON, &foreign));
	assert_uids(changes(g, g->inbox, 0, 0, 9), UIDS(mine.uid));
	assert_uids(changes(g, 999, 0, 0, 9), 0, NULL);
}

static void newest_from_the_top(struct given *g)
{
	struct added v[4];
	for (int i = 0; i < 4; i++)
		v[i] = add_at(g, g->inbox, NOON - (i == 1 ? 9 : i) * DAY);
	assert_uids(newest(g, INT64_MAX, INT64_MIN, 3), UIDS(v[3].uid, v[2].uid, v[1].uid));
	assert_uids(newest(g, v[3].uid, NOON - 2 * DAY, 9), UIDS(v[2].uid, v[0].uid));
	remove_one(g, g->inbox, v[2].uid);
	assert_uids(newest(g, v[3].uid, INT64_MIN, 1), UIDS(v[1].uid));
}

static void dated_between(struct given *g)
{
	static const int days[] = {1, 0, 3, 1};
	struct added v[4];
	for (int i = 0; i < 4; i++)
		v[i] = add_at(g, g->inbox, NOON + days[i] * DAY);
	assert_uids(dated(g, NOON, NOON + DAY, 9), UIDS(v[1].uid));
	assert_uids(dated(g, INT64_MIN, NOON + 3 * DAY, 9), UIDS(v[1].uid, v[0].uid, v[3].uid));
	assert_uids(dated(g, INT64_MIN, NOON + 3 * DAY, 2), UIDS(v[1].uid, v[0].uid));
	assert_uids(dated(g, NOON + 1, INT64_MAX, 9), UIDS(v[0].uid, v[3].uid, v[2].uid));
	assert_uids(dated(g, NOON + DAY, NOON, 9), 0, NULL);
}

/* Of two conversations, by date: a is the old one of which c is new, b the old one. */
static void related_by_conversation(struct given *g)
{
	static const struct {
		const char *thread;
		int days;
	} rows[] = {{"a", 0}, {"b", 1}, {"a", 5}, {"a", 2}};
	struct added v[4], twin;
	struct uidset held = uidset_new(g->a);
	struct items out, left;
	for (int i = 0; i < 4; i++)
		OK(g, try_add(g, g->account, g->inbox,
			      arena_printf(g->a, "References: <%s>\r\n\r\n", rows[i].thread),
			      NOON + rows[i].days * DAY, &v[i]));
	OK(g, try_add(g, g->account, g->archive, "References: <b>\r\n\r\n", NOON + 9 * DAY, &twin));
	const int64_t all[] = {v[0].uid, v[1].uid, v[2].uid, v[3].uid, 999};
	static const struct {
		size_t n;
		int oldest, cutoff;
		size_t want;
	} cases[] = {{5, -9, 4, 2}, {5, 1, 4, 1}, {5, -9, 6, 0}, {1, -9, 4, 2}, {0, -9, 4, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		OK(g, g->s->ops->related(g->s, g->a, g->account, g->inbox, all, cases[i].n,
					 NOON + cases[i].oldest * DAY, NOON + cases[i].cutoff * DAY,
					 &out, &g->e));
		assert_uids(out, cases[i].want,
			    cases[i].want == 2 ? (int64_t[]){v[0].uid, v[3].uid} : &v[3].uid);
	}
	uidset_add_range(&held, v[0].uid, v[2].uid + 1);
	OK(g, g->s->ops->unrelated(g->s, g->a, g->account, g->inbox, &held, INT64_MIN,
				   NOON + 4 * DAY, 9, &left, &g->e));
	assert_uids(left, UIDS(v[1].uid));
	OK(g, g->s->ops->unrelated(g->s, g->a, g->account, g->inbox, &held, NOON + DAY,
				   NOON + 6 * DAY, 2, &left, &g->e));
	assert_uids(left, UIDS(v[0].uid, v[1].uid));
}

static void count_up_to_a_limit(struct given *g)
{
	struct added last = {0};
	for (int i = 0; i < 5; i++)
		last = add_at(g, g->inbox, NOON + i * DAY);
	assert_int_equal(count(g, g->inbox, INT64_MAX, INT64_MIN, 100), 5);
	assert_int_equal(count(g, g->inbox, INT64_MAX, INT64_MIN, 3), 3);
	assert_int_equal(count(g, g->inbox, last.uid, NOON + 3 * DAY, 100), 1);
	assert_int_equal(count(g, 999, INT64_MAX, INT64_MIN, 100), 0);
}

static void lookup_in_the_order_asked(struct given *g)
{
	struct added a = add(g, g->inbox), b = add(g, g->inbox);
	remove_one(g, g->inbox, a.uid);
	int64_t uids[] = {b.uid, 4711, a.uid, b.uid};
	struct items got = lookup(g, g->account, uids, 4);
	assert_uids(got, 4, uids);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(got.v[i].gone, i == 1 || i == 2);
		assert_int_equal(got.v[i].modseq, got.v[i].gone ? 0 : b.modseq);
	}
	assert_true(lookup(g, g->stranger, uids, 1).v[0].gone);
	lookup(g, g->account, NULL, 0);
}

static void summaries_in_the_order_asked(struct given *g)
{
	struct added a = add(g, g->inbox);
	struct summary *v;
	int64_t uids[] = {4711, a.uid};
	OK(g, g->s->ops->summaries(g->s, g->a, g->account, g->inbox, uids, 2, &v, &g->e));
	assert_int_equal(v[0].uid, 4711);
	assert_false(v[0].found);
	assert_true(v[1].found);
	assert_int_equal(v[1].uid, a.uid);
	assert_int_equal(v[1].item.modseq, a.modseq);
	assert_true(str_eq(v[1].message->subject, STR("hello")));
}

static void slices_of_several(struct given *g)
{
	struct added a, b;
	OK(g, try_add(g, g->account, g->inbox, "Subject: 0123456789\r\n\r\n", NOON, &a));
	OK(g, try_add(g, g->account, g->inbox, "", NOON, &b));
	struct slice v[] = {
		{.uid = a.uid, .offset = 9, .length = 4},
		{.uid = 4711, .offset = 0, .length = 9},
		{.uid = a.uid, .offset = 0, .length = INT64_MAX},
		{.uid = a.uid, .offset = 17, .length = 9},
		{.uid = a.uid, .offset = 5000, .length = 9},
		{.uid = b.uid, .offset = 0, .length = 9},
		{.uid = a.uid, .offset = INT64_MAX, .length = INT64_MAX},
	};
	OK(g, g->s->ops->slices(g->s, g->a, g->account, g->inbox, v, 7, &g->e));
	assert_true(str_eq(v[0].bytes, STR("0123")));
	assert_null(v[1].bytes.p);
	assert_true(str_eq(v[2].bytes, STR("Subject: 0123456789\r\n\r\n")));
	assert_true(str_eq(v[3].bytes, STR("89\r\n\r\n")));
	for (size_t i = 4; i < 7; i++) {
		assert_non_null(v[i].bytes.p);
		assert_int_equal(v[i].bytes.n, 0);
	}
	OK(g, g->s->ops->slices(g->s, g->a, g->account, g->inbox, v, 0, &g->e));
}

/* Longer than what a source reads at once, and read in odd steps. */
static void open_reads_a_slice(struct given *g)
{
	enum { SIZE = 700001, FROM = 1234, LENGTH = 650001, STEP = 9999 };
	char *raw = arena_alloc(g->a, SIZE + 1);
	for (int i = 0; i < SIZE; i++)
		raw[i] = (char)('a' + i % 23);
	struct added it;
	OK(g, try_add(g, g->account, g->inbox, raw, NOON, &it));
	struct source *src;
	assert_int_equal(
		g->s->ops->open(g->s, g->account, g->inbox, it.uid, FROM, LENGTH, &src, &g->e),
		FOUND_ONE);
	assert_int_equal(src->length, LENGTH);
	char *got = arena_alloc(g->a, LENGTH + STEP);
	size_t at = 0, n;
	do {
		OK(g, src->read(src, got + at, STEP, &n, &g->e));
		at += n;
	} while (n > 0);
	src->close(src);
	assert_int_equal(at, LENGTH);
	assert_memory_equal(got, raw + FROM, LENGTH);
}

static void open_within_the_content_only(struct given *g)
{
	static const int64_t bad[][2] = {{0, 11}, {11, 0}, {-1, 2}, {3, -1}, {5, INT64_MAX}};
	const struct store_ops *ops = g->s->ops;
	struct added it;
	struct source *src;
	OK(g, try_add(g, g->account, g->inbox, "0123456789", NOON, &it));
	assert_int_equal(ops->open(g->s, g->account, g->inbox, 4711, 0, 1, &src, &g->e),
			 FOUND_NONE);
	assert_int_equal(ops->open(g->s, g->stranger, g->inbox, it.uid, 0, 1, &src, &g->e),
			 FOUND_NONE);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(ops->open(g->s, g->account, g->inbox, it.uid, bad[i][0], bad[i][1],
					   &src, &g->e),
				 FOUND_FAILED);
	assert_int_equal(ops->open(g->s, g->account, g->inbox, it.uid, 10, 0, &src, &g->e),
			 FOUND_ONE);
	size_t n = 1;
	char c;
	OK(g, src->read(src, &c, 1, &n, &g->e));
	assert_int_equal(n, 0);
	src->close(src);
}

static void set_flags_tells_before_and_after(struct given *g)
{
	struct added it = add(g, g->inbox), other = add(g, g->inbox);
	int64_t was, is;
	assert_int_equal(flag(g, it.uid, ITEM_SEEN | ITEM_FLAGGED, 0, NULL, &was, &is), FOUND_ONE);
	assert_int_equal(was, it.modseq);
	assert_true(is > other.modseq);
	assert_int_equal(look(g, it.uid).flags, ITEM_SEEN | ITEM_FLAGGED);
	assert_int_equal(look(g, it.uid).modseq, is);
	assert_int_equal(folder_modseq(g, g->inbox), is);
	assert_int_equal(flag(g, it.uid, ITEM_ANSWERED, ITEM_SEEN, NULL, &was, &is), FOUND_ONE);
	assert_int_equal(look(g, it.uid).flags, ITEM_ANSWERED | ITEM_FLAGGED);
}

static void set_flags_without_a_change(struct given *g)
{
	struct added it = add(g, g->inbox);
	int64_t was, is, modseq;
	assert_int_equal(flag(g, it.uid, ITEM_SEEN, ITEM_DRAFT, NULL, &was, &modseq), FOUND_ONE);
	assert_int_equal(flag(g, it.uid, ITEM_SEEN, ITEM_DRAFT, NULL, &was, &is), FOUND_ONE);
	assert_int_equal(was, modseq);
	assert_int_equal(is, modseq);
	assert_int_equal(folder_modseq(g, g->inbox), modseq);
}

/* Sets marks; tells whether that was a change. */
static bool marks_change(struct given *g, int64_t uid, struct str marks)
{
	int64_t was, is;
	assert_int_equal(flag(g, uid, 0, 0, &marks, &was, &is), FOUND_ONE);
	return is > was;
}

static void set_flags_with_marks(struct given *g)
{
	struct added it = add(g, g->inbox);
	struct str marks = STR("{\"FlagType\": \"Follow up\"}");
	int64_t was, is;
	assert_true(marks_change(g, it.uid, marks));
	assert_true(str_eq(look(g, it.uid).marks, marks));
	assert_false(marks_change(g, it.uid, marks));
	assert_int_equal(flag(g, it.uid, ITEM_SEEN, 0, NULL, &was, &is), FOUND_ONE);
	assert_true(str_eq(look(g, it.uid).marks, marks));
	assert_true(marks_change(g, it.uid, STR("")));
	assert_int_equal(look(g, it.uid).marks.n, 0);
	assert_false(marks_change(g, it.uid, STR("")));
}

static void set_flags_of_the_missing(struct given *g)
{
	struct added it = add(g, g->inbox);
	int64_t was, is;
	assert_int_equal(flag(g, 4711, 1, 0, NULL, &was, &is), FOUND_NONE);
	assert_int_equal(g->s->ops->set_flags(g->s, g->stranger, g->inbox, it.uid, 1, 0, NULL, &was,
					      &is, &g->e),
			 FOUND_NONE);
	remove_one(g, g->inbox, it.uid);
	assert_int_equal(flag(g, it.uid, 1, 0, NULL, &was, &is), FOUND_NONE);
}

static void remove_leaves_a_tombstone(struct given *g)
{
	struct added it = add(g, g->inbox), other = add(g, g->inbox);
	int64_t modseq = remove_one(g, g->inbox, it.uid);
	assert_true(modseq > other.modseq);
	struct items got = changes(g, g->inbox, other.modseq, INT64_MAX, 9);
	assert_uids(got, UIDS(it.uid));
	assert_true(got.v[0].gone);
	assert_int_equal(got.v[0].modseq, modseq);
	assert_true(look(g, it.uid).gone);
	assert_false(look(g, other.uid).gone);
}

static void remove_of_the_missing(struct given *g)
{
	struct added it = add(g, g->inbox);
	int64_t modseq;
	const struct store_ops *ops = g->s->ops;
	assert_int_equal(ops->remove(g->s, g->account, g->inbox, 4711, &modseq, &g->e), FOUND_NONE);
	assert_int_equal(ops->remove(g->s, g->account, 999, it.uid, &modseq, &g->e), FOUND_NONE);
	assert_int_equal(ops->remove(g->s, g->stranger, g->inbox, it.uid, &modseq, &g->e),
			 FOUND_NONE);
	remove_one(g, g->inbox, it.uid);
	int64_t before = folder_modseq(g, g->inbox);
	assert_int_equal(ops->remove(g->s, g->account, g->inbox, it.uid, &modseq, &g->e),
			 FOUND_NONE);
	assert_int_equal(folder_modseq(g, g->inbox), before);
}

static void move_keeps_the_item(struct given *g)
{
	struct added there = add(g, g->archive), it = add_at(g, g->inbox, NOON - DAY);
	struct str marks = STR("{\"FlagType\": \"x\"}");
	int64_t was, is;
	struct moved m;
	assert_int_equal(flag(g, it.uid, ITEM_FLAGGED, 0, &marks, &was, &is), FOUND_ONE);
	assert_int_equal(move(g, g->inbox, it.uid, g->archive, &m), FOUND_ONE);
	assert_true(m.gone > is);
	assert_true(m.uid > there.uid);
	assert_true(m.modseq > there.modseq);
	struct items left = changes(g, g->inbox, is, INT64_MAX, 9);
	assert_uids(left, UIDS(it.uid));
	assert_true(left.v[0].gone && left.v[0].modseq == m.gone);
	struct items came = changes(g, g->archive, there.modseq, INT64_MAX, 9);
	assert_uids(came, UIDS(m.uid));
	assert_int_equal(came.v[0].modseq, m.modseq);
	assert_int_equal(came.v[0].flags, ITEM_FLAGGED);
	assert_int_equal(came.v[0].date, NOON - DAY);
	assert_true(str_eq(came.v[0].marks, marks));
	struct slice s = {.uid = m.uid, .offset = 9, .length = 5};
	OK(g, g->s->ops->slices(g->s, g->a, g->account, g->archive, &s, 1, &g->e));
	assert_true(str_eq(s.bytes, STR("hello")));
	remove_one(g, g->archive, m.uid);
}

static void move_that_cannot_be(struct given *g)
{
	struct added it = add(g, g->inbox);
	int64_t before = folder_modseq(g, g->inbox);
	struct moved m;
	assert_int_equal(move(g, g->inbox, it.uid, 999, &m), FOUND_FAILED);
	assert_int_equal(g->e.kind, ERR_NOT_FOUND);
	assert_int_equal(move(g, g->inbox, it.uid, g->inbox, &m), FOUND_FAILED);
	assert_int_equal(g->e.kind, ERR_INVALID);
	assert_int_equal(move(g, g->inbox, 4711, g->archive, &m), FOUND_NONE);
	assert_int_equal(move(g, 999, it.uid, g->archive, &m), FOUND_NONE);
	assert_false(look(g, it.uid).gone);
	assert_int_equal(folder_modseq(g, g->inbox), before);
	assert_uids(changes(g, g->archive, 0, 0, 9), 0, NULL);
}

static void transaction_commits(struct given *g)
{
	const struct store_ops *ops = g->s->ops;
	OK(g, ops->begin(g->s, &g->e));
	struct added a = add(g, g->inbox);
	remove_one(g, g->inbox, a.uid);
	struct added b = add(g, g->inbox);
	OK(g, ops->commit(g->s, &g->e));
	assert_true(look(g, a.uid).gone);
	assert_false(look(g, b.uid).gone);
	ops->rollback(g->s); /* harmless */
	assert_false(look(g, b.uid).gone);
}

static const struct contract {
	const char *name;
	void (*test)(struct given *g);
} contracts[] = {
	{"folders: parents first", folders_parents_first},
	{"folder: missing", folder_missing},
	{"create_folder: makes one", create_folder_makes_one},
	{"create_folder: that cannot be", create_folder_that_cannot_be},
	{"update_folder: renames and moves", update_folder_renames_and_moves},
	{"update_folder: that cannot be", update_folder_that_cannot_be},
	{"delete_folder: with all below", delete_folder_with_all_below},
	{"delete_folder: that cannot be", delete_folder_that_cannot_be},
	{"append: uids and modseqs ascend", append_ascends},
	{"append: keeps dates", append_keeps_dates},
	{"append: needs a folder", append_needs_a_folder},
	{"append: uids are never used again", uids_are_never_used_again},
	{"replace: puts new content", replace_puts_new_content},
	{"replace: only what is known", replace_only_what_is_known},
	{"find: by name", find_by_name},
	{"changes: in order of modseq", changes_in_order},
	{"changes: after a position", changes_after_a_position},
	{"changes: up to a limit", changes_up_to_a_limit},
	{"changes: of one folder only", changes_of_one_folder_only},
	{"newest: from the top down", newest_from_the_top},
	{"dated: between two times, by date", dated_between},
	{"related: by their conversation", related_by_conversation},
	{"count: up to a limit", count_up_to_a_limit},
	{"lookup: in the order asked", lookup_in_the_order_asked},
	{"summaries: in the order asked", summaries_in_the_order_asked},
	{"slices: of several items", slices_of_several},
	{"open: reads a slice", open_reads_a_slice},
	{"open: within the content only", open_within_the_content_only},
	{"set_flags: before and after", set_flags_tells_before_and_after},
	{"set_flags: without a change", set_flags_without_a_change},
	{"set_flags: with marks", set_flags_with_marks},
	{"set_flags: of the missing", set_flags_of_the_missing},
	{"remove: leaves a tombstone", remove_leaves_a_tombstone},
	{"remove: of the missing", remove_of_the_missing},
	{"move: keeps the item", move_keeps_the_item},
	{"move: that cannot be", move_that_cannot_be},
	{"transaction: commits", transaction_commits},
};

enum { CONTRACTS = sizeof contracts / sizeof *contracts };

/* ---------------------------------------------------------------------------------------------
 * Of pg alone */

static void rollback_undoes(struct given *g)
{
	const struct store_ops *ops = g->s->ops;
	struct added kept = add(g, g->inbox);
	int64_t was, is;
	OK(g, ops->begin(g->s, &g->e));
	assert_false(ops->begin(g->s, &g->e));
	add(g, g->inbox);
	assert_int_equal(flag(g, kept.uid, ITEM_SEEN, 0, NULL, &was, &is), FOUND_ONE);
	ops->rollback(g->s);
	assert_int_equal(look(g, kept.uid).flags, 0);
	assert_int_equal(folder_modseq(g, g->inbox), kept.modseq);
	assert_uids(changes(g, g->inbox, 0, 0, 9), UIDS(kept.uid));
	assert_false(ops->commit(g->s, &g->e));
}

static PG_STATEMENT(test_content, "SELECT count(*) FROM easel.content WHERE account_id = $1");
static PG_STATEMENT(test_fails, "SELECT 1 / $1::integer");
static PG_STATEMENT(test_pid, "SELECT pg_backend_pid()");
static PG_STATEMENT(test_kill, "SELECT pg_terminate_backend($1::integer, 5000)::integer");

static void remove_deletes_the_content(struct given *g)
{
	struct added it = add(g, g->inbox);
	assert_int_equal(sql_with_int(g->db, &test_content, g->account, NULL), 1);
	remove_one(g, g->inbox, it.uid);
	assert_int_equal(sql_with_int(g->db, &test_content, g->account, NULL), 0);
}

static void delete_folder_deletes_the_content(struct given *g)
{
	int32_t a = make(g, 0, "A"), b = make(g, a, "B");
	add(g, b);
	add(g, a);
	add(g, g->inbox);
	assert_int_equal(sql_with_int(g->db, &test_content, g->account, NULL), 3);
	assert_int_equal(delete (g, a), FOUND_ONE);
	assert_int_equal(sql_with_int(g->db, &test_content, g->account, NULL), 1);
}

static void failed_transaction_stays_failed(struct given *g)
{
	const struct store_ops *ops = g->s->ops;
	struct pg_params p = {0};
	pg_int(&p, 0);
	OK(g, ops->begin(g->s, &g->e));
	struct added it = add(g, g->inbox);
	assert_false(pg_do(g->db, &test_fails, &p, &g->e));
	assert_int_equal(g->e.kind, ERR_INTERNAL);
	struct added out;
	assert_false(try_add(g, g->account, g->inbox, "\r\n", NOON, &out));
	assert_int_equal(g->e.kind, ERR_UNAVAILABLE);
	assert_false(ops->commit(g->s, &g->e));
	assert_false(pg_in_transaction(g->db));
	assert_true(look(g, it.uid).gone);
}

static void kill_connection(struct given *g)
{
	struct pg *other = pg_new(getenv("EASEL_TEST_DATABASE"), "test");
	struct pg_params none = {0};
	int32_t pid = (int32_t)sql_int(g->db, &test_pid, &none);
	assert_int_equal(sql_with_int(other, &test_kill, pid, NULL), 1);
	pg_free(&other);
}

static void lost_connection_is_made_again(struct given *g)
{
	unsigned connection = pg_connection(g->db);
	kill_connection(g);
	struct added it = add(g, g->inbox);
	assert_false(look(g, it.uid).gone);
	assert_int_not_equal(pg_connection(g->db), connection);
	kill_connection(g);
	OK(g, g->s->ops->begin(g->s, &g->e));
	add(g, g->inbox);
	OK(g, g->s->ops->commit(g->s, &g->e));
}

static void lost_connection_in_a_transaction(struct given *g)
{
	const struct store_ops *ops = g->s->ops;
	OK(g, ops->begin(g->s, &g->e));
	struct added it = add(g, g->inbox), out;
	kill_connection(g);
	for (int i = 0; i < 2; i++) {
		assert_false(try_add(g, g->account, g->inbox, "\r\n", NOON, &out));
		assert_int_equal(g->e.kind, ERR_UNAVAILABLE);
	}
	assert_false(ops->commit(g->s, &g->e));
	assert_int_equal(g->e.kind, ERR_UNAVAILABLE);
	assert_true(look(g, it.uid).gone);
	OK(g, ops->begin(g->s, &g->e));
	kill_connection(g);
	ops->rollback(g->s);
	add(g, g->inbox);
}

static void database_away(struct given *g)
{
	(void)g;
	struct pg *db = pg_new("host=/nonexistent dbname=none", "test");
	struct err e;
	int64_t start = clock_monotonic();
	for (int i = 0; i < 1000; i++) {
		assert_false(pg_connect(db, &e));
		assert_int_equal(e.kind, ERR_UNAVAILABLE);
	}
	assert_true(clock_monotonic() - start < 1000);
	assert_int_equal(pg_connection(db), 0);
	pg_free(&db);
}

/*
 * Writers in other processes change two folders at random, moving items to and fro, while a reader
 * follows the changes of one of them; in the end it must have seen what is there.
 */
enum { WRITERS = 3, WRITES = 120, SEEN = 4096 };

static bool write_one(struct given *g, unsigned *seed)
{
	int32_t from = rand_r(seed) % 2 ? g->inbox : g->archive;
	int32_t to = from == g->inbox ? g->archive : g->inbox;
	int64_t uid = 1 + rand_r(seed) % 40, x, y;
	struct added out;
	struct moved m;
	switch (rand_r(seed) % 8) {
	case 0:
	case 1:
		return try_add(g, g->account, from, "\r\n", NOON, &out);
	case 2:
		return g->s->ops->remove(g->s, g->account, from, uid, &x, &g->e) != FOUND_FAILED;
	case 3:
	case 4:
		return move(g, from, uid, to, &m) != FOUND_FAILED;
	default:
		return g->s->ops->set_flags(g->s, g->account, from, uid, (unsigned)rand_r(seed) % 4,
					    (unsigned)rand_r(seed) % 4, NULL, &x, &y,
					    &g->e) != FOUND_FAILED;
	}
}

static pid_t start_writer(const struct given *parent, unsigned seed)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct given g = *parent;
	struct pg *db = pg_new(getenv("EASEL_TEST_DATABASE"), "test writer");
	g.s = store_pg_new(db);
	int code = 0;
	for (int i = 0; i < WRITES && code == 0; i++)
		code = !write_one(&g, &seed);
	if (code)
		print_error("writer: %s\n", g.e.text);
	pg_free(&db);
	_exit(code);
}

/* Takes over what changed after *at; `seen` is by uid. */
static void follow(struct given *g, struct position *at, struct item *seen)
{
	struct items got;
	do {
		got = changes(g, g->inbox, at->modseq, at->uid, 7);
		for (size_t i = 0; i < got.n; i++) {
			assert_true(got.v[i].uid < SEEN);
			seen[got.v[i].uid] = got.v[i];
			*at = (struct position){got.v[i].modseq, got.v[i].uid};
		}
	} while (got.n > 0);
}

static void nothing_is_missed(struct given *g)
{
	static struct item seen[SEEN];
	memset(seen, 0, sizeof seen);
	struct position at = {0, 0};
	int running = WRITERS, status;
	for (unsigned i = 0; i < WRITERS; i++)
		start_writer(g, i + 1);
	while (running > 0) {
		follow(g, &at, seen);
		if (waitpid(-1, &status, WNOHANG) <= 0)
			continue;
		assert_int_equal(status, 0);
		running--;
	}
	follow(g, &at, seen);
	size_t alive = 0;
	struct items all = newest(g, INT64_MAX, INT64_MIN, SEEN);
	for (size_t i = 0; i < SEEN; i++)
		alive += seen[i].uid > 0 && !seen[i].gone;
	assert_int_equal(alive, all.n);
	for (size_t i = 0; i < all.n; i++) {
		assert_int_equal(seen[all.v[i].uid].modseq, all.v[i].modseq);
		assert_int_equal(seen[all.v[i].uid].flags, all.v[i].flags);
	}
}

static const struct contract of_pg[] = {
	{"rollback undoes", rollback_undoes},
	{"any text is kept", any_text_is_kept},
	{"remove deletes the content", remove_deletes_the_content},
	{"delete_folder deletes the content", delete_folder_deletes_the_content},
	{"failed transaction stays failed", failed_transaction_stays_failed},
	{"lost connection is made again", lost_connection_is_made_again},
	{"lost connection in a transaction", lost_connection_in_a_transaction},
	{"database away", database_away},
	{"nothing is missed", nothing_is_missed},
};

/* ---------------------------------------------------------------------------------------------
 * Of fake alone: how it breaks the contract when told to */

static void fake_fails(struct given *g)
{
	struct added out;
	fake_set_fault(g->s, FAKE_FAIL, 2);
	struct added first = add(g, g->inbox);
	assert_false(try_add(g, g->account, g->inbox, "\r\n", NOON, &out));
	assert_int_equal(g->e.kind, ERR_UNAVAILABLE);
	assert_uids(changes(g, g->inbox, 0, 0, 9), UIDS(first.uid));
}

static void fake_does_then_fails(struct given *g)
{
	struct added it = add(g, g->inbox), out;
	int64_t modseq = 0;
	fake_set_fault(g->s, FAKE_DO_THEN_FAIL, 1);
	assert_false(try_add(g, g->account, g->inbox, "\r\n", NOON, &out));
	assert_int_equal(changes(g, g->inbox, 0, 0, 9).n, 2);
	fake_set_fault(g->s, FAKE_DO_THEN_FAIL, 1);
	assert_int_equal(g->s->ops->remove(g->s, g->account, g->inbox, it.uid, &modseq, &g->e),
			 FOUND_FAILED);
	assert_true(look(g, it.uid).gone);
}

/* Every call can be made to fail, and says so. */
static void fake_counts_calls(struct given *g)
{
	unsigned before = fake_calls(g->s);
	struct added it = add(g, g->inbox);
	look(g, it.uid);
	assert_int_equal(fake_calls(g->s), before + 2);
	fake_set_fault(g->s, FAKE_FAIL, 1);
	struct items out;
	assert_false(g->s->ops->changes(g->s, g->a, 1, g->inbox, (struct position){0, 0}, 9, &out,
					&g->e));
	fake_set_fault(g->s, FAKE_FAIL, 1);
	fake_set_fault(g->s, FAKE_NONE, 0);
	assert_int_equal(changes(g, g->inbox, 0, 0, 9).n, 1);
}

static void fake_source_fails(struct given *g)
{
	struct added it = add(g, g->inbox);
	struct source *src;
	assert_int_equal(g->s->ops->open(g->s, 1, g->inbox, it.uid, 0, 5, &src, &g->e), FOUND_ONE);
	fake_set_fault(g->s, FAKE_FAIL, 1);
	char c[9];
	size_t n;
	assert_false(src->read(src, c, sizeof c, &n, &g->e));
	src->close(src);
}

static void fake_shares_modseqs(struct given *g)
{
	struct added first = add(g, g->inbox);
	fake_share_modseq(g->s, 1, g->inbox, 3);
	struct added a = add(g, g->inbox), b = add(g, g->inbox);
	int64_t gone = remove_one(g, g->inbox, first.uid);
	struct added after = add(g, g->inbox);
	assert_true(a.modseq > first.modseq);
	assert_int_equal(a.modseq, b.modseq);
	assert_int_equal(a.modseq, gone);
	assert_true(after.modseq > a.modseq);
	assert_uids(changes(g, g->inbox, 0, 0, 9), UIDS(first.uid, a.uid, b.uid, after.uid));
	assert_uids(changes(g, g->inbox, a.modseq, a.uid, 1), UIDS(b.uid));
	assert_uids(changes(g, g->inbox, a.modseq, INT64_MAX, 9), UIDS(after.uid));
}

static void fake_loses_modseqs(struct given *g)
{
	struct added v[3];
	for (int i = 0; i < 3; i++)
		v[i] = add(g, g->inbox);
	int64_t was, is;
	assert_int_equal(flag(g, v[0].uid, ITEM_SEEN, 0, NULL, &was, &is), FOUND_ONE);
	fake_lose_modseqs(g->s, 1, g->inbox);
	assert_true(look(g, v[0].uid).modseq < is);
	assert_true(folder_modseq(g, g->inbox) < is);
	assert_true(add(g, g->inbox).modseq <= is);
}

static void fake_changes_epoch(struct given *g)
{
	struct folder before, after;
	struct added it = add(g, g->inbox);
	remove_one(g, g->inbox, add(g, g->inbox).uid);
	g->s->ops->folder(g->s, g->a, 1, g->inbox, &before, &g->e);
	fake_change_epoch(g->s, 1, g->inbox);
	g->s->ops->folder(g->s, g->a, 1, g->inbox, &after, &g->e);
	assert_true(after.epoch > before.epoch);
	struct items got = changes(g, g->inbox, 0, 0, 9);
	assert_int_equal(got.n, 1);
	assert_false(got.v[0].gone);
	assert_true(got.v[0].uid > it.uid);
}

static const struct contract of_fake[] = {
	{"fails at the nth call", fake_fails},
	{"does a thing and then fails", fake_does_then_fails},
	{"counts its calls", fake_counts_calls},
	{"fails while it is read", fake_source_fails},
	{"shares modseqs", fake_shares_modseqs},
	{"loses modseqs", fake_loses_modseqs},
	{"changes its epoch", fake_changes_epoch},
};

enum { OF_PG = sizeof of_pg / sizeof *of_pg, OF_FAKE = sizeof of_fake / sizeof *of_fake };

/* ---------------------------------------------------------------------------------------------
 * Names */

static void names_both_ways(void **state)
{
	(void)state;
	for (int i = CLASS_EMAIL; i <= CLASS_FILES; i++) {
		enum item_class c;
		assert_true(store_class_parse(str_of(store_class_name((enum item_class)i)), &c));
		assert_int_equal(c, i);
	}
	for (int i = ROLE_NONE; i <= ROLE_NOTES; i++) {
		enum folder_role r;
		assert_true(store_role_parse(str_of(store_role_name((enum folder_role)i)), &r));
		assert_int_equal(r, i);
	}
	enum item_class c;
	enum folder_role r;
	assert_false(store_class_parse(STR("email"), &c));
	assert_false(store_class_parse(STR(""), &c));
	assert_false(store_role_parse(STR("Inbox"), &r));
	assert_true(store_role_parse((struct str){NULL, 0}, &r));
	assert_string_equal(store_role_name(ROLE_NONE), "");
}

/* ---------------------------------------------------------------------------------------------
 * Running the tables */

struct run {
	const struct contract *c;
	void (*setup)(struct given *g);
	void (*teardown)(struct given *g);
};

static void run_contract(void **state)
{
	const struct run *r = *state;
	struct given g = {.a = arena_new(64 << 20)};
	r->setup(&g);
	r->c->test(&g);
	r->teardown(&g);
	arena_free(&g.a);
}

enum { MOST = 2 * CONTRACTS + OF_PG + OF_FAKE };

struct plan {
	struct CMUnitTest tests[MOST + 1];
	struct run runs[MOST];
	char names[MOST][80];
	size_t n;
};

static void plan_add(struct plan *p, const char *backend, const struct contract *c, size_t n,
		     void (*setup)(struct given *), void (*teardown)(struct given *))
{
	for (size_t i = 0; i < n; i++, p->n++) {
		snprintf(p->names[p->n], sizeof p->names[0], "%s: %s", backend, c[i].name);
		p->runs[p->n] = (struct run){&c[i], setup, teardown};
		p->tests[p->n] = (struct CMUnitTest){p->names[p->n], run_contract, NULL, NULL,
						     &p->runs[p->n]};
	}
}

int main(void)
{
	static struct plan p;
	plan_add(&p, "fake", contracts, CONTRACTS, fake_given, fake_ungiven);
	plan_add(&p, "fake", of_fake, OF_FAKE, fake_given, fake_ungiven);
	if (getenv("EASEL_TEST_DATABASE")) {
		plan_add(&p, "pg", contracts, CONTRACTS, pg_given, pg_ungiven);
		plan_add(&p, "pg", of_pg, OF_PG, pg_given, pg_ungiven);
	}
	p.tests[p.n] = (struct CMUnitTest)cmocka_unit_test(names_both_ways);
	return _cmocka_run_group_tests("store", p.tests, p.n + 1, NULL, NULL);
}
