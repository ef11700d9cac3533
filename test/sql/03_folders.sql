-- Folders and items, and the modseq of the folder tree.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test') AS anna, easel.account_create('ben@example.test') AS ben \gset
-- Given accounts with the six folders of mail.
DELETE FROM easel.folder WHERE class <> 'Email';
UPDATE easel.account SET next_folder = 7;
CREATE FUNCTION tap.tree_modseq(integer) RETURNS bigint LANGUAGE sql AS
	'SELECT hierarchy_modseq FROM easel.account WHERE id = $1';

-- Making folders

SELECT is(easel.folder_create(:anna, NULL, 'Work'), 7, 'a folder gets the next number');
SELECT is(easel.folder_create(:anna, 7, 'Bills', 'Email'), 8, 'and so does one below it');
SELECT is(easel.folder_create(:anna, NULL, 'Termine', 'Calendar', 'calendar'), 9, 'and one of another class');
SELECT is(easel.folder_create(:ben, NULL, 'Work'), 7, 'each account counts by itself');
DELETE FROM easel.folder WHERE account_id = :anna AND id = 9;
SELECT is(easel.folder_create(:anna, NULL, 'Later'), 10, 'a number is never used again');
SELECT throws_ok(format('SELECT easel.folder_create(%s)', a), e, NULL, why)
FROM (VALUES (format('%s, NULL, %L', :anna, 'WORK'), '23505', 'a name is used once, in any letter case'),
             (format('%s, 7, %L', :anna, 'bills'), '23505', 'below another folder too'),
             (format('%s, NULL, %L, %L, %L', :anna, 'Second', 'Email', 'inbox'), '23505', 'a role is used once'),
             (format('%s, 99, %L', :anna, 'x'), 'P0002', 'a parent must exist'),
             (format('%s, NULL, %L', :anna, ''), '23514', 'a folder has a name'),
             (format('%s, NULL, %L', :anna, repeat('x', 257)), '23514', 'a name has a limit'),
             (format('%s, NULL, %L, %L', :anna, 'x', 'Mail'), '23514', 'a class is one of ActiveSync''s'),
             (format('%s, NULL, %L, %L, %L', :anna, 'x', 'Email', 'Inbox'), '23514', 'a role is one that there is'),
             ('0, NULL, ''x''', 'P0002', 'an account must exist')) v(a, e, why);
SELECT lives_ok(format('SELECT easel.folder_create(%s, 8, %L)', :anna, 'Work'), 'the same name elsewhere is another folder');

-- The tree

SELECT throws_ok(format('UPDATE easel.folder SET parent_id = %s WHERE account_id = %s AND id = %s', p, :anna, f),
                 '23514', NULL, format('folder %s can''t be put into %s', f, p))
FROM (VALUES (7, 7), (7, 8), (7, 11), (8, 11)) v(f, p);
SELECT lives_ok(format('UPDATE easel.folder SET parent_id = 10 WHERE account_id = %s AND id = 8', :anna), 'a folder is moved');
SELECT lives_ok(format('UPDATE easel.folder SET parent_id = 8 WHERE account_id = %s AND id = 2', :anna),
                'and then another one into it');
SELECT throws_ok(format('DELETE FROM easel.folder WHERE account_id = %s AND id = 8', :anna), '23503', NULL,
                 'a folder with folders below stays');

SELECT throws_ok(format('SELECT easel.%s', call), e, NULL, why)
FROM (VALUES (format('folder_update(%s, 1, NULL, %L)', :anna, 'In'), '23001', 'a folder with a role keeps its name'),
             (format('folder_update(%s, 1, 7, %L)', :anna, 'Inbox'), '23001', 'and its place'),
             (format('folder_update(%s, 7, 99, %L)', :anna, 'Work'), 'P0002', 'a new parent must exist'),
             (format('folder_delete(%s, 1)', :anna), '23001', 'a folder with a role stays'),
             (format('folder_delete(%s, 8)', :anna), '23001', 'so does one that holds such a folder')) v(call, e, why);
SELECT is(easel.folder_update(:anna, 99, NULL, 'x'), false, 'what is not there is not renamed');
SELECT is(easel.folder_delete(:anna, 99), false, 'nor deleted');
SELECT is(easel.folder_delete(:ben, 8), false, 'nor what another account has');
SELECT is(easel.folder_update(:ben, 7, NULL, 'Shop'), true, 'a folder is renamed');
SELECT easel.folder_create(:ben, easel.folder_create(:ben, 7, 'Inner'), 'Innermost') AS innermost \gset
SELECT throws_ok(format('SELECT easel.folder_update(%s, 7, %s, %L)', :ben, :innermost, 'Shop'), '23514', NULL,
                 'a folder stays out of itself');
