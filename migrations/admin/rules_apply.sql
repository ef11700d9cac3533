-- Has the rules decide again about the devices that nobody has decided about.
--   psql  -f rules_apply.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'rules_apply.sql: has the rules decide again about the devices that nobody has decided about.'
	\echo '  -v device=N   only about one'
	\quit
\endif
\if :{?device}
\else
	\set device ''
\endif
SELECT v.id, v.account, v.device_id, v.name, d.before, d.after
FROM easel.devices_decide_again(nullif(:'device', '')::integer) d JOIN easel.device_list v ON v.id = d.id
ORDER BY d.before = d.after, v.id;
