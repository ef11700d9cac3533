-- Shows the settings of the whole server: limits, heartbeat, logins, mail, housekeeping.
--   psql  -f server_show.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'server_show.sql: shows the settings of the whole server: limits, heartbeat, logins, mail, housekeeping.'
	\echo '  -v help=1   shows this; there is nothing else to say'
	\quit
\endif
SELECT s.key AS setting, CASE WHEN s.key LIKE '%password' AND s.value IS NOT NULL THEN '(set)' ELSE s.value END AS value,
       col_description('easel.server'::regclass, a.attnum) AS meaning
FROM easel.server v, jsonb_each_text(to_jsonb(v)) s JOIN pg_attribute a ON a.attrelid = 'easel.server'::regclass AND a.attname = s.key
WHERE s.key NOT IN ('only_row', 'gate_version') ORDER BY a.attnum;
