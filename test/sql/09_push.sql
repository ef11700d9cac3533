-- Coming to wait: FolderSync asked for three times, limits, push switched off, and older requests elsewhere.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test') AS anna \gset
INSERT INTO easel.device (account_id, device_id, type) VALUES (:anna, 'PHONE', 'Pear') RETURNING id AS phone \gset
INSERT INTO easel.device (account_id, device_id) VALUES (:anna, 'OTHER') RETURNING id AS other \gset
SELECT easel.folder_create(:anna, NULL, 'Trips') AS trips \gset
INSERT INTO easel.hierarchy_state (device, account_id, epoch, n, modseq, folders)
	SELECT :phone, :anna, '00000000', 1, hierarchy_modseq, '[[1,0,2,"Inbox"],[11,0,12,"Trips"]]'
	FROM easel.account WHERE id = :anna;
CREATE TABLE tap.given AS SELECT :anna AS anna, :phone AS phone, :other AS other, :trips AS trips;

CREATE FUNCTION tap.verdict(folders integer[] DEFAULT '{1}') RETURNS text LANGUAGE sql AS
	'SELECT (easel.wait_begin(anna, phone, ''w1'', 300, folders)).verdict FROM tap.given';

SELECT is(:trips, 11, 'the folder has the number that the device was told');
SELECT is(tap.verdict(), 'wait', 'a device whose tree is current waits');
SELECT is(tap.verdict('{1,99}'), 'wait', 'also when it names a folder that never was');

SAVEPOINT s;
SELECT easel.folder_create(:anna, NULL, 'New');
SELECT results_eq($$SELECT tap.verdict() FROM generate_series(1, 5)$$,
	ARRAY['foldersync', 'foldersync', 'foldersync', 'wait', 'wait'], 'a changed tree is told three times');
SELECT easel.folder_create(:anna, NULL, 'Newer');
SELECT is(tap.verdict(), 'foldersync', 'and when it changes once more, again');
SELECT is((SELECT count(*) FROM easel.notice)::int, 0, 'nobody gets mail for that');
ROLLBACK TO s;

SELECT ok(easel.folder_delete(:anna, :trips), 'a folder goes');
SELECT is((SELECT array_agg((device, folder_id, name)::text) FROM easel.folder_gone),
	ARRAY[format('(%s,11,Trips)', :phone)], 'it is noted for the device that was told of it');
UPDATE easel.hierarchy_state SET modseq = (SELECT hierarchy_modseq FROM easel.account WHERE id = :anna);
SELECT is(tap.verdict(), 'wait', 'a device that does not name it waits');
SELECT results_eq($$SELECT tap.verdict('{1,11}') FROM generate_series(1, 6)$$,
	ARRAY['foldersync', 'foldersync', 'foldersync', 'wait', 'wait', 'wait'], 'one that does is told three times');
SELECT is((SELECT count(*) FROM easel.notice WHERE account_id = :anna)::int, 1,
	'then the user is told by mail, once');
SELECT matches(convert_from(decode(split_part(convert_from(data, 'UTF8'), E'\r\n\r\n', 2), 'base64'), 'UTF8'), 'device Pear .*"Trips"',
	'of device and folder') FROM easel.notice;
ROLLBACK TO s;
SELECT ok(easel.folder_delete(:anna, :trips));
SELECT is((SELECT (easel.wait_begin(:anna, :other, 'w1', 300, '{7}')).verdict), 'wait', 'nothing is asked of a device that never had it');
SELECT lives_ok('DELETE FROM easel.account', 'an account goes with all its folders');
ROLLBACK TO s;

UPDATE easel.server SET push_max_account = 1;
SELECT is(tap.verdict(), 'wait', 'so many devices of an account may wait');
SELECT is((SELECT (easel.wait_begin(:anna, :other, 'w2', 300, '{1}')).verdict), 'full', 'and no more');
SELECT is(tap.verdict(), 'wait', 'a newer request of a device that waits takes no more room');
UPDATE easel.waiting SET until = now();
SELECT is((SELECT (easel.wait_begin(:anna, :other, 'w2', 300, '{1}')).verdict), 'wait', 'one whose time is up makes room');
SELECT results_eq('SELECT account, device_id FROM easel.push_device ORDER BY device_id',
	$$VALUES ('anna@example.test', 'OTHER'), ('anna@example.test', 'PHONE')$$, 'and the view shows them');
ROLLBACK TO s;

CREATE FUNCTION tap.push() RETURNS boolean LANGUAGE sql AS
	'SELECT (easel.wait_begin(anna, phone, ''w1'', 300, ''{}'')).push FROM tap.given';
SELECT is(tap.push(), true, 'push is on');
UPDATE easel.server SET push = false;
SELECT is(tap.push(), false, 'off for all');
UPDATE easel.domain SET push = true;
SELECT is(tap.push(), true, 'on for a domain');
UPDATE easel.account SET push = false;
SELECT is(tap.push(), false, 'off for an account');
UPDATE easel.account SET enabled = false;
SELECT is(tap.verdict(), 'foldersync', 'who may not come in is sent to FolderSync, which says so');
ROLLBACK TO s;

SELECT is((SELECT (easel.wait_begin(:anna, 0, 'w1', 300, '{1}')).verdict), 'wait', 'a device that only tries may wait');
SELECT results_eq('SELECT device FROM easel.waiting', ARRAY[:phone], 'and leaves no trace');

SELECT * FROM finish();
ROLLBACK;
