-- Domains, accounts, passwords, the settings of the server.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

-- Domains

SELECT easel.domain_create('Example.TEST') AS domain \gset
SELECT is(:domain, (SELECT id FROM easel.domain WHERE name = 'example.test'),
          'a domain is added in lower case, and its number returned');
SELECT throws_ok($$SELECT easel.domain_create('example.test')$$, '23505', NULL, 'a domain is added once');
SELECT throws_ok(format('SELECT easel.domain_create(%L)', n), '23514', NULL, format('"%s" is no domain', n))
FROM unnest(ARRAY['', 'a@b', 'a b', 'a/b', 'a\b']) n;
SELECT throws_ok($$UPDATE easel.domain SET name = 'Example.test'$$, '23514', NULL, 'a domain stays in lower case');
SELECT throws_ok($$UPDATE easel.domain SET backend = 'imap'$$, '23514', NULL, 'a backend is one that there is');
SELECT is((SELECT (enabled, backend)::text FROM easel.domain), '(t,pg)', 'a domain starts enabled, with pg');

-- Accounts

CREATE TEMPORARY TABLE made AS SELECT easel.account_create('Anna@Example.Test', NULL, 'Anna') AS anna;
SELECT is((SELECT (address, display_name, enabled, password_hash)::text FROM easel.account, made WHERE id = anna),
          '(anna@example.test,Anna,t,)', 'an account is added in lower case');
SELECT results_eq($$SELECT id, name, class, role, epoch, next_uid, modseq FROM easel.folder, made
                    WHERE account_id = anna ORDER BY id$$,
                  $$VALUES (1, 'Inbox', 'Email', 'inbox', 1, 1::bigint, 1::bigint),
                           (2, 'Drafts', 'Email', 'drafts', 1, 1, 1), (3, 'Deleted Items', 'Email', 'trash', 1, 1, 1),
                           (4, 'Sent Items', 'Email', 'sent', 1, 1, 1), (5, 'Outbox', 'Email', 'outbox', 1, 1, 1),
                           (6, 'Junk E-mail', 'Email', 'junk', 1, 1, 1), (7, 'Calendar', 'Calendar', 'calendar', 1, 1, 1),
                           (8, 'Contacts', 'Contacts', 'contacts', 1, 1, 1), (9, 'Tasks', 'Tasks', 'tasks', 1, 1, 1),
                           (10, 'Notes', 'Notes', 'notes', 1, 1, 1)$$,
                  'an account has its default folders');
SELECT throws_ok($$SELECT easel.account_create('anna@example.test')$$, '23505', NULL, 'an address is used once');
SELECT throws_ok($$SELECT easel.account_create('anna@elsewhere.test')$$, 'P0002',
                 'there is no domain "elsewhere.test"', 'an account needs its domain');
SELECT throws_ok(format('SELECT easel.account_create(%L)', a), e, NULL, format('"%s" is no address', a))
FROM (VALUES ('anna', 'P0002'), ('', 'P0002'), ('@example.test', '23514'), ('an na@example.test', '23514'),
             (repeat('a', 250) || '@example.test', '23514')) v(a, e);
SELECT throws_ok($$SELECT easel.account_create('hash@example.test', 'demo')$$, '23514', NULL,
                 'a password is kept as a hash only');
SELECT throws_ok($$SELECT easel.account_create('name@example.test', NULL, repeat('x', 257))$$, '23514', NULL,
                 'a name has a limit');
SELECT throws_ok($$DELETE FROM easel.domain$$, '23503', NULL, 'a domain with accounts stays');

-- Passwords

SELECT lives_ok($$SELECT easel.account_set_password('ANNA@example.test', '$scrypt$1')$$, 'a password is set');
SELECT is((SELECT password_hash FROM easel.account, made WHERE id = anna), '$scrypt$1', 'it is the one given');
INSERT INTO easel.password_memory (account_id, digest) SELECT anna, decode(repeat('00', 32), 'hex') FROM made;
SELECT lives_ok($$SELECT easel.account_set_password('anna@example.test', '$scrypt$2')$$, 'a password is changed');
SELECT is_empty('SELECT FROM easel.password_memory', 'a new password ends the remembered login');
SELECT lives_ok($$SELECT easel.account_set_password('anna@example.test', NULL)$$, 'a password is taken away');
SELECT throws_ok($$SELECT easel.account_set_password('ben@example.test', '$scrypt$1')$$, 'P0002',
                 'there is no account "ben@example.test"', 'only an account has a password');
