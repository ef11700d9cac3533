"""Autodiscover in the mobilesync form (MS-ASCMD 2.2.1.1)."""

import xml.etree.ElementTree as ET

import schema
from common import WireTest
from phone import AUTODISCOVER, MOBILESYNC, PATH, basic

RESPONSE = 'http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006'


def request(address, accepted=MOBILESYNC + 'responseschema/2006'):
    return (f'<Autodiscover xmlns="{MOBILESYNC}requestschema/2006"><Request>'
            f'<EMailAddress>{address}</EMailAddress>'
            f'<AcceptableResponseSchema>{accepted}</AcceptableResponseSchema>'
            '</Request></Autodiscover>').encode()


class Autodiscover(WireTest):
    def ask(self, phone, body, path=AUTODISCOVER, **headers):
        answer = phone.raw('POST', path, body, Content_Type='text/xml', **headers)
        if answer.code == 200 and answer.body:
            schema.seen.add(answer.body.decode(), 'Autodiscover')
        return answer

    def error_code(self, answer):
        """The ErrorCode of the framework's error answer."""
        self.assertEqual(answer.code, 200, answer)
        return ET.fromstring(answer.body).findtext(f'.//{{{RESPONSE}}}ErrorCode')

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
                     '/AutoDiscover/AutoDiscover.xml'):
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

    def test_without_a_document_the_login_tells_the_address(self):
        """Android (clients.md)."""
        phone = self.new_phone(self.account())
        answer = self.ask(phone, b'')
        self.assertEqual(answer.code, 200)
        self.assertIn(phone.user.encode(), answer.body)

    def test_another_schema_is_error_601(self):
        phone = self.new_phone(self.account())
        outlook = 'http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a'
        self.assertEqual(self.error_code(self.ask(phone, request(phone.user, outlook))), '601')

    def test_what_is_not_a_request_is_error_600(self):
        """MS-ASCMD R3799 for two Requests; the framework's "invalid request" for the others."""
        phone = self.new_phone(self.account())
        twice = request(phone.user)
        start, end = twice.index(b'<Request>'), twice.index(b'</Autodiscover>')
        for body in (b'<a/>', b'no XML', b'<Autodiscover/>',
                     twice[:end] + twice[start:end] + twice[end:],
                     request('')):
            with self.subTest(body[:60]):
                self.assertEqual(self.error_code(self.ask(phone, body)), '600')

    def test_entities_are_not_expanded(self):
        phone = self.new_phone(self.account())
        bomb = (b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;">'
                b'<!ENTITY f SYSTEM "file:///etc/passwd">]>')
        for name in (b'&c;', b'&f;'):
            answer = self.ask(phone, bomb + request('x').replace(b'>x<', b'>' + name + b'<'))
            self.assertNotIn(b'bbbb', answer.body)
            self.assertNotIn(b'root:', answer.body)
            self.assertIn(answer.code, (200, 400))

    def test_somebody_elses_address_is_not_told(self):
        ben = self.account('ben')
        phone = self.new_phone(self.account())
        answer = self.ask(phone, request(ben))
        self.assertNotIn(ben.partition('@')[0].title().encode(), answer.body)

    def test_the_login_comes_first(self):
        phone = self.new_phone(self.account())
        for authorization in (None, basic(phone.user, 'wrong')):
            answer = self.ask(phone, request(phone.user), Authorization=authorization)
            self.assertEqual(answer.code, 401)
            self.assertIn('WWW-Authenticate', answer.headers)
