-- Makes every device sync everything anew.
--   psql -v sure=yes -f sync_reset_all.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'sync_reset_all.sql: makes every device sync everything anew.'
	\echo '  -v sure=YES   yes: all of them are to fetch everything again'
	\quit
\endif
\if :{?sure}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which answer? -v sure=YES' USING HINT = '-v help=1'; END $$;
\endif
SELECT :'sure'::boolean AS sure
\gset
\if :sure
\else
	DO $$ BEGIN RAISE EXCEPTION 'nothing was changed: -v sure=yes' USING HINT = '-v help=1'; END $$;
\endif
SELECT v.id, a.address AS account, v.device_id, easel.sync_reset(v.id) AS folders_forgotten
FROM easel.device v JOIN easel.account a ON a.id = v.account_id ORDER BY v.id;
