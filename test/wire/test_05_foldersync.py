"""FolderSync: the folder tree, its changes, repeats, and keys that are wrong (MS-ASCMD 2.2.1.5)."""

from common import BY_SQL, in_versions, not_over_imap, WireTest
from wbxml import E

DEFAULTS = {'2': 'Inbox', '3': 'Drafts', '4': 'Deleted Items', '5': 'Sent Items', '6': 'Outbox'}


class Tree(WireTest):
    def create(self, user, name, parent=None):
        """Adds a mail folder; returns its number."""
        return self.lab.sql(
            "SELECT easel.folder_create(id, nullif(:'parent', '')::integer, :'name')"
            " FROM easel.account WHERE address = :'user'",
            user=user, name=name, parent=parent or '')[0][0]

    def change(self, user, number, assignment):
        self.lab.sql(f'UPDATE easel.folder f SET {assignment} FROM easel.account a'
                     " WHERE a.id = f.account_id AND a.address = :'user' AND f.id = :number",
                     user=user, number=number)

    def remove(self, user, number):
        self.lab.sql('DELETE FROM easel.folder f USING easel.account a'
                     " WHERE a.id = f.account_id AND a.address = :'user' AND f.id = :number",
                     user=user, number=number)

    def names(self, phone):
        return {facts['DisplayName'] for facts in phone.folders.values()}

    def changes(self, answer):
        """What an answer changes, as (verb, name or ServerId)."""
        return [(c.name.partition(':')[2], c.get('DisplayName') or c.get('ServerId'))
                for c in answer.root.find('Changes').children[1:]]


class First(Tree):
    @not_over_imap('the IMAP server has names of its own')
    @in_versions()
    def test_the_default_folders(self, version):
        phone = self.new_phone(self.account(), version)
        phone.folder_sync()
        for kind, name in DEFAULTS.items():
            facts = phone.folders[phone.folder(kind)]
            self.assertEqual((facts['DisplayName'], facts['ParentId']), (name, '0'))
        self.assertLessEqual(len(phone.folder_key), 64)
        self.assertNotEqual(phone.folder_key, '0')
        self.assertTrue(all(len(folder) <= 64 for folder in phone.folders))

    def test_subfolders_of_any_depth_come_at_once_parents_first(self):
        user = self.account()
        outer = self.create(user, 'Outer')
        middle = self.create(user, 'Middle', outer)
        self.create(user, 'Inner', middle)
        phone = self.new_phone(user)
        answer = phone.folder_sync()
        ids = {phone.folders[f]['DisplayName']: f for f in phone.folders}
        self.assertEqual(phone.folders[ids['Inner']],
                         {'ParentId': ids['Middle'], 'DisplayName': 'Inner', 'Type': '12'})
        self.assertEqual(phone.folders[ids['Middle']]['ParentId'], ids['Outer'])
        order = [name for _, name in self.changes(answer)]
        self.assertLess(order.index('Outer'), order.index('Middle'))
        self.assertLess(order.index('Middle'), order.index('Inner'))

    def test_names_of_any_letters(self):
        user = self.account()
        for name in ('Größe & Café', '天気', '<b>"x"</b>', "a'b", '☎ 📞'):
            self.create(user, name)
            self.assertIn(name, self.names(self.phone(user)))

    def test_two_hundred_folders(self):
        user = self.account()
        self.lab.sql("SELECT easel.folder_create(id, NULL, 'Folder ' || n) FROM easel.account,"
                     " generate_series(1, 200) n WHERE address = :'user'", user=user)
        self.assertGreaterEqual(len(self.phone(user).folders), 205)


