"""Search of the mailbox, and Find (MS-ASCMD 2.2.1.16, 2.2.1.2)."""

from common import BY_SQL, PASSWORD, in_versions, message, not_over_imap, WireTest
from phone import HTML, TEXT, body
from wbxml import E


def query(*conditions):
    return E('Search:Query', E('And', list(conditions)))


def words(text):
    return E('Search:FreeText', text)


def in_folder(folder):
    return E('AirSync:CollectionId', folder)


def dated(name, when):
    return E('Search:' + name, E('Email:DateReceived'), E('Value', when))


class SearchTest(WireTest):
    def ask(self, phone, conditions, *options, name='Mailbox'):
        """The Store of an answer."""
        root = phone.command('Search', E('Search:Search', E(
            'Store', E('Name', name), conditions, options and E('Options', list(options)) or None))
        ).root
        self.assertEqual(root.get('Status'), '1')
        return root.find('Response/Store')

    def subjects(self, store):
        self.assertEqual(store.get('Status'), '1')
        return [r.get('Properties/Email:Subject') for r in store.all('Result') if r.children]

    def find(self, phone, text, *options, **named):
        root = phone.command('Find', E('Find:Find', E('SearchId', 'x'), E('ExecuteSearch', E(
            'MailBoxSearchCriterion', E('Query', E('AirSync:Class', 'Email'),
                                        'folder' in named and in_folder(named['folder']) or None,
                                        E('Find:FreeText', text)),
            options and E('Options', list(options)) or None)))).root
        return root


