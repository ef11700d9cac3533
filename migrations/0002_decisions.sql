-- Decisions that workers and administrators share: who a request is from, and whether a device has
-- something to sync.

CREATE FUNCTION easel.gate(login text, device_id text, from_address inet)
RETURNS TABLE (
	account_id integer, address text, display_name text, password_hash text, remembered bytea,
	enabled boolean, throttled boolean, hierarchy_modseq bigint,
	device integer, device_type text, user_agent text, protocol_version integer,
	policy_key bigint, policy_offered_key bigint, stale boolean,
	ping_heartbeat integer, ping_folders text, sync_request text,
	require_policy boolean, heartbeat_min integer, heartbeat_max integer, ping_max_folders integer,
	sync_max_collections integer, sync_max_items integer, sync_max_bytes integer
) LANGUAGE sql STABLE AS $$
	SELECT a.id, a.address, a.display_name, a.password_hash, m.digest,
	       a.enabled AND d.enabled,
	       coalesce(f.failures >= s.login_failures
	                AND f.last_at > now() - make_interval(secs => s.login_pause), false),
	       a.hierarchy_modseq,
	       v.id, v.type, v.user_agent, v.protocol_version,
	       v.policy_key, v.policy_offered_key, v.last_seen < now() - interval '1 minute',
	       v.ping_heartbeat, v.ping_folders::text, v.sync_request,
	       s.require_policy, s.heartbeat_min, s.heartbeat_max, s.ping_max_folders,
	       s.sync_max_collections, s.sync_max_items, s.sync_max_bytes
	FROM easel.server s
	LEFT JOIN easel.account a ON a.address = gate.login
	LEFT JOIN easel.domain d ON d.id = a.domain_id
	LEFT JOIN easel.password_memory m ON m.account_id = a.id
	LEFT JOIN easel.login_failure f ON f.account_id = a.id AND f.address = gate.from_address
	LEFT JOIN easel.device v ON v.account_id = a.id AND v.device_id = gate.device_id
$$;
COMMENT ON FUNCTION easel.gate(text, text, inet) IS 'All that a worker needs to know before it serves a request: the account (NULL when there is none), how its password is checked, whether it may come in, its device (NULL when new), and the limits that hold. Changes nothing.';

CREATE VIEW easel.sync_state AS
	SELECT b.account_id, b.device, b.folder_id, b.epoch, coalesce(a.n, b.n) AS n, b.folder_epoch,
	       CASE WHEN a.n IS NULL THEN b.held ELSE b.held + a.added - a.taken END AS held,
	       CASE WHEN a.n IS NULL THEN b.modseq ELSE a.modseq END AS modseq,
	       CASE WHEN a.n IS NULL THEN b.cut_uid ELSE a.cut_uid END AS cut_uid,
	       CASE WHEN a.n IS NULL THEN b.fill_uid ELSE a.fill_uid END AS fill_uid,
	       CASE WHEN a.n IS NULL THEN b.todo ELSE a.todo END AS todo,
	       CASE WHEN a.n IS NULL THEN b.echo ELSE a.echo END AS echo,
	       CASE WHEN a.n IS NULL THEN b.cutoff ELSE a.cutoff END AS cutoff,
	       a.n IS NOT NULL AS outstanding
	FROM easel.sync_base b
	LEFT JOIN LATERAL (
		SELECT * FROM easel.sync_answer o
		WHERE o.account_id = b.account_id AND o.device = b.device AND o.folder_id = b.folder_id
		ORDER BY o.n DESC LIMIT 1) a ON true;
COMMENT ON VIEW easel.sync_state IS 'What each device holds of each folder once it has taken the last answer: the newest outstanding answer if there is one, else the base.';
COMMENT ON COLUMN easel.sync_state.account_id IS 'The account.';
COMMENT ON COLUMN easel.sync_state.device IS 'The device.';
COMMENT ON COLUMN easel.sync_state.folder_id IS 'The folder.';
COMMENT ON COLUMN easel.sync_state.epoch IS 'The SyncKey is epoch.n.';
COMMENT ON COLUMN easel.sync_state.n IS 'The SyncKey is epoch.n.';
COMMENT ON COLUMN easel.sync_state.folder_epoch IS 'Epoch of the folder that held speaks of.';
COMMENT ON COLUMN easel.sync_state.held IS 'Uids on the device.';
COMMENT ON COLUMN easel.sync_state.modseq IS 'The device is current up to here, except for todo.';
COMMENT ON COLUMN easel.sync_state.cut_uid IS 'Where within that modseq the answer was cut.';
COMMENT ON COLUMN easel.sync_state.fill_uid IS 'Items below are still to come in the first fill; NULL when it is complete.';
COMMENT ON COLUMN easel.sync_state.todo IS 'Uids to send again.';
COMMENT ON COLUMN easel.sync_state.echo IS 'The device''s own changes, as pairs uid, modseq.';
COMMENT ON COLUMN easel.sync_state.cutoff IS 'Start of the filter; NULL without one.';
COMMENT ON COLUMN easel.sync_state.outstanding IS 'Whether the device has still to acknowledge this.';

