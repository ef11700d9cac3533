"""MoveItems: items go to another folder, once, and no phone gets them twice (MS-ASCMD 2.2.1.12)."""

import threading
import time

from common import BY_SQL, in_versions, message, not_over_imap, WireTest
from phone import delete, options, read_change
from wbxml import E


class Moves(WireTest):
    def phone_with(self, count=1, version='16.1', folders=('Target',), **wishes):
        """A phone that has synced its Inbox with so many messages, and the folders by name."""
        phone = self.phone(version=version)
        for name in folders:
            self.assertEqual(phone.folder_create(name).status, '1')
            phone.sync_all(phone.folder(name), **wishes)
        for number in range(count):
            self.lab.deliver(phone.user, message(f'Message {number}'))
        phone.sync_all(phone.inbox)
        return phone

    def subjects(self, phone, folder):
        return sorted(data.get('Email:Subject') for data in phone.items[folder].values())

    def assert_nothing_told(self, phone, *folders):
        """Neither folder has anything for the phone, and its model is right."""
        for folder in folders:
            self.assertIsNone(phone.sync(folder))
        self.assert_model(phone, *folders)

    def assert_model(self, phone, *folders):
        """The phone has what a new phone of the account gets."""
        fresh = self.phone(phone.user)
        for folder in folders:
            fresh.sync_all(folder)
            self.assertEqual(set(phone.items[folder]), set(fresh.items[folder]))

    def changes(self, collection):
        if collection is None or not collection.has('Commands'):
            return []
        return [(c.name.partition(':')[2], c.get('ServerId'))
                for c in collection.find('Commands').children]


