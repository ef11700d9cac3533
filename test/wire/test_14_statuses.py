"""What a Sync, a GetItemEstimate and a MoveItems are answered when something is wrong: each status that the
server has, for that item alone where the protocol can say so (MS-ASCMD 2.2.3.177.7, .10, .17)."""

from common import BY_SQL, WireTest, in_versions, message, not_over_imap
from phone import body, delete, options, read_change
from wbxml import E

CONTACTS, TASKS, NOTES, CALENDAR = 9, 7, 10, 8


def add(client_id, *data):
    return E('Add', E('ClientId', client_id), E('ApplicationData', list(data)))


def change(item, *data):
    return E('Change', E('ServerId', item), E('ApplicationData', list(data)))


def named(name):
    return [E('Contacts:FileAs', name), E('Contacts:LastName', name)]


class StatusTest(WireTest):
    def statuses(self, collection, verb):
        return {r.get('ClientId') or r.get('ServerId'): r.get('Status')
                for r in collection.all('Responses/' + verb)}


@not_over_imap(BY_SQL)
class RefusedByTheDatabase(StatusTest):
    """A command that makes a statement fail is undone alone, and the others are carried out."""

    # The state that the statement fails with, and the status of an Add and of a Change.
    STATES = (('check_violation', '6', '6'), ('program_limit_exceeded', '6', '6'),
              ('restrict_violation', '6', '7'), ('no_data_found', '8', '8'))

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.sql("CREATE FUNCTION easel.test_refuse() RETURNS trigger LANGUAGE plpgsql AS $$"
                    " DECLARE state text := substring(NEW.summary::text FROM 'refuse ([a-z_]+)');"
                    " BEGIN IF state IS NOT NULL THEN RAISE EXCEPTION USING ERRCODE = state,"
                    " MESSAGE = 'as the test wants it'; END IF; RETURN NEW; END $$")
        cls.lab.sql('CREATE TRIGGER test_refuse BEFORE INSERT ON easel.content FOR EACH ROW'
                    ' EXECUTE FUNCTION easel.test_refuse()')

    @classmethod
    def tearDownClass(cls):
        cls.lab.sql('DROP FUNCTION easel.test_refuse() CASCADE')
        super().tearDownClass()

    def test_the_others_are_carried_out(self):
        for state, of_add, of_change in self.STATES:
            with self.subTest(state):
                self.one_state('refuse ' + state, of_add, of_change)

    def one_state(self, refused, of_add, of_change):
        one = self.phone()
        other, folder = self.phone(one.user), one.folder(CONTACTS)
        for phone in (one, other):
            phone.sync_all(folder)
        first = one.sync(folder, commands=[add('0', *named('Zero')), add('1', *named('One'))])
        zero, first = (r.get('ServerId') for r in first.all('Responses/Add'))
        one.items[folder].update({i: E('ApplicationData', named(n)) for i, n in
                                  ((zero, 'Zero'), (first, 'One'))})
        commands = [add('2', *named('Two')), add('3', *named(refused)), change(first, *named(refused)),
                    delete(zero), add('4', *named('Four'))]
        answer = one.sync_raw(one.collection(folder, commands=commands))
        collection = answer.root.find('Collections/Collection')
        self.assertEqual(self.statuses(collection, 'Add'), {'2': '1', '3': of_add, '4': '1'})
        self.assertEqual(self.statuses(collection, 'Change'), {first: of_change})
        again = one.sync_raw(one.collection(folder, commands=commands))  # the answer was lost
        collection = again.root.find('Collections/Collection')
        self.assertEqual(self.statuses(collection, 'Add'), {'2': '1', '3': of_add, '4': '1'})
        for response in collection.all('Responses/Add'):
            if response.get('Status') == '1':
                one.items[folder][response.get('ServerId')] = E('ApplicationData', named('x'))
        one.take(again, folder, commands)
        # The change that was refused is set back, and the next one of somebody else is told.
        self.assertEqual(one.items[folder][first].get('Contacts:LastName'), 'One')
        other.sync_all(folder)
        self.assertEqual(sorted(d.get('Contacts:LastName') for d in other.items[folder].values()),
                         ['Four', 'One', 'Two'])
        other.sync(folder, commands=[change(first, *named('Eins'))])
        one.sync_all(folder)
        self.assertEqual(one.items[folder][first].get('Contacts:LastName'), 'Eins')

    def test_with_several_folders(self):
        phone = self.phone()
        contacts, notes = phone.folder(CONTACTS), phone.folder(NOTES)
        for folder in (contacts, notes):
            phone.sync_all(folder)
        answer = phone.sync_raw(
            phone.collection(notes, commands=[add('1', E('Notes:Subject', 'Note'))]),
            phone.collection(contacts, commands=[add('2', *named('refuse raise_exception')),
                                                 add('3', *named('Three'))]))
        found = {c.get('CollectionId'): self.statuses(c, 'Add')
                 for c in answer.root.all('Collections/Collection')}
        self.assertEqual(found, {notes: {'1': '1'}, contacts: {'2': '6', '3': '1'}})
        self.wait_for_log(1, 'command-refused', phone.user)

    def test_an_invitation_that_can_not_be_taken_is_delivered_all_the_same(self):
        invitation = message('Invited', attachments=())
        calendar = ('BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nMETHOD:REQUEST\r\n'
                    'BEGIN:VEVENT\r\nUID:refused-1\r\nDTSTAMP:20261101T000000Z\r\n'
                    'DTSTART:20261201T100000Z\r\nDTEND:20261201T110000Z\r\n'
                    'SUMMARY:refuse raise_exception\r\nORGANIZER:mailto:ben@example.test\r\n'
                    'ATTENDEE:mailto:{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n')
        phone = self.phone()
        head, _, _ = invitation.partition(b'Content-Type:')
        self.lab.deliver(phone.user, head.replace(b'MIME-Version: 1.0\r\n', b'') +
                         b'MIME-Version: 1.0\r\nContent-Type: text/calendar; method=REQUEST\r\n\r\n' +
                         calendar.format(phone.user).encode())
        phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 1)
        self.assertEqual(phone.sync_all(phone.folder(CALENDAR)), {})


