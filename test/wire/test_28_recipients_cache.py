"""The recipient information cache: whom one writes to, synced to the device."""

import unittest

from common import WireTest, message
from phone import delete
from wbxml import E

CACHE = '19'


class Cache(WireTest):
    def send(self, phone, *to, number=[0]):
        number[0] += 1
        answer = phone.command('SendMail', E('ComposeMail:SendMail', E('ClientId', f'cache-{number[0]}'),
                                             E('Mime', message(to=', '.join(to), sender=phone.user))))
        self.assertEqual(answer.body, b'')

    def told(self, phone, folder):
        phone.sync_all(folder)
        return {item.get('Contacts:Email1Address'): (item.get('Contacts:FileAs'), item.get('Contacts:WeightedRank'),
                                                     len(item.children)) for item in phone.items[folder].values()}

    def test_whom_one_writes_to(self):
        phone = self.phone(version='14.1')
        self.send(phone, '"Zoe, Zed" <Zoe@else.test>', 'ben@else.test')
        phone.folder_sync()
        folder = phone.folder(CACHE)
        self.assertEqual(self.told(phone, folder), {'zoe@else.test': ('Zoe, Zed', '1', 3), 'ben@else.test': ('ben@else.test', '1', 3)})
        # Told again when the rank doubles, and no more often.
        ranks = []
        for _ in range(3):
            self.send(phone, 'zoe@else.test')
            modseq = self.lab.sql("SELECT modseq FROM easel.folder WHERE account_id = easel.account_of(:'a') "
                                  "AND role = 'recipients'", a=phone.user)[0][0]
            ranks.append((modseq, self.told(phone, folder)['zoe@else.test'][1]))
        self.assertEqual([rank for _, rank in ranks], ['2', '2', '4'])
        self.assertEqual(ranks[0][0], ranks[1][0])
        # It is the server's alone.
        item = next(iter(phone.items[folder]))
        answer = phone.sync_raw(phone.collection(folder, commands=[delete(item)]))
        self.assertEqual(answer.root.get('Collections/Collection/Commands/Add/ServerId'), item)
        again = self.phone(phone.user, '16.1')
        self.assertEqual(len(self.told(again, again.folder(CACHE))), 2)

    def test_older_versions_do_not_know_it(self):
        phone = self.phone(version='12.1')
        self.lab.sql("SELECT easel.recipients_used(easel.account_of(:'a'), '{x@else.test}', '{X}')", a=phone.user)
        phone.folder_sync()
        self.assertNotIn(CACHE, [facts['Type'] for facts in phone.folders.values()])

    def test_the_two_hundred_most_used(self):
        phone = self.phone()
        self.lab.sql("SELECT easel.recipients_used(easel.account_of(:'a'), ARRAY[n || '@else.test'], '{X}') "
                     "FROM generate_series(1, 210) n", a=phone.user)
        phone.folder_sync()
        self.assertEqual(len(self.told(phone, phone.folder(CACHE))), 200)


if __name__ == '__main__':
    unittest.main()
