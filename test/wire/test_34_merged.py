"""Several folders as one: on devices that take one of a class, and what is shown as something else."""

import random
from email import message_from_bytes, policy

from common import in_versions, message
from mapped import Mapped
from phone import delete, options
from test_33_views import NOTE, TASK, change, event
from wbxml import E

CALENDAR, CONTACTS, TASKS = '8', '9', '7'


def invitation(to):
    """An invitation, as a message."""
    mail = message_from_bytes(message('Plan', to=to), policy=policy.SMTP)
    mail.add_alternative('BEGIN:VCALENDAR\r\nVERSION:2.0\r\nMETHOD:REQUEST\r\nBEGIN:VEVENT\r\nUID:plan@else.test\r\n'
                         'DTSTAMP:20261101T080000Z\r\nDTSTART:20261120T090000Z\r\nDTEND:20261120T100000Z\r\nSUMMARY:Plan\r\n'
                         f'ORGANIZER:mailto:ben@else.test\r\nATTENDEE;RSVP=TRUE:mailto:{to}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n',
                         subtype='calendar', params={'method': 'REQUEST'})
    return mail.as_bytes()


def contact(name):
    return [E('Contacts:FileAs', name), E('Contacts:LastName', name)]


class Merged(Mapped):
    domain = 'merged.test'  # where no other test shares anything with everybody

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.sql("SELECT easel.domain_create(:'name')", name=cls.domain)

    def merged(self, *folders, version='16.1', **settings):
        """A phone that takes one folder of each class, of an account with these folders of contacts."""
        user = self.account()
        for name in folders:
            self.make(user, name, None, 'Contacts')
        self.set(user, **{'several_folders': 'merged', 'mail_folders': 'tree', **settings})
        return self.phone(user, version)

    def put_card(self, user, folder, name):
        return self.put(user, folder, f'BEGIN:VCARD\nVERSION:3.0\nUID:{name}\nFN:{name}\nN:{name};;;;\nEND:VCARD\n')

    def number(self, user, name):
        return self.lab.sql("SELECT id FROM easel.folder WHERE account_id = easel.account_by_address(:'user')"
                            " AND name = :'name'", user=user, name=name)[0][0]

    def names(self, phone, folder):
        return sorted((data.get('Contacts:LastName') or data.get('LastName')) for data in phone.items[folder].values())

    def kept(self, user, folder):
        """Names of the cards in a folder of the server."""
        return sorted(text.partition('\nN:')[2].partition(';')[0] for text in self.text(user, self.number(user, folder)))

    def test_all_are_in_the_default_one(self):
        phone = self.merged('Team')
        self.put_card(phone.user, self.number(phone.user, 'Contacts'), 'Ann')
        self.put_card(phone.user, self.number(phone.user, 'Team'), 'Bob')
        self.assertEqual(self.shown(phone, 'Team'), [])
        folder = phone.folder(CONTACTS)
        phone.sync_all(folder)
        self.assertEqual(self.names(phone, folder), ['Ann', 'Bob'])
        self.assertEqual(phone.folder_delete(folder).status, '3')
        self.assertEqual(phone.folder_update(folder, 'x').status, '2')
        self.assert_alike(phone)

    @in_versions('2.5', '14.1', '16.1')
    def test_an_item_stays_in_its_home(self, version):
        phone = self.merged('Team', version=version)
        self.put_card(phone.user, self.number(phone.user, 'Team'), 'Bob')
        folder = phone.folder(CONTACTS)
        phone.sync_all(folder)
        item, _ = self.one_item(phone, folder)
        self.assertEqual(phone.sync(folder, commands=[change(item, *contact('Rob'))]).get('Status'), '1')
        self.assertEqual((self.kept(phone.user, 'Team'), self.kept(phone.user, 'Contacts')), (['Rob'], []))
        self.assertIsNone(phone.sync(folder), 'the one that changed it is told of it')
        answer = phone.sync(folder, commands=[E('Add', E('ClientId', 'c1'), E('ApplicationData', contact('New')))])
        new = answer.get('Responses/Add/ServerId')
        self.assertEqual((self.kept(phone.user, 'Team'), self.kept(phone.user, 'Contacts')), (['Rob'], ['New']))
        self.assertIsNone(phone.sync(folder), 'the one that added it is told of it')
        other = self.phone(phone.user, version)
        self.assertEqual(sorted(other.sync_all(folder)), sorted([item, new]))
        phone.sync(folder, commands=[delete(item)])
        self.assertEqual(self.kept(phone.user, 'Team'), [])
        self.assertIsNone(phone.sync(folder))
        self.assertEqual(list(other.sync_all(folder)), [new])

    def test_what_happens_in_any_of_them_is_pinged(self):
        phone = self.merged('Team')
        folder = phone.folder(CONTACTS)
        phone.sync_all(folder)
        for home in ('Team', 'Contacts', 'Team'):
            pending = phone.ping([folder], 60)
            self.put_card(phone.user, self.number(phone.user, home), home + str(len(phone.items[folder])))
            self.assertEqual(pending.answer().root.get('Folders/Folder'), folder)
            phone.sync(folder)
        self.assertEqual(self.names(phone, folder), ['Contacts1', 'Team0', 'Team2'])
        self.assertEqual(phone.ping([folder], 60).hang_up(), None)

    def test_folders_come_and_go(self):
        phone = self.merged('Team')
        folder = phone.folder(CONTACTS)
        self.put_card(phone.user, self.number(phone.user, 'Team'), 'Bob')
        phone.sync_all(folder)
        self.make(phone.user, 'More', None, 'Contacts')
        self.put_card(phone.user, self.number(phone.user, 'More'), 'Cyd')
        self.assertEqual(self.changes_of(phone), [])
        phone.sync(folder)
        self.assertEqual(self.names(phone, folder), ['Bob', 'Cyd'])
        pending = phone.ping([folder], 60)
        self.lab.sql("SELECT easel.folder_delete(easel.account_by_address(:'user'), :folder)",
                     user=phone.user, folder=self.number(phone.user, 'Team'))
        self.assertIn(pending.answer().status, ('2', '7'))
        self.assertEqual(self.changes_of(phone), [])
        phone.sync(folder)
        self.assertEqual(self.names(phone, folder), ['Cyd'])

    def changes_of(self, phone):
        return phone.folder_sync().root.find('Changes').children[1:]

    def test_separate_off_and_merged(self):
        phone = self.merged('Team', several_folders='separate')
        self.assertEqual(len(self.shown(phone, 'Team')), 1)
        tree = dict(phone.folders)
        default = phone.folder(CONTACTS)
        self.set(phone.user, several_folders='off', mail_folders='tree')
        phone.folder_sync()
        self.assertEqual((self.shown(phone, 'Team'), phone.folder(CONTACTS)), ([], default))
        self.set(phone.user, several_folders='merged', mail_folders='tree')
        phone.folder_sync()
        self.assertEqual(self.shown(phone, 'Team'), [])
        self.assertNotEqual(phone.folder(CONTACTS), default)
        self.set(phone.user, several_folders='separate', mail_folders='tree')
        phone.folder_sync()
        self.assertEqual(phone.folders, tree)

    def share(self, owner, guest, rights):
        self.lab.sql("SELECT easel.folder_share(:'owner', 'Contacts', :'guest', :'rights')", owner=owner, guest=guest, rights=rights)

    def test_what_others_share_is_in_it_as_far_as_the_rights_go(self):
        owner = self.account('owner')
        self.put_card(owner, self.number(owner, 'Contacts'), 'Far')
        phone = self.merged()
        folder = phone.folder(CONTACTS)
        phone.sync_all(folder)
        self.share(owner, phone.user, 'read')
        self.assertEqual(self.changes_of(phone), [])
        phone.sync(folder)
        item, _ = self.one_item(phone, folder)
        phone.sync(folder, commands=[change(item, *contact('Mine'))])
        phone.sync_all(folder)
        self.assertEqual((self.names(phone, folder), self.kept(owner, 'Contacts')), (['Far'], ['Far']))
        phone.sync(folder, commands=[delete(item)])
        phone.sync_all(folder)
        self.assertEqual((self.names(phone, folder), self.kept(owner, 'Contacts')), (['Far'], ['Far']))
        self.share(owner, phone.user, 'write')
        phone.folder_sync()
        phone.sync(folder, commands=[change(item, *contact('Ours'))])
        self.assertEqual(self.kept(owner, 'Contacts'), ['Ours'])
        self.lab.sql("SELECT easel.folder_unshare(:'owner', 'Contacts', :'guest')", owner=owner, guest=phone.user)
        fetched = phone.fetch_item(folder, item).root.find('Response/Fetch')
        self.assertNotEqual(fetched.get('Status'), '1', 'what may not be read any more is given out')
        phone.folder_sync()
        phone.sync(folder)
        self.assertEqual(phone.items[folder], {})

    def test_tasks_merged_into_the_calendar(self):
        user = self.account()
        self.set(user, groupware_folders='all', mail_folders='tree', tasks_as='events', tasks_into='merged')
        tasks, calendar = self.number(user, 'Tasks'), self.number(user, 'Calendar')
        self.put(user, tasks, TASK.format(name='Paint', more='DUE:20260112T140000Z\n'))
        phone = self.phone(user)
        self.assertEqual(self.shown(phone, 'Tasks'), [])
        folder = phone.folder(CALENDAR)
        phone.sync_all(folder)
        item, data = self.one_item(phone, folder)
        self.assertEqual(data.get('Calendar:Subject'), 'Paint')
        phone.sync(folder, commands=[change(item, E('Calendar:Subject', 'Draw'), E('Calendar:BusyStatus', 2))])
        phone.sync_all(folder)
        self.assertEqual(self.one_item(phone, folder)[1].get('Calendar:BusyStatus'), '0')
        phone.sync(folder, commands=[E('Add', E('ClientId', 'c1'), E('ApplicationData', event('Meet')))])
        self.assertIn('SUMMARY:Draw', self.text(user, tasks)[0])
        self.assertIn('SUMMARY:Meet', self.text(user, calendar)[0])
        self.assertEqual(len(self.text(user, calendar)), 1)
        other = self.phone(user)
        self.assertEqual(sorted(d.get('Calendar:Subject') for d in other.sync_all(folder).values()), ['Draw', 'Meet'])

    def test_without_all_groupware_it_is_merged(self):
        user = self.account()
        self.set(user, groupware_folders='default', mail_folders='tree', tasks_as='events', notes_as='tasks')
        self.put(user, self.number(user, 'Notes'), NOTE.format(name='Idea'), '2026-01-05 10:15Z')
        self.put(user, self.number(user, 'Tasks'), TASK.format(name='Paint', more=''))
        phone = self.phone(user)
        for kind, name, subject in ((CALENDAR, 'Paint', 'Calendar:Subject'), (TASKS, 'Idea', 'Tasks:Subject')):
            phone.sync_all(phone.folder(kind))
            self.assertEqual(self.one_item(phone, phone.folder(kind))[1].get(subject), name)

    def test_an_event_added_again_is_known_by_its_uid(self):
        user = self.account()
        self.make(user, 'Team', None, 'Calendar')
        self.set(user, several_folders='merged', mail_folders='tree')
        phone = self.phone(user, '14.1')
        folder = phone.folder(CALENDAR)
        phone.sync_all(folder)
        data = event('Meet', UID='u1', Timezone='A' * 228 + '==')
        add = [E('Add', E('ClientId', 'c1'), E('ApplicationData', data))]
        item = phone.sync(folder, commands=add).get('Responses/Add/ServerId')
        other = self.phone(user, '14.1')
        other.sync_all(folder)
        self.assertEqual(other.sync(folder, commands=add).get('Responses/Add/ServerId'), item)

    def ask(self, phone, words, *conditions):
        """What Search finds: (CollectionId, ServerId, name)."""
        store = phone.command('Search', E('Search:Search', E(
            'Store', E('Name', 'Mailbox'), E('Query', E('And', E('FreeText', words), *conditions)),
            E('Options', E('DeepTraversal'), E('Range', '0-9'))))).root.find('Response/Store')
        self.assertEqual(store.get('Status'), '1')
        return [(r.get('AirSync:CollectionId'), r.get('LongId'), r.get('Properties/Contacts:LastName'))
                for r in store.all('Result') if r.children]

    def test_what_is_searched_is_found_in_it(self):
        phone = self.merged('Team')
        other = self.phone(phone.user)
        folder = phone.folder(CONTACTS)
        phone.sync_all(folder)
        for step, name in enumerate(('Quendolin', 'Quentin')):
            phone.sync(folder, commands=[E('Add', E('ClientId', f'c{step}'), E('ApplicationData', contact(name)))])
        quentin, = [i for i, d in other.sync_all(folder).items() if d.get('Contacts:LastName') == 'Quentin']
        self.lab.sql("SELECT easel.folder_share(:'owner', 'Contacts', :'guest')", owner=phone.user, guest=self.account())
        found = self.ask(other, 'quentin')
        self.assertEqual(found, [(folder, quentin, 'Quentin')])
        self.assertEqual(len(self.ask(other, 'quen', E('AirSync:CollectionId', folder))), 2)
        # One that takes several finds it in its home, and one whose folders are hidden does not find it there.
        self.set(phone.user, several_folders='separate', mail_folders='tree')
        other.folder_sync()
        self.assertEqual([c for c, *_ in self.ask(other, 'quentin')], [other.folder(CONTACTS)])
        self.assertNotEqual(other.folder(CONTACTS), folder)

    def test_an_invitation_is_answered_into_it(self):
        user = self.account()
        self.make(user, 'Team', None, 'Calendar')
        self.set(user, several_folders='merged', mail_folders='tree')
        phone = self.phone(user)
        calendar = phone.folder(CALENDAR)
        phone.sync_all(calendar)
        self.lab.deliver(user, invitation(user))
        phone.sync_all(phone.inbox)
        item, _ = self.one_item(phone)
        document = E('MeetingResponse:MeetingResponse', E('Request', E('UserResponse', 1), E('CollectionId', phone.inbox),
                                                          E('RequestId', item)))
        result = phone.command('MeetingResponse', document).root.find('Result')
        self.assertEqual(result.get('Status'), '1')
        self.assertEqual(list(phone.sync_all(calendar)), [result.get('CalendarId')])

    def test_it_always_is_what_is_in_its_folders(self):
        phone = self.merged('A', 'B')
        dice = random.Random(7)
        folder = phone.folder(CONTACTS)
        phone.sync_all(folder)
        for step in range(30):
            home = self.number(phone.user, dice.choice(['Contacts', 'A', 'B']))
            item = dice.choice([*phone.items[folder], None])
            choice = dice.randrange(5)
            if choice == 0 and item:
                phone.sync(folder, commands=[delete(item)])
            elif choice == 1 and item:
                phone.sync(folder, commands=[change(item, *contact(f'E{step}'))])
            elif choice == 2:
                add = E('ApplicationData', contact(f'P{step}'))
                answer = phone.sync(folder, commands=[E('Add', E('ClientId', f'c{step}'), add)])
                phone.items[folder][answer.get('Responses/Add/ServerId')] = add
            elif choice == 3:
                phone.sync_raw(phone.collection(folder))  # the answer is lost
            else:
                self.put_card(phone.user, home, f'S{step}')
        phone.sync_all(folder)
        kept = [name for home in ('Contacts', 'A', 'B') for name in self.kept(phone.user, home)]
        self.assertEqual(self.names(phone, folder), sorted(kept))


if __name__ == '__main__':
    import unittest
    unittest.main()
