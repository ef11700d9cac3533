"""Sync of mail from the server: keys, windows, filters, empty requests (MS-ASCMD 2.2.1.21)."""

from common import BY_SQL, in_versions, message, not_over_imap, samples, WireTest
from phone import MIME, TEXT, VERSIONS, body, delete, options, read_change
from wbxml import E

DATE = r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$'


# More items without as many deliveries: each shows the content of the first.
COPY_ITEMS = """
WITH a AS (SELECT id FROM easel.account WHERE address = :'user'),
     f AS (UPDATE easel.folder SET next_uid = next_uid + :count, modseq = modseq + 1
           FROM a WHERE account_id = a.id AND role = 'inbox'
           RETURNING account_id, folder.id, next_uid - :count AS first_uid, modseq)
INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, flags, size, content_id)
SELECT f.account_id, f.id, f.first_uid + n, f.modseq, i.date, i.flags, i.size, i.content_id
FROM f JOIN easel.item i ON i.account_id = f.account_id AND i.folder_id = f.id AND i.uid = 1,
     generate_series(0, :count - 1) n
"""


class SyncTest(WireTest):
    def status(self, answer):
        """Status of a Sync answer: the request's, or of its only collection."""
        return answer.status or answer.root.get('Collections/Collection/Status')

    def verbs(self, collection):
        """The commands of an answer, as a list of their names."""
        return [c.name.partition(':')[2] for c in collection.find('Commands').children]

    def fill(self, user, count):
        for number in range(count):
            self.lab.deliver(user, message(f'Message {number}'))

    def set_age(self, user, uid, days):
        """Makes an item look as if it had come some days ago."""
        self.lab.sql(
            "UPDATE easel.item i SET date = now() - make_interval(days => :days)"
            " FROM easel.account a WHERE a.id = i.account_id AND a.address = :'user'"
            " AND i.uid = :uid", user=user, days=days, uid=uid)


class First(SyncTest):
    @in_versions()
    def test_key_0_gives_a_key_and_nothing_else(self, version):
        phone = self.phone(version=version)
        self.lab.deliver(phone.user, message())
        collection = phone.sync(phone.inbox)
        self.assertEqual(collection.get('Status'), '1')
        self.assertEqual(collection.get('CollectionId'), phone.inbox)
        self.assertFalse(collection.has('Commands'))
        self.assertNotIn(collection.get('SyncKey'), ('0', ''))
        self.assertLessEqual(len(collection.get('SyncKey')), 64)

    @in_versions()
    def test_the_mail_comes_once(self, version):
        phone = self.synced_phone([message('One'), message('Two')], version)
        self.assertEqual(len(phone.items[phone.inbox]), 2)
        self.assertIsNone(phone.sync(phone.inbox))

    def test_the_shortest_requests_that_phones_send(self):
        """Nothing but SyncKey and CollectionId, twice; an empty Options (pitfalls.md)."""
        phone = self.phone()
        self.lab.deliver(phone.user, message())
        phone.sync(phone.inbox)
        self.assertEqual(self.verbs(phone.sync(phone.inbox)), ['Add'])
        self.assertIsNone(phone.sync(phone.inbox, options=E('Options')))

    @in_versions('12.1', '14.1', '16.1')
    def test_getchanges_with_key_0(self, version):
        """MS-ASCMD R3128, R3129: 1 or empty is status 4, 0 is fine."""
        phone = self.phone(version=version)
        for value in (1, None):
            change = E('GetChanges') if value is None else E('GetChanges', value)
            answer = phone.sync_raw(E('Collection', E('SyncKey', 0),
                                      E('CollectionId', phone.inbox), change))
            self.assertEqual(self.status(answer), '4')
        self.assertEqual(phone.sync(phone.inbox, get_changes=0).get('Status'), '1')

    def test_a_repeated_key_0_gets_the_same_key(self):
        phone = self.phone()
        lost = phone.sync_raw(phone.collection(phone.inbox))
        collection = phone.sync(phone.inbox, key='0')
        self.assertEqual(collection.get('SyncKey'),
                         lost.root.get('Collections/Collection/SyncKey'))

    def test_starting_anew_sends_all_again_under_the_same_ids(self):
        """MS-ASCMD R885."""
        phone = self.synced_phone([message('One'), message('Two')])
        before = {item: data.get('Email:Subject') for item, data in
                  phone.items[phone.inbox].items()}
        phone.keys[phone.inbox] = '0'
        phone.sync_all(phone.inbox)
        self.assertEqual({item: data.get('Email:Subject') for item, data in
                          phone.items[phone.inbox].items()}, before)

    def test_an_old_key_is_void_after_key_0(self):
        phone = self.synced_phone([message()])
        old = phone.keys[phone.inbox]
        phone.sync(phone.inbox, key='0')
        phone.sync_all(phone.inbox)
        self.assertEqual(self.status(phone.sync_raw(phone.collection(phone.inbox, key=old))), '3')


