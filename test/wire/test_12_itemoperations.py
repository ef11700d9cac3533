"""ItemOperations Fetch: whole messages and attachments, inline and in parts (MS-ASCMD 2.2.1.10)."""

import base64
import os

import servers
from common import BY_SQL, in_versions, message, not_over_imap, samples, WireTest
from phone import HTML, MIME, TEXT, VERSIONS, body, options
from wbxml import E, encode

SAMPLES = dict(samples())
DATA = os.urandom(50000)


class FetchTest(WireTest):
    def fetched(self, answer):
        """The only Fetch of an answer, which must have succeeded."""
        self.assertEqual(answer.status, '1', answer)
        fetch = answer.root.find('Response/Fetch')
        self.assertEqual(fetch.get('Status'), '1', fetch)
        return fetch

    def refused(self, answer):
        """Status of the Fetch (or of the whole), which must not have succeeded."""
        fetch = answer.root.find('Response/Fetch')
        status = answer.status if fetch is None else fetch.get('Status')
        self.assertNotEqual(status, '1', answer)
        if fetch is not None:
            self.assertFalse(fetch.has('Properties'))
        return status

    def with_attachment(self, data=DATA, version='16.1', kind='application/octet-stream'):
        """A phone, and the reference of the only attachment in its Inbox."""
        phone = self.synced_phone([message(attachments=[('a.bin', kind, data)])], version,
                                  options(body(TEXT)))
        _, item = self.one_item(phone)
        return phone, item.get('AirSyncBase:Attachments/Attachment/FileReference')


class Items(FetchTest):
    @in_versions(*VERSIONS[1:])
    def test_the_whole_body(self, version):
        text = '\n'.join(f'Line {n}' for n in range(5000))
        phone = self.synced_phone([message('Long', text, f'<p>{text}</p>')], version,
                                  options(body(TEXT, 100)))
        item, _ = self.one_item(phone)
        for kind, last in ((TEXT, 'Line 4999'), (HTML, 'Line 4999')):
            fetch = self.fetched(phone.fetch_item(phone.inbox, item, body(kind)))
            self.assertEqual(fetch.get('AirSync:CollectionId'), phone.inbox)
            self.assertEqual(fetch.get('AirSync:ServerId'), item)
            found = fetch.find('Properties/AirSyncBase:Body')
            self.assertEqual(found.get('Type'), str(kind))
            self.assertIn(last, found.get('Data'))
            self.assertFalse(found.has('Truncated'))
            self.assertEqual(fetch.get('Properties/Email:Subject'), 'Long')

    @in_versions(*VERSIONS[1:])
    def test_the_message_as_mime(self, version):
        for name in ('03-attachment', '08-nested', '04-inline-image'):
            phone = self.synced_phone([SAMPLES[name]], version)
            item, _ = self.one_item(phone)
            fetch = self.fetched(phone.fetch_item(phone.inbox, item,
                                                  E('AirSync:MIMESupport', 2), body(MIME)))
            found = fetch.find('Properties/AirSyncBase:Body')
            self.assertEqual(found.get('Type'), '4')
            self.assertEqual(found.find('Data').value().replace(b'\r\n', b'\n'),
                             SAMPLES[name])

    def test_truncation(self):
        phone = self.synced_phone([message('x', 'y' * 1000)])
        item, _ = self.one_item(phone)
        found = self.fetched(phone.fetch_item(phone.inbox, item, body(TEXT, 100))).find(
            'Properties/AirSyncBase:Body')
        self.assertEqual((found.get('Truncated'), len(found.get('Data'))), ('1', 100))

    @in_versions('12.1', '16.1')
    def test_without_options(self, version):
        phone = self.synced_phone([SAMPLES['02-html']], version)
        item, _ = self.one_item(phone)
        fetch = self.fetched(phone.fetch_item(phone.inbox, item))
        self.assertEqual(fetch.get('Properties/Email:Subject'), 'Notes of the meeting')

    @in_versions(*VERSIONS[1:])
    def test_as_a_part(self, version):
        """MS-ASAIRS R176: Part instead of Data."""
        phone = self.synced_phone([message('x', 'In a part.\n')], version)
        item, _ = self.one_item(phone)
        answer = phone.fetch_item(phone.inbox, item, body(TEXT), multipart=True)
        found = self.fetched(answer).find('Properties/AirSyncBase:Body')
        self.assertFalse(found.has('Data'))
        part = answer.parts[int(found.get('ItemOperations:Part')) - 1]
        self.assertIn(b'In a part.', part)

    def test_an_item_that_is_not_there(self):
        """Status 6, or 8 as Exchange says; not a success."""
        phone = self.synced_phone([message()])
        item, _ = self.one_item(phone)
        for folder, wanted in ((phone.inbox, item + '9'), (phone.inbox, 'abc'), ('999', item),
                               (phone.folder(5), item), (phone.inbox, '')):
            with self.subTest(folder=folder, item=wanted):
                self.assertIn(self.refused(phone.fetch_item(folder, wanted)),
                              ('2', '6', '8', '155', '105', '106'))

    def test_somebody_elses_item(self):
        theirs = self.synced_phone([message('Private', 'Private text.')])
        mine = self.phone()
        item, _ = self.one_item(theirs)
        answer = mine.fetch_item(theirs.inbox, item, body(TEXT))
        self.refused(answer)
        self.assertNotIn(b'Private', answer.body)


