"""Settings: what a device tells about itself (MS-ASCMD 2.2.1.18)."""

import base64
import email
import email.policy
import time

from common import WireTest, in_versions, message
from phone import TEXT, VERSIONS, body, options
from wbxml import E


class DeviceInformation(WireTest):
    def stored(self, phone):
        return self.lab.sql("SELECT model, imei, friendly_name, os, os_language, phone_number"
                            " FROM easel.device WHERE device_id = :'d'", d=phone.device_id)[0]

    @in_versions(*VERSIONS[1:])
    def test_it_is_kept(self, version):
        phone = self.phone(version=version)
        answer = phone.send_device_information()
        self.assertEqual((answer.status, answer.root.get('DeviceInformation/Status')),
                         ('1', '1'))
        self.assertEqual(self.stored(phone), ['Wire Test', '490154203237518', 'Test phone',
                                              'Test 1', 'English', '+15550100'])

    def test_only_some_of_it(self):
        phone = self.phone()
        answer = phone.command('Settings', E('Settings:Settings', E('DeviceInformation', E(
            'Set', E('Model', 'Other model'), E('OS', 'Größe 9')))))
        self.assertEqual(answer.root.get('DeviceInformation/Status'), '1')
        self.assertEqual((self.stored(phone)[0], self.stored(phone)[3]),
                         ('Other model', 'Größe 9'))

    def test_long_and_odd_values_do_no_harm(self):
        phone = self.phone()
        answer = phone.command('Settings', E('Settings:Settings', E('DeviceInformation', E(
            'Set', E('Model', 'x' * 5000), E('FriendlyName', "'; DROP TABLE x; --")))))
        self.assertIn(answer.root.get('DeviceInformation/Status'), ('1', '2', '5'))
        self.assertEqual(phone.folder_sync().status, '1')

    @in_versions('12.1', '16.1')
    def test_nothing_to_set_is_refused(self, version):
        """Status 2 (protocol error) or 5 (invalid arguments), of the property or the request."""
        phone = self.phone(version=version)
        for document in (E('Settings:Settings', E('DeviceInformation')),
                         E('Settings:Settings')):
            answer = phone.command('Settings', document)
            statuses = {answer.status, answer.root.get('DeviceInformation/Status')}
            self.assertTrue(statuses & {'2', '5'}, answer)


def oof_set(*content):
    return E('Settings:Oof', E('Set', list(content)))


def oof_message(audience, enabled, text=None, kind='Text'):
    return E('OofMessage', E('AppliesTo' + audience), E('Enabled', enabled),
             text is not None and E('ReplyMessage', text) or None,
             text is not None and E('BodyType', kind) or None)


