"""The HTTP side: who is let in, which addresses and queries are understood, which headers come."""

import gzip
import http.client
import ssl
import unittest
from urllib.parse import urlencode, urlsplit

from common import PASSWORD, WireTest, in_versions
from phone import PATH, VERSIONS, base64_query, basic
from wbxml import E, decode, encode

FOLDER_SYNC = encode(E('FolderHierarchy:FolderSync', E('SyncKey', 0)))
COMMANDS = {'Sync', 'FolderSync', 'GetItemEstimate', 'Settings', 'Ping', 'ItemOperations',
            'Provision'}


class Options(WireTest):
    def test_versions_and_commands_are_told_to_whoever_is_logged_in(self):
        versions, commands = self.new_phone(self.account()).options()
        self.assertEqual(versions, list(VERSIONS))
        self.assertLessEqual(COMMANDS, set(commands))

    def test_every_command_told_is_served(self):
        phone = self.new_phone(self.account())
        for command in phone.options()[1]:
            with self.subTest(command):
                answer = phone.post(command, b'')
                self.assertNotEqual(answer.code, 501)
                if answer.body and answer.body[:2] == b'\x03\x01':
                    self.assertNotEqual(decode(answer.body).get('Status'), '137')

    def test_nobody_is_told_anything_without_a_login(self):
        phone = self.new_phone(self.account())
        for authorization in (None, 'Basic', basic(phone.user, 'wrong')):
            with self.subTest(authorization):
                answer = phone.raw('OPTIONS', Authorization=authorization)
                self.assertEqual(answer.code, 401)
                self.assertNotIn('MS-ASProtocolVersions', answer.headers)


