-- Lists devices, the last seen first.
--   psql [-v account=anna@example.org] -f device_list.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'device_list.sql: lists devices, the last seen first.'
	\echo '  -v account=ADDRESS    only those of one account'
	\echo '  -v domain=DOMAIN      only those of one domain'
	\echo '  -v type=TEXT          whose type begins so'
	\echo '  -v model=TEXT         whose model begins so'
	\echo '  -v os=TEXT            whose operating system begins so'
	\echo '  -v protocol=VERSION   that speak this version: 16.1'
	\echo '  -v status=TEXT        by access (allowed …), policy (accepted …) or wipe (pending …)'
	\echo '  -v unseen=DAYS        that have not come for so many days'
	\echo '  -v unsynced=DAYS      that have synced no folder for so many days, or never'
	\echo '  -v error=TEXT         with this in their last error; any for any'
	\echo '  -v most=N             so many at most'
	\quit
\endif
\if :{?account}
\else
	\set account ''
\endif
\if :{?domain}
\else
	\set domain ''
\endif
\if :{?type}
\else
	\set type ''
\endif
\if :{?model}
\else
	\set model ''
\endif
\if :{?os}
\else
	\set os ''
\endif
\if :{?protocol}
\else
	\set protocol ''
\endif
\if :{?status}
\else
	\set status ''
\endif
\if :{?unseen}
\else
	\set unseen 0
\endif
\if :{?unsynced}
\else
	\set unsynced 0
\endif
\if :{?error}
\else
	\set error ''
\endif
\if :{?most}
\else
	\set most '1000'
\endif
SELECT CASE WHEN :'account' <> '' THEN (easel.account_known(:'account')).id END AS known_account,
       CASE WHEN :'domain' <> '' THEN (easel.domain_known(:'domain')).id END AS known_domain
\gset
-- To compile it would take longer than it runs.
SET jit = off;
SELECT id, account, device_id, name, type, model, os, os_language, phone_number, mobile_operator, user_agent,
       protocol, access, access_reason, policy, wipe, date_trunc('second', last_sync) AS last_sync,
       date_trunc('second', first_seen) AS first_seen, date_trunc('second', last_seen) AS last_seen, last_error
FROM easel.device_list
WHERE (:'account' = '' OR account = lower(:'account'))
AND (:'domain' = '' OR domain = lower(:'domain'))
AND (:'type' = '' OR starts_with(lower(type), lower(:'type')))
AND (:'model' = '' OR starts_with(lower(model), lower(:'model')))
AND (:'os' = '' OR starts_with(lower(os), lower(:'os')))
AND (:'protocol' = '' OR protocol = :'protocol')
AND (:'status' = '' OR (id IN (SELECT easel.devices_of_status(:'status')) AND :'status' IN (access, policy, wipe)))
AND (:'unseen' = '0' OR last_seen < now() - make_interval(days => :'unseen'))
AND (:'unsynced' = '0' OR last_sync IS NULL OR last_sync < now() - make_interval(days => :'unsynced'))
AND (:'error' = '' OR (:'error' = 'any' AND last_error IS NOT NULL) OR position(lower(:'error') IN lower(last_error)) > 0)
ORDER BY last_seen DESC LIMIT :'most'::integer;
