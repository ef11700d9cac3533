-- Wrong passwords are counted by the name that was tried, whether or not it is an account's: so a name that is none
-- is slowed down like all others, and nobody learns from the pause which names are accounts.

DROP TABLE easel.login_failure;
CREATE UNLOGGED TABLE easel.login_failure (
	login text NOT NULL CHECK (length(login) BETWEEN 1 AND 320),
	address inet NOT NULL,
	failures integer NOT NULL DEFAULT 1,
	last_at timestamptz NOT NULL DEFAULT now(),
	PRIMARY KEY (login, address)
);
COMMENT ON TABLE easel.login_failure IS 'Wrong passwords by name and address, to slow guessing down. Not kept over a crash.';
COMMENT ON COLUMN easel.login_failure.login IS 'The name that was tried: the address of an account, or one that is none.';
COMMENT ON COLUMN easel.login_failure.address IS 'Where from.';
COMMENT ON COLUMN easel.login_failure.failures IS 'Wrong passwords since the last pause.';
COMMENT ON COLUMN easel.login_failure.last_at IS 'The last of them.';

CREATE OR REPLACE FUNCTION easel.gate(login text, device_id text, from_address inet, version integer DEFAULT 0, policy_key_sent bigint DEFAULT NULL)
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
	LEFT JOIN easel.login_failure f ON f.login = gate.login AND f.address = gate.from_address
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

-- ---------------------------------------------------------------------------------------------
-- What is not for everybody who may look, as rows: whatever comes to hold a secret adds its own

CREATE TABLE easel.viewer_hidden (
	relation text NOT NULL,
	attribute text NOT NULL DEFAULT '%',
	PRIMARY KEY (relation, attribute)
);
COMMENT ON TABLE easel.viewer_hidden IS 'What people wrote, and what opens something: easel_viewer may not read it. Read by easel.grant_roles().';
COMMENT ON COLUMN easel.viewer_hidden.relation IS 'A table or view of the schema.';
COMMENT ON COLUMN easel.viewer_hidden.attribute IS 'Which of its columns, as a pattern of LIKE; %: all of them.';
INSERT INTO easel.viewer_hidden (relation) VALUES ('password_memory'), ('device_password'), ('content'), ('content_words'),
	('directory_entry'), ('directory_word'), ('recipient'), ('sms'), ('oof_message'), ('queue'), ('notice'), ('trace'),
	('login_failure'); -- what is typed as a name may be a password
INSERT INTO easel.viewer_hidden VALUES ('account', '%password%'), ('server', '%password%'), ('domain', '%password%');

CREATE FUNCTION easel.hide_from_viewer() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	hidden regclass;
	shown text;
BEGIN
	FOR hidden, shown IN
		SELECT c.oid, string_agg(quote_ident(a.attname), ', ') FILTER (WHERE NOT EXISTS (
		       SELECT FROM easel.viewer_hidden h WHERE h.relation = c.relname AND a.attname LIKE h.attribute))
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.oid IN (SELECT format('easel.%I', h.relation)::regclass FROM easel.viewer_hidden h) GROUP BY c.oid
	LOOP
		EXECUTE format('REVOKE ALL ON %s FROM easel_viewer', hidden);
		IF shown IS NOT NULL THEN
			EXECUTE format('GRANT SELECT (%s) ON %s TO easel_viewer', shown, hidden);
		END IF;
	END LOOP;
END $$;
COMMENT ON FUNCTION easel.hide_from_viewer() IS 'Takes from easel_viewer what easel.viewer_hidden names; the other columns of those tables stay.';

CREATE OR REPLACE FUNCTION easel.grant_roles() RETURNS TABLE (role text, granted boolean) LANGUAGE plpgsql AS $$
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
		PERFORM easel.hide_from_viewer();
	END IF;
	IF EXISTS (SELECT FROM pg_roles p WHERE p.rolname = 'easel_worker') THEN
		-- Workers carry out what administrators lay down.
		REVOKE INSERT, UPDATE, DELETE ON easel.domain, easel.access_rule, easel.inform_text, easel.viewer_hidden FROM easel_worker;
	END IF;
END $$;
SELECT easel.grant_roles();
