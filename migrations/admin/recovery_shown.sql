-- Shows which devices have sent a recovery password, and who has seen it; easel-passwd --recover shows one.
--   psql  -f recovery_shown.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'recovery_shown.sql: shows which devices have sent a recovery password, and who has seen it; easel-passwd --recover shows one.'
	\echo '  -v help=1   shows this; there is nothing else to say'
	\quit
\endif
SELECT v.id, a.address AS account, v.device_id, p.set_at, s.shown_to, s.shown_at
FROM easel.device_password p JOIN easel.device v ON v.id = p.device JOIN easel.account a ON a.id = v.account_id
LEFT JOIN easel.device_password_shown s ON s.device = v.id ORDER BY v.id, s.shown_at;
