-- Adds an access rule for devices like one.
--   psql -v device=3 -f rule_similar.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'rule_similar.sql: adds an access rule for devices like one.'
	\echo '  -v device=N              its number, as device_list.sql shows it'
	\echo '  -v characteristic=WHAT   model, os or type'
	\echo '  -v action=ACTION         allow, block or quarantine; without it what the device has now'
	\quit
\endif
\if :{?device}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which device? -v device=N' USING HINT = '-v help=1'; END $$;
\endif
\if :{?characteristic}
\else
	\set characteristic 'model'
\endif
\if :{?action}
\else
	\set action ''
\endif
SELECT easel.rule_for_similar_devices(:'device'::integer, :'characteristic', nullif(:'action', '')) AS rule
\gset
SELECT id, characteristic, value, action, active, description FROM easel.access_rule WHERE id = :rule;
