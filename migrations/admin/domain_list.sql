-- Lists domains.
--   psql -f domain_list.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'domain_list.sql: lists domains.'
	\echo '  -v help=1   shows this; there is nothing else to say'
	\quit
\endif
SELECT d.id, d.name, d.enabled, d.backend, d.access_rule,
       (SELECT count(*) FROM easel.account a WHERE a.domain_id = d.id AND a.merged_for IS NULL) AS accounts,
       (SELECT count(*) FROM easel.device v JOIN easel.account a ON a.id = v.account_id WHERE a.domain_id = d.id) AS devices
FROM easel.domain d ORDER BY d.name;
