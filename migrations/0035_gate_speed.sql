-- What levels come to, and the list of devices, for very many of them: each level's row is found by its index, and what
-- PostgreSQL would plan anew with every call of a function in SQL is a function in PL/pgSQL, whose plans stay.

CREATE OR REPLACE FUNCTION easel.policy_levels(account integer, device integer DEFAULT NULL)
RETURNS TABLE (level text, fields jsonb) LANGUAGE sql STABLE ROWS 3 AS $$
	SELECT l.level, easel.level_fields(to_jsonb(l))
	FROM (SELECT p.* FROM easel.policy p WHERE p.level IN ('default', 'server')
	      UNION ALL SELECT p.* FROM easel.policy p
	      WHERE p.domain_id = (SELECT a.domain_id FROM easel.account a WHERE a.id = policy_levels.account)
	      UNION ALL SELECT p.* FROM easel.policy p WHERE p.account_id = policy_levels.account
	      UNION ALL SELECT p.* FROM easel.policy p WHERE p.device = policy_levels.device) l
	ORDER BY easel.level_rank(l.level)
$$;

CREATE OR REPLACE FUNCTION easel.device_settings_levels(account integer, device integer DEFAULT NULL)
RETURNS TABLE (level text, fields jsonb) LANGUAGE sql STABLE ROWS 3 AS $$
	SELECT l.level, l.fields FROM (
		SELECT r.level, easel.level_fields(to_jsonb(r)) AS fields
		FROM (SELECT s.* FROM easel.device_settings s WHERE s.level IN ('default', 'server')
		      UNION ALL SELECT s.* FROM easel.device_settings s
		      WHERE s.domain_id = (SELECT a.domain_id FROM easel.account a WHERE a.id = device_settings_levels.account)
		      UNION ALL SELECT s.* FROM easel.device_settings s WHERE s.account_id = device_settings_levels.account
		      UNION ALL SELECT s.* FROM easel.device_settings s
		      WHERE s.rule_id = (SELECT v.access_rule_id FROM easel.device v WHERE v.id = device_settings_levels.device)
		      UNION ALL SELECT s.* FROM easel.device_settings s WHERE s.device = device_settings_levels.device) r
		UNION ALL
		SELECT 'profile', jsonb_strip_nulls(to_jsonb(p)
			- ARRAY['id', 'client', 'device_type', 'user_agent', 'place', 'calendars', 'contacts', 'tasks', 'notes'])
		FROM easel.client_profile_of(device_settings_levels.device) p WHERE p.id IS NOT NULL) l
	ORDER BY easel.level_rank(l.level)
$$;

CREATE OR REPLACE FUNCTION easel.client_profile_of(device integer) RETURNS easel.client_profile LANGUAGE plpgsql STABLE AS $$
DECLARE
	found easel.client_profile;
BEGIN
	SELECT p.* INTO found FROM easel.client_profile p JOIN easel.device v ON v.id = client_profile_of.device
		WHERE v.type ILIKE p.device_type AND v.user_agent ILIKE p.user_agent
		ORDER BY p.place, p.id LIMIT 1;
	RETURN found;
END $$;

CREATE AGGREGATE easel.overlaid(jsonb) (SFUNC = jsonb_concat, STYPE = jsonb, INITCOND = '{}');
COMMENT ON AGGREGATE easel.overlaid(jsonb) IS 'Objects laid one over the other in their order: of each key the last value.';

CREATE OR REPLACE FUNCTION easel.policy_fields(account integer, device integer DEFAULT NULL) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
BEGIN
	RETURN (SELECT easel.overlaid(l.fields ORDER BY easel.level_rank(l.level))
		FROM easel.policy_levels(policy_fields.account, policy_fields.device) l);
END $$;

CREATE OR REPLACE FUNCTION easel.policy_document(fields jsonb) RETURNS jsonb LANGUAGE plpgsql STABLE AS $$
DECLARE
	document jsonb := fields;
