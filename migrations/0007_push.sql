-- Waiting and waking: who may be pushed to, which worker a device waits at, how often it was asked for
-- FolderSync, what the workers say of themselves, and a test for change that is exact.

-- ---------------------------------------------------------------------------------------------
-- Settings

ALTER TABLE easel.server
	ADD push boolean NOT NULL DEFAULT true,
	ADD push_max_account integer NOT NULL DEFAULT 100 CHECK (push_max_account BETWEEN 1 AND 100000);
COMMENT ON COLUMN easel.server.push IS 'Whether waiting devices are told of news. False: a Ping or a waiting Sync is only held until its time is up, or the folder tree changes.';
COMMENT ON COLUMN easel.server.push_max_account IS 'Devices of one account that may wait at a time, on all workers together; a further one is asked to come later (503).';
ALTER TABLE easel.domain ADD push boolean;
COMMENT ON COLUMN easel.domain.push IS 'As in easel.server, for the accounts of the domain; NULL: as there.';
ALTER TABLE easel.account ADD push boolean;
COMMENT ON COLUMN easel.account.push IS 'As in easel.server, for this account; NULL: as its domain.';

-- ---------------------------------------------------------------------------------------------
-- FolderSync is asked for three times

ALTER TABLE easel.hierarchy_state
	ADD asked_modseq bigint,
	ADD asked integer NOT NULL DEFAULT 0;
COMMENT ON COLUMN easel.hierarchy_state.asked_modseq IS 'The account''s hierarchy_modseq for which the device was last asked to send FolderSync; NULL: never.';
COMMENT ON COLUMN easel.hierarchy_state.asked IS 'How often it was asked for that, when it came to wait; after the third time it is left in peace until the tree changes again.';

CREATE TABLE easel.folder_gone (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	device integer NOT NULL REFERENCES easel.device ON DELETE CASCADE,
	folder_id integer NOT NULL,
	name text NOT NULL,
	asked integer NOT NULL DEFAULT 0,
	gone_at timestamptz NOT NULL DEFAULT now(),
	given_up_at timestamptz,
	PRIMARY KEY (account_id, device, folder_id)
);
CREATE INDEX ON easel.folder_gone (device);
COMMENT ON TABLE easel.folder_gone IS 'Folders that a device was told of and that are gone since, for 30 days: one that goes on asking about such a folder is asked for FolderSync three times.';
COMMENT ON COLUMN easel.folder_gone.account_id IS 'The account.';
COMMENT ON COLUMN easel.folder_gone.device IS 'The device.';
COMMENT ON COLUMN easel.folder_gone.folder_id IS 'The number that the folder had (easel.collection).';
COMMENT ON COLUMN easel.folder_gone.name IS 'The name that it had.';
COMMENT ON COLUMN easel.folder_gone.asked IS 'How often the device was asked for FolderSync because it named the folder.';
COMMENT ON COLUMN easel.folder_gone.gone_at IS 'When the folder went.';
COMMENT ON COLUMN easel.folder_gone.given_up_at IS 'When the device named it once more; since then the folder is ignored, and the user was told by mail. NULL: not yet.';

CREATE FUNCTION easel.note_folder_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM easel.folder_gone g WHERE g.account_id = OLD.account_id AND g.gone_at < now() - interval '30 days';
	INSERT INTO easel.folder_gone (account_id, device, folder_id, name)
		SELECT h.account_id, h.device, OLD.id, told.name
		FROM easel.hierarchy_state h
		JOIN easel.account a ON a.id = h.account_id
		JOIN easel.device v ON v.id = h.device,
		LATERAL (SELECT f ->> 3 AS name FROM json_array_elements(h.folders) f WHERE f ->> 0 = OLD.id::text
		         UNION ALL
		         SELECT f ->> 3 FROM json_array_elements(h.previous_folders) f WHERE f ->> 0 = OLD.id::text
		         LIMIT 1) told
		WHERE h.account_id = OLD.account_id
		ON CONFLICT DO NOTHING;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.note_folder_gone() IS 'Notes for the devices that were told of a folder, by the number that they know it by, that it is gone.';
