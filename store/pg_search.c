/*
 * pg_search: finding items in PostgreSQL, by words, time and conversation. See store.h (search) for
 * the contract; it stands apart from the store's other operations for its size.
 *
 * Words are looked for in easel.content_words, whose rows are small; of what is found the newest
 * contents of each owner are looked at further. A word that is in a fifth of an owner's newest
 * contents is looked for in these one after the other, until there are enough; any other in the
 * index. ("+ 0" and "IS TRUE" keep the planner from changing its mind about that; the LIKE spares
 * reading what can't have an attachment.) What an account may search is what
 * easel.collection_folder shows it, and what a merged folder of its own is made of. An item that is
 * in several of the folders is found in one: the one that shows it as what it is.
 */
#include "store/pg_search.h"

#include "core/base/arena.h"
#include "store/pg.h"

static PG_STATEMENT(
	search_items,
	"WITH folders AS MATERIALIZED ("
	"	SELECT c.id, c.owner_id, c.folder_id, NULL::integer AS merged_owner,"
	"	NULL::integer AS merged_folder, c.view = 'open_events' AS only_open,"
	"	array_position('{plain,tasks,notes,events,open_events}', c.view) AS place"
	"	FROM easel.collection_folder c"
	"	WHERE c.account_id = $1 AND c.id = ANY ($2::integer[]) AND c.folder_id IS NOT NULL"
	"	AND c.view <> 'merged' AND c.rights & 2 <> 0"
	"	UNION ALL"
	"	SELECT c.id, s.owner_id, s.source_id, s.account_id, s.folder_id, s.view = 'open_events', 1"
	"	FROM easel.collection c"
	"	JOIN easel.merged_source s ON s.account_id = c.owner_id AND s.folder_id = c.folder_id"
	"	WHERE c.account_id = $1 AND c.id = ANY ($2::integer[]) AND c.view = 'merged'"
	"	AND easel.folder_rights(c.account_id, s.owner_id, s.source_id) & 2 <> 0),"
	"owners AS MATERIALIZED ("
	"	SELECT o.owner_id, (SELECT count(*) FROM (SELECT w.words FROM easel.content_words w"
	"		WHERE $3::text <> '' AND w.account_id = o.owner_id ORDER BY w.content_id DESC LIMIT 200) s"
	"		WHERE s.words @@ to_tsquery('simple', $3::text)) >= 40 AS often"
	"	FROM (SELECT DISTINCT owner_id FROM folders) o),"
	"matching AS MATERIALIZED ("
	"	SELECT w.* FROM owners o, LATERAL ("
	"		(SELECT w.account_id, w.content_id FROM easel.content_words w"
	"		WHERE $3::text <> '' AND NOT o.often AND w.account_id = o.owner_id"
	"		AND w.words @@ to_tsquery('simple', $3::text)"
	"		ORDER BY w.content_id + 0 DESC LIMIT $9)"
	"		UNION ALL"
	"		(SELECT w.account_id, w.content_id FROM easel.content_words w"
	"		WHERE o.often AND w.account_id = o.owner_id"
	"		AND (w.words @@ to_tsquery('simple', $3::text)) IS TRUE"
	"		ORDER BY w.content_id DESC LIMIT $9)) w),"
	"together AS MATERIALIZED ("
	"	SELECT c.account_id, c.id AS content_id FROM owners o JOIN easel.content c"
	"	ON c.account_id = o.owner_id AND c.summary ->> 'conversation' = $4::text"
	"	WHERE $4::text <> ''),"
	"wanted AS ("
	"	SELECT account_id, content_id FROM matching"
	"	WHERE $4::text = '' OR (account_id, content_id) IN (SELECT account_id, content_id FROM together)"
	"	UNION ALL SELECT account_id, content_id FROM together WHERE $3::text = ''),"
	"placed AS MATERIALIZED ("
	"	SELECT i.account_id, i.folder_id, i.uid, i.date, i.flags, i.content_id"
	"	FROM wanted w"
	"	JOIN easel.item i ON i.account_id = w.account_id AND i.content_id = w.content_id"
	"	WHERE i.date > $5::timestamptz AND i.date < $6::timestamptz),"
	"found AS ("
	"	SELECT f.*, i.uid, i.date, i.flags, i.content_id"
	"	FROM placed i JOIN folders f ON f.owner_id = i.account_id AND f.folder_id = i.folder_id"
	"	UNION ALL"
	"	SELECT f.*, i.uid, i.date, i.flags, i.content_id"
	"	FROM folders f, LATERAL (SELECT * FROM easel.item i"
	"		WHERE i.account_id = f.owner_id AND i.folder_id = f.folder_id"
	"		AND i.date > $5::timestamptz AND i.date < $6::timestamptz"
	"		ORDER BY i.date DESC LIMIT $9) i"
	"	WHERE $3::text = '' AND $4::text = ''),"
	"shown AS ("
	"	SELECT DISTINCT ON (f.owner_id, f.folder_id, f.uid)"
	"		f.id, coalesce(m.uid, f.uid) AS uid, f.date, f.owner_id, f.content_id"
	"	FROM found f LEFT JOIN easel.merged_item m ON m.account_id = f.merged_owner"
	"		AND m.folder_id = f.merged_folder AND m.owner_id = f.owner_id"
	"		AND m.source_id = f.folder_id AND m.source_uid = f.uid"
	"	WHERE (f.merged_owner IS NULL OR m.uid IS NOT NULL) AND NOT (f.only_open AND f.flags & 32 <> 0)"
	"	ORDER BY f.owner_id, f.folder_id, f.uid, f.place, f.id) "
	"SELECT id, uid, date, count(*) OVER () FROM shown i "
	"WHERE NOT $10 OR EXISTS (SELECT FROM easel.content c, json_array_elements(c.summary -> 'parts') p"
	"	WHERE c.account_id = i.owner_id AND c.id = i.content_id"
	"	AND c.summary::text LIKE '%\"attachment\"%' AND p ->> 'role' = 'attachment') "
	"ORDER BY date DESC, id, uid LIMIT $8 OFFSET $7");

bool pg_search(struct pg *db, struct arena *a, int32_t account, const struct search *q,
	       size_t offset, size_t limit, struct hits *out, struct err *e)
{
	struct pg_params p = {0};
	int64_t *folders = arena_array(a, q->nfolders, sizeof *folders);
	for (size_t i = 0; i < q->nfolders; i++)
		folders[i] = q->folders[i];
	pg_int(&p, account);
	pg_ints(&p, a, folders, q->nfolders);
	pg_text(&p, a, q->words.p ? q->words : STR(""));
	pg_text(&p, a, q->conversation.p ? q->conversation : STR(""));
	pg_time(&p, q->after);
	pg_time(&p, q->before);
	pg_int(&p, (int64_t)offset);
	pg_int(&p, (int64_t)limit);
	pg_int(&p, SEARCH_DEPTH);
	pg_bool(&p, q->attachments);
	struct pg_rows *r = pg_run(db, &search_items, &p, e);
	if (!r)
		return false;
	*out = (struct hits){.v = arena_array(a, pg_count(r), sizeof *out->v), .n = pg_count(r)};
	for (size_t i = 0; i < out->n; i++) {
		out->v[i].folder = (int32_t)pg_get_int(r, i, 0);
		out->v[i].uid = pg_get_int(r, i, 1);
		out->v[i].date = pg_get_time(r, i, 2);
		out->total = (size_t)pg_get_int(r, i, 3);
	}
	pg_done(&r);
	return true;
}