class Properties(SyncTest):
    @in_versions(*VERSIONS[1:])
    def test_of_a_message(self, version):
        mail = message('Lunch', cc='Ben Example <ben@example.test>', reply_to='ben@example.test')
        _, data = self.one_item(self.synced_phone([mail], version,
                                                  options=options(body(TEXT))))
        for name, value in (('Subject', 'Lunch'), ('Read', '0'), ('Importance', '1'),
                            ('MessageClass', 'IPM.Note'), ('ThreadTopic', 'Lunch'),
                            ('ContentClass', 'urn:content-classes:message'),
                            ('InternetCPID', '65001'), ('DisplayTo', 'Anna Example')):
            self.assertEqual(data.get('Email:' + name), value, name)
        self.assertRegex(data.get('Email:DateReceived'), DATE)
        self.assertRegex(data.get('Email:From'), '^"?Ben Example"? <ben@example.test>$')
        self.assertRegex(data.get('Email:To'), '^"?Anna Example"? <anna@example.test>$')
        self.assertRegex(data.get('Email:Cc'), '^"?Ben Example"? <ben@example.test>$')
        self.assertIn('ben@example.test', data.get('Email:ReplyTo'))
        self.assertEqual(data.get('AirSyncBase:NativeBodyType'), '1')
        self.assertTrue(data.has('Email:Flag'))
        if float(version) < 14:
            self.assertFalse(data.has('Email2:ConversationId'))
        else:
            self.assertEqual(len(data.find('Email2:ConversationId').value()), 16)

    def test_importance(self):
        for header, wanted in (({'X_Priority': '1'}, '2'), ({'Importance': 'low'}, '0'),
                               ({'Priority': 'urgent'}, '2'), ({'X_Priority': '5'}, '0'),
                               ({'Importance': 'nonsense'}, '1')):
            with self.subTest(str(header)):
                _, data = self.one_item(self.synced_phone([message(**header)]))
                self.assertEqual(data.get('Email:Importance'), wanted)

    @in_versions('12.1', '16.1')
    def test_a_message_without_anything(self, version):
        _, data = self.one_item(self.synced_phone([b'X-Only: this\n\nText.\n'], version))
        self.assertRegex(data.get('Email:DateReceived'), DATE)
        for name in ('To', 'From', 'Cc', 'Subject', 'ThreadTopic', 'DisplayTo'):
            self.assertNotEqual(data.get('Email:' + name), '', f'an empty {name}')

    def test_subjects_in_many_charsets(self):
        phone = self.synced_phone([mail for _, mail in samples()])
        subjects = {data.get('Email:Subject') for data in phone.items[phone.inbox].values()}
        self.assertEqual(len(subjects), len(samples()))
        self.assertLessEqual({'Grüße aus Łódź ✉', 'Résumé du café', 'Lunch on Thursday'}, subjects)

    @in_versions('14.0', '16.1')
    def test_a_thread_has_one_conversation(self, version):
        thread = [message('Travel', message_id='<t1@example.test>'),
                  message('Re: Travel', message_id='<t2@example.test>',
                          in_reply_to='<t1@example.test>', references='<t1@example.test>'),
                  message('Re: Re: Travel', message_id='<t3@example.test>',
                          in_reply_to='<t2@example.test>',
                          references='<t1@example.test> <t2@example.test>'),
                  message('Something else')]
        items = self.synced_phone(thread, version)
        found = {}
        for data in items.items[items.inbox].values():
            found.setdefault(data.find('Email2:ConversationId').value(), set()).add(
                data.get('Email:Subject'))
        self.assertEqual(sorted(map(len, found.values())), [1, 3], found)


