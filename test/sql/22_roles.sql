-- What the roles for programs, administrators and those who only look may do, and what not; and what housekeeping removes.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT is((SELECT array_agg(role ORDER BY role) FROM easel.grant_roles() WHERE granted), '{easel_admin,easel_viewer,easel_worker}',
          'the roles are there');
SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test', '$scrypt$x', 'Anna') AS anna \gset
INSERT INTO easel.device (account_id, device_id, type) VALUES (:anna, 'P', 'Phone') RETURNING id AS phone \gset
GRANT USAGE ON SCHEMA tap TO easel_worker, easel_admin, easel_viewer;

-- Whether a role may do something, found out by doing it. What it did is undone.
CREATE FUNCTION tap.may(statement text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	RAISE EXCEPTION USING ERRCODE = 'TAP00';
EXCEPTION WHEN insufficient_privilege THEN RETURN false;
	WHEN SQLSTATE 'TAP00' THEN RETURN true;
END $$;

-- Secrets, one by one: whoever only looks reads none of them.
SET ROLE easel_viewer;
SELECT ok(NOT tap.may('SELECT ' || c), 'a viewer does not read ' || c) FROM unnest(ARRAY[
	'password_hash FROM easel.account', '* FROM easel.account', 'smtp_password FROM easel.server', '* FROM easel.server',
	'* FROM easel.domain', 'digest FROM easel.password_memory', 'sealed FROM easel.device_password', 'data FROM easel.content',
	'data FROM easel.queue', 'data FROM easel.notice', 'entry FROM easel.trace', '1 FROM easel.content_words', '1 FROM easel.sms',
	'1 FROM easel.recipient', '1 FROM easel.directory_entry', '1 FROM easel.directory_word', '1 FROM easel.oof_message', '1 FROM easel.login_failure', 'note FROM easel.sync_omitted',
	'subject FROM easel.omitted_item',
	'password_hash FROM easel.gate(''anna@example.test'', ''P'', NULL)']) c;
SELECT ok(tap.may('SELECT ' || c), 'a viewer reads ' || c) FROM unnest(ARRAY[
	'* FROM easel.device_list', 'address, enabled FROM easel.account', 'name, enabled FROM easel.domain', '* FROM easel.access_rule',
	'* FROM easel.policy', '* FROM easel.wipe', 'id, account, folder, reason FROM easel.omitted_item', 'uid, reason FROM easel.sync_omitted', '* FROM easel.sync_state', '* FROM easel.push_status',
	'id FROM easel.device', '* FROM easel.folder', '* FROM easel.folder_right', '* FROM easel.queue_status']) c;
SELECT is((SELECT string_agg(c.oid::regclass || '.' || a.attname, ' ') FROM pg_class c
	JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	WHERE c.relnamespace = 'easel'::regnamespace AND c.relkind IN ('r', 'v') AND a.attname LIKE '%password%'
	AND a.attname NOT IN ('login_failures') AND c.relname NOT IN ('policy', 'device_password_shown')
	AND has_column_privilege('easel_viewer', c.oid, a.attnum, 'SELECT')), NULL, 'nor any password, wherever there will be one');
SELECT ok(NOT tap.may(c), 'a viewer does not: ' || c) FROM unnest(ARRAY[
	'UPDATE easel.device SET access = ''blocked''', 'DELETE FROM easel.device', 'INSERT INTO easel.policy (level) VALUES (''server'')',
	'UPDATE easel.account SET enabled = false', 'DELETE FROM easel.wipe', format('SELECT easel.device_block(%s)', :'phone'),
	format('SELECT easel.device_wipe(%s, ''hard'')', :'phone'), format('SELECT easel.device_delete(%s)', :'phone'),
	'SELECT easel.policy_set(''server'', NULL, ''enforced'', ''true'')', 'SELECT easel.rule_create(''os'', ''x'', ''block'')',
	'SELECT easel.account_create(''x@example.test'')', 'SELECT * FROM easel.housekeep()']) c;
RESET ROLE;

SET ROLE easel_admin;
SELECT ok(tap.may(c), 'an administrator does: ' || c) FROM unnest(ARRAY[
	'SELECT 1 FROM easel.content_words', format('SELECT easel.device_block(%s)', :'phone'), format('SELECT easel.device_wipe(%s, ''hard'')', :'phone'),
	format('SELECT easel.device_delete(%s)', :'phone'), 'SELECT easel.policy_set(''server'', NULL, ''enforced'', ''true'')',
	'SELECT easel.rule_create(''os'', ''x'', ''block'')', 'SELECT easel.account_create(''x@example.test'')',
	'SELECT easel.domain_create(''x.test'')', 'UPDATE easel.server SET enabled = false', 'SELECT * FROM easel.housekeep()',
	'UPDATE easel.inform_text SET subject = ''x''', format('SELECT easel.trace_set(%s, NULL, 1)', :'phone')]) c;
SELECT ok(NOT tap.may(c), 'an administrator does not: ' || c) FROM unnest(ARRAY[
	'DELETE FROM easel.migration', 'DROP TABLE easel.device', 'CREATE TABLE easel.x (i integer)']) c;
RESET ROLE;

SET ROLE easel_worker;
SELECT ok(tap.may(c), 'a worker does: ' || c) FROM unnest(ARRAY[
	'SELECT * FROM easel.gate(''anna@example.test'', ''P'', NULL)', format('SELECT easel.device_admit(%s, ''NEW'', ''x'', '''', 161)', :'anna'),
	format('SELECT easel.device_offer_policy(%s, 1)', :'phone'), format('SELECT easel.inform(%s, ''quarantined'')', :'anna'),
	format('SELECT easel.user_act(%s, %s, ''encryption'')', :'anna', :'phone'), 'SELECT * FROM easel.housekeep()',
	'SELECT 1 FROM easel.content_words',
	'INSERT INTO easel.password_memory SELECT id, decode(repeat(''ab'', 32), ''hex'') FROM easel.account']) c;
SELECT ok(NOT tap.may(c), 'a worker does not: ' || c) FROM unnest(ARRAY[
	'DELETE FROM easel.migration', 'UPDATE easel.domain SET enabled = false', 'DELETE FROM easel.access_rule',
	'SELECT easel.rule_create(''os'', ''x'', ''allow'')', 'UPDATE easel.inform_text SET subject = ''x''',
	'SELECT easel.domain_create(''x.test'')', 'DROP TABLE easel.device']) c;
RESET ROLE;

-- Information mails

UPDATE easel.account SET language = 'de', timezone = 'Europe/Berlin', display_name = 'Änne' WHERE id = :anna;
UPDATE easel.server SET inform_from = 'it@example.test', inform_cc = 'admin@example.test';
CREATE FUNCTION tap.informed(kind text, arguments jsonb DEFAULT '{}') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	new_id bigint := easel.inform((SELECT id FROM easel.account WHERE address = 'anna@example.test'), kind, arguments);
	raw text := (SELECT convert_from(data, 'UTF8') FROM easel.notice WHERE id = new_id);
BEGIN
	RETURN split_part(raw, E'\r\n\r\n', 1) || E'\n\n' ||
		convert_from(decode(split_part(raw, E'\r\n\r\n', 2), 'base64'), 'UTF8');
END $$;
SELECT ok(tap.informed('quarantined', '{"device": "Telefon {address} & <x>"}') LIKE
	E'%Guten Tag Änne,%Telefon {address} & <x>%', 'in the user''s language; what stands in an argument is no placeholder');
SELECT ok(position(E'From: <it@example.test>\r\nTo: <anna@example.test>\r\nCc: <admin@example.test>\r\n' IN tap.informed('wipe_hard')) = 1,
          'with sender and copy');
SELECT ok(tap.informed('wipe_hard') LIKE '%Subject: =?UTF-8?Q?%', 'a subject that is not ASCII is encoded');
UPDATE easel.domain SET inform_from = 'help@example.test', inform_cc = 'anna@example.test';
SELECT ok(position(E'From: <help@example.test>\r\nTo: <anna@example.test>\r\nSubject' IN tap.informed('wipe_soft')) = 1,
          'the domain''s sender comes first; nobody gets a copy of his own mail');
UPDATE easel.account SET language = 'fr' WHERE id = :anna;
SELECT ok(tap.informed('wipe_soft') LIKE '%Hello Änne,%', 'in English where there is no text');
SELECT ok(tap.informed('wipe_soft', E'{"device": "x\\r\\nBcc: eve@example.test"}') !~ E'\nBcc:', 'a device''s name is no header');
SELECT throws_ok(format('SELECT easel.inform(%s, %L)', a, k), 'P0002', NULL, format('inform(%s, %s) is refused', a, k))
	FROM (VALUES (:anna, 'nonsense'), (0, 'quarantined')) c(a, k);
SELECT throws_ok('UPDATE easel.server SET inform_from = E''a@b\nBcc: c@d''', '23514', NULL, 'a sender is an address');

-- Housekeeping

CREATE FUNCTION tap.removed(which text) RETURNS bigint LANGUAGE sql AS $$ SELECT removed FROM easel.housekeep() WHERE what = which $$;
INSERT INTO easel.device (account_id, device_id, last_seen, access) VALUES
	(:anna, 'STALE', now() - interval '366 days', 'allowed'), (:anna, 'FRESH', now() - interval '364 days', 'allowed'),
	(:anna, 'STOLEN', now() - interval '999 days', 'blocked');
SELECT is(tap.removed('devices'), 1::bigint, 'a stale device goes');
SELECT is((SELECT array_agg(device_id ORDER BY device_id) FROM easel.device), ARRAY['FRESH', 'P', 'STOLEN'], 'others, and blocked ones, stay');
UPDATE easel.server SET stale_device_days = 0;
UPDATE easel.device SET last_seen = now() - interval '9999 days' WHERE device_id = 'FRESH';
SELECT is(tap.removed('devices'), 0::bigint, '0: never');
INSERT INTO easel.trace (account_id, device_id, at, entry) VALUES (:anna, 'P', now() - interval '8 days', 'x'), (:anna, 'P', now(), 'y');
SELECT is(tap.removed('traces'), 1::bigint, 'old traces go');
SELECT id AS inbox FROM easel.folder WHERE account_id = :anna AND role = 'inbox' \gset
INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq, gone_at) VALUES
	(:anna, :inbox, 1, 10, now() - interval '31 days'), (:anna, :inbox, 2, 20, now() - interval '31 days'), (:anna, :inbox, 3, 30, now());
SELECT is(tap.removed('tombstones'), 2::bigint, 'old tombstones go');
SELECT is((SELECT array_agg(uid) FROM easel.tombstone), ARRAY[3::bigint], 'young ones stay');
INSERT INTO easel.login_failure (login, address, last_at) VALUES ('a', '192.0.2.1', now() - interval '2 days'), ('a', '192.0.2.2', now());
SELECT is(tap.removed('wrong passwords'), 1::bigint, 'old wrong passwords go');
INSERT INTO easel.queue (account_id, sender, data, queued_at) VALUES (:anna, 'a@b.test', '', now() - interval '999 days') RETURNING id AS old \gset
INSERT INTO easel.queue (account_id, sender, data, queued_at) VALUES (:anna, 'a@b.test', '', now() - interval '999 days') RETURNING id AS waits \gset
INSERT INTO easel.queue_recipient (account_id, queue_id, address) VALUES (:anna, :waits, 'c@d.test');
SELECT is(tap.removed('queue'), 1::bigint, 'what is over leaves the queue');
SELECT is((SELECT array_agg(id) FROM easel.queue), ARRAY[:waits]::bigint[], 'what waits does not');

SELECT * FROM finish();
ROLLBACK;
