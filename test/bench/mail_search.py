"""Searching a large mailbox, and sending, for `make bench`."""

import statistics
import sys
import threading
import time
import uuid
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'wire'))
from phone import Phone  # noqa: E402  (found only after the line above)
from wbxml import E, encode  # noqa: E402

DEPTH = 5000  # of the newest with a word that are looked at (store/search.h)

# Messages of 60 words out of 20,000, the more frequent the lower their number; "always" is in each, "seldom" in one of
# ten thousand, "often" in one of a hundred. Their summaries are those of a message that was delivered.
FILL = """
SELECT setseed(0.5);
CREATE TEMP TABLE made AS
    SELECT n, 'Report ' || n || ' about w' || (20000 * random() ^ 3)::int AS subject,
        'Sender ' || n % 97 || ' <sender' || n % 97 || '@example.org>' AS author,
        'always ' || CASE WHEN n % 10000 = 7 THEN 'seldom ' ELSE '' END || CASE WHEN n % 100 = 7 THEN 'often ' ELSE '' END
        || (SELECT string_agg('w' || (20000 * random() ^ 3)::int, ' ') FROM generate_series(1, 60) WHERE n = n) AS body,
        md5((n / 5)::text) AS conversation
    FROM generate_series(1, :count) n;
WITH a AS (SELECT id FROM easel.account WHERE address = :'user'),
old AS (SELECT c.account_id, c.summary, i.folder_id FROM a JOIN easel.item i ON i.account_id = a.id
    JOIN easel.content c ON c.account_id = i.account_id AND c.id = i.content_id),
c AS (INSERT INTO easel.content (account_id, summary, data)
    SELECT old.account_id, (old.summary::jsonb || jsonb_build_object('subject', subject, 'from', author, 'conversation', conversation,
        'message_id', '<' || n || '@large.test>', 'preview', left(body, 200)))::json, convert_to(body, 'UTF8')
    FROM made, old ORDER BY n RETURNING account_id, id, summary ->> 'subject' AS subject),
numbered AS (SELECT c.*, split_part(c.subject, ' ', 2)::int AS n FROM c),
w AS (INSERT INTO easel.content_words (account_id, content_id, words)
    SELECT account_id, id, easel.words(made.subject, author, 'anna', body) FROM numbered JOIN made USING (n)),
f AS (UPDATE easel.folder f SET next_uid = next_uid + :count, modseq = modseq + 1 FROM old
    WHERE f.account_id = old.account_id AND f.id = old.folder_id RETURNING f.account_id, f.id, f.modseq, f.next_uid - :count AS first)
INSERT INTO easel.item (account_id, folder_id, uid, modseq, date, flags, size, content_id)
    SELECT f.account_id, f.id, f.first + n, f.modseq, now() - (:count - n) * interval '5 min', 0, 5000, numbered.id FROM f, numbered;
DROP TABLE made;
ANALYZE easel.item; ANALYZE easel.content; ANALYZE easel.content_words;
"""


def ask(phone, *conditions, span='0-49'):
    """Milliseconds of a Search, and how much it found."""
    began = time.perf_counter()
    store = phone.command('Search', E('Search:Search', E('Store', E('Name', 'Mailbox'), E('Query', E('And', list(conditions))),
                                                         E('Options', E('Range', span))))).root.find('Response/Store')
    took = 1000 * (time.perf_counter() - began)
    if store.get('Status') != '1':
        raise RuntimeError(f'Search: {store}')
    return took, int(store.get('Total', 0))


def words(text):
    return E('Search:FreeText', text)


def since(days):
    day = time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(time.time() - 86400 * days))
    return E('Search:GreaterThan', E('Email:DateReceived'), E('Value', day))


def measure(bench, domain, password, message, count, rounds):
    """Each kind of question over and over; the slowest kind has to be under the mark."""
    lab, add = bench.lab, bench.table.add
    user = lab.account(f'searched@{domain}', password)
    lab.deliver(user, message)
    lab.sql(FILL, user=user, count=str(count))
    phone = Phone(lab.url, user, password).start()
    kinds = (('a word of a few', [words('seldom')]), ('of one in a hundred', [words('often')]), ('of all', [words('always')]),
             ('three words', [words('w1 w2 w3')]), ('of all and a few', [words('always seldom')]),
             ('begun', [words('w12')]), ('from', [words('from:sender7 often')]), ('a phrase', [words('"always often"')]),
             ('of the last week', [words('always'), since(7)]), ('times alone', [since(7)]),
             ('none', [words('nowhere')]), ('with attachment', [words('always hasattachment:true')]))
    slowest, shown, asked, meter = 0, [], 0, bench.cpu_meter()
    for name, conditions in kinds:
        times = [ask(phone, *conditions) for _ in range(max(3, rounds // 10))]
        took, asked = statistics.median(ms for ms, _ in times), asked + len(times)
        slowest = max(slowest, took)
        shown.append(f'{name} {took:.1f}')
    add('search', f'Search of {count:,} messages, the slowest kind', slowest, 'ms', '; '.join(shown), most=100)
    spent = {who: 1000 * seconds / asked for who, seconds in meter.read().items()}
    add('search_cpu', '  CPU of each, all kinds alike', sum(spent.values()), 'ms',
        ', '.join(f'{who} {ms:.1f}' for who, ms in spent.items()))
    deep = min(count, DEPTH) - 50
    last, _ = ask(phone, words('always'), span=f'{deep}-{deep + 49}')
    add('search_last', '  the last results of a word of all', last, 'ms', most=100)
    phone.close()


class Sender(threading.Thread):
    """A phone that sends to another account, one message after the other."""

    def __init__(self, lab, user, password, to, until):
        super().__init__()
        self.phone, self.to, self.until, self.count, self.failed = Phone(lab.url, user, password).start(), to, until, 0, None

    def run(self):
        mime = (f'To: {self.to}\r\nSubject: News\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n'
                + 'How are you?\r\n' * 80).encode()
        while time.monotonic() < self.until[0]:
            document = encode(E('ComposeMail:SendMail', E('ClientId', uuid.uuid4().hex), E('SaveInSentItems'), E('Mime', mime)))
            answer = self.phone.post('SendMail', document)
            if (answer.code, answer.body) != (200, b''):
                self.failed = answer
                return
            self.count += 1


def send(bench, domain, password, phones, seconds):
    """SendMail between accounts here, each saved and delivered within the request."""
    lab, add, until = bench.lab, bench.table.add, [0]
    users = [lab.account(f'sender{number}@{domain}', password) for number in range(2 * phones)]
    senders = [Sender(lab, users[n], password, users[phones + n], until) for n in range(phones)]
    meter, began = bench.cpu_meter(), time.monotonic()
    until[0] = began + seconds
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    took, sent = time.monotonic() - began, sum(sender.count for sender in senders)
    for sender in senders:
        if sender.failed:
            raise RuntimeError(f'SendMail: {sender.failed}')
        sender.phone.close()
    spent = meter.read()
    add('send', f'SendMail, delivered here and saved, {phones} phones', sent / took, '/s')
    add('send_cpu', '  CPU of each', 1000 * sum(spent.values()) / sent, 'ms',
        ', '.join(f'{who} {1000 * s / sent:.2f}' for who, s in spent.items()))