class Windows(SyncTest):
    def windows(self, phone, **wishes):
        """How many items each answer of a complete sync brought."""
        phone.sync(phone.inbox)
        sizes = []
        while True:
            collection = phone.sync(phone.inbox, **wishes)
            sizes.append(len(collection.find('Commands').children))
            if not collection.has('MoreAvailable'):
                return sizes

    @in_versions('2.5', '12.1', '16.1')
    def test_each_answer_holds_a_window(self, version):
        user = self.account()
        self.fill(user, 7)
        for size, wanted in ((1, [1] * 7), (3, [3, 3, 1]), (7, [7]), (100, [7])):
            with self.subTest(size):
                self.assertEqual(self.windows(self.phone(user, version), window=size), wanted)

    @not_over_imap(BY_SQL)
    def test_defaults(self):
        """MS-ASCMD R4767, R4768: none is 100, 0 and more than 512 are 512."""
        user = self.account()
        self.lab.sql('UPDATE easel.server SET sync_max_items = 512')
        self.fill(user, 2)
        self.lab.sql(COPY_ITEMS, user=user, count=550)
        for size, first in ((None, 100), (0, 512), (513, 512), (4294967295, 512), (512, 512)):
            with self.subTest(size):
                sizes = self.windows(self.phone(user), window=size)
                self.assertEqual((sizes[0], sum(sizes)), (first, 552))

    def test_the_newest_come_first(self):
        user = self.account()
        self.fill(user, 6)
        phone = self.phone(user)
        phone.sync(phone.inbox)
        phone.sync(phone.inbox, window=2)
        self.assertEqual({data.get('Email:Subject') for data in phone.items[phone.inbox].values()},
                         {'Message 5', 'Message 4'})

    def test_new_mail_while_the_first_sync_is_on_its_way(self):
        phone = self.phone()
        self.fill(phone.user, 6)
        phone.sync(phone.inbox)
        phone.sync(phone.inbox, window=2)
        self.lab.deliver(phone.user, message('Late'))
        items = phone.sync_all(phone.inbox, window=2)
        self.assertEqual(len(items), 7)
        self.assertIsNone(phone.sync(phone.inbox))

    def test_the_global_window(self):
        """MS-ASCMD R4776, R4778: both are honoured."""
        phone = self.phone()
        other = phone.folder(5)
        self.fill(phone.user, 4)
        for number in range(4):
            self.lab.deliver(phone.user, message(f'Sent {number}'), 'Sent Items')
        for folder in (phone.inbox, other):
            phone.sync(folder)
        for _ in range(10):
            answer = phone.sync_raw(phone.collection(phone.inbox, window=3),
                                    phone.collection(other, window=3), window=4)
            if answer.root is None:
                break
            items = [c for c in answer.root.all('Collections/Collection/Commands/Add')]
            self.assertLessEqual(len(items), 4)
            self.assertTrue(items or answer.root.all('Collections/Collection/MoreAvailable'))
            for collection in answer.root.all('Collections/Collection'):
                phone.take(answer, collection.get('CollectionId'))
        self.assertEqual([len(phone.items[f]) for f in (phone.inbox, other)], [4, 4])

    def test_a_large_mailbox_is_cut_by_bytes_too(self):
        phone = self.phone()
        for number in range(8):
            self.lab.deliver(phone.user, message(f'Large {number}', 'x' * 70 + '\n' +
                                                 ('y' * 70 + '\n') * 20000))
        sizes = self.windows(phone, window=100, options=options(body(TEXT)))
        self.assertEqual(sum(sizes), 8)
        self.assertGreater(len(sizes), 1)


