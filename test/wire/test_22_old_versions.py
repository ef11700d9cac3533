"""What is special in 2.5 and 12.0: elements of their own, no empty answers, HTTP statuses.

The other files run much of what is common to all versions in these two as well.
"""

import hashlib
from urllib.parse import urlencode

from common import WireTest, in_versions, message, samples
from phone import PATH, WBXML_TYPE, delete, read_change
from wbxml import E, encode

OLD = ('2.5', '12.0')
SAMPLES = dict(samples())
SIZES = {0: 0, 1: 512, 2: 1024, 3: 2048, 4: 5120, 5: 10240, 6: 20480, 7: 51200, 8: 102400}


def options(truncation=None, filter_type=None, mime=None, mime_truncation=None):
    """Options in the order in which phones of 2.5 send them."""
    return E('AirSync:Options', filter_type is not None and E('FilterType', filter_type) or None,
             truncation is not None and E('Truncation', truncation) or None,
             mime_truncation is not None and E('MIMETruncation', mime_truncation) or None,
             mime is not None and E('MIMESupport', mime) or None)


class Sync(WireTest):
    @in_versions(*OLD)
    def test_the_class_comes_first_and_comes_back(self, version):
        phone = self.synced_phone([message()], version)
        self.lab.deliver(phone.user, message('New'))
        collection = phone.sync(phone.inbox)
        self.assertEqual([c.name.partition(':')[2] for c in collection.children],
                         ['Class', 'SyncKey', 'CollectionId', 'Status', 'Commands'])
        self.assertEqual(collection.get('Class'), 'Email')

    def test_12_1_has_no_class_in_its_answer(self):
        phone = self.phone(version='12.1')
        answer = phone.command('Sync', E('AirSync:Sync', E('Collections', E(
            'Collection', E('Class', 'Email'), E('SyncKey', 0), E('CollectionId', phone.inbox)))))
        collection = answer.root.find('Collections/Collection')
        self.assertEqual(collection.get('Status'), '1')
        self.assertFalse(collection.has('Class'))

    @in_versions(*OLD, '12.1')
    def test_another_class_than_the_folders_is_status_4(self, version):
        phone = self.phone(version=version)
        answer = phone.sync_raw(E('Collection', E('Class', 'Contacts'), E('SyncKey', 0),
                                  E('CollectionId', phone.inbox)))
        self.assertEqual(answer.root.get('Collections/Collection/Status'), '4')

    def test_without_a_class(self):
        phone = self.phone(version='2.5')
        answer = phone.sync_raw(E('Collection', E('SyncKey', 0), E('CollectionId', phone.inbox)))
        self.assertEqual(answer.root.get('Collections/Collection/Class'), 'Email')

    @in_versions(*OLD)
    def test_nothing_new_is_not_an_empty_answer(self, version):
        phone = self.synced_phone([message()], version)
        key = phone.keys[phone.inbox]
        collection = phone.sync_raw(phone.collection(phone.inbox)).root.find(
            'Collections/Collection')
        self.assertEqual((collection.get('SyncKey'), collection.get('Status')), (key, '1'))
        self.assertFalse(collection.has('Commands'))

    @in_versions(*OLD)
    def test_commands_without_getchanges_get_their_responses_only(self, version):
        phone = self.synced_phone([message('One')], version)
        item, _ = self.one_item(phone)
        self.lab.deliver(phone.user, message('Two'))
        own = E('Collection', E('Class', 'Email'), E('SyncKey', phone.keys[phone.inbox]),
                E('CollectionId', phone.inbox), E('Commands', read_change(item, 1)))
        collection = phone.take(phone.sync_raw(own), phone.inbox)
        self.assertFalse(collection.has('Commands'))
        phone.sync(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 2)

    @in_versions(*OLD)
    def test_an_empty_request_a_partial_one_and_wait_are_not_of_these_versions(self, version):
        phone = self.synced_phone([], version)
        self.assertEqual(phone.post('Sync').code, 400)
        for document in (phone.sync_request(phone.collection(phone.inbox), wait=1),
                         phone.sync_request(phone.collection(phone.inbox), heartbeat=60),
                         phone.sync_request(partial=True)):
            self.assertEqual(phone.command('Sync', document, expect=400).body, b'')

    def test_edits(self):
        phone = self.synced_phone([message('One'), message('Two')], '2.5')
        one, two = (self.find_item(phone, name)[0] for name in ('One', 'Two'))
        phone.sync(phone.inbox, commands=[read_change(one, 1), delete(two)])
        other = self.phone(phone.user)
        other.sync_all(other.inbox)
        self.assertEqual(self.one_item(other)[1].get('Email:Read'), '1')


    @in_versions(*OLD)
    def test_elements_of_the_time(self, version):
        """What 2.5 had and nobody needs any more, in the order of then or another."""
        phone = self.synced_phone([message()], version)
        more = [E('Version', '2.5'), E('NotifyGUID', 'x'), E('RtfTruncation', 1)] if version == '2.5' else []
        self.lab.deliver(phone.user, message('New'))
        wishes = options(truncation=9) if version == '2.5' else options(filter_type=0)
        wishes.children += more[2:]
        answer = phone.sync_raw(E('Collection', E('Class', 'Email'), *more[:1], E('SyncKey', phone.keys[phone.inbox]),
                                  *more[1:2], E('CollectionId', phone.inbox), E('WindowSize', 10), E('GetChanges'),
                                  E('DeletesAsMoves'), wishes))
        collection = phone.take(answer, phone.inbox)
        self.assertEqual((collection.get('Status'), len(phone.items[phone.inbox])), ('1', 2))
        self.assertEqual(phone.command('GetItemEstimate', E('GetItemEstimate:GetItemEstimate', E('Collections', E(
            'Collection', E('Class', 'Email'), E('CollectionId', phone.inbox), E('AirSync:FilterType', 0),
            E('AirSync:SyncKey', phone.keys[phone.inbox]))))).root.get('Response/Collection/Estimate'), '0')


