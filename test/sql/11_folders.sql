-- The folder map: what kinds of clients are shown; sharing and rights; the default folder; merged folders.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test') AS anna, easel.account_create('ben@example.test') AS ben,
       easel.account_create('cyd@example.test') AS cyd \gset
CREATE TABLE tap.given AS SELECT :anna AS anna, :ben AS ben;

-- Clients: how many folders of each class one is shown of two.

SELECT easel.folder_create(:anna, NULL, class || '2', class) FROM unnest(ARRAY['Calendar', 'Contacts', 'Tasks', 'Notes']) class;
CREATE FUNCTION tap.shown(type text, agent text, version integer DEFAULT 161) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	device integer;
	counts text;
BEGIN
	INSERT INTO easel.device (account_id, device_id, type, user_agent)
		SELECT anna, md5(type || agent), type, agent FROM tap.given RETURNING id INTO device;
	SELECT format('%s %s %s %s', count(*) FILTER (WHERE m.type IN (8, 13)), count(*) FILTER (WHERE m.type IN (9, 14)),
		count(*) FILTER (WHERE m.type IN (7, 15)), count(*) FILTER (WHERE m.type IN (10, 17)))
		INTO counts FROM tap.given, easel.folder_map(anna, device, version) m;
	DELETE FROM easel.device v WHERE v.id = device;
	RETURN counts;
END $$;
SELECT is(tap.shown(type, agent), want, coalesce(nullif(type, ''), agent) || ' is shown so many calendars, contacts, tasks and notes')
FROM (VALUES ('WindowsOutlook15', 'Outlook/15.0 (15.0.4420.1017; MSI; x64)', '2 2 2 0'),
             ('Outlook', 'Outlook-iOS-Android/1.0', '2 2 0 0'),
             ('SAMSUNGSMG960F', 'SAMSUNG-SM-G960F/101.9', '2 2 2 2'),
             ('SamsungDevice', 'SAMSUNG-GT-I9100/100.40', '2 2 2 2'),
             ('iPhone', 'Apple-iPhone10C1/1601.404', '2 2 2 2'),
             ('iPad', 'Apple-iPad5C4/1601.404', '2 2 2 2'),
             ('WP8', 'MSFT-WP/8.10.14219', '2 2 2 0'),
             ('WindowsMail', 'WindowsMail/17', '2 2 0 0'),
             ('Android', 'Android-Mail/2023', '2 2 2 0'),
             ('Something', 'Unknown/1', '2 2 2 2')) v(type, agent, want);
INSERT INTO easel.device_settings (level, account_id, several_folders) VALUES ('user', :anna, 'off');
SELECT is(tap.shown(type, agent), want, coalesce(nullif(type, ''), agent) || ' with only the default one of what it takes one of')
FROM (VALUES ('WindowsOutlook15', '', '2 1 2 0'), ('SAMSUNGSMG960F', '', '1 1 1 1'), ('Other', 'SAMSUNG-GT/1', '1 1 1 1'),
             ('iPhone', '', '2 2 2 2'), ('WP8', '', '2 1 2 0'), ('Android', '', '2 2 2 0'), ('Something', '', '1 1 1 1')) v(type, agent, want);
UPDATE easel.device_settings SET several_folders = 'merged' WHERE level = 'user';
SELECT is(tap.shown('SAMSUNGSMG960F', ''), '1 1 1 1', 'and with all of them as one');
SELECT is(tap.shown('iPhone', '', 121), '2 2 2 0', 'notes come with protocol 14.0');
UPDATE easel.client_profile SET tasks = 'none' WHERE device_type = 'iP%';
SELECT is(tap.shown('iPhone', ''), '2 2 0 2', 'the table can be changed');
DELETE FROM easel.device_settings WHERE level = 'user';

-- Rights, one by one

SELECT easel.folder_create(:anna, NULL, 'Team') AS team \gset
SELECT easel.folder_create(:anna, :team, 'Deep') AS deep \gset
SELECT easel.group_create('Staff');
SELECT easel.group_add('staff', 'ben@example.test');
CREATE FUNCTION tap.rights(who integer, folder integer) RETURNS integer LANGUAGE sql AS
	'SELECT easel.folder_rights(who, anna, folder) FROM tap.given';
