-- Sync: conversations that are followed out of the filter; sizes as device settings, large messages left out.

CREATE FUNCTION easel.age_start(filter integer, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT (date_trunc('day', age_start.at AT TIME ZONE 'UTC')
	        - make_interval(days => (ARRAY[1, 3, 7, 14, 31, 92, 183])[age_start.filter])) AT TIME ZONE 'UTC'
$$;
COMMENT ON FUNCTION easel.age_start(integer, timestamptz) IS 'Where a FilterType (1 to 7) starts at a time; NULL: it has no start.';

CREATE OR REPLACE FUNCTION easel.filter_start(options json, at timestamptz) RETURNS timestamptz LANGUAGE sql IMMUTABLE AS $$
	SELECT easel.age_start((filter_start.options ->> 'filter')::integer, filter_start.at)
$$;

CREATE FUNCTION easel.draws_in(account integer, folder integer, content bigint, held int8multirange, oldest timestamptz, cutoff timestamptz, largest bigint)
RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT coalesce(bool_or(o.date < draws_in.cutoff AND (draws_in.oldest IS NULL OR o.date >= draws_in.oldest)
	                        AND o.size <= draws_in.largest AND NOT o.uid <@ draws_in.held) AND max(o.date) >= draws_in.cutoff, false)
	FROM easel.content own
	JOIN easel.content c ON c.account_id = draws_in.account AND c.summary ->> 'conversation' = own.summary ->> 'conversation'
	JOIN easel.item o ON o.account_id = draws_in.account AND o.folder_id = draws_in.folder AND o.content_id = c.id
	WHERE own.account_id = draws_in.account AND own.id = draws_in.content
$$;
COMMENT ON FUNCTION easel.draws_in(integer, integer, bigint, int8multirange, timestamptz, timestamptz, bigint) IS 'Whether the conversation of an item reaches into a filter and has older items in the folder that a device does not hold.';

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
		-- Since the device's last Sync the filter's start may have passed on, or not be where it is to be yet.
		SELECT greatest(s.cutoff, easel.filter_start(s.options, now())),
		       easel.filter_start(s.options, now()) IS NOT NULL AND coalesce((s.options ->> 'conversations')::boolean, false)
		       AND (f.modseq > s.modseq OR s.cut_uid IS NOT NULL OR s.fill_uid IS NOT NULL),
		       easel.age_start((s.options ->> 'look_back')::integer, now()),
		       coalesce((s.options ->> 'message_size')::bigint, 9223372036854775807)
	) AS since(cutoff, drawing, oldest, largest)
	WHERE (c.owner_id = c.account_id OR easel.folder_rights(c.account_id, c.owner_id, c.folder_id) & 2 <> 0)
	AND (s.folder_epoch <> f.epoch OR s.todo <> '{}' OR f.modseq < s.modseq AND s.held <> '{}'
	OR (s.fill_uid IS NOT NULL OR f.modseq < s.modseq) AND EXISTS (
		SELECT FROM easel.item i
		WHERE i.account_id = f.account_id AND i.folder_id = f.id
		AND (f.modseq < s.modseq OR i.uid < s.fill_uid)
		AND (since.cutoff IS NULL OR i.date >= since.cutoff) AND i.size <= since.largest AND NOT i.uid <@ s.held)
	OR (f.modseq > s.modseq OR s.cut_uid IS NOT NULL) AND (
		EXISTS (
			SELECT FROM easel.item i
			WHERE i.account_id = f.account_id AND i.folder_id = f.id
			AND (i.modseq, i.uid) > (s.modseq, coalesce(s.cut_uid, 9223372036854775807))
			AND (i.uid <@ s.held OR (since.cutoff IS NULL OR i.date >= since.cutoff) AND i.size <= since.largest
			     AND i.uid >= coalesce(s.fill_uid, 0))
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
			AND easel.draws_in(f.account_id, f.id, i.content_id, s.held, since.oldest, since.cutoff, since.largest))
		OR EXISTS (
			SELECT FROM easel.item i
			WHERE i.account_id = f.account_id AND i.folder_id = f.id
			AND i.uid < s.fill_uid AND i.date >= since.cutoff
			AND easel.draws_in(f.account_id, f.id, i.content_id, s.held, since.oldest, since.cutoff, since.largest))))
$$;

-- ---------------------------------------------------------------------------------------------
-- Sizes as device settings

ALTER TABLE easel.device_settings
	ADD text_size integer CHECK (text_size >= -1),
	ADD html_size integer CHECK (html_size >= -1),
	ADD message_size bigint CHECK (message_size = 0 OR message_size >= 1024),
	ADD attachments boolean,
	ADD attachment_size bigint CHECK (attachment_size >= -1);
