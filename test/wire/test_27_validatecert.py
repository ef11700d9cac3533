"""ValidateCert (MS-ASCMD 2.2.1.22): certificates that were received with signed mail."""

import base64
import subprocess
import tempfile
import unittest
from pathlib import Path

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


if __name__ == '__main__':
    unittest.main()
