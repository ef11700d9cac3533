"""SendMail, SmartReply, SmartForward (2.2.1.17, 2.2.1.20, 2.2.1.19), and the queue behind them."""

import email
import email.policy
import socket
import subprocess
import threading
import time
import uuid

import lab as lab_module
import servers
from common import LOCAL, WireTest, in_versions, message, not_over_imap
from phone import HTML, MIME, TEXT, body, options
from smtp_server import Handler, SmtpServer
from wbxml import E, encode

SENT, REPLIED, REPLIED_ALL, FORWARDED = '5', '1', '2', '3'
SMART = ('SmartReply', 'SmartForward')


def mime(to, subject='Hello', text='How are you?\n', **headers):
    """What a phone submits: no From, no Date, no Message-ID."""
    lines = [f'{name.replace("_", "-")}: {value}' for name, value in headers.items()]
    lines += [f'To: {to}'] * bool(to) + [f'Subject: {subject}', 'MIME-Version: 1.0',
                                         'Content-Type: text/plain; charset=utf-8']
    return ('\r\n'.join(lines) + '\r\n\r\n' + text).encode()


class Send(WireTest):
    """Sending as each version does it: a document from 14.0 on, raw MIME below."""

    def document(self, command, content, *, save=False, source=None, replace=False, client_id=None):
        return E(f'ComposeMail:{command}', E('ClientId', client_id or uuid.uuid4().hex),
                 source and E('Source', list(source)) or None, save and E('SaveInSentItems') or None,
                 replace and E('ReplaceMime') or None, E('Mime', content))

    def source_of(self, item):
        return E('FolderId', item.partition(':')[0]), E('ItemId', item)

    def submit(self, phone, command, content, *, save=False, item=None, expect=200, **more):
        """The command in the form of the phone's version; the answer."""
        if phone.number() < 140:
            params = {'SaveInSent': 'T' if save else None, 'ItemId': item,
                      'CollectionId': item and item.partition(':')[0]}
            return phone.read(command, self.checked(phone.post(
                command, content, params, Content_Type='message/rfc822'), expect))
        source = item and self.source_of(item)
        return phone.command(command, self.document(command, content, save=save, source=source, **more),
                             expect=expect)

    def checked(self, answer, expect):
        if expect is not None:
            self.assertEqual(answer.code, expect, answer)
        return answer

    def send(self, phone, content, command='SendMail', **more):
        """A success: an empty answer."""
        answer = self.submit(phone, command, content, **more)
        self.assertEqual((answer.code, answer.body), (200, b''), answer)
        return answer

    def refused(self, phone, content, status, http, command='SendMail', **more):
        """A refusal: a status from 14.0 on, an HTTP status below."""
        answer = self.submit(phone, command, content, expect=None, **more)
        if phone.number() < 140:
            self.assertEqual(answer.code, http, answer)
        else:
            self.assertEqual((answer.code, answer.status), (200, str(status)), answer)

    def items(self, phone, folder=None, kind=MIME):
        return phone.sync_all(folder or phone.inbox, options=options(body(kind), mime=2))

    def received(self, phone, folder=None):
        """The messages of a folder, parsed."""
        return [email.message_from_string(data.get('AirSyncBase:Body/Data'),
                                          policy=email.policy.default)
                for data in self.items(phone, folder).values()]

    def only(self, phone, folder=None):
        found = self.received(phone, folder)
        self.assertEqual(len(found), 1, found)
        return found[0]

    def queue(self, *, lab=None):
        """Lets easel-queue work off what is due."""
        lab = lab or self.lab
        servers.program(lab.build, 'easel-queue', '--database', lab.postgres.conninfo, '--once')

    def rows(self, phone):
        """The queue as the administrator sees it: recipient, state, attempts, last error."""
        return self.lab.sql("SELECT recipient, state, attempts, last_error FROM easel.queue_status "
                            "WHERE account = :'user' ORDER BY recipient", user=phone.user)


