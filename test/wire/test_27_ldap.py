"""LDAP as a further directory of a domain: login, and people to be found."""

import itertools
import shutil
import tempfile
import unittest
from pathlib import Path

from common import WireTest
from ldap_server import ADMIN, PEOPLE, SECRET, LdapServer, LyingServer, entry, result
from servers import make_certificate
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
        """HTTP status of a login."""
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
        self.reached_by('ldap://127.0.0.1:1')
        self.assertEqual(self.code('lena', 'lena-secret'), 503)
        local = self.phone(f'local@{DOMAIN}', password='local')
        self.assertEqual(search(local, 'lena').root.get('Response/Store/Status'), '1')

    def reached_by(self, url, **columns):
        """The directory of the domain at another place, and nothing remembered of it, for this test."""
        usual = {'ldap_url': self.ldap.url, 'ldap_tls': 'none', 'ldap_ca': None, 'ldap_login_memory': '10 minutes'}
        change = dict(usual, ldap_url=url, ldap_login_memory='0', **columns)
        for values, do in ((change, lambda f: f()), (usual, self.addCleanup)):
            sets = ', '.join(f"{name} = " + ('NULL' if value is None else f":'{name}'") for name, value in values.items())
            given = {name: value for name, value in values.items() if value is not None}
            do(lambda sets=sets, given=given: self.lab.sql(f"UPDATE easel.domain SET {sets} WHERE name = :'d'", d=DOMAIN,
                                                           **given))

    def test_with_tls(self):
        other = make_certificate(Path(self.folder) / 'other').with_suffix('.pem').read_text()
        mine = self.ldap.certificate
        for url, tls in ((self.ldap.url, 'required'), (self.ldap.tls_url, 'required')):
            for ca, code in ((mine, 200), (other + mine, 200), (other, 503), (None, 503)):
                with self.subTest(url=url, ca=ca and (ca == other, ca == mine)):
                    self.reached_by(url, ldap_tls=tls, ldap_ca=ca)
                    self.assertEqual(self.code('lena', 'lena-secret'), code)
                    if code == 200:
                        self.assertEqual(self.code('lena', 'wrong'), 401)
                        phone = self.phone(f'local@{DOMAIN}', password='local')
                        self.assertEqual(search(phone, 'lena').root.get('Response/Store/Total'), '1')
        # A certificate that is good, for another name.
        self.reached_by(self.ldap.tls_url.replace('127.0.0.1', '127.0.0.2'), ldap_ca=mine)
        self.assertEqual(self.code('lena', 'lena-secret'), 503)

    def lying(self, *arguments, **named):
        server = LyingServer(*arguments, **named)
        self.addCleanup(server.stop)
        self.reached_by(server.url)
        return server

    def test_a_server_that_lies(self):
        """Whatever it says, nobody comes in for it, and whoever else is found is told."""
        good = {'cn': b'Lena Liar', 'mail': b'liar@ldap.test'}

        def endless(number):
            return (entry(number, f'uid={n}', **dict(good, mail=b'%d@ldap.test' % n)) for n in itertools.count())

        def large(number):
            yield entry(number, 'uid=1', **dict(good, jpegPhoto=b'x' * 3000000, title=b't' * 5000, o=b'\xff\xfe\0"\r\nX:y'))
            yield result(number, 0x65)

        found, nothing = '1', None
        for what, answer, code, total in (
                ('nobody\'s name', lambda n: (entry(n, '', **good), result(n, 0x65)), 401, found),
                ('no end', endless, 401, '100'),
                ('too much of everything', large, 200, found),
                ('a name that is none', lambda n: (entry(n, 'uid=' + 'x' * 5000), result(n, 0x65)), 401, nothing),
                ('a referral', lambda n: (result(n, 0x65, 10),), 503, nothing),
                ('a refusal', lambda n: (result(n, 0x65, 50),), 503, nothing),
                ('an entry cut short', lambda n: (b'\x30\x0c\x02\x01' + bytes([n]) + b'\x64\x07\x04\x7fabcde',
                                                  result(n, 0x65)), None, nothing),
                ('more than anybody reads', lambda n: (b'\x30\x84\x7f\xff\xff\xff\x02\x01' + bytes([n]),), 503, nothing)):
            with self.subTest(what):
                self.lying(answer)
                got = self.code('lena', 'any')
                self.assertEqual(got, code or got)
                self.assertIn(got, (200,) if code == 200 else (401, 503))
                phone = self.phone(f'local@{DOMAIN}', password='local', version='14.1')
                store = search(phone, 'lena', '0-99', picture={}).root.find('Response/Store')
                self.assertEqual((store.get('Status'), store.get('Total')), ('1', total))
                if what == 'too much of everything':
                    told_of = store.find('Result/Properties')
                    self.assertEqual(told_of.get('Gal:Picture/Status'), '173')
                    self.assertFalse(told_of.has('Gal:Title'))

    def test_no_ldap_and_silence(self):
        for greeting in (b'HTTP/1.1 400 Bad Request\r\n\r\n', b'\0' * 100, b''):
            with self.subTest(greeting):
                self.lying(greeting=greeting)
                self.assertEqual(self.code('lena', 'lena-secret'), 503)

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
