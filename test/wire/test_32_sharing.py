"""Folders that one account shares with another: who sees what, who may do what, and for how long."""

from common import WireTest, message
from phone import body, delete, options, read_change, TEXT
from wbxml import E

TEXTS = options(body(TEXT))


class Sharing(WireTest):
    def setUp(self):
        self.owner, self.guest = self.account('owner'), self.account('guest')
        self.make('Team')
        self.make('Private')
        self.lab.deliver(self.owner, message('For the team'), folder='Team')
        self.lab.deliver(self.owner, message('For nobody'), folder='Private')

    def make(self, name):
        self.lab.sql("SELECT easel.folder_create(easel.account_by_address(:'user'), NULL, :'name')",
                     user=self.owner, name=name)

    def share(self, rights='read', path='Team', whom=None):
        self.lab.sql("SELECT easel.folder_share(:'owner', :'path', :'whom', :'rights')",
                     owner=self.owner, path=path, whom=whom or self.guest, rights=rights)

    def unshare(self):
        self.lab.sql("SELECT easel.folder_unshare(:'owner', 'Team', :'whom')", owner=self.owner,
                     whom=self.guest)

    def shown(self, phone, name):
        """The folder whose name ends so; None when the phone sees none."""
        found = [f for f, entry in phone.folders.items() if entry['DisplayName'].endswith(name)]
        self.assertLess(len(found), 2, phone.folders)
        return found[0] if found else None

    def synced(self, rights='read', version='16.1'):
        """The guest's phone with the shared folder, and its number on it."""
        self.share(rights)
        phone = self.phone(self.guest, version)
        folder = self.shown(phone, 'Team')
        self.assertIsNotNone(folder, phone.folders)
        phone.sync_all(folder, options=TEXTS)
        return phone, folder

    def subjects(self, phone, folder):
        return sorted(data.get('Email:Subject') for data in phone.items[folder].values())

    def seen(self):
        """Flags of the message in the owner's folder, None when it is gone."""
        rows = self.lab.sql(
            "SELECT i.flags FROM easel.item i JOIN easel.folder f ON f.account_id = i.account_id"
            " AND f.id = i.folder_id WHERE f.account_id = easel.account_by_address(:'user')"
            " AND f.name = 'Team'", user=self.owner)
        return rows[0][0] if rows else None

    def test_what_is_shared_is_seen_and_nothing_else(self):
        phone, folder = self.synced()
        self.assertEqual(self.subjects(phone, folder), ['For the team'])
        self.assertIsNone(self.shown(phone, 'Private'))

    def test_whoever_was_given_nothing_sees_nothing(self):
        self.share()
        stranger = self.phone(self.account('stranger'))
        self.assertIsNone(self.shown(stranger, 'Team'))
        guest = self.phone(self.guest)
        folder = self.shown(guest, 'Team')
        if folder not in stranger.folders:
            collection = stranger.sync_raw(stranger.collection(folder, key='0')).root.find(
                'Collections/Collection')
            self.assertIn(collection.get('Status'), ('8', '12'))

    def test_new_mail_in_it_wakes_the_guest(self):
        phone, folder = self.synced()
        ping = phone.ping([folder], 300)
        self.lab.deliver(self.owner, message('News'), folder='Team')
        answer = ping.answer(within=10)
        self.assertEqual(answer.status, '2')
        phone.sync_all(folder)
        self.assertEqual(self.subjects(phone, folder), ['For the team', 'News'])

    def test_an_edit_without_the_right_to_is_set_back(self):
        phone, folder = self.synced()
        before = self.seen()
        (item,) = phone.items[folder]
        phone.sync(folder, commands=[read_change(item, 1)])
        phone.sync_all(folder)
        self.assertEqual(phone.items[folder][item].get('Email:Read'), '0')
        phone.sync(folder, commands=[delete(item)])
        phone.sync_all(folder)
        self.assertEqual(self.subjects(phone, folder), ['For the team'])
        self.assertEqual(self.seen(), before)

    def test_an_edit_with_the_right_to_is_the_owners(self):
        phone, folder = self.synced('write')
        (item,) = phone.items[folder]
        phone.sync(folder, commands=[read_change(item, 1)])
        self.assertEqual(int(self.seen()) & 1, 1)

    def test_a_message_is_not_moved_out_without_the_right_to(self):
        phone, folder = self.synced()
        (item,) = phone.items[folder]
        response, = phone.move_raw((item, folder, phone.inbox))
        self.assertNotEqual(response.get('Status'), '3')
        self.assertIsNotNone(self.seen())

    def test_what_is_too_large_to_be_moved_out_stays_alone(self):
        phone, folder = self.synced('write')
        (item,) = phone.items[folder]
        self.lab.sql("UPDATE easel.item SET size = 70000000 FROM easel.folder f WHERE f.name = 'Team'"
                     " AND f.account_id = item.account_id AND f.id = item.folder_id")
        response, = phone.move_raw((item, folder, phone.inbox))
        self.assertNotEqual(response.get('Status'), '3')
        self.assertIsNotNone(self.seen())
        self.assertEqual(phone.sync_all(phone.inbox), {})

    def test_what_goes_while_it_is_moved_out_does_not_come_back(self):
        phone, folder = self.synced('write')
        (item,) = phone.items[folder]
        phone.sync_all(phone.inbox)
        deletes = self.holding("DELETE FROM easel.item i USING easel.folder f WHERE f.name = 'Team'"
                               ' AND f.account_id = i.account_id AND f.id = i.folder_id')
        move = self.later(lambda: phone.move_raw((item, folder, phone.inbox)))
        self.until('SELECT FROM pg_locks WHERE NOT granted')
        deletes.communicate(b'COMMIT;\n')
        response, = move.result()
        self.assertNotEqual(response.get('Status'), '3')
        self.assertEqual(phone.sync_all(phone.inbox), {})

    def test_what_is_taken_back_is_gone_at_once(self):
        phone, folder = self.synced()
        (item,) = phone.items[folder]
        request = phone.collection(folder)
        self.unshare()
        self.lab.deliver(self.owner, message('Secret'), folder='Team')
        collection = phone.sync_raw(request).root.find('Collections/Collection')
        self.assertIn(collection.get('Status'), ('8', '12'))
        self.assertFalse(collection.has('Commands'))
        fetched = phone.fetch_item(folder, item)
        self.assertNotEqual(fetched.root.find('Response/Fetch').get('Status'), '1')
        phone.folder_sync()
        self.assertIsNone(self.shown(phone, 'Team'))

    def test_a_waiting_phone_is_told_that_it_is_taken_back(self):
        phone, folder = self.synced()
        ping = phone.ping([folder], 300)
        self.unshare()
        self.assertEqual(ping.answer(within=10).status, '7')

    def test_a_phone_that_goes_on_asking_for_it(self):
        """As for a folder that was deleted: asked for FolderSync three times, then the user is told."""
        obedient, folder = self.synced()
        deaf = self.phone(self.guest)
        deaf.sync_all(folder, options=TEXTS)
        self.unshare()
        for phone in (obedient, deaf):
            if phone is obedient:  # it fetches the folders, twice, and asks for this one nevertheless
                phone.folder_sync()
                phone.folder_sync()
            phone.sync_all(phone.inbox, options=TEXTS)
            for _ in range(3):
                self.assertEqual(phone.ping([phone.inbox, folder], 300).answer(within=10).status, '7')
            told = 0
            while not told:  # the mail that tells of it is on its way
                answer = phone.ping([phone.inbox, folder], 300).answer()
                self.assertEqual((answer.status, [f.text for f in answer.root.all('Folders/Folder')]),
                                 ('2', [phone.inbox]))
                phone.sync_all(phone.inbox)
                told = sum('Team' in str(item) for item in phone.items[phone.inbox].values())
        # Shared again it is a folder like others.
        self.share()
        obedient.folder_sync()
        folder = self.shown(obedient, 'Team')
        obedient.sync_all(folder, options=TEXTS)
        ping = obedient.ping([folder], 300)
        self.lab.deliver(self.owner, message('News'), folder='Team')
        self.assertEqual(ping.answer().status, '2')

    def test_search_finds_nothing_in_what_was_taken_back(self):
        phone, folder = self.synced()
        self.unshare()
        answer = phone.command('Search', E('Search:Search', E(
            'Store', E('Name', 'Mailbox'), E('Query', E('And', E('FreeText', 'team'))),
            E('Options', E('DeepTraversal'), E('Range', '0-9')))))
        self.assertEqual([r for r in answer.root.all('Response/Store/Result') if r.has('LongId')],
                         [])

    def test_the_owner_gets_everything_as_before(self):
        self.share()
        phone = self.phone(self.owner)
        for name, subject in (('Team', 'For the team'), ('Private', 'For nobody')):
            folder = self.shown(phone, name)
            phone.sync_all(folder)
            self.assertEqual(self.subjects(phone, folder), [subject])


if __name__ == '__main__':
    import unittest
    unittest.main()