class Login(WireTest):
    def assert_login_wanted(self, answer):
        self.assertEqual(answer.code, 401)
        self.assertRegex(answer.headers.get('WWW-Authenticate', ''), '^Basic realm="[^"]*"')

    def test_without_good_credentials_it_is_always_401(self):
        user = self.account()
        self.lab.sql("SELECT easel.account_create('no-password@example.test')"
                     " WHERE NOT EXISTS (SELECT FROM easel.account"
                     " WHERE address = 'no-password@example.test')")
        phone = self.new_phone(user)
        for name, authorization in (
                ('none', None), ('empty', ''), ('bare', 'Basic'), ('no colon', 'Basic YWJj'),
                ('not base64', 'Basic ???'), ('another scheme', 'Negotiate YWJj'),
                ('bearer', 'Bearer abc'), ('wrong password', basic(user, 'wrong')),
                ('empty password', basic(user, '')), ('nobody', basic('nobody@example.test', 'x')),
                ('another domain', basic('anna@example.org', 'x')),
                ('no user', basic('', PASSWORD)),
                ('no password set', basic('no-password@example.test', '')),
                ('a NUL', basic(f'{user}\0', PASSWORD)),
                ('long', basic(user, 'x' * 5000))):
            for method, path, body in (('OPTIONS', PATH, None),
                                       ('POST', phone.target('FolderSync'), FOLDER_SYNC),
                                       ('GET', PATH, None),
                                       ('POST', '/autodiscover/autodiscover.xml', b'<a/>')):
                with self.subTest(name, method=method, path=path[:20]):
                    self.assert_login_wanted(phone.raw(method, path, body,
                                                       Authorization=authorization))

    def test_forms_of_the_login_name(self):
        user = self.account('form')
        local = user.partition('@')[0]
        for name in (user, user.upper(), f'example.test\\{local}', f'EXAMPLE.TEST\\{local}',
                     f'example.test\\{user}', f'ANY\\{user}', f'\\{user}'):
            with self.subTest(name):
                self.assertTrue(self.new_phone(name).options())

    def test_the_user_of_the_query_is_not_who_logs_in(self):
        phone = self.new_phone(self.account())
        other = self.account('ben')
        query = urlencode({'Cmd': 'FolderSync', 'User': other, 'DeviceId': phone.device_id,
                           'DeviceType': 'T'})
        answer = phone.raw('POST', f'{PATH}?{query}', FOLDER_SYNC,
                           Content_Type='application/vnd.ms-sync.wbxml')
        self.assertIn(answer.code, (200, 403))
        devices = self.lab.sql("SELECT a.address FROM easel.device d JOIN easel.account a"
                               " ON a.id = d.account_id WHERE device_id = :'d'",
                               d=phone.device_id)
        self.assertNotIn([other], devices)

    def test_passwords_in_utf8_and_latin1(self):
        for password in ('pässwörd', 'grün:er', 'naïve £'):
            user = self.account('charset', password)
            for charset in ('utf-8', 'iso-8859-1'):
                with self.subTest(password, charset=charset):
                    self.assertTrue(self.new_phone(user, password=password,
                                                   charset=charset).options())

    def test_a_password_only_in_utf8(self):
        user = self.account('charset', 'Łódź 天気')
        self.assertTrue(self.new_phone(user, password='Łódź 天気').options())

    def test_a_new_password_ends_the_old_one(self):
        user = self.account()
        self.assertTrue(self.new_phone(user).options())
        self.lab.sql("SELECT easel.account_set_password(:'a', :'h')", a=user,
                     h=self.lab.hash('another'))
        self.assert_login_wanted(self.new_phone(user).raw('OPTIONS'))
        self.assertTrue(self.new_phone(user, password='another').options())

    def test_a_disabled_account_is_403_only_with_its_password(self):
        user = self.account()
        self.lab.sql("UPDATE easel.account SET enabled = false WHERE address = :'a'", a=user)
        self.assertEqual(self.new_phone(user).raw('OPTIONS').code, 403)
        self.assert_login_wanted(self.new_phone(user, password='wrong').raw('OPTIONS'))

    def test_guessing_is_slowed_down_for_that_account_only(self):
        user, other = self.account(), self.account('ben')
        guesser = self.new_phone(user, password='wrong')
        for _ in range(12):
            answer = guesser.raw('OPTIONS')
            self.assertIn(answer.code, (401, 503))
        self.assertNotEqual(self.new_phone(user).raw('OPTIONS').code, 200)
        self.assertEqual(self.new_phone(other).raw('OPTIONS').code, 200)
        self.lab.sql('DELETE FROM easel.login_failure')
        self.assertEqual(self.new_phone(user).raw('OPTIONS').code, 200)

    def test_a_name_that_nobody_has_is_treated_as_an_accounts(self):
        without = self.account()
        self.lab.sql("SELECT easel.account_set_password(:'a', NULL)", a=without)
        for user in (self.account(), without, 'nobody@' + self.domain, 'nobody'):
            with self.subTest(user):
                phone = self.new_phone(user, password='wrong')
                for _ in range(11):
                    self.assert_login_wanted(phone.raw('OPTIONS'))
                self.wait_for_log(1, 'too many wrong passwords', 'http=401')
                self.assertEqual(self.lab.sql("SELECT failures FROM easel.login_failure WHERE"
                                              " login = :'u'", u=user), [['10']])
        self.lab.sql('DELETE FROM easel.login_failure')

    def test_a_name_that_is_longer_than_any(self):
        for length in (320, 321, 4000):
            self.assert_login_wanted(self.new_phone('x' * length).raw('OPTIONS'))
        self.lab.sql('DELETE FROM easel.login_failure')

    def test_no_password_is_logged(self):
        user = self.account('logged', 'hunter2-hunter2')
        self.new_phone(user, password='hunter2-hunter2').start()
        self.new_phone(user, password='hunter3-hunter3').raw('OPTIONS')
        log = '\n'.join(self.lab.log_lines())
        for secret in ('hunter2', 'hunter3', basic(user, 'hunter2-hunter2').split()[1]):
            self.assertNotIn(secret, log)


class Addresses(WireTest):
    def test_the_path_in_any_case_and_with_a_slash(self):
        phone = self.new_phone(self.account())
        for path in (PATH, PATH + '/', PATH.lower(), PATH.upper() + '/',
                     '/microsoft-server-Activesync'):
            with self.subTest(path):
                self.assertEqual(phone.raw('OPTIONS', path).code, 200)
                answer = phone.raw('POST', phone.target('FolderSync').replace(PATH, path),
                                   FOLDER_SYNC, Content_Type='application/vnd.ms-sync.wbxml')
                self.assertEqual(answer.code, 200)

    def test_other_paths_are_not_there(self):
        phone = self.new_phone(self.account())
        for path in ('/', '/Microsoft-Server-ActiveSync/x', '/Microsoft-Server-ActiveSyncX',
                     '/easel/nothing', '/autodiscover/nothing.xml'):
            with self.subTest(path):
                self.assertEqual(phone.raw('GET', path).code, 404)

    def test_a_browser_gets_the_login_and_then_a_page(self):
        phone = self.new_phone(self.account())
        self.assertEqual(phone.raw('GET', Authorization=None).code, 401)
        page = phone.raw('GET')
        self.assertEqual(page.code, 200)
        self.assertRegex(page.headers['Content-Type'], '^text/')
        self.assertIn(b'ActiveSync', page.body)

    def test_head_has_no_body(self):
        answer = self.new_phone(self.account()).raw('HEAD')
        self.assertEqual(answer.body, b'')
        self.assertIn(answer.code, (200, 405, 501))

    def test_other_methods_are_501(self):
        """MS-ASHTTP R187, R465."""
        phone = self.new_phone(self.account())
        for method in ('PUT', 'DELETE', 'PROPFIND'):
            with self.subTest(method):
                self.assertIn(phone.raw(method).code, (405, 501))


