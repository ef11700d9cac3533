"""A PostgreSQL of a test's own that has the migrated database in it.

initdb and the migrations cost more than most tests, so they run once for what the migrations say
now; each test that asks gets a copy of that cluster. A cluster that syncs to disk is made anew.
"""

import fcntl
import hashlib
import shutil
import subprocess

from servers import Postgres, ROOT, free_port, program

MADE = ROOT / 'build' / 'cluster'


def migrated(folder, build, fsync=False):
    """A cluster in the folder, on a free port, not started."""
    postgres = Postgres(folder, free_port(), fsync=fsync)
    if fsync or (postgres.data / 'PG_VERSION').exists():
        return postgres.check()
    folder.mkdir(exist_ok=True)
    subprocess.run(['cp', '-a', f'{made(build)}/.', str(folder)], check=True)
    return postgres


def migrate(postgres, build):
    """Brings a started cluster up to the newest migration, from nothing if it must."""
    postgres.create_database()
    return program(build, 'easel-migrate', '--database', postgres.conninfo)


def made(build):
    """The folder to copy, made by whoever comes first."""
    MADE.mkdir(parents=True, exist_ok=True)
    path = MADE / key()
    with open(MADE / 'lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            for old in MADE.glob('*/'):
                shutil.rmtree(old)
            make(path.with_suffix('.new'), build).rename(path)
    return path


def key():
    """Tells apart what different servers and migrations make."""
    seen = hashlib.sha256(Postgres.program('initdb').encode())
    for path in sorted((ROOT / 'migrations').glob('*.sql')):
        seen.update(path.read_bytes())
    return seen.hexdigest()[:16]


def make(folder, build):
    postgres = Postgres(folder, free_port(), fsync=False).check().start()
    try:
        migrate(postgres, build)
    finally:
        postgres.stop()
    (folder / 'postgres.log').unlink()
    return folder
