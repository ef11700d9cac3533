-- Makes a device sync everything anew.   psql -v device=3 -f sync_reset.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'sync_reset.sql forgets what a device holds, so that it syncs everything anew.'
	\echo '  -v device=N   its number, as device_list.sql shows it'
	\quit
\endif
\if :{?device}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which device? -v device=3' USING HINT = '-v help=1'; END $$;
\endif
SELECT (easel.device_known(:'device'::integer)).id AS known
\gset
SELECT v.id, a.address AS account, v.device_id, easel.sync_reset(v.id) AS folders_forgotten
FROM easel.device v JOIN easel.account a ON a.id = v.account_id
WHERE v.id = :'device'::integer;
