"""When something breaks: the database goes away, a worker is stopped or killed, phones are slow."""

import os
import signal
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

import lab as lab_module
from common import PASSWORD, WireTest, message, not_behind_apache
from phone import PATH, TEXT, Phone, body, options, read_change
from wbxml import E, encode


class Trouble(WireTest):
    """Each class breaks servers of its own."""

    workers, options = 1, ()

    @classmethod
    def setUpClass(cls):
        cls.lab = lab_module.Lab(workers=cls.workers, options=cls.options)
        cls.addClassCleanup(cls.lab.close)

    def assert_try_later(self, answer):
        self.assertEqual(answer.code, 503, answer)
        self.assertGreater(int(answer.headers['Retry-After']), 0)


class DatabaseAway(Trouble):
    def database_back(self, *phones):
        """Starts it again; phones are patient, since a worker looks for it every two seconds."""
        self.lab.pg_start()
        for phone in phones:
            phone.patience = 10

    def setUp(self):
        """The worker has found the database again, whatever the test before did to it."""
        super().setUp()
        phone = self.new_phone(self.account())
        phone.patience = 10
        phone.start()

    def test_every_command_says_503_and_all_goes_on_afterwards(self):
        phones = [self.synced_phone([message()], version) for version in ('12.1', '14.1', '16.1')]
        self.lab.pg_stop()
        try:
            for phone in phones:
                for command, document in (
                        ('Sync', phone.sync_request(phone.collection(phone.inbox))),
                        ('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', 0))),
                        ('Ping', phone.ping_request([phone.inbox], 60)),
                        ('Settings', E('Settings:Settings', phone.device_information()))):
                    with self.subTest(command, version=phone.version):
                        self.assert_try_later(phone.command(command, document, expect=None))
                self.assert_try_later(phone.raw('OPTIONS'))
                self.assert_try_later(phone.autodiscover_raw(phone.user))
        finally:
            self.database_back(*phones)
        for phone in phones:
            self.lab.deliver(phone.user, message('After'))
            self.assertEqual(len(phone.sync_all(phone.inbox)), 2)
            self.assertEqual(phone.folder_sync().status, '1')

    def test_a_restarted_database_goes_unnoticed(self):
        phone = self.synced_phone([message()])
        self.lab.pg_stop()
        self.lab.pg_start()
        for _ in range(8):  # more than there are threads, each with a connection that has died
            self.assertIsNone(phone.sync(phone.inbox))

    def test_what_comes_before_the_worker_is_back_is_told_to_all_who_wait(self):
        phones = [self.synced_phone() for _ in range(5)]
        pings = [phone.ping([phone.inbox], 300) for phone in phones]
        for phone in phones:
            self.until_waiting(phone)
        self.lab.pg_stop()
        # Without the worker, which sees all that happens from when it has looked for the database.
        os.kill(self.lab.workers[0].process.pid, signal.SIGSTOP)
        try:
            self.database_back(*phones)
            for phone in phones:
                self.lab.deliver(phone.user, message())
        finally:
            os.kill(self.lab.workers[0].process.pid, signal.SIGCONT)
        for ping in pings:
            self.assertEqual(ping.answer().status, '2')

    def test_waiting_after_the_database_came_back(self):
        phone = self.synced_phone()
        self.lab.pg_stop()
        self.database_back(phone)
        phone.folder_sync()
        ping = phone.ping([phone.inbox], 300)
        phone.folder_sync()
        self.lab.deliver(phone.user, message())
        self.assertEqual(ping.answer().status, '2')

    def test_the_log_says_it(self):
        phone = self.synced_phone()
        self.lab.pg_stop()
        try:
            phone.post('FolderSync', encode(E('FolderHierarchy:FolderSync', E('SyncKey', 0))))
        finally:
            self.lab.pg_start()
        self.assertTrue([line for line in self.lab.log_lines() if '503' in line])


