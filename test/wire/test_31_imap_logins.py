"""How Easel logs in to an IMAP server and to the mail server beside it, as those servers see it."""

import base64
import itertools

from common import PASSWORD, WireTest, message
from imap_server import ImapServer
from smtp_server import Handler, SmtpServer, address_in
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
            elif verb == 'MAIL':
                sender, recipients = address_in(line), []
                self.reply('250 2.1.0 Ok')
            elif verb == 'RCPT':
                self.take_recipient(address_in(line), recipients)
            elif verb == 'DATA':
                self.take_message(sender, recipients)
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
        return phone.command('SendMail', self.document(phone, 'ben@elsewhere.test', f'c{number}'))

    def test_mail_goes_out_as_the_user(self):
        phone, smtp = self.own_relay()
        self.assertIsNone(self.send(phone, 1).root)
        self.send(phone, 1)
        self.assertEqual(smtp.logins, [['', phone.user, PASSWORD]])
        self.assertEqual(len(smtp.messages), 1, 'the same is sent once')

    def own_relay(self):
        """A phone whose mail goes out under its user's name at once, and the mail server."""
        smtp = SmtpServer(handler=Submission)
        self.addCleanup(smtp.close)
        smtp.logins = []
        phone = self.phone(self.site('IMAP4rev1 SASL-IR AUTH=PLAIN UIDPLUS', smtp_as_user='true', smtp_url=smtp.url,
                                     smtp_tls='none'))
        return phone, smtp

    def test_who_is_refused_for_now_is_left_to_the_queue(self):
        phone, smtp = self.own_relay()
        smtp.replies['later@elsewhere.test'] = ['451 4.3.0 Later']
        document = self.document(phone, 'ben@elsewhere.test, later@elsewhere.test', 'c1')
        self.assertIsNone(phone.command('SendMail', document).root)
        self.assertEqual([to for _, to, _ in smtp.messages], [['ben@elsewhere.test']])
        self.assertEqual(self.waiting(phone), [['later@elsewhere.test']])

    def test_a_refusal_for_good_becomes_a_message(self):
        phone, smtp = self.own_relay()
        smtp.replies['no@elsewhere.test'] = ['550 5.1.1 No such user']
        document = self.document(phone, 'ben@elsewhere.test, no@elsewhere.test', 'c1')
        self.assertIsNone(phone.command('SendMail', document).root)
        self.assertEqual(phone.command('SendMail', document).status, '118')
        self.assertEqual([to for _, to, _ in smtp.messages], [['ben@elsewhere.test']])
        bounce, = self.server.appended
        self.assertIn(b'550 5.1.1 No such user', bounce)
        self.assertNotIn(b'ben@elsewhere.test', bounce.partition(b'text/rfc822-headers')[0])
        self.assertEqual(self.waiting(phone), [])

    def test_nobody_can_be_reached(self):
        """A mail server that is away is no refusal: the device comes again, and what it sends goes out once."""
        phone, smtp = self.own_relay()
        smtp.replies['ben@elsewhere.test'] = ['451 4.3.0 Later', '250 Ok']
        document = self.document(phone, 'ben@elsewhere.test', 'c1')
        self.assertEqual(phone.begin('SendMail', document).connection.answer().code, 503)
        self.assertEqual(smtp.messages, [])
        self.assertIsNone(phone.command('SendMail', document).root)
        self.assertEqual(phone.command('SendMail', document).status, '118')
        self.assertEqual(len(smtp.messages), 1)

    def test_what_was_said_is_known_though_the_request_failed(self):
        """The worker dies when the mail server has it and nothing is recorded: nobody gets it twice, nobody is lost."""
        phone, smtp = self.own_relay()
        smtp.replies.update({'no@elsewhere.test': ['550 5.1.1 No such user'], 'later@elsewhere.test': ['451 4.3.0 Later']})
        document = self.document(phone, 'ben@elsewhere.test, no@elsewhere.test, later@elsewhere.test', 'c1')
        self.server.trouble, self.server.at = 'goodbye', 'APPEND'
        answer = phone.begin('SendMail', document).answer()
        self.assertNotEqual((answer.code, answer.body), (200, b''))
        self.assertEqual(len(smtp.messages), 1)
        self.assertEqual(self.waiting(phone), [])
        self.server.trouble = self.server.at = None
        asked = list(smtp.asked)
        self.assertIsNone(phone.command('SendMail', document).root)
        self.assertEqual([to for _, to, _ in smtp.messages], [['ben@elsewhere.test']])
        self.assertEqual(self.waiting(phone), [['later@elsewhere.test']])
        self.assertEqual(len(self.server.appended), 1)
        self.assertEqual(smtp.asked, asked, 'the mail server is asked no more')

    def test_a_bounce_of_the_queue_goes_where_the_users_mail_goes(self):
        smtp = SmtpServer()
        self.addCleanup(smtp.close)
        phone = self.phone(self.site('IMAP4rev1 SASL-IR AUTH=PLAIN', smtp_url=smtp.url, smtp_tls='none'))
        smtp.replies['no@elsewhere.test'] = ['550 5.1.1 No such user']
        phone.command('SendMail', self.document(phone, 'no@elsewhere.test', 'c1'))
        for _ in range(2):
            self.lab.run('easel-queue', '--once')
        (sender, to, data), = smtp.messages
        self.assertEqual((sender, to), ('', [phone.user]))
        self.assertIn(b'550 5.1.1 No such user', data)
        self.assertEqual(self.waiting(phone), [])

    def waiting(self, phone):
        return self.lab.sql("SELECT recipient FROM easel.queue_status WHERE account = :'user' AND state = 'waiting'"
                            " ORDER BY 1", user=phone.user)

    def document(self, phone, to, client_id):
        return E('ComposeMail:SendMail', E('ClientId', client_id), E('Mime', message(to=to, sender=phone.user)))

    def test_or_by_a_relay_that_trusts(self):
        smtp = SmtpServer()
        user = self.site('IMAP4rev1 SASL-IR AUTH=PLAIN', smtp_url=smtp.url, smtp_tls='none')
        self.send(self.phone(user), 1)
        self.lab.run('easel-queue', '--once')
        self.assertEqual([to for _, to, _ in smtp.messages], [['ben@elsewhere.test']])