SELECT is(tap.rights(:anna, :team), 63, 'the owner may do everything');
SELECT is(tap.rights(:ben, :team), 0, 'and nobody else anything');
CREATE FUNCTION tap.given_rights(words text) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
	PERFORM easel.folder_share('anna@example.test', 'Team', 'Staff', words);
	RETURN (SELECT easel.folder_rights(ben, anna, f.id) FROM tap.given, easel.folder f WHERE f.account_id = anna AND f.name = 'Team');
END $$;
SELECT is(tap.given_rights(words), want, words)
FROM (VALUES ('look up', 1), ('read', 3), ('look up, write', 5), ('insert', 8), ('delete', 16), ('administer', 32),
             ('write', 31), ('manage', 63), ('look up , read', 3)) v(words, want);
SELECT throws_ok($$SELECT tap.given_rights('everything')$$, '23514', NULL, 'a right is one that there is');
SELECT is(tap.rights(:cyd, :team), 0, 'who is not in the group has none of them');
SELECT is(tap.rights(:ben, :deep), 0, 'nor are they those of the folders below');
SELECT easel.folder_share('anna@example.test', 'Team', 'Staff', 'read', true);
SELECT is(tap.rights(:ben, :deep), 3, 'unless they are given so');
SELECT easel.folder_share('anna@example.test', 'Team\Deep', '@example.test', 'insert');
SELECT is(tap.rights(:ben, :deep), 11, 'what comes from several adds up');
SELECT easel.folder_share('anna@example.test', 'team\deep', '*', 'delete');
SELECT is(tap.rights(:cyd, :deep), 24, 'what everybody may, and everybody of the domain');
SELECT set_eq('SELECT folder, whom, rights, below FROM easel.folder_sharing',
	$$VALUES ('Team', 'Staff', 'look up, read', true), ('Team\Deep', '@example.test', 'insert', false), ('Team\Deep', '*', 'delete', false)$$,
	'the view says who may do what');
CREATE FUNCTION tap.modseq(who integer) RETURNS bigint LANGUAGE sql AS 'SELECT hierarchy_modseq FROM easel.account WHERE id = who';
SELECT tap.modseq(:ben) AS ben_before, tap.modseq(:cyd) AS cyd_before \gset
SELECT easel.group_remove('Staff', 'ben@example.test');
SELECT is(tap.rights(:ben, :team), 0, 'who leaves the group loses them');
SELECT ok(tap.modseq(:ben) > :ben_before, 'and his devices are told');
SELECT is(tap.modseq(:cyd), :cyd_before::bigint, 'those of others are not');
SELECT is(easel.folder_unshare('anna@example.test', 'Team', 'ben@example.test'), false, 'what was not given is not taken back');
SELECT is(easel.folder_unshare('anna@example.test', 'Team\Deep', '*'), true, 'what was, is');
SELECT throws_ok(statement, 'P0002', NULL, statement)
FROM (VALUES ($$SELECT easel.folder_share('anna@example.test', 'None', '*')$$), ($$SELECT easel.folder_share('none@example.test', 'Team', '*')$$),
             ($$SELECT easel.folder_share('anna@example.test', 'Team', 'Nobody')$$), ($$SELECT easel.folder_share('anna@example.test', 'Team', '@none.test')$$),
             ($$SELECT easel.group_add('Nobody', 'ben@example.test')$$), ($$SELECT easel.public_owner('none.test')$$)) v(statement);
SELECT ok(easel.public_folder_create('example.test', 'News') > 0, 'a public folder');
SELECT is((SELECT name FROM easel.shared_with(:cyd) WHERE name = 'News'), 'News', 'which everybody of the domain sees');

-- The default folder

SELECT id AS second FROM easel.folder WHERE account_id = :anna AND name = 'Contacts2' \gset
SELECT easel.folder_set_default(:anna, :second);
SELECT results_eq(format('SELECT name FROM easel.folder WHERE account_id = %s AND role = %L', :anna, 'contacts'),
	ARRAY['Contacts2'], 'another folder is the default one');
SELECT throws_ok(format('SELECT easel.folder_set_default(%s, %s)', :anna, :team), '23001', NULL, 'a folder of mail is none');

-- Merged folders

