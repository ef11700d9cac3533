-- Has a level inherit all of the device settings.
--   psql -v level=user -v target=anna@example.org -f settings_inherit.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'settings_inherit.sql: has a level inherit all of the device settings.'
	\echo '  -v level=LEVEL   server, domain, user or device, also rule'
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
SELECT :'level' AS level, :'target' AS target, easel.settings_inherit(:'level', :'target') AS rows_removed;
