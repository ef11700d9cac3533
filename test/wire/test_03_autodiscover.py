"""Autodiscover in all its forms (MS-ASCMD 2.2.1.1), and what other clients ask for.

What has a schema is held against it, everywhere; of the others the structure is compared whole.
"""

import json
import plistlib
import xml.etree.ElementTree as ET

import schema
from common import WireTest
from phone import AUTODISCOVER, MOBILESYNC, PATH, basic

OUTLOOK = 'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a'
RESPONSE = 'http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006'


def request(address, accepted=MOBILESYNC + 'responseschema/2006'):
    return (f'<Autodiscover xmlns="{MOBILESYNC}requestschema/2006"><Request>'
            f'<EMailAddress>{address}</EMailAddress>'
            f'<AcceptableResponseSchema>{accepted}</AcceptableResponseSchema>'
            '</Request></Autodiscover>').encode()


def tree(element):
    """Names of an element and of all in it: 'a' without children, else ('a', …)."""
    name = element.tag.rpartition('}')[2]
    return (name, *map(tree, element)) if len(element) else name


class Autodiscover(WireTest):
    def ask(self, phone, body, path=AUTODISCOVER, **headers):
        answer = phone.raw('POST', path, body, Content_Type='text/xml', **headers)
        if answer.code == 200:
            schema.seen.add(answer.body.decode(), 'Autodiscover')
        return answer

    def error_code(self, answer):
        """The ErrorCode of the framework's error answer."""
        self.assertEqual(answer.code, 200, answer)
        schema.seen.add(answer.body.decode(), 'Autodiscover')
        root = ET.fromstring(answer.body)
        self.assertEqual(tree(root), ('Autodiscover', ('Response', (
            'Error', 'ErrorCode', 'Message', 'DebugData'))))
        self.assertRegex(root.find('.//*[@Time]').get('Time'), r'^\d\d:\d\d:\d\d$')
        return root.findtext(f'.//{{{RESPONSE}}}ErrorCode')

    def test_it_names_the_server_and_the_user(self):
        user = self.account()
        found = self.new_phone(user).autodiscover()
        self.assertEqual(found['address'], user)
        self.assertEqual(found['name'], user.partition('@')[0].title())
        self.assertEqual(found['url'], self.lab.url + PATH)

    def test_the_server_entry_is_complete(self):
        phone = self.new_phone(self.account())
        answer = phone.autodiscover_raw(phone.user)
        self.assertRegex(answer.headers['Content-Type'], '^text/xml')
        space = {'m': MOBILESYNC + 'responseschema/2006'}
        server = ET.fromstring(answer.body).find('.//m:Server', space)
        self.assertEqual(server.findtext('m:Type', None, space), 'MobileSync')
        self.assertEqual(server.findtext('m:Name', None, space), self.lab.url + PATH)

    def test_the_path_in_any_case(self):
        phone = self.new_phone(self.account())
        for path in (AUTODISCOVER, AUTODISCOVER.upper(), '/Autodiscover/Autodiscover.xml',
                     '/AutoDiscover/AutoDiscover.xml', AUTODISCOVER + '/', '/' + AUTODISCOVER):
            with self.subTest(path):
                self.assertEqual(phone.autodiscover(path=path)['address'], phone.user)

    def test_the_address_in_any_case_and_with_blanks(self):
        phone = self.new_phone(self.account())
        for address in (phone.user.upper(), f' {phone.user} \n'):
            with self.subTest(address):
                self.assertEqual(phone.autodiscover(address)['address'], phone.user)

    def test_the_login_may_have_another_form(self):
        user = self.account()
        phone = self.new_phone('example.test\\' + user.partition('@')[0])
        self.assertEqual(phone.autodiscover(user)['address'], user)

    def test_an_alias_is_an_address_of_ones_own(self):
        """The answer names the primary address (R2228)."""
        phone = self.new_phone(self.account())
        alias = 'x.' + phone.user
        self.lab.sql("SELECT easel.alias_create(:'user', :'alias')", user=phone.user, alias=alias)
        self.assertEqual(phone.autodiscover(alias.upper())['address'], phone.user)

    def test_without_a_document_the_login_tells_the_address(self):
        """Android (clients.md)."""
        phone = self.new_phone(self.account())
        answer = self.ask(phone, b'')
        self.assertEqual(answer.code, 200)
        self.assertIn(phone.user.encode(), answer.body)

    def test_another_schema_is_error_601(self):
        phone = self.new_phone(self.account())
        self.assertEqual(self.error_code(self.ask(phone, request(phone.user, OUTLOOK + 'x'))),
                         '601')

    def test_what_is_not_a_request_is_error_600(self):
        """MS-ASCMD R3799 for two Requests; the framework's "invalid request" for the others."""
        phone = self.new_phone(self.account())
        twice = request(phone.user)
        start, end = twice.index(b'<Request>'), twice.index(b'</Autodiscover>')
        for body in (b'<a/>', b'no XML', b'<Autodiscover/>',
                     twice[:end] + twice[start:end] + twice[end:],
                     twice.replace(b'Autodiscover', b'Other'),
                     twice.replace(b'Autodiscover xmlns="', b'Autodiscover xmlns="urn:other'),
                     twice.replace(b'<AcceptableResponseSchema>', b'<EMailAddress>a@b.c</EMailAddress>'
                                   b'<AcceptableResponseSchema>'),
                     twice.replace(phone.user.encode(), b'x' * 2000),
                     twice + b' ' * 70000, twice[:-5], b'\0' + twice,
                     twice.replace(b'Request>', b'\xff\xfeRequest>'),
                     request('')):
            with self.subTest(body[:60]):
                self.assertEqual(self.error_code(self.ask(phone, body)), '600')

    def test_what_other_namespaces_say_is_not_meant(self):
        ben = self.account('ben')
        phone = self.new_phone(self.account())
        address = f'EMailAddress>{ben}</'
        for foreign in (f'<x:{address}x:EMailAddress>', f'<x:Box><{address}EMailAddress></x:Box>',
                        f'<x:Request><{address}EMailAddress></x:Request>'):
            body = request(phone.user).replace(b'</EMailAddress>', f'</EMailAddress>{foreign}'.encode())
            body = body.replace(b'<Autodiscover ', b'<Autodiscover xmlns:x="urn:other" ')
            with self.subTest(foreign):
                answer = self.ask(phone, body)
                self.assertIn(phone.user.encode(), answer.body)
                self.assertNotIn(ben.encode(), answer.body)

    def test_other_encodings(self):
        phone = self.new_phone(self.account())
        text = request(phone.user).decode()
        for body in (text.encode('utf-16'), b'\xef\xbb\xbf' + text.encode(),
                     b'<?xml version="1.0" encoding="iso-8859-1"?>' + text.encode('latin-1')):
            self.assertIn(phone.user.encode(), self.ask(phone, body).body)

    def test_deep_nesting_is_error_600(self):
        phone = self.new_phone(self.account())
        for depth in (10, 500, 9000):
            deep = b'<a>' * depth + b'</a>' * depth
            body = request(phone.user).replace(b'<Request>', b'<Request>' + deep)
            self.assertEqual(self.error_code(self.ask(phone, body)), '600')

    def test_entities_are_not_expanded(self):
        phone = self.new_phone(self.account())
        bomb = (b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;">'
                b'<!ENTITY f SYSTEM "file:///etc/passwd">]>')
        dtds = (bomb, b'<!DOCTYPE Autodiscover>', b'<!DOCTYPE a SYSTEM "http://127.0.0.1/a.dtd">',
                b'<!DOCTYPE a [<!ENTITY % p SYSTEM "file:///etc/passwd"> %p;]>')
        for dtd, name in [(dtd, phone.user.encode()) for dtd in dtds] + [
                (bomb, b'&c;'), (bomb, b'&f;'), (b'', b'&c;'), (b'', b'&#0;')]:
            answer = self.ask(phone, dtd + request('x').replace(b'>x<', b'>' + name + b'<'))
            self.assertEqual(self.error_code(answer), '600')

    def test_somebody_elses_address_is_not_told(self):
        ben = self.account('ben')
        phone = self.new_phone(self.account())
        answers = [self.ask(phone, request(address))
                   for address in (ben, 'nobody@example.test', 'nobody@elsewhere.test')]
        self.assertNotIn(ben.partition('@')[0].title().encode(), answers[0].body)
        self.assertEqual({answer.body for answer in answers}, {answers[0].body})
        self.assertEqual(tree(ET.fromstring(answers[0].body)), ('Autodiscover', (
            'Response', 'Culture', ('Action', ('Error', 'Status', 'Message', 'DebugData')))))
        space = {'m': MOBILESYNC + 'responseschema/2006'}
        self.assertEqual(ET.fromstring(answers[0].body).findtext('.//m:Error/m:Status', None, space),
                         '2')
        self.assertEqual(self.error_code(phone.raw('POST', AUTODISCOVER, request(ben, OUTLOOK))),
                         '500')

    def test_the_login_comes_first(self):
        phone = self.new_phone(self.account())
        for authorization in (None, basic(phone.user, 'wrong')):
            answer = self.ask(phone, request(phone.user), Authorization=authorization)
            self.assertEqual(answer.code, 401)
            self.assertIn('WWW-Authenticate', answer.headers)


