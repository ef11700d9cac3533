-- Sync: a filter that was made narrower wakes nobody; an Add is known by its item's UID, and noted
-- before it is done; a move that is repeated tells what became of the item meanwhile.

CREATE OR REPLACE FUNCTION easel.syncs_pending(accounts integer[], devices integer[], folders integer[])
RETURNS SETOF integer LANGUAGE sql STABLE ROWS 100 AS $$
	SELECT q.i::integer
	FROM unnest(accounts, devices, folders) WITH ORDINALITY AS q(account, device, folder, i)
	JOIN easel.collection c ON c.account_id = q.account AND c.id = q.folder
	JOIN easel.folder f ON f.account_id = c.owner_id AND f.id = c.folder_id
	JOIN easel.sync_state s ON s.account_id = q.account AND s.device = q.device AND s.folder_id = q.folder
	JOIN easel.account a ON a.id = q.account AND a.enabled
	JOIN easel.domain d ON d.id = a.domain_id AND d.enabled
	CROSS JOIN LATERAL (
		-- Since the device's last Sync the filter's start may have passed on, or the filter been made narrower.
		SELECT greatest(s.cutoff, easel.filter_start(s.options, now())), easel.age_start((s.options ->> 'look_back')::integer, now())
	) AS since(cutoff, oldest)
	CROSS JOIN LATERAL (
		SELECT since.cutoff IS NOT NULL AND coalesce((s.options ->> 'conversations')::boolean, false)
		       AND (f.modseq > s.modseq OR s.cut_uid IS NOT NULL OR s.fill_uid IS NOT NULL)
	) AS conversations(drawing)
	WHERE (c.owner_id = c.account_id OR easel.folder_rights(c.account_id, c.owner_id, c.folder_id) & 2 <> 0)
	AND (s.folder_epoch <> f.epoch OR s.todo <> '{}' OR f.modseq < s.modseq AND s.held <> '{}'
	OR (s.fill_uid IS NOT NULL OR f.modseq < s.modseq) AND EXISTS (
		SELECT FROM easel.item i
		WHERE i.account_id = f.account_id AND i.folder_id = f.id
		AND (f.modseq < s.modseq OR i.uid < s.fill_uid)
		AND (since.cutoff IS NULL OR i.date >= since.cutoff) AND NOT i.uid <@ s.held)
	OR (f.modseq > s.modseq OR s.cut_uid IS NOT NULL) AND (
		EXISTS (
			SELECT FROM easel.item i
			WHERE i.account_id = f.account_id AND i.folder_id = f.id
			AND (i.modseq, i.uid) > (s.modseq, coalesce(s.cut_uid, 9223372036854775807))
			AND (i.uid <@ s.held OR (since.cutoff IS NULL OR i.date >= since.cutoff) AND i.uid >= coalesce(s.fill_uid, 0))
			AND NOT easel.is_echo(s.echo, i.uid, i.modseq))
		OR EXISTS (
			SELECT FROM easel.tombstone t
			WHERE t.account_id = f.account_id AND t.folder_id = f.id
			AND (t.modseq, t.uid) > (s.modseq, coalesce(s.cut_uid, 9223372036854775807))
			AND t.uid <@ s.held
			AND NOT easel.is_echo(s.echo, t.uid, t.modseq)))
	-- Older items of a conversation of which one is new, or in the filter that is new.
	OR conversations.drawing AND (
		EXISTS (
			SELECT FROM easel.item i
			WHERE i.account_id = f.account_id AND i.folder_id = f.id
			AND (i.modseq, i.uid) > (s.modseq, coalesce(s.cut_uid, 9223372036854775807))
			AND easel.draws_in(f.account_id, f.id, i.content_id, s.held, since.oldest, since.cutoff))
		OR EXISTS (
			SELECT FROM easel.item i
			WHERE i.account_id = f.account_id AND i.folder_id = f.id
			AND i.uid < s.fill_uid AND i.date >= since.cutoff
			AND easel.draws_in(f.account_id, f.id, i.content_id, s.held, since.oldest, since.cutoff))))
$$;

ALTER TABLE easel.sync_add ALTER COLUMN server_id DROP NOT NULL, ADD COLUMN name text CHECK (name <> '');
COMMENT ON COLUMN easel.sync_add.server_id IS 'The ServerId that the item was given; NULL: it was about to be added, outside the database, and nobody has seen what came of it.';
COMMENT ON COLUMN easel.sync_add.name IS 'UID of the item, by which it is found again; NULL: it has none.';

ALTER TABLE easel.moved_item ADD COLUMN to_modseq bigint NOT NULL DEFAULT 0;
COMMENT ON COLUMN easel.moved_item.to_modseq IS 'Modseq of the item there, as the device has it: when it is another one, a repeat of the move tells of the item again. 0: it may have it otherwise.';
