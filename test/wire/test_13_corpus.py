"""Mail that other programs wrote: delivered, and synced as text, HTML and MIME.

Nothing may crash, and the text that a person would read must arrive. What that text is, Python's
email package says; where a message is too broken for that, only the first demand holds.
"""

import email
import html.parser
import re
import unittest

from common import PASSWORD, WireTest, in_versions
from phone import HTML, MIME, TEXT, Phone, body, options
from wbxml import ROOT

CORPUS = ROOT.parent / 'shared' / 'corpus' / 'mail'
WORD = re.compile(r'[^\W\d_]{3,}')
ENOUGH = 0.95  # of the words: line folding and guesses at broken encodings differ in a few
FORMS = {TEXT: options(body(TEXT)), HTML: options(body(HTML), body(TEXT)),
         MIME: options(body(MIME), mime=2)}

# What a person reads in messages that Python's parser finds defective.
PHRASES = {
    'error-content_transfer_encoding_empty.eml': '9bbf38a544f990e73cd12f3c56c6',
    'error-content_transfer_encoding_plain.eml': 'Exciting Easter Investor Alert',
    'error-multiple_references_with_one_invalid.eml': 'foo',
    'multipart_report-multipart_report_multiple_status.eml': 'This Message was undeliverable',
    'plain-raw_email10.eml': "Sent via Bell Mobility's Text Messaging service.",
    'plain-raw_email5.eml': 'Test test. Hi. Waving. m',
    'plain-raw_email6.eml': 'Test test. Hi. Waving. m',
    'plain-raw_email_incorrect_header.eml': 'You are infected with',
    'rfc2822-example13.eml': 'This is a message just to say hello.',
}


class Stripper(html.parser.HTMLParser):
    """The text of an HTML document as a reader sees it."""

    HIDDEN = ('style', 'script', 'title')

    def __init__(self):
        super().__init__()
        self.hidden, self.text = 0, []

    def handle_starttag(self, tag, attrs):
        self.hidden += tag in self.HIDDEN

    def handle_endtag(self, tag):
        self.hidden = max(0, self.hidden - (tag in self.HIDDEN))

    def handle_data(self, data):
        if not self.hidden:
            self.text.append(data)


def words(text):
    return WORD.findall(text)


def words_of_html(text):
    stripper = Stripper()
    stripper.feed(text)
    return words(' '.join(stripper.text))


def text_parts(raw):
    """The text parts that a reader is shown: {TEXT: its words, HTML: its words}, the first of each.

    Empty for a message that Python's parser finds defective: then its opinion is worth nothing.
    """
    found = {}
    for part in email.message_from_bytes(raw).walk():
        kind = {'text/plain': TEXT, 'text/html': HTML}.get(part.get_content_type())
        if part.defects:
            return {}
        if part.get_content_type() == 'message/rfc822':
            break
        if kind is None or part.get_filename() or part.get_content_disposition() == 'attachment':
            continue
        try:
            text = part.get_payload(decode=True).decode(part.get_content_charset('ascii'))
        except (LookupError, UnicodeError):
            return {}
        found.setdefault(kind, words(text) if kind == TEXT else words_of_html(text))
    return found


def missing(wanted, found):
    """The words that did not arrive, when too many did not."""
    lost = sorted(set(wanted) - set(found))
    return lost if len(lost) > (1 - ENOUGH) * len(set(wanted)) else []


@unittest.skipUnless(CORPUS.exists(), 'no mail corpus beside the repository')
class Corpus(WireTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls.lab.account('corpus@example.test')
        cls.files = sorted(CORPUS.glob('*.eml'))
        phone = cls.whose(cls.user)
        phone.sync_all(phone.inbox)
        cls.item_of, known = {}, set()
        for path in cls.files:
            cls.lab.deliver(cls.user, path.read_bytes())
            phone.sync_all(phone.inbox)
            new = set(phone.items[phone.inbox]) - known
            assert len(new) == 1, f'{path.name}: {new}'
            known |= new
            cls.item_of[path.name] = new.pop()

    @classmethod
    def whose(cls, user, version='16.1'):
        return Phone(cls.lab.url, user, PASSWORD, version).start()

    def items(self, version, kind):
        """What a phone has after a first sync, by file name."""
        phone = self.phone(self.user, version)
        phone.sync_all(phone.inbox, window=50, options=FORMS[kind])
        self.assertEqual(len(phone.items[phone.inbox]), len(self.files))
        return {name: phone.items[phone.inbox][item] for name, item in self.item_of.items()}

    @in_versions('12.1', '14.1', '16.1')
    def test_as_text_and_html(self, version):
        for kind in (TEXT, HTML):
            items = self.items(version, kind)
            for path in self.files:
                with self.subTest(path.name, kind=kind):
                    self.check_text(path, items[path.name])

    def check_text(self, path, data):
        found = data.find('AirSyncBase:Body')
        self.assertIsNotNone(found)
        self.assertIn(found.get('Type'), ('1', '2'))
        shown = text_parts(path.read_bytes())
        kind, text = int(found.get('Type')), found.get('Data', '')
        if not shown:
            self.assertIn(PHRASES.get(path.name, ''), text)
            return
        expected = shown.get(kind) or shown.get(TEXT) or shown[HTML]
        arrived = words(text) if kind == TEXT else words_of_html(text)
        self.assertEqual(missing(expected, arrived), [], f'in {text[:300]!r}')

    @in_versions('12.1', '14.1', '16.1')
    def test_as_mime(self, version):
        items = self.items(version, MIME)
        for path in self.files:
            with self.subTest(path.name):
                found = items[path.name].find('AirSyncBase:Body')
                self.assertEqual(found.get('Type'), '4')
                self.check_mime(path.read_bytes(), found.find('Data').value())

    def check_mime(self, raw, arrived):
        """The bytes as they came, but for line ends; or the same content in another encoding."""
        plain = [data.replace(b'\r\n', b'\n').replace(b'\r', b'\n') for data in (raw, arrived)]
        if plain[0] == plain[1]:
            return
        contents = [[part.get_payload(decode=True) for part in
                     email.message_from_bytes(data).walk() if not part.is_multipart()]
                    for data in plain]
        self.assertEqual(len(contents[0]), len(contents[1]))
        for before, after in zip(*contents):
            self.assertEqual(missing(words(before.decode('latin-1')),
                                     words(after.decode('latin-1'))), [])

    def test_attachments_can_be_fetched(self):
        phone = self.phone(self.user)
        phone.sync_all(phone.inbox, options=FORMS[TEXT])
        count = 0
        for name, item in self.item_of.items():
            data = phone.items[phone.inbox][item]
            for attachment in data.all('AirSyncBase:Attachments/Attachment'):
                with self.subTest(name, attachment=attachment.get('DisplayName')):
                    self.assertTrue(attachment.get('DisplayName'))
                    answer = phone.fetch_attachment(attachment.get('FileReference'),
                                                    multipart=True)
                    self.assertIn(answer.root.get('Response/Fetch/Status'), ('1', '10'))
                    count += 1
        self.assertGreater(count, 20)

    def test_whole_items_can_be_fetched(self):
        phone = self.phone(self.user)
        phone.sync_all(phone.inbox)
        for name, item in self.item_of.items():
            with self.subTest(name):
                answer = phone.fetch_item(phone.inbox, item, body(HTML))
                self.assertEqual(answer.root.get('Response/Fetch/Status'), '1')

    def test_the_folder_can_be_imported(self):
        user = self.account('import')
        self.lab.import_mail(user, CORPUS)
        phone = self.phone(user)
        self.assertEqual(len(phone.sync_all(phone.inbox)), len(self.files))
