/* conversation: where messages go that are still to come. See conversation.h for the contract. */
#include "store/conversation.h"

#include "store/pg.h"

static PG_STATEMENT(
	conversation_always,
	"WITH f AS (SELECT id, role FROM easel.folder WHERE account_id = $1 AND id = $3),"
	"gone AS (DELETE FROM easel.conversation_move USING f"
	"	WHERE account_id = $1 AND conversation = $2::text AND f.role = 'inbox') "
	"INSERT INTO easel.conversation_move (account_id, conversation, folder_id)"
	" SELECT $1, $2::text, f.id FROM f WHERE f.role IS DISTINCT FROM 'inbox'"
	" ON CONFLICT (account_id, conversation)"
	" DO UPDATE SET folder_id = excluded.folder_id, made_at = now()");

bool conversation_move_always(struct pg *db, struct arena *a, int32_t account,
			      struct str conversation, int32_t folder, struct err *e)
{
	struct pg_params p = {0};
	pg_int(&p, account);
	pg_text(&p, a, conversation);
	pg_int(&p, folder);
	return pg_do(db, &conversation_always, &p, e);
}
