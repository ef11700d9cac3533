-- Shows what a level says of the device settings; for a device see device_show.sql.
--   psql -v level=server -f settings_show.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'settings_show.sql: shows what a level says of the device settings; for a device see device_show.sql.'
	\echo '  -v level=LEVEL   default, server, domain, user or device, also rule'
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
SELECT CASE WHEN :'target' <> '' OR :'level' NOT IN ('default', 'server', 'domain', 'user', 'rule', 'device')
       THEN (SELECT col FROM easel.level_target(:'level', :'target')) END AS known
\gset
SELECT r.level, coalesce(d.name, a.address, r.device::text, r.rule_id::text, '') AS target, f.key AS field, f.value
FROM easel.device_settings r LEFT JOIN easel.domain d ON d.id = r.domain_id LEFT JOIN easel.account a ON a.id = r.account_id,
     jsonb_each_text(easel.level_fields(to_jsonb(r))) f
WHERE r.level = :'level' AND (:'target' = '' OR lower(:'target') IN (d.name, a.address, r.device::text, r.rule_id::text))
ORDER BY 1, 2, 3;
