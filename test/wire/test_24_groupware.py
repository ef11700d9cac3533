"""Contacts, tasks and notes through Sync: what a device adds, changes and deletes comes to the others."""

import unittest

from common import WireTest, in_versions
from phone import WireError, body, delete, options
from wbxml import E

CONTACTS, TASKS, NOTES = 9, 7, 10


def add(client_id, *data):
    return E('Add', E('ClientId', client_id), E('ApplicationData', list(data)))


def change(item, *data):
    return E('Change', E('ServerId', item), E('ApplicationData', list(data)))


def contact(first, last, **more):
    """A contact's elements."""
    return [E('Contacts:' + name, value)
            for name, value in {'FileAs': f'{last}, {first}', 'FirstName': first, 'LastName': last, **more}.items()]


class GroupwareTest(WireTest):

    def pair(self, kind, version='16.1', supported=None):
        """Two phones of one account that have synced the folder of a type."""
        one = self.phone(version=version)
        other = self.phone(one.user, version)
        folder = one.folder(kind)
        for phone in (one, other):
            phone.sync_raw_supported = supported
            self.begin(phone, folder, supported if phone is one else None)
        return one, other, folder

    def begin(self, phone, folder, supported=None):
        """The first Sync of a folder."""
        if supported is not None:
            collection = phone.collection(folder)
            collection.children.insert(2, E('Supported', [E(name) for name in supported]))
            phone.take(phone.sync_raw(collection), folder)
        phone.sync_all(folder)

    def responses(self, collection, verb):
        """(Status, ServerId) of each response of a kind."""
        return [(r.get('Status'), r.get('ServerId')) for r in collection.all('Responses/' + verb)]

    def added(self, phone, folder, *data, client_id='c1'):
        """Adds an item; returns its ServerId."""
        (status, item), = self.responses(phone.sync(folder, commands=[add(client_id, *data)]), 'Add')
        self.assertEqual(status, '1')
        phone.items[folder][item] = E('ApplicationData', list(data))
        return item

    def seen(self, phone, folder, item, name):
        return phone.sync_all(folder)[item].get(name)


