/*
 * Any sequence of edits of the folder tree, on two devices and on the server, with lost answers,
 * repeats, key 0 and other settings in between, leaves devices and server alike: a walk of
 * thousands of steps, each a whole request as a session serves it, on the migrated database that
 * EASEL_TEST_DATABASE names.
 *
 * A walk prints its seed. EASEL_WALK=seed walks that one again, EASEL_WALK_STEPS=n for so long.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/arena.h"
#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/folder_list.h"
#include "core/session.h"
#include "store/pg.h"
#include "wbxml/wbxml.h"

/* Of "secret", as cheap as can be. */
#define HASH                                                                                       \
	"$scrypt$ln=1,r=8,p=1$c2FsdCBvZiB0aGUgbGFiIQ$7AFZVaiaDrcaBbGebRiPtdXQOSqP7LD1/ho/DtK8FfA"
#define LOGIN "Basic d2Fsa0B0cmVlLnRlc3Q6c2VjcmV0" /* walk@tree.test:secret */

enum { PHONES = 2, STEPS = 800, CHECK_EACH = 100, FOLDERS_MOST = 400, OK = 1, BAD_KEY = 9 };

/* What a phone knows: as it was told, and as its own edits succeeded. */
struct phone {
	struct str device;
	char key[64];
	bool unsure; /* it began afresh and never heard what came of it: its key may be none */
	struct folder_entry v[FOLDERS_MOST];
	char names[FOLDERS_MOST][1024];
	size_t n;
};

struct walk {
	struct session *session;
	struct pg *db;
	uint64_t dice;
	struct phone phones[PHONES];
	int32_t account;
	unsigned step;
	const char *last; /* what the step was, for whoever looks at a failure */
};

/* ---- Chance ---- */

static unsigned roll(struct walk *w, size_t sides)
{
	w->dice ^= w->dice << 13;
	w->dice ^= w->dice >> 7;
	w->dice ^= w->dice << 17;
	return (unsigned)((w->dice >> 16) % sides);
}

/* ---- The phone ---- */

static struct folder_entry *find(struct phone *p, int32_t id)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].id == id)
			return &p->v[i];
	return NULL;
}

static void put(struct phone *p, int32_t id, int32_t parent, int type, struct str name)
{
	struct folder_entry *f = find(p, id);
	size_t at = f ? (size_t)(f - p->v) : p->n;
	assert_true(at < FOLDERS_MOST && name.n < sizeof p->names[at]);
	p->n += f == NULL;
	memcpy(p->names[at], name.p, name.n);
	p->v[at] = (struct folder_entry){id, parent, type, {p->names[at], name.n}};
}

static void drop(struct phone *p, int32_t id)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].id != id)
			continue;
		size_t last = --p->n;
		if (i != last) {
			memcpy(p->names[i], p->names[last], sizeof p->names[i]);
			p->v[i] = p->v[last];
			p->v[i].name.p = p->names[i];
		}
		break;
	}
	for (size_t i = 0; i < p->n;) {
		bool inside = p->v[i].parent == id;
		if (inside)
			drop(p, p->v[i].id);
		i = inside ? 0 : i + 1;
	}
}

/* ---- Requests ---- */

struct asking {
	const char *command;
	struct body body;
	struct wbxml_out out;
};

static void begin(struct asking *q, const char *command, unsigned root, const char *key)
{
	*q = (struct asking){.command = command};
	wbxml_start(&q->out, &q->body);
	wbxml_begin(&q->out, root);
	wbxml_cstr(&q->out, FolderHierarchy_SyncKey, key);
}

static struct request as_request(struct walk *w, const struct phone *p, struct asking *q)
{
	struct arena *a = w->session->arena;
	struct str bytes = buf_get(&q->body.mem);
	return (struct request){
		.arena = a,
		.secrets = w->session->secrets,
		.method = METHOD_POST,
		.endpoint = ENDPOINT_ACTIVESYNC,
		.authorization = STR(LOGIN),
		.content_type = STR("application/vnd.ms-sync.wbxml"),
		.user_agent = STR("Walk/1"),
		.remote_addr = STR("127.0.0.1"),
		.eas = {.command = str_of(q->command),
			.version = 161,
			.device_id = p->device,
			.device_type = STR("Walk"),
			.user = STR("walk@tree.test")},
		.body = {arena_dup(a, bytes.p, bytes.n), bytes.n},
		.started = clock_monotonic(),
	};
}

