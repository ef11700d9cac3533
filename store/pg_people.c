/* people: finding people. See people.h for the contract. */
#include "store/people.h"

#include <jansson.h>
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/text.h"
#include "store/pg.h"

static PG_STATEMENT(people_allowed, "SELECT easel.people_search_allowed($1::integer)");

static PG_STATEMENT(
	people_search,
	"SELECT owner_id, folder_id, uid, gal, summary, total"
	" FROM easel.people_find($1::integer, $2::text, $3::boolean, $4::boolean, $5::integer,"
	" $6::integer)");

static PG_STATEMENT(
	people_content,
	"SELECT c.data FROM easel.item i"
	" JOIN easel.content c ON c.account_id = i.account_id AND c.id = i.content_id"
	" WHERE i.account_id = $2::integer AND i.folder_id = $3::integer AND i.uid = $4::bigint"
	" AND ($2::integer = $1::integer OR easel.folder_rights($1::integer, $2::integer,"
	" $3::integer) & 2 <> 0)");

static PG_STATEMENT(
	people_group,
	"SELECT a.address, count(*) OVER () FROM easel.group_accounts($1::integer, true) m"
	" JOIN easel.account a ON a.id = m WHERE a.enabled AND NOT a.exclude_from_gal"
	" ORDER BY a.address LIMIT $2::integer");

static PG_STATEMENT(people_account,
		    "SELECT m.summary, m.card FROM easel.account me"
		    " JOIN easel.account a ON a.domain_id = me.domain_id"
		    " AND a.id = easel.account_of($2::text)"
		    " CROSS JOIN LATERAL easel.account_made_card(a.id) m"
		    " WHERE me.id = $1::integer AND a.enabled AND NOT a.exclude_from_gal");

static PG_STATEMENT(
	people_calendar,
	"SELECT a.id, a.timezone, f.id, a.id = me.id OR (s.free_busy AND a.domain_id = me.domain_id)"
	" OR coalesce(easel.folder_rights(me.id, a.id, f.id) & 1 <> 0, false)"
	" FROM easel.account me CROSS JOIN easel.server s"
	" JOIN easel.account a ON a.id = easel.account_of($2::text)"
	" LEFT JOIN easel.folder f ON f.account_id = a.id AND f.role = 'calendar'"
	" WHERE me.id = $1::integer AND a.enabled");

/* The right was found by the statement before, for this account's calendar. */
static PG_STATEMENT(
	people_events,
	"SELECT c.data FROM easel.item i"
	" JOIN easel.content c ON c.account_id = i.account_id AND c.id = i.content_id"
	" WHERE i.account_id = $1::integer AND i.folder_id = $2::integer AND i.date >= $3::timestamptz"
	" AND (coalesce((c.summary ->> 'recurs')::boolean, true)"
	" OR coalesce((c.summary ->> 'start')::bigint, 0) < $4::bigint)"
	" ORDER BY i.date LIMIT $5::integer");

static PG_STATEMENT(people_use,
		    "SELECT easel.recipients_used($1::integer,"
		    " ARRAY(SELECT lower(v ->> 0) FROM json_array_elements($2::json) v),"
		    " ARRAY(SELECT v ->> 1 FROM json_array_elements($2::json) v))");

static json_t *used_json(struct arena *a, const struct people_used *u)
{
	struct str address = text_to_xml(a, u->address), name = text_to_xml(a, u->name);
	return json_pack("[s%s%]", address.p, address.n, name.n ? name.p : "", name.n);
}

bool people_note_used(struct pg *db, struct arena *a, int32_t account, const struct people_used *v,
		      size_t n, struct err *e)
{
	struct pg_params p = {0};
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, used_json(a, &v[i]));
	char *text = json_dumps(list, JSON_COMPACT);
	json_decref(list);
	pg_int(&p, account);
	pg_text(&p, a, str_of(text));
	free(text);
	return pg_do(db, &people_use, &p, e);
}

static PG_STATEMENT(
	people_ldap_server,
	"SELECT d.ldap_url, d.ldap_tls = 'required', coalesce(d.ldap_bind_dn, ''),"
	" coalesce(d.ldap_password, ''), d.ldap_base,"
	" CASE WHEN $2::boolean THEN d.ldap_login_filter ELSE d.ldap_people_filter END, m.digest,"
	" coalesce(d.ldap_ca, '')"
	" FROM easel.account a JOIN easel.domain d ON d.id = a.domain_id"
	" LEFT JOIN easel.password_memory m ON m.account_id = a.id AND $2::boolean"
	" AND m.checked_at > now() - d.ldap_login_memory"
	" WHERE a.id = $1::integer AND d.ldap_url IS NOT NULL"
	" AND CASE WHEN $2::boolean THEN d.ldap_login ELSE d.ldap_people END");