class Queries(WireTest):
    @in_versions(*VERSIONS[2:])
    def test_both_forms_in_every_version(self, version):
        user = self.account()
        for query in ('plain', 'base64'):
            with self.subTest(query):
                phone = self.new_phone(user, version, query=query).start()
                self.assertTrue(phone.inbox)

    def test_the_base64_form_as_clients_spell_it(self):
        phone = self.new_phone(self.account(), '14.1', query='base64')
        text = base64_query('14.1', 'FolderSync', phone.device_id, 'Wire', 0, 0x0409)
        for name, query in (('as it is', text), ('without padding', text.rstrip('=')),
                            ('escaped', text.replace('=', '%3D').replace('+', '%2B')
                             .replace('/', '%2F')),
                            ('URL alphabet', text.replace('+', '-').replace('/', '_'))):
            with self.subTest(name):
                answer = phone.raw('POST', f'{PATH}?{query}', FOLDER_SYNC,
                                   Content_Type='application/vnd.ms-sync.wbxml')
                self.assertEqual(answer.code, 200)
                self.assertEqual(decode(answer.body).get('Status'), '1')

    def test_a_device_is_the_same_in_both_forms(self):
        user = self.account()
        self.new_phone(user, device_id='SAMEDEVICE1').start()
        self.new_phone(user, device_id='SAMEDEVICE1', query='base64').start()
        self.assertEqual(self.lab.sql(
            "SELECT count(*) FROM easel.device d JOIN easel.account a ON a.id = d.account_id"
            " WHERE address = :'a'", a=user), [['1']])

    def test_broken_base64_queries_are_refused(self):
        phone = self.new_phone(self.account())
        good = base64_query('14.1', 'FolderSync', 'DEVICE', 'T')
        for query in ('jQ==', good[:8], 'AAAA', '!!!!', good[:-6], 'jQkJBAA=',
                      base64_query('14.1', 99, 'DEVICE', 'T')):
            with self.subTest(query):
                answer = phone.raw('POST', f'{PATH}?{query}', FOLDER_SYNC,
                                   Content_Type='application/vnd.ms-sync.wbxml')
                self.assertNotEqual(answer.code, 500)
                if answer.code == 200:
                    self.assertNotEqual(decode(answer.body).get('Status'), '1')
                else:
                    self.assertIn(answer.code, (400, 501, 505))

    def test_names_of_parameters_in_any_case_and_order(self):
        phone = self.new_phone(self.account())
        query = urlencode({'devicetype': 'T', 'DEVICEID': phone.device_id, 'cmd': 'FolderSync',
                           'uSER': phone.user})
        answer = phone.raw('POST', f'{PATH}?{query}', FOLDER_SYNC,
                           Content_Type='application/vnd.ms-sync.wbxml')
        self.assertEqual(decode(answer.body).get('Status'), '1')

    def test_the_device_validate_leaves_no_trace(self):
        """What Android asks with while an account is set up (clients.md)."""
        phone = self.new_phone(self.account(), device_id='validate')
        self.assertTrue(phone.options())
        phone.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', 0)))
        self.assertEqual(self.lab.sql(
            "SELECT count(*) FROM easel.device d JOIN easel.account a ON a.id = d.account_id"
            " WHERE address = :'a'", a=phone.user), [['0']])

    @in_versions('2.5', '12.1', '14.0', '16.1')
    def test_a_missing_device_id_or_type(self, version):
        """400 up to 12.1, status 108 or 109 from 14.0."""
        user = self.account()
        phone = self.new_phone(user, version)
        for missing, status in (('DeviceId', '108'), ('DeviceType', '109')):
            with self.subTest(missing):
                parameters = {'Cmd': 'FolderSync', 'User': user, 'DeviceId': 'ABC',
                              'DeviceType': 'T'}
                del parameters[missing]
                answer = phone.raw('POST', f'{PATH}?{urlencode(parameters)}', FOLDER_SYNC,
                                   Content_Type='application/vnd.ms-sync.wbxml')
                if phone.number() < 140:
                    self.assertEqual(answer.code, 400)
                else:
                    self.assertEqual(answer.code, 200, answer)
                    self.assertEqual(decode(answer.body).get('Status'), status)