class Groupware(WireTest):
    """Contacts, tasks and events of 2.5 and 12.0 with their own texts, there and back with a phone of today."""

    def text(self, page, version, text):
        return E(f'{page}:Body', text) if version == '2.5' else E('AirSyncBase:Body', E('Type', 1), E('Data', text))

    @in_versions(*OLD)
    def test_there_and_back(self, version):
        new = self.phone()
        old = self.phone(new.user, version)
        meeting = [E('Calendar:Timezone', 'A' * 230 + '=='), E('Calendar:DtStamp', '20261101T000000Z'),
                   E('Calendar:StartTime', '20261201T100000Z'), E('Calendar:EndTime', '20261201T110000Z'),
                   E('Calendar:UID', f'old-{version}'), E('Calendar:MeetingStatus', 1), E('Calendar:BusyStatus', 2),
                   E('Calendar:AllDayEvent', 0), E('Calendar:Sensitivity', 0), E('Calendar:Location', 'Room 1'),
                   E('Calendar:Attendees', E('Attendee', E('Email', 'ben@else.test'), E('Name', 'Ben'))),
                   E('Calendar:Recurrence', E('Type', 1), E('Interval', 1), E('DayOfWeek', 4), E('Occurrences', 3))]
        for kind, page, name, more in ((9, 'Contacts', 'FileAs', []), (7, 'Tasks', 'Subject', [E('Tasks:Complete', 0)]),
                                       (8, 'Calendar', 'Subject', meeting)):
            with self.subTest(page):
                folder = old.folder(kind)
                for phone in (old, new):
                    phone.sync_all(folder)
                text = self.text(page, version, 'Of then.\r\nTwo lines')
                collection = old.sync(folder, get_changes=1, commands=[E('Add', E('ClientId', 'c'), E(
                    'ApplicationData', E(f'{page}:{name}', 'Old'), text, *more))])
                item = collection.get('Responses/Add/ServerId')
                self.assertEqual(collection.get('Responses/Add/Status'), '1')
                old.items[folder][item] = E('ApplicationData', E(f'{page}:{name}', 'Old'), text, *more)
                seen = new.sync_all(folder)[item]
                self.assertEqual((seen.get(f'{page}:{name}'), seen.get('AirSyncBase:Body/Data')),
                                 ('Old', 'Of then.\r\nTwo lines'))
                rest = [c for c in seen.children if c.name not in (f'{page}:{name}', 'AirSyncBase:Body')]
                change = [E(f'{page}:{name}', 'New'), E('AirSyncBase:Body', E('Type', 1), E('Data', 'Of today'))]
                if page != 'Calendar':  # from 16.0 on only what has changed is sent of an event
                    change += rest
                new.sync(folder, commands=[E('Change', E('ServerId', item), E('ApplicationData', change))])
                back = old.sync_all(folder)[item]
                body = 'Body' if version == '2.5' else 'AirSyncBase:Body/Data'
                self.assertEqual((back.get(f'{page}:{name}'), back.get(f'{page}:{body}' if version == '2.5' else body)),
                                 ('New', 'Of today'))
                if page == 'Calendar':
                    self.assertEqual([back.get('Calendar:' + n) for n in (
                        'Location', 'Attendees/Attendee/Email', 'Recurrence/Occurrences', 'StartTime')],
                                     ['Room 1', 'ben@else.test', '3', '20261201T100000Z'])
                    self.assertEqual(back.has('Calendar:Attendees/Attendee/AttendeeStatus'), version != '2.5')
                old.sync(folder, commands=[delete(item)])
                self.assertEqual(new.sync_all(folder), {})