/* The answer's document, in the session's arena until session_reset(). */
static const struct wbxml_node *ask(struct walk *w, const struct phone *p, struct asking *q)
{
	struct answer answer = {.status = 200};
	struct waiter *waiter = NULL;
	struct wbxml_node *root = NULL;
	struct err e = {0};
	wbxml_finish(&q->out);
	w->last = q->command;
	struct request rq = as_request(w, p, q);
	serve(w->session, &rq, &answer, &waiter);
	body_free(&q->body);
	assert_null(waiter);
	assert_int_equal(answer.status, 200);
	struct str bytes = buf_get(&answer.body.mem);
	struct arena *a = w->session->arena;
	struct str kept = {arena_dup(a, bytes.p, bytes.n), bytes.n};
	body_free(&answer.body);
	assert_true(wbxml_decode(a, kept, &wbxml_default_limits, &root, &e));
	return root;
}

static int64_t number(const struct wbxml_node *node, unsigned tag)
{
	int64_t v = -1;
	str_to_i64(wbxml_child_text(node, tag), &v);
	return v;
}

static void take_key(struct phone *p, const struct wbxml_node *root)
{
	struct str key = wbxml_child_text(root, FolderHierarchy_SyncKey);
	assert_true(key.n > 0 && key.n < sizeof p->key);
	snprintf(p->key, sizeof p->key, "%.*s", STR_ARG(key));
}

/* ---- FolderSync ---- */

static void take_change(struct phone *p, const struct wbxml_node *change)
{
	int32_t id = (int32_t)number(change, FolderHierarchy_ServerId);
	if (change->tag == FolderHierarchy_Count)
		return;
	assert_true(id > 0);
	if (change->tag == FolderHierarchy_Delete) {
		drop(p, id); /* it went with what it was in, or goes now */
		return;
	}
	put(p, id, (int32_t)number(change, FolderHierarchy_ParentId),
	    (int)number(change, FolderHierarchy_Type),
	    wbxml_child_text(change, FolderHierarchy_DisplayName));
}

static int64_t take_changes(struct phone *p, const struct wbxml_node *root, bool afresh)
{
	const struct wbxml_node *changes = wbxml_child(root, FolderHierarchy_Changes);
	assert_int_equal(number(root, FolderHierarchy_Status), OK);
	if (afresh)
		p->n = 0;
	p->unsure = false;
	take_key(p, root);
	for (const struct wbxml_node *c = changes ? changes->first : NULL; c; c = c->next)
		take_change(p, c);
	for (size_t i = 0; i < p->n; i++)
		assert_true(p->v[i].parent == 0 || find(p, p->v[i].parent));
	return number(changes, FolderHierarchy_Count);
}

/* Returns how many changes it was told of. A key that is none leads a phone to begin afresh. */
static int64_t folder_sync(struct walk *w, struct phone *p, bool afresh, bool lost)
{
	struct asking q;
	int64_t count = 0;
	begin(&q, "FolderSync", FolderHierarchy_FolderSync, afresh ? "0" : p->key);
	const struct wbxml_node *root = ask(w, p, &q);
	bool refused = number(root, FolderHierarchy_Status) == BAD_KEY;
	assert_true(!refused || p->unsure);
	if (lost)
		p->unsure |= afresh;
	else if (!refused)
		count = take_changes(p, root, afresh);
	session_reset(w->session);
	return refused && !lost ? folder_sync(w, p, true, false) : count;
}

/* ---- A device's own edits ---- */

struct edit {
	unsigned root; /* FolderHierarchy_FolderCreate and its like */
	const char *command;
	struct folder_entry folder;
	char name[16];
};

static void pick_edit(struct walk *w, const struct phone *p, struct edit *out)
{
	static const int types[] = {12, 12, 14, 17};
	const struct folder_entry *one = &p->v[roll(w, p->n)], *other = &p->v[roll(w, p->n)];
	bool stays = roll(w, 2);
	*out = (struct edit){.folder = {.id = one->id, .type = types[roll(w, 4)]}};
	snprintf(out->name, sizeof out->name, "%c%u", "ABC"[roll(w, 3)], roll(w, 7));
	out->folder.parent = stays ? one->parent : roll(w, 5) ? other->id : 0;
	switch (roll(w, 3)) {
	case 0:
		out->root = FolderHierarchy_FolderCreate;
		out->command = "FolderCreate";
		break;
	case 1:
		out->root = FolderHierarchy_FolderUpdate;
		out->command = "FolderUpdate";
		break;
	default:
		out->root = FolderHierarchy_FolderDelete;
		out->command = "FolderDelete";
		break;
	}
}

