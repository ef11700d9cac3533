-- Addresses, what was sent, the queue.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('send.test');
SELECT easel.account_create(a || '@send.test') FROM unnest(ARRAY['anna', 'ben', 'ben+x']) a;
SELECT easel.alias_create('Anna@send.test', 'Sales@send.test');

CREATE FUNCTION pg_temp.id(name text) RETURNS integer LANGUAGE sql AS
	'SELECT id FROM easel.account WHERE address = name || ''@send.test''';

-- ---- Addresses ----

SELECT is(easel.account_of(asked), pg_temp.id(want), format('%s is %s', asked, want))
FROM (VALUES ('anna@send.test', 'anna'), ('ANNA@SEND.TEST', 'anna'), ('sales@send.test', 'anna'),
             ('Sales+x@send.test', 'anna'), ('ben+y@send.test', 'ben'), ('ben+x@send.test', 'ben+x'),
             ('ben+x+y@send.test', 'ben'), ('+x@send.test', NULL), ('eve@send.test', NULL),
             ('anna', NULL), ('', NULL), ('anna+x', NULL), ('anna@else.test', NULL)) v(asked, want);

SELECT is(easel.is_local(asked), want, format('%s is local: %s', asked, want))
FROM (VALUES ('anna@send.test', true), ('eve@SEND.test', true), ('a@b@send.test', true),
             ('anna@else.test', false), ('anna', false), ('', false)) v(asked, want);

SELECT throws_ok($$SELECT easel.alias_create('anna@send.test', 'ben@send.test')$$, '23505', NULL,
                 'an alias is not another account''s address');
SELECT throws_ok($$SELECT easel.account_create('sales@send.test')$$, '23505', NULL,
                 'an account''s address is not an alias');
SELECT throws_ok($$SELECT easel.alias_create('ben@send.test', 'sales@send.test')$$, '23505', NULL,
                 'an alias belongs to one account');
SELECT throws_ok($$SELECT easel.alias_create('eve@send.test', 'x@send.test')$$, 'P0002', NULL,
                 'nobody has no alias');
SELECT throws_ok($$INSERT INTO easel.alias VALUES (pg_temp.id('anna'), 'Upper@send.test')$$, '23514', NULL,
                 'an alias is in lower case');

-- ---- The queue ----

WITH m AS (INSERT INTO easel.queue (account_id, sender, data)
           VALUES (pg_temp.id('anna'), 'anna@send.test', 'Subject: x') RETURNING account_id, id)
INSERT INTO easel.queue_recipient (account_id, queue_id, address)
SELECT account_id, id, a FROM m, unnest(ARRAY['carl@else.test', 'dora@else.test']) a;

SELECT results_eq('SELECT account, recipient, state, attempts, size FROM easel.queue_status ORDER BY recipient',
	$$VALUES ('anna@send.test', 'carl@else.test', 'waiting', 0, 10),
	         ('anna@send.test', 'dora@else.test', 'waiting', 0, 10)$$, 'a row for each recipient');
SELECT is(easel.queue_retry(), 0::bigint, 'nothing was refused yet');
UPDATE easel.queue_recipient SET next_try = now() + interval '1 hour', last_error = '451 Later'
	WHERE address = 'carl@else.test';
SELECT is(easel.queue_retry(), 1::bigint, 'what was refused is tried again');
SELECT is((SELECT count(*) FROM easel.queue_recipient WHERE next_try <= now()), 2::bigint, 'at once');
SELECT throws_ok($$UPDATE easel.queue_recipient SET address = E'a@b\nc@d'$$, '23514', NULL,
                 'an address is one line');
SELECT throws_ok($$UPDATE easel.queue_recipient SET state = 'lost'$$, '23514', NULL, 'no other states');
DELETE FROM easel.queue;
SELECT is_empty('SELECT FROM easel.queue_recipient', 'recipients go with their message');

-- ---- Settings ----

SELECT throws_ok(format('UPDATE easel.%s SET smtp_url = %L', t, url), '23514', NULL, format('%s: %s', t, url))
FROM unnest(ARRAY['server', 'domain']) t, unnest(ARRAY['http://x', 'smtp://', 'mail.test', 'file:///etc']) url;
SELECT lives_ok(format('UPDATE easel.server SET smtp_url = %L', url), url)
FROM unnest(ARRAY['smtp://mail.test', 'smtps://mail.test:465', 'smtp://127.0.0.1:25/helo.name']) url;

SELECT * FROM finish();
ROLLBACK;
