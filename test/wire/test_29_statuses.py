"""Each status of sending, fetching, searching, meetings and settings: what gives it, or why nothing does."""

import csv
import functools
import unittest
import uuid

from common import BY_SQL, WireTest, in_versions, message, not_over_imap
from meetings import event, add, invitation
from wbxml import E, ROOT, decode, encode

CODES = ROOT.parent / 'shared' / 'reference' / 'status-codes.tsv'
NOWHERE = '9999:1:1'

# What the protocol has and this server never says.
INSIDE = 'only a failure within the server gives it; the tests of the store that fails at its Nth call do'
NO_LIBRARY = 'there is no document library: 9 of ItemOperations, 13 of Search'
NEVER = {
    'MeetingResponse': {3: '4 is said of every failure that may pass', 4: INSIDE},
    'ItemOperations': {3: INSIDE, **dict.fromkeys((4, 5, 7, 10, 12, 18), NO_LIBRARY),
                       14: 'every item that is stored can be shown; one that could not is left out by its class'},
    'Search': {3: INSIDE, **dict.fromkeys((4, 5, 6, 7, 14), NO_LIBRARY),
               10: 'a search that takes too long is ended by the request, which says 111',
               173: 'of the address list', 174: 'of the address list', 175: 'of the address list'},
    'Find': {},
    'Settings': {3: 'of the whole: a device that may not is stopped before', 4: INSIDE,
                 6: 'what contradicts itself is 2 or 5'},
    'ValidateCert': dict.fromkeys(range(3, 18), 'of one certificate: test_27_validatecert'),
}


def case(status, name):
    """One row of a table: the test's function gives the status that the server answers."""
    def decorate(function):
        function.row = (status, name)
        return function
    return decorate


class Statuses(WireTest):
    """A table for each command: methods marked with case(); all of them with one phone."""

    command, version = None, '16.1'

    @classmethod
    def rows(cls):
        return [f for f in vars(cls).values() if hasattr(f, 'row')]

    def unchecked(self, command, document):
        """The answer's document where the schemas know of no refusal."""
        return decode(self.here.post(command, encode(document)).body)

    def run_table(self, version=None):
        self.here = self.phone(version=version or self.version)
        for function in self.rows():
            want, name = function.row
            with self.subTest(name, want=want):
                self.assertEqual(function(self), want)


@functools.cache
def codes():
    """(command, status) of the protocol."""
    with open(CODES, newline='') as file:
        return {(row['command'], int(row['status'])) for row in csv.DictReader(file, delimiter='\t')
                if row['status'].isdigit()}


class Complete(unittest.TestCase):
    def test_every_status_is_produced_or_its_absence_has_a_reason(self):
        if not CODES.exists():
            self.skipTest('the table of the protocol is not here')
        for table in (Meetings, Operations, Searching, Finding, Setting, Certificates):
            produced = {int(f.row[0]) for f in table.rows()}
            never = set(NEVER[table.command])
            wanted = {status for command, status in codes() if command == table.command}
            self.assertEqual(wanted - produced - never, set(), table.command)
            if table is not Setting and table is not Certificates:  # these have several Statuses
                self.assertEqual(produced & never, set(), table.command)


