"""Mail to measure with: made of words that nobody wrote, the same in every run."""

import base64
import binascii
import random
from email.utils import format_datetime
from datetime import datetime, timedelta, timezone

WORDS = ('meeting budget harbour winter report garden window planet morning signal letter market '
         'river copper silent record orange basket engine bridge paper island number summer branch '
         'travel museum forest kitchen lantern über größe straße café naïve façade señor łódź '
         'the of and to in is that for on with as at by from this be or an it not').split()
TEXT_SIZE = 400_000      # characters that all bodies are slices of
SMALLEST, LARGEST = 1_500, 36_000  # characters; encoded 2 to 50 KB
ATTACHMENT_EVERY, ATTACHMENT_SIZE = 25, 200_000
FIRST_DAY = datetime(2026, 1, 1, 8, tzinfo=timezone.utc)
BOUNDARY = '=_easel_bench_'


class SampleMail:
    """Messages by number. Message n is the same whatever others were asked for before it."""

    def __init__(self):
        words = random.Random('words')
        text = []
        while sum(len(sentence) for sentence in text) < TEXT_SIZE:
            text.append(' '.join(words.choices(WORDS, k=words.randint(5, 18))).capitalize() + '. ')
        self.text = ''.join(text)
        self.noise = random.Random('noise').randbytes(2 * ATTACHMENT_SIZE)

    def _slice(self, dice, size):
        at = dice.randrange(len(self.text) - size)
        return self.text[at:at + size]

    def _part(self, dice, kind, text):
        """A text part, most in quoted-printable, some in base64 or as they are, as in real mail."""
        data = text.encode()
        how = dice.choice(('quoted-printable', 'quoted-printable', 'base64', '8bit'))
        if how == 'quoted-printable':
            data = binascii.b2a_qp(data).replace(b'\n', b'\r\n').replace(b'\r\r\n', b'\r\n')
        elif how == 'base64':
            data = base64.encodebytes(data).replace(b'\n', b'\r\n')
        head = (f'Content-Type: text/{kind}; charset=utf-8\r\n'
                f'Content-Transfer-Encoding: {how}\r\n\r\n')
        return head.encode() + data

    def _html(self, dice, size):
        """Paragraphs with the mark-up that mail programs put around them."""
        out = ['<html><head><style>p { margin: 0 0 1em }</style></head><body>\r\n']
        while size > 0:
            length = min(size, dice.randint(200, 900))
            size -= length + 60
            text = self._slice(dice, length)
            out.append(f'<p style="font-family: sans-serif"><span>{text}</span></p>\r\n')
        out.append('</body></html>\r\n')
        return ''.join(out)

    def _plain(self, dice, size):
        words = self._slice(dice, size).split(' ')
        return '\r\n'.join(' '.join(words[at:at + 12]) for at in range(0, len(words), 12)) + '\r\n'

    def _alternative(self, dice, size):
        line = f'--{BOUNDARY}a\r\n'.encode()
        return (f'Content-Type: multipart/alternative; boundary="{BOUNDARY}a"\r\n\r\n'.encode()
                + line + self._part(dice, 'plain', self._plain(dice, size // 4)) + b'\r\n'
                + line + self._part(dice, 'html', self._html(dice, size * 3 // 4)) + b'\r\n'
                + f'--{BOUNDARY}a--\r\n'.encode())

    def _with_attachment(self, dice, body, number):
        line = f'--{BOUNDARY}m\r\n'.encode()
        at = dice.randrange(ATTACHMENT_SIZE)
        data = base64.encodebytes(self.noise[at:at + ATTACHMENT_SIZE]).replace(b'\n', b'\r\n')
        return (f'Content-Type: multipart/mixed; boundary="{BOUNDARY}m"\r\n\r\n'.encode()
                + line + body + b'\r\n' + line
                + (f'Content-Type: application/pdf; name="report {number}.pdf"\r\n'
                   f'Content-Disposition: attachment; filename="report {number}.pdf"\r\n'
                   'Content-Transfer-Encoding: base64\r\n\r\n').encode()
                + data + f'\r\n--{BOUNDARY}m--\r\n'.encode())

    def message(self, number):
        """Message `number`: 2 to 50 KB of multipart/alternative, one in 25 with an attachment."""
        dice = random.Random(number)
        body = self._alternative(dice, dice.randint(SMALLEST, LARGEST))
        if number % ATTACHMENT_EVERY == 0:
            body = self._with_attachment(dice, body, number)
        when = format_datetime(FIRST_DAY + timedelta(minutes=7 * number))
        subject = self._slice(dice, 40).encode('ascii', 'replace').decode()
        head = (f'Received: from mx.example.org by mail.example.test; {when}\r\n'
                f'Date: {when}\r\nFrom: Sender {number % 97} <sender{number % 97}@example.org>\r\n'
                f'To: Bench <bench@example.test>\r\n'
                f'Subject: {number}: {subject}\r\n'
                f'Message-ID: <{number}.bench@example.org>\r\nMIME-Version: 1.0\r\n')
        return head.encode() + body

    def write(self, folder, count):
        """Writes the first messages as files; returns their bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        total = 0
        for number in range(1, count + 1):
            total += (folder / f'{number:06}.eml').write_bytes(self.message(number))
        return total


def short_message(number):
    """A message that says hello, as one that is delivered while a phone waits."""
    return (f'From: Ben <ben@example.org>\nTo: Bench <bench@example.test>\nSubject: News {number}\n'
            f'Message-ID: <news.{number}@example.org>\nMIME-Version: 1.0\n'
            'Content-Type: text/plain; charset=utf-8\n\nThis wakes a phone.\n').encode()