def fields(*more, key='0', folder='x'):
    """The children of a Collection, in the order given behind the key and the id."""
    return E('Collection', E('SyncKey', key), E('CollectionId', folder), *more)


class OfSync(StatusTest):
    """Each row is one collection of a request; the others of the request get what they came for."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls.lab.account(f'statuses@{cls.domain}')

    def ask(self, phone, *collections, **more):
        """(of the Sync, {CollectionId: (of the collection, its key)})."""
        answer = phone.sync_raw(*collections, **more)
        found = answer.root.all('Collections/Collection') if answer.root else []
        return answer.status, {c.get('CollectionId'): c for c in found}

    def rows(self, phone):
        """What stands in the collection of the Inbox, and its status (None: of the whole request)."""
        good = phone.keys[phone.inbox]
        text, html = (E('AirSyncBase:BodyPreference', E('Type', t)) for t in (1, 2))

        def wish(*content):
            return (E('Options', *content),)

        return [
            ('3', 'abc', ()), ('3', '99999999.1', ()), ('3', 'x' * 64, ()),
            ('4', good, (E('WindowSize', 'x'),)), ('4', good, (E('WindowSize', '-1'),)),
            ('4', good, (E('GetChanges', '2'),)), ('4', good, (E('DeletesAsMoves', 'x'),)),
            ('4', good, (E('ConversationMode', '2'),)),
            # In the wrong order, or too often (MS-ASCMD 2.2.3.179).
            ('4', good, (E('WindowSize', '5'), E('GetChanges', '1'))),
            ('4', good, (E('GetChanges', '1'), E('DeletesAsMoves', '1'))),
            ('4', good, (E('WindowSize', '5'), E('WindowSize', '5'))),
            ('4', good, (E('Options'), E('WindowSize', '5'))),
            # Options.
            ('4', good, wish(E('FilterType', '6'))), ('4', good, wish(E('FilterType', '8'))),
            ('4', good, wish(E('FilterType', '9'))), ('4', good, wish(E('FilterType', 'x'))),
            ('4', good, wish(E('Conflict', '2'))), ('4', good, wish(E('MIMESupport', '3'))),
            ('4', good, wish(E('MIMETruncation', '9'))), ('4', good, wish(text, html, text)),
            ('4', good, wish(E('AirSyncBase:BodyPreference', E('TruncationSize', 5)))),
            ('4', good, wish(E('AirSyncBase:BodyPreference', E('TruncationSize', 5), E('Type', 1)))),
            ('4', good, wish(E('AirSyncBase:BodyPreference', E('Type', 5)))),
            ('4', good, wish(E('AirSyncBase:BodyPreference', E('Type', 1), E('AllOrNone', 2)))),
            ('164', good, wish(E('AirSyncBase:BodyPartPreference', E('Type', 1)))),
            ('4', good, wish(E('Class', 'Calendar'))), ('4', good, wish(E('Class', 'Nothing'))),
            ('4', good, wish(E('Class', 'Email')) + wish(E('Class', 'Email'))),
            ('4', good, wish(E('Class', 'SMS')) + wish(E('Class', 'SMS'))),
            # Commands whose responses could not say which they are for.
            ('4', good, (E('Commands', E('Change', E('ApplicationData', E('Email:Read', 1)))),)),
            ('4', good, (E('Commands', E('Add', E('ApplicationData', E('Email:Read', 1)))),)),
            ('4', good, (E('Commands', E('Delete', E('ServerId', 'x' * 65))),)),
            # With key 0.
            ('4', '0', (E('GetChanges', '1'),)),
            ('4', '0', (E('Commands', E('Delete', E('ServerId', '1:1:1'))),)),
        ]

    @in_versions('14.1', '16.1')
    def test_of_a_collection(self, version):
        phone = self.phone(self.user, version)
        notes = phone.folder(NOTES)
        for folder in (phone.inbox, notes):
            phone.sync_all(folder)
        for want, key, more in self.rows(phone):
            with self.subTest(want, more=repr(more)):
                status, found = self.ask(phone, fields(*more, key=key, folder=phone.inbox),
                                         phone.collection(notes, key='0'))
                self.assertEqual((status, found[phone.inbox].get('Status')), (None, want))
                self.assertEqual(found[notes].get('Status'), '1')
                # A device that takes what it is told keeps its key, unless that is void.
                kept = found[phone.inbox].get('SyncKey')
                self.assertEqual(kept, '0' if want == '3' else key)
        self.assertIsNone(phone.sync(phone.inbox))

    @in_versions('14.1', '16.1')
    def test_of_the_request(self, version):
        phone = self.phone(self.user, version)
        phone.sync_all(phone.inbox)
        key, inbox = phone.keys[phone.inbox], phone.inbox
        good = fields(key=key, folder=inbox)
        for want, limit, request in (
                ('4', None, E('AirSync:Sync')), ('4', None, E('AirSync:Sync', E('Collections'))),
                ('4', None, E('AirSync:Sync', E('Collections', good, good))),
                ('4', None, E('AirSync:Sync', E('Collections', E('Collection', E('SyncKey', key))))),
                ('4', None, E('AirSync:Sync', E('Collections', E('Collection', E('CollectionId', inbox))))),
                ('4', None, E('AirSync:Sync', E('Collections', good), E('Wait', '1'), E('HeartbeatInterval', '60'))),
                ('4', None, E('AirSync:Sync', E('Collections', good), E('Wait', 'x'))),
                ('4', None, E('AirSync:Sync', E('Collections', good), E('WindowSize', 'x'))),
                ('14', '1', E('AirSync:Sync', E('Collections', good), E('Wait', '0'))),
                ('14', '59', E('AirSync:Sync', E('Collections', good), E('Wait', '60'))),
                ('14', '60', E('AirSync:Sync', E('Collections', good), E('HeartbeatInterval', '59'))),
                ('14', '3540', E('AirSync:Sync', E('Collections', good), E('HeartbeatInterval', '3541'))),
                ('15', '200', E('AirSync:Sync', E('Collections', [
                    fields(folder=str(number)) for number in range(201)])))):
            with self.subTest(want, request=repr(request)[:200]):
                answer = phone.command('Sync', request)
                self.assertEqual((answer.status, answer.root.get('Limit')), (want, limit))
                self.assertFalse(answer.root.has('Collections'))
        self.assertIsNone(phone.sync(phone.inbox))
        fresh = self.phone(version=version)
        self.assertEqual(fresh.command('Sync').status, '13')
        self.assertEqual(fresh.sync_raw(fresh.collection(fresh.inbox), partial=True).status, '13')

    @in_versions('2.5', '12.1', '16.1')
    def test_of_an_unknown_collection(self, version):
        phone = self.phone(self.user, version)
        _, found = self.ask(phone, phone.collection('999', key='0'), phone.collection(phone.inbox, key='0'))
        self.assertEqual([found[f].get('Status') for f in ('999', phone.inbox)], ['12', '1'])

    def test_what_has_no_supported(self):
        """MS-ASNOTE 3.2.5.3."""
        phone = self.phone(self.user)
        notes = phone.folder(NOTES)
        _, found = self.ask(phone, fields(E('Supported', E('Notes:Subject')), folder=notes))
        self.assertEqual(found[notes].get('Status'), '4')
        contacts = phone.folder(CONTACTS)
        _, found = self.ask(phone, fields(E('Supported', E('Contacts:FirstName')), folder=contacts))
        self.assertEqual(found[contacts].get('Status'), '1')

    @not_over_imap(BY_SQL)
    def test_nobody_adds_to_the_recipients(self):
        """MS-ASCMD 2.2.3.7.2: told of the request as a whole."""
        phone = self.phone(self.user)
        self.lab.sql("SELECT easel.recipients_used(easel.account_of(:'a'), '{x@else.test}', '{X}')", a=self.user)
        phone.folder_sync()
        cache = phone.folder(19)
        phone.sync_all(cache)
        status, found = self.ask(phone, phone.collection(cache, commands=[add('1', *named('New'))]))
        self.assertEqual((status, found), ('4', {}))
        self.assertEqual(len(phone.sync_all(cache)), 1)


class OfItems(StatusTest):
    """Status 6 for what is malformed or not allowed, 8 for what is not there: of that command alone."""

    def bad(self, version):
        """Folder, and elements that are not taken."""
        wrong = {
            CONTACTS: [[E('Contacts:Birthday', 'yesterday')], [E('Contacts:Picture', 'x' * 60_000)],
                       [*named('Twice'), *named('Twice')]],
            TASKS: [[E('Tasks:Complete', '2')], [E('Tasks:ReminderSet', '2')], [E('Tasks:Sensitivity', '4')],
                    [E('Tasks:DueDate', 'x')],
                    [E('Tasks:Recurrence', E('Tasks:Type', 0))],  # without Start
                    [E('Tasks:Recurrence', E('Tasks:Start', '2026-11-20T00:00:00.000Z'))],
                    [E('Tasks:Recurrence', E('Tasks:Type', 4), E('Tasks:Start', '2026-11-20T00:00:00.000Z'))],
                    [E('Tasks:Recurrence', E('Tasks:Type', 0), E('Tasks:Start', '2026-11-20T00:00:00.000Z'),
                       E('Tasks:WeekOfMonth', 1))],
                    [E('Tasks:Recurrence', E('Tasks:Type', 2), E('Tasks:Start', '2026-11-20T00:00:00.000Z'),
                       E('Tasks:DayOfMonth', 1), E('Tasks:DayOfWeek', 1))]],
            NOTES: [[E('Notes:MessageClass', 'IPM.Note')], [E('Notes:Subject', 'x'), E('Notes:Subject', 'y')]],
            CALENDAR: [[E('Calendar:StartTime', 'x')], [E('Calendar:BusyStatus', '9')],
                       [E('Calendar:Sensitivity', '4')], [E('Calendar:AllDayEvent', '2')],
                       [E('Calendar:Reminder', 'x')], [E('Calendar:MeetingStatus', '2')],
                       [E('Calendar:EndTime', '20000101T000000Z')],
                       [E('Calendar:StartTime', '20270102T000000Z'), E('Calendar:EndTime', '20270101T000000Z')],
                       [E('Calendar:Recurrence', E('Calendar:Type', 4))],
                       [E('Calendar:Recurrence', E('Calendar:Type', 1), E('Calendar:DayOfWeek', 2),
                          E('Calendar:FirstDayOfWeek', 7))],
                       [E('Calendar:Recurrence', E('Calendar:Type', 2), E('Calendar:DayOfMonth', 1),
                          E('Calendar:CalendarType', 13))],
                       [E('Calendar:Recurrence', E('Calendar:Type', 0), E('Calendar:MonthOfYear', 1))]],
        }
        if version == '16.1':
            wrong[CALENDAR].append([E('AirSyncBase:Location', E('AirSyncBase:Latitude', 'north'))])
        return wrong

    @in_versions('14.1', '16.1')
    def test_what_is_not_taken(self, version):
        phone = self.phone(version=version)
        good = {CONTACTS: named('Good'), TASKS: [E('Tasks:Subject', 'Good')], NOTES: [E('Notes:Subject', 'Good')],
                CALENDAR: [E('Calendar:Subject', 'Good')]}
        for kind, rows in self.bad(version).items():
            folder = phone.folder(kind)
            phone.sync_all(folder)
            commands = [add(str(number), *row) for number, row in enumerate(rows)]
            commands.insert(1, add('good', *good[kind]))
            responses = self.statuses(phone.sync_raw(phone.collection(
                folder, commands=commands)).root.find('Collections/Collection'), 'Add')
            for number, row in enumerate(rows):
                with self.subTest(kind, row=repr(row)[:120]):
                    self.assertEqual(responses[str(number)], '6')
            self.assertEqual(responses['good'], '1')

    @in_versions('12.1', '16.1')
    def test_of_messages(self, version):
        """A flag without its dates, or with half of them; what can't be changed; what is not there."""
        phone = self.synced_phone([message()], version)
        item, _ = self.one_item(phone)
        start, due = ('2026-11-23T00:00:00.000Z', '2026-11-20T00:00:00.000Z')
        rows = [('6', change(item, E('Email:Read', 'maybe'))),
                ('6', change(item, E('Email:Flag', E('Status', 2), E('FlagType', 'x'), E('Tasks:StartDate', start)))),
                ('6', change(item, E('Email:Flag', E('Status', 2), E('FlagType', 'x'),
                                     E('Tasks:StartDate', start), E('Tasks:UtcStartDate', start),
                                     E('Tasks:DueDate', due), E('Tasks:UtcDueDate', due)))),
                ('8', read_change(phone.inbox + ':1:999', 1)), ('8', read_change('x', 1))]
        if version == '16.1':
            rows.append(('6', change(item, E('Email2:ConversationId', b'x'))))
        for want, command in rows:
            with self.subTest(want, command=repr(command)):
                collection = phone.sync(phone.inbox, commands=[command])
                self.assertEqual([r.get('Status') for r in collection.all('Responses/Change')], [want])
        added = phone.sync(phone.inbox, commands=[add('1', E('Email:Subject', 'x')),
                                                  E('Fetch', E('ServerId', 'x')), E('Fetch', E('ServerId', item)),
                                                  E('Change', E('ServerId', item)), E('Add', E('ClientId', '2'))])
        self.assertEqual([r.get('Status') for r in added.find('Responses').children], ['6', '8', '1', '4', '4'])

    def test_a_conflict(self):
        one = self.phone()
        two, folder = self.phone(one.user), one.folder(CONTACTS)
        for phone in (one, two):
            phone.sync_all(folder)
        item, = self.added(one, folder, named('One'))
        two.sync_all(folder)
        one.sync(folder, commands=[change(item, *named('Eins'))])
        collection = two.sync(folder, options=options(conflict=1), commands=[change(item, *named('Uno'))])
        self.assertEqual(self.statuses(collection, 'Change'), {item: '7'})
        self.assertEqual(two.items[folder][item].get('Contacts:LastName'), 'Eins')

    def added(self, phone, folder, *items):
        collection = phone.sync(folder, commands=[add(str(n), *data) for n, data in enumerate(items)])
        ids = [r.get('ServerId') for r in collection.all('Responses/Add')]
        phone.items[folder].update(zip(ids, (E('ApplicationData', data) for data in items)))
        return ids