class Sending(Statuses):
    """ComposeMail:Status, which is there only when something is wrong (2.2.3.177.15 to .17)."""

    command = 'SendMail'

    def send(self, *more, command='SendMail', client_id=None, to=None, mime=None):
        content = mime if mime is not None else message(to=to or self.here.user, sender=self.here.user)
        return self.here.command(command, E('ComposeMail:' + command, E('ClientId', client_id or uuid.uuid4().hex), *more,
                                            E('Mime', content))).status

    def smart(self, *source, command='SmartReply', **more):
        return self.send(E('Source', list(source)), command=command, **more)

    def an_item(self):
        self.lab.deliver(self.here.user, message(to=self.here.user))
        return next(iter(self.here.sync_all(self.here.inbox)))

    @case(None, 'sent')
    def sent(self):
        return self.send()

    @case('102', 'no WBXML')
    def no_wbxml(self):
        return self.here.read('SendMail', self.here.post('SendMail', b'To: x\r\n\r\n')).status

    @case('103', 'no ClientId')
    def no_id(self):
        return self.here.command('SendMail', E('ComposeMail:SendMail', E('Mime', b'x'))).status

    @case('103', 'no Source')
    def no_source(self):
        return self.send(command='SmartForward')

    @case('104', 'an InstanceId that is no time')
    def no_time(self):
        return self.smart(E('FolderId', '1'), E('ItemId', '1:1:1'), E('InstanceId', 'soon'))

    @case('107', 'no MIME')
    def no_mime(self):
        return self.send(mime=b'')

    @case('115', 'too many recipients')
    def many(self):
        return self.send(mime=b'To: ' + b', '.join(b'a%d@example.test' % n for n in range(1001)) + b'\r\n\r\nx')

    @case('118', 'sent before')
    def before(self):
        self.send(client_id='same')
        return self.send(client_id='same')

    @case('119', 'to nobody')
    def nobody(self):
        return self.send(mime=b'Subject: x\r\n\r\nx')

    @case('120', 'from an address that is not one\'s own, where that is refused')
    def sender(self):
        self.lab.sql("UPDATE easel.server SET sender_policy = 'refuse'")
        try:
            return self.send(mime=b'From: eve@example.test\r\nTo: a@example.test\r\n\r\nx')
        finally:
            self.lab.sql("UPDATE easel.server SET sender_policy = 'rewrite'")

    @case('150', 'an original that is not there')
    def gone(self):
        return self.smart(E('FolderId', '9999'), E('ItemId', NOWHERE))

    @case('150', 'an original that is no id')
    def no_item(self):
        return self.smart(E('ItemId', 'x'), command='SmartForward')

    @case('150', 'an occurrence of a message')
    def of_a_message(self):
        return self.smart(E('ItemId', self.an_item()), E('InstanceId', '2027-03-10T12:00:00.000Z'))

    @case('166', 'another account')
    def account_id(self):
        return self.send(E('AccountId', 'x'))

    @case('178', 'Forwardees and a message')
    def both(self):
        return self.smart(E('ItemId', self.an_item()), command='SmartForward', mime=None) or self.send(
            E('Source', E('ItemId', '1:1:1')), E('Forwardees', E('Forwardee', E('Email', 'a@example.test'))),
            command='SmartForward')

    @case('179', 'Forwardees of what is no meeting')
    def no_meeting(self):
        return self.here.command('SmartForward', E('ComposeMail:SmartForward', E('ClientId', uuid.uuid4().hex), E(
            'Source', E('ItemId', self.an_item())), E('Forwardees', E('Forwardee', E(
                'Email', 'a@example.test'))))).status

    @case('130', 'an original while the device is in quarantine')
    def quarantine(self):
        item = self.an_item()
        self.lab.sql("SELECT easel.device_quarantine(id) FROM easel.device WHERE device_id = :'d'", d=self.here.device_id)
        return self.smart(E('ItemId', item))

    @in_versions('14.1', '16.1')
    def test_each(self, version):
        if version == '16.1':
            self.run_table(version)
            return
        self.here = self.phone(version=version)
        for function in self.rows():
            want, name = function.row
            if want not in ('178', '179'):
                with self.subTest(name, want=want):
                    self.assertEqual(function(self), want)

    def test_by_http_below_14(self):
        """The same, said by HTTP (MS-ASCMD 2.2.2)."""
        phone = self.phone(version='12.1')
        many = b'To: ' + b', '.join(b'a%d@example.test' % n for n in range(1001)) + b'\r\n\r\nx'
        source = {'CollectionId': '9999', 'ItemId': NOWHERE}
        for code, command, params, mime in (
                (200, 'SendMail', {}, message(to=phone.user)), (200, 'SendMail', {'SaveInSent': 'T'}, message(to=phone.user)),
                (400, 'SendMail', {}, b''), (500, 'SendMail', {}, b'Subject: x\r\n\r\nx'), (500, 'SendMail', {}, many),
                (400, 'SmartReply', {}, message(to=phone.user)), (500, 'SmartReply', source, message(to=phone.user)),
                (500, 'SmartForward', source, message(to=phone.user)),
                (400, 'SmartForward', {**source, 'Occurrence': 'soon'}, message(to=phone.user)),
                (400, 'SendMail', {}, b'no header at all')):
            with self.subTest(command=command, params=params, mime=mime[:20]):
                self.assertEqual(phone.post(command, mime, params, Content_Type='message/rfc822').code, code)