class Bodies(WireTest):
    def data(self, mail, **wishes):
        return self.one_item(self.synced_phone([mail], '2.5', options(**wishes)))[1]

    def test_the_text_whole(self):
        for wishes in ({}, {'truncation': 9}):
            data = self.data(message('Lunch', 'Shall we?\n', '<p>Shall we?</p>'), **wishes)
            self.assertEqual(data.get('Email:Body'), 'Shall we?\r\n')
            self.assertEqual(data.get('Email:BodyTruncated'), '0')
            self.assertEqual(data.get('Email:BodySize'), '11')
            self.assertFalse(data.has('Email:MIMEData'))

    def test_html_becomes_text(self):
        mail = message('x', 'Hello <b>Ben</b>').replace(b'text/plain', b'text/html')
        self.assertEqual(self.data(mail).get('Email:Body').strip(), 'Hello Ben')

    def test_truncation(self):
        """The sizes of versions.md; BodySize is that of the whole."""
        mail = message('x', 'x' * 199998)
        for value, size in SIZES.items():
            with self.subTest(value):
                data = self.data(mail, truncation=value)
                self.assertEqual(len(data.get('Email:Body', '')), size)
                self.assertEqual(data.get('Email:BodyTruncated'), '1')
                self.assertEqual(data.get('Email:BodySize'), '200000')

    def test_it_sticks(self):
        phone = self.synced_phone([], '2.5', options(1))
        self.lab.deliver(phone.user, message('x', 'x' * 1000))
        phone.sync(phone.inbox)
        self.assertEqual(len(self.one_item(phone)[1].get('Email:Body')), 512)

    def test_mime_when_it_is_asked_for(self):
        raw = SAMPLES['03-attachment']
        data = self.data(raw, mime=2, truncation=1)
        self.assertEqual(data.find('Email:MIMEData').value().replace(b'\r\n', b'\n'),
                         raw.replace(b'\r\n', b'\n'))
        self.assertEqual(data.get('Email:MIMETruncated'), '0')
        self.assertGreaterEqual(int(data.get('Email:MIMESize')), len(raw))
        self.assertFalse(data.has('Email:Body'))
        self.assertFalse(data.has('Email:BodySize'))

    def test_large_mime_streams_and_is_truncated(self):
        raw = message('x', 'y' * 70 + '\n', attachments=[('a', 'text/plain', b'line\n' * 40000)])
        data = self.data(raw, mime=2)
        self.assertEqual(len(data.find('Email:MIMEData').value()),
                         int(data.get('Email:MIMESize')))
        data = self.data(raw, mime=2, mime_truncation=1)
        self.assertEqual(len(data.find('Email:MIMEData').value()), 4096)
        self.assertEqual(data.get('Email:MIMETruncated'), '1')

    def test_mime_only_for_smime(self):
        self.assertTrue(self.data(message(), mime=1).has('Email:Body'))
        signed = message().replace(b'Content-Type: text/plain; charset="utf-8"',
                                   b'Content-Type: application/pkcs7-mime; smime-type=signed-data')
        self.assertTrue(self.data(signed, mime=1).has('Email:MIMEData'))

    def test_what_came_later_is_not_there(self):
        _, data = self.one_item(self.synced_phone([message()], '2.5'))
        for name in ('Email:Flag', 'Email:ContentClass', 'AirSyncBase:Body', 'Email:Categories',
                     'AirSyncBase:NativeBodyType', 'Email2:ConversationId'):
            self.assertFalse(data.has(name), name)

    def test_an_option_out_of_range_is_status_4(self):
        phone = self.phone(version='2.5')
        phone.sync(phone.inbox)
        for wish in (options(10), options(mime=3), options(mime_truncation=9)):
            answer = phone.sync_raw(phone.collection(phone.inbox, options=wish))
            self.assertEqual(answer.root.get('Collections/Collection/Status'), '4')

    def test_fetch(self):
        phone = self.synced_phone([message('x', 'y' * 1000)], '2.5', options(1))
        item, _ = self.one_item(phone)
        collection = phone.sync(phone.inbox, options=options(9),
                                commands=[E('Fetch', E('ServerId', item))])
        self.assertEqual(len(collection.get(
            'Responses/Fetch/ApplicationData/Email:Body').strip()), 1000)


