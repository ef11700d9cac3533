-- The gate again: what a user may do on his page never loosens anything.

CREATE FUNCTION easel.device_deletable(v easel.device) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT ((v).access_by = 'rule' OR (v).access = 'allowed')
	AND NOT EXISTS (SELECT FROM easel.policy p WHERE p.device = (v).id)
	AND NOT EXISTS (SELECT FROM easel.device_settings s WHERE s.device = (v).id)
$$;
COMMENT ON FUNCTION easel.device_deletable(easel.device) IS 'Whether a user may delete a device of his own: not where something was decided or laid down for this very device that would be gone with it.';

CREATE OR REPLACE FUNCTION easel.user_page(account integer) RETURNS json LANGUAGE sql STABLE AS $$
	SELECT coalesce(json_agg(json_build_object('id', l.id, 'name', l.name, 'model', l.model, 'os', l.os, 'device_id', l.device_id,
		'access', l.access, 'policy', l.policy, 'wipe', l.wipe,
		'last', to_char(coalesce(l.last_sync, l.last_seen) AT TIME ZONE a.timezone, 'YYYY-MM-DD HH24:MI'),
		'recoverable', EXISTS (SELECT FROM easel.device_password p WHERE p.device = l.id),
		'deletable', (SELECT easel.device_deletable(v) FROM easel.device v WHERE v.id = l.id),
		'rules', (SELECT json_agg(json_build_object('field', p.field, 'value', p.value, 'origin', p.origin) ORDER BY c.attnum)
			FROM easel.policy_effective p
			JOIN pg_attribute c ON c.attrelid = 'easel.policy'::regclass AND c.attname = p.field
			WHERE p.device = l.id AND p.in_force AND p.origin <> 'default')) ORDER BY l.last_seen DESC), '[]')
	FROM easel.account a JOIN easel.device_list l ON l.account = a.address
	WHERE a.id = user_page.account AND l.access <> 'blocked'
$$;

CREATE OR REPLACE FUNCTION easel.user_act(account integer, device integer, action text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	v easel.device;
	address text;
	fields jsonb;
	tighter jsonb;
BEGIN
	SELECT x.* INTO v FROM easel.device x
		WHERE x.id = user_act.device AND x.account_id = user_act.account AND x.access <> 'blocked';
	SELECT a.address INTO address FROM easel.account a WHERE a.id = user_act.account;
	IF v.id IS NULL THEN
		RETURN false;
	END IF;
	fields := easel.policy_fields(v.account_id, v.id);
	CASE action
	WHEN 'wipe', 'remove' THEN
		-- An administrator's order is not replaced by one that the user could then take back.
		IF EXISTS (SELECT FROM easel.wipe w WHERE w.device_id = v.device_id AND w.account_id = v.account_id
		           AND w.state = 'pending' AND w.requested_by <> address) THEN
			RETURN false;
		END IF;
		PERFORM easel.device_wipe(v.id, CASE action WHEN 'wipe' THEN 'hard' ELSE 'soft' END, false, address);
	-- Only his own order, and only in his own account.
	WHEN 'cancel' THEN
		UPDATE easel.wipe w SET state = 'cancelled', ended_at = now()
			WHERE w.device_id = v.device_id AND w.account_id = v.account_id AND w.state = 'pending' AND w.requested_by = address;
		RETURN FOUND;
	WHEN 'stop' THEN PERFORM easel.device_set_access(v.id, 'blocked', 'user', 'stopped by the user');
	WHEN 'delete' THEN
		IF NOT easel.device_deletable(v) THEN
			RETURN false;
		END IF;
		PERFORM easel.device_delete(v.id);
	-- Each only in the stricter direction; what else is configured above comes into force with it.
	WHEN 'password' THEN tighter := '{"password_required": "true"}';
	WHEN 'lock' THEN
		tighter := '{"password_required": "true"}';
		IF (fields ->> 'max_inactivity_minutes')::integer NOT BETWEEN 1 AND 5 THEN
			tighter := tighter || '{"max_inactivity_minutes": "5"}';
		END IF;
	WHEN 'encryption' THEN tighter := '{"require_device_encryption": "true"}';
	WHEN 'attachments' THEN tighter := '{"allow_attachments": "false"}';
	ELSE
		RETURN false;
	END CASE;
	PERFORM easel.policy_set('device', v.id::text, f.key, f.value) FROM jsonb_each_text(tighter || '{"enforced": "true"}') f;
	RETURN true;
END $$;
COMMENT ON FUNCTION easel.user_act(integer, integer, text) IS 'What a user does to a device of his own: wipe, remove (his account from it), cancel (a wipe that he asked for), stop, delete (see easel.device_deletable()), or a tighter policy: password, lock (after five minutes), encryption, attachments (none). False: it is no device of his, there is no such action, or it would loosen something.';