PROTOCOLS = """
    INSERT INTO easel.protocol (domain_id, type, url, host, port, security, login)
    SELECT d.id, p.* FROM easel.domain d, (VALUES
        ('IMAP', NULL, 'imap.{domain}', 993, 'tls', '{address}'),
        ('SMTP', NULL, 'smtp.{domain}', 587, 'starttls', '{user}'),
        ('CalDAV', 'https://dav.{domain}/cal/{address}/', NULL, NULL, 'tls', '{address}'),
        ('CardDAV', 'https://dav.{domain}/card/{address}/', NULL, NULL, 'tls', '{address}'),
        ('XMPP', NULL, '{domain}', 5222, 'starttls', '{address}')) p
    WHERE d.name = 'example.test'"""


class Protocols(WireTest):
    """The list of protocols, as each kind of client asks for it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.lab.sql(PROTOCOLS)
        cls.addClassCleanup(cls.lab.sql, 'DELETE FROM easel.protocol WHERE domain_id IS NOT NULL')

    def get(self, path, **headers):
        return self.new_phone('nobody@example.test').raw('GET', path, Authorization=None, **headers)

    def test_outlooks_schema(self):
        phone = self.new_phone(self.account())
        answer = phone.raw('POST', AUTODISCOVER, request(phone.user, OUTLOOK))
        common = ('LoginName', 'DomainRequired', 'SPA', 'SSL', 'Encryption', 'AuthRequired')
        port = ('Protocol', 'Type', 'Server', 'Port', *common)
        url = ('Protocol', 'Type', 'Server', 'Name', 'LoginName')
        self.assertEqual(tree(ET.fromstring(answer.body)), ('Autodiscover', (
            'Response', ('User', 'DisplayName', 'AutoDiscoverSMTPAddress'),
            ('Account', 'AccountType', 'Action', url, port, port, url, url, port))))
        self.assertEqual({e.tag.partition('}')[0][1:] for e in ET.fromstring(answer.body).iter()},
                         {RESPONSE, OUTLOOK})
        protocols = {p.findtext(f'{{{OUTLOOK}}}Type'):
                     {e.tag.partition('}')[2]: e.text for e in p}
                     for p in ET.fromstring(answer.body).iter(f'{{{OUTLOOK}}}Protocol')}
        self.assertEqual(list(protocols), ['MobileSync', 'IMAP', 'SMTP', 'CalDAV', 'CardDAV',
                                           'XMPP'])
        self.assertEqual(protocols['SMTP'], {
            'Type': 'SMTP', 'Server': 'smtp.example.test', 'Port': '587', 'SSL': 'on',
            'LoginName': phone.user.partition('@')[0], 'DomainRequired': 'off', 'SPA': 'off',
            'Encryption': 'TLS', 'AuthRequired': 'on'})
        self.assertEqual(protocols['CalDAV']['Server'],
                         f'https://dav.example.test/cal/{phone.user}/')

    def test_get_tells_the_address_of_the_login_and_all_protocols(self):
        phone = self.new_phone(self.account())
        answer = phone.raw('GET', AUTODISCOVER)
        space = {'m': MOBILESYNC + 'responseschema/2006'}
        root = ET.fromstring(answer.body)
        self.assertEqual(root.findtext('.//m:User/m:EMailAddress', None, space), phone.user)
        self.assertEqual(root.findtext('.//m:Action/m:Settings/m:Server/m:Url', None, space),
                         self.lab.url + PATH)
        self.assertEqual(len(root.findall('.//m:Account/m:Protocol', space)), 6)
        # The list is all that the schema does not know.
        response = root.find('m:Response', space)
        response.remove(response.find('m:Account', space))
        schema.seen.add(ET.tostring(root, encoding='unicode'), 'Autodiscover')
        self.assertEqual(self.get(AUTODISCOVER).code, 401)

    def test_version_2(self):
        for path in ('/autodiscover/autodiscover.json?Email=anna%40example.test&Protocol=ActiveSync',
                     '/Autodiscover/Autodiscover.json/v1.0/anna@example.test?protocol=activesync'):
            answer = self.get(path)
            self.assertEqual((answer.code, json.loads(answer.body)),
                             (200, {'Protocol': 'ActiveSync', 'Url': self.lab.url + PATH}))
        at = '/autodiscover/autodiscover.json?Email=x@'
        for query, code, error in (
                ('example.test', 400, 'MandatoryParameterMissing'),
                ('example.test&Protocol=Rest', 400, 'InvalidProtocol'),
                ('example.test&Protocol=IMAP', 400, 'InvalidProtocol'),
                ('elsewhere.test&Protocol=ActiveSync', 404, 'UserNotFound'),
                ('%00%0a&Protocol=ActiveSync', 404, 'UserNotFound')):
            answer = self.get(at + query)
            told = json.loads(answer.body)
            self.assertEqual((answer.code, sorted(told), told['ErrorCode']),
                             (code, ['ErrorCode', 'ErrorMessage'], error))
            self.assertRegex(answer.headers['Content-Type'], '^application/json')
        for protocol, url in (('AutodiscoverV1', self.lab.url + AUTODISCOVER),
                              ('CalDAV', 'https://dav.example.test/cal/x@example.test/')):
            answer = json.loads(self.get(f'{at}example.test&Protocol={protocol}').body)
            self.assertEqual(answer, {'Protocol': protocol, 'Url': url})

    def test_version_2_in_every_spelling(self):
        """What a server of Easel's tells for each protocol that it has a URL of, in any letter case."""
        self.lab.sql("INSERT INTO easel.protocol (domain_id, type, url) SELECT id, 'WebDAV', 'https://{host}/files/{user}'"
                     " FROM easel.domain WHERE name = 'example.test'")
        self.addCleanup(self.lab.sql, "DELETE FROM easel.protocol WHERE type = 'WebDAV'")
        urls = {'ActiveSync': self.lab.url + PATH, 'AutodiscoverV1': self.lab.url + AUTODISCOVER,
                'WebDAV': self.lab.url + '/files/anna', 'CalDAV': 'https://dav.example.test/cal/anna@example.test/',
                'CardDAV': 'https://dav.example.test/card/anna@example.test/'}
        forms = ('/autodiscover/autodiscover.json?Email={0}&Protocol={1}', '/Autodiscover/Autodiscover.json?email={0}&protocol={1}',
                 '/AUTODISCOVER/AUTODISCOVER.JSON/v1.0/{0}?PROTOCOL={1}', '/autodiscover/autodiscover.json?Protocol={1}&Email={0}&RedirectCount=1',
                 '/autodiscover/autodiscover.json/v1.0/{0}?Protocol={1}&RedirectCount=9')
        for protocol, url in urls.items():
            for form in forms:
                for spelling in (protocol, protocol.upper(), protocol.lower()):
                    with self.subTest(form=form, protocol=spelling):
                        answer = self.get(form.format('anna@example.test', spelling))
                        self.assertEqual((answer.code, json.loads(answer.body)), (200, {'Protocol': protocol, 'Url': url}))
        for protocol in ('IMAP', 'SMTP', 'XMPP', 'EWS', 'Rest', 'x' * 1000, '%00', '<>'):
            with self.subTest(protocol):
                answer = self.get(forms[0].format('anna@example.test', protocol))
                self.assertEqual((answer.code, json.loads(answer.body)['ErrorCode']), (400, 'InvalidProtocol'))

    def test_the_table_by_server_and_domain(self):
        """Any type, of the whole server or of a domain, which then holds; what is put into the templates."""
        def insert(domain, kind, url, host, port, enabled='true'):
            self.lab.sql("INSERT INTO easel.protocol (domain_id, type, url, host, port, security, login, enabled) SELECT"
                         " (SELECT id FROM easel.domain WHERE name = :'domain'), :'kind', nullif(:'url', ''), nullif(:'host', ''),"
                         " nullif(:'port', '')::integer, 'tls', '{user}', :'enabled'", domain=domain, kind=kind, url=url, host=host,
                         port=port, enabled=enabled)
            self.addCleanup(self.lab.sql, "DELETE FROM easel.protocol WHERE type = :'kind'", kind=kind)
        insert('', 'SIP', '', 'sip.{domain}', '5061')
        insert('', 'X-Wiki', 'https://wiki.{domain}/{user}?for={address}&at={host}', '', '')
        insert('', 'POP3', '', 'pop.{domain}', '995')
        insert('example.test', 'pop3', '', 'other.example.test', '996')
        insert('example.test', 'sip', '', 'x', '1', 'false')
        phone = self.new_phone(self.account())
        answer = phone.raw('POST', AUTODISCOVER, request(phone.user, OUTLOOK))
        told = {p.findtext(f'{{{OUTLOOK}}}Type'): [p.findtext(f'{{{OUTLOOK}}}{name}') for name in ('Server', 'Port', 'LoginName')]
                for p in ET.fromstring(answer.body).iter(f'{{{OUTLOOK}}}Protocol')}
        user = phone.user.partition('@')[0]
        self.assertEqual(told['pop3'], ['other.example.test', '996', user])
        self.assertEqual(told['X-Wiki'][0], f'https://wiki.example.test/{user}?for={phone.user}&at={self.lab.url[8:]}')
        self.assertFalse({'SIP', 'sip', 'POP3'} & set(told))
        incoming = ET.fromstring(self.get('/mail/config-v1.1.xml?emailaddress=' + phone.user).body).findall('.//incomingServer')
        self.assertEqual([(s.get('type'), s.findtext('hostname')) for s in incoming],
                         [('imap', 'imap.example.test'), ('pop3', 'other.example.test')])

    def test_a_domain_that_lives_elsewhere(self):
        self.lab.sql("SELECT easel.domain_create('moved.test'); UPDATE easel.domain SET lives_at = 'https://far.test'"
                     " WHERE name = 'moved.test'")
        user = self.lab.account('anna@moved.test')
        phone = self.new_phone(user)
        self.assertEqual(phone.autodiscover()['url'], 'https://far.test' + PATH)
        answer = phone.raw('OPTIONS')
        self.assertEqual((answer.code, answer.headers['X-MS-Location']), (451, 'https://far.test' + PATH))
        answer = json.loads(self.get('/autodiscover/autodiscover.json?Protocol=ActiveSync&Email=nobody@moved.test').body)
        self.assertEqual(answer['Url'], 'https://far.test' + PATH)
        answer = phone.raw('POST', AUTODISCOVER, request(user, OUTLOOK))
        self.assertIn(b'<RedirectUrl>https://far.test/autodiscover/autodiscover.xml</RedirectUrl>', answer.body)

    def test_nobody_is_told_who_has_an_account(self):
        """Without a login an address that there is, one that there is not and an alias are answered alike."""
        user = self.account()
        for form in ('/autodiscover/autodiscover.json?Protocol=ActiveSync&Email={}', '/mail/config-v1.1.xml?emailaddress={}',
                     '/easel/apple.mobileconfig?address={}'):
            there, nobody = (self.get(form.format(a)) for a in (user, 'no' + user))
            self.assertEqual((there.code, there.headers.get('Content-Type')), (nobody.code, nobody.headers.get('Content-Type')))
            if b'PayloadUUID' not in there.body:
                self.assertEqual(there.body, nobody.body.replace(b'no' + user.partition('@')[0].encode(), user.partition('@')[0].encode()))

    def test_thunderbird(self):
        for path in ('/.well-known/autoconfig/mail/config-v1.1.xml', '/mail/config-v1.1.xml'):
            root = ET.fromstring(self.get(path + '?emailaddress=anna@example.test').body)
            imap = root.find('emailProvider/incomingServer[@type="imap"]')
            self.assertEqual([e.text for e in imap], [
                'imap.example.test', '993', 'SSL', 'anna@example.test', 'password-cleartext'])
            login = ('username', 'authentication')
            server = ('hostname', 'port', 'socketType', *login)
            self.assertEqual(tree(root), (
                'clientConfig', ('emailProvider', 'domain', 'displayName', 'displayShortName',
                                 ('incomingServer', *server), ('outgoingServer', *server)),
                ('addressBook', *login, 'serverURL'), ('calendar', *login, 'serverURL')))
            self.assertEqual((root.get('version'), root.find('emailProvider').get('id')),
                             ('1.1', 'example.test'))
            self.assertEqual(root.findtext('calendar/serverURL'),
                             'https://dav.example.test/cal/anna@example.test/')
        root = ET.fromstring(self.get('/mail/config-v1.1.xml', Host='autoconfig.example.test').body)
        self.assertEqual(root.findtext('emailProvider/incomingServer/username'),
                         '%EMAILLOCALPART%@example.test')
        self.assertEqual(self.get('/mail/config-v1.1.xml?emailaddress=x@elsewhere.test').code, 404)

    def test_apple(self):
        path = '/easel/apple.mobileconfig?address=Anna@example.test'
        answer = self.get(path)
        self.assertEqual(answer.headers['Content-Type'], 'application/x-apple-aspen-config')
        profile = plistlib.loads(answer.body)
        payload, = profile['PayloadContent']
        every = ['PayloadType', 'PayloadVersion', 'PayloadIdentifier', 'PayloadUUID',
                 'PayloadDisplayName']
        self.assertEqual(sorted(profile), sorted(['PayloadContent', *every]))
        self.assertEqual(sorted(payload), sorted([
            *every, 'Host', 'EmailAddress', 'UserName', 'SSL']))
        self.assertEqual((payload['PayloadType'], payload['EmailAddress'], payload['Host']),
                         ('com.apple.eas.account', 'anna@example.test',
                          self.lab.url.partition('//')[2]))
        self.assertEqual(self.get(path).body, answer.body)
        mac = plistlib.loads(self.get(path + '&for=mac').body)['PayloadContent']
        self.assertEqual([p['PayloadType'] for p in mac], [
            'com.apple.mail.managed', 'com.apple.caldav.account', 'com.apple.carddav.account'])
        self.assertEqual(mac[0]['IncomingMailServerPortNumber'], 993)
        self.assertEqual(mac[1]['CalDAVPrincipalURL'], '/cal/anna@example.test/')
        self.assertEqual(self.get('/easel/apple.mobileconfig?address=%3Ca@b').code, 404)

    def test_well_known(self):
        for kind, path in (('caldav', 'cal'), ('carddav', 'card')):
            answer = self.get(f'/.well-known/{kind}', Host='mail.example.test')
            self.assertEqual(answer.code, 301)
            self.assertTrue(answer.headers['Location'].startswith(
                f'https://dav.example.test/{path}/'))
        self.assertEqual(self.get('/.well-known/caldav', Host='elsewhere.test').code, 404)

    def test_a_domain_may_switch_one_off(self):
        self.lab.sql("INSERT INTO easel.protocol (domain_id, type, url, enabled)"
                     " SELECT id, 'mobilesync', 'x:', false FROM easel.domain"
                     " WHERE name = 'example.test'")
        self.addCleanup(self.lab.sql, "DELETE FROM easel.protocol WHERE type = 'mobilesync'")
        phone = self.new_phone(self.account())
        answer = phone.raw('POST', AUTODISCOVER, request(phone.user))
        self.assertIn(b'<ErrorCode>601</ErrorCode>', answer.body)

    def test_an_account_that_lives_elsewhere(self):
        phone = self.phone()
        self.lab.sql("UPDATE easel.account SET lives_at = 'https://two.example.test'"
                     " WHERE address = :'user'", user=phone.user)
        self.assertEqual(phone.autodiscover()['url'], f'https://two.example.test{PATH}')
        for answer in (phone.raw('OPTIONS'), phone.post('FolderSync', b'x')):
            self.assertEqual((answer.code, answer.headers['X-MS-Location']),
                             (451, f'https://two.example.test{PATH}'))
        answer = phone.raw('POST', AUTODISCOVER, request(phone.user, OUTLOOK))
        self.assertEqual(tree(ET.fromstring(answer.body)), ('Autodiscover', (
            'Response', ('User', 'DisplayName', 'AutoDiscoverSMTPAddress'),
            ('Account', 'AccountType', 'Action', 'RedirectUrl'))))
        self.assertIn(b'<RedirectUrl>https://two.example.test/autodiscover/autodiscover.xml'
                      b'</RedirectUrl>', answer.body)
