-- Shows a device with everything that holds for it, and why.
--   psql -v device=3 -f device_show.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'device_show.sql: shows a device with everything that holds for it, and why.'
	\echo '  -v device=N   its number, as device_list.sql shows it'
	\quit
\endif
\if :{?device}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which device? -v device=N' USING HINT = '-v help=1'; END $$;
\endif
SELECT (easel.device_known(:'device'::integer)).id AS device
\gset
\x on
SELECT * FROM easel.device_list WHERE id = :'device'::integer;
\x off
\echo 'What the rules say of it'
SELECT access, reason, rule_id FROM easel.access_decision(:'device'::integer);
\echo 'Policy'
SELECT field, value, origin, in_force FROM easel.policy_effective WHERE device = :'device'::integer;
\echo 'Settings'
SELECT * FROM easel.device_settings_effective(:'device'::integer);
\echo 'Wipes'
SELECT w.id, w.kind, w.state, w.account_id IS NULL AS every_account, w.requested_by, w.requested_at, w.told, w.delivered,
       w.failures, w.ended_at, w.released_at
FROM easel.wipe w JOIN easel.device v ON v.device_id = w.device_id AND (w.account_id = v.account_id OR w.account_id IS NULL)
WHERE v.id = :'device'::integer ORDER BY w.id;
\echo 'Folders'
SELECT s.folder_id, s.n, s.modseq, s.outstanding FROM easel.sync_state s WHERE s.device = :'device'::integer ORDER BY 1;
