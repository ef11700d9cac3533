"""What phones edit in mail (read, flag, delete), and answers that are lost on the way."""

import random

from common import WireTest, in_versions, message
from phone import TEXT, VERSIONS, body, delete, flag_change, options, read_change
from wbxml import E

FLAG = (E('Status', 2), E('FlagType', 'Flag for follow up'),
        E('Tasks:StartDate', '2026-11-23T00:00:00.000Z'),
        E('Tasks:UtcStartDate', '2026-11-22T23:00:00.000Z'),
        E('Tasks:DueDate', '2026-11-25T00:00:00.000Z'),
        E('Tasks:UtcDueDate', '2026-11-24T23:00:00.000Z'), E('Tasks:ReminderSet', 0))
DONE = (E('Status', 1), E('FlagType', 'Flag for follow up'),
        E('CompleteTime', '2026-11-24T10:00:00.000Z'),
        E('Tasks:DateCompleted', '2026-11-24T10:00:00.000Z'))


class EditTest(WireTest):
    def two_phones(self, count=1, version='16.1'):
        """Two phones of an account that have synced some messages, and the first one's items."""
        user = self.account()
        for number in range(count):
            self.lab.deliver(user, message(f'Message {number}'))
        phones = self.phone(user, version), self.phone(user)
        for phone in phones:
            phone.sync_all(phone.inbox, options=options(body(TEXT)))
        return *phones, sorted(phones[0].items[phones[0].inbox])

    def agree(self, *phones):
        """Lets phones sync to the end and checks that they hold the same."""
        for _ in range(2):
            for phone in phones:
                phone.sync_all(phone.inbox)
        views = [{item: (data.get('Email:Read'), data.get('Email:Flag/Status'))
                  for item, data in phone.items[phone.inbox].items()} for phone in phones]
        for view in views[1:]:
            self.assertEqual(view, views[0])

    def response(self, collection, kind):
        found = collection.find(f'Responses/{kind}')
        self.assertIsNotNone(found, collection)
        return found


class Read(EditTest):
    @in_versions()
    def test_read_and_unread_reach_the_other_phone(self, version):
        one, two, (item,) = self.two_phones(version=version)
        for value in ('1', '0', '1'):
            collection = one.sync(one.inbox, commands=[read_change(item, value)])
            self.assertEqual(collection.get('Status'), '1')
            self.assertFalse(collection.has('Responses'))  # MS-ASCMD R6234
            self.assertFalse(collection.has('Commands'))
            two.sync(two.inbox)
            self.assertEqual(two.items[two.inbox][item].get('Email:Read'), value)

    def test_an_own_edit_does_not_come_back(self):
        one, _, (item,) = self.two_phones()
        one.sync(one.inbox, commands=[read_change(item, 1)])
        self.assertIsNone(one.sync(one.inbox))

    def test_read_unread_read_in_one_request(self):
        one, two, (item,) = self.two_phones()
        one.sync(one.inbox, commands=[read_change(item, v) for v in (1, 0, 1)])
        two.sync_all(two.inbox)
        self.assertEqual(two.items[two.inbox][item].get('Email:Read'), '1')

    def test_edits_and_news_in_one_answer(self):
        one, two, items = self.two_phones(3)
        two.sync(two.inbox, moves=0, commands=[delete(items[1])])
        self.lab.deliver(one.user, message('New'))
        one.sync(one.inbox, commands=[read_change(items[0], 1)])
        self.assertEqual(len(one.items[one.inbox]), 3)
        self.agree(one, two)

    def test_without_getchanges_only_the_responses_come(self):
        one, two, (item,) = self.two_phones()
        self.lab.deliver(one.user, message('New'))
        collection = one.sync(one.inbox, get_changes=0, commands=[read_change(item, 1)])
        self.assertFalse(collection.has('Commands'))
        one.sync_all(one.inbox)
        self.agree(one, two)

    def test_many_edits_at_once(self):
        one, two, items = self.two_phones(20)
        one.sync(one.inbox, commands=[read_change(item, 1) for item in items[:10]]
                 + [delete(item) for item in items[10:]])
        self.agree(one, two)
        self.assertEqual(len(two.items[two.inbox]), 10)