BEGIN
	IF (fields ->> 'enforced')::boolean IS NOT TRUE THEN
		SELECT easel.level_fields(to_jsonb(p)) INTO document FROM easel.policy p WHERE p.level = 'default';
	END IF;
	RETURN document - ARRAY['enforced', 'refresh_hours', 'allow_non_provisionable', 'max_protocol_version', 'max_devices'];
END $$;

CREATE FUNCTION easel.policy_digest_of(account integer, device integer DEFAULT NULL) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	fields jsonb := easel.policy_fields(account, device);
BEGIN
	RETURN CASE WHEN (fields ->> 'enforced')::boolean THEN md5(easel.policy_document(fields)::text) END;
END $$;
COMMENT ON FUNCTION easel.policy_digest_of(integer, integer) IS 'Digest of the policy that is enforced on a device, or, without one, on those of an account; NULL when none is.';

CREATE OR REPLACE FUNCTION easel.effective_of(account integer, device integer DEFAULT NULL) RETURNS easel.effective LANGUAGE plpgsql STABLE AS $$
DECLARE
	fields jsonb := easel.policy_fields(account, device);
	document jsonb := easel.policy_document(fields);
	settings jsonb := (SELECT easel.overlaid(l.fields ORDER BY easel.level_rank(l.level))
		FROM easel.device_settings_levels(effective_of.account, effective_of.device) l);
	x easel.effective;
BEGIN
	x.enforced := fields ->> 'enforced';
	x.digest := CASE WHEN x.enforced THEN md5(document::text) END;
	x.refresh_hours := fields ->> 'refresh_hours';
	x.allow_non_provisionable := fields ->> 'allow_non_provisionable';
	x.max_protocol_version := fields ->> 'max_protocol_version';
	x.max_devices := fields ->> 'max_devices';
	x.mail_age := easel.stricter_age((document ->> 'max_mail_age')::integer, (settings ->> 'mail_age')::integer);
	x.calendar_age := easel.stricter_age((document ->> 'max_calendar_age')::integer, (settings ->> 'calendar_age')::integer);
	x.text_size := easel.stricter_size((document ->> 'max_text_size')::bigint, (settings ->> 'text_size')::bigint);
	x.html_size := easel.stricter_size((document ->> 'max_html_size')::bigint, (settings ->> 'html_size')::bigint);
	x.html := document ->> 'allow_html';
	x.attachments := (document ->> 'allow_attachments')::boolean AND (settings ->> 'attachments')::boolean;
	x.attachment_size := easel.stricter_size(coalesce(nullif((document ->> 'max_attachment_size')::bigint, 0), -1),
		(settings ->> 'attachment_size')::bigint);
	x.message_size := settings ->> 'message_size';
	RETURN x;
END $$;

-- ---------------------------------------------------------------------------------------------
-- The list of devices

CREATE FUNCTION easel.policy_state(v easel.device, digest text, asks integer) RETURNS text LANGUAGE sql STABLE AS $$
	SELECT CASE
		WHEN (v).policy_asked >= asks THEN 'unsupported'
		WHEN digest IS NULL AND (v).policy_digest IS NULL THEN 'none'
		WHEN (v).policy_digest IS NULL AND (v).policy_key = 0 THEN 'not yet'
		WHEN (v).policy_digest IS DISTINCT FROM digest THEN 'changed'
		WHEN (v).policy_status = 2 THEN 'partly'
		WHEN (v).policy_status = 3 THEN 'refused'
		WHEN (v).policy_status = 4 THEN 'managed elsewhere'
		ELSE 'accepted' END
$$;
COMMENT ON FUNCTION easel.policy_state(easel.device, text, integer) IS 'How a device stands to its policy, which has that digest: none (none is enforced), not yet, accepted, partly, refused, managed elsewhere, unsupported, changed (it has still to take the one that holds now).';