class FromPhoneToPhone(Send):
    @in_versions()
    def test_arrives_as_it_was_written(self, version):
        anna, ben = self.phone(version=version), self.phone(version='14.1')
        self.send(anna, mime(f'Ben <{ben.user}>', 'Grüße'.encode().decode('latin-1'), 'Hallo, Welt\r\n'))
        got = self.only(ben)
        self.assertEqual(got.get_content().strip(), 'Hallo, Welt')
        self.assertIn(anna.user, got['From'])
        self.assertIsNotNone(got['Date'])
        self.assertRegex(got['Message-ID'], '^<[^@]+@example.test>$')

    @in_versions('12.1', '14.0', '16.1')
    def test_wakes_the_phone_it_is_for(self, version):
        anna, ben = self.phone(version=version), self.synced_phone()
        ping = ben.ping([ben.inbox], 300)
        self.send(anna, mime(ben.user))
        self.assertEqual(ping.answer().status, '2')

    @in_versions('12.1', '14.0', '16.1')
    def test_in_sent_items_only_when_asked(self, version):
        phone, ben = self.phone(version=version), self.phone()
        self.send(phone, mime(ben.user, 'Not saved'))
        self.send(phone, mime(ben.user, 'Saved'), save=True)
        sent = self.only(phone, phone.folder(SENT))
        self.assertEqual(sent['Subject'], 'Saved')
        read, = [data.get('Email:Read') for data in phone.items[phone.folder(SENT)].values()]
        self.assertEqual(read, '1')
        self.assertEqual(len(self.received(ben)), 2)

    def test_bcc_is_seen_by_the_sender_only(self):
        anna, ben, eve = self.phone(), self.phone(), self.phone()
        self.send(anna, mime(ben.user, Bcc=eve.user), save=True)
        for phone in (ben, eve):
            self.assertNotIn('Bcc', self.only(phone))
        self.assertEqual(self.only(anna, anna.folder(SENT))['Bcc'], eve.user)

    def test_once_to_each_mailbox_however_it_is_named(self):
        anna, ben = self.phone(), self.phone()
        self.lab.sql("SELECT easel.alias_create(:'user', :'alias')", user=ben.user, alias='b-' + ben.user)
        plus = ben.user.replace('@', '+news@')
        self.send(anna, mime(f'{ben.user}; {ben.user.upper()}', Cc=f'b-{ben.user}, {plus}'))
        self.only(ben)

    def test_to_oneself(self):
        phone = self.phone()
        self.send(phone, mime(phone.user), save=True)
        self.only(phone)
        self.only(phone, phone.folder(SENT))

    def test_to_more_than_is_delivered_at_once(self):
        anna = self.phone()
        phones = [self.phone() for _ in range(22)]
        self.send(anna, mime(', '.join(phone.user for phone in phones)))
        self.queue()
        for phone in phones:
            self.only(phone)
        self.assertEqual(self.rows(anna), [])

    def test_base64_query(self):
        anna, ben = self.phone(version='12.1', query='base64'), self.phone()
        answer = anna.post('SendMail', mime(ben.user), {'Options': b'\x01'},
                           Content_Type='message/rfc822')
        self.assertEqual((answer.code, answer.body), (200, b''))
        self.only(ben)
        self.only(anna, anna.folder(SENT))

    def test_options_names_the_commands(self):
        _, commands = self.phone().options()
        self.assertLessEqual({'SendMail', *SMART}, set(commands))


class Repeated(Send):
    @in_versions('14.0', '16.1')
    def test_a_client_id_sends_once(self, version):
        anna, ben = self.phone(version=version), self.phone()
        for command in ('SendMail', 'SendMail', 'SendMail'):
            answer = self.submit(anna, command, mime(ben.user), client_id='one', save=True)
        self.assertEqual(answer.status, '118')
        self.only(ben)
        self.only(anna, anna.folder(SENT))
        self.send(anna, mime(ben.user), client_id='two')
        self.assertEqual(len(self.received(ben)), 2)

    def test_the_same_message_twice_in_12_1(self):
        anna, ben = self.phone(version='12.1'), self.phone()
        for _ in range(3):
            self.send(anna, mime(ben.user))
        self.only(ben)
        self.send(anna, mime(ben.user, text='Another text\r\n'))
        self.assertEqual(len(self.received(ben)), 2)
        self.lab.sql("UPDATE easel.sent_message SET sent_at = now() - interval '25 hours'")
        self.send(anna, mime(ben.user))
        self.assertEqual(len(self.received(ben)), 3)

    def test_another_device_has_client_ids_of_its_own(self):
        anna, ben = self.phone(), self.phone()
        other = self.phone(anna.user)
        for phone in (anna, other):
            self.send(phone, mime(ben.user), client_id='one')
        self.assertEqual(len(self.received(ben)), 2)

    def test_a_refusal_is_not_remembered(self):
        anna, ben = self.phone(), self.phone()
        self.refused(anna, mime(''), 119, 500, client_id='one')
        self.send(anna, mime(ben.user), client_id='one')
        self.only(ben)

    def test_the_answer_got_lost(self):
        anna, ben = self.phone(), self.phone()
        document = self.document('SendMail', mime(ben.user), client_id='one')
        anna.begin('SendMail', document).hang_up()
        answer = anna.command('SendMail', document)
        self.assertIn(answer.status, (None, '118'))
        self.only(ben)

    def test_a_repeat_whose_original_went_meanwhile(self):
        anna, ben = self.synced_phone([message()]), self.phone()
        item, _ = self.one_item(anna)
        document = self.document('SmartReply', mime(ben.user), source=self.source_of(item))
        anna.command('SmartReply', document)
        self.lab.sql("UPDATE easel.folder SET epoch = epoch + 1 WHERE role = 'inbox'"
                     " AND account_id = easel.account_of(:'user')", user=anna.user)
        self.assertEqual(anna.command('SmartReply', document).status, '118')