COMMENT ON COLUMN easel.device_settings.text_size IS 'Bytes of a plain text at most, what is longer is cut: -1 any, 0 none. As easel.policy.max_text_size; the stricter of both holds, and a device may only be stricter.';
COMMENT ON COLUMN easel.device_settings.html_size IS 'The same of HTML, as easel.policy.max_html_size.';
COMMENT ON COLUMN easel.device_settings.message_size IS 'Larger messages are left out altogether (bytes, from 1024 on); 0: none is. One that a device has already is taken off it when it changes.';
COMMENT ON COLUMN easel.device_settings.attachments IS 'Attachments may be downloaded, as easel.policy.allow_attachments.';
COMMENT ON COLUMN easel.device_settings.attachment_size IS 'Bytes of an attachment at most; -1 any.';
UPDATE easel.device_settings SET text_size = -1, html_size = -1, message_size = 0, attachments = true, attachment_size = -1
	WHERE level = 'default';

ALTER TYPE easel.effective ADD ATTRIBUTE message_size bigint;
COMMENT ON TYPE easel.effective IS 'What the levels of policy and settings come to for a device, as far as each request has to know it. digest: of the policy that is sent to it. mail_age and calendar_age: FilterType at most, 0 all. Sizes: bytes at most, -1 any, 0 the header only; message_size: larger ones are left out, 0 none.';