class Flags(EditTest):
    @in_versions(*VERSIONS[1:])
    def test_a_flag_is_set_completed_and_cleared(self, version):
        one, two, (item,) = self.two_phones(version=version)
        for content, status in ((FLAG, '2'), (DONE, '1'), ((), None)):
            one.sync(one.inbox, commands=[flag_change(item, *content)])
            two.sync(two.inbox)
            flag = two.items[two.inbox][item].find('Email:Flag')
            self.assertIsNotNone(flag)
            self.assertEqual(flag.get('Status'), status)
            self.assertEqual(two.items[two.inbox][item].get('Email:Read'), '0')

    def test_the_dates_of_a_flag_are_kept(self):
        one, two, (item,) = self.two_phones()
        one.sync(one.inbox, commands=[flag_change(item, *FLAG)])
        two.sync(two.inbox)
        flag = two.items[two.inbox][item].find('Email:Flag')
        self.assertEqual(flag.get('FlagType'), 'Flag for follow up')
        self.assertEqual(flag.get('Tasks:UtcDueDate'), '2026-11-24T23:00:00.000Z')
        self.assertEqual(flag.get('Tasks:DueDate'), '2026-11-25T00:00:00.000Z')

    def test_read_leaves_the_flag_alone(self):
        """MS-ASCMD R873."""
        one, two, (item,) = self.two_phones()
        one.sync(one.inbox, commands=[flag_change(item, *FLAG)])
        one.sync(one.inbox, commands=[read_change(item, 1)])
        self.agree(one, two)
        self.assertEqual(two.items[two.inbox][item].get('Email:Flag/Status'), '2')
        self.assertEqual(two.items[two.inbox][item].get('Email:Read'), '1')


class Delete(EditTest):
    @in_versions('2.5', '12.0', '12.1', '14.1', '16.1')
    def test_it_moves_to_deleted_items_by_default(self, version):
        """MS-ASCMD R2160, R2161: also when DeletesAsMoves is empty or 1."""
        for moves in (None, 1):
            one, two, (item,) = self.two_phones(version=version)
            trash = two.folder(4)
            two.sync_all(trash)
            collection = one.sync(one.inbox, moves=moves, commands=[delete(item)])
            self.assertFalse(collection.has('Responses'))
            two.sync(two.inbox)
            self.assertEqual(two.items[two.inbox], {})
            two.sync(trash)
            self.assertEqual(self.one_item(two, trash)[1].get('Email:Subject'), 'Message 0')

    def test_an_empty_deletesasmoves_is_1(self):
        one, two, (item,) = self.two_phones()
        answer = one.sync_raw(E('Collection', E('SyncKey', one.keys[one.inbox]),
                                E('CollectionId', one.inbox), E('DeletesAsMoves'),
                                E('Commands', delete(item))))
        one.take(answer, one.inbox, [delete(item)])
        self.assertEqual(len(two.sync_all(two.folder(4))), 1)

    @in_versions('12.1', '16.1')
    def test_deletesasmoves_0_is_for_good(self, version):
        """MS-ASCMD R2158."""
        one, two, (item,) = self.two_phones(version=version)
        one.sync(one.inbox, moves=0, commands=[delete(item)])
        two.sync(two.inbox)
        self.assertEqual((two.items[two.inbox], two.sync_all(two.folder(4))), ({}, {}))

    def test_in_deleted_items_it_is_for_good(self):
        one, _, (item,) = self.two_phones()
        trash = one.folder(4)
        one.sync(one.inbox, commands=[delete(item)])
        one.sync_all(trash)
        one.sync(trash, commands=[delete(self.one_item(one, trash)[0])])
        other = self.phone(one.user)
        self.assertEqual(other.sync_all(trash), {})

    def test_a_moved_item_keeps_what_was_edited(self):
        one, two, (item,) = self.two_phones()
        one.sync(one.inbox, commands=[read_change(item, 1), flag_change(item, *FLAG),
                                      delete(item)])
        two.sync_all(two.folder(4))
        _, data = self.one_item(two, two.folder(4))
        self.assertEqual((data.get('Email:Read'), data.get('Email:Flag/Status')), ('1', '2'))