class Words(SearchTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls.lab.account('search-words@example.test', PASSWORD)
        for mail in (
                message('Lunch on Friday', 'Shall we eat at the river?\n',
                        sender='Carla Jones <carla@example.test>'),
                message('Invoice 4711', 'Please pay.\n', '<p>Please <b>pay</b> the amount</p>',
                        attachments=[('offer.pdf', 'application/pdf', b'%PDF')]),
                message('Träume', 'Größe\n', cc='Dora Example <dora@example.test>')):
            cls.lab.deliver(cls.user, mail)

    def setUp(self):
        super().setUp()
        self.here = self.phone(self.user)

    def test_what_is_found(self):
        for text, wanted in (
                ('lunch', ['Lunch on Friday']), ('LUN', ['Lunch on Friday']),
                # IMAP looks for parts of words, too.
                ('unch', ['Lunch on Friday'] if self.lab.mail_server else []),
                ('river friday', ['Lunch on Friday']), ('river invoice', []),
                ('carla', ['Lunch on Friday']), ('carla@example.test', ['Lunch on Friday']),
                ('4711', ['Invoice 4711']), ('pay', ['Invoice 4711']),
                ('offer.pdf', ['Invoice 4711']), ('größe', ['Träume']), ('träum', ['Träume']),
                ('from:carla', ['Lunch on Friday']), ('subject:carla', []), ('cc:dora', ['Träume']),
                ('"at the river"', ['Lunch on Friday']), ('"river the at"', []),
                ('hasattachment:true', ['Invoice 4711']), ('pay hasattachment:true',
                                                           ['Invoice 4711']),
                ("' | zq:* & !zw (", []), ('example', ['Träume', 'Invoice 4711', 'Lunch on Friday'])):
            with self.subTest(text):
                self.assertEqual(sorted(self.subjects(self.ask(self.here, query(words(text))))),
                                 sorted(wanted))

    def test_no_match_is_an_empty_result(self):
        store = self.ask(self.here, query(words('nowhere')))
        self.assertEqual([c.name for c in store.children], ['Search:Status', 'Search:Result'])
        self.assertEqual(store.find('Result').children, [])

    @in_versions('12.0', '14.1', '16.1')
    def test_the_properties_and_the_body_asked_for(self, version):
        phone = self.phone(self.user, version)
        store = self.ask(phone, query(E('AirSync:Class', 'Email'), in_folder(phone.inbox),
                                      words('invoice')), E('Range', '0-4'), body(HTML, 20))
        result = store.find('Result')
        self.assertEqual([c.name for c in result.children],
                         ['AirSync:Class', 'Search:LongId', 'AirSync:CollectionId',
                          'Search:Properties'])
        self.assertEqual(result.get('AirSync:CollectionId'), phone.inbox)
        self.assertEqual(result.get('Properties/AirSyncBase:Body/Type'), '2')
        self.assertEqual((store.get('Range'), store.get('Total')), ('0-0', '1'))
        fetched = phone.item_operations(E('Fetch', E('Store', 'Mailbox'),
                                          E('Search:LongId', result.get('LongId')),
                                          E('Options', body(TEXT)))).root
        self.assertEqual(fetched.get('Response/Fetch/Properties/Email:Subject'), 'Invoice 4711')

    def test_find(self):
        root = self.find(self.here, 'invoice', E('Range', '0-9'))
        self.assertEqual(root.get('Status'), '1')
        response = root.find('Response')
        self.assertEqual((response.get('ItemOperations:Store'), response.get('Status')),
                         ('Mailbox', '1'))
        result = response.find('Result')
        self.assertEqual(result.get('AirSync:CollectionId'), self.here.inbox)
        self.assertEqual(result.get('Properties/HasAttachments'), '1')
        self.assertEqual(result.get('Properties/Preview'), 'Please pay.')
        self.here.sync_all(self.here.inbox)
        self.assertIn(result.get('AirSync:ServerId'), self.here.items[self.here.inbox])
        self.assertEqual((response.get('Range'), response.get('Total')), ('0-0', '1'))
        self.assertFalse(self.find(self.here, 'nowhere').has('Response/Result'))

    def test_find_refuses(self):
        for document in (E('Find:Find', E('SearchId', 'x')),
                         E('Find:Find', E('ExecuteSearch', E('MailBoxSearchCriterion')))):
            self.assertEqual(self.here.command('Find', document).status, '2')
        self.assertEqual(self.find(self.here, '').get('Response/Status'), '2')
        self.assertEqual(self.find(self.here, 'x', E('Range', '9-0')).get('Response/Status'), '2')
        self.assertEqual(self.find(self.here, 'x', folder='999').get('Status'), '3')


class Conditions(SearchTest):
    @not_over_imap(BY_SQL)
    def test_folders_and_what_is_below_them(self):
        phone = self.phone()
        outer = phone.folder_create('Outer').root.get('ServerId')
        inner = phone.folder_create('Inner', outer).root.get('ServerId')
        self.assertTrue(inner)
        for number, folder in enumerate(('inbox', 'Outer', 'Inner')):
            self.lab.deliver(phone.user, message(f'Same {number}'), folder)
        deep = E('DeepTraversal')
        for conditions, options, wanted in (
                ([in_folder(outer)], [], ['Same 1']),
                ([in_folder(outer)], [deep], ['Same 1', 'Same 2']),
                ([in_folder(outer), in_folder(phone.inbox)], [], ['Same 0', 'Same 1']),
                ([in_folder('0')], [], ['Same 0', 'Same 1', 'Same 2']),
                ([], [], ['Same 0', 'Same 1', 'Same 2']),
                ([E('AirSync:Class', 'Email')], [deep], ['Same 0', 'Same 1', 'Same 2']),
                ([E('AirSync:Class', 'Tasks')], [], [])):
            store = self.ask(phone, query(*conditions, words('same')), *options)
            self.assertEqual(sorted(self.subjects(store)), wanted)

    @not_over_imap(BY_SQL)
    def test_find_by_folder_and_range(self):
        phone = self.phone()
        outer = phone.folder_create('Outer').root.get('ServerId')
        phone.folder_create('Inner', outer)
        for number, folder in enumerate(('inbox', 'Outer', 'Inner')):
            self.lab.deliver(phone.user, message(f'Same {number}'), folder)
        deep = E('DeepTraversal')
        for folder, options, wanted in ((outer, [], ['1']), (outer, [deep], ['1', '2']), ('0', [], ['0', '1', '2']),
                                        (phone.inbox, [deep], ['0']), ('0', [E('Range', '0-1')], None),
                                        ('0', [E('Range', '2-9')], None)):
            response = self.find(phone, 'same', *options, folder=folder).find('Response')
            found = [r.get('Properties/Email:Subject')[-1] for r in response.all('Result')]
            with self.subTest(folder=folder, options=options):
                if wanted is None:
                    first, _, last = options[0].text.partition('-')
                    self.assertEqual((len(found), response.get('Range'), response.get('Total')),
                                     (min(3, int(last) + 1) - int(first), f'{first}-{min(2, int(last))}', '3'))
                else:
                    self.assertEqual(sorted(found), wanted)

    @not_over_imap(BY_SQL)
    def test_what_is_rebuilt_is_asked_anew_anyway(self):
        phone = self.synced_phone([message('Same')])
        for more in ([], [E('RebuildResults')]):
            self.assertEqual(len(self.subjects(self.ask(phone, query(words('same')), *more))), 1)
        self.lab.deliver(phone.user, message('Same again'))
        self.assertEqual(len(self.subjects(self.ask(phone, query(words('same')), E('RebuildResults')))), 2)

    @not_over_imap(BY_SQL)
    def test_a_word_of_nearly_all(self):
        """What is often there is looked for in another way than what is not: it is found as well, and only there."""
        phone, other = self.phone(), self.phone()
        for user, count in ((phone.user, 60), (other.user, 3)):
            self.lab.deliver(user, message('Often'))
            self.lab.sql("WITH i AS (SELECT i.* FROM easel.item i WHERE account_id = easel.account_of(:'a')),"
                         " c AS (INSERT INTO easel.content (account_id, summary, data) SELECT c.account_id, c.summary, c.data"
                         "  FROM i JOIN easel.content c ON c.account_id = i.account_id AND c.id = i.content_id,"
                         "  generate_series(1, :count) RETURNING account_id, id),"
                         " w AS (INSERT INTO easel.content_words SELECT c.account_id, c.id, w.words FROM c, i JOIN easel.content_words w"
                         "  ON w.account_id = i.account_id AND w.content_id = i.content_id),"
                         " f AS (UPDATE easel.folder f SET next_uid = next_uid + :count FROM i WHERE f.account_id = i.account_id"
                         "  AND f.id = i.folder_id)"
                         " INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, size, content_id)"
                         " SELECT i.account_id, i.folder_id, 1 + row_number() OVER (), i.modseq, i.date, i.size, c.id FROM i, c",
                         a=user, count=count)
        self.lab.deliver(phone.user, message('Once', 'Nothing more.\n'))
        for text, mine, theirs in (('often', 61, 4), ('once', 1, 0), ('often once', 0, 0)):
            for who, count in ((phone, mine), (other, theirs)):
                store = self.ask(who, query(words(text)), E('Range', '0-99'))
                self.assertEqual(len(self.subjects(store)), count, text)

    @not_over_imap('only the own store knows which messages belong together')
    def test_time_ranges_and_conversations(self):
        phone = self.phone()
        for number in range(5):
            self.lab.deliver(phone.user, message(f'Number {number}',
                                                 references=f'<root-{number % 2}@x>'))
            self.lab.sql("UPDATE easel.item i SET date = '2026-03-01'::timestamptz + :n * interval"
                         " '1 day' FROM easel.account a WHERE a.id = i.account_id"
                         " AND a.address = :'user' AND i.uid = :n + 1", n=number, user=phone.user)
        after, before = '2026-03-01T12:00:00.000Z', '2026-03-04T12:00:00.000Z'
        newest_first = ['Number 3', 'Number 2', 'Number 1']
        for conditions in ([words('number')], []):
            store = self.ask(phone, query(*conditions, dated('GreaterThan', after),
                                          dated('LessThan', before)))
            self.assertEqual(self.subjects(store), newest_first)
        store = self.ask(phone, query(words('number')), E('Range', '1-2'))
        self.assertEqual(self.subjects(store), ['Number 3', 'Number 2'])
        self.assertEqual((store.get('Range'), store.get('Total')), ('1-2', '5'))
        phone.sync_all(phone.inbox)
        _, data = self.find_item(phone, 'Number 1')
        conversation = E('Search:ConversationId', data.find('Email2:ConversationId').data)
        store = self.ask(phone, query(conversation))
        self.assertEqual(self.subjects(store), ['Number 3', 'Number 1'])
        store = self.ask(phone, query(conversation, words('3')))
        self.assertEqual(self.subjects(store), ['Number 3'])

    def test_what_goes_is_found_no_more(self):
        phone = self.synced_phone([message('Here today')])
        item, _ = self.one_item(phone)
        phone.sync(phone.inbox, moves=0, commands=[E('Delete', E('ServerId', item))])
        self.assertEqual(self.subjects(self.ask(phone, query(words('today')))), [])

    def test_nobody_elses_mail(self):
        owner, other = self.phone(), self.phone()
        self.lab.deliver(owner.user, message('Secret'))
        self.assertEqual(self.subjects(self.ask(other, query(words('secret')))), [])

    def test_refusals(self):
        phone = self.phone()
        date = dated('GreaterThan', '2026-03-01T00:00:00.000Z')
        word = words('x')
        for status, conditions, options in (
                ('2', None, ()), ('2', E('Search:Query', 'x'), ()), ('2', query(), ()),
                ('2', query(words('')), ()), ('2', query(words('...')), ()),
                ('2', query(E('AirSync:Class', 'Nonsense'), word), ()),
                ('2', query(dated('GreaterThan', 'yesterday')), ()),
                ('2', query(date, date), ()), ('2', query(word, word), ()),
                ('2', query(E('Search:GreaterThan', E('Value', '2026-03-01T00:00:00.000Z'))), ()),
                ('2', query(E('Search:ConversationId', b'short')), ()),
                ('2', query(word), (E('Range', '5-1'),)), ('2', query(word), (E('Range', 'x'),)),
                ('2', query(word), (E('AirSyncBase:BodyPartPreference', E('Type', 2)),)),
                ('8', E('Search:Query', word), ()), ('8', query(E('Search:And', word)), ()),
                ('8', E('Search:Query', E('And', word), E('And', word)), ()),
                ('8', query(E('Search:Or', word)), ()),
                ('11', query(in_folder('999'), word), ()),
                ('12', query(word), (E('Range', '0-100'),)),
                ('12', query(word), (E('Range', '100-199'),))):
            with self.subTest(status, conditions=conditions, options=options):
                self.assertEqual(self.ask(phone, conditions, *options).get('Status'), status)
        self.assertEqual(self.ask(phone, query(word), name='DocumentLibrary').get('Status'), '13')
        self.assertEqual(self.ask(phone, query(word), name='Nonsense').get('Status'), '2')