CREATE OR REPLACE VIEW easel.device_list AS
	SELECT v.id, a.address AS account, d.name AS domain, v.device_id,
	       coalesce(nullif(v.friendly_name, ''), v.model, v.type) AS name, v.type, v.model, v.os, v.os_language,
	       v.phone_number, v.mobile_operator, v.imei, v.user_agent,
	       regexp_replace(nullif(v.protocol_version, 0)::text, '(.)$', '.\1') AS protocol,
	       v.first_seen, v.last_seen, v.last_sync,
	       v.access, v.access_by, v.access_reason,
	       easel.policy_state(v, x.digest, s.policy_asks) AS policy,
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
	CROSS JOIN LATERAL (
		SELECT CASE WHEN NOT v.effective IS NULL AND v.effective_stamp = s.gate_version + d.gate_version + a.gate_version
		       THEN (v.effective).digest ELSE easel.policy_digest_of(a.id, v.id) END AS digest OFFSET 0) x
	LEFT JOIN LATERAL (
		SELECT w.* FROM easel.wipe w
		WHERE w.device_id = v.device_id AND (w.account_id = v.account_id OR w.account_id IS NULL)
		AND (w.state = 'pending' OR w.state = 'done' AND w.released_at IS NULL)
		ORDER BY w.state = 'pending' DESC, w.id DESC LIMIT 1) w ON true;
DROP FUNCTION easel.policy_state(easel.device, easel.effective, integer);

CREATE FUNCTION easel.devices_of_status(status text) RETURNS SETOF integer LANGUAGE plpgsql STABLE ROWS 1000 AS $$
BEGIN
	IF status IN ('discovery', 'allowed', 'blocked', 'quarantined') THEN
		RETURN QUERY SELECT v.id FROM easel.device v WHERE v.access = status;
	END IF;
	IF status IN ('pending', 'sent', 'failed, repeated', 'unsupported', 'done') THEN
		RETURN QUERY SELECT v.id FROM easel.wipe w JOIN easel.device v ON v.device_id = w.device_id
			WHERE w.state = 'pending' OR w.state = 'done' AND w.released_at IS NULL;
	END IF;
	IF status IN ('partly', 'refused', 'managed elsewhere') THEN
		RETURN QUERY SELECT v.id FROM easel.device v
			WHERE v.policy_status = CASE status WHEN 'partly' THEN 2 WHEN 'refused' THEN 3 ELSE 4 END;
	ELSIF status = 'unsupported' THEN
		RETURN QUERY SELECT v.id FROM easel.device v, easel.server s WHERE v.policy_asked >= s.policy_asks;
	ELSIF status = 'changed' THEN
		RETURN QUERY SELECT v.id FROM easel.server s CROSS JOIN easel.device v
			JOIN easel.account a ON a.id = v.account_id JOIN easel.domain d ON d.id = a.domain_id
			WHERE v.policy_digest IS DISTINCT FROM (v.effective).digest
			OR v.effective_stamp <> s.gate_version + d.gate_version + a.gate_version;
	ELSIF status = 'not yet' THEN
		RETURN QUERY SELECT v.id FROM easel.device v WHERE v.policy_digest IS NULL AND v.policy_key = 0;
	ELSIF status IN ('accepted', 'none') THEN
		RETURN QUERY SELECT v.id FROM easel.device v;
	ELSIF status NOT IN ('discovery', 'allowed', 'blocked', 'quarantined', 'pending', 'sent', 'failed, repeated', 'done') THEN
		RAISE EXCEPTION 'no device has a status "%"', status USING ERRCODE = 'invalid_parameter_value',
			HINT = 'access: discovery, allowed, blocked, quarantined; policy: none, not yet, accepted, partly, refused, managed elsewhere, unsupported, changed; wipe: none, pending, sent, failed, repeated, unsupported, done.';
	END IF;
END $$;
COMMENT ON FUNCTION easel.devices_of_status(text) IS 'The devices of which access, policy or wipe in easel.device_list may be this, and perhaps others: so that the list is not made of all to show a few.';