SELECT throws_ok($$SELECT easel.account_set_password('anna@example.test', 'demo')$$, '23514', NULL,
                 'a password is set as a hash only');
SELECT throws_ok($$INSERT INTO easel.password_memory (account_id, digest) SELECT anna, 'short' FROM made$$, '23514',
                 NULL, 'a digest has 32 bytes');
SELECT throws_ok(format('INSERT INTO easel.login_failure (login, address) VALUES (%L, %L)', l, '192.0.2.1'), '23514', NULL,
                 format('failures are not of a name of %s characters', length(l)))
FROM unnest(ARRAY['', repeat('x', 321)]) l;

-- The server's row

SELECT is((SELECT count(*) FROM easel.server), 1::bigint, 'the server has its row');
SELECT throws_ok('INSERT INTO easel.server DEFAULT VALUES', '23505', NULL, 'it has only one');
SELECT throws_ok('INSERT INTO easel.server (only_row) VALUES (false)', '23514', NULL, 'and no other');
SELECT throws_ok(format('UPDATE easel.server SET %s', s), '23514', NULL, format('%s is refused', s))
FROM unnest(ARRAY['heartbeat_min = 0', 'heartbeat_max = 3541', 'heartbeat_min = 1801', 'ping_max_folders = 0',
                  'sync_max_collections = 1001', 'sync_max_items = 513', 'sync_max_bytes = 65535',
                  'login_failures = 0', 'login_pause = 0']) s;

-- The end of an account

SELECT lives_ok($$INSERT INTO easel.content (account_id, summary, data) SELECT anna, '{}', 'x' FROM made$$, 'given content');
SELECT lives_ok($$INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
                  SELECT account_id, 1, 1, 2, now(), 1, id FROM easel.content$$, 'given an item');
SELECT lives_ok($$INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq) SELECT anna, 1, 2, 3 FROM made$$,
                'given a tombstone');
SELECT lives_ok($$INSERT INTO easel.device (account_id, device_id) SELECT anna, 'PHONE' FROM made$$, 'given a device');
SELECT lives_ok($$INSERT INTO easel.hierarchy_state (device, account_id, epoch, n, modseq, folders)
                  SELECT id, account_id, '00000000', 1, 1, '[]' FROM easel.device$$, 'given a hierarchy');
SELECT lives_ok($$INSERT INTO easel.sync_base (account_id, device, folder_id, epoch, n, last_n, folder_epoch)
                  SELECT account_id, id, 1, '00000000', 1, 2, 1 FROM easel.device$$, 'given a ledger');
SELECT lives_ok($$INSERT INTO easel.sync_answer (account_id, device, folder_id, n, added, taken, modseq, todo, echo, options)
                  SELECT account_id, id, 1, 2, '{}', '{}', 1, '{}', '{}', '{}' FROM easel.device$$, 'given an answer');
SELECT lives_ok($$INSERT INTO easel.sync_command (account_id, device, folder_id, n, reference, digest, status)
                  SELECT account_id, id, 1, 1, 'Add 1', decode(repeat('00', 32), 'hex'), 1 FROM easel.device$$,
                'given a command');
SELECT lives_ok($$DELETE FROM easel.account$$, 'an account is deleted with all that it has');
SELECT is_empty(format('SELECT FROM %s', t), format('%s is empty then', t))
FROM unnest(ARRAY['easel.folder', 'easel.content', 'easel.item', 'easel.tombstone', 'easel.device', 'easel.hierarchy_state',
                  'easel.sync_base', 'easel.sync_answer', 'easel.sync_command', 'easel.password_memory']) t;

SELECT * FROM finish();
ROLLBACK;