@not_over_imap(BY_SQL)
class Filters(SyncTest):
    AGES = (0, 2, 5, 10, 20, 60)

    def aged(self):
        """An account with messages of several ages."""
        user = self.account()
        for uid, days in enumerate(self.AGES, 1):
            self.lab.deliver(user, message(f'{days} days'))
            self.set_age(user, uid, days)
        return user

    def subjects(self, phone):
        return {data.get('Email:Subject') for data in phone.items[phone.inbox].values()}

    @in_versions('12.1', '14.1', '16.1')
    def test_each_filter_type(self, version):
        user = self.aged()
        for kind, count in ((None, 6), (0, 6), (1, 1), (2, 2), (3, 3), (4, 4), (5, 5)):
            with self.subTest(kind):
                phone = self.phone(user, version)
                phone.sync_all(phone.inbox, options=options(filter_type=kind))
                self.assertEqual(self.subjects(phone),
                                 {f'{days} days' for days in self.AGES[:count]})

    @in_versions('12.1', '16.1')
    def test_filter_types_that_mail_has_not(self, version):
        """MS-ASCMD R3041, R3042, R3080."""
        phone = self.phone(version=version)
        phone.sync(phone.inbox)
        for kind in (8, 6, 7, 9, 'x'):
            with self.subTest(kind):
                answer = phone.sync_raw(phone.collection(
                    phone.inbox, options=options(filter_type=kind)))
                self.assertIn(self.status(answer), ('4', '103'))

    def test_options_stick_until_others_come(self):
        """MS-ASCMD R3598, R3599."""
        phone = self.phone(self.aged())
        phone.sync(phone.inbox)
        phone.sync(phone.inbox, window=1, options=options(filter_type=3))
        phone.sync_all(phone.inbox)
        self.assertEqual(self.subjects(phone), {'0 days', '2 days', '5 days'})

    def test_a_narrower_filter_takes_items_off_softly(self):
        phone = self.phone(self.aged())
        phone.sync_all(phone.inbox, options=options(filter_type=0))
        collection = phone.sync(phone.inbox, options=options(filter_type=3))
        self.assertEqual(set(self.verbs(collection)), {'SoftDelete'})
        phone.sync_all(phone.inbox)
        self.assertEqual(self.subjects(phone), {'0 days', '2 days', '5 days'})

    def test_a_wider_filter_brings_the_older_ones(self):
        phone = self.phone(self.aged())
        phone.sync_all(phone.inbox, options=options(filter_type=1))
        phone.sync_all(phone.inbox, window=2, options=options(filter_type=0))
        self.assertEqual(len(self.subjects(phone)), 6)

    def test_a_change_outside_of_the_filter_is_not_sent(self):
        user = self.aged()
        phone, other = self.phone(user), self.phone(user)
        phone.sync_all(phone.inbox, options=options(filter_type=1))
        other.sync_all(other.inbox)
        item, _ = self.find_item(other, '20 days')
        other.sync(other.inbox, commands=[read_change(item, 1)])
        self.assertIsNone(phone.sync(phone.inbox))


class Notes(SyncTest):
    def noted(self, phone):
        return self.lab.sql("SELECT last_sync > now() - interval '1 minute', last_error"
                            " FROM easel.device WHERE device_id = :'d'", d=phone.device_id)

    def test_the_last_sync_and_the_last_failure(self):
        phone = self.phone()
        self.assertEqual(self.noted(phone), [[None, None]])
        phone.sync(phone.inbox)
        self.assertEqual(self.noted(phone), [['t', None]])
        phone.post('Sync', b'no WBXML')
        (_, error), = self.noted(phone)
        self.assertTrue(error.startswith('Sync: '), error)


