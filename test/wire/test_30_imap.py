"""Mail on an IMAP server: Debian's Dovecot, with and without CONDSTORE."""

import imaplib
import itertools
import re
import threading
import time

from common import PASSWORD, WireTest, message
from servers import ROOT, Nginx, free_port, put
import test_25_calendar as calendar
from phone import Phone, TEXT, body, delete, options, read_change
from wbxml import E

HIDDEN = ('IMAP4rev1 SASL-IR LITERAL+ ID IDLE NAMESPACE UIDPLUS CHILDREN SPECIAL-USE')
_numbers = itertools.count(1)
_dovecots = {}


class ImapTest(WireTest):
    """A Dovecot with the mail of a domain of its own, one for all tests of a class."""

    domain, settings, columns = 'imap.test', '', {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.domain not in _dovecots:
            _dovecots[cls.domain] = cls.lab.use_dovecot(cls.settings, cls.domain, **cls.columns)
        cls.dovecot = _dovecots[cls.domain]

    def user(self, password=PASSWORD):
        """A user of the IMAP server, whom Easel does not know yet."""
        address = f'anna-{next(_numbers)}@{self.domain}'
        self.dovecot.account(address, password)
        return address

    def imap(self, user, folder='INBOX', password=PASSWORD):
        """Another mail program of the user, with a folder open."""
        connection = imaplib.IMAP4('127.0.0.1', self.dovecot.imap_port)
        self.addCleanup(connection.shutdown)
        connection.login(user, password)
        if folder:
            connection.select(folder)
        return connection

    def login(self, user, password=PASSWORD):
        """The HTTP status that a phone's first request gets."""
        return self.new_phone(user, password=password).raw('OPTIONS').code

    def put(self, user, *messages, folder='INBOX'):
        for one in messages:
            self.dovecot.append(user, PASSWORD, one, folder)

    def with_mail(self, *messages, version='16.1', **wishes):
        """A phone that has synced its Inbox with these messages."""
        user = self.user()
        self.put(user, *messages)
        phone = self.phone(user, version)
        phone.sync_all(phone.inbox, options=options(body(TEXT)), **wishes)
        return phone

    def flags(self, user, uid=1, folder='INBOX'):
        answer = self.imap(user, folder).uid('FETCH', str(uid), '(FLAGS)')[1][0].decode()
        return set(re.search(r'FLAGS \((.*?)\)', answer)[1].split()) - {'\\Recent'}


class Everywhere(ImapTest):
    """What holds whatever the server can do; subclasses run it over poorer ones."""

    def test_folders_have_roles_and_groupware_is_beside_them(self):
        phone = self.phone(self.user())
        kinds = {folder['DisplayName']: folder['Type'] for folder in phone.folders.values()}
        for name, kind in (('Inbox', '2'), ('Drafts', '3'), ('Trash', '4'), ('Sent', '5'),
                           ('Contacts', '9')):
            self.assertEqual(kinds.get(name), kind, kinds)

    def test_mail_comes_and_what_others_do_to_it(self):
        phone = self.with_mail(message('One'), message('Two', 'Grüße\n'))
        other = self.imap(phone.user)
        self.find_item(phone, 'Two')
        self.put(phone.user, message('Three'))
        other.uid('STORE', '1', '+FLAGS', r'(\Seen \Flagged)')
        other.uid('STORE', '2', '+FLAGS', r'(\Deleted)')
        other.expunge()
        # Without CONDSTORE flags are compared only so often.
        self.lab.sql("UPDATE easel.imap_folder SET checked_at = now() - interval '1 hour'")
        phone.sync_all(phone.inbox)
        subjects = {data.get('Email:Subject'): data for data in phone.items[phone.inbox].values()}
        self.assertEqual(sorted(subjects), ['One', 'Three'])
        self.assertEqual(subjects['One'].get('Email:Read'), '1')
        self.assertEqual(subjects['One'].get('Email:Flag/Status'), '2')

    def test_what_the_phone_does_is_done_there_and_does_not_come_back(self):
        phone = self.with_mail(message('One'), message('Two'))
        one, _ = self.find_item(phone, 'One')
        two, _ = self.find_item(phone, 'Two')
        phone.sync(phone.inbox, commands=[read_change(one, 1)])
        self.assertEqual(self.flags(phone.user), {'\\Seen'})
        self.assertIsNone(phone.sync(phone.inbox))
        phone.sync(phone.inbox, commands=[delete(two)])
        self.assertEqual(self.imap(phone.user).uid('SEARCH', 'ALL')[1], [b'1'])
        self.assertEqual(self.imap(phone.user, 'Trash').uid('SEARCH', 'ALL')[1], [b'1'])
        self.assertIsNone(phone.sync(phone.inbox))

    def test_items_move_between_folders(self):
        phone = self.with_mail(message('One'))
        item, _ = self.find_item(phone, 'One')
        trash = phone.folder(4)
        phone.sync_all(trash)
        phone.move(item, phone.inbox, trash)
        phone.sync_all(trash)
        phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[trash]), 1)
        self.assertEqual(len(phone.items[phone.inbox]), 0)

    def test_a_large_message_is_read_in_parts(self):
        data = bytes(range(256)) * 3000
        phone = self.with_mail(message('Large', 'Short text.\n', attachments=[
            ('a.bin', 'application/octet-stream', data), ('b.txt', 'text/plain', b'x' * 5000)]))
        item, values = self.find_item(phone, 'Large')
        self.assertIn('Short text.', values.get('AirSyncBase:Body/Data'))
        file = values.find('AirSyncBase:Attachments/Attachment')
        self.assertEqual(file.get('DisplayName'), 'a.bin')
        self.assertEqual(file.get('EstimatedDataSize'), str(len(data)))
        answer = phone.fetch_attachment(file.get('FileReference'), multipart=True)
        self.assertEqual(answer.parts, [data])

    def test_folders_are_made_renamed_and_deleted_both_ways(self):
        phone = self.phone(self.user())
        phone.folder_create('Übung')
        other = self.imap(phone.user)
        self.assertIn('&ANw-bung', str(other.list()[1]))
        other.create('Elsewhere')
        other.create('Elsewhere/Below')
        phone.folder_sync()
        names = {folder['DisplayName']: key for key, folder in phone.folders.items()}
        self.assertEqual(phone.folders[names['Below']]['ParentId'], names['Elsewhere'])
        phone.folder_update(names['Übung'], 'Renamed')
        self.assertIn('Renamed', str(other.list()[1]))
        phone.sync_all(names['Übung'])
        other.rename('Renamed', 'Again')
        phone.folder_sync()
        self.assertEqual(phone.folders[names['Übung']]['DisplayName'], 'Again')
        phone.folder_delete(names['Übung'])
        self.assertNotIn('Again', str(other.list()[1]))
        other.delete('Elsewhere/Below')
        phone.folder_sync()
        self.assertNotIn(names['Below'], phone.folders)

    def test_another_uidvalidity_starts_the_folder_afresh(self):
        phone = self.phone(self.user())
        other = self.imap(phone.user)
        other.create('Again')
        self.put(phone.user, message('Old'), folder='Again')
        phone.folder_sync()
        folder = next(key for key, f in phone.folders.items() if f['DisplayName'] == 'Again')
        phone.sync_all(folder)
        other.delete('Again')
        other.create('Again')
        self.put(phone.user, message('New'), folder='Again')
        # A folder that is open stays so for a while.
        deadline = time.monotonic() + 10
        while (answer := phone.sync(folder)) is None and time.monotonic() < deadline:
            time.sleep(0.1)
        self.assertEqual(answer.get('Status'), '3')
        phone.keys.pop(folder)
        phone.items.pop(folder)
        phone.sync_all(folder)
        (item, data), = phone.items[folder].items()
        self.assertEqual(data.get('Email:Subject'), 'New')
        self.assertEqual(item.split(':')[1], '2')