class Moved(Moves):
    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_the_mover_is_told_nothing_and_others_are(self, version):
        phone = self.phone_with(2, version)
        other = self.phone(phone.user, version)
        target = other.folder('Target')
        for folder in (other.inbox, target):
            other.sync_all(folder)
        item, _ = self.find_item(phone, 'Message 0')
        moved = phone.move(item, phone.inbox, target)
        self.assertNotEqual(moved, item)
        self.assertLessEqual(len(moved), 64)
        self.assert_nothing_told(phone, phone.inbox, target)
        self.assertEqual(self.changes(other.sync(other.inbox)), [('Delete', item)])
        self.assertEqual(self.changes(other.sync(target)), [('Add', moved)])
        self.assertEqual(self.subjects(other, target), ['Message 0'])

    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_a_lost_answer_is_given_again(self, version):
        phone = self.phone_with(2, version)
        target = phone.folder('Target')
        moves = [(item, phone.inbox, target) for item in phone.items[phone.inbox]]
        lost = [r.get('DstMsgId') for r in phone.move_raw(*moves)]
        self.assertEqual(len(set(lost)), 2)
        self.assertEqual([r.get('DstMsgId') for r in phone.move_raw(*moves)], lost)
        self.assertEqual([r.get('Status') for r in phone.move_raw(*moves[::-1])], ['3', '3'])
        self.assertEqual([phone.move(*move) for move in moves], lost)
        self.assert_nothing_told(phone, phone.inbox, target)
        self.assertEqual(self.subjects(phone, target), ['Message 0', 'Message 1'])

    def test_before_the_sync_that_brought_it_was_acknowledged(self):
        """The phone is in the state of an outstanding answer, which no later key told of yet."""
        phone = self.phone_with(0)
        target = phone.folder('Target')
        self.lab.deliver(phone.user, message('New'))
        phone.sync(phone.inbox)
        item, _ = self.one_item(phone)
        phone.move(item, phone.inbox, target)
        for folder in (phone.inbox, target):
            self.assertEqual(self.changes(phone.sync(folder)), [])
        self.assert_model(phone, phone.inbox, target)

    def test_with_answers_of_both_folders_that_are_lost(self):
        phone = self.phone_with(2)
        target = phone.folder('Target')
        self.lab.deliver(phone.user, message('In Inbox'))
        self.lab.deliver(phone.user, message('In Target'), folder='Target')
        for folder in (phone.inbox, target):
            phone.sync_raw(phone.collection(folder))
        item, _ = self.find_item(phone, 'Message 0')
        phone.move(item, phone.inbox, target)
        for _ in range(2):
            for folder in (phone.inbox, target):
                phone.sync_all(folder)
        self.assertEqual(self.subjects(phone, phone.inbox), ['In Inbox', 'Message 1'])
        self.assertEqual(self.subjects(phone, target), ['In Target', 'Message 0'])
        self.assert_model(phone, phone.inbox, target)

    def test_back_and_forth(self):
        phone = self.phone_with(1)
        target = phone.folder('Target')
        item, _ = self.one_item(phone)
        seen = {item}
        for source, to in ((phone.inbox, target), (target, phone.inbox)) * 2:
            item = phone.move(item, source, to)
            self.assertNotIn(item, seen)
            seen.add(item)
        self.assert_nothing_told(phone, phone.inbox, target)

    def test_what_happens_to_it_afterwards_is_told(self):
        phone = self.phone_with(2)
        target = phone.folder('Target')
        other = self.phone(phone.user)
        one, two = [phone.move(item, phone.inbox, target) for item in list(phone.items[phone.inbox])]
        other.sync_all(target)
        other.sync(target, commands=[read_change(one, 1), delete(two)], moves=0)
        self.assertEqual(sorted(self.changes(phone.sync(target))),
                         sorted([('Change', one), ('Delete', two)]))
        self.assert_model(phone, target)

    def test_what_happened_before_is_told_in_the_new_folder(self):
        phone = self.phone_with(1)
        target = phone.folder('Target')
        other = self.phone(phone.user)
        other.sync_all(other.inbox)
        item, _ = self.one_item(phone)
        other.sync(other.inbox, commands=[read_change(item, 1)])
        moved = phone.move(item, phone.inbox, target)
        self.assertIsNone(phone.sync(phone.inbox))
        self.assertEqual(self.changes(phone.sync(target)), [('Change', moved)])
        self.assertEqual(phone.items[target][moved].get('Email:Read'), '1')

    def test_flags_and_bodies_go_along(self):
        phone = self.phone_with(1)
        target = phone.folder('Target')
        item, _ = self.one_item(phone)
        phone.sync(phone.inbox, commands=[read_change(item, 1)])
        moved = phone.move(item, phone.inbox, target)
        fetched = phone.fetch_item(target, moved).root.find('Response/Fetch/Properties')
        self.assertEqual((fetched.get('Email:Subject'), fetched.get('Email:Read')), ('Message 0', '1'))
        self.assertIn('Hello Anna', fetched.get('AirSyncBase:Body/Data'))

    def test_a_folder_that_was_never_synced_brings_it_by_sync(self):
        phone = self.phone_with(1, folders=())
        phone.folder_create('Target')
        target = phone.folder('Target')
        item, _ = self.one_item(phone)
        moved = phone.move(item, phone.inbox, target)
        self.assertEqual(set(phone.sync_all(target)), {moved})
        self.assert_nothing_told(phone, phone.inbox, target)

    def test_an_item_that_the_phone_does_not_hold_comes_by_sync(self):
        """One that it found by a search, say: it has nothing that it could show in the new folder."""
        phone = self.phone_with(0)
        target = phone.folder('Target')
        other = self.phone(phone.user)
        self.lab.deliver(phone.user, message('Unseen'))
        other.sync_all(other.inbox)
        item, _ = self.one_item(other)
        moved = phone.move(item, phone.inbox, target)
        self.assertIsNone(phone.sync(phone.inbox))
        self.assertEqual(self.changes(phone.sync(target)), [('Add', moved)])

    def test_a_key_0_that_is_repeated_after_the_move(self):
        """What the first key 0 stood for is not what the phone has after the second."""
        phone = self.phone_with(1, folders=())
        phone.folder_create('Target')
        target = phone.folder('Target')
        phone.sync(target)
        item, _ = self.one_item(phone)
        moved = phone.move(item, phone.inbox, target)
        phone.keys[target] = '0'
        self.assertEqual(set(phone.sync_all(target)), {moved})

    @not_over_imap(BY_SQL)
    def test_outside_the_filter_of_the_new_folder(self):
        wish = options(filter_type=1)
        phone = self.phone_with(0, options=wish)
        target = phone.folder('Target')
        self.lab.deliver(phone.user, message('Old'))
        self.lab.sql("UPDATE easel.item i SET date = now() - interval '40 days' FROM easel.account a"
                     " WHERE a.id = i.account_id AND a.address = :'user'", user=phone.user)
        phone.sync_all(phone.inbox)
        item, _ = self.one_item(phone)
        moved = phone.move(item, phone.inbox, target)
        commands = phone.sync(target, options=wish).find('Commands').children
        self.assertEqual([(c.name, c.get('ServerId')) for c in commands],
                         [('AirSync:SoftDelete', moved)])

    def test_a_move_wakes_no_ping_of_the_mover(self):
        phone = self.phone_with(1, folders=('Target', 'Third'))
        target, third = phone.folder('Target'), phone.folder('Third')
        item, _ = self.one_item(phone)
        pending = phone.ping([phone.inbox, target, third], 300)
        time.sleep(0.5)
        phone.move(item, phone.inbox, target)
        time.sleep(0.5)
        self.lab.deliver(phone.user, message('Wakes it'), folder='Third')
        answer = pending.answer()
        self.assertEqual(answer.status, '2')
        self.assertEqual([folder.text for folder in answer.root.all('Folders/Folder')], [third])

    @not_over_imap(BY_SQL)
    @in_versions('12.1', '16.1')
    def test_a_thousand(self, version):
        phone = self.phone_with(0, version)
        target = phone.folder('Target')
        self.lab.deliver(phone.user, message('Many'))
        self.lab.sql(
            'WITH f AS (UPDATE easel.folder f SET next_uid = 1001, modseq = modseq + 1 FROM easel.account a'
            " WHERE a.id = f.account_id AND a.address = :'user' AND f.role = 'inbox'"
            ' RETURNING f.account_id, f.id, f.modseq)'
            ' INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)'
            ' SELECT i.account_id, i.folder_id, n, f.modseq, i.date, i.size, i.content_id FROM f'
            ' JOIN easel.item i ON i.account_id = f.account_id AND i.folder_id = f.id,'
            ' generate_series(2, 1000) n', user=phone.user)
        phone.sync_all(phone.inbox)
        moves = [(item, phone.inbox, target) for item in phone.items[phone.inbox]]
        self.assertEqual(len(moves), 1000)
        lost = [r.get('DstMsgId') for r in phone.move_raw(*moves)]
        self.assertEqual([r.get('DstMsgId') for r in phone.move_raw(*moves)], lost)
        self.assertEqual(len(set(lost) - {None}), 1000)
        phone.items[phone.inbox], phone.items[target] = {}, {item: E('none') for item in lost}
        self.assert_nothing_told(phone, phone.inbox, target)