@not_over_imap('only the own store knows which messages belong together')
class Conversations(SyncTest):
    """ConversationMode (MS-ASCMD 2.2.3.36): what belongs to a conversation in the filter is in it."""

    AGES = {1: ('a', 20), 2: ('b', 20), 3: ('a', 10), 4: ('a', 1), 5: ('b', 9)}

    def setUp(self):
        super().setUp()
        self.user = self.account()
        for uid, (thread, days) in self.AGES.items():
            self.deliver(thread, f'{thread} {days}')
            self.set_age(self.user, uid, days)

    def deliver(self, thread, subject):
        self.lab.deliver(self.user, message(subject, 'Text ' * 50, References=f'<{thread}@example.test>'))

    def subjects(self, phone):
        return {data.get('Email:Subject') for data in phone.items[phone.inbox].values()}

    def sync_all(self, phone, filter_type=3, **wishes):
        phone.sync_all(phone.inbox, options=options(body(TEXT, preview=20), filter_type=filter_type),
                       **wishes)
        return self.subjects(phone)

    @in_versions('14.0', '16.1')
    def test_older_ones_come_along(self, version):
        phone = self.phone(self.user, version)
        self.assertEqual(self.sync_all(phone, conversation=1, window=1), {'a 1', 'a 10', 'a 20'})
        _, old = self.find_item(phone, 'a 20')
        self.assertFalse(old.has('AirSyncBase:Body/Data'))
        self.assertEqual(old.has('AirSyncBase:Body/Preview'), version >= '14.1')
        self.assertTrue(self.find_item(phone, 'a 1')[1].has('AirSyncBase:Body/Data'))
        self.assertIsNone(phone.sync(phone.inbox))
        # Asked for by itself it comes whole.
        fetched = phone.sync(phone.inbox, commands=[E('Fetch', E(
            'ServerId', self.find_item(phone, 'a 20')[0]))])
        self.assertTrue(fetched.has('Responses/Fetch/ApplicationData/AirSyncBase:Body/Data'))

    def test_a_new_one_draws_the_others_in(self):
        phone = self.phone(self.user)
        self.sync_all(phone, conversation=1)
        waiting = phone.ping([phone.inbox], 60)
        self.deliver('b', 'b 0')
        self.assertEqual(waiting.answer(10).root.get('Status'), '2')
        self.assertEqual(phone.estimate(phone.inbox).get('Collection/Estimate'), '3')
        collection = phone.sync(phone.inbox)
        self.assertEqual(self.verbs(collection), ['Add'] * 3)
        self.assertFalse(collection.has('MoreAvailable'))
        self.assertEqual(self.subjects(phone) - {'a 1', 'a 10', 'a 20'}, {'b 0', 'b 9', 'b 20'})

    def test_a_change_of_an_older_one_is_told(self):
        phone, other = self.phone(self.user), self.phone(self.user)
        self.sync_all(phone, conversation=1)
        other.sync_all(other.inbox)
        for subject, verbs in (('a 20', ['Change']), ('b 20', None)):
            item, _ = self.find_item(other, subject)
            other.sync(other.inbox, commands=[read_change(item, 1)])
            collection = phone.sync(phone.inbox)
            self.assertEqual(collection and self.verbs(collection), verbs)

    def test_it_is_switched_on_and_off(self):
        phone = self.phone(self.user)
        recent, whole = {'a 1'}, {'a 1', 'a 10', 'a 20'}
        self.assertEqual(self.sync_all(phone), recent)
        self.assertEqual(self.sync_all(phone, conversation=1), whole)
        self.assertEqual(self.sync_all(phone), whole)  # it is as it was
        self.assertEqual(self.sync_all(phone, filter_type=4, conversation=1), whole | {'b 9', 'b 20'})
        self.assertEqual(self.sync_all(phone, conversation=1), whole)
        self.assertEqual(self.sync_all(phone, conversation=0), recent)

    def test_no_further_than_the_cap(self):
        self.lab.sql("INSERT INTO easel.policy (level, account_id, enforced, max_mail_age)"
                     " SELECT 'user', id, true, 4 FROM easel.account WHERE address = :'a'",
                     a=self.user)
        phone = self.phone(self.user)
        self.assertEqual(self.sync_all(phone, conversation=1), {'a 1', 'a 10'})

    def test_a_day_passes(self):
        phone = self.phone(self.user)
        self.sync_all(phone, conversation=1)
        self.assertIsNone(phone.sync(phone.inbox))
        self.set_age(self.user, 4, 8)
        self.lab.sql("UPDATE easel.sync_base b SET cutoff = cutoff - interval '2 days'"
                     " FROM easel.account a WHERE a.id = b.account_id AND a.address = :'u'",
                     u=self.user)
        self.assertEqual(self.sync_all(phone), set())

    def test_bad_ones(self):
        """MS-ASCMD R2117, R2100."""
        phone = self.phone(self.user)
        calendar = phone.folder(8)
        for folder, value in ((phone.inbox, 'x'), (calendar, 1)):
            phone.sync(folder)
            answer = phone.sync_raw(phone.collection(folder, conversation=value))
            self.assertEqual(self.status(answer), '4')
            self.assertEqual(phone.estimate(folder, conversation=value).get('Status'), '103')


