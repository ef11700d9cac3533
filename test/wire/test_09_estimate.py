"""GetItemEstimate (MS-ASCMD 2.2.1.9): it counts what a Sync would bring."""

from common import BY_SQL, in_versions, message, not_over_imap, WireTest
from phone import delete, options
from wbxml import E


class Estimate(WireTest):
    def count(self, phone, **wishes):
        response = phone.estimate(phone.inbox, **wishes)
        self.assertEqual(response.get('Status'), '1', response)
        self.assertEqual(response.get('Collection/CollectionId'), phone.inbox)
        return int(response.get('Collection/Estimate'))

    @in_versions()
    def test_it_counts_what_is_to_come(self, version):
        phone = self.phone(version=version)
        for number in range(3):
            self.lab.deliver(phone.user, message(f'{number}'))
        phone.sync(phone.inbox)
        self.assertEqual(self.count(phone), 3)
        phone.sync(phone.inbox, window=1)
        self.assertEqual(self.count(phone), 2)
        phone.sync_all(phone.inbox)
        self.assertEqual(self.count(phone), 0)
        self.lab.deliver(phone.user, message('New'))
        self.assertEqual(self.count(phone), 1)

    def test_it_changes_nothing(self):
        phone = self.phone()
        self.lab.deliver(phone.user, message())
        phone.sync(phone.inbox)
        for _ in range(3):
            self.count(phone)
        phone.sync(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 1)

    def test_a_deletion_counts(self):
        phone = self.synced_phone([message('One'), message('Two')])
        other = self.phone(phone.user)
        other.sync_all(other.inbox)
        other.sync(other.inbox, commands=[delete(next(iter(other.items[other.inbox])))])
        self.assertEqual(self.count(phone), 1)

    @not_over_imap(BY_SQL)
    @in_versions('12.1', '16.1')
    def test_the_filter_counts(self, version):
        phone = self.phone(version=version)
        for uid, days in ((1, 0), (2, 10)):
            self.lab.deliver(phone.user, message(f'{days}'))
            self.lab.sql("UPDATE easel.item i SET date = now() - make_interval(days => :days)"
                         " FROM easel.account a WHERE a.id = i.account_id"
                         " AND a.address = :'user' AND uid = :uid",
                         user=phone.user, days=days, uid=uid)
        phone.sync(phone.inbox)
        self.assertEqual(self.count(phone, options=options(filter_type=3)), 1)
        self.assertEqual(self.count(phone, options=options(filter_type=0)), 2)

    def test_several_collections(self):
        phone = self.phone()
        sent = phone.folder(5)
        self.lab.deliver(phone.user, message())
        for folder in (phone.inbox, sent):
            phone.sync(folder)
        answer = phone.command('GetItemEstimate', E('GetItemEstimate:GetItemEstimate', E(
            'Collections', [E('Collection', E('AirSync:SyncKey', phone.keys[f]),
                              E('CollectionId', f)) for f in (phone.inbox, sent)])))
        found = {r.get('Collection/CollectionId'): r.get('Collection/Estimate')
                 for r in answer.root.all('Response')}
        self.assertEqual(found, {phone.inbox: '1', sent: '0'})


class Errors(WireTest):
    @in_versions()
    def test_an_unknown_collection_is_status_2(self, version):
        phone = self.phone(version=version)
        for folder in ('999', 'abc', '0'):
            with self.subTest(folder):
                self.assertEqual(phone.estimate(folder, key=phone.folder_key).get('Status'),
                                 '2')

    @in_versions('12.1', '14.1', '16.1')
    def test_a_collection_never_synced_is_status_3(self, version):
        phone = self.phone(version=version)
        self.assertEqual(phone.estimate(phone.inbox, key='0').get('Status'), '3')

    @in_versions()
    def test_a_bad_key_is_status_4(self, version):
        phone = self.synced_phone([message()], version)
        for key in ('abc', '99999999.1', phone.keys[phone.inbox] + '1'):
            with self.subTest(key):
                self.assertEqual(phone.estimate(phone.inbox, key=key).get('Status'), '4')

    def test_a_bad_collection_does_not_stop_the_others(self):
        phone = self.synced_phone([message()])
        answer = phone.command('GetItemEstimate', E('GetItemEstimate:GetItemEstimate', E(
            'Collections', [E('Collection', E('AirSync:SyncKey', phone.keys[phone.inbox]),
                              E('CollectionId', f)) for f in ('999', phone.inbox)])))
        self.assertEqual([r.get('Status') for r in answer.root.all('Response')], ['2', '1'])

    def test_no_collections(self):
        phone = self.phone()
        answer = phone.command('GetItemEstimate', E('GetItemEstimate:GetItemEstimate'))
        self.assertNotEqual(answer.status, '1')
