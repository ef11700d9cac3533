"""LDAP as a further directory of a domain: login, and people to be found."""

import shutil
import tempfile
import unittest

from common import WireTest
from ldap_server import ADMIN, PEOPLE, SECRET, LdapServer
from test_25_recipients import resolve
from test_26_gal import find, search, told

DOMAIN = 'ldap.test'


class Ldap(WireTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = tempfile.mkdtemp(prefix='easel-ldap-')
        cls.ldap = LdapServer(cls.folder, [
            ('Lena (Lead) Ldap', 'Ldap', f'lena@{DOMAIN}', 'lena-secret',
             {'givenName': 'Lena', 'telephoneNumber': '+49 40 1', 'title': 'Chief', 'o': 'ACME', 'mobile': '+49 170 1'}),
            ('Leo Ldap', 'Ldap', f'leo@{DOMAIN}', 'leo-secret', {}),
            ('Twin Ldap', 'Ldap', f'twin@{DOMAIN}', 'twin-secret', {}),
            ('Twin Two', 'Two', f'twin@{DOMAIN}', 'twin-secret', {})])
        cls.lab.sql("""
            SELECT easel.domain_create(:'domain');
            SELECT easel.account_create('lena@' || :'domain');
            SELECT easel.account_create('twin@' || :'domain');
            SELECT easel.account_create('local@' || :'domain', :'hash');
            UPDATE easel.domain SET ldap_url = :'url', ldap_tls = 'none', ldap_bind_dn = :'admin', ldap_password = :'secret',
                ldap_base = :'base', ldap_login = true, ldap_people = true WHERE name = :'domain'""",
                    domain=DOMAIN, url=cls.ldap.url, admin=ADMIN, secret=SECRET, base=PEOPLE, hash=cls.lab.hash('local'))

    @classmethod
    def tearDownClass(cls):
        cls.ldap.stop()
        shutil.rmtree(cls.folder)

    def code(self, name, password):
        return self.new_phone(f'{name}@{DOMAIN}', password=password).raw('OPTIONS').code

    def test_login(self):
        self.assertEqual(self.code('lena', 'lena-secret'), 200)
        self.assertEqual(self.code('lena', 'lena-secret'), 200)  # remembered
        for name, password in (('lena', 'wrong'), ('lena', ''), ('lena', 'leo-secret'), ('leo', 'leo-secret'),
                               ('twin', 'twin-secret'), ('local', 'lena-secret')):
            with self.subTest(name=name, password=password):
                self.assertEqual(self.code(name, password), 401)
        self.assertEqual(self.code('local', 'local'), 200)

    def test_a_server_that_is_away_is_no_wrong_password(self):
        self.lab.sql("UPDATE easel.domain SET ldap_url = 'ldap://127.0.0.1:1', ldap_login_memory = '0' WHERE name = :'d'", d=DOMAIN)
        self.addCleanup(self.lab.sql, "UPDATE easel.domain SET ldap_url = :'u', ldap_login_memory = '10 minutes' WHERE name = :'d'",
                        d=DOMAIN, u=self.ldap.url)
        self.assertEqual(self.code('lena', 'lena-secret'), 503)
        local = self.phone(f'local@{DOMAIN}', password='local')
        self.assertEqual(search(local, 'lena').root.get('Response/Store/Status'), '1')

    def test_people_are_found(self):
        phone = self.phone(f'local@{DOMAIN}', password='local')
        store = search(phone, 'len', '0-9').root.find('Response/Store')
        self.assertEqual(store.get('Total'), '1')
        found = {c.name.partition(':')[2]: c.text for c in store.find('Result/Properties').children}
        self.assertEqual(found, {'DisplayName': 'Lena (Lead) Ldap', 'Phone': '+49 40 1', 'Title': 'Chief', 'Company': 'ACME',
                                 'Alias': 'p0', 'FirstName': 'Lena', 'LastName': 'Ldap', 'MobilePhone': '+49 170 1',
                                 'EmailAddress': f'lena@{DOMAIN}'})
        every = find(phone, 'ldap').root.find('Response')
        self.assertEqual(sorted(told(every, 'Gal:EmailAddress')), [f'{n}@{DOMAIN}' for n in ('lena', 'leo', 'twin')])
        for query in ('*', 'l', 'le*', ')(cn=*', 'nobody here'):
            with self.subTest(query):
                self.assertFalse(search(phone, query).root.find('Response/Store').has('Total'))
        answer = resolve(phone, f'leo@{DOMAIN}', 'Lena (Lead)')
        self.assertEqual([r.get('Recipient/EmailAddress') for r in answer.root.all('Response')],
                         [f'leo@{DOMAIN}', f'lena@{DOMAIN}'])
        stranger = self.phone()
        self.assertFalse(search(stranger, 'lena ldap').root.find('Response/Store').has('Total'))


if __name__ == '__main__':
    unittest.main()
