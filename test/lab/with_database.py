#!/usr/bin/env python3
"""Runs a command beside a private PostgreSQL with a migrated database: with_database.py COMMAND …

The command finds it through EASEL_TEST_DATABASE (a conninfo) and PGHOST, PGPORT, PGUSER, PGDATABASE.
EASEL_BUILD names the folder with the programs (default build). Its exit code is ours.

with_database.py --dovecot COMMAND … runs a Dovecot beside it as well, that lets in everybody who says
"secret": EASEL_TEST_IMAP is its port. Who writes "kill MS" to the unix socket EASEL_TEST_IMAP_CONTROL
has it killed that many milliseconds later, and reads "up" when it serves again.
"""

import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import cluster  # noqa: E402  (found only after the line above)
from servers import Dovecot, make_certificate, ROOT  # noqa: E402


EVERYBODY = """passdb {
	driver = static
	args = password=secret
}
"""


def run_beside_dovecot(command, folder, environment):
    """Runs the command beside a Dovecot, which is killed whenever it asks for that."""
    server = Dovecot(folder, make_certificate(folder / 'certificate'), EVERYBODY).start()
    try:
        with socket.socket(socket.AF_UNIX) as control:
            path = str(server.run / 'control')
            control.bind(path)
            control.listen()
            process = subprocess.Popen(command, env=dict(
                environment, EASEL_TEST_IMAP=str(server.imap_port), EASEL_TEST_IMAP_CONTROL=path))
            while process.poll() is None:
                if select.select([control], [], [], 0.1)[0]:
                    serve_kills(control.accept()[0], server)
            return process.wait()
    finally:
        server.kill()


def serve_kills(connection, server):
    with connection, connection.makefile('rw') as lines:
        for line in lines:
            time.sleep(int(line.split()[1]) / 1000)
            server.crash()
            server.start()
            lines.write('up\n')
            lines.flush()


def main():
    command = sys.argv[1:]
    dovecot = command[0] == '--dovecot'
    build = ROOT / os.environ.get('EASEL_BUILD', 'build')
    with tempfile.TemporaryDirectory(prefix='easel-db-') as folder:
        os.chmod(folder, 0o755)  # PostgreSQL runs as another user
        postgres = cluster.migrated(Path(folder) / 'postgres', build).start()
        try:
            cluster.migrate(postgres, build)
            environment = dict(os.environ, EASEL_TEST_DATABASE=postgres.conninfo, PGHOST=postgres.host,
                               PGPORT=str(postgres.port), PGUSER='easel', PGDATABASE=postgres.database)
            if dovecot:
                return run_beside_dovecot(command[1:], Path(folder), environment)
            return subprocess.run(command, env=environment, check=False).returncode
        finally:
            postgres.stop()


if __name__ == '__main__':
    sys.exit(main())
