-- Shows a trace, as it would stand in a log.
--   psql -v account=anna@example.org -f trace_show.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'trace_show.sql: shows a trace, as it would stand in a log.'
	\echo '  -v account=ADDRESS   whose'
	\echo '  -v device_id=TEXT    only of one device, by what it calls itself'
	\echo '  -v most=N            the last so many entries'
	\quit
\endif
\if :{?account}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which account? -v account=ADDRESS' USING HINT = '-v help=1'; END $$;
\endif
\if :{?device_id}
\else
	\set device_id ''
\endif
\if :{?most}
\else
	\set most '100'
\endif
\pset format unaligned
\pset tuples_only on
SELECT entry FROM (
	SELECT t.id, t.entry FROM easel.trace t
	WHERE t.account_id = (easel.account_known(:'account')).id AND (:'device_id' = '' OR t.device_id = :'device_id')
	ORDER BY t.id DESC LIMIT :'most'::integer) t ORDER BY id;