class Dovecot(Everywhere):
    def test_categories_and_forwarded_are_keywords(self):
        phone = self.with_mail(message('One'))
        item, _ = self.find_item(phone, 'One')
        phone.sync(phone.inbox, commands=[E('Change', E('ServerId', item), E('ApplicationData', E(
            'Email:Categories', E('Email:Category', 'Red Cat'), E('Email:Category', 'work'))))])
        self.assertEqual(self.flags(phone.user), {'Red=20Cat', 'work'})
        self.assertIsNone(phone.sync(phone.inbox))
        self.imap(phone.user).uid('STORE', '1', '-FLAGS', '(work)')
        phone.sync_all(phone.inbox)
        self.assertEqual(phone.items[phone.inbox][item].get('Email:Categories/Category'), 'Red Cat')

    def test_a_waiting_phone_is_told(self):
        phone = self.with_mail(message('One'))
        for told in (False, True):
            ping = phone.ping([phone.inbox], 300)
            self.wait_for_watch(phone)
            self.put(phone.user, message('Later'))
            if told:
                self.lab.run('easel-notify', phone.user, 'nobody@elsewhere.test')
            self.assertEqual(ping.answer().status, '2')
            phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 3)

    def wait_for_watch(self, phone):
        account = self.lab.sql("SELECT id FROM easel.account WHERE address = :'a'",
                               a=phone.user)[0][0]
        self.wait_for_log(1, 'imap-watch', f'account={account} ', 'what=watching')

    def test_no_change_needs_neither_login_nor_select(self):
        user = self.user()
        self.put(user, *(message(f'Message {n}') for n in range(12)))
        self.dovecot.listen_in(user)
        phone = self.phone(user)
        phone.sync_all(phone.inbox, window=2)
        self.assertEqual(len(phone.items[phone.inbox]), 12)
        # The first only finds out that the password is right. A folder that is open stays so for a
        # while.
        before = self.dovecot.commands(user)
        self.assertLessEqual(len(before), 2)
        opened = [line.startswith('SELECT') for line in sum(before, [])].count(True)
        self.assertLess(opened, 4)
        for _ in range(3):
            self.assertIsNone(phone.sync(phone.inbox))
        after = self.dovecot.commands(user)
        self.assertEqual(len(after), len(before))
        self.assertLessEqual({line.split(' ')[0] for line in sum(after, [])[len(sum(before, [])):]},
                             {'UNSELECT', 'NOOP', 'STATUS'})

    def test_the_phones_address_is_passed_on(self):
        phone = self.phone(self.user())
        line = next(line for line in self.dovecot.log_path.read_text().splitlines()
                    if f'Login: user=<{phone.user}>' in line)
        self.assertIn('rip=127.0.0.1', line)


