-- Lists the access rules in the order in which they are looked at.
--   psql  -f rule_list.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'rule_list.sql: lists the access rules in the order in which they are looked at.'
	\echo '  -v help=1   shows this; there is nothing else to say'
	\quit
\endif
SELECT * FROM (
SELECT id, characteristic, value, action, active, description,
       (SELECT count(*) FROM easel.device v WHERE v.access_rule_id = r.id) AS devices
FROM easel.access_rule r
UNION ALL SELECT NULL, 'domain', d.name, d.access_rule, d.enabled, '', NULL FROM easel.domain d WHERE d.access_rule IS NOT NULL
UNION ALL SELECT NULL, 'user', a.address, a.access_rule, a.enabled, '', NULL FROM easel.account a WHERE a.access_rule IS NOT NULL
UNION ALL SELECT NULL, 'everything else', '', s.access_rule, true, 'the global rule', NULL FROM easel.server s
) r ORDER BY array_position(ARRAY['user', 'domain', 'os', 'model', 'type', 'everything else'], characteristic), value;