class Attachments(WireTest):
    def get(self, phone, name):
        return phone.post('GetAttachment', params={'AttachmentName': name})

    def test_of_2_5(self):
        data = bytes(range(256)) * 40
        mail = message(attachments=[('a b.bin', 'application/octet-stream', data)])
        phone = self.synced_phone([mail], '2.5')
        attachment = self.one_item(phone)[1].find('Email:Attachments/Attachment')
        self.assertEqual([(c.name.partition(':')[2], c.text) for c in attachment.children][:3],
                         [('AttMethod', '1'), ('AttSize', str(len(data))),
                          ('DisplayName', 'a b.bin')])
        answer = self.get(phone, attachment.get('AttName'))
        self.assertEqual((answer.code, answer.headers['Content-Type']),
                         (200, 'application/octet-stream'))
        self.assertEqual(hashlib.sha256(answer.body).digest(), hashlib.sha256(data).digest())

    def test_an_inline_image_has_its_id(self):
        phone = self.synced_phone([SAMPLES['04-inline-image']], '2.5')
        _, data = self.one_item(phone)
        self.assertTrue(data.get('Email:Attachments/Attachment/AttOid'))

    @in_versions('12.0', '12.1')
    def test_getattachment_of_a_filereference(self, version):
        phone = self.synced_phone([SAMPLES['03-attachment']], version)
        references = [a.get('FileReference') for a in self.one_item(phone)[1].all(
            'AirSyncBase:Attachments/Attachment')]
        answer = self.get(phone, references[0])
        self.assertTrue(answer.headers['Content-Type'].startswith('text/csv'))
        self.assertTrue(answer.body)
        base64 = self.new_phone(phone.user, '12.1', query='base64')
        self.assertEqual(self.get(base64, references[0]).body, answer.body)

    def test_what_is_not_there(self):
        """MS-ASCMD R166: 500; nothing named is 400; another account's is not there."""
        phone = self.synced_phone([SAMPLES['03-attachment']], '2.5')
        name = self.one_item(phone)[1].get('Email:Attachments/Attachment/AttName')
        other = self.phone(version='2.5')
        for who, reference, code in ((phone, name + '9', 500), (phone, 'x', 500),
                                     (phone, '1:1:1:..', 500), (other, name, 500),
                                     (phone, '', 400), (phone, None, 400)):
            with self.subTest(reference):
                self.assertEqual(self.get(who, reference).code, code)
        phone.sync(phone.inbox, moves=0, commands=[delete(self.one_item(phone)[0])])
        self.assertEqual(self.get(phone, name).code, 500)


