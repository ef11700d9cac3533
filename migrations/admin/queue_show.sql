-- Shows what waits to be sent, and the information mails on their way.
--   psql  -f queue_show.sql
\set ON_ERROR_STOP on
\if :{?help}
	\echo 'queue_show.sql: shows what waits to be sent, and the information mails on their way.'
	\echo '  -v help=1   shows this; there is nothing else to say'
	\quit
\endif
SELECT id, account, recipient, state, attempts, next_try, last_error, queued_at, size FROM easel.queue_status
UNION ALL SELECT n.id, a.address, a.address, n.kind, 0, NULL, NULL, n.made_at, length(n.data)
FROM easel.notice n JOIN easel.account a ON a.id = n.account_id ORDER BY 8;
