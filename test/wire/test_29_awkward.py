"""What goes wrong between a phone and its folders: requests that come late, twice, or beside others; folders
whose numbers change; what is edited out of the window. GetItemEstimate is exact in each of these states."""

import datetime
import unittest

from common import BY_SQL, not_over_imap, in_versions, message, WireTest
from phone import delete, flag_change, options, read_change
from test_06_sync import COPY_ITEMS
from wbxml import E

CALENDAR, CONTACTS = 8, 9
FLAG = (E('Status', 2), E('FlagType', 'Flag for follow up'))

RAISE_ALL = """
WITH f AS (UPDATE easel.folder f SET modseq = f.modseq + 1 FROM easel.account a
    WHERE a.address = :'user' AND f.account_id = a.id AND f.role = 'inbox' RETURNING f.account_id, f.id, f.modseq)
UPDATE easel.item i SET modseq = f.modseq, flags = 1 FROM f WHERE i.account_id = f.account_id AND i.folder_id = f.id
"""

OF_INBOX = " FROM easel.account a WHERE a.address = :'user' AND f.account_id = a.id AND f.role = 'inbox'"


def add(client_id, *data):
    return E('Add', E('ClientId', client_id), E('ApplicationData', list(data)))


def change(item, *data, instance=None):
    one = [E('AirSyncBase:InstanceId', instance)] if instance else []
    return E('Change', E('ServerId', item), *one, E('ApplicationData', list(data)))


def remove_instance(item, instance):
    return E('Delete', E('ServerId', item), E('AirSyncBase:InstanceId', instance))


