"""SmartSync: the item that a phone can't take is found by halving what an answer holds."""

from common import WireTest, message
from phone import MIME, body, delete, read_change


class SmartSync(WireTest):
    def setUp(self):
        super().setUp()
        self.here = self.phone()
        self.here.sync(self.here.inbox)

    def deliver(self, count, folder=None):
        for number in range(count):
            self.lab.deliver(self.here.user, message(f'Message {number}'), folder)

    def ask(self, *folders):
        """What an answer holds that the phone does not take: (folder, subject) of each item."""
        answer = self.here.sync_raw(*[self.here.collection(f)
                                      for f in folders or (self.here.inbox,)])
        return [(c.get('CollectionId'), a.get('ApplicationData/Email:Subject'))
                for c in answer.root.all('Collections/Collection')
                for a in c.all('Commands/Add')]

    def omitted(self):
        return self.lab.sql("SELECT subject, reason FROM easel.omitted_item WHERE account = :'a'",
                            a=self.here.user)

    def test_halves_until_one_is_left_and_condemns_it_at_the_third_repeat(self):
        self.deliver(8)
        sizes = [len(self.ask()) for _ in range(8)]
        self.assertEqual(sizes[:5], [8, 8, 4, 2, 1])
        self.assertEqual(sizes[5:7], [1, 1])
        self.assertEqual(sizes[7], 7)
        (subject, reason), = self.omitted()
        self.assertEqual(reason, 'refused')
        self.here.sync_all(self.here.inbox)
        subjects = [d.get('Email:Subject') for d in self.here.items[self.here.inbox].values()]
        self.assertNotIn(subject, subjects)
        self.assertEqual(len([s for s in subjects if s.startswith('Message')]), 7)

    def test_what_is_taken_is_innocent(self):
        self.deliver(4)
        self.assertEqual([len(self.ask()) for _ in range(3)], [4, 4, 2])
        taken = self.here.sync(self.here.inbox)  # a repeat: one, and it is taken
        self.assertEqual(len(taken.all('Commands/Add')), 1)
        self.assertEqual(self.omitted(), [])
        self.here.sync_all(self.here.inbox)
        self.assertEqual(len(self.here.items[self.here.inbox]), 4)
        self.assertIsNone(self.here.sync(self.here.inbox))
        self.assertEqual(self.lab.sql(
            "SELECT count(*) FROM easel.sync_trouble t JOIN easel.device v ON v.id = t.device"
            " WHERE v.device_id = :'d'", d=self.here.device_id), [['0']])

    def test_over_all_folders_together(self):
        trash = self.here.folder(4)
        self.here.sync(trash)
        self.deliver(2)
        self.deliver(2, 'trash')
        both = (self.here.inbox, trash)
        self.assertEqual([len(self.ask(*both)) for _ in range(4)], [4, 4, 2, 1])

    def test_it_comes_when_it_changes_or_is_retried(self):
        self.deliver(1)
        for _ in range(4):
            self.ask()
        self.here.sync_all(self.here.inbox)
        self.assertEqual(len(self.omitted()), 1)
        other = self.phone(self.here.user)
        other.sync_all(other.inbox)
        item, _ = self.find_item(other, 'Message 0')
        other.sync(other.inbox, commands=[read_change(item, 1)])
        self.here.sync_all(self.here.inbox)
        self.assertIn(item, self.here.items[self.here.inbox])
        self.assertEqual(self.omitted(), [])

    def test_retried_by_the_administrator(self):
        self.deliver(1)
        for _ in range(4):
            self.ask()
        self.here.sync_all(self.here.inbox)
        self.lab.sql("SELECT easel.omitted_retry(id) FROM easel.omitted_item WHERE account = :'a'",
                     a=self.here.user)
        self.here.sync_all(self.here.inbox)
        self.assertTrue(self.find_item(self.here, 'Message 0'))

    def note(self, phone):
        """The message on the phone that names what it does not get."""
        return self.find_item(phone, f'An item is missing on {phone.device_id}')

    def refuse(self):
        """An item that the phone is not sent any more."""
        self.deliver(1)
        for _ in range(4):
            self.ask()

    def test_the_user_is_told_which(self):
        self.refuse()
        waiting = self.here.ping([self.here.inbox], 60)
        self.assertEqual(waiting.answer(10).root.get('Status'), '2')
        self.here.sync_all(self.here.inbox)
        item, data = self.note(self.here)
        self.assertIn('Message 0', data.get('AirSyncBase:Body/Data'))
        fetched = self.here.fetch_item(self.here.inbox, item, body(MIME)).root.find('Response/Fetch')
        self.assertEqual(fetched.get('Status'), '1')
        self.assertIn('An item is missing', str(fetched.get('Properties/AirSyncBase:Body/Data')))
        self.here.sync(self.here.inbox, commands=[read_change(item, 1)])
        self.assertIsNone(self.here.sync(self.here.inbox))
        # It is this phone's alone, and in no store.
        other = self.phone(self.here.user)
        other.sync_all(other.inbox)
        self.assertEqual([d.get('Email:Subject') for d in other.items[other.inbox].values()],
                         ['Message 0'])
        # Starting anew brings it again.
        self.here.keys.clear()
        self.here.sync_all(self.here.inbox)
        self.assertEqual(self.note(self.here)[0], item)
        self.here.sync(self.here.inbox, commands=[delete(item)])
        self.assertEqual(self.here.sync_all(self.here.inbox), {})
        fetched = self.here.fetch_item(self.here.inbox, item).root.find('Response/Fetch')
        self.assertEqual(fetched.get('Status'), '6')
        self.assertEqual(len(self.omitted()), 1)

    def test_the_message_goes_when_the_item_has_come(self):
        self.refuse()
        self.here.sync_all(self.here.inbox)
        self.note(self.here)
        self.lab.sql("SELECT easel.omitted_retry(id) FROM easel.omitted_item WHERE account = :'a'",
                     a=self.here.user)
        self.here.sync_all(self.here.inbox)
        self.here.sync_all(self.here.inbox)
        self.assertEqual([d.get('Email:Subject') for d in
                          self.here.items[self.here.inbox].values()], ['Message 0'])
        self.assertIsNone(self.here.sync(self.here.inbox))

    def test_one_that_is_not_taken_when_it_is_retried(self):
        self.refuse()
        self.here.sync_all(self.here.inbox)
        self.lab.sql("SELECT easel.omitted_retry(id) FROM easel.omitted_item WHERE account = :'a'",
                     a=self.here.user)
        asked = 0
        while not self.omitted():
            self.assertLess(asked := asked + 1, 12)
            self.ask()
        self.here.sync_all(self.here.inbox)
        self.assertEqual(len(self.omitted()), 1)
        self.assertEqual(len(self.here.items[self.here.inbox]), 1)
        self.note(self.here)

    def test_somebody_elses_is_not_read(self):
        self.refuse()
        self.here.sync_all(self.here.inbox)
        item, _ = self.note(self.here)
        stranger = self.phone()
        stranger.sync(stranger.inbox)
        self.assertEqual(stranger.inbox, self.here.inbox)
        fetched = stranger.fetch_item(stranger.inbox, item).root.find('Response/Fetch')
        self.assertEqual(fetched.get('Status'), '6')

    def test_what_was_cut_short_is_no_repeat(self):
        """An answer that did not reach the phone whole says nothing about the items in it."""
        self.deliver(4)
        self.assertEqual(len(self.ask()), 4)
        self.lab.sql("INSERT INTO easel.sync_trouble (device, lost) SELECT id, true"
                     " FROM easel.device WHERE device_id = :'d' ON CONFLICT (device)"
                     " DO UPDATE SET lost = true", d=self.here.device_id)
        self.assertEqual([len(self.ask()) for _ in range(3)], [4, 4, 2])
