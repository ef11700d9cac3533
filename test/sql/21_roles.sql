-- What the roles for administrators, workers and viewers may see.

BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT * FROM easel.grant_roles();
CREATE FUNCTION pg_temp.sees(role text, name text) RETURNS boolean LANGUAGE sql AS $$
	SELECT has_any_column_privilege(role, ('easel.' || name)::regclass, 'SELECT')
$$;
SELECT ok(pg_temp.sees('easel_viewer', name), 'a viewer sees ' || name)
	FROM unnest('{device,device_list,account,sync_state,push_status,folder,folder_right,queue_status}'::text[]) name;
SELECT ok(NOT pg_temp.sees('easel_viewer', name), 'a viewer does not see ' || name)
	FROM unnest('{password_memory,device_password,content,content_words,queue,notice,trace,sms,recipient,directory_entry,directory_word,oof_message}'::text[]) name;
SELECT ok(pg_temp.sees(role, 'content_words'), role || ' sees the words')
	FROM unnest('{easel_worker,easel_admin}'::text[]) role;
SELECT is((SELECT string_agg(c.oid::regclass || '.' || a.attname, ' ') FROM pg_class c
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'easel'::regnamespace AND c.relkind IN ('r', 'v') AND a.attname LIKE '%password%'
	AND a.attname NOT IN ('login_failures') AND c.relname NOT IN ('policy', 'device_password_shown')
	AND has_column_privilege('easel_viewer', c.oid, a.attnum, 'SELECT')), NULL, 'nor any password');

SELECT * FROM finish();
ROLLBACK;