class Attachments(FetchTest):
    @in_versions(*VERSIONS[1:])
    def test_inline_it_is_base64(self, version):
        """MS-ASCMD R2130."""
        phone, reference = self.with_attachment(version=version)
        fetch = self.fetched(phone.fetch_attachment(reference))
        self.assertEqual(fetch.get('AirSyncBase:FileReference'), reference)
        properties = fetch.find('Properties')
        self.assertEqual(properties.get('AirSyncBase:ContentType'),
                         'application/octet-stream')
        self.assertEqual(base64.b64decode(properties.get('Data')), DATA)

    @in_versions(*VERSIONS[1:])
    def test_in_a_part_it_is_bytes(self, version):
        for query in ('plain', 'base64'):
            phone, reference = self.with_attachment(version=version)
            if query == 'base64':
                phone.query = query
                answer = phone.command('ItemOperations', E('ItemOperations:ItemOperations', E(
                    'Fetch', E('Store', 'Mailbox'), E('AirSyncBase:FileReference', reference))),
                    {'Options': b'\x02'})
            else:
                answer = phone.fetch_attachment(reference, multipart=True)
            properties = self.fetched(answer).find('Properties')
            self.assertFalse(properties.has('Data'))
            self.assertEqual(answer.parts, [DATA])
            self.assertEqual(properties.get('Part'), '1')

    def test_ranges(self):
        """"m-n", both ends included (MS-ASCMD R3711)."""
        phone, reference = self.with_attachment()
        for first, last, wanted in ((0, 99, DATA[:100]), (100, 199, DATA[100:200]),
                                    (49990, 49999, DATA[-10:]), (49990, 60000, DATA[-10:]),
                                    (0, 49999, DATA), (7, 7, DATA[7:8])):
            with self.subTest(f'{first}-{last}'):
                answer = phone.fetch_attachment(reference, E('Range', f'{first}-{last}'),
                                                multipart=True)
                properties = self.fetched(answer).find('Properties')
                self.assertEqual(answer.parts, [wanted])
                self.assertEqual(properties.get('Range'), f'{first}-{first + len(wanted) - 1}')
                self.assertEqual(properties.get('Total'), '50000')
                inline = self.fetched(phone.fetch_attachment(reference,
                                                             E('Range', f'{first}-{last}')))
                self.assertEqual(base64.b64decode(inline.get('Properties/Data')), wanted)

    def test_ranges_that_make_no_sense_are_status_8(self):
        phone, reference = self.with_attachment()
        for text in ('50000-50001', '60000-70000', '9-3', 'abc', '-5', '5-', '', '0-0-0',
                     '99999999999999999999-99999999999999999999', '-1-5'):
            with self.subTest(text):
                self.assertIn(self.refused(phone.fetch_attachment(reference, E('Range', text))),
                              ('8', '2'))

    def test_no_range_unless_asked_for(self):
        """iOS 10 chokes on it (clients.md)."""
        phone, reference = self.with_attachment()
        self.assertFalse(self.fetched(phone.fetch_attachment(reference)).has('Properties/Range'))

    def test_encodings_and_kinds(self):
        for name, data, kind in (('text', 'Zeile ä\n'.encode(), 'text/plain'),
                                 ('empty', b'', 'application/pdf'), ('one', b'x', 'image/png'),
                                 ('zeros', bytes(1000), 'application/octet-stream')):
            with self.subTest(name):
                phone, reference = self.with_attachment(data, kind=kind)
                answer = phone.fetch_attachment(reference, multipart=True)
                if not data and answer.root.get('Response/Fetch/Status') == '10':
                    continue  # "the file is empty"
                self.fetched(answer)
                self.assertEqual(b''.join(answer.parts), data)

    def test_quoted_printable_and_a_name_of_rfc_2231(self):
        mail = (b'Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n'
                b'--m\n\nText.\n--m\nContent-Type: text/html; charset=iso-8859-1\n'
                b"Content-Disposition: attachment; filename*=utf-8''%C3%A4.html\n"
                b'Content-Transfer-Encoding: quoted-printable\n\n<p>caf=E9 =3D\n</p>\n--m--\n')
        phone = self.synced_phone([mail], options=options(body(TEXT)))
        attachment = self.one_item(phone)[1].find('AirSyncBase:Attachments/Attachment')
        self.assertEqual(attachment.get('DisplayName'), 'ä.html')
        answer = phone.fetch_attachment(attachment.get('FileReference'), multipart=True)
        self.fetched(answer)
        self.assertEqual(answer.parts[0].replace(b'\r\n', b'\n').rstrip(b'\n'),
                         b'<p>caf\xe9 =\n</p>')

    def test_a_nested_message(self):
        phone = self.synced_phone([SAMPLES['08-nested']], options=options(body(TEXT)))
        attachment = self.one_item(phone)[1].find('AirSyncBase:Attachments/Attachment')
        answer = phone.fetch_attachment(attachment.get('FileReference'), multipart=True)
        self.fetched(answer)
        self.assertIn(b'Subject: Opening hours', answer.parts[0])
        self.assertIn(b'Monday to Friday', answer.parts[0])

    def test_a_reference_that_is_wrong_is_status_15(self):
        """MS-ASCMD R4166, MS-ASAIRS R214: also an empty one."""
        phone, reference = self.with_attachment()
        for bad in ('', 'abc', reference + '9', reference + ':9', '999:1:1:1', '⌘', 'x' * 2000):
            with self.subTest(bad[:20]):
                self.assertEqual(self.refused(phone.fetch_attachment(bad)), '15')

    def test_somebody_elses_attachment(self):
        _, reference = self.with_attachment()
        other = self.phone()
        self.refused(other.fetch_attachment(reference))

    def test_a_large_attachment(self):
        data = os.urandom(6_000_000)
        phone, reference = self.with_attachment(data)
        answer = phone.fetch_attachment(reference, multipart=True)
        self.fetched(answer)
        self.assertEqual(answer.parts, [data])
        inline = self.fetched(phone.fetch_attachment(reference))
        self.assertEqual(base64.b64decode(inline.get('Properties/Data')), data)


