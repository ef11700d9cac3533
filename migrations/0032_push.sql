-- What it costs to wait: nearly always nothing holds but the rule, and one look tells so.

DROP FUNCTION easel.wait_begin(integer, integer, text, integer, integer[]);
CREATE FUNCTION easel.wait_begin(account integer, device integer, worker text, seconds integer, folders integer[],
	OUT ticket bigint, OUT push boolean, OUT hierarchy bigint, OUT verdict text, OUT pending integer[])
LANGUAGE plpgsql
-- Planned while the tables are small, it must not read all of them later.
SET enable_hashjoin = off SET enable_mergejoin = off
AS $$
DECLARE
	full_up boolean;
	in_doubt boolean;
	quiet boolean;
	old text;
	old_until timestamptz;
BEGIN
	-- in_doubt: the gate may stop it, or a FolderSync may be due. quiet implies that easel.syncs_pending() finds nothing.
	SELECT coalesce(a.push, d.push, s.push), a.hierarchy_modseq, w.until,
	       (SELECT count(*) FROM easel.waiting o WHERE o.account_id = a.id AND o.device <> wait_begin.device AND o.until > now())
	       >= s.push_max_account,
	       v.id IS NOT NULL AND (v.effective IS NULL
	       OR v.effective_stamp IS DISTINCT FROM s.gate_version + d.gate_version + a.gate_version
	       OR EXISTS (SELECT FROM easel.wipe p WHERE p.device_id = v.device_id AND p.state = 'pending')
	       OR easel.gate_verdict(s.enabled AND d.enabled AND a.enabled, NULL, v, v.effective, s, v.protocol_version, NULL) <> 'ok')
	       OR v.id IS NULL AND wait_begin.device <> 0
	       OR h.modseq < a.hierarchy_modseq
	       OR EXISTS (SELECT FROM easel.folder_gone g WHERE g.account_id = a.id AND g.device = wait_begin.device
	                  AND g.folder_id = ANY (wait_begin.folders))
	       OR EXISTS (SELECT FROM easel.collection c WHERE c.account_id = a.id AND c.id = ANY (wait_begin.folders)
	                  AND c.owner_id <> c.account_id),
	       NOT EXISTS (
			SELECT FROM unnest(wait_begin.folders) q(folder)
			JOIN easel.sync_base b ON b.account_id = wait_begin.account AND b.device = wait_begin.device AND b.folder_id = q.folder
			JOIN easel.collection c ON c.account_id = b.account_id AND c.id = b.folder_id
			JOIN easel.folder f ON f.account_id = c.owner_id AND f.id = c.folder_id
			LEFT JOIN easel.sync_answer n ON n.account_id = b.account_id AND n.device = b.device AND n.folder_id = b.folder_id
			WHERE b.folder_epoch <> f.epoch OR n.n <> b.last_n
			OR CASE WHEN n.n IS NULL THEN b.modseq <> f.modseq OR b.cut_uid IS NOT NULL OR b.fill_uid IS NOT NULL OR b.todo <> '{}'
			   ELSE n.modseq <> f.modseq OR n.cut_uid IS NOT NULL OR n.fill_uid IS NOT NULL OR n.todo <> '{}' END)
		INTO push, hierarchy, old_until, full_up, in_doubt, quiet
		FROM easel.server s, easel.account a JOIN easel.domain d ON d.id = a.domain_id
		LEFT JOIN easel.device v ON v.account_id = a.id AND v.id = wait_begin.device
		LEFT JOIN easel.hierarchy_state h ON h.device = wait_begin.device
		LEFT JOIN easel.waiting w ON w.device = wait_begin.device
		WHERE a.id = wait_begin.account;
	ticket := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
	pending := '{}';
	IF in_doubt IS NOT FALSE AND (hierarchy IS NULL
	   OR EXISTS (SELECT FROM easel.devices_stopped(ARRAY[wait_begin.account], ARRAY[wait_begin.device]))
	   OR easel.foldersync_due(wait_begin.account, wait_begin.device, wait_begin.folders)) THEN
		verdict := 'foldersync';
		RETURN;
	END IF;
	verdict := 'wait';
	IF NOT quiet THEN
		pending := ARRAY(SELECT i FROM easel.syncs_pending(
			array_fill(wait_begin.account, ARRAY[cardinality(wait_begin.folders)]),
			array_fill(wait_begin.device, ARRAY[cardinality(wait_begin.folders)]), wait_begin.folders) AS i);
	END IF;
	IF wait_begin.device = 0 THEN
		RETURN;
	END IF;
	IF full_up THEN
		verdict := 'full';
		RETURN;
	END IF;
	INSERT INTO easel.waiting AS w (device, account_id, worker, ticket, until)
		VALUES (wait_begin.device, wait_begin.account, wait_begin.worker, wait_begin.ticket,
		        now() + make_interval(secs => wait_begin.seconds))
		ON CONFLICT ON CONSTRAINT waiting_pkey DO UPDATE SET worker = excluded.worker, previous_worker = w.worker,
			ticket = greatest(excluded.ticket, w.ticket + 1), since = excluded.since, until = excluded.until
		RETURNING w.ticket, w.previous_worker INTO wait_begin.ticket, old;
	IF old <> wait_begin.worker AND old_until > now() THEN
		PERFORM pg_notify('easel_waiting', concat_ws(' ', 'newer', old, wait_begin.account, wait_begin.device, wait_begin.ticket));
	END IF;
END $$;
COMMENT ON FUNCTION easel.wait_begin(integer, integer, text, integer, integer[]) IS 'A device comes to wait at a worker. verdict: wait; foldersync, it is to send FolderSync first, which also tells it when the gate stops it; full, too many of the account wait. push: whether it is to be told of news; hierarchy: the state of the folder tree behind which it need not be told of it; pending: the positions, from 1, of the folders of which a Sync would bring something. An older request of the device at another worker is ended.';

-- Rows that are written with every Sync that brings something find room beside their old versions.
ALTER TABLE easel.device SET (fillfactor = 70);
ALTER TABLE easel.sync_base SET (fillfactor = 60);

COMMENT ON COLUMN easel.device.sync_request IS 'Collections of its last Sync request as JSON, used when a Sync comes empty; their keys are those that were given out last.';
