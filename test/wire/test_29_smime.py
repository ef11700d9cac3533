"""Signed and encrypted mail passes through whole, in whichever form it is fetched or sent."""

import subprocess
import tempfile
import unittest
from email import message_from_bytes, policy
from pathlib import Path

from common import WireTest, in_versions
from phone import HTML, MIME, TEXT, body, options
from test_27_validatecert import openssl
from wbxml import E

TEXT_OF = 'Meet me at the river, at noon.'


class Sealed(WireTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        folder = tempfile.TemporaryDirectory(prefix='easel-smime-')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = Path(folder.name)
        openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=Ben/emailAddress=ben@example.test', '-days', '2',
                '-addext', 'extendedKeyUsage=emailProtection', '-keyout', 'key.pem', '-out', 'own.pem', cwd=cls.folder)
        (cls.folder / 'text').write_bytes(b'Content-Type: text/plain; charset=utf-8\r\n\r\n' + TEXT_OF.encode() + b'\r\n')
        cls.kinds = {'clear': cls.seal('-sign', '-signer', 'own.pem', '-inkey', 'key.pem'),
                     'opaque': cls.seal('-sign', '-nodetach', '-signer', 'own.pem', '-inkey', 'key.pem'),
                     'encrypted': cls.seal('-encrypt', '-aes128', 'own.pem')}

    @classmethod
    def seal(cls, *arguments):
        """The message sealed, as it came."""
        made = subprocess.run(['openssl', 'cms', '-in', 'text', '-from', 'ben@example.test', '-to', 'anna@example.test',
                               '-subject', 'Sealed', *arguments], cwd=cls.folder, check=True, capture_output=True).stdout
        return made.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')

    def opened(self, kind, raw):
        """What openssl finds in the message, which it has to find whole."""
        how = ['-decrypt', '-recip', 'own.pem', '-inkey', 'key.pem'] if kind == 'encrypted' else [
            '-verify', '-CAfile', 'own.pem', '-purpose', 'any']
        done = subprocess.run(['openssl', 'cms', *how], cwd=self.folder, input=raw, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(TEXT_OF.encode(), done.stdout)

    def got(self, kind, version, *preferences, mime=None):
        phone = self.synced_phone([self.kinds[kind]], version, options(*preferences, mime=mime))
        return (phone, *self.one_item(phone))

    @in_versions('12.1', '16.1')
    def test_as_mime(self, version):
        for kind, raw in self.kinds.items():
            for support in (1, 2):
                with self.subTest(kind, support=support):
                    _, _, data = self.got(kind, version, body(TEXT), body(MIME), mime=support)
                    found = data.find('AirSyncBase:Body')
                    self.assertEqual(found.get('Type'), '4')
                    self.assertEqual(found.find('Data').value(), raw)
                    self.opened(kind, found.find('Data').value())
                    self.assertIn(data.get('Email:MessageClass'),
                                  ('IPM.Note.SMIME.MultipartSigned',) if kind == 'clear' else ('IPM.Note.SMIME',))

    @in_versions('2.5')
    def test_as_mimedata(self, version):
        for kind, raw in self.kinds.items():
            for support in (1, 2):
                with self.subTest(kind, support=support):
                    _, _, data = self.got(kind, version, E('AirSync:MIMETruncation', 8), mime=support)
                    self.assertEqual(data.find('Email:MIMEData').value(), raw)
                    self.opened(kind, data.find('Email:MIMEData').value())

    @in_versions('16.1')
    def test_as_text(self, version):
        """A client that wants no MIME reads what is signed in the clear, and gets the rest as an attachment."""
        for kind, raw in self.kinds.items():
            for form in (TEXT, HTML):
                with self.subTest(kind, form=form):
                    phone, _, data = self.got(kind, version, body(form), mime=0)
                    text = data.get('AirSyncBase:Body/Data') or ''
                    self.assertEqual(TEXT_OF in text, kind == 'clear')
                    names = [(a.get('DisplayName'), a.get('FileReference'))
                             for a in data.all('AirSyncBase:Attachments/Attachment')]
                    if kind == 'clear':
                        continue
                    (name, reference), = names
                    self.assertEqual(name, 'smime.p7m')
                    fetched = phone.fetch_attachment(reference, multipart=True)
                    part = next(p for p in message_from_bytes(raw, policy=policy.SMTP).walk() if not p.is_multipart())
                    self.assertEqual(fetched.parts[0], part.get_payload(decode=True))

    @in_versions('12.1', '16.1')
    def test_fetched(self, version):
        for kind, raw in self.kinds.items():
            phone, item, _ = self.got(kind, version, body(TEXT, 10))
            for multipart in (False, True):
                with self.subTest(kind, multipart=multipart):
                    answer = phone.fetch_item(phone.inbox, item, E('AirSync:MIMESupport', 1), body(MIME), multipart=multipart)
                    found = answer.root.find('Response/Fetch/Properties/AirSyncBase:Body')
                    self.assertEqual(found.get('Type'), '4')
                    self.assertEqual(answer.parts[0] if multipart else found.find('Data').value(), raw)

    @in_versions('12.1', '16.1')
    def test_sent_and_forwarded(self, version):
        for kind, raw in self.kinds.items():
            with self.subTest(kind):
                anna, ben = self.phone(version=version), self.phone()
                content = raw.replace(b'anna@example.test', ben.user.encode())
                if anna.number() < 140:
                    answer = anna.post('SendMail', content, Content_Type='message/rfc822')
                else:
                    answer = anna.command('SendMail', E('ComposeMail:SendMail', E('ClientId', 'c1'), E('Mime', content)))
                self.assertEqual((answer.code, answer.body), (200, b''))
                data, = ben.sync_all(ben.inbox, options=options(body(MIME), mime=2)).values()
                self.opened(kind, data.find('AirSyncBase:Body/Data').value())
        # A reply that is sealed has nothing added to it, a forwarded original is whole.
        phone, item, _ = self.got('clear', '16.1', body(TEXT))
        source = E('Source', E('FolderId', phone.inbox), E('ItemId', item))
        for command in ('SmartReply', 'SmartForward'):
            ben = self.phone()
            mime = (self.kinds['encrypted'] if command == 'SmartReply' else self.kinds['clear']).replace(
                b'anna@example.test', ben.user.encode())
            phone.command(command, E('ComposeMail:' + command, E('ClientId', command), source, E('Mime', mime)))
            data, = ben.sync_all(ben.inbox, options=options(body(MIME), mime=2)).values()
            got = data.find('AirSyncBase:Body/Data').value()
            if command == 'SmartReply':
                self.opened('encrypted', got)
            else:
                inner = message_from_bytes(got, policy=policy.SMTP).get_payload()[-1].get_payload()[0]
                self.opened('clear', inner.as_bytes(policy=policy.SMTP))


if __name__ == '__main__':
    unittest.main()
