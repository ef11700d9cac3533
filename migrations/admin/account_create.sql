-- Adds an account with its default folders.
--   psql -v address=anna@example.org -v name='Anna Example' -v hash="$(easel-passwd)" -f account_create.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'account_create.sql adds an account with its default folders.'
	\echo '  -v address=ADDRESS   login name and mail address; its domain must be there'
	\echo '  -v hash=HASH         what easel-passwd printed for the password'
	\echo '  -v name=NAME         name shown to people (may be left out)'
	\quit
\endif
\if :{?address}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which account? -v address=anna@example.org' USING HINT = '-v help=1'; END $$;
\endif
\if :{?hash}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which password? -v hash="$(easel-passwd)"' USING HINT = '-v help=1'; END $$;
\endif
\if :{?name}
\else
	\set name ''
\endif
SELECT easel.account_create(:'address', :'hash', :'name') AS id
\gset
SELECT a.id, a.address, a.display_name AS name, count(f.id) AS folders
FROM easel.account a LEFT JOIN easel.folder f ON f.account_id = a.id
WHERE a.id = :id GROUP BY a.id;