class Repeated(Moves):
    def test_once_it_has_moved_on(self):
        """The first answer stands, whatever became of the item."""
        phone = self.phone_with(1)
        target = phone.folder('Target')
        item, _ = self.one_item(phone)
        lost = phone.move_raw((item, phone.inbox, target))[0].get('DstMsgId')
        other = self.phone(phone.user)
        other.sync_all(target)
        other.sync(target, commands=[delete(lost)], moves=0)
        self.assertEqual(phone.move(item, phone.inbox, target), lost)
        self.assertEqual(self.changes(phone.sync(target)), [('Delete', lost)])

    def test_to_another_folder(self):
        """The first answer was lost, and the user thought again."""
        phone = self.phone_with(1, folders=('One', 'Two'))
        one, two = phone.folder('One'), phone.folder('Two')
        item, _ = self.one_item(phone)
        phone.move_raw((item, phone.inbox, one))
        moved = phone.move(item, phone.inbox, two)
        self.assertTrue(moved.startswith(two + ':'))
        self.assertEqual(phone.move_raw((item, phone.inbox, two))[0].get('DstMsgId'), moved)
        self.assert_nothing_told(phone, phone.inbox, one, two)
        self.assertEqual(self.subjects(phone, two), ['Message 0'])

    def test_after_a_week_it_is_forgotten(self):
        phone = self.phone_with(2)
        target = phone.folder('Target')
        first, second = list(phone.items[phone.inbox])
        phone.move(first, phone.inbox, target)
        self.lab.sql("UPDATE easel.moved_item m SET moved_at = now() - interval '8 days'"
                     " FROM easel.account a WHERE a.id = m.account_id AND a.address = :'user'",
                     user=phone.user)
        self.assertEqual(phone.move(first, phone.inbox, target), 1)
        phone.move(second, phone.inbox, target)
        self.assertEqual(self.lab.sql('SELECT count(*) FROM easel.moved_item m JOIN easel.account a'
                                      " ON a.id = m.account_id WHERE a.address = :'user'",
                                      user=phone.user), [['1']])

    def test_another_device_has_moved_it(self):
        """Status 1, and each phone is told what it needs by Sync."""
        phone = self.phone_with(1)
        target = phone.folder('Target')
        other = self.phone(phone.user)
        for folder in (other.inbox, target):
            other.sync_all(folder)
        item, _ = self.one_item(phone)
        moved = phone.move(item, phone.inbox, target)
        self.assertEqual(other.move(item, other.inbox, target), 1)
        self.assertEqual(self.changes(other.sync(other.inbox)), [('Delete', item)])
        self.assertEqual(self.changes(other.sync(target)), [('Add', moved)])

    def test_at_once(self):
        phone = self.phone_with(1)
        target = phone.folder('Target')
        item, _ = self.one_item(phone)
        body = E('Move:MoveItems', E('Move', E('SrcMsgId', item), E('SrcFldId', phone.inbox),
                                     E('DstFldId', target)))
        pending = [phone.begin('MoveItems', body) for _ in range(4)]
        answers = []
        threads = [threading.Thread(target=lambda p=p: answers.append(p.answer().body)) for p in pending]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(answers)), 1)
        phone.move(item, phone.inbox, target)
        self.assert_nothing_told(phone, phone.inbox, target)


