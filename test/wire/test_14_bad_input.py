"""Requests that no phone should send: the protocol's answer to each, and a worker that lives on."""

import base64
import gzip
import random

from common import WireTest, in_versions, message
from phone import PATH, WBXML_TYPE, base64_query
from wbxml import E, HEADER, WbxmlError, decode, encode

MALFORMED = {
    'no WBXML': b'this is not WBXML', 'XML': b'<?xml version="1.0"?><Sync/>',
    'only a header': HEADER, 'another version': b'\x7f\x01\x6a\x00\x45\x01',
    'cut short': encode(E('AirSync:Sync', E('Collections')))[:-1],
    'a tag left open': HEADER + b'\x45\x5c', 'a page that is not there': HEADER + b'\x00\x7f\x05',
    'a string without end': HEADER + b'\x4b\x03abc',
    'not UTF-8': HEADER + b'\x4b\x03\xff\xfe\x00\x01',
    'opaque bytes beyond the end': HEADER + b'\x4b\xc3\xff\xff\xff\xff\x7fx\x01',
    'a string table beyond the end': b'\x03\x01\x6a\xff\xff\x7fabc\x05',
    'a reference beyond the string table': b'\x03\x01\x6a\x03ab\x00\x4b\x83\x20\x01',
    'an extension': HEADER + b'\x4b\xc0\x01', 'attributes': HEADER + b'\xc5\x01\x01',
    'a literal': HEADER + b'\x04\x00', 'nested too deep': HEADER + b'\x45' * 5000 + b'\x01' * 5000,
    'a second root': encode(E('AirSync:Sync')) + b'\x05', 'empty bytes': b'\0' * 100,
}


class BadInput(WireTest):
    def assert_refused(self, answer, statuses, version, code=400):
        """An HTTP code up to 12.1; from 14.0 that, or a Status in a document."""
        if float(version) < 14:
            self.assertEqual(answer.code, code, answer)
        elif answer.code == 200:
            self.assertIn(decode(answer.body).get('Status'), statuses)
        else:
            self.assertEqual(answer.code, code, answer)


class Malformed(BadInput):
    @in_versions('12.1', '14.0', '16.1')
    def test_wbxml(self, version):
        """400, or status 101 to 103."""
        phone = self.phone(version=version)
        for command in ('Sync', 'FolderSync', 'Ping', 'Provision', 'Settings',
                        'GetItemEstimate', 'ItemOperations'):
            for name, data in MALFORMED.items():
                with self.subTest(name, command=command):
                    self.assert_refused(phone.post(command, data),
                                        ('101', '102', '103', '4', '2', '10'), version)

    @in_versions('12.1', '16.1')
    def test_a_document_of_another_command(self, version):
        phone = self.phone(version=version)
        for command in ('Sync', 'FolderSync', 'Ping', 'Provision', 'Settings',
                        'GetItemEstimate', 'ItemOperations'):
            with self.subTest(command):
                answer = phone.post(command, encode(E('Move:MoveItems', E('Move'))))
                self.assert_refused(answer, ('101', '102', '103', '4', '2', '10', '3'),
                                    version)

    @in_versions('12.1', '14.1', '16.1')
    def test_no_body_where_one_is_needed(self, version):
        phone = self.phone(version=version)
        for command in ('FolderSync', 'GetItemEstimate', 'ItemOperations', 'Provision',
                        'Settings'):
            with self.subTest(command):
                self.assert_refused(phone.post(command), ('101', '102', '103'), version)

    def test_tags_that_are_not_there_are_ignored(self):
        """Newer clients send more than we know."""
        phone = self.phone()
        unknown = HEADER + b'\x00\x07\x56' + b'\x7e\x03x\x00\x01' + b'\x52\x03' \
            + phone.folder_key.encode() + b'\x00\x01\x01'
        self.assertEqual(decode(phone.post('FolderSync', unknown).body).get('Status'), '1')

    def test_an_id_that_is_no_text(self):
        """Bytes may come as OPAQUE; what can't be written down is refused, with all else unharmed."""
        phone = self.phone()
        folder = phone.folder(9)
        phone.sync_all(folder)
        contact = E('ApplicationData', E('Contacts:FirstName', 'Anna'))
        answer = phone.sync_raw(phone.collection(folder, commands=[E('Add', E('ClientId', b'\xff\x01'), contact)]))
        self.assertEqual(answer.root.get('Collections/Collection/Status'), '4')
        mail = E('ComposeMail:SendMail', E('ClientId', b'\xff'), E('Mime', b'To: a@b.test\r\n\r\nText'))
        self.assertEqual(phone.command('SendMail', mail).root.get('Status'), '103')
        self.assertEqual(phone.sync_all(folder), {})

    def test_what_wbxml_allows_and_phones_seldom_use(self):
        """A string table, character entities, strings in pieces, a public id by reference."""
        phone = self.new_phone(self.account())
        for name, data in (
                ('string table', b'\x03\x01\x6a\x020\x00\x00\x07\x56\x52\x83\x00\x01\x01'),
                ('entity', HEADER + b'\x00\x07\x56\x52\x02\x30\x01\x01'),
                ('opaque', HEADER + b'\x00\x07\x56\x52\xc3\x010\x01\x01'),
                ('a long length', HEADER + b'\x00\x07\x56\x52\xc3\x80\x80\x010\x01\x01'),
                ('pieces', HEADER + b'\x00\x07\x56\x52\x03\x00\x030\x00\x01\x01'),
                ('blanks between elements',
                 HEADER + b'\x00\x07\x56\x03 \n\x00\x52\x030\x00\x01\x03 \x00\x01')):
            with self.subTest(name):
                answer = phone.post('FolderSync', data)
                self.assertEqual((answer.code, decode(answer.body).get('Status')), (200, '1'))

    def test_random_changes_to_good_requests(self):
        phone = self.synced_phone([message()])
        good = [encode(phone.sync_request(phone.collection(phone.inbox))),
                encode(E('FolderHierarchy:FolderSync', E('SyncKey', phone.folder_key))),
                encode(phone.ping_request([phone.inbox], 1)),
                encode(phone.provision_request())]
        commands = ('Sync', 'FolderSync', 'Ping', 'Provision')
        chance = random.Random(1)
        for number in range(400):
            which = number % len(good)
            data = bytearray(good[which])
            for _ in range(chance.randint(1, 4)):
                data[chance.randrange(4, len(data))] = chance.randrange(256)
            if commands[which] == 'Ping' and b'\x031\x00' not in data:
                continue  # it might be a Ping that waits
            answer = phone.post(commands[which], bytes(data))
            self.assertIn(answer.code, (200, 400, 413), bytes(data).hex())
            if answer.code == 200 and answer.body:
                try:
                    decode(answer.body, 161)
                except WbxmlError as error:
                    self.fail(f'{error}: answer to {bytes(data).hex()}')


