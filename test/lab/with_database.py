#!/usr/bin/env python3
"""Runs a command beside a private PostgreSQL with a migrated database: with_database.py COMMAND …

The command finds it through EASEL_TEST_DATABASE (a conninfo) and PGHOST, PGPORT, PGUSER, PGDATABASE.
EASEL_BUILD names the folder with the programs (default build). Its exit code is ours.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cluster  # noqa: E402  (found only after the line above)
from servers import ROOT  # noqa: E402


def main():
    build = ROOT / os.environ.get('EASEL_BUILD', 'build')
    with tempfile.TemporaryDirectory(prefix='easel-db-') as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user
        postgres = cluster.migrated(Path(folder) / 'postgres', build).start()
        try:
            cluster.migrate(postgres, build)
            environment = dict(os.environ, EASEL_TEST_DATABASE=postgres.conninfo, PGHOST=postgres.host,
                               PGPORT=str(postgres.port), PGUSER='easel', PGDATABASE=postgres.database)
            return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
        finally:
            postgres.stop()


if __name__ == '__main__':
    sys.exit(main())