class Refused(EditTest):
    @in_versions('12.1', '16.1')
    def test_an_item_that_is_gone_is_status_8(self, version):
        one, two, (item,) = self.two_phones(version=version)
        two.sync(two.inbox, moves=0, commands=[delete(item)])
        collection = one.sync(one.inbox, commands=[read_change(item, 1)])
        self.assertEqual(self.response(collection, 'Change').get('Status'), '8')
        self.assertEqual(one.items[one.inbox], {})

    def test_ids_that_never_were(self):
        one, _, (item,) = self.two_phones()
        for bad in ('999', item + '9', 'abc', '', '0', '-1', '1:1:1:1', 'x' * 64, '⌘'):
            for command in (read_change(bad, 1), delete(bad)):
                with self.subTest(bad, command=command.name):
                    answer = one.sync_raw(one.collection(one.inbox, commands=[command]))
                    self.assertEqual(answer.code, 200)
                    collection = answer.root.find('Collections/Collection')
                    if collection is None or collection.get('Status') != '1':
                        self.assertIn(answer.status or collection.get('Status'), ('4', '103'))
                        continue
                    found = (collection.find('Responses') or E('none')).children
                    self.assertTrue(found or command.name == 'Delete')
                    self.assertTrue(all(r.get('Status') != '1' for r in found))
                    one.take(answer, one.inbox)
        self.assertIn(item, one.items[one.inbox])

    def test_a_bad_command_does_not_stop_the_others(self):
        one, two, items = self.two_phones(2)
        one.sync(one.inbox, commands=[read_change('no:such', 1), read_change(items[0], 1),
                                      E('Change', E('ServerId', items[1]), E('ApplicationData', E(
                                          'Email:Read', 'maybe'))),
                                      delete(items[1])])
        self.agree(one, two)
        self.assertEqual(two.items[two.inbox][items[0]].get('Email:Read'), '1')

    def test_items_of_another_folder_or_account(self):
        one, two, (item,) = self.two_phones()
        _, _, (theirs,) = self.two_phones()
        sent = one.folder(5)
        one.sync(sent)
        one.sync(sent, commands=[delete(item), delete(theirs)])
        self.agree(one, two)
        self.assertEqual(len(two.items[two.inbox]), 1)

    def test_an_empty_commands(self):
        """MS-ASCMD R2057: may be a protocol error; not more than that."""
        one, _, (item,) = self.two_phones()
        answer = one.sync_raw(E('Collection', E('SyncKey', one.keys[one.inbox]),
                                E('CollectionId', one.inbox), E('Commands')))
        if answer.root is not None:
            self.assertIn(answer.status or answer.root.get('Collections/Collection/Status'),
                          ('1', '4', '103'))

    def test_commands_with_key_0(self):
        one, two, (item,) = self.two_phones()
        answer = one.sync_raw(one.collection(one.inbox, key='0', commands=[delete(item)]))
        self.assertIn(answer.status or answer.root.get('Collections/Collection/Status'),
                      ('1', '4'))
        self.agree(two)
        self.assertEqual(len(two.items[two.inbox]), 1)


class Fetch(EditTest):
    @in_versions(*VERSIONS[1:])
    def test_a_whole_item_through_sync(self, version):
        phone = self.synced_phone([message('x', 'y' * 1000)], version,
                                  options(body(TEXT, 10)))
        item, data = self.one_item(phone)
        self.assertEqual(data.get('AirSyncBase:Body/Truncated'), '1')
        collection = phone.sync(phone.inbox, options=options(body(TEXT)),
                                commands=[E('Fetch', E('ServerId', item))])
        fetched = self.response(collection, 'Fetch')
        self.assertEqual((fetched.get('ServerId'), fetched.get('Status')), (item, '1'))
        self.assertIn('y' * 70, fetched.get('ApplicationData/AirSyncBase:Body/Data'))

    def test_one_that_is_not_there_is_status_8(self):
        phone = self.synced_phone([message()])
        collection = phone.sync(phone.inbox, commands=[E('Fetch', E('ServerId', '9:9:9'))])
        self.assertEqual(self.response(collection, 'Fetch').get('Status'), '8')