class Keys(SyncTest):
    @in_versions('2.5', '12.0', '14.0', '16.1')
    def test_a_key_that_was_never_given_is_status_3(self, version):
        phone = self.synced_phone([message()], version)
        for key in ('1', 'abc', '99999999.1', phone.keys[phone.inbox] + '0', '-1', 'x' * 64,
                    '00000000.0', 'é'):
            with self.subTest(key):
                answer = phone.sync_raw(phone.collection(phone.inbox, key=key))
                self.assertEqual(self.status(answer), '3')
                self.assertFalse(answer.root.has('Collections/Collection/Commands'))
        self.assertIsNone(phone.sync(phone.inbox))

    def test_another_folders_or_devices_key_is_status_3(self):
        user = self.account()
        one, two = self.phone(user), self.phone(user)
        for phone in (one, two):
            phone.sync_all(phone.inbox)
        one.sync(one.folder(5))
        for key in (one.keys[one.folder(5)], two.keys[two.inbox]):
            self.assertEqual(self.status(one.sync_raw(one.collection(one.inbox, key=key))), '3')

    def test_a_key_from_before_the_acknowledged_one_is_status_3(self):
        phone = self.synced_phone([message()])
        first = phone.keys[phone.inbox]
        for number in range(2):
            self.lab.deliver(phone.user, message(f'{number}'))
            phone.sync(phone.inbox)
        self.lab.deliver(phone.user, message('last'))
        phone.sync(phone.inbox)
        self.assertEqual(self.status(phone.sync_raw(phone.collection(phone.inbox, key=first))),
                         '3')

    def test_no_key_at_all(self):
        phone = self.phone()
        for document in (E('Collection', E('CollectionId', phone.inbox)),
                         E('Collection', E('SyncKey', 0)), E('Collection')):
            with self.subTest(repr(document)):
                answer = phone.sync_raw(document)
                self.assertIn(self.status(answer), ('4', '103'))

    @in_versions('12.1', '14.1', '16.1')
    def test_an_unknown_collection(self, version):
        """Status 12 makes the phone look at its folders again; 8 is the other reading."""
        phone = self.phone(version=version)
        for folder in ('999', '0', 'abc', '-1', '2147483648', '1:1', 'x' * 64):
            for key in ('0', phone.folder_key):
                with self.subTest(folder, key=key):
                    answer = phone.sync_raw(phone.collection(folder, key=key))
                    self.assertIn(self.status(answer), ('12', '8'))

    @not_over_imap(BY_SQL)
    def test_somebody_elses_folder_is_unknown(self):
        user, ben = self.account(), self.account('ben')
        self.lab.sql("SELECT easel.folder_create(id, NULL, 'Of Ben') FROM easel.account"
                     " WHERE address = :'ben'", ben=ben)
        theirs = self.phone(ben)
        folder = theirs.folder('Of Ben')
        self.lab.deliver(ben, message('Private'), 'Of Ben')
        theirs.sync_all(folder)
        phone = self.phone(user)
        for key in ('0', theirs.keys[folder]):
            answer = phone.sync_raw(phone.collection(folder, key=key))
            self.assertIn(self.status(answer), ('12', '8'))
            self.assertNotIn(b'Private', answer.body)

    @not_over_imap(BY_SQL)
    def test_a_folder_that_was_deleted(self):
        user = self.account()
        self.lab.sql("SELECT easel.folder_create(id, NULL, 'Gone') FROM easel.account"
                     " WHERE address = :'user'", user=user)
        phone = self.phone(user)
        folder = phone.folder('Gone')
        phone.sync_all(folder)
        self.lab.sql("DELETE FROM easel.folder WHERE name = 'Gone'")
        answer = phone.sync_raw(phone.collection(folder), phone.collection(phone.inbox))
        statuses = {c.get('CollectionId'): c.get('Status')
                    for c in answer.root.all('Collections/Collection')}
        self.assertIn(answer.status or statuses[folder], ('12', '8'))