class Operations(Statuses):
    """ItemOperations:Status of a Fetch, an EmptyFolderContents, a Move (2.2.3.177.8)."""

    command = 'ItemOperations'

    def ask(self, *operations):
        root = self.here.item_operations(*operations).root
        inner = root.find('Response')
        return inner.children[0].get('Status') if inner and inner.children else root.get('Status')

    def fetch(self, *what, store='Mailbox', options=()):
        return self.ask(E('Fetch', E('Store', store), *what, options and E('Options', list(options)) or None))

    def mail(self, **more):
        self.lab.deliver(self.here.user, message(to=self.here.user, **more))
        item, data = max(self.here.sync_all(self.here.inbox).items())
        return item, data

    def attachment(self):
        _, data = self.mail(attachments=[('a.bin', 'application/octet-stream', b'12345')])
        return E('AirSyncBase:FileReference', data.get('AirSyncBase:Attachments/Attachment/FileReference'))

    def conversation(self):
        return self.mail()[1].find('Email2:ConversationId').data

    @case('1', 'an item')
    def an_item(self):
        item, _ = self.mail()
        return self.fetch(E('AirSync:CollectionId', self.here.inbox), E('AirSync:ServerId', item))

    @case('1', 'the end of an attachment')
    def a_range(self):
        return self.fetch(self.attachment(), options=[E('Range', '4-400')])

    @case('2', 'no Store')
    def no_store(self):
        return self.ask(E('Fetch', E('AirSync:ServerId', '1:1:1')))

    @case('2', 'nothing at all')
    def nothing(self):
        return self.here.item_operations().status

    @case('2', 'more than 100')
    def many(self):
        return self.here.item_operations(*[E('Fetch', E('Store', 'Mailbox'))] * 101).status

    @case('2', 'no folder to empty')
    def no_folder(self):
        return self.ask(E('EmptyFolderContents'))

    @case('2', 'a ConversationId that is none')
    def no_conversation(self):
        return self.ask(E('Move', E('ConversationId', b'x'), E('DstFldId', self.here.inbox)))

    @case('6', 'no such item')
    def no_item(self):
        return self.fetch(E('AirSync:CollectionId', self.here.inbox), E('AirSync:ServerId', NOWHERE))

    @case('6', 'what is no id')
    def no_id(self):
        return self.fetch(E('Search:LongId', '\u00fc' * 300))

    @case('8', 'a range behind the end')
    def behind(self):
        return self.fetch(self.attachment(), options=[E('Range', '5-9')])

    @case('8', 'a range that is none')
    def backwards(self):
        return self.fetch(self.attachment(), options=[E('Range', '4-1')])

    @case('9', 'another store')
    def library(self):
        return self.fetch(E('DocumentLibrary:LinkId', '\\\\x\\y'), store='DocumentLibrary')

    @case('11', 'larger than the policy lets through')
    def large(self):
        what = self.attachment()
        return self.with_setting('attachment_size', '3', lambda: self.fetch(what))

    @case('15', 'no such attachment')
    def no_attachment(self):
        return self.fetch(E('AirSyncBase:FileReference', NOWHERE + ':9'))

    @case('16', 'attachments that are not allowed')
    def denied(self):
        what = self.attachment()
        return self.with_setting('attachments', 'false', lambda: self.fetch(what))

    @case('17', 'a folder below that has a role of its own')
    def partly(self):
        trash = self.here.folder(4)
        self.lab.sql("UPDATE easel.folder f SET parent_id = t.id FROM easel.folder t WHERE t.account_id = f.account_id"
                     " AND t.role = 'trash' AND f.role = 'junk' AND f.account_id = easel.account_of(:'a')", a=self.here.user)
        return self.ask(E('EmptyFolderContents', E('AirSync:CollectionId', trash), E('Options', E('DeleteSubFolders'))))

    @case('155', 'a conversation, not for good')
    def once(self):
        return self.ask(E('Move', E('ConversationId', self.conversation()), E('DstFldId', self.here.inbox)))

    @case('156', 'a conversation into a calendar')
    def calendar(self):
        return self.ask(E('Move', E('ConversationId', self.conversation()), E('DstFldId', self.here.folder(8)),
                          E('Options', E('MoveAlways'))))

    @case('164', 'a part of a body in a form that there is not')
    def body_part(self):
        item, _ = self.mail()
        return self.fetch(E('AirSync:CollectionId', self.here.inbox), E('AirSync:ServerId', item),
                          options=[E('AirSyncBase:BodyPartPreference', E('Type', 4))])

    def with_setting(self, field, value, ask):
        self.lab.sql("SELECT easel.settings_set('user', :'a', :'f', :'v')", a=self.here.user, f=field, v=value)
        try:
            return ask()
        finally:
            self.lab.sql("SELECT easel.settings_inherit('user', :'a')", a=self.here.user)

    @not_over_imap(BY_SQL)
    def test_each(self):
        self.run_table()

    @in_versions('2.5', '12.1')
    def test_getattachment_says_it_by_http(self, version):
        self.here = self.phone(version=version)
        _, data = self.mail(attachments=[('a.bin', 'application/octet-stream', b'12345')])
        name = (data.get('AirSyncBase:Attachments/Attachment/FileReference')
                or data.get('Email:Attachments/Attachment/AttName'))

        def ask(name):
            return self.here.post('GetAttachment', b'', name is not None and {'AttachmentName': name} or {}).code
        self.assertEqual([ask(n) for n in (name, name + '9', NOWHERE, '\u00fc' * 100, None)], [200, 500, 500, 500, 400])
        self.assertEqual(self.with_setting('attachments', 'false', lambda: ask(name)), 403)


