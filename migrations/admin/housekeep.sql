-- Removes now what nobody needs any more; a worker does so every hour.
--   psql  -f housekeep.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'housekeep.sql: removes now what nobody needs any more; a worker does so every hour.'
	\echo '  -v help=1   shows this; there is nothing else to say'
	\quit
\endif
SELECT what, removed FROM easel.housekeep();
