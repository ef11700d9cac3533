-- Takes back the wipes that wait for a device.
--   psql -v device=3 -f wipe_cancel.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'wipe_cancel.sql: takes back the wipes that wait for a device.'
	\echo '  -v device=N   its number, as device_list.sql shows it'
	\quit
\endif
\if :{?device}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which device? -v device=N' USING HINT = '-v help=1'; END $$;
\endif
SELECT easel.wipe_cancel(:'device'::integer) AS cancelled
\gset
SELECT id, account, device_id, name, :cancelled AS wipes_cancelled, wipe FROM easel.device_list WHERE id = :'device'::integer;
