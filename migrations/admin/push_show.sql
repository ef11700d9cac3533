-- Shows how many phones wait where, and which.
--   psql [-v account=anna@example.org] -f push_show.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'push_show.sql: shows the workers with how many phones wait at each, and the phones that wait.'
	\echo '  -v account=ADDRESS   only those of one account'
	\echo '  -v most=N            so many phones at most'
	\quit
\endif
\if :{?account}
\else
	\set account ''
\endif
\if :{?most}
\else
	\set most 100
\endif
SELECT CASE WHEN :'account' <> '' THEN (easel.account_known(:'account')).id END AS known_account
\gset
SELECT * FROM easel.push_status;
SELECT * FROM easel.push_device WHERE :'account' = '' OR account = lower(:'account') LIMIT :'most'::integer;
