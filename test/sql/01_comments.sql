-- Every object of the schema says what it is, and every table leads with what it is found by.
BEGIN;
SET search_path = tap, pg_catalog;
SELECT * FROM no_plan();

SELECT isnt(obj_description('easel'::regnamespace), NULL, 'the schema has a comment');

SELECT isnt(obj_description(c.oid, 'pg_class'), NULL, format('%s has a comment', c.oid::regclass))
FROM pg_class c
WHERE c.relnamespace = 'easel'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm', 'f')
ORDER BY c.relname;

SELECT isnt(col_description(c.oid, a.attnum), NULL, format('%s.%s has a comment', c.oid::regclass, a.attname))
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'easel'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm', 'f')
ORDER BY c.relname, a.attnum;

SELECT isnt(obj_description(p.oid, 'pg_proc'), NULL, format('%s has a comment', p.oid::regprocedure))
FROM pg_proc p WHERE p.pronamespace = 'easel'::regnamespace ORDER BY p.proname;

-- What an account owns leads with its number, so that the database can be divided by account.
SELECT is((SELECT a.attname::text FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
           WHERE i.indrelid = t AND i.indisprimary), 'account_id', format('%s leads with the account', t))
FROM unnest(ARRAY['easel.folder', 'easel.content', 'easel.item', 'easel.tombstone', 'easel.sync_base',
                  'easel.sync_answer', 'easel.sync_command', 'easel.password_memory', 'easel.moved_item',
                  'easel.alias', 'easel.sent_message', 'easel.queue', 'easel.queue_recipient']::regclass[]) t;

-- A foreign key without an index makes every deletion of what it refers to a search.
SELECT ok(EXISTS (SELECT FROM pg_index i
                  WHERE i.indrelid = f.conrelid AND i.indpred IS NULL
                  AND (SELECT bool_and(k = ANY (i.indkey[0:cardinality(f.conkey) - 1])) FROM unnest(f.conkey) k)),
          format('%s of %s has an index', f.conname, f.conrelid::regclass))
FROM pg_constraint f
WHERE f.contype = 'f' AND f.connamespace = 'easel'::regnamespace
ORDER BY f.conrelid::regclass::text, f.conname;

SELECT results_eq('SELECT number, name FROM easel.migration ORDER BY number',
                  'SELECT number, name FROM easel.migration ORDER BY name',
                  'migrations are recorded in their order');
SELECT is((SELECT count(*) FROM easel.migration WHERE number = 1 AND name = '0001_base'), 1::bigint,
          'the base is recorded');

SELECT * FROM finish();
ROLLBACK;
