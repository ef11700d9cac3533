"""Bodies and attachments of mail (MS-ASAIRS): type, truncation, preview, MIME."""

import email
import email.policy

from common import WireTest, in_versions, message, samples
from phone import HTML, MIME, TEXT, VERSIONS, body, options
from wbxml import E

SAMPLES = dict(samples())
LONG = '\n'.join(f'Line {n} of a long text, with ümläuts and 天気.' for n in range(2000))


def crlf(data):
    """The bytes with CRLF at every line end."""
    return data.replace(b'\r\n', b'\n').replace(b'\n', b'\r\n')


class BodyTest(WireTest):
    def data(self, mail, *preferences, version='16.1', mime=None):
        """The data of a message as a phone with these preferences gets it."""
        phone = self.synced_phone([mail], version, options(*preferences, mime=mime))
        return self.one_item(phone)[1]

    def body(self, *arguments, **named):
        found = self.data(*arguments, **named).find('AirSyncBase:Body')
        self.assertIsNotNone(found)
        order = ['Type', 'EstimatedDataSize', 'Truncated', 'Data', 'Preview']
        names = [c.name.partition(':')[2] for c in found.children]
        self.assertEqual(names, [name for name in order if name in names])
        return found

    def assert_truncated(self, found, size):
        self.assertEqual(found.get('Truncated'), '1')
        self.assertLessEqual(len(found.get('Data', '').encode()), size)
        self.assertGreater(int(found.get('EstimatedDataSize')), size)

    def assert_whole(self, found):
        """Truncated is left out or 0; Windows Mail breaks on 0, so that it should be left out."""
        self.assertFalse(found.has('Truncated'))


class Plain(BodyTest):
    @in_versions(*VERSIONS[1:])
    def test_a_plain_message(self, version):
        found = self.body(SAMPLES['01-plain'], body(TEXT), version=version)
        self.assertEqual(found.get('Type'), '1')
        self.assertIn('the place by the river has a table', found.get('Data'))
        self.assertEqual(int(found.get('EstimatedDataSize')),
                         len(found.get('Data').encode()))
        self.assert_whole(found)

    def test_the_plain_part_of_an_alternative(self):
        found = self.body(SAMPLES['02-html'], body(TEXT))
        self.assertEqual(found.get('Type'), '1')
        self.assertIn('* Backups are checked every week – Ben does it.', found.get('Data'))

    def test_html_is_made_readable(self):
        found = self.body(SAMPLES['11-html-only'], body(TEXT))
        text = found.get('Data')
        self.assertEqual(found.get('Type'), '1')
        for words in ('What is new', 'Opening hours change in December – see', '9\u00a0to\u00a017',
                      'Thank you for reading & see you soon!'):
            self.assertIn(words.replace('\u00a0', ' '), text.replace('\u00a0', ' '))
        for hidden in ('<', 'not for reading', 'margin', '&amp;', '&ndash;'):
            self.assertNotIn(hidden, text)

    def test_charsets(self):
        self.assertIn('Здесь очень красиво. 天気もいいです。',
                      self.body(SAMPLES['05-utf8'], body(TEXT)).get('Data'))
        self.assertIn('le café était fermé',
                      self.body(SAMPLES['06-latin1'], body(TEXT)).get('Data'))

    def test_a_wrong_charset_loses_nothing_else(self):
        for charset, text in (('utf-8', b'caf\xe9 au lait'), ('nonsense-8', b'caf\xc3\xa9 au lait'),
                              ('us-ascii', b'caf\xc3\xa9 au lait')):
            with self.subTest(charset):
                mail = (b'Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset='
                        + charset.encode() + b'\nContent-Transfer-Encoding: 8bit\n\n' + text)
                self.assertRegex(self.body(mail, body(TEXT)).get('Data'), 'caf.{1,2} au lait')

    def test_what_xml_forbids_is_dropped(self):
        mail = message('x', 'before\x0b\x0c\x1b\x08\ufffe\uffffafter')
        for kind in (TEXT, HTML, MIME):
            with self.subTest(kind):
                found = self.body(mail, body(kind), mime=2)
                self.assertIn('before', found.get('Data'))
        zero = b'' if self.lab.backend == 'cyrus' else b'\x00'  # it takes no message with one
        mail = (b'Subject: a\x01b\x1fc\nFrom: "x\x07y" <ben@example.test>\n\nbefore' + zero
                + b'\x01after\n')
        data = self.data(mail, body(TEXT))
        self.assertIn('before', data.get('AirSyncBase:Body/Data'))
        self.assertRegex(data.get('Email:Subject'), '^a ?b ?c$')

    @in_versions('12.1', '16.1')
    def test_an_empty_message(self, version):
        for kind in (TEXT, HTML):
            with self.subTest(kind):
                found = self.body(b'Subject: empty\n\n', body(kind), version=version)
                self.assertEqual(found.get('EstimatedDataSize'), '0')


