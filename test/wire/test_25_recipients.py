"""ResolveRecipients: contacts and address lists, ambiguous names, certificates, pictures, free and busy."""

import base64
import subprocess
import tempfile
import unittest

from common import WireTest, in_versions
from people import JPEG, add_to_list, address_list, put_contact, put_event
from wbxml import E

DAY = ('2026-03-10T00:00:00.000Z', '2026-03-11T00:00:00.000Z')


def certificate():
    """A certificate for S/MIME, as DER."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj', '/CN=Anna', '-days', '400',
                        '-keyout', f'{folder}/key', '-out', f'{folder}/cert', '-outform', 'DER'],
                       check=True, capture_output=True)
        with open(f'{folder}/cert', 'rb') as der:
            return der.read()


def resolve(phone, *names, **wishes):
    options = []
    for name in ('CertificateRetrieval', 'MaxCertificates', 'MaxAmbiguousRecipients'):
        if name in wishes:
            options.append(E(name, wishes[name]))
    if 'busy' in wishes:
        start, end = wishes['busy']
        options.append(E('Availability', start and E('StartTime', start) or None, end and E('EndTime', end) or None))
    if 'picture' in wishes:
        options.append(E('Picture', *[E(k, v) for k, v in wishes['picture'].items()]))
    return phone.command('ResolveRecipients', E('ResolveRecipients:ResolveRecipients',
                                                [E('To', name) for name in names],
                                                E('Options', options) if options else None))


class Recipients(WireTest):
    def setUp(self):
        self.user = self.account()
        self.anna = self.account('resolve-anna')
        self.stem = self.anna.partition('@')[0]
        self.list = address_list(self.lab)
        add_to_list(self.lab, self.list, self.anna, f'Anna {self.stem}')

    def one(self, answer):
        responses = answer.root.all('Response')
        self.assertEqual(len(responses), 1)
        return responses[0]

    @in_versions('2.5', '12.1', '14.0', '14.1', '16.1')
    def test_somebody_is_found_in_a_list(self, version):
        response = self.one(resolve(self.phone(self.user, version), f'ANNA {self.stem}'))
        self.assertEqual(response.get('Status'), '1')
        self.assertEqual(response.get('RecipientCount'), '1')
        recipient = response.find('Recipient')
        self.assertEqual([recipient.get(n) for n in ('Type', 'DisplayName', 'EmailAddress')],
                         ['2', f'Anna {self.stem}', self.anna])
        self.assertFalse(recipient.has('Certificates') or recipient.has('Availability'))

    def test_own_contacts_ambiguous_names_and_nobody(self):
        phone = self.phone(self.user)
        put_contact(self.lab, self.user, f'Zoe {self.stem}', 'zoe1@x.test', 'zoe2@x.test')
        put_contact(self.lab, self.user, f'Zoe {self.stem} Two', 'zoe3@x.test')
        put_contact(self.lab, self.user, f'Zoeller {self.stem}', 'zoe4@x.test')
        answer = resolve(phone, 'zoe2@x.test', f'zoe {self.stem}', f'zoe {self.stem[:9]}', 'nobody-at-all', '"Z" <zoe3@x.test>',
                         MaxAmbiguousRecipients=2)
        exact, named, several, nobody, written = answer.root.all('Response')
        self.assertEqual((exact.get('Status'), exact.get('Recipient/EmailAddress')), ('1', 'zoe1@x.test'))
        self.assertEqual(exact.get('Recipient/Type'), '1')
        self.assertEqual((named.get('Status'), named.get('Recipient/DisplayName')), ('1', f'Zoe {self.stem}'))
        self.assertEqual((several.get('Status'), several.get('RecipientCount')), ('3', '3'))
        self.assertEqual(len(several.all('Recipient')), 2)
        self.assertEqual(nobody.get('Status'), '4')
        self.assertFalse(nobody.has('Recipient'))
        self.assertEqual(written.get('Recipient/EmailAddress'), 'zoe3@x.test')
        self.assertEqual(self.one(resolve(phone, f'zoe {self.stem[:9]}')).get('Status'), '2')

    def test_a_stranger_finds_nobody(self):
        self.lab.sql("SELECT easel.domain_create('stranger.test') WHERE NOT EXISTS "
                     "(SELECT FROM easel.domain WHERE name = 'stranger.test')")
        stranger = self.phone(self.lab.account(f'{self.stem}@stranger.test'))
        for name in (self.anna, f'Anna {self.stem}'):
            self.assertEqual(self.one(resolve(stranger, name)).get('Status'), '4')

    def test_certificates(self):
        phone = self.phone(self.user)
        one, other = certificate(), certificate()
        holder = self.account('holder')
        add_to_list(self.lab, self.list, holder, certificates=[one, b'not a certificate', other])
        full = self.one(resolve(phone, holder, CertificateRetrieval=2)).find('Recipient/Certificates')
        self.assertEqual([full.get(n) for n in ('Status', 'CertificateCount', 'RecipientCount')], ['1', '2', '1'])
        self.assertEqual([base64.b64decode(c.text) for c in full.all('Certificate')], [one, other])
        mini = self.one(resolve(phone, holder, CertificateRetrieval=3)).find('Recipient/Certificates')
        self.assertEqual(len(mini.all('MiniCertificate')), 1)
        self.assertIn(b'Anna', base64.b64decode(mini.get('MiniCertificate')))
        none = self.one(resolve(phone, self.anna, CertificateRetrieval=2)).find('Recipient/Certificates')
        self.assertEqual((none.get('Status'), none.get('CertificateCount')), ('7', '0'))
        many = self.one(resolve(phone, holder, CertificateRetrieval=2, MaxCertificates=1)).find('Recipient/Certificates')
        self.assertEqual((many.get('Status'), many.get('CertificateCount')), ('8', '2'))
        self.assertFalse(many.has('Certificate'))
        group = self.one(resolve(phone, f'{self.list}-group@example.test', CertificateRetrieval=2))
        found = group.find('Recipient/Certificates')
        self.assertEqual([found.get(n) for n in ('Status', 'CertificateCount', 'RecipientCount')], ['1', '1', '2'])

    def test_pictures(self):
        phone = self.phone(self.user, '14.1')
        holder = self.account('photo')
        add_to_list(self.lab, self.list, holder, photo=JPEG)
        cases = [({}, holder, '1'), ({'MaxSize': 100}, holder, '174'), ({'MaxPictures': 0}, holder, '175'),
                 ({}, self.anna, '173')]
        for wish, who, status in cases:
            with self.subTest(wish=wish, who=who):
                picture = self.one(resolve(phone, who, picture=wish)).find('Recipient/Picture')
                self.assertEqual(picture.get('Status'), status)
                if status == '1':
                    self.assertEqual(base64.b64decode(picture.get('Data')), JPEG)
                else:
                    self.assertFalse(picture.has('Data'))

    def busy(self, phone, who, span=DAY):
        found = self.one(resolve(phone, who, busy=span)).find('Recipient/Availability')
        return found.get('Status'), found.get('MergedFreeBusy')

    def test_free_and_busy(self):
        phone = self.phone(self.user, '16.1')
        self.assertEqual(self.busy(phone, self.anna), ('1', '0' * 48))
        put_event(self.lab, self.anna, 'DTSTART:20260310T091000Z\r\nDTEND:20260310T100000Z\r\n')
        put_event(self.lab, self.anna, 'DTSTART:20260310T093000Z\r\nDTEND:20260310T094500Z\r\n'
                  'X-MICROSOFT-CDO-BUSYSTATUS:OOF\r\n')
        # A series that began long ago, one occurrence taken out on another day.
        put_event(self.lab, self.anna, 'DTSTART:20250106T130000Z\r\nDTEND:20250106T140000Z\r\n'
                  'RRULE:FREQ=DAILY\r\nEXDATE:20260311T130000Z\r\n', recurs=True)
        put_event(self.lab, self.anna, 'DTSTART:20260310T200000Z\r\nDTEND:20260310T210000Z\r\nTRANSP:TRANSPARENT\r\n')
        day = '0' * 18 + '23' + '0' * 6 + '22' + '0' * 20
        self.assertEqual(self.busy(phone, self.anna), ('1', day))
        self.assertEqual(self.busy(phone, self.anna, ('2026-03-11T12:30:00.000Z', '2026-03-11T14:00:01.000Z')),
                         ('1', '0000'))
        # Of a group all together.
        self.assertEqual(self.busy(phone, f'{self.list}-group@example.test'), ('1', day))

    def test_exceptions_and_whole_days(self):
        """A moved occurrence is busy where it is, a whole day where its owner lives."""
        phone = self.phone(self.user)
        self.lab.sql("UPDATE easel.account SET timezone = 'Europe/Berlin' WHERE address = :'a'", a=self.anna)
        put_event(self.lab, self.anna, 'DTSTART:20260301T080000Z\r\nDTEND:20260301T090000Z\r\nRRULE:FREQ=DAILY\r\n'
                  'RDATE:20260310T150000Z\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:u\r\nDTSTAMP:20260101T000000Z\r\n'
                  'RECURRENCE-ID:20260310T080000Z\r\nDTSTART:20260310T110000Z\r\nDTEND:20260310T113000Z\r\n'
                  'X-MICROSOFT-CDO-BUSYSTATUS:TENTATIVE\r\n', recurs=True)
        put_event(self.lab, self.anna, 'DTSTART;VALUE=DATE:20260312\r\nDTEND;VALUE=DATE:20260313\r\n')
        put_event(self.lab, self.anna, 'DTSTART:20260310T200000Z\r\nDTEND:20260310T210000Z\r\nSTATUS:CANCELLED\r\n')
        self.assertEqual(self.busy(phone, self.anna), ('1', '0' * 22 + '1' + '0' * 7 + '22' + '0' * 16))
        self.assertEqual(self.busy(phone, self.anna, ('2026-03-12T00:00:00.000Z', '2026-03-13T00:00:00.000Z')),
                         ('1', '2' * 46 + '00'))

    def test_no_more_than_a_hundred_calendars(self):
        answer = resolve(self.phone(self.user), *[self.anna] * 101, busy=DAY)
        statuses = [r.get('Recipient/Availability/Status') for r in answer.root.all('Response')]
        self.assertEqual(statuses, ['1'] * 100 + ['160'])

    def test_free_and_busy_as_rights_permit(self):
        phone = self.phone(self.user)
        put_event(self.lab, self.anna, 'DTSTART:20260310T090000Z\r\nDTEND:20260310T093000Z\r\n')
        self.lab.sql('UPDATE easel.server SET free_busy = false')
        self.addCleanup(self.lab.sql, 'UPDATE easel.server SET free_busy = true')
        self.assertEqual(self.busy(phone, self.anna), ('163', None))
        self.lab.sql("INSERT INTO easel.folder_right (owner_id, folder_id, account_id, rights) SELECT a.id, f.id, "
                     "easel.account_of(:'me'), '{look up}' FROM easel.account a JOIN easel.folder f ON f.account_id = a.id "
                     "AND f.role = 'calendar' WHERE a.address = :'anna'", me=self.user, anna=self.anna)
        self.assertEqual(self.busy(phone, self.anna)[0], '1')
        put_contact(self.lab, self.user, f'Else {self.stem}', 'else@where.test')
        self.assertEqual(self.busy(phone, 'else@where.test'), ('163', None))

    def test_a_calendar_that_can_not_be_read(self):
        """Is said of that recipient alone (162)."""
        phone = self.phone(self.user)
        put_event(self.lab, self.anna, 'DTSTART:20260310T090000Z\r\nDTEND:20260310T093000Z\r\n', recurs='broken')
        self.addCleanup(self.lab.sql, "UPDATE easel.content SET summary = '{}' WHERE summary ->> 'recurs' = 'broken'")
        answer = resolve(phone, self.anna, self.user, busy=DAY)
        self.assertEqual([r.get('Recipient/Availability/Status') for r in answer.root.all('Response')], ['162', '1'])
        self.assertEqual(answer.root.get('Response/Recipient/DisplayName'), f'Anna {self.stem}')

    def test_a_large_list_is_refused(self):
        phone = self.phone(self.user)
        self.lab.sql("INSERT INTO easel.account_group_member SELECT g.id, "
                     "easel.account_create(:'list' || '-' || n || '@example.test') "
                     "FROM easel.account_group g, generate_series(1, 21) n WHERE g.name = :'list'", list=self.list)
        self.assertEqual(self.busy(phone, f'{self.list}-group@example.test')[0], '161')

    def test_bad_requests_are_refused(self):
        phone = self.phone(self.user)
        bad = [((), {}), (('',), {}), (('a' * 257,), {}), (('anna',) * 1001, {}),
               (('anna',), {'CertificateRetrieval': 4}), (('anna',), {'CertificateRetrieval': 0}),
               (('anna',), {'MaxCertificates': 10000}), (('anna',), {'MaxAmbiguousRecipients': 'x'}),
               (('anna',), {'busy': ('', DAY[1])}), (('anna',), {'busy': ('now', DAY[1])}),
               (('anna',), {'busy': (DAY[0], '2026-03-10T00:29:59.000Z')}),
               (('anna',), {'busy': (DAY[0], '2026-06-10T00:00:00.000Z')}), (('anna',), {'picture': {'MaxSize': -1}})]
        for names, wishes in bad:
            with self.subTest(names=names[:1], wishes=wishes):
                self.assertEqual(resolve(phone, *names, **wishes).root.get('Status'), '5')

    def test_too_many_searches_are_put_off(self):
        phone = self.phone(self.user)
        self.lab.sql('UPDATE easel.server SET people_searches = 1')
        self.addCleanup(self.lab.sql, 'UPDATE easel.server SET people_searches = 120')
        statuses = {resolve(phone, 'anna').root.get('Status') for _ in range(3)}
        self.assertIn('6', statuses)


if __name__ == '__main__':
    unittest.main()
