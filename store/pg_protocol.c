/* protocol: which protocols clients are told of. See protocol.h for the contract. */
#include "store/protocol.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(protocol_list, "SELECT type, url, host, port, security, login"
				   " FROM easel.protocols($1::text, $2::text, $3::text)");

bool protocols_load(struct pg *db, struct arena *a, struct str address, struct str host,
		    struct str elsewhere, struct protocols *out, struct err *e)
{
	struct pg_params p = {0};
	pg_text(&p, a, address);
	pg_text(&p, a, host);
	if (elsewhere.n)
		pg_text(&p, a, elsewhere);
	else
		pg_null(&p);
	struct pg_rows *r = pg_run(db, &protocol_list, &p, e);
	if (!r)
		return false;
	out->n = pg_count(r);
	out->v = arena_array(a, out->n, sizeof *out->v);
	for (size_t i = 0; i < out->n; i++)
		out->v[i] = (struct protocol){
			.type = pg_get_copy(a, r, i, 0),
			.url = pg_get_copy(a, r, i, 1),
			.host = pg_get_copy(a, r, i, 2),
			.port = (int)pg_get_int(r, i, 3),
			.security = pg_get_copy(a, r, i, 4),
			.login = pg_get_copy(a, r, i, 5),
		};
	pg_done(&r);
	return true;
}

const struct protocol *protocols_find(const struct protocols *p, struct str type)
{
	for (size_t i = 0; i < p->n; i++)
		if (str_eq_nocase(p->v[i].type, type))
			return &p->v[i];
	return NULL;
}
