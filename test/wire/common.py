"""What the wire tests share: one lab for the whole run, accounts, phones and messages."""

import os
import concurrent.futures
import email.policy
import functools
import itertools
import signal
import subprocess
import threading
import time
import unittest
from email.message import EmailMessage
from pathlib import Path

import lab as lab_module
from phone import VERSIONS, Phone
from wbxml import ROOT

MAIL = ROOT / 'test' / 'data' / 'mail'
PASSWORD = lab_module.PASSWORD
REDUCED = ('2.5', '12.1', '14.1', '16.1')
WIRE_FORM = email.policy.SMTP.clone(max_line_length=998)

_lab = None
_numbers = itertools.count(1)


def the_lab():
    """The lab that all tests share, behind nginx or EASEL_WEB; started by the first that asks."""
    global _lab
    if _lab is None:
        _lab = lab_module.Lab(build=os.environ.get('EASEL_BUILD', 'build'), workers=1)
    return _lab


def not_behind_apache(reason):
    """Skips a test, or a class of them, when the labs' web server is Apache."""
    return unittest.skipIf(lab_module.Lab.web == 'apache', reason)


def not_over_imap(reason):
    """Skips a test, or a class of them, when the mail of the lab is on an IMAP server."""
    return unittest.skipIf(lab_module.Lab.backend != 'pg', reason)


BY_SQL = 'what it needs is put into the database, past the IMAP server'
LOCAL = 'mail between accounts of an IMAP server goes through its mail server'


def message(subject='Hello', text='Hello Anna.\n', html=None, attachments=(), **headers):
    """A message to deliver. attachments: (file name, type, bytes)."""
    mail = EmailMessage(policy=WIRE_FORM)
    mail['From'] = headers.pop('sender', 'Ben Example <ben@example.test>')
    mail['To'] = headers.pop('to', 'Anna Example <anna@example.test>')
    mail['Subject'] = subject
    mail['Date'] = headers.pop('date', 'Mon, 16 Nov 2026 09:12:00 +0100')
    mail['Message-ID'] = headers.pop('message_id', f'<{next(_numbers)}@example.test>')
    for name, value in headers.items():
        mail[name.replace('_', '-')] = value
    mail.set_content(text)
    if html is not None:
        mail.add_alternative(html, subtype='html')
    for name, kind, data in attachments:
        main, _, sub = kind.partition('/')
        mail.add_attachment(data, maintype=main, subtype=sub, filename=name)
    return mail.as_bytes()


def in_matrix(versions):
    """Those of the versions that this run tries: all of them in the whole matrix."""
    if os.environ.get('EASEL_MATRIX') == 'whole':
        return versions
    return [version for version in versions if version in REDUCED] or versions


def in_versions(*versions):
    """Runs a test for each of the protocol versions (all, when none is named), as subtests.

    `make check` leaves those out that differ little from one that it tries; `make check-all` none.
    """
    def decorate(test):
        @functools.wraps(test)
        def run(self):
            for version in in_matrix(versions or VERSIONS):
                with self.subTest(version=version):
                    test(self, version)
        return run
    return decorate


class WireTest(unittest.TestCase):
    """A test with a lab, and an account of its own whenever it asks for one."""

    maxDiff = 4000
    domain = lab_module.DOMAIN

    @classmethod
    def setUpClass(cls):
        cls.lab = the_lab()

    def tearDown(self):
        """A worker that died is a failure of this test, and must not be one of the next as well."""
        for worker in self.lab.workers:
            if not worker.running():
                code = worker.process.returncode
                worker.start()
                self.assertEqual(code, -signal.SIGKILL, f'{worker.name} died')

    def account(self, stem='anna', password=PASSWORD):
        """A new account; returns its address."""
        return self.lab.account(f'{stem}-{next(_numbers)}@{self.domain}', password)

    def new_phone(self, user, version='16.1', **more):
        """A phone that has not asked anything yet."""
        phone = Phone(self.lab.url, user, more.pop('password', PASSWORD), version, **more)
        self.addCleanup(phone.close)
        return phone

    def phone(self, user=None, version='16.1', **more):
        """A phone that knows its folders; without a user, of a new account."""
        return self.new_phone(user or self.account(), version, **more).start()

    def synced_phone(self, messages=(), version='16.1', options=None, **more):
        """A phone of a new account that has synced its Inbox with these messages in it."""
        phone = self.phone(version=version, **more)
        for item in messages:
            self.lab.deliver(phone.user, item)
        phone.sync_all(phone.inbox, options=options or ())
        return phone

    def until_waiting(self, phone):
        """Until a request of a phone that has never waited before does."""
        for _ in range(1500):
            if self.lab.sql("SELECT 1 FROM easel.push_device WHERE device_id = :'id'", id=phone.device_id):
                return
            time.sleep(0.02)
        self.fail('the phone does not wait')

    def one_item(self, phone, folder=None):
        """ServerId and data of the only item of a folder."""
        items = phone.items[folder or phone.inbox]
        self.assertEqual(len(items), 1, items)
        return next(iter(items.items()))

    def holding(self, sql):
        """A psql that has run the SQL in a transaction, which it ends with communicate(b'COMMIT;')."""
        psql = subprocess.Popen(['psql', '-XqAt', self.lab.postgres.conninfo],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(psql.wait)
        self.addCleanup(psql.stdout.close)
        self.addCleanup(psql.stdin.close)
        psql.stdin.write(f"BEGIN; {sql}; SELECT 'done';\n".encode())
        psql.stdin.flush()
        while psql.stdout.readline() != b'done\n':
            self.assertIsNone(psql.poll(), sql)
        return psql

    def until(self, query):
        """Waits until the query finds something."""
        for _ in range(500):
            if self.lab.sql(f'SELECT EXISTS ({query})') == [['t']]:
                return
            time.sleep(0.01)
        self.fail(query)

    def highest(self, ask):
        """What ask() returns, and how far the worker's memory went above its rest."""
        rest, seen, done = self.lab.worker_memory(), [0], threading.Event()

        def watch():
            while not done.wait(0.01):
                seen.append(self.lab.worker_memory())
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            answer = ask()
        finally:
            done.set()
            watcher.join()
        return answer, max(seen) - rest

    def later(self, function):
        """Calls it in a thread of its own; what is returned has its result()."""
        pool = concurrent.futures.ThreadPoolExecutor(1)
        self.addCleanup(pool.shutdown)
        return pool.submit(function)

    def wait_for_log(self, count, *words, seconds=10):
        """Waits until the worker has logged so many lines that hold all the words."""
        deadline = time.monotonic() + seconds
        while True:
            lines = [line for line in self.lab.log_lines() if all(word in line for word in words)]
            if len(lines) >= count:
                return lines
            self.assertLess(time.monotonic(), deadline, f'{len(lines)} of {count} lines: {words}')
            time.sleep(0.02)

    def find_item(self, phone, subject, folder=None):
        """ServerId and data of the item with this subject."""
        for item, data in phone.items[folder or phone.inbox].items():
            if data.get('Email:Subject') == subject:
                return item, data
        self.fail(f'no item "{subject}"')


def samples():
    """The sample messages: (name, bytes)."""
    return [(path.stem, path.read_bytes()) for path in sorted(Path(MAIL).glob('*.eml'))]