class Html(BodyTest):
    @in_versions(*VERSIONS[1:])
    def test_the_html_part(self, version):
        data = self.data(SAMPLES['02-html'], body(HTML), version=version)
        found = data.find('AirSyncBase:Body')
        self.assertEqual(found.get('Type'), '2')
        self.assertIn('<b>Monday</b>', found.get('Data'))
        self.assertIn('every week – Ben', found.get('Data'))
        self.assertEqual(data.get('AirSyncBase:NativeBodyType'), '2')

    def test_a_plain_message_asked_for_as_html(self):
        """Either the text as it is, with Type 1, or as HTML, with Type 2."""
        found = self.body(message('x', 'a < b & c\n'), body(HTML))
        self.assertIn(found.get('Type'), ('1', '2'))
        wanted = 'a < b & c' if found.get('Type') == '1' else 'a &lt; b &amp; c'
        self.assertIn(wanted, found.get('Data'))

    def test_the_html_of_a_related_message(self):
        found = self.body(SAMPLES['04-inline-image'], body(HTML))
        self.assertIn('cid:logo@example.test', found.get('Data'))


class Truncation(BodyTest):
    @in_versions(*VERSIONS[1:])
    def test_sizes(self, version):
        for size in (1, 100, 500, 5120):
            with self.subTest(size):
                found = self.body(message('Long', LONG), body(TEXT, size), version=version)
                self.assert_truncated(found, size)
                self.assertTrue(LONG.replace('\n', '\r\n').startswith(found.get('Data', ''))
                                or LONG.startswith(found.get('Data', '')))

    def test_no_character_is_cut(self):
        for size in range(20, 30):
            found = self.body(message('x', '天' * 100), body(TEXT, size))
            self.assertEqual(len(found.get('Data')), size // 3)

    def test_size_0(self):
        for kind in (TEXT, HTML):
            with self.subTest(kind):
                found = self.body(message('x', LONG, f'<p>{LONG}</p>'), body(kind, 0))
                self.assertEqual(found.get('Truncated'), '1')
                self.assertEqual(found.get('Data', ''), '')

    def test_exactly_the_size_is_not_truncated(self):
        whole = self.body(message('x', 'y' * 60), body(TEXT))
        size = int(whole.get('EstimatedDataSize'))
        self.assert_whole(self.body(message('x', 'y' * 60), body(TEXT, size)))
        self.assert_truncated(self.body(message('x', 'y' * 60), body(TEXT, size - 1)), size - 1)

    def test_html_is_cut_as_well(self):
        html = '<html><body>' + '<p>A paragraph of HTML.</p>' * 1000 + '</body></html>'
        found = self.body(message('x', 'short', html), body(HTML, 4096))
        self.assertEqual(found.get('Type'), '2')
        self.assert_truncated(found, 4096)

    def test_a_large_size_is_no_limit(self):
        self.assert_whole(self.body(message('x', LONG), body(TEXT, 4294967295)))

    def test_all_or_none(self):
        """MS-ASAIRS R78: not a truncated one; R80: the next preference instead."""
        mail = message('x', LONG, f'<p>{LONG}</p>')
        found = self.body(mail, body(HTML, 1000, all_or_none=1), body(TEXT, 500))
        self.assertEqual(found.get('Type'), '1')
        self.assert_truncated(found, 500)
        found = self.body(mail, body(TEXT, 500, all_or_none=1))
        self.assertEqual(found.get('Data', ''), '')
        short = message('x', 'Short.', '<p>Short.</p>')
        self.assertIn('<p>Short.</p>', self.body(short, body(HTML, 1000, all_or_none=1),
                                                 body(TEXT, 500)).get('Data'))

    def test_all_or_none_without_a_size_is_ignored(self):
        """MS-ASAIRS R75."""
        self.assert_whole(self.body(message('x', LONG), body(TEXT, all_or_none=1)))

    def test_each_type_has_its_own_size(self):
        both = (body(TEXT, 300), body(HTML, 600))
        self.assert_truncated(self.body(message('x', LONG), *both), 600)
        found = self.body(message('x', LONG, f'<p>{LONG}</p>'), *both)
        self.assertEqual(found.get('Type'), '2')
        self.assert_truncated(found, 600)


class Preview(BodyTest):
    @in_versions(*VERSIONS[3:])
    def test_from_14_0(self, version):
        for mail in (message('x', LONG), message('x', LONG, f'<p>{LONG}</p>')):
            found = self.body(mail, body(HTML, 500, preview=50), version=version)
            self.assertTrue(0 < len(found.get('Preview')) <= 50)
            self.assertTrue(found.get('Preview').startswith('Line 0 of a long text'))

    def test_only_when_asked_for(self):
        self.assertFalse(self.body(message(), body(TEXT)).has('Preview'))

    def test_of_html_it_is_plain_text(self):
        found = self.body(SAMPLES['11-html-only'], body(HTML, preview=100))
        self.assertIn('Opening hours', found.get('Preview'))
        self.assertNotIn('<', found.get('Preview'))
        self.assertNotIn('not for reading', found.get('Preview'))


class Mime(BodyTest):
    @in_versions(*VERSIONS[1:])
    def test_mime_is_the_message_as_it_came(self, version):
        for name in ('01-plain', '02-html', '03-attachment', '05-utf8', '08-nested'):
            with self.subTest(name):
                found = self.body(SAMPLES[name], body(MIME), mime=2, version=version)
                self.assertEqual(found.get('Type'), '4')
                self.assertEqual(crlf(found.find('Data').value()), crlf(SAMPLES[name]))
                self.assert_whole(found)

    def test_what_is_not_utf8_stays_readable(self):
        found = self.body(SAMPLES['06-latin1'], body(MIME), mime=2)
        parsed = email.message_from_bytes(found.find('Data').value(), policy=email.policy.default)
        self.assertIn('le café était fermé', parsed.get_content())

    @in_versions('12.1', '16.1')
    def test_mime_is_cut_too(self, version):
        found = self.body(message('x', LONG), body(MIME, 2000), mime=2, version=version)
        self.assertEqual(found.get('Type'), '4')
        self.assert_truncated(found, 2000)

    def test_mimesupport_1_is_for_signed_mail_only(self):
        signed = (b'Subject: signed\nMIME-Version: 1.0\nContent-Type: multipart/signed;'
                  b' protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s\n\n'
                  b'--s\nContent-Type: text/plain\n\nSigned text.\n--s\n'
                  b'Content-Type: application/pkcs7-signature; name=smime.p7s\n'
                  b'Content-Transfer-Encoding: base64\n\nMIIB\n--s--\n')
        wishes = (body(HTML), body(TEXT), body(MIME))
        self.assertIn(self.body(message(), *wishes, mime=1).get('Type'), ('1', '2'))
        found = self.body(signed, *wishes, mime=1)
        self.assertEqual(found.get('Type'), '4')
        self.assertEqual(crlf(found.find('Data').value()), crlf(signed))

    def test_mimesupport_0_gives_no_mime(self):
        found = self.body(message(), body(TEXT), body(MIME), mime=0)
        self.assertEqual(found.get('Type'), '1')


class Attachments(BodyTest):
    def attachments(self, mail, version='16.1', kind=HTML):
        return self.data(mail, body(kind), version=version).all(
            'AirSyncBase:Attachments/Attachment')

    @in_versions(*VERSIONS[1:])
    def test_names_sizes_and_references(self, version):
        found = self.attachments(SAMPLES['03-attachment'], version)
        self.assertEqual([a.get('DisplayName') for a in found], ['figures.csv', 'figures.png'])
        for attachment in found:
            self.assertTrue(attachment.get('FileReference'))
            self.assertEqual(attachment.get('Method'), '1')
            self.assertGreater(int(attachment.get('EstimatedDataSize')), 50)

    def test_the_size_is_about_right(self):
        mail = message(attachments=[('a.bin', 'application/octet-stream', b'x' * 100000)])
        size = int(self.attachments(mail)[0].get('EstimatedDataSize'))
        self.assertTrue(95000 < size < 140000, size)

    @in_versions('12.1', '16.1')
    def test_an_inline_image(self, version):
        image, = self.attachments(SAMPLES['04-inline-image'], version)
        self.assertEqual(image.get('ContentId'), 'logo@example.test')
        self.assertIn(image.get('IsInline'), ('1', ''))

    def test_a_nested_message_is_an_eml(self):
        nested, = self.attachments(SAMPLES['08-nested'])
        self.assertEqual(nested.get('DisplayName'), 'Opening hours.eml')
        self.assertEqual(nested.get('Method'), '5')

    def test_names_of_any_letters(self):
        for name in ('Menü für Samstag.txt', '天気.pdf', "Ben's file (2).txt", 'x' * 150 + '.txt'):
            with self.subTest(name):
                found, = self.attachments(message(attachments=[(name, 'text/plain', b'x')]))
                self.assertEqual(found.get('DisplayName'), name)
        for name in ('a"b.txt', 'x' * 300 + '.txt', '../../etc/x.txt', 'C:\\a\\x.txt'):
            with self.subTest(name):
                found, = self.attachments(message(attachments=[(name, 'text/plain', b'x')]))
                self.assertRegex(found.get('DisplayName'), r'^[^/\\"]+\.txt$')
        found, = self.attachments(SAMPLES['12-attachment-name'])
        self.assertEqual(found.get('DisplayName'), 'Menü für Samstag.txt')

    def test_an_attachment_without_a_name_gets_one(self):
        mail = (b'Subject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=m\n\n'
                b'--m\nContent-Type: text/plain\n\nText.\n--m\nContent-Type: application/pdf\n'
                b'Content-Disposition: attachment\nContent-Transfer-Encoding: base64\n\nJVBERg==\n'
                b'--m--\n')
        found, = self.attachments(mail)
        self.assertTrue(found.get('DisplayName'))

    def test_references_are_different_and_stay_the_same(self):
        user = self.account()
        self.lab.deliver(user, SAMPLES['03-attachment'])
        seen = set()
        for _ in range(2):
            phone = self.phone(user)
            phone.sync_all(phone.inbox, options=options(body(TEXT)))
            _, data = self.one_item(phone)
            seen.add(tuple(a.get('FileReference')
                           for a in data.all('AirSyncBase:Attachments/Attachment')))
        self.assertEqual(len(seen), 1)
        self.assertEqual(len(set(seen.pop())), 2)

    def test_text_parts_shown_as_body_are_no_attachments(self):
        for name in ('01-plain', '02-html', '10-long', '11-html-only'):
            with self.subTest(name):
                self.assertEqual(self.attachments(SAMPLES[name]), [])


class Parts(BodyTest):
    def test_what_is_new_in_a_message(self):
        """MS-ASAIRS 2.2.2.10: beside the body, and it sticks as the other options do."""
        part = E('AirSyncBase:BodyPartPreference', E('Type', 2))
        html = '<p>See you there.</p><blockquote type="cite">Shall we meet?</blockquote>'
        phone = self.synced_phone([], '16.1', options(body(HTML), part))
        self.lab.deliver(phone.user, message('Re: Lunch', 'x', html))
        phone.sync(phone.inbox)
        _, data = self.one_item(phone)
        self.assertIn('Shall we meet?', data.get('AirSyncBase:Body/Data'))
        found = data.find('AirSyncBase:BodyPart')
        self.assertEqual(found.get('Status'), '1')
        self.assertIn('See you there.', found.get('Data'))
        self.assertNotIn('Shall we meet?', found.get('Data'))

    def test_only_html_is_given(self):
        """MS-ASCMD R5412."""
        phone = self.phone()
        phone.sync(phone.inbox)
        answer = phone.sync_raw(phone.collection(phone.inbox, options=options(
            body(TEXT), E('AirSyncBase:BodyPartPreference', E('Type', 1)))))
        self.assertEqual(answer.root.get('Collections/Collection/Status'), '164')


class Invitations(BodyTest):
    @in_versions('2.5', '14.1', '16.1')
    def test_a_meeting_request(self, version):
        data = self.one_item(self.synced_phone([SAMPLES['09-invitation']], version))[1]
        request = data.find('Email:MeetingRequest')
        self.assertEqual(data.get('Email:MessageClass'), 'IPM.Schedule.Meeting.Request')
        self.assertEqual(request.get('StartTime'), '2026-11-30T09:00:00.000Z')
        self.assertEqual(request.get('Organizer'), '"Ben Example" <ben@example.test>')
        self.assertTrue(request.get('TimeZone'))
        if version == '16.1':
            self.assertEqual(request.get('Calendar:UID'), 'planning-1@example.test')
            self.assertEqual(request.get('AirSyncBase:Location/DisplayName'), 'Room 2')
        else:
            self.assertTrue(request.get('GlobalObjId'))
            self.assertEqual(request.get('Location'), 'Room 2')
