-- The gate: all that a worker needs to know before it serves a request.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test', '$scrypt$x', 'Anna') AS anna \gset
INSERT INTO easel.device (account_id, device_id, type, user_agent, protocol_version, ping_folders)
	VALUES (:anna, 'PHONE', 'iPhone', 'Apple', 161, '{1,2}') RETURNING id AS phone \gset
PREPARE gate(text, text, inet) AS SELECT * FROM easel.gate($1, $2, $3);
CREATE FUNCTION tap.throttled(login text, address inet) RETURNS boolean LANGUAGE sql AS
	'SELECT throttled FROM easel.gate(login, '''', address)';

SELECT is((SELECT (account_id, address, display_name, password_hash, remembered, verdict, throttled)::text
           FROM easel.gate('anna@example.test', 'PHONE', '192.0.2.1')),
          format('(%s,anna@example.test,Anna,$scrypt$x,,ok,f)', :anna), 'an account is found');
SELECT is((SELECT (device, device_type, user_agent, protocol_version, policy_key, ping_folders)::text
           FROM easel.gate('anna@example.test', 'PHONE', NULL)),
          format('(%s,iPhone,Apple,161,0,"{1,2}")', :phone), 'with its device');
SELECT is((SELECT (account_id, device)::text FROM easel.gate('anna@example.test', 'OTHER', NULL)), format('(%s,)', :anna),
          'a device that is new has no number');
SELECT is((SELECT (account_id, heartbeat_min, heartbeat_max, sync_max_items)::text FROM easel.gate('eve@example.test', '', NULL)),
          '(,60,1800,512)', 'without an account there are the limits alone');
SELECT is((SELECT count(*) FROM easel.gate('anna@example.test', 'PHONE', NULL)), 1::bigint, 'there is always one row');

UPDATE easel.device v SET effective = easel.effective_of(v.account_id, v.id),
	effective_stamp = (SELECT s.gate_version + d.gate_version + a.gate_version FROM easel.server s, easel.account a
	                   JOIN easel.domain d ON d.id = a.domain_id WHERE a.id = v.account_id);
SELECT ok(NOT stale, 'a device just seen is not written again') FROM easel.gate('anna@example.test', 'PHONE', NULL);
UPDATE easel.device SET last_seen = now() - interval '61 seconds';
SELECT ok(stale, 'a device not seen for a minute is written again') FROM easel.gate('anna@example.test', 'PHONE', NULL);
UPDATE easel.account SET enabled = false;
SELECT is(verdict, 'disabled', 'a disabled account stays out') FROM easel.gate('anna@example.test', '', NULL);
UPDATE easel.account SET enabled = true;
UPDATE easel.domain SET enabled = false;
SELECT is(verdict, 'disabled', 'a disabled domain keeps its accounts out') FROM easel.gate('anna@example.test', '', NULL);

INSERT INTO easel.login_failure (login, address, failures) VALUES ('anna@example.test', '192.0.2.1', 9), ('eve@example.test', '192.0.2.1', 10);
SELECT ok(NOT tap.throttled('anna@example.test', '192.0.2.1'), 'nine wrong passwords are borne');
SELECT ok(tap.throttled('eve@example.test', '192.0.2.1'), 'a name that is no account''s is slowed down as well');
UPDATE easel.login_failure SET failures = 10;
SELECT ok(tap.throttled('anna@example.test', '192.0.2.1'), 'ten are not');
SELECT ok(NOT tap.throttled('anna@example.test', '192.0.2.2'), 'from another address it goes on');
SELECT ok(NOT tap.throttled('anna@example.test', NULL), 'and without one');
UPDATE easel.login_failure SET last_at = now() - interval '61 seconds';
SELECT ok(NOT tap.throttled('anna@example.test', '192.0.2.1'), 'a pause ends it');
INSERT INTO easel.password_memory (account_id, digest) VALUES (:anna, decode(repeat('ab', 32), 'hex'));
SELECT is((SELECT remembered FROM easel.gate('anna@example.test', '', NULL)), decode(repeat('ab', 32), 'hex'),
          'a remembered login is told');

-- Devices

SELECT throws_ok(format('INSERT INTO easel.device (account_id, device_id) VALUES (%s, %L)', :anna, d), '23514', NULL,
                 format('"%s" is no DeviceId', left(d, 10)))
FROM unnest(ARRAY['', 'a b', repeat('x', 65), 'a/b']) d;
SELECT throws_ok(format('INSERT INTO easel.device (account_id, device_id) VALUES (%s, %L)', :anna, 'PHONE'), '23505', NULL,
                 'an account has a device once');
SELECT throws_ok('UPDATE easel.device SET policy_key = 4294967296', '23514', NULL, 'a policy key has 32 bits');
SELECT throws_ok('UPDATE easel.device SET policy_offered_key = -1', '23514', NULL, 'an offered one too');
SELECT throws_ok('UPDATE easel.device SET user_agent = repeat(''x'', 257)', '23514', NULL, 'a user agent has a limit');
SELECT throws_ok('UPDATE easel.device SET type = repeat(''x'', 257)', '23514', NULL, 'a type has a limit');
SELECT throws_ok($$INSERT INTO easel.hierarchy_state (device, account_id, epoch, n, modseq, folders)
                   SELECT id, account_id, 'xyz', 1, 1, '[]' FROM easel.device$$, '23514', NULL, 'an epoch is eight hex digits');

SELECT * FROM finish();
ROLLBACK;