class Several(SyncTest):
    @in_versions('12.1', '16.1')
    def test_collections_of_one_request(self, version):
        phone = self.phone(version=version)
        other = phone.folder(5)
        self.lab.deliver(phone.user, message('In'))
        self.lab.deliver(phone.user, message('Out'), 'Sent Items')
        answer = phone.sync_raw(phone.collection(phone.inbox), phone.collection(other))
        for folder in (phone.inbox, other):
            phone.take(answer, folder)
        answer = phone.sync_raw(phone.collection(phone.inbox), phone.collection(other))
        for folder in (phone.inbox, other):
            phone.take(answer, folder)
        self.assertEqual(self.one_item(phone)[1].get('Email:Subject'), 'In')
        self.assertEqual(self.one_item(phone, other)[1].get('Email:Subject'), 'Out')

    def test_a_bad_collection_does_not_stop_the_others(self):
        phone = self.phone()
        self.lab.deliver(phone.user, message())
        phone.sync(phone.inbox)
        answer = phone.sync_raw(phone.collection(phone.folder(5), key='bad'),
                                phone.collection(phone.inbox))
        phone.take(answer, phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 1)
        statuses = {c.get('CollectionId'): c.get('Status')
                    for c in answer.root.all('Collections/Collection')}
        self.assertEqual(statuses[phone.folder(5)], '3')

    @in_versions('12.1', '16.1')
    def test_too_many_collections(self, version):
        """Status 15 with the Limit (MS-ASCMD R3231)."""
        self.lab.sql('UPDATE easel.server SET sync_max_collections = 3')
        self.addCleanup(self.lab.sql, 'UPDATE easel.server SET sync_max_collections = 200')
        phone = self.phone(version=version)
        answer = phone.sync_raw(*[phone.collection(f) for f in list(phone.folders)[:4]])
        self.assertEqual((answer.status, answer.root.get('Limit')), ('15', '3'))

    def test_devices_do_not_disturb_each_other(self):
        user = self.account()
        one, two = self.phone(user), self.phone(user, '12.1')
        for number in range(3):
            self.lab.deliver(user, message(f'{number}'))
            one.sync_all(one.inbox)
        two.sync_all(two.inbox)
        self.assertEqual(set(one.items[one.inbox]), set(two.items[two.inbox]))


class Empty(SyncTest):
    """Requests and answers without a body (MS-ASCMD R656 to R682)."""

    @in_versions(*VERSIONS[2:])
    def test_the_last_request_is_repeated(self, version):
        phone = self.synced_phone([message()], version)
        self.assertIsNone(phone.sync(phone.inbox))
        answer = phone.command('Sync')
        self.assertEqual(answer.body, b'')
        self.lab.deliver(phone.user, message('New'))
        self.assertEqual(self.verbs(phone.take(phone.command('Sync'), phone.inbox)), ['Add'])

    @in_versions('12.1', '14.0', '16.1')
    def test_with_nothing_to_repeat_it_is_status_13(self, version):
        phone = self.phone(version=version)
        self.assertEqual(phone.command('Sync').status, '13')

    def test_the_options_of_the_repeated_request_hold(self):
        phone = self.synced_phone([], options=options(body(TEXT, 10)))
        self.assertIsNone(phone.sync(phone.inbox, options=options(body(TEXT, 10))))
        self.lab.deliver(phone.user, message('New', 'x' * 100))
        phone.take(phone.command('Sync'), phone.inbox)
        self.assertEqual(self.one_item(phone)[1].get('AirSyncBase:Body/Truncated'), '1')

    def test_partial_without_a_request_before_is_status_13(self):
        phone = self.phone()
        answer = phone.sync_raw(phone.collection(phone.inbox), partial=True)
        self.assertEqual(answer.status, '13')

    def test_partial_takes_the_rest_from_before(self):
        phone = self.phone()
        other = phone.folder(5)
        for folder in (phone.inbox, other):
            phone.sync(folder)
        self.assertIsNone(phone.sync_raw(phone.collection(phone.inbox),
                                         phone.collection(other)).root)
        self.lab.deliver(phone.user, message('Out'), 'Sent Items')
        answer = phone.sync_raw(phone.collection(phone.inbox, window=5), partial=True)
        self.assertEqual(self.verbs(phone.take(answer, other)), ['Add'])


