-- The one test for change, on the ledger of one device and one folder.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test') AS anna \gset
INSERT INTO easel.device (account_id, device_id) VALUES (:anna, 'PHONE') RETURNING id AS phone \gset
INSERT INTO easel.content (account_id, summary, data) VALUES (:anna, '{}', 'x') RETURNING id AS content \gset

CREATE TABLE tap.given AS SELECT :anna AS anna, :phone AS phone, :content AS content;

CREATE FUNCTION tap.pending() RETURNS boolean LANGUAGE sql AS
	'SELECT easel.sync_pending(anna, phone, 1) FROM tap.given';
-- A change of an item at a modseq, which the folder then has.
CREATE FUNCTION tap.change(item bigint, at bigint, received timestamptz DEFAULT now()) RETURNS void LANGUAGE sql AS $$
	UPDATE easel.folder SET modseq = greatest(modseq, at) FROM tap.given WHERE account_id = anna AND id = 1;
	INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
	SELECT anna, 1, change.item, at, received, 1, content FROM tap.given
	ON CONFLICT (account_id, folder_id, uid) DO UPDATE SET modseq = at $$;
CREATE FUNCTION tap.go(item bigint, at bigint) RETURNS void LANGUAGE sql AS $$
	UPDATE easel.folder SET modseq = greatest(modseq, at) FROM tap.given WHERE account_id = anna AND id = 1;
	DELETE FROM easel.item USING tap.given WHERE account_id = anna AND folder_id = 1 AND uid = go.item;
	INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq) SELECT anna, 1, go.item, at FROM tap.given $$;

SELECT ok(NOT tap.pending(), 'a folder that was never synced has nothing pending');
SELECT ok(NOT easel.sync_pending(:anna, :phone, 99), 'nor has one that there is not');

SELECT tap.change(1, 10), tap.change(2, 11), tap.change(3, 12);
INSERT INTO easel.sync_base (account_id, device, folder_id, epoch, n, last_n, folder_epoch, held, modseq)
	VALUES (:anna, :phone, 1, '00000000', 1, 1, 1, '{[1,4)}', 12);
SELECT ok(NOT tap.pending(), 'a device that is current has nothing pending');

SAVEPOINT s;
SELECT tap.change(4, 13);
SELECT ok(tap.pending(), 'a new item is pending');
UPDATE easel.sync_base SET echo = '{4,13}';
SELECT ok(NOT tap.pending(), 'the device''s own is not');
UPDATE easel.sync_base SET echo = '{4,12,3,13,13,4}';
SELECT ok(tap.pending(), 'unless it was changed since');
ROLLBACK TO s;

SELECT tap.change(2, 13);
SELECT ok(tap.pending(), 'a changed item is pending');
UPDATE easel.sync_base SET modseq = 13;
SELECT ok(NOT tap.pending(), 'and no more once it is known');
ROLLBACK TO s;

SELECT tap.go(2, 13);
SELECT ok(tap.pending(), 'an item that went is pending');
UPDATE easel.sync_base SET held = '{[1,2),[3,4)}';
SELECT ok(NOT tap.pending(), 'unless the device does not have it');
UPDATE easel.sync_base SET held = '{[1,4)}', echo = '{2,13}';
SELECT ok(NOT tap.pending(), 'or deleted it');
ROLLBACK TO s;

SELECT tap.change(4, 13, '2020-01-01');
UPDATE easel.sync_base SET cutoff = '2021-01-01';
SELECT ok(NOT tap.pending(), 'a new item outside the filter is not pending');
SELECT tap.change(4, 14, '2020-01-01');
UPDATE easel.sync_base SET held = '{[1,5)}';
SELECT ok(tap.pending(), 'one that the device has is, wherever it is');
ROLLBACK TO s;

UPDATE easel.sync_base SET modseq = 11, cut_uid = 1;
SELECT ok(tap.pending(), 'what was cut off is pending');
UPDATE easel.sync_base SET modseq = 12, cut_uid = 3;
SELECT ok(NOT tap.pending(), 'and no more once all of it was told');
UPDATE easel.sync_base SET cut_uid = 2;
SELECT ok(tap.pending(), 'within one modseq the uid decides');
ROLLBACK TO s;

UPDATE easel.sync_base SET held = '{[2,4)}', fill_uid = 2;
SELECT ok(tap.pending(), 'a first fill is pending while there is something below');
UPDATE easel.sync_base SET fill_uid = 1;
SELECT ok(NOT tap.pending(), 'and ends with it');
UPDATE easel.sync_base SET fill_uid = 2, cutoff = now() + interval '1 day';
SELECT ok(NOT tap.pending(), 'or with the filter');
SELECT tap.change(1, 13);
SELECT ok(NOT tap.pending(), 'a change below the fill waits for it');
ROLLBACK TO s;