class LostAnswers(EditTest):
    def lose(self, phone, *commands, **wishes):
        """Sends a Sync and forgets its answer."""
        return phone.sync_raw(phone.collection(phone.inbox, commands=commands, **wishes))

    @in_versions()
    def test_the_same_items_come_again(self, version):
        phone = self.phone(version=version)
        for number in range(5):
            self.lab.deliver(phone.user, message(f'{number}'))
        phone.sync(phone.inbox)
        while True:
            lost = self.lose(phone, window=2)
            collection = phone.sync(phone.inbox, window=2)
            self.assertEqual(
                [c.get('ServerId') for c in collection.find('Commands').children],
                [c.get('ServerId') for c in lost.root.all(
                    'Collections/Collection/Commands/Add')])
            if not collection.has('MoreAvailable'):
                break
        self.assertEqual(len(phone.items[phone.inbox]), 5)
        self.assertIsNone(phone.sync(phone.inbox))

    @in_versions('12.1', '16.1')
    def test_a_repeated_delete_is_done_once(self, version):
        one, two, (item,) = self.two_phones(version=version)
        for _ in range(3):
            self.lose(one, delete(item))
        one.sync(one.inbox, commands=[delete(item)])
        self.agree(one, two)
        self.assertEqual(len(two.sync_all(two.folder(4))), 1)

    def test_a_repeated_change_is_done_once(self):
        """Somebody else's edit between the two survives."""
        one, two, (item,) = self.two_phones()
        self.lose(one, read_change(item, 1))
        two.sync_all(two.inbox)
        two.sync(two.inbox, commands=[read_change(item, 0)])
        one.sync(one.inbox, commands=[read_change(item, 1)])
        self.agree(one, two)
        self.assertEqual(one.items[one.inbox][item].get('Email:Read'), '0')

    def test_a_new_edit_under_the_same_key_is_done(self):
        """The phone gave up on the first one: its user changed his mind."""
        one, two, (item,) = self.two_phones()
        self.lose(one, read_change(item, 1))
        one.sync(one.inbox, commands=[read_change(item, 0)])
        self.agree(one, two)
        self.assertEqual(two.items[two.inbox][item].get('Email:Read'), '0')

    def test_an_item_of_a_lost_answer_that_is_gone_meanwhile(self):
        user = self.account()
        one, two = self.phone(user), self.phone(user)
        for phone in (one, two):
            phone.sync_all(phone.inbox)
        self.lab.deliver(user, message())
        self.lose(one)
        two.sync(two.inbox)
        two.sync(two.inbox, moves=0, commands=[delete(self.one_item(two)[0])])
        one.sync(one.inbox)  # may hold a Delete: the lost answer could still have arrived
        self.assertEqual(one.items[one.inbox], {})
        self.agree(one, two)

    def test_both_answers_arrive_late(self):
        """The answer that was thought lost is used after all: both keys are good."""
        phone = self.phone()
        self.lab.deliver(phone.user, message())
        phone.sync(phone.inbox)
        first = self.lose(phone)
        self.lose(phone)
        phone.take(first, phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 1)
        self.lab.deliver(phone.user, message('Next'))
        phone.sync(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 2)
        self.assertIsNone(phone.sync(phone.inbox))

    def test_a_change_during_the_lost_answer_is_not_lost(self):
        one, two, items = self.two_phones(2)
        two.sync(two.inbox, commands=[read_change(items[0], 1)])
        self.lose(one)
        two.sync(two.inbox, commands=[read_change(items[1], 1)])
        one.sync(one.inbox)
        self.agree(one, two)

    def test_whatever_is_lost_both_phones_hold_the_same_in_the_end(self):
        for seed in range(8):
            with self.subTest(seed):
                self.chaos(random.Random(seed))

    def chaos(self, chance):
        one, two, _ = self.two_phones(4)
        for step in range(25):
            phone = chance.choice((one, two))
            items = sorted(phone.items[phone.inbox])
            commands = []
            if items:
                commands = [chance.choice((read_change(item, chance.randint(0, 1)),
                                           flag_change(item, *chance.choice((FLAG, ()))),
                                           delete(item)))
                            for item in chance.sample(items, min(2, len(items)))]
            if chance.random() < 0.3:
                self.lab.deliver(one.user, message(f'Step {step}'))
            for _ in range(chance.choice((0, 0, 1, 2))):
                self.lose(phone, *commands, window=3)
            phone.sync(phone.inbox, window=3, commands=commands)
        self.agree(one, two)
        fresh = self.phone(one.user)
        fresh.sync_all(fresh.inbox)
        self.agree(one, fresh)