class Waiting(SyncTest):
    """Sync as a long poll: Wait in minutes from 12.1, HeartbeatInterval in seconds from 14.0."""

    def test_out_of_range(self):
        """MS-ASCMD R3227 to R3230."""
        phone = self.synced_phone()
        for wish, limit in (({'wait': 0}, '1'), ({'wait': 60}, '59'), ({'heartbeat': 59}, '60'),
                            ({'heartbeat': 3541}, '3540')):
            with self.subTest(str(wish)):
                answer = phone.sync_raw(phone.collection(phone.inbox), **wish)
                self.assertEqual((answer.status, answer.root.get('Limit')), ('14', limit))

    def test_both_is_status_4(self):
        """MS-ASCMD R4748."""
        phone = self.synced_phone()
        answer = phone.sync_raw(phone.collection(phone.inbox), wait=2, heartbeat=60)
        self.assertEqual(answer.status, '4')

    @in_versions('12.1', '16.1')
    def test_changes_are_answered_at_once(self, version):
        phone = self.synced_phone([], version)
        self.lab.deliver(phone.user, message())
        answer = phone.sync_raw(phone.collection(phone.inbox), wait=30)
        self.assertEqual(self.verbs(phone.take(answer, phone.inbox)), ['Add'])

    @in_versions('12.1', '16.1')
    def test_a_delivery_ends_the_waiting(self, version):
        phone = self.synced_phone([], version)
        waiting = phone.begin('Sync', phone.sync_request(phone.collection(phone.inbox),
                                                         wait=30))
        self.lab.deliver(phone.user, message('Woken'))
        self.assertEqual(self.verbs(phone.take(waiting.answer(), phone.inbox)), ['Add'])


class ServerChanges(SyncTest):
    @in_versions()
    def test_what_another_device_did_arrives(self, version):
        user = self.account()
        for name in ('Read', 'Deleted', 'Untouched'):
            self.lab.deliver(user, message(name))
        one, two = self.phone(user, version), self.phone(user)
        for phone in (one, two):
            phone.sync_all(phone.inbox, options=options(body(TEXT)))
        two.sync(two.inbox, moves=0, commands=[
            read_change(self.find_item(two, 'Read')[0], 1),
            delete(self.find_item(two, 'Deleted')[0])])
        collection = one.sync(one.inbox)
        self.assertEqual(self.verbs(collection), ['Delete', 'Change'])
        self.assertEqual(self.find_item(one, 'Read')[1].get('Email:Read'), '1')
        self.assertEqual(set(one.items[one.inbox]), set(two.items[two.inbox]))

    def test_getchanges_0_brings_none(self):
        phone = self.synced_phone()
        self.lab.deliver(phone.user, message())
        answer = phone.sync_raw(phone.collection(phone.inbox, get_changes=0))
        self.assertFalse(answer.root is not None
                         and answer.root.has('Collections/Collection/Commands'))
        self.assertEqual(self.verbs(phone.sync(phone.inbox)), ['Add'])

    def test_an_item_that_came_and_went_is_not_mentioned(self):
        user = self.account()
        one, two = self.phone(user), self.phone(user)
        for phone in (one, two):
            phone.sync_all(phone.inbox)
        self.lab.deliver(user, message())
        two.sync(two.inbox)
        two.sync(two.inbox, moves=0, commands=[delete(self.one_item(two)[0])])
        self.assertIsNone(one.sync(one.inbox))

    def test_mime_of_every_sample(self):
        phone = self.synced_phone([mail for _, mail in samples()],
                                  options=options(body(MIME), mime=2))
        self.assertEqual(len(phone.items[phone.inbox]), len(samples()))
