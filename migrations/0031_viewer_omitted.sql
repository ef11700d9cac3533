-- Who may look does not see what an omitted item is about, neither in the list of them nor in the message to its owner.

CREATE OR REPLACE FUNCTION easel.grant_roles() RETURNS TABLE (role text, granted boolean) LANGUAGE plpgsql AS $$
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
		FOREACH secret IN ARRAY ARRAY['password_memory', 'login_failure', 'device_password', 'content', 'content_words', 'directory_entry',
			'directory_word', 'recipient', 'sms', 'oof_message', 'queue', 'notice', 'trace'] LOOP
			EXECUTE format('REVOKE ALL ON easel.%I FROM easel_viewer', secret);
		END LOOP;
		-- Of others it is single columns.
		REVOKE ALL ON easel.account, easel.server, easel.domain, easel.sync_omitted, easel.omitted_item FROM easel_viewer;
		EXECUTE (SELECT string_agg(format('GRANT SELECT (%s) ON %s TO easel_viewer', columns, name), '; ')
			FROM (SELECT c.oid::regclass AS name, string_agg(quote_ident(a.attname), ', ') AS columns
			      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
			      WHERE c.oid IN ('easel.account'::regclass, 'easel.server'::regclass, 'easel.domain'::regclass,
			                      'easel.sync_omitted'::regclass, 'easel.omitted_item'::regclass)
			      AND a.attname NOT LIKE '%password%' AND a.attname NOT IN ('note', 'subject') GROUP BY c.oid) t);
	END IF;
	IF EXISTS (SELECT FROM pg_roles p WHERE p.rolname = 'easel_worker') THEN
		-- Workers carry out what administrators lay down.
		REVOKE INSERT, UPDATE, DELETE ON easel.domain, easel.access_rule, easel.inform_text FROM easel_worker;
	END IF;
END $$;
SELECT easel.grant_roles();