class Logins(ImapTest):
    def test_a_wrong_password_is_401_and_makes_no_account(self):
        user = self.user()
        self.assertEqual(self.login(user, 'wrong'), 401)
        self.assertEqual(self.lab.sql("SELECT 1 FROM easel.account WHERE address = :'a'", a=user),
                         [])
        lines = self.wait_for_log(1, 'http=401', 'IMAP login')
        # The filter of README.md, where fail2ban puts the address in.
        wanted = re.search(r'^    failregex = (.*)$', (ROOT / 'README.md').read_text(), re.M)[1]
        self.assertRegex(lines[-1], wanted.replace('<ADDR>', re.escape('127.0.0.1')))
        self.login(user)
        self.assertFalse([line for line in self.lab.log_lines() if f'user={user}' in line
                          and 'http=200' in line and re.search(wanted.replace('<ADDR>', '.*'), line)])

    def test_a_changed_password_ends_the_login(self):
        user = self.user()
        self.phone(user)
        self.dovecot.account(user, 'other')
        self.assertEqual(self.login(user, 'other'), 200)
        self.assertEqual(self.login(user), 401)

    def test_a_server_that_is_away_is_503(self):
        self.lab.imap_domain('away.test', port=1)
        self.assertEqual(self.login('anna@away.test'), 503)

    def test_a_certificate_of_somebody_else_is_503(self):
        self.lab.imap_domain('tls.test', port=self.dovecot.imaps_port, imap_tls='tls')
        self.dovecot.account('anna@tls.test', PASSWORD)
        self.assertEqual(self.login('anna@tls.test'), 503)
        pem = (self.lab.folder / 'certificate.pem').read_text()
        self.lab.sql("UPDATE easel.domain SET imap_ca = :'pem' WHERE name = 'tls.test'", pem=pem)
        self.assertEqual(self.login('anna@tls.test'), 200)

    def test_starttls(self):
        pem = (self.lab.folder / 'certificate.pem').read_text()
        self.lab.imap_domain('starttls.test', port=self.dovecot.imap_port, imap_tls='starttls',
                             imap_ca=pem)
        self.dovecot.account('anna@starttls.test', PASSWORD)
        self.assertEqual(self.login('anna@starttls.test'), 200)

    def test_a_bare_name_has_the_default_domain(self):
        user = self.user()
        self.lab.sql("UPDATE easel.server SET default_domain = :'d'", d=self.domain)
        self.addCleanup(self.lab.sql, 'UPDATE easel.server SET default_domain = NULL')
        self.assertEqual(self.login(user.partition('@')[0]), 200)


class WithoutCondstore(Everywhere):
    domain, settings = 'hidden.test', f'imap_capability = {HIDDEN}\n'


class Killed(ImapTest):
    domain = 'killed.test'

    def test_dovecot_dies_at_any_moment_and_nothing_is_lost_or_doubled(self):
        phone = self.with_mail(*(message(f'Message {n}') for n in range(8)))
        trash = phone.folder(4)
        phone.sync_all(trash)
        for number, item in enumerate(list(phone.items[phone.inbox])):
            if number % 3 == 0:
                self.dovecot.stop()
                self.assertEqual(self.login(phone.user, 'unknown'), 503)
                self.dovecot.start()
            phone.move(item, phone.inbox, trash)
        phone.sync_all(phone.inbox)
        phone.sync_all(trash)
        self.assertEqual(len(phone.items[phone.inbox]), 0)
        self.assertEqual(sorted(d.get('Email:Subject') for d in phone.items[trash].values()),
                         [f'Message {n}' for n in range(8)])


