"""What policy and settings cap, whatever the phone asks: look-back, sizes, HTML, attachments."""

from common import BY_SQL, WireTest, in_versions, message, not_over_imap, samples
from phone import HTML, MIME, TEXT, body, options
from wbxml import E

SAMPLES = dict(samples())
LONG = 'x' * 5000


class CapsTest(WireTest):
    def capped(self, version='16.1', **caps):
        """A phone of an account with these columns of its policy."""
        phone = self.new_phone(self.account(), version)
        names, values = ', '.join(caps), ', '.join(str(v) for v in caps.values())
        self.lab.sql(f"INSERT INTO easel.policy (level, account_id, enforced, {names})"
                     f" SELECT 'user', id, true, {values} FROM easel.account WHERE address = :'a'",
                     a=phone.user)
        phone.start()
        return phone

    def set(self, phone, **settings):
        """Device settings of the phone's user."""
        for field, value in settings.items():
            self.lab.sql("SELECT easel.settings_set('user', :'a', :'field', :'value')", a=phone.user,
                         field=field, value=value)

    def data(self, phone, mail, *preferences, **more):
        self.lab.deliver(phone.user, mail)
        phone.sync_all(phone.inbox, options=options(*preferences, **more))
        return self.one_item(phone)[1]


class Caps(CapsTest):
    @in_versions('12.1', '16.1')
    def test_look_back(self, version):
        phone = self.capped(version, max_mail_age=3)
        for age in (2, 10):
            self.lab.deliver(phone.user, message(f'{age} days'))
            self.lab.sql("UPDATE easel.item i SET date = now() - make_interval(days => :age)"
                         " FROM easel.account a WHERE a.id = i.account_id AND a.address = :'a'"
                         " AND i.date > now() - interval '1 hour'", age=age, a=phone.user)
        for asked, wanted in ((0, ['2 days']), (5, ['2 days']), (1, [])):
            phone.keys.clear()
            phone.sync_all(phone.inbox, options=options(filter_type=asked))
            found = [d.get('Email:Subject') for d in phone.items[phone.inbox].values()]
            self.assertLessEqual(set(found), set(wanted), asked)
            if asked != 1:
                self.assertEqual(found, wanted)

    def test_sizes(self):
        mail = message('x', LONG, f'<p>{LONG}</p>')
        for preference, kind, size in ((body(TEXT), '1', 100), (body(TEXT, 50), '1', 50),
                                       (body(HTML, 9999), '2', 200)):
            found = self.data(self.capped(max_text_size=100, max_html_size=200), mail,
                              preference).find('AirSyncBase:Body')
            self.assertEqual((found.get('Type'), len(found.get('Data')), found.get('Truncated')),
                             (kind, size, '1'))
        found = self.data(self.capped(max_text_size=100, max_html_size=200), mail, body(MIME),
                          mime=2).find('AirSyncBase:Body')
        self.assertEqual((found.get('Type'), len(found.find('Data').value())), ('4', 200))

    def test_no_html(self):
        found = self.data(self.capped(allow_html='false'), message('x', 'Text', '<p>HTML</p>'),
                          body(HTML)).find('AirSyncBase:Body')
        self.assertEqual((found.get('Type'), found.get('Data').strip()), ('1', 'Text'))

    def test_attachments(self):
        for caps, status in (({'allow_attachments': 'false'}, '16'),
                             ({'max_attachment_size': 50}, '11'), ({'max_text_size': -1}, '1')):
            phone = self.capped(**caps)
            data = self.data(phone, SAMPLES['03-attachment'], body(TEXT))
            reference = data.get('AirSyncBase:Attachments/Attachment/FileReference')
            answer = phone.fetch_attachment(reference)
            self.assertEqual(answer.root.get('Response/Fetch/Status'), status)
            old = self.new_phone(phone.user, '12.1').start()
            self.assertEqual(old.post('GetAttachment', params={'AttachmentName': reference}).code,
                             200 if status == '1' else 403)

    @in_versions('2.5', '12.1', '16.1')
    def test_a_message_as_mime_brings_no_attachment_that_may_not_be(self, version):
        """Where attachments are off or capped (but what is signed or encrypted can be had no other way)."""
        for caps in ({'allow_attachments': 'false'}, {'max_attachment_size': 50}):
            phone = self.capped(version, **caps)
            self.data(phone, message('x', 'Text', attachments=[
                ('a.txt', 'application/octet-stream', b'forbidden ' * 9)]),
                *([] if version == '2.5' else [body(MIME)]), mime=2)
            answer = phone.sync_raw(phone.collection(phone.inbox, key='0'))
            phone.keys[phone.inbox] = answer.root.get('Collections/Collection/SyncKey')
            answer = phone.sync_raw(phone.collection(phone.inbox, options=options(
                *([] if version == '2.5' else [body(MIME)]), mime=2)))
            self.assertIn(b'a.txt', answer.body)
            self.assertNotIn(b'Zm9yYmlkZGVu', answer.body)  # 'forbidden' in base64

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_calendar_look_back(self, version):
        phone = self.capped(version, max_calendar_age=4)
        calendar = phone.folder(8)
        writer = self.new_phone(phone.user)
        writer.provision()
        writer.folder_sync('0')
        key = writer.sync(calendar).get('SyncKey')
        for days in (3, 30):
            day = self.lab.sql(f"SELECT to_char(now() - interval '{days} days', 'YYYYMMDD')")[0][0]
            key = writer.sync_raw(writer.collection(calendar, key=key, commands=[E(
                'Add', E('ClientId', f'e{days}'), E(
                    'ApplicationData', E('Calendar:Subject', f'{days} days'),
                    E('Calendar:StartTime', f'{day}T090000Z'),
                    E('Calendar:EndTime', f'{day}T100000Z')))])).root.get(
                        'Collections/Collection/SyncKey')
        for asked in (0, 7, 4):
            phone.keys.clear()
            phone.sync_all(calendar, options=options(filter_type=asked))
            self.assertEqual([d.get('Calendar:Subject') for d in phone.items[calendar].values()],
                             ['3 days'], asked)

    @in_versions('2.5', '12.1', '14.1', '16.1')
    def test_texts_in_whatever_way_they_are_asked_for(self, version):
        """Neither HTML nor more than 100 bytes, by Sync, Fetch or Search."""
        self.check_texts(version, '<p>', allow_html='false', max_text_size=100)

    @in_versions('2.5', '12.1', '16.1')
    def test_a_form_that_may_not_be_is_not_replaced_by_one_without_a_cap(self, version):
        self.check_texts(version, 'no word', max_text_size=100, max_html_size=100,
                         allow_attachments='false')
        self.check_texts(version, 'no word', max_text_size=100, max_html_size=100)

    def check_texts(self, version, forbidden, **caps):
        phone = self.capped(version, **caps)
        self.lab.deliver(phone.user, message('Findable', 'Lorem ' * 99, f'<p>{"Lorem " * 99}</p>'))
        old = version == '2.5'
        ways = [] if old else [body(HTML), body(HTML, 5000), body(TEXT, 5000), body(MIME)]
        for way in ways or [None]:
            phone.keys.clear()
            phone.sync_all(phone.inbox, options=options(*(way and [way] or []), mime=2))
            item, data = self.one_item(phone)
            self.assert_capped(data, forbidden)
            if old:
                continue
            self.assert_capped(phone.fetch_item(phone.inbox, item, way).root.find(
                'Response/Fetch/Properties'), forbidden)
            found = phone.command('Search', E('Search:Search', E('Store', E('Name', 'Mailbox'), E(
                'Query', E('And', E('AirSync:Class', 'Email'), E('AirSync:CollectionId', phone.inbox),
                           E('FreeText', 'Findable'))), E('Options', E('Range', '0-9'), way)))).root
            self.assert_capped(found.find('Response/Store/Result/Properties'), forbidden)

    def assert_capped(self, data, forbidden):
        text = data.get('Email:Body') or data.get('AirSyncBase:Body/Data') or \
            data.find('AirSyncBase:Body/Data').value().decode()
        self.assertTrue('Lorem' in text or text.startswith('From: '), text)
        self.assertLessEqual(len(text), 100)
        self.assertNotIn(forbidden, text)

    def test_of_policy_settings_and_phone_the_strictest_holds(self):
        for policy, setting, asked, size in ((300, 200, 100, 100), (300, 100, 200, 100),
                                             (100, 300, None, 100), (-1, 100, None, 100)):
            with self.subTest((policy, setting, asked)):
                phone = self.capped(max_text_size=policy)
                self.set(phone, text_size=setting)
                found = self.data(phone, message('x', LONG), body(TEXT, asked))
                self.assertEqual(len(found.get('AirSyncBase:Body/Data')), size)
        phone = self.phone()
        self.set(phone, attachments='false')
        data = self.data(phone, SAMPLES['03-attachment'], body(TEXT))
        reference = data.get('AirSyncBase:Attachments/Attachment/FileReference')
        self.assertEqual(phone.fetch_attachment(reference).root.get('Response/Fetch/Status'), '16')

    def test_large_messages_are_left_out(self):
        phone = self.new_phone(self.account())
        self.set(phone, message_size=4000)
        phone.start()
        for subject, text in (('small', 'x'), ('large', LONG)):
            self.lab.deliver(phone.user, message(subject, text))
        phone.sync(phone.inbox)
        self.assertEqual(phone.estimate(phone.inbox).get('Collection/Estimate'), '1')
        phone.sync_all(phone.inbox)
        self.find_item(phone, 'small')
        waiting = phone.ping([phone.inbox], 60)
        self.lab.deliver(phone.user, message('large too', LONG))
        self.lab.deliver(phone.user, message('small too'))
        self.assertEqual(waiting.answer(10).root.get('Status'), '2')
        phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 2)
        self.set(phone, message_size=0)
        phone.sync_all(phone.inbox)
        self.assertEqual(len(phone.items[phone.inbox]), 4)

    def test_texts_of_other_items(self):
        """What was cut stays as it is when the device changes something else, or the start."""
        phone, whole = self.phone(), None
        self.set(phone, text_size=10)
        folder = phone.folder(9)  # contacts
        phone.sync_all(folder)
        note = E('AirSyncBase:Body', E('Type', 1), E('Data', 'A' * 40))
        collection = phone.sync(folder, commands=[E('Add', E('ClientId', 'n'), E(
            'ApplicationData', E('Contacts:FirstName', 'Rosa'), note))])
        item = collection.get('Responses/Add/ServerId')
        whole = self.phone(phone.user)
        self.set(whole, text_size=-1)
        whole.sync_all(folder)
        self.assertEqual(whole.items[folder][item].get('AirSyncBase:Body/Data'), 'A' * 40)
        self.set(phone, text_size=10)
        phone.keys.pop(folder)
        found = phone.sync_all(folder)[item].find('AirSyncBase:Body')
        self.assertEqual((found.get('Data'), found.get('Truncated')), ('A' * 10, '1'))
        phone.sync(folder, commands=[E('Change', E('ServerId', item), E(
            'ApplicationData', E('Contacts:FirstName', 'Rosie'), E('AirSyncBase:Body', E('Type', 1),
                                                                  E('Data', 'A' * 10))))])
        self.set(whole, text_size=-1)
        data = whole.sync_all(folder)[item]
        self.assertEqual((data.get('Contacts:FirstName'), data.get('AirSyncBase:Body/Data')),
                         ('Rosie', 'A' * 40))

    def test_nothing_new_is_one_call_all_the_same(self):
        phone = self.capped(max_mail_age=3)
        self.set(phone, message_size=100000)
        wishes = {'options': options(body(TEXT), filter_type=5)}
        phone.sync_all(phone.inbox, **wishes)
        for _ in range(2):  # the first one acknowledges and may still write
            self.assertIsNone(phone.sync(phone.inbox, **wishes))
        self.wait_for_log(1, f'device={phone.device_id}', 'command=Sync', 'sql=1 ')