class Items(GroupwareTest):

    @in_versions('12.1', '14.1', '16.1')
    def test_a_contact_goes_round(self, version):
        one, other, folder = self.pair(CONTACTS, version)
        item = self.added(one, folder, *contact('Rosa', 'Ray', MobilePhoneNumber='+15550100'))
        self.assertEqual(self.seen(other, folder, item, 'Contacts:MobilePhoneNumber'), '+15550100')
        self.assertIsNone(one.sync(folder), 'the one that added it is told of it')
        one.sync(folder, commands=[change(item, *contact('Rosa', 'Day', MobilePhoneNumber='+15550100'))])
        self.assertEqual(self.seen(other, folder, item, 'Contacts:LastName'), 'Day')
        other.sync(folder, commands=[delete(item)])
        self.assertEqual(one.sync_all(folder), {})
        self.assertEqual(other.sync_all(folder), {})

    def test_a_note_and_a_task(self):
        one, other, folder = self.pair(NOTES)
        item = self.added(one, folder, E('Notes:Subject', 'Shopping'),
                          E('AirSyncBase:Body', E('Type', 1), E('Data', 'Milk')))
        self.assertEqual(self.seen(other, folder, item, 'Notes:Subject'), 'Shopping')
        one, other, folder = self.pair(TASKS)
        item = self.added(one, folder, E('Tasks:Subject', 'Call'), E('Tasks:Complete', 0))
        self.assertEqual(self.seen(other, folder, item, 'Tasks:Subject'), 'Call')

    def test_fetching_one_item(self):
        one, _, folder = self.pair(NOTES)
        item = self.added(one, folder, E('Notes:Subject', 'Shopping'),
                          E('AirSyncBase:Body', E('Type', 1), E('Data', 'Milk and bread')))
        fetch = one.fetch_item(folder, item).root.find('Response/Fetch')
        self.assertEqual((fetch.get('Status'), fetch.get('AirSync:Class')), ('1', 'Notes'))
        self.assertEqual(fetch.get('Properties/AirSyncBase:Body/Data').strip(), 'Milk and bread')
        folder = one.folder(CONTACTS)
        one.sync_all(folder)
        item = self.added(one, folder, *contact('Rosa', 'Ray'))
        collection = one.sync(folder, commands=[E('Fetch', E('ServerId', item))])
        self.assertEqual(collection.get('Responses/Fetch/ApplicationData/Contacts:FirstName'), 'Rosa')

    def test_an_add_that_is_repeated(self):
        one, _, folder = self.pair(CONTACTS)
        command = [add('same', *contact('Rosa', 'Ray'))]
        (_, item), = self.responses(one.sync_raw(one.collection(folder, commands=command)).root
                                    .find('Collections/Collection'), 'Add')
        for _ in range(2):  # the answer is lost, twice
            answer = one.sync_raw(one.collection(folder, commands=command))
            self.assertEqual(self.responses(answer.root.find('Collections/Collection'), 'Add'), [('1', item)])
        # A device that starts afresh adds what was never acknowledged once more.
        one.keys.pop(folder)
        one.sync(folder)
        collection = one.sync(folder, commands=command)
        self.assertEqual(self.responses(collection, 'Add'), [('1', item)])
        self.assertEqual([c.get('ServerId') for c in collection.all('Commands/Add')], [])
        other = self.phone(one.user)
        self.assertEqual(list(other.sync_all(folder)), [item])

    def test_the_same_add_twice_in_one_request(self):
        one, other, folder = self.pair(CONTACTS)
        command = add('same', *contact('Rosa', 'Ray'))
        (_, first), (_, second) = self.responses(one.sync(folder, commands=[command, command]), 'Add')
        self.assertEqual(first, second)
        self.assertEqual(len(other.sync_all(folder)), 1)

    def test_bad_items_stop_no_others(self):
        one, other, folder = self.pair(TASKS)
        good = [E('Tasks:Subject', 'Good'), E('Tasks:Complete', 0)]
        collection = one.sync(folder, commands=[
            add('1', E('Tasks:Subject', 'Bad'), E('Tasks:Complete', 'perhaps')),
            E('Add', E('ClientId', '2')),
            add('4', *good, E('Tasks:Subject', 'Twice')),
            add('5', *good)])
        self.assertEqual([status for status, _ in self.responses(collection, 'Add')],
                         ['6', '4', '6', '1'])
        self.assertEqual([data.get('Tasks:Subject') for data in other.sync_all(folder).values()], ['Good'])

    def test_a_command_without_an_id(self):
        one, _, folder = self.pair(TASKS)
        for command in (E('Add', E('ApplicationData', E('Tasks:Subject', 'x'))), add('x' * 65, E('Tasks:Subject', 'x')),
                        E('Change', E('ApplicationData', E('Tasks:Subject', 'x')))):
            self.assertEqual(one.sync(folder, commands=[command]).get('Status'), '4')

    def test_moves(self):
        one, other, folder = self.pair(CONTACTS)
        item = self.added(one, folder, *contact('Rosa', 'Ray'))
        target = self.lab.sql("SELECT easel.folder_create(id, NULL, 'Friends', 'Contacts') FROM easel.account"
                              " WHERE address = :'user'", user=one.user)[0][0]
        for phone in (one, other):
            phone.folder_sync()
            phone.sync_all(target)
        moved = one.move(item, folder, target)
        self.assertEqual(other.sync_all(folder), {})
        self.assertEqual(other.sync_all(target)[moved].get('Contacts:FirstName'), 'Rosa')
        self.assertIsNone(one.sync(target))
        self.assertEqual(one.move(moved, target, one.inbox), 2)


class LeftOut(GroupwareTest):
    """What a Change leaves out: MS-ASCMD 2.2.3.179."""

    def left(self, supported, version='14.1'):
        """What is left of a contact after a Change that names its names only."""
        one, other, folder = self.pair(CONTACTS, version, supported)
        item = self.added(one, folder, *contact('Rosa', 'Ray', MobilePhoneNumber='+15550100',
                                                JobTitle='Pilot'))
        one.sync(folder, commands=[change(item, *contact('Rosa', 'Ray'))])
        data = other.sync_all(folder)[item]
        return data.get('Contacts:MobilePhoneNumber'), data.get('Contacts:JobTitle')

    def test_without_supported_it_is_removed(self):
        self.assertEqual(self.left(None), (None, None))

    def test_an_empty_supported_keeps_all(self):
        self.assertEqual(self.left([]), ('+15550100', 'Pilot'))

    def test_what_supported_names_is_removed(self):
        self.assertEqual(self.left(['Contacts:JobTitle']), ('+15550100', None))


class Conflicts(GroupwareTest):

    def conflict(self, keep):
        """Both change the last name; the first one has not seen the other's."""
        one, other, folder = self.pair(CONTACTS)
        item = self.added(one, folder, *contact('Rosa', 'Ray'))
        other.sync_all(folder)
        other.sync(folder, commands=[change(item, *contact('Rosa', 'Theirs'))])
        collection = one.sync(folder, commands=[change(item, *contact('Rosa', 'Mine'))],
                              options=options(conflict=keep))
        one.sync_all(folder)
        other.sync_all(folder)
        names = {phone.items[folder][item].get('Contacts:LastName') for phone in (one, other)}
        return self.responses(collection, 'Change'), names, item

    def test_the_server_wins(self):
        responses, names, item = self.conflict(1)
        self.assertEqual(responses, [('7', item)])
        self.assertEqual(names, {'Theirs'})

    def test_the_client_wins(self):
        responses, names, _ = self.conflict(0)
        self.assertEqual((responses, names), ([], {'Mine'}))