UPDATE easel.sync_base SET todo = '{[2,3)}';
SELECT ok(tap.pending(), 'what is to be sent again is pending');
ROLLBACK TO s;
UPDATE easel.folder SET epoch = 2 WHERE account_id = :anna AND id = 1;
SELECT ok(tap.pending(), 'a new epoch is pending');
ROLLBACK TO s;
UPDATE easel.folder SET modseq = 5 WHERE account_id = :anna AND id = 1;
SELECT ok(tap.pending(), 'a modseq that fell is pending');
ROLLBACK TO s;

-- Outstanding answers: the newest counts

SELECT tap.change(4, 13), tap.change(5, 14);
INSERT INTO easel.sync_answer (account_id, device, folder_id, n, added, taken, modseq, todo, echo, options)
	VALUES (:anna, :phone, 1, 2, '{[4,5)}', '{}', 13, '{}', '{}', '{}');
SELECT ok(tap.pending(), 'what came after an answer is pending');
INSERT INTO easel.sync_answer (account_id, device, folder_id, n, added, taken, modseq, todo, echo, options)
	VALUES (:anna, :phone, 1, 3, '{[4,6)}', '{[1,2)}', 14, '{}', '{}', '{}');
SELECT ok(NOT tap.pending(), 'what the newest answer told is not');
SELECT is((SELECT (n, held, modseq, outstanding)::text FROM easel.sync_state), '(3,"{[2,6)}",14,t)',
          'the state is the base with the newest answer applied');
SELECT tap.go(1, 15);
SELECT ok(NOT tap.pending(), 'an item that the answer takes off is not pending when it goes');
SELECT tap.go(5, 16);
SELECT ok(tap.pending(), 'one that it puts there is');
ROLLBACK TO s;
SELECT is((SELECT (n, held, modseq, outstanding)::text FROM easel.sync_state), '(1,"{[1,4)}",12,f)',
          'without one the state is the base');

-- Many at once

SELECT easel.account_create('ben@example.test') AS ben \gset
SELECT tap.change(4, 13);
INSERT INTO easel.sync_base (account_id, device, folder_id, epoch, n, last_n, folder_epoch, todo)
	VALUES (:anna, :phone, 2, '00000000', 1, 1, 1, '{[1,2)}'), (:anna, :phone, 3, '00000000', 1, 1, 1, '{}');
SELECT set_eq(format('SELECT easel.syncs_pending(%L, %L, %L)', ARRAY[:anna, :anna, :anna, :ben, :anna, :anna],
                     ARRAY[:phone, :phone, :phone, :phone, 0, :phone], '{3,1,2,1,1,1}'),
              '{2,3,6}'::integer[], 'of many questions those that have something, by their places');
SELECT is_empty($$SELECT easel.syncs_pending('{}', '{}', '{}')$$, 'no question, no answer');
ROLLBACK TO s;

-- Echoes

SELECT is(easel.is_echo(e::bigint[], 4, 13), want, format('%s in %s: %s', '4,13', e, want))
FROM (VALUES ('{}', false), ('{4,13}', true), ('{4,12}', false), ('{13,4}', false), ('{1,4,13,2}', false),
             ('{1,2,4,13}', true)) v(e, want);

SELECT throws_ok($$UPDATE easel.sync_base SET epoch = '0000000g'$$, '23514', NULL, 'an epoch is eight hex digits');
SELECT throws_ok(format($$INSERT INTO easel.sync_command (account_id, device, folder_id, n, reference, digest, status)
                   VALUES (%s, %s, 1, 1, %L, decode(%L, 'hex'), 1)$$, :anna, :phone, r, d), '23514', NULL, why)
FROM (VALUES (repeat('x', 129), repeat('00', 32), 'a reference has a limit'),
             ('Add 1', '00', 'a digest has 32 bytes')) v(r, d, why);
SELECT throws_ok(format($$INSERT INTO easel.sync_answer (account_id, device, folder_id, n, added, taken, modseq, todo, echo, options)
                   VALUES (%s, %s, 2, 1, '{}', '{}', 1, '{}', '{}', '{}')$$, :anna, :phone), '23503', NULL,
                 'an answer is to a base');
DELETE FROM easel.folder WHERE account_id = :anna AND id = 1;
SELECT is_empty('SELECT FROM easel.sync_base', 'a folder goes with its ledgers');

SELECT * FROM finish();
ROLLBACK;