class Commands(BadInput):
    @in_versions('2.5', '12.1', '14.0', '16.1')
    def test_a_command_that_is_not_there(self, version):
        """501, or status 137 from 14.0."""
        phone = self.phone(version=version)
        for command in ('Nothing', 'CreateCollection', 'sync ', 'Sync\0', '', 'x' * 1000):
            with self.subTest(command[:20]):
                answer = phone.post(command, encode(E('AirSync:Sync')))
                if answer.code == 200:
                    self.assertEqual(decode(answer.body).get('Status'), '137')
                else:
                    self.assertIn(answer.code, (400, 501))

    def test_no_command_at_all(self):
        phone = self.phone()
        for query in ('', '?', '?User=anna', '?Cmd=Sync', '?Cmd', '?=', '?&&&', '?%', '?%zz=%z'):
            with self.subTest(query):
                answer = phone.raw('POST', PATH + query, encode(E('AirSync:Sync')),
                                   Content_Type=WBXML_TYPE)
                self.assertIn(answer.code, (200, 400, 501))

    def test_a_command_of_a_later_version(self):
        """GetItemEstimate exists everywhere; Find only from 16.1 on."""
        for version in ('12.1', '16.0'):
            answer = self.phone(version=version).post('Find', encode(E('Find:Find')))
            if answer.code == 200:
                self.assertIn(decode(answer.body).get('Status'), ('137', '138'))
            else:
                self.assertIn(answer.code, (400, 501))


class Versions(BadInput):
    def test_versions_that_are_not_there(self):
        """505 or 400; never an answer in a version that was not asked for."""
        user = self.account()
        for version in ('1.0', '2.0', '13.0', '15.0', '17.0', '16.10', 'abc', '-1', '', '99999.9'):
            with self.subTest(version):
                phone = self.new_phone(user)
                answer = phone.post('FolderSync', encode(E('FolderHierarchy:FolderSync',
                                                           E('SyncKey', 0))),
                                    MS_ASProtocolVersion=version)
                self.assertIn(answer.code, (400, 505), answer)

    def test_no_version_at_all(self):
        phone = self.new_phone(self.account())
        answer = phone.post('FolderSync', encode(E('FolderHierarchy:FolderSync', E('SyncKey', 0))),
                            MS_ASProtocolVersion=None)
        self.assertIn(answer.code, (400, 505))

    def test_the_version_of_a_base64_query(self):
        phone = self.new_phone(self.account())
        for byte in (0, 10, 20, 122, 150, 200, 255):
            query = bytearray(base64.b64decode(base64_query('14.1', 'FolderSync',
                                                            phone.device_id, 'Wire')))
            query[0] = byte
            answer = phone.raw('POST', f'{PATH}?{base64.b64encode(query).decode()}',
                               encode(E('FolderHierarchy:FolderSync', E('SyncKey', 0))),
                               Content_Type=WBXML_TYPE, MS_ASProtocolVersion=None)
            self.assertIn(answer.code, (400, 505))

    def test_tags_of_a_later_version(self):
        """HeartbeatInterval of Sync is not in 12.1 (pitfalls.md): no crash, no waiting."""
        phone = self.synced_phone(version='12.1')
        answer = phone.post('Sync', encode(phone.sync_request(phone.collection(phone.inbox),
                                                              heartbeat=60)))
        self.assertIn(answer.code, (200, 400))


