-- Lets a device in, whatever the rules say.
--   psql -v device=3 -f device_allow.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'device_allow.sql: lets a device in, whatever the rules say.'
	\echo '  -v device=N      its number, as device_list.sql shows it'
	\echo '  -v reason=TEXT   why; shown in the device list'
	\quit
\endif
\if :{?device}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which device? -v device=N' USING HINT = '-v help=1'; END $$;
\endif
\if :{?reason}
\else
	\set reason ''
\endif
SELECT easel.device_allow(:'device'::integer, nullif(:'reason', '')) IS NULL AS done
\gset
SELECT id, account, device_id, name, access, access_by, access_reason, policy, wipe
FROM easel.device_list WHERE id = :'device'::integer;
