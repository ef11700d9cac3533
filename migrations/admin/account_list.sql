-- Lists accounts.
--   psql [-v domain=example.org] -f account_list.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'account_list.sql: lists accounts.'
	\echo '  -v domain=DOMAIN   only those of one domain'
	\quit
\endif
\if :{?domain}
\else
	\set domain ''
\endif
SELECT CASE WHEN :'domain' <> '' THEN (easel.domain_known(:'domain')).id END AS known_domain
\gset
SELECT a.id, a.address, a.display_name AS name, a.enabled AND d.enabled AS enabled, a.language, a.timezone, a.access_rule,
       (SELECT count(*) FROM easel.device v WHERE v.account_id = a.id) AS devices
FROM easel.account a JOIN easel.domain d ON d.id = a.domain_id
WHERE a.merged_for IS NULL AND lower(:'domain') IN ('', d.name) ORDER BY a.address;
