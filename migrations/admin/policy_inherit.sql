-- Has a level inherit all of the policy.
--   psql -v level=user -v target=anna@example.org -f policy_inherit.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'policy_inherit.sql: has a level inherit all of the policy.'
	\echo '  -v level=LEVEL   server, domain, user or device'
	\echo '  -v target=NAME   the domain, the address, or the number'
	\quit
\endif
\if :{?level}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which level? -v level=LEVEL' USING HINT = '-v help=1'; END $$;
\endif
\if :{?target}
\else
	\set target ''
\endif
SELECT :'level' AS level, :'target' AS target, easel.policy_inherit(:'level', :'target') AS rows_removed;
