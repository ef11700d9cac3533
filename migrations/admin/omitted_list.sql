-- Shows which items devices do not get.   psql -f omitted_list.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'omitted_list.sql shows the items that devices could not take, and that are left out until they change.'
	\quit
\endif
SELECT * FROM easel.omitted_item ORDER BY omitted_at;