class WorkerAway(Trouble):
    def test_with_no_worker_the_phone_is_told_to_come_later(self):
        phone = self.synced_phone([message()])
        self.lab.worker_kill()
        for method, path in (('OPTIONS', PATH), ('POST', phone.target('FolderSync')),
                             ('POST', '/autodiscover/autodiscover.xml')):
            self.assert_try_later(phone.raw(method, path, b'x' if method == 'POST' else None))
        self.lab.workers[0].start()
        self.assertIsNone(phone.sync(phone.inbox))

    def test_a_worker_that_is_killed_while_a_phone_waits(self):
        phone = self.synced_phone()
        ping = phone.ping([phone.inbox], 300)
        phone.folder_sync()
        self.lab.worker_kill()
        self.assert_try_later(ping.answer())
        self.lab.workers[0].start()
        self.lab.deliver(phone.user, message())
        self.assertEqual(phone.ping([phone.inbox], 300).answer().status, '2')

    def test_a_clean_stop_answers_whoever_waits(self):
        phones = [self.synced_phone(version=version) for version in ('12.1', '14.1', '16.1')]
        pings = [phone.ping([phone.inbox], 300) for phone in phones]
        for phone in phones:
            phone.folder_sync()
        self.assertEqual(self.lab.worker_restart(), 0)
        for ping in pings:
            self.assertEqual(ping.answer().status, '1')
        for phone in phones:
            self.assertIsNone(phone.sync(phone.inbox))

    def test_killed_in_the_midst_of_syncs_nothing_is_lost_or_doubled(self):
        phone = self.phone()
        phone.sync(phone.inbox)
        for number in range(6):
            self.lab.deliver(phone.user, message(f'{number}'))
            items = list(phone.items[phone.inbox])
            commands = [read_change(items[0], number % 2)] if items else []
            pending = phone.begin('Sync', phone.sync_request(
                phone.collection(phone.inbox, window=2, commands=commands)))
            self.lab.worker_kill()
            pending.hang_up()
            self.lab.workers[0].start()
            phone.sync(phone.inbox, window=2, commands=commands)
        phone.sync_all(phone.inbox, window=2)
        self.assertEqual(sorted(d.get('Email:Subject') for d in phone.items[phone.inbox].values()),
                         [str(n) for n in range(6)])

    def test_a_password_once_checked_outlives_a_restart(self):
        phone = self.synced_phone()
        self.lab.worker_restart()
        phone.folder_sync()
        line = [line for line in self.lab.log_lines() if phone.user in line][-1]
        self.assertIn('FolderSync', line)


@not_behind_apache('Apache tells of an answer that was cut short when its timeout is over, after an hour')
class CutAnswers(Trouble):
    def test_an_answer_cut_short_is_an_error_for_the_phone(self):
        """nginx must not pass it off as complete (DESIGN section 3)."""
        phone = self.synced_phone(
            [message(attachments=[('large.bin', 'application/octet-stream', bytes(30_000_000))])],
            options=options(body(TEXT)))
        _, item = self.one_item(phone)
        reference = item.get('AirSyncBase:Attachments/Attachment/FileReference')
        request = encode(E('ItemOperations:ItemOperations', E(
            'Fetch', E('Store', 'Mailbox'), E('AirSyncBase:FileReference', reference))))
        received, wanted = self.read_after_kill(phone, request)
        self.assertLess(received, wanted)

    def read_after_kill(self, phone, request):
        """Reads the head of an answer, kills the worker, reads on: (bytes got, bytes promised).

        When the worker had handed over everything before it died, the answer is complete, and
        the test has seen nothing: then it says so by failing.
        """
        parts = urlsplit(phone.url)
        context = ssl._create_unverified_context()  # pylint: disable=protected-access
        with socket.create_connection((parts.hostname, parts.port), timeout=60) as plain, \
                context.wrap_socket(plain) as connection:
            head = ''.join(f'{name}: {value}\r\n' for name, value in phone.headers(
                Content_Type='application/vnd.ms-sync.wbxml',
                Content_Length=len(request), Host=parts.netloc).items())
            connection.sendall(f'POST {phone.target("ItemOperations")} HTTP/1.1\r\n{head}\r\n'
                               .encode() + request)
            data = b''
            while b'\r\n\r\n' not in data:
                data += connection.recv(4096)
            self.lab.worker_kill()
            head, _, data = data.partition(b'\r\n\r\n')
            length = next(int(line.split(b':')[1]) for line in head.split(b'\r\n')
                          if line.lower().startswith(b'content-length'))
            received = len(data)
            try:
                while more := connection.recv(65536):
                    received += len(more)
            except (ssl.SSLError, OSError):
                pass
        return received, length


