"""The same behind Apache with mod_proxy_fcgi: what differs between web servers."""

import base64
import os
import unittest

import lab as lab_module
import servers
from common import PASSWORD, WireTest, message
from phone import HTML, PATH, TEXT, Phone, basic, body, options
from wbxml import E

DATA = os.urandom(3_000_000)


@unittest.skipUnless(servers.Apache.program(), 'Apache is not installed')
class BehindApache(WireTest):
    @classmethod
    def setUpClass(cls):
        # Apache's workers run as another user, who must reach the socket.
        cls.lab = lab_module.Lab(options=('--socket-mode', '0666'))
        cls.addClassCleanup(cls.lab.close)
        cls.lab.use_apache()

    def test_the_login_reaches_easel(self):
        phone = self.new_phone(self.account())
        self.assertEqual(phone.raw('OPTIONS').code, 200)
        for authorization in (None, basic(phone.user, 'wrong')):
            answer = phone.raw('OPTIONS', Authorization=authorization)
            self.assertEqual(answer.code, 401)
            self.assertRegex(answer.headers['WWW-Authenticate'], '^Basic realm=')

    def test_paths_and_both_forms_of_the_query(self):
        user = self.account()
        for version in ('12.1', '16.1'):
            for query in ('plain', 'base64'):
                with self.subTest(query, version=version):
                    self.assertTrue(self.phone(user, version, query=query).inbox)
        phone = self.new_phone(user)
        for path in (PATH.lower(), PATH + '/', PATH.upper() + '/'):
            self.assertEqual(phone.raw('OPTIONS', path).code, 200)
        self.assertEqual(phone.raw('GET', PATH + 'X').code, 404)

    def test_autodiscover_names_the_address_that_was_asked(self):
        self.assertEqual(self.new_phone(self.account()).autodiscover()['url'],
                         self.lab.url + PATH)

    def test_mail_comes_whole(self):
        phone = self.synced_phone([message('Large', 'x' * 70, attachments=[
            ('a.bin', 'application/octet-stream', DATA)])], options=options(body(HTML)))
        _, item = self.one_item(phone)
        reference = item.get('AirSyncBase:Attachments/Attachment/FileReference')
        self.assertEqual(phone.fetch_attachment(reference, multipart=True).parts, [DATA])
        inline = phone.fetch_attachment(reference).root.find('Response/Fetch/Properties')
        self.assertEqual(base64.b64decode(inline.get('Data')), DATA)

    def test_a_waiting_phone_is_woken(self):
        phones = [self.synced_phone(options=options(body(TEXT))) for _ in range(5)]
        pings = [phone.ping([phone.inbox], 300) for phone in phones]
        for phone, ping in zip(phones, pings):
            self.lab.deliver(phone.user, message())
            self.assertEqual(ping.answer().status, '2')

    def test_an_empty_answer_says_length_0(self):
        phone = self.synced_phone()
        answer = phone.sync_raw(phone.collection(phone.inbox))
        self.assertEqual((answer.code, answer.headers['Content-Length']), (200, '0'))

    def test_with_no_worker_the_phone_is_told_to_come_later(self):
        phone = self.synced_phone()
        waiting = phone.ping([phone.inbox], 300)
        phone.folder_sync()
        self.lab.worker_kill()
        answers = [waiting.answer(), phone.raw('OPTIONS'),
                   phone.post('FolderSync', b'x')]
        for answer in answers:
            self.assertEqual(answer.code, 503)
            self.assertGreater(int(answer.headers['Retry-After']), 0)
        self.lab.workers[0].start()
        phone = Phone(self.lab.url, phone.user, PASSWORD).start()
        self.addCleanup(phone.close)
        self.assertEqual(phone.command('FolderSync', E('FolderHierarchy:FolderSync', E(
            'SyncKey', phone.folder_key))).status, '1')