class Commands(WireTest):
    @in_versions(*OLD, '12.1')
    def test_gethierarchy(self, version):
        phone = self.phone(version=version)
        phone.folder_create('Projects')
        root = phone.command('GetHierarchy').root
        self.assertEqual(root.name, 'FolderHierarchy:Folders')
        found = {f.get('DisplayName'): (f.get('ServerId'), f.get('Type'), f.get('ParentId'))
                 for f in root.all('Folder')}
        self.assertEqual(found['Inbox'], (phone.inbox, '2', '0'))
        self.assertEqual(found['Projects'], (phone.folder('Projects'), '1', '0'))
        self.assertTrue({kind for _, kind, _ in found.values()} <= set('123456'))

    def test_what_a_version_does_not_have(self):
        user = self.account()
        for version, command in (('2.5', 'ItemOperations'), ('2.5', 'Settings')):
            answer = self.new_phone(user, version).post(command, encode(E(f'{command}:{command}')))
            self.assertEqual((answer.code, answer.body), (400, b''))
        for command in ('GetAttachment', 'GetHierarchy'):
            self.assertEqual(self.new_phone(user, '14.0').post(command).code, 400)
        for command in ('CreateCollection', 'DeleteCollection', 'MoveCollection', 'Nonsense'):
            self.assertIn(self.new_phone(user, '2.5').post(command).code, (400, 501))

    @in_versions(*OLD)
    def test_failures_are_http_statuses(self, version):
        phone = self.phone(version=version)
        for command, body, code in (('Sync', b'garbage', 400), ('FolderSync', b'', 400),
                                    ('MoveItems', encode(E('Ping:Ping')), 400)):
            answer = phone.post(command, body)
            self.assertEqual((answer.code, answer.body), (code, b''))

    def test_few_headers(self):
        """No policy key, no user agent, no content type."""
        user = self.account()
        phone = self.new_phone(user, '2.5')
        answer = phone.post('FolderSync', encode(E('FolderHierarchy:FolderSync', E('SyncKey', 0))),
                            Content_Type=None, X_MS_PolicyKey=None, User_Agent=None)
        self.assertEqual(answer.code, 200)
        query = urlencode({'User': user, 'deviceid': 'ABC', 'DEVICETYPE': 'PocketPC',
                           'cmd': 'foldersync'})
        answer = phone.raw('POST', f'{PATH}?{query}',
                           encode(E('FolderHierarchy:FolderSync', E('SyncKey', 0))),
                           Content_Type=WBXML_TYPE)
        self.assertEqual(answer.code, 200)

    @in_versions(*OLD)
    def test_estimate_tells_the_class(self, version):
        phone = self.synced_phone([], version)
        self.lab.deliver(phone.user, message())
        response = phone.estimate(phone.inbox)
        self.assertEqual([(c.name.partition(':')[2], c.text)
                          for c in response.find('Collection').children],
                         [('Class', 'Email'), ('CollectionId', phone.inbox), ('Estimate', '1')])
