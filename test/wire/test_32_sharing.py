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

    def test_each_right_by_itself(self):
        """What a guest may do with a message in the folder, and with the folder, by what he was given."""
        reading = 'look up,read'
        for rights, may in (('look up,write', None), ('read,write', None), ('insert,delete', None), (reading, ''),
                            (reading + ',write', 'change'), (reading + ',insert', 'insert'),
                            (reading + ',delete', 'delete'), (reading + ',administer', 'administer'),
                            ('write', 'change insert delete'), ('manage', 'change insert delete administer')):
            with self.subTest(rights):
                self.setUp()
                if may is None:
                    self.share(rights)
                    self.assertIsNone(self.shown(self.phone(self.guest), 'Team'))
                else:
                    self.assertEqual(self.done(*self.synced(rights)), may.split())

    def done(self, phone, folder):
        """Tries everything with the folder; what the owner's folder shows of it."""
        done = []
        (item,) = phone.items[folder]
        phone.sync(folder, commands=[read_change(item, 1)])
        if int(self.seen()) & 1:
            done.append('change')
        phone.sync_all(folder)
        self.lab.deliver(self.guest, message('Put in'))
        phone.sync_all(phone.inbox)
        own, _ = self.find_item(phone, 'Put in')
        if isinstance(phone.move(own, phone.inbox, folder), str):
            done.append('insert')
        phone.sync_all(phone.inbox)
        self.assertEqual('Put in' in self.subjects(phone, phone.inbox), 'insert' not in done)
        phone.sync(folder, commands=[delete(item)])
        if 'For the team' not in self.kept():
            done.append('delete')
        phone.sync_all(folder)
        self.assertEqual(self.subjects(phone, folder), self.kept(), 'what may not be done is set back')
        made = phone.folder_create('Inside', folder)
        renamed = phone.folder_update(folder, 'Crew', phone.folders[folder]['ParentId'])
        self.assertEqual((made.status, renamed.status), ('1', '1') if made.status == '1' else ('3', '2'))
        phone.folder_sync()
        self.assertEqual(self.shown(phone, 'Inside') is not None, made.status == '1', 'what he made he sees')
        gone = phone.folder_delete(folder)
        self.assertEqual(gone.status, '1' if made.status == '1' else '3')
        return done + ['administer'] * (made.status == '1')

    def kept(self):
        """Subjects of the messages in the owner's folder."""
        return sorted(row[0] for row in self.lab.sql(
            "SELECT c.summary ->> 'subject' FROM easel.item i JOIN easel.content c ON c.account_id = i.account_id"
            " AND c.id = i.content_id JOIN easel.folder f ON f.account_id = i.account_id AND f.id = i.folder_id"
            " WHERE f.account_id = easel.account_by_address(:'user') AND f.name = 'Team'", user=self.owner))

    def test_who_administers_a_folder_does_not_delete_what_is_hidden_in_it(self):
        self.lab.sql("SELECT easel.folder_create(a, easel.folder_by_path(a, 'Team'), 'Hidden')"
                     " FROM easel.account_by_address(:'owner') a", owner=self.owner)
        phone, folder = self.synced('manage')
        self.assertIsNone(self.shown(phone, 'Hidden'))
        self.assertEqual(phone.folder_delete(folder).status, '3')
        self.share('manage', 'Team\\Hidden')
        phone.folder_sync()
        self.assertEqual(phone.folder_delete(folder).status, '1')
        self.assertEqual(self.lab.sql("SELECT count(*) FROM easel.folder WHERE name IN ('Team', 'Hidden') AND account_id ="
                                      " easel.account_by_address(:'owner')", owner=self.owner), [['0']])

    def test_a_shared_folder_does_not_change_hands(self):
        phone, folder = self.synced('manage')
        mine = phone.folder_create('Mine').root.get('ServerId')
        self.assertEqual(phone.folder_update(folder, 'Team', mine).status, '2')
        self.assertEqual(phone.folder_update(folder, 'Team', phone.inbox).status, '2')
        self.assertEqual(phone.folder_update(mine, 'Mine', folder).status, '2')
        self.assertEqual(self.kept(), ['For the team'])

    def test_names_of_what_it_lies_in_are_not_told(self):
        self.lab.sql("SELECT easel.folder_create(a, easel.folder_create(a, NULL, 'Secret plan', 'Contacts'), 'People', 'Contacts')"
                     " FROM easel.account_by_address(:'owner') a", owner=self.owner)
        self.share('read', 'Secret plan\\People')
        phone = self.phone(self.guest)
        owner = self.owner.partition('@')[0].title()
        self.assertEqual(phone.folders[self.shown(phone, 'People')]['DisplayName'], f'{owner}\\People')
        self.assertIsNone(self.shown(phone, 'plan'))
        self.share('read', 'Secret plan')
        phone.folder_sync()
        self.assertEqual(phone.folders[self.shown(phone, 'People')]['DisplayName'], f'{owner}\\Secret plan\\People')

    def test_the_owners_name_is_shown_and_followed(self):
        self.share()
        phone = self.phone(self.guest)
        holder = phone.folders[self.shown(phone, 'Team')]['ParentId']
        self.assertEqual(phone.folders[holder]['DisplayName'], self.owner.partition('@')[0].title())
        self.assertEqual((phone.folder_delete(holder).status, phone.folder_create('x', holder).status,
                          phone.folder_update(holder, 'x').status), ('3', '3', '2'))
        self.lab.sql("UPDATE easel.account SET display_name = 'Olga Owner' WHERE address = :'owner'", owner=self.owner)
        phone.folder_sync()
        self.assertEqual(phone.folders[holder]['DisplayName'], 'Olga Owner')

    def test_groups_and_public_folders(self):
        """Through a group, and to everybody of a domain; who leaves sees it no more."""
        self.lab.sql("SELECT easel.domain_create('public.test') WHERE NOT EXISTS (SELECT FROM easel.domain WHERE name = 'public.test');"
                     " SELECT easel.group_create(:'group'); SELECT easel.group_add(:'group', :'guest')",
                     group=self.owner.partition('@')[0], guest=self.guest)
        self.share(whom=self.owner.partition('@')[0])
        phone = self.phone(self.guest)
        folder = self.shown(phone, 'Team')
        phone.sync_all(folder, options=TEXTS)
        self.assertEqual(self.subjects(phone, folder), ['For the team'])
        pending = phone.ping([folder], 300)
        self.lab.sql("SELECT easel.group_remove(:'group', :'guest')", group=self.owner.partition('@')[0], guest=self.guest)
        self.assertEqual(pending.answer(within=10).status, '7')
        phone.folder_sync()
        self.assertIsNone(self.shown(phone, 'Team'))
        inside = self.phone(self.lab.account(self.guest.replace('example.test', 'public.test')))
        number = self.lab.sql("SELECT easel.public_folder_create('public.test', 'News')")[0][0]
        inside.folder_sync()
        news = self.shown(inside, 'News')
        holder = inside.folders[news]['ParentId']
        self.assertEqual(inside.folders[holder]['DisplayName'], 'Public Folders')
        self.assertEqual((inside.folder_delete(holder).status, inside.folder_update(holder, 'x').status,
                          inside.folder_create('x', news).status, inside.folder_delete(news).status), ('3', '2', '3', '3'))
        phone.folder_sync()
        self.assertIsNone(self.shown(phone, 'News'), 'another domain')
        inside.sync_all(news)
        pending = inside.ping([news], 300)
        self.lab.sql("UPDATE easel.folder SET name = 'Newer' WHERE id = :n AND account_id ="
                     " easel.account_by_address(easel.public_owner('public.test'))", n=number)
        self.assertEqual(pending.answer(within=10).status, '7')
        for setting, shown in (('false', False), ('true', True)):
            self.lab.sql("INSERT INTO easel.device_settings (level, account_id, public_folders)"
                         " SELECT 'user', easel.account_by_address(:'user'), :'on' ON CONFLICT DO NOTHING;"
                         " UPDATE easel.device_settings SET public_folders = :'on' WHERE account_id ="
                         " easel.account_by_address(:'user')", user=inside.user, on=setting)
            inside.folder_sync()
            self.assertEqual(self.shown(inside, 'Newer') is not None, shown)

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