class Searching(Statuses):
    """Search:Status of the Store (2.2.3.177.13)."""

    command = 'Search'

    def ask(self, *conditions, name='Mailbox', options=()):
        query = E('Search:Query', E('And', list(conditions)))
        return self.here.command('Search', E('Search:Search', E('Store', E('Name', name), query, options and E(
            'Options', list(options)) or None))).root.get('Response/Store/Status')

    WORD = E('Search:FreeText', 'x')

    @case('1', 'nothing is found')
    def nothing(self):
        return self.ask(self.WORD)

    @case('2', 'nothing is asked')
    def empty(self):
        return self.ask()

    @case('2', 'EqualTo, which is for document libraries')
    def equal(self):
        return self.here.command('Search', E('Search:Search', E('Store', E('Name', 'Mailbox'), E(
            'Search:Query', E('EqualTo', E('DocumentLibrary:LinkId', 'x'), E('Value', 'y')))))).root.get(
                'Response/Store/Status')

    @case('8', 'Or')
    def either(self):
        return self.ask(E('Search:Or', self.WORD))

    @case('8', 'And within And')
    def nested(self):
        return self.ask(self.WORD, E('Search:And', self.WORD))

    @case('8', 'a comparison that stands alone')
    def alone(self):
        return self.here.command('Search', E('Search:Search', E('Store', E('Name', 'Mailbox'), E(
            'Search:Query', E('GreaterThan', E('Email:DateReceived'), E('Value', '2026-01-01T00:00:00.000Z')))))).root.get(
                'Response/Store/Status')

    @case('11', 'a folder that is not there')
    def folder(self):
        return self.ask(E('AirSync:CollectionId', '9999'), self.WORD)

    @case('12', 'beyond what was found')
    def beyond(self):
        return self.ask(self.WORD, options=[E('Range', '5-9')])

    @case('13', 'a document library')
    def library(self):
        return self.ask(self.WORD, name='DocumentLibrary')

    def test_each(self):
        self.run_table()


