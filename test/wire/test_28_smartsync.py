"""SmartSync: the item that a phone can't take is found by halving what an answer holds."""

from common import WireTest, message
from phone import read_change


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

    def test_the_user_is_told_which(self):
        self.deliver(1)
        for _ in range(4):
            self.ask()
        told = self.lab.sql("""
            SELECT count(*) FROM easel.account a WHERE address = :'a' AND (
                EXISTS (SELECT FROM easel.notice n WHERE n.account_id = a.id
                        AND n.kind = 'item_omitted')
                OR EXISTS (SELECT FROM easel.content c WHERE c.account_id = a.id
                           AND c.summary ->> 'subject' LIKE 'An item is missing%'))""",
                            a=self.here.user)
        self.assertEqual(told, [['1']])
