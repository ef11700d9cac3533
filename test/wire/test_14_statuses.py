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
