"""The global address list: Search and Find, who may look in it, ranges, pictures, bad requests."""

import base64
import unittest

from common import WireTest, in_versions
from people import JPEG, add_to_list, address_list
from wbxml import E


def search(phone, query, range_=None, picture=None, name='GAL'):
    options = [range_ and E('Range', range_) or None,
               picture is not None and E('Picture', *[E(k, v) for k, v in picture.items()]) or None]
    return phone.command('Search', E('Search:Search', E('Store', E('Name', name), E('Query', query),
                                                        E('Options', [o for o in options if o]))))


def find(phone, query, range_=None, picture=None):
    options = [range_ and E('Range', range_) or None,
               picture is not None and E('Picture', *[E(k, v) for k, v in picture.items()]) or None]
    return phone.command('Find', E('Find:Find', E('SearchId', '6F9619FF-8B86-D011-B42D-00C04FC964FF'),
                                   E('ExecuteSearch', E('GalSearchCriterion', E('Query', query),
                                                        E('Options', [o for o in options if o])))))


def told(store, path):
    """The texts of an element in all results."""
    return [r.get('Properties/' + path) for r in store.all('Result')]


class AddressList(WireTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.list = address_list(cls.lab)
        cls.people = [cls.lab.account(f'gal{n}-{cls.list}@example.test') for n in range(3)]
        card = {'title': 'Chief', 'company': 'ACME', 'office': 'B 12', 'phone': '+49 30 777', 'home_phone': '+49 31 888',
                'mobile_phone': '+49 171 999', 'alias': 'quux', 'photo': JPEG}
        add_to_list(cls.lab, cls.list, cls.people[0], f'Zoë {cls.list} Quantum', **card)
        for person in cls.people[1:]:
            add_to_list(cls.lab, cls.list, person, f'Zola {cls.list} Quark', photo=JPEG)

    def setUp(self):
        self.word = f'zo {self.list} '.replace('-', ' ')

    def store(self, answer):
        self.assertEqual(answer.root.get('Status'), '1')
        return answer.root.find('Response/Store')

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_all_that_is_known_is_told(self, version):
        store = self.store(search(self.phone(version=version), self.word + 'quan', '0-9'))
        self.assertEqual([store.get(n) for n in ('Status', 'Range', 'Total')], ['1', '0-0', '1'])
        found = {c.name.partition(':')[2]: c.text for c in store.find('Result/Properties').children}
        self.assertEqual(found, {'DisplayName': f'Zoë {self.list} Quantum', 'Phone': '+49 30 777', 'Office': 'B 12',
                                'Title': 'Chief', 'Company': 'ACME', 'Alias': 'quux', 'FirstName': f'Zoë {self.list}',
                                'LastName': 'Quantum', 'HomePhone': '+49 31 888', 'MobilePhone': '+49 171 999',
                                'EmailAddress': self.people[0]})

    def test_found_by_any_word(self):
        phone = self.phone()
        for words in ('quant', 'ZOE', 'quux', 'acm', '4930777', '30 777'):
            with self.subTest(words):
                store = self.store(search(phone, f'{words} {self.list}'.replace('-', ' ')))
                self.assertEqual(store.get('Result/Properties/Gal:EmailAddress'), self.people[0])
        store = self.store(search(phone, self.people[1][:-8]))
        self.assertEqual(store.get('Total'), '1')

    def test_ranges_in_the_order_of_names(self):
        phone = self.phone()
        for ask, names, shown in (('0-9', ['Zoë', 'Zola', 'Zola'], '0-2'), ('1-1', ['Zola'], '1-1'), ('2-99', ['Zola'], '2-2')):
            with self.subTest(ask):
                store = self.store(search(phone, self.word, ask))
                self.assertEqual([name.split()[0] for name in told(store, 'Gal:DisplayName')], names)
                self.assertEqual((store.get('Range'), store.get('Total')), (shown, '3'))
        for ask, status in (('3-9', '12'), ('100-101', '12'), ('0-100', '12'), ('5-2', '2'), ('x', '2')):
            with self.subTest(ask):
                self.assertEqual(self.store(search(phone, self.word, ask)).get('Status'), status)

    def test_groups_are_listed(self):
        store = self.store(search(self.phone(), self.list.replace('-', ' ') + ' group'))
        self.assertIn(f'{self.list}-group@example.test', told(store, 'Gal:EmailAddress'))

    def test_pictures_within_limits(self):
        phone = self.phone(version='14.1')
        store = self.store(search(phone, self.word, picture={'MaxSize': 50000, 'MaxPictures': 2}))
        self.assertEqual(told(store, 'Gal:Picture/Status'), ['1', '1', '175'])
        first = self.store(search(phone, self.word + 'quan', picture={})).find('Result/Properties/Gal:Picture')
        self.assertEqual(base64.b64decode(first.get('Data')), JPEG)
        small = self.store(search(phone, self.word + 'quan', picture={'MaxSize': 10})).find('Result/Properties/Gal:Picture')
        self.assertEqual((small.get('Status'), small.has('Data')), ('174', False))
        none = self.store(search(phone, self.list.replace('-', ' ') + ' group', picture={}))
        self.assertIn('173', told(none, 'Gal:Picture/Status'))

    def test_nobody_is_found(self):
        """One letter, wildcards, nothing that is there, and whoever may not read the list."""
        self.lab.sql("SELECT easel.domain_create('outside.test') WHERE NOT EXISTS "
                     "(SELECT FROM easel.domain WHERE name = 'outside.test')")
        outsider = self.phone(self.lab.account(f'{self.list}@outside.test'))
        inside = self.phone()
        for phone, query in ((inside, 'z'), (inside, '*'), (inside, '%%'), (inside, 'a* z'), (inside, "x' OR 1"),
                             (inside, 'nobody of this name'), (outsider, self.word), (outsider, self.people[0])):
            with self.subTest(query):
                store = self.store(search(phone, query))
                self.assertEqual(store.get('Status'), '1')
                self.assertFalse(store.has('Total'))
                self.assertEqual([len(r.children) for r in store.all('Result')], [0])

    def test_find(self):
        phone = self.phone(version='16.1')
        response = find(phone, self.word, '0-1', {'MaxPictures': 1}).root.find('Response')
        self.assertEqual([response.get(n) for n in ('Status', 'Range', 'Total')], ['1', '0-1', '3'])
        self.assertEqual(response.get('ItemOperations:Store'), 'GAL')
        self.assertEqual(told(response, 'Gal:Picture/Status'), ['1', '175'])
        self.assertEqual(response.get('Result/Properties/Gal:EmailAddress'), self.people[0])
        self.assertFalse(find(phone, 'nobody at all').root.find('Response').has('Result'))
        self.assertEqual(find(phone, self.word, 'x').root.get('Response/Status'), '2')
        self.assertEqual(find(phone, self.word, '7-9').root.get('Response/Status'), '4')
        self.assertEqual(find(phone, '').root.get('Response/Status'), '2')

    def test_a_public_folder_that_is_a_list(self):
        """It syncs as a public folder, filled with a whole domain; who is left out is in neither, and it is searched
        whether or not it is on the device."""
        self.lab.sql("SELECT easel.domain_create('gallery.test'); SELECT easel.public_folder_create('gallery.test', 'Staff', 'Contacts');"
                     "INSERT INTO easel.account_group (name) VALUES ('Gallery');"
                     "INSERT INTO easel.account_group_include (group_id, domain_id) SELECT g.id, d.id FROM easel.account_group g,"
                     " easel.domain d WHERE g.name = 'Gallery' AND d.name = 'gallery.test';"
                     "SELECT easel.gal_set(easel.public_owner('gallery.test'), 'Staff', 'Gallery')")
        users = [self.lab.account(f'{name}@gallery.test', name=f'{name} Gallery') for name in ('abel', 'bea', 'cleo')]
        phone = self.phone(users[0])

        def listed():
            phone.folder_sync()
            folder, = [f for f, facts in phone.folders.items() if facts['DisplayName'].endswith('Staff')]
            return sorted(d.get('Contacts:Email1Address') for d in phone.sync_all(folder).values())

        def found(who=phone):
            return sorted(told(self.store(search(who, 'gallery')), 'Gal:EmailAddress'))
        self.assertEqual((listed(), found()), (users, users))
        self.lab.sql("UPDATE easel.account SET exclude_from_gal = true WHERE address = :'who'", who=users[2])
        self.assertEqual((listed(), found()), (users[:2], users[:2]))
        self.assertEqual(found(self.phone(self.account())), [None], 'another domain has no right to read it')
        self.lab.sql("INSERT INTO easel.device_settings (level, account_id, public_folders) SELECT 'user', id, false"
                     " FROM easel.account WHERE address = :'who'", who=users[0])
        phone.folder_sync()
        self.assertFalse([f for f in phone.folders.values() if f['DisplayName'].endswith('Staff')])
        self.assertEqual(found(), users[:2])

    def test_bad_requests(self):
        phone = self.phone()
        self.assertEqual(self.store(search(phone, '')).get('Status'), '2')
        self.assertEqual(self.store(search(phone, self.word, picture={'MaxSize': 'big'})).get('Status'), '2')

    def test_the_list_is_not_read_out(self):
        phone = self.phone()
        self.lab.sql('UPDATE easel.server SET people_searches = 2')
        self.addCleanup(self.lab.sql, 'UPDATE easel.server SET people_searches = 120')
        statuses = [self.store(search(phone, self.word)).get('Status') for _ in range(7)]
        self.assertEqual(statuses[0], '1')
        self.assertIn('13', statuses)


if __name__ == '__main__':
    unittest.main()