class Killed(Send):
    """The worker dies between what it does and what it answers."""

    @classmethod
    def setUpClass(cls):
        cls.lab = lab_module.Lab(workers=1)
        cls.addClassCleanup(cls.lab.close)

    def kill_when(self, phone, ready, document):
        pending = phone.begin('SendMail', document)
        for _ in range(500):
            if ready():
                break
            time.sleep(0.01)
        else:
            self.fail('the request never came so far')
        self.lab.worker_kill()
        pending.hang_up()

    def holding_sent_items(self, phone):
        """A connection that holds Sent Items, so that a request stops before its commit."""
        return self.holding(f"SELECT FROM easel.folder WHERE role = 'sent' AND account_id = "
                            f"easel.account_of('{phone.user}') FOR UPDATE")

    def test_before_the_commit_nothing_was_done(self):
        anna, ben = self.phone(), self.phone()
        document = self.document('SendMail', mime(ben.user), client_id='one', save=True)
        psql = self.holding_sent_items(anna)
        waiting = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
        self.kill_when(anna, lambda: self.lab.sql(waiting) == [['t']], document)
        psql.communicate(b'ROLLBACK;\n')
        self.lab.workers[0].start()
        self.until('SELECT WHERE NOT EXISTS (SELECT FROM pg_locks WHERE NOT granted)')
        self.assertEqual(self.received(ben), [])
        self.assertEqual(anna.command('SendMail', document).status, None)
        self.only(ben)
        self.only(anna, anna.folder(SENT))

    def test_after_the_commit_it_was_done(self):
        anna, ben = self.phone(), self.phone()
        document = self.document('SendMail', mime(ben.user), client_id='one', save=True)
        known = "SELECT count(*) FROM easel.sent_message"
        before = self.lab.sql(known)
        self.kill_when(anna, lambda: self.lab.sql(known) != before, document)
        self.lab.workers[0].start()
        self.assertEqual(anna.command('SendMail', document).status, '118')
        self.only(ben)
        self.only(anna, anna.folder(SENT))