enum found people_ldap_of(struct pg *db, struct arena *a, int32_t account, bool login,
			  struct people_ldap *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_bool(&p, login);
	struct pg_rows *r;
	enum found found = pg_find(db, &people_ldap_server, &p, &r, e);
	if (found == FOUND_ONE)
		*out = (struct people_ldap){.server = {.url = pg_get_copy(a, r, 0, 0),
						       .tls = pg_get_bool(r, 0, 1),
						       .bind_dn = pg_get_copy(a, r, 0, 2),
						       .password = pg_get_copy(a, r, 0, 3),
						       .base = pg_get_copy(a, r, 0, 4),
						       .filter = pg_get_copy(a, r, 0, 5),
						       .ca = pg_get_copy(a, r, 0, 7)},
					    .digest = pg_get_copy(a, r, 0, 6)};
	pg_done(&r);
	return found;
}

bool people_may_search(struct pg *db, int32_t account, bool *may, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	return pg_ask(db, &people_allowed, &p, may, e);
}

bool people_find(struct pg *db, struct arena *a, const struct people_question *q,
		 struct people *out, struct err *e)
{
	struct pg_params p = {0};
	*out = (struct people){0};
	pg_int(&p, q->account);
	pg_text(&p, a, q->text);
	pg_bool(&p, q->lists);
	pg_bool(&p, q->own);
	pg_int(&p, (int64_t)q->skip);
	pg_int(&p, (int64_t)q->most);
	struct pg_rows *r = pg_run(db, &people_search, &p, e);
	if (!r)
		return false;
	out->n = pg_count(r);
	out->v = arena_array(a, out->n, sizeof *out->v);
	for (size_t i = 0; i < out->n; i++) {
		out->v[i] = (struct person){.owner = (int32_t)pg_get_int(r, i, 0),
					    .folder = (int32_t)pg_get_int(r, i, 1),
					    .uid = pg_get_int(r, i, 2),
					    .gal = pg_get_bool(r, i, 3),
					    .summary = pg_get_copy(a, r, i, 4)};
		out->total = (size_t)pg_get_int(r, i, 5);
	}
	pg_done(&r);
	return true;
}

enum found people_card(struct pg *db, struct arena *a, int32_t account, const struct person *who,
		       struct str *out, struct err *e)
{
	struct pg_params p = {0};
	if (who->card.p) {
		*out = who->card;
		return FOUND_ONE;
	}
	pg_int(&p, account);
	pg_int(&p, who->owner);
	pg_int(&p, who->folder);
	pg_int(&p, who->uid);
	struct pg_rows *r;
	enum found found = pg_find(db, &people_content, &p, &r, e);
	if (found == FOUND_ONE)
		*out = pg_get_copy(a, r, 0, 0);
	pg_done(&r);
	return found;
}

bool people_members(struct pg *db, struct arena *a, int32_t group, size_t most, struct str **out,
		    size_t *n, size_t *total, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, group);
	pg_int(&p, (int64_t)most);
	struct pg_rows *r = pg_run(db, &people_group, &p, e);
	if (!r)
		return false;
	*n = pg_count(r);
	*total = *n ? (size_t)pg_get_int(r, 0, 1) : 0;
	*out = arena_array(a, *n, sizeof **out);
	for (size_t i = 0; i < *n; i++)
		(*out)[i] = pg_get_copy(a, r, i, 0);
	pg_done(&r);
	return true;
}

enum found people_colleague(struct pg *db, struct arena *a, int32_t account, struct str address,
			    struct person *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_text(&p, a, address);
	struct pg_rows *r;
	enum found found = pg_find(db, &people_account, &p, &r, e);
	if (found == FOUND_ONE)
		*out = (struct person){.gal = true,
				       .summary = pg_get_copy(a, r, 0, 0),
				       .card = pg_get_copy(a, r, 0, 1)};
	pg_done(&r);
	return found;
}

static bool read_events(struct pg *db, struct arena *a, int64_t folder, int64_t from, int64_t until,
			struct busy_source *out, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, out->account);
	pg_int(&p, folder);
	pg_time(&p, from);
	pg_int(&p, until);
	pg_int(&p, PEOPLE_EVENTS);
	struct pg_rows *r = pg_run(db, &people_events, &p, e);
	if (!r)
		return false;
	out->n = pg_count(r);
	out->events = arena_array(a, out->n, sizeof *out->events);
	for (size_t i = 0; i < out->n; i++)
		out->events[i] = pg_get_copy(a, r, i, 0);
	pg_done(&r);
	return true;
}

bool people_busy(struct pg *db, struct arena *a, int32_t account, struct str address, int64_t from,
		 int64_t until, struct busy_source *out, struct err *e)
{
	struct pg_params p = {0};
	*out = (struct busy_source){0};
	pg_int(&p, account);
	pg_text(&p, a, address);
	struct pg_rows *r = pg_run(db, &people_calendar, &p, e);
	if (!r)
		return false;
	int64_t folder = 0;
	if (pg_count(r)) {
		out->account = (int32_t)pg_get_int(r, 0, 0);
		out->timezone = pg_get_copy(a, r, 0, 1);
		folder = pg_get_int(r, 0, 2);
		out->allowed = pg_get_bool(r, 0, 3);
	}
	pg_done(&r);
	return !folder || !out->allowed || read_events(db, a, folder, from, until, out, e);
}
