-- Sets a field of the policy on a level.
--   psql -v level=server -v field=enforced -v value=true -f policy_set.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'policy_set.sql: sets a field of the policy on a level.'
	\echo '  -v level=LEVEL   server, domain, user or device'
	\echo '  -v target=NAME   the domain, the address, or the number'
	\echo '  -v field=FIELD   a column of easel.policy: psql shows them with \\d+ easel.policy'
	\echo '  -v value=VALUE   its value; inherit takes that of the level before'
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
\if :{?field}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which field? -v field=FIELD' USING HINT = '-v help=1'; END $$;
\endif
\if :{?value}
\else
	DO $$ BEGIN RAISE EXCEPTION 'which value? -v value=VALUE' USING HINT = '-v help=1'; END $$;
\endif
SELECT easel.policy_set(:'level', :'target', :'field', nullif(:'value', 'inherit')) IS NULL AS done
\gset
SELECT r.level, coalesce(d.name, a.address, r.device::text, '') AS target, f.key AS field, f.value
FROM easel.policy r LEFT JOIN easel.domain d ON d.id = r.domain_id LEFT JOIN easel.account a ON a.id = r.account_id,
     jsonb_each_text(easel.level_fields(to_jsonb(r))) f
WHERE r.level = :'level' AND (:'target' = '' OR lower(:'target') IN (d.name, a.address, r.device::text))
ORDER BY 1, 2, 3;
