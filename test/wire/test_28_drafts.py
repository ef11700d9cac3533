"""Drafts written on a phone (16.x): kept, edited, with attachments, sent; and drafts that others write."""

import unittest

from common import LOCAL, message, not_over_imap, WireTest
from phone import body, delete, options
from wbxml import E

DRAFTS, SENT = 3, 5


def draft(subject, text='Hello', **more):
    """A draft's elements; addresses by the elements' names."""
    return [E('Email:' + name, value) for name, value in more.items()] + [
        E('Email:Subject', subject), E('AirSyncBase:Body', E('Type', 1), E('Data', text))]


def attach(client_id, name, content):
    return E('AirSyncBase:Add', E('ClientId', client_id), E('Content', content), E('DisplayName', name),
             E('Method', 1), E('ContentType', 'text/csv'))


class Drafts(WireTest):

    def setUp(self):
        self.one = self.phone()
        self.other = self.phone(self.one.user)
        self.folder = self.one.folder(DRAFTS)
        for phone in (self.one, self.other):
            phone.sync_all(self.folder, options=options(body(1)))

    def run_command(self, command):
        """One command; its collection, and the response's Status and ServerId."""
        answer = self.one.sync_raw(self.one.collection(self.folder, commands=[command], options=options(body(1))))
        for added in answer.root.all('Collections/Collection/Responses/Add'):
            if added.get('Status') == '1':
                self.one.items[self.folder][added.get('ServerId')] = E('ApplicationData')
        collection = self.one.take(answer, self.folder, [command])
        responses = collection.find('Responses')
        response = responses.children[0] if responses else E('none')
        return collection, response.get('Status'), response.get('ServerId')

    def add(self, *data, client_id='d1', send=False):
        collection, status, item = self.run_command(
            E('Add', E('ClientId', client_id), E('ApplicationData', list(data)), send and E('Email2:Send') or None))
        self.assertEqual(status, '1')
        return collection, item

    def change(self, item, *data, send=False):
        return self.run_command(E('Change', E('ServerId', item), E('ApplicationData', list(data)),
                                  send and E('Email2:Send') or None))

    def seen(self):
        """The drafts as the other phone has them."""
        return self.other.sync_all(self.folder, options=options(body(1)))

    @not_over_imap('an edited draft is another message on an IMAP server')
    def test_a_draft_comes_to_the_others_and_is_edited(self):
        _, item = self.add(*draft('Plans', To='Ben <ben@example.test>', Cc='eve@example.test'),
                           E('Email2:Bcc', 'carl@example.test'))
        data = self.seen()[item]
        self.assertEqual(data.get('Email:Subject'), 'Plans')
        self.assertEqual(data.get('Email2:IsDraft'), '1')
        self.assertIn('ben@example.test', data.get('Email:To'))
        self.assertIn('carl@example.test', data.get('Email2:Bcc'))
        self.assertEqual(data.get('AirSyncBase:Body/Data').strip(), 'Hello')
        _, status, _ = self.change(item, *draft('New plans', 'Good day – at last'))
        self.assertIsNone(status, 'success is not told')
        data = self.seen()[item]
        self.assertEqual(data.get('Email:Subject'), 'New plans')
        self.assertEqual(data.get('AirSyncBase:Body/Data').strip(), 'Good day – at last')
        self.assertIn('eve@example.test', data.get('Email:Cc'), 'what was left out stays')
        self.assertIsNone(self.one.sync(self.folder), 'its own edit is not told to the phone')
        self.change(item, E('Email:Subject', 'Again'), E('AirSyncBase:Body', E('Type', 1), E('Truncated', 1)))
        self.assertEqual(self.seen()[item].get('AirSyncBase:Body/Data').strip(), 'Good day – at last',
                         'of a text that was cut nothing is lost')
        self.run_command(delete(item))
        self.assertEqual(self.seen(), {})

    def edit(self, item, subject):
        return E('Change', E('ServerId', item), E('ApplicationData', *draft(subject)))

    def subjects(self, phone):
        drafts = phone.sync_all(self.folder, options=options(body(1)))
        return [data.get('Email:Subject') for data in drafts.values()]

    def test_replaced_by_another_phone_meanwhile(self):
        """On an IMAP server it is another message then."""
        _, item = self.add(*draft('First'))
        self.assertIn(item, self.seen())
        self.other.sync(self.folder, commands=[self.edit(item, 'Theirs')], options=options(body(1)))
        _, status, _ = self.run_command(self.edit(item, 'Mine'))
        self.assertIn(status, ('7', '8'))
        self.assertEqual([self.subjects(phone) for phone in (self.one, self.other)], [['Theirs'], ['Theirs']])

    def test_edited_again_before_any_answer_comes(self):
        _, item = self.add(*draft('First'))
        for subject in ('Second', 'Second', 'Third'):
            self.one.sync_raw(self.one.collection(self.folder, commands=[self.edit(item, subject)]))
        self.one.sync(self.folder, commands=[self.edit(item, 'Third')])
        self.assertEqual([self.subjects(phone) for phone in (self.one, self.other)], [['Third'], ['Third']])

    @not_over_imap('an edited draft is another message on an IMAP server')
    def test_attachments_come_and_go(self):
        collection, item = self.add(*draft('With'), E('AirSyncBase:Attachments', attach('a1', 'one.csv', b'1,2'),
                                                      attach('a2', 'two.csv', b'\x00\x01')))
        told = collection.all('Responses/Add/ApplicationData/AirSyncBase:Attachments/Attachment')
        self.assertEqual([a.get('ClientId') for a in told], ['a1', 'a2'])
        self.assertTrue(collection.has('Responses/Add/ApplicationData/Email2:ConversationId'))
        two = self.one.fetch_attachment(told[1].get('FileReference'), multipart=True)
        self.assertEqual(two.parts, [b'\x00\x01'])
        collection, status, _ = self.change(item, E('AirSyncBase:Attachments',
            E('AirSyncBase:Delete', E('FileReference', told[0].get('FileReference'))), attach('a3', 'three.csv', b'3')))
        self.assertEqual(status, '1')
        told = collection.all('Responses/Change/ApplicationData/AirSyncBase:Attachments/Attachment')
        self.assertEqual([a.get('ClientId') for a in told], ['a3'])
        data = self.seen()[item]
        self.assertEqual([a.get('DisplayName') for a in data.all('AirSyncBase:Attachments/Attachment')],
                         ['two.csv', 'three.csv'])
        self.assertEqual(data.get('AirSyncBase:Body/Data').strip(), 'Hello', 'the text stays')
        for bad in (E('AirSyncBase:Delete', E('FileReference', item + ':9')),
                    E('AirSyncBase:Add', E('ClientId', 'a4'), E('DisplayName', 'x'), E('Method', 1))):
            _, status, _ = self.change(item, E('AirSyncBase:Attachments', bad))
            self.assertIn(status, ('6', '8'))

    @not_over_imap(LOCAL)
    def test_it_is_sent_once(self):
        ben = self.phone(self.account('ben'))
        _, item = self.add(*draft('To be sent', To=ben.user), E('Email2:Bcc', self.one.user))
        command = E('Change', E('ServerId', item), E('ApplicationData', *draft('Sent', To=ben.user)), E('Email2:Send'))
        for _ in range(2):  # the first answer is lost
            self.one.sync_raw(self.one.collection(self.folder, commands=[command]))
        collection = self.one.sync(self.folder, commands=[command])
        self.assertEqual([c.get('ServerId') for c in collection.all('Commands/Delete')], [item])
        self.assertEqual(self.seen(), {})
        received = list(ben.sync_all(ben.inbox).values())
        self.assertEqual([data.get('Email:Subject') for data in received], ['Sent'])
        self.assertEqual(len(self.one.sync_all(self.one.folder(SENT))), 1)

    @not_over_imap(LOCAL)
    def test_what_is_sent_elsewhere_meanwhile_is_not_sent_again(self):
        ben = self.phone(self.account('ben'))
        _, item = self.add(*draft('Once', To=ben.user))
        request = self.one.collection(self.folder, commands=[
            E('Change', E('ServerId', item), E('ApplicationData', *draft('Once', To=ben.user)), E('Email2:Send'))])
        gone = self.holding('DELETE FROM easel.item WHERE flags & 16 <> 0 AND account_id = '
                            f"easel.account_of('{self.one.user}')")
        send = self.later(lambda: self.one.command('Sync', self.one.sync_request(request), expect=None))
        self.until('SELECT FROM pg_locks WHERE NOT granted')
        gone.communicate(b'COMMIT;\n')
        self.assertEqual(send.result().code, 503)
        answer = self.one.sync_raw(request)
        self.assertEqual(answer.root.get('Collections/Collection/Responses/Change/Status'), '8')
        self.assertEqual(ben.sync_all(ben.inbox), {})

    @not_over_imap(LOCAL)
    def test_it_is_sent_at_once(self):
        ben = self.phone(self.account('ben'))
        self.add(*draft('At once', To=ben.user), send=True)
        self.assertEqual(self.seen(), {})
        self.assertEqual([d.get('Email:Subject') for d in ben.sync_all(ben.inbox).values()], ['At once'])
        _, status, _ = self.run_command(E('Add', E('ClientId', 'd2'), E('ApplicationData', *draft('To nobody')),
                                          E('Email2:Send')))
        self.assertEqual(status, '6')

    @not_over_imap('an edited draft is another message on an IMAP server')
    def test_as_mime(self):
        raw = 'From: x@example.test\r\nSubject: Raw\r\nX-Kept: yes\r\n\r\nText'
        _, item = self.add(E('AirSyncBase:Body', E('Type', 4), E('Data', raw)))
        self.assertEqual(self.seen()[item].get('Email:Subject'), 'Raw')
        self.change(item, E('Email:Subject', 'Edited'))
        mime = self.one.fetch_item(self.folder, item, E('AirSync:MIMESupport', 2), body(4)).root
        self.assertIn('X-Kept: yes', mime.get('Response/Fetch/Properties/AirSyncBase:Body/Data'))

    def test_only_in_drafts_and_only_later(self):
        inbox = self.one.inbox
        self.one.sync_all(inbox)
        command = E('Add', E('ClientId', 'd1'), E('ApplicationData', *draft('x')))
        collection = self.one.sync(inbox, commands=[command])
        self.assertEqual(collection.get('Responses/Add/Status'), '6')
        old = self.phone(self.one.user, '14.1')
        old.sync_all(self.folder)
        collection = old.sync(self.folder, commands=[E('Add', E('ClientId', 'd1'),
                                                       E('ApplicationData', E('Email:Subject', 'x')))])
        self.assertEqual(collection.get('Responses/Add/Status'), '6')


if __name__ == '__main__':
    unittest.main()
