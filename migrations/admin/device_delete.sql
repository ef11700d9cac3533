-- Removes a device with its settings, policies and sync state; a wipe that waits for it stays.
--   psql -v device=3 -f device_delete.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'device_delete.sql: removes a device with its settings, policies and sync state; a wipe that waits for it stays.'
	\echo '  -v device=N   its number, as device_list.sql shows it'
	\quit
\endif
\if :{?device}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which device? -v device=N' USING HINT = '-v help=1'; END $$;
\endif
BEGIN;
SELECT id, account, device_id, name, access, wipe, 'deleted' AS done
FROM easel.device_list WHERE id = :'device'::integer;
SELECT easel.device_delete(:'device'::integer) IS NULL AS done
\gset
COMMIT;