CREATE FUNCTION easel.is_echo(echo bigint[], uid bigint, modseq bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
	SELECT EXISTS (SELECT FROM generate_series(1, coalesce(array_length(echo, 1), 0), 2) i
	               WHERE echo[i] = uid AND echo[i + 1] = modseq)
$$;
COMMENT ON FUNCTION easel.is_echo(bigint[], bigint, bigint) IS 'Whether a change is the device''s own: the pair uid, modseq stands in echo.';

CREATE FUNCTION easel.syncs_pending(accounts integer[], devices integer[], folders integer[])
RETURNS SETOF integer LANGUAGE sql STABLE ROWS 100 AS $$
	SELECT q.i::integer
	FROM unnest(accounts, devices, folders) WITH ORDINALITY AS q(account, device, folder, i)
	JOIN easel.folder f ON f.account_id = q.account AND f.id = q.folder
	JOIN easel.sync_state s ON s.account_id = q.account AND s.device = q.device AND s.folder_id = q.folder
	JOIN easel.account a ON a.id = q.account AND a.enabled
	JOIN easel.domain d ON d.id = a.domain_id AND d.enabled
	WHERE (s.folder_epoch <> f.epoch OR s.todo <> '{}' OR f.modseq < s.modseq
	OR s.fill_uid IS NOT NULL AND EXISTS (
		SELECT FROM easel.item i
		WHERE i.account_id = f.account_id AND i.folder_id = f.id AND i.uid < s.fill_uid
		AND (s.cutoff IS NULL OR i.date >= s.cutoff))
	OR (f.modseq > s.modseq OR s.cut_uid IS NOT NULL OR s.fill_uid IS NOT NULL) AND (
		EXISTS (
			SELECT FROM easel.item i
			WHERE i.account_id = f.account_id AND i.folder_id = f.id
			AND (i.modseq, i.uid) > (s.modseq, coalesce(s.cut_uid, 9223372036854775807))
			AND (i.uid <@ s.held OR (s.cutoff IS NULL OR i.date >= s.cutoff) AND i.uid >= coalesce(s.fill_uid, 0))
			AND NOT easel.is_echo(s.echo, i.uid, i.modseq))
		OR EXISTS (
			SELECT FROM easel.tombstone t
			WHERE t.account_id = f.account_id AND t.folder_id = f.id
			AND (t.modseq, t.uid) > (s.modseq, coalesce(s.cut_uid, 9223372036854775807))
			AND t.uid <@ s.held
			AND NOT easel.is_echo(s.echo, t.uid, t.modseq))))
$$;
COMMENT ON FUNCTION easel.syncs_pending(integer[], integer[], integer[]) IS 'The one test for change, for many at once: the positions, from 1, of those triples account, device, folder where a Sync of the folder would bring the device something. Never one of a folder that the device has never synced, or of an account that may not come in.';

CREATE FUNCTION easel.sync_pending(account integer, device integer, folder integer)
RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM easel.syncs_pending(ARRAY[account], ARRAY[device], ARRAY[folder]))
$$;
COMMENT ON FUNCTION easel.sync_pending(integer, integer, integer) IS 'Whether a Sync of the folder would bring the device something. False for a folder that the device has never synced.';

CREATE FUNCTION easel.sync_reset(device integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	forgotten integer;
BEGIN
	DELETE FROM easel.sync_base b WHERE b.device = sync_reset.device;
	GET DIAGNOSTICS forgotten = ROW_COUNT;
	DELETE FROM easel.hierarchy_state h WHERE h.device = sync_reset.device;
	UPDATE easel.device v SET sync_request = NULL WHERE v.id = sync_reset.device;
	RETURN forgotten;
END $$;
COMMENT ON FUNCTION easel.sync_reset(integer) IS 'Forgets what a device holds, so that it syncs everything anew; returns the number of folders it had synced.';
