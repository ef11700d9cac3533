"""ValidateCert (MS-ASCMD 2.2.1.22): certificates that were received with signed mail."""

import base64
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import lab as lab_module
from common import WireTest, in_versions
from wbxml import E


def openssl(*arguments, cwd):
    subprocess.run(['openssl', *arguments], cwd=cwd, check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class ValidateCert(WireTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix='easel-certificates-')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1',
                '-nodes', '-subj', '/CN=Self', '-days', '2', '-keyout', 'key.pem', '-out',
                'self.pem', cwd=cls.folder)
        openssl('x509', '-in', 'self.pem', '-outform', 'DER', '-out', 'self.der', cwd=cls.folder)
        cls.own = base64.b64encode((cls.folder / 'self.der').read_bytes()).decode()

    def ask(self, *certificates, version='16.1', more=()):
        phone = self.phone(version=version)
        root = phone.command('ValidateCert', E('ValidateCert:ValidateCert', list(more), E(
            'Certificates', [E('Certificate', c) for c in certificates]))).root
        return root.get('Status'), [c.get('Status') for c in root.all('Certificate')]

    @in_versions('2.5', '14.0', '16.1')
    def test_each_has_its_own_status(self, version):
        status, each = self.ask(self.own, 'TUlJ', '!', version=version)
        self.assertEqual(status, '1')
        self.assertEqual(each, ['4', '10', '10'])  # of nobody we trust; no certificates

    def test_one_of_the_systems_authorities(self):
        bundle = Path('/etc/ssl/certs/ca-certificates.crt')
        if not bundle.exists():
            self.skipTest('no authorities on this machine')
        first = bundle.read_text().partition('-----END CERTIFICATE-----')[0]
        text = first.partition('-----BEGIN CERTIFICATE-----')[2].replace('\n', '')
        status, (each,) = self.ask(text)
        self.assertEqual(status, '1')
        self.assertNotIn(each, ('4', '10', '17'))
        self.assertIn(self.ask(text, more=[E('CheckCRL', 1)])[1][0], ('6', '16'))

    def test_refusals(self):
        self.assertEqual(self.ask()[0], '2')
        self.assertEqual(self.ask(*['TUlJ'] * 101)[0], '2')
        self.assertEqual(self.ask(self.own, more=[E('CheckCRL', 'x')])[0], '2')


CONFIG = """
[{name}]
dir = .
database = {name}.txt
serial = {name}.serial
crlnumber = {name}.crlnumber
new_certs_dir = .
certificate = {name}.pem
private_key = {name}.key
default_md = sha256
default_days = 30
default_crl_days = 30
policy = any
[any]
commonName = supplied
[for_authority]
basicConstraints = critical, CA:TRUE
keyUsage = keyCertSign, cRLSign
[for_mail]
basicConstraints = CA:FALSE
keyUsage = digitalSignature
extendedKeyUsage = emailProtection
[for_server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
[for_mail_oddly]
basicConstraints = CA:FALSE
extendedKeyUsage = emailProtection
1.2.3.4 = critical, DER:0500
"""


class Authority:
    """An authority of the tests' own, in a folder, with two below it and what they have issued."""

    def __init__(self, folder):
        self.folder = Path(folder)
        names = ('root', 'middle', 'fallen')
        (self.folder / 'ca.cnf').write_text(CONFIG.format(name='root') + ''.join(
            CONFIG.partition('[any]')[0].format(name=name) for name in names[1:]))
        for name in names:
            (self.folder / f'{name}.txt').touch()
            (self.folder / f'{name}.serial').write_text('01\n')
            (self.folder / f'{name}.crlnumber').write_text('01\n')
        self.request('root')
        self.run('ca', '-selfsign', '-name', 'root', '-extensions', 'for_authority', '-in', 'root.csr', '-out', 'root.pem',
                 '-keyfile', 'root.key', '-notext', '-batch', '-config', 'ca.cnf')
        for name in names[1:]:
            self.issue('root', name, 'authority')

    def run(self, *arguments):
        openssl(*arguments, cwd=self.folder)

    def request(self, name):
        self.run('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj',
                 f'/CN={name}', '-keyout', f'{name}.key', '-out', f'{name}.csr')

    def issue(self, issuer, name, kind, *more):
        """A certificate, as base64."""
        self.request(name)
        self.run('ca', '-name', issuer, '-extensions', 'for_' + kind, '-in', f'{name}.csr', '-out', f'{name}.pem', '-notext',
                 '-batch', '-config', 'ca.cnf', *more)
        return self.base64(name)

    def base64(self, name):
        text = (self.folder / f'{name}.pem').read_text()
        return text.partition('CERTIFICATE-----')[2].partition('-----END')[0].replace('\n', '')

    def revoke(self, issuer, name):
        self.run('ca', '-name', issuer, '-revoke', f'{name}.pem', '-config', 'ca.cnf')

    def trusted(self):
        """A file of the root and the revocation lists of all but "middle"."""
        out = (self.folder / 'root.pem').read_text()
        for name in ('root', 'fallen'):
            self.run('ca', '-name', name, '-gencrl', '-out', f'{name}.crl', '-config', 'ca.cnf')
            out += (self.folder / f'{name}.crl').read_text()
        path = self.folder / 'trusted.pem'
        path.write_text(out)
        return path