class Refused(Moves):
    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_each_with_its_status(self, version):
        phone = self.phone_with(1, version)
        target, inbox = phone.folder('Target'), phone.inbox
        item, _ = self.one_item(phone)
        stranger = self.synced_phone([message('Of Eve')])
        for _ in range(3):
            self.lab.deliver(stranger.user, message('Of Eve'))
        theirs = max(stranger.sync_all(stranger.inbox))
        cases = [
            ('1', item, '999', target), ('1', item, 'x', target), ('1', item, target, inbox),
            ('1', f'{inbox}:1:999', inbox, target), ('1', f'{inbox}:2:1', inbox, target),
            ('1', 'x', inbox, target), ('1', item + ':2', inbox, target), ('1', theirs, inbox, target),
            ('1', 'ä' * 32, inbox, target), ('1', item, inbox + ':1', target),
            ('2', item, inbox, '999'), ('2', item, inbox, 'x'), ('2', item, inbox, '0'),
            ('4', item, inbox, inbox),
        ]
        responses = phone.move_raw(*[case[1:] for case in cases])
        self.assertEqual([(r.get('Status'), r.get('SrcMsgId')) for r in responses],
                         [case[:2] for case in cases])
        self.assertFalse(any(r.has('DstMsgId') for r in responses))
        # What could not be moved is shown again, for those who took their own move for done.
        self.assertEqual(self.changes(phone.sync(inbox)), [('Change', item)])
        self.assertIsNone(phone.sync(target))
        self.assertEqual(self.subjects(phone, inbox), ['Message 0'])

    def test_the_good_ones_beside_the_bad(self):
        phone = self.phone_with(2)
        target = phone.folder('Target')
        one, two = list(phone.items[phone.inbox])
        responses = phone.move_raw((one, phone.inbox, target), ('x', phone.inbox, target),
                                   (two, phone.inbox, target))
        self.assertEqual([r.get('Status') for r in responses], ['3', '1', '3'])

    @in_versions('12.1', '16.1')
    def test_to_two_folders_at_a_time(self, version):
        phone = self.phone_with(1, version, folders=('One', 'Two'))
        one, two = phone.folder('One'), phone.folder('Two')
        item, _ = self.one_item(phone)
        answer = phone.command('MoveItems', E('Move:MoveItems', E(
            'Move', E('SrcMsgId', item), E('SrcFldId', phone.inbox), E('DstFldId', one), E('DstFldId', two))))
        self.assertEqual(answer.root.get('Response/Status'), '5')
        responses = phone.move_raw((item, phone.inbox, one), (item, phone.inbox, two),
                                   (item, phone.inbox, one))
        self.assertEqual([r.get('Status') for r in responses], ['3', '5', '3'])
        self.assertEqual(responses[0].get('DstMsgId'), responses[2].get('DstMsgId'))

    def test_folders_of_other_classes(self):
        phone = self.phone_with(1)
        item, _ = self.one_item(phone)
        for kind in (9, 10):
            self.assertEqual(phone.move(item, phone.inbox, phone.folder(kind)), 2)

    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_malformed_requests(self, version):
        phone = self.phone_with(1, version)
        item, _ = self.one_item(phone)
        target = phone.folder('Target')
        parts = [E('SrcMsgId', item), E('SrcFldId', phone.inbox), E('DstFldId', target)]
        bodies = [E('Move:MoveItems'), E('Move:MoveItems', E('Move')), E('Move:MoveItems', E('Response'))]
        bodies += [E('Move:MoveItems', E('Move', parts[:i] + parts[i + 1:])) for i in range(3)]
        bodies += [E('Move:MoveItems', E('Move', [E('SrcMsgId', text)] + parts[1:]))
                   for text in ('', 'x' * 65, 'x' * 10000)]
        bodies += [E('Move:MoveItems', [E('Move', parts)] * 1001)]
        for body in bodies:
            answer = phone.command('MoveItems', body, expect=None)
            if phone.number() < 140:
                self.assertEqual(answer.code, 400)
            else:
                self.assertEqual((answer.code, answer.status), (200, '103'))
        self.assert_nothing_told(phone, phone.inbox, target)