class OfEstimates(StatusTest):
    """MS-ASCMD 2.2.3.27.2, 2.2.3.36.1, 2.2.3.68.1, 2.2.3.103.1, 2.2.3.177.7."""

    def status(self, phone, folder, *content, key=None):
        answer = phone.command('GetItemEstimate', E('GetItemEstimate:GetItemEstimate', E('Collections', E(
            'Collection', key is None and E('AirSync:SyncKey', phone.keys[folder]) or E('AirSync:SyncKey', key),
            E('CollectionId', folder), *content))))
        return answer.root.get('Response/Status')

    @in_versions('14.1', '16.1')
    def test_each(self, version):
        phone = self.phone(version=version)
        folders = {kind: phone.folder(kind) for kind in (2, CALENDAR, TASKS, CONTACTS, NOTES)}
        for folder in folders.values():
            phone.sync_all(folder)

        def wish(*content):
            return E('AirSync:Options', *content)

        allowed = {2: '012345', CALENDAR: '04567', TASKS: '08', CONTACTS: '012345678', NOTES: '012345678'}
        for kind, folder in folders.items():
            for value in [str(n) for n in range(9)]:
                with self.subTest(kind, filter=value):
                    self.assertEqual(self.status(phone, folder, wish(E('AirSync:FilterType', value))),
                                     '1' if value in allowed[kind] else '110')
            for value in ('9', '10', 'x', ''):
                with self.subTest(kind, filter=value):
                    self.assertEqual(self.status(phone, folder, wish(E('AirSync:FilterType', value))), '103')
        for want, kind, content in (
                ('2', 2, wish(E('AirSync:MaxItems', 5))), ('4', 2, wish(E('AirSync:Class', 'Calendar'))),
                ('4', 2, wish(E('AirSync:Class', 'x'))), ('1', 2, wish(E('AirSync:Class', 'Email'))),
                ('103', CALENDAR, E('AirSync:ConversationMode', 1)), ('103', 2, E('AirSync:ConversationMode', 2)),
                ('1', 2, E('AirSync:ConversationMode', 1))):
            with self.subTest(want, content=repr(content)):
                # ConversationMode stands before Options.
                self.assertEqual(self.status(phone, folders[kind], content), want)
        self.assertEqual(self.status(phone, phone.inbox, key='0'), '3')
        self.assertEqual(self.status(phone, phone.inbox, key='abc'), '4')
        self.assertEqual(self.status(phone, '999', key=phone.keys[phone.inbox]), '2')

    def test_below_14_there_is_one_for_all_options(self):
        phone = self.synced_phone(version='12.1')
        self.assertEqual(phone.estimate(phone.inbox, options=options(filter_type=8)).get('Status'), '2')


