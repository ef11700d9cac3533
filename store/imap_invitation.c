/* imap_invitation: messages that may be about a meeting. See imap_invitation.h for the contract. */
#include "store/imap_invitation.h"

#include "core/base/arena.h"
#include "store/imap_structure.h"
#include "store/pg.h"

/* The oldest first, so that an invitation is there before what changes it. */
static PG_STATEMENT(
	invitations_find,
	"SELECT b.folder_id, b.looked, b.uidnext, i.uid, i.size FROM easel.imap_folder b"
	" JOIN easel.folder f ON f.account_id = b.account_id AND f.id = b.folder_id"
	"	AND f.role = 'inbox'"
	" LEFT JOIN LATERAL (SELECT uid, size FROM easel.item WHERE account_id = $1"
	"	AND folder_id = b.folder_id AND uid >= b.looked AND uid < b.uidnext"
	"	AND date > now() - interval '31 days' AND size <= $2::bigint"
	"	ORDER BY uid DESC LIMIT $3::integer) i ON true"
	" WHERE b.account_id = $1 AND b.looked < b.uidnext ORDER BY i.uid");

static PG_STATEMENT(invitations_claim,
		    "UPDATE easel.imap_folder SET looked = $4::bigint"
		    " WHERE account_id = $1 AND folder_id = $2 AND looked = $3::bigint"
		    " RETURNING true");

enum found imap_invitations_new(struct pg *db, struct arena *a, int32_t account,
				struct imap_invitations *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, INVITATION_SIZE_MOST);
	pg_int(&p, INVITATIONS_MOST);
	struct pg_rows *r = pg_run(db, &invitations_find, &p, e);
	if (!r)
		return FOUND_FAILED;
	size_t n = pg_count(r);
	*out = (struct imap_invitations){.uids = arena_array(a, n, sizeof *out->uids),
					 .sizes = arena_array(a, n, sizeof *out->sizes)};
	if (n > 0) {
		out->folder = (int32_t)pg_get_int(r, 0, 0);
		out->from = (uint64_t)pg_get_int(r, 0, 1);
		out->until = (uint64_t)pg_get_int(r, 0, 2);
	}
	for (size_t i = 0; i < n; i++)
		if (!pg_is_null(r, i, 3)) {
			out->uids[out->n] = pg_get_int(r, i, 3);
			out->sizes[out->n++] = pg_get_int(r, i, 4);
		}
	pg_done(&r);
	return n > 0 ? FOUND_ONE : FOUND_NONE;
}

/* ---- Which of them ---- */

struct sieve {
	struct imap_invitations *v;
	bool kept[INVITATIONS_MOST];
};

static bool may_invite(const struct structures *parts)
{
	static const char *const types[] = {"text/calendar", "application/ics",
					    "application/ms-tnef", "application/vnd.ms-tnef"};
	for (unsigned i = 0; i < parts->n; i++)
		for (size_t t = 0; t < sizeof types / sizeof *types; t++)
			if (str_eq(parts->v[i].type, str_of(types[t])))
				return true;
	return false;
}

static bool on_structure(void *ctx, struct arena *a, const struct imap_response *r, struct err *e)
{
	struct sieve *s = ctx;
	struct structures parts;
	uint64_t uid;
	(void)e;
	const struct imap_value *structure =
		imap_is(r, "FETCH") ? imap_item(r->values, "BODYSTRUCTURE") : NULL;
	if (!structure || !imap_number(imap_item(r->values, "UID"), &uid) ||
	    !structure_read(a, structure, &parts) || !may_invite(&parts))
		return true;
	for (size_t i = 0; i < s->v->n; i++)
		s->kept[i] |= (uint64_t)s->v->uids[i] == uid;
	return true;
}

bool imap_invitations_keep(struct imap_link *link, const struct imap_box *inbox,
			   struct imap_invitations *v, struct err *e)
{
	struct sieve sieve = {.v = v};
	struct buf b = {0};
	size_t n = 0;
	if (v->n == 0)
		return true;
	if (!imap_box_select(link, inbox, e))
		return false;
	buf_cstr(&b, "UID FETCH ");
	imap_put_uids(&b, v->uids, v->n);
	buf_cstr(&b, " (UID BODYSTRUCTURE)");
	bool ok = imap_do(link->imap, buf_get(&b), on_structure, &sieve, e);
	buf_free(&b);
	for (size_t i = 0; i < v->n; i++)
		if (sieve.kept[i]) {
			v->uids[n] = v->uids[i];
			v->sizes[n++] = v->sizes[i];
		}
	v->n = n;
	return ok;
}

enum found imap_invitations_claim(struct pg *db, int32_t account, const struct imap_invitations *v,
				  struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_int(&p, v->folder);
	pg_int(&p, (int64_t)v->from);
	pg_int(&p, (int64_t)v->until);
	struct pg_rows *r = pg_run(db, &invitations_claim, &p, e);
	if (!r)
		return FOUND_FAILED;
	bool ours = pg_count(r) == 1;
	pg_done(&r);
	return ours ? FOUND_ONE : FOUND_NONE;
}
