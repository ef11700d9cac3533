-- Has a device erased at its next contact, at once if it waits for news.
--   psql -v device=3 -v kind=soft -f device_wipe.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'device_wipe.sql: has a device erased at its next contact, at once if it waits for news.'
	\echo '  -v device=N         its number, as device_list.sql shows it'
	\echo '  -v kind=KIND        hard: all that is on it; soft: what it has of the account'
	\echo '  -v everywhere=YES   yes: in every account that a device of this id is in'
	\quit
\endif
\if :{?device}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which device? -v device=N' USING HINT = '-v help=1'; END $$;
\endif
\if :{?kind}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which kind? -v kind=KIND' USING HINT = '-v help=1'; END $$;
\endif
\if :{?everywhere}
\else
	\set everywhere 'no'
\endif
SELECT easel.device_wipe(:'device'::integer, :'kind', :'everywhere'::boolean) AS wipe
\gset
SELECT w.id AS wipe, v.account, w.device_id, v.name, w.kind, w.state, w.account_id IS NULL AS every_account, w.requested_by
FROM easel.wipe w, easel.device_list v WHERE w.id = :wipe AND v.id = :'device'::integer;