class SeveralWorkers(Trouble):
    """Two of them, each with a socket of its own."""

    workers = 2

    def test_a_rolling_restart_is_no_error_for_any_phone(self):
        phones = [self.synced_phone() for _ in range(6)]
        pings = [phone.ping([phone.inbox], 300) for phone in phones]
        for phone in phones:
            phone.folder_sync()
        busy = [self.phone() for _ in range(3)]
        codes, ended = [], threading.Event()

        def go_on(phone):
            while not ended.is_set():
                codes.append(phone.raw('OPTIONS').code)
                codes.append(phone.sync_raw(phone.collection(phone.inbox)).code)

        threads = [threading.Thread(target=go_on, args=(phone,)) for phone in busy]
        for thread in threads:
            thread.start()
        try:
            self.assertEqual([self.lab.worker_restart(number) for number in range(2)], [0, 0])
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        self.assertEqual(set(codes), {200})
        for phone, ping in zip(phones, pings):
            self.assertEqual(ping.answer().status, '1')
            self.lab.deliver(phone.user, message())
            self.assertEqual(phone.ping([phone.inbox], 300).answer().status, '2')

    def test_any_worker_serves_any_request(self):
        user = self.account()
        phones = [self.phone(user, version) for version in ('12.1', '14.1', '16.1')]
        for phone in phones:
            phone.sync(phone.inbox)
        for number in range(6):
            self.lab.deliver(user, message(f'{number}'))
            for phone in phones:
                phone.sync(phone.inbox)
        for phone in phones:
            self.assertEqual(len(phone.items[phone.inbox]), 6)
        for number in range(2):
            self.assertTrue([line for line in self.lab.log_lines(number) if user in line])

    def test_whichever_worker_a_phone_waits_at(self):
        for _ in range(4):
            phone = self.synced_phone()
            ping = phone.ping([phone.inbox], 300)
            self.lab.deliver(phone.user, message())
            self.assertEqual(ping.answer().status, '2')

    def test_one_of_them_dies(self):
        phone = self.synced_phone([message()])
        self.lab.worker_kill(1)
        try:
            for _ in range(6):
                self.assertIsNone(phone.sync(phone.inbox))
        finally:
            self.lab.workers[1].start()

    def test_a_new_ping_ends_the_old_one_wherever_it_waits(self):
        """The web server gives requests to the workers in turn."""
        phone = self.synced_phone()
        ping = phone.ping([phone.inbox], 300)
        for more in range(4):
            for _ in range(more % 2 + 1):
                phone.folder_sync()
            newer = phone.ping([phone.inbox], 300)
            self.assertEqual(ping.answer(within=20).status, '1')
            ping = newer
        self.lab.deliver(phone.user, message())
        self.assertEqual(ping.answer().status, '2')

    def test_phones_wait_at_both_and_one_dies(self):
        self.lab.sql('DELETE FROM easel.waiting')
        phones = [self.synced_phone() for _ in range(6)]
        pings = [phone.ping([phone.inbox], 300) for phone in phones]
        self.wait_until_parked(len(phones))
        self.lab.worker_kill(1)
        try:
            for phone in phones:
                self.lab.deliver(phone.user, message())
            answers = [ping.answer() for ping in pings]
            self.assertEqual({answer.code for answer in answers}, {200, 503})
            for phone, answer in zip(phones, answers):
                if answer.code == 503:
                    answer = phone.ping([phone.inbox], 300).answer()
                self.assertEqual(answer.status, '2')
        finally:
            self.lab.workers[1].start()

    def wait_until_parked(self, count):
        """Each has announced itself in the database, and is parked a moment later."""
        deadline = time.monotonic() + 20
        while self.lab.sql('SELECT count(*) FROM easel.waiting')[0] != [str(count)]:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.05)

    def test_the_same_request_at_the_same_time(self):
        """A phone that gave up waiting and asks again while the first request is being served."""
        phone = self.phone()
        for number in range(10):
            self.lab.deliver(phone.user, message(f'{number}'))
        phone.sync(phone.inbox)
        request = phone.sync_request(phone.collection(phone.inbox, window=100))
        pending = [phone.begin('Sync', request) for _ in range(6)]
        answers = [each.answer() for each in pending]
        items = [sorted(c.get('ServerId') for c in answer.root.all(
            'Collections/Collection/Commands/Add')) for answer in answers]
        self.assertEqual(len(items[0]), 10)
        for each in items[1:]:  # one that comes behind two answers looks like a phone that chokes
            self.assertLessEqual(set(each), set(items[0]))
        phone.take(answers[-1], phone.inbox)
        phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 10)
        self.assertIsNone(phone.sync(phone.inbox))

    def test_many_phones_at_once(self):
        user = self.account()
        for number in range(5):
            self.lab.deliver(user, message(f'{number}'))
        phones = [self.new_phone(user) for _ in range(12)]
        errors = []

        def live(phone):
            try:
                phone.start()
                for _ in range(5):
                    phone.sync_all(phone.inbox, window=2)
            except Exception as error:  # whatever it is, the test tells it
                errors.append(error)

        threads = [threading.Thread(target=live, args=(phone,)) for phone in phones]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])
        self.assertEqual({len(phone.items[phone.inbox]) for phone in phones}, {5})