CREATE TRIGGER folder_gone AFTER DELETE ON easel.collection
	FOR EACH ROW EXECUTE FUNCTION easel.note_folder_gone();

INSERT INTO easel.inform_text (kind, language, copied, subject, body) VALUES
('folder_gone', 'en', false, 'Please synchronize the folders of your device',
'Hello {name},

your device {device} keeps asking for news of the folder "{folder}", which does not exist any more. It was
asked to fetch the list of folders and did not. The folder is left out from now on; everything else works
as before.

If something is missing on the device, remove the account from it and add it again.
');

CREATE FUNCTION easel.foldersync_due(account integer, device integer, folders integer[]) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	newest bigint;
	tree easel.hierarchy_state;
	due boolean := false;
	gone text;
BEGIN
	SELECT a.hierarchy_modseq INTO newest FROM easel.account a WHERE a.id = foldersync_due.account;
	SELECT * INTO tree FROM easel.hierarchy_state h WHERE h.device = foldersync_due.device;
	IF tree.modseq < newest AND (tree.asked_modseq IS DISTINCT FROM newest OR tree.asked < 3) THEN
		UPDATE easel.hierarchy_state h SET asked_modseq = newest,
			asked = CASE WHEN h.asked_modseq = newest THEN h.asked + 1 ELSE 1 END
			WHERE h.device = foldersync_due.device;
		due := true;
	END IF;
	UPDATE easel.folder_gone g SET asked = g.asked + 1
		WHERE g.account_id = foldersync_due.account AND g.device = foldersync_due.device
		AND g.folder_id = ANY (foldersync_due.folders) AND g.asked < 3;
	due := due OR FOUND;
	IF NOT due THEN
		FOR gone IN UPDATE easel.folder_gone g SET given_up_at = now()
			WHERE g.account_id = foldersync_due.account AND g.device = foldersync_due.device
			AND g.folder_id = ANY (foldersync_due.folders) AND g.given_up_at IS NULL
			RETURNING g.name LOOP
			PERFORM easel.inform(foldersync_due.account, 'folder_gone', jsonb_build_object('folder', gone, 'device',
				(SELECT coalesce(v.friendly_name, v.model, nullif(v.type, ''), v.device_id)
				 FROM easel.device v WHERE v.id = foldersync_due.device)));
		END LOOP;
	END IF;
	RETURN due;
END $$;
COMMENT ON FUNCTION easel.foldersync_due(integer, integer, integer[]) IS 'Whether a device that comes to wait with these folders is to send FolderSync first: the folder tree has changed since it was told, or one of the folders is gone. Counts how often it says so: at most three times for each change and each folder; then the user is told.';

-- ---------------------------------------------------------------------------------------------
-- Who waits where

CREATE UNLOGGED TABLE easel.waiting (
	device integer PRIMARY KEY REFERENCES easel.device ON DELETE CASCADE,
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	worker text NOT NULL,
	previous_worker text,
	ticket bigint NOT NULL,
	since timestamptz NOT NULL DEFAULT now(),
	until timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE INDEX ON easel.waiting (account_id);
COMMENT ON TABLE easel.waiting IS 'Where each device came to wait last, so that a newer request ends an older one on another worker. Not kept over a crash.';
COMMENT ON COLUMN easel.waiting.device IS 'The device.';
COMMENT ON COLUMN easel.waiting.account_id IS 'Its account.';
COMMENT ON COLUMN easel.waiting.worker IS 'The worker; see easel.worker.';
COMMENT ON COLUMN easel.waiting.previous_worker IS 'Where it had come to wait before.';
COMMENT ON COLUMN easel.waiting.ticket IS 'Rises with each request of the device that waits.';
COMMENT ON COLUMN easel.waiting.since IS 'When it came.';
COMMENT ON COLUMN easel.waiting.until IS 'When its time is up; it may have been answered before.';

CREATE FUNCTION easel.wait_begin(account integer, device integer, worker text, seconds integer, folders integer[],
	OUT ticket bigint, OUT push boolean, OUT hierarchy bigint, OUT verdict text)
LANGUAGE plpgsql AS $$
DECLARE
	most integer;
	old text;
	old_until timestamptz;
BEGIN
	SELECT coalesce(a.push, d.push, s.push), s.push_max_account, a.hierarchy_modseq
		INTO push, most, hierarchy
		FROM easel.server s, easel.account a JOIN easel.domain d ON d.id = a.domain_id
		WHERE a.id = wait_begin.account;
	ticket := (extract(epoch FROM clock_timestamp()) * 1000000)::bigint;
	IF hierarchy IS NULL OR EXISTS (SELECT FROM easel.devices_stopped(ARRAY[wait_begin.account], ARRAY[wait_begin.device]))
	   OR easel.foldersync_due(wait_begin.account, wait_begin.device, wait_begin.folders) THEN
		verdict := 'foldersync';
		RETURN;
	END IF;
	verdict := 'wait';
	IF wait_begin.device = 0 THEN
		RETURN;
	END IF;
	SELECT w.until INTO old_until FROM easel.waiting w WHERE w.device = wait_begin.device;
	IF (SELECT count(*) FROM easel.waiting w WHERE w.account_id = wait_begin.account
	    AND w.device <> wait_begin.device AND w.until > now()) >= most THEN
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
COMMENT ON FUNCTION easel.wait_begin(integer, integer, text, integer, integer[]) IS 'A device comes to wait at a worker. verdict: wait; foldersync, it is to send FolderSync first, which also tells it when the gate stops it; full, too many of the account wait. push: whether it is to be told of news; hierarchy: the state of the folder tree behind which it need not be told of it. An older request of the device at another worker is ended.';

CREATE FUNCTION easel.tell_push_switched() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_TABLE_NAME = 'server' THEN
		PERFORM pg_notify('easel_waiting', 'again 0')
			FROM changed c, before b WHERE c.push <> b.push;
	ELSIF TG_TABLE_NAME = 'domain' THEN
		PERFORM pg_notify('easel_waiting', 'again ' || string_agg(who, ' '))
			FROM (SELECT a.id::text AS who, row_number() OVER () / 300 AS batch
			      FROM changed c JOIN before b USING (id) JOIN easel.account a ON a.domain_id = c.id
			      WHERE c.push IS DISTINCT FROM b.push) parts
			GROUP BY batch;
	ELSE
		PERFORM pg_notify('easel_waiting', 'again ' || string_agg(who, ' '))
			FROM (SELECT c.id::text AS who, row_number() OVER () / 300 AS batch
			      FROM changed c JOIN before b USING (id)
			      WHERE c.push IS DISTINCT FROM b.push) parts
			GROUP BY batch;
	END IF;
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.tell_push_switched() IS 'Has those wait anew for whom push was switched on or off: again and the accounts, 0 for all.';
CREATE TRIGGER push_switched AFTER UPDATE ON easel.server
	REFERENCING NEW TABLE AS changed OLD TABLE AS before
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_push_switched();
CREATE TRIGGER push_switched AFTER UPDATE ON easel.domain
	REFERENCING NEW TABLE AS changed OLD TABLE AS before
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_push_switched();
CREATE TRIGGER push_switched AFTER UPDATE ON easel.account
	REFERENCING NEW TABLE AS changed OLD TABLE AS before
	FOR EACH STATEMENT EXECUTE FUNCTION easel.tell_push_switched();

-- ---------------------------------------------------------------------------------------------
-- What the workers say of themselves

CREATE UNLOGGED TABLE easel.worker (
	id text PRIMARY KEY,
	host text NOT NULL,
	pid integer NOT NULL,
	started_at timestamptz NOT NULL,
	seen_at timestamptz NOT NULL DEFAULT now(),
	parked integer NOT NULL,
	max_parked integer NOT NULL,
	woken integer NOT NULL,
	answered bigint NOT NULL,
	hung_up bigint NOT NULL,
	refused bigint NOT NULL,
	descriptors integer NOT NULL,
	max_descriptors integer NOT NULL,
	memory bigint NOT NULL
);
COMMENT ON TABLE easel.worker IS 'What each worker said of itself last. Not kept over a crash: a minute later it is there again.';
COMMENT ON COLUMN easel.worker.id IS 'Name that it gave itself when it started.';
COMMENT ON COLUMN easel.worker.host IS 'The host that it runs on.';
COMMENT ON COLUMN easel.worker.pid IS 'Its process.';
COMMENT ON COLUMN easel.worker.started_at IS 'When it started.';
COMMENT ON COLUMN easel.worker.seen_at IS 'When it said this: once a minute.';
COMMENT ON COLUMN easel.worker.parked IS 'Requests that wait at it.';
COMMENT ON COLUMN easel.worker.max_parked IS 'How many may; further ones are asked to come later (503).';
COMMENT ON COLUMN easel.worker.woken IS 'Those of them about which it is being asked whether there is news.';
COMMENT ON COLUMN easel.worker.answered IS 'Waiting requests answered since it started.';
COMMENT ON COLUMN easel.worker.hung_up IS 'Devices that hung up while they waited.';
COMMENT ON COLUMN easel.worker.refused IS 'Requests that it had no room to let wait.';
COMMENT ON COLUMN easel.worker.descriptors IS 'Its open descriptors: one for each that waits, and some.';
COMMENT ON COLUMN easel.worker.max_descriptors IS 'How many it may have.';
COMMENT ON COLUMN easel.worker.memory IS 'Bytes of memory that it occupies.';

CREATE VIEW easel.push_status AS
	SELECT w.host, w.pid, w.started_at, w.seen_at, w.seen_at > now() - interval '150 seconds' AS alive,
	       w.parked, w.max_parked, w.woken, w.answered, w.hung_up, w.refused,
	       w.descriptors, w.max_descriptors, w.memory,
	       CASE WHEN w.parked > 0 THEN w.memory / w.parked END AS memory_each
	FROM easel.worker w;
COMMENT ON VIEW easel.push_status IS 'The workers and how full they are, as each said at most a minute ago.';
COMMENT ON COLUMN easel.push_status.host IS 'The host.';
COMMENT ON COLUMN easel.push_status.pid IS 'The process.';
COMMENT ON COLUMN easel.push_status.started_at IS 'When it started.';
COMMENT ON COLUMN easel.push_status.seen_at IS 'When it said this.';
COMMENT ON COLUMN easel.push_status.alive IS 'Whether it has been heard of lately.';
COMMENT ON COLUMN easel.push_status.parked IS 'Requests that wait at it.';
COMMENT ON COLUMN easel.push_status.max_parked IS 'How many may.';
COMMENT ON COLUMN easel.push_status.woken IS 'Those that are being asked about.';
COMMENT ON COLUMN easel.push_status.answered IS 'Waiting requests answered since it started.';
COMMENT ON COLUMN easel.push_status.hung_up IS 'Devices that hung up while they waited.';
COMMENT ON COLUMN easel.push_status.refused IS 'Requests that it had no room to let wait.';
COMMENT ON COLUMN easel.push_status.descriptors IS 'Its open descriptors.';
COMMENT ON COLUMN easel.push_status.max_descriptors IS 'How many it may have.';
COMMENT ON COLUMN easel.push_status.memory IS 'Bytes of memory that it occupies.';
COMMENT ON COLUMN easel.push_status.memory_each IS 'Bytes for each request that waits, all else included.';

CREATE VIEW easel.push_device AS
	SELECT a.address AS account, v.device_id, v.type, w.since, w.until, k.host, k.pid
	FROM easel.waiting w
	JOIN easel.device v ON v.id = w.device
	JOIN easel.account a ON a.id = w.account_id
	LEFT JOIN easel.worker k ON k.id = w.worker;
COMMENT ON VIEW easel.push_device IS 'Where and when each device came to wait last.';
COMMENT ON COLUMN easel.push_device.account IS 'The account.';
COMMENT ON COLUMN easel.push_device.device_id IS 'What the device calls itself.';
COMMENT ON COLUMN easel.push_device.type IS 'Kind of device.';
COMMENT ON COLUMN easel.push_device.since IS 'When it came.';
COMMENT ON COLUMN easel.push_device.until IS 'When its time is up; it may have been answered before.';
COMMENT ON COLUMN easel.push_device.host IS 'Host of the worker; NULL when that has not said anything yet.';
COMMENT ON COLUMN easel.push_device.pid IS 'Process of the worker.';

-- ---------------------------------------------------------------------------------------------
-- The one test for change

CREATE OR REPLACE VIEW easel.sync_state AS
	SELECT b.account_id, b.device, b.folder_id, b.epoch, coalesce(a.n, b.n) AS n, b.folder_epoch,
	       CASE WHEN a.n IS NULL THEN b.held ELSE b.held + a.added - a.taken END AS held,
	       CASE WHEN a.n IS NULL THEN b.modseq ELSE a.modseq END AS modseq,
	       CASE WHEN a.n IS NULL THEN b.cut_uid ELSE a.cut_uid END AS cut_uid,
	       CASE WHEN a.n IS NULL THEN b.fill_uid ELSE a.fill_uid END AS fill_uid,
	       CASE WHEN a.n IS NULL THEN b.todo ELSE a.todo + a.doubt END AS todo,
	       CASE WHEN a.n IS NULL THEN b.echo ELSE a.echo END AS echo,
	       CASE WHEN a.n IS NULL THEN b.cutoff ELSE a.cutoff END AS cutoff,
	       a.n IS NOT NULL AS outstanding,
	       CASE WHEN a.n IS NULL THEN b.options ELSE a.options END AS options
	FROM easel.sync_base b
	LEFT JOIN LATERAL (
		SELECT newest.*, coalesce((
			-- What the device may have of an earlier answer is told again.
			SELECT range_agg((other.added + other.todo - (b.held + newest.added - newest.taken))
			                 + other.taken * (b.held + newest.added - newest.taken))
			FROM easel.sync_answer other
			WHERE other.account_id = b.account_id AND other.device = b.device
			AND other.folder_id = b.folder_id AND other.n <> newest.n), '{}') AS doubt
		FROM easel.sync_answer newest
		WHERE newest.account_id = b.account_id AND newest.device = b.device AND newest.folder_id = b.folder_id
		ORDER BY newest.n DESC LIMIT 1) a ON true;
COMMENT ON COLUMN easel.sync_state.todo IS 'Uids to send again, also those about which an earlier answer leaves a doubt.';
COMMENT ON COLUMN easel.sync_state.options IS 'The device''s options for the folder.';

CREATE FUNCTION easel.filter_start(options json, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT (date_trunc('day', filter_start.at AT TIME ZONE 'UTC')
	        - make_interval(days => (ARRAY[1, 3, 7, 14, 31])[(filter_start.options ->> 'filter')::integer])) AT TIME ZONE 'UTC'
$$;
COMMENT ON FUNCTION easel.filter_start(json, timestamptz) IS 'Where the filter of a device''s options starts at a time; NULL: it has none that moves.';

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
		SELECT greatest(s.cutoff, CASE WHEN s.cutoff IS NOT NULL THEN easel.filter_start(s.options, now()) END)
	) AS since(cutoff)
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
			AND NOT easel.is_echo(s.echo, t.uid, t.modseq))))
$$;
