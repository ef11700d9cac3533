-- Makes a group of accounts, adds and removes members, and shows them.
--   psql -v name=Sales [-v add=anna@example.org] [-v remove=ben@example.org] -f group_change.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'group_change.sql makes a group of accounts, adds and removes members, and shows them.'
	\echo '  -v name=NAME        the group; it is made when it is not there'
	\echo '  -v add=ADDRESS      puts this account into it'
	\echo '  -v remove=ADDRESS   takes this account out of it'
	\quit
\endif
\if :{?name}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which group? -v name=Sales' USING HINT = '-v help=1'; END $$;
\endif
BEGIN;
SELECT easel.group_create(:'name') AS made
WHERE NOT EXISTS (SELECT FROM easel.account_group WHERE lower(name) = lower(:'name'));
\if :{?add}
	SELECT easel.group_add(:'name', :'add') AS added;
\endif
\if :{?remove}
	SELECT easel.group_remove(:'name', :'remove') AS removed;
\endif
SELECT a.address AS member FROM easel.account_group g
JOIN easel.account_group_member m ON m.group_id = g.id JOIN easel.account a ON a.id = m.account_id
WHERE lower(g.name) = lower(:'name') ORDER BY 1;
COMMIT;
