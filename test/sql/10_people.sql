-- Finding people: lists that are filled from groups, who may look in them, and what is found.

BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('people.test');
SELECT easel.domain_create('other.test');
CREATE TEMP TABLE who AS SELECT
	easel.account_create('list@people.test') AS list,
	easel.account_create('anna@people.test', NULL, 'Änna Exámple') AS anna,
	easel.account_create('ben@people.test', NULL, 'Ben, "the" Bénson') AS ben,
	easel.account_create('guest@other.test', NULL, 'Guest') AS guest;
UPDATE easel.account SET exclude_from_gal = true WHERE id = (SELECT list FROM who);
CREATE TEMP TABLE place AS SELECT easel.folder_create((SELECT list FROM who), NULL, 'Everybody', 'Contacts', NULL) AS id;
INSERT INTO easel.account_group (name, address) VALUES ('Staff', 'staff@people.test'), ('Chiefs', 'chiefs@people.test');
INSERT INTO easel.account_group_member SELECT g.id, w.ben FROM easel.account_group g, who w WHERE g.name = 'Chiefs';
INSERT INTO easel.account_group_include (group_id, included_id)
	SELECT s.id, c.id FROM easel.account_group s, easel.account_group c WHERE s.name = 'Staff' AND c.name = 'Chiefs';
INSERT INTO easel.folder_right (owner_id, folder_id, domain_id, rights)
	SELECT w.list, p.id, d.id, '{look up,read}' FROM who w, place p, easel.domain d WHERE d.name = 'people.test';

CREATE FUNCTION pg_temp.names() RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(x.entry, ' ' ORDER BY x.entry COLLATE "C"), '') FROM (
		SELECT c.summary ->> 'subject' AS entry FROM easel.item i
		JOIN easel.content c ON c.account_id = i.account_id AND c.id = i.content_id
		WHERE i.account_id = (SELECT list FROM who) AND i.folder_id = (SELECT id FROM place)) x
$$;
CREATE FUNCTION pg_temp.found(who integer, query text) RETURNS text LANGUAGE sql AS $$
	SELECT coalesce(string_agg(f.summary ->> 'subject', ' '), '') FROM easel.people_find(who, query, true, true, 0, 100) f
$$;
CREATE FUNCTION pg_temp.modseq() RETURNS bigint LANGUAGE sql AS $$
	SELECT modseq FROM easel.folder WHERE account_id = (SELECT list FROM who) AND id = (SELECT id FROM place)
$$;

-- Filling
SELECT easel.gal_set('list@people.test', 'everybody', 'staff');
SELECT is(pg_temp.names(), 'Chiefs Staff', 'a group is listed with the groups in it, not with their members');
SELECT easel.gal_set('list@people.test', 'everybody', 'staff', true);
SELECT is(pg_temp.names(), 'Ben, "the" Bénson Chiefs Staff', 'nested, it is filled with their members too');
INSERT INTO easel.account_group_member SELECT g.id, w.anna FROM easel.account_group g, who w WHERE g.name = 'Staff';
SELECT is(pg_temp.names(), 'Ben, "the" Bénson Chiefs Staff Änna Exámple', 'who becomes a member is in it');
CREATE TEMP TABLE before AS SELECT pg_temp.modseq() AS modseq;
UPDATE easel.account SET display_name = 'Änna Exámple' WHERE address = 'anna@people.test';
SELECT is(pg_temp.modseq(), modseq, 'what changes nothing wakes nobody') FROM before;
UPDATE easel.account SET display_name = 'Anna Other' WHERE address = 'anna@people.test';
SELECT is(pg_temp.names(), 'Anna Other Ben, "the" Bénson Chiefs Staff', 'another name is another entry');
SELECT is(pg_temp.modseq(), modseq + 1, 'and a change in the folder') FROM before;
SELECT is((SELECT count(*) FROM easel.tombstone WHERE account_id = (SELECT list FROM who)), 0::bigint, 'the item stays the same one');
UPDATE easel.account SET exclude_from_gal = true WHERE address = 'anna@people.test';
SELECT is(pg_temp.names(), 'Ben, "the" Bénson Chiefs Staff', 'who is excluded goes');
SELECT is((SELECT count(*) FROM easel.tombstone WHERE account_id = (SELECT list FROM who)), 1::bigint, 'and devices are told');
UPDATE easel.account SET exclude_from_gal = false, display_name = 'Änna Exámple' WHERE address = 'anna@people.test';
INSERT INTO easel.account_group_include (group_id, domain_id)
	SELECT g.id, d.id FROM easel.account_group g, easel.domain d WHERE g.name = 'Staff' AND d.name = 'other.test';
