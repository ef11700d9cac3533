-- What an administrator ordered for a device, its user does not undo on his page.

CREATE OR REPLACE FUNCTION easel.user_act(account integer, device integer, action text) RETURNS boolean LANGUAGE plpgsql AS $$
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
	-- A wipe that somebody else ordered is not replaced by one that he could take back.
	IF action IN ('wipe', 'remove') AND EXISTS (SELECT FROM easel.wipe w WHERE w.device_id = v.device_id
		AND w.account_id = v.account_id AND w.state = 'pending' AND w.requested_by <> address) THEN
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