static void edit_tree(struct walk *w, struct phone *p, const struct edit *e, bool lost)
{
	struct asking q;
	begin(&q, e->command, e->root, p->key);
	if (e->root != FolderHierarchy_FolderCreate)
		wbxml_int(&q.out, FolderHierarchy_ServerId, e->folder.id);
	if (e->root != FolderHierarchy_FolderDelete) {
		wbxml_int(&q.out, FolderHierarchy_ParentId, e->folder.parent);
		wbxml_cstr(&q.out, FolderHierarchy_DisplayName, e->name);
	}
	if (e->root == FolderHierarchy_FolderCreate)
		wbxml_int(&q.out, FolderHierarchy_Type, e->folder.type);
	const struct wbxml_node *root = ask(w, p, &q);
	if (!lost && number(root, FolderHierarchy_Status) == OK) {
		const struct folder_entry *was = find(p, e->folder.id);
		take_key(p, root);
		if (e->root == FolderHierarchy_FolderCreate)
			put(p, (int32_t)number(root, FolderHierarchy_ServerId), e->folder.parent,
			    e->folder.type, str_of(e->name));
		else if (e->root == FolderHierarchy_FolderDelete)
			drop(p, e->folder.id);
		else if (was)
			put(p, was->id, e->folder.parent, was->type, str_of(e->name));
	}
	session_reset(w->session);
}

/* Once, or again after its answer was lost, or lost while the phone goes on otherwise. */
static void edit_or_lose(struct walk *w, struct phone *p)
{
	struct edit e;
	pick_edit(w, p, &e);
	unsigned times = roll(w, 4), lost = times > 1 ? times - 1 : 0;
	for (unsigned i = 0; i < lost; i++)
		edit_tree(w, p, &e, true);
	if (lost == 0 || roll(w, 3))
		edit_tree(w, p, &e, false);
	else
		folder_sync(w, p, false, false);
}

/* ---- The server's side ---- */

static void sql(struct walk *w, const char *text)
{
	struct err e = {0};
	if (!pg_script(w->db, text, &e))
		fail_msg("%s: %s", e.text, text);
}

/* What the database refuses is left. */
static void edit_on_server(struct walk *w)
{
	static const char *const verbs[] = {
		"PERFORM easel.folder_create(account, other, name, class)",
		"PERFORM easel.folder_update(account, one, other, name)",
		"PERFORM easel.folder_delete(account, one)",
		"PERFORM easel.folder_set_default(account, one)",
	};
	static const char *const classes[] = {"Email", "Contacts", "Files", "Tasks"};
	char text[1200];
	snprintf(
		text, sizeof text,
		"DO $$ DECLARE account integer := %d; name text := '%c%u'; class text := '%s';"
		" ids integer[] := ARRAY(SELECT id FROM easel.folder WHERE account_id = %d ORDER BY id);"
		" free integer[] := ARRAY(SELECT id FROM easel.folder WHERE account_id = %d"
		"  AND role IS NULL ORDER BY id);"
		" one integer := free[1 + %u %% greatest(cardinality(free), 1)];"
		" other integer := nullif(ids[1 + %u %% cardinality(ids)], %d);"
		"BEGIN %s; EXCEPTION WHEN unique_violation OR check_violation OR restrict_violation"
		" OR no_data_found THEN NULL; END $$",
		w->account, "ABC"[roll(w, 3)], roll(w, 7), classes[roll(w, 4)], w -> account,
		w -> account, roll(w, 1000), roll(w, 1000), 0, verbs[roll(w, 4)]);
	w->last = "on the server";
	sql(w, text);
}

static void other_settings(struct walk *w)
{
	static const char *const mail[] = {"default", "all", "tree"};
	static const char *const groupware[] = {"default", "all", "all_as_email"};
	static const char *const several[] = {"separate", "merged", "off"};
	char text[400];
	snprintf(text, sizeof text,
		 "UPDATE easel.device_settings SET mail_folders = '%s', groupware_folders = '%s',"
		 " several_folders = '%s' WHERE account_id = %d",
		 mail[roll(w, 3)], groupware[roll(w, 3)], several[roll(w, 3)], w->account);
	w->last = "settings";
	sql(w, text);
}