class Finding(Statuses):
    """Find:Status of the whole and of the Response (2.2.3.177.2)."""

    command = 'Find'

    def ask(self, text, *options, folder=None):
        root = self.here.command('Find', E('Find:Find', E('SearchId', 'x'), E('ExecuteSearch', E(
            'MailBoxSearchCriterion', E('Query', E('AirSync:Class', 'Email'), folder and E(
                'AirSync:CollectionId', folder) or None, E('Find:FreeText', text)),
            options and E('Options', list(options)) or None)))).root
        return root.get('Response/Status') or root.get('Status')

    @case('1', 'nothing is found')
    def nothing(self):
        return self.ask('x')

    @case('2', 'nothing is asked')
    def empty(self):
        return self.ask('')

    @case('2', 'a range that is none')
    def backwards(self):
        return self.ask('x', E('Range', '5-1'))

    @case('3', 'a folder that is not there')
    def folder(self):
        return self.ask('x', folder='9999')

    @case('4', 'a range that does not begin at 0, and nothing there')
    def beyond(self):
        return self.ask('x', E('Range', '5-9'))

    def test_each(self):
        self.run_table()


class Meetings(Statuses):
    """MeetingResponse:Status of a Result (2.2.3.177.9)."""

    command = 'MeetingResponse'

    def ask(self, *more, answer=1, item=None):
        root = self.here.command('MeetingResponse', E('MeetingResponse:MeetingResponse', E('Request', E(
            'UserResponse', answer), item and E('CollectionId', item.partition(':')[0]) or None,
            item and E('RequestId', item) or None, *more))).root
        return root.get('Result/Status')

    def invited(self, **more):
        self.lab.deliver(self.here.user, invitation(self.here.user, uid=uuid.uuid4().hex, **more))
        return max(self.here.sync_all(self.here.folder(8)))

    @case('1', 'accepted')
    def accepted(self):
        return self.ask(item=self.invited())

    @case('2', 'no such item')
    def no_item(self):
        return self.ask(item=NOWHERE)

    @case('2', 'one\'s own')
    def own(self):
        folder = self.here.folder(8)
        self.here.sync_all(folder)
        response = self.here.sync(folder, commands=[add('c1', *event())]).find('Responses/Add')
        self.here.items[folder][response.get('ServerId')] = E('ApplicationData')
        return self.ask(item=response.get('ServerId'))

    @case('2', 'an answer that there is not')
    def no_answer(self):
        return self.ask(answer=9, item=self.invited())

    @case('2', 'no such occurrence')
    def no_occurrence(self):
        return self.ask(E('InstanceId', '2028-03-10T12:00:00.000Z'), item=self.invited(extra='RRULE:FREQ=DAILY;COUNT=3'))

    @case('104', 'an occurrence that is no time')
    def no_time(self):
        return self.ask(E('InstanceId', 'soon'), item=self.invited())

    @case('146', 'an occurrence of what does not recur')
    def not_recurring(self):
        return self.ask(E('InstanceId', '2027-03-10T12:00:00.000Z'), item=self.invited())

    def test_each(self):
        self.run_table()

    def test_nothing_is_asked_or_too_much(self):
        phone = self.phone()
        for requests in ([], [E('Request')] * 101):
            self.here = phone
            document = E('MeetingResponse:MeetingResponse', requests)
            self.assertEqual(self.unchecked('MeetingResponse', document).get('Result/Status'), '103')


