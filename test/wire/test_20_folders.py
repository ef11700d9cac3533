"""FolderCreate, FolderDelete, FolderUpdate: a device's own edits of the tree (MS-ASCMD 2.2.1.3 ff.)."""

import threading
import time

from common import BY_SQL, in_versions, message, not_over_imap, WireTest
from wbxml import E

INBOX, OUTBOX, CONTACTS = '2', '6', '9'


class Folders(WireTest):
    def changes(self, answer):
        return [(c.name.partition(':')[2], c.get('DisplayName') or c.get('ServerId'))
                for c in answer.root.find('Changes').children[1:]]

    def assert_in_step(self, phone):
        """The next FolderSync tells nothing, and the phone knows what a new one would."""
        self.assertEqual(self.changes(phone.folder_sync()), [])
        self.assertEqual(phone.folders, self.phone(phone.user, phone.version).folders)

    def made(self, phone, name, parent='0'):
        answer = phone.folder_create(name, parent)
        self.assertEqual(answer.status, '1')
        return answer.root.get('ServerId')

    def rows(self, phone, query):
        """Of the phone's account, :a in the query."""
        return self.lab.sql('WITH a AS (SELECT id AS account_id FROM easel.account'
                            f" WHERE address = :'user') {query}", user=phone.user)


class Edits(Folders):
    @in_versions('2.5', '16.1')
    def test_options_name_the_commands(self, version):
        _, commands = self.new_phone(self.account(), version).options()
        for name in ('FolderCreate', 'FolderDelete', 'FolderUpdate', 'MoveItems'):
            self.assertIn(name, commands)

    @in_versions()
    def test_a_folder_is_made_renamed_moved_and_deleted(self, version):
        phone = self.phone(version=version)
        outer = self.made(phone, 'Outer')
        self.assert_in_step(phone)
        inner = self.made(phone, 'Inner', outer)
        self.assert_in_step(phone)
        self.assertEqual(phone.folder_update(inner, 'Innen', outer).status, '1')
        self.assert_in_step(phone)
        self.assertEqual(phone.folder_update(inner, 'Innen', '0').status, '1')
        self.assert_in_step(phone)
        self.assertEqual(phone.folder_update(outer, 'Aussen', inner).status, '1')
        self.assert_in_step(phone)
        self.assertEqual(phone.folder_delete(inner).status, '1')
        self.assertNotIn(outer, phone.folders)
        self.assert_in_step(phone)

    @in_versions('12.1', '16.1')
    def test_several_edits_in_a_row(self, version):
        phone = self.phone(version=version)
        a = self.made(phone, 'A')
        b = self.made(phone, 'B', a)
        self.made(phone, 'C', b)
        phone.folder_update(b, 'B', '0')
        phone.folder_delete(a)
        self.made(phone, 'A')
        self.assert_in_step(phone)

    def test_a_generic_folder_holds_mail(self):
        phone = self.phone()
        answer = phone.folder_create('Generic', kind=1)
        self.assertEqual(answer.status, '1')
        self.assertEqual(self.changes(phone.folder_sync()), [])
        self.assertEqual(phone.sync_all(answer.root.get('ServerId')), {})

    def test_other_devices_are_told(self):
        one = self.phone()
        two = self.phone(one.user)
        folder = self.made(one, 'New')
        self.assertEqual(self.changes(two.folder_sync()), [('Add', 'New')])
        one.folder_update(folder, 'Newer')
        self.assertEqual(self.changes(two.folder_sync()), [('Update', 'Newer')])
        one.folder_delete(folder)
        self.assertEqual(self.changes(two.folder_sync()), [('Delete', folder)])

    def test_others_edits_are_told_beside_the_own_one(self):
        one = self.phone()
        two = self.phone(one.user)
        theirs = self.made(two, 'Theirs')
        mine = self.made(one, 'Mine')
        self.assertEqual(self.changes(one.folder_sync()), [('Add', 'Theirs')])
        two.folder_sync()
        two.folder_update(theirs, 'Theirs', mine)
        one.folder_update(mine, 'Mine!')
        self.assertEqual(self.changes(one.folder_sync()), [('Update', 'Theirs')])
        self.assert_in_step(one)
        two.folder_sync()
        self.assert_in_step(two)

    def test_a_ping_tells_of_others_edits_and_not_of_the_own_one(self):
        one = self.phone()
        two = self.phone(one.user)
        folder = self.made(one, 'Mine')
        one.sync_all(folder)
        ping = one.ping([folder], 300)
        time.sleep(0.5)
        self.lab.deliver(one.user, message(), folder='Mine')
        self.assertEqual(ping.answer().status, '2')
        two.folder_sync()
        self.made(two, 'Theirs')
        one.folder_update(folder, 'Mine!')
        self.assertEqual(one.ping([folder], 300).answer().status, '7')
        self.assertEqual(self.changes(one.folder_sync()), [('Add', 'Theirs')])

    @not_over_imap(BY_SQL)
    def test_a_deleted_folder_takes_its_items_along(self):
        phone = self.phone()
        outer = self.made(phone, 'Outer')
        inner = self.made(phone, 'Inner', outer)
        for name in ('Outer', 'Inner', 'Inbox'):
            self.lab.deliver(phone.user, message(name), folder=name)
        self.assertEqual(len(phone.sync_all(inner)), 1)
        phone.folder_delete(outer)
        self.assertEqual(len(phone.sync_all(phone.inbox)), 1)
        self.assertEqual(self.rows(phone, 'SELECT count(*) FROM easel.content JOIN a USING (account_id)'),
                         [['1']])
        collection = phone.sync_raw(phone.collection(inner)).root.find('Collections/Collection')
        self.assertEqual(collection.get('Status'), '12')

    def test_an_id_is_not_used_again(self):
        phone = self.phone()
        seen = set()
        for _ in range(3):
            folder = self.made(phone, 'Same name')
            self.assertNotIn(folder, seen)
            seen.add(folder)
            phone.folder_delete(folder)
        phone.folder_sync('0')
        self.assertFalse(seen & set(phone.folders))


