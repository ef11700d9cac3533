-- Changes an access rule, switches it off or on, or removes it.
--   psql -v rule=4 -v do=off -f rule_change.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'rule_change.sql: changes an access rule, switches it off or on, or removes it.'
	\echo '  -v rule=N    its number, as rule_list.sql shows it'
	\echo '  -v do=WHAT   on, off, delete, allow, block or quarantine'
	\quit
\endif
\if :{?rule}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which rule? -v rule=N' USING HINT = '-v help=1'; END $$;
\endif
\if :{?do}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which change? -v do=WHAT' USING HINT = '-v help=1'; END $$;
\endif
BEGIN;
SELECT count(*) = 1 AS found, :'do' IN ('on', 'off', 'delete', 'allow', 'block', 'quarantine') AS known
FROM easel.access_rule WHERE id = :'rule'::integer
\gset
\if :found
\else
	DO $$ BEGIN RAISE EXCEPTION 'there is no such rule' USING HINT = 'rule_list.sql'; END $$;
\endif
\if :known
\else
	DO $$ BEGIN RAISE EXCEPTION 'do: on, off, delete, allow, block or quarantine' USING HINT = '-v help=1'; END $$;
\endif
UPDATE easel.access_rule SET active = CASE :'do' WHEN 'on' THEN true WHEN 'off' THEN false ELSE active END,
	action = CASE WHEN :'do' IN ('allow', 'block', 'quarantine') THEN :'do' ELSE action END
WHERE id = :'rule'::integer;
SELECT id, characteristic, value, action, active, description, :'do' = 'delete' AS deleted
FROM easel.access_rule WHERE id = :'rule'::integer;
DELETE FROM easel.access_rule WHERE id = :'rule'::integer AND :'do' = 'delete';
COMMIT;
