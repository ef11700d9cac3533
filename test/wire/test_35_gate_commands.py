"""Each command at the gate: what a device that may not do it gets, and in which element."""

from common import WireTest, in_versions, message
from wbxml import E

TRIED = ('2.5', '12.1', '14.1', '16.1')

# Command, since and until which version, and what it is asked: (the phone, an item of its Inbox).
MAIL_COMMANDS = ('SendMail', 'SmartForward', 'SmartReply')
DATA_COMMANDS = ('GetAttachment', 'Search', 'ItemOperations', 'ResolveRecipients', 'Find',
                 'SmartForward', 'SmartReply')


def mail_document(command):
    def make(phone, item):
        source = command != 'SendMail' and E('Source', E('FolderId', phone.inbox),
                                             E('ItemId', item)) or None
        return E(f'ComposeMail:{command}', E('ClientId', f'{command}-{phone.device_id}'), source,
                 E('Mime', message('Sent', to=phone.user, message_id=f'<{command}@phone.test>')))
    return make


COMMANDS = (
    ('Sync', 25, 161, lambda p, i: p.sync_request(p.collection(p.inbox))),
    ('SendMail', 25, 161, mail_document('SendMail')),
    ('SmartForward', 25, 161, mail_document('SmartForward')),
    ('SmartReply', 25, 161, mail_document('SmartReply')),
    ('GetAttachment', 25, 121, None),
    ('GetHierarchy', 25, 121, None),
    ('FolderSync', 25, 161, lambda p, i: E('FolderHierarchy:FolderSync', E('SyncKey', p.folder_key))),
    ('FolderCreate', 25, 161, lambda p, i: E('FolderHierarchy:FolderCreate', E(
        'SyncKey', p.folder_key), E('ParentId', 0), E('DisplayName', 'New'), E('Type', 12))),
    ('FolderUpdate', 25, 161, lambda p, i: E('FolderHierarchy:FolderUpdate', E(
        'SyncKey', p.folder_key), E('ServerId', 99), E('ParentId', 0), E('DisplayName', 'X'))),
    ('FolderDelete', 25, 161, lambda p, i: E('FolderHierarchy:FolderDelete', E(
        'SyncKey', p.folder_key), E('ServerId', 99))),
    ('MoveItems', 25, 161, lambda p, i: E('Move:MoveItems', E('Move', E('SrcMsgId', i), E(
        'SrcFldId', p.inbox), E('DstFldId', p.folder(4))))),
    ('GetItemEstimate', 25, 161, lambda p, i: E('GetItemEstimate:GetItemEstimate', E(
        'Collections', E('Collection', *(
            [E('AirSync:SyncKey', p.keys[p.inbox]), E('CollectionId', p.inbox)]
            if p.number() >= 140 else [E('Class', 'Email'), E('CollectionId', p.inbox), E(
                'AirSync:FilterType', 0), E('AirSync:SyncKey', p.keys[p.inbox])]))))),
    ('MeetingResponse', 25, 161, lambda p, i: E('MeetingResponse:MeetingResponse', E(
        'Request', E('UserResponse', 1), E('CollectionId', p.inbox), E('RequestId', i)))),
    ('Search', 25, 161, lambda p, i: E('Search:Search', E('Store', E('Name', 'GAL'), E(
        'Query', 'anna'), E('Options', E('Range', '0-9'))))),
    ('Settings', 120, 161, lambda p, i: E('Settings:Settings', E('Oof', E('Get', E(
        'BodyType', 'Text'))), E('UserInformation', E('Get')))),
    ('Ping', 25, 161, lambda p, i: p.ping_request(['99'], 60)),
    ('ItemOperations', 120, 161, lambda p, i: E('ItemOperations:ItemOperations', E('Fetch', E(
        'Store', 'Mailbox'), E('AirSync:CollectionId', p.inbox), E('AirSync:ServerId', i)))),
    ('ResolveRecipients', 25, 161, lambda p, i: E('ResolveRecipients:ResolveRecipients', E(
        'To', 'anna'))),
    ('ValidateCert', 25, 161, lambda p, i: E('ValidateCert:ValidateCert', E('Certificates', E(
        'Certificate', 'AAAA')))),
    ('Find', 161, 161, lambda p, i: E('Find:Find', E('SearchId', 'x'), E('ExecuteSearch', E(
        'GalSearchCriterion', E('Query', 'anna'))))),
)
PAGES = {'SendMail': 'ComposeMail', 'SmartForward': 'ComposeMail', 'SmartReply': 'ComposeMail',
         'Sync': 'AirSync', 'MoveItems': 'Move',
         **{name: 'FolderHierarchy' for name in ('FolderSync', 'FolderCreate', 'FolderUpdate',
                                                 'FolderDelete')}}


