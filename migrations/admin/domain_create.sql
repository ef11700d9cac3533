-- Adds a domain.   psql -v name=example.org -f domain_create.sql     (-v help=1 shows this)
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'domain_create.sql adds a mail domain.'
	\echo '  -v name=DOMAIN   its name, as in the addresses'
	\quit
\endif
\if :{?name}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which domain? -v name=example.org' USING HINT = '-v help=1'; END $$;
\endif
SELECT easel.domain_create(:'name') AS id
\gset
SELECT id, name, enabled, backend FROM easel.domain WHERE id = :id;
