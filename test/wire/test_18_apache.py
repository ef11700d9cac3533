"""The same server behind Apache, with apache-example.conf: from finding the server to being told."""

import unittest

from common import WireTest, message
from phone import Phone


class ThroughApache(WireTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.url = cls.lab.apache()

    def phone_of(self, user, password):
        return Phone(self.url, user, password)

    def test_a_phone_is_set_up_syncs_and_is_told(self):
        user = self.account('apache', 'pässwörd')
        self.lab.deliver(user, message('Behind Apache'))
        phone = self.phone_of(user, 'pässwörd')
        self.assertIn(b'MobileSync', phone.autodiscover_raw(user).body)
        phone.start()
        phone.sync_all(phone.inbox)
        self.assertEqual([item.get('Email:Subject') for item in phone.items[phone.inbox].values()],
                         ['Behind Apache'])
        ping = phone.ping([phone.inbox], 300)
        self.lab.deliver(user, message('Another'))
        self.assertEqual(ping.answer().status, '2')

    def test_without_credentials_the_phone_is_asked_for_them(self):
        phone = self.phone_of(self.account('apache'), 'wrong')
        answer = phone.raw('OPTIONS')
        self.assertEqual(answer.code, 401)
        self.assertIn('Basic', answer.headers['WWW-Authenticate'])


if __name__ == '__main__':
    unittest.main()
