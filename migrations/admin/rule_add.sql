-- Adds an access rule for new devices.
--   psql -v characteristic=os -v value='Android 8' -v action=block -f rule_add.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'rule_add.sql: adds an access rule for new devices.'
	\echo '  -v characteristic=WHAT   os, model or type'
	\echo '  -v value=TEXT            what the device says must begin so, in any letter case'
	\echo '  -v action=ACTION         allow, block or quarantine'
	\echo '  -v description=TEXT      what it is for'
	\quit
\endif
\if :{?characteristic}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which characteristic? -v characteristic=WHAT' USING HINT = '-v help=1'; END $$;
\endif
\if :{?value}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which value? -v value=TEXT' USING HINT = '-v help=1'; END $$;
\endif
\if :{?action}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which action? -v action=ACTION' USING HINT = '-v help=1'; END $$;
\endif
\if :{?description}
\else
	\set description ''
\endif
SELECT easel.rule_create(:'characteristic', :'value', :'action', :'description') AS rule
\gset
SELECT id, characteristic, value, action, active, description FROM easel.access_rule WHERE id = :rule;