class TextMessages(GroupwareTest):

    def test_they_are_kept_and_not_told(self):
        one, other, folder = self.pair(2, '14.1')
        command = E('Add', E('Class', 'SMS'), E('ClientId', 's1'), E('ApplicationData',
            E('Email:To', '[MOBILE:+15550100]'), E('Email:From', '[MOBILE:+15550111]'),
            E('Email:DateReceived', '2026-11-20T10:00:00.000Z'), E('Email:Read', 0),
            E('AirSyncBase:Body', E('Type', 1), E('Data', 'See you at noon'))))
        wish = [E('AirSync:Options', E('Class', 'Email'), E('FilterType', 0)), E('AirSync:Options', E('Class', 'SMS'))]
        ids = set()
        for _ in range(2):
            collection = one.sync_raw(one.collection(folder, commands=[command], options=wish)).root.find(
                'Collections/Collection')
            self.assertEqual(collection.get('Responses/Add/Class'), 'SMS')
            ids.update(self.responses(collection, 'Add'))
            self.assertFalse(collection.has('Commands'))
        (status, item), = ids
        self.assertEqual(status, '1')
        self.assertIsNone(other.sync(folder))
        kept = "SELECT body, read FROM easel.sms s JOIN easel.account a ON a.id = s.account_id WHERE address = :'user'"
        one.sync(folder, commands=[change(item, E('Email:Read', 1))])
        self.assertEqual(self.lab.sql(kept, user=one.user), [['See you at noon', 't']])
        one.sync(folder, commands=[delete(item)])
        self.assertEqual(self.lab.sql(kept, user=one.user), [])
        self.assertEqual(self.responses(one.sync(folder, commands=[change(item, E('Email:Read', 0))]), 'Change'),
                         [('8', item)])


class Filters(GroupwareTest):

    def test_incomplete_tasks(self):
        one, other, folder = self.pair(TASKS)
        wish = options(filter_type=8)
        item = self.added(one, folder, E('Tasks:Subject', 'Call'), E('Tasks:Complete', 0))
        self.assertIn(item, other.sync_all(folder, options=wish))
        one.sync(folder, commands=[change(item, E('Tasks:Subject', 'Call'), E('Tasks:Complete', 1),
                                          E('Tasks:DateCompleted', '2026-11-20T10:00:00.000Z'))])
        self.assertNotIn(item, other.sync_all(folder, options=wish))
        self.assertIn(item, other.sync_all(folder, options=options(filter_type=0)))

    def test_a_series_that_is_completed_goes_on(self):
        one, other, folder = self.pair(TASKS)
        series = E('Tasks:Recurrence', E('Tasks:Type', 0), E('Tasks:Start', '2026-11-20T00:00:00.000Z'), E('Tasks:Interval', 1))
        days = [E('Tasks:UtcDueDate', '2026-11-20T00:00:00.000Z'), E('Tasks:DueDate', '2026-11-20T00:00:00.000Z')]
        item = self.added(one, folder, E('Tasks:Subject', 'Water'), *days, series, E('Tasks:Complete', 0))
        one.sync(folder, commands=[change(item, E('Tasks:Subject', 'Water'), *days, series, E('Tasks:Complete', 1),
                                          E('Tasks:DateCompleted', '2026-11-20T10:00:00.000Z'))])
        one.sync_all(folder)
        for phone in (one, other):
            task = phone.sync_all(folder)[item]
            self.assertEqual([task.get('Tasks:' + n) for n in ('Complete', 'DueDate')], ['0', '2026-11-21T00:00:00.000Z'])

    def test_filters_by_class(self):
        one = self.phone()
        for kind, allowed in ((2, '012345'), (TASKS, '08'), (CONTACTS, '012345678'), (NOTES, '012345678')):
            folder = one.folder(kind)
            one.sync(folder)
            for filter_type in '0123456789':
                collection = one.sync(folder, options=options(filter_type=filter_type))
                status = '1' if collection is None else collection.get('Status')
                with self.subTest(kind=kind, filter=filter_type):
                    self.assertEqual(status, '1' if filter_type in allowed or kind in (CONTACTS, NOTES) else '4')


if __name__ == '__main__':
    unittest.main()