class Lost(Folders):
    """The answer did not arrive: the phone sends the same again, with the same key."""

    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_create(self, version):
        phone = self.phone(version=version)
        content = E('ParentId', 0), E('DisplayName', 'New'), E('Type', 12)
        lost = phone.folder_edit('FolderCreate', *content)
        for _ in range(2):
            again = phone.folder_edit('FolderCreate', *content)
            self.assertEqual(again.body, lost.body)
        phone.folder_create('New')
        self.assertEqual(phone.folder_key, lost.root.get('SyncKey'))
        self.assert_in_step(phone)

    @in_versions('12.1', '14.1', '16.1')
    def test_update_and_delete(self, version):
        phone = self.phone(version=version)
        outer = self.made(phone, 'Outer')
        inner = self.made(phone, 'Inner', outer)
        lost = phone.folder_edit('FolderUpdate', E('ServerId', inner), E('ParentId', 0),
                                 E('DisplayName', 'Innen'))
        self.assertEqual(lost.status, '1')
        again = phone.folder_update(inner, 'Innen')
        self.assertEqual(again.body, lost.body)
        self.assert_in_step(phone)
        lost = phone.folder_edit('FolderDelete', E('ServerId', outer))
        self.assertEqual(lost.status, '1')
        again = phone.folder_delete(outer)
        self.assertEqual(again.body, lost.body)
        self.assert_in_step(phone)

    def test_folder_sync_instead_of_the_same_again(self):
        phone = self.phone()
        phone.folder_edit('FolderCreate', E('ParentId', 0), E('DisplayName', 'New'), E('Type', 12))
        self.assertEqual(self.changes(phone.folder_sync()), [('Add', 'New')])
        self.assert_in_step(phone)

    def test_another_edit_instead_of_the_same_again(self):
        phone = self.phone()
        phone.folder_edit('FolderCreate', E('ParentId', 0), E('DisplayName', 'One'), E('Type', 12))
        self.made(phone, 'Two')
        self.assertEqual(self.changes(phone.folder_sync()), [('Add', 'One')])
        self.assert_in_step(phone)

    def test_the_folder_is_gone_before_the_repeat(self):
        phone = self.phone()
        lost = phone.folder_edit('FolderCreate', E('ParentId', 0), E('DisplayName', 'New'), E('Type', 12))
        other = self.phone(phone.user)
        other.folder_delete(other.folder('New'))
        again = phone.folder_create('New')
        self.assertEqual(again.body, lost.body)
        self.assertEqual(self.changes(phone.folder_sync()), [('Delete', lost.root.get('ServerId'))])

    def test_a_lost_folder_sync_before_the_edit(self):
        """What that answer told is told again, and the edit is not taken for it."""
        phone = self.phone()
        other = self.phone(phone.user)
        self.made(other, 'A')
        self.made(other, 'B')
        phone.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', phone.folder_key)))
        self.assertEqual(phone.folder_create('A').status, '2')
        self.made(phone, 'C')
        self.assertEqual(self.changes(phone.folder_sync()), [('Add', 'A'), ('Add', 'B')])
        self.assert_in_step(phone)

    def test_two_at_once(self):
        """The repeat arrives while the first is still served."""
        phone = self.phone()
        body = E('FolderHierarchy:FolderCreate', E('SyncKey', phone.folder_key), E('ParentId', 0),
                 E('DisplayName', 'New'), E('Type', 12))
        pending = [phone.begin('FolderCreate', body) for _ in range(4)]
        answers = []
        threads = [threading.Thread(target=lambda p=p: answers.append(p.answer().body)) for p in pending]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(answers)), 1)
        self.assertEqual(self.changes(phone.folder_sync()), [('Add', 'New')])