class Invitations(ImapTest):
    """Mail about meetings comes into the calendar beside the mailbox."""

    def events(self, phone):
        return phone.sync_all(phone.folder(8))

    def test_one_event_whichever_device_or_worker_sees_it_first(self):
        user = self.user()
        workers = [self.lab.nginx, self.second_web_server()]
        phones = [self.new_phone_at(server, user) for server in workers * 2]
        for phone in phones:
            phone.sync_all(phone.inbox)
            self.assertEqual(self.events(phone), {})
        self.put(user, calendar.invitation(user), calendar.invitation(user, uid='meeting-2'))
        threads = [threading.Thread(target=phone.sync_all, args=(phone.inbox,)) for phone in phones]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for phone in phones:
            self.assertEqual([data.get('Calendar:Subject') for data in self.events(phone).values()],
                             ['Planning'] * 2)
        # One that was deleted does not come back, and what is about it still finds it.
        first = phones[0]
        item = next(iter(first.items[first.folder(8)]))
        first.sync(first.folder(8), commands=[delete(item)])
        self.put(user, message('Something else'), calendar.invitation(user, uid='meeting-3'))
        phones[1].sync_all(phones[1].inbox)
        self.assertEqual(len(self.events(phones[1])), 2)

    def second_web_server(self):
        """Another worker, with an nginx of its own."""
        worker = self.lab.new_worker(7).start()
        folder = self.lab.folder / 'second-of-imap'
        folder.mkdir()
        nginx = Nginx(folder, free_port(), free_port(), [worker.upstream()],
                      self.lab.nginx.certificate, '127.0.0.1:').start()
        self.addCleanup(worker.stop)
        self.addCleanup(nginx.stop)
        return nginx

    def new_phone_at(self, server, user):
        phone = Phone(f'https://127.0.0.1:{server.port}', user, PASSWORD, '16.1')
        self.addCleanup(phone.close)
        return phone.start()

    def test_what_outlook_packs(self):
        user = self.user()
        data = calendar.tnef('IPM.Microsoft Schedule.MtgReq', 'Packed', calendar.Winmail.UID, 1804680000, 1804683600)
        self.put(user, message(attachments=[('winmail.dat', 'application/ms-tnef', data)]),
                 message(attachments=[('winmail.dat', 'application/ms-tnef', data[:99])]))
        phone = self.phone(user)
        phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 2)
        self.assertEqual([data.get('Calendar:Subject') for data in self.events(phone).values()],
                         ['Packed'])


class Hashed(Nginx):
    """nginx as README.md has it for several workers."""

    def site(self):
        example = re.search(r'^    upstream easel \{\n(.*?)^    \}', (ROOT / 'README.md').read_text(),
                            re.M | re.S)[1]
        for number, upstream in enumerate(self.upstreams, 1):
            example = put(example, f'unix:/run/easel/{number}.sock', upstream)
        return re.sub(r'(?s)(upstream easel \{\n).*?\n\}', lambda m: m[1] + example + '}',
                      super().site(), count=1)


class OneSocketForEach(ImapTest):
    def test_a_user_stays_on_a_worker(self):
        workers = [self.lab.new_worker(number).start() for number in (8, 9)]
        folder = self.lab.folder / 'hashed'
        folder.mkdir()
        nginx = Hashed(folder, free_port(), free_port(), [w.upstream() for w in workers],
                       self.lab.nginx.certificate, '127.0.0.1:').start()
        for server in (*workers, nginx):
            self.addCleanup(server.stop)
        used = set()
        for user in [self.user() for _ in range(16)]:
            phone = Phone(f'https://127.0.0.1:{nginx.port}', user, PASSWORD, '16.1')
            self.addCleanup(phone.close)
            for _ in range(3):
                self.assertEqual(phone.raw('OPTIONS').code, 200)
            seen = [w.name for w in workers if f'user={user}' in w.log_path.read_text()]
            self.assertEqual(len(seen), 1, 'its requests are all at one worker')
            used.add(seen[0])
        self.assertEqual(len(used), 2, 'and those of others at the other')


class Search(ImapTest):
    def find(self, phone, text):
        """The subjects of what a search of the whole mailbox finds."""
        root = phone.command('Search', E('Search:Search', E(
            'Store', E('Name', 'Mailbox'),
            E('Query', E('And', E('AirSync:Class', 'Email'), E('FreeText', text)))))).root
        store = root.find('Response/Store')
        self.assertEqual(store.get('Status'), '1')
        return [r.get('Properties/Email:Subject') for r in store.all('Result') if r.children]

    def test_the_server_searches(self):
        phone = self.with_mail(message('Lunch', 'At the river.\n'),
                               message('Träume', 'In the house.\n'))
        for text, want in (('river', ['Lunch']), ('Träume', ['Träume']),
                           ('subject:lunch', ['Lunch']), ('from:ben the', ['Träume', 'Lunch']),
                           ('nowhere', [])):
            self.assertEqual(sorted(self.find(phone, text)), sorted(want), text)