class Group(Trouble):
    """Two workers on one socket, under a parent."""

    options = ('--workers', '2')

    def test_a_killed_parent_is_replaced_at_once_and_nobody_misses_anything(self):
        phones = [self.synced_phone() for _ in range(3)]
        pings = [phone.ping([phone.inbox], 300) for phone in phones]
        for phone in phones:
            self.until_waiting(phone)
        self.lab.worker_kill()
        self.lab.workers[0].start()
        for phone, ping in zip(phones, pings):
            self.assertEqual(ping.answer().status, '1')
            self.lab.deliver(phone.user, message())
            self.assertEqual(phone.ping([phone.inbox], 300).answer().status, '2')


class Overload(Trouble):
    options = ('--max-parked', '2')

    def test_past_max_parked_a_ping_is_to_come_later_and_mail_is_sent(self):
        phones = [self.synced_phone() for _ in range(3)]
        pings = [phone.ping([phone.inbox], 300) for phone in phones[:2]]
        for phone in phones[:2]:
            phone.folder_sync()
        last = phones[2]
        self.assert_try_later(last.ping([last.inbox], 300).answer())
        sync = last.begin('Sync', last.sync_request(last.collection(last.inbox), wait=5))
        self.assert_try_later(sync.answer())
        answer = last.command('SendMail', E(
            'ComposeMail:SendMail', E('ClientId', 'one'),
            E('Mime', message(to=phones[0].user))))
        self.assertEqual((answer.code, answer.root), (200, None))
        self.assertEqual(pings[0].answer().status, '2')
        last.folder_sync()  # whom one writes to is a folder of its own, there from the first mail on
        again = last.ping([last.inbox], 300)
        self.lab.deliver(last.user, message())
        self.assertEqual(again.answer().status, '2')


class SlowPhones(Trouble):
    @not_behind_apache('Apache hands an answer on at the pace of the phone, which holds a thread')
    def test_phones_that_read_slowly_hold_up_nobody(self):
        slow = self.synced_phone(
            [message(attachments=[('large.bin', 'application/octet-stream', bytes(8_000_000))])],
            options=options(body(TEXT)))
        _, item = self.one_item(slow)
        reference = item.get('AirSyncBase:Attachments/Attachment/FileReference')
        request = E('ItemOperations:ItemOperations', E(
            'Fetch', E('Store', 'Mailbox'), E('AirSyncBase:FileReference', reference)))
        pending = [slow.begin('ItemOperations', request) for _ in range(10)]
        quick = Phone(self.lab.url, slow.user, PASSWORD, timeout=20).start()
        self.assertIsNotNone(quick.inbox)
        quick.close()
        for each in pending:
            self.assertEqual(each.answer().status, '1')

    @not_behind_apache('Apache hands a request on at the pace of the phone, which holds a thread')
    def test_a_phone_that_sends_slowly_holds_up_nobody(self):
        phone = self.phone()
        parts = urlsplit(phone.url)
        context = ssl._create_unverified_context()  # pylint: disable=protected-access
        connections = []
        for _ in range(20):
            plain = socket.create_connection((parts.hostname, parts.port), timeout=20)
            connection = context.wrap_socket(plain)
            head = ''.join(f'{n}: {v}\r\n' for n, v in phone.headers(
                Content_Type='application/vnd.ms-sync.wbxml', Content_Length=1000,
                Host=parts.netloc).items())
            connection.sendall(f'POST {phone.target("Sync")} HTTP/1.1\r\n{head}\r\n'.encode()
                               + b'\x03\x01')
            connections.append(connection)
        self.assertEqual(phone.folder_sync().status, '1')
        for connection in connections:
            connection.close()