class Refused(Folders):
    def edit(self, phone, command, key=None, **content):
        return phone.folder_edit(command, *[E(name, text) for name, text in content.items()], key=key)

    def check(self, phone, cases):
        """cases: (status, command, content). Nothing is changed by any of them."""
        before = dict(phone.folders)
        for status, command, content in cases:
            with self.subTest(command=command, **{k: str(v)[:40] for k, v in content.items()}):
                answer = self.edit(phone, command, **content)
                self.assertEqual(answer.status, status)
                self.assertFalse(answer.root.has('SyncKey') or answer.root.has('ServerId'))
        self.assert_in_step(phone)
        self.assertEqual(phone.folders, before)

    @in_versions('12.1', '14.0', '16.1')
    def test_create(self, version):
        phone = self.phone(version=version)
        outer = self.made(phone, 'Outer')
        self.made(phone, 'Inner', outer)

        def create(status, name='x', parent='0', kind='12'):
            return status, 'FolderCreate', {'ParentId': parent, 'DisplayName': name, 'Type': kind}
        self.check(phone, [
            create('2', 'Outer'), create('2', 'OUTER'), create('2', 'inner', outer), create('2', 'Inbox'),
            create('5', parent='999'), create('5', parent='-1'), create('5', parent='00'),
            create('5', parent='1:1:1'), create('5', parent='x' * 64), create('5', parent='99999999999'),
            *[create('10', kind=str(kind)) for kind in (*range(2, 12), 16, 18, 19, 0, -1, 255, 'x', *([17] if version == '12.1' else []))],
            create('10', ''), create('10', '   '), create('10', 'x' * 257), create('10', 'x' * 10000),
            create('10', 'ä' * 257), *[create('10', f'a{c}b') for c in '\t\n\r\x01\x1f\x7f\x85'],
            create('10', parent=''),
        ])

    @not_over_imap('the IMAP server has names of its own')
    def test_names_of_any_letters(self):
        phone = self.phone()
        for name in ('a/b', '/', '..', 'a\\b', '<b>&"', 'ä' * 256, '天気 ☎ 📞', 'x' * 256, "'; --", '%s', ' a '):
            with self.subTest(name):
                folder = self.made(phone, name)
                self.assert_in_step(phone)
                self.assertEqual(phone.folders[folder]['DisplayName'], name)

    @in_versions('12.1', '16.1')
    def test_update(self, version):
        phone = self.phone(version=version)
        a = self.made(phone, 'A')
        b = self.made(phone, 'B', a)
        c = self.made(phone, 'C', b)

        def update(status, folder, name, parent='0'):
            return status, 'FolderUpdate', {'ServerId': folder, 'ParentId': parent, 'DisplayName': name}
        special = [f for f, facts in phone.folders.items() if f not in (a, b, c)]
        self.check(phone, [
            *[update('2', folder, 'x') for folder in special],
            *[update('2', folder, phone.folders[folder]['DisplayName'], a) for folder in special],
            update('2', a, 'inbox'), update('2', b, 'a', '0'),
            update('4', '999', 'x'), update('4', 'x', 'x'), update('4', '0', 'x'), update('4', '-1', 'x'),
            update('5', b, 'B', '999'), update('5', b, 'B', 'x'),
            update('5', a, 'A', a), update('5', a, 'A', b), update('5', a, 'A', c),
            update('10', a, ''), update('10', a, 'x' * 257), update('10', a, 'x\x02'),
            update('10', '', 'x'), update('10', a, 'x', ''),
        ])

    @not_over_imap('the IMAP server has names of its own')
    @in_versions('12.1', '16.1')
    def test_delete(self, version):
        phone = self.phone(version=version)
        special = list(phone.folders)
        outer = self.made(phone, 'Outer')
        self.lab.sql("UPDATE easel.folder f SET parent_id = :outer FROM easel.account a"
                     " WHERE a.id = f.account_id AND a.address = :'user' AND f.role = 'junk'",
                     user=phone.user, outer=outer)
        phone.folder_sync()
        self.check(phone, [
            *[('3', 'FolderDelete', {'ServerId': folder}) for folder in special],
            ('3', 'FolderDelete', {'ServerId': outer}),
            *[('4', 'FolderDelete', {'ServerId': folder}) for folder in ('999', 'x', '0', '-1', '1:1:1')],
            ('10', 'FolderDelete', {'ServerId': ''}), ('10', 'FolderDelete', {}),
        ])

    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_keys(self, version):
        phone = self.phone(version=version)
        other = self.phone(phone.user, version)
        folder = self.made(phone, 'Folder')
        old = phone.folder_key
        for name in ('One', 'Two'):
            self.made(phone, name)
        for key in ('0', '1', 'x', '', old, other.folder_key, '00000000.1', 'x' * 64):
            for command, content in (
                    ('FolderCreate', {'ParentId': '0', 'DisplayName': 'x', 'Type': '12'}),
                    ('FolderUpdate', {'ServerId': folder, 'ParentId': '0', 'DisplayName': 'x'}),
                    ('FolderDelete', {'ServerId': folder})):
                with self.subTest(key=key, command=command):
                    self.assertEqual(self.edit(phone, command, key, **content).status, '9')
        self.assert_in_step(phone)

    @in_versions('12.1', '16.1')
    def test_what_is_missing_or_too_much_is_malformed(self, version):
        phone = self.phone(version=version)
        folder = self.made(phone, 'Folder')
        key = E('SyncKey', phone.folder_key)
        whole = {'FolderCreate': [key, E('ParentId', 0), E('DisplayName', 'x'), E('Type', 12)],
                 'FolderUpdate': [key, E('ServerId', folder), E('ParentId', 0), E('DisplayName', 'x')],
                 'FolderDelete': [key, E('ServerId', folder)]}
        for command, parts in whole.items():
            broken = [parts[:i] + parts[i + 1:] for i in range(len(parts))]
            broken += [parts[:i + 1] + parts[i:] for i in range(len(parts))]
            broken += [parts + [E('Status', 1)]]
            for content in broken:
                with self.subTest(command=command, content=content):
                    answer = phone.command(command, E('FolderHierarchy:' + command, content))
                    self.assertEqual(answer.status, '10')
        self.assert_in_step(phone)

    def test_someone_elses_folders(self):
        phone, other = self.phone(), self.phone()
        for number in range(4):
            folder = self.made(other, f'Of Ben {number}')
        self.check(phone, [
            ('5', 'FolderCreate', {'ParentId': folder, 'DisplayName': 'x', 'Type': '12'}),
            ('4', 'FolderUpdate', {'ServerId': folder, 'ParentId': '0', 'DisplayName': 'x'}),
            ('4', 'FolderDelete', {'ServerId': folder}),
        ])
        self.assert_in_step(other)

    def test_folders_of_other_classes_are_not_there(self):
        phone = self.phone()
        self.lab.sql("SELECT easel.folder_create(id, NULL, 'Papers', 'Files'),"
                     " easel.folder_create(id, NULL, 'More', 'Files') FROM easel.account"
                     " WHERE address = :'user'", user=phone.user)
        files = str(max(map(int, phone.folders)) + 1)
        for folder in (files, str(int(files) + 1)):
            self.check(phone, [
                ('5', 'FolderCreate', {'ParentId': folder, 'DisplayName': 'x', 'Type': '12'}),
                ('4', 'FolderUpdate', {'ServerId': folder, 'ParentId': '0', 'DisplayName': 'x'}),
                ('4', 'FolderDelete', {'ServerId': folder}),
            ])

    @not_over_imap('the IMAP server has a limit of its own')
    def test_a_deep_tree(self):
        phone = self.phone()
        parent = '0'
        for depth in range(60):
            parent = self.made(phone, f'Level {depth}', parent)
        self.assert_in_step(phone)
        top = phone.folder('Level 0')
        self.assertEqual(phone.folder_update(top, 'Level 0', parent).status, '5')
        self.assertEqual(phone.folder_delete(top).status, '1')
        self.assert_in_step(phone)