class OutOfOffice(WireTest):
    AWAY = (E('OofState', 1), oof_message('Internal', 1, 'Away, inside.'),
            oof_message('ExternalUnknown', 1, '<b>Away</b>, outside.', 'HTML'))

    def ask(self, phone, *properties):
        return phone.command('Settings', E('Settings:Settings', list(properties))).root

    def get(self, phone):
        return self.ask(phone, E('Settings:Oof', E('Get', E('BodyType', 'Text')))).find('Oof/Get')

    def replies(self, phone):
        phone.sync_all(phone.inbox, options=options(body(TEXT)))
        return [d for d in phone.items[phone.inbox].values()
                if d.get('Email:Subject', '').startswith('Auto: ')]

    @in_versions('12.0', '16.1')
    def test_set_and_get(self, version):
        phone = self.phone(version=version)
        self.assertEqual(self.get(phone).get('OofState'), '0')
        root = self.ask(phone, oof_set(
            E('OofState', 2), E('StartTime', '2026-12-01T00:00:00.000Z'),
            E('EndTime', '2026-12-09T00:00:00.000Z'), oof_message('Internal', 1, 'Grüße'),
            oof_message('ExternalKnown', 0)))
        self.assertEqual((root.get('Status'), root.get('Oof/Status')), ('1', '1'))
        found = self.get(phone)
        self.assertEqual([found.get(n) for n in ('OofState', 'StartTime', 'EndTime')],
                         ['2', '2026-12-01T00:00:00.000Z', '2026-12-09T00:00:00.000Z'])
        self.assertEqual([[c.name.partition(':')[2] for c in m.children]
                          for m in found.all('OofMessage')],
                         [['AppliesToInternal', 'Enabled', 'ReplyMessage', 'BodyType'],
                          ['AppliesToExternalKnown', 'Enabled'],
                          ['AppliesToExternalUnknown', 'Enabled']])
        self.assertEqual(found.get('OofMessage/ReplyMessage'), 'Grüße')

    def test_refusals(self):
        phone = self.phone()
        start, end = E('StartTime', '2026-12-01T00:00:00Z'), E('EndTime', '2026-12-02T00:00:00Z')
        for status, content in (
                ('5', [E('OofState', 3)]), ('2', [E('OofState', 2), start]),
                ('5', [E('OofState', 2)]),
                ('5', [E('OofState', 2), E('StartTime', '2026-12-03T00:00:00Z'), end]),
                ('2', [oof_message('Internal', 1), oof_message('Internal', 0)]),
                ('2', [E('OofMessage', E('Enabled', 1))]),
                ('5', [oof_message('Internal', 7)]),
                ('5', [oof_message('Internal', 1, 'x' * 70000)]),
                ('5', [oof_message('Internal', 1, 'x', 'RTF')])):
            with self.subTest(status, content=content):
                self.assertEqual(self.ask(phone, oof_set(*content)).get('Oof/Status'), status)
        self.assertEqual(self.ask(phone, E('Settings:Oof', E('Get'))).get('Oof/Status'), '2')
        self.assertEqual(self.ask(phone, E('Settings:Oof')).get('Oof/Status'), '2')
        # Times without the state that needs them are passed over.
        self.assertEqual(self.ask(phone, oof_set(E('OofState', 1), start, end)).get('Oof/Status'),
                         '1')

    def test_each_sender_is_answered_once(self):
        phone, other = self.phone(), self.phone()
        self.ask(phone, oof_set(*self.AWAY))
        for _ in range(2):
            self.lab.deliver(phone.user, message('Hello', sender=other.user, to=phone.user))
        self.lab.run('easel-queue', '--once')
        reply, = self.replies(other)
        self.assertEqual(reply.get('Email:Subject'), 'Auto: Hello')
        self.assertIn(phone.user, reply.get('Email:From'))
        self.assertIn('Away, inside.', reply.get('AirSyncBase:Body/Data'))
        self.ask(phone, oof_set(*self.AWAY))
        self.lab.deliver(phone.user, message('Again', sender=other.user, to=phone.user))
        self.lab.run('easel-queue', '--once')
        self.assertEqual(len(self.replies(other)), 2)

    def answers(self, phone):
        """(recipient, text) of the answers that wait in the queue."""
        rows = self.lab.sql("SELECT r.address, encode(q.data, 'base64') FROM easel.queue q JOIN easel.queue_recipient r"
                            " ON r.account_id = q.account_id AND r.queue_id = q.id"
                            " WHERE q.account_id = easel.account_of(:'a') AND q.sender = '' ORDER BY q.id", a=phone.user)
        return [(to, email.message_from_bytes(base64.b64decode(data), policy=email.policy.default).get_content().strip())
                for to, data in rows]

    def test_to_whom_what_is_said(self):
        """Who has an address of the account's domain, whom the user knows, and everybody else: each his own text."""
        phone = self.phone()
        folder = phone.folder(9)
        phone.sync_all(folder)
        phone.sync(folder, commands=[E('Add', E('ClientId', 'c1'), E('ApplicationData', E('Contacts:FileAs', 'Carl'), E(
            'Contacts:Email1Address', '"Carl" <carl@else.test>')))])
        self.ask(phone, oof_set(E('OofState', 1), *[oof_message(audience, 1, audience) for audience in (
            'Internal', 'ExternalKnown', 'ExternalUnknown')]))
        people = ('ben@example.test', 'carl@else.test', 'dora@else.test')
        for sender in people * 2:
            self.lab.deliver(phone.user, message('Hello', sender=sender, to=phone.user))
        self.assertEqual(self.answers(phone), list(zip(people, ('Internal', 'ExternalKnown', 'ExternalUnknown'))))
        # Who has no text of his own hears nothing.
        self.ask(phone, oof_set(E('OofState', 1), oof_message('ExternalUnknown', 0)))
        self.lab.sql('DELETE FROM easel.queue')
        for sender in people:
            self.lab.deliver(phone.user, message('Hello', sender=sender, to=phone.user))
        self.assertEqual([to for to, _ in self.answers(phone)], list(people[:2]))
        self.lab.sql('DELETE FROM easel.queue')

    def test_only_in_its_time(self):
        phone = self.phone()
        for number, (start, end, count) in enumerate(((-20, -10, 0), (10, 20, 0), (-10, 10, 1))):
            times = [time.strftime('%Y-%m-%dT%H:%M:%S.000Z', time.gmtime(time.time() + 60 * m)) for m in (start, end)]
            self.ask(phone, oof_set(E('OofState', 2), E('StartTime', times[0]), E('EndTime', times[1]),
                                    oof_message('ExternalUnknown', 1, 'Away')))
            self.lab.deliver(phone.user, message('Hello', sender=f'dora{number}@else.test', to=phone.user))
            self.assertEqual(len(self.answers(phone)), count, (start, end))
        self.lab.sql('DELETE FROM easel.queue')

    def test_who_is_not_answered(self):
        phone, other = self.phone(), self.phone()
        self.ask(phone, oof_set(*self.AWAY))
        for more in ({'auto_submitted': 'auto-replied'}, {'precedence': 'list'},
                     {'list_id': '<x.example.test>'}, {'to': 'list@example.test'},
                     {'x_auto_response_suppress': 'OOF'}):
            self.lab.deliver(phone.user, message('No', sender=other.user,
                                                 **{'to': phone.user, **more}))
        self.lab.deliver(phone.user, b'Return-Path: <>\r\n' + message(
            'Bounce', sender=other.user, to=phone.user))
        self.lab.deliver(phone.user, message('Own', sender=phone.user, to=phone.user))
        self.lab.deliver(phone.user, message('Elsewhere', sender=other.user, to=phone.user), 'junk')
        self.ask(phone, oof_set(E('OofState', 0)))
        self.lab.deliver(phone.user, message('Back', sender=other.user, to=phone.user))
        self.assertEqual(self.lab.sql("SELECT count(*) FROM easel.queue q JOIN easel.account a"
                                      " ON a.id = q.account_id WHERE a.address = :'a'",
                                      a=phone.user), [['0']])


