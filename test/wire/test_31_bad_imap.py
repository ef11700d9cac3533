"""IMAP servers that lie, stall and break off: nothing is lost, and the phone may try again."""

import itertools

from common import PASSWORD, WireTest
from imap_server import ImapServer
from wbxml import E, encode

TROUBLES = ('endless line', 'huge literal', 'cut literal', 'stall', 'nonsense', 'wrong tag',
            'goodbye', 'refuse')
_numbers = itertools.count(1)


class BadServer(WireTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.server = ImapServer()
        cls.addClassCleanup(cls.server.close)
        domain = f'bad{next(_numbers)}.test'
        cls.lab.imap_domain(domain, port=cls.server.port, imap_patience=1)
        cls.domain = domain

    def tearDown(self):
        self.server.trouble = None
        super().tearDown()

    def in_trouble(self, phone, trouble, at, command, document):
        """The HTTP status of a request that meets the trouble; nobody tries again."""
        self.server.trouble, self.server.at = trouble, at
        patience, phone.patience = phone.patience, 0
        code = phone.post(command, document).code
        self.server.trouble, phone.patience = None, patience
        return code

    def test_what_the_phone_has_stays(self):
        phone = self.new_phone(f'anna@{self.domain}', password=PASSWORD).start()
        phone.sync_all(phone.inbox)
        folders = dict(phone.folders)
        for trouble in TROUBLES:
            with self.subTest(trouble=trouble):
                code = self.in_trouble(phone, trouble, 'LIST', 'FolderSync', encode(
                    E('FolderHierarchy:FolderSync', E('SyncKey', phone.folder_key))))
                self.assertEqual(code, 503)
                code = self.in_trouble(phone, trouble, 'STATUS', 'Sync', encode(
                    phone.sync_request(phone.collection(phone.inbox))))
                self.assertIn(code, (200, 503))
                phone.folder_sync()
                phone.sync_all(phone.inbox)
                self.assertEqual(phone.folders, folders)
                self.assertEqual(len(phone.items[phone.inbox]), 1)

    def test_what_is_new_comes_in_the_end_and_once(self):
        for number, (trouble, at) in enumerate(itertools.product(TROUBLES, ('SELECT', 'FETCH'))):
            with self.subTest(trouble=trouble, at=at):
                phone = self.new_phone(f'u{number}@{self.domain}', password=PASSWORD).start()
                code = self.in_trouble(phone, trouble, at, 'Sync', encode(
                    phone.sync_request(phone.collection(phone.inbox))))
                self.assertIn(code, (200, 503))
                phone.sync_all(phone.inbox)
                self.assertEqual(len(phone.items[phone.inbox]), 1)

    def test_a_list_with_nothing_in_it_takes_no_folder_away(self):
        phone = self.new_phone(f'nothing@{self.domain}', password=PASSWORD).start()
        phone.sync_all(phone.inbox)
        folders = dict(phone.folders)
        code = self.in_trouble(phone, 'nothing', 'LIST', 'FolderSync', encode(
            E('FolderHierarchy:FolderSync', E('SyncKey', phone.folder_key))))
        self.assertIn(code, (200, 503))
        phone.folder_sync()
        self.assertEqual(phone.folders, folders)

    def test_what_is_missing_or_out_of_range_takes_no_message_away(self):
        phone = self.new_phone(f'numbers@{self.domain}', password=PASSWORD).start()
        phone.sync_all(phone.inbox)
        for trouble, at in itertools.product(('nothing', 'numbers'), ('STATUS', 'SELECT', 'FETCH')):
            with self.subTest(trouble=trouble, at=at):
                self.lab.sql('UPDATE easel.imap_folder SET highestmodseq = 1')  # so that it looks
                code = self.in_trouble(phone, trouble, at, 'Sync', encode(
                    phone.sync_request(phone.collection(phone.inbox))))
                self.assertIn(code, (200, 503))
                phone.sync_all(phone.inbox)
                self.assertEqual(len(phone.items[phone.inbox]), 1)

    def test_responses_without_end(self):
        phone = self.new_phone(f'endless@{self.domain}', password=PASSWORD).start()
        code = self.in_trouble(phone, 'endless responses', 'FETCH', 'Sync', encode(
            phone.sync_request(phone.collection(phone.inbox))))
        self.assertIn(code, (200, 503))
        phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 1)

    def test_another_uidvalidity(self):
        """Whatever was known is about other messages: the folder starts afresh."""
        phone = self.new_phone(f'validity@{self.domain}', password=PASSWORD).start()
        phone.sync_all(phone.inbox)
        self.server.uidvalidity += 1
        self.assertEqual(phone.sync(phone.inbox).get('Status'), '3')
        phone.keys.pop(phone.inbox)
        phone.items.pop(phone.inbox)
        phone.sync_all(phone.inbox)
        self.assertEqual([item.split(':')[1] for item in phone.items[phone.inbox]], ['2'])