SELECT set_eq(format('SELECT easel.folder_below(%s, 7)', :ben), ARRAY[7, 8, 9], 'a folder and those below it');
INSERT INTO easel.content (account_id, summary, data) VALUES (:ben, '{}', 'x') RETURNING id AS shared \gset
INSERT INTO easel.content (account_id, summary, data) VALUES (:ben, '{}', 'x') RETURNING id AS own \gset
INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
	VALUES (:ben, 1, 1, 2, now(), 1, :shared), (:ben, 8, 1, 2, now(), 1, :shared), (:ben, 9, 1, 2, now(), 1, :own);
SELECT is(easel.folder_delete(:ben, 7), true, 'a folder is deleted');
SELECT set_eq(format('SELECT id FROM easel.folder WHERE account_id = %s', :ben), ARRAY[1, 2, 3, 4, 5, 6], 'with those below it');
SELECT results_eq(format('SELECT id FROM easel.content WHERE account_id = %s', :ben), ARRAY[:shared::bigint],
                  'and its content, unless it is in another folder too');
DELETE FROM easel.item WHERE account_id = :ben;
DELETE FROM easel.content WHERE account_id = :ben;

SELECT tap.tree_modseq(:anna) AS before \gset
SELECT tap.tree_modseq(:ben) AS of_ben \gset
UPDATE easel.folder SET name = 'Office' WHERE account_id = :anna AND id = 7;
SELECT is(tap.tree_modseq(:anna), (:before + 1)::bigint, 'a new name raises the tree''s modseq');
UPDATE easel.folder SET name = 'Office' WHERE account_id = :anna AND id = 7;
SELECT is(tap.tree_modseq(:anna), (:before + 1)::bigint, 'the same name does not');
UPDATE easel.folder SET modseq = modseq + 1, next_uid = next_uid + 1, epoch = epoch + 1 WHERE account_id = :anna;
SELECT is(tap.tree_modseq(:anna), (:before + 1)::bigint, 'a change in a folder does not');
UPDATE easel.folder SET parent_id = 10 WHERE account_id = :anna AND id = 7;
SELECT is(tap.tree_modseq(:anna), (:before + 2)::bigint, 'a new place does');
UPDATE easel.folder SET role = 'archive' WHERE account_id = :anna AND id = 7;
SELECT is(tap.tree_modseq(:anna), (:before + 3)::bigint, 'a new role does');
UPDATE easel.folder SET class = 'Notes' WHERE account_id = :anna AND id = 7;
SELECT is(tap.tree_modseq(:anna), (:before + 4)::bigint, 'a new class does');
SELECT easel.folder_create(:anna, NULL, 'New') AS new \gset
SELECT is(tap.tree_modseq(:anna), (:before + 5)::bigint, 'a new folder does');
DELETE FROM easel.folder WHERE account_id = :anna AND id = :new;
SELECT is(tap.tree_modseq(:anna), (:before + 6)::bigint, 'a folder less does');
SELECT is(tap.tree_modseq(:ben), (:of_ben)::bigint, 'another account''s tree is its own');

-- Items

INSERT INTO easel.content (account_id, summary, data) VALUES (:anna, '{}', 'x') RETURNING id AS content \gset
PREPARE item(integer, integer, bigint, bigint, bigint) AS
	INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id) VALUES ($1, $2, $3, 2, now(), $4, $5);
SELECT lives_ok(format('EXECUTE item(%s, 1, 1, 1, %s)', :anna, :content), 'given an item');
SELECT throws_ok(format('EXECUTE item(%s)', a), e, NULL, why)
FROM (VALUES (format('%s, 1, 1, 1, %s', :anna, :content), '23505', 'a uid is used once'),
             (format('%s, 1, 0, 1, %s', :anna, :content), '23514', 'a uid is above 0'),
             (format('%s, 1, 2, -1, %s', :anna, :content), '23514', 'a size is not below 0'),
             (format('%s, 99, 2, 1, %s', :anna, :content), '23503', 'an item is in a folder'),
             (format('%s, 1, 2, 1, %s', :ben, :content), '23503', 'content is of the same account')) v(a, e, why);
SELECT throws_ok(format('DELETE FROM easel.content WHERE id = %s', :content), '23503', NULL, 'content in use stays');
SELECT throws_ok($$INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq) VALUES (0, 1, 1, 1)$$, '23503', NULL,
                 'a tombstone is in a folder');
SELECT lives_ok(format('DELETE FROM easel.folder WHERE account_id = %s AND id = 1', :anna), 'a folder goes with its items');
SELECT is_empty('SELECT FROM easel.item', 'none is left');
SELECT is((SELECT attstorage::text FROM pg_attribute WHERE attrelid = 'easel.content'::regclass AND attname = 'data'), 'e',
          'content is not compressed, so that slices are cheap');

SELECT * FROM finish();
ROLLBACK;
