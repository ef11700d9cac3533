/* delivery: a message into a folder. See delivery.h for the contract. */
#include "store/delivery.h"

#include "core/base/arena.h"
#include "store/message.h"
#include "store/pg.h"

/* ---------------------------------------------------------------------------------------------
 * Where to */

static PG_STATEMENT(delivery_account_id, "SELECT easel.account_of($1::text)");

enum found delivery_account(struct pg *db, struct arena *a, struct str address, int32_t *account,
			    struct err *e)
{
	struct pg_params p = {0};
	pg_text(&p, a, address);
	struct pg_rows *r = pg_run(db, &delivery_account_id, &p, e);
	if (!r)
		return FOUND_FAILED;
	bool found = pg_count(r) > 0 && !pg_is_null(r, 0, 0);
	if (found)
		*account = (int32_t)pg_get_int(r, 0, 0);
	pg_done(&r);
	return found ? FOUND_ONE : FOUND_NONE;
}

struct tree {
	struct folder *v;
	size_t n;
};

static const struct folder *by_role(const struct tree *t, struct str name)
{
	enum folder_role role;
	if (!store_role_parse(name, &role) || role == ROLE_NONE)
		return NULL;
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].role == role)
			return &t->v[i];
	return NULL;
}

static const struct folder *child(const struct tree *t, int32_t parent, struct str name)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].parent == parent && str_eq_nocase(t->v[i].name, name))
			return &t->v[i];
	return NULL;
}

static const struct folder *by_path(const struct tree *t, struct str path)
{
	const struct folder *f = child(t, 0, path); /* a name may hold a '/' itself */
	struct str step;
	if (f)
		return f;
	for (int32_t parent = 0; str_next(&path, '/', &step); parent = f->id) {
		f = child(t, parent, step);
		if (!f)
			return NULL;
	}
	return f;
}

static const struct folder *by_only_name(const struct tree *t, struct str name)
{
	const struct folder *f = NULL;
	for (size_t i = 0; i < t->n; i++) {
		if (!str_eq_nocase(t->v[i].name, name))
			continue;
		if (f)
			return NULL;
		f = &t->v[i];
	}
	return f;
}

enum found delivery_folder(struct store *s, struct arena *a, int32_t account, struct str name,
			   enum item_class class, int32_t *folder, struct err *e)
{
	struct tree t;
	if (!s->ops->folders(s, a, account, &t.v, &t.n, e))
		return FOUND_FAILED;
	const struct folder *f = by_role(&t, str_lower(a, name));
	f = f ? f : by_path(&t, name);
	f = f ? f : by_only_name(&t, name);
	if (!f || f->class != class)
		return FOUND_NONE;
	*folder = f->id;
	return FOUND_ONE;
}

/* ---------------------------------------------------------------------------------------------
 * What */

/* Line ends that lack their CR. */
static size_t count_bare(struct str raw)
{
	size_t n = 0;
	for (const char *p = raw.p, *end = raw.p + raw.n; p < end; p++) {
		p = memchr(p, '\n', (size_t)(end - p));
		if (!p)
			break;
		n += p == raw.p || p[-1] != '\r';
	}
	return n;
}

struct str delivery_normalise(struct arena *a, struct str raw)
{
	if (str_starts(raw, STR("From "))) {
		ptrdiff_t end = str_find_byte(raw, '\n');
		raw = str_sub(raw, end < 0 ? raw.n : (size_t)end + 1, SIZE_MAX);
	}
	size_t bare = raw.n > 0 ? count_bare(raw) : 0, n = 0;
	if (bare == 0)
		return raw;
	char *out = arena_alloc(a, raw.n + bare);
	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] == '\n' && (i == 0 || raw.p[i - 1] != '\r'))
			out[n++] = '\r';
		out[n++] = raw.p[i];
	}
	return (struct str){out, n};
}

bool delivery_put(struct store *s, struct arena *a, int32_t account, int32_t folder, struct str raw,
		  int64_t date, unsigned flags, struct err *e)
{
	if (raw.n == 0)
		return err_set(e, ERR_INVALID, "the message is empty");
	struct message m;
	if (!message_scan(a, raw, &m, e))
		return err_set(e, ERR_TOO_LARGE, "the message can't be read in the memory allowed");
	struct new_item item = {.raw = raw, .message = &m, .date = date, .flags = flags};
	int64_t uid, modseq;
	return s->ops->append(s, account, folder, &item, &uid, &modseq, e);
}