class Several(FetchTest):
    def test_in_the_order_asked_each_with_its_status(self):
        """MS-ASCMD R193, R194, R2952."""
        for multipart in (False, True):
            phone, reference = self.with_attachment()
            item, _ = self.one_item(phone)
            fetches = [E('Fetch', E('Store', 'Mailbox'), E('AirSyncBase:FileReference', reference)),
                       E('Fetch', E('Store', 'Mailbox'), E('AirSyncBase:FileReference', 'bad')),
                       E('Fetch', E('Store', 'Mailbox'), E('AirSync:CollectionId', phone.inbox),
                         E('AirSync:ServerId', item), E('Options', body(TEXT))),
                       E('Fetch', E('Store', 'Mailbox'), E('AirSyncBase:FileReference', reference))]
            answer = phone.item_operations(*fetches, multipart=multipart)
            self.assertEqual(answer.status, '1')
            found = answer.root.all('Response/Fetch')
            self.assertEqual([f.get('Status') for f in found], ['1', '15', '1', '1'])
            if multipart:
                self.assertEqual([answer.parts[0], answer.parts[2]], [DATA, DATA])
                self.assertEqual([f.get('Properties/Part') for f in (found[0], found[3])],
                                 ['1', '3'])

    def test_what_is_no_fetch(self):
        phone = self.phone()
        for document in (E('ItemOperations:ItemOperations'),
                         E('ItemOperations:ItemOperations', E('Fetch')),
                         E('ItemOperations:ItemOperations', E('Fetch', E('Store', 'Mailbox')))):
            with self.subTest(repr(document)):
                answer = phone.command('ItemOperations', document)
                statuses = {answer.status, answer.root.get('Response/Fetch/Status')}
                self.assertTrue(statuses & {'2', '103', '105', '6'}, answer)

    def test_an_unknown_store(self):
        """Status 9."""
        phone = self.synced_phone([message()])
        item, _ = self.one_item(phone)
        answer = phone.item_operations(E('Fetch', E('Store', 'Nowhere'),
                                         E('AirSync:CollectionId', phone.inbox),
                                         E('AirSync:ServerId', item)))
        self.assertIn(self.refused(answer), ('9', '2'))


