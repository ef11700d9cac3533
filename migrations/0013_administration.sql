-- What workers and administrators do with devices: provisioning and its outcomes, wipes, recovery passwords;
-- decisions, rules, policies and settings; lists to read; and who may do what.

-- ---------------------------------------------------------------------------------------------
-- Provisioning

CREATE FUNCTION easel.device_offer_policy(device integer, key bigint) RETURNS jsonb LANGUAGE sql AS $$
	UPDATE easel.device v SET policy_offered_key = device_offer_policy.key,
		policy_offered_digest = (x.effective).digest, policy_asked = 0, policy_asked_at = NULL
	FROM (SELECT w.id, easel.effective_of(w.account_id, w.id) AS effective,
	             easel.policy_document(easel.policy_fields(w.account_id, w.id)) AS document
	      FROM easel.device w WHERE w.id = device_offer_policy.device) x
	WHERE v.id = x.id
	RETURNING x.document
$$;
COMMENT ON FUNCTION easel.device_offer_policy(integer, bigint) IS 'Offers a device the policy that holds for it, under a temporary key; returns the policy.';

CREATE FUNCTION easel.device_acknowledge_policy(device integer, status integer, key bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v easel.device;
	x easel.effective;
	let_in boolean;
	what text;
BEGIN
	SELECT * INTO v FROM easel.device d WHERE d.id = device_acknowledge_policy.device FOR NO KEY UPDATE;
	x := easel.effective_of(v.account_id, v.id);
	let_in := v.policy_offered_digest IS NULL OR status = 1 OR status IN (2, 4) AND x.allow_non_provisionable;
	what := CASE WHEN status = 3 THEN 'policy_refused' ELSE 'policy_unsupported' END;
	IF NOT let_in AND (v.policy_status, v.policy_digest) IS DISTINCT FROM (status, v.policy_offered_digest) THEN
		PERFORM easel.inform(v.account_id, what, jsonb_build_object('device', easel.device_label(v)));
	END IF;
	UPDATE easel.device d SET policy_status = device_acknowledge_policy.status,
		policy_key = CASE WHEN let_in THEN device_acknowledge_policy.key ELSE 0 END,
		policy_offered_key = 0, policy_digest = v.policy_offered_digest, policy_at = now()
		WHERE d.id = v.id;
	RETURN let_in;
END $$;
COMMENT ON FUNCTION easel.device_acknowledge_policy(integer, integer, bigint) IS 'Records what a device says of the policy that it was offered (1 accepted, 2 partly, 3 refused, 4 managed by others), and the final key. False: it is kept out for that; its user is told once.';

-- ---------------------------------------------------------------------------------------------
-- Remote wipe

CREATE FUNCTION easel.wipe_told(wipe integer) RETURNS void LANGUAGE sql AS $$
	UPDATE easel.wipe w SET told = w.told + 1, told_at = now() FROM easel.server s
	WHERE w.id = wipe_told.wipe AND coalesce(w.told_at, '-infinity') <= now() - make_interval(secs => s.policy_ask_distance)
$$;
COMMENT ON FUNCTION easel.wipe_told(integer) IS 'Counts that a device was told to come for a wipe, requests that follow closely as one.';

CREATE FUNCTION easel.wipe_delivered(wipe integer, failed boolean DEFAULT false, hierarchy_key text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	UPDATE easel.wipe w SET delivered = w.delivered + 1, delivered_at = now(), told = 0,
		failures = w.failures + CASE WHEN wipe_delivered.failed THEN 1 ELSE 0 END,
		hierarchy_key = wipe_delivered.hierarchy_key
	WHERE w.id = wipe_delivered.wipe
$$;
COMMENT ON FUNCTION easel.wipe_delivered(integer, boolean, text) IS 'Counts that a wipe was sent to its device; failed: again, after the device said that it could not do it. hierarchy_key: of the emptied folder tree.';

CREATE FUNCTION easel.wipe_lock_out(account integer, w easel.wipe, since timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v easel.device;
BEGIN
	UPDATE easel.device x SET access = 'blocked', access_by = 'wipe', access_at = since,
		access_reason = format('wiped (%s) at %s', w.kind, date_trunc('second', since)), policy_key = 0
		WHERE x.account_id = wipe_lock_out.account AND x.device_id = w.device_id
		RETURNING x.* INTO v;
	PERFORM easel.sync_reset(v.id) WHERE v.id IS NOT NULL;
	PERFORM easel.inform(wipe_lock_out.account, 'wipe_' || w.kind,
		jsonb_build_object('device', coalesce(easel.device_label(v), w.device_id)));
END $$;
COMMENT ON FUNCTION easel.wipe_lock_out(integer, easel.wipe, timestamptz) IS 'A device was wiped: it is blocked in the account, and the user is told.';

CREATE FUNCTION easel.wipe_done(wipe integer, account integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	w easel.wipe;
	other integer;
BEGIN
	SELECT * INTO w FROM easel.wipe x WHERE x.id = wipe_done.wipe AND x.state = 'pending' FOR UPDATE;
	IF w.id IS NULL THEN
		RETURN;
	END IF;
	IF w.account_id IS NOT NULL THEN
		UPDATE easel.wipe x SET state = 'done', ended_at = now() WHERE x.id = w.id;
		PERFORM easel.wipe_lock_out(w.account_id, w, now());
		RETURN;
	END IF;
	-- Of the whole device it is done once; of each account's data it is done in each.
	FOR other IN
		SELECT v.account_id FROM easel.device v WHERE v.device_id = w.device_id
		AND (w.kind = 'hard' OR v.account_id = wipe_done.account)
		AND NOT EXISTS (SELECT FROM easel.wipe p WHERE p.part_of = w.id AND p.account_id = v.account_id)
		UNION SELECT wipe_done.account ORDER BY 1 LOOP
		INSERT INTO easel.wipe (account_id, device_id, kind, state, part_of, requested_by, requested_at, ended_at)
			VALUES (other, w.device_id, w.kind, 'done', w.id, w.requested_by, w.requested_at, now());
		PERFORM easel.wipe_lock_out(other, w, now());
	END LOOP;
	UPDATE easel.wipe x SET state = 'done', ended_at = now(), released_at = now()
		WHERE x.id = w.id AND NOT EXISTS (
			SELECT FROM easel.device v WHERE v.device_id = w.device_id AND NOT EXISTS (
				SELECT FROM easel.wipe p WHERE p.part_of = w.id AND p.account_id = v.account_id));
END $$;
COMMENT ON FUNCTION easel.wipe_done(integer, integer) IS 'The device has acknowledged a wipe in an account: it is blocked until it is allowed again, and its user is told.';

CREATE FUNCTION easel.device_wipe(device integer, kind text, every_account boolean DEFAULT false, by text DEFAULT session_user)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v easel.device := easel.device_known(device);
	new_id integer;
BEGIN
	IF kind IS NULL OR kind NOT IN ('hard', 'soft') THEN
		RAISE EXCEPTION 'a wipe is hard or soft, not "%"', kind USING ERRCODE = 'invalid_parameter_value';
	END IF;
	-- A second order replaces the first: soft may become hard.
	UPDATE easel.wipe w SET state = 'cancelled', ended_at = now()
		WHERE w.device_id = v.device_id AND w.state = 'pending'
		AND w.account_id IS NOT DISTINCT FROM CASE WHEN every_account THEN NULL ELSE v.account_id END;
	INSERT INTO easel.wipe (account_id, device_id, kind, requested_by)
		VALUES (CASE WHEN NOT every_account THEN v.account_id END, v.device_id, device_wipe.kind, device_wipe.by)
		RETURNING id INTO new_id;
	RETURN new_id;
END $$;
COMMENT ON FUNCTION easel.device_wipe(integer, text, boolean, text) IS 'Has a device wiped at its next contact, at once if it waits for news: hard, all that is on it, or soft, what it has of the account. every_account: in every account that a device of this id is in. Returns the number of the wipe.';

CREATE FUNCTION easel.wipe_cancel(device integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v easel.device := easel.device_known(device);
	ended integer;
BEGIN
	UPDATE easel.wipe w SET state = 'cancelled', ended_at = now()
		WHERE w.device_id = v.device_id AND w.state = 'pending' AND (w.account_id = v.account_id OR w.account_id IS NULL);
	GET DIAGNOSTICS ended = ROW_COUNT;
	RETURN ended;
END $$;
COMMENT ON FUNCTION easel.wipe_cancel(integer) IS 'Takes back the wipes that wait for a device, also those in every account; returns how many.';

-- ---------------------------------------------------------------------------------------------
-- Recovery passwords

CREATE TABLE easel.device_password_shown (
	id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
	device integer NOT NULL REFERENCES easel.device ON DELETE CASCADE,
	shown_to text NOT NULL,
	shown_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON easel.device_password_shown (device);
COMMENT ON TABLE easel.device_password_shown IS 'Each showing of a recovery password.';
COMMENT ON COLUMN easel.device_password_shown.id IS 'Number of the showing.';
COMMENT ON COLUMN easel.device_password_shown.device IS 'Of which device.';
COMMENT ON COLUMN easel.device_password_shown.shown_to IS 'To whom: an administrator''s name on his host, or the user on his page.';
COMMENT ON COLUMN easel.device_password_shown.shown_at IS 'When.';

-- ---------------------------------------------------------------------------------------------
-- Decisions about devices

CREATE FUNCTION easel.device_known(device integer) RETURNS easel.device LANGUAGE plpgsql STABLE AS $$
DECLARE
	v easel.device;
BEGIN
	SELECT * INTO v FROM easel.device x WHERE x.id = device_known.device;
	IF v.id IS NULL THEN
		RAISE EXCEPTION 'there is no device %', coalesce(device::text, 'without a number') USING ERRCODE = 'no_data_found';
	END IF;
	RETURN v;
END $$;
COMMENT ON FUNCTION easel.device_known(integer) IS 'The row of a device; an error when there is none.';

CREATE FUNCTION easel.account_known(address text) RETURNS easel.account LANGUAGE plpgsql STABLE AS $$
DECLARE
	a easel.account;
BEGIN
	SELECT * INTO a FROM easel.account x WHERE x.address = lower(account_known.address);
	IF a.id IS NULL THEN
		RAISE EXCEPTION 'there is no account "%"', address USING ERRCODE = 'no_data_found';
	END IF;
	RETURN a;
END $$;
COMMENT ON FUNCTION easel.account_known(text) IS 'The row of an account by its address; an error when there is none.';

CREATE FUNCTION easel.domain_known(name text) RETURNS easel.domain LANGUAGE plpgsql STABLE AS $$
DECLARE
	d easel.domain;
BEGIN
	SELECT * INTO d FROM easel.domain x WHERE x.name = lower(domain_known.name);
	IF d.id IS NULL THEN
		RAISE EXCEPTION 'there is no domain "%"', name USING ERRCODE = 'no_data_found';
	END IF;
	RETURN d;
END $$;
COMMENT ON FUNCTION easel.domain_known(text) IS 'The row of a domain by its name; an error when there is none.';

CREATE FUNCTION easel.device_set_access(device integer, access text, by text DEFAULT 'administrator', reason text DEFAULT NULL)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v easel.device := easel.device_known(device);
BEGIN
	UPDATE easel.device x SET access = device_set_access.access, access_by = device_set_access.by, access_at = now(),
		access_reason = coalesce(device_set_access.reason, format('%s, %s', device_set_access.by, session_user))
		WHERE x.id = v.id;
	IF device_set_access.access <> 'blocked' THEN
		UPDATE easel.wipe w SET released_at = now()
			WHERE w.device_id = v.device_id AND w.account_id = v.account_id AND w.state = 'done' AND w.released_at IS NULL;
	END IF;
	IF device_set_access.access = 'quarantined' AND v.access <> 'quarantined' THEN
		PERFORM easel.inform(v.account_id, 'quarantined', jsonb_build_object('device', easel.device_label(v)));
	END IF;
END $$;
COMMENT ON FUNCTION easel.device_set_access(integer, text, text, text) IS 'Decides about a device, over the rules.';

CREATE FUNCTION easel.device_allow(device integer, reason text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	SELECT easel.device_set_access(device, 'allowed', 'administrator', reason)
$$;
COMMENT ON FUNCTION easel.device_allow(integer, text) IS 'Lets a device in, whatever the rules say, also again after a wipe.';
CREATE FUNCTION easel.device_block(device integer, reason text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	SELECT easel.device_set_access(device, 'blocked', 'administrator', reason)
$$;
COMMENT ON FUNCTION easel.device_block(integer, text) IS 'Keeps a device out, whatever the rules say.';
CREATE FUNCTION easel.device_quarantine(device integer, reason text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
	SELECT easel.device_set_access(device, 'quarantined', 'administrator', reason)
$$;
COMMENT ON FUNCTION easel.device_quarantine(integer, text) IS 'Puts a device into quarantine, whatever the rules say: it shows nothing, what it adds is taken.';

CREATE FUNCTION easel.device_delete(device integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	v easel.device := easel.device_known(device);
BEGIN
	DELETE FROM easel.device x WHERE x.id = v.id;
	PERFORM pg_notify('easel_hierarchy', v.account_id::text);
END $$;
COMMENT ON FUNCTION easel.device_delete(integer) IS 'Removes a device with its settings, policies and sync state; its next contact is that of a new device. A wipe that waits for it stays.';

CREATE FUNCTION easel.devices_decide_again(device integer DEFAULT NULL) RETURNS TABLE (id integer, before text, after text) LANGUAGE sql AS $$
	SELECT v.id, v.access, easel.device_decide(v.id)
	FROM (SELECT x.id, x.access FROM easel.device x
	      WHERE x.access_by = 'rule' AND (devices_decide_again.device IS NULL OR x.id = devices_decide_again.device)
	      ORDER BY x.id) v
$$;
COMMENT ON FUNCTION easel.devices_decide_again(integer) IS 'After the rules were changed: has them decide again about a device, or all, that nobody has decided about. Returns each with its access before and after.';

CREATE FUNCTION easel.rule_create(characteristic text, value text, action text, description text DEFAULT '', active boolean DEFAULT true)
RETURNS integer LANGUAGE sql AS $$
	INSERT INTO easel.access_rule (characteristic, value, action, description, active)
	VALUES (rule_create.characteristic, rule_create.value, rule_create.action, rule_create.description, rule_create.active)
	RETURNING id
$$;
COMMENT ON FUNCTION easel.rule_create(text, text, text, text, boolean) IS 'Adds an access rule; returns its number. See easel.access_rule.';

CREATE FUNCTION easel.rule_for_similar_devices(device integer, characteristic text DEFAULT 'model', action text DEFAULT NULL)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	v easel.device := easel.device_known(device);
	word text := CASE characteristic WHEN 'os' THEN v.os WHEN 'model' THEN v.model WHEN 'type' THEN v.type END;
BEGIN
	IF coalesce(word, '') = '' THEN
		RAISE EXCEPTION 'device % has not said its %', device, characteristic USING ERRCODE = 'no_data_found';
	END IF;
	RETURN easel.rule_create(characteristic, word,
		coalesce(action, CASE v.access WHEN 'blocked' THEN 'block' WHEN 'quarantined' THEN 'quarantine' ELSE 'allow' END),
		'like ' || easel.device_label(v));
END $$;
COMMENT ON FUNCTION easel.rule_for_similar_devices(integer, text, text) IS 'Adds an access rule for devices like this one: by model, os or type, with the action that it has now unless another is said. Returns its number.';

-- ---------------------------------------------------------------------------------------------
-- Levels of policy and settings

CREATE FUNCTION easel.level_target(level text, target text) RETURNS TABLE (col text, id integer) LANGUAGE plpgsql STABLE AS $$
BEGIN
	CASE level
	WHEN 'server' THEN RETURN QUERY SELECT NULL::text, NULL::integer;
	WHEN 'domain' THEN RETURN QUERY SELECT 'domain_id', (easel.domain_known(target)).id;
	WHEN 'user' THEN RETURN QUERY SELECT 'account_id', (easel.account_known(target)).id;
	WHEN 'rule' THEN
		IF NOT EXISTS (SELECT FROM easel.access_rule r WHERE r.id::text = target) THEN
			RAISE EXCEPTION 'there is no rule %', target USING ERRCODE = 'no_data_found';
		END IF;
		RETURN QUERY SELECT 'rule_id', target::integer;
	WHEN 'device' THEN
		IF target !~ '^[0-9]{1,9}$' THEN
			RAISE EXCEPTION 'a device is named by its number, not "%"', target USING ERRCODE = 'invalid_parameter_value';
		END IF;
		RETURN QUERY SELECT 'device', (easel.device_known(target::integer)).id;
	ELSE
		RAISE EXCEPTION 'there is no level "%"', level
			USING ERRCODE = 'invalid_parameter_value', HINT = 'server, domain, user, device; for settings also rule.';
	END CASE;
END $$;
COMMENT ON FUNCTION easel.level_target(text, text) IS 'Which row of a level is meant: by name of the domain, address of the user, number of the rule or the device.';

CREATE FUNCTION easel.level_set(levels text, level text, target text, field text, value text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	row_of record;
	kind text;
	place text;
BEGIN
	IF level = 'rule' AND levels = 'policy' THEN
		RAISE EXCEPTION 'policies have no level "rule"' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	SELECT * INTO row_of FROM easel.level_target(level, target);
	SELECT format_type(a.atttypid, NULL) INTO kind FROM pg_attribute a
		WHERE a.attrelid = ('easel.' || levels)::regclass AND a.attname = field AND a.attnum > 0
		AND field NOT IN ('id', 'level', 'domain_id', 'account_id', 'rule_id', 'device', 'changed_at');
	IF kind IS NULL THEN
		RAISE EXCEPTION 'there is no "%" in a %', field, replace(levels, '_', '''s ')
			USING ERRCODE = 'invalid_parameter_value', HINT = format('See \d easel.%s', levels);
	END IF;
	place := CASE WHEN row_of.col IS NULL THEN 'true' ELSE format('%I = %s', row_of.col, row_of.id) END;
	EXECUTE format('INSERT INTO easel.%I (level%s) SELECT %L%s WHERE NOT EXISTS (SELECT FROM easel.%I WHERE level = %L AND %s)',
		levels, ', ' || row_of.col, level, ', ' || row_of.id, levels, level, place);
	EXECUTE format('UPDATE easel.%I SET %I = $1::%s WHERE level = %L AND %s', levels, field, kind, level, place) USING value;
END $$;
COMMENT ON FUNCTION easel.level_set(text, text, text, text, text) IS 'Sets a column of a level''s row in easel.policy or easel.device_settings, which it adds if need be; NULL inherits.';

CREATE FUNCTION easel.level_inherit(levels text, level text, target text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
	row_of record;
	removed integer;
BEGIN
	SELECT * INTO row_of FROM easel.level_target(level, target);
	EXECUTE format('DELETE FROM easel.%I WHERE level = %L AND %s', levels, level,
		CASE WHEN row_of.col IS NULL THEN 'true' ELSE format('%I = %s', row_of.col, row_of.id) END);
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN removed;
END $$;
COMMENT ON FUNCTION easel.level_inherit(text, text, text) IS 'Removes a level''s row from easel.policy or easel.device_settings, so that it inherits everything; returns how many rows that were.';

CREATE FUNCTION easel.policy_set(level text, target text, field text, value text) RETURNS void LANGUAGE sql AS $$
	SELECT easel.level_set('policy', level, target, field, value)
$$;
COMMENT ON FUNCTION easel.policy_set(text, text, text, text) IS 'Sets a field of the policy on a level: server, domain (target: its name), user (address) or device (number); NULL inherits. See the columns of easel.policy.';
CREATE FUNCTION easel.policy_inherit(level text, target text DEFAULT NULL) RETURNS integer LANGUAGE sql AS $$
	SELECT easel.level_inherit('policy', level, target)
$$;
COMMENT ON FUNCTION easel.policy_inherit(text, text) IS 'Removes what a level says of the policy.';
CREATE FUNCTION easel.settings_set(level text, target text, field text, value text) RETURNS void LANGUAGE sql AS $$
	SELECT easel.level_set('device_settings', level, target, field, value)
$$;
COMMENT ON FUNCTION easel.settings_set(text, text, text, text) IS 'Sets a field of the device settings on a level: server, domain (target: its name), user (address), rule or device (number); NULL inherits. See the columns of easel.device_settings.';
CREATE FUNCTION easel.settings_inherit(level text, target text DEFAULT NULL) RETURNS integer LANGUAGE sql AS $$
	SELECT easel.level_inherit('device_settings', level, target)
$$;
COMMENT ON FUNCTION easel.settings_inherit(text, text) IS 'Removes what a level says of the device settings.';

-- ---------------------------------------------------------------------------------------------
-- To read

CREATE FUNCTION easel.policy_state(v easel.device, x easel.effective, asks integer) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE
		WHEN (v).policy_asked >= asks THEN 'unsupported'
		WHEN (x).digest IS NULL AND (v).policy_digest IS NULL THEN 'none'
		WHEN (v).policy_digest IS NULL AND (v).policy_key = 0 THEN 'not yet'
		WHEN (v).policy_digest IS DISTINCT FROM (x).digest THEN 'changed'
		WHEN (v).policy_status = 2 THEN 'partly'
		WHEN (v).policy_status = 3 THEN 'refused'
		WHEN (v).policy_status = 4 THEN 'managed elsewhere'
		ELSE 'accepted' END
$$;
COMMENT ON FUNCTION easel.policy_state(easel.device, easel.effective, integer) IS 'How a device stands to its policy: none (none is enforced), not yet, accepted, partly, refused, managed elsewhere, unsupported, changed (it has still to take the one that holds now).';

-- The list begins with those last seen, however many there are.
CREATE INDEX device_last_seen ON easel.device (last_seen);

CREATE VIEW easel.device_list AS
	SELECT v.id, a.address AS account, d.name AS domain, v.device_id,
	       coalesce(nullif(v.friendly_name, ''), v.model, v.type) AS name, v.type, v.model, v.os, v.os_language,
	       v.phone_number, v.mobile_operator, v.imei, v.user_agent,
	       regexp_replace(nullif(v.protocol_version, 0)::text, '(.)$', '.\1') AS protocol,
	       v.first_seen, v.last_seen, v.last_sync,
	       v.access, v.access_by, v.access_reason,
	       easel.policy_state(v, CASE WHEN NOT v.effective IS NULL AND v.effective_stamp = s.gate_version + d.gate_version + a.gate_version
	                             THEN v.effective ELSE easel.effective_of(a.id, v.id) END, s.policy_asks) AS policy,
	       CASE WHEN w.id IS NULL THEN 'none'
	            WHEN w.state <> 'pending' THEN 'done'
	            WHEN w.delivered = 0 AND w.told >= s.policy_asks THEN 'unsupported'
	            WHEN w.failures > 0 THEN 'failed, repeated'
	            WHEN w.delivered > 0 THEN 'sent' ELSE 'pending' END AS wipe,
	       w.kind AS wipe_kind, v.last_error, v.last_error_at
	FROM easel.server s
	CROSS JOIN easel.device v
	JOIN easel.account a ON a.id = v.account_id
	JOIN easel.domain d ON d.id = a.domain_id
	LEFT JOIN LATERAL (
		SELECT w.* FROM easel.wipe w
		WHERE w.device_id = v.device_id AND (w.account_id = v.account_id OR w.account_id IS NULL)
		AND (w.state = 'pending' OR w.state = 'done' AND w.released_at IS NULL)
		ORDER BY w.state = 'pending' DESC, w.id DESC LIMIT 1) w ON true;
COMMENT ON VIEW easel.device_list IS 'The devices, as an administrator looks at them.';
COMMENT ON COLUMN easel.device_list.id IS 'Number of the device, by which functions and scripts name it.';
COMMENT ON COLUMN easel.device_list.account IS 'Whose it is.';
COMMENT ON COLUMN easel.device_list.domain IS 'The domain of the account.';
COMMENT ON COLUMN easel.device_list.device_id IS 'What it calls itself.';
COMMENT ON COLUMN easel.device_list.name IS 'The name that its user gave it, else its model or type.';
COMMENT ON COLUMN easel.device_list.type IS 'Kind of device in its own words (DeviceType).';
COMMENT ON COLUMN easel.device_list.model IS 'Model.';
COMMENT ON COLUMN easel.device_list.os IS 'Operating system.';
COMMENT ON COLUMN easel.device_list.os_language IS 'Its language.';
COMMENT ON COLUMN easel.device_list.phone_number IS 'Phone number.';
COMMENT ON COLUMN easel.device_list.mobile_operator IS 'Mobile operator.';
COMMENT ON COLUMN easel.device_list.imei IS 'IMEI.';
COMMENT ON COLUMN easel.device_list.user_agent IS 'User-Agent header of its last request.';
COMMENT ON COLUMN easel.device_list.protocol IS 'Protocol version of its last request.';
COMMENT ON COLUMN easel.device_list.first_seen IS 'When it first came.';
COMMENT ON COLUMN easel.device_list.last_seen IS 'When it last came.';
COMMENT ON COLUMN easel.device_list.last_sync IS 'When it last synced a folder.';
COMMENT ON COLUMN easel.device_list.access IS 'As in easel.device.';
COMMENT ON COLUMN easel.device_list.access_by IS 'As in easel.device.';
COMMENT ON COLUMN easel.device_list.access_reason IS 'As in easel.device.';
COMMENT ON COLUMN easel.device_list.policy IS 'How it stands to its policy; see easel.policy_state().';
COMMENT ON COLUMN easel.device_list.wipe IS 'none; pending; sent, but not acknowledged; failed, repeated; unsupported: it does not come for it; done: it is kept out since.';
COMMENT ON COLUMN easel.device_list.wipe_kind IS 'hard or soft.';
COMMENT ON COLUMN easel.device_list.last_error IS 'The last failure of one of its requests.';
COMMENT ON COLUMN easel.device_list.last_error_at IS 'When that was.';

CREATE VIEW easel.policy_effective AS
	SELECT v.id AS device, v.account_id, p.field, p.value, p.origin,
	       p.field IN ('enforced', 'refresh_hours', 'allow_non_provisionable', 'max_protocol_version', 'max_devices')
	       OR v.is_enforced AS in_force
	FROM (SELECT x.id, x.account_id, (easel.policy_fields(x.account_id, x.id) ->> 'enforced')::boolean AS is_enforced
	      FROM easel.device x) v
	CROSS JOIN LATERAL (
		SELECT DISTINCT ON (f.key) f.key AS field, f.value, l.level AS origin
		FROM easel.policy_levels(v.account_id, v.id) l, jsonb_each_text(l.fields) f
		ORDER BY f.key, easel.level_rank(l.level) DESC) p;
COMMENT ON VIEW easel.policy_effective IS 'For each device and field of the policy: the value as configured, the level that it comes from, and whether it is in force. Ask for one device at a time.';
COMMENT ON COLUMN easel.policy_effective.device IS 'The device.';
COMMENT ON COLUMN easel.policy_effective.account_id IS 'Its account.';
COMMENT ON COLUMN easel.policy_effective.field IS 'Column of easel.policy.';
COMMENT ON COLUMN easel.policy_effective.value IS 'The value that holds.';
COMMENT ON COLUMN easel.policy_effective.origin IS 'default, server, domain, user or device.';
COMMENT ON COLUMN easel.policy_effective.in_force IS 'False when no policy is enforced on the device: then the neutral value is what it gets.';

-- ---------------------------------------------------------------------------------------------
-- Trace

CREATE TABLE easel.trace (
	account_id integer NOT NULL REFERENCES easel.account ON DELETE CASCADE,
	id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
	device_id text NOT NULL,
	at timestamptz NOT NULL DEFAULT now(),
	entry text NOT NULL,
	PRIMARY KEY (account_id, id)
);
CREATE INDEX trace_at ON easel.trace (at);
COMMENT ON TABLE easel.trace IS 'What traced devices and the server said to each other, as XML; kept for easel.server.trace_days.';
COMMENT ON COLUMN easel.trace.account_id IS 'The account.';
COMMENT ON COLUMN easel.trace.id IS 'Number of the entry, ascending.';
COMMENT ON COLUMN easel.trace.device_id IS 'What the device calls itself.';
COMMENT ON COLUMN easel.trace.at IS 'When.';
COMMENT ON COLUMN easel.trace.entry IS 'device [worker] time <<< command, or >>> HTTP status, then the document.';

CREATE FUNCTION easel.access_rule_set(level text, target text, action text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	wanted text := nullif(action, 'none');
BEGIN
	CASE level
	WHEN 'server' THEN UPDATE easel.server SET access_rule = wanted;
	WHEN 'domain' THEN UPDATE easel.domain d SET access_rule = wanted WHERE d.id = (easel.domain_known(target)).id;
	WHEN 'user' THEN UPDATE easel.account a SET access_rule = wanted WHERE a.id = (easel.account_known(target)).id;
	ELSE
		RAISE EXCEPTION 'there is no level "%"', level USING ERRCODE = 'invalid_parameter_value', HINT = 'server, domain or user.';
	END CASE;
END $$;
COMMENT ON FUNCTION easel.access_rule_set(text, text, text) IS 'Sets the access rule of the server (the global one), a domain or a user: allow, block, quarantine; none has the level before decide.';

CREATE FUNCTION easel.server_set(setting text, value text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	kind text;
BEGIN
	SELECT format_type(a.atttypid, NULL) INTO kind FROM pg_attribute a
		WHERE a.attrelid = 'easel.server'::regclass AND a.attname = setting AND a.attnum > 0 AND NOT a.attisdropped
		AND setting NOT IN ('only_row', 'gate_version');
	IF kind IS NULL THEN
		RAISE EXCEPTION 'the server has no setting "%"', setting
			USING ERRCODE = 'invalid_parameter_value', HINT = 'server_show.sql lists them.';
	END IF;
	EXECUTE format('UPDATE easel.server SET %I = $1::%s', setting, kind) USING nullif(value, '');
END $$;
COMMENT ON FUNCTION easel.server_set(text, text) IS 'Sets a column of easel.server; an empty value is NULL.';

CREATE FUNCTION easel.trace_set(device integer, account text, hours integer, bodies boolean DEFAULT false) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	until timestamptz := CASE WHEN hours > 0 THEN now() + make_interval(hours => hours) END;
BEGIN
	IF num_nonnulls(device, account) <> 1 OR hours NOT BETWEEN 0 AND 8784 THEN
		RAISE EXCEPTION 'a trace is of one device or one account, for 0 to 8784 hours' USING ERRCODE = 'invalid_parameter_value';
	END IF;
	UPDATE easel.device v SET trace_until = until, trace_bodies = bodies
		WHERE trace_set.device IS NOT NULL AND v.id = (easel.device_known(trace_set.device)).id;
	UPDATE easel.account a SET trace_until = until, trace_bodies = bodies
		WHERE trace_set.account IS NOT NULL AND a.id = (easel.account_known(trace_set.account)).id;
END $$;
COMMENT ON FUNCTION easel.trace_set(integer, text, integer, boolean) IS 'Has what a device, or all devices of an account, and the server say to each other written down (easel.trace) for so many hours; 0 ends it. bodies: what is in the items too.';

-- ---------------------------------------------------------------------------------------------
-- Housekeeping

ALTER TABLE easel.server
	ADD stale_device_days integer NOT NULL DEFAULT 365 CHECK (stale_device_days BETWEEN 0 AND 36500),
	ADD tombstone_days integer NOT NULL DEFAULT 30 CHECK (tombstone_days BETWEEN 1 AND 36500),
	ADD trace_days integer NOT NULL DEFAULT 7 CHECK (trace_days BETWEEN 1 AND 3650);
COMMENT ON COLUMN easel.server.stale_device_days IS 'Days without contact after which a device is removed, unless it is blocked; 0: never.';
COMMENT ON COLUMN easel.server.tombstone_days IS 'Days for which it is at least remembered that an item is gone; longer while a device still has to be told.';
COMMENT ON COLUMN easel.server.trace_days IS 'Days for which traces are kept.';

CREATE FUNCTION easel.housekeep() RETURNS TABLE (what text, removed bigint) LANGUAGE plpgsql AS $$
DECLARE
	s easel.server;
BEGIN
	SELECT * INTO s FROM easel.server;
	what := 'devices';
	DELETE FROM easel.device v WHERE s.stale_device_days > 0 AND v.access <> 'blocked'
		AND v.last_seen < now() - make_interval(days => s.stale_device_days);
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'tombstones';
	DELETE FROM easel.tombstone t WHERE t.gone_at < now() - make_interval(days => s.tombstone_days)
		AND NOT EXISTS (
			SELECT FROM easel.collection c JOIN easel.sync_base b ON b.account_id = c.account_id AND b.folder_id = c.id
			WHERE c.owner_id = t.account_id AND c.folder_id = t.folder_id AND (b.modseq < t.modseq OR b.todo @> t.uid));
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'sent marks';
	DELETE FROM easel.sent_message m WHERE m.sent_at < now() - interval '30 days';
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'moved-item marks';
	DELETE FROM easel.moved_item m WHERE m.moved_at < now() - interval '7 days';
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'recorded commands';
	DELETE FROM easel.sync_command c WHERE c.done_at < now() - interval '7 days'
		AND c.n < (SELECT b.n FROM easel.sync_base b
		           WHERE b.account_id = c.account_id AND b.device = c.device AND b.folder_id = c.folder_id);
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'wrong passwords';
	DELETE FROM easel.login_failure f WHERE f.last_at < now() - interval '1 day';
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'traces';
	DELETE FROM easel.trace t WHERE t.at < now() - make_interval(days => s.trace_days);
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
	what := 'queue';
	DELETE FROM easel.queue q WHERE q.queued_at < now() - s.send_patience - interval '7 days'
		AND NOT EXISTS (SELECT FROM easel.queue_recipient r
		                WHERE r.account_id = q.account_id AND r.queue_id = q.id AND r.state = 'waiting');
	GET DIAGNOSTICS removed = ROW_COUNT;
	RETURN NEXT;
END $$;
COMMENT ON FUNCTION easel.housekeep() IS 'Removes what nobody needs any more; returns how much of what. A worker calls it once an hour.';

-- ---------------------------------------------------------------------------------------------
-- Who may do what

DO $$
DECLARE
	r text;
BEGIN
	FOREACH r IN ARRAY ARRAY['easel_worker', 'easel_admin', 'easel_viewer'] LOOP
		IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r)
		   AND (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user) THEN
			EXECUTE format('CREATE ROLE %I NOLOGIN', r);
		END IF;
	END LOOP;
END $$;

CREATE FUNCTION easel.grant_roles() RETURNS TABLE (role text, granted boolean) LANGUAGE plpgsql AS $$
DECLARE
	secret text;
BEGIN
	FOREACH role IN ARRAY ARRAY['easel_worker', 'easel_admin', 'easel_viewer'] LOOP
		granted := EXISTS (SELECT FROM pg_roles p WHERE p.rolname = role);
		IF granted THEN
			EXECUTE format('GRANT USAGE ON SCHEMA easel TO %I', role);
			EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA easel TO %I', role);
			EXECUTE format('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA easel TO %I', role);
			IF role <> 'easel_viewer' THEN
				EXECUTE format('GRANT INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA easel TO %I', role);
				EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA easel TO %I', role);
				EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON easel.migration FROM %I', role);
				EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA easel GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', role);
				EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA easel GRANT USAGE ON SEQUENCES TO %I', role);
			END IF;
		END IF;
		RETURN NEXT;
	END LOOP;
	IF EXISTS (SELECT FROM pg_roles p WHERE p.rolname = 'easel_viewer') THEN
		-- What people wrote, and what opens something, is not for everybody who may look.
		FOREACH secret IN ARRAY ARRAY['password_memory', 'device_password', 'content', 'queue', 'notice', 'trace'] LOOP
			EXECUTE format('REVOKE ALL ON easel.%I FROM easel_viewer', secret);
		END LOOP;
		REVOKE ALL ON easel.account, easel.server, easel.domain FROM easel_viewer;
		EXECUTE (SELECT string_agg(format('GRANT SELECT (%s) ON %s TO easel_viewer', columns, name), '; ')
			FROM (SELECT c.oid::regclass AS name, string_agg(quote_ident(a.attname), ', ') AS columns
			      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			      WHERE c.oid IN ('easel.account'::regclass, 'easel.server'::regclass, 'easel.domain'::regclass)
			      AND a.attname NOT LIKE '%password%' GROUP BY c.oid) t);
	END IF;
	IF EXISTS (SELECT FROM pg_roles p WHERE p.rolname = 'easel_worker') THEN
		-- Workers carry out what administrators lay down.
		REVOKE INSERT, UPDATE, DELETE ON easel.domain, easel.access_rule, easel.inform_text FROM easel_worker;
	END IF;
END $$;
COMMENT ON FUNCTION easel.grant_roles() IS 'Gives the roles easel_worker, easel_admin and easel_viewer what they need, as far as they are there. Call it after you have created one of them, and for easel_viewer after an update.';
SELECT easel.grant_roles();

-- ---------------------------------------------------------------------------------------------
-- The user's own page

CREATE FUNCTION easel.user_page(account integer) RETURNS json LANGUAGE sql STABLE AS $$
	SELECT coalesce(json_agg(json_build_object('id', l.id, 'name', l.name, 'model', l.model, 'os', l.os, 'device_id', l.device_id,
		'access', l.access, 'policy', l.policy, 'wipe', l.wipe,
		'last', to_char(coalesce(l.last_sync, l.last_seen) AT TIME ZONE a.timezone, 'YYYY-MM-DD HH24:MI'),
		'recoverable', EXISTS (SELECT FROM easel.device_password p WHERE p.device = l.id),
		'rules', (SELECT json_agg(json_build_object('field', p.field, 'value', p.value, 'origin', p.origin,
			'meaning', col_description('easel.policy'::regclass, c.attnum)) ORDER BY c.attnum)
			FROM easel.policy_effective p
			JOIN pg_attribute c ON c.attrelid = 'easel.policy'::regclass AND c.attname = p.field
			WHERE p.device = l.id AND p.in_force AND p.origin <> 'default')) ORDER BY l.last_seen DESC), '[]')
	FROM easel.account a JOIN easel.device_list l ON l.account = a.address
	WHERE a.id = user_page.account AND l.access <> 'blocked'
$$;
COMMENT ON FUNCTION easel.user_page(integer) IS 'What a user''s page shows: his devices, but those that are blocked.';

CREATE FUNCTION easel.user_act(account integer, device integer, action text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v easel.device;
	address text;
	fields jsonb;
BEGIN
	SELECT x.* INTO v FROM easel.device x
		WHERE x.id = user_act.device AND x.account_id = user_act.account AND x.access <> 'blocked';
	SELECT a.address INTO address FROM easel.account a WHERE a.id = user_act.account;
	IF v.id IS NULL THEN
		RETURN false;
	END IF;
	fields := easel.policy_fields(v.account_id, v.id);
	CASE action
	WHEN 'wipe' THEN PERFORM easel.device_wipe(v.id, 'hard', false, address);
	WHEN 'remove' THEN PERFORM easel.device_wipe(v.id, 'soft', false, address);
	-- Only his own order, and only in his own account.
	WHEN 'cancel' THEN
		UPDATE easel.wipe w SET state = 'cancelled', ended_at = now()
			WHERE w.device_id = v.device_id AND w.account_id = v.account_id AND w.state = 'pending' AND w.requested_by = address;
		RETURN FOUND;
	WHEN 'stop' THEN PERFORM easel.device_set_access(v.id, 'blocked', 'user', 'stopped by the user');
	WHEN 'delete' THEN PERFORM easel.device_delete(v.id);
	-- Each only in the stricter direction; what else is configured above comes into force with it.
	WHEN 'password' THEN
		PERFORM easel.policy_set('device', v.id::text, 'password_required', 'true'), easel.policy_set('device', v.id::text, 'enforced', 'true');
	WHEN 'lock' THEN
		IF (fields ->> 'max_inactivity_minutes')::integer NOT BETWEEN 1 AND 5 THEN
			PERFORM easel.policy_set('device', v.id::text, 'max_inactivity_minutes', '5');
		END IF;
		PERFORM easel.policy_set('device', v.id::text, 'password_required', 'true'), easel.policy_set('device', v.id::text, 'enforced', 'true');
	WHEN 'encryption' THEN
		PERFORM easel.policy_set('device', v.id::text, 'require_device_encryption', 'true'), easel.policy_set('device', v.id::text, 'enforced', 'true');
	WHEN 'attachments' THEN
		PERFORM easel.policy_set('device', v.id::text, 'allow_attachments', 'false'), easel.policy_set('device', v.id::text, 'enforced', 'true');
	ELSE
		RETURN false;
	END CASE;
	RETURN true;
END $$;
COMMENT ON FUNCTION easel.user_act(integer, integer, text) IS 'What a user does to a device of his own: wipe, remove (his account from it), cancel (a wipe that he asked for), stop, delete, or a tighter policy: password, lock (after five minutes), encryption, attachments (none). False: it is no device of his, or there is no such action.';
