-- Lists devices, the last seen first.   psql [-v account=anna@example.org] -f device_list.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'device_list.sql lists devices, the last seen first.'
	\echo '  -v account=ADDRESS   only those of one account'
	\quit
\endif
\if :{?account}
\else
	\set account ''
\endif
SELECT v.id, a.address AS account, v.device_id, v.type, v.model, v.os,
       regexp_replace(v.protocol_version::text, '(.)$', '.\1') AS protocol,
       CASE v.policy_status WHEN 1 THEN 'accepted' WHEN 2 THEN 'partly' WHEN 3 THEN 'refused'
            WHEN 4 THEN 'managed elsewhere' ELSE '' END AS policy,
       count(b.folder_id) AS folders, date_trunc('second', v.last_seen) AS last_seen
FROM easel.device v
JOIN easel.account a ON a.id = v.account_id
LEFT JOIN easel.sync_base b ON b.account_id = v.account_id AND b.device = v.id
WHERE :'account' = '' OR a.address = lower(:'account')
GROUP BY v.id, a.id
ORDER BY v.last_seen DESC;