class Sizes(BadInput):
    def test_bodies_that_are_too_large(self):
        """413, or status 101; the connection may also just end, since nobody reads so much."""
        phone = self.phone()
        try:
            self.assertIn(phone.post('Sync', HEADER + b'x' * 70_000_000).code, (400, 413))
        except OSError:
            phone.connection.close()
        self.assertEqual(phone.folder_sync().status, '1')

    def test_a_body_that_inflates_too_far(self):
        phone = self.phone()
        bomb = gzip.compress(b'\0' * 200_000_000)
        answer = phone.post('Sync', bomb, Content_Encoding='gzip')
        self.assertIn(answer.code, (400, 413))
        self.assertLess(self.lab.worker_memory(), 300_000_000)

    def test_very_many_elements(self):
        phone = self.phone()
        answer = phone.post('Sync', HEADER + b'\x45' + b'\x0f' * 3_000_000 + b'\x01')
        self.assertIn(answer.code, (200, 400, 413))
        if answer.code == 200:
            self.assertNotEqual(decode(answer.body).get('Status'), '1')

    def test_very_many_commands(self):
        phone = self.synced_phone([message()])
        changes = [E('Change', E('ServerId', f'1:1:{n}'), E('ApplicationData', E('Email:Read', 1)))
                   for n in range(5000)]
        answer = phone.sync_raw(phone.collection(phone.inbox, commands=changes))
        self.assertEqual(answer.code, 200)

    def test_long_values(self):
        long = 'x' * 1_000_000
        phone = self.synced_phone([message()])
        for document in (phone.sync_request(phone.collection(phone.inbox, key=long)),
                         phone.sync_request(phone.collection(long, key='0')),
                         phone.sync_request(phone.collection(phone.inbox, commands=[
                             E('Delete', E('ServerId', long))]))):
            self.assertIn(phone.post('Sync', encode(document)).code, (200, 400))
        self.assertEqual(phone.folder_sync(long).status, '9')

    def test_numbers_that_are_none(self):
        phone = self.synced_phone([message()])
        for number in ('-1', '99999999999999999999', '1e3', '0x10', ' 5', '5 ', '', 'five', '٣'):
            with self.subTest(number):
                collection = E('Collection', E('SyncKey', phone.keys[phone.inbox]),
                               E('CollectionId', phone.inbox), E('WindowSize', number))
                answer = phone.sync_raw(collection)
                if answer.root is None:
                    continue
                self.assertIn(answer.status or answer.root.get('Collections/Collection/Status'),
                              ('1', '4', '103'))
                if answer.root.get('Collections/Collection/Status') == '1':
                    phone.take(answer, phone.inbox)

    def test_long_headers_and_queries(self):
        phone = self.phone()
        for headers in ({'User_Agent': 'x' * 3000}, {'X_MS_PolicyKey': '9' * 1000},
                        {'X_MS_PolicyKey': 'abc'}, {'X_MS_PolicyKey': '-1'},
                        {'MS_ASProtocolVersion': '9' * 1000}, {'Accept_Language': 'x' * 3000},
                        {'User_Agent': 'a\tb\x80\xff'}):
            with self.subTest(str(headers)[:40]):
                answer = phone.post('FolderSync', encode(E(
                    'FolderHierarchy:FolderSync', E('SyncKey', phone.folder_key))), **headers)
                self.assertIn(answer.code, (200, 400, 505))
        for device in ('x' * 300, 'a b', 'a,b', "a'b", 'é', '%00', '../x'):
            with self.subTest(device):
                other = self.new_phone(phone.user, device_id=device)
                answer = other.post('FolderSync', encode(E('FolderHierarchy:FolderSync',
                                                           E('SyncKey', 0))))
                self.assertIn(answer.code, (200, 400))