def days(count):
    """A compact time, so many days from now, on the hour."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=count)
    return when.strftime('%Y%m%dT%H0000Z')


def event(subject, start, end, *more):
    return [E('Calendar:StartTime', start), E('Calendar:EndTime', end), E('Calendar:Subject', subject),
            E('Calendar:AllDayEvent', 0), *more]


class Awkward(WireTest):

    def pair(self, count=1, kind=2, version='16.1', **wishes):
        """Two phones of an account that have synced a folder with so many messages, and the items of it."""
        user = self.account()
        for number in range(count):
            self.lab.deliver(user, message(f'Message {number}'))
        one, other = self.phone(user, version), self.phone(user)
        folder = one.folder(kind)
        for phone in (one, other):
            phone.sync_all(folder, **wishes)
        return one, other, folder, sorted(one.items[folder])

    def lose(self, phone, folder, *commands, **wishes):
        """Sends a Sync and forgets its answer."""
        return phone.sync_raw(phone.collection(folder, commands=commands, **wishes))

    def foretold(self, phone, folder):
        response = phone.estimate(folder)
        self.assertEqual(response.get('Status'), '1', response)
        return int(response.get('Collection/Estimate'))

    def brings(self, phone, folder, **wishes):
        """Syncs to the end; (verb, ServerId) of all that came, which is as much as was foretold."""
        count, came = self.foretold(phone, folder), []
        while True:
            collection = phone.sync(folder, **wishes)
            if collection is not None and collection.has('Commands'):
                came += [(c.name.partition(':')[2], c.get('ServerId')) for c in collection.find('Commands').children]
            if collection is None or not collection.has('MoreAvailable'):
                break
        self.assertEqual(len(came), count, came)
        self.assertEqual(self.foretold(phone, folder), 0)
        return came

    def agree(self, folder, *phones):
        """Phones that have come to the end hold the same, as a new one is told of it."""
        fresh = self.phone(phones[0].user, phones[0].version)
        fresh.sync_all(folder)
        for phone in phones:
            phone.sync_all(folder)
            self.assertEqual({item: (data.get('Email:Read'), data.get('Email:Flag/Status'))
                              for item, data in phone.items[folder].items()},
                             {item: (data.get('Email:Read'), data.get('Email:Flag/Status'))
                              for item, data in fresh.items[folder].items()})

    def refused(self, collection, verb='Change'):
        return {r.get('ServerId'): r.get('Status') for r in collection.all(f'Responses/{verb}')}


class Late(Awkward):
    """Requests that come when nobody waits for them any more."""

    @in_versions('12.1', '16.1')
    def test_a_stalled_request_after_its_retry_was_answered(self, version):
        one, other, folder, (item, *_) = self.pair(version=version)
        stalled = one.sync_request(one.collection(folder, commands=[read_change(item, 1)]))
        one.sync(folder, commands=[read_change(item, 1)])
        other.sync_all(folder)
        other.sync(folder, commands=[read_change(item, 0)])
        one.command('Sync', stalled)  # the answer of the retry is not acknowledged yet
        self.assertEqual(self.brings(one, folder), [('Change', item)])
        self.assertEqual(one.command('Sync', stalled).root.get('Collections/Collection/Status'), '3')
        self.agree(folder, one, other)
        self.assertEqual(one.items[folder][item].get('Email:Read'), '0')

    def test_an_edit_between_a_lost_answer_and_the_repeat(self):
        one, other, folder, (first, second, third) = self.pair(3)
        self.lose(one, folder, read_change(first, 1))
        other.sync_all(folder)
        other.sync(folder, commands=[read_change(first, 0)])
        one.sync(folder, commands=[read_change(first, 1), flag_change(second, *FLAG), delete(third)])
        self.agree(folder, one, other)
        self.assertEqual(one.items[folder][first].get('Email:Read'), '0')  # the repeat was one
        self.assertEqual(one.items[folder][second].get('Email:Flag/Status'), '2')
        self.assertNotIn(third, one.items[folder])

    def test_a_stalled_key_0(self):
        """It starts the folder afresh under the phone, which is told so, and loses nothing."""
        one, other, folder, (item, *_) = self.pair(2)
        one.command('Sync', one.sync_request(one.collection(folder, key='0')))
        answer = one.sync_raw(one.collection(folder, commands=[read_change(item, 1)]))
        self.assertEqual(answer.root.get('Collections/Collection/Status'), '3')
        one.keys[folder] = '0'
        one.sync_all(folder)
        one.sync(folder, commands=[read_change(item, 1)])
        self.agree(folder, one, other)

    def test_a_hierarchy_key_0_in_the_middle(self):
        one, other, folder, (item, *_) = self.pair(2)
        one.folder_key = '0'
        one.folder_sync()
        other.sync(folder, commands=[read_change(item, 1)])
        self.lab.deliver(one.user, message('New'))
        self.assertEqual(sorted(verb for verb, _ in self.brings(one, folder)), ['Add', 'Change'])

    def test_somebody_elses_flag_just_before_the_phones_own_edit(self):
        one, other, folder, (item, *_) = self.pair()
        other.sync(folder, commands=[flag_change(item, *FLAG)])
        one.sync(folder, commands=[read_change(item, 1)], get_changes=0)
        self.assertEqual(self.brings(one, folder), [('Change', item)])
        self.agree(folder, one, other)
        self.assertEqual((one.items[folder][item].get('Email:Read'), one.items[folder][item].get('Email:Flag/Status')),
                         ('1', '2'))

    @not_over_imap(BY_SQL)
    def test_five_thousand_items_of_one_modseq(self):
        """In windows of 100, while every seventh answer is lost."""
        phone = self.phone()
        self.lab.deliver(phone.user, message())
        self.lab.sql(COPY_ITEMS, user=phone.user, count='4999')
        phone.sync_all(phone.inbox, window=512)
        self.lab.sql(RAISE_ALL, user=phone.user)
        self.assertEqual(self.foretold(phone, phone.inbox), 5000)
        for number in range(50):
            if number % 7 == 6:
                self.lose(phone, phone.inbox, window=100)
            collection = phone.sync(phone.inbox, window=100)
            self.assertEqual(len(collection.find('Commands').children), 100)
            self.assertEqual(collection.has('MoreAvailable'), number < 49)
        self.assertIsNone(phone.sync(phone.inbox))
        self.assertEqual({data.get('Email:Read') for data in phone.items[phone.inbox].values()}, {'1'})
        self.assertEqual(len(phone.items[phone.inbox]), 5000)


class Numbers(Awkward):
    """Folders that go, or count from elsewhere."""

    @in_versions('12.1', '14.1', '16.1')
    def test_a_folder_is_deleted_while_it_is_synced(self, version):
        one, other, folder, (item, *_) = self.pair(version=version)
        created = other.folder_create('Passing', '0')
        passing = created.root.get('ServerId')
        one.folder_sync()
        one.sync_all(passing)
        moved = one.move(item, folder, passing)
        other.folder_delete(passing)
        self.lab.deliver(one.user, message('New'))
        answer = one.sync_raw(one.collection(passing, commands=[read_change(moved, 1)]), one.collection(folder))
        statuses = {c.get('CollectionId'): c.get('Status') for c in answer.root.all('Collections/Collection')}
        self.assertEqual(statuses, {passing: '12', folder: '1'})
        one.take(answer, folder)
        self.assertEqual(len(one.items[folder]), 1)  # the other one is served as ever
        self.assertEqual(one.estimate(passing).get('Status'), '2')
        self.assertEqual(one.ping([passing, folder], 60).answer().status, '7')
        new, = one.items[folder]
        self.assertEqual([one.move(moved, passing, folder), one.move(new, folder, passing)], [1, 2])
        one.folder_sync()
        self.assertNotIn(passing, one.folders)
        self.assertEqual(self.refused(one.sync(folder, commands=[read_change(moved, 1)])), {moved: '8'})

    @not_over_imap(BY_SQL)
    @in_versions('12.1', '16.1')
    def test_another_uidvalidity(self, version):
        """An old id never means another item: each item is told of afresh, under another id."""
        one, other, folder, items = self.pair(3, version=version)
        self.lab.sql('UPDATE easel.folder f SET epoch = f.epoch + 1, modseq = f.modseq + 1' + OF_INBOX, user=one.user)
        self.assertEqual(one.estimate(folder).get('Status'), '4')
        answer = one.sync_raw(one.collection(folder, commands=[delete(items[0])]))
        self.assertEqual(answer.root.get('Collections/Collection/Status'), '3')
        self.assertEqual(one.move(items[0], folder, one.folder(4)), 1)
        one.keys[folder] = '0'
        one.sync_all(folder)
        self.assertEqual(len(one.items[folder]), 3)
        self.assertFalse(set(items) & set(one.items[folder]))
        collection = one.sync(folder, commands=[delete(items[0]), read_change(items[1], 1)])
        self.assertEqual({**self.refused(collection), **self.refused(collection, 'Delete')},
                         {items[1]: '8', items[0]: '8'})
        self.assertEqual(len(one.sync_all(folder)), 3)
        other.keys[folder] = '0'
        self.agree(folder, one, other)

    @not_over_imap(BY_SQL)
    def test_a_modseq_that_went_backwards(self):
        """As after a backup was put back."""
        one, other, folder, items = self.pair(3)
        for number in range(4):
            other.sync(folder, commands=[read_change(items[0], number % 2)])
        one.sync_all(folder)
        self.lab.sql('UPDATE easel.item i SET modseq = 2, flags = CASE i.uid WHEN 3 THEN 1 ELSE i.flags END'
                     " FROM easel.account a WHERE a.address = :'user' AND i.account_id = a.id", user=one.user)
        self.lab.sql('UPDATE easel.folder f SET modseq = 2' + OF_INBOX, user=one.user)
        self.brings(one, folder, window=2)
        self.agree(folder, one, other)
        self.lab.deliver(one.user, message('New'))
        self.assertEqual([verb for verb, _ in self.brings(one, folder)], ['Add'])


class Texts(Awkward):
    """Events and contacts."""

    def begin(self, phone, folder, **wishes):
        phone.sync_all(folder, **wishes)
        return folder

    def added(self, phone, folder, *data, client_id='c1'):
        response = phone.sync(folder, commands=[add(client_id, *data)]).find('Responses/Add')
        self.assertEqual(response.get('Status'), '1')
        phone.items[folder][response.get('ServerId')] = E('ApplicationData', list(data))
        return response.get('ServerId')

    @in_versions('14.1', '16.1')
    def test_an_event_is_edited_out_of_the_window(self, version):
        one, other, folder, _ = self.pair(0, CALENDAR, version)
        narrow = options(filter_type=4)
        one.sync_all(folder, options=narrow)
        item = self.added(one, folder, *event('Lunch', days(1), days(1.1)))
        other.sync_all(folder)
        one.sync(folder, commands=[change(item, *event('Lunch', days(-90), days(-89.9)))], options=narrow)
        one.sync_all(folder, options=narrow)
        self.assertNotIn(item, one.items[folder])
        self.assertEqual(self.brings(other, folder), [('Change', item)])
        other.sync(folder, commands=[change(item, *event('Lunch', days(2), days(2.1)))])
        self.assertEqual(self.brings(one, folder, options=narrow), [('Add', item)])
        other.sync(folder, commands=[change(item, *event('Lunch', days(-60), days(-59.9)))])
        self.assertEqual(self.brings(one, folder, options=narrow), [('SoftDelete', item)])

    def test_occurrences_edited_again_after_a_lost_answer(self):
        one, other, folder, _ = self.pair(0, CALENDAR)
        start = datetime.datetime.now(datetime.timezone.utc).replace(minute=0) + datetime.timedelta(days=1)
        stamps = [(start + datetime.timedelta(days=n)).strftime('%Y%m%dT%H0000Z') for n in range(4)]
        daily = E('Calendar:Recurrence', E('Calendar:Type', 0), E('Calendar:Interval', 1), E('Calendar:Occurrences', 9))
        item = self.added(one, folder, *event('Standup', stamps[0], days(1.02), daily))
        edits = [change(item, E('Calendar:Subject', 'Moved'), instance=stamps[1]), remove_instance(item, stamps[2])]
        for _ in range(2):
            self.lose(one, folder, *edits)
        other.sync_all(folder)
        self.assertEqual(self.exceptions(other, folder, item), [(None, '1'), ('Moved', '0')])
        other.sync(folder, commands=[change(item, E('Calendar:Subject', 'Moved on'), instance=stamps[1])])
        collection = one.sync(folder, commands=edits)  # a repeat, which undoes nothing
        self.assertEqual({*self.refused(collection).values(), *self.refused(collection, 'Delete').values()} - {'1'}, set())
        for phone in (one, self.phone(one.user)):
            phone.sync_all(folder)
            self.assertEqual(self.exceptions(phone, folder, item), [(None, '1'), ('Moved on', '0')])

    def exceptions(self, phone, folder, item):
        return sorted(((e.get('Subject'), e.get('Deleted') or '0')
                       for e in phone.items[folder][item].all('Calendar:Exceptions/Exception')), key=lambda pair: -int(pair[1]))

    @in_versions('14.1')
    def test_an_add_moved_away_by_somebody_before_its_repeat(self, version):
        """The phone learns that it is gone, though the folder counts afresh; it is not made again."""
        one, other, folder, _ = self.pair(0, CONTACTS, version)
        made = add('c7', E('Contacts:FileAs', 'Ada'), E('Contacts:FirstName', 'Ada'))
        self.lose(one, folder, made)
        self.lab.sql("SELECT easel.folder_create(a.id, NULL, 'Team', 'Contacts') FROM easel.account a"
                     " WHERE a.address = :'user'", user=one.user)
        other.folder_sync()
        team = other.folder('Team')
        other.sync_all(folder), other.sync_all(team)
        other.move(*other.items[folder], folder, team)
        self.lab.sql("UPDATE easel.folder f SET epoch = f.epoch + 1, modseq = f.modseq + 1 FROM easel.account a"
                     " WHERE a.address = :'user' AND f.account_id = a.id AND f.id = :folder", user=one.user, folder=folder)
        one.keys[folder] = '0'
        one.sync(folder)
        answer = one.sync_raw(one.collection(folder, commands=[made]))
        response = answer.root.find('Collections/Collection/Responses/Add')
        self.assertEqual(response.get('Status'), '1')
        one.items[folder][response.get('ServerId')] = E('ApplicationData')
        one.take(answer, folder, [made])
        self.assertEqual((one.sync_all(folder), len(other.sync_all(team))), ({}, 1))
        self.agree(folder, one)


class NotDone(Awkward):
    """What the server does not do comes back to the phone, also to one that ignores the status."""

    def shared(self, rights):
        """A guest's phone with a shared folder of one message."""
        owner, guest = self.account('owner'), self.account('guest')
        self.lab.sql("SELECT easel.folder_create(easel.account_by_address(:'user'), NULL, 'Team')", user=owner)
        self.lab.deliver(owner, message('For the team'), folder='Team')
        self.lab.sql("SELECT easel.folder_share(:'owner', 'Team', :'guest', :'rights')", owner=owner, guest=guest,
                     rights=rights)
        phone = self.phone(guest)
        folder, = [f for f, entry in phone.folders.items() if entry['DisplayName'].endswith('Team')]
        phone.sync_all(folder)
        (item,) = phone.items[folder]
        return phone, folder, item

    @not_over_imap(BY_SQL)
    def test_deleted_moved_and_edited_where_one_may_only_read(self):
        phone, folder, item = self.shared('read')
        collection = phone.sync(folder, commands=[delete(item)], get_changes=0)
        self.assertEqual(self.refused(collection, 'Delete'), {item: '7'})
        self.assertEqual(self.brings(phone, folder), [('Add', item)])
        response, = phone.move_raw((item, folder, phone.inbox))
        self.assertEqual(response.get('Status'), '5')
        self.assertEqual(self.brings(phone, folder), [('Change', item)])
        collection = phone.sync(folder, commands=[read_change(item, 1)], get_changes=0)
        self.assertEqual(self.refused(collection), {item: '7'})
        self.assertEqual(self.brings(phone, folder), [('Change', item)])
        self.lose(phone, folder, delete(item))
        phone.sync(folder, commands=[delete(item)])
        phone.sync_all(folder)
        self.assertIn(item, phone.items[folder])


class Written(Awkward):

    def test_times_of_last_contact_are_written_once_a_minute(self):
        one, _, folder, _ = self.pair()
        for _ in range(2):
            one.sync(folder)
        before = self.version_of(one)
        for _ in range(5):
            self.assertIsNone(one.sync(folder))
        self.assertEqual(self.version_of(one), before)
        self.lab.sql("UPDATE easel.device SET last_seen = now() - interval '2 minutes' WHERE device_id = :'id'",
                     id=one.device_id)
        for _ in range(3):
            one.sync(folder)
        seen, = self.lab.sql("SELECT last_seen > now() - interval '1 minute' FROM easel.device WHERE device_id = :'id'",
                             id=one.device_id)
        self.assertEqual(seen, ['t'])

    def version_of(self, phone):
        """Which writes the rows of the device and of its ledgers are from."""
        return self.lab.sql("SELECT v.xmin, b.xmin FROM easel.device v JOIN easel.sync_base b ON b.device = v.id"
                            " WHERE v.device_id = :'id' ORDER BY b.folder_id", id=phone.device_id)


if __name__ == '__main__':
    unittest.main()
