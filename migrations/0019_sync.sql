-- Sync: conversations that are followed out of the filter.

CREATE FUNCTION easel.age_start(filter integer, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT (date_trunc('day', age_start.at AT TIME ZONE 'UTC')
	        - make_interval(days => (ARRAY[1, 3, 7, 14, 31, 92, 183])[age_start.filter])) AT TIME ZONE 'UTC'
$$;
COMMENT ON FUNCTION easel.age_start(integer, timestamptz) IS 'Where a FilterType (1 to 7) starts at a time; NULL: it has no start.';

CREATE OR REPLACE FUNCTION easel.filter_start(options json, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT easel.age_start((filter_start.options ->> 'filter')::integer, filter_start.at)
$$;

CREATE FUNCTION easel.draws_in(account integer, folder integer, content bigint, held int8multirange, oldest timestamptz, cutoff timestamptz)
RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT coalesce(bool_or(o.date < draws_in.cutoff AND (draws_in.oldest IS NULL OR o.date >= draws_in.oldest)
	                        AND NOT o.uid <@ draws_in.held) AND max(o.date) >= draws_in.cutoff, false)
	FROM easel.content own
	JOIN easel.content c ON c.account_id = draws_in.account AND c.summary ->> 'conversation' = own.summary ->> 'conversation'
	JOIN easel.item o ON o.account_id = draws_in.account AND o.folder_id = draws_in.folder AND o.content_id = c.id
	WHERE own.account_id = draws_in.account AND own.id = draws_in.content
$$;
COMMENT ON FUNCTION easel.draws_in(integer, integer, bigint, int8multirange, timestamptz, timestamptz) IS 'Whether the conversation of an item reaches into a filter and has older items in the folder that a device does not hold.';

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
		-- Since the device's last Sync the filter's start may have passed on.
		SELECT greatest(s.cutoff, CASE WHEN s.cutoff IS NOT NULL THEN easel.filter_start(s.options, now()) END),
		       s.cutoff IS NOT NULL AND coalesce((s.options ->> 'conversations')::boolean, false)
		       AND (f.modseq > s.modseq OR s.cut_uid IS NOT NULL OR s.fill_uid IS NOT NULL),
		       easel.age_start((s.options ->> 'look_back')::integer, now())
	) AS since(cutoff, drawing, oldest)
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
	OR since.drawing AND (
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