static PG_STATEMENT(walk_map, "SELECT m.id, m.parent_id, m.type, m.name FROM easel.device d"
			      " CROSS JOIN LATERAL easel.folder_map(d.account_id, d.id, 161) m"
			      " WHERE d.account_id = $1 AND d.device_id = $2::text");

/* What the phone knows is what it is to be shown, and there is no more to tell. */
static void assert_alike(struct walk *w, struct phone *p)
{
	folder_sync(w, p, false, false);
	assert_int_equal(folder_sync(w, p, false, false), 0);
	struct arena *a = arena_new(16 << 20);
	struct pg_params params = {0};
	struct err e = {0};
	pg_int(&params, w->account);
	pg_text(&params, a, p->device);
	struct pg_rows *r = pg_run(w->db, &walk_map, &params, &e);
	assert_non_null(r);
	assert_int_equal(pg_count(r), p->n);
	for (size_t i = 0; i < p->n; i++) {
		const struct folder_entry *f = find(p, (int32_t)pg_get_int(r, i, 0));
		assert_non_null(f);
		assert_int_equal(f->parent, pg_get_int(r, i, 1));
		assert_int_equal(f->type, pg_get_int(r, i, 2));
		assert_true(str_eq(f->name, pg_get_str(r, i, 3)));
	}
	pg_done(&r);
	arena_free(&a);
}

/* ---- The walk ---- */

static void take_step(struct walk *w)
{
	struct phone *p = &w->phones[roll(w, PHONES)];
	switch (roll(w, 12)) {
	case 0:
	case 1:
	case 2:
		edit_on_server(w);
		break;
	case 3:
		if (roll(w, 4) == 0)
			other_settings(w);
		break;
	case 4:
		folder_sync(w, p, roll(w, 3) == 0, true);
		break;
	case 5:
		folder_sync(w, p, roll(w, 3) == 0, false);
		break;
	default:
		edit_or_lose(w, p);
		break;
	}
}

static PG_STATEMENT(walk_account, "SELECT id FROM easel.account WHERE address = 'walk@tree.test'");

static void settle(struct walk *w)
{
	struct err e = {0};
	sql(w, "SELECT easel.domain_create('tree.test');"
	       "SELECT easel.account_create('walk@tree.test', '" HASH "', 'Walker');"
	       "INSERT INTO easel.device_settings (level, account_id, mail_folders)"
	       " SELECT 'user', id, 'tree' FROM easel.account WHERE address = 'walk@tree.test'");
	struct pg_rows *r = pg_run(w->db, &walk_account, &(struct pg_params){0}, &e);
	assert_non_null(r);
	w->account = (int32_t)pg_get_int(r, 0, 0);
	pg_done(&r);
	w->phones[0].device = STR("WALKONE");
	w->phones[1].device = STR("WALKTWO");
	for (size_t i = 0; i < PHONES; i++)
		folder_sync(w, &w->phones[i], true, false);
}

static void any_edits_leave_all_alike(void **state)
{
	(void)state;
	static struct walk w;
	const char *conninfo = getenv("EASEL_TEST_DATABASE"), *steps = getenv("EASEL_WALK_STEPS");
	const char *seed = getenv("EASEL_WALK");
	unsigned long many = steps ? strtoul(steps, NULL, 10) : STEPS;
	if (!conninfo)
		skip();
	struct server server = {
		.database = conninfo, .worker = "walk", .max_body = 1 << 20, .arena_cap = 64 << 20};
	w = (struct walk){.session = session_new(&server), .db = pg_new(conninfo, "walk")};
	w.dice = seed ? strtoull(seed, NULL, 10) : (uint64_t)clock_now();
	print_message("EASEL_WALK=%llu\n", (unsigned long long)w.dice);
	log_setup(LOG_ERROR, false);
	settle(&w);
	for (w.step = 1; w.step <= many; w.step++) {
		take_step(&w);
		for (size_t i = 0; w.step % CHECK_EACH == 0 && i < PHONES; i++)
			assert_alike(&w, &w.phones[i]);
	}
	sql(&w, "DELETE FROM easel.account WHERE address = 'walk@tree.test';"
		"DELETE FROM easel.domain WHERE name = 'tree.test'");
	session_free(&w.session);
	pg_free(&w.db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_edits_leave_all_alike),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
