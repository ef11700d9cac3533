"""What a policy caps, whatever the phone asks: look-back, sizes, HTML, attachments."""

from common import WireTest, in_versions, message, samples
from phone import HTML, MIME, TEXT, body, options

SAMPLES = dict(samples())
LONG = 'x' * 5000


class Caps(WireTest):
    def capped(self, version='16.1', **caps):
        """A phone of an account with these columns of its policy."""
        phone = self.new_phone(self.account(), version)
        names, values = ', '.join(caps), ', '.join(str(v) for v in caps.values())
        self.lab.sql(f"INSERT INTO easel.policy (level, account_id, enforced, {names})"
                     f" SELECT 'user', id, true, {values} FROM easel.account WHERE address = :'a'",
                     a=phone.user)
        phone.start()
        return phone

    def data(self, phone, mail, *preferences, **more):
        self.lab.deliver(phone.user, mail)
        phone.sync_all(phone.inbox, options=options(*preferences, **more))
        return self.one_item(phone)[1]

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