CREATE FUNCTION easel.stricter_size(one bigint, other bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT CASE WHEN one < 0 THEN other WHEN other < 0 THEN one ELSE least(one, other) END
$$;
COMMENT ON FUNCTION easel.stricter_size(bigint, bigint) IS 'The stricter of two sizes; -1 is any.';

CREATE OR REPLACE FUNCTION easel.effective_of(account integer, device integer DEFAULT NULL) RETURNS easel.effective LANGUAGE sql STABLE AS $$
	SELECT ROW((f.fields ->> 'enforced')::boolean,
		CASE WHEN (f.fields ->> 'enforced')::boolean THEN md5(d.document::text) END,
		(f.fields ->> 'refresh_hours')::integer,
		(f.fields ->> 'allow_non_provisionable')::boolean,
		(f.fields ->> 'max_protocol_version')::integer,
		(f.fields ->> 'max_devices')::integer,
		easel.stricter_age((d.document ->> 'max_mail_age')::integer, (s.fields ->> 'mail_age')::integer),
		easel.stricter_age((d.document ->> 'max_calendar_age')::integer, (s.fields ->> 'calendar_age')::integer),
		easel.stricter_size((d.document ->> 'max_text_size')::bigint, (s.fields ->> 'text_size')::bigint),
		easel.stricter_size((d.document ->> 'max_html_size')::bigint, (s.fields ->> 'html_size')::bigint),
		(d.document ->> 'allow_html')::boolean,
		(d.document ->> 'allow_attachments')::boolean AND (s.fields ->> 'attachments')::boolean,
		easel.stricter_size(coalesce(nullif((d.document ->> 'max_attachment_size')::bigint, 0), -1), (s.fields ->> 'attachment_size')::bigint),
		(s.fields ->> 'message_size')::bigint)::easel.effective
	FROM (SELECT easel.policy_fields(effective_of.account, effective_of.device) AS fields OFFSET 0) f,
	     LATERAL (SELECT easel.policy_document(f.fields) AS document OFFSET 0) d,
	     (SELECT jsonb_object_agg(v.key, v.value ORDER BY easel.level_rank(l.level)) AS fields
	      FROM easel.device_settings_levels(effective_of.account, effective_of.device) l, jsonb_each(l.fields) v) s
$$;
-- What was computed before lacks it.
UPDATE easel.server SET gate_version = gate_version + 1;

DROP FUNCTION easel.gate(text, text, inet, integer, bigint);
CREATE FUNCTION easel.gate(login text, device_id text, from_address inet, version integer DEFAULT 0, policy_key_sent bigint DEFAULT NULL)
RETURNS TABLE (
	account_id integer, address text, display_name text, password_hash text, remembered bytea,
	throttled boolean, verdict text, hierarchy_modseq bigint, timezone text, language text,
	device integer, device_type text, user_agent text, protocol_version integer, access text,
	policy_key bigint, policy_offered_key bigint, stale boolean, wipe integer, wipe_kind text,
	ping_heartbeat integer, ping_folders text, sync_request text,
	max_protocol_version integer, mail_age integer, calendar_age integer, text_size bigint, html_size bigint,
	html boolean, attachments boolean, attachment_size bigint, enforced boolean, trace integer,
	heartbeat_min integer, heartbeat_max integer, ping_max_folders integer,
	sync_max_collections integer, sync_max_items integer, sync_max_bytes integer, message_size bigint
) LANGUAGE sql STABLE AS $$
	SELECT a.id, a.address, a.display_name, a.password_hash, m.digest,
	       coalesce(f.failures >= s.login_failures
	                AND f.last_at > now() - make_interval(secs => s.login_pause), false),
	       easel.gate_verdict(s.enabled AND d.enabled AND a.enabled, w.kind, v, e.x, s, gate.version, gate.policy_key_sent),
	       a.hierarchy_modseq, a.timezone, a.language,
	       v.id, v.type, v.user_agent, v.protocol_version, v.access,
	       v.policy_key, v.policy_offered_key, v.last_seen < now() - interval '1 minute' OR e.computed, w.id, w.kind,
	       v.ping_heartbeat, v.ping_folders::text, v.sync_request,
	       (e.x).max_protocol_version, (e.x).mail_age, (e.x).calendar_age, (e.x).text_size, (e.x).html_size,
	       (e.x).html, (e.x).attachments, (e.x).attachment_size, (e.x).enforced,
	       CASE WHEN greatest(a.trace_until, v.trace_until) > now()
	            THEN CASE WHEN a.trace_bodies OR v.trace_bodies THEN 2 ELSE 1 END ELSE 0 END,
	       s.heartbeat_min, s.heartbeat_max, s.ping_max_folders,
	       s.sync_max_collections, s.sync_max_items, s.sync_max_bytes, (e.x).message_size
	FROM easel.server s
	LEFT JOIN easel.account a ON a.address = gate.login
	LEFT JOIN easel.domain d ON d.id = a.domain_id
	LEFT JOIN easel.password_memory m ON m.account_id = a.id
	LEFT JOIN easel.login_failure f ON f.account_id = a.id AND f.address = gate.from_address
	LEFT JOIN easel.device v ON v.account_id = a.id AND v.device_id = gate.device_id
	LEFT JOIN LATERAL (
		SELECT w.id, w.kind FROM easel.wipe w
		WHERE w.device_id = gate.device_id AND w.state = 'pending' AND a.id IS NOT NULL
		AND w.id = (easel.wipe_for(a.id, gate.device_id)).id) w ON true
	LEFT JOIN LATERAL (
		SELECT NOT c.fresh AS computed,
		       CASE WHEN c.fresh THEN v.effective WHEN a.id IS NOT NULL THEN easel.effective_of(a.id, v.id) END AS x
		FROM (SELECT coalesce(NOT v.effective IS NULL
		      AND v.effective_stamp = s.gate_version + d.gate_version + a.gate_version, false) AS fresh) c
		OFFSET 0) e ON true
$$;
COMMENT ON FUNCTION easel.gate(text, text, inet, integer, bigint) IS 'All that a worker needs to know before it serves a request: the account (NULL when there is none), how its password is checked, whether the request may come in (see easel.gate_verdict()), its device (NULL when new), what that is allowed, and the limits that hold. Changes nothing. version: protocol version, 0 when none was said.';

-- ---------------------------------------------------------------------------------------------
-- The message that names an item which a device does not get: only there, in its inbox, in no store

ALTER TABLE easel.sync_omitted
	ADD retried boolean NOT NULL DEFAULT false,
	ADD note bytea,
	ADD note_folder integer;
COMMENT ON COLUMN easel.sync_omitted.retried IS 'It is to be sent again; once it is, the row goes.';
COMMENT ON COLUMN easel.sync_omitted.note IS 'The message in the device''s inbox that names the item; NULL: none, or the user has deleted it.';
COMMENT ON COLUMN easel.sync_omitted.note_folder IS 'The inbox, by its number in easel.collection.';

CREATE FUNCTION easel.note_uid(id bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
	SELECT 2305843009213693952 + id
$$;
COMMENT ON FUNCTION easel.note_uid(bigint) IS 'The uid that devices know the message of a row of easel.sync_omitted by: beyond those of all folders.';

CREATE FUNCTION easel.notes_of(device integer, folder integer) RETURNS int8multirange LANGUAGE sql STABLE AS $$
	SELECT coalesce(range_agg(int8range(easel.note_uid(o.id), easel.note_uid(o.id), '[]')), '{}')
	FROM easel.sync_omitted o
	WHERE o.device = notes_of.device AND o.note_folder = notes_of.folder AND o.note IS NOT NULL
$$;
COMMENT ON FUNCTION easel.notes_of(integer, integer) IS 'The messages about omitted items that a device has in a folder.';

CREATE OR REPLACE VIEW easel.omitted_item AS
	SELECT o.id, a.address AS account, v.device_id, f.name AS folder, o.uid, c.summary ->> 'subject' AS subject,
	       i.date, i.size, o.reason, o.omitted_at
	FROM easel.sync_omitted o
	JOIN easel.device v ON v.id = o.device
	JOIN easel.account a ON a.id = o.account_id
	JOIN easel.collection k ON k.account_id = o.account_id AND k.id = o.folder_id
	JOIN easel.folder f ON f.account_id = k.owner_id AND f.id = k.folder_id
	JOIN easel.item i ON i.account_id = f.account_id AND i.folder_id = f.id AND i.uid = o.uid AND i.modseq = o.modseq
	JOIN easel.content c ON c.account_id = i.account_id AND c.id = i.content_id
	WHERE NOT o.retried;

CREATE FUNCTION easel.send_again(account integer, device integer, folder integer, uid bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE easel.sync_base b SET todo = b.todo + int8multirange(int8range(send_again.uid, send_again.uid, '[]'))
		WHERE b.account_id = send_again.account AND b.device = send_again.device AND b.folder_id = send_again.folder;
	UPDATE easel.sync_answer b SET todo = b.todo + int8multirange(int8range(send_again.uid, send_again.uid, '[]'))
		WHERE b.account_id = send_again.account AND b.device = send_again.device AND b.folder_id = send_again.folder;
	PERFORM pg_notify('easel_folders', send_again.account || ':' || send_again.folder);
END $$;
COMMENT ON FUNCTION easel.send_again(integer, integer, integer, bigint) IS 'Has a device told of an item as it is now, or that it is gone, whichever of its states it is in.';

CREATE OR REPLACE FUNCTION easel.omitted_retry(id bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	o easel.sync_omitted;
BEGIN
	UPDATE easel.sync_omitted s SET retried = true WHERE s.id = omitted_retry.id RETURNING * INTO o;
	IF NOT FOUND THEN
		RAISE EXCEPTION 'there is no omitted item %', id USING ERRCODE = 'no_data_found';
	END IF;
	PERFORM easel.send_again(o.account_id, o.device, o.folder_id, o.uid);
END $$;

CREATE OR REPLACE FUNCTION easel.item_omitted(device integer, account integer, folder integer, uid bigint, modseq bigint, reason text)
	RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	omitted bigint;
	inbox integer;
	told bigint;
	mail bytea;
BEGIN
	INSERT INTO easel.sync_omitted AS s (account_id, device, folder_id, uid, modseq, reason)
		VALUES (item_omitted.account, item_omitted.device, item_omitted.folder, item_omitted.uid, item_omitted.modseq, item_omitted.reason)
		ON CONFLICT ON CONSTRAINT sync_omitted_device_folder_id_uid_key DO UPDATE
		SET modseq = excluded.modseq, reason = excluded.reason, omitted_at = now(), retried = false
		WHERE s.modseq <> excluded.modseq OR s.retried
		RETURNING s.id INTO omitted;
	-- A device that does not take the message about an item is not told of that as well.
	IF NOT FOUND OR item_omitted.uid >= easel.note_uid(0) THEN
		RETURN;
	END IF;
	SELECT c.id INTO inbox FROM easel.folder f
		JOIN easel.collection c ON c.account_id = f.account_id AND c.owner_id = f.account_id AND c.folder_id = f.id
		WHERE f.account_id = item_omitted.account AND f.role = 'inbox' ORDER BY c.id LIMIT 1;
	told := easel.inform(item_omitted.account, 'item_omitted', (
		SELECT jsonb_build_object('device', coalesce(v.friendly_name, v.model, v.device_id),
			'subject', coalesce(o.subject, ''), 'folder', coalesce(o.folder, ''))
		FROM easel.device v LEFT JOIN easel.omitted_item o ON o.id = omitted
		WHERE v.id = item_omitted.device));
	DELETE FROM easel.notice n WHERE n.account_id = item_omitted.account AND n.id = told RETURNING n.data INTO mail;
	UPDATE easel.sync_omitted s SET note = mail, note_folder = inbox WHERE s.id = omitted;
	PERFORM easel.send_again(item_omitted.account, item_omitted.device, inbox, easel.note_uid(omitted));
END $$;
COMMENT ON FUNCTION easel.item_omitted(integer, integer, integer, bigint, bigint, text) IS 'Notes that a device does not get an item, and puts a message that names it into its inbox.';

CREATE FUNCTION easel.omitted_is_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.send_again(OLD.account_id, OLD.device, OLD.note_folder, easel.note_uid(OLD.id));
	RETURN NULL;
END $$;
COMMENT ON FUNCTION easel.omitted_is_over() IS 'The message that named an omitted item disappears from the device with it.';
CREATE TRIGGER omitted_is_over AFTER DELETE ON easel.sync_omitted
	FOR EACH ROW WHEN (OLD.note IS NOT NULL) EXECUTE FUNCTION easel.omitted_is_over();
