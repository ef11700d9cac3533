-- Sets the access rule of the server, a domain or a user.
--   psql -v level=server -v action=quarantine -f rule_level.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'rule_level.sql: sets the access rule of the server, a domain or a user.'
	\echo '  -v level=LEVEL     server, domain or user'
	\echo '  -v target=NAME     the domain or the address'
	\echo '  -v action=ACTION   allow, block or quarantine; none inherits (not for the server)'
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
\if :{?action}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which action? -v action=ACTION' USING HINT = '-v help=1'; END $$;
\endif
SELECT easel.access_rule_set(:'level', :'target', :'action') IS NULL AS done
\gset
SELECT 'server' AS level, '' AS target, access_rule FROM easel.server WHERE :'level' = 'server'
UNION ALL SELECT 'domain', name, access_rule FROM easel.domain WHERE :'level' = 'domain' AND name = lower(:'target')
UNION ALL SELECT 'user', address, access_rule FROM easel.account WHERE :'level' = 'user' AND address = lower(:'target');
