"""How Easel logs in to an IMAP server and to the mail server beside it, as those servers see it."""

import base64
import itertools

from common import PASSWORD, WireTest, message
from imap_server import ImapServer
from smtp_server import Handler, SmtpServer
from wbxml import E

_numbers = itertools.count(1)


class Submission(Handler):
    """Takes mail only from who has logged in (RFC 4954)."""

    def handle(self):
        self.reply('220 mail.test ready')
        for line in self.rfile:
            line = line.decode().rstrip('\r\n')
            verb, _, rest = line.partition(' ')
            if verb == 'EHLO':
                self.reply('250-mail.test\r\n250 AUTH PLAIN')
            elif verb == 'AUTH':
                if ' ' not in rest:
                    self.reply('334 ')
                    rest = self.rfile.readline().decode()
                self.server.logins.append(base64.b64decode(rest.split()[-1]).decode().split('\0'))
                self.reply('235 2.7.0 Ok')
            elif verb == 'DATA':
                self.take_message('', ['x'])
            elif verb == 'QUIT':
                self.reply('221 Bye')
                return
            else:
                self.reply('250 Ok')


class ImapLogins(WireTest):
    def site(self, capabilities, **columns):
        """A user of a domain on a server of its own that can do that."""
        self.server = ImapServer()
        self.addCleanup(self.server.close)
        self.server.capabilities = capabilities
        domain = f'logins{next(_numbers)}.test'
        self.lab.imap_domain(domain, port=self.server.port, **columns)
        return f'anna@{domain}'

    def heard(self, verb):
        """What the server was asked with that command, and the SASL response of each."""
        return [line for line in self.server.heard if line.upper().startswith(verb)]

    def sasl(self):
        return [base64.b64decode(line.split()[2]).decode() for line in self.heard('AUTHENTICATE')]

    def login(self, user):
        self.assertEqual(self.new_phone(user, password=PASSWORD).raw('OPTIONS').code, 200)

    def test_tokens(self):
        for mechanism, want in (('XOAUTH2', 'user={}\1auth=Bearer {}\1\1'),
                                ('OAUTHBEARER', 'n,a={},\1auth=Bearer {}\1\1')):
            with self.subTest(mechanism):
                user = self.site(f'IMAP4rev1 SASL-IR AUTH=PLAIN AUTH={mechanism}',
                                 imap_auth=mechanism.lower())
                self.login(user)
                self.assertEqual(set(self.sasl()), {want.format(user, PASSWORD)})
                self.assertIn(f'AUTHENTICATE {mechanism} ', self.heard('AUTH')[0])

    def test_the_master_acts_as_the_user_whose_password_was_right(self):
        user = self.site('IMAP4rev1 SASL-IR AUTH=PLAIN', imap_master_user='chief',
                         imap_master_password='masterkey')
        self.phone(user)
        self.assertEqual(self.sasl()[0], f'\0{user}\0{PASSWORD}')
        self.assertEqual(set(self.sasl()[1:]), {f'{user}\0chief\0masterkey'})

    def test_names_that_the_server_does_not_know_are_slowed_down(self):
        user = self.site('IMAP4rev1 SASL-IR AUTH=PLAIN')
        self.server.trouble, self.server.at = 'refuse', 'AUTHENTICATE'
        for _ in range(12):
            self.assertEqual(self.new_phone(user, password=PASSWORD).raw('OPTIONS').code, 401)
        self.assertEqual(len(self.heard('AUTHENTICATE')), 10)
        self.lab.sql('DELETE FROM easel.login_failure')

    def test_the_name_is_made_as_the_domain_says(self):
        user = self.site('IMAP4rev1 SASL-IR AUTH=PLAIN', imap_user='%n+mail')
        self.login(user)
        self.assertEqual(set(self.sasl()), {f'\0anna+mail\0{PASSWORD}'})

    def test_a_server_without_sasl_takes_login(self):
        user = self.site('IMAP4rev1 LITERAL+')
        self.login(user)
        self.assertIn(user, self.heard('LOGIN')[0])

    def test_the_address_of_the_phone_is_told(self):
        user = self.site('IMAP4rev1 SASL-IR AUTH=PLAIN ID XCLIENT')
        self.login(user)
        self.assertEqual(self.heard('XCLIENT')[0], 'XCLIENT ADDR=127.0.0.1')
        self.assertIn('"x-originating-ip" "127.0.0.1"', self.heard('ID')[0])

    def send(self, phone, number):
        return phone.command('SendMail', E(
            'ComposeMail:SendMail', E('ClientId', f'c{number}'), E('Mime', message(
                to='ben@elsewhere.test', sender=phone.user))))

    def test_mail_goes_out_as_the_user(self):
        smtp = SmtpServer(handler=Submission)
        smtp.logins = []
        user = self.site('IMAP4rev1 SASL-IR AUTH=PLAIN', smtp_as_user='true', smtp_url=smtp.url,
                         smtp_tls='none')
        phone = self.phone(user)
        self.assertIsNone(self.send(phone, 1).root)
        self.send(phone, 1)
        self.assertEqual(smtp.logins, [['', user, PASSWORD]])
        self.assertEqual(len(smtp.messages), 1, 'the same is sent once')

    def test_or_by_a_relay_that_trusts(self):
        smtp = SmtpServer()
        user = self.site('IMAP4rev1 SASL-IR AUTH=PLAIN', smtp_url=smtp.url, smtp_tls='none')
        self.send(self.phone(user), 1)
        self.lab.run('easel-queue', '--once')
        self.assertEqual([to for _, to, _ in smtp.messages], [['ben@elsewhere.test']])