@not_over_imap(BY_SQL)
class Combinations(CapsTest):
    """Of what the policy, the device's settings and the phone say, the strictest holds, whichever of them it is."""

    AGES = {'today': 0, 'two days': 2, 'ten days': 10, 'forty days': 40}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.user = cls.lab.account(f'combined@{cls.domain}')
        cls.lab.sql("INSERT INTO easel.policy (level, account_id, enforced) VALUES ('user', easel.account_of(:'a'), true)",
                    a=cls.user)
        for subject, days in reversed(cls.AGES.items()):
            cls.lab.deliver(cls.user, message(subject, LONG, f'<p>{LONG}</p>', [('a.bin', 'image/png', b'x' * 2000)]))
            cls.lab.sql("UPDATE easel.item SET date = now() - make_interval(days => :days)"
                        " WHERE account_id = easel.account_of(:'a') AND date > now() - interval '1 hour'",
                        days=days, a=cls.user)

    def limited(self, policy, settings):
        """A phone under these columns of the policy and these settings; all else is as it is by default."""
        columns = {'max_mail_age': 'NULL', 'max_text_size': 'NULL', 'max_html_size': 'NULL', 'allow_html': 'NULL',
                   'allow_attachments': 'NULL', 'max_attachment_size': 'NULL', **policy}
        self.lab.sql('UPDATE easel.policy SET ' + ', '.join(f'{c} = {v}' for c, v in columns.items())
                     + " WHERE account_id = easel.account_of(:'a')", a=self.user)
        self.lab.sql("DELETE FROM easel.device_settings WHERE level = 'user' AND account_id = easel.account_of(:'a')",
                     a=self.user)
        phone = self.new_phone(self.user)
        self.set(phone, **settings)
        return phone.start()

    def test_look_back(self):
        for policy, setting, asked, oldest in (
                (5, 3, 1, 'today'), (5, 2, 4, 'two days'), (2, 5, 4, 'two days'), (4, 0, 0, 'ten days'),
                (0, 4, 0, 'ten days'), (0, 0, 4, 'ten days'), (0, 0, 0, 'forty days')):
            with self.subTest((policy, setting, asked)):
                phone = self.limited({'max_mail_age': policy}, {'mail_age': setting})
                phone.sync(phone.inbox)
                wishes = options(filter_type=asked)
                estimate = phone.estimate(phone.inbox, options=wishes).get('Collection/Estimate')
                found = [d.get('Email:Subject') for d in phone.sync_all(phone.inbox, options=wishes).values()]
                want = list(self.AGES)[:list(self.AGES).index(oldest) + 1]
                self.assertEqual((sorted(found), estimate), (sorted(want), str(len(want))))

    def test_sizes(self):
        for kind, column, setting in ((TEXT, 'max_text_size', 'text_size'), (HTML, 'max_html_size', 'html_size')):
            for policy, limit, asked, size in (
                    (300, 200, 100, 100), (300, 100, 200, 100), (100, 200, 300, 100), (-1, -1, 100, 100),
                    (-1, 100, None, 100), (100, -1, None, 100), (0, -1, 100, 0)):
                with self.subTest((column, policy, limit, asked)):
                    phone = self.limited({column: policy}, {setting: limit})
                    fetched = phone.sync_all(phone.inbox, options=options(body(kind, asked), filter_type=1))
                    (item, data), = fetched.items()
                    whole = phone.fetch_item(phone.inbox, item, body(kind, asked)).root
                    for found in (data.find('AirSyncBase:Body'), whole.find('Response/Fetch/Properties/AirSyncBase:Body')):
                        self.assertEqual((len(found.get('Data') or ''), found.get('Truncated')), (size, '1'))

    def test_attachments(self):
        for policy, settings, status in (
                ({'allow_attachments': 'true'}, {'attachments': 'false'}, '16'),
                ({'allow_attachments': 'false'}, {'attachments': 'true'}, '16'),
                ({'max_attachment_size': 3000}, {'attachment_size': 1000}, '11'),
                ({'max_attachment_size': 1000}, {'attachment_size': 3000}, '11'),
                ({'max_attachment_size': 3000}, {'attachment_size': -1}, '1'),
                ({'allow_attachments': 'false'}, {'attachment_size': 9000}, '16'), ({}, {}, '1')):
            with self.subTest((policy, settings)):
                phone = self.limited(policy, settings)
                (_, data), = phone.sync_all(phone.inbox, options=options(body(TEXT), filter_type=1)).items()
                reference = data.get('AirSyncBase:Attachments/Attachment/FileReference')
                self.assertEqual(phone.fetch_attachment(reference).root.get('Response/Fetch/Status'), status)

    def test_cut_or_left_out(self):
        """A message beyond message_size is left out, whatever would be cut of it; one below is cut."""
        for size, limit, count, cut in ((0, 100, 1, '1'), (100_000, 100, 1, '1'), (4000, 100, 0, None), (4000, -1, 0, None)):
            with self.subTest((size, limit)):
                phone = self.limited({}, {'message_size': size, 'text_size': limit})
                found = phone.sync_all(phone.inbox, options=options(body(TEXT), filter_type=1))
                self.assertEqual([d.get('AirSyncBase:Body/Truncated') for d in found.values()], [cut] * count)