class Commands(WireTest):
    def ready(self, version):
        """A phone with a message, an attachment's name and its number."""
        phone = self.synced_phone([message('Secret', attachments=[(
            'a.bin', 'application/octet-stream', b'secret')])], version)
        item = next(iter(phone.items[phone.inbox]))
        return phone, item

    def device(self, phone):
        return self.lab.sql("SELECT id FROM easel.device WHERE device_id = :'d'",
                            d=phone.device_id)[0][0]

    def ask(self, phone, command, make, item):
        if command in MAIL_COMMANDS and phone.number() < 140:
            names = command != 'SendMail' and {'ItemId': item, 'CollectionId': phone.inbox} or {}
            return phone.post(command, message('Sent', to=phone.user,
                                               message_id=f'<{command}@phone.test>'),
                              names, Content_Type='message/rfc822')
        if make is None:
            names = {'AttachmentName': item} if command == 'GetAttachment' else {}
            return phone.post(command, None, names)
        return phone.command(command, make(phone, item), expect=None)

    def answers(self, phone, item, without=()):
        """Command and answer, of all that are part of the phone's version."""
        for command, since, until, make in COMMANDS:
            if since <= phone.number() <= until and command not in without:
                yield command, self.ask(phone, command, make, item)

    def assert_refused(self, command, phone, answer, http, status):
        """HTTP's word below 14.0; from then on the root element with the Status, and nothing else."""
        with self.subTest(command):
            if phone.number() < 140:
                self.assertEqual((answer.code, answer.body), (http, b''), answer)
                return
            self.assertEqual(answer.code, 200)
            page = PAGES.get(command, command)
            self.assertEqual(answer.root.name, f'{page}:{command}')
            alone = [answer.root, answer.root.find('Result')][command == 'MeetingResponse']
            self.assertEqual((len(answer.root.children), [(c.name, c.text) for c in alone.children]),
                             (1, [(f'{page}:Status', str(status))]), answer)

    def assert_all_refused(self, phone, item, http, status, without=()):
        asked = []
        for command, answer in self.answers(phone, item, without):
            self.assert_refused(command, phone, answer, http, status)
            asked.append(command)
        self.assertGreaterEqual(len(asked), 16 - len(without))

    def introduce(self, phone):
        return phone.command('Settings', E('Settings:Settings', phone.device_information()),
                             expect=None)

    def provision(self, phone):
        return phone.command('Provision', phone.provision_request(), expect=None)

    @in_versions(*TRIED)
    def test_what_keeps_a_device_out(self, version):
        """One phone, and one obstacle after another; the last is the end of it."""
        phone, item = self.ready(version)
        for obstacle in (self.blocked, self.to_be_wiped, self.above_the_cap, self.one_too_many,
                         self.without_the_policy, self.in_discovery, self.to_be_removed):
            with self.subTest(obstacle.__name__):
                obstacle(phone, item)

    def device_sql(self, phone, text):
        self.lab.sql(text, d=self.device(phone))

    def set_policy(self, phone, field, value):
        self.lab.sql("SELECT easel.policy_set('user', :'u', :'f', :'v')", u=phone.user, f=field,
                     v=value)

    def blocked(self, phone, item):
        self.device_sql(phone, 'SELECT easel.device_block(:d)')
        self.assert_all_refused(phone, item, 403, 129)
        self.assert_refused('Provision', phone, self.provision(phone), 403, 129)
        if phone.number() >= 120:
            self.assert_refused('Settings', phone, self.introduce(phone), 403, 129)
        self.device_sql(phone, 'SELECT easel.device_allow(:d)')
        self.assertEqual(phone.folder_sync().status, '1')

    def to_be_wiped(self, phone, item):
        self.device_sql(phone, "SELECT easel.device_wipe(:d, 'hard')")
        self.assert_all_refused(phone, item, 449, 140)
        if phone.number() >= 120:
            self.assert_refused('Settings', phone, self.introduce(phone), 449, 140)
        self.assertTrue(self.provision(phone).root.has('RemoteWipe'))
        self.device_sql(phone, 'SELECT easel.wipe_cancel(:d)')
        self.assertEqual(phone.folder_sync().status, '1')

    def above_the_cap(self, phone, item):
        if phone.version == '2.5':
            return
        self.set_policy(phone, 'max_protocol_version', '25')
        self.assert_all_refused(phone, item, 505, 138)
        answer = self.provision(phone)
        self.assert_refused('Provision', phone, answer, 505, 138)
        self.assertEqual((answer.headers['X-MS-RP'], answer.headers['MS-ASProtocolVersions']),
                         ('2.5', '2.5'))
        self.set_policy(phone, 'max_protocol_version', '0')
        self.assertEqual(phone.folder_sync().status, '1')

    def one_too_many(self, phone, item):
        self.set_policy(phone, 'max_devices', '1')
        other = self.new_phone(phone.user, phone.version)
        other.folders, other.keys, other.folder_key = phone.folders, phone.keys, phone.folder_key
        self.assert_all_refused(other, item, 403, 177)
        self.assert_refused('Provision', other, self.provision(other), 403, 177)
        self.assertEqual(phone.folder_sync().status, '1')

    def without_the_policy(self, phone, item):
        self.set_policy(phone, 'enforced', 'true')
        self.assert_all_refused(phone, item, 449, 142)
        if phone.number() >= 120:
            self.assertEqual(self.introduce(phone).status, '1')
        phone.provision()
        self.assertEqual(phone.folder_sync().status, '1')

    def in_discovery(self, phone, item):
        self.device_sql(phone, "UPDATE easel.device SET access = 'discovery', access_by = 'rule',"
                               " access_at = now(), information_at = NULL WHERE id = :d")
        self.assert_all_refused(phone, item, 449, 142)
        if phone.number() >= 120:
            self.assertEqual(self.introduce(phone).status, '1')
        else:
            # It has no words to say what it is: the time that it has passes.
            self.assertEqual(self.provision(phone).status, '1')
            self.device_sql(phone, "UPDATE easel.device SET access_at = now() - interval '1 hour'"
                                   " WHERE id = :d")
        phone.provision()
        self.assertEqual(phone.folder_sync().status, '1')

    def to_be_removed(self, phone, item):
        self.device_sql(phone, "SELECT easel.device_wipe(:d, 'soft')")
        if phone.number() >= 161:
            self.assert_all_refused(phone, item, 449, 140)
            self.assertTrue(self.provision(phone).root.has('AccountOnlyRemoteWipe'))
            return
        self.assert_all_refused(phone, item, 403, 129, without=('Sync', 'Ping', 'FolderSync'))
        self.assert_refused('Provision', phone, self.provision(phone), 403, 129)
        got = dict(self.answers(phone, item))
        self.assertEqual((got['Sync'].status, got['Ping'].status), ('12', '7'))
        self.assertEqual(int(got['FolderSync'].root.get('Changes/Count')), len(phone.folders))

    @in_versions(*TRIED)
    def test_in_quarantine(self, version):
        phone, item = self.ready(version)
        self.lab.deliver(phone.user, message('Another secret'))
        self.lab.sql('SELECT easel.device_quarantine(:d)', d=self.device(phone))
        self.lab.sql("DELETE FROM easel.notice")
        for command, answer in self.answers(phone, item, without=('MoveItems', 'FolderDelete', 'Ping')):
            if command in DATA_COMMANDS:
                self.assert_refused(command, phone, answer, 403, 130)
                continue
            with self.subTest(command):
                self.assertEqual(answer.code, 200)
                self.assertNotIn(answer.status, ('129', '130', '142'))
            if command == 'Settings':
                self.assertEqual([(p.name, p.get('Status'), len(p.children))
                                  for p in answer.root.children[1:]],
                                 [('Settings:Oof', '3', 1), ('Settings:UserInformation', '3', 1)])
            if command == 'GetItemEstimate':
                self.assertEqual(answer.root.get('Response/Collection/Estimate'), '0')
            self.assertNotIn(b'secret', answer.body.lower())
        self.check_sync_in_quarantine(phone, item)

    def check_sync_in_quarantine(self, phone, item):
        """What it adds is taken; what it asks for it does not get."""
        fetch = [E('Fetch', E('ServerId', item))]
        answer = phone.sync_raw(phone.collection(phone.inbox, commands=fetch))
        got = answer.root.find('Collections/Collection')
        self.assertEqual((got.get('Status'), got.get('Responses/Fetch/Status')), ('1', '8'))
        self.assertFalse(got.has('Responses/Fetch/ApplicationData') or got.has('Commands'))
        contacts = phone.folder(9)
        phone.sync(contacts)
        added = phone.sync(contacts, commands=[E('Add', E('ClientId', 'c1'), E(
            'ApplicationData', E('Contacts:FileAs', 'Kept'), E('Contacts:FirstName', 'Kept')))])
        self.assertEqual(added.get('Responses/Add/Status'), '1')
        self.assertEqual(self.lab.sql(
            "SELECT count(*) FROM easel.item i JOIN easel.account a ON a.id = i.account_id"
            " JOIN easel.folder f ON f.account_id = a.id AND f.id = i.folder_id"
            " WHERE a.address = :'u' AND f.role = 'contacts'", u=phone.user), [['1']])

    def test_a_reply_that_replaces_the_original_goes_out_in_quarantine(self):
        phone, item = self.ready('16.1')
        self.lab.sql('SELECT easel.device_quarantine(:d)', d=self.device(phone))
        for command in ('SmartReply', 'SmartForward'):
            document = mail_document(command)(phone, item)
            document.children.insert(2, E('ComposeMail:ReplaceMime'))
            self.assertEqual(phone.command(command, document).body, b'')

    def test_an_event_is_not_forwarded_in_quarantine(self):
        phone = self.phone()
        calendar = phone.folder(8)
        phone.sync(calendar)
        phone.sync(calendar, commands=[E('Add', E('ClientId', 'e1'), E(
            'ApplicationData', E('Calendar:Subject', 'Secret'), E('Calendar:StartTime', '20261201T090000Z'),
            E('Calendar:EndTime', '20261201T100000Z'), E('Calendar:UID', 'secret-1')))])
        phone.sync_all(calendar)
        event = self.lab.sql("SELECT i.uid FROM easel.item i JOIN easel.account a ON a.id = i.account_id"
                             " JOIN easel.folder f ON f.account_id = a.id AND f.id = i.folder_id"
                             " WHERE a.address = :'u' AND f.role = 'calendar'", u=phone.user)
        self.assertEqual(len(event), 1)
        self.lab.sql('SELECT easel.device_quarantine(:d)', d=self.device(phone))
        for replace in (None, E('ReplaceMime')):
            forward = E('ComposeMail:SmartForward', E('ClientId', f'f{replace is None}'), E(
                'Source', E('FolderId', calendar), E('ItemId', f'{calendar}:{event[0][0]}')), replace,
                E('Mime', message('Fwd', to=phone.user, message_id='<fwd@phone.test>')))
            answer = phone.command('SmartForward', forward)
            self.assertEqual(answer.status if replace is None else answer.body,
                             '130' if replace is None else b'')
        forwarded = "FROM easel.content WHERE position('<fwd@phone.test>'::bytea IN data) > 0"
        self.until(f'SELECT {forwarded}')
        self.assertEqual(self.lab.sql(f"SELECT count(*) {forwarded} AND position('text/calendar'::bytea IN data) > 0"), [['0']])
