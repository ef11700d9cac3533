-- Sets one setting of the whole server: a limit, the heartbeat.
--   psql -v setting=heartbeat_max -v value=900 -f server_set.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'server_set.sql: sets one setting of the whole server: a limit, the heartbeat.'
	\echo '  -v setting=NAME   as server_show.sql names it'
	\echo '  -v value=VALUE    its value'
	\quit
\endif
\if :{?setting}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which setting? -v setting=NAME' USING HINT = '-v help=1'; END $$;
\endif
\if :{?value}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which value? -v value=VALUE' USING HINT = '-v help=1'; END $$;
\endif
SELECT easel.server_set(:'setting', :'value') IS NULL AS done
\gset
SELECT :'setting' AS setting, CASE WHEN :'setting' LIKE '%password' THEN '(set)' ELSE to_jsonb(s) ->> :'setting' END AS value
FROM easel.server s;