@not_over_imap(BY_SQL)
class Later(Tree):
    @in_versions()
    def test_nothing_new(self, version):
        phone = self.phone(version=version)
        answer = phone.folder_sync()
        self.assertEqual((answer.status, answer.root.get('Changes/Count')), ('1', '0'))
        self.assertTrue(answer.root.get('SyncKey'))

    @in_versions('12.1', '16.1')
    def test_added_renamed_moved_and_deleted_folders(self, version):
        user = self.account()
        phone = self.phone(user, version)
        one, two = self.create(user, 'One'), self.create(user, 'Two')
        self.assertEqual(self.changes(phone.folder_sync()), [('Add', 'One'), ('Add', 'Two')])
        self.change(user, one, "name = 'Uno'")
        self.assertEqual(self.changes(phone.folder_sync()), [('Update', 'Uno')])
        self.change(user, two, f'parent_id = {one}')
        phone.folder_sync()
        self.assertEqual(phone.folders[phone.folder('Two')]['ParentId'], phone.folder('Uno'))
        gone = phone.folder('Two')
        self.remove(user, two)
        self.assertEqual(self.changes(phone.folder_sync()), [('Delete', gone)])

    def test_deletes_come_before_adds(self):
        """Else Outlook calls the new folder "x [1]" (pitfalls.md)."""
        user = self.account()
        old = self.create(user, 'Same name')
        phone = self.phone(user)
        was = phone.folder('Same name')
        self.remove(user, old)
        self.create(user, 'Same name')
        answer = phone.folder_sync()
        self.assertEqual([verb for verb, _ in self.changes(answer)], ['Delete', 'Add'])
        self.assertNotEqual(phone.folder('Same name'), was)

    def test_a_folder_that_came_and_went_is_not_mentioned(self):
        user = self.account()
        phone = self.phone(user)
        self.remove(user, self.create(user, 'Short-lived'))
        self.assertEqual(self.changes(phone.folder_sync()), [])

    def test_each_device_is_told(self):
        user = self.account()
        one, two = self.phone(user), self.phone(user)
        self.create(user, 'New')
        for phone in (one, two):
            phone.folder_sync()
            self.assertIn('New', self.names(phone))

    def test_one_account_does_not_see_the_others(self):
        user, other = self.account(), self.account('ben')
        phone = self.phone(user)
        self.create(other, 'Of Ben')
        self.assertEqual(self.changes(phone.folder_sync()), [])


class Repeats(Tree):
    @in_versions('12.1', '14.1', '16.1')
    def test_a_lost_answer_is_given_again(self, version):
        user = self.account()
        phone = self.phone(user, version)
        old = self.create(user, 'Old')
        phone.folder_sync()
        self.create(user, 'New')
        self.change(user, old, "name = 'Renamed'")
        lost = phone.command('FolderSync', E('FolderHierarchy:FolderSync',
                                             E('SyncKey', phone.folder_key)))
        again = phone.folder_sync()
        self.assertEqual(self.changes(again), self.changes(lost))
        self.assertEqual(self.changes(phone.folder_sync()), [])

    def test_a_lost_answer_and_news_meanwhile(self):
        user = self.account()
        phone = self.phone(user)
        first = self.create(user, 'First')
        phone.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey',
                                                                      phone.folder_key)))
        self.create(user, 'Second')
        self.remove(user, first)
        phone.folder_sync()
        self.assertIn('Second', self.names(phone))
        self.assertNotIn('First', self.names(phone))
        self.assertEqual(self.names(phone), self.names(self.phone(user)))

    def test_the_first_answer_is_lost(self):
        """iOS sends key 0 twice quickly: both get the same."""
        phone = self.new_phone(self.account())
        lost = phone.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', 0)))
        again = phone.folder_sync('0')
        self.assertEqual(again.root.get('SyncKey'), lost.root.get('SyncKey'))
        self.assertEqual(self.changes(again), self.changes(lost))
        self.assertEqual(phone.folder_sync().status, '1')

    def test_starting_anew_keeps_ids_and_sync_states(self):
        """MS-ASCMD R885, R5012."""
        phone = self.synced_phone()
        folders = dict(phone.folders)
        for _ in range(3):
            phone.folder_sync('0')
            self.assertEqual(phone.folders, folders)
            self.assertIsNone(phone.sync(phone.inbox))


class BadKeys(Tree):
    @in_versions()
    def test_a_key_that_was_never_given_is_status_9(self, version):
        """MS-ASCMD R4581."""
        phone = self.phone(version=version)
        for key in ('1', '2', '-1', 'abc', '99999999.1', '0.1', 'x' * 64, '0' * 64, '1 ',
                    '{' + phone.folder_key + '}', '00000000.0', '⌘'):
            with self.subTest(key):
                answer = phone.folder_sync(key)
                self.assertEqual(answer.status, '9')
                self.assertFalse(answer.root.has('Changes'))
        self.assertEqual(phone.folder_sync().status, '1')

    def test_another_devices_key_is_status_9(self):
        user = self.account()
        one, two = self.phone(user), self.phone(user)
        self.assertEqual(one.folder_sync(two.folder_key).status, '9')

    def test_a_key_of_long_ago_is_status_9(self):
        user = self.account()
        phone = self.phone(user)
        old = phone.folder_key
        for name in ('One', 'Two', 'Three'):
            self.create(user, name)
            phone.folder_sync()
        self.assertEqual(phone.folder_sync(old).status, '9')
        self.assertEqual(phone.folder_sync().status, '1')

    @in_versions('12.1', '16.1')
    def test_no_key_at_all_is_status_10(self, version):
        phone = self.phone(version=version)
        for document in (E('FolderHierarchy:FolderSync'),
                         E('FolderHierarchy:FolderSync', E('SyncKey'))):
            answer = phone.command('FolderSync', document, expect=None)
            if answer.code == 400 and phone.number() < 140:
                continue
            self.assertIn(answer.status, ('9', '10'))