@not_over_imap(BY_SQL)
class BadStoredItems(StatusTest):
    """An item that can't be read any more is left out and named to the administrator; all else goes on."""

    GOOD = {CONTACTS: named('Item'), TASKS: [E('Tasks:Subject', 'Item')], NOTES: [E('Notes:Subject', 'Item')],
            CALENDAR: [E('Calendar:Subject', 'Item')]}

    def spoil(self, user, uid, kind):
        self.lab.sql("UPDATE easel.content c SET data = 'garbage' FROM easel.item i JOIN easel.folder f"
                     " ON f.account_id = i.account_id AND f.id = i.folder_id WHERE i.account_id = easel.account_of(:'a')"
                     " AND f.class = :'class' AND i.uid = :uid AND c.account_id = i.account_id AND c.id = i.content_id",
                     a=user, uid=uid, **{'class': kind})

    @in_versions('14.1', '16.1')
    def test_in_each_class(self, version):
        one = self.phone(version=version)
        classes = {CONTACTS: 'Contacts', TASKS: 'Tasks', NOTES: 'Notes', CALENDAR: 'Calendar'}
        for kind, data in self.GOOD.items():
            with self.subTest(classes[kind]):
                folder = one.folder(kind)
                one.sync_all(folder)
                added = one.sync(folder, commands=[add(str(n), *data) for n in range(3)])
                items = [r.get('ServerId') for r in added.all('Responses/Add')]
                one.items[folder].update((i, E('ApplicationData', data)) for i in items)
                bad = items[1]
                self.spoil(one.user, int(bad.rpartition(':')[2]), classes[kind])
                other = self.phone(one.user, version)
                self.assertEqual(set(other.sync_all(folder)), {items[0], items[2]})
                self.assertEqual(self.lab.sql(
                    "SELECT reason, uid FROM easel.omitted_item WHERE account = :'a' AND device_id = :'d'"
                    " AND folder = :'f'", a=one.user, d=other.device_id, f=one.folders[folder]['DisplayName']),
                    [['unreadable', bad.rpartition(':')[2]]])
                # The device that holds it can't change it, and deletes it.
                collection = one.sync(folder, commands=[change(bad, *data), change(items[0], *data),
                                                        E('Fetch', E('ServerId', bad))])
                self.assertEqual(self.statuses(collection, 'Change'), {bad: '6'})
                self.assertEqual(self.statuses(collection, 'Fetch'), {bad: '6'})
                fetched = one.fetch_item(folder, bad).root.find('Response/Fetch')
                self.assertEqual(fetched.get('Status'), '14')
                one.sync(folder, commands=[delete(bad)])
                self.assertEqual(set(other.sync_all(folder)), {items[0], items[2]})
                self.assertIsNone(other.sync(folder))

    def test_a_message(self):
        phone = self.phone()
        for number in range(3):
            self.lab.deliver(phone.user, message(f'Message {number}'))
        self.lab.sql("UPDATE easel.content c SET summary = '{}', data = '' FROM easel.item i WHERE i.uid = 2 AND"
                     " i.account_id = easel.account_of(:'a') AND c.account_id = i.account_id AND c.id = i.content_id",
                     a=phone.user)
        found = [d.get('Email:Subject') for d in phone.sync_all(phone.inbox).values()]
        self.assertEqual([s for s in found if s.startswith('Message')], ['Message 2', 'Message 0'])
        self.find_told(phone)
        self.assertIsNone(phone.sync(phone.inbox))

    def find_told(self, phone):
        """The message that says so, which comes with the next Sync."""
        phone.sync_all(phone.inbox)
        return self.find_item(phone, f'An item is missing on {phone.device_id}')
