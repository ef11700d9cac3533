-- Switches a domain off or on.
--   psql -v name=example.org -v enabled=no -f domain_change.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'domain_change.sql: switches a domain off or on.'
	\echo '  -v name=DOMAIN   which domain'
	\echo '  -v enabled=YES   yes or no'
	\quit
\endif
\if :{?name}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which domain? -v name=DOMAIN' USING HINT = '-v help=1'; END $$;
\endif
\if :{?enabled}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which state? -v enabled=YES' USING HINT = '-v help=1'; END $$;
\endif
SELECT (easel.domain_known(:'name')).id AS domain
\gset
UPDATE easel.domain SET enabled = :'enabled'::boolean WHERE id = :domain;
SELECT id, name, enabled, access_rule FROM easel.domain WHERE id = :domain;