class Folders(WireTest):
    def ask(self, phone, node):
        return phone.item_operations(node).root.find('Response').children[0]

    def empty(self, phone, folder, *options):
        return self.ask(phone, E('EmptyFolderContents', E('AirSync:CollectionId', folder),
                                 options and E('Options', list(options)) or None))

    @in_versions('12.0', '16.1')
    def test_emptying_a_folder(self, version):
        phone = self.phone(version=version)
        trash = phone.folder(4)
        inner = phone.folder_create('Inner', trash).root.get('ServerId')
        for number in range(3):
            self.lab.deliver(phone.user, message(f'{number}'), 'trash')
        phone.sync_all(trash)
        answer = self.empty(phone, trash)
        self.assertEqual((answer.get('Status'), answer.get('AirSync:CollectionId')), ('1', trash))
        phone.sync(trash)
        self.assertEqual(phone.items[trash], {})
        self.assertEqual(phone.folder_sync().root.get('Changes/Count'), '0')
        self.assertEqual(self.empty(phone, trash, E('DeleteSubFolders')).get('Status'), '1')
        phone.folder_sync()
        self.assertNotIn(inner, phone.folders)

    @not_over_imap(BY_SQL)
    def test_more_than_are_removed_at_once(self):
        phone = self.phone()
        self.lab.deliver(phone.user, message(), 'trash')
        self.lab.sql("""
            INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)
            SELECT i.account_id, i.folder_id, 1 + n, i.modseq, i.date, i.size, i.content_id
            FROM easel.item i JOIN easel.account a ON a.id = i.account_id,
                 generate_series(1, 700) n WHERE a.address = :'a';
            UPDATE easel.folder f SET next_uid = 1000 FROM easel.account a
            WHERE a.id = f.account_id AND f.role = 'trash' AND a.address = :'a'""", a=phone.user)
        self.assertEqual(self.empty(phone, phone.folder(4)).get('Status'), '1')
        self.assertEqual(phone.sync_all(phone.folder(4)), {})

    def test_what_is_not_there(self):
        phone, other = self.phone(), self.phone()
        for folder in ('999', 'x'):
            self.assertEqual(self.empty(phone, folder).get('Status'), '6')
        self.assertEqual(self.ask(phone, E('EmptyFolderContents')).get('Status'), '2')
        self.lab.deliver(other.user, message())
        self.empty(phone, other.inbox)
        self.assertEqual(len(other.sync_all(other.inbox)), 1)