class Headers(WireTest):
    def test_of_an_answer_with_a_body(self):
        phone = self.phone()
        answer = phone.command('FolderSync', E('FolderHierarchy:FolderSync',
                                               E('SyncKey', phone.folder_key)))
        self.assertEqual(answer.headers['Content-Type'], 'application/vnd.ms-sync.wbxml')
        self.assertEqual(int(answer.headers['Content-Length']), len(answer.body))
        self.assertIn('private', answer.headers['Cache-Control'])
        self.assertTrue(answer.headers['MS-Server-ActiveSync'])

    def test_the_first_foldersync_tells_versions_and_commands(self):
        """MS-ASHTTP R1104: MS-ASProtocolVersions, MS-ASProtocolCommands and X-MS-RP."""
        phone = self.new_phone(self.account())
        answer = phone.command('FolderSync', E('FolderHierarchy:FolderSync', E('SyncKey', 0)))
        for name in ('MS-ASProtocolVersions', 'MS-ASProtocolCommands', 'X-MS-RP'):
            self.assertIn(name, answer.headers)
        self.assertIn('16.1', answer.headers['X-MS-RP'])

    def test_an_empty_answer_says_length_0(self):
        phone = self.synced_phone()
        answer = phone.sync_raw(phone.collection(phone.inbox))
        self.assertEqual((answer.code, answer.body), (200, b''))
        self.assertEqual(answer.headers['Content-Length'], '0')

    def test_gzip_only_for_those_who_ask(self):
        user = self.account()
        plain = self.new_phone(user).raw('POST', self.new_phone(user).target('FolderSync'),
                                         FOLDER_SYNC, Content_Type='application/vnd.ms-sync.wbxml')
        self.assertIsNone(plain.headers.get('Content-Encoding'))
        self.assertTrue(self.phone(user, gzip=True).inbox)

    def test_a_gzipped_request_is_understood(self):
        phone = self.new_phone(self.account())
        answer = phone.post('FolderSync', gzip.compress(FOLDER_SYNC), Content_Encoding='gzip')
        self.assertEqual(decode(answer.body).get('Status'), '1')

    def test_a_broken_gzipped_request_is_refused(self):
        phone = self.new_phone(self.account(), '12.1')
        good = gzip.compress(FOLDER_SYNC)
        for body in (good[:-9], b'not gzip', good[:10] + b'\xff' * 10):
            with self.subTest(body):
                answer = phone.post('FolderSync', body, Content_Encoding='gzip')
                self.assertIn(answer.code, (400, 415))

    def test_one_connection_serves_many_requests(self):
        phone = self.phone()
        socket = phone.connection.http.sock
        for _ in range(20):
            phone.folder_sync()
        self.assertIs(phone.connection.http.sock, socket)

    def test_http_1_0_and_expect_100(self):
        phone = self.new_phone(self.account())
        answer = phone.post('FolderSync', FOLDER_SYNC, Expect='100-continue')
        self.assertEqual(answer.code, 200)


class ServerSide(WireTest):
    def test_one_log_line_for_each_request(self):
        phone = self.phone()
        before = len(self.lab.log_lines())
        phone.folder_sync()
        phone.sync(phone.inbox)
        lines = [line for line in self.lab.log_lines()[before:] if phone.user in line]
        self.assertEqual(len(lines), 2, lines)
        for line, command in zip(lines, ('FolderSync', 'Sync')):
            self.assertIn(phone.device_id, line)
            self.assertIn(command, line)
            self.assertRegex(line, r'\bms=')

    def test_the_plain_address_redirects_to_https(self):
        plain = http.client.HTTPConnection('127.0.0.1', self.lab.http_port, timeout=30)
        plain.request('GET', '/autodiscover/autodiscover.xml')
        answer = plain.getresponse()
        self.assertEqual(answer.status, 302)
        self.assertRegex(answer.getheader('Location'), '^https://.*/autodiscover/autodiscover.xml$')
        plain.close()

    def test_old_tls_is_refused(self):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_ciphers('ALL:@SECLEVEL=0')
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        parts = urlsplit(self.lab.url)
        old = http.client.HTTPSConnection(parts.hostname, parts.port, context=context, timeout=30)
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            old.request('GET', PATH)
        old.close()


if __name__ == '__main__':
    unittest.main()
