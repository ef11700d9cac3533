-- Shows which items devices do not get.   psql [-v account=anna@example.org] -f omitted_list.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'omitted_list.sql: shows the items that devices could not take, and that are left out until they change.'
	\echo '  -v account=ADDRESS    only those of one account'
	\quit
\endif
\if :{?account}
\else
	\set account ''
\endif
SELECT CASE WHEN :'account' <> '' THEN (easel.account_known(:'account')).id END AS known_account
\gset
SELECT * FROM easel.omitted_item
WHERE :'account' = '' OR account = lower(:'account')
ORDER BY omitted_at;
