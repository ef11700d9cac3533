-- What the workers are told. pg_notify() is replaced by one that keeps what it was given: the search
-- path of the session finds it first.
BEGIN;
CREATE TABLE tap.told (n integer GENERATED ALWAYS AS IDENTITY, channel text, payload text);
CREATE FUNCTION tap.pg_notify(channel text, payload text) RETURNS void LANGUAGE sql AS
	'INSERT INTO tap.told (channel, payload) VALUES (channel, payload)';
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

CREATE FUNCTION tap.forget() RETURNS void LANGUAGE sql AS 'TRUNCATE tap.told';
SELECT easel.domain_create('example.test') AS domain \gset
SELECT easel.account_create('anna@example.test') AS anna, easel.account_create('ben@example.test') AS ben \gset

SELECT tap.forget();
UPDATE easel.folder SET modseq = modseq + 1 WHERE account_id = :anna AND id = 1;
SELECT results_eq('SELECT channel, payload FROM tap.told', format($$VALUES ('easel_folders', '%s:1')$$, :anna),
                  'a change in a folder is told');
SELECT tap.forget();
UPDATE easel.folder SET modseq = modseq + 1 WHERE account_id IN (:anna, :ben) AND id IN (1, 2);
SELECT is((SELECT count(*) FROM tap.told), 1::bigint, 'one statement, one notification');
SELECT set_eq($$SELECT unnest(string_to_array(payload, ' ')) FROM tap.told$$,
              ARRAY[:anna || ':1', :anna || ':2', :ben || ':1', :ben || ':2'], 'with all that changed');
SELECT tap.forget();
UPDATE easel.folder SET modseq = modseq + 1 WHERE account_id = 0;
SELECT is_empty('SELECT FROM tap.told', 'nothing changed, nothing told');

SELECT tap.forget();
SELECT easel.folder_create(:anna, NULL, 'Work') AS work \gset
SELECT results_eq($$SELECT payload FROM tap.told WHERE channel = 'easel_hierarchy'$$, ARRAY[:anna::text],
                  'a new folder is told');
SELECT tap.forget();
UPDATE easel.account SET password_hash = '$scrypt$', next_folder = next_folder + 1 WHERE id = :anna;
SELECT is_empty('SELECT FROM tap.told', 'other changes of an account are not');
SELECT tap.forget();
UPDATE easel.folder SET name = 'Office' WHERE account_id = :anna AND id = :work;
SELECT results_eq($$SELECT payload FROM tap.told WHERE channel = 'easel_hierarchy'$$, ARRAY[:anna::text],
                  'a new name is told');
SELECT tap.forget();
DELETE FROM easel.folder WHERE account_id = :anna AND id = :work;
SELECT results_eq($$SELECT payload FROM tap.told WHERE channel = 'easel_hierarchy'$$, ARRAY[:anna::text],
                  'a folder less is told');

-- Many at once

INSERT INTO easel.account (id, domain_id, address) OVERRIDING SYSTEM VALUE
	SELECT 2000000000 + g, :domain, g || '@example.test' FROM generate_series(1, 1000) g;
INSERT INTO easel.folder (account_id, id, name)
	SELECT id, 2000000000 + f, f FROM easel.account, generate_series(1, 2) f WHERE id > 2000000000;
SELECT tap.forget();
UPDATE easel.folder SET modseq = modseq + 1 WHERE account_id > 2000000000;
SELECT is((SELECT count(*) FROM tap.told), 7::bigint, 'many are told in a few notifications');
SELECT ok(max(length(payload)) < 8000, 'none of which is longer than PostgreSQL allows') FROM tap.told;
SELECT is((SELECT count(DISTINCT who) FROM tap.told, unnest(string_to_array(payload, ' ')) who), 2000::bigint,
          'and none is left out');
SELECT tap.forget();
UPDATE easel.account SET hierarchy_modseq = hierarchy_modseq + 1 WHERE id > 2000000000;
SELECT is((SELECT count(DISTINCT who) FROM tap.told, unnest(string_to_array(payload, ' ')) who), 1000::bigint,
          'trees are told in the same way');
SELECT ok(max(length(payload)) < 8000, 'within the same bound') FROM tap.told;

SELECT * FROM finish();
ROLLBACK;
