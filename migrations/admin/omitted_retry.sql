-- Sends an omitted item to the device again.   psql -v item=7 -f omitted_retry.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'omitted_retry.sql has an item sent again that a device could not take.'
	\echo '  -v item=N   its number, as omitted_list.sql shows it'
	\quit
\endif
\if :{?item}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which item? -v item=7' USING HINT = '-v help=1'; END $$;
\endif
SELECT easel.omitted_retry(:'item'::bigint);
