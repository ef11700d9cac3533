"""FolderSync of a large tree, for `make bench`."""

import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'wire'))
from phone import Phone  # noqa: E402  (found only after the line above)

# Ten at the top, each with folders below it that have folders themselves.
FILL = """
SELECT easel.folder_create(a.id, CASE WHEN n > 10 THEN (SELECT f.id FROM easel.folder f WHERE f.account_id = a.id
        AND f.name = 'Folder ' || n / 10) END, 'Folder ' || n)
    FROM easel.account a, generate_series(1, :count) n WHERE a.address = :'user'
"""

RENAME = """
UPDATE easel.folder f SET name = 'Renamed ' || :number FROM easel.account a
    WHERE a.address = :'user' AND f.account_id = a.id AND f.name IN ('Folder 7', 'Renamed ' || :number - 1)
"""


def timed(phone, key=None):
    began = time.perf_counter()
    answer = phone.folder_sync(key)
    return 1000 * (time.perf_counter() - began), int(answer.root.get('Changes/Count'))


def expect(times, count):
    """Milliseconds of requests that each told of that many folders."""
    if any(told != count for _, told in times):
        raise RuntimeError(f'FolderSync told of {sorted({told for _, told in times})} folders, not of {count}')
    return statistics.median(ms for ms, _ in times)


def folder_sync(bench, domain, password, count, rounds):
    lab, add = bench.lab, bench.table.add
    user = lab.account(f'folders{count}@{domain}', password)
    for begin in range(0, count, 1000):
        lab.sql(FILL, user=user, count=str(min(1000, count - begin)))
    phone = Phone(lab.url, user, password).start()
    number = len(phone.folders)
    first = expect([timed(phone, '0') for _ in range(rounds)], number)
    phone.folder_sync()
    for _ in range(20):
        phone.folder_sync()
    meter = bench.cpu_meter()
    unchanged = expect([timed(phone) for _ in range(10 * rounds)], 0)
    spent = {name: 1000 * seconds / (10 * rounds) for name, seconds in meter.read().items()}
    changed = []
    for step in range(1, rounds + 1):
        lab.sql(RENAME, user=user, number=str(step))
        changed.append(timed(phone))
    add('folders', f'FolderSync of {number:,} folders, nothing new', unchanged, 'ms', f'median of {10 * rounds}')
    add('folders_cpu', '  worker time of each', spent['worker'], 'ms',
        f'PostgreSQL {spent["postgres"]:.2f} ms, nginx {spent["nginx"]:.2f} ms', most=2)
    add('folders_first', '  the whole tree (key 0)', first, 'ms', f'median of {rounds}')
    add('folders_change', '  one folder renamed', expect(changed, 1), 'ms', f'median of {rounds}')
    phone.close()
