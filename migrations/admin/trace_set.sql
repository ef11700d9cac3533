-- Has what a device or an account and the server say to each other written down.
--   psql -v device=3 -f trace_set.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'trace_set.sql: has what a device or an account and the server say to each other written down.'
	\echo '  -v device=N          a device, by its number'
	\echo '  -v account=ADDRESS   or all devices of an account'
	\echo '  -v hours=N           for so long; 0 ends it'
	\echo '  -v bodies=YES        yes: what is in the items too'
	\quit
\endif
\if :{?device}
\else
	\set device ''
\endif
\if :{?account}
\else
	\set account ''
\endif
\if :{?hours}
\else
	\set hours '1'
\endif
\if :{?bodies}
\else
	\set bodies 'no'
\endif
SELECT easel.trace_set(nullif(:'device', '')::integer, nullif(:'account', ''), :'hours'::integer, :'bodies'::boolean) IS NULL AS done
\gset
SELECT a.address AS account, v.id AS device, v.device_id, greatest(a.trace_until, v.trace_until) AS traced_until,
       a.trace_bodies OR v.trace_bodies AS bodies
FROM easel.account a LEFT JOIN easel.device v ON v.account_id = a.id
WHERE v.id::text = :'device' OR a.address = lower(:'account');
