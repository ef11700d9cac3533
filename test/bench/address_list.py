"""Typing ahead in a large global address list, and filling one from a group, for `make bench`."""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'wire'))
from phone import Phone  # noqa: E402  (found only after the line above)
from wbxml import E  # noqa: E402

SYLLABLES = ('an be co da el fi ga ho in jo ka li ma ne or pe qu ra si to ul va wa xe yo ze bra chi dro sta mei ber '
             'ger hof lan son ton ham').split()

FILL = """
SELECT easel.account_create('list@' || :'domain') AS owner \\gset
SELECT easel.folder_create(:owner, NULL, 'Everybody', 'Contacts', NULL) AS folder \\gset
INSERT INTO easel.folder_right (owner_id, folder_id, domain_id, rights)
    SELECT :owner, :folder, a.domain_id, '{look up,read}' FROM easel.account a WHERE a.id = :owner;
INSERT INTO easel.gal (owner_id, folder_id) VALUES (:owner, :folder);
SELECT setseed(0.5);
WITH syllable AS (SELECT string_to_array(:'syllables', ' ') AS v),
p AS (SELECT n, initcap(v[a % 38 + 1] || v[b % 38 + 1] || v[c % 38 + 1]) AS f, initcap(v[d % 38 + 1] || v[e % 38 + 1] || v[g % 38 + 1]) AS l
    FROM syllable, (SELECT n, (random() * 37)::int AS a, (random() * 37)::int AS b, (random() * 37)::int AS c,
        (random() * 37)::int AS d, (random() * 37)::int AS e, (random() * 37)::int AS g FROM generate_series(1, :entries) n) r),
c AS (INSERT INTO easel.content (account_id, summary, data)
    SELECT :owner, json_build_object('uid', n, 'subject', f || ' ' || l, 'emails', json_build_array(lower(f || '.' || l || n || '@x.test')),
        'gal', json_build_object('DisplayName', f || ' ' || l, 'FirstName', f, 'LastName', l, 'Company', 'Example', 'Phone', '+4930' || n,
            'EmailAddress', lower(f || '.' || l || n || '@x.test'))), '' FROM p RETURNING id)
INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
    SELECT :owner, :folder, row_number() OVER (), 2, now(), 0, id FROM c;
UPDATE easel.server SET people_searches = 100000;
ANALYZE easel.directory_entry; ANALYZE easel.directory_word; ANALYZE easel.content; ANALYZE easel.item;
"""


# The accounts alone, without what makes a mailbox of them.
ACCOUNTS = """
SELECT easel.domain_create('filled.test');
SELECT easel.account_create('list@filled.test') AS owner \\gset
SELECT easel.folder_create(:owner, NULL, 'Everybody', 'Contacts', NULL);
SET session_replication_role = replica;
INSERT INTO easel.account (domain_id, address, display_name)
    SELECT d.id, 'p' || n || '@filled.test', initcap(left(md5(n::text), 6)) || ' ' || initcap(left(md5((n * 7)::text), 8))
    FROM easel.domain d, generate_series(1, :entries) n WHERE d.name = 'filled.test';
SET session_replication_role = origin;
INSERT INTO easel.account_group (name) VALUES ('filled');
INSERT INTO easel.account_group_include (group_id, domain_id)
    SELECT g.id, d.id FROM easel.account_group g, easel.domain d WHERE g.name = 'filled' AND d.name = 'filled.test';
"""


def fill(bench, entries):
    """A list that is filled with a whole domain, in one statement."""
    bench.lab.sql(ACCOUNTS, entries=str(entries))
    started = time.perf_counter()
    bench.lab.sql("SELECT easel.gal_set('list@filled.test', 'Everybody', 'filled')")
    took = 1000 * (time.perf_counter() - started)
    bench.table.add('people_fill', f'Filling an address list with {entries:,} accounts', took / entries, 'ms each',
                    f'{took / 1000:.1f} s in all', most=0.5)
    bench.lab.sql("DELETE FROM easel.account_group WHERE name = 'filled'")


def search(phone, query):
    started = time.perf_counter()
    answer = phone.command('Search', E('Search:Search', E('Store', E('Name', 'GAL'), E('Query', query),
                                                          E('Options', E('Range', '0-19')))))
    if answer.root.get('Response/Store/Status') != '1':
        raise RuntimeError(f'Search: {answer.root}')
    return 1000 * (time.perf_counter() - started)


def type_ahead(bench, domain, password, entries, rounds):
    """Names typed letter by letter, from the second on."""
    lab, add = bench.lab, bench.table.add
    lab.sql(FILL, domain=domain, entries=str(entries), syllables=' '.join(SYLLABLES))
    phone = Phone(lab.url, lab.account(f'typist@{domain}'), password)
    phone.start()
    words = [a + b for a in SYLLABLES for b in SYLLABLES[::5]][:rounds]
    typed = [word[:n] for word in words for n in range(2, len(word) + 1)]
    for query in typed[:20]:
        search(phone, query)
    meter = bench.cpu_meter()
    times = sorted(search(phone, query) for query in typed)
    spent = 1000 * sum(meter.read().values()) / len(times)
    wide = statistics.median(search(phone, query) for query in ['49', 'exam'] * 5)
    add('people', f'Search GAL while typing, {entries:,} entries', statistics.median(times), 'ms',
        f'median of {len(times)}; p99 {times[int(len(times) * 0.99)]:.1f} ms; what all have {wide:.1f} ms', most=10)
    add('people_cpu', '  CPU of each', spent, 'ms', 'worker, PostgreSQL and nginx: hardly disturbed by what else runs')
    phone.close()