class Setting(Statuses):
    """Settings:Status of the whole and of each property (2.2.3.177.14)."""

    command = 'Settings'

    def ask(self, node, name=None):
        root = self.here.command('Settings', E('Settings:Settings', node)).root
        return root.get((name or node.name.partition(':')[2]) + '/Status') or root.get('Status')

    @case('1', 'out of office')
    def oof(self):
        return self.ask(E('Settings:Oof', E('Get', E('BodyType', 'Text'))))

    @case('1', 'who the user is')
    def user(self):
        return self.ask(E('Settings:UserInformation', E('Get')))

    @case('2', 'the same twice')
    def twice(self):
        node = E('Settings:UserInformation', E('Get'))
        return self.here.command('Settings', E('Settings:Settings', node, node)).status

    @case('2', 'nothing to do')
    def nothing(self):
        return self.ask(E('Settings:Oof'))

    @case('2', 'no password')
    def no_password(self):
        return self.ask(E('Settings:DevicePassword', E('Set')))

    @case('2', 'neither Get nor Set')
    def no_get(self):
        return self.ask(E('Settings:UserInformation'))

    @case('3', 'rights management')
    def rights(self):
        return self.unchecked('Settings', E('Settings:Settings', E('Settings:RightsManagementInformation', E('Get')))).get(
            'RightsManagementInformation/Status')

    @case('5', 'an end before its start')
    def times(self):
        return self.ask(E('Settings:Oof', E('Set', E('OofState', 2), E('StartTime', '2026-12-03T00:00:00Z'), E(
            'EndTime', '2026-12-02T00:00:00Z'))))

    @case('5', 'a password that is too long')
    def long(self):
        return self.ask(E('Settings:DevicePassword', E('Set', E('Password', 'x' * 256))))

    @case('7', 'a password, and recovery is off')
    def no_recovery(self):
        return self.ask(E('Settings:DevicePassword', E('Set', E('Password', 'x'))))

    @in_versions('12.0', '14.1', '16.1')
    def test_each(self, version):
        if version != '12.0':
            self.run_table(version)
            return
        self.here = self.phone(version=version)  # rights management is of 14.1
        for function in self.rows():
            want, name = function.row
            if want != '3':
                with self.subTest(name, want=want):
                    self.assertEqual(function(self), want)


class Certificates(Statuses):
    """ValidateCert:Status of the whole (2.2.3.177.18); of each certificate: test_27_validatecert."""

    command = 'ValidateCert'

    def ask(self, *children):
        return self.here.command('ValidateCert', E('ValidateCert:ValidateCert', list(children))).status

    @case('1', 'something to look at')
    def one(self):
        return self.ask(E('Certificates', E('Certificate', 'TUlJ')))

    @case('2', 'nothing to look at')
    def nothing(self):
        return self.ask(E('Certificates'))

    def test_each(self):
        self.run_table()