class Answering(Send):
    def original(self, phone, **more):
        more.setdefault('to', phone.user)
        self.lab.deliver(phone.user, message('Plans', 'First line\nSecond line\n', **more))
        self.items(phone)
        item, _ = self.find_item(phone, 'Plans')
        return item

    def marks(self, phone, item):
        self.items(phone)
        data = phone.items[phone.inbox][item]
        return data.get('Email2:LastVerbExecuted'), data.get('Email2:LastVerbExecutionTime')

    @in_versions('12.1', '14.0', '16.1')
    def test_a_reply_has_the_original_quoted(self, version):
        anna, ben = self.phone(version=version), self.phone()
        item = self.original(anna, message_id='<plans@example.test>', references='<a@x.test> <b@x.test>')
        self.send(anna, mime(ben.user, 'Re: Plans', 'Fine.\r\n'), 'SmartReply', item=item)
        got = self.only(ben)
        text = got.get_content()
        self.assertLess(text.index('Fine.'), text.index('-----Original Message-----'))
        for line in ('From: "Ben Example" <ben@example.test>', 'Subject: Plans', '> First line',
                     '> Second line'):
            self.assertIn(line, text)
        self.assertEqual(got['In-Reply-To'], '<plans@example.test>')
        self.assertEqual(got['References'].split(),
                         ['<a@x.test>', '<b@x.test>', '<plans@example.test>'])
        if anna.number() >= 140:
            verb, when = self.marks(anna, item)
            self.assertEqual(verb, REPLIED)
            self.assertTrue(when)

    @in_versions('12.1', '14.0', '16.1')
    def test_a_forward_has_the_original_attached(self, version):
        anna, ben = self.phone(version=version), self.phone()
        item = self.original(anna, html='<p>First line</p>',
                             attachments=[('notes.pdf', 'application/pdf', b'%PDF-1.4')])
        self.send(anna, mime(ben.user, 'Fwd: Plans', 'Look.\r\n'), 'SmartForward', item=item)
        got = self.only(ben)
        first, attached = got.iter_parts()
        self.assertEqual(first.get_content().strip(), 'Look.')
        self.assertEqual(attached.get_content_type(), 'message/rfc822')
        inner = attached.get_content()
        self.assertEqual(inner['Subject'], 'Plans')
        self.assertEqual([part.get_filename() for part in inner.iter_attachments()], ['notes.pdf'])
        if anna.number() >= 140:
            self.assertEqual(self.marks(anna, item)[0], FORWARDED)

    def test_a_phone_sees_both_texts_and_the_attachment(self):
        anna, ben = self.phone(), self.phone()
        item = self.original(anna)
        self.send(anna, mime(ben.user, 'Fwd: Plans', 'Look.\r\n'), 'SmartForward', item=item)
        data, = self.items(ben, kind=TEXT).values()
        self.assertEqual(data.get('AirSyncBase:Body/Data').strip(), 'Look.')
        attachment = data.find('AirSyncBase:Attachments/Attachment')
        self.assertEqual((attachment.get('DisplayName'), attachment.get('Method')), ('Plans.eml', '5'))

    def test_html_is_quoted_as_html(self):
        anna, ben = self.phone(), self.phone()
        item = self.original(anna, html='<html><body><p>First <b>line</b></p></body></html>')
        content = message('Re: Plans', 'Fine.\n', '<html><body><p>Fine.</p></body></html>', to=ben.user,
                          sender=anna.user)
        self.send(anna, content, 'SmartReply', item=item)
        got = self.only(ben)
        html = got.get_body(('html',)).get_content()
        self.assertLess(html.index('Fine.'), html.index('<p>First <b>line</b></p>'))
        self.assertLess(html.index('First'), html.index('</body>'))
        self.assertIn('> First line', got.get_body(('plain',)).get_content())
        data, = self.items(self.phone(ben.user), kind=HTML).values()
        self.assertIn('First <b>line</b>', data.get('AirSyncBase:Body/Data'))

    def test_replace_mime_leaves_the_original_out(self):
        anna, ben = self.phone(), self.phone()
        item = self.original(anna)
        for number, command in enumerate(SMART, 1):
            self.send(anna, mime(ben.user, command, 'All of it.\r\n'), command, item=item, replace=True)
            self.assertEqual(len(self.items(ben)), number)
        for got in self.received(ben):
            self.assertEqual(got.get_content().strip(), 'All of it.')
        self.assertEqual(self.marks(anna, item)[0], FORWARDED)

    def test_a_reply_to_all(self):
        anna, ben, eve = self.phone(), self.phone(), self.phone()
        item = self.original(anna, to=f'{anna.user}, {eve.user}', sender=ben.user)
        self.send(anna, mime(f'{ben.user}, {eve.user}', 'Re: Plans'), 'SmartReply', item=item)
        self.assertEqual(self.marks(anna, item)[0], REPLIED_ALL)

    def test_send_mail_that_says_what_it_answers(self):
        """Outlook never sends SmartReply."""
        for subject, verb in (('RE: Plans', REPLIED), ('FW: Plans', FORWARDED)):
            with self.subTest(subject):
                anna, ben = self.phone(), self.phone()
                item = self.original(anna, message_id=f'<{uuid.uuid4().hex}@example.test>')
                source, = self.received(anna)
                self.send(anna, mime(ben.user, subject, In_Reply_To=source['Message-ID']))
                self.assertEqual(self.marks(anna, item)[0], verb)

    def test_by_long_id(self):
        anna, ben = self.phone(), self.phone()
        item = self.original(anna)
        document = self.document('SmartReply', mime(ben.user), source=[E('LongId', item)])
        self.assertEqual(anna.command('SmartReply', document).body, b'')
        self.assertIn('> First line', self.only(ben).get_content())

    @in_versions('12.1', '14.0', '16.1')
    def test_an_original_that_is_not_there(self, version):
        anna, ben = self.phone(version=version), self.phone()
        item = self.original(anna)
        stranger = self.original(ben)
        self.assertEqual(item, stranger)  # the same id under another account is another message
        folder, epoch, uid = item.split(':')
        for name, other in (('no such uid', f'{folder}:{epoch}:999'), ('nonsense', 'x'),
                            ('no such folder', f'99:{epoch}:{uid}'),
                            ('of an earlier epoch', f'{folder}:77:{uid}')):
            for command in SMART:
                with self.subTest(name, command=command):
                    self.refused(anna, mime(ben.user, name), 150, 500, command, item=other)
        self.assertEqual(len(self.items(ben)), 1)

    def test_one_account_never_reaches_anothers_message(self):
        anna, ben = self.phone(), self.phone()
        item = self.original(anna)
        self.refused(ben, mime(ben.user), 150, 500, 'SmartForward', item=item)
        self.assertEqual(self.items(ben), {})

    def test_item_and_folder_must_agree(self):
        anna = self.phone()
        item = self.original(anna)
        document = self.document('SmartReply', mime(anna.user),
                                 source=[E('FolderId', anna.folder(SENT)), E('ItemId', item)])
        self.assertEqual(anna.command('SmartReply', document).status, '150')


