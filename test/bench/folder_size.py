"""What one change costs, and what the ledger holds, in small and in large folders, for `make bench`."""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'wire'))
from phone import Phone  # noqa: E402  (found only after the line above)

COPY = """
WITH a AS (SELECT id FROM easel.account WHERE address = :'user'),
f AS (UPDATE easel.folder SET next_uid = next_uid + :count, modseq = modseq + 1 FROM a
    WHERE account_id = a.id AND role = 'inbox' RETURNING account_id, folder.id, next_uid - :count AS first_uid, modseq)
INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, flags, size, content_id)
    SELECT f.account_id, f.id, f.first_uid + n, f.modseq, i.date, i.flags, i.size, i.content_id
    FROM f JOIN easel.item i ON i.account_id = f.account_id AND i.folder_id = f.id AND i.uid = 1,
        generate_series(0, :count - 1) n
"""

READ_OR_UNREAD = """
WITH f AS (UPDATE easel.folder f SET modseq = f.modseq + 1 FROM easel.account a
    WHERE a.address = :'user' AND f.account_id = a.id AND f.role = 'inbox' RETURNING f.account_id, f.id, f.modseq)
UPDATE easel.item i SET modseq = f.modseq, flags = i.flags # 1 FROM f
    WHERE i.account_id = f.account_id AND i.folder_id = f.id AND i.uid = :uid
"""

DELETE_A_TENTH = """
SELECT setseed(0.5);
WITH f AS (UPDATE easel.folder f SET modseq = f.modseq + 1 FROM easel.account a
    WHERE a.address = :'user' AND f.account_id = a.id AND f.role = 'inbox' RETURNING f.account_id, f.id, f.modseq),
d AS (DELETE FROM easel.item i USING f WHERE i.account_id = f.account_id AND i.folder_id = f.id AND random() < 0.1
    RETURNING i.account_id, i.folder_id, i.uid, f.modseq)
INSERT INTO easel.tombstone (account_id, folder_id, uid, modseq) SELECT account_id, folder_id, uid, modseq FROM d
"""

LEDGER = """
SELECT (SELECT coalesce(sum(pg_column_size(b.*)), 0) FROM easel.sync_base b WHERE b.account_id = a.id)
    + (SELECT coalesce(sum(pg_column_size(s.*)), 0) FROM easel.sync_answer s WHERE s.account_id = a.id)
FROM easel.account a WHERE a.address = :'user'
"""


class Mailbox:
    """An Inbox of copies of one message, and a phone that holds it."""

    def __init__(self, lab, domain, password, count, message):
        self.lab, self.count = lab, count
        self.user = lab.account(f'items{count}@{domain}', password)
        lab.deliver(self.user, message)
        lab.sql(COPY, user=self.user, count=str(count - 1))
        lab.sql('ANALYZE easel.item')
        self.phone = Phone(lab.url, self.user, password).start()
        self.phone.sync_all(self.phone.inbox, window=512)

    def ledger(self):
        return int(self.lab.sql(LEDGER, user=self.user)[0][0])

    def change(self, number):
        """Milliseconds of the Sync that brings one change."""
        uid = 1 + number * 7919 % self.count
        self.lab.sql(READ_OR_UNREAD, user=self.user, uid=str(uid))
        began = time.perf_counter()
        answer = self.phone.sync(self.phone.inbox)
        if len(answer.find('Commands').children) != 1:
            raise RuntimeError(f'one change was to come: {answer}')
        return 1000 * (time.perf_counter() - began)


def one_change(bench, domain, password, message, sizes, rounds):
    """In turns, so that whatever else runs disturbs both alike."""
    add = bench.table.add
    small, large = (Mailbox(bench.lab, domain, password, count, message) for count in sizes)
    for number in range(20):
        small.change(number), large.change(number)
    took = {box: [] for box in (small, large)}
    for number in range(20, 20 + rounds):
        for box in took:
            took[box].append(box.change(number))
    small_ms, large_ms = (statistics.median(times) for times in took.values())
    add('one_change', f'Sync with one change, {large.count:,} items', large_ms, 'ms',
        f'{small.count:,} items: {small_ms:.2f} ms; medians of {rounds}')
    add('one_change_ratio', '  as many times as much as in the small folder', large_ms / small_ms, '', most=1.3)
    add('ledger', '  what the ledger holds of it', large.ledger(), 'bytes', most=1024)
    bench.lab.sql(DELETE_A_TENTH, user=large.user)
    left = len(large.phone.sync_all(large.phone.inbox, window=512))
    large.phone.sync(large.phone.inbox)
    add('ledger_holes', '  and after a tenth was deleted at random', large.ledger(), 'bytes',
        f'{left:,} items left', most=1024)
    for box in took:
        box.phone.close()