class Forged(WireTest):
    """Ids of another account, and ids that are none: the protocol's status, and nothing of the other's."""

    SECRET = 'Nobody else may read this'

    def setUp(self):
        self.owner, self.thief = self.phone(), self.phone()
        self.lab.deliver(self.owner.user, message('Secret', self.SECRET, to=self.owner.user, attachments=[
            ('secret.txt', 'text/plain', self.SECRET.encode())]))
        self.lab.deliver(self.owner.user, invitation(self.owner.user, extra='RRULE:FREQ=DAILY;COUNT=3'))
        self.owner.sync_all(self.owner.inbox)
        self.item, self.data = self.find_item(self.owner, 'Secret')
        self.event, = self.owner.sync_all(self.owner.folder(8))
        self.reference = self.data.get('AirSyncBase:Attachments/Attachment/FileReference')
        # Folders have numbers of the account's own: the thief has one of each number, with nothing in it.
        self.thief.sync_all(self.thief.inbox)

    def ids(self):
        """The other's id, and broken forms of it."""
        folder, epoch, uid = self.item.split(':')
        return [self.item, f'{folder}:{epoch}:-1', f'{folder}:{epoch}:99999999999999999999', f'-{folder}:{epoch}:{uid}',
                f'{folder}:{epoch}', f'{folder}::{uid}', '::', '', f'{folder}:{epoch}:{uid}:1', f'{folder}:{epoch}:{uid}\0x',
                f'0x1:{epoch}:{uid}', '\u0661:1:1', 'x' * 2000]

    def silent(self, answer):
        """An answer without anything of the other's."""
        self.assertNotIn(self.SECRET.encode(), answer.body)
        self.assertNotIn(b'Planning', answer.body)
        return answer

    def test_long_ids(self):
        for one in self.ids():
            with self.subTest(one):
                if '\0' in one:
                    continue  # no phone can write it
                answer = self.silent(self.thief.item_operations(E('Fetch', E('Store', 'Mailbox'), E('Search:LongId', one))))
                self.assertIn(answer.root.get('Response/Fetch/Status'), ('2', '6'))
                answer = self.silent(self.thief.command('SmartForward', E('ComposeMail:SmartForward', E('ClientId', uuid.uuid4().hex), E(
                    'Source', E('LongId', one)), E('Mime', message(to=self.thief.user)))))
                self.assertIn(answer.status, ('103', '150'))

    def test_references_of_attachments(self):
        head, _, path = self.reference.rpartition(':')
        for one in (self.reference, head, head + ':', f'{head}:{path}.1', f'{head}:0', f'{head}:999999999999', f'{head}:../1',
                    f'{head}:{path}\u00fc', 'x' * 2000, ''):
            with self.subTest(one):
                answer = self.silent(self.thief.fetch_attachment(one))
                self.assertIn(answer.root.get('Response/Fetch/Status'), ('6', '15'))
                old = self.new_phone(self.thief.user, '12.1')
                answer = self.silent(old.post('GetAttachment', b'', {'AttachmentName': one}))
                self.assertIn(answer.code, (400, 500))

    def test_conversations(self):
        conversation = self.data.find('Email2:ConversationId').data
        root = self.silent(self.thief.command('Search', E('Search:Search', E('Store', E('Name', 'Mailbox'), E('Search:Query', E(
            'And', E('ConversationId', conversation))))))).root
        self.assertEqual(root.find('Response/Store/Result').children, [])
        answer = self.thief.item_operations(E('Move', E('ConversationId', conversation), E(
            'DstFldId', self.thief.folder(4)), E('Options', E('MoveAlways'))))
        self.assertEqual(answer.root.get('Response/Move/Status'), '6')
        self.assertIn(self.item, self.owner.sync_all(self.owner.inbox))

    def test_meetings_and_their_occurrences(self):
        for item in (self.event, *self.ids()):
            if '\0' in item:
                continue
            for instance in (None, '2027-03-11T12:00:00.000Z'):
                with self.subTest(item, instance=instance):
                    one = [E('InstanceId', instance)] if instance else []
                    answer = self.silent(self.thief.command('MeetingResponse', E('MeetingResponse:MeetingResponse', E(
                        'Request', E('UserResponse', 3), E('CollectionId', item.partition(':')[0]), E('RequestId', item), *one))))
                    self.assertEqual(answer.root.get('Result/Status'), '2')
                    answer = self.silent(self.thief.command('SmartReply', E('ComposeMail:SmartReply', E(
                        'ClientId', uuid.uuid4().hex), E('Source', E('ItemId', item), *one), E('Mime', message(to=self.thief.user)))))
                    self.assertIn(answer.status, ('103', '150'))
        self.assertIn(self.event, self.owner.sync_all(self.owner.folder(8)))

    def test_folders(self):
        for folder in ('9999', '-1', 'x', '0', '99999999999999999999'):
            answer = self.thief.item_operations(E('EmptyFolderContents', E('AirSync:CollectionId', folder)))
            self.assertEqual(answer.root.get('Response/EmptyFolderContents/Status'), '6', folder)
        self.assertEqual(len(self.owner.sync_all(self.owner.inbox)), 2)

    def test_whole_documents_of_nonsense(self):
        """Each command, with what another one is asked: a status, never an answer of success and never the worker's end."""
        for command, root in (('SmartReply', 'ComposeMail:SendMail'), ('ItemOperations', 'Search:Search'), ('Search', 'Find:Find'),
                              ('Find', 'Search:Search'), ('MeetingResponse', 'Settings:Settings'),
                              ('Settings', 'MeetingResponse:MeetingResponse'), ('ValidateCert', 'Settings:Settings')):
            answer = self.thief.post(command, encode(E(root, E('Status', '1'))))
            with self.subTest(command):
                self.assertTrue(answer.code == 400 or decode(answer.body).get('Status') != '1'
                                or decode(answer.body).get('Response/Store/Status') == '2', answer)


if __name__ == '__main__':
    unittest.main()