class Sender(Send):
    @in_versions('12.1', '16.1')
    def test_somebody_elses_is_rewritten(self, version):
        anna, ben = self.phone(version=version), self.phone()
        self.send(anna, mime(ben.user, From='Boss <boss@example.test>', Sender='boss@example.test'))
        got = self.only(ben)
        self.assertIn(anna.user, got['From'])
        self.assertNotIn('boss', got.as_string())

    def test_or_refused(self):
        self.lab.sql("UPDATE easel.server SET sender_policy = 'refuse'")
        self.addCleanup(self.lab.sql, "UPDATE easel.server SET sender_policy = 'rewrite'")
        for version in ('12.1', '16.1'):
            anna, ben = self.phone(version=version), self.phone()
            self.refused(anna, mime(ben.user, From='boss@example.test'), 120, 500)
            self.refused(anna, mime(ben.user, From=f'{anna.user}, boss@example.test'), 120, 500)
            self.send(anna, mime(ben.user, From=f'Anna <{anna.user.upper()}>'))
            self.only(ben)

    def test_an_alias_is_ones_own(self):
        anna, ben = self.phone(), self.phone()
        alias = 'sales-' + anna.user
        self.lab.sql("SELECT easel.alias_create(:'user', :'alias')", user=anna.user, alias=alias)
        self.send(anna, mime(ben.user, From=f'Sales <{alias}>'))
        self.assertEqual(self.only(ben)['From'], f'Sales <{alias}>')
        self.send(ben, mime(alias))
        self.only(anna)


class BadInput(Send):
    @in_versions('12.1', '14.0', '16.1')
    def test_no_recipients(self, version):
        phone = self.phone(version=version)
        for content in (mime(''), mime(' '), mime('undisclosed-recipients:;'), mime('', Cc='')):
            self.refused(phone, content, 119, 500)

    @in_versions('12.1', '14.0', '16.1')
    def test_what_is_no_message(self, version):
        phone = self.phone(version=version)
        for content in (b'\x00\x01\x02', b'\r\n\r\nno header', b'\xff' * 1000, b'no colon here',
                        b'To: anna@example.test\0\r\n\r\nText'):
            self.refused(phone, content, 107, 400)

    def test_what_is_missing_in_the_document(self):
        phone = self.phone()
        for name, document, status in (
                ('ClientId', E('ComposeMail:SendMail', E('Mime', mime(phone.user))), '103'),
                ('Mime', E('ComposeMail:SendMail', E('ClientId', 'x')), '103'),
                ('Source', self.document('SmartReply', mime(phone.user)), '103'),
                ('ItemId', self.document('SmartReply', mime(phone.user),
                                         source=[E('FolderId', '1')]), '103'),
                ('InstanceId', self.document('SmartReply', mime(phone.user), source=[
                    E('FolderId', '1'), E('ItemId', '1:1:1'), E('InstanceId', 'now')]), '104'),
                ('AccountId', E('ComposeMail:SendMail', E('ClientId', 'x'), E('AccountId', 'y'),
                                E('Mime', mime(phone.user))), '166')):
            with self.subTest(name):
                command = document.name.partition(':')[2]
                self.assertEqual(phone.command(command, document).status, status)

    def test_raw_mime_where_a_document_belongs(self):
        phone = self.phone()
        answer = phone.read('SendMail', phone.post('SendMail', mime(phone.user)))
        self.assertEqual(answer.status, '102')

    def test_smart_commands_of_12_1_without_an_item(self):
        phone = self.phone(version='12.1')
        for command in SMART:
            self.assertEqual(phone.post(command, mime(phone.user)).code, 400)

    def test_a_body_past_the_limit(self):
        phone = self.phone()
        content = mime(phone.user) + b'x' * (65 << 20)
        answer = phone.post('SendMail', encode(self.document('SendMail', content)))
        self.assertEqual(answer.code, 413)

    def test_header_lines_can_not_be_smuggled_in(self):
        anna, ben = self.phone(), self.phone()
        self.send(anna, mime(ben.user, 'Hello', From='"x\r\n Bcc: eve@example.test" <boss@example.test>'))
        got = self.only(ben)
        self.assertIsNone(got['Bcc'])
        self.assertIn(anna.user, got['From'])

    def test_more_recipients_than_are_allowed(self):
        phone = self.phone()
        many = ', '.join(f'a{n}@example.test' for n in range(1001))
        self.refused(phone, mime(many), 115, 500)