CREATE FUNCTION tap.put(owner integer, number integer) RETURNS bigint LANGUAGE sql AS $$
	WITH f AS (UPDATE easel.folder SET next_uid = next_uid + 1, modseq = modseq + 1 WHERE account_id = owner AND id = number
	           RETURNING account_id, id, next_uid - 1 AS uid, modseq),
	c AS (INSERT INTO easel.content (account_id, summary, data) SELECT account_id, '{}', '' FROM f RETURNING id)
	INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
		SELECT f.account_id, f.id, f.uid, f.modseq, now(), 0, c.id FROM f, c RETURNING uid
$$;
CREATE FUNCTION tap.merged() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	SET CONSTRAINTS ALL IMMEDIATE;
	RETURN (SELECT string_agg(m.uid || ':' || f.name, ' ' ORDER BY m.uid) FROM easel.merged_item m
		JOIN easel.folder f ON f.account_id = m.owner_id AND f.id = m.source_id
		JOIN easel.item i ON i.account_id = m.account_id AND i.folder_id = m.folder_id AND i.uid = m.uid
		WHERE f.class = 'Tasks');
END $$;
SELECT id AS tasks FROM easel.folder WHERE account_id = :anna AND name = 'Tasks' \gset
SELECT id AS tasks2 FROM easel.folder WHERE account_id = :anna AND name = 'Tasks2' \gset
SELECT tap.put(:anna, :tasks), tap.put(:anna, :tasks2);
INSERT INTO easel.device_settings (level, account_id, several_folders) VALUES ('user', :anna, 'merged');
SELECT is((SELECT count(*) FROM easel.folder_map(:anna, NULL, 161) WHERE view = 'merged'), 4::bigint, 'one of each class');
SELECT is(tap.merged(), '1:Tasks 2:Tasks2', 'with what there is in all of them');
SELECT tap.put(:anna, :tasks2);
SELECT is(tap.merged(), '1:Tasks 2:Tasks2 3:Tasks2', 'and what comes');
SELECT a.id AS holder, f.id AS merged, f.modseq AS before FROM easel.account a
	JOIN easel.folder f ON f.account_id = a.id AND f.class = 'Tasks' WHERE a.merged_for = :anna \gset
WITH f AS (UPDATE easel.folder SET modseq = modseq + 1 WHERE account_id = :anna AND id = :tasks RETURNING modseq)
	UPDATE easel.item i SET modseq = f.modseq, size = 7 FROM f WHERE i.account_id = :anna AND i.folder_id = :tasks;
SELECT is(tap.merged(), '1:Tasks 2:Tasks2 3:Tasks2', 'a changed item keeps its number');
SELECT is((SELECT (size, modseq) FROM easel.item WHERE account_id = :holder AND folder_id = :merged AND uid = 1),
	(7::bigint, (:before + 1)::bigint), 'and has a modseq of the merged folder');
WITH f AS (UPDATE easel.folder SET modseq = modseq + 1 WHERE account_id = :anna AND id = :tasks2 RETURNING modseq),
	d AS (DELETE FROM easel.item WHERE account_id = :anna AND folder_id = :tasks2 AND uid = 1)
	INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq) SELECT :anna, :tasks2, 1, modseq FROM f;
SELECT is(tap.merged(), '1:Tasks 3:Tasks2', 'what goes is gone');
SELECT is((SELECT array_agg((uid, modseq)::text) FROM easel.tombstone WHERE account_id = :holder AND folder_id = :merged),
	ARRAY[format('(2,%s)', :before + 2)], 'and has a tombstone');
SELECT is((SELECT count(*) FROM easel.folder_map(:anna, NULL, 161) WHERE view = 'merged'), 4::bigint, 'looking at it again changes nothing');
SELECT is(tap.merged(), '1:Tasks 3:Tasks2');
SELECT easel.folder_delete(:anna, :tasks2);
SELECT is(tap.merged(), '1:Tasks', 'a folder that goes takes its items along');
SELECT is(easel.folder_rights(:anna, :holder, :merged), 31, 'the account may do all in it but administer it');
SELECT is(easel.folder_rights(:ben, :holder, :merged), 0, 'and nobody else anything');
SELECT is_empty(format('SELECT * FROM easel.shared_with(%s) WHERE owner_id = %s', :anna, :holder), 'nor is it a shared one');
DELETE FROM easel.account WHERE id = :anna;
SELECT is((SELECT count(*) FROM easel.account WHERE id = :holder), 0::bigint, 'it goes with the account');

SELECT * FROM finish();
ROLLBACK;