@not_over_imap('only the own store knows which messages belong together')
class Conversations(WireTest):
    def move(self, phone, conversation, folder, always=True):
        return phone.item_operations(E('Move', E('ConversationId', conversation),
                                       E('DstFldId', folder),
                                       always and E('Options', E('MoveAlways')) or None)
                                     ).root.find('Response/Move')

    def test_now_and_from_then_on(self):
        phone = self.phone()
        target = phone.folder_create('Projects').root.get('ServerId')
        root = '<conversation@example.test>'
        for number in range(2):
            self.lab.deliver(phone.user, message(f'In it {number}', references=root))
        self.lab.deliver(phone.user, message('Another'))
        phone.sync_all(phone.inbox)
        _, data = self.find_item(phone, 'In it 0')
        conversation = data.find('Email2:ConversationId').data
        answer = self.move(phone, conversation, target)
        self.assertEqual((answer.get('Status'), answer.find('ConversationId').data),
                         ('1', conversation))
        self.lab.deliver(phone.user, message('Later', references=root))
        for folder, wanted in ((phone.inbox, ['Another']), (target, ['In it 0', 'In it 1',
                                                                     'Later'])):
            phone.sync_all(folder)
            self.assertEqual(sorted(d.get('Email:Subject') for d in phone.items[folder].values()),
                             wanted)
        self.assertEqual(self.move(phone, conversation, phone.inbox).get('Status'), '1')
        self.lab.deliver(phone.user, message('Home', references=root))
        phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 5)

    def test_refusals(self):
        phone = self.synced_phone([message()])
        conversation = self.one_item(phone)[1].find('Email2:ConversationId').data
        self.assertEqual(self.move(phone, conversation, phone.inbox, False).get('Status'), '155')
        self.assertEqual(self.move(phone, b'short', phone.inbox).get('Status'), '2')
        self.assertEqual(self.move(phone, bytes(16), phone.folder(4)).get('Status'), '6')
        self.assertEqual(self.move(phone, conversation, '999').get('Status'), '6')


class Schema(WireTest):
    def test_only_what_it_names(self):
        phone = self.synced_phone([message('Only this')])
        item, _ = self.one_item(phone)
        answer = phone.fetch_item(phone.inbox, item, E('Schema', E('Email:Subject'),
                                                       E('Email:From')))
        self.assertEqual({c.name for c in answer.root.find('Response/Fetch/Properties').children},
                         {'Email:Subject', 'Email:From'})


@not_over_imap('large mail comes by easel-deliver')
class Large(WireTest):
    """An attachment of 50 MB takes no 50 MB of memory, in whichever way it is fetched."""

    SIZE, ROOM = 50 << 20, 32 << 20

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.data = os.urandom(1 << 20) * (cls.SIZE >> 20)
        cls.user = cls.lab.account('large@example.test')
        mail = (b'From: ben@example.test\r\nSubject: Large\r\nMIME-Version: 1.0\r\n'
                b'Content-Type: application/octet-stream; name="big.bin"\r\n'
                b'Content-Disposition: attachment; filename="big.bin"\r\n'
                b'Content-Transfer-Encoding: base64\r\n\r\n' + base64.encodebytes(cls.data))
        servers.program(cls.lab.build, 'easel-deliver', '--database', cls.lab.postgres.conninfo,
                        '--max-size', str(80 << 20), cls.user, text=mail)

    def test_it_is_streamed(self):
        for version, way in (('12.1', 'GetAttachment'), ('16.1', 'inline'), ('16.1', 'multipart')):
            with self.subTest(way):
                phone = self.phone(self.user, version)
                (item,) = phone.sync_all(phone.inbox, options=options(body(TEXT))).values()
                reference = item.get('AirSyncBase:Attachments/Attachment/FileReference')
                document = encode(E('ItemOperations:ItemOperations', E(
                    'Fetch', E('Store', 'Mailbox'), E('AirSyncBase:FileReference', reference))))
                answer, more = self.highest(lambda: (
                    phone.post('GetAttachment', b'', {'AttachmentName': reference})
                    if way == 'GetAttachment' else
                    phone.post('ItemOperations', document,
                               MS_ASAcceptMultiPart='T' if way == 'multipart' else None)))
                self.assertEqual(answer.code, 200)
                wanted = base64.b64encode(self.data) if way == 'inline' else self.data
                self.assertGreaterEqual(answer.body.find(wanted), 0)
                self.assertLess(more, self.ROOM)