@not_over_imap(LOCAL)
class Largest(Send):
    """A message of the largest size that a request may have, and what is made of it: memory is bounded by that size."""

    BODY, BESIDES = 8 << 20, 16 << 20

    @classmethod
    def setUpClass(cls):
        cls.lab = lab_module.Lab(workers=1, options=['--max-body', str(cls.BODY)])
        cls.addClassCleanup(cls.lab.close)

    def test_sent_replied_to_and_forwarded(self):
        anna, ben = self.phone(), self.phone()
        line = 'x' * 70 + '\r\n'
        text = line * (self.BODY // len(line) - 20)
        self.send(anna, mime(ben.user))
        rest = self.lab.worker_memory()
        _, more = self.highest(lambda: self.send(anna, mime(anna.user, 'Plans', text)))
        self.assertLess(more, 4 * self.BODY + self.BESIDES)
        anna.sync_all(anna.inbox, options=options(body(TEXT, 100)))
        item, _ = self.find_item(anna, 'Plans')
        for command, subject in (('SmartReply', 'Re'), ('SmartForward', 'Fw')):
            _, more = self.highest(lambda: self.send(anna, mime(ben.user, subject), command, item=item))
            self.assertLess(more, 4 * self.BODY + self.BESIDES, command)
        self.assertGreater(max(len(str(m)) for m in self.received(ben)), self.BODY * 0.9)
        # Both of the largest size: what comes of it is too large for a request, and that is said.
        answer, more = self.highest(lambda: self.submit(anna, 'SmartForward', mime(ben.user, 'Both', text), item=item))
        self.assertIn(answer.status, (None, '101'))
        self.assertLess(more, 8 * self.BODY + self.BESIDES)
        deadline = time.monotonic() + 10  # the answer comes before the end of the request
        while self.lab.worker_memory() - rest > self.BESIDES and time.monotonic() < deadline:
            time.sleep(0.02)
        self.assertLess(self.lab.worker_memory() - rest, self.BESIDES, 'it was not given back')


class HangsUp(Handler):
    """Knows no EHLO, and hangs up instead of saying that it has taken a message."""

    def reply(self, text):
        if text == '250 2.0.0 Taken':
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            super().reply('502 5.5.1 What?' if text.startswith('250-') else text)


class Remote(Send):
    """Mail to other sites, through a mail server of the tests'."""

    def setUp(self):
        self.server = SmtpServer()
        self.addCleanup(self.server.close)
        self.lab.sql("UPDATE easel.server SET smtp_url = :'url', smtp_tls = 'none'",
                     url=self.server.url)
        self.addCleanup(self.lab.sql, 'UPDATE easel.server SET smtp_url = NULL')
        self.addCleanup(self.lab.sql, 'DELETE FROM easel.queue')

    def retry(self):
        self.lab.sql('SELECT easel.queue_retry()')
        self.queue()

    def test_accepted(self):
        anna, ben = self.phone(), self.phone()
        text = 'Line\r\n.\r\n..two dots\r\nGrüße\r\n'
        self.send(anna, mime(f'Carl <carl@else.test>, {ben.user}', text=text, Bcc='dora@else.test'))
        self.only(ben)
        self.assertEqual([row[:2] for row in self.rows(anna)],
                         [['carl@else.test', 'waiting'], ['dora@else.test', 'waiting']])
        self.queue()
        (sender, recipients, data), = self.server.messages
        self.assertEqual((sender, sorted(recipients)), (anna.user, ['carl@else.test', 'dora@else.test']))
        got = email.message_from_bytes(data, policy=email.policy.default)
        self.assertNotIn('Bcc', got)
        self.assertEqual(got.get_content().replace('\n', '\r\n').replace('\r\r', '\r'), text)
        self.assertEqual(self.rows(anna), [])

    def test_refused_for_now_and_then_accepted(self):
        anna = self.phone()
        self.server.replies['carl@else.test'] = ['451 4.3.0 Later']
        self.send(anna, mime('carl@else.test, dora@else.test'))
        self.queue()
        self.assertEqual([r for _, r, _ in self.server.messages], [['dora@else.test']])
        self.assertEqual([row[:2] for row in self.rows(anna)], [
            ['carl@else.test', 'waiting'], ['dora@else.test', 'sent']])
        self.server.replies['carl@else.test'] = ['250 Ok']
        self.retry()
        self.assertEqual(sorted(r for _, recipients, _ in self.server.messages for r in recipients),
                         ['carl@else.test', 'dora@else.test'])
        self.assertEqual(self.received(anna), [])
        self.assertEqual(self.rows(anna), [])

    def test_it_waits_before_it_is_tried_again(self):
        anna = self.phone()
        self.server.replies['carl@else.test'] = ['451 4.3.0 Greylisted']
        self.send(anna, mime('carl@else.test'))
        self.queue()
        self.queue()
        self.assertEqual(self.server.asked, ['carl@else.test'])
        self.assertEqual(self.rows(anna), [['carl@else.test', 'waiting', '1', '451 4.3.0 Greylisted']])
        self.retry()
        self.assertEqual(self.server.asked, ['carl@else.test'] * 2)

    def test_refused_for_good_comes_back(self):
        anna = self.phone()
        self.server.replies['carl@else.test'] = ['550 5.1.1 No such user']
        self.send(anna, mime('carl@else.test, dora@else.test', 'Plans'))
        self.queue()
        self.queue()
        self.assertEqual([r for _, r, _ in self.server.messages], [['dora@else.test']])
        bounce = self.only(anna)
        self.assertEqual(bounce['Subject'], 'Undelivered: Plans')
        self.assertEqual(bounce.get_content_type(), 'multipart/report')
        text = bounce.get_body(('plain',)).get_content()
        self.assertIn('carl@else.test', text)
        self.assertIn('550 5.1.1 No such user', text)
        self.assertNotIn('dora', text)
        self.assertEqual(self.rows(anna), [])

    def test_given_up_after_its_time(self):
        anna = self.phone()
        self.server.replies['carl@else.test'] = ['451 4.3.0 Later']
        self.send(anna, mime('carl@else.test'))
        self.queue()
        self.lab.sql("UPDATE easel.queue SET queued_at = now() - interval '73 hours'")
        self.retry()
        self.assertIn('451 4.3.0 Later', self.only(anna).get_body(('plain',)).get_content())
        self.assertEqual(self.rows(anna), [])

    def test_what_may_have_been_taken_is_not_sent_again_at_once(self):
        anna, server = self.phone(), SmtpServer(handler=HangsUp)
        self.addCleanup(server.close)
        self.lab.sql("UPDATE easel.server SET smtp_url = :'url'", url=server.url)
        self.send(anna, mime('carl@else.test, dora@else.test'))
        self.queue()
        self.assertEqual([sorted(r) for _, r, _ in server.messages], [['carl@else.test', 'dora@else.test']])
        self.assertEqual([row[1] for row in self.rows(anna)], ['waiting', 'waiting'])

    def test_no_server_there(self):
        anna = self.phone()
        self.server.close()
        self.send(anna, mime('carl@else.test'))
        self.queue()
        (_, state, attempts, error), = self.rows(anna)
        self.assertEqual((state, attempts), ('waiting', '1'))
        self.assertTrue(error)

    def test_no_server_configured(self):
        anna = self.phone()
        self.lab.sql('UPDATE easel.server SET smtp_url = NULL')
        self.send(anna, mime('carl@else.test'))
        self.queue()
        self.assertIn('no mail server is configured', self.rows(anna)[0][3])

    def test_the_domains_own_server(self):
        anna = self.phone()
        own = SmtpServer()
        self.addCleanup(own.close)
        self.addCleanup(self.lab.sql, 'UPDATE easel.domain SET smtp_url = NULL')
        self.lab.sql("UPDATE easel.domain SET smtp_url = :'url', smtp_tls = 'none'", url=own.url)
        self.send(anna, mime('carl@else.test'))
        self.queue()
        self.assertEqual((len(own.messages), len(self.server.messages)), (1, 0))

    def test_nobody_here_and_no_address_at_all(self):
        anna = self.phone()
        self.send(anna, mime('nobody@example.test, carl'))
        self.queue()
        text = self.only(anna).get_body(('plain',)).get_content()
        self.assertIn('nobody@example.test', text)
        self.assertIn('no mail address', text)
        self.assertEqual(self.server.asked, [])

    def test_a_server_that_wants_tls_is_not_trusted_without(self):
        anna = self.phone()
        self.lab.sql("UPDATE easel.server SET smtp_tls = 'required'")
        self.send(anna, mime('carl@else.test'))
        self.queue()
        self.assertEqual(self.server.messages, [])
        self.assertEqual(self.rows(anna)[0][1], 'waiting')

    def test_a_lease_that_ended_is_taken_again(self):
        """Whoever took the message has died: it is not lost."""
        anna = self.phone()
        self.send(anna, mime('carl@else.test'))
        self.lab.sql("UPDATE easel.queue_recipient SET attempts = 1, next_try = now() + interval '9 min'")
        self.queue()
        self.assertEqual(self.server.messages, [])
        self.lab.sql("UPDATE easel.queue_recipient SET next_try = now() - interval '1 s'")
        self.queue()
        self.assertEqual(len(self.server.messages), 1)

    def test_one_that_keeps_running_is_woken(self):
        anna = self.phone()
        runner = subprocess.Popen([str(self.lab.build / 'easel-queue'), '--database',
                                   self.lab.postgres.conninfo], stderr=subprocess.DEVNULL)
        try:
            for number in range(3):
                self.send(anna, mime('carl@else.test', f'{number}'))
                deadline = time.monotonic() + 10
                while len(self.server.messages) <= number and time.monotonic() < deadline:
                    time.sleep(0.01)
                self.assertEqual(len(self.server.messages), number + 1)
        finally:
            runner.terminate()
            self.assertEqual(runner.wait(10), 0)


class ByItself(Send):
    """Workers deliver what is in the queue; nobody runs easel-queue."""

    @classmethod
    def setUpClass(cls):
        cls.lab = lab_module.Lab(workers=1)
        cls.addClassCleanup(cls.lab.close)
        cls.server = SmtpServer(handler=Holding)
        cls.addClassCleanup(cls.server.close)
        cls.lab.sql("UPDATE easel.server SET queue_workers = 1, smtp_url = :'url', smtp_tls = 'none'",
                    url=cls.server.url)

    def setUp(self):
        self.server.replies.clear()
        self.server.messages.clear()
        self.server.asked.clear()
        self.server.held, self.server.go_on = None, threading.Event()

    def wait_for(self, condition, what):
        deadline = time.monotonic() + 20
        while not condition():
            self.assertLess(time.monotonic(), deadline, what)
            time.sleep(0.01)

    def lease_ends(self):
        self.lab.sql("UPDATE easel.queue_recipient SET next_try = now()")

    def test_what_is_sent_goes_out(self):
        anna, ben = self.phone(), self.phone()
        self.send(anna, mime(f'carl@else.test, {ben.user}'))
        self.wait_for(lambda: self.server.messages, 'nothing came')
        self.wait_for(lambda: not self.rows(anna), 'it is still in the queue')
        self.only(ben)

    def test_the_schedule(self):
        anna = self.phone()
        self.lab.sql("UPDATE easel.server SET send_retries = '{1 s, 1 hour}'")
        self.server.replies['carl@else.test'] = ['451 4.3.0 Later']
        self.send(anna, mime('carl@else.test'))
        self.wait_for(lambda: self.rows(anna)[0][2:] == ['2', '451 4.3.0 Later'] and self.lab.sql(
            "SELECT 1 FROM easel.queue_recipient WHERE next_try > now() + interval '50 min'"),
            'it was not tried twice')
        self.server.replies.clear()
        self.lab.sql('SELECT easel.queue_retry()')
        self.wait_for(lambda: not self.rows(anna), 'it was not tried at once')
        self.assertEqual(len(self.server.messages), 1)

    def test_refused_for_good(self):
        """The request was accepted, so the client has nothing to repeat, and the user is told."""
        anna = self.phone()
        self.server.replies['carl@else.test'] = ['550 5.1.1 No such user']
        self.send(anna, mime('carl@else.test', 'Plans'), client_id='one')
        self.wait_for(lambda: self.items(anna), 'nobody was told')
        self.assertEqual(self.only(anna)['Subject'], 'Undelivered: Plans')
        again = self.submit(anna, 'SendMail', mime('carl@else.test', 'Plans'), client_id='one')
        self.assertEqual((again.code, again.status), (200, '118'))
        self.assertEqual(self.server.asked, ['carl@else.test'])

    def test_a_mailbox_that_can_not_take_it(self):
        """What no mailbox can read is tried as long as the rest, then the sender is told."""
        anna = self.phone()
        self.server.replies['carl@else.test'] = ['451 4.3.0 Later']
        self.send(anna, mime('carl@else.test, dora@else.test'))
        self.wait_for(lambda: self.server.messages, 'nothing came')
        self.wait_for(lambda: [row[1] for row in self.rows(anna)] == ['waiting', 'sent'], 'wrong states')
        self.lab.sql("UPDATE easel.queue SET data = '', queued_at = now() - interval '4 days'")
        self.lab.sql("UPDATE easel.queue_recipient SET address = :'user' WHERE state = 'waiting'",
                     user=anna.user)
        self.lease_ends()
        self.wait_for(lambda: not self.rows(anna), 'it is still there')
        self.assertIn('the message is empty', self.only(anna).get_body(('plain',)).get_content())

    def test_a_worker_that_was_killed_while_it_sent(self):
        anna = self.phone()
        self.server.held = 'DATA'
        self.send(anna, mime('carl@else.test'))
        self.wait_for(lambda: self.server.held is None, 'it never came so far')
        self.lab.worker_kill()
        self.server.go_on.set()
        self.lab.workers[0].start()
        self.assertEqual([row[1:3] for row in self.rows(anna)], [['waiting', '1']])
        self.lease_ends()
        self.wait_for(lambda: not self.rows(anna), 'it was not sent again')
        self.assertEqual(len(self.server.messages), 1)

    def test_a_stop_does_not_wait_for_a_mail_server(self):
        anna = self.phone()
        self.server.held = 'RCPT'
        self.send(anna, mime('carl@else.test'))
        self.wait_for(lambda: self.server.held is None, 'it never came so far')
        self.assertEqual(self.lab.worker_restart(), 0)
        self.server.go_on.set()
        self.lab.sql('SELECT easel.queue_retry()')
        self.wait_for(lambda: not self.rows(anna), 'it was not sent again')
        self.assertEqual(len(self.server.messages), 1)


class Holding(Handler):
    """Stops at a command (server.held) until it is told to go on."""

    def hold(self, verb):
        if self.server.held == verb:
            self.server.held = None
            self.server.go_on.wait(60)

    def take_recipient(self, address, recipients):
        self.hold('RCPT')
        super().take_recipient(address, recipients)

    def take_message(self, sender, recipients):
        self.hold('DATA')
        super().take_message(sender, recipients)