SELECT is(pg_temp.names(), 'Ben, "the" Bénson Chiefs Guest Staff Änna Exámple', 'a whole domain may be a member');
SELECT easel.account_create('new@other.test', NULL, 'Newcomer');
SELECT matches(pg_temp.names(), 'Newcomer', 'also with those who come later');
DELETE FROM easel.account WHERE address = 'new@other.test';
SELECT doesnt_match(pg_temp.names(), 'Newcomer', 'and without those who go');
SELECT throws_ok($$INSERT INTO easel.gal (owner_id, folder_id) SELECT w.list, f.id FROM who w, easel.folder f
	WHERE f.account_id = w.list AND f.role = 'inbox'$$, '23514', NULL, 'a folder of mail is no list');

-- What is told
INSERT INTO easel.account_card (account_id, phone, title, company, photo)
	SELECT anna, '+49 30 1234', 'Chief; of all', 'ACME', '\xffd8' FROM who;
SELECT is((SELECT replace(convert_from(c.data, 'UTF8'), E'\r\n', '|') FROM easel.content c
	WHERE c.account_id = (SELECT list FROM who) AND c.summary ->> 'subject' = 'Änna Exámple'),
	(SELECT 'BEGIN:VCARD|VERSION:3.0|UID:account-' || anna || '|N:Exámple;Änna;;;|FN:Änna Exámple|EMAIL:anna@people.test'
	|| '|ORG:ACME;;|TITLE:Chief\; of all|TEL;TYPE=WORK:+49 30 1234|X-EASEL-ALIAS:anna|PHOTO;ENCODING=b;TYPE=JPEG:/9g=|END:VCARD|' FROM who),
	'a card says all there is');

-- Finding
SELECT is(pg_temp.found(ben, 'ann'), 'Änna Exámple', 'the beginning of a name, whatever its accents') FROM who;
SELECT is(pg_temp.found(ben, 'EX än'), 'Änna Exámple', 'several words in any order') FROM who;
SELECT is(pg_temp.found(ben, 'anna@peo'), 'Änna Exámple', 'the beginning of an address') FROM who;
SELECT is(pg_temp.found(ben, 'anna@other'), '', 'and of no other') FROM who;
SELECT is(pg_temp.found(ben, '4930'), 'Änna Exámple', 'a telephone number') FROM who;
SELECT is(pg_temp.found(ben, 'a'), '', 'one letter finds nobody') FROM who;
SELECT is(pg_temp.found(ben, '* % _ '''), '', 'nor do wildcards') FROM who;
SELECT is(pg_temp.found(guest, 'ann'), '', 'who may not read the list finds nobody') FROM who;
INSERT INTO easel.content (account_id, summary, data)
	SELECT guest, '{"uid":"x","subject":"Own Contact","emails":["own@x.test"],"gal":{"DisplayName":"Own Contact"}}', 'x' FROM who;
INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
	SELECT w.guest, easel.folder_create(w.guest, NULL, 'People', 'Contacts', NULL), 1, 2, now(), 1, c.id
	FROM who w JOIN easel.content c ON c.account_id = w.guest;
SELECT is(pg_temp.found(guest, 'own'), 'Own Contact', 'own contacts are found') FROM who;
SELECT is(pg_temp.found(ben, 'own'), '', 'by nobody else') FROM who;

-- Not too often
UPDATE easel.server SET people_searches = 2;
SELECT is((SELECT array_agg(easel.people_search_allowed(ben)) FROM who, generate_series(1, 3)), '{t,t,f}', 'searches in a minute are counted');

SELECT * FROM finish();
ROLLBACK;
