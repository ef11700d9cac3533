"""What each kind of client is shown of the same folders, by its device type and User-Agent (easel.client_profile)."""

from mapped import Mapped
from phone import body, options
from wbxml import E

CLASSES = {'Calendar': ('8', '13'), 'Contacts': ('9', '14'), 'Tasks': ('7', '15'), 'Notes': ('10', '17')}
ALL = {'Calendar': 2, 'Contacts': 2, 'Tasks': 2, 'Notes': 2}

# Client: device type, User-Agent, version; how many folders of a class it takes of two, none or one where it takes fewer.
CLIENTS = {
    'iPhone': ('iPhone', 'Apple-iPhone14C5/2003.82', '16.1', {}),
    'iPad, an older protocol': ('iPad', 'Apple-iPad5C4/1601.404', '12.1', {'Notes': 0}),
    'iPod': ('iPod', 'Apple-iPod7C1/1202.466', '14.1', {}),
    'Gmail': ('Android', 'Android-Mail/2023.04.30.Release', '16.1', {'Notes': 0}),
    'Samsung': ('SAMSUNGSMG960F', 'SAMSUNG-SM-G960F/101.9', '16.1', {'Calendar': 1, 'Contacts': 1, 'Tasks': 1, 'Notes': 1}),
    'Samsung, told by its User-Agent': ('Unknown', 'SAMSUNG-GT-I9100/100.40', '14.1',
                                        {'Calendar': 1, 'Contacts': 1, 'Tasks': 1, 'Notes': 1}),
    'Outlook for Windows': ('WindowsOutlook15', 'Outlook/15.0 (15.0.4420.1017; MSI; x64)', '14.1', {'Contacts': 1, 'Notes': 0}),
    'Outlook for phones': ('Outlook', 'Outlook-iOS-Android/1.0', '16.1', {'Tasks': 0, 'Notes': 0}),
    'Windows Phone': ('WP8', 'MSFT-WP/8.10.14219', '14.1', {'Contacts': 1, 'Notes': 0}),
    'Windows Mail': ('WindowsMail', 'MSFT-WIN-4/10.0.19041', '14.0', {'Tasks': 0, 'Notes': 0}),
    'Nine, not in the table': ('NineA1B2C3', 'Nine-abc/4.8', '16.1', ALL),
}
# Clients that are in no row are taken to want one of each when folders are merged, or others are left out.
UNKNOWN = {'Calendar': 1, 'Contacts': 1, 'Tasks': 1, 'Notes': 1}


class Clients(Mapped):
    domain = 'clients.test'  # where nothing is shared with everybody

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.sql("SELECT easel.domain_create(:'name')", name=cls.domain)
        cls.user = cls.lab.account(f'clients@{cls.domain}')

    def tearDown(self):
        self.lab.sql("DELETE FROM easel.device_settings WHERE account_id = easel.account_by_address(:'user')", user=self.user)
        super().tearDown()

    def counts(self, phone):
        return {name: sum(f['Type'] in kinds for f in phone.folders.values()) for name, kinds in CLASSES.items()}

    def client(self, name):
        kind, agent, version, _ = CLIENTS[name]
        return self.phone(self.user, version, device_type=kind, agent=agent)

    def test_each_is_shown_what_it_takes(self):
        for name in CLASSES:
            self.make(self.user, name + '2', None, name)
        self.make(self.user, 'Work')
        for setting in ('separate', 'off', 'merged'):
            self.set(self.user, several_folders=setting)
            for name, (*_, takes) in CLIENTS.items():
                with self.subTest(name, several_folders=setting):
                    phone = self.client(name)
                    # A class that it takes none of is shown never; one that it takes one of once, unless it is to see all.
                    want = {**ALL, **(UNKNOWN if takes is ALL else takes)}
                    if setting == 'separate':
                        want = {c: n and 2 for c, n in want.items()}
                    self.assertEqual(self.counts(phone), want, self.paths(phone))
                    self.assertEqual(len(self.shown(phone, 'Work')), 1, 'mail is the same for all')
                    self.assertEqual(len(self.shown(phone, 'Contacts2')), want['Contacts'] - 1)

    def test_the_table_can_be_changed(self):
        """A new row, told to a device that waits; its settings hold until somebody sets others on a level."""
        user = self.account()
        self.make(user, 'Team', None, 'Contacts')
        phone = self.phone(user, device_type='PagerX', agent='Pager/7')
        before = dict(phone.folders)
        self.assertEqual(len(self.shown(phone, 'Team')), 1)
        phone.sync_all(phone.inbox)
        pending = phone.ping([phone.inbox], 60)
        self.wait_for_log(0, 'Ping')
        self.addCleanup(self.lab.sql, "DELETE FROM easel.client_profile WHERE client = 'Pager'")
        self.lab.sql("INSERT INTO easel.client_profile (client, device_type, user_agent, place, contacts, tasks, several_folders,"
                     " mail_folders) VALUES ('Pager', 'Pager%', '%/7', 5, 'one', 'none', 'merged', 'default')")
        self.assertEqual(pending.answer().status, '7')
        phone.folder_sync()
        self.assertEqual((self.shown(phone, 'Team'), self.counts(phone)['Tasks'], self.counts(phone)['Contacts']), ([], 0, 1))
        self.assertEqual(phone.folder_create('Work').status, '3', 'only default folders of mail')
        other = self.phone(user, device_type='PagerX', agent='Pager/8')
        self.assertEqual(len(self.shown(other, 'Team')), 1, 'another User-Agent')
        self.set(user, several_folders='separate')
        phone.folder_sync()
        self.assertEqual(len(self.shown(phone, 'Team')), 1, 'the user says otherwise')
        self.lab.sql("UPDATE easel.client_profile SET device_type = 'Beeper%' WHERE client = 'Pager'")
        phone.folder_sync()
        self.assertEqual(phone.folders, before)

    def test_one_that_updates_itself_is_another_client(self):
        """The tree follows the User-Agent that a device comes with."""
        user = self.account()
        phone = self.phone(user, device_type='Thing', agent='Thing/1')
        self.assertEqual(self.counts(phone), dict.fromkeys(CLASSES, 1))
        phone.agent = 'SAMSUNG-GT/2'
        self.set(user, several_folders='off')
        self.make(user, 'Team', None, 'Calendar')
        phone.folder_sync()
        self.assertEqual(self.shown(phone, 'Team'), [])

    def test_what_a_merging_client_edits_is_seen_by_one_that_takes_all(self):
        user = self.account()
        team = self.make(user, 'Team', None, 'Contacts')
        self.set(user, several_folders='merged')
        self.put(user, team, 'BEGIN:VCARD\nVERSION:3.0\nUID:1\nFN:Bob\nN:Bob;;;;\nEND:VCARD\n')
        kind, agent, version, _ = CLIENTS['Samsung']
        one = self.phone(user, version, device_type=kind, agent=agent)
        kind, agent, version, _ = CLIENTS['iPhone']
        many = self.phone(user, version, device_type=kind, agent=agent)
        there, = self.shown(many, 'Team')
        many.sync_all(there)
        one.sync_all(one.folder(9), options=options(body(1)))
        item, data = self.one_item(one, one.folder(9))
        self.assertEqual(data.get('Contacts:LastName'), 'Bob')
        one.sync(one.folder(9), commands=[E('Change', E('ServerId', item), E('ApplicationData', E('Contacts:LastName', 'Rob')))])
        many.sync(there)
        self.assertEqual(self.one_item(many, there)[1].get('Contacts:LastName'), 'Rob')


if __name__ == '__main__':
    import unittest
    unittest.main()
