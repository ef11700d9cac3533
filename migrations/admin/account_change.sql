-- Changes an account: on or off, language, time zone.
--   psql -v address=anna@example.org -v enabled=no -f account_change.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'account_change.sql: changes an account: on or off, language, time zone.'
	\echo '  -v address=ADDRESS   which account'
	\echo '  -v enabled=YES       yes or no'
	\echo '  -v language=LL       two letters: en, de'
	\echo '  -v timezone=ZONE     Europe/Berlin'
	\quit
\endif
\if :{?address}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which account? -v address=ADDRESS' USING HINT = '-v help=1'; END $$;
\endif
\if :{?enabled}
\else
	\set enabled ''
\endif
\if :{?language}
\else
	\set language ''
\endif
\if :{?timezone}
\else
	\set timezone ''
\endif
SELECT (easel.account_known(:'address')).id AS account
\gset
UPDATE easel.account SET enabled = coalesce(nullif(:'enabled', '')::boolean, enabled),
	language = coalesce(nullif(:'language', ''), language), timezone = coalesce(nullif(:'timezone', ''), timezone)
WHERE id = :account;
SELECT id, address, display_name AS name, enabled, language, timezone FROM easel.account WHERE id = :account;
