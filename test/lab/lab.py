"""A lab: Easel behind nginx, with a PostgreSQL of its own, for one test run.

    with Lab(workers=2) as lab:
        lab.account('anna@example.test')
        lab.deliver('anna@example.test', message)
        ... lab.url ...

It uses free ports and one temporary folder, and leaves nothing behind: the servers end with this
process however it ends, and a helper removes the folder.
"""

import atexit
import base64
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import cluster
import servers
from servers import Apache, LabError, Nginx, Worker, free_port, program

DOMAIN = 'example.test'
PASSWORD = 'secret'
START_TRIES = 5


class Lab:
    """A running set of servers. Start it in the main thread, which the servers' lives hang on."""

    # Where the mail of example.test is kept: pg, dovecot or cyrus.
    backend = os.environ.get('EASEL_BACKEND', 'pg')

    # The web server that clients are sent to: nginx, or apache.
    web = os.environ.get('EASEL_WEB', 'nginx')

    def __init__(self, build=None, workers=1, fsync=False, options=(), log_level='debug'):
        self.build = servers.ROOT / (build or os.environ.get('EASEL_BUILD', 'build'))
        self.fsync, self.options = fsync, [*options, '--log-level', log_level]
        servers.raise_file_limit()
        self.folder = Path(tempfile.mkdtemp(prefix='easel-lab-'))
        self.folder.chmod(0o755)  # PostgreSQL runs as another user
        self._remove_at_the_end()
        try:
            self._start(workers)
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _remove_at_the_end(self):
        """A helper outlives us, however we end, and removes the folder."""
        self.remover = subprocess.Popen(
            ['sh', '-c', 'cat >/dev/null; until rm -rf "$0" 2>/dev/null; do :; done',
             str(self.folder)],
            stdin=subprocess.PIPE, start_new_session=True)
        self.servers = []
        atexit.register(self.close)
        if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    def _start(self, workers):
        self.postgres = self.start_on_free_port(
            lambda: cluster.migrated(self.folder / 'postgres', self.build, self.fsync))
        self.migrate()
        self.sql('UPDATE easel.server SET queue_workers = 0')  # mail goes out when a test says so
        self.mail_server, self.dovecot, self.passwords = None, None, {}
        if self.backend == 'dovecot':
            self.mail_server = self.use_dovecot(os.environ.get('EASEL_DOVECOT', ''), DOMAIN)
        elif self.backend == 'cyrus':
            self.mail_server = self.use_cyrus(DOMAIN)
        else:
            self.sql("SELECT easel.domain_create(:'name')", name=DOMAIN)
        self.workers = []
        for number in range(workers):
            self.workers.append(self._started(self.new_worker(number)))
        self.nginx = self.start_on_free_port(self.new_nginx)
        self.url = f'https://127.0.0.1:{self.nginx.port}'
        self.http_port = self.nginx.http_port
        if self.web == 'apache':
            self.use_apache()

    def use_dovecot(self, settings='', domain='imap.test', **columns):
        """A Dovecot, started, that has the mail of a domain; columns of easel.domain may be set."""
        certificate = servers.make_certificate(self.folder / 'certificate')
        self.dovecot = self.start_on_free_port(
            lambda: servers.Dovecot(self.folder, certificate, settings))
        self.imap_domain(domain, port=self.dovecot.imap_port, **columns)
        return self.dovecot

    def use_cyrus(self, domain):
        """A Cyrus, started, that has the mail of a domain."""
        cyrus = self.start_on_free_port(lambda: servers.Cyrus(self.folder))
        # It has IDLE for one folder, and no NOTIFY.
        self.imap_domain(domain, port=cyrus.imap_port, imap_poll=1)
        return cyrus

    def imap_domain(self, domain, port, **columns):
        """A domain whose mail is on an IMAP server of this machine, in the clear."""
        columns = {'backend': 'imap', 'imap_host': '127.0.0.1', 'imap_port': port,
                   'imap_tls': 'none', **columns}
        self.sql("SELECT easel.domain_create(:'name')", name=domain)
        sets = ', '.join(f"{name} = :'{name}'" for name in columns)
        self.sql(f"UPDATE easel.domain SET {sets} WHERE name = :'domain'", domain=domain, **columns)

    def use_apache(self):
        """An Apache in front of the workers, started, beside nginx and instead of it."""
        apache = self.start_on_free_port(
            lambda: Apache(self.folder, free_port(), free_port(),
                           [worker.upstream() for worker in self.workers],
                           self.folder / 'certificate'))
        self.url, self.http_port = f'https://127.0.0.1:{apache.port}', apache.http_port

    def _started(self, server):
        self.servers.append(server)
        return server.start()

    def start_on_free_port(self, make):
        """A port can be taken between finding and using it: then another is tried."""
        for _ in range(START_TRIES - 1):
            try:
                return self._started(make())
            except LabError as error:
                if 'in use' not in str(error):
                    raise
        return self._started(make())

    def new_worker(self, number, *options):
        """A worker on a socket of its own, not started."""
        if self.web == 'apache':
            options = ('--socket-mode', '0666', *options)  # its children run as another user
        return Worker(self.folder, number, self.build, self.postgres.conninfo,
                      [*self.options, *options])

    def new_nginx(self):
        """The web server in front of the workers, not started."""
        certificate = servers.make_certificate(self.folder / 'certificate')
        return Nginx(self.folder, free_port(), free_port(),
                     [worker.upstream() for worker in self.workers], certificate, '127.0.0.1:')

    def close(self):
        """Stops everything and removes the folder. Safe to call again."""
        for server in reversed(self.servers):
            server.kill()
        self.servers = []
        if self.remover.poll() is None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.remover.stdin.close()
            self.remover.wait()

    # ---- The database, accounts, mail ----

    def migrate(self):
        return cluster.migrate(self.postgres, self.build)

    def sql(self, text, **variables):
        """Runs SQL as the administrator would; rows as lists of text."""
        return self.postgres.psql(text, **variables)

    @staticmethod
    def hash(password):
        """A weak hash: what a first login costs is of no interest here."""
        salt, parameters = b'salt of the lab!', '$scrypt$ln=1,r=8,p=1$'
        key = hashlib.scrypt(password.encode(), salt=salt, n=2, r=8, p=1, dklen=32)
        return parameters + '$'.join(base64.b64encode(part).decode().rstrip('=')
                                     for part in (salt, key))

    def account(self, address, password=PASSWORD, name=None):
        """Creates an account; returns its address."""
        if self.mail_server:
            self.mail_server.account(address, password)
            self.passwords[address] = password
            self.sql("SELECT easel.imap_account_create(:'address')", address=address)
            return address
        self.sql("SELECT easel.account_create(:'address', :'hash', :'name')", address=address,
                 hash=self.hash(password), name=name or address.partition('@')[0].title())
        return address

    def deliver(self, account, message, folder=None):
        """Hands a message to the local delivery agent, or puts it on the IMAP server."""
        if self.mail_server:
            return self.mail_server.append(account, self.passwords[account], message,
                                           self.mail_server.NAMES.get(folder, folder) or 'INBOX')
        where = ['--folder', folder] if folder else []
        return program(self.build, 'easel-deliver', '--database', self.postgres.conninfo, *where,
                       account, text=message)

    def put_file(self, account, name, content, folder='Files'):
        """Puts a file into a folder of files."""
        return program(self.build, 'easel-deliver', '--database', self.postgres.conninfo, '--file', name,
                       '--folder', folder, account, text=content)

    def import_mail(self, account, path):
        return program(self.build, 'easel-deliver', '--database', self.postgres.conninfo,
                       '--import', str(path), account)

    def run(self, name, *arguments):
        """Runs a program on the database; returns what it printed."""
        return program(self.build, name, '--database', self.postgres.conninfo,
                       *map(str, arguments))

    # ---- Trouble ----

    def worker_restart(self, number=0):
        """A clean stop and a new start; returns the exit code of the old worker."""
        code = self.workers[number].stop()
        self.workers[number].start()
        return code

    def worker_kill(self, number=0):
        self.workers[number].kill()

    def pg_stop(self):
        self.postgres.stop()

    def pg_start(self):
        self.postgres.start()

    # ---- Reading along ----

    def log_lines(self, number=0):
        """What a worker has logged so far."""
        return self.workers[number].log_path.read_text(errors='replace').splitlines()

    def worker_memory(self, number=0):
        """Pss of a worker in bytes."""
        rollup = Path(f'/proc/{self.workers[number].process.pid}/smaps_rollup').read_text()
        return int(re.search(r'^Pss:\s+(\d+) kB', rollup, re.M)[1]) * 1024