class Others(WireTest):
    def ask(self, phone, node):
        return phone.command('Settings', E('Settings:Settings', node)).root

    @in_versions('12.0', '14.0', '14.1', '16.1')
    def test_user_information(self, version):
        phone = self.phone(version=version)
        self.lab.sql("SELECT easel.alias_create(:'a', 'alias-' || :'a')", a=phone.user)
        root = self.ask(phone, E('Settings:UserInformation', E('Get')))
        where = root.find('UserInformation/Get' + ('/Accounts/Account' if float(version) >= 14.1
                                                   else ''))
        self.assertEqual([a.text for a in where.all('EmailAddresses/SMTPAddress')],
                         [phone.user, 'alias-' + phone.user])
        if float(version) >= 14.1:
            self.assertEqual(where.get('EmailAddresses/PrimarySmtpAddress'), phone.user)

    def test_the_recovery_password(self):
        """Status 7 where the policy does not let it; kept so that only the key opens it."""
        phone = self.phone()
        password = E('Settings:DevicePassword', E('Set', E('Password', 'sEcret-4711')))
        self.assertEqual(self.ask(phone, password).get('DevicePassword/Status'), '7')
        self.lab.sql("INSERT INTO easel.policy (level, account_id, enforced, password_required,"
                     " password_recovery) SELECT 'user', id, true, true, true"
                     " FROM easel.account WHERE address = :'a'",
                     a=phone.user)
        phone.provision()
        self.assertEqual(self.ask(phone, password).get('DevicePassword/Status'), '1')
        (sealed,), = self.lab.sql("SELECT encode(sealed, 'hex') FROM easel.device_password p"
                                  " JOIN easel.device d ON d.id = p.device"
                                  " WHERE d.device_id = :'d'", d=phone.device_id)
        self.assertNotIn(b'4711'.hex(), sealed)
        self.assertEqual(self.lab.run('easel-passwd', '--key-file', self.lab.workers[0].folder / 'key', '--recover',
                                      phone.device_id, phone.user).strip(), 'sEcret-4711')
        long = E('Settings:DevicePassword', E('Set', E('Password', 'x' * 256)))
        self.assertEqual(self.ask(phone, long).get('DevicePassword/Status'), '5')
        empty = E('Settings:DevicePassword', E('Set', E('Password')))
        self.assertEqual(self.ask(phone, empty).get('DevicePassword/Status'), '1')
        self.assertEqual(self.lab.sql("SELECT count(*) FROM easel.device_password p JOIN"
                                      " easel.device d ON d.id = p.device WHERE d.device_id = :'d'",
                                      d=phone.device_id), [['0']])