class Statuses(WireTest):
    """Every status that the server gives a certificate. It never gives 8 (each of a chain is told of by itself, 7),
    9 (told as 6), 12 (no address comes with the request), 14 (nothing is fetched: 16) and 17 (OpenSSL itself fails)."""

    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='easel-authority-')
        cls.addClassCleanup(folder.cleanup)
        authority = cls.authority = Authority(folder.name)
        cls.chain = [authority.base64('middle'), authority.base64('fallen')]
        good = authority.issue('root', 'good', 'mail')
        broken = bytearray(base64.b64decode(good))
        broken[-1] ^= 1
        gone = authority.issue('root', 'gone', 'mail')
        authority.revoke('root', 'gone')
        authority.issue('root', 'person', 'mail')
        (authority.folder / 'ca.cnf').write_text((authority.folder / 'ca.cnf').read_text() +
                                                 CONFIG.partition('[any]')[0].format(name='person'))
        for ending in ('txt', 'serial'):
            (authority.folder / f'person.{ending}').write_text('01\n' if ending == 'serial' else '')
        cls.rows = [  # (status, certificate, others of its chain, whether revocation is asked for)
            ('1', good, [], 0), ('1', good, [], 1),
            ('1', authority.issue('middle', 'below', 'mail'), cls.chain, 0),
            ('3', base64.b64encode(broken).decode(), [], 0),
            ('4', authority.base64('below'), [], 0),
            ('5', authority.issue('root', 'odd', 'mail_oddly'), [], 0),
            ('6', authority.issue('root', 'web', 'server'), [], 0),
            ('7', authority.issue('root', 'old', 'mail', '-startdate', '20200101000000Z', '-enddate',
                                  '20210101000000Z'), [], 0),
            ('7', authority.issue('root', 'new', 'mail', '-startdate', '20400101000000Z', '-enddate',
                                  '20410101000000Z'), [], 0),
            ('10', 'TUlJ', [], 0), ('10', '', [], 0),
            ('11', authority.issue('person', 'forged', 'mail'), [authority.base64('person')], 0),
            ('13', gone, [], 1), ('1', gone, [], 0),
            ('15', authority.issue('fallen', 'deep', 'mail'), cls.chain, 1),
            ('16', authority.base64('below'), cls.chain, 1)]
        authority.revoke('root', 'fallen')
        os.environ['SSL_CERT_FILE'] = str(authority.trusted())
        try:
            cls.lab = lab_module.Lab(workers=1)
        finally:
            del os.environ['SSL_CERT_FILE']
        cls.addClassCleanup(cls.lab.close)

    @in_versions('2.5', '16.1')
    def test_each(self, version):
        phone = self.phone(version=version)
        for status, certificate, chain, revocation in self.rows:
            with self.subTest(status, revocation=revocation):
                root = phone.command('ValidateCert', E(
                    'ValidateCert:ValidateCert',
                    chain and E('CertificateChain', [E('Certificate', c) for c in chain]) or None,
                    E('Certificates', E('Certificate', certificate)), E('CheckCRL', revocation))).root
                self.assertEqual((root.get('Status'), root.get('Certificate/Status')), ('1', status))


if __name__ == '__main__':
    unittest.main()
